"""The token vectors of a text in a plane, and where six poolings put the vector of the text among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments, plots
from helpers.widgets import markup, tokens
from helpers.widgets.controls import Choice, TextBox
from helpers.widgets.panel import Panel, View
from helpers.widgets.tokens import POOLINGS, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLE = "Heavy rain fell in the north last night."
WIDTH, HEIGHT, MARGIN = 640, 380, 46
CHARACTER, LINE = 7.2, 15.0  # the size of the drawing's letters, for labels that do not overlap
MOST_LABELS = 40
NEGLIGIBLE = 0.005  # a share that gets no line


@dataclass(frozen=True, slots=True)
class Plane:
    """Token vectors and pooled vectors, all scaled to length 1, projected onto the plane in which the tokens differ most.

    Attributes:
        pieces: The names of the tokens.
        points: Where the tokens stand in the drawing, shape (tokens, 2), from the upper left corner.
        pooled: Where each pooling stands, by its name.
        cosines: The cosine of each token with each pooling, shape (tokens,), by the pooling's name.
        between: The cosine of each two poolings, in the order of POOLINGS.
        shares: How much each token adds to each pooling, shape (tokens,), by the pooling's name.
        explained: The share of the tokens' variance that the plane shows, from 0 to 1.
    """

    pieces: tuple[str, ...]
    points: np.ndarray
    pooled: dict[str, np.ndarray]
    cosines: dict[str, np.ndarray]
    between: np.ndarray
    shares: dict[str, np.ndarray]
    explained: float


class PoolingExplorer(Panel):
    """The vectors of a text's tokens, and the six vectors that the library's poolings make of them.

    Args:
        model: A SentenceTransformer with a fast tokenizer. It is used as it is and not changed.
        text: The text to begin with.
        pooling: The pooling to begin with. None: the model's own.
    """

    title = "Pooling explorer"

    def __init__(self, model: Any, text: str = SAMPLE, *, pooling: str | None = None) -> None:
        self.model = model
        self.own = tokens.model_pooling(model)
        start = self.own if pooling is None else arguments.choice(pooling, "pooling", POOLINGS)
        self._last: tuple[str, Plane] | None = None
        super().__init__(
            [
                TextBox("text", "Text", arguments.text(text, "text")),
                Choice("pooling", f"Pooling (the model's own is {self.own})", start, POOLINGS, radio=True),
            ]
        )

    def view(self, **values: Any) -> View:
        """The drawing, the tokens with their shares, and the poolings among each other."""
        plane, chosen = self._plane(values["text"]), values["pooling"]
        return View(told(plane, chosen), _svg(plane, chosen) + _tokens_table(plane, chosen) + _poolings_table(plane, chosen))

    def picture(self, **values: Any) -> "Figure":
        """The drawing alone."""
        return _drawn(self._plane(values["text"]), values["pooling"])

    def _plane(self, text: str) -> Plane:
        """The model runs once for a text: another pooling needs nothing new from it."""
        if self._last is None or self._last[0] != text:
            found = tokens.read_tokens(self.model, text, tokens.limits(self.model)[1])
            self._last = text, project(found.pieces_read(), found.vectors)
        return self._last[1]


def project(pieces: Sequence[str], vectors: Any) -> Plane:
    """Lay token vectors and their six poolings into a plane, by principal component analysis of the tokens.

    Args:
        pieces: The names of the tokens.
        vectors: Their vectors, shape (tokens, dimensions), without padding.

    Raises:
        TypeError, ValueError: Where there are fewer than two tokens, or the two do not belong together.
    """
    names, rows = arguments.texts(pieces, "pieces"), arguments.matrix(vectors, "vectors")
    arguments.same_length(names, "pieces", rows, "vectors")
    arguments.integer(len(names), "the number of pieces", minimum=2)
    pooled = tokens.unit(np.stack([tokens.contributions(rows, mode).sum(axis=0) for mode in POOLINGS]))
    units = tokens.unit(rows)
    center = units.mean(axis=0)
    _, spread, axes = np.linalg.svd(units - center, full_matrices=False)
    axes = axes[:2] if len(axes) > 1 else np.vstack([axes, np.zeros_like(axes)])
    axes = axes * np.where(axes[np.arange(2), np.abs(axes).argmax(axis=1)] < 0, -1, 1)[:, None]  # the sign is free: the same everywhere
    flat = _fitted(np.vstack([units, pooled]) @ axes.T - center @ axes.T)
    return Plane(
        pieces=tuple(names),
        points=flat[: len(names)],
        pooled=dict(zip(POOLINGS, flat[len(names) :], strict=True)),
        cosines=dict(zip(POOLINGS, (units @ pooled.T).T, strict=True)),
        between=pooled @ pooled.T,
        shares={mode: tokens.shares(rows, mode) for mode in POOLINGS},
        explained=float((spread[:2] ** 2).sum() / max((spread**2).sum(), 1e-12)),
    )


def told(plane: Plane, pooling: str) -> str:
    """Which token is nearest to the pooled vector, which adds most, and how far the other poolings are, in words."""
    arguments.instance(plane, "plane", Plane)
    pooling = arguments.choice(pooling, "pooling", POOLINGS)
    nearest, strongest = int(plane.cosines[pooling].argmax()), int(plane.shares[pooling].argmax())
    row = plane.between[POOLINGS.index(pooling)]
    others = [place for place, name in enumerate(POOLINGS) if name != pooling]
    near, far = max(others, key=lambda place: row[place]), min(others, key=lambda place: row[place])
    return (
        f"{pooling} pooling: the nearest of the {len(plane.pieces)} tokens is “{plane.pieces[nearest]}” "
        f"(cosine {plane.cosines[pooling][nearest]:.2f}), and “{plane.pieces[strongest]}” adds most, "
        f"{percent(plane.shares[pooling][strongest])}. "
        f"Of the other poolings, {POOLINGS[near]} is closest (cosine {row[near]:.2f}) and {POOLINGS[far]} farthest ({row[far]:.2f})."
    )


def place_labels(points: Any, labels: Sequence[str]) -> list[tuple[float, float] | None]:
    """Where each label can begin without covering another one, or None where it finds no room; earlier labels choose first.

    Args:
        points: The points to label in the drawing, shape (labels, 2), from the upper left corner.
        labels: One text a point.

    Raises:
        TypeError, ValueError: Where the two do not belong together.
    """
    spots, names = arguments.matrix(points, "points"), arguments.texts(labels, "labels")
    arguments.same_length(names, "labels", spots, "points")
    taken: list[tuple[float, float, float, float]] = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots]
    placed: list[tuple[float, float] | None] = []
    for (x, y), name in zip(spots, names, strict=True):
        wide = CHARACTER * len(name)
        corners = [(x + 11, y + 4), (x - 11 - wide, y + 4), (x - wide / 2, y - 9), (x - wide / 2, y + 18), (x + 8, y - 8), (x + 8, y + 16)]
        free = [corner for corner in corners if _is_free(corner, wide, taken)]
        placed.append(free[0] if free else None)
        if free:
            taken.append(_box(free[0], wide))
    return placed


def _box(corner: tuple[float, float], wide: float) -> tuple[float, float, float, float]:
    x, y = corner
    return x, y - LINE + 4, x + wide, y + 3


def _is_free(corner: tuple[float, float], wide: float, taken: list[tuple[float, float, float, float]]) -> bool:
    left, top, right, bottom = _box(corner, wide)
    inside = left >= 0 and right <= WIDTH and top >= 0 and bottom <= HEIGHT
    return inside and not any(left < r and right > x and top < b and bottom > y for x, y, r, b in taken)


def _fitted(flat: np.ndarray) -> np.ndarray:
    """Points of the plane as points of the drawing, with equal scales."""
    low, high = flat.min(axis=0), flat.max(axis=0)
    room = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    scale = float((room / np.maximum(high - low, 1e-9)).min())
    middle = (low + high) / 2
    return (flat - middle) * scale * [1, -1] + [WIDTH / 2, HEIGHT / 2]


def _marks(plane: Plane) -> tuple[list[str], np.ndarray]:
    """The poolings' labels and places; those at one and the same place share a label."""
    groups: list[tuple[list[str], np.ndarray]] = []
    for name, point in plane.pooled.items():
        same = next((group for group in groups if np.abs(group[1] - point).max() < 1), None)
        if same is None:
            groups.append(([name], point))
        else:
            same[0].append(name)
    return [" = ".join(names) for names, _ in groups], np.stack([point for _, point in groups])


