"""Searches side by side: every method finds what it should, bytes are exact, and a report survives its file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings

from helpers.benchmark import search
from helpers.benchmark.search import EXACT, METHODS, SearchReport, SearchRow, benchmark_search, compare_searches, mixed_vectors, overlap
from tests.test_arguments import ANYTHING

pytestmark = pytest.mark.xdist_group("search")  # one report for all
DIMENSIONS = 64


def unit_vectors(n: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((n, DIMENSIONS)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


VECTORS, QUERIES = unit_vectors(3000), unit_vectors(30, seed=1)


@pytest.fixture(scope="module")
def report() -> SearchReport:
    return compare_searches(VECTORS, QUERIES, candidates=600, rounds=2, source="random")


def test_every_method_is_measured_in_the_order_of_the_list(report: SearchReport) -> None:
    assert [row.method for row in report.rows] == list(METHODS)
    for row in report.rows:
        assert len(row.single) == len(row.batch) == 2 and min(*row.single, *row.batch) > 0 and row.build_seconds >= 0


@pytest.mark.parametrize("method", EXACT)
def test_an_exact_search_finds_all(report: SearchReport, method: str) -> None:
    assert report.row(method).recall == 1.0


def test_each_search_gives_the_best_first() -> None:
    scores = QUERIES @ VECTORS.T
    for method in (*EXACT, "binary + float32 rescoring"):
        found = METHODS[method](VECTORS, len(VECTORS)).search(QUERIES, 5)
        assert np.array_equal(found, np.argsort(-scores, axis=1)[:, :5]), method


def test_the_binary_search_is_by_hamming_distance() -> None:
    bits = VECTORS > 0
    distances = ((QUERIES > 0)[:, None, :] != bits[None]).sum(axis=2)
    found = METHODS["binary alone"](VECTORS, 1).search(QUERIES, 7)
    assert np.array_equal(np.take_along_axis(distances, found, axis=1), np.sort(distances, axis=1)[:, :7])


def test_parts_for_several_cores_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = METHODS["binary alone"](VECTORS, 1).search(QUERIES, 9)
    monkeypatch.setattr(search, "BLOCK", 100)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 3)
    parts = METHODS["binary alone"](VECTORS, 1).search(QUERIES, 9)
    bits, asked = VECTORS > 0, QUERIES > 0
    for one, other, query in zip(whole, parts, asked, strict=True):
        assert np.array_equal((bits[one] != query).sum(axis=1), (bits[other] != query).sum(axis=1))
    assert len(np.unique(parts)) > 9 and parts.max() > 2000


def test_rescoring_brings_back_what_bits_lose(report: SearchReport) -> None:
    alone, by_int8, by_float32 = (report.row(name).recall for name in list(METHODS)[-3:])
    assert alone < 0.6 < 0.85 < by_int8 and by_int8 - 0.02 <= by_float32


def test_bytes_are_those_of_the_numbers(report: SearchReport) -> None:
    full = report.row("numpy, exact").bytes
    assert full == VECTORS.nbytes == 32 * report.row("binary alone").bytes
    assert report.row("binary + int8 rescoring").bytes == full // 4 + full // 32
    assert report.row("FAISS int8").bytes - full // 4 == 8 * DIMENSIONS
    assert all(report.row(name).bytes > full for name in ("FAISS IVF", "FAISS HNSW", "usearch HNSW"))


def test_a_report_is_the_same_after_its_file(report: SearchReport, tmp_path: Path) -> None:
    report.write(tmp_path / "report.json")
    assert SearchReport.read(tmp_path / "report.json") == report
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["versions"]["faiss-cpu"]


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", '{"rows": [{"method": "numpy"}]}', '{"rows": 3}'])
def test_another_file_is_no_report(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"path must be a file that SearchReport.write has written, got other.json"):
        SearchReport.read(tmp_path / "other.json")


def row(method: str, milliseconds: float) -> SearchRow:
    return SearchRow(method, 2**20, 0, 0.0, (milliseconds / 1000,) * 3, (milliseconds / 2000,) * 3, 0.5)


def made_report(*rows: SearchRow) -> SearchReport:
    return SearchReport("made up", 10, 8, 4, 10, 20, {"processor": "a slow one"}, {"numpy": "2"}, rows)


def test_the_ratio_is_to_the_fastest_exact_search() -> None:
    report = made_report(row("numpy, exact", 40), row("FAISS flat, exact", 30), row("binary alone", 2))
    assert report.ratio("binary alone") == pytest.approx(15)
    assert report.ratio("binary alone", batch=True) == pytest.approx(15)
    with pytest.raises(ValueError, match="method must be one of"):
        report.ratio("torch, exact")
    with pytest.raises(ValueError, match="compared with an exact search"):
        made_report(row("binary alone", 2)).ratio("binary alone")


def test_the_text_says_machine_and_every_row() -> None:
    text = str(made_report(row("numpy, exact", 40), row("binary alone", 2)))
    assert "a slow one" in text and "made up" in text and "20 candidates" in text
    assert text.splitlines()[-1].split()[:4] == ["binary", "alone", "2.0", "(2.0–2.0)"]


def test_mixed_vectors_are_unit_vectors_near_the_real_ones() -> None:
    mixed = mixed_vectors(VECTORS, 50_001)
    assert mixed.shape == (50_001, DIMENSIONS) and mixed.dtype == np.float32
    assert np.allclose(np.linalg.norm(mixed, axis=1), 1, atol=1e-5)
    assert np.array_equal(mixed[:5], mixed_vectors(VECTORS, 50_001)[:5])
    assert not np.array_equal(mixed[:5], mixed_vectors(VECTORS, 50_001, seed=1)[:5])
    assert (mixed[:200] @ VECTORS.T).max(axis=1).mean() > 0.8 > (QUERIES @ VECTORS.T).max(axis=1).mean()


def test_overlap_is_the_share_of_the_exact_hits() -> None:
    assert overlap([[1, 2, 3], [4, 5, 6]], [[3, 2, 9], [7, 8, 9]]) == pytest.approx(1 / 3)


def test_the_benchmark_writes_what_it_returns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(search, "_made_up_set", lambda n: (VECTORS[:n], QUERIES))
    report = benchmark_search(1000, rounds=1, output=tmp_path / "r.json", methods=["numpy, exact", "binary alone"])
    assert report.vectors == 1000 and SearchReport.read(tmp_path / "r.json") == report and "made up" in report.source


def test_too_little_memory_is_said_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_made_up_set", lambda n: pytest.fail("it ran"))
    with pytest.raises(RuntimeError, match=r"20,000,000 vectors in all indexes need about \d+\.\d GiB"):
        monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 2**30})())
        benchmark_search(20_000_000)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"n": 999}, "n must be"),
        ({"n": True}, "n must be"),
        ({"rounds": 0}, "rounds must be"),
        ({"output": "/no/such/folder/x.json"}, "output must be a file in a folder that exists"),
        ({"output": 3}, "output must be a path"),
        ({"methods": ["numpy"]}, r"methods\[0\] must be one of"),
        ({"methods": "numpy, exact"}, "methods must be a list"),
    ],
)
def test_bad_settings_are_refused_before_anything_runs(arguments: dict[str, Any], named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_made_up_set", lambda n: pytest.fail("it ran"))
    with pytest.raises((TypeError, ValueError), match=named):
        benchmark_search(**arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"queries": QUERIES[:, :32]}, "vectors and queries must have the same dimensions"),
        ({"vectors": VECTORS[:, :60], "queries": QUERIES[:, :60]}, "a multiple of 8, got 60 and 60"),
        ({"k": 0}, "k must be"),
        ({"k": 3001}, "k must be"),
        ({"candidates": 5}, "candidates must be"),
        ({"rounds": 1.5}, "rounds must be"),
        ({"source": None}, "source must be"),
        ({"vectors": np.full((4, 8), np.nan)}, "vectors must be"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises((TypeError, ValueError), match=named):
        compare_searches(**{"vectors": VECTORS, "queries": QUERIES, **arguments})


@settings(max_examples=50)
@given(odd=ANYTHING)
def test_what_is_no_matrix_is_refused_by_name(odd: object) -> None:
    for call, named in ((lambda: compare_searches(odd, QUERIES), "vectors"), (lambda: overlap(odd, [[1]]), "found")):
        with pytest.raises((TypeError, ValueError), match=named):
            call()
