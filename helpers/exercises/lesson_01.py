"""Exercises of lesson 01: installation."""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement

from helpers.exercises import Exercise, Wrong, WrongAnswer

LIBRARY = "sentence-transformers"

# 01.1: package, extra, whether it exists, and what to say to a function that errs there.
EXTRAS = (
    (LIBRARY, "train", True, "`train` is an extra of the library, as the list above shows."),
    (
        LIBRARY,
        "onnx-gpu",
        True,
        "`onnx-gpu` is an extra of the library: `metadata[...]` gives the first entry of a kind, `get_all` gives every one.",
    ),
    (LIBRARY, "all", False, "The library has no extra named `all`."),
    (LIBRARY, "on", False, "`on` is part of `onnx`, but no extra: compare whole names in a list, and do not search inside one text."),
    ("numpy", "all", False, "numpy has no extras at all."),
    ("numpy", "train", False, "`train` is an extra of sentence-transformers: ask for the metadata of `package`, whichever that is."),
)

# 01.3: what each command gives its author.
COMMANDS = {
    "A": (True, "look at the list of extras again: `train` is one of them, and 6.2.0 can be installed with what it asks for."),
    "B": (False, "pip only warns about an extra that does not exist, and installs the library without any."),
    "C": (False, "compare the versions of transformers that 6.2.0 takes with those that optimum-onnx 0.1.0 takes."),
    "D": (True, "each of the two commands asks the index that has the package, and the second finds torch installed already."),
    "E": (False, "think of what `--index-url` does to PyPI."),
    "F": (False, "a floor leaves the choice to the day on which the command runs."),
    "G": (True, "two requirements in one command are fine as long as one version satisfies both: which numpy does 6.2.0 ask for?"),
}


def check_has_extra(answer: Any) -> None:
    """Try the learner's function on packages with, and without, extras."""
    if not callable(answer):
        raise Wrong(
            "Assign a function of two names, a package and an extra: `def has_extra(package, extra): ...`, then `answer_1 = has_extra`."
        )
    for package, extra, exists, hint in EXTRAS:
        call = f"For ({package!r}, {extra!r}) your function"
        try:
            said = answer(package, extra)
        except TypeError as error:
            if package == "numpy":
                raise Wrong(f"{call} raises TypeError: for a package that has none, `get_all` returns None instead of a list.") from error
            raise Wrong(f"{call} raises TypeError ({error}): it must take two texts, a package and an extra.") from error
        except metadata.PackageNotFoundError as error:
            raise Wrong(f"{call} asks for the metadata of {error.name!r}: the package comes first, the extra second.") from error
        except Exception as error:
            raise Wrong(
                f"{call} raises {type(error).__name__}: ask with `in` whether the extra is among the entries `Provides-Extra`."
            ) from error
        if not isinstance(said, bool):
            raise Wrong(f"{call} returns {_kind(said)}: it must return True or False.")
        if said != exists:
            raise Wrong(f"{call} returns {said}. {hint}")


def check_refused(answer: Any, colleague: Mapping[str, str]) -> None:
    """Compare the learner's names with those whose version in `colleague` (name to version) the installed library refuses."""
    names = {_normal(name) for name in _names(answer)}
    needs = [Requirement(text) for text in metadata.requires(LIBRARY) or []]
    base = {_normal(need.name): need.specifier for need in needs if need.marker is None}
    versions = {_normal(name): version for name, version in colleague.items()}
    refused = {name for name, specifier in base.items() if name in versions and versions[name] not in specifier}
    for name in sorted(names - refused):
        if name not in versions:
            raise Wrong(
                f"`{name}` is no name in `colleague`: give names as they stand there, without versions. (A package that is missing "
                "will be installed, not replaced.)"
            )
        if name not in base:
            raise Wrong(
                f"`{name}` is asked for by an extra only, and your colleague wants none: leave out the requirements that carry a marker."
            )
        raise Wrong(
            f"`{name}` {versions[name]} does satisfy `{base[name]}`: compare versions as numbers, part by part, and not as text. "
            "`in need.specifier` does that."
        )
    if missed := sorted(refused - names):
        as_text = ' Compared as text, "4.7.1" comes after "4.10.0"; as versions it comes before.' if "transformers" in names else ""
        raise Wrong(
            f"pip has to replace {len(missed)} {'more ' if names else ''}of these packages: take every name, and compare its version "
            f"with what 6.2.0 asks for.{as_text}"
        )


