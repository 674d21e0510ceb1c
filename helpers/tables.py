"""Small tables of text, the same in a notebook and in a terminal, and how a value is written in one."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from helpers import arguments

WIDEST_CELL = 60
# Everything that Markdown, or the formulas in it, would take for something else than text.
_MARKDOWN_SIGNS = re.compile(r"([\\|*_`<>\[\]$~#&])")
_NUMBER = re.compile(r"-?[\d.,]+( (MiB|GiB))?")


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """Text in rows, each as long as ``headers``: a Markdown table at the end of a notebook cell, aligned plain text with print()."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        for index, row in enumerate(self.rows):
            if len(row) != len(self.headers):
                raise ValueError(f"rows[{index}] must have as many cells as headers, got {len(row)} and {len(self.headers)}.")

    def __str__(self) -> str:
        """Aligned text; a cell of more than WIDEST_CELL characters goes on in the next line."""
        header, *rows = ([_wrapped(cell) for cell in row] for row in (self.headers, *self.rows))
        widths = [max(len(line) for cell in column for line in cell) for column in zip(header, *rows, strict=True)]
        rule = [["-" * width] for width in widths]
        lines = [line for row in (header, rule, *rows) for line in zip_longest(*row, fillvalue="")]
        to_the_right = self._columns_of_numbers()
        padded = ([_padded(*cell) for cell in zip(line, widths, to_the_right, strict=True)] for line in lines)
        return "\n".join("  ".join(line).rstrip() for line in padded)

    def __repr__(self) -> str:  # what a console shows, and a notebook where no Markdown is rendered
        return str(self)

    def _repr_markdown_(self) -> str:
        header, *rows = ([in_markdown(cell) for cell in row] for row in (self.headers, *self.rows))
        rule = ["---:" if numbers else "---" for numbers in self._columns_of_numbers()]
        return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))

    def _columns_of_numbers(self) -> list[bool]:
        """For every column, whether each of its cells is a number, a size, or empty."""
        columns = [column[1:] for column in zip(self.headers, *self.rows, strict=True)]
        return [any(column) and all(_NUMBER.fullmatch(cell) or not cell for cell in column) for column in columns]


def in_markdown(text: str) -> str:
    """A text on one line in which Markdown finds nothing to format: every sign of its own is escaped."""
    return _MARKDOWN_SIGNS.sub(r"\\\1", " ".join(arguments.text(text, "text").split()))


def as_text(value: Any) -> str:
    """A value as a table shows it: yes and no, thousands separated, the end of a prompt visible; an empty collection is none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return "; ".join(f"{name} = {_visible(str(text))}" for name, text in value.items()) or "none"
    if isinstance(value, tuple | list):
        return ", ".join(as_text(item) for item in value) or "none"
    return str(value)


def size_text(size: int) -> str:
    """A number of bytes in MiB (2**20), or from one GiB (2**30) on in GiB with one decimal."""
    size = arguments.integer(size, "size", minimum=0)
    return f"{size / 2**20:,.0f} MiB" if size < 2**30 else f"{size / 2**30:,.1f} GiB"


def _visible(prompt: str) -> str:
    """A prompt with the spaces at its end and its line breaks made visible."""
    text = prompt.rstrip(" ")
    return (text + "·" * (len(prompt) - len(text))).replace("\n", r"\n")


def _wrapped(cell: str) -> list[str]:
    return textwrap.wrap(cell, WIDEST_CELL, break_long_words=False, break_on_hyphens=False) or [""]


def _padded(cell: str, width: int, to_the_right: bool) -> str:
    return cell.rjust(width) if to_the_right else cell.ljust(width)
