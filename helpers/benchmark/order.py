"""What a benchmark is asked for, checked before anything is loaded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from helpers import arguments
from helpers.benchmark import contenders
from helpers.benchmark.contenders import Contender
from helpers.benchmark.devices import checked_device
from helpers.benchmark.workload import OWN

LENGTH = 128
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """The arguments of `benchmark_models`, checked: who competes, and in which configurations.

    Attributes:
        contenders: Models on backends and devices.
        batch_sizes: Texts a batch.
        lengths: Tokens a text, or "own".
        texts: The reader's own texts without empty ones, or None.
        rounds: Interleaved rounds.
        round_seconds: How long a configuration has its turn in a round, about.
        memory: Whether peak memory is measured.
        quality: Whether quality is measured.
        left_out: A sentence for each pair of backend and device that cannot be.
    """

    contenders: tuple[Contender, ...]
    batch_sizes: tuple[int, ...]
    lengths: tuple[int | str, ...]
    texts: tuple[str, ...] | None
    rounds: int
    round_seconds: float
    memory: bool
    quality: bool
    left_out: tuple[str, ...]


def checked_order(
    models: object,
    *,
    backends: object,
    batch_sizes: object,
    lengths: object,
    devices: object,
    texts: object,
    rounds: object,
    round_seconds: object,
    memory: object,
    quality: object,
) -> Order:
    """An order of good arguments; TypeError or ValueError in one sentence for the first that is none."""
    own = _own_texts(texts)
    lengths = lengths if lengths is not None else (LENGTH,) if own is None else (OWN,)
    sizes = _each(batch_sizes, "batch_sizes", "whole numbers", lambda size, name: arguments.integer(size, name, minimum=1))
    chosen_lengths = _each(lengths, "lengths", "numbers of tokens", lambda length, name: _length(length, name, own))
    rounds = arguments.integer(rounds, "rounds", minimum=1)
    seconds = arguments.number(round_seconds, "round_seconds", minimum=0, maximum=3600)
    memory, quality = arguments.boolean(memory, "memory"), arguments.boolean(quality, "quality")
    ways = _each(backends, "backends", "names of backends", contenders.find_backend)
    machines = _each(devices, "devices", "names of devices", checked_device)
    found = _each(models, "models", "names of models", contenders.find_model)
    pairs, left_out = contenders.pair(found, ways, machines)
    return Order(tuple(pairs), tuple(sizes), tuple(chosen_lengths), own, rounds, seconds, memory, quality, tuple(left_out))


def _own_texts(texts: object) -> tuple[str, ...] | None:
    if texts is None:
        return None
    found = tuple(text for text in arguments.texts(texts, "texts") if text.strip())
    if not found:
        raise arguments.wrong_value("texts", texts, "a list with at least one text that is more than white space")
    return found


def _each(value: Any, name: str, what: str, check: Callable[[Any, str], T]) -> list[T]:
    """Every item of a list, checked, each once."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | np.ndarray):
        raise arguments.wrong_type(name, value, f"a list of {what}")
    if len(value) == 0:
        raise arguments.wrong_value(name, value, f"a list of at least one of the {what}")
    return list(dict.fromkeys(check(item, f"{name}[{index}]") for index, item in enumerate(value)))


def _length(value: object, name: str, texts: Sequence[str] | None) -> int | str:
    if not isinstance(value, str):
        return arguments.integer(value, name, minimum=1)
    if value != OWN or texts is None:
        raise arguments.wrong_value(name, value, f'a number of tokens, or "{OWN}" together with texts of your own')
    return OWN
