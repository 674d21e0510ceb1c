"""The corpus: what stands in it, that it never changes with the circumstances, and that the hand-written texts keep their promises."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from helpers import corpus

DIGEST = "import hashlib; from helpers import corpus; print(hashlib.sha256(repr(corpus.api_docs()).encode()).hexdigest())"


@pytest.fixture(scope="module")
def entries() -> dict[str, corpus.Entry]:
    return {entry.name: entry for entry in corpus.api_docs()}


def run_python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    variables = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, env=variables, timeout=300)


def test_api_docs_has_about_as_many_entries_as_documented(entries: dict[str, corpus.Entry]) -> None:
    counts = Counter(entry.library for entry in entries.values())
    assert set(counts) == set(corpus.PUBLIC_MODULES)
    for library, least, most in [
        ("matplotlib", 300, 400),
        ("numpy", 850, 1000),
        ("scipy", 1200, 1450),
        ("sklearn", 480, 600),
        ("torch", 1000, 1300),
    ]:
        assert least <= counts[library] <= most, library
    assert 1500 <= sum(bool(entry.see_also) for entry in entries.values()) <= 2100


def test_entries_are_sorted_unique_and_made_of_name_and_summary() -> None:
    entries = corpus.api_docs()
    names = [entry.name for entry in entries]
    assert names == sorted(set(names))
    for entry in entries:
        assert entry.library == entry.name.split(".")[0]
        assert entry.kind in {"function", "class"}
        assert entry.text == f"{entry.name}: {entry.summary}"
        assert entry.summary == " ".join(entry.summary.split()), entry.name
        assert len(entry.summary) >= 8, entry.name


def test_summaries_hold_no_markup_signature_or_directive(entries: dict[str, corpus.Entry]) -> None:
    for entry in entries.values():
        assert not re.search(r"``|:\w+:`|^\.\. |::$|\[\d+\]_", entry.summary), entry
        assert not re.match(re.escape(entry.name.split(".")[-1]) + r"\([^)]*\)\s*(->|$)", entry.summary), entry


def test_links_lead_to_other_entries_once_each(entries: dict[str, corpus.Entry]) -> None:
    for entry in entries.values():
        assert set(entry.see_also) <= set(entries), entry.name
        assert entry.name not in entry.see_also
        assert len(set(entry.see_also)) == len(entry.see_also), entry.name


@pytest.mark.parametrize(
    ("name", "kind", "beginning", "links"),
    [
        ("sklearn.model_selection.train_test_split", "function", "Split arrays or matrices into random train and test subsets.", set()),
        ("sklearn.cluster.DBSCAN", "class", "Perform DBSCAN clustering", {"sklearn.cluster.OPTICS"}),
        ("numpy.add", "function", "Add arguments element-wise.", set()),
        ("torch.add", "function", "Adds other, scaled by alpha, to input.", set()),
        ("torch.nn.Linear", "class", "Applies an affine linear transformation to the incoming data", set()),
        ("scipy.signal.fftconvolve", "function", "Convolve two N-dimensional arrays using FFT.", {"scipy.signal.convolve"}),
        ("numpy.mean", "function", "Compute the arithmetic mean along the specified axis.", {"numpy.average", "numpy.std", "numpy.var"}),
        ("scipy.special.erfinv", "function", "Inverse of the error function.", {"scipy.special.erf", "scipy.special.erfc"}),
        ("matplotlib.pyplot.semilogy", "function", "Make a plot with log scaling on the y-axis.", set()),
    ],
)
def test_known_entries(entries: dict[str, corpus.Entry], name: str, kind: str, beginning: str, links: set[str]) -> None:
    entry = entries[name]
    assert entry.kind == kind
    assert entry.summary.startswith(beginning)
    assert links <= set(entry.see_also)


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["numpy.concat", "numpy.concatenate"], "numpy.concat"),
        (["numpy.abs", "numpy.absolute"], "numpy.abs"),
        (["torch.conv2d", "torch.nn.functional.conv2d"], "torch.conv2d"),
    ],
)
def test_several_names_of_one_object_are_one_entry(entries: dict[str, corpus.Entry], names: list[str], kept: str) -> None:
    assert [name for name in names if name in entries] == [kept]


@pytest.mark.parametrize(
    "name",
    [
        "numpy.random.random_integers",  # ".. deprecated::"
        "sklearn.linear_model.PassiveAggressiveClassifier",  # ".. deprecated::"
        "torch.nn.init.normal",  # "This method is now deprecated"
        "torch.chain_matmul",  # ":func:`torch.chain_matmul` is deprecated"
        "torch.cuda.memory_cached",  # "Deprecated; see"
        "scipy.interpolate.interp2d",  # removed, only an explanation is left
        "sklearn.impute.IterativeImputer",  # there only after an import of sklearn.experimental
        "numpy.float128",  # there on some systems only
        "torch.DispatchKey",  # its docstring is a list of members
    ],
)
def test_deprecated_and_changeable_names_are_left_out(entries: dict[str, corpus.Entry], name: str) -> None:
    assert name not in entries


def test_a_deprecated_argument_does_not_make_the_function_deprecated(entries: dict[str, corpus.Entry]) -> None:
    assert "scipy.optimize.nnls" in entries
    assert "scipy.signal.lombscargle" in entries


def test_changing_the_returned_list_changes_nothing() -> None:
    before = len(corpus.api_docs())
    corpus.api_docs().clear()
    assert len(corpus.api_docs()) == before


def test_content_does_not_depend_on_hash_seed_imports_or_their_order_and_the_walk_prints_nothing() -> None:
    here = hashlib.sha256(repr(corpus.api_docs()).encode()).hexdigest()  # on a new machine, the first matplotlib says it looks for fonts
    before = "import torch, numpy.testing, scipy.fftpack, sklearn.inspection\nfrom sklearn.experimental import enable_iterative_imputer\n"
    result = run_python(before + DIGEST, MPLBACKEND="Agg", PYTHONHASHSEED="1")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{here}\n", "")


def test_importing_the_module_imports_no_library() -> None:
    heavy = "{'numpy', 'scipy', 'sklearn', 'torch', 'matplotlib', 'sentence_transformers'}"
    result = run_python(f"import sys; from helpers import corpus; print(sorted({heavy} & set(sys.modules)))")
    assert result.stdout.strip() == "[]", result.stderr


def documented(text: str) -> Callable[[], None]:
    def sample() -> None:
        pass

    sample.__doc__ = text
    return sample


@pytest.mark.parametrize(
    ("docstring", "summary"),
    [
        ("Add two\n  numbers.\n\nMore.", "Add two numbers."),
        ("sample(a, b) -> Tensor\n\nAdds :attr:`a` and ``b``.", "Adds a and b."),
        ("sample(a,\n      b)\n\nSee :class:`~torch.nn.Linear` [1]_.", "See torch.nn.Linear."),
        ("cos(x) - 1 near zero.", "cos(x) - 1 near zero."),
        (".. note::\n    Careful.\n\nReturns `x`.", "Returns x."),
        ("sample()\n\nParameters\n----------\na : int\n\nNot a summary.", None),
        ("Members:\n\nONE", None),
        ("Old.\n\n.. deprecated:: 1.0\n    Use new.", None),
        ("Fine.\n\n.. deprecated:: 1.0\n    Use of argument(s) ``{'a'}`` by position is deprecated.", "Fine."),
        ("Fine.\n\nParameters\n----------\na : int\n\n.. deprecated:: 1.0", "Fine."),
        ("", None),
    ],
)
def test_summary_of_a_docstring(docstring: str, summary: str | None) -> None:
    entry = corpus._entry_without_links("library.sample", documented(docstring))
    assert (None if entry is None else entry.summary) == summary


@pytest.mark.parametrize(
    ("section", "targets"),
    [
        (
            "See Also\n--------\nfirst : what it does\n    and more of it\nsecond, a.b.third\n\nNotes\n-----\nfourth : no\n",
            ["first", "second", "a.b.third"],
        ),
        ("See Also\n--------\n:func:`first`, :class:`~a.Second` : both\nthird: text\n", ["first", "a.Second", "third"]),
        ("See Also\n--------\n:func:`first`: text\n", ["first"]),
        (
            "Text.\n\n.. seealso::\n\n    :func:`torch.first` does, :func:`~torch.second()` too.\n\nAfter :func:`no`.",
            ["torch.first", "torch.second"],
        ),
        ("See also first.\n", []),
    ],
)
def test_names_in_a_see_also_section(section: str, targets: list[str]) -> None:
    assert list(corpus._see_also_targets(f"Summary.\n\n{section}")) == targets


def test_a_link_is_looked_up_from_the_inner_package_outwards() -> None:
    known = {"lib.a.find": "lib.a.find", "lib.find": "lib.find", "lib.a.b.other": "lib.other"}
    assert corpus._resolved("find", ["lib.a.b.here"], known) == "lib.a.find"
    assert corpus._resolved("a.find", ["lib.c.here"], known) == "lib.a.find"
    assert corpus._resolved("lib.a.b.other", ["elsewhere.here"], known) == "lib.other"
    assert corpus._resolved("missing", ["lib.a.here"], known) is None
    assert corpus._resolved("not a name", ["lib.a.here"], known) is None


def test_sentences_are_forty_in_eight_topics() -> None:
    topics = Counter(topic for topic, _ in corpus.SENTENCES)
    assert set(topics) == {"weather", "food", "travel", "programming", "music", "medicine", "money", "animals"}
    assert set(topics.values()) == {5}
    texts = [sentence for _, sentence in corpus.SENTENCES]
    assert len(set(texts)) == 40
    assert {"The weather is nice today", "It's a beautiful day outside", "I love programming in Python"} <= set(texts)


def test_graded_pairs_are_thirteen_a_grade_and_all_different() -> None:
    pairs = corpus.graded_pairs()
    assert Counter(pair.grade for pair in pairs) == dict.fromkeys(range(6), 13)
    assert len({frozenset((pair.first, pair.second)) for pair in pairs}) == len(pairs)
    assert all(pair.first != pair.second for pair in pairs)


def test_trap_pairs_are_eight_of_each_kind() -> None:
    pairs = corpus.trap_pairs()
    assert Counter(pair.kind for pair in pairs) == {"negation": 8, "number": 8, "name": 8}
    assert all(pair.first != pair.second for pair in pairs)
    for pair in pairs:
        if pair.kind == "number":
            assert [bool(re.search(r"\d|\b(two|ten|seven|seventy)\b", text, re.IGNORECASE)) for text in (pair.first, pair.second)] == [
                True,
                True,
            ]


def test_queries_are_answered_by_entries_that_exist(entries: dict[str, corpus.Entry]) -> None:
    queries = corpus.queries()
    assert len(queries) >= 40
    assert len({query.text for query in queries}) == len(queries)
    for query in queries:
        assert query.relevant
        assert len(set(query.relevant)) == len(query.relevant)
        assert set(query.relevant) <= set(entries), (query.text, set(query.relevant) - set(entries))


def test_the_last_queries_are_hard_because_they_share_few_words_with_their_answers(entries: dict[str, corpus.Entry]) -> None:
    def shared(query: corpus.Query) -> float:
        words = set(re.findall(r"[a-z]{4,}", query.text.lower()))
        answers = " ".join(entries[name].text for name in query.relevant).lower()
        return sum(word in answers for word in words) / len(words)

    queries = corpus.queries()
    hard, easy = queries[-6:], queries[:-6]
    assert sum(map(shared, hard)) / len(hard) < sum(map(shared, easy)) / len(easy) - 0.2


@pytest.mark.parametrize("passage", corpus.passages(), ids=lambda passage: passage.title)
def test_a_passage_says_its_answer_once_and_late(passage: corpus.Passage) -> None:
    assert 400 <= len(passage.text.split()) <= 900
    assert passage.text.count(passage.answer) == 1
    assert passage.text.index(passage.answer) > 0.8 * len(passage.text)
    assert passage.question.endswith("?")


def test_there_are_four_passages_of_several_paragraphs() -> None:
    passages = corpus.passages()
    assert len({passage.title for passage in passages}) == 4
    assert all(passage.text.count("\n\n") >= 4 for passage in passages)


def test_hand_written_texts_are_clean() -> None:
    texts = [sentence for _, sentence in corpus.SENTENCES]
    texts += [text for pair in corpus.graded_pairs() + corpus.trap_pairs() for text in (pair.first, pair.second)]  # type: ignore[operator]
    texts += [query.text for query in corpus.queries()] + [passage.text for passage in corpus.passages()]
    for text in texts:
        assert text == text.strip()
        assert "  " not in text


def test_a_picture_shown_before_changes_no_entry() -> None:
    """IPython wraps a function of pyplot when a kernel shows its first picture."""
    script = """
from IPython.utils.decorators import flag_calls
from matplotlib import pyplot
from helpers import corpus
pyplot.draw_if_interactive = flag_calls(pyplot.draw_if_interactive)
print(len(corpus.api_docs()), any(entry.name == "matplotlib.pyplot.draw_if_interactive" for entry in corpus.api_docs()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(corpus.api_docs())), "True"]
