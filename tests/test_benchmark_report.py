"""A report: its figures, tables, JSON and picture."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.benchmark import Report, Row
from helpers.benchmark.quality import Quality
from tests.test_arguments import ANYTHING

ROW = Row(
    model="all-MiniLM-L6-v2",
    weights="real",
    backend="torch fp32",
    device="cpu",
    batch_size=4,
    length=128,
    texts=8,
    tokens=1024,
    operations=1e9,
    seconds=((1.0, 3.0), (0.5, 0.5), (1.0, 1.0)),
    rates=(1e9, 4e9, 1e9),
    model_bytes=90 * 2**20,
    parameters=22_713_216,
    peak_bytes=500 * 2**20,
    quality=Quality(1.0, 0.999, 0.88, 0.75),
)
RANDOM = dataclasses.replace(
    ROW,
    model="bge-m3",
    weights="random weights",
    backend="openvino int8",
    batch_size=8,
    seconds=((4.0,),) * 3,
    peak_bytes=None,
    quality=None,
)


def report(*rows: Row) -> Report:
    return Report({"processor": "a processor"}, {"torch": "2.13.0"}, 3, rows, ("A note.",))


def cells(table: Any) -> list[dict[str, str]]:
    return [dict(zip(table.headers, row, strict=True)) for row in table.rows]


def test_figures_are_medians_over_the_rounds_and_percentiles_of_the_batches() -> None:
    assert ROW.texts_per_second == 4.0 and ROW.spread == (2.0, 8.0) and ROW.tokens_per_second == 512.0
    assert ROW.latencies == (1.0, 3.0, 0.5, 0.5, 1.0, 1.0)
    assert ROW.p50 == 1.0 and ROW.p95 == 2.5 and ROW.percentile(100) == 3.0


def test_a_share_compares_with_the_rate_of_the_same_round() -> None:
    """By round 1e9/4, 1e9/1 and 1e9/2 operations a second, of 1e9, 4e9 and 1e9: 0.25, 0.25 and 0.5."""
    assert ROW.share == 0.25
    assert dataclasses.replace(ROW, rates=()).share is None and dataclasses.replace(ROW, operations=None).share is None


def test_the_table_says_what_was_measured() -> None:
    first, second = cells(report(ROW, RANDOM).table)
    assert first == {
        "Model": "all-MiniLM-L6-v2",
        "Backend": "torch fp32",
        "Batch": "4",
        "Tokens": "128",
        "Texts/s": "4.00",
        "Spread": "2.00–8.00",
        "Tokens/s": "512",
        "p50 ms": "1,000",
        "p95 ms": "2,500",
        "Of matmul rate": "25%",
    }
    assert second["Model"] == "bge-m3 (random weights)"


def test_quality_stands_beside_speed_and_random_weights_have_none() -> None:
    faster = dataclasses.replace(ROW, batch_size=32, seconds=((0.1,),) * 3, peak_bytes=None)
    first, second = cells(report(ROW, faster, RANDOM).models)
    assert first["Best texts/s"] == "80.0" and first["Peak memory"] == "500 MiB" and first["Size"] == "90 MiB"
    assert (first["Cosine to fp32"], first["Spearman"], first["Recall@10"]) == ("1.000", "0.880", "0.750")
    assert second["Model"] == "bge-m3 (random weights)"
    assert {second[name] for name in ("Cosine to fp32", "Spearman", "Recall@10", "Peak memory")} == {"–"}


def test_devices_show_where_there_are_others_than_the_cpu() -> None:
    on_gpu = dataclasses.replace(ROW, device="cuda")
    assert [row["Device"] for row in cells(report(ROW, on_gpu).table)] == ["cpu", "cuda"]
    assert "Device" not in report(ROW).table.headers


def test_text_names_machine_versions_rates_and_notes() -> None:
    said = str(report(ROW, RANDOM))
    for words in ("processor: a processor", "torch: 2.13.0", "matmul float32 on cpu: 1 billion", "matmul int8 on cpu", "- A note."):
        assert words in said, words


def test_rows_are_found_by_their_values() -> None:
    both = report(ROW, RANDOM)
    assert both.find(model="bge-m3", batch_size=8) == [RANDOM] and both.find(batch_size=5) == [] and both.find() == [ROW, RANDOM]
    with pytest.raises(ValueError, match="must be one of 'model'"):
        both.find(modell="bge-m3")


def test_reports_of_one_machine_are_joined_and_newer_rows_replace_older_ones() -> None:
    newer = dataclasses.replace(ROW, seconds=((9.0,),))
    joined = report(ROW, RANDOM).joined(report(newer, dataclasses.replace(ROW, batch_size=64)))
    assert [(row.model, row.batch_size, row.group) for row in joined.rows] == [
        ("bge-m3", 8, 1),
        ("all-MiniLM-L6-v2", 4, 2),
        ("all-MiniLM-L6-v2", 64, 2),
    ]
    assert joined.find(batch_size=4)[0].seconds == ((9.0,),) and joined.notes[0] == "A note." and "Several runs" in joined.notes[1]


@pytest.mark.parametrize("what", ["machine", "versions"])
def test_reports_of_other_machines_or_versions_are_not_joined(what: str) -> None:
    other: dict[str, Any] = {what: {"processor": "another"}}
    with pytest.raises(ValueError, match=f"other must be a report of the same {what}"):
        report(ROW).joined(dataclasses.replace(report(ROW), **other))


@given(other=ANYTHING)
def test_only_reports_are_joined(other: Any) -> None:
    with pytest.raises(TypeError, match="other must be a Report"):
        report(ROW).joined(other)


def test_a_report_comes_back_from_json_as_it_was(tmp_path: Path) -> None:
    written = report(ROW, RANDOM, dataclasses.replace(ROW, length="own", operations=None, rates=()))
    written.write(tmp_path / "report.json")
    assert Report.read(tmp_path / "report.json") == written
    first = (tmp_path / "report.json").read_bytes()
    Report.read(tmp_path / "report.json").write(tmp_path / "report.json")
    assert (tmp_path / "report.json").read_bytes() == first and [path.name for path in tmp_path.iterdir()] == ["report.json"]


@settings(max_examples=40)
@given(seconds=st.lists(st.lists(st.floats(1e-6, 1e4), min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_times_come_back_and_stay_in_order(seconds: list[list[float]], tmp_path_factory: pytest.TempPathFactory) -> None:
    row = dataclasses.replace(ROW, seconds=tuple(map(tuple, seconds)), rates=())
    path = tmp_path_factory.mktemp("report") / "report.json"
    report(row).write(path)
    [read] = Report.read(path).rows
    assert read == row and read.spread[0] <= read.texts_per_second <= read.spread[1]
    assert min(read.latencies) <= read.p50 <= read.p95 <= max(read.latencies)


@pytest.mark.parametrize("content", ["my notes", "{}", "[]", '{"kind": "something else"}', "\udcff"])
def test_another_file_is_neither_read_nor_replaced(content: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="path must be a new file or an older report to replace"):
        report(ROW).write(path)
    with pytest.raises(ValueError, match="path must be"):
        Report.read(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: str, **_: Any) -> None:
        self.touch()
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        report(ROW).write(tmp_path / "report.json")
    assert not list(tmp_path.iterdir())


DAMAGE = {
    "another version": lambda data: data.update(layout=99),
    "no rows": lambda data: data.pop("rows"),
    "an unknown field": lambda data: data["rows"][0].update(color="red"),
    "a missing field": lambda data: data["rows"][0].pop("texts"),
    "a round without batches": lambda data: data["rows"][0].update(seconds=[[]]),
    "a time of nothing": lambda data: data["rows"][0].update(seconds=[[0.0]]),
    "rows that are no rows": lambda data: data.update(rows=[1]),
    "quality that is none": lambda data: data["rows"][0].update(quality={"good": 1}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_report_is_refused(damage: Any, tmp_path: Path) -> None:
    report(ROW).write(tmp_path / "report.json")
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    damage(data)
    (tmp_path / "report.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ValueError, match="path must be a") as caught:
        Report.read(tmp_path / "report.json")
    assert "\n" not in str(caught.value)


def test_missing_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="path must be a file in a folder that exists"):
        report(ROW).write(tmp_path / "nowhere" / "report.json")
    with pytest.raises(ValueError, match="path must be a file that can be read"):
        Report.read(tmp_path / "none.json")


@given(path=ANYTHING)
def test_what_is_no_path_is_refused(path: object) -> None:
    if not isinstance(path, str):
        for use in (report(ROW).write, Report.read):
            with pytest.raises((TypeError, ValueError), match="path must be a"):
                use(path)  # type: ignore[arg-type]


def drawn(*rows: Row) -> Any:
    from matplotlib import pyplot

    figure = report(*rows).plot()
    pyplot.close(figure)
    return [axes for axes in figure.axes if axes.get_visible()]


def test_the_picture_has_a_field_for_each_model_and_a_line_for_each_backend() -> None:
    rows = [
        dataclasses.replace(row, batch_size=size, backend=name)
        for row in (ROW, RANDOM)
        for size in (1, 8)
        for name in ("torch fp32", "onnx int8")
    ]
    fields = drawn(*rows)
    assert [field.get_title() for field in fields] == ["all-MiniLM-L6-v2", "bge-m3 (random weights)"]
    for field in fields:
        lines = {container.get_label(): container[0].get_xydata().tolist() for container in field.containers}
        assert set(lines) == {"torch fp32", "onnx int8"} and all([x for x, _ in line] == [1, 8] for line in lines.values())
    assert lines["onnx int8"] == [[1, 2.0], [8, 2.0]]


def test_with_several_lengths_the_picture_goes_over_them_and_with_one_it_has_bars() -> None:
    [field] = drawn(ROW, dataclasses.replace(ROW, length=32))
    assert field.get_xlabel() == "tokens a text"
    [field] = drawn(ROW, dataclasses.replace(ROW, backend="onnx int8"), dataclasses.replace(ROW, device="cuda"))
    assert [label.get_text() for label in field.get_yticklabels()] == ["torch fp32", "onnx int8", "torch fp32, cuda"]
    assert [bar.get_width() for bar in field.patches] == [4.0] * 3
    assert drawn(ROW, dataclasses.replace(ROW, length="own"))[0].get_xlabel() == "texts a second"
