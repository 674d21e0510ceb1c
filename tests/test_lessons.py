"""The real lessons against the gates, the exercises in their lessons' own namespaces, and the copy-paste blocks as scripts."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from helpers import exercises
from helpers.course import build, gates
from helpers.course.registry import Course, Lesson, read_course
from helpers.exercises import NOT_YET, RIGHT, UNANSWERED, Exercise
from tests.needed_cells import needed

COURSE, TESTS = read_course(), Path(__file__).parent
LESSONS = [pytest.param(lesson, id=lesson.stem, marks=pytest.mark.xdist_group(lesson.stem)) for lesson in COURSE.lessons]


def stored(lesson: Lesson) -> NotebookNode:
    return gates.read_notebook(COURSE.notebook(lesson))


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("gate", gates.LESSON_GATES, ids=lambda gate: gate.__name__)
def test_the_lesson_passes_the_gate(gate: object, lesson: Lesson) -> None:
    assert callable(gate)
    assert gate(stored(lesson)) == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_lesson_is_its_source_in_canonical_form(lesson: Lesson) -> None:
    assert gates.source_equals_notebook(COURSE, lesson) == []
    assert gates.is_canonical(COURSE, lesson) == []


def test_the_course_as_a_whole_passes_the_gates(course: Course) -> None:
    assert gates.every_lesson_is_there(course) == []
    assert gates.readme_is_current(course) == []
    assert gates.terms_are_defined_once(course) == []
    assert gates.quizzes_are_complete(course) == []
    assert gates.prose_keeps_its_measure(stored(lesson) for lesson in course.lessons) == []


@pytest.mark.parametrize("path", [COURSE.root / "README.md", *gates.notebook_paths(COURSE.root / "notebooks")], ids=lambda path: path.name)
def test_every_link_resolves(path: Path) -> None:
    assert gates.links_resolve(path) == []


# Exercises


@pytest.fixture(scope="module")
def encodings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for run_cells.py's vectors of large lists, one for all of pytest-xdist's workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "encodings"
    folder.mkdir(exist_ok=True)
    return folder


def check_call(cells: list[NotebookNode], exercise: Exercise) -> str:
    """The line of the lesson that checks this exercise, as the learner runs it."""
    variables = {
        match.group(1): match.group(2) for cell in cells for match in re.finditer(r'(\w+) = exercises\.get\("([\d.]+)"\)', cell.source)
    }
    for cell in cells:
        for line in cell.source.splitlines():
            match = re.match(r"(\w+)\.check\(", line)
            if match and variables.get(match.group(1)) == exercise.number:
                return line
    raise AssertionError(f"lesson cell with .check() of exercise {exercise.number} not found")


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_lesson_asks_every_one_of_its_exercises(lesson: Lesson) -> None:
    listed = exercises.of_lesson(lesson.number)
    assert 2 <= len(listed) <= 4
    for exercise in listed:
        assert check_call(gates.code_cells(stored(lesson)), exercise)
        assert len(exercise.wrong_answers) >= 2 and exercise.hints and exercise.praise


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_solutions_are_right_and_wrong_answers_get_their_hints_in_the_lesson_itself(
    lesson: Lesson, run_alone: Callable[[Path, Path], None], encodings: Path, tmp_path: Path
) -> None:
    """What the exercises rest on, then every solution and every typical wrong answer, each checked by the lesson's own line."""
    cells = gates.code_cells(build.read_source(COURSE.source(lesson)))
    unanswered = [position for position, cell in enumerate(cells) if "exercise" in gates.tags(cell)]
    # A learner answers here, knowing nothing of the cells below; and nbval runs those anyway.
    cells = cells[: unanswered[-1] + 1]
    expected = dict.fromkeys(unanswered, (UNANSWERED, ""))
    for exercise in exercises.of_lesson(lesson.number):
        line = check_call(cells, exercise)
        answers = [(exercise.solution_code, RIGHT, "")] + [(wrong.code, NOT_YET, wrong.hint) for wrong in exercise.wrong_answers]
        for code, verdict, hint in answers:
            expected[len(cells)] = (verdict, hint)
            cells.append(new_code_cell(f"{dedent(code).strip()}\n{line}"))
    asked = [
        *expected,
        *(position for position, cell in enumerate(cells) if {"setup"} & gates.tags(cell) or "exercises.get(" in cell.source),
    ]
    kept = needed([cell.source for cell in cells], asked)
    job = {
        "cells": [{"source": cells[position].source, "tags": sorted(gates.tags(cells[position]))} for position in kept],
        "encodings": os.fspath(encodings),
        "folder": os.fspath(COURSE.root / "notebooks"),
        "startup": os.fspath(build.RUNTIME / "startup.py"),
    }
    (tmp_path / "cells.json").write_text(json.dumps(job), encoding="utf-8")
    run_alone(TESTS / "run_cells.py", tmp_path)
    printed = dict(zip(kept, json.loads((tmp_path / "printed.json").read_text(encoding="utf-8")), strict=True))
    for position, (verdict, hint) in expected.items():
        said = printed[position]
        assert verdict in said and hint in said, f"{cells[position].source}\nwanted: {verdict} {hint}\nsaid: {said}"


# The block to copy


@pytest.mark.slow
@pytest.mark.xdist_group("copy-paste")
@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.stem)
def test_the_copy_paste_block_runs_alone_and_prints_what_the_lesson_shows(
    lesson: Lesson, run_alone: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    [cell] = [cell for cell in gates.code_cells(stored(lesson)) if "copy-paste" in gates.tags(cell)]
    script = tmp_path / "pasted.py"
    script.write_text(cell.source, encoding="utf-8")
    run_alone(script, tmp_path)
    printed = (tmp_path / "stdout").read_text(encoding="utf-8")
    lines = [
        line for output in cell.outputs if output.output_type == "stream" and output.name == "stdout" for line in output.text.splitlines()
    ]
    assert lines and printed.splitlines()[: len(lines)] == lines


def test_the_lessons_together_cover_the_guide() -> None:
    covered = {section for lesson in COURSE.lessons for section in lesson.guide}
    wanted = {
        "Installation",
        "Basic Usage",
        "Loading Models",
        "Encoding Text",
        "Advanced Encoding Options",
        "Similarity Computation",
        "Semantic Search",
        "Popular Models",
        "Task-Specific Prompting",
        "Custom Pooling",
        "Saving and Loading",
        "Memory Management",
        "Error Handling",
        "Performance Characteristics",
    }
    assert wanted <= covered


def test_no_stored_output_names_this_machine() -> None:
    here = {os.fspath(Path.home()), os.fspath(COURSE.root)}
    for lesson in COURSE.lessons:
        text = COURSE.notebook(lesson).read_text(encoding="utf-8")
        assert not [place for place in here if place in text and len(place) > 5], lesson.stem
