"""Timetables, notes for instructors and what they rest on: workshop.toml against the lessons, and sums that come out."""

import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers import __main__, exercises
from helpers.course import gates, registry
from helpers.course.registry import Course, Lesson, read_course
from helpers.workshop import anatomy, folders, pages, syllabus, teaching
from helpers.workshop.syllabus import Entry, Piece, Schedule
from helpers.workshop.teaching import Hints, Pause, Plan, Profile, Teaching

COURSE = read_course()
KNOWN = teaching.read_teaching(COURSE)
LESSONS = [pytest.param(lesson, id=lesson.stem) for lesson in COURSE.lessons]
PLANS = [pytest.param(plan, id=plan.name) for plan in KNOWN.plans]

LESSON_TEXT = """Why do we ask?

## What you'll be able to do

- One thing

## First part

Words about it.

- a list
- of two

### Myth: "It is hard"

## Second part

More words. ```not a fence```

## Summary

- One thing

## Copy and paste

## What's next

- more"""

SMALL_TOML = """
[[plan]]
name = "short"
title = "A short one"
days = 1
minutes = 60
welcome = 5
closing = 5
lunch = 0
lessons = ["00", "01"]

[[profile]]
name = "Somebody"
who = "Works."
wants = "To know."
lessons = ["00"]

[lesson.00]
pause = [{ at = "First part", ask = "What do you expect here?" }]
leave_out = ["Second part"]
misunderstandings = ["It is hard. It is not."]
verdicts = [{ claim = "It is hard", says = "It is not." }]

[lesson.01]
pause = [{ at = "First part", ask = "What do you expect here?" }]
leave_out = ["Second part"]
misunderstandings = ["It is hard. It is not."]
verdicts = [{ claim = "It is hard", says = "It is not." }]
"""


@pytest.fixture
def taught_course(small_course: Course) -> Course:
    """The small course with notebooks of two sections each, and a workshop.toml without a fault."""
    (small_course.root / "notebooks" / teaching.FILE).write_text(SMALL_TOML, encoding="utf-8")
    for lesson in small_course.lessons:
        cells = [new_markdown_cell(LESSON_TEXT.split("### Myth")[0]), new_code_cell("1 + 1", execution_count=1)]
        cells += [new_markdown_cell("### Myth" + LESSON_TEXT.split("### Myth")[1])]
        nbformat.write(new_notebook(cells=cells), small_course.notebook(lesson))
    return small_course


# A lesson taken apart


def test_a_lesson_falls_into_its_sections() -> None:
    found = anatomy.sections(new_notebook(cells=[new_markdown_cell(LESSON_TEXT)]))
    assert [section.heading for section in found] == [
        anatomy.OPENING, "First part", "Second part", "Summary", "Copy and paste", "What's next",
    ]  # fmt: skip
    assert [section.heading for section in found if anatomy.is_taught(section)] == ["First part", "Second part"]
    assert [block.kind for block in found[1].blocks] == ["prose", "list", "heading"]
    assert found[1].myths == ["It is hard"] and "More words" in found[2].prose


def test_blocks_of_markdown_are_told_apart() -> None:
    text = "Some words\nand more\n# Heading\nWords below it\n```bash\nls\n\n# no heading\n```\n"
    text += "| a |\n|---|\n| b |\n\n1. one\n2. two\n\n<b>x</b>"
    blocks = list(anatomy.markdown_blocks(text))
    assert [block.kind for block in blocks] == ["prose", "heading", "prose", "fence", "table", "list", "html"]
    assert blocks[3].text == "```bash\nls\n\n# no heading\n```"


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_minutes_of_the_sections_add_up_to_the_lessons(lesson: Lesson) -> None:
    found = anatomy.lesson_sections(COURSE, lesson)
    minutes = anatomy.minutes(lesson, found)
    assert sum(minutes.values()) == lesson.minutes and min(minutes.values()) >= 1
    assert not set(minutes) & set(anatomy.NOT_TAUGHT)
    assert sorted(number for section in found for number in section.exercises) == [one.number for one in exercises.of_lesson(lesson.number)]


def test_a_section_with_an_exercise_takes_longer(taught_course: Course) -> None:
    lesson = replace(taught_course.lessons[0], minutes=30)
    before = anatomy.minutes(lesson, anatomy.lesson_sections(taught_course, lesson))
    notebook = gates.read_notebook(taught_course.notebook(lesson))
    notebook.cells.append(new_markdown_cell("## Second part"))
    notebook.cells.append(new_code_cell('one = exercises.get("00.1")'))
    after = anatomy.minutes(lesson, anatomy.sections(notebook))
    assert after["Second part"] > before["Second part"] and sum(after.values()) == sum(before.values()) == 30


