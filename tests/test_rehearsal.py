"""Answers rehearsed in their lesson: what is inserted where, and that a wrong verdict, a wrong hint or a stray name shows."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from helpers import exercises
from helpers.course import gates, rehearsal
from helpers.course.registry import Course
from helpers.exercises import Exercise, Wrong, WrongAnswer


def check(answer: Any) -> None:
    if answer != 2:
        raise Wrong("Count again.")


EXERCISE = Exercise(
    number="99.1",
    title="Count",
    question="How many?",
    check_answer=check,
    hints=("Two.",),
    solution_code="found = 2\nanswer_1 = found",
    wrong_answers=(WrongAnswer("answer_1 = 3", "Count again"), WrongAnswer("answer_1 = None", "again")),
    praise="Two it is.",
)
LINE = "exercise_1.check(answer_1)"
SETUP = new_code_cell("from helpers import exercises", metadata={"tags": ["setup"]})
ASKS = new_code_cell('exercise_1 = exercises.get("99.1")\nexercise_1')
ANSWERS = new_code_cell(f"answer_1 = ...  # replace the three dots\n{LINE}", metadata={"tags": ["exercise"]})


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exercise], dict[str, Any]]:
    def known(exercise: Exercise) -> dict[str, Any]:
        monkeypatch.setattr(exercises, "every", lambda: {exercise.number: exercise})
        monkeypatch.setattr(exercises.solved, "remember", lambda number: None)
        return {"exercise_1": exercise, "found": 0}

    return known


def test_right_and_wrong_answers_are_told_apart_and_leave_no_name_behind(
    known: Callable[[Exercise], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    names = known(EXERCISE)
    rehearsal.rehearse("99.1", LINE, names)
    assert names.keys() == {"exercise_1", "found"} and names["found"] == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"solution_code": "answer_1 = 1"}, "should be told: Right."),
        ({"wrong_answers": (WrongAnswer("answer_1 = 2", "Count again"),)}, "was told: Right."),
        ({"wrong_answers": (WrongAnswer("answer_1 = 3", "Count the rows"),)}, "was told: Not yet. Count again."),
        ({"wrong_answers": (WrongAnswer("answer_1 = 3", "Count the rows"), WrongAnswer("answer_1 = 2", "x"))}, "Right"),
    ],
)
def test_an_answer_that_is_judged_otherwise_than_promised_is_named(
    change: dict[str, Any], said: str, known: Callable[[Exercise], dict[str, Any]]
) -> None:
    with pytest.raises(AssertionError, match=said):
        rehearsal.rehearse("99.1", LINE, known(replace(EXERCISE, **change)))


def test_an_answer_that_fails_on_its_own_is_an_error(known: Callable[[Exercise], dict[str, Any]]) -> None:
    with pytest.raises(NameError, match="nowhere"):
        rehearsal.rehearse("99.1", LINE, known(replace(EXERCISE, solution_code="answer_1 = nowhere")))


def test_answers_stand_behind_their_exercise_and_the_lesson_stays_as_it_was() -> None:
    notebook = new_notebook(cells=[SETUP, ASKS, ANSWERS, new_code_cell("1 + 1")])
    before = [cell.source for cell in notebook.cells]
    sources = [cell.source for cell in rehearsal.with_answers(notebook).cells]
    assert [cell.source for cell in notebook.cells] == before
    assert [source for source in sources if "_rehearsal" not in source] == before
    assert "share_large_encodings()" in sources[1]
    assert sources[4].endswith(f"_rehearsal.rehearse('99.1', '{LINE}', globals())")


@pytest.mark.parametrize(
    "cells",
    [[SETUP, ASKS], [SETUP, ASKS, ANSWERS, new_code_cell(ANSWERS.source, metadata=ANSWERS.metadata)]],
    ids=["checked nowhere", "checked twice"],
)
def test_a_lesson_that_does_not_check_each_exercise_once_is_refused(cells: list[NotebookNode]) -> None:
    with pytest.raises(ValueError, match="notebook must check each of its exercises once"):
        rehearsal.with_answers(new_notebook(cells=cells))


def test_the_written_notebooks_find_what_lies_beside_them(course: Course, tmp_path: Path) -> None:
    notebook = course.notebook(course.lessons[0])
    assert rehearsal.write_rehearsals(course, [notebook], tmp_path) == [tmp_path / "notebooks" / notebook.name]
    assert (tmp_path / "notebooks" / "measured").is_dir() and (tmp_path / "requirements.txt").is_file()
    assert len(gates.read_notebook(tmp_path / "notebooks" / notebook.name).cells) > len(gates.read_notebook(notebook).cells)


def test_large_encodings_are_shared_and_small_ones_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers import SentenceTransformer

    calls: list[int] = []

    def encode(self: Any, texts: list[str], **options: Any) -> np.ndarray:
        calls.append(len(texts))
        return np.full((len(texts), 2), len(calls))

    monkeypatch.setattr(SentenceTransformer, "encode", encode)
    monkeypatch.setattr("helpers.encoding.identity.ModelIdentity.of", lambda *_: "one")
    monkeypatch.setenv(rehearsal.ENCODINGS, os.fspath(tmp_path))
    rehearsal.share_large_encodings()
    model = SentenceTransformer.__new__(SentenceTransformer)
    monkeypatch.setattr(SentenceTransformer, "device", "cpu", raising=False)
    monkeypatch.setattr(SentenceTransformer, "training", False, raising=False)
    many = [str(number) for number in range(rehearsal.MANY_TEXTS)]
    for _ in range(2):
        assert (model.encode(many) == 1).all()
        model.encode(many[1:], show_progress_bar=True)
    assert (model.encode(many, show_progress_bar=True) == 1).all()
    assert (model.encode(many, normalize_embeddings=True) == 4).all()
    assert (model.encode(many, output_value="token_embeddings") == 5).all() and (
        model.encode(many, output_value="token_embeddings") == 6
    ).all()
    assert calls == [1000, 999, 999, 1000, 1000, 1000]
