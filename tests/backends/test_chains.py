"""Any chain of modules is exported whole."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers import backends, hub
from helpers.backends import graphs
from tests.backends.common import ODD_TEXTS, ONE_WORKER, STAND_IN, TEXTS, difference

pytestmark = ONE_WORKER


# Any chain of modules


def test_a_chain_without_normalization_with_prompts_and_dense_layer(small: Any, small_folder: Path) -> None:
    other = backends.load(small_folder)
    texts = [*TEXTS, *ODD_TEXTS]
    assert other.prompts == small.prompts and other.default_prompt_name == "topic" and other.similarity_fn_name == "dot"
    assert other.encode("a cat").shape == (8,) and other.encode("a cat", truncate_dim=16).shape == (16,)
    assert other.get_embedding_dimension() == 8
    for call in ("encode", "encode_query", "encode_document"):
        assert difference(getattr(other, call)(texts), getattr(small, call)(texts)) <= 1e-5
    assert difference(other.encode_query(TEXTS), other.encode(TEXTS)) > 1e-3  # the prompts do change the vectors
    assert difference(other.encode(TEXTS, truncate_dim=16), small.encode(TEXTS, truncate_dim=16)) <= 1e-5
    assert not np.allclose(np.linalg.norm(other.encode(TEXTS), axis=1), 1, atol=0.01)


def test_another_architecture_is_exported_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    hub.provide(STAND_IN)
    from sentence_transformers import SentenceTransformer

    stand_in: Any = SentenceTransformer(STAND_IN, device="cpu", model_kwargs={"dtype": "float32"})
    capfd.readouterr()
    recwarn.clear()
    other: Any = backends.load(backends.export(stand_in, tmp_path / "export", format="openvino"))
    embeddings = other.encode(TEXTS)
    said = capfd.readouterr()
    assert (said.out, said.err, [str(warning.message) for warning in recwarn]) == ("", "", [])
    assert difference(embeddings, stand_in.encode(TEXTS)) <= 1e-5
    assert "token_type_ids" not in other[0].settings["inputs"]
    assert "STAND-IN" in repr(other) and "STAND-IN" in (tmp_path / "export" / "README.md").read_text(encoding="utf-8")


def test_weights_too_large_for_one_file_lie_beside_the_graph(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MOST_BYTES_IN_ONE_FILE", 1_000)
    folder = backends.export(small, tmp_path / "export")
    assert (folder / "model.onnx.data").stat().st_size > 3_000_000 > (folder / "model.onnx").stat().st_size
    backends.load(folder).save_pretrained(str(tmp_path / "copy"))
    assert difference(backends.load(tmp_path / "copy").encode(TEXTS), small.encode(TEXTS)) <= 1e-5
