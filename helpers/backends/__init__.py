"""Export a SentenceTransformer to ONNX or OpenVINO as one graph, and load it back as a SentenceTransformer.

    backends.export(model, "exported", format="onnx")
    model = backends.load("exported")       # encode, similarity, prompts … as before, computed by ONNX Runtime

The graph holds the whole chain of the model's modules (encoder, pooling, dense layers, normalization): token ids in, finished
embedding out. The library's own ``backend="onnx"`` exports the encoder alone, and needs packages that cannot be installed beside
version 6 of the library today.
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import logging
import os
import secrets
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from helpers import arguments

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

FORMATS = {"onnx": "model.onnx", "openvino": "model.xml"}
PRECISIONS = ("fp32",)
NEEDED = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("onnx", "onnxscript", "openvino")}

# The largest difference between a number of the export and the same number of torch, for embeddings up to length 1.
TOLERANCE = 1e-5

# Above it, the weights lie in a file of their own: a single ONNX file holds at most 2 GB.
MOST_BYTES_IN_ONE_FILE = 1_500_000_000

# An export is checked with this text, repeated until it has about so many tokens.
LONG_TEXT = "a text that is so long that the model may have to cut it "
LONGEST_VERIFIED = 600

# Dimensions to truncate to when none are to be lost: None would mean the model's own truncate_dim.
ALL = sys.maxsize

_PACKAGES = ("sentence-transformers", "transformers", "torch", "onnx", "onnxscript", "onnxruntime", "openvino")
_PART = ".exporting"


def export(model: "SentenceTransformer", folder: str | os.PathLike[str], *, format: str = "onnx", precision: str = "fp32") -> Path:
    """Export a model as one graph into a new folder, and check it against the model itself.

    Args:
        model: A SentenceTransformer in float32 on the CPU that takes text and begins with a Transformer module.
        folder: A folder that does not exist yet, in one that does. It appears when the export is complete and checked, or not at all.
        format: ``"onnx"`` or ``"openvino"``.
        precision: ``"fp32"``.

    Returns:
        The folder: graph, tokenizer, settings, prompts, versions, SHA-256 of every file and a model card. A few texts encoded from it,
        with each of the model's prompts, differ from the model's own embeddings by at most 1e-5 in any number (for embeddings longer
        than 1: times their length).

    Raises:
        TypeError, ValueError: An argument is of no use; nothing was written.
        exported_graph.ExportError: The export fails or disagrees with the model; nothing is left.
        ModuleNotFoundError: A package that exports need is not installed.
    """
    target = arguments.path(folder, "folder")
    format = arguments.choice(format, "format", FORMATS)
    precision = arguments.choice(precision, "precision", PRECISIONS)
    _refuse_what_cannot_be_exported(model)
    _refuse_taken(target)
    _require(*NEEDED[format])
    with _complete_or_absent(target) as part:
        _write(model, part, format, precision)
        _verify(model, load(part))
    return target


def load(folder: str | os.PathLike[str]) -> "SentenceTransformer":
    """Load an exported folder as a SentenceTransformer that computes with ONNX Runtime or OpenVINO, on the CPU.

    encode, encode_query, encode_document, similarity, prompts, truncate_dim, max_seq_length and save_pretrained work as before. Token
    embeddings, other devices and other precisions are not in an export and are refused. It uses as many threads as torch.

    Args:
        folder: What ``export`` returned, or a copy of it.

    Raises:
        TypeError, ValueError: ``folder`` is no export, or a file of it is missing or damaged.
        ModuleNotFoundError: The package that runs the graph is not installed.
    """
    path = arguments.path(folder, "folder")
    from sentence_transformers import SentenceTransformer

    from helpers.backends import exported_graph

    exported_graph.read_settings(path)  # refuses what is no folder, which the next line would look for on the Hub
    graph = exported_graph.ExportedGraph.load(str(path))
    settings = exported_graph.read_json(path, "config_sentence_transformers.json")
    try:
        model = SentenceTransformer(
            modules=[graph],
            device="cpu",
            prompts=settings["prompts"],
            default_prompt_name=settings["default_prompt_name"],
            similarity_fn_name=settings["similarity_fn_name"],
            truncate_dim=settings.get("truncate_dim"),
            backend=graph.settings["format"],
            local_files_only=True,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise exported_graph.damaged(path, f"config_sentence_transformers.json is incomplete ({error!r})") from error
    with contextlib.suppress(OSError, ValueError):
        # As the library does with the card of a folder that it loads, so that save_pretrained keeps it.
        vars(model)["_model_card_text"] = (path / "README.md").read_text(encoding="utf-8")
    return model


# What can be exported


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


def _refuse_taken(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise ValueError(f"folder must be the path of a new folder, got {str(target)!r}, which exists.")
    if not target.absolute().parent.is_dir():
        raise ValueError(f"folder must be the path of a new folder in one that exists, got {str(target)!r}.")


def _require(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(f"The package {package} is needed for this export and not installed: pip install {package}")


@contextlib.contextmanager
def _complete_or_absent(target: Path) -> Iterator[Path]:
    """A folder beside the target that takes its name if the block succeeds, and goes if it does not."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.{os.getpid()}{_PART}")
    _remove_what_was_killed(target)
    try:
        part.mkdir()
        yield part
        _refuse_taken(target)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _remove_what_was_killed(target: Path) -> None:
    """Remove what exports into this target left whose process is gone."""
    for left in target.absolute().parent.iterdir():
        if left.name.startswith(f".{target.name}.") and left.name.endswith(_PART):
            process = left.name.removesuffix(_PART).rpartition(".")[2]
            if process.isdigit() and not psutil.pid_exists(int(process)):
                shutil.rmtree(left, ignore_errors=True)


