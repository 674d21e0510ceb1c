"""The files of a run: the vectors so far, the checkpoint that counts them, and the lock.

What is here decides whether a run that was stopped can go on, so it writes in one order only: vectors, then the checkpoint, each brought
to the disk before the next. It raises before it changes anything where what it finds is not what it left.
"""

import contextlib
import errno
import hashlib
import io
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from helpers import arguments
from helpers.encoding.identity import ModelIdentity

logger = logging.getLogger(__name__)

WRITTEN_BY = "helpers.encode_large_corpus"
VERSION = 1
MAKE_ROOM = "Make room, then run the same call again to go on"
HEADER_BYTES = 128
READ_AT_ONCE = 4 * 2**20  # bytes
FLOATS = tuple(np.dtype(name).str for name in ("float16", "float32", "float64"))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the partial file holds, and what it was made from.

    Attributes:
        rows: How many vectors are safely on disk.
        dimensions: Dimensions of each.
        dtype: Their type as numpy writes it, for example ``<f4``.
        texts_sha256: Hash of the texts that they were made from, with the length of each.
        vectors_sha256: Hash of their bytes.
        settings: The arguments of the run that decide its bytes.
        model: The model.
    """

    rows: int
    dimensions: int
    dtype: str
    texts_sha256: str
    vectors_sha256: str
    settings: dict[str, Any]
    model: ModelIdentity

    @classmethod
    def from_json(cls, content: bytes) -> "Checkpoint":
        """TypeError, ValueError, KeyError or RecursionError where the content is no checkpoint of this version."""
        data = arguments.instance(json.loads(content), "it", dict)
        if data.pop("written_by", None) != WRITTEN_BY:
            raise ValueError("it was written by something else")
        if (version := data.pop("version", None)) != VERSION:
            raise ValueError(f"its version is {arguments.shown(version)}, this program reads {VERSION}")
        return cls(
            rows=arguments.integer(data["rows"], "rows", minimum=1),
            dimensions=arguments.integer(data["dimensions"], "dimensions", minimum=1),
            dtype=arguments.choice(data["dtype"], "dtype", FLOATS),
            texts_sha256=arguments.text(data["texts_sha256"], "texts_sha256"),
            vectors_sha256=arguments.text(data["vectors_sha256"], "vectors_sha256"),
            settings=arguments.instance(data["settings"], "settings", dict),
            model=ModelIdentity.from_dict(arguments.instance(data["model"], "model", dict)),
        )

    def to_json(self) -> bytes:
        """The content of a checkpoint file."""
        return json.dumps({"written_by": WRITTEN_BY, "version": VERSION, **asdict(self)}, indent=1).encode()


@dataclass(frozen=True, slots=True)
class Files:
    """The file to make and those beside it, and what they must look like."""

    path: Path

    @property
    def partial(self) -> Path:
        """The vectors so far."""
        return self._beside(".partial")

    @property
    def checkpoint(self) -> Path:
        """What is safe of them, and what they were made from."""
        return self._beside(".progress.json")

    @property
    def lock(self) -> Path:
        """Held by the process that writes."""
        return self._beside(".lock")

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def start_over(self) -> str:
        """How to give up an interrupted run, for the end of a message."""
        return f"delete {str(self.checkpoint)!r} and {str(self.partial)!r} to start over"

    def read_checkpoint(self) -> Checkpoint | None:
        """The checkpoint to go on from, None to start. Raises where something is in the way."""
        checkpoint = self._stored_checkpoint()
        if self.path.exists() and (checkpoint is None or self.partial.exists()):
            raise self.in_the_way()
        if checkpoint is None and self.partial.exists() and not self._is_a_beginning():
            raise FileExistsError(
                errno.EEXIST, f"There is no checkpoint to {str(self.partial)!r}, so it is left alone: delete it or choose another path"
            )
        return checkpoint

    def in_the_way(self) -> FileExistsError:
        """The error for a file that has the name already."""
        return FileExistsError(errno.EEXIST, f"{str(self.path)!r} exists and is not overwritten: delete it or choose another path")

    def _stored_checkpoint(self) -> Checkpoint | None:
        try:
            content = self.checkpoint.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return Checkpoint.from_json(content)
        except (TypeError, ValueError, KeyError, RecursionError) as error:
            reason = f"{type(error).__name__}: {error}".rstrip(".")
            raise ValueError(f"{str(self.checkpoint)!r} cannot be read as a checkpoint ({reason}): {self.start_over()}.") from error

    def _is_a_beginning(self) -> bool:
        """Whether the partial file is what a run leaves that was stopped before its first checkpoint: a header of 0 rows, or less."""
        with self.partial.open("rb") as file:
            if len(start := file.read(HEADER_BYTES)) < HEADER_BYTES:
                return np.lib.format.MAGIC_PREFIX.startswith(start[: len(np.lib.format.MAGIC_PREFIX)])
            try:
                return _rows(file) == 0
            except ValueError:
                return False

    def refuse_other_run(self, checkpoint: Checkpoint, settings: dict[str, Any], model: ModelIdentity) -> None:
        """ValueError where a run with these settings and this model would give other vectors."""
        for name, now in settings.items():
            before = checkpoint.settings.get(name)
            if before != now and name == "batch_size":
                logger.warning("batch_size was %s, from here on it is %s: the last digits of vectors may differ.", before, now)
            elif before != now:
                raise ValueError(
                    f"{name} must be what it was in the interrupted run, {arguments.shown(before)}, got {arguments.shown(now)}: "
                    f"change it back, or {self.start_over()}."
                )
        if difference := checkpoint.model.difference(model):
            raise ValueError(
                f"model must be that of the interrupted run, got one in which {difference} is another: load that one, "
                f"or {self.start_over()}."
            )

    def refuse_other_vectors(self, checkpoint: Checkpoint) -> None:
        """FileNotFoundError or ValueError where the vectors are not there as the checkpoint says."""
        place = self.path if self.is_only_renamed() else self.partial
        if not place.exists():
            what = f"{str(place)!r} is missing, to which {str(self.checkpoint)!r} belongs"
            raise FileNotFoundError(errno.ENOENT, f"{what}: put it back, or {self.start_over()}")
        with place.open("rb") as file:
            if fault := _fault(file, checkpoint):
                raise ValueError(f"{str(place)!r} is not what its checkpoint says ({fault}): {self.start_over()}.")

    def is_only_renamed(self) -> bool:
        """Whether a run was stopped between its last two steps: the file has its name, the checkpoint is still there."""
        return self.path.exists() and self.checkpoint.exists() and not self.partial.exists()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock, or RuntimeError where another run holds it. A lock file that a killed process left is nobody's."""
        with self.lock.open("ab") as file:
            # The file could have been deleted between opening and locking it, by a run that just ended.
            if not _lock(file) or not _has_the_name(file, self.lock):
                raise RuntimeError(f"Another run is writing {str(self.path)!r}: wait for it, or choose another path.")
            try:
                yield
            finally:
                if os.name == "posix":
                    self.lock.unlink(missing_ok=True)
        if os.name != "posix":  # where an open file cannot be deleted
            with contextlib.suppress(OSError):
                self.lock.unlink()


