"""Exercises of lesson 04: similarity scores."""

from typing import Any

import numpy as np

from helpers import arguments
from helpers.exercises import Exercise, Wrong, WrongAnswer

QUERY, DOCUMENT = np.array([2.0, 1.0]), np.array([1.0, 1.0])
WANTED_PRECISION = 0.8
LONGEST = 1_000_000
SAME, TOLERANCE = 1e-6, 1e-4
# No two of them alike, so that the pairs which a wrong answer leaves out show in its number.
THREE_VECTORS = np.array([[3.0, 0.0], [0.5, 2.0], [1.0, 1.0]], dtype=np.float32)
FOUR_VECTORS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]], dtype=np.float32)
PAIRS = ((0, 1), (0, 2), (1, 2))


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def _check_long_but_turned_away(answer: Any, **given: Any) -> None:
    try:
        vector = arguments.vector(answer, "answer").astype(float)
    except (TypeError, ValueError):
        vector = np.zeros(0)
    if vector.shape != (2,):
        raise Wrong(f"The answer is a vector of two numbers, for example [1.5, -2.0], not {arguments.shown(answer)}.")
    if not vector.any():
        raise Wrong("[0, 0] has no direction: its cosine with anything is undefined. Take a vector that points somewhere.")
    if np.abs(vector).max() > LONGEST:
        raise Wrong(f"Numbers this large overflow sooner or later: entries below {LONGEST:,} are long enough.")
    product, cosine, bar = float(QUERY @ vector), _cosine(QUERY, vector), _cosine(QUERY, DOCUMENT)
    if product <= QUERY @ DOCUMENT:
        raise Wrong(f"Its dot product with the query is {product:.2f}, which does not beat 3: what makes a dot product grow?")
    if abs(cosine - bar) < SAME:
        raise Wrong(f"Its cosine is {cosine:.3f}, the same as the document's: a longer vector in the same direction changes nothing there.")
    if cosine > bar:
        raise Wrong(f"It wins both: its cosine of {cosine:.3f} is above the document's {bar:.3f}. Turn it away from the query.")


def _precision_recall(scores: np.ndarray, labels: np.ndarray, threshold: float) -> tuple[float, float]:
    called = scores >= threshold
    return (float(labels[called].mean()) if called.any() else 0.0), float((called & labels).sum() / labels.sum())


def _check_precise_threshold(answer: Any, *, scores: Any, labels: Any) -> None:
    values, matches = np.asarray(scores, dtype=float), np.asarray(labels, dtype=bool)
    if hasattr(answer, "threshold"):
        raise Wrong("This is a whole result of a calibration. Its .threshold is a number, but check which measure it was chosen by.")
    try:
        threshold = arguments.number(answer, "answer")
    except (TypeError, ValueError):
        raise Wrong(f"The answer is one number, a score from which on a pair counts as a match, not {arguments.shown(answer)}.") from None
    if threshold > 1:
        raise Wrong(f"A cosine similarity never exceeds 1, so {threshold:g} accepts nothing. It is a score, not a percentage.")
    if not (values >= threshold).any():
        raise Wrong("No pair reaches this score: with nothing called a match there is no precision, and the recall is 0.")
    precision, recall = _precision_recall(values, matches, threshold)
    possible = [_precision_recall(values, matches, score) for score in np.unique(values)]
    best = max(found for sure, found in possible if sure >= WANTED_PRECISION)
    if precision < WANTED_PRECISION:  # it does not rise all the way: near the top, it falls again
        way = "higher" if recall > best - SAME else "lower"
        raise Wrong(f"The precision at this threshold is {precision:.2f}: too many of the pairs it accepts mean something else. Go {way}.")
    if recall < best - SAME:
        raise Wrong(f"The precision of {precision:.2f} is enough, but the recall is {recall:.2f} where {best:.2f} is possible: go lower.")


def _shape_text(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"an array of shape {tuple(shape)}" if shape is not None else arguments.shown(value)


def _call(function: Any, vectors: np.ndarray) -> float:
    try:
        value = function(vectors)
    except Exception as error:
        raise Wrong(f"On {len(vectors)} vectors of 2 numbers the function raised {type(error).__name__}: {error}") from None
    if value is None:
        raise Wrong("The function returned None: print only shows a number, return hands it back.")
    try:
        number = float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"The function must return one number, it returned {_shape_text(value)}.") from None
    if not np.isfinite(number):
        raise Wrong("The function returned NaN or infinity for vectors that all have a length: which pairs does it average?")
    return number


