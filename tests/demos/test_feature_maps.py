"""A digit that is deformed, what the layers make of it, and what the sentence and the picture say."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import DIGITS, Recorder, changed, same_picture
from scipy import ndimage

from lenet_book import mnist, models, paper
from lenet_book.demos import draw_digit, feature_maps
from lenet_book.demos.feature_maps import compute, deform, next_wrong, paint, say
from lenet_book.demos.reading import LAYERS, read
from lenet_book.plots import BLUE, RED

NETS = {name: models.pretrained(name) for name in ("lenet5-1998", "lenet5")}
NOTHING = {"right": 0, "down": 0, "rotate": 0, "scale": 100, "noise": 0}


@cache
def outputs(net):
    """What the net gives out for all test digits, N x 10; 100 at a time need little memory."""
    model = NETS[net]
    with torch.inference_mode():
        return torch.cat([model(DIGITS[i:i + 100].inputs(32, model.scaling))
                          for i in range(0, len(DIGITS), 100)])


def facts_of(index=8, layer="c1", net="lenet5-1998", **changes):
    return compute(index=index, layer=layer, net=net, **{**NOTHING, **changes})


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (0, -4), (-10, 10), (1, 7)])
def test_whole_pixels_and_quarter_turns_are_exact(right, down):
    for image in DIGITS.images[:50]:
        around = torch.nn.functional.pad(image, (10, 10, 10, 10))[10 - down:, 10 - right:]
        assert torch.equal(deform(image, right, down), around[:28, :28])
        for quarters in (-2, -1, 1, 2):
            assert torch.equal(deform(image, rotate=90 * quarters), torch.rot90(image, -quarters))


@settings(max_examples=30)
@given(st.integers(0, 9999), st.integers(-10, 10), st.integers(-10, 10), st.integers(-180, 180),
       st.integers(50, 140))
def test_all_of_it_against_scipy(index, right, down, rotate, scale):
    image, angle, middle = DIGITS.images[index], math.radians(rotate), np.array([13.5, 13.5])
    back = 100 / scale * np.array([[math.cos(angle), -math.sin(angle)],  # of row and column
                                   [math.sin(angle), math.cos(angle)]])
    expected = ndimage.affine_transform(
        image.numpy().astype(float), back, order=1, mode="grid-constant",
        offset=middle - back @ (middle + (down, right)))
    assert deform(image, right, down, rotate, scale).numpy() == pytest.approx(expected, abs=1)


def test_the_noise_is_seeded_and_as_strong_as_it_says():
    grey = torch.full((28, 28), 128, dtype=torch.uint8)
    noisy = deform(grey, noise=10).double()
    assert torch.equal(noisy, deform(grey, noise=10).double())
    assert noisy.std().item() == pytest.approx(25.5, rel=0.1)
    assert noisy.mean().item() == pytest.approx(128, abs=3)
    assert (deform(grey, noise=50) == 255).any() and (deform(grey, noise=50) == 0).any()


def steps(low, high):
    return st.integers(low // 5, high // 5).map(lambda n: 5 * n)


values = st.fixed_dictionaries({
    "index": st.integers(0, 9999), "layer": st.sampled_from(LAYERS), "rotate": steps(-180, 180),
    "net": st.sampled_from([*NETS]), "right": st.integers(-10, 10), "down": st.integers(-10, 10),
    "noise": steps(0, 50), "scale": steps(50, 140)})


@settings(max_examples=60)
@given(values)
def test_any_settings(value):
    """Against the net's layers called one after the other."""
    facts, model = compute(**value), NETS[value["net"]]
    image = deform(DIGITS.images[value["index"]], **{name: value[name] for name in NOTHING})
    x, outputs = mnist.Digits(image[None], DIGITS.labels[:1]).inputs(32, model.scaling), {}
    with torch.inference_mode():
        for name, layer in model.named_children():
            x = outputs[name[:2]] = layer(x)  # c1, and in its place c1_squash
        scores = x[0] if value["net"] == "lenet5-1998" else x[0].softmax(0)
        answer, label = model.predict(x).item(), DIGITS.labels[value["index"]].item()
    found = facts.reading
    for layer in paper.LAYERS[:-1]:
        maps = found.maps[layer.name.lower()]
        assert maps.shape == (layer.maps, layer.size, layer.size)
        assert np.array_equal(maps.squeeze(), outputs[layer.name.lower()][0].squeeze())
    assert np.array_equal(found.scores, scores) and (found.answer, facts.label) == (answer, label)
    assert found.image[2:30, 2:30] == pytest.approx(image.numpy() / 255, abs=1e-6)
    assert found.image.sum() == pytest.approx(image.sum().item() / 255, rel=1e-5)
    others = np.delete(scores.numpy(), [answer])
    assert scores[found.second] == (others.min() if value["net"] == "lenet5-1998" else others.max())
    words = say(facts)
    assert words.startswith(f"Test digit {value['index']}, {'an' if label == 8 else 'a'} {label}, ")
    right = "right" if answer == label else "wrong"
    assert f", is read as {answer}, which is {right}: {found.because(label)}. " in words
    assert len(words) <= 250
    assert np.ptp(Recorder(paint, facts).pixels) == 255