def check_commands(answer: Any) -> None:
    """Compare the letters with the commands that do what their author wants."""
    if not isinstance(answer, str | list | tuple | set | frozenset) or not all(isinstance(letter, str) for letter in answer):
        raise Wrong('Give the letters of the commands that work as a text, for example "AB".')
    chosen = set("".join(answer).upper()) - set(" ,;")
    if not chosen:
        raise Wrong("At least one of the commands does what its author wants.")
    if unknown := sorted(chosen - set(COMMANDS)):
        raise Wrong(f"There is no command {unknown[0]!r}: the letters go from A to G.")
    for letter, (works, why) in COMMANDS.items():
        if works != (letter in chosen):
            said = "does not do what its author wants" if letter in chosen else "does what its author wants"
            raise Wrong(f"Command {letter} {said}: {why}")


def _names(answer: Any) -> list[str]:
    if not isinstance(answer, list | tuple | set | frozenset):
        raise Wrong(f'Give a list of names, for example `["torch"]`; this is {_kind(answer)}.')
    names = list(answer)
    if not all(isinstance(name, str) for name in names):
        raise Wrong("Every entry of the list must be the name of a package, a text: of a requirement, that is `need.name`.")
    return names


def _normal(name: str) -> str:
    """A package's name in the form in which PyPI compares names."""
    return name.strip().lower().replace("_", "-").replace(".", "-")


def _kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


