"""An Inception module: four paths side by side, what each costs, and what the reductions save."""

import math
from typing import NamedTuple

import numpy as np

from ..plots import BLUE, GREEN, INK, ORANGE, PALE, PURPLE
from .base import Demo, Facts
from .controls import slider, switch
from .sheet import GREY, TINTS, Sheet
from .words import number

_COLOURS = BLUE, GREEN, ORANGE, PURPLE  # of the four paths
_THIN = 16  # maps in one pixel of a band's thickness
_TOP, _PITCH, _HIGH = 34, 54, 46  # pixels: the first path, from path to path, and the height of a box
_INPUT, _FIRST, _SECOND, _JOIN, _RIGHT = 14, 84, 336, 612, 648  # where the columns begin
_WIDE, _GAP, _BAR = 200, 52, 12  # the widths of a box, between boxes, and of the input and the join


class Layer(NamedTuple):
    """A convolution of one of the paths, or its pooling, which has no weights."""

    name: str
    maps: int  # that it gives out
    weights: int


def inception(inputs: int = 192, size: int = 28, reductions: bool = True, ones: int = 64,
              reduce3: int = 96, threes: int = 128, reduce5: int = 16, fives: int = 32,
              projection: int = 32, projector: bool = False, hidden: bool = False) -> Demo:
    """The four paths of an Inception module, what each costs, and how much its 1 x 1 reductions save.

    inputs: maps, 8 to 832. size: height and width of a map, 1 to 28 pixels. reductions: False for the
    naive module, which uses neither reduce3 nor reduce5 nor projection. The six widths, 8 to 384 maps
    each, are those of `models.googlenet.Inception`; at first all are those of GoogLeNet's 3a.
    """
    def width(label: str, value: int):
        return slider(label, value, 8, 384, 8)

    controls = {
        "inputs": slider("input maps", inputs, 8, 832, 8), "size": slider("map size", size, 1, 28),
        "reductions": switch("1 × 1 reductions", reductions, width=245),
        "ones": width("1 × 1", ones), "reduce3": width("3 × 3 reduce", reduce3),
        "threes": width("3 × 3", threes), "projection": width("projection", projection),
        "reduce5": width("5 × 5 reduce", reduce5), "fives": width("5 × 5", fives),
    }
    return Demo("inception", compute, paint, say, controls, (840, 275), projector=projector,
                hidden=hidden)


def compute(inputs, size, reductions, ones, reduce3, threes, reduce5, fives, projection) -> Facts:
    """Count the module with its reductions and without them."""
    first, pooling = _convolution(1, inputs, ones), Layer("3 × 3 max pooling", inputs, 0)
    modules = {
        True: _counted(
            size, [first], [_convolution(1, inputs, reduce3), _convolution(3, reduce3, threes)],
            [_convolution(1, inputs, reduce5), _convolution(5, reduce5, fives)],
            [pooling, _convolution(1, inputs, projection)]),
        False: _counted(size, [first], [_convolution(3, inputs, threes)],
                        [_convolution(5, inputs, fives)], [pooling])}
    return Facts(inputs=inputs, size=size, reductions=reductions, modules=modules,
                 module=modules[reductions], other=modules[not reductions])


def _convolution(kernel: int, inputs: int, maps: int) -> Layer:
    return Layer(f"{kernel} × {kernel}", maps, kernel**2 * inputs * maps)


def _counted(size: int, *paths: list[Layer]) -> Facts:
    layers = [layer for path in paths for layer in path]
    weights = sum(layer.weights for layer in layers)
    return Facts(paths=paths, maps=sum(path[-1].maps for path in paths), weights=weights,
                 biases=sum(layer.maps for layer in layers if layer.weights),
                 macs=weights * size**2)  # each weight is used once at each place of a map


def say(facts: Facts) -> str:
    module, other = facts.module, facts.other
    this, that = ("With", "without") if facts.reductions else ("Without", "with")
    replaced = f", not {other.maps:,}" if other.maps != module.maps else " either way"
    passed = "" if facts.reductions else f": pooling passes on all {facts.inputs}"
    return (f"{this} reductions the module has {module.weights:,} weights (and "
            f"{module.biases:,} biases) and {_millions(module.macs)} multiply-adds, "
            f"{_compared(module.weights, other.weights)} {that} ({other.weights:,} and "
            f"{_millions(other.macs)}). It gives out {module.maps:,} maps{replaced}{passed}.")


def _millions(count: int) -> str:
    return f"{count / 1e6:,.1f} million" if count >= 1e6 else f"{count:,}"


def _compared(count: int, other: int) -> str:
    times = number(max(count, other) / min(count, other))
    if times == "1.00":
        return "about as many as"
    return f"{times} times fewer than" if count < other else f"{times} times as many as"


