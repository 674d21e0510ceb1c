"""The table on disk: what is embedded, found, refused, and gone back to."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.pipeline import Document, Encoder, Settings, Update, VectorTable, disk, updating, write_documents
from tests.fake_encoder import FakeEncoder
from tests.pipeline.common import FIELDS, PlainEncoder, collection, document, encoder, needs_lancedb

pytestmark = needs_lancedb


@pytest.fixture
def filled(tmp_path: Path) -> VectorTable:
    made = VectorTable.create(tmp_path / "table", encoder().manifest, FIELDS)
    made.update(collection(60), encoder(), batch=25, show_progress_bar=False)
    return made


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a table, but for the lock."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != disk.LOCK}


def update(made: VectorTable, documents: Any, other: Encoder | None = None, **options: Any) -> Update:
    return made.update(documents, other or encoder(), **{"show_progress_bar": False, "batch": 25} | options)


def test_an_update_embeds_only_what_is_new_or_changed(filled: VectorTable) -> None:
    model = FakeEncoder()
    counts = update(filled, collection(60, edition=1), Encoder(model, name="fake"))
    new = range(60, 80)
    changed_text = [index for index in range(20, 60) if index % 7 == 0]
    changed_field = [index for index in range(20, 60) if index % 11 == 0 and index % 7]
    assert counts.added == len(new) and counts.changed == len(changed_text) + len(changed_field)
    assert counts.unchanged == 60 - counts.added - counts.changed and counts.deleted == 0
    assert counts.embedded == len(new) + len(changed_text)
    read = {text for call in model.calls for text in call["texts"]} - {"Which model is this?"}
    assert read == {document(index, 1).text for index in [*new, *changed_text]}


def test_the_same_collection_again_changes_nothing_and_reads_nothing(filled: VectorTable) -> None:
    before, model = snapshot(filled.folder), FakeEncoder()
    assert update(filled, collection(60), Encoder(model, name="fake")) == Update(unchanged=60)
    assert len(model.calls) <= 2, "only the fixed text of the manifest"
    assert snapshot(filled.folder) == before


def test_a_field_alone_changes_without_the_model_and_keeps_its_vector(filled: VectorTable) -> None:
    ids, _, vectors = filled.rows()
    other = Document(document(4).id, document(4).text, {"number": -4, "package": "new"})
    counts = update(filled, [other])
    assert counts == Update(changed=1, embedded=0)
    assert np.array_equal(filled.rows()[2], vectors) and filled.rows()[0] == ids
    [hit] = filled.search(vectors[0], where="number = -4")
    assert hit.fields == {"number": -4, "package": "new"}


def test_what_did_not_come_is_deleted_only_where_that_is_asked_for(filled: VectorTable) -> None:
    assert update(filled, collection(40)).deleted == 0 and len(filled) == 60
    assert update(filled, collection(40), delete_missing=True).deleted == 20 and len(filled) == 40


def test_no_documents_never_empty_a_table(filled: VectorTable) -> None:
    with pytest.raises(ValueError, match="documents must hold at least one document where delete_missing is True, got none"):
        update(filled, [], delete_missing=True)
    assert len(filled) == 60


def test_an_id_that_comes_twice_is_refused_and_earlier_batches_are_kept(tmp_path: Path) -> None:
    made = VectorTable.create(tmp_path / "table", encoder().manifest, FIELDS)
    with pytest.raises(ValueError, match=r"documents\[40\]\.id must be an id that no earlier document has, got str 'doc-00003'"):
        update(made, [*collection(40), document(3)])
    assert len(made) == 25


def test_strange_ids_and_texts_survive(tmp_path: Path) -> None:
    odd = ["it's", "a'; DROP TABLE x; --", "ü \n ∑", '"', "%", "\\", "é", "e\u0301"]
    made = VectorTable.create(tmp_path / "table", encoder().manifest, FIELDS)
    update(made, [Document(name, f"text of {name}") for name in odd])
    update(made, [Document(name, f"text of {name}", {"number": 1}) for name in odd])
    assert update(made, [Document(name, f"other of {name}") for name in odd[1:]], delete_missing=True) == Update(
        changed=len(odd) - 1, deleted=1, embedded=len(odd) - 1
    )
    assert made.rows()[0] == sorted(odd[1:])


def test_a_field_that_the_table_lacks_or_of_another_type_is_refused(filled: VectorTable) -> None:
    with pytest.raises(ValueError, match=r"document 'x' must have only the table's fields \['number', 'package'\], got 'year'"):
        update(filled, [Document("x", "text", {"year": 3})])
    with pytest.raises(TypeError, match="document 'x' must have a field 'number' of type int64, got str 'three'"):
        update(filled, [Document("x", "text", {"number": "three"})])


def test_half_precision_takes_half_and_finds_the_same(tmp_path: Path) -> None:
    half = encoder(settings=Settings(precision="float16"))
    made = VectorTable.create(tmp_path / "table", half.manifest)
    made.update([Document(str(index), f"text {index}") for index in range(20)], half, batch=20, show_progress_bar=False)
    ids, _, vectors = made.rows()
    assert vectors.dtype == np.float16
    assert made.search(vectors[5], 1)[0].id == ids[5]


def test_vectors_that_are_there_already_are_taken_file_by_file(tmp_path: Path) -> None:
    model = Encoder(PlainEncoder(), name="plain")
    source = encoded_parquet(tmp_path / "source", collection(60), model)
    made = VectorTable.create(tmp_path / "table", model.manifest, FIELDS)
    assert update(made, collection(10), model).added == 10
    assert made.take_parquet(source, show_progress_bar=False) == Update(added=50, unchanged=10, embedded=0)
    assert update(made, collection(60), model, delete_missing=True) == Update(unchanged=60), "ids, texts, fields: all as if embedded here"
    assert np.array_equal(made.rows()[2], model.encode([document.text for document in collection(60)]))


def test_vectors_of_another_model_or_of_a_run_that_has_not_ended_are_not_taken(tmp_path: Path) -> None:
    source = encoded_parquet(tmp_path / "source", collection(20), Encoder(PlainEncoder(), name="plain"))
    made = VectorTable.create(tmp_path / "table", Encoder(PlainEncoder(seed=1)).manifest, FIELDS)
    with pytest.raises(ValueError, match="holds vectors of another kind"):
        made.take_parquet(source)
    (source / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds no manifest\.json: nothing was made there, or the run that makes it has not ended"):
        made.take_parquet(source)
    assert len(made) == 0


def encoded_parquet(folder: Path, documents: list[Document], model: Encoder) -> Path:
    """What a cluster makes, by hand: several files, and the manifest."""
    import pyarrow as pa
    from pyarrow import parquet

    write_documents(documents, folder, files=3)
    for path in folder.glob("*.parquet"):
        rows = parquet.read_table(path)
        vectors = model.encode(rows["text"].to_pylist())
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
        parquet.write_table(rows.append_column("vector", column), path)
    model.manifest.write(folder)
    return folder


# Another model's vectors, and damaged manifests


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (lambda: encoder(seed=1), "the model 'fake' there and 'fake' here differ in its vector of a fixed text"),
        (lambda: encoder(dimensions=16), "dimension is 8 there and 16 here"),
        (lambda: encoder(settings=Settings(prompt="query: ")), "prompt is None there and 'query: ' here"),
        (lambda: encoder(settings=Settings(normalize_embeddings=False)), "normalized is True there and False here"),
        (lambda: encoder(settings=Settings(precision="float16")), "precision is 'float32' there and 'float16' here"),
    ],
)
def test_vectors_of_another_kind_are_refused_and_nothing_is_changed(filled: VectorTable, other: Any, words: str) -> None:
    before = snapshot(filled.folder)
    for attempt in (lambda: update(filled, collection(5), other()), lambda: VectorTable.create(filled.folder, other().manifest, FIELDS)):
        with pytest.raises(ValueError, match="holds vectors of another kind, and mixing two makes every search wrong") as refused:
            attempt()
        assert words in str(refused.value)
    assert snapshot(filled.folder) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"written_by": "something else"}',
        b'{"written_by": "helpers.pipeline", "layout": 2}',
        b"[" * 9999,
    ],
    ids=["empty", "cut", "bytes", "list", "nothing", "foreign", "later", "deep"],
)
def test_a_damaged_or_foreign_manifest_is_refused_and_left_as_it_is(filled: VectorTable, content: bytes) -> None:
    (filled.folder / "manifest.json").write_bytes(content)
    before = snapshot(filled.folder)
    for attempt in (lambda: VectorTable.open(filled.folder), lambda: VectorTable.create(filled.folder, encoder().manifest, FIELDS)):
        with pytest.raises(ValueError, match=r"manifest\.json is not a manifest that can be read .* nothing was changed"):
            attempt()
    assert snapshot(filled.folder) == before


def test_a_manifest_of_other_vectors_is_noticed(filled: VectorTable) -> None:
    path = filled.folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dimension": 9}))
    with pytest.raises(ValueError, match="is not that of its table"):
        VectorTable.open(filled.folder)


def test_a_folder_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"folder must be new, empty, or one of a table, got .*, which holds 'thesis\.txt'"):
        VectorTable.create(tmp_path, encoder().manifest)
    assert snapshot(tmp_path) == {"thesis.txt": b"years of work"}


def test_a_table_of_other_fields_is_refused(filled: VectorTable) -> None:
    for other in ({"year": int}, FIELDS | {"number": str}, None):
        with pytest.raises(ValueError, match=r"fields must be those of the table in .*, {'number': 'int64', 'package': 'string'}, got"):
            VectorTable.create(filled.folder, filled.manifest, other)


def test_a_table_whose_making_was_stopped_is_made_on(tmp_path: Path) -> None:
    encoder().manifest.write(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"has a manifest and no table yet: call VectorTable\.create again"):
        VectorTable.open(tmp_path)
    assert len(VectorTable.create(tmp_path, encoder().manifest)) == 0


def test_what_is_opened_again_is_what_was_written(filled: VectorTable) -> None:
    again = VectorTable.open(filled.folder)
    assert again.manifest == filled.manifest and len(again) == 60
    update(filled, collection(61))
    assert len(again) == 61, "an open table sees what another one commits"


def test_a_damaged_table_is_one_clear_error(filled: VectorTable) -> None:
    for path in (filled.folder / "vectors.lance" / "_versions").iterdir():
        path.write_bytes(b"no longer")
    before = snapshot(filled.folder)
    for attempt in (lambda: VectorTable.open(filled.folder), lambda: VectorTable.create(filled.folder, filled.manifest, FIELDS)):
        with pytest.raises(ValueError, match=r"cannot be read .*: VectorTable\.repair goes back"):
            attempt()
    with pytest.raises(ValueError, match=r"no version of the table in .* can be read: put the folder back from a copy, or make it anew"):
        VectorTable.repair(filled.folder)
    assert snapshot(filled.folder) == before


def test_a_table_that_lost_its_versions_is_not_taken_for_a_new_one(filled: VectorTable) -> None:
    for path in (filled.folder / "vectors.lance" / "_versions").iterdir():
        path.unlink()
    before = snapshot(filled.folder)
    with pytest.raises(ValueError, match="cannot be read"):
        VectorTable.create(filled.folder, filled.manifest, FIELDS)
    assert snapshot(filled.folder) == before


def test_repairing_nothing_says_that_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no table: make one with VectorTable\.create"):
        VectorTable.repair(tmp_path)


@pytest.mark.parametrize("what", ["_versions/*.manifest", "data/*.lance"])
@pytest.mark.parametrize("content", [b"", None], ids=["emptied", "cut"])
def test_a_commit_that_a_power_cut_spoiled_is_given_up_and_made_again(filled: VectorTable, what: str, content: bytes | None) -> None:
    good, lance = filled.rows(), filled.folder / "vectors.lance"
    known = set(lance.rglob("*"))
    update(filled, collection(61))
    [spoiled] = set(lance.glob(what)) - known
    spoiled.write_bytes(spoiled.read_bytes()[:20] if content is None else content)
    with pytest.raises(ValueError, match=r"cannot be read .*: VectorTable\.repair goes back to its newest version that can"):
        update(VectorTable.open(filled.folder), collection(61))
    repaired = VectorTable.repair(filled.folder)
    assert repaired.rows()[:2] == good[:2] and np.array_equal(repaired.rows()[2], good[2])
    assert update(repaired, collection(61)) == Update(added=1, unchanged=60, embedded=1)
    assert len(VectorTable.repair(filled.folder)) == 61, "what is whole stays as it is"


def test_a_making_that_was_stopped_later_is_made_on_too(tmp_path: Path) -> None:
    encoder().manifest.write(tmp_path)
    (tmp_path / "vectors.lance" / "_versions").mkdir(parents=True)
    assert len(VectorTable.create(tmp_path, encoder().manifest)) == 0


def test_a_making_that_was_stopped_in_its_first_file_is_made_on(tmp_path: Path) -> None:
    (tmp_path / "manifest.json.new").write_text('{"written')
    assert len(VectorTable.create(tmp_path, encoder().manifest)) == 0


def test_a_full_disk_says_what_is_kept_and_what_to_do(filled: VectorTable) -> None:
    """The words are LanceDB's; a disk that is really full is among the slow checks."""
    run = updating.Run(filled.table, disk.Written(filled.folder), encoder(), 25)
    with (
        pytest.raises(OSError, match=r"No space left on device\. Kept: 0 added, .* Make room, then run the same call again") as full,
        updating.said_what_is_kept(run),
    ):
        raise RuntimeError("lance error: LanceError(IO): No space left on device (os error 28), /lance-file-13.0.0/src/writer.rs:191:9")
    assert full.value.errno == errno.ENOSPC
    with pytest.raises(RuntimeError, match="of another kind"), updating.said_what_is_kept(run):
        raise RuntimeError("an error of another kind")


