"""The demo of chapter 5 against a walk back through the layers, unit by unit."""

import re

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import ImageColor

from lenet_book import demos
from lenet_book.demos.receptive_field import LAYERS, STACKS, Stack, paint
from lenet_book.demos.sheet import Sheet
from lenet_book.plots import BLUE, RED

LEFT, TOP, CELL = 36, 58, 12  # pixels of the picture: the input, and one pixel of it
CONV, PADDED, STRIDED, DILATED, FIVE, ONE, POOL = LAYERS
SIZES = {  # by hand: kernel, stride, padding, dilation
    CONV: (3, 1, 0, 1), PADDED: (3, 1, 1, 1), STRIDED: (3, 2, 0, 1), DILATED: (3, 1, 0, 2),
    FIVE: (5, 1, 0, 1), ONE: (1, 1, 0, 1), POOL: (2, 2, 0, 1)}


@pytest.fixture(scope="module")
def demo():
    with demos.receptive_field() as demo:
        yield demo


def painted(layers, row, column):
    sheet = Sheet(840, 460)
    words = paint(sheet, Stack(layers), "your own", CONV, row, column, measured=True)
    return words, sheet.pixels.astype(int)


def build(demo, layers, row=0, column=0, measured=False):
    put = {"stack": "empty", "measured": measured}
    for name, value in put.items():
        demo.controls[name].value = value
    for layer in layers:
        add(demo, layer)
    demo.controls["row"].value, demo.controls["column"].value = row, column


def add(demo, layer):
    demo.controls["layer"].value = layer
    demo.controls["add"].click()


