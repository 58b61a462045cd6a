"""The broken net against the net's own modules, run one by one with maps and weights edited by hand."""

from copy import deepcopy
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import DIGITS, Recorder, changed, same_picture

from lenet_book import demos, models
from lenet_book.demos.ablation import ACTIONS, PARTS, _normal_numbers, compute, paint, say
from lenet_book.demos.examples import trained
from lenet_book.plots import BLUE, INK, RED

START = {"index": 0, "net": "lenet5-1998", "part": "c1 0", "noise": 0, "biases": True, "off": []}
SIZES = {"c1": 28, "s2": 14, "c3": 10, "s4": 5, "c5": 1, "f6": 1}
COUNTS = {"c1": 6, "s2": 6, "c3": 16, "s4": 16, "c5": 120, "f6": 84}
FIRST = DIGITS[:100]


@cache
def normal_numbers():
    """By NumPy's Mersenne Twister and the formula of Box and Muller, of 24 bits each."""
    bits = np.random.MT19937()
    bits._legacy_seeding(0)
    first, second = (bits.random_raw(2**17) % 2**24 / 2**24).reshape(2, -1)
    return np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second)


def oracle(net, noise, biases, off):
    """Of the first hundred test digits the outputs, 100 x 10, and of each layer all activations."""
    model = deepcopy(models.pretrained(net)).double().requires_grad_(False)
    numbers = torch.from_numpy(normal_numbers())
    for name in ("c1", "s2", "c3", "s4", "c5", "f6", "output"):
        layer = dict(model.named_children())[name]
        if getattr(layer, "weight", None) is not None:
            some, numbers = numbers[:layer.weight.numel()], numbers[layer.weight.numel():]
            spread = np.std(layer.weight.numpy(), ddof=1)
            layer.weight.copy_(layer.weight + some.view_as(layer.weight) * noise / 100 * spread)
        if not biases and getattr(layer, "bias", None) is not None:
            layer.bias.mul_(0)
    x, activations = FIRST.inputs(model.input_size, model.scaling).double(), {}
    names = [name for name, _ in model.named_children()]
    for name, module in model.named_children():
        x = module(x)
        layer, last = name[:2], name == [one for one in names if one[:2] == name[:2]][-1]
        if layer in SIZES and last:
            keep = torch.tensor([f"{layer} {i}" not in off for i in range(COUNTS[layer])])
            x = x * keep.view(1, -1, *[1] * (x.ndim - 2))
            activations[layer] = x.reshape(len(x), COUNTS[layer], SIZES[layer], SIZES[layer])
    return x, activations


def some_parts(chosen):
    return [part for part in PARTS if part in chosen]


def parts(of, most):
    return st.lists(st.sampled_from(of), max_size=most).map(some_parts)


@given(st.fixed_dictionaries({
    "index": st.integers(0, 99), "part": st.sampled_from(PARTS), "biases": st.booleans(),
    "net": st.sampled_from(["lenet5-1998", "lenet5"]), "noise": st.sampled_from(range(0, 101, 5)),
    "off": st.one_of(st.just([]), parts(PARTS[:44], 6), parts(PARTS, 150))}))
