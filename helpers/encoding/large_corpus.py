"""Vectors of a corpus larger than memory: chunk by chunk into a .npy file, and on from there after the process was killed.

While `vectors.npy` is being made, three files stand in its place:

- `vectors.npy.partial`: a .npy file whose header says 0 rows until the end, and behind it the vectors so far;
- `vectors.npy.progress.json`, the checkpoint: how many of these vectors are safely on disk, and what they were made from;
- `vectors.npy.lock`: held by the process that writes. The system releases it when the process ends, however it ends.

A checkpoint is written after the vectors that it counts, and takes the place of the one before in one step. So whatever stops a run,
the last checkpoint is true, and what stands behind its last vector in the partial file is written again.
"""

import contextlib
import errno
import hashlib
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np

from helpers import arguments
from helpers.encoding.identity import ModelIdentity
from helpers.encoding.store import FLOATS, Files, Output

Encode = Callable[[list[str]], Any]


def encode_large_corpus(
    model: Any,
    texts: Iterable[str],
    path: str | os.PathLike[str],
    *,
    batch_size: int = 32,
    chunk_size: int = 10_000,
    prompt: str | None = None,
    prompt_name: str | None = None,
    normalize_embeddings: bool = False,
    truncate_dim: int | None = None,
    total: int | None = None,
    show_progress_bar: bool = True,
) -> np.memmap[Any, Any]:
    """The vectors of any number of texts, in a .npy file on disk. Memory holds one chunk of texts and its vectors, never all.

    A run that was stopped (killed, Ctrl-C, a full disk, an error) is resumed by the same call. The texts are then read again from the
    first one and compared with what was encoded; encoding goes on after the last finished chunk. The file has the bytes of a run that
    was not stopped, on the same machine and with the same `batch_size`. That one setting may be changed for a resume, because the usual
    reason to stop is a batch too large for the memory; vectors then differ by rounding.

    Args:
        model: A SentenceTransformer, or anything with its ``encode(texts, batch_size=…, show_progress_bar=…, convert_to_numpy=…)``.
            What else is set below is passed on as well.
        texts: Any iterable of strings with a fixed order: a list, a generator, an open file. A resume needs it from its beginning.
        path: The file to make, ending in ``.npy``. It must not exist. ``.partial``, ``.progress.json`` and ``.lock`` are put behind this
            name while the run lasts; to start over, delete the first two.
        batch_size: Texts that the model reads at once.
        chunk_size: Texts that are encoded between two checkpoints. ``encode`` sorts them by length, so small chunks cost speed.
        prompt: The text that is put before each text.
        prompt_name: Or its name in ``model.prompts``, for example ``"document"``.
        normalize_embeddings: Whether the vectors get length 1.
        truncate_dim: How many dimensions to keep; None for all that the model gives.
        total: The number of texts, where `texts` does not know its own length: for the progress bar, and to look at once whether the
            disk has room. Nothing else depends on it.
        show_progress_bar: Whether to show one.

    Returns:
        The file as a read-only memory-mapped array of shape (texts, dimensions) and of the type that ``encode`` returns; shape
        (0, dimensions) for no texts.

    Raises:
        TypeError, ValueError: An argument of the wrong kind; a text that is no string (earlier chunks are kept); ``encode`` returned NaN
            or another shape; or what is to be resumed belongs to other texts, another model or other settings, or is damaged. Nothing
            is overwritten then.
        FileExistsError: `path` exists, or the partial file is not from here.
        OSError: The disk is full or cannot be written. What was finished is kept.
        RuntimeError: Another process is writing to the same path.
    """
    settings = _settings(batch_size, chunk_size, prompt, prompt_name, normalize_embeddings, truncate_dim)
    encode = _encoder(model, settings)
    corpus = _Corpus(texts)
    files = Files(_target(path))
    total = _length(texts) if total is None else arguments.integer(total, "total", minimum=0, maximum=sys.maxsize)
    show_progress_bar = arguments.boolean(show_progress_bar, "show_progress_bar")
    with files.locked():
        checkpoint = files.read_checkpoint()
        identity = ModelIdentity.of(model, encode)
        if checkpoint is not None:
            files.refuse_other_run(checkpoint, settings, identity)
            files.refuse_other_vectors(checkpoint)
            corpus.skip(checkpoint.rows, checkpoint.texts_sha256, settings["chunk_size"], files)
        if files.is_only_renamed():
            corpus.refuse_more(files)
            files.checkpoint.unlink()
        else:
            with Output(files, checkpoint, settings, identity, total) as output, _said_how_to_go_on(output):
                _encode_the_rest(encode, corpus, output, settings["chunk_size"], show_progress_bar)
    return np.load(files.path, mmap_mode="r")  # type: ignore[no-any-return]


def _encode_the_rest(encode: Encode, corpus: "_Corpus", output: Output, chunk_size: int, show_progress_bar: bool) -> None:
    from tqdm.auto import tqdm

    options = {"desc": "Encoding", "unit": " texts", "disable": not show_progress_bar}
    with tqdm(total=output.total, initial=output.rows, **options) as bar:
        while vectors := _next_vectors(encode, corpus, output, chunk_size):
            output.append(vectors[0], corpus.digest)
            bar.update(len(vectors[0]))
            del vectors  # or the next chunk would be encoded while these are still held
        if not output.rows:
            output.begin(_vectors(encode, [""], output))
        output.finish()


# Arguments


