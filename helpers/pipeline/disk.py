"""A folder on a disk: one process writes at a time, and what it wrote survives a power cut."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from helpers import arguments
from helpers.encoding.store import sync_folder

LOCK = "write.lock"
SETTLED_S = 600  # by then the system has brought a file to the disk by itself


@contextlib.contextmanager
def locked(folder: Path, wait_s: float) -> Iterator[None]:
    """Be the one that writes in a folder; the system ends that with the process, however it ends.

    Raises:
        RuntimeError: Another process was still writing after `wait_s` seconds.
    """
    import filelock

    path = arguments.instance(folder, "folder", Path) / LOCK
    lock = filelock.FileLock(path, timeout=arguments.number(wait_s, "wait_s", minimum=0))
    try:
        lock.acquire()
    except filelock.Timeout:
        raise RuntimeError(f"another process writes to {folder}, and has not ended within wait_s={wait_s:g} seconds.") from None
    try:
        yield
    finally:
        lock.release()


class Written:
    """The files of a folder that are known to be on the disk.

    LanceDB leaves it to the system when its files reach the disk. A kill loses nothing by that, a power cut can: so we ask for it.
    """

    def __init__(self, folder: Path) -> None:
        """Take the old files of the folder as on the disk; a process that was killed may have left young ones that are not."""
        self._folder = arguments.instance(folder, "folder", Path)
        settled = time.time_ns() - SETTLED_S * 10**9
        self._known = {path: state for path, state in self._files().items() if state[1] < settled}

    def bring_to_disk(self) -> int:
        """Wait until every file that came or changed since the last call is on the disk. Returns how many these were."""
        files = self._files()
        new = [path for path, state in files.items() if self._known.get(path) != state]
        for path in new:
            # another process may have joined small files into one and removed them since
            with contextlib.suppress(FileNotFoundError):
                _sync_file(path)
        for folder in {parent for path in new for parent in path.parents if self._folder.parent in (parent, *parent.parents)}:
            with contextlib.suppress(FileNotFoundError):
                sync_folder(folder)
        self._known = files
        return len(new)

    def _files(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for place, _, names in os.walk(self._folder):
            for name in names:
                path = Path(place, name)
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    found[path] = (status.st_size, status.st_mtime_ns)
        return found


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
