"""Measure every way to compute a model, on this machine and the reader's own texts, and choose the fastest that is good enough."""

import contextlib
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from helpers import arguments
from helpers.backends import exporting, folders, runtimes
from helpers.backends.errors import first_line
from helpers.backends.graphs import Traced
from helpers.backends.loading import load
from helpers.backends.verification import ALL, cosines, spread
from helpers.tables import Table
from helpers.timing import measure

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Texts that the candidates encode in each round, and that their embeddings are compared on.
MOST_MEASURED = 256

REFERENCE = "torch fp32"
EXPORTS = tuple((format, precision) for format, known in exporting.PRECISIONS.items() for precision in known)


@dataclass(frozen=True)
class Candidate:
    """One way to compute the model. ``speed`` is against torch in float32; what could not be measured is None.

    Attributes:
        name: For example ``"openvino int8"``.
        speed: The median, over the rounds, of the time that torch in float32 took and the time that this took.
        bytes: Size of the weights: on the disk, or for torch in memory.
        mean_cosine, lowest_cosine: Of an embedding and that of torch in float32.
        verdict: ``"chosen"``, ``"kept"``, or why it was not.
    """

    name: str
    speed: float | None = None
    bytes: int | None = None
    mean_cosine: float | None = None
    lowest_cosine: float | None = None
    verdict: str = "kept"


@dataclass(frozen=True, repr=False)
class Choice:
    """The fastest way found to compute a model at the quality asked for. ``print(choice)`` says all of it.

    Attributes:
        name: ``"torch fp32"``, ``"openvino int8"`` …
        model: A SentenceTransformer that computes so.
        folder: The export it was loaded from; None where torch was chosen.
        candidates: What was measured, the fastest first, and then what could not be.
        processor: What the processor offers, in words.
        texts, min_cosine: How many texts it was measured on, and the quality asked for.
    """

    name: str
    model: "SentenceTransformer"
    folder: Path | None
    candidates: tuple[Candidate, ...]
    processor: str
    texts: int
    min_cosine: float

    @property
    def table(self) -> Table:
        """A row for each candidate: speed against torch fp32, size, mean and lowest cosine, and whether it was kept."""
        headers = ("candidate", "times torch fp32", "size", "mean cosine", "lowest cosine", "verdict")
        return Table(headers, tuple(_row(candidate) for candidate in self.candidates))

    def __str__(self) -> str:
        speed = next(candidate.speed for candidate in self.candidates if candidate.name == self.name) or 1.0
        return (
            f"{self.processor}\n\n{self.table}\n\n"
            f"{self.name} it is: {speed:.2f} times the speed of torch fp32 on {self.texts} texts, here, at a mean cosine of at least "
            f"{self.min_cosine:g}."
        )

    def __repr__(self) -> str:
        return str(self)


def best(
    model: "SentenceTransformer",
    texts: Sequence[str],
    folder: str | os.PathLike[str] | None = None,
    *,
    candidates: Sequence[str] | None = None,
    min_cosine: float = 0.99,
    rounds: int = 5,
) -> Choice:
    """Measure torch, ONNX Runtime and OpenVINO in every precision they have here, and return the fastest that is good enough.

    It takes about a minute for a small model, and holds each form of the model in memory at once.

    Args:
        model: A SentenceTransformer in float32 on the CPU.
        texts: Texts like those that will be encoded. At most 256 of them are used, spread over the lengths; OpenVINO's int8 needs 32.
        folder: Where to keep the export that is chosen: a folder that does not exist yet, in one that does. Without, it lies in a
            temporary folder for as long as its model lives. Where torch is chosen, nothing is written.
        candidates: What to measure beside torch in float32, for example ``["openvino int8", "torch bf16"]``; None takes all.
        min_cosine: The least mean cosine, over the texts, of an embedding and that of torch in float32.
        rounds: How often each candidate encodes the texts, in turn; the medians count.

    Returns:
        A Choice: name, model, table. Where nothing else is good enough, or faster, it is torch in float32.

    Raises:
        TypeError, ValueError: An argument is of no use; nothing was written. A candidate that cannot be built is only listed.
    """
    if "sentence_transformers" not in sys.modules or not isinstance(model, sys.modules["sentence_transformers"].SentenceTransformer):
        raise arguments.wrong_type("model", model, "a SentenceTransformer")
    _refuse_other_than_float32_on_the_cpu(model)
    sample = spread(texts, MOST_MEASURED)
    target = None if folder is None else arguments.path(folder, "folder")
    wanted = _wanted(candidates)
    arguments.number(min_cosine, "min_cosine", minimum=0, maximum=1)
    arguments.integer(rounds, "rounds", minimum=1)
    if target is not None:
        folders.refuse_taken(target)
    with tempfile.TemporaryDirectory(prefix="backends-") as workshop:
        built, failed = _build(model, sample, Path(workshop), wanted)
        measured = _measured(model, built, sample, rounds)
        judged = [_judged(candidate, min_cosine) for candidate in measured]
        kept = [candidate for candidate in judged if candidate.verdict == "kept"]
        name = max(kept, key=lambda candidate: candidate.speed or 0).name
        judged = [replace(each, verdict="chosen") if each.name == name else each for each in judged]
        chosen, place = built[name], None
        if (source := Path(workshop) / name).is_dir():
            chosen, place = _settled(source, target)
    ordered = sorted(judged, key=lambda candidate: -(candidate.speed or 0))
    return Choice(name, chosen, place, (*ordered, *failed), runtimes.processor(), len(sample), min_cosine)


