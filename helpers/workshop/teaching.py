"""notebooks/workshop.toml: what a teacher needs for each lesson and cannot be derived, the learners, and the plans of a day."""

import tomllib
from dataclasses import dataclass, field
from typing import Any

from helpers import arguments
from helpers.course.registry import Course, Lesson
from helpers.workshop import anatomy

FILE = "workshop.toml"


@dataclass(frozen=True)
class Pause:
    """Where to stop (a section's heading), and what to ask the class there."""

    at: str
    ask: str


@dataclass(frozen=True)
class Verdict:
    """A claim that a lesson puts right, as its heading has it without quotation marks, and what the lesson finds."""

    claim: str
    says: str


@dataclass(frozen=True)
class Hints:
    """What a teacher of one lesson needs besides the lesson. `leave_out` holds headings, the first to be dropped first."""

    prepare: str = ""
    pause: tuple[Pause, ...] = ()
    leave_out: tuple[str, ...] = ()
    misunderstandings: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    def verdict(self, claim: str) -> str:
        """What the lesson finds about a claim; empty where nothing is noted."""
        return next((verdict.says for verdict in self.verdicts if verdict.claim == claim), "")


@dataclass(frozen=True)
class Profile:
    """A kind of learner: who that is, what they want, and the lessons for them, in order."""

    name: str
    who: str
    wants: str
    lessons: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The frame of a workshop: days of so many minutes, breaks included, and the lessons to teach, in order."""

    name: str
    title: str
    days: int
    minutes: int
    welcome: int
    closing: int
    lunch: int
    lessons: tuple[str, ...]


@dataclass(frozen=True)
class Teaching:
    """Everything in workshop.toml."""

    hints: dict[str, Hints] = field(default_factory=dict)
    profiles: tuple[Profile, ...] = ()
    plans: tuple[Plan, ...] = ()

    def plan(self, name: str) -> Plan:
        """The plan of this name; ValueError names those there are."""
        arguments.choice(name, "name", [plan.name for plan in self.plans])
        return next(plan for plan in self.plans if plan.name == name)


@arguments.typed
def read_teaching(course: Course) -> Teaching:
    """Read notebooks/workshop.toml of this course. ValueError if it is missing or malformed; what it says is checked by `faults`."""
    file = course.root / "notebooks" / FILE
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"course must have notebooks/{FILE}, got none in {course.root}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file} is not valid TOML: {error}.") from error
    try:
        hints = {number: _hints(entry) for number, entry in data.get("lesson", {}).items()}
        profiles = tuple(Profile(**{**entry, "lessons": _texts(entry, "lessons")}) for entry in data.get("profile", []))
        plans = tuple(_plan(entry) for entry in data.get("plan", []))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file} has an entry that this version does not know: {error}.") from error
    return Teaching(hints, profiles, plans)


def _hints(entry: dict[str, Any]) -> Hints:
    pauses = tuple(Pause(**pause) for pause in entry.get("pause", []))
    rest = {key: _texts(entry, key) for key in ("leave_out", "misunderstandings") if key in entry}
    verdicts = tuple(Verdict(**verdict) for verdict in entry.get("verdicts", []))
    known = {"prepare", "pause", "verdicts", *rest}
    if unknown := sorted(set(entry) - known):
        raise KeyError(", ".join(unknown))
    return Hints(prepare=entry.get("prepare", ""), pause=pauses, verdicts=verdicts, **rest)


def _plan(entry: dict[str, Any]) -> Plan:
    numbers = {key: arguments.integer(entry[key], key, minimum=least) for key, least in _LEAST.items()}
    return Plan(name=entry["name"], title=entry["title"], lessons=_texts(entry, "lessons"), **numbers)


_LEAST = {"days": 1, "minutes": 30, "welcome": 0, "closing": 0, "lunch": 0}


def _texts(entry: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(arguments.texts(entry[key], key, empty=True))


@arguments.typed
def faults(course: Course, teaching: Teaching) -> list[str]:
    """What of workshop.toml does not hold: a gate, one sentence a fault. Every lesson has its entry, every heading named is there."""
    found = [fault for lesson in course.lessons for fault in _lesson_faults(course, lesson, teaching)]
    numbers = {lesson.number for lesson in course.lessons}
    found += [f"{FILE} speaks of lesson {number}, which is not in course.toml" for number in teaching.hints if number not in numbers]
    if not teaching.plans:
        found.append(f"{FILE} has no plan")
    if not teaching.profiles:
        found.append(f"{FILE} has no profile of a learner")
    groups: tuple[Profile | Plan, ...] = (*teaching.profiles, *teaching.plans)
    for group in groups:
        found += [f"{group.name!r} names lesson {number}, which is not in course.toml" for number in group.lessons if number not in numbers]
        if not group.lessons:
            found.append(f"{group.name!r} names no lesson")
        if list(group.lessons) != sorted(set(group.lessons)):
            found.append(f"{group.name!r} does not name its lessons in the course's order, each once")
    return found


def _lesson_faults(course: Course, lesson: Lesson, teaching: Teaching) -> list[str]:
    hints = teaching.hints.get(lesson.number)
    if hints is None:
        return [f"{FILE} has no entry for lesson {lesson.number}"]
    if not course.notebook(lesson).is_file():
        return [f"{course.notebook(lesson).name} is missing"]
    sections = [section for section in anatomy.lesson_sections(course, lesson) if anatomy.is_taught(section)]
    headings, claims = [section.heading for section in sections], [claim for section in sections for claim in section.myths]
    named = [pause.at for pause in hints.pause] + list(hints.leave_out)
    found = [f"lesson {lesson.number} has no section {heading!r}, which {FILE} names" for heading in named if heading not in headings]
    if set(headings) <= set(hints.leave_out):
        found.append(f"lesson {lesson.number}: leave_out leaves nothing to teach")
    for key in ("pause", "leave_out", "misunderstandings"):
        if not getattr(hints, key):
            found.append(f"lesson {lesson.number}: {key} is empty")
    found += [f"lesson {lesson.number}: the pause at {p.at!r} asks nothing" for p in hints.pause if len(p.ask.split()) < 4]
    judged = [verdict.claim for verdict in hints.verdicts]
    found += [f"lesson {lesson.number} has no verdict on the myth {claim!r}" for claim in claims if not hints.verdict(claim).strip()]
    return found + [f"lesson {lesson.number} has no myth {claim!r}, which {FILE} judges" for claim in judged if claim not in claims]