def _mean_over_pairs(scores: np.ndarray) -> float:
    return float(scores[np.triu_indices(len(scores), k=1)].mean())


def _is_any_of(number: float, *candidates: Any) -> bool:
    return any(abs(number - float(candidate)) < TOLERANCE for candidate in candidates)


def _check_cohesion(answer: Any, **given: Any) -> None:
    if not callable(answer):
        raise Wrong(f"The answer is a function of the embeddings (def or lambda), not {arguments.shown(answer)}.")
    unit = THREE_VECTORS / np.linalg.norm(THREE_VECTORS, axis=1, keepdims=True)
    cosines, products = unit @ unit.T, THREE_VECTORS @ THREE_VECTORS.T
    got, wanted = _call(answer, THREE_VECTORS.copy()), _mean_over_pairs(cosines)
    got_for_four = _call(answer, FOUR_VECTORS.copy())
    if _is_any_of(got, wanted):
        if not _is_any_of(got_for_four, _mean_over_pairs(FOUR_VECTORS @ FOUR_VECTORS.T)):
            raise Wrong("It is right for three vectors and wrong for four: is the number of pairs, or of vectors, written into it?")
        return
    if _is_any_of(got, 1.0) and _is_any_of(got_for_four, 1.0):
        raise Wrong("It returns 1, the score of any vector with itself. The pairs that count are those of two different rows.")
    if _is_any_of(got, got_for_four):
        raise Wrong("The function returns the same number for other vectors: does it use its own argument, or a variable of the lesson?")
    if _is_any_of(got, cosines.mean(), cosines[np.triu_indices(3)].mean()):
        raise Wrong("The diagonal is in this mean: every vector compared with itself gives 1 and makes the group look closer than it is.")
    if _is_any_of(got, products.mean(), _mean_over_pairs(products)):
        raise Wrong("These are dot products: where vectors do not have length 1, length enters the score. The question asks for cosine.")
    if _is_any_of(got, np.triu(cosines, k=1).mean(), (cosines - np.eye(3)).mean()):
        raise Wrong("Zeros are counted in this mean: a matrix with entries set to zero keeps its size. Select the pairs instead.")
    if _is_any_of(got, *(cosines[i, j] for i, j in PAIRS), *(np.delete(cosines[np.triu_indices(3, k=1)], k).mean() for k in range(3))):
        raise Wrong("This is the score of some of the pairs, not the mean over all: three vectors form three pairs, and all of them count.")
    if _is_any_of(got, cosines[np.triu_indices(3, k=1)].sum(), cosines.sum() - 3):
        raise Wrong("This is the sum over the pairs. Divide it by their number, so that groups of different sizes can be compared.")
    raise Wrong(f"For three test vectors the mean cosine over their three pairs is {wanted:.2f}, and the function returned {got:.2f}.")


