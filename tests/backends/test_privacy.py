"""Exporting and loading reach no other machine, and importing is light."""

import os
import subprocess
import sys
from pathlib import Path

from tests.backends.common import ONE_WORKER

pytestmark = ONE_WORKER


# What leaves the machine


def test_nothing_leaves_the_machine(folders: dict[str, Path], tmp_path: Path) -> None:
    """As they come, openvino sends an event to a server when it is imported, and ONNX Runtime collects some in the home folder."""
    script = (
        "import socket, sys, time\n"
        "def refuse(*given, **options): print('CONNECTION', given); raise OSError\n"
        "socket.getaddrinfo = socket.create_connection = socket.socket.connect = refuse\n"
        "from helpers import backends\n"
        "vectors = [backends.load(folder).encode('a cat') for folder in sys.argv[1:]]\n"
        "import openvino\n"
        "time.sleep(1)\n"
        "print(abs(vectors[0] - vectors[1]).max() < 1e-5)\n"
    )
    home = {"HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path), "USERPROFILE": str(tmp_path)}
    left_out = ("CI", "TF_BUILD", "JENKINS_URL", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    outside_ci = {name: value for name, value in os.environ.items() if name not in left_out}
    command = [sys.executable, "-c", script, *map(str, folders.values())]
    result = subprocess.run(command, env={**outside_ci, **home}, capture_output=True, text=True, check=False)
    assert (result.stdout.split(), result.stderr) == (["True"], "")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and "icrosoft" in str(path)] == []
    assert not any("intel" in path.name.lower() for path in tmp_path.rglob("*"))


def test_importing_backends_is_light() -> None:
    script = "import sys, helpers.backends; sys.exit(bool({'torch', 'onnx', 'onnxruntime', 'openvino'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
