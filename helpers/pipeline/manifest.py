"""What made the vectors of a folder, so that no other model's are ever put beside them."""

import errno
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers import arguments
from helpers.encoding.identity import PROBE_TOLERANCE, ModelIdentity
from helpers.encoding.store import replace_content, sync_folder

FILE = "manifest.json"
UNFINISHED = FILE + ".new"  # what a process leaves that is killed while it writes one
WRITTEN_BY = "helpers.pipeline"
LAYOUT = 1
SHOWN_DIGITS = 12
PRECISIONS = ("float32", "float16")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The model and the settings behind a folder of vectors.

    Attributes:
        model: The name by which people know the model; a label only, because one model goes by several names.
        revision: Its revision on a hub, where that is known; a label too.
        identity: What tells the model from another: class, settings, and a hash of its weights where it shows them.
        prompt: The text put before each document, None for none.
        dimension: Numbers a vector.
        precision: Their type, ``float32`` or ``float16``.
        normalized: Whether each vector has length 1.
        library: The library that encoded, with its version. Not compared: `probe` shows whether another version encodes differently.
        probe: The first numbers of the vector of a fixed text.
    """

    model: str
    revision: str | None
    identity: ModelIdentity
    prompt: str | None
    dimension: int
    precision: str
    normalized: bool
    library: str
    probe: tuple[float, ...]

    def __str__(self) -> str:
        revision = f", revision {_cut(self.revision)}" if self.revision else ""
        weights = f", weights {_cut(self.identity.weights_sha256)}" if self.identity.weights_sha256 else ""
        length = "length 1" if self.normalized else "length as it comes"
        prompt = "no prompt" if self.prompt is None else f"prompt {self.prompt!r}"
        return f"{self.model}{revision}{weights}: {self.dimension} x {self.precision}, {length}, {prompt}; {self.library}"

    def differences(self, other: "Manifest") -> list[str]:
        """In what the vectors of two manifests differ, in words; empty where they may stand in one table."""
        arguments.instance(other, "other", Manifest)
        found = [
            f"{name} is {ours!r} there and {theirs!r} here"
            for name in ("prompt", "dimension", "precision", "normalized")
            if (ours := getattr(self, name)) != (theirs := getattr(other, name))
        ]
        if difference := self.identity.difference(other.identity):
            found.insert(0, f"the model {self.model!r} there and {other.model!r} here differ in {difference}")
        # Only where all else agrees: another prompt or dimension gives another vector of the fixed text by itself.
        if not found and not _same_probe(self.probe, other.probe):
            found.append(f"the vector of a fixed text is another with {other.library} than with {self.library}")
        return found

    def refuse_other(self, other: "Manifest", where: str = "the table") -> None:
        """ValueError that names every difference, where vectors of `other` must not be put beside those of this manifest."""
        if found := self.differences(other):
            raise ValueError(
                f"{arguments.text(where, 'where')} holds vectors of another kind, and mixing two makes every search wrong: "
                f"{'; '.join(found)}. Use the same model and settings, or another folder."
            )

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write ``manifest.json`` into a folder, in one step, where none is there yet. Returns its path.

        Raises:
            FileExistsError: There is one that says something else, or that cannot be read; it is left as it is.
        """
        path = arguments.path(folder, "folder") / FILE
        if path.exists():
            if Manifest.read(path.parent) == self:
                return path
            raise FileExistsError(f"{path} belongs to other vectors: give another folder")
        replace_content(path, self.to_json())
        sync_folder(path.parent)
        return path

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> "Manifest":
        """The manifest of a folder.

        Raises:
            FileNotFoundError: There is none: nothing was made there, or the run that makes it has not ended.
            ValueError: What is there is damaged, or comes from another program or version; it is left as it is.
        """
        path = arguments.path(folder, "folder") / FILE
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            why = f"{path.parent} holds no {FILE}: nothing was made there, or the run that makes it has not ended"
            raise FileNotFoundError(errno.ENOENT, why) from None
        return cls.from_json(content, str(path))

    def to_json(self) -> bytes:
        """The content of the file."""
        return json.dumps({"written_by": WRITTEN_BY, "layout": LAYOUT, **asdict(self)}, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes, where: str) -> "Manifest":
        """The manifest of which this is the content; ValueError that names the place where it is damaged, or of another program."""
        try:
            return cls._of(arguments.instance(content, "content", bytes))
        except (TypeError, ValueError, KeyError, RecursionError) as error:
            why = f"it lacks {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
            told = f"{where} is not a manifest that can be read ({why})"
            raise ValueError(f"{told}: nothing was changed; put it back from a copy, or use another place.") from None

    @classmethod
    def _of(cls, content: bytes) -> "Manifest":
        data = arguments.instance(json.loads(content), "content", dict)
        if data.pop("written_by", None) != WRITTEN_BY:
            raise ValueError("it was written by something else")
        if (layout := data.pop("layout", None)) != LAYOUT:
            raise ValueError(f"its layout is {arguments.shown(layout)}, this program reads {LAYOUT}")
        return cls(
            model=arguments.text(data["model"], "model"),
            revision=_text_or_none(data["revision"], "revision"),
            identity=ModelIdentity.from_dict(arguments.instance(data["identity"], "identity", dict)),
            prompt=_text_or_none(data["prompt"], "prompt"),
            dimension=arguments.integer(data["dimension"], "dimension", minimum=1),
            precision=arguments.choice(data["precision"], "precision", PRECISIONS),
            normalized=arguments.boolean(data["normalized"], "normalized"),
            library=arguments.text(data["library"], "library"),
            probe=tuple(arguments.number(value, "probe") for value in arguments.instance(data["probe"], "probe", list)),
        )


def _cut(name: str) -> str:
    """Twelve of forty or more digits tell one from another."""
    return name if len(name) <= SHOWN_DIGITS else name[:SHOWN_DIGITS] + "…"


def _text_or_none(value: Any, name: str) -> str | None:
    return None if value is None else arguments.text(value, name)


def _same_probe(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    """Two machines differ in the last digits, two models in the first."""
    if len(first) != len(second):
        return False
    ours, theirs = np.array(first), np.array(second)
    return bool(np.allclose(ours, theirs, rtol=0, atol=PROBE_TOLERANCE * np.abs(ours).max(initial=0)))
