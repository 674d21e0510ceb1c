"""Exercises of lesson 13: batch pipelines."""

import hashlib
from collections.abc import Iterable
from typing import Any

from helpers import arguments
from helpers.exercises import Exercise, Wrong, WrongAnswer

PAIRS = {
    "A": "the same model, loaded from another folder",
    "B": "the same model with `truncate_dim=256`, both kinds padded to 384 numbers with zeros",
    "C": "the same model with `batch_size=8` in place of 32",
    "D": "the same model with the prompt `'query: '` before each document",
    "E": "another model of 384 dimensions",
}
MAY_MIX = {"A", "C"}
DOCUMENTS, TOKENS, RATE, EFFICIENCY, HOURS = 50_000_000, 200, 20_000, 0.8, 24
MACHINES = 8  # 10**10 tokens at 16,000 a second are 173.6 hours, and 7.2 machines


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check_to_embed(answer: Any) -> None:
    if not callable(answer):
        raise Wrong(f"The answer is a function to_embed(held, documents), without calling it. It is {arguments.shown(answer)}.")
    held = {"same": _hash("A text."), "edited": _hash("Old."), "gone": _hash("Left."), "spaced": _hash("a b")}
    documents = {"same": "A text.", "edited": "New.", "spaced": "a  b", "new": "A text."}
    found = answer(dict(held), dict(documents))
    if found is None or isinstance(found, str) or not isinstance(found, Iterable):
        raise Wrong(f"It has to return the ids, as a list or a set; it returned {arguments.shown(found)}.")
    ids = set(found)
    if not ids <= held.keys() | documents.keys():
        raise Wrong(f"It returned {sorted(map(str, ids))}: return ids of documents.")
    hints = {
        "same": "It embeds a document whose text has not changed: compare hash with hash, of the text exactly as it is.",
        "gone": "It names a document that did not come any more: that one is deleted, not embedded.",
    }
    for name, hint in hints.items():
        if name in ids:
            raise Wrong(hint)
    missing = {
        "new": "It leaves out a new document. That its text stands in the table under another id gives it no row of its own.",
        "edited": "It leaves out a document whose text has changed.",
        "spaced": "It leaves out a document in which one space became two: hash the text exactly as it is.",
    }
    for name, hint in missing.items():
        if name not in ids:
            raise Wrong(hint)


def _check_pairs(answer: Any) -> None:
    if not isinstance(answer, str | set | frozenset | list | tuple):
        raise Wrong(f'The answer is a set of letters such as {{"A", "B"}}, not {arguments.shown(answer)}.')
    letters = {str(letter).strip().upper() for letter in answer if str(letter).strip(" ,")}
    if not letters <= PAIRS.keys():
        raise Wrong(f"The letters are {', '.join(PAIRS)}, not {', '.join(sorted(letters - PAIRS.keys()))}.")
    wrong = {
        "B": "B: zeros make the lengths fit, but a cut vector has lost numbers that the others still have: their cosines differ.",
        "D": "D: the prompt is read like text, so each document with it has another vector than without.",
        "E": "E: the numbers have the same count and another meaning: each model has a space of its own.",
    }
    for letter, hint in wrong.items():
        if letter in letters:
            raise Wrong(hint)
    overlooked = {"A": "What decides are the weights, not where they were loaded from.", "C": "Does the batch change a vector?"}
    for letter, hint in overlooked.items():
        if letter not in letters:
            raise Wrong(f"At least one more may be mixed. {hint}")


def _check_machines(answer: Any) -> None:
    try:
        machines = arguments.integer(answer, "answer", minimum=1)
    except (TypeError, ValueError):
        raise Wrong(f"The answer is a number of machines: a whole number from 1, not {arguments.shown(answer)}.") from None
    hints = {
        6: "That counts on the whole measured rate. In a long run, 80 % of it are left.",
        7: "That rounds down: seven machines are not done within a day.",
    }
    hints |= dict.fromkeys((173, 174), "These are the hours of one machine. How many share them, to be done in 24?")
    hints |= dict.fromkeys((138, 139), "These are the hours of one machine at the whole measured rate. In a long run, 80 % of it are left.")
    if machines in hints:
        raise Wrong(hints[machines])
    if machines != MACHINES:
        hours = DOCUMENTS * TOKENS / (RATE * EFFICIENCY) / 3600 / machines
        raise Wrong(f"{machines:,} machines take {hours:.1f} hours: the smallest number that takes at most {HOURS} is asked for.")


