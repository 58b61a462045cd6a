"""LeNet-5 layer by layer: where each stands, how its size and its counts come about, its share."""

from functools import cache

from .. import paper
from ..arithmetic import explain
from ..ledger import Ledger, ledger
from ..plots.picture import INK, KINDS, PALE
from ..plots.to_scale import stacks
from .base import Demo, Facts
from .controls import choice, stops
from .examples import trained
from .sheet import GREY, TINTS, Sheet

MEASURES = {  # as it is called -> as the ledger has it
    "parameters": "parameters", "connections": "connections", "multiply-adds": "macs"}
_MIDDLES = 62, 180, 292, 404, 516, 616, 704, 792  # pixels: of the columns of the input and the layers
_UNIT, _HEIGHT = 2.2, 72  # pixels for one of a map; the height on which all maps are centred
_NET = [stack._replace(left=middle / _UNIT - stack.width / 2) for stack, middle in zip(
    stacks(paper.LAYERS, paper.INPUT_SIZE), _MIDDLES, strict=True)]
_LEFT, _FOOT, _BAR = 12, 182, 40  # where words begin, bars stand, and how long the longest of them is


def architecture(layer: str = "C1", bars: str = "parameters", projector: bool = False,
                 hidden: bool = False) -> Demo:
    """Walk through the LeNet-5 of 1998, one layer at a time.

    layer: "C1", "S2", "C3", "S4", "C5", "F6" or "output". bars: what is compared, one of MEASURES.
    """
    controls = {"layer": stops("layer", layer, [one.name for one in paper.LAYERS], 330),
                "bars": choice("bars show", bars, list(MEASURES), width=250)}
    return Demo("architecture", compute, paint, say, controls, (840, 296), projector=projector,
                hidden=hidden, plays=["layer"])


def compute(layer: str, bars: str) -> Facts:
    """Count the layer in the net itself, and write out how its numbers come about."""
    table = _counts()
    number = [one.name for one in paper.LAYERS].index(layer)
    this, before, row = paper.LAYERS[number], paper.LAYERS[number - 1], table[number]
    k, subsampling = this.kernel, this.kind == "subsampling"
    size = f"each unit reads all {before.maps} of {before.name}"
    uses = f"{row.connections:,} connections: each parameter is used once"
    if k:
        size = explain(before.size if number else paper.INPUT_SIZE, k, k if subsampling else 1)
    if this.size > 1:
        once = f"({k}*{k} + 1) * {this.maps}" if subsampling else f"{row.parameters:,}"
        uses = f"{once} * {this.size}*{this.size} = {row.connections:,} connections"
    counts = [getattr(one, MEASURES[bars]) for one in table]
    return Facts(
        number=number, layer=this, shape=_NET[number + 1].shape, size=size,
        held=f"{row.fixed:,} fixed parameters" if row.fixed else f"{row.parameters:,} parameters",
        connections=row.connections, uses=uses, macs=row.macs,
        measured="trainable parameters" if bars == "parameters" else bars,
        counts=counts, total=sum(counts), shares=[_per_cent(count / sum(counts)) for count in counts])


def _per_cent(share: float) -> str:
    """With a second decimal where the first would be 0."""
    return f"{share:.2%}" if 0 < share < 0.001 else f"{share:.1%}"


def say(facts: Facts) -> str:
    """The numbers of the layer, and its share, in one sentence."""
    return (f"{facts.layer.name}, {facts.layer.kind}, {facts.shape}: {facts.layer.working} = "
            f"{facts.held}, {facts.connections:,} connections, {facts.macs:,} multiply-adds; "
            f"{facts.shares[facts.number]} of all {facts.total:,} {facts.measured}.")


def paint(sheet: Sheet, facts: Facts) -> None:
    """A column for each layer with maps, bar and share; below, how the chosen one counts."""
    _draw_net(sheet, facts.number)
    *trainable, measure = facts.measured.split()
    for y, words in ((_FOOT - 3, "".join(trainable)), (_FOOT + 16, measure),
                     (_FOOT + 36, f"of {facts.total:,}")):
        sheet.text(_LEFT, y, words)
    for i, (middle, layer) in enumerate(zip(_MIDDLES[1:], paper.LAYERS, strict=True)):
        strong = i == facts.number
        height = _BAR * facts.counts[i] / max(facts.counts)
        sheet.fill(middle - 30, _FOOT - height, 60, height,
                   KINDS[layer.name[0].upper()] if strong else "#B8B8B8")
        sheet.fill(middle - 36, _FOOT, 72, 1, GREY)
        sheet.text(middle, _FOOT + 16, f"{facts.counts[i]:,}", anchor="mm", **_style(strong))
        sheet.text(middle, _FOOT + 36, facts.shares[i], anchor="mm", **_style(strong))
    sheet.answer(_MIDDLES[1] - 48, _FOOT - _BAR - 1, 706, _BAR + 46)
    sheet.fill(_LEFT, 230, 816, 1, PALE)
    sheet.title(_LEFT, 243, f"{facts.layer.name}: {facts.layer.kind}")
    sheet.text(280, 243, "size " * bool(facts.layer.kernel) + facts.size)
    sheet.text(_LEFT, 264, f"{facts.layer.working} = {facts.held}")
    sheet.text(_LEFT, 284, f"{facts.uses}; {facts.macs:,} multiply-adds")
    sheet.answer(_LEFT - 4, 254, 826, 40)


def _draw_net(sheet: Sheet, number: int) -> None:
    """The whole net, one layer in colour, and for each what a unit of it reads."""
    chosen = KINDS[_NET[number + 1].name[0].upper()]
    for stack, middle in zip(_NET, _MIDDLES, strict=True):
        strong = stack is _NET[number + 1]
        colour, tint = (chosen, TINTS[chosen]) if strong else ("#9A9A9A", "white")
        for box in reversed(stack.boxes()):
            sheet.fill(*_on_page(box), tint if stack.size > 1 else colour)
            sheet.outline(*_on_page(box), colour, 1)
        sheet.text(middle, 13, stack.name, anchor="mm", **_style(strong))
        sheet.text(middle, 127, stack.shape, colour=INK if strong else "#707070", anchor="mm")
        if strong:
            sheet.fill(middle - 30, 23, 60, 3, colour)
    others = [i for i in range(len(paper.LAYERS)) if i != number]
    for i in [*others, number]:  # the coloured lines last, over all others
        colour, thickness = (chosen, 2) if i == number else ("#B8B8B8", 1)
        window, unit = map(_on_page, _NET[i + 1].reads(_NET[i]))
        if _NET[i + 1].kernel:
            sheet.outline(*window, colour, thickness + 1)
        sheet.fill(*unit, colour)
        for bottom in (0, 1):
            sheet.curve([(window[0] + window[2], window[1] + bottom * window[3]),
                         (unit[0], unit[1] + bottom * unit[3])], colour, thickness)


def _on_page(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x, y, width, height = (_UNIT * length for length in box)
    return x, _HEIGHT + y, width, height


def _style(strong: bool) -> dict:
    return {"colour": INK if strong else "#707070", "bold": strong}


@cache
def _counts() -> Ledger:
    return ledger(trained("lenet5-1998"), (1, paper.INPUT_SIZE, paper.INPUT_SIZE))
