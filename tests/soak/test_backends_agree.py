"""A thousand documents, through torch and through each export in float32: no number differs by more than 1e-5."""

from pathlib import Path
from typing import Any

import pytest

from helpers import backends, corpus, hub
from tests.backends.common import FORMATS, ODD_TEXTS, difference

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("format", FORMATS)
def test_a_thousand_documents_and_odd_texts_agree_with_torch(format: str, tmp_path: Path) -> None:
    hub.activate()
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
    documents = [entry.text for entry in corpus.api_docs()]
    texts = documents[:: len(documents) // 1_000][:1_000] + ODD_TEXTS
    assert len(set(texts)) > 1_000
    exported = backends.load(backends.export(model, tmp_path / "export", format=format))
    assert difference(exported.encode(texts), model.encode(texts)) <= 1e-5
