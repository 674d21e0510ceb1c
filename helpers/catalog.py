"""The models this course speaks of, as data: a source for every figure, and "unconfirmed" where there is none.

``get("bge-m3")`` gives one model, ``table(names, columns)`` puts several side by side, and ``guide_claims()`` holds what the older
guide's own tables say, each cell beside what is known. The figures stand in ``data/models.toml`` and ``data/guide_claims.toml``;
this module reads no other file and knows nothing of torch. Sizes are bytes, printed in MiB (2**20) and GiB (2**30).
"""

import dataclasses
import difflib
import functools
import re
import tomllib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import arguments
from helpers.tables import Table, as_text, in_markdown, size_text

UNCONFIRMED = "unconfirmed"
KINDS = ("SentenceTransformer", "SparseEncoder", "MultiVectorEncoder", "CrossEncoder", "Transformer")
BYTES_PER_PARAMETER: Mapping[str, int] = types.MappingProxyType({"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1})
_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures come from: a title, and a public address unless the figure was measured or computed for this course."""

    key: str
    title: str
    address: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One value and the key of its source. A value of None is unknown; the source "unconfirmed" says that none was found."""

    value: Any
    source: str

    @property
    def confirmed(self) -> bool:
        """Whether there is a value, and a source for it."""
        return self.value is not None and self.source != UNCONFIRMED


@dataclass(frozen=True, slots=True)
class Score:
    """A published result, as its source prints it. Results of two benchmarks, or of two versions of one, can't be compared."""

    benchmark: str
    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Golden:
    """Published scores of one query with four documents. They hold within ``tolerance``, a share of each score (0.01 is 1 %)."""

    similarities: tuple[float, float, float, float]
    tolerance: float
    source: str


@dataclass(frozen=True, slots=True, repr=False)
class Model:
    """One model. ``kind`` is the class that loads it; the fields from ``parameters`` to ``code`` are figures with a source each."""

    id: str
    kind: str
    family: str
    parameters: Figure
    size_bytes: Figure
    published_bytes: Figure
    stored_as: Figure
    dimensions: Figure
    max_tokens: Figure
    pooling: Figure
    normalizes: Figure
    prompts: Figure
    prompts_built_in: Figure
    matryoshka: Figure
    license: Figure
    gated: Figure
    trust_remote_code: Figure
    transformers_5: Figure
    languages: Figure
    code: Figure
    scores: tuple[Score, ...]
    golden: Golden | None
    note: str

    @property
    def name(self) -> str:
        """The part of the id after the slash."""
        return self.id.rpartition("/")[2]

    def memory(self, dtype: str = "float32") -> int:
        """Bytes of the weights alone in one data type; the texts being encoded and the libraries come on top."""
        size = BYTES_PER_PARAMETER[arguments.choice(dtype, "dtype", BYTES_PER_PARAMETER)]
        if self.parameters.value is None:
            raise ValueError(f"The number of parameters of {self.id} is unconfirmed, so its memory is unknown.")
        return int(self.parameters.value) * size

    def score(self, benchmark: str) -> float | None:
        """The published score on one benchmark, or None."""
        name = arguments.choice(benchmark, "benchmark", benchmarks())
        return next((score.value for score in self.scores if score.benchmark == name), None)

    def card(self) -> Table:
        """Every figure of this model with its source, one a row."""
        rows = [(HEADERS[field], _cell(self, field), getattr(self, field).source) for field in FIGURES]
        rows += [(score.benchmark, f"{score.value:g}", score.source) for score in self.scores]
        return Table((self.kind, self.id, "Source"), tuple(rows))

    def __str__(self) -> str:
        return f"{self.card()}\n{self.note}".rstrip()

    def __repr__(self) -> str:  # what a console shows, and a notebook where no Markdown is rendered
        return str(self)

    def _repr_markdown_(self) -> str:
        return f"{self.card()._repr_markdown_()}\n\n{in_markdown(self.note)}".rstrip()


@dataclass(frozen=True, slots=True)
class Claim:
    """One cell of the older guide: what it says, what is known, and the verdict, one of ``verdicts()``."""

    section: str
    subject: str
    quantity: str
    claimed: str
    known: str
    source: str
    verdict: str


FIGURES = tuple(field.name for field in dataclasses.fields(Model) if field.type is Figure)
# What a table calls the figures.
HEADERS: Mapping[str, str] = types.MappingProxyType(
    {field: field.replace("_", " ").capitalize() for field in FIGURES}
    | {"size_bytes": "Weights in float32", "published_bytes": "Weights as published", "matryoshka": "Matryoshka dimensions"}
    | {"prompts_built_in": "encode_query adds the prompt", "trust_remote_code": "Needs trust_remote_code"}
    | {"transformers_5": "Works with transformers 5", "code": "Trained on code"}
)


def models() -> tuple[Model, ...]:
    """Every model of the catalog, in the order of the file."""
    return tuple(_model(entry, _sources()) for entry in _read("models.toml")["model"])


def sources() -> tuple[Source, ...]:
    """Every source that a figure, a score or a claim may name."""
    return tuple(_sources().values())


def benchmarks() -> tuple[str, ...]:
    """The names of the benchmarks with at least one score; each is a column of a table."""
    return tuple(dict.fromkeys(score[0] for entry in _read("models.toml")["model"] for score in entry.get("scores", [])))


def get(name: str) -> Model:
    """One model by its full id or by the part after the slash, in any case. Raises ValueError with the nearest names otherwise."""
    wanted = arguments.text(name, "name", empty=False).strip().casefold()
    everything = models()
    found = [model for model in everything if wanted == model.id.casefold()]
    found = found or [model for model in everything if wanted == model.name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        ids = " or ".join(model.id for model in found)
        raise ValueError(f"name must be a full id where two models share a short one, got {arguments.shown(name)}. Did you mean {ids}?")
    near = " or ".join(_nearest(wanted, everything))
    hint = f"Did you mean {near}?" if near else f"catalog.models() lists all {len(everything)}."
    raise ValueError(f"name must be the name of a model in the catalog, got {arguments.shown(name)}. {hint}")


def table(names: Sequence[str], columns: Sequence[str], *, show_sources: bool = False) -> Table:
    """The named models side by side, in the order given. A column is one of FIGURES, a benchmark, "kind", "family" or "note".

    With ``show_sources=True`` each figure is followed by the key of its source in brackets; ``sources()`` says what the keys mean.
    """
    chosen = [get(name) for name in arguments.texts(names, "names")]
    known = (*FIGURES, *benchmarks(), "kind", "family", "note")
    fields = [arguments.choice(column, f"columns[{index}]", known) for index, column in enumerate(arguments.texts(columns, "columns"))]
    with_source = arguments.boolean(show_sources, "show_sources")
    headers = [HEADERS.get(field, field[:1].upper() + field[1:]) for field in fields]
    return Table(("Model", *headers), tuple((model.id, *(_cell(model, field, with_source) for field in fields)) for model in chosen))


def guide_claims() -> tuple[Claim, ...]:
    """What the older guide's tables claim, cell by cell, in the order of the guide."""
    entries = [(section["title"], claim) for section in _read("guide_claims.toml")["section"] for claim in section["claims"]]
    return tuple(_claim(section, claim, _sources()) for section, claim in entries)


def verdicts() -> dict[str, str]:
    """Every verdict that a claim can have, and what it means."""
    return dict(_read("guide_claims.toml")["verdicts"])


def claims_table(claims: Iterable[Claim], measured: Mapping[tuple[str, str], str] | None = None) -> Table:
    """Claims beside what is known. ``measured``, text by (subject, quantity), adds a column "Measured"; it may hold other claims too."""
    if isinstance(claims, str | bytes | Mapping) or not isinstance(claims, Iterable):
        raise arguments.wrong_type("claims", claims, "a list of claims")
    chosen = [arguments.instance(claim, f"claims[{index}]", Claim) for index, claim in enumerate(claims)]
    if measured is not None and not isinstance(measured, Mapping):
        raise arguments.wrong_type("measured", measured, "a dict from (subject, quantity) to text, or None")
    possible = {(claim.subject, claim.quantity) for claim in (*chosen, *guide_claims())}
    for key, value in (measured or {}).items():
        if key not in possible:
            raise arguments.wrong_value("a key of measured", key, "the (subject, quantity) of a claim")
        arguments.text(value, f"measured[{key}]")
    rows = [[claim.subject, claim.quantity, claim.claimed, claim.known, claim.verdict, claim.source] for claim in chosen]
    headers = ["Subject", "Quantity", "The guide says", "Known", "Verdict", "Source"]
    if measured is not None:
        headers.insert(4, "Measured")
        for row in rows:
            row.insert(4, measured.get((row[0], row[1]), ""))
    return Table(tuple(headers), tuple(map(tuple, rows)))


def _nearest(wanted: str, everything: Iterable[Model]) -> list[str]:
    """At most three ids: first those written alike but for case, dots, dashes and spaces, then those that look alike."""
    ids = {_letters(name): model.id for model in everything for name in (model.id, model.name)}
    plain = _letters(wanted)
    alike = [key for key in ids if plain == key] + [key for key in ids if len(plain) > 3 and plain in key]
    alike += difflib.get_close_matches(plain, ids, n=3, cutoff=0.6)
    return list(dict.fromkeys(ids[key] for key in alike))[:3]


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _cell(model: Model, field: str, with_source: bool = False) -> str:
    if field in ("kind", "family", "note"):
        return str(getattr(model, field))
    if field in FIGURES:
        figure: Figure = getattr(model, field)
        if figure.value is None:
            return UNCONFIRMED
        text = size_text(figure.value) if field.endswith("_bytes") else as_text(figure.value)
        marked = "" if figure.confirmed else f" ({UNCONFIRMED})"
        return text + (f" [{figure.source}]" if with_source else marked)
    published = [f"{score.value:g}" + (f" [{score.source}]" if with_source else "") for score in model.scores if score.benchmark == field]
    return "".join(published)


@functools.cache
def _read(file: str) -> dict[str, Any]:
    return tomllib.loads((_DATA / file).read_text(encoding="utf-8"))


def _sources() -> dict[str, Source]:
    return {key: Source(key, entry["title"], entry.get("address", "")) for key, entry in _read("models.toml")["sources"].items()}


def _model(entry: Mapping[str, Any], known: Mapping[str, Source]) -> Model:
    """A model from its entry in the file. Refuses an unknown field, and a figure, score or golden without a source."""
    name = entry["id"]
    for field in set(entry) - {*FIGURES, "published_mib", "id", "kind", "family", "note", "scores", "golden"}:
        raise ValueError(f"{name}: {field} isn't a field of a model.")
    figures = {field: _figure(entry.get(field), f"{name}, {field}", known) for field in FIGURES}
    figures["size_bytes"] = _times(figures["parameters"], BYTES_PER_PARAMETER["float32"])
    figures["published_bytes"] = _times(_figure(entry.get("published_mib"), f"{name}, published_mib", known), 2**20)
    scores = tuple(Score(*_sourced(score, 3, f"{name}, scores", known)) for score in entry.get("scores", []))
    golden = Golden(*_sourced(entry["golden"], 3, f"{name}, golden", known)) if "golden" in entry else None
    kind = arguments.choice(entry["kind"], f"{name}, kind", KINDS)
    note = entry.get("note", "")
    return Model(id=name, kind=kind, family=entry["family"], scores=scores, golden=golden, note=note, **figures)


def _figure(entry: Any, where: str, known: Mapping[str, Source]) -> Figure:
    return Figure(None, UNCONFIRMED) if entry is None else Figure(*_sourced(entry, 2, where, known))


def _times(figure: Figure, factor: int) -> Figure:
    return Figure(None if figure.value is None else factor * figure.value, figure.source)


def _claim(section: str, entry: Any, known: Mapping[str, Source]) -> Claim:
    subject, quantity, claimed, knowledge, verdict, source = _sourced(entry, 6, section, known)
    arguments.choice(verdict, f"{section}, {subject}, verdict", verdicts())
    return Claim(section, subject, quantity, claimed, knowledge, source, verdict)


def _sourced(entry: Any, length: int, where: str, known: Mapping[str, Source]) -> list[Any]:
    """An entry of a file, if it is a list of the right length that ends in the key of a source."""
    if not isinstance(entry, list) or len(entry) != length or entry[-1] not in known:
        raise ValueError(f"{where}: needs {length - 1} values and a source of [sources], got {arguments.shown(entry)}.")
    # Lists and tables of the parsed file are shared by every call: what is handed out is a copy.
    return [tuple(item) if isinstance(item, list) else dict(item) if isinstance(item, dict) else item for item in entry]
