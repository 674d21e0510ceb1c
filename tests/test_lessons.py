"""The real lessons against the gates, and the copy-paste blocks as scripts."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode

from helpers import doctor, exercises
from helpers.course import gates, rehearsal
from helpers.course.registry import Course, Lesson, read_course

COURSE = read_course()


def lacking(lesson: Lesson) -> pytest.MarkDecorator:
    missing = doctor.missing_packages(COURSE.root / lesson.requirements)
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed: {lesson.install}")


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


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_lesson_asks_every_one_of_its_exercises(lesson: Lesson) -> None:
    """That its solutions are right and its wrong answers get their hints is for strict nbval to say: see helpers.course.rehearsal."""
    listed = exercises.of_lesson(lesson.number)
    assert 2 <= len(listed) <= 4
    cells = [cell.source for cell in gates.code_cells(rehearsal.with_answers(stored(lesson)))]
    for exercise in listed:
        assert sum(f"_rehearsal.rehearse({exercise.number!r}" in source for source in cells) == 1
        assert len(exercise.wrong_answers) >= 2 and exercise.hints and exercise.praise


# The block to copy


@pytest.mark.slow
@pytest.mark.xdist_group("copy-paste")
@pytest.mark.parametrize("lesson", [pytest.param(lesson, id=lesson.stem, marks=lacking(lesson)) for lesson in COURSE.lessons])
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
