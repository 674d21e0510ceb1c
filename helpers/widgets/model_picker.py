"""Which models of the catalog are left after each question of lesson 10's decision path, and why the others are out."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers import arguments, catalog, plots
from helpers.catalog import UNCONFIRMED, Model
from helpers.tables import size_text
from helpers.widgets.controls import Checkbox, Choice
from helpers.widgets.markup import paragraph, table
from helpers.widgets.panel import Panel, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ANY = "any"
FREE_LICENSES = ("mit", "apache-2.0")
FREE = "MIT or Apache 2.0, no gate"
ENGLISH, OTHER = "English", "another language"
FORMS = {
    "one vector a text": "SentenceTransformer",
    "weights of words": "SparseEncoder",
    "one vector a token": "MultiVectorEncoder",
    "a score for a pair": "CrossEncoder",
}
LENGTHS = {ANY: 0, "200": 200, "500": 500, "2,000": 2_000, "8,000": 8_000, "30,000": 30_000}
SIZES = {ANY: 0, "100 MiB": 100 * 2**20, "500 MiB": 500 * 2**20, "1 GiB": 2**30, "3 GiB": 3 * 2**30, "16 GiB": 16 * 2**30}
NAMES_IN_WORDS = 6
COLUMNS = ("size_bytes", "max_tokens", "dimensions", "languages", "license")

Answer = bool | None
"""Whether a model fits; None where the catalog has no value."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the path: its words, the answer for a model, and the column of the catalog that it rests on."""

    words: str
    answer: Callable[[Model], Answer]
    column: str


@dataclass(frozen=True, slots=True)
class Step:
    """A question, the models left after it, and those that fell out at it."""

    question: Question
    left: tuple[Model, ...]
    fallen: tuple[Model, ...]


@arguments.typed
def questions(
    form: str, runs: bool, own_code: bool, license: str, language: str, tokens: str, size: str, code: bool = False
) -> list[Question]:
    """The questions that these wishes ask, in the order of the decision path; a wish for "any" asks nothing.

    Args:
        form: A key of FORMS: what the model makes of a text.
        runs: Whether the model has to work with transformers 5.
        own_code: Whether it may bring code of its own.
        license: "any", or "MIT or Apache 2.0, no gate".
        language: "English", or "another language", for which the catalog knows only whether a model is multilingual.
        tokens: A key of LENGTHS.
        size: A key of SIZES: the most that the weights may take in float32.
        code: Whether it has to be trained on program code as well.
    """
    kind = FORMS[arguments.choice(form, "form", FORMS)]
    longest, most = LENGTHS[arguments.choice(tokens, "tokens", LENGTHS)], SIZES[arguments.choice(size, "size", SIZES)]
    free = arguments.choice(license, "license", (ANY, FREE)) == FREE
    other = arguments.choice(language, "language", (ENGLISH, OTHER)) == OTHER
    path = [(True, Question(f"gives {form}", lambda model: model.kind == kind, "kind"))]
    path += [(runs, Question("works with transformers 5", lambda model: model.transformers_5.value, "transformers_5"))]
    path += [(not own_code, Question("no code of its own", lambda model: _negated(model.trust_remote_code.value), "trust_remote_code"))]
    path += [(free, Question("MIT or Apache license", lambda model: _among(model.license.value, FREE_LICENSES), "license"))]
    path += [(free, Question("no gate", lambda model: _negated(model.gated.value), "gated"))]
    path += [(not other, Question("reads English", lambda model: _holds(model.languages.value, "English", "multilingual"), "languages"))]
    path += [(other, Question("multilingual", lambda model: _holds(model.languages.value, "multilingual"), "languages"))]
    path += [(longest > 0, Question(f"reads {tokens} tokens", lambda model: _at_least(model.max_tokens.value, longest), "max_tokens"))]
    path += [(most > 0, Question(f"weights up to {size}", lambda model: _at_most(model.size_bytes.value, most), "size_bytes"))]
    path += [(code, Question("trained on code", lambda model: model.code.value, "code"))]
    return [question for asked, question in path if asked]


def walk(models: Sequence[Model], path: Sequence[Question], unknown_fits: bool = False) -> list[Step]:
    """The models left after each question. What the catalog does not know counts as no, or as yes with `unknown_fits`."""
    left = [arguments.instance(model, f"models[{index}]", Model) for index, model in enumerate(_listed(models, "models"))]
    doubt, steps = arguments.boolean(unknown_fits, "unknown_fits"), []
    for index, question in enumerate(_listed(path, "path")):
        answers = [arguments.instance(question, f"path[{index}]", Question).answer(model) for model in left]
        fits = [doubt if answer is None else answer for answer in answers]
        fallen = tuple(model for model, yes in zip(left, fits, strict=True) if not yes)
        left = [model for model, yes in zip(left, fits, strict=True) if yes]
        steps.append(Step(question, tuple(left), fallen))
    return steps