EXERCISES = [
    Exercise(
        number="13.1",
        title="Find what must be embedded",
        question="""
            Write `to_embed(held, documents)`. `held` gives the SHA-256 of the text of each id in the table, in hexadecimal digits;
            `documents` gives the text of each id that came. It returns the ids whose text the model has to read. Answer with the function.
        """,
        check_answer=_check_to_embed,
        hints=(
            "Two kinds of ids must be read: those that the table lacks, and those whose hash is another one.",
            "`held.get(name)` is None where the table lacks an id, which is no text's hash.",
            "[name for name, text in documents.items() if held.get(name) != pipeline.content_hash(text)]",
        ),
        solution_code="""
            def answer_1(held, documents):
                return [name for name, text in documents.items() if held.get(name) != pipeline.content_hash(text)]
        """,
        wrong_answers=(
            WrongAnswer("answer_1 = lambda held, documents: [n for n in documents if n not in held]", "whose text has changed"),
            WrongAnswer(
                "answer_1 = lambda held, documents: [n for n, t in documents.items() if held.get(n) != t]", "compare hash with hash"
            ),
            WrongAnswer(
                "answer_1 = lambda held, documents: [n for n, t in documents.items() if pipeline.content_hash(t) not in held.values()]",
                "leaves out a new document",
            ),
            WrongAnswer(
                "answer_1 = lambda held, documents: [n for n, t in documents.items()"
                " if held.get(n) != pipeline.content_hash(' '.join(t.split()))]",
                "exactly as it is",
            ),
            WrongAnswer("answer_1 = ['new']", "The answer is a function"),
            WrongAnswer("answer_1 = lambda held, documents: list(documents.values())", "return ids of documents"),
        ),
        praise="New and edited, and nothing else: a changed space counts, because another model may read it.",
    ),
    Exercise(
        number="13.2",
        title="Decide what may be mixed",
        question="A table holds vectors of all-MiniLM-L6-v2, without a prompt. Vectors of which of these may be put beside them?\n\n"
        + "\n".join(f"- {letter}: {what}" for letter, what in PAIRS.items())
        + '\n\nAnswer with a set of letters, for example `{"A", "B"}`.',
        check_answer=_check_pairs,
        hints=(
            "Ask of each: does the same text get the same vector, but for the last digits?",
            "Prompt, dimension and model change vectors. A folder's name doesn't; a batch moves the last digits.",
            '{"A", "C"}',
        ),
        solution_code='answer_2 = {"A", "C"}',
        wrong_answers=(
            WrongAnswer('answer_2 = {"A", "B", "C"}', "has lost numbers"),
            WrongAnswer('answer_2 = {"A", "C", "D"}', "the prompt is read like text"),
            WrongAnswer('answer_2 = {"E"}', "a space of its own"),
            WrongAnswer('answer_2 = {"A"}', "Does the batch change a vector?"),
            WrongAnswer("answer_2 = True", "a set of letters"),
        ),
        praise="Same weights, same settings: the manifest compares these, and forgives the last digits.",
    ),
    Exercise(
        number="13.3",
        title="Order the machines",
        question=f"""
            {DOCUMENTS:,} documents of {TOKENS} tokens have to be embedded within {HOURS} hours. One machine was measured at {RATE:,}
            tokens a second, of which {EFFICIENCY:.0%} are left in a long run. How many machines, at least? Answer with the number.
        """,
        check_answer=_check_machines,
        hints=(
            "How many tokens are there? How many does a machine encode in an hour of a long run?",
            "Hours of one machine: 50,000,000 * 200 / (20,000 * 0.8) / 3600. Divide by 24, and round up.",
            "pipeline.Plan(documents=50_000_000, tokens_a_document=200, tokens_a_second=20_000, efficiency=0.8).machines_for(24)",
        ),
        solution_code="""
            answer_3 = pipeline.Plan(documents=50_000_000, tokens_a_document=200, tokens_a_second=20_000, efficiency=0.8).machines_for(24)
        """,
        wrong_answers=(
            WrongAnswer("answer_3 = 6", "80 % of it"),
            WrongAnswer("answer_3 = int(50_000_000 * 200 / 16_000 / 3600 / 24)", "rounds down"),
            WrongAnswer("answer_3 = round(50_000_000 * 200 / 16_000 / 3600)", "the hours of one machine"),
            WrongAnswer("answer_3 = 7.23", "a whole number"),
            WrongAnswer("answer_3 = 100", "the smallest number"),
        ),
        praise="Seven are almost enough, and a plan that is almost enough is late.",
    ),
]