def _labels(plane: Plane) -> tuple[list[str], list[str], list[tuple[float, float] | None]]:
    """What is written into the drawing, what kind of thing it names, and where it begins, if there is room."""
    names, marks = _marks(plane)
    pieces, points = plane.pieces[:MOST_LABELS], plane.points[:MOST_LABELS]
    kinds = ["pooling"] * len(names) + ["token"] * len(pieces)
    return [*names, *pieces], kinds, place_labels(np.vstack([marks, points]), [*names, *pieces])


def _svg(plane: Plane, chosen: str) -> str:
    alternative = (
        f"{len(plane.pieces)} tokens as dots, the poolings as diamonds, {chosen} filled and joined to the tokens that it is made of; "
        "the tables tell the same"
    )
    note = (
        f"Dots are tokens, diamonds are poolings, all scaled to length 1. The plane shows {percent(plane.explained)} of what sets the "
        "tokens apart. The thicker a line, the more the token adds."
    )
    body = "".join([*_svg_lines(plane, chosen), *_svg_dots(plane), *_svg_diamonds(plane, chosen), *_svg_names(plane)])
    return markup.svg(WIDTH, HEIGHT, alternative, body) + markup.paragraph(note)


def _svg_lines(plane: Plane, chosen: str) -> list[str]:
    x, y = plane.pooled[chosen]
    style = 'stroke="currentColor" stroke-opacity="0.5"'
    return [f'<path d="M{x:.0f} {y:.0f}L{a:.0f} {b:.0f}" {style} stroke-width="{5 * part:.1f}"/>' for (a, b), part in _parts(plane, chosen)]


