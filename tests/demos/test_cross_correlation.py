"""The demo of chapter 1 against scipy's correlation and convolution."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import DIGITS, FIRSTS, Recorder, cells

from lenet_book import demos
from lenet_book.demos.cross_correlation import KERNELS, compute, limits, paint, parse, say
from lenet_book.demos.words import number
from lenet_book.plots import BLUE

IMAGES = ["a small matrix", *(f"digit {digit}" for digit in range(10))]


@st.composite
def settings_of_the_demo(draw):
    h, w = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    weight = st.integers(-99, 99) | st.integers(-400, 400).map(lambda quarter: quarter / 4 * 0.99)
    kernel = draw(st.lists(st.lists(weight, min_size=w, max_size=w), min_size=h, max_size=h))
    typed = "; ".join(" ".join(map(repr, row)) for row in kernel)
    numbers = draw(st.sampled_from(list(KERNELS.values())) | st.just(typed))
    values = {"image": draw(st.sampled_from(IMAGES)), "kernel": "typed by you", "numbers": numbers}
    last = limits(**values)
    return values | {"flip": draw(st.booleans()), "row": draw(st.integers(0, last["row"])),
                     "column": draw(st.integers(0, last["column"]))}


def kernel_of(numbers):
    return np.array([[float(word) for word in row.split()] for row in numbers.split(";")])


@given(values=settings_of_the_demo())
@settings(max_examples=60, deadline=None)
def test_the_facts_against_scipy(values):
    from scipy.signal import convolve2d, correlate2d  # takes a second
    facts = compute(**values)
    image, kernel = facts.image.double().numpy(), kernel_of(values["numbers"])
    expected = (convolve2d if values["flip"] else correlate2d)(image, kernel, mode="valid")
    np.testing.assert_allclose(facts.result, expected, atol=1e-3)
    row, column = values["row"], values["column"]
    assert limits(**values) == dict(zip(("row", "column"), np.array(expected.shape) - 1, strict=True))
    assert facts.value == pytest.approx(expected[row, column], abs=1e-3)
    assert facts.products.sum().item() == pytest.approx(facts.value, abs=1e-3)
    torch.testing.assert_close(facts.products, facts.window * facts.kernel)
    assert np.array_equal(facts.window, facts.image[row:row + len(kernel),
                                                    column:column + kernel.shape[1]])
    assert facts.symmetric == np.array_equal(kernel, kernel[::-1, ::-1])
    so_far = facts.so_far.flatten()
    done = row * expected.shape[1] + column + 1
    assert torch.equal(so_far[:done], facts.result.flatten()[:done]) and so_far[done:].isnan().all()


@given(values=settings_of_the_demo())
@settings(max_examples=30, deadline=None)
def test_picture_and_sentence_show_the_facts(values):
    facts = compute(**values)
    sheet, words = Recorder(paint, facts), say(facts)
    place = facts.row, facts.column
    for area, shown in zip(sheet.images, [facts.image, facts.window, facts.kernel, facts.products,
                                          facts.so_far], strict=True):
        assert np.array_equal(area.values, shown, equal_nan=True)
    assert cells(sheet.images[0], sheet.outlines, BLUE) == [(*place, *facts.kernel.shape)]
    assert cells(sheet.images[-1], sheet.outlines, BLUE) == [(*place, 1, 1)]
    assert f"= {number(facts.value)}" in sheet.words
    assert words.startswith("Convolution" if facts.flip else "Cross-correlation")
    assert "window at row {}, column {}".format(*place) in words
    assert f" = {number(facts.value)}" in words
    assert words.count("·") == np.count_nonzero(kernel_of(values["numbers"]))
    assert ("Turned or not" in words) == (facts.flip and facts.symmetric)


def test_negative_numbers_are_said_in_brackets_and_whole_ones_without_decimals():
    words = say(compute("a small matrix", "typed by you", "-2.5 2", False, 0, 0))
    assert words.endswith(": (−2.50)·3 + 2·1 = −5.50.")


def test_the_images_are_the_first_of_each_digit():
    for digit, first in enumerate(DIGITS.images[FIRSTS]):
        torch.testing.assert_close(compute(f"digit {digit}", "", "1", False, 0, 0).image, first / 255)


@pytest.mark.parametrize("typed", ["", "one", "1 2; 3", "1 2 3 4", "1; 2; 3; 4", "nan", "100", "1;"])
def test_what_is_no_kernel_is_refused_with_the_reason(typed):
    with pytest.raises(ValueError, match="number") as refused:
        parse(typed)
    facts = compute("digit 7", "typed by you", typed, False, 0, 0)
    assert repr(typed) in facts.problem == str(refused.value) and facts.problem in say(facts)
    assert "this is not a kernel" in Recorder(paint, facts).words
    with pytest.raises(ValueError, match="number"):
        demos.cross_correlation(kernel=typed)


def test_kernel_and_numbers_follow_each_other():
    with demos.cross_correlation("a small matrix", "slope", row=0, column=0) as demo:
        demo.controls["numbers"].value = KERNELS["blur"]
        assert demo.controls["kernel"].value == "blur"
        demo.controls["kernel"].value = "sharpen"
        assert demo.controls["numbers"].value == KERNELS["sharpen"]
        demo.controls["numbers"].value = "1 2"
        assert demo.controls["kernel"].value == "typed by you"
