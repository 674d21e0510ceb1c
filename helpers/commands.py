"""What the command line does: build, lab, test, doctor, benchmarks. Each function returns an exit status."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from helpers import arguments
from helpers.course import registry

FIRST_LESSON = "notebooks/00_start_here.ipynb"
# Strict comparison holds where the stored outputs were made. Elsewhere another processor's rounding may move a third decimal,
# so cells are run and their assertions hold, but printed text is not compared.
STRICT_PLATFORM = "linux"


def build_notebooks(number: str | None = None, *, text_only: bool = False) -> int:
    """Execute one lesson, or all and the cheat sheet, and store them; 1 if a gate finds a fault in what was built.

    With `text_only`, nothing is executed: prose, titles and quizzes are brought up to date, and the stored outputs stay.
    """
    from helpers.course import build, gates

    course = registry.read_course()
    lessons = _to_build(course, number)
    faults: list[str] = []
    for position, lesson in enumerate(lessons, start=1):
        print(f"[{position}/{len(lessons)}] {lesson.heading}", file=sys.stderr)
        try:
            changed = build.build_text(course, lesson) if text_only else build.build(course, lesson)
        except build.CodeChanged as error:  # the other lessons can still be brought up to date
            print(error)
            faults.append(str(error))
            continue
        judge = gates.sheet_faults if lesson == registry.CHEAT_SHEET else gates.lesson_faults
        found = judge(gates.read_notebook(course.notebook(lesson)))
        print(f"{course.notebook(lesson).name} {'written' if changed else 'is unchanged'}", *found, sep="\n  - ")
        faults += found
    if build.write_readme(course):
        print("README.md: table of lessons brought up to date")
    return 1 if faults else 0


def _to_build(course: registry.Course, number: str | None) -> list[registry.Lesson]:
    sheet = registry.CHEAT_SHEET
    if number == sheet.stem:
        return [sheet]
    if number:
        return [course.lesson(number)]
    return [*course.lessons, *([sheet] if course.source(sheet).is_file() else [])]


def write_cheat_sheet(folder: Path = registry.REPOSITORY / "build") -> int:
    """Write the cheat sheet as a page to print."""
    from helpers.course import cheat_sheet

    print(f"{cheat_sheet.write(registry.read_course(), folder)}: open it in a browser and print it, two pages in landscape.")
    return 0


def lab_command(options: Sequence[str] = (), root: Path = registry.REPOSITORY) -> list[str]:
    """The command that starts JupyterLab on the repository `root`, at the first lesson, with no look beyond this machine."""
    command = [
        sys.executable, "-m", "jupyterlab",
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=None",
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container: JupyterLab asks root to say so
        command.append("--allow-root")
    return [*command, *options]


def lab_environment() -> dict[str, str]:
    """This process's environment, with settings in which JupyterLab does not ask about news."""
    settings = Path(__file__).parent / "lab_config"
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, [str(settings), os.environ.get("JUPYTER_CONFIG_PATH")]))}


def start_lab(options: Sequence[str] = ()) -> int:
    """Start JupyterLab and stay until it ends."""
    print(f"JupyterLab opens at {FIRST_LESSON}. Stop it with Ctrl-C, twice.", file=sys.stderr)
    command = lab_command(options)
    if os.name == "posix":  # become JupyterLab: whoever stops this process stops the server
        os.chdir(registry.REPOSITORY)
        sys.stderr.flush()
        os.execve(command[0], command, lab_environment())
    return subprocess.call(command, cwd=registry.REPOSITORY, env=lab_environment())


STORED_OUTPUTS = "Every stored output, and every exercise"


def check_everything(number: str | None = None) -> int:
    """Style, types, tests and every stored output; 1 if anything fails. Each step runs, whatever the one before said.

    With the number of a lesson, only that lesson's stored outputs and exercises are checked.
    """
    from helpers.course.build import lesson_environment

    started, failed = time.monotonic(), []
    with _rehearsals(number) as (notebooks, shared):
        checks = [(name, command) for name, command in _checks(notebooks) if number is None or name == STORED_OUTPUTS]
        for name, command in checks:
            print(f"\n== {name}", flush=True)
            with lesson_environment() as environment:
                status = subprocess.call(command, cwd=registry.REPOSITORY, env=environment | shared)
                refused = Path(environment["COURSE_CONNECTION_LOG"]).read_text(encoding="utf-8")
            if refused:
                print(f"A connection beyond this machine was tried:\n{refused}", flush=True)
            if status != 0 or refused:
                failed.append(name)
    minutes = (time.monotonic() - started) / 60
    print(f"\n{'All checks passed' if not failed else 'FAILED: ' + '; '.join(failed)} ({minutes:.1f} minutes).")
    # A plain closing line, in the form that readers of test logs look for.
    print(f"checks: {len(checks) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


@contextlib.contextmanager
def _rehearsals(number: str | None) -> Iterator[tuple[list[Path], dict[str, str]]]:
    """The lessons (or one) with the answers to their exercises, for the length of a check, and the variable for what they share."""
    from helpers.course import rehearsal

    course = registry.read_course()
    left_out = _without_packages(course)
    every = [path for path in sorted((course.root / "notebooks").glob("*.ipynb")) if path not in left_out]
    wanted = every if number is None else [course.notebook(course.lesson(number))]
    # In the repository: pytest looks for its settings in the folders above the notebooks.
    build = course.root / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="check-", dir=build, ignore_cleanup_errors=True) as folder:
        encodings = Path(folder) / "encodings"
        encodings.mkdir()
        yield rehearsal.write_rehearsals(course, wanted, Path(folder)), {rehearsal.ENCODINGS: str(encodings)}


