"""The stand-ins, one row each: what of the real model each of them keeps."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers import arguments
from helpers.standins import tokenizers, weights
from helpers.standins.tokenizers import SmallTokenizer

Settings = dict[str, Any]
# By name: the bytes of a file, or what a JSON file holds.
Files = dict[str, Any]

GEMMA_QUERY, GEMMA_DOCUMENT = "task: search result | query: ", "title: none | text: "
GEMMA_PROMPTS = {
    "query": GEMMA_QUERY,
    "document": GEMMA_DOCUMENT,
    "BitextMining": GEMMA_QUERY,
    "Clustering": "task: clustering | query: ",
    "Classification": "task: classification | query: ",
    "InstructionRetrieval": "task: code retrieval | query: ",
    "MultilabelClassification": "task: classification | query: ",
    "PairClassification": "task: sentence similarity | query: ",
    "Reranking": GEMMA_QUERY,
    "Retrieval": GEMMA_QUERY,
    "Retrieval-query": GEMMA_QUERY,
    "Retrieval-document": GEMMA_DOCUMENT,
    "STS": "task: sentence similarity | query: ",
    "Summarization": "task: summarization | query: ",
}
QWEN_PROMPTS = {
    "query": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
    "document": "",
}


# The pipeline: modules after the transformer, each a class of the library and the content of its config.json


@dataclass(frozen=True)
class Module:
    """One module of a model's pipeline: its class, its settings and its weights, as they lie in the model's folder."""

    name: str
    settings: Settings | None = None
    tensors: Callable[[str], weights.Tensors] | None = None
    package: str = "sentence_transformers.models"


@arguments.typed
def pooling(mode: str, dimensions: int) -> Module:
    """Token vectors to one vector, written as the published models write it: one flag a mode."""
    modes = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
    flags = {f"pooling_mode_{name}": name == mode for name in modes}
    return Module("Pooling", {"word_embedding_dimension": dimensions, **flags, "include_prompt": True})


@arguments.typed
def dense(inputs: int, outputs: int) -> Module:
    """A linear layer. From 3072 to 768 it is the first one turned around, so that the two together keep a vector's direction."""
    settings = {
        "in_features": inputs,
        "out_features": outputs,
        "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    return Module("Dense", settings, lambda seed: _dense_weights(seed, inputs, outputs))


def _dense_weights(seed: str, inputs: int, outputs: int) -> weights.Tensors:
    wide, narrow = max(inputs, outputs), min(inputs, outputs)
    matrix = weights.random(f"{seed} dense", (wide, narrow), scale=inputs**-0.5)
    return weights.stored({"linear.weight": matrix if outputs == wide else matrix.T})


NORMALIZE = Module("Normalize")
TRANSFORMER = Module("Transformer")
MASKED_LANGUAGE_MODEL = Module("MLMTransformer", package="sentence_transformers.sparse_encoder.models")
SPLADE = Module(
    "SpladePooling",
    {"pooling_strategy": "max", "activation_function": "relu", "word_embedding_dimension": 30522},
    package="sentence_transformers.sparse_encoder.models",
)


# The transformer: which class, which tokenizer, which settings


@dataclass(frozen=True)
class Architecture:
    """A transformer of one layer.

    Attributes:
        model_class: the class in the package transformers whose weights are stored.
        config_class: the class of its configuration there.
        tokenizer: builds its tokenizer.
        settings: its config.json, except for the size of the vocabulary.
        published_class: the class that the published config.json names, where it is another one.
    """

    model_class: str
    config_class: str
    tokenizer: Callable[[], SmallTokenizer]
    settings: Settings
    published_class: str = ""


@arguments.typed
def bert(
    width: int,
    model_class: str = "BertModel",
    *,
    heads: int = 0,
    published_class: str = "",
    tokenizer: Callable[[], SmallTokenizer] = tokenizers.wordpiece,
) -> Architecture:
    """BERT: 512 positions, counted from the start of the text."""
    settings = {
        "model_type": "bert",
        "dtype": "float32",
        "hidden_size": width,
        "num_hidden_layers": 1,
        "num_attention_heads": heads or width // 64,
        "intermediate_size": 64,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "pad_token_id": 0,
    }
    return Architecture(model_class, "BertConfig", tokenizer, settings, published_class)


XLM_ROBERTA = Architecture(
    "XLMRobertaModel",
    "XLMRobertaConfig",
    tokenizers.unigram,
    {
        "model_type": "xlm-roberta",
        "dtype": "float32",
        "hidden_size": 1024,
        "num_hidden_layers": 1,
        "num_attention_heads": 16,
        "intermediate_size": 64,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": 8194,
        "type_vocab_size": 1,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
    },
)
GEMMA3 = Architecture(
    "Gemma3TextModel",
    "Gemma3TextConfig",
    tokenizers.gemma,
    {
        "model_type": "gemma3_text",
        "dtype": "float32",
        "hidden_size": 768,
        "num_hidden_layers": 1,
        "layer_types": ["full_attention"],
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "head_dim": 64,
        "query_pre_attn_scalar": 64,
        "intermediate_size": 64,
        "hidden_activation": "gelu_pytorch_tanh",
        "max_position_embeddings": 2048,
        "sliding_window": 512,
        "use_bidirectional_attention": True,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
    },
)
QWEN3 = Architecture(
    "Qwen3Model",
    "Qwen3Config",
    tokenizers.qwen,
    {
        "model_type": "qwen3",
        "dtype": "bfloat16",
        "hidden_size": 1024,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 64,
        "intermediate_size": 64,
        "max_position_embeddings": 32768,
        "rope_theta": 1_000_000,
        "tie_word_embeddings": True,
    },
    published_class="Qwen3ForCausalLM",
)


# What only one model has


@arguments.typed
def bge_m3_heads(seed: str) -> Files:
    """The two extra heads of BGE-M3, which the library does not read: token weights, and a vector for each token."""
    heads = {
        "sparse_linear.pt": {"weight": weights.random(f"{seed} sparse", (1, 1024), scale=1 / 32), "bias": np.zeros(1)},
        "colbert_linear.pt": {"weight": weights.random(f"{seed} colbert", (1024, 1024), scale=1 / 32), "bias": np.zeros(1024)},
    }
    return {name: _torch_file(weights.stored(arrays, "float16")) for name, arrays in heads.items()}


@arguments.typed
def splade_weights(tensors: weights.Tensors, seed: str) -> weights.Tensors:
    """Make each token of a text light up its own dimension and few others: rows of random signs, and a bias that silences chance."""
    vocabulary, width = 30522, 128
    rows = np.sign(weights.random(f"{seed} rows", (vocabulary, width))) / np.float32(width**0.5)
    rows[:999] *= 0.01  # [PAD], [CLS], [SEP] and tokens that no text uses
    changed = {
        "bert.embeddings.word_embeddings.weight": rows,
        "cls.predictions.transform.dense.weight": np.eye(width, dtype=np.float32),
        "cls.predictions.bias": np.full(vocabulary, -4.3, dtype=np.float32),
    }
    quiet = {name: tensors[name] * 0.1 for name in tensors if "position_embeddings" in name or "token_type_embeddings" in name}
    return tensors | quiet | weights.stored(changed)


@arguments.typed
def colbert_weights(tensors: weights.Tensors, seed: str) -> weights.Tensors:
    """ColBERT's names: BERT inside, and a linear layer from 768 to 128 dimensions beside it."""
    inside = {f"bert.{name}": tensor for name, tensor in tensors.items()}
    return inside | weights.stored({"linear.weight": weights.random(f"{seed} linear", (128, 768), scale=768**-0.5)})


COLBERT_SETTINGS: Settings = {
    "query_maxlen": 32,
    "doc_maxlen": 180,
    "attend_to_mask_tokens": False,
    "mask_punctuation": True,
    "query_token_id": "[unused0]",
    "doc_token_id": "[unused1]",
    "dim": 128,
    "similarity": "cosine",
}
CROSS_ENCODER_SETTINGS: Settings = {
    "id2label": {"0": "LABEL_0"},
    "label2id": {"LABEL_0": 0},
    "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.0.1"},
}


