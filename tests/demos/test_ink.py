"""Strokes become a digit such as those of MNIST, wherever, however large and with whatever pen."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lenet_book.demos import draw_digit, ink

paths = st.lists(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6),
                 min_size=1, max_size=4)


@settings(max_examples=60)
@given(paths, st.floats(0.005, 0.4))
@example([[(0.5, 0.5)]], 0.1)                           # a dot
@example([[(0.5, 0.1), (0.5, 0.9)]], 0.01)              # upright, without width
@example([[(0.1, 0.5), (0.9, 0.5)]], 0.3)
@example([[(0, 0)], [(1, 1)]], 0.05)                    # two dots far apart
def test_the_box_of_20(points, thickness):
    strokes = [np.array(stroke).round(4) for stroke in points]
    image = ink.drawn(strokes, thickness).numpy() / 255
    assert image.shape == (28, 28)
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    every = np.concatenate(strokes)
    if np.ptp(every, axis=0).max() > 0:
        assert max(height, width) == ink.BOX
    else:
        assert max(height, width) <= math.ceil(ink.PEN[1])
    for length, first, other in ((height, rows[0], 1), (width, columns[0], 0)):
        centre = np.average(np.arange(28), weights=image.sum(axis=other))
        at_an_edge = first == 0 or first + length == 28
        assert 13.49 <= centre <= 14.51 or at_an_edge  # but for the rounding to 256 steps


@settings(max_examples=40)
@given(paths, st.floats(0.01, 0.3), st.floats(0.02, 1), st.floats(0, 1), st.floats(0, 1))
def test_it_does_not_matter_where_and_how_large(points, thickness, scale, right, down):
    strokes = [np.array(stroke).round(2) for stroke in points]
    elsewhere = [stroke * scale + (right, down) for stroke in strokes]
    here, there = ink.drawn(strokes, thickness).int(), ink.drawn(elsewhere, thickness * scale).int()
    assert (here - there).abs().max() <= 1


@pytest.mark.parametrize(("thickness", "pen"), [(0.001, ink.PEN[0]), (0.125, 20 * 0.125 / 0.925),
                                                (0.5, ink.PEN[1])])
def test_the_pen_stays_as_thick_as_those_of_mnist(thickness, pen):
    """A level line: the ink above each of its points adds up to the pen."""
    image = ink.drawn([np.array([[0.1, 0.5], [0.9, 0.5]])], thickness).double() / 255
    columns = image.sum(dim=0)
    assert columns[columns > 0][4:-4].numpy() == pytest.approx(pen, abs=0.05)


def test_the_ink_is_where_the_path_is():
    """Against every pixel's distance from a dense row of dots on the path, worked out one by one."""
    stroke = np.array([[0.0, 0.0], [1.0, 0.0], [0.4, 1.0]])  # a seven; pen 1.7, 18.3 pixels across
    image = ink.drawn([stroke], 0.01).numpy()
    dots = 0.85 + 18.3 * np.concatenate([np.linspace(a, b, 2000) for a, b in (stroke[:2], stroke[1:])])
    top, left = np.argwhere(image.any(axis=1))[0, 0], np.argwhere(image.any(axis=0))[0, 0]
    for row, column in np.ndindex(20, 20):
        distance = np.hypot(*(dots - (column + 0.5, row + 0.5)).T).min()
        expected = 255 * min(max(0.85 - distance + 0.5, 0), 1)
        assert image[top + row, left + column] == pytest.approx(expected, abs=6)


def test_strokes_are_checked_and_may_have_many_points():
    """As many as there may be, all over the canvas."""
    strokes = [np.random.default_rng(0).random(2 * ink.MOST_POINTS).tolist()]
    image = ink.drawn(ink.checked(strokes), 0.02)
    assert (image > 0).sum() > 390  # the box is full of ink, but for its corners
    with pytest.raises(ValueError, match="must be at least 0 and at most 1, not 2"):
        draw_digit([[0.1, 2]])