# Searching


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> VectorTable:
    model = Encoder(PlainEncoder(dimensions=16), name="plain")
    made = VectorTable.create(tmp_path_factory.mktemp("searched") / "table", model.manifest, FIELDS)
    made.update(collection(600), model, batch=600, show_progress_bar=False)
    return made


def test_an_exact_search_agrees_with_numpy(searched: VectorTable) -> None:
    ids, _, vectors = searched.rows()
    query = vectors[7] + vectors[9]
    cosines = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    best = np.argsort(-cosines)[:10]
    hits = searched.search(query, exact=True)
    assert [hit.id for hit in hits] == [ids[place] for place in best]
    assert np.allclose([hit.score for hit in hits], cosines[best], atol=1e-5)


def test_a_condition_comes_before_the_search(searched: VectorTable) -> None:
    vector = searched.rows()[2][0]
    hits = searched.search(vector, 5, where="package = 'p1' AND number < 100")
    assert len(hits) == 5 and all(hit.fields["package"] == "p1" and int(hit.fields["number"]) < 100 for hit in hits)
    assert len(searched.search(vector, 5, where="number < 3")) == 3


def test_a_condition_that_is_none_is_refused_by_name(searched: VectorTable) -> None:
    for wrong in ("nosuch = 3", "number <", "DELETE FROM x"):
        with pytest.raises(ValueError, match=r"where must be a condition in SQL on \['id', .*'number', 'package'\], got"):
            searched.search(searched.rows()[2][0], where=wrong)


