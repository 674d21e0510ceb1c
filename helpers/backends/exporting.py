"""Export a model: refuse what does not fit, write graph, tokenizer, settings and card, compare with the model, keep or leave nothing."""

import contextlib
import hashlib
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments
from helpers.backends import folders, runtimes
from helpers.backends.graphs import Traced
from helpers.backends.loading import load
from helpers.backends.verification import ALL, LEAST_COSINE, TOLERANCE, Agreement, spread, verify

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

FILES = {"onnx": "model.onnx", "openvino": "model.xml"}
PRECISIONS = {"onnx": ("fp32", "int8"), "openvino": ("fp32", "bf16", "int8")}
NEEDED = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("openvino",)}

# What OpenVINO computes in. Beside int8 products, bfloat16 would win another 7 %; but on a Xeon with AMX, OpenVINO 2026.4.1 then gave wrong
# embeddings (cosine 0.86) for texts of exactly 32 tokens, and for no other length.
INFERENCE_PRECISION = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}

# Texts for the calibration: fewer say too little about the ranges of the numbers, more change nothing.
FEWEST_TO_CALIBRATE = 32
MOST_TO_CALIBRATE = 300

_PACKAGES = ("sentence-transformers", "transformers", "torch", "onnx", "onnxscript", "onnxruntime", "openvino", "nncf")


def export(
    model: "SentenceTransformer",
    folder: str | os.PathLike[str],
    *,
    format: str = "onnx",
    precision: str = "fp32",
    texts: Sequence[str] | None = None,
) -> Path:
    """Export a model as one graph into a new folder, and check it against the model itself.

    Args:
        model: A SentenceTransformer in float32 on the CPU that takes text and begins with a Transformer module.
        folder: A folder that does not exist yet, in one that does. It appears when the export is complete and checked, or not at all.
        format: ``"onnx"`` or ``"openvino"``.
        precision: ``"fp32"`` or ``"int8"``, and for OpenVINO also ``"bf16"``, on a processor that multiplies bfloat16.
        texts: Texts like those that the export is for. OpenVINO's int8 is calibrated on at most 300 of them and needs 32; every export is
            compared with the model on at most 128 of them, or else on sentences of the course's own.

    Returns:
        The folder: graph, tokenizer, settings, prompts, versions, SHA-256 of every file and a model card that says how near the
        embeddings are. In fp32, a few texts encoded from it, with each of the model's prompts, differ from the model's own embeddings by
        at most 1e-5 in any number (for embeddings longer than 1: times their length). In bf16 and int8, the mean cosine to the model's own
        embeddings is at least 0.999 and 0.97.

    Raises:
        TypeError, ValueError: An argument is of no use; nothing was written.
        ExportError: The export fails or disagrees with the model; nothing is left.
        ModuleNotFoundError: A package that exports need is not installed.
    """
    target = arguments.path(folder, "folder")
    given = refuse(model, format, precision, texts)
    folders.refuse_taken(target)
    write_and_verify(Traced(model), target, format, precision, given)
    return target


def write_and_verify(traced: Traced, target: Path, format: str, precision: str, texts: Sequence[str]) -> Agreement:
    """An export of checked arguments: complete in the target folder, or absent.

    Raises:
        ExportError: A step fails, or the embeddings are not the model's.
    """
    arguments.instance(traced, "traced", Traced)
    arguments.instance(target, "target", Path)
    calibration = spread(texts, MOST_TO_CALIBRATE) if (format, precision) == ("openvino", "int8") else []
    with folders.complete_or_absent(target) as part:
        traced.write(part / FILES[format], precision, calibration)
        settings = _settings(traced, format, precision, len(calibration))
        _write_beside_the_graph(traced.model, part, settings)
        agreement = verify(traced.model, load(part), precision, texts)
        settings["agreement"] = {name: round(value, 4) for name, value in asdict(agreement).items()}
        _write_beside_the_graph(traced.model, part, settings)
    return agreement


