"""Stand-ins: each loads by its id through the library's own code, looks like the real model, says STAND-IN, and is the same everywhere.

What is expected is written out here, and not read from the table of stand-ins. Loading needs a fresh process with the course's
cache: one process loads them all and writes down what it sees.
"""

import functools
import hashlib
import json
import os
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import catalog, hub, standins
from helpers.standins import files, tokenizers, weights
from helpers.standins.models import STAND_INS

# All in one process of a parallel run: the stand-ins are built and loaded once.
pytestmark = pytest.mark.xdist_group("standins")

PATIENCE = 300  # seconds, for a machine that has much else to do
MEGABYTE = 1_000_000
BGE_M3, GEMMA, QWEN, E5 = "BAAI/bge-m3", "google/embeddinggemma-300m", "Qwen/Qwen3-Embedding-0.6B", "intfloat/e5-large-v2"
BGE_SMALL, BGE_LARGE, BERT = "BAAI/bge-small-en-v1.5", "BAAI/bge-large-en-v1.5", "bert-base-uncased"
SPLADE, COLBERT, CROSS = "naver/splade-cocondenser-ensembledistil", "colbert-ir/colbertv2.0", "cross-encoder/ms-marco-MiniLM-L6-v2"


class Real(NamedTuple):
    """What is known of a real model."""

    library_class: str
    architecture: str
    modules: list[str]
    dimensions: int
    tokens: int
    pooling: str | None
    prompts: dict[str, str]
    dtype: str = "torch.float32"


PLAIN = ["Transformer", "Pooling", "Normalize"]
GEMMA_MODULES = ["Transformer", "Pooling", "Dense", "Dense", "Normalize"]
NO_PROMPTS = {"query": "", "document": ""}
QWEN_PROMPT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
GEMMA_PROMPT, GEMMA_DOCUMENT = "task: search result | query: ", "title: none | text: "
MARKERS = {"query": "[unused0] ", "document": "[unused1] "}
REAL = {
    BGE_M3: Real("SentenceTransformer", "XLMRobertaModel", PLAIN, 1024, 8192, "cls", NO_PROMPTS),
    GEMMA: Real("SentenceTransformer", "Gemma3TextModel", GEMMA_MODULES, 768, 2048, "mean", {}),  # prompts: a test of their own
    QWEN: Real("SentenceTransformer", "Qwen3Model", PLAIN, 1024, 32768, "lasttoken", NO_PROMPTS | {"query": QWEN_PROMPT}, "torch.bfloat16"),
    E5: Real("SentenceTransformer", "BertModel", PLAIN, 1024, 512, "mean", NO_PROMPTS),
    BGE_SMALL: Real("SentenceTransformer", "BertModel", PLAIN, 384, 512, "cls", NO_PROMPTS),
    BGE_LARGE: Real("SentenceTransformer", "BertModel", PLAIN, 1024, 512, "cls", NO_PROMPTS),
    BERT: Real("SentenceTransformer", "BertModel", ["Transformer", "Pooling"], 768, 512, "mean", NO_PROMPTS),
    SPLADE: Real("SparseEncoder", "BertForMaskedLM", ["MLMTransformer", "SpladePooling"], 30522, 512, None, NO_PROMPTS),
    COLBERT: Real("MultiVectorEncoder", "BertModel", ["Transformer", "Dense", "MultiVectorMask", "Normalize"], 128, 512, None, MARKERS),
    CROSS: Real("CrossEncoder", "BertForSequenceClassification", ["Transformer"], 1, 512, None, {}),
}
DENSE = [name for name, real in REAL.items() if real.library_class == "SentenceTransformer"]

