"""A panel: a few controls, a live view, and a sentence that says what the view shows. Every widget of the course is one.

A subclass gives `title`, `controls`, and two methods over plain functions: `view`, from the controls' values to what is shown, and
`picture`, the same as a still figure. Where no kernel runs (a stored lesson, GitHub, nbconvert), readers see the picture, and its text
alternative is the sentence of the live view.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers import plots
from helpers.widgets.controls import Control, checked, described

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STILL = "COURSE_STILL"
"""Set to 1 where lessons are built and checked: a panel then shows its picture alone."""


@dataclass(frozen=True, slots=True)
class View:
    """What a panel shows: `words`, one to three sentences for everyone, and `html`, the details."""

    words: str
    html: str


class Panel(ABC):
    """A widget with native controls. In a notebook, name it at the end of a cell; elsewhere use `set`, `words` and `html`."""

    title: str

    def __init__(self, controls: Sequence[Control]) -> None:
        self.controls = tuple(controls)
        self.values: dict[str, Any] = {control.name: control.value for control in self.controls}
        self._front: Any = None
        self._view = self._answer()

    @abstractmethod
    def view(self, **values: Any) -> View:
        """What to show for these values of the controls. A ValueError or TypeError is shown as its sentence."""

    @abstractmethod
    def picture(self, **values: Any) -> "Figure":
        """The same as a still picture."""

    @property
    def words(self) -> str:
        """The sentence under the controls."""
        return self._view.words

    @property
    def html(self) -> str:
        """The live view."""
        return self._view.html

    def set(self, **values: Any) -> None:
        """Set controls by name, as the reader would. A name or a value that no control takes is refused, and nothing changes."""
        known = {control.name: control for control in self.controls}
        for name in values:
            if name not in known:
                raise ValueError(f"{type(self).__name__}.set takes {', '.join(known)}, got {name}.")
        self.values = {**self.values, **{name: checked(known[name], value) for name, value in values.items()}}
        self._view = self._answer()
        if self._front is not None:
            self._front.set_trait("values", self.values)
            self._front.set_trait("words", self.words)
            self._front.set_trait("html", self.html)

    def _answer(self) -> View:
        try:
            return self.view(**self.values)
        except (TypeError, ValueError) as error:  # what the reader typed: say it where they look
            return View(str(error), "")

    def _follow(self, change: Any) -> None:
        if change["new"] != self.values:
            self.set(**change["new"])

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = self._still()
        if os.environ.get(STILL) != "1":
            if self._front is None:
                self._front = _front_end(self)
            shown, _ = self._front._repr_mimebundle_(**options)
            data |= {kind: content for kind, content in shown.items() if kind != "text/plain"}
        return data, metadata

    def _still(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The picture and its text alternative, as what Jupyter shows by type, and the metadata."""
        return plots.described(self.picture(**self.values), f"{self.title}. {self.words}")


def _front_end(panel: Panel) -> Any:
    """The browser's side of a panel. anywidget carries one small script into every notebook application."""
    import anywidget
    import traitlets

    class FrontEnd(anywidget.AnyWidget):  # type: ignore[misc]
        _esm = Path(__file__).with_name("panel.js")
        _css = Path(__file__).with_name("panel.css")
        title = traitlets.Unicode().tag(sync=True)
        controls: Any = traitlets.List().tag(sync=True)
        values = traitlets.Dict().tag(sync=True)
        words = traitlets.Unicode().tag(sync=True)
        html = traitlets.Unicode().tag(sync=True)

    front = FrontEnd(title=panel.title, controls=described(panel.controls), values=panel.values, words=panel.words, html=panel.html)
    front.observe(panel._follow, names="values")
    return front
