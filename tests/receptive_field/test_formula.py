"""The recursion, worked out by hand."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lenet_book.receptive_field import ReceptiveField


@pytest.mark.parametrize(("windows", "expected"), [
    ([], (1, 1, 0)),                                 # the input sees itself
    ([(3,), (3,)], (5, 1, 2)),                       # two 3 x 3 see what one 5 x 5 sees
    ([(3,), (3,), (3,)], (7, 1, 3)),
    ([(3, 1, 1), (3, 1, 1)], (5, 1, 0)),             # "same" padding: the centre stays put
    ([(3, 1, 0, 2)], (5, 1, 2)),                     # dilation 2 spreads 3 taps over 5 pixels
    ([(3, 1, 0, 2), (3, 1, 0, 3)], (11, 1, 5)),
    ([(2, 2)], (2, 2, 0.5)),                         # the centre lies between pixels 0 and 1
    ([(2, 2), (2, 2)], (4, 4, 1.5)),
    ([(2, 2), (3,)], (6, 2, 2.5)),                   # the kernel counts twice after stride 2
    ([(5,), (2, 2), (5,)], (14, 2, 6.5)),            # C3 of LeNet-5
    ([(5,), (2, 2), (5,), (2, 2), (5,)], (32, 4, 15.5)),
    ([(3, 2, 1), (3, 2, 1)], (7, 4, 0)),
    ([(7, 2, 3), (3, 2, 1)], (11, 4, 0)),
    ([(1, 3)], (1, 3, 0)),                           # a stride that leaves pixels out
    ([(5, 1, 4)], (5, 1, -2)),                       # full padding: unit 0 ends at pixel 0
])
def test_the_recursion(windows, expected):
    field = ReceptiveField()
    for window in windows:
        field = field.then(*window)
    assert field == ReceptiveField(*expected)


fields = st.builds(
    lambda size, jump, first: ReceptiveField(size, jump, first + (size - 1) / 2),
    st.integers(1, 9), st.integers(0, 4), st.integers(-8, 3))


@given(fields, st.integers(1, 12), st.integers(1, 8))
@example(ReceptiveField(1, 1, 9), 5, 5)  # beyond the image
@example(ReceptiveField(1, 3, -9), 5, 5)
def test_from_unit_to_pixel_and_back(field, input_size, output_size):
    pixels, units = list(range(input_size)), list(range(output_size))
    for unit in units:
        middle, window = field.start + unit * field.jump, field.window(unit, input_size)
        assert pixels[window.start:window.stop] == list(window) == [
            pixel for pixel in pixels if abs(pixel - middle) <= (field.size - 1) / 2]
    for pixel in pixels:
        seeing = field.units_seeing(pixel, output_size)
        assert units[seeing.start:seeing.stop] == list(seeing) == [
            unit for unit in units if pixel in field.window(unit, input_size)]


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ReceptiveField(2, 1, 0), "size=2.*begins within a pixel"),
    (lambda: ReceptiveField(3, 1, 0.5), "size=3.*begins within a pixel"),
    (lambda: ReceptiveField(1, 1, float("nan")), "start must be finite, not nan"),
    (lambda: ReceptiveField().then(3, stride=0), "stride must be at least 1, not 0"),
    (lambda: ReceptiveField().then(3, padding=-1), "padding must be at least 0, not -1"),
    (lambda: ReceptiveField().window(-1, 5), "unit must be from 0 to 2,147,483,648, not -1"),
    (lambda: ReceptiveField().window(2**31 + 1, 5), "unit must be from 0 to .*, not 2147483649"),
    (lambda: ReceptiveField().window(0, 0), "input_size must be at least 1, not 0"),
    (lambda: ReceptiveField().units_seeing(-1, 5), "pixel must be at least 0, not -1"),
])
def test_numbers_that_cannot_be(call, message):
    with pytest.raises(ValueError, match=message):
        call()