def _refuse_other_than_float32_on_the_cpu(model: "SentenceTransformer") -> None:
    found = {f"{str(parameter.dtype).removeprefix('torch.')} on {parameter.device.type}" for parameter in model.parameters()}
    if found != {"float32 on cpu"}:
        raise ValueError(f"model must be one in float32 on the CPU, which the others are compared with, got {', '.join(sorted(found))}.")


# Building


def _wanted(candidates: Sequence[str] | None) -> list[str]:
    known = ["torch bf16", *(f"{format} {precision}" for format, precision in EXPORTS)]
    names = known if candidates is None else arguments.texts(candidates, "candidates")
    return [arguments.choice(name, f"candidates[{position}]", known) for position, name in enumerate(names)]


def _build(
    model: "SentenceTransformer", texts: list[str], workshop: Path, wanted: list[str]
) -> tuple[dict[str, "SentenceTransformer"], list[Candidate]]:
    """The models that could be built, by name, and the candidates that could not, with the reason."""
    built, failed = {REFERENCE: model}, []
    builders = [(name, build) for name, build in _builders(model, texts, workshop) if name in wanted]
    with tqdm(builders, desc="candidates", file=sys.stderr, leave=False) as progress:
        for name, build in progress:
            progress.set_postfix_str(name)
            try:
                built[name] = build()
            except Exception as error:  # of any of five packages: the others are still worth measuring
                failed.append(Candidate(name, verdict=f"not measured: {first_line(error)}"))
    return built, failed


def _builders(model: "SentenceTransformer", texts: list[str], workshop: Path) -> list[tuple[str, Callable[[], "SentenceTransformer"]]]:
    traced: list[Traced] = []  # the first that needs it makes it, and the others share it

    def exported(format: str, precision: str) -> "SentenceTransformer":
        exporting.refuse(model, format, precision, texts)
        if not traced:
            traced.append(Traced(model))
        folder = workshop / f"{format} {precision}"
        exporting.write_and_verify(traced[0], folder, format, precision, texts)
        return load(folder)

    exports = [(f"{format} {precision}", lambda f=format, p=precision: exported(f, p)) for format, precision in EXPORTS]
    return [("torch bf16", lambda: _in_bfloat16(model)), *exports]


def _in_bfloat16(model: "SentenceTransformer") -> "SentenceTransformer":
    import copy

    import torch

    return copy.deepcopy(model).to(torch.bfloat16)


# Measuring


def _measured(model: "SentenceTransformer", built: dict[str, "SentenceTransformer"], texts: list[str], rounds: int) -> list[Candidate]:
    def encoding(other: "SentenceTransformer") -> Callable[[], Any]:
        return lambda: other.encode(texts, truncate_dim=ALL, show_progress_bar=False)

    tasks = {name: encoding(other) for name, other in built.items()}
    embeddings = {name: task() for name, task in tasks.items()}
    timings = {timing.task: timing.seconds for timing in measure(tasks, rounds, warm_up=False)}  # the embeddings were the warm-up
    found = []
    for name, other in built.items():
        ratios = [theirs / ours for theirs, ours in zip(timings[REFERENCE], timings[name], strict=True)]
        cosine = cosines(embeddings[name], embeddings[REFERENCE])
        found.append(Candidate(name, median(ratios), _size(other), float(cosine.mean()), float(cosine.min())))
    return found


def _size(model: Any) -> int:
    folder = getattr(model[0], "folder", None)
    if folder is None:
        return sum(tensor.nbytes for tensor in model.state_dict().values())
    settings = model[0].settings
    return sum(file["bytes"] for name, file in settings["files"].items() if folders.belongs_to_graph(name, settings["graph"]))


def _judged(candidate: Candidate, min_cosine: float) -> Candidate:
    if candidate.name == REFERENCE or (candidate.mean_cosine is not None and candidate.mean_cosine >= min_cosine):
        return candidate
    return replace(candidate, verdict=f"mean cosine below {min_cosine:g}")


def _row(candidate: Candidate) -> tuple[str, ...]:
    from helpers.tables import size_text

    def figure(value: float | None, decimals: int) -> str:
        return "" if value is None else f"{value:.{decimals}f}"

    return (
        candidate.name,
        figure(candidate.speed, 2),
        "" if candidate.bytes is None else size_text(candidate.bytes),
        figure(candidate.mean_cosine, 4),
        figure(candidate.lowest_cosine, 4),
        candidate.verdict,
    )


# Keeping


def _settled(source: Path, target: Path | None) -> tuple["SentenceTransformer", Path]:
    """The chosen export, moved to where it stays, and loaded from there."""
    if target is not None:
        with folders.complete_or_absent(target) as part:
            shutil.copytree(source, part, dirs_exist_ok=True)
        return load(target), target
    with _kept_if_all_goes_well() as folder:
        place = folder / source.name.replace(" ", "-")
        shutil.copytree(source, place)
        model = load(place)
    weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)
    return model, place


@contextlib.contextmanager
def _kept_if_all_goes_well() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="backends-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
