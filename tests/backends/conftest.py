"""Exports of the real model and of a small one, each made once for all tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers import backends, hub
from helpers.backends import exporting
from helpers.backends.graphs import Traced
from tests.backends.common import ALL_EXPORTS, CALIBRATION, FORMATS, ROUNDED


@pytest.fixture(scope="session")
def model() -> Any:
    hub.activate()
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer("all-MiniLM-L6-v2", device="cpu")


@pytest.fixture(scope="session")
def exports(model: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An export in each format and precision, by names such as "openvino int8"; the model is traced once for all of them."""
    root, traced = tmp_path_factory.mktemp("exports"), Traced(model)
    texts = {True: CALIBRATION, False: []}
    for name in ALL_EXPORTS:
        format, precision = name.split()
        exporting.write_and_verify(traced, root / name, format, precision, texts[precision == "int8"])
    return {name: root / name for name in ALL_EXPORTS}


@pytest.fixture(scope="session")
def folders(exports: dict[str, Path]) -> dict[str, Path]:
    return {name: exports[f"{name} fp32"] for name in FORMATS}


@pytest.fixture(scope="session")
def rounded(exports: dict[str, Path]) -> dict[str, Any]:
    """The loaded exports whose numbers are not float32's."""
    return {name: backends.load(exports[name]) for name in ROUNDED}


@pytest.fixture(scope="session")
def loaded(folders: dict[str, Path]) -> dict[str, Any]:
    return {name: backends.load(folder) for name, folder in folders.items()}


@pytest.fixture(scope="session", params=FORMATS)
def exported(request: pytest.FixtureRequest, loaded: dict[str, Any]) -> Any:
    return loaded[request.param]


@pytest.fixture(scope="session")
def make_small(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    """A function that builds a model of one small layer, with cls pooling, a dense layer, no normalization, and prompts."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("small")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30_522, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, max_position_embeddings=64
    )
    BertModel(config).save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)

    def make() -> Any:
        torch.manual_seed(1)
        modules = [Transformer(str(folder), max_seq_length=64), Pooling(32, "cls"), Dense(32, 16)]
        prompts = {"query": "query: ", "document": "passage: ", "topic": "what is this about? "}
        options: dict[str, Any] = {"prompts": prompts, "default_prompt_name": "topic", "similarity_fn_name": "dot", "truncate_dim": 8}
        return SentenceTransformer(modules=modules, device="cpu", **options)

    return make


@pytest.fixture(scope="session")
def small(make_small: Callable[[], Any]) -> Any:
    return make_small()


@pytest.fixture(scope="session")
def small_folder(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return backends.export(small, tmp_path_factory.mktemp("small_export") / "export")
