"""Folders of Parquet files: documents that a cluster is to encode, vectors that it made, and whether two results are the same."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers import arguments
from helpers.pipeline.arrow import field_type, field_types, matrix
from helpers.pipeline.documents import Document, each_once
from helpers.pipeline.manifest import Manifest
from helpers.pipeline.needs import engine


def write_documents(documents: Iterable[Document], folder: str | os.PathLike[str], *, files: int = 8) -> Path:
    """Write documents as Parquet files with the columns ``id``, ``text`` and one a field: what `encode_parquet` reads.

    Args:
        documents: Read once; memory holds them all, so call it for one part of a large collection at a time.
        folder: Made where it does not exist; it must be empty.
        files: Into how many files: at least as many as encoders, so that each has its share.

    Raises:
        TypeError, ValueError, FileExistsError: `documents` are none, an id comes twice, a field has values of several types or the name of
            a column, or `folder` holds something.
    """
    rows = list(each_once(documents))
    target, files = arguments.path(folder, "folder"), arguments.integer(files, "files", minimum=1)
    refuse_full(target, "folder")
    pa = engine("pyarrow")
    parquet = engine("pyarrow.parquet")
    columns: dict[str, Any] = {name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in ("id", "text")}
    fields = {name: pa.array([row.fields.get(name) for row in rows], field_type(kind)) for name, kind in _kinds(rows).items()}
    table = pa.table(columns | fields)
    each = -(-len(rows) // files)
    with _all_or_nothing(target.absolute()) as part:
        for number in range(files):
            parquet.write_table(table.slice(number * each, each), part / f"part-{number:05}.parquet")
    return target


def read_vectors(folder: str | os.PathLike[str]) -> tuple[list[str], np.ndarray]:
    """The ids and the vectors of a folder that `encode_parquet` made, sorted by id: an id that is there twice comes twice.

    Raises:
        FileNotFoundError: The run that made the folder has not ended (there is no manifest).
    """
    path = arguments.path(folder, "folder")
    Manifest.read(path)
    table = engine("pyarrow.parquet").read_table(sorted(path.glob("*.parquet")), columns=["id", "vector"]).sort_by("id")
    return table["id"].to_pylist(), matrix(table["vector"])


def same_rows(
    ids: Sequence[str], vectors: np.ndarray, other_ids: Sequence[str], other_vectors: np.ndarray, *, tolerance: float = 1e-5
) -> list[str]:
    """Compare two results row by row: what differs, one line a finding; empty where they are the same.

    Args:
        ids: The id of each row; in any order.
        vectors: Matrix of shape (rows, dimension).
        other_ids: The ids of the other result.
        other_vectors: And its vectors.
        tolerance: By how much a number may differ: other batches round differently in the last digits.
    """
    first = _by_id(ids, "ids", vectors, "vectors")
    second = _by_id(other_ids, "other_ids", other_vectors, "other_vectors")
    tolerance = arguments.number(tolerance, "tolerance", minimum=0)
    findings = [f"{name!r} is there {len(rows)} times" for found in (first, second) for name, rows in found.items() if len(rows) > 1]
    findings += [f"{name!r} is only in the first" for name in first.keys() - second.keys()]
    findings += [f"{name!r} is only in the second" for name in second.keys() - first.keys()]
    for name in first.keys() & second.keys():
        ours, theirs = first[name][0], second[name][0]
        if ours.shape != theirs.shape or not np.allclose(ours, theirs, rtol=0, atol=tolerance):
            findings.append(f"{name!r} has another vector")
    return sorted(findings)


def _by_id(ids: Sequence[str], ids_name: str, vectors: object, name: str) -> dict[str, list[np.ndarray]]:
    names = arguments.texts(ids, ids_name, empty=True)
    numbers = arguments.matrix(vectors, name, empty=True)
    arguments.same_length(names, ids_name, numbers, name)
    found: dict[str, list[np.ndarray]] = {}
    for row, vector in zip(names, numbers, strict=True):
        found.setdefault(row, []).append(vector)
    return found


@arguments.typed
def refuse_full(folder: Path, name: str) -> None:
    """FileExistsError that names the argument, where a folder holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{name} must be a folder that does not exist or is empty, got {str(folder)!r}.")


def _kinds(rows: Iterable[Document]) -> dict[str, type]:
    """The one type of each field, by name."""
    kinds: dict[str, type] = {}
    for row in rows:
        for name, value in row.fields.items():
            if kinds.setdefault(name, type(value)) is not type(value):
                kind = kinds[name].__name__
                raise TypeError(f"document {row.id!r} must have a field {name!r} of type {kind}, as before, got {arguments.shown(value)}.")
    return field_types(dict(sorted(kinds.items())))


@contextlib.contextmanager
def _all_or_nothing(target: Path) -> Iterator[Path]:
    """A folder to write into, which gets its name when all is written: half a collection would look like a small one."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    part.mkdir(parents=True)
    try:
        yield part
        if target.exists():
            target.rmdir()
        part.replace(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
