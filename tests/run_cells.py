"""Runs the cells that cells.json in the working folder lists, in IPython as a kernel does, and stores what each prints in printed.json.

A script for run_alone.py: a kernel for every lesson would load the library again each time. That a lesson runs in a kernel is
for strict nbval to say; here the cells are run for the namespace in which answers to the exercises are checked.
"""

import functools
import hashlib
import json
import os
import pickle
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from sentence_transformers import SentenceTransformer
from traitlets.config import Config

from helpers.encoding.identity import ModelIdentity

MANY_TEXTS = 1000


def remember_large_encodings(folder: Path) -> None:
    """Lessons encode the same thousands of documents with the same model: give each its vectors from the first that did."""
    encode: Callable[..., Any] = SentenceTransformer.encode

    @functools.wraps(encode)
    def remembering(self: SentenceTransformer, *args: Any, **options: Any) -> Any:
        texts = args[0] if args else options.get("inputs")
        if not isinstance(texts, list) or len(texts) < MANY_TEXTS:
            return encode(self, *args, **options)
        key = repr((ModelIdentity.of(self, self.encode), self.device, self.training, args, sorted(options.items())))
        path = folder / hashlib.sha256(key.encode()).hexdigest()
        if not path.exists():
            partial = path.with_suffix(f".{os.getpid()}")
            partial.write_bytes(pickle.dumps(encode(self, *args, **options)))
            partial.replace(path)
        return pickle.loads(path.read_bytes())

    SentenceTransformer.encode = remembering  # type: ignore[method-assign]


def printed_by(cells: list[dict[str, Any]]) -> list[str]:
    """What each cell prints. RuntimeError for one that fails and does not teach to."""
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}, InteractiveShell={"colors": "NoColor"}))
    printed = []
    for cell in cells:
        with capture_output() as captured:
            result = shell.run_cell(cell["source"], store_history=True)
        if not result.success and "raises-exception" not in cell["tags"]:
            raise RuntimeError(f"{cell['source']}\n{captured.stdout}")
        printed.append(captured.stdout)
    return printed


if __name__ == "__main__":
    job = json.loads(Path("cells.json").read_text(encoding="utf-8"))
    output = Path("printed.json").absolute()
    remember_large_encodings(Path(job["encodings"]))
    runpy.run_path(job["startup"])
    os.chdir(job["folder"])
    output.write_text(json.dumps(printed_by(job["cells"])), encoding="utf-8")
