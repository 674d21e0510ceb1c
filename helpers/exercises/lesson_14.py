"""Exercises of lesson 14: benchmarking."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from helpers import arguments
from helpers.exercises import Exercise, Wrong, WrongAnswer

CLOSE = 0.02
SEARCHES = 10
SLOW_PAGES = 1 - 0.95**SEARCHES

RATE, TEXTS, TOKENS = 2e12, 100_000, 512
LAYERS, WIDTH, INNER = 24, 1024, 4096
LAYER_WEIGHTS = LAYERS * (4 * WIDTH**2 + 2 * WIDTH * INNER)
PRODUCTS, ATTENTION = 2 * LAYER_WEIGHTS * TOKENS, 4 * TOKENS**2 * WIDTH * LAYERS
BGE_LARGE_PARAMETERS = 335_141_888
ALL_PARAMETERS = "That counts all parameters. The table of tokens is only looked up."


# 14.1


class _Machine:
    """Two tasks of known work in simulated time, in which first calls may take longer, some calls hang, and the speed may drop."""

    works: ClassVar = {"old": 1.0, "new": 0.8}
    speedup = works["old"] / works["new"]

    def __init__(self, *, slow_after: float = np.inf, first: tuple[float, float] = (1.0, 1.0), hangs: tuple[int, ...] = ()) -> None:
        self.now, self.read, self.calls = 0.0, False, list[str]()
        self._slow_after, self._first, self._hangs = slow_after, dict(zip(self.works, first, strict=True)), hangs

    def clock(self) -> float:
        self.read = True
        return self.now

    def tasks(self) -> dict[str, Callable[[], None]]:
        return {name: lambda name=name: self._run(name) for name in self.works}  # type: ignore[misc]

    def _run(self, name: str) -> None:
        factor = self._first[name] if name not in self.calls else 1.0
        factor += 9.0 * (len(self.calls) in self._hangs)
        self.calls.append(name)
        self.now += factor * self.works[name] / (0.6 if self.now >= self._slow_after else 1.0)


def _check_speedup(answer: Any) -> None:
    if not callable(answer):
        raise Wrong(f"The answer is a function speedup(tasks, rounds, clock), without calling it. It is {arguments.shown(answer)}.")
    trials = {
        "On a machine that gets hot it is off. Divide within each round, and only then take the median.": (_Machine(slow_after=10), 10),
        "It counts the first calls, which take longer. Run every task once, uncounted, before the rounds.": (_Machine(first=(2, 8)), 2),
        "Where two calls hang it is off. Take the median of the rounds' ratios, not a mean or a sum.": (_Machine(hangs=(5, 11)), 9),
    }
    for hint, (machine, rounds) in trials.items():
        found = _number(answer(machine.tasks(), rounds, machine.clock), "It returned")
        _explain_order(machine, rounds)
        if not np.isclose(found, machine.speedup, rtol=CLOSE):
            if np.isclose(found, 1 / machine.speedup, rtol=CLOSE):
                raise Wrong("That is the other way round: divide the first task's seconds by the second's.")
            raise Wrong(hint)


def _explain_order(machine: _Machine, rounds: int) -> None:
    """Raise the hint for a wrong order or number of calls, if that is what is wrong."""
    if not machine.read:
        raise Wrong("It never reads the clock that it is given. Hand `clock` on to what takes the time.")
    counts = [machine.calls.count(name) for name in machine.works]
    if min(counts) < rounds:
        raise Wrong(f"For {rounds} rounds it runs the tasks {counts[0]} and {counts[1]} times: each round runs every task.")
    if sum(before != after for before, after in pairwise(machine.calls)) < rounds:
        raise Wrong("It runs one task to the end before the other begins. Interleave: a round runs every task once.")


def _number(answer: Any, what: str = "The answer is") -> float:
    try:
        return arguments.number(answer, "answer")
    except (TypeError, ValueError):
        raise Wrong(f"{what} {arguments.shown(answer)}, and should be one number.") from None


# 14.2


def _check_slow_pages(answer: Any) -> None:
    share = _number(answer)
    if np.isclose(share, SLOW_PAGES, atol=CLOSE):
        return
    hints = {
        0.05: "That is the share of single searches. A page waits for the slowest of ten.",
        0.95: "That is the share of single searches below the p95. A page waits for the slowest of ten.",
        0.5: "Ten times 5 % counts a page twice in which two searches are slow. How likely is it that all ten are fast?",
        0.95**SEARCHES: "That is the share of pages in which all ten are fast. The question is for the others.",
        0.05**SEARCHES: "That would be pages in which all ten searches are slow. One slow search is enough.",
        100 * SLOW_PAGES: "As a share, please: between 0 and 1.",
    }
    for wrong, hint in hints.items():
        if np.isclose(share, wrong, atol=0.004, rtol=CLOSE):
            raise Wrong(hint)
    if not 0 <= share <= 1:
        raise Wrong(f"A share lies between 0 and 1, not at {share:g}.")
    raise Wrong("Not that share. A search is below the p95 with probability 0.95; a page is, if all ten are.")


# 14.3


def _check_least_seconds(answer: Any) -> None:
    seconds = _number(answer)
    right = TEXTS * (PRODUCTS + ATTENTION) / RATE
    if np.isclose(seconds, right, rtol=0.005):
        return
    hints = {
        TEXTS * PRODUCTS / RATE: "That leaves out the attention, which grows with the square of the length.",
        right / 2: "A multiplication and an addition for every weight: two operations.",
        TEXTS * (PRODUCTS / 2 + ATTENTION) / RATE: "A multiplication and an addition for every weight: two operations.",
        right / TEXTS: f"That is one text. There are {TEXTS:,}.",
        right / 3600: "These are hours. The answer is in seconds.",
        right * RATE: "These are operations. Divide by what the machine can do in a second.",
        TEXTS * (PRODUCTS / TOKENS + ATTENTION / TOKENS) / RATE: f"That is one token of each text. There are {TOKENS}.",
        TEXTS * (2 * BGE_LARGE_PARAMETERS * TOKENS + ATTENTION) / RATE: ALL_PARAMETERS,
        TEXTS * 2 * BGE_LARGE_PARAMETERS * TOKENS / RATE: ALL_PARAMETERS + " And the attention is missing.",
        TEXTS * (PRODUCTS / 4 + ATTENTION / 16) / RATE: "That is for 128 tokens, as above. These texts have 512.",
    }
    for wrong, hint in hints.items():
        if np.isclose(seconds, wrong, rtol=CLOSE):
            raise Wrong(hint)
    raise Wrong("Another number. Operations of one text, times the texts, divided by the machine's rate; `operations` does the first step.")


EXERCISES = [
    Exercise(
        number="14.1",
        title="Measure on a bad day",
        question="""
            Write `speedup(tasks, rounds, clock)`: how many times as fast is the second task as the first? It has to be right on machines
            that get hot, whose first calls take several times as long, and on which a call hangs now and then. Every task may run once
            more than `rounds`. Answer with the function; the check runs it on such machines, in simulated time.
        """,
        check_answer=_check_speedup,
        hints=(
            "Three remedies: a warm-up, interleaved rounds, and the median of the rounds' ratios.",
            "interleaved(tasks, rounds + 1, clock) runs one round more than you need. Which of its calls would you drop?",
            "old, new = [np.array(calls[1:]) for calls in interleaved(tasks, rounds + 1, clock).values()], and divide.",
        ),
        solution_code="""
            def speedup(tasks, rounds, clock):
                first, second = [np.array(calls[1:]) for calls in interleaved(tasks, rounds + 1, clock).values()]
                return np.median(first / second)

            answer_1 = speedup
        """,
        wrong_answers=(
            WrongAnswer(
                """
                def answer_1(tasks, rounds, clock):
                    first, second = [np.array(calls[1:]) for calls in one_after_the_other(tasks, rounds + 1, clock).values()]
                    return np.median(first / second)
                """,
                "one task to the end",
            ),
            WrongAnswer(
                """
                def answer_1(tasks, rounds, clock):
                    first, second = [np.median(calls[1:]) for calls in interleaved(tasks, rounds + 1, clock).values()]
                    return first / second
                """,
                "Divide within each round",
            ),
            WrongAnswer(
                """
                def answer_1(tasks, rounds, clock):
                    first, second = [np.array(calls) for calls in interleaved(tasks, rounds, clock).values()]
                    return np.median(first / second)
                """,
                "counts the first calls",
            ),
            WrongAnswer(
                """
                def answer_1(tasks, rounds, clock):
                    first, second = [np.array(calls[1:]) for calls in interleaved(tasks, rounds + 1, clock).values()]
                    return np.median(second / first)
                """,
                "the other way round",
            ),
            WrongAnswer(
                """
                def answer_1(tasks, rounds, clock):
                    first, second = [np.array(calls[1:]) for calls in interleaved(tasks, rounds + 1).values()]
                    return np.median(first / second)
                """,
                "never reads the clock",
            ),
            WrongAnswer("answer_1 = lambda tasks, rounds, clock: 1.25", "never reads the clock"),
            WrongAnswer("answer_1 = by_rounds", "is a function"),
            WrongAnswer("answer_1 = interleaved", "should be one number"),
        ),
        praise="No single remedy would have been enough: each machine was made to defeat one shortcut.",
    ),
    Exercise(
        number="14.2",
        title="Wait for the slowest",
        question="""
            A page starts ten searches at once and appears when the last of them is done. Each takes as long as one of `searches`, by
            chance. For what share of the pages does that take longer than the p95 of a single search? Answer with a number between 0 and 1.
        """,
        check_answer=_check_slow_pages,
        hints=(
            "5 % of the searches are slower than the p95. A page needs ten that are not.",
            "Simulate: rng.choice(searches, (20_000, 10)) gives 20,000 pages; a page takes as long as its largest number.",
            "Or count: all ten are fast with probability 0.95 ** 10.",
        ),
        solution_code="""
            pages = np.random.default_rng(1).choice(searches, (20_000, 10)).max(axis=1)
            answer_2 = (pages > np.percentile(searches, 95)).mean()
        """,
        wrong_answers=(
            WrongAnswer("answer_2 = 0.05", "slowest of ten"),
            WrongAnswer("answer_2 = 10 * 0.05", "counts a page twice"),
            WrongAnswer("answer_2 = 0.95**10", "all ten are fast"),
            WrongAnswer("answer_2 = 100 * (1 - 0.95**10)", "As a share"),
            WrongAnswer("answer_2 = np.percentile(searches, 95)", "between 0 and 1"),
            WrongAnswer("answer_2 = None", "one number"),
        ),
        praise="What one search in twenty suffers, two pages in five suffer. Who waits for many should look at high percentiles.",
    ),
    Exercise(
        number="14.3",
        title="Know the least time",
        question="""
            A server multiplies matrices at 2 × 10¹² operations a second. How many seconds does bge-large (24 layers, 1,024 wide, 4,096
            inside) need **at the least** for 100,000 texts of 512 tokens? Answer with a number.
        """,
        check_answer=_check_least_seconds,
        hints=(
            "operations(…) counts one text. Its arguments are in the question.",
            "Operations of all texts, divided by operations a second, are seconds.",
            "100_000 * operations(24, 1024, 4096, 512) / 2e12",
        ),
        solution_code="""
            answer_3 = 100_000 * operations(24, 1024, 4096, 512) / 2e12
        """,
        wrong_answers=(
            WrongAnswer("answer_3 = 100_000 * 2 * 24 * (4 * 1024**2 + 2 * 1024 * 4096) * 512 / 2e12", "leaves out the attention"),
            WrongAnswer("answer_3 = 100_000 * operations(24, 1024, 4096, 128) / 2e12", "128 tokens"),
            WrongAnswer("answer_3 = 100_000 * 335_141_888 * 2 * 512 / 2e12", "all parameters"),
            WrongAnswer("answer_3 = operations(24, 1024, 4096, 512) / 2e12", "one text"),
            WrongAnswer("answer_3 = 100_000 * operations(24, 1024, 4096, 512)", "These are operations"),
            WrongAnswer("answer_3 = 4.7", "These are hours"),
            WrongAnswer("answer_3 = 'four hours'", "one number"),
        ),
        praise="More than four and a half hours, before anything is lost on the way. Below that lead only another machine, smaller "
        "numbers, shorter texts or a smaller model.",
    ),
]
