"""The same query with and without a prompt: do the documents change places?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments, plots, standins
from helpers.widgets import markup, tokens
from helpers.widgets.controls import Choice, TextBox
from helpers.widgets.panel import Panel, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NONE, TYPED = "no prompt", "the one typed below"
MOST_DOCUMENTS = 20
STAND_IN = "STAND-IN: its weights are random, so these numbers mean nothing."


@dataclass(frozen=True, slots=True)
class Comparison:
    """The scores of a few documents for one query, bare and with a prompt, and what the prompt did to the query's vector.

    Attributes:
        bare: Cosines for the query alone, one a document.
        prompted: Cosines for the query behind the prompt, one a document.
        moved: The cosine of the query's two vectors; 1 where the prompt changes nothing.
    """

    bare: np.ndarray
    prompted: np.ndarray
    moved: float

    def ranks(self) -> tuple[np.ndarray, np.ndarray]:
        """The rank of each document, bare and prompted, from 1."""
        return _ranks(self.bare), _ranks(self.prompted)


class PromptComparator(Panel):
    """Ranks and scores of a few documents for one query, without a prompt and with one that the reader chooses or types.

    Args:
        model: A SentenceTransformer. Its own default prompt is not used.
        query: The query to begin with.
        documents: 2 to 20 texts, encoded once.
        prompts: The prompts to choose from, by name, exactly as they stand before the query.
        document_prompt: What stands before each document.
        chosen: The name of the prompt to begin with. None: the first.
    """

    title = "Prompt comparator"

    def __init__(
        self,
        model: Any,
        query: str,
        documents: Sequence[str],
        prompts: Mapping[str, str],
        *,
        document_prompt: str = "",
        chosen: str | None = None,
    ) -> None:
        self.model = arguments.encoder(model, "model")
        self.documents = arguments.texts(documents, "documents")
        arguments.integer(len(self.documents), "the number of documents", minimum=2, maximum=MOST_DOCUMENTS)
        self.prompts = _checked_prompts(prompts)
        self.vectors = _encoded(self.model, self.documents, arguments.text(document_prompt, "document_prompt"))
        self.note = STAND_IN if is_stand_in(model) else ""
        names = (NONE, *self.prompts, TYPED)
        start = names[1] if chosen is None else arguments.choice(chosen, "chosen", names)
        super().__init__(
            [
                TextBox("query", "Query", arguments.text(query, "query")),
                Choice("prompt", "Prompt before the query", start, names),
                TextBox("typed", "Prompt of your own, used where the list says “the one typed below”; spaces count", "Find the function: "),
            ]
        )

    def view(self, **values: Any) -> View:
        """Both rankings side by side, and in words whether they differ."""
        if not values["query"].strip():
            return View("Type a query.", "")
        prompt = self._prompt(values)
        found = compare(self.model, values["query"], prompt, self.vectors)
        return View(" ".join([told(found, self.documents, prompt), self.note]).strip(), _listed(found, self.documents))

    def picture(self, **values: Any) -> "Figure":
        """Both rankings as columns, a line from a document to itself."""
        prompt = self._prompt(values)
        found = compare(self.model, values["query"], prompt, self.vectors)
        return _drawn(found, self.documents, prompt, self.note)

    def _prompt(self, values: dict[str, Any]) -> str:
        return {NONE: "", TYPED: values["typed"], **self.prompts}[values["prompt"]]


def compare(model: Any, query: str, prompt: str, vectors: Any) -> Comparison:
    """Score documents for a query, bare and behind a prompt.

    Args:
        model: An object with ``encode`` that takes ``prompt=``, as a SentenceTransformer.
        query: The query.
        prompt: What stands before it, exactly.
        vectors: The documents' embeddings from the same model, one row a document.

    Raises:
        TypeError, ValueError: Where an argument is of another kind.
    """
    arguments.encoder(model, "model")
    query, prompt = arguments.text(query, "query"), arguments.text(prompt, "prompt")
    documents = tokens.unit(arguments.matrix(vectors, "vectors"))
    bare = _encoded(model, [query], "")[0]
    prompted = _encoded(model, [query], prompt)[0] if prompt else bare
    return Comparison(documents @ bare, documents @ prompted, float(bare @ prompted))


def is_stand_in(model: Any) -> bool:
    """Whether a model is one of the course's stand-ins with random weights, or holds one."""
    modules = model if hasattr(model, "__iter__") and not isinstance(model, str | bytes | dict) else ()
    configs = [getattr(getattr(module, "model", None), "config", None) for module in modules]
    return any(hasattr(config, standins.CONFIG_KEY) for config in configs) or "STAND-IN" in repr(model)