# What can be exported


def refuse(model: Any, format: str, precision: str, texts: Sequence[str] | None) -> list[str]:
    """Refuse what cannot be exported, before any work is done, and return the texts as a list."""
    given = _usable(format, precision, texts)
    _refuse_what_cannot_be_exported(model)
    _require_what_is_needed(format, precision)
    return given


def _usable(format: str, precision: str, texts: Sequence[str] | None) -> list[str]:
    """The texts as a list, if the three arguments suit each other."""
    arguments.choice(format, "format", FILES)
    arguments.choice(precision, "precision", PRECISIONS["openvino"])
    if precision not in PRECISIONS[format]:
        known = ", ".join(map(repr, PRECISIONS[format]))
        raise ValueError(f"precision must be one of {known} for the format {format!r}, got {arguments.shown(precision)}.")
    if (format, precision) != ("openvino", "int8"):
        return [] if texts is None else arguments.texts(texts, "texts")
    accepted = f"a list of at least {FEWEST_TO_CALIBRATE} strings like those to be encoded, because OpenVINO's int8 is calibrated on them"
    if texts is None:
        raise arguments.wrong_value("texts", texts, accepted)
    given = arguments.texts(texts, "texts", empty=True)
    if len(given) < FEWEST_TO_CALIBRATE:
        raise ValueError(f"texts must be {accepted}, got {len(given)}.")
    return given


def _refuse_what_cannot_be_exported(model: Any) -> None:
    library = sys.modules.get("sentence_transformers")
    if library is None or not isinstance(model, library.SentenceTransformer):
        raise arguments.wrong_type("model", model, "a SentenceTransformer")
    if reason := _why_not(model):
        raise ValueError(f"model must be one that fits into a graph, got {reason}.")


def _why_not(model: "SentenceTransformer") -> str | None:
    """What is in the way of an export, in words, or None."""
    import torch
    from sentence_transformers.base.modules import Transformer

    from helpers.backends.exported_graph import ExportedGraph

    first = model[0]
    if isinstance(first, ExportedGraph):
        return "one that was exported already: copy it with save_pretrained"
    if not isinstance(first, Transformer):
        return f"one that begins with the module {type(first).__name__}, not with a Transformer"
    if first.backend != "torch" or list(first.modalities) != ["text"]:
        return f"one that runs on {first.backend} and reads {', '.join(map(str, first.modalities))}, not torch and text alone"
    if any(not getattr(module, "include_prompt", True) for module in model):
        return "one whose pooling leaves the prompt out (include_prompt=False), which needs the prompt's length in every call"
    if first.processing_kwargs or any(getattr(first, name, None) for name in ("query_length", "document_length", "query_expansion")):
        return "one with processing options of its own (processing_kwargs, query_length, document_length or query_expansion)"
    if extra := model.get_model_kwargs():
        return f"one whose encode takes extra arguments ({', '.join(extra)})"
    devices = {parameter.device.type for parameter in model.parameters()}
    if devices != {"cpu"}:
        return f'one on the device {" and ".join(sorted(devices))}: move it with model.to("cpu")'
    types = {parameter.dtype for parameter in model.parameters()} - {torch.float32}
    if types:
        return f'weights in {" and ".join(sorted(map(str, types)))}: load it with model_kwargs={{"dtype": "float32"}}'
    return None


def _require_what_is_needed(format: str, precision: str) -> None:
    calibrated = (format, precision) == ("openvino", "int8")
    runtimes.require(*NEEDED[format], *(["nncf"] if calibrated else []))
    if precision == "bf16" and not runtimes.multiplies_bfloat16():
        raise ValueError(
            f"precision must be 'fp32' or 'int8' on this processor, which does not multiply bfloat16, got 'bf16' ({runtimes.processor()})."
        )


# What lies beside the graph


