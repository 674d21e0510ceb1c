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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from helpers import arguments, evaluation
from helpers.pipeline import arrow
from helpers.pipeline.disk import Written
from helpers.pipeline.documents import Document, Value, each_once
from helpers.pipeline.encode import Encoder
from helpers.pipeline.manifest import FILE, Manifest
from helpers.pipeline.needs import engine

NAME = "vectors"
LOCK = "write.lock"
OWN_COLUMNS = ("id", "text", "text_sha256", "fields_sha256", "vector")
KINDS: Mapping[type, str] = {str: "string", bool: "bool_", int: "int64", float: "float64"}
INDEXES = ("IvfFlat", "IvfPq", "IvfSq", "HnswPq", "HnswSq")
IDS_AT_ONCE = 500  # in one condition
DAMAGE = (ValueError, OSError, RuntimeError)  # what LanceDB raises for files that are lost or damaged


@dataclass(frozen=True, slots=True)
class Update:
    """What `VectorTable.update` did, in documents.

    Attributes:
        added: New ids.
        changed: Ids that were there with another text or other fields.
        unchanged: Ids that were there just so; nothing was done for them.
        deleted: Ids that were there and did not come.
        embedded: How many texts the model read: those that are new or changed, not those of which only fields changed.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    embedded: int = 0

    def __str__(self) -> str:
        return (
            f"{self.added:,} added, {self.changed:,} changed, {self.unchanged:,} unchanged, {self.deleted:,} deleted; "
            f"{self.embedded:,} texts embedded"
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that a search found: the higher the score, the better."""

    id: str
    text: str
    score: float
    fields: Mapping[str, Value]

    def __str__(self) -> str:
        return f"{self.score:.3f}  {self.id}: {' '.join(self.text.split())[:80]}"


@dataclass(frozen=True, slots=True)
class Version:
    """A state of the table to which one can go back."""

    number: int
    written: datetime.datetime
    rows: int

    def __str__(self) -> str:
        return f"version {self.number}: {self.rows:,} documents"


