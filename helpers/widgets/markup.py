"""Small pieces of accessible HTML for panels: everything escaped, colors from the theme, a caption or a label on each piece."""

from collections.abc import Iterable, Sequence
from html import escape

from helpers import arguments

__all__ = ["escape", "excerpt", "meter", "paragraph", "svg", "table"]


def excerpt(text: str, width: int = 60) -> str:
    """The beginning of a text on one line, at most `width` characters, with an ellipsis where something is left out."""
    line, width = " ".join(arguments.text(text, "text").split()), arguments.integer(width, "width", minimum=1)
    return line if len(line) <= width else f"{line[: width - 1].rstrip()}…"


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(arguments.text(text, 'text'))}</p>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], caption: str, *, markup: bool = False) -> str:
    """A table with a caption; the first cell of each row is its heading. With `markup`, the cells are HTML already."""
    inside = (lambda cell: cell) if markup else escape
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in arguments.texts(header, "header"))
    body = "".join(
        f'<tr><th scope="row">{inside(row[0])}</th>' + "".join(f"<td>{inside(cell)}</td>" for cell in row[1:]) + "</tr>" for row in rows
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def meter(share: float, text: str) -> str:
    """A bar that fills a share (0 to 1) of its field, with the figure it stands for written beside it."""
    width = 100 * min(1.0, max(0.0, arguments.number(share, "share")))
    return f'<span class="meter" aria-hidden="true"><span style="width:{width:.0f}%"></span></span> {escape(arguments.text(text, "text"))}'


def svg(width: int, height: int, label: str, body: str) -> str:
    """A drawing of `width` by `height` units with a text alternative; `body` is SVG. Draw in currentColor, which follows the theme."""
    width, height = arguments.integer(width, "width", minimum=1), arguments.integer(height, "height", minimum=1)
    return f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height}" style="max-width:{width}px">{body}</svg>'
