"""An exercise as a chapter calls it: verdicts, what is remembered, and random numbers left alone."""

import torch

from lenet_book import checks
from lenet_book.checks.exercise import EXERCISES, exercise


def test_a_verdict_is_true_where_the_answer_is_right_and_shows_why():
    right, wrong, stub = map(checks.convolution_by_hand, (8, 6, ...))
    assert right and not wrong and not stub
    assert repr(right) == f"right: {right.reason}"
    assert repr(wrong) == "not yet: that is the cross-correlation; turn the kernel by half a turn first"
    assert repr(stub) == "not yet: replace the dots"


def test_what_a_learner_wrote_is_escaped():
    html = checks.convolution_by_hand("<script>alert(1)</script>")._repr_html_()
    assert "&lt;script&gt;" in html and "<script" not in html


def test_what_is_solved_is_remembered_but_not_what_the_book_solves():
    assert repr(checks.solved(1)) == "solved: none yet; to do: 1, 2, 3, 4, 5"
    checks.convolution_by_hand(8, remember=False)
    checks.convolution_by_hand(6)
    assert repr(checks.solved(1)) == "solved: none yet; to do: 1, 2, 3, 4, 5"
    checks.convolution_by_hand(8)
    checks.convolution_by_hand(6)  # tried out afterwards
    assert repr(checks.solved(1)) == "solved: 1; to do: 2, 3, 4, 5"


def test_the_page_s_random_numbers_stay_as_they_are():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    checks.correlate_by_weights(lambda image, kernel: torch.rand(3, 3))
    assert torch.equal(torch.rand(3), expected)


def test_an_answer_that_nobody_thought_of_is_one_sentence_too():
    class Strange:
        def __repr__(self):
            raise RuntimeError("no")

    @exercise(chapter=99, number=1, level="easy", minutes=1)
    def broken(answer):
        return answer.missing
    del EXERCISES["broken"]
    for value in (Strange(), 3, "a"):
        verdict = broken(value)
        assert not verdict and "cannot be an answer here (AttributeError" in verdict.reason
    assert broken(1, 2, 3).reason == "hand over answer, 1 in all, not 3"


def test_numbers_of_exercises_are_unique():
    places = [(each.chapter, each.number) for each in checks.EXERCISES.values()]
    assert len(set(places)) == len(places)
