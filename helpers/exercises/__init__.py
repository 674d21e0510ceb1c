"""Exercises that check themselves: the question, the check, hints, the solution, and what typical wrong answers deserve.

In a lesson::

    exercise = exercises.get("03.1")
    exercise                      # shows the question
    answer = ...                  # the learner replaces the dots
    exercise.check(answer)        # says right, not yet (with a hint that fits the mistake), or not answered
    exercise.hint()               # one more hint each time
    exercise.solution()           # code that solves it
    exercises.progress()          # what is solved in all lessons, and what comes next

Each lesson's exercises stand in a module of their own, lesson_NN.py, in a list named EXERCISES.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from textwrap import dedent
from typing import Any

from helpers import arguments
from helpers.exercises import solved
from helpers.exercises.solved import Progress

RIGHT, NOT_YET, UNANSWERED = "Right.", "Not yet.", "Not answered."


class Wrong(Exception):
    """Raised by an exercise's check; its text is the hint that this wrong answer deserves."""


@dataclass(frozen=True)
class WrongAnswer:
    """A typical wrong answer: the code a learner might write, and words of the hint it must get."""

    code: str
    hint: str


@dataclass
class Exercise:
    """One exercise. `check_answer` returns None for a right answer and raises Wrong(hint) otherwise.

    `question` is Markdown. `solution_code` and the wrong answers' code assign the variable that the lesson's cell passes to
    `check`; they run in the lesson's namespace, after the lesson's last exercise.
    """

    number: str
    title: str
    question: str
    check_answer: Callable[..., None]
    hints: tuple[str, ...]
    solution_code: str
    wrong_answers: tuple[WrongAnswer, ...]
    praise: str
    _hints_shown: int = field(default=0, repr=False)

    def feedback(self, answer: Any, **given: Any) -> str:
        """The verdict on an answer, in words: it starts with ``Right.``, ``Not yet.`` or ``Not answered.``"""
        if answer is ...:
            return f"{UNANSWERED} Replace the three dots of exercise {self.number} and run the cell again; .hint() helps."
        try:
            self.check_answer(answer, **given)
        except Wrong as wrong:
            return f"{NOT_YET} {wrong}"
        except Exception as error:  # the learner's own function raised, or the answer has a form that the check does not know
            return f"{NOT_YET} Checking {arguments.shown(answer)} raised {type(error).__name__}: {error}"
        return f"{RIGHT} {self.praise}"

    def check(self, answer: Any, **given: Any) -> None:
        """Print whether the answer is right, and what to look at where it is not. A right one counts in ``progress()``."""
        verdict = self.feedback(answer, **given)
        print(verdict)
        if verdict.startswith(RIGHT):
            solved.remember(self.number)

    def hint(self) -> None:
        """Print the next hint; after the last one, start again."""
        position = self._hints_shown % len(self.hints)
        self._hints_shown += 1
        print(f"Hint {position + 1} of {len(self.hints)}: {self.hints[position]}")

    def solution(self) -> None:
        """Print code that solves the exercise."""
        print(dedent(self.solution_code).strip())

    def _repr_markdown_(self) -> str:
        return f"**Exercise {self.number} · {self.title}**\n\n{dedent(self.question).strip()}"

    def __repr__(self) -> str:
        return f"Exercise {self.number}: {self.title}"


def get(number: str) -> Exercise:
    """The exercise with this number, for example ``"03.1"``. ValueError names the numbers that exist."""
    arguments.choice(number, "number", sorted(every()))
    return every()[number]


def of_lesson(lesson: str) -> list[Exercise]:
    """The exercises of a lesson, for example ``"03"``, in order."""
    lessons = sorted({number.split(".")[0] for number in every()})
    arguments.choice(lesson, "lesson", lessons)
    return [exercise for number, exercise in sorted(every().items()) if number.startswith(f"{lesson}.")]


def progress() -> Progress:
    """What the learner has solved so far, a row a lesson, and what comes next. It is kept in ``solved.file()``."""
    return Progress({number: exercise.title for number, exercise in sorted(every().items())}, solved.numbers())


@cache
def every() -> dict[str, Exercise]:
    """All exercises by number."""
    found: dict[str, Exercise] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("lesson_"):
            continue
        for exercise in importlib.import_module(f"{__name__}.{module.name}").EXERCISES:
            if exercise.number in found:
                raise ValueError(f"Exercise {exercise.number} is defined twice.")
            found[exercise.number] = exercise
    return found
