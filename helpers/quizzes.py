"""Questions to choose an answer from, three after each lesson: read from a file, checked, and written as a lesson's cell.

The file, notebooks/quizzes.toml, holds one table a question; every option, right or wrong, says why::

    [[question]]
    lesson = "03"
    asks = "A list holds an empty string. What does `encode` do with it?"
    options = [
        { wrong = "It raises a `ValueError`.", because = "That comes for `None` or a number, not for empty text." },
        { right = "It gives it a vector like any other.", because = "Such a vector can even win a search." },
    ]

A lesson shows each option as a disclosure (the HTML elements details and summary): Enter or a click opens the verdict, in words. That
needs no kernel and no script, and works in JupyterLab, on GitHub and on the site, by keyboard and with a screen reader.
"""

import html
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from helpers import arguments

HEADING = "## Check yourself"
INVITATION = "Choose an answer, then open it."
RIGHT, WRONG = "Right.", "Not quite."
QUESTIONS_A_LESSON = 3
OPTIONS = (3, 4)
SHORTEST_REASON = 5  # words
LONGEST_RIGHT_SHARE = 0.5


@dataclass(frozen=True)
class Option:
    """One answer to choose: what it says, whether it is right, and why. Text and reason are Markdown with nothing but `code`."""

    text: str
    right: bool
    because: str


@dataclass(frozen=True)
class Question:
    """A question, the number of the lesson that it belongs to, and its options in the order in which they are shown."""

    lesson: str
    asks: str
    options: tuple[Option, ...]


@arguments.typed
def read(file: Path) -> tuple[Question, ...]:
    """The questions of a file, in its order; none if there is no such file. ValueError names the question that is malformed."""
    if not file.is_file():
        return ()
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file} is not valid TOML: {error}.") from error
    return tuple(_question(entry, f"{file.name}, question {number}") for number, entry in enumerate(data.get("question", []), start=1))


@arguments.typed
def of_lesson(questions: Sequence[Question], lesson: str) -> tuple[Question, ...]:
    """The questions of the lesson with this number."""
    return tuple(question for question in _checked(questions) if question.lesson == lesson)


@arguments.typed
def cell(questions: Sequence[Question]) -> str:
    """The Markdown cell that asks these questions."""
    if not questions:
        raise ValueError("questions must be a sequence of at least one Question, got none.")
    asked = [_asked(number, question) for number, question in enumerate(_checked(questions), start=1)]
    return "\n\n".join([f"{HEADING}\n\n{INVITATION}", *asked])


@arguments.typed
def faults(questions: Sequence[Question], lessons: Sequence[str]) -> list[str]:
    """What is wrong with the questions of a course with these lesson numbers, each in one sentence; an empty list means nothing."""
    if not lessons:
        return ["there is no lesson to ask about"]
    found = [fault for question in _checked(questions) for fault in _question_faults(question)]
    for lesson in arguments.texts(lessons, "lessons"):
        asked = of_lesson(questions, lesson)
        if len(asked) != QUESTIONS_A_LESSON:
            found.append(f"lesson {lesson} has {len(asked)} questions ({QUESTIONS_A_LESSON} is the bar)")
        elif len({_right_position(question) for question in asked}) == 1:
            found.append(f"lesson {lesson} has each of its right answers in the same place")
    found += [f"the question {question.asks!r} is about lesson {question.lesson}, which is not there" for question in questions
              if question.lesson not in lessons]  # fmt: skip
    if questions and sum(map(_right_is_longest, questions)) > LONGEST_RIGHT_SHARE * len(questions):
        found.append("the right answer is the longest one in more than half of the questions: it can be guessed")
    return found


def _checked(questions: Sequence[Question]) -> list[Question]:
    return [arguments.instance(question, f"questions[{index}]", Question) for index, question in enumerate(questions)]


def _question(entry: Mapping[str, Any], where: str) -> Question:
    try:
        options = tuple(_option(option, where) for option in entry["options"])
        return Question(arguments.text(entry["lesson"], "lesson"), arguments.text(entry["asks"], "asks", empty=False), options)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{where} must have lesson, asks and a list of options: {error}.") from error


def _option(entry: Mapping[str, Any], where: str) -> Option:
    verdicts = {"right", "wrong"} & set(entry)
    if len(verdicts) != 1 or set(entry) - verdicts != {"because"}:
        raise ValueError(f"{where}: an option must have right or wrong, and because, got {', '.join(sorted(entry)) or 'nothing'}.")
    [verdict] = verdicts
    return Option(arguments.text(entry[verdict], verdict, empty=False), verdict == "right", arguments.text(entry["because"], "because"))


def _asked(number: int, question: Question) -> str:
    # Without an empty line between them, the disclosures are one block of HTML, in which Markdown means nothing: hence _in_html.
    lines = [f"**{number}. {question.asks}**", ""]
    for letter, option in zip(ascii_uppercase, question.options, strict=False):
        verdict = RIGHT if option.right else WRONG
        lines.append(f"<details><summary>{letter}.&nbsp;{_in_html(option.text)}</summary>{verdict} {_in_html(option.because)}</details>")
    # JupyterLab leaves no room below a disclosure: without this, the next question would stick to the last option.
    return "\n".join(lines) + "<br>"


def _in_html(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def _question_faults(question: Question) -> list[str]:
    say = f"the question {question.asks!r} (lesson {question.lesson})"
    found = []
    rights = sum(option.right for option in question.options)
    if rights != 1:
        found.append(f"{say} has {rights} right answers instead of one")
    if not OPTIONS[0] <= len(question.options) <= OPTIONS[1]:
        found.append(f"{say} has {len(question.options)} options ({OPTIONS[0]} to {OPTIONS[1]} is the bar)")
    if len({option.text for option in question.options}) < len(question.options):
        found.append(f"{say} offers the same option twice")
    for option in question.options:
        if len(option.because.split()) < SHORTEST_REASON:
            found.append(f"{say} gives no reason of {SHORTEST_REASON} words for {option.text!r}")
    return found


def _right_position(question: Question) -> int:
    return next((position for position, option in enumerate(question.options) if option.right), -1)


def _right_is_longest(question: Question) -> bool:
    longest = max(len(option.text) for option in question.options) if question.options else 0
    return any(option.right and len(option.text) == longest for option in question.options)
