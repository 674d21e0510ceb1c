"""A real JupyterLab for the browser tests, over a folder of its own: nothing that a test does reaches the stored lessons."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import nbformat
import pytest

from helpers import benchmark, commands
from helpers.course.build import RUNTIME
from helpers.course.registry import REPOSITORY
from tests.test_lab import TOKEN, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

PICTURES = REPOSITORY / "build" / "browser"
FAILED = pytest.StashKey[bool]()
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
WINDOW: "ViewportSize" = {"width": 1280, "height": 1000}
START_TIMEOUT_MS = 60_000
STANDSTILL_S = 10

# A code cell's number, "*" while it runs, "" before; and what it shows as an error, which JupyterLab draws as it draws stderr.
READ_CELLS = """() => [...document.querySelectorAll('.jp-NotebookPanel .jp-CodeCell')].map((cell) => ({
  number: cell.querySelector('.jp-InputArea-prompt').textContent.replace(/[^0-9*]/g, ''),
  error: [...cell.querySelectorAll('[data-mime-type="application/vnd.jupyter.stderr"]')].map((output) => output.textContent)
    .filter((text) => /Traceback .most recent call last.|Cell In.[0-9]+/.test(text)).join(' ').slice(-500)
}))"""

KERNEL_STATUS = "() => document.querySelector('.jp-NotebookPanel .jp-Notebook-ExecutionIndicator').dataset.status"


class Lab:
    """A running JupyterLab: notebooks are put into its folder, opened in the browser, and run there."""

    def __init__(self, browser: "Browser", server: Server, connections: Path) -> None:
        self.browser, self.server, self._connections = browser, server, connections

    def put(self, name: str, code: Sequence[str]) -> str:
        """Store a notebook of code cells in the folder. Returns its path there."""
        cells = [nbformat.v4.new_code_cell(source) for source in code]
        return self.put_notebook(name, nbformat.v4.new_notebook(cells=cells))

    def put_notebook(self, name: str, notebook: nbformat.NotebookNode) -> str:
        """Store a notebook in the folder, for the kernel of this environment."""
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.server.root / name)
        return name

    def put_lesson(self, path: Path) -> str:
        """Store a lesson without its outputs, so that what shows later comes from the run in the browser."""
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        return self.put_notebook(f"notebooks/{path.name}", notebook)

    @contextmanager
    def opened(self, path: str, theme: Theme = "light") -> Iterator["Page"]:
        """The page that shows a notebook, in a theme, with its kernel at rest. Afterwards page and kernel are gone."""
        with self.browser.new_context(viewport=WINDOW, color_scheme=theme) as context:  # JupyterLab follows the system's colors here
            page = context.new_page()
            try:
                self._show(page, path, theme)
                yield page
            except BaseException:
                photograph(self.browser, PICTURES, f"{path} {theme}")
                raise
            finally:
                for session in self.server.call("GET", "/api/sessions"):
                    self.server.call("DELETE", f"/api/sessions/{session['id']}")

    def _show(self, page: "Page", path: str, theme: Theme) -> None:
        page.goto(f"{self.server.address}/lab/tree/{path}?reset&token={TOKEN}")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=START_TIMEOUT_MS)
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=START_TIMEOUT_MS)
        # It says idle before there is a kernel, too. Who runs a cell then is asked which kernel to take.
        give_up = time.monotonic() + START_TIMEOUT_MS / 1000
        while not any(session["kernel"]["execution_state"] == "idle" for session in self.server.call("GET", "/api/sessions")):
            assert time.monotonic() < give_up, "The kernel does not start"
            page.wait_for_timeout(200)
        page.get_by_text("(ipykernel) | Idle").wait_for(timeout=START_TIMEOUT_MS)
        is_light = "true" if theme == "light" else "false"
        page.wait_for_selector(f'body[data-jp-theme-light="{is_light}"]', state="attached", timeout=START_TIMEOUT_MS)

    def refused_connections(self) -> list[str]:
        """What the kernels tried beyond this machine since the last call."""
        lines = self._connections.read_text(encoding="utf-8").splitlines()
        self._connections.write_text("", encoding="utf-8")
        return lines


def run_all(page: "Page", timeout_s: float = 120) -> dict[int, str]:
    """Run all cells by the menu, as a reader does, until each has its number. AssertionError names the first that did not get there."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    return wait_until_run(page, timeout_s)


