"""Many machines: what is written for them, what each does, and how results are compared. Lesson 13 runs a cluster of two nodes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.pipeline import (
    Document,
    Encoder,
    Settings,
    arrow,
    cluster,
    encode_parquet,
    same_rows,
    write_documents,
)
from helpers.pipeline.cluster import BatchEncoder
from tests.pipeline.common import PlainEncoder, collection, encoder, needs_lancedb, needs_ray

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
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]


@needs_lancedb
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([{"text": "other"}], r"fields must be names like in Python, .* and none of \('id', 'text'.*, got str 'text'"),
        ([{"vector": 1}], "fields must be names like in Python"),
        ([{"year": 1}, {"year": 2.5}], "document '1' must have a field 'year' of type int, as before, got float 2.5"),
    ],
)
def test_fields_that_a_table_could_not_take_are_not_written(tmp_path: Path, fields: list[dict[str, Any]], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        write_documents([Document(str(index), "text", each) for index, each in enumerate(fields)], tmp_path / "folder")
    assert not list(tmp_path.iterdir())


@needs_lancedb
def test_half_a_collection_is_never_taken_for_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import parquet

    write = parquet.write_table

    def full_disk(table: Any, path: Path) -> None:
        if path.name == "part-00002.parquet":
            raise OSError(28, "No space left on device")
        write(table, path)

    monkeypatch.setattr(parquet, "write_table", full_disk)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="No space left"):
        write_documents(collection(50), tmp_path / "folder", files=4)
    assert list(tmp_path.rglob("*")) == [tmp_path / "folder"]
    monkeypatch.undo()
    assert len(list(write_documents(collection(50), tmp_path / "folder", files=4).iterdir())) == 4


@needs_lancedb
def test_an_encoder_adds_the_vectors_to_the_columns_that_come(tmp_path: Path) -> None:
    import pyarrow as pa

    model = Encoder(PlainEncoder())
    batch = pa.table({"id": ["a", "b"], "text": ["one", "two"], "year": [1, None]})
    found = BatchEncoder(PlainEncoder, Settings(), model.manifest)(batch)
    assert found.column_names == ["id", "text", "year", "vector"] and found.drop_columns(["vector"]).equals(batch)
    assert np.array_equal(arrow.matrix(found["vector"]), model.encode(["one", "two"]))
    assert arrow.matrix(BatchEncoder(PlainEncoder, Settings(), model.manifest)(batch.slice(0, 0))["vector"]).shape == (0, 8)


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


ASIDE = """
import os, sys
from helpers.pipeline.cluster import _native_messages_aside
with _native_messages_aside():
    print("progress", file=sys.stderr)
    os.write(2, b"native")
print("after", file=sys.stderr)
"""


def test_native_messages_are_kept_aside_and_a_programs_own_are_not() -> None:
    done = subprocess.run([sys.executable, "-c", ASIDE], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["progress", "after"]
