"""The widgets on figures and maps, without a browser: what they compute, what they say, and what they refuse."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from helpers import catalog, widgets
from helpers.exercises import lesson_10
from helpers.widgets import embedding_map, memory_calculator, model_picker, size_slider
from helpers.widgets.panel import Panel

GIB = 2**30
EVIL = '<img src=x onerror="alert(1)"> & "sort"'
MINILM = catalog.get("all-MiniLM-L6-v2")
TEXTS = ["sort an array", "sort a list", "draw a plot", "draw bars", EVIL]
PLACES = np.array([[0.0, 0, 1], [0.1, 0, 1], [2.0, 1, 1], [2.1, 1, 1], [1.0, 0.5, 1]])
GROUPS = ["numpy", "python", "matplotlib", "matplotlib", "python"]


def some_vectors(rows: int, dimensions: int = 32, seed: int = 0) -> np.ndarray:
    """Made-up vectors in float32 whose last quarter of dimensions carries most of the variance."""
    vectors = np.random.default_rng(seed).standard_normal((rows, dimensions)).astype(np.float32)
    vectors[:, -dimensions // 4 :] *= 5
    return vectors


def slider() -> widgets.SizeSlider:
    return widgets.SizeSlider(some_vectors(300), some_vectors(20, seed=1), k=5)


MAKERS: dict[str, Callable[[], Panel]] = {
    "memory": widgets.MemoryCalculator,
    "models": widgets.ModelPicker,
    "sizes": slider,
    "map": lambda: widgets.EmbeddingMap(TEXTS, PLACES, GROUPS, find="sort"),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_every_widget_says_what_it_shows_and_leaves_a_picture_with_that_sentence(make: Callable[[], Panel]) -> None:
    panel = make()
    assert panel.words.endswith(".") and 40 < len(panel.words) < 500
    assert panel.html.count("<caption>") == panel.html.count("<table>") >= 1
    assert all(control.label for control in panel.controls)
    data, metadata = panel._still()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == f"{panel.title}. {panel.words}"


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_no_widget_needs_color_and_none_sets_one_that_a_theme_can_not_change(make: Callable[[], Panel]) -> None:
    assert not re.search(r"(?:fill|stroke|color|background)\s*[=:]\s*\"?(?!none|currentColor|transparent)[#\w]", make().html)


# The memory calculator


def parts(**changes: Any) -> dict[str, int]:
    wishes = {"documents": 1000, "dimensions": 384, "precision": "float32", "weights": "float32", "batch_size": 8, "tokens": 100}
    return {part.name: part.bytes for part in memory_calculator.memory_parts(**{"model": MINILM, **wishes, **changes})}


def test_the_parts_of_memory_are_those_of_lesson_09() -> None:
    assert parts() == {"Vectors": 1000 * 384 * 4, "Weights": 22_713_216 * 4, "One batch": 8 * 100 * 11 * 384 * 4}


@pytest.mark.parametrize(
    ("changes", "part", "share"),
    [
        ({"precision": "int8"}, "Vectors", 1 / 4),
        ({"precision": "binary"}, "Vectors", 1 / 32),
        ({"dimensions": 96}, "Vectors", 1 / 4),
        ({"dimensions": 1024}, "Vectors", 1),  # more than the model has
        ({"documents": 3_000_000}, "Vectors", 3000),
        ({"documents": 3_000_000, "on_disk": True}, "Vectors", 10),  # one chunk
        ({"documents": 500, "on_disk": True}, "Vectors", 1 / 2),
        ({"weights": "bfloat16"}, "Weights", 1 / 2),
        ({"weights": "bfloat16"}, "One batch", 1 / 2),
        ({"weights": "int8"}, "Weights", 1 / 4),
        ({"weights": "int8"}, "One batch", 1),  # between the layers, numbers stay float32
        ({"batch_size": 16}, "One batch", 2),
        ({"tokens": 200}, "One batch", 2),
        ({"tokens": 5000}, "One batch", 2.56),  # MiniLM reads 256
    ],
)
def test_each_wish_changes_the_part_that_it_concerns(changes: dict[str, Any], part: str, share: float) -> None:
    assert parts(**changes)[part] == share * parts()[part]


def test_a_static_model_needs_no_memory_between_layers_and_a_guess_is_called_one() -> None:
    static, large = catalog.get("static-retrieval-mrl-en-v1"), catalog.get("bge-large-en-v1.5")
    assert parts(model=static)["One batch"] == 8 * 1024 * 4
    wishes = (1000, 384, "float32", "float32", 8, 100)
    assert "a first guess" in memory_calculator.memory_parts(large, *wishes)[2].rests_on
    assert "measured in lesson 09" in memory_calculator.memory_parts(MINILM, *wishes)[2].rests_on


def test_the_calculator_says_whether_it_fits_and_what_helps() -> None:
    panel = widgets.MemoryCalculator(documents=3_000_000, memory_gib=8)
    assert "Vectors take 4.29 GiB" in panel.words and "They fit into 8 GiB and leave 3." in panel.words
    panel.set(documents="30 000 000")
    assert "do not fit into 8 GiB" in panel.words and "The largest part is the vectors: try a memory-mapped file" in panel.words
    panel.set(on_disk=True)
    assert "They fit into 8 GiB" in panel.words and "one chunk" in panel.html
    panel.set(model="Qwen3-Embedding-8B")
    assert "The largest part is the weights: try weights of two bytes a number" in panel.words
    panel.set(model="all-MiniLM-L6-v2", batch_size="1024", tokens="256", memory="4")
    assert "The largest part is the batch: try a smaller batch" in panel.words


@pytest.mark.parametrize(("text", "number"), [("3000000", 3_000_000), ("3,000,000", 3_000_000), (" 3_000 000 ", 3_000_000)])
def test_a_number_is_read_as_people_write_it(text: str, number: int) -> None:
    assert memory_calculator.number_of_documents(text) == number


@pytest.mark.parametrize("text", ["", "many", "1.5", "-3", "0", "3e6", "9" * 5000, "٣"])
def test_what_is_no_number_is_answered_in_the_panel(text: str) -> None:
    panel = widgets.MemoryCalculator()
    panel.set(documents=text)
    assert panel.words.startswith("documents must be a whole number") and panel.html == ""
    assert panel._still()[0]["image/png"]


# The model picker


def names_left(panel: widgets.ModelPicker) -> set[str]:
    return {model.name for model in panel._steps(**panel.values)[-1].left}


def test_the_picker_begins_with_the_help_center_of_lesson_10() -> None:
    by_hand = {
        model.name
        for model in catalog.models()
        if model.kind == "SentenceTransformer"
        and model.transformers_5.value
        and model.trust_remote_code.value is False
        and model.license.value in ("mit", "apache-2.0")
        and model.gated.value is False
        and (model.max_tokens.value == "unlimited" or model.max_tokens.value >= 500)
        and model.size_bytes.value < 500 * 2**20
    }
    panel = widgets.ModelPicker()
    assert names_left(panel) == by_hand and len(by_hand) > 3
    assert panel.words.startswith(f"{len(by_hand)} of {len(catalog.models())} models are left: ")
    panel.set(tokens="200")
    assert names_left(panel) == by_hand | {"all-MiniLM-L6-v2", "all-mpnet-base-v2"}


def test_the_picker_agrees_with_the_exercise_of_lesson_10() -> None:
    panel = widgets.ModelPicker()
    panel.set(language="another language", tokens="8,000", size="3 GiB")
    assert names_left(panel) == {model.name for model in catalog.models() if not lesson_10._obstacle(model)}


def test_every_model_is_left_or_fell_out_at_one_question() -> None:
    panel = widgets.ModelPicker()
    steps = panel._steps(**panel.values)
    fallen = [model.id for step in steps for model in step.fallen]
    assert sorted([*fallen, *(model.id for model in steps[-1].left)]) == sorted(model.id for model in catalog.models())
    assert all(model.name in panel.html for model in catalog.models())


def test_what_the_catalog_does_not_know_counts_as_no_unless_asked_otherwise_and_is_said() -> None:
    panel = widgets.ModelPicker(["all-MiniLM-L6-v2", "snowflake-arctic-embed-xs"])  # xs: nobody says whether it works with transformers 5
    panel.set(tokens="200")
    assert names_left(panel) == {"all-MiniLM-L6-v2"}
    assert "1 more may fit: the catalog has no value" in panel.words and "snowflake-arctic-embed-xs (unconfirmed)" in panel.html
    panel.set(unknown_fits=True)
    assert names_left(panel) == {"all-MiniLM-L6-v2", "snowflake-arctic-embed-xs"} and "may fit" not in panel.words


@pytest.mark.parametrize("benchmark", catalog.benchmarks())
def test_the_best_published_figure_stands_first_with_its_source(benchmark: str) -> None:
    panel = widgets.ModelPicker(benchmark=benchmark)
    panel.set(tokens="any", size="any", license="any", own_code=True, runs=False)
    scores = [model.score(benchmark) for model in model_picker._sorted(panel._steps(**panel.values)[-1].left, benchmark)]
    known = [score for score in scores if score is not None]
    assert known == sorted(known, reverse=True) and scores[: len(known)] == known
    if known:
        assert f"By {benchmark}, " in panel.words and f"Source of the column {benchmark}: " in panel.html
    else:
        assert "None of them has a published figure" in panel.words


def test_the_picker_says_at_which_question_the_last_models_fell_out() -> None:
    panel = widgets.ModelPicker()
    panel.set(language="another language", tokens="30,000", size="100 MiB")
    assert panel.words.startswith("No model is left: the last ones fell out at “weights up to 100 MiB”")
    assert panel._still()[0]["image/png"]


# The slider of sizes


def test_a_shrunk_vector_is_normalized_rounded_or_reduced_to_its_signs() -> None:
    vectors = some_vectors(7)
    assert np.allclose(np.linalg.norm(size_slider.shrunk(vectors, 16, "float32"), axis=1), 1)
    codes = size_slider.shrunk(vectors, 16, "int8")
    assert (codes == codes.round()).all() and np.abs(codes).max() == 127
    assert np.array_equal(size_slider.shrunk(vectors, 16, "binary") > 0, vectors[:, :16] > 0)
    assert np.abs(size_slider.shrunk(vectors, 16, "float16") - size_slider.shrunk(vectors, 16, "float32")).max() < 0.001


def test_the_best_rows_are_those_of_a_full_sort() -> None:
    documents, queries = some_vectors(50), some_vectors(6, seed=1)
    found = size_slider.best_rows(queries, documents, 4)
    assert np.array_equal(np.sort(found), np.sort(np.argsort(-(queries @ documents.T), axis=1)[:, :4]))


def test_full_vectors_keep_every_hit_and_pca_saves_what_cutting_loses() -> None:
    points = {(p.dimensions, p.precision, p.turned): p for p in size_slider.compare_sizes(some_vectors(300), some_vectors(20, seed=1), k=5)}
    assert points[32, "float32", False].recall == 1 and points[32, "float32", False].bytes == 128
    assert points[32, "float16", False].recall > 0.95
    assert points[16, "binary", False].bytes == 2
    # The last 8 of 32 dimensions carry nearly everything: the first 8 find nearly nothing, and PCA brings the last to the front.
    assert points[8, "float32", False].recall < 0.2 < 0.6 < points[8, "float32", True].recall


def test_labels_take_the_place_of_the_exact_hits() -> None:
    documents = some_vectors(300)
    points = size_slider.compare_sizes(documents, documents[:4], k=1, relevant=[{0}, {1}, [2, 250], np.array([3])])
    full = next(point for point in points if (point.dimensions, point.precision, point.turned) == (32, "float32", False))
    assert full.recall == pytest.approx((1 + 1 + 0.5 + 1) / 4)


@pytest.mark.parametrize(("dimensions", "last"), [(16, 16), (100, 96), (384, 384), (768, 768), (1024, 1024), (4096, 4096)])
def test_sizes_are_at_most_twelve_multiples_of_eight_up_to_the_full_one(dimensions: int, last: int) -> None:
    sizes = size_slider.sizes(dimensions)
    assert sizes[-1] == last and len(sizes) <= 12 and not [size for size in sizes if size % 8]


def test_the_slider_says_what_the_choice_costs_and_what_would_cost_less() -> None:
    panel = slider()
    panel.set(dimensions=8, precision="float32")
    assert panel.words.startswith("8 dimensions in float32 take 32 of the full 128 bytes a vector and keep ")
    better = re.search(r"More for no more bytes: .+, (\d+) bytes, (\d+)%\.", panel.words)
    assert better and int(better[1]) <= 32
    panel.set(dimensions=32)
    assert "keep 100% of the exact hits (20 queries)." in panel.words and "Nothing measured here reaches more" in panel.words
    assert panel.html.count("▸") == 2  # in the caption and at the choice
    panel.set(turned=True)
    assert panel.words.startswith("32 dimensions in float32 turned by PCA") and "keep 100% of" in panel.words


def test_of_many_queries_a_spread_is_measured() -> None:
    panel = widgets.SizeSlider(some_vectors(60, 16), some_vectors(501, 16), k=3)
    assert "(200 queries)" in panel.words


# The map


def test_the_plane_lies_within_the_map_at_one_scale() -> None:
    vectors = some_vectors(40)
    places, kept = embedding_map.plane(vectors)
    assert places.min() >= 0 and places.max() <= 100 and 0 < kept < 1
    from sklearn.decomposition import PCA

    points = PCA(n_components=2, random_state=0).fit_transform(vectors)
    ratio = np.ptp(points[:, 0]) / np.ptp(points[:, 1])
    assert np.ptp(places[:, 0]) * embedding_map.ASPECT / np.ptp(places[:, 1]) == pytest.approx(ratio, rel=1e-3)
    assert (embedding_map.plane(np.ones((3, 4)))[0] == 50).all()


def test_words_are_found_in_any_case_and_all_of_them() -> None:
    assert embedding_map.containing(TEXTS, "SORT a").tolist() == [0, 1, 4]
    assert embedding_map.containing(TEXTS, "sort list").tolist() == [1]
    assert embedding_map.containing(TEXTS, "  ").tolist() == []


def test_the_map_says_what_is_in_view_in_the_middle_and_found() -> None:
    panel = widgets.EmbeddingMap(TEXTS, PLACES, GROUPS)
    assert panel.words.startswith("5 of 5 texts are in view, 2 of them python.")
    panel.set(find="sort")
    assert "“sort”: found in 3 texts, 3 in view, ringed." in panel.words and panel.html.count("<circle") == 3
    across, up = panel._places[0]
    panel.set(zoom=8, across=round(float(across)), up=round(float(up)))
    assert panel.words.startswith("2 of 5 texts are in view") and "“sort”: found in 3 texts, 2 in view" in panel.words
    assert "similarity of 1.00" in panel.words or "similarity of 0.99" in panel.words
    assert "outside: right" in panel.html or "outside: left" in panel.html


def test_an_empty_view_says_so() -> None:
    panel = widgets.EmbeddingMap(TEXTS, PLACES, GROUPS)
    panel.set(zoom=20, across=50, up=0)
    assert panel.words == "0 of 5 texts are in view." and "No text is in view: move the map" in panel.html
    assert panel._still()[0]["image/png"]


def test_the_readers_texts_are_escaped() -> None:
    panel = widgets.EmbeddingMap(TEXTS, PLACES, ["<b>", "<b>", "b", "b", "<b>"], find="<img")
    assert "<img" not in panel.html and "<b>" not in panel.html and "&lt;img src=x" in panel.html


def test_of_many_texts_some_are_drawn_and_what_was_found_always_is() -> None:
    texts = [f"text number {row}" for row in range(3000)]
    panel = widgets.EmbeddingMap(texts, some_vectors(3000), find="2999")
    assert panel.html.count("<title>") == embedding_map.MOST_DRAWN and "<title>texts: text number 2999</title>" in panel.html
    assert "500 of the 3,000 texts in view are drawn" in panel.html


def test_each_group_has_a_mark_of_its_own() -> None:
    groups = [f"group {row % 8}" for row in range(40)]
    panel = widgets.EmbeddingMap([str(row) for row in range(40)], some_vectors(40), groups)
    outlines = set(re.findall(r'M7 7(m[^"]+)"', panel.html))
    assert len(outlines) == 8
    with pytest.raises(ValueError, match="groups must be at most 8 different groups"):
        widgets.EmbeddingMap([str(row) for row in range(40)], some_vectors(40), [str(row % 9) for row in range(40)])


# What they refuse


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: widgets.MemoryCalculator("no-such-model"), ValueError, "name must be the name of a model in the catalog"),
        (lambda: widgets.MemoryCalculator("splade-v3"), ValueError, "model must be one of"),
        (lambda: widgets.MemoryCalculator(documents=0), ValueError, "documents must be a whole number from 1"),
        (lambda: widgets.MemoryCalculator(memory_gib=True), TypeError, "memory_gib must be a whole number"),
        (lambda: widgets.ModelPicker("bge-m3"), TypeError, "names must be a list of at least one string"),
        (lambda: widgets.ModelPicker(benchmark="MTEB"), ValueError, "benchmark must be one of"),
        (lambda: widgets.SizeSlider(some_vectors(9, 8), some_vectors(2, 8)), ValueError, "at least 16 dimensions"),
        (lambda: widgets.SizeSlider(some_vectors(9), some_vectors(2, 16)), ValueError, "vectors of one size"),
        (lambda: widgets.SizeSlider(some_vectors(9), some_vectors(2)), ValueError, "k must be a whole number from 1 to 9"),
        (lambda: widgets.SizeSlider(some_vectors(9), some_vectors(2), k=3, relevant=[{1}]), ValueError, "relevant must have as many items"),
        (lambda: widgets.SizeSlider(some_vectors(9), some_vectors(2), k=3, relevant=[{1}, {}]), TypeError, r"relevant\[1\] must be"),
        (lambda: widgets.SizeSlider(some_vectors(9), some_vectors(2), k=3, relevant=[{1}, {9}]), ValueError, r"relevant\[1\] must be"),
        (lambda: widgets.EmbeddingMap("text", PLACES), TypeError, "texts must be a list"),
        (lambda: widgets.EmbeddingMap(TEXTS, PLACES[:4]), ValueError, "vectors must have as many items as texts"),
        (lambda: widgets.EmbeddingMap(TEXTS, PLACES, GROUPS[:4]), ValueError, "groups must have as many items as texts"),
        (lambda: widgets.EmbeddingMap(TEXTS[:2], PLACES[:2]), ValueError, "vectors must be at least 3 rows"),
        (lambda: widgets.EmbeddingMap(TEXTS, PLACES, find=3), TypeError, "find must be a string"),  # type: ignore[arg-type]
        (lambda: slider().set(precision="int4"), ValueError, "precision must be one of"),
        (lambda: slider().set(dimensions=64), ValueError, "dimensions must be a finite number from 8"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(make: Callable[[], Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence) as refused:
        make()
    assert "\n" not in str(refused.value)
