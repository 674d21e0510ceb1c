"""ONNX Runtime, OpenVINO and NNCF: imported without their telemetry, and a graph opened with them; what the processor offers."""

import contextlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from helpers import arguments

Run = Callable[[dict[str, np.ndarray]], np.ndarray]


def onnxruntime() -> Any:
    """The package onnxruntime, without its telemetry.

    It is on by default, on every operating system, and sends events to its maker. Only this variable, set before the import, prevents
    it altogether: Privacy.md in the package. disable_telemetry_events() comes too late.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    with _installed("onnxruntime"):
        import onnxruntime as ort
    return ort


def openvino() -> Any:
    """The package openvino, without its telemetry.

    Merely importing openvino sends an event to www.google-analytics.com, by the package openvino_telemetry. Where that one cannot be
    imported, openvino does without: openvino/tools/ovc/telemetry_utils.py.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    with _installed("openvino"):
        import openvino as ov
    return ov


def nncf() -> Any:
    """The package nncf, without its telemetry, which is openvino's: nncf/telemetry/wrapper.py."""
    openvino()
    with _installed("nncf"):
        import nncf
    return nncf


@arguments.typed
def require(*packages: str) -> None:
    """ModuleNotFoundError for the first of the packages that is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(f"The package {package} is needed for this export and not installed: pip install {package}")


@contextlib.contextmanager
def _installed(package: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"The package {package} is needed for this and not installed: pip install {package}") from error


# Running a graph


@arguments.typed
def open_graph(path: Path, format: str, inference_precision: str) -> Run:
    """A function from arrays of token ids to an array of embeddings, float32 of shape (texts, dimensions); threads may share it.

    ``inference_precision`` is what OpenVINO computes in: "f32", or "bf16" on processors that multiply bfloat16, and "f32" on others.
    """
    return _open_onnx(path) if format == "onnx" else _open_openvino(path, inference_precision)


def _open_onnx(path: Path) -> Run:
    import torch

    ort = onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    if os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE":  # asked to keep no core busy by waiting, at a tenth of the speed
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda tokens: session.run(None, tokens)[0]


def _open_openvino(path: Path, inference_precision: str) -> Run:
    import torch

    core = openvino().Core()
    # Read, not mapped: a folder can be deleted while its model is loaded, on Windows too.
    core.set_property({"ENABLE_MMAP": False})
    # Without the hint OpenVINO rounds to bfloat16 on processors that have it, and to float16 on ARM.
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": inference_precision if multiplies_bfloat16() else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    compiled = core.compile_model(core.read_model(path), "CPU", options)
    requests = threading.local()  # a request computes one batch at a time

    def run(tokens: dict[str, np.ndarray]) -> np.ndarray:
        if not hasattr(requests, "mine"):
            requests.mine = compiled.create_infer_request()
        return requests.mine.infer(tokens)[0]

    return run


# The processor


def multiplies_bfloat16() -> bool:
    """Whether OpenVINO finds instructions for bfloat16 in this processor."""
    return "BF16" in openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def processor() -> str:
    """What this processor has and lacks for int8 and bfloat16, in a line of words, as torch's own query reports it."""
    import torch

    found = torch.cpu.get_capabilities()
    said = [_instructions(found, word, names) for word, names in _INSTRUCTIONS.items()]
    return f"{found.get('cpu_name') or found.get('architecture') or 'processor'}: {'; '.join(said)}"


_INSTRUCTIONS = {
    "vectors": ("avx512_f", "avx2", "sve", "neon"),
    "int8": ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "dot"),
    "bfloat16": ("amx_bf16", "avx512_bf16", "bf16"),
}


def _instructions(found: Mapping[str, Any], kind: str, names: tuple[str, ...]) -> str:
    present = [name.upper().replace("_F", "") for name in names if found.get(name)]
    return f"{kind} by {', '.join(present)}" if present else f"no instructions for {kind}"
