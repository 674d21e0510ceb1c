"""A stored lesson taken apart for teaching: its sections, what stands in them, and how many minutes each takes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from helpers import arguments
from helpers.course import gates
from helpers.course.registry import Course, Lesson

OPENING = "Opening"  # question, objectives and setup: what comes before the first section that teaches
OBJECTIVES, SUMMARY = "What you'll be able to do", "Summary"
# What a reader takes home and no class spends time on. The quiz is for afterwards, too.
NOT_TAUGHT = ("Copy and paste", "Further reading", "Check yourself", "What's next")

# What a section weighs, in minutes before they are scaled to the lesson's: reading aloud, running a cell, looking at a picture, solving.
WORDS_A_MINUTE, MINUTES_A_CELL, MINUTES_A_PICTURE, MINUTES_AN_EXERCISE = 150, 0.4, 0.5, 4.0

_EXERCISE = re.compile(r'exercises\.get\("([\d.]+)"\)')
_FENCE = re.compile(r"^(```|~~~)")


@dataclass(frozen=True)
class Block:
    """One piece of a section. `kind` is prose, list, table, fence, html, heading or code; `cell` is there for code only."""

    kind: str
    text: str
    cell: NotebookNode | None = None


@dataclass(frozen=True)
class Section:
    """What stands under one heading of level two, in order."""

    heading: str
    blocks: tuple[Block, ...]

    @property
    def cells(self) -> list[NotebookNode]:
        """The code cells."""
        return [block.cell for block in self.blocks if block.cell is not None]

    @property
    def prose(self) -> str:
        """All of its Markdown."""
        return "\n\n".join(block.text for block in self.blocks if block.kind != "code")

    @property
    def exercises(self) -> list[str]:
        """The numbers of the exercises that are asked here."""
        return [number for cell in self.cells for number in exercise_numbers(cell.source)]

    @property
    def myths(self) -> list[str]:
        """The claims that are put right here, without quotation marks around them."""
        return [claim_of(block) for block in self.blocks if is_myth(block)]


@arguments.typed
def is_myth(block: Block) -> bool:
    """Whether a block is the heading of a myth."""
    return block.kind == "heading" and block.text.startswith("Myth:")


@arguments.typed
def claim_of(block: Block) -> str:
    """The claim of a myth's heading, without the quotation marks around it."""
    return block.text.partition(":")[2].strip().removeprefix('"').removesuffix('"')


@arguments.typed
def sections(notebook: NotebookNode) -> list[Section]:
    """The sections of a lesson; the first one, OPENING, holds what stands before the first heading that teaches."""
    found: dict[str, list[Block]] = {OPENING: []}
    heading = OPENING
    for block in _blocks(notebook):
        if block.kind == "section":
            heading = OPENING if block.text == OBJECTIVES else block.text
            found.setdefault(heading, [])
        else:
            found[heading].append(block)
    return [Section(heading, tuple(blocks)) for heading, blocks in found.items()]


@arguments.typed
def lesson_sections(course: Course, lesson: Lesson) -> list[Section]:
    """The sections of a lesson's stored notebook. ValueError if it has not been built, or has no section that teaches."""
    path = course.notebook(lesson)
    if not path.is_file():
        raise ValueError(f"{path.name} is missing: run make notebooks LESSON={lesson.number}.")
    found = sections(gates.read_notebook(path))
    if not [section for section in found if is_taught(section)]:
        raise ValueError(f"{path.name} has no section that teaches.")
    return found


@arguments.typed
def is_taught(section: Section) -> bool:
    """Whether this is one of the sections between objectives and summary."""
    return section.heading not in (OPENING, SUMMARY, *NOT_TAUGHT)


@arguments.typed
def minutes(lesson: Lesson, found: list[Section]) -> dict[str, int]:
    """Whole minutes for each section, by heading: together the minutes of the registry, at least one each.

    What a section gets follows from its words, cells, pictures and exercises. Sections that no class spends time on are left out.
    """
    taught = [section for section in found if section.heading not in NOT_TAUGHT]
    if lesson.minutes < len(taught):
        raise ValueError(f"lesson {lesson.number} has {lesson.minutes} minutes for {len(taught)} sections: give it at least one for each.")
    weights = [_weight(section) for section in taught]
    spare = lesson.minutes - len(taught)  # everybody has a minute before the rest is shared out
    shares = [spare * weight / sum(weights) for weight in weights]
    given = [1 + int(share) for share in shares]
    by_remainder = sorted(range(len(taught)), key=lambda i: int(shares[i]) - shares[i])
    for i in by_remainder[: lesson.minutes - sum(given)]:
        given[i] += 1
    return {section.heading: share for section, share in zip(taught, given, strict=True)}


def _weight(section: Section) -> float:
    words = len(section.prose.split())
    pictures = sum(_is_picture(output) for cell in section.cells for output in cell.get("outputs", []))
    shown = [cell for cell in section.cells if "setup" not in gates.tags(cell)]
    seconds = words / WORDS_A_MINUTE + MINUTES_A_CELL * len(shown) + MINUTES_A_PICTURE * pictures
    return max(seconds + MINUTES_AN_EXERCISE * len(section.exercises), 0.5)


def _is_picture(output: NotebookNode) -> bool:
    return any(kind.startswith("image/") for kind in output.get("data", {}))


def _blocks(notebook: NotebookNode) -> Iterator[Block]:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if cell.source.strip():
                yield Block("code", cell.source, cell)
        elif cell.cell_type == "markdown" and not gates.tags(cell) & {"header", "navigation"}:
            yield from markdown_blocks(cell.source)


@arguments.typed
def markdown_blocks(text: str) -> Iterator[Block]:
    """The pieces of a Markdown text, split at blank lines and headings; kind ``section`` is a heading of level two."""
    for lines in _paragraphs(text):
        first = lines[0]
        if first.startswith("#"):
            level = len(first) - len(first.lstrip("#"))
            yield Block("section" if level == 2 else "heading", first.lstrip("# ").strip())
        elif _FENCE.match(first):
            yield Block("fence", "\n".join(lines))
        elif first.startswith("|"):
            yield Block("table", "\n".join(lines))
        elif re.match(r"(?:[-*]|\d+\.) ", first):
            yield Block("list", "\n".join(lines))
        elif first.startswith("<"):
            yield Block("html", "\n".join(lines))
        else:
            yield Block("prose", "\n".join(lines))


def _paragraphs(text: str) -> Iterator[list[str]]:
    lines: list[str] = []
    in_fence = False
    for line in text.split("\n"):
        fence = bool(_FENCE.match(line))
        starts_anew = line.startswith("#") or (fence and not in_fence)
        if not in_fence and (not line.strip() or starts_anew) and lines:
            yield lines
            lines = []
        if in_fence or line.strip():
            lines.append(line)
        in_fence = in_fence != fence
        # A heading is a paragraph of its own even with text right below it.
        if not in_fence and (line.startswith("#") or fence) and lines:
            yield lines
            lines = []
    if lines:
        yield lines


@arguments.typed
def exercise_numbers(code: str) -> list[str]:
    """The numbers of the exercises that a cell asks for."""
    return _EXERCISE.findall(code)
