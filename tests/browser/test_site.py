"""The site that `make html` leaves in build/html, opened from the folder as a reader opens it, with no server."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from helpers.course.registry import REPOSITORY, Course
from tests.browser.accessibility import serious_faults
from tests.browser.lab import THEMES, WINDOW

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SITE = REPOSITORY / "build" / "html"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="There is no site in build/html: run make html first."),
]


@pytest.fixture(params=THEMES)
def page(browser: "Browser", request: pytest.FixtureRequest) -> Iterator["Page"]:
    """A page of a reader whose system is light or dark, beyond which nothing may be loaded."""
    with browser.new_context(viewport=WINDOW, color_scheme=request.param) as context:
        opened = context.new_page()
        outside: list[str] = []
        opened.on("request", lambda asked: None if asked.url.startswith(("file:", "data:", "blob:")) else outside.append(asked.url))
        yield opened
        assert outside == []


def lesson_page(course: Course, number: str) -> str:
    [found] = SITE.rglob(f"{course.lesson(number).stem}.html")
    return found.as_uri()


def lightness(page: "Page") -> float:
    paper = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return max(float(part) for part in re.findall(r"[\d.]+", paper)[:3])


def test_the_start_page_leads_to_each_lesson(page: "Page", course: Course) -> None:
    page.goto((SITE / "index.html").as_uri())
    for lesson in course.lessons:
        assert page.locator(f'a[href$="{lesson.stem}.html"]').count() > 0, lesson.stem


def test_search_finds_lessons(page: "Page") -> None:
    page.goto(f"{(SITE / 'search.html').as_uri()}?q=cosine")
    page.wait_for_selector("#search-results li", timeout=15_000)
    assert "similarity" in page.locator("#search-results").inner_text().lower()


def test_it_follows_the_readers_theme(page: "Page", course: Course) -> None:
    page.goto(lesson_page(course, "04"))
    dark = page.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
    assert (lightness(page) < 80) if dark else (lightness(page) > 200)


@pytest.mark.parametrize("number", ["", "04"])
def test_nothing_serious_is_wrong_with_its_accessibility(page: "Page", course: Course, number: str) -> None:
    page.goto(lesson_page(course, number) if number else (SITE / "index.html").as_uri())
    assert serious_faults(page, "body") == []


def test_a_lesson_reads_without_javascript(browser: "Browser", course: Course) -> None:
    with browser.new_context(viewport=WINDOW, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(lesson_page(course, "04"))
        assert page.get_by_role("heading", level=1).first.is_visible()
        assert page.locator("pre").first.is_visible() and page.locator("article img").first.is_visible()
        page.locator("details summary").first.click()
        assert page.locator("details[open]").count() == 1
