"""Exercises of lesson 07: pooling."""

from typing import Any

import numpy as np

from helpers import arguments
from helpers.exercises import Exercise, Wrong, WrongAnswer

SENTENCES = ["Rain.", "Heavy rain fell in the north last night.", "The river rose."]
CLOSE, FINE = 1e-4, 1e-6
DIMENSIONS = 384


def _check_last_token(answer: Any) -> None:
    import torch

    if not callable(answer):
        raise Wrong(f"The answer is the function last_token(tokens, mask), without calling it. It is {arguments.shown(answer)}.")
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(3, 5, 7, generator=generator)
    for side, rows in (
        ("left", [[0, 0, 0, 1, 1], [1, 1, 1, 1, 1], [0, 0, 1, 1, 1]]),
        ("right", [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
    ):
        mask = torch.tensor(rows)
        found = _as_array(_called(answer, tokens.clone(), mask.clone()), "the result")
        last = [max(index for index, kept in enumerate(row) if kept) for row in rows]
        right = tokens[range(3), last].numpy()
        if found.shape != right.shape:
            raise Wrong(
                f"For tokens of shape (3, 5, 7) the result has shape {found.shape}, not (3, 7): one vector a text, of the tokens' length."
            )
        if not np.allclose(found, right, atol=CLOSE):
            raise Wrong(_last_token_hint(found, tokens.numpy(), mask.numpy(), side))


def _called(function: Any, *inputs: Any) -> Any:
    try:
        return function(*inputs)
    except Exception as error:  # the learner's own code may raise anything
        raise Wrong(f"We called your function with tokens and mask, and it raised {type(error).__name__}: {error}") from None


def _last_token_hint(found: np.ndarray, tokens: np.ndarray, mask: np.ndarray, side: str) -> str:
    rows = range(len(tokens))
    if np.allclose(found, (tokens * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True), atol=CLOSE):
        return "This is the mean of the real tokens. Only the last of them is wanted."
    if np.allclose(found, tokens[:, 0], atol=CLOSE):
        return "This is the first column: with padding on the right, that is CLS pooling. The last token is wanted."
    if np.allclose(found, tokens[:, -1], atol=CLOSE):
        return f"This is the last column. With padding on the {side}, it is a [PAD] for the shorter texts."
    if np.allclose(found, tokens[rows, mask.sum(axis=1) - 1], atol=CLOSE):
        return "Right for padding on the right. With padding on the left, the number of real tokens does not say where the last one stands."
    if np.allclose(found, tokens[rows, mask.argmax(axis=1)], atol=CLOSE):
        return "argmax finds the first of several ones, so this is the first real token. Number the columns before you take it."
    return f"With padding on the {side}, this is not the vector of each text's last real token."


def _check_two_poolings(answer: Any, *, model: Any) -> None:
    from sentence_transformers import SentenceTransformer

    if not isinstance(answer, SentenceTransformer):
        raise Wrong(f"The answer is a model: SentenceTransformer(modules=[…]), not {arguments.shown(answer)}.")
    vectors = _as_array(answer.encode(SENTENCES, show_progress_bar=False), "what encode returns")
    if vectors.ndim != 2 or vectors.shape[1] != 2 * DIMENSIONS:
        raise Wrong(f"encode gives {vectors.shape[-1]} numbers a text, not {2 * DIMENSIONS}: Pooling takes a tuple of two names too.")
    cls, largest = _pooled(model, "cls"), _pooled(model, "max")
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=CLOSE):
        raise Wrong("The vectors do not have length 1: one more module is needed after the pooling.")
    if np.allclose(vectors, _unit(np.hstack([cls, largest])), atol=CLOSE):
        announced = answer.get_embedding_dimension()
        if announced != 2 * DIMENSIONS:
            raise Wrong(f"The vectors are right, but the model announces {announced} numbers: Pooling takes the dimension of one token.")
        return
    if np.allclose(vectors, _unit(np.hstack([largest, cls])), atol=CLOSE):
        raise Wrong("Both are there, in the other order: the library puts them side by side in the order of the tuple.")
    half, others = vectors[:, :DIMENSIONS], ("max", "mean", "lasttoken", "weightedmean")
    for name in others:
        if np.allclose(_unit(half), _unit(_pooled(model, name)), atol=CLOSE):
            raise Wrong(f"The first 384 numbers are those of {name!r}; wanted is 'cls'.")
    if np.allclose(_unit(half), _unit(cls), atol=CLOSE):
        raise Wrong("The first 384 numbers are right, those of 'cls'. The others are not those of 'max'.")
    raise Wrong("The shape is right, the numbers are not. Use our model's encoder, model[0], and the names 'cls' and 'max'.")


def _check_centering_dense(answer: Any, *, documents: Any) -> None:
    from sentence_transformers.sentence_transformer.modules import Dense
    from torch import inference_mode, tensor

    if not isinstance(answer, Dense):
        raise Wrong(f"The answer is one module, Dense(…), not {arguments.shown(answer)}.")
    sizes = tuple(answer.linear.weight.shape)
    if (answer.in_features, answer.out_features) != (DIMENSIONS, DIMENSIONS) or sizes != (DIMENSIONS, DIMENSIONS):
        raise Wrong(
            f"This layer makes {answer.out_features} numbers of {answer.in_features}; a vector minus a vector still has {DIMENSIONS}."
        )
    if not answer.bias:
        raise Wrong("Without a bias, nothing can be subtracted: leave out bias=False, and pass init_bias.")
    if tuple(answer.linear.bias.shape) != (DIMENSIONS,):
        raise Wrong(
            f"The bias has shape {tuple(answer.linear.bias.shape)}, not ({DIMENSIONS},): a mean for each number, taken over the documents."
        )
    if answer.linear.bias.dtype != answer.linear.weight.dtype:
        raise Wrong("Weights and bias have different dtypes: make both float32, for example with torch.tensor(…, dtype=torch.float32).")
    vectors = np.asarray(documents, dtype=float)
    wanted = vectors - vectors.mean(axis=0)
    with inference_mode():
        inputs = tensor(vectors, dtype=answer.linear.weight.dtype)
        found = answer({answer.module_input_name: inputs})[answer.module_output_name].numpy()
        linear = answer.linear(inputs).numpy()
    if np.allclose(found, wanted, atol=FINE):
        return
    if np.allclose(linear, wanted, atol=FINE):
        raise Wrong("Weights and bias are right, but the default activation bends every number a little: pass activation_function=None.")
    if np.allclose(linear, vectors + vectors.mean(axis=0), atol=FINE):
        raise Wrong("This adds the mean. The bias is added, so it has to be minus the mean.")
    if not np.allclose(answer.linear.weight.detach().numpy(), np.eye(DIMENSIONS), atol=FINE):
        raise Wrong("The weights change the vectors before the bias comes: they have to leave every number as it is. Pass init_weight.")
    raise Wrong("The weights are right, the bias is not: it starts with random numbers. Pass init_bias, minus the documents' mean.")


def _as_array(value: Any, name: str) -> np.ndarray:
    if value is None:
        raise Wrong(f"The function gave None: {name} has to be returned.")
    try:
        return np.asarray(value.detach() if hasattr(value, "detach") else value, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"Expected a tensor of numbers as {name}, not {arguments.shown(value)}.") from None


def _pooled(model: Any, mode: Any) -> np.ndarray:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    parts = SentenceTransformer(modules=[model[0], Pooling(DIMENSIONS, mode)], device=str(model.device))
    return np.asarray(parts.encode(SENTENCES, show_progress_bar=False), dtype=float)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


EXERCISES = [
    Exercise(
        number="07.1",
        title="Find the last token on either side",
        question="""
            Our by-hand version of last-token pooling relies on padding on the **right**. Qwen3-Embedding pads on the **left**: its masks
            look like `[0, 0, 1, 1]`. Write `last_token(tokens, mask)` that works for both: from tokens of shape (texts, width, numbers)
            and a mask of shape (texts, width), the vector of each text's last real token. Answer with the function, not with a call.
        """,
        check_answer=_check_last_token,
        hints=(
            "The last real token stands where the mask has its last 1. How do you find the position of the last 1 in a row?",
            "Number the columns 0, 1, 2 … with torch.arange, and let the padding have 0: the largest number is the last real column.",
            "last = (mask * torch.arange(mask.shape[1])).argmax(dim=1); then pick tokens[range(len(tokens)), last].",
        ),
        solution_code="""
            def last_token(tokens, mask):
                last = (mask * torch.arange(mask.shape[1])).argmax(dim=1)
                return tokens[range(len(tokens)), last]

            answer_1 = last_token
        """,
        wrong_answers=(
            WrongAnswer("def answer_1(tokens, mask):\n    return tokens[:, -1]", "last column"),
            WrongAnswer("def answer_1(tokens, mask):\n    return tokens[range(len(tokens)), mask.sum(dim=1) - 1]", "padding on the left"),
            WrongAnswer("def answer_1(tokens, mask):\n    return tokens[:, 0]", "first column"),
            WrongAnswer("def answer_1(tokens, mask):\n    return tokens[range(len(tokens)), mask.argmax(dim=1)]", "first real token"),
            WrongAnswer("def answer_1(tokens, mask):\n    print(tokens[:, -1])", "returned"),
            WrongAnswer("def answer_1(tokens, mask):\n    return tokens[mask.bool()]", "shape"),
            WrongAnswer("answer_1 = by_hand['lasttoken']", "without calling it"),
            WrongAnswer("def answer_1(tokens):\n    return tokens[:, -1]", "it raised TypeError"),
            WrongAnswer(
                """
                def answer_1(tokens, mask):
                    features = {"token_embeddings": tokens, "attention_mask": mask}
                    return Pooling(384, "mean")(features)["sentence_embedding"]
                """,
                "the mean of the real tokens",
            ),
        ),
        praise="The library's own version handles both sides too. Yours, like it, never assumes where the padding is.",
    ),
    Exercise(
        number="07.2",
        title="Put two poolings side by side",
        question="""
            `Pooling` also takes a tuple of names, and sets the vectors side by side. Build a model from our encoder `model[0]` that gives
            **768** numbers a text, first those of `cls`, then those of `max`, as vectors of length 1. Answer with the model.
        """,
        check_answer=_check_two_poolings,
        hints=(
            "Three modules, as in our own model: the encoder, a pooling, a normalization.",
            "Pooling(384, (first_name, second_name)): 384 is what one token has, not what comes out.",
            'SentenceTransformer(modules=[model[0], Pooling(384, ("cls", "max")), …]), with Normalize() at the end.',
        ),
        solution_code="""
            answer_2 = SentenceTransformer(modules=[model[0], Pooling(384, ("cls", "max")), Normalize()], device="cpu")
        """,
        wrong_answers=(
            WrongAnswer('answer_2 = SentenceTransformer(modules=[model[0], Pooling(384, ("cls", "max"))])', "length 1"),
            WrongAnswer('answer_2 = SentenceTransformer(modules=[model[0], Pooling(384, ("max", "cls")), Normalize()])', "other order"),
            WrongAnswer('answer_2 = SentenceTransformer(modules=[model[0], Pooling(768, "cls"), Normalize()])', "tuple"),
            WrongAnswer('answer_2 = SentenceTransformer(modules=[model[0], Pooling(384, ("mean", "max")), Normalize()])', "'mean'"),
            WrongAnswer(
                'answer_2 = SentenceTransformer(modules=[model[0], Pooling(384, ("cls", "mean")), Normalize()])', "not those of 'max'"
            ),
            WrongAnswer('answer_2 = SentenceTransformer(modules=[model[0], Pooling(768, ("cls", "max")), Normalize()])', "announces 1536"),
            WrongAnswer('answer_2 = SentenceTransformer(modules=[model[0], Pooling(384, "cls"), Pooling(384, "max")])', "a tuple of two"),
            WrongAnswer('answer_2 = Pooling(384, ("cls", "max"))', "is a model"),
            WrongAnswer("answer_2 = np.hstack([by_hand['cls'], by_hand['max']])", "is a model"),
        ),
        praise="Twice the numbers need twice the memory. Whether they are worth it is a matter of measuring, as in the next section.",
    ),
    Exercise(
        number="07.3",
        title="Center the vectors",
        question="""
            Vectors of one subject have a direction in common. Subtracting their mean takes it away. Make a `Dense` of 384 numbers to 384
            that subtracts the mean of `documents` from every vector and changes nothing else. Answer with the module.
        """,
        check_answer=_check_centering_dense,
        hints=(
            "A dense layer multiplies by weights and adds a bias. Which of the two leaves the vector alone, and which one subtracts?",
            "The table of weights that leaves a vector alone has ones on its diagonal: torch.eye. The bias is minus the mean.",
            "Dense(384, 384, activation_function=None, init_weight=torch.eye(384), init_bias=-torch.tensor(…)), with the mean over axis 0.",
        ),
        solution_code="""
            minus_mean = -torch.tensor(documents.mean(axis=0))
            answer_3 = Dense(384, 384, activation_function=None, init_weight=torch.eye(384), init_bias=minus_mean)
        """,
        wrong_answers=(
            WrongAnswer(
                "answer_3 = Dense(384, 384, init_weight=torch.eye(384), init_bias=-torch.tensor(documents.mean(axis=0)))",
                "activation_function=None",
            ),
            WrongAnswer(
                """
                mean = torch.tensor(documents.mean(axis=0))
                answer_3 = Dense(384, 384, activation_function=None, init_weight=torch.eye(384), init_bias=mean)
                """,
                "adds the mean",
            ),
            WrongAnswer(
                "answer_3 = Dense(384, 384, activation_function=None, init_bias=-torch.tensor(documents.mean(axis=0)))", "Pass init_weight"
            ),
            WrongAnswer("answer_3 = Dense(384, 384, activation_function=None, init_weight=torch.eye(384))", "Pass init_bias"),
            WrongAnswer("answer_3 = Dense(384, 384, bias=False, activation_function=None, init_weight=torch.eye(384))", "Without a bias"),
            WrongAnswer(
                """
                bias = -torch.tensor(documents.mean())
                answer_3 = Dense(384, 384, activation_function=None, init_weight=torch.eye(384), init_bias=bias)
                """,
                "shape ()",
            ),
            WrongAnswer(
                """
                bias = -torch.tensor(documents.mean(axis=1))
                answer_3 = Dense(384, 384, activation_function=None, init_weight=torch.eye(384), init_bias=bias)
                """,
                "over the documents",
            ),
            WrongAnswer("answer_3 = pca_layer(64)", "still has 384"),
            WrongAnswer("answer_3 = documents - documents.mean(axis=0)", "one module"),
        ),
        praise="The PCA layer does it too: its bias takes the mean of the documents away, seen from the new directions.",
    ),
]
