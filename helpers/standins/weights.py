"""Weights for a model of one layer: random, the same on every machine, and arranged so that different texts get different vectors.

A layer of plain random weights maps all texts to nearly the same vector. Here the attention looks at every token alike
(queries and keys are zero) and hands on what it saw, and the feed-forward part adds nothing.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import arguments

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig

Tensors = dict[str, "torch.Tensor"]

# How to fill a parameter, by the first of these words that its name holds.
ZERO, ONE, SMALL, NORMAL, VALUE, OUTPUT = "zero", "one", "small", "normal", "value", "output"
RULES = (
    ("bias", ZERO),
    ("norm", ONE),
    ("position_embeddings", SMALL),
    ("token_type_embeddings", SMALL),
    ("embed", NORMAL),
    (".query.", ZERO),
    (".key.", ZERO),
    ("q_proj", ZERO),
    ("k_proj", ZERO),
    (".value.", VALUE),
    ("v_proj", VALUE),
    ("attention.output.dense", OUTPUT),
    ("o_proj", OUTPUT),
    ("output.dense", ZERO),
    ("down_proj", ZERO),
    ("", SMALL),
)


# A token's vector becomes itself and about the square of this times the mean of all tokens.
ATTENTION = 2.0


@arguments.typed
def random(name: str, shape: tuple[int, ...], scale: float = 1.0) -> np.ndarray:
    """Random numbers of mean 0 and standard deviation ``scale`` that depend on nothing but the name and the shape, in float32.

    Uniform, not normal: they come from random bits by exact arithmetic. A logarithm's last digit differs between processors.
    """
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return (np.random.default_rng(seed).random(shape, dtype=np.float32) * 2 - 1) * np.float32(3**0.5 * scale)


@arguments.typed
def layer_weights(model_class: Callable[[Any], Any], config: "PreTrainedConfig", seed: str) -> Tensors:
    """The parameters of a transformers model.

    Args:
        model_class: the class of the model, for example ``transformers.BertModel``.
        config: its configuration.
        seed: a text; another one gives other weights.
    """
    import torch

    with torch.device("meta"):  # shapes only: nothing is computed
        model = model_class(config)
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    # Gemma's norms multiply by 1 + weight.
    one = 0.0 if config.model_type.startswith("gemma") else 1.0
    arrays = {name: _filled(name, shape, seed, one) for name, shape in shapes.items()}
    return stored(arrays)


@arguments.typed
def stored(arrays: dict[str, np.ndarray], dtype: str = "bfloat16") -> Tensors:
    """Arrays as tensors of two bytes a number, which the library widens to the type that config.json names."""
    import torch

    return {name: torch.from_numpy(np.ascontiguousarray(array)).to(getattr(torch, dtype)) for name, array in arrays.items()}


def _filled(name: str, shape: tuple[int, ...], seed: str, one: float) -> np.ndarray:
    rule = next(rule for word, rule in RULES if word in name.lower())
    if rule in (ZERO, ONE):
        return np.full(shape, one if rule == ONE else 0.0, dtype=np.float32)
    if rule == VALUE:
        return random(f"{seed} {shape}", shape, scale=ATTENTION / shape[0] ** 0.5)
    if rule == OUTPUT:
        # What the values were turned by, turned back: a square random matrix times its transpose is nearly a diagonal.
        return random(f"{seed} {shape[::-1]}", shape[::-1], scale=ATTENTION / shape[1] ** 0.5).T
    return random(f"{seed} {name}", shape, scale=0.05 if rule == SMALL else 1.0)
