"""Documents, what tells one content from another, and which documents say the same."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from helpers import arguments

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Document:
    """A text with the name under which it is stored.

    Attributes:
        id: Its name: not empty, and no other document's.
        text: What the model reads.
        fields: More that is stored with it, to filter by: strings, numbers, True or False.
    """

    id: str
    text: str
    fields: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _storable(arguments.text(self.id, "id", empty=False), "id")
        _storable(arguments.text(self.text, "text"), "text")
        for name, value in arguments.instance(self.fields, "fields", Mapping).items():  # type: ignore[type-abstract]
            arguments.text(name, "each name in fields", empty=False)
            if type(value) not in (str, int, float, bool):
                raise arguments.wrong_type(f"fields[{name!r}]", value, "a Python string, number, True or False")
            if isinstance(value, int):
                arguments.integer(int(value), f"fields[{name!r}]", minimum=-(2**63), maximum=2**63 - 1)
            if isinstance(value, str):
                _storable(value, f"fields[{name!r}]")

    @property
    def text_sha256(self) -> str:
        """See `content_hash`."""
        return content_hash(self.text)

    @property
    def fields_sha256(self) -> str:
        """A hash of the fields, in whichever order they stand."""
        return content_hash(json.dumps(dict(self.fields), sort_keys=True))


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """What `deduplicated` found.

    Attributes:
        kept: The first document of each content, in the order in which they came.
        stands_for: For each document that was left out, its id and the id of the one that is kept.
    """

    kept: list[Document]
    stands_for: dict[str, str]

    def __str__(self) -> str:
        return f"{len(self.kept):,} documents kept, {len(self.stands_for):,} left out because their text is there already"


def content_hash(text: str) -> str:
    """SHA-256 of a text exactly as it is, in 64 hexadecimal digits.

    Nothing is normalized before, neither case nor white space nor accents: which of these a model overlooks is the model's own affair
    (an uncased one overlooks case), and a hash that overlooks more than the model does would leave an old vector in the table.
    """
    return hashlib.sha256(arguments.text(text, "text").encode("utf-8", "surrogatepass")).hexdigest()


def deduplicated(documents: Iterable[Document]) -> Deduplicated:
    """Keep one document of each text, the first, and note which id stands for which. Two texts are the same where their hashes are.

    Memory holds the kept documents.

    Raises:
        TypeError, ValueError: What came is no `Document`, or an id comes twice.
    """
    kept: dict[str, Document] = {}
    stands_for: dict[str, str] = {}
    for document in each_once(documents):
        first = kept.setdefault(document.text_sha256, document)
        if first is not document:
            stands_for[document.id] = first.id
    return Deduplicated(list(kept.values()), stands_for)


def each_once(documents: Iterable[Document]) -> Iterable[Document]:
    """The documents one by one, refused where one is no `Document` or has the id of an earlier one. Memory holds the ids."""
    if isinstance(documents, str | bytes | Mapping) or not isinstance(documents, Iterable):
        raise arguments.wrong_type("documents", documents, "an iterable of helpers.pipeline.Document")
    return _each_once(documents)


def _each_once(documents: Iterable[Document]) -> Iterable[Document]:
    ids: set[str] = set()
    for index, document in enumerate(documents):
        if not isinstance(document, Document):
            raise arguments.wrong_type(f"documents[{index}]", document, "a helpers.pipeline.Document")
        if document.id in ids:
            raise arguments.wrong_value(f"documents[{index}].id", document.id, "an id that no earlier document has")
        ids.add(document.id)
        yield document


def _storable(value: str, name: str) -> None:
    """Tables store UTF-8: half a character, as in "\\ud800", has none."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise arguments.wrong_value(name, value, "a string that UTF-8 can hold (no lone surrogates)") from None
