"""A file of vectors, made chunk by chunk: whatever stops a run, the next has the same bytes, and what is not its own it leaves alone."""

import copy
import errno
import json
import logging
import os
import random
import re
import shutil
import tempfile
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers import hub
from helpers.encoding import encode_large_corpus, store
from helpers.encoding.identity import ModelIdentity
from tests.fake_encoder import FakeEncoder, Runs, expected_bytes, made_texts
from tests.test_arguments import ANYTHING

KILLS = 20
posix = pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL")


class StoppedError(Exception):
    """What stops a run in these tests, where a kill would take a process of its own."""


def stopping(texts: list[str], after: int) -> Iterator[str]:
    yield from texts[:after]
    raise StoppedError


def encode(texts: Iterable[str], path: Path, model: Any = None, **options: Any) -> np.memmap[Any, Any]:
    """A run with small chunks and a fake encoder, unless other ones are given."""
    return encode_large_corpus(model or FakeEncoder(), texts, path, **{"chunk_size": 10, "show_progress_bar": False, **options})


def interrupt(path: Path, texts: list[str], after: int = 25, model: Any = None, **options: Any) -> None:
    """Leave what a run leaves that was stopped after so many texts."""
    with pytest.raises(StoppedError):
        encode(stopping(texts, after), path, model, **options)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file goes: a folder with nothing else in it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "vectors.npy"


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    server = Runs()
    yield server
    server.close()


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    hub.activate()
    from sentence_transformers import SentenceTransformer

    yield SentenceTransformer("all-MiniLM-L6-v2", device="cpu")


# The file


@pytest.mark.parametrize("count", [1, 9, 10, 11, 35])
def test_the_file_is_what_encode_and_save_would_make(path: Path, tmp_path: Path, count: int) -> None:
    texts = made_texts(count)
    vectors = encode(texts, path, batch_size=4)
    assert path.read_bytes() == expected_bytes(FakeEncoder(), texts, 10, tmp_path, batch_size=4)
    assert isinstance(vectors, np.memmap) and vectors.shape == (count, 8) and vectors.dtype == np.float32
    assert not vectors.flags.writeable
    assert names(path.parent) == {"vectors.npy"}


@pytest.mark.parametrize(
    "form", [list, tuple, iter, lambda texts: (text for text in texts), np.array, lambda texts: dict.fromkeys(texts).keys() and texts]
)
def test_any_iterable_gives_the_same_file(path: Path, tmp_path: Path, form: Callable[[list[str]], Iterable[str]]) -> None:
    encode(form(made_texts(35)), path)
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(35), 10, tmp_path, batch_size=32)


@pytest.mark.parametrize("texts", [[], iter([])])
def test_no_texts_give_a_file_of_no_vectors(path: Path, texts: Iterable[str]) -> None:
    vectors = encode(texts, path, FakeEncoder(dimensions=5))
    assert vectors.shape == (0, 5) and vectors.dtype == np.float32
    assert names(path.parent) == {"vectors.npy"}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_type_of_the_vectors_is_kept(path: Path, dtype: str) -> None:
    texts = made_texts(35)
    interrupt(path, texts, model=FakeEncoder(dtype=dtype))
    assert encode(texts, path, FakeEncoder(dtype=dtype)).dtype == dtype


def test_what_is_set_is_passed_to_encode_and_nothing_else(path: Path) -> None:
    plain, full = FakeEncoder(), FakeEncoder()
    encode(["a"], path, plain)
    always = {"batch_size": 32, "show_progress_bar": False, "convert_to_numpy": True}
    assert plain.calls[-1] == {"texts": ["a"], **always}
    path.unlink()
    encode(["a"], path, full, batch_size=5, prompt="", normalize_embeddings=True, truncate_dim=4)
    assert full.calls[-1] == {"texts": ["a"], **always, "batch_size": 5, "prompt": "", "normalize_embeddings": True, "truncate_dim": 4}
    path.unlink()
    encode(["a"], path, full, prompt_name="document")
    assert full.calls[-1] == {"texts": ["a"], **always, "prompt_name": "document"}