def _torch_file(tensors: weights.Tensors) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save(tensors, file)
    return file.getvalue()


# The table


def _unchanged(tensors: weights.Tensors, seed: str) -> weights.Tensors:
    return tensors


def _no_files(seed: str) -> Files:
    return {}


@dataclass(frozen=True)
class StandIn:
    """One stand-in: the id of the real model, and what the stand-in shares with it.

    Attributes:
        model_id: the id on the Hugging Face Hub.
        library_class: the class of sentence_transformers that loads it.
        architecture: the transformer.
        modules: the pipeline of modules.json; empty where the real model has no such file.
        max_tokens: the limit in sentence_bert_config.json; None where the real model has no such file.
        similarity: the similarity function in config_sentence_transformers.json; None where that file sets nothing.
        prompts: the prompts there. Empty is what several real models have, though they were trained with prompts.
        config: what config.json holds besides the architecture's settings.
        change: makes the weights fit the model, given the layer's weights and the seed.
        more_files: what only this model has, given the seed.
    """

    model_id: str
    library_class: str
    architecture: Architecture
    modules: tuple[Module, ...] = ()
    max_tokens: int | None = None
    similarity: str | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    config: Settings = field(default_factory=dict)
    change: Callable[[weights.Tensors, str], weights.Tensors] = _unchanged
    more_files: Callable[[str], Files] = _no_files


