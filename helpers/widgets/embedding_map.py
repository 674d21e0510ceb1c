"""A map of texts to look around in: PCA of their vectors, with zoom, a search for words, and in words what lies in the middle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments, plots
from helpers.widgets.controls import Slider, TextBox
from helpers.widgets.markup import escape, paragraph, svg, table
from helpers.widgets.panel import Panel, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 720, 480
ASPECT = WIDTH / HEIGHT
MOST_DRAWN = 500
NEAREST = 8
CLOSEST_ZOOM = 20
TITLE_CHARACTERS, CELL_CHARACTERS, QUOTED_CHARACTERS = 160, 90, 60
# Outlines around the point that comes before them, in the order of plots.MARKERS.
SHAPES = {
    "circle": "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "square": "m-3.6-3.6h7.2v7.2h-7.2z",
    "triangle": "m0-5l5 9h-10z",
    "diamond": "m0-5.5l4.5 5.5l-4.5 5.5l-4.5-5.5z",
    "triangle on its tip": "m0 5l5-9h-10z",
    "plus": "m-1.7-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
    "cross": "m-5-2.6l2.4-2.4 2.6 2.6 2.6-2.6 2.4 2.4-2.6 2.6 2.6 2.6-2.4 2.4-2.6-2.6-2.6 2.6-2.4-2.4 2.6-2.6z",
    "bar": "m-1.5-6h3v12h-3z",
}


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the map in view: its middle in percent of the map, and how many times it is enlarged."""

    across: float
    up: float
    zoom: float

    def __contains__(self, place: np.ndarray) -> bool:
        return bool(np.abs(place - (self.across, self.up)).max() <= 50 / self.zoom)

    def distances(self, places: np.ndarray) -> np.ndarray:
        """How far each place lies from the middle, in the map's height: shape (n,)."""
        return np.hypot(ASPECT * (places[:, 0] - self.across), places[:, 1] - self.up)

    def side(self, place: np.ndarray) -> str:
        """Where a place lies, seen from the view: "in view", or "outside: left, above"."""
        if place in self:
            return "in view"
        reach = 50 / self.zoom
        sides = ["left"] * bool(place[0] < self.across - reach) + ["right"] * bool(place[0] > self.across + reach)
        return "outside: " + ", ".join(sides + ["below"] * bool(place[1] < self.up - reach) + ["above"] * bool(place[1] > self.up + reach))


def plane(vectors: Any) -> tuple[np.ndarray, float]:
    """The two directions along which vectors vary most, as places on a map, and the share of the variance that these keep.

    Args:
        vectors: Shape (n, d), n at least 3, d at least 2.

    Returns:
        Places of shape (n, 2), in percent of the map from its left and from its lower edge, at one scale; and a share from 0 to 1.
    """
    from sklearn.decomposition import PCA

    rows = arguments.matrix(vectors, "vectors")
    if len(rows) < 3 or rows.shape[1] < 2:
        raise ValueError(f"vectors must be at least 3 rows of at least 2 dimensions, got shape {rows.shape}.")
    if not (rows != rows[0]).any():
        return np.full((len(rows), 2), 50.0), 1.0
    pca = PCA(n_components=2, random_state=0).fit(rows)
    points = pca.transform(rows)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 1.05 * max((high[0] - low[0]) / ASPECT, high[1] - low[1])
    return 50 + 100 * (points - (low + high) / 2) / (scale * np.array([ASPECT, 1.0])), float(pca.explained_variance_ratio_.sum())


def containing(texts: Sequence[str], words: str) -> np.ndarray:
    """The numbers of the texts that hold all of these words, in any case; none for white space."""
    known, wanted = arguments.texts(texts, "texts"), arguments.text(words, "words").casefold().split()
    return np.array([row for row, text in enumerate(known) if wanted and all(word in text.casefold() for word in wanted)], dtype=int)


