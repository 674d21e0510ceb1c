"""The files of a stand-in's folder, laid out as in the real model's repository."""

import json
from typing import Any

from helpers import arguments
from helpers.standins import weights
from helpers.standins.models import Files, Module, StandIn

CONFIG_KEY = "stand_in"


@arguments.typed
def contents(model: StandIn, reason: str) -> dict[str, bytes]:
    """Every file of a stand-in, by name; the reason stands in its model card and in its config.json."""
    tokenizer = model.architecture.tokenizer()
    config = _config(model, tokenizer.size, reason)
    found = {
        "README.md": _model_card(model, reason).encode(),
        "config.json": config,
        "model.safetensors": _safetensors(_transformer_weights(model, config)),
        **tokenizer.files(),
        **_pipeline(model),
        **_library_settings(model),
        **model.more_files(model.model_id),
    }
    return {name: content if isinstance(content, bytes) else _json(content) for name, content in found.items()}


def _config(model: StandIn, vocabulary: int, reason: str) -> dict[str, Any]:
    architecture = model.architecture
    name = architecture.published_class or architecture.model_class
    return {"architectures": [name], CONFIG_KEY: reason, **architecture.settings, **model.config, "vocab_size": vocabulary}


def _transformer_weights(model: StandIn, config: dict[str, Any]) -> weights.Tensors:
    import transformers

    model_class = getattr(transformers, model.architecture.model_class)
    configuration = getattr(transformers, model.architecture.config_class)(**config)
    return model.change(weights.layer_weights(model_class, configuration, model.model_id), model.model_id)


def _pipeline(model: StandIn) -> Files:
    """modules.json, and for each module a folder with its settings and weights; nothing for a model without a pipeline."""
    if not model.modules:
        return {}
    folders = ["", *(f"{number}_{module.name}" for number, module in enumerate(model.modules[1:], start=1))]
    rows = [
        {"idx": number, "name": str(number), "path": folder, "type": f"{module.package}.{module.name}"}
        for number, (folder, module) in enumerate(zip(folders, model.modules, strict=True))
    ]
    found: Files = {"modules.json": rows}
    for folder, module in zip(folders, model.modules, strict=True):
        found |= {f"{folder}/{name}": content for name, content in _module_files(module, model.model_id).items()}
    return found


def _module_files(module: Module, seed: str) -> Files:
    found: Files = {}
    if module.settings is not None:
        found["config.json"] = module.settings
    if module.tensors is not None:
        found["model.safetensors"] = _safetensors(module.tensors(seed))
    return found


def _library_settings(model: StandIn) -> Files:
    found: Files = {}
    if model.max_tokens is not None:
        found["sentence_bert_config.json"] = {"max_seq_length": model.max_tokens, "do_lower_case": False}
    if model.similarity is not None:
        found["config_sentence_transformers.json"] = {
            "model_type": model.library_class,
            "prompts": model.prompts,
            "default_prompt_name": None,
            "similarity_fn_name": model.similarity,
        }
    return found


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _safetensors(tensors: weights.Tensors) -> bytes:
    from safetensors.torch import save

    # As bytes, not straight into a file: a full disk is then an OSError like any other.
    return save(tensors, metadata={"format": "pt"})


def _model_card(model: StandIn, reason: str) -> str:
    name = model.architecture.published_class or model.architecture.model_class
    return f"""# STAND-IN for {model.model_id}

This is a STAND-IN: {reason}.
**Its vectors and its scores mean nothing.**

- Real: the architecture ({name}), the modules after it, the pooling, the prompts,
  the number of dimensions, the limit of tokens, and the type of the tokenizer.
- Not real: the weights, the number of layers, the sizes inside the layer, and the vocabulary
  (except for the dimensions of a sparse model, which are its vocabulary).
- The real model: https://huggingface.co/{model.model_id}
"""
