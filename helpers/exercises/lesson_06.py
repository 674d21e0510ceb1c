"""Exercises of lesson 06: prompts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers import arguments
from helpers.exercises import Exercise, Wrong, WrongAnswer

START, END = "Instruct: ", "\nQuery:"
FEWEST_WORDS = 4
TASK_WORDS = ("bug", "report", "issue", "ticket", "defect", "duplicate", "problem")
# The first has no title; the last one's text says "none", so that a careless replacement shows.
PAGES = ((None, "Money comes back within five days."), ("Refunds", "Money comes back within five days."), ("Keys", "There are none left."))
SAME = 1e-4
# Gains are compared as people read them: another processor may swap two hits of one question.
TOLERANCE = 0.006


def _check_instruction(answer: Any) -> None:
    if callable(answer) or not isinstance(answer, str):
        raise Wrong(f"The answer is the prompt alone, as text, not {arguments.shown(answer)}.")
    if "{" in answer or "}" in answer:
        raise Wrong("There is a brace in the prompt: put an f before the quotation mark, or write the task out.")
    if "\\n" in answer:
        raise Wrong(
            "The prompt holds a backslash and an n. Inside ordinary quotation marks, \\n is a line break; in a raw string it is not."
        )
    if not answer.startswith(START):
        raise Wrong(f"Qwen3's form starts with {START!r}, with this spelling and one space: print qwen.prompts and compare.")
    if answer.rstrip().endswith("Query:") and answer != answer.rstrip():
        raise Wrong("There is white space after 'Query:'. Qwen3's own prompt has none there, and its tokenizer sees the difference.")
    if END not in answer:
        raise Wrong(f"The task and the query stand on two lines: the prompt ends with {END!r}.")
    if not answer.endswith(END):
        raise Wrong("Something follows 'Query:'. The report itself is no part of the prompt: encode_query adds it.")
    task = answer.removeprefix(START).removesuffix(END)
    if "web search" in task.lower():
        raise Wrong("This is the task that the model carries anyway. Ours is no web search: say what is given and what to find.")
    if len(task.split()) < FEWEST_WORDS or not any(word in task.lower() for word in TASK_WORDS):
        raise Wrong(f"The task reads {task!r}: say in one sentence what is given, a bug report, and what to find.")


def _check_titled(answer: Any, *, model: Any) -> None:
    if not callable(answer):
        raise Wrong(f"The answer is a function of a list of pages, without calling it. It is {arguments.shown(answer)}.")
    vectors = _vectors_of(answer(list(PAGES)), len(PAGES))
    wanted = _encoded(model, "title: {title} | text: {text}")
    if np.allclose(vectors, wanted, atol=SAME):
        return
    for hint, pattern in (
        ("The prompt is there twice: encode_document adds its own to yours.", "title: none | text: title: {title} | text: {text}"),
        ("The titles are missing: encode_document knows none, so it says none for all.", "title: none | text: {text}"),
        ("Only the bare texts arrive: they need the words of EmbeddingGemma's prompt before them.", "{text}"),
        ("There is no space behind 'text:'.", "title: {title} | text:{text}"),
    ):
        if np.allclose(vectors[1:], _encoded(model, pattern)[1:], atol=SAME):
            raise Wrong(f"Look at the texts that reach the model. {hint}")
    if np.allclose(vectors[1:], wanted[1:], atol=SAME):
        raise Wrong("Pages with a title are right. The one without is not: its prompt must say none, in small letters.")
    raise Wrong("The vectors do not fit. Print the texts before you encode them, and compare with gemma.prompts['document'].")


def _encoded(model: Any, pattern: str) -> np.ndarray:
    texts = [pattern.format(title=title or "none", text=text) for title, text in PAGES]
    return np.asarray(model.encode(texts, prompt=""))


def _vectors_of(value: Any, count: int) -> np.ndarray:
    if value is None:
        raise Wrong("The function gave None: it has to return the vectors.")
    try:
        vectors = arguments.matrix(np.asarray(value), "the result")
    except (TypeError, ValueError):
        raise Wrong(f"The function returned {arguments.shown(value)}: return one vector a page, as encode does for a list.") from None
    if len(vectors) != count:
        raise Wrong(f"For {count} pages the function returned {len(vectors)} vectors.")
    return vectors


def _check_split_choice(answer: Any, *, gains: Mapping[str, np.ndarray]) -> None:
    form = "three values: a prompt's name, its mean gain on the odd positions, and on the even ones"
    if isinstance(answer, str):
        raise Wrong(f"The answer is {form}. This is only one text.")
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        raise Wrong(f"The answer is {form}, not {arguments.shown(answer)}.")
    name, *numbers = answer
    if not isinstance(name, str) or name not in gains:
        raise Wrong(f"The first value is one of {', '.join(gains)}, not {arguments.shown(name)}.")
    try:
        there, elsewhere = (arguments.number(number, "gain") for number in numbers)
    except (TypeError, ValueError):
        raise Wrong(
            f"Behind the name stand two numbers, the means of gains[name][1::2] and gains[name][::2], not {arguments.shown(numbers)}."
        ) from None
    odd = {prompt: float(found[1::2].mean()) for prompt, found in gains.items()}
    even = {prompt: float(found[::2].mean()) for prompt, found in gains.items()}
    best = max(odd, key=lambda prompt: odd[prompt])
    if name != best:
        if name == max(even, key=lambda prompt: even[prompt]):
            raise Wrong("That one is best on the even positions [::2]. Choose on the odd ones, [1::2].")
        raise Wrong(f"On the odd positions {name} gains {odd[name]:+.2f}, and another prompt more: use max with the mean as its key.")
    if abs(there - odd[best]) > TOLERANCE and abs(there - even[best]) <= TOLERANCE:
        raise Wrong("The two numbers are in the wrong order: first where the prompt was chosen, [1::2], then the others, [::2].")
    if abs(there - odd[best]) > TOLERANCE:
        raise Wrong(f"Its mean gain where it was chosen is {odd[best]:+.3f}, not {there:+.3f}: slice before you take the mean.")
    if abs(elsewhere - even[best]) > TOLERANCE:
        raise Wrong(f"The last number is the mean over the other questions, [::2], which had no say in the choice. Got {elsewhere:+.3f}.")


EXERCISES = [
    Exercise(
        number="06.1",
        title="Write an instruction",
        question="""
            A developer pastes a new bug report and looks for older reports of the **same bug**. Write the prompt that Qwen3-Embedding
            should get before the new report. Answer with the prompt alone, as text, in the model's own form.
        """,
        check_answer=_check_instruction,
        hints=(
            "Print qwen.prompts['query'] and exchange the sentence about the task. Everything else stays, character by character.",
            "The form is 'Instruct: ', the task, a line break, 'Query:', and nothing behind it.",
            "A task names what is given and what to find: Given a bug report, find ...",
        ),
        solution_code="""
            task = "Given a new bug report, find earlier reports of the same bug"
            answer_1 = f"Instruct: {task}\\nQuery:"
        """,
        wrong_answers=(
            WrongAnswer('answer_1 = "Instruct: Given a bug report, find reports of the same bug\\nQuery: "', "white space after"),
            WrongAnswer('answer_1 = "Instruct: Given a bug report, find reports of the same bug Query:"', "two lines"),
            WrongAnswer('answer_1 = r"Instruct: Given a bug report, find the same bug\\nQuery:"', "raw string"),
            WrongAnswer('answer_1 = "Instruct: {task}\\nQuery:"', "f before"),
            WrongAnswer('answer_1 = "Given a bug report, find reports of the same bug: "', "starts with"),
            WrongAnswer('answer_1 = qwen.prompts["query"]', "no web search"),
            WrongAnswer('answer_1 = "Instruct: Find duplicates of a bug report\\nQuery:The window stays black"', "no part of the prompt"),
            WrongAnswer('answer_1 = "Instruct: search\\nQuery:"', "in one sentence"),
            WrongAnswer('answer_1 = qwen.encode_query("The window stays black")', "as text"),
        ),
        praise="Pass it as prompt= with the new report. The older reports are documents here, and for Qwen3 these stay bare.",
    ),
    Exercise(
        number="06.2",
        title="Give every document its title",
        question="""
            Write a function `encode_pages(pages)` for EmbeddingGemma. `pages` is a list of pairs `(title, text)`; a title may be
            `None`, and then the prompt says `none`, as the model's own does. Return one vector a page. `gemma` is at hand. Answer with
            the function, not with a call.
        """,
        check_answer=_check_titled,
        hints=(
            "prompt= is the same for the whole batch, so the title goes into the texts.",
            "Build the whole text of each page, prompt included, and use the method that adds nothing.",
            "f\"title: {title or 'none'} | text: {text}\" is the text of one page; gemma.encode takes a list of them.",
        ),
        solution_code="""
            def encode_pages(pages):
                return gemma.encode([f"title: {title or 'none'} | text: {text}" for title, text in pages])

            answer_2 = encode_pages
        """,
        wrong_answers=(
            WrongAnswer(
                """
                def answer_2(pages):
                    return gemma.encode_document([f"title: {title or 'none'} | text: {text}" for title, text in pages])
                """,
                "twice",
            ),
            WrongAnswer(
                """
                def answer_2(pages):
                    return gemma.encode([f"title: {title} | text: {text}" for title, text in pages])
                """,
                "small letters",
            ),
            WrongAnswer(
                """
                def answer_2(pages):
                    return gemma.encode_document([text for title, text in pages])
                """,
                "titles are missing",
            ),
            WrongAnswer(
                """
                def answer_2(pages):
                    return gemma.encode([f"title: {title or 'none'} | text:{text}" for title, text in pages])
                """,
                "no space",
            ),
            WrongAnswer(
                """
                def answer_2(pages):
                    return gemma.encode([text for title, text in pages])
                """,
                "bare texts arrive",
            ),
            WrongAnswer(
                """
                def answer_2(pages):
                    return gemma.encode([f"{title or 'none'}: {text}" for title, text in pages])
                """,
                "do not fit",
            ),
            WrongAnswer(
                """
                def answer_2(pages):
                    gemma.encode([f"title: {title or 'none'} | text: {text}" for title, text in pages])
                """,
                "gave None",
            ),
            WrongAnswer("answer_2 = gemma.encode(['title: none | text: a page'])", "is a function"),
        ),
        praise="With a stand-in we can check that the right text arrives. What a title is worth takes the real model and your documents.",
    ),
    Exercise(
        number="06.3",
        title="Choose on one half, check on the other",
        question="""
            `gains[name]` holds one difference in nDCG@10 for each question. Choose the prompt with the **highest mean gain on the
            questions at odd positions** (`[1::2]`), as if they were all we had. What does the same prompt gain on the others
            (`[::2]`)? Answer with three values: `(name, mean gain where it was chosen, mean gain on the others)`.
        """,
        check_answer=_check_split_choice,
        hints=(
            "gains[name][1::2].mean() is the gain of one prompt on the questions at odd positions.",
            "max(gains, key=lambda name: ...) finds the name for which the expression of the hint before is highest.",
            "With the name at hand: (name, gains[name][1::2].mean(), gains[name][::2].mean()).",
        ),
        solution_code="""
            best = max(gains, key=lambda name: gains[name][1::2].mean())
            answer_3 = best, gains[best][1::2].mean(), gains[best][::2].mean()
        """,
        wrong_answers=(
            WrongAnswer("answer_3 = ('Qwen3', gains['Qwen3'][1::2].mean(), gains['Qwen3'][::2].mean())", "another prompt more"),
            WrongAnswer(
                """
                best = max(gains, key=lambda name: gains[name][1::2].mean())
                answer_3 = best, gains[best][::2].mean(), gains[best][1::2].mean()
                """,
                "wrong order",
            ),
            WrongAnswer(
                """
                best = max(gains, key=lambda name: gains[name][1::2].mean())
                answer_3 = best, gains[best][1::2].mean(), gains[best].mean()
                """,
                "no say in the choice",
            ),
            WrongAnswer(
                """
                best = max(gains, key=lambda name: gains[name][1::2].mean())
                answer_3 = best, gains[best].mean(), gains[best][::2].mean()
                """,
                "slice before",
            ),
            WrongAnswer("answer_3 = max(gains, key=lambda name: gains[name][1::2].mean())", "only one text"),
            WrongAnswer(
                """
                best = max(gains, key=lambda name: gains[name][1::2].mean())
                answer_3 = best, gains[best][1::2], gains[best][::2]
                """,
                "two numbers",
            ),
        ),
        praise="It gained where it was chosen and loses elsewhere: the best of several is partly the luckiest. Choose and measure apart.",
    ),
]
