"""The demo of LeNet-5's layers against the paper's table and products written out by hand."""

import math

import pytest
import torch

from lenet_book import demos, paper
from lenet_book.demos.architecture import MEASURES, _counts, compute, paint, say
from lenet_book.demos.sheet import Sheet

MACS = [5*5*6 * 28*28, 6 * 14*14, 5*5*60 * 10*10, 16 * 5*5, 5*5*16 * 120, 120 * 84, 84 * 10]
LAYERS = [layer.name for layer in paper.LAYERS]


def value(working):
    """What a sum in words, such as 1,516 * 10*10, comes to."""
    return eval(working.removeprefix("= ").replace(",", ""), {"floor": math.floor})


@pytest.mark.parametrize("bars", MEASURES)
@pytest.mark.parametrize("number", range(7), ids=LAYERS)
def test_the_facts_are_the_papers(number, bars):
    layer = paper.LAYERS[number]
    facts = compute(layer.name, bars)
    assert facts.layer is layer
    assert (facts.trainable, facts.fixed, facts.connections, facts.macs) == (
        layer.trainable, layer.fixed, layer.connections, MACS[number])
    assert facts.counts == tuple({
        "parameters": [one.trainable for one in paper.LAYERS], "multiply-adds": MACS,
        "connections": [one.connections for one in paper.LAYERS]}[bars])
    assert value(layer.working) == layer.trainable + layer.fixed
    if layer.size > 1:
        assert value(facts.uses) == layer.connections
    else:
        assert facts.uses == "each parameter is used once"
        assert layer.connections == layer.trainable + layer.fixed
    if layer.kernel:
        formula, size = facts.size.split(" = ")
        assert value(formula) == int(size) == layer.size
    else:
        before = paper.LAYERS[number - 1]
        assert facts.size == f"each reads all {before.maps} of {before.name}"
    assert facts.whole == "60,000 trainable and 840 fixed parameters and 340,908 connections"


def test_the_sentence():
    assert say(compute("C3", "connections")) == (
        "C3, partial convolution, 16 × 10 × 10: (5*5*3 + 1) * 6 + (5*5*4 + 1) * 9 + (5*5*6 + 1) = "
        "1,516 parameters, 151,600 connections, 150,000 multiply-adds; 44.5% of all 340,908 "
        "connections. The whole net has 60,000 trainable and 840 fixed parameters and 340,908 "
        "connections.")
    assert "= 840 fixed parameters" in say(compute("output", "parameters"))


def test_a_small_share_is_not_zero():
    facts = compute("C1", "parameters")
    assert [facts.share(i) for i in range(7)] == ["0.3%", "0.02%", "2.5%", "0.05%", "80.2%", "16.9%",
                                                  "0.0%"]


def test_every_combination_is_painted_and_said():
    pictures, sentences = set(), set()
    for layer in LAYERS:
        for bars in MEASURES:
            sheet, facts = Sheet(840, 460), compute(layer, bars)
            paint(sheet, facts)
            pictures.add(sheet.pixels.tobytes())
            sentences.add(say(facts))
    assert len(pictures) == len(sentences) == 21


def test_from_the_sliders():
    with demos.architecture("C3", "connections") as demo:
        assert "44.5% of all 340,908 connections" in demo.value
        demo.controls["layer"].value = "C5"
        demo.controls["bars"].value = "parameters"
        assert "80.2% of all 60,000 trainable parameters" in demo.value
        assert demo.redraws == 3


def test_it_leaves_the_random_numbers_alone():
    _counts.cache_clear()
    state = torch.get_rng_state()
    compute("C1", "parameters")
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(("arguments", "message"), [
    ({"layer": "C2"}, "layer must be one of C1, S2, C3, S4, C5, F6, output, not 'C2'"),
    ({"bars": "macs"}, "bars must be one of parameters, connections, multiply-adds, not 'macs'"),
])
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        demos.architecture(**arguments)
