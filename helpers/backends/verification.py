"""Whether an export gives what the model itself gives: to five decimals in float32, in direction where numbers are rounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments, corpus
from helpers.backends.errors import ExportError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# The largest difference between a number of the export and the same number of torch, for embeddings up to length 1.
TOLERANCE = 1e-5

# Below this mean cosine to the model's own embeddings, an export is taken for broken.
LEAST_COSINE = {"bf16": 0.999, "int8": 0.97}

# Texts that a cosine is measured on.
MOST_COMPARED = 128

# A text, repeated until it has about so many tokens.
LONG_TEXT = "a text that is so long that the model may have to cut it "
LONGEST_VERIFIED = 600

# Dimensions to truncate to when none are to be lost, more than any model has: None would mean the model's own truncate_dim.
ALL = 2**31 - 1


@dataclass(frozen=True)
class Agreement:
    """How near embeddings are to the model's own: over ``texts`` texts, the mean and the lowest cosine of a pair."""

    texts: int
    mean_cosine: float
    lowest_cosine: float


@arguments.typed
def cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The cosine of each row of one matrix and the same row of another, in float64."""
    first, second = (np.asarray(each, dtype=np.float64) for each in (ours, theirs))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first * second).sum(axis=1) / np.maximum(lengths, 1e-30)


def verify(model: "SentenceTransformer", exported: "SentenceTransformer", precision: str, texts: Sequence[str] = ()) -> Agreement:
    """Refuse an export whose embeddings are not the model's.

    Args:
        model: What was exported.
        exported: The same, loaded from the export.
        precision: ``"fp32"``: every number has to be equal to `TOLERANCE`. ``"bf16"``, ``"int8"``: the mean cosine has to be at least
            `LEAST_COSINE`.
        texts: What to compare them on; without, sentences of the course's own. In fp32 these come beside odd texts.

    Raises:
        ExportError: They are not.
    """
    arguments.choice(precision, "precision", ("fp32", *LEAST_COSINE))
    if precision == "fp32":
        _verify_every_number(model, exported)
    compared = spread(texts or _sentences_and_passages(), MOST_COMPARED)
    ours, theirs = (each.encode(compared, truncate_dim=ALL, show_progress_bar=False) for each in (model, exported))
    found = cosines(ours, theirs)
    agreement = Agreement(len(compared), float(found.mean()), float(found.min()))
    least = LEAST_COSINE.get(precision, 1 - TOLERANCE)
    if not agreement.mean_cosine >= least:  # NaN is not
        raise ExportError(
            f"The exported graph in {precision} gives embeddings with a mean cosine of {agreement.mean_cosine:.4f} to the model's own, "
            f"less than {least:g}: nothing was kept of it."
        )
    return agreement


def spread(texts: Sequence[str], most: int) -> list[str]:
    """At most ``most`` of the texts, from the shortest to the longest in equal steps."""
    texts, most = arguments.texts(texts, "texts"), arguments.integer(most, "most", minimum=1)
    by_length = sorted(texts, key=lambda text: (len(text), text))
    steps = np.linspace(0, len(by_length) - 1, min(most, len(by_length))).round().astype(int)
    return [by_length[step] for step in steps]


def _verify_every_number(model: "SentenceTransformer", exported: "SentenceTransformer") -> None:
    texts = _odd_texts(model)
    prompts = {prompt: name for name, prompt in model.prompts.items() if prompt}
    batches: list[tuple[list[str], dict[str, Any]]] = [(texts, {}), (texts[:1], {})]
    batches += [(texts[:2], {"prompt_name": name}) for name in prompts.values()]
    for batch, options in batches:
        ours, theirs = (
            each.encode(batch, batch_size=2, truncate_dim=ALL, show_progress_bar=False, **options) for each in (model, exported)
        )
        difference, allowed = np.abs(ours - theirs).max(), TOLERANCE * max(1.0, np.linalg.norm(ours, axis=1).max())
        if not difference <= allowed:  # NaN is not
            raise ExportError(
                f"The exported graph differs from the model by {difference:.1e} in a number of an embedding, more than {allowed:.1e}: "
                "nothing was kept of it."
            )


def _sentences_and_passages() -> list[str]:
    return [*(pair.first for pair in corpus.graded_pairs()), *(passage.text for passage in corpus.passages())]


def _odd_texts(model: "SentenceTransformer") -> list[str]:
    tokens = len(model.tokenizer(LONG_TEXT)["input_ids"])
    repeats = 1 + min(model.max_seq_length or LONGEST_VERIFIED, LONGEST_VERIFIED) // tokens
    return ["A cat sits on the mat.", "", " ", "机器学习", "التعلم الآلي", "x", LONG_TEXT * repeats]