def _settings(
    batch_size: object, chunk_size: object, prompt: object, prompt_name: object, normalize_embeddings: object, truncate_dim: object
) -> dict[str, Any]:
    if prompt is not None and prompt_name is not None:
        raise arguments.wrong_value("prompt_name", prompt_name, "None where prompt is given")
    return {
        "batch_size": arguments.integer(batch_size, "batch_size", minimum=1, maximum=sys.maxsize),
        "chunk_size": arguments.integer(chunk_size, "chunk_size", minimum=1, maximum=sys.maxsize),
        "prompt": None if prompt is None else arguments.text(prompt, "prompt"),
        "prompt_name": None if prompt_name is None else arguments.text(prompt_name, "prompt_name"),
        "normalize_embeddings": arguments.boolean(normalize_embeddings, "normalize_embeddings"),
        "truncate_dim": None if truncate_dim is None else arguments.integer(truncate_dim, "truncate_dim", minimum=1),
    }


def _encoder(model: Any, settings: dict[str, Any]) -> Encode:
    """``model.encode`` with the settings; those left alone are not passed, because a simple encoder may not know them."""
    model = arguments.encoder(model, "model")
    options = {name: value for name, value in settings.items() if name != "chunk_size" and value is not None and value is not False}

    def encode(texts: list[str]) -> Any:
        return model.encode(texts, show_progress_bar=False, convert_to_numpy=True, **options)

    return encode


def _target(path: object) -> Path:
    target = arguments.path(path, "path")
    if target.suffix != ".npy":
        raise arguments.wrong_value("path", str(target), "a path that ends in .npy")
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"path must lie in a folder that exists, got {str(target)!r}")
    return target


def _length(texts: object) -> int | None:
    return len(texts) if hasattr(texts, "__len__") else None


# What is read


class _Corpus:
    """The texts, read once, chunk by chunk, counted and hashed on the way."""

    def __init__(self, texts: object) -> None:
        accepted = "an iterable of strings with a fixed order, such as a list or a generator"
        if isinstance(texts, str | bytes | Mapping | Set):
            raise arguments.wrong_type("texts", texts, accepted)
        try:
            self._iterator: Iterator[object] = iter(texts)  # type: ignore[call-overload]
        except TypeError:
            raise arguments.wrong_type("texts", texts, accepted) from None
        self.count = 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The hash of all texts that were read."""
        return self._hash.hexdigest()

    def chunk(self, size: int) -> list[str]:
        """The next texts, at most `size`; an empty list at the end."""
        chunk = []
        for item in itertools.islice(self._iterator, size):
            if not isinstance(item, str):
                raise arguments.wrong_type(f"texts[{self.count}]", item, "a string")
            content = item.encode("utf-8", "surrogatepass")
            # with their lengths, or "ab", "c" would be hashed like "a", "bc"
            self._hash.update(len(content).to_bytes(8, "little") + content)
            self.count += 1
            chunk.append(str(item))
        return chunk

    def skip(self, rows: int, digest: str, chunk_size: int, files: Files) -> None:
        """Read the texts that are encoded already; ValueError where they are others."""
        while self.count < rows:
            if not self.chunk(min(chunk_size, rows - self.count)):
                raise _changed(f"{self.count:,} came, and {rows:,} are encoded already", files)
        if self.digest != digest:
            raise _changed(f"the first {rows:,} are not those that were encoded", files)
        if rows % chunk_size:  # only the last chunk is a short one
            self.refuse_more(files)

    def refuse_more(self, files: Files) -> None:
        """ValueError where another text follows."""
        count = self.count
        if self.chunk(1):
            raise _changed(f"they ended after {count:,}, and now more follow", files)


def _changed(how: str, files: Files) -> ValueError:
    return ValueError(
        f"texts must be those of the interrupted run, from the first one on, but {how}: give the same texts "
        f"(a generator must be made anew), or {files.start_over()}."
    )


# What is encoded


def _next_vectors(encode: Encode, corpus: _Corpus, output: Output, chunk_size: int) -> list[np.ndarray]:
    """The vectors of the next chunk, in a list of one; an empty list at the end. An error is given a note that says what is kept."""
    try:
        chunk = corpus.chunk(chunk_size)
        return [_vectors(encode, chunk, output)] if chunk else []
    except Exception as error:
        error.add_note(f"{output.kept()} Run the same call again to go on; only batch_size may be another.")
        raise


def _vectors(encode: Encode, chunk: list[str], output: Output) -> np.ndarray:
    """The vectors of a chunk, looked at before they are written."""
    vectors = np.asarray(encode(chunk))
    got = f"shape {vectors.shape} and type {vectors.dtype} for {len(chunk):,} texts"
    if vectors.ndim != 2 or len(vectors) != len(chunk) or vectors.shape[1] == 0 or vectors.dtype.str not in FLOATS:
        raise ValueError(f"model must encode each text to a vector of floating-point numbers, got {got}.")
    if output.dimensions is not None and (vectors.shape[1], vectors.dtype) != (output.dimensions, output.dtype):
        raise ValueError(f"model must encode every chunk to {output.dimensions} dimensions of {output.dtype}, got {got}.")
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ValueError(f"model must encode to finite numbers, got NaN or infinity for texts[{output.rows + int(np.argmin(finite))}].")
    return np.ascontiguousarray(vectors)


@contextlib.contextmanager
def _said_how_to_go_on(output: Output) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nStopped. {output.kept()} Run the same call again to go on.", file=sys.stderr)
        raise
