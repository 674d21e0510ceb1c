"""Folders that are written whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers import arguments


@contextmanager
def replaced(folder: Path | str) -> Iterator[Path]:
    """Yield an empty folder beside `folder`, which takes its place at the end. After an error or Ctrl-C, what was there stays.

    ValueError if `folder` is a file, or a folder that these functions did not write (it has no marker file), so that a slip in a path
    deletes nothing.
    """
    folder = arguments.path(folder, "folder")
    if folder.exists() and not (folder.is_dir() and ((folder / MARKER).is_file() or not any(folder.iterdir()))):
        raise ValueError(f"folder must be one that this command has written, or none yet, got {str(folder)!r}, which holds other things.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        yield part
        (part / MARKER).write_text("Written by the course's own commands, which replace this folder.\n", encoding="utf-8")
        if folder.exists():
            folder.replace(old)
        part.replace(folder)
    finally:
        if old.exists() and not folder.exists():  # stopped between the two renames
            old.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(part, ignore_errors=True)


MARKER = ".generated"
