"""Exercises of lesson 11: make encoding faster, and prove it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from helpers import arguments
from helpers.exercises import Exercise, Wrong, WrongAnswer

# Seconds for one batch, by batch size; each table has another right answer than the largest, the smallest and the fastest a text.
SECONDS: tuple[dict[int, float], ...] = (
    {1: 0.010, 8: 0.040, 32: 0.120, 128: 0.440, 512: 2.100},
    {1: 0.025, 4: 0.030, 16: 0.200, 64: 0.900},
    {8: 0.090, 16: 0.150, 32: 0.400, 256: 1.000},
)
LONGEST_WAITS = (0.5, 0.25, 0.3)
# Tokens a text: unsorted, and not a multiple of the batch size.
LENGTHS: tuple[tuple[list[int], int], ...] = (
    ([9, 3, 12, 4, 8, 5, 30], 2),
    ([5, 60, 7, 50, 6, 40, 8, 30], 4),
    ([7, 7, 7], 32),
    ([10, 1], 1),
)
LARGEST_WHOLE = 127
CLOSE = 1e-6


# 11.1


def check_batch_size(answer: Any) -> None:
    """A function from measured seconds a batch and the longest wait to the batch size with the highest throughput that answers in time."""
    if not callable(answer):
        raise Wrong(f"The answer is a function choose(seconds, longest_wait), without calling it. It is {arguments.shown(answer)}.")
    for seconds, longest_wait in zip(SECONDS, LONGEST_WAITS, strict=True):
        _compare_batch_size(answer(dict(seconds), longest_wait), seconds, longest_wait)
    if answer({4: 2.0, 8: 3.0}, 1.0) is not None:
        raise Wrong("Where every batch size takes longer than the wait, return None: nothing fits.")


def _compare_batch_size(found: Any, seconds: dict[int, float], longest_wait: float) -> None:
    in_time = {size: took for size, took in seconds.items() if took <= longest_wait}
    best = max(in_time, key=lambda size: size / in_time[size])
    case = f"For {seconds} and a wait of {longest_wait} s"
    if found is None:
        raise Wrong(f"{case} it returned None: does it return the batch size?")
    if isinstance(found, bool | np.bool_) or not isinstance(found, int | np.integer):
        raise Wrong(f"{case} it returned {arguments.shown(found)}: return a batch size, one of the keys.")
    if found == best:
        return
    if found not in seconds:
        raise Wrong(f"{case} it returned {found}, which is none of the batch sizes.")
    if found not in in_time:
        raise Wrong(f"{case} it returned {found}, whose batch takes {seconds[int(found)]} s: too long for the one who waits.")
    if found == max(in_time):
        raise Wrong(f"{case} it returned {found}, the largest that fits. Is the largest the one with the most texts a second?")
    if found == min(in_time, key=lambda size: in_time[size]):
        raise Wrong(f"{case} it returned {found}, the one with the lowest latency. Asked is the highest throughput within the wait.")
    raise Wrong(f"{case} it returned {found}. Throughput is texts divided by seconds.")


# 11.2


def check_computed_tokens(answer: Any) -> None:
    """A function from lengths and a batch size to the tokens computed with padding, texts sorted by length."""
    if not callable(answer):
        raise Wrong(f"The answer is a function tokens_computed(lengths, size), without calling it. It is {arguments.shown(answer)}.")
    for lengths, size in LENGTHS:
        _compare_tokens(answer(list(lengths), size), lengths, size)


def _compare_tokens(found: Any, lengths: list[int], size: int) -> None:
    case = f"For the lengths {lengths} in batches of {size}"
    if found is None:
        raise Wrong(f"{case} it returned None: it has to return the number of tokens.")
    if isinstance(found, bool | np.bool_) or not isinstance(found, int | float | np.integer | np.floating):
        raise Wrong(f"{case} it returned {arguments.shown(found)}: return one number.")
    descending = sorted(lengths, reverse=True)
    if found == _padded(descending, size):
        return
    for wrong, hint in (
        (sum(lengths), "the tokens without padding. Each text of a batch is as long as its longest"),
        (_padded(lengths, size), "the texts in the order given. Sort them first, longest first, as encode does"),
        (_padded(descending[: len(lengths) // size * size], size), "full batches only. The last batch may be smaller"),
        (
            _padded(sorted(lengths), size),
            "the shortest first. encode begins with the longest, so another batch is the small one",
        ),
        (max(lengths) * len(lengths), "every text padded to the longest of all. Only the texts of one batch share a length"),
        (sum(max(descending[at : at + size]) for at in range(0, len(lengths), size)), "one text a batch. Multiply by the number of texts"),
        (
            sum(max(descending[at : at + size]) * size for at in range(0, len(lengths), size)),
            "a last batch filled up with texts that are not there",
        ),
    ):
        if found == wrong:
            raise Wrong(f"{case} it returned {found}: {hint}.")
    raise Wrong(f"{case} it returned {found}. A batch costs its number of texts times its longest text.")


def _padded(ordered: Sequence[int], size: int) -> int:
    parts = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    return sum(max(part) * len(part) for part in parts)


# 11.3


def check_quantized(answer: Any, *, weight: Any) -> None:
    """A function from a matrix to int8 numbers and a scale for each row, also for a row of zeros."""
    if not callable(answer):
        raise Wrong(f"The answer is a function quantize_rows(weight), without calling it. It is {arguments.shown(answer)}.")
    matrix = np.asarray(weight, dtype=np.float32)
    with np.errstate(all="ignore"):
        _compare_quantized(answer(matrix.copy()), matrix)
    with_zeros = np.array([[0.5, -1.0, 0.25], [0, 0, 0]], np.float32)
    try:
        with np.errstate(divide="raise", invalid="raise"):
            whole, scale = _pair(answer(with_zeros.copy()), with_zeros)
            stays = not (whole * scale)[1].any()
    except FloatingPointError:
        stays = False
    if not stays:
        raise Wrong("A row of zeros must come back as zeros. Its largest value is 0, and 0 / 0 is not a number: let its scale be 1.")


def _compare_quantized(found: Any, matrix: np.ndarray) -> None:
    whole, scale = _pair(found, matrix)
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    if scale.size == 1 or np.allclose(scale, np.abs(matrix).max() / LARGEST_WHOLE):
        raise Wrong("All rows share one scale. Take the largest absolute value of each row: max(axis=1, keepdims=True).")
    if np.allclose(scale, np.abs(matrix).max(axis=0, keepdims=True) / LARGEST_WHOLE):
        raise Wrong("These are scales for the columns (axis=0); asked is one for each row.")
    if np.allclose(scale, matrix.max(axis=1, keepdims=True) / LARGEST_WHOLE):
        raise Wrong("The scale comes from the largest *absolute* value: a row's largest number may be smaller than its lowest is low.")
    if np.allclose(scale, LARGEST_WHOLE / largest):
        raise Wrong("The scale is upside down: whole * scale must give the weight back.")
    if (error := np.abs(whole * scale - matrix)).max() > (largest / 2).max():
        raise Wrong("whole * scale is far from the weight: did a number leave -127 … 127 and wrap around, or lose its sign?")
    if (error <= largest / LARGEST_WHOLE / 2 * (1 + 1e-3)).all():
        return
    if (np.abs(whole * scale) <= np.abs(matrix) * (1 + CLOSE)).all():
        raise Wrong("astype(np.int8) cuts the fraction off, so the error is up to a whole step. Round first: np.round.")
    raise Wrong("The steps are coarser than they need be: the largest value of each row should become 127 or -127.")


def _pair(found: Any, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if found is None:
        raise Wrong("The function gave None: it has to return the whole numbers and the scales.")
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong(f"It returned {arguments.shown(found)}: return two arrays, the whole numbers and the scales.")
    whole, scale = (part if isinstance(part, np.ndarray) else np.asarray(part) for part in found)
    if whole.shape != matrix.shape:
        raise Wrong(f"The whole numbers have shape {whole.shape}, the weight {matrix.shape}.")
    if whole.dtype != np.int8:
        raise Wrong(f"The whole numbers are {whole.dtype}; only np.int8 takes one byte each.")
    try:
        np.broadcast_shapes(scale.shape, matrix.shape)
        return whole.astype(np.float32), scale.astype(np.float32)
    except (TypeError, ValueError):
        raise Wrong(
            f"The scales have shape {scale.shape}: whole * scale needs ({len(matrix)}, 1), one for each row. See keepdims=True."
        ) from None


_LARGEST = "np.abs(weight).max(axis=1, keepdims=True)"


def _quantizer(scale: str, whole: str = "np.round(weight / scale).astype(np.int8)") -> str:
    """What a learner might write for 11.3, with these expressions."""
    return f"""
