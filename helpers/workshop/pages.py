"""The pages of the workshop kit in Markdown: timetables, a page of notes for each lesson, learners, glossary, and an index."""

import ast
import inspect
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from helpers import arguments, exercises
from helpers.course.registry import Course, Lesson
from helpers.exercises import Exercise
from helpers.workshop import anatomy, folders, syllabus
from helpers.workshop.slides import clean_code
from helpers.workshop.syllabus import Entry, Schedule
from helpers.workshop.teaching import Hints, Profile, Teaching

NOTEBOOKS = "../../notebooks/"  # as seen from build/workshop; the pages of single lessons lie one folder deeper


@arguments.typed
def write_pages(course: Course, teaching: Teaching, folder: Path, start: str = "09:00") -> list[Path]:
    """Write all pages into `folder`, all or nothing, with clock times from `start`; return them. What stood in the folder goes."""
    pages = {
        "README.md": index(course, teaching),
        "glossary.md": glossary(course),
        "learners.md": learners(course, teaching.profiles),
    }
    for plan in teaching.plans:
        syllabus.check_start(start, plan)
        found = syllabus.schedule(course, teaching, plan)
        if wrong := syllabus.faults(found):
            raise ValueError("; ".join(wrong))
        pages[f"syllabus_{plan.name}.md"] = timetable(course, found, start)
    for lesson in course.lessons:
        pages[f"notes/{lesson.stem}.md"] = notes(course, lesson, teaching)
    with folders.replaced(folder) as part:
        for name, text in pages.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


@arguments.typed
def index(course: Course, teaching: Teaching) -> str:
    """The first page: what there is, and what to do before the day."""
    plans = [f"- [{plan.title}](syllabus_{plan.name}.md)" for plan in teaching.plans]
    lessons = [f"- [{lesson.heading}](notes/{lesson.stem}.md), {lesson.minutes} minutes" for lesson in course.lessons]
    return _page(
        f"# {course.title}: teaching it",
        "The minutes are those that one learner takes, from course.toml. A class that asks takes longer: a plan with fewer "
        "lessons, or with time left over for the learners' own texts, is the better plan.",
        "## Before the day\n\n"
        "1. Read [who comes](learners.md), and choose a timetable.\n"
        "2. On the operating system and with the Python of the learners' machines, run `make workshop-bundle`: one folder with everything, "
        "from which a machine installs without a network. Hand it out on sticks or over a shared drive; its README.txt says what to do.\n"
        "3. Run `make slides`: a page for each lesson, with speaker notes (press S).\n"
        "4. Let everybody run `python -m helpers doctor` a day before. It says in one line each what is missing.",
        "## Timetables\n\n" + "\n".join(plans),
        "## Notes on each lesson\n\n" + "\n".join(lessons),
        "## Terms\n\n[The glossary](glossary.md), with the lesson that defines each term.",
    )


@arguments.typed
def glossary(course: Course) -> str:
    """All terms of the course in alphabetical order, each with the lesson that defines it. ValueError if there is none."""
    if not course.glossary:
        raise ValueError("course must have a glossary, got none.")
    lines = []
    for term in sorted(course.glossary, key=lambda term: term.name.casefold()):
        lesson = course.lesson(term.lesson)
        lines.append(f"- **{term.name}**: {term.means} ([{lesson.number}]({NOTEBOOKS}{lesson.stem}.ipynb))")
    return _page("# Glossary", "\n".join(lines))


@arguments.typed
def learners(course: Course, profiles: Sequence[Profile]) -> str:
    """The kinds of people who come, and the lessons for each."""
    return _page("# Who comes", "People to think of when you choose what to teach.", *[_learner(course, one) for one in profiles])


def _learner(course: Course, profile: Profile) -> str:
    lessons = [course.lesson(number) for number in profile.lessons]
    lines = [f"## {profile.name}", "", profile.who, "", f"**Wants:** {profile.wants}", ""]
    lines += [f"**Lessons** ({sum(lesson.minutes for lesson in lessons)} minutes):", ""]
    lines += [f"- [{lesson.heading}](notes/{lesson.stem}.md)" for lesson in lessons]
    lines += ["", _gap(course, profile.lessons)]
    return "\n".join(lines).rstrip()


