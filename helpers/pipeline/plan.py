"""A plan on paper: hours, machines, bytes and money for any number of documents, with every assumption in sight."""

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from helpers import arguments
from helpers.tables import size_text

BYTES_A_VALUE = {"float32": 4.0, "float16": 2.0, "int8": 1.0, "binary": 0.125}
ASSUMED = "an assumption"


@runtime_checkable
class MeasuredRate(Protocol):
    """What a plan reads of a measurement: a row of `helpers.benchmark.Report` has all of it."""

    @property
    def label(self) -> str:
        """The model's name, and what its weights are where they aren't the real ones."""

    @property
    def backend(self) -> str:
        """What computes."""

    @property
    def device(self) -> str:
        """Where."""

    @property
    def batch_size(self) -> int:
        """Texts a batch."""

    @property
    def length(self) -> int | str:
        """Tokens of each text, or a word for texts of several lengths."""

    @property
    def tokens_per_second(self) -> float:
        """The rate, without padding."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes to embed a collection once and to keep it. ``str()`` gives assumptions and results, one a line.

    A machine is whatever the rate was measured on: a computer, or one GPU. `measured` takes the rate from a benchmark.

    Attributes:
        documents: How many; up to 1,000,000,000 and beyond.
        tokens_a_document: Tokens that the model reads of a document, on average; longer ones count in chunks of their own.
        tokens_a_second: What one machine encodes, measured with texts of this length: a row's ``tokens_per_second`` in the benchmark.
        price_an_hour: What one machine costs an hour, in `currency`; 0 where it is yours.
        machines: How many work at once.
        efficiency: The share of the measured rate that is left in a long run: reading, writing, failures, the last ones to end.
        dimension: Numbers a vector.
        precision: ``float32``, ``float16``, ``int8`` or ``binary``.
        text_bytes_a_document: Text and fields that are stored beside the vector.
        index_share: Bytes of an index, as a share of the vectors' bytes: 0 for none, about 0.05 for inverted lists, 0.3 to 1 for a graph.
        copies: How many copies are kept.
        price_a_gib_month: What it costs to keep one GiB for a month, in `currency`.
        currency: Only written behind the numbers.
        rate_from: Where `tokens_a_second` comes from, in words.
    """

    documents: int
    tokens_a_document: float
    tokens_a_second: float
    price_an_hour: float = 0.0
    machines: int = 1
    efficiency: float = 0.8
    dimension: int = 384
    precision: str = "float32"
    text_bytes_a_document: float = 0.0
    index_share: float = 0.05
    copies: int = 1
    price_a_gib_month: float = 0.0
    currency: str = "USD"
    rate_from: str = ASSUMED

    def __post_init__(self) -> None:
        for name in ("documents", "machines", "dimension", "copies"):
            arguments.integer(getattr(self, name), name, minimum=1)
        for name in ("price_an_hour", "text_bytes_a_document", "index_share", "price_a_gib_month"):
            arguments.number(getattr(self, name), name, minimum=0)
        for name in ("tokens_a_document", "tokens_a_second"):
            if arguments.number(getattr(self, name), name, minimum=0) == 0:
                raise arguments.wrong_value(name, getattr(self, name), "a number above 0")
        if arguments.number(self.efficiency, "efficiency", maximum=1) <= 0:
            raise arguments.wrong_value("efficiency", self.efficiency, "a number above 0, at most 1")
        arguments.choice(self.precision, "precision", BYTES_A_VALUE)
        arguments.text(self.currency, "currency", empty=False)
        arguments.text(self.rate_from, "rate_from", empty=False)

    @classmethod
    def measured(cls, row: MeasuredRate, **assumptions: Any) -> "Plan":
        """A plan whose rate is a measurement, and which says so.

        A rate holds for texts of about the length that was measured: attention in a text of twice the tokens costs four times as much.

        Args:
            row: Of a benchmark's report, for example ``Report.read(path).find(backend="torch fp32", batch_size=32)[0]``.
            **assumptions: All others of the plan; `documents` and `tokens_a_document` are needed.

        Raises:
            TypeError: `row` is something else, or an assumption is missing or unknown.
            ValueError: An assumption cannot be.
        """
        if not isinstance(row, MeasuredRate):
            raise arguments.wrong_type("row", row, "a row of a benchmark's report")
        rate_from = f"{row.label}, {row.backend} on {row.device}, batches of {row.batch_size} texts of {_tokens(row.length)}"
        return cls(**{"rate_from": rate_from} | assumptions, tokens_a_second=row.tokens_per_second)

    @property
    def tokens(self) -> float:
        """Tokens of the whole collection."""
        return self.documents * self.tokens_a_document

    @property
    def machine_hours(self) -> float:
        """Hours that one machine would take."""
        return self.tokens / (self.tokens_a_second * self.efficiency) / 3600

    @property
    def hours(self) -> float:
        """Hours that all of them take together."""
        return self.machine_hours / self.machines

    @property
    def money(self) -> float:
        """The price of embedding once; more machines make it no cheaper, only sooner."""
        return self.machine_hours * self.price_an_hour

    @property
    def vector_bytes(self) -> int:
        """Bytes of the vectors; a vector of bits takes whole bytes."""
        return self.documents * math.ceil(self.dimension * BYTES_A_VALUE[self.precision])

    @property
    def stored_bytes(self) -> int:
        """Bytes of vectors, index and texts, in all copies."""
        each = self.vector_bytes * (1 + self.index_share) + self.documents * self.text_bytes_a_document
        return math.ceil(each) * self.copies

    @property
    def money_a_month(self) -> float:
        """The price of keeping it."""
        return self.stored_bytes / 2**30 * self.price_a_gib_month

    def machines_for(self, hours: float) -> int:
        """How many machines do it within so many hours."""
        if arguments.number(hours, "hours", minimum=0) == 0:
            raise arguments.wrong_value("hours", hours, "a number above 0")
        return math.ceil(self.machine_hours / hours)

    def __str__(self) -> str:
        lines = {
            "Assumed": "",
            "documents": f"{self.documents:,}",
            "tokens a document": f"{self.tokens_a_document:,.0f}",
            "tokens a second and machine": f"{self.tokens_a_second:,.0f}, of which {self.efficiency:.0%} in a long run",
            "this rate is": self.rate_from,
            "machines": f"{self.machines:,}, each {self.price_an_hour:,.2f} {self.currency} an hour",
            "vector": f"{self.dimension} x {self.precision}",
            "stored beside it": f"{self.text_bytes_a_document:,.0f} bytes a document, index {self.index_share:.0%} of the vectors",
            "kept": f"{self.copies} x, {self.price_a_gib_month:,.3f} {self.currency} a GiB and month",
            "It takes": "",
            "hours": f"{_shown(self.hours)} ({_shown(self.hours / 24)} days)",
            "machine-hours": _shown(self.machine_hours),
            "money, once": f"{self.money:,.2f} {self.currency}",
            "vectors": size_text(self.vector_bytes),
            "all that is stored": size_text(self.stored_bytes),
            "money, a month": f"{self.money_a_month:,.2f} {self.currency}",
        }
        return "\n".join(f"  {name:<28}{text}" if text else name for name, text in lines.items())


def _tokens(length: int | str) -> str:
    return f"{length} tokens" if isinstance(length, int) else "several lengths"


def _shown(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:,.2f}"
