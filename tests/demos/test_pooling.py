"""The demo of chapter 4 against torch's pooling and chapter 4's measure of change."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import ImageColor

from lenet_book import demos, layers, mnist
from lenet_book.demos.pooling import KINDS, paint
from lenet_book.demos.sheet import Sheet
from lenet_book.plots import BLUE, RED

MAX, AVERAGE, SUBSAMPLING, EVERY, NONE = KINDS
START = {"digit": 4, "kind": MAX, "window": 2, "stride": 2, "right": 1, "down": 0, "coefficient": 0.5,
         "bias": 0.0}
LEFT, MIDDLE, RIGHT, BARS, UPPER, LOWER = 8, 202, 396, 598, 32, 242  # pixels of the picture
SIDE, BETWEEN, BAR, FULL = 180, 137, 180, 1.5


@pytest.fixture(scope="module")
def fields():
    """The first test digit of each class in the middle of 36 x 36: 10 x 36 x 36."""
    _, test = mnist.load_mnist()
    first = [int(np.flatnonzero(test.labels.numpy() == digit)[0]) for digit in range(10)]
    return F.pad(test.images[first].float() / 255, (4, 4, 4, 4))


@st.composite
def settings_of_the_demo(draw):
    shift, steps = st.integers(-4, 4), st.integers(-20, 20)
    return {"digit": draw(st.integers(0, 9)), "kind": draw(st.sampled_from(KINDS)),
            "window": draw(st.integers(1, 6)), "stride": draw(st.integers(1, 6)),
            "right": draw(shift), "down": draw(shift),
            "coefficient": draw(steps) / 20, "bias": draw(steps) / 20}


def painted(**values):
    sheet = Sheet(840, 428)
    return paint(sheet, **{**START, **values}), sheet.pixels.astype(int)


def pool(field, kind, window, stride, coefficient, bias):
    """1 x H x W, by torch."""
    if kind == MAX:
        return F.max_pool2d(field, window, stride)
    if kind == AVERAGE:
        return F.avg_pool2d(field, window, stride)
    if kind == SUBSAMPLING:
        ones = torch.full((1, 1, window, window), coefficient, dtype=field.dtype)
        return F.conv2d(field, ones, torch.tensor([bias], dtype=field.dtype), stride=stride)
    return field[:, ::stride, ::stride] if kind == EVERY else field


def shifted(field, right, down):
    """By one pixel at a time, paper coming in: 1 x H x W."""
    result = torch.zeros_like(field)
    height, width = field.shape[1:]
    for row in range(height):
        for column in range(width):
            if field[0, row, column]:  # ink is never pushed out
                result[0, row + down, column + right] = field[0, row, column]
    return result


def relative_change(moved, still):
    return ((moved - still).square().sum().sqrt() / still.square().sum().sqrt()).item()


def said(sentence):
    """The change that the sentence names, and the one without pooling if it does."""
    return [float(number) for number in re.findall(r" by (\d+\.\d\d)\b", sentence)]


def all_changes(fields, values):
    digit, _, window, stride, right, down, coefficient, bias = values.values()
    still = fields[digit][None].double()
    moved = shifted(still, right, down)
    return {kind: relative_change(*(pool(field, kind, window, stride, coefficient, bias)
                                    for field in (moved, still))) for kind in KINDS}


@given(values=settings_of_the_demo())
@example(values={**START, "right": 0})
@settings(max_examples=60, deadline=None)
def test_sentence_and_bars_against_torch(fields, values):
    sentence, pixels = painted(**values)
    expected = all_changes(fields, values)
    kind = values["kind"]
    if np.isnan(expected[kind]):
        assert values["coefficient"] == values["bias"] == 0
        assert "Coefficient and bias are both 0" in sentence
    else:
        wanted = [expected[kind]] if kind == NONE else [expected[kind], expected[NONE]]
        assert said(sentence) == pytest.approx(wanted, abs=0.0051)
    for i, name in enumerate(KINDS):
        row = pixels[UPPER + 60 * i + 29, BARS + 1:BARS + BAR - 1]
        colour = BLUE if name == kind else "#999999"
        length = (row == ImageColor.getrgb(colour)).all(axis=-1).sum()
        share = 0 if np.isnan(expected[name]) else expected[name] / FULL
        assert length == pytest.approx(min(share, 1) * BAR, abs=2.1), name


@given(values=settings_of_the_demo())
@settings(max_examples=60, deadline=None)
def test_what_it_says_of_sizes_and_of_whole_places(fields, values):
    sentence, _ = painted(**values)
    digit, kind, window, stride, right, down, coefficient, bias = values.values()
    if "both 0" in sentence:
        return
    if kind in (EVERY, NONE):
        window, stride = 1, stride if kind == EVERY else 1
    starts = [start for start in range(36) if start % stride == 0 and start + window <= 36]
    becomes = "stays" if len(starts) == 36 else "becomes"
    assert f"36 × 36 {becomes} {len(starts)} × {len(starts)}" in sentence
    lost = 36 - (starts[-1] + window)
    found = re.search(r"the last (?:(\d+) rows and columns|row and column) are left out", sentence)
    assert (int(found[1] or 1) if found else 0) == lost
    still = fields[digit][None]
    before, after = (pool(field, kind, window, stride, coefficient, bias)[0]
                     for field in (still, shifted(still, right, down)))
    whole = "same numbers, moved by whole places" in sentence
    assert whole == (kind != NONE and (right, down) != (0, 0) and right % stride == down % stride == 0)
    if whole:
        r, d, n = right // stride, down // stride, len(starts)
        torch.testing.assert_close(after[max(d, 0):n + min(d, 0), max(r, 0):n + min(r, 0)],
                                   before[max(-d, 0):n + min(-d, 0), max(-r, 0):n + min(-r, 0)])


def test_the_subsampling_is_that_of_the_layer_of_1998(fields):
    layer = layers.Subsampling(1)
    torch.nn.init.constant_(layer.weight, -0.35)
    torch.nn.init.constant_(layer.bias, 0.2)
    still = fields[8][None]
    with torch.no_grad():
        wanted = relative_change(layer(shifted(still, -3, 2)), layer(still))
    sentence, _ = painted(digit=8, kind=SUBSAMPLING, coefficient=-0.35, bias=0.2, right=-3, down=2)
    assert "Subsampling, sum × −0.35 + 0.20, 2 × 2, stride 2" in sentence
    assert "With the 8 moved 3 left, 2 down" in sentence
    assert said(sentence)[0] == pytest.approx(wanted, abs=0.0051)


def test_the_subsampling_is_told_beside_the_other_kinds(fields):
    for kind in (MAX, NONE):
        sentence, _ = painted(kind=kind, coefficient=0.25, bias=-0.1)
        change = all_changes(fields, {**START, "coefficient": 0.25, "bias": -0.1})[SUBSAMPLING]
        told = re.search(r" Subsampling, sum × 0\.25 − 0\.10: (\d\.\d\d)\.", sentence)
        assert float(told[1]) == pytest.approx(change, abs=0.0051)
    assert "sum × 0.00 + 0.00: all 0." in painted(kind=MAX, coefficient=0.0, bias=0.0)[0]


def test_each_bar_has_its_name_and_its_number(fields, monkeypatch):
    written = []
    monkeypatch.setattr(Sheet, "text", lambda sheet, x, y, words, *_, **__:
                        written.append((x, y, str(words))))
    values = {**START, "kind": AVERAGE, "stride": 3, "digit": 9, "down": 2}
    painted(**values)
    beside = [words for x, y, words in written if x >= BARS and y > UPPER]
    beside.remove("sum × 0.50 + 0.00")
    changes = all_changes(fields, values)
    still, other = (pool(fields[digit][None], AVERAGE, 2, 3, 0, 0) for digit in (9, 0))
    assert beside == [word for name, change in [
        ("max", changes[MAX]), ("▶ average", changes[AVERAGE]),
        ("subsampling of 1998", changes[SUBSAMPLING]), ("every third pixel", changes[EVERY]),
        ("no pooling", changes[NONE]), ("with a 0 in its place", relative_change(other, still))]
        for word in (name, f"{change:.2f}")]


def test_nothing_is_left_to_change():
    for zero in (0.0, 3e-17):  # what a slider may send for 0
        sentence, _ = painted(kind=SUBSAMPLING, coefficient=zero, bias=-zero)
        assert sentence == ("Coefficient and bias are both 0, so that every pooled number is 0 and no "
                            "change can be seen. Move one of them.")
    sentence, _ = painted(kind=SUBSAMPLING, coefficient=0.0, bias=0.5)
    assert said(sentence) == [0.0, 0.79]


@pytest.mark.parametrize("kind", KINDS)
def test_the_maps_are_painted_where_and_as_they_are(fields, kind):
    _, pixels = painted(digit=7, kind=kind, stride=3, right=2, down=-1, bias=-0.4)
    still, moved = fields[7][None], shifted(fields[7][None], 2, -1)
    before, after = (pool(field, kind, 2, 3, 0.5, -0.4)[0].numpy() for field in (still, moved))
    maps = [(LEFT, UPPER, still[0].numpy(), False), (LEFT, LOWER, moved[0].numpy(), False),
            (MIDDLE, UPPER, before, kind == SUBSAMPLING), (MIDDLE, LOWER, after, kind == SUBSAMPLING),
            (RIGHT, BETWEEN, after - before, True)]
    marks = [ImageColor.getrgb(colour) for colour in (BLUE, RED)]
    for left, top, values, signed in maps:
        cell = SIDE / len(values)
        checked = 0
        for (row, column), value in np.ndenumerate(values):
            pixel = pixels[int(top + (row + 0.5) * cell), int(left + (column + 0.5) * cell)]
            if tuple(pixel) in marks:
                continue
            if not signed:
                assert pixel == pytest.approx([255 * (1 - value)] * 3, abs=2)
            elif abs(value) > abs(values).max() / 4:
                assert (pixel[0] > pixel[2]) == (value > 0)
            else:
                continue
            checked += 1
        assert checked > (5 if signed else len(values)**2 - 20)


def test_windows_and_their_numbers_and_the_edge_are_outlined():
    _, pixels = painted(window=3, stride=2)
    cell = SIDE / 17
    for top in (UPPER, LOWER):
        panel = pixels[top:top + SIDE]
        blue = (panel == ImageColor.getrgb(BLUE)).all(axis=-1)
        for left, at, side in ((LEFT, 8 * 2 * 5, 15), (MIDDLE, 8 * cell, cell)):
            rows, columns = np.nonzero(blue[:, left:left + SIDE])
            assert (rows.min(), columns.min()) == pytest.approx((at, at), abs=1)
            assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == pytest.approx((side, side), abs=1)
        red = (panel[:, LEFT:LEFT + SIDE] == ImageColor.getrgb(RED)).all(axis=-1)
        rows, columns = np.nonzero(red)
        assert rows.max() == columns.max() == 35 * 5 - 1  # the last row and column are left out
        rows, columns = np.nonzero(red[40:140, 40:140])
        assert columns.max() + 40 == 9 * 2 * 5 + 15 - 1  # the next window's right edge
    _, pixels = painted(window=2, stride=2)
    red = (pixels[UPPER:UPPER + SIDE, LEFT:LEFT + SIDE] == ImageColor.getrgb(RED)).all(axis=-1)
    assert np.nonzero(red)[0].max() < 120


@pytest.mark.parametrize(("name", "value", "says"), [
    ("digit", -1, "digit must be between 0 and 9, not -1"),
    ("kind", "mean", "kind must be one of max, average, .*, not 'mean'"),
    ("window", 7, "window must be between 1 and 6, not 7"),
    ("stride", 0, "stride must be between 1 and 6, not 0"),
    ("right", 5, "shift right must be between -4 and 4, not 5"),
    ("down", -5, "shift down must be between -4 and 4, not -5"),
    ("coefficient", 1.1, "coefficient must be between -1.0 and 1.0, not 1.1"),
    ("bias", -2, "bias must be between -1.0 and 1.0, not -2")])
def test_bad_arguments(name, value, says):
    with pytest.raises(ValueError, match=f"^{says}$"):
        demos.pooling(**{name: value})


def test_what_chapter_4_says_comes_out(fields):
    with demos.pooling() as demo:
        assert demo.values == START

        def bars(**values):
            for name, value in values.items():
                demo.controls[name].value = value
            changes = all_changes(fields, demo.values)
            assert said(demo.value)[0] == pytest.approx(changes[demo.values["kind"]], abs=0.0051)
            return changes

        start = bars()
        assert bars(right=2)[MAX] > start[MAX] and "same numbers" in demo.value
        one = bars(right=1, window=1)
        assert one[MAX] == one[AVERAGE] == one[EVERY] and one[SUBSAMPLING] == pytest.approx(one[EVERY])
        six = bars(window=6)
        assert all(six[kind] < one[kind] for kind in (MAX, AVERAGE, SUBSAMPLING))
        assert six[EVERY] == one[EVERY] and six[NONE] == one[NONE]
        bars(window=2, kind=SUBSAMPLING)
        for coefficient in (-1.0, -0.05, 0.05, 1.0):
            assert bars(coefficient=coefficient)[SUBSAMPLING] == pytest.approx(start[AVERAGE])
        lengths = [bars(bias=step / 20)[SUBSAMPLING] for step in range(21)]
        assert lengths == sorted(lengths, reverse=True) and lengths[-1] < 0.6 * lengths[0]
