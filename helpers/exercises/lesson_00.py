"""Exercises of lesson 00: the sentence closest to a snake's, and the hunt for the raccoon."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from helpers.corpus import SENTENCES, Entry
from helpers.exercises import Exercise, Wrong, WrongAnswer

CLOSEST = "I love programming in Python"
RACCOON = "scipy.datasets.face"
SHORTEST_FORBIDDEN = 4
SAME_WORD = 0.76  # difflib's ratio from which on two spellings count as one word: racoon (raccoon) and coloured (color), not race (face)


def check_closest(answer: Any) -> None:
    """A sentence of the corpus, as a string, is the closest one to the new sentence."""
    texts = [text for _, text in SENTENCES]
    if not isinstance(answer, str):
        raise Wrong(
            "The answer is the sentence itself, a string: not a score, and not the position that argmax() gives. "
            "sentences[position] is the sentence there."
        )
    if answer == CLOSEST:
        return
    if answer not in texts:
        raise Wrong("This is not one of the forty sentences: take it out of `sentences` as it stands there.")
    topic = next(topic for topic, text in SENTENCES if text == answer)
    if topic == "animals":
        raise Wrong("That is where a reader would look. What does the model say? Encode the new sentence and take the highest score.")
    raise Wrong(
        "Another sentence has a higher score. argmax() gives the position of the highest, argmin() that of the lowest; and with the "
        "new sentence first in model.similarity, its forty scores are the row [0]."
    )


def check_raccoon(answer: Any, *, model: Any, docs: Sequence[Entry], doc_embeddings: Any) -> None:
    """A query that finds RACCOON first and shares no longer word with its document."""
    if not isinstance(answer, str) or not answer.strip():
        raise Wrong("The answer is a query: a string with a few words in it.")
    position = [doc.name for doc in docs].index(RACCOON)
    if taken := _taken_words(answer, docs[position].text):
        raise Wrong(f"The document has the word {taken[0]!r} itself, or one much like it. Say it differently.")
    scores = model.similarity(model.encode_query(answer), doc_embeddings)[0]
    rank = int((scores > scores[position]).sum()) + 1
    if rank > 1:
        first = docs[int(scores.argmax())].name
        raise Wrong(f"The raccoon comes at rank {rank:,}; {first} is first. Say two things: what is shown, and by what.")


def _taken_words(query: str, text: str) -> list[str]:
    """Words of the query that stand in the text, or forms and misspellings of words there. Short words do not count."""
    forbidden = _long_words(text)
    return [word for word in _long_words(query) if _is_form_of(word, forbidden)]


def _is_form_of(word: str, forbidden: list[str]) -> bool:
    by_ending = any(word.startswith(other) or other.startswith(word) for other in forbidden)
    return by_ending or bool(get_close_matches(word, forbidden, cutoff=SAME_WORD))


def _long_words(text: str) -> list[str]:
    return [word for word in re.findall("[a-z]+", text.lower()) if len(word) >= SHORTEST_FORBIDDEN]


EXERCISES = [
    Exercise(
        number="00.1",
        title="Where does the snake go?",
        question="""
            `sentences` holds forty sentences on eight topics, among them programming and animals. Which one is closest to
            `new_sentence`, "Python is a snake that eats mice"? Make a guess, then let the model decide: encode both, compare
            them, and give `answer_1` the sentence with the highest score, as a string.
        """,
        check_answer=check_closest,
        hints=(
            "Encode the forty sentences in one call, encode the new one, and compare it with all forty at once.",
            "It takes vectors, not texts: model.similarity(model.encode(new_sentence), model.encode(sentences))[0] holds forty scores.",
            "scores.argmax() is the position of the highest of them; sentences[position] is the sentence.",
        ),
        solution_code="""
            scores = model.similarity(model.encode(new_sentence), model.encode(sentences))[0]
            answer_1 = sentences[scores.argmax()]
        """,
        wrong_answers=(
            WrongAnswer(
                "answer_1 = model.similarity(model.encode(new_sentence), model.encode(sentences))[0].argmax()",
                "not the position that argmax() gives",
            ),
            WrongAnswer("answer_1 = model.similarity(model.encode(new_sentence), model.encode(sentences)).max()", "not a score"),
            WrongAnswer("answer_1 = [sentences[0]]", "the sentence itself, a string"),
            WrongAnswer("answer_1 = 'A fox slipped through the hedge at dusk'", "What does the model say?"),
            WrongAnswer(
                "answer_1 = sentences[model.similarity(model.encode(new_sentence), model.encode(sentences))[0].argmin()]",
                "has a higher score",
            ),
            WrongAnswer(
                "answer_1 = sentences[model.similarity(model.encode(sentences), model.encode(new_sentence))[0].argmax()]", "are the row [0]"
            ),
            WrongAnswer("answer_1 = new_sentence", "not one of the forty"),
        ),
        praise="The programmer comes before every animal: one shared word weighs more here than what the sentence is about.",
    ),
    Exercise(
        number="00.2",
        title="Find the raccoon",
        question=f"""
            One document of the corpus is `{RACCOON}: Get a 1024 x 768, color image of a raccoon face.` Write a query that puts it
            **first** without using a word of this text (words of up to three letters are free). `answer_2` is your query, a string.
            Try your ideas with `search` before you hand one in.
        """,
        check_answer=check_raccoon,
        hints=(
            "Describe what one sees to somebody who has never heard the animal's name.",
            "Say that it is a picture, with another word for picture. Then say of what kind of creature.",
            "What does a camera take, and what is a creature with fur that is no plant?",
        ),
        solution_code="""
            answer_2 = "photo of a wild animal"
        """,
        wrong_answers=(
            WrongAnswer('answer_2 = "raccoons"', "has the word 'raccoons' itself"),
            WrongAnswer('answer_2 = "racoon"', "or one much like it"),
            WrongAnswer('answer_2 = "coloured animal picture"', "'coloured'"),
            WrongAnswer('answer_2 = "image of a furry animal"', "'image'"),
            WrongAnswer('answer_2 = "cat"', "comes at rank"),
            WrongAnswer('answer_2 = "masked bandit"', "comes at rank"),
            WrongAnswer("answer_2 = ['photo', 'animal']", "a string with a few words"),
            WrongAnswer("answer_2 = search('photo of a wild animal')", "a string with a few words"),
        ),
        praise=(
            "Not one longer word in common, and it comes first: this is what word matching cannot do. "
            'Now try search("photo of a racing car"): does a first hit prove anything?'
        ),
    ),
]
