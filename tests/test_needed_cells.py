"""What an exercise rests on is found, and nothing else is run for it."""

import pytest

from tests.needed_cells import needed

LESSON = [
    "from sentence_transformers import SentenceTransformer",
    "model = SentenceTransformer('m')",
    "print(model)",
    "texts = ['a', 'b']",
    "unrelated = slow(3)",
    "embeddings = model.encode(texts)",
]


def test_a_cell_brings_what_it_rests_on_and_no_more() -> None:
    assert needed([*LESSON, "answer = embeddings[0]"], [6]) == [0, 1, 3, 5, 6]
    assert needed([*LESSON, "answer = 3"], [6]) == [6]


@pytest.mark.parametrize(
    "change",
    [
        "model.max_seq_length = 8",
        "model[0].auto_model.config.x = 1",
        "texts += ['c']",
        "texts[0] = 'c'",
        "texts.append('c')",
        "shuffle(texts)",
        "del texts[0]",
        "for texts in pairs:\n    pass",
        "def texts(): pass",
        "with a() as texts: pass",
        "%timeit texts",
        "change(seed=model.seed)",
        "write(texts / 'name')",
        "with open(texts / 'name', 'w') as file:\n    pass",
    ],
)
def test_a_cell_that_changes_what_is_used_is_kept(change: str) -> None:
    assert 6 in needed([*LESSON, change, "answer = model.encode(texts)"], [7])


def test_what_a_name_was_before_it_got_a_new_value_is_left_out() -> None:
    assert needed(["texts = slow()", "texts = ['a']", "answer = texts"], [2]) == [1, 2]
    assert needed(["texts = ['a']", "if odd:\n    texts = ['b']", "answer = texts"], [2]) == [0, 1, 2]
    assert needed(["texts = ['a']", "texts = texts + ['b']", "answer = texts"], [2]) == [0, 1, 2]
    assert needed(["texts = ['a']", "texts += ['b']", "answer = texts"], [2]) == [0, 1, 2]


@pytest.mark.parametrize(
    "look", ["texts", "[model for texts in pairs]", "print(texts)", "plots.show(texts)", "len(texts) + 1", "exercise.check(texts)"]
)
def test_a_cell_that_only_looks_is_left_out(look: str) -> None:
    assert 6 not in needed([*LESSON, look, "answer = texts"], [7])
