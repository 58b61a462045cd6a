"""Curves go through their numbers, and intervals stand where theirs are."""

import numpy as np
import pytest

from lenet_book import plots


def test_curves_go_through_their_values_and_look_different():
    curves = {"a": [0.0, 0.5], "b": [0.2, 0.1], "c": [1.0, 1.0], "d": [0.0]}
    picture = plots.curves({"shift": ([0, 3], {**curves, "none": []})}, "change")
    axis, = picture.axes
    assert [line.get_ydata().tolist() for line in axis.lines] == list(curves.values())
    assert [line.get_xdata().tolist() for line in axis.lines] == [[0, 3]] * 3 + [[0]]
    assert len({(line.get_marker(), line.get_linestyle()) for line in axis.lines}) == 4
    assert axis.lines[0].get_linewidth() > axis.lines[1].get_linewidth()  # seen beneath another
    assert (axis.get_xlabel(), axis.get_ylabel(), axis.get_ylim()[0]) == ("shift", "change", 0)
    assert [text.get_text() for text in picture.legends[0].texts] == list(curves)
    assert picture.alt == ("change against shift: a from 0 to 0.5, b from 0.2 to 0.1, c from 1 to 1, "
                           "d from 0 to 0")
    peak = plots.curves({"layer": (["a", "b", "c"], {"e": [0.0, 0.3, 0.1]})}, "share")
    assert peak.alt == "share against layer: e from 0 by way of 0.3 to 0.1"


def test_charts_share_the_vertical_axis_and_the_styles():
    picture = plots.curves({"shift": ([0, 2], {"a": [0, 1], "b": [1, 1]}),
                            "turn": ([0, 9], {"b": [0, 8]})}, "error")
    left, right = picture.axes
    assert left.get_ylim() == right.get_ylim() and left.get_ylim()[0] == 0 and left.get_ylim()[1] >= 8
    assert right.lines[0].get_xydata().tolist() == [[0, 0], [9, 8]]
    assert right.lines[0].get_color() == left.lines[1].get_color()
    assert [axis.get_xlabel() for axis in picture.axes] == ["shift", "turn"]


@pytest.mark.parametrize(("values", "some", "others"), [
    ([0.3, 0.02, 0], ["0.02", "0.05", "0.1"], ["0"]), ([1e-4, 1e-2, 3], ["0.0001", "0.01"], ["0.002"]),
    ([1e-9, 1e-2, 3], [r"$\mathdefault{10^{-8}}$", r"$\mathdefault{10^{0}}$"], ["1e-08", "1"])])
def test_a_logarithmic_axis_has_numbers_and_names_below_it(values, some, others):
    picture = plots.curves({"layer": (["c1", "c3", "f6"], {"a": values})}, "size", log=True)
    picture.draw_without_rendering()
    axis, = picture.axes
    assert axis.get_yscale() == "log"
    assert axis.lines[0].get_ydata().tolist() == values
    assert [label.get_text() for label in axis.get_xticklabels()] == ["c1", "c3", "f6"]
    written = {label.get_text() for label in axis.get_yticklabels()}
    assert written >= set(some) and not written & set(others)
    assert axis.yaxis.get_transform().transform([0.0]) == -np.inf  # no place, so nothing is drawn


def test_nothing_but_0_is_drawn_on_an_axis_that_has_0():
    axis, = plots.curves({"epoch": ([1, 2], {"a": [0.0, 0.0]})}, "error", log=True).axes
    assert axis.get_yscale() == "linear" and axis.get_ylim()[0] == 0


def test_intervals_stand_where_their_numbers_are():
    picture = plots.intervals({"a": ([1, 2, 6], 0.5, 5.5), "b": ([3, 4], 2, 5)}, "error, %")
    axis, = picture.axes
    drawn = [(line.get_xdata().tolist(), set(line.get_ydata())) for line in axis.lines]
    assert drawn == [([0.5, 5.5], {0}), ([1, 2, 6], {0}), ([3.0], {0}),
                     ([2, 5], {1}), ([3, 4], {1}), ([3.5], {1})]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first row is on top
    assert "a 3.00 (0.50 to 5.50); b 3.50 (2.00 to 5.00)" in picture.alt


def test_equal_values_of_a_row_stand_one_above_the_other():
    axis, = plots.intervals({"a": ([2, 3, 2, 2], 2, 3), "b": ([2], 1, 3)}, "error").axes
    rings = [[*zip(*line.get_data(), strict=True)] for line in axis.lines if line.get_marker() == "o"]
    assert rings == [[(2, 0), (3, 0), (2, -0.2), (2, -0.4)], [(2, 1)]]