class VectorTable:
    """Documents with their vectors, in a folder. `create` makes one, `open` finds it again."""

    def __init__(self, folder: Path, manifest: Manifest, table: Any) -> None:
        """Not to be called: see `create` and `open`."""
        self.folder = folder
        self.manifest = manifest
        self.table = table  # LanceDB's own, for what is not offered here
        self._disk = Written(folder / f"{NAME}.lance")

    @classmethod
    def create(cls, folder: str | os.PathLike[str], manifest: Manifest, fields: Mapping[str, type] | None = None) -> "VectorTable":
        """Make an empty table; where the folder holds one of the same manifest and fields, open that.

        Args:
            folder: Made where it does not exist.
            manifest: What its vectors will be: ``Encoder(…).manifest``.
            fields: What is stored beside each text, by name: ``str``, ``int``, ``float`` or ``bool``. A document may lack any of them.

        Raises:
            ValueError: The folder holds vectors of another kind, other fields, or a manifest that cannot be read. Nothing is changed.
            FileExistsError: The folder holds something else.
        """
        path, manifest = arguments.path(folder, "folder"), arguments.instance(manifest, "manifest", Manifest)
        columns = _columns(fields)
        database = _connected(path)
        path.mkdir(parents=True, exist_ok=True)
        with _locked(path, 60.0):
            if (path / FILE).exists():
                Manifest.read(path).refuse_other(manifest, str(path))
            elif foreign := [item.name for item in path.iterdir() if item.name != LOCK]:
                raise FileExistsError(f"folder must be new, empty, or one of a table, got {str(path)!r}, which holds {foreign[0]!r}.")
            else:
                manifest.write(path)
            try:
                table = database.create_table(NAME, schema=_schema(manifest, columns), exist_ok=True)
            except ValueError as error:
                shown = {name: kind.__name__ for name, kind in columns.items()}
                raise ValueError(f"fields must be those of the table in {path}, got {shown} ({_first_line(error)}).") from error
        return cls(path, Manifest.read(path), table)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "VectorTable":
        """Open the table of a folder.

        Raises:
            FileNotFoundError: There is none.
            ValueError: Its manifest or its table cannot be read, or the two do not belong together. Nothing is changed.
        """
        path = arguments.path(folder, "folder")
        if not (path / FILE).is_file():
            raise FileNotFoundError(f"{path} holds no table: make one with VectorTable.create.")
        manifest = Manifest.read(path)
        if not (path / f"{NAME}.lance").is_dir():
            raise FileNotFoundError(f"{path} has a manifest and no table yet: call VectorTable.create again, which goes on from there.")
        try:
            table = _connected(path).open_table(NAME)
            table.count_rows()
        except DAMAGE as error:
            raise _damaged(path, error) from error
        if table.schema.field("vector").type != arrow.vector_type(manifest.dimension, manifest.precision):
            raise ValueError(f"the manifest in {path} is not that of its table, whose vectors are {table.schema.field('vector').type}.")
        return cls(path, manifest, table)

    @classmethod
    def repair(cls, folder: str | os.PathLike[str], *, wait_s: float = 60.0) -> "VectorTable":
        """Go back to the newest version whose every row can be read: after a power cut in the middle of a commit, or a damaged disk.

        A kill never needs this. What cannot be read is set aside beside it, with the ending ``.damaged``; an update brings the rest back.

        Raises:
            ValueError: No version can be read: the folder must be put back from a copy, or made anew.
        """
        path = arguments.path(folder, "folder")
        Manifest.read(path)
        with _locked(path, wait_s):
            # named by a number that falls as the version rises: the newest comes first
            for newest in sorted((path / f"{NAME}.lance" / "_versions").glob("*.manifest")):
                try:
                    return _whole(cls.open(path))
                except DAMAGE:
                    newest.rename(newest.with_name(newest.name + ".damaged"))
            return _whole(cls.open(path))

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
        wait_s: float = 60.0,
        show_progress_bar: bool = True,
    ) -> Update:
        """Bring the table up to date with a collection: embed what is new or changed, leave the rest alone.

        Whatever stops it (Ctrl-C, a kill, an error in the collection), each batch that was committed stays, and the same call goes on
        from there. Memory holds one batch, and the id and two hashes of every row of the table: some 300 bytes a row.

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
        """
        wanted = each_once(documents)
        arguments.instance(encoder, "encoder", Encoder)
        batch = arguments.integer(batch, "batch", minimum=1)
        delete_missing = arguments.boolean(delete_missing, "delete_missing")
        shown = arguments.boolean(show_progress_bar, "show_progress_bar")
        self.manifest.refuse_other(encoder.manifest, str(self.folder))
        with self._writing(wait_s):
            run = _Run(self, encoder, batch)
            with _said_what_is_kept(run), _bar(documents, shown) as bar:
                for document in wanted:
                    run.take(document)
                    bar.update()
                run.commit()
                if delete_missing:
                    run.delete_what_did_not_come()
            return run.counts()

    def take_parquet(self, folder: str | os.PathLike[str], *, wait_s: float = 60.0, show_progress_bar: bool = True) -> Update:
        """Bring in what `helpers.pipeline.encode_parquet` made: the vectors are there already. Each file is one commit.

        Args:
            folder: With Parquet files of the columns ``id``, ``text``, ``vector``, and those fields of the table that they have.
            wait_s: How long to wait, in seconds, while another process writes.
            show_progress_bar: Whether to show one.

        Returns:
            What was done; ``embedded`` counts the vectors that were taken.

        Raises:
            FileNotFoundError: The run that made the folder has not ended (there is no manifest).
            ValueError: Its vectors are of another kind, or an id comes twice.
        """
        path = arguments.path(folder, "folder")
        shown = arguments.boolean(show_progress_bar, "show_progress_bar")
        self.manifest.refuse_other(Manifest.read(path), str(self.folder))
        files = sorted(path.glob("*.parquet"))
        with self._writing(wait_s):
            source = _Parquet(files)
            run = _Run(self, source, sys.maxsize)
            with _said_what_is_kept(run), _bar(None, shown) as bar:
                for document in each_once(source.documents(run)):
                    run.take(document)
                    bar.update()
                run.commit()
            return run.counts()

    def restore(self, version: int, *, wait_s: float = 60.0) -> None:
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

    def tidy(self, *, keep_days: float = 7.0, wait_s: float = 60.0) -> None:
        """Join small files, take new rows into the indexes, and give up versions older than `keep_days`: from time to time."""
        keep_days = arguments.number(keep_days, "keep_days", minimum=0)
        with self._writing(wait_s):
            self.table.optimize(cleanup_older_than=datetime.timedelta(days=keep_days))
            self._disk.bring_to_disk()

    def index_vectors(self, kind: str = "IvfFlat", *, wait_s: float = 60.0, **settings: Any) -> None:
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

    def index_texts(self, *, wait_s: float = 60.0, **settings: Any) -> None:
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
        with _locked(self.folder, wait_s):
            self.table.checkout_latest()
            yield

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
            raise ValueError(f"where must be a condition in SQL on {names}, got {where!r}: {_first_line(error)}") from error

    def _needs_index_of_texts(self) -> None:
        if not any(index.columns == ["text"] for index in self.table.list_indices()):
            raise RuntimeError("a search for words needs an index of words: call index_texts() once.")


