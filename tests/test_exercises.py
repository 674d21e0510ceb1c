"""The machinery of the exercises: verdicts, hints in turn, and answers of any kind."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given

from helpers import exercises, hub
from helpers.exercises import Exercise, Wrong, WrongAnswer, lesson_02, solved
from helpers.exercises.solved import Progress
from tests.test_arguments import ANYTHING


@pytest.fixture(autouse=True)
def progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test touches the progress of whoever runs it."""
    file = tmp_path / "mine" / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", os.fspath(file))
    solved._already_said.clear()
    yield file


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


# Progress

TITLES = {"00.1": "Count", "00.2": "Add", "03.1": "Multiply"}


def test_a_right_answer_is_kept_and_no_other_one(progress_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for answer in (2, "three", ...):
        EXERCISE.check(answer)
    assert not progress_file.exists()
    for _ in range(2):
        EXERCISE.check(3)
    assert json.loads(progress_file.read_text(encoding="utf-8")) == {"solved": ["99.1"]}
    assert solved.numbers() == {"99.1"}
    assert [path.suffix for path in progress_file.parent.iterdir() if path.suffix != ".lock"] == [".json"]
    assert capsys.readouterr().err == ""


def test_progress_says_what_is_solved_what_remains_and_what_comes_next() -> None:
    assert Progress(TITLES, frozenset()).sentence == "You have solved 0 of 3 exercises. Next: exercise 00.1, Count."
    some = Progress(TITLES, frozenset({"00.1", "77.7"}))
    assert some.remaining == ("00.2", "03.1") and some.next == "00.2"
    assert some.sentence == "You have solved 1 of 3 exercises. Next: exercise 00.2, Add."
    assert some.table.rows == (("lesson 00", "1 of 2", "00.2"), ("lesson 03", "0 of 1", "03.1"))
    every = Progress(TITLES, frozenset(TITLES))
    assert every.next is None and every.sentence == "You have solved all 3 exercises."
    assert [row[2] for row in every.table.rows] == ["none: all solved"] * 2


def test_what_comes_next_lies_ahead_while_anything_does() -> None:
    assert Progress(TITLES, frozenset({"00.2"})).next == "03.1"
    assert Progress(TITLES, frozenset({"00.2", "03.1"})).next == "00.1"


def test_progress_shows_the_same_words_in_a_notebook_and_in_a_console() -> None:
    some = Progress(TITLES, frozenset({"00.1"}))
    assert str(some) == repr(some) == f"{some.sentence}\n\n{some.table}"
    assert some._repr_markdown_().startswith(f"{some.sentence}\n\n| lesson |")


def test_progress_of_the_course_lists_every_exercise(progress_file: Path) -> None:
    solved.remember("00.1")
    shown = exercises.progress()
    assert list(shown.titles) == sorted(exercises.every()) and shown.solved == {"00.1"} and shown.next == "00.2"


def test_two_notebooks_at_once_lose_nothing(progress_file: Path) -> None:
    script = "import sys; from helpers.exercises import solved; [solved.remember(f'{sys.argv[1]}.{n}') for n in range(40)]"
    running = [subprocess.Popen([sys.executable, "-c", script, f"{lesson:02}"]) for lesson in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert solved.numbers() == {f"{lesson:02}.{n}" for lesson in range(3) for n in range(40)}


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"solved": "00.1"}', b'{"solved": [1]}', b"\xff\xfe\x00", b"[" * 100_000, b'{"a": 1}']
)
@pytest.mark.parametrize("reading", [True, False])
def test_a_damaged_file_is_kept_aside_with_one_sentence(
    damage: bytes, reading: bool, progress_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress_file.parent.mkdir()
    progress_file.write_bytes(damage)
    if reading:
        assert solved.numbers() == frozenset()
    else:
        EXERCISE.check(3)
        assert solved.numbers() == {"99.1"}
    assert (progress_file.parent / "progress.damaged-1.json").read_bytes() == damage
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("The file of your progress was damaged: it is kept as") and "damaged-1.json" in line


def test_a_second_damaged_file_does_not_replace_the_first(progress_file: Path) -> None:
    progress_file.parent.mkdir()
    for damage in ("one", "two"):
        progress_file.write_text(damage, encoding="utf-8")
        solved.remember("00.1")
    kept = sorted(progress_file.parent.glob("*damaged*"))
    assert [path.read_text(encoding="utf-8") for path in kept] == ["one", "two"]


def test_where_nothing_can_be_written_one_line_says_so_once_and_the_verdict_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_PROGRESS", os.fspath(tmp_path / "file" / "progress.json"))
    for _ in range(2):
        EXERCISE.check(3)
    said = capsys.readouterr()
    assert said.out == "Right. Three.\n" * 2
    [line] = said.err.splitlines()
    assert line.startswith("Your progress is not kept") and "COURSE_PROGRESS" in line


def test_a_lock_that_is_held_does_not_stop_a_lesson(
    progress_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(solved, "PATIENCE_S", 0.05)
    solved.remember("00.1")
    with solved._lock():
        EXERCISE.check(3)
    said = capsys.readouterr()
    assert said.out == "Right. Three.\n" and "is not kept" in said.err
    assert solved.numbers() == {"00.1"}


def test_without_the_variable_the_file_lies_with_the_users_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_PROGRESS")
    assert solved.file().name == "progress.json" and solved.file().parent.name == "local-embeddings-course"
    assert Path.home() in solved.file().parents or sys.platform == "win32"
