"""One encoding function for one process, for several, and for many machines: the vectors are the same wherever it runs."""

import contextlib
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import arguments
from helpers.encoding.identity import ATTRIBUTES, PROBE_TEXT, PROBE_VALUES, ModelIdentity
from helpers.pipeline.manifest import PRECISIONS, Manifest

Batch = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """How texts become vectors. The names are those of the library's ``encode``, but for `precision`.

    Attributes:
        prompt: Put before each text; None for none.
        normalize_embeddings: Whether each vector gets length 1.
        truncate_dim: How many dimensions to keep; None for all.
        precision: In which type the vectors are kept, ``float32`` or ``float16`` (half the bytes).
        batch_size: Texts that the model reads at once. It moves the last digits of a vector, no more.
    """

    prompt: str | None = None
    normalize_embeddings: bool = True
    truncate_dim: int | None = None
    precision: str = "float32"
    batch_size: int = 32

    def __post_init__(self) -> None:
        if self.prompt is not None:
            arguments.text(self.prompt, "prompt")
        arguments.boolean(self.normalize_embeddings, "normalize_embeddings")
        if self.truncate_dim is not None:
            arguments.integer(self.truncate_dim, "truncate_dim", minimum=1)
        arguments.choice(self.precision, "precision", PRECISIONS)
        arguments.integer(self.batch_size, "batch_size", minimum=1)

    def options(self) -> dict[str, Any]:
        """The arguments of the library's ``encode``; what is left alone is not passed, because a simple encoder may not know it."""
        options = {"prompt": self.prompt, "normalize_embeddings": self.normalize_embeddings or None, "truncate_dim": self.truncate_dim}
        return {name: value for name, value in options.items() if value is not None}


class Encoder:
    """A model with its settings. It takes a list of texts (`encode`) or a batch of columns (a call), and knows its manifest.

    Because it has the method ``encode``, it can be handed to `helpers.encoding.encode_large_corpus` in place of the model.
    """

    def __init__(
        self, model: Any, settings: Settings | None = None, *, name: str = "", revision: str | None = None, text: str = "text"
    ) -> None:
        """Take a loaded model.

        Args:
            model: A SentenceTransformer, or an object with its method ``encode``.
            settings: How texts become vectors; None for ``Settings()``.
            name: The model's name for the manifest; empty for the one it carries itself.
            revision: Its revision on a hub, for the manifest; None for the one it carries itself, where it came from a hub.
            text: The column of a batch in which the texts stand.
        """
        self.model = arguments.encoder(model, "model")
        self.settings = Settings() if settings is None else arguments.instance(settings, "settings", Settings)
        self.name = arguments.text(name, "name") or _own_name(model)
        self.revision = _own_revision(model) if revision is None else arguments.text(revision, "revision")
        self.text = arguments.text(text, "text", empty=False)
        self._pool: Any = None

    def __repr__(self) -> str:
        return f"Encoder({self.model!r}, {self.settings!r})"

    def __getattr__(self, name: str) -> Any:
        # encode_large_corpus tells one model from another by these.
        if name in ("state_dict", *ATTRIBUTES):
            return getattr(self.model, name)
        raise AttributeError(f"Encoder has no attribute {name!r}")

    def encode(
        self, texts: Sequence[str], batch_size: int | None = None, show_progress_bar: bool = False, convert_to_numpy: bool = True
    ) -> np.ndarray:
        """The vectors of some texts: shape (texts, dimension), in the precision of the settings.

        Raises:
            TypeError, ValueError: `texts` is no list of strings, or the model gave something else than one vector of finite numbers a text.
        """
        del convert_to_numpy  # there is only one kind of answer
        wanted = arguments.texts(texts, "texts", empty=True)
        if not wanted:
            return self.encode([PROBE_TEXT])[:0]
        size = self.settings.batch_size if batch_size is None else arguments.integer(batch_size, "batch_size", minimum=1)
        options = self.settings.options() | ({"pool": self._pool} if self._pool else {})
        found = self.model.encode(wanted, batch_size=size, show_progress_bar=show_progress_bar, convert_to_numpy=True, **options)
        return _checked(np.asarray(found), len(wanted)).astype(self.settings.precision, copy=False)

    def __call__(self, batch: Mapping[str, Any]) -> Batch:
        """A batch of columns (lists or arrays of one length) and its column ``vector`` beside them."""
        columns = dict(arguments.instance(batch, "batch", Mapping))  # type: ignore[type-abstract]
        if self.text not in columns:
            raise ValueError(f"batch must have a column {self.text!r}, got {sorted(columns)}.")
        return columns | {"vector": self.encode(list(columns[self.text]))}

    @property
    def manifest(self) -> Manifest:
        """What a table of these vectors has to say of them.

        Each look encodes one text and hashes the weights, 0.1 seconds for 100 MB of them: the model may have been trained on, or got
        another ``max_seq_length``, since the last.
        """
        probe = self.encode([PROBE_TEXT])
        return Manifest(
            model=self.name,
            revision=self.revision,
            identity=ModelIdentity.of(self.model, self.encode),
            prompt=self.settings.prompt,
            dimension=probe.shape[1],
            precision=self.settings.precision,
            normalized=self.settings.normalize_embeddings,
            library=f"sentence-transformers {importlib.metadata.version('sentence-transformers')}",
            probe=tuple(probe[0, :PROBE_VALUES].astype(float).tolist()),
        )

    @contextlib.contextmanager
    def pool(self, devices: Sequence[str]) -> Iterator["Encoder"]:
        """Within the block, encode in one process a device: ``["cuda:0", "cuda:1"]``, or ``["cpu", "cpu"]``.

        Each process loads a copy of the model. It pays with several GPUs; on a CPU, torch uses all cores in one process already.
        """
        names = arguments.texts(devices, "devices")
        self._pool = self.model.start_multi_process_pool(names)
        try:
            yield self
        finally:
            pool, self._pool = self._pool, None
            self.model.stop_multi_process_pool(pool)


class LoadingEncoder(Encoder):
    """An `Encoder` that loads its model where it is made: what travels to another machine is the function that loads."""

    def __init__(self, load: Callable[[], Any], settings: Settings | None = None, **options: Any) -> None:
        """Call `load`, which takes nothing and returns the model; the rest as for `Encoder`."""
        super().__init__(loader(load)(), settings, **options)


def loader(load: Callable[[], Any]) -> Callable[[], Any]:
    """What loads a model: a function, or a class that is made without arguments; a model itself is refused."""
    if not callable(load) or (hasattr(load, "encode") and not isinstance(load, type)):
        raise arguments.wrong_type("load", load, "a function without arguments that returns the model")
    return load


def _checked(vectors: np.ndarray, count: int) -> np.ndarray:
    if vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1] or vectors.dtype.kind != "f":
        got = f"shape {vectors.shape} and type {vectors.dtype} for {count:,} texts"
        raise ValueError(f"model must encode each text to a vector of floating-point numbers, got {got}.")
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ValueError(f"model must encode to finite numbers, got NaN or infinity for texts[{int(np.argmin(finite))}].")
    return vectors


def _own_name(model: Any) -> str:
    """The name under which a SentenceTransformer was loaded; else its class."""
    card = getattr(model, "model_card_data", None)
    return str(getattr(card, "base_model", None) or type(model).__name__)


def _own_revision(model: Any) -> str | None:
    """The revision under which a SentenceTransformer was loaded, where it came from a hub."""
    found = getattr(getattr(model, "model_card_data", None), "base_model_revision", None)
    return found if isinstance(found, str) else None
