"""What happens to a text on its way into a model, and what the vectors will weigh.

A model reads a limited number of tokens and drops the rest of a text without a word. `truncation_report` says what is lost, `chunk`
cuts a text into pieces that lose nothing, `embedding_bytes` and `model_bytes` tell the size of an index and of a model.
"""

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from helpers import arguments

# Bits of one dimension. The names are the values of encode(precision=...), and float16 for models loaded in half precision.
BITS = {"float32": 32, "float16": 16, "int8": 8, "uint8": 8, "binary": 1, "ubinary": 1}

# A tokenizer that knows no limit says 10**30.
NO_LIMIT = 10**18


@dataclass(frozen=True, slots=True)
class Truncation:
    """What a model reads of one text.

    Attributes:
        tokens: Tokens of the whole text, the special tokens and those of the prompt included.
        limit: Tokens that the model reads, special tokens included; None for a model without a limit.
        lost: Tokens that are cut off, 0 where the text fits.
        share_kept: Share of the text's own tokens that the model reads, from 0 to 1; 1 for an empty text.
        kept: The beginning of the text, exactly as far as the model reads it.
    """

    tokens: int
    limit: int | None
    lost: int
    share_kept: float
    kept: str

    def __str__(self) -> str:
        limit = "no limit" if self.limit is None else f"limit {self.limit}"
        return f"{self.tokens} tokens, {limit}, {self.lost} lost, {self.share_kept:.1%} kept"


def truncation_report(model: Any, texts: list[str], prompt: str | None = None) -> list[Truncation]:
    """What ``model.encode`` reads of each text, and what it silently drops.

    Args:
        model: A SentenceTransformer whose tokenizer is a fast one that cuts at the end, as nearly all do.
        texts: The texts, as they would be given to ``encode``.
        prompt: The text that is put before each of them; it uses up tokens too. None: the model's default prompt, where it has one.

    Returns:
        One `Truncation` a text, in the same order.

    Raises:
        TypeError, ValueError: Where the model has no such tokenizer, or the texts are no list of strings.
    """
    tokenizer = _fast_tokenizer(getattr(model, "tokenizer", None), "model", "a SentenceTransformer with a fast tokenizer")
    if tokenizer.truncation_side != "right":
        raise ValueError(f"model must cut texts at their end, got a tokenizer that cuts at the {tokenizer.truncation_side}.")
    texts = arguments.texts(texts, "texts", empty=True)
    before = _default_prompt(model) if prompt is None else arguments.text(prompt, "prompt")
    limit = model.max_seq_length
    if limit is not None and limit >= NO_LIMIT:
        limit = None
    return [_truncation(tokenizer, limit, before, text) for text in texts]


def chunk(text: str, tokenizer: Any, max_tokens: int, overlap: int = 0) -> list[str]:
    """Cuts a text into chunks that a model reads to the end.

    A chunk ends between two words; a word is cut only where it alone is too long for a chunk. The chunks are exact pieces of
    the text in their order, without the white space around them, and together they hold all of it.

    Args:
        text: The text to cut.
        tokenizer: The model's own tokenizer, ``model.tokenizer``, a fast one: another counts other tokens.
        max_tokens: The most tokens of a chunk, special tokens included, such as ``model.max_seq_length``. A prompt needs room of its own.
        overlap: About how many tokens a chunk shares with the one before it: whole words of at most so many tokens together.

    Returns:
        The chunks; an empty list for a text of white space.

    Raises:
        TypeError, ValueError: Where an argument is of the wrong kind, ``max_tokens`` leaves no room for a single character beside the
            special tokens, or ``overlap`` fills a whole chunk.
    """
    text = arguments.text(text, "text")
    tokenizer = _fast_tokenizer(tokenizer, "tokenizer", "a model's fast tokenizer, such as model.tokenizer")
    special = int(tokenizer.num_special_tokens_to_add())
    room = arguments.integer(max_tokens, "max_tokens", minimum=special + 1) - special
    overlap = arguments.integer(overlap, "overlap", minimum=0, maximum=room - 1)
    return [text[start:end] for start, end in _chunk_spans(text, tokenizer, room, overlap)]


def embedding_bytes(n: int, dimensions: int, dtype: str = "float32") -> int:
    """The bytes of ``n`` embeddings, without what an index adds to them.

    Args:
        n: How many vectors.
        dimensions: Their dimensions before quantization. For binary vectors a multiple of 8, for eight of them share a byte.
        dtype: float32, float16, int8, uint8, binary or ubinary.

    Raises:
        TypeError, ValueError: Where a number is negative or the type is unknown.
    """
    n = arguments.integer(n, "n", minimum=0)
    dimensions = arguments.integer(dimensions, "dimensions", minimum=1)
    bits = dimensions * BITS[arguments.choice(dtype, "dtype", BITS)]
    if bits % 8:
        raise arguments.wrong_value("dimensions", dimensions, "a multiple of 8 for binary vectors")
    return n * bits // 8


def model_bytes(model: Any) -> int:
    """The bytes of a model's weights: its parameters and buffers, those that several parts share once.

    What the process holds besides (the libraries, a batch on its way) is not in it.

    Raises:
        TypeError: Where the model is no torch module, as one that runs in ONNX Runtime or OpenVINO is not.
        ValueError: Where it has no weights in torch.
    """
    if isinstance(model, type) or not callable(getattr(model, "parameters", None)) or not callable(getattr(model, "buffers", None)):
        raise arguments.wrong_type("model", model, "a SentenceTransformer or another torch module")
    weights = {id(weight): weight for weight in (*model.parameters(), *model.buffers())}
    if not weights:
        raise arguments.wrong_value("model", type(model).__name__, "a model with weights in torch")
    return sum(weight.numel() * weight.element_size() for weight in weights.values())


