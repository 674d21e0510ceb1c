"""What a benchmark found: a row for each configuration, tables, JSON with machine and versions, and a picture.

What is kept are the seconds of each batch; medians, spreads, percentiles and shares are computed from them. No date is stored: the
same figures give the same file.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments
from helpers.benchmark.contenders import BACKENDS, REAL
from helpers.benchmark.quality import Quality
from helpers.tables import Table, size_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KIND = "helpers.benchmark_models"
LAYOUT = 1
MISSING = "–"
JOINED = "Several runs, one after the other: rounds are interleaved within a run only."
PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration: a model on a backend and a device, with a batch size and a length, and what it took.

    Attributes:
        model: The model's name.
        weights: "real", "random weights" or "STAND-IN".
        backend: One of `contenders.BACKENDS`.
        device: The device of torch; ONNX Runtime and OpenVINO run on the cpu.
        batch_size: Texts a batch.
        length: Tokens of each text, or "own" for the reader's texts as they are.
        texts: Texts encoded in each round.
        tokens: Their tokens, padding not counted.
        operations: Operations of matrix multiplication in each round, padding included; None where they can't be counted.
        seconds: For each round the seconds of each batch.
        rates: For each round the operations a second that this device reached with large matrices of this type; empty if unknown.
        model_bytes: Size of the weights in memory, or of the exported files.
        parameters: Number of weights.
        peak_bytes: The most memory of a fresh process (on an accelerator: of torch on it) that loads the model and encodes one batch;
            measured for the largest batch only.
        quality: How good the vectors are; None where the weights aren't real.
        group: Configurations of one group ran in the same interleaved rounds; there are several where memory doesn't hold all models.
    """

    model: str
    weights: str
    backend: str
    device: str
    batch_size: int
    length: int | str
    texts: int
    tokens: int
    operations: float | None
    seconds: tuple[tuple[float, ...], ...]
    rates: tuple[float, ...]
    model_bytes: int
    parameters: int
    peak_bytes: int | None = None
    quality: Quality | None = None
    group: int = 1

    @property
    def label(self) -> str:
        """The model's name, with what its weights are where they aren't the real ones."""
        return self.model if self.weights == REAL else f"{self.model} ({self.weights})"

    @property
    def configuration(self) -> tuple[str, str, str, str, int, int | str]:
        """What distinguishes a row from the others of its report."""
        return self.model, self.weights, self.backend, self.device, self.batch_size, self.length

    @property
    def texts_per_second(self) -> float:
        """Median over the rounds."""
        return median(self._per_round(self.texts))

    @property
    def spread(self) -> tuple[float, float]:
        """Texts a second in the slowest and in the fastest round."""
        found = self._per_round(self.texts)
        return min(found), max(found)

    @property
    def tokens_per_second(self) -> float:
        """Median over the rounds; padding isn't counted."""
        return median(self._per_round(self.tokens))

    @property
    def latencies(self) -> tuple[float, ...]:
        """Seconds of every batch of every round."""
        return tuple(second for batch in self.seconds for second in batch)

    def percentile(self, percent: float) -> float:
        """Seconds within which this percentage of all batches were done. With less than 20 batches, p95 is hardly the slowest of them."""
        percent = arguments.number(percent, "percent", minimum=0, maximum=100)
        return float(np.percentile(self.latencies, percent))

    @property
    def p50(self) -> float:
        """Half of all batches took at most so many seconds."""
        return self.percentile(50)

    @property
    def p95(self) -> float:
        """Of all batches, 95 % took at most so many seconds."""
        return self.percentile(95)

    @property
    def share(self) -> float | None:
        """The share of the machine's measured matrix-multiply rate, from 0 to about 1: median over the rounds."""
        if self.operations is None or not self.rates:
            return None
        return median(rate / limit for rate, limit in zip(self._per_round(self.operations), self.rates, strict=True))

    def _per_round(self, amount: float) -> list[float]:
        return [amount / sum(batches) for batches in self.seconds]


