"""A real bundle, installed with the network cut off, and the course at work in it.

Takes minutes and some gigabytes: ``python -m pytest -m soak -s tests/soak/test_workshop_bundle.py``.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.course import registry
from helpers.tables import size_text
from helpers.workshop import bundle, install

pytestmark = pytest.mark.soak
# A network of its own, in which there is nothing but a loopback that is down; as an ordinary user, with a user namespace of its own.
CUT_OFF = ["unshare", "-n"] if sys.platform == "linux" and os.geteuid() == 0 else ["unshare", "-rn"]
REACH_OUT = "import socket; socket.create_connection(('1.1.1.1', 80), 5)"
SEARCH = """
from helpers import hub
hub.activate()
from sentence_transformers import SentenceTransformer
print(SentenceTransformer("all-MiniLM-L6-v2").encode("Hello world").shape)
"""


def cut_off(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**install.quiet_environment(), **variables}
    return subprocess.run([*CUT_OFF, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="cutting off the network takes Linux and unshare")
def test_a_bundle_installs_without_a_network(tmp_path: Path) -> None:
    if cut_off([sys.executable, "-c", "pass"], tmp_path).returncode != 0:
        pytest.skip("this account may not make a network of its own")
    made = bundle.make_bundle(registry.REPOSITORY, tmp_path / "bundle", registry.read_course().title, os.environ.get("TORCH_INDEX", ""))
    print(f"\n{made}")
    copied = shutil.copytree(made.folder, tmp_path / "a participant's copy")
    shutil.rmtree(made.folder)
    assert cut_off([sys.executable, "-c", REACH_OUT], copied).returncode != 0, "the network is not cut off"

    started = time.monotonic()
    done = cut_off([sys.executable, "install.py"], copied, COURSE_CACHE=str(tmp_path / "cache"))
    print(done.stdout, done.stderr, f"installed in {(time.monotonic() - started) / 60:.1f} minutes", sep="\n")
    assert done.returncode == 0 and "FAIL" not in done.stdout and "-m helpers lab" in done.stdout
    python = str(copied / install.VENV / "bin" / "python")
    done = cut_off([python, "-c", SEARCH], copied / "notebooks", COURSE_CACHE=str(tmp_path / "cache"))
    assert "(384,)" in done.stdout, done.stderr
    size = sum(path.stat().st_size for path in copied.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"a copy with everything installed: {size_text(size)}")
