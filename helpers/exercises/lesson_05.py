"""Exercises of lesson 05: semantic search."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from helpers import arguments, evaluation
from helpers.corpus import Entry
from helpers.exercises import Exercise, Wrong, WrongAnswer

WANTED_RECALL = 0.8
FIRST = 10
GIVEN_EXAMPLE = "argrelmax"
# Scores closer than this count as a tie: another batch or processor may swap the two.
TIE = 1e-5
# The last one asks for more than any library holds.
REQUESTS = (("sort the values", "torch", 5), ("draw a line", "matplotlib", 8), ("clusters", "sklearn", 3), ("a window", "matplotlib", 2000))


def _check_filtered_search(answer: Any, *, docs: Sequence[Entry], documents: Any, model: Any) -> None:
    if not callable(answer):
        raise Wrong(f"The answer is a function: search_in(question, library, k), without calling it. It is {arguments.shown(answer)}.")
    library_of = {doc.name: doc.library for doc in docs}
    position = {doc.name: index for index, doc in enumerate(docs)}
    for question, library, k in REQUESTS:
        found = _names_found(answer(question, library, k), f"{question!r} in {library}", library_of)
        if strangers := [name for name in found if library_of[name] != library]:
            raise Wrong(
                f"Asked for {k} of {library}, it returned {strangers[0]}, which belongs to {library_of[strangers[0]]}. "
                "An entry that the mask excludes must never come back, not even when too few others are left. "
                "Where you search a part of the documents, their positions count within it: use rows[i]."
            )
        allowed = np.array([doc.library == library for doc in docs])
        wanted = min(k, int(allowed.sum()))
        if len(found) != wanted or len(set(found)) != wanted:
            raise Wrong(f"Asked for {k} of {library}, it returned {len(set(found))} and not {wanted}: filter first, then take the k best.")
        scores = np.asarray(documents) @ model.encode_query(question)
        got, best = scores[[position[name] for name in found]], np.sort(scores[allowed])[::-1][:wanted]
        if (np.diff(got) > TIE).any():
            raise Wrong(f"The entries for {question!r} are not in order: the best comes first. np.argsort sorts from small to large.")
        if not np.allclose(got, best, atol=TIE):
            raise Wrong(f"For {question!r} there are entries of {library} with higher scores, the first of them {best[0]:.2f}.")


def _names_found(value: Any, request: str, known: dict[str, str]) -> list[str]:
    if value is None:
        raise Wrong("The function gave None: it has to return the names, not print them.")
    try:
        found = arguments.texts(value, "the result", empty=True)
    except (TypeError, ValueError):
        raise Wrong(f"For {request} it returned {arguments.shown(value)}: return a list of names, best first, without scores.") from None
    if not found:
        raise Wrong(f"For {request} it returned nothing: compare libraries with the argument `library`.")
    if unknown := [name for name in found if name not in known]:
        raise Wrong(f"For {request} it returned {unknown[0]!r}, which is not the name of an entry: use names[i].")
    return found


def _check_enough_candidates(answer: Any, *, scores: Any, relevant: Sequence[Sequence[str]], names: Any) -> None:
    try:
        k = arguments.integer(answer, "answer", minimum=1, maximum=len(names))
    except (TypeError, ValueError):
        raise Wrong(f"k is how many documents to hand on: a whole number from 1 to {len(names)}, not {arguments.shown(answer)}.") from None
    rankings = np.asarray(names)[np.argsort(-np.asarray(scores), axis=1, kind="stable")]
    found = _mean_recall(rankings, relevant, k)
    if found < WANTED_RECALL:
        with_any = float(np.mean([np.isin(ranked[:k], wanted).any() for ranked, wanted in zip(rankings, relevant, strict=True)]))
        if with_any >= WANTED_RECALL:
            raise Wrong(
                f"At k = {k}, {with_any:.0%} of the questions have a hit, but recall counts all relevant entries: it is {found:.2f}. "
                "A larger k is needed."
            )
        raise Wrong(f"recall@{k} is {found:.2f}, below {WANTED_RECALL}: a larger k is needed.")
    if k > 1 and _mean_recall(rankings, relevant, k - 1) >= WANTED_RECALL:
        raise Wrong(f"recall@{k} is {found:.2f}: enough, but a smaller k reaches {WANTED_RECALL} as well.")


def _mean_recall(rankings: np.ndarray, relevant: Sequence[Sequence[str]], k: int) -> float:
    return evaluation.evaluate(list(rankings[:, :k]), relevant, k).recall


def _check_missed_name(
    answer: Any, *, docs: Sequence[Entry], documents: Any, model: Any, keyword_scores: Callable[[list[str]], np.ndarray]
) -> None:
    names = [doc.name for doc in docs]
    if not isinstance(answer, str):
        raise Wrong(f"The answer is the full name of one entry, as text, not {arguments.shown(answer)}.")
    if answer not in names:
        raise Wrong(f"There is no entry named {answer!r}: give the full name, as in docs[0].name.")
    bare = answer.split(".")[-1]
    if bare == GIVEN_EXAMPLE:
        raise Wrong(f"{bare} is the example of the question: find another one.")
    namesakes = np.array([name.split(".")[-1] == bare for name in names])
    scores = np.asarray(documents) @ model.encode_query(bare)
    ahead = int((scores[~namesakes] > scores[namesakes].max() - TIE).sum())
    if ahead < FIRST:
        raise Wrong(f"For the query {bare!r} the embeddings put an entry of that name at rank {ahead + 1}: find one beyond {FIRST}.")
    scores = np.asarray(keyword_scores([bare]))[0]
    ahead = int((scores[~namesakes] > scores[namesakes].max() + TIE).sum())
    if ahead or scores[namesakes].max() <= 0:
        raise Wrong(f"The embeddings miss it, but for {bare!r} BM25 does not put an entry of that name first either.")


EXERCISES = [
    Exercise(
        number="05.1",
        title="Search one library",
        question="""
            Write a function `search_in(question, library, k)` that returns the names of the `k` best entries of one library, best
            first, as a list. `library` is `"numpy"`, `"scipy"`, `"sklearn"`, `"torch"` or `"matplotlib"`. If the library holds
            fewer than `k` entries, return all of them and nothing else. `names`, `libraries`, `documents` and `model` are at hand.
            Answer with the function, not with a call.
        """,
        check_answer=_check_filtered_search,
        hints=(
            "Two steps in this order: leave only the positions of the library, then rank what is left.",
            "rows = np.flatnonzero(libraries == library) gives the positions to search.",
            "With rows at hand, scores = documents[rows] @ model.encode_query(question), and rows[np.argsort(-scores)[:k]] are the best.",
        ),
        solution_code="""
            def search_in(question, library, k):
                rows = np.flatnonzero(libraries == library)
                scores = documents[rows] @ model.encode_query(question)
                return list(names[rows[np.argsort(-scores)[:k]]])

            answer_1 = search_in
        """,
        wrong_answers=(
            WrongAnswer(
                """
                def answer_1(question, library, k):
                    scores = documents @ model.encode_query(question)
                    return [names[i] for i in np.argsort(-scores)[:k] if docs[i].library == library]
                """,
                "filter first",
            ),
            WrongAnswer(
                """
                def answer_1(question, library, k):
                    scores = documents @ model.encode_query(question)
                    scores[[doc.library != library for doc in docs]] = -np.inf
                    return list(names[np.argsort(-scores)[:k]])
                """,
                "must never come back",
            ),
            WrongAnswer(
                """
                def answer_1(question, library, k):
                    rows = np.flatnonzero([doc.library == library for doc in docs])
                    scores = documents[rows] @ model.encode_query(question)
                    return list(names[rows[np.argsort(scores)[-k:]]])
                """,
                "from small to large",
            ),
            WrongAnswer(
                """
                def answer_1(question, library, k):
                    rows = np.flatnonzero([doc.library == library for doc in docs])
                    return list(names[rows[:k]])
                """,
                "in order",
            ),
            WrongAnswer(
                """
                def answer_1(question, library, k):
                    rows = np.flatnonzero([doc.library == library for doc in docs])
                    scores = documents[rows] @ model.encode_query(question)
                    print(names[rows[np.argsort(-scores)[:k]]])
                """,
                "not print",
            ),
            WrongAnswer(
                """
                def answer_1(question, library, k):
                    return [name for name, score in search(question, k) if name.startswith(library)]
                """,
                "filter first",
            ),
            WrongAnswer(
                """
                def answer_1(question, library, k):
                    rows = np.flatnonzero([doc.library == library for doc in docs])
                    scores = documents[rows] @ model.encode_query(question)
                    return [names[i] for i in np.argsort(-scores)[:k]]
                """,
                "rows[",
            ),
            WrongAnswer(
                """
                def answer_1(question, library, k):
                    rows = np.flatnonzero([doc.library == library for doc in docs])
                    scores = documents[rows] @ model.encode_query(question)
                    best = np.argsort(-scores)[:k]
                    return list(zip(names[rows[best]], scores[best]))
                """,
                "without scores",
            ),
            WrongAnswer("answer_1 = ['torch.sort']", "The answer is a function"),
        ),
        praise="No stranger, and never too few. (To rank only the rows that qualify does less work than a mask over all of them.)",
    ),
    Exercise(
        number="05.2",
        title="Choose how many candidates to keep",
        question="""
            A slower and better model will put the first `k` hits of each question into a new order. What is not among them is lost.
            Our ten hits hold about two thirds of the relevant entries. What is the **smallest k** for which the mean recall@k over the
            hand-written questions is at least 0.8? `question_scores`, `question_labels` and `top_names` are at hand.
        """,
        check_answer=_check_enough_candidates,
        hints=(
            "Compute recall@k for growing k, and stop at the first that reaches 0.8. (Without its argument k, evaluate looks at ten hits.)",
            "evaluation.evaluate(top_names(question_scores, k), question_labels, k).recall is the mean recall@k.",
            "next(k for k in range(1, len(docs)) if ... >= 0.8), with the expression of the hint before.",
        ),
        solution_code="""
            def recall_at(k):
                return evaluation.evaluate(top_names(question_scores, k), question_labels, k).recall

            answer_2 = next(k for k in range(1, len(docs)) if recall_at(k) >= 0.8)
        """,
        wrong_answers=(
            WrongAnswer("answer_2 = 10", "a larger k is needed"),
            WrongAnswer("answer_2 = 200", "a smaller k"),
            WrongAnswer("answer_2 = 0.8", "a whole number"),
            WrongAnswer(
                """
                top = top_names(question_scores, 100)
                answer_2 = next(
                    k for k in range(1, 100) if np.mean([np.isin(t[:k], w).any() for t, w in zip(top, question_labels)]) >= 0.8
                )
                """,
                "counts all relevant entries",
            ),
        ),
        praise="The last few points of recall cost the most candidates. The second model can only reorder what the first one hands on.",
    ),
    Exercise(
        number="05.3",
        title="Find a name that only BM25 finds",
        question="""
            Find an entry that the embeddings miss by its own bare name: searched for what follows the last dot of its name, no entry
            called so is among the **first ten by meaning**, while **BM25 puts one first**. `scipy.signal.argrelmax` is one; find
            another and answer with its full name. You may guess, or let a loop search.
        """,
        check_answer=_check_missed_name,
        hints=(
            "Try names in the search box. Which say little to a model that reads English? Abbreviations, very short or run-together words.",
            "Or let a loop search: take some entries, such as names[5::20], and search for their bare names as in the cell above.",
            "top_names(model.encode_query(bare) @ documents.T) has ten names a row: keep the rows where none ends in the bare name.",
        ),
        solution_code="""
            def has(hits, name):
                return name in [full.split(".")[-1] for full in hits]

            some = names[5::20]
            bare_names = [full.split(".")[-1] for full in some]
            by_meaning = top_names(model.encode_query(bare_names) @ documents.T)
            by_keyword = top_names(keyword_scores(bare_names), k=1)
            rows = zip(some, bare_names, by_meaning, by_keyword)
            found = [str(full) for full, name, ten, first in rows if not has(ten, name) and has(first, name)]
            answer_3 = found[0]
        """,
        wrong_answers=(
            WrongAnswer("answer_3 = 'argrelmin'", "full name"),
            WrongAnswer("answer_3 = 'scipy.signal.argrelmax'", "the example of the question"),
            WrongAnswer("answer_3 = 'sklearn.cluster.KMeans'", "find one beyond"),
            WrongAnswer("answer_3 = ['scipy.signal.argrelmin']", "as text"),
            WrongAnswer("answer_3 = docs[5]", "as text"),
        ),
        praise="For this query a keyword search is the better tool. A search box that serves both kinds needs both.",
    ),
]
