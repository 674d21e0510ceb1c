"""The controls of a panel, as data: each becomes one native HTML control with its label, so that keyboard and screen reader work."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from helpers import arguments


@dataclass(frozen=True, slots=True)
class TextBox:
    """A field for text. With more than one row, line breaks are part of the text."""

    name: str
    label: str
    value: str = ""
    rows: int = 1
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Slider:
    """A number between two bounds. The number stands beside the slider."""

    name: str
    label: str
    value: float
    minimum: float
    maximum: float
    step: float
    kind: str = "slider"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several options. As `radio`, all options are in sight; else it is a drop-down list."""

    name: str
    label: str
    value: str
    options: tuple[str, ...]
    radio: bool = False
    kind: str = "choice"


@dataclass(frozen=True, slots=True)
class Checkbox:
    """Yes or no."""

    name: str
    label: str
    value: bool = False
    kind: str = "checkbox"


@dataclass(frozen=True, slots=True)
class Button:
    """Something to do. Its value counts how often it was pressed."""

    name: str
    label: str
    value: int = 0
    kind: str = "button"


Control = TextBox | Slider | Choice | Checkbox | Button


def described(controls: Sequence[Control]) -> list[dict[str, Any]]:
    """The controls as the browser's side takes them."""
    if isinstance(controls, str | bytes) or not isinstance(controls, Sequence) or not all(isinstance(one, Control) for one in controls):
        raise arguments.wrong_type("controls", controls, "a list of controls")
    return [asdict(control) for control in controls]


def checked(control: Control, value: object) -> Any:
    """The value that a control takes, or one sentence that says what it accepts (TypeError, ValueError)."""
    match control:
        case TextBox():
            return arguments.text(value, control.name)
        case Slider():
            return arguments.number(value, control.name, minimum=control.minimum, maximum=control.maximum)
        case Choice():
            return arguments.choice(value, control.name, control.options)
        case Checkbox():
            return arguments.boolean(value, control.name)
        case Button():
            return arguments.integer(value, control.name, minimum=0)