@pytest.mark.parametrize(("changes", "words"), [
    ({}, "Test digit 8, a 5, is"), ({"index": 61}, "Test digit 61, an 8, is"),
    ({"right": 1}, ", shifted 1 right, is"),
    ({"right": -2, "down": -1}, ", shifted 2 left, 1 up, is"),
    ({"down": 3, "rotate": 5}, ", shifted 3 down, rotated by 5° clockwise, is"),
    ({"rotate": -180, "scale": 50}, ", rotated by 180° counterclockwise, scaled to 50 %, is"),
    ({"noise": 5}, ", with noise of 5 %, is"), ({}, " C1 has 6 maps of 28 × 28."),
    ({"layer": "s4"}, " S4 has 16 maps of 5 × 5."), ({"layer": "f6"}, " F6 has 84 units."),
])
def test_what_was_done_to_the_digit_is_said(changes, words):
    assert words in say(facts_of(**changes))


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("layer", LAYERS)
def test_the_maps_the_input_and_the_scores_are_painted(net, layer):
    facts = facts_of(4, layer, net, rotate=20)
    sheet, found = Recorder(paint, facts), facts.reading
    image, *glyphs = [area.values for area in sheet.images]
    assert image is found.image
    if layer == "f6" and net == "lenet5-1998":
        assert np.array_equal(glyphs[0].ravel(), found.maps[layer].ravel())
        assert np.array_equal(glyphs[1], paper.GLYPHS[found.answer]) and not sheet.walls
    else:
        wall, = sheet.walls
        assert wall.values is found.maps[layer] and wall.reach == found.full[layer] and not glyphs
    colours = [BLUE if digit == found.answer == facts.label else RED if digit == found.answer
               else "#999999" for digit in range(10)]
    if net == "lenet5":
        assert [bar.share for bar in sheet.bars] == pytest.approx(found.scores)
        assert [bar.colour for bar in sheet.bars] == colours
    else:  # places on lines, none longer than another
        lines, marks = sheet.fills[::2], sheet.fills[1::2]
        assert len({(line.x, line.width) for line in lines}) == 1 and not sheet.bars
        assert [(mark.x - line.x) / (line.width - mark.width)
                for mark, line in zip(marks, lines, strict=True)] == pytest.approx(
            np.minimum(found.scores / 200, 1))
        assert [mark.colour for mark in marks] == colours


CLASSES = ["any", *range(10)]


def of_class(digit):
    """The numbers of the test digits of that class."""
    return [i for i, label in enumerate(DIGITS.labels.tolist()) if digit in ("any", label)]


@pytest.mark.parametrize("net", NETS)
def test_the_next_wrong_digit(net):
    """Against the net's own predictions, of all classes and of each. It is shown as it is."""
    wrong = torch.where(NETS[net].predict(outputs(net)) != DIGITS.labels)[0].tolist()
    for digit in CLASSES:
        expected, found, index = [i for i in wrong if i in of_class(digit)], [], -1
        while len(found) <= len(expected):
            index = next_wrong(index, digit, net)["index"]
            found.append(index)
        assert found == [*expected, expected[0]]
    with feature_maps(index=wrong[-1], net=net, rotate=90, noise=20) as demo:
        demo.controls["wrong"].click()
        assert (demo.values["index"], demo.values["rotate"], demo.values["noise"]) == (wrong[0], 0, 0)
        assert ", which is wrong: " in demo.value and not demo.facts.correct
        assert len([c for c in demo.controls.values() if hasattr(c, "value")]) == 11


@pytest.mark.parametrize("digit", CLASSES)
def test_the_slider_stops_at_the_digits_of_the_class_alone(digit):
    """Step by step up and down, and at both ends."""
    numbers = of_class(digit)
    with feature_maps(index=numbers[20] - 1, digit=digit) as demo:
        index = demo.controls["index"]

        def steps(by, count=10):
            found = []
            for _ in range(count):
                index.value += by
                found.append(demo.facts.index)
            return found
        first = 20 - (digit == "any")
        assert demo.value.startswith(f"Test digit {numbers[first]}, ")
        assert steps(1) == numbers[first + 1:first + 11]
        assert steps(-1) == numbers[first:first + 10][::-1]
        index.value = 9999
        assert demo.facts.index == numbers[-1]
        index.value = 0
        assert demo.facts.index == numbers[0]


