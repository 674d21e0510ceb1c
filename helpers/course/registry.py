"""The registry of the course (notebooks/course.toml) and what is derived from it: headers, navigation, README table."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from helpers import arguments

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE_START, TABLE_END = "<!-- lessons: generated from notebooks/course.toml -->", "<!-- /lessons -->"
REQUIREMENTS = "requirements.txt"
REQUIRED = ("number", "slug", "title", "minutes", "needs", "guide", "goal")


@dataclass(frozen=True)
class Lesson:
    """One lesson as the registry has it. `needs` holds numbers of earlier lessons, `guide` sections of the older guide.

    `requirements` is the file, beside the README, of the packages that its cells need.
    """

    number: str
    slug: str
    title: str
    minutes: int
    needs: tuple[str, ...]
    guide: tuple[str, ...]
    goal: str
    requirements: str = REQUIREMENTS

    @property
    def stem(self) -> str:
        """The file name without its ending, for example ``03_encoding_text``."""
        return f"{self.number}_{self.slug}"

    @property
    def heading(self) -> str:
        """The lesson's number and title, for example ``03 · Encode text into vectors``."""
        return f"{self.number} · {self.title}"

    @property
    def install(self) -> str:
        """The command that installs what the lesson's cells need."""
        return f"python -m pip install -r {self.requirements}"


# Not a lesson, and in no list of them: two pages to print. It is written, executed, stored and compared like one.
CHEAT_SHEET = Lesson("cheat", "sheet", "Cheat sheet", 5, (), (), "The calls of the course on two pages to print.")


@dataclass(frozen=True)
class Term:
    """A term of the glossary, the lesson that defines it, and the definition."""

    name: str
    lesson: str
    means: str


@dataclass(frozen=True)
class Course:
    """All lessons in order, and the glossary."""

    root: Path
    title: str
    lessons: tuple[Lesson, ...]
    glossary: tuple[Term, ...]

    def lesson(self, number: str) -> Lesson:
        """The lesson with this number; ValueError names the numbers there are."""
        arguments.choice(number, "number", [lesson.number for lesson in self.lessons])
        return next(lesson for lesson in self.lessons if lesson.number == number)

    def notebook(self, lesson: Lesson) -> Path:
        """The lesson as it ran."""
        return self.root / "notebooks" / f"{lesson.stem}.ipynb"

    def source(self, lesson: Lesson) -> Path:
        """The lesson as it is written."""
        return self.root / "notebooks" / "source" / f"{lesson.stem}.py"

    @property
    def quizzes(self) -> Path:
        """The file with the questions after each lesson."""
        return self.root / "notebooks" / "quizzes.toml"


def read_course(root: Path | str = REPOSITORY) -> Course:
    """Read notebooks/course.toml below `root`. ValueError if it is missing, malformed or names no lesson."""
    root = arguments.path(root, "root").resolve()
    file = root / "notebooks" / "course.toml"
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"root must hold notebooks/course.toml, got {root}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file} is not valid TOML: {error}.") from error
    lessons = tuple(_lesson(entry, file) for entry in data.get("lesson", []))
    if not lessons:
        raise ValueError(f"{file} names no lesson: add a [[lesson]] table.")
    _check_order(lessons, file)
    terms = tuple(Term(name, entry["lesson"], entry["means"]) for name, entry in data.get("glossary", {}).items())
    return Course(root, data["title"], lessons, terms)


def _lesson(entry: dict[str, object], file: Path) -> Lesson:
    missing = [key for key in REQUIRED if key not in entry]
    if missing:
        raise ValueError(f"{file}: lesson {entry.get('number', '?')} lacks {', '.join(missing)}.")
    return Lesson(
        number=arguments.text(entry["number"], "number", empty=False),
        slug=arguments.text(entry["slug"], "slug", empty=False),
        title=arguments.text(entry["title"], "title", empty=False),
        minutes=arguments.integer(entry["minutes"], "minutes", minimum=1),
        needs=tuple(arguments.texts(entry["needs"], "needs", empty=True)),
        guide=tuple(arguments.texts(entry["guide"], "guide", empty=True)),
        goal=arguments.text(entry["goal"], "goal", empty=False),
        requirements=arguments.text(entry.get("requirements", REQUIREMENTS), "requirements", empty=False),
    )


def _check_order(lessons: tuple[Lesson, ...], file: Path) -> None:
    seen: list[str] = []
    for lesson in lessons:
        if seen and lesson.number <= seen[-1]:
            raise ValueError(f"{file}: lesson {lesson.number} stands after lesson {seen[-1]}: numbers must rise.")
        for need in lesson.needs:
            if need not in seen:
                raise ValueError(f"{file}: lesson {lesson.number} needs lesson {need}, which does not come before it.")
        seen.append(lesson.number)


@arguments.typed
def header(course: Course, lesson: Lesson) -> str:
    """The first cell of a lesson, in Markdown: title, minutes and prerequisites."""
    needs = [course.lesson(number) for number in lesson.needs]
    linked = ", ".join(f"[{need.heading}]({need.stem}.ipynb)" for need in needs) or "nothing but Python"
    more = f" · **Needs more packages:** `{lesson.install}`" if lesson.requirements != REQUIREMENTS else ""
    return f"# {lesson.heading}\n\n{lesson.goal}\n\n**Time:** {lesson.minutes} minutes · **Builds on:** {linked}{more}"


@arguments.typed
def navigation(course: Course, lesson: Lesson) -> str:
    """The last cell of a lesson, in Markdown: the lesson before, the lesson after, the list of all."""
    position = course.lessons.index(lesson)
    lines = ["## What's next"]
    if position + 1 < len(course.lessons):
        after = course.lessons[position + 1]
        lines.append(f"- **Next:** [{after.heading}]({after.stem}.ipynb). {after.goal}")
    if position > 0:
        before = course.lessons[position - 1]
        lines.append(f"- **Before:** [{before.heading}]({before.stem}.ipynb)")
    lines.append("- **All lessons:** [the README's table](../README.md#lessons)")
    return lines[0] + "\n\n" + "\n".join(lines[1:])


@arguments.typed
def readme_table(course: Course) -> str:
    """The table of lessons for README.md, with its markers."""
    rows = [f"| [{lesson.heading}](notebooks/{lesson.stem}.ipynb) | {lesson.minutes} | {lesson.goal} |" for lesson in course.lessons]
    head = ["| lesson | minutes | what you take away |", "|---|---|---|"]
    return "\n".join([TABLE_START, *head, *rows, TABLE_END])


@arguments.typed
def with_table(readme: str, course: Course) -> str:
    """The text of README.md with its table of lessons brought up to date. ValueError if the markers are not there."""
    before, start, rest = arguments.text(readme, "readme").partition(TABLE_START)
    _, end, after = rest.partition(TABLE_END)
    if not start or not end:
        raise ValueError(f"readme must hold the markers {TABLE_START} and {TABLE_END}, got a text without them.")
    return before + readme_table(course) + after
