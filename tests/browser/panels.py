"""A panel in the browser, used as a reader uses it: by mouse, or by keyboard alone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ANSWER_TIMEOUT_MS = 10_000
MOST_TABS = 60

# Notes when the reader last entered something, and when the panel last showed something new.
WATCH = """(section) => {
  const watched = (section.watched = { entered: 0, shown: 0 });
  for (const kind of ['input', 'change', 'click']) section.addEventListener(kind, () => { watched.entered = performance.now(); }, true);
  const note = () => { watched.shown = performance.now(); };
  for (const part of section.querySelectorAll('.status, .view'))
    new MutationObserver(note).observe(part, { childList: true, characterData: true, subtree: true });
}"""
# At rest: it has answered the last entry, or has had two seconds and shows the same as before.
AT_REST = """(section) => {
  const { entered, shown } = section.watched, quiet = performance.now() - Math.max(entered, shown);
  return quiet > (shown > entered ? 300 : 2000);
}"""
FOCUSED_CONTROL = "() => document.activeElement?.closest('[data-control]')?.dataset.control ?? ''"
FOCUSED_ELEMENT = "() => document.activeElement?.outerHTML.slice(0, 200)"
OUTLINE = "() => getComputedStyle(document.activeElement).outlineStyle"
HAS_FOCUS = "(section) => section.contains(document.activeElement)"


class PanelOnPage:
    """One panel of a notebook that is open: its controls by name, its sentence and its view."""

    def __init__(self, page: "Page", section: "Locator", name: str = "") -> None:
        self.page, self.section, self.name = page, section, name
        self.status, self.view = section.locator(".status"), section.locator(".view")
        section.scroll_into_view_if_needed()
        section.evaluate(WATCH)

    def says(self) -> str:
        """The sentence that the panel shows."""
        return self.status.inner_text()

    def shows(self) -> str:
        """The view's text: what is drawn counts by its labels."""
        return str(self.view.evaluate("(view) => view.textContent"))

    def field(self, name: str) -> "Locator":
        """The native control of that name; of radio buttons, all."""
        inside = f'[data-control="{name}"] :is(input, textarea, select)'
        return self.section.locator(f'{inside}, button[data-control="{name}"]')

    def names(self) -> list[str]:
        """The names of the controls, in their order."""
        return list(self.section.locator("[data-control]").evaluate_all("(all) => all.map((one) => one.dataset.control)"))

    def value(self, name: str) -> str:
        """What a control holds, as text."""
        field = self.field(name)
        kind = field.first.get_attribute("type")
        if kind == "radio":
            return str(self.section.locator(f'[data-control="{name}"] input:checked').input_value())
        return str(field.is_checked()) if kind == "checkbox" else str(field.input_value())

    def values(self) -> dict[str, Any]:
        """What text boxes, choices and boxes to tick hold, by name."""
        ticks = {"True": True, "False": False}
        return {name: ticks.get(value, value) for name in self.names() for value in [self.value(name)]}

    def selector(self) -> str:
        """A CSS selector of this panel alone."""
        return f'section[aria-labelledby="{self.section.get_attribute("aria-labelledby")}"]'

    def photograph(self, path: Path) -> None:
        """A picture of the whole panel, taken through a window that is high enough."""
        window = self.page.viewport_size
        assert window is not None
        self.page.set_viewport_size({**window, "height": 3000})
        self.section.screenshot(path=path)
        self.page.set_viewport_size(window)

    def rest(self) -> None:
        """Wait until the panel has answered."""
        self.page.wait_for_function(AT_REST, arg=self.section.element_handle(), timeout=ANSWER_TIMEOUT_MS)

    def changed_from(self, sentence: str, timeout_ms: float = ANSWER_TIMEOUT_MS) -> float:
        """Wait for another sentence than this. Returns the milliseconds from the last entry to the last change."""
        differs = "([section, before]) => section.querySelector('.status').innerText !== before"
        try:
            self.page.wait_for_function(differs, arg=[self.section.element_handle(), sentence], timeout=timeout_ms)
        except Exception as error:
            raise AssertionError(f"The panel still says {self.says()!r}") from error
        self.rest()
        return float(self.section.evaluate("(section) => section.watched.shown - section.watched.entered"))


class Hand(Protocol):
    """A way to use controls by name."""

    def write(self, name: str, text: str) -> None:
        """Replace what stands in a text box."""

    def move(self, name: str, value: float) -> None:
        """Bring a slider to a value, or as near as this hand gets."""

    def choose(self, name: str, option: str) -> None:
        """Choose an option of a drop-down list or of radio buttons."""

    def press(self, name: str) -> None:
        """Press a button, or tick a box."""


