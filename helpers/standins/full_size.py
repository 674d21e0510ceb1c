"""Models in their real size with random weights, for speed and memory only: both depend on shapes, and not on the numbers inside.

    from helpers.standins.full_size import full_size

    model = full_size("BAAI/bge-m3")      # 568 million parameters, made in memory: no download

Architecture, layers, heads, sizes, positions, size of the vocabulary and the modules after the transformer are the real model's, and
so is the tokenizer of the models built on BERT. The others have a stand-in's small tokenizer, which cuts a text into more tokens
than the real one: compare such models on texts of a fixed number of tokens.
"""

import dataclasses
import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers import arguments
from helpers.standins import files, models
from helpers.standins.tokenizers import published_wordpiece

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

REASON = "RANDOM WEIGHTS in the real size, for speed and memory only: its vectors and its scores mean nothing"
DTYPES = ("float32", "float16", "bfloat16")
ATTENTION = ("sdpa", "eager", "flash_attention_2")

# What the published config.json of each says; a test compares the number of parameters with the catalog's.
_SIZES: dict[str, dict[str, int]] = {
    "sentence-transformers/all-MiniLM-L6-v2": {"num_hidden_layers": 6, "intermediate_size": 1536},
    "BAAI/bge-small-en-v1.5": {"num_hidden_layers": 12, "intermediate_size": 1536},
    "BAAI/bge-base-en-v1.5": {"num_hidden_layers": 12, "intermediate_size": 3072},
    "BAAI/bge-large-en-v1.5": {"num_hidden_layers": 24, "intermediate_size": 4096},
    "BAAI/bge-m3": {"vocab_size": 250002, "num_hidden_layers": 24, "intermediate_size": 4096},
    "Qwen/Qwen3-Embedding-0.6B": {
        "vocab_size": 151669,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "intermediate_size": 3072,
    },
}
NAMES = tuple(_SIZES)
# Weights repeat after so many numbers. A prime: no two rows of a matrix are alike, and gigabytes are filled in a second.
_PERIOD = 1_000_003
_DEVIATION = 0.02  # what these architectures are initialized with


def full_size(model_id: str, *, dtype: str = "float32", device: str = "cpu", attention: str = "sdpa") -> "SentenceTransformer":
    """A model in its real size with random weights. It takes the memory of the real one: 2.3 GB for bge-m3 in float32.

    Args:
        model_id: One of NAMES.
        dtype: ``"float32"``, ``"float16"`` or ``"bfloat16"``, the type of every weight.
        device: A device of torch, for example ``"cuda"``.
        attention: ``"sdpa"``, ``"eager"`` or ``"flash_attention_2"`` (the library's ``attn_implementation``).
    """
    import torch
    from sentence_transformers import SentenceTransformer

    name = arguments.choice(model_id, "model_id", NAMES)
    numbers = getattr(torch, arguments.choice(dtype, "dtype", DTYPES))
    attention = arguments.choice(attention, "attention", ATTENTION)
    device = arguments.text(device, "device", empty=False)
    row = _row(name)
    with tempfile.TemporaryDirectory() as folder:
        _write(row, Path(folder))
        model = SentenceTransformer(folder, device="cpu", local_files_only=True, model_kwargs={"dtype": "float32"})
    first: Any = model[0]
    first.model = _transformer(row, numbers, attention)
    _fill(first.model)
    first.unpad_inputs = None  # asks again whether this attention can do without padding
    first.__class__ = _transformer_that_says_so()
    return model.to(device=device, dtype=numbers).eval()


@functools.cache
def _transformer_that_says_so() -> type[Any]:
    from sentence_transformers.base.modules import Transformer

    class FullSizeTransformer(Transformer):
        """The library's Transformer, which says in print(model) that its weights are random."""

        def __repr__(self) -> str:
            return f"{super().__repr__()[:-1]}, {REASON})"

    return FullSizeTransformer


def _row(model_id: str) -> models.StandIn:
    """The pipeline, the prompts, the limit and the kind of architecture."""
    known = {row.model_id: row for row in models.STAND_INS}
    small = known["BAAI/bge-small-en-v1.5"]
    pooled = (models.TRANSFORMER, models.pooling("mean_tokens", 384), models.NORMALIZE)
    known["sentence-transformers/all-MiniLM-L6-v2"] = dataclasses.replace(small, modules=pooled, max_tokens=256)
    pooled = (models.TRANSFORMER, models.pooling("cls_token", 768), models.NORMALIZE)
    known["BAAI/bge-base-en-v1.5"] = dataclasses.replace(small, modules=pooled, architecture=models.bert(768))
    row, architecture = known[model_id], known[model_id].architecture
    if architecture.model_class == "BertModel":
        architecture = dataclasses.replace(architecture, tokenizer=published_wordpiece)
    return dataclasses.replace(row, model_id=model_id, architecture=architecture)


def _write(row: models.StandIn, folder: Path) -> None:
    """A model of one layer that the library loads: everything but the transformer is kept."""
    for name, content in files.contents(row, REASON).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _transformer(row: models.StandIn, dtype: "torch.dtype", attention: str) -> Any:
    import transformers
    from transformers.initialization import no_init_weights

    settings = row.architecture.settings | {"vocab_size": 30522} | _SIZES[row.model_id]
    config = getattr(transformers, row.architecture.config_class)(**settings)
    with no_init_weights():
        model = transformers.AutoModel.from_config(config, dtype=dtype, attn_implementation=attention)
    model.config.name_or_path = row.model_id
    return model


def _fill(model: Any) -> None:
    """Give every parameter values: norms 1, biases 0, and the rest small random numbers."""
    import torch

    block = torch.randn(_PERIOD, generator=torch.Generator().manual_seed(0)) * _DEVIATION
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.fill_(1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0)
                continue
            for part in parameter.view(-1).split(_PERIOD):
                part.copy_(block[: len(part)])
