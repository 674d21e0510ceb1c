"""Exercises of lesson 12: smaller embeddings."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from helpers import arguments, encoding
from helpers.exercises import Exercise, Wrong, WrongAnswer

TEXTS, BUDGET = 30_000_000, int(14.5 * 2**30)
SIZES = {"float32": (768, 512, 256, 128), "int8": (768, 512, 256, 128), "binary": (768, 512, 256, 128)}
CANDIDATES, SHORT, HITS = 50, 64, 10
# Another processor may turn a tie round: one hit of some thousand.
CLOSE = 0.004


def _largest(precision: str) -> int:
    return next(size for size in SIZES[precision] if encoding.embedding_bytes(TEXTS, size, precision) <= BUDGET)


def _check_budget(answer: Any) -> None:
    expected = "a dict such as {'float32': 768, 'int8': 768, 'binary': 768}"
    if not isinstance(answer, Mapping) or set(answer) != set(SIZES):
        raise Wrong(f"The answer is {expected}, not {arguments.shown(answer)}.")
    for precision, size in answer.items():
        if isinstance(size, bool | np.bool_) or size not in SIZES[precision]:
            raise Wrong(f"For {precision}, EmbeddingGemma has the sizes {SIZES[precision]}, not {arguments.shown(size)}.")
    for precision, size in answer.items():
        needed = encoding.embedding_bytes(TEXTS, int(size), precision)
        if needed > BUDGET:
            raise Wrong(f"{precision} with {size} dimensions takes {encoding.gib(needed)}: more than there is.")
    for precision, size in answer.items():
        if size != _largest(precision):
            raise Wrong(f"{precision} with {size} dimensions fits, and a larger size does too. Is it GiB (2**30 bytes) that you count in?")


def _check_half_byte(answer: Any, *, vectors: np.ndarray, kept: Callable[[np.ndarray], float], asked: np.ndarray) -> None:
    share = _share(answer)

    def kept_with(levels: int, rounding: Callable[[np.ndarray], np.ndarray]) -> float:
        codes = rounding(vectors * (levels / np.abs(vectors).max())).astype(np.float32)
        return kept(codes[asked] @ codes.T)

    if abs(share - kept_with(7, np.round)) < CLOSE:
        return
    if abs(share - kept_with(127, np.round)) < CLOSE:
        raise Wrong("That is the share with 8 bits: 127 is the largest whole number of int8. Which is it with 4 bits?")
    if abs(share - kept_with(15, np.round)) < CLOSE:
        raise Wrong("From -15 to 15 are 31 levels, and 4 bits have 16: one bit is the sign, so 7 is the largest number.")
    if abs(share - kept_with(7, np.trunc)) < CLOSE:
        raise Wrong("The fractions were cut off, not rounded: .astype(np.int8) alone does that. Use np.round first.")
    raise Wrong("Another share comes out. One factor for all numbers, 7 / np.abs(vectors).max(), and np.round; queries and entries alike.")


def _check_funnel(answer: Any, *, small: np.ndarray, vectors: np.ndarray, asked: np.ndarray, exact: np.ndarray) -> None:
    share = _share(answer)
    if abs(share - _funnel(small[:, :SHORT], vectors, asked, exact)) < CLOSE:
        return
    if abs(share - _funnel(small[:, :SHORT], vectors, asked, exact, candidates=HITS)) < CLOSE:
        raise Wrong(f"That is what the {SHORT} dimensions alone find. Take {CANDIDATES} candidates by them, and sort these by `vectors`.")
    if abs(share - _funnel(small[:, :SHORT], vectors, asked, exact, normalized=False)) < CLOSE:
        raise Wrong("The pieces have different lengths, and you took their dot product: make them unit vectors first.")
    if abs(share - _funnel(vectors[:, :SHORT], vectors, asked, exact)) < CLOSE:
        raise Wrong("These candidates are MiniLM's own first dimensions: take the student's, `matryoshka`.")
    if share > 0.9995:
        raise Wrong(f"Everything found? The candidates come from {SHORT} dimensions, {CANDIDATES} a query, not from all entries.")
    raise Wrong(f"Another share comes out. top(scores, {CANDIDATES}) gives candidates, a second ranking by `vectors` the ten best of them.")


def _funnel(
    short: np.ndarray, vectors: np.ndarray, asked: np.ndarray, exact: np.ndarray, *, candidates: int = CANDIDATES, normalized: bool = True
) -> float:
    """The share of the exact hits that are left when candidates come from short vectors and are sorted by long ones."""
    if normalized:
        short = short / np.linalg.norm(short, axis=1, keepdims=True)
    scores = short[asked] @ short.T
    scores[range(len(asked)), asked] = -np.inf
    rows = np.argpartition(-scores, candidates, axis=1)[:, :candidates]
    second = np.einsum("qcd,qd->qc", vectors[rows], vectors[asked])
    found = np.take_along_axis(rows, np.argsort(-second, axis=1)[:, :HITS], axis=1)
    return float(np.mean([np.isin(wanted, hits).mean() for hits, wanted in zip(found, exact, strict=True)]))


def _share(answer: Any) -> float:
    try:
        return arguments.number(answer, "the answer", minimum=0, maximum=1)
    except (TypeError, ValueError):
        raise Wrong(f"The answer is a share, one number from 0 to 1, not {arguments.shown(answer)}.") from None


EXERCISES = [
    Exercise(
        number="12.1",
        title="Fit thirty million vectors",
        question="""
            A server has 14.5 GiB for the vectors of 30 million texts. EmbeddingGemma can be cut to 768, 512, 256 or 128 dimensions. Which
            is the largest that fits, for each precision? Answer with a dict of three numbers, `{"float32": …, "int8": …, "binary": …}`.
        """,
        check_answer=_check_budget,
        hints=(
            "Bytes are texts × dimensions × bits / 8, and a GiB is 2**30 of them.",
            "encoding.embedding_bytes(30_000_000, size, precision) / 2**30 gives the GiB of one combination.",
            "For each precision, take max() of the sizes for which that is at most 14.5.",
        ),
        solution_code="""
            answer_1 = {}
            for precision in ("float32", "int8", "binary"):
                fitting = [
                    size
                    for size in (768, 512, 256, 128)
                    if encoding.embedding_bytes(30_000_000, size, precision) / 2**30 <= 14.5
                ]
                answer_1[precision] = max(fitting)
        """,
        wrong_answers=(
            WrongAnswer('answer_1 = {"float32": 128, "int8": 256, "binary": 768}', "a larger size does too"),
            WrongAnswer('answer_1 = {"float32": 256, "int8": 512, "binary": 768}', "more than there is"),
            WrongAnswer('answer_1 = {"float32": 129, "int8": 519, "binary": 768}', "has the sizes"),
            WrongAnswer("answer_1 = {128, 512, 768}", "a dict such as"),
            WrongAnswer("answer_1 = None", "a dict such as"),
        ),
        praise=(
            "128 numbers in float32 and 512 in int8 take the same bytes: the choice is between few exact numbers and many rounded ones. "
            "The lesson measures which is better."
        ),
    ),
    Exercise(
        number="12.2",
        title="Try half a byte",
        question="""
            Some vector databases store a number in 4 bits, an eighth of `float32`. Quantize `vectors` by hand to the whole numbers from -7
            to 7 and answer with the share of the exact hits that is kept (use `kept`, and `float32` for the products). Is half a byte
            enough?
        """,
        check_answer=_check_half_byte,
        hints=(
            "It is the cell that makes `codes`, with another largest number.",
            "The factor is 7 / np.abs(vectors).max(): then the largest number becomes 7.",
            "some = np.round(vectors * 7 / np.abs(vectors).max()).astype(np.float32); then kept(some[asked] @ some.T).",
        ),
        solution_code="""
            half_bytes = np.round(vectors * 7 / np.abs(vectors).max()).astype(np.float32)
            answer_2 = kept(half_bytes[asked] @ half_bytes.T)
        """,
        wrong_answers=(
            WrongAnswer("answer_2 = kept(wide[asked] @ wide.T)", "8 bits"),
            WrongAnswer(
                """
                some = np.round(vectors * 15 / np.abs(vectors).max()).astype(np.float32)
                answer_2 = kept(some[asked] @ some.T)
                """,
                "16",
            ),
            WrongAnswer(
                """
                some = (vectors * 7 / np.abs(vectors).max()).astype(np.int8).astype(np.float32)
                answer_2 = kept(some[asked] @ some.T)
                """,
                "Use np.round first",
            ),
            WrongAnswer("answer_2 = half_a_byte = 90", "from 0 to 1"),
            WrongAnswer("answer_2 = 0.5", "Another share"),
        ),
        praise=(
            "Half a byte keeps most of the hits, and far more than a single bit does. Most numbers lie near zero, where these steps are "
            "coarse: real 4-bit formats choose their steps by what occurs."
        ),
    ),
    Exercise(
        number="12.3",
        title="Search in two lengths",
        question="""
            A Matryoshka model needs no bits for its candidates: search with its first 64 dimensions, and sort the 50 best by better
            vectors. Take the candidates from the student's vectors `matryoshka`, cut to 64 and normalized, sort them by `vectors`, and
            answer with the share of `exact` that is found for the queries `asked`.
        """,
        check_answer=_check_funnel,
        hints=(
            "`unit` normalizes, and `top(scores, 50)` gives the candidates of each query.",
            "vectors[rows] are the candidates' vectors, shape (queries, 50, 384); einsum multiplies each with its query, as in `rescored`.",
            "piece = unit(matryoshka[:, :64]); rows = top(piece[asked] @ piece.T, 50); then sort and search.overlap(found, exact).",
        ),
        solution_code="""
            piece = unit(matryoshka[:, :64])
            rows = top(piece[asked] @ piece.T, 50)
            scores = np.einsum("qcd,qd->qc", vectors[rows], vectors[asked])
            found = np.take_along_axis(rows, np.argsort(-scores, axis=1)[:, :10], axis=1)
            answer_3 = search.overlap(found, exact)
        """,
        wrong_answers=(
            WrongAnswer(
                """
                piece = unit(matryoshka[:, :64])
                answer_3 = kept(piece[asked] @ piece.T)
                """,
                "alone find",
            ),
            WrongAnswer(
                """
                piece = unit(vectors[:, :64])
                rows = top(piece[asked] @ piece.T, 50)
                scores = np.einsum("qcd,qd->qc", vectors[rows], vectors[asked])
                answer_3 = search.overlap(np.take_along_axis(rows, np.argsort(-scores, axis=1)[:, :10], axis=1), exact)
                """,
                "the student's",
            ),
            WrongAnswer("answer_3 = 1.0", "Everything found?"),
            WrongAnswer("answer_3 = found", "one number from 0 to 1"),
        ),
        praise=(
            "A sixth of the numbers is read for all entries, and all of them for fifty. What is missing the student ranks differently on "
            "purpose: it was trained on links, not to repeat MiniLM."
        ),
    ),
]
