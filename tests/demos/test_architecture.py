"""The demo of LeNet-5's layers against the paper's numbers, written out here by hand."""

import re

import numpy as np
import pytest
import torch
from PIL import ImageColor

from lenet_book import demos
from lenet_book.demos.architecture import MEASURES, _counts, compute, paint, say
from lenet_book.demos.sheet import Sheet
from lenet_book.plots import BLUE, GREEN, ORANGE, PURPLE

LAYERS = {  # maps, size, trainable, connections, multiply-adds, colour
    "C1": (6, 28, 156, 122_304, 5*5*6*28*28, BLUE), "S2": (6, 14, 12, 5_880, 6*14*14, ORANGE),
    "C3": (16, 10, 1_516, 151_600, 5*5*60*10*10, BLUE), "S4": (16, 5, 32, 2_000, 16*5*5, ORANGE),
    "C5": (120, 1, 48_120, 48_120, 5*5*16*120, BLUE), "F6": (84, 1, 10_164, 10_164, 120*84, GREEN),
    "output": (10, 1, 0, 840, 84*10, PURPLE)}
COLUMN = {"parameters": 2, "connections": 3, "multiply-adds": 4}
TOTAL = {"parameters": 60_000, "connections": 340_908,
         "multiply-adds": sum(layer[4] for layer in LAYERS.values())}
BAR_LEFT, BAR_TOP, BAR, LINE = 510, 264, 180, 28  # pixels of the picture: the first bar's inside


def painted(layer, bars="parameters"):
    sheet, facts = Sheet(840, 460), compute(layer, bars)
    paint(sheet, facts)
    return say(facts), sheet.pixels


def texts(monkeypatch, layer, bars="parameters"):
    """All words of the picture and where they stand."""
    found = []
    monkeypatch.setattr(Sheet, "text",
                        lambda self, x, y, text, *_, **__: found.append((x, y, str(text))))
    paint(Sheet(840, 460), compute(layer, bars))
    return found


def evaluated(working):
    """What a product such as (5*5*1 + 1) * 6 or 1,516 * 10*10 comes to."""
    assert re.fullmatch(r"[\d,()*+ ]+", working)
    return eval(working.replace(",", ""))


@pytest.mark.parametrize("bars", MEASURES)
@pytest.mark.parametrize("layer", LAYERS)
def test_the_sentence(layer, bars):
    maps, size, parameters, connections, macs, _ = LAYERS[layer]
    words, _ = painted(layer, bars)
    shape = f"{maps} × {size} × {size}" if size > 1 else f"{maps} units"
    working, held, fixed = re.match(rf"{layer}, [\w ]+, {shape}: (.+) = ([\d,]+) (fixed )?parameters, ",
                                    words).groups()
    assert evaluated(working) == evaluated(held) == (parameters or 840)
    assert bool(fixed) == (layer == "output")
    assert f"parameters, {connections:,} connections, {macs:,} multiply-adds; " in words
    share, total, kind = re.search(r"; ([\d.]+)% of all ([\d,]+) ([\w -]+)\. The whole", words).groups()
    assert evaluated(total) == TOTAL[bars]
    assert kind == {"parameters": "trainable parameters"}.get(bars, bars)
    true = 100 * LAYERS[layer][COLUMN[bars]] / TOTAL[bars]
    assert abs(float(share) - true) <= (0.05 if true >= 0.1 else 0.005)
    assert (float(share) == 0) == (true == 0)
    assert words.endswith("The whole net has 60,000 trainable and 840 fixed parameters and 340,908 "
                          "connections.")


@pytest.mark.parametrize("layer", LAYERS)
def test_the_formulas(monkeypatch, layer):
    maps, size, parameters, connections, *_ = LAYERS[layer]
    words = [text for x, y, text in texts(monkeypatch, layer) if x < 100 and y > 230]
    title, shape, sizes, held, working, uses, count = words
    assert title.startswith(f"{layer}: ")
    assert shape == (f"{maps} × {size} × {size}" if size > 1 else f"{maps} units")
    before = {"F6": "each reads all 120 of C5", "output": "each reads all 84 of F6"}
    if layer in before:
        assert sizes == before[layer]
    else:
        left, result = sizes.split(" = ")
        assert eval(left) == int(result) == size
    assert held == (f"{parameters:,} parameters" if parameters else "840 fixed parameters")
    assert evaluated(working.removeprefix("= ")) == (parameters or 840)
    assert uses == f"{connections:,} connections"
    if count == "each parameter is used once":
        assert connections == (parameters or 840)
    else:
        assert evaluated(count.removeprefix("= ")) == connections


@pytest.mark.parametrize("bars", MEASURES)
@pytest.mark.parametrize("layer", LAYERS)
def test_the_bars(monkeypatch, layer, bars):
    _, picture = painted(layer, bars)
    for i, (name, row) in enumerate(LAYERS.items()):
        colour = ImageColor.getrgb(row[5] if name == layer else "#B8B8B8")
        line = picture[BAR_TOP + LINE * i + 9, BAR_LEFT:BAR_LEFT + BAR]
        filled = (line == colour).all(axis=1).sum()
        assert abs(filled / BAR - row[COLUMN[bars]] / TOTAL[bars]) < 0.015, name
    numbers = [text for x, y, text in texts(monkeypatch, layer, bars) if 700 < x < 800 and y > 250]
    assert numbers == [f"{row[COLUMN[bars]]:,}" for row in LAYERS.values()]


@pytest.mark.parametrize("layer", LAYERS)
def test_the_layer_stands_out(monkeypatch, layer):
    _, picture = painted(layer)
    net = picture[:184]
    colour = ImageColor.getrgb(LAYERS[layer][5])
    places = texts(monkeypatch, layer)
    names = {text: x for x, y, text in places if y < 30}
    assert list(names) == ["input", *LAYERS]
    assert list(names.values()) == sorted(names.values())
    marked = np.flatnonzero((net[28] == colour).all(axis=1))  # the line under the name
    assert abs(marked.mean() - names[layer]) < 2
    others = {ImageColor.getrgb(row[5]) for row in LAYERS.values()} - {colour}
    assert not any((net == other).all(axis=2).any() for other in others)
    below = [text for _, y, text in places if 184 < y < 210]
    assert below == ["32 × 32", "6 × 28 × 28", "6 × 14 × 14", "16 × 10 × 10", "16 × 5 × 5", "120 units",
                     "84 units", "10 units"]


def test_the_maps_are_drawn_to_scale():
    _, picture = painted("C1")
    blue = (picture[40:184] == ImageColor.getrgb(BLUE)).all(axis=2)
    rows, columns = np.flatnonzero(blue.sum(axis=1) > 60), np.flatnonzero(blue.sum(axis=0) > 60)
    unit = (rows[-1] - rows[0]) / (28 + 5 * 2)  # six maps of 28, each two pixels further back
    assert abs((columns[-1] - columns[0]) / unit - 38) < 0.5
    assert abs(unit - 3.2) < 0.05


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
    with demos.architecture():
        assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(("arguments", "message"), [
    ({"layer": "C2"}, "layer must be one of C1, S2, C3, S4, C5, F6, output, not 'C2'"),
    ({"bars": "macs"}, "bars must be one of parameters, connections, multiply-adds, not 'macs'"),
])
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        demos.architecture(**arguments)
