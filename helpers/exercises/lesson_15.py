"""Exercises of lesson 15: beyond one vector per text. None of them needs a trained model."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from helpers import arguments
from helpers.exercises import Exercise, Wrong, WrongAnswer

Index = dict[str, list[tuple[str, float]]]

# Lists of different lengths, one of them empty. With c = 0, counting from 0 divides by zero, and one first place beats two third ones:
# with c = 60 it would not, so the last lists find out whoever writes 60 for c.
RANKINGS: tuple[tuple[tuple[list[str], ...], int], ...] = (
    ((["a", "b", "c"], ["c", "b"]), 60),
    ((["a", "b", "c"], ["d"]), 60),
    ((["x"], ["y", "x"], ["z", "y", "x"]), 60),
    ((["a", "b"], []), 60),
    ((["p", "q", "r", "s"], ["r", "t"], ["t", "q"]), 0),
    ((["p", "q", "r"], ["s", "t", "r"]), 0),
)
INDEX: Index = {
    "sort": [("numpy.sort", 1.5), ("torch.argsort", 0.5)],
    "array": [("numpy.sort", 0.5), ("numpy.ravel", 1.0)],
    "chart": [("pyplot.bar", 2.0)],
}
LOOKUPS: tuple[dict[str, float], ...] = ({"sort": 2.0, "array": 1.0}, {"chart": 0.5}, {"sort": 1.0, "unheard": 3.0}, {"unheard": 1.0})
SMALLEST_DIFFERENCE = 1e-6


def _check_fusion(answer: Any) -> None:
    if not callable(answer):
        raise Wrong(f"The answer is a function: fuse(rankings, c), without calling it. It is {arguments.shown(answer)}.")
    for rankings, c in RANKINGS:
        given = [list(ranking) for ranking in rankings]
        found = _fused(answer, given, c)
        if given != [list(ranking) for ranking in rankings]:
            raise Wrong("The function changed the lists it was given: count in a dict of your own.")
        points = _points(rankings, c)
        if not isinstance(found, Sequence) or isinstance(found, str) or not all(isinstance(name, str) for name in found):
            raise Wrong(f"For {given} it returned {arguments.shown(found)}: return a list of names, best first, without points.")
        if missing := [name for name in points if name not in found]:
            raise Wrong(f"For {given}, {missing[0]!r} is missing: a document that stands in one list only gets points from that list.")
        if len(found) != len(points):
            raise Wrong(f"For {given} it returned {len(found)} names for {len(points)} documents: each document once, and no other.")
        got = [points[name] for name in found]
        if got == sorted(got) and got != sorted(got, reverse=True):
            raise Wrong(f"For {given} the worst comes first: sort from many points to few.")
        if any(low < high - SMALLEST_DIFFERENCE for low, high in itertools.pairwise(got)):
            raise Wrong(f"For {given} and c = {c} the order is {list(found)}. Each list adds 1 / (c + rank), and the first rank is 1.")


def _fused(answer: Callable[..., Any], rankings: list[list[str]], c: int) -> Any:
    try:
        return answer(rankings, c)
    except ZeroDivisionError:
        raise Wrong("With c = 0 it divides by zero: the first rank is 1, so count from 1.") from None


def _points(rankings: Sequence[Sequence[str]], c: int) -> dict[str, float]:
    points: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, start=1):
            points[name] = points.get(name, 0.0) + 1 / (c + rank)
    return points


def _check_lookup(answer: Any) -> None:
    if not callable(answer):
        raise Wrong(f"The answer is a function: look_up(index, query), without calling it. It is {arguments.shown(answer)}.")
    for query in LOOKUPS:
        try:
            found = answer({word: list(postings) for word, postings in INDEX.items()}, dict(query))
        except KeyError as error:
            raise Wrong(
                f"{error} is no word of the index: such a word of the query matches nothing. index.get(word, []) is empty."
            ) from None
        if not isinstance(found, dict):
            raise Wrong(f"For {query} it returned {arguments.shown(found)}: return a dict from a document's name to its score.")
        _compare_scores(found, _dot_products(query), query)


def _dot_products(query: dict[str, float]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for word, weight in query.items():
        for name, value in INDEX.get(word, []):
            scores[name] = scores.get(name, 0.0) + weight * value
    return scores


def _compare_scores(found: dict[Any, Any], wanted: dict[str, float], query: dict[str, float]) -> None:
    if strangers := [name for name in found if name not in wanted]:
        raise Wrong(f"For {query}, {strangers[0]!r} has no word of the query: an inverted index never touches it, so leave it out.")
    if missing := [name for name in wanted if name not in found]:
        raise Wrong(f"For {query}, {missing[0]!r} is missing: every document in the list of one of the query's words gets a score.")
    for name, score in wanted.items():
        try:
            got = arguments.number(found[name], "score")
        except (TypeError, ValueError):
            raise Wrong(f"For {query}, the score of {name!r} is {arguments.shown(found[name])}: it should be one number.") from None
        if abs(got - score) > SMALLEST_DIFFERENCE:
            raise Wrong(
                f"For {query}, {name!r} gets {got:g} instead of {score:g}: add up, over the words, the query's weight times the document's."
            )


def _check_maxsim(answer: Any) -> None:
    if not callable(answer):
        raise Wrong(f"The answer is a function: maxsim(query, document, real), without calling it. It is {arguments.shown(answer)}.")
    query = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    document = np.array([[0.8, 0.6], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    real = np.array([True, True, False, False])
    got = _one_number(answer(query.copy(), document.copy(), real.copy()))
    by_token = (query @ document[real].T).max(axis=1)
    if abs(got - by_token.mean()) < SMALLEST_DIFFERENCE:
        raise Wrong("That is the mean over the query's tokens (`meanmaxsim`). MaxSim is their sum.")
    if abs(got - (query @ document[real].T).max(axis=0).sum()) < SMALLEST_DIFFERENCE:
        raise Wrong("Each token of the *document* has looked for its best match. It is the query's tokens that look: one maximum a row.")
    if abs(got - (query @ document[real].T).sum()) < SMALLEST_DIFFERENCE:
        raise Wrong("That adds up all similarities. Each token of the query keeps its best match only.")
    if abs(got - by_token.sum()) > SMALLEST_DIFFERENCE:
        raise Wrong(f"It gives {got:.2f} instead of {by_token.sum():.2f}: for each token of the query the best match, and then the sum.")
    got, wanted = _one_number(answer(-query, document.copy(), real.copy())), float((-query @ document[real].T).max(axis=1).sum())
    if abs(got - wanted) > SMALLEST_DIFFERENCE:
        raise Wrong(
            f"Where nothing fits it gives {got:.2f} instead of {wanted:.2f}: padding has similarity 0, which is more than a negative one. "
            "Leave out the rows that are not real before you take the maximum."
        )


def _one_number(value: Any) -> float:
    if np.ndim(value) != 0:
        raise Wrong(f"It returned {arguments.shown(value)}: the score of a document is one number.")
    try:
        return arguments.number(float(value), "score")
    except (TypeError, ValueError):
        raise Wrong(f"It returned {arguments.shown(value)}: the score of a document is one number.") from None


EXERCISES = [
    Exercise(
        number="15.1",
        title="Fuse ranked lists",
        question="""
            Search engines hand out ranked lists, not tables of scores. Write `fuse(rankings, c)`: `rankings` is a list of lists of names,
            best first, of any length; each list gives its documents 1 / (c + rank), counted from 1. Return all names as one list, best
            first. Answer with the function, not with a call.
        """,
        check_answer=_check_fusion,
        hints=(
            "Two loops: over the lists, and over the names of each with their ranks. What a document has so far stands in a dict.",
            "enumerate(ranking, start=1) gives rank and name; points.get(name, 0) is what the document has so far.",
            "At the end, sorted(points, key=points.get, reverse=True).",
        ),
        solution_code="""
            def fuse(rankings, c):
                points = {}
                for ranking in rankings:
                    for rank, name in enumerate(ranking, start=1):
                        points[name] = points.get(name, 0) + 1 / (c + rank)
                return sorted(points, key=points.get, reverse=True)

            answer_1 = fuse
        """,
        wrong_answers=(
            WrongAnswer(
                """
                def answer_1(rankings, c):
                    points = {}
                    for ranking in rankings:
                        for rank, name in enumerate(ranking):
                            points[name] = points.get(name, 0) + 1 / (c + rank)
                    return sorted(points, key=points.get, reverse=True)
                """,
                "count from 1",
            ),
            WrongAnswer(
                """
                def answer_1(rankings, c):
                    in_all = set.intersection(*map(set, rankings))
                    return sorted(in_all, key=lambda name: -sum(1 / (c + found.index(name) + 1) for found in rankings))
                """,
                "is missing",
            ),
            WrongAnswer(
                """
                def answer_1(rankings, c):
                    points = {}
                    for ranking in rankings:
                        for rank, name in enumerate(ranking, start=1):
                            points[name] = points.get(name, 0) + 1 / (c + rank)
                    return sorted(points, key=points.get)
                """,
                "worst comes first",
            ),
            WrongAnswer(
                """
                def answer_1(rankings, c):
                    points = {}
                    for ranking in rankings:
                        for rank, name in enumerate(ranking, start=1):
                            points[name] = points.get(name, 0) + 1 / (c + rank)
                    return sorted(points.items(), key=lambda item: item[1], reverse=True)
                """,
                "without points",
            ),
            WrongAnswer(
                """
                def answer_1(rankings, c):
                    points = {}
                    for ranking in rankings:
                        for rank, name in enumerate(ranking, start=1):
                            points[name] = max(points.get(name, 0), 1 / (c + rank))
                    return sorted(points, key=points.get, reverse=True)
                """,
                "Each list adds",
            ),
            WrongAnswer(
                """
                def answer_1(rankings, c):
                    points = {}
                    for ranking in rankings:
                        for rank, name in enumerate(ranking, start=1):
                            points[name] = points.get(name, 0) + 1 / (60 + rank)
                    return sorted(points, key=points.get, reverse=True)
                """,
                "and c = 0 the order is",
            ),
            WrongAnswer("answer_1 = ['c', 'b', 'a']", "The answer is a function"),
        ),
        praise="It takes lists from any number of engines, and never looks at a score.",
    ),
    Exercise(
        number="15.2",
        title="Look words up instead of comparing with everything",
        question="""
            An **inverted index** is a dict from a word to the documents that hold it, each with its weight, such as
            `{"sort": [("numpy.sort", 1.5), ("torch.argsort", 0.5)]}`. Write `look_up(index, query)`, where `query` is a dict from a
            word to its weight: return a dict from each document found to its score, the dot product. A document that shares no word
            with the query must not turn up at all. Answer with the function.
        """,
        check_answer=_check_lookup,
        hints=(
            "Go through the words of the query, not through the documents.",
            "index.get(word, []) is the list for a word, and empty where the index does not know it.",
            "For each (name, value) in that list: scores[name] = scores.get(name, 0) + weight * value.",
        ),
        solution_code="""
            def look_up(index, query):
                scores = {}
                for word, weight in query.items():
                    for name, value in index.get(word, []):
                        scores[name] = scores.get(name, 0) + weight * value
                return scores

            answer_2 = look_up
        """,
        wrong_answers=(
            WrongAnswer(
                """
                def answer_2(index, query):
                    scores = {}
                    for word, weight in query.items():
                        for name, value in index[word]:
                            scores[name] = scores.get(name, 0) + weight * value
                    return scores
                """,
                "matches nothing",
            ),
            WrongAnswer(
                """
                def answer_2(index, query):
                    scores = {name: 0 for found in index.values() for name, _ in found}
                    for word, weight in query.items():
                        for name, value in index.get(word, []):
                            scores[name] += weight * value
                    return scores
                """,
                "leave it out",
            ),
            WrongAnswer(
                """
                def answer_2(index, query):
                    return {name: weight * value for word, weight in query.items() for name, value in index.get(word, [])}
                """,
                "add up",
            ),
            WrongAnswer(
                """
                def answer_2(index, query):
                    scores = {}
                    for word in query:
                        for name, value in index.get(word, []):
                            scores[name] = scores.get(name, 0) + value
                    return scores
                """,
                "the query's weight times",
            ),
            WrongAnswer("answer_2 = {'numpy.sort': 3.5}", "The answer is a function"),
        ),
        praise="The work is the length of a few lists, however many documents there are. BM25 and sparse vectors both live on that.",
    ),
    Exercise(
        number="15.3",
        title="MaxSim with padding",
        question="""
            In a table of many documents, short ones are filled up with rows of zeros. Write `maxsim(query, document, real)`: `query` has
            one unit vector a row, `document` too, and `real` says which rows of the document are tokens (`True`) and which are
            filling. Return the score as one number. Answer with the function.
        """,
        check_answer=_check_maxsim,
        hints=(
            "One similarity for each token of the query with each of the document; then a maximum, then a sum. Along which axis?",
            "(query @ document.T) has a row for each token of the query, so the best match is max(axis=1).",
            "document[real] leaves out the filling before anything is compared.",
        ),
        solution_code="""
            def maxsim(query, document, real):
                return (query @ document[real].T).max(axis=1).sum()

            answer_3 = maxsim
        """,
        wrong_answers=(
            WrongAnswer(
                """
                def answer_3(query, document, real):
                    return (query @ document.T).max(axis=1).sum()
                """,
                "padding has similarity 0",
            ),
            WrongAnswer(
                """
                def answer_3(query, document, real):
                    return (query @ document[real].T).max(axis=1).mean()
                """,
                "That is the mean",
            ),
            WrongAnswer(
                """
                def answer_3(query, document, real):
                    return (query @ document[real].T).max(axis=0).sum()
                """,
                "query's tokens that look",
            ),
            WrongAnswer(
                """
                def answer_3(query, document, real):
                    return (query @ document[real].T).sum()
                """,
                "adds up all",
            ),
            WrongAnswer(
                """
                def answer_3(query, document, real):
                    return (query @ document[real].T).max(axis=1)
                """,
                "one number",
            ),
            WrongAnswer("answer_3 = 2.8", "The answer is a function"),
        ),
        praise="The library masks its padding in the same way; whoever stores token vectors has to keep the lengths as well.",
    ),
]
