"""The folder of an export: complete or absent, its settings, and a SHA-256 of every file."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from helpers import arguments
from helpers.backends.errors import damaged, first_line

SETTINGS = "exported_graph.json"
LAYOUT = 1
REQUIRED = {
    "format": str,
    "precision": str,
    "inference_precision": str,
    "graph": str,
    "inputs": list,
    "embedding_dimension": int,
    "max_seq_length": int | None,
    "contains": list,
    "files": dict,
}
_PART = ".exporting"


@arguments.typed
def refuse_taken(target: Path) -> None:
    """ValueError for a target that exists, or whose parent does not."""
    if target.exists() or target.is_symlink():
        raise ValueError(f"folder must be the path of a new folder, got {str(target)!r}, which exists.")
    if not target.absolute().parent.is_dir():
        raise ValueError(f"folder must be the path of a new folder in one that exists, got {str(target)!r}.")


@arguments.typed
@contextlib.contextmanager
def complete_or_absent(target: Path) -> Iterator[Path]:
    """A folder beside the target that takes its name if the block succeeds, and goes if it does not."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.{os.getpid()}{_PART}")
    _remove_what_was_killed(target)
    try:
        part.mkdir()
        yield part
        refuse_taken(target)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _remove_what_was_killed(target: Path) -> None:
    """Remove what exports into this target left whose process is gone."""
    for left in target.absolute().parent.iterdir():
        if left.name.startswith(f".{target.name}.") and left.name.endswith(_PART):
            process = left.name.removesuffix(_PART).rpartition(".")[2]
            if process.isdigit() and not psutil.pid_exists(int(process)):
                shutil.rmtree(left, ignore_errors=True)


# Settings


def write_settings(folder: Path, settings: dict[str, Any], tokenizer: Any) -> None:
    """Writes the tokenizer beside the graph in a folder, and then the settings with size and SHA-256 of each of these files."""
    arguments.instance(folder, "folder", Path)
    tokenizer_files = [Path(name).name for name in tokenizer.save_pretrained(folder) if Path(name).is_file()]
    graph = [path.name for path in folder.iterdir() if belongs_to_graph(path.name, settings["graph"])]
    content = {**settings, "files": {name: _fingerprint(folder / name) for name in sorted({*graph, *tokenizer_files})}}
    (folder / SETTINGS).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@arguments.typed
def read_settings(folder: Path) -> dict[str, Any]:
    """The settings of an exported folder. A folder that is none, or whose settings are damaged, raises ValueError."""
    if not folder.is_dir() or not (folder / SETTINGS).is_file():
        what = f"a folder without {SETTINGS}" if folder.is_dir() else "no folder"
        raise ValueError(f"folder must be one that backends.export wrote, got {str(folder)!r}: {what}.")
    settings = read_json(folder, SETTINGS)
    if settings.get("layout") != LAYOUT:
        raise damaged(folder, f"{SETTINGS} has the layout {settings.get('layout')!r}, and this version of helpers reads {LAYOUT}")
    if flaws := _flaws(settings):
        raise damaged(folder, f"{SETTINGS} holds no usable {' and '.join(flaws)}")
    return settings


def _flaws(settings: dict[str, Any]) -> list[str]:
    """The names of the settings that are missing or of the wrong kind."""
    flaws = [name for name, kind in REQUIRED.items() if name not in settings or not isinstance(settings[name], kind)]
    if flaws:
        return flaws
    if settings["format"] not in ("onnx", "openvino"):
        return ["format"]
    # A name with a folder in it would let save write anywhere.
    files = settings["files"].items()
    sound = all(Path(name).name == name and isinstance(written, dict) and {"bytes", "sha256"} <= set(written) for name, written in files)
    return [] if sound and settings["graph"] in settings["files"] else ["files"]


@arguments.typed
def read_json(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object from a file of an exported folder; ValueError where it is none."""
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(folder, f"{name} cannot be read ({first_line(error)})") from error
    if not isinstance(content, dict):
        raise damaged(folder, f"{name} holds no JSON object")
    return content


@arguments.typed
def check_files(folder: Path, settings: dict[str, Any]) -> None:
    """ValueError where a file of an exported folder is missing or has other bytes than were written."""
    for name, written in settings["files"].items():
        path = folder / name
        if not path.is_file():
            raise damaged(folder, f"{name} is missing")
        if (size := path.stat().st_size) != written["bytes"]:
            raise damaged(folder, f"{name} has {size} bytes instead of {written['bytes']}")
        if _fingerprint(path) != written:
            raise damaged(folder, f"{name} has other content than was written")


@arguments.typed
def belongs_to_graph(name: str, graph: str) -> bool:
    """Whether a file of this name is a part of the graph of that name."""
    # model.onnx and model.onnx.data, or model.xml and model.bin
    return name.split(".")[0] == graph.split(".")[0]


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


@arguments.typed
def write_json(path: Path, content: Any) -> None:
    """Writes JSON that people can read too."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
