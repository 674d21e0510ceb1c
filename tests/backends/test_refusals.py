"""What an export does not hold, and what cannot be exported, is refused in one sentence before anything is written."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers import backends
from helpers.backends.errors import ExportError
from tests.backends.common import ONE_WORKER, difference

pytestmark = ONE_WORKER


# What is not in an export


@pytest.mark.parametrize(
    "move",
    [
        lambda m: m.half(),
        lambda m: m.bfloat16(),
        lambda m: m.double(),
        lambda m: m.to("meta"),
        lambda m: m.to("cuda"),
        lambda m: m.encode("a", device="meta"),
    ],
)
def test_other_devices_and_precisions_are_refused(move: Callable[[Any], Any], small_folder: Path) -> None:
    other = backends.load(small_folder)
    before = other.encode("a cat")
    with pytest.raises(
        ExportError, match=r"^An exported model runs on the CPU in the precision that it was exported in \(fp32\): export it again"
    ):
        move(other)
    assert difference(other.float().cpu().to("cpu").eval().share_memory().encode("a cat"), before) == 0


def test_token_embeddings_and_other_inputs_are_refused(small_folder: Path) -> None:
    other = backends.load(small_folder)
    with pytest.raises(ExportError, match=r"computes the finished embedding alone: it holds no token_embeddings\.$"):
        other.encode("a cat", output_value="token_embeddings")
    for odd in (None, 3, ("a", "pair")):
        with pytest.raises(TypeError, match=r"^inputs must be strings, got \w+: an exported model reads nothing else\.$"):
            other.encode([odd])


# What is refused before anything is written


def not_exportable(make_small: Callable[[], Any]) -> dict[str, tuple[Callable[[], Any], str]]:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    def prompt_left_out() -> Any:
        made = make_small()
        made.set_pooling_include_prompt(False)
        return made

    def with_length_of_queries() -> Any:
        made = make_small()
        made[0].query_length = 16
        return made

    def router() -> Any:
        made = make_small()
        return SentenceTransformer(modules=[Router.for_query_document([made[0]], [made[0]]), made[1]], device="cpu")

    def static() -> Any:
        return SentenceTransformer(modules=[StaticEmbedding(make_small().tokenizer, embedding_dim=8)], device="cpu")

    return {
        "pooling without prompt": (prompt_left_out, "include_prompt=False"),
        "length of queries": (with_length_of_queries, "processing options of its own"),
        "router": (router, "begins with the module Router"),
        "static": (static, "begins with the module StaticEmbedding"),
        "half": (lambda: make_small().half(), r"weights in torch.float16: load it with model_kwargs=.*float32"),
        "bfloat16": (lambda: make_small().to(torch.bfloat16), r"weights in torch.bfloat16"),
        "elsewhere": (lambda: make_small().to("meta"), "on the device meta: move it"),
    }


@pytest.mark.parametrize("name", ["pooling without prompt", "length of queries", "router", "static", "half", "bfloat16", "elsewhere"])
def test_models_that_do_not_fit_are_refused(name: str, make_small: Callable[[], Any], tmp_path: Path) -> None:
    make, reason = not_exportable(make_small)[name]
    with pytest.raises(ValueError, match=rf"^model must be one that fits into a graph, got .*{reason}") as caught:
        backends.export(make(), tmp_path / "export")
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_an_export_is_not_exported_again(small_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got one that was exported already: copy it with save_pretrained\.$"):
        backends.export(backends.load(small_folder), tmp_path / "export")


@pytest.mark.parametrize("odd", [None, "all-MiniLM-L6-v2", 3, object(), [], float("nan"), b"model"])
def test_only_a_sentence_transformer_is_taken(odd: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"^model must be a SentenceTransformer, got "):
        backends.export(odd, tmp_path / "export")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "tflite"}, r"^format must be one of 'onnx', 'openvino', got str 'tflite'\.$"),
        ({"precision": "int4"}, r"^precision must be one of 'fp32', 'bf16', 'int8', got str 'int4'\.$"),
        ({"precision": "bf16"}, r"^precision must be one of 'fp32', 'int8' for the format 'onnx', got str 'bf16'\.$"),
        ({"format": None}, r"^format must be one of 'onnx', 'openvino', got None\.$"),
        ({"precision": 8}, r"^precision must be one of 'fp32', 'bf16', 'int8', got int 8\.$"),
    ],
)
def test_formats_and_precisions_are_named(options: dict[str, Any], message: str, small: Any, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        backends.export(small, tmp_path / "export", **options)


def test_the_folder_must_be_new_and_in_one_that_exists(small: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    for taken in (tmp_path, file):
        with pytest.raises(ValueError, match=r"^folder must be the path of a new folder, got '.*', which exists\.$"):
            backends.export(small, taken)
    for homeless in (tmp_path / "absent" / "export", file / "export"):
        with pytest.raises(ValueError, match=r"^folder must be the path of a new folder in one that exists, got "):
            backends.export(small, homeless)
    assert file.read_text(encoding="utf-8") == "mine" and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named(package: str, small: Any, small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=rf"The package {package} is needed .* pip install {package}$"):
        backends.export(small, tmp_path / "export")
    if package == "onnxruntime":
        with pytest.raises(ModuleNotFoundError, match=rf"The package {package} is needed .* pip install {package}$"):
            backends.load(small_folder)
    assert not list(tmp_path.iterdir())
