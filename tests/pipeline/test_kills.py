"""Updates that are killed, interrupted, or run twice at once: the table is always that of an uninterrupted run in the end."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.pipeline import Document, Encoder, VectorTable
from tests.fake_encoder import REPOSITORY, FakeEncoder
from tests.pipeline import interrupted
from tests.pipeline.common import FIELDS, collection, encoder, needs_lancedb

pytestmark = needs_lancedb


def test_a_kill_at_a_random_moment_loses_nothing(tmp_path: Path) -> None:
    """Three kills; twenty are among the slow checks."""
    kills = interrupted.Killed(tmp_path, seed=3)
    in_the_middle = [kills.kill_and_rerun(turn)[0] for turn in range(3)]
    assert any(in_the_middle), "all three came before the first commit or after the last"


def test_the_comparison_notices_a_row_that_is_lost_changed_or_there_twice(tmp_path: Path) -> None:
    """The planted fault: without it, the test above could pass because it compares nothing."""
    made = interrupted.first_edition(tmp_path / "table")
    good = interrupted.contents(made.folder)
    for spoil in (
        lambda: made.table.delete("id = 'doc-00005'"),
        lambda: made.table.update(where="id = 'doc-00005'", values={"text_sha256": "0"}),
        lambda: made.table.update(where="id = 'doc-00005'", values={"number": -1}),
        lambda: made.table.update(where="id = 'doc-00005'", values={"vector": [0.0] * 8}),
        lambda: made.table.add(made.table.search().where("id = 'doc-00005'").to_arrow().select(made.table.schema.names)),
    ):
        version = made.versions()[-1].number
        spoil()
        assert interrupted.contents(made.folder) != good
        made.restore(version)
        assert interrupted.contents(made.folder) == good


def test_ctrl_c_keeps_what_is_committed_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def pressed() -> Iterator[Document]:
        yield from collection(60)
        raise KeyboardInterrupt

    made = VectorTable.create(tmp_path / "table", encoder().manifest, FIELDS)
    with pytest.raises(KeyboardInterrupt):
        made.update(pressed(), encoder(), batch=25, show_progress_bar=False)
    assert (
        "Stopped. Kept: 50 added, 0 changed, 0 unchanged, 0 deleted; 50 texts embedded. Run the same call again" in capsys.readouterr().err
    )
    assert len(made) == 50
    model = FakeEncoder()
    assert made.update(collection(60), Encoder(model, name="fake"), batch=25, show_progress_bar=False).added == 10


def test_a_model_that_fails_in_the_middle_leaves_whole_batches(tmp_path: Path) -> None:
    class Failing(FakeEncoder):
        def encode(self, texts: list[str], batch_size: int = 32, **options: Any) -> np.ndarray:
            if any("text 40" in text for text in texts):
                raise MemoryError("no more")
            return super().encode(texts, batch_size, **options)

    made = VectorTable.create(tmp_path / "table", encoder().manifest, FIELDS)
    Failing.__name__ = "FakeEncoder"  # not another model: the same numbers, only that it fails
    failing = Encoder(Failing(), name="fake")
    with pytest.raises(MemoryError):
        made.update(collection(60), failing, batch=25, show_progress_bar=False)
    assert len(made) == 25
    made.update(collection(60), encoder(), batch=25, show_progress_bar=False)
    assert len(made) == 60


def test_two_writers_at_once_leave_a_whole_table(tmp_path: Path) -> None:
    """Both want the same edition: the second waits, and finds nothing left to do."""
    folder = interrupted.first_edition(tmp_path / "table").folder
    command = [sys.executable, "-m", "tests.pipeline.interrupted", str(folder)]
    both = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    wanted = interrupted.first_edition(tmp_path / "wanted").folder
    interrupted.next_edition(wanted)
    assert interrupted.contents(folder) == interrupted.contents(wanted)
    assert len(VectorTable.open(folder).versions()) == len(VectorTable.open(wanted).versions()), "nothing was written twice"
