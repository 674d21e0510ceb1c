"""Interactive parts of the lessons, usable on the reader's own texts. Each is one class over plain functions.

Every panel works by keyboard, says in words what it shows, follows JupyterLab's light or dark theme, and leaves a still picture where no
kernel runs.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.widgets.embedding_map import EmbeddingMap
    from helpers.widgets.memory_calculator import MemoryCalculator
    from helpers.widgets.model_picker import ModelPicker
    from helpers.widgets.pooling_explorer import PoolingExplorer
    from helpers.widgets.prompt_comparator import PromptComparator
    from helpers.widgets.search_box import SearchBox
    from helpers.widgets.similarity_matrix import SimilarityMatrix
    from helpers.widgets.size_slider import SizeSlider
    from helpers.widgets.token_explorer import TokenExplorer

__all__ = [
    "EmbeddingMap",
    "MemoryCalculator",
    "ModelPicker",
    "PoolingExplorer",
    "PromptComparator",
    "SearchBox",
    "SimilarityMatrix",
    "SizeSlider",
    "TokenExplorer",
]

# Each class stands in a module of its own, imported when it is first named, so that `from helpers import widgets` stays fast.
_MODULES = {
    "EmbeddingMap": "embedding_map",
    "MemoryCalculator": "memory_calculator",
    "ModelPicker": "model_picker",
    "PoolingExplorer": "pooling_explorer",
    "PromptComparator": "prompt_comparator",
    "SearchBox": "search_box",
    "SimilarityMatrix": "similarity_matrix",
    "SizeSlider": "size_slider",
    "TokenExplorer": "token_explorer",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
