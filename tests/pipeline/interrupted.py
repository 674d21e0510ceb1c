"""Updates in processes of their own that tests kill: ``python -m tests.pipeline.interrupted FOLDER`` brings a table to its next edition."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from helpers.pipeline import VectorTable
from tests.fake_encoder import REPOSITORY
from tests.pipeline.common import FIELDS, collection, encoder

COUNT = 300
BATCH = 5
SECONDS_A_BATCH = 0.04  # long beside a commit, so that kills come while it encodes and while it writes


def first_edition(folder: Path) -> VectorTable:
    made = VectorTable.create(folder, encoder().manifest, FIELDS)
    made.update(collection(COUNT), encoder(), batch=100, show_progress_bar=False)
    return made


def next_edition(folder: Path) -> None:
    """What is interrupted, and what goes on afterwards: new, changed, relabeled and deleted documents."""
    model = encoder(seconds_a_batch=SECONDS_A_BATCH)
    VectorTable.open(folder).update(collection(COUNT, 1), model, batch=BATCH, delete_missing=True, show_progress_bar=False)


def contents(folder: Path) -> tuple[list[str], list[str], list[object], bytes]:
    """All that a reader finds: ids, hashes of texts, fields, and the bytes of the vectors."""
    made = VectorTable.open(folder)
    ids, hashes, vectors = made.rows()
    rows = made.table.search().select(["id", *FIELDS]).to_arrow().sort_by("id").to_pylist()
    return ids, hashes, rows, np.ascontiguousarray(vectors).tobytes()


class Killed:
    """Kills updates of copies of one table at random moments, and compares what the rerun makes with what no kill disturbed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._base, self._folder = folder / "base", folder
        self._random = random.Random(seed)
        first_edition(self._base)
        whole = self._copy("whole")
        self._run(whole, None)
        self._commits = self._commits_of(whole)
        self.wanted = contents(whole)
        edition = collection(COUNT, 1)
        assert self.wanted[:2] == ([one.id for one in edition], [one.text_sha256 for one in edition]), "it is wrong without a kill too"
        self.first = contents(self._base)

    def kill_and_rerun(self, turn: int) -> tuple[bool, int]:
        """Kill an update, look at what is there, run it again. Returns whether the kill came in the middle, and the commits before it."""
        folder = self._copy(f"turn-{turn}")
        self._run(folder, self._random.randrange(1, self._commits))
        commits = self._commits_of(folder)
        self._is_in_order(folder)
        next_edition(folder)
        assert contents(folder) == self.wanted
        shutil.rmtree(folder)
        return 0 < commits < self._commits, commits

    def _commits_of(self, folder: Path) -> int:
        return len(VectorTable.open(folder).versions()) - len(VectorTable.open(self._base).versions())

    def _is_in_order(self, folder: Path) -> None:
        """Right after the kill: each row is that of the old edition or that of the new one, none is there twice, none is half."""
        ids, hashes, _, _ = contents(folder)
        known = set(zip(*self.first[:2], strict=True)) | set(zip(*self.wanted[:2], strict=True))
        assert len(ids) == len(set(ids)) and set(zip(ids, hashes, strict=True)) <= known

    def _copy(self, name: str) -> Path:
        return shutil.copytree(self._base, self._folder / name)

    def _run(self, folder: Path, commits: int | None) -> None:
        """Update to the end, or kill: a random while, of about a batch, after so many commits. How busy the machine is matters little."""
        command = [sys.executable, "-m", "tests.pipeline.interrupted", os.fspath(folder)]
        with subprocess.Popen(command, cwd=REPOSITORY) as process:
            if commits is None:
                assert process.wait() == 0
                return
            known = len(_versions(self._base))
            while process.poll() is None and len(_versions(folder)) - known < commits:
                time.sleep(0.005)
            time.sleep(self._random.uniform(0, 2 * SECONDS_A_BATCH))
            process.kill()


def _versions(folder: Path) -> list[Path]:
    return list((folder / "vectors.lance" / "_versions").glob("*.manifest"))


if __name__ == "__main__":
    next_edition(Path(sys.argv[1]))
