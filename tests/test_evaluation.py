"""The measures: by hand on small cases, against scikit-learn and the library's own evaluator, and on every kind of bad input."""

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from helpers import evaluation

RANKED = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("relevant", "k", "expected"),
    [({"a"}, 1, 1.0), ({"d"}, 3, 0.0), ({"d"}, 4, 1.0), ({"a", "d"}, 2, 0.5), (["b", "c", "z"], 4, 2 / 3), ({"z"}, 9, 0.0)],
)
def test_recall_by_hand(relevant: Any, k: int, expected: float) -> None:
    assert evaluation.recall_at_k(RANKED, relevant, k) == pytest.approx(expected)


@pytest.mark.parametrize(("relevant", "expected"), [({"a"}, 1.0), ({"c", "b"}, 0.5), ({"d"}, 0.25), ({"z"}, 0.0)])
def test_reciprocal_rank_by_hand(relevant: Any, expected: float) -> None:
    assert evaluation.reciprocal_rank(RANKED, relevant) == expected


def test_ndcg_by_hand() -> None:
    # found on rank 2 only, two are relevant: (1 / log2 3) / (1 / log2 2 + 1 / log2 3)
    assert evaluation.ndcg_at_k(RANKED, {"b", "z"}, 3) == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert evaluation.ndcg_at_k(RANKED, {"a": 3, "b": 1}, 4) == 1.0
    # gains 1 then 3 instead of 3 then 1
    assert evaluation.ndcg_at_k(RANKED, {"a": 1, "b": 3}, 4) == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))
    assert evaluation.ndcg_at_k(RANKED, {"d"}, 3) == 0.0
    # more are relevant than are looked at: the first place is all that can be had
    assert evaluation.ndcg_at_k(RANKED, {"a", "b", "c"}, 1) == 1.0


def test_very_large_gains_stay_finite() -> None:
    assert evaluation.ndcg_at_k(RANKED, {"a": 1e308, "b": 1e308}, 4) == 1.0


@given(st.permutations(range(8)), st.dictionaries(st.integers(0, 7), st.integers(1, 5), min_size=1), st.integers(1, 8))
def test_ndcg_agrees_with_scikit_learn(ranked: list[int], gains: dict[int, int], k: int) -> None:
    true = [[gains.get(document, 0) for document in range(8)]]
    scores = [[-ranked.index(document) for document in range(8)]]
    assert evaluation.ndcg_at_k(ranked, gains, k) == pytest.approx(sklearn.metrics.ndcg_score(true, scores, k=k), abs=1e-12)


def test_evaluate_agrees_with_the_evaluator_of_the_library() -> None:
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    chance = random.Random(5)
    documents = [f"d{index:02}" for index in range(30)]
    relevant = {f"q{index}": set(chance.sample(documents, chance.randint(1, 9))) for index in range(12)}
    rankings = {query: chance.sample(documents, 30) for query in relevant}
    evaluator = InformationRetrievalEvaluator(
        queries=dict.fromkeys(relevant, "text"),
        corpus=dict.fromkeys(documents, "text"),
        relevant_docs=relevant,
        mrr_at_k=[5],
        ndcg_at_k=[5],
        precision_recall_at_k=[5],
    )
    hits: list[object] = [
        [{"corpus_id": document, "score": -rank} for rank, document in enumerate(rankings[query])] for query in evaluator.queries_ids
    ]
    theirs = evaluator.compute_metrics(hits)
    ours = evaluation.evaluate(rankings, relevant, k=5)
    assert ours.queries == 12
    assert ours.recall == pytest.approx(theirs["recall@k"][5])
    assert ours.mrr == pytest.approx(theirs["mrr@k"][5])
    assert ours.ndcg == pytest.approx(theirs["ndcg@k"][5])
    assert 0 < ours.recall < 1


