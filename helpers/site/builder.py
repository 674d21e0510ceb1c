"""Building the site: what Sphinx reads, Sphinx, the checks, and the new pages in place of the old ones."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers import arguments
from helpers.course.registry import Course
from helpers.site.checks import Contents, contents, site_faults
from helpers.site.pages import write_source

THEME = Path(__file__).parent / "theme"
NEEDED = ("sphinx", "myst_nb", "furo", "sphinx_copybutton")


class SiteFailed(RuntimeError):
    """The site could not be built, or what was built has faults: the message lists them. The site before it is still in place."""


@arguments.typed
def build_site(course: Course, target: Path) -> Contents:
    """Build the site of a course into the folder `target`, in place of an older site there, and count what it holds.

    Everything is made in a folder beside `target` and takes its place at the end: a failure, Ctrl-C or a full disk leaves the older site
    as it was. Progress goes to stderr. SiteFailed lists what Sphinx or the checks found wrong.
    """
    _check_target(target)
    _check_packages()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".site-", dir=target.parent, ignore_cleanup_errors=True) as work:
        source, pages = Path(work, "source"), Path(work, "html")
        _say(f"[1/3] Collect {len(course.lessons)} lessons, the start page and the glossary")
        write_source(course, source)
        _say("[2/3] Make the pages")
        _run_sphinx(course.title, source, pages)
        _say("[3/3] Look for broken links, images without text, anything loaded from outside")
        if faults := site_faults(pages):
            raise SiteFailed("\n  - ".join([f"The site has {len(faults)} faults; the older one stays in place:", *faults]))
        _put_in_place(pages, target)
    return contents(target)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _check_target(target: Path) -> None:
    if target.exists() and not (target / "index.html").is_file():
        raise ValueError(f"target must be a new folder or one that holds a site, got {str(target)!r}.")


def _check_packages() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SiteFailed(f"The site needs {', '.join(missing)}: python -m pip install -r requirements-web.txt")


def _run_sphinx(title: str, source: Path, pages: Path) -> None:
    """Run Sphinx in a process of its own; each of its warnings is a fault."""
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-c", str(THEME), "-d", str(source.parent / "doctrees"), "-W", "--keep-going"]
    command += ["-D", f"project={title}", "-D", f"html_title={title}", str(source), str(pages)]
    # Sphinx counts the pages it has read on one line of a terminal; elsewhere that would be hundreds of lines.
    progress = sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL
    done = subprocess.run(command, stdout=progress, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode != 0:
        said = done.stderr.replace(f"{source}{os.sep}", "").strip()
        raise SiteFailed(f"Sphinx found faults; the older site stays in place:\n{said}")


def _put_in_place(pages: Path, target: Path) -> None:
    older = pages.with_name("older")  # in the working folder, and deleted with it
    if target.exists():
        target.rename(older)
    try:
        pages.rename(target)
    except BaseException:
        if older.exists():
            older.rename(target)
        raise
    shutil.rmtree(older, ignore_errors=True)
