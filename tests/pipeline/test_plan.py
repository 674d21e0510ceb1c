"""The plan on paper, against sums made by hand."""

from dataclasses import replace
from typing import Any

import pytest

from helpers.benchmark import Report
from helpers.course.registry import REPOSITORY
from helpers.pipeline import Plan

BILLION = 1_000_000_000
# 10**9 documents of 100 tokens at 100,000 tokens a second: 10**6 seconds
PLAIN: dict[str, Any] = {"documents": BILLION, "tokens_a_document": 100, "tokens_a_second": 100_000, "efficiency": 1.0, "index_share": 0.0}


def test_a_billion_documents_by_hand() -> None:
    plan = Plan(**PLAIN, price_an_hour=3.6, machines=10, dimension=384)
    assert plan.machine_hours == pytest.approx(1e6 / 3600)
    assert plan.hours == pytest.approx(1e5 / 3600)
    assert plan.money == pytest.approx(1000)
    assert plan.vector_bytes == BILLION * 384 * 4
    assert plan.machines_for(24) == 12


def test_more_machines_are_sooner_and_not_cheaper() -> None:
    one, ten = Plan(**PLAIN, price_an_hour=2), Plan(**PLAIN, price_an_hour=2, machines=10)
    assert one.hours == pytest.approx(10 * ten.hours) and one.money == ten.money


@pytest.mark.parametrize(("precision", "each"), [("float32", 4 * 384), ("float16", 2 * 384), ("int8", 384), ("binary", 48)])
def test_the_bytes_of_each_precision(precision: str, each: int) -> None:
    assert Plan(**PLAIN, precision=precision).vector_bytes == BILLION * each


def test_what_is_stored_counts_texts_index_and_copies() -> None:
    plan = Plan(**(PLAIN | {"index_share": 0.5}), text_bytes_a_document=500, copies=2, price_a_gib_month=0.02)
    assert plan.stored_bytes == 2 * BILLION * (384 * 4 * 1.5 + 500)
    assert plan.money_a_month == pytest.approx(plan.stored_bytes / 2**30 * 0.02)


def test_every_assumption_and_every_result_is_said() -> None:
    said = str(Plan(**PLAIN, price_an_hour=3.6, machines=10, text_bytes_a_document=500, price_a_gib_month=0.02, currency="EUR"))
    for words in ("1,000,000,000", "100,000, of which 100%", "10, each 3.60 EUR an hour", "384 x float32", "500 bytes a document"):
        assert words in said
    for words in ("27.78 (1.16 days)", "machine-hours               278", "1,000.00 EUR", "1,430.5 GiB"):
        assert words in said


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"documents": 0}, "documents must be a whole number of at least 1, got int 0"),
        ({"tokens_a_second": 0}, "tokens_a_second must be a number above 0, got int 0"),
        ({"efficiency": 0}, "efficiency must be a number above 0, at most 1, got int 0"),
        ({"efficiency": 2}, "efficiency must be"),
        ({"precision": "int4"}, "precision must be one of"),
        ({"price_an_hour": -1}, "price_an_hour must be"),
        ({"machines": 1.5}, "machines must be"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        Plan(**(PLAIN | wrong))


def test_no_hours_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="hours must be a number above 0, got int 0"):
        Plan(**PLAIN).machines_for(0)


@pytest.fixture(scope="module")
def recorded() -> Report:
    return Report.read(REPOSITORY / "notebooks" / "measured" / "models_cpu.json")


def test_a_measured_rate_is_taken_as_it_is_and_said(recorded: Report) -> None:
    [row] = recorded.find(model="all-MiniLM-L6-v2", backend="torch fp32", batch_size=32, length=128)
    plan = Plan.measured(row, documents=BILLION, tokens_a_document=128, efficiency=1.0, machines=10)
    seconds = sorted(sum(batches) for batches in row.seconds)[len(row.seconds) // 2]
    assert plan.machine_hours == pytest.approx(BILLION * 128 / row.tokens * seconds / 3600)
    assert "this rate is                all-MiniLM-L6-v2, torch fp32 on cpu, batches of 32 texts of 128 tokens" in str(plan)
    assert "this rate is                an assumption" in str(Plan(**PLAIN))
    assert "texts of several lengths" in Plan.measured(replace(row, length="own"), documents=1, tokens_a_document=1).rate_from


def test_every_recorded_row_can_feed_a_plan_and_weights_that_are_not_real_are_said(recorded: Report) -> None:
    plans = [Plan.measured(row, documents=1, tokens_a_document=100) for row in recorded.rows]
    assert [plan.tokens_a_second for plan in plans] == [row.tokens_per_second for row in recorded.rows]
    assert any("bge-m3 (random weights)" in plan.rate_from for plan in plans)


def test_what_is_no_row_is_refused_and_a_rate_beside_a_row_too(recorded: Report) -> None:
    for wrong in (recorded, 5_000, None, {"tokens_per_second": 5_000}):
        with pytest.raises(TypeError, match="row must be a row of a benchmark's report, got"):
            Plan.measured(wrong, documents=1, tokens_a_document=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="tokens_a_second"):
        Plan.measured(recorded.rows[0], documents=1, tokens_a_document=1, tokens_a_second=5_000)
    with pytest.raises(TypeError, match="documents"):
        Plan.measured(recorded.rows[0], tokens_a_document=1)
