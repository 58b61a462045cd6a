"""A trained LeNet-5 with parts of it broken: what does it still read, of one digit and of a hundred?

All is computed in double precision, so that sums in another order, as in the page or on another CPU,
round alike: among a hundred digits some are undecided.
"""

import math
from collections.abc import Collection, Sequence
from copy import deepcopy
from functools import cache, lru_cache

import torch
from torch import Tensor, nn

from .. import paper
from ..arguments import sequence, shown, text
from ..plots import BLUE, INK, RED
from .base import Demo, Facts
from .controls import Held, button, choice, slider, stops, switch
from .examples import test_digits, trained
from .reading import LAYERS, NETS, last_modules, paint_glyphs, paint_label, paint_scores, read
from .sheet import Sheet
from .words import article, listed

DIGITS = 100  # that are counted: the first of the test set
_MAPS = {layer.name.lower(): layer.maps for layer in paper.LAYERS[:-1]}
PARTS = [f"{layer} {number}" for layer, count in _MAPS.items() for number in range(count)]
# Of each layer: left, top, side of a map or unit, from one to the next, maps in a row.
_PLACES = {"c1": (136, 34, 46, 50, 3), "s2": (296, 34, 46, 50, 3), "c3": (456, 34, 31, 34, 6),
           "s4": (136, 168, 31, 34, 6), "c5": (354, 168, 12, 12, 12), "f6": (512, 168, 10.5, 10.5, 7)}
_INPUT, _SIDE, _TOP = 12, 96, 34  # pixels: where the input begins, its side; the top of the pictures
_IDEAL, _SCORES = 600, 688        # where the ideal glyph begins, and the scores
_NAMED = 4  # of a layer so many that are off are named, more are counted


def ablation(index: int = 0, net: str = "lenet5-1998", off: Sequence[str] = (), noise: int = 0,
             biases: bool = True, part: str = "c1 0", projector: bool = False,
             hidden: bool = False) -> Demo:
    """Break a trained LeNet-5, map by map or all over: what does it still read?

    index: of the test digit, 0 to 99. net: "lenet5-1998" or "lenet5". off: the maps and units that
    give out 0, each as its layer and its number in it, such as "c1 3" or "f6 83". noise: standard
    deviation of what is added to the weights, 0 to 100 percent of that of their layer's. biases:
    False for a net without any. part: the map or unit that the buttons switch, as in off.
    """
    controls = {
        "index": slider("test digit", index, 0, DIGITS - 1, width=242),
        "net": choice("LeNet-5", net, NETS, width=170),
        "part": stops("map or unit", _part("part", part), [(_called(one), one) for one in PARTS], 300),
        "noise": slider("noise on weights, %", noise, 0, 100, 5, width=270),
        "biases": switch("biases", biases, 80),
        "off": Held("off", off, _parts, "what is off"),
        "flip": button("off / on", "switches the framed map or unit, as a click on it does", 80),
        "layer": button("whole layer off / on", "switches all maps or units of that layer", 150),
        "mend": button("mend", "the net is as it was trained", 80),
    }
    return Demo("ablation", compute, paint, say, controls, (840, 300), ACTIONS,
                projector=projector, hidden=hidden,
                needs=["test-digits", *(name for _, name in NETS)])


def _part(name: str, value) -> str:
    if text(name, value) not in PARTS:
        ranges = [f"{layer} 0 to {count - 1}" for layer, count in _MAPS.items()]
        raise ValueError(f"{name} must be one of {', '.join(ranges)}, not {shown(value)}")
    return value


def _parts(name: str, value) -> list[str]:
    """Each once, in the order of the net."""
    return _in_order(sequence(_part, least=0)(name, value))


def _in_order(parts: Collection[str]) -> list[str]:
    return [one for one in PARTS if one in parts]


def _called(part: str) -> str:
    layer, number = part.split()
    return f"{layer.upper()} {_kind(layer)} {number}"


def _kind(layer: str) -> str:
    return "unit" if layer in ("c5", "f6") else "map"


def flip(part: str, off: list[str], **others) -> dict:
    """That map or unit off, or on again."""
    return {"off": _in_order({*off} ^ {part})}


