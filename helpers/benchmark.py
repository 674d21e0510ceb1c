"""How long things take on this machine: interleaved rounds, medians and spread, with the machine and the versions.

A round runs every task once before any task runs again. The machine's speed drifts; within a round it hardly does, so
compare tasks by what they take in the same rounds.
"""

import json
import platform
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tqdm.auto import tqdm

from helpers import arguments

VERSIONS = ("sentence-transformers", "transformers", "torch", "numpy", "jupyterlab")
SERVER_TIMEOUT_S = 120
QUERIES_A_SEARCH = 100
# Linux's ru_maxrss is no use: it begins with the memory of the process that started this one.
PRINT_PEAK = """
import sys as _sys
if _sys.platform == "linux":
    _peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
elif _sys.platform == "win32":
    import psutil as _psutil
    _peak = _psutil.Process().memory_info().peak_wset
else:
    import resource as _resource
    _peak = _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss
print("", _peak)
"""


@dataclass(frozen=True)
class Timing:
    """Seconds that one task took, in the order of the rounds."""

    task: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the measured times, in seconds."""
        return median(self.seconds)


@dataclass(frozen=True)
class Result:
    """Timings with the machine and the versions they belong to. `str()` gives a table."""

    machine: dict[str, str]
    versions: dict[str, str]
    timings: tuple[Timing, ...]

    def __str__(self) -> str:
        width = max(len(timing.task) for timing in self.timings)
        rows = [
            f"{timing.task:<{width}}  {timing.median:9.3f} {min(timing.seconds):9.3f} {max(timing.seconds):9.3f}" for timing in self.timings
        ]
        about = [f"{key}: {value}" for key, value in {**self.machine, **self.versions}.items()]
        head = f"{'task (seconds, ' + str(len(self.timings[0].seconds)) + ' rounds)':<{width}}     median       min       max"
        return "\n".join([*about, "", head, *rows])

    def write(self, path: Path | str) -> None:
        """Write the result as JSON."""
        data = json.dumps(asdict(self), indent=1) + "\n"
        arguments.path(path, "path").write_text(data, encoding="utf-8")


def measure(tasks: Mapping[str, Callable[[], object]], rounds: int = 5, *, warm_up: bool = True) -> tuple[Timing, ...]:
    """Time tasks in interleaved rounds. With `warm_up`, a first round is run and not counted.

    `tasks` maps a name to a function of no arguments. Returns a Timing for each, in the same order.
    """
    if not isinstance(tasks, Mapping) or not tasks:
        raise arguments.wrong_type("tasks", tasks, "a dict from a name to a function, with at least one entry")
    for name, task in tasks.items():
        if not callable(task):
            raise arguments.wrong_type(f"tasks[{name!r}]", task, "a function of no arguments")
    arguments.integer(rounds, "rounds", minimum=1)
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    skipped = int(arguments.boolean(warm_up, "warm_up"))
    for turn in tqdm(range(rounds + skipped), desc="rounds", file=sys.stderr):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            if turn >= skipped:
                seconds[name].append(time.perf_counter() - start)
    return tuple(Timing(name, tuple(took)) for name, took in seconds.items())


def peak_memory(code: str) -> int:
    """The most memory, in bytes, that a fresh Python held at once while it ran `code`; a printed text of `code` is dropped.

    What counts is resident memory, pages of mapped files included. RuntimeError with the last line of the error where the code fails.
    """
    program = arguments.text(code, "code", empty=False) + PRINT_PEAK
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"The code ended with status {done.returncode}: {last}")
    return int(done.stdout.rsplit(maxsplit=1)[-1])


def describe_machine() -> dict[str, str]:
    """Processor, cores, memory and operating system, in words."""
    import psutil

    memory = psutil.virtual_memory().total / 1024**3
    cores = f"{psutil.cpu_count(logical=False)} physical, {psutil.cpu_count()} logical"
    return {"processor": _processor(), "cores": cores, "memory": f"{memory:.0f} GiB", "system": platform.platform(terse=True)}


def describe_versions() -> dict[str, str]:
    """Python's version and those of the packages that matter for speed."""
    from helpers.doctor import installed_version

    return {"python": platform.python_version(), **{name: installed_version(name) or "missing" for name in VERSIONS}}


def time_the_course(rounds: int = 3, *, lessons: bool = True) -> Result:
    """Time JupyterLab's start, the hub, the import of helpers, a search over the corpus and, with `lessons`, every lesson."""
    timings = measure({**_start_tasks(), **_search_tasks()}, rounds)
    if lessons:
        timings += measure(_lesson_tasks(), rounds, warm_up=False)
    return Result(describe_machine(), describe_versions(), timings)


def _start_tasks() -> dict[str, Callable[[], object]]:
    """Each in a fresh interpreter, as a learner meets it."""

    def python(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    return {
        "an empty Python": python(""),
        "import helpers": python("import helpers"),
        "import sentence_transformers": python("import sentence_transformers"),
        "hub.activate(), nothing imported": python("from helpers import hub; hub.activate()"),
        "hub.activate(verify=False)": python("from helpers import hub; hub.activate(verify=False)"),
        "JupyterLab until the server answers": start_and_stop_lab,
    }


def start_and_stop_lab() -> None:
    """Start JupyterLab as `make lab` does, wait until it answers, and stop it."""
    from helpers.commands import lab_command

    port, token = free_port(), "benchmark"
    options = ["--no-browser", f"--port={port}", f"--IdentityProvider.token={token}", "--ServerApp.port_retries=0"]
    server = subprocess.Popen(lab_command(options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/api/status?token={token}", server)
    finally:
        server.terminate()
        server.wait(timeout=30)


@arguments.typed
def wait_until_it_answers(address: str, server: subprocess.Popen[bytes]) -> None:
    """Ask `address` until it answers; RuntimeError when the server ends first or takes too long."""
    give_up = time.monotonic() + SERVER_TIMEOUT_S
    while time.monotonic() < give_up:
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with status {server.returncode} before it answered.")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"JupyterLab did not answer within {SERVER_TIMEOUT_S} s.")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _search_tasks() -> dict[str, Callable[[], object]]:
    """Loading the model, encoding, and exact search over the documentation corpus; the model and the vectors are made once."""
    from helpers import corpus, hub

    hub.activate()
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import semantic_search

    model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
    documents = [entry.text for entry in corpus.api_docs()]
    print(f"Encoding the corpus, {len(documents)} texts, once …", file=sys.stderr)
    vectors = model.encode_document(documents, convert_to_tensor=True, show_progress_bar=True)
    queries = vectors[:QUERIES_A_SEARCH]
    return {
        "load all-MiniLM-L6-v2": lambda: SentenceTransformer("all-MiniLM-L6-v2", device="cpu"),
        "encode one query": lambda: model.encode_query("split my data into train and test parts"),
        f"search {len(documents)} vectors, 1 query": lambda: semantic_search(queries[:1], vectors, top_k=10),
        f"search {len(documents)} vectors, {QUERIES_A_SEARCH} queries": lambda: semantic_search(queries, vectors, top_k=10),
    }


def _lesson_tasks() -> dict[str, Callable[[], object]]:
    from helpers.course import build, registry

    course = registry.read_course()

    def run(lesson: registry.Lesson) -> Callable[[], object]:
        return lambda: build.execute(build.read_source(course.source(lesson)), course.root / "notebooks", title=lesson.stem, progress=False)

    return {f"lesson {lesson.stem}": run(lesson) for lesson in course.lessons}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
