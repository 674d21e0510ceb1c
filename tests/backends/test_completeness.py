"""An export is complete or absent: interrupted, killed, damaged or foreign ones are refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers import backends
from helpers.backends import folders as export_folders
from helpers.backends import graphs
from helpers.backends.errors import ExportError
from helpers.backends.graphs import Traced
from tests.backends.common import FORMATS, ONE_WORKER

pytestmark = ONE_WORKER


# Complete or absent


def test_an_export_that_disagrees_is_refused_and_removed(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    class Forgetful(torch.nn.Module):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, *tokens: torch.Tensor) -> torch.Tensor:
            return self.inner(*tokens) + 2e-4

    whole = graphs._whole_chain
    monkeypatch.setattr(graphs, "_whole_chain", lambda *given: Forgetful(whole(*given)).eval())
    with pytest.raises(ExportError, match=r"^The exported graph differs from the model by 2\.0e-04 in a number of an embedding"):
        backends.export(small, tmp_path / "export")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_export_leaves_nothing(
    interruption: BaseException, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(traced: Traced, path: Path, *options: Any) -> None:
        path.write_bytes(b"half")
        raise interruption

    monkeypatch.setattr(Traced, "write", write)
    with pytest.raises(type(interruption)):
        backends.export(small, tmp_path / "export")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_what_a_killed_export_leaves_goes_with_the_next_one(tmp_path: Path) -> None:
    target = tmp_path / "export"
    script = (
        "import os, pathlib, signal, sys\nfrom helpers.backends import folders as export_folders\n"
        "with export_folders.complete_or_absent(pathlib.Path(sys.argv[1])) as part:\n"
        "    (part / 'model.onnx').write_bytes(b'half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists() and len(list(tmp_path.iterdir())) == 1
    at_work = tmp_path / f".export.0a.{os.getpid()}.exporting"  # of a process that lives
    at_work.mkdir()
    with export_folders.complete_or_absent(target) as part:
        (part / "model.onnx").write_bytes(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"export", at_work.name}


def test_a_folder_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "export"
    with pytest.raises(ValueError, match=r"which exists\.$"), export_folders.complete_or_absent(target):
        target.mkdir()
    assert list(tmp_path.iterdir()) == [target]


# Damaged folders


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def change_settings(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


DAMAGES: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "graph cut short": ("model.onnx", shorten, r"model\.onnx has \d+ bytes instead of \d+"),
    "graph with another bit": ("model.onnx", flip, r"model\.onnx has other content than was written"),
    "no graph": ("model.onnx", Path.unlink, r"model\.onnx is missing"),
    "tokenizer cut short": ("tokenizer.json", shorten, r"tokenizer\.json has \d+ bytes instead of"),
    "no tokenizer": ("tokenizer.json", Path.unlink, r"tokenizer\.json is missing"),
    "settings cut short": ("exported_graph.json", shorten, r"exported_graph\.json cannot be read"),
    "settings of another version": ("exported_graph.json", lambda p: change_settings(p, layout=2), "has the layout 2"),
    "settings without files": ("exported_graph.json", lambda p: change_settings(p, files=[]), "holds no usable files"),
    "files outside": ("exported_graph.json", lambda p: change_settings(p, files={"../model.onnx": {}}), "holds no usable files"),
    "settings are a list": ("exported_graph.json", lambda p: p.write_text("[]", encoding="utf-8"), "holds no JSON object"),
    "no settings of the library": ("config_sentence_transformers.json", Path.unlink, r"config_sentence_transformers\.json cannot be read"),
    "no prompts": ("config_sentence_transformers.json", lambda p: p.write_text("{}", encoding="utf-8"), "is incomplete"),
}


@pytest.mark.parametrize(("name", "damage", "said"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_is_refused_in_one_sentence(
    name: str, damage: Callable[[Path], Any], said: str, small_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(small_folder, tmp_path / "export")
    damage(folder / name)
    with pytest.raises(ValueError, match=rf"^folder must be a complete export, got '.*': .*{said}.*\. Export the model again\.$") as caught:
        backends.load(folder)
    assert "\n" not in str(caught.value)


def test_a_graph_that_the_runtime_cannot_read_is_named(small_folder: Path, tmp_path: Path) -> None:
    from helpers.backends import exported_graph

    for format in FORMATS:
        folder = shutil.copytree(small_folder, tmp_path / format)
        (folder / "model.onnx").write_bytes(b"not a graph")
        settings = {**json.loads((folder / "exported_graph.json").read_text(encoding="utf-8")), "format": format}
        with pytest.raises(
            ValueError, match=r"^folder must be a complete export, got '.*': model\.onnx cannot be read \(.*\)\. Export"
        ) as caught:
            exported_graph.ExportedGraph(folder, settings, None)
        assert "\n" not in str(caught.value)


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cases: list[tuple[str | Path, str]] = [
        (tmp_path, "a folder without exported_graph.json"),
        (tmp_path / "file", "no folder"),
        ("all-MiniLM-L6-v2", "no folder"),
    ]
    for other, said in cases:
        with pytest.raises(ValueError, match=rf"^folder must be one that backends\.export wrote, got '.*': {said}\.$"):
            backends.load(other)
    for odd in (None, 3, b"folder", ["folder"], ""):
        with pytest.raises((TypeError, ValueError), match=r"^folder must be a path"):
            backends.load(odd)  # type: ignore[arg-type]
