"""Searching many vectors: exact, approximate and quantized methods side by side, in time, bytes and recall, on this machine.

Time and bytes do not depend on the values of the vectors, recall does. `benchmark_search` makes its large set up, from vectors of the
real documentation corpus (`mixed_vectors`), so its recall is that of a made-up set; `compare_searches` takes any vectors.
"""

import gc
import importlib
import importlib.metadata
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy as np

from helpers import arguments
from helpers.tables import Table, size_text
from helpers.timing import describe_machine, describe_versions, measure

SearchFunction: TypeAlias = Callable[[np.ndarray, int], np.ndarray]
"""Takes queries of shape (q, dimensions) and k, returns the positions of the k best of each: shape (q, k), best first."""

SINGLE, BATCH = 20, 100
CANDIDATES = 1000
BLOCK = 20_000
MOST_SCORES = 25_000_000
INDEXES_IN_MEMORY = 7.0
MIX = 0.4


@dataclass(frozen=True, slots=True)
class Index:
    """A built index: how to search it, and how many bytes it needs to answer, computed from its parts."""

    search: SearchFunction
    size: int


@dataclass(frozen=True, slots=True)
class SearchRow:
    """What one method took and found.

    Attributes:
        method: Its name, a key of `METHODS`.
        bytes: What the index needs to answer, computed.
        resident: How much the process grew while the index was built, in bytes; what the vectors had taken before is not in it.
        build_seconds: Seconds to build the index.
        single: Seconds a query, asked one at a time, by round.
        batch: Seconds a query, asked all together, by round.
        recall: The share of the exact search's k best that it finds, mean over the queries.
    """

    method: str
    bytes: int
    resident: int
    build_seconds: float
    single: tuple[float, ...]
    batch: tuple[float, ...]
    recall: float


@dataclass(frozen=True, slots=True)
class SearchReport:
    """A comparison of searches with the machine and the versions it belongs to. `str()` says all of it."""

    source: str
    vectors: int
    dimensions: int
    queries: int
    k: int
    candidates: int
    machine: dict[str, str]
    versions: dict[str, str]
    rows: tuple[SearchRow, ...]

    def row(self, method: str) -> SearchRow:
        """The row of one method. ValueError names those that were measured."""
        arguments.choice(method, "method", [row.method for row in self.rows])
        return next(row for row in self.rows if row.method == method)

    def ratio(self, method: str, *, batch: bool = False) -> float:
        """How many times faster a method is than the fastest exact float32 search, each by its median; of single queries or of a batch."""
        arguments.boolean(batch, "batch")

        def seconds(row: SearchRow) -> float:
            return median(row.batch if batch else row.single)

        exact = [seconds(row) for row in self.rows if row.method in EXACT]
        if not exact:
            raise ValueError(f"method must be compared with an exact search, got a report without {', '.join(EXACT)}.")
        return min(exact) / seconds(self.row(method))

    @property
    def table(self) -> Table:
        """One row a method: milliseconds a query (median, and the spread of the rounds), memory, time to build, recall."""
        headers = (
            "method", "one query, ms", f"of {self.queries} at once, ms", "index", "process grew", "built in, s", f"recall@{self.k}",
        )  # fmt: skip
        rows = [
            (
                row.method, _spread(row.single), _spread(row.batch), size_text(row.bytes), size_text(row.resident),
                f"{row.build_seconds:,.1f}", f"{row.recall:.3f}",
            )
            for row in self.rows
        ]  # fmt: skip
        return Table(headers, tuple(rows))

    def __str__(self) -> str:
        what = f"{self.vectors:,} vectors of {self.dimensions} dimensions ({self.source}), {self.queries} queries, k = {self.k}"
        about = [f"{key}: {value}" for key, value in {**self.machine, **self.versions}.items()]
        rescored = f"Rescoring looks at {self.candidates} candidates a query. A time is the median, with the fastest and the slowest round."
        return "\n".join([what, rescored, *about, "", str(self.table)])

    def write(self, path: Path | str) -> None:
        """Write the report as JSON."""
        text = json.dumps(asdict(self), indent=1) + "\n"
        arguments.path(path, "path").write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, path: Path | str) -> "SearchReport":
        """A report that `write` has written. ValueError where the file holds something else."""
        file = arguments.path(path, "path")
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            rows = tuple(SearchRow(**{**row, "single": tuple(row["single"]), "batch": tuple(row["batch"])}) for row in data.pop("rows"))
            return cls(rows=rows, **data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"path must be a file that SearchReport.write has written, got {file.name}: {error}") from error


