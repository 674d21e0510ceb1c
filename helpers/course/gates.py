"""The gates: what every lesson must keep, as plain functions over notebooks and files.

Each gate takes what it looks at and returns a list of faults, each one sentence; an empty list means that nothing is wrong.
A gate that finds nothing to look at says that as a fault: nothing passes because nothing was found. tests/test_gates.py
plants a fault for every gate.
"""

import ast
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from urllib.parse import unquote

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from helpers import arguments, quizzes
from helpers.course import build, registry
from helpers.course.registry import Course, Lesson

NOT_COMPARED = {"nbval-ignore-output", "nbval-skip"}
CODE_CELLS = (12, 35)
EXERCISES = (2, 4)
OBJECTIVES = (3, 6)
MEDIAN_LINES, P95_LINES = 4, 20
LINE_WIDTH = 110  # what JupyterLab shows beside its file browser without scrolling sideways
COMPARED_SHARE, NOT_COMPARED_SHARE = 0.5, 0.08
WORDS_A_CODE_CELL = (45, 70)
DEPRECATED = re.compile(
    r"get_sentence_embedding_dimension|get_word_embedding_dimension|sentence_transformers\.models\b|sentence_transformers\.quantization\b|"
    r"sentence_transformers\.(?:losses|evaluation|similarity_functions|trainer|training_args)\b|encode_multi_process|"
    r"pooling_mode_\w+_tokens?|word_embedding_dimension|tokenizer_kwargs|truncate_sentence_embeddings|torch_dtype|use_auth_token|"
    r"encode\(\s*sentences=|\.tokenize\(|save_to_hub"
)
WARNING = re.compile(r"\b(?:Future|Deprecation|User|Runtime)Warning\b|\bdeprecated\b")
PROGRESS = re.compile(r"\d+%\||it/s\]")
HOME = re.compile(r"/home/\w+|/Users/\w+|/root/|/tmp/|/private/var/|[A-Z]:\\{1,2}Users|site-packages")
LONG_FLOAT = re.compile(r"(?<![\w.])-?\d+\.\d{4,}(?![\w.]|\.\d)")
DATED = re.compile(
    r"\b(?:simply|obviously|recently|nowadays|currently|these days|state[- ]of[- ]the[- ]art|blazing|cutting[- ]edge|as of (?:19|20)\d\d|"
    r"game[- ]chang\w+|powerful|revolutionary|seamless\w*|effortless\w*)\b",
    re.IGNORECASE,
)
BRITISH = re.compile(
    r"\b(?:normalis|tokenis|optimis|summaris|organis|recognis|initialis|quantis|vectoris|serialis|generalis|visualis|categoris|minimis|"
    r"maximis|analys(?=e|ing)|behaviour|colour|favour|neighbour|centre|licence|catalogue|labell|modell|travell)\w*",
    re.IGNORECASE,
)
DEFINED_TERM = re.compile(r"\*\*\*([^*\n]+)\*\*\*")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


# What every gate needs of a notebook


@arguments.typed
def read_notebook(path: Path) -> NotebookNode:
    """A stored notebook."""
    return nbformat.read(path, as_version=4)


@arguments.typed
def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells that hold code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


@arguments.typed
def tags(cell: NotebookNode) -> set[str]:
    """A cell's tags."""
    return set(cell.metadata.get("tags", []))