def test_too_few_minutes_and_missing_notebooks_are_named(taught_course: Course) -> None:
    lesson = taught_course.lessons[0]
    with pytest.raises(ValueError, match="at least one for each"):
        anatomy.minutes(replace(lesson, minutes=2), anatomy.lesson_sections(taught_course, lesson))
    nbformat.write(new_notebook(cells=[new_markdown_cell("## Summary")]), taught_course.notebook(lesson))
    with pytest.raises(ValueError, match="no section that teaches"):
        anatomy.lesson_sections(taught_course, lesson)
    taught_course.notebook(lesson).unlink()
    with pytest.raises(ValueError, match=r"00_one\.ipynb is missing"):
        anatomy.lesson_sections(taught_course, lesson)


# workshop.toml


def test_workshop_toml_fits_the_lessons() -> None:
    assert teaching.faults(COURSE, KNOWN) == []


def test_the_gate_accepts_a_small_course_without_faults(taught_course: Course) -> None:
    assert teaching.faults(taught_course, teaching.read_teaching(taught_course)) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[lesson.01]", "[lesson.07]", "no entry for lesson 01"),
        ("[lesson.01]", "[lesson.07]", "lesson 07, which is not in course.toml"),
        ('at = "First part"', 'at = "Gone part"', "no section 'Gone part'"),
        ('leave_out = ["Second part"]', 'leave_out = ["Summary"]', "no section 'Summary'"),
        ('leave_out = ["Second part"]', 'leave_out = ["First part", "Second part"]', "leaves nothing to teach"),
        ('leave_out = ["Second part"]', "leave_out = []", "leave_out is empty"),
        ('claim = "It is hard"', 'claim = "It is easy"', "no verdict on the myth 'It is hard'"),
        ('claim = "It is hard"', 'claim = "It is easy"', "no myth 'It is easy'"),
        ('says = "It is not."', 'says = ""', "no verdict on the myth 'It is hard'"),
        ('ask = "What do you expect here?"', 'ask = "?"', "asks nothing"),
        ('lessons = ["00"]', 'lessons = ["00", "03"]', "names lesson 03"),
        ('lessons = ["00"]', "lessons = []", "names no lesson"),
        ('lessons = ["00", "01"]', 'lessons = ["01", "00"]', "in the course's order"),
    ],
)
def test_the_gate_finds_a_planted_fault(taught_course: Course, old: str, new: str, said: str) -> None:
    file = taught_course.root / "notebooks" / teaching.FILE
    assert old in SMALL_TOML
    file.write_text(SMALL_TOML.replace(old, new), encoding="utf-8")
    assert [fault for fault in teaching.faults(taught_course, teaching.read_teaching(taught_course)) if said in fault]


def test_nothing_passes_because_nothing_was_found(taught_course: Course) -> None:
    found = teaching.faults(taught_course, Teaching())
    assert any("no plan" in fault for fault in found) and any("no profile" in fault for fault in found)
    taught_course.notebook(taught_course.lessons[0]).unlink()
    assert "00_one.ipynb is missing" in teaching.faults(taught_course, teaching.read_teaching(taught_course))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "none in"),
        ("[[plan]\n", "not valid TOML"),
        ('[lesson.00]\nleave_outs = ["x"]', "leave_outs"),
        ('[[profile]]\nname = "x"\nlessons = []', "who"),
        ('[[plan]]\nname = "x"', "days"),
        ('[[plan]]\nname = "x"\ntitle = "x"\ndays = 0\nminutes = 60\nwelcome = 0\nclosing = 0\nlunch = 0\nlessons = []', "days must be"),
    ],
)
def test_a_workshop_toml_that_cannot_be_read_is_refused(taught_course: Course, text: str | None, said: str) -> None:
    file = taught_course.root / "notebooks" / teaching.FILE
    file.unlink() if text is None else file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        teaching.read_teaching(taught_course)


def test_a_plan_is_found_by_its_name() -> None:
    assert KNOWN.plan("two-hours").minutes == 120
    with pytest.raises(ValueError, match="name must be one of 'two-hours'"):
        KNOWN.plan("week")


