"""requirements-beyond.txt: exact pins, a reason for each choice, all that the engines bring along, nothing that the course has already."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers import doctor
from helpers.course.registry import REPOSITORY

TEXT = (REPOSITORY / "requirements-beyond.txt").read_text(encoding="utf-8")
LINES = [line.split("#")[0].strip() for line in TEXT.splitlines()]
PINS = [Requirement(line) for line in LINES if line and not line.startswith("-r")]
NAMES = {canonicalize_name(pin.name) for pin in PINS}


def test_every_pin_is_exact_and_none_repeats_the_course() -> None:
    assert "-r requirements.txt" in LINES
    assert all([specifier.operator for specifier in pin.specifier] == ["=="] for pin in PINS)
    course = {canonicalize_name(name) for name in doctor.pinned(doctor.REQUIREMENTS.read_text(encoding="utf-8"))}
    assert len(NAMES) == len(PINS) and not NAMES & course


def test_every_choice_gives_its_reason() -> None:
    chosen = [line for line in TEXT.split("# What these bring along")[0].splitlines() if "==" in line]
    assert len(chosen) == 6 and all(re.search(r"# \w", line) for line in chosen)


def test_the_extra_names_what_is_pinned() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {canonicalize_name(Requirement(line).name) for line in project["optional-dependencies"]["beyond"]} <= NAMES


def test_what_the_engines_bring_along_is_pinned_at_the_installed_version() -> None:
    if missing := [name for name in NAMES if doctor.installed_version(name) is None]:
        pytest.skip(f"{', '.join(sorted(missing))} not installed: pip install -r requirements-beyond.txt")
    known = NAMES | {canonicalize_name(name) for name in doctor.pinned(doctor.REQUIREMENTS.read_text(encoding="utf-8"))}
    assert {canonicalize_name(name) for pin in PINS for name in _brought_along(pin)} <= known
    assert all(pin.specifier.contains(importlib.metadata.version(pin.name)) for pin in PINS)


def _brought_along(pin: Requirement) -> Iterator[str]:
    for line in importlib.metadata.requires(pin.name) or []:
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in pin.extras or {""}):
            yield requirement.name
