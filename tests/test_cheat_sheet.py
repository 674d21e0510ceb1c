"""The cheat sheet: every snippet as a script of its own, the names it gives, and the page to print."""

import importlib.util
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import hub
from helpers.course import build, cheat_sheet, gates, registry
from helpers.course.registry import CHEAT_SHEET, Course

SHEET = gates.read_notebook(registry.read_course().notebook(CHEAT_SHEET))
SNIPPETS = [cell for cell in gates.code_cells(SHEET) if "setup" not in gates.tags(cell)]
PATIENCE_S = 300


def heading(cell: NotebookNode) -> str:
    """The heading above a snippet."""
    return next(line[4:] for line in SHEET.cells[SHEET.cells.index(cell) - 1].source.splitlines() if line.startswith("### "))


@pytest.mark.parametrize("gate", gates.SHEET_GATES, ids=lambda gate: gate.__name__)
def test_the_sheet_passes_the_gate(gate: object) -> None:
    assert callable(gate)
    assert gate(SHEET) == []


def test_the_sheet_is_its_source_in_canonical_form(course: Course) -> None:
    assert gates.source_equals_notebook(course, CHEAT_SHEET) == []
    assert gates.is_canonical(course, CHEAT_SHEET) == []


def test_the_sheet_is_no_lesson_and_has_no_generated_cell(course: Course) -> None:
    assert CHEAT_SHEET not in course.lessons and CHEAT_SHEET.stem not in (course.root / "notebooks" / "course.toml").read_text("utf-8")
    assert not [cell for cell in SHEET.cells if gates.tags(cell) & build.GENERATED]


def test_every_snippet_has_a_heading_of_its_own_with_the_lesson() -> None:
    headings = [heading(cell) for cell in SNIPPETS]
    assert 14 <= len(headings) == len(set(headings)) <= 18
    assert not [line for line in headings if not re.search(r"\(\[\d\d\]\(\d\d_\w+\.ipynb\)\)$", line)]


# Each snippet as a script of its own


@pytest.fixture(scope="module")
def run_fresh() -> Iterator[Callable[[Path, Path], None]]:
    """Runs a script in a folder in a fresh interpreter, as a reader does who has the model in the hub cache."""
    hub.activate(verify=False)  # the course's cache stands in for the reader's
    with build.lesson_environment() as environment:

        def run(script: Path, folder: Path) -> None:
            command = [sys.executable, os.fspath(script)]
            with (folder / "stdout").open("w") as stdout, (folder / "stderr").open("w") as stderr:
                status = subprocess.call(command, cwd=folder, env=environment, stdout=stdout, stderr=stderr, timeout=PATIENCE_S)
            assert status == 0, (folder / "stderr").read_text(encoding="utf-8")
            assert build.refused_connections(environment) == []

        yield run


def script_faults(cell: NotebookNode, folder: Path, run: Callable[[Path, Path], None]) -> list[str]:
    """What is wrong with a snippet as a script: it fails, reaches for another machine, says something on stderr, or prints other words."""
    script = folder / "snippet.py"
    script.write_text(cell.source, encoding="utf-8")
    try:
        run(script, folder)
    except AssertionError as error:
        return [f"it fails: {error}"]
    stored = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    printed, remarks = [(folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
    faults = [f"stderr: {remarks}"] if remarks else []
    return faults + ([] if printed == stored else [f"printed {printed!r}, stored is {stored!r}"])


@pytest.mark.slow
@pytest.mark.xdist_group("copy-paste")
@pytest.mark.parametrize("cell", SNIPPETS, ids=heading)
def test_the_snippet_runs_alone_without_a_warning_and_prints_what_is_stored(
    cell: NotebookNode, run_alone: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    """In a process of its own with nothing but the library loaded; tests/soak does it in an interpreter that has loaded nothing."""
    assert script_faults(cell, tmp_path, run_alone) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("print('right')", ""),
        ("print('wrong')", "stored is 'right"),
        ("print('right')\nraise SystemExit(1)", "it fails"),
        ("print('right')\nimport warnings\nwarnings.warn('old name', FutureWarning)", "old name"),
        ("print('right')\nimport logging\nlogging.warning('a remark')", "a remark"),
        ("print('right')\nmodel.encode('a name of another snippet')", "NameError"),
        ("print('right')\nimport socket\ntry:\n    socket.getaddrinfo('example.org', 80)\nexcept OSError:\n    pass", "example.org"),
    ],
)
def test_a_planted_fault_in_a_snippet_is_named(source: str, words: str, run_fresh: Callable[[Path, Path], None], tmp_path: Path) -> None:
    cell = new_code_cell(source, outputs=[new_output("stream", name="stdout", text="right\n")])
    faults = script_faults(cell, tmp_path, run_fresh)
    assert words in " ".join(faults) and bool(faults) == bool(words)


# Old names and new ones


def names() -> list[tuple[str, str]]:
    """The rows of the table: was, is."""
    rows = re.findall(r"(?m)^\| `([^`]+)` \| `([^`]+)`.*\|$", gates.prose(SHEET))
    return [tuple(re.sub(r"^…", "sentence_transformers", name) for name in row) for row in rows]  # type: ignore[misc]


def test_the_table_has_its_rows() -> None:
    assert len(names()) >= 12


@pytest.mark.parametrize(("old", "new"), names())
def test_a_row_gives_an_old_name_that_no_lesson_may_use_and_a_new_one_that_is_there(old: str, new: str) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    assert gates.DEPRECATED.search(old) and not gates.DEPRECATED.search(new)
    if new.startswith("sentence_transformers."):
        assert importlib.util.find_spec(new)
        return
    method = re.match(r"(?:model\.)?([a-z]\w+)\(", new)
    asked = SentenceTransformer if method is None else getattr(SentenceTransformer, method.group(1))
    if new.startswith(("Pooling(", "pooling_mode=")):
        asked = Pooling
    parameters = inspect.signature(asked).parameters
    assert not [name for name in re.findall(r"(\w+)=", new) if name not in parameters]


# The page to print


def test_the_page_holds_every_snippet_and_nothing_from_outside(course: Course, tmp_path: Path) -> None:
    path = cheat_sheet.write(course, tmp_path / "build")
    text = path.read_text(encoding="utf-8")
    assert text.count("highlight hl-") == len(SNIPPETS) and text.count('<pre class="printed">') == len(SNIPPETS)
    assert "hub.activate" not in text and "Your program needs no such line" not in text
    assert not re.search(r"<script|<link|<img|src=|url\(|@import|https?://", text)
    links = re.findall(r'href="([^"]+)"', text)
    assert len(links) == len(SNIPPETS) and all((path.parent / link).is_file() for link in links)


def test_the_page_shows_code_as_it_is() -> None:
    cell = new_code_cell("x = 1 < 2", outputs=[new_output("stream", name="stdout", text="<b>&\n")])
    text = cheat_sheet.page(new_notebook(cells=[new_markdown_cell("### Compare"), cell]))
    assert "&lt;b&gt;&amp;" in text and "<b>" not in text and "&lt;</span>" in text


def test_without_a_notebook_the_page_says_how_to_make_one(small_course: Course, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="build --lesson cheat_sheet"):
        cheat_sheet.write(small_course, tmp_path)
