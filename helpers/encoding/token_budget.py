"""Batches by their number of tokens instead of texts: less padding, and the same amount of work in each.

`encode` sorts by characters and gives each batch the same number of texts. Characters are a poor measure of tokens where names and code
stand between words, so texts of different lengths come together and the shorter ones are padded.
"""

from typing import Any

import numpy as np

from helpers import arguments
from helpers.encoding.options import take_progress_bar
from helpers.encoding.texts import NO_LIMIT

TOKENS_A_BATCH = 2048
# Texts that are tokenized at once to be counted: enough for the tokenizer's threads, few enough to hold.
COUNTED_AT_ONCE = 4096


def token_batches(lengths: Any, max_tokens: int = TOKENS_A_BATCH) -> list[np.ndarray]:
    """Batches of texts of similar length, each with at most `max_tokens` tokens after padding.

    Args:
        lengths: The tokens of each text, whole numbers of at least 0.
        max_tokens: Tokens of a batch when each of its texts is padded to its longest. A text that is longer alone is a batch of its own.

    Returns:
        One array a batch with the positions of its texts in `lengths`; longest texts first, so that what does not fit into memory
        shows at once. Each position stands in exactly one batch.
    """
    numbers = _lengths(lengths)
    max_tokens = arguments.integer(max_tokens, "max_tokens", minimum=1)
    longest_first = np.argsort(-numbers, kind="stable")
    batches, start = [], 0
    while start < len(longest_first):
        texts = max(1, max_tokens // max(1, int(numbers[longest_first[start]])))
        batches.append(longest_first[start : start + texts])
        start += texts
    return batches


def encode_by_token_budget(model: Any, texts: list[str], *, max_tokens: int = TOKENS_A_BATCH, **options: Any) -> np.ndarray:
    """``model.encode`` in batches of a number of tokens, not of texts. It counts tokens, so it pays where texts differ in length.

    Args:
        model: A SentenceTransformer with a tokenizer.
        texts: The texts.
        max_tokens: Tokens of one batch, padding included.
        options: Passed to ``encode``, for example ``prompt_name="document"``, ``normalize_embeddings=True``, ``truncate_dim=128``.
            ``show_progress_bar=True`` shows a bar over the texts.

    Returns:
        One vector a text, in the order of the texts: shape (texts, dimensions), (0, dimensions) for no texts. They are those of ``encode``
        up to rounding.

    Raises:
        TypeError, ValueError: Where an argument is of the wrong kind, or an option would not give such an array.
    """
    from tqdm.auto import tqdm

    model = arguments.encoder(model, "model")
    texts = arguments.texts(texts, "texts", empty=True)
    max_tokens = arguments.integer(max_tokens, "max_tokens", minimum=1)
    show_progress_bar = take_progress_bar(options, "encode_by_token_budget")
    if "batch_size" in options:
        raise arguments.wrong_value("batch_size", options["batch_size"], "left out: max_tokens decides how many texts are a batch")
    batches = token_batches(token_counts(model, texts), max_tokens)
    if not batches:
        return _encoded(model, [""], options)[:0]
    vectors: np.ndarray | None = None
    with tqdm(total=len(texts), desc="Encoding", unit=" texts", disable=not show_progress_bar) as bar:
        for places in batches:
            encoded = _encoded(model, [texts[place] for place in places], options)
            if vectors is None:
                vectors = np.empty((len(texts), encoded.shape[1]), dtype=encoded.dtype)
            vectors[places] = encoded
            bar.update(len(places))
    assert vectors is not None
    return vectors


def token_counts(model: Any, texts: list[str]) -> np.ndarray:
    """The tokens that a model reads of each text, special tokens included: int64 of shape (texts,).

    A prompt is not counted: it adds the same number to each.

    Raises:
        TypeError, ValueError: Where the model has no tokenizer, or the texts are no list of strings.
    """
    tokenizer = getattr(model, "tokenizer", None)
    if not callable(tokenizer):
        raise arguments.wrong_type("model", model, "a SentenceTransformer with a tokenizer")
    texts = arguments.texts(texts, "texts", empty=True)
    limit = getattr(model, "max_seq_length", None) or NO_LIMIT
    counts = np.empty(len(texts), dtype=np.int64)
    for start in range(0, len(texts), COUNTED_AT_ONCE):
        # verbose=False: the tokenizer would log that a text is too long for the model, which encode cuts.
        tokens = tokenizer(texts[start : start + COUNTED_AT_ONCE], truncation=False, padding=False, verbose=False)["input_ids"]
        counts[start : start + COUNTED_AT_ONCE] = [min(len(ids), limit) for ids in tokens]
    return counts


def _encoded(model: Any, batch: list[str], options: dict[str, Any]) -> np.ndarray:
    vectors = np.asarray(model.encode(batch, batch_size=len(batch), show_progress_bar=False, convert_to_numpy=True, **options))
    if vectors.ndim != 2 or len(vectors) != len(batch):
        raise ValueError(f"model must encode each text to a vector, got shape {vectors.shape} for {len(batch)} texts.")
    return vectors


def _lengths(value: object) -> np.ndarray:
    accepted = "whole numbers of at least 0, one a text"
    if isinstance(value, str | bytes):
        raise arguments.wrong_type("lengths", value, accepted)
    try:
        numbers = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise arguments.wrong_type("lengths", value, accepted) from error
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise arguments.wrong_type("lengths", value, accepted)
    if numbers.size and numbers.min() < 0:
        raise arguments.wrong_value("lengths", value, accepted)
    return numbers.astype(np.int64)
