"""Exercises of lesson 00: the closest sentence, more like this, and the hunt for the raccoon."""

import re
from collections.abc import Sequence
from typing import Any

from helpers.corpus import SENTENCES, Entry
from helpers.exercises import Exercise, Wrong, WrongAnswer

CLOSEST = "I love programming in Python"
LIKE_THIS = "matplotlib.pyplot.hist"
RACCOON = "scipy.datasets.face"
SHORTEST_FORBIDDEN = 4


def check_closest(answer: Any) -> None:
    """A sentence of the corpus, as a string, is the closest one to the new sentence."""
    texts = [text for _, text in SENTENCES]
    if not isinstance(answer, str):
        raise Wrong(
            "The answer is the sentence itself, a string. argmax() gives a position: sentences[int(position)] is the sentence there."
        )
    if answer == CLOSEST:
        return
    if answer not in texts:
        raise Wrong("This is not one of the forty sentences: take it out of `sentences` as it stands there.")
    topic = next(topic for topic, text in SENTENCES if text == answer)
    if topic == "animals":
        raise Wrong("That is where a reader would look. What does the model say? Encode the new sentence and take the highest score.")
    raise Wrong("Another sentence has a higher score. argmax() gives the position of the highest; argmin() that of the lowest.")


def check_more_like_this(answer: Any, *, docs: Sequence[Entry], doc_embeddings: Any) -> None:
    """Three names: the documents closest to LIKE_THIS other than itself, closest first."""
    if isinstance(answer, str) or not isinstance(answer, Sequence) or not all(isinstance(name, str) for name in answer):
        raise Wrong("The answer is a list of three names, such as docs[0].name: not positions, not scores, not whole documents.")
    names = [doc.name for doc in docs]
    if unknown := [name for name in answer if name not in names]:
        raise Wrong(f"{unknown[0][:60]!r} is not the name of a document: docs[index].name is.")
    if LIKE_THIS in answer:
        raise Wrong("Nothing is closer to a document than itself. Ask topk for one more and leave the first out.")
    if len(answer) != 3:
        raise Wrong(f"We are looking for three names, these are {len(answer)}.")
    expected = _closest_names(names, doc_embeddings)
    if list(answer) == expected:
        return
    if sorted(answer) == sorted(expected):
        raise Wrong("These are the three. Put the closest first, as topk does.")
    raise Wrong(f"Other documents are closer. Start from the embedding that {LIKE_THIS} has in doc_embeddings; there is nothing to encode.")


def _closest_names(names: Sequence[str], doc_embeddings: Any) -> list[str]:
    position = names.index(LIKE_THIS)
    # The embeddings have length 1, so the dot product is the cosine similarity.
    scores = doc_embeddings @ doc_embeddings[position]
    order = [int(index) for index in (-scores).argsort() if index != position]
    return [names[index] for index in order[:3]]


def check_raccoon(answer: Any, *, model: Any, docs: Sequence[Entry], doc_embeddings: Any) -> None:
    """A query that finds RACCOON first and shares no longer word with its document."""
    if not isinstance(answer, str) or not answer.strip():
        raise Wrong("The answer is a query: a string with a few words in it.")
    position = [doc.name for doc in docs].index(RACCOON)
    if taken := _taken_words(answer, docs[position].text):
        raise Wrong(f"The word {taken[0]!r} stands in the document already. Say it differently.")
    scores = model.similarity(model.encode_query(answer), doc_embeddings)[0]
    rank = int((scores > scores[position]).sum()) + 1
    if rank > 1:
        raise Wrong(f"The raccoon comes at rank {rank:,}; {docs[int(scores.argmax())].name} is first. Say what one sees, and on what.")


def _taken_words(query: str, text: str) -> list[str]:
    """Words of the query that stand in the text, or are forms of words there (face, faces). Short words do not count."""
    used, forbidden = _long_words(query), _long_words(text)
    return [word for word in used if any(word.startswith(other) or other.startswith(word) for other in forbidden)]


def _long_words(text: str) -> list[str]:
    return [word for word in re.findall("[a-z]+", text.lower()) if len(word) >= SHORTEST_FORBIDDEN]


