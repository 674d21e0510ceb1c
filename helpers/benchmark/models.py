"""Models, backends, batch sizes, lengths and devices against each other, in the same interleaved rounds.

    report = benchmark_models(["all-MiniLM-L6-v2"], backends=["torch fp32", "openvino int8"], batch_sizes=[1, 32])
    print(report)
    report.write("mine.json")

Every text goes through the model's public ``encode``. A configuration is warmed up first; in each round it then encodes as many
batches as fill a part of a second, at least one, before the next configuration has its turn.
"""

import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from helpers import corpus
from helpers.benchmark import contenders, devices, roofline, workload
from helpers.benchmark.contenders import RANDOM, REAL, STAND_IN, Contender, Model
from helpers.benchmark.order import Order, checked_order
from helpers.benchmark.quality import Quality, measure_quality, search_documents, unit_vectors
from helpers.benchmark.report import Report, Row
from helpers.benchmark.workload import Batch
from helpers.timing import describe_machine, describe_versions, measure, peak_memory

# Each configuration encodes at most so many batches a round. With five rounds that is enough for a p95.
MOST_BATCHES = 32
# A pass that takes longer than this is not repeated to warm up.
SLOW_S = 5.0
# Models are held in memory together up to this part of what is free; batches and libraries need the rest.
PART_OF_MEMORY = 0.6
CALIBRATION_TEXTS = 300
COMPARED_TEXTS = 256
# How often large matrices are multiplied in a round; the fastest counts, since a limit is looked for.
MULTIPLICATIONS = 3
# A process that encodes holds so much besides the weights.
_BESIDES_WEIGHTS = 300 * 2**20
_MOST_WAIT_SHOWN_S = 90


class Stopped(KeyboardInterrupt):
    """Ctrl-C after the first round was complete: `report` holds what was measured until then."""

    def __init__(self, report: Report) -> None:
        super().__init__("The benchmark was stopped.")
        self.report = report


def benchmark_models(
    models: Sequence[str],
    *,
    backends: Sequence[str] = ("torch fp32",),
    batch_sizes: Sequence[int] = (32,),
    lengths: Sequence[int | str] | None = None,
    devices: Sequence[str] = ("cpu",),
    texts: Sequence[str] | None = None,
    rounds: int = 5,
    round_seconds: float = 0.5,
    memory: bool = True,
    quality: bool = True,
) -> Report:
    """Measure every model on every backend and device, with every batch size and length, and how good its vectors are.

    Args:
        models: Names of the catalog, ids, or folders. A model whose weights are not at hand has random ones where
            `standins.full_size` knows its size: speed and memory are the real model's, quality has none.
        backends: Names of `contenders.BACKENDS`, for example "torch fp32", "torch bf16", "onnx int8", "openvino int8".
        batch_sizes: Texts a batch.
        lengths: Tokens of every text, special tokens included; "own" for `texts` as they are. Default: 128, or "own" with `texts`.
        devices: Devices of torch, for example "cpu", "cuda". ONNX Runtime and OpenVINO run on the cpu.
        texts: The reader's own texts. Default: made from the documentation corpus.
        rounds: Interleaved rounds.
        round_seconds: How long a configuration has its turn in a round, about; one batch is always encoded whole.
        memory: Measure peak memory too, in a fresh process for each model on each backend, which takes some seconds each.
        quality: Measure quality too, where weights are real.

    Raises:
        TypeError, ValueError: An argument is of no use, or something asked for is not at hand: before anything is timed.
        Stopped: Ctrl-C after at least one round; its `report` holds the rounds that were complete.
    """
    order = checked_order(
        models,
        backends=backends,
        batch_sizes=batch_sizes,
        lengths=lengths,
        devices=devices,
        texts=texts,
        rounds=rounds,
        round_seconds=round_seconds,
        memory=memory,
        quality=quality,
    )
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        run = _Run(order, Path(folder))
        try:
            run.prepare()
            run.time()
            run.measure_memory()
        except KeyboardInterrupt:
            run.notes.append(f"Ctrl-C stopped it, of {order.rounds} rounds: only what was complete is shown.")
            if report := run.report():
                raise Stopped(report) from None
            raise
    report = run.report()
    assert report is not None
    return report


