"""LeNet-5 layer by layer: where each stands, how its size and its counts come about, its share."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch

from .. import paper
from ..arithmetic import explain
from ..ledger import Ledger, Row, ledger
from ..models import build
from ..plots import BLUE, GREEN, INK, ORANGE, PURPLE
from .base import Demo
from .controls import choice, stops
from .sheet import Sheet

MEASURES = {  # as it is called -> as the ledger has it
    "parameters": "parameters", "connections": "connections", "multiply-adds": "macs"}
_COLOURS = {  # by the first letter of a layer's name: for its lines, and paler for its maps
    "C": (BLUE, "#B8D5E8"), "S": (ORANGE, "#F8E2B8"), "F": (GREEN, "#B8E3D7"), "o": (PURPLE, "#F1DCE7")}
_UNIT, _MIDDLE = 3.2, 104  # pixels of the page for one of a map; the height on which all are centred
_LEFT, _RIGHT, _TOP = 24, 448, 240  # where the words, the bars, and both of them begin


def architecture(layer: str = "C1", bars: str = "parameters", projector: bool = False) -> Demo:
    """Walk through the LeNet-5 of 1998, one layer at a time.

    layer: "C1", "S2", "C3", "S4", "C5", "F6" or "output". bars: what is compared, one of MEASURES.
    """
    controls = {"layer": stops("layer", layer, [one.name for one in paper.LAYERS], 330),
                "bars": choice("bars", bars, list(MEASURES))}
    return Demo("architecture", compute, paint, say, controls, (840, 460), projector=projector)


@dataclass(frozen=True)
class Facts:
    """One layer among the others."""

    number: int  # of the layer, in paper.LAYERS and in the table
    table: Ledger
    kind: str  # of what is compared
    counts: tuple[int, ...]  # of what is compared, a layer each


def compute(layer: str, bars: str) -> Facts:
    table = _counts()
    return Facts([one.name for one in paper.LAYERS].index(layer), table,
                 "trainable parameters" if bars == "parameters" else bars,
                 tuple(getattr(row, MEASURES[bars]) for row in table))


@cache
def _counts() -> Ledger:
    with torch.random.fork_rng(devices=[]):  # its random weights shall not be felt elsewhere
        net = build("lenet5-1998")
    return ledger(net, (1, paper.INPUT_SIZE, paper.INPUT_SIZE))


def paint(sheet: Sheet, facts: Facts) -> None:
    _draw_net(sheet, facts.number)
    _explain(sheet, facts.number, facts.table.rows[facts.number])
    _share_bars(sheet, facts)


def say(facts: Facts) -> str:
    table, counts = facts.table, facts.counts
    layer, row = paper.LAYERS[facts.number], table.rows[facts.number]
    return (f"{layer.name}, {layer.kind}, {_shape(layer)}: "
            f"{layer.working} = {_held(row)}, {row.connections:,} connections, "
            f"{row.macs:,} multiply-adds; {_share(counts[facts.number], sum(counts))} of all "
            f"{sum(counts):,} {facts.kind}. The whole net has {table.parameters:,} trainable and "
            f"{table.fixed:,} fixed parameters and {table.connections:,} connections.")


def _explain(sheet: Sheet, number: int, row: Row) -> None:
    """How the size and the counts of a layer come about, in words on the left."""
    layer = paper.LAYERS[number]
    before, size = paper.LAYERS[number - 1], paper.LAYERS[number - 1].size
    subsampling = layer.kind == "subsampling"
    working = [explain(size if number else paper.INPUT_SIZE, layer.kernel, 1 + subsampling)
               if layer.kernel else f"each reads all {before.maps} of {before.name}",
               f"= {layer.working}",
               "each parameter is used once" if layer.size == 1 else
               f"= ({layer.kernel}*{layer.kernel} + 1) * {layer.maps} * {layer.size}*{layer.size}"
               if subsampling else f"= {row.parameters:,} * {layer.size}*{layer.size}"]
    titles = [_shape(layer), _held(row), f"{row.connections:,} connections"]
    sheet.title(_LEFT, _TOP, f"{layer.name}: {layer.kind}", 18)
    for i, (title, words) in enumerate(zip(titles, working, strict=True)):
        sheet.title(_LEFT, _TOP + 36 + 62 * i, title, 16)
        sheet.text(_LEFT, _TOP + 59 + 62 * i, words, 14, anchor="lm")


def _share_bars(sheet: Sheet, facts: Facts) -> None:
    """How much of the whole each layer has, on the right."""
    total = sum(facts.counts)
    sheet.title(_RIGHT, _TOP, f"share of {total:,} {facts.kind}")
    for i, (layer, count) in enumerate(zip(paper.LAYERS, facts.counts, strict=True)):
        y, style = _TOP + 33 + 28 * i, _style(i == facts.number)
        sheet.text(_RIGHT, y, layer.name, 14, anchor="lm", **style)
        sheet.bar(_RIGHT + 62, y - 9, 180, 18, count / total,
                  _COLOURS[layer.name[0]][0] if i == facts.number else "#B8B8B8")
        sheet.text(_RIGHT + 318, y, f"{count:,}", 14, anchor="rm", **style)
        sheet.text(_RIGHT + 382, y, _share(count, total), 14, anchor="rm", **style)


class _Stack(NamedTuple):
    """The maps of a layer in the drawing, the first in front; pixels of the page."""

    left: float
    width: float   # of one map
    height: float  # of one map
    maps: int
    step: float    # from one map to the next behind it, to the right and up

    def corner(self, i: int = 0) -> tuple[float, float]:
        """Upper left corner of map i."""
        behind = self.step * (self.maps - 1)
        return self.left + i * self.step, _MIDDLE + (behind - self.height) / 2 - i * self.step


@cache
def _stacks() -> list[_Stack]:
    """The input and the seven layers from left to right, all maps on one scale."""
    stacks, left = [], float(_LEFT)
    for maps, size in [(1, paper.INPUT_SIZE), *((layer.maps, layer.size) for layer in paper.LAYERS)]:
        if size > 1:
            step = min(2, 16 / maps) * _UNIT
            stacks.append(_Stack(left, size * _UNIT, size * _UNIT, maps, step))
            left += size * _UNIT + step * (maps - 1) + (30 if size > 5 else 50)
        else:  # a column, a third of a pixel high for each unit
            stacks.append(_Stack(left, 2 * _UNIT, maps * _UNIT / 3, 1, 0))
            left += 2 * _UNIT + 64
    return stacks


def _draw_net(sheet: Sheet, number: int) -> None:
    """The whole net, one layer in colour, and for each what a unit of it reads."""
    stacks = _stacks()
    names = ["input", *(layer.name for layer in paper.LAYERS)]
    shapes = [f"{paper.INPUT_SIZE} × {paper.INPUT_SIZE}", *(_shape(layer) for layer in paper.LAYERS)]
    for i, stack in enumerate(stacks):
        strong = i == number + 1
        colour, tint = _COLOURS[names[i][0]] if strong else ("#9A9A9A", "white")
        for one in reversed(range(stack.maps)):
            sheet.fill(*stack.corner(one), stack.width, stack.height, tint if stack.step else colour)
            sheet.outline(*stack.corner(one), stack.width, stack.height, colour, 1)
        middle = stack.left + (stack.width + stack.step * (stack.maps - 1)) / 2
        sheet.text(middle, 16, names[i], 15, anchor="mm", **_style(strong))
        sheet.text(middle, 196, shapes[i], 13, anchor="mm", **_style(strong))
        if strong:
            sheet.fill(middle - 30, 27, 60, 4, colour)
    for i in range(1, len(stacks)):
        if i != number + 1:
            _draw_reading(sheet, stacks[i - 1], stacks[i], paper.LAYERS[i - 1].kernel, "#B8B8B8", 1)
    colour = _COLOURS[names[number + 1][0]][0]
    _draw_reading(sheet, *stacks[number:number + 2], paper.LAYERS[number].kernel, colour, 2)


def _draw_reading(sheet: Sheet, before: _Stack, stack: _Stack, kernel: int, colour: str,
                  thickness: float) -> None:
    """From the window on the front map of one layer to the unit that it feeds."""
    if not kernel:  # from a whole column to the whole of the next
        (x, y), (to_x, to_y) = before.corner(), stack.corner()
        for down in (0, 1):
            sheet.curve([(x + before.width, y + down * before.height),
                         (to_x, to_y + down * stack.height)], colour, thickness)
        return
    side = kernel * _UNIT
    x, y = before.corner()
    x, y = x + (before.width - side) * 0.8, y + (before.height - side) * 0.6
    sheet.outline(x, y, side, side, colour, thickness + 1)
    to_x, to_y = stack.corner()
    if stack.maps == 1:
        to_y += stack.height / 2
    else:
        to_x, to_y = to_x + stack.width * 0.2, to_y + stack.height * 0.6
        sheet.fill(to_x, to_y - _UNIT / 2, _UNIT, _UNIT, colour)
    for down in (0, side):
        sheet.curve([(x + side, y + down), (to_x, to_y)], colour, thickness)


def _style(strong: bool) -> dict:
    return {"colour": INK if strong else "#707070", "bold": strong}


def _shape(layer: paper.Layer) -> str:
    return f"{layer.maps} × {layer.size} × {layer.size}" if layer.size > 1 else f"{layer.maps} units"


def _held(row: Row) -> str:
    return f"{row.fixed:,} fixed parameters" if row.fixed else f"{row.parameters:,} parameters"


def _share(count: int, total: int) -> str:
    """A share in per cent, with a second decimal where the first would be 0."""
    share = count / total
    return f"{share:.2%}" if 0 < share < 0.001 else f"{share:.1%}"