def benchmark_search(
    n: int = 1_000_000, *, rounds: int = 3, output: Path | str | None = None, methods: Sequence[str] | None = None
) -> SearchReport:
    """Search ``n`` made-up vectors with every method, and report time, memory and recall; progress goes to the error output.

    The vectors are mixes of MiniLM's vectors of the documentation corpus (`mixed_vectors`); the queries are real: the corpus' questions,
    and entries that no mix is made of. All indexes are in memory together, so that rounds can be interleaved: a million vectors need
    about 10 GiB, and HNSW takes minutes to build.

    Args:
        n: How many vectors, from 1,000 to 20 million.
        rounds: Interleaved rounds of timing.
        output: A file for the report as JSON; its folder must exist.
        methods: Names from `METHODS`; None takes all.

    Raises:
        TypeError, ValueError: Where an argument is out of its range, or ``output`` lies in no folder.
        RuntimeError: Where the machine has not enough memory free.
    """
    n = arguments.integer(n, "n", minimum=1_000, maximum=20_000_000)
    rounds = arguments.integer(rounds, "rounds", minimum=1)
    chosen = _chosen(methods)
    if output is not None and not arguments.path(output, "output").absolute().parent.is_dir():
        raise arguments.wrong_value("output", output, "a file in a folder that exists")
    _refuse_too_little_memory(n, 384)
    vectors, queries = _made_up_set(n)
    source = "made up: mixes of all-MiniLM-L6-v2's vectors of the documentation corpus"
    report = compare_searches(vectors, queries, rounds=rounds, methods=chosen, source=source)
    if output is not None:
        report.write(output)
    return report


def compare_searches(
    vectors: Any,
    queries: Any,
    *,
    k: int = 10,
    candidates: int = CANDIDATES,
    rounds: int = 3,
    methods: Sequence[str] | None = None,
    source: str = "your vectors",
) -> SearchReport:
    """Search your own vectors with every method, and report time, memory and recall.

    Args:
        vectors: Unit vectors of shape (n, dimensions), float32, dimensions a multiple of 8. Exact methods use them where they are.
        queries: Unit vectors of shape (q, dimensions): timed twenty of them one at a time, and all together.
        k: How many hits a query.
        candidates: How many hits of the binary search are rescored.
        rounds: Interleaved rounds of timing, after one that does not count.
        methods: Names from `METHODS`; None takes all.
        source: What the vectors are, in words, for the report.

    Raises:
        TypeError, ValueError: Where the two do not fit together, or an argument is out of its range.
    """
    documents, asked = _float32(vectors, "vectors"), _float32(queries, "queries")
    if documents.shape[1] != asked.shape[1] or documents.shape[1] % 8:
        got = f"{documents.shape[1]} and {asked.shape[1]}"
        raise ValueError(f"vectors and queries must have the same dimensions, a multiple of 8, got {got}.")
    k = arguments.integer(k, "k", minimum=1, maximum=len(documents))
    candidates = arguments.integer(candidates, "candidates", minimum=k)
    rounds = arguments.integer(rounds, "rounds", minimum=1)
    arguments.text(source, "source")
    for library in ("torch", "faiss", "usearch.index"):  # before anybody looks at how the process grows
        importlib.import_module(library)
    built = {name: _build(name, documents, min(candidates, len(documents))) for name in _chosen(methods)}
    exact = _best(asked, documents, k)
    singles = {f"{name}, single": _one_at_a_time(index.search, asked[:SINGLE], k) for name, (index, _, _) in built.items()}
    batches = {f"{name}, batch": _together(index.search, asked, k) for name, (index, _, _) in built.items()}
    seconds = {timing.task: timing.seconds for timing in measure({**singles, **batches}, rounds)}
    rows = tuple(
        SearchRow(
            method=name,
            bytes=index.size,
            resident=resident,
            build_seconds=round(took, 3),
            single=tuple(each / len(asked[:SINGLE]) for each in seconds[f"{name}, single"]),
            batch=tuple(each / len(asked) for each in seconds[f"{name}, batch"]),
            recall=overlap(index.search(asked, k), exact),
        )
        for name, (index, took, resident) in built.items()
    )
    versions = {**describe_versions(), **_search_versions()}
    return SearchReport(
        source, len(documents), documents.shape[1], len(asked), k, candidates, describe_machine(), versions, rows
    )  # fmt: skip


