"""An exercise as a chapter calls it: verdicts, what is remembered, and random numbers left alone."""

import pytest
import torch
import torch.nn.functional as F

from lenet_book import checks
from lenet_book.checks.exercise import EXERCISES, exercise
from lenet_book.convolution import cross_correlate2d


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


def test_a_chapter_without_exercises_is_refused():
    for chapter, kind in ((0, ValueError), (16, ValueError), ("1", TypeError)):
        with pytest.raises(kind, match=repr(chapter)):
            checks.solved(chapter)


def test_the_page_s_random_numbers_stay_as_they_are():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    checks.correlate_by_weights(lambda image, kernel: torch.rand(3, 3))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_what_the_page_has_switched_off_is_on_for_the_answer(off):
    def module(x, w1, w3, w5):
        kernels = [w1, w3, w5]
        paths = [F.relu(F.conv2d(x, w, padding=w.shape[-1] // 2)) for w in kernels]
        return torch.cat([*paths, F.max_pool2d(x, 3, 1, 1)], 1)

    with off():
        assert checks.naive_inception(module, remember=False)
        assert not torch.is_grad_enabled()


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


def test_what_a_wrong_answer_prints_is_shown_but_not_all_of_it():
    def talks(image, kernel):
        print("<b>", tuple(image.shape))
        return image
    verdict = checks.correlate_by_weights(talks)
    assert repr(verdict).splitlines()[1] == "| <b> (4, 4)"
    assert "<code>&lt;b&gt; (4, 4)</code>" in verdict._repr_html_()

    def chatters(image, kernel):
        print("x\n" * 100)
        return image
    assert repr(checks.correlate_by_weights(chatters)).count("\n") == 9


def test_a_right_answer_that_prints_is_right_and_nothing_is_shown(capsys):
    def talks(image, kernel, target):
        print(image)
        return kernel_gradient(image, kernel, target)

    def kernel_gradient(image, kernel, target):
        y = torch.zeros(target.shape)  # float32 on the page
        y += 2 * (cross_correlate2d(image, kernel) - target) / target.numel()
        return torch.nn.functional.conv2d(image[None, None], y[None, None])[0, 0]
    said = repr(checks.kernel_gradient(talks))
    assert said.startswith("right: ") and "\n" not in said
    assert capsys.readouterr().out == ""
    assert torch.get_default_dtype() == torch.float32
