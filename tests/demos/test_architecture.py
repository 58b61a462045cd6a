"""The demo of LeNet-5's layers against the paper's table and products written out by hand."""

import math

import pytest
from recorder import Recorder

from lenet_book import paper
from lenet_book.demos.architecture import MEASURES, compute, paint, say

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
    assert (facts.connections, facts.macs) == (layer.connections, MACS[number])
    assert facts.held == (f"{layer.fixed:,} fixed parameters" if layer.fixed else
                          f"{layer.trainable:,} parameters")
    assert facts.counts == {
        "parameters": [one.trainable for one in paper.LAYERS], "multiply-adds": MACS,
        "connections": [one.connections for one in paper.LAYERS]}[bars]
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
    facts = compute("C5", "parameters")
    assert "80.2% of all 60,000 trainable parameters" in say(facts)
    assert facts.shares == ["0.3%", "0.02%", "2.5%", "0.05%", "80.2%", "16.9%", "0.0%"]


def test_every_combination_has_its_picture_and_its_sentence():
    combinations = [compute(layer, bars) for layer in LAYERS for bars in MEASURES]
    assert len({Recorder(paint, facts).pixels.tobytes() for facts in combinations}) == 21
    assert len(set(map(say, combinations))) == 21
