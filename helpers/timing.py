"""How long a task takes on this machine and how much memory: interleaved rounds, medians and spread, with machine and versions.

A round runs every task once before any task runs again. The machine's speed drifts; within a round it hardly does, so
compare tasks by what they take in the same rounds.
"""

import importlib.metadata
import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tqdm.auto import tqdm

from helpers import arguments

VERSIONS = ("sentence-transformers", "transformers", "torch", "numpy", "onnxruntime", "openvino", "nncf", "jupyterlab")
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
# What torch held on an accelerator. mps keeps no record of it; the driver keeps what was needed once, so its last state is near.
PRINT_PEAK_ON_DEVICE = """
import torch as _torch
print("", _torch.mps.driver_allocated_memory() if {device!r} == "mps" else _torch.{kind}.max_memory_allocated({device!r}))
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


def peak_memory(code: str, *, device: str = "cpu") -> int:
    """The most memory, in bytes, that a fresh Python held at once while it ran `code`; a printed text of `code` is dropped.

    What counts is resident memory, pages of mapped files included; on another device of torch ("cuda", "cuda:1", "mps", "xpu"), what
    torch held there. RuntimeError with the last line of the error where the code fails.
    """
    if not re.fullmatch(r"cpu|mps|(cuda|xpu)(:\d+)?", arguments.text(device, "device")):
        raise arguments.wrong_value("device", device, "'cpu', 'cuda', 'cuda:0' (or another number), 'mps' or 'xpu'")
    tail = PRINT_PEAK if device == "cpu" else PRINT_PEAK_ON_DEVICE.format(device=device, kind=device.partition(":")[0])
    program = arguments.text(code, "code", empty=False) + tail
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
    return {"processor": _processor(), "cores": cores, "memory": f"{memory:.0f} GiB", "system": f"{platform.system()} {platform.machine()}"}


def describe_versions() -> dict[str, str]:
    """Python's version and those of the packages that matter for speed."""
    return {"python": platform.python_version(), **{name: _installed_version(name) for name in VERSIONS}}


def _installed_version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
