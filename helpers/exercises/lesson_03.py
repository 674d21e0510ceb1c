"""The exercises of lesson 03, Encode text into vectors."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from helpers import corpus
from helpers.exercises import Exercise, Wrong, WrongAnswer


def _searches() -> list[tuple[str, str, str]]:
    """(text, question, answer) where the best chunk holds the answer for any sensible size; the facts stand at different places."""
    lighthouse, bread, _, merrowby = corpus.passages()
    return [
        (merrowby.text, "Which valley did the monks take in the fog?", "wrong valley"),
        (lighthouse.text, lighthouse.question, lighthouse.answer),
        (merrowby.text, "Who measured the rain every morning?", "Harriet Quill"),
        (bread.text, "What do bakers call the test of a piece of dough that is pulled thin?", "window test"),
        (bread.text, bread.question, bread.answer),
    ]


def _whole_numbers(values: Any) -> list[int] | None:
    """The values as whole numbers, or None where they are something else."""
    if isinstance(values, str | bytes | dict) or not isinstance(values, Iterable):
        return None
    items = list(values)
    if any(isinstance(item, bool | np.bool_) or not isinstance(item, int | np.integer) for item in items):
        return None
    return [int(item) for item in items]


def _check_short_unit_matrix(answer: Any, *, model: Any, texts: list[str]) -> None:
    if type(answer).__name__ == "Tensor":
        raise Wrong("This is a tensor; the question asks for a numpy array, which is what encode gives by default.")
    if not isinstance(answer, np.ndarray):
        raise Wrong(f"The answer must be the numpy array that encode returns; this is a {type(answer).__name__}.")
    if answer.dtype != np.float32:
        raise Wrong(f"The numbers must stay float32; these are {answer.dtype}. Leave precision alone.")
    if answer.shape == (len(texts), 384):
        raise Wrong("These are all 384 dimensions. Which argument of encode keeps the first ones only?")
    if answer.shape != (len(texts), 128):
        raise Wrong(f"The shape must be ({len(texts)}, 128): one row per sentence. This one is {answer.shape}.")
    lengths = np.linalg.norm(answer, axis=1)
    if not np.allclose(lengths, 1, atol=1e-4):
        raise Wrong(
            f"The shape is right, but the first row has length {lengths[0]:.2f} and not 1: a slice of a unit vector is shorter. "
            "The normalization must come after the slice."
        )
    expected = model.encode(texts, truncate_dim=128, normalize_embeddings=True)
    if not np.allclose(answer, expected, atol=1e-3):
        raise Wrong("Shape and lengths are right, but these are not the first 128 dimensions of the sentences in their order.")


def _check_truncated(answer: Any, *, model: Any, texts: list[str]) -> None:
    items = list(answer) if isinstance(answer, Iterable) and not isinstance(answer, str | bytes | dict) else []
    if items and all(isinstance(item, bool | np.bool_) for item in items):
        raise Wrong("These are True and False, one per text. Give the indexes where it is True, counted from 0.")
    if items and all(isinstance(item, str) for item in items):
        raise Wrong("These are texts. Give their indexes in the list, counted from 0.")
    given = _whole_numbers(answer)
    if given is None:
        raise Wrong("The answer must be a list of indexes, such as [0, 2].")
    counts = [len(model.tokenizer(text, truncation=False, verbose=False)["input_ids"]) for text in texts]
    limit = model.max_seq_length
    expected = {index for index, count in enumerate(counts) if count > limit}
    if given == counts:
        raise Wrong("These are the numbers of tokens. Give the indexes of the texts whose number is greater than the limit.")
    found = set(given)
    if found == expected:
        return
    if found == {index + 1 for index in expected}:
        raise Wrong("You count from 1. Indexes count from 0: enumerate does that by itself.")
    if found == {index for index, text in enumerate(texts) if len(text) > limit}:
        raise Wrong("You compare characters with the limit. The limit counts tokens.")
    if found == {index for index, text in enumerate(texts) if len(text.split()) > limit}:
        raise Wrong("You compare words with the limit. A rare word is many tokens, and two more tokens frame each text.")
    if found == {index for index, count in enumerate(counts) if count >= limit}:
        raise Wrong("One text fits exactly: a text of as many tokens as the limit loses nothing.")
    if found == {index for index, count in enumerate(counts) if count - 2 > limit}:
        raise Wrong("Almost: the two special tokens around a text count toward the limit. Do not leave them out.")
    if not found <= set(range(len(texts))):
        raise Wrong(f"The indexes go from 0 to {len(texts) - 1}.")
    if missed := sorted(expected - found):
        raise Wrong(f"You miss at least one: look at index {missed[0]}, count its tokens without truncation.")
    raise Wrong(f"Index {min(found - expected)} is read to its end: count its tokens and compare with model.max_seq_length.")


def _check_find_chunk(answer: Any, *, model: Any) -> None:
    if not callable(answer):
        raise Wrong("Give the function itself: find_chunk, without quotation marks and without parentheses.")
    for text, question, fact in _searches():
        _check_found(answer(question, text), question, text, fact, model)


def _check_found(found: Any, question: str, text: str, fact: str, model: Any) -> None:
    if isinstance(found, int | np.integer):
        raise Wrong("Your function returns a number. Use it as an index into the chunks and return the chunk's text.")
    if isinstance(found, float | np.floating):
        raise Wrong("Your function returns a score. argmax gives the place of the best score; return the chunk at this place.")
    if isinstance(found, list | tuple) and len(found) == 1:
        raise Wrong("Your function returns a list of one chunk. Return the chunk itself, a string.")
    if not isinstance(found, str):
        raise Wrong(f"Your function must return one chunk, a string; it returned a {type(found).__name__}.")
    if found.strip() == text.strip():
        raise Wrong("Your function returns the whole text. Return the chunk with the highest score.")
    if found.strip() and found.strip() in question:
        raise Wrong("Your function returns a piece of the question. The question is the first parameter and the text the second.")
    if found.strip() and any(found.strip() in passage.text for passage in corpus.passages() if passage.text != text):
        raise Wrong("This chunk belongs to another text. Cut the parameter `text` inside your function; `chunks` holds the lighthouse.")
    if not found.strip() or found.strip() not in text:
        raise Wrong("What your function returns is not a piece of the text that it was given.")
    tokens = len(model.tokenizer(found, truncation=False, verbose=False)["input_ids"])
    if tokens > model.max_seq_length:
        raise Wrong(f"Your chunks are too long: this one has {tokens} tokens, and the model reads {model.max_seq_length}.")
    if fact not in found:
        best = float(model.encode(found) @ model.encode(question))
        raise Wrong(
            f"For {question!r} your function returns a chunk with the score {best:.2f} that does not hold the answer. Score every "
            "chunk against the question and take the one with the highest score (argmax), wherever it stands. If you do that "
            "already, your chunks are too short to carry their context: try 100 tokens."
        )


def _check_cleaned(answer: Any, *, model: Any, entries: list[Any]) -> None:
    if isinstance(answer, np.ndarray) or not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong("The answer must be two things: the list of positions and the matrix of vectors, positions first.")
    positions, vectors = answer
    if isinstance(positions, np.ndarray) and positions.ndim == 2:
        raise Wrong("Positions come first, then vectors.")
    kept = _whole_numbers(positions)
    if isinstance(positions, list) and positions and all(isinstance(position, bool | np.bool_) for position in positions):
        raise Wrong("These are True and False, one per entry. Give the positions where it is True, counted from 0.")
    if kept is None:
        raise Wrong("The first part must be a list of positions, whole numbers counted from 0.")
    if type(vectors).__name__ == "Tensor":
        raise Wrong("The vectors are a tensor; give the numpy matrix that encode returns by default.")
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.shape[1] != 384:
        raise Wrong("The second part must be the matrix that encode returns, one row of 384 numbers for each position.")
    if len(kept) != len(vectors):
        raise Wrong(f"There are {len(kept)} positions and {len(vectors)} vectors: each vector needs its position.")
    expected = [index for index, entry in enumerate(entries) if isinstance(entry, str) and entry.strip()]
    if kept == list(range(len(expected))) and kept != expected:
        raise Wrong("These positions count the cleaned list. Give the positions in the list as it came.")
    for index in kept:
        if not 0 <= index < len(entries):
            raise Wrong(f"Position {index} does not exist: the list has {len(entries)} entries.")
        if not isinstance(entries[index], str):
            raise Wrong(f"Position {index} holds {entries[index]!r}, which is no text: str() would give a vector for a word nobody wrote.")
        if not entries[index].strip():
            raise Wrong(f"Position {index} holds no letter, only {entries[index]!r}: it would get the vector of an empty text.")
    if len(set(kept)) < len(kept):
        raise Wrong("A position stands twice in your list: each text gets one row.")
    if sorted(kept) != expected:
        raise Wrong(f"A text is missing: the one at position {min(set(expected) - set(kept))}.")
    if not np.allclose(vectors, model.encode([entries[index] for index in kept]), atol=1e-3):
        raise Wrong("The positions are right, but the rows of the matrix are not the vectors of these texts in the same order.")


EXERCISES = [
    Exercise(
        number="03.1",
        title="Shorter vectors of length 1",
        question="""
        Encode the five sentences in `music` with one call of `model.encode`, so that the result is a numpy matrix of shape
        `(5, 128)` in `float32` whose rows are unit vectors.
        """,
        check_answer=_check_short_unit_matrix,
        hints=(
            "Two arguments of encode are needed: one shortens, one normalizes.",
            "The library normalizes after it has shortened, if you ask for both in the same call.",
            "truncate_dim=128 and normalize_embeddings=True.",
        ),
        solution_code="answer_1 = model.encode(music, truncate_dim=128, normalize_embeddings=True)",
        wrong_answers=(
            WrongAnswer("answer_1 = model.encode(music, truncate_dim=128)", "after the slice"),
            WrongAnswer("answer_1 = model.encode(music, normalize_embeddings=True)[:, :128]", "after the slice"),
            WrongAnswer("answer_1 = model.encode(music, normalize_embeddings=True)", "all 384 dimensions"),
            WrongAnswer(
                "answer_1 = model.encode(music, truncate_dim=128, normalize_embeddings=True, convert_to_tensor=True)", "is a tensor"
            ),
            WrongAnswer("answer_1 = model.encode(music[0], truncate_dim=128, normalize_embeddings=True)", "one row per sentence"),
            WrongAnswer("answer_1 = model.encode(music, normalize_embeddings=True)[:, -128:]", "length"),
        ),
        praise="A third of the memory, and dot products are cosines again: the flag acts after the slice.",
    ),
    Exercise(
        number="03.2",
        title="Which messages are cut off?",
        question="""
        The list `inbox` holds six texts, some of them made to fool you. Which ones does the model *not* read to the end? Give
        their indexes as a list, and let code find them: characters and words are bad judges.
        """,
        check_answer=_check_truncated,
        hints=(
            "Count tokens, with truncation switched off and the special tokens included.",
            "A text loses something if its count is greater than model.max_seq_length.",
            "len(model.tokenizer(text, truncation=False, verbose=False)['input_ids']) for each text; enumerate gives the index.",
        ),
        solution_code="""
        answer_2 = [
            index
            for index, text in enumerate(inbox)
            if len(model.tokenizer(text, truncation=False, verbose=False)["input_ids"]) > model.max_seq_length
        ]
        """,
        wrong_answers=(
            WrongAnswer("answer_2 = [i for i, text in enumerate(inbox) if len(text) > model.max_seq_length]", "compare characters"),
            WrongAnswer("answer_2 = [i for i, text in enumerate(inbox) if len(text.split()) > model.max_seq_length]", "compare words"),
            WrongAnswer(
                "answer_2 = [i for i, text in enumerate(inbox) if len(model.tokenizer(text, verbose=False)['input_ids']) >= 256]",
                "fits exactly",
            ),
            WrongAnswer(
                "answer_2 = [i for i, t in enumerate(inbox) if len(model.tokenizer.tokenize(t)) > model.max_seq_length]",
                "special tokens",
            ),
            WrongAnswer("answer_2 = [report.lost > 0 for report in encoding.truncation_report(model, inbox)]", "True and False"),
            WrongAnswer("answer_2 = [1]", "words"),
            WrongAnswer("answer_2 = [2, 4, 6]", "count from 1"),
            WrongAnswer(
                "answer_2 = [len(model.tokenizer(text, truncation=False, verbose=False)['input_ids']) for text in inbox]",
                "numbers of tokens",
            ),
        ),
        praise="Sixty words can be too long and 254 can fit: the tokenizer is the only judge.",
    ),
    Exercise(
        number="03.3",
        title="Find the chunk that answers",
        question="""
        Write a function `find_chunk(question, text)` that returns the chunk of `text` nearest to the question, as a string. You
        may use `chunk_by_tokens` from above. The check calls your function with texts whose answer stands at the end *or* in
        the middle.
        """,
        check_answer=_check_find_chunk,
        hints=(
            "Three steps: cut the text into chunks, encode chunks and question, pick the chunk with the highest score.",
            "All vectors are unit vectors, so model.encode(chunks) @ model.encode(question) holds one score per chunk.",
            "int(scores.argmax()) is the index of the best chunk; return chunks[that index].",
        ),
        solution_code="""
        def find_chunk(question, text):
            chunks = chunk_by_tokens(text)
            scores = model.encode(chunks) @ model.encode(question)
            return chunks[int(scores.argmax())]


        answer_3 = find_chunk
        """,
        wrong_answers=(
            WrongAnswer(
                "def answer_3(question, text):\n    return int((model.encode(chunk_by_tokens(text)) @ model.encode(question)).argmax())",
                "returns a number",
            ),
            WrongAnswer("def answer_3(question, text):\n    return chunk_by_tokens(text)[-1]", "highest score"),
            WrongAnswer(
                "def answer_3(question, text):\n    parts = chunk_by_tokens(text)\n"
                "    return parts[int((model.encode(parts) @ model.encode(question)).argmin())]",
                "highest score",
            ),
            WrongAnswer(
                "def answer_3(question, text):\n    parts = chunk_by_tokens(text, size=500, overlap=0)\n"
                "    return parts[int((model.encode(parts) @ model.encode(question)).argmax())]",
                "too long",
            ),
            WrongAnswer("def answer_3(question, text):\n    return text", "whole text"),
            WrongAnswer(
                "def answer_3(text, question):\n    parts = chunk_by_tokens(text)\n"
                "    return parts[int((model.encode(parts) @ model.encode(question)).argmax())]",
                "first parameter",
            ),
            WrongAnswer(
                "def answer_3(question, text):\n    return chunks[int((model.encode(chunks) @ model.encode(question)).argmax())]",
                "another text",
            ),
            WrongAnswer("answer_3 = 'find_chunk'", "function itself"),
        ),
        praise="You built the core of a search through long texts: cut, encode, score, take the best.",
    ),
    Exercise(
        number="03.4",
        title="Clean a list and keep the positions",
        question="""
        `messy` holds eight entries, and not all are texts. Give two things as `answer_4 = positions, vectors`: the list of the
        positions *in `messy`* that hold a text, and the matrix of the vectors of these texts in the same order. A number is not
        a text, and neither is a string of blanks.
        """,
        check_answer=_check_cleaned,
        hints=(
            "Decide entry by entry, with its position: enumerate(messy).",
            "isinstance(entry, str) keeps strings; entry.strip() is empty for a string of blanks.",
            "Collect the positions first, then encode [messy[position] for position in positions].",
        ),
        solution_code="""
        positions = [position for position, entry in enumerate(messy) if isinstance(entry, str) and entry.strip()]
        answer_4 = positions, model.encode([messy[position] for position in positions])
        """,
        wrong_answers=(
            WrongAnswer("answer_4 = list(range(len(messy))), model.encode([str(entry) for entry in messy])", "no text"),
            WrongAnswer(
                "strings = [i for i, entry in enumerate(messy) if isinstance(entry, str)]\n"
                "answer_4 = strings, model.encode([messy[i] for i in strings])",
                "empty text",
            ),
            WrongAnswer(
                "good = [entry for entry in messy if isinstance(entry, str) and entry.strip()]\n"
                "answer_4 = list(range(len(good))), model.encode(good)",
                "as it came",
            ),
            WrongAnswer("answer_4 = model.encode([entry for entry in messy if isinstance(entry, str) and entry.strip()])", "two things"),
            WrongAnswer("answer_4 = [0, 5], model.encode([messy[0], messy[5]])", "missing"),
            WrongAnswer("answer_4 = [0, 5, 7, 7], model.encode([messy[0], messy[5], messy[7], messy[7]])", "twice"),
        ),
        praise="Row and entry can be matched again, and no vector stands for a word that nobody wrote.",
    ),
]