@dataclass(frozen=True)
class Report:
    """A benchmark's rows, with the machine and the versions that they belong to, and notes on how it was done. `str()` shows all."""

    machine: dict[str, str]
    versions: dict[str, str]
    rounds: int
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def table(self) -> Table:
        """Speed, a configuration a row: medians over the rounds and the spread of the rounds; p50 and p95 of single batches."""
        headers = (
            "Model",
            "Backend",
            "Device",
            "Batch",
            "Tokens",
            "Texts/s",
            "Spread",
            "Tokens/s",
            "p50 ms",
            "p95 ms",
            "Of matmul rate",
        )
        return _without_constant(Table(headers, tuple(map(_speed_cells, self.rows))), "Device")

    @cached_property
    def models(self) -> Table:
        """Size, memory and quality, a model on a backend a row, beside the best speed that it reached."""
        headers = (
            "Model",
            "Backend",
            "Device",
            "Parameters",
            "Size",
            "Peak memory",
            "Best texts/s",
            "Cosine to fp32",
            "Spearman",
            "Recall@10",
        )
        groups: dict[tuple[str, str, str], list[Row]] = {}
        for row in self.rows:
            groups.setdefault((row.label, row.backend, row.device), []).append(row)
        return _without_constant(Table(headers, tuple(map(_model_cells, groups.values()))), "Device")

    @cached_property
    def matmul_rates(self) -> dict[tuple[str, str], float]:
        """Operations a second with large matrices, by device and type: the median over the rounds."""
        rates: dict[tuple[str, str], dict[int, tuple[float, ...]]] = {}
        for row in self.rows:
            if row.rates:  # measured once for all rows of a group
                rates.setdefault((row.device, BACKENDS[row.backend].arithmetic), {})[row.group] = row.rates
        return {key: median(rate for measured in groups.values() for rate in measured) for key, groups in rates.items()}

    def find(self, **wanted: object) -> list[Row]:
        """The rows with these values: ``report.find(model="bge-m3", batch_size=32)``."""
        names = [field.name for field in fields(Row)]
        for name in wanted:
            arguments.choice(name, "the name of a keyword", names)
        return [row for row in self.rows if all(getattr(row, name) == value for name, value in wanted.items())]

    def joined(self, other: "Report") -> "Report":
        """One report of this one's rows and the other's, which take the place of rows of the same configuration.

        Raises:
            TypeError, ValueError: `other` is no report, or one of another machine or of other versions.
        """
        arguments.instance(other, "other", Report)
        for what in ("machine", "versions"):
            if getattr(self, what) != getattr(other, what):
                raise ValueError(f"other must be a report of the same {what}, got one of {getattr(other, what)}.")
        new = {row.configuration for row in other.rows}
        kept = tuple(row for row in self.rows if row.configuration not in new)
        groups = max((row.group for row in kept), default=0)
        rows = kept + tuple(replace(row, group=row.group + groups) for row in other.rows)
        return replace(
            other, rounds=max(self.rounds, other.rounds), rows=rows, notes=tuple(dict.fromkeys((*self.notes, *other.notes, JOINED)))
        )

    def __str__(self) -> str:
        about = [f"{key}: {value}" for key, value in {**self.machine, **self.versions}.items()]
        rates = [
            f"matmul {dtype} on {device}: {rate / 1e9:,.0f} billion operations a second"
            for (device, dtype), rate in self.matmul_rates.items()
        ]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([*about, *rates, "", str(self.table), "", str(self.models), *([""] if notes else []), *notes])

    def __repr__(self) -> str:
        return str(self)

    def write(self, path: Path | str) -> None:
        """Write everything as JSON, the whole file or nothing. ValueError where another kind of file stands there already."""
        target = check_output(path, "path")
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            part.write_text(_json_text(self), encoding="utf-8")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: Path | str) -> "Report":
        """Read what `write` wrote. ValueError in one sentence where the file is something else or damaged."""
        file = arguments.path(path, "path")
        data = _json_of(file, "path")
        if data.pop("kind", None) != KIND or data.pop("layout", None) != LAYOUT:
            raise ValueError(f"path must be a report that Report.write of this version wrote, got {str(file)!r}.")
        try:
            rows = tuple(_row(row) for row in data.pop("rows"))
            return cls(rows=rows, notes=tuple(data.pop("notes")), **data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"path must be a complete report, got {str(file)!r}: {error}.") from error

    def plot(self) -> "Figure":
        """Texts a second: over the batch size, or the length, where there are several, else a bar a configuration; a field a model."""
        from helpers.benchmark.pictures import draw

        return draw(self.rows)


