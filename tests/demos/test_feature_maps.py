"""A digit that is deformed, what the layers make of it, and what the sentence and the picture say."""

import functools
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from lenet_book import mnist, models, paper
from lenet_book.demos import feature_maps
from lenet_book.demos.feature_maps import deform
from lenet_book.demos.reading import full_colour, percent, read

NETS = ["lenet5-1998", "lenet5"]
pretrained = functools.cache(models.pretrained)


@functools.cache
def ten_thousand():
    return mnist.load_mnist()[1]


@pytest.fixture
def digits():
    return ten_thousand()


def test_nothing_is_changed_where_nothing_is_asked_for(digits):
    for image in digits.images[:500]:
        assert torch.equal(deform(image), image)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -4), (-10, 10), (1, 7)])
def test_shifts_by_whole_pixels(digits, right, down):
    image = digits.images[3]
    expected = torch.zeros_like(image)
    for row in range(28):
        for column in range(28):
            if 0 <= row - down < 28 and 0 <= column - right < 28:
                expected[row, column] = image[row - down, column - right]
    assert torch.equal(deform(image, right, down), expected)


@pytest.mark.parametrize("quarters", [-2, -1, 1, 2])
def test_clockwise_quarter_turns(digits, quarters):
    for image in digits.images[:20]:
        assert torch.equal(deform(image, rotate=90 * quarters), torch.rot90(image, -quarters))


@settings(max_examples=30)
@given(st.integers(-10, 10), st.integers(-10, 10), st.integers(-180, 180), st.integers(50, 140))
def test_all_of_it_against_scipy(right, down, rotate, scale):
    image = without_symmetry()
    angle, middle = math.radians(rotate), np.array([13.5, 13.5])  # row and column
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    back = turn * 100 / scale
    expected = ndimage.affine_transform(
        image.numpy().astype(float), back, order=1, mode="grid-constant",
        offset=middle - back @ (middle + (down, right)))
    assert deform(image, right, down, rotate, scale).numpy() == pytest.approx(expected, abs=1)


def without_symmetry():
    image = torch.zeros(28, 28, dtype=torch.uint8)
    image[4:20, 6:9] = 200
    image[17:20, 9:22] = 90
    image[5, 20:24] = 255
    return image


def test_the_noise_is_seeded_and_as_strong_as_it_says():
    grey = torch.full((28, 28), 128, dtype=torch.uint8)
    noisy = deform(grey, noise=10).double()
    assert torch.equal(noisy, deform(grey, noise=10).double())
    assert noisy.std().item() == pytest.approx(25.5, rel=0.1)
    assert noisy.mean().item() == pytest.approx(128, abs=3)
    assert (deform(grey, noise=50) == 255).any() and (deform(grey, noise=50) == 0).any()


@pytest.mark.parametrize("net", NETS)
def test_maps_and_scores_layer_by_layer(digits, net):
    """Against the net's layers called one after the other."""
    model = pretrained(net)
    reading = read(net, digits.images[5])
    x = digits[[5]].inputs(32, model.scaling)
    with torch.inference_mode():
        for name, layer in model.named_children():
            x = layer(x)
            if name.endswith(("_squash", "_relu")) or (name in ("c1", "c3") and net == "lenet5"):
                assert np.array_equal(reading.maps[name[:2]].squeeze(), x[0].squeeze().numpy())
    scores = x[0] if net == "lenet5-1998" else x[0].softmax(0)
    assert np.array_equal(reading.scores, scores.numpy())
    shapes = {layer: maps.shape for layer, maps in reading.maps.items()}
    assert shapes == {layer.name.lower(): (layer.maps, layer.size, layer.size)
                      for layer in paper.LAYERS[:-1]}
    assert reading.picture.shape == (32, 32)
    assert reading.picture[2:30, 2:30] == pytest.approx(digits.images[5].numpy() / 255, abs=1e-6)


values = st.fixed_dictionaries({
    "index": st.integers(0, 9999), "layer": st.sampled_from(["c1", "s2", "c3", "s4", "c5", "f6"]),
    "net": st.sampled_from(NETS), "right": st.integers(-10, 10), "down": st.integers(-10, 10),
    "rotate": st.integers(-36, 36).map(lambda n: 5 * n),
    "noise": st.integers(0, 10).map(lambda n: 5 * n),
    "scale": st.integers(10, 28).map(lambda n: 5 * n)})


@settings(max_examples=60)
@given(values)
def test_the_sentence_says_what_is_so(value):
    with feature_maps(**value) as demo:
        sentence = demo.value
    test = ten_thousand()
    label = test.labels[value["index"]].item()
    model = pretrained(value["net"])
    changes = {name: value[name] for name in ("right", "down", "rotate", "scale", "noise")}
    image = deform(test.images[value["index"]], **changes)
    with torch.inference_mode():
        out = model(mnist.Digits(image[None], test.labels[:1]).inputs(32, model.scaling))
    answer = model.predict(out).item()
    start = re.match(r"Test digit (\d+), an? (\d)(.*?), is read as (\d), which is (right|wrong): ",
                     sentence)
    assert [int(start[1]), int(start[2]), int(start[4])] == [value["index"], label, answer]
    assert ("an 8" in start[0]) == (label == 8)
    assert (start[5] == "right") == (answer == label)
    for name, pattern in {"right": r"(\d+) pixels? to the (right|left)", "scale": r"scaled to (\d+) %",
                          "down": r"(\d+) pixels? (down|up)", "noise": r"with noise of (\d+) %",
                          "rotate": r"rotated by (\d+) degrees (clockwise|counterclockwise)"}.items():
        found = re.search(pattern, start[3])
        assert bool(found) == (value[name] != (100 if name == "scale" else 0))
        if found:
            sign = -1 if found[0].endswith(("left", "up", "counterclockwise")) else 1
            assert sign * int(found[1]) == value[name]
    layer, = (layer for layer in paper.LAYERS if layer.name == value["layer"].upper())
    what = (f"{layer.maps} maps of {layer.size} × {layer.size}" if layer.size > 1
            else f"{layer.maps} units")
    assert sentence.endswith(f". Layer {value['layer'].upper()} has {what}.")
    other = re.search(r"; (?:next comes )?the (\d) (?:has|with) (.*?)\. Layer", sentence)
    scores = out[0] if value["net"] == "lenet5-1998" else out[0].softmax(0)
    second = scores.argsort(descending=value["net"] == "lenet5")[1].item()
    assert int(other[1]) == (second if answer == label else label)
    if value["net"] == "lenet5":
        assert other[2] == percent(scores[int(other[1])].item())
        best = scores.max().item()
        assert f"the probability of the {answer} is the largest, {percent(best)};" in sentence
    else:
        best = scores.min().item()
        best = "less than 1" if best < 0.5 else f"{best:.0f}"
        assert f"the distance to the {answer} is the smallest, {best};" in sentence
        assert other[2] == f"{scores[int(other[1])]:.0f}"


