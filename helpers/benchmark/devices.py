"""The devices that torch computes on: which are at hand, waiting until they are done, and the memory that they needed."""

import re
from typing import Any

from helpers import arguments

ACCEPTED = "'cpu', 'cuda', 'cuda:0' (or another number), 'mps' or 'xpu'"
_DEVICE = re.compile(r"(cpu|mps|(?:cuda|xpu)(?::\d+)?)")


def checked_device(device: object, name: str = "device") -> str:
    """A device that torch can compute on here. Raises TypeError or ValueError in one sentence otherwise."""
    if not isinstance(device, str):
        raise arguments.wrong_type(name, device, ACCEPTED)
    if not _DEVICE.fullmatch(device):
        raise arguments.wrong_value(name, device, ACCEPTED)
    kind, _, number = device.partition(":")
    count = available(kind)
    if count <= int(number or 0):
        here = "none" if count == 0 else f"{count}"
        raise ValueError(f"{name} must be a device of this machine, got {device!r}: torch finds {here} of the kind {kind}.")
    return str(device)


@arguments.typed
def available(device: str) -> int:
    """How many devices of a kind, for example "cuda", torch finds on this machine."""
    return 1 if device == "cpu" else int(_module(device).device_count())


@arguments.typed
def synchronize(device: str) -> None:
    """Wait until a device has done what it was given: accelerators return before they have computed."""
    kind = device.partition(":")[0]
    if kind == "mps":
        _module(kind).synchronize()
    elif kind != "cpu":
        _module(kind).synchronize(device)


@arguments.typed
def empty_cache(device: str) -> None:
    """Let torch give back the memory of an accelerator that it keeps for later."""
    kind = device.partition(":")[0]
    if kind != "cpu":
        _module(kind).empty_cache()


@arguments.typed
def describe_device(device: str) -> str:
    """The name of an accelerator, for example "NVIDIA H100 80GB HBM3, 79 GiB"."""
    kind = device.partition(":")[0]
    if kind == "mps":
        return "the processor's own"
    properties = _module(kind).get_device_properties(device)
    return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"


@arguments.typed
def free_bytes(device: str) -> int:
    """Memory in bytes that is free for more models."""
    import psutil

    kind = device.partition(":")[0]
    if kind in ("cpu", "mps"):
        return int(psutil.virtual_memory().available)
    return int(_module(kind).mem_get_info(device)[0])


def _module(kind: str) -> Any:
    import torch

    return getattr(torch, arguments.choice(kind, "device", ("cpu", "cuda", "mps", "xpu")))
