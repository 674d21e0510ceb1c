"""What vectors, a model and a batch take, and whether it fits: the arithmetic of lesson 09 for the reader's own figures."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers import arguments, catalog, encoding, plots
from helpers.tables import size_text
from helpers.widgets.controls import Checkbox, Choice, TextBox
from helpers.widgets.markup import escape, meter, table
from helpers.widgets.panel import Panel, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUMBERS_A_DIMENSION = 11
"""At the peak, a batch holds for each token so many times the numbers of a vector. Measured in lesson 09 for all-MiniLM-L6-v2."""

CHUNK = 10_000
"""Vectors in memory at a time where they go to a memory-mapped file: the default of `encoding.encode_large_corpus`."""

ALL = "all"
NO_BREAK = "\u00a0"
MEASURED_ON = "sentence-transformers/all-MiniLM-L6-v2"
MEMORIES_GIB = (4, 8, 16, 32, 64, 128, 256)
NAMES = {"Vectors": "the vectors", "Weights": "the weights", "One batch": "the batch"}
CURES = {
    "Vectors": "a memory-mapped file, fewer dimensions or fewer bits",
    "Weights": "weights of two bytes a number or a smaller model",
    "One batch": "a smaller batch or shorter texts",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that takes memory: its bytes, and what the figure rests on."""

    name: str
    bytes: int
    rests_on: str


@arguments.typed
def memory_parts(
    model: catalog.Model, documents: int, dimensions: int, precision: str, weights: str, batch_size: int, tokens: int, on_disk: bool = False
) -> tuple[Part, Part, Part]:
    """What the vectors, the weights and one batch take in memory.

    Args:
        model: A model of the catalog with known parameters and dimensions.
        documents: Texts to encode.
        dimensions: Dimensions kept; a model keeps no more than it has.
        precision: Type of the stored vectors, a key of `encoding.BITS`.
        weights: Type of the weights, a key of `catalog.BYTES_PER_PARAMETER`.
        batch_size: Texts in a batch.
        tokens: Tokens of the longest text; a model reads no more than its limit.
        on_disk: Whether the vectors go to a memory-mapped file, which leaves one chunk of them in memory.
    """
    count = arguments.integer(documents, "documents", minimum=1)
    kept = min(arguments.integer(dimensions, "dimensions", minimum=1), int(model.dimensions.value))
    rows = min(count, CHUNK) if on_disk else count
    what = f"{rows:,} vectors × {kept:,} dimensions × {encoding.BITS[arguments.choice(precision, 'precision', encoding.BITS)]} bits"
    if on_disk:
        what += ", one chunk; the rest on disk"
    elif precision != "float32":
        what += ", as kept; one call of encode makes float32 first"
    vectors = Part("Vectors", encoding.embedding_bytes(rows, kept, precision), what)
    size = model.memory(arguments.choice(weights, "weights", catalog.BYTES_PER_PARAMETER))
    source = f"{model.parameters.value:,} parameters [{model.parameters.source}] × {catalog.BYTES_PER_PARAMETER[weights]} bytes"
    return vectors, Part("Weights", size, source), _batch(model, weights, batch_size, tokens)


def _batch(model: catalog.Model, weights: str, batch_size: int, tokens: int) -> Part:
    """What a batch takes at its peak, while it passes through the network."""
    texts = arguments.integer(batch_size, "batch_size", minimum=1)
    asked, limit, width = arguments.integer(tokens, "tokens", minimum=1), model.max_tokens.value, int(model.dimensions.value)
    number = 2 if catalog.BYTES_PER_PARAMETER[weights] == 2 else 4  # with int8 weights, what passes between the layers stays float32
    if "static" in str(model.pooling.value):
        return Part("One batch", texts * width * number, f"{texts} texts × {width:,} × {number} bytes: a static model has no layers")
    read = min(asked, limit) if isinstance(limit, int) else asked
    said = f"{texts} texts × {read:,} tokens × {NUMBERS_A_DIMENSION} × {width:,} × {number} bytes"
    if read < asked:
        said += "; the model reads no more tokens"
    basis = "measured in lesson 09" if model.id == MEASURED_ON else f"a first guess: {NUMBERS_A_DIMENSION} was measured on MiniLM"
    return Part("One batch", texts * read * NUMBERS_A_DIMENSION * width * number, f"{said} ({basis})")


def number_of_documents(documents: object) -> int:
    """A whole number as people write it: 3000000, 3,000,000 or 3 000 000."""
    digits = re.sub(r"[\s,_]", "", arguments.text(documents, "documents"))
    if not re.fullmatch(r"[0-9]{1,13}", digits) or int(digits) == 0:
        raise arguments.wrong_value("documents", documents, "a whole number from 1 to 13 digits long, such as 3,000,000")
    return int(digits)


