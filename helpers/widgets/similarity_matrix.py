"""A matrix of scores with a threshold to move, and what the threshold does to the pairs that people call equal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments, evaluation, plots
from helpers.evaluation import Confusion
from helpers.widgets import markup
from helpers.widgets.controls import Slider
from helpers.widgets.panel import Panel, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TEXTS = 30
MARKS = {(True, True): "●", (True, False): "▲", (False, True): "○", (False, False): ""}
"""By (called a match, is a match)."""
LEGEND = "● called a match, and is one · ▲ called a match, but is none · ○ a match that is missed"


class SimilarityMatrix(Panel):
    """The scores of all pairs of a few texts, and how many of them a threshold puts on the right side.

    Args:
        texts: 2 to 30 different texts.
        scores: Their similarities, shape (texts, texts), such as ``model.similarity(vectors, vectors)``. Symmetric: each pair counts once.
        same: The pairs that people call equal, each as two of the texts or as two positions in them.
        threshold: The score to begin with, from which on a pair is called a match.
    """

    title = "Similarity matrix with a threshold"

    def __init__(self, texts: Sequence[str], scores: Any, same: Sequence[tuple[Any, Any]] = (), *, threshold: float = 0.5) -> None:
        self.texts = arguments.texts(texts, "texts")
        arguments.integer(len(set(self.texts)), "the number of different texts", minimum=max(2, len(self.texts)), maximum=MOST_TEXTS)
        self.scores = _square(scores, len(self.texts))
        self.same = marked_pairs(self.texts, same)
        pairs = self.scores[np.triu_indices(len(self.texts), 1)]
        lowest, highest = min(0.0, float(np.floor(pairs.min() * 10) / 10)), max(1.0, float(np.ceil(pairs.max() * 10) / 10))
        start = arguments.number(threshold, "threshold", minimum=lowest, maximum=highest)
        super().__init__([Slider("threshold", "Called a match from this score on", start, lowest, highest, 0.01)])

    def view(self, **values: Any) -> View:
        """The confusion counts in words, as a table, and marked in the matrix."""
        counts = confusion(self.scores, self.same, values["threshold"])
        return View(told(counts, values["threshold"]), _counted(counts) + _matrix(self.texts, self.scores, self.same, values["threshold"]))

    def picture(self, **values: Any) -> "Figure":
        """The matrix with its marks."""
        return _drawn(self.texts, self.scores, self.same, values["threshold"])


def marked_pairs(texts: Sequence[str], same: Sequence[tuple[Any, Any]]) -> np.ndarray:
    """A table of yes and no, shape (texts, texts), symmetric: which pairs people call equal.

    Raises:
        TypeError, ValueError: Where a pair is not two different ones of the texts, or of their positions.
    """
    texts = arguments.texts(texts, "texts")
    if isinstance(same, str | bytes) or not isinstance(same, Sequence):
        raise arguments.wrong_type("same", same, "a list of pairs of texts")
    table = np.zeros((len(texts), len(texts)), dtype=bool)
    for number, pair in enumerate(same):
        accepted = "two different ones of texts, or of their positions"
        if isinstance(pair, str | bytes) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise arguments.wrong_type(f"same[{number}]", pair, accepted)
        first, second = (_position(texts, one) for one in pair)
        if first is None or second is None or first == second:
            raise arguments.wrong_value(f"same[{number}]", pair, accepted)
        table[[first, second], [second, first]] = True
    return table


def confusion(scores: Any, same: Any, threshold: float) -> Confusion:
    """What a threshold does to the pairs above the diagonal of a square matrix of scores.

    Args:
        scores: Shape (texts, texts).
        same: Which pairs are matches, True or False, of the same shape.
        threshold: A pair is called a match when its score is at least this.

    Raises:
        TypeError, ValueError: Where the two are no square matrices of one shape.
    """
    table = _square(scores, None)
    if not isinstance(same, np.ndarray) or same.dtype != bool or same.shape != table.shape:
        raise arguments.wrong_type("same", same, f"an array of True and False of the shape of scores, {table.shape}")
    above = np.triu_indices(len(table), 1)
    return evaluation.confusion(table[above], same[above], threshold)


@arguments.typed
def told(counts: Confusion, threshold: float) -> str:
    """The counts of a threshold and the measures made of them, in words."""
    right, wrong, missed = counts.true_positives, counts.false_positives, counts.false_negatives
    called, total = right + wrong, right + wrong + missed + counts.true_negatives
    start = f"From {_figure(arguments.number(threshold, 'threshold'))} on, {called} of {total} pairs {_is(called)} called a match"
    if not right + missed:
        return f"{start}. No pair is marked as the same, so none can be right or wrong."
    counted = f"{start}: {right} rightly and {wrong} wrongly. {missed} of the {right + missed} matches {_is(missed)} missed."
    recall = right / (right + missed)
    if not called:
        return f"{counted} Recall is {recall:.2f}; without a call there is no precision."
    precision = right / called
    f1 = 2 * right / (2 * right + wrong + missed)
    return f"{counted} Precision is {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f}."


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _square(scores: Any, size: int | None) -> np.ndarray:
    table = arguments.matrix(scores, "scores")
    wanted = (len(table) if size is None else size,) * 2
    if table.shape != wanted:
        raise ValueError(f"scores must be a square matrix, one row and one column a text {wanted}, got shape {table.shape}.")
    if not np.allclose(table, table.T, atol=1e-3):
        raise ValueError("scores must be symmetric, the same for both orders of a pair, got a matrix that is not.")
    return table


def _position(texts: list[str], one: Any) -> int | None:
    if isinstance(one, str):
        return texts.index(one) if one in texts else None
    is_number = isinstance(one, int | np.integer) and not isinstance(one, bool)
    return int(one) if is_number and 0 <= one < len(texts) else None


def _counted(counts: Confusion) -> str:
    rows = [
        ["is a match", f"{counts.true_positives} ● true positives", f"{counts.false_negatives} ○ false negatives"],
        ["is no match", f"{counts.false_positives} ▲ false positives", f"{counts.true_negatives} true negatives"],
    ]
    return markup.table(["pairs", "called a match", "called no match"], rows, "Each pair once")


def _matrix(texts: list[str], scores: np.ndarray, same: np.ndarray, threshold: float) -> str:
    rows = []
    for row, text in enumerate(texts):
        cells = [_cell(scores[row, column], bool(same[row, column]), threshold) if column > row else "" for column in range(len(texts))]
        rows.append([f"{row + 1} {markup.escape(markup.excerpt(text, 50))}", *cells[1:]])
    header = ["text", *[str(column + 1) for column in range(1, len(texts))]]
    table = markup.table(header, rows, f"Scores of all pairs. {LEGEND}", markup=True)
    return f'<div class="dense">{table}</div>'


def _cell(score: float, is_match: bool, threshold: float) -> str:
    called = bool(score >= threshold)
    figure = _figure(score)
    mark = f"&nbsp;{MARKS[called, is_match]}" if called or is_match else ""
    return f'<span class="strong">{figure}</span>{mark}' if called else f"{figure}{mark}"


def _figure(score: float) -> str:
    return f"{score:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _drawn(texts: list[str], scores: np.ndarray, same: np.ndarray, threshold: float) -> "Figure":
    size = len(texts)
    figure, axes = plots.new_figure(2.6 + 0.55 * size, 1.2 + 0.36 * size)
    above = np.triu(np.ones((size, size), dtype=bool), 1)
    axes.imshow(np.where(above, scores, np.nan)[:, 1:], cmap="Blues", vmin=min(0.0, float(scores.min())), vmax=1.3, aspect="auto")
    for row, column in zip(*np.nonzero(above), strict=True):
        called = bool(scores[row, column] >= threshold)
        text = f"{_figure(scores[row, column])} {MARKS[called, bool(same[row, column])]}".rstrip()
        axes.text(column - 1, row, text, ha="center", va="center", fontsize=8, fontweight="bold" if called else "normal")
    axes.set_xticks(range(size - 1), [str(column + 1) for column in range(1, size)])
    axes.set_yticks(range(size), [f"{markup.excerpt(text, 50)}  {row + 1}" for row, text in enumerate(texts)], parse_math=False)
    axes.spines[:].set_visible(False)
    axes.set_title(LEGEND, fontsize=9, loc="right")
    axes.set_xlabel(f"bold: called a match, from {threshold:.2f} on")
    return figure
