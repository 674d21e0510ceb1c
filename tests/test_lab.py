"""A real JupyterLab server: it opens at the first lesson, and saving there updates the lesson's source."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from helpers import benchmark, commands
from helpers.course import build
from helpers.course.registry import Course, read_course

TOKEN = "test"

pytestmark = pytest.mark.xdist_group("jupyterlab")  # one server


class Server:
    """A running JupyterLab and its REST interface."""

    def __init__(self, port: int, root: Path) -> None:
        self.address, self.root = f"http://127.0.0.1:{port}", root

    def call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            answer, kind = response.read(), response.headers.get("Content-Type", "")
        return json.loads(answer or b"null") if "json" in kind else answer.decode()

    def open(self, notebook: Path) -> Any:
        return self.call("GET", f"/api/contents/{self._path(notebook)}?type=notebook&content=1")["content"]

    def save(self, notebook: Path, content: object) -> None:
        self.call("PUT", f"/api/contents/{self._path(notebook)}", {"type": "notebook", "format": "json", "content": content})

    def _path(self, notebook: Path) -> str:
        return quote(notebook.relative_to(self.root).as_posix())


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One JupyterLab for all tests of this file: each test's folder lies in the folder that it shows."""
    port, root = benchmark.free_port(), tmp_path_factory.getbasetemp()
    options = ["--no-browser", f"--port={port}", f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0"]
    process = subprocess.Popen(commands.lab_command(options, root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        benchmark.wait_until_it_answers(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", process)
        yield Server(port, root)
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize("newer", ["notebook", "source"])
def test_every_real_lesson_opens_and_saves_without_touching_its_source(newer: str, server: Server, course: Course, tmp_path: Path) -> None:
    """Whichever of the two files is newer, as after a clone or a build: JupyterLab refuses to open a pair that differs."""
    copied = read_course(shutil.copytree(course.root / "notebooks", tmp_path / "notebooks").parent)
    shutil.copy(course.root / "pyproject.toml", tmp_path)
    for lesson in copied.lessons:
        source, notebook = copied.source(lesson), copied.notebook(lesson)
        before, older = source.read_bytes(), source if newer == "notebook" else notebook
        os.utime(older, (0, 0))
        server.save(notebook, server.open(notebook))
        assert source.read_bytes() == before, lesson.stem


@pytest.mark.slow
def test_saving_in_jupyterlab_updates_the_source_and_nothing_else(server: Server, small_course: Course) -> None:
    lesson = small_course.lessons[0]
    build.build(small_course, lesson, progress=False)
    source, path = small_course.source(lesson), small_course.notebook(lesson)
    before = source.read_bytes()

    notebook = server.open(path)
    server.save(path, notebook)
    assert source.read_bytes() == before, "saving without a change must not touch a byte of the source"

    notebook = server.open(path)
    cell = next(cell for cell in notebook["cells"] if "print('00')" in "".join(cell["source"]))
    cell["source"] = "print('00', 'edited in JupyterLab')"
    time.sleep(0.1)  # a newer time stamp than the first save's
    server.save(path, notebook)
    assert source.read_text(encoding="utf-8") == before.decode().replace("print('00')", "print('00', 'edited in JupyterLab')")


@pytest.mark.slow
def test_it_opens_at_the_first_lesson(server: Server) -> None:
    request = urllib.request.Request(server.address, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.url.endswith(f"/lab/tree/{commands.FIRST_LESSON}")


@pytest.mark.slow
def test_editing_the_source_shows_in_jupyterlab(server: Server, small_course: Course) -> None:
    lesson = small_course.lessons[1]
    build.build(small_course, lesson, progress=False)
    source = small_course.source(lesson)
    time.sleep(0.1)
    source.write_text(source.read_text(encoding="utf-8").replace("Vectors again.", "Vectors, edited in a text editor."), encoding="utf-8")
    cells = server.open(small_course.notebook(lesson))["cells"]
    assert any("edited in a text editor" in "".join(cell["source"]) for cell in cells)
