"""The benchmark: interleaved, warmed up, medians and spread; what it measures is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given

from helpers import benchmark
from helpers.benchmark import Result, Timing, measure
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
    result = Result(benchmark.describe_machine(), benchmark.describe_versions(), (Timing("load", (3.0, 1.0, 2.0)),))
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


def test_a_server_that_ends_before_it_answers_is_an_error() -> None:
    dead = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    dead.wait()
    with pytest.raises(RuntimeError, match="ended with status 3"):
        benchmark.wait_until_it_answers(f"http://127.0.0.1:{benchmark.free_port()}", dead)


def test_peak_memory_is_that_of_the_code_and_not_of_this_process() -> None:
    idle, full = benchmark.peak_memory("pass"), benchmark.peak_memory("print('x' * (100 * 2**20), end='')")
    assert 5 * 2**20 < idle < 60 * 2**20, "this process, with numpy and hypothesis, holds more"
    assert 100 * 2**20 <= full - idle < 320 * 2**20


def test_peak_memory_is_that_of_the_highest_moment() -> None:
    assert benchmark.peak_memory("block = bytes(range(256)) * (400 * 2**10); del block") > 100 * 2**20


def test_code_that_fails_has_no_peak() -> None:
    with pytest.raises(RuntimeError, match="ended with status 1: ZeroDivisionError: division by zero"):
        benchmark.peak_memory("1 / 0")


@given(code=ANYTHING)
def test_code_that_is_no_text_is_refused(code: object) -> None:
    if not isinstance(code, str):
        with pytest.raises(TypeError, match="code must be a string"):
            benchmark.peak_memory(code)  # type: ignore[arg-type]
