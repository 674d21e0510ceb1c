"""The check of this machine: well where it is, and what to do where it is not."""

from pathlib import Path

import pytest

from helpers import doctor, hub


def test_this_machine_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.report()
    said = capsys.readouterr().out
    assert said.count("\n") == len(doctor.CHECKS) + 1 and "FAIL" not in said and said.endswith("This machine is ready.\n")


@pytest.mark.parametrize("version", [(3, 9), (3, 15)])
def test_a_python_without_wheels_is_named(version: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.version_info", (*version, 0, "final", 0))
    assert "install a Python from 3.11 to 3.14" in str(doctor.check_python())


def test_a_package_that_is_missing_or_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("numpy==0.0.1  # why\nno-such-package==1.0\nscipy==1.17.1 ; sys_platform == 'nowhere'\n", encoding="utf-8")
    monkeypatch.setattr(doctor, "REQUIREMENTS", file)
    said = str(doctor.check_packages())
    assert said.startswith("FAIL") and "0 of 2" in said
    assert "(pinned: 0.0.1)" in said and "no-such-package missing" in said and "pip install -r requirements.txt" in said


def test_packages_that_only_some_lessons_need_are_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "requirements-beyond.txt"
    file.write_text("-r requirements.txt\nnumpy==0.0.1  # another version is no matter here\n", encoding="utf-8")
    monkeypatch.setattr(doctor, "BEYOND", file)
    assert str(doctor.check_beyond()).endswith("the packages of requirements-beyond.txt: installed")
    file.write_text("no-such-package==1.0\nnumpy==0.0.1\n", encoding="utf-8")
    assert doctor.missing_packages(file) == ["no-such-package"]
    check = doctor.check_beyond()
    assert check.ok and check.found.endswith("not installed yet, and only the lessons that say so need them: " + doctor.INSTALL_BEYOND)
    assert doctor.missing_packages(tmp_path / "nowhere.txt") == []


def test_a_model_that_is_not_usable_gives_the_hubs_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*, verify: bool) -> None:
        raise hub.HubError("Do this.")

    monkeypatch.setattr(hub, "activate", broken)
    assert "-> Do this." in str(doctor.check_model())


def test_too_little_memory_and_disk_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MEMORY_NEEDED_GIB", 1e6)
    monkeypatch.setattr(doctor, "DISK_NEEDED_GIB", 1e9)
    assert "close other programs" in str(doctor.check_memory())
    assert "COURSE_CACHE" in str(doctor.check_disk())


def test_a_check_that_breaks_is_a_failure_that_says_why(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def check_luck() -> doctor.Check:
        raise OSError("no luck")

    monkeypatch.setattr(doctor, "CHECKS", (doctor.check_python, check_luck))
    assert not doctor.report()
    said = capsys.readouterr().out
    assert "FAIL  luck" in said and "OSError: no luck" in said and "1 of 2 checks failed" in said


def test_pins_read_as_pip_reads_them() -> None:
    assert doctor.pinned("# a\na==1.0  # why\nb==2 ; python_version >= '3'\nc==3 ; python_version < '3'\n-e .\n") == {"a": "1.0", "b": "2"}


def test_a_local_build_satisfies_its_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed_version", lambda name: "2.13.0+cpu")
    assert not doctor._differs("torch", "2.13.0") and doctor._differs("torch", "2.12.0")


def test_missing_parts_of_the_widgets_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_widgets().ok
    monkeypatch.setattr(doctor, "lab_extensions", lambda: tmp_path)
    (tmp_path / "anywidget").mkdir()
    (tmp_path / "anywidget" / "package.json").touch()
    said = str(doctor.check_widgets())
    assert said.startswith("FAIL") and "extension @jupyter-widgets/jupyterlab-manager" in said and "extension anywidget" not in said
    assert "--force-reinstall --no-deps anywidget==" in said
    monkeypatch.setattr(doctor, "installed_version", lambda name: None if name == "ipywidgets" else "1.0")
    assert "missing: ipywidgets, " in str(doctor.check_widgets())


def test_the_checks_are_those_that_learners_are_promised() -> None:
    names = {check.__name__.removeprefix("check_") for check in doctor.CHECKS}
    assert names == {"python", "packages", "beyond", "model", "kernel", "widgets", "memory", "disk", "device"}
