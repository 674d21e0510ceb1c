"""The method behind every timing: interleaved, warmed up, medians and spread, peak memory; what is measured is not judged here."""

import json
from pathlib import Path

import pytest
from hypothesis import given

from helpers import timing
from helpers.timing import Result, Timing, measure, peak_memory
from tests.test_arguments import ANYTHING


def test_tasks_run_in_interleaved_rounds_after_a_warm_up() -> None:
    ran: list[str] = []
    timings = measure({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, rounds=3)
    assert "".join(ran) == "abababab"
    assert [timing.task for timing in timings] == ["a", "b"] and all(len(timing.seconds) == 3 for timing in timings)


def test_without_warm_up_every_round_counts() -> None:
    ran: list[int] = []
    measure({"a": lambda: ran.append(1)}, rounds=2, warm_up=False)
    assert len(ran) == 2


def test_a_result_is_a_table_and_json_with_machine_and_versions(tmp_path: Path) -> None:
    result = Result(timing.describe_machine(), timing.describe_versions(), (Timing("load", (3.0, 1.0, 2.0)),))
    assert result.timings[0].median == 2.0
    assert str(result).splitlines()[-1].split() == ["load", "2.000", "1.000", "3.000"]
    assert "processor:" in str(result) and "sentence-transformers:" in str(result)
    result.write(tmp_path / "result.json")
    data = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert data["timings"] == [{"task": "load", "seconds": [3.0, 1.0, 2.0]}] and data["versions"]["torch"]


@given(tasks=ANYTHING)
def test_tasks_that_are_no_functions_are_refused(tasks: object) -> None:
    with pytest.raises(TypeError, match="tasks"):
        measure(tasks)  # type: ignore[arg-type]


@pytest.mark.parametrize("rounds", [0, -1, True, 1.5, None, "3"])
def test_bad_rounds_are_refused(rounds: object) -> None:
    with pytest.raises((TypeError, ValueError), match="rounds must be a whole number of at least 1"):
        measure({"a": lambda: None}, rounds=rounds)  # type: ignore[arg-type]


def test_peak_memory_is_that_of_the_code_and_not_of_this_process() -> None:
    idle, full = peak_memory("pass"), peak_memory("print('x' * (100 * 2**20), end='')")
    assert 5 * 2**20 < idle < 60 * 2**20, "this process, with numpy and hypothesis, holds more"
    assert 100 * 2**20 <= full - idle < 320 * 2**20


def test_peak_memory_is_that_of_the_highest_moment() -> None:
    assert peak_memory("block = bytes(range(256)) * (400 * 2**10); del block") > 100 * 2**20


def test_code_that_fails_has_no_peak() -> None:
    with pytest.raises(RuntimeError, match="ended with status 1: ZeroDivisionError: division by zero"):
        peak_memory("1 / 0")


@pytest.mark.parametrize(("device", "peak"), [("cuda", 7), ("cuda:1", 8), ("xpu", 9), ("mps", 10)])
def test_on_an_accelerator_torch_is_asked_for_the_peak(device: str, peak: int) -> None:
    """A module of the name torch, which knows other peaks for other devices, stands in for the real one."""
    fake_torch = """
import sys, types
def of(peaks): return types.SimpleNamespace(max_memory_allocated=peaks.__getitem__, driver_allocated_memory=lambda: 10)
sys.modules["torch"] = types.SimpleNamespace(cuda=of({"cuda": 7, "cuda:1": 8}), xpu=of({"xpu": 9}), mps=of({}))
"""
    assert peak_memory(fake_torch, device=device) == peak


@pytest.mark.parametrize("device", ["", "gpu", "cuda:", "cuda:x", "cpu:0", "cuda; print()"])
def test_a_device_that_torch_does_not_know_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match="device must be 'cpu', 'cuda'"):
        peak_memory("pass", device=device)


@given(code=ANYTHING)
def test_code_that_is_no_text_is_refused(code: object) -> None:
    if not isinstance(code, str):
        with pytest.raises(TypeError, match="code must be a string"):
            peak_memory(code)  # type: ignore[arg-type]
