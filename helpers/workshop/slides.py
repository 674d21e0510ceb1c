"""From a stored lesson to its slides, by rule: what stands on a slide and what the speaker says.

Paragraphs become speaker notes; headings, questions, lists, tables, short code with its output, pictures, myths and exercises become
slides. Nothing is chosen by hand, so a lesson that changes changes its slides.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from textwrap import dedent, fill

from nbformat import NotebookNode

from helpers import arguments, exercises
from helpers.course import gates
from helpers.course.registry import Course, Lesson
from helpers.workshop import anatomy
from helpers.workshop.anatomy import Block, Section
from helpers.workshop.layout import Part, shortened
from helpers.workshop.teaching import Hints, Teaching

SHORT_CODE, CODE_BESIDE_PICTURE, CODE_WITHOUT_OUTPUT, LINES_TOGETHER = 14, 6, 20, 20  # lines
OUTPUT_LINES, WIDTH_OF_ERRORS = 14, 90
SENTENCES, LONGEST_LEAD = 2, 320
_SENTENCE_END = re.compile(r"(?<=[.!?])([\"”*)]*)\s+(?=[\"“*`(A-Z0-9])")
_QUESTION = re.compile(r"\?|\b[Pp]redict|\bguess\b|\bGuess\b", re.ASCII)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Slide:
    """One slide. `kind` names its form for the style sheet; `notes` is Markdown for the speaker."""

    kind: str
    heading: str
    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@arguments.typed
def lesson_slides(course: Course, lesson: Lesson, teaching: Teaching) -> list[list[Slide]]:
    """The slides of a lesson as columns: one for the opening, one for each section that teaches, one for summary and farewell."""
    found = anatomy.lesson_sections(course, lesson)
    hints, minutes = teaching.hints.get(lesson.number, Hints()), anatomy.minutes(lesson, found)
    columns = [_opening(course, lesson, found[0], hints)]
    columns += [_section(section, hints, minutes[section.heading]) for section in found if anatomy.is_taught(section)]
    columns.append(_ending(course, lesson, found, hints))
    for column in columns:
        for slide in column:
            slide.notes = [note for note in slide.notes if note.strip()] or [_DEFAULT_NOTES.get(slide.kind, "Take questions.")]
    return columns


_DEFAULT_NOTES = {
    "code": "Give everybody a moment to predict the output before you show it.",
    "picture": "Let the class describe the picture before you do.",
    "verdict": "Ask who has seen this claim in the wild, and where.",
    "structure": "Read it together, line by line.",
}


# Opening and ending


def _opening(course: Course, lesson: Lesson, opening: Section, hints: Hints) -> list[Slide]:
    needs = ", ".join(course.lesson(number).heading for number in lesson.needs) or "nothing but Python"
    about = Part("text", f"{lesson.goal}\n\n{lesson.minutes} minutes · builds on {needs}")
    title = Slide("title", lesson.heading, [about], [f"**Before the lesson.** {hints.prepare}" if hints.prepare else ""])
    title.notes.append("Press S for this window, F for full screen, Esc for an overview, Space for the next slide.")
    columns = [title]
    spoken = iter(opening.blocks)
    hook: list[str] = []
    for block in spoken:
        if block.kind == "list":
            if hook:
                columns.append(Slide("question", "The question", [Part("text", _lead(hook, sentences=4))], hook))
            columns.append(Slide("objectives", anatomy.OBJECTIVES, [_part("list", block.text)], ["Come back to this list at the end."]))
            break
        if block.kind == "prose":
            hook.append(block.text)
    columns[-1].notes += [block.text for block in spoken if block.kind == "prose"]
    return columns


def _ending(course: Course, lesson: Lesson, found: list[Section], hints: Hints) -> list[Slide]:
    column = []
    for section in found:
        if section.heading == anatomy.SUMMARY:
            lists = [_part("list", block.text) for block in section.blocks if block.kind == "list"]
            column.append(
                Slide("summary", anatomy.SUMMARY, lists, ["Let the class say each line in their own words before you show this slide."])
            )
    position = course.lessons.index(lesson)
    after = course.lessons[position + 1] if position + 1 < len(course.lessons) else None
    lines = ["The block to copy, and what to read next, stand at the end of the notebook."]
    if after is not None:
        lines.append(f"Next: **{after.heading}**. {after.goal}")
    beliefs = [f"- {line}" for line in hints.misunderstandings]
    notes = ["If time is left, state these and let the class say what is wrong with them:", "\n".join(beliefs)] if beliefs else []
    column.append(Slide("next", "What's next", [Part("text", "\n\n".join(lines))], notes or ["Take questions."]))
    return column


# A section


def _section(section: Section, hints: Hints, minutes: int) -> list[Slide]:
    """The slides of one section. Prose is spoken while the slide before it is shown, so notes in order are the section's full prose."""
    first = next(iter(section.blocks), None)
    lead = [Part("text", _lead([first.text]))] if first is not None and first.kind == "prose" else []
    column = [Slide("section", section.heading, lead, [_about(section, hints, minutes)])]
    column[0].notes += [f"**Pause and ask:** {pause.ask}" for pause in hints.pause if pause.at == section.heading]
    heading, claim, said = section.heading, "", ""
    for position, block in enumerate(section.blocks):
        if anatomy.is_myth(block):
            column += _verdict(claim, hints)
            claim, said = anatomy.claim_of(block), ""
            column.append(Slide("myth", "Myth or fact?", [Part("text", f"“{claim}”")], ["Let the class vote before you go on."]))
        elif block.kind == "heading":
            column += _verdict(claim, hints)
            claim = ""
            heading, said = block.text, ""
            column.append(Slide("section", heading, [Part("text", _lead([_next_prose(section.blocks, position)]))]))
        elif block.kind == "code" and block.cell is not None:
            column += _code_slides(heading, block.cell, _question(said))
            said = ""
        else:
            if claim and block.kind == "prose" and column[-1].kind != "myth":  # the evidence has been shown
                column += _verdict(claim, hints)
                claim = ""
            if block.kind in ("list", "table", "fence"):
                column.append(Slide("structure", heading, [*_introduction(said), _part(block.kind, block.text)]))
            column[-1].notes.append(block.text)
            said = block.text if block.kind == "prose" else said
    return column + _verdict(claim, hints)