def mixed_vectors(vectors: Any, n: int, *, seed: int = 0) -> np.ndarray:
    """``n`` made-up unit vectors, each of three of the given ones: a + 0.4 (b - c), normalized. They vary as the given ones do.

    They serve to measure speed and memory at a size for which no texts are at hand. Returns float32 of shape (n, dimensions).

    Raises:
        TypeError, ValueError: Where there are fewer than three vectors, or a number is out of its range.
    """
    real = _float32(vectors, "vectors")
    arguments.integer(len(real), "the number of vectors", minimum=3)
    n = arguments.integer(n, "n", minimum=1)
    generator = np.random.default_rng(arguments.integer(seed, "seed", minimum=0))
    mixed = np.empty((n, real.shape[1]), dtype=np.float32)
    for start in range(0, n, BLOCK):
        block = mixed[start : start + BLOCK]
        one, other, third = generator.integers(0, len(real), (3, len(block)))
        block[:] = real[one] + MIX * (real[other] - real[third])
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return mixed


def overlap(found: Any, exact: Any) -> float:
    """The share of the exact hits that were found, mean over the queries: recall against an exact search. Both have shape (queries, k).

    Raises:
        TypeError, ValueError: Where one is no matrix or they differ in their number of rows.
    """
    some, wanted = arguments.matrix(found, "found"), arguments.matrix(exact, "exact")
    arguments.same_length(some, "found", wanted, "exact")
    return float(np.mean([np.isin(row, hits).mean() for hits, row in zip(some, wanted, strict=True)]))


# The methods


def _exact_numpy(vectors: np.ndarray, _candidates: int) -> Index:
    return Index(lambda queries, k: _best(queries, vectors, k), vectors.nbytes)


def _exact_torch(vectors: np.ndarray, _candidates: int) -> Index:
    import torch

    documents = torch.from_numpy(vectors)

    def search(queries: np.ndarray, k: int) -> np.ndarray:
        blocks = torch.from_numpy(queries).split(_queries_a_block(len(vectors)))
        return np.vstack([(block @ documents.T).topk(k).indices.numpy() for block in blocks])

    return Index(search, vectors.nbytes)


def _faiss_flat(vectors: np.ndarray, _candidates: int) -> Index:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return Index(lambda queries, k: index.search(queries, k)[1], vectors.nbytes)