def test_evaluate_takes_lists_as_well_as_dicts() -> None:
    by_list = evaluation.evaluate([RANKED, RANKED], [{"a"}, {"d"}], k=2)
    by_dict = evaluation.evaluate({"x": RANKED, "y": RANKED}, {"y": {"d"}, "x": {"a"}}, k=2)
    assert by_list == by_dict
    assert (by_list.queries, by_list.k, by_list.recall, by_list.mrr, by_list.ndcg) == (2, 2, 0.5, 0.5, 0.5)


def test_mean_reciprocal_rank_looks_no_further_than_k() -> None:
    assert evaluation.evaluate([RANKED], [{"d"}], k=3).mrr == 0.0
    assert evaluation.evaluate([RANKED], [{"d"}], k=4).mrr == 0.25


def test_scores_read_like_a_table() -> None:
    scores = evaluation.Scores(queries=40, k=10, recall=0.61249, mrr=0.5, ndcg=1.0)
    assert str(scores).splitlines() == [
        "queries   recall@10    MRR@10   nDCG@10",
        "     40       0.612     0.500     1.000",
    ]
    assert repr(scores) == str(scores)


def test_rankings_of_arrays_and_tensors() -> None:
    import torch

    scores = torch.tensor([0.1, 0.9, 0.5])
    assert evaluation.reciprocal_rank(torch.topk(scores, 3).indices, {2}) == 0.5  # type: ignore[arg-type]
    assert evaluation.reciprocal_rank(np.argsort(-scores.numpy()), {2}) == 0.5
    assert evaluation.recall_at_k(np.array(RANKED), np.array(["a", "z"]), 2) == 0.5
    assert evaluation.evaluate(np.array([[2, 0], [1, 0]]), [{2}, {2}], k=2).recall == 0.5


@given(st.lists(st.integers(0, 30), unique=True), st.sets(st.integers(0, 30), min_size=1), st.integers(1, 40))
def test_measures_lie_between_zero_and_one_and_agree_on_nothing_found(ranked: list[int], relevant: set[int], k: int) -> None:
    recall = evaluation.recall_at_k(ranked, relevant, k)
    ndcg = evaluation.ndcg_at_k(ranked, relevant, k)
    first = evaluation.reciprocal_rank(ranked[:k], relevant)
    for value in (recall, ndcg, first):
        assert 0 <= value <= 1 + 1e-12
    assert (recall == 0) == (ndcg == 0) == (first == 0)


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(1, 40))
def test_a_perfect_ranking_has_perfect_scores(relevant: set[int], k: int) -> None:
    ranked = sorted(relevant) + list(range(100, 110))
    assert evaluation.ndcg_at_k(ranked, relevant, k) == pytest.approx(1)
    assert evaluation.reciprocal_rank(ranked, relevant) == 1
    assert evaluation.recall_at_k(ranked, relevant, k) == pytest.approx(min(1, k / len(relevant)))


def test_spearman_sees_order_only() -> None:
    assert evaluation.spearman([0.1, 0.2, 0.9], [0, 1, 5]) == pytest.approx(1)
    assert evaluation.spearman([0.9, 0.2, 0.1], [0, 1, 5]) == pytest.approx(-1)
    # ranks 1 2 3 4 against 2 1 4 3: 1 - 6 * 4 / (4 * 15)
    assert evaluation.spearman([1, 2, 3, 4], [20, 10, 40, 30]) == pytest.approx(0.6)


SCORES = [0.95, 0.9, 0.8, 0.7, 0.6, 0.2]
LABELS = [True, True, False, True, False, False]


def test_threshold_by_hand() -> None:
    # from 0.7 on: 3 of 4 are matches, and all 3 matches are found
    best = evaluation.calibrate_threshold(SCORES, LABELS)
    assert (best.threshold, best.precision, best.recall) == (0.7, 0.75, 1.0)
    assert best.f1 == pytest.approx(6 / 7)
    assert str(best) == repr(best) == "threshold 0.700: precision 0.750, recall 1.000, F1 0.857"