def wait_until_run(page: "Page", timeout_s: float) -> dict[int, str]:
    """Wait until each code cell has its number. Returns the errors that are shown, by the position of their code cell from 1."""
    seen: list[str] = []
    since = started = time.monotonic()
    while True:
        cells = page.evaluate(READ_CELLS)
        numbers = [cell["number"] for cell in cells]
        errors = {at: cell["error"].strip() for at, cell in enumerate(cells, start=1) if cell["error"]}
        if numbers and all(number.isdecimal() for number in numbers):
            return errors
        now = time.monotonic()
        # After an error that is taught, waiting cells show no star any more, though they will run: what the kernel does decides.
        if numbers != seen or page.evaluate(KERNEL_STATUS) != "idle":
            seen, since = numbers, now
        if now - since > STANDSTILL_S or now - started > timeout_s:
            unrun = next(position for position, number in enumerate(numbers, start=1) if not number.isdecimal())
            raise AssertionError(f"Code cell {unrun} of {len(numbers)} has not run: {errors or 'no error is shown'}")
        page.wait_for_timeout(200)


@contextmanager
def started_lab(browser: "Browser", folder: Path) -> Iterator[Lab]:
    """JupyterLab over copies of what the lessons read, with settings, kernel profile and progress file of its own."""
    root, connections = folder / "root", folder / "connections.log"
    shutil.copytree(REPOSITORY / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns("source", "*.ipynb", ".*"))
    shutil.copy(REPOSITORY / "requirements.txt", root)
    connections.touch()
    port = benchmark.free_port()
    options = ["--no-browser", f"--port={port}", f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0"]
    with (folder / "jupyterlab.log").open("wb") as log:
        command = commands.lab_command(options, root)
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment(folder, connections))
        try:
            benchmark.wait_until_it_answers(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", process)
            yield Lab(browser, Server(port, root), connections)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _environment(folder: Path, connections: Path) -> dict[str, str]:
    """A reader's environment (progress bars, warnings and live panels), guarded, and apart from the files of whoever runs the tests."""
    themes = folder / "settings" / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    themes.parent.mkdir(parents=True)
    themes.write_text(json.dumps({"adaptive-theme": True}), encoding="utf-8")
    environment = {
        **commands.lab_environment(),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "COURSE_PROGRESS": str(folder / "progress.json"),
        "COURSE_CONNECTION_LOG": str(connections),
        "COURSE_ONLINE": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(RUNTIME / "guard"), os.environ.get("PYTHONPATH")])),
    }
    environment.pop("COURSE_STILL", None)
    return environment


def wants_picture(request: pytest.FixtureRequest) -> bool:
    """Whether a picture is to be kept of this test: it failed, or --keep-screenshots asks for all."""
    return request.node.stash.get(FAILED, False) or bool(request.config.getoption("--keep-screenshots"))


def picture_path(folder: Path, name: str) -> Path:
    """Where the picture of a test of that name is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{'-'.join(re.findall('[A-Za-z0-9]+', name))}.png"


def photograph(browser: "Browser", folder: Path, name: str) -> list[Path]:
    """Pictures of all open pages of the browser, named after the test."""
    pages = [page for context in browser.contexts for page in context.pages]
    taken = [picture_path(folder, f"{name} page {position}") for position in range(1, len(pages) + 1)]
    for page, path in zip(pages, taken, strict=True):
        page.screenshot(path=path)
    return taken
