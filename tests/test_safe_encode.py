"""Half the batch when memory runs out, down to one text; the cause kept, the order kept, and nothing else tried again."""

import gc
import logging
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import corpus, hub
from helpers.encoding import model_bytes, safe_encode
from helpers.encoding.out_of_memory import is_out_of_memory
from tests.test_arguments import ANYTHING

OUT_OF_MEMORY: dict[str, Callable[[], BaseException]] = {
    "torch, any device": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    "a kernel of CUDA": lambda: RuntimeError("CUDA error: out of memory"),
    "torch on the processor": lambda: caught(lambda: torch.empty(2**60, dtype=torch.uint8)),
    "torch on the processor, Windows": lambda: RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 96 bytes."),
    "MPS": lambda: RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1.00 GB)."),
    "cuBLAS": lambda: RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "Python": MemoryError,
    "numpy": lambda: caught(lambda: np.empty(2**50)),
    "ONNX Runtime": lambda: onnx_runtime_error("Failed to allocate memory for requested buffer of size 8589934592"),
}
OTHER: dict[str, BaseException] = {
    "another RuntimeError": RuntimeError("The size of tensor a (600) must match the size of tensor b (512)"),
    "an error that quotes a text": ValueError("cannot read 'out of memory'"),
    "a wrong type": TypeError("out of memory"),
    "a full disk": OSError(28, "No space left on device"),
    "ONNX Runtime": type("Fail", (Exception,), {"__module__": "onnxruntime.capi"})("Invalid rank for input"),
    "Ctrl-C": KeyboardInterrupt("out of memory"),
}


