"""What is compared: a model on a backend and a device, found by name, refused in a sentence where it can't run, and loaded.

A model whose weights are not at hand without a network, and whose sizes are known, has random weights; everything that shows it says so.
"""

import gc
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import arguments
from helpers.benchmark import devices

REAL, RANDOM, STAND_IN = "real", "random weights", "STAND-IN"


@dataclass(frozen=True, slots=True)
class Backend:
    """A way to compute a model.

    Attributes:
        name: What it is called in tables; on the command line its spaces are hyphens.
        format: torch, onnx or openvino.
        precision: What the weights are stored in, as `helpers.backends.export` names it, or a type of torch.
        arithmetic: The type that matrices are multiplied in, one of `roofline.DTYPES`.
        memory: Bytes held for each parameter, about.
        packages: What has to be installed.
    """

    name: str
    format: str
    precision: str
    arithmetic: str
    memory: float
    packages: tuple[str, ...] = ()
    compiled: bool = False
    attention: str | None = None


_ONNX = ("onnx", "onnxscript", "onnxruntime")
_OPENVINO = ("openvino",)
BACKENDS = {
    backend.name: backend
    for backend in (
        Backend("torch fp32", "torch", "float32", "float32", 4),
        Backend("torch fp16", "torch", "float16", "float16", 2),
        Backend("torch bf16", "torch", "bfloat16", "bfloat16", 2),
        Backend("torch compiled", "torch", "float32", "float32", 4, compiled=True),
        Backend("onnx fp32", "onnx", "fp32", "float32", 4, _ONNX),
        Backend("onnx int8", "onnx", "int8", "int8", 2, _ONNX),
        Backend("openvino fp32", "openvino", "fp32", "float32", 5, _OPENVINO),
        Backend("openvino bf16", "openvino", "bf16", "bfloat16", 6, _OPENVINO),
        Backend("openvino int8", "openvino", "int8", "int8", 2, (*_OPENVINO, "nncf")),
        Backend("flash attention", "torch", "bfloat16", "bfloat16", 2, attention="flash_attention_2"),
    )
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it was asked for, the id or folder that loads it, and whether its weights are real."""

    name: str
    path: str
    weights: str

    @property
    def label(self) -> str:
        """The name as tables show it, with what its weights are where they are not the real ones."""
        return self.name if self.weights == REAL else f"{self.name} ({self.weights})"


@dataclass(frozen=True, slots=True)
class Contender:
    """A model on a backend and a device."""

    model: Model
    backend: Backend
    device: str

    def __str__(self) -> str:
        return f"{self.model.label}, {self.backend.name}, {self.device}"


# Finding


def find_model(name: object, argument: str = "name") -> Model:
    """A model by its name in the catalog, its id or its folder. ValueError in one sentence where none is at hand."""
    from helpers import catalog, hub, standins

    asked = arguments.text(name, argument, empty=False).strip()
    folder = Path(asked)
    if (folder / "modules.json").is_file() or (folder / "config.json").is_file():
        return Model(folder.resolve().name, str(folder), STAND_IN if _is_stand_in(folder) else REAL)
    try:
        entry = catalog.get(asked)
    except ValueError as error:
        if hub.is_online() and "/" in asked:
            return Model(asked.rpartition("/")[2], asked, REAL)
        raise ValueError(f"{argument}: {error} A folder with a model is taken too.") from error
    if entry.kind != "SentenceTransformer":
        raise ValueError(f"{argument} must be a model that SentenceTransformer loads, got {entry.id!r}, a {entry.kind}.")
    if entry.id == hub.MODEL or hub.is_online():
        return Model(entry.name, entry.id, REAL)
    if entry.id in _full_size_names():
        return Model(entry.name, entry.id, RANDOM)
    stand_in = " (its stand-in has one layer: its speed says nothing)" if entry.id in standins.NAMES else ""
    raise ValueError(
        f"{argument} must be a model at hand, got {entry.id!r}: its weights are not here{stand_in}. Give a folder, or set COURSE_ONLINE=1."
    )


def _full_size_names() -> tuple[str, ...]:
    from helpers import hub

    hub.activate(verify=False)  # before the library is imported
    from helpers.standins.full_size import NAMES

    return NAMES


def _is_stand_in(folder: Path) -> bool:
    from helpers import standins

    try:
        return standins.CONFIG_KEY in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def find_backend(name: object, argument: str = "name") -> Backend:
    """A backend by its name, with spaces or hyphens. ValueError where there is none, or a package is missing."""
    if isinstance(name, str) and name not in BACKENDS:
        name = name.replace("-", " ")
    backend = BACKENDS[arguments.choice(name, argument, BACKENDS)]
    for package in backend.packages:
        if importlib.util.find_spec(package) is None:
            raise ValueError(f"{argument}: {backend.name!r} needs the package {package}, which is not installed: pip install {package}")
    return backend


@arguments.typed
def why_not(backend: Backend, device: str) -> str | None:
    """Why a backend can't run on a device, as the end of a sentence, or None where it can."""
    if backend.format != "torch":
        return None if device == "cpu" else "runs on the cpu alone here"
    if backend.attention and not device.startswith("cuda"):
        return "needs an NVIDIA GPU (a device cuda)"
    if backend.attention and not any(map(importlib.util.find_spec, ("flash_attn", "kernels"))):
        return "needs the package flash-attn or kernels, and neither is installed"
    return _why_not_compiled(device) if backend.compiled else None


def _why_not_compiled(device: str) -> str | None:
    if device != "cpu":
        return None if device == "mps" or importlib.util.find_spec("triton") else "needs the package triton, which is not installed"
    from torch._inductor import cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except exc.InvalidCxxCompiler:
        return "needs a C++ compiler (g++, clang++ or MSVC), and none is found"
    return None


@arguments.typed
def pair(models: list[Model], backends: list[Backend], on: list[str]) -> tuple[list[Contender], list[str]]:
    """Every model on every backend and device where it can run, and a sentence for each pair of backend and device that is left out.

    Raises:
        ValueError: A backend can run on none of the devices.
    """
    for index, backend in enumerate(backends):
        arguments.instance(backend, f"backends[{index}]", Backend)
    found: list[Contender] = []
    left_out: list[str] = []
    for backend in backends:
        reasons = {device: why_not(backend, device) for device in on}
        if all(reasons.values()):
            raise ValueError(f"backends: {backend.name!r} {next(iter(reasons.values()))}; the devices are {', '.join(on)}.")
        left_out += [f"{backend.name} was left out on {device}: it {reason}." for device, reason in reasons.items() if reason]
        found += [Contender(model, backend, device) for model in models for device, reason in reasons.items() if not reason]
    return sorted(found, key=lambda contender: models.index(contender.model)), left_out


# Loading


@arguments.typed
def load(contender: Contender, exported: Path | None = None) -> Any:
    """A SentenceTransformer that computes as asked; from the folder `exported`, for ONNX Runtime and OpenVINO."""
    backend = contender.backend
    if backend.format != "torch":
        from helpers import backends

        assert exported is not None
        return backends.load(exported)
    model = load_torch(contender.model, backend.precision, contender.device, backend.attention)
    if backend.compiled:
        model[0].model.compile()
    return model


@arguments.typed
def load_torch(model: Model, dtype: str = "float32", device: str = "cpu", attention: str | None = None) -> Any:
    """A model in torch. ValueError in one sentence where its folder can't be loaded."""
    from helpers import hub

    hub.activate(verify=False)
    from sentence_transformers import SentenceTransformer

    if model.weights == RANDOM:
        from helpers.standins.full_size import full_size

        return full_size(model.path, dtype=dtype, device=device, attention=attention or "sdpa")
    options = {"dtype": dtype} | ({"attn_implementation": attention} if attention else {})
    try:
        return SentenceTransformer(model.path, device=device, model_kwargs=options).eval()
    except (OSError, ValueError, TypeError, KeyError, ImportError, RuntimeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"models: {model.path!r} can't be loaded as a SentenceTransformer: {first}") from error


@arguments.typed
def stored_bytes(model: Any, exported: Path | None = None) -> int:
    """Bytes of a model's weights in memory or, of an export, of its files."""
    if exported is not None:
        weights = [path for path in exported.rglob("*") if path.suffix in (".onnx", ".bin", ".xml", ".data") or ".onnx" in path.name]
        return sum(path.stat().st_size for path in weights)
    from helpers import encoding

    return encoding.model_bytes(model)


@arguments.typed
def release(device: str) -> None:
    """Give back the memory of models that nobody holds any more."""
    gc.collect()
    devices.empty_cache(device)


@arguments.typed
def encode_once(order: str) -> None:
    """Load a contender and encode one batch, as a JSON file orders it: what runs in a fresh process when memory is measured."""
    read = json.loads(arguments.path(order, "order").read_text(encoding="utf-8"))
    contender = Contender(Model(*read["model"]), BACKENDS[read["backend"]], read["device"])
    encoder = load(contender, Path(read["exported"]) if read["exported"] else None)
    encode(encoder, read["texts"])


@arguments.typed
def encode(encoder: Any, texts: list[str]) -> Any:
    """Vectors of texts in one batch, through the public encode, without any prompt of the model's own."""
    return arguments.encoder(encoder, "encoder").encode(texts, prompt="", batch_size=len(texts), show_progress_bar=False)


@arguments.typed
def write_order(contender: Contender, exported: Path | None, texts: list[str], path: Path) -> str:
    """Write what `encode_once` reads, and return the program that a fresh process runs."""
    model = contender.model
    order = {
        "model": [model.name, model.path, model.weights],
        "backend": contender.backend.name,
        "device": contender.device,
        "exported": str(exported) if exported else "",
        "texts": texts,
    }
    path.write_text(json.dumps(order), encoding="utf-8")
    return f"from helpers.benchmark.contenders import encode_once\nencode_once({str(path)!r})\n"
