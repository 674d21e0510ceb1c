"""Vectors and documents as Apache Arrow columns, which LanceDB, Parquet and Ray share."""

from typing import Any

import numpy as np

from helpers import arguments
from helpers.pipeline.needs import engine


def vector_type(dimension: int, precision: str) -> Any:
    """The Arrow type of a column of vectors: a list of fixed length."""
    size, kind = arguments.integer(dimension, "dimension", minimum=1), arguments.choice(precision, "precision", ("float32", "float16"))
    pa = engine("pyarrow")
    return pa.list_(pa.float32() if kind == "float32" else pa.float16(), size)


def vector_column(vectors: np.ndarray) -> Any:
    """A matrix of shape (rows, dimension) as an Arrow column."""
    numbers = arguments.matrix(vectors, "vectors", empty=True)
    pa = engine("pyarrow")
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(numbers).reshape(-1)), numbers.shape[1])


def matrix(column: Any) -> np.ndarray:
    """A column of vectors, of `vector_type`, as a matrix of shape (rows, dimension)."""
    if not hasattr(column, "type") or not hasattr(column.type, "list_size"):
        raise arguments.wrong_type("column", column, "an Arrow column of vectors")
    dimension = column.type.list_size
    chunks = column.chunks if hasattr(column, "chunks") else [column]
    parts = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, dimension) for chunk in chunks]
    return np.concatenate(parts) if parts else np.empty((0, dimension), dtype=np.float32)
