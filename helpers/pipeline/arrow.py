"""Vectors and documents as Apache Arrow columns, which LanceDB, Parquet and Ray share."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers import arguments
from helpers.pipeline.manifest import PRECISIONS, Manifest
from helpers.pipeline.needs import engine

OWN_COLUMNS = ("id", "text", "text_sha256", "fields_sha256", "vector")  # that a table has for itself; all others are fields
KINDS: Mapping[type, str] = {str: "string", bool: "bool_", int: "int64", float: "float64"}


def vector_type(dimension: int, precision: str) -> Any:
    """The Arrow type of a column of vectors: a list of fixed length."""
    size, kind = arguments.integer(dimension, "dimension", minimum=1), arguments.choice(precision, "precision", PRECISIONS)
    pa = engine("pyarrow")
    return pa.list_(pa.float32() if kind == "float32" else pa.float16(), size)


def vector_column(vectors: np.ndarray) -> Any:
    """A matrix of shape (rows, dimension) as an Arrow column."""
    numbers = arguments.matrix(vectors, "vectors", empty=True)
    pa = engine("pyarrow")
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(numbers).reshape(-1)), numbers.shape[1])


def matrix(column: Any) -> np.ndarray:
    """A column of vectors, of `vector_type`, as a matrix of shape (rows, dimension)."""
    if not hasattr(column, "type") or not hasattr(column.type, "list_size"):
        raise arguments.wrong_type("column", column, "an Arrow column of vectors")
    dimension = column.type.list_size
    chunks = column.chunks if hasattr(column, "chunks") else [column]
    parts = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, dimension) for chunk in chunks]
    return np.concatenate(parts) if parts else np.empty((0, dimension), dtype=np.float32)


def field_types(fields: Mapping[str, type] | None) -> dict[str, type]:
    """The fields of a table, checked; none for None."""
    if fields is None:
        return {}
    found: dict[str, type] = {}
    for name, kind in arguments.instance(fields, "fields", Mapping).items():  # type: ignore[type-abstract]
        if not isinstance(name, str) or not name.isidentifier() or name in OWN_COLUMNS or name.startswith("_"):
            raise arguments.wrong_value("fields", name, f"names like in Python, without a leading underscore, and none of {OWN_COLUMNS}")
        if kind not in KINDS:
            raise arguments.wrong_value(f"fields[{name!r}]", kind, "str, int, float or bool")
        found[name] = kind
    return found


@arguments.typed
def field_type(kind: type) -> Any:
    """The Arrow type of a field of str, int, float or bool."""
    if kind not in KINDS:
        raise arguments.wrong_value("kind", kind, "str, int, float or bool")
    return getattr(engine("pyarrow"), KINDS[kind])()


@arguments.typed
def schema(manifest: Manifest, fields: Mapping[str, type]) -> Any:
    """The columns of a table: its own and one a field."""
    columns = field_types(fields)
    pa = engine("pyarrow")
    own = [(name, pa.string()) for name in OWN_COLUMNS if name != "vector"]
    vector = ("vector", vector_type(manifest.dimension, manifest.precision))
    return pa.schema([*own, *((name, field_type(kind)) for name, kind in columns.items()), vector])
