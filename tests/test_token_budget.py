"""Batches by tokens: every text once, none above the budget, the vectors of encode, and less padding than its batches have."""

from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import corpus, hub
from helpers.encoding import encode_by_token_budget, token_batches
from helpers.encoding.token_budget import token_counts
from tests.test_arguments import ANYTHING


@pytest.fixture(scope="module")
def model() -> Any:
    hub.activate(verify=False)
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer("all-MiniLM-L6-v2", device="cpu")


@given(st.lists(st.integers(0, 600), max_size=60), st.integers(1, 2000))
def test_each_text_is_in_one_batch_and_no_batch_is_above_the_budget(lengths: list[int], max_tokens: int) -> None:
    batches = token_batches(lengths, max_tokens)
    assert sorted(chain.from_iterable(batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= max_tokens


@given(st.lists(st.integers(1, 600), min_size=1, max_size=60), st.integers(1, 2000))
def test_the_longest_come_first_and_no_batch_could_take_the_next_text(lengths: list[int], max_tokens: int) -> None:
    batches = token_batches(lengths, max_tokens)
    in_order = [lengths[place] for place in chain.from_iterable(batches)]
    assert in_order == sorted(lengths, reverse=True)
    for batch in batches[:-1]:
        assert (len(batch) + 1) * lengths[batch[0]] > max_tokens


@given(ANYTHING)
def test_lengths_of_any_other_kind_are_refused_in_words(lengths: object) -> None:
    try:
        batches = token_batches(lengths)
    except (TypeError, ValueError) as error:
        assert str(error).startswith("lengths must be whole numbers of at least 0, one a text, got ")
    else:
        assert len(list(chain.from_iterable(batches))) == len(lengths)  # type: ignore[arg-type]


@given(ANYTHING)
def test_a_budget_of_any_other_kind_is_refused_in_words(budget: object) -> None:
    if isinstance(budget, int) and not isinstance(budget, bool) and budget >= 1:
        assert token_batches([3], budget)
        return
    with pytest.raises((TypeError, ValueError), match="max_tokens must be a whole number of at least 1, got "):
        token_batches([3], budget)  # type: ignore[arg-type]


def test_the_vectors_are_those_of_encode_in_the_order_of_the_texts(model: Any) -> None:
    texts = ["", "short", "a somewhat longer text " * 9, "机器学习", "x " * 400, "short"]
    options = {"prompt": "query: ", "normalize_embeddings": True, "truncate_dim": 100}
    ours = encode_by_token_budget(model, texts, max_tokens=64, **options)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, model.encode(texts, **options), atol=1e-6)


def test_no_texts_give_no_vectors_of_the_right_width(model: Any) -> None:
    assert encode_by_token_budget(model, [], truncate_dim=8).shape == (0, 8)


def test_counts_are_those_that_the_model_reads(model: Any) -> None:
    texts = ["", "two words", "x " * 400]
    read = [int(model.preprocess([text])["attention_mask"].sum()) for text in texts]
    assert token_counts(model, texts).tolist() == read == [2, 4, 256]


def test_batches_of_the_documentation_hold_less_padding_than_those_of_encode(model: Any) -> None:
    """encode sorts by characters; the best of the usual batch sizes still computes a sixth more than this."""
    texts = [entry.text for entry in corpus.api_docs()]
    lengths = token_counts(model, texts)
    by_characters = np.argsort([-len(text) for text in texts])

    def padded(batches: Any) -> int:
        return sum(len(batch) * int(lengths[batch].max()) for batch in batches)

    usual = min(padded([by_characters[start : start + size] for start in range(0, len(texts), size)]) for size in (8, 16, 32, 64, 128))
    ours = padded(token_batches(lengths, 1024))
    assert ours < 1.1 * lengths.sum()
    assert usual > 1.15 * ours


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 8}, "batch_size must be left out: max_tokens decides"),
        ({"convert_to_tensor": True}, "convert_to_tensor must be left out: encode_by_token_budget gives an array"),
        ({"precision": "int8"}, "precision must be float32 or binary"),
        ({"max_tokens": 0}, "max_tokens must be a whole number of at least 1"),
        ({"show_progress_bar": "yes"}, "show_progress_bar must be True or False"),
    ],
)
def test_options_that_make_no_sense_here_are_refused(model: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        encode_by_token_budget(model, ["a text"], **options)


def test_models_without_a_tokenizer_are_refused() -> None:
    class NoTokenizer:
        def encode(self, texts: list[str], **options: Any) -> np.ndarray:
            return np.zeros((len(texts), 2))

    with pytest.raises(TypeError, match="model must be a SentenceTransformer with a tokenizer, got NoTokenizer"):
        encode_by_token_budget(NoTokenizer(), ["a text"])
