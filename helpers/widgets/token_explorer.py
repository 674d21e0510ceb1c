"""A text as a model gets it: cut into pieces, cut off at the limit, each piece with its share of the vector."""

from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments, plots
from helpers.widgets import markup, tokens
from helpers.widgets.controls import Slider, TextBox
from helpers.widgets.panel import Panel, View
from helpers.widgets.tokens import Tokens, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLE = "Embeddings turn unbelievably different texts into vectors, up to a limit."
MOST_PIECES = 400
MOST_BARS = 40
STRONGEST = 5


class TokenExplorer(Panel):
    """How a model cuts a text into pieces, what it never reads, and how much each piece adds to the vector of the text.

    Args:
        model: A SentenceTransformer with a fast tokenizer and one pooling. It is used as it is and not changed.
        text: The text to begin with.
        limit: The limit to begin with, in tokens. None: the model's own ``max_seq_length``, at most 512.
    """

    title = "Token explorer"

    def __init__(self, model: Any, text: str = SAMPLE, *, limit: int | None = None) -> None:
        self.model = model
        self.pooling = tokens.model_pooling(model)
        lowest, highest = tokens.limits(model)
        start = highest if limit is None else arguments.integer(limit, "limit", minimum=lowest, maximum=highest)
        super().__init__(
            [
                TextBox("text", "Text", arguments.text(text, "text"), rows=3),
                Slider("limit", "Limit in tokens (max_seq_length)", start, lowest, highest, 1),
            ]
        )

    def view(self, **values: Any) -> View:
        """The pieces, the part that is cut off, and the strongest pieces."""
        found, shares = self._explained(values)
        return View(told(found, shares), shown(found, shares, values["text"], self.pooling))

    def picture(self, **values: Any) -> "Figure":
        """A bar for each piece, the limit as a line."""
        found, shares = self._explained(values)
        return drawn(found, shares)

    def _explained(self, values: dict[str, Any]) -> tuple[Tokens, np.ndarray]:
        found = tokens.read_tokens(self.model, values["text"], int(values["limit"]))
        return found, tokens.shares(found.vectors, self.pooling)


@arguments.typed
def told(found: Tokens, shares: np.ndarray) -> str:
    """What the model reads, where it stops, and which piece counts most, in words."""
    total, kept = len(found.pieces), sum(found.read)
    if kept == total:
        reading = f"The model reads all {total} tokens, {sum(found.special)} of them special."
    else:
        end = markup.excerpt(found.kept[::-1], 30)[::-1]
        reading = f"The model reads {kept} of {total} tokens and drops the last {total - kept} of the text: it stops after “{end}”."
    strongest = int(shares.argmax())
    return f"{reading} Of what it reads, “{found.pieces_read()[strongest]}” adds most to the vector: {percent(shares[strongest])}."


@arguments.typed
def shown(found: Tokens, shares: np.ndarray, text: str, pooling: str) -> str:
    """The text with its lost end struck through, its pieces in order, and a table of the strongest."""
    note = (
        f"The percentage is what a piece adds to the vector of the text ({pooling} pooling), measured along that vector; "
        "together 100 %. Below zero, it pulls away. A piece with ## continues a word."
    )
    return _text(found.kept, text[len(found.kept) :]) + _pieces(found, shares) + markup.paragraph(note) + _strongest(found, shares)


def _text(kept: str, lost: str) -> str:
    cut = f" <strong>[cut off:]</strong> <del>{markup.escape(lost)}</del>" if lost else ""
    return f'<p class="whole-text">{markup.escape(kept)}{cut}</p>'


def _pieces(found: Tokens, shares: np.ndarray) -> str:
    of_read = iter(shares)
    items = []
    for piece, special, read in zip(found.pieces, found.special, found.read, strict=True):
        below = percent(next(of_read)) if read else "cut off"
        name = markup.escape(piece) if read else f"<del>{markup.escape(piece)}</del>"
        kind = "special" if special else "" if read else "cut"
        items.append(f'<li class="{kind}">{name}<small>{below}{", special" if special else ""}</small></li>')
    more = markup.paragraph(f"… and {len(items) - MOST_PIECES:,} more pieces.") if len(items) > MOST_PIECES else ""
    return f'<ol class="pieces" aria-label="Pieces in order">{"".join(items[:MOST_PIECES])}</ol>{more}'


def _strongest(found: Tokens, shares: np.ndarray) -> str:
    names = found.pieces_read()
    order = np.argsort(-shares, kind="stable")[:STRONGEST]
    rows = [[markup.escape(names[i]), str(i + 1), markup.meter(shares[i] / shares.max(), percent(shares[i]))] for i in order]
    return markup.table(["piece", "place", "share of the vector"], rows, "The pieces that add most", markup=True)


@arguments.typed
def drawn(found: Tokens, shares: np.ndarray) -> "Figure":
    """A bar for each of the first pieces, special ones hatched, those beyond the limit without a bar."""
    first = list(zip(found.pieces, found.special, found.read, strict=True))[:MOST_BARS]
    of_read = iter(100 * shares)
    heights = [next(of_read) if read else 0.0 for *_, read in first]
    figure, axes = plots.new_figure(max(5.0, 1.2 + 0.27 * len(first)), 3.2)
    bars = axes.bar(range(len(first)), heights, color=plots.COLORS[0], edgecolor="white")
    for bar, (_, special, _) in zip(bars, first, strict=True):
        if special:
            bar.set(facecolor="white", edgecolor=plots.COLORS[0], hatch="///")
    for place, (_, _, read) in enumerate(first):
        if not read:
            axes.annotate("cut off", (place, 0), xytext=(0, 3), textcoords="offset points", rotation=90, ha="center", fontsize=8)
    axes.set_xticks(range(len(first)), [piece for piece, *_ in first], rotation=60, ha="right", rotation_mode="anchor", parse_math=False)
    axes.set(ylabel="share of the vector in %", title="Each piece's share; special tokens hatched")
    axes.axhline(0, color="black", lw=0.8)
    return figure
