"""Numbers and places in words, and the colours of numbers on the sheet."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import ImageColor

from lenet_book.demos.sheet import Sheet
from lenet_book.demos.words import moved, number, signed, span
from lenet_book.plots import PALE


@pytest.mark.parametrize(("written", "expected"), [
    (number(1.006), "1.01"), (number(-0.5), "−0.50"), (number(-0.004), "0.00"), (number(-3, 0), "−3"),
    (signed(1.2), "+ 1.20"), (signed(-0.53), "− 0.53"), (signed(-0.004), "+ 0.00"),
    (moved(2, -1), "2 right, 1 up"), (moved(-3, 0), "3 left"), (moved(0, 4), "4 down"),
    (moved(0, 0), ""),
    (span("row", range(4, 18)), "rows 4 to 17"), (span("column", range(-1, 0)), "column -1"),
    (span("row", range(0, 9, 4)), "rows 0 to 8")])
def test_words(written, expected):
    assert written == expected


@given(arrays.arrays(float, arrays.array_shapes(min_dims=2, max_dims=2, max_side=6),
                     elements=st.floats(-1, 1) | st.just(float("nan"))))
def test_a_map_has_the_colour_of_each_number_in_its_square(values):
    for reach in (None, 1.0):
        sheet = Sheet(80, 80)
        sheet.image(values, 10, 5, 10 * values.shape[1], reach)
        squares = sheet.pixels[5:5 + 10 * values.shape[0], 10:10 + 10 * values.shape[1]].astype(int)
        assert np.array_equal(squares, squares[5::10, 5::10].repeat(10, 0).repeat(10, 1))
        for value, colour in zip(values.flat, squares[5::10, 5::10].reshape(-1, 3), strict=True):
            if np.isnan(value):
                assert tuple(colour) == ImageColor.getrgb(PALE)
            elif not reach:
                assert abs(colour - 255 * (1 - max(value, 0))).max() <= 1
            elif abs(value) > 0.05:  # orange above zero, violet below
                assert (colour[0] > colour[2]) == (value > 0)
            else:
                assert colour.min() > 225
