"""How much faster exports are than torch in float32, through the public encode, and what that costs in quality.

Run with ``python -m pytest -m soak -s tests/soak/test_backends_speed.py`` on a machine with nothing else to do; it prints a table.
The bars hold on two cores with AVX-512 and its int8 instructions.
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from helpers import backends, benchmark, corpus, evaluation, hub

pytestmark = pytest.mark.soak
ROUNDS = 7
TOKENS = 128
BATCHES = 3
BARS = {"openvino int8": 3.3, "openvino bf16": 2.1, "onnx int8": 2.0}
LEAST_COSINE = 0.99
MOST_SPEARMAN_LOST = 0.002


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    hub.activate()
    from sentence_transformers import SentenceTransformer

    yield SentenceTransformer("all-MiniLM-L6-v2", device="cpu")


def texts_of(model: Any, tokens: int, count: int) -> list[str]:
    """Texts of the documentation that have exactly so many tokens, [CLS] and [SEP] among them."""
    words = iter(" ".join(entry.text for entry in corpus.api_docs()[1::2]).split())
    texts: list[str] = []
    while len(texts) < count:
        chosen, left = [], tokens - 2
        while left:
            word = next(words)
            if (length := len(model.tokenizer.tokenize(word))) <= left:
                chosen.append(word)
                left -= length
        texts.append(" ".join(chosen))
    assert {len(ids) for ids in model.tokenizer(texts)["input_ids"]} == {tokens}
    return texts


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


def spearman(model: Any) -> float:
    pairs = corpus.graded_pairs()
    scores = cosines(model.encode([pair.first for pair in pairs]), model.encode([pair.second for pair in pairs]))
    return evaluation.spearman(scores, [pair.grade for pair in pairs])


def test_throughput_and_quality_of_exports(model: Any, tmp_path: Path) -> None:
    """Each bar is the median, over interleaved rounds, of torch's time and the export's in the same round."""
    calibration = [entry.text for entry in corpus.api_docs()[::14]]
    models = {"torch fp32": model}
    for format, precisions in backends.PRECISIONS.items():
        for precision in precisions:
            folder = backends.export(model, tmp_path / f"{format}-{precision}", format=format, precision=precision, texts=calibration)
            models[f"{format} {precision}"] = backends.load(folder)
    texts = texts_of(model, TOKENS, 32 * BATCHES)
    tasks = {name: (lambda other=other: other.encode(texts, batch_size=32)) for name, other in models.items()}
    seconds = {timing.task: timing.seconds for timing in benchmark.measure(tasks, ROUNDS)}
    reference, documents = model.encode(texts), [entry.text for entry in corpus.api_docs()[7::14]]
    at_best = spearman(model)
    print(f"\n{backends.processor()}\n{'':14} {'times torch':>11} {'texts/s':>8} {'cosine':>7} {'of short':>8} {'Spearman':>8}")
    missed = []
    for name, other in models.items():
        ratio = median(theirs / ours for theirs, ours in zip(seconds["torch fp32"], seconds[name], strict=True))
        cosine, loss = cosines(other.encode(texts), reference).mean(), at_best - spearman(other)
        short = cosines(other.encode(documents), model.encode(documents)).mean()
        rate = len(texts) / median(seconds[name])
        print(f"{name:14} {ratio:11.2f} {rate:8.1f} {cosine:7.4f} {short:8.4f} {at_best - loss:8.4f}")
        if ratio < BARS.get(name, 0) or cosine < LEAST_COSINE or loss > MOST_SPEARMAN_LOST:
            missed.append(f"{name}: {ratio:.2f} times, cosine {cosine:.4f}, Spearman {loss:+.4f} lower")
    assert not missed, missed