def _checks(notebooks: Sequence[Path]) -> list[tuple[str, list[str]]]:
    python = [sys.executable, "-m"]
    nbval = ["--nbval" if sys.platform == STRICT_PLATFORM else "--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={300}"]
    # Two workers even on one core: most of a lesson is waiting for imports. A lesson stays on one worker (loadscope).
    parallel = ["-n", str(max(2, min(4, os.cpu_count() or 2)))]
    return [
        ("Style", [*python, "ruff", "check", "."]),
        ("Format", [*python, "ruff", "format", "--check", "helpers", "tests"]),
        ("Types", [*python, "mypy"]),
        (STORED_OUTPUTS, [*python, "pytest", "-q", *nbval, *parallel, "--dist=loadscope", *map(str, notebooks)]),
        ("Tests", [*python, "pytest", "-q", *parallel, "--dist=loadgroup", "tests"]),
    ]


def _without_packages(course: registry.Course) -> list[Path]:
    """The notebooks that can't run here, because packages of their lesson are missing; said, so that none is left out in silence."""
    from helpers import doctor

    left_out = [lesson for lesson in course.lessons if doctor.missing_packages(course.root / lesson.requirements)]
    for lesson in left_out:
        print(f"NOT CHECKED: {lesson.heading}: its packages are missing: {lesson.install}", flush=True)
    return [course.notebook(lesson) for lesson in left_out]


def make_site() -> int:
    """Make the site of static pages in build/html; faults in it are an error, which leaves an older site in place."""
    from helpers import site

    target = registry.REPOSITORY / "build" / "html"
    holds = site.build_site(registry.read_course(), target)
    print(f"Checked {holds.pages} pages, {holds.links:,} links between them and {holds.images} pictures.")
    print(f"Open {target / 'index.html'} in a browser; it needs no server and no network.")
    return 0


def write_slides(number: str | None = None) -> int:
    """Write the slides of one lesson, or of all, as self-contained pages into build/slides."""
    from helpers.workshop import deck, teaching

    course, target = registry.read_course(), registry.REPOSITORY / "build" / "slides"
    chosen = [course.lesson(number)] if number else list(course.lessons)
    pages = deck.write_decks(course, teaching.read_teaching(course), target, chosen)
    print(f"{len(pages)} pages of slides. Open {target / 'index.html'} in a browser; S opens the speaker notes. No network is needed.")
    return 0


def write_syllabus(start: str = "09:00") -> int:
    """Write timetables, notes on every lesson, learner profiles and the glossary as Markdown into build/workshop."""
    from helpers.workshop import pages, teaching

    course, target = registry.read_course(), registry.REPOSITORY / "build" / "workshop"
    known = teaching.read_teaching(course)
    if faults := teaching.faults(course, known):
        raise ValueError("; ".join(faults))
    written = pages.write_pages(course, known, target, start)
    print(f"{len(written)} pages, clock times from {start}. Begin with {target / 'README.md'}.")
    return 0


def bundle_workshop(torch_index: str = "") -> int:
    """Collect wheels and lessons in build/workshop-bundle, from which machines like this one install without a network."""
    from helpers.workshop import bundle

    target = registry.REPOSITORY / "build" / "workshop-bundle"
    print(bundle.make_bundle(registry.REPOSITORY, target, registry.read_course().title, torch_index))
    print("Try it before you hand it out: copy the folder, take the network away, and run install.py in the copy.")
    return 0


def examine_machine() -> int:
    """Is this machine ready? One line a check."""
    from helpers import doctor

    return 0 if doctor.report() else 1


def run_benchmark(
    models: Sequence[str],
    *,
    texts: Path | None = None,
    output: Path | None = None,
    add: bool = False,
    picture: Path | None = None,
    **options: Any,
) -> int:
    """Compare models, and print tables; with `output`, write JSON too, and with `picture`, draw one. 130 when Ctrl-C cut it short.

    `texts` is a file with a text a line. With `add`, a report that stands in `output` keeps its rows, and new ones are added. The other
    options are those of `benchmark.benchmark_models`.
    """
    from helpers import benchmark
    from helpers.benchmark import report, workload

    if output is not None:
        report.check_output(output, "output")
    if picture is not None:
        report.check_picture(picture, "plot")
    if add and output is None:
        raise ValueError("add must come with output, the file of the report to add to, got none.")
    older = benchmark.Report.read(output) if add and output is not None and output.exists() else None
    if older is not None and older.versions != benchmark.describe_versions():
        raise ValueError(f"output must be a report of the versions that are installed, to add to it, got {str(output)!r} of others.")
    own = None if texts is None else workload.read_texts(texts)
    status = 0
    try:
        result = benchmark.benchmark_models(models, texts=own, **options)
    except benchmark.Stopped as stopped:
        result, status = stopped.report, 130
    print(result)
    if older is not None:
        result = older.joined(result)
    if output is not None:
        result.write(output)
    if picture is not None:
        result.plot().savefig(picture, dpi=150)
    return status


def run_search_benchmark(vectors: int, rounds: int, output: Path | None = None) -> int:
    """Compare ways to search many vectors, and print a table; with `output`, write JSON too."""
    from helpers.benchmark.search import benchmark_search

    arguments.integer(vectors, "vectors", minimum=1000)
    print(benchmark_search(vectors, rounds=arguments.integer(rounds, "rounds", minimum=1), output=output))
    return 0


def run_course_benchmark(rounds: int = 3, *, lessons: bool = True, output: Path | None = None) -> int:
    """Time the course itself on this machine, and print a table; with `output`, write JSON too."""
    from helpers import benchmark

    arguments.integer(rounds, "rounds", minimum=1)
    result = benchmark.time_the_course(rounds, lessons=lessons)
    print(result)
    if output is not None:
        result.write(output)
    return 0
