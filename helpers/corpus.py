"""Texts to embed: hand-written sentences, graded pairs, questions and passages, and the documentation of five installed libraries.

Everything here works without a network and knows nothing of models. The documentation corpus is read from the docstrings of
numpy, scipy, scikit-learn, torch and matplotlib as they are installed, so its size and wording belong to their versions.
The hand-written texts were written for this course and live beside this module in ``data/*.toml``.
"""

import functools
import importlib
import inspect
import re
import textwrap
import tomllib
import types
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# The modules whose public names make up the corpus. They are named, not discovered: what dir() of a package shows depends on
# which of its submodules were imported before, and the corpus must not.
PUBLIC_MODULES: Mapping[str, tuple[str, ...]] = types.MappingProxyType(
    {
        "matplotlib": (
            "matplotlib.pyplot",
            "matplotlib.animation",
            "matplotlib.gridspec",
            "matplotlib.figure",
            "matplotlib.axes",
            "matplotlib.colors",
            "matplotlib.ticker",
            "matplotlib.dates",
            "matplotlib.patches",
            "matplotlib.collections",
            "matplotlib.lines",
            "matplotlib.tri",
            "matplotlib.widgets",
        ),
        "numpy": (
            "numpy",
            "numpy.exceptions",
            "numpy.fft",
            "numpy.lib",
            "numpy.lib.array_utils",
            "numpy.lib.mixins",
            "numpy.lib.scimath",
            "numpy.lib.stride_tricks",
            "numpy.linalg",
            "numpy.ma",
            "numpy.polynomial",
            "numpy.polynomial.chebyshev",
            "numpy.polynomial.hermite",
            "numpy.polynomial.hermite_e",
            "numpy.polynomial.laguerre",
            "numpy.polynomial.legendre",
            "numpy.polynomial.polynomial",
            "numpy.polynomial.polyutils",
            "numpy.random",
            "numpy.rec",
            "numpy.strings",
        ),
        "scipy": (
            "scipy.cluster.hierarchy",
            "scipy.cluster.vq",
            "scipy.constants",
            "scipy.datasets",
            "scipy.differentiate",
            "scipy.fft",
            "scipy.integrate",
            "scipy.interpolate",
            "scipy.io",
            "scipy.io.arff",
            "scipy.io.wavfile",
            "scipy.linalg",
            "scipy.linalg.interpolative",
            "scipy.ndimage",
            "scipy.optimize",
            "scipy.signal",
            "scipy.signal.windows",
            "scipy.sparse",
            "scipy.sparse.csgraph",
            "scipy.sparse.linalg",
            "scipy.spatial",
            "scipy.spatial.distance",
            "scipy.spatial.transform",
            "scipy.special",
            "scipy.stats",
            "scipy.stats.contingency",
            "scipy.stats.qmc",
            "scipy.stats.sampling",
        ),
        "sklearn": (
            "sklearn",
            "sklearn.calibration",
            "sklearn.cluster",
            "sklearn.compose",
            "sklearn.covariance",
            "sklearn.cross_decomposition",
            "sklearn.datasets",
            "sklearn.decomposition",
            "sklearn.discriminant_analysis",
            "sklearn.dummy",
            "sklearn.ensemble",
            "sklearn.exceptions",
            "sklearn.feature_extraction",
            "sklearn.feature_extraction.image",
            "sklearn.feature_extraction.text",
            "sklearn.feature_selection",
            "sklearn.frozen",
            "sklearn.gaussian_process",
            "sklearn.gaussian_process.kernels",
            "sklearn.impute",
            "sklearn.inspection",
            "sklearn.isotonic",
            "sklearn.kernel_approximation",
            "sklearn.kernel_ridge",
            "sklearn.linear_model",
            "sklearn.manifold",
            "sklearn.metrics",
            "sklearn.metrics.cluster",
            "sklearn.metrics.pairwise",
            "sklearn.mixture",
            "sklearn.model_selection",
            "sklearn.multiclass",
            "sklearn.multioutput",
            "sklearn.naive_bayes",
            "sklearn.neighbors",
            "sklearn.neural_network",
            "sklearn.pipeline",
            "sklearn.preprocessing",
            "sklearn.random_projection",
            "sklearn.semi_supervised",
            "sklearn.svm",
            "sklearn.tree",
            "sklearn.utils",
        ),
        "torch": (
            "torch",
            "torch.amp",
            "torch.autograd",
            "torch.autograd.functional",
            "torch.cuda",
            "torch.distributions",
            "torch.fft",
            "torch.func",
            "torch.linalg",
            "torch.nn",
            "torch.nn.functional",
            "torch.nn.init",
            "torch.nn.utils",
            "torch.optim",
            "torch.optim.lr_scheduler",
            "torch.signal.windows",
            "torch.sparse",
            "torch.special",
            "torch.utils.data",
        ),
    }
)

