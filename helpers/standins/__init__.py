"""Stand-ins: tiny models with the architecture, pipeline, prompts, dimensions and token limit of models too large to ship.

    from helpers import standins

    standins.build("BAAI/bge-m3", "a-folder")

The library loads a stand-in by the same code as the real model, and gets vectors of the real shape. The weights are random: a
stand-in's scores mean nothing, and it says so in its model card, in its config.json and, by ``hub.provide``, in print(model).

``models`` is the table of stand-ins, a row each. ``tokenizers`` and ``weights`` make what is in them, ``files`` lays it out.
"""

import functools
import hashlib
import os
from pathlib import Path

from helpers import arguments, catalog
from helpers.standins import files
from helpers.standins.models import STAND_INS

NAMES: tuple[str, ...] = tuple(model.model_id for model in STAND_INS)
CONFIG_KEY = files.CONFIG_KEY


def build(model_id: str, folder: str | os.PathLike[str]) -> None:
    """Write the files of one stand-in into a folder, which is made if need be: 2 to 31 MB, the same bytes on every build.

    Raises:
        TypeError, ValueError: ``model_id`` is not one of NAMES, or ``folder`` is not a path.
        OSError: the folder cannot be written to.
    """
    target = arguments.path(folder, "folder")
    row = STAND_INS[NAMES.index(arguments.choice(model_id, "model_id", NAMES))]
    for name, content in files.contents(row, reason(model_id)).items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def reason(model_id: str) -> str:
    """Why a stand-in is one, for the end of a sentence. It stands in config.json under CONFIG_KEY."""
    return f"one small layer and random weights, because the real one is {download(model_id)}"


def download(model_id: str) -> str:
    """What loading the real model takes: "a 2.3 GB download", or "a download" where the catalog has no size."""
    size = catalog.get(arguments.choice(model_id, "model_id", NAMES)).published_bytes.value
    return "a download" if size is None else f"a {size / 1e9:.1f} GB download"


def revision(model_id: str) -> str:
    """40 hexadecimal digits that name a stand-in's files as a commit would. They change when the code of this package does."""
    return hashlib.sha1(f"{model_id} {reason(model_id)} {_source()}".encode(), usedforsecurity=False).hexdigest()


@functools.cache
def _source() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py")))
