"""Exports in int8 and bfloat16 are near float32, say how near, and are the same each time."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers import backends, corpus
from helpers.backends import graphs, runtimes
from helpers.backends.errors import ExportError
from tests.backends.common import CALIBRATION, CALLS, ONE_WORKER, ROUNDED, TEXTS, cosines, difference, spearman, tokens_of

pytestmark = ONE_WORKER


# In fewer bits


@pytest.mark.parametrize("name", ROUNDED)
def test_rounded_embeddings_keep_direction_and_order(name: str, model: Any, rounded: dict[str, Any]) -> None:
    least = {"onnx int8": 0.99, "openvino bf16": 0.9999, "openvino int8": 0.99}[name]
    documents = [entry.text for entry in corpus.api_docs()[7::20]]
    assert cosines(rounded[name].encode(documents), model.encode(documents)).mean() >= least
    assert spearman(rounded[name]) >= spearman(model) - 0.002


@pytest.mark.parametrize("name", ROUNDED)
def test_rounded_embeddings_hold_at_every_length(name: str, model: Any, rounded: dict[str, Any]) -> None:
    """OpenVINO with int8 and bfloat16 together gave a cosine of 0.86 at exactly 32 tokens, and nowhere else."""
    words = " ".join(CALIBRATION).split()
    for length in (1, 2, 7, 14, 15, 16, 29, 30, 31, 32, 33, 62, 63, 126):
        text = tokens_of(model, words, length)
        assert model.preprocess([text])["input_ids"].shape[1] == length + 2
        assert cosines(rounded[name].encode([text]), model.encode([text]))[0] > 0.96, length


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("name", ROUNDED)
def test_every_way_of_calling_works_in_every_precision(name: str, call: Callable[[Any], Any], model: Any, rounded: dict[str, Any]) -> None:
    ours, theirs = call(model), call(rounded[name])
    assert type(ours) is type(theirs) and ours.shape == theirs.shape and ours.dtype == theirs.dtype
    # The median: in int8 the empty text, which no calibration holds, is farther off than the others.
    assert not len(ours) or np.median(np.abs(np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float))) < 0.05


@pytest.mark.parametrize("name", ROUNDED)
def test_a_rounded_export_says_how_near_it_is(name: str, exports: dict[str, Path], rounded: dict[str, Any], tmp_path: Path) -> None:
    said = json.loads((exports[name] / "exported_graph.json").read_text(encoding="utf-8"))
    card = (exports[name] / "README.md").read_text(encoding="utf-8")
    assert name == f"{said['format']} {said['precision']}" and f", {said['precision']}\n" in card
    assert said["calibrated_on"] == (len(CALIBRATION) if name == "openvino int8" else 0)
    assert ("calibrated on" in card) == (name == "openvino int8")
    assert 0.98 < said["agreement"]["mean_cosine"] <= 1 and f"{said['agreement']['mean_cosine']:.4f}" in card
    rounded[name].save_pretrained(str(tmp_path / "copy"))
    assert difference(backends.load(tmp_path / "copy").encode(TEXTS), rounded[name].encode(TEXTS)) == 0
    assert (tmp_path / "copy" / "README.md").read_text(encoding="utf-8") == card
    weights = sum(path.stat().st_size for path in exports[name].glob("model.*"))
    assert weights < 30_000_000 or name == "openvino bf16"


@pytest.mark.parametrize(("format", "precision"), [("onnx", "int8"), ("openvino", "int8")])
def test_two_exports_have_the_same_bytes(
    format: str, precision: str, small: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    capfd.readouterr()
    folders = [backends.export(small, tmp_path / name, format=format, precision=precision, texts=CALIBRATION) for name in "ab"]
    assert (*capfd.readouterr(), [str(warning.message) for warning in recwarn]) == ("", "", [])
    names = sorted(path.name for path in folders[0].iterdir())
    assert len(names) > 5
    assert [name for name in names if (folders[0] / name).read_bytes() != (folders[1] / name).read_bytes()] == []


@pytest.mark.parametrize(("format", "precision"), [("onnx", "int8"), ("openvino", "bf16"), ("openvino", "int8")])
def test_damaged_weights_are_refused(
    format: str, precision: str, make_small: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    made, whole = make_small(), graphs._whole_chain

    def damaged(model: Any, inputs: list[str]) -> Any:
        broken = copy.deepcopy(model)
        with torch.no_grad():
            broken[2].linear.weight.copy_(broken[2].linear.weight.flip(0))
        return whole(broken, inputs)

    monkeypatch.setattr(graphs, "_whole_chain", damaged)
    with pytest.raises(
        ExportError, match=rf"^The exported graph in {precision} gives embeddings with a mean cosine of -?0\.\d+ to the model"
    ):
        backends.export(made, tmp_path / "export", format=format, precision=precision, texts=CALIBRATION)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("texts", [None, [], ["too few"] * 31, "a string", [1] * 40, (text for text in CALIBRATION)])
def test_int8_of_openvino_needs_texts(texts: Any, small: Any, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^texts(\[0\])? must be a.* string.*, got ") as caught:
        backends.export(small, tmp_path / "export", format="openvino", precision="int8", texts=texts)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_bfloat16_is_refused_where_the_processor_has_none(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "multiplies_bfloat16", lambda: False)
    with pytest.raises(ValueError, match=r"^precision must be 'fp32' or 'int8' on this processor, .* got 'bf16' \(.*\)\.$"):
        backends.export(small, tmp_path / "export", format="openvino", precision="bf16")
    assert not list(tmp_path.iterdir())


def test_the_processor_is_described_in_one_line() -> None:
    assert "int8" in backends.processor() and "bfloat16" in backends.processor() and "\n" not in backends.processor()
