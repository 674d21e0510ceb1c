"""The benchmark of models, on a model of one small layer: what runs, in which order, what is refused, and what an interruption leaves."""

import gc
import importlib.util
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from helpers import backends, corpus, hub, standins
from helpers.__main__ import BACKENDS as SPOKEN_BACKENDS
from helpers.__main__ import main
from helpers.benchmark import Report, Stopped, benchmark_models, contenders, devices, models, quality, roofline
from tests.test_arguments import ANYTHING
from tests.test_benchmark import FakeDevice

NAME = "BAAI/bge-small-en-v1.5"
QUICK: dict[str, Any] = {"rounds": 2, "round_seconds": 0, "memory": False, "lengths": [16], "batch_sizes": [2]}
TEXTS = ["short", "a text that is somewhat longer", "the third of four", "and one more"]


@pytest.fixture(autouse=True)
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small matrices, few texts to choose from and to judge by, and no search of all objects for garbage."""
    pairs, queries = corpus.graded_pairs()[::3], corpus.queries()[:10]
    monkeypatch.setattr(corpus, "graded_pairs", lambda: pairs)
    monkeypatch.setattr(corpus, "queries", lambda: queries)
    monkeypatch.setattr(gc, "collect", lambda: 0)
    monkeypatch.setattr(models, "MOST_BATCHES", 4)
    monkeypatch.setattr(roofline, "CPU_SIZE", 64)
    monkeypatch.setattr(roofline, "ACCELERATOR_SIZE", 64)


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a stand-in."""
    hub.activate(verify=False)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    standins.build(NAME, folder)
    return str(folder)


