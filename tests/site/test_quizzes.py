"""Questions of the teacher's pages: each is answered, and not by the look of its options."""

import re

import pytest
from book import PAGES, read, shown, teachers_page

OPTION = re.compile(r"\(([a-d])\) (.*?)[.,]?(?= \([a-d]\) |$)")


def questions(nodes):
    """What a numbered list asks, and what another between <details> and </details> answers."""
    found = {"asked": [], "answered": []}
    kind = "asked"
    for node in nodes:
        if node.type == "html_block" and "details>" in node.content:
            kind = "answered" if "<details>" in node.content else "asked"
        elif node.type == "ordered_list":
            found[kind] += map(shown, node.children)
    return found["asked"], found["answered"]


def choices(quiz):
    """Of each question that has options: (letter -> option, the letter that is right)."""
    return [(dict(OPTION.findall(asked)), answer[0])
            for asked, answer in zip(*questions(quiz), strict=True) if "(a) " in asked]


def of_length(extreme, options):
    """The letters of the longest options (extreme: max) or of the shortest (min): one or more."""
    length = extreme(map(len, options.values()))
    return [letter for letter, option in options.items() if len(option) == length]


@pytest.mark.parametrize(("section", "fewest", "most"), [("Board questions", 3, 5), ("Quiz", 10, 10)])
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_each_question_has_its_folded_answer(path, section, fewest, most):
    asked, answered = map(len, questions(teachers_page(path).sections[section]))
    assert fewest <= asked == answered <= most


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_question_has_four_options_that_differ_and_its_answer_is_one_of_them(path):
    for options, right in choices(teachers_page(path).sections["Quiz"]):
        assert [*options] == [*"abcd"] and right in options
        assert len(set(options.values())) == 4


def test_neither_the_length_nor_the_letter_of_an_option_gives_the_answer_away():
    """A guess is right once in four times; who always takes the longest should do little better."""
    asked = [pair for path in PAGES for pair in choices(teachers_page(path).sections["Quiz"])]
    for extreme in (max, min):
        guesses = [(of_length(extreme, options), right) for options, right in asked]
        hits = sum((right in letters) / len(letters) for letters, right in guesses)
        assert hits < len(asked) / 2, f"the {extreme.__name__} is right in {hits:.0f} of {len(asked)}"
    for letter in "abcd":
        count = sum(right == letter for _, right in asked)
        assert 0.15 < count / len(asked) < 0.35, f"{letter} is right in {count} of {len(asked)}"


QUIZ = """## Quiz

1. How many?
2. Which one?
   (a) This. (b) That, since
   it is so. (c) Another. (d) None.

<details><summary>Answers</summary>

1. **4.** Two and two.
2. **c.** By (a) and
   (b) it cannot be.

</details>
"""


def test_the_options_of_a_question_are_found_and_the_longest_among_them():
    (options, right), = choices(read("a page", QUIZ).sections["Quiz"])
    assert options == {"a": "This", "b": "That, since it is so", "c": "Another", "d": "None"}
    assert right == "c" and of_length(max, options) == ["b"]
    assert of_length(min, {"a": "x", "b": "two", "c": "y"}) == ["a", "c"]