@arguments.typed
def prose(notebook: NotebookNode) -> str:
    """All Markdown of a notebook."""
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@arguments.typed
def output_text(cell: NotebookNode) -> str:
    """All text of a cell's outputs, without images."""
    found: list[str] = []
    for output in cell.get("outputs", []):
        found.append(output.get("text", ""))
        found += [value for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
        found += output.get("traceback", [])
    return "\n".join("".join(part) for part in found)


def _where(cell: NotebookNode) -> str:
    return repr(cell.source.strip().split("\n")[0][:60])


def _sections(notebook: NotebookNode) -> list[str]:
    return re.findall(r"(?m)^## +(.+?)\s*$", prose(notebook))


def _section(notebook: NotebookNode, heading: str) -> str:
    match = re.search(rf"(?ms)^## +{heading}.*?$(.*?)(?=^## |\Z)", prose(notebook))
    return match.group(1) if match else ""


def _bullets(markdown: str) -> list[str]:
    return re.findall(r"(?m)^(?:-|\*|\d+\.) +(.+)$", markdown)


# Gates over one lesson


@arguments.typed
def runs_in_order(notebook: NotebookNode) -> list[str]:
    """Every code cell ran, once, from top to bottom."""
    cells = code_cells(notebook)
    if not cells:
        return ["there is no code cell"]
    unrun = [cell for cell in cells if cell.get("execution_count") is None]
    if unrun:
        return [f"cell {_where(cell)} has not been run: nbval compares nothing there" for cell in unrun]
    if [cell.execution_count for cell in cells] != list(range(1, len(cells) + 1)):
        return ["execution counts are not 1..n: this is not one run from top to bottom"]
    return []


@arguments.typed
def is_strictly_compared(notebook: NotebookNode) -> list[str]:
    """Effective strictness: enough cells are compared to a non-empty output, few are exempt, each with its reason."""
    cells = code_cells(notebook)
    if not cells:
        return ["there is no code cell"]
    faults = []
    exempt = [cell for cell in cells if tags(cell) & NOT_COMPARED]
    compared = [cell for cell in cells if cell not in exempt and output_text(cell).strip() and cell.get("execution_count")]
    if len(compared) < COMPARED_SHARE * len(cells):
        faults.append(
            f"only {len(compared)} of {len(cells)} code cells are compared to a non-empty output ({COMPARED_SHARE:.0%} is the bar)"
        )
    if len(exempt) > NOT_COMPARED_SHARE * len(cells):
        faults.append(f"{len(exempt)} of {len(cells)} code cells are not compared ({NOT_COMPARED_SHARE:.0%} is the bar)")
    faults += [f"cell {_where(cell)} is not compared and gives no 'reason'" for cell in exempt if not cell.metadata.get("reason")]
    if "NBVAL" in "".join(cell.source for cell in cells):
        faults.append("a test mark stands as a comment that learners see: use a cell tag")
    return faults


@arguments.typed
def has_clean_outputs(notebook: NotebookNode) -> list[str]:
    """No warning, machine path, progress bar, long float or untaught error in an output."""
    if not code_cells(notebook):
        return ["there is no code cell"]
    faults = []
    for cell in code_cells(notebook):
        seen, taught = output_text(cell), tags(cell)
        if any(output.output_type == "error" for output in cell.get("outputs", [])) and "raises-exception" not in taught:
            faults.append(f"cell {_where(cell)} ends in an error that it does not teach")
        if (WARNING.search(seen)) and not taught & {"raises-exception", "teaches-deprecated"}:
            faults.append(f"cell {_where(cell)} shows a warning that it does not teach")
        if any(output.get("name") == "stderr" for output in cell.get("outputs", [])) and not taught & {
            "teaches-deprecated",
            "shows-stderr",
        }:
            faults.append(f"cell {_where(cell)} writes to stderr (tag shows-stderr where that is being taught)")
        if PROGRESS.search(seen):
            faults.append(f"cell {_where(cell)} shows a progress bar, whose text no run repeats")
        if found := HOME.search(seen):
            faults.append(f"cell {_where(cell)} shows a path of somebody's machine: {found.group()}")
        if found := LONG_FLOAT.search(seen):
            faults.append(f"cell {_where(cell)} prints more than 3 decimals: {found.group()}")
    return faults


@arguments.typed
def has_text_alternatives(notebook: NotebookNode) -> list[str]:
    """Every picture, in an output or in the prose, says in words what it shows."""
    if not notebook.cells:
        return ["there is no cell"]
    faults = []
    for cell in code_cells(notebook):
        for output in cell.get("outputs", []):
            image = any(kind.startswith("image/") for kind in output.get("data", {}))
            if image and not output.get("metadata", {}).get("image/png", {}).get("alt"):
                faults.append(f"cell {_where(cell)} shows a figure without a text alternative: use plots.show(figure, alternative)")
    text = prose(notebook)
    if re.search(r"!\[\s*\]\(", text) or re.search(r"<img (?![^>]*alt=[\"'][^\"'])", text):
        faults.append("an image in the prose has no text alternative")
    return faults


@arguments.typed
def is_short_and_even(notebook: NotebookNode) -> list[str]:
    """Enough cells, not too many, and short ones."""
    cells = code_cells(notebook)
    faults = []
    if not CODE_CELLS[0] <= len(cells) <= CODE_CELLS[1]:
        faults.append(f"{len(cells)} code cells ({CODE_CELLS[0]} to {CODE_CELLS[1]} is the bar)")
    lengths = sorted(len(cell.source.rstrip().split("\n")) for cell in cells) or [0]
    p95 = lengths[int(len(lengths) * 0.95) - (len(lengths) > 19)]
    if median(lengths) > MEDIAN_LINES or p95 > P95_LINES:
        faults.append(f"code cells are long: median {median(lengths):g} ({MEDIAN_LINES}), 95th percentile {p95} ({P95_LINES}) lines")
    for cell in cells:
        longest = max(cell.source.split("\n"), key=len)
        if len(longest) > LINE_WIDTH:
            faults.append(f"cell {_where(cell)} has a line of {len(longest)} characters ({LINE_WIDTH} is the bar)")
    return faults


@arguments.typed
def uses_current_names(notebook: NotebookNode) -> list[str]:
    """No deprecated name of the library, and no installation, in a cell that does not teach it."""
    if not code_cells(notebook):
        return ["there is no code cell"]
    faults = []
    for cell in code_cells(notebook):
        if "teaches-deprecated" not in tags(cell):
            faults += [f"cell {_where(cell)} uses the deprecated name {name}" for name in sorted(set(DEPRECATED.findall(cell.source)))]
        if re.search(r"(?m)^\s*[!%]\s*(?:pip|conda|uv)\b", cell.source):
            faults.append(f"cell {_where(cell)} installs packages")
    return faults


@arguments.typed
def follows_the_skeleton(notebook: NotebookNode) -> list[str]:
    """Header, objectives, setup, sections, exercises, summary that mirrors the objectives, copy-paste block, quiz, what's next."""
    faults: list[str] = []
    if not notebook.cells:
        return ["there is no cell"]
    say = faults.append
    if tags(notebook.cells[0]) != {"header"}:
        say("the first cell is not the generated header")
    if tags(notebook.cells[-1]) != {"navigation"}:
        say("the last cell is not the generated navigation")
    if not any(tags(cell) == {"quiz"} for cell in notebook.cells[-2:-1]):
        say("the last cell but one is not the generated quiz")
    cells = code_cells(notebook)
    if not cells or "setup" not in tags(cells[0]) or sum("setup" in tags(cell) for cell in cells) != 1:
        say("the first code cell, and no other, must be tagged setup")
    elif "hub.activate()" not in cells[0].source:
        say("the setup cell does not call hub.activate()")
    sections = [heading.lower() for heading in _sections(notebook)]
    objectives, summary = _bullets(_section(notebook, "What you'll be able to do")), _bullets(_section(notebook, "Summary"))
    if not OBJECTIVES[0] <= len(objectives) <= OBJECTIVES[1]:
        say(f"'What you'll be able to do' lists {len(objectives)} objectives ({OBJECTIVES[0]} to {OBJECTIVES[1]} is the bar)")
    if len(summary) != len(objectives):
        say(f"the summary has {len(summary)} items for {len(objectives)} objectives: it must mirror them one by one")
    order = [next((i for i, heading in enumerate(sections) if heading.startswith(start)), -1) for start in _ORDER]
    if -1 in order or order != sorted(order):
        say(f"the sections {', '.join(_ORDER)} are not all there in this order")
    exercises = [cell for cell in cells if "exercise" in tags(cell)]
    if not EXERCISES[0] <= len(exercises) <= EXERCISES[1]:
        say(f"{len(exercises)} exercises ({EXERCISES[0]} to {EXERCISES[1]} is the bar)")
    if sum("copy-paste" in tags(cell) for cell in cells) != 1:
        say("there must be one cell tagged copy-paste")
    if "myth" not in prose(notebook).lower():
        say("no myth is put right")
    return faults


_ORDER = ("what you'll be able to do", "summary", "copy and paste", "check yourself", "what's next")


@arguments.typed
def explains_before_and_after(notebook: NotebookNode) -> list[str]:
    """No run of more than two code cells without a word between them."""
    faults, run = [], 0
    for cell in notebook.cells:
        run = run + 1 if cell.cell_type == "code" else 0
        if run == 3:
            faults.append(f"three code cells in a row without prose, the third is {_where(cell)}")
    return faults if notebook.cells else ["there is no cell"]


@arguments.typed
def is_written_well(notebook: NotebookNode) -> list[str]:
    """American spelling; no word that dates, hypes or belittles."""
    text = re.sub(r"`[^`]*`|<code>.*?</code>", "", prose(notebook))
    if not text.strip():
        return ["there is no prose"]
    faults = [f"the prose says {word!r}" for word in sorted({match.group().lower() for match in DATED.finditer(text)})]
    return faults + [f"British spelling: {word!r}" for word in sorted({match.group().lower() for match in BRITISH.finditer(text)})]


@arguments.typed
def copy_paste_is_self_contained(notebook: NotebookNode) -> list[str]:
    """The copy-paste block parses alone and leans on nothing of the course."""
    blocks = [cell for cell in code_cells(notebook) if "copy-paste" in tags(cell)]
    if not blocks:
        return ["there is no copy-paste block"]
    return [f"the copy-paste block imports {name}" for cell in blocks for name in _imports(cell.source) if name.split(".")[0] == "helpers"]


def _imports(source: str) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return names


LESSON_GATES: tuple[Callable[[NotebookNode], list[str]], ...] = (
    runs_in_order,
    is_strictly_compared,
    has_clean_outputs,
    has_text_alternatives,
    is_short_and_even,
    uses_current_names,
    follows_the_skeleton,
    explains_before_and_after,
    is_written_well,
    copy_paste_is_self_contained,
)


# The cheat sheet is looked up, not read through: it has no objectives, no exercises and no summary of them.
SHEET_GATES: tuple[Callable[[NotebookNode], list[str]], ...] = tuple(
    gate for gate in LESSON_GATES if gate not in (follows_the_skeleton, copy_paste_is_self_contained)
)


@arguments.typed
def sheet_faults(notebook: NotebookNode) -> list[str]:
    """The faults that the gates find that also hold for the cheat sheet."""
    return [fault for gate in SHEET_GATES for fault in gate(notebook)]


@arguments.typed
def lesson_faults(notebook: NotebookNode) -> list[str]:
    """The faults that all gates over one lesson find."""
    return [fault for gate in LESSON_GATES for fault in gate(notebook)]


# Gates over files


@arguments.typed
def notebook_paths(folder: Path) -> list[Path]:
    """The notebooks below a folder, without JupyterLab's checkpoints."""
    return sorted(path for path in Path(folder).rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


@arguments.typed
def every_lesson_is_there(course: Course) -> list[str]:
    """The registry, the sources and the notebooks name the same lessons."""
    wanted, also = {lesson.stem for lesson in course.lessons}, {registry.CHEAT_SHEET.stem}
    notebooks = {path.stem for path in notebook_paths(course.root / "notebooks")}
    sources = {path.stem for path in (course.root / "notebooks" / "source").glob("*.py")}
    faults = [f"notebooks/{stem}.ipynb is missing: run make notebooks" for stem in sorted(wanted - notebooks)]
    faults += [f"notebooks/source/{stem}.py is missing" for stem in sorted(wanted - sources)]
    return faults + [f"{stem} is not in notebooks/course.toml" for stem in sorted((notebooks | sources) - wanted - also)]


@arguments.typed
def source_equals_notebook(course: Course, lesson: Lesson) -> list[str]:
    """The notebook's cells are the source's cells, and the generated ones are as the registry wants them."""
    if missing := _missing(course, lesson):
        return missing
    source, notebook = course.source(lesson).read_text(encoding="utf-8"), read_notebook(course.notebook(lesson))
    wanted = build.source_text(build.refresh_generated_cells(build.read_source(course.source(lesson)), course, lesson))
    faults = []
    if source != wanted:
        faults.append(f"{course.source(lesson).name} is not in its canonical form, or its header, quiz or navigation is out of date")
    if build.source_text(notebook) != source:
        faults.append(f"{course.notebook(lesson).name} and its source differ: run make notebooks LESSON={lesson.number}")
    return faults


@arguments.typed
def is_canonical(course: Course, lesson: Lesson) -> list[str]:
    """The notebook's bytes are the canonical ones."""
    if missing := _missing(course, lesson):
        return missing
    path = course.notebook(lesson)
    if path.read_bytes().decode("utf-8") != build.canonical(read_notebook(path), lesson):
        return [f"{path.name} is not in canonical form: run make notebooks LESSON={lesson.number}"]
    return []


def _missing(course: Course, lesson: Lesson) -> list[str]:
    return [f"{path.name} is missing" for path in (course.source(lesson), course.notebook(lesson)) if not path.is_file()]


@arguments.typed
def prose_keeps_its_measure(notebooks: Iterable[NotebookNode]) -> list[str]:
    """Over the whole course, 45 to 70 words of prose for a code cell."""
    all_notebooks = [arguments.instance(notebook, "notebooks", NotebookNode) for notebook in notebooks]
    cells = sum(len(code_cells(notebook)) for notebook in all_notebooks)
    if not cells:
        return ["there is no code cell in the course"]
    # The quiz is an exercise, not exposition: nobody reads its twenty sentences on the way to the next code cell.
    read = [new_notebook(cells=[cell for cell in notebook.cells if "quiz" not in tags(cell)]) for notebook in all_notebooks]
    words = sum(len(prose(notebook).split()) for notebook in read) / cells
    low, high = WORDS_A_CODE_CELL
    return [] if low <= words <= high else [f"{words:.0f} words of prose a code cell over the course ({low} to {high} is the bar)"]


@arguments.typed
def links_resolve(path: Path) -> list[str]:
    """Every relative link of a notebook or Markdown file leads to a file that is there."""
    text = prose(read_notebook(path)) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    faults = []
    for _, _, link in LINK.findall(re.sub(r"(?ms)^```.*?^```|`[^`\n]*`|<code>[^\n]*?</code>", "", text)):
        file, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = path if not file else path.parent / unquote(file)
        if not target.exists():
            faults.append(f"{path.name} links to {link}, which is not there")
        elif anchor and target.suffix in {".ipynb", ".md"} and anchor.lower() not in _anchors(target):
            faults.append(f"{path.name} links to {link}, but that file has no such heading")
    return faults


def _anchors(path: Path) -> set[str]:
    """The anchors of a file's headings, lower case, as GitHub and as JupyterLab form them."""
    text = prose(read_notebook(path)) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    headings = [heading.strip() for heading in re.findall(r"(?m)^#+ +(.+)$", text)]
    github = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return github | {heading.lower().replace(" ", "-") for heading in headings}


@arguments.typed
def readme_is_current(course: Course) -> list[str]:
    """The README's table of lessons is the registry's."""
    readme = course.root / "README.md"
    if not readme.is_file():
        return ["README.md is missing"]
    text = readme.read_text(encoding="utf-8")
    try:
        return [] if registry.with_table(text, course) == text else ["README.md's table of lessons is out of date: run make notebooks"]
    except ValueError as error:
        return [str(error)]


@arguments.typed
def quizzes_are_complete(course: Course) -> list[str]:
    """Every lesson has its three questions, each with one right option, a reason for each, and nothing that gives the answer away."""
    return quizzes.faults(quizzes.read(course.quizzes), [lesson.number for lesson in course.lessons])


@arguments.typed
def terms_are_defined_once(course: Course) -> list[str]:
    """Each term of the glossary stands as ***term*** in the lesson the registry names, and in no other; no term is left out."""
    if not course.glossary:
        return ["the glossary in course.toml is empty"]
    defined: dict[str, list[str]] = {}
    for lesson in course.lessons:
        if course.notebook(lesson).is_file():
            for term in DEFINED_TERM.findall(prose(read_notebook(course.notebook(lesson)))):
                defined.setdefault(term.lower(), []).append(lesson.number)
    wanted = {term.name.lower(): term.lesson for term in course.glossary}
    faults = [
        f"***{term}*** (lesson {found[0]}) is not in the glossary of course.toml" for term, found in defined.items() if term not in wanted
    ]
    for term, number in wanted.items():
        found = defined.get(term, [])
        if found != [number]:
            faults.append(f"the term {term!r} must be defined as ***{term}*** once, in lesson {number}; found in {found or 'none'}")
    return faults
