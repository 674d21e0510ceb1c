"""Pictures for the lessons, usable on the reader's own data. Each returns a matplotlib figure; `show` displays it with a text alternative.

Colors are Okabe and Ito's palette, which color-blind readers can tell apart, and never the only carrier: markers, labels or
numbers say the same. Figures keep a white background, so that they read in a light and in a dark theme.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe, M. & Ito, K. (2008), Color Universal Design; yellow is left out, it is hard to see on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
RESOLUTION_DPI = 110


def show(figure: "Figure", alternative: str) -> None:
    """Display a figure with its text alternative, which screen readers and the stored notebook carry. Closes the figure.

    `alternative` says what the picture shows, in a sentence or two with its main figures.
    """
    from IPython.display import display

    data, metadata = described(figure, alternative)
    display(data, raw=True, metadata=metadata)


def described(figure: "Figure", alternative: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A figure with its text alternative, as Jupyter takes them: the data by kind, and the metadata by kind. Closes the figure."""
    from matplotlib import pyplot

    arguments.text(alternative, "alternative", empty=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=RESOLUTION_DPI, bbox_inches="tight", facecolor="white")
    pyplot.close(figure)
    data = {"image/png": buffer.getvalue(), "text/plain": f"Figure: {alternative}"}
    return data, {"image/png": {"alt": alternative}}


def new_figure(width: float = 6.0, height: float = 3.6) -> "tuple[Figure, Any]":
    """An empty figure in the course's style (size in inches) and its axes, to draw on with matplotlib."""
    from matplotlib import pyplot

    arguments.number(width, "width", minimum=1, maximum=40)
    arguments.number(height, "height", minimum=1, maximum=40)
    figure, axes = pyplot.subplots(figsize=(width, height))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_prop_cycle(color=COLORS)
    return figure, axes


def arrows(vectors: Any, labels: Sequence[str], *, title: str = "") -> "Figure":
    """Two-dimensional vectors as labelled arrows from the origin, with equal scales. `vectors` has shape (n, 2), n ≤ 8."""
    points, names = _points(vectors, "vectors", labels)
    arguments.integer(len(points), "the number of vectors", maximum=len(COLORS))
    figure, axes = new_figure(4.6, 4.2)
    for (x, y), name, color in zip(points, names, COLORS, strict=False):
        axes.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2, "shrinkA": 0, "shrinkB": 0})
        axes.annotate(name, (x, y), textcoords="offset points", xytext=(6, 6), color=color, fontsize=11)
    reach = float(np.abs(points).max()) * 1.25
    low = min(0.0, float(points.min())) * 1.25 - 0.1 * reach
    axes.set(xlim=(low, reach), ylim=(low, reach), aspect="equal", title=title)
    axes.axhline(0, color="#999999", lw=0.8)
    axes.axvline(0, color="#999999", lw=0.8)
    return figure


def heatmap(scores: Any, rows: Sequence[str], columns: Sequence[str] | None = None, *, title: str = "") -> "Figure":
    """A matrix of scores of shape (rows, columns) as a picture with every number written in its field."""
    values = arguments.matrix(scores, "scores")
    row_names = arguments.texts(rows, "rows")
    column_names = row_names if columns is None else arguments.texts(columns, "columns")
    if values.shape != (len(row_names), len(column_names)):
        raise ValueError(f"scores must have shape ({len(row_names)}, {len(column_names)}) to fit the labels, got {values.shape}.")
    figure, axes = new_figure(2.6 + 0.75 * len(column_names), 1.4 + 0.5 * len(row_names))
    image = axes.imshow(values, cmap="cividis", vmin=min(0.0, float(values.min())), vmax=1.0, aspect="auto")
    middle = (image.norm.vmin + image.norm.vmax) / 2
    for (row, column), value in np.ndenumerate(values):
        axes.text(
            column,
            row,
            f"{value:.2f}".replace("-0.00", "0.00"),
            ha="center",
            va="center",
            color="black" if value > middle else "white",
            fontsize=9,
        )
    axes.set_xticks(range(len(column_names)), column_names, rotation=35, ha="right")
    axes.set_yticks(range(len(row_names)), row_names)
    axes.spines[:].set_visible(False)
    axes.set_title(title)
    return figure


