"""The cheat sheet as a page to print: two sheets of paper in landscape, A4 or US Letter, from the notebook with its stored outputs."""

import html
import os
import re
from pathlib import Path

from nbconvert.filters import Highlight2HTML, markdown2html
from nbformat import NotebookNode

from helpers import arguments
from helpers.course import gates
from helpers.course.registry import CHEAT_SHEET, Course

# Nothing smaller than 8 points; no color carries a meaning; no script, no font and no picture is fetched from anywhere.
STYLE = """
@page { size: landscape; margin: 8mm }
html { font: 8.5pt/1.25 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #111; background: #fff }
body { margin: 0 auto; max-width: 285mm }
main { columns: 2; column-gap: 6mm }
h1 { font-size: 13pt; margin: 0 0 1mm }
h2, h3 { font-size: 9pt; margin: 0; border-top: 0.6pt solid #555; padding-top: 0.6mm }
p { margin: 0 0 0.5mm }
section { break-inside: avoid; margin: 0 0 1.5mm }
pre { margin: 0; white-space: pre-wrap }
pre, code { overflow-wrap: anywhere }
pre, code { font: 8pt/1.22 "DejaVu Sans Mono", Menlo, Consolas, monospace }
pre.printed { border-left: 2pt solid #777; padding-left: 1.2mm; margin-top: 0.5mm }
table { border-collapse: collapse }
th, td { text-align: left; padding: 0.2mm 2mm 0.2mm 0; vertical-align: top }
a { color: inherit }
.highlight .k, .highlight .kn, .highlight .kc, .highlight .ow { font-weight: bold }
.highlight .c1 { font-style: italic; color: #444 }
"""


@arguments.typed
def page(notebook: NotebookNode) -> str:
    """The cheat sheet as one page of HTML that needs nothing else. The cell that only the course needs stays out."""
    cells = [cell for position, cell in enumerate(notebook.cells) if not _is_the_courses_own(notebook, position)]
    parts: list[list[str]] = []
    for cell in cells:
        if cell.cell_type == "markdown" or not parts:
            parts.append([])
        parts[-1].append(_prose(cell) if cell.cell_type == "markdown" else _code(cell))
    sections = "\n".join(f"<section>\n{''.join(part)}</section>" for part in parts)
    title = html.escape(CHEAT_SHEET.title)
    head = f'<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n<style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n<main>\n{sections}\n</main>\n</body>\n</html>\n'


@arguments.typed
def write(course: Course, folder: Path) -> Path:
    """Write the page into a folder, which is made if need be, and return its path. Its links lead to the lessons."""
    notebook = course.notebook(CHEAT_SHEET)
    if not notebook.is_file():
        raise FileNotFoundError(f"No cheat sheet at {notebook}: run python -m helpers build --lesson {CHEAT_SHEET.stem}.")
    folder.mkdir(parents=True, exist_ok=True)
    to_lessons = os.path.relpath(notebook.parent, folder).replace(os.sep, "/")
    target = folder / f"{CHEAT_SHEET.stem}.html"
    target.write_text(page(gates.read_notebook(notebook)).replace('href="', f'href="{to_lessons}/'), encoding="utf-8")
    return target


def _is_the_courses_own(notebook: NotebookNode, position: int) -> bool:
    return any("setup" in gates.tags(cell) for cell in notebook.cells[position : position + 2])


def _prose(cell: NotebookNode) -> str:
    return re.sub(r'<a class="anchor-link".*?</a>', "", str(markdown2html(cell.source)))


def _code(cell: NotebookNode) -> str:
    printed = "".join(output.text for output in cell.get("outputs", []) if output.output_type == "stream")
    shown = f'<pre class="printed">{html.escape(printed.rstrip())}</pre>\n' if printed.strip() else ""
    return f"{Highlight2HTML()(cell.source)}{shown}"
