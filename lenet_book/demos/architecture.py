"""LeNet-5 layer by layer: where each stands, how its size and its counts come about, its share."""

from functools import cache

from .. import paper
from ..arithmetic import explain
from ..ledger import Ledger, ledger
from ..plots.picture import INK, KINDS
from ..plots.to_scale import stacks
from .base import Demo, Facts
from .controls import choice, stops
from .examples import trained
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


def compute(layer: str, bars: str) -> Facts:
    """Count the layer in the net itself, and write out how its numbers come about."""
    table = _counts()
    number = [one.name for one in paper.LAYERS].index(layer)
    this, before, row = paper.LAYERS[number], paper.LAYERS[number - 1], table[number]
    k, subsampling = this.kernel, this.kind == "subsampling"
    size, uses = f"each reads all {before.maps} of {before.name}", "each parameter is used once"
    if k:
        size = explain(before.size if number else paper.INPUT_SIZE, k, k if subsampling else 1)
    if this.size > 1:
        once = f"({k}*{k} + 1) * {this.maps}" if subsampling else f"{row.parameters:,}"
        uses = f"= {once} * {this.size}*{this.size}"
    counts = [getattr(one, MEASURES[bars]) for one in table]
    return Facts(
        number=number, layer=this, shape=_NET[number + 1].shape, size=size,
        held=f"{row.fixed:,} fixed parameters" if row.fixed else f"{row.parameters:,} parameters",
        connections=row.connections, uses=uses, macs=row.macs,
        measured="trainable parameters" if bars == "parameters" else bars,
        counts=counts, total=sum(counts), shares=[_per_cent(count / sum(counts)) for count in counts],
        whole=f"{table.parameters:,} trainable and {table.fixed:,} fixed parameters and "
              f"{table.connections:,} connections")


def _per_cent(share: float) -> str:
    """With a second decimal where the first would be 0."""
    return f"{share:.2%}" if 0 < share < 0.001 else f"{share:.1%}"


def say(facts: Facts) -> str:
    """The numbers of the layer, and its share, in one sentence."""
    return (f"{facts.layer.name}, {facts.layer.kind}, {facts.shape}: {facts.layer.working} = "
            f"{facts.held}, {facts.connections:,} connections, {facts.macs:,} multiply-adds; "
            f"{facts.shares[facts.number]} of all {facts.total:,} {facts.measured}. "
            f"The whole net has {facts.whole}.")


def paint(sheet: Sheet, facts: Facts) -> None:
    """The net above, the words on the left, the bars on the right."""
    _draw_net(sheet, facts.number)
    sheet.title(_LEFT, _TOP, f"{facts.layer.name}: {facts.layer.kind}", 18)
    for i, (title, working) in enumerate([
            (facts.shape, facts.size), (facts.held, f"= {facts.layer.working}"),
            (f"{facts.connections:,} connections", facts.uses)]):
        sheet.title(_LEFT, _TOP + 36 + 62 * i, title, 16)
        sheet.text(_LEFT, _TOP + 59 + 62 * i, working, 14, anchor="lm")
    sheet.title(_RIGHT, _TOP, f"share of {facts.total:,} {facts.measured}")
    for i, (layer, count) in enumerate(zip(paper.LAYERS, facts.counts, strict=True)):
        y, strong = _TOP + 33 + 28 * i, i == facts.number
        sheet.text(_RIGHT, y, layer.name, 14, anchor="lm", **_style(strong))
        sheet.bar(_RIGHT + 62, y - 9, 180, 18, count / facts.total,
                  KINDS[layer.name[0].upper()] if strong else "#B8B8B8")
        sheet.text(_RIGHT + 318, y, f"{count:,}", 14, anchor="rm", **_style(strong))
        sheet.text(_RIGHT + 382, y, facts.shares[i], 14, anchor="rm", **_style(strong))


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
    return ledger(trained("lenet5-1998"), (1, paper.INPUT_SIZE, paper.INPUT_SIZE))
