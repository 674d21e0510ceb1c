"""Models in their real size with random weights."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from helpers import catalog, hub
from tests.test_arguments import ANYTHING

hub.activate(verify=False)

import torch  # noqa: E402

from helpers.standins import full_size as room  # noqa: E402
from helpers.standins.full_size import full_size  # noqa: E402

SMALLEST = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def model() -> object:
    return full_size(SMALLEST)


@pytest.mark.parametrize("model_id", room.NAMES)
def test_the_number_of_parameters_is_the_published_one(model_id: str) -> None:
    with torch.device("meta"):  # shapes only
        transformer = room._transformer(room._row(model_id), torch.float32, "sdpa")
    known = catalog.get(model_id)
    assert sum(parameter.numel() for parameter in transformer.parameters()) == known.parameters.value
    assert transformer.config.hidden_size == known.dimensions.value


@pytest.mark.parametrize("model_id", room.NAMES)
def test_pooling_limit_and_prompts_are_the_published_ones(model_id: str) -> None:
    row, known = room._row(model_id), catalog.get(model_id)
    pooling = next(module for module in row.modules if module.name == "Pooling").settings or {}
    mode = next(name for name, chosen in pooling.items() if name.startswith("pooling_mode_") and chosen is True)
    assert mode.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token") == known.pooling.value
    assert row.max_tokens in (known.max_tokens.value, None)


def test_it_encodes_and_says_what_it_is(model: object) -> None:
    vectors = model.encode(["one text", "another, longer text"])  # type: ignore[attr-defined]
    assert vectors.shape == (2, 384) and np.isfinite(vectors).all()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5) and not np.allclose(vectors[0], vectors[1])
    assert "RANDOM WEIGHTS" in str(model) and model.max_seq_length == 256  # type: ignore[attr-defined]


def test_the_tokenizer_of_the_models_built_on_bert_is_the_real_one(model: object) -> None:
    from transformers import AutoTokenizer

    text = "Compute the arithmetic mean along the specified axis: numpy.mean(a), naïvely"
    real = AutoTokenizer.from_pretrained(hub.model_folder())
    assert model.tokenizer(text)["input_ids"] == real(text)["input_ids"]  # type: ignore[attr-defined]


def test_every_weight_has_a_value_and_no_two_rows_are_alike(model: object) -> None:
    parameters = dict(model[0].model.named_parameters())  # type: ignore[index]
    assert all(torch.isfinite(values).all() for values in parameters.values())
    words = parameters["embeddings.word_embeddings.weight"]
    assert words.std().item() == pytest.approx(0.02, rel=0.02) and len(torch.unique(words[:, :4], dim=0)) == len(words)
    assert (parameters["embeddings.LayerNorm.weight"] == 1).all() and (parameters["embeddings.LayerNorm.bias"] == 0).all()


def test_the_type_and_the_attention_are_those_asked_for() -> None:
    small = full_size(SMALLEST, dtype="bfloat16", attention="eager")
    assert {parameter.dtype for parameter in small.parameters()} == {torch.bfloat16}
    transformer: Any = small[0]
    assert transformer.model.config._attn_implementation == "eager"


@given(model_id=ANYTHING)
def test_other_names_are_refused(model_id: object) -> None:
    with pytest.raises((TypeError, ValueError), match="model_id must be one of"):
        full_size(model_id)  # type: ignore[arg-type]


@pytest.mark.parametrize(("option", "value"), [("dtype", "int8"), ("dtype", None), ("attention", "fast"), ("device", ""), ("device", 0)])
def test_other_options_are_refused(option: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError), match=f"{option} must be"):
        full_size(SMALLEST, **{option: value})  # type: ignore[arg-type]
