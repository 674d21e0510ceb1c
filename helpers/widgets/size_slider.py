"""What fewer dimensions and fewer bits cost a search: recall against bytes, for every size and precision at once."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments, encoding, plots
from helpers.widgets.controls import Checkbox, Choice, Slider
from helpers.widgets.markup import escape, svg, table
from helpers.widgets.panel import Panel, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PRECISIONS = ("float32", "float16", "int8", "binary")
SIZES_SHOWN = 12
FEWEST_DIMENSIONS = 16
MOST_QUERIES = 200
"""So many queries are measured; of more, evenly spread ones. With 4,000 documents, all sizes then take about two seconds."""

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 310, 50, 90, 28, 40
SHAPES = {
    "float32": "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "float16": "m-4-4h8v8h-8z",
    "int8": "m0-5l5 9h-10z",
    "binary": "m0-5.5l5.5 5.5l-5.5 5.5l-5.5-5.5z",
}
SHAPE_NAMES = {"float32": "circle", "float16": "square", "int8": "triangle", "binary": "diamond"}


@dataclass(frozen=True, slots=True)
class Point:
    """One way to store a vector: its dimensions, precision, bytes, and the recall that it reaches."""

    dimensions: int
    precision: str
    turned: bool
    bytes: int
    recall: float

    def __str__(self) -> str:
        return f"{self.dimensions} dimensions in {self.precision}{' turned by PCA' if self.turned else ''}"


def shrunk(vectors: Any, dimensions: int, precision: str) -> np.ndarray:
    """The first dimensions of each vector, normalized again and rounded to a precision, as float32 for computing with them.

    Args:
        vectors: Shape (n, at least `dimensions`).
        dimensions: How many are kept.
        precision: "float32"; "float16"; "int8" (one factor for all numbers, as in lesson 12); or "binary" (the signs).
    """
    rows = arguments.matrix(vectors, "vectors")
    size = arguments.integer(dimensions, "dimensions", minimum=1, maximum=rows.shape[1])
    return _rounded(_unit(_float32(rows)[:, :size]), arguments.choice(precision, "precision", PRECISIONS))


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return rows / np.where(lengths == 0, 1, lengths)


def _rounded(unit: np.ndarray, precision: str) -> np.ndarray:
    if precision == "binary":
        return np.where(unit > 0, np.float32(1), np.float32(-1))
    if precision == "float16":
        return unit.astype(np.float16).astype(np.float32)
    return np.round(unit * (127 / max(float(unit.max()), float(-unit.min()), 1e-12))) if precision == "int8" else unit


def best_rows(queries: Any, documents: Any, k: int) -> np.ndarray:
    """For each query, the rows of the `k` documents with the largest dot products, in any order: shape (queries, k)."""
    asked, stored = arguments.matrix(queries, "queries"), arguments.matrix(documents, "documents")
    count = arguments.integer(k, "k", minimum=1, maximum=len(stored))
    if asked.shape[1] != stored.shape[1]:
        raise ValueError(f"queries must have as many dimensions as documents, got {asked.shape[1]} and {stored.shape[1]}.")
    return _best_rows(asked, stored, count)


def _best_rows(queries: np.ndarray, documents: np.ndarray, k: int) -> np.ndarray:
    return np.argpartition(-(queries @ documents.T), k - 1, axis=1)[:, :k]


def compare_sizes(documents: Any, queries: Any, *, k: int = 10, relevant: Sequence[Collection[int]] | None = None) -> list[Point]:
    """Recall@k of each size and precision, with the dimensions as they are, and turned by PCA on the documents.

    Args:
        documents: Vectors of shape (n, d), d at least 16.
        queries: Vectors of shape (q, d).
        k: Hits that count.
        relevant: For each query, the rows of the documents that answer it. None: the k best by the full float32 vectors.

    Returns:
        For each of at most 12 sizes (multiples of 8), four precisions, and twice: a point.
    """
    stored, asked = arguments.matrix(documents, "documents"), arguments.matrix(queries, "queries")
    if stored.shape[1] < FEWEST_DIMENSIONS or asked.shape[1] != stored.shape[1]:
        wanted = f"vectors of one size of at least {FEWEST_DIMENSIONS} dimensions"
        raise ValueError(f"documents and queries must be {wanted}, got shapes {stored.shape} and {asked.shape}.")
    count = arguments.integer(k, "k", minimum=1, maximum=len(stored))
    wanted_rows = _wanted(relevant, len(asked), len(stored))
    if wanted_rows is None:
        wanted_rows = [*_best_rows(shrunk(asked, stored.shape[1], "float32"), shrunk(stored, stored.shape[1], "float32"), count)]
    points = []
    for turned, (ours, theirs) in {False: (_float32(stored), _float32(asked)), True: _turned(stored, asked)}.items():
        for size in sizes(stored.shape[1]):
            asking, answering = _unit(theirs[:, :size]), _unit(ours[:, :size])
            for precision in PRECISIONS:
                found = _best_rows(_rounded(asking, precision), _rounded(answering, precision), count)
                recall = float(np.mean([np.isin(wanted, hits).mean() for wanted, hits in zip(wanted_rows, found, strict=True)]))
                points.append(Point(size, precision, turned, encoding.embedding_bytes(1, size, precision), recall))
    return points


def sizes(dimensions: int) -> list[int]:
    """At most 12 evenly spaced multiples of 8, so that eight signs fill a byte, up to `dimensions` where 8 divides it."""
    whole = arguments.integer(dimensions, "dimensions", minimum=FEWEST_DIMENSIONS) // 8
    step = next(step for step in range(math.ceil(whole / SIZES_SHOWN), whole + 1) if whole % step == 0)
    return list(range(8 * step, 8 * whole + 1, 8 * step))


class SizeSlider(Panel):
    """Dimensions and precision on top, what they keep of a search below.

    Args:
        documents: Vectors of shape (n, d), in float32, d at least 16.
        queries: Vectors of shape (q, d); of more than 200, an evenly spread 200 are used.
        k: Hits that count.
        relevant: For each query, the rows of the documents that answer it. None: the k best by the full float32 vectors.
    """

    title = "What a search loses with fewer dimensions and bits"

    def __init__(self, documents: Any, queries: Any, *, k: int = 10, relevant: Sequence[Collection[int]] | None = None) -> None:
        asked = arguments.matrix(queries, "queries")
        wanted = _wanted(relevant, len(asked), len(arguments.matrix(documents, "documents")))
        chosen = np.unique(np.linspace(0, len(asked) - 1, min(len(asked), MOST_QUERIES)).round().astype(int))
        self._queries, self._k, self._by_hand = len(chosen), k, wanted is not None
        self._points = compare_sizes(documents, asked[chosen], k=k, relevant=None if wanted is None else [wanted[row] for row in chosen])
        self._full = 4 * asked.shape[1]
        known = sorted({point.dimensions for point in self._points})
        half = min(known, key=lambda size: abs(size - known[-1] / 4))
        super().__init__(
            [
                Slider("dimensions", "Dimensions kept", half, known[0], known[-1], known[0]),
                Choice("precision", "Precision", "int8", PRECISIONS, radio=True),
                Checkbox("turned", "turn the vectors by PCA, so that the first dimensions hold the most"),
            ]
        )

    def view(self, **values: Any) -> View:
        """The chosen point in words, the picture of recall against bytes, and the table behind it."""
        chosen = self._chosen(**values)
        row = [point for point in self._points if point.turned == chosen.turned]
        words = self._words(chosen)
        drawing = svg(WIDTH, HEIGHT, f"{self._measure} against bytes a vector. {words}", _drawing(row, chosen, self._measure))
        return View(words, drawing + _table(row, chosen, self._measure))

    def picture(self, **values: Any) -> "Figure":
        """Recall against bytes, one line a precision, the chosen point ringed."""
        chosen = self._chosen(**values)
        figure, axes = plots.new_figure(7.0, 3.8)
        for precision, marker, color in zip(PRECISIONS, plots.MARKERS, plots.COLORS, strict=False):
            line = [point for point in self._points if (point.turned, point.precision) == (chosen.turned, precision)]
            axes.plot([p.bytes for p in line], [p.recall for p in line], marker=marker, color=color, label=precision)
        axes.plot(chosen.bytes, chosen.recall, "o", markersize=15, markerfacecolor="none", markeredgecolor="black", markeredgewidth=2)
        axes.set_title(f"Ringed: {chosen}, {chosen.bytes:,} bytes, {chosen.recall:.2f}", fontsize=11)
        axes.set_xscale("log", base=2)
        ticks = _ticks([point.bytes for point in self._points])
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.set(xlabel="bytes a vector", ylabel=self._measure)
        axes.legend(frameon=False, loc="lower right")
        return figure

    @property
    def _measure(self) -> str:
        return f"recall@{self._k}" if self._by_hand else f"share of the {self._k} exact hits kept"

    def _chosen(self, dimensions: float, precision: str, turned: bool) -> Point:
        alike = [point for point in self._points if (point.precision, point.turned) == (precision, turned)]
        return min(alike, key=lambda point: abs(point.dimensions - dimensions))

    def _words(self, chosen: Point) -> str:
        takes = f"{str(chosen)[:1].upper()}{str(chosen)[1:]} take {chosen.bytes:,} of the full {self._full:,} bytes a vector"
        reach = f"reach a recall@{self._k} of {chosen.recall:.2f}" if self._by_hand else f"keep {chosen.recall:.0%} of the exact hits"
        begin = f"{takes} and {reach} ({self._queries} queries)."
        best = max((point for point in self._points if point.bytes <= chosen.bytes), key=lambda point: (point.recall, -point.bytes))
        if best.recall <= chosen.recall:
            return f"{begin} Nothing measured here reaches more with as few bytes."
        figure = f"{best.recall:.2f}" if self._by_hand else f"{best.recall:.0%}"
        return f"{begin} More for no more bytes: {best}, {best.bytes:,} bytes, {figure}."


def _wanted(relevant: Any, queries: int, documents: int) -> list[np.ndarray] | None:
    """For each query the rows that answer it, as arrays; None where none are given."""
    if relevant is None:
        return None
    if isinstance(relevant, str | bytes) or not isinstance(relevant, Sequence):
        raise arguments.wrong_type("relevant", relevant, "a list that gives, for each query, the rows of its documents")
    if len(relevant) != queries:
        raise ValueError(f"relevant must have as many items as queries, got {len(relevant)} and {queries}.")
    rows = []
    for index, some in enumerate(relevant):
        if isinstance(some, str | bytes) or not isinstance(some, Collection) or len(some) == 0:
            raise arguments.wrong_type(f"relevant[{index}]", some, "a list or a set of at least one row of the documents")
        rows.append(np.array([arguments.integer(row, f"relevant[{index}]", minimum=0, maximum=documents - 1) for row in some]))
    return rows


def _turned(documents: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both turned by PCA without centering: the first dimensions hold the most of the documents, and all scores stay as they are."""
    rows = np.asarray(documents, dtype=np.float64)
    _, directions = np.linalg.eigh(rows.T @ rows)  # the largest last
    turn = directions[:, ::-1]
    return _float32(rows @ turn), _float32(queries @ turn)


