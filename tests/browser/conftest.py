"""What the browser tests share: one Chromium, one JupyterLab over copies of the notebooks, and pictures of what failed.

`make test-browser` runs them; options go in BROWSER_ARGS: `--lessons all` or `--lessons 03,07`, `--keep-screenshots`, and pytest's own, as
`-s`, which prints how long each panel took to answer, or `-k TokenExplorer`.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.lab import FAILED, PICTURES, Lab, photograph, started_lab, wants_picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
QUIET = (
    "--no-sandbox",  # a container's root cannot have one, and only this machine's own pages are opened
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
QUICK_LESSONS = "00,04,05"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lessons", default=QUICK_LESSONS, help=f"lessons to run in the browser: numbers, or all (default {QUICK_LESSONS})")
    parser.addoption("--keep-screenshots", action="store_true", help="keep a picture of every test, not only of those that fail")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    if report.skipped and isinstance(report.longrepr, tuple):
        # As if all were skipped in one place: pytest then gives the reason once, not once a test.
        report.longrepr = (str(Path(__file__).parent), None, report.longrepr[2].removeprefix("Skipped: "))
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """The Chromium that is installed. Without one, or without the driver, the test is skipped and says what to install."""
    api = pytest.importorskip("playwright.sync_api", reason="The browser tests need requirements-web.txt: run make test-browser.")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip("No browser found: install Chromium (on Debian, apt-get install chromium) or Google Chrome.")
    with api.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=executable, args=list(QUIET))
        yield running
        running.close()


@pytest.fixture(scope="session")
def lab(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One running JupyterLab."""
    with started_lab(browser, tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(autouse=True)
def pictures(request: pytest.FixtureRequest, browser: "Browser") -> Iterator[None]:
    """A picture of every open page when a test fails, in build/browser."""
    yield
    if wants_picture(request):
        photograph(browser, PICTURES, request.node.name)