@arguments.typed
def told(found: Comparison, documents: list[str], prompt: str) -> str:
    """What the prompt changes, in words."""
    documents = arguments.texts(documents, "documents")
    before, after = found.ranks()
    first = markup.excerpt(documents[int(after.argmin())], 60)
    if not prompt:
        return f"Without a prompt, “{first}” is first. Choose a prompt to compare with."
    changed = int((before != after).sum())
    count = len(documents)
    order = f"{changed} of {count} documents change places" if changed else f"the order of the {count} documents stays"
    still = "still" if before.argmin() == after.argmin() else "now"
    change = float((found.prompted - found.bare).mean())
    return (
        f"With {prompt!r} before the query, {order}; “{first}” is {still} first. "
        f"The scores change by {_signed(change)} on average, and the query's two vectors have a cosine of {found.moved:.2f}."
    )


def _checked_prompts(prompts: Any) -> dict[str, str]:
    if not isinstance(prompts, Mapping) or not prompts:
        raise arguments.wrong_type("prompts", prompts, "a dict of at least one prompt by its name")
    checked = {}
    for name, text in prompts.items():
        checked[arguments.text(name, "a name in prompts", empty=False)] = arguments.text(text, f"prompts[{name!r}]")
    for name in (NONE, TYPED):
        if name in checked:
            raise arguments.wrong_value("a name in prompts", name, "another one than those that the panel itself offers")
    return checked


def _encoded(model: Any, texts: list[str], prompt: str) -> np.ndarray:
    return tokens.unit(np.asarray(model.encode(texts, prompt=prompt), dtype=np.float32))


def _ranks(scores: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks


def _signed(change: float) -> str:
    return f"{round(change, 2) + 0.0:+.2f}".replace("-", "−")


def _listed(found: Comparison, documents: list[str]) -> str:
    before, after = found.ranks()
    rows = []
    for place in np.argsort(after):
        rise = int(before[place] - after[place])
        move = "same place" if not rise else f"▲ up {rise}" if rise > 0 else f"▼ down {-rise}"
        name = markup.excerpt(documents[place], 90)
        rows.append([name, str(after[place]), str(before[place]), move, f"{found.prompted[place]:.2f}", f"{found.bare[place]:.2f}"])
    header = ["document", "rank with the prompt", "rank without", "move", "score with the prompt", "score without"]
    return markup.table(header, rows, "The documents in the order that the prompt gives; the documents themselves get the same vectors")


def _drawn(found: Comparison, documents: list[str], prompt: str, note: str) -> "Figure":
    before, after = found.ranks()
    figure, axes = plots.new_figure(9.0, 1.0 + 0.36 * len(documents))
    for place, text in enumerate(documents):
        moved = before[place] != after[place]
        axes.plot([0, 1], [before[place], after[place]], "o-", color=plots.COLORS[1] if moved else plots.COLORS[0], lw=2.4 if moved else 1)
        label = f"{found.bare[place]:.2f}  "
        axes.text(0, before[place], label, ha="right", va="center", fontsize=9)
        label = f"  {found.prompted[place]:.2f}  {markup.excerpt(text, 60)}"
        axes.text(1, after[place], label, ha="left", va="center", fontsize=9, parse_math=False)
    axes.text(0, 0.2, "no prompt", ha="center", fontweight="bold", fontsize=9)
    axes.text(1, 0.2, markup.excerpt(repr(prompt), 40) if prompt else NONE, ha="center", fontweight="bold", fontsize=9, parse_math=False)
    axes.set(xlim=(-0.3, 3.2), ylim=(len(documents) + 0.6, -0.3))
    axes.set_title(note, fontsize=9)
    axes.set_axis_off()
    return figure
