"""Documents, their hashes, and which say the same."""

import hashlib
import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.pipeline import Document, content_hash, deduplicated


def test_the_hash_is_that_of_the_text_as_it_is() -> None:
    assert content_hash("naïve") == hashlib.sha256("naïve".encode()).hexdigest()
    alike = ["Text", "text", "text ", " text", "te xt", "text\n", "téxt", unicodedata.normalize("NFD", "téxt")]
    assert len({content_hash(text) for text in alike}) == len(alike), "some models read these differences"


@given(st.lists(st.sampled_from("abc")))
def test_one_document_of_each_text_is_kept_and_every_other_id_has_its_stand_in(texts: list[str]) -> None:
    documents = [Document(str(index), text) for index, text in enumerate(texts)]
    found = deduplicated(documents)
    by_id = {document.id: document.text for document in documents}
    assert [document.text for document in found.kept] == list(dict.fromkeys(texts))
    assert {document.id for document in found.kept} | found.stands_for.keys() == by_id.keys()
    assert all(by_id[left_out] == by_id[kept] for left_out, kept in found.stands_for.items())
    assert len(found.kept) + len(found.stands_for) == len(documents)


def test_a_deduplicated_collection_says_how_much_was_left_out() -> None:
    found = deduplicated(Document(str(index), "same") for index in range(3))
    assert str(found) == "1 documents kept, 2 left out because their text is there already"


def test_the_hash_of_the_fields_depends_on_names_and_values_and_not_on_their_order() -> None:
    first = Document("a", "text", {"x": 1, "y": "two"})
    assert first.fields_sha256 == Document("b", "other", {"y": "two", "x": 1}).fields_sha256
    others: list[dict[str, Any]] = [{}, {"x": 1}, {"x": 2, "y": "two"}, {"x": "1", "y": "two"}, {"x": 1, "z": "two"}]
    assert first.fields_sha256 not in {Document("a", "text", fields).fields_sha256 for fields in others}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"id": ""}, "id must be a string that holds more than white space, got str ''"),
        ({"id": 7}, "id must be a string, got int 7"),
        ({"text": None}, "text must be a string, got None"),
        ({"text": "half \ud800"}, "text must be a string that UTF-8 can hold"),
        ({"fields": {"x": None}}, r"fields\['x'\] must be a Python string, number, True or False, got None"),
        ({"fields": {"x": 2**63}}, r"fields\['x'\] must be a whole number from -9223372036854775808 to 9223372036854775807"),
        ({"fields": {"x": np.int64(3)}}, r"fields\['x'\] must be a Python string, number, True or False, got int64"),
        ({"fields": [1]}, "fields must be a Mapping, got list"),
        ({"fields": {1: 1}}, "each name in fields must be a string, got int 1"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        Document(**({"id": "a", "text": "text"} | wrong))


@pytest.mark.parametrize("wrong", ["text", b"x", {"a": 1}, None, 3])
def test_what_is_no_collection_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"documents must be an iterable of helpers\.pipeline\.Document, got"):
        deduplicated(wrong)
    with pytest.raises(TypeError, match=r"documents\[1\] must be a helpers\.pipeline\.Document, got str 'text'"):
        deduplicated([Document("a", "text"), "text"])  # type: ignore[list-item]
