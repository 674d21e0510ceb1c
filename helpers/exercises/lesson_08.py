"""Exercises of lesson 08: save a model and export it to ONNX and OpenVINO."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from helpers import arguments
from helpers.exercises import Exercise, Wrong, WrongAnswer

PROMPT, DIMENSION, LIMIT = "query: ", 128, 64
PROMPTS = {"query": "query: ", "document": "passage: "}
TEXTS = ("How warm is it?", "Where do I park? " * 40)
QUESTION = "Where can I leave my bicycle?"
# The last one is longer than the model's limit, so that an untruncated text shows.
DOCUMENTS = (
    "Bicycles may be parked in the yard.",
    "Lunch is served at noon.",
    "Invoices are paid within thirty days. " * 60,
)
CLOSE = 1e-4
NUMPY_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "I64": np.dtype("<i8")}
# One vector, one matrix, and the last tensor of the file.
TENSORS = ("embeddings.LayerNorm.weight", "encoder.layer.0.attention.self.query.weight", "pooler.dense.weight")


# 08.1


def check_remembering_folder(answer: Any, *, model: Any) -> None:
    """A folder that, loaded without arguments, encodes as the question's call does."""
    if model.max_seq_length == LIMIT or model.truncate_dim is not None or model.default_prompt_name is not None:
        raise Wrong("You changed the lesson's own model, which later cells need as it was. Run its cell again, and change a second one.")
    if not isinstance(answer, str) and callable(getattr(answer, "encode", None)):
        raise Wrong("The answer is the folder, not the model: save it with save_pretrained and give the path.")
    if not isinstance(answer, str | os.PathLike):
        raise Wrong(f"The answer is the path of the folder that you saved, not {arguments.shown(answer)}.")
    folder = Path(os.fspath(answer))
    if not (folder / "modules.json").is_file():
        raise Wrong(f"There is no saved model in {folder.name!r}: modules.json is missing.")
    from sentence_transformers import SentenceTransformer

    with _quiet_library():
        loaded = SentenceTransformer(str(folder), device="cpu")
        found = np.asarray(loaded.encode(list(TEXTS), show_progress_bar=False))
    expected = _as_the_call_does(model)
    if found.shape == expected.shape and np.allclose(found, expected, atol=CLOSE):
        return
    if loaded.max_seq_length != LIMIT:
        raise Wrong(f"The folder reads {loaded.max_seq_length} tokens: max_seq_length is an attribute, set before saving.")
    if loaded.truncate_dim != DIMENSION:
        raise Wrong(
            f"Loaded, it gives {found.shape[1]} numbers per text: an argument of encode is not saved, truncate_dim of the model is."
        )
    if PROMPT not in loaded.prompts.values():
        kept = sorted(prompt for prompt in loaded.prompts.values() if prompt)
        raise Wrong(f"The prompts in the folder are {kept}; the call's prompt is {PROMPT!r}, character by character.")
    if loaded.default_prompt_name is None or loaded.prompts.get(loaded.default_prompt_name) != PROMPT:
        raise Wrong(
            "The prompt is there, but encode does not use it unasked: which of the prompts is the default? See default_prompt_name."
        )
    raise Wrong("All settings are right, yet the vectors differ: are these the weights of all-MiniLM-L6-v2 in float32?")


def _as_the_call_does(model: Any) -> np.ndarray:
    limit = model.max_seq_length
    model.max_seq_length = LIMIT
    try:
        return np.asarray(model.encode(list(TEXTS), prompt=PROMPT, truncate_dim=DIMENSION, show_progress_bar=False))
    finally:
        model.max_seq_length = limit


@contextmanager
def _quiet_library() -> Iterator[None]:
    """Without the library's remark on a default prompt, which the learner has set on purpose."""
    logger = logging.getLogger("sentence_transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


# 08.2


def check_tensor_reader(answer: Any, *, files: Sequence[Path]) -> None:
    """A function that reads one tensor of a safetensors file."""
    if not callable(answer):
        raise Wrong(f"The answer is a function read_tensor(path, name), without calling it. It is {arguments.shown(answer)}.")
    for file in files:
        raw = Path(file).read_bytes()
        length = int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8 : 8 + length])
        for name in TENSORS:
            _compare_tensor(answer(file, name), raw, length, header[name], f"{name} of {Path(file).parent.name}/{Path(file).name}")


