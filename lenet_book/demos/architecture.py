"""LeNet-5 layer by layer: where each stands, how its size and its counts come about, its share."""

from dataclasses import dataclass
from functools import cache

import torch

from .. import paper
from ..arithmetic import explain
from ..ledger import Ledger, ledger
from ..models import build
from ..plots.picture import INK, KINDS
from ..plots.to_scale import stacks
from .base import Demo
from .controls import choice, stops
from .sheet import Sheet

MEASURES = {  # as it is called -> as the ledger has it
    "parameters": "parameters", "connections": "connections", "multiply-adds": "macs"}
_NET = stacks(paper.LAYERS, paper.INPUT_SIZE)  # the input and the seven layers
_TINTS = {"C": "#B8D5E8", "S": "#F8E2B8", "F": "#B8E3D7", "O": "#F1DCE7"}  # KINDS, but paler
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
    """Everything that is shown: of one layer, of all layers, and of the whole net."""

    number: int               # of the layer in paper.LAYERS
    size: str                 # how its size comes about
    trainable: int            # parameters
    fixed: int                # parameters
    connections: int
    uses: str                 # how the connections come about
    macs: int
    measured: str             # what is compared
    counts: tuple[int, ...]   # of it, in each layer
    whole: str                # what the net has in all

    @property
    def layer(self) -> paper.Layer:
        return paper.LAYERS[self.number]

    @property
    def shape(self) -> str:
        return _NET[self.number + 1].shape

    @property
    def held(self) -> str:
        return f"{self.fixed:,} fixed parameters" if self.fixed else f"{self.trainable:,} parameters"

    def share(self, number: int) -> str:
        """Of a layer, in per cent, with a second decimal where the first would be 0."""
        share = self.counts[number] / sum(self.counts)
        return f"{share:.2%}" if 0 < share < 0.001 else f"{share:.1%}"


def compute(layer: str, bars: str) -> Facts:
    """Count the layer in the net itself, and write out how its numbers come about."""
    table = _counts()
    number = [one.name for one in paper.LAYERS].index(layer)
    this, before, row = paper.LAYERS[number], paper.LAYERS[number - 1], table[number]
    k, subsampling = this.kernel, this.kind == "subsampling"
    read = before.size if number else paper.INPUT_SIZE
    once = f"({k}*{k} + 1) * {this.maps}" if subsampling else f"{row.parameters:,}"
    return Facts(
        number, explain(read, k, k if subsampling else 1) if k else
        f"each reads all {before.maps} of {before.name}",
        row.parameters, row.fixed, row.connections,
        f"= {once} * {this.size}*{this.size}" if this.size > 1 else "each parameter is used once",
        row.macs, "trainable parameters" if bars == "parameters" else bars,
        tuple(getattr(one, MEASURES[bars]) for one in table),
        f"{table.parameters:,} trainable and {table.fixed:,} fixed parameters and "
        f"{table.connections:,} connections")


def say(facts: Facts) -> str:
    """The numbers of the layer, and its share, in one sentence."""
    return (f"{facts.layer.name}, {facts.layer.kind}, {facts.shape}: {facts.layer.working} = "
            f"{facts.held}, {facts.connections:,} connections, {facts.macs:,} multiply-adds; "
            f"{facts.share(facts.number)} of all {sum(facts.counts):,} {facts.measured}. "
            f"The whole net has {facts.whole}.")


def paint(sheet: Sheet, facts: Facts) -> None:
    """The net above, the words on the left, the bars on the right."""
    _draw_net(sheet, facts.number)
    sheet.text(_LEFT, _TOP, f"{facts.layer.name}: {facts.layer.kind}", 18, anchor="lm", bold=True)
    for i, (title, working) in enumerate([
            (facts.shape, facts.size), (facts.held, f"= {facts.layer.working}"),
            (f"{facts.connections:,} connections", facts.uses)]):
        sheet.text(_LEFT, _TOP + 36 + 62 * i, title, 16, anchor="lm", bold=True)
        sheet.text(_LEFT, _TOP + 59 + 62 * i, working, 14, anchor="lm")
    total = sum(facts.counts)
    sheet.text(_RIGHT, _TOP, f"share of {total:,} {facts.measured}", 15, anchor="lm", bold=True)
    for i, (layer, count) in enumerate(zip(paper.LAYERS, facts.counts, strict=True)):
        y, strong = _TOP + 33 + 28 * i, i == facts.number
        sheet.text(_RIGHT, y, layer.name, 14, anchor="lm", **_style(strong))
        sheet.bar(_RIGHT + 62, y - 9, 180, 18, count / total,
                  KINDS[layer.name[0].upper()] if strong else "#B8B8B8")
        sheet.text(_RIGHT + 318, y, f"{count:,}", 14, anchor="rm", **_style(strong))
        sheet.text(_RIGHT + 382, y, facts.share(i), 14, anchor="rm", **_style(strong))


def _draw_net(sheet: Sheet, number: int) -> None:
    """The whole net, one layer in colour, and for each what a unit of it reads."""
    kind = _NET[number + 1].name[0].upper()
    for stack in _NET:
        strong = stack is _NET[number + 1]
        colour, tint = (KINDS[kind], _TINTS[kind]) if strong else ("#9A9A9A", "white")
        for box in reversed(stack.boxes()):
            sheet.fill(*_on_page(box), tint if stack.size > 1 else colour)
            sheet.outline(*_on_page(box), colour, 1)
        middle = _LEFT + (stack.left + stack.width / 2) * _UNIT
        sheet.text(middle, 16, stack.name, 15, **_style(strong))
        sheet.text(middle, 196, stack.shape, 13, **_style(strong))
        if strong:
            sheet.fill(middle - 30, 27, 60, 4, colour)
    others = [i for i in range(len(paper.LAYERS)) if i != number]
    for i in [*others, number]:  # the coloured lines last, over all others
        colour, thickness = (KINDS[kind], 2) if i == number else ("#B8B8B8", 1)
        window, unit = map(_on_page, _NET[i + 1].reads(_NET[i]))
        if _NET[i + 1].kernel:
            sheet.outline(*window, colour, thickness + 1)
        sheet.fill(*unit, colour)
        for bottom in (0, 1):
            sheet.curve([(window[0] + window[2], window[1] + bottom * window[3]),
                         (unit[0], unit[1] + bottom * unit[3])], colour, thickness)


def _on_page(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x, y, width, height = (_UNIT * length for length in box)
    return _LEFT + x, _MIDDLE + y, width, height


def _style(strong: bool) -> dict:
    return {"colour": INK if strong else "#707070", "bold": strong}


@cache
def _counts() -> Ledger:
    with torch.random.fork_rng(devices=[]):  # its random weights shall not be felt elsewhere
        net = build("lenet5-1998")
    return ledger(net, (1, paper.INPUT_SIZE, paper.INPUT_SIZE))