def _svg_dots(plane: Plane) -> list[str]:
    dot = '<circle cx="{:.0f}" cy="{:.0f}" r="4" fill="currentColor"><title>{}</title></circle>'
    return [dot.format(a, b, markup.escape(piece)) for piece, (a, b) in zip(plane.pieces, plane.points, strict=True)]


def _svg_diamonds(plane: Plane, chosen: str) -> list[str]:
    diamonds = []
    for name, (a, b) in zip(*_marks(plane), strict=True):
        size, fill = (9, "accent") if chosen in name.split(" = ") else (6, "paper")
        shape = f"M{a:.0f} {b - size:.0f}l{size} {size}l-{size} {size}l-{size} -{size}z"
        diamonds.append(f'<path d="{shape}" stroke="currentColor" stroke-width="2" style="fill:var(--{fill})"/>')
    return diamonds


def _svg_names(plane: Plane) -> list[str]:
    labels, kinds, corners = _labels(plane)
    return [
        f'<text x="{corner[0]:.0f}" y="{corner[1]:.0f}" class="{kind}">{markup.escape(label)}</text>'
        for label, kind, corner in zip(labels, kinds, corners, strict=True)
        if corner is not None
    ]


def _parts(plane: Plane, chosen: str) -> list[tuple[np.ndarray, float]]:
    """Where the tokens stand that a pooling is made of, and how much each adds, relative to the strongest."""
    amounts = np.abs(plane.shares[chosen])
    strongest = max(float(amounts.max()), 1e-9)
    return [(point, float(amount) / strongest) for point, amount in zip(plane.points, amounts, strict=True) if amount > NEGLIGIBLE]


def _tokens_table(plane: Plane, chosen: str) -> str:
    shares, cosines = plane.shares[chosen], plane.cosines[chosen]
    rows = []
    for piece, share, cosine in zip(plane.pieces[:MOST_LABELS], shares, cosines, strict=False):
        bar = markup.meter(share / max(shares.max(), 1e-9), percent(share))
        rows.append([markup.escape(piece), bar, f"{cosine:.2f}".replace("-", "−")])
    first = "" if len(plane.pieces) <= MOST_LABELS else f", the first {MOST_LABELS} of {len(plane.pieces)}"
    return markup.table(["token", "adds, together 100 %", "cosine"], rows, f"Tokens in {chosen} pooling{first}", markup=True)


def _poolings_table(plane: Plane, chosen: str) -> str:
    row = plane.between[POOLINGS.index(chosen)]
    rows = [[name, f"{cosine:.2f}".replace("-", "−")] for name, cosine in zip(POOLINGS, row, strict=True) if name != chosen]
    return markup.table(["pooling", "cosine"], rows, f"Cosine of the other poolings with {chosen}")


def _drawn(plane: Plane, chosen: str) -> "Figure":
    figure, axes = plots.new_figure(8.0, 8.0 * HEIGHT / WIDTH)
    x, y = plane.pooled[chosen]
    for (a, b), part in _parts(plane, chosen):
        axes.plot([x, a], [y, b], color="#999999", lw=4 * part, zorder=1)
    axes.scatter(*plane.points.T, color=plots.COLORS[0], s=28, zorder=2)
    names, marks = _marks(plane)
    fills = [plots.COLORS[1] if chosen in name.split(" = ") else "white" for name in names]
    axes.scatter(*marks.T, marker="D", c=fills, edgecolor="black", s=60, zorder=3)
    for label, kind, corner in zip(*_labels(plane), strict=True):
        if corner is not None:
            axes.text(*corner, label, fontsize=9, fontweight="bold" if kind == "pooling" else "normal", zorder=4, parse_math=False)
    axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.set_title(f"Tokens (dots) and poolings (diamonds, {chosen} filled); lines: the tokens it is made of", fontsize=10)
    axes.set_axis_off()
    return figure
