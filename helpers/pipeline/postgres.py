"""The same table in PostgreSQL with its extension pgvector: for whoever has a server already, and many writers and readers at once.

The update is that of `helpers.pipeline.table`: hashes are compared, each batch is one transaction, and one writer works at a time, by a
lock of the server's that ends with the connection. Who searches waits for nobody.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from helpers import arguments
from helpers.pipeline.documents import Document, each_once
from helpers.pipeline.encode import Encoder
from helpers.pipeline.manifest import Manifest
from helpers.pipeline.needs import engine, first_line
from helpers.pipeline.results import Hit, Update

DIMENSIONS_AT_MOST = 2_000  # that an index of pgvector takes
NAME_AT_MOST = 50  # letters; the server cuts longer ones, the ending _manifest included, at 63
COLUMNS = "id text PRIMARY KEY, content text NOT NULL, text_sha256 text NOT NULL, vector {kind}({dimension}) NOT NULL"
UPSERT = """INSERT INTO "{table}" (id, content, text_sha256, vector) VALUES (%s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET content = excluded.content, text_sha256 = excluded.text_sha256, vector = excluded.vector"""
# An index gives no more than it looks at, 40 where nobody says how many, and at most 1,000.
LOOK_AT_ENOUGH = """SELECT set_config('hnsw.ef_search',
least(1000, greatest(40, %s, current_setting('hnsw.ef_search', true)::int))::text, true)"""
OPENING_MS = 60_000
WRITING, MAKING = "helpers.pipeline writes", "helpers.pipeline makes"  # two locks: who opens a table waits for no writer


class PostgresTable:
    """Documents with their vectors in a table of a PostgreSQL server. Fields are not stored: add columns of your own."""

    def __init__(self, address: str, name: str, manifest: Manifest) -> None:
        """Connect, and make the table where it does not exist.

        Args:
            address: As psycopg takes it, for example ``"postgresql://user@localhost/database"``.
            name: The table's name: letters, digits and underscores, at most 50.
            manifest: What its vectors are; it is kept in a table ``NAME_manifest`` of one row.

        Raises:
            ModuleNotFoundError: psycopg or pgvector is not installed here.
            ConnectionError: No server answers at this address, or it lacks the extension ``vector``.
            ValueError: The table holds vectors of another kind, or its manifest cannot be read. Nothing is changed.
        """
        address = arguments.text(address, "address", empty=False)
        if not arguments.text(name, "name").isidentifier() or not name.isascii() or len(name) > NAME_AT_MOST:
            raise arguments.wrong_value("name", name, f"a name of letters, digits and underscores, at most {NAME_AT_MOST}")
        self.name, self.manifest = name, arguments.instance(manifest, "manifest", Manifest)
        if manifest.dimension > DIMENSIONS_AT_MOST:
            raise ValueError(
                f"manifest must have a dimension of at most {DIMENSIONS_AT_MOST}, which an index takes, got {manifest.dimension}."
            )
        self._connection = _connected(address)
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return int(self._rows('SELECT count(*) FROM "{table}"')[0][0])

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def update(
        self, documents: Iterable[Document], encoder: Encoder, *, batch: int = 256, delete_missing: bool = False, wait_s: float = 60.0
    ) -> Update:
        """Bring the table up to date: see `helpers.pipeline.VectorTable.update`, which does the same.

        Raises:
            ValueError: The encoder makes vectors of another kind; an id comes twice; or no document came and all should be deleted.
            RuntimeError: Another process was still writing after `wait_s` seconds.
        """
        wanted = each_once(documents)
        arguments.instance(encoder, "encoder", Encoder)
        batch = arguments.integer(batch, "batch", minimum=1)
        delete_missing = arguments.boolean(delete_missing, "delete_missing")
        wait_s = arguments.number(wait_s, "wait_s", minimum=0)
        self.manifest.refuse_other(encoder.manifest, self.name)
        with self._alone(wait_s):
            held = dict(self._rows('SELECT id, text_sha256 FROM "{table}"'))
            came: set[str] = set()
            counts = {"added": 0, "changed": 0, "unchanged": 0, "deleted": 0}
            pending: list[Document] = []
            for document in wanted:
                came.add(document.id)
                if held.get(document.id) == document.text_sha256:
                    counts["unchanged"] += 1
                    continue
                counts["changed" if document.id in held else "added"] += 1
                pending.append(document)
                if len(pending) == batch:
                    self._commit(pending, encoder)
            self._commit(pending, encoder)
            if delete_missing:
                if not came:
                    raise ValueError("documents must hold at least one document where delete_missing is True, got none.")
                gone = sorted(held.keys() - came)
                self._rows('DELETE FROM "{table}" WHERE id = ANY(%s)', [gone])
                counts["deleted"] = len(gone)
        return Update(**counts, embedded=counts["added"] + counts["changed"])

    def search(self, vector: Sequence[float] | np.ndarray, k: int = 10) -> list[Hit]:
        """The documents nearest to a vector; their score is the cosine. With an index, they are at most 1,000."""
        numbers, k = arguments.vector(vector, "vector"), arguments.integer(k, "k", minimum=1)
        if len(numbers) != self.manifest.dimension:
            raise ValueError(f"vector must have the table's {self.manifest.dimension} dimensions, got {len(numbers)}.")
        query = 'SELECT id, content, 1 - (vector <=> %s) FROM "{table}" ORDER BY vector <=> %s LIMIT %s'
        value = self._value(numbers)
        with self._connection.transaction():
            self._rows(LOOK_AT_ENOUGH, [k])
            return [Hit(name, text, float(score), {}) for name, text, score in self._rows(query, [value, value, k])]

    def index_vectors(self) -> None:
        """Make an index that links neighbors (HNSW), with which a search looks at a part of the vectors only."""
        kind = "vector" if self.manifest.precision == "float32" else "halfvec"
        self._rows(f'CREATE INDEX IF NOT EXISTS "{{table}}_vectors" ON "{{table}}" USING hnsw (vector {kind}_cosine_ops)')

    def rows(self) -> tuple[list[str], list[str], np.ndarray]:
        """All ids, sorted, with the hashes of their texts and their vectors, of shape (rows, dimension)."""
        found = self._rows('SELECT id, text_sha256, vector FROM "{table}" ORDER BY id COLLATE "C"')
        vectors = [_numbers(row[2]) for row in found]
        matrix = np.stack(vectors).astype(self.manifest.precision) if vectors else np.empty((0, self.manifest.dimension))
        return [row[0] for row in found], [row[1] for row in found], matrix

    def _make(self) -> None:
        kind = "vector" if self.manifest.precision == "float32" else "halfvec"
        columns = COLUMNS.format(kind=kind, dimension=self.manifest.dimension)
        with self._connection.transaction():
            self._rows("SELECT set_config('lock_timeout', %s, true)", [f"{OPENING_MS}ms"])
            self._rows("SELECT pg_advisory_xact_lock(hashtext(%s), hashtext(%s))", [MAKING, self.name])
            self._rows('CREATE TABLE IF NOT EXISTS "{table}_manifest" (content text NOT NULL)')
            found = self._rows('SELECT content FROM "{table}_manifest"')
            if found:
                Manifest.from_json(found[0][0].encode(), f"{self.name}_manifest").refuse_other(self.manifest, self.name)
            else:
                self._rows('INSERT INTO "{table}_manifest" VALUES (%s)', [self.manifest.to_json().decode()])
            self._rows(f'CREATE TABLE IF NOT EXISTS "{{table}}" ({columns})')

    def _commit(self, pending: list[Document], encoder: Encoder) -> None:
        """Write what is pending, in one transaction."""
        if not pending:
            return
        vectors = encoder.encode([document.text for document in pending])
        rows = [
            (document.id, document.text, document.text_sha256, self._value(vector))
            for document, vector in zip(pending, vectors, strict=True)
        ]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(UPSERT.format(table=self.name), rows)
        pending.clear()

    @contextlib.contextmanager
    def _alone(self, wait_s: float) -> Iterator[None]:
        """Be the one that writes: the server takes the lock back when the connection ends, however it ends."""
        try:
            with self._connection.transaction():
                self._rows("SELECT set_config('lock_timeout', %s, true)", [f"{max(1, round(wait_s * 1000))}ms"])
                self._rows("SELECT pg_advisory_lock(hashtext(%s), hashtext(%s))", [WRITING, self.name])
        except engine("psycopg").errors.LockNotAvailable:
            raise RuntimeError(f"another process writes to {self.name}, and has not ended within wait_s={wait_s:g} seconds.") from None
        try:
            yield
        finally:
            if not self._connection.closed:
                self._rows("SELECT pg_advisory_unlock(hashtext(%s), hashtext(%s))", [WRITING, self.name])

    def _value(self, vector: np.ndarray) -> Any:
        pgvector = engine("pgvector")
        return pgvector.Vector(vector) if self.manifest.precision == "float32" else pgvector.HalfVector(vector)

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(query.format(table=self.name), values or None)
            return list(cursor.fetchall()) if cursor.description else []


def _connected(address: str) -> Any:
    psycopg, vectors = engine("psycopg"), engine("pgvector.psycopg")
    try:
        connection = psycopg.connect(address, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise ConnectionError(f"no PostgreSQL server answers there: {first_line(error)}") from error
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        vectors.register_vector(connection)
    except psycopg.Error as error:
        connection.close()
        raise ConnectionError(f"this PostgreSQL server lacks the extension vector (pgvector): {first_line(error)}") from error
    return connection


def _numbers(value: Any) -> np.ndarray:
    return np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
