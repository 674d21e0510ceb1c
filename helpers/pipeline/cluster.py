"""Many machines: Ray Data reads Parquet, gives it to encoders that each hold a model, and writes Parquet.

`local_cluster` starts several nodes on this machine, each with its own processes and its own memory for objects, so that everything but
the wires between machines is real: what runs here runs unchanged where ``ray.init(address=…)`` names a cluster.
"""

import contextlib
import logging
import os
import secrets
import socket
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from helpers import arguments
from helpers.pipeline.arrow import vector_column
from helpers.pipeline.encode import LoadingEncoder, Settings, loader
from helpers.pipeline.manifest import Manifest
from helpers.pipeline.needs import engine
from helpers.pipeline.parquet import refuse_full

# Before ray is imported: no report to its makers, to an address at which nobody listens. That alone is not enough: see `_quiet_start`.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9/",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_agent_register_timeout_ms": "120000",  # a machine that does much else at the moment
}
# A node waits 15 seconds for each of its services to tell its port in a file, and dies after that, which a busy machine runs into. So we
# choose the ports, write the files ourselves, and leave out the services that only a cluster of many users needs.
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
FEWER_SERVICES = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
SESSION = "session"
NODE_ID_BYTES = 28
# An address that nobody else can reach: Ray asks no password of whoever connects. 127.0.0.1 itself Ray replaces by the address that the
# network knows, but on macOS and Windows.
HERE = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
# Reading and writing need a core. Encoders that hold one each would, when a node dies, be started again on the cores that are left, hold
# them all, and wait for ever for somebody to write what they made.
NO_CORE = 0
MESSAGE_CHARACTERS = 2_000
OBJECT_BYTES = 100 * 2**20


class BatchEncoder:
    """The actor that Ray starts: it loads the model once, and encodes every batch that comes, as an Arrow table, by the same function."""

    def __init__(self, load: Callable[[], Any], settings: Settings, manifest: Manifest) -> None:
        """Load the model; ValueError where this machine loads another one than that of the manifest."""
        self.encoder = LoadingEncoder(load, settings)
        manifest.refuse_other(self.encoder.manifest, "the run")

    def __call__(self, batch: Any) -> Any:
        """The batch with its column ``vector``."""
        encoded = self.encoder({"text": batch.column("text").to_pylist()})
        return batch.append_column("vector", vector_column(encoded["vector"]))


@contextlib.contextmanager
def local_cluster(nodes: int = 2, cpus: int = 1) -> Iterator[Any]:
    """A Ray cluster of several nodes on this machine, for the length of a ``with`` block, without progress bars and messages of Ray's.

    Args:
        nodes: How many nodes, the first of which is the head.
        cpus: Logical cores of each; ``nodes * cpus`` may exceed what the machine has.

    Yields:
        ``ray.cluster_utils.Cluster``: ``cluster.worker_nodes`` are all but the head, ``cluster.remove_node(node, allow_graceful=False)``
        kills one.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        RuntimeError: Ray is already running in this process.
    """
    nodes = arguments.integer(nodes, "nodes", minimum=1, maximum=16)
    cpus = arguments.integer(cpus, "cpus", minimum=1)
    ray = _ray()
    if ray.is_initialized():
        raise RuntimeError("local_cluster starts a cluster of its own, and Ray is running in this process already: call ray.shutdown().")
    from ray.cluster_utils import Cluster

    # a short name: the sockets in it may have 107 characters
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster()
        try:
            for number in range(nodes):
                head: dict[str, Any] = {"session_name": SESSION} if number == 0 else {}
                with _quiet_start():
                    cluster.add_node(**_node(Path(folder), cpus), **head)
            ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR", _node_ip_address=HERE)
            _quiet_data(ray)
            with _native_messages_aside():
                yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


