"""Exercises of lesson 09: memory and errors."""

import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np

from helpers import arguments
from helpers.exercises import Exercise, Wrong, WrongAnswer

TOKENS = 200  # so that the answer is the same with the 4,230 numbers a token that the lesson measures
NUMBERS_A_TOKEN, BYTES_A_NUMBER = 11 * 384, 4
LARGEST_BATCH = 2**30 // (TOKENS * NUMBERS_A_TOKEN * BYTES_A_NUMBER)

ROWS, DIMENSIONS, BEST = 20_000, 64, 5
FILE_BYTES = ROWS * DIMENSIONS * BYTES_A_NUMBER

NOT_MEMORY = (
    ValueError("batch_size must be a positive integer, got 0."),
    RuntimeError("The size of tensor a (1002) must match the size of tensor b (512)"),
    KeyError("out of memory"),
    FileNotFoundError("Path /no/such/folder not found"),
)


def _check_largest_batch(answer: Any) -> None:
    try:
        batch_size = arguments.integer(answer, "answer", minimum=1)
    except (TypeError, ValueError):
        raise Wrong(f"The answer is a number of texts: a whole number from 1, not {arguments.shown(answer)}.") from None
    hints = {
        LARGEST_BATCH + 1: "That rounds up: the last of these texts does not fit whole.",
        10**9 // (TOKENS * NUMBERS_A_TOKEN * BYTES_A_NUMBER): "That fits 1 GB. A GiB is 2**30 bytes.",
        2**30 // (TOKENS * 384 * BYTES_A_NUMBER): "That counts one vector of 384 numbers a token. At the peak there are 11 of them.",
        2**30 // (TOKENS * NUMBERS_A_TOKEN): "That gives each number one byte: float32 takes four.",
        2**30 // (TOKENS * NUMBERS_A_TOKEN * 2): "That is half precision: float32 takes four bytes a number.",
        2**30 // (NUMBERS_A_TOKEN * BYTES_A_NUMBER): "That many *tokens* fit. Each text has 200 of them.",
    }
    if batch_size in hints:
        raise Wrong(hints[batch_size])
    if batch_size > LARGEST_BATCH:
        needed = batch_size * TOKENS * NUMBERS_A_TOKEN * BYTES_A_NUMBER // 2**20
        raise Wrong(f"{batch_size:,} texts of {TOKENS} tokens need {needed:,} MiB by the formula above: too much, for 1 GiB is 1,024.")
    if batch_size < LARGEST_BATCH:
        raise Wrong(f"{batch_size:,} texts fit, but so does one more. The answer is the last number that still fits.")


def _check_search_in_file(answer: Any) -> None:
    if not callable(answer):
        raise Wrong(f"The answer is a function: best_rows(path, query, k), without calling it. It is {arguments.shown(answer)}.")
    vectors = np.random.default_rng(9).standard_normal((ROWS, DIMENSIONS), dtype=np.float32)
    query = vectors[123] + vectors[4567]
    scores = vectors @ query
    wanted = np.argsort(-scores)[:BEST].tolist()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, vectors)
        del vectors
        rows, peak = _with_peak(answer, path, query)
    if rows is None:
        raise Wrong("The function gave None: it has to return the row numbers, not print them.")
    try:
        found = [int(row) for row in rows]
    except (TypeError, ValueError, OverflowError):
        raise Wrong(f"It returned {arguments.shown(rows)}: return {BEST} row numbers, best first.") from None
    if found == np.argsort(scores)[:BEST].tolist() or (sorted(found) == sorted(wanted) and found != wanted):
        raise Wrong("These rows are not in order with the best first: np.argsort sorts from small to large.")
    if found != wanted:
        raise Wrong(f"For k = {BEST} it returned {found[:10]}, which are not the {BEST} rows with the largest dot products.")
    if peak > FILE_BYTES // 2:
        raise Wrong(
            f"The rows are right, but the call needed {peak / FILE_BYTES:.1f} times the file's size: something loads or copies it whole. "
            'np.load(path, mmap_mode="r") does not.'
        )


def _with_peak(function: Any, path: Path, query: np.ndarray) -> tuple[Any, int]:
    """The function's result, and the most memory that Python and numpy held during the call, in bytes."""
    tracemalloc.start()
    try:
        rows = function(path, query, BEST)
        return rows, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _check_recognizes_memory(answer: Any) -> None:
    import torch

    if not callable(answer):
        raise Wrong(f"The answer is a function that takes an error, without calling it. It is {arguments.shown(answer)}.")
    memory = {
        "a GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        "numpy": MemoryError("Unable to allocate 7.11 PiB for an array with shape (1000000000000000,) and data type float64"),
        "PyTorch on the processor": RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000000000 bytes."
        ),
        "PyTorch under Windows": RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4000000000000000 bytes."),
        "an Apple GPU": RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB, other allocations: 1.2 MB)."),
    }
    for where, error in memory.items():
        if not _verdict(answer, error):
            raise Wrong(f"It does not recognize the error of {where}: {type(error).__name__}: {error}")
    for innocent in NOT_MEMORY:
        if _verdict(answer, innocent):
            raise Wrong(f"It takes this one for a lack of memory: {type(innocent).__name__}: {innocent}. A smaller batch would not help.")


def _verdict(function: Any, error: Exception) -> bool:
    verdict = function(error)
    if not isinstance(verdict, bool | np.bool_):
        raise Wrong(f"It has to return True or False, and returned {arguments.shown(verdict)}.")
    return bool(verdict)


