"""The demo of LeNet-5's layers against the paper's table and products written out by hand."""

import math

import pytest
from recorder import Recorder

from lenet_book import demos, paper
from lenet_book.demos.architecture import MEASURES, compute, paint, say
from lenet_book.plots import BLUE, GREEN, ORANGE, PURPLE

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
        formula, connections = facts.uses.split(" = ")
        assert value(formula) == layer.connections
        assert connections == f"{layer.connections:,} connections"
    else:
        assert facts.uses == f"{layer.connections:,} connections: each parameter is used once"
        assert layer.connections == layer.trainable + layer.fixed
    if layer.kernel:
        formula, size = facts.size.split(" = ")
        assert value(formula) == int(size) == layer.size
    else:
        before = paper.LAYERS[number - 1]
        assert facts.size == f"each unit reads all {before.maps} of {before.name}"
    assert facts.total == {"parameters": 60_000, "connections": 340_908,
                           "multiply-adds": sum(MACS)}[bars]


def test_the_sentence():
    assert say(compute("C3", "connections")) == (
        "C3, partial convolution, 16 × 10 × 10: (5*5*3 + 1) * 6 + (5*5*4 + 1) * 9 + (5*5*6 + 1) = "
        "1,516 parameters, 151,600 connections, 150,000 multiply-adds; 44.5% of all 340,908 "
        "connections.")
    assert "= 840 fixed parameters" in say(compute("output", "parameters"))
    facts = compute("C5", "parameters")
    assert "80.2% of all 60,000 trainable parameters" in say(facts)
    assert facts.shares == ["0.3%", "0.02%", "2.5%", "0.05%", "80.2%", "16.9%", "0.0%"]


@pytest.mark.parametrize("bars", MEASURES)
@pytest.mark.parametrize("number", range(7), ids=LAYERS)
def test_a_column_for_each_layer_and_below_them_how_the_chosen_one_counts(number, bars):
    facts = compute(LAYERS[number], bars)
    sheet = Recorder(paint, facts)
    columns = {text.words: text.x for text in sheet.texts if text.words in LAYERS}
    assert [*columns] == LAYERS and sorted(columns.values()) == [*columns.values()]
    colour = [BLUE, ORANGE, BLUE, ORANGE, BLUE, GREEN, PURPLE][number]
    heights = []
    for i, (name, x) in enumerate(columns.items()):
        here = [text for text in sheet.texts if text.x == x]
        assert [text.words for text in here] == [
            name, f"{16 if i > 1 else 6} × {(28, 14, 10, 5)[i]} × {(28, 14, 10, 5)[i]}" if i < 4 else
            f"{(120, 84, 10)[i - 4]} units", f"{facts.counts[i]:,}", facts.shares[i]]
        assert [text.bold for text in here] == [i == number, False, i == number, i == number]
        bar, foot = [fill for fill in sheet.fills if fill.x + fill.width / 2 == x and fill.y > 138]
        assert bar.y + bar.height == foot.y and bar.colour == (colour if i == number else "#B8B8B8")
        heights.append(bar.height)
    assert heights == pytest.approx([
        max(heights) * count / max(facts.counts) for count in facts.counts])
    below = [f"{facts.layer.working} = {facts.held}", f"{facts.uses}; {MACS[number]:,} multiply-adds"]
    assert sheet.words[-2:] == below and f"{facts.layer.name}: {facts.layer.kind}" in sheet.words
    hidden = {text.words for text in sheet.texts if sheet.veils(text.x, text.y)}
    assert hidden == {*below, *facts.shares, *(f"{count:,}" for count in facts.counts)}


def test_it_plays_through_the_layers():
    with demos.architecture() as demo:
        assert demo.described["plays"] == ["layer"]


def test_every_combination_has_its_picture_and_its_sentence():
    combinations = [compute(layer, bars) for layer in LAYERS for bars in MEASURES]
    assert len({Recorder(paint, facts).pixels.tobytes() for facts in combinations}) == 21
    assert len(set(map(say, combinations))) == 21
