"""When a batch does not fit into memory: which errors say so, and how to go on with a smaller one."""

import logging
import sys
from typing import Any

import numpy as np

from helpers import arguments
from helpers.encoding.options import take_progress_bar

logger = logging.getLogger(__name__)

# What torch (CPU, CUDA, ROCm, MPS, XPU), cuBLAS, cuDNN and ONNX Runtime write when memory ran out. Lower case.
MESSAGES = (
    "out of memory",
    "can't allocate memory",
    "defaultcpuallocator: not enough memory",  # torch on Windows
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "failed to allocate memory",
)


def safe_encode(model: Any, texts: list[str], *, batch_size: int = 32, **options: Any) -> np.ndarray:
    """``model.encode`` that halves its batch, down to a single text, each time that memory runs out.

    Batches are made as ``encode`` makes them, of texts of similar length, the longest first: what does not fit shows at once. Batches
    that are done are not encoded again; those that follow have the smaller size. Every halving is logged as a warning. Other errors are
    passed on as they are.

    Args:
        model: A SentenceTransformer, or anything with its method ``encode``.
        texts: The texts.
        batch_size: How many texts to try first.
        options: Passed to ``encode``, for example ``prompt_name="document"``, ``normalize_embeddings=True``, ``truncate_dim=128``.
            ``show_progress_bar=True`` shows a bar over the texts.

    Returns:
        One vector a text, in the order of the texts: shape (texts, dimensions), (0, dimensions) for no texts. They are those of ``encode``
        with the batch size that fitted, up to rounding.

    Raises:
        TypeError, ValueError: Where an argument is of the wrong kind, or an option would not give such an array.
        MemoryError: Where a single text does not fit. The error names it, and its cause is the original one.
    """
    model = arguments.encoder(model, "model")
    texts = arguments.texts(texts, "texts", empty=True)
    batch_size = arguments.integer(batch_size, "batch_size", minimum=1)
    show_progress_bar = take_progress_bar(options, "safe_encode")
    if not texts:
        return _encoded(model, [""], 1, options)[:0]
    longest_first = np.argsort([-len(text) for text in texts])  # as encode does it, so that its batches are the same
    return _encoded_in_batches(model, texts, longest_first, batch_size, options, show_progress_bar)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of the processor or of a graphics card.

    Such are MemoryError, torch.OutOfMemoryError, and those errors of torch and ONNX Runtime that say so in their message only.
    """
    error = arguments.instance(error, "error", BaseException)
    if isinstance(error, MemoryError) or any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    # ONNX Runtime's errors are no RuntimeError. Any other kind of error could quote these words from a text.
    says_by_message = isinstance(error, RuntimeError) or type(error).__module__.startswith("onnxruntime.")
    return says_by_message and any(words in str(error).lower() for words in MESSAGES)


def _encoded_in_batches(
    model: Any, texts: list[str], order: np.ndarray, size: int, options: dict[str, Any], show_progress_bar: bool
) -> np.ndarray:
    from tqdm.auto import tqdm

    result: np.ndarray | None = None
    done = 0
    with tqdm(total=len(texts), desc="Encoding", unit=" texts", disable=not show_progress_bar) as bar:
        while done < len(texts):
            places = order[done : done + size]
            try:
                vectors = _encoded(model, [texts[place] for place in places], size, options)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if len(places) == 1:
                    raise _does_not_fit_alone(texts, int(places[0])) from error
                size = len(places) // 2
                logger.warning("%d texts do not fit into memory at once, trying %d: %s", len(places), size, _first_line(error))
            else:
                if result is None:
                    result = np.empty((len(texts), vectors.shape[1]), dtype=vectors.dtype)
                result[places] = vectors
                done += len(places)
                bar.update(len(places))
                continue
            # Only here, after the except block: until its end the error holds the failed call's frames, and these their tensors.
            _empty_cache()
    assert result is not None
    return result


def _encoded(model: Any, texts: list[str], size: int, options: dict[str, Any]) -> np.ndarray:
    vectors = np.asarray(model.encode(texts, batch_size=size, show_progress_bar=False, convert_to_numpy=True, **options))
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise ValueError(f"model must encode each text to a vector, got shape {vectors.shape} for {len(texts)} texts.")
    return vectors


def _does_not_fit_alone(texts: list[str], place: int) -> MemoryError:
    length = len(texts[place])
    return MemoryError(f"texts[{place}], of {length:,} characters, does not fit into memory even alone: shorten it, or set max_seq_length.")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _empty_cache() -> None:
    """Give back what torch keeps of a GPU's memory for later use, so that it can be cut into other pieces; nothing without CUDA."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
