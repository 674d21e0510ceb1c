"""The registry, and the way from a source to a notebook."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers import commands, quizzes
from helpers.course import build, gates, registry
from helpers.course.registry import Course, read_course
from tests.conftest import SMALL_COURSE


def registry_with(tmp_path: Path, text: str) -> Path:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "course.toml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (SMALL_COURSE, "title = 'x'", "names no lesson"),
        ("minutes = 5", "", "lacks minutes"),
        ("minutes = 5", "minutes = 0", "minutes must be"),
        ('number = "01"', 'number = "00"', "numbers must rise"),
        ('needs = ["00"]', 'needs = ["07"]', "does not come before it"),
        ("minutes = 5", "minutes = ", "not valid TOML"),
    ],
)
def test_a_bad_registry_is_refused_in_words(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        read_course(registry_with(tmp_path, SMALL_COURSE.replace(old, new)))


def test_a_missing_registry_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must hold notebooks/course\.toml"):
        read_course(tmp_path)


def test_an_unknown_lesson_number_names_the_known_ones(small_course: Course) -> None:
    with pytest.raises(ValueError, match="'00', '01'"):
        small_course.lesson("99")


def test_header_navigation_and_table_follow_the_registry(small_course: Course) -> None:
    first, second = small_course.lessons
    assert registry.header(small_course, second).startswith("# 01 · Do another thing")
    assert "[00 · Do one thing](00_one.ipynb)" in registry.header(small_course, second)
    assert "Needs more packages" not in registry.header(small_course, second)
    more = replace(second, requirements="requirements-more.txt")
    assert registry.header(small_course, more).endswith("· **Needs more packages:** `python -m pip install -r requirements-more.txt`")
    assert "01_two.ipynb" in registry.navigation(small_course, first)
    assert "**Before:** [00 · Do one thing](00_one.ipynb)" in registry.navigation(small_course, second)
    assert "Next:" not in registry.navigation(small_course, second)
    assert [line.split("|")[2].strip() for line in registry.readme_table(small_course).splitlines()[3:5]] == ["5", "10"]


def test_the_quiz_stands_before_the_navigation_once_however_often_it_is_refreshed(small_course: Course) -> None:
    lesson = small_course.lessons[0]
    notebook = build.read_source(small_course.source(lesson))
    for _ in range(2):
        notebook = build.refresh_generated_cells(notebook, small_course, lesson)
    assert [sorted(gates.tags(cell)) for cell in notebook.cells] == [["header"], [], ["setup"], ["quiz"], ["navigation"]]
    assert notebook.cells[-2].source == quizzes.cell(quizzes.of_lesson(quizzes.read(small_course.quizzes), "00"))
    small_course.quizzes.unlink()
    notebook = build.refresh_generated_cells(notebook, small_course, lesson)
    assert [sorted(gates.tags(cell)) for cell in notebook.cells] == [["header"], [], ["setup"], ["navigation"]]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_new_prose_and_quizzes_get_into_a_notebook_without_a_run(small_course: Course) -> None:
    lesson = small_course.lessons[0]
    assert build.build(small_course, lesson, progress=False)
    assert not build.build_text(small_course, lesson)
    edit(small_course.source(lesson), "is a list of numbers", "lists numbers")
    edit(small_course.quizzes, "A letter is no list", "No letter is a list")
    # Nothing is run: with this output in the notebook, only a run could bring the old one back.
    edit(small_course.notebook(lesson), "00\\n", "stored\\n")
    assert build.build_text(small_course, lesson)
    notebook = gates.read_notebook(small_course.notebook(lesson))
    assert gates.source_equals_notebook(small_course, lesson) == gates.is_canonical(small_course, lesson) == []
    assert "lists numbers" in gates.prose(notebook) and "No letter is a list" in gates.prose(notebook)
    [cell] = gates.code_cells(notebook)
    assert cell.execution_count == 1 and gates.output_text(cell) == "stored\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("print('00')", "print(0)"),
        ('tags=["setup"]', 'tags=["setup", "raises-exception"]'),
        ("print('00')\n", "print('00')\n\n# %%\n1 + 1\n"),
    ],
)
def test_changed_code_is_refused_without_a_run_and_nothing_is_written(old: str, new: str, small_course: Course) -> None:
    lesson = small_course.lessons[0]
    build.build(small_course, lesson, progress=False)
    edit(small_course.source(lesson), old, new)
    before = small_course.notebook(lesson).read_bytes(), small_course.source(lesson).read_bytes()
    with pytest.raises(build.CodeChanged, match=r"00_one\.ipynb holds no output of the cell"):
        build.build_text(small_course, lesson)
    assert before == (small_course.notebook(lesson).read_bytes(), small_course.source(lesson).read_bytes())


def test_a_lesson_never_built_is_refused_without_a_run(small_course: Course) -> None:
    with pytest.raises(build.CodeChanged):
        build.build_text(small_course, small_course.lessons[0])


def test_the_command_refreshes_what_it_can_and_names_what_must_be_run(
    small_course: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "read_course", lambda: small_course)
    monkeypatch.setattr(gates, "lesson_faults", lambda notebook: [])
    first, second = small_course.lessons
    for lesson in small_course.lessons:
        build.build(small_course, lesson, progress=False)
    edit(small_course.source(first), "print('00')", "print(0)")
    edit(small_course.source(second), "Vectors again.", "Vectors, once more.")
    assert commands.build_notebooks(text_only=True) == 1
    said = capsys.readouterr().out
    assert "00_one.ipynb holds no output" in said and "01_two.ipynb written" in said
    assert "once more" in small_course.notebook(second).read_text(encoding="utf-8")


def test_what_is_solved_in_a_build_is_no_learners_progress() -> None:
    with build.lesson_environment() as environment:
        assert Path(environment["COURSE_PROGRESS"]).parent == Path(environment["IPYTHONDIR"])


def test_building_twice_changes_no_byte(small_course: Course) -> None:
    for lesson in small_course.lessons:
        assert build.build(small_course, lesson, progress=False)
    before = {lesson: small_course.notebook(lesson).read_bytes() for lesson in small_course.lessons}
    for lesson in small_course.lessons:
        assert not build.build(small_course, lesson, progress=False)
        assert small_course.notebook(lesson).read_bytes() == before[lesson]


def test_outputs_that_depend_on_the_machine_stay_as_stored_until_their_cell_changes(small_course: Course) -> None:
    lesson = small_course.lessons[0]
    source = small_course.source(lesson)
    timed = '\n# %% tags=["nbval-ignore-output"] reason="times differ"\nimport time\nprint(time.time_ns())\n'
    source.write_text(source.read_text(encoding="utf-8") + timed, encoding="utf-8")
    build.build(small_course, lesson, progress=False)
    before = small_course.notebook(lesson).read_bytes()
    assert not build.build(small_course, lesson, progress=False)
    source.write_text(source.read_text(encoding="utf-8").replace("time_ns()", "time_ns() + 0"), encoding="utf-8")
    assert build.build(small_course, lesson, progress=False)
    assert small_course.notebook(lesson).read_bytes() != before


def test_a_failing_lesson_leaves_the_stored_notebook_as_it_was(small_course: Course) -> None:
    lesson = small_course.lessons[0]
    build.build(small_course, lesson, progress=False)
    before = small_course.notebook(lesson).read_bytes()
    source = small_course.source(lesson)
    source.write_text(source.read_text(encoding="utf-8").replace("print('00')", "1 / 0"), encoding="utf-8")
    with pytest.raises(build.LessonFailed, match="ZeroDivisionError"):
        build.build(small_course, lesson, progress=False)
    assert small_course.notebook(lesson).read_bytes() == before
    assert not list(small_course.root.rglob("*.part"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one child process")
def test_ctrl_c_stops_a_build_and_leaves_nothing_half_written(small_course: Course) -> None:
    lesson = small_course.lessons[0]
    running = small_course.root / "running"
    cell = f"# %%\nimport pathlib, time\npathlib.Path({str(running)!r}).touch()\ntime.sleep(60)\n"
    small_course.source(lesson).write_text(cell, encoding="utf-8")
    # A shell's background job ignores Ctrl-C, and so does what it starts: the check must not depend on where it runs.
    script = f"""
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from helpers import __main__, commands
course = commands.registry.read_course({str(small_course.root)!r})
commands.registry.read_course = lambda: course
raise SystemExit(__main__.main(["build"]))
"""
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, start_new_session=True, text=True)
    give_up = time.monotonic() + 120
    while not running.exists() and time.monotonic() < give_up:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 130, errors
    assert "Nothing half-written" in errors
    assert not small_course.notebook(lesson).exists() and not list(small_course.root.rglob("*.part"))


def test_a_lesson_runs_with_the_names_of_a_fresh_kernel_and_without_bars(tmp_path: Path) -> None:
    source = "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass\nprint(sorted(name for name in dir() if not name.startswith('_')))"
    notebook = build.execute(new_notebook(cells=[new_code_cell(source)]), tmp_path, progress=False)
    [output] = notebook.cells[0].outputs
    assert output.text == "['In', 'Out', 'exit', 'get_ipython', 'open', 'quit', 'tqdm']\n"


def test_source_and_notebook_convert_into_each_other(small_course: Course) -> None:
    lesson = small_course.lessons[0]
    build.build(small_course, lesson, progress=False)
    source = small_course.source(lesson).read_text(encoding="utf-8")
    assert build.source_text(gates.read_notebook(small_course.notebook(lesson))) == source


def test_a_missing_source_says_where_it_belongs(small_course: Course) -> None:
    lesson = small_course.lessons[0]
    small_course.source(lesson).unlink()
    with pytest.raises(FileNotFoundError, match=r"source.00_one\.py"):
        build.build(small_course, lesson, progress=False)
