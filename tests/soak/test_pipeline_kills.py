"""Twenty kills of an incremental update at random moments, and a node of a cluster that dies in the middle of a run.

Run with ``python -m pytest -m soak -s tests/soak/test_pipeline_kills.py``; each prints what it did.
"""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from helpers.pipeline import Document, Encoder, encode_parquet, local_cluster, read_vectors, same_rows, write_documents
from tests.pipeline import interrupted
from tests.pipeline.common import PlainEncoder, needs_lancedb, needs_ray

pytestmark = pytest.mark.soak
KILLS = 20
DOCUMENTS = 2_000


@needs_lancedb
def test_twenty_kills_at_random_moments_each_followed_by_a_rerun(tmp_path: Path) -> None:
    kills = interrupted.Killed(tmp_path, seed=20)
    found = [kills.kill_and_rerun(turn) for turn in range(KILLS)]
    in_the_middle = sum(middle for middle, _ in found)
    print(f"\n{KILLS} kills, {in_the_middle} between the first and the last commit; commits before the kill: {[n for _, n in found]}")
    assert in_the_middle >= KILLS // 3


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
