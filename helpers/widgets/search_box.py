"""A search box: embeddings, BM25 and both combined, side by side, while the reader types."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments, plots
from helpers.widgets import markup, tokens
from helpers.widgets.controls import Slider, TextBox
from helpers.widgets.panel import Panel, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FUSION_CONSTANT = 60
"""From Cormack, Clarke and Büttcher (2009), "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods"."""

WAYS = ("embeddings", "BM25", "combined")
MANY = 200  # documents from which on encoding them shows a progress bar


@dataclass(frozen=True, slots=True)
class Ranked:
    """One ranking of all documents.

    Attributes:
        scores: One a document.
        ranks: One a document: 1 for the best, 0 for a document that is not found at all.
    """

    scores: np.ndarray
    ranks: np.ndarray

    def best(self, k: int) -> list[int]:
        """The positions of the first `k` documents found, best first."""
        found = np.flatnonzero((self.ranks > 0) & (self.ranks <= k))
        return [int(place) for place in found[np.argsort(self.ranks[found])]]


class SearchBox(Panel):
    """A question, and the documents that embeddings, BM25 and both combined find for it.

    Args:
        model: A SentenceTransformer, or another object with ``encode_query`` and ``encode_document``.
        documents: The texts to search.
        vectors: Their embeddings, one row a document, from the same model. None: they are computed once, with a progress bar.
        names: Short names to show. None: the beginning of each document.
        query: The question to begin with.
        k: How many documents each list shows at the beginning, 1 to 20.
        words: What BM25 counts: a function from a text to its words.
    """

    title = "Search box"

    def __init__(
        self,
        model: Any,
        documents: Sequence[str],
        vectors: Any = None,
        *,
        names: Sequence[str] | None = None,
        query: str = "",
        k: int = 5,
        words: Callable[[str], list[str]] | None = None,
    ) -> None:
        self.model = with_query_method(model)
        self.documents = arguments.texts(documents, "documents")
        self.names = [markup.excerpt(text, 50) for text in self.documents] if names is None else arguments.texts(names, "names")
        arguments.same_length(self.documents, "documents", self.names, "names")
        if vectors is None:
            vectors = model.encode_document(self.documents, show_progress_bar=len(self.documents) > MANY)
        self.vectors = tokens.unit(arguments.matrix(vectors, "vectors"))
        arguments.same_length(self.documents, "documents", self.vectors, "vectors")
        self.split = split_words if words is None else words
        self.keywords = keyword_index([self.split(text) for text in self.documents])
        self._last: tuple[str, dict[str, Ranked]] | None = None
        super().__init__(
            [
                TextBox("query", "Question", arguments.text(query, "query")),
                Slider("k", "Documents in each list", arguments.integer(k, "k", minimum=1, maximum=20), 1, 20, 1),
            ]
        )

    def search(self, query: str) -> dict[str, Ranked]:
        """All documents ranked in three ways: by embeddings, by BM25 and by both combined."""
        if self._last is None or self._last[0] != query:
            self._last = query, self._searched(query)
        return self._last[1]

    def _searched(self, query: str) -> dict[str, Ranked]:
        question = tokens.unit(np.asarray(self.model.encode_query([query]), dtype=np.float32))[0]
        words = self.split(query)
        counted = self.keywords.get_scores(words) if words else np.zeros(len(self.documents))
        by_meaning, by_words = ranked(self.vectors @ question), ranked(counted, only_above_zero=True)
        return dict(zip(WAYS, (by_meaning, by_words, combined([by_meaning, by_words])), strict=True))

    def view(self, **values: Any) -> View:
        """Three lists side by side, and what they have in common."""
        if not values["query"].strip():
            return View("Type a question, or a name.", "")
        found, k = self.search(values["query"]), int(values["k"])
        return View(told(found, self.names, values["query"], k), _listed(found, self.names, self.documents, k))

    def picture(self, **values: Any) -> "Figure":
        """The three lists, a line from a document to itself in the next list."""
        query = values["query"] or self.names[0]
        return _drawn(self.search(query), self.names, query, int(values["k"]))


def with_query_method(model: Any) -> Any:
    """A model that encodes queries and documents each with their own method, or a TypeError that says so."""
    if isinstance(model, type) or not all(callable(getattr(model, name, None)) for name in ("encode_query", "encode_document")):
        raise arguments.wrong_type("model", model, "a SentenceTransformer, or an object with encode_query and encode_document")
    return model


def split_words(text: str) -> list[str]:
    """The words of a text in lower case; a name such as ``train_test_split`` or ``GridSearchCV`` as a whole, and its parts."""
    found = re.findall(r"\w+", arguments.text(text, "text"))
    split = [re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", word).split() for word in found]
    parts = [part for pieces in split if len(pieces) > 1 for part in pieces]
    return [word.lower() for word in found + parts]


def keyword_index(documents: Sequence[Sequence[str]]) -> Any:
    """A BM25 index of documents that are lists of words.

    Raises:
        TypeError, ValueError: Where there is no document, one is no list of strings, or none holds a word.
    """
    if isinstance(documents, str | bytes) or not isinstance(documents, Sequence):
        raise arguments.wrong_type("documents", documents, "a list of lists of words")
    words = [arguments.texts(document, f"documents[{place}]", empty=True) for place, document in enumerate(documents)]
    if not any(words):
        raise arguments.wrong_value("documents", documents, "a list in which at least one document holds a word")
    import bm25s

    index = bm25s.BM25()
    index.index(words, show_progress=False)
    return index


def ranked(scores: Any, *, only_above_zero: bool = False) -> Ranked:
    """The ranking by scores, best first; of equal ones the first document comes first.

    Args:
        scores: One a document.
        only_above_zero: A score of 0 means "not found", as with BM25.

    Raises:
        TypeError, ValueError: Where the scores are no vector of finite numbers.
    """
    values = arguments.vector(scores, "scores")
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1)
    return Ranked(values, np.where(values > 0, ranks, 0) if only_above_zero else ranks)


def combined(rankings: Sequence[Ranked]) -> Ranked:
    """Reciprocal rank fusion: a document gets 1 / (60 + rank) from each ranking in which it is found; the sums are ranked.

    Raises:
        TypeError, ValueError: Where there is no ranking.
    """
    if isinstance(rankings, str | bytes) or not isinstance(rankings, Sequence) or not all(isinstance(one, Ranked) for one in rankings):
        raise arguments.wrong_type("rankings", rankings, "a list of rankings, as ranked makes them")
    if not rankings:
        raise arguments.wrong_value("rankings", rankings, "at least one ranking")
    parts = [np.where(one.ranks > 0, 1 / (FUSION_CONSTANT + one.ranks), 0.0) for one in rankings]
    return ranked(np.sum(parts, axis=0), only_above_zero=True)


def told(found: dict[str, Ranked], names: Sequence[str], query: str, k: int) -> str:
    """Which document each way puts first, and how much the lists share, in words."""
    if not isinstance(found, dict) or tuple(found) != WAYS:
        raise arguments.wrong_type("found", found, f"a dict of the rankings {', '.join(WAYS)}")
    names = arguments.texts(names, "names")
    first = {way: names[one.best(1)[0]] for way, one in found.items() if one.best(1)}
    start = f"For “{markup.excerpt(arguments.text(query, 'query'), 60)}” embeddings put {first['embeddings']} first"
    if "BM25" not in first:
        return f"{start}. BM25 finds nothing, because no document holds any of these words, so the combined list is that of the embeddings."
    shared = set(found["embeddings"].best(k)) & set(found["BM25"].best(k))
    start = f"{start}, BM25 {first['BM25']}, and both combined {first['combined']}."
    return f"{start} The first {k} of embeddings and BM25 have {len(shared)} in common."


def _listed(found: dict[str, Ranked], names: list[str], documents: list[str], k: int) -> str:
    lists = {way: one.best(k) for way, one in found.items()}
    rows = []
    for place in range(max(len(best) for best in lists.values())):
        cells = [_hit(found, way, best[place], names, documents) if place < len(best) else "–" for way, best in lists.items()]
        rows.append([str(place + 1), *cells])
    header = ["rank", "embeddings: cosine", "BM25", "combined: reciprocal ranks"]
    table = markup.table(header, rows, "The best documents by each way, with their ranks in the other two", markup=True)
    return f'<div class="columns">{table}</div>'


def _hit(found: dict[str, Ranked], way: str, place: int, names: list[str], documents: list[str]) -> str:
    decimals = 3 if way == "combined" else 2
    others = ", ".join(f"{other} {found[other].ranks[place] or 'not found'}" for other in found if other != way)
    rest = documents[place].removeprefix(names[place].removesuffix("…")).lstrip(" :")  # a text that begins with its name says it once
    text = markup.escape(markup.excerpt(rest, 90))
    score = f"{found[way].scores[place]:.{decimals}f}"
    return f'<span class="strong">{markup.escape(names[place])}</span> {score}<br>{text}<br><em>{markup.escape(others)}</em>'


def _drawn(found: dict[str, Ranked], names: list[str], query: str, k: int) -> "Figure":
    columns = {way: found[way].best(k) for way in ("embeddings", "combined", "BM25")}
    figure, axes = plots.new_figure(9.6, 0.9 + 0.36 * k)
    for x, (way, best) in enumerate(columns.items()):
        axes.text(x, -0.8, f"{way}, best {k}", ha="center", fontweight="bold", fontsize=9)
        for y, place in enumerate(best):
            label = f"{y + 1}  {markup.excerpt(names[place], 40)}"
            box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "#999999"}
            axes.text(x, y, label, ha="center", va="center", fontsize=8, bbox=box, zorder=2, parse_math=False)
        if not best:
            axes.text(x, 0, "nothing found", ha="center", va="center", fontsize=9)
    for x, (left, right) in enumerate([("embeddings", "combined"), ("combined", "BM25")]):
        for place in set(columns[left]) & set(columns[right]):
            ends = [columns[left].index(place), columns[right].index(place)]
            axes.plot([x, x + 1], ends, color=plots.COLORS[0], lw=1.2, zorder=1)
    axes.set(xlim=(-0.55, 2.55), ylim=(k - 0.3, -1.2))
    axes.set_title(f"“{markup.excerpt(query, 60)}”", parse_math=False)
    axes.set_axis_off()
    return figure