@settings(max_examples=25, deadline=None)
def test_facts_and_picture(values):
    index, net, off = values["index"], values["net"], values["off"]
    facts = compute(**values)
    outputs, activations = oracle(net, values["noise"], values["biases"], off)
    old = net == "lenet5-1998"
    answers = outputs.argmin(1) if old else outputs.argmax(1)
    scores = outputs[index] if old else outputs[index].softmax(0)
    np.testing.assert_allclose(facts.reading.scores, scores, rtol=1e-5, atol=1e-6)
    for layer, maps in facts.reading.maps.items():
        np.testing.assert_allclose(maps, activations[layer][index], rtol=1e-6, atol=1e-6)
    assert facts.reading.answer == answers[index] and facts.label == FIRST.labels[index]
    assert facts.right == (answers == FIRST.labels).sum()
    whole, _ = oracle(net, 0, True, [])
    assert facts.whole == (whole.argmin(1) if old else whole.argmax(1))[index]
    assert facts.correct == (facts.reading.answer == facts.label)

    sheet = Recorder(paint, facts)
    assert {(mark.x, mark.y) for mark in sheet.crosses} == {place_of(sheet, part) for part in off}
    assert all(mark.colour == INK for mark in sheet.crosses) and len(sheet.crosses) == len(off)
    frame, = [mark for mark in sheet.outlines if mark.colour == BLUE]
    assert (frame.x + 3, frame.y + 3) == place_of(sheet, values["part"])
    assert {str(facts.right), "of 100", str(facts.whole)} <= set(sheet.words)
    now, = [text for text in sheet.texts if text.size == 40]
    assert (now.words, now.colour) == (facts.reading.answer, BLUE if facts.correct else RED)
    veiled = [text for text in sheet.texts if sheet.veils(text.x, text.y)]
    assert now in veiled and facts.right in [text.words for text in veiled]


def place_of(sheet, part):
    """Where a map is painted, or a unit in the grid of its layer."""
    layer, number = part.split()
    number = int(number)
    if layer in ("c5", "f6"):
        grid = sheet.grids[["c5", "f6"].index(layer)]
        assert grid.rows * grid.columns == COUNTS[layer]
        row, column = divmod(number, grid.columns)
        return grid.x + grid.cell * column, grid.y + grid.cell * row
    images = [image for image in sheet.images if np.shape(image.values) == (SIZES[layer],) * 2]
    assert len(images) == COUNTS[layer]
    return images[number].x, images[number].y


def test_a_part_that_is_off_is_blank_and_the_next_layer_misses_it():
    broken, whole = compute(**{**START, "off": ["c1 1"]}), compute(**START)
    assert not broken.reading.maps["c1"][1].any() and np.ptp(broken.reading.maps["s2"][1]) == 0
    alike = [np.allclose(one, other) for one, other in
             zip(broken.reading.maps["s2"], whole.reading.maps["s2"], strict=True)]
    assert alike == [i != 1 for i in range(6)]
    assert broken.right < whole.right == 100


def test_the_noise_is_normal_and_always_the_same():
    ours, theirs = _normal_numbers().numpy(), normal_numbers()
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    assert abs(ours.mean()) < 0.02 and abs(ours.std() - 1) < 0.02
    assert 0.67 < (abs(ours) < 1).mean() < 0.69
    for net in "lenet5-1998", "lenet5":
        sizes = [weight.numel() for name, weight in models.pretrained(net).named_parameters()
                 if name.endswith("weight")]
        assert sum(sizes) <= len(ours)


def test_the_trained_net_stays_as_it_is():
    before = {name: values.clone() for name, values in trained("lenet5").state_dict().items()}
    compute(**{**START, "net": "lenet5", "noise": 100, "biases": False, "off": PARTS})
    after = trained("lenet5").state_dict()
    assert all(torch.equal(values, after[name]) for name, values in before.items())
    assert compute(**{**START, "net": "lenet5"}).right == 100


@pytest.mark.parametrize(("off", "noise", "biases", "words"), [
    (["c1 1"], 0, True, "map 1 of C1 off"), (["c1 0", "c1 1", "f6 3"], 0, True,
                                              "maps 0 and 1 of C1 and unit 3 of F6 off"),
    ([f"s2 {i}" for i in range(6)], 5, True, "all maps of S2 off and noise of 5 % on the weights"),
    ([f"f6 {i}" for i in range(60)], 0, False, "60 of 84 units of F6 off and no biases"),
    (["c3 1", "s4 2", "c5 4"], 40, False,
     "map 1 of C3, map 2 of S4 and unit 4 of C5 off, noise of 40 % on the weights and no biases"),
    ([], 0, False, "no biases")])
