"""The lessons as strict nbval runs them: behind each exercise, its solution and every typical wrong answer, each checked by the lesson's
own line in the lesson's own names. So nothing of a lesson has to run a second time for its exercises.
"""

import contextlib
import functools
import hashlib
import io
import os
import pickle
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from textwrap import dedent
from typing import Any

import filelock
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from helpers import arguments, exercises
from helpers.course import gates
from helpers.course.registry import REQUIREMENTS, Course
from helpers.exercises import NOT_YET, RIGHT

ENCODINGS = "COURSE_ENCODINGS"
MANY_TEXTS = 1000


@arguments.typed
def with_answers(notebook: NotebookNode) -> NotebookNode:
    """A copy of a lesson with two kinds of cells more: one that rehearses the answers behind each cell that checks an exercise, and one
    behind the setup cell that shares the vectors of large corpora (see `share_large_encodings`).

    Raises:
        ValueError: An exercise is checked nowhere, or more than once.
    """
    rehearsed = nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]
    numbers = _numbers(notebook)
    cells, checked = [], []
    for cell in rehearsed.cells:
        cells.append(cell)
        if "setup" in gates.tags(cell):
            cells.append(_cell("share_large_encodings()"))
        for line in _check_lines(cell):
            number = numbers.get(line.split(".")[0])
            if number:
                checked.append(number)
                cells.append(_cell(f"rehearse({number!r}, {line!r}, globals())"))
    if sorted(checked) != sorted(numbers.values()):
        raise ValueError(f"notebook must check each of its exercises once: it shows {sorted(numbers.values())} and checks {checked}.")
    rehearsed.cells = cells
    return rehearsed


@arguments.typed
def write_rehearsals(course: Course, notebooks: Iterable[Path], folder: Path) -> list[Path]:
    """Write stored notebooks with their answers, and what lies beside them, so that their relative paths hold; returns what was written.

    Args:
        course: The course.
        notebooks: Which of its notebooks.
        folder: Takes the place of the repository: it gets a folder ``notebooks``.
    """
    source, target = course.root / "notebooks", folder / "notebooks"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.ipynb", ".ipynb_checkpoints"))
    shutil.copy(course.root / REQUIREMENTS, folder)
    written = []
    for path in notebooks:
        nbformat.write(with_answers(gates.read_notebook(path)), target / path.name)  # type: ignore[no-untyped-call]
        written.append(target / path.name)
    return written


def rehearse(number: str, line: str, names: dict[str, Any]) -> None:
    """Answer an exercise rightly and in each typical wrong way, and check each answer with the lesson's line; silent where all is well.

    Args:
        number: The exercise, for example ``"03.1"``.
        line: The line of the lesson that checks it, for example ``exercise_1.check(answer_1)``.
        names: The lesson's names at this point; what an answer binds stays in a copy.

    Raises:
        AssertionError: A verdict or a hint is another one than the exercise promises.
    """
    exercise = exercises.get(number)
    answers = [(exercise.solution_code, RIGHT, exercise.praise)]
    answers += [(wrong.code, NOT_YET, wrong.hint) for wrong in exercise.wrong_answers]
    faults = []
    for code, verdict, words in answers:
        said = _said(f"{dedent(code).strip()}\n{line}", f"answer to {number}", names)
        if verdict not in said or words not in said:
            faults.append(f"{dedent(code).strip()}\nshould be told: {verdict} … {words}\nwas told: {said.strip()}")
    if faults:
        raise AssertionError("\n\n".join(faults))


def share_large_encodings() -> None:
    """Lessons encode the same thousands of documents with the same model: give each its vectors from the first that did, in one check.

    The vectors are shared through the folder that COURSE_ENCODINGS names; without it, nothing changes. A lesson is *built* without it.
    """
    if ENCODINGS not in os.environ:
        return
    from sentence_transformers import SentenceTransformer

    from helpers.encoding.identity import ModelIdentity

    folder = Path(os.environ[ENCODINGS])
    encode: Callable[..., Any] = SentenceTransformer.encode

    @functools.wraps(encode)
    def remembering(self: SentenceTransformer, *args: Any, **options: Any) -> Any:
        texts = args[0] if args else options.get("inputs")
        # Token vectors are views into those of their batch: stored one by one, each would take all of it along.
        whole = options.get("output_value", "sentence_embedding") == "sentence_embedding"
        if not whole or not isinstance(texts, list) or len(texts) < MANY_TEXTS:
            return encode(self, *args, **options)
        told = sorted((name, value) for name, value in options.items() if name != "show_progress_bar")
        key = repr((ModelIdentity.of(self, self.encode), self.device, self.training, args, told))
        path = folder / hashlib.sha256(key.encode()).hexdigest()
        with filelock.FileLock(f"{path}.lock"):  # two lessons that need the same at once: one waits
            if not path.exists():
                partial = path.with_suffix(".part")
                partial.write_bytes(pickle.dumps(encode(self, *args, **options)))
                partial.replace(path)
        return pickle.loads(path.read_bytes())

    SentenceTransformer.encode = remembering  # type: ignore[method-assign]


def _numbers(notebook: NotebookNode) -> dict[str, str]:
    """The number of each exercise by the variable that holds it."""
    found = (match for cell in gates.code_cells(notebook) for match in re.finditer(r'(\w+) = exercises\.get\("([\d.]+)"\)', cell.source))
    return {match.group(1): match.group(2) for match in found}


def _check_lines(cell: NotebookNode) -> list[str]:
    """Where a learner answers; a lesson may show before what a check says to something else."""
    return [line for line in cell.source.splitlines() if re.match(r"\w+\.check\(", line)] if "exercise" in gates.tags(cell) else []


def _cell(call: str) -> NotebookNode:
    source = f"from helpers.course import rehearsal as _rehearsal\n_rehearsal.{call}"
    # An answer may make the library log something. Errors count all the same.
    return new_code_cell(source, execution_count=1, metadata={"tags": ["nbval-ignore-output"]})  # type: ignore[no-untyped-call]


def _said(code: str, name: str, names: dict[str, Any]) -> str:
    """What code prints, run in a copy of these names: the code after it finds none of its own."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        exec(compile(code, f"<{name}>", "exec"), dict(names))
    return printed.getvalue()
