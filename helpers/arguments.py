"""Checks of arguments, shared by every public function of helpers.

Each check returns the value it accepts and refuses the rest with one sentence: which argument, what came, what is taken.
A wrong type raises TypeError, a wrong value of the right type raises ValueError.
"""

import functools
import inspect
import math
import os
import types
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, get_origin

import numpy as np

SHOWN_CHARACTERS = 60
P = ParamSpec("P")
R = TypeVar("R")


def shown(value: object) -> str:
    """A short description of a value for an error message, for example ``int 3`` or ``None``."""
    if value is None:
        return "None"
    text = " ".join(repr(value).split())
    if len(text) > SHOWN_CHARACTERS:
        text = text[:SHOWN_CHARACTERS] + "…"
    return f"{type(value).__name__} {text}"


def wrong_type(name: str, value: object, accepted: str) -> TypeError:
    """The error for a value of a type that is not taken."""
    return TypeError(f"{name} must be {accepted}, got {shown(value)}.")


def wrong_value(name: str, value: object, accepted: str) -> ValueError:
    """The error for a value that is not taken, of a type that is."""
    return ValueError(f"{name} must be {accepted}, got {shown(value)}.")


def typed(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that every call checks its arguments against its type hints, as far as these are plain classes."""
    signature = inspect.signature(function)
    single = [
        parameter for parameter in signature.parameters.values() if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    hints = {parameter.name: get_origin(parameter.annotation) or parameter.annotation for parameter in single}
    # A union, X | None, has a class of its own as its origin, and Any is a class since Python 3.11: neither can be asked of a value.
    classes = {name: hint for name, hint in hints.items() if isinstance(hint, type) and hint not in (Any, types.UnionType)}

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            if name in classes:
                instance(value, name, classes[name])
        return function(*args, **kwargs)

    return checked


def instance(value: object, name: str, kind: type[R]) -> R:
    """A value of one class."""
    if not isinstance(value, kind):
        raise wrong_type(name, value, f"a {kind.__name__}")
    return value


def text(value: object, name: str, *, empty: bool = True) -> str:
    """A string. With ``empty=False``, one that holds more than white space."""
    if not isinstance(value, str):
        raise wrong_type(name, value, "a string")
    if not empty and not value.strip():
        raise wrong_value(name, value, "a string that holds more than white space")
    return str(value)


def texts(value: object, name: str, *, empty: bool = False) -> list[str]:
    """A list, tuple or numpy array of strings, as a list. A single string or a generator is refused."""
    accepted = "a list of strings" if empty else "a list of at least one string"
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | np.ndarray):
        raise wrong_type(name, value, accepted)
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise wrong_type(f"{name}[{index}]", item, "a string")
    if not empty and len(value) == 0:
        raise wrong_value(name, value, accepted)
    return [str(item) for item in value]


def integer(value: object, name: str, *, minimum: int | None = None, maximum: int | None = None) -> int:
    """A whole number between two bounds, both included. True and False are refused."""
    accepted = _range_text("a whole number", minimum, maximum)
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise wrong_type(name, value, accepted)
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        raise wrong_value(name, value, accepted)
    return int(value)


def number(value: object, name: str, *, minimum: float | None = None, maximum: float | None = None) -> float:
    """A finite number between two bounds, both included. True and False are refused."""
    accepted = _range_text("a finite number", minimum, maximum)
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise wrong_type(name, value, accepted)
    # An int too large for a float is still finite: compare before converting.
    if (isinstance(value, float | np.floating) and not math.isfinite(value)) or (
        (minimum is not None and value < minimum) or (maximum is not None and value > maximum)
    ):
        raise wrong_value(name, value, accepted)
    try:
        return float(value)
    except OverflowError as error:
        raise wrong_value(name, value, accepted) from error


def boolean(value: object, name: str) -> bool:
    """True or False; 0, 1 and words are refused."""
    if not isinstance(value, bool | np.bool_):
        raise wrong_type(name, value, "True or False")
    return bool(value)


def choice(value: object, name: str, options: Iterable[str]) -> str:
    """One of a few strings."""
    known = list(options)
    accepted = "one of " + ", ".join(repr(option) for option in known)
    if not isinstance(value, str):
        raise wrong_type(name, value, accepted)
    if value not in known:
        raise wrong_value(name, value, accepted)
    return str(value)


def path(value: object, name: str) -> Path:
    """A path, given as a string or as anything that os.fspath turns into one."""
    if not isinstance(value, str | os.PathLike):
        raise wrong_type(name, value, "a path (a string or a pathlib.Path)")
    as_text = os.fspath(value)
    if not isinstance(as_text, str):
        raise wrong_type(name, value, "a path (a string or a pathlib.Path)")
    if not as_text or "\0" in as_text:
        raise wrong_value(name, value, "a path that is not empty and holds no null character")
    return Path(as_text)


def encoder(value: Any, name: str) -> Any:
    """A model: an object, not a string, that has a method encode."""
    if isinstance(value, str | bytes | type) or not callable(getattr(value, "encode", None)):  # a string has a method encode too
        raise wrong_type(name, value, "a SentenceTransformer, or an object with its method encode")
    return value


def vector(value: object, name: str) -> np.ndarray:
    """A non-empty one-dimensional array of finite numbers, as numpy array. Torch tensors are accepted."""
    return _numeric_array(value, name, dimensions=1, accepted="a vector of finite numbers")


def matrix(value: object, name: str, *, empty: bool = False) -> np.ndarray:
    """A two-dimensional array of finite numbers, one vector a row, as numpy array. Torch tensors are accepted."""
    return _numeric_array(value, name, dimensions=2, accepted="a matrix of finite numbers (one vector a row)", empty=empty)


def same_length(first: Sequence[Any] | np.ndarray, first_name: str, second: Sequence[Any] | np.ndarray, second_name: str) -> None:
    """Two sequences of one length; the error names both and their lengths."""
    if len(first) != len(second):
        raise ValueError(f"{second_name} must have as many items as {first_name}, got {len(second)} and {len(first)}.")


def _range_text(what: str, minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f"{what} from {minimum} to {maximum}"
    if minimum is not None:
        return f"{what} of at least {minimum}"
    if maximum is not None:
        return f"{what} of at most {maximum}"
    return what


def _numeric_array(value: object, name: str, *, dimensions: int, accepted: str, empty: bool = False) -> np.ndarray:
    if value is None or isinstance(value, str | bytes | dict | set):
        raise wrong_type(name, value, accepted)
    if hasattr(value, "detach"):  # a torch tensor, without importing torch
        value = value.detach().cpu()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise wrong_type(name, value, accepted) from error
    if array.dtype.kind not in "fiu" or array.ndim != dimensions:
        what = f"an array of shape {array.shape} and type {array.dtype}"
        raise TypeError(f"{name} must be {accepted}, got {what}.")
    if not empty and array.size == 0:
        raise ValueError(f"{name} must be {accepted} and not empty, got shape {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be {accepted}, got NaN or infinity in it.")
    return array
