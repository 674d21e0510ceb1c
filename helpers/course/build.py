"""From a lesson's source to its notebook: read, refresh the generated cells, execute, write in canonical form."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from tqdm.auto import tqdm

from helpers import arguments, quizzes
from helpers.course import registry
from helpers.course.registry import Course, Lesson

RUNTIME = Path(__file__).parent / "lesson_runtime"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# In the order of the stored notebook: JupyterLab refuses to open a lesson whose two files differ, if only in this.
KEPT_CELL_METADATA = ("reason", "tags")
GENERATED = {"header", "quiz", "navigation"}
CELL_TIMEOUT_S = 300


class LessonFailed(RuntimeError):
    """A lesson's cell raised, took too long, or reached for another machine."""


class CodeChanged(ValueError):
    """A lesson's code is no longer that of its stored notebook, so that the stored outputs are not its own."""


@contextmanager
def lesson_environment() -> Iterator[dict[str, str]]:
    """Environment variables under which a lesson is built and checked: guarded, without progress bars, deprecations as errors.

    Yields a copy of this process's environment with the additions. COURSE_CONNECTION_LOG in it names an empty file that
    receives every attempt to reach another machine.
    """
    with tempfile.TemporaryDirectory(prefix="lesson-", ignore_cleanup_errors=True) as folder:
        startup = Path(folder) / "profile_default" / "startup"
        startup.mkdir(parents=True)
        shutil.copy(RUNTIME / "startup.py", startup / "00-startup.py")
        log = Path(folder) / "connections.log"
        log.touch()
        path = os.pathsep.join(part for part in (str(RUNTIME / "guard"), os.environ.get("PYTHONPATH", "")) if part)
        yield {
            **os.environ,
            "IPYTHONDIR": folder,
            "PYTHONPATH": path,
            "COURSE_CONNECTION_LOG": str(log),
            "COURSE_ONLINE": "0",
            # A stored lesson has no kernel: its widgets leave their picture.
            "COURSE_STILL": "1",
            # What is solved here is no learner's progress.
            "COURSE_PROGRESS": str(Path(folder) / "progress.json"),
            # Lessons run side by side: threads that wait must not keep a core busy. This changes speed and no value.
            "OMP_WAIT_POLICY": "PASSIVE",
        }


@arguments.typed
def refused_connections(environment: dict[str, str]) -> list[str]:
    """The attempts to reach another machine that were logged under this environment."""
    if "COURSE_CONNECTION_LOG" not in environment:
        raise arguments.wrong_value("environment", environment, "what lesson_environment yields")
    return Path(environment["COURSE_CONNECTION_LOG"]).read_text(encoding="utf-8").splitlines()


@arguments.typed
def read_source(path: Path) -> NotebookNode:
    """A lesson's source as a notebook without outputs. FileNotFoundError names the file that is expected."""
    if not path.is_file():
        raise FileNotFoundError(f"No lesson source at {path}: write it in jupytext's percent format.")
    return jupytext.read(path, fmt="py:percent")


@arguments.typed
def source_text(notebook: NotebookNode) -> str:
    """A notebook in percent format, as it stands in notebooks/source."""
    bare = nbformat.v4.new_notebook(cells=[_bare_cell(cell) for cell in notebook.cells])
    configuration = jupytext.config.load_jupytext_configuration_file(str(registry.REPOSITORY / "pyproject.toml"))
    return str(jupytext.writes(bare, fmt="py:percent", config=configuration))


@arguments.typed
def refresh_generated_cells(notebook: NotebookNode, course: Course, lesson: Lesson) -> NotebookNode:
    """The notebook with the cells that are made from the registry and the quizzes: first the header, last the quiz and the navigation.

    The cheat sheet has none of them.
    """
    authored = [cell for cell in notebook.cells if not GENERATED & set(cell.metadata.get("tags", []))]
    if lesson not in course.lessons:
        return nbformat.v4.new_notebook(cells=authored)
    asked = quizzes.of_lesson(quizzes.read(course.quizzes), lesson.number)
    first = [_generated("header", registry.header(course, lesson))]
    last = [_generated("quiz", quizzes.cell(asked))] if asked else []
    last += [_generated("navigation", registry.navigation(course, lesson))]
    return nbformat.v4.new_notebook(cells=[*first, *authored, *last])


@arguments.typed
def canonical(notebook: NotebookNode, lesson: Lesson) -> str:
    """The notebook's one canonical text: fixed cell ids and metadata, sorted keys, merged streams, no widget state."""
    cells = []
    for position, cell in enumerate(notebook.cells):
        clean: dict[str, Any] = {**_bare_cell(cell), "id": f"{lesson.number}-{position:03d}"}
        if cell.cell_type == "code":
            clean["execution_count"] = cell.get("execution_count")
            clean["outputs"] = [_clean_output(output) for output in cell.get("outputs", []) if not _is_widget(output)]
        cells.append(clean)
    document = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    text = nbformat.writes(nbformat.from_dict(document), version=nbformat.NO_CONVERT)
    return json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@arguments.typed
