"""Measures of retrieval and similarity, thin over numpy, scipy and scikit-learn.

A ranking is a list of document ids, best first; ids are strings or whole numbers. A query's relevant documents are a set (or a list)
of ids, or a dict that gives each id its gain, a number above zero. All measures of a ranking lie between 0 and 1, and more is better.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from helpers import arguments

Id: TypeAlias = str | int
Relevant: TypeAlias = AbstractSet[Any] | Sequence[Id] | Mapping[Any, float] | np.ndarray
Ranking: TypeAlias = Sequence[Id] | np.ndarray
Numbers: TypeAlias = Sequence[float] | np.ndarray


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over ``queries`` queries, each measure looking at the first ``k`` documents (MRR too)."""

    queries: int
    k: int
    recall: float
    mrr: float
    ndcg: float

    def __str__(self) -> str:
        header = f"{'queries':>7}  {f'recall@{self.k}':>10}  {f'MRR@{self.k}':>8}  {f'nDCG@{self.k}':>8}"
        return f"{header}\n{self.queries:>7}  {self.recall:>10.3f}  {self.mrr:>8.3f}  {self.ndcg:>8.3f}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Threshold:
    """The score from which on a pair is called a match, and what that costs: precision, recall and their harmonic mean F1."""

    threshold: float
    precision: float
    recall: float
    f1: float

    def __str__(self) -> str:
        return f"threshold {self.threshold:.3f}: precision {self.precision:.3f}, recall {self.recall:.3f}, F1 {self.f1:.3f}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many pairs fell on which side of a threshold, by what they really were."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    def __str__(self) -> str:
        rows = [
            ("", "called a match", "called no match"),
            ("is a match", self.true_positives, self.false_negatives),
            ("is no match", self.false_positives, self.true_negatives),
        ]
        return "\n".join(f"{name:<11}  {first:>14}  {second:>15}" for name, first, second in rows)

    __repr__ = __str__


def recall_at_k(ranked: Ranking, relevant: Relevant, k: int) -> float:
    """The share of the relevant documents that stand among the first ``k`` of a ranking.

    With more than ``k`` relevant documents it cannot reach 1.

    Raises:
        TypeError, ValueError: Where the ranking holds an id twice, nothing is relevant, or ``k`` is below 1.
    """
    ranked, gains, k = _checked(ranked, relevant, k)
    return len(set(ranked[:k]) & set(gains)) / len(gains)


def reciprocal_rank(ranked: Ranking, relevant: Relevant) -> float:
    """1 divided by the rank of the first relevant document: 1 for the first place, 0.5 for the second, 0 where there is none.

    Raises:
        TypeError, ValueError: Where the ranking holds an id twice or nothing is relevant.
    """
    ranked, gains, _ = _checked(ranked, relevant, 1)
    return next((1 / rank for rank, document in enumerate(ranked, start=1) if document in gains), 0.0)


def ndcg_at_k(ranked: Ranking, relevant: Relevant, k: int) -> float:
    """Normalized discounted cumulative gain of the first ``k``: found gains, each divided by log2(rank + 1), over the best possible sum.

    A set of relevant documents gives each the gain 1. A dict gives its own gains, used as they are (not as powers of two).

    Source: Järvelin and Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4).

    Raises:
        TypeError, ValueError: Where the ranking holds an id twice, nothing is relevant, a gain is not above zero, or ``k`` is below 1.
    """
    ranked, gains, k = _checked(ranked, relevant, k)
    # Divided by the largest gain first: the measure is the same, and no sum of very large gains becomes infinite.
    largest = max(gains.values())
    found = [gains.get(document, 0.0) / largest for document in ranked[:k]]
    best = [gain / largest for gain in sorted(gains.values(), reverse=True)[:k]]
    return _discounted_sum(found) / _discounted_sum(best)


def evaluate(
    rankings: Sequence[Ranking] | Mapping[Any, Ranking] | np.ndarray, relevant: Sequence[Relevant] | Mapping[Any, Relevant], k: int = 10
) -> Scores:
    """Recall, mean reciprocal rank and nDCG at ``k``, each the mean over all queries.

    Args:
        rankings: One ranking a query: a list of them, or a dict by query id.
        relevant: The relevant documents a query, in the same form and for the same queries.
        k: How many documents of each ranking count.

    Raises:
        TypeError, ValueError: Where the two do not belong together or a single ranking is refused (see `recall_at_k`).
    """
    pairs = _paired(rankings, relevant)
    k = arguments.integer(k, "k", minimum=1)
    return Scores(
        queries=len(pairs),
        k=k,
        recall=statistics.fmean(recall_at_k(ranked, wanted, k) for ranked, wanted in pairs),
        mrr=statistics.fmean(reciprocal_rank(ranked[:k], wanted) for ranked, wanted in pairs),
        ndcg=statistics.fmean(ndcg_at_k(ranked, wanted, k) for ranked, wanted in pairs),
    )