def test_a_vector_of_another_dimension_is_refused(searched: VectorTable) -> None:
    with pytest.raises(ValueError, match="vector must have the table's 16 dimensions, got 3"):
        searched.search([1.0, 2.0, 3.0])


def test_words_need_their_index_and_then_find(filled: VectorTable) -> None:
    vector = filled.rows()[2][0]
    with pytest.raises(RuntimeError, match="a search for words needs an index of words"):
        filled.full_text("fox")
    filled.index_texts()
    assert filled.full_text("17", 3)[0].id == "doc-00017"
    assert "doc-00017" in [hit.id for hit in filled.hybrid("17", vector, 3)]
    assert filled.hybrid("17", vector, 3, where="number < 10") and all(
        int(hit.fields["number"]) < 10 for hit in filled.hybrid("17", vector, 3, where="number < 10")
    )
    update(filled, [Document("late", "zebra crossing")])
    assert [hit.id for hit in filled.full_text("zebra")] == ["late"], "new rows are found before they are in the index"


def test_the_recall_of_an_index_is_measured(searched: VectorTable) -> None:
    queries = np.random.default_rng(0).normal(size=(20, 16))
    assert searched.measured_recall(queries) == 1, "without an index, everything is compared"
    searched.index_vectors("IvfFlat", num_partitions=8)
    one, all_of_them = searched.measured_recall(queries, nprobes=1), searched.measured_recall(queries, nprobes=8)
    assert 0 < one < 0.9 and all_of_them == 1