def test_of_equally_good_thresholds_the_highest_is_taken() -> None:
    # from 0.9 on: precision 1, recall 1/2; from 0.1 on: precision 1/2, recall 1. Both have F1 = 2/3
    assert evaluation.calibrate_threshold([0.9, 0.5, 0.4, 0.1], [1, 0, 0, 1]).threshold == 0.9


@given(
    st.lists(st.tuples(st.integers(-20, 20), st.booleans()), min_size=2, max_size=30).filter(
        lambda pairs: len({label for _, label in pairs}) == 2
    )
)
def test_no_other_threshold_has_a_better_f1(pairs: list[tuple[int, bool]]) -> None:
    scores = [score / 7 for score, _ in pairs]
    labels = [label for _, label in pairs]
    best = evaluation.calibrate_threshold(scores, labels)
    for threshold in scores:
        called = [score >= threshold for score in scores]
        assert best.f1 >= sklearn.metrics.f1_score(labels, called) - 1e-9
    called = [score >= best.threshold for score in scores]
    assert best.f1 == pytest.approx(sklearn.metrics.f1_score(labels, called))
    assert best.precision == pytest.approx(sklearn.metrics.precision_score(labels, called))
    assert best.recall == pytest.approx(sklearn.metrics.recall_score(labels, called))


def test_confusion_by_hand_and_against_scikit_learn() -> None:
    counts = evaluation.confusion(SCORES, LABELS, 0.8)
    assert (counts.true_positives, counts.false_positives, counts.false_negatives, counts.true_negatives) == (2, 1, 1, 2)
    matrix = sklearn.metrics.confusion_matrix(LABELS, [score >= 0.8 for score in SCORES])
    assert matrix.ravel().tolist() == [counts.true_negatives, counts.false_positives, counts.false_negatives, counts.true_positives]
    assert str(counts).splitlines() == [
        "             called a match  called no match",
        "is a match                2                1",
        "is no match               1                2",
    ]


def test_random_baseline_is_what_random_rankings_give() -> None:
    generator = np.random.default_rng(0)
    relevant = {0, 1, 2}
    recalls = [evaluation.recall_at_k(generator.permutation(50).tolist(), relevant, 10) for _ in range(2000)]
    assert evaluation.random_baseline(50, 3, 10) == 0.2
    assert np.mean(recalls) == pytest.approx(0.2, abs=0.02)
    assert evaluation.random_baseline(5, 2, 10) == 1.0


NOT_RANKINGS: list[Any] = [
    None,
    3,
    "abc",
    b"abc",
    {"a", "b"},
    {"a": 1},
    (name for name in RANKED),
    [None],
    [1.5],
    [["a"]],
    [True],
    [float("nan")],
    [b"a"],
]
NOT_RELEVANT: list[Any] = [
    None,
    3,
    "abc",
    b"abc",
    (name for name in RANKED),
    [None],
    [["a"]],
    {1.5},
    {"a": None},
    {"a": "1"},
    {None: 1},
    {"a": True},
]
BAD_RELEVANT_VALUES: list[Any] = [[], set(), {}, {"a": 0}, {"a": -1}, {"a": float("nan")}, {"a": float("inf")}, {"a": 10**400}]
ONE_QUERY: list[Callable[[Any, Any], float]] = [
    lambda ranked, relevant: evaluation.recall_at_k(ranked, relevant, 3),
    lambda ranked, relevant: evaluation.ndcg_at_k(ranked, relevant, 3),
    evaluation.reciprocal_rank,
    lambda ranked, relevant: evaluation.evaluate([ranked], [relevant]).ndcg,
]


