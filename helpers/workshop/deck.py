"""Slides as pages of HTML that hold everything they need: reveal.js, its speaker notes, the pictures."""

import html
import importlib.util
import re
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from helpers import arguments
from helpers.course.registry import Course, Lesson
from helpers.workshop import folders, layout, slides
from helpers.workshop.layout import Fitted
from helpers.workshop.slides import Slide
from helpers.workshop.teaching import Teaching

# Where the package sphinx-revealjs carries the files of reveal.js; it is read, never imported.
CARRIER = "sphinx_revealjs"
REVEAL_FILES = ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js")
STYLE = Path(__file__).with_name("deck.css")

_START = (
    f"Reveal.initialize({{hash: true, slideNumber: 'c/t', width: {layout.WIDTH}, height: {layout.HEIGHT}, margin: 0.02, center: false, "
    "transition: 'none', plugins: [RevealNotes]});"
)
# What a browser would fetch by itself. A link that a reader may follow, <a href>, is none of it.
_LOADS = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc\s*=\s*["']?(?!data:)([^"'\s>]+)"""
    r"""|<link\b[^>]*?\bhref\s*=\s*["']?(?!data:)([^"'\s>]+)|@import\s+([^;]+);|url\(\s*["']?(?!data:|\#)([^)"']+)""",
    re.IGNORECASE,
)


@arguments.typed
def reveal_folder() -> Path:
    """The folder of reveal.js' own files. RuntimeError says what to install where it is not there."""
    advice = "make slides needs reveal.js, which the package sphinx-revealjs carries: run python -m pip install -r requirements-web.txt."
    found = importlib.util.find_spec(CARRIER)
    for place in found.submodule_search_locations or () if found else ():
        for file in sorted(Path(place).rglob("dist/reveal.js")):
            if all((file.parents[1] / name).is_file() for name in REVEAL_FILES):
                return file.parents[1]
    raise RuntimeError(advice)


@arguments.typed
def write_decks(course: Course, teaching: Teaching, folder: Path, lessons: Sequence[Lesson] = ()) -> list[Path]:
    """Write one page a lesson and an index into `folder`, all or nothing; return the pages. What stood in the folder goes.

    Without `lessons`, all of the course. RuntimeError where reveal.js is not installed, or a page would load something or lack a text.
    """
    reveal = reveal_folder()
    chosen = list(lessons) or list(course.lessons)
    with folders.replaced(folder) as part:
        for lesson in chosen:
            columns = slides.lesson_slides(course, lesson, teaching)
            page = render(lesson.heading, columns, reveal)
            if found := faults(page, columns):
                raise RuntimeError(f"{lesson.stem}: " + "; ".join(found[:3]))
            (part / f"{lesson.stem}.html").write_text(page, encoding="utf-8")
        (part / "index.html").write_text(_index(course, chosen), encoding="utf-8")
        for license_file in reveal.glob("LICENSE*"):
            shutil.copy(license_file, part / "LICENSE-reveal.js.txt")
    return [folder / f"{lesson.stem}.html" for lesson in chosen]


@arguments.typed
def render(title: str, columns: Sequence[Sequence[Slide]], reveal: Path) -> str:
    """The page of a lesson: every column of slides is one step to the right, its slides are steps down."""
    script, style, notes = [(reveal / name).read_text(encoding="utf-8") for name in REVEAL_FILES]
    stacks = "\n".join("<section>\n" + "\n".join(map(_slide, column)) + "\n</section>" for column in columns)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{style}</style>\n<style>{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n"
        f'<div class="reveal"><div class="slides">\n{stacks}\n</div></div>\n'
        f"<script>{_script(script)}</script>\n<script>{_script(notes)}</script>\n<script>{_START}</script>\n</body>\n</html>\n"
    )


