"""The texts that are timed: of exactly so many tokens, made from the documentation corpus or from the reader's own file."""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helpers import arguments

OWN = "own"
# So many different texts at most; larger batches repeat them.
MOST_TEXTS = 256
# One token each in every vocabulary, to fill a text up to the length.
FILLERS = ("a", "1", ".", "the", "is")
# Some places in the words give no text of the length: the next ones are tried.
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that are encoded together, their tokens without padding, and the tokens of the longest."""

    texts: tuple[str, ...]
    tokens: int
    longest: int


def read_texts(path: object) -> list[str]:
    """The texts of a file in UTF-8, one a line; empty lines are left out. ValueError where it is missing, empty or binary."""
    file = arguments.path(path, "texts")
    try:
        content = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"texts must be a text file that can be read, got {str(file)!r}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"texts must be a text file in UTF-8, got {str(file)!r}: byte {error.start} is not.") from error
    if "\0" in content:
        raise ValueError(f"texts must be a text file in UTF-8, got {str(file)!r}: it holds null characters, as binary files do.")
    found = [line.strip() for line in content.splitlines() if line.strip()]
    if not found:
        raise ValueError(f"texts must be a file with a text on at least one line, got {str(file)!r}: it holds none.")
    return found


def of_length(tokenizer: Any, sources: Sequence[str], length: int, count: int) -> list[str]:
    """So many texts of exactly `length` tokens, special tokens included, made from the words of `sources`, begun anew where they end.

    Raises:
        ValueError: `length` leaves no room for a word, or no text of this length can be made with this tokenizer.
    """
    length, count = arguments.integer(length, "length", minimum=1), arguments.integer(count, "count", minimum=1)
    words = [word for text in arguments.texts(sources, "sources") for word in text.split()]
    _refuse_what_is_no_tokenizer(tokenizer)
    if not words:
        raise arguments.wrong_value("sources", sources, "texts with at least one word")
    special = _size(tokenizer, "")
    if length <= special:
        raise ValueError(f"length must be at least {special + 1} tokens with this tokenizer ({special} are special), got {length}.")
    texts: list[str] = []
    start = 0
    for _ in range(count * _ATTEMPTS):
        # A text has at least as many tokens as words, so these are enough; the last one that fits is found by halving.
        piece = [words[(start + offset) % len(words)] for offset in range(length)]
        fitting = bisect.bisect_right(range(1, length + 1), length, key=lambda size: _size(tokenizer, " ".join(piece[:size])))
        start = (start + max(fitting, 1)) % len(words)
        texts += filter(None, [_filled(tokenizer, " ".join(piece[:fitting]), length)])
        if len(texts) == count:
            return texts
    raise ValueError(f"length must be one that texts can be made of with this tokenizer, got {length}.")


def batches(tokenizer: Any, texts: Sequence[str], batch_size: int, count: int) -> list[Batch]:
    """So many batches of texts, spread over all of them; texts repeat where there are fewer than the batches need."""
    chosen = arguments.texts(texts, "texts")
    batch_size = arguments.integer(batch_size, "batch_size", minimum=1)
    wanted = batch_size * arguments.integer(count, "count", minimum=1)
    _refuse_what_is_no_tokenizer(tokenizer)
    enough = wanted <= len(chosen)
    spread = [chosen[index * len(chosen) // wanted if enough else index % len(chosen)] for index in range(wanted)]
    sizes = {text: _size(tokenizer, text, cut=True) for text in dict.fromkeys(spread)}
    parts = [tuple(spread[start : start + batch_size]) for start in range(0, wanted, batch_size)]
    return [Batch(part, sum(sizes[text] for text in part), max(sizes[text] for text in part)) for part in parts]


def _filled(tokenizer: Any, text: str, length: int) -> str:
    """The text with fillers until it has this length; empty where the fillers jump over it."""
    while (size := _size(tokenizer, text)) < length:
        longer = [f"{text} {filler}".strip() for filler in FILLERS]
        text = min(longer, key=lambda candidate: _size(tokenizer, candidate))
        if _size(tokenizer, text) == size:
            return ""
    return text if size == length else ""


def _refuse_what_is_no_tokenizer(tokenizer: Any) -> None:
    if isinstance(tokenizer, type) or not callable(tokenizer):
        raise arguments.wrong_type("tokenizer", tokenizer, "a tokenizer of transformers")


def _size(tokenizer: Any, text: str, *, cut: bool = False) -> int:
    return len(tokenizer(text, truncation=cut, verbose=False)["input_ids"])
