"""An encoder without torch, and runs of encode_large_corpus in processes that tests kill.

`Runs` starts this file as a process once; for every run that process forks, so a run starts in milliseconds, with its imports done.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).parent.parent


class FakeEncoder:
    """Numbers from a hash of the text, of the options, and of the longest text in its batch.

    A real model's last digits depend on the batch too: whoever makes other batches gets other bytes here.
    """

    def __init__(self, seed: int = 0, dimensions: int = 8, dtype: str = "float32", seconds_a_batch: float = 0.0) -> None:
        self.seed = seed
        self.dimensions = dimensions
        self.dtype = dtype
        self.seconds_a_batch = seconds_a_batch
        self.calls: list[dict[str, Any]] = []

    def encode(self, texts: list[str], batch_size: int = 32, **options: Any) -> np.ndarray:
        self.calls.append({"texts": texts, "batch_size": batch_size, **options})
        longest_first = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
        vectors = np.empty((len(texts), self.dimensions), dtype=self.dtype)
        for start in range(0, len(texts), batch_size):
            batch = longest_first[start : start + batch_size]
            for place in batch:
                vectors[place] = self._numbers(texts[place], len(texts[batch[0]]), options)
            time.sleep(self.seconds_a_batch)
        return vectors

    def _numbers(self, text: str, padded_to: int, options: dict[str, Any]) -> np.ndarray:
        content = f"{self.seed} {padded_to} {sorted(options.items())} {text}".encode("utf-8", "surrogatepass")
        digest = hashlib.shake_128(content).digest(2 * self.dimensions)
        return (np.frombuffer(digest, dtype="<u2") / 65536 - 0.5).astype(self.dtype)


def made_texts(count: int) -> list[str]:
    """Texts of different lengths, no two alike."""
    return [f"text {index} " + "word " * (index * 7919 % 23) for index in range(count)]


def expected_bytes(encoder: Any, texts: list[str], chunk_size: int, folder: Path, **options: Any) -> bytes:
    """The file that a run without interruption makes, by other means: encode every chunk, then numpy.save."""
    chunks = [
        encoder.encode(texts[start : start + chunk_size], show_progress_bar=False, convert_to_numpy=True, **options)
        for start in range(0, len(texts), chunk_size)
    ]
    np.save(folder / "expected.npy", np.concatenate(chunks))
    content = (folder / "expected.npy").read_bytes()
    (folder / "expected.npy").unlink()
    return content


class Runs:
    """Runs of encode_large_corpus with a `FakeEncoder`, each in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.fake_encoder"]
        self._server = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()  # its imports are done

    def close(self) -> None:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(timeout=30)
        self._server.stdout.close()

    def run(self, path: Path, **job: Any) -> tuple[int, float]:
        """Run a job in a process of its own. Returns its exit status, -9 for killed, and the seconds it took.

        The job: `count` texts, `chunk_size`, `seconds_a_batch`; `kill_after` sends SIGKILL after some seconds, `die_at_step` kills it
        from within, `file_limit` lets its files grow to so many bytes only.
        """
        assert self._server.stdin is not None
        print(json.dumps({"path": str(path), **job}), file=self._server.stdin, flush=True)
        status, seconds = self._answer().split()
        return int(status), float(seconds)

    def _answer(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline()


def _serve() -> None:
    import tqdm.auto  # noqa: F401

    from helpers import encoding  # noqa: F401

    assert "torch" not in sys.modules
    print("ready", flush=True)
    for line in sys.stdin:
        job, started = json.loads(line), time.perf_counter()
        pid = os.fork()
        if pid == 0:
            os._exit(_run(job))
        if "kill_after" in job:
            time.sleep(job["kill_after"])
            os.kill(pid, signal.SIGKILL)  # where it has ended, its number is still its own: nobody has waited for it
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(status, time.perf_counter() - started, flush=True)


def _run(job: dict[str, Any]) -> int:
    """0 done, 28 and the like an error of the disk, 1 another error."""
    from helpers.encoding import encode_large_corpus

    if "file_limit" in job:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_limit"], resource.RLIM_INFINITY))
    with _death_at(job.get("die_at_step")):
        try:
            encoder = FakeEncoder(seconds_a_batch=job.get("seconds_a_batch", 0.0))
            texts = (text for text in made_texts(job["count"]))
            encode_large_corpus(encoder, texts, job["path"], chunk_size=job["chunk_size"], show_progress_bar=False)
        except OSError as error:
            print(error, file=sys.stderr)
            return error.errno or 1
        except Exception as error:
            print(repr(error), file=sys.stderr)
            return 1
    return 0


@contextlib.contextmanager
def _death_at(step: int | None) -> Iterator[None]:
    """Die before the n-th step that touches the disk; a write is three steps: nothing, half, and all of it written."""
    from helpers.encoding import store

    if step is None:
        yield
        return
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1
        if steps == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            count()
            return function(*args, **options)

        return call

    write = store._write

    def write_in_two(file: Any, content: Any) -> None:
        count()
        write(file, memoryview(content)[: len(content) // 2])
        count()
        write(file, memoryview(content)[len(content) // 2 :])
        count()

    store._write = write_in_two
    os.fsync = counted(os.fsync)  # type: ignore[assignment]
    for name in ("open", "replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))
    yield


if __name__ == "__main__":
    _serve()
