"""The bundle and its installer, with a pip that stands in: what is copied, what is checked, and what is said where something is wrong."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from helpers.workshop import bundle, folders, install

REQUIREMENTS = "torch==2.13.0      # computes\nnumpy==2.4.6\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository."""
    source = tmp_path / "repository"
    for name in bundle.FILES:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(REQUIREMENTS if name.startswith("requirements") else name, encoding="utf-8")
    for name in ("helpers/__init__.py", "helpers/__pycache__/x.pyc", "notebooks/00_one.ipynb", "notebooks/.ipynb_checkpoints/x.ipynb"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name, encoding="utf-8")
    (source / ".git").mkdir()
    return source


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would run; each `pip wheel` leaves a wheel."""
    run: list[list[str]] = []

    def pretend(command: list[str]) -> None:
        run.append(command)
        name = "torch-2.13.0+cpu.whl" if "--index-url" in command else "numpy-2.4.6.whl"
        (Path(command[command.index("--wheel-dir") + 1]) / name).write_text(name, encoding="utf-8")

    monkeypatch.setattr(bundle, "_run", pretend)
    monkeypatch.setattr(bundle, "check_is_complete", lambda folder: None)
    monkeypatch.setattr(bundle, "DISK_NEEDED_GIB", 0.0)
    return run


def test_a_bundle_holds_course_wheels_installer_and_sums(root: Path, tmp_path: Path, commands: list[list[str]]) -> None:
    made = bundle.make_bundle(root, tmp_path / "out", "A course")
    files = {path.relative_to(made.folder).as_posix() for path in made.folder.rglob("*") if path.is_file()}
    assert files == {
        *bundle.FILES, "helpers/__init__.py", "notebooks/00_one.ipynb", "wheels/numpy-2.4.6.whl", "install.py", "README.txt",
        install.SUMS, install.MANIFEST, folders.MARKER,
    }  # fmt: skip
    readme = (made.folder / "README.txt").read_text(encoding="utf-8")
    assert "A course" in readme and f"Python {sys.version_info[0]}.{sys.version_info[1]} on" in readme and "install.py" in readme
    assert made.wheels == 1 and "1 wheels" in str(made)
    assert install._check_files(made.folder) == len(files) - 2  # all but the sums themselves and the marker


def test_a_second_bundle_takes_the_wheels_of_the_first(root: Path, tmp_path: Path, commands: list[list[str]]) -> None:
    for _ in range(2):
        bundle.make_bundle(root, tmp_path / "out", "A course")
    assert str(tmp_path / "out" / "wheels") not in commands[0] and str(tmp_path / "out" / "wheels") in commands[1]


def test_torch_may_come_from_an_index_of_its_own_once(root: Path, tmp_path: Path, commands: list[list[str]]) -> None:
    for _ in range(2):
        bundle.make_bundle(root, tmp_path / "out", "A course", "https://example.org/cpu")
        (tmp_path / "out" / "wheels" / "torch-2.13.0+cpu.whl").touch()
    first, second, third = commands
    assert first[-3:] == ["--index-url", "https://example.org/cpu", "torch==2.13.0"] and "--no-deps" in first
    assert "--requirement" in second and "--requirement" in third


def test_an_interrupted_bundle_leaves_the_old_one(
    root: Path, tmp_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle.make_bundle(root, tmp_path / "out", "A course")

    def stop(command: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle, "_run", stop)
    with pytest.raises(KeyboardInterrupt):
        bundle.make_bundle(root, tmp_path / "out", "A course")
    assert (tmp_path / "out" / "install.py").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"out", "repository"}


def test_a_bundle_without_all_wheels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / install.REQUIREMENTS).write_text("numpy==2.4.6\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="bundle is not complete"):
        bundle.check_is_complete(tmp_path)


def test_a_failing_pip_and_a_full_disk_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="pip could not collect"):
        bundle._run([sys.executable, "-c", "raise SystemExit(1)"])
    monkeypatch.setattr(bundle, "DISK_NEEDED_GIB", 1e9)
    with pytest.raises(RuntimeError, match="GiB are free"):
        bundle.make_bundle(tmp_path, tmp_path / "out", "A course")


# The installer


@pytest.fixture
def bundled(root: Path, tmp_path: Path, commands: list[list[str]]) -> Path:
    """A small bundle whose packages nobody installs."""
    return bundle.make_bundle(root, tmp_path / "out", "A course").folder


@pytest.mark.parametrize("key", ["python", "system", "processor"])
def test_another_machine_is_refused_in_words(bundled: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    (bundled / install.MANIFEST).write_text(json.dumps({**install.this_machine(), key: "other"}), encoding="utf-8")
    assert install.main(bundled) == 1
    assert "was made for" in capsys.readouterr().err and not (bundled / install.VENV).exists()


@pytest.mark.parametrize(("harm", "said"), [("change", "damaged"), ("remove", "missing"), ("empty", "empty")])
def test_a_bad_copy_is_refused_before_anything_is_made(bundled: Path, harm: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = bundled / "wheels" / "numpy-2.4.6.whl"
    if harm == "change":
        wheel.write_text("half", encoding="utf-8")
    elif harm == "remove":
        wheel.unlink()
    else:
        (bundled / install.SUMS).write_text("", encoding="utf-8")
    assert install.main(bundled) == 1
    assert said in capsys.readouterr().err and not (bundled / install.VENV).exists()


def test_a_lesson_with_answers_in_it_is_no_damage(bundled: Path) -> None:
    (bundled / "notebooks" / "00_one.ipynb").write_text("my answers", encoding="utf-8")
    assert install._check_files(bundled) > 5


def test_a_pip_that_fails_is_said_and_leaves_no_mark(
    bundled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "_make_environment", lambda folder: Path(sys.executable))
    monkeypatch.setattr(install, "_call_and_show_growth", lambda command, folder: 1)
    assert install.main(bundled) == 1
    assert "pip could not install" in capsys.readouterr().err and not (bundled / install.VENV / "ready").exists()


def test_an_installation_ends_with_the_line_that_starts_the_course(
    bundled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[list[str]] = []

    def pretend(command: list[str], folder: Path | None = None, **options: object) -> int:
        called.append(command)
        return 0

    python = bundled / install.VENV / "bin" / "python"
    python.parent.mkdir(parents=True)
    monkeypatch.setattr(install, "_make_environment", lambda folder: python)
    monkeypatch.setattr(install, "_call_and_show_growth", pretend)
    monkeypatch.setattr(subprocess, "call", pretend)
    assert install.main(bundled) == 0
    assert f"{Path(install.VENV) / 'bin' / 'python'} -m helpers lab" in capsys.readouterr().out
    assert (bundled / install.VENV / "ready").is_file()
    assert all("--no-index" in command for command in called[:2]) and called[2][-2:] == ["helpers", "doctor"]


def test_a_long_silence_is_filled_with_signs_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "SECONDS_BETWEEN_SIGNS", 0.05)
    script = "import time; time.sleep(0.3); raise SystemExit(3)"
    assert install._call_and_show_growth([sys.executable, "-c", script], tmp_path) == 3
    assert "GB so far" in capsys.readouterr().out


def test_ctrl_c_stops_the_installer_in_words(bundled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(folder: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "_make_environment", stop)
    assert install.main(bundled) == 130
    assert "Stopped." in capsys.readouterr().err


def test_no_setting_of_pip_reaches_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org")
    found = install.quiet_environment()
    assert "PIP_INDEX_URL" not in found and found["PIP_CONFIG_FILE"] == os.devnull


def test_the_installer_needs_nothing_but_python() -> None:
    script = (
        f"import sys; sys.path.insert(0, {os.fspath(Path(install.__file__).parent)!r}); import install; sys.exit('helpers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-I", "-c", script], check=False).returncode == 0


# The whole way, with a course of three files: the real one takes minutes (tests/soak/test_workshop_bundle.py)

BACKEND = """
import zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "helpers-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel_directory + "/" + name, "w") as wheel:
        wheel.writestr("helpers.pth", __file__.rpartition("backend")[0])
        wheel.writestr("helpers-0.1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: helpers\\nVersion: 0.1.0\\n")
        wheel.writestr("helpers-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("helpers-0.1.0.dist-info/RECORD", "")
    return name
"""


@pytest.fixture
def tiny_bundle(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle that real pip can install: one wheel of ours, and a package helpers that reports what it sees."""
    (root / "requirements.txt").write_text("tiny==1.0\n", encoding="utf-8")
    (root / install.REQUIREMENTS).write_text("-r requirements.txt\n", encoding="utf-8")
    backend = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["notebooks"]\n'
    (root / "pyproject.toml").write_text(backend + '[project]\nname = "helpers"\nversion = "0.1.0"\n', encoding="utf-8")
    (root / "notebooks" / "backend.py").write_text(BACKEND.replace('.rpartition("backend")', '.rpartition("notebooks")'), encoding="utf-8")
    (root / "helpers" / "__init__.py").write_text("", encoding="utf-8")
    (root / "helpers" / "__main__.py").write_text("import sys, tiny\nprint(tiny.WORD, *sys.argv[1:])\n", encoding="utf-8")

    def make_wheel(command: list[str]) -> None:
        folder = Path(command[command.index("--wheel-dir") + 1])
        with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("tiny.py", "WORD = 'tiny is here'\n")
            wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
            wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr("tiny-1.0.dist-info/RECORD", "")

    monkeypatch.setattr(bundle, "_run", make_wheel)
    monkeypatch.setattr(bundle, "DISK_NEEDED_GIB", 0.0)
    return bundle.make_bundle(root, tmp_path / "a place with spaces", "A course").folder


@pytest.mark.slow
def test_a_small_bundle_installs_with_the_real_pip(tiny_bundle: Path) -> None:
    done = subprocess.run([sys.executable, "install.py"], cwd=tiny_bundle, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tiny is here doctor" in done.stdout and "-m helpers lab" in done.stdout
    assert (tiny_bundle / install.VENV / "ready").is_file()
