"""The widgets on texts, without a browser: what they compute, what they say, and what they refuse."""

import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from helpers import hub, widgets
from helpers.widgets import pooling_explorer, prompt_comparator, search_box, similarity_matrix, tokens
from helpers.widgets.panel import Panel

EVIL = '<img src=x onerror="alert(1)"> & $x_1'
TEXTS = ["The shop closes at six.", "The store shuts at 6 p.m.", "A dog runs across the field."]
SCORES = np.array([[1, 0.8, 0.1], [0.8, 1, -0.05], [0.1, -0.05, 1]])
DOCUMENTS = [
    "sort: Return a sorted copy of an array.",
    "bar: Make a bar plot.",
    "kmeans2: Group points, given k centers.",
    "argrelmax: Peaks.",
]
PROMPTS = {"E5": "query: ", "weather": "The weather is nice today. "}


@pytest.fixture(scope="module")
def model() -> Any:
    hub.activate(verify=False)
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer("all-MiniLM-L6-v2", device="cpu")


def matrix() -> widgets.SimilarityMatrix:
    return widgets.SimilarityMatrix(TEXTS, SCORES, [(TEXTS[0], TEXTS[1])])


MAKERS: dict[str, Callable[[Any], Panel]] = {
    "tokens": lambda model: widgets.TokenExplorer(model),
    "matrix": lambda model: matrix(),
    "search": lambda model: widgets.SearchBox(model, DOCUMENTS, query="argrelmax"),
    "prompts": lambda model: widgets.PromptComparator(model, "sort an array", DOCUMENTS, PROMPTS),
    "pooling": lambda model: widgets.PoolingExplorer(model),
}