class MemoryCalculator(Panel):
    """Vectors, weights and a batch in bytes, beside the memory of a machine.

    Args:
        model: The model to begin with, by its name in the catalog.
        documents: Texts to encode.
        memory_gib: Memory of the machine in GiB.
    """

    title = "Memory of vectors, weights and a batch"

    def __init__(self, model: str = "all-MiniLM-L6-v2", documents: int = 1_000_000, memory_gib: int = 16) -> None:
        first = catalog.get(arguments.text(model, "model"))
        self._models = {known.name: known for known in catalog.models() if _is_known(known)}
        arguments.choice(first.name, "model", self._models)
        count = arguments.integer(documents, "documents", minimum=1, maximum=10**13 - 1)
        memory = arguments.integer(memory_gib, "memory_gib", minimum=1)
        super().__init__(
            [
                TextBox("documents", "Documents", f"{count:,}"),
                Choice("model", "Model", first.name, tuple(self._models)),
                Choice("dimensions", "Dimensions kept", ALL, (ALL, "1024", "768", "512", "384", "256", "128", "64", "32")),
                Choice("precision", "Vectors in", "float32", ("float32", "float16", "int8", "binary")),
                Checkbox("on_disk", "vectors in a memory-mapped file"),
                Choice("weights", "Weights in", "float32", tuple(catalog.BYTES_PER_PARAMETER)),
                Choice("batch_size", "Texts in a batch", "32", tuple(str(2**power) for power in range(11))),
                Choice("tokens", "Tokens of the longest text", "256", tuple(str(2**power) for power in range(4, 16))),
                Choice("memory", "Memory in GiB", str(memory), tuple(str(size) for size in sorted({*MEMORIES_GIB, memory}))),
            ]
        )

    def view(self, **values: Any) -> View:
        """The parts in a table, and whether they fit."""
        parts, memory = self._parts(**values), int(values["memory"]) * 2**30
        total = sum(part.bytes for part in parts)
        shown = [*parts, Part("Together", total, f"beside the memory of {values['memory']} GiB; libraries and system come on top")]
        cells = [
            (
                escape(part.name),
                meter(part.bytes / memory, f"{_size(part.bytes)}, {_share(part.bytes, memory)}".replace(" ", NO_BREAK)),
                f"{part.bytes:,}",
                escape(part.rests_on),
            )
            for part in shown
        ]
        rows = table(("Part", "Size, share of the memory", "Bytes", "What the figure rests on"), cells, "What takes memory", markup=True)
        return View(_verdict(parts, memory, values), rows)

    def picture(self, **values: Any) -> "Figure":
        """The parts as bars, the memory as a line."""
        figure, axes = plots.new_figure(7.2, 2.6)
        parts, memory = [], int(values["memory"]) * 2**30
        try:
            parts = [*self._parts(**values)]
        except (TypeError, ValueError) as error:  # the same sentence as in the live view
            axes.set_title(str(error), fontsize=9)
        shown = [*parts, Part("Together", sum(part.bytes for part in parts), "")]
        sizes = [part.bytes / 2**30 for part in shown]
        axes.barh([part.name for part in shown], sizes, color=[*[plots.COLORS[0]] * len(parts), plots.COLORS[7]])
        for row, part in enumerate(shown):
            axes.annotate(_size(part.bytes), (sizes[row], row), xytext=(4, 0), textcoords="offset points", va="center")
        axes.axvline(memory / 2**30, color="black", ls="--")
        axes.annotate(f"{values['memory']} GiB of memory ", (memory / 2**30, -0.45), ha="right", va="bottom")
        axes.invert_yaxis()
        axes.set(xlabel="GiB", xlim=(0, 1.18 * max(*sizes, memory / 2**30)))
        return figure

    def _parts(self, **values: Any) -> tuple[Part, Part, Part]:
        model = self._models[values["model"]]
        dimensions = int(model.dimensions.value) if values["dimensions"] == ALL else int(values["dimensions"])
        batch = {name: int(values[name]) for name in ("batch_size", "tokens")}
        count = number_of_documents(values["documents"])
        return memory_parts(model, count, dimensions, values["precision"], values["weights"], **batch, on_disk=values["on_disk"])


def _is_known(model: catalog.Model) -> bool:
    return model.kind == "SentenceTransformer" and None not in (model.parameters.value, model.dimensions.value)


def _verdict(parts: tuple[Part, Part, Part], memory: int, values: dict[str, Any]) -> str:
    """One sentence with the three figures, one that says whether they fit, and what helps where they do not."""
    total = sum(part.bytes for part in parts)
    vectors, weights, batch = (_size(part.bytes) for part in parts)
    begin = f"Vectors take {vectors}, weights {weights} and one batch {batch}, together {_size(total)}."
    if total <= memory:
        return f"{begin} They fit into {values['memory']} GiB and leave {_size(memory - total)} for libraries, texts and system."
    largest = max(parts, key=lambda part: part.bytes).name
    missing = f"They do not fit into {values['memory']} GiB: {_size(total - memory)} are missing."
    return f"{begin} {missing} The largest part is {NAMES[largest]}: try {CURES[largest]}."


def _size(size: int) -> str:
    return encoding.gib(size) if size >= 2**30 else size_text(size)


def _share(size: int, memory: int) -> str:
    share = size / memory
    return "less than 1%" if share < 0.005 else f"{share:,.0%}"