def paint(sheet: Sheet, facts: Facts) -> None:
    """Bands of maps from the input through the boxes of each path to the join, and what all cost."""
    module, middle = facts.module, _middle(1.5)
    for row in range(4):
        _band(sheet, _INPUT + _BAR, middle, _FIRST, _middle(row), facts.inputs, PALE)
    labels = []  # painted over all bands
    end = middle - module.maps / _THIN / 2  # of the next path, in the join
    for row, path in enumerate(module.paths):
        x, y, maps, colour = _FIRST, _middle(row), facts.inputs, PALE
        for left, layer in zip((_FIRST, _SECOND)[-len(path):], path, strict=True):
            _band(sheet, x, y, left, y, maps, colour)
            labels += [(left - _GAP / 2, y, maps)] * (left == _SECOND)
            _box(sheet, left, y, layer, facts, row)
            x, maps, colour = left + _WIDE, layer.maps, TINTS[_COLOURS[row]]
        high = maps / _THIN
        _band(sheet, x, y, _JOIN, end + high / 2, maps, colour)
        labels += [(x + 22, y, maps)]
        sheet.fill(_JOIN, end, _BAR, high, _COLOURS[row])
        end += high
    for x, y, maps in labels:
        sheet.fill(x - 17, y - 9, 34, 18, "white")
        sheet.text(x, y, maps, anchor="mm")
    high = max(facts.inputs / _THIN, 1)
    sheet.fill(_INPUT, middle - high / 2, _BAR, high, INK)
    sheet.title(_INPUT, 16, f"{facts.inputs} maps of {facts.size} × {facts.size}")
    sheet.text(_INPUT, 260, f"Bands: maps. Boxes: weights, × {facts.size}² places = multiply-adds; "
               "shaded: their share of all.")
    _costs(sheet, facts)


def _middle(row: float) -> float:
    return _TOP + _PITCH * row + _HIGH / 2


def _band(sheet: Sheet, x: float, y: float, to_x: float, to_y: float, maps: int, colour: str) -> None:
    """So many maps on their way; it is level where it begins and where it ends."""
    thick = max(maps / _THIN, 1)
    if y == to_y:
        sheet.fill(x - 1, y - thick / 2, to_x - x + 1, thick, colour)  # over the end of the bend
        return
    share = np.linspace(0, 1, 12)
    points = np.stack([x + (to_x - x) * share, y + (to_y - y) * share**2 * (3 - 2 * share)], axis=1)
    strands = math.ceil(thick / 14)  # a curve much thicker than that has cracks where it bends
    for strand in range(strands):
        lower = ((strand + 0.5) / strands - 0.5) * thick
        sheet.curve(points + (0, lower), colour, thick / strands + (strands > 1))


def _box(sheet: Sheet, left: float, y: float, layer: Layer, facts: Facts, row: int) -> None:
    top, right = y - _HIGH / 2, left + _WIDE - 8
    sheet.fill(left, top, _WIDE, _HIGH, "white")
    sheet.fill(left, top, _WIDE * layer.weights / facts.module.weights, _HIGH, TINTS[_COLOURS[row]])
    sheet.outline(left, top, _WIDE, _HIGH, _COLOURS[row], 2)
    sheet.title(left + 8, y - 11, layer.name)
    if layer.weights:
        sheet.text(right, y - 11, f"{layer.weights:,}", anchor="rm")
        sheet.text(right, y + 11, f"× {facts.size}² = {layer.weights * facts.size**2:,}", anchor="rm")
    else:
        sheet.text(right, y + 11, "no weights", anchor="rm")


def _costs(sheet: Sheet, facts: Facts) -> None:
    """What comes out, and the multiply-adds of both modules side by side."""
    sheet.title(_RIGHT, 16, f"{facts.module.maps:,} maps joined")
    sheet.title(_RIGHT, 52, "the whole module")
    most = max(module.macs for module in facts.modules.values())
    for i, (reductions, module) in enumerate(facts.modules.items()):
        y, chosen = 80 + 90 * i, reductions == facts.reductions
        words = "with reductions" if reductions else "without"
        sheet.text(_RIGHT, y, "▶ " * chosen + words, bold=chosen)
        sheet.bar(_RIGHT, y + 14, 170, 18, module.macs / most, BLUE if chosen else GREY)
        for below, count in ((42, f"{module.weights:,}"), (62, f"× {facts.size}² = {module.macs:,}")):
            sheet.text(840 - 22, y + below, count, anchor="rm")
    sheet.answer(_RIGHT - 8, 2, 840 - _RIGHT, 244)