def _faiss_ivf(vectors: np.ndarray, _candidates: int) -> Index:
    import faiss

    lists = 2 ** round(math.log2(math.sqrt(len(vectors))))
    centers = faiss.IndexFlatIP(vectors.shape[1])
    index = faiss.IndexIVFFlat(centers, vectors.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.max_points_per_centroid = 64
    index.train(vectors)
    _add_in_blocks(index.add, vectors, "FAISS IVF")
    index.nprobe = max(1, lists // 32)
    return Index(lambda queries, k: index.search(queries, k)[1], vectors.nbytes + 8 * len(vectors) + 4 * lists * vectors.shape[1])


def _faiss_hnsw(vectors: np.ndarray, _candidates: int) -> Index:
    import faiss

    links = 16
    index = faiss.IndexHNSWFlat(vectors.shape[1], links, faiss.METRIC_INNER_PRODUCT)
    _add_in_blocks(index.add, vectors, "FAISS HNSW")
    links_of: Any = index.hnsw
    links_of.efSearch = 128
    graph = 4 * links_of.neighbors.size() + 8 * (len(vectors) + 1) + 4 * len(vectors)
    return Index(lambda queries, k: index.search(queries, k)[1], vectors.nbytes + graph)


def _usearch_hnsw(vectors: np.ndarray, _candidates: int) -> Index:
    from usearch.index import Index as Graph

    index = Graph(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=40, expansion_search=128)
    done = 0

    def add(block: np.ndarray) -> None:
        nonlocal done
        index.add(np.arange(done, done + len(block)), block)
        done += len(block)

    _add_in_blocks(add, vectors, "usearch HNSW")
    return Index(lambda queries, k: np.atleast_2d(index.search(queries, k).keys).astype(np.int64), int(index.serialized_length))


def _faiss_int8(vectors: np.ndarray, _candidates: int) -> Index:
    import faiss

    index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[: 10 * BLOCK])
    _add_in_blocks(index.add, vectors, "FAISS int8")
    return Index(lambda queries, k: index.search(queries, k)[1], vectors.size + 2 * 4 * vectors.shape[1])


def _binary_alone(vectors: np.ndarray, _candidates: int) -> Index:
    return Index(_BinaryIndex(vectors).search, vectors.size // 8)


def _binary_float32(vectors: np.ndarray, candidates: int) -> Index:
    return Index(_two_steps(_BinaryIndex(vectors), vectors, candidates), vectors.size // 8 + vectors.nbytes)


def _binary_int8(vectors: np.ndarray, candidates: int) -> Index:
    scale = 127 / float(np.abs(vectors).max())
    codes = np.empty(vectors.shape, dtype=np.int8)
    for start in range(0, len(vectors), BLOCK):
        codes[start : start + BLOCK] = np.round(vectors[start : start + BLOCK] * scale)
    return Index(_two_steps(_BinaryIndex(vectors), codes, candidates), vectors.size // 8 + codes.nbytes)


Builder: TypeAlias = Callable[[np.ndarray, int], Index]
METHODS: Mapping[str, Builder] = {
    "numpy, exact": _exact_numpy,
    "torch, exact": _exact_torch,
    "FAISS flat, exact": _faiss_flat,
    "FAISS int8": _faiss_int8,
    "FAISS IVF": _faiss_ivf,
    "FAISS HNSW": _faiss_hnsw,
    "usearch HNSW": _usearch_hnsw,
    "binary alone": _binary_alone,
    "binary + int8 rescoring": _binary_int8,
    "binary + float32 rescoring": _binary_float32,
}
EXACT = ("numpy, exact", "torch, exact", "FAISS flat, exact")


class _BinaryIndex:
    """Exact search by Hamming distance. FAISS gives one query to one core: a part for each core makes use of all of them."""

    def __init__(self, vectors: np.ndarray) -> None:
        import faiss
        import psutil

        cores = psutil.cpu_count(logical=False) or 1
        self.bounds = np.linspace(0, len(vectors), cores + 1, dtype=np.int64) if len(vectors) > BLOCK else np.array([0, len(vectors)])
        self.parts = [faiss.IndexBinaryFlat(vectors.shape[1]) for _ in self.bounds[1:]]
        for part, start, end in zip(self.parts, self.bounds, self.bounds[1:], strict=False):
            for position in range(start, end, BLOCK):
                part.add(_bits(vectors[position : min(position + BLOCK, end)]))
        # In a worker, OpenMP's own threads would only stand in each other's way.
        self.workers = ThreadPoolExecutor(len(self.parts), initializer=lambda: faiss.omp_set_num_threads(1))

    def search(self, queries: np.ndarray, k: int) -> np.ndarray:
        """The positions of the k vectors at the least distance from each query, nearest first; float queries."""
        bits = _bits(queries)
        found = list(self.workers.map(lambda part: part.search(bits, min(k, part.ntotal)), self.parts))
        distances = np.hstack([near for near, _ in found])
        positions = np.hstack([ids + start for (_, ids), start in zip(found, self.bounds, strict=False)])
        return np.take_along_axis(positions, np.argsort(distances, axis=1, kind="stable")[:, :k], axis=1)


def _two_steps(index: _BinaryIndex, documents: np.ndarray, candidates: int) -> SearchFunction:
    """Take candidates by their bits, then rank them by the dot product with the stored numbers, which any positive scale may multiply."""

    def search(queries: np.ndarray, k: int) -> np.ndarray:
        near = index.search(queries, max(k, candidates))
        found = np.empty((len(queries), k), dtype=np.int64)
        for row, (query, ids) in enumerate(zip(queries, near, strict=True)):
            # In order of position: memory is read forwards.
            ids = np.sort(ids)
            scores = documents[ids].astype(np.float32, copy=False) @ query
            found[row] = ids[np.argsort(-scores, kind="stable")[:k]]
        return found

    return search


def _bits(vectors: np.ndarray) -> np.ndarray:
    return np.packbits(vectors > 0, axis=1)


def _best(queries: np.ndarray, vectors: np.ndarray, k: int) -> np.ndarray:
    """The positions of the k highest dot products of each query, best first."""
    step, found = _queries_a_block(len(vectors)), []
    for start in range(0, len(queries), step):
        scores = queries[start : start + step] @ vectors.T
        best = np.argpartition(scores, len(vectors) - k, axis=1)[:, len(vectors) - k :]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        found.append(np.take_along_axis(best, order, axis=1))
    return np.vstack(found)


def _queries_a_block(vectors: int) -> int:
    """So many queries at a time that their scores stay below about 100 MB."""
    return max(1, MOST_SCORES // vectors)


def _add_in_blocks(add: Callable[[np.ndarray], object], vectors: np.ndarray, name: str) -> None:
    from tqdm.auto import tqdm

    for start in tqdm(range(0, len(vectors), BLOCK), desc=f"building {name}", file=sys.stderr, disable=len(vectors) <= 5 * BLOCK):
        add(vectors[start : start + BLOCK])


# Building, measuring, checking


def _build(name: str, vectors: np.ndarray, candidates: int) -> tuple[Index, float, int]:
    """The index, the seconds it took, and the bytes by which the process grew."""
    import psutil

    gc.collect()
    process, start = psutil.Process(), time.perf_counter()
    before = process.memory_info().rss
    index = METHODS[name](vectors, candidates)
    took = time.perf_counter() - start
    gc.collect()
    return index, took, max(0, process.memory_info().rss - before)


def _one_at_a_time(search: SearchFunction, queries: np.ndarray, k: int) -> Callable[[], object]:
    return lambda: [search(queries[position : position + 1], k) for position in range(len(queries))]


def _together(search: SearchFunction, queries: np.ndarray, k: int) -> Callable[[], object]:
    return lambda: search(queries, k)


def _made_up_set(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The vectors and BATCH queries: the corpus' questions, and entries of which no vector is made."""
    from helpers import corpus, hub

    hub.activate()
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
    print("Encoding the documentation corpus …", file=sys.stderr)
    entries = model.encode_document([entry.text for entry in corpus.api_docs()], show_progress_bar=True)
    questions = model.encode_query([query.text for query in corpus.queries()])
    order = np.random.default_rng(0).permutation(len(entries))
    held_out, rest = order[: BATCH - len(questions)], order[BATCH - len(questions) :]
    print(f"Mixing {n:,} vectors …", file=sys.stderr)
    return mixed_vectors(entries[rest], n), np.vstack([questions, entries[held_out]])


def _refuse_too_little_memory(n: int, dimensions: int) -> None:
    import psutil

    needed, free = int(INDEXES_IN_MEMORY * n * dimensions * 4), psutil.virtual_memory().available
    if needed > free:
        raise RuntimeError(f"{n:,} vectors in all indexes need about {size_text(needed)}, and {size_text(free)} are free: take fewer.")


def _chosen(methods: Sequence[str] | None) -> list[str]:
    names = list(METHODS) if methods is None else arguments.texts(methods, "methods")
    for position, name in enumerate(names):
        arguments.choice(name, f"methods[{position}]", METHODS)
    return list(dict.fromkeys(names))


def _float32(value: object, name: str) -> np.ndarray:
    return np.ascontiguousarray(arguments.matrix(value, name), dtype=np.float32)


def _search_versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("faiss-cpu", "usearch")}


def _spread(seconds: Sequence[float]) -> str:
    low, middle, high = (1000 * value for value in (min(seconds), median(seconds), max(seconds)))
    digits = 1 if middle < 100 else 0
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"