@given(
    texts=st.lists(st.text(max_size=4), max_size=14),
    chunk_size=st.integers(1, 6),
    batch_size=st.integers(1, 4),
    stops=st.lists(st.integers(0, 14), max_size=3),
)
@example(texts=["\ud800", "\0", ""], chunk_size=1, batch_size=1, stops=[2])
def test_a_run_stopped_anywhere_gives_the_bytes_of_one_that_was_not(
    texts: list[str], chunk_size: int, batch_size: int, stops: list[int]
) -> None:
    settings = {"chunk_size": chunk_size, "batch_size": batch_size}
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # nobody pulls the plug here
        straight, resumed = Path(name) / "straight.npy", Path(name) / "resumed.npy"
        encode(texts, straight, **settings)
        for stop in stops:
            interrupt(resumed, texts, after=stop, **settings)
        encoder = FakeEncoder()
        encode(iter(texts), resumed, encoder, **settings)
        assert resumed.read_bytes() == straight.read_bytes()
        again = [call["texts"] for call in encoder.calls[1:] if call["texts"] != [""]]  # the first call asks which model it is
        assert sum(map(len, again)) <= len(texts) - max(stops, default=0) // chunk_size * chunk_size or len(texts) < max(stops)


def test_a_text_is_read_only_when_its_chunk_is_due_and_kept_only_so_long(path: Path) -> None:
    encoder = FakeEncoder()

    def texts() -> Iterator[str]:
        for index, text in enumerate(made_texts(50)):
            assert sum(len(call["texts"]) for call in encoder.calls[1:]) == index // 10 * 10
            yield text

    encode(texts(), path, encoder)


def test_memory_does_not_grow_with_the_corpus(path: Path) -> None:
    class Forgetful(FakeEncoder):
        def encode(self, texts: list[str], batch_size: int = 32, **options: Any) -> np.ndarray:
            return np.full((len(texts), 256), len(texts[0]), dtype=np.float32)

    def peak(count: int) -> int:
        tracemalloc.start()
        encode((f"text {index}" for index in range(count)), path.with_name(f"{count}.npy"), Forgetful(), chunk_size=500)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        path.with_name(f"{count}.npy").unlink()
        return highest

    peak(1_000)  # what is imported on the way
    small, large = peak(1_000), peak(20_000)
    assert large < small + 200_000, f"{large - small} bytes more"  # the vectors alone are 20 MB


# Stopped


@posix
def test_killed_at_random_moments_and_resumed(path: Path, tmp_path: Path, runs: Runs) -> None:
    kill_and_resume(KILLS, path, tmp_path, runs)


def kill_and_resume(kills: int, path: Path, scratch: Path, runs: Runs) -> None:
    """Kill so many runs, each in another part of its time, and compare what the next run makes of each."""
    job = {"count": 300, "chunk_size": 15, "seconds_a_batch": 0.002}
    straight = expected_bytes(FakeEncoder(), made_texts(300), 15, scratch, batch_size=32)
    took = min(runs.run(path.with_name(f"straight{index}.npy"), **job)[1] for index in range(2))
    moments = random.Random(kills)
    killed, finished_rows = 0, set()
    for attempt in range(4 * kills):  # some kills come too late, more of them on a machine that just became faster
        status, _ = runs.run(path, kill_after=took * (attempt % kills + moments.random()) / kills, **job)
        if status == -9:
            killed += 1
            finished_rows.add(rows_of(path))
        assert status == -9 or path.exists()
        if not path.exists() or store.Files(path).checkpoint.exists():
            assert runs.run(path, **job)[0] == 0
        assert path.read_bytes() == straight
        assert {name for name in names(path.parent) if not name.startswith("straight")} - LEFT_LAST == {path.name}
        for place in path.parent.glob("vectors*"):
            place.unlink()
        if killed == kills:
            break
    assert killed == kills, f"only {killed} kills came before the end"
    assert len(finished_rows) >= 8, f"the kills came at only {sorted(finished_rows)} vectors"


# A kill can come after the last step but one: the file is complete, its lock is left.
LEFT_LAST = {"vectors.npy.lock"}


def rows_of(path: Path) -> int:
    checkpoint = store.Files(path).checkpoint
    return int(json.loads(checkpoint.read_bytes())["rows"]) if checkpoint.exists() else 0


@posix
def test_killed_before_every_single_step_and_resumed(path: Path, tmp_path: Path, runs: Runs) -> None:
    job = {"count": 7, "chunk_size": 4}
    straight = expected_bytes(FakeEncoder(), made_texts(7), 4, tmp_path, batch_size=32)
    left = set()
    for step in range(1, 200):
        status, _ = runs.run(path, die_at_step=step, **job)
        left.add(frozenset(names(path.parent)))
        if status == 0:
            break
        assert status == -9
        if not path.exists() or store.Files(path).checkpoint.exists():
            encode(made_texts(7), path, chunk_size=4)
        assert path.read_bytes() == straight, f"killed before step {step}"
        for place in path.parent.iterdir():
            place.unlink()
    assert status == 0 and step > 25, f"{step} steps"
    # Every state that the module describes was among them.
    partial, checkpoint, lock, new = (f"vectors.npy{end}" for end in (".partial", ".progress.json", ".lock", ".progress.json.new"))
    assert {
        frozenset({lock}),
        frozenset({lock, partial}),
        frozenset({lock, partial, new}),
        frozenset({lock, partial, checkpoint}),
        frozenset({lock, partial, checkpoint, new}),
        frozenset({lock, "vectors.npy", checkpoint}),
        frozenset({lock, "vectors.npy"}),
        frozenset({"vectors.npy"}),
    } <= left