def _gap(course: Course, numbers: Sequence[str]) -> str:
    """What the lessons build on and is not among them."""
    needed = {need: number for number in numbers for need in course.lesson(number).needs if need not in numbers}
    if not needed:
        return ""
    told = "; ".join(
        f"lesson {number} builds on [{course.lesson(need).heading}](notes/{course.lesson(need).stem}.md)" for need, number in needed.items()
    )
    return f"Not among them: {told}. Tell in two minutes what is needed of it."


# Timetables


@arguments.typed
def timetable(course: Course, found: Schedule, start: str) -> str:
    """A plan as a page: a table for each day, what is left out, and the lessons for afterwards."""
    plan = found.plan
    tables = []
    for number, day in enumerate(found.days, start=1):
        title = f"## Day {number}" if plan.days > 1 else "## Timetable"
        rows = [_row(course, entry, start) for entry in day]
        tables.append("\n".join([title, "", "| time | minutes | what |", "|---|---:|---|", *rows]))
    return _page(f"# {plan.title}", _summary(found), *tables, _left_out(course, found), _afterwards(course, found))


def _summary(found: Schedule) -> str:
    plan = found.plan
    length = f"{plan.days} days of {plan.minutes} minutes" if plan.days > 1 else f"{plan.minutes} minutes"
    solved = [number for day in found.days for entry in day for piece in entry.pieces for number in piece.exercises]
    return f"{length}, breaks included; {len(found.lessons)} lessons, {len(solved)} exercises ({', '.join(solved)})."


def _row(course: Course, entry: Entry, start: str) -> str:
    time = f"{syllabus.clock(start, entry.start)} to {syllabus.clock(start, entry.start + entry.minutes)}"
    if not entry.lesson:
        return f"| {time} | {entry.minutes} | {entry.pieces[0].heading} |"
    lesson = course.lesson(entry.lesson)
    parts = "; ".join(f"{_cell(piece.heading)} ({piece.minutes})" for piece in entry.pieces)
    asked = [number for piece in entry.pieces for number in piece.exercises]
    solved = f". Exercises {', '.join(asked)}" if asked else ""
    return f"| {time} | {entry.minutes} | **[{lesson.heading}](notes/{lesson.stem}.md)**: {parts}{solved} |"


def _left_out(course: Course, found: Schedule) -> str:
    if not found.left_out:
        return ""
    lines = ["## Left out", "", "Learners run these cells, because later ones use what they define; they read them another time.", ""]
    for number in dict.fromkeys(piece.lesson for piece in found.left_out):
        headings = "; ".join(f"{piece.heading} ({piece.minutes})" for piece in found.left_out if piece.lesson == number)
        lines.append(f"- {course.lesson(number).heading}: {headings}")
    return "\n".join(lines)


def _afterwards(course: Course, found: Schedule) -> str:
    rest = [lesson for lesson in course.lessons if lesson.number not in found.lessons]
    lines = [f"- [{lesson.heading}]({NOTEBOOKS}{lesson.stem}.ipynb), {lesson.minutes} minutes. {lesson.goal}" for lesson in rest]
    needs = _gap(course, found.lessons)
    told = ([needs, ""] if needs else []) + (["For afterwards:", "", *lines] if lines else [])
    return "\n".join(["## Not taught", "", *told]).rstrip() if told else ""


# Notes on a lesson


@arguments.typed
def notes(course: Course, lesson: Lesson, teaching: Teaching) -> str:
    """The page for whoever teaches this lesson."""
    found = anatomy.lesson_sections(course, lesson)
    hints, minutes = teaching.hints.get(lesson.number, Hints()), anatomy.minutes(lesson, found)
    return _page(
        f"# {lesson.heading}",
        f"{lesson.goal}\n\n{_facts(course, lesson)}",
        f"## Before\n\n{hints.prepare}" if hints.prepare else "",
        _timing(found, minutes, hints),
        "## Where to pause\n\n" + "\n".join(f"- *{pause.at}.* {pause.ask}" for pause in hints.pause),
        _short_of_time(minutes, hints),
        "## What learners believe\n\nThe claim first, then what the lesson shows.\n\n"
        + "\n".join(f"- {line}" for line in hints.misunderstandings),
        _myths(found, hints),
        *[_exercise(exercises.get(number)) for section in found for number in section.exercises],
        _terms(course, lesson),
    )


