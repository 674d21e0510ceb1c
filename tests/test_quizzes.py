"""The questions after each lesson: how a file is read, what is refused, and what a lesson shows of them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from helpers import quizzes
from helpers.course.registry import Course
from helpers.quizzes import Option, Question

REASON = "Here are five words, or more."
OPTIONS = (Option("Four.", False, REASON), Option("Three.", True, REASON), Option("A long way more.", False, REASON))


def question(place: int = 1, **changes: object) -> Question:
    """A good question, whose right option stands in this place."""
    wrong_ones = [OPTIONS[0], OPTIONS[2]]
    good = Question("00", f"How many, {place}?", (*wrong_ones[:place], OPTIONS[1], *wrong_ones[place:]))
    return replace(good, **changes)  # type: ignore[arg-type]


GOOD = (question(0), question(1), question(2))


def with_option(**changes: object) -> Question:
    return question(options=(*OPTIONS[:2], replace(OPTIONS[2], **changes)))  # type: ignore[arg-type]


def write(folder: Path, text: str) -> Path:
    file = folder / "quizzes.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_good_questions_have_no_fault() -> None:
    assert quizzes.faults(GOOD, ["00"]) == []


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        (with_option(right=True), "2 right answers"),
        (question(options=tuple(replace(option, right=False) for option in OPTIONS)), "0 right answers"),
        (question(options=OPTIONS[:2]), "2 options"),
        (question(options=tuple(Option(f"Number {n}.", n == 0, REASON) for n in range(5))), "5 options"),
        (with_option(because="Because of four words."), "no reason of 5 words"),
        (with_option(text="Four."), "the same option twice"),
        (question(lesson="07"), "lesson 07, which is not there"),
    ],
)
def test_a_planted_fault_is_named(planted: Question, words: str) -> None:
    assert any(words in fault for fault in quizzes.faults((GOOD[0], planted, GOOD[2]), ["00"]))


def test_a_lesson_with_too_few_or_too_many_questions_is_named() -> None:
    assert quizzes.faults(GOOD[:2], ["00"]) == ["lesson 00 has 2 questions (3 is the bar)"]
    assert quizzes.faults((*GOOD, question()), ["00"]) == ["lesson 00 has 4 questions (3 is the bar)"]
    assert quizzes.faults(GOOD, ["00", "01"]) == ["lesson 01 has 0 questions (3 is the bar)"]


def test_no_question_and_no_lesson_do_not_pass() -> None:
    assert quizzes.faults((), ["00"]) == ["lesson 00 has 0 questions (3 is the bar)"]
    assert quizzes.faults(GOOD, []) == ["there is no lesson to ask about"]


def test_answers_that_can_be_guessed_are_named() -> None:
    assert quizzes.faults((question(1),) * 3, ["00"]) == ["lesson 00 has each of its right answers in the same place"]
    wordy = tuple(
        replace(one, options=tuple(replace(option, text=option.text + " Indeed it is." * option.right) for option in one.options))
        for one in GOOD[:2]
    )
    [fault] = quizzes.faults((*wordy, GOOD[2]), ["00"])
    assert "the right answer is the longest one" in fault


def test_a_lesson_shows_each_option_as_a_disclosure_with_its_verdict_in_words() -> None:
    shown = quizzes.cell([question(asks="Is `a < b` *so*?", options=(Option("`a < b` & <b>", True, "As `b > a` says."), *OPTIONS))])
    assert shown.startswith(f"{quizzes.HEADING}\n\n{quizzes.INVITATION}\n\n**1. Is `a < b` *so*?**\n\n<details>")
    first = "<summary>A.&nbsp;<code>a &lt; b</code> &amp; &lt;b&gt;</summary>Right. As <code>b &gt; a</code> says."
    assert first in shown and "<summary>B.&nbsp;Four.</summary>Not quite. Here are" in shown
    assert shown.endswith("</details><br>")
    # An empty line would end the block of HTML, and what follows would be Markdown.
    assert "\n\n" not in shown[shown.index("<details>") :]


def test_a_cell_without_questions_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one Question, got none"):
        quizzes.cell([])


def test_a_file_is_read_in_order_and_a_missing_one_holds_nothing(small_course: Course) -> None:
    found = quizzes.read(small_course.quizzes)
    assert [one.asks[-2] for one in quizzes.of_lesson(found, "01")] == ["1", "2", "3"]
    assert [[option.right for option in one.options].index(True) for one in found[:3]] == [1, 0, 2]
    assert quizzes.read(small_course.root / "nowhere.toml") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[question]", "is not valid TOML"),
        ('[[question]]\nlesson = "00"\nasks = "x"\n', "question 1 must have lesson, asks and a list of options: 'options'"),
        ('[[question]]\nlesson = 0\nasks = "x"\noptions = []\n', "lesson must be a string"),
        ('[[question]]\nlesson = "00"\nasks = " "\noptions = []\n', "asks must be a string that holds more"),
        ('[[question]]\nlesson = "00"\nasks = "x"\noptions = [{ right = "y" }]\n', "an option must have right or wrong, and because"),
        ('[[question]]\nlesson = "00"\nasks = "x"\noptions = [{ right = "y", wrong = "z", because = "b" }]\n', "right or wrong"),
    ],
)
def test_a_malformed_file_is_refused_in_words(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        quizzes.read(write(tmp_path, text))


# The course's own


def test_every_place_holds_about_its_share_of_the_right_answers(course: Course) -> None:
    places = [[option.right for option in one.options].index(True) for one in quizzes.read(course.quizzes)]
    assert all(places.count(place) >= len(places) / 5 for place in range(3))


def test_the_quizzes_hold_nothing_that_a_page_would_take_for_something_else(course: Course) -> None:
    """Formulas, links and emphasis: an option stands in HTML, where Markdown means nothing, and a dollar sign starts a formula."""
    for one in quizzes.read(course.quizzes):
        for text in [one.asks, *(part for option in one.options for part in (option.text, option.because))]:
            assert not re.search(r"\$|\*|\]\(|\n|<", re.sub(r"`[^`]*`", "", text)), text
            assert text.count("`") % 2 == 0, text