def test_ctrl_c_says_what_is_kept_and_the_same_call_goes_on(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted(FakeEncoder):
        def encode(self, texts: list[str], batch_size: int = 32, **options: Any) -> np.ndarray:
            if texts[0].startswith("text 20"):
                raise KeyboardInterrupt
            return super().encode(texts, batch_size, **options)

    Interrupted.__name__ = "FakeEncoder"
    with pytest.raises(KeyboardInterrupt):
        encode(made_texts(35), path, Interrupted())
    assert f"Stopped. 20 vectors are kept in '{path}.partial'. Run the same call again to go on.\n" in capsys.readouterr().err
    encode(made_texts(35), path)
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(35), 10, tmp_path, batch_size=32)


def test_an_error_passes_as_it_is_with_a_note_on_what_is_kept(path: Path) -> None:
    with pytest.raises(StoppedError) as caught:
        encode(stopping(made_texts(35), 25), path)
    assert caught.value.__notes__ == [
        f"20 vectors are kept in '{path}.partial'. Run the same call again to go on; only batch_size may be another."
    ]
    with pytest.raises(StoppedError) as caught:
        encode(stopping(made_texts(35), 3), path.with_name("early.npy"))
    assert caught.value.__notes__[0].startswith("No chunk was finished yet.")


