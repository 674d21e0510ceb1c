"""The package helpers.benchmark as a whole, its devices and its texts, and the server that the course's own times need."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import benchmark, hub
from helpers.benchmark import devices, workload


def test_a_server_that_ends_before_it_answers_is_an_error() -> None:
    dead = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    dead.wait()
    with pytest.raises(RuntimeError, match="ended with status 3"):
        benchmark.wait_until_it_answers(f"http://127.0.0.1:{benchmark.free_port()}", dead)


def test_everything_that_is_promised_is_there() -> None:
    assert not [name for name in benchmark.__all__ if not hasattr(benchmark, name)]


# Devices


class FakeDevice(SimpleNamespace):
    """What torch offers for an accelerator, with a list of what was asked of it."""

    def __init__(self, count: int = 1) -> None:
        super().__init__(asked=[], device_count=lambda: count, mem_get_info=lambda device: (3 * 2**30, 4 * 2**30))

    def synchronize(self, device: str = "") -> None:
        self.asked.append(f"synchronize {device}".strip())

    def empty_cache(self) -> None:
        self.asked.append("empty_cache")

    def get_device_properties(self, device: str) -> Any:
        return SimpleNamespace(name="Fake 9000", total_memory=8 * 2**30)


@pytest.fixture
def fake_device(monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    fake = FakeDevice()
    monkeypatch.setattr(devices, "_module", lambda kind: fake)
    return fake


@pytest.mark.parametrize(("device", "asked"), [("cuda", "synchronize cuda"), ("cuda:0", "synchronize cuda:0"), ("mps", "synchronize")])
def test_an_accelerator_is_waited_for(fake_device: FakeDevice, device: str, asked: str) -> None:
    devices.synchronize(device)
    assert fake_device.asked == [asked]


def test_nothing_waits_for_the_cpu(fake_device: FakeDevice) -> None:
    devices.synchronize("cpu")
    devices.empty_cache("cpu")
    assert not fake_device.asked


def test_what_is_known_of_an_accelerator(fake_device: FakeDevice) -> None:
    assert devices.describe_device("cuda") == "Fake 9000, 8 GiB" and devices.free_bytes("cuda") == 3 * 2**30
    assert devices.checked_device("cuda:0") == "cuda:0"


def test_a_device_that_is_not_there_is_refused(fake_device: FakeDevice) -> None:
    with pytest.raises(ValueError, match="device must be a device of this machine, got 'cuda:1': torch finds 1 of the kind cuda"):
        devices.checked_device("cuda:1")


@given(device=st.text())
def test_another_word_is_no_device(device: str) -> None:
    if device != "cpu":
        with pytest.raises(ValueError, match="must be"):
            devices.checked_device(device)


# Texts


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    hub.activate(verify=False)
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(hub.model_folder())


SOURCES = ["Compute the arithmetic mean along an axis.", "Naïve Bayes, unsupercalifragilistic!", "numpy.linalg.svd: a = u s vh"]


@settings(max_examples=25)
@given(length=st.integers(3, 140), sources=st.lists(st.sampled_from(SOURCES), min_size=1))
def test_texts_have_exactly_the_tokens_asked_for(tokenizer: Any, length: int, sources: list[str]) -> None:
    texts = workload.of_length(tokenizer, sources, length, 3)
    assert [len(tokenizer(text)["input_ids"]) for text in texts] == [length] * 3
    words = {word for source in sources for word in source.split()} | set(workload.FILLERS)
    assert {word for text in texts for word in text.split()} <= words


def test_texts_go_on_where_the_one_before_ended(tokenizer: Any) -> None:
    words = [f"w{number}" for number in range(200)]
    texts = workload.of_length(tokenizer, words, 32, 4)
    found = [word for text in texts for word in text.split() if word in words]
    assert found == words[: len(found)] and len(found) > 30


@pytest.mark.parametrize("length", [0, 1, 2, -5])
def test_a_length_without_room_for_a_word_is_refused(tokenizer: Any, length: int) -> None:
    with pytest.raises(ValueError, match="length must be"):
        workload.of_length(tokenizer, SOURCES, length, 1)


def test_batches_are_spread_over_the_texts_and_count_their_tokens(tokenizer: Any) -> None:
    texts = [" ".join(["word"] * count) for count in range(1, 101)]
    first, second = workload.batches(tokenizer, texts, batch_size=5, count=2)
    assert [len(text.split()) for text in first.texts + second.texts] == list(range(1, 101, 10))
    assert first.tokens == 1 + 11 + 21 + 31 + 41 + 5 * 2 and first.longest == 41 + 2 and second.longest == 91 + 2


def test_few_texts_are_repeated_and_long_ones_count_as_cut(tokenizer: Any) -> None:
    [batch] = workload.batches(tokenizer, ["a", "b " * 5000], batch_size=3, count=1)
    assert batch.texts == ("a", "b " * 5000, "a") and batch.longest == tokenizer.model_max_length


def test_a_file_of_texts_is_read(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_bytes("\ufeffGrüße\r\n\n  zwei \n".encode())
    assert workload.read_texts(tmp_path / "texts.txt") == ["Grüße", "zwei"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a text on at least one line"),
        (b" \n\n\t", "a text on at least one line"),
        (b"\x89PNG\r\n\x1a\n\xff", "in UTF-8"),
        (b"text\0text", "null characters"),
        (None, "No such file"),
    ],
)
def test_a_file_that_holds_no_texts_is_refused(content: bytes | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "texts.txt").write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        workload.read_texts(tmp_path / "texts.txt")
    assert "\n" not in str(caught.value) and str(caught.value).startswith("texts must be")


def test_a_folder_is_no_file_of_texts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="texts must be a text file that can be read"):
        workload.read_texts(tmp_path)


@given(number=st.floats(0, 1e12))
def test_numbers_are_shown_with_about_three_digits(number: float) -> None:
    from helpers.benchmark.report import short

    assert float(short(number).replace(",", "")) == pytest.approx(number, rel=0.006, abs=0.0006)
