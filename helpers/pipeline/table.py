"""A table of vectors on disk that is brought up to date document by document, and survives whatever stops it.

A folder holds the table of LanceDB (``vectors.lance``), what made its vectors (``manifest.json``) and a lock for the one that writes
(``write.lock``; the system releases it when its process ends, however it ends). Each batch of documents is one commit: a reader sees all
of it or nothing, and a run that was killed goes on after its last commit, because it compares hashes with what the table holds.
"""

import contextlib
import datetime
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from helpers import arguments, evaluation
from helpers.pipeline import arrow
from helpers.pipeline.arrow import OWN_COLUMNS
from helpers.pipeline.disk import LOCK, Written, locked
from helpers.pipeline.documents import Document, each_once
from helpers.pipeline.encode import Encoder
from helpers.pipeline.manifest import FILE, UNFINISHED, Manifest
from helpers.pipeline.needs import engine, first_line
from helpers.pipeline.results import Hit, Update, Version
from helpers.pipeline.updating import GivesVectors, ParquetFiles, Run, bar, said_what_is_kept

NAME = "vectors"
LANCE = f"{NAME}.lance"
INDEXES = ("IvfFlat", "IvfPq", "IvfSq", "HnswPq", "HnswSq")
WAIT_S = 60.0
DAMAGE = (ValueError, OSError, RuntimeError)  # what LanceDB raises for files that are lost or damaged


