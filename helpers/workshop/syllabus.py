"""Timetables: which sections of which lessons fit into a workshop, with breaks, to the minute.

Minutes come from course.toml and are shared out among a lesson's sections by what stands in them (anatomy.minutes). Where a plan's
lessons need more than there is, sections go in the order in which workshop.toml lets them go; what is over is time for the learners'
own texts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from helpers import arguments
from helpers.course.registry import Course
from helpers.workshop import anatomy
from helpers.workshop.teaching import Plan, Teaching

BREAK, LONGEST_STRETCH = 15, 90  # minutes; nobody listens longer than that
EVEN_STRETCH = 80  # what stretches aim at: sections are not divided, so one may become somewhat longer
OPEN_WORK, OPEN_STEP = "Questions, and your own texts", 5
DAY = 24 * 60


@dataclass(frozen=True)
class Piece:
    """One section of a lesson in a plan, or something else that takes time (then `lesson` is empty)."""

    lesson: str
    heading: str
    minutes: int
    exercises: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A line of a timetable: it begins `start` minutes after the day does. `kind` is lesson, break, lunch or other."""

    kind: str
    start: int
    minutes: int
    lesson: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Schedule:
    """A plan with its timetable, a tuple of entries a day, and the pieces that had to go, in the order of the lessons."""

    plan: Plan
    days: tuple[tuple[Entry, ...], ...]
    left_out: tuple[Piece, ...]

    @property
    def lessons(self) -> list[str]:
        """The numbers of the lessons that are taught."""
        return list(dict.fromkeys(entry.lesson for day in self.days for entry in day if entry.lesson))


@arguments.typed
def schedule(course: Course, teaching: Teaching, plan: Plan) -> Schedule:
    """The timetable of a plan. ValueError if its lessons do not fit even without everything that may be left out."""
    stretches = _stretches(plan)
    capacity = plan.minutes - plan.lunch - BREAK * (stretches - 1 - bool(plan.lunch))
    room = [capacity] * plan.days
    room[0] -= plan.welcome
    room[-1] -= plan.closing
    pieces = _pieces(course, plan)
    kept, dropped = _choose(pieces, teaching, room, plan)
    days = []
    for number, lessons in enumerate(_by_day(kept, room) or []):
        day = [piece for lesson in lessons for piece in lesson]
        spare = room[number] - sum(piece.minutes for piece in day)
        welcome = [Piece("", "Welcome, and a look at every machine", plan.welcome)] if number == 0 and plan.welcome else []
        closing = [Piece("", "What we take home", plan.closing)] if number == plan.days - 1 and plan.closing else []
        days.append(_timetable([*welcome, *day, *_open_work(spare), *closing], stretches, plan))
    return Schedule(plan, tuple(days), tuple(dropped))


@arguments.typed
def clock(start: str, minutes: int) -> str:
    """The time of day so many minutes after `start`, both as HH:MM. ValueError past midnight, where no workshop goes."""
    return _as_text(_as_minutes(start) + minutes)


@arguments.typed
def check_start(start: str, plan: Plan) -> None:
    """ValueError unless `start` is a time of day, HH:MM, from which the plan's day ends before midnight."""
    if _as_minutes(start) + plan.minutes > DAY:
        raise arguments.wrong_value("start", start, f"a time from which {plan.minutes} minutes end before midnight")


def _as_minutes(start: str) -> int:
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", start)
    if match is None:
        raise arguments.wrong_value("start", start, "a time of day such as 09:00")
    return 60 * int(match.group(1)) + int(match.group(2))


