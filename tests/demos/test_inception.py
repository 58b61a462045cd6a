"""The demo of an Inception module against the module itself, counted by the ledger, and hand sums."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import Recorder

from lenet_book import demos
from lenet_book.demos.inception import compute, paint, say
from lenet_book.ledger import ledger
from lenet_book.models.googlenet import Inception
from lenet_book.plots import BLUE, GREEN, ORANGE, PURPLE

START = {"inputs": 192, "size": 28, "reductions": True, "ones": 64, "reduce3": 96, "threes": 128,
         "reduce5": 16, "fives": 32, "projection": 32}  # 3a of GoogLeNet
SIX = list(START)[3:]
WIDTHS = st.integers(1, 48).map(lambda eighth: 8 * eighth)
MODULES = st.fixed_dictionaries({
    "inputs": st.integers(1, 104).map(lambda eighth: 8 * eighth), "size": st.integers(1, 28),
    "reductions": st.booleans(), **dict.fromkeys(SIX, WIDTHS)})


def count(values):
    """The module as chapter 14 builds it, by the ledger."""
    with torch.device("meta"):  # numbers are not needed
        module = Inception(values["inputs"], *(values[name] for name in SIX),
                           reductions=values["reductions"])
    return module, ledger(module, (values["inputs"], values["size"], values["size"]))


@given(MODULES)
@settings(max_examples=10, deadline=None)
def test_the_facts_against_the_ledger(values):
    facts = compute(**values)
    for reductions in (True, False):
        module, table = count({**values, "reductions": reductions})
        counted = facts.modules[reductions]
        assert counted.maps == module.maps and counted.macs == table.macs
        assert counted.weights + counted.biases == table.parameters
        assert counted.weights == sum(p.numel() for p in module.parameters() if p.dim() > 1)
        layers = [layer for path in counted.paths for layer in path if layer.weights]
        rows = [row for row in table if row.macs]
        assert [layer.weights * values["size"]**2 for layer in layers] == [row.macs for row in rows]
    assert facts.module is facts.modules[values["reductions"]]
    assert facts.other is facts.modules[not values["reductions"]]


def test_the_first_picture_is_3a_of_googlenet_by_hand():
    with demos.inception() as demo:
        assert demo.values == START
        by_hand = [192*64, 192*96, 9*96*128, 192*16, 25*16*32, 192*32]
        module = demo.facts.module
        assert [layer.weights for path in module.paths for layer in path] == [
            *by_hand[:5], 0, by_hand[5]]  # pooling has none
        assert demo.value == (
            "With reductions the module has 163,328 weights (and 368 biases) and 128.0 million "
            "multiply-adds, 2.37 times fewer than without (387,072 and 303.5 million). It gives out "
            "256 maps, not 416.")
        assert (sum(by_hand), 784 * sum(by_hand)) == (163_328, 128_049_152)
        assert 163_328 // 1024 == 159 and round(128_049_152 / 1e6) == 128  # as in the paper's Table 1
        demo.controls["reductions"].value = False
        assert 192*64 + 9*192*128 + 25*192*32 == 387_072
        assert demo.value == (
            "Without reductions the module has 387,072 weights (and 224 biases) and 303.5 million "
            "multiply-adds, 2.37 times as many as with (163,328 and 128.0 million). It gives out "
            "416 maps, not 256: pooling passes on all 192.")


@pytest.mark.parametrize(("change", "words"), [
    ({"reduce3": 384}, "1.42 times as many as without (387,072"),  # reductions may cost more
    ({"inputs": 8, "projection": 8}, "It gives out 232 maps either way."),
    ({"inputs": 8, "projection": 8, "reductions": False},
     "It gives out 232 maps either way: pooling passes on all 8."),
    ({"size": 1}, "163,328 weights (and 368 biases) and 163,328 multiply-adds, 2.37 times"),
    ({"reduce3": 264, "ones": 384}, "450,560 weights (and 856 biases) and 353.2 million multiply-adds, "
                                    "about as many as without (448,512")])
def test_the_sentence(change, words):
    assert words in say(compute(**{**START, **change}))


@given(MODULES)
@settings(max_examples=10, deadline=None)
def test_the_picture_shows_the_facts(values):
    facts = compute(**values)
    sheet, size = Recorder(paint, facts), values["size"]
    layers = [layer for path in facts.module.paths for layer in path]
    boxes = [box for box in sheet.outlines if box.colour in (BLUE, GREEN, ORANGE, PURPLE)]
    assert len(boxes) == len(layers) == (7 if values["reductions"] else 4)
    for layer, box in zip(layers, boxes, strict=True):
        inside = [str(text.words) for text in sheet.texts if box.x <= text.x <= box.x + box.width
                  and box.y <= text.y <= box.y + box.height]
        macs = layer.weights * size**2
        assert inside == ([layer.name, f"{layer.weights:,}", f"× {size}² = {macs:,}"] if macs
                          else ["3 × 3 max pooling", "no weights"])
        shade = next(fill for fill in sheet.fills[::-1] if (fill.x, fill.y) == (box.x, box.y))
        assert shade.width == pytest.approx(box.width * macs / facts.module.macs)
    joined = [fill for fill in sheet.fills if fill.colour in (BLUE, GREEN, ORANGE, PURPLE)
              and fill.x != sheet.bars[0].x]
    assert [16 * part.height for part in joined] == [path[-1].maps for path in facts.module.paths]
    for above, below in zip(joined, joined[1:], strict=False):
        assert below.y == pytest.approx(above.y + above.height)
    on_bands = [text.words for text in sheet.texts if type(text.words) is int]
    assert sorted(on_bands) == sorted(maps for path in facts.module.paths for maps in [
        path[0].maps if len(path) > 1 else values["inputs"], path[-1].maps])
    shares = [bar.share for bar in sheet.bars]
    assert shares == [module.macs / max(m.macs for m in facts.modules.values())
                      for module in facts.modules.values()]
    assert ("▶ with reductions" in sheet.words, "▶ without" in sheet.words) == (
        values["reductions"], not values["reductions"])
    for module in facts.modules.values():
        assert {f"{module.weights:,}", f"× {size}² = {module.macs:,}"} <= set(sheet.words)
    assert f"{facts.module.maps:,} maps joined" in sheet.words


def test_a_band_is_as_thick_as_it_has_maps():
    for maps in (96, 384):
        facts = compute(**{**START, "reduce3": maps})
        middle = next(text for text in Recorder(paint, facts).texts if text.words == maps)
        column = Recorder(paint, facts).pixels[:, round(middle.x) + 20]  # beside the number
        top = round(middle.y) - 27
        assert (column[top:top + 54] != 255).any(axis=1).sum() == maps / 16
