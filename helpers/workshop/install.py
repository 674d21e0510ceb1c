"""Set the course up from this folder, without a network, then start it. Run it with the Python that README.txt names: python install.py

It makes a virtual environment in the folder .venv beside this file, installs every package from the folder wheels, and looks at the
machine. Copy the whole folder to a disk of this machine first; a memory stick is slow, and the environment cannot be moved afterwards.
"""

# This file is copied into the bundle and runs alone: it imports nothing but Python's own library, and nothing newer than Python 3.8,
# so that an old Python is told what is wrong instead of failing at a comma.

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = ".venv"
REQUIREMENTS = "requirements-beyond.txt"  # it includes requirements.txt
SUMS, MANIFEST = "SHA256SUMS", "bundle.json"
BLOCK = 2**20
SECONDS_BETWEEN_SIGNS = 15.0


class Problem(Exception):
    """Something that the person at the machine can put right; its text says how."""


def main(folder: Path = HERE) -> int:
    """Install from `folder`; the exit status: 0 all is well, 1 something is wrong, 130 stopped by Ctrl-C."""
    started = time.monotonic()
    try:
        _check_machine(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        print("1/4 Files", flush=True)
        print(f"    {_check_files(folder)} files, every byte as it should be", flush=True)
        print(f"2/4 Virtual environment in {VENV}", flush=True)
        python = _make_environment(folder)
        print("3/4 Packages, from the folder wheels: some minutes, and about 3 GB on disk", flush=True)
        _install(folder, python)
        print("4/4 A look at this machine", flush=True)
        status = subprocess.call([str(python), "-m", "helpers", "doctor"], cwd=str(folder))
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run this again to start over; nothing outside this folder has changed.", file=sys.stderr)
        return 130
    if status == 0:
        (folder / VENV / "ready").touch()  # so that make finds everything set up
        print(f"\nInstalled in {(time.monotonic() - started) / 60:.1f} minutes. In this folder, start JupyterLab at the first lesson with")
        print(f"    {python.relative_to(folder)} -m helpers lab")
    return 1 if status else 0


def _check_machine(manifest: dict[str, str]) -> None:
    """Problem unless this Python and this system are those that the wheels were made for."""
    found = this_machine()
    for key, what in (("python", "Python"), ("system", "operating system"), ("processor", "kind of processor")):
        if manifest[key] != found[key]:
            raise Problem(
                f"This bundle was made for {what} {manifest[key]}, and this is {found[key]}. Install the right Python and start "
                "install.py with it, or ask for a bundle made on a machine like this one (make workshop-bundle)."
            )


def this_machine() -> dict[str, str]:
    """What the wheels of a bundle depend on."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return {"python": version, "system": platform.system(), "processor": platform.machine().lower()}


def _check_files(folder: Path) -> int:
    """The number of files, each compared with its SHA-256. Problem names the first that is missing or damaged.

    A lesson that the learner has changed is no damage: a notebook has to be there, whatever it holds.
    """
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    for line in lines:
        wanted, name = line.split("  ", 1)
        if not (folder / name).is_file():
            raise Problem(f"{name} is missing: copy the whole folder again.")
        if not name.startswith("notebooks/") and _sha256(folder / name) != wanted:
            raise Problem(f"{name} is damaged, or has been changed: copy the whole folder again.")
    if not lines:
        raise Problem(f"{SUMS} is empty: copy the whole folder again.")
    return len(lines)


def _sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def _make_environment(folder: Path) -> Path:
    """A fresh virtual environment; returns its python."""
    try:
        venv.create(str(folder / VENV), clear=True, with_pip=True, symlinks=os.name != "nt")
    except subprocess.CalledProcessError as error:
        raise Problem("This Python cannot make virtual environments (on Debian and Ubuntu: install the package python3-venv).") from error
    except OSError as error:
        raise Problem(f"{folder} cannot be written to ({error}): copy the folder to a disk of this machine, and start it there.") from error
    return folder / VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _install(folder: Path, python: Path) -> None:
    """Every pinned package and the course's own, from the folder alone. Problem where pip fails."""
    pip = [
        str(python),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--no-index",
        "--find-links",
        str(folder / "wheels"),
    ]
    steps: list[list[str]] = [["--requirement", REQUIREMENTS], ["--no-deps", "--no-build-isolation", "--editable", "."]]
    for step in steps:
        if _call_and_show_growth([*pip, *step], folder) != 0:
            raise Problem("pip could not install; what it said stands above. Is there enough room on the disk?")


def _call_and_show_growth(command: list[str], folder: Path) -> int:
    """Run a long command that says nothing, and say now and then how much room it has taken, so that nobody thinks it hangs."""
    free = shutil.disk_usage(str(folder)).free
    with subprocess.Popen(command, cwd=str(folder), env=quiet_environment()) as process:
        while True:
            try:
                return process.wait(timeout=SECONDS_BETWEEN_SIGNS)
            except subprocess.TimeoutExpired:
                print(f"    about {max(free - shutil.disk_usage(str(folder)).free, 0) / 1e9:.1f} GB so far", flush=True)


def quiet_environment() -> dict[str, str]:
    """This process's environment without pip's settings: no index of this machine has a say."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    return {**kept, "PIP_CONFIG_FILE": os.devnull}


if __name__ == "__main__":
    sys.exit(main())
