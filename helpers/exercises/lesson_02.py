"""Exercises of lesson 02: load a model and look inside it."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from helpers import arguments
from helpers.exercises import Exercise, Wrong, WrongAnswer

SENTENCE = "Our train leaves at noon."
KEPT_TOKENS = 8_000
THREE_DECIMALS = 0.000_51  # what rounding to three decimals may change
FAULTS = ("nothing", "tokenizer", "pooling", "normalize", "limit")
WEIGHTS = "model.safetensors"
NEEDED_FILES = ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json", WEIGHTS)
MYSTERY = {"A": "pooling", "B": "nothing", "C": "limit"}


def mystery_folders(source: Path | str, target: Path | str) -> dict[str, str]:
    """Three folders named A, B and C below `target`, made from the model in folder `source`, for exercise 02.3.

    Returns the path of each folder by its letter, ready for SentenceTransformer. What was done to each stands in this function:
    look at it after solving the exercise. The weights are links to `source` where the platform allows it, copies elsewhere.
    Files of an earlier call are overwritten, others are left alone.

    Raises:
        TypeError: an argument is not a path.
        ValueError: `source` is not the folder of such a model, `target` is a file or lies in one, or one holds the other.
    """
    original = _model_folder(arguments.path(source, "source"))
    below = _folder_apart(arguments.path(target, "target"), original)
    folders = {letter: below / letter for letter in MYSTERY}
    for folder in folders.values():
        _copy_model(original, folder)
    _change(folders["A"] / "1_Pooling" / "config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)
    (folders["B"] / "special_tokens_map.json").unlink(missing_ok=True)
    _change(folders["C"] / "sentence_bert_config.json", max_seq_length=128)
    return {letter: str(folder) for letter, folder in folders.items()}


def _model_folder(path: Path) -> Path:
    missing = [name for name in NEEDED_FILES if not (path / name).is_file()]
    if missing:
        raise arguments.wrong_value("source", str(path), f"the folder of all-MiniLM-L6-v2, with {', '.join(missing)} in it")
    return path.resolve()


def _folder_apart(path: Path, original: Path) -> Path:
    folder = path.resolve()
    if any(parent.is_file() for parent in (folder, *folder.parents)):
        raise arguments.wrong_value("target", str(path), "a folder, or the path of a new one")
    if folder.is_relative_to(original) or any(original.is_relative_to(folder / letter) for letter in MYSTERY):
        raise arguments.wrong_value("target", str(path), "a folder apart from the source")
    return folder


def _copy_model(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(WEIGHTS), dirs_exist_ok=True)
    weights = target / WEIGHTS
    if weights.exists():  # Windows replaces no file that a loaded model has open
        return
    try:
        weights.symlink_to((source / WEIGHTS).resolve())
    except OSError:  # Windows allows links to some users only
        shutil.copy(source / WEIGHTS, weights)


def _change(file: Path, **settings: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | settings), encoding="utf-8")


def _number(answer: Any, example: str) -> float:
    """The answer as a number, or a hint that a number is asked for."""
    if hasattr(answer, "detach"):
        answer = answer.detach().cpu()
    try:
        values = np.asarray(answer, dtype=float)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise Wrong(f"The answer is a number such as {example}, not {arguments.shown(answer)}.") from None
    if isinstance(answer, str | bytes | bool) or values.size != 1:
        raise Wrong(f"The answer is one number such as {example}; this is {arguments.shown(answer)}.")
    if not math.isfinite(values.item()):
        raise Wrong(f"The answer is a finite number such as {example}, not {values.item()}. The mean of no rows is NaN: look at shapes.")
    return values.item()


def check_words_only(answer: Any, model: Any) -> None:
    """Exercise 02.1: the cosine between the mean of the word tokens and the model's own vector."""
    value = _number(answer, "0.42")
    vectors, own = _token_vectors(model), model.encode(SENTENCE, show_progress_bar=False).astype(float)
    words = vectors[1:-1].mean(axis=0)
    right = _cosine(words, own)
    if abs(value - right) < THREE_DECIMALS:
        return
    if value == round(right, 2):
        raise Wrong("That may be right, but two decimals fit other answers too: give three.")
    each_of_length_1 = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for other, hint in (
        (_cosine(vectors.mean(axis=0), own), "This is the mean of all tokens, so it is the model's own vector. Leave out [CLS] and [SEP]."),
        (_cosine(vectors[0], own), "This is the vector of [CLS] alone. Average the tokens between [CLS] and [SEP]."),
        (_cosine(vectors[-1], own), "This is the vector of [SEP] alone. Average the tokens between [CLS] and [SEP]."),
        (_cosine(vectors[[0, -1]].mean(axis=0), own), "This is the mean of [CLS] and [SEP]. Average the tokens between them."),
        (_cosine(vectors[1:].mean(axis=0), own), "[CLS] is left out, [SEP] is still there: drop the last row too."),
        (_cosine(vectors[:-1].mean(axis=0), own), "[SEP] is left out, [CLS] is still there: drop the first row too."),
        (_cosine(vectors[1:-2].mean(axis=0), own), "The full stop is missing. It is a token like the words: drop [CLS] and [SEP] only."),
        (_cosine(each_of_length_1[1:-1].mean(axis=0), own), "Each row was brought to length 1 first. Average the rows as they are."),
        (1 - right, "This is the cosine distance. The cosine is 1 minus it."),
        (100 * right, "This is in percent. Give the cosine itself."),
        (float(words @ own), "This is a dot product with a vector that is not of length 1. Divide the mean by its length first."),
        (float(np.linalg.norm(words)), "This is the length of the mean. The cosine compares its direction with model.encode(sentence)."),
    ):
        if abs(value - other) < THREE_DECIMALS:
            raise Wrong(hint)
    if abs(value) > 1.0001:
        raise Wrong("A cosine lies between -1 and 1: bring the mean to length 1 before the dot product.")
    raise Wrong(f"Not this number. Run the first module on [{SENTENCE!r}], keep the rows between [CLS] and [SEP], and average them.")


