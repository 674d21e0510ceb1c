"""Lessons as a reader meets them: opened in JupyterLab, run from the menu to the last cell."""

import re

import nbformat
import pytest

from helpers.course.registry import Course, read_course
from tests.browser.lab import Lab, run_all

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
LESSON_TIMEOUT_S = 900
BROKEN_WIDGET = re.compile("Error displaying widget|Error creating widget|Failed to load model class|Loading widget...")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a lesson of those that --lessons names."""
    if "number" in metafunc.fixturenames:
        known = [lesson.number for lesson in read_course().lessons]
        asked = metafunc.config.getoption("--lessons", default="all")
        numbers = known if asked == "all" else asked.split(",")
        if unknown := [number for number in numbers if number not in known]:
            raise pytest.UsageError(f"--lessons takes all, or some of {','.join(known)}, got {','.join(unknown)}.")
        metafunc.parametrize("number", numbers)


def test_every_cell_of_the_lesson_runs_in_the_browser(number: str, lab: Lab, course: Course) -> None:
    path = course.notebook(course.lesson(number))
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    taught = {at for at, cell in enumerate(cells, start=1) if "raises-exception" in cell.metadata.get("tags", [])}
    panels = sum(len(re.findall(r"\bwidgets\.[A-Z]\w*\(", cell.source)) for cell in cells)
    lab.refused_connections()
    with lab.opened(lab.put_lesson(path)) as page:
        errors = run_all(page, LESSON_TIMEOUT_S)
        assert not {at: error for at, error in errors.items() if at not in taught}
        assert page.locator("section.course-panel").count() >= panels
        assert page.get_by_text(BROKEN_WIDGET).count() == 0
    assert lab.refused_connections() == []
