"""Checks of arguments: what is accepted comes back as it is, what is refused is refused in one sentence that names it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from helpers import arguments

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=5)), max_size=4),
    st.lists(st.lists(st.floats(), max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sets(st.integers(), max_size=3),
    st.builds(lambda items: (item for item in items), st.lists(st.text(max_size=3), max_size=2)),
    st.builds(np.str_, st.text(max_size=5)),
    numpy_strategies.arrays(
        dtype=st.sampled_from([np.float32, np.int64, np.bool_]), shape=numpy_strategies.array_shapes(max_dims=3, max_side=3)
    ),
    st.builds(object),
)
CHECKS: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: arguments.text(value, "it", empty=False),
    "texts": lambda value: arguments.texts(value, "it"),
    "integer": lambda value: arguments.integer(value, "it", minimum=1, maximum=10),
    "number": lambda value: arguments.number(value, "it", minimum=0),
    "boolean": lambda value: arguments.boolean(value, "it"),
    "choice": lambda value: arguments.choice(value, "it", ["a", "b"]),
    "path": lambda value: arguments.path(value, "it"),
    "vector": lambda value: arguments.vector(value, "it"),
    "matrix": lambda value: arguments.matrix(value, "it"),
}


@pytest.mark.parametrize("check", CHECKS)
@given(value=ANYTHING)
def test_anything_is_accepted_or_refused_by_name_in_one_sentence(check: str, value: object) -> None:
    try:
        CHECKS[check](value)
    except (TypeError, ValueError) as error:
        message = str(error)
        assert message.startswith("it") and message.endswith(".") and "must be" in message and "got" in message
        assert "\n" not in message and len(message) < 300


@given(st.text(min_size=1))
def test_text_comes_back(value: str) -> None:
    assert arguments.text(value, "it") == value
    assert arguments.text(np.str_(value), "it") == value.rstrip("\0")  # numpy strips trailing null characters


@given(st.lists(st.text(), min_size=1))
def test_texts_come_back_from_lists_tuples_and_arrays(values: list[str]) -> None:
    assert arguments.texts(values, "it") == arguments.texts(tuple(values), "it") == values
    assert arguments.texts(np.array(values, dtype=object), "it") == values


@pytest.mark.parametrize(
    "value", ["one text", b"bytes", {"a"}, {"a": 1}, None, 3, iter(["a"]), [["a"]], ["a", None], ["a", 1.5], [float("nan")]]
)
def test_what_is_no_list_of_texts_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="it"):
        arguments.texts(value, "it")


def test_an_empty_list_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(ValueError, match="at least one string"):
        arguments.texts([], "it")
    assert arguments.texts([], "it", empty=True) == []


@given(st.integers())
def test_whole_numbers_come_back_within_their_bounds(value: int) -> None:
    assert arguments.integer(value, "it", minimum=value, maximum=value) == value
    with pytest.raises(ValueError, match="at least"):
        arguments.integer(value, "it", minimum=value + 1)
    with pytest.raises(ValueError, match="at most"):
        arguments.integer(value, "it", maximum=value - 1)


@pytest.mark.parametrize("value", [True, False, np.True_, 1.0, "1", None, float("nan")])
def test_what_is_no_whole_number_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="it must be a whole number"):
        arguments.integer(value, "it")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float32("nan"), 10**400])
def test_numbers_are_finite(value: object) -> None:
    with pytest.raises(ValueError, match="it must be a finite number"):
        arguments.number(value, "it")


@pytest.mark.parametrize(
    "value", [[1.0, 2.0], (1, 2), np.array([1, 2]), torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0], requires_grad=True)]
)
def test_vectors_come_as_lists_arrays_and_tensors(value: object) -> None:
    assert arguments.vector(value, "it").tolist() == [1, 2]


@pytest.mark.parametrize("value", [[[1.0, 2.0]], 3.0, "12", [1, [2]], ["1"], [True, False], [1j], [None]])
def test_what_is_no_vector_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="it must be a vector"):
        arguments.vector(value, "it")


@pytest.mark.parametrize("value", [[], [float("nan")], [float("inf")]])
def test_vectors_are_finite_and_not_empty(value: object) -> None:
    with pytest.raises(ValueError, match="it must be a vector"):
        arguments.vector(value, "it")


def test_a_matrix_has_two_dimensions() -> None:
    assert arguments.matrix(torch.eye(2), "it").shape == (2, 2)
    assert arguments.matrix(np.empty((0, 3)), "it", empty=True).shape == (0, 3)
    for value in ([1.0, 2.0], np.zeros((1, 1, 1)), None, "text", {1: 2}):
        with pytest.raises(TypeError, match="it must be a matrix"):
            arguments.matrix(value, "it")


def test_paths_and_lengths() -> None:
    assert arguments.path("a/b", "it") == Path("a/b")
    for value in ("", "a\0b"):
        with pytest.raises(ValueError, match="it must be a path"):
            arguments.path(value, "it")
    for odd in (None, 3, b"a"):
        with pytest.raises(TypeError, match="it must be a path"):
            arguments.path(odd, "it")
    with pytest.raises(ValueError, match="labels must have as many items as points, got 1 and 2"):
        arguments.same_length([1, 2], "points", ["a"], "labels")


def test_a_choice_names_its_options() -> None:
    with pytest.raises(ValueError, match="it must be one of 'a', 'b', got str 'c'"):
        arguments.choice("c", "it", ["a", "b"])


def test_long_values_are_cut_in_messages() -> None:
    assert len(arguments.shown("x" * 1000)) < 80


def test_typed_leaves_what_is_no_plain_class_to_the_function() -> None:
    @arguments.typed
    def join(first: str, second: str | None, third: Any, *rest: str, **named: int) -> str:
        return f"{first} {second} {third} {rest} {named}"

    assert join("a", None, 3, "b", c=1) == "a None 3 ('b',) {'c': 1}"
    with pytest.raises(TypeError, match=r"^first must be a str, got int 1"):
        join(1, None, 3)  # type: ignore[arg-type]