def flip_layer(part: str, off: list[str], **others) -> dict:
    """All of its layer off, or on again if they are."""
    layer = {one for one in PARTS if one.split()[0] == part.split()[0]}
    return {"off": _in_order({*off} - layer if layer <= {*off} else {*off} | layer)}


def mend(**values) -> dict:
    """Nothing is broken."""
    return {"off": [], "noise": 0, "biases": True}


ACTIONS = {"flip": flip, "layer": flip_layer, "mend": mend}


def compute(index: int, net: str, part: str, noise: int, biases: bool, off: list[str]) -> Facts:
    """What the whole net and the broken one read."""
    image, label = test_digits().images[index], test_digits().labels[index].item()
    reading = read(net, image, _broken(net, tuple(off), noise, biases))
    return Facts(index=index, label=label, net=net, part=part, off=off, noise=noise, biases=biases,
                 reading=reading, whole=_whole(net, index), correct=reading.answer == label,
                 right=_right(net, tuple(off), noise, biases))  # of the first DIGITS


@cache
def _whole(net: str, index: int) -> int:
    """What the whole net takes a digit for."""
    return read(net, test_digits().images[index]).answer


@lru_cache(100)
def _right(net: str, off: tuple[str, ...], noise: int, biases: bool) -> int:
    """How many of the first DIGITS the broken net reads right."""
    in_maps = tuple(one for one in off if _kind(one.split()[0]) == "map")
    units = _halves(_broken(net, off, noise, biases))[1]
    with torch.inference_mode():
        read_as = units.predict(units(_last_maps(net, in_maps, noise, biases)))
    return int((read_as == test_digits().labels[:DIGITS]).sum())


@lru_cache(16)  # a third of a megabyte each
def _last_maps(net: str, off: tuple[str, ...], noise: int, biases: bool) -> Tensor:
    """S4 of the first DIGITS, DIGITS x 16 x 5 x 5: nearly all of the work, and units change none."""
    maps = _halves(_broken(net, off, noise, biases))[0]
    with torch.inference_mode():
        return maps(test_digits()[:DIGITS].inputs(maps.input_size, maps.scaling).double())


def _halves(net: nn.Module) -> tuple[nn.Module, nn.Module]:
    """A net up to S4, and from C5 on."""
    c5 = [name for name, _ in net.named_children()].index("c5")
    return net[:c5], net[c5:]


@lru_cache(4)
def _broken(name: str, off: tuple[str, ...], noise: int, biases: bool) -> nn.Module:
    """A copy of the pretrained net of that name, damaged, in double precision."""
    net, at = deepcopy(trained(name)).double().requires_grad_(False), 0
    for layer in (*LAYERS, "output"):
        for kind, values in getattr(net, layer).named_parameters():
            if kind == "weight":
                added = _normal_numbers()[at:at + values.numel()].view_as(values)
                at += values.numel()
                values += noise / 100 * values.std() * added
            elif kind == "bias" and not biases:
                values.zero_()
    for layer, module in last_modules(net).items():
        if numbers := [int(one.split()[1]) for one in off if one.split()[0] == layer]:
            net.get_submodule(module).register_forward_hook(_silencing(numbers))
    return net


def _silencing(numbers: list[int]):
    """A hook after which these maps of a layer give out 0."""
    some = torch.tensor(numbers, dtype=torch.int64, device="cpu")
    return lambda module, inputs, output: output.index_fill(1, some, 0)


@cache
def _normal_numbers() -> Tensor:
    """One for each weight, always the same ones: by the rule of Box and Muller, as in the page."""
    count = 2**16
    first, second = torch.rand(2, count, generator=torch.Generator("cpu").manual_seed(0),
                               dtype=torch.float32, device="cpu").double()
    return (-2 * (1 - first).log()).sqrt() * (2 * math.pi * second).cos()