def text_map(points: Any, groups: Sequence[str], labels: Sequence[str] | None = None, *, title: str = "") -> "Figure":
    """Texts as points of a plane, of shape (n, 2), with a color and a marker for each group (at most 8), and short labels."""
    positions, names = _points(points, "points", groups)
    kinds = list(dict.fromkeys(names))
    arguments.integer(len(kinds), "the number of groups", maximum=len(COLORS))
    figure, axes = new_figure(8.2, 5.2)
    for kind, color, marker in zip(kinds, COLORS, MARKERS, strict=False):
        chosen = positions[[name == kind for name in names]]
        axes.scatter(chosen[:, 0], chosen[:, 1], color=color, marker=marker, s=46, label=kind, edgecolor="white", linewidth=0.5)
    if labels is not None:
        arguments.same_length(names, "groups", arguments.texts(labels, "labels"), "labels")
        for (x, y), label in zip(positions, labels, strict=True):
            axes.annotate(label, (x, y), textcoords="offset points", xytext=(6, 3), fontsize=7.5, color="#333333")
    axes.set(xticks=[], yticks=[], title=title)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def bars(values: Any, labels: Sequence[str], *, intervals: Any = None, unit: str = "", title: str = "", decimals: int = 2) -> "Figure":
    """Horizontal bars, the first on top, each with its value written beside it.

    Args:
        values: One number a bar.
        labels: One text a bar.
        intervals: (lowest, highest) for each bar, drawn as a line with caps around the bar's end. None: no lines.
        unit: Written behind each value and under the axis.
        title: Written above the picture.
        decimals: Decimals of the written values.
    """
    numbers, names = arguments.vector(values, "values"), arguments.texts(labels, "labels")
    arguments.same_length(names, "labels", numbers, "values")
    arguments.integer(decimals, "decimals", minimum=0, maximum=6)
    figure, axes = new_figure(6.4, 0.8 + 0.42 * len(names))
    ends = numbers if intervals is None else _draw_intervals(axes, numbers, names, intervals)
    axes.barh(names, numbers, color=COLORS[0], zorder=1)
    for row, (number, end) in enumerate(zip(numbers, ends, strict=True)):
        axes.annotate(f"{number:.{decimals}f} {unit}".strip(), (end, row), xytext=(4, 0), textcoords="offset points", va="center")
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.set(title=title, xlabel=unit)
    return figure


def _draw_intervals(axes: Any, numbers: np.ndarray, names: list[str], intervals: Any) -> np.ndarray:
    """Draw a line with caps for each bar; where the written value may begin, beyond bar and line."""
    ranges = arguments.matrix(intervals, "intervals")
    arguments.same_length(names, "labels", ranges, "intervals")
    low, high = ranges.T if ranges.shape[1] == 2 else (numbers + 1, numbers)
    if not ((low <= numbers) & (numbers <= high)).all():
        raise arguments.wrong_value("intervals", intervals, "pairs (lowest, highest) around each value")
    axes.errorbar(numbers, names, xerr=[numbers - low, high - numbers], fmt="none", ecolor="black", elinewidth=1.5, capsize=4, zorder=2)
    return np.maximum(numbers, high)


def lines(x: Any, series: dict[str, Any], *, xlabel: str, ylabel: str, title: str = "") -> "Figure":
    """One line with markers for each entry of `series`, over the shared values `x`."""
    across = arguments.vector(x, "x")
    if not isinstance(series, dict) or not series:
        raise arguments.wrong_type("series", series, "a dict from a label to a vector")
    figure, axes = new_figure()
    for (label, values), marker, color in zip(series.items(), MARKERS, COLORS, strict=False):
        along = arguments.vector(values, f"series[{label!r}]")
        arguments.same_length(across, "x", along, f"series[{label!r}]")
        axes.plot(across, along, marker=marker, color=color, label=label)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if len(series) > 1:
        axes.legend(frameon=False)
    return figure


def score_distributions(scores: Any, labels: Any, *, threshold: float | None = None, title: str = "") -> "Figure":
    """Histograms of the scores of pairs with label 1 (same meaning) and 0 (different), hatched apart, and a threshold line."""
    values, kinds = arguments.vector(scores, "scores"), arguments.vector(labels, "labels")
    arguments.same_length(values, "scores", kinds, "labels")
    figure, axes = new_figure()
    bins = np.linspace(min(0.0, float(values.min())), 1.0, 21)
    for kind, name, hatch, color in ((0, "different", "//", COLORS[1]), (1, "same meaning", "", COLORS[0])):
        axes.hist(values[kinds == kind], bins=bins, alpha=0.6, label=name, hatch=hatch, color=color, edgecolor="white")
    if threshold is not None:
        arguments.number(threshold, "threshold")
        axes.axvline(threshold, color="black", ls="--", label=f"threshold {threshold:.2f}")
    axes.set(xlabel="score", ylabel="pairs", title=title)
    axes.legend(frameon=False)
    return figure


def _points(value: Any, name: str, labels: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    points, names = arguments.matrix(value, name), arguments.texts(labels, "labels")
    if points.shape[1] != 2:
        raise ValueError(f"{name} must have two columns, got shape {points.shape}.")
    arguments.same_length(names, "labels", points, name)
    return points, names
