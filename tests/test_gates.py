"""Every gate lets the good pass and stops the bad: for each, planted faults that it must name, and nothing at all."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.course import build, gates
from helpers.course.registry import CHEAT_SHEET, Course, with_table

Change = Callable[[NotebookNode], object]


def code(notebook: NotebookNode, position: int = 3) -> NotebookNode:
    """An ordinary code cell of the good lesson."""
    return gates.code_cells(notebook)[position]


def printing(text: str, name: str = "stdout") -> Change:
    return lambda notebook: code(notebook).update(outputs=[new_output("stream", name=name, text=text)])


def tagged(*tags: str, **metadata: str) -> Change:
    return lambda notebook: code(notebook).metadata.update({"tags": list(tags), **metadata})


def saying(text: str) -> Change:
    return lambda notebook: notebook.cells.insert(3, new_markdown_cell(text))


def sourced(text: str) -> Change:
    return lambda notebook: code(notebook).update(source=text)


def drop_tag(tag: str) -> Change:
    return lambda notebook: [cell.metadata.update(tags=[]) for cell in notebook.cells if tag in gates.tags(cell)]


def drop_outputs(notebook: NotebookNode) -> None:
    for cell in gates.code_cells(notebook)[4:]:
        cell.outputs = []


def exempt_three(notebook: NotebookNode) -> None:
    for cell in gates.code_cells(notebook)[4:7]:
        cell.metadata.update(tags=["nbval-ignore-output"], reason="time")


def show_picture_without_alternative(notebook: NotebookNode) -> None:
    code(notebook).outputs = [new_output("display_data", data={"image/png": "AAAA", "text/plain": "<Figure>"})]


def raise_untaught(notebook: NotebookNode) -> None:
    code(notebook).outputs = [new_output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])]


def three_code_cells_in_a_row(notebook: NotebookNode) -> None:
    for _ in range(2):
        notebook.cells.insert(5, new_code_cell("1", execution_count=9))


def keep_five_cells(notebook: NotebookNode) -> None:
    for cell in gates.code_cells(notebook)[4:]:
        notebook.cells.remove(cell)


def lengthen_all(notebook: NotebookNode) -> None:
    for cell in gates.code_cells(notebook):
        cell.source += "\n1" * 8


def drop_a_summary_item(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.source = cell.source.replace("\n- compared", "")


PLANTED: list[tuple[Callable[[NotebookNode], list[str]], Change, str]] = [
    (gates.runs_in_order, lambda n: code(n).update(execution_count=None), "has not been run"),
    (gates.runs_in_order, lambda n: code(n).update(execution_count=40), "not 1..n"),
    (gates.is_strictly_compared, drop_outputs, "compared to a non-empty output"),
    (gates.is_strictly_compared, exempt_three, "are not compared"),
    (gates.is_strictly_compared, tagged("nbval-ignore-output"), "no 'reason'"),
    (gates.is_strictly_compared, sourced("1  # NBVAL_IGNORE_OUTPUT"), "test mark"),
    (gates.has_clean_outputs, printing("x.py:2: FutureWarning: old name"), "warning"),
    (gates.has_clean_outputs, printing("a note", "stderr"), "stderr"),
    (gates.has_clean_outputs, printing("Batches:  50%|#####     | 1/2"), "progress bar"),
    (gates.has_clean_outputs, printing("/home/ann/model"), "machine"),
    (gates.has_clean_outputs, printing("similarity 0.68831"), "3 decimals"),
    (gates.has_clean_outputs, raise_untaught, "error that it does not teach"),
    (gates.has_text_alternatives, show_picture_without_alternative, "text alternative"),
    (gates.has_text_alternatives, saying("![](picture.png)"), "text alternative"),
    (gates.has_text_alternatives, saying('<img src="x.png">'), "text alternative"),
    (gates.is_short_and_even, keep_five_cells, "code cells"),
    (gates.is_short_and_even, lengthen_all, "are long"),
    (gates.is_short_and_even, sourced("x = " + "1 + " * 30 + "1"), "characters"),
    (gates.uses_current_names, sourced("model.get_sentence_embedding_dimension()"), "deprecated"),
    (gates.uses_current_names, sourced("from sentence_transformers.models import Pooling"), "deprecated"),
    (gates.uses_current_names, sourced("%pip install faiss-cpu"), "installs"),
    (gates.follows_the_skeleton, drop_tag("header"), "header"),
    (gates.follows_the_skeleton, drop_tag("navigation"), "navigation"),
    (gates.follows_the_skeleton, drop_tag("setup"), "setup"),
    (gates.follows_the_skeleton, drop_tag("quiz"), "quiz"),
    (gates.follows_the_skeleton, lambda n: n.cells.pop(-2), "sections"),
    (gates.follows_the_skeleton, lambda n: n.cells.insert(-2, n.cells.pop()), "quiz"),
    (gates.follows_the_skeleton, lambda n: code(n, 0).update(source="pass"), "hub.activate()"),
    (gates.follows_the_skeleton, drop_tag("exercise"), "exercises"),
    (gates.follows_the_skeleton, drop_tag("copy-paste"), "copy-paste"),
    (gates.follows_the_skeleton, drop_a_summary_item, "mirror"),
    (gates.follows_the_skeleton, lambda n: n.cells.pop(1), "objectives"),
    (gates.follows_the_skeleton, lambda n: [c.update(source=c.source.replace("## Summary", "## End")) for c in n.cells], "sections"),
    (gates.follows_the_skeleton, lambda n: [c.update(source=c.source.replace("Myth", "So")) for c in n.cells], "myth"),
    (gates.explains_before_and_after, three_code_cells_in_a_row, "three code cells"),
    (gates.is_written_well, saying("We simply call it."), "'simply'"),
    (gates.is_written_well, saying("A state-of-the-art model."), "state-of-the-art"),
    (gates.is_written_well, saying("We normalise the colour."), "normalise"),
    (gates.copy_paste_is_self_contained, lambda n: code(n, -1).update(source="from helpers import hub"), "imports helpers"),
    (gates.copy_paste_is_self_contained, drop_tag("copy-paste"), "no copy-paste block"),
]


@pytest.mark.parametrize("gate", gates.LESSON_GATES, ids=lambda gate: gate.__name__)
def test_a_good_lesson_passes(gate: Callable[[NotebookNode], list[str]], good_lesson: NotebookNode) -> None:
    assert gate(good_lesson) == []


@pytest.mark.parametrize(("gate", "plant", "words"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_fault_is_named(gate: Callable[[NotebookNode], list[str]], plant: Change, words: str, good_lesson: NotebookNode) -> None:
    plant(good_lesson)
    assert any(words in fault for fault in gate(good_lesson)), f"{gate.__name__} let it pass"


@pytest.mark.parametrize("gate", gates.LESSON_GATES, ids=lambda gate: gate.__name__)
def test_an_empty_notebook_does_not_pass(gate: Callable[[NotebookNode], list[str]]) -> None:
    assert gate(new_notebook()), f"{gate.__name__} passes because it found nothing"


def test_every_lesson_gate_has_a_planted_fault() -> None:
    assert {gate for gate, _, _ in PLANTED} == set(gates.LESSON_GATES)


def test_a_taught_error_and_a_taught_old_name_pass(good_lesson: NotebookNode) -> None:
    raise_untaught(good_lesson)
    tagged("raises-exception", "teaches-deprecated")(good_lesson)
    code(good_lesson).source = "model.get_sentence_embedding_dimension()"
    assert gates.has_clean_outputs(good_lesson) == gates.uses_current_names(good_lesson) == []


# Gates over files


def build_all(course: Course) -> None:
    for lesson in course.lessons:
        build.build(course, lesson, progress=False)
    build.write_readme(course)


def file_faults(course: Course) -> list[str]:
    """What all gates over files say."""
    faults = gates.every_lesson_is_there(course) + gates.readme_is_current(course) + gates.terms_are_defined_once(course)
    faults += gates.quizzes_are_complete(course)
    for lesson in course.lessons:
        faults += gates.source_equals_notebook(course, lesson) + gates.is_canonical(course, lesson)
    for path in [course.root / "README.md", *gates.notebook_paths(course.root / "notebooks")]:
        faults += gates.links_resolve(path)
    return faults


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_built_course_passes_and_each_fault_in_its_files_is_named(small_course: Course) -> None:
    assert "is missing" in " ".join(file_faults(small_course))
    build_all(small_course)
    assert file_faults(small_course) == []
    first, second = small_course.lessons
    notebook, source, readme = small_course.notebook(first), small_course.source(first), small_course.root / "README.md"
    quizzes = small_course.quizzes
    planted = [
        (notebook, "print('00')", "print('oo')", "differ"),
        (source, "print('00')", "print('oo')", "differ"),
        (source, "# %% [markdown]", "#   %%   [markdown]", "canonical form"),
        (source, "Do another thing", "Do the other thing", "header, quiz or navigation"),
        (source, "A list of numbers.", "A list.", "header, quiz or navigation"),
        (quizzes, "A list of numbers.", "A list.", "header, quiz or navigation"),
        (quizzes, 'wrong = "A letter."', 'right = "A letter."', "2 right answers"),
        (quizzes, 'lesson = "01"', 'lesson = "00"', "lesson 01 has 0 questions"),
        (notebook, '"nbformat_minor": 5', '"nbformat_minor":  5', "not in canonical form"),
        (notebook, '"id": "00-001"', '"id": "00-xxx"', "not in canonical form"),
        (readme, "Do another thing", "Do nothing", "out of date"),
        (readme, "01_two.ipynb", "01_three.ipynb", "which is not there"),
        (notebook, "../README.md#lessons", "../README.md#chapters", "no such heading"),
        (notebook, "***vector***", "vector", "must be defined"),
        (notebook, "***vector***", "***matrix***", "not in the glossary"),
    ]
    for path, old, new, words in planted:
        intact = path.read_bytes()
        edit(path, old, new)
        assert any(words in fault for fault in file_faults(small_course)), f"{old!r} -> {new!r} passed"
        path.write_bytes(intact)
    small_course.source(second).unlink()
    assert any("source/01_two.py is missing" in fault for fault in file_faults(small_course))


def test_the_cheat_sheet_is_no_lesson_that_the_registry_misses(small_course: Course) -> None:
    build_all(small_course)
    sheet = small_course.source(CHEAT_SHEET)
    sheet.write_text("# %%\nprint(1)\n", encoding="utf-8")
    build.build(small_course, CHEAT_SHEET, progress=False)
    assert file_faults(small_course) == []
    assert gates.source_equals_notebook(small_course, CHEAT_SHEET) == gates.is_canonical(small_course, CHEAT_SHEET) == []
    sheet.rename(sheet.with_name("another.py"))
    assert any("another is not in notebooks/course.toml" in fault for fault in file_faults(small_course))


def test_a_term_defined_in_two_lessons_is_named(small_course: Course) -> None:
    edit(small_course.source(small_course.lessons[1]), "Vectors again.", "A ***vector*** once more.")
    build_all(small_course)
    assert any("found in ['00', '01']" in fault for fault in gates.terms_are_defined_once(small_course))


def test_file_gates_do_not_pass_on_nothing(tmp_path: Path, small_course: Course) -> None:
    lesson = small_course.lessons[0]
    assert gates.notebook_paths(tmp_path / "nowhere") == []
    assert gates.prose_keeps_its_measure([]) == ["there is no code cell in the course"]
    assert gates.source_equals_notebook(small_course, lesson) and gates.is_canonical(small_course, lesson)
    assert len(gates.every_lesson_is_there(small_course)) == 2
    (small_course.root / "README.md").unlink()
    assert gates.readme_is_current(small_course) == ["README.md is missing"]
    with pytest.raises(ValueError, match="markers"):
        with_table("no markers", small_course)


@pytest.mark.parametrize(("words", "faults"), [(10, 1), (55, 0), (200, 1)])
def test_prose_is_measured_over_the_course_without_the_quizzes(words: int, faults: int) -> None:
    quiz = new_markdown_cell("word " * 500, metadata={"tags": ["quiz"]})
    notebook = new_notebook(cells=[new_markdown_cell("word " * words), new_code_cell("1"), quiz])
    assert len(gates.prose_keeps_its_measure([notebook])) == faults


def test_code_in_a_quiz_is_no_prose() -> None:
    quiz = new_markdown_cell("<details><summary>A. <code>normalise(x)[0](colour)</code></summary>Right. Because.</details>")
    assert gates.is_written_well(new_notebook(cells=[quiz])) == []
    quiz.source = quiz.source.replace("Because", "Because of the colour")
    assert gates.is_written_well(new_notebook(cells=[quiz])) == ["British spelling: 'colour'"]


# The guard: no connection beyond this machine

ATTEMPTS = [
    "import socket; socket.create_connection(('192.0.2.1', 9), timeout=1)",
    "import socket; socket.getaddrinfo('example.org', 80)",
    "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))",
    "import urllib.request; urllib.request.urlopen('https://example.org', timeout=1)",
    "import subprocess, sys; subprocess.run([sys.executable, '-c', \"import socket; socket.gethostbyname('example.org')\"], check=True)",
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_connection_beyond_this_machine_is_refused_and_logged(attempt: str) -> None:
    with build.lesson_environment() as environment:
        result = subprocess.run([sys.executable, "-c", attempt], env=environment, capture_output=True, text=True, check=False)
        assert result.returncode != 0 and "no connection beyond this machine" in result.stderr
        assert build.refused_connections(environment)


def test_connections_on_this_machine_are_allowed() -> None:
    script = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
socket.getaddrinfo("localhost", server.getsockname()[1])
"""
    with build.lesson_environment() as environment:
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)
        assert build.refused_connections(environment) == []


