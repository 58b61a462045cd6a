"""The demo of chapter 4 against torch's pooling and chapter 4's measure of change."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recorder import DIGITS, FIRSTS, Recorder, cells

from lenet_book import demos, layers
from lenet_book.demos.pooling import KINDS, compute, paint, say
from lenet_book.demos.sheet import GREY
from lenet_book.demos.words import moved, number, signed
from lenet_book.plots import BLUE, PALE, RED

MAX, AVERAGE, SUBSAMPLING, EVERY, NONE = KINDS
START = {"digit": 4, "kind": MAX, "window": 2, "stride": 2, "right": 1, "down": 0, "coefficient": 0.5,
         "bias": 0.0}
# The first test digit of each class in the middle of 36 x 36: 10 x 36 x 36.
FIELDS = F.pad(DIGITS.images[FIRSTS].float() / 255, (4, 4, 4, 4)).double()


shift, steps = st.integers(-4, 4), st.integers(-20, 20).map(lambda n: n / 20)
settings_of_the_demo = st.fixed_dictionaries({
    "digit": st.integers(0, 9), "kind": st.sampled_from(KINDS), "window": st.integers(1, 6),
    "stride": st.integers(1, 6), "right": shift, "down": shift, "coefficient": steps, "bias": steps})


def pool(field, kind, window, stride, coefficient, bias):
    """H x W to m x m, by torch."""
    if kind == MAX:
        return F.max_pool2d(field[None], window, stride)[0]
    if kind == AVERAGE:
        return F.avg_pool2d(field[None], window, stride)[0]
    if kind == SUBSAMPLING:
        ones = torch.full((1, 1, window, window), coefficient, dtype=field.dtype)
        return F.conv2d(field[None], ones, torch.tensor([bias], dtype=field.dtype), stride=stride)[0]
    return field[::stride, ::stride] if kind == EVERY else field


def relative_change(after, before):
    return ((after - before).square().sum().sqrt() / before.square().sum().sqrt()).item()


def approximately(expected):
    return pytest.approx(expected, abs=1e-5, nan_ok=True)


@given(values=settings_of_the_demo)
@example(values={**START, "right": 0})
@example(values={**START, "right": 2, "coefficient": 0.0})  # the shift is a whole place
@settings(max_examples=60, deadline=None)
def test_the_facts_against_torch(values):
    facts = compute(**values)
    digit, kind, window, stride, right, down, *subsampling = map(values.get, START)
    pair = torch.stack([FIELDS[digit], F.pad(FIELDS[digit], (right, -right, down, -down))])
    torch.testing.assert_close(facts.fields, pair)
    still, after, other = (pool(field, kind, window, stride, *subsampling)
                           for field in (*pair, FIELDS[(digit + 1) % 10]))
    torch.testing.assert_close(facts.pooled, torch.stack([still, after]))
    assert facts.changes == approximately({name: relative_change(*(
        pool(field, name, window, stride, *subsampling).double() for field in reversed(pair)))
        for name in KINDS})
    assert facts.other_change == approximately(relative_change(other, still))

    if kind in (EVERY, NONE):
        window, stride = 1, stride if kind == EVERY else 1
    assert (facts.window, facts.stride) == (window, stride)
    last = (len(still) - 1) * stride + window  # where the last window ends
    assert facts.lost == 36 - last < stride
    assert facts.whole_places == (kind != NONE and (right, down) != (0, 0)
                                  and right % stride == down % stride == 0)
    if facts.whole_places:
        r, d, m = right // stride, down // stride, len(still)
        torch.testing.assert_close(after[max(d, 0):m + min(d, 0), max(r, 0):m + min(r, 0)],
                                   still[max(-d, 0):m + min(-d, 0), max(-r, 0):m + min(-r, 0)])


@given(values=settings_of_the_demo)
@settings(max_examples=30, deadline=None)
def test_picture_and_sentence_show_the_facts(values):
    facts = compute(**values)
    sheet, words, kind = Recorder(paint, facts), say(facts), facts.kind
    before, still, after, moved_map, difference = sheet.images
    for area, shown in zip(sheet.images, [
            facts.fields[0], facts.pooled[0], facts.fields[1], facts.pooled[1],
            facts.pooled[1] - facts.pooled[0]], strict=True):
        assert np.array_equal(area.values, shown)
    assert still.reach == moved_map.reach and difference.reach
    m, side, step = facts.pooled.shape[-1], facts.window, facts.stride
    middle = m // 2
    lost, reached = facts.lost, 36 - facts.lost
    for field, pooled in ((before, still), (after, moved_map)):  # two windows and their numbers
        assert cells(field, sheet.outlines, BLUE) == [(middle * step, middle * step, side, side)]
        assert cells(pooled, sheet.outlines, BLUE) == [(middle, middle, 1, 1)]
        assert cells(field, sheet.outlines, RED) == [(middle * step, (middle + 1) * step, side, side)]
        assert cells(field, sheet.fills, PALE) == [(0, reached, 36, lost), (reached, 0, lost, 36)]
        assert cells(pooled, sheet.outlines, RED) == [(middle, middle + 1, 1, 1)]
    changes = [0 if math.isnan(one) else one for one in (*facts.changes.values(), facts.other_change)]
    colours = [BLUE if name == kind else GREY for name in KINDS] + [GREY]
    assert [(bar.share, bar.colour) for bar in sheet.bars] == [
        (change / 1.5, colour) for change, colour in zip(changes, colours, strict=True)]
    assert {number(change) for change in facts.changes.values() if change == change} <= set(sheet.words)
    assert all(grey.answer for grey in sheet.fills if grey.colour == PALE and grey.x < still.x)
    size = next(one for one in sheet.texts if f"{m} × {m}" in one.words)
    assert size.words == "pooled " * (kind != NONE) + f"{m} × {m}" and sheet.veils(size.x, size.y)
    _, hidden, of_bars = sheet.answers  # the size, the difference, and how long the bars are
    assert (hidden.x, hidden.y) == (difference.x - 3, difference.y - 3)
    assert hidden.width == hidden.height == difference.width + 6
    assert all(of_bars.x < bar.x and of_bars.y < bar.y and bar.x + bar.width < of_bars.x + of_bars.width
               and bar.y + bar.height < of_bars.y + of_bars.height for bar in sheet.bars)
    formula = f"sum × {number(facts.coefficient)} {signed(facts.bias)}"  # only where it does something
    assert (f"subsampling: {formula}" in sheet.words) == (kind == SUBSAMPLING)

    if math.isnan(facts.changes[kind]):
        assert "both 0" in words
        return
    said = [f"36 × 36 {'stays' if m == 36 else 'becomes'} {m} × {m}",
            f"the difference is {number(facts.changes[kind])} times as large as the map",
            f"{facts.digit} moved ", moved(facts.right, facts.down)]
    said += [f"without pooling {number(facts.changes[NONE])}."] * (kind != NONE)
    assert all(part in words for part in said) and len(words) < 270
    assert (formula in words) == (kind == SUBSAMPLING)
    assert ("left out" in words) == (facts.lost > 0)
    assert ("moved by whole places" in words) == facts.whole_places


def test_the_subsampling_is_that_of_the_layer_of_1998():
    layer = layers.Subsampling(1).double()
    torch.nn.init.constant_(layer.weight, -0.35)
    torch.nn.init.constant_(layer.bias, 0.2)
    facts = compute(**{**START, "kind": SUBSAMPLING, "coefficient": -0.35, "bias": 0.2, "down": 2})
    with torch.no_grad():
        torch.testing.assert_close(facts.pooled, layer(facts.fields[:, None])[:, 0])
    assert "sum × −0.35 + 0.20" in say(facts)


def test_nothing_is_left_to_change():
    for zero in (0.0, 3e-17):  # what a slider may send for 0
        facts = compute(**{**START, "kind": SUBSAMPLING, "coefficient": zero, "bias": -zero})
        assert math.isnan(facts.changes[SUBSAMPLING]) and "both 0" in say(facts)
        beside = compute(**{**START, "coefficient": zero})
        assert "–" in Recorder(paint, beside).words and "both 0" not in say(beside)
    assert compute(**{**START, "coefficient": 0.0, "bias": 0.5}).changes[SUBSAMPLING] == 0


def test_what_chapter_4_says_comes_out():
    with demos.pooling() as demo:
        assert demo.values == START

    def bars(**values):
        return compute(**{**START, **values}).changes

    start = bars()
    assert bars(right=2)[MAX] > start[MAX] and compute(**{**START, "right": 2}).whole_places
    one = bars(window=1)
    assert all(one[kind] == approximately(one[EVERY]) for kind in (MAX, AVERAGE, SUBSAMPLING))
    six = bars(window=6)
    assert all(six[kind] < one[kind] for kind in (MAX, AVERAGE, SUBSAMPLING))
    assert six[EVERY] == one[EVERY] and six[NONE] == one[NONE]
    for coefficient in (-1.0, -0.05, 0.05, 1.0):
        assert bars(coefficient=coefficient)[SUBSAMPLING] == pytest.approx(start[AVERAGE])
    lengths = [bars(bias=step / 20)[SUBSAMPLING] for step in range(21)]
    assert lengths == sorted(lengths, reverse=True) and lengths[-1] < 0.6 * lengths[0]
