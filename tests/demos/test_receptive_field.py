"""The demo of chapter 5 against a walk from the unit back through the layers to the input."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recorder import Recorder, cells, changed, shape

from lenet_book import demos
from lenet_book.demos.receptive_field import LAYERS, STACKS, compute, paint, say
from lenet_book.demos.words import span
from lenet_book.plots import BLUE, ORANGE, RED

CONV, PADDED, STRIDED, DILATED, FIVE, ONE, POOL = LAYERS
SIZES = {  # by hand: kernel, stride, padding, dilation
    CONV: (3, 1, 0, 1), PADDED: (3, 1, 1, 1), STRIDED: (3, 2, 0, 1), DILATED: (3, 1, 0, 2),
    FIVE: (5, 1, 0, 1), ONE: (1, 1, 0, 1), POOL: (2, 2, 0, 1)}


@pytest.fixture
def demo():
    with demos.receptive_field("empty", 0, 0) as demo:
        yield demo


def add(demo, *layers):
    for layer in layers:
        demo.controls["layer"].value = layer
        demo.controls["add"].click()


def units_after(layers):
    """Rows of units after each layer; those from the first that does not fit are left out."""
    sizes = [32]
    for k, s, p, d in map(SIZES.get, layers):
        room = sizes[-1] + 2 * p - (d * (k - 1) + 1)
        if room < 0:
            break
        sizes.append(room // s + 1)
    return sizes


def walk(unit, layers):
    """The rows of the input that a row of units of the last layer depends on."""
    seen, sizes = {unit}, units_after(layers)
    for layer, size in zip(reversed(layers), reversed(sizes[:-1]), strict=True):
        k, s, p, d = SIZES[layer]
        seen = {u * s - p + i * d for u in seen for i in range(k)} & set(range(size))
    return sorted(seen)


def hull(pixels):
    return range(pixels[0], pixels[-1] + 1)


@st.composite
def stacks(draw):
    layers = draw(st.lists(st.sampled_from(list(LAYERS)), max_size=8))
    layers = layers[:len(units_after(layers)) - 1]
    last = st.integers(0, units_after(layers)[-1] - 1)
    return tuple(layers), draw(last), draw(last)


@settings(max_examples=40, deadline=None)
@example(((), 31, 7), ONE)
@example((STACKS["LeNet-5 to C5"], 0, 0), CONV)
@example(((DILATED,) * 3, 19, 7), CONV)
@example(((PADDED,) * 8, 0, 31), CONV)
@example(((POOL, POOL, POOL, PADDED, PADDED), 3, 0), FIVE)
@example(((POOL, STRIDED, PADDED, PADDED), 6, 6), POOL)
@given(stacks(), st.sampled_from(list(LAYERS)))
def test_facts_picture_and_sentence_against_the_walk(setting, layer):
    layers, row, column = setting
    facts, units = compute(layers, layer, row, column, True), units_after(layers)
    rows, columns = walk(row, layers), walk(column, layers)
    assert facts.units == tuple(units)
    assert facts.window == (hull(rows), hull(columns))
    expected = np.zeros((32, 32), bool)
    expected[np.ix_(rows, columns)] = True
    assert np.array_equal(facts.gradient > 0, expected) and facts.read == expected.sum()
    jump, size, start = 1, 1, 0.0  # by the formula of the chapter, for an endless image
    for (k, s, p, d), field in zip(map(SIZES.get, layers), facts.fields[1:], strict=True):
        size, start, jump = size + d * (k - 1) * jump, start + (d * (k - 1) / 2 - p) * jump, jump * s
        assert (field.size, field.jump, field.start) == (size, jump, start)
    assert facts.neighbour == (column + 1 if column + 1 < units[-1] else column - 1 if column else None)
    beside = []
    if facts.neighbour is not None:
        assert facts.neighbours_window == (hull(rows), hull(walk(facts.neighbour, layers)))
        beside = [(rows[0], facts.neighbours_window[1][0], *map(len, facts.neighbours_window))]
    after = units_after((*layers, layer))
    fits = len(after) > len(units) and len(layers) < 8
    assert bool(facts.more) == (not facts.why_not) == fits
    if fits:  # what is said of one more layer is true once it is there
        one_more = compute((*layers, layer), layer, 0, 0, False)
        assert facts.more == (after[-1], one_more.fields[-1])

    sheet, words = Recorder(paint, facts), say(facts)
    digit, last = sheet.pasted[0], sheet.grids[0]
    assert cells(digit, sheet.outlines, BLUE) == [(rows[0], columns[0], *map(len, facts.window))]
    assert cells(digit, sheet.outlines, RED, True) == beside
    pixels = digit.pixels.astype(int)  # orange has little blue, ink and paper no colour
    assert np.array_equal(pixels[..., 0] - pixels[..., 2] > 20, expected)
    assert shape(last) == (units[-1], units[-1])
    assert cells(last, sheet.fills, BLUE) == [(row, column, 1, 1)]
    assert sheet.fills[-1].colour == ORANGE and f"unit ({row}, {column})" in sheet.words
    assert ("its neighbour" in sheet.words) == bool(beside)
    assert (f"Unit ({row}, {column}) of layer {len(layers)} " if layers else
            f"the one in row {row} and column {column} sees") in words
    assert not layers or " and ".join(map(span, ("row", "column"), facts.window)) in words
    assert f"Measured: {facts.read:,} pixel" in words
    assert ("there are gaps" in words) == (facts.read < len(facts.window[0]) * len(facts.window[1]))
    assert ("the rest is padding" in words) == (tuple(map(len, facts.window)) != (size, size))
    assert (f"No room for {layer} on top: " in words) != fits
    on_top = f"With {layer} on top: output {after[-1]} × {after[-1]}, size"
    assert (on_top in say(changed(facts, measured=False))) == fits and on_top not in words


def test_the_table_has_a_line_for_each_layer_and_the_gradient_is_shown_where_it_is_asked_for():
    assert LAYERS == SIZES
    sheet = Recorder(paint, compute(STACKS["LeNet-5 to C5"], CONV, 0, 0, False))
    assert not np.ptp(sheet.pasted[0].pixels, axis=-1).any()  # ink and paper alone
    assert "what moves the unit" not in sheet.words
    words = sheet.words
    begin = words.index("layer") - 1
    table = [words[i:i + 6] for i in range(begin, begin + 6 * 8, 6)]
    assert table == [["", "layer", "output", "size", "jump", "start"],
                     ["", "input", "32×32", "1", "1", "0"], ["1", FIVE, "28×28", "5", "1", "2"],
                     ["2", POOL, "14×14", "6", "2", "2.5"], ["3", FIVE, "10×10", "14", "2", "6.5"],
                     ["4", POOL, "5×5", "16", "4", "7.5"], ["5", FIVE, "1×1", "32", "4", "15.5"],
                     ["+", CONV, "no room", "", "", ""]]


def test_the_chapters_unit_of_c3():
    with demos.receptive_field() as demo:
        assert demo.value == (
            "Unit (2, 3) of layer 3 (conv 5×5) sees rows 4 to 17 and columns 6 to 19 of the input, "
            "14 × 14 pixels. With conv 3×3 on top: output 8 × 8, size 18, jump 2.")
        demo.controls["measured"].value = True
        assert demo.value.endswith(", 14 × 14 pixels. Measured: 196 pixels move it, the strongest 25 "
                                   "times as much as the weakest.")


def test_the_answer_is_what_the_unit_sees_and_the_numbers_of_its_field_and_of_the_next():
    for layers, numbers in ((STACKS["LeNet-5 to C3"], ["14", "2", "6.5", "18", "2", "8.5"]),
                            ((PADDED,) * 8, ["17", "1", "0"])):
        sheet = Recorder(paint, compute(layers, CONV, 0, 0, True))
        digit, covered = sheet.answers
        assert (digit.x, digit.y, digit.width, digit.height) == (
            sheet.pasted[0].x, sheet.pasted[0].y, 256, 256)
        assert numbers == [str(text.words) for text in sheet.texts if
                           0 < text.x - covered.x < covered.width and
                           0 < text.y - covered.y < covered.height]


def test_a_layer_that_has_no_room_changes_nothing_and_is_said_why(demo):
    add(demo, POOL, POOL, POOL)  # 4 x 4 units
    demo.controls["layer"].value = FIVE
    before = demo.facts
    assert before.why_not == "kernel 5 does not fit into size 4 with padding 0"
    assert demo.value.endswith(f". No room for {FIVE} on top: {before.why_not}; add a smaller one.")
    words = Recorder(paint, before).words
    assert words[words.index("+") + 1:][:2] == [FIVE, "no room"]
    demo.controls["add"].click()
    assert demo.facts.layers == (POOL, POOL, POOL) and demo.facts.why_not == before.why_not
    demo.controls["layer"].value = DILATED
    assert "kernel 3 with dilation 2 (reach 5) does not fit into size 4 with padding" in demo.value
    add(demo, CONV)
    assert demo.facts.units[-1] == 2 and demo.controls["row"].max == demo.controls["column"].max == 1


def test_there_is_room_for_eight_layers(demo):
    add(demo, *[PADDED] * 8)
    assert len(demo.facts.layers) == 8
    assert demo.value.endswith(f" No room for {PADDED} on top: 8 layers are the most; remove one.")
    add(demo, PADDED)
    assert len(demo.facts.layers) == 8
    demo.controls["remove"].click()
    assert len(demo.facts.layers) == 7 and not demo.facts.why_not


def test_the_name_of_the_stack_stays_true(demo):
    start = demo.controls["stack"]
    demo.controls["remove"].click()
    assert demo.facts.layers == () and start.value == "empty"
    start.value = "LeNet-5 to C3"
    for layer, name in ((POOL, "your own"), (FIVE, "LeNet-5 to C5")):
        add(demo, layer)
        assert start.value == name
    start.value = "your own"
    assert demo.facts.layers == STACKS["LeNet-5 to C5"]  # nothing is lost by choosing it
    demo.controls["remove"].click()
    demo.controls["remove"].click()
    assert start.value == "LeNet-5 to C3"
    start.value = "empty"
    assert demo.facts.layers == ()
