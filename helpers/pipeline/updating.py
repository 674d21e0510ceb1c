"""One update of a table: hashes are compared, what is new or changed is embedded, and batch by batch is committed."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from helpers import arguments
from helpers.pipeline import arrow
from helpers.pipeline.arrow import OWN_COLUMNS
from helpers.pipeline.disk import Written
from helpers.pipeline.documents import Document
from helpers.pipeline.needs import engine
from helpers.pipeline.results import Update

IDS_AT_ONCE = 500  # in one condition
DISK_FULL = ("os error 28", "os error 112", f"[Errno {errno.ENOSPC}]")  # LanceDB's on Linux and macOS, on Windows; Python's


class GivesVectors(Protocol):
    """What a run needs of an encoder."""

    def encode(self, texts: list[str]) -> np.ndarray:
        """The vectors of some texts, of shape (texts, dimension)."""


class Run:
    """One update: what the table held when it began, what came, and what is still to be committed."""

    def __init__(self, table: Any, written: Written, encoder: GivesVectors, batch: int) -> None:
        """Read the hashes that LanceDB's `table` holds; every `batch` documents are a commit, which `written` brings to the disk."""
        held = table.search().select(["id", "text_sha256", "fields_sha256"]).to_arrow().to_pydict()
        self._held = dict(zip(held["id"], zip(held["text_sha256"], held["fields_sha256"], strict=True), strict=True))
        self._table, self._written, self._encoder, self._batch = table, written, encoder, batch
        self._pending: list[Document] = []
        self._came: set[str] = set()
        self._fields = [name for name in table.schema.names if name not in OWN_COLUMNS]
        self._types = {name: table.schema.field(name).type for name in self._fields}
        self._done = {"added": 0, "changed": 0, "unchanged": 0, "deleted": 0, "embedded": 0}

    def counts(self) -> Update:
        """What was done so far, in documents."""
        return Update(**self._done)

    def take(self, document: Document) -> None:
        """Look at the next document; ValueError or TypeError where the table has no place for its fields."""
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
        merge = self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(self._arrow(rows, np.concatenate(vectors)))
        self._written.bring_to_disk()
        changed = sum(document.id in self._held for document in rows)
        self._done["changed"] += changed
        self._done["added"] += len(rows) - changed
        self._done["embedded"] += len(to_embed)
        self._pending.clear()

    def delete_what_did_not_come(self) -> None:
        """Delete the rows whose ids no document had; ValueError where no document came."""
        if not self._came:
            raise ValueError(
                "documents must hold at least one document where delete_missing is True, got none: that would empty the table."
            )
        gone = sorted(self._held.keys() - self._came)
        for start in range(0, len(gone), IDS_AT_ONCE):
            part = gone[start : start + IDS_AT_ONCE]
            self._table.delete(_among(part))
            self._written.bring_to_disk()
            self._done["deleted"] += len(part)

    def _has_vector(self, document: Document) -> bool:
        held = self._held.get(document.id)
        return held is not None and held[0] == document.text_sha256

    def _stored_vectors(self, ids: list[str]) -> np.ndarray:
        found: dict[str, np.ndarray] = {}
        for start in range(0, len(ids), IDS_AT_ONCE):
            query = self._table.search().where(_among(ids[start : start + IDS_AT_ONCE])).select(["id", "vector"])
            rows = query.to_arrow()
            found |= dict(zip(rows["id"].to_pylist(), arrow.matrix(rows["vector"]), strict=True))
        return np.stack([found[name] for name in ids])

    def _refuse_unknown_fields(self, document: Document) -> None:
        for name, value in document.fields.items():
            if name not in self._fields:
                raise ValueError(f"document {document.id!r} must have only the table's fields {self._fields}, got {name!r}.")
            if self._types[name] != arrow.field_type(type(value)):
                raise TypeError(
                    f"document {document.id!r} must have a field {name!r} of type {self._types[name]}, got {arguments.shown(value)}."
                )

    def _arrow(self, rows: list[Document], vectors: np.ndarray) -> Any:
        schema = self._table.schema
        columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in OWN_COLUMNS if name != "vector"}
        columns |= {name: [row.fields.get(name) for row in rows] for name in self._fields}
        columns["vector"] = arrow.vector_column(vectors)
        return engine("pyarrow").table({name: columns[name] for name in schema.names}, schema=schema)


class ParquetFiles:
    """Documents from files, one file after the other, with the vectors of the file that is being read."""

    def __init__(self, files: list[Path]) -> None:
        """Take the files; each is read when its turn comes."""
        self._files = files
        self._vectors: dict[str, np.ndarray] = {}

    def encode(self, texts: list[str]) -> np.ndarray:
        """The vectors that stand beside these texts."""
        return np.stack([self._vectors[text] for text in texts])

    def documents(self, run: Run) -> Iterator[Document]:
        """The rows one by one; what `run` has not committed of a file is, before the next one is read."""
        for file in self._files:
            run.commit()  # while the vectors of the file before are here
            rows = engine("pyarrow.parquet").read_table(file)
            self._vectors = dict(zip(rows["text"].to_pylist(), arrow.matrix(rows["vector"]), strict=True))
            fields = [name for name in rows.column_names if name not in OWN_COLUMNS]
            for row in rows.drop_columns(["vector"]).to_pylist():
                yield Document(row["id"], row["text"], {name: row[name] for name in fields if row[name] is not None})


@arguments.typed
@contextlib.contextmanager
def said_what_is_kept(run: Run) -> Iterator[None]:
    """Within the block, Ctrl-C and a full disk say what is kept, and stop.

    Raises:
        OSError: The disk is full.
    """
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nStopped. Kept: {run.counts()}. Run the same call again to go on.", file=sys.stderr)
        raise
    except (OSError, RuntimeError) as error:
        if not any(words in str(error) for words in DISK_FULL):
            raise
        kept = f"Kept: {run.counts()}. Make room, then run the same call again to go on"
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}. {kept}") from error


@arguments.typed
def bar(documents: object, shown: bool) -> Any:
    """A progress bar over documents, whose end is known where their number is."""
    from tqdm.auto import tqdm

    total = len(documents) if hasattr(documents, "__len__") else None
    return tqdm(total=total, desc="Updating", unit=" documents", disable=not shown)


def _among(ids: Sequence[str]) -> str:
    """A condition in SQL; a quotation mark within an id is doubled, which is all that SQL asks for."""
    return "id IN (" + ", ".join("'" + name.replace("'", "''") + "'" for name in ids) + ")"