def spearman(scores: Numbers, grades: Numbers) -> float:
    """Spearman's rank correlation of a model's scores with people's grades, from -1 to 1: do both put the pairs in the same order?

    Raises:
        TypeError, ValueError: Where the lengths differ, there are fewer than two pairs, or one side holds a single value throughout.
    """
    from scipy.stats import spearmanr

    scores_array = _varied_vector(scores, "scores")
    grades_array = _varied_vector(grades, "grades")
    arguments.same_length(scores_array, "scores", grades_array, "grades")
    return float(spearmanr(scores_array, grades_array).statistic)


def calibrate_threshold(scores: Numbers, labels: Sequence[int] | np.ndarray) -> Threshold:
    """The threshold with the best F1 over labelled pairs; the highest one where several are equally good.

    A pair is called a match when its score is at least the threshold, which is always one of ``scores``. The numbers hold for these
    pairs: on new ones expect a little less.

    Args:
        scores: One similarity a pair.
        labels: True (or 1) for a pair that is a match, False (or 0) for one that is not; at least one of each.

    Raises:
        TypeError, ValueError: Where the lengths differ, a label is something else, or all labels are the same.
    """
    from sklearn.metrics import precision_recall_curve

    scores_array, labels_array = _scores_and_labels(scores, labels)
    if labels_array.all() or not labels_array.any():
        raise ValueError(f"labels must hold matches and others, got {len(labels_array)} times {bool(labels_array[0])}.")
    precision, recall, thresholds = precision_recall_curve(labels_array, scores_array)
    precision, recall = precision[:-1], recall[:-1]  # the last point of the curve belongs to no threshold
    with np.errstate(invalid="ignore"):
        f1 = np.nan_to_num(2 * precision * recall / (precision + recall))
    best = int(np.flatnonzero(f1 >= f1.max() - 1e-12)[-1])
    return Threshold(float(thresholds[best]), float(precision[best]), float(recall[best]), float(f1[best]))


def confusion(scores: Numbers, labels: Sequence[int] | np.ndarray, threshold: float) -> Confusion:
    """What a threshold does to labelled pairs: a pair is called a match when its score is at least the threshold.

    Raises:
        TypeError, ValueError: Where the lengths differ, a label is neither true nor false, or the threshold is no finite number.
    """
    scores_array, labels_array = _scores_and_labels(scores, labels)
    called = scores_array >= arguments.number(threshold, "threshold")
    return Confusion(
        true_positives=int((called & labels_array).sum()),
        false_positives=int((called & ~labels_array).sum()),
        false_negatives=int((~called & labels_array).sum()),
        true_negatives=int((~called & ~labels_array).sum()),
    )


def random_baseline(n_documents: int, n_relevant: int, k: int) -> float:
    """The recall@k to expect from documents in random order: ``k / n_documents``, however many of them are relevant.

    Each relevant document stands in the first ``k`` places with that probability, so their expected share is the same number.

    Raises:
        TypeError, ValueError: Where a number is below 1 or more documents are relevant than there are.
    """
    n_documents = arguments.integer(n_documents, "n_documents", minimum=1)
    arguments.integer(n_relevant, "n_relevant", minimum=1, maximum=n_documents)
    return min(arguments.integer(k, "k", minimum=1), n_documents) / n_documents


