"""The machinery of the exercises: verdicts, hints in turn, and answers of any kind."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given

from helpers import exercises, hub
from helpers.exercises import Exercise, Wrong, WrongAnswer, lesson_02
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


def test_the_mystery_folders_differ_from_the_model_as_the_exercise_says_and_leave_it_alone(tmp_path: Path) -> None:
    hub.activate(verify=False)
    source = hub.model_folder()
    before = {path: path.read_bytes() for path in source.rglob("*.json")}
    for _ in range(2):  # it can be run again
        folders = lesson_02.mystery_folders(source, tmp_path)
    assert sorted(folders) == ["A", "B", "C"]
    changed = {
        letter: [path for path in before if not same(path, Path(folder) / path.relative_to(source))] for letter, folder in folders.items()
    }
    assert {letter: [path.name for path in paths] for letter, paths in changed.items()} == {
        "A": ["config.json"],
        "B": ["special_tokens_map.json"],
        "C": ["sentence_bert_config.json"],
    }
    assert {path: path.read_bytes() for path in source.rglob("*.json")} == before


def same(first: Path, second: Path) -> bool:
    return second.is_file() and first.read_bytes() == second.read_bytes()


def test_mystery_folders_are_not_written_into_the_model_itself(tmp_path: Path) -> None:
    hub.activate(verify=False)
    for target in (hub.model_folder(), hub.model_folder() / "deeper"):
        with pytest.raises(ValueError, match="target must be a folder apart from the source"):
            lesson_02.mystery_folders(hub.model_folder(), target)
    with pytest.raises(ValueError, match="source must be the folder of all-MiniLM-L6-v2"):
        lesson_02.mystery_folders(tmp_path, tmp_path / "new")
    assert not (tmp_path / "new").exists()