# Timetables


@pytest.mark.parametrize("plan", PLANS)
def test_every_timetable_comes_out_to_the_minute_with_breaks(plan: Plan) -> None:
    found = syllabus.schedule(COURSE, KNOWN, plan)
    assert syllabus.faults(found) == []
    assert len(found.days) == plan.days and all(sum(entry.minutes for entry in day) == plan.minutes for day in found.days)
    assert any(entry.kind == "break" for day in found.days for entry in day)
    assert sum(entry.kind == "lunch" for day in found.days for entry in day) == (plan.days if plan.lunch else 0)


@pytest.mark.parametrize("plan", PLANS)
def test_a_timetable_teaches_or_leaves_out_every_section_of_its_lessons_once(plan: Plan) -> None:
    found = syllabus.schedule(COURSE, KNOWN, plan)
    taught = [piece for day in found.days for entry in day if entry.lesson for piece in entry.pieces]
    assert found.lessons == list(plan.lessons)
    for number in plan.lessons:
        lesson = COURSE.lesson(number)
        wanted = anatomy.minutes(lesson, anatomy.lesson_sections(COURSE, lesson))
        got = {piece.heading: piece.minutes for piece in (*taught, *found.left_out) if piece.lesson == number}
        assert got == wanted
        assert {piece.heading for piece in found.left_out if piece.lesson == number} <= set(KNOWN.hints[number].leave_out)
    assert len({(piece.lesson, piece.heading) for piece in taught}) == len(taught)


def test_the_three_plans_that_were_asked_for_are_there() -> None:
    assert {(plan.days, plan.minutes) for plan in KNOWN.plans} == {(1, 120), (1, 240), (2, 480)}


def test_a_plan_that_cannot_fit_says_by_how_much(taught_course: Course) -> None:
    known = teaching.read_teaching(taught_course)
    lessons = [replace(lesson, minutes=60) for lesson in taught_course.lessons]
    course = replace(taught_course, lessons=tuple(lessons))
    with pytest.raises(ValueError, match=r"plan 'short' has 50 minutes for \d+"):
        syllabus.schedule(course, known, known.plans[0])


def test_what_may_be_left_out_goes_only_when_it_must(taught_course: Course) -> None:
    known = teaching.read_teaching(taught_course)
    assert syllabus.schedule(taught_course, known, known.plans[0]).left_out == ()
    lessons = tuple(replace(lesson, minutes=27) for lesson in taught_course.lessons)
    found = syllabus.schedule(replace(taught_course, lessons=lessons), known, known.plans[0])
    assert [piece.heading for piece in found.left_out] == ["Second part"]


PLAN = Plan("p", "P", 1, 100, 0, 0, 0, ("00",))


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ([("lesson", 0, 90), ("break", 90, 5)], "95 minutes of 100"),
        ([("lesson", 0, 95), ("break", 95, 5)], "95 minutes without a break"),
        ([("lesson", 0, 60), ("lesson", 60, 40)], "100 minutes without a break"),
        ([("lesson", 0, 60), ("break", 65, 40)], "a gap"),
        ([("other", 0, 50), ("break", 50, 10), ("other", 60, 40)], "teaches nothing"),
    ],
)
def test_a_bad_timetable_is_noticed(day: list[tuple[str, int, int]], said: str) -> None:
    entries = [Entry(kind, start, minutes, "00" * (kind == "lesson"), (Piece("", kind, minutes),)) for kind, start, minutes in day]
    assert [fault for fault in syllabus.faults(Schedule(PLAN, (tuple(entries),), ())) if said in fault]


def test_clock_times_are_added_and_checked() -> None:
    assert syllabus.clock("09:00", 95) == "10:35" and syllabus.clock("9:05", 0) == "09:05"
    syllabus.check_start("22:20", PLAN)
    for start in ("22:21", "25:00", "9", "nine", "09:60"):
        with pytest.raises(ValueError, match="start must be"):
            syllabus.check_start(start, PLAN)


