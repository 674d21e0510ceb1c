"""The machinery of the exercises: verdicts, hints in turn, and answers of any kind."""

import subprocess
import sys

import pytest
from hypothesis import given

from helpers import exercises
from helpers.exercises import Exercise, Wrong, WrongAnswer
from tests.test_arguments import ANYTHING


def three(answer: object, bonus: int = 0) -> None:
    if not isinstance(answer, int):
        raise Wrong("Give a whole number.")
    if answer != 3 + bonus:
        raise Wrong("Count again.")


EXERCISE = Exercise(
    "99.1", "Count", "How many?", three, ("Look.", "Count on your fingers."), "answer = 3", (WrongAnswer("answer = 2", "again"),), "Three."
)


def test_verdicts() -> None:
    assert EXERCISE.feedback(3) == "Right. Three."
    assert EXERCISE.feedback(4) == "Not yet. Count again."
    assert EXERCISE.feedback(5, bonus=2) == "Right. Three."
    assert EXERCISE.feedback(...).startswith("Not answered. Replace the three dots of exercise 99.1")


def test_check_prints_the_verdict_and_returns_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    EXERCISE.check("three")
    assert capsys.readouterr().out == "Not yet. Give a whole number.\n"


def test_hints_come_one_at_a_time_and_start_again(capsys: pytest.CaptureFixture[str]) -> None:
    fresh = Exercise("99.2", "Count", "?", three, ("One.", "Two."), "a = 3", (), "Yes.")
    for _ in range(3):
        fresh.hint()
    assert capsys.readouterr().out == "Hint 1 of 2: One.\nHint 2 of 2: Two.\nHint 1 of 2: One.\n"


def test_solution_prints_code_without_indentation(capsys: pytest.CaptureFixture[str]) -> None:
    Exercise("99.3", "Count", "?", three, ("One.",), "\n    a = 1\n    b = 2\n", (), "Yes.").solution()
    assert capsys.readouterr().out == "a = 1\nb = 2\n"


def test_a_check_that_raises_becomes_a_hint() -> None:
    def careless(answer: list[int]) -> None:
        answer[0] + 1

    said = Exercise("99.4", "x", "?", careless, ("One.",), "a = [1]", (), "Yes.").feedback("text")
    assert said.startswith("Not yet. Checking str 'text' raised TypeError")


def test_the_question_is_shown_as_markdown() -> None:
    assert EXERCISE._repr_markdown_() == "**Exercise 99.1 · Count**\n\nHow many?"
    assert repr(EXERCISE) == "Exercise 99.1: Count"


@pytest.mark.parametrize("number", ["00.0", "", "99.1"])
def test_an_unknown_number_names_the_known_ones(number: str) -> None:
    with pytest.raises(ValueError, match=r"number must be one of '00\.1'"):
        exercises.get(number)


@pytest.mark.parametrize("number", [None, 3, b"03.1", ["03.1"]])
def test_a_number_that_is_no_string_is_refused(number: object) -> None:
    with pytest.raises(TypeError, match="number must be one of"):
        exercises.get(number)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", sorted(exercises.every()))
@given(answer=ANYTHING)
def test_no_odd_answer_breaks_a_check_or_counts_as_right_without_reason(number: str, answer: object) -> None:
    assert exercises.get(number).feedback(answer).startswith((exercises.RIGHT, exercises.NOT_YET))


def test_listing_the_exercises_imports_no_torch() -> None:
    script = "import sys; from helpers import exercises; exercises.every(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