def units_after(layers, size=32):
    """Rows of units after each layer; those from the first that does not fit are left out."""
    sizes = [size]
    for layer in layers:
        k, s, p, d = SIZES[layer]
        room = sizes[-1] + 2 * p - (d * (k - 1) + 1)
        if room < 0:
            break
        sizes.append(room // s + 1)
    return sizes


def walk(unit, layers):
    """The rows of the input that a row of units of the last layer depends on."""
    seen = {unit}
    sizes = units_after(layers)
    for layer, size in zip(reversed(layers), reversed(sizes[:-1]), strict=True):
        k, s, p, d = SIZES[layer]
        seen = {u * s - p + i * d for u in seen for i in range(k)} & set(range(size))
    return sorted(seen)


def pixels(demo):
    return demo._sheet.pixels.astype(int)


def is_colour(pixel, colour):
    return tuple(pixel) == ImageColor.getrgb(colour)


def spans(words):
    """All that the sentence says of rows and columns: [(first, last), ...]."""
    return [(int(a), int(b or a)) for a, b in
            re.findall(r"(?:rows?|columns?) (\d+)(?: to (\d+))?", words)]


@st.composite
def stacks(draw):
    layers = draw(st.lists(st.sampled_from(list(LAYERS)), min_size=1, max_size=8))
    layers = layers[:len(units_after(layers)) - 1]
    last = st.integers(0, units_after(layers)[-1] - 1)
    return layers, draw(last), draw(last)


def test_it_knows_the_layers():
    assert LAYERS == SIZES


@settings(max_examples=25)
@example(([DILATED] * 3, 19, 7))
@example(([PADDED] * 8, 0, 31))
@example(([POOL, POOL, POOL, PADDED, PADDED], 3, 0))
@example(([POOL, STRIDED, PADDED, PADDED], 6, 6))
@given(stacks())
def test_sentence_and_picture_against_the_walk(setting):
    layers, row, column = setting
    words, picture = painted(layers, row, column)
    rows, columns = walk(row, layers), walk(column, layers)
    down, across = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    ends = [(rows[0], rows[-1]), (columns[0], columns[-1])]
    assert spans(words) == [(row, row), (column, column), *ends, *ends]
    assert f"{down} × {across} pixels" in words
    count = len(rows) * len(columns)
    assert re.search(rf"not zero at {count:,} pixels?,", words)
    assert (f"it reads {count:,} of the {down * across:,}" in words) == (count < down * across)
    jump, size = 1, 1  # by the formula of the chapter, for an endless image
    for k, s, _, d in map(SIZES.get, layers):
        size, jump = size + d * (k - 1) * jump, jump * s
    padding = re.search(r"its field has (\d+) × \1, the rest is padding", words)
    assert bool(padding) == ((down, across) != (size, size))
    assert not padding or int(padding[1]) == size

    middles = picture[TOP + CELL // 2:TOP + 32 * CELL:CELL, LEFT + CELL // 2:LEFT + 32 * CELL:CELL]
    tinted = middles[..., 0] - middles[..., 2] > 20  # orange has little blue, ink and paper no colour
    expected = np.zeros((32, 32), bool)
    expected[np.ix_(rows, columns)] = True
    assert np.array_equal(tinted, expected)
    top, left = TOP + CELL * rows[0], LEFT + CELL * columns[0]
    for corner in ((top, left), (top + CELL * down - 1, left + CELL * across - 1)):
        assert is_colour(picture[corner], BLUE)
    assert not is_colour(picture[top - 1, left + CELL // 2], BLUE)
    assert not is_colour(picture[top + CELL // 2, left - 1], BLUE)


def test_the_chapters_unit_of_c3():
    with demos.receptive_field() as demo:
        assert demo.value == (
            "The unit in row 2 and column 3 of layer 3 (conv 5×5) sees rows 4 to 17 and columns 6 to "
            "19 of the input, 14 × 14 pixels. With conv 3×3 on top: output 8 × 8, size 18, jump 2.")
        without = pixels(demo)
        demo.controls["measured"].value = True
        assert "at 196 pixels" in demo.value and "counts 25 times as much" in demo.value
        assert (without != pixels(demo)).any()


def test_the_neighbour_is_one_jump_further(demo):
    build(demo, [FIVE, POOL, FIVE], 2, 3)
    picture = pixels(demo)
    right = LEFT + CELL * (6 + 14 + 2) - 1  # its last column of pixels: two beyond the unit's own
    column = picture[TOP + CELL * 4:TOP + CELL * 18, right]
    assert 0.3 < np.mean([is_colour(pixel, RED) for pixel in column]) < 0.7  # dashed
    assert not any(is_colour(p, RED) for p in picture[TOP:, right + 1][:32 * CELL])


def test_the_table_has_a_line_for_each_layer(monkeypatch):
    lines = {}
    monkeypatch.setattr(Sheet, "text", lambda self, x, y, text, *_, **__: (
        lines.setdefault(y, []).append(str(text)) if x > 440 else None))
    paint(Sheet(840, 460), Stack(STACKS["LeNet-5 to C5"]), "LeNet-5 to C5", CONV, 0, 0, False)
    table = [line[-5:] for line in lines.values() if len(line) >= 5]
    assert table == [["layer", "output", "size", "jump", "start"],
                     ["input", "32 × 32", "1", "1", "0"], [FIVE, "28 × 28", "5", "1", "2"],
                     [POOL, "14 × 14", "6", "2", "2.5"], [FIVE, "10 × 10", "14", "2", "6.5"],
                     [POOL, "5 × 5", "16", "4", "7.5"], [FIVE, "1 × 1", "32", "4", "15.5"],
                     [CONV, "no room", "", "", ""]]


def test_what_add_would_put_on_top_is_told_before_and_true_afterwards(demo):
    for layer in (CONV, POOL, PADDED, FIVE):
        demo.controls["layer"].value = layer
        told = re.search(r"With (.*) on top: output (\d+) × \d+, size (\d+), jump (\d+)", demo.value)
        assert told[1] == layer
        demo.controls["add"].click()
        units, size, jump = map(int, told.groups()[1:])
        assert demo.controls["row"].max == units - 1
        windows = []
        for row in (0, 1):  # neighbours in the middle, where no padding is read
            demo.controls["row"].value = units // 2 + row
            first, last = map(int, re.search(r"sees rows (\d+) to (\d+)", demo.value).groups())
            windows.append((first, last))
        assert windows[1][0] - windows[0][0] == jump and windows[0][1] - windows[0][0] + 1 == size
        if layer == PADDED:
            break


def test_without_layers_a_unit_is_a_pixel(demo):
    build(demo, [], 31, 7, measured=True)
    assert "row 31 and column 7 sees itself alone, 1 × 1 pixels. " in demo.value
    assert "not zero at 1 pixel, in row 31 and column 7." in demo.value
    assert is_colour(pixels(demo)[TOP + CELL * 31 + 1, LEFT + CELL * 7 + 1], BLUE)
    redraws = demo.redraws
    demo.controls["remove"].click()
    assert "sees itself alone" in demo.value and demo.redraws == redraws + 1


def test_a_layer_that_does_not_fit_is_refused_with_the_numbers(demo):
    build(demo, [POOL] * 3)  # 4 x 4 units
    redraws, before = demo.redraws, demo.value
    add(demo, FIVE)
    assert demo.redraws == redraws + 2  # the choice of the layer, and the button
    assert demo.value.startswith(before.split(" With ")[0])
    assert f"Not added: {FIVE}, because kernel 5 does not fit into size 4" in demo.value
    assert "4 + 2*0 - 5 < 0" in demo.value and demo.controls["row"].max == 3
    demo.controls["row"].value = 1
    assert "Not added" not in demo.value
    add(demo, CONV)
    assert "layer 4" in demo.value and demo.controls["row"].max == demo.controls["column"].max == 1


def test_there_is_room_for_eight_layers(demo):
    build(demo, [PADDED] * 8)
    assert "layer 8" in demo.value and "Not added" not in demo.value
    add(demo, PADDED)
    assert "layer 8" in demo.value and "8 layers are the most" in demo.value
    demo.controls["row"].value = 1
    assert f"There is no room for {PADDED} on top." in demo.value
    demo.controls["remove"].click()
    assert "layer 7" in demo.value and "Not added" not in demo.value


def test_the_name_of_the_stack_stays_true(demo):
    start = demo.controls["stack"]
    start.value = "LeNet-5 to C3"
    for layer, name in ((POOL, "your own"), (FIVE, "LeNet-5 to C5")):
        redraws = demo.redraws
        demo.controls["layer"].value = layer
        demo.controls["add"].click()
        assert start.value == name and demo.redraws <= redraws + 2
    start.value = "your own"
    assert "layer 5" in demo.value  # nothing is lost by choosing it
    demo.controls["remove"].click()
    demo.controls["remove"].click()
    assert start.value == "LeNet-5 to C3"
    start.value = "empty"
    assert "Without layers" in demo.value


def test_it_leaves_the_random_numbers_alone(demo):
    state = torch.get_rng_state()
    build(demo, [CONV, STRIDED, POOL], measured=True)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(("arguments", "message"), [
    ({"stack": "AlexNet"}, "stack must be one of LeNet-5 to C3, .*, not 'AlexNet'"),
    ({"row": 32}, "row must be between 0 and 31, not 32"),
    ({"column": -1}, "column must be between 0 and 31, not -1"),
])
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        demos.receptive_field(**arguments)
