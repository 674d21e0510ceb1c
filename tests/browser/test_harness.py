"""The browser tests' own tools, on small panels: good ones pass, and planted faults are found."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessibility import serious_faults
from tests.browser.lab import THEMES, Lab, photograph, run_all
from tests.browser.panels import HANDS, Keyboard, Mouse, PanelOnPage

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PANELS = """
from helpers import plots
from helpers.widgets.controls import Button, Checkbox, Choice, Slider, TextBox
from helpers.widgets.markup import paragraph
from helpers.widgets.panel import Panel, View

class Everything(Panel):
    title = "Every kind of control"
    def __init__(self):
        super().__init__([
            TextBox("line", "A line", "start"), TextBox("lines", "Lines", "start", rows=2), Slider("number", "A number", 3, 0, 10, 1),
            Choice("list", "A list", "one", ("one", "two", "three")), Choice("radio", "One of", "x", ("x", "y", "z"), radio=True),
            Checkbox("box", "A box"), Button("button", "Press"),
        ])
    def view(self, **values):
        told = ", ".join(f"{name} {value}" for name, value in values.items())
        return View(f"It holds {told}.", paragraph(told))
    def picture(self, **values):
        return plots.new_figure()[0]

class Frozen(Everything):
    title = "It says the same whatever is entered"
    def view(self, **values):
        return View("Always the same.", "")

class WithoutLabel(Everything):
    title = "A field without a label"
    def __init__(self):
        Panel.__init__(self, [TextBox("line", "", "start")])

class Faint(Everything):
    title = "Words that can hardly be seen"
    def view(self, **values):
        return View("Look closer.", '<p style="color: #888; background: #999">hardly to be seen</p>')
"""
EVERYTHING, FROZEN, WITHOUT_LABEL, FAINT = range(4)
COUNT_CELLS = "() => document.querySelectorAll('.jp-NotebookPanel .jp-Cell').length"


@pytest.fixture(scope="module", params=THEMES)
def page(lab: Lab, request: pytest.FixtureRequest) -> Iterator["Page"]:
    """A notebook of small panels that has run."""
    path = lab.put(f"harness-{request.param}.ipynb", [PANELS, "Everything()", "Frozen()", "WithoutLabel()", "Faint()"])
    with lab.opened(path, request.param) as opened:
        assert run_all(opened) == {}
        opened.wait_for_function("() => document.querySelectorAll('section.course-panel').length === 4")
        yield opened


def panel(page: "Page", position: int) -> PanelOnPage:
    return PanelOnPage(page, page.locator("section.course-panel").nth(position))


@pytest.mark.parametrize("hand", HANDS)
def test_every_kind_of_control_is_used_and_answers(page: "Page", hand: str) -> None:
    used = panel(page, EVERYTHING)
    hands = HANDS[hand](used)
    word, number, option, letter = ("typed", 7, "three", "z") if hand == "mouse" else ("tapped", 1, "two", "y")
    for name, act, expected in [
        ("line", lambda: hands.write("line", word), f"line {word},"),
        ("lines", lambda: hands.write("lines", f"{word}\nagain"), f"lines {word} again,"),
        ("number", lambda: hands.move("number", number), f"number {number}.0,"),
        ("list", lambda: hands.choose("list", option), f"list {option},"),
        ("radio", lambda: hands.choose("radio", letter), f"radio {letter},"),
        ("box", lambda: hands.press("box"), f"box {hand == 'mouse'},"),
        ("button", lambda: hands.press("button"), f"button {1 if hand == 'mouse' else 2}"),
    ]:
        before = used.says()
        act()
        took = used.changed_from(before)
        assert expected in used.says() and expected.rstrip(",") in " ".join(used.shows().split()), name
        assert took < 2000, name


def test_a_sentence_that_stays_is_noticed(page: "Page") -> None:
    frozen = panel(page, FROZEN)
    Mouse(frozen).write("line", "anything")
    with pytest.raises(AssertionError, match=r"still says 'Always the same.'"):
        frozen.changed_from("Always the same.", timeout_ms=1500)


def test_a_good_panel_has_no_serious_fault_and_bad_ones_are_found(page: "Page") -> None:
    assert serious_faults(page, panel(page, EVERYTHING).selector()) == []
    assert "label (critical)" in serious_faults(page, panel(page, WITHOUT_LABEL).selector())[0]
    assert "color-contrast (serious)" in serious_faults(page, panel(page, FAINT).selector())[0]


def test_panels_do_not_share_their_names(page: "Page") -> None:
    names = page.locator("section.course-panel").evaluate_all("(all) => all.map((one) => one.getAttribute('aria-labelledby'))")
    assert len(set(names)) == 4
    titles = page.evaluate("(names) => names.map((name) => document.getElementById(name).textContent)", names)
    assert titles[FAINT] == "Words that can hardly be seen"


def test_a_selection_in_which_nothing_is_to_be_seen_is_no_pass(page: "Page") -> None:
    panel(page, EVERYTHING).view.evaluate("(view) => view.insertAdjacentHTML('afterend', '<p id=unseen hidden>unseen</p>')")
    with pytest.raises(AssertionError, match="took everything in #unseen for hidden"):
        serious_faults(page, "#unseen")


def test_what_is_typed_stays_in_the_panel(page: "Page") -> None:
    """JupyterLab's own shortcuts insert cells on a and b, delete on d d, and leave the cell on Escape."""
    used = panel(page, EVERYTHING)
    keyboard, cells = Keyboard(used), page.evaluate(COUNT_CELLS)
    for name in ("line", "lines"):
        keyboard.write(name, "")
        for key in ["a", "b", "d", "d", "x", "Enter", "Escape", "ArrowUp", "ArrowDown", "m", "y", "z", "Shift+Enter", "Control+Enter"]:
            page.keyboard.press(key)
        used.rest()
        assert sorted(used.value(name).replace("\n", "")) == sorted("abddxmyz"), name
        assert page.evaluate("() => document.activeElement.closest('[data-control]').dataset.control") == name
    for place in [*(used.field(name).first for name in ("number", "list", "radio", "box", "button")), used.view]:
        place.focus()
        page.keyboard.press("b")
        page.wait_for_timeout(200)  # for JupyterLab, should it take the key
        assert page.evaluate(COUNT_CELLS) == cells, place


def test_without_its_protection_a_panel_loses_keys_to_jupyterlab(page: "Page") -> None:
    used, cells = panel(page, FAINT), page.evaluate(COUNT_CELLS)
    used.view.evaluate("(view) => { view.closest('.jp-OutputArea-output').append(view); view.focus(); }")
    page.keyboard.press("b")
    page.wait_for_function(f"() => document.querySelectorAll('.jp-NotebookPanel .jp-Cell').length === {cells + 1}", timeout=5000)


def test_a_cell_that_fails_is_told(lab: Lab) -> None:
    path = lab.put("fails.ipynb", ["print(1)", "1 / 0", "print(2)"])
    with lab.opened(path) as page, pytest.raises(AssertionError, match=r"Code cell 3 of 3 has not run.*ZeroDivisionError"):
        run_all(page)


def test_pictures_of_open_pages_are_kept(lab: Lab, tmp_path: Path) -> None:
    with lab.opened(lab.put("picture.ipynb", ["print(1)"])):
        taken = photograph(lab.browser, tmp_path, "test_name[mouse/light]")
    assert taken and all(path.name.startswith("test-name-mouse-light-page") and path.stat().st_size > 10_000 for path in taken)