def encode_parquet(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    load: Callable[[], Any],
    settings: Settings | None = None,
    *,
    manifest: Manifest,
    encoders: int = 2,
    gpus: float = 0.0,
    batch_rows: int = 256,
    rows_per_file: int = 10_000,
) -> None:
    """Encode Parquet files on the running Ray cluster into Parquet files with a column ``vector``.

    A node that dies in the middle takes its model and its unfinished batches with it: Ray gives both to the nodes that are left, and a
    file that was half written is written again under the same name.

    Args:
        source: A folder of Parquet files with the columns ``id`` and ``text``; others are passed on.
        target: A folder that does not exist or is empty. Every machine must see both, as on a network disk. A run that was stopped leaves
            a folder without a manifest: delete it, and run again.
        load: A function without arguments that returns the model. It runs once in each encoder, so it must work on each machine.
        settings: How texts become vectors; None for ``Settings()``.
        manifest: What these vectors are, ``Encoder(load(), settings).manifest``. Each encoder compares its own with it, because a machine
            may load another model than the rest. It is written last, so a folder with one is complete.
        encoders: How many models work at once: one a GPU, or one a core, because Ray lets each compute in one thread (OMP_NUM_THREADS=1).
        gpus: How many GPUs each has to itself; 0 for none.
        batch_rows: Documents that are handed to an encoder together.
        rows_per_file: Documents in one file, which are one piece of work: what a dead node had not finished is done again piece by piece.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        RuntimeError: No cluster runs.
        FileExistsError: `target` holds something.
    """
    # absolute: a node may have another working folder
    source_folder, target_folder = arguments.path(source, "source").absolute(), arguments.path(target, "target").absolute()
    load = loader(load)
    settings = Settings() if settings is None else arguments.instance(settings, "settings", Settings)
    manifest = arguments.instance(manifest, "manifest", Manifest)
    encoders = arguments.integer(encoders, "encoders", minimum=1)
    gpus = arguments.number(gpus, "gpus", minimum=0)
    batch_rows = arguments.integer(batch_rows, "batch_rows", minimum=1)
    rows_per_file = arguments.integer(rows_per_file, "rows_per_file", minimum=1)
    refuse_full(target_folder, "target")
    ray = _ray()
    if not ray.is_initialized():
        raise RuntimeError("encode_parquet needs a Ray cluster: call it within local_cluster(), or after ray.init(address=…).")
    _quiet_data(ray)
    # else small files would come as one piece, and one encoder would get them all
    dataset = ray.data.read_parquet(str(source_folder)).repartition(target_num_rows_per_block=rows_per_file)
    encoded = dataset.map_batches(
        BatchEncoder,
        fn_constructor_args=(load, settings, manifest),
        batch_size=min(batch_rows, rows_per_file),  # a larger batch would join pieces
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=encoders),
        num_cpus=NO_CORE,
        num_gpus=gpus or None,
    )
    with _native_messages_aside():
        encoded.write_parquet(str(target_folder))
    manifest.write(target_folder)


def _ray() -> Any:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    ray = engine("ray")
    engine("ray.data")
    logging.getLogger("ray").setLevel(logging.ERROR)
    return ray


def _node(folder: Path, cpus: int) -> dict[str, Any]:
    """How to start a node that keeps its files in a folder."""
    node_id = secrets.token_hex(NODE_ID_BYTES)
    (folder / SESSION).mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in PORTS]
        for each in sockets:
            each.bind((HERE, 0))
        ports = {name: each.getsockname()[1] for name, each in zip(PORTS, sockets, strict=True)}
    for name, port in ports.items():
        (folder / SESSION / f"{name}_{node_id}").write_text(str(port))
    place = {"node_ip_address": HERE, "temp_dir": str(folder), "env_vars": {"RAY_OVERRIDE_NODE_ID_FOR_TESTING": node_id}}
    return {"num_cpus": cpus, "object_store_memory": OBJECT_BYTES, **place, **FEWER_SERVICES, **ports}


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Start nodes without the process of the dashboard, and without a warning of LanceDB's.

    Ray starts that process even where no dashboard is wanted. It asks the network in which cloud it runs, and where reports are switched
    off, it reports that they are. LanceDB warns of forks; the processes here fork only to start another program.
    """
    node = engine("ray._private.node").Node
    start = node.start_api_server
    node.start_api_server = lambda self, **options: None
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "lancedb fork support", RuntimeWarning)
            yield
    finally:
        node.start_api_server = start


@contextlib.contextmanager
def _native_messages_aside() -> Iterator[None]:
    """Keep what native code writes past Python: on every run, a warning of how Ray Data starts actors. An error carries it along.

    What Python itself writes to a terminal's standard error, such as a progress bar, goes where it always goes.
    """
    with tempfile.TemporaryFile() as aside, os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8") as terminal:
        own = contextlib.redirect_stderr(terminal) if sys.stderr is sys.__stderr__ else contextlib.nullcontext()
        os.dup2(aside.fileno(), 2)
        try:
            with own:
                yield
        except Exception as error:
            aside.seek(0)
            error.add_note(aside.read().decode(errors="replace")[-MESSAGE_CHARACTERS:])
            raise
        finally:
            os.dup2(terminal.fileno(), 2)


def _quiet_data(ray: Any) -> None:
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
