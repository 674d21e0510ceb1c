"""Twenty kills of an update at random moments, a disk that is really full, and a cluster, one of whose nodes dies in the middle of a run.

Run with ``python -m pytest -m soak -s tests/soak/test_pipeline_kills.py``; each prints what it did.
"""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.course import build
from helpers.pipeline import (
    Document,
    Encoder,
    Manifest,
    Update,
    VectorTable,
    encode_parquet,
    local_cluster,
    read_vectors,
    same_rows,
    write_documents,
)
from tests.fake_encoder import REPOSITORY
from tests.pipeline import interrupted
from tests.pipeline.common import FIELDS, PlainEncoder, collection, needs_lancedb, needs_ray

pytestmark = pytest.mark.soak
KILLS = 20
DOCUMENTS = 2_000


@needs_lancedb
def test_twenty_kills_at_random_moments_each_followed_by_a_rerun(tmp_path: Path) -> None:
    kills = interrupted.Killed(tmp_path, seed=20)
    found = [kills.kill_and_rerun(turn) for turn in range(KILLS)]
    in_the_middle = sum(middle for middle, _ in found)
    print(f"\n{KILLS} kills, {in_the_middle} between the first and the last commit; commits before the kill: {[n for _, n in found]}")
    assert in_the_middle >= 3 * KILLS // 4


FULL_DISK = """
import errno, subprocess, sys
from pathlib import Path
from helpers.pipeline import VectorTable
from tests.pipeline.common import FIELDS, collection, encoder
from tests.pipeline.interrupted import contents

def update(made, documents):
    return made.update(documents, encoder(), batch=100, delete_missing=True, show_progress_bar=False)

small, large = Path(sys.argv[1]), Path(sys.argv[2])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], check=True)
made, undisturbed = (VectorTable.create(folder / "table", encoder().manifest, FIELDS) for folder in (small, large))
for documents in (collection(300), collection(5_000, 1)):
    update(undisturbed, documents)
update(made, collection(300))
try:
    update(made, collection(5_000, 1))
except OSError as error:
    print(error)
    assert error.errno == errno.ENOSPC and "Make room, then run the same call again" in str(error)
else:
    raise AssertionError("the disk was not full")
print(f"{len(made):,} rows kept")
assert 300 < len(VectorTable.open(small / "table")) < 5_000
subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
update(made, collection(5_000, 1))
assert contents(made.folder) == contents(undisturbed.folder)
"""


@needs_lancedb
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """A file system of 256 KiB, in a mount namespace of its own that ends with the process."""
    alone = ["unshare", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs Linux and the right to mount")
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir()
    command = [*alone, sys.executable, "-c", FULL_DISK, str(small), str(large)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    print("\n" + done.stdout)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment of a lesson, for every process that a test starts: it notes each attempt to reach beyond this machine."""
    with build.lesson_environment() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield environment


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


@needs_ray
def test_a_node_that_dies_in_the_middle_loses_nothing_and_writes_nothing_twice(tmp_path: Path) -> None:
    documents = [Document(f"doc-{index:05}", f"text {index}") for index in range(DOCUMENTS)]
    source = write_documents(documents, tmp_path / "source", files=16)
    one_process = Encoder(PlainEncoder(), name="plain")
    alone = one_process.encode([document.text for document in documents])
    died_after: list[int] = []

    def kill_the_second_node(cluster: Any) -> None:
        while not (files := list((tmp_path / "target").glob("*.parquet"))):
            time.sleep(0.05)
        died_after.append(len(files))
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    with local_cluster(nodes=2, cpus=2) as cluster:
        killer = threading.Thread(target=kill_the_second_node, args=(cluster,), daemon=True)
        killer.start()
        encode_parquet(source, tmp_path / "target", slow_model, manifest=one_process.manifest, encoders=2, batch_rows=50, rows_per_file=100)
        killer.join(60)
        nodes_left = 1 + len(cluster.worker_nodes)
    ids, vectors = read_vectors(tmp_path / "target")
    files = len(list((tmp_path / "target").glob("*.parquet")))
    print(f"\n{len(ids):,} rows in {files} files; the second node died when {died_after[0]} of them were written; {nodes_left} node left")
    assert nodes_left == 1 and died_after[0] < files, "the node died after the last file"
    assert same_rows(ids, vectors, [document.id for document in documents], alone) == []


def slow_model() -> PlainEncoder:
    return PlainEncoder(seconds_a_batch=0.05)