class EmbeddingMap(Panel):
    """Texts as points of a plane. Sliders or the mouse enlarge and move it; tables say what lies in the middle and what was found.

    Args:
        texts: At least 3 texts.
        vectors: One vector a text, shape (n, d).
        groups: A group for each text, at most 8 different ones; each has its own mark.
        find: Words to mark at first.
    """

    title = "Map of the texts"

    def __init__(self, texts: Sequence[str], vectors: Any, groups: Sequence[str] | None = None, *, find: str = "") -> None:
        self._texts = arguments.texts(texts, "texts")
        self._vectors = arguments.matrix(vectors, "vectors")
        arguments.same_length(self._texts, "texts", self._vectors, "vectors")
        self._groups = ["texts"] * len(self._texts) if groups is None else arguments.texts(groups, "groups")
        arguments.same_length(self._texts, "texts", self._groups, "groups")
        names = dict.fromkeys(self._groups)
        if len(names) > len(SHAPES):
            raise arguments.wrong_value("groups", list(names), f"at most {len(SHAPES)} different groups")
        self._marks = dict(zip(names, SHAPES, strict=False))
        self._places, self._kept = plane(self._vectors)
        # Of too many, these are drawn first: a fixed draw, so that moving the map keeps the points that stay in view.
        self._turn = np.random.default_rng(0).permutation(len(self._texts))
        super().__init__(
            [
                TextBox("find", "Find words", arguments.text(find, "find")),
                Slider("zoom", "Enlarge", 1, 1, CLOSEST_ZOOM, 1),
                Slider("across", "Across (%)", 50, 0, 100, 0.5),
                Slider("up", "Up (%)", 50, 0, 100, 0.5),
            ]
        )

    def view(self, **values: Any) -> View:
        """The part of the map in view as a drawing; then its middle, what was found, and the groups as tables."""
        window, found = self._window(**values), containing(self._texts, values["find"])
        inside = self._inside(window)
        drawn = self._drawn(inside, found)
        words = self._words(window, inside, found, values["find"])
        label = f"Map of {len(self._texts):,} texts. {words}"
        drawing = f"<div data-map>{svg(WIDTH, HEIGHT, label, self._drawing(window, drawn, found))}</div>"
        few = (
            f" {len(drawn):,} of the {len(inside):,} texts in view are drawn; enlarge the map to see all."
            if len(drawn) < len(inside)
            else ""
        )
        hint = "Point at a mark to read its text. Drag to move, turn the wheel with Ctrl held to enlarge." + few
        tables = self._table_of_groups(inside) + self._table_of_middle(inside) + self._table_of_found(window, found, values["find"])
        return View(words, drawing + paragraph(hint) + tables)

    def picture(self, **values: Any) -> "Figure":
        """The part in view with a marker for each group; found texts are ringed."""
        window, found = self._window(**values), containing(self._texts, values["find"])
        inside = self._inside(window)
        figure, axes = plots.new_figure(8.2, 5.2)
        for (group, _), marker, color in zip(self._marks.items(), plots.MARKERS, plots.COLORS, strict=False):
            places = self._places[[row for row in inside if self._groups[row] == group]]
            axes.scatter(
                places[:, 0], places[:, 1], s=12 if len(inside) > MOST_DRAWN else 40, marker=marker, color=color, alpha=0.6, label=group
            )
        if len(ringed := self._places[found]):
            style = {"s": 110, "facecolor": "none", "edgecolor": "black", "linewidth": 1.5}
            axes.scatter(ringed[:, 0], ringed[:, 1], label=f"“{values['find']}”", **style)
        reach = 50 / window.zoom
        limits = {"xlim": (window.across - reach, window.across + reach), "ylim": (window.up - reach, window.up + reach)}
        axes.set(xticks=[], yticks=[], title=f"{len(inside):,} texts; the map keeps {self._kept:.0%} of the variance", **limits)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        return figure

    def _window(self, find: str, **middle: float) -> Window:
        return Window(**middle)

    def _inside(self, window: Window) -> np.ndarray:
        """The texts in view, nearest to the middle first."""
        reach = 50 / window.zoom
        rows = np.flatnonzero((np.abs(self._places - (window.across, window.up)) <= reach).all(axis=1))
        return rows[np.argsort(window.distances(self._places[rows]), kind="stable")]

    def _drawn(self, inside: np.ndarray, found: np.ndarray) -> list[int]:
        """At most MOST_DRAWN texts in view: what was found first, then the draw."""
        seen = set(inside.tolist())
        wanted = [row for row in found.tolist() if row in seen]
        others = (row for row in self._turn.tolist() if row in seen)
        return list(dict.fromkeys([*wanted, *others]))[:MOST_DRAWN]

    def _words(self, window: Window, inside: np.ndarray, found: np.ndarray, sought: str) -> str:
        told = f"{len(inside):,} of {len(self._texts):,} texts {'is' if len(inside) == 1 else 'are'} in view"
        if len(self._marks) > 1 and len(inside):
            names = [self._groups[row] for row in inside]
            most = max(self._marks, key=names.count)
            told += f", {names.count(most):,} of them {most}"
        told += "."
        if len(inside) > 1:
            score = self._similarities(inside[:2])[1]
            told += f" Nearest to the middle: “{_short(self._texts[inside[0]], QUOTED_CHARACTERS)}”; its neighbor on the map has a "
            told += f"similarity of {score:.2f} to it. The map keeps {self._kept:.0%} of the variance."
        if sought.strip():
            here = sum(self._places[row] in window for row in found)
            told += f" “{sought.strip()}”: found in {_counted(len(found), 'text')}, {here:,} in view, ringed."
        return told

    def _similarities(self, rows: np.ndarray) -> np.ndarray:
        """Cosine similarities of texts with the first of them."""
        vectors = self._vectors[rows].astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1)
        return vectors @ vectors[0] / np.maximum(lengths * lengths[0], 1e-12)

    def _drawing(self, window: Window, drawn: Sequence[int], found: np.ndarray) -> str:
        ringed, body = set(found.tolist()), []
        numbers = {group: number for number, group in enumerate(self._marks)}
        for row in reversed(drawn):  # what was found lies on top
            x = WIDTH / 2 + (self._places[row, 0] - window.across) * window.zoom * WIDTH / 100
            y = HEIGHT / 2 - (self._places[row, 1] - window.up) * window.zoom * HEIGHT / 100
            group = self._groups[row]
            title = escape(f"{group}: {_short(self._texts[row], TITLE_CHARACTERS)}")
            outline = f"M{x:.0f} {y:.0f}{SHAPES[self._marks[group]]}"
            body.append(f'<path class="group group-{numbers[group]}" d="{outline}"><title>{title}</title></path>')
            if row in ringed:
                body.append(
                    f'<circle cx="{x:.0f}" cy="{y:.0f}" r="9" fill="none" stroke="currentColor" stroke-width="2.5" pointer-events="none"/>'
                )
        middle = f"M{WIDTH / 2 - 8:.0f} {HEIGHT / 2:.0f}h16M{WIDTH / 2:.0f} {HEIGHT / 2 - 8:.0f}v16"
        frame = f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" fill="none" stroke="currentColor" pointer-events="none"/>'
        ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="transparent"/>'
        return f'{ground}{"".join(body)}<path d="{middle}" stroke="currentColor" stroke-width="1.5" pointer-events="none"/>{frame}'

    def _table_of_middle(self, inside: np.ndarray) -> str:
        if not len(inside):
            return paragraph("No text is in view: move the map, or enlarge it less.")
        rows = inside[:NEAREST]
        cells = [
            (str(place), _short(self._texts[row], CELL_CHARACTERS), self._groups[row], f"{score:.2f}")
            for place, (row, score) in enumerate(zip(rows, self._similarities(rows), strict=True), 1)
        ]
        return table(("No.", "Text", "Group", "Similarity to the first"), cells, "Nearest to the middle of the view, by the map")

    def _table_of_found(self, window: Window, found: np.ndarray, sought: str) -> str:
        if not len(found):
            return ""
        rows = found[np.argsort(window.distances(self._places[found]), kind="stable")][:NEAREST]
        cells = [
            (str(place), _short(self._texts[row], CELL_CHARACTERS), self._groups[row], window.side(self._places[row]), *self._position(row))
            for place, row in enumerate(rows, 1)
        ]
        caption = f"Found “{sought.strip()}”: the {len(rows)} nearest to the middle of {len(found):,}"
        return table(("No.", "Text", "Group", "Where", "Across (%)", "Up (%)"), cells, caption)

    def _position(self, row: int) -> tuple[str, str]:
        across, up = self._places[row]
        return f"{across:.1f}", f"{up:.1f}"

    def _table_of_groups(self, inside: np.ndarray) -> str:
        names = [self._groups[row] for row in inside]
        rows = []
        for number, (group, shape) in enumerate(self._marks.items()):
            mark = svg(14, 14, shape, f'<path class="group group-{number}" d="M7 7{SHAPES[shape]}"/>')
            rows.append((escape(group), mark, f"{names.count(group):,}", f"{self._groups.count(group):,}"))
        return table(("Group", "Mark", "In view", "In all"), rows, "Groups and their marks", markup=True)


def _short(text: str, characters: int) -> str:
    """A text on one line, cut between words to so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= characters else line[: characters - 2].rsplit(" ", 1)[0] + " …"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
