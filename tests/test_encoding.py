"""What a model reads of a text, chunks, and sizes. The chunks are tried with the model's tokenizer and with three other kinds."""

import itertools
import logging
import os
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from helpers import corpus, encoding, hub
from helpers.encoding.texts import _chunk_spans

LIMIT = 256
SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    hub.activate()
    from sentence_transformers import SentenceTransformer

    yield SentenceTransformer("all-MiniLM-L6-v2", device="cpu")


@pytest.fixture(scope="module")
def tokenizers(model: Any) -> dict[str, Any]:
    """The model's WordPiece tokenizer, and small ones of the kinds that other models use, trained on the passages."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    texts = [passage.text for passage in corpus.passages()]
    alphabet = pre_tokenizers.ByteLevel.alphabet()

    byte_level = Tokenizer(models.BPE())
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_level.decoder = decoders.ByteLevel()
    byte_level.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, special_tokens=["<s>", "</s>"], show_progress=False)
    )
    byte_level.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])

    unigram = Tokenizer(models.Unigram())
    unigram.normalizer = normalizers.NFKC()
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.train_from_iterator(
        texts, trainers.UnigramTrainer(vocab_size=400, unk_token="<unk>", special_tokens=["<unk>", "</s>"], show_progress=False)
    )
    unigram.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])

    # merges may cross from one word into the next
    across_words = Tokenizer(models.BPE(unk_token="<unk>"))
    across_words.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=500, special_tokens=["<unk>"], show_progress=False))

    made = {"byte level": byte_level, "unigram": unigram, "across words": across_words}
    return {"wordpiece": model.tokenizer} | {name: PreTrainedTokenizerFast(tokenizer_object=tokenizer) for name, tokenizer in made.items()}


KINDS = ["wordpiece", "byte level", "unigram", "across words"]


def tokens_of(tokenizer: Any, text: str) -> int:
    return len(tokenizer(text, truncation=False, verbose=False)["input_ids"])


# Truncation


@pytest.mark.parametrize("passage", corpus.passages(), ids=lambda passage: passage.title)
def test_the_kept_text_has_the_vector_of_the_whole_text(model: Any, passage: corpus.Passage) -> None:
    (report,) = encoding.truncation_report(model, [passage.text])
    assert passage.text.startswith(report.kept)
    assert report.limit == LIMIT
    assert report.tokens == tokens_of(model.tokenizer, passage.text)
    assert report.lost == report.tokens - LIMIT > 100
    assert report.share_kept == pytest.approx((LIMIT - 2) / (report.tokens - 2))
    assert passage.answer not in report.kept
    assert np.array_equal(model.encode(report.kept), model.encode(passage.text))
    # and not a token less: without its last word the text has another vector
    assert not np.allclose(model.encode(report.kept.rsplit(maxsplit=1)[0]), model.encode(passage.text), atol=1e-5)


@pytest.mark.parametrize(
    ("words", "tokens", "lost", "kept_words"),
    [(1, 3, 0, 1), (253, 255, 0, 253), (254, 256, 0, 254), (255, 257, 1, 254), (1000, 1002, 746, 254)],
)
def test_truncation_around_the_limit(model: Any, words: int, tokens: int, lost: int, kept_words: int) -> None:
    text = " ".join(["word"] * words)
    (report,) = encoding.truncation_report(model, [text])
    assert (report.tokens, report.lost, len(report.kept.split())) == (tokens, lost, kept_words)
    assert report.share_kept == pytest.approx(kept_words / words)


def test_a_text_that_fits_is_kept_to_the_letter(model: Any) -> None:
    texts = ["", "   ", "  Café au lait \n", "a\u200bb\0c", "😀"]
    reports = encoding.truncation_report(model, texts)
    assert [report.kept for report in reports] == texts
    assert {(report.lost, report.share_kept) for report in reports} == {(0, 1.0)}
    assert [report.tokens for report in reports[:2]] == [2, 2]
    assert encoding.truncation_report(model, []) == []


def test_a_special_token_written_in_the_text_counts_as_text(model: Any) -> None:
    text = "word " * 253 + "[SEP] beyond"
    (report,) = encoding.truncation_report(model, [text])
    assert report.lost == 1
    assert report.kept == "word " * 253 + "[SEP]"


def test_a_prompt_uses_up_tokens(model: Any) -> None:
    text = " ".join(["word"] * 254)
    (report,) = encoding.truncation_report(model, [text], prompt="query: ")
    assert (report.tokens, report.lost, len(report.kept.split())) == (258, 2, 252)
    assert np.array_equal(model.encode(report.kept, prompt="query: "), model.encode(text, prompt="query: "))
    (nothing_left,) = encoding.truncation_report(model, [text], prompt="long " * 300)
    assert (nothing_left.kept, nothing_left.share_kept) == ("", 0.0)
    (empty,) = encoding.truncation_report(model, [""], prompt="long " * 300)
    assert (empty.kept, empty.share_kept) == ("", 1.0)


def test_the_default_prompt_of_a_model_counts(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(["word"] * 254)
    monkeypatch.setattr(model, "prompts", {"query": "query: ", "document": ""})
    monkeypatch.setattr(model, "default_prompt_name", "query")
    (report,) = encoding.truncation_report(model, [text])
    assert report.lost == 2
    assert np.array_equal(model.encode(report.kept), model.encode(text))


def test_a_changed_limit_is_respected(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "max_seq_length", 5)
    (report,) = encoding.truncation_report(model, ["one two three four five"])
    assert (report.limit, report.lost, report.kept) == (5, 2, "one two three")


@pytest.mark.parametrize("limit", [None, int(1e30), float("inf")])
def test_a_model_without_a_limit_loses_nothing(model: Any, limit: Any) -> None:
    unlimited = types.SimpleNamespace(tokenizer=model.tokenizer, max_seq_length=limit)
    (report,) = encoding.truncation_report(unlimited, ["word " * 300])
    assert (report.limit, report.lost, report.kept) == (None, 0, "word " * 300)
    assert str(report) == "302 tokens, no limit, 0 lost, 100.0% kept"


def test_a_report_reads_like_a_sentence(model: Any) -> None:
    assert str(encoding.truncation_report(model, ["word " * 508])[0]) == "510 tokens, limit 256, 254 lost, 50.0% kept"


def test_long_texts_are_counted_without_a_warning(model: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    model.tokenizer.deprecation_warnings.clear()  # the tokenizer warns once, and another test may have used that up
    with caplog.at_level(logging.DEBUG):
        encoding.truncation_report(model, ["word " * 1000])
        encoding.chunk("word " * 1000, model.tokenizer, LIMIT)
    assert [record.getMessage() for record in caplog.records] == []
    assert capfd.readouterr() == ("", "")


def test_reporting_leaves_the_model_as_it_was(model: Any) -> None:
    text = corpus.passages()[0].text
    before = model.encode(text)
    encoding.truncation_report(model, [text])
    encoding.chunk(text, model.tokenizer, 64, overlap=10)
    assert np.array_equal(model.encode(text), before)


@pytest.mark.parametrize(
    "texts", [None, "a single text", b"bytes", [None], ["a", float("nan")], [["a"]], (text for text in ["a"]), {"a"}, 3]
)
def test_texts_of_a_wrong_type_are_refused(model: Any, texts: Any) -> None:
    with pytest.raises(TypeError, match=r"^texts.* must be .*, got .*\.$"):
        encoding.truncation_report(model, texts)


def test_a_model_without_a_fast_tokenizer_is_refused(model: Any) -> None:
    for wrong in (None, "all-MiniLM-L6-v2", 3, object(), model.tokenizer.backend_tokenizer):
        with pytest.raises(TypeError, match=r"^model must be a SentenceTransformer with a fast tokenizer, got"):
            encoding.truncation_report(wrong, ["text"])
    with pytest.raises(TypeError, match=r"^prompt must be a string, got int 3"):
        encoding.truncation_report(model, ["text"], prompt=3)  # type: ignore[arg-type]


def test_a_tokenizer_that_cuts_the_beginning_is_refused(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.tokenizer, "truncation_side", "left")
    with pytest.raises(ValueError, match="model must cut texts at their end, got a tokenizer that cuts at the left"):
        encoding.truncation_report(model, ["text"])


# Chunks


def words_of(chunks: list[str]) -> list[str]:
    return [word for chunk in chunks for word in chunk.split()]


def assert_good_chunks(text: str, tokenizer: Any, chunks: list[str], max_tokens: int, overlap: int) -> None:
    """Limit, order, coverage and progress."""
    spans = list(_chunk_spans(text, tokenizer, max_tokens - tokenizer.num_special_tokens_to_add(), overlap))
    assert chunks == [text[start:end] for start, end in spans]
    covered = last_start = 0
    for start, end in spans:
        assert text[start:end] == text[start:end].strip() != ""
        assert tokens_of(tokenizer, text[start:end]) <= max_tokens
        assert start > last_start or covered == 0
        assert end > covered
        assert not text[covered:start].strip(), "a gap"
        assert overlap or start >= covered
        covered, last_start = end, start
    assert not text[covered:].strip(), "the end is missing"
    if overlap == 0:
        assert "".join("".join(chunks).split()) == "".join(text.split())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("max_tokens", "overlap"), [(256, 0), (64, 0), (64, 16), (20, 17), (4, 0)])
def test_passages_are_cut_between_words(tokenizers: dict[str, Any], kind: str, max_tokens: int, overlap: int) -> None:
    for passage in corpus.passages():
        chunks = encoding.chunk(passage.text, tokenizers[kind], max_tokens, overlap)
        assert_good_chunks(passage.text, tokenizers[kind], chunks, max_tokens, overlap)
        if overlap == 0 and max_tokens >= 64:
            assert words_of(chunks) == passage.text.split()


@SETTINGS
@given(
    text=st.one_of(
        st.text(max_size=120),
        st.text(alphabet=" \n.-aéß日本😀ﷺ각\u0301\u200b\0", max_size=80),
        st.lists(st.sampled_from(["the", "lens", "[SEP]", "supercalifragilistic", "x,", "http://a.b/c?d=e"])).map(" ".join),
    ),
    kind=st.sampled_from(KINDS),
    max_tokens=st.integers(3, 40),
    share=st.floats(0, 1),
)
@example(text="ﷺ" * 9 + " a", kind="unigram", max_tokens=30, share=0.9)
@example(text="x" * 150 + " y" * 30, kind="wordpiece", max_tokens=9, share=0.5)
def test_any_text_is_covered_by_chunks_within_the_limit(
    tokenizers: dict[str, Any], text: str, kind: str, max_tokens: int, share: float
) -> None:
    tokenizer = tokenizers[kind]
    overlap = int(share * (max_tokens - tokenizer.num_special_tokens_to_add() - 1))
    try:
        chunks = encoding.chunk(text, tokenizer, max_tokens, overlap)
    except ValueError as error:
        assert "max_tokens must leave room for each character" in str(error)
        assert any(tokens_of(tokenizer, character) > max_tokens for character in text)
        return
    assert_good_chunks(text, tokenizer, chunks, max_tokens, overlap)


def test_chunks_are_as_full_as_whole_words_allow(model: Any) -> None:
    text = corpus.passages()[1].text
    chunks = encoding.chunk(text, model.tokenizer, 64)
    for chunk, following in itertools.pairwise(chunks):
        assert tokens_of(model.tokenizer, f"{chunk} {following.split()[0]}") > 64
    assert encoding.chunk(text, model.tokenizer, 10_000) == [text.strip()]


@pytest.mark.parametrize("overlap", [1, 10, 40])
def test_consecutive_chunks_share_about_the_overlap(model: Any, overlap: int) -> None:
    text = " ".join(f"{word}{letter}" for word in ("red", "blue", "tree") for letter in "abcdefghijklmnopqrstuvwxyz" for _ in range(2))
    words = text.split()
    widest = max(tokens_of(model.tokenizer, word) - 2 for word in words)
    chunks = encoding.chunk(text, model.tokenizer, 64, overlap)
    position = 0
    for chunk, following in itertools.pairwise(chunks):
        count = len(chunk.split())
        assert words[position : position + count] == chunk.split()
        begins = next(i for i in range(position + 1, position + count + 1) if words[i : i + len(following.split())] == following.split())
        shared = words[begins : position + count]
        tokens = tokens_of(model.tokenizer, " ".join(shared)) - 2
        assert overlap - widest < tokens <= overlap
        position = begins


def test_an_overlap_gives_way_where_the_next_word_needs_the_room(model: Any) -> None:
    long = "-".join("a" * 10)  # 19 tokens
    text = f"one two three {long} four"
    chunks = encoding.chunk(text, model.tokenizer, 22, overlap=18)
    assert chunks[0] == "one two three"
    assert chunks[1] == f"three {long}"
    assert chunks[-1].endswith("four")


def test_only_a_word_too_long_for_a_chunk_is_cut(model: Any) -> None:
    long = "-".join("ab" * 10)
    text = f"before it {long} after it"
    chunks = encoding.chunk(text, model.tokenizer, 12)
    assert "".join("".join(chunks).split()) == "".join(text.split())
    assert {"before", "it", "after"} <= set(words_of(chunks))
    assert long not in words_of(chunks)
    assert long in words_of(encoding.chunk(text, model.tokenizer, 60))


def test_every_answer_of_the_passages_stands_in_a_chunk(model: Any) -> None:
    for passage in corpus.passages():
        chunks = encoding.chunk(passage.text, model.tokenizer, LIMIT, overlap=32)
        assert 2 < len(chunks) < 8
        assert sum(passage.answer in chunk for chunk in chunks) >= 1


@pytest.mark.parametrize("text", ["", " ", "\n\t \u3000"])
def test_a_text_of_white_space_has_no_chunks(model: Any, text: str) -> None:
    assert encoding.chunk(text, model.tokenizer, LIMIT) == []


def test_very_long_texts_and_words_are_cut_in_reasonable_time(model: Any) -> None:
    text = "word " * 50_000 + "日" * 20_000 + "-" * 20_000
    chunks = encoding.chunk(text, model.tokenizer, LIMIT)
    assert len(chunks) == pytest.approx(90_000 / (LIMIT - 2), abs=4)
    assert "".join("".join(chunks).split()) == "".join(text.split())


def test_a_character_that_fits_nowhere_is_named(tokenizers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="max_tokens must leave room for each character, got too few for '😀' at position 3"):
        encoding.chunk("ab 😀", tokenizers["byte level"], 4)


@pytest.mark.parametrize("text", [None, 3, b"bytes", ["text"], float("nan")])
def test_a_text_of_a_wrong_type_is_refused(model: Any, text: Any) -> None:
    with pytest.raises(TypeError, match=r"^text must be a string, got"):
        encoding.chunk(text, model.tokenizer, LIMIT)


def test_a_tokenizer_of_another_kind_is_refused(model: Any) -> None:
    for wrong in (None, "bert", model, str.split, model.tokenizer.backend_tokenizer):
        with pytest.raises(TypeError, match=r"^tokenizer must be a model's fast tokenizer, such as model.tokenizer, got \w+\.$"):
            encoding.chunk("text", wrong, LIMIT)


@pytest.mark.parametrize("max_tokens", [None, 64.0, "64", True, [64], float("nan")])
def test_limits_of_a_wrong_type_are_refused(model: Any, max_tokens: Any) -> None:
    with pytest.raises(TypeError, match=r"^max_tokens must be a whole number of at least 3, got"):
        encoding.chunk("text", model.tokenizer, max_tokens)
    with pytest.raises(TypeError, match=r"^overlap must be a whole number from 0 to 61, got"):
        encoding.chunk("text", model.tokenizer, 64, max_tokens)


def test_limits_out_of_range_are_refused(model: Any) -> None:
    for max_tokens in (2, 0, -1, -(10**30)):
        with pytest.raises(ValueError, match=r"^max_tokens must be a whole number of at least 3, got"):
            encoding.chunk("text", model.tokenizer, max_tokens)
    for overlap in (62, 64, -1, 10**30):
        with pytest.raises(ValueError, match=r"^overlap must be a whole number from 0 to 61, got"):
            encoding.chunk("text", model.tokenizer, 64, overlap)
    assert encoding.chunk("some text", model.tokenizer, 10**30) == ["some text"]


# Sizes


@pytest.mark.parametrize(
    ("n", "dimensions", "dtype", "expected"),
    [
        (1_000_000, 384, "float32", "1.43 GiB"),
        (1_000_000, 1024, "float32", "3.81 GiB"),
        (1_000_000, 4096, "float32", "15.26 GiB"),
        (1_000_000, 1024, "binary", "0.12 GiB"),
    ],
)
def test_sizes_of_the_memory_table(n: int, dimensions: int, dtype: str, expected: str) -> None:
    assert encoding.gib(encoding.embedding_bytes(n, dimensions, dtype)) == expected


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "binary", "ubinary"])
def test_bytes_are_those_of_the_library(dtype: Any) -> None:
    from sentence_transformers.util import quantize_embeddings

    vectors = np.random.default_rng(0).normal(size=(200, 384)).astype(np.float32)
    assert encoding.embedding_bytes(200, 384, dtype) == np.asarray(quantize_embeddings(vectors, precision=dtype)).nbytes


def test_bytes_of_half_precision_and_of_nothing() -> None:
    assert encoding.embedding_bytes(200, 384, "float16") == np.zeros((200, 384), np.float16).nbytes
    assert encoding.embedding_bytes(0, 384) == 0
    assert encoding.embedding_bytes(10**40, 8, "binary") == 10**40


def test_gib_rounds_and_groups() -> None:
    assert encoding.gib(0) == "0.00 GiB"
    assert encoding.gib(2**30) == "1.00 GiB"
    assert encoding.gib(2**30 - 1) == "1.00 GiB"
    assert encoding.gib(int(0.994 * 2**30)) == "0.99 GiB"
    assert encoding.gib(2**30 * 12_345) == "12,345.00 GiB"
    assert encoding.gib(2**30 * 10**400).endswith("000.00 GiB")


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ((None, 384), TypeError, "n"),
        ((1.5, 384), TypeError, "n"),
        ((True, 384), TypeError, "n"),
        ((-1, 384), ValueError, "n"),
        ((1, 0), ValueError, "dimensions"),
        ((1, "384"), TypeError, "dimensions"),
        ((1, 100, "binary"), ValueError, "dimensions"),
        ((1, 384, "float8"), ValueError, "dtype"),
        ((1, 384, None), TypeError, "dtype"),
        ((1, 384, np.float32), TypeError, "dtype"),
    ],
)
def test_impossible_sizes_are_refused(arguments: tuple[Any, ...], error: type[Exception], name: str) -> None:
    with pytest.raises(error, match=rf"^{name} must be .*, got .*\.$"):
        encoding.embedding_bytes(*arguments)


@pytest.mark.parametrize("n_bytes", [None, 1.5, "1", float("nan"), True, -1])
def test_gib_takes_whole_numbers_only(n_bytes: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^n_bytes must be a whole number of at least 0, got"):
        encoding.gib(n_bytes)


def test_importing_the_module_imports_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys; from helpers import encoding, evaluation; print({'torch', 'sentence_transformers', 'sklearn'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), timeout=120)
    assert result.stdout.strip() == "set()", result.stderr