def _settings(traced: Traced, format: str, precision: str, calibrated_on: int) -> dict[str, Any]:
    model = traced.model
    return {
        "layout": folders.LAYOUT,
        "format": format,
        "precision": precision,
        "inference_precision": INFERENCE_PRECISION[precision] if format == "openvino" else "f32",
        "calibrated_on": calibrated_on,
        "graph": FILES[format],
        "inputs": traced.inputs,
        "embedding_dimension": len(model.encode("", truncate_dim=ALL, show_progress_bar=False)),
        "max_seq_length": model.max_seq_length,
        "contains": [repr(module) for module in model],
        "source": {"model": _source(model), "sha256": _digest(model)},
        "versions": _versions(),
    }


def _write_beside_the_graph(model: "SentenceTransformer", folder: Path, settings: dict[str, Any]) -> None:
    folders.write_settings(folder, settings, model.tokenizer)
    folders.write_json(folder / "config_sentence_transformers.json", _library_settings(model))
    module = {"idx": 0, "name": "0", "path": "", "type": "helpers.backends.exported_graph.ExportedGraph"}
    folders.write_json(folder / "modules.json", [module])
    (folder / "README.md").write_text(_card(settings), encoding="utf-8")


def _library_settings(model: "SentenceTransformer") -> dict[str, Any]:
    """What the library keeps of a model beside its modules, as save_pretrained writes it."""
    versions = _versions()
    return {
        "model_type": "SentenceTransformer",
        "__version__": {
            "sentence_transformers": versions["sentence-transformers"],
            "transformers": versions["transformers"],
            "pytorch": versions["torch"],
        },
        "prompts": model.prompts,
        "default_prompt_name": model.default_prompt_name,
        "similarity_fn_name": model.similarity_fn_name,
        "truncate_dim": model.truncate_dim,
    }


def _source(model: Any) -> str:
    """The model's id, or the name of its folder: the path to it is nobody's business."""
    name = str(model[0].model.name_or_path)
    return Path(name).name if Path(name).is_absolute() or Path(name).exists() else name


def _digest(model: "SentenceTransformer") -> str:
    """SHA-256 of all weights, with their names and shapes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _card(settings: dict[str, Any]) -> str:
    source, runtime = settings["source"]["model"], {"onnx": "ONNX Runtime", "openvino": "OpenVINO"}[settings["format"]]
    base = f"base_model: {source}\n" if source.count("/") == 1 else ""
    contains = "\n".join(f"- `{module}`" for module in settings["contains"])
    versions = ", ".join(f"{name} {version}" for name, version in settings["versions"].items())
    return f"""---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags: [sentence-transformers, {settings["format"]}]
{base}---
# {source} as one graph for {runtime}, {settings["precision"]}

Token ids in ({", ".join(settings["inputs"])}), finished embedding out ({settings["embedding_dimension"]} numbers). The graph holds

{contains}

{_how_near(settings)} The license is that of {source}.

```python
from helpers import backends

model = backends.load("this folder")
embeddings = model.encode(["a text"])
```

Made with {versions}. Sizes and SHA-256 of the files stand in `exported_graph.json`.
"""


def _how_near(settings: dict[str, Any]) -> str:
    precision, near = settings["precision"], settings.get("agreement")
    calibrated = f"It was calibrated on {settings['calibrated_on']} texts. " if settings["calibrated_on"] else ""
    if near is None:
        return calibrated + "It has not been compared with the model that it comes from."
    compared = f"It was compared with the model that it comes from when it was written, on {near['texts']} texts: "
    if precision == "fp32":
        return f"{calibrated}{compared}odd texts too, to {TOLERANCE:g} in every number."
    return (
        f"{calibrated}{compared}the mean cosine is {near['mean_cosine']:.4f}, the lowest {near['lowest_cosine']:.4f} "
        f"(it would have been refused below a mean of {LEAST_COSINE[precision]:g})."
    )
