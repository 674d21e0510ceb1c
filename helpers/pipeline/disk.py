"""LanceDB leaves it to the system when its files reach the disk. A kill loses nothing by that, a power cut can: so we ask for it."""

import contextlib
import os
from pathlib import Path

from helpers import arguments
from helpers.encoding.store import sync_folder


class Written:
    """The files of a folder that are known to be on the disk."""

    def __init__(self, folder: Path) -> None:
        """Take what is in the folder now as on the disk."""
        self._folder = arguments.instance(folder, "folder", Path)
        self._known = self._files()

    def bring_to_disk(self) -> int:
        """Wait until every file that came or changed since the last call is on the disk. Returns how many these were."""
        files = self._files()
        new = [path for path, state in files.items() if self._known.get(path) != state]
        for path in new:
            # another process may have joined small files into one and removed them since
            with contextlib.suppress(FileNotFoundError):
                _sync_file(path)
        for folder in {path.parent for path in new}:
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