def execute(notebook: NotebookNode, folder: Path, *, title: str = "", progress: bool = True) -> NotebookNode:
    """Run every cell in a fresh kernel, from `folder`, and return the notebook with outputs.

    LessonFailed carries the failing cell and its error. Ctrl-C stops the kernel; nothing has been written then.
    """
    codes = sum(cell.cell_type == "code" for cell in notebook.cells)
    with lesson_environment() as environment, tqdm(total=codes, desc=title, unit="cell", disable=not progress, file=sys.stderr) as bar:
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT_S,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            coalesce_streams=True,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
        try:
            _run_cells(client, environment, bar)
        except Exception as error:
            raise LessonFailed(f"{title}: {error}") from error
        if refused := refused_connections(environment):
            raise LessonFailed(f"{title}: {refused[0]}")
    return notebook


def _run_cells(client: NotebookClient, environment: dict[str, str], bar: "tqdm[None]") -> None:
    """What NotebookClient.execute does, less its handler of Ctrl-C, which would report a dead kernel instead of an interrupt."""
    client.reset_execution_trackers()
    with client.setup_kernel(env=environment):
        for position, cell in enumerate(client.nb.cells):
            client.execute_cell(cell, position, execution_count=client.code_cells_executed + 1)
            bar.update(cell.cell_type == "code")


@arguments.typed
def build(course: Course, lesson: Lesson, *, progress: bool = True) -> bool:
    """Build one lesson: refresh its source, execute it, store the notebook. Returns whether the stored bytes changed.

    Cells tagged nbval-ignore-output depend on the machine: when nothing else differs, the stored outputs of these stay.
    """
    source, target = course.source(lesson), course.notebook(lesson)
    notebook = refresh_generated_cells(read_source(source), course, lesson)
    _write_if_changed(source, source_text(notebook))
    execute(notebook, target.parent, title=lesson.stem, progress=progress)
    _keep_stored_machine_outputs(notebook, target)
    return _write_if_changed(target, canonical(notebook, lesson))


@arguments.typed
def build_text(course: Course, lesson: Lesson) -> bool:
    """Bring the prose of a lesson's notebook up to date and run nothing: the stored outputs stay. Returns whether the notebook changed.

    For changes in Markdown, titles and quizzes. CodeChanged names the first code cell that is not the one whose output is stored.
    """
    source, target = course.source(lesson), course.notebook(lesson)
    notebook = refresh_generated_cells(read_source(source), course, lesson)
    stored = _code_cells(nbformat.read(target, as_version=4)) if target.is_file() else []
    written = _code_cells(notebook)
    for new, old in zip_longest(written, stored):
        if new is None or old is None or _as_written(new) != _as_written(old):
            code = (new or old).source.split("\n")[0]
            raise CodeChanged(f"{target.name} holds no output of the cell {code!r} as it is written: build the lesson without --text-only.")
        new.outputs, new.execution_count = old.outputs, old.execution_count
    _write_if_changed(source, source_text(notebook))
    return _write_if_changed(target, canonical(notebook, lesson))


@arguments.typed
def write_readme(course: Course) -> bool:
    """Bring the README's table of lessons up to date. Returns whether the file changed."""
    readme = course.root / "README.md"
    return _write_if_changed(readme, registry.with_table(readme.read_text(encoding="utf-8"), course))


def _generated(tag: str, source: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": [tag]})


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _keep_stored_machine_outputs(notebook: NotebookNode, target: Path) -> None:
    """Reuse the stored outputs of unchanged machine-dependent cells, so that a rebuild without a change changes no byte."""
    if not target.is_file():
        return
    stored = nbformat.read(target, as_version=4)
    outputs = {cell.source: cell.outputs for cell in stored.cells if cell.cell_type == "code" and _depends_on_machine(cell)}
    for cell in notebook.cells:
        if cell.cell_type == "code" and _depends_on_machine(cell) and cell.source in outputs:
            cell.outputs = outputs[cell.source]


def _depends_on_machine(cell: NotebookNode) -> bool:
    return "nbval-ignore-output" in cell.metadata.get("tags", [])


def _bare_cell(cell: NotebookNode) -> NotebookNode:
    """Cell type, source and the metadata that belong to the lesson; no outputs."""
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell, "raw": nbformat.v4.new_raw_cell}[cell.cell_type]
    kept = {key: cell.metadata[key] for key in KEPT_CELL_METADATA if key in cell.metadata}
    return make(cell.source.rstrip("\n"), metadata=kept)


def _as_written(cell: NotebookNode) -> tuple[str, dict[str, Any]]:
    """What decides whether a stored output is still a cell's own: its source, and its tags."""
    bare = _bare_cell(cell)
    return bare.source, dict(bare.metadata)


def _is_widget(output: NotebookNode) -> bool:
    return "application/vnd.jupyter.widget-view+json" in output.get("data", {})


def _clean_output(output: NotebookNode) -> NotebookNode:
    """An output as it is stored: execution metadata and the colors of a traceback go, everything a reader sees stays."""
    if output.output_type == "error":
        # The frames of a traceback name files of this machine; what is taught is the exception and its message.
        return nbformat.v4.new_output("error", ename=output.ename, evalue=output.evalue, traceback=[f"{output.ename}: {output.evalue}"])
    return output


def _write_if_changed(path: Path, text: str) -> bool:
    """Write the whole file or nothing: to a neighbor first, then renamed into place."""
    data = text.encode("utf-8")
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return True
