"""The site of static pages: what Sphinx is given, the checks with planted faults, and a small site from end to end."""

import base64
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import site
from helpers.course import registry
from helpers.course.build import METADATA
from helpers.course.registry import Course
from helpers.site import builder, checks, pages

# One dot, as a picture.
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LINKS = "See [the other](01_two.ipynb#look), [data](data.json) and [all](source)."
WITHOUT_SPHINX = [name for name in builder.NEEDED if importlib.util.find_spec(name) is None]
needs_sphinx = pytest.mark.skipif(bool(WITHOUT_SPHINX), reason=f"{', '.join(WITHOUT_SPHINX)} missing: see requirements-web.txt")


def picture(alternative: str) -> nbformat.NotebookNode:
    metadata = {"image/png": {"alt": alternative}} if alternative else {}
    return new_output("display_data", data={"image/png": DOT, "text/plain": "Figure"}, metadata=metadata)


def built(course: Course, *more: nbformat.NotebookNode) -> Course:
    """The small course with a stored notebook for each lesson; the first has `more` cells, and two pictures in one cell."""
    with (course.root / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("\n## Start\n\nRead.\n")
    registry_table = registry.with_table((course.root / "README.md").read_text(encoding="utf-8"), course)
    (course.root / "README.md").write_text(registry_table, encoding="utf-8")
    for lesson in course.lessons:
        cells = [new_markdown_cell(registry.header(course, lesson))]
        if lesson.number == "00":
            cells += [
                new_markdown_cell(
                    "## Look\n\nA ***vector*** of $x_1$, [the other](01_two.ipynb#look), [data](data.json) and [all](source)."
                ),
                new_code_cell("draw()", outputs=[picture("A dot [red]."), picture("A second dot.")]),
                new_code_cell("1", outputs=[new_output("execute_result", data={"text/markdown": "| a | b |\n|---|---|\n| 1 | 2 |"})]),
                new_markdown_cell("<details><summary>A. <code>one</code></summary>Right. Because it is.</details>"),
                *more,
            ]
        else:
            cells += [new_markdown_cell("## Look"), new_code_cell("print('two')", outputs=[new_output("stream", text="two\n")])]
        cells += [new_markdown_cell(registry.navigation(course, lesson))]
        nbformat.write(new_notebook(cells=cells, metadata=METADATA), course.notebook(lesson))
    (course.root / "notebooks" / "data.json").write_text("{}", encoding="utf-8")
    return course


# What Sphinx is given


@pytest.mark.parametrize(
    ("markdown", "wanted"),
    [
        ("[a](b.md) and ![c](d.png)", "[a](B.MD) and ![c](D.PNG)"),
        ("[`Router`](b.md)", "[`Router`](B.MD)"),
        ("`x[0](y)` stays", "`x[0](y)` stays"),
        ("```python\nx[0](y)\n```\n[a](b)", "```python\nx[0](y)\n```\n[a](B)"),
        ("[gone](drop), [a](b)", "gone, [a](B)"),
    ],
)
def test_links_are_changed_in_prose_and_never_in_code(markdown: str, wanted: str) -> None:
    assert pages.with_links(markdown, lambda text, target: None if target == "drop" else target.upper()) == wanted


def test_the_source_holds_every_page_in_the_order_of_the_registry(small_course: Course, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    assert site.write_source(built(small_course), folder) == ["index", "00_one", "01_two", "glossary"]
    start = (folder / "index.md").read_text(encoding="utf-8")
    assert "[00 · Do one thing](00_one.ipynb) | 5 |" in start and "<!--" not in start
    assert re.search(r":caption: Lessons\n\n00_one\n01_two\n:::", start) and "[Glossary](glossary.md)" in start
    assert (folder / "files" / "notebooks" / "data.json").read_text(encoding="utf-8") == "{}"


def test_a_cheat_sheet_is_a_page_once_it_is_there(small_course: Course, tmp_path: Path) -> None:
    sheet = new_notebook(cells=[new_markdown_cell("# Cheat sheet")])
    nbformat.write(sheet, built(small_course).root / "notebooks" / "cheat_sheet.ipynb")
    assert site.write_source(small_course, tmp_path / "source")[-2:] == ["cheat_sheet", "glossary"]
    assert "[Cheat sheet](cheat_sheet.ipynb)" in (tmp_path / "source" / "index.md").read_text(encoding="utf-8")


def test_links_of_a_lesson_lead_to_pages_files_or_nowhere(small_course: Course, tmp_path: Path) -> None:
    site.write_source(built(small_course), tmp_path / "source")
    text = (tmp_path / "source" / "00_one.ipynb").read_text(encoding="utf-8")
    assert "[the other](01_two.ipynb#look), [data](files/notebooks/data.json) and all." in text
    assert "[the start page](index.md#lessons)" in text and "README" not in text


def test_each_picture_is_a_file_with_its_own_text(small_course: Course, tmp_path: Path) -> None:
    site.write_source(built(small_course), tmp_path / "source")
    cell = nbformat.read(tmp_path / "source" / "00_one.ipynb", as_version=4).cells[2]
    shown = [output.data["text/markdown"] for output in cell.outputs]
    assert shown == [r"![A dot \[red\].](images/00_one-002-0.png)", "![A second dot.](images/00_one-002-1.png)"]
    assert (tmp_path / "source" / "images" / "00_one-002-1.png").read_bytes() == base64.b64decode(DOT)


def test_the_glossary_is_sorted_escaped_and_linked(course: Course) -> None:
    page = pages.glossary_page(course)  # of the real course: its definitions hold what Markdown would take for something else
    terms = [line for line in page.split(":::{glossary}")[1].splitlines() if line and not line.startswith((" ", ":"))]
    assert len(terms) == len(course.glossary) > 80 and terms == sorted(terms, key=str.casefold)
    assert r"Filling with \[PAD\] tokens" in page and re.search(r"\(03_encoding_text\.ipynb#[\w-]+\)", page)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda course: course.notebook(course.lessons[0]).unlink(), r"00_one\.ipynb is missing: run make notebooks"),
        (lambda course: (course.root / "notebooks" / "data.json").unlink(), r"00_one\.ipynb links to data\.json, which is not there"),
        (lambda course: (course.root / "README.md").write_text("# x\n"), "must hold a section ## Lessons"),
    ],
)
def test_what_is_missing_is_said_in_words(small_course: Course, tmp_path: Path, break_it: Callable[[Course], object], words: str) -> None:
    break_it(built(small_course))
    with pytest.raises(ValueError, match=words):
        site.write_source(small_course, tmp_path / "source")