OBSERVE = """
import json, os, socket, sys, tempfile
from pathlib import Path

def refuse(*_):
    raise AssertionError("a connection was attempted")
socket.socket.connect = refuse

from helpers import hub, standins
classes, out = json.loads(sys.argv[1]), {}
hub.provide(*classes)
import sentence_transformers, torch
torch.set_num_threads(1)

TEXTS = ["What is machine learning?", "The weather is nice today.", "Machine learning is a subset of AI."]
LONG = "planet " * 40_000

class Stderr:
    def __enter__(self):
        sys.stderr.flush()
        self.kept, self.file = os.dup(2), tempfile.TemporaryFile()
        os.dup2(self.file.fileno(), 2)
        return self
    def __exit__(self, *_):
        sys.stderr.flush()
        os.dup2(self.kept, 2)
        self.file.seek(0)
        self.text = self.file.read().decode()

def numbers(embedding):
    return embedding.to_dense().tolist() if hasattr(embedding, "to_dense") else embedding.tolist()

for name, kind in classes.items():
    load = getattr(sentence_transformers, kind)
    with Stderr() as said:
        model = load(name)
    seen = out[name] = {
        "stderr": said.text, "repr": repr(model), "tokens": model.max_seq_length, "dtype": str(model.dtype), "prompts": model.prompts,
        "architecture": type(model[0].model).__name__, "modules": [type(module).__name__ for module in model],
        "pooling": getattr(model[1], "pooling_mode", None) if len(model) > 1 else None,
        "similarity": getattr(model, "similarity_fn_name", None),
        "longest": model.preprocess([LONG])["input_ids"].shape[1], "padding": model.tokenizer.padding_side,
    }
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        with Stderr() as said:
            again = load(folder)
        seen["reloaded"] = repr(again)
    if kind == "CrossEncoder":
        seen["scores"] = model.predict([(TEXTS[0], text) for text in TEXTS]).tolist()
        continue
    query, documents = model.encode_query(TEXTS[:1]), model.encode_document(TEXTS)
    if kind == "MultiVectorEncoder":
        seen["query"], seen["documents"] = list(query[0].shape), [list(document.shape) for document in documents]
    elif kind == "SparseEncoder":
        seen["decoded"] = [token for token, _ in model.decode(documents[0])]
        seen["dimensions"] = documents.shape[1]
    else:
        bare = model.encode(TEXTS[:1])
        seen["prompted"] = [float(abs(query - bare).max()), float(abs(documents[:1] - bare).max())]
        seen["alone"] = float(abs(model.encode_document(TEXTS[1]) - documents[1]).max())
        seen["vectors"] = documents.tolist()
Path(sys.argv[2]).write_text(json.dumps(out))
"""


class Observed(NamedTuple):
    """What one process saw."""

    models: dict[str, dict[str, Any]]
    stdout: str
    stderr: str
    snapshots: dict[str, Path]