def _unique(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


# Preparing


@dataclass(frozen=True)
class _Work:
    """Batches of one size and length, and the operations of each; None where they can't be counted."""

    batch_size: int
    length: int | str
    batches: tuple[Batch, ...]
    operations: tuple[float | None, ...]

    def of_count(self, count: int) -> list[int]:
        """The numbers of so many batches, spread over all of them."""
        return [index * len(self.batches) // count for index in range(count)]


@dataclass
class _Prepared:
    """What is known of a model before it is timed."""

    parameters: int
    work: list[_Work]
    reference: np.ndarray | None
    exported: dict[str, Path] = field(default_factory=dict)


@dataclass
class _Timed:
    """A configuration while it is timed: a function for `measure` that keeps the seconds of each batch of each round."""

    contender: Contender
    work: _Work
    encoder: Any
    size: int
    group: int
    chosen: list[int] = field(default_factory=list)
    rounds: list[tuple[float, ...]] = field(default_factory=list)

    def __call__(self) -> None:
        self.rounds.append(tuple(self.seconds(index) for index in self.chosen))

    def seconds(self, index: int) -> float:
        """Encode one batch and wait for its vectors."""
        texts = list(self.work.batches[index].texts)
        devices.synchronize(self.contender.device)
        start = time.perf_counter()
        contenders.encode(self.encoder, texts)
        devices.synchronize(self.contender.device)
        return round(time.perf_counter() - start, 7)

    def warm_up(self, round_seconds: float) -> float:
        """Encode a batch, decide how many a round has, and return the seconds of a round, about."""
        took = self.seconds(0)
        if took < SLOW_S or self.contender.backend.compiled:
            took = self.seconds(0)
        count = min(MOST_BATCHES, max(1, math.ceil(round_seconds / max(took, 1e-6))))
        self.chosen = self.work.of_count(count)
        return took * count

    @property
    def limit(self) -> tuple[str, str]:
        """Where and in which type its matrices are multiplied."""
        return self.contender.device, self.contender.backend.arithmetic


class _Limit:
    """The machine's rate of multiplying large matrices, measured once a round beside the models."""

    def __init__(self, multiply: Callable[[], object], operations: float) -> None:
        self.multiply, self.operations = multiply, operations
        self.rates: list[float] = []

    def __call__(self) -> None:
        fastest = min(roofline.seconds_of(self.multiply) for _ in range(MULTIPLICATIONS))
        self.rates.append(float(f"{self.operations / fastest:.6g}"))


class _Run:
    """One benchmark on its way, from which a report can be made at any time."""

    def __init__(self, order: Order, folder: Path) -> None:
        self.order, self.folder = order, folder
        self.contenders = list(order.contenders)
        self.notes: list[str] = list(order.left_out)
        self.prepared: dict[Model, _Prepared] = {}
        self.timed: list[_Timed] = []
        self.limits: dict[tuple[int, str, str], _Limit] = {}
        self.quality: dict[Contender, Quality] = {}
        self.peaks: dict[Contender, int] = {}

    # Preparing

    def prepare(self) -> None:
        """Make the texts of each model, the vectors of torch fp32 to compare with, and the exports."""
        wanted = _unique(contender.model for contender in self.contenders)
        used = _unique(contender.device for contender in self.contenders)
        home = "cpu" if "cpu" in used else used[0]
        for model in (bar := tqdm(wanted, desc="models", file=sys.stderr)):
            bar.set_postfix_str(model.label)
            encoder = contenders.load_torch(model, device=home)
            self.prepared[model] = _Prepared(
                parameters=sum(parameter.numel() for parameter in encoder.parameters()),
                work=self._work(model, encoder),
                reference=unit_vectors(encoder, self._compared()) if self._has_quality(model) else None,
            )
            self._export(model, encoder, bar)
            del encoder
            contenders.release(home)
        if not self.contenders:
            raise ValueError(f"backends: none could be prepared. {' '.join(self.notes)}")

    def _has_quality(self, model: Model) -> bool:
        return self.order.quality and model.weights == REAL

    def _sources(self) -> list[str]:
        return [entry.text for entry in corpus.api_docs()] if self.order.texts is None else list(self.order.texts)

    def _compared(self) -> list[str]:
        """At most COMPARED_TEXTS texts, spread over all of them."""
        sources = self._sources()
        count = min(len(sources), COMPARED_TEXTS)
        return [sources[index * len(sources) // count] for index in range(count)]

    def _work(self, model: Model, encoder: Any) -> list[_Work]:
        limit, work = encoder.max_seq_length, []
        most = max(self.order.batch_sizes) * MOST_BATCHES
        for length in self.order.lengths:
            if isinstance(length, int) and limit is not None and length > limit:
                raise ValueError(f"lengths must be at most {limit} for {model.name}, which cuts longer texts off, got {length}.")
            try:
                texts = self._texts(encoder, length, most)
            except ValueError as error:
                raise ValueError(f"lengths: {model.name} takes no texts of {length} tokens: {error}") from error
            work += [self._batches(encoder, texts, size, length) for size in self.order.batch_sizes]
        return work

    def _texts(self, encoder: Any, length: int | str, most: int) -> list[str]:
        if isinstance(length, str):
            return self._sources()
        return workload.of_length(encoder.tokenizer, self._sources(), length, min(workload.MOST_TEXTS, most))

    def _batches(self, encoder: Any, texts: list[str], size: int, length: int | str) -> _Work:
        batches = workload.batches(encoder.tokenizer, texts, size, MOST_BATCHES)
        counted = {longest: _operations(encoder, size, longest) for longest in {batch.longest for batch in batches}}
        return _Work(size, length, tuple(batches), tuple(counted[batch.longest] for batch in batches))

    def _export(self, model: Model, encoder: Any, bar: Any) -> None:
        from helpers import backends

        for contender in [one for one in self.contenders if one.model == model and one.backend.format != "torch"]:
            backend = contender.backend
            bar.set_postfix_str(f"{model.label}: exporting to {backend.name}")
            folder = self.folder / f"{len(self.prepared)}-{backend.name.replace(' ', '-')}"
            options = {"texts": self._calibration()} if backend.name == "openvino int8" else {}
            try:
                backends.export(encoder, folder, format=backend.format, precision=backend.precision, **options)
            except (RuntimeError, ValueError, OSError) as error:
                self.contenders.remove(contender)
                self.notes.append(f"{backend.name} of {model.label} was left out: {error}")
                continue
            self.prepared[model].exported[backend.name] = folder

    def _calibration(self) -> list[str]:
        """The reader's own texts, and where these are few, the corpus too."""
        found = self._compared() if self.order.texts is None else list(self.order.texts)
        if len(found) < CALIBRATION_TEXTS:
            entries = corpus.api_docs()
            found += [entries[index * len(entries) // CALIBRATION_TEXTS].text for index in range(CALIBRATION_TEXTS - len(found))]
        return found[:CALIBRATION_TEXTS]

    # Timing

    def time(self) -> None:
        """Warm up and time, group by group."""
        groups = self._groups()
        if len(groups) > 1:
            self.notes.append(f"Memory doesn't hold all models at once: they ran in {len(groups)} groups. Compare within a group first.")
        for number, group in enumerate(groups, start=1):
            self._time_group(group, number)
            for timed in self.timed:
                timed.encoder = None
            for device in _unique(contender.device for contender in group):
                contenders.release(device)

    def _groups(self) -> list[list[Contender]]:
        """Contenders that memory holds together, in their order."""
        free = {device: devices.free_bytes(device) * PART_OF_MEMORY for device in _unique(one.device for one in self.contenders)}
        groups: list[list[Contender]] = []
        left: dict[str, float] = {}
        for contender in self.contenders:
            need = self.prepared[contender.model].parameters * contender.backend.memory + _BESIDES_WEIGHTS
            if not groups or need > left[contender.device]:
                groups.append([])
                left = dict(free)
            groups[-1].append(contender)
            left[contender.device] -= need
        return groups

    def _time_group(self, group: list[Contender], number: int) -> None:
        configurations: list[_Timed] = []
        for contender in (bar := tqdm(group, desc="loading", file=sys.stderr)):
            bar.set_postfix_str(str(contender))
            prepared = self.prepared[contender.model]
            exported = prepared.exported.get(contender.backend.name)
            encoder = contenders.load(contender, exported)
            size = contenders.stored_bytes(encoder, exported)
            configurations += [_Timed(contender, work, encoder, size, number) for work in prepared.work]
        limits = {limit: made for limit in _unique(timed.limit for timed in configurations) if (made := _limit(limit))}
        estimate = 0.0
        for timed in (bar := tqdm(configurations, desc="warm-up", file=sys.stderr)):
            bar.set_postfix_str(str(timed.contender))
            estimate += timed.warm_up(self.order.round_seconds)
        print(_estimate(len(configurations), self.order.rounds, estimate), file=sys.stderr)
        # From here on an interruption has something to show.
        self.timed += configurations
        self.limits |= {(number, *limit): made for limit, made in limits.items()}
        tasks: dict[str, Callable[[], object]] = {f"matmul {limit}": made for limit, made in limits.items()}
        tasks |= {f"{index}": timed for index, timed in enumerate(configurations)}
        measure(tasks, self.order.rounds, warm_up=False)
        self._measure_quality(configurations)

    def _measure_quality(self, configurations: list[_Timed]) -> None:
        encoders = {timed.contender: timed.encoder for timed in configurations if self._has_quality(timed.contender.model)}
        if not encoders:
            return
        for contender, encoder in (bar := tqdm(encoders.items(), desc="quality", file=sys.stderr)):
            bar.set_postfix_str(str(contender))
            reference = self.prepared[contender.model].reference
            assert reference is not None
            self.quality[contender] = measure_quality(encoder, self._compared(), reference)

    # Memory

    def measure_memory(self) -> None:
        """Peak memory of a fresh process for each contender, with its largest batch."""
        if not self.order.memory:
            return
        for contender in (bar := tqdm(self.contenders, desc="memory", file=sys.stderr)):
            bar.set_postfix_str(str(contender))
            prepared = self.prepared[contender.model]
            texts = list(max(prepared.work, key=_tokens_a_batch).batches[0].texts)
            exported = prepared.exported.get(contender.backend.name)
            program = contenders.write_order(contender, exported, texts, self.folder / "order.json")
            try:
                self.peaks[contender] = peak_memory(program, device=contender.device)
            except RuntimeError as error:
                self.notes.append(f"The memory of {contender} was not measured: {error}")

    # Reporting

    def report(self) -> Report | None:
        """What is complete, or None if that is nothing."""
        rows = [row for timed in self.timed if (row := self._row(timed))]
        if not rows:
            return None
        rounds = max(len(row.seconds) for row in rows)
        return Report(self._machine(), describe_versions(), rounds, tuple(rows), (*self.notes, *self._explanations(rows, rounds)))

    def _row(self, timed: _Timed) -> Row | None:
        # The same rounds for all configurations of a group: one that was interrupted counts for none.
        done = min(len(other.rounds) for other in self.timed if other.group == timed.group)
        if done == 0:
            return None
        contender, work = timed.contender, timed.work
        prepared = self.prepared[contender.model]
        counted = [work.operations[index] for index in timed.chosen]
        limit = self.limits.get((timed.group, *timed.limit))
        return Row(
            model=contender.model.name,
            weights=contender.model.weights,
            backend=contender.backend.name,
            device=contender.device,
            batch_size=work.batch_size,
            length=work.length,
            texts=work.batch_size * len(timed.chosen),
            tokens=sum(work.batches[index].tokens for index in timed.chosen),
            operations=None if None in counted else float(sum(filter(None, counted))),
            seconds=tuple(timed.rounds[:done]),
            rates=tuple(limit.rates[:done]) if limit else (),
            model_bytes=timed.size,
            parameters=prepared.parameters,
            peak_bytes=self.peaks.get(contender) if work is max(prepared.work, key=_tokens_a_batch) else None,
            quality=self.quality.get(contender),
            group=timed.group,
        )

    def _machine(self) -> dict[str, str]:
        import torch

        used = _unique(contender.device for contender in self.contenders if contender.device != "cpu")
        precision = torch.get_float32_matmul_precision()  # "highest": float32 is not multiplied in fewer bits, as tf32 is
        named = {device: f"{devices.describe_device(device)}, float32 matmul precision {precision}" for device in used}
        return {**describe_machine(), "threads": str(torch.get_num_threads()), **named}

    def _explanations(self, rows: list[Row], rounds: int) -> list[str]:
        """What a reader of the tables has to know, as far as it concerns them."""
        source = "the reader's own" if self.order.texts else "made from the documentation corpus"
        said = [f"Interleaved rounds ({rounds}) after a warm-up; texts are {source}; times include tokenizing."]
        if any(row.weights == RANDOM for row in rows):
            said.append("Random weights: the architecture in its real size. Speed and memory don't depend on the values; quality has none.")
        if any(row.weights == STAND_IN for row in rows):
            said.append("STAND-IN: a model of one small layer. Neither its speed nor its quality is that of the real one.")
        if any(len(row.latencies) < 20 for row in rows):
            said.append("Where a configuration ran less than 20 batches, its p95 says little more than its slowest batch.")
        if any(row.quality for row in rows):
            pairs, questions, documents = len(corpus.graded_pairs()), len(corpus.queries()), len(search_documents())
            said.append(
                f"Quality: cosine to torch fp32 over {len(self._compared())} texts, Spearman over {pairs} graded pairs, recall@10 of "
                f"{questions} questions among {documents} documents."
            )
        if self.peaks:
            said.append("Peak memory: a fresh process that loads the model and encodes the largest batch, Python and libraries included.")
        return said


def _operations(encoder: Any, batch: int, length: int) -> float | None:
    try:
        return roofline.flops(encoder, batch, length)
    except (TypeError, ValueError):
        return None


def _limit(limit: tuple[str, str]) -> _Limit | None:
    device, dtype = limit
    try:
        return _Limit(*roofline.multiplication(dtype, device))
    except ValueError:
        return None


def _tokens_a_batch(work: _Work) -> int:
    return work.batch_size * work.batches[0].longest


def _estimate(configurations: int, rounds: int, seconds: float) -> str:
    total = seconds * rounds
    wait = f"{total:.0f} seconds" if total < _MOST_WAIT_SHOWN_S else f"{total / 60:.0f} minutes"
    return f"{configurations} x {rounds} (configurations x rounds): about {wait}. Ctrl-C keeps the rounds that are complete."