# The checks

HEAD = '<html lang="en"><head><title>One</title><link rel="stylesheet" href="a.css"><link rel="next" href="two.html"></head>'
BODY = '<body><h1 id="top">1</h1><a href="two.html#end">2</a><a href="https://sbert.net">s</a><img src="a.png" alt="A dot."></body></html>'


def planted(folder: Path, old: str = "", new: str = "", file: str = "one.html") -> Path:
    """A site of two pages without fault, in which `old` became `new`."""
    folder.mkdir()
    texts = {
        "one.html": HEAD + BODY,
        "two.html": '<html lang="en"><head><title>Two</title></head><body><p id="end">x</p><script src="a.js"></script></body></html>',
        "a.css": "p { background: url(a.png) } q { background: url('data:image/png;base64,xx') }",
        "a.js": "// see https://example.org\nfetch('two.html')",
    }
    assert old in texts[file]
    texts[file] = texts[file].replace(old, new)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "a.png").write_bytes(base64.b64decode(DOT))
    return folder


def test_a_site_without_fault_has_none(tmp_path: Path) -> None:
    folder = planted(tmp_path / "site")
    assert site.site_faults(folder) == []
    assert site.contents(folder) == site.Contents(pages=2, links=2, images=1)


def test_an_empty_folder_is_a_fault(tmp_path: Path) -> None:
    assert site.site_faults(tmp_path) == [f"there is no page in {tmp_path}"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<title>One", "<title> ", "has no title"),
        (' lang="en"', "", "does not say its language"),
        (' alt="A dot."', "", "image a.png, which has no text alternative"),
        ("A dot.", " ", "image a.png, which has no text alternative"),
        ("two.html#end", "three.html#end", "links to three.html#end, which is not there"),
        ("two.html#end", "two.html#start", "links to two.html#start, but that page has no such place"),
        ("two.html#end", "#end", "links to #end, but that page has no such place"),
        ("two.html#end", "../site", "links to ../site, which is not there"),
        ("two.html#end", "file:///two.html", "works on one machine only"),
        ("two.html#end", "/two.html", "works on one machine only"),
        ('rel="next" href="two.html"', 'rel="next" href="2.html"', "links to 2.html, which is not there"),
        ('src="a.png"', 'src="b.png"', "loads b.png, which is not there"),
        ('src="a.png"', 'src="../a.png"', "loads ../a.png, which is not there"),
        ('src="a.png"', 'src="https://example.org/a.png"', "loads https://example.org/a.png from outside"),
        ('src="a.png"', 'src="a.png" srcset="a.png, //example.org/a.png 2x"', "loads //example.org/a.png from outside"),
        ('href="a.css"', 'href="https://example.org/a.css"', "loads https://example.org/a.css from outside"),
        ("</body>", '<script async src="https://example.org/a.js"></script></body>', "loads https://example.org/a.js from outside"),
        ("</body>", "<script>import('https://example.org/a.js')</script></body>", "loads https://example.org/a.js from outside"),
        ("</body>", '<iframe src="https://example.org"></iframe></body>', "loads https://example.org from outside"),
        ("<body>", "<body style=\"background: url('//example.org/a.png')\">", "loads //example.org/a.png from outside"),
        ("</head>", "<style>@import 'https://example.org/a.css'</style></head>", "loads https://example.org/a.css from outside"),
    ],
)
def test_a_planted_fault_in_a_page_is_found_and_it_alone(tmp_path: Path, old: str, new: str, words: str) -> None:
    [fault] = site.site_faults(planted(tmp_path / "site", old, new))
    assert fault.startswith("one.html ") and words in fault


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("a.css", "url(a.png)", "url(https://example.org/font.woff2)", "a.css loads https://example.org/font.woff2 from outside"),
        ("a.css", "url(a.png)", "url(b.png)", "a.css loads b.png, which is not there"),
        ("a.js", "fetch('two.html')", 'import("https://example.org/x.js")', "a.js loads https://example.org/x.js from outside"),
        ("a.js", "fetch('two.html')", 'import x from "https://example.org/x.js"', "a.js loads https://example.org/x.js from outside"),
    ],
)
def test_a_planted_fault_in_a_style_or_script_is_found(tmp_path: Path, file: str, old: str, new: str, words: str) -> None:
    assert site.site_faults(planted(tmp_path / "site", old, new, file)) == [words]