def test_the_sentence_says_all_that_is_broken(off, noise, biases, words):
    facts = compute(**{**START, "index": 8, "off": off, "noise": noise, "biases": biases})
    answer = facts.reading.answer
    assert say(facts) == (
        f"The net of 1998, whole, reads test digit 8, a 5, as 5; with {words} as {answer}, which is "
        f"{'right' if answer == 5 else 'wrong'}: {facts.reading.because(5)}. It reads "
        f"{facts.right} of the first 100 test digits right.")


def test_without_six_rows_of_f6_3_and_5_are_a_tie_and_the_answer_and_f6_can_be_hidden():
    facts = compute(**{**START, "index": 8, "off": [f"f6 {unit}" for unit in range(42)]})
    assert facts.reading.answer == 3 and facts.reading.scores[3] == facts.reading.scores[5]
    assert "the 3 and the 5 are equally near, 48; it takes the lower digit" in say(facts)
    sheet = Recorder(paint, facts)
    for grid in sheet.grids[1:]:  # F6, and the ideal
        right, bottom = grid.x + grid.cell * grid.columns, grid.y + grid.cell * grid.rows
        assert sheet.veils(grid.x, grid.y) and sheet.veils(right, bottom)


def test_the_sentence_of_a_whole_net():
    facts = compute(**{**START, "net": "lenet5"})
    assert say(facts).startswith(
        "The modern net, whole, reads test digit 0, a 7, as 7, which is right: ")
    assert say(facts).endswith("It reads 100 of the first 100 test digits right.")


def test_the_picture_depends_on_each_fact():
    facts = compute(**START)
    for change in ({"right": 12}, {"whole": 3}, {"off": ["s4 3"]}, {"part": "f6 5"}, {"label": 1},
                   {"correct": False}):
        assert not same_picture(paint, facts, changed(facts, **change)), change


def test_buttons():
    values = {**START, "part": "s2 3", "off": ["c1 1", "s2 3"]}
    assert ACTIONS["flip"](**values) == {"off": ["c1 1"]}
    assert ACTIONS["flip"](**{**values, "part": "c1 0"}) == {"off": ["c1 0", "c1 1", "s2 3"]}
    all_of_s2 = [f"s2 {i}" for i in range(6)]
    assert ACTIONS["layer"](**values) == {"off": ["c1 1", *all_of_s2]}
    assert ACTIONS["layer"](**{**values, "off": ["c1 1", *all_of_s2]}) == {"off": ["c1 1"]}
    with demos.ablation(off=["c1 1"], noise=40, biases=False) as demo:
        demo.controls["mend"].click()
        assert demo.values == START
        demo.controls["part"].value = "f6 83"
        demo.controls["flip"].click()
        assert demo.values["off"] == ["f6 83"] and "unit 83 of F6 off" in demo.value


def test_parts_come_in_the_order_of_the_net_and_once():
    with demos.ablation(off=("f6 2", "c1 3", "f6 2")) as demo:
        assert demo.values["off"] == ["c1 3", "f6 2"]
        assert demo.described["controls"]["index"]["max"] == 99


@pytest.mark.parametrize(("settings", "error", "words"), [
    ({"off": ["c1 6"]}, ValueError,
     "off[0] must be one of c1 0 to 5, s2 0 to 5, c3 0 to 15, s4 0 to 15, c5 0 to 119, f6 0 to 83, not "
     "'c1 6'"),
    ({"off": "c1 0"}, TypeError, "off must be a list, not 'c1 0'"),
    ({"off": [3]}, TypeError, "off[0] must be a string, not 3"),
    ({"part": "output 1"}, ValueError, "part must be one of c1 0 to 5"),
    ({"index": 100}, ValueError, "test digit must be from 0 to 99, not 100"),
    ({"noise": 101}, ValueError, "noise on weights, % must be from 0 to 100, not 101"),
    ({"net": "vgg11"}, ValueError, "LeNet-5 must be one of lenet5-1998, lenet5, not 'vgg11'"),
    ({"biases": 1}, TypeError, "biases must be True or False, not 1")])
def test_refusals(settings, error, words):
    with pytest.raises(error) as refusal:
        demos.ablation(**settings)
    assert str(refusal.value).startswith(words)
