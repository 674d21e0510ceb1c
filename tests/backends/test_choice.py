"""The fastest backend that keeps the quality asked for."""

import gc
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import backends, timing
from helpers.backends import choice as choice_module
from tests.backends.common import ALL_EXPORTS, CALIBRATION, ONE_WORKER, TEXTS, cosines, difference

pytestmark = ONE_WORKER


# The fastest


def test_the_best_is_the_fastest_that_is_good_enough(small: Any, tmp_path: Path) -> None:
    choice = backends.best(small, CALIBRATION, tmp_path / "kept", rounds=1, min_cosine=0.9)
    assert {candidate.name for candidate in choice.candidates} == {"torch fp32", "torch bf16", *ALL_EXPORTS}
    kept = [candidate for candidate in choice.candidates if candidate.verdict in ("kept", "chosen")]
    assert max(kept, key=lambda candidate: candidate.speed or 0).name == choice.name
    assert [candidate.name for candidate in kept if candidate.verdict == "chosen"] == [choice.name]
    assert all(name in str(choice) for name in (*ALL_EXPORTS, "chosen", backends.processor()))
    assert len(choice.table.rows) == 7 and choice.table.rows[0][-1] != ""
    assert cosines(choice.model.encode(CALIBRATION, truncate_dim=16), small.encode(CALIBRATION, truncate_dim=16)).mean() > 0.9
    assert [path.name for path in tmp_path.iterdir()] == (["kept"] if choice.folder else [])


@pytest.fixture
def only_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """One export to measure, fast enough to be repeated."""
    monkeypatch.setattr(choice_module, "EXPORTS", (("onnx", "fp32"),))
    monkeypatch.setattr(choice_module, "_in_bfloat16", lambda model: (_ for _ in ()).throw(RuntimeError("planted\nfault")))


def faster(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let one candidate be the fastest, whatever the machine does."""

    def measure(tasks: dict[str, Any], *given: Any, **options: Any) -> tuple[timing.Timing, ...]:
        return tuple(timing.Timing(task, (0.5 if task == name else 1.0,)) for task in tasks)

    monkeypatch.setattr(choice_module, "measure", measure)


def test_a_temporary_folder_lives_as_long_as_the_model(small: Any, only_onnx: None, monkeypatch: pytest.MonkeyPatch) -> None:
    faster(monkeypatch, "onnx fp32")
    choice = backends.best(small, ["a cat", "a dog"])
    assert (choice.name, choice.texts) == ("onnx fp32", 2) and choice.folder is not None and choice.folder.is_dir()
    assert [(c.name, c.verdict) for c in choice.candidates][-1] == ("torch bf16", "not measured: planted")
    assert "2.00 times the speed of torch fp32" in str(choice)
    folder, model = choice.folder, pickle.loads(pickle.dumps(choice.model))
    assert difference(model.encode(TEXTS), small.encode(TEXTS)) <= 1e-5
    del choice, model
    gc.collect()
    assert not folder.parent.exists()


def test_torch_wins_where_nothing_else_is_good_enough(small: Any, only_onnx: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faster(monkeypatch, "onnx fp32")
    monkeypatch.setattr(choice_module, "cosines", lambda ours, theirs: np.full(len(ours), 0.5))
    choice = backends.best(small, ["a cat", "a dog"], tmp_path / "kept")
    assert (choice.name, choice.model, choice.folder) == ("torch fp32", small, None) and not list(tmp_path.iterdir())
    assert "mean cosine below 0.99" in str(choice)


def test_only_the_candidates_asked_for_are_built(small: Any) -> None:
    choice = backends.best(small, ["a cat"], candidates=["torch bf16"], rounds=1, min_cosine=0.9)
    assert {candidate.name for candidate in choice.candidates} == {"torch fp32", "torch bf16"}
    with pytest.raises(ValueError, match=r"^candidates\[1\] must be one of 'torch bf16', .*, got .*'openvino int4'\.$"):
        backends.best(small, ["a cat"], candidates=["torch bf16", "openvino int4"])


def test_a_missing_package_leaves_a_candidate_out(small: Any, only_onnx: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    choice = backends.best(small, ["a cat"], rounds=1)
    assert choice.name == "torch fp32" and "The package onnxruntime is needed" in str(choice)


def test_an_interrupted_choice_leaves_nothing(small: Any, only_onnx: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(choice_module, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        backends.best(small, ["a cat"], tmp_path / "kept")
    faster(monkeypatch, "onnx fp32")
    monkeypatch.setattr(shutil, "copytree", interrupted)
    for folder in (tmp_path / "kept", None):
        with pytest.raises(KeyboardInterrupt):
            backends.best(small, ["a cat"], folder)
    assert not list(tmp_path.iterdir())


NO_TEXTS = st.one_of(st.none(), st.text(), st.binary(), st.integers(), st.just([]), st.lists(st.none() | st.integers(), min_size=1))
NO_SHARE = st.one_of(st.none(), st.text(), st.just(float("nan")), st.floats(min_value=1.001), st.floats(max_value=-0.001), st.booleans())
NO_ROUNDS = st.one_of(st.none(), st.text(), st.integers(max_value=0), st.booleans(), st.floats())


ODD_OPTIONS = [("texts", NO_TEXTS), ("min_cosine", NO_SHARE), ("rounds", NO_ROUNDS)]


@settings(max_examples=60)
@given(odd=st.one_of(*(st.tuples(st.just(name), values) for name, values in ODD_OPTIONS)))
def test_odd_arguments_of_best_are_refused_before_any_work(odd: tuple[str, Any], small: Any) -> None:
    name, value = odd
    options: dict[str, Any] = {"texts": ["a cat"], name: value}
    with pytest.raises((TypeError, ValueError), match=rf"^{name}(\[0\])? must be ") as caught:
        backends.best(small, **options)
    assert "\n" not in str(caught.value)


def test_best_takes_a_model_in_float32_on_the_cpu(make_small: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=r"^model must be a SentenceTransformer, got str 'all-MiniLM-L6-v2'\.$"):
        backends.best("all-MiniLM-L6-v2", ["a"])  # type: ignore[arg-type]
    for odd, said in ((make_small().half(), "float16 on cpu"), (make_small().to("meta"), "float32 on meta")):
        with pytest.raises(ValueError, match=rf"^model must be one in float32 on the CPU.*, got {said}\.$"):
            backends.best(odd, ["a"])
