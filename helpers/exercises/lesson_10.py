"""Exercises of lesson 10: choosing a model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers import arguments, catalog, evaluation
from helpers.exercises import Exercise, Wrong, WrongAnswer

LONGEST_TEXT = 6_000
MOST_BYTES = 3 * 2**30
FREE_LICENSES = ("mit", "apache-2.0")
DIMENSIONS = 64
# Processors and batches round differently; a reciprocal rank that flips from 1 to 1/2 moves the mean of 42 by 0.012.
CLOSE = 0.013


def _check_contracts(answer: Any) -> None:
    named = [catalog.get(name) for name in _names(answer)]
    for model in named:
        if reason := _obstacle(model):
            raise Wrong(f"{model.name} does not fit: {reason}")
    missing = {model.id for model in catalog.models() if not _obstacle(model)} - {model.id for model in named}
    if missing:
        raise Wrong(f"All that you name fit, but {len(missing)} more would: check the conditions one at a time.")


def _obstacle(model: catalog.Model) -> str:
    """Why a model is out, in the order of the question; empty where it fits."""
    tokens, size = model.max_tokens.value, model.size_bytes.value
    obstacles = {
        "it does not give one dense vector for a text.": model.kind != "SentenceTransformer",
        "its code does not run with transformers 5, or nobody has said that it does.": model.transformers_5.value is not True,
        "it brings code of its own (trust_remote_code).": model.trust_remote_code.value is not False,
        "it is trained on English, and the contracts are in two languages.": "multilingual" not in str(model.languages.value),
        f"it reads {tokens} tokens, the contracts have up to {LONGEST_TEXT:,}.": tokens != "unlimited" and (tokens or 0) < LONGEST_TEXT,
        "it is gated, or its license is neither MIT nor Apache.": (
            model.license.value not in FREE_LICENSES or model.gated.value is not False
        ),
        "its weights take more than 3 GiB in float32.": size is None or size > MOST_BYTES,
    }
    return next((reason for reason, applies in obstacles.items() if applies), "")


def _names(answer: Any) -> list[str]:
    expected = "a list of names of models, such as ['bge-small-en-v1.5']"
    if isinstance(answer, set | frozenset):
        answer = list(answer)
    if isinstance(answer, list | tuple) and any(isinstance(item, catalog.Model) for item in answer):
        answer = [item.name if isinstance(item, catalog.Model) else item for item in answer]
    if isinstance(answer, list | tuple) and not answer:
        raise Wrong("The list is empty, but some models fit. Check the conditions one at a time.")
    try:
        names = arguments.texts(answer, "the answer")
    except (TypeError, ValueError):
        raise Wrong(f"The answer is {expected}, not {arguments.shown(answer)}.") from None
    for name in names:
        try:
            catalog.get(name)
        except ValueError as error:
            raise Wrong(str(error)) from None
    return names


def _check_front(answer: Any, *, sizes: Mapping[str, tuple[float, float]]) -> None:
    named = [catalog.get(name).name for name in _names(answer)]
    if strangers := [name for name in named if name not in sizes]:
        raise Wrong(f"{strangers[0]} is not in `sizes`: it has no score or no known size, and can't be judged.")
    for name in named:
        if better := _better(name, sizes):
            raise Wrong(f"{name} is not on the front: {better} is no larger and scores no less. Smaller is better here: turn the sign.")
    missing = {name for name in sizes if not _better(name, sizes)} - set(named)
    if missing:
        raise Wrong(f"All that you name are on the front, but {len(missing)} more are: start from the smallest model and go up.")


def _better(name: str, sizes: Mapping[str, tuple[float, float]]) -> str:
    """A model that is no larger and no worse, and differs; empty where there is none."""
    size, score = sizes[name]
    rivals = (other for other, (x, y) in sizes.items() if x <= size and y >= score and (x, y) != (size, score))
    return next(rivals, "")


def _check_interval(answer: Any, *, model: Any, documents: Mapping[str, str], queries: Mapping[str, str], relevant: Any) -> None:
    try:
        low, high = arguments.vector(answer, "answer")
    except (TypeError, ValueError):
        raise Wrong(f"The answer is the interval, two numbers (low, high), not {arguments.shown(answer)}.") from None
    full, cut = _reciprocal_ranks(model, documents, queries, relevant)
    wanted, flipped, alone = (evaluation.bootstrap_interval(values) for values in (cut - full, full - cut, cut))
    if np.allclose((low, high), wanted, atol=CLOSE):
        return
    if np.allclose((low, high), flipped, atol=CLOSE):
        raise Wrong("That is the baseline minus the candidate: subtract the other way round, so that a gain is positive.")
    if np.allclose((low, high), alone, atol=CLOSE):
        raise Wrong("That is the interval of the candidate's own MRR. The question is how it differs from the baseline, query by query.")
    if low > high:
        raise Wrong("An interval begins with its lower end: (low, high).")
    raise Wrong(f"With {DIMENSIONS} dimensions the interval is another one. Is the candidate loaded with truncate_dim={DIMENSIONS}?")


def _reciprocal_ranks(
    model: Any, documents: Mapping[str, str], queries: Mapping[str, str], relevant: Mapping[str, set[str]]
) -> tuple[np.ndarray, np.ndarray]:
    """The reciprocal rank of each query, with all dimensions and with the first DIMENSIONS."""
    query_vectors, document_vectors = model.encode_query(list(queries.values())), model.encode_document(list(documents.values()))
    names = np.array(list(documents))

    def of_first(size: int) -> np.ndarray:
        scores = np.asarray(model.similarity(query_vectors[:, :size], document_vectors[:, :size]))
        ranked = zip(names[np.argsort(-scores, axis=1, kind="stable")], (relevant[key] for key in queries), strict=True)
        return np.array([evaluation.reciprocal_rank(ranking.tolist(), wanted) for ranking, wanted in ranked])

    return of_first(query_vectors.shape[1]), of_first(DIMENSIONS)


EXERCISES = [
    Exercise(
        number="10.1",
        title="Find a model for contracts",
        question="""
            A law firm searches contracts in English and German, up to 6,000 tokens each, with one dense vector for each text. It
            uses transformers 5, runs no foreign code, accepts MIT and Apache licenses and no gate, and its server has room for 3 GiB
            of weights in `float32`. Which models of the catalog are left? Answer with the list of their names. Where the
            catalog has no value, that counts as "no".
        """,
        check_answer=_check_contracts,
        hints=(
            "Start from the models named after `dense = …`, and take one condition after the other.",
            "max_tokens.value is a number, None, or the word unlimited: comparing a word with 6,000 raises an error.",
            'The language: "multilingual" in str(model.languages.value). The size: model.size_bytes.value <= 3 * 2**30.',
        ),
        solution_code="""
            answer_1 = [
                model.name
                for model in dense
                if "multilingual" in str(model.languages.value)
                and isinstance(model.max_tokens.value, int)
                and model.max_tokens.value >= 6000
                and model.trust_remote_code.value is False
                and model.license.value in ("mit", "apache-2.0")
                and model.gated.value is False
                and model.size_bytes.value <= 3 * 2**30
            ]
        """,
        wrong_answers=(
            WrongAnswer('answer_1 = ["bge-m3", "multilingual-e5-small"]', "it reads 512 tokens"),
            WrongAnswer('answer_1 = ["bge-m3", "nomic-embed-text-v1.5"]', "code of its own"),
            WrongAnswer('answer_1 = ["bge-m3", "gte-multilingual-base"]', "does not run with transformers 5"),
            WrongAnswer('answer_1 = ["bge-m3", "Qwen3-Embedding-4B"]', "more than 3 GiB"),
            WrongAnswer('answer_1 = ["bge-m3"]', "more would"),
            WrongAnswer('answer_1 = "bge-m3"', "a list of names"),
            WrongAnswer('answer_1 = ["bge-m4"]', "Did you mean"),
        ),
        praise="A few facts leave so few models that all of them can be tried on the contracts themselves.",
    ),
    Exercise(
        number="10.2",
        title="Find the front of size",
        question="""
            The server is slow but patient; what is short is memory. Which models are on the Pareto front of **size** and quality? `sizes`
            holds (million parameters, NanoBEIR) by name, the right-hand picture. Answer with the list of names, in any order.
        """,
        check_answer=_check_front,
        hints=(
            "pareto_front wants more to be better in both respects; fewer parameters are better.",
            "Hand it the negative of the parameters.",
            "{name: (-size, score) for name, (size, score) in sizes.items()} turns the sign.",
        ),
        solution_code="""
            answer_2 = pareto_front({name: (-size, score) for name, (size, score) in sizes.items()})
        """,
        wrong_answers=(
            WrongAnswer("answer_2 = pareto_front(sizes)", "turn the sign"),
            WrongAnswer("answer_2 = front", "no known size"),
            WrongAnswer("answer_2 = [name for name in front if name in sizes]", "turn the sign"),
            WrongAnswer("answer_2 = list(sizes)", "turn the sign"),
            WrongAnswer("answer_2 = None", "a list of names"),
        ),
        praise=(
            "The static model leaves the front: it is fast, but its table is larger than all of MiniLM, which scores more. Which models "
            "are worth trying depends on what is scarce."
        ),
    ),
    Exercise(
        number="10.3",
        title="Judge a cheaper candidate",
        question="""
            Vectors of 64 dimensions would take a sixth of the memory. Does MiniLM stand that on our documents? Answer with the interval
            of the difference, candidate minus `baseline`, query by query, as `(low, high)`, and decide.
        """,
        check_answer=_check_interval,
        hints=(
            "Load the candidate with truncate_dim=64, and let reciprocal_ranks do the rest.",
            "The difference is taken query by query: the two arrays, one minus the other.",
            "evaluation.bootstrap_interval(reciprocal_ranks(candidate, documents, queries, relevant) - baseline)",
        ),
        solution_code="""
            candidate = SentenceTransformer("all-MiniLM-L6-v2", truncate_dim=64)
            gain = reciprocal_ranks(candidate, documents, queries, relevant) - baseline
            answer_3 = evaluation.bootstrap_interval(gain)
        """,
        wrong_answers=(
            WrongAnswer(
                """
                cut = SentenceTransformer("all-MiniLM-L6-v2", truncate_dim=64)
                answer_3 = evaluation.bootstrap_interval(baseline - reciprocal_ranks(cut, documents, queries, relevant))
                """,
                "the other way round",
            ),
            WrongAnswer(
                """
                cut = SentenceTransformer("all-MiniLM-L6-v2", truncate_dim=64)
                answer_3 = evaluation.bootstrap_interval(reciprocal_ranks(cut, documents, queries, relevant))
                """,
                "query by query",
            ),
            WrongAnswer("answer_3 = (low, high)", "truncate_dim=64"),
            WrongAnswer("answer_3 = baseline.mean()", "two numbers"),
        ),
        praise="The interval lies below 0: on these documents, MiniLM loses by it. Another model, trained to be cut, may not.",
    ),
]