# Pages


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages, where `make syllabus` puts them, in a copy of nothing but the folders that links lead to."""
    root = tmp_path_factory.mktemp("course")
    (root / "notebooks").mkdir()
    for lesson in COURSE.lessons:
        (root / "notebooks" / COURSE.notebook(lesson).name).write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    pages.write_pages(COURSE, KNOWN, root / "build" / "workshop", "13:30")
    return root / "build" / "workshop"


def test_every_link_of_the_pages_leads_somewhere(written: Path) -> None:
    found = sorted(written.rglob("*.md"))
    assert len(found) == 3 + len(KNOWN.plans) + len(COURSE.lessons)
    assert [fault for path in found for fault in gates.links_resolve(path)] == []


def test_a_timetable_begins_when_it_is_told_to(written: Path) -> None:
    text = (written / "syllabus_half-day.md").read_text(encoding="utf-8")
    assert "| 13:30 to 13:40 | 10 | Welcome" in text and "to 17:30 |" in text
    assert "For afterwards:" in text and "breaks included" in text


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_notes_on_a_lesson_hold_what_a_teacher_needs(lesson: Lesson, written: Path) -> None:
    text = (written / "notes" / f"{lesson.stem}.md").read_text(encoding="utf-8")
    hints = KNOWN.hints[lesson.number]
    for wanted in (
        *hints.misunderstandings,
        *[pause.ask for pause in hints.pause],
        *hints.leave_out,
        *[verdict.says for verdict in hints.verdicts],
        f"**{lesson.minutes} minutes**",
    ):
        assert wanted in text
    for exercise in exercises.of_lesson(lesson.number):
        assert f"## Exercise {exercise.number}: {exercise.title}" in text
        assert text.count("\n> ") >= len(exercise.wrong_answers)
        assert all(pages._spoken(hint) in text for hint in exercise.hints)


def test_most_wrong_answers_are_shown_with_the_whole_hint_that_they_get() -> None:
    hints = [(one, wrong.hint) for one in exercises.every().values() for wrong in one.wrong_answers]
    whole = [pages.full_hint(exercise, words) for exercise, words in hints]
    assert all(words in told for (_, words), told in zip(hints, whole, strict=True))
    assert sum(not told.startswith("… ") for told in whole) > 0.8 * len(whole)
    assert pages.full_hint(exercises.get("00.1"), "no such words") == "… no such words …"


def test_the_glossary_is_sorted_and_complete(written: Path) -> None:
    names = re.findall(r"(?m)^- \*\*(.+?)\*\*:", (written / "glossary.md").read_text(encoding="utf-8"))
    assert names == sorted((term.name for term in COURSE.glossary), key=str.casefold)
    with pytest.raises(ValueError, match="must have a glossary"):
        pages.glossary(replace(COURSE, glossary=()))


def test_what_lessons_build_on_and_a_profile_lacks_is_said() -> None:
    profile = Profile("x", "y", "z", ("00", "03"))
    assert "lesson 03 builds on [02 ·" in pages.learners(COURSE, [profile])


def test_a_bad_start_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="start must be a time of day"):
        pages.write_pages(COURSE, KNOWN, tmp_path / "out", "soon")
    assert not (tmp_path / "out").exists()


# The commands


def test_the_commands_write_into_build_and_say_where(
    taught_course: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "REPOSITORY", taught_course.root)
    monkeypatch.setattr(registry, "read_course", lambda: taught_course)
    assert __main__.main(["syllabus", "--start", "13:30"]) == 0
    assert "6 pages, clock times from 13:30" in capsys.readouterr().out
    assert "13:30 to 13:35" in (taught_course.root / "build" / "workshop" / "syllabus_short.md").read_text(encoding="utf-8")
    toml = taught_course.root / "notebooks" / teaching.FILE
    toml.write_text(SMALL_TOML.replace('at = "First part"', 'at = "Gone"'), encoding="utf-8")
    assert __main__.main(["syllabus"]) == 1 and "no section 'Gone'" in capsys.readouterr().err
    assert __main__.main(["slides", "--lesson", "99"]) == 1 and "number must be one of" in capsys.readouterr().err


# Folders, all or nothing


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with folders.replaced(target) as part:
        (part / "old").touch()
    with pytest.raises(KeyboardInterrupt), folders.replaced(target) as part:
        (part / "new").touch()
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["out"] and (target / "old").exists()
    with folders.replaced(target) as part:
        (part / "new").touch()
    assert (target / "new").exists() and not (target / "old").exists() and len(list(tmp_path.iterdir())) == 1


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(ValueError, match="folder must be one that this command has written"), folders.replaced(tmp_path / "mine"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="folder must be one"), folders.replaced(tmp_path / "file"):
        pass
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_hints_have_defaults_and_pauses_are_pairs() -> None:
    assert Hints().pause == () and Pause("a", "b").ask == "b"