@pytest.mark.parametrize("measure", ONE_QUERY)
def test_bad_rankings_and_relevant_sets_are_refused(measure: Callable[[Any, Any], float]) -> None:
    for ranked in NOT_RANKINGS:
        with pytest.raises(TypeError, match=r"^ranked.* must be .*, got .*\.$"):
            measure(ranked, {"a"})
    with pytest.raises(ValueError, match="ranked must hold each id once, got 'a' more than once"):
        measure(["a", "b", "a"], {"a"})
    for relevant in NOT_RELEVANT:
        with pytest.raises(TypeError, match=r"^relevant.* must be .*, got .*\.$"):
            measure(RANKED, relevant)
    for relevant in BAD_RELEVANT_VALUES:
        with pytest.raises(ValueError, match=r"^relevant.* must be .*, got .*\.$"):
            measure(RANKED, relevant)


def test_an_empty_ranking_finds_nothing() -> None:
    for measure in ONE_QUERY:
        assert measure([], {"a"}) == 0.0


@pytest.mark.parametrize("k", [None, 1.0, "3", True, [3], float("nan")])
def test_k_of_a_wrong_type_is_refused(k: Any) -> None:
    for call in (
        lambda: evaluation.recall_at_k(RANKED, {"a"}, k),
        lambda: evaluation.ndcg_at_k(RANKED, {"a"}, k),
        lambda: evaluation.evaluate([RANKED], [{"a"}], k),
        lambda: evaluation.random_baseline(10, 1, k),
    ):
        with pytest.raises(TypeError, match=r"^k must be a whole number of at least 1, got"):
            call()


@pytest.mark.parametrize("k", [0, -1, -(10**30)])
def test_k_below_one_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match=r"^k must be"):
        evaluation.recall_at_k(RANKED, {"a"}, k)
    with pytest.raises(ValueError, match=r"^k must be"):
        evaluation.evaluate([RANKED], [{"a"}], k)


def test_a_huge_k_is_fine() -> None:
    assert evaluation.evaluate([RANKED], [{"d"}], 10**30).recall == 1.0
    assert evaluation.random_baseline(10, 1, 10**30) == 1.0


@pytest.mark.parametrize(
    ("rankings", "relevant", "error"),
    [
        ([], [], ValueError),
        ({}, {}, ValueError),
        ([RANKED], [{"a"}, {"b"}], ValueError),
        ({"x": RANKED}, {"y": {"a"}}, ValueError),
        ({"x": RANKED}, [{"a"}], TypeError),
        ([RANKED], {"x": {"a"}}, TypeError),
        (None, [{"a"}], TypeError),
        ("ab", ["a", "b"], TypeError),
        ((ranked for ranked in [RANKED]), [{"a"}], TypeError),
        (RANKED, [{"a"}] * 4, TypeError),
    ],
)
def test_rankings_that_do_not_belong_to_the_relevant_sets_are_refused(rankings: Any, relevant: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"must .*, got .*\.$"):
        evaluation.evaluate(rankings, relevant)


NOT_NUMBERS: list[Any] = [
    None,
    3,
    "abc",
    b"abc",
    {},
    {1, 2},
    (value for value in SCORES),
    ["1", "2"],
    [None, 1],
    [[1.0, 2.0]],
    [True, False],
    [1, [2]],
]
LABELED: list[Callable[[Any, Any], object]] = [
    evaluation.calibrate_threshold,
    lambda scores, labels: evaluation.confusion(scores, labels, 0.5),
]


def test_bad_scores_are_refused() -> None:
    for call in (*LABELED, evaluation.spearman):
        for scores in NOT_NUMBERS:
            with pytest.raises(TypeError, match=r"^scores must be .*, got .*\.$"):
                call(scores, [True, False])
        for scores in ([], [float("nan"), 1.0], [float("inf"), 1.0]):
            with pytest.raises((TypeError, ValueError), match=r"^scores must be .*, got .*\.$"):
                call(scores, [True, False])