def test_another_class_goes_on_from_the_digit_that_is_shown():
    with feature_maps(index=4, digit=0) as demo:  # 7 2 1 0 4 1 4 9 5 9 0
        kind, said = demo.controls["digit"], []
        for digit in (0, 4, "any", 7, 2):
            kind.value = digit
            said.append((demo.facts.index, demo.facts.label))
        assert said == [(10, 0), (19, 4), (19, 4), (26, 7), (35, 2)]
        demo.controls["index"].value = 9999
        kind.value = 0
        assert demo.facts.index == of_class(0)[-1] == demo.controls["index"].value


def test_a_drawing_is_looked_at_until_a_test_digit_is_chosen():
    with draw_digit(strokes=[[0.2, 0.2, 0.8, 0.2, 0.45, 0.9]]) as drawing:
        image = drawing.facts.image
        assert image.shape == (28, 28) and image.max() == 255
        demo = feature_maps(index=4, image=image, rotate=10)
    with demo:
        assert demo.facts.label is None and demo.facts.correct
        expected = read("lenet5-1998", deform(image, rotate=10))
        assert np.array_equal(demo.facts.reading.scores, expected.scores) and expected.answer == 7
        assert demo.value.startswith("Your image, rotated by 10° clockwise, is read as 7: the distance")
        assert not {"label", "right", "wrong"} & set(Recorder(paint, demo.facts).words)
        demo.controls["rotate"].value = 0
        assert demo.value.startswith("Your image is read as 7: ")
        demo.controls["index"].value = 5
        assert demo.values["image"] is None and demo.value.startswith("Test digit 5, a 1, is read as 1")
    with feature_maps(image=image) as demo:
        demo.controls["wrong"].click()
        assert demo.value.startswith("Test digit 115, a 4, is read as 9, which is wrong")


@pytest.mark.parametrize(("image", "error", "words"), [
    (torch.zeros(32, 32, dtype=torch.uint8), ValueError, "image must hold 28 things, not Tensor of"),
    (torch.zeros(1, 28, 28), ValueError, "image must hold 28 things"),
    (torch.zeros(28, 28), TypeError, r"image\[0\]\[0\] must be an integer"),
    ([[256] * 28] * 28, ValueError, r"image\[0\]\[0\] must be from 0 to 255, not 256"),
    ("photo.png", TypeError, "image must be a list, not 'photo.png'")])
def test_what_is_no_image_is_refused(image, error, words):
    with pytest.raises(error, match=words):
        feature_maps(image=image)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("net", NETS)
def test_all_within_the_picture_no_small_type_and_the_answer_can_be_covered(net, layer):
    sheet = Recorder(paint, facts_of(247, layer, net, rotate=180, noise=50))
    assert min(text.size for text in sheet.texts if text.words != "▶") >= 16
    ink = sheet.pixels[:296].min(axis=2) < 250
    assert not sheet.pixels[296:].min() < 255 and not ink[:4].any() and not ink[-3:].any()
    assert not ink[:, :8].any() and not ink[:, -4:].any()
    told = [text for text in sheet.texts if str(text.words) in ("▶", "right", "wrong")
            or str(text.words).startswith("the ideal")]
    assert len(told) == 2 + (layer == "f6" and net == "lenet5-1998")
    for text in told:
        assert sheet.veils(text.x, text.y), text.words
    assert not sheet.veils(30, 216)  # the label stays: it is not what the net says


def test_every_fact_is_painted():
    facts = facts_of()
    readings = [replace(facts.reading, **change) for change in (
        {"scores": facts.reading.scores[::-1]}, {"image": np.ones((32, 32))}, {"answer": 9},
        {"are_distances": False}, {"full": {"c1": 5.0, "s2": 5.0}})]
    for change in {"label": 3}, {"layer": "s2"}, *({"reading": reading} for reading in readings):
        assert not same_picture(paint, facts, changed(facts, **change)), change


def test_what_the_chapter_says():
    """A 5 moved up by 4 pixels is a 2 for 1998, though all of it is there and C1 has moved with it."""
    image = DIGITS.images[15]
    moved = deform(image, down=-4)
    assert moved.sum() == image.sum()
    before, after = read("lenet5-1998", image), read("lenet5-1998", moved)
    assert (before.answer, after.answer) == (5, 2)
    assert after.maps["c1"][:, :-4] == pytest.approx(before.maps["c1"][:, 4:], abs=1e-5)
    ink = mnist.load_mnist()[0].images[::3].float()
    for axis in (1, 2):
        centre = (ink.sum(dim=3 - axis) * torch.arange(28)).sum(dim=1) / ink.sum(dim=(1, 2))
        assert abs(centre - 14).max() < 0.6  # pixels from the middle
    noisy = deform(DIGITS.images[1], noise=50)
    sure, far = read("lenet5", noisy), read("lenet5-1998", noisy)
    assert sure.answer == far.answer == 8 and sure.scores.max() > 0.99 and far.scores.min() > 8
    assert 0.965 < (outputs("lenet5-1998").amin(dim=1) < 8).float().mean() < 0.98