def _facts(course: Course, lesson: Lesson) -> str:
    needs = ", ".join(f"[{course.lesson(number).heading}]({course.lesson(number).stem}.md)" for number in lesson.needs) or "nothing"
    return f"**{lesson.minutes} minutes** · builds on {needs} · [the lesson](../{NOTEBOOKS}{lesson.stem}.ipynb)"


def _timing(found: Sequence[anatomy.Section], minutes: dict[str, int], hints: Hints) -> str:
    rows = ["| section | minutes | from | exercises | when short |", "|---|---:|---:|---|---|"]
    passed = 0
    for section in found:
        if section.heading in minutes:
            mark = "leave out" if section.heading in hints.leave_out else ""
            asked = ", ".join(section.exercises)
            rows.append(f"| {_cell(section.heading)} | {minutes[section.heading]} | {passed} | {asked} | {mark} |")
            passed += minutes[section.heading]
    return "## Timing\n\nExpected minutes, and the minute at which a section begins.\n\n" + "\n".join(rows)


def _short_of_time(minutes: dict[str, int], hints: Hints) -> str:
    lines, saved = [], 0
    for heading in hints.leave_out:
        saved += minutes.get(heading, 0)
        lines.append(f"1. {heading}: saves {saved} minutes in all")
    told = "In this order. Left out means: not talked about; let learners run the cells, because later ones use what they define."
    return "## What to leave out\n\n" + told + "\n\n" + "\n".join(lines)


def _myths(found: Sequence[anatomy.Section], hints: Hints) -> str:
    claims = [f"- “{claim}” {hints.verdict(claim)}".rstrip() for section in found for claim in section.myths]
    return "## Myths put right in the lesson\n\n" + "\n".join(claims) if claims else ""


def _exercise(exercise: Exercise) -> str:
    lines = [f"## Exercise {exercise.number}: {exercise.title}", "", "What learners hand in, and what it is answered with:", ""]
    for wrong in exercise.wrong_answers:
        lines += [_fenced(clean_code(wrong.code)), "", f"> {_spoken(full_hint(exercise, wrong.hint))}", ""]
    lines += ["Hints that `.hint()` gives, one by one:", "", *[f"1. {_spoken(hint)}" for hint in exercise.hints]]
    lines += ["", "A solution:", "", _fenced(clean_code(exercise.solution_code)), "", f"Then it says: {exercise.praise}"]
    return "\n".join(lines)


def _terms(course: Course, lesson: Lesson) -> str:
    terms = [term for term in course.glossary if term.lesson == lesson.number]
    return "## Terms defined here\n\n" + "\n".join(f"- **{term.name}**: {term.means}" for term in terms) if terms else ""


@arguments.typed
def full_hint(exercise: Exercise, words: str) -> str:
    """The whole text in which an exercise's check says these words; the words themselves where no text in its module has them.

    What depends on the answer stands there as "…".
    """
    module = getattr(exercise.check_answer, "__module__", None)
    return next((text for text in _messages(module) if words in text), f"… {words} …")


@cache
def _messages(module: str | None) -> tuple[str, ...]:
    """The texts with which a module's checks may answer: first those that are raised as they stand, then those kept elsewhere in it."""
    if module not in sys.modules:
        return ()
    tree = _without_exercises(ast.parse(inspect.getsource(sys.modules[module])))
    raised = [call.args[0] for call in ast.walk(tree) if isinstance(call, ast.Call) and _name(call) == "Wrong" and call.args]
    inside = [part for node in raised for part in ast.walk(node)]
    others = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
    return tuple(dict.fromkeys(filter(None, map(_text, [*raised, *inside, *others]))))


def _without_exercises(tree: ast.Module) -> ast.Module:
    """A module without its list of exercises, whose questions and solutions are no answers, and without docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    tree.body = [one for one in tree.body if "Exercise" not in {_name(call) for call in ast.walk(one) if isinstance(call, ast.Call)}]
    return tree


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _text(node: ast.expr | ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return ""


# Markdown


def _page(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _spoken(text: str) -> str:
    """What the course prints, as Markdown that shows it as it is: brackets and stars of code are no links and no emphasis."""
    pieces = " ".join(text.split()).split("`")
    return "`".join(piece if i % 2 else re.sub(r"([\\*_\[\]()<>#|])", r"\\\1", piece) for i, piece in enumerate(pieces))


def _fenced(code: str) -> str:
    return f"```python\n{code}\n```"