def caught(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except (RuntimeError, MemoryError) as error:
        return error
    raise AssertionError("no error")


def onnx_runtime_error(message: str) -> BaseException:
    from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

    return RuntimeException(message)


class SmallMemory:
    """An encoder that fails above a batch size. A vector says which text it is of: its number, and the text's length."""

    def __init__(self, fits: int, error: Callable[[], BaseException] = OUT_OF_MEMORY["torch, any device"], dimensions: int = 2) -> None:
        self.fits = fits
        self.error = error
        self.dimensions = dimensions
        self.tried: list[int] = []
        self.texts: list[str] = []
        self.options: dict[str, Any] = {}

    def encode(self, texts: list[str], batch_size: int = 32, **options: Any) -> np.ndarray:
        self.options = options
        for start in range(0, len(texts), batch_size):
            batch = texts[start : start + batch_size]
            self.tried.append(len(batch))
            if len(batch) > self.fits:
                raise self.error()
            self.texts += batch
        return np.array([[float(text.split()[0]), len(text)] for text in texts], dtype=np.float64)[:, : self.dimensions]


def numbered(count: int) -> list[str]:
    return [f"{index} " + "x" * (index * 37 % 61) for index in range(count)]


def expected(count: int) -> np.ndarray:
    return np.array([[index, len(text)] for index, text in enumerate(numbered(count))], dtype=np.float64)


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    hub.activate()
    from sentence_transformers import SentenceTransformer

    yield SentenceTransformer("all-MiniLM-L6-v2", device="cpu")


# Halving


@pytest.mark.parametrize("start", [64, 32, 48, 1, 7])
@pytest.mark.parametrize("fits", range(1, 65))
def test_any_memory_is_enough(fits: int, start: int) -> None:
    encoder = SmallMemory(fits)
    vectors = safe_encode(encoder, numbered(130), batch_size=start)
    assert np.array_equal(vectors, expected(130))
    assert sorted(encoder.texts) == sorted(numbered(130)), "each text once: what is done is not encoded again"
    sizes = halvings(start)
    failed = [size for size in sizes if size > fits]
    assert encoder.tried[: len(failed)] == failed
    fitted = sizes[len(failed)]
    assert encoder.tried[len(failed) :] == [fitted] * (130 // fitted) + [130 % fitted] * (130 % fitted > 0)


def halvings(start: int) -> list[int]:
    return [start] + (halvings(start // 2) if start > 1 else [])


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_every_way_of_saying_it_is_understood(error: str) -> None:
    assert is_out_of_memory(OUT_OF_MEMORY[error]())
    encoder = SmallMemory(3, OUT_OF_MEMORY[error])
    assert np.array_equal(safe_encode(encoder, numbered(20), batch_size=16), expected(20))


def test_a_corpus_smaller_than_the_batch_is_halved_itself() -> None:
    encoder = SmallMemory(2)
    safe_encode(encoder, numbered(6), batch_size=1000)
    assert encoder.tried == [6, 3, 1, 1, 1, 1, 1, 1]


def test_memory_that_runs_out_later_costs_only_one_batch() -> None:
    encoder = SmallMemory(8)
    encode = encoder.encode

    def shrinking(texts: list[str], **options: Any) -> np.ndarray:
        if len(encoder.texts) >= 24:
            encoder.fits = 4
        return encode(texts, **options)

    encoder.encode = shrinking  # type: ignore[assignment]
    assert np.array_equal(safe_encode(encoder, numbered(40), batch_size=8), expected(40))
    assert encoder.tried == [8, 8, 8, 8, 4, 4, 4, 4]


def test_every_halving_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        safe_encode(SmallMemory(8), numbered(100), batch_size=64)
    assert [record.getMessage() for record in caplog.records] == [
        f"{size} texts do not fit into memory at once, trying {size // 2}: CUDA out of memory. Tried to allocate 20.00 MiB."
        for size in (64, 32, 16)
    ]
    caplog.clear()
    safe_encode(SmallMemory(8), numbered(100), batch_size=8)
    assert not caplog.records


# What cannot be helped


@pytest.mark.parametrize("start", [1, 2, 64])
def test_a_text_that_does_not_fit_alone_is_named_and_the_cause_is_kept(start: int) -> None:
    first = OUT_OF_MEMORY["torch, any device"]()
    texts = ["0", "1 " + "x" * 5000, "2"]
    with pytest.raises(MemoryError, match=r"texts\[1\], of 5,002 characters, does not fit into memory even alone") as error:
        safe_encode(SmallMemory(0, lambda: first), texts, batch_size=start)
    assert error.value.__cause__ is first


@pytest.mark.parametrize("start", [1, 64])
@pytest.mark.parametrize("error", OTHER)
def test_what_is_not_memory_is_not_tried_again(error: str, start: int) -> None:
    assert not is_out_of_memory(OTHER[error])
    encoder = SmallMemory(0, lambda: OTHER[error])
    with pytest.raises(type(OTHER[error])) as raised:
        safe_encode(encoder, numbered(100), batch_size=start)
    assert raised.value is OTHER[error] and raised.value.__cause__ is None
    assert len(encoder.tried) == 1


def test_what_is_not_memory_after_a_halving_is_raised_without_the_halving() -> None:
    encoder = SmallMemory(8)
    encode = encoder.encode

    def failing(texts: list[str], **options: Any) -> np.ndarray:
        if len(texts) <= 8:
            raise OTHER["another RuntimeError"]
        return encode(texts, **options)

    encoder.encode = failing  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="size of tensor") as error:
        safe_encode(encoder, numbered(100), batch_size=16)
    assert error.value.__context__ is None


def test_the_failed_batch_is_let_go_before_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """A try from within `except` would keep the tensors of the failed one: the error holds its frames, and these hold them."""

    class Activations:
        pass

    held: list[weakref.ref[Activations]] = []
    seen: list[str] = []

    class Encoder(SmallMemory):
        def encode(self, texts: list[str], batch_size: int = 32, **options: Any) -> np.ndarray:
            seen.append("held" if any(reference() for reference in held) else "free")
            activations = Activations()
            held.append(weakref.ref(activations))
            return super().encode(texts, batch_size, **options)

    def empty_cache() -> None:
        seen.append("cache, held" if any(reference() for reference in held) else "cache")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", empty_cache)
    gc.disable()  # it has to be free at once, not when the collector comes by
    try:
        safe_encode(Encoder(2), numbered(8), batch_size=8)
    finally:
        gc.enable()
    assert seen == ["free", "cache", "free", "cache", "free", "free", "free", "free"]


def test_without_cuda_no_cache_is_emptied_and_cuda_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: pytest.fail("CUDA was touched"))
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    safe_encode(SmallMemory(2), numbered(8), batch_size=8)
    monkeypatch.delitem(sys.modules, "torch")
    safe_encode(SmallMemory(2, MemoryError), numbered(8), batch_size=8)


# What comes back


@given(
    texts=st.lists(st.integers(0, 9).map(lambda length: "7" * (length + 1)), max_size=30), start=st.integers(1, 40), fits=st.integers(1, 40)
)
def test_the_order_is_that_of_the_texts(texts: list[str], start: int, fits: int) -> None:
    vectors = safe_encode(SmallMemory(fits), texts or ["1"], batch_size=start)
    assert vectors[:, 0].tolist() == [float(text) for text in texts or ["1"]]


def test_no_texts_give_no_vectors_of_the_right_dimensions(model: Any) -> None:
    vectors = safe_encode(model, [], truncate_dim=128)
    assert vectors.shape == (0, 128) and vectors.dtype == np.float32


@pytest.mark.parametrize("texts", [("0", "1"), np.array(["0", "1"]), ["0", np.str_("1")]])
def test_tuples_and_arrays_of_texts_are_taken(texts: Any) -> None:
    assert safe_encode(SmallMemory(1), texts)[:, 0].tolist() == [0, 1]


def test_the_real_model_gives_the_vectors_of_encode(model: Any) -> None:
    texts = [passage.text[start : start + 20 + start // 9] for passage in corpus.passages() for start in range(0, 900, 90)][:40]
    options: dict[str, Any] = {"normalize_embeddings": True, "prompt": "passage: ", "truncate_dim": 200}
    plain = model.encode(texts, **options)
    assert np.abs(safe_encode(model, texts, **options) - plain).max() < 1e-6

    def tight(batch: list[str], **given: Any) -> Any:
        if len(batch) > 3:
            raise MemoryError
        return model.encode(batch, **given)

    vectors = safe_encode(types.SimpleNamespace(encode=tight), texts, **options)
    assert vectors.shape == (40, 200) and vectors.dtype == np.float32
    assert np.abs(vectors - plain).max() < 1e-6
    assert np.array_equal(safe_encode(model, texts, precision="binary"), model.encode(texts, precision="binary"))


def test_options_reach_encode_and_the_bar_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    encoder = SmallMemory(4)
    safe_encode(encoder, numbered(8), normalize_embeddings=True, show_progress_bar=True)
    assert encoder.options == {"normalize_embeddings": True, "show_progress_bar": False, "convert_to_numpy": True}
    assert "8/8" in capsys.readouterr().err
    safe_encode(encoder, numbered(8), show_progress_bar=None)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("output_value", "token_embeddings"), ("convert_to_tensor", True), ("convert_to_numpy", False), ("pool", {}),
        ("chunk_size", 3), ("device", ["cpu", "cpu"]), ("precision", "int8"), ("precision", "uint8"),
    ],
)  # fmt: skip
def test_options_that_would_not_give_one_array_are_refused(option: str, value: object) -> None:
    encoder = SmallMemory(9)
    with pytest.raises(ValueError, match=f"{option} must be"):
        safe_encode(encoder, ["0"], **{option: value})  # type: ignore[arg-type]
    assert not encoder.tried


@pytest.mark.parametrize("vectors", [None, np.zeros(2), np.zeros((1, 2)), np.zeros((3, 2))])
def test_what_is_no_vector_a_text_is_an_error(vectors: object) -> None:
    encoder = types.SimpleNamespace(encode=lambda texts, **options: vectors)
    with pytest.raises(ValueError, match=r"model must encode each text to a vector, got shape \(.*\) for 2 texts"):
        safe_encode(encoder, ["0", "1"])


@pytest.mark.parametrize("name", ["model", "texts", "batch_size", "show_progress_bar"])
@given(value=ANYTHING)
def test_anything_is_accepted_or_refused_by_name_in_one_sentence(name: str, value: Any) -> None:
    arguments: dict[str, Any] = {"model": types.SimpleNamespace(encode=lambda texts, **_: np.zeros((len(texts), 2))), "texts": ["0"]}
    try:
        safe_encode(**{**arguments, name: value})
    except (TypeError, ValueError) as error:
        assert str(error).startswith(name) and str(error).endswith(".") and "must be" in str(error) and "got" in str(error)
        assert "\n" not in str(error) and len(str(error)) < 300


# The size of a model


def test_the_bytes_of_a_model_are_those_of_its_parameters_and_buffers(model: Any) -> None:
    parameters = sum(weight.nbytes for weight in model.parameters())
    assert parameters == 90_852_864
    assert model_bytes(model) == parameters + sum(weight.nbytes for weight in model.buffers()) == 90_861_056
    assert model_bytes(torch.nn.Linear(3, 4).half()) == 2 * (3 * 4 + 4)


def test_shared_weights_count_once() -> None:
    shared = torch.nn.Linear(10, 10, bias=False)
    assert model_bytes(torch.nn.Sequential(shared, shared)) == 400
    tied = torch.nn.Linear(10, 10, bias=False)
    tied.weight = shared.weight
    assert model_bytes(torch.nn.Sequential(shared, tied)) == 400


@given(value=ANYTHING)
def test_what_is_no_torch_model_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="model must be a SentenceTransformer or another torch module, got"):
        model_bytes(value)
    with pytest.raises(ValueError, match="model must be a model with weights in torch, got str 'Identity'"):
        model_bytes(torch.nn.Identity())