EXERCISES = [
    Exercise(
        number="09.1",
        title="Choose the largest batch",
        question="""
            A GPU has **1 GiB** free beside the model, all-MiniLM-L6-v2 in `float32`. By the formula that we have checked, how many texts of
            200 tokens fit into one batch at most? Answer with the number.
        """,
        check_answer=_check_largest_batch,
        hints=(
            "How many bytes does one text of 200 tokens need at the peak? How often does that fit?",
            "One text: 200 tokens × 11 × 384 numbers × 4 bytes. A GiB is 2**30 bytes, and half a text does not count.",
            "2**30 // (200 * 11 * 384 * 4)",
        ),
        solution_code="answer_1 = 2**30 // (200 * 11 * 384 * 4)",
        wrong_answers=(
            WrongAnswer("answer_1 = 10**9 // (200 * 11 * 384 * 4)", "A GiB is 2**30"),
            WrongAnswer("answer_1 = 2**30 // (200 * 384 * 4)", "there are 11 of them"),
            WrongAnswer("answer_1 = 2**30 // (200 * 11 * 384)", "float32 takes four"),
            WrongAnswer("answer_1 = 2**30 / (200 * 11 * 384 * 4)", "a whole number"),
            WrongAnswer("answer_1 = round(2**30 / (200 * 11 * 384 * 4) + 0.5)", "rounds up"),
            WrongAnswer("answer_1 = 512", "too much"),
            WrongAnswer("answer_1 = 128", "so does one more"),
            WrongAnswer("answer_1 = 2**30 // (11 * 384 * 4)", "200 of them"),
        ),
        praise="Leave room in practice: the allocator rounds up, and other programs use the device too. Half of it is a careful start.",
    ),
    Exercise(
        number="09.2",
        title="Search a file that does not fit into memory",
        question="""
            Write a function `best_rows(path, query, k)` that returns the numbers of the `k` rows of a `.npy` file with the largest dot
            products with `query`, best first. The file may be larger than the memory: the check measures what your function holds.
            Answer with the function, not with a call.
        """,
        check_answer=_check_search_in_file,
        hints=(
            "Open the file so that nothing is read before it is needed; the scores themselves are small.",
            'vectors = np.load(path, mmap_mode="r") can be multiplied as it is; np.array(...) or .copy() would read it whole.',
            "scores = vectors @ query, and then the first k of np.argsort(-scores).",
        ),
        solution_code="""
            def best_rows(path, query, k):
                vectors = np.load(path, mmap_mode="r")
                return np.argsort(-(vectors @ query))[:k]

            answer_2 = best_rows
        """,
        wrong_answers=(
            WrongAnswer("def answer_2(path, query, k):\n    return np.argsort(-(np.load(path) @ query))[:k]", "loads or copies it whole"),
            WrongAnswer(
                "def answer_2(path, query, k):\n    return np.argsort(-(np.array(np.load(path, mmap_mode='r')) @ query))[:k]",
                "loads or copies it whole",
            ),
            WrongAnswer(
                "def answer_2(path, query, k):\n    return np.argsort(np.load(path, mmap_mode='r') @ query)[-k:]", "small to large"
            ),
            WrongAnswer("def answer_2(path, query, k):\n    return np.argsort(np.load(path, mmap_mode='r') @ query)[:k]", "small to large"),
            WrongAnswer("def answer_2(path, query, k):\n    print(np.argsort(-(np.load(path) @ query))[:k])", "not print them"),
            WrongAnswer("def answer_2(path, query, k):\n    return np.sort(-(np.load(path) @ query))[:k]", "largest dot"),
            WrongAnswer("answer_2 = np.argsort(-(opened @ exact[0]))[:5]", "The answer is a function"),
        ),
        praise="The system reads the file page by page and keeps what it has room for; only the scores are yours.",
    ),
    Exercise(
        number="09.3",
        title="Recognize a lack of memory",
        question="""
            Write a function that takes an error and returns `True` if it says that memory ran out, and `False` otherwise. The check has
            five of the first kind (a GPU's, an Apple GPU's, numpy's, PyTorch's on the processor and the same under Windows) and some
            that a smaller batch would not cure. The words of each stand under "Halve the batch when memory runs out"; an Apple GPU uses
            those of other GPUs.
            Answer with the function, not with a call.
        """,
        check_answer=_check_recognizes_memory,
        hints=(
            "One kind shows in the type alone, the others are RuntimeErrors that show in their message.",
            "isinstance(error, MemoryError), or a RuntimeError whose lower-case message has one of three phrases.",
            'On the processor PyTorch says "can\'t allocate memory" or, under Windows, "not enough memory"; a GPU says "out of memory".',
        ),
        solution_code="""
            def is_memory(error):
                if isinstance(error, MemoryError):
                    return True
                words = ("out of memory", "can't allocate memory", "not enough memory")
                return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)

            answer_3 = is_memory
        """,
        wrong_answers=(
            WrongAnswer("answer_3 = lambda error: 'out of memory' in str(error).lower()", "the error of numpy"),
            WrongAnswer("answer_3 = lambda error: isinstance(error, (MemoryError, torch.OutOfMemoryError))", "PyTorch on the processor"),
            WrongAnswer("answer_3 = lambda error: isinstance(error, (MemoryError, RuntimeError))", "The size of tensor"),
            WrongAnswer("answer_3 = lambda error: isinstance(error, MemoryError) or 'memory' in str(error)", "KeyError"),
            WrongAnswer("answer_3 = lambda error: isinstance(error, MemoryError) or None", "True or False"),
            WrongAnswer(
                "answer_3 = lambda error: isinstance(error, MemoryError) or isinstance(error, RuntimeError) and any("
                "words in str(error).lower() for words in ['out of memory', 'allocate memory'])",
                "PyTorch under Windows",
            ),
            WrongAnswer("answer_3 = True", "The answer is a function"),
        ),
        praise="Type first, message second. What this function does not know is passed on, and that is the safe side to err on.",
    ),
]