@pytest.fixture(scope="module", autouse=True)
def _settings() -> None:
    """Activates first: other tests of this process may use the library by model id."""
    if "huggingface_hub" not in sys.modules:
        hub.activate(verify=False)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """Everything about all stand-ins, loaded by id in one fresh process without a network."""
    folder = tmp_path_factory.mktemp("standins")
    code, out, cache = folder / "observe.py", folder / "out.json", folder / "cache"
    code.write_text(OBSERVE, encoding="utf-8")
    classes = {name: real.library_class for name, real in REAL.items()}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "COURSE_", "SENTENCE_", "HUGGING"))}
    environment = clean | {"COURSE_CACHE": str(cache), "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(code), json.dumps(classes), str(out)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert result.returncode == 0, result.stderr
    hub_folder = cache / "course-hub" / "hub"
    snapshots = {name: hub_folder / f"models--{name.replace('/', '--')}" / "snapshots" / standins.revision(name) for name in REAL}
    return Observed(json.loads(out.read_text()), result.stdout, result.stderr, snapshots)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All stand-ins, built in this process."""
    folder = tmp_path_factory.mktemp("built")
    places = {name: folder / str(number) for number, name in enumerate(standins.NAMES)}
    for name, place in places.items():
        standins.build(name, place)
    return places


def contents(folder: Path) -> dict[str, str]:
    """The digest of every file but the hidden ones."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


# They look like the real models


def test_every_stand_in_is_looked_at() -> None:
    assert set(standins.NAMES) == set(REAL)
    assert {row.model_id: row.library_class for row in STAND_INS} == {name: real.library_class for name, real in REAL.items()}


@pytest.mark.parametrize("name", REAL)
def test_class_pipeline_limit_and_type_are_the_real_ones(name: str, observed: Observed) -> None:
    seen, real = observed.models[name], REAL[name]
    assert seen["architecture"] == real.architecture
    assert seen["modules"] == real.modules
    assert seen["pooling"] == real.pooling
    assert seen["tokens"] == real.tokens
    assert seen["dtype"] == real.dtype
    assert name == GEMMA or seen["prompts"] == real.prompts


@pytest.mark.parametrize("name", [name for name in REAL if name != COLBERT])
def test_a_long_text_is_cut_at_the_limit(name: str, observed: Observed) -> None:
    assert observed.models[name]["longest"] == REAL[name].tokens


@pytest.mark.parametrize("name", DENSE)
def test_vectors_have_the_real_length(name: str, observed: Observed) -> None:
    vectors = np.array(observed.models[name]["vectors"])
    assert vectors.shape == (3, REAL[name].dimensions)
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.allclose(lengths, 1, atol=1e-2 if name == QWEN else 1e-5) == ("Normalize" in REAL[name].modules)


@pytest.mark.parametrize("name", DENSE)
def test_different_texts_get_different_vectors(name: str, observed: Observed) -> None:
    vectors = np.array(observed.models[name]["vectors"])
    cosines = np.corrcoef(vectors)[np.triu_indices(3, 1)]
    assert (cosines < 0.9).all()


@pytest.mark.parametrize("name", DENSE)
def test_a_text_gets_the_same_vector_alone_and_in_a_batch(name: str, observed: Observed) -> None:
    assert observed.models[name]["alone"] < (0.01 if name == QWEN else 1e-5)
    assert observed.models[name]["padding"] == ("left" if name == QWEN else "right")


@pytest.mark.parametrize(
    ("name", "query", "document"), [(GEMMA, True, True), (QWEN, True, False), (E5, False, False), (BGE_SMALL, False, False)]
)
def test_prompts_of_the_configuration_are_applied_and_no_others(name: str, query: bool, document: bool, observed: Observed) -> None:
    # E5 and BGE were trained with prompts, and their configuration has none: encode_query adds nothing.
    query_change, document_change = observed.models[name]["prompted"]
    assert (query_change > 1e-3, document_change > 1e-3) == (query, document)


def test_embeddinggemma_has_its_prompts(observed: Observed) -> None:
    prompts = observed.models[GEMMA]["prompts"]
    assert len(prompts) == 14
    assert (prompts["query"], prompts["document"]) == (GEMMA_PROMPT, GEMMA_DOCUMENT)
    assert Counter(prompts.values()) == {
        GEMMA_PROMPT: 5,
        GEMMA_DOCUMENT: 2,
        "task: clustering | query: ": 1,
        "task: classification | query: ": 2,
        "task: code retrieval | query: ": 1,
        "task: sentence similarity | query: ": 2,
        "task: summarization | query: ": 1,
    }


def test_sparse_dimensions_are_the_tokens_of_the_real_vocabulary(observed: Observed) -> None:
    seen = observed.models[SPLADE]
    assert seen["dimensions"] == REAL[SPLADE].dimensions
    assert {"machine", "learning"} <= set(seen["decoded"])
    assert len(seen["decoded"]) < 20
    assert seen["similarity"] == "dot"


def test_colbert_gives_a_vector_for_each_token(observed: Observed) -> None:
    seen = observed.models[COLBERT]
    assert seen["query"] == [32, 128]
    assert [columns for _, columns in seen["documents"]] == [128] * 3
    # Punctuation is left out of documents: the text's words, [CLS], [SEP] and the marker.
    assert seen["documents"][0][0] == 4 + 3


def test_cross_encoder_gives_one_score_a_pair(observed: Observed) -> None:
    scores = observed.models[CROSS]["scores"]
    assert len(set(scores)) == 3
    assert np.isfinite(scores).all()


def test_bge_m3_has_its_two_other_heads(built: dict[str, Path]) -> None:
    import torch

    shapes = {"colbert_linear.pt": ((1024, 1024), (1024,)), "sparse_linear.pt": ((1, 1024), (1,))}
    for name, expected in shapes.items():
        head = torch.load(built[BGE_M3] / name, weights_only=True)
        assert (tuple(head["weight"].shape), tuple(head["bias"].shape)) == expected


@pytest.mark.parametrize("name", REAL)
def test_the_catalog_says_the_same(name: str) -> None:
    known, real = catalog.get(name), REAL[name]
    assert known.kind in (real.library_class, "Transformer")
    if isinstance(known.dimensions.value, int):
        assert known.dimensions.value == real.dimensions
    if name != COLBERT:  # the catalog has the limit of its documents, 180
        assert known.max_tokens.value == real.tokens
    if real.pooling and real.modules == PLAIN:
        assert (known.pooling.value, known.normalizes.value) == (real.pooling, True)


# They say what they are


@pytest.mark.parametrize("name", REAL)
def test_print_says_stand_in_also_after_saving(name: str, observed: Observed) -> None:
    said = f", STAND-IN: {standins.reason(name)})\n"
    for shown in (observed.models[name]["repr"], observed.models[name]["reloaded"]):
        assert shown.count("STAND-IN") == 1
        assert said in shown


@pytest.mark.parametrize("name", REAL)
def test_the_model_card_begins_with_it(name: str, built: dict[str, Path]) -> None:
    card = (built[name] / "README.md").read_text(encoding="utf-8")
    assert card.startswith(f"# STAND-IN for {name}\n")
    for words in (standins.reason(name), "scores mean nothing", "- Real:", "- Not real:", f"https://huggingface.co/{name}"):
        assert words in card
    assert json.loads((built[name] / "config.json").read_text())[standins.CONFIG_KEY] == standins.reason(name)


def test_providing_prints_one_line_for_each_and_no_more(observed: Observed) -> None:
    assert observed.stderr == ""
    lines = observed.stdout.splitlines()
    assert len(lines) == len(REAL)
    for name, line in zip(REAL, lines, strict=True):
        assert line.startswith(
            f"STAND-IN for {name}: the real architecture with one small layer and random weights, because the real one is "
        )
        assert line.endswith(" download. Its scores mean nothing.")
        assert len(line) <= 200


def test_the_size_is_the_catalogs(observed: Observed) -> None:
    assert standins.download(BGE_M3) == "a 2.3 GB download"
    assert catalog.get(BERT).published_bytes.value is None
    assert standins.download(BERT) == "a download"


@pytest.mark.parametrize("name", REAL)
def test_loading_says_only_what_the_real_model_would(name: str, observed: Observed) -> None:
    said = observed.models[name]["stderr"]
    if name == QWEN:
        assert said.startswith("This model was loaded in torch.bfloat16 on CPU.") and said.count("\n") == 1
    elif name in (BERT, COLBERT):
        assert "BertModel LOAD REPORT" in said
        assert said.count("UNEXPECTED |") == (7 if name == BERT else 1)
        assert said.rstrip().splitlines()[-1].startswith("- UNEXPECTED")
    else:
        assert said == ""


# They are the same everywhere


@pytest.mark.parametrize("name", REAL)
def test_two_processes_build_the_same_bytes(name: str, observed: Observed, built: dict[str, Path]) -> None:
    assert contents(observed.snapshots[name]) == contents(built[name])
    assert len(contents(built[name])) >= 6


def test_all_of_them_are_small(built: dict[str, Path]) -> None:
    sizes = {name: sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) for name, place in built.items()}
    assert sum(sizes.values()) < 120 * MEGABYTE
    assert max(sizes.values()) < 31 * MEGABYTE


