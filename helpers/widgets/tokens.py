"""The pieces that a model cuts a text into, their vectors, and how much each of them adds to the vector of the text."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import arguments
from helpers.encoding import NO_LIMIT

POOLINGS = ("mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens")
"""The names of the library's six poolings."""

HIGHEST_LIMIT = 512
"""The widest limit that a slider offers. Some models read 32,768 tokens, which no reader can look at."""

ACCEPTED = "a SentenceTransformer with a fast tokenizer that cuts texts at their end"


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as a model gets it.

    Attributes:
        pieces: All tokens of the text in their order, as the tokenizer names them, special tokens included.
        special: For each piece, whether the tokenizer has added it, such as ``[CLS]``.
        read: For each piece, whether the model reads it. The others lie beyond the limit.
        kept: The beginning of the text, as far as the model reads it.
        vectors: The token embeddings of the pieces that are read, shape (read pieces, dimensions).
    """

    pieces: tuple[str, ...]
    special: tuple[bool, ...]
    read: tuple[bool, ...]
    kept: str
    vectors: np.ndarray

    def pieces_read(self) -> list[str]:
        """The pieces that have a vector, in the order of `vectors`."""
        return [piece for piece, is_read in zip(self.pieces, self.read, strict=True) if is_read]


def limits(model: Any) -> tuple[int, int]:
    """The lowest and the highest limit to offer: room for one piece beside the special tokens, and the model's own limit, at most 512."""
    own = model.max_seq_length if hasattr(_tokenizer(model), "num_special_tokens_to_add") else None
    lowest = int(model.tokenizer.num_special_tokens_to_add()) + 1
    return lowest, HIGHEST_LIMIT if own is None or own >= NO_LIMIT else min(int(own), HIGHEST_LIMIT)


def model_pooling(model: Any) -> str:
    """The name of the pooling of a model.

    Raises:
        TypeError: Where the model has no module that pools in one of the library's six ways, as static embeddings have none.
    """
    modules = list(model) if hasattr(model, "__iter__") and not isinstance(model, str | bytes | dict) else []
    modes = [module.pooling_mode for module in modules if hasattr(module, "pooling_mode")]
    if len(modes) != 1 or modes[0] not in POOLINGS:
        accepted = f"a SentenceTransformer with one pooling of {', '.join(POOLINGS)}"
        raise arguments.wrong_type("model", modes or type(model).__name__, accepted)
    return str(modes[0])


def read_tokens(model: Any, text: str, limit: int) -> Tokens:
    """Cut a text into pieces and run the model once on those within the limit. No prompt is added.

    Args:
        model: A SentenceTransformer with a fast tokenizer that cuts at the end.
        text: The text, of any length.
        limit: How many tokens the model may read, special tokens included.

    Raises:
        TypeError, ValueError: Where the model is another one or the limit leaves no room for a piece.
    """
    tokenizer = _tokenizer(model)
    text = arguments.text(text, "text")
    limit = arguments.integer(limit, "limit", minimum=limits(model)[0])
    whole = tokenizer(text, truncation=False, return_special_tokens_mask=True, return_offsets_mapping=True, verbose=False)
    special = np.array(whole["special_tokens_mask"], dtype=bool)
    own = np.cumsum(~special)  # 1 for the first piece of the text itself, 2 for the next
    read = special | (own <= limit - special.sum())
    ends = [end for (_, end), is_own in zip(whole["offset_mapping"], read & ~special, strict=True) if is_own]
    options = {"text": {"max_length": limit, "truncation": True}}
    vectors = model.encode([text], prompt="", output_value="token_embeddings", processing_kwargs=options)[0]
    return Tokens(
        pieces=tuple(tokenizer.convert_ids_to_tokens(whole["input_ids"])),
        special=tuple(special.tolist()),
        read=tuple(read.tolist()),
        kept=text if read.all() else text[: ends[-1] if ends else 0],
        vectors=vectors.detach().float().cpu().numpy(),
    )


def contributions(vectors: Any, pooling: str) -> np.ndarray:
    """What each token puts into the pooled vector: one row a token, and the rows add up to the pooled vector.

    For max pooling a token puts in the numbers in which it is the largest; for the other poolings its vector times a weight.

    Args:
        vectors: The token embeddings of one text without padding, shape (tokens, dimensions).
        pooling: One of POOLINGS.

    Raises:
        TypeError, ValueError: Where there is no such matrix or no such pooling.
    """
    rows = arguments.matrix(vectors, "vectors")
    pooling = arguments.choice(pooling, "pooling", POOLINGS)
    place = np.arange(1, len(rows) + 1)
    if pooling == "max":
        return np.where(place[:, None] - 1 == rows.argmax(axis=0), rows, 0.0)
    weights = {
        "mean": np.full(len(rows), 1 / len(rows)),
        "mean_sqrt_len_tokens": np.full(len(rows), len(rows) ** -0.5),
        "weightedmean": place / place.sum(),
        "cls": place == 1,
        "lasttoken": place == len(rows),
    }
    return weights[pooling][:, None] * rows


def shares(vectors: Any, pooling: str) -> np.ndarray:
    """How much each token adds to the pooled vector, measured along that vector: the shares add up to 1, below 0 pulls away from it.

    Args and errors as for `contributions`.
    """
    rows = contributions(vectors, pooling)
    pooled = rows.sum(axis=0)
    squared_length = float(pooled @ pooled)
    return rows @ pooled / squared_length if squared_length else np.zeros(len(rows))


def unit(vectors: Any) -> np.ndarray:
    """Vectors, one a row, each divided by its length; a row of zeros stays one."""
    rows = arguments.matrix(vectors, "vectors")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1))


def percent(share: float) -> str:
    """A share as a whole percentage, with a true minus sign and without a minus zero."""
    return f"{round(100 * arguments.number(share, 'share'))} %".replace("-", "−")


def _tokenizer(model: Any) -> Any:
    tokenizer = getattr(model, "tokenizer", None)
    if getattr(tokenizer, "is_fast", False) is not True or getattr(tokenizer, "truncation_side", "") != "right":
        raise arguments.wrong_type("model", type(model).__name__, ACCEPTED)
    return tokenizer
