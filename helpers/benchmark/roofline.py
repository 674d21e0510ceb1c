"""How near a model comes to the machine's limit: the operations that it needs, over those that the machine can do.

A model's work is nearly all matrix multiplication. ``matmul_rate`` measures how fast this machine multiplies large matrices,
``flops`` counts what a batch needs, and their ratio is the share that a configuration reaches. The idea is the roofline of
Williams, Waterman & Patterson (2009), https://doi.org/10.1145/1498765.1498785, with its flat part measured instead of read from a
data sheet.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

from helpers import arguments

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "float16", "bfloat16", "int8")
# Matrices of so many rows and columns are larger than any cache, and multiplied in well under a second.
CPU_SIZE, ACCELERATOR_SIZE = 2048, 8192


def matmul_rate(dtype: str = "float32", *, device: str = "cpu", rounds: int = 5) -> float:
    """Operations a second with which torch multiplies two large square matrices: the median of some rounds after a warm-up.

    A multiplication and an addition count as two operations. int8 sums into int32.

    Args:
        dtype: ``"float32"``, ``"float16"``, ``"bfloat16"`` or ``"int8"``.
        device: A device of torch.
        rounds: How often it is measured.

    Raises:
        TypeError, ValueError: An argument is of no use, or torch cannot multiply this type on this device.
    """
    rounds = arguments.integer(rounds, "rounds", minimum=1)
    multiply, operations = multiplication(dtype, device)
    seconds = [seconds_of(multiply) for _ in range(rounds + 1)][1:]
    return operations / median(seconds)


def multiplication(dtype: str, device: str = "cpu") -> tuple[Callable[[], object], float]:
    """A function that multiplies two large matrices and waits for the result, and the operations that this takes."""
    import torch

    from helpers.benchmark.devices import checked_device, synchronize

    dtype, device = arguments.choice(dtype, "dtype", DTYPES), checked_device(device, "device")
    size = CPU_SIZE if device == "cpu" else ACCELERATOR_SIZE
    left, right = (_matrix(size, dtype, device) for _ in range(2))
    # int8 has a multiplication of its own, which sums into int32: the operator @ would sum in 8 bits.
    product: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = torch._int_mm if dtype == "int8" else torch.matmul

    def multiply() -> None:
        product(left, right)
        synchronize(device)

    try:
        multiply()
    except (RuntimeError, NotImplementedError) as error:
        raise ValueError(f"dtype must be one that torch multiplies on {device}, got {dtype!r}: {str(error).splitlines()[0]}") from error
    return multiply, 2.0 * size**3


def flops(model: Any, batch: int, length: int) -> float:
    """Operations of matrix multiplication that a model needs for one batch of texts, counted from its layers.

    For each token 2 for every weight of a linear layer (a multiplication and an addition) and, in each layer's attention, 4 times the
    length times the width of all heads: 2 for the scores, 2 for the sum of the values. What follows the pooling counts once a text.
    Norms, activations and the table of token vectors are left out, as in Kaplan et al. (2020), https://arxiv.org/abs/2001.08361,
    section 2.1, and Chowdhery et al. (2022), https://arxiv.org/abs/2204.02311, appendix B, who count the same way.

    Args:
        model: A SentenceTransformer that begins with a transformer of torch.
        batch: Texts in the batch.
        length: Tokens of each text, padding included, since it is computed too.
    """
    batch = arguments.integer(batch, "batch", minimum=1)
    length = arguments.integer(length, "length", minimum=1)
    transformer = _transformer(model)
    per_text, per_token = _linear_weights(model, transformer)
    config = transformer.config
    heads_width = config.num_attention_heads * (getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
    attention = 4 * length * heads_width * config.num_hidden_layers
    return float(batch * (length * (2 * per_token + attention) + 2 * per_text))


def share(operations: float, seconds: float, rate: float) -> float:
    """The share, from 0 to about 1, of a measured rate that a computation of so many operations reaches in so many seconds."""
    operations = arguments.number(operations, "operations", minimum=0)
    seconds, rate = arguments.number(seconds, "seconds", minimum=1e-12), arguments.number(rate, "rate", minimum=1e-12)
    return operations / seconds / rate


@arguments.typed
def seconds_of(task: Callable[[], object]) -> float:
    """Seconds that one call of a function takes."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def _matrix(size: int, dtype: str, device: str) -> "torch.Tensor":
    import torch

    generator = torch.Generator().manual_seed(0)
    if dtype == "int8":
        return torch.randint(-127, 128, (size, size), generator=generator, dtype=torch.int8).to(device)
    return torch.randn(size, size, generator=generator).to(device=device, dtype=getattr(torch, dtype))


def _transformer(model: Any) -> Any:
    """The transformer of transformers inside a SentenceTransformer."""
    accepted = "a SentenceTransformer that begins with a transformer of torch"
    if isinstance(model, type) or not hasattr(model, "modules") or not hasattr(model, "__getitem__"):
        raise arguments.wrong_type("model", model, accepted)
    transformer = getattr(model[0], "model", None)
    if not hasattr(getattr(transformer, "config", None), "num_attention_heads"):
        raise arguments.wrong_value("model", model, accepted)
    return transformer


def _linear_weights(model: Any, transformer: Any) -> tuple[int, int]:
    """Weights of linear layers that are used once a text, and once a token."""
    import torch

    linear = {name: module.weight.numel() for name, module in transformer.named_modules() if isinstance(module, torch.nn.Linear)}
    # BERT's pooler takes the first token alone; its result is not used, but computed.
    pooler = sum(size for name, size in linear.items() if name.split(".")[0] == "pooler")
    after = sum(part.weight.numel() for module in list(model)[1:] for part in module.modules() if isinstance(part, torch.nn.Linear))
    return pooler + after, sum(linear.values()) - pooler