def test_the_revision_names_the_id_the_reason_and_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    revisions = {standins.revision(name) for name in standins.NAMES}
    assert len(revisions) == len(standins.NAMES)
    assert all(len(revision) == 40 and set(revision) <= set("0123456789abcdef") for revision in revisions)
    monkeypatch.setattr(standins, "_source", lambda: "other code")
    assert not revisions & {standins.revision(name) for name in standins.NAMES}


def test_random_numbers_depend_on_nothing_but_their_name() -> None:
    first = weights.random("a", (2, 3))
    assert np.array_equal(first, weights.random("a", (2, 3)))
    assert not np.array_equal(first, weights.random("b", (2, 3)))
    # Exact, because the digests of the files depend on it.
    assert first[0].tolist() == [0.8382945656776428, -0.9690280556678772, -0.19457007944583893]


@given(st.text(max_size=20), st.floats(0.01, 10))
def test_random_numbers_have_the_asked_spread(name: str, scale: float) -> None:
    numbers = weights.random(name, (100, 100), scale=scale)
    assert numbers.dtype == np.float32
    assert abs(numbers.mean()) < 0.05 * scale
    assert abs(numbers.std() - scale) < 0.03 * scale
    assert abs(numbers).max() <= 3**0.5 * scale * 1.0001