def _compare_tensor(found: Any, raw: bytes, length: int, entry: dict[str, Any], which: str) -> None:
    start, end = entry["data_offsets"]
    kind, shape = NUMPY_TYPES[entry["dtype"]], tuple(entry["shape"])
    right = np.frombuffer(raw[8 + length + start : 8 + length + end], kind).reshape(shape)
    if found is None:
        raise Wrong("The function gave None: it has to return the array.")
    if isinstance(found, bytes | bytearray | memoryview):
        raise Wrong("These are the bytes. np.frombuffer(bytes, dtype) makes numbers of them.")
    if not isinstance(found, np.ndarray):
        raise Wrong(f"For {which} it returned {arguments.shown(found)}: return a numpy array.")
    if found.dtype.kind != kind.kind or found.dtype.itemsize != kind.itemsize:
        raise Wrong(f"{which} holds {entry['dtype']}, and your array is {found.dtype}: choose the type by the header's entry.")
    if found.size == right.size and found.shape != shape:
        raise Wrong(f"{which} has shape {shape}, yours {found.shape}: the file keeps the rows one after the other, so reshape.")
    if found.shape != shape:
        raise Wrong(f"{which} has shape {shape}, yours {found.shape}: data_offsets gives the first byte and the byte after the last.")
    if np.array_equal(found, right):
        return
    for skipped, hint in (
        (0, "You counted from the start of the file. The offsets count from the end of the header."),
        (length, "You skipped the header, but not the eight bytes before it."),
        (8, "You skipped the eight bytes, but not the header behind them."),
    ):
        if found.tobytes() == raw[skipped + start : skipped + end]:
            raise Wrong(hint)
    raise Wrong(f"The numbers of {which} are others: its bytes are raw[8 + length + start : 8 + length + end].")


# 08.3


def check_scores_without_torch(answer: Any, *, model: Any) -> None:
    """A function from a question and documents to similarities, computed by the graph, with prompts."""
    if not callable(answer):
        raise Wrong(f"The answer is a function scores(question, documents), without calling it. It is {arguments.shown(answer)}.")
    cases = ((QUESTION, list(DOCUMENTS)), ("lunch", ["", *DOCUMENTS[:2]]), ("Who pays?", [DOCUMENTS[2]]))
    for question, documents in cases:
        found = _scores(answer(question, list(documents)), len(documents))

        def cosines(query: str, document: str, question: str = question, documents: list[str] = documents) -> np.ndarray:
            vectors = model.encode(documents, prompt=document, show_progress_bar=False)
            return np.asarray(vectors @ model.encode(question, prompt=query, show_progress_bar=False))

        right = cosines(PROMPTS["query"], PROMPTS["document"])
        if np.allclose(found, right, atol=CLOSE):
            continue
        _explain(found, right, cosines)


def _explain(found: np.ndarray, right: np.ndarray, cosines: Callable[[str, str], np.ndarray]) -> None:
    query, document = PROMPTS["query"], PROMPTS["document"]
    for wrong, hint in (
        (cosines("", ""), "These are the scores without prompts. The graph knows no prompt: put it before the text yourself."),
        (cosines(query, query), "The documents have the question's prompt. Theirs is 'passage: '."),
        (cosines(document, document), "The question has the documents' prompt. Its own is 'query: '."),
        (cosines(document, query), "The two prompts are swapped."),
        (cosines(query, ""), "The question has its prompt, the documents have none."),
        (cosines("", document), "The documents have their prompt, the question has none."),
        (1 - right, "These are distances. The similarity is the dot product."),
    ):
        if np.allclose(found, wrong, atol=CLOSE):
            raise Wrong(hint)
    raise Wrong(
        "Not the model's scores. Does the graph get the tokenizer's attention_mask? Are long texts cut at 256 tokens? "
        "Is each score the dot product of a document's row and the question's, in the order of the documents?"
    )


def _scores(value: Any, count: int) -> np.ndarray:
    if value is None:
        raise Wrong("The function gave None: it has to return the scores.")
    try:
        found = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"It returned {arguments.shown(value)}: return one number for each document.") from None
    if found.size != count:
        raise Wrong(f"For {count} documents it returned {found.size} numbers: return one score for each.")
    if not np.isfinite(found).all():
        raise Wrong("Some scores are not finite numbers.")
    return found.reshape(-1)


def _search(documents: str = "", question: str = "", mask: str = "t.attention_mask") -> str:
    """What a learner might write for 08.3, with these expressions before the texts, and this attention mask."""
    return f"""
def vectors(texts):
    tokens = tokenizer.encode_batch(texts)
    rows = {{"input_ids": [t.ids for t in tokens], "attention_mask": [{mask} for t in tokens]}}
    rows["token_type_ids"] = [t.type_ids for t in tokens]
    return session.run(None, {{name: np.array(row) for name, row in rows.items()}})[0]

def answer_3(question, documents):
    return vectors([{documents}text for text in documents]) @ vectors([{question}question])[0]
"""


