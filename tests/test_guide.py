"""Every statement of the older guide, and the cell that settles it.

`python -m tests.test_guide` prints them as a table. `shows` is a piece of the code or the stored output of one cell: whoever
changes the lesson so that the cell no longer shows it, makes this go red.
"""

from dataclasses import dataclass

import pytest

from helpers.course import gates
from helpers.course.registry import read_course

COURSE = read_course()


@dataclass(frozen=True)
class Statement:
    """What the older guide says or does, how it turned out, and the lesson with the cell that shows it."""

    section: str
    guide: str
    verdict: str
    lesson: str
    shows: str


STATEMENTS = [
    Statement("Variables", "LIBRARY_VERSION: 3.0+", "too low", "01", '3.0.1 lacks: backend="onnx", encode_query'),
    Statement("Variables", "weighted_mean", "wrong name: weightedmean", "01", "Invalid pooling mode: 'weighted_mean'"),
    Statement("Variables", "SUPPORTED_FORMATS: pytorch, …", "wrong name: torch", "01", "Unsupported backend 'pytorch'"),
    Statement(
        "Installation", "sentence-transformers torch --index-url …/cu121", "fails: two commands", "01", "No matching distribution found for"
    ),
    Statement("Installation", "sentence-transformers[all]", "no such extra", "01", "does not provide the extra 'all'"),
    Statement("Installation", "==3.0.1 for reproducibility", "pins one package of many", "01", "0 of 9 dependencies are pinned"),
    Statement(
        "Loading Models",
        "device='cuda', 'mps' written down",
        "an error without that device",
        "02",
        "an error, and no model: nothing falls back",
    ),
    Statement("Loading Models", "'/path/to/local/model'", "a placeholder: FileNotFoundError", "02", "/path/to/local/model"),
    Statement("Loading Models", "trust_remote_code for bge-m3 and Qwen", "not needed", "02", "qwen3        is part of transformers: True"),
    Statement("Encoding Text", "shapes (384,) and (3, 384)", "right", "03", "three texts: (3, 384)"),
    Statement("Encoding Text", "numpy by default, tensors on the model's device", "right", "03", "on the model's device: True"),
    Statement(
        "Advanced Encoding Options", "batch_size=64", "not needed; batches are the default", "03", "default:       [(32, 142), (32, 12)]"
    ),
    Statement(
        "Advanced Encoding Options", "normalize_embeddings=True for cosine", "changes nothing here", "03", "equal with the flag: True"
    ),
    Statement(
        "Advanced Encoding Options",
        "encode_multi_process(texts, pool)",
        "deprecated: encode(pool=)",
        "03",
        "The `encode_multi_process` method has been",
    ),
    Statement(
        "Advanced Encoding Options",
        "a pool at the top level of a script",
        "never ends without a guard",
        "03",
        "RuntimeError: An attempt has been made",
    ),
    Statement("Popular Models", "MiniLM: 22M parameters", "right, 22,713,216", "02", "22,713,216 parameters"),
    Statement("Popular Models", "MiniLM: about 20 ms (CPU), 2 ms (GPU)", "a property of a machine", "02", "ms for a text of five words"),
    Statement("Popular Models", "get_sentence_embedding_dimension()", "renamed", "01", "has been renamed to `get_embedding_dimension`"),
    Statement("Similarity Computation", "the three sentences", "right: 0.688, 0.080, 0.088", "04", "[0.688 1.    0.088]"),
    Statement("Similarity Computation", "pairs in a loop", "similarity_pairwise", "04", "similarity_pairwise(vectors[[0, 0, 1]]"),
    Statement("Semantic Search", "util.semantic_search on five texts", "right: 0.541 first", "05", "0.541"),
    Statement("Semantic Search", "import torch", "never used", "05", "semantic_search"),
]


def settled_in(statement: Statement) -> int:
    """The number of the first code cell of the lesson whose code or output shows it; 0 for none."""
    notebook = gates.read_notebook(COURSE.notebook(COURSE.lesson(statement.lesson)))
    shown = [f"{cell.source}\n{gates.output_text(cell)}" for cell in gates.code_cells(notebook)]
    return next((number for number, text in enumerate(shown, start=1) if statement.shows in text), 0)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: f"{statement.lesson} {statement.guide}")
def test_a_cell_settles_the_statement(statement: Statement) -> None:
    assert settled_in(statement) > 0


def test_a_statement_that_no_cell_shows_is_found() -> None:
    assert settled_in(Statement("Variables", "", "", "00", "words that stand in no cell of the lesson")) == 0


def test_every_section_of_the_guide_has_a_lesson() -> None:
    sections = {section for lesson in COURSE.lessons for section in lesson.guide}
    assert {statement.section for statement in STATEMENTS} <= sections


if __name__ == "__main__":
    print("| section | the older guide | verdict | lesson | code cell |\n|---|---|---|---|---|")
    for row in STATEMENTS:
        print(f"| {row.section} | {row.guide} | {row.verdict} | {row.lesson} | {settled_in(row)} |")
