"""Pictures: right content, a text alternative, and bad input refused by name."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.text import Text

from helpers import plots
from tests.test_arguments import ANYTHING


@pytest.fixture(autouse=True)
def close_figures() -> Any:
    pyplot.close("all")  # those that another test on this worker left
    yield
    pyplot.close("all")


def texts_of(figure: Figure) -> set[str]:
    return {artist.get_text() for artist in figure.findobj(Text) if isinstance(artist, Text)}


def test_show_displays_the_picture_with_its_alternative_and_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append((data, more)))
    figure, _ = plots.new_figure()
    plots.show(figure, "An empty plane.")
    [(data, more)] = shown
    assert data["text/plain"] == "Figure: An empty plane."
    assert more["metadata"]["image/png"]["alt"] == "An empty plane." and more["raw"]
    assert data["image/png"].startswith(b"\x89PNG") and len(base64.b64encode(data["image/png"])) > 1000
    assert not pyplot.get_fignums()


def test_the_same_picture_has_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[bytes] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append(data["image/png"]))
    for _ in range(2):
        plots.show(plots.bars([1.0, 2.0], ["a", "b"]), "Two bars.")
    assert shown[0] == shown[1]


def test_heatmap_writes_every_score() -> None:
    said = texts_of(plots.heatmap([[1.0, 0.25], [0.5, -0.1]], ["a", "b"], ["c", "d"]))
    assert {"1.00", "0.25", "0.50", "-0.10", "a", "b", "c", "d"} <= said


def test_text_map_gives_each_group_a_marker_and_a_name() -> None:
    figure = plots.text_map([[0, 0], [1, 1], [2, 0]], ["x", "y", "x"], ["one", "two", "three"])
    assert {"x", "y", "one", "two", "three"} <= texts_of(figure)
    markers = {repr(collection.get_paths()[0].vertices) for collection in figure.axes[0].collections}
    assert len(markers) == 2


def test_bars_lines_arrows_and_distributions_carry_their_labels() -> None:
    assert "3.14 ms" in texts_of(plots.bars([3.14159], ["pi"], unit="ms"))
    assert "0.50" in texts_of(plots.bars([0.5, 0.2], ["a", "b"], intervals=[(0.4, 0.6), (0.1, 0.3)]))
    assert {"recall", "k"} <= texts_of(plots.lines([1, 2], {"recall": [0.1, 0.2], "mrr": [0.3, 0.4]}, xlabel="k", ylabel="score"))
    assert {"a", "b"} <= texts_of(plots.arrows([[1, 0], [0, 1]], ["a", "b"]))
    assert "threshold 0.50" in texts_of(plots.score_distributions([0.1, 0.9], [0, 1], threshold=0.5))


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: plots.heatmap([[1.0, 2.0]], ["a", "b"]), r"scores must have shape \(2, 2\)"),
        (lambda: plots.arrows([[1, 2, 3]], ["a"]), "vectors must have two columns"),
        (lambda: plots.arrows(np.ones((9, 2)), list("abcdefghi")), "the number of vectors must be"),
        (lambda: plots.text_map([[1, 2]], ["a", "b"]), "points must have as many items as labels"),
        (lambda: plots.bars([1, 2], ["a"]), "values must have as many items as labels"),
        (lambda: plots.bars([1], ["a"], intervals=[(2, 3)]), "intervals must be pairs"),
        (lambda: plots.bars([1], ["a"], intervals=[(0, 1, 2)]), "intervals must be pairs"),
        (lambda: plots.bars([1], ["a"], intervals=[(0, 2), (0, 2)]), "intervals must have as many items as labels"),
        (lambda: plots.lines([1], {}, xlabel="", ylabel=""), "series must be a dict"),
        (lambda: plots.show(plots.new_figure()[0], "  "), "alternative must be"),
        (lambda: plots.new_figure(width=0), "width must be"),
        (lambda: plots.score_distributions([0.5], [1], threshold=float("nan")), "threshold must be"),
    ],
)
def test_bad_input_is_refused_by_name(draw: Callable[[], object], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        draw()


@pytest.mark.parametrize("name", ["arrows", "heatmap", "text_map", "bars", "score_distributions"])
@settings(max_examples=25, deadline=None)
@given(value=ANYTHING)
def test_odd_values_are_drawn_or_refused_in_words(name: str, value: object) -> None:
    try:
        getattr(plots, name)(value, ["a"] if name != "score_distributions" else [1])
    except (TypeError, ValueError) as error:
        assert "must" in str(error)
    finally:
        pyplot.close("all")