EXERCISES = [
    Exercise(
        number="01.1",
        title="Does this extra exist?",
        question="""
            pip does not stop at a misspelled extra, so a set-up script had better ask first. Write a function
            `has_extra(package, extra)` that returns True if the installed package offers the extra, and False if not.
            It must also work for a package without any extra, such as numpy. Assign the function itself to `answer_1`.
        """,
        check_answer=check_has_extra,
        hints=(
            "The names stand in the metadata of the package, in entries called `Provides-Extra`, one for each extra.",
            '`metadata.metadata(package).get_all("Provides-Extra")` is a list of names, or None where there are none.',
            "`(... or [])` turns None into an empty list; `extra in` that list is the answer.",
        ),
        solution_code="""
            def has_extra(package, extra):
                return extra in (metadata.metadata(package).get_all("Provides-Extra") or [])

            answer_1 = has_extra
        """,
        wrong_answers=(
            WrongAnswer('answer_1 = lambda package, extra: extra in metadata.metadata(package).get_all("Provides-Extra")', "returns None"),
            WrongAnswer(
                'answer_1 = lambda package, extra: extra in str(metadata.metadata(package).get_all("Provides-Extra"))', "whole names"
            ),
            WrongAnswer('answer_1 = lambda package, extra: extra == metadata.metadata(package)["Provides-Extra"]', "`train` is an extra"),
            WrongAnswer("answer_1 = lambda package, extra: bool(metadata.version(package))", "no extra named"),
            WrongAnswer("answer_1 = lambda package, extra: extra in extras", "whichever that is"),
            WrongAnswer("answer_1 = lambda package, extra: any(extra in text for text in metadata.requires(package) or [])", "whole names"),
            WrongAnswer(
                'answer_1 = lambda extra, package: extra in (metadata.metadata(package).get_all("Provides-Extra") or [])',
                "the package comes first",
            ),
            WrongAnswer("answer_1 = lambda package, extra: print(extra in extras)", "must return True or False"),
            WrongAnswer('answer_1 = "train" in extras', "Assign a function"),
            WrongAnswer("answer_1 = lambda extra: extra in extras", "two texts"),
        ),
        praise="An extra is a name in the package's metadata and nothing more, so this function is sure where pip only warns.",
    ),
    Exercise(
        number="01.2",
        title="What stands in the way?",
        question="""
            A colleague wants `sentence-transformers==6.2.0`, without extras, in an environment that holds the packages of
            `colleague` (a dictionary from name to version). Which of these will pip have to replace? Assign a list of their
            names to `answer_2`. The requirements are in `needs`; let Python compare the versions.
        """,
        check_answer=check_refused,
        hints=(
            "Three kinds of entries lead astray: requirements of an extra, versions such as 1.21 (later than 1.3), and the suffix +cpu.",
            "`base` has the requirements without a marker, and `version in need.specifier` compares versions as pip does.",
            "Collect `need.name` for each `need in base` where `colleague[need.name] not in need.specifier`.",
        ),
        solution_code="""
            answer_2 = [need.name for need in base if colleague[need.name] not in need.specifier]
        """,
        wrong_answers=(
            WrongAnswer(
                'answer_2 = [need.name for need in base if colleague[need.name] < str(need.specifier).split(">=")[1]]',
                "part by part, and not as text",
            ),
            WrongAnswer(
                'answer_2 = [need.name for need in needs if colleague.get(need.name, "99") not in need.specifier]', "by an extra only"
            ),
            WrongAnswer('answer_2 = ["transformers"]', "more of these packages"),
            WrongAnswer("answer_2 = [need.name for need in base if need.name not in colleague]", "3 of these packages"),
            WrongAnswer("answer_2 = [need for need in base if colleague[need.name] not in need.specifier]", "`need.name`"),
            WrongAnswer("answer_2 = [need.name for need in base if colleague[need.name] in need.specifier]", "does satisfy"),
            WrongAnswer('answer_2 = "transformers"', "a list of names"),
            WrongAnswer('answer_2 = ["transformers", "datasets"]', "no name in `colleague`"),
        ),
        praise="Neither old nor new decides, the specifier does, version by version: numpy 1.26 may stay.",
    ),
    Exercise(
        number="01.3",
        title="Which of these commands does what its author wants?",
        question="""
            Each command is typed in bash, in a new virtual environment, on a Linux machine without a GPU.
            (`CPU` stands for `https://download.pytorch.org/whl/cpu`.)

            | | command | the author wants |
            |---|---|---|
            | A | `python -m pip install "sentence-transformers[train]==6.2.0"` | the library and what training needs |
            | B | `python -m pip install "sentence-transformers[all]==6.2.0"` | the library with all of its extras |
            | C | `python -m pip install "sentence-transformers[onnx]==6.2.0"` | version 6.2.0 with its ONNX extra |
            | D | `python -m pip install torch --index-url CPU`, then `python -m pip install "sentence-transformers==6.2.0"` | a CPU torch |
            | E | `python -m pip install "sentence-transformers==6.2.0" torch --index-url CPU` | the same in one command |
            | F | `python -m pip install "sentence-transformers>=6.2"` | the same versions today and next year |
            | G | `python -m pip install "sentence-transformers==6.2.0" "numpy>=2"` | the library, and numpy 2 or later |

            Assign the letters of the commands that do to `answer_3`, for example `"AB"`.
        """,
        check_answer=check_commands,
        hints=(
            "Ask three things of each command: which index, which extra, which versions.",
            "One extra does not exist, and one asks for a transformers that 6.2.0 refuses.",
            "Three of the seven do what their author wants, and the first is one of them.",
        ),
        solution_code="""
            answer_3 = "ADG"
        """,
        wrong_answers=(
            WrongAnswer('answer_3 = "ABDG"', "pip only warns"),
            WrongAnswer('answer_3 = "ACDG"', "optimum-onnx"),
            WrongAnswer('answer_3 = "ADEG"', "does to PyPI"),
            WrongAnswer('answer_3 = ["A", "D", "F", "G"]', "a floor leaves the choice"),
            WrongAnswer('answer_3 = "AD"', "Command G"),
            WrongAnswer("answer_3 = {'A': True, 'D': True}", "as a text"),
        ),
        praise="Index, extra and version are three separate questions, and pip answers each of them to the letter.",
    ),
]