EXERCISES = [
    Exercise(
        number="00.1",
        title="Where does the snake go?",
        question="""
            Which of the forty `sentences` is closest to `new_sentence`, "Python is a snake that eats mice"? Make a guess, then
            let the model decide: compare the new sentence with `sentence_embeddings`, and give `answer_1` the sentence with the
            highest score, as a string.
        """,
        check_answer=check_closest,
        hints=(
            "Encode the new sentence, then compare its embedding with all forty at once.",
            "model.similarity(model.encode(new_sentence), sentence_embeddings)[0] holds forty scores.",
            "scores.argmax() is the position of the highest of them; sentences[position] is the sentence.",
        ),
        solution_code="""
            scores = model.similarity(model.encode(new_sentence), sentence_embeddings)[0]
            answer_1 = sentences[scores.argmax()]
        """,
        wrong_answers=(
            WrongAnswer(
                "answer_1 = model.similarity(model.encode(new_sentence), sentence_embeddings)[0].argmax()", "argmax() gives a position"
            ),
            WrongAnswer("answer_1 = 'A fox slipped through the hedge at dusk'", "What does the model say?"),
            WrongAnswer(
                "answer_1 = sentences[model.similarity(model.encode(new_sentence), sentence_embeddings)[0].argmin()]",
                "has a higher score",
            ),
            WrongAnswer("answer_1 = new_sentence", "not one of the forty"),
        ),
        praise="The programmer comes before every animal: one shared word weighs more here than what the sentence is about.",
    ),
    Exercise(
        number="00.2",
        title="More like this",
        question=f"""
            A document can be a query too. Which three **other** documents are closest to `{LIKE_THIS}`? Give `answer_2` a list of
            their names, the closest first. Its embedding is in `doc_embeddings` already.
        """,
        check_answer=check_more_like_this,
        hints=(
            f"Find the position of {LIKE_THIS} first: [doc.name for doc in docs].index(...)",
            "model.similarity(doc_embeddings[position], doc_embeddings)[0] scores every document. Which one must be the closest of all?",
            "Take topk(4).indices, leave out the first, and collect docs[index].name for the others.",
        ),
        solution_code=f"""
            position = [doc.name for doc in docs].index("{LIKE_THIS}")
            best = model.similarity(doc_embeddings[position], doc_embeddings)[0].topk(4)
            answer_2 = [docs[index].name for index in best.indices[1:]]
        """,
        wrong_answers=(
            WrongAnswer(
                f"""
                position = [doc.name for doc in docs].index("{LIKE_THIS}")
                best = model.similarity(doc_embeddings[position], doc_embeddings)[0].topk(3)
                answer_2 = [docs[index].name for index in best.indices]
                """,
                "than itself",
            ),
            WrongAnswer(
                f"""
                position = [doc.name for doc in docs].index("{LIKE_THIS}")
                best = model.similarity(doc_embeddings[position], doc_embeddings)[0].topk(4)
                answer_2 = best.indices[1:].tolist()
                """,
                "not positions",
            ),
            WrongAnswer(
                """
                best = model.similarity(model.encode("matplotlib.pyplot.hist"), doc_embeddings)[0].topk(4)
                answer_2 = [docs[index].name for index in best.indices[1:]]
                """,
                "nothing to encode",
            ),
            WrongAnswer(
                f"""
                position = [doc.name for doc in docs].index("{LIKE_THIS}")
                best = model.similarity(doc_embeddings[position], doc_embeddings)[0].topk(4)
                answer_2 = [docs[index].name for index in best.indices[1:]][::-1]
                """,
                "closest first",
            ),
        ),
        praise="From a plot in one library to the function in another that does the counting: nothing in the texts links the two.",
    ),
    Exercise(
        number="00.3",
        title="Find the raccoon",
        question=f"""
            One document of the corpus is `{RACCOON}: Get a 1024 x 768, color image of a raccoon face.` Write a query that puts it
            **first** without using a word of this text (words of up to three letters are free). `answer_3` is your query, a string.
        """,
        check_answer=check_raccoon,
        hints=(
            "Describe what one sees to somebody who has never heard the animal's name.",
            "Say that it is a picture, with another word for picture. Then say of what kind of creature.",
            "What do you call a picture that a camera took, and what is a creature with fur that is no plant?",
        ),
        solution_code="""
            answer_3 = "photo of a wild animal"
        """,
        wrong_answers=(
            WrongAnswer('answer_3 = "raccoons"', "stands in the document already"),
            WrongAnswer('answer_3 = "image of a furry animal"', "'image'"),
            WrongAnswer('answer_3 = "cat"', "comes at rank"),
            WrongAnswer('answer_3 = "masked bandit"', "comes at rank"),
            WrongAnswer("answer_3 = ['photo', 'animal']", "a string with a few words"),
        ),
        praise="Not one longer word in common, and it comes first: this is what word matching cannot do.",
    ),
]