# Writing


def _write(model: "SentenceTransformer", folder: Path, format: str, precision: str) -> None:
    from helpers.backends import exported_graph

    graph = folder / FORMATS[format]
    inputs = _write_graph(model, graph)
    settings = {
        "layout": exported_graph.LAYOUT,
        "format": format,
        "precision": precision,
        "inference_precision": "f32",
        "graph": graph.name,
        "inputs": inputs,
        "embedding_dimension": len(model.encode("", truncate_dim=ALL)),
        "max_seq_length": model.max_seq_length,
        "contains": [repr(module) for module in model],
        "source": {"model": _source(model), "sha256": _digest(model)},
        "versions": _versions(),
    }
    exported_graph.write_settings(folder, settings, model.tokenizer)
    _write_json(folder / "config_sentence_transformers.json", _library_settings(model))
    _write_json(folder / "modules.json", [{"idx": 0, "name": "0", "path": "", "type": "helpers.backends.exported_graph.ExportedGraph"}])
    (folder / "README.md").write_text(_card(settings), encoding="utf-8")


def _write_graph(model: "SentenceTransformer", path: Path) -> list[str]:
    """Write the graph, and return the names of its inputs in their order."""
    if path.suffix == ".onnx":
        return _write_onnx(model, path)
    onnx = path.with_name("source.onnx")
    inputs = _write_onnx(model, onnx)
    _convert_to_openvino(onnx, path)
    for left in path.parent.glob("source.onnx*"):
        left.unlink()
    return inputs


def _write_onnx(model: "SentenceTransformer", path: Path) -> list[str]:
    import torch

    from helpers.backends.exported_graph import ExportError, first_line

    features = model.preprocess(["two texts", "of different lengths, so that one of them is padded"])
    tokens = {name: tensor for name, tensor in features.items() if isinstance(tensor, torch.Tensor)}
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    with _quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                _whole_chain(model, list(tokens)),
                tuple(tokens.values()),
                input_names=list(tokens),
                output_names=["sentence_embedding"],  # one named "embedding" would collide with a name inside the graph
                dynamic_shapes=(tuple({0: batch, 1: length} for _ in tokens),),
                dynamo=True,
                verbose=False,
            )
        except Exception as error:
            raise ExportError(f"torch cannot export this model to ONNX: {first_line(error)}.") from error
        assert program is not None
        _forget_where_it_was_made(program)
        program.save(path, external_data=_bytes(model) > MOST_BYTES_IN_ONE_FILE)
    return list(tokens)


def _whole_chain(model: "SentenceTransformer", inputs: list[str]) -> Any:
    """A torch module from token tensors to the finished embedding: all modules of the model, one after the other."""
    import torch

    class WholeChain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tokens: torch.Tensor) -> torch.Tensor:
            return self.model(dict(zip(inputs, tokens, strict=True)))["sentence_embedding"]

    return WholeChain().eval()


def _convert_to_openvino(onnx: Path, path: Path) -> None:
    from helpers.backends import exported_graph

    openvino = exported_graph.openvino()
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})
    openvino.save_model(core.read_model(onnx), path, compress_to_fp16=False)


def _forget_where_it_was_made(program: Any) -> None:
    """Remove torch's notes on each node: they quote source lines and paths of this machine."""
    for node in program.model.graph:
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks off the screen: none of them asks the reader to do anything."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


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


def _bytes(model: "SentenceTransformer") -> int:
    return sum(tensor.nbytes for tensor in model.state_dict().values())


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


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

It was compared with the model that it comes from when it was written: a few texts, equal to {TOLERANCE:g} in every number. The license is
that of {source}.

```python
from helpers import backends

model = backends.load("this folder")
embeddings = model.encode(["a text"])
```

Made with {versions}. Sizes and SHA-256 of the files stand in `exported_graph.json`.
"""


# Checking


def _verify(model: "SentenceTransformer", exported: "SentenceTransformer") -> None:
    """Refuse an export whose embeddings differ from the model's."""
    from helpers.backends.exported_graph import ExportError

    texts = _texts_to_verify(model)
    prompts = {prompt: name for name, prompt in model.prompts.items() if prompt}
    batches: list[tuple[list[str], dict[str, Any]]] = [(texts, {}), (texts[:1], {})]
    batches += [(texts[:2], {"prompt_name": name}) for name in prompts.values()]
    for batch, options in batches:
        ours, theirs = (each.encode(batch, batch_size=2, truncate_dim=ALL, **options) for each in (model, exported))
        difference, allowed = np.abs(ours - theirs).max(), TOLERANCE * max(1.0, np.linalg.norm(ours, axis=1).max())
        if not difference <= allowed:  # NaN is not
            raise ExportError(
                f"The exported graph differs from the model by {difference:.1e} in a number of an embedding, more than {allowed:.1e}: "
                "nothing was kept of it."
            )


def _texts_to_verify(model: "SentenceTransformer") -> list[str]:
    tokens = len(model.tokenizer(LONG_TEXT)["input_ids"])
    repeats = 1 + min(model.max_seq_length or LONGEST_VERIFIED, LONGEST_VERIFIED) // tokens
    return ["A cat sits on the mat.", "", " ", "机器学习", "التعلم الآلي", "x", LONG_TEXT * repeats]
