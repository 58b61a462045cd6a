"""The demo of chapter 3 against torch's own convolution of the trained net."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageColor

from lenet_book import demos, mnist, models
from lenet_book.demos.channels import limits, paint
from lenet_book.demos.sheet import Sheet
from lenet_book.plots import BLUE

NUMBER = r"−?\d+\.\d\d"
START = {"digit": 0, "output": 7, "maps": 6, "kernel": 5, "row": 6, "column": 4}
INPUT_LEFT, PITCH, INPUT_TOP, PART_TOP, CELL = 112, 91, 32, 194, 6  # pixels of the picture
OUTPUT_LEFT, OUTPUT_TOP, OUTPUT_CELL = 664, 58, 12


@pytest.fixture(scope="module")
def net():
    return models.pretrained("lenet5").requires_grad_(False)


@pytest.fixture(scope="module")
def s2(net):
    """What S2 makes of the first test digit of each class: 10 x 6 x 14 x 14."""
    _, test = mnist.load_mnist()
    first = [int(np.flatnonzero(test.labels.numpy() == digit)[0]) for digit in range(10)]
    return F.relu(F.max_pool2d(net.c1(test[first].inputs(32, "standard")), 2))


@st.composite
def settings_of_the_demo(draw):
    kernel = draw(st.sampled_from([1, 5]))
    place = st.integers(0, 14 - kernel)
    return {"digit": draw(st.integers(0, 9)), "output": draw(st.integers(0, 15)),
            "maps": draw(st.integers(0, 6)), "kernel": kernel,
            "row": draw(place), "column": draw(place)}


def painted(**values):
    sheet = Sheet(840, 376)
    return paint(sheet, **{**START, **values}), sheet.pixels.astype(int)


def partial_sums(net, s2, digit, output, kernel):
    """6 x size x size, by torch, a depthwise convolution."""
    weight = net.c3.weight[output, :, None]
    if kernel == 1:
        weight = weight[..., 2:3, 2:3]
    return F.conv2d(s2[digit], weight, groups=6)


def numbers(words):
    return [float(word.replace("−", "-")) for word in re.findall(NUMBER, words)]


def sum_of(sentence):
    """The addends as numbers, sign and all, and the result."""
    left, result = re.search(rf"bias (.*) = ({NUMBER}), rounded", sentence).groups()
    terms = [term.replace("− ", "-").replace("−", "-").replace("+ ", "") for term in
             re.findall(rf"[+−]? ?{NUMBER}(?:·{NUMBER})?", left)]
    addends = [np.prod([float(factor) for factor in term.split("·")]) for term in terms]
    return addends, numbers(result)[0]


@given(values=settings_of_the_demo())
@settings(max_examples=60, deadline=None)
def test_the_sentence_adds_up_what_torch_computes(net, s2, values):
    sentence, _ = painted(**values)
    digit, output, maps, kernel, row, column = values.values()
    parts = partial_sums(net, s2, digit, output, kernel)[:maps, row, column]
    bias = net.c3.bias[output].item()
    place = f"Output map {output}, row {row}, column {column}"
    assert sentence.startswith(f"{place}, {maps} of 6 maps added: bias ")
    if not maps:
        assert numbers(sentence.split(". ")[0]) == [pytest.approx(bias, abs=0.0051)]
        return
    addends, total = sum_of(sentence)
    # A product of two rounded factors is off by half a hundredth of each at most.
    assert addends == pytest.approx([bias, *parts.tolist()], abs=0.0051 if kernel == 5 else 0.04)
    assert total == pytest.approx(bias + parts.sum().item(), abs=0.0051)


def test_with_all_maps_it_is_the_pixel_of_the_trained_layer(net, s2):
    for output in range(16):
        sentence, _ = painted(digit=3, output=output, row=2, column=7)
        assert sum_of(sentence)[1] == pytest.approx(net.c3(s2)[3, output, 2, 7].item(), abs=0.0051)


@pytest.mark.parametrize("kernel", [1, 5])
@pytest.mark.parametrize("maps", [3, 6])
def test_the_output_map_is_painted_where_and_as_it_is(net, s2, kernel, maps):
    seen = set()
    for output in range(4, 8):
        _, pixels = painted(output=output, kernel=kernel, maps=maps, row=0, column=0)
        values = partial_sums(net, s2, 0, output, kernel)[:maps].sum(0) + net.c3.bias[output]
        inset = (14 - len(values)) * OUTPUT_CELL // 2
        strong = values.abs().max().item() / 4
        for (row, column), value in np.ndenumerate(values.numpy()):
            if abs(value) < strong or row + column < 3:  # pale, or under the mark of the chosen pixel
                continue
            red, _, blue = pixels[OUTPUT_TOP + inset + row * OUTPUT_CELL + 6,
                                  OUTPUT_LEFT + inset + column * OUTPUT_CELL + 6]
            assert (red > blue) == (value > 0), (output, row, column)
            seen.add(value > 0)
    assert seen == {True, False}


def test_the_written_numbers_stand_below_their_maps(net, monkeypatch):
    written = []
    monkeypatch.setattr(Sheet, "text", lambda sheet, x, y, words, *_, **__:
                        written.append((x, y, str(words))))
    addends, total = sum_of(painted(maps=4)[0])
    for k in range(6):
        middle = INPUT_LEFT + k * PITCH + 7 * CELL
        below = [words for x, y, words in written if x == middle and y > PART_TOP]
        assert len(below) == (2 if k < 4 else 0)
        if below:
            sign, size = below[0].split()
            assert float(sign.replace("−", "-") + size) == addends[k + 1]
            assert numbers(below[1]) == [pytest.approx(sum(addends[:k + 2]), abs=0.03)]
    large = {words for x, _, words in written if x == OUTPUT_LEFT}
    bias = f"bias {net.c3.bias[7].item():.2f}".replace("-", "−")
    assert {"output map 7", "bias + 4 of 6 maps", bias, "= " + f"{total:.2f}"} <= large


@pytest.mark.parametrize(("kernel", "row", "column"), [(5, 0, 0), (5, 9, 3), (1, 13, 13), (1, 5, 0)])
def test_the_windows_are_outlined_where_they_lie(kernel, row, column):
    _, pixels = painted(kernel=kernel, row=row, column=column, maps=3)
    blue = (pixels == ImageColor.getrgb(BLUE)).all(axis=-1)
    size = 15 - kernel
    inset = (14 - size) * CELL // 2
    for k in range(6):
        left = INPUT_LEFT + k * PITCH
        for top, at, side in [(INPUT_TOP, 0, kernel)] + [(PART_TOP, inset, 1)] * (k < 3):
            rows, columns = np.nonzero(blue[top - 2:top + 14 * CELL + 2, left - 2:left + 14 * CELL + 2])
            assert (rows.min(), columns.min()) == (at + row * CELL, at + column * CELL)
            width = side * CELL + 4
            assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (width, width)
    rows, columns = np.nonzero(blue[OUTPUT_TOP - 2:OUTPUT_TOP + 170, OUTPUT_LEFT - 2:OUTPUT_LEFT + 170])
    inset = (14 - size) * OUTPUT_CELL // 2
    assert (rows.min(), columns.min()) == (inset + row * OUTPUT_CELL, inset + column * OUTPUT_CELL)
    assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == OUTPUT_CELL + 4


def test_maps_that_are_not_added_yet_are_not_there_and_the_others_keep_their_colours():
    first = None
    for maps in range(7):
        _, pixels = painted(maps=maps)
        for k in range(6):
            left = INPUT_LEFT + k * PITCH
            inside = pixels[PART_TOP + 2:PART_TOP + 14 * CELL - 2, left + 2:left + 14 * CELL - 2]
            assert (inside < 255).any() == (k < maps)
            if k == 0 and maps:
                first = inside if first is None else first
                assert np.array_equal(inside, first)


def test_row_and_column_end_where_the_output_ends():
    assert limits(kernel=5, digit=0) == {"row": 9, "column": 9}
    with demos.channels(kernel=1, row=13, column=12) as demo:
        assert "row 13, column 12" in demo.value
        demo.controls["kernel"].value = 5
        assert "row 9, column 9" in demo.value
        assert "14 × 14 pixels into 10 × 10" in demo.value
        demo.controls["kernel"].value = 1
        assert demo.controls["row"].max == demo.controls["column"].max == 13
        assert "keeps 14 × 14" in demo.value


@pytest.mark.parametrize(("name", "value", "says"), [
    ("digit", 10, "digit must be between 0 and 9, not 10"),
    ("output", 16, "output map must be between 0 and 15, not 16"),
    ("maps", -1, "maps added must be between 0 and 6, not -1"),
    ("kernel", 3, "kernel size must be one of 5, 1, not 3"),
    ("row", 14, "row must be between 0 and 13, not 14"),
    ("column", -1, "column must be between 0 and 13, not -1")])
def test_bad_arguments(name, value, says):
    with pytest.raises(ValueError, match=f"^{says}$"):
        demos.channels(**{name: value})


def test_what_chapter_3_says_comes_out(net, s2):
    with demos.channels() as demo:
        assert demo.values == START
        so_far = []
        for maps in range(7):
            demo.controls["maps"].value = maps
            so_far.append(numbers(demo.value)[-1])
        steps = np.diff(so_far)
        assert (steps > 0).sum() == (steps < 0).sum() == 3
        demo.controls["kernel"].value = 1
        corners = set()
        for demo.controls["row"].value in (0, 13):
            for demo.controls["column"].value in (0, 13):
                corners.add(sum_of(demo.value)[1])
    assert len(corners) == 1 and 0 not in corners
    assert (s2[0, :, 0, 0] > 0).sum() > 0  # some maps answer to paper, too
    assert (s2[0, :, [0, 0, 13, 13], [0, 13, 0, 13]] - s2[0, :, :1, 0]).abs().max() < 1e-5


def test_the_saved_sentence_is_far_from_a_border_of_rounding(net, s2):
    """Another processor computes the same up to 1e-5, and must write the same digits."""
    parts = partial_sums(net, s2, 0, 7, 5)[:, 6, 4]
    said = torch.cat([parts, net.c3.bias[7:8], (parts.sum() + net.c3.bias[7])[None]]).double()
    assert ((said * 100 - 0.5).frac().abs() - 0.5).abs().lt(0.49).all()