def test_a_lesson_that_hides_its_attempt_fails_all_the_same(tmp_path: Path) -> None:
    hidden = "import socket\ntry:\n    socket.getaddrinfo('example.org', 80)\nexcept OSError:\n    print('offline, never mind')"
    with pytest.raises(build.LessonFailed, match=r"example\.org"):
        build.execute(new_notebook(cells=[new_code_cell(hidden)]), tmp_path, progress=False)


@pytest.mark.parametrize("category", ["DeprecationWarning", "FutureWarning"])
def test_a_deprecation_that_a_lesson_causes_stops_it(category: str, tmp_path: Path) -> None:
    cell = new_code_cell(f"import warnings\nwarnings.warn('old', {category})")
    with pytest.raises(build.LessonFailed, match=category):
        build.execute(new_notebook(cells=[cell]), tmp_path, progress=False)


# Strict nbval, as the tests call it


def test_strict_nbval_goes_red_when_an_output_an_alternative_text_or_a_verdict_changes(
    write_notebook: Callable[..., Path],
) -> None:
    def stored(name: str, source: str, output: NotebookNode) -> Path:
        return write_notebook(new_code_cell(source, execution_count=1, outputs=[output]), name=name)

    good = stored("good.ipynb", "print(1 + 1)", new_output("stream", name="stdout", text="2\n"))
    bad = stored("bad.ipynb", "print(1 + 1)", new_output("stream", name="stdout", text="3\n"))
    alternative = {"image/png": {"alt": "A line from 1 to 3."}}
    data = {"image/png": "AAAA", "text/plain": "Figure: A line from 1 to 3."}
    figure = stored(
        "figure.ipynb",
        "from helpers import plots\nfigure, axes = plots.new_figure()\nplots.show(figure, 'A line from 1 to 2.')",
        new_output("display_data", data=data, metadata=alternative),
    )
    # as rehearsal inserts them: the outputs are ignored, an answer that is judged otherwise than promised is not
    ignored = {"tags": ["nbval-ignore-output"]}
    rehearsals = [new_code_cell(source, execution_count=1, metadata=ignored) for source in ("print('log')", "assert not 'promised'")]
    answers = write_notebook(*rehearsals, name="answers.ipynb")
    options = ["-v", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(good.parent)]
    with build.lesson_environment() as environment:
        command = [sys.executable, "-m", "pytest", *options, *map(str, (good, bad, figure, answers))]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=good.parent)
    assert result.returncode == 1, result.stdout
    expected = {"good": "PASSED", "bad": "FAILED", "figure": "FAILED", "answers": "PASSED"}
    for line in [*(f"{name}::ipynb::Cell 0 {verdict}" for name, verdict in expected.items()), "answers::ipynb::Cell 1 FAILED"]:
        assert line in result.stdout