def gib(n_bytes: int) -> str:
    """A number of bytes in GiB (1,073,741,824 bytes), for example ``1.43 GiB``. A GB is 1,000,000,000 bytes, 7 % less.

    Raises:
        TypeError, ValueError: Where ``n_bytes`` is no whole number or negative.
    """
    n_bytes = arguments.integer(n_bytes, "n_bytes", minimum=0)
    hundredths = (n_bytes * 100 + 2**29) // 2**30  # in whole numbers, for a float holds no number of bytes beyond 2**1024
    return f"{hundredths // 100:,}.{hundredths % 100:02} GiB"


def _chunk_spans(text: str, tokenizer: Any, room: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Where each chunk begins and ends in the text."""
    pieces = _pieces(text, tokenizer, room)

    def fits(first: int, stop: int) -> bool:
        return _size(tokenizer, text[pieces[first].start : pieces[stop - 1].end]) <= room

    first = stop = 0
    while stop < len(pieces):
        least = stop + 1  # every chunk reaches further than the one before it
        stop = max(least, first + _count_within(room, (pieces[index].tokens for index in range(first, len(pieces)))))
        while stop > least and not fits(first, stop):  # alone, words can need more tokens than in the whole text
            stop -= 1
        yield pieces[first].start, pieces[stop - 1].end
        # A word can have no token of its own (control characters, a token across two words): no overlap means none of those either.
        first = stop - (_count_within(overlap, (pieces[index].tokens for index in range(stop - 1, first, -1))) if overlap else 0)
        while first < stop < len(pieces) and not fits(first, stop + 1):
            first += 1


class _Piece(NamedTuple):
    """A word, or a part of a word too long for a chunk: where it stands in the text, and its tokens."""

    start: int
    end: int
    tokens: int


def _pieces(text: str, tokenizer: Any, room: int) -> list[_Piece]:
    pieces: list[_Piece] = []
    for word in _words(text, tokenizer):
        # Alone, a word can need other tokens than in its text, but never four times as many, and no more than four a character.
        if 4 * max(word.tokens, word.end - word.start) < room:
            pieces.append(word)
        else:
            pieces.extend(_cut(text, word, tokenizer, room))
    return pieces


def _words(text: str, tokenizer: Any) -> list[_Piece]:
    """The words of a text with the tokens that each has in it, counted in one pass."""
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    ends = [end for _, end in spans]
    counts = [0] * len(spans)
    for _, end in _encoded(tokenizer, text, special=False)["offset_mapping"]:
        # By its end, because the tokens of some models begin with the space before the word.
        if (index := bisect.bisect_left(ends, end)) < len(counts):
            counts[index] += 1
    return [_Piece(start, end, count) for (start, end), count in zip(spans, counts, strict=True)]


def _cut(text: str, word: _Piece, tokenizer: Any, room: int) -> Iterator[_Piece]:
    """A word in parts that each fit into the room alone, cut where its tokens end; one part where it fits."""
    offsets = _encoded(tokenizer, text[word.start : word.end], special=False)["offset_mapping"]
    token_ends = [word.start + end for _, end in offsets]
    start = word.start
    while start < word.end:
        last = bisect.bisect_right(token_ends, start) + room
        end = max(token_ends[last - 1], start + 1) if last < len(token_ends) else word.end
        while (tokens := _size(tokenizer, text[start:end])) > room:  # a part alone can need more tokens than within its word
            end -= 1
            if end == start:
                raise ValueError(f"max_tokens must leave room for each character, got too few for {text[start]!r} at position {start}.")
        yield _Piece(start, end, tokens)
        start = end


def _count_within(room: int, sizes: Iterator[int]) -> int:
    """How many of the first sizes fit into a room together."""
    count = 0
    for size in sizes:
        room -= size
        if room < 0:
            break
        count += 1
    return count


def _size(tokenizer: Any, text: str) -> int:
    return len(_encoded(tokenizer, text, special=False)["input_ids"])


def _truncation(tokenizer: Any, limit: int | None, prompt: str, text: str) -> Truncation:
    encoded = _encoded(tokenizer, prompt + text, special=True)
    tokens = len(encoded["input_ids"])
    if limit is None or tokens <= limit:
        return Truncation(tokens, limit, 0, 1.0, text)
    lost = tokens - limit
    # The ends of the content tokens, the added ones left out: a "[SEP]" that stands in the text itself is content.
    ends = [end for (_, end), added in zip(encoded["offset_mapping"], encoded["special_tokens_mask"], strict=True) if not added]
    own = [end - len(prompt) for end in ends if end > len(prompt)]
    kept = own[: max(0, len(own) - lost)]
    return Truncation(tokens, limit, lost, len(kept) / len(own) if own else 1.0, text[: kept[-1]] if kept else "")


def _encoded(tokenizer: Any, text: str, *, special: bool) -> Any:
    # verbose=False: the tokenizer would log that the text is too long for the model, which is what we are here to find out.
    return tokenizer(
        text,
        truncation=False,
        add_special_tokens=special,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        verbose=False,
    )


def _default_prompt(model: Any) -> str:
    name = getattr(model, "default_prompt_name", None)
    return "" if name is None else str(model.prompts[name])


def _fast_tokenizer(tokenizer: Any, name: str, accepted: str) -> Any:
    if getattr(tokenizer, "is_fast", False) is not True or not callable(tokenizer):
        raise TypeError(f"{name} must be {accepted}, got {type(tokenizer).__name__}.")
    return tokenizer
