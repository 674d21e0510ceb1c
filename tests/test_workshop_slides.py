"""Slides of every lesson: there, with notes, with words for pictures, within their page, and loading nothing."""

import re
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_output

from helpers import exercises
from helpers.course.registry import Lesson, read_course
from helpers.workshop import anatomy, deck, layout, slides, teaching
from helpers.workshop.layout import Part
from helpers.workshop.slides import Slide

COURSE = read_course()
KNOWN = teaching.read_teaching(COURSE)
LESSONS = [pytest.param(lesson, id=lesson.stem) for lesson in COURSE.lessons]
SCRIPT = "/* https://revealjs.com */ var page = '</script><img src=\"https://example.org/x.png\">';"
LONG = "\n".join(f"line {number}" for number in range(80))


@pytest.fixture
def reveal(tmp_path: Path) -> Path:
    """The files of reveal.js, or what stands in for them where that is not installed."""
    for name in deck.REVEAL_FILES:
        file = tmp_path / "reveal" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SCRIPT if name.endswith(".js") else "a { color: black }", encoding="utf-8")
    return tmp_path / "reveal"


def of(lesson: Lesson) -> list[list[Slide]]:
    return slides.lesson_slides(COURSE, lesson, KNOWN)


def flat(lesson: Lesson) -> list[Slide]:
    return [slide for column in of(lesson) for slide in column]


# From a lesson to its slides


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_has_its_slides(lesson: Lesson) -> None:
    everything, sections = flat(lesson), anatomy.lesson_sections(COURSE, lesson)
    kinds = [slide.kind for slide in everything]
    assert kinds[0] == "title" and kinds[-1] == "next" and kinds.count("objectives") == kinds.count("summary") == 1
    assert {section.heading for section in sections if anatomy.is_taught(section)} <= {slide.heading for slide in everything}
    assert kinds.count("exercise") == len(exercises.of_lesson(lesson.number))
    myths = [myth for section in sections for myth in section.myths]
    assert myths and kinds.count("myth") == kinds.count("verdict") == len(myths)
    assert 20 <= len(everything) <= 110


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_whole_prose_of_a_section_is_in_the_notes(lesson: Lesson) -> None:
    columns = {column[0].heading: column for column in of(lesson)}
    for section in anatomy.lesson_sections(COURSE, lesson):
        if anatomy.is_taught(section):
            told = "\n".join(note for slide in columns[section.heading] for note in slide.notes)
            missing = [block.text for block in section.blocks if block.kind in ("prose", "list", "table") and block.text not in told]
            assert missing == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_slide_is_empty_silent_or_too_full(lesson: Lesson) -> None:
    for slide in flat(lesson):
        assert slide.parts or slide.kind == "section", slide
        assert all(part.content.strip() for part in slide.parts), slide
        assert "".join(slide.notes).strip(), slide
        assert layout.height(slide.heading, layout.fit(slide.heading, slide.parts)) <= layout.INNER_HEIGHT + 1, slide


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_page_of_slides_has_no_fault(lesson: Lesson, reveal: Path) -> None:
    columns = of(lesson)
    page = deck.render(lesson.heading, columns, reveal)
    assert deck.faults(page, columns) == []
    assert page.count('<aside class="notes">') == sum(map(len, columns))
    assert "$" not in re.sub(r"<pre>.*?</pre>|<code>.*?</code>", "", deck.without_scripts(page), flags=re.DOTALL) or lesson.number == "01"
    assert "anchor-link" not in page


def test_setup_exercise_and_copy_paste_cells_are_not_shown() -> None:
    shown = "\n".join(part.content for lesson in COURSE.lessons for slide in flat(lesson) for part in slide.parts if part.kind == "code")
    # lesson 13 shows a program of its own that begins with the first of these
    assert "\nhub.activate()\nimport" not in shown and "= ...  # replace" not in shown and "exercises.get(" not in shown


def test_a_question_hides_the_answer_until_the_next_key() -> None:
    cell = new_code_cell("1 + 1", outputs=[new_output("stream", text="2\n")])
    [slide] = slides._code_slides("Sums", cell, "**Predict:** how much is it?")
    assert [(part.kind, part.hidden) for part in slide.parts] == [("text", False), ("code", False), ("output", True)]
    [slide] = slides._code_slides("Sums", cell, "")
    assert [(part.kind, part.hidden) for part in slide.parts] == [("code", False), ("output", False)]


def test_long_code_and_outputs_are_cut_where_it_shows() -> None:
    cell = new_code_cell(LONG, outputs=[new_output("stream", text=LONG)])
    shown = [part for slide in slides._code_slides("x", cell, "") for part in slide.parts]
    assert [part.content.split("\n")[-1] for part in shown] == [layout.CUT, layout.CUT]
    picture = new_output("display_data", {"image/png": "QUJD\n"}, metadata={"image/png": {"alt": "A bar."}})
    [slide] = slides._code_slides("x", new_code_cell(LONG, outputs=[picture]), "")
    assert [(part.kind, part.content, part.alt) for part in slide.parts] == [("picture", "data:image/png;base64,QUJD", "A bar.")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One. Two? **Three!** Four", ["One.", "Two?", "**Three!**", "Four"]),
        ("Use `a. B` here. Then stop.", ["Use `a. B` here.", "Then stop."]),
        ("Is it 0.7 or so? `x` is.", ["Is it 0.7 or so?", "`x` is."]),
        ('It says "no." We ask on.', ['It says "no."', "We ask on."]),
        ("", []),
    ],
)
def test_sentences_end_where_they_end(text: str, wanted: list[str]) -> None:
    assert slides.split_sentences(text) == wanted


