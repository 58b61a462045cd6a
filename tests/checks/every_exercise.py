"""What is asked of the checks of each chapter; a chapter's test file brings the answers.

RIGHT: {exercise: answers, each a tuple of what its check is called with}. WRONG: {exercise: (words of
the reason, *answer)}. EQUAL: {exercise: {mutant: why it is a right answer too}}.
"""

import re

from solutions import page_for, prose, solutions, stubs, survivors

from lenet_book import checks

__all__ = ["test_a_wrong_answer_is_told_its_error", "test_every_exercise_has_its_answers",
           "test_mutants_of_the_solution_are_caught", "test_right_answers_pass",
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
    assert re.search(rf"^\*About .*and {whole} for the exercises", text, re.MULTILINE)


def test_right_answers_pass(right):
    name, answer = right
    verdict = checks.EXERCISES[name](*answer)
    assert verdict, verdict


def test_a_wrong_answer_is_told_its_error(wrong):
    name, words, answer = wrong
    verdict = checks.EXERCISES[name](*answer)
    assert not verdict
    assert words in verdict.reason


def test_mutants_of_the_solution_are_caught(answers, name, monkeypatch):
    monkeypatch.setattr(checks.Exercise, "seconds", 3)  # a busy machine is slow
    source = solutions(answers.CHAPTER)[name]
    assert {*survivors(source, page_for(answers.CHAPTER, source))} == {*answers.EQUAL.get(name, {})}