def test_bad_grades_are_refused() -> None:
    for grades in NOT_NUMBERS:
        with pytest.raises(TypeError, match=r"^grades must be .*, got .*\.$"):
            evaluation.spearman([1, 2], grades)
    with pytest.raises(ValueError, match="grades must have as many items as scores, got 3 and 2"):
        evaluation.spearman([1, 2], [1, 2, 3])
    for constant in ([2.0], [3.0, 3.0, 3.0]):
        with pytest.raises(ValueError, match="scores must hold at least two different numbers"):
            evaluation.spearman(constant, [1, 2, 3])


@pytest.mark.parametrize("call", LABELED)
def test_bad_labels_are_refused(call: Callable[[Any, Any], object]) -> None:
    for labels in [
        None,
        1,
        "10",
        b"10",
        {0, 1},
        {0: 1},
        (label for label in [0, 1]),
        ["yes", "no"],
        [0.5, 1],
        [2, 0],
        [None, 1],
        [[0], [1]],
    ]:
        with pytest.raises(TypeError, match=r"^labels.* must be .*, got .*\.$"):
            call([0.1, 0.9], labels)
    with pytest.raises(ValueError, match="labels must have as many items as scores, got 3 and 2"):
        call([0.1, 0.9], [0, 1, 1])


@pytest.mark.parametrize("labels", [[True, True], [0, 0]])
def test_labels_of_one_kind_calibrate_nothing(labels: Any) -> None:
    with pytest.raises(ValueError, match="labels must hold matches and others, got 2 times"):
        evaluation.calibrate_threshold([0.1, 0.9], labels)


@pytest.mark.parametrize("threshold", [None, "0.5", float("nan"), float("inf"), True, [0.5]])
def test_a_threshold_that_is_no_number_is_refused(threshold: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^threshold must be a finite number, got"):
        evaluation.confusion(SCORES, LABELS, threshold)


@pytest.mark.parametrize(("n_documents", "n_relevant"), [(0, 1), (5, 0), (5, 6), (-1, 1)])
def test_impossible_collections_are_refused(n_documents: int, n_relevant: int) -> None:
    with pytest.raises(ValueError, match=r"^n_(documents|relevant) must be"):
        evaluation.random_baseline(n_documents, n_relevant, 1)


@given(st.one_of(st.none(), st.floats(), st.text(), st.binary(), st.lists(st.lists(st.integers())), st.sets(st.integers())))
def test_anything_is_either_measured_or_refused_in_one_sentence(value: Any) -> None:
    for call in (
        lambda: evaluation.recall_at_k(value, {"a"}, 1),
        lambda: evaluation.ndcg_at_k(RANKED, value, 1),
        lambda: evaluation.evaluate(value, [{"a"}]),
        lambda: evaluation.spearman(value, [1, 2]),
        lambda: evaluation.calibrate_threshold([0.1, 0.2], value),
    ):
        try:
            call()
        except (TypeError, ValueError) as error:
            assert "must" in str(error)
            assert str(error).endswith(".")
            assert "\n" not in str(error)


def test_a_bootstrap_interval_holds_the_mean_and_narrows_with_more_values() -> None:
    few, many = [0.0, 1.0] * 10, [0.0, 1.0] * 1000
    low, high = evaluation.bootstrap_interval(few)
    assert low < 0.5 < high and (low, high) == evaluation.bootstrap_interval(few)
    narrow = evaluation.bootstrap_interval(many)
    assert narrow[1] - narrow[0] < (high - low) / 5
    assert evaluation.bootstrap_interval([0.25] * 5) == (0.25, 0.25)
    # The standard error of a mean of 20 coin throws is 0.112; 95 % lie within 1.96 of it.
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 20**0.5, rel=0.15)


@pytest.mark.parametrize("confidence", [0, 1, -0.5, float("nan"), "0.9", True])
def test_a_bootstrap_interval_needs_a_confidence_between_0_and_1(confidence: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^confidence must be"):
        evaluation.bootstrap_interval([0.0, 1.0], confidence=confidence)  # type: ignore[arg-type]