# What fits


def test_letters_shrink_before_lines_go() -> None:
    few, many = (
        layout.fit("Heading", [Part("list", "\n".join(["- An item of a list, of some length, as they are"] * n))]) for n in (4, 14)
    )
    assert few[0].size == layout.TEXT_SIZE and many[0].size < few[0].size and layout.CUT not in many[0].part.content
    [cut] = layout.fit("Heading", [Part("list", "\n".join(["- An item of a list, of some length, as they are"] * 60))])
    assert cut.part.content.endswith(f"- {layout.CUT}")


def test_a_table_that_is_cut_stays_a_table() -> None:
    table = "\n".join(["| a | b |", "|---|---|", *["| one | two |"] * 60])
    [fitted] = layout.fit("Heading", [Part("table", table)])
    assert fitted.part.content.split("\n")[-1] == f"| {layout.CUT} |  |" and layout.height("Heading", [fitted]) <= layout.INNER_HEIGHT


def test_wide_code_gets_smaller_letters_and_long_lines_are_cut() -> None:
    [narrow], [wide] = (layout.fit("Heading", [Part("code", "x" * width)]) for width in (40, 110))
    assert wide.size < narrow.size and wide.size * 0.61 * 110 <= layout.INNER_WIDTH
    assert layout.shortened("x" * 500, 3) == "x" * 119 + layout.CUT
    assert layout.shortened(LONG, 3).split("\n") == ["line 0", "line 1", layout.CUT]


# The page


def test_what_a_browser_would_fetch_is_found(reveal: Path) -> None:
    columns = [[Slide("title", "A", [Part("text", "b")], ["c"])]]
    good = deck.render("A", columns, reveal)
    assert deck.faults(good, columns) == []
    for bad in (
        '<script src="https://cdn.example.org/x.js"></script>',
        '<img alt="x" src="https://example.org/x.png">',
        '<img alt="x" src="picture.png">',
        '<link rel="stylesheet" href="//example.org/x.css">',
        "<style>@import url(https://example.org/x.css);</style>",
        "<style>a { background: url('https://example.org/x.png') }</style>",
    ):
        assert [fault for fault in deck.faults(good.replace("</body>", bad + "</body>"), columns) if "loads" in fault], bad
    assert deck.faults(good.replace("</body>", '<a href="https://sbert.net">x</a></body>'), columns) == []


def test_planted_faults_of_slides_are_found(reveal: Path) -> None:
    columns = [[Slide("code", "A", [Part("picture", "data:image/png;base64,QUJD", alt="")], [])]]
    found = deck.faults(deck.render("A", columns, reveal), columns)
    assert any("no text alternative" in fault for fault in found) and any("no speaker notes" in fault for fault in found)
    assert deck.faults("", []) == ["there is no slide"]
    full = [[Slide("code", "A", [Part("text", "words and words " * 800)], ["n"])]]
    assert any("pixels high" in fault for fault in deck.faults("", full))


def test_texts_of_lessons_cannot_break_the_page(reveal: Path) -> None:
    parts = [Part("output", "<script>alert(1)</script>"), Part("code", "a < b & c"), Part("picture", "data:,", alt='a "b" <c>')]
    page = deck.without_scripts(deck.render("<T>", [[Slide("code", "x < y", parts, ["n"])]], reveal))
    assert "<script>alert" not in page and "<title>&lt;T&gt;</title>" in page and 'alt="a &quot;b&quot; &lt;c&gt;"' in page
    assert page.count("<script>") == 3


def test_links_to_other_lessons_become_text() -> None:
    assert "<a" not in deck._markdown("[Lesson 05](05_semantic_search.ipynb) says")
    assert 'href="https://sbert.net"' in deck._markdown("[docs](https://sbert.net)")


def test_all_decks_are_written_at_once(reveal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deck, "reveal_folder", lambda: reveal)
    chosen = COURSE.lessons[:2]
    pages = deck.write_decks(COURSE, KNOWN, tmp_path / "slides", chosen)
    assert [page.name for page in pages] == [f"{lesson.stem}.html" for lesson in chosen] and all(page.is_file() for page in pages)
    index = (tmp_path / "slides" / "index.html").read_text(encoding="utf-8")
    assert all(page.name in index for page in pages)
    monkeypatch.setattr(deck, "faults", lambda page, columns: ["the page loads x"])
    with pytest.raises(RuntimeError, match="the page loads x"):
        deck.write_decks(COURSE, KNOWN, tmp_path / "slides", chosen)
    assert pages[0].is_file()


def test_without_reveal_the_advice_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deck, "CARRIER", "no_such_package")
    with pytest.raises(RuntimeError, match=r"requirements-web\.txt"):
        deck.reveal_folder()


def test_the_real_reveal_is_found_where_it_is_installed() -> None:
    pytest.importorskip(deck.CARRIER, reason="sphinx-revealjs is not installed: python -m pip install -r requirements-web.txt")
    folder = deck.reveal_folder()
    assert all((folder / name).stat().st_size > 1000 for name in deck.REVEAL_FILES)
    lesson = COURSE.lessons[0]
    columns = of(lesson)
    assert deck.faults(deck.render(lesson.heading, columns, folder), columns) == []