_DATA = Path(__file__).parent / "data"

# Estimators that exist only after somebody imported sklearn.experimental: in the corpus they would come and go.
EXPERIMENTAL = frozenset({"HalvingGridSearchCV", "HalvingRandomSearchCV", "IterativeImputer"})

_ROLE = re.compile(r":[\w:]+:`(?P<body>[^`]*)`")
_TARGET = re.compile(r"\s*<[^<>`]+>$")
_SIGNATURE = re.compile(r"(?P<name>[\w.]+)\(")
_FOOTNOTE = re.compile(r" ?\[\d+\]_(?: and(?= \[))?")
_DOTTED_NAME = re.compile(r"\.?[A-Za-z_][\w.]*")
_NUMPYDOC_SEE_ALSO = re.compile(r"^See Also *\n-{3,} *\n(?P<body>.*?)(?=^\S[^\n]*\n-{3,} *$|\Z)", re.MULTILINE | re.DOTALL)
_DIRECTIVE_SEE_ALSO = re.compile(r"^(?P<indent> *)\.\. seealso::(?P<body>[^\n]*\n(?:(?P=indent) +[^\n]*\n|[ ]*\n)*)", re.MULTILINE)
_DEPRECATED = re.compile(
    r"\A\W*deprecated\b|^\.\. versionremoved::|^\.\. deprecated::(?!.*\n +Use of argument)"
    r"|^\.\. warning::\s+(?:This (?:function|class|method) is|\S+ is) (?:now )?deprecated",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented function or class.

    Attributes:
        name: The full public name, for example ``sklearn.model_selection.train_test_split``. The shortest, where there are several.
        library: The package's import name: matplotlib, numpy, scipy, sklearn or torch.
        kind: ``"function"`` or ``"class"``.
        summary: The first paragraph of the docstring on one line, without markup.
        text: What is embedded: name and summary.
        see_also: Names of other entries that the authors point to under "See Also", in their order, each once.
    """

    name: str
    library: str
    kind: str
    summary: str
    text: str
    see_also: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GradedPair:
    """Two sentences and how far they say the same, from 5 to 0.

    5 the same meaning · 4 a detail differs · 3 roughly · 2 same topic, a detail shared · 1 same topic · 0 unrelated.
    """

    first: str
    second: str
    grade: int


@dataclass(frozen=True, slots=True)
class TrapPair:
    """Two sentences that look alike and mean something different. ``kind`` says by what: ``negation``, ``number`` or ``name``."""

    first: str
    second: str
    kind: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question in everyday words and the names of the entries of `api_docs` that answer it, at least one."""

    text: str
    relevant: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of several paragraphs, and a question whose ``answer`` stands in it word for word, near the end."""

    title: str
    text: str
    question: str
    answer: str


def api_docs() -> list[Entry]:
    """The documentation of five installed libraries: one entry for each public function or class with a docstring.

    Returns:
        About 4,000 entries sorted by name. Order and content depend on nothing but the versions installed. Objects with several
        public names appear once, deprecated ones not at all. The first call of a process imports the five libraries, which takes
        a few seconds where they are not imported yet.
    """
    return list(_entries())


@functools.cache
def _entries() -> tuple[Entry, ...]:
    names_of, objects = _public_objects()
    canonical = {key: min(names, key=lambda name: (len(name), name)) for key, names in names_of.items()}
    documented = {key: entry for key in objects if (entry := _entry_without_links(canonical[key], objects[key])) is not None}
    known = {name: canonical[key] for key in documented for name in names_of[key]}
    entries = [replace(entry, see_also=_links(objects[key], names_of[key], known)) for key, entry in documented.items()]
    return tuple(sorted(entries, key=lambda entry: entry.name))


def graded_pairs() -> list[GradedPair]:
    """78 pairs of sentences, 13 for each grade from 5 down to 0, written and graded for this course."""
    data = _read("pairs.toml")
    return [GradedPair(first, second, grade) for grade in range(5, -1, -1) for first, second in data[f"grade_{grade}"]]


def trap_pairs() -> list[TrapPair]:
    """24 pairs that an embedding tends to take for the same, eight of each kind: negation, number, name."""
    return [TrapPair(first, second, kind) for kind, pairs in _read("pairs.toml")["traps"].items() for first, second in pairs]


def queries() -> list[Query]:
    """42 questions over `api_docs`. The last six are hard: they share few words with the documentation that answers them."""
    return [Query(item["text"], tuple(item["relevant"])) for item in _read("queries.toml")["query"]]


def passages() -> list[Passage]:
    """Four texts of about 500 words, with a question and an answer that stands in the last fifth of the text."""
    return [Passage(item["title"], item["text"].strip(), item["question"], item["answer"]) for item in _read("passages.toml")["passage"]]


def _read(file_name: str) -> dict[str, Any]:
    return tomllib.loads((_DATA / file_name).read_text(encoding="utf-8"))


# (topic, sentence): 40 short sentences in eight topics, five of each.
SENTENCES: list[tuple[str, str]] = [(topic, sentence) for topic, sentences in _read("sentences.toml").items() for sentence in sentences]


def _public_objects() -> tuple[dict[int, list[str]], dict[int, Any]]:
    """Every public function and class: its names and itself, both by id()."""
    names_of: dict[int, list[str]] = {}
    objects: dict[int, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library, modules in PUBLIC_MODULES.items():
            for module_name in modules:
                for name, value in _public_members(importlib.import_module(module_name), library):
                    names_of.setdefault(id(value), []).append(f"{module_name}.{name}")
                    objects[id(value)] = value
    return names_of, objects


def _public_members(module: types.ModuleType, library: str) -> Iterator[tuple[str, Any]]:
    listed = getattr(module, "__all__", None)
    for name in sorted(set(dir(module) if listed is None else listed)):
        if name.startswith("_") or name in EXPERIMENTAL:
            continue
        value = _unflagged(getattr(module, name, None))
        if _is_function_or_class(value) and _belongs(value, library if listed is not None else module.__name__, library):
            yield name, value


def _unflagged(value: Any) -> Any:
    """The function itself where IPython has put a flag around it, as it does with a function of pyplot at the first picture of a kernel."""
    if inspect.isfunction(value) and hasattr(value, "called"):
        return inspect.getclosurevars(value).nonlocals.get("func", value)
    return value


def _is_function_or_class(value: object) -> bool:
    # numpy's ufuncs and torch's built-ins are no functions for inspect, but they are called and have a name.
    return callable(value) and isinstance(getattr(value, "__name__", None), str) and not _is_number_type(value)


def _is_number_type(value: object) -> bool:
    """numpy.int64 and its kind: which of them exist, and under which names, differs from one operating system to the next."""
    import numpy

    return inspect.isclass(value) and issubclass(value, numpy.generic)


def _belongs(value: object, owner: str, library: str) -> bool:
    """Whether a value is defined in a package: private modules count as part of the public package around them."""
    home = getattr(value, "__module__", None)
    if not isinstance(home, str):  # a ufunc of scipy.special says nothing about its home
        return True
    if inspect.isbuiltin(value):
        return home.split(".")[0] == library
    return f"{home}.".replace("._", ".").startswith(f"{owner}.")


def _entry_without_links(name: str, value: Any) -> Entry | None:
    document = _docstring(value)
    if _DEPRECATED.search(document.split("\nParameters\n")[0]):
        return None
    summary = _summary(document, own_names={name.split(".")[-1], str(value.__name__).split(".")[-1]})
    if not summary:
        return None
    kind = "class" if inspect.isclass(value) else "function"
    return Entry(name, name.split(".")[0], kind, summary, f"{name}: {summary}", ())


def _docstring(value: object) -> str:
    document = getattr(value, "__doc__", None)
    return inspect.cleandoc(document) if isinstance(document, str) else ""


def _summary(document: str, own_names: set[str]) -> str:
    """The first paragraph that is prose: signatures and directives before it are left out, and so is the markup in it."""
    for paragraph in re.split(r"\n\s*\n", document):
        lines = paragraph.strip().splitlines()
        if not lines or lines[0].startswith(".. ") or _is_signature(lines[0], own_names):
            continue
        is_heading = len(lines) > 1 and re.fullmatch(r"[-=]{3,}", lines[1].strip())
        # A section before any prose means that there is no summary. "Members:" is what pybind11 writes for an enumeration.
        return "" if is_heading or lines[0] == "Members:" else _without_markup(" ".join(paragraph.split()))
    return ""


def _is_signature(line: str, own_names: set[str]) -> bool:
    match = _SIGNATURE.match(line)
    return match is not None and match["name"].split(".")[-1] in own_names


def _without_markup(text: str) -> str:
    text = _FOOTNOTE.sub("", text).removesuffix("::")
    text = _ROLE.sub(lambda match: f"`{match['body']}`", text)
    return re.sub(r"`+([^`]*)`+_{0,2}", lambda match: _TARGET.sub("", match[1].strip()).removeprefix("~").removeprefix("."), text)


def _links(value: object, names: list[str], known: Mapping[str, str]) -> tuple[str, ...]:
    own = known[names[0]]
    found = (_resolved(target, names, known) for target in _see_also_targets(_docstring(value)))
    return tuple(dict.fromkeys(name for name in found if name is not None and name != own))


def _see_also_targets(document: str) -> Iterator[str]:
    """The names written in a docstring's "See Also" section, as they are written there."""
    for section in _NUMPYDOC_SEE_ALSO.finditer(document):
        for line in textwrap.dedent(section["body"]).splitlines():
            if line and not line[0].isspace():  # the indented lines are descriptions
                names = re.split(r"\s:\s|:$|:\s(?![\w:]*:`)", _ROLE.sub(lambda match: match["body"].removeprefix("~"), line))[0]
                yield from (part.strip("` ") for part in names.split(","))
    for section in _DIRECTIVE_SEE_ALSO.finditer(document + "\n"):
        yield from (match["body"].removeprefix("~").removesuffix("()") for match in _ROLE.finditer(section["body"]))


def _resolved(target: str, names: list[str], known: Mapping[str, str]) -> str | None:
    """The entry that a name written in the docstring of ``names`` means, looked up from the inner package outwards."""
    if not _DOTTED_NAME.fullmatch(target):
        return None
    target = target.removeprefix(".")
    for name in names:
        packages = name.split(".")[:-1]
        for depth in range(len(packages), 0, -1):
            if entry := known.get(".".join([*packages[:depth], target])):
                return entry
    return known.get(target)
