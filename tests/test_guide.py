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
    Statement("Task-Specific Prompting", "E5: query: and passage: typed by hand", "right; prompts= is safer", "06", "query:   True"),
    Statement(
        "Task-Specific Prompting",
        "BGE: Represent this sentence for retrieval:",
        "wrong wording",
        "06",
        "False 'Represent this sentence for retrieval: '",
    ),
    Statement("Popular Models", "google/embedding-gemma-300m", "wrong id", "06", 'SentenceTransformer("google/embedding-gemma-300m")'),
    Statement(
        "Popular Models", "EmbeddingGemma by plain encode", "has prompts that encode leaves out", "06", "'task: search result | query: '"
    ),
    Statement("Popular Models", "Qwen3: prompt_name='query'", "right; as encode_query", "06", "by name: True"),
    Statement(
        "Custom Pooling",
        "from sentence_transformers.models import …",
        "deprecated",
        "07",
        "Importing from 'sentence_transformers.models' is deprecated",
    ),
    Statement(
        "Custom Pooling", "get_word_embedding_dimension()", "renamed", "07", "The `get_word_embedding_dimension` method has been renamed"
    ),
    Statement("Custom Pooling", "pooling_mode_cls_token=True, …", "deprecated: pooling_mode", "07", "Please use `pooling_mode` inst"),
    Statement(
        "Custom Pooling",
        "[CLS] pooling, built by hand",
        "costs what the model was not trained for",
        "07",
        "cls                           0.60",
    ),
    Statement("Saving and Loading", "model.save(path)", "right; save_pretrained calls it", "08", "self.save("),
    Statement(
        "Saving and Loading", "Export to ONNX (see onnx-optimization.md)", "a dangling link; done here", "08", "within 1e-5 of torch: True"
    ),
    Statement(
        "Saving and Loading",
        "SUPPORTED_FORMATS: onnx, openvino",
        "cannot be installed beside 6.2",
        "08",
        "Using the ONNX backend requires installing Optimum",
    ),
    Statement("Memory Management", "encode_large_corpus", "NameError: np", "09", "NameError: name 'np' is not defined"),
    Statement("Memory Management", "np.vstack of all chunks", "holds everything twice", "09", "2.0 times that"),
    Statement(
        "Memory Management",
        "gc.collect() and empty_cache() in the loop",
        "buy nothing on a CPU",
        "09",
        "left by encode for gc.collect(): 0",
    ),
    Statement("Memory Management", "model.half() for memory savings", "half the weights; float16 vectors", "09", "a copy: False"),
    Statement(
        "Error Handling", "safe_encode", "gives up before batch size 8; drops the cause", "09", "Failed after max retries [64, 32, 16]"
    ),
    Statement("Performance Characteristics", "1M docs @ 384 dims: 1.43 GB", "GiB", "09", "1.43 GiB =  1.54 GB"),
    Statement(
        "Performance Characteristics",
        "Memory: 44MB … 1.1GB",
        "weights in 16 bits; the code loads 32",
        "09",
        "right for 16-bit weights only",
    ),
    Statement(
        "Performance Characteristics",
        "Throughput by Model",
        "contradicts its own latencies; a machine's property",
        "10",
        "inconsistent with the guide",
    ),
    Statement("Popular Models", "Qwen3-4B: 2048 dimensions", "wrong: 2560", "10", "2,560"),
    Statement(
        "Popular Models", "BGE-M3: sparse embeddings by the model directly", "random heads; composed here", "10", "two loads agree: False"
    ),
    Statement(
        "Popular Models", "EmbeddingGemma rivals 2x larger models", "unconfirmed: no benchmark named", "10", "Rivals 2x larger models"
    ),
    Statement(
        "Performance Characteristics", "Latency by Batch Size", "a machine's property; contradicts the throughput", "10", "128 texts, GPU"
    ),
    Statement("Performance Characteristics", "10x faster CPU inference by ONNX", "wrong: 1.06 in float32", "10", "published medians: 1.06"),
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