class VectorTable:
    """Documents with their vectors, in a folder. `create` makes one, `open` finds it again."""

    def __init__(self, folder: Path, manifest: Manifest, table: Any) -> None:
        """Not to be called: see `create` and `open`."""
        self.folder = folder
        self.manifest = manifest
        self.table = table  # LanceDB's own, for what is not offered here
        self._disk = Written(folder / LANCE)

    @classmethod
    def create(cls, folder: str | os.PathLike[str], manifest: Manifest, fields: Mapping[str, type] | None = None) -> "VectorTable":
        """Make an empty table; where the folder holds one of the same manifest and fields, open that.

        Args:
            folder: Made where it does not exist.
            manifest: What its vectors will be: ``Encoder(…).manifest``.
            fields: What is stored beside each text, by name: ``str``, ``int``, ``float`` or ``bool``. A document may lack any of them.

        Raises:
            ValueError: The folder holds vectors of another kind, other fields, or what cannot be read. Nothing is changed.
            FileExistsError: The folder holds something else.
            RuntimeError: Another process was writing there, and had not ended after a minute.
        """
        path, manifest = arguments.path(folder, "folder"), arguments.instance(manifest, "manifest", Manifest)
        schema = arrow.schema(manifest, arrow.field_types(fields))
        engine("lancedb")  # before a folder is made
        path.mkdir(parents=True, exist_ok=True)
        with locked(path, WAIT_S):
            if (path / FILE).exists():
                Manifest.read(path).refuse_other(manifest, str(path))
            elif foreign := [item.name for item in path.iterdir() if item.name not in (LOCK, UNFINISHED)]:
                raise FileExistsError(f"folder must be new, empty, or one of a table, got {str(path)!r}, which holds {foreign[0]!r}.")
            else:
                manifest.write(path)
            if _was_made(path):
                made = cls.open(path)
            else:
                made = cls(path, Manifest.read(path), _connected(path).create_table(NAME, schema=schema, exist_ok=True))
                made._disk.bring_to_disk()
        if (there := _fields(made.table.schema)) != (wanted := _fields(schema)):
            raise ValueError(f"fields must be those of the table in {path}, {there}, got {wanted}.")
        return made

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "VectorTable":
        """Open the table of a folder.

        Raises:
            FileNotFoundError: There is none.
            ValueError: Its manifest or its table cannot be read, or the two do not belong together. Nothing is changed.
        """
        path = arguments.path(folder, "folder")
        _needs_manifest(path)
        manifest = Manifest.read(path)
        if not (path / LANCE).is_dir():
            raise FileNotFoundError(f"{path} has a manifest and no table yet: call VectorTable.create again, which goes on from there.")
        try:
            table = _connected(path).open_table(NAME)
            table.count_rows()
        except DAMAGE as error:
            raise _damaged(path, error) from error
        types = {field.name: field.type for field in table.schema}
        if types.get("vector") != arrow.vector_type(manifest.dimension, manifest.precision):
            raise ValueError(f"the manifest in {path} is not that of its table, whose vectors are {types.get('vector')}.")
        return cls(path, manifest, table)

    @classmethod
    def repair(cls, folder: str | os.PathLike[str], *, wait_s: float = WAIT_S) -> "VectorTable":
        """Go back to the newest version whose every row can be read: after a power cut in the middle of a commit, or a damaged disk.

        A kill never needs this. What cannot be read is set aside beside it, with the ending ``.damaged``; an update brings the rest back.

        Raises:
            FileNotFoundError: There is no table.
            RuntimeError: Another process was still writing after `wait_s` seconds.
            ValueError: No version can be read: the folder must be put back from a copy, or made anew. Nothing is changed.
        """
        path = arguments.path(folder, "folder")
        _needs_manifest(path)
        aside = []
        with locked(path, wait_s):
            for newest in _versions(path):
                try:
                    return _whole(cls.open(path))
                except DAMAGE:
                    aside.append(newest.rename(newest.with_name(newest.name + ".damaged")))
            for spoiled in aside:  # the fault may lie elsewhere: in a newer format, or in a disk that comes back
                spoiled.rename(spoiled.with_suffix(""))
        raise ValueError(f"no version of the table in {path} can be read: put the folder back from a copy, or make it anew.")

    def __len__(self) -> int:
        return int(self.table.count_rows())

    def __repr__(self) -> str:
        return f"VectorTable({str(self.folder)!r}: {len(self):,} documents; {self.manifest})"

    # Writing

    def update(
        self,
        documents: Iterable[Document],
        encoder: Encoder,
        *,
        batch: int = 256,
        delete_missing: bool = False,
        wait_s: float = WAIT_S,
        show_progress_bar: bool = True,
    ) -> Update:
        """Bring the table up to date with a collection: embed what is new or changed, leave the rest alone.

        Whatever stops it (Ctrl-C, a kill, an error in the collection), each batch that was committed stays, and the same call goes on
        from there. Memory holds one batch, and the ids and hashes of the table and of what came: some 600 bytes a row.

        Args:
            documents: The collection, read once, from its beginning.
            encoder: With the model and settings of the table's manifest.
            batch: Documents in one commit.
            delete_missing: Whether documents that are in the table and do not come are deleted, at the end.
            wait_s: How long to wait, in seconds, while another process writes.
            show_progress_bar: Whether to show one.

        Raises:
            ValueError: The encoder makes vectors of another kind; an id comes twice; a field is not one of the table's; or no document
                came and all should be deleted.
            RuntimeError: Another process was still writing after `wait_s`.
            OSError: The disk is full.
        """
        wanted = each_once(documents)
        arguments.instance(encoder, "encoder", Encoder)
        batch = arguments.integer(batch, "batch", minimum=1)
        delete_missing = arguments.boolean(delete_missing, "delete_missing")
        shown = arguments.boolean(show_progress_bar, "show_progress_bar")
        self.manifest.refuse_other(encoder.manifest, str(self.folder))
        with self._writing(wait_s):
            run = self._run(encoder, batch)
            with said_what_is_kept(run), bar(documents, shown) as progress:
                for document in wanted:
                    run.take(document)
                    progress.update()
                run.commit()
                if delete_missing:
                    run.delete_what_did_not_come()
            return run.counts()

    def take_parquet(self, folder: str | os.PathLike[str], *, wait_s: float = WAIT_S, show_progress_bar: bool = True) -> Update:
        """Bring in what `helpers.pipeline.encode_parquet` made: the vectors are there already. Each file is one commit.

        Args:
            folder: With Parquet files of the columns ``id``, ``text``, ``vector``, and those fields of the table that they have.
            wait_s: How long to wait, in seconds, while another process writes.
            show_progress_bar: Whether to show one.

        Returns:
            What was done; ``embedded`` is 0, because the model read nothing.

        Raises:
            FileNotFoundError: The run that made the folder has not ended (there is no manifest).
            ValueError: Its vectors are of another kind, or an id comes twice.
        """
        path = arguments.path(folder, "folder")
        shown = arguments.boolean(show_progress_bar, "show_progress_bar")
        self.manifest.refuse_other(Manifest.read(path), str(self.folder))
        source = ParquetFiles(sorted(path.glob("*.parquet")))
        with self._writing(wait_s):
            run = self._run(source, sys.maxsize)
            with said_what_is_kept(run), bar(None, shown) as progress:
                for document in each_once(source.documents(run)):
                    run.take(document)
                    progress.update()
                run.commit()
            return replace(run.counts(), embedded=0)

    def restore(self, version: int, *, wait_s: float = WAIT_S) -> None:
        """Go back to a version of `versions`, as a new version: nothing is lost by going back.

        Raises:
            ValueError: There is no such version.
        """
        number = arguments.integer(version, "version", minimum=1)
        known = {each.number for each in self.versions()}
        if number not in known:
            raise arguments.wrong_value("version", number, f"one of the {len(known)} versions, from {min(known)} to {max(known)}")
        with self._writing(wait_s):
            self.table.restore(number)
            self._disk.bring_to_disk()

    def tidy(self, *, keep_days: float = 7.0, wait_s: float = WAIT_S) -> None:
        """Join small files, take new rows into the indexes, and give up versions older than `keep_days`: from time to time."""
        keep_days = arguments.number(keep_days, "keep_days", minimum=0)
        with self._writing(wait_s):
            self.table.optimize(cleanup_older_than=datetime.timedelta(days=keep_days))
            self._disk.bring_to_disk()

    def index_vectors(self, kind: str = "IvfFlat", *, wait_s: float = WAIT_S, **settings: Any) -> None:
        """Make an index, with which a search looks at a part of the vectors only: `measured_recall` says what that costs.

        Args:
            kind: ``IvfFlat`` keeps the vectors as they are, ``IvfSq`` and ``IvfPq`` compress them, ``HnswSq`` and ``HnswPq`` link
                those that are near each other.
            wait_s: How long to wait, in seconds, while another process writes.
            **settings: Those of the class of this name in ``lancedb.index``, for example ``num_partitions=64``.
        """
        kind = arguments.choice(kind, "kind", INDEXES)
        config = getattr(engine("lancedb.index"), kind)(distance_type="cosine", **settings)
        with self._writing(wait_s):
            self.table.create_index("vector", config=config, replace=True)
            self._disk.bring_to_disk()

    def index_texts(self, *, wait_s: float = WAIT_S, **settings: Any) -> None:
        """Make the index of words that `full_text` and `hybrid` need; `settings` are those of ``lancedb.index.FTS``."""
        config = engine("lancedb.index").FTS(**settings)
        with self._writing(wait_s):
            self.table.create_index("text", config=config, replace=True)
            self._disk.bring_to_disk()

    # Reading

    def search(
        self,
        vector: Sequence[float] | np.ndarray,
        k: int = 10,
        *,
        where: str | None = None,
        exact: bool = False,
        nprobes: int | None = None,
        refine: int | None = None,
    ) -> list[Hit]:
        """The documents nearest to a vector; their score is the cosine.

        Args:
            vector: Of the table's dimension.
            k: How many.
            where: A condition in SQL on ids, texts or fields, for example ``"year >= 2020 AND package = 'numpy'"``. It is applied first:
                `k` documents come that fulfill it, where there are so many. Never put a stranger's words into it unquoted.
            exact: Whether to compare with every vector, index or not.
            nprobes: How many parts of an index to look at; None for LanceDB's choice.
            refine: Compare ``refine * k`` candidates of a compressing index by their uncompressed vectors.
        """
        query = self.table.search(self._vector(vector), vector_column_name="vector").distance_type("cosine")
        if arguments.boolean(exact, "exact"):
            query = query.bypass_vector_index()
        if nprobes is not None:
            query = query.nprobes(arguments.integer(nprobes, "nprobes", minimum=1))
        if refine is not None:
            query = query.refine_factor(arguments.integer(refine, "refine", minimum=1))
        return self._hits(query, k, where)

    def full_text(self, words: str, k: int = 10, *, where: str | None = None) -> list[Hit]:
        """The documents that hold some of the words, best first by BM25, which is their score. It needs `index_texts`."""
        self._needs_index_of_texts()
        words = arguments.text(words, "words", empty=False)
        return self._hits(self.table.search(words, query_type="fts", fts_columns="text"), k, where)

    def hybrid(self, words: str, vector: Sequence[float] | np.ndarray, k: int = 10, *, where: str | None = None) -> list[Hit]:
        """Both searches, fused by reciprocal ranks, whose sum is the score. It needs `index_texts`."""
        self._needs_index_of_texts()
        words = arguments.text(words, "words", empty=False)
        query = (
            self.table.search(query_type="hybrid", vector_column_name="vector", fts_columns="text").vector(self._vector(vector)).text(words)
        )
        return self._hits(query.distance_type("cosine").rerank(engine("lancedb.rerankers").RRFReranker()), k, where)

    def measured_recall(self, vectors: np.ndarray, k: int = 10, *, nprobes: int | None = None, refine: int | None = None) -> float:
        """The share of the exact `k` nearest that the index finds, the mean over query vectors: a matrix of shape (queries, dimension)."""
        shares = []
        for vector in arguments.matrix(vectors, "vectors"):
            found = [hit.id for hit in self.search(vector, k, nprobes=nprobes, refine=refine)]
            shares.append(evaluation.recall_at_k(found, [hit.id for hit in self.search(vector, k, exact=True)], k))
        return float(np.mean(shares))

    def rows(self) -> tuple[list[str], list[str], np.ndarray]:
        """All ids, sorted, with the hashes of their texts and their vectors, of shape (rows, dimension): to compare two tables."""
        found = self.table.search().select(["id", "text_sha256", "vector"]).to_arrow().sort_by("id")
        return found["id"].to_pylist(), found["text_sha256"].to_pylist(), arrow.matrix(found["vector"])

    def versions(self) -> list[Version]:
        """The versions that there are, oldest first: one a commit."""
        return [
            Version(int(found["version"]), found["timestamp"], int(found["metadata"].get("total_rows", 0)))
            for found in sorted(self.table.list_versions(), key=lambda found: found["version"])
        ]

    # What these share

    @contextlib.contextmanager
    def _writing(self, wait_s: float) -> Iterator[None]:
        with locked(self.folder, wait_s):
            self.table.checkout_latest()
            yield

    def _run(self, encoder: GivesVectors, batch: int) -> Run:
        try:
            return Run(self.table, self._disk, encoder, batch)
        except DAMAGE as error:
            raise _damaged(self.folder, error) from error

    def _vector(self, vector: object) -> np.ndarray:
        numbers = arguments.vector(vector, "vector").astype(self.manifest.precision)
        if len(numbers) != self.manifest.dimension:
            raise ValueError(f"vector must have the table's {self.manifest.dimension} dimensions, got {len(numbers)}.")
        return numbers

    def _hits(self, query: Any, k: int, where: str | None) -> list[Hit]:
        query = query.limit(arguments.integer(k, "k", minimum=1))
        if where is not None:
            query = query.where(arguments.text(where, "where", empty=False))
        try:
            return [_hit(row) for row in query.to_list()]
        except (ValueError, RuntimeError) as error:
            if where is None:
                raise
            names = [name for name in self.table.schema.names if name != "vector"]
            raise ValueError(f"where must be a condition in SQL on {names}, got {where!r}: {first_line(error)}") from error

    def _needs_index_of_texts(self) -> None:
        if not any(index.columns == ["text"] for index in self.table.list_indices()):
            raise RuntimeError("a search for words needs an index of words: call index_texts() once.")


