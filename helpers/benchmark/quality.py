"""Quality beside speed: how near a backend's vectors are to those of torch in fp32, and what that does to scores and to a search."""

import functools
import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import arguments, corpus, evaluation

FOUND = 10


@dataclass(frozen=True, slots=True)
class Quality:
    """What a backend's vectors are worth.

    Attributes:
        mean_cosine: Mean cosine similarity to the vectors of torch fp32, over the texts of the run.
        lowest_cosine: The lowest of them.
        spearman: Spearman's correlation of the cosine similarity with the grades of `corpus.graded_pairs`.
        recall_at_10: Share of the answers to `corpus.queries` among the first ten documents, out of `search_documents`.
    """

    mean_cosine: float
    lowest_cosine: float
    spearman: float
    recall_at_10: float


@functools.cache
def search_documents() -> dict[str, str]:
    """The documents of the small search: the answers to all queries, and what links to them, text by name."""
    wanted = {name for query in corpus.queries() for name in query.relevant}
    return {entry.name: entry.text for entry in corpus.api_docs() if wanted & {entry.name, *entry.see_also}}


@arguments.typed
def measure_quality(encoder: Any, texts: list[str], reference: np.ndarray) -> Quality:
    """Encode texts, graded pairs and a small search. `reference` holds the vectors of torch fp32 for `texts`, in their order."""
    vectors = unit_vectors(encoder, arguments.texts(texts, "texts"))
    if vectors.shape != reference.shape:
        raise ValueError(f"reference must have the shape {vectors.shape} of the vectors, got {reference.shape}.")
    cosines = (vectors * reference).sum(axis=1)
    pairs = corpus.graded_pairs()
    first, second = (unit_vectors(encoder, [getattr(pair, side) for pair in pairs]) for side in ("first", "second"))
    scores = (first * second).sum(axis=1)
    return Quality(
        mean_cosine=round(float(cosines.mean()), 6),
        lowest_cosine=round(float(cosines.min()), 6),
        spearman=round(evaluation.spearman(scores, [pair.grade for pair in pairs]), 6),
        recall_at_10=round(_recall(encoder), 6),
    )


@arguments.typed
def unit_vectors(encoder: Any, texts: list[str]) -> np.ndarray:
    """Vectors of length 1 in float32, one a text."""
    chosen = arguments.encoder(encoder, "encoder")
    vectors = np.asarray(chosen.encode(texts, prompt="", batch_size=32, show_progress_bar=False), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _recall(encoder: Any) -> float:
    queries, documents = corpus.queries(), search_documents()
    names = np.array(list(documents))
    scores = _as_floats(encoder.encode_query([query.text for query in queries], show_progress_bar=False))
    scores = scores @ _as_floats(encoder.encode_document(list(documents.values()), show_progress_bar=False)).T
    rankings = [names[row].tolist() for row in np.argsort(-scores, axis=1, kind="stable")]
    return statistics.fmean(evaluation.recall_at_k(ranked, query.relevant, FOUND) for ranked, query in zip(rankings, queries, strict=True))


def _as_floats(vectors: Any) -> np.ndarray:
    numbers = np.asarray(vectors, dtype=np.float32)
    return numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
