"""The slides of every lesson in a real browser, from a folder: each slide within its page, nothing loaded, notes for the speaker."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.course.registry import Lesson, read_course
from helpers.workshop import deck, layout, teaching

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
COURSE = read_course()

# Every slide with all that it hides until a key is pressed: its heading, and how far its contents reach, in CSS pixels of the slide.
REACH = """() => Reveal.getSlides().map(slide => {
    const {h, v} = Reveal.getIndices(slide);
    Reveal.slide(h, v);
    slide.querySelectorAll('.fragment').forEach(part => part.classList.add('visible'));
    const page = slide.getBoundingClientRect(), scale = Reveal.getScale();
    const shown = [...slide.querySelectorAll('h1, h2, .part, .part *')].map(one => one.getBoundingClientRect());
    const seen = shown.filter(one => one.width && one.height);
    const cut = [...slide.querySelectorAll('pre')].some(one => one.scrollWidth > one.clientWidth + 2);
    return {heading: slide.querySelector('h1, h2').innerText, cut,
            right: Math.max(...seen.map(one => one.right - page.left)) / scale,
            bottom: Math.max(...seen.map(one => one.bottom - page.top)) / scale};
})"""


@pytest.fixture(scope="module")
def decks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All decks, as `make slides` writes them."""
    folder = tmp_path_factory.mktemp("slides") / "slides"
    try:
        deck.write_decks(COURSE, teaching.read_teaching(COURSE), folder)
    except RuntimeError as error:
        if "requirements-web.txt" not in str(error):
            raise
        pytest.skip(str(error))
    return folder


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page beyond whose folder nothing may be loaded, and on which no script may fail."""
    with browser.new_context(viewport={"width": layout.WIDTH, "height": layout.HEIGHT}) as context:
        opened = context.new_page()
        wrong: list[str] = []
        opened.on("request", lambda asked: None if asked.url.startswith(("file:", "data:", "blob:", "about:")) else wrong.append(asked.url))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        yield opened
        assert wrong == []


def show(page: "Page", file: Path) -> None:
    page.goto(file.as_uri())
    page.wait_for_function("() => window.Reveal && Reveal.isReady()")


def reach(page: "Page") -> list[dict[str, Any]]:
    return list(page.evaluate(REACH))


@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.stem)
def test_every_slide_stays_within_its_page(lesson: Lesson, decks: Path, page: "Page") -> None:
    show(page, decks / f"{lesson.stem}.html")
    found = reach(page)
    assert len(found) > 20
    assert [one for one in found if one["right"] > layout.WIDTH + 1 or one["bottom"] > layout.HEIGHT + 1 or one["cut"]] == []


def test_a_slide_with_too_much_on_it_would_be_noticed(decks: Path, page: "Page") -> None:
    show(page, decks / f"{COURSE.lessons[0].stem}.html")
    page.evaluate("() => Reveal.getSlides()[2].insertAdjacentHTML('beforeend', '<p class=part style=\"height: 900px\">x</p>')")
    assert [one for one in reach(page) if one["bottom"] > layout.HEIGHT + 1]


def test_the_keyboard_goes_through_the_slides_and_opens_the_notes(decks: Path, page: "Page") -> None:
    show(page, decks / f"{COURSE.lessons[0].stem}.html")
    assert page.locator("section.present h1").inner_text().startswith("00 ·")
    page.keyboard.press("Space")
    assert page.locator("section.present:not(.stack) h2").inner_text() == "The question"
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value
    notes.wait_for_function("() => document.querySelector('.speaker-controls-notes .value')?.innerText.length > 20", timeout=20_000)
    assert "Some of your measurements look unusual" in notes.locator(".speaker-controls-notes").inner_text()


def test_the_index_leads_to_every_deck(decks: Path, page: "Page") -> None:
    page.goto((decks / "index.html").as_uri())
    for lesson in COURSE.lessons:
        assert page.locator(f'a[href="{lesson.stem}.html"]').count() == 1