def test_going_back_brings_the_old_rows_and_loses_nothing(filled: VectorTable) -> None:
    before, number = filled.rows(), filled.versions()[-1].number
    update(filled, collection(60, edition=1), delete_missing=True)
    after = filled.rows()
    filled.restore(number)
    assert filled.rows()[:2] == before[:2] and np.array_equal(filled.rows()[2], before[2])
    filled.restore(filled.versions()[-2].number)
    assert filled.rows()[:2] == after[:2]
    with pytest.raises(ValueError, match="version must be one of the"):
        filled.restore(9999)


def test_tidying_keeps_the_rows_and_gives_up_old_versions(filled: VectorTable) -> None:
    before = filled.rows()
    with pytest.warns(UserWarning, match="removes every version except the latest"):
        filled.tidy(keep_days=0)
    assert filled.rows()[:2] == before[:2] and len(filled.versions()) < 3
    assert update(filled, collection(60)) == Update(unchanged=60)


# One writer at a time


@pytest.fixture
def held(filled: VectorTable) -> Iterator[Any]:
    """Another process that holds the lock until it is told to end."""
    code = "import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(filled.folder / disk.LOCK)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        yield process
        process.kill()


def test_the_second_writer_waits_and_then_says_why_it_gives_up(filled: VectorTable, held: Any) -> None:
    before = snapshot(filled.folder)
    with pytest.raises(RuntimeError, match=r"another process writes to .*, and has not ended within wait_s=0\.2 seconds"):
        update(filled, collection(61), wait_s=0.2)
    assert snapshot(filled.folder) == before
    held.kill()
    assert update(filled, collection(61), wait_s=30).added == 1, "a killed process holds no lock"


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is brought to the disk, in order."""
    paths: list[Path] = []
    sync = disk._sync_file

    def noted(path: Path) -> None:
        paths.append(path)
        sync(path)

    monkeypatch.setattr(disk, "_sync_file", noted)
    return paths


def test_everything_that_is_committed_is_brought_to_the_disk(tmp_path: Path, synced: list[Path]) -> None:
    made = VectorTable.create(tmp_path / "table", encoder().manifest, FIELDS)
    lance = made.folder / "vectors.lance"
    assert {path for path in lance.rglob("*") if path.is_file()} == set(synced), "the empty table too"
    synced.clear()
    update(made, collection(60))
    assert {path for path in lance.rglob("*.lance") if path.is_file()} <= set(synced)
    assert len([path for path in synced if path.suffix == ".manifest"]) == 3, "one commit a batch"


def test_what_a_killed_process_left_is_brought_to_the_disk_by_the_next_one(filled: VectorTable, synced: list[Path]) -> None:
    """It was killed between its last commit and the wait for the disk; what is old the system has written by itself."""
    lance = filled.folder / "vectors.lance"
    old, *young = sorted(path for path in lance.rglob("*") if path.is_file())
    os.utime(old, (0, 0))
    update(VectorTable.open(filled.folder), collection(61))
    assert set(young) <= set(synced) and old not in synced


def test_the_folders_are_brought_to_the_disk_with_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[Path] = []
    monkeypatch.setattr(disk, "sync_folder", folders.append)
    lance = VectorTable.create(tmp_path / "table", encoder().manifest, FIELDS).folder / "vectors.lance"
    assert {lance.parent, lance, lance / "_versions"} <= set(folders) and tmp_path not in folders