EXERCISES = [
    Exercise(
        number="04.1",
        title="Long, but turned away",
        question="""
            A query is the vector `[2, 1]`, and a document is `[1, 1]`: their dot product is 3, their cosine 0.949. Give a vector
            `answer_1` of two numbers that **beats** this document by dot product and **loses** to it by cosine similarity.
        """,
        check_answer=_check_long_but_turned_away,
        hints=(
            "The dot product grows with the length of a vector, the cosine does not know it.",
            "Take a direction farther from [2, 1] than [1, 1] is, for example straight up, and make the vector long.",
            "Straight up is [0, y]. Its dot product with [2, 1] is 2 * 0 + 1 * y: for which y is that above 3?",
        ),
        solution_code="answer_1 = [0, 4]",
        wrong_answers=(
            WrongAnswer("answer_1 = [4, 4]", "same direction"),
            WrongAnswer("answer_1 = [4, 2]", "wins both"),
            WrongAnswer("answer_1 = [0, 1]", "does not beat 3"),
            WrongAnswer("answer_1 = [0, 3]", "does not beat 3"),
            WrongAnswer("answer_1 = [0, 0]", "no direction"),
            WrongAnswer("answer_1 = 4", "two numbers"),
            WrongAnswer("answer_1 = [float('nan'), 1]", "two numbers"),
        ),
        praise="A long vector collects a high dot product from a direction that the cosine ranks last: which function you choose decides.",
    ),
    Exercise(
        number="04.2",
        title="A wrong match is expensive",
        question="""
            Matches will be merged without anyone looking, so at least **80 %** of the pairs we call a match have to be one. Find the
            threshold that finds the most matches while its precision on the 78 graded pairs is at least 0.8. `scores` and `labels` are
            the ones of this section. Assign the number to `answer_2`.
        """,
        check_answer=_check_precise_threshold,
        hints=(
            "Recall falls as the threshold rises: among all thresholds that are precise enough, the lowest one finds the most.",
            "Every score is a candidate. For each, the pairs called a match are labels[scores >= candidate]; their mean is the precision.",
            "answer_2 = min(t for t in scores if labels[scores >= t].mean() >= 0.8)",
        ),
        solution_code="answer_2 = min(t for t in scores if labels[scores >= t].mean() >= 0.8)",
        wrong_answers=(
            WrongAnswer("answer_2 = evaluation.calibrate_threshold(scores, labels).threshold", "Go higher."),
            WrongAnswer("answer_2 = evaluation.calibrate_threshold(scores, labels)", ".threshold is a number"),
            WrongAnswer("answer_2 = 0.9", "Go lower."),
            WrongAnswer("answer_2 = max(t for t in scores if labels[scores >= t].mean() >= 0.8)", "go lower"),
            WrongAnswer("answer_2 = 0.999", "No pair reaches"),
            WrongAnswer("answer_2 = 0.8", "go lower"),
            WrongAnswer("answer_2 = [score for score in scores if score >= 0.78]", "one number"),
            WrongAnswer("answer_2 = 80", "not a percentage"),
            WrongAnswer("answer_2 = '0.8'", "one number"),
        ),
        praise="The cost of an error chose this threshold, not F1. About a third of the matches is missed: the price of precision here.",
    ),
    Exercise(
        number="04.3",
        title="How well does a group hang together?",
        question="""
            Write a function `answer_3(embeddings)` that takes a numpy array of shape `(n, d)`, n ≥ 2, and returns **one number**: the mean
            cosine similarity over all pairs of two *different* rows. It must work for vectors of any length, so also where the model does
            not normalize. Then ask which of the eight topics is the loosest, with `answer_3(embeddings[[t == "food" for t in topics]])`.
        """,
        check_answer=_check_cohesion,
        hints=(
            "model.similarity(embeddings, embeddings) holds every pair twice, and on its diagonal each row with itself.",
            "np.triu_indices(n, k=1) gives the row and column numbers above the diagonal: each pair once.",
            "scores = model.similarity(embeddings, embeddings).numpy(); scores[np.triu_indices(len(embeddings), k=1)].mean()",
        ),
        solution_code="""
            def answer_3(embeddings):
                scores = model.similarity(embeddings, embeddings).numpy()
                return scores[np.triu_indices(len(embeddings), k=1)].mean()
        """,
        wrong_answers=(
            WrongAnswer("answer_3 = lambda vectors: model.similarity(vectors, vectors).mean()", "diagonal"),
            WrongAnswer("answer_3 = lambda vectors: (vectors @ vectors.T)[np.triu_indices(len(vectors), k=1)].mean()", "dot products"),
            WrongAnswer("answer_3 = lambda vectors: np.triu(model.similarity(vectors, vectors), k=1).mean()", "Zeros"),
            WrongAnswer("answer_3 = lambda vectors: model.similarity(vectors, vectors)", "one number"),
            WrongAnswer("answer_3 = model.similarity(embeddings, embeddings).mean()", "function of the embeddings"),
            WrongAnswer("answer_3 = lambda vectors: util.cos_sim(vectors[0], vectors[1])", "some of the pairs"),
            WrongAnswer("answer_3 = lambda vectors: model.similarity_pairwise(vectors[:-1], vectors[1:]).mean()", "some of the pairs"),
            WrongAnswer("answer_3 = lambda vectors: model.similarity_pairwise(vectors, vectors).mean()", "with itself"),
            WrongAnswer("answer_3 = lambda vectors: util.cos_sim(vectors, vectors)[np.triu_indices(len(vectors))].mean()", "diagonal"),
            WrongAnswer("answer_3 = lambda vectors: util.cos_sim(embeddings, embeddings)[np.triu_indices(40, k=1)].mean()", "own argument"),
            WrongAnswer("answer_3 = lambda vectors: print(model.similarity(vectors, vectors).mean())", "returned None"),
            WrongAnswer("answer_3 = lambda vectors: util.euclidean_sim(vectors, vectors).mean()", "For three test vectors"),
        ),
        praise="Among our topics medicine is the loosest, and the clustering above scattered it most.",
    ),
]
