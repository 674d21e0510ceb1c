"""The cheat sheet on paper: two pages, A4 and US Letter, nothing cut off and nothing too small to read."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.course import cheat_sheet
from helpers.course.registry import read_course
from tests.browser.accessibility import serious_faults

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SMALLEST_POINTS = 8
PIXELS_A_POINT = 96 / 72
LANDSCAPE_WIDTHS = {"A4": 1062, "Letter": 995}  # CSS pixels between the margins
SIZES = "() => [...document.querySelectorAll('main *')].filter(e => e.innerText).map(e => parseFloat(getComputedStyle(e).fontSize))"
CUT_OFF = "() => [...document.querySelectorAll('section *')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).length"


@pytest.fixture
def sheet(browser: "Browser", tmp_path: Path) -> Any:
    page = browser.new_page()
    page.goto(cheat_sheet.write(read_course(), tmp_path).as_uri())
    page.emulate_media(media="print")
    yield page
    page.close()


def pages(sheet: Any, paper: str) -> int:
    """The number of pages on this paper, counted in the PDF."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", sheet.pdf(format=paper, landscape=True)))


@pytest.mark.parametrize("paper", LANDSCAPE_WIDTHS)
def test_the_cheat_sheet_prints_on_two_pages(sheet: Any, paper: str) -> None:
    assert pages(sheet, paper) == 2


@pytest.mark.parametrize("paper", LANDSCAPE_WIDTHS)
def test_nothing_on_paper_is_cut_off_or_too_small(sheet: Any, paper: str) -> None:
    sheet.set_viewport_size({"width": LANDSCAPE_WIDTHS[paper], "height": 700})
    assert min(sheet.evaluate(SIZES)) >= SMALLEST_POINTS * PIXELS_A_POINT - 0.01
    assert sheet.evaluate(CUT_OFF) == 0


def test_axe_finds_nothing_serious_on_the_cheat_sheet(sheet: Any) -> None:
    assert serious_faults(sheet, "main") == []


def test_a_third_page_small_print_and_code_that_is_cut_off_are_found(sheet: Any) -> None:
    sheet.add_style_tag(content="section { padding-bottom: 60mm } pre { font-size: 7pt; width: 20mm; white-space: pre; overflow: hidden }")
    assert pages(sheet, "A4") > 2
    assert min(sheet.evaluate(SIZES)) < SMALLEST_POINTS * PIXELS_A_POINT - 0.01
    assert sheet.evaluate(CUT_OFF) > 0
