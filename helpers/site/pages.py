"""From the course to what Sphinx reads: a start page, every lesson with its stored outputs, the cheat sheet and a glossary.

Everything is derived from the README, the registry and the notebooks: the site has no text of its own to drift from them.
"""

import base64
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import nbformat
from nbformat import NotebookNode

from helpers import arguments
from helpers.course import gates
from helpers.course.registry import Course, Term
from helpers.tables import in_markdown

CHEAT_SHEET = "cheat_sheet"
GLOSSARY = "glossary"
# Code is left alone: what looks like a link in it is an index and a call.
LINK_OR_CODE = re.compile(r"(?ms)^```.*?^```|`[^`\n]*`|(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
ABOUT_THE_PAGES = (
    "These pages show every lesson as it ran, to read, to search and to print. To run its cells and change them, "
    "[start JupyterLab](#start) on your own machine."
)


@arguments.typed
def write_source(course: Course, folder: Path) -> list[str]:
    """Write what Sphinx reads into `folder`. Returns the names of the pages, without ending, in the order of the navigation.

    ValueError names a lesson that has not been built, or a link that leads nowhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lessons = [lesson.stem for lesson in course.lessons]
    look_up = [name for name in (CHEAT_SHEET,) if (course.root / "notebooks" / f"{name}.ipynb").is_file()]
    look_up += [GLOSSARY] if course.glossary else []
    notebooks = {name: course.root / "notebooks" / f"{name}.ipynb" for name in [*lessons, *look_up] if name != GLOSSARY}
    for path in notebooks.values():
        if not path.is_file():
            raise ValueError(f"{path} is missing: run make notebooks.")
        nbformat.write(_page_of(gates.read_notebook(path), path, course, folder), folder / path.name)
    if course.glossary:
        (folder / f"{GLOSSARY}.md").write_text(glossary_page(course), encoding="utf-8")
    titles = {name: _title(gates.read_notebook(path)) for name, path in notebooks.items()} | {GLOSSARY: "Glossary"}
    (folder / "index.md").write_text(_start_page(course, folder, lessons, {name: titles[name] for name in look_up}), encoding="utf-8")
    return ["index", *lessons, *look_up]


@arguments.typed
def with_links(markdown: str, change: Callable[[str, str], str | None]) -> str:
    """Markdown in which each link's (text, target) has become `change(text, target)`, and only the text where that is None."""

    def changed(match: re.Match[str]) -> str:
        if match["target"] is None:
            return match.group()
        target, text = change(match["text"], match["target"]), match["text"]
        if target is None:
            return text
        # On the site, the start page stands for the README.
        if target.startswith("index.md"):
            text = text.replace("the README's table", "the start page").replace("README", "start page")
        return f"{match['mark']}[{text}]({target})"

    return LINK_OR_CODE.sub(changed, markdown)


@arguments.typed
def glossary_page(course: Course) -> str:
    """The glossary in Markdown: the terms by alphabet, each with its definition and a link to where the course explains it."""
    if not course.glossary:
        raise ValueError(f"course must have a glossary, got {course.title!r} without one.")
    prose = {number: _prose(course, number) for number in {term.lesson for term in course.glossary}}
    entries = [_entry(term, course, prose[term.lesson]) for term in sorted(course.glossary, key=lambda term: term.name.casefold())]
    head = "# Glossary\n\nEach term is defined once, in the lesson behind it."
    return "\n\n".join([head, ":::{glossary}", *entries, ":::"]) + "\n"


def _prose(course: Course, number: str) -> str:
    return gates.prose(gates.read_notebook(course.notebook(course.lesson(number))))


def _entry(term: Term, course: Course, prose: str) -> str:
    lesson = course.lesson(term.lesson)
    place = _place_of(term, prose)
    return f"{in_markdown(term.name)}\n  {in_markdown(term.means)} [{lesson.heading}]({lesson.stem}.ipynb{place})"


def _place_of(term: Term, prose: str) -> str:
    """The anchor of the section in which a lesson defines a term; empty before the first section, or where two have the same name."""
    before = prose.lower().partition(f"***{term.name.lower()}***")[0]
    anchors = [_anchor(heading) for heading in re.findall(r"(?m)^##{1,2} +(.+)$", before)]
    return f"#{anchors[-1]}" if anchors and anchors.count(anchors[-1]) == 1 else ""


def _anchor(heading: str) -> str:
    """What follows # in a link to a heading, as on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _start_page(course: Course, folder: Path, lessons: list[str], look_up: dict[str, str]) -> str:
    """The README with the lessons first, and the lists that make the navigation."""
    readme = course.root / "README.md"
    text = re.sub(r"<!--.*?-->\n?", "", readme.read_text(encoding="utf-8"))
    introduction, *sections = re.split(r"(?m)^(?=## )", with_links(text, _resolver(readme, course, folder)))
    sections.sort(key=lambda section: not section.startswith("## Lessons\n"))
    if not sections or not sections[0].startswith("## Lessons\n"):
        raise ValueError(f"{readme} must hold a section ## Lessons.")
    links = [f"- [{title}]({name}.{'md' if name == GLOSSARY else 'ipynb'})" for name, title in look_up.items()]
    if links:
        sections.insert(1, "## Look it up\n\n" + "\n".join(links) + "\n")
    parts = [introduction, ABOUT_THE_PAGES, *sections, _navigation("Lessons", lessons), _navigation("Look it up", list(look_up))]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _navigation(caption: str, names: list[str]) -> str:
    return "\n".join([":::{toctree}", ":hidden:", f":caption: {caption}", "", *names, ":::"]) if names else ""


def _page_of(notebook: NotebookNode, path: Path, course: Course, folder: Path) -> NotebookNode:
    """The notebook with links that hold on the site, and each picture as a file with its text alternative."""
    resolve = _resolver(path, course, folder)
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            cell.source = with_links(cell.source, resolve)
        for number, output in enumerate(cell.get("outputs", [])):
            if "image/png" in output.get("data", {}):
                name = f"{path.stem}-{position:03d}-{number}.png"
                cell.outputs[number] = _picture(output, folder / "images" / name)
    return notebook


def _picture(output: NotebookNode, file: Path) -> NotebookNode:
    """An output that shows the picture from `file`. Sphinx knows one text alternative a cell, and a cell may draw two pictures."""
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(base64.b64decode(output.data["image/png"]))
    alternative = output.get("metadata", {}).get("image/png", {}).get("alt", "")
    markdown = f"![{in_markdown(alternative)}](images/{file.name})"
    return nbformat.v4.new_output("display_data", data={"text/markdown": markdown})


def _resolver(page: Path, course: Course, folder: Path) -> Callable[[str, str], str | None]:
    """How the links of one page are changed: to pages of the site, or to files that are copied beside them; None drops a link."""
    pages = {(course.root / "README.md").resolve(): "index.md"}
    pages |= {path.resolve(): path.name for path in gates.notebook_paths(course.root / "notebooks")}

    def resolve(text: str, target: str) -> str | None:
        name, mark, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target) or not name:
            return target
        file = (page.parent / unquote(name)).resolve()
        if file in pages:
            return pages[file] + mark + anchor
        if not file.exists() or not file.is_relative_to(course.root):
            raise ValueError(f"{page.name} links to {target}, which is not there.")
        if file.is_dir():
            return None
        copy = folder / "files" / file.relative_to(course.root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        return copy.relative_to(folder).as_posix()

    return resolve


def _title(notebook: NotebookNode) -> str:
    heading = re.search(r"(?m)^# +(.+)$", gates.prose(notebook))
    return heading.group(1) if heading else ""