def _token_vectors(model: Any) -> np.ndarray:
    """Token vectors of the sentence, of shape (tokens, dimension), as the first module gives them."""
    import torch

    with torch.inference_mode():
        features = {name: value.to(model.device) if hasattr(value, "to") else value for name, value in model.preprocess([SENTENCE]).items()}
        return np.asarray(model[0](features)["token_embeddings"][0].float().cpu(), dtype=float)


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def check_smaller_vocabulary(answer: Any, model: Any) -> None:
    """Exercise 02.2: MB of all weights in float16, with a token table of 8,000 rows."""
    value = _number(answer, "12.3")
    parameters = sum(weights.numel() for weights in model.parameters())
    rows, width = model[0].model.get_input_embeddings().weight.shape
    gone = (rows - KEPT_TOKENS) * width
    kept = parameters - gone
    right = 2 * kept / 1e6
    if abs(value - right) < 0.06:
        return
    if abs(value - right) < 0.51:
        raise Wrong("Nearly: count the parameters exactly, and give one decimal.")
    for other, hint in (
        (4 * kept / 1e6, "This is the size in float32. How many bytes does a float16 number take?"),
        (2 * kept / 2**20, "This is in MiB (2**20 bytes). A MB is 10**6 bytes."),
        (kept / 1e6, "These are millions of parameters. Each takes two bytes in float16."),
        (kept, "These are parameters. Each takes two bytes in float16, and a MB is 10**6 bytes."),
        (2 * kept, "These are bytes. Divide by 10**6 for MB."),
        (2 * kept / 1e3, "These are kB. Divide by 1,000 once more."),
        (2 * kept / 1e9, "These are GB. A MB is 10**6 bytes."),
        (2 * parameters / 1e6, "This is the whole model. The token table loses all rows but 8,000."),
        (2 * gone / 1e6, "This is what goes. How much stays?"),
        ((2 * parameters - gone) / 1e6, "The rows that go take two bytes a number, too."),
        (2 * KEPT_TOKENS * width / 1e6, "This is the token table alone. The layers stay as they are: add them."),
        (2 * (parameters - rows * width) / 1e6, "The table is gone altogether here. 8,000 of its rows stay."),
        (2 * (parameters - KEPT_TOKENS * width) / 1e6, "Here 8,000 rows are removed. 8,000 rows stay, the others are removed."),
        (2 * parameters / 1e6 * KEPT_TOKENS / rows, "Only the token table shrinks with the vocabulary; the rest keeps its size."),
    ):
        if abs(value - other) <= 0.004 * other:
            raise Wrong(hint)
    raise Wrong(f"Not this number. Each of the {rows:,} rows of the token table holds {width} parameters; take away the rows that go.")