EXERCISES = [
    Exercise(
        number="08.1",
        title="Make the folder remember",
        question=f"""
        A program sets `model.max_seq_length = {LIMIT}` and then calls `model.encode(texts, prompt={PROMPT!r}, truncate_dim={DIMENSION})`
        in many places. Wherever one of the three is forgotten, it gets other vectors, in silence. Load all-MiniLM-L6-v2 once more, and
        save it into a folder in `workshop` from which plain `SentenceTransformer(folder).encode(texts)` gives these vectors. Answer with
        the folder's path.
        """,
        check_answer=check_remembering_folder,
        hints=(
            "Each of the three has a counterpart that belongs to the model. Which arguments does SentenceTransformer take?",
            "SentenceTransformer takes prompts={name: prompt}, default_prompt_name=name and truncate_dim.",
            "Load all-MiniLM-L6-v2 with these three, set max_seq_length, and call save_pretrained.",
        ),
        solution_code=f"""
        kept = SentenceTransformer(
            "all-MiniLM-L6-v2",
            device="cpu",
            prompts={{"query": {PROMPT!r}}},
            default_prompt_name="query",
            truncate_dim={DIMENSION},
        )
        kept.max_seq_length = {LIMIT}
        kept.save_pretrained(str(workshop / "kept"))
        answer_1 = workshop / "kept"
        """,
        wrong_answers=(
            WrongAnswer(
                f"""
                kept = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
                kept.max_seq_length = {LIMIT}
                kept.encode(["a"], prompt={PROMPT!r}, truncate_dim={DIMENSION})
                kept.save_pretrained(str(workshop / "wrong1"))
                answer_1 = workshop / "wrong1"
                """,
                "an argument of encode is not saved",
            ),
            WrongAnswer(
                f"""
                kept = SentenceTransformer("all-MiniLM-L6-v2", device="cpu", prompts={{"query": {PROMPT!r}}}, truncate_dim={DIMENSION})
                kept.max_seq_length = {LIMIT}
                kept.save_pretrained(str(workshop / "wrong2"))
                answer_1 = str(workshop / "wrong2")
                """,
                "default_prompt_name",
            ),
            WrongAnswer(
                f"""
                kept = SentenceTransformer(
                    "all-MiniLM-L6-v2",
                    device="cpu",
                    prompts={{"query": {PROMPT.replace(":", "")!r}}},
                    default_prompt_name="query",
                    truncate_dim={DIMENSION},
                )
                kept.max_seq_length = {LIMIT}
                kept.save_pretrained(str(workshop / "wrong3"))
                answer_1 = workshop / "wrong3"
                """,
                "character by character",
            ),
            WrongAnswer(
                f"""
                kept = SentenceTransformer(
                    "all-MiniLM-L6-v2", device="cpu", prompts={{"q": {PROMPT!r}}}, default_prompt_name="q", truncate_dim={DIMENSION}
                )
                kept.save_pretrained(str(workshop / "wrong4"))
                answer_1 = workshop / "wrong4"
                """,
                "max_seq_length is an attribute",
            ),
            WrongAnswer("answer_1 = model", "the folder, not the model"),
            WrongAnswer("answer_1 = workshop / 'nothing'", "no saved model"),
            WrongAnswer("answer_1 = None", "the path of the folder"),
        ),
        praise="What belongs to the model travels with it; what stands in each call can be forgotten in one of them.",
    ),
    Exercise(
        number="08.2",
        title="Read one tensor by hand",
        question="""
        Write a function `read_tensor(path, name)` that returns one tensor of a safetensors file as a numpy array of the right shape
        and type, with `json` and numpy only. Types `F32` and `F16` are enough. Answer with the function.
        """,
        check_answer=check_tensor_reader,
        hints=(
            "The cell above has everything up to the header's entry: dtype, shape, data_offsets.",
            "The tensor's bytes are raw[8 + length + start : 8 + length + end].",
            "np.frombuffer(bytes, np.float32 or np.float16).reshape(shape).",
        ),
        solution_code="""
        def read_tensor(path, name):
            raw = Path(path).read_bytes()
            length = int.from_bytes(raw[:8], "little")
            entry = json.loads(raw[8 : 8 + length])[name]
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            return np.frombuffer(raw[start:end], {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]).reshape(entry["shape"])

        answer_2 = read_tensor
        """,
        wrong_answers=(
            WrongAnswer(
                """
                def answer_2(path, name):
                    raw = Path(path).read_bytes()
                    length = int.from_bytes(raw[:8], "little")
                    entry = json.loads(raw[8 : 8 + length])[name]
                    start, end = entry["data_offsets"]
                    return np.frombuffer(raw[start:end], np.float32).reshape(entry["shape"])
                """,
                "from the start of the file",
            ),
            WrongAnswer(
                """
                def answer_2(path, name):
                    raw = Path(path).read_bytes()
                    length = int.from_bytes(raw[:8], "little")
                    entry = json.loads(raw[8 : 8 + length])[name]
                    start, end = entry["data_offsets"]
                    return np.frombuffer(raw[length + start : length + end], np.float32).reshape(entry["shape"])
                """,
                "not the eight bytes",
            ),
            WrongAnswer(
                """
                def answer_2(path, name):
                    raw = Path(path).read_bytes()
                    length = int.from_bytes(raw[:8], "little")
                    entry = json.loads(raw[8 : 8 + length])[name]
                    start, end = entry["data_offsets"]
                    return np.frombuffer(raw[8 + length + start : 8 + length + end], np.float32)
                """,
                "so reshape",
            ),
            WrongAnswer(
                """
                def answer_2(path, name):
                    raw = Path(path).read_bytes()
                    length = int.from_bytes(raw[:8], "little")
                    entry = json.loads(raw[8 : 8 + length])[name]
                    start, end = entry["data_offsets"]
                    count = (end - start) // 4
                    numbers = np.frombuffer(raw, np.float32, count=count, offset=8 + length + start)
                    return numbers.reshape(entry["shape"]) if numbers.size == np.prod(entry["shape"]) else numbers
                """,
                "choose the type",
            ),
            WrongAnswer(
                """
                def answer_2(path, name):
                    raw = Path(path).read_bytes()
                    length = int.from_bytes(raw[:8], "little")
                    start, end = json.loads(raw[8 : 8 + length])[name]["data_offsets"]
                    return raw[8 + length + start : 8 + length + end]
                """,
                "These are the bytes",
            ),
            WrongAnswer("answer_2 = np.zeros((384, 384))", "is a function"),
        ),
        praise="Six lines, and no line of the file could have run code on your machine.",
    ),
    Exercise(
        number="08.3",
        title="Search without torch",
        question=f"""
        A service has our graph (`session`), its `tokenizer` (set as above) and numpy. Its model was saved with
        `prompts={PROMPTS}`. Write `scores(question, documents)`: the similarities of one question and a list of documents, as
        `encode_query`, `encode_document` and `similarity` would give them, without calling the library. Answer with the function.
        """,
        check_answer=check_scores_without_torch,
        hints=(
            "The program above turned two texts into vectors. What would encode_query have done to a text first?",
            "Tokenize the question with 'query: ' before it, and each document with 'passage: ' before it.",
            "The graph's rows have length 1, so the similarity is documents @ question.",
        ),
        solution_code="""
        columns = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}

        def vectors(texts):
            tokens = tokenizer.encode_batch(texts)
            return session.run(None, {name: np.array([getattr(t, c) for t in tokens]) for name, c in columns.items()})[0]

        def scores(question, documents):
            return vectors(["passage: " + d for d in documents]) @ vectors(["query: " + question])[0]

        answer_3 = scores
        """,
        wrong_answers=tuple(
            WrongAnswer(code=_code, hint=_hint)
            for _code, _hint in (
                (_search(), "without prompts"),
                (_search(documents="'query: ' + ", question="'query: ' + "), "Theirs is"),
                (_search(documents="'passage: ' + ", question="'query: ' + ", mask="[1] * len(t.ids)"), "attention_mask"),
                (_search(documents="'query: ' + ", question="'passage: ' + "), "swapped"),
                (
                    """
                    def answer_3(question, documents):
                        tokens = tokenizer.encode_batch(["passage: " + text for text in documents])
                        rows = {"input_ids": [t.ids for t in tokens], "attention_mask": [t.attention_mask for t in tokens]}
                        rows["token_type_ids"] = [t.type_ids for t in tokens]
                        return session.run(None, {name: np.array(row) for name, row in rows.items()})[0]
                    """,
                    "return one score for each",
                ),
                ("answer_3 = [0.9, 0.1]", "is a function"),
            )
        ),
        praise="A graph, a tokenizer, two prompts and a dot product: that is the whole service.",
    ),
]