def _verdict(claim: str, hints: Hints) -> list[Slide]:
    """The slide with what a lesson finds about a claim; none where workshop.toml has no word on it."""
    says = hints.verdict(claim)
    return [Slide("verdict", "Verdict", [Part("text", f"The claim: “{claim}”"), Part("text", says)])] if says else []


def _about(section: Section, hints: Hints, minutes: int) -> str:
    told = f"About {minutes} minute{'s' if minutes > 1 else ''}."
    return told + (" May be left out when time is short." if section.heading in hints.leave_out else "")


def _next_prose(blocks: tuple[Block, ...], position: int) -> str:
    return next((block.text for block in blocks[position + 1 :] if block.kind == "prose"), "")


def _introduction(said: str) -> list[Part]:
    """The sentence that leads to a list or a table, as far as the paragraph before it ends in one."""
    sentences = split_sentences(said)
    return [Part("text", sentences[-1])] if sentences and sentences[-1].endswith((":", "?")) else []


# Code and what comes of it


def _code_slides(heading: str, cell: NotebookNode, question: str) -> list[Slide]:
    tags = gates.tags(cell)
    if numbers := anatomy.exercise_numbers(cell.source):
        return [_exercise(number) for number in numbers]
    if tags & {"setup", "exercise", "copy-paste"}:
        return []
    lead = [Part("text", question)] if question else []
    shown = list(_outputs(cell, hidden=bool(question)))
    pictures, texts = [part for part in shown if part.kind == "picture"], [part for part in shown if part.kind != "picture"]
    code = _code(cell, has_text=bool(texts), has_picture=bool(pictures))
    slides = []
    if code or texts:
        slides = _together_or_apart(heading, lead, code, texts)
    for picture in pictures:
        slides.append(Slide("picture", heading, [*([] if slides else lead), picture], [f"In words: {picture.alt}"]))
    return slides