STAND_INS = (
    StandIn(
        "BAAI/bge-m3",
        "SentenceTransformer",
        XLM_ROBERTA,
        modules=(TRANSFORMER, pooling("cls_token", 1024), NORMALIZE),
        max_tokens=8192,
        more_files=bge_m3_heads,
    ),
    StandIn(
        "google/embeddinggemma-300m",
        "SentenceTransformer",
        GEMMA3,
        modules=(TRANSFORMER, pooling("mean_tokens", 768), dense(768, 3072), dense(3072, 768), NORMALIZE),
        max_tokens=2048,
        similarity="cosine",
        prompts=GEMMA_PROMPTS,
    ),
    StandIn(
        "Qwen/Qwen3-Embedding-0.6B",
        "SentenceTransformer",
        QWEN3,
        modules=(TRANSFORMER, pooling("lasttoken", 1024), NORMALIZE),
        similarity="cosine",
        prompts=QWEN_PROMPTS,
    ),
    StandIn(
        "intfloat/e5-large-v2",
        "SentenceTransformer",
        bert(1024),
        modules=(TRANSFORMER, pooling("mean_tokens", 1024), NORMALIZE),
        max_tokens=512,
    ),
    StandIn(
        "BAAI/bge-small-en-v1.5",
        "SentenceTransformer",
        bert(384, heads=12),
        modules=(TRANSFORMER, pooling("cls_token", 384), NORMALIZE),
        max_tokens=512,
    ),
    StandIn(
        "BAAI/bge-large-en-v1.5",
        "SentenceTransformer",
        bert(1024),
        modules=(TRANSFORMER, pooling("cls_token", 1024), NORMALIZE),
        max_tokens=512,
    ),
    StandIn("bert-base-uncased", "SentenceTransformer", bert(768, "BertForPreTraining", published_class="BertForMaskedLM")),
    StandIn(
        "naver/splade-cocondenser-ensembledistil",
        "SparseEncoder",
        bert(128, "BertForMaskedLM", tokenizer=tokenizers.published_wordpiece),
        modules=(MASKED_LANGUAGE_MODEL, SPLADE),
        max_tokens=512,
        similarity="dot",
        prompts={"query": "", "document": ""},
        change=splade_weights,
    ),
    StandIn(
        "colbert-ir/colbertv2.0",
        "MultiVectorEncoder",
        bert(768, published_class="HF_ColBERT"),
        change=colbert_weights,
        more_files=lambda seed: {"artifact.metadata": COLBERT_SETTINGS},
    ),
    StandIn(
        "cross-encoder/ms-marco-MiniLM-L6-v2",
        "CrossEncoder",
        bert(384, "BertForSequenceClassification", heads=12),
        config=CROSS_ENCODER_SETTINGS,
    ),
)
