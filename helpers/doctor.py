"""Is this machine ready for the course? One line a check, and what to do where the answer is no."""

import importlib.metadata
import platform
import shutil
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers import arguments

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 14)  # for which every pinned package has a wheel
MEMORY_NEEDED_GIB = 2.0
DISK_NEEDED_GIB = 1.0
GIB = 1024**3
# Who carries the interactive parts into JupyterLab, as folders below share/jupyter/labextensions, and the packages that bring them.
WIDGET_EXTENSIONS = ("anywidget", "@jupyter-widgets/jupyterlab-manager")
WIDGET_PACKAGES = ("anywidget", "ipywidgets", "jupyterlab-widgets")
REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements.txt"
BEYOND = REQUIREMENTS.with_name("requirements-beyond.txt")
INSTALL_BEYOND = f"python -m pip install -r {BEYOND.name}"


@dataclass(frozen=True)
class Check:
    """The outcome of one check: what was looked at, whether it is well, what was found, and what to do where it is not."""

    name: str
    ok: bool
    found: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{'ok  ' if self.ok else 'FAIL'}  {self.name:<8}  {self.found}"
        return line if self.ok else f"{line}\n      -> {self.advice}"


def check_python() -> Check:
    """The Python version, and whether this is a virtual environment's."""
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    ok = OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON
    return Check("python", ok, found, "install a Python from 3.11 to 3.14 and set the course up again with it")


def check_packages() -> Check:
    """Every pin of requirements.txt against what is installed in this environment."""
    if not REQUIREMENTS.is_file():
        return Check(
            "packages", False, "requirements.txt is not beside the helpers package", "install helpers from the course's repository"
        )
    pins = pinned(REQUIREMENTS.read_text(encoding="utf-8"))
    wrong = [
        f"{name} {installed_version(name) or 'missing'} (pinned: {version})" for name, version in pins.items() if _differs(name, version)
    ]
    found = f"{len(pins) - len(wrong)} of {len(pins)} pinned packages are installed as pinned"
    return Check(
        "packages", not wrong, found + (": " + ", ".join(wrong[:3]) if wrong else ""), "run: python -m pip install -r requirements.txt"
    )


def check_model() -> Check:
    """The packaged model, every byte of it."""
    from helpers import hub

    try:
        hub.activate(verify=False)
    except hub.HubError as error:
        return Check("model", False, "the model all-MiniLM-L6-v2 is not usable", str(error))
    where = "loads from the Hugging Face Hub (COURSE_ONLINE=1)" if hub.is_online() else "every byte checked, works offline"
    return Check("model", True, f"all-MiniLM-L6-v2: {where}")


def check_memory() -> Check:
    """Memory that is free now, in GiB."""
    import psutil

    free = psutil.virtual_memory().available / GIB
    advice = f"close other programs: the lessons need about {MEMORY_NEEDED_GIB:.0f} GiB"
    return Check("memory", free >= MEMORY_NEEDED_GIB, f"{free:.1f} GiB free", advice)


def check_disk() -> Check:
    """Disk space that is free where the course's cache lies, in GiB."""
    from helpers import hub

    folder = hub.cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / GIB
    return Check(
        "disk", free >= DISK_NEEDED_GIB, f"{free:.0f} GiB free", "free some space, or set COURSE_CACHE to a folder on a larger disk"
    )


def check_device() -> Check:
    """Where torch will compute."""
    import torch

    if torch.cuda.is_available():
        found = f"CUDA: {torch.cuda.get_device_name(0)}"
    elif torch.backends.mps.is_available():
        found = "MPS (Apple GPU)"
    else:
        found = f"CPU, {torch.get_num_threads()} threads (all that the course needs)"
    return Check("device", True, found)


def check_kernel() -> Check:
    """Whether notebooks run in this environment."""
    found = installed_version("ipykernel")
    executable = Path(sysconfig.get_path("scripts")).exists()
    return Check("kernel", bool(found) and executable, f"ipykernel {found or 'missing'}", "run: python -m pip install -r requirements.txt")


def check_widgets() -> Check:
    """Whether interactive parts work: the two packages, and JupyterLab's extensions that they bring."""
    missing = [name for name in ("anywidget", "ipywidgets") if installed_version(name) is None]
    missing += [f"JupyterLab's extension {name}" for name in WIDGET_EXTENSIONS if not (lab_extensions() / name / "package.json").is_file()]
    found = (
        "missing: " + ", ".join(missing) if missing else f"anywidget {installed_version('anywidget')} and JupyterLab's extensions for it"
    )
    advice = "run: python -m pip install --force-reinstall --no-deps " + " ".join(f"{name}=={_pin(name)}" for name in WIDGET_PACKAGES)
    return Check("widgets", not missing, found, advice)


def lab_extensions() -> Path:
    """The folder of JupyterLab's extensions in this environment."""
    return Path(sysconfig.get_path("data")) / "share" / "jupyter" / "labextensions"


def _pin(name: str) -> str:
    return pinned(REQUIREMENTS.read_text(encoding="utf-8"))[name] if REQUIREMENTS.is_file() else "*"


def check_beyond() -> Check:
    """Whether the packages are there that only the lessons on many machines and on training need; well without them, too."""
    missing = missing_packages(BEYOND)
    found = f"not installed yet, and only the lessons that say so need them: {INSTALL_BEYOND}" if missing else "installed"
    return Check("beyond", True, f"the packages of {BEYOND.name}: {found}")


@arguments.typed
def missing_packages(requirements: Path) -> list[str]:
    """The distributions that a requirements file names and this environment lacks; not those that it includes with ``-r``."""
    pins = pinned(requirements.read_text(encoding="utf-8")) if requirements.is_file() else {}
    return [name for name in pins if installed_version(name) is None]


CHECKS: tuple[Callable[[], Check], ...] = (
    check_python, check_packages, check_beyond, check_model, check_kernel, check_widgets, check_memory, check_disk, check_device,
)  # fmt: skip


def run_checks() -> list[Check]:
    """All checks, in order. A check that itself fails counts as a failure and says why."""
    return [_guarded(check) for check in CHECKS]


def report() -> bool:
    """Print one line a check and a verdict; return whether all is well."""
    checks = run_checks()
    print(*checks, sep="\n")
    failed = sum(not check.ok for check in checks)
    print("This machine is ready." if not failed else f"{failed} of {len(checks)} checks failed: follow the arrows, then run this again.")
    return not failed


@arguments.typed
def pinned(requirements: str) -> dict[str, str]:
    """The exact pins that hold on this machine in the text of a requirements file, as {name: version}."""
    from packaging.requirements import Requirement

    lines = (line.split("#")[0].strip() for line in requirements.splitlines())
    parsed = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {
        requirement.name: next(iter(requirement.specifier)).version
        for requirement in parsed
        if requirement.marker is None or requirement.marker.evaluate()
    }


@arguments.typed
def installed_version(name: str) -> str | None:
    """The installed version of a distribution, or None."""
    arguments.text(name, "name", empty=False)
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _differs(name: str, version: str) -> bool:
    installed = installed_version(name)
    # torch 2.13.0+cpu is the CPU build of torch 2.13.0.
    return installed is None or installed.split("+")[0] != version


def _guarded(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:
        name = check.__name__.removeprefix("check_")
        return Check(
            name, False, f"the check itself failed: {type(error).__name__}: {error}", "run: python -m pip install -r requirements.txt"
        )