def answer_3(weight):
    scale = {scale}
    return {whole}, scale
"""


def _many(wrong: Callable[..., str], *cases: tuple[tuple[str, ...], str]) -> tuple[WrongAnswer, ...]:
    return tuple(WrongAnswer(code=wrong(*given), hint=hint) for given, hint in cases)


def _chooser(expression: str) -> str:
    return f"""
def answer_1(seconds, longest_wait):
    return {expression}
"""


def _counter(body: str) -> str:
    return f"""
def answer_2(lengths, size):
    {body}
"""


EXERCISES = [
    Exercise(
        number="11.1",
        title="Serve as many as possible, in time",
        question="""
        Write `choose(seconds, longest_wait)`. `seconds` maps a batch size to the seconds that one batch takes, as measured, for example
        `{1: 0.01, 8: 0.04, 32: 0.12}`. Return the batch size with the highest throughput among those whose batch takes at most
        `longest_wait` seconds, and `None` if there is none. Answer with the function.
        """,
        check_answer=check_batch_size,
        hints=(
            "First leave out what takes too long; then compare throughput.",
            "The throughput of a batch size is size / seconds[size].",
            "max(sizes, key=lambda size: size / seconds[size], default=None).",
        ),
        solution_code="""
        def choose(seconds, longest_wait):
            in_time = [size for size, took in seconds.items() if took <= longest_wait]
            return max(in_time, key=lambda size: size / seconds[size], default=None)

        answer_1 = choose
        """,
        wrong_answers=(
            *_many(
                _chooser,
                (("max((size for size in seconds if seconds[size] <= longest_wait), default=None)",), "the largest that fits"),
                (("max(seconds, key=lambda size: size / seconds[size])",), "too long for the one who waits"),
                (("min(seconds, key=seconds.get) if min(seconds.values()) <= longest_wait else None",), "lowest latency"),
                (("max(size / took for size, took in seconds.items() if took <= longest_wait)",), "return a batch size"),
                (("max((s for s in seconds if seconds[s] <= longest_wait), key=lambda s: s / seconds[s], default=1)",), "return None"),
            ),
            WrongAnswer("answer_1 = 32", "is a function"),
        ),
        praise="Throughput is what we want, latency is what we may spend. The largest batch was not always the best.",
    ),
    Exercise(
        number="11.2",
        title="Count what is computed",
        question="""
        Write `tokens_computed(lengths, size)`: the tokens that pass through a model, padding included, when texts with these numbers of
        tokens are sorted by length, longest first, and encoded in batches of `size`. Answer with the function.
        """,
        check_answer=check_computed_tokens,
        hints=(
            "Sort, cut into batches, and pad each batch to its longest text.",
            "A batch of n texts costs n times its longest. The last batch may have fewer than `size` texts.",
            "In descending order the first of a batch is its longest: sum(len(part) * part[0] for part in parts).",
        ),
        solution_code="""
        def tokens_computed(lengths, size):
            ordered = sorted(lengths, reverse=True)
            parts = [ordered[at : at + size] for at in range(0, len(ordered), size)]
            return sum(len(part) * part[0] for part in parts)

        answer_2 = tokens_computed
        """,
        wrong_answers=(
            *_many(
                _counter,
                (("return sum(lengths)",), "without padding"),
                (
                    ("return sum(max(lengths[at : at + size]) * len(lengths[at : at + size]) for at in range(0, len(lengths), size))",),
                    "Sort them",
                ),
                (("return max(lengths) * len(lengths)",), "longest of all"),
                (("o = sorted(lengths, reverse=True); return sum(o[at] * size for at in range(0, len(o), size))",), "not there"),
                (("o = sorted(lengths, reverse=True); return sum(o[at] for at in range(0, len(o), size))",), "one text a batch"),
            ),
            WrongAnswer("answer_2 = 180", "is a function"),
        ),
        praise="With this function you can try batch sizes on your own lengths without running a model.",
    ),
    Exercise(
        number="11.3",
        title="Quantize row by row",
        question="""
        Write `quantize_rows(weight)` for a matrix in float32. Return two arrays: whole numbers in `np.int8`, and the scales, one for each
        row, such that `whole * scale` is as near to `weight` as 127 steps on either side allow. A row of zeros must stay zeros. Answer
        with the function.
        """,
        check_answer=check_quantized,
        hints=(
            "A row's scale is its largest absolute value divided by 127.",
            "np.abs(weight).max(axis=1, keepdims=True) has a shape that fits. Where it is 0, use 1 instead.",
            "np.where(largest > 0, largest / 127, 1), then np.round(weight / scale).astype(np.int8).",
        ),
        solution_code="""
        def quantize_rows(weight):
            largest = np.abs(weight).max(axis=1, keepdims=True)
            scale = np.where(largest > 0, largest / 127, 1)
            return np.round(weight / scale).astype(np.int8), scale

        answer_3 = quantize_rows
        """,
        wrong_answers=(
            *_many(
                _quantizer,
                (("np.abs(weight).max() / 127",), "share one scale"),
                (("np.abs(weight).max(axis=1, keepdims=True) / 127",), "A row of zeros"),
                (
                    (f"np.maximum({_LARGEST} / 127, 1e-9)", "(weight / scale).astype(np.int8)"),
                    "cuts the fraction",
                ),
                (("np.maximum(np.abs(weight).max(axis=0, keepdims=True) / 127, 1e-9)",), "for the columns"),
                ((f"np.maximum({_LARGEST} / 255, 1e-9)",), "wrap around"),
                ((f"np.maximum({_LARGEST} / 100, 1e-9)",), "coarser than they need"),
                ((f"np.maximum({_LARGEST} / 127, 1e-9)", "np.round(weight / scale)"), "one byte each"),
            ),
            WrongAnswer("answer_3 = np.int8(3)", "is a function"),
        ),
        praise="A quarter of the bytes, an error of at most half a step, and one number more for each row.",
    ),
]
