"""What a table answers: what an update did, what a search found, to which states one can go back."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from helpers.pipeline.documents import Value


@dataclass(frozen=True, slots=True)
class Update:
    """What `VectorTable.update` did, in documents.

    Attributes:
        added: New ids.
        changed: Ids that were there with another text or other fields.
        unchanged: Ids that were there just so; nothing was done for them.
        deleted: Ids that were there and did not come.
        embedded: How many texts the model read: those that are new or changed, not those of which only fields changed.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    embedded: int = 0

    def __str__(self) -> str:
        return (
            f"{self.added:,} added, {self.changed:,} changed, {self.unchanged:,} unchanged, {self.deleted:,} deleted; "
            f"{self.embedded:,} texts embedded"
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that a search found: the higher the score, the better."""

    id: str
    text: str
    score: float
    fields: Mapping[str, Value]

    def __str__(self) -> str:
        return f"{self.score:.3f}  {self.id}: {' '.join(self.text.split())[:80]}"


@dataclass(frozen=True, slots=True)
class Version:
    """A state of the table to which one can go back."""

    number: int
    written: datetime.datetime
    rows: int

    def __str__(self) -> str:
        return f"version {self.number}: {self.rows:,} documents"