@pytest.fixture(scope="module")
def own(stand_in: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model of the reader's own: the same, but it doesn't say that it is a stand-in."""
    folder = tmp_path_factory.mktemp("models") / "mine"
    standins.build(NAME, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del config[standins.CONFIG_KEY]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)


# What runs


def test_every_configuration_has_a_row(stand_in: str) -> None:
    options = QUICK | {"lengths": [16, 40], "batch_sizes": [1, 3], "backends": ["torch fp32", "torch-bf16"]}
    report = benchmark_models([stand_in], **options)
    found = [(row.backend, row.length, row.batch_size) for row in report.rows]
    assert found == [(backend, length, size) for backend in ("torch fp32", "torch bf16") for length in (16, 40) for size in (1, 3)]
    for row in report.rows:
        assert (row.texts, row.tokens) == (row.batch_size, row.batch_size * int(row.length)), "exactly so many tokens, one batch a round"
        assert len(row.seconds) == len(row.rates) == 2 and min(row.latencies) > 0 and row.p50 <= row.p95
        assert row.operations and row.share and row.quality is None and row.weights == "STAND-IN"
    [half], [whole] = ({row.model_bytes for row in report.find(backend=name)} for name in ("torch bf16", "torch fp32"))
    assert half < whole
    assert "threads" in report.machine and "torch" in report.versions
    assert any("STAND-IN" in note for note in report.notes) and "tiny (STAND-IN)" in str(report)


def test_rounds_are_interleaved_and_limits_measured_in_each(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    encode, multiplication = contenders.encode, roofline.multiplication

    def note_texts(encoder: Any, texts: list[str]) -> Any:
        ran.append(str(len(texts)))
        return encode(encoder, texts)

    def note_matmul(dtype: str, device: str = "cpu") -> tuple[Callable[[], object], float]:
        return lambda: ran.append("m"), multiplication(dtype, device)[1]

    monkeypatch.setattr(contenders, "encode", note_texts)
    monkeypatch.setattr(roofline, "multiplication", note_matmul)
    benchmark_models([stand_in], **QUICK | {"batch_sizes": [1, 2], "rounds": 3})
    assert "".join(ran) == "1122" + "mmm12" * 3, "warm-up twice each, then in each round the limit and every configuration"


def test_a_quick_configuration_runs_several_batches_a_round_of_different_texts(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr(contenders, "encode", lambda encoder, texts: seen.append(tuple(texts)))
    [row] = benchmark_models([stand_in], **QUICK | {"round_seconds": 1.0}).rows
    assert len(row.seconds[0]) == 4 and row.texts == 8 and len(row.latencies) == 8
    assert seen[2:6] == seen[6:10] and len(set(seen[2:6])) == 4, "the same work in each round"


def test_own_texts_stay_as_they_are_unless_a_length_is_given(stand_in: str) -> None:
    options = {key: value for key, value in QUICK.items() if key != "lengths"}
    [row] = benchmark_models([stand_in], texts=TEXTS, **options).rows
    assert row.length == "own" and row.tokens < 2 * 40
    [row] = benchmark_models([stand_in], texts=TEXTS, lengths=[33], **options).rows
    assert row.length == 33 and row.tokens == 66


def test_real_weights_have_quality_and_fp32_agrees_with_itself(own: str) -> None:
    [fp32, bf16] = benchmark_models([own], backends=["torch fp32", "torch bf16"], texts=TEXTS, **QUICK).rows
    assert fp32.weights == bf16.weights == "real" and fp32.quality and bf16.quality
    assert fp32.quality.mean_cosine == pytest.approx(1, abs=1e-5)
    assert 0.9 < bf16.quality.lowest_cosine <= bf16.quality.mean_cosine < 1
    assert benchmark_models([own], quality=False, **QUICK).rows[0].quality is None


def test_quality_sees_worse_vectors(own: str) -> None:
    class Worse:
        def __init__(self, noise: float) -> None:
            self.noise, self.numbers = noise, np.random.default_rng(0)
            self.model = contenders.load_torch(contenders.find_model(own))

        def encode(self, texts: list[str], **options: Any) -> Any:
            vectors = self.model.encode(texts, show_progress_bar=False)
            return vectors + self.noise * self.numbers.standard_normal(vectors.shape)

        encode_query = encode_document = encode

    reference = quality.unit_vectors(Worse(0), TEXTS)
    good, bad = (quality.measure_quality(Worse(noise), TEXTS, reference) for noise in (0, 0.2))
    assert good.mean_cosine == pytest.approx(1) and bad.mean_cosine < 0.9
    assert bad.spearman < good.spearman and bad.recall_at_10 < good.recall_at_10


def test_random_weights_stand_for_a_model_that_is_not_at_hand() -> None:
    found = contenders.find_model("bge-m3")
    assert found.weights == "random weights" and found.label == "bge-m3 (random weights)"
    assert contenders.find_model("all-minilm-l6-v2") == contenders.Model("all-MiniLM-L6-v2", hub.MODEL, "real")


def test_online_every_model_of_the_catalog_is_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "is_online", lambda: True)
    assert contenders.find_model("bge-m3") == contenders.Model("bge-m3", "BAAI/bge-m3", "real")
    assert contenders.find_model("somebody/model").weights == "real"


def test_an_exported_model_runs_and_its_files_are_its_size(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The export itself has tests of its own: here a model of torch stands in for what it would load."""
    exported: list[tuple[str, str, bool]] = []
    real = inspect.signature(backends.export)

    def export(model: Any, folder: Path, *, format: str, precision: str, texts: list[str] | None = None) -> Path:
        real.bind(model, folder, format=format, precision=precision, texts=texts)
        exported.append((format, precision, texts is not None))
        folder.mkdir()
        (folder / "model.onnx").write_bytes(bytes(1000))
        (folder / "tokenizer.json").write_bytes(bytes(50))
        return folder

    monkeypatch.setattr(backends, "export", export)
    monkeypatch.setattr(backends, "load", lambda folder: contenders.load_torch(contenders.find_model(stand_in)))
    report = benchmark_models([stand_in], backends=["onnx fp32", "openvino int8"], **QUICK)
    known = [(format, precision) for format, names in backends.PRECISIONS.items() for precision in names]
    assert [(one.format, one.precision) for one in contenders.BACKENDS.values() if one.format != "torch"] == known
    assert exported == [("onnx", "fp32", False), ("openvino", "int8", True)], "int8 of OpenVINO is calibrated"
    assert [row.model_bytes for row in report.rows] == [1000, 1000] and all(row.share for row in report.rows)


def test_an_export_that_fails_is_left_out_with_its_reason(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def export(*_: Any, **__: Any) -> None:
        raise RuntimeError("The graph disagrees.")

    monkeypatch.setattr(backends, "export", export)
    report = benchmark_models([stand_in], backends=["onnx fp32", "torch fp32"], **QUICK)
    assert [row.backend for row in report.rows] == ["torch fp32"]
    assert "onnx fp32 of tiny (STAND-IN) was left out: The graph disagrees." in report.notes
    with pytest.raises(ValueError, match="backends: none could be prepared"):
        benchmark_models([stand_in], backends=["onnx fp32"], **QUICK)


def test_models_that_memory_does_not_hold_together_run_in_groups(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    load, release = contenders.load, contenders.release

    def note_load(contender: Any, exported: Any = None) -> Any:
        happened.append(contender.backend.name)
        return load(contender, exported)

    def note_release(device: str) -> None:
        happened.append("released")
        release(device)

    monkeypatch.setattr(contenders, "load", note_load)
    monkeypatch.setattr(contenders, "release", note_release)
    monkeypatch.setattr(devices, "free_bytes", lambda device: 2**20)
    report = benchmark_models([stand_in], backends=["torch fp32", "torch bf16"], **QUICK)
    assert [row.group for row in report.rows] == [1, 2]
    assert happened == ["released", "torch fp32", "released", "torch bf16", "released"], "the first is gone when the second comes"
    assert any("2 groups" in note for note in report.notes)


def test_peak_memory_is_that_of_a_fresh_process_with_the_largest_batch(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    programs: list[str] = []

    def peak(program: str, *, device: str) -> int:
        programs.append(program)
        exec(program)  # the same code, in this process
        return 123

    monkeypatch.setattr(models, "peak_memory", peak)
    encoded: list[int] = []
    monkeypatch.setattr(contenders, "encode", lambda encoder, texts: encoded.append(len(texts)))
    report = benchmark_models([stand_in], **QUICK | {"memory": True, "batch_sizes": [1, 4, 2]})
    assert {row.batch_size: row.peak_bytes for row in report.rows} == {1: None, 4: 123, 2: None}
    assert len(programs) == 1 and encoded[-1] == 4


def test_memory_that_cannot_be_measured_is_a_note(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def peak(program: str, *, device: str) -> int:
        raise RuntimeError("The code ended with status 137: killed")

    monkeypatch.setattr(models, "peak_memory", peak)
    report = benchmark_models([stand_in], **QUICK | {"memory": True})
    assert any("was not measured: The code ended with status 137" in note for note in report.notes)


# Other devices


@pytest.fixture
def fake_gpu(monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    """A machine with an accelerator: what is loaded onto it lies on the cpu."""
    fake, load = FakeDevice(), contenders.load_torch

    def load_onto(model: Any, dtype: str = "float32", device: str = "cpu", attention: str | None = None) -> Any:
        fake.asked.append(f"load onto {device}")
        return load(model, dtype)

    monkeypatch.setattr(devices, "_module", lambda kind: fake)
    monkeypatch.setattr(contenders, "load_torch", load_onto)
    monkeypatch.setattr(roofline, "_matrix", lambda size, dtype, device: np.zeros((size, size)))
    monkeypatch.setattr("torch.matmul", np.matmul)
    return fake


def test_an_accelerator_has_rows_of_its_own_and_is_waited_for(stand_in: str, fake_gpu: FakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = contenders.encode

    def note(encoder: Any, texts: list[str]) -> Any:
        fake_gpu.asked.append("encode")
        return encode(encoder, texts)

    monkeypatch.setattr(contenders, "encode", note)
    report = benchmark_models([stand_in], devices=["cuda"], backends=["torch fp32"], **QUICK)
    assert report.machine["cuda"].startswith("Fake 9000, 8 GiB, float32 matmul precision") and [row.device for row in report.rows] == [
        "cuda"
    ]
    assert fake_gpu.asked.count("load onto cuda") == 2 and "load onto cpu" not in fake_gpu.asked
    asked = [one for one in fake_gpu.asked if one != "empty_cache"]
    places = [index for index, one in enumerate(asked) if one == "encode"]
    assert len(places) == 4 and all(asked[place - 1] == asked[place + 1] == "synchronize cuda" for place in places)


def test_a_backend_that_only_one_of_the_devices_has_is_left_out_on_the_other(fake_gpu: FakeDevice) -> None:
    model = contenders.Model("m", "m", "real")
    ways = [contenders.find_backend(name) for name in ("torch fp32", "onnx fp32")]
    found, left_out = contenders.pair([model], ways, ["cpu", "cuda"])
    assert [(one.backend.name, one.device) for one in found] == [("torch fp32", "cpu"), ("torch fp32", "cuda"), ("onnx fp32", "cpu")]
    assert left_out == ["onnx fp32 was left out on cuda: it runs on the cpu alone here."]


@pytest.mark.parametrize(
    ("backend", "device", "missing", "said"),
    [
        ("openvino bf16", "cuda", "", "'openvino bf16' runs on the cpu alone"),
        ("flash attention", "cpu", "", "needs an NVIDIA GPU"),
        ("flash attention", "mps", "", "needs an NVIDIA GPU"),
        ("flash attention", "cuda", "flash_attn kernels", "needs the package flash-attn or kernels"),
        ("torch compiled", "cuda", "triton", "needs the package triton"),
    ],
)
def test_what_cannot_run_is_refused_in_a_sentence(
    backend: str, device: str, missing: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing.split() else object())
    with pytest.raises(ValueError, match=said) as caught:
        contenders.pair([contenders.Model("m", "m", "real")], [contenders.BACKENDS[backend]], [device])
    assert str(caught.value).startswith("backends:") and "\n" not in str(caught.value)


def test_flash_attention_is_asked_of_the_library_where_it_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Any] = []

    def load(path: str, **options: Any) -> FakeModel:
        loaded.append(options)
        return FakeModel()

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name == "kernels" else None)
    monkeypatch.setattr("sentence_transformers.SentenceTransformer", load)
    backend = contenders.BACKENDS["flash attention"]
    assert contenders.why_not(backend, "cuda") is None
    contenders.load(contenders.Contender(contenders.Model("m", "folder", "real"), backend, "cuda"))
    assert loaded == [{"device": "cuda", "model_kwargs": {"dtype": "bfloat16", "attn_implementation": "flash_attention_2"}}]


class FakeModel:
    def eval(self) -> "FakeModel":
        return self


def test_compiling_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import cpp_builder, exc

    def none() -> str:
        raise exc.InvalidCxxCompiler

    backend = contenders.BACKENDS["torch compiled"]
    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", lambda: "g++")
    assert contenders.why_not(backend, "cpu") is None
    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    assert "C++ compiler" in str(contenders.why_not(backend, "cpu"))


def test_the_compiled_model_is_compiled(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    compiled: list[str] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **_: compiled.append(type(self).__name__))
    contenders.load(contenders.Contender(contenders.find_model(stand_in), contenders.BACKENDS["torch compiled"], "cpu"))
    assert compiled == ["BertModel"]


# What is refused


def test_a_missing_package_is_said_before_anything_runs(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nncf" else object())
    with pytest.raises(ValueError, match=r"backends\[0\]: 'openvino int8' needs the package nncf, .* pip install nncf"):
        benchmark_models([stand_in], backends=["openvino int8"], **QUICK)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"models": "all-MiniLM-L6-v2"}, "models must be a list"),
    ({"models": []}, "models must be a list of at least one"),
    ({"models": ["all-MiniML-L6-v2"]}, r"models\[0\]: .*Did you mean sentence-transformers/all-MiniLM-L6-v2"),
    ({"models": ["no/such-model"]}, r"models\[0\]"),
    ({"models": ["intfloat/e5-large-v2"]}, "its weights are not here"),
    ({"models": ["naver/splade-cocondenser-ensembledistil"]}, r"models\[0\]"),
    ({"models": [3]}, r"models\[0\] must be a string"),
    ({"backends": ["torch fp64"]}, r"backends\[0\] must be one of 'torch fp32'"),
    ({"backends": ["torch fp32", None]}, r"backends\[1\] must be one of"),
    ({"backends": "torch fp32"}, "backends must be a list"),
    ({"batch_sizes": [0]}, r"batch_sizes\[0\] must be a whole number of at least 1"),
    ({"batch_sizes": [1, 2.5]}, r"batch_sizes\[1\] must be a whole number"),
    ({"batch_sizes": 32}, "batch_sizes must be a list"),
    ({"lengths": [0]}, r"lengths\[0\] must be a whole number"),
    ({"lengths": [2]}, "lengths: .* at least 3 tokens"),
    ({"lengths": [513]}, "lengths must be at most 512 for tiny, which cuts longer texts off, got 513"),
    ({"lengths": ["own"]}, r"lengths\[0\] must be a number of tokens"),
    ({"lengths": ["long"], "texts": ["a"]}, r"lengths\[0\] must be a number of tokens"),
    ({"devices": ["gpu"]}, r"devices\[0\] must be 'cpu'"),
    ({"devices": ["cuda:99"]}, r"devices\[0\] must be a device of this machine"),
    ({"devices": []}, "devices must be a list"),
    ({"texts": "a text"}, "texts must be a list"),
    ({"texts": []}, "texts must be a list"),
    ({"texts": [" ", ""]}, "texts must be a list with at least one text"),
    ({"texts": ["a", 1]}, r"texts\[1\] must be a string"),
    ({"rounds": 0}, "rounds must be a whole number of at least 1"),
    ({"round_seconds": -1}, "round_seconds must be a finite number"),
    ({"round_seconds": float("nan")}, "round_seconds must be a finite number"),
    ({"memory": 1}, "memory must be True or False"),
    ({"quality": "yes"}, "quality must be True or False"),
]


@pytest.mark.parametrize(("bad", "said"), BAD, ids=lambda value: str(value)[:40])
def test_bad_arguments_are_refused_before_anything_is_timed(
    bad: dict[str, Any], said: str, stand_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "measure", lambda *_, **__: pytest.fail("it was timed"))
    with pytest.raises((TypeError, ValueError), match=said) as caught:
        benchmark_models(**{"models": [stand_in], **QUICK, **bad})
    assert "\n" not in str(caught.value)


@settings(max_examples=30)
@given(anything=ANYTHING)
def test_nothing_else_is_taken_for_models(anything: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="models"):
        benchmark_models(anything)


def test_a_folder_with_a_broken_model_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[", encoding="utf-8")
    with pytest.raises(ValueError, match=r"models: .* can't be loaded as a SentenceTransformer: ") as caught:
        benchmark_models([str(tmp_path)], **QUICK)
    assert "\n" not in str(caught.value)


# What an interruption leaves


def interrupt_after(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    encode, count = contenders.encode, 0

    def counted(encoder: Any, texts: list[str]) -> Any:
        nonlocal count
        count += 1
        if count > batches:
            raise KeyboardInterrupt
        return encode(encoder, texts)

    monkeypatch.setattr(contenders, "encode", counted)


def test_ctrl_c_keeps_the_rounds_that_are_complete(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(4 + 2 * 2 + 1, monkeypatch)  # warm-up of two configurations, two rounds, half of the third
    with pytest.raises(Stopped) as caught:
        benchmark_models([stand_in], **QUICK | {"rounds": 5, "batch_sizes": [1, 2]})
    assert caught.value.report.rounds == 2
    assert [len(row.seconds) for row in caught.value.report.rows] == [2, 2] and [len(row.rates) for row in caught.value.report.rows] == [
        2,
        2,
    ]
    assert any("Ctrl-C stopped it, of 5 rounds" in note for note in caught.value.report.notes)


@pytest.mark.parametrize("batches", [0, 3, 5])
def test_ctrl_c_before_a_round_is_complete_has_nothing_to_show(batches: int, stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(batches, monkeypatch)
    with pytest.raises(KeyboardInterrupt) as caught:
        benchmark_models([stand_in], **QUICK | {"batch_sizes": [1, 2]})
    assert not isinstance(caught.value, Stopped)


# The command line


def test_the_command_line_prints_tables_and_writes_json_and_a_picture(
    stand_in: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    words = [
        "benchmark",
        stand_in,
        "--backends",
        "torch-fp32",
        "torch-bf16",
        "--batch-sizes",
        "1",
        "--lengths",
        "own",
        "16",
        "--rounds",
        "1",
    ]
    files = ["--texts", str(tmp_path / "texts.txt"), "--output", str(tmp_path / "a.json"), "--plot", str(tmp_path / "a.png")]
    assert main([*words, *files, "--no-memory", "--no-quality"]) == 0
    read = Report.read(tmp_path / "a.json")
    assert [(row.backend, row.length) for row in read.rows] == [(b, n) for b in ("torch fp32", "torch bf16") for n in ("own", 16)]
    assert str(read).strip() in capsys.readouterr().out and (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_run_is_added_to_the_report_of_the_first(stand_in: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.json"
    words = ["benchmark", stand_in, "--lengths", "16", "--rounds", "1", "--no-memory", "--output", str(path), "--add", "--batch-sizes"]
    assert main([*words, "1"]) == main([*words, "2"]) == 0
    assert [(row.batch_size, row.group) for row in Report.read(path).rows] == [(1, 1), (2, 2)]
    changed = json.loads(path.read_text(encoding="utf-8"))
    changed["versions"]["torch"] = "1.0"
    path.write_text(json.dumps(changed), encoding="utf-8")
    assert main([*words, "4"]) == 1 and "output must be a report of the versions that are installed" in capsys.readouterr().err


def test_ctrl_c_on_the_command_line_prints_and_writes_what_is_complete(
    stand_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_after(3, monkeypatch)
    words = ["benchmark", stand_in, "--batch-sizes", "1", "--lengths", "16", "--no-memory", "--output", str(tmp_path / "a.json")]
    monkeypatch.setattr(models, "MOST_BATCHES", 1)
    assert main(words) == 130
    assert "Ctrl-C stopped it" in capsys.readouterr().out and len(Report.read(tmp_path / "a.json").rows[0].seconds) == 1


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["no-such-model"], 1, "name of a model in the catalog"),
        (["--backends", "magic"], 1, "must be one of 'torch fp32'"),
        (["--batch-sizes", "many"], 2, "invalid int value: 'many'"),
        (["--batch-sizes", "0"], 1, "batch_sizes[0] must be a whole number"),
        (["--lengths", "long"], 2, "invalid"),
        (["--lengths", "own"], 1, "lengths[0] must be a number of tokens"),
        (["--devices", "tpu"], 1, "devices[0] must be 'cpu'"),
        (["--rounds", "0"], 1, "rounds must be a whole number of at least 1"),
        (["--texts", "no-such-file.txt"], 1, "texts must be a text file that can be read"),
        (["--output", "README.md"], 1, "output must be a new file or an older report"),
        (["--output", "no/such/folder.json"], 1, "output must be a file in a folder that exists"),
        (["--add"], 1, "add must come with output"),
        (["--plot", "picture.doc"], 1, "plot must be a file"),
        (["--rounds"], 2, "expected one argument"),
        (["--speed"], 2, "unrecognized arguments: --speed"),
    ],
)
def test_bad_words_are_refused(words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        found = main(["benchmark", *words])
    except SystemExit as ended:
        found = int(ended.code or 0)
    shown = capsys.readouterr()
    assert found == status and said in shown.err and not shown.out


def test_the_command_line_names_every_backend() -> None:
    assert [name.replace("-", " ") for name in SPOKEN_BACKENDS] == list(contenders.BACKENDS)