class Elements(HTMLParser):
    """The names of all elements, and a fault where one is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.names.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


# All five


@pytest.mark.parametrize("name", MAKERS)
def test_each_panel_says_a_sentence_shows_tables_and_leaves_a_picture_with_its_text(name: str, model: Any) -> None:
    panel = MAKERS[name](model)
    elements = Elements(panel.html)
    assert elements.open == [] and "table" in elements.names and "caption" in elements.names
    assert panel.words.endswith(".") and len(panel.words.split()) > 8 and not re.search(r"\d\.\d{3}", panel.words)
    data, metadata = panel._still()
    assert data["image/png"].startswith(b"\x89PNG") and len(data["image/png"]) > 5000
    assert panel.words in metadata["image/png"]["alt"] and panel.words in data["text/plain"]


@pytest.mark.parametrize("name", MAKERS)
def test_what_readers_type_is_text_and_never_html(name: str, model: Any) -> None:
    panels: dict[str, Callable[[], Panel]] = {
        "tokens": lambda: widgets.TokenExplorer(model, EVIL * 3, limit=8),
        "matrix": lambda: widgets.SimilarityMatrix([EVIL, "b"], np.eye(2)),
        "search": lambda: widgets.SearchBox(model, [EVIL, "b"], query=EVIL),
        "prompts": lambda: widgets.PromptComparator(model, EVIL, [EVIL, "b"], {EVIL: EVIL}),
        "pooling": lambda: widgets.PoolingExplorer(model, EVIL),
    }
    panel = panels[name]()
    assert "img" not in Elements(panel.html).names and panel.html
    assert panel._still()[0]["image/png"]


@pytest.mark.parametrize("name", ["tokens", "search", "prompts", "pooling"])
def test_no_panel_stumbles_over_an_empty_text(name: str, model: Any) -> None:
    panel = MAKERS[name](model)
    box = next(control.name for control in panel.controls if control.kind == "text")
    panel.set(**{box: ""})
    assert panel.words.endswith(".")
    panel.set(**{box: "again"})
    assert panel.html


def test_importing_widgets_imports_neither_torch_nor_pictures() -> None:
    code = "import sys; from helpers import widgets; print({'torch', 'matplotlib', 'bm25s', 'anywidget'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
    with pytest.raises(AttributeError, match="Nothing"):
        widgets.Nothing  # noqa: B018


# Tokens and what they add


@pytest.mark.parametrize("pooling", tokens.POOLINGS)
def test_contributions_add_up_to_what_the_library_pools(pooling: str, model: Any) -> None:
    import torch
    from sentence_transformers.sentence_transformer.modules import Pooling

    found = tokens.read_tokens(model, "Heavy rain fell in the north last night.", 256)
    mask = torch.ones(1, len(found.vectors), dtype=torch.int64)
    features = {"token_embeddings": torch.tensor(found.vectors)[None], "attention_mask": mask}
    expected = Pooling(384, pooling)(features)["sentence_embedding"][0].numpy()
    assert np.allclose(tokens.contributions(found.vectors, pooling).sum(axis=0), expected, atol=1e-5)
    shares = tokens.shares(found.vectors, pooling)
    assert abs(shares.sum() - 1) < 1e-5
    assert (np.count_nonzero(shares) == 1) == (pooling in {"cls", "lasttoken"})


@pytest.mark.parametrize("limit", [3, 4, 12, 256])
def test_the_limit_cuts_as_encode_cuts(limit: int, model: Any) -> None:
    text = "Embeddings turn unbelievably different texts into vectors, up to a limit."
    found = tokens.read_tokens(model, text, limit)
    settings = {"text": {"max_length": limit, "truncation": True}}
    assert sum(found.read) == len(found.vectors) == min(limit, len(found.pieces))
    pooled = tokens.contributions(found.vectors, "mean").sum(axis=0)
    assert pooled / np.linalg.norm(pooled) @ model.encode(text, processing_kwargs=settings) > 0.9999
    assert np.allclose(model.encode(found.kept), model.encode(text, processing_kwargs=settings), atol=1e-5)


def test_a_token_named_in_the_text_is_no_special_token(model: Any) -> None:
    found = tokens.read_tokens(model, "a [SEP] b", 256)
    assert sum(found.special) == 2 and found.pieces[-1] == "[SEP]" and found.pieces_read()[0] == "[CLS]"


def test_the_token_explorer_says_what_is_lost_and_leaves_the_model_as_it_was(model: Any) -> None:
    panel = widgets.TokenExplorer(model, "Embeddings turn unbelievably different texts into vectors.", limit=8)
    assert re.search(r"reads 8 of 1\d tokens and drops the last \d of the text: it stops after “.*”\.", panel.words)
    assert panel.html.count("<del>") > 1 and "[cut off:]" in panel.html
    panel.set(limit=256)
    assert re.search(r"reads all 1\d tokens, 2 of them special\.", panel.words) and "<del>" not in panel.html
    assert model.max_seq_length == 256


def test_the_token_explorer_uses_a_long_text_sparingly(model: Any) -> None:
    panel = widgets.TokenExplorer(model, "word " * 5000)
    assert "drops the last 4,746" in panel.words.replace("4746", "4,746")
    assert panel.html.count("<li") == 400 and "more pieces" in panel.html


# The matrix


def test_the_matrix_counts_each_pair_once() -> None:
    panel = matrix()
    assert "From 0.50 on, 1 of 3 pairs is called a match: 1 rightly and 0 wrongly. 0 of the 1 matches are missed." in panel.words
    assert '<span class="strong">0.80</span>&nbsp;●' in panel.html
    panel.set(threshold=0.05)
    assert "2 of 3 pairs are called a match: 1 rightly and 1 wrongly" in panel.words
    assert "Precision is 0.50, recall 1.00, F1 0.67." in panel.words
    assert '<span class="strong">0.10</span>&nbsp;▲' in panel.html
    panel.set(threshold=0.9)
    assert "no precision" in panel.words and "0.80&nbsp;○" in panel.html


def test_the_matrix_takes_positions_and_works_without_labels() -> None:
    assert widgets.SimilarityMatrix(TEXTS, SCORES, [(1, 0)]).words == matrix().words
    assert "No pair is marked as the same" in widgets.SimilarityMatrix(TEXTS, SCORES).words


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"texts": ["a"]}, "different texts must be"),
        ({"texts": ["a", "a", "b"]}, "different texts must be"),
        ({"scores": SCORES[:2]}, "square"),
        ({"scores": SCORES + np.triu(SCORES, 1)}, "symmetric"),
        ({"same": [(0, 0)]}, r"same\[0\] must be two different ones"),
        ({"same": ["ab"]}, r"same\[0\] must be"),
        ({"same": [("The shop closes at six.", "Another.")]}, r"same\[0\] must be"),
        ({"threshold": 7.0}, "threshold must be"),
    ],
)
def test_the_matrix_refuses_in_one_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        widgets.SimilarityMatrix(**{"texts": TEXTS, "scores": SCORES, **change})


def test_the_confusion_is_that_of_the_pairs_above_the_diagonal() -> None:
    random = np.random.default_rng(0).uniform(size=(9, 9))
    scores, same = (random + random.T) / 2, random + random.T > 1.2
    counts = similarity_matrix.confusion(scores, same, 0.5)
    pairs = [(scores[i, j] >= 0.5, same[i, j]) for i in range(9) for j in range(i + 1, 9)]
    assert counts.true_positives == sum(called and match for called, match in pairs)
    assert counts.false_negatives == sum(not called and match for called, match in pairs)


# The search box


def test_a_bare_name_is_found_by_words_and_combined(model: Any) -> None:
    panel = widgets.SearchBox(model, DOCUMENTS, query="argrelmax", names=["sort", "bar", "kmeans2", "argrelmax"])
    assert "BM25 argrelmax, and both combined argrelmax." in panel.words
    panel.set(query="bake bread")
    assert "BM25 finds nothing" in panel.words and "not found" in panel.html
    panel.set(k=2)
    assert panel.html.count('<th scope="row">') == 2


def test_ready_vectors_are_used_and_must_fit(model: Any) -> None:
    vectors = 7 * model.encode_document(DOCUMENTS)
    found = widgets.SearchBox(model, DOCUMENTS, vectors).search("draw a bar chart")
    assert found["embeddings"].best(1) == [1] and found["embeddings"].scores.max() <= 1
    with pytest.raises(ValueError, match="vectors must have as many items as documents"):
        widgets.SearchBox(model, DOCUMENTS, vectors[:2])
    with pytest.raises(TypeError, match="encode_query"):
        widgets.SearchBox("all-MiniLM-L6-v2", DOCUMENTS)


def test_reciprocal_rank_fusion_by_hand() -> None:
    first, second = search_box.ranked([0.9, 0.5, 0.1]), search_box.ranked([0, 3, 0], only_above_zero=True)
    both = search_box.combined([first, second])
    assert both.scores.tolist() == pytest.approx([1 / 61, 1 / 62 + 1 / 61, 1 / 63])
    assert both.best(3) == [1, 0, 2] and second.best(3) == [1] and second.ranks.tolist() == [0, 1, 0]


def test_equal_scores_keep_the_order_of_the_documents() -> None:
    assert search_box.ranked(np.zeros(4)).ranks.tolist() == [1, 2, 3, 4]


def test_names_are_split_into_their_parts() -> None:
    words = ["gridsearchcv", "or", "train_test_split", "grid", "search", "cv", "train", "test", "split"]
    assert search_box.split_words("GridSearchCV or train_test_split") == words


# The prompts


def test_the_comparison_is_that_of_text_typed_by_hand(model: Any) -> None:
    vectors = model.encode(DOCUMENTS)
    found = prompt_comparator.compare(model, "sort an array", "query: ", vectors)
    assert np.allclose(found.prompted, vectors @ model.encode("query: sort an array"), atol=1e-5)
    assert np.allclose(found.bare, vectors @ model.encode("sort an array"), atol=1e-5)
    assert found.moved < 0.999


def test_the_prompt_panel_says_whether_the_order_changes(model: Any) -> None:
    panel = MAKERS["prompts"](model)
    assert panel.words.startswith("With 'query: ' before the query, ")
    assert re.search(r"order of the 4 .* stays|of 4 documents change", panel.words)
    panel.set(prompt=prompt_comparator.NONE)
    assert panel.words.startswith("Without a prompt") and panel.html.count("same place") == 4
    panel.set(prompt=prompt_comparator.TYPED, typed="draw a bar plot, bar chart: ")
    assert "documents change places" in panel.words and "▲ up" in panel.html and "▼ down" in panel.html


def test_a_stand_in_says_so_in_words_and_in_the_picture(model: Any) -> None:
    hub.provide("BAAI/bge-small-en-v1.5")
    from sentence_transformers import SentenceTransformer

    stand_in = SentenceTransformer("BAAI/bge-small-en-v1.5", device="cpu")
    panel = widgets.PromptComparator(stand_in, "sort", DOCUMENTS, PROMPTS)
    assert prompt_comparator.STAND_IN in panel.words and prompt_comparator.STAND_IN in panel._still()[0]["text/plain"]
    assert "STAND-IN" not in MAKERS["prompts"](model).words


def test_prompts_are_checked() -> None:
    encoder = type("Encoder", (), {"encode": lambda self, texts, prompt="": np.ones((len(texts), 2))})()
    for prompts in ({}, {"a": 1}, {"no prompt": "x"}, ["a"]):
        with pytest.raises((TypeError, ValueError), match="prompts"):
            widgets.PromptComparator(encoder, "q", DOCUMENTS, prompts)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="number of documents"):
        widgets.PromptComparator(encoder, "q", DOCUMENTS[:1], PROMPTS)


# The poolings


def test_the_pooling_panel_names_the_nearest_token_and_the_model_runs_once_a_text(model: Any) -> None:
    panel = widgets.PoolingExplorer(model)
    assert panel.words.startswith("mean pooling: the nearest of the 11 tokens is “")
    assert "mean_sqrt_len_tokens is closest (cosine 1.00)" in panel.words
    plane = panel._plane(pooling_explorer.SAMPLE)
    panel.set(pooling="cls")
    assert "is “[CLS]” (cosine 1.00), and “[CLS]” adds most, 100 %" in panel.words
    assert panel._plane(pooling_explorer.SAMPLE) is plane


def test_labels_stay_inside_and_do_not_overlap() -> None:
    points = np.random.default_rng(1).uniform(0, 1, (25, 2)) * [pooling_explorer.WIDTH, pooling_explorer.HEIGHT]
    labels = [f"label{i}" for i in range(25)]
    corners = [corner for corner in pooling_explorer.place_labels(points, labels) if corner is not None]
    boxes = [pooling_explorer._box(corner, 6 * pooling_explorer.CHARACTER) for corner in corners]
    assert len(boxes) > 15
    for first, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0 and top >= 0 and right <= pooling_explorer.WIDTH and bottom <= pooling_explorer.HEIGHT
        assert not any(left < r and right > x and top < b and bottom > y for x, y, r, b in boxes[:first])


def test_two_tokens_of_one_direction_are_no_accident() -> None:
    plane = pooling_explorer.project(["a", "a"], np.ones((2, 4)))
    assert np.isfinite(plane.points).all() and pooling_explorer.told(plane, "max").endswith(".")


@pytest.mark.parametrize("panel", [widgets.TokenExplorer, widgets.PoolingExplorer])
def test_models_without_tokens_are_refused_in_a_sentence(panel: Callable[..., Panel]) -> None:
    for wrong in ("all-MiniLM-L6-v2", None, object(), [1, 2]):
        with pytest.raises(TypeError, match=r"^model must be a SentenceTransformer .* got .*\.$"):
            panel(wrong)
