"""Every widget of the course in JupyterLab: by mouse and by keyboard alone, light and dark, on the real model.

What a panel shows for given values is tested without a browser, in tests/test_widgets_*.py. Here a reader's hand reaches it: each entry
brings the sentence and the view that belong to it, in time.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from helpers import widgets
from helpers.widgets.panel import Panel
from tests.browser.accessibility import serious_faults
from tests.browser.lab import PICTURES, THEMES, Lab, picture_path, run_all, wants_picture
from tests.browser.panels import HANDS, Keyboard, Mouse, PanelOnPage

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
MOST_MS = 2000  # loose, for a machine that has other work; on a quiet one each answer takes less than 200, printed with -s

SETUP = """
from helpers import corpus, hub, widgets
hub.activate()
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
topics, texts = (list(column) for column in zip(*corpus.SENTENCES))
vectors = model.encode(texts)
"""


@dataclass(frozen=True)
class Use:
    """One entry: a control, how it is used, and what the sentence and the view then say, as regular expressions.

    In both, VALUE stands for what the control then holds: a mouse brings a slider near a value, not always onto it.
    """

    control: str
    how: str
    what: str | float | None
    says: str
    shows: str = ""


@dataclass(frozen=True)
class Case:
    """A widget, and what mouse and keyboard do with it. `twin` makes the same panel here, where that takes no model."""

    cell: str
    mouse: tuple[Use, ...]
    keyboard: tuple[Use, ...]
    twin: Callable[[], Panel] | None = None


CASES = {
    "TokenExplorer": Case(
        "widgets.TokenExplorer(model)",
        (
            Use("text", "write", "A short text.", "reads all 6 tokens, 2 of them special", r"\[CLS\].*short.*\[SEP\]"),
            Use("limit", "move", 3, "reads 3 of 6 tokens and drops the last 3 .* after “A”", r"\[cut off:\]\s+short text\."),
        ),
        (
            Use("text", "write", "Unbelievably <b>bold</b>", "reads (3 of|all) 15 tokens", "<b>bold</b>"),
            Use("limit", "move", 5, "reads 5 of 15 tokens", r"un.*##bel.*cut off"),
        ),
    ),
    "SimilarityMatrix": Case(
        "rows = [0, 1, 2, 5]\nwidgets.SimilarityMatrix([texts[row] for row in rows], vectors[rows] @ vectors[rows].T, same=[(0, 1)])",
        (
            Use(
                "threshold",
                "move",
                0,
                "5 of 6 pairs are called a match: 1 rightly and 4 wrongly",
                "1 ● true positives.*4 ▲ false positives",
            ),
        ),
        (
            Use("threshold", "move", 0.98, r"^From 0.98 on, 0 of 6 pairs .* 1 of the 1 matches is missed", "1 ○ false negatives"),
            Use("threshold", "move", 0, "^From 0.00 on, 5 of 6 pairs .* Precision is 0.20, recall 1.00", "1 true negatives"),
        ),
    ),
    "SearchBox": Case(
        "widgets.SearchBox(model, texts, vectors)",
        (
            Use("query", "write", "doctor", "^For “doctor” embeddings put .* BM25 She sees a doctor", "She sees a doctor about the pain"),
            Use("k", "move", 1, "first VALUE of", "rank.*combined"),
        ),
        (
            Use("query", "write", "piano", "^For “piano” .* BM25 He practices scales", "He practices scales on the piano every morning"),
            Use("k", "move", 3, "first 3 of", "BM25 not found"),
            Use("query", "write", "zzz", "BM25 finds nothing", "combined"),
        ),
    ),
    "PromptComparator": Case(
        'widgets.PromptComparator(model, "What do we eat?", texts[5:10] + texts[20:23], {"E5": "query: ", "BGE": "Represent this: "})',
        (
            Use("prompt", "choose", "no prompt", "^Without a prompt, “.*” is first", "same place"),
            Use("prompt", "choose", "BGE", "^With 'Represent this: ' before the query", "score with the prompt"),
        ),
        (
            Use("prompt", "choose", "the one typed below", "^With 'Find the function: '"),
            Use("typed", "write", "music: ", "^With 'music: ' before the query, .* change places", "▲ up"),
            Use(
                "query",
                "write",
                "a song",
                "^With 'music: '.*The crowd sang along to the final song",
                "The crowd sang along to the final song",
            ),
        ),
    ),
    "PoolingExplorer": Case(
        "widgets.PoolingExplorer(model)",
        (
            Use("pooling", "choose", "cls", r"^cls pooling: .*“\[CLS\]” adds most, 100 %", "Cosine of the other poolings with cls"),
            Use("text", "write", "Two words", "nearest of the 4 tokens", "two.*words"),
        ),
        (
            Use("text", "write", "Three more words", "nearest of the 5 tokens", "three.*more.*words"),
            Use("pooling", "choose", "max", "^max pooling: ", "Cosine of the other poolings with max"),
        ),
    ),
    "MemoryCalculator": Case(
        "widgets.MemoryCalculator()",
        (
            Use("documents", "write", "3,000", "^Vectors take 4 MiB.* They fit into 16 GiB", "4,608,000"),
            Use("precision", "choose", "int8", "^Vectors take 1 MiB", "1,152,000"),
        ),
        (
            Use("documents", "write", "2,000,000,000", "They do not fit into 16 GiB", "2,000,000,000 vectors × 384 dimensions"),
            Use("on_disk", "press", None, "They fit into 16 GiB", "the rest on disk"),
            Use("documents", "write", "many", "^documents must be a whole number", "^$"),
            Use("documents", "write", "10", "^Vectors take", "10 vectors"),
        ),
        widgets.MemoryCalculator,
    ),
    "ModelPicker": Case(
        "widgets.ModelPicker()",
        (
            Use("tokens", "choose", "2,000", "left", "reads 2,000 tokens"),
            Use("language", "choose", "another language", "left", "multilingual"),
        ),
        (
            Use("tokens", "choose", "any", "left", r"^(?!.*reads [\d,]+ tokens)"),
            Use("code", "press", None, "left", "trained on code"),
        ),
        widgets.ModelPicker,
    ),
    "SizeSlider": Case(
        "widgets.SizeSlider(vectors, vectors[::4], k=5)",
        (
            Use("dimensions", "move", 32, "^VALUE dimensions in int8 take VALUE of the full 1,536 bytes", "▸"),
            Use("precision", "choose", "binary", r"^\d+ dimensions in binary take \d+ of", "by dimensions and precision"),
        ),
        (
            Use("dimensions", "move", 352, "^352 dimensions in (int8 take 352|binary take 44) of"),
            Use("precision", "choose", "float16", "^352 dimensions in float16 take 704 of"),
            Use("turned", "press", None, "^352 dimensions in float16 .*PCA.* take 704 of", "352 dimensions in float16 .*PCA.*: 704 bytes"),
        ),
    ),
    "EmbeddingMap": Case(
        "widgets.EmbeddingMap(texts, vectors, topics)",
        (
            Use("find", "write", "train", "“train”: found in 1 text, 1 in view, ringed", "Found “train”.*platform four"),
            Use("zoom", "move", 4, r"^1?\d of 40 texts", "Nearest to the middle of the view"),
        ),
        (
            Use("find", "write", "the island", "“the island”: found in 1 text", "The ferry crosses to the island"),
            Use("zoom", "move", 2, r"^[1-3]\d of 40 texts are in view", "Groups and their marks"),
            Use("across", "move", 30, r"^\d+ of 40 texts"),
        ),
    ),
}


@pytest.fixture(scope="module", params=THEMES)
def page(lab: Lab, request: pytest.FixtureRequest) -> Iterator["Page"]:
    """A notebook of all widgets that has run, a widget a cell."""
    path = lab.put(f"widgets-{request.param}.ipynb", [SETUP, *(case.cell for case in CASES.values())])
    with lab.opened(path, request.param) as opened:
        assert run_all(opened) == {}
        opened.wait_for_function(f"() => document.querySelectorAll('section.course-panel').length === {len(CASES)}")
        yield opened


@pytest.fixture(params=CASES)
def panel(page: "Page", request: pytest.FixtureRequest) -> Iterator[PanelOnPage]:
    """One of the widgets."""
    chosen = the_panel(page, request.param)
    yield chosen
    if wants_picture(request):
        chosen.photograph(picture_path(PICTURES, f"{request.node.name} panel"))


def the_panel(page: "Page", name: str) -> PanelOnPage:
    return PanelOnPage(page, page.locator("section.course-panel").nth(list(CASES).index(name)), name)


def test_every_public_widget_is_used_here() -> None:
    assert sorted(CASES) == sorted(widgets.__all__)


@pytest.mark.parametrize("hand", HANDS)
def test_each_entry_brings_its_sentence_and_its_view(panel: PanelOnPage, hand: str) -> None:
    case = CASES[panel.name]
    hands = HANDS[hand](panel)
    for use in case.mouse if hand == "mouse" else case.keyboard:
        before = panel.says()
        getattr(hands, use.how)(use.control, *([] if use.what is None else [use.what]))
        took = panel.changed_from(before)
        says, shows = (pattern.replace("VALUE", panel.value(use.control)) for pattern in (use.says, use.shows))
        assert re.search(says, panel.says()), f"{use}: {panel.says()!r}"
        assert re.search(shows, panel.shows(), re.DOTALL), f"{use}: {panel.shows()[:1000]!r}"
        print(f"\n{panel.name:17} {hand:8} {use.control:10} {use.how:6} {took:5.0f} ms", end="")
        assert took < MOST_MS, use
    if case.twin is not None:
        twin = case.twin()
        twin.set(**panel.values())
        assert panel.says() == twin.words


def test_nothing_serious_is_wrong_with_its_accessibility(panel: PanelOnPage) -> None:
    assert serious_faults(panel.page, panel.selector()) == []


def test_tab_walks_through_all_controls_in_order_and_out_again(panel: PanelOnPage) -> None:
    keyboard = Keyboard(panel)
    keyboard.enter_panel()
    seen = keyboard.walk_out()
    assert seen == [*panel.names(), "view"]


def test_the_panel_follows_the_theme(panel: PanelOnPage) -> None:
    paper = panel.section.evaluate("(section) => getComputedStyle(section).backgroundColor")
    dark = panel.page.evaluate("() => document.body.dataset.jpThemeLight === 'false'")
    lightness = max(int(part) for part in re.findall(r"\d+", paper)[:3])
    assert (lightness < 80) if dark else (lightness > 200), paper


def test_the_map_moves_by_dragging_and_enlarges_by_the_wheel(page: "Page") -> None:
    panel = the_panel(page, "EmbeddingMap")
    Mouse(panel).move("zoom", 2)
    panel.rest()
    held = {name: panel.value(name) for name in ("across", "up", "zoom")}
    drawing = panel.section.locator("[data-map]")
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 150, steps=8)
    page.mouse.up()
    panel.rest()
    assert float(panel.value("across")) < float(held["across"]), "dragging to the right shows what lies on the left"
    assert float(panel.value("up")) < float(held["up"]), "dragging up shows what lies below"
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    panel.rest()
    assert float(panel.value("zoom")) == float(held["zoom"]) + 1