def check_output(path: object, name: str) -> Path:
    """A path that a report can be written to: in a folder that is there, and new, or a report already. ValueError otherwise."""
    target = arguments.path(path, name)
    if not target.absolute().parent.is_dir():
        raise ValueError(f"{name} must be a file in a folder that exists, got {str(target)!r}.")
    if target.exists() and (not target.is_file() or _kind_of(target) != KIND):
        raise ValueError(f"{name} must be a new file or an older report to replace, got {str(target)!r}, which is something else.")
    return target


def check_picture(path: object, name: str) -> Path:
    """A path that a picture can be written to. ValueError otherwise."""
    target = arguments.path(path, name)
    if target.suffix.lower() not in PICTURES or target.is_dir() or not target.absolute().parent.is_dir():
        raise ValueError(
            f"{name} must be a file in a folder that exists, with a name that ends in {', '.join(PICTURES)}, got {str(target)!r}."
        )
    return target


def _kind_of(path: Path) -> object:
    try:
        return _json_of(path, "path").get("kind")
    except ValueError:
        return None


def _json_of(path: Path, name: str) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{name} must be a file that can be read, got {str(path)!r}: {error.strerror}.") from error
    except ValueError as error:
        raise ValueError(f"{name} must be a file with JSON, got {str(path)!r}: {error}.") from error
    if not isinstance(data, dict):
        raise ValueError(f"{name} must be a file with a JSON object, got {str(path)!r}.")
    return data


def _row(data: Mapping[str, Any]) -> Row:
    quality = None if data["quality"] is None else Quality(**data["quality"])
    row = Row(**{**data, "quality": quality, "seconds": tuple(map(tuple, data["seconds"])), "rates": tuple(data["rates"])})
    if not row.seconds or not all(batch and min(batch) > 0 for batch in row.seconds):
        raise ValueError(f"{row.model} has a round without times")
    return row


def _json_text(report: Report) -> str:
    """JSON with a row a line, so that two recordings can be compared line by line."""
    data = {"kind": KIND, "layout": LAYOUT, **asdict(report)}
    rows = data.pop("rows")
    head = json.dumps(data, indent=1, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f'{head},\n "rows": [\n  {lines}\n ]\n}}\n'


def _speed_cells(row: Row) -> tuple[str, ...]:
    slowest, fastest = row.spread
    return (
        row.label,
        row.backend,
        row.device,
        f"{row.batch_size:,}",
        str(row.length),
        short(row.texts_per_second),
        f"{short(slowest)}–{short(fastest)}",
        short(row.tokens_per_second),
        short(row.p50 * 1000),
        short(row.p95 * 1000),
        MISSING if row.share is None else f"{row.share:.0%}",
    )


def _model_cells(rows: list[Row]) -> tuple[str, ...]:
    first = rows[0]
    peaks = [row.peak_bytes for row in rows if row.peak_bytes is not None]
    quality = first.quality
    scores = (MISSING,) * 3
    if quality is not None:
        scores = (f"{quality.mean_cosine:.3f}", f"{quality.spearman:.3f}", f"{quality.recall_at_10:.3f}")
    return (
        first.label,
        first.backend,
        first.device,
        f"{first.parameters:,}",
        size_text(first.model_bytes),
        size_text(max(peaks)) if peaks else MISSING,
        short(max(row.texts_per_second for row in rows)),
        *scores,
    )


def short(number: float) -> str:
    """A positive number with about three digits: 12,345, 123, 12.3, 1.23 or 0.123."""
    number = arguments.number(number, "number", minimum=0)
    decimals = 0 if number >= 100 else 1 if number >= 10 else 2 if number >= 1 else 3
    return f"{number:,.{decimals}f}"


def _without_constant(table: Table, header: str) -> Table:
    """The table without this column where it says "cpu" in every row."""
    index = table.headers.index(header)
    if any(row[index] != "cpu" for row in table.rows):
        return table
    cut = [cells[:index] + cells[index + 1 :] for cells in (table.headers, *table.rows)]
    return Table(cut[0], tuple(cut[1:]))
