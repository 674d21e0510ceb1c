"""The one encoding function: batches of columns, the manifest, encode_large_corpus, and the library's pool."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.encoding import encode_large_corpus
from helpers.pipeline import Encoder, Manifest, Settings
from helpers.pipeline.encode import LoadingEncoder
from tests.fake_encoder import REPOSITORY, FakeEncoder, made_texts
from tests.pipeline.common import encoder


def test_a_batch_gets_its_vectors_beside_its_columns() -> None:
    batch = {"id": ["a", "b"], "text": np.array(["one", "two"], dtype=object), "more": [1, 2]}
    found = encoder()(batch)
    assert list(found) == ["id", "text", "more", "vector"] and found["id"] is batch["id"]
    assert np.array_equal(found["vector"], encoder().encode(["one", "two"]))


def test_no_texts_give_no_vectors_of_the_right_dimension() -> None:
    assert encoder(dimensions=5).encode([]).shape == (0, 5)
    assert encoder()({"text": []})["vector"].shape == (0, 8)


def test_what_is_set_reaches_the_model_and_what_is_left_alone_does_not() -> None:
    model = FakeEncoder()
    Encoder(model, Settings(prompt="doc: ", truncate_dim=4, batch_size=7)).encode(["x"])
    Encoder(model, Settings(normalize_embeddings=False)).encode(["x"])
    always = {"texts": ["x"], "show_progress_bar": False, "convert_to_numpy": True}
    assert model.calls[0] == always | {"batch_size": 7, "prompt": "doc: ", "truncate_dim": 4, "normalize_embeddings": True}
    assert model.calls[1] == always | {"batch_size": 32}


def test_encode_large_corpus_takes_an_encoder_for_a_model(tmp_path: Path) -> None:
    texts = made_texts(50)
    found = encode_large_corpus(encoder(), texts, tmp_path / "vectors.npy", chunk_size=20, show_progress_bar=False)
    assert np.array_equal(found[:20], encoder().encode(texts[:20]))


def test_encode_large_corpus_does_not_go_on_with_other_settings(tmp_path: Path) -> None:
    def stopped() -> Any:
        yield from made_texts(30)
        raise KeyboardInterrupt

    path = tmp_path / "vectors.npy"
    with pytest.raises(KeyboardInterrupt):
        encode_large_corpus(encoder(), stopped(), path, chunk_size=20, show_progress_bar=False)
    with pytest.raises(ValueError, match="model"):
        encode_large_corpus(encoder(settings=Settings(prompt="doc: ")), made_texts(30), path, chunk_size=20, show_progress_bar=False)


def test_the_manifest_says_what_made_the_vectors() -> None:
    found = Encoder(FakeEncoder(), Settings(prompt="doc: ", precision="float16"), name="all-fake", revision="abc").manifest
    assert (found.model, found.revision, found.prompt, found.dimension, found.precision, found.normalized) == (
        "all-fake",
        "abc",
        "doc: ",
        8,
        "float16",
        True,
    )
    assert found.library == "sentence-transformers 6.2.0"
    assert "all-fake, revision abc: 8 x float16, length 1, prompt 'doc: '" in str(found)


def test_a_model_from_a_hub_carries_its_name_and_its_revision() -> None:
    class Loaded(FakeEncoder):
        class model_card_data:
            base_model, base_model_revision = "maker/model", 40 * "a"

    manifest = Encoder(Loaded()).manifest
    assert (manifest.model, manifest.revision) == ("maker/model", 40 * "a") and "maker/model, revision aaaaaaaaaaaa…: " in str(manifest)
    named = Encoder(Loaded(), name="mine", revision="b").manifest
    assert (named.model, named.revision) == ("mine", "b") and named.differences(manifest) == []


def test_the_manifest_is_that_of_the_model_as_it_is_now() -> None:
    """Whoever trains a loaded model on, or lets it read longer texts, has another model."""
    model = FakeEncoder()
    same = Encoder(model)
    before = same.manifest
    assert same.manifest == before
    model.max_seq_length = 64  # type: ignore[attr-defined]
    assert before.differences(same.manifest) == ["the model 'FakeEncoder' there and 'FakeEncoder' here differ in max_seq_length"]
    del model.max_seq_length  # type: ignore[attr-defined]
    model.seed = 1  # other weights, so to say
    with pytest.raises(ValueError, match="differ in its vector of a fixed text"):
        before.refuse_other(same.manifest)


def test_a_manifest_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    found = encoder(settings=Settings(prompt="ü \n", precision="float16")).manifest
    found.write(tmp_path)
    assert Manifest.read(tmp_path) == found and Manifest.read(tmp_path).differences(found) == []
    found.write(tmp_path)
    with pytest.raises(FileExistsError, match="belongs to other vectors"):
        encoder(seed=1).manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == found


def test_names_and_versions_are_labels_and_the_last_digits_are_forgiven() -> None:
    import dataclasses

    first = encoder().manifest
    same = dataclasses.replace(first, model="other name", revision="x", library="later", probe=tuple(v * 1.0001 for v in first.probe))
    assert first.differences(same) == []
    other = dataclasses.replace(first, library="later", probe=tuple(-v for v in first.probe))
    assert first.differences(other) == ["the vector of a fixed text is another with later than with sentence-transformers 6.2.0"]
    first.refuse_other(same)


def test_a_model_that_gives_something_else_is_refused() -> None:
    class Odd:
        def __init__(self, answer: Any) -> None:
            self.answer = answer

        def encode(self, texts: list[str], **options: Any) -> Any:
            return self.answer

    for answer in (np.zeros(3), np.zeros((2, 3)), np.zeros((1, 0)), np.zeros((1, 3), dtype=int)):
        with pytest.raises(ValueError, match="model must encode each text to a vector of floating-point numbers, got"):
            Encoder(Odd(answer)).encode(["x"])
    with pytest.raises(ValueError, match="model must encode to finite numbers, got NaN or infinity"):
        Encoder(Odd(np.array([[np.nan]]))).encode(["x"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"precision": "int8"}, "precision must be one of 'float32', 'float16', got str 'int8'"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got int 0"),
        ({"truncate_dim": 0}, "truncate_dim must be"),
        ({"prompt": 3}, "prompt must be a string"),
        ({"normalize_embeddings": 1}, "normalize_embeddings must be True or False"),
    ],
)
def test_settings_are_checked(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        Settings(**wrong)


def test_an_encoder_that_loads_wants_a_function() -> None:
    assert LoadingEncoder(FakeEncoder, name="x").manifest.dimension == 8
    with pytest.raises(TypeError, match="load must be a function without arguments that returns the model"):
        LoadingEncoder(FakeEncoder())  # type: ignore[arg-type]


def test_a_batch_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"batch must have a column 'text', got \['id'\]"):
        encoder()({"id": ["a"]})


def test_the_pool_is_the_models_own_and_is_always_stopped() -> None:
    class Pooled(FakeEncoder):
        open_pools = 0

        def start_multi_process_pool(self, devices: list[str]) -> str:
            self.open_pools += 1
            return "+".join(devices)

        def stop_multi_process_pool(self, pool: str) -> None:
            self.open_pools -= 1

    model = Pooled()
    with Encoder(model).pool(["cpu", "cpu"]) as pooled:
        assert model.open_pools == 1
        pooled.encode(["x"])
        assert model.calls[-1]["pool"] == "cpu+cpu"
    with pytest.raises(RuntimeError), Encoder(model).pool(["cpu"]):
        raise RuntimeError
    assert model.open_pools == 0


def test_the_package_needs_no_engine_until_one_is_used() -> None:
    """In a process where no engine can be found, as after installing requirements.txt alone."""
    code = """
import sys
for name in ("lancedb", "ray", "pyarrow", "psycopg", "pgvector", "pandas"):
    sys.modules[name] = None
from helpers import pipeline
from tests.pipeline.common import encoder
assert "torch" not in sys.modules
manifest = encoder().manifest
for call in (
    lambda: pipeline.VectorTable.create("folder", manifest),
    lambda: pipeline.local_cluster().__enter__(),
    lambda: pipeline.encode_parquet("a", "b", list, manifest=manifest),
):
    try:
        call()
    except ModuleNotFoundError as error:
        assert "which is not installed: run python -m pip install -r requirements-beyond.txt" in str(error), error
    else:
        raise AssertionError("no engine, and no error")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
