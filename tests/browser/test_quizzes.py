"""The quizzes at the end of lessons, in JupyterLab: answers open by mouse and by keyboard, and nothing else happens."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import nbformat
import pytest

from helpers import quizzes
from helpers.course.registry import REPOSITORY
from tests.browser.accessibility import serious_faults
from tests.browser.lab import THEMES, Lab
from tests.browser.panels import MOST_TABS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
QUESTIONS = quizzes.of_lesson(quizzes.read(REPOSITORY / "notebooks" / "quizzes.toml"), "04")
QUIZ = ".jp-RenderedMarkdown:has(details)"


@pytest.fixture(scope="module", params=THEMES)
def page(lab: Lab, request: pytest.FixtureRequest) -> Iterator["Page"]:
    """A notebook with the quiz of a lesson between two other cells."""
    cells = [nbformat.v4.new_markdown_cell(source) for source in ("# Before", quizzes.cell(QUESTIONS), "# After")]
    path = lab.put_notebook(f"quiz-{request.param}.ipynb", nbformat.v4.new_notebook(cells=cells))
    with lab.opened(path, request.param) as opened:
        opened.wait_for_selector(QUIZ)
        yield opened


def option(page: "Page", position: int) -> "Locator":
    return page.locator(f"{QUIZ} details").nth(position)


def tab_to(page: "Page", summary: "Locator") -> None:
    """Press Tab from the selected cell, where Enter would mean to edit it, until the summary has the focus."""
    summary.evaluate("(summary) => summary.closest('.jp-Cell').focus()")
    for _ in range(MOST_TABS):
        if summary.evaluate("(summary) => summary === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {summary.inner_text()!r}")


def is_open(details: "Locator") -> bool:
    return bool(details.evaluate("(details) => details.open"))


def test_every_option_is_there_and_closed(page: "Page") -> None:
    assert page.locator(f"{QUIZ} summary").count() == sum(len(question.options) for question in QUESTIONS)
    assert page.locator(f"{QUIZ} details[open]").count() == 0


@pytest.mark.parametrize(("position", "way"), [(0, "click"), (1, "Enter"), (2, "Space")])
def test_an_answer_opens_and_says_its_verdict(page: "Page", position: int, way: str) -> None:
    details = option(page, position)
    if way == "click":
        details.locator("summary").click()
    else:
        tab_to(page, details.locator("summary"))
        page.keyboard.press(way)
    page.wait_for_timeout(300)  # for JupyterLab, should it do something of its own
    assert page.locator(QUIZ).is_visible(), "the cell shows its source instead of the quiz"
    assert is_open(details)
    chosen = QUESTIONS[0].options[position]
    verdict = quizzes.RIGHT if chosen.right else quizzes.WRONG
    assert verdict in details.inner_text()
    assert page.evaluate("() => document.querySelectorAll('.jp-NotebookPanel .jp-Cell').length") == 3


def test_tab_goes_from_an_answer_to_the_next(page: "Page") -> None:
    option(page, 0).locator("summary").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == option(page, 1).locator("summary").inner_text()


def test_nothing_serious_is_wrong_with_its_accessibility(page: "Page") -> None:
    assert serious_faults(page, QUIZ) == []