class Output:
    """The partial file, open for writing, and its checkpoint. Call `append` for every chunk and `finish` at the end.

    Attributes:
        rows: Vectors that a checkpoint counts.
        dimensions: Of each; None before the first.
        dtype: Their type; None before the first.
        total: How many vectors there will be, None where nobody knows.
    """

    def __init__(
        self, files: Files, checkpoint: Checkpoint | None, settings: dict[str, Any], model: ModelIdentity, total: int | None
    ) -> None:
        self.rows = 0
        self.dimensions: int | None = None
        self.dtype: np.dtype[Any] | None = None
        self.total = total
        self._files = files
        self._settings = settings
        self._model = model
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None
        if checkpoint is not None:
            self._reopen(checkpoint)

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def begin(self, vectors: np.ndarray) -> None:
        """Make the file for vectors like these; OSError where the disk has no room for all of them."""
        self.dimensions, self.dtype = vectors.shape[1], vectors.dtype
        self._check_room()
        with self._disk_errors_in_a_sentence():
            self._file = self._files.partial.open("wb", buffering=0)
            _write(self._file, self._header(0))

    def append(self, vectors: np.ndarray, texts_sha256: str) -> None:
        """Write the vectors of a chunk, and when they are on disk the checkpoint that counts them."""
        if self._file is None:
            self.begin(vectors)
        assert self._file is not None and self.dimensions is not None and self.dtype is not None
        content = vectors.data.cast("B")
        self._hash.update(content)
        checkpoint = Checkpoint(
            rows=self.rows + len(vectors),
            dimensions=self.dimensions,
            dtype=self.dtype.str,
            texts_sha256=texts_sha256,
            vectors_sha256=self._hash.hexdigest(),
            settings=self._settings,
            model=self._model,
        )
        with self._disk_errors_in_a_sentence():
            _write(self._file, content)
            os.fsync(self._file.fileno())
            replace_content(self._files.checkpoint, checkpoint.to_json())
        self.rows = checkpoint.rows

    def finish(self) -> None:
        """Write the number of rows into the header and give the file its name."""
        assert self._file is not None
        with self._disk_errors_in_a_sentence():
            self._file.seek(0)
            _write(self._file, self._header(self.rows))
            os.fsync(self._file.fileno())
        self._file.close()
        if self._files.path.exists():  # made by something else while this ran
            raise self._files.in_the_way()
        self._files.partial.replace(self._files.path)
        sync_folder(self._files.path.parent)
        self._files.checkpoint.unlink(missing_ok=True)

    def kept(self) -> str:
        """What a later run will not have to do again, in a sentence."""
        return f"{self.rows:,} vectors are kept in {str(self._files.partial)!r}." if self.rows else "No chunk was finished yet."

    def _reopen(self, checkpoint: Checkpoint) -> None:
        self.rows, self.dimensions, self.dtype = checkpoint.rows, checkpoint.dimensions, np.dtype(checkpoint.dtype)
        self._check_room()
        with self._disk_errors_in_a_sentence():
            self._file = self._files.partial.open("r+b", buffering=0)
            # A run can be stopped when the number of rows stands in the header already; while vectors are added, it says 0.
            _write(self._file, self._header(0))
            self._file.truncate(self._end())
        while block := self._file.read(READ_AT_ONCE):
            self._hash.update(block)

    def _header(self, rows: int) -> bytes:
        assert self.dimensions is not None and self.dtype is not None
        return _header(rows, self.dimensions, self.dtype)

    def _end(self) -> int:
        """Where the last vector ends that a checkpoint counts. Without a checkpoint nothing counts, not even the header."""
        if not self.rows:
            return 0
        assert self.dimensions is not None and self.dtype is not None
        return HEADER_BYTES + self.rows * self.dimensions * self.dtype.itemsize

    def _check_room(self) -> None:
        if self.total is None or self.dimensions is None or self.dtype is None:
            return
        needed = max(0, self.total - self.rows) * self.dimensions * self.dtype.itemsize
        free = shutil.disk_usage(self._files.path.parent).free
        if free < needed:
            room = f"{_size(needed)} are needed for {str(self._files.path)!r}, {_size(free)} are free"
            raise OSError(errno.ENOSPC, f"{room}. {self.kept()} {MAKE_ROOM}")

    @contextlib.contextmanager
    def _disk_errors_in_a_sentence(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._drop_what_no_checkpoint_counts()
            what = f"{error.strerror or error}: {str(self._files.partial)!r} could not be written"
            raise OSError(error.errno, f"{what}. {self.kept()} {MAKE_ROOM}") from error

    def _drop_what_no_checkpoint_counts(self) -> None:
        """Half a chunk on a full disk would only take room."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.truncate(self._end())


def _fault(file: BinaryIO, checkpoint: Checkpoint) -> str:
    """What differs between a file of vectors and its checkpoint; empty where nothing does."""
    dtype = np.dtype(checkpoint.dtype)
    # The header says 0 rows until the last step, which can be stopped as well: each byte is that of one of the two headers.
    headers = [_header(rows, checkpoint.dimensions, dtype) for rows in (0, checkpoint.rows)]
    start = file.read(HEADER_BYTES)
    if len(start) < HEADER_BYTES or any(byte not in known for byte, *known in zip(start, *headers, strict=True)):
        return f"its header is not that of {checkpoint.dimensions} dimensions of {dtype}"
    left = checkpoint.rows * checkpoint.dimensions * dtype.itemsize
    held = os.fstat(file.fileno()).st_size - HEADER_BYTES
    if held < left:
        return f"it holds {held:,} of {left:,} bytes"
    digest = hashlib.sha256()
    while left:
        block = file.read(min(left, READ_AT_ONCE))
        digest.update(block)
        left -= len(block)
    return "" if digest.hexdigest() == checkpoint.vectors_sha256 else "its vectors were changed"


def _header(rows: int, dimensions: int, dtype: np.dtype[Any]) -> bytes:
    """The header of a .npy file. numpy pads it, so that a number of rows written later does not change its length."""
    content = io.BytesIO()
    description = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (rows, dimensions)}
    np.lib.format.write_array_header_1_0(content, description)
    if len(content.getvalue()) != HEADER_BYTES:
        raise RuntimeError(f"numpy {np.__version__} writes headers of {len(content.getvalue())} bytes; {HEADER_BYTES} were expected.")
    return content.getvalue()


def _rows(file: BinaryIO) -> int:
    """The number of rows in the header of a .npy file; ValueError where it is none."""
    file.seek(0)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("not version 1.0")
    shape, _, _ = np.lib.format.read_array_header_1_0(file)
    if len(shape) != 2:
        raise ValueError("not one vector a row")
    return int(shape[0])


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:,.2f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:,.2f} MiB"


def _write(file: BinaryIO, content: bytes | memoryview) -> None:
    """All of it: a single write can stop short where the disk fills up or the content is very large."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


@arguments.typed
def replace_content(path: Path, content: bytes) -> None:
    """Write a file so that it has, at any moment, all of its old or all of its new content."""
    new = path.with_name(path.name + ".new")
    try:
        with new.open("wb", buffering=0) as file:
            _write(file, content)
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


@arguments.typed
def sync_folder(folder: Path) -> None:
    """A new name too should survive a power cut. Not every system lets one ask for it, and a kill alone loses no name."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _has_the_name(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
