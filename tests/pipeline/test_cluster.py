"""Many machines: what is written for them, how results are compared, and a run on a cluster of two nodes."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.course import build
from helpers.pipeline import (
    Document,
    Encoder,
    Manifest,
    Settings,
    Update,
    VectorTable,
    cluster,
    encode_parquet,
    local_cluster,
    read_vectors,
    same_rows,
    write_documents,
)
from helpers.pipeline.cluster import BatchEncoder
from tests.pipeline.common import FIELDS, PlainEncoder, collection, encoder, needs_lancedb, needs_ray

IDS = ["a", "b", "c"]
VECTORS = np.eye(3)


def test_the_same_rows_in_another_order_are_the_same() -> None:
    order = [2, 0, 1]
    assert same_rows(IDS, VECTORS, [IDS[place] for place in order], VECTORS[order] + 1e-7) == []


@pytest.mark.parametrize(
    ("ids", "vectors", "finding"),
    [
        (IDS[:2], VECTORS[:2], "'c' is only in the first"),
        ([*IDS, "d"], np.vstack([VECTORS, VECTORS[0]]), "'d' is only in the second"),
        ([*IDS, "a"], np.vstack([VECTORS, VECTORS[0]]), "'a' is there 2 times"),
        (IDS, VECTORS + np.diag([0, 1e-4, 0]), "'b' has another vector"),
        (IDS, VECTORS[:, :2], "'a' has another vector"),
    ],
    ids=["lost", "more", "twice", "other", "shorter"],
)
def test_what_is_lost_there_twice_or_different_is_found(ids: list[str], vectors: np.ndarray, finding: str) -> None:
    assert finding in same_rows(IDS, VECTORS, ids, vectors)


@needs_lancedb  # it brings pyarrow
def test_documents_are_written_into_files_that_hold_each_once(tmp_path: Path) -> None:
    from pyarrow import parquet

    folder = write_documents(collection(50), tmp_path / "new" / "folder", files=4)
    assert len(list(folder.glob("*.parquet"))) == 4
    rows = parquet.read_table(sorted(folder.glob("*.parquet"))).to_pylist()
    assert sorted(row["id"] for row in rows) == [document.id for document in collection(50)]
    assert {(row["id"], row["text"], row["number"], row["package"]) for row in rows} == {
        (document.id, document.text, *document.fields.values()) for document in collection(50)
    }
    with pytest.raises(FileExistsError, match="folder must be a folder that does not exist or is empty"):
        write_documents(collection(50), folder)
    with pytest.raises(ValueError, match="an id that no earlier document has"):
        write_documents([Document("a", "x"), Document("a", "y")], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_an_encoder_that_loads_another_model_than_the_others_is_refused() -> None:
    BatchEncoder(PlainEncoder, Settings(), Encoder(PlainEncoder()).manifest)
    with pytest.raises(ValueError, match="the run holds vectors of another kind"):
        BatchEncoder(lambda: PlainEncoder(seed=1), Settings(), Encoder(PlainEncoder()).manifest)


def test_what_native_code_writes_is_kept_for_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with cluster._native_messages_aside():
        os.write(2, b"a warning")
    with pytest.raises(ValueError) as raised, cluster._native_messages_aside():
        os.write(2, b"why it failed")
        raise ValueError
    os.write(2, b"afterwards")
    assert raised.value.__notes__ == ["why it failed"] and capfd.readouterr().err == "afterwards"


@needs_ray
def test_without_a_cluster_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"encode_parquet needs a Ray cluster: call it within local_cluster\(\)"):
        encode_parquet(tmp_path, tmp_path / "target", PlainEncoder, manifest=encoder().manifest)


def test_a_target_that_holds_something_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="target must be a folder that does not exist or is empty"):
        encode_parquet(tmp_path, tmp_path, PlainEncoder, manifest=encoder().manifest)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment of a lesson, for every process that a test starts: it notes each attempt to reach beyond this machine."""
    with build.lesson_environment() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield environment


@pytest.mark.slow
@needs_ray
def test_two_nodes_make_the_vectors_of_one_process(tmp_path: Path, guarded: dict[str, str]) -> None:
    documents = collection(400)
    source = write_documents(documents, tmp_path / "source")
    one_process = Encoder(PlainEncoder(), name="plain")
    with pytest.raises(FileNotFoundError):
        read_vectors(tmp_path / "target")
    with local_cluster(nodes=2) as running:
        import ray

        nodes = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        addresses: set[Any] = {node["NodeManagerAddress"] for node in ray.nodes()}
        assert len(nodes) == 2 and all(address.startswith("127.") for address in addresses), "nobody else can reach it"
        with pytest.raises(RuntimeError, match="Ray is running in this process already"), local_cluster():
            pass
        encode_parquet(source, tmp_path / "target", PlainEncoder, manifest=one_process.manifest, batch_rows=32, rows_per_file=64)
        assert len(running.worker_nodes) == 1
    assert not ray.is_initialized()
    assert build.refused_connections(guarded) == []
    ids, vectors = read_vectors(tmp_path / "target")
    assert same_rows(ids, vectors, [document.id for document in documents], one_process.encode([d.text for d in documents])) == []
    assert Manifest.read(tmp_path / "target") == one_process.manifest
    table = VectorTable.create(tmp_path / "table", one_process.manifest, FIELDS)
    assert table.take_parquet(tmp_path / "target", show_progress_bar=False).added == 400
    assert table.update(documents, one_process, show_progress_bar=False) == Update(unchanged=400)