class _GivesVectors(Protocol):
    def encode(self, texts: list[str]) -> np.ndarray: ...


class _Parquet:
    """Documents from files, one file after the other, with the vectors of the file that is being read."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files
        self._vectors: dict[str, np.ndarray] = {}

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.stack([self._vectors[text] for text in texts])

    def documents(self, run: "_Run") -> Iterator[Document]:
        for file in self._files:
            run.commit()  # the documents of the file before, while their vectors are here
            rows = engine("pyarrow.parquet").read_table(file)
            self._vectors = dict(zip(rows["text"].to_pylist(), arrow.matrix(rows["vector"]), strict=True))
            fields = [name for name in rows.column_names if name not in OWN_COLUMNS]
            for row in rows.drop_columns(["vector"]).to_pylist():
                yield Document(row["id"], row["text"], {name: row[name] for name in fields if row[name] is not None})


class _Run:
    """One update: what the table held when it began, what came, and what is still to be committed."""

    def __init__(self, table: VectorTable, encoder: _GivesVectors, batch: int) -> None:
        try:
            held = table.table.search().select(["id", "text_sha256", "fields_sha256"]).to_arrow().to_pydict()
        except DAMAGE as error:
            raise _damaged(table.folder, error) from error
        self._held = dict(zip(held["id"], zip(held["text_sha256"], held["fields_sha256"], strict=True), strict=True))
        self._table, self._encoder, self._batch = table, encoder, batch
        self._pending: list[Document] = []
        self._came: set[str] = set()
        self._fields = [name for name in table.table.schema.names if name not in OWN_COLUMNS]
        self._types = {name: table.table.schema.field(name).type for name in self._fields}
        self._done = {"added": 0, "changed": 0, "unchanged": 0, "deleted": 0, "embedded": 0}

    def counts(self) -> Update:
        return Update(**self._done)

    def take(self, document: Document) -> None:
        self._came.add(document.id)
        if self._held.get(document.id) == (document.text_sha256, document.fields_sha256):
            self._done["unchanged"] += 1
            return
        self._refuse_unknown_fields(document)
        self._pending.append(document)
        if len(self._pending) == self._batch:
            self.commit()

    def commit(self) -> None:
        """Write what is pending, in one step."""
        if not self._pending:
            return
        to_embed = [document for document in self._pending if not self._has_vector(document)]
        relabeled = [document for document in self._pending if self._has_vector(document)]
        rows = to_embed + relabeled
        vectors = [self._encoder.encode([document.text for document in to_embed])] if to_embed else []
        if relabeled:
            vectors.append(self._stored_vectors([document.id for document in relabeled]))
        merge = self._table.table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(self._arrow(rows, np.concatenate(vectors)))
        self._table._disk.bring_to_disk()
        changed = sum(document.id in self._held for document in rows)
        self._done["changed"] += changed
        self._done["added"] += len(rows) - changed
        self._done["embedded"] += len(to_embed)
        self._pending.clear()

    def delete_what_did_not_come(self) -> None:
        if not self._came:
            raise ValueError(
                "documents must hold at least one document where delete_missing is True, got none: that would empty the table."
            )
        gone = sorted(self._held.keys() - self._came)
        for start in range(0, len(gone), IDS_AT_ONCE):
            part = gone[start : start + IDS_AT_ONCE]
            self._table.table.delete(_among(part))
            self._table._disk.bring_to_disk()
            self._done["deleted"] += len(part)

    def _has_vector(self, document: Document) -> bool:
        held = self._held.get(document.id)
        return held is not None and held[0] == document.text_sha256

    def _stored_vectors(self, ids: list[str]) -> np.ndarray:
        found: dict[str, np.ndarray] = {}
        for start in range(0, len(ids), IDS_AT_ONCE):
            query = self._table.table.search().where(_among(ids[start : start + IDS_AT_ONCE])).select(["id", "vector"])
            rows = query.to_arrow()
            found |= dict(zip(rows["id"].to_pylist(), arrow.matrix(rows["vector"]), strict=True))
        return np.stack([found[name] for name in ids])

    def _refuse_unknown_fields(self, document: Document) -> None:
        for name, value in document.fields.items():
            if name not in self._fields:
                raise ValueError(f"document {document.id!r} must have only the table's fields {self._fields}, got {name!r}.")
            if self._types[name] != _arrow_type(type(value)):
                raise TypeError(
                    f"document {document.id!r} must have a field {name!r} of type {self._types[name]}, got {arguments.shown(value)}."
                )

    def _arrow(self, rows: list[Document], vectors: np.ndarray) -> Any:
        schema = self._table.table.schema
        columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in OWN_COLUMNS if name != "vector"}
        columns |= {name: [row.fields.get(name) for row in rows] for name in self._fields}
        columns["vector"] = arrow.vector_column(vectors)
        return engine("pyarrow").table({name: columns[name] for name in schema.names}, schema=schema)


def _whole(found: VectorTable) -> VectorTable:
    """The table, after a look at every row."""
    for _ in found.table.search().to_batches():
        pass
    return found


def _damaged(folder: Path, error: Exception) -> ValueError:
    why = _first_line(error)
    return ValueError(f"the table in {folder} cannot be read ({why}): VectorTable.repair goes back to its newest version that can.")


def _connected(path: Path) -> Any:
    # without an interval, an open table would not see what another process commits
    return engine("lancedb").connect(str(path), read_consistency_interval=datetime.timedelta(0))


def _columns(fields: object) -> dict[str, type]:
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


def _arrow_type(kind: type) -> Any:
    return getattr(engine("pyarrow"), KINDS[kind])()


def _schema(manifest: Manifest, columns: Mapping[str, type]) -> Any:
    pa = engine("pyarrow")
    own = [(name, pa.string()) for name in OWN_COLUMNS if name != "vector"]
    vector = ("vector", arrow.vector_type(manifest.dimension, manifest.precision))
    return pa.schema([*own, *((name, _arrow_type(kind)) for name, kind in columns.items()), vector])


@contextlib.contextmanager
def _locked(folder: Path, wait_s: float) -> Iterator[None]:
    import filelock

    lock = filelock.FileLock(folder / LOCK, timeout=arguments.number(wait_s, "wait_s", minimum=0))
    try:
        lock.acquire()
    except filelock.Timeout:
        raise RuntimeError(f"another process writes to {folder}, and has not ended within wait_s={wait_s:g} seconds.") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _said_what_is_kept(run: _Run) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nStopped. Kept: {run.counts()}. Run the same call again to go on.", file=sys.stderr)
        raise


def _bar(documents: object, shown: bool) -> Any:
    from tqdm.auto import tqdm

    total = len(documents) if hasattr(documents, "__len__") else None
    return tqdm(total=total, desc="Updating", unit=" documents", disable=not shown)


def _hit(row: dict[str, Any]) -> Hit:
    score = 1 - row["_distance"] if "_distance" in row else row["_relevance_score" if "_relevance_score" in row else "_score"]
    known = {name: value for name, value in row.items() if name not in OWN_COLUMNS and not name.startswith("_") and value is not None}
    return Hit(row["id"], row["text"], float(score), known)


def _among(ids: Sequence[str]) -> str:
    """A condition in SQL; a quotation mark within an id is doubled, which is all that SQL asks for."""
    return "id IN (" + ", ".join("'" + name.replace("'", "''") + "'" for name in ids) + ")"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