def bootstrap_interval(values: Numbers, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0) -> tuple[float, float]:
    """The range in which the mean of ``values`` probably lies, by drawing as many values from them, with repetition, again and again.

    For two systems on the same queries, pass the differences query by query: an interval that holds 0 shows no difference.

    Args:
        values: One number a query, such as its recall@10.
        confidence: The share of the resampled means that the interval holds, between 0 and 1.
        resamples: How often to draw.
        seed: Of the random numbers; the same seed gives the same interval.

    Returns:
        (lowest, highest), the percentile bootstrap interval (Efron and Tibshirani, An Introduction to the Bootstrap, 1993).

    Raises:
        TypeError, ValueError: Where there is no value, one is not finite, or a number is out of its range.
    """
    numbers = arguments.vector(values, "values")
    share = arguments.number(confidence, "confidence")
    if not 0 < share < 1:
        raise arguments.wrong_value("confidence", confidence, "between 0 and 1, without both ends")
    draws = arguments.integer(resamples, "resamples", minimum=1, maximum=1_000_000)
    generator = np.random.default_rng(arguments.integer(seed, "seed", minimum=0))
    # One draw after the other: all at once would need resamples x values numbers in memory.
    means = [numbers[generator.integers(0, len(numbers), len(numbers))].mean() for _ in range(draws)]
    low, high = np.quantile(means, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def _discounted_sum(gains: list[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _checked(ranked: object, relevant: object, k: object) -> tuple[list[Id], dict[Id, float], int]:
    if isinstance(ranked, AbstractSet):
        raise arguments.wrong_type("ranked", ranked, "a list of ids, best first (a set has no order)")
    ids = _ids(ranked, "ranked")
    if len(set(ids)) < len(ids):
        twice = next(document for index, document in enumerate(ids) if document in ids[:index])
        raise ValueError(f"ranked must hold each id once, got {twice!r} more than once.")
    return ids, _gains(relevant), arguments.integer(k, "k", minimum=1)


def _ids(value: Any, name: str) -> list[Id]:
    if hasattr(value, "detach"):  # a torch tensor, such as the indices of torch.topk
        value = value.tolist()
    if isinstance(value, str | bytes | bytearray | memoryview) or not isinstance(value, Sequence | np.ndarray | AbstractSet):
        raise arguments.wrong_type(name, value, "a list of ids (strings or whole numbers)")
    for index, item in enumerate(value):
        if isinstance(item, bool | np.bool_) or not isinstance(item, str | int | np.integer):
            raise arguments.wrong_type(f"{name}[{index}]", item, "an id (a string or a whole number)")
    return [str(item) if isinstance(item, str) else int(item) for item in value]


def _gains(relevant: object) -> dict[Id, float]:
    accepted = "a set, list or dict of at least one id"
    if relevant is None or not isinstance(relevant, AbstractSet | Sequence | Mapping | np.ndarray):
        raise arguments.wrong_type("relevant", relevant, accepted)
    if len(relevant) == 0:
        raise arguments.wrong_value("relevant", relevant, accepted)
    if not isinstance(relevant, Mapping):
        return dict.fromkeys(_ids(relevant, "relevant"), 1.0)
    gains = [arguments.number(gain, f"relevant[{document!r}]") for document, gain in relevant.items()]
    for document, gain in zip(relevant, gains, strict=True):
        if gain <= 0:
            raise arguments.wrong_value(f"relevant[{document!r}]", gain, "a gain above zero")
    return dict(zip(_ids(list(relevant), "relevant"), gains, strict=True))


def _paired(rankings: Any, relevant: Any) -> list[tuple[Any, Any]]:
    if isinstance(rankings, Mapping) and isinstance(relevant, Mapping):
        if set(rankings) != set(relevant):
            different = sorted(set(rankings) ^ set(relevant), key=str)[0]
            raise ValueError(f"relevant must have the query ids of rankings, got {different!r} in only one of them.")
        pairs = [(rankings[query], relevant[query]) for query in rankings]
    else:
        for name, value in (("rankings", rankings), ("relevant", relevant)):
            if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence | np.ndarray):
                raise arguments.wrong_type(name, value, "a list with one item a query, or both rankings and relevant a dict by query id")
        arguments.same_length(rankings, "rankings", relevant, "relevant")
        pairs = list(zip(rankings, relevant, strict=True))
    if not pairs:
        raise arguments.wrong_value("rankings", rankings, "at least one ranking")
    # Before a slice of it is taken, which would hide the second appearance of an id.
    return [(_checked_ranking(position, ranked, wanted), wanted) for position, (ranked, wanted) in enumerate(pairs)]


def _checked_ranking(position: int, ranked: Any, wanted: Any) -> list[Id]:
    try:
        return _checked(ranked, wanted, 1)[0]
    except (TypeError, ValueError) as error:
        raise type(error)(f"{error} It stands in item {position} of rankings and relevant.") from error


def _varied_vector(value: object, name: str) -> np.ndarray:
    array = arguments.vector(value, name)
    if (array == array[0]).all():
        raise ValueError(f"{name} must hold at least two different numbers, got {len(array)} times {array[0]}.")
    return array


def _scores_and_labels(scores: object, labels: object) -> tuple[np.ndarray, np.ndarray]:
    scores_array = arguments.vector(scores, "scores")
    accepted = "a list of labels, each True, False, 1 or 0"
    if labels is None or isinstance(labels, str | bytes | Mapping) or not isinstance(labels, Sequence | np.ndarray):
        raise arguments.wrong_type("labels", labels, accepted)
    for index, label in enumerate(labels):
        if not isinstance(label, bool | np.bool_ | int | np.integer) or label not in (0, 1):
            raise arguments.wrong_type(f"labels[{index}]", label, "True, False, 1 or 0")
    arguments.same_length(scores_array, "scores", labels, "labels")
    return scores_array, np.array([bool(label) for label in labels])