class ModelPicker(Panel):
    """Wishes on top, the models that are left below, best published score first.

    Args:
        names: Models of the catalog to choose among; None: all of them.
        benchmark: The published figure to sort by at first, one of `catalog.benchmarks()`.
    """

    title = "Models that are left"

    def __init__(self, names: Sequence[str] | None = None, benchmark: str = "NanoBEIR") -> None:
        chosen = catalog.models() if names is None else [catalog.get(name) for name in arguments.texts(names, "names")]
        self._models = tuple({model.id: model for model in chosen}.values())
        self._sources = {source.key: source for source in catalog.sources()}
        arguments.choice(benchmark, "benchmark", catalog.benchmarks())
        super().__init__(
            [
                Choice("form", "A text becomes", "one vector a text", tuple(FORMS)),
                Choice("language", "Texts in", ENGLISH, (ENGLISH, OTHER)),
                Choice("tokens", "Tokens of the longest text", "500", tuple(LENGTHS)),
                Choice("size", "Weights in float32, at most", "500 MiB", tuple(SIZES)),
                Choice("license", "License", FREE, (ANY, FREE)),
                Choice("benchmark", "Sort by", benchmark, catalog.benchmarks()),
                Checkbox("runs", "works with transformers 5", True),
                Checkbox("own_code", "may bring code of its own", False),
                Checkbox("code", "trained on program code", False),
                Checkbox("unknown_fits", "where the catalog has no value, count that as yes", False),
            ]
        )

    def view(self, **values: Any) -> View:
        """The models that are left, with their scores, and at which question the others fell out."""
        steps = self._steps(**values)
        left = _sorted(steps[-1].left, values["benchmark"])
        html = self._table_of_models(left, values["benchmark"]) + _table_of_steps(self._models, steps)
        return View(self._words(left, steps, values), html)

    def picture(self, **values: Any) -> "Figure":
        """A bar for each question: the models left after it, and the names of the last ones."""
        steps = self._steps(**values)
        counts, asked = [len(self._models), *(len(step.left) for step in steps)], [step.question.words for step in steps]
        figure = plots.bars(counts, ["asked about", *asked], decimals=0, title="Models left after each question")
        names = ", ".join(model.name for model in _sorted(steps[-1].left, values["benchmark"])) or "none"
        figure.axes[0].set_xlabel(textwrap.fill(f"Left: {names}", 80))
        return figure

    def _steps(self, unknown_fits: bool, benchmark: str, **wishes: Any) -> list[Step]:
        return walk(self._models, questions(**wishes), unknown_fits)

    def _table_of_models(self, left: Sequence[Model], benchmark: str) -> str:
        if not left:
            return ""
        facts = catalog.table([model.id for model in left], COLUMNS)
        keys = list(dict.fromkeys(score.source for model in left for score in model.scores if score.benchmark == benchmark))
        scores = [_score(model, benchmark, with_source=len(keys) > 1) for model in left]
        rows = [(name, score, *figures) for (name, *figures), score in zip(facts.rows, scores, strict=True)]
        named = "; ".join(f"{key}: {self._sources[key].title}" for key in keys)
        note = (
            f"Source of the column {benchmark}: {named}." if keys else f"None of them has a published figure on {benchmark} in the catalog."
        )
        caption = f"Left, by {benchmark} (more is better)"
        return table(("Model", benchmark, *facts.headers[1:]), rows, caption) + paragraph(note)

    def _words(self, left: Sequence[Model], steps: Sequence[Step], values: dict[str, Any]) -> str:
        doubtful = {model.id for model in walk(self._models, questions(**_wishes(values)), True)[-1].left} - {model.id for model in left}
        unknown = f" {len(doubtful)} more may fit: the catalog has no value, and that counts as no." if doubtful else ""
        if not left:
            hardest = next(step for step in steps if not step.left)
            return f"No model is left: the last ones fell out at “{hardest.question.words}”.{unknown}"
        names = ", ".join(model.name for model in left[:NAMES_IN_WORDS])
        more = f" and {len(left) - NAMES_IN_WORDS} more" if len(left) > NAMES_IN_WORDS else ""
        begin = f"{len(left)} of {len(self._models)} models {'is' if len(left) == 1 else 'are'} left: {names}{more}."
        best = left[0].score(values["benchmark"])
        leads = f" None of them has a published figure on {values['benchmark']}."
        if best is not None:
            leads = f" By {values['benchmark']}, {left[0].name} leads with {best:,.2f}."
        return begin + leads + unknown


def _wishes(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in ("unknown_fits", "benchmark")}


def _sorted(models: Sequence[Model], benchmark: str) -> list[Model]:
    """Best published figure first, those without one at the end, in the order of the catalog."""
    return sorted(models, key=lambda model: -(model.score(benchmark) or 0.0))


def _score(model: Model, benchmark: str, *, with_source: bool) -> str:
    found = next((score for score in model.scores if score.benchmark == benchmark), None)
    return "no figure" if found is None else f"{found.value:,.6g}" + (f" [{found.source}]" if with_source else "")


def _table_of_steps(models: Sequence[Model], steps: Sequence[Step]) -> str:
    rows = [("asked about", str(len(models)), "")]
    rows += [
        (step.question.words, str(len(step.left)), ", ".join(_reason(model, step.question) for model in step.fallen)) for step in steps
    ]
    return table(("Question", "Left", "Fell out here, and what the catalog says"), rows, "Question by question")


def _reason(model: Model, question: Question) -> str:
    if question.answer(model) is None:
        return f"{model.name} ({UNCONFIRMED})"
    if question.column == "size_bytes":
        return f"{model.name} ({size_text(model.size_bytes.value)})"
    if question.column in ("max_tokens", "languages", "license"):
        return f"{model.name} ({getattr(model, question.column).value})"
    return model.name


def _listed(value: Any, name: str) -> Sequence[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise arguments.wrong_type(name, value, f"a list of {'models of the catalog' if name == 'models' else 'questions'}")
    return value


def _negated(value: Answer) -> Answer:
    return None if value is None else not value


def _among(value: str | None, accepted: tuple[str, ...]) -> Answer:
    return None if value is None else value in accepted


def _holds(value: str | None, *words: str) -> Answer:
    return None if value is None else any(word in value for word in words)


def _at_least(value: int | str | None, least: int) -> Answer:
    return None if value is None else value == "unlimited" or int(value) >= least


def _at_most(value: int | None, most: int) -> Answer:
    return None if value is None else value <= most