def check_mystery(answer: Any) -> None:
    """Exercise 02.3: what is wrong with each of three folders."""
    if not isinstance(answer, dict):
        raise Wrong(f"The answer is a dict with the keys A, B and C, not {arguments.shown(answer)}.")
    if set(answer) != set(MYSTERY):
        raise Wrong("The answer needs exactly the keys 'A', 'B' and 'C'.")
    for letter, fault in answer.items():
        if not isinstance(fault, str) or fault not in FAULTS:
            raise Wrong(f"For {letter}, choose one of {', '.join(FAULTS)}; got {arguments.shown(fault)}.")
    for letter, look in (
        ("A", "the short sentence has another vector there, though all modules are in place. Print model[1] beside the right model's."),
        ("B", "compare vector, modules and max_seq_length with the right model's: a missing file is a fault only if something changes."),
        ("C", "the short sentence has the right vector. The other half of the check is max_seq_length."),
    ):
        if answer[letter] != MYSTERY[letter]:
            raise Wrong(f"Look at {letter} again: {look}")


EXERCISES = [
    Exercise(
        number="02.1",
        title="Average the words only",
        question=f"""
        `Pooling` averages **all** tokens, `[CLS]` and `[SEP]` among them. How much do these two matter? Take the sentence
        `{SENTENCE!r}`, average the token vectors **without** the two special tokens, and give the cosine between this mean and
        the model's own embedding of the sentence, to at least three decimals. Predict first: above or below 0.9?
        """,
        check_answer=check_words_only,
        hints=(
            "One sentence needs no padding: its token vectors are the rows of one matrix, with [CLS] first and [SEP] last.",
            "Under torch.inference_mode(), model[0](model.preprocess([sentence]))['token_embeddings'][0] has one row a token: slice it.",
            "The model's embedding has length 1; the mean of the rows does not. Divide the dot product by the length of the mean.",
        ),
        solution_code=f"""
        with torch.inference_mode():
            rows = model[0](model.preprocess([{SENTENCE!r}]))["token_embeddings"][0].numpy()
        mean = rows[1:-1].mean(axis=0)
        answer_1 = mean @ model.encode({SENTENCE!r}) / np.linalg.norm(mean)
        """,
        wrong_answers=(
            WrongAnswer(
                f"""
                with torch.inference_mode():
                    rows = model[0](model.preprocess([{SENTENCE!r}]))["token_embeddings"][0].numpy()
                mean = rows.mean(axis=0)
                answer_1 = mean @ model.encode({SENTENCE!r}) / np.linalg.norm(mean)
                """,
                "mean of all tokens",
            ),
            WrongAnswer(
                f"""
                with torch.inference_mode():
                    rows = model[0](model.preprocess([{SENTENCE!r}]))["token_embeddings"][0].numpy()
                answer_1 = rows[1:-1].mean(axis=0) @ model.encode({SENTENCE!r})
                """,
                "not of length 1",
            ),
            WrongAnswer(
                f"""
                with torch.inference_mode():
                    rows = model[0](model.preprocess([{SENTENCE!r}]))["token_embeddings"][0].numpy()
                answer_1 = rows[1:].mean(axis=0) @ model.encode({SENTENCE!r}) / np.linalg.norm(rows[1:].mean(axis=0))
                """,
                "drop the last row too",
            ),
            WrongAnswer(
                f"""
                with torch.inference_mode():
                    rows = model[0](model.preprocess([{SENTENCE!r}]))["token_embeddings"][0].numpy()
                answer_1 = rows[0] @ model.encode({SENTENCE!r}) / np.linalg.norm(rows[0])
                """,
                "[CLS] alone",
            ),
            WrongAnswer(
                f"""
                with torch.inference_mode():
                    rows = model[0](model.preprocess([{SENTENCE!r}]))["token_embeddings"]
                answer_1 = rows[1:-1].mean()  # slices texts, not tokens
                """,
                "mean of no rows",
            ),
            WrongAnswer(
                f"""
                with torch.inference_mode():
                    rows = model[0](model.preprocess([{SENTENCE!r}]))["token_embeddings"][0].numpy()
                answer_1 = model.similarity(rows[1:-2].mean(axis=0), model.encode({SENTENCE!r}))
                """,
                "full stop",
            ),
            WrongAnswer("answer_1 = 0.99", "give three"),
            WrongAnswer(f"answer_1 = model.encode({SENTENCE!r})", "one number"),
            WrongAnswer("answer_1 = 'below 0.9'", "is a number"),
        ),
        praise="Near 1, yet not 1: another pooling gives other vectors, and only the one the model was trained with is right.",
    ),
    Exercise(
        number="02.2",
        title="Shrink the vocabulary",
        question=f"""
        A device has little memory, and its texts use {KEPT_TOKENS:,} of the vocabulary's tokens. We keep these rows of the token table
        and drop the others; everything else stays. How many **MB** (10⁶ bytes) do **all weights** of the model then take in
        **float16**? One decimal is enough.
        """,
        check_answer=check_smaller_vocabulary,
        hints=(
            "Count parameters first, bytes last: what does the whole model have, and how many parameters go?",
            "The token table is model[0].model.get_input_embeddings().weight; look at its shape.",
            "MB = 2 bytes × (all parameters − dropped rows × 384) / 10**6.",
        ),
        solution_code=f"""
        total = sum(weights.numel() for weights in model.parameters())
        rows, width = model[0].model.get_input_embeddings().weight.shape
        answer_2 = 2 * (total - (rows - {KEPT_TOKENS}) * width) / 1e6
        """,
        wrong_answers=(
            WrongAnswer(
                f"answer_2 = 4 * (sum(w.numel() for w in model.parameters()) - (30522 - {KEPT_TOKENS}) * 384) / 1e6", "size in float32"
            ),
            WrongAnswer(f"answer_2 = 2 * {KEPT_TOKENS} * 384 / 1e6", "token table alone"),
            WrongAnswer(f"answer_2 = 2 * (sum(w.numel() for w in model.parameters()) - (30522 - {KEPT_TOKENS}) * 384) / 2**20", "in MiB"),
            WrongAnswer(f"answer_2 = 45.4 * {KEPT_TOKENS} / 30522", "Only the token table shrinks"),
            WrongAnswer("answer_2 = 45.4", "whole model"),
            WrongAnswer(f"answer_2 = 2 * (30522 - {KEPT_TOKENS}) * 384 / 1e6", "How much stays"),
            WrongAnswer("answer_2 = 28", "one decimal"),
            WrongAnswer("answer_2 = None", "number"),
        ),
        praise="The vocabulary is a large part of a small model: fewer rows in one table save more than a third.",
    ),
    Exercise(
        number="02.3",
        title="Find the broken folders",
        question="""
        The next cell makes three copies of the model's folder, A, B and C. Something was changed in each of them; all three load without
        a word. Load each, and say what is wrong with its **behavior**: one of `"nothing"`, `"tokenizer"`, `"pooling"`,
        `"normalize"` or `"limit"`, as a dict such as `{"A": "nothing", "B": "tokenizer", "C": "limit"}`.
        """,
        check_answer=check_mystery,
        hints=(
            "Start with the check from above: which folders pass it, and which half of it fails for the others?",
            "For a folder that fails: print the modules, the length of a vector and max_seq_length beside the right model's.",
            "print(model[1], found[1]) compares the pooling of the right model and of the one you found.",
        ),
        solution_code="""
        for letter, folder in folders.items():
            found = SentenceTransformer(folder, device="cpu")
            print(letter, is_right(found), len(found), found.max_seq_length, found[1])
        answer_3 = {"A": "pooling", "B": "nothing", "C": "limit"}
        """,
        wrong_answers=(
            WrongAnswer('answer_3 = {"A": "normalize", "B": "nothing", "C": "limit"}', "Look at A again"),
            WrongAnswer('answer_3 = {"A": "pooling", "B": "tokenizer", "C": "limit"}', "Look at B again"),
            WrongAnswer('answer_3 = {"A": "pooling", "B": "nothing", "C": "nothing"}', "max_seq_length"),
            WrongAnswer('answer_3 = {"A": "cls", "B": "nothing", "C": "limit"}', "choose one of"),
            WrongAnswer('answer_3 = ["A", "C"]', "a dict with the keys"),
            WrongAnswer('answer_3 = {"A": "pooling"}', "exactly the keys"),
        ),
        praise="Wrong pooling shows in the vector, a wrong limit only in max_seq_length, and a missing file may change nothing.",
    ),
]
