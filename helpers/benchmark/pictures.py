"""The picture of a report: texts a second, a field for each model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from helpers import arguments, plots
from helpers.benchmark.report import Row, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FIELDS_A_LINE = 3


def draw(rows: Sequence[Row]) -> "Figure":
    """Texts a second over the batch size or, with one batch size, the length, where there are several of them; else bars.

    Lines and bars end at the median over the rounds; thin lines reach from the slowest round to the fastest.
    """
    from matplotlib import pyplot

    if isinstance(rows, str | bytes) or not isinstance(rows, Sequence) or not rows:
        raise arguments.wrong_type("rows", rows, "a list of at least one Row")
    for index, row in enumerate(rows):
        arguments.instance(row, f"rows[{index}]", Row)
    across = next((name for name in ("batch_size", "length") if len({getattr(row, name) for row in rows}) > 1), None)
    if across == "length" and any(isinstance(row.length, str) for row in rows):
        across = None
    labels = list(dict.fromkeys(row.label for row in rows))
    columns = min(len(labels), _FIELDS_A_LINE)
    lines = -(-len(labels) // columns)
    tallest = max(sum(row.label == label for row in rows) for label in labels)
    height = 3.4 if across else 1.2 + 0.32 * tallest
    figure, fields = pyplot.subplots(lines, columns, figsize=(4.4 * columns + 0.6, height * lines), squeeze=False, layout="constrained")
    series = {name: index for index, name in enumerate(dict.fromkeys(map(_series, rows)))}
    for field, label in zip(fields.flat, labels, strict=False):
        chosen = [row for row in rows if row.label == label]
        field.spines[["top", "right"]].set_visible(False)
        field.set_title(label, fontsize=10)
        if across:
            _draw_lines(field, chosen, across, series)
        else:
            _draw_bars(field, chosen)
    for field in fields.flat[len(labels) :]:
        field.set_visible(False)
    if across:
        handles = {handle.get_label(): handle for field in fields.flat for handle in field.get_legend_handles_labels()[0]}
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=min(4, len(handles)), frameon=False, fontsize=9)
    return figure


def _series(row: Row) -> str:
    """What a line of the picture is called: backend, and device where it isn't the cpu."""
    return row.backend if row.device == "cpu" else f"{row.backend}, {row.device}"


def _draw_lines(field: Any, rows: Sequence[Row], across: str, series: dict[str, int]) -> None:
    from matplotlib.ticker import LogLocator

    for name, length in dict.fromkeys((_series(row), row.length if across == "batch_size" else None) for row in rows):
        line = [row for row in rows if _series(row) == name and length in (None, row.length)]
        line.sort(key=lambda row: getattr(row, across))
        medians = [row.texts_per_second for row in line]
        number = series[name] % len(plots.COLORS)
        several = length is not None and len({row.length for row in rows}) > 1
        field.errorbar(
            [getattr(row, across) for row in line],
            medians,
            yerr=_reach(line),
            color=plots.COLORS[number],
            marker=plots.MARKERS[number],
            capsize=2,
            label=f"{name}, {length} tokens" if several else name,
        )
    field.set(xscale="log", yscale="log", xlabel=across.replace("batch_size", "texts a batch").replace("length", "tokens a text"))
    ticks = sorted({getattr(row, across) for row in rows})
    field.minorticks_off()
    field.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    field.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    field.yaxis.set_major_formatter(lambda value, _: short(value))
    field.set_ylabel("texts a second")


def _draw_bars(field: Any, rows: Sequence[Row]) -> None:
    names = [_series(row) + ("" if len({row.length for row in rows}) == 1 else f", {row.length} tokens") for row in rows]
    medians = [row.texts_per_second for row in rows]
    field.barh(names, medians, xerr=_reach(rows), color=plots.COLORS[0], error_kw={"elinewidth": 1.2, "capsize": 3})
    field.invert_yaxis()
    field.set_xlabel("texts a second")


def _reach(rows: Sequence[Row]) -> list[list[float]]:
    """How far the slowest and the fastest round are from the median."""
    below = [row.texts_per_second - row.spread[0] for row in rows]
    return [below, [row.spread[1] - row.texts_per_second for row in rows]]
