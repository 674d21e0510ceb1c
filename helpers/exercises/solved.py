"""Which exercises a learner has solved: a small file of theirs, to which every notebook adds.

It lies where the system keeps a user's data, in a folder of the course; the variable COURSE_PROGRESS names another file. Several
notebooks may add to it at once. It holds the numbers of the exercises, and nothing else: ``{"solved": ["00.1", "00.2"]}``.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import filelock
import platformdirs

from helpers import arguments
from helpers.tables import Table

PATIENCE_S = 5.0  # for another notebook that is writing
_already_said: set[str] = set()


class _Damaged(Exception):
    """The file is there and does not hold what it should."""


@dataclass(frozen=True, repr=False)
class Progress:
    """What is solved of all exercises (``titles``, by number, in order). Shows as a sentence and a table, a row a lesson."""

    titles: Mapping[str, str]
    solved: frozenset[str]

    @property
    def remaining(self) -> tuple[str, ...]:
        """The numbers of the exercises that are not solved yet, in order."""
        return tuple(number for number in self.titles if number not in self.solved)

    @property
    def next(self) -> str | None:
        """The number of the exercise to go on with: the first one open after the last one solved; None when all are solved."""
        last = max((number for number in self.titles if number in self.solved), default="")
        return next((number for number in self.remaining if number > last), next(iter(self.remaining), None))

    @property
    def sentence(self) -> str:
        """How many are solved, and what comes next."""
        if self.next is None:
            return f"You have solved all {len(self.titles)} exercises."
        done = len(self.titles) - len(self.remaining)
        return f"You have solved {done} of {len(self.titles)} exercises. Next: exercise {self.next}, {self.titles[self.next]}."

    @property
    def table(self) -> Table:
        """For each lesson how many exercises are solved, and which remain."""
        rows = []
        for lesson, group in groupby(self.titles, key=lambda number: number.split(".")[0]):
            numbers = list(group)
            left = [number for number in numbers if number not in self.solved]
            rows.append((f"lesson {lesson}", f"{len(numbers) - len(left)} of {len(numbers)}", ", ".join(left) or "none: all solved"))
        return Table(("lesson", "solved", "still to solve"), tuple(rows))

    def __str__(self) -> str:
        return f"{self.sentence}\n\n{self.table}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return f"{self.sentence}\n\n{self.table._repr_markdown_()}"


def file() -> Path:
    """The learner's file; it need not exist."""
    if chosen := os.environ.get("COURSE_PROGRESS"):
        return Path(chosen).expanduser()
    return platformdirs.user_data_path("local-embeddings-course", appauthor=False) / "progress.json"


def numbers() -> frozenset[str]:
    """The numbers of the exercises that are solved. A file that cannot be read counts as empty, and one line says so."""
    try:
        try:
            return frozenset(_read(file()))
        except _Damaged:
            with _lock():
                return frozenset(_read_or_set_aside(file()))
    except Exception as error:  # whatever the disk says, a lesson goes on
        _say_once(f"Your progress cannot be read from {_where()} ({type(error).__name__}).")
        return frozenset()


@arguments.typed
def remember(number: str) -> None:
    """Add the number of an exercise to the file. Where that is not possible, one line says so, once in a process, and no error comes."""
    try:
        _add(number)
    except Exception as error:  # a full or read-only disk, no home folder, a lock that is held: never the learner's mistake
        _say_once(f"Your progress is not kept, because {_where()} cannot be written ({type(error).__name__}): see COURSE_PROGRESS.")


def _add(number: str) -> None:
    path = file()
    try:
        if number in _read(path):
            return
    except _Damaged:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock():
        # Read again: another notebook may have written since.
        _write(path, {*_read_or_set_aside(path), number})


def _lock() -> filelock.BaseFileLock:
    return filelock.FileLock(f"{file()}.lock", timeout=PATIENCE_S)


def _read(path: Path) -> list[str]:
    try:
        found = json.loads(path.read_bytes())["solved"]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise _Damaged from error
    if not isinstance(found, list) or not all(isinstance(number, str) for number in found):
        raise _Damaged
    return found


def _read_or_set_aside(path: Path) -> list[str]:
    try:
        return _read(path)
    except _Damaged:
        aside = next(name for n in range(1, 10_000) if not (name := path.with_name(f"{path.stem}.damaged-{n}{path.suffix}")).exists())
        path.replace(aside)
        _say_once(f"The file of your progress was damaged: it is kept as {aside}, and a new one begins.")
        return []


def _write(path: Path, solved: Iterable[str]) -> None:
    """The whole file or nothing: to a neighbor first, then renamed into place."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_text(json.dumps({"solved": sorted(solved)}) + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _where() -> str:
    try:
        return str(file())
    except Exception:  # no home folder
        return "the file of your progress"


def _say_once(sentence: str) -> None:
    if sentence not in _already_said:
        _already_said.add(sentence)
        print(sentence, file=sys.stderr)