def test_the_title_of_a_drawing_is_not_the_pages(tmp_path: Path) -> None:
    page = tmp_path / "one.html"
    page.write_text("<html><head></head><body><svg><title>A drawing</title></svg></body></html>", encoding="utf-8")
    assert checks.read_page(page).title == ""


# The build, with a Sphinx that does what the test says


def fake_sphinx(monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]) -> None:
    monkeypatch.setattr(builder, "_check_packages", lambda: None)
    monkeypatch.setattr(builder, "_run_sphinx", lambda title, source, pages: make(pages))


def older_site(tmp_path: Path) -> Path:
    target = tmp_path / "build" / "html"
    target.mkdir(parents=True)
    (target / "index.html").write_text("older", encoding="utf-8")
    return target


def test_a_new_site_takes_the_place_of_the_older(small_course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_sphinx(monkeypatch, planted)
    target = older_site(tmp_path)
    assert site.build_site(built(small_course), target).pages == 2
    assert (target / "one.html").is_file() and not (target / "index.html").exists()
    assert [path.name for path in target.parent.iterdir()] == ["html"]


def stop(pages: Path) -> None:
    planted(pages)
    raise KeyboardInterrupt


def fail(pages: Path) -> None:
    raise site.SiteFailed("Sphinx found faults")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda pages: planted(pages, "two.html#end", "three.html"), site.SiteFailed),
        (lambda pages: pages.mkdir(), site.SiteFailed),
        (fail, site.SiteFailed),
        (stop, KeyboardInterrupt),
    ],
    ids=["a fault", "no page", "a failure", "Ctrl-C"],
)
def test_whatever_goes_wrong_the_older_site_stays(
    small_course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], error: type[BaseException]
) -> None:
    fake_sphinx(monkeypatch, make)
    target = older_site(tmp_path)
    with pytest.raises(error):
        site.build_site(built(small_course), target)
    assert (target / "index.html").read_text(encoding="utf-8") == "older"
    assert [path.name for path in target.parent.iterdir()] == ["html"]


def test_a_folder_that_holds_something_else_is_left_alone(small_course: Course, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="target must be a new folder or one that holds a site"):
        site.build_site(small_course, tmp_path / "mine")


def test_without_sphinx_we_say_what_to_install(small_course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "NEEDED", ("sphinx_of_another_world",))
    with pytest.raises(site.SiteFailed, match=r"needs sphinx_of_another_world: python -m pip install -r requirements-web\.txt"):
        site.build_site(small_course, tmp_path / "html")


# From end to end


@needs_sphinx
def test_a_small_course_becomes_a_site(small_course: Course, tmp_path: Path) -> None:
    target = tmp_path / "html"
    holds = site.build_site(built(small_course), target)
    lesson = (target / "00_one.html").read_text(encoding="utf-8")
    assert holds.images == 2 and 'alt="A dot [red]."' in lesson and 'alt="A second dot."' in lesson
    assert "<math" in lesson and "<summary>" in lesson and "<td" in lesson and 'href="01_two.html#look"' in lesson
    assert 'href="01_two.html"' in (target / "index.html").read_text(encoding="utf-8")
    assert "vector" in (target / "searchindex.js").read_text(encoding="utf-8")


@needs_sphinx
def test_a_link_to_a_heading_that_is_not_there_fails_the_site(small_course: Course, tmp_path: Path) -> None:
    with pytest.raises(site.SiteFailed, match="nowhere"):
        site.build_site(built(small_course, new_markdown_cell("[b](01_two.ipynb#nowhere)")), tmp_path / "html")
    assert not (tmp_path / "html").exists()