def test_a_smaller_batch_may_go_on(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    texts = made_texts(35)
    interrupt(path, texts, batch_size=32)
    with caplog.at_level(logging.WARNING):
        vectors = encode(texts, path, batch_size=4)
    assert "batch_size was 32, from here on it is 4" in caplog.text
    assert np.array_equal(vectors[:10], FakeEncoder().encode(texts[:10], 32, show_progress_bar=False, convert_to_numpy=True))
    assert np.array_equal(vectors[20:30], FakeEncoder().encode(texts[20:30], 4, show_progress_bar=False, convert_to_numpy=True))


def test_the_progress_bar_begins_at_what_is_done(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = made_texts(35)
    interrupt(path, texts)
    assert capsys.readouterr().err == ""
    encode(texts, path, show_progress_bar=True)
    shown = capsys.readouterr().err
    assert "20/35" in shown and "35/35" in shown and " 0/35" not in shown


def test_a_generator_with_a_total_has_a_bar_with_an_end(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    encode(iter(made_texts(35)), path, total=35, show_progress_bar=True)
    assert " 0/35 " in capsys.readouterr().err


@pytest.mark.parametrize("total", [0, 3, 1000])
def test_a_wrong_total_changes_nothing_in_the_file(path: Path, tmp_path: Path, total: int) -> None:
    encode(iter(made_texts(35)), path, total=total)
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(35), 10, tmp_path, batch_size=32)


# Refused, and nothing overwritten


def rewritten(**changes: Any) -> Callable[[Path], None]:
    """Change fields of the checkpoint; None takes a field away."""

    def change(path: Path) -> None:
        checkpoint = store.Files(path).checkpoint
        data = json.loads(checkpoint.read_bytes()) | changes
        checkpoint.write_text(json.dumps({name: value for name, value in data.items() if value is not None}), encoding="utf-8")

    return change


def checkpoint_is(text: bytes) -> Callable[[Path], None]:
    return lambda path: (store.Files(path).checkpoint.write_bytes(text), None)[1]


def partial_becomes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        partial = store.Files(path).partial
        partial.write_bytes(change(partial.read_bytes()))

    return apply


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def a_header(rows: int, dimensions: int, dtype: str) -> Callable[[bytes], bytes]:
    return lambda data: store._header(rows, dimensions, np.dtype(dtype)) + data[128:]


DAMAGE: dict[str, tuple[Callable[[Path], None], type[Exception], str]] = {
    "the partial file lost its end": (partial_becomes(lambda data: data[:-1]), ValueError, "it holds 639 of 640 bytes"),
    "the partial file is empty": (partial_becomes(lambda data: b""), ValueError, "its header is not that of 8 dimensions of float32"),
    "only its header is left": (partial_becomes(lambda data: data[:128]), ValueError, "it holds 0 of 640 bytes"),
    "its first vector changed": (partial_becomes(lambda data: flipped(data, 128)), ValueError, "its vectors were changed"),
    "its last vector changed": (partial_becomes(lambda data: flipped(data, 767)), ValueError, "its vectors were changed"),
    "it is another file": (partial_becomes(lambda data: b"notes" * 500), ValueError, "its header is not that of 8 dimensions of float32"),
    "it has other dimensions": (partial_becomes(a_header(0, 16, "f4")), ValueError, "its header is not that of 8 dimensions"),
    "it has another type": (partial_becomes(a_header(0, 8, "f8")), ValueError, "its header is not that of 8 dimensions"),
    "it has other rows": (partial_becomes(a_header(21, 8, "f4")), ValueError, "its header is not that of 8 dimensions"),
    "it is missing": (lambda path: store.Files(path).partial.unlink(), FileNotFoundError, "is missing"),
    "the checkpoint is empty": (checkpoint_is(b""), ValueError, "cannot be read as a checkpoint"),
    "the checkpoint is cut off": (checkpoint_is(b'{"written_by": "helpers.encode_la'), ValueError, "cannot be read"),
    "the checkpoint is no text": (checkpoint_is(b"\xff\xfe\x00"), ValueError, "cannot be read as a checkpoint"),
    "the checkpoint is a list": (checkpoint_is(b"[1, 2]"), ValueError, "must be a dict"),
    "the checkpoint has no end": (checkpoint_is(b"[" * 100_000), ValueError, "cannot be read as a checkpoint"),
    "the checkpoint is another program's": (checkpoint_is(b'{"rows": 20}'), ValueError, "written by something else"),
    "the checkpoint is of another version": (rewritten(version=2), ValueError, "its version is int 2, this program reads 1"),
    "the checkpoint lacks its version": (rewritten(version=None), ValueError, "its version is None"),
    "the checkpoint lacks its rows": (rewritten(rows=None), ValueError, "KeyError: 'rows'"),
    "the checkpoint says no rows": (rewritten(rows=0), ValueError, "rows must be a whole number of at least 1"),
    "the checkpoint says more rows": (rewritten(rows=30), ValueError, "it holds 640 of 960 bytes"),
    "the checkpoint says fewer rows": (rewritten(rows=10), ValueError, "its vectors were changed"),
    "the checkpoint says rows in words": (rewritten(rows="20"), ValueError, "rows must be"),
    "the checkpoint says true rows": (rewritten(rows=True), ValueError, "rows must be"),
    "the checkpoint says another type": (rewritten(dtype="<f2"), ValueError, "its header is not that of 8 dimensions of float16"),
    "the checkpoint says a type of words": (rewritten(dtype="<U4"), ValueError, "dtype must be one of"),
    "the checkpoint says other vectors": (rewritten(vectors_sha256="0" * 64), ValueError, "its vectors were changed"),
    "the checkpoint says other texts": (rewritten(texts_sha256="0" * 64), ValueError, "not those that were encoded"),
    "the checkpoint says odd settings": (rewritten(settings=[]), ValueError, "settings must be a dict"),
    "the checkpoint says no settings": (rewritten(settings={}), ValueError, "batch_size|chunk_size"),
    "the checkpoint says no model": (rewritten(model="MiniLM"), ValueError, "model must be a dict"),
    "the checkpoint says an odd model": (rewritten(model={"kind": 3}), ValueError, "cannot be read as a checkpoint"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_refused_and_left_as_it_is(path: Path, damage: str) -> None:
    change, error, match = DAMAGE[damage]
    interrupt(path, made_texts(35))
    change(path)
    before = content(path.parent)
    with pytest.raises(error, match=match) as caught:
        encode(made_texts(35), path)
    assert content(path.parent) == before
    assert "\n" not in str(caught.value) and f"delete '{path}.progress.json' and '{path}.partial' to start over" in str(caught.value)


def test_the_way_to_start_over_works(path: Path, tmp_path: Path) -> None:
    interrupt(path, made_texts(35), model=FakeEncoder(seed=1))
    store.Files(path).checkpoint.unlink()
    store.Files(path).partial.unlink()
    encode(made_texts(35), path)
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(35), 10, tmp_path, batch_size=32)


class OtherEncoder(FakeEncoder):
    """Another class, the same numbers."""


def prompted() -> FakeEncoder:
    encoder = FakeEncoder()
    encoder.prompts = {"document": "passage: "}  # type: ignore[attr-defined]
    return encoder


OTHER_CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "another model": ({"model": FakeEncoder(seed=1)}, "its vector of a fixed text is another"),
    "a model of other dimensions": ({"model": FakeEncoder(dimensions=16)}, "its vector of a fixed text is another"),
    "a model of another class": ({"model": OtherEncoder()}, "its class is another"),
    "a model with other prompts": ({"model": prompted()}, "prompts is another"),
    "other chunks": ({"chunk_size": 5}, "chunk_size must be what it was in the interrupted run, int 10, got int 5"),
    "a prompt": ({"prompt": "query: "}, "prompt must be what it was in the interrupted run, None, got str 'query: '"),
    "a prompt by name": ({"prompt_name": "query"}, "prompt_name must be what it was"),
    "normalized vectors": ({"normalize_embeddings": True}, "normalize_embeddings must be what it was"),
    "fewer dimensions": ({"truncate_dim": 4}, "truncate_dim must be what it was"),
    "another first text": ({"texts": ["other", *made_texts(35)[1:]]}, "the first 20 are not those that were encoded"),
    "another text before the end": ({"texts": [*made_texts(35)[:19], "other", *made_texts(35)[20:]]}, "the first 20 are not"),
    "two texts exchanged": ({"texts": [made_texts(2)[1], made_texts(2)[0], *made_texts(35)[2:]]}, "the first 20 are not"),
    "a letter moved to the next text": ({"texts": ["text 0 t", "ext 1 word ", *made_texts(35)[2:]]}, "the first 20 are not"),
    "fewer texts": ({"texts": made_texts(19)}, "19 came, and 20 are encoded already"),
    "no texts": ({"texts": []}, "0 came, and 20 are encoded already"),
    "a generator that was used": ({"texts": iter(())}, "a generator must be made anew"),
}


@pytest.mark.parametrize("other", OTHER_CALLS)
def test_another_call_is_refused_and_the_right_one_goes_on(path: Path, tmp_path: Path, other: str) -> None:
    changed, match = OTHER_CALLS[other]
    interrupt(path, made_texts(35))
    before = content(path.parent)
    with pytest.raises(ValueError, match=re.escape(match)) as caught:
        encode(**{"texts": made_texts(35), "path": path, **changed})
    assert content(path.parent) == before
    assert "\n" not in str(caught.value) and "to start over" in str(caught.value)
    encode(made_texts(35), path)
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(35), 10, tmp_path, batch_size=32)


def test_more_texts_after_a_short_last_chunk_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(store.Output, "finish", lambda _: stop())
        encode(made_texts(25), path)
    before = content(path.parent)
    with pytest.raises(ValueError, match="they ended after 25, and now more follow"):
        encode(made_texts(35), path)
    assert content(path.parent) == before
    assert encode(made_texts(25), path).shape == (25, 8)


def stop() -> None:
    raise StoppedError


def test_texts_added_at_the_end_of_a_chunk_are_encoded(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is then that of a run over the longer corpus. The header of the shorter one is no obstacle, even after another kill."""
    rename = Path.replace
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(Path, "replace", lambda place, target: stop() if target == path else rename(place, target))
        encode(made_texts(20), path)
    assert np.load(store.Files(path).partial.open("rb")).shape == (20, 8)
    interrupt(path, made_texts(45), after=35)
    encode(made_texts(45), path)
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(45), 10, tmp_path, batch_size=32)


def test_a_file_that_is_only_renamed_is_finished_after_a_look(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = Path.unlink
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(Path, "unlink", lambda place, missing_ok=False: stop() if place.suffix == ".json" else unlink(place))
        encode(made_texts(30), path)
    before = content(path.parent)
    assert before.keys() == {"vectors.npy", "vectors.npy.progress.json"}
    for texts, match in [(made_texts(31), "now more follow"), (made_texts(29), "29 came"), (made_texts(31)[1:], "are not those")]:
        with pytest.raises(ValueError, match=match):
            encode(texts, path)
        assert content(path.parent) == before
    assert encode(made_texts(30), path).shape == (30, 8)
    assert content(path.parent) == {"vectors.npy": before["vectors.npy"]}


def test_a_file_that_took_the_name_with_a_checkpoint_beside_it_is_refused(path: Path) -> None:
    interrupt(path, made_texts(35))
    store.Files(path).partial.unlink()
    np.save(path, np.zeros((20, 8), dtype=np.float32))
    before = content(path.parent)
    with pytest.raises(ValueError, match="its vectors were changed"):
        encode(made_texts(35), path)
    assert content(path.parent) == before


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_file_that_exists_is_not_overwritten(path: Path, interrupted: bool) -> None:
    if interrupted:
        interrupt(path, made_texts(35))
    path.write_bytes(b"mine")
    before = content(path.parent)
    with pytest.raises(FileExistsError, match=r"vectors\.npy' exists and is not overwritten: delete it or choose another path"):
        encode(made_texts(35), path)
    assert content(path.parent) == before


@pytest.mark.parametrize("foreign", [b"mine", store._header(3, 8, np.dtype("f4")) + bytes(96), b"\x93NUMPZ"])
def test_a_partial_file_from_elsewhere_is_not_overwritten(path: Path, foreign: bytes) -> None:
    store.Files(path).partial.write_bytes(foreign)
    with pytest.raises(FileExistsError, match="There is no checkpoint"):
        encode(made_texts(35), path)
    assert content(path.parent) == {"vectors.npy.partial": foreign}


def test_a_file_that_appears_during_the_run_is_not_overwritten(path: Path, tmp_path: Path) -> None:
    def texts() -> Iterator[str]:
        yield from made_texts(35)
        path.write_bytes(b"mine")

    with pytest.raises(FileExistsError, match="exists and is not overwritten"):
        encode(texts(), path)
    assert path.read_bytes() == b"mine"
    path.unlink()
    encoder = FakeEncoder()
    encode(made_texts(35), path, encoder)
    assert len(encoder.calls) == 1, "only to see which model it is"
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(35), 10, tmp_path, batch_size=32)


def test_two_runs_on_one_path_are_refused(path: Path, tmp_path: Path) -> None:
    def texts() -> Iterator[str]:
        for text in made_texts(35):
            with pytest.raises(RuntimeError, match=r"Another run is writing .*vectors\.npy': wait for it, or choose another path"):
                encode(made_texts(35), path)
            yield text

    encode(texts(), path)
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(35), 10, tmp_path, batch_size=32)


# The disk


def disk_with_room_for(room: int, at: str) -> Callable[[Any, Any], None]:
    """A `_write` that takes so many bytes more into files with a name that ends so."""

    def write(file: Any, content: Any) -> None:
        nonlocal room
        if not str(file.name).endswith(at):
            return plain(file, content)
        plain(file, memoryview(content)[:room])
        if len(content) > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room -= len(content)
        return None

    plain = store._write
    return write


@pytest.mark.parametrize("at", [".partial", ".new"])
@pytest.mark.parametrize("room", [0, 100, 128, 300, 1000, 1250])
def test_a_full_disk_keeps_what_was_finished(path: Path, tmp_path: Path, room: int, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = made_texts(35)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left on device") as caught:
        patch.setattr(store, "_write", disk_with_room_for(room, at))
        encode(texts, path)
    assert caught.value.errno == errno.ENOSPC and isinstance(caught.value.__cause__, OSError)
    rows, files = rows_of(path), store.Files(path)
    assert f"'{path}.partial' could not be written." in str(caught.value)
    assert "Make room, then run the same call again to go on" in str(caught.value)
    assert (f"{rows} vectors are kept" if rows else "No chunk was finished yet.") in str(caught.value)
    assert files.partial.stat().st_size == (128 + rows * 32 if rows else 0), "half a chunk takes room that is needed"
    assert not names(path.parent) - {files.partial.name, files.checkpoint.name}
    encode(texts, path)
    assert path.read_bytes() == expected_bytes(FakeEncoder(), texts, 10, tmp_path, batch_size=32)


@posix
def test_a_file_that_the_system_lets_not_grow(path: Path, tmp_path: Path, runs: Runs) -> None:
    """A real limit of the system instead of a full disk: the write stops short, and then fails."""
    job = {"count": 600, "chunk_size": 100}
    status, _ = runs.run(path, file_limit=128 + 250 * 32 + 7, **job)
    assert status == errno.EFBIG and rows_of(path) == 200
    assert store.Files(path).partial.stat().st_size == 128 + 200 * 32
    assert runs.run(path, **job)[0] == 0
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(600), 100, tmp_path, batch_size=32)


@pytest.mark.parametrize("form", [list, iter])
def test_a_disk_without_room_for_all_is_noticed_before_anything_is_written(
    path: Path, form: Callable[[list[str]], Iterable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = made_texts(35)
    usage = shutil.disk_usage(path.parent)
    with monkeypatch.context() as patch, pytest.raises(OSError, match=r"0\.00 MiB are needed for .*, 0\.00 MiB are free") as caught:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=35 * 32 - 1))
        encode(form(texts), path, total=35)
    assert caught.value.errno == errno.ENOSPC
    assert names(path.parent) == set()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=35 * 32))
    encode(form(texts), path, total=35)


def test_an_interrupted_run_needs_room_for_the_rest_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(path, made_texts(35))
    before, usage = content(path.parent), shutil.disk_usage(path.parent)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="20 vectors are kept"):
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=15 * 32 - 1))
        encode(made_texts(35), path)
    assert content(path.parent) == before
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=15 * 32))
    assert encode(made_texts(35), path).shape == (35, 8)


# Texts and vectors that cannot be used


@pytest.mark.parametrize("item", [None, 3, b"bytes", ["nested"], float("nan")])
def test_an_item_that_is_no_string_is_named_and_what_is_done_is_kept(path: Path, tmp_path: Path, item: Any) -> None:
    texts: list[Any] = made_texts(35)
    with pytest.raises(TypeError, match=r"texts\[27\] must be a string, got") as caught:
        encode([*texts[:27], item, *texts[28:]], path)
    assert caught.value.__notes__[0].startswith("20 vectors are kept")
    encoder = FakeEncoder()
    encode(texts, path, encoder)
    assert sum(len(call["texts"]) for call in encoder.calls[1:]) == 15
    assert path.read_bytes() == expected_bytes(FakeEncoder(), texts, 10, tmp_path, batch_size=32)


def spoiled(change: Callable[[np.ndarray], Any], in_chunk: int) -> FakeEncoder:
    class FakeEncoder_(FakeEncoder):
        def encode(self, texts: list[str], batch_size: int = 32, **options: Any) -> np.ndarray:
            vectors = super().encode(texts, batch_size, **options)
            return change(vectors) if len(self.calls) == in_chunk + 1 else vectors  # the first call asks which model it is

    FakeEncoder_.__name__ = "FakeEncoder"
    return FakeEncoder_()


def with_a(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(vectors: np.ndarray) -> np.ndarray:
        vectors[4, 2] = value
        return vectors

    return change


SPOILED: dict[str, tuple[Callable[[np.ndarray], Any], str]] = {
    "NaN": (with_a(float("nan")), r"finite numbers, got NaN or infinity for texts\[{position}\]"),
    "infinity": (with_a(float("-inf")), r"finite numbers, got NaN or infinity for texts\[{position}\]"),
    "a vector too few": (lambda vectors: vectors[1:], r"shape \(9, 8\) and type float32 for 10 texts"),
    "one vector": (lambda vectors: vectors[0], r"got shape \(8,\)"),
    "no dimensions": (lambda vectors: vectors[:, :0], r"got shape \(10, 0\)"),
    "a third axis": (lambda vectors: vectors[:, None], r"got shape \(10, 1, 8\)"),
    "whole numbers": (lambda vectors: vectors.astype(np.int8), "got shape .* and type int8"),
    "objects": (lambda vectors: vectors.astype(object), "got shape .* and type object"),
    "nothing": (lambda vectors: None, r"got shape \(\)"),
}


@pytest.mark.parametrize("in_chunk", [1, 3])
@pytest.mark.parametrize("fault", SPOILED)
def test_vectors_that_cannot_be_right_are_not_written(path: Path, tmp_path: Path, fault: str, in_chunk: int) -> None:
    change, match = SPOILED[fault]
    with pytest.raises(ValueError, match=match.format(position=10 * in_chunk - 6)):
        encode(made_texts(35), path, spoiled(change, in_chunk))
    assert rows_of(path) == 10 * (in_chunk - 1)
    encode(made_texts(35), path)
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(35), 10, tmp_path, batch_size=32)


@pytest.mark.parametrize("change", [lambda vectors: vectors[:, :4], lambda vectors: vectors.astype(np.float64)])
def test_chunks_of_another_kind_than_the_first_are_not_written(path: Path, change: Callable[[np.ndarray], Any]) -> None:
    with pytest.raises(ValueError, match="must encode every chunk to 8 dimensions of float32, got shape"):
        encode(made_texts(35), path, spoiled(change, in_chunk=2))
    assert rows_of(path) == 10


def test_vectors_in_another_order_in_memory_are_written_right(path: Path, tmp_path: Path) -> None:
    encode(made_texts(10), path, spoiled(np.asfortranarray, in_chunk=1))
    assert path.read_bytes() == expected_bytes(FakeEncoder(), made_texts(10), 10, tmp_path, batch_size=32)


# Arguments


def with_argument(folder: Path, **changed: object) -> None:
    arguments: dict[str, Any] = {
        "model": FakeEncoder(),
        "texts": ["a"],
        "path": folder / "vectors.npy",
        "show_progress_bar": False,
        **changed,
    }
    encode_large_corpus(**arguments)


@pytest.mark.parametrize("name", ["model", "texts", "path", "batch_size", "chunk_size", "prompt", "prompt_name", "truncate_dim", "total"])
@given(value=ANYTHING)
def test_anything_is_accepted_or_refused_by_name_in_one_sentence(name: str, value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            with_argument(Path(folder), **{name: value})
        except (TypeError, ValueError) as error:
            assert str(error).startswith(name) and str(error).endswith(".") and "must" in str(error) and "got" in str(error)
            assert "\n" not in str(error) and len(str(error)) < 300
            assert names(Path(folder)) == set()


@pytest.mark.parametrize("name", ["normalize_embeddings", "show_progress_bar"])
@pytest.mark.parametrize("value", [0, 1, None, "yes", [], float("nan")])
def test_a_switch_is_true_or_false(path: Path, name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"{name} must be True or False, got"):
        with_argument(path.parent, **{name: value})


@pytest.mark.parametrize("texts", ["one text", b"bytes", {"a"}, frozenset({"a"}), {"a": 1}, None, 3, np.array("a")])
def test_what_has_no_fixed_order_or_is_a_single_text_is_refused(path: Path, texts: object) -> None:
    with pytest.raises(TypeError, match="texts must be an iterable of strings with a fixed order"):
        with_argument(path.parent, texts=texts)


@pytest.mark.parametrize("model", ["all-MiniLM-L6-v2", np.str_("name"), FakeEncoder, None, object()])
def test_what_cannot_encode_is_refused(path: Path, model: object) -> None:
    with pytest.raises(TypeError, match="model must be a SentenceTransformer, or an object with its method encode, got"):
        with_argument(path.parent, model=model)


def test_a_prompt_and_a_name_of_one_are_too_many(path: Path) -> None:
    with pytest.raises(ValueError, match="prompt_name must be None where prompt is given"):
        with_argument(path.parent, prompt="query: ", prompt_name="query")


def test_a_path_without_npy_or_without_a_folder_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match=r"path must be a path that ends in \.npy, got str 'vectors'"):
        with_argument(path.parent, path="vectors")
    with pytest.raises(FileNotFoundError, match="path must lie in a folder that exists, got"):
        with_argument(path.parent, path=path / "deeper.npy")


# Which model


def test_a_plain_encoder_is_known_by_what_it_makes_of_a_text() -> None:
    def identity(encoder: FakeEncoder) -> ModelIdentity:
        return ModelIdentity.of(encoder, encoder.encode)

    one = identity(FakeEncoder())
    assert one.weights_sha256 is None and one.probe is not None
    assert one.difference(identity(FakeEncoder())) == "" != one.difference(identity(FakeEncoder(seed=1)))
    rounded = ModelIdentity(one.kind, one.attributes, None, [value + 1e-6 for value in one.probe])
    assert one.difference(rounded) == "", "another machine may round otherwise"


def test_a_torch_model_is_known_by_every_weight_and_its_architecture(model: Any) -> None:
    import torch

    def identity(other: Any) -> ModelIdentity:
        return ModelIdentity.of(other, other.encode)

    own = identity(model)
    assert own.probe is None and own.difference(identity(copy.deepcopy(model))) == ""
    assert ModelIdentity.from_dict(json.loads(json.dumps(vars_of(own)))) == own
    changed = copy.deepcopy(model)
    weights = changed.state_dict()
    for name in [next(iter(weights)), *(name for name in weights if "layer.3.attention.output" in name)]:
        with torch.no_grad():
            weights[name].view(-1)[-1] += 1
            assert own.difference(identity(changed)) == "its architecture or its weights", name
            weights[name].view(-1)[-1] -= 1
    assert own.difference(identity(copy.deepcopy(model).half())) == "its architecture or its weights"
    pooled = copy.deepcopy(model)
    del pooled[2]
    assert own.difference(identity(pooled)) == "its architecture or its weights"
    shorter = copy.deepcopy(model)
    shorter.max_seq_length = 128
    assert own.difference(identity(shorter)) == "max_seq_length"


def vars_of(identity: ModelIdentity) -> dict[str, Any]:
    return {name: getattr(identity, name) for name in ("kind", "attributes", "weights_sha256", "probe")}


def test_the_real_model_is_resumed_to_the_same_bytes(model: Any, path: Path, tmp_path: Path) -> None:
    texts = [text[:60] for text in made_texts(40)]
    options: dict[str, Any] = {"chunk_size": 16, "batch_size": 8, "normalize_embeddings": True, "truncate_dim": 128, "prompt": "passage: "}
    interrupt(path, texts, model=model, **options)
    other = copy.deepcopy(model)
    other.max_seq_length = 128
    with pytest.raises(ValueError, match="got one in which max_seq_length is another"):
        encode(texts, path, other, **options)
    vectors = encode(texts, path, model, **options)
    assert vectors.shape == (40, 128) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    del options["chunk_size"]
    assert path.read_bytes() == expected_bytes(model, texts, 16, tmp_path, **options)
    empty = encode([], path.with_name("empty.npy"), model, truncate_dim=128)
    assert empty.shape == (0, 128) and empty.dtype == np.float32
