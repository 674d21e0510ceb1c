"""The folder says what it is, can be copied, and is complete or absent."""

import copy
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from helpers import backends, hub
from helpers.backends.errors import ExportError
from tests.backends.common import ONE_WORKER, TEXTS, difference

pytestmark = ONE_WORKER


# The folder


def test_the_folder_says_what_it_is(model: Any, folders: dict[str, Path]) -> None:
    for name, folder in folders.items():
        said = json.loads((folder / "exported_graph.json").read_text(encoding="utf-8"))
        assert (said["format"], said["precision"], said["inference_precision"]) == (name, "fp32", "f32")
        assert (said["embedding_dimension"], said["max_seq_length"]) == (384, 256)
        assert said["source"]["model"] == hub.MODEL and len(said["source"]["sha256"]) == 64
        assert said["versions"]["sentence-transformers"] == "6.2.0"
        assert hub.MODEL in (folder / "README.md").read_text(encoding="utf-8")
        unlisted = {path.name for path in folder.iterdir()} - set(said["files"])
        assert unlisted == {"exported_graph.json", "config_sentence_transformers.json", "modules.json", "README.md"}
        assert not any(path.name.startswith(".") for path in folder.parent.iterdir())


def test_no_path_of_this_machine_is_in_the_folder(folders: dict[str, Path], small_folder: Path, small: Any) -> None:
    import torch

    known = [
        str(Path(str(torch.__file__)).parents[1]),
        str(Path(__file__).parents[1]),
        str(small[0].model.name_or_path),
        str(folders["onnx"].parent),
    ]
    for folder in (*folders.values(), small_folder):
        for path in folder.iterdir():
            content = path.read_bytes()
            assert not [name for name in known if name.encode() in content], path.name


def test_a_copy_made_by_save_pretrained_loads_again(small: Any, small_folder: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    other = backends.load(small_folder)
    other.max_seq_length = 32
    other.prompts["topic"] = "a new prompt: "
    copied = tmp_path / "copy"
    other.save_pretrained(str(copied))
    other.save_pretrained(str(copied))  # over itself
    other.save_pretrained(str(shutil.copytree(small_folder, tmp_path / "second")))
    by_library = SentenceTransformer(str(copied), trust_remote_code=True, device="cpu", local_files_only=True)
    for again in (backends.load(copied), backends.load(tmp_path / "second"), by_library):
        assert again.max_seq_length == 32 and again.prompts == other.prompts and again.similarity_fn_name == "dot"
        assert difference(again.encode(TEXTS), other.encode(TEXTS)) == 0
    assert (copied / "README.md").read_bytes() == (small_folder / "README.md").read_bytes()
    in_place = backends.load(copied)
    in_place.save_pretrained(str(copied))
    assert difference(backends.load(copied).encode(TEXTS), other.encode(TEXTS)) == 0


def test_copies_and_pickles_open_the_graph_again(small: Any, small_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(small_folder, tmp_path / "export")
    other = backends.load(folder)
    pickled = pickle.dumps(other)
    assert len(pickled) < 10_000_000
    for again in (copy.deepcopy(other), pickle.loads(pickled)):
        assert difference(again.encode(TEXTS), small.encode(TEXTS)) <= 1e-5
    shutil.rmtree(folder)
    assert difference(other.encode(TEXTS), small.encode(TEXTS)) <= 1e-5
    with pytest.raises(ExportError, match=r"model\.onnx is gone"):
        pickle.loads(pickled)
    with pytest.raises(ExportError, match=r"is gone: this model can only be saved while its folder is there\.$"):
        other.save_pretrained(str(tmp_path / "copy"))