def _as_text(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _stretches(plan: Plan) -> int:
    """How many stretches of work a day has: as few as keep each below EVEN_STRETCH minutes."""
    for count in range(2 if plan.lunch else 1, plan.minutes):
        work = plan.minutes - plan.lunch - BREAK * (count - 1 - bool(plan.lunch))
        if work <= EVEN_STRETCH * count:
            return count
    raise ValueError(f"plan {plan.name!r} has no time for work.")


def _pieces(course: Course, plan: Plan) -> list[list[Piece]]:
    taken = []
    for number in plan.lessons:
        lesson = course.lesson(number)
        found = anatomy.lesson_sections(course, lesson)
        minutes, exercises = anatomy.minutes(lesson, found), {section.heading: tuple(section.exercises) for section in found}
        taken.append([Piece(number, heading, share, exercises[heading]) for heading, share in minutes.items()])
    return taken


def _choose(pieces: list[list[Piece]], teaching: Teaching, room: Sequence[int], plan: Plan) -> tuple[list[list[Piece]], list[Piece]]:
    """What is taught, and what is left out: always from the lesson that takes the most time, then back in what still fits."""
    gone: list[Piece] = []
    while _by_day(_without(pieces, gone), room) is None:
        left = _without(pieces, gone)
        droppable = [(lesson, piece) for lesson in left if (piece := _next_to_drop(lesson, teaching)) is not None]
        if not droppable:
            needed = sum(piece.minutes for lesson in left for piece in lesson)
            raise ValueError(f"plan {plan.name!r} has {sum(room)} minutes for {needed}: name fewer lessons, or more to leave out.")
        _, piece = max(droppable, key=lambda pair: sum(one.minutes for one in pair[0]))
        gone.append(piece)
    for piece in reversed(gone.copy()):
        rest = [other for other in gone if other != piece]
        if _by_day(_without(pieces, rest), room) is not None:
            gone = rest
    in_order = [piece for lesson in pieces for piece in lesson if piece in gone]
    return _without(pieces, gone), in_order


def _next_to_drop(lesson: Sequence[Piece], teaching: Teaching) -> Piece | None:
    there = {piece.heading: piece for piece in lesson}
    hints = teaching.hints.get(lesson[0].lesson)
    return next((there[heading] for heading in (hints.leave_out if hints else ()) if heading in there), None)


def _without(pieces: list[list[Piece]], gone: Sequence[Piece]) -> list[list[Piece]]:
    return [[piece for piece in lesson if piece not in gone] for lesson in pieces]


def _by_day(lessons: Sequence[Sequence[Piece]], room: Sequence[int]) -> list[list[Sequence[Piece]]] | None:
    """The lessons in order over the days, none torn in two; None if they do not fit."""
    days: list[list[Sequence[Piece]]] = [[]]
    used = 0
    for lesson in lessons:
        takes = sum(piece.minutes for piece in lesson)
        while used + takes > room[len(days) - 1]:
            if len(days) == len(room):
                return None
            days.append([])
            used = 0
        days[-1].append(lesson)
        used += takes
    return days + [[] for _ in range(len(room) - len(days))]


def _open_work(minutes: int) -> list[Piece]:
    """Time that is over, in steps, so that a break may fall into it."""
    steps = [OPEN_STEP] * (minutes // OPEN_STEP)
    if rest := minutes % OPEN_STEP:
        steps.append(rest)
    return [Piece("", OPEN_WORK, step) for step in steps]


def _timetable(pieces: Sequence[Piece], stretches: int, plan: Plan) -> tuple[Entry, ...]:
    """The pieces with breaks between them, where these come nearest to stretches of equal length."""
    ends = [sum(piece.minutes for piece in pieces[: i + 1]) for i in range(len(pieces))]
    cuts: list[int] = []
    for number in range(1, stretches):
        target = ends[-1] * number / stretches
        candidates = range(cuts[-1] + 1 if cuts else 1, len(pieces) - (stretches - 1 - number))
        cuts.append(min(candidates, key=lambda i: abs(ends[i - 1] - target)))
    lunch_after = stretches // 2 if plan.lunch else 0
    entries: list[Entry] = []
    now = 0
    for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(pieces)], strict=True), start=1):
        for (lesson, what), group in groupby(pieces[first:last], key=lambda piece: (piece.lesson, piece.lesson or piece.heading)):
            together = tuple(group)
            minutes = sum(piece.minutes for piece in together)
            together = together if lesson else (Piece("", what, minutes),)
            entries.append(Entry("lesson" if lesson else "other", now, minutes, lesson, together))
            now += minutes
        if number < stretches:
            kind, minutes = ("lunch", plan.lunch) if number == lunch_after else ("break", BREAK)
            entries.append(Entry(kind, now, minutes, "", (Piece("", kind.capitalize(), minutes),)))
            now += minutes
    return tuple(entries)


@arguments.typed
def faults(found: Schedule) -> list[str]:
    """What is wrong with a timetable: a sum that does not come out, a gap, or too long without a break."""
    wrong = []
    for number, day in enumerate(found.days, start=1):
        if sum(entry.minutes for entry in day) != found.plan.minutes:
            wrong.append(f"day {number} of {found.plan.name!r} has {sum(entry.minutes for entry in day)} minutes of {found.plan.minutes}")
        stretch = now = 0
        for entry in day:
            if entry.start != now:
                wrong.append(f"day {number} of {found.plan.name!r} has a gap or an overlap at minute {entry.start}")
            now = entry.start + entry.minutes
            stretch = 0 if entry.kind in ("break", "lunch") else stretch + entry.minutes
            if stretch > LONGEST_STRETCH:
                wrong.append(f"day {number} of {found.plan.name!r} has {stretch} minutes without a break")
    if not found.days or not found.lessons:
        wrong.append(f"{found.plan.name!r} teaches nothing")
    return wrong