def _float32(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors, dtype=np.float32)


def _ticks(sizes_in_bytes: Sequence[int]) -> list[int]:
    """Powers of four from the smallest number of bytes to the largest."""
    low, high = math.log(min(sizes_in_bytes), 4), math.log(max(sizes_in_bytes), 4)
    return [4**power for power in range(math.ceil(low - 0.3), math.floor(high + 0.3) + 1)]


def _drawing(points: Sequence[Point], chosen: Point, measure: str) -> str:
    """One line a precision over a logarithmic scale of bytes, each with a marker of its own; the chosen point is ringed."""
    low, high = math.log(min(point.bytes for point in points)), math.log(max(point.bytes for point in points))

    def place(point: Point) -> tuple[float, float]:
        share = (math.log(point.bytes) - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - point.recall * (HEIGHT - TOP - BOTTOM)

    body = _axes(low, high, _ticks([point.bytes for point in points]), measure)
    for precision in PRECISIONS:
        line = [point for point in points if point.precision == precision]
        places = [place(point) for point in line]
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
        body += f'<polyline points="{path}" fill="none" stroke="currentColor" stroke-opacity="0.5"/>'
        for point, (x, y) in zip(line, places, strict=True):
            told = escape(f"{point}: {point.bytes:,} bytes, {point.recall:.2f}")
            body += f'<path fill="currentColor" d="M{x:.0f} {y:.0f}{SHAPES[precision]}"><title>{told}</title></path>'
    x, y = place(chosen)
    body += f'<circle cx="{x:.0f}" cy="{y:.0f}" r="11" fill="none" stroke="currentColor" stroke-width="3"/>'
    return body + _legend()


def _axes(low: float, high: float, ticks: Sequence[int], measure: str) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    body = f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="currentColor"/>'
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - share * (bottom - TOP)
        body += f'<path d="M{LEFT} {y:.0f}H{right}" stroke="currentColor" stroke-opacity="0.15"/>'
        body += f'<text x="{LEFT - 6}" y="{y + 4:.0f}" font-size="12" text-anchor="end" fill="currentColor">{share:.2f}</text>'
    for tick in ticks:
        x = LEFT + (math.log(tick) - low) / (high - low) * (right - LEFT)
        body += f'<text x="{x:.0f}" y="{bottom + 16}" font-size="12" text-anchor="middle" fill="currentColor">{tick:,}</text>'
    middle = (LEFT + right) // 2
    body += f'<text x="{middle}" y="{HEIGHT - 6}" font-size="12" text-anchor="middle" fill="currentColor">bytes a vector</text>'
    return body + f'<text x="{LEFT - 34}" y="{TOP - 14}" font-size="12" fill="currentColor">{escape(measure)}</text>'


def _legend() -> str:
    body = ""
    for row, precision in enumerate(PRECISIONS):
        y = TOP + 30 + 22 * row
        body += f'<path fill="currentColor" d="M{WIDTH - RIGHT + 18} {y}{SHAPES[precision]}"/>'
        body += f'<text x="{WIDTH - RIGHT + 30}" y="{y + 4}" font-size="12" fill="currentColor">{precision}</text>'
    return body


def _table(points: Sequence[Point], chosen: Point, measure: str) -> str:
    recalls = {(point.dimensions, point.precision): point for point in points}

    def cell(point: Point) -> str:
        return f'<span class="strong">▸ {point.recall:.2f}</span>' if point == chosen else f"{point.recall:.2f}"

    known = sorted({point.dimensions for point in points}, reverse=True)
    rows = [(str(size), *(cell(recalls[size, precision]) for precision in PRECISIONS)) for size in known]
    caption = f"{measure[:1].upper()}{measure[1:]}, by dimensions and precision; ▸ marks the choice"
    return table(("Dimensions", *PRECISIONS), rows, caption, markup=True)
