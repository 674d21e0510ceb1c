"""What the tests of the exports share: texts, ways of calling a model, and measures of difference."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from helpers import backends, corpus, evaluation

# One worker: its exports are made once.
ONE_WORKER = pytest.mark.xdist_group("backends")

FORMATS = ["onnx", "openvino"]
ALL_EXPORTS = [f"{format} {precision}" for format in FORMATS for precision in backends.PRECISIONS[format]]
ROUNDED = [name for name in ALL_EXPORTS if not name.endswith("fp32")]
CALIBRATION = [entry.text for entry in corpus.api_docs()[::80]]
STAND_IN = "BAAI/bge-m3"
ODD_TEXTS = [
    "",
    " \t\n ",
    "word " * 5_000,
    "😀🚀 👩‍👩‍👧‍👦",
    "机器学习使用算法",
    "التعلم الآلي يستخدم الخوارزميات",
    "नमस्ते दुनिया",
    "\x00\x07\x1b[31m\u200b\ufeff",
    "[SEP] [CLS] [PAD]",
    "x",
    "a" * 10_000,
]


TEXTS = ["a cat on a mat", "", "Python is a programming language. " * 20, "what is a dog?"]
CALLS: dict[str, Callable[[Any], Any]] = {
    "one text": lambda m: m.encode("a cat"),
    "no text": lambda m: m.encode([]),
    "array of texts": lambda m: m.encode(np.array(TEXTS)),
    "query": lambda m: m.encode_query(TEXTS),
    "document": lambda m: m.encode_document(TEXTS),
    "prompt": lambda m: m.encode(TEXTS, prompt="about: "),
    "truncated and normalized": lambda m: m.encode(TEXTS, truncate_dim=64, normalize_embeddings=True),
    "tensor": lambda m: m.encode(TEXTS, convert_to_tensor=True),
    "list of tensors": lambda m: np.stack(m.encode(TEXTS, convert_to_numpy=False)),
    "progress bar": lambda m: m.encode(TEXTS, show_progress_bar=True, batch_size=2),
    "everything": lambda m: np.stack([item["sentence_embedding"] for item in m.encode(TEXTS, output_value=None)]),
    "token limit of a call": lambda m: m.encode(TEXTS, processing_kwargs={"text": {"max_length": 8}}),
    "similarity": lambda m: m.similarity(m.encode(TEXTS), m.encode(TEXTS)),
    "pairs": lambda m: m.similarity_pairwise(m.encode(TEXTS), m.encode(TEXTS[::-1])),
    "tokens": lambda m: m.preprocess(TEXTS)["input_ids"],
}


def difference(first: Any, second: Any) -> float:
    return float(np.abs(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)).max())


def cosines(first: Any, second: Any) -> Any:
    return (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


def spearman(model: Any) -> float:
    """Spearman's correlation between people's grades of pairs and the cosines of their embeddings."""
    pairs = corpus.graded_pairs()
    scores = cosines(model.encode([pair.first for pair in pairs]), model.encode([pair.second for pair in pairs]))
    return evaluation.spearman(scores, [pair.grade for pair in pairs])


def tokens_of(model: Any, words: list[str], count: int) -> str:
    """The first of the words that are one token each."""
    single = [word for word in words[: count * 12 + 200] if len(model.tokenizer.tokenize(word)) == 1]
    return " ".join(single[:count])