def test_importing_needs_no_torch() -> None:
    script = "import sys, helpers.standins; sys.exit(bool({'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# Tokenizers


def test_merges_are_the_most_frequent_first_and_ties_in_order() -> None:
    assert tokenizers._merges([("cab", 1), ("ab", 1), ("cd", 1)]) == [("a", "b"), ("c", "ab"), ("c", "d")]
    assert tokenizers._merges([("zz", 1), ("aa", 1)]) == [("a", "a"), ("z", "z")]
    assert tokenizers._merges([("aaaa", 1)]) == [("a", "a"), ("aa", "aa")]
    assert tokenizers._merges([("a", 5)]) == []


@pytest.mark.parametrize(
    ("build", "before", "after"),
    [
        (tokenizers.wordpiece, ["[CLS]"], ["[SEP]"]),
        (tokenizers.published_wordpiece, ["[CLS]"], ["[SEP]"]),
        (tokenizers.unigram, ["<s>"], ["</s>"]),
        (tokenizers.gemma, ["<bos>"], ["<eos>"]),
        (tokenizers.qwen, [], ["<|endoftext|>"]),
    ],
)
def test_tokenizers_mark_the_ends_and_give_the_text_back(build: Any, before: list[str], after: list[str]) -> None:
    small = build()
    encoding = small.tokenizer.encode("machine learning is a subset of ai")
    assert encoding.tokens[: len(before)] == before
    assert encoding.tokens[-1:] == after
    assert small.tokenizer.decode(encoding.ids) == "machine learning is a subset of ai"
    assert small.size == len(small.tokenizer.get_vocab()) > max(encoding.ids)


qwen = functools.cache(tokenizers.qwen)


@given(st.text(max_size=50))
def test_a_tokenizer_of_bytes_loses_no_character(text: str) -> None:
    tokenizer = qwen().tokenizer
    assert tokenizer.decode(tokenizer.encode(text).ids) == unicodedata.normalize("NFC", text)


# Refusing


@pytest.mark.parametrize("function", [standins.reason, standins.download, standins.revision, lambda name: standins.build(name, "unused")])
@given(name=st.one_of(st.none(), st.floats(), st.binary(), st.text(), st.lists(st.text()), st.integers(), st.just(np.str_("bge-m3"))))
def test_other_names_are_refused(function: Any, name: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as error:
        function(name)
    message = str(error.value)
    assert message.startswith("model_id must be one of 'BAAI/bge-m3', ") and "got " in message and "\n" not in message


@pytest.mark.parametrize("folder", [None, 3, b"folder", "", "a\0b", ["folder"]])
def test_what_is_no_folder_is_refused(folder: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^folder must be a path"):
        standins.build(CROSS, folder)


def test_a_disk_error_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        standins.build(CROSS, tmp_path / "file" / "below")


def test_contents_refuses_what_is_no_row() -> None:
    with pytest.raises(TypeError, match="model must be a StandIn"):
        files.contents("BAAI/bge-m3", "because")  # type: ignore[arg-type]