class Mouse:
    """Clicks, drags, and types into what it has clicked."""

    def __init__(self, panel: PanelOnPage) -> None:
        self.panel, self.page = panel, panel.page

    def write(self, name: str, text: str) -> None:
        """Click into the box, and type over what stands there."""
        self.panel.field(name).click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def move(self, name: str, value: float) -> None:
        """Drag the thumb."""
        field = self.panel.field(name)
        field.scroll_into_view_if_needed()
        low, high, now = (float(number) for number in field.evaluate("(input) => [input.min, input.max, input.value]"))
        box = field.bounding_box()
        assert box is not None
        thumb = box["height"]  # its width is about its height; its middle stays half of that away from both ends
        at = [box["x"] + thumb / 2 + (number - low) / (high - low) * (box["width"] - thumb) for number in (now, value)]
        self.page.mouse.move(at[0], box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(at[1], box["y"] + box["height"] / 2, steps=5)
        self.page.mouse.up()

    def choose(self, name: str, option: str) -> None:
        """Click a radio button. A drop-down list is drawn by the system, beyond a test's mouse: there the option is set."""
        if self.panel.field(name).first.get_attribute("type") == "radio":
            self.panel.section.locator(f'[data-control="{name}"] label').get_by_text(option, exact=True).click()
        else:
            self.panel.field(name).select_option(option)

    def press(self, name: str) -> None:
        """Click."""
        self.panel.field(name).click()


class Keyboard:
    """Tab, arrows, letters, Space and Enter. Never a mouse."""

    def __init__(self, panel: PanelOnPage) -> None:
        self.panel, self.page = panel, panel.page

    def enter_panel(self) -> None:
        """Press Tab from the selected cell until a control of the panel has the focus."""
        self.panel.section.evaluate("(section) => section.closest('.jp-Cell').focus()")
        self._tab_until(lambda: bool(self.panel.section.evaluate(HAS_FOCUS)), "the panel")

    def walk_out(self) -> list[str]:
        """Press Tab from the first control until the focus leaves the panel. Returns where it was: names of controls, and "view".

        AssertionError where nothing shows that a place has the focus, or the focus does not leave.
        """
        seen: list[str] = []
        for _ in range(MOST_TABS):
            if not self.panel.section.evaluate(HAS_FOCUS):
                return seen
            seen.append(self.page.evaluate(FOCUSED_CONTROL) or "view")
            assert self.page.evaluate(OUTLINE) != "none", f"Nothing shows that {seen[-1]} has the focus"
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not leave the panel: {seen}")

    def reach(self, name: str) -> None:
        """Press Tab, backwards where the control lies behind, until it has the focus."""
        if not self.panel.section.evaluate(HAS_FOCUS):
            self.enter_panel()
        names, now = self.panel.names(), self.page.evaluate(FOCUSED_CONTROL)
        back = now not in names or names.index(now) > names.index(name)
        self._tab_until(lambda: self.page.evaluate(FOCUSED_CONTROL) == name, name, "Shift+Tab" if back else "Tab")

    def write(self, name: str, text: str) -> None:
        """Tab into the box, select all, type."""
        self.reach(name)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def move(self, name: str, value: float) -> None:
        """Arrows, a step each; Home or End first, where that is shorter."""
        self.reach(name)
        low, high, step, now = (
            float(number) for number in self.panel.field(name).evaluate("(input) => [input.min, input.max, input.step, input.value]")
        )
        start, key = min([(now, ""), (low, "Home"), (high, "End")], key=lambda way: abs(way[0] - value))
        if key:
            self.page.keyboard.press(key)
        for _ in range(round(abs(value - start) / step)):
            self.page.keyboard.press("ArrowRight" if value > start else "ArrowLeft")

    def choose(self, name: str, option: str) -> None:
        """Arrows through the options."""
        self.reach(name)
        options: list[str] = self.panel.section.locator(f'[data-control="{name}"] :is(option, input)').evaluate_all(
            "(all) => all.map((one) => one.value)"
        )
        steps = options.index(option) - options.index(self.panel.value(name))
        for _ in range(abs(steps)):
            self.page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")

    def press(self, name: str) -> None:
        """Space, which presses buttons and ticks boxes."""
        self.reach(name)
        self.page.keyboard.press("Space")

    def _tab_until(self, arrived: Callable[[], bool], what: str, key: str = "Tab") -> None:
        for _ in range(MOST_TABS):
            if arrived():
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{what} is not reached by {MOST_TABS} times {key}; the focus is on {self.page.evaluate(FOCUSED_ELEMENT)}")


HANDS: dict[str, type[Mouse] | type[Keyboard]] = {"mouse": Mouse, "keyboard": Keyboard}
