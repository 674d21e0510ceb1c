"""Every public function of helpers, found by looking, refuses what it cannot use in a sentence that names the argument."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import helpers

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(helpers.__path__, "helpers.")
    if not re.search(r"__main__|lesson_runtime|exercises\.lesson_|helpers\.arguments", module.name)
)
ODD: list[Any] = [None, float("nan"), b"bytes", [[["nested"]]], object(), np.str_(""), -(10**30), {"a": 1}, (item for item in "ab")]


def public_functions() -> list[tuple[str, Callable[..., Any]]]:
    found: list[tuple[str, Callable[..., Any]]] = []
    for name in MODULES:
        module = importlib.import_module(name)
        for attribute, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == name and not attribute.startswith("_"):
                found.append((f"{name}.{attribute}", value))
    return found


def required(function: Callable[..., Any]) -> list[str]:
    """The names of the arguments without a default."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


WITH_ARGUMENTS = [pytest.param(function, id=name) for name, function in public_functions() if required(function)]


def test_there_are_public_functions_to_look_at() -> None:
    assert len(WITH_ARGUMENTS) > 30


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
@pytest.mark.parametrize("function", WITH_ARGUMENTS)
def test_odd_arguments_are_refused_by_name(function: Callable[..., Any], odd: object) -> None:
    names = required(function)
    try:
        function(**dict.fromkeys(names, odd))
    except (TypeError, ValueError) as error:
        assert any(name in str(error) for name in names), f"{error!r} names none of {names}"
        assert "got" in str(error) and "\n" not in str(error), error


@pytest.mark.parametrize("name", [name for name, _ in public_functions()])
def test_every_public_function_says_what_it_does(name: str) -> None:
    function = dict(public_functions())[name]
    assert inspect.getdoc(function), f"{name} has no docstring"
    assert set(inspect.signature(function).parameters) <= set(inspect.get_annotations(function)), f"{name} lacks type hints"
