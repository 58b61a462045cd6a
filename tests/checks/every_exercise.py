"""What is asked of the checks of each chapter; a chapter's test file brings the answers.

RIGHT: {exercise: answers, each a tuple of what its check is called with}. WRONG: {exercise: (words of
the reason, *answer)}. EQUAL: {exercise: {what a mutant has made of a line: why it is right, too}}.
"""

import re

import torch
from solutions import mutants, page_for, prose, solutions, stubs, survivors
from wrong_values import OTHER_KINDS

from lenet_book import checks

__all__ = ["test_a_wrong_answer_is_told_its_error", "test_every_exercise_has_its_answers",
           "test_mutants_of_the_solution_are_caught", "test_right_answers_pass",
           "test_strange_things_are_refused_in_one_sentence",
           "test_the_page_says_how_hard_and_how_long"]
HEAD = re.compile(r"^\*\*(\d+)\. [^*]+\*\* \((easy|medium|hard), (\d+) minutes?\)", re.MULTILINE)


def test_every_exercise_has_its_answers(answers):
    names = {each.name for each in checks.EXERCISES.values() if each.chapter == answers.CHAPTER}
    assert set(answers.RIGHT) == set(answers.WRONG) == names
    assert set(stubs(answers.CHAPTER)) == set(solutions(answers.CHAPTER)) == names
    assert min(map(len, answers.RIGHT.values())) >= 3
    assert min(map(len, answers.WRONG.values())) >= 10


def test_the_page_says_how_hard_and_how_long(answers):
    text = prose(answers.CHAPTER)
    heads = [(int(number), level, int(minutes)) for number, level, minutes in HEAD.findall(text)]
    assert [number for number, _, _ in heads] == list(range(1, len(heads) + 1))
    checked = [(each.number, each.level, each.minutes) for each in checks.solved(answers.CHAPTER)]
    assert set(checked) < set(heads)  # at least one has no code and no check
    whole = sum(minutes for _, _, minutes in heads)
    assert re.search(rf"^\*About .*and {whole}( more)? for the exercises", text, re.MULTILINE)


def test_right_answers_pass(right):
    name, answer = right
    verdict = checks.EXERCISES[name](*answer)
    assert verdict, verdict


def test_a_wrong_answer_is_told_its_error(wrong):
    name, words, answer = wrong
    verdict = checks.EXERCISES[name](*answer)
    assert not verdict
    assert words in verdict.reason


STRANGE = {**{kind: make() for kind, make in OTHER_KINDS.items()},
           "what takes nothing": lambda: 1, "what gives its first argument": lambda *given: given[0],
           "what gives text": lambda *given: "<b>", "what gives a generator": lambda *given: iter([1]),
           "what gives None": lambda *given: print(given), "what gives True": lambda *given: True,
           "what gives a list": lambda *given: [1, 2], "what raises": lambda *given: given[99],
           "what gives numbers that are none": lambda *given: torch.full((3, 3), torch.nan)}


def test_strange_things_are_refused_in_one_sentence(answers, name, monkeypatch):
    monkeypatch.setattr(checks.Exercise, "seconds", 2)
    good = answers.RIGHT[name][0]
    for place in range(len(good)):
        for kind, strange in STRANGE.items():
            verdict = checks.EXERCISES[name](*good[:place], strange, *good[place + 1:])
            assert not verdict or any(str(strange) == str(each[place])
                                      for each in answers.RIGHT[name]), f"{kind}: {verdict}"
            assert "\n" not in verdict.reason and len(verdict.reason) < 500, verdict
            assert "cannot be an answer here" not in verdict.reason, f"{kind}: {verdict}"


def test_mutants_of_the_solution_are_caught(answers, name, monkeypatch):
    source, equal = solutions(answers.CHAPTER)[name], {*answers.EQUAL.get(name, {})}
    every = list(mutants(source))
    assert equal <= {new for _, new, _ in every}
    page = page_for(answers.CHAPTER, source)
    monkeypatch.setattr(checks.Exercise, "seconds", 3)  # some never end
    assert [(old, new) for old, new in survivors(source, every, page) if new not in equal] == []
