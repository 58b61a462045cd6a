"""The demo of class maps against the whole net, a 1 x 1 convolution, and the traced receptive field."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import DIGITS, Recorder, cells

from lenet_book import demos, models, receptive_field
from lenet_book.demos.find_the_digit import NET, compute, limits, paint, say
from lenet_book.demos.reading import percent
from lenet_book.demos.words import number
from lenet_book.plots import BLUE, RED

START = {"index": 0, "row": 6, "column": 9, "canvas": 40, "pieces": 4, "seed": 12}
MODEL = models.pretrained(NET).requires_grad_(False).double()


@st.composite
def settings_of_the_demo(draw):
    canvas = draw(st.sampled_from([40, 48, 56, 64, 72]))
    place = st.integers(0, canvas - 28)
    return {"index": draw(st.integers(0, 9999)), "row": draw(place), "column": draw(place),
            "canvas": canvas, "pieces": draw(st.integers(0, 12)), "seed": draw(st.integers(0, 99))}


@given(settings_of_the_demo())
@settings(max_examples=30, deadline=None)
def test_facts_picture_and_sentence(values):
    index, row, column, canvas, pieces, _ = values.values()
    facts = compute(**values)
    image = (facts.image.double() * 255).round()
    digit = F.pad(DIGITS.images[index].float(),
                  (column, canvas - 28 - column, row, canvas - 28 - row))
    assert (image >= digit).all() and (image > digit).sum() <= 64 * pieces  # scraps of 8 x 8
    read = (image[None, None] / 255 - 0.1307) / 0.3081  # the standard scaling
    torch.testing.assert_close(facts.scores, MODEL(read)[0], rtol=1e-5, atol=1e-4)
    maps = F.conv2d(MODEL[:-3](read), MODEL.fc4.weight[..., None, None], MODEL.fc4.bias)[0]
    torch.testing.assert_close(facts.maps, maps, rtol=1e-5, atol=1e-4)
    assert facts.maps.shape == (10, canvas // 8, canvas // 8)
    answer, label = MODEL.predict(MODEL(read)).item(), DIGITS.labels[index].item()
    assert (facts.answer, facts.label) == (answer, label)
    assert facts.probability == pytest.approx(MODEL(read).softmax(1).max().item(), abs=1e-5)
    peak = np.unravel_index(facts.maps[answer].numpy().argmax(), facts.maps[answer].shape)
    assert facts.peak == peak

    sheet, words = Recorder(paint, facts), say(facts)
    pixels, *areas = sheet.images
    assert torch.equal(pixels.values, facts.image) and len(areas) == 10
    assert all(torch.equal(area.values, values) for area, values in zip(areas, facts.maps, strict=True))
    assert {area.reach for area in areas} == {facts.maps.abs().max().item()}
    assert cells(pixels, sheet.outlines, RED, dash=True) == [(row, column, 28, 28)]
    assert cells(pixels, sheet.outlines, BLUE) == [(8 * peak[0], 8 * peak[1], 8, 8)]
    for digit, area in enumerate(areas):
        assert cells(area, sheet.outlines, BLUE) == ([(*peak, 1, 1)] if digit == answer else [])
    around, = [mark for mark in sheet.outlines if mark.colour == RED and mark.x > areas[0].x - 20]
    assert (around.x < areas[label].x < areas[label].x + areas[label].width < around.x + around.width
            and around.y < areas[label].y < around.y + around.height)
    assert {f"▶ {answer}", *map(number, facts.scores)} <= set(sheet.words)
    assert words == (
        f"The {label}, test digit {index}, is read as {answer}, which is "
        f"{'right' if answer == label else 'wrong'}: score {number(facts.scores[answer])}, probability "
        f"{percent(facts.probability)}. The class map of the {answer} peaks at row {peak[0]}, column "
        f"{peak[1]} of {canvas // 8} × {canvas // 8}, {'inside' if facts.inside else 'outside'} the "
        "digit's frame.")


def test_inside_is_where_the_middle_of_what_the_peak_sees_lies():
    field = receptive_field.trace(MODEL[:-3], (1, 72, 72))["conv4_1"].field
    found = set()
    for index in range(300):
        place = index % 45, 7 * index % 45
        facts = compute(index, *place, canvas=72, pieces=12, seed=index)
        middle = [field.start + field.jump * at for at in facts.peak]
        edge = min(abs(at - bound) for at, first in zip(middle, place, strict=True)
                   for bound in (first - 0.5, first + 27.5))
        assert facts.inside == all(first - 0.5 < at < first + 27.5
                                   for first, at in zip(place, middle, strict=True))
        found.add((facts.inside, edge <= 4))
    assert len(found) == 4  # near the edge and far from it, inside and outside


def test_the_seed_lays_scraps_of_other_digits():
    pictures = {compute(**{**START, "seed": seed}).image.numpy().tobytes() for seed in (0, 1, 2, 2)}
    assert len(pictures) == 3
    last = compute(**{**START, "index": 9999})  # the digits after it are the first
    assert not torch.equal(last.image, compute(**{**START, "index": 9999, "pieces": 0}).image)


def test_the_first_picture_is_read_right():
    with demos.find_the_digit() as demo:
        assert demo.values == START
        assert demo.facts.answer == demo.facts.label == 7 and demo.facts.inside


def test_the_frame_stays_on_the_canvas():
    with demos.find_the_digit(canvas=72, row=44, column=40) as demo:
        assert demo.facts.row == 44
        demo.controls["canvas"].value = 40
        assert (demo.facts.row, demo.facts.column) == (12, 12) == tuple(limits(canvas=40).values())