def paint(sheet: Sheet, facts: Facts) -> None:
    reading = facts.reading
    sheet.title(_INPUT, 18, "input")
    sheet.image(reading.image, _INPUT, _TOP, _SIDE, frame=True)
    sheet.text(_INPUT, 152, "label")
    paint_label(sheet, facts.label, _INPUT + 80, 152)
    sheet.text(_INPUT, 181, "whole")
    sheet.text(_INPUT, 199, "net")
    sheet.text(_INPUT + 80, 190, facts.whole, 24, anchor="mm", bold=True)
    colour = BLUE if facts.correct else RED
    sheet.text(_INPUT, 219, "as it is")
    sheet.text(_INPUT, 237, "now")
    sheet.text(_INPUT + 80, 228, reading.answer, 40, colour, anchor="mm", bold=True)
    sheet.text(_INPUT, 262, "still right")
    sheet.text(_INPUT + 50, 285, facts.right, 22, anchor="rm", bold=True)
    sheet.text(_INPUT + 56, 285, f"of {DIGITS}")
    for layer, (left, top, *_) in _PLACES.items():
        kind = f"{_kind(layer)}s" if layer != "f6" else ""
        sheet.title(left, top - 16, f"{layer.upper()}: {_MAPS[layer]} {kind}".strip())
        _paint_layer(sheet, facts, layer)
    sheet.text(136, 287, "a click: off or on")
    paint_scores(sheet, reading, _SCORES, 52, 50, 24, facts.label)
    sheet.answer(_INPUT - 4, 206, _SIDE + 20, 92)
    sheet.answer(_SCORES - 4, 2, 840 - _SCORES, 294)


def _paint_layer(sheet: Sheet, facts: Facts, layer: str) -> None:
    """Its maps, or its units as squares; what is off is crossed out, and the chosen one framed."""
    reading, (left, top, side, pitch, columns) = facts.reading, _PLACES[layer]
    maps, full = reading.maps[layer], reading.full[layer]
    if layer == "f6" and reading.are_distances:
        paint_glyphs(sheet, reading, left, top, pitch, _IDEAL - left)
        sheet.title(_IDEAL, top - 16, "ideal")
        # F6 draws the digit itself.
        sheet.answer(left - 4, top - 4, _IDEAL - left + 82, 134)
    elif side == pitch:
        sheet.image(maps.reshape(-1, columns), left, top, pitch * columns, full)
        sheet.grid(left, top, pitch, len(maps) // columns, columns)
    for number in range(len(maps)):
        part = f"{layer} {number}"
        x, y = left + pitch * (number % columns), top + pitch * (number // columns)
        if side < pitch:
            sheet.image(maps[number], x, y, side, full, frame=True)
        if part in facts.off:
            sheet.cross(x, y, side, INK, 2)
        if part == facts.part:
            sheet.outline(x - 3, y - 3, side + 6, side + 6, BLUE, 3)


def say(facts: Facts) -> str:
    names = {net: words for words, net in NETS}
    net = f"net {names[facts.net]}" if facts.reading.are_distances else f"{names[facts.net]} net"
    damage = _damage(facts)
    begin = f"The {net}, whole, reads test digit {facts.index}, {article(facts.label)}, as "
    if damage:
        begin += f"{facts.whole}; with {damage} as "
    return (f"{begin}{facts.reading.answer}, which is {'right' if facts.correct else 'wrong'}: "
            f"{facts.reading.because(facts.label)}. It reads {facts.right} of the first {DIGITS} "
            "test digits right.")


def _damage(facts: Facts) -> str:
    """All that is broken, in words; empty if nothing is."""
    off = [_off(layer, [int(one.split()[1]) for one in facts.off if one.split()[0] == layer])
           for layer in _MAPS]
    off = listed([words for words in off if words])
    return listed([words for words in (
        f"{off} off" if off else "", f"noise of {facts.noise} % on the weights" if facts.noise else "",
        "" if facts.biases else "no biases") if words])


def _off(layer: str, numbers: list[int]) -> str:
    kind, count = _kind(layer), len(numbers)
    if count == _MAPS[layer]:
        return f"all {kind}s of {layer.upper()}"
    if count > _NAMED:
        return f"{count} of {_MAPS[layer]} {kind}s of {layer.upper()}"
    return f"{kind}{'s' * (count > 1)} {listed(numbers)} of {layer.upper()}" if count else ""
