"""What several test files share: the course itself, a small course in an empty folder, and a lesson that passes every gate."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.course import build, registry
from helpers.course.registry import Course, read_course

TESTS = Path(__file__).parent

# No deadline: a test that fails because the machine is busy teaches nothing. The same examples on every run, for the same reason.
hypothesis.settings.register_profile("course", deadline=None, derandomize=True)
hypothesis.settings.load_profile("course")

SMALL_COURSE = """
title = "A small course"

[[lesson]]
number = "00"
slug = "one"
title = "Do one thing"
minutes = 5
needs = []
guide = []
goal = "One thing."

[[lesson]]
number = "01"
slug = "two"
title = "Do another thing"
minutes = 10
needs = ["00"]
guide = []
goal = "Another thing."

[glossary]
"vector" = { lesson = "00", means = "a list of numbers" }
"""
SMALL_OPTIONS = [
    '{ wrong = "A letter.", because = "A letter is no list at all." }',
    '{ right = "A list of numbers.", because = "It holds one number a dimension." }',
    '{ wrong = "A table with rows and columns.", because = "That is a matrix, of several vectors." }',
]
WORDS = "Here we say why, and what the numbers tell us. " * 5


def small_quizzes() -> str:
    """Three questions for each lesson of the small course, the right option in another place each time."""
    asked = []
    for lesson in ("00", "01"):
        for turn in range(3):
            options = ", ".join(SMALL_OPTIONS[turn:] + SMALL_OPTIONS[:turn])
            asked.append(f'[[question]]\nlesson = "{lesson}"\nasks = "What is vector number {turn + 1}?"\noptions = [{options}]\n')
    return "\n".join(asked)


@pytest.fixture(scope="session")
def course() -> Course:
    """The real course."""
    return read_course()


@pytest.fixture
def small_course(tmp_path: Path) -> Course:
    """A course of two lessons in an empty folder, with sources and a README but no notebooks yet."""
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    (tmp_path / "notebooks" / "course.toml").write_text(SMALL_COURSE, encoding="utf-8")
    (tmp_path / "notebooks" / "quizzes.toml").write_text(small_quizzes(), encoding="utf-8")
    (tmp_path / "README.md").write_text(f"# x\n\n## Lessons\n\n{registry.TABLE_START}\n{registry.TABLE_END}\n", encoding="utf-8")
    shutil.copy(registry.REPOSITORY / "pyproject.toml", tmp_path / "pyproject.toml")
    small = read_course(tmp_path)
    for lesson in small.lessons:
        term = "A ***vector*** is a list of numbers." if lesson.number == "00" else "Vectors again."
        text = f'# %% [markdown]\n# {term}\n\n# %% tags=["setup"]\nprint({lesson.number!r})\n'
        small.source(lesson).write_text(text, encoding="utf-8")
    return small


@pytest.fixture
def good_lesson() -> NotebookNode:
    """A notebook in memory that passes every gate over one lesson."""
    cells = [_prose("# 00 · Title", "header"), _prose("## What you'll be able to do\n\n- load\n- encode\n- compare")]
    cells += [_code("hub.activate()", 1, "ready\n", "setup")]
    for count in range(2, 13):
        cells += [_prose(WORDS), _code(f"print({count})", count, f"{count}\n")]
    cells += [_prose("### Myth: it needs a GPU"), _code("answer = ...", 13, "Not answered.\n", "exercise")]
    cells += [_prose(WORDS), _code("answer_2 = ...", 14, "Not answered.\n", "exercise")]
    cells += [_prose("## Summary\n\n- loaded\n- encoded\n- compared"), _prose("## Copy and paste")]
    cells += [_code("import math\nprint(math.pi > 3)", 15, "True\n", "copy-paste"), _prose("## Check yourself", "quiz")]
    cells += [_prose("## What's next\n\n- more", "navigation")]
    return new_notebook(cells=cells)


@pytest.fixture
def write_notebook(tmp_path: Path) -> Callable[..., Path]:
    """A function that stores a notebook of given cells and returns its path."""

    def write(*cells: NotebookNode, name: str = "lesson.ipynb") -> Path:
        path = tmp_path / name
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(new_notebook(cells=list(cells), metadata=metadata), path)
        return path

    return write


@pytest.fixture(scope="session" if sys.platform == "linux" else "function")
def run_alone() -> Iterator[Callable[[Path, Path], None]]:
    """Runs a script in a folder, in a process that has loaded the library and nothing else: see run_alone.py."""
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", os.fspath(TESTS / "run_alone.py")]
    pipe = subprocess.PIPE
    with (
        build.lesson_environment() as environment,
        subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as process,
    ):

        def run(script: Path, folder: Path) -> None:
            assert process.stdin and process.stdout
            print(json.dumps([os.fspath(script), os.fspath(folder)]), file=process.stdin, flush=True)
            status = int(process.stdout.readline() or process.wait())
            assert status == 0, (folder / "stderr").read_text(encoding="utf-8")
            assert build.refused_connections(environment) == []

        yield run


def _prose(source: str, *tags: str) -> NotebookNode:
    return new_markdown_cell(source, metadata={"tags": list(tags)} if tags else {})


def _code(source: str, count: int, printed: str, *tags: str) -> NotebookNode:
    outputs = [new_output("stream", name="stdout", text=printed)] if printed else []
    return new_code_cell(source, execution_count=count, outputs=outputs, metadata={"tags": list(tags)} if tags else {})
