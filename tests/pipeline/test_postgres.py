"""The table in PostgreSQL, on a server that the test starts where it finds one with pgvector."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.pipeline import Document, Settings, Update
from helpers.pipeline.postgres import PostgresTable
from tests.pipeline.common import collection, encoder, needs_psycopg

pytestmark = needs_psycopg
NO_SERVER = (
    "no PostgreSQL server with pgvector here: install both (Debian 13: apt-get install postgresql postgresql-17-pgvector), "
    "or set COURSE_POSTGRES to the address of an empty database"
)


def _programs() -> Path | None:
    """The folder of a server's programs, where it has the extension."""
    on_path = shutil.which("initdb")
    for folder in [*([Path(on_path).parent] if on_path else []), *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]:
        config = folder / "pg_config"
        if not config.is_file():
            continue
        share = subprocess.run([config, "--sharedir"], capture_output=True, text=True, check=False).stdout.strip()
        if share and (Path(share) / "extension" / "vector.control").is_file():
            return folder
    return None


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if given := os.environ.get("COURSE_POSTGRES"):
        yield given
        return
    programs = _programs()
    if programs is None:
        pytest.skip(NO_SERVER)
    # PostgreSQL refuses to run as root
    as_user: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if hasattr(os, "geteuid") and os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if as_user:
        shutil.chown(folder, "nobody", "nogroup")

    def run(program: str, *options: str) -> None:
        subprocess.run([programs / program, "-D", folder / "data", *options], check=True, cwd=folder, stdout=subprocess.DEVNULL, **as_user)

    run("initdb", "-U", "course", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync")
    # a socket in the folder and no port: nobody else can reach it
    run(
        "pg_ctl", "-w", "-t", "120", "-l", str(folder / "log"), "-o", f"-c listen_addresses='' -c unix_socket_directories={folder}", "start"
    )
    try:
        yield f"host={folder} user=course dbname=postgres"
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def made(address: str) -> Iterator[PostgresTable]:
    table = PostgresTable(address, "documents", encoder().manifest)
    yield table
    drop(table)


def drop(table: PostgresTable) -> None:
    table._rows('DROP TABLE "{table}", "{table}_manifest"')
    table.close()


def test_an_update_embeds_only_what_is_new_or_changed(made: PostgresTable) -> None:
    assert made.update(collection(60), encoder(), batch=25) == Update(added=60, embedded=60)
    assert made.update(collection(60), encoder(), batch=25) == Update(unchanged=60)
    changed = [index for index in range(20, 60) if index % 7 == 0]
    counts = made.update(collection(60, 1), encoder(), batch=25, delete_missing=True)
    assert counts == Update(added=20, changed=len(changed), unchanged=40 - len(changed), deleted=20, embedded=20 + len(changed))
    ids, hashes, vectors = made.rows()
    assert ids == [document.id for document in collection(60, 1)] and hashes == [document.text_sha256 for document in collection(60, 1)]
    assert vectors.shape == (60, 8) and len(made) == 60


def test_the_vectors_are_those_of_the_encoder(made: PostgresTable) -> None:
    documents = collection(25)
    made.update(documents, encoder(), batch=25)
    assert np.array_equal(made.rows()[2], encoder().encode([document.text for document in documents]))


def test_a_search_finds_the_nearest_with_and_without_an_index(made: PostgresTable) -> None:
    made.update(collection(60), encoder(), batch=60)
    ids, _, vectors = made.rows()
    cosines = vectors @ vectors[5] / np.linalg.norm(vectors, axis=1) / np.linalg.norm(vectors[5])
    best = np.argsort(-cosines)[:5]
    for _ in range(2):
        hits = made.search(vectors[5], 5)
        assert [hit.id for hit in hits] == [ids[place] for place in best]
        assert np.allclose([hit.score for hit in hits], cosines[best], atol=1e-5)
        made.index_vectors()
    with pytest.raises(ValueError, match="vector must have the table's 8 dimensions, got 3"):
        made.search([1.0, 2.0, 3.0])


def test_an_index_gives_as_many_as_are_asked_for(made: PostgresTable) -> None:
    made.update(collection(300), encoder(), batch=300)
    made.index_vectors()
    vectors = made.rows()[2]
    with made._connection.transaction():
        made._rows("SELECT set_config('enable_seqscan', 'off', true)")  # so few rows the server would compare without the index
        assert "documents_vectors" in str(
            made._rows('EXPLAIN SELECT id FROM "{table}" ORDER BY vector <=> %s LIMIT 5', [made._value(vectors[0])])
        )
        assert len(made.search(vectors[5], 100)) == 100
        made._rows("SELECT set_config('hnsw.ef_search', '200', true)")
        made.search(vectors[5], 3)
        assert made._rows("SELECT current_setting('hnsw.ef_search')") == [("200",)], "what the server's owner set is left as it is"


def test_one_writes_and_all_search(made: PostgresTable, address: str) -> None:
    second = PostgresTable(address, "documents", encoder().manifest)

    def meanwhile() -> Iterator[Document]:
        yield from collection(20)
        reader = PostgresTable(address, "documents", encoder().manifest)
        assert len(reader) == len(reader.search(reader.rows()[2][0], 20)) == 20, "it sees what was committed"
        reader.close()
        with pytest.raises(RuntimeError, match=r"another process writes to documents, and has not ended within wait_s=0\.1 seconds"):
            second.update(collection(30), encoder(), wait_s=0.1)
        assert len(second) == 20, "nothing was written twice, and the connection can be used"
        yield from collection(30)[20:]

    assert made.update(meanwhile(), encoder(), batch=10).added == 30
    assert second.update(collection(30), encoder()) == Update(unchanged=30)
    second.close()


def test_a_writer_that_dies_leaves_whole_batches_and_no_lock(made: PostgresTable, address: str) -> None:
    dying = PostgresTable(address, "documents", encoder().manifest)

    def until_it_dies() -> Iterator[Document]:
        yield from collection(25)
        [[process]] = dying._rows("SELECT pg_backend_pid()")
        made._rows("SELECT pg_terminate_backend(%s)", [process])
        yield from collection(60)[25:]

    with pytest.raises(psycopg_error(), match="terminating connection"):
        dying.update(until_it_dies(), encoder(), batch=10)
    assert len(made) == 20
    assert made.update(collection(60), encoder(), wait_s=30).added == 40


def psycopg_error() -> type[Exception]:
    import psycopg

    return psycopg.OperationalError


def test_a_name_that_means_something_to_the_server_is_a_name_like_others(address: str) -> None:
    for name in ("order", "User"):
        table = PostgresTable(address, name, encoder().manifest)
        assert table.update(collection(3), encoder()).added == 3
        table.index_vectors()
        assert len(table.search(table.rows()[2][0], 3)) == 3
        drop(table)


def test_strange_ids_and_texts_survive(made: PostgresTable) -> None:
    odd = ["it's", "a'; DROP TABLE documents; --", "ü \n ∑", '"', "%s", "{table}", "\\"]
    made.update([Document(name, f"text of {name}") for name in odd], encoder())
    assert made.rows()[0] == sorted(odd)
    assert made.update([Document(odd[0], "x")], encoder(), delete_missing=True).deleted == len(odd) - 1


def test_another_models_vectors_are_refused(made: PostgresTable, address: str) -> None:
    made.update(collection(5), encoder())
    for other in (encoder(seed=1), encoder(settings=Settings(prompt="query: "))):
        with pytest.raises(ValueError, match="holds vectors of another kind"):
            PostgresTable(address, "documents", other.manifest)
        with pytest.raises(ValueError, match="holds vectors of another kind"):
            made.update(collection(5), other)
    assert len(made) == 5


@pytest.mark.parametrize("content", ["", "{", "{}", '{"written_by": "helpers.pipeline", "layout": 2}'])
def test_a_damaged_or_foreign_manifest_is_refused_and_left_as_it_is(made: PostgresTable, address: str, content: str) -> None:
    made._rows('UPDATE "{table}_manifest" SET content = %s', [content])
    with pytest.raises(ValueError, match=r"documents_manifest is not a manifest that can be read \(.*\): nothing was changed"):
        PostgresTable(address, "documents", encoder().manifest)
    assert made._rows('SELECT content FROM "{table}_manifest"') == [(content,)]


def test_what_was_committed_stays_where_the_rest_fails(made: PostgresTable) -> None:
    with pytest.raises(ValueError, match=r"documents\[40\]\.id must be an id that no earlier document has"):
        made.update([*collection(40), collection(1)[0]], encoder(), batch=25)
    assert len(made) == 25
    assert made.update(collection(40), encoder(), batch=25).added == 15
    with pytest.raises(ValueError, match="documents must hold at least one document where delete_missing is True"):
        made.update([], encoder(), delete_missing=True)


def test_half_precision(address: str) -> None:
    half = encoder(settings=Settings(precision="float16"))
    table = PostgresTable(address, "halves", half.manifest)
    table.update(collection(10), half, batch=10)
    assert np.array_equal(table.rows()[2], half.encode([document.text for document in collection(10)]))
    table.index_vectors()
    assert table.search(table.rows()[2][3], 1)[0].id == "doc-00003"
    drop(table)


def test_no_server_is_one_clear_sentence() -> None:
    with pytest.raises(ConnectionError, match="no PostgreSQL server answers there: "):
        PostgresTable("postgresql://nobody@127.0.0.1:9/none", "documents", encoder().manifest)


@pytest.mark.parametrize("name", ["", "a b", "x; DROP TABLE y", "ü", 'a"', "a" * 51])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name must be a name of letters, digits and underscores"):
        PostgresTable("postgresql://nobody@127.0.0.1:9/none", name, encoder().manifest)