@pytest.mark.parametrize(("share", "words"), [
    (0.0, "less than 1 %"), (0.004, "less than 1 %"), (0.006, "1 %"), (0.5, "50 %"), (0.994, "99 %"),
    (0.996, "more than 99 %"), (1.0, "more than 99 %")])
def test_percent(share, words):
    assert percent(share) == words


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(("layer", "columns"), [("c1", 3), ("s2", 3), ("c3", 4), ("s4", 4), ("c5", 12)])
def test_maps_are_where_they_should_be(digits, net, layer, columns):
    """At the middle of every unit that is far from 0: orange where it is positive, violet if not."""
    with feature_maps(4, layer, net, rotate=20) as demo:
        pixels = demo._painted(1)[0].pixels.astype(int)
    maps = read(net, deform(digits.images[4], rotate=20)).maps[layer]
    pitch = 366 / columns
    size = maps.shape[1]
    cell = (pitch - 6) / size
    checked = 0
    for (map_, row, column), value in np.ndenumerate(maps):
        strength = value / full_colour(net, layer)
        if abs(strength) < 0.2:
            continue
        x = 225 + round(pitch) * (map_ % columns) + cell * (column + 0.5)
        y = 58 + round(pitch) * (map_ // columns) + cell * (row + 0.5)
        red, _, blue = pixels[round(y), round(x)]
        checked += 1
        assert (red > blue) == (value > 0), (map_, row, column)
    assert checked > 10


def test_f6_beside_its_ideal():
    with feature_maps(0, "f6") as demo:
        pixels = demo._painted(1)[0].pixels.astype(int)
    for left in (225, 417):  # test digit 0 is a clear seven: both pictures show one
        middles = pixels[94:382:25, left + 12:left + 175:25]
        assert (np.sign(middles[..., 0] - middles[..., 2]) == paper.GLYPHS[7]).all()


def test_scores_as_bars(digits):
    with feature_maps(8, net="lenet5-1998", rotate=-20) as demo:
        pixels = demo._painted(1)[0].pixels.astype(int)
    reading = read("lenet5-1998", deform(digits.images[8], rotate=-20))
    for digit, distance in enumerate(reading.scores):
        row = pixels[60 + 30 * digit + 15, 665:771]  # inside the frame of the bar
        filled = (row.sum(axis=1) < 600).sum()
        assert filled == pytest.approx(min(distance / 200, 1) * 108 - 1, abs=2)
        blue = row[0, 2] > row[0, 0] + 50
        assert blue == (digit == reading.answer)
    assert reading.answer != digits.labels[8] == 5
    frame = pixels[60 + 30 * 5 + 1, 640:810]
    assert (frame.sum(axis=1) < 200).mean() > 0.4  # the dashes around the right class


@pytest.mark.parametrize("arguments", [
    {"index": -1}, {"index": 10_000}, {"layer": "c9"}, {"net": "alexnet"}, {"right": 11}, {"down": -11},
    {"rotate": 181}, {"scale": 45}, {"noise": 55}])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match="must be"):
        feature_maps(**arguments)


def test_what_the_chapter_says():
    """A 5 moved up by 4 pixels is a 2 for 1998, though all of it is there and C1 has moved with it."""
    image = ten_thousand().images[15]
    moved = deform(image, down=-4)
    assert moved.sum() == image.sum()
    before, after = read("lenet5-1998", image), read("lenet5-1998", moved)
    assert (before.answer, after.answer) == (5, 2)
    assert after.maps["c1"][:, :-4] == pytest.approx(before.maps["c1"][:, 4:], abs=1e-5)
    ink = mnist.load_mnist()[0].images[::3].float()
    for axis in (1, 2):
        centre = (ink.sum(dim=3 - axis) * torch.arange(28)).sum(dim=1) / ink.sum(dim=(1, 2))
        assert abs(centre - 14).max() < 0.6  # pixels from the middle
    sure = read("lenet5", deform(ten_thousand().images[1], noise=50))
    assert sure.answer == 8 and sure.scores.max() > 0.99
    noisy = read("lenet5-1998", deform(ten_thousand().images[1], noise=50))
    assert noisy.answer == 8 and noisy.scores.min() > 8
    _, test = mnist.load_mnist()
    with torch.inference_mode():
        nearest = models.pretrained("lenet5-1998")(test.inputs(32, "paper")).amin(dim=1)
    assert 0.965 < (nearest < 8).float().mean() < 0.98
