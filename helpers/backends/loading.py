"""Load an export as a SentenceTransformer."""

import contextlib
import os
from typing import TYPE_CHECKING

from helpers import arguments
from helpers.backends import folders
from helpers.backends.errors import damaged

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def load(folder: str | os.PathLike[str]) -> "SentenceTransformer":
    """Load an exported folder as a SentenceTransformer that computes with ONNX Runtime or OpenVINO, on the CPU.

    encode, encode_query, encode_document, similarity, prompts, truncate_dim, max_seq_length and save_pretrained work as before. Token
    embeddings, other devices and other precisions are not in an export and are refused. It uses as many threads as torch.

    Args:
        folder: What ``export`` returned, or a copy of it.

    Raises:
        TypeError, ValueError: ``folder`` is no export, or a file of it is missing or damaged.
        ModuleNotFoundError: The package that runs the graph is not installed.
    """
    path = arguments.path(folder, "folder")
    from sentence_transformers import SentenceTransformer

    from helpers.backends.exported_graph import ExportedGraph

    folders.read_settings(path)  # refuses what is no folder, which the next line would look for on the Hub
    graph = ExportedGraph.load(str(path))
    settings = folders.read_json(path, "config_sentence_transformers.json")
    try:
        model = SentenceTransformer(
            modules=[graph],
            device="cpu",
            prompts=settings["prompts"],
            default_prompt_name=settings["default_prompt_name"],
            similarity_fn_name=settings["similarity_fn_name"],
            truncate_dim=settings.get("truncate_dim"),
            backend=graph.settings["format"],
            local_files_only=True,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, f"config_sentence_transformers.json is incomplete ({error!r})") from error
    with contextlib.suppress(OSError, ValueError):
        # As the library does with the card of a folder that it loads, so that save_pretrained keeps it.
        vars(model)["_model_card_text"] = (path / "README.md").read_text(encoding="utf-8")
    return model
