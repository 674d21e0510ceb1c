"""Every snippet of the cheat sheet in a fresh interpreter: some seconds each, because each imports the library."""

from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.test_cheat_sheet import SNIPPETS, heading, run_fresh, script_faults

__all__ = ["run_fresh"]  # the fixture
pytestmark = pytest.mark.soak


@pytest.mark.parametrize("cell", SNIPPETS, ids=heading)
def test_the_snippet_runs_in_a_fresh_interpreter_without_a_warning_and_prints_what_is_stored(
    cell: NotebookNode,
    run_fresh: Callable[[Path, Path], None],
    tmp_path: Path,
) -> None:
    assert script_faults(cell, tmp_path, run_fresh) == []