def _needs_manifest(path: Path) -> None:
    if not (path / FILE).is_file():
        raise FileNotFoundError(f"{path} holds no table: make one with VectorTable.create.")


def _versions(path: Path) -> list[Path]:
    """A file a version, the newest first: they are named by a number that falls as the version rises."""
    return sorted((path / LANCE / "_versions").glob("*.manifest"))


def _was_made(path: Path) -> bool:
    """Whether there is a table, or what is left of one: a making that was stopped before its first version leaves no rows."""
    return bool(_versions(path)) or any((path / LANCE / "data").glob("*"))


def _fields(schema: Any) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema if field.name not in OWN_COLUMNS}


def _whole(found: VectorTable) -> VectorTable:
    """The table, after a look at every row."""
    for _ in found.table.search().to_batches():
        pass
    return found


def _damaged(folder: Path, error: Exception) -> ValueError:
    why = first_line(error)
    return ValueError(f"the table in {folder} cannot be read ({why}): VectorTable.repair goes back to its newest version that can.")


def _connected(path: Path) -> Any:
    # without an interval, an open table would not see what another process commits
    return engine("lancedb").connect(str(path), read_consistency_interval=datetime.timedelta(0))


def _hit(row: dict[str, Any]) -> Hit:
    score = 1 - row["_distance"] if "_distance" in row else row["_relevance_score" if "_relevance_score" in row else "_score"]
    known = {name: value for name, value in row.items() if name not in OWN_COLUMNS and not name.startswith("_") and value is not None}
    return Hit(row["id"], row["text"], float(score), known)
