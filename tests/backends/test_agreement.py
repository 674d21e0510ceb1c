"""An export answers every call as the model it comes from does."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import backends, corpus
from helpers.backends.errors import ExportError
from tests.backends.common import CALLS, FORMATS, ODD_TEXTS, ONE_WORKER, TEXTS, difference

pytestmark = ONE_WORKER


# As before


def test_documents_and_odd_texts_agree_with_torch(model: Any, loaded: dict[str, Any]) -> None:
    """tests/soak does the same with a thousand documents."""
    texts = [entry.text for entry in corpus.api_docs()[::40]] + ODD_TEXTS
    assert len(set(texts)) > 100
    by_torch = model.encode(texts)
    for name, other in loaded.items():
        embeddings = other.encode(texts)
        assert embeddings.shape == by_torch.shape and embeddings.dtype == by_torch.dtype
        assert difference(embeddings, by_torch) <= 1e-5, name


def test_company_in_a_batch_changes_nothing(exported: Any) -> None:
    together = exported.encode(ODD_TEXTS)
    assert difference(together, exported.encode(ODD_TEXTS[::-1], batch_size=3)[::-1]) <= 1e-5
    assert difference(together, [exported.encode(text) for text in ODD_TEXTS]) <= 1e-5


@settings(max_examples=12)
@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=3))
def test_any_text_agrees_with_torch(model: Any, loaded: dict[str, Any], texts: list[str]) -> None:
    by_torch = model.encode(texts)
    assert all(difference(other.encode(texts), by_torch) <= 1e-5 for other in loaded.values())


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_way_of_calling_gives_what_torch_gives(call: Callable[[Any], Any], model: Any, exported: Any) -> None:
    ours, theirs = call(model), call(exported)
    assert type(ours) is type(theirs) and ours.shape == theirs.shape and ours.dtype == theirs.dtype
    assert not ours.size or difference(ours, theirs) <= 1e-5 if isinstance(ours, np.ndarray) else difference(ours, theirs) <= 1e-5


def test_quantized_embeddings_are_nearly_torchs(model: Any, exported: Any) -> None:
    texts = [passage.text for passage in corpus.passages()][:40]
    binary = [np.unpackbits(each.encode(texts, precision="ubinary"), axis=1) for each in (model, exported)]
    assert (binary[0] == binary[1]).mean() > 0.999  # a number within 1e-5 of zero may fall on either side


def test_the_model_describes_itself_as_before(model: Any, exported: Any) -> None:
    for name in ("max_seq_length", "prompts", "default_prompt_name", "similarity_fn_name", "truncate_dim", "device", "dtype", "modalities"):
        assert getattr(exported, name) == getattr(model, name), name
    assert exported.get_embedding_dimension() == model.get_embedding_dimension() == 384
    assert exported.tokenizer("a cat")["input_ids"] == model.tokenizer("a cat")["input_ids"]
    assert exported.get_backend() in FORMATS
    assert all(repr(module) in repr(exported) for module in model)


def test_a_token_limit_can_be_lowered_and_raised_to_what_was_exported(model: Any, folders: dict[str, Path]) -> None:
    other = backends.load(folders["openvino"])
    long = "word " * 300
    try:
        other.max_seq_length = model.max_seq_length = 20
        assert other.preprocess([long])["input_ids"].shape[1] == 20
        assert difference(other.encode(long), model.encode(long)) <= 1e-5
    finally:
        other.max_seq_length = model.max_seq_length = 256
    for odd in (257, 0, -1, None, "20", 20.0):
        with pytest.raises((TypeError, ValueError), match=r"^max_seq_length must be a whole number from 1 to 256, got "):
            other.max_seq_length = odd
    other.tokenizer.model_max_length = 1_000
    with pytest.raises(ExportError, match=r"at most the 256 tokens that it was exported for, got 302\.$"):
        other.encode(long)


def test_threads_may_share_a_model(exported: Any) -> None:
    groups = [[f"{number} {text}" for text in TEXTS] for number in range(4)]
    expected = [exported.encode(group) for group in groups]
    found: dict[int, list[float]] = {}

    def work(number: int) -> None:
        found[number] = [difference(exported.encode(groups[number], batch_size=2), expected[number]) for _ in range(3)]

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and max(max(values) for values in found.values()) <= 1e-5
