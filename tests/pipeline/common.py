"""What the tests of the pipeline share: documents, encoders, a folder in two states, and what to skip where an engine is missing."""

import importlib.util

import numpy as np
import pytest

from helpers.pipeline import Document, Encoder, Settings
from tests.fake_encoder import FakeEncoder

FIELDS = {"number": int, "package": str}


def _needs(*engines: str) -> pytest.MarkDecorator:
    missing = [name for name in engines if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{' and '.join(missing)} not installed: pip install -r requirements-beyond.txt")


needs_lancedb = _needs("lancedb")
needs_ray = _needs("ray")
needs_psycopg = _needs("psycopg", "pgvector")


class PlainEncoder(FakeEncoder):
    """A `FakeEncoder` whose vectors depend on the text alone: for comparisons of runs that make other batches."""

    def _numbers(self, text: str, padded_to: int, options: dict[str, object]) -> np.ndarray:
        return super()._numbers(text, 0, options)


def encoder(seed: int = 0, dimensions: int = 8, seconds_a_batch: float = 0.0, settings: Settings | None = None) -> Encoder:
    """An encoder without torch; its vectors depend on the batch, as a real model's do in the last digits."""
    return Encoder(FakeEncoder(seed, dimensions, seconds_a_batch=seconds_a_batch), settings, name="fake")


def document(index: int, edition: int = 0) -> Document:
    """The document of a number in one of its editions: every seventh text changes, every eleventh gets another field."""
    text = f"text {index} of the quick brown fox" + (f", edition {edition}" if index % 7 == 0 else "")
    return Document(f"doc-{index:05}", text, {"number": index, "package": f"p{index % 3 + (edition if index % 11 == 0 else 0)}"})


def collection(count: int = 300, edition: int = 0) -> list[Document]:
    """So many documents; the next edition lacks the first twenty and has twenty more."""
    return [document(index, edition) for index in range(20 * edition, count + 20 * edition)]
