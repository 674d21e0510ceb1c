"""Which model made the vectors of an interrupted run: a resume with another one would mix two kinds in a file."""

import hashlib
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import arguments

HASHED_AT_ONCE = 4 * 2**20  # bytes
# Two runs of one model differ in the last bits where the machine or its number of threads does; other models differ in the first.
PROBE_TOLERANCE = 1e-3
PROBE_TEXT = "Which model is this?"
PROBE_VALUES = 32
# What decides a vector besides the weights. Not every encoder has them.
ATTRIBUTES = ("max_seq_length", "prompts", "default_prompt_name", "truncate_dim")


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What tells a model from another.

    Attributes:
        kind: The name of its class.
        attributes: Its own settings that decide what a text becomes, as JSON gives them back.
        weights_sha256: Hash of its architecture and of every weight; None where it shows no weights, as an ONNX model or a plain object.
        probe: Only then, the first values of its vector of a fixed text.
    """

    kind: str
    attributes: dict[str, Any]
    weights_sha256: str | None
    probe: list[float] | None

    @classmethod
    def of(cls, model: Any, encode: Callable[[list[str]], Any]) -> "ModelIdentity":
        """Look at a model; `encode` is called, with one text, only where it shows no weights."""
        weights = _weights_digest(model)
        probe = None if weights else np.asarray(encode([PROBE_TEXT]), dtype=np.float64).ravel()[:PROBE_VALUES].tolist()
        attributes = {name: _plain(getattr(model, name, None)) for name in ATTRIBUTES}
        return cls(type(model).__name__, attributes, weights, probe)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ModelIdentity":
        """What ``dataclasses.asdict`` made of one; TypeError, ValueError or KeyError where it is something else."""
        weights, probe = data["weights_sha256"], data["probe"]
        return cls(
            kind=arguments.text(data["kind"], "kind"),
            attributes=arguments.instance(data["attributes"], "attributes", dict),
            weights_sha256=None if weights is None else arguments.text(weights, "weights_sha256"),
            probe=None if probe is None else [float(value) for value in arguments.instance(probe, "probe", list)],
        )

    def difference(self, other: "ModelIdentity") -> str:
        """The first thing in which two models differ, in words; empty where they are the same."""
        if self.kind != other.kind:
            return "its class"
        for name in ATTRIBUTES:
            if self.attributes.get(name) != other.attributes.get(name):
                return name
        if self.weights_sha256 != other.weights_sha256:
            return "its architecture or its weights"
        return "" if _close(self.probe, other.probe) else "its vector of a fixed text"


def _close(first: list[float] | None, second: list[float] | None) -> bool:
    if first is None or second is None or len(first) != len(second):
        return first == second
    tolerance = PROBE_TOLERANCE * np.abs(first).max(initial=0)
    return bool(np.allclose(first, second, rtol=0, atol=tolerance, equal_nan=True))


def _plain(value: Any) -> Any:
    """A value as JSON will give it back."""
    return json.loads(json.dumps(value, skipkeys=True, default=lambda other: type(other).__name__))


def _weights_digest(model: Any) -> str | None:
    """The hash of a torch model's architecture and of every weight; None for a model that does not keep its weights in tensors."""
    if not callable(getattr(model, "state_dict", None)) or "torch" not in sys.modules:
        return None
    import torch

    weights = model.state_dict()
    if not weights or not all(_has_bytes(weight) for weight in weights.values()):
        return None
    digest = hashlib.sha256(re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(model)).encode())
    for name, weight in weights.items():
        digest.update(f"\n{name} {tuple(weight.shape)} {weight.dtype}\n".encode())
        content = weight.detach().contiguous().reshape(-1).view(torch.uint8)
        for start in range(0, len(content), HASHED_AT_ONCE):
            digest.update(content[start : start + HASHED_AT_ONCE].cpu().numpy())
    return digest.hexdigest()


def _has_bytes(weight: Any) -> bool:
    """Whether it is a tensor with its numbers in memory, one after the other."""
    import torch

    return isinstance(weight, torch.Tensor) and weight.layout == torch.strided and not weight.is_quantized and not weight.is_meta
