"""Operations counted from a model's layers, against torch's own counter, and the rate of multiplying matrices."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from helpers import hub, standins
from helpers.benchmark import flops, matmul_rate, roofline, share
from tests.test_arguments import ANYTHING

# One of each kind: a pooler, none, grouped heads wider than the vectors, and layers after the pooling.
MODELS = ("BAAI/bge-small-en-v1.5", "BAAI/bge-m3", "Qwen/Qwen3-Embedding-0.6B", "google/embeddinggemma-300m")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    hub.activate(verify=False)
    from sentence_transformers import SentenceTransformer

    found: dict[str, Any] = {
        "all-MiniLM-L6-v2": SentenceTransformer("all-MiniLM-L6-v2", device="cpu", model_kwargs={"attn_implementation": "eager"})
    }
    for name in MODELS:
        folder = tmp_path_factory.mktemp("model")
        standins.build(name, folder)
        options = {"dtype": "float32", "attn_implementation": "eager"}
        found[name] = SentenceTransformer(str(folder), device="cpu", model_kwargs=options)
    return found


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", *MODELS])
@pytest.mark.parametrize(("batch", "length"), [(1, 1), (3, 40), (2, 128)])
def test_operations_are_those_that_torch_counts(models: dict[str, Any], name: str, batch: int, length: int) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    model = models[name]
    tokens = {key: torch.ones((batch, length), dtype=torch.long) for key in ("input_ids", "attention_mask")}
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(tokens)
    assert flops(model, batch, length) == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_the_rule_by_hand(models: dict[str, Any]) -> None:
    """MiniLM: 6 layers with 4 x 384 x 384 + 2 x 384 x 1536 weights, 12 heads of 32, and a pooler of 384 x 384 for each text."""
    per_token = 2 * 6 * (4 * 384 * 384 + 2 * 384 * 1536) + 6 * 4 * 128 * 384
    assert flops(models["all-MiniLM-L6-v2"], 32, 128) == 32 * (128 * per_token + 2 * 384 * 384)


@pytest.mark.parametrize("dtype", roofline.DTYPES)
def test_every_type_has_a_rate(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "CPU_SIZE", 128)
    assert matmul_rate(dtype, rounds=1) > 0


def test_the_product_is_computed_in_the_type_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(roofline, "CPU_SIZE", 64)
    assert roofline.multiplication("float32")[1] == 2 * 64**3
    seen = []
    monkeypatch.setattr(torch, "matmul", lambda left, right: seen.append((left.dtype, right.dtype)))
    monkeypatch.setattr(torch, "_int_mm", lambda left, right: seen.append((left.dtype, right.dtype)))
    for dtype in roofline.DTYPES:
        roofline.multiplication(dtype)
    assert seen == [(getattr(torch, dtype),) * 2 for dtype in roofline.DTYPES]


def test_a_type_that_a_device_cannot_multiply_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def fails(left: Any, right: Any) -> None:
        raise RuntimeError("not implemented for 'Char'\nand more")

    monkeypatch.setattr(roofline, "CPU_SIZE", 8)
    monkeypatch.setattr(torch, "_int_mm", fails)
    with pytest.raises(ValueError, match=r"got 'int8': not implemented for 'Char'$"):
        matmul_rate("int8")


def test_a_share_is_operations_over_time_over_rate() -> None:
    assert share(operations=10.0, seconds=2.0, rate=20.0) == 0.25


@given(model=ANYTHING)
def test_what_is_no_model_has_no_operations(model: object) -> None:
    with pytest.raises((TypeError, ValueError), match="model must be a SentenceTransformer that begins with a transformer of torch"):
        flops(model, 1, 1)


@pytest.mark.parametrize(("batch", "length", "said"), [(0, 1, "batch"), (1, 0, "length"), (1.5, 1, "batch"), (1, None, "length")])
def test_bad_sizes_are_refused(models: dict[str, Any], batch: Any, length: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"{said} must be a whole number of at least 1"):
        flops(models["all-MiniLM-L6-v2"], batch, length)


@pytest.mark.parametrize("arguments", [{"dtype": "float64"}, {"dtype": None}, {"device": "tpu"}, {"rounds": 0}, {"rounds": "3"}])
def test_bad_arguments_of_the_rate_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=f"{next(iter(arguments))} must be"):
        matmul_rate(**arguments)


def test_a_static_model_has_no_transformer_to_count(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    static = SentenceTransformer(modules=[StaticEmbedding(Tokenizer(WordLevel({"a": 0}, unk_token="a")), embedding_dim=4)], device="cpu")
    with pytest.raises(ValueError, match="begins with a transformer of torch"):
        flops(static, 1, 1)
