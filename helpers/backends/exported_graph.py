"""A graph in a folder as the one module of a SentenceTransformer: token ids in, finished embedding out, computed without torch.

``helpers.backends`` writes such folders and loads them. This part stands alone because it needs torch when it is imported, and
``backends`` must not. It does not import the library, so that ``hub.activate()`` can still come later.

A folder names this class in its ``modules.json``, so it also loads with
``SentenceTransformer(folder, trust_remote_code=True, device="cpu")`` wherever helpers is installed.
"""

import contextlib
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from helpers import arguments
from helpers.backends.errors import ExportError, damaged, first_line
from helpers.backends.folders import belongs_to_graph, check_files, read_settings, write_settings
from helpers.backends.runtimes import open_graph


class ExportedGraph(torch.nn.Module):
    """Encoder, pooling and all that follows them as one graph, run by ONNX Runtime or OpenVINO on the CPU.

    It has what the library asks of the first module of a model: preprocess, forward, save, load, tokenizer, limits and dimension.

    Args:
        folder: Where the graph's files lie; copies and pickles of this module open them again.
        settings: What ``exported_graph.json`` holds: format, precision, inputs, limits, and size and SHA-256 of each file.
        tokenizer: The model's own tokenizer.
    """

    modalities: ClassVar[list[str]] = ["text"]
    save_in_root = True

    def __init__(self, folder: Path, settings: dict[str, Any], tokenizer: Any) -> None:
        super().__init__()
        self.folder = folder.resolve()
        self.settings = settings
        self.tokenizer = tokenizer
        # Empty, and only here to be asked: the library reads a model's device and type from its first parameter.
        self.where = torch.nn.Parameter(torch.empty(0), requires_grad=False)
        self._open()

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, processing_kwargs: dict[str, Any] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Texts as token ids, padded to the longest: one int64 tensor of shape (texts, tokens) for each input of the graph."""
        for text in inputs:
            if not isinstance(text, str):
                raise TypeError(f"inputs must be strings, got {type(text).__name__}: an exported model reads nothing else.")
        given = processing_kwargs or {}
        options = {
            "padding": True,
            "truncation": "longest_first",
            **given.get("text", {}),
            **given.get("common", {}),
            "return_tensors": "pt",
        }
        with self._tokenizing:  # the padding and truncation of a tokenizer are its state, which threads would share
            tokens = self.tokenizer([(prompt or "") + text for text in inputs], **options)
        return {"modality": "text", **tokens}

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Adds ``sentence_embedding``, float32 of shape (texts, dimensions), to the features."""
        tokens = {name: features[name] for name in self.settings["inputs"]}
        self._refuse_too_long(tokens["input_ids"].shape[1])
        embeddings = self._run({name: tensor.numpy() for name, tensor in tokens.items()})
        return _Features(features, sentence_embedding=torch.from_numpy(embeddings))

    def get_embedding_dimension(self) -> int:
        """Numbers in one embedding."""
        return int(self.settings["embedding_dimension"])

    @property
    def max_seq_length(self) -> int | None:
        """Tokens that the model reads of a text. It can be lowered, and raised again up to what was exported."""
        return self.tokenizer.model_max_length

    @max_seq_length.setter
    def max_seq_length(self, value: int | None) -> None:
        limit = self.settings["max_seq_length"]
        if limit is not None:
            value = arguments.integer(value, "max_seq_length", minimum=1, maximum=limit)
        self.tokenizer.model_max_length = value

    @property
    def processor(self) -> Any:
        """The tokenizer, by the name that the library's own Transformer gives it."""
        return self.tokenizer

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **kwargs: Any) -> None:
        """Writes graph, tokenizer and settings into a folder. A graph has one form: ``safe_serialization`` changes nothing."""
        target = Path(output_path)
        for name in self.settings["files"]:
            if belongs_to_graph(name, self.settings["graph"]):
                self._copy(name, target)
        write_settings(target, self.settings, self.tokenizer)

    @classmethod
    def load(
        cls,
        model_name_or_path: str,
        subfolder: str = "",
        token: bool | str | None = None,
        cache_folder: str | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        init_defaults: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Reads a folder that ``save`` wrote, and checks each of its files.

        Raises:
            ValueError: A file is missing or damaged.
            ModuleNotFoundError: The runtime is not installed.
        """
        from sentence_transformers.util import load_dir_path
        from transformers import AutoTokenizer

        path = load_dir_path(model_name_or_path, subfolder, token, cache_folder, revision, local_files_only)
        folder = Path(path or model_name_or_path)
        settings = read_settings(folder)
        check_files(folder, settings)
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:
            raise damaged(folder, f"its tokenizer cannot be read ({first_line(error)})") from error
        return cls(folder, settings, tokenizer)

    def __repr__(self) -> str:
        return "\n".join([f"ExportedGraph({self._summary()})", *(f"  holds {module}" for module in self.settings["contains"])])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_run", "_tokenizing")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._open()

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        """What half(), to("cuda") and the like come down to; without this they would change nothing and say nothing."""
        try:
            moved = fn(self.where.detach())
        except Exception as error:
            raise self._fixed() from error
        if moved.device.type != "cpu" or moved.dtype != torch.float32:
            raise self._fixed()
        return self

    def _fixed(self) -> ExportError:
        return ExportError(
            f"An exported model runs on the CPU in the precision that it was exported in ({self.settings['precision']}): "
            'export it again in another one, and load it with device="cpu".'
        )

    def _open(self) -> None:
        self._tokenizing = threading.Lock()
        path = self.folder / self.settings["graph"]
        if not path.is_file():
            raise ExportError(
                f"The exported graph {path} is gone: this model can only be copied or sent to a process while its folder is there."
            )
        try:
            self._run = open_graph(path, self.settings["format"], self.settings["inference_precision"])
        except ImportError:
            raise
        except Exception as error:
            raise damaged(self.folder, f"{path.name} cannot be read ({first_line(error)})") from error

    def _copy(self, name: str, target: Path) -> None:
        source = self.folder / name
        if not source.is_file():
            raise ExportError(f"The exported graph {source} is gone: this model can only be saved while its folder is there.")
        with contextlib.suppress(shutil.SameFileError):
            shutil.copy(source, target / name)

    def _refuse_too_long(self, length: int) -> None:
        limit = self.settings["max_seq_length"]
        # OpenVINO reads beyond the end of the position table without a word.
        if limit is not None and length > limit:
            raise ExportError(f"An exported model reads at most the {limit} tokens that it was exported for, got {length}.")

    def _summary(self) -> dict[str, Any]:
        shown = {name: self.settings[name] for name in ("format", "precision", "embedding_dimension")}
        return {**shown, "max_seq_length": self.max_seq_length}


class _Features(dict[str, Any]):
    """Features that say why they hold no token embeddings."""

    def __missing__(self, name: str) -> Any:
        raise ExportError(f"An exported model computes the finished embedding alone: it holds no {name}.")