def _together_or_apart(heading: str, lead: list[Part], code: list[Part], texts: list[Part]) -> list[Slide]:
    lines = sum(part.content.count("\n") + 1 for part in [*code, *texts])
    if lines <= LINES_TOGETHER and len(texts) <= 2:
        return [Slide("code", heading, [*lead, *code, *texts])]
    slides = [Slide("code", heading, [*lead, *code])] if code else []
    return slides + [Slide("code", heading, [Part(part.kind, part.content, part.alt)], ["This is what the cell shows."]) for part in texts]


def _code(cell: NotebookNode, *, has_text: bool, has_picture: bool) -> list[Part]:
    """The cell's code: as it is when short, cut when it has more lines, not at all when it draws a picture in many."""
    lines = cell.source.rstrip().count("\n") + 1
    if has_picture and not has_text and lines > CODE_BESIDE_PICTURE:
        return []
    return [Part("code", shortened(cell.source, SHORT_CODE if has_text or has_picture else CODE_WITHOUT_OUTPUT))]


def _outputs(cell: NotebookNode, *, hidden: bool) -> Iterator[Part]:
    text: list[str] = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if output.output_type == "error":
            text.append(fill(f"{output.ename}: {output.evalue}", WIDTH_OF_ERRORS))
        elif "text" in output:
            text.append(output.text.rstrip("\n"))
        elif "image/png" in data:
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            yield Part("picture", "data:image/png;base64," + "".join(data["image/png"].split()), alt=alt)
        elif data.get("text/markdown", "").lstrip().startswith("|"):
            yield Part("table", data["text/markdown"].strip(), hidden=hidden)
        elif "text/plain" in data:
            text.append(data["text/plain"].rstrip("\n"))
    if any(piece.strip() for piece in text):
        yield Part("output", shortened(_ANSI.sub("", "\n".join(text)), OUTPUT_LINES), hidden=hidden)


def _exercise(number: str) -> Slide:
    exercise = exercises.get(number)
    hints = "\n".join(f"{i}. {hint}" for i, hint in enumerate(exercise.hints, start=1))
    notes = ["Hints, which `.hint()` gives one by one:", hints, "A solution:", f"```python\n{clean_code(exercise.solution_code)}\n```"]
    blocks = list(anatomy.markdown_blocks(clean_code(exercise.question)))
    parts = [_part(block.kind, block.text) for block in blocks]
    return Slide("exercise", f"Exercise {number} · {exercise.title}", parts, notes)


@arguments.typed
def clean_code(code: str) -> str:
    """Code or a question of an exercise without the indentation of the file that it stands in."""
    return dedent(code).strip()


# Words


def _part(kind: str, text: str) -> Part:
    if kind == "fence":
        return Part("code", "\n".join(text.split("\n")[1:-1]))
    return Part(kind if kind in ("list", "table") else "text", text)


def _lead(paragraphs: list[str], sentences: int = SENTENCES) -> str:
    """The first sentences of paragraphs, as many as fit a slide, at least one."""
    taken: list[str] = []
    for sentence in split_sentences(" ".join(paragraphs)):
        if taken and (len(taken) == sentences or len(" ".join([*taken, sentence])) > LONGEST_LEAD):
            break
        taken.append(sentence)
    return " ".join(taken)


def _question(said: str) -> str:
    """The questions at the end of what was said before a cell."""
    asked: list[str] = []
    for sentence in reversed(split_sentences(said)):
        if not _QUESTION.search(sentence):
            break
        asked.insert(0, sentence)
    return " ".join(asked[-SENTENCES:])


@arguments.typed
def split_sentences(text: str) -> list[str]:
    """The sentences of a Markdown paragraph, on one line each. Full stops within `code` end nothing."""
    codes: list[str] = []

    def hide(match: re.Match[str]) -> str:
        codes.append(match.group())
        return f"\x00{len(codes) - 1}\x00"

    one_line = " ".join(re.sub(r"`[^`]*`", hide, text).split())
    marked = _SENTENCE_END.sub(lambda match: match.group(1) + "\n", one_line.replace("\x00", "`\x00"))
    sentences = [re.sub(r"`\x00(\d+)`\x00", lambda match: codes[int(match.group(1))], one) for one in marked.split("\n")]
    return [one.strip() for one in sentences if one.strip()]
