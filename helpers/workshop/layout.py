"""What fits on a slide: sizes of letters chosen by what stands there, and long outputs cut with a visible "…"."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from helpers import arguments

WIDTH, HEIGHT = 1280, 720  # of a slide in CSS pixels; reveal.js scales it to the screen
INNER_WIDTH, INNER_HEIGHT = 1184, 632
TEXT_SIZE, CODE_SIZE, HEADING_SIZE = 31, 24, 36
SMALLEST_CODE = 14.0
WIDEST_LINE = 120  # of an output, in characters
LEAST_PICTURE = 300
SCALES = (1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.52)
CUT = "…"

# Average width of a letter, in sizes of the letter: of text, of names and numbers in a table with its bold head, and of code.
_LETTER, _TABLE_LETTER, _CODE_LETTER = 0.56, 0.64, 0.61


@dataclass(frozen=True)
class Part:
    """Something on a slide. `kind` is text, list, table, code, output or picture; `hidden` shows it only at the next key press.

    `content` is Markdown for text, list and table, plain text for code and output, and a data URI for a picture, whose alternative in
    words is `alt`.
    """

    kind: str
    content: str
    alt: str = ""
    hidden: bool = False


@dataclass(frozen=True)
class Fitted:
    """A part with the size of its letters, or the height of its picture, in CSS pixels."""

    part: Part
    size: float


@arguments.typed
def fit(heading: str, parts: Sequence[Part]) -> list[Fitted]:
    """The parts with sizes with which they fit below the heading. What is too long even in small letters loses lines at its end."""
    room = INNER_HEIGHT - _heading_height(heading)
    wanted = list(parts)
    for scale in SCALES:
        if _height(wanted, scale) <= room:
            return _sized(wanted, scale, room)
    while _height(wanted, SCALES[-1]) > room and _can_be_cut(wanted):
        longest = max(range(len(wanted)), key=lambda i: _part_height(wanted[i], SCALES[-1]) if _is_cuttable(wanted[i]) else 0)
        wanted[longest] = _one_line_less(wanted[longest])
    return _sized(wanted, SCALES[-1], room)


@arguments.typed
def height(heading: str, fitted: Sequence[Fitted]) -> float:
    """The estimated height of a slide, in CSS pixels."""
    return _heading_height(heading) + sum(
        one.size if one.part.kind == "picture" else _lines_height(one.part, one.size) for one in fitted
    )  # a picture's size is its height


@arguments.typed
def shortened(text: str, lines: int) -> str:
    """At most so many lines of a text, each of at most WIDEST_LINE characters; what is left out shows as "…"."""
    kept = text.rstrip("\n").split("\n")
    if len(kept) > lines:
        kept = [*kept[: lines - 1], CUT]
    return "\n".join(line if len(line) <= WIDEST_LINE else line[: WIDEST_LINE - 1] + CUT for line in kept)


def _heading_height(heading: str) -> float:
    return math.ceil(max(len(heading), 1) * HEADING_SIZE * 0.58 / INNER_WIDTH) * HEADING_SIZE * 1.2 + 20


def _height(parts: Sequence[Part], scale: float) -> float:
    return sum(_part_height(part, scale) for part in parts)


def _part_height(part: Part, scale: float) -> float:
    return LEAST_PICTURE if part.kind == "picture" else _lines_height(part, _size(part, scale))


def _sized(parts: Sequence[Part], scale: float, room: float) -> list[Fitted]:
    rest = room - _height([part for part in parts if part.kind != "picture"], scale)
    pictures = sum(part.kind == "picture" for part in parts)
    return [Fitted(part, rest / pictures - 16 if part.kind == "picture" else _size(part, scale)) for part in parts]


def _size(part: Part, scale: float) -> float:
    if part.kind not in ("code", "output"):
        return TEXT_SIZE * scale * (0.86 if part.kind == "table" else 1.0)
    longest = max(len(line) for line in part.content.split("\n"))
    widest = (INNER_WIDTH - 40) / (_CODE_LETTER * max(longest, 1))
    return min(max(CODE_SIZE * scale, SMALLEST_CODE), widest)


def _lines_height(part: Part, size: float) -> float:
    if part.kind in ("code", "output"):
        return (part.content.count("\n") + 1) * size * 1.35 + 34
    if part.kind == "table":
        return sum(lines * size * 1.3 + 10 for lines in _row_lines(_rows(part.content), size)) + 18
    letters = (INNER_WIDTH - (40 if part.kind == "list" else 0)) / (size * _LETTER)
    items = _items(part.content)
    return sum(math.ceil(max(len(_plain(item)), 1) / letters) * size * 1.4 + 8 for item in items) + 16


def _items(text: str) -> list[str]:
    """The items of a list, or the paragraphs of a text, each on one line."""
    return [" ".join(piece.split()) for piece in re.split(r"\n(?=(?:[-*]|\d+\.) )|\n\s*\n", text)]


def _plain(markdown: str) -> str:
    return re.sub(r"[*`]|\]\([^)]*\)", "", markdown)


def _rows(table: str) -> list[list[str]]:
    rows = [[_plain(cell).strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in table.split("\n")]
    return [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]


def _row_lines(rows: list[list[str]], size: float) -> list[float]:
    """How many lines each row of a table takes. Columns share the width by their longest cells, as in a browser; no word is divided."""
    columns = list(zip_longest(*rows, fillvalue=""))
    letters = (INNER_WIDTH - 30 * len(columns)) / (size * _TABLE_LETTER)
    longest = [max(map(len, column)) for column in columns]
    words = [max(len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    if sum(words) > letters:
        return [math.inf for _ in rows]  # it would stand out at the side
    share = min(1.0, letters / max(sum(longest), 1))
    widths = [max(length * share * 0.8 if share < 1 else length, word, 1) for length, word in zip(longest, words, strict=True)]
    return [max(math.ceil(len(cell) / width) for cell, width in zip(row, widths, strict=False)) for row in rows]


def _is_cuttable(part: Part) -> bool:
    return part.kind in ("code", "output", "table", "list") and part.content.count("\n") > 3


def _can_be_cut(parts: Sequence[Part]) -> bool:
    return any(_is_cuttable(part) for part in parts)


def _one_line_less(part: Part) -> Part:
    lines = part.content.split("\n")
    if lines[-1].strip(" |-") == CUT:
        lines = lines[:-1]
    cells = max(lines[0].count("|") - 1, 1)
    mark = "| " + " | ".join([CUT] + [""] * (cells - 1)) + " |" if part.kind == "table" else f"- {CUT}" if part.kind == "list" else CUT
    return replace(part, content="\n".join([*lines[:-1], mark]))
