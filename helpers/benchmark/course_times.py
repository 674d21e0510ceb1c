"""How long the course itself takes on this machine: JupyterLab's start, imports, the hub, a search, and every lesson."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from helpers import arguments
from helpers.timing import Result, describe_machine, describe_versions, measure

SERVER_TIMEOUT_S = 120
QUERIES_A_SEARCH = 100


def time_the_course(rounds: int = 3, *, lessons: bool = True) -> Result:
    """Time JupyterLab's start, the hub, the import of helpers, a search over the corpus and, with `lessons`, every lesson."""
    timings = measure({**_start_tasks(), **_search_tasks()}, rounds)
    if lessons:
        timings += measure(_lesson_tasks(), rounds, warm_up=False)
    return Result(describe_machine(), describe_versions(), timings)


def _start_tasks() -> dict[str, Callable[[], object]]:
    """Each in a fresh interpreter, as a learner meets it."""

    def python(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    return {
        "an empty Python": python(""),
        "import helpers": python("import helpers"),
        "import sentence_transformers": python("import sentence_transformers"),
        "hub.activate(), nothing imported": python("from helpers import hub; hub.activate()"),
        "hub.activate(verify=False)": python("from helpers import hub; hub.activate(verify=False)"),
        "JupyterLab until the server answers": start_and_stop_lab,
    }


def start_and_stop_lab() -> None:
    """Start JupyterLab as `make lab` does, wait until it answers, and stop it."""
    from helpers.commands import lab_command

    port, token = free_port(), "benchmark"
    options = ["--no-browser", f"--port={port}", f"--IdentityProvider.token={token}", "--ServerApp.port_retries=0"]
    server = subprocess.Popen(lab_command(options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/api/status?token={token}", server)
    finally:
        server.terminate()
        server.wait(timeout=30)


@arguments.typed
def wait_until_it_answers(address: str, server: subprocess.Popen[bytes]) -> None:
    """Ask `address` until it answers; RuntimeError when the server ends first or takes too long."""
    give_up = time.monotonic() + SERVER_TIMEOUT_S
    while time.monotonic() < give_up:
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with status {server.returncode} before it answered.")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"JupyterLab did not answer within {SERVER_TIMEOUT_S} s.")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _search_tasks() -> dict[str, Callable[[], object]]:
    """Loading the model, encoding, and exact search over the documentation corpus; the model and the vectors are made once."""
    from helpers import corpus, hub

    hub.activate()
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import semantic_search

    model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
    documents = [entry.text for entry in corpus.api_docs()]
    print(f"Encoding the corpus, {len(documents)} texts, once …", file=sys.stderr)
    vectors = model.encode_document(documents, convert_to_tensor=True, show_progress_bar=True)
    queries = vectors[:QUERIES_A_SEARCH]
    return {
        "load all-MiniLM-L6-v2": lambda: SentenceTransformer("all-MiniLM-L6-v2", device="cpu"),
        "encode one query": lambda: model.encode_query("split my data into train and test parts"),
        f"search {len(documents)} vectors, 1 query": lambda: semantic_search(queries[:1], vectors, top_k=10),
        f"search {len(documents)} vectors, {QUERIES_A_SEARCH} queries": lambda: semantic_search(queries, vectors, top_k=10),
    }


def _lesson_tasks() -> dict[str, Callable[[], object]]:
    from helpers.course import build, registry

    course = registry.read_course()

    def run(lesson: registry.Lesson) -> Callable[[], object]:
        return lambda: build.execute(build.read_source(course.source(lesson)), course.root / "notebooks", title=lesson.stem, progress=False)

    return {f"lesson {lesson.stem}": run(lesson) for lesson in course.lessons}