@arguments.typed
def faults(page: str, columns: Sequence[Sequence[Slide]]) -> list[str]:
    """What is wrong with a page of slides: something loaded, a picture without words, a slide without notes or with too much on it."""
    seen = without_scripts(page)
    found = [f"the page loads {next(filter(None, match))}" for match in _LOADS.findall(seen)]
    found += ["a picture has no text alternative" for tag in re.findall(r"<img\b[^>]*>", seen) if not re.search(r'\balt="[^"]', tag)]
    everything = [slide for column in columns for slide in column]
    if not everything:
        found.append("there is no slide")
    for slide in everything:
        if not "".join(slide.notes).strip():
            found.append(f"the slide {slide.heading!r} has no speaker notes")
        if (tall := layout.height(slide.heading, layout.fit(slide.heading, slide.parts))) > layout.INNER_HEIGHT + 1:
            found.append(f"the slide {slide.heading!r} is {tall:.0f} pixels high, of {layout.INNER_HEIGHT}")
    return found


@arguments.typed
def without_scripts(page: str) -> str:
    """A page without the code of its inline scripts, whose strings may hold anything; the tags stay."""
    return re.sub(r"(<script\b[^>]*>).*?</script>", r"\1</script>", page, flags=re.DOTALL)


def _script(code: str) -> str:
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _slide(slide: Slide) -> str:
    level = 1 if slide.kind == "title" else 2
    parts = "\n".join(map(_part, layout.fit(slide.heading, slide.parts)))
    heading = f"<h{level}>{_inline(slide.heading)}</h{level}>"
    notes = _markdown("\n\n".join(slide.notes))
    return f'<section class="{slide.kind}">\n{heading}\n{parts}\n<aside class="notes">{notes}</aside>\n</section>'


def _part(fitted: Fitted) -> str:
    part = fitted.part
    hidden = " fragment" if part.hidden else ""
    if part.kind == "picture":
        return f'<img class="part{hidden}" src="{part.content}" alt="{html.escape(part.alt)}" style="height: {fitted.size:.0f}px">'
    style = f'style="font-size: {fitted.size:.1f}px"'
    return f'<div class="part {part.kind}{hidden}" {style}>{_BODIES[part.kind](part.content)}</div>'


def _markdown(text: str) -> str:
    from nbconvert.filters import markdown2html

    return str(markdown2html(_at_home(text)))


def _inline(text: str) -> str:
    return re.sub(r"^\s*<p>|</p>\s*$", "", _markdown(text))


@cache
def _highlighter() -> Callable[[str], str]:
    from nbconvert.filters import Highlight2HTML

    return Highlight2HTML(pygments_lexer="python3")


def _code(text: str) -> str:
    return str(_highlighter()(text))


_BODIES: dict[str, Callable[[str], str]] = {
    "text": _markdown,
    "list": _markdown,
    "table": _markdown,
    "code": _code,
    "output": lambda text: f"<pre>{html.escape(text)}</pre>",
}


def _at_home(text: str) -> str:
    """Markdown without what a page alone cannot serve: links to other lessons become their text, formulas become letters."""
    text = re.sub(r"\[([^\]]+)\]\((?!https?:)[^)\s]*\)", r"\1", text)
    return re.sub(r"\$(-?)\\infty\$", lambda match: ("−" if match.group(1) else "") + "∞", text)


def _index(course: Course, lessons: Sequence[Lesson]) -> str:
    items = "\n".join(
        f'<li><a href="{lesson.stem}.html">{html.escape(lesson.heading)}</a>, {lesson.minutes} minutes. {html.escape(lesson.goal)}</li>'
        for lesson in lessons
    )
    keys = "Space goes on, the arrows move, S opens the speaker notes, F fills the screen, Esc shows all slides."
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(course.title)}: slides</title>\n'
        "<style>body { font: 20px/1.5 system-ui, sans-serif; max-width: 50em; margin: 3em auto; padding: 0 1em; color: #1a1a1a; } "
        "li { margin-bottom: .6em; } a { color: #0b4f8a; }</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(course.title)}: slides</h1>\n<p>{keys}</p>\n<ul>\n{items}\n</ul>\n</body>\n</html>\n"
    )
