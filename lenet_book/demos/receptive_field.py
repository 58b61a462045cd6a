"""Stack layers, pick a unit of the last one, and see which pixels of a digit it sees."""

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import accumulate

import numpy as np
from torch import nn
from torch.nn.utils import skip_init

from ..arguments import one_of, sequence
from ..arithmetic import conv_output_size
from ..plots import BLUE, INK, ORANGE, PALE, RED
from ..receptive_field import ReceptiveField, Trace, measure, trace
from .base import Demo, Facts
from .controls import Held, button, choice, slider, switch
from .examples import ten_digits
from .sheet import GREY, Sheet
from .words import span

LAYERS = {  # name -> kernel, stride, padding per side, dilation; pixels
    "conv 3×3": (3, 1, 0, 1), "conv 3×3, padding 1": (3, 1, 1, 1), "conv 3×3, stride 2": (3, 2, 0, 1),
    "conv 3×3, dilation 2": (3, 1, 0, 2), "conv 5×5": (5, 1, 0, 1), "conv 1×1": (1, 1, 0, 1),
    "pool 2×2, stride 2": (2, 2, 0, 1),
}
_LENET = ("conv 5×5", "pool 2×2, stride 2", "conv 5×5", "pool 2×2, stride 2", "conv 5×5")
_PAIR_AND_POOL = ("conv 3×3, padding 1", "conv 3×3, padding 1", "pool 2×2, stride 2")
STACKS = {
    "LeNet-5 to C3": _LENET[:3], "LeNet-5 to C5": _LENET,
    "VGG: pairs of 3×3": _PAIR_AND_POOL * 2, "empty": (),
}
_OWN = "your own"
_MOST, _INPUT = 8, 32  # layers; height and width of the input, pixels
_CELL, _LEFT, _TOP = 8, 30, 24  # pixels of the page: for one of the input, and where it begins
_TABLE, _ROW = 302, 24  # where the table begins, and how high a line of it is
_EDGES = 550, 591, 643, 690  # the right edges of its numbers
_OUTPUT, _SIDE = 710, 120  # where the last layer's units begin, and how wide they are


def receptive_field(stack: str = "LeNet-5 to C3", row: int = 2, column: int = 3,
                    measured: bool = False, projector: bool = False, hidden: bool = False) -> Demo:
    """Build a stack of up to 8 layers on a digit of 32 x 32 and see what one of its units sees.

    stack: the layers to begin with, one of STACKS. row, column: of the unit in the last layer, 0 to
    31; the last one where there are fewer. measured: tint each pixel by how much it moves the unit.
    """
    controls = {
        "stack": choice("stack", stack, [*STACKS, _OWN], 225),
        "layers": Held("layers", STACKS.get(stack, ()), _fitting),
        "layer": choice("layer to add", "conv 3×3", list(LAYERS), 270),
        "add": button("add", "put this layer on top", 80),
        "remove": button("remove", "take the last layer away"),
        "measured": switch("measured by gradient", measured, 200),
        "row": slider("row", row, 0, _INPUT - 1), "column": slider("column", column, 0, _INPUT - 1),
    }
    return Demo("receptive_field", compute, paint, say, controls, (840, 296), ACTIONS, limits,
                projector, hidden=hidden, plays=["column", "row"], needs=["ten-digits"])


def limits(layers: Sequence[str], **others) -> dict[str, int]:
    """The last unit a side."""
    last = _units(tuple(layers))[-1] - 1
    return {"row": last, "column": last}


def begin(stack: str, layers: Sequence[str], **others) -> dict[str, object]:
    """The layers of the stack of that name; one's own stay as they are."""
    return {"layers": [*STACKS.get(stack, layers)]}


def add(layers: Sequence[str], layer: str, **others) -> dict[str, object]:
    """One more layer on top, if it has room there."""
    return _become(layers if _why_not(tuple(layers), layer) else [*layers, layer])


def remove(layers: Sequence[str], **others) -> dict[str, object]:
    """Without the last layer."""
    return _become(layers[:-1])


def _become(layers: Sequence[str]) -> dict[str, object]:
    names = {stack: name for name, stack in STACKS.items()}
    return {"layers": [*layers], "stack": names.get(tuple(layers), _OWN)}


ACTIONS = {"stack": begin, "add": add, "remove": remove}


def compute(layers: Sequence[str], layer: str, row: int, column: int, measured: bool,
            stack: str = _OWN) -> Facts:
    """What one unit of the last layer sees. All lengths in pixels.

    layers: their names, from the input on. layer: that could be added. row, column: of the unit.
    measured: whether the gradient is shown. stack: what the layers are called.
    """
    layers = tuple(layers)
    model, traced = _followed(layers)
    units, settings, why_not = _units(layers), LAYERS[layer], _why_not(layers, layer)
    fields = (ReceptiveField(), *(line.field for line in traced))
    gradient = measure(model, (1, _INPUT, _INPUT), str(len(layers)), (row, column)).gradient

    def window(column):
        if layers:
            return traced[-1].window(row, column)
        return range(row, row + 1), range(column, column + 1)

    neighbour = column + 1 if column + 1 < units[-1] else column - 1 if column else None
    return Facts(
        layers=layers, layer=layer, row=row, column=column, measured=measured,
        units=units, fields=fields,  # units a side and their field: of the input, of each layer ...
        more=None if why_not else (conv_output_size(units[-1], *settings), fields[-1].then(*settings)),
        why_not=why_not,  # ... and with the layer that could be added, if it has room
        window=window(column),  # rows and columns of the input that the unit sees
        neighbour=neighbour,  # its column, if the row has more than one unit
        neighbours_window=None if neighbour is None else window(neighbour),
        gradient=gradient,  # 32 x 32: how much each pixel moves the unit; the sum is 1
        read=int((gradient > 0).sum()))  # pixels that move the unit


def _fitting(name: str, layers) -> list[str]:
    """Names of layers that fit onto each other; raises TypeError or ValueError for anything else."""
    names = sequence(one_of(*LAYERS), least=0)(name, layers)
    if len(names) > _MOST:
        raise ValueError(f"{name} must be at most {_MOST}, not {len(names)}")
    _followed(tuple(names))
    return names


def _units(layers: tuple[str, ...]) -> tuple[int, ...]:
    """A side, of the input and after each layer."""
    settings = map(LAYERS.get, layers)
    return tuple(accumulate(settings, lambda size, one: conv_output_size(size, *one), initial=_INPUT))


def _why_not(layers: tuple[str, ...], layer: str) -> str:
    """Why one more layer has no room on top; empty if it has."""
    if len(layers) == _MOST:
        return f"{_MOST} layers are the most"
    try:
        conv_output_size(_units(layers)[-1], *LAYERS[layer])
    except ValueError as error:
        return str(error).partition(":")[0]
    return ""


@lru_cache(maxsize=20)
def _followed(layers: tuple[str, ...]) -> tuple[nn.Module, Trace]:
    model = nn.Sequential(nn.Identity(), *map(_module, layers))  # Identity: the input itself
    return model, trace(model, (1, _INPUT, _INPUT))


def _module(layer: str) -> nn.Module:
    kernel, stride, padding, dilation = LAYERS[layer]
    if layer.startswith("pool"):
        return nn.MaxPool2d(kernel, stride)
    # skip_init: the weights do not matter, and drawing some would move torch's global generator.
    return skip_init(nn.Conv2d, 1, 1, kernel, stride, padding, dilation)


def paint(sheet: Sheet, facts: Facts) -> None:
    _input(sheet, facts.gradient.numpy() * facts.measured)
    if facts.neighbours_window:
        _frame(sheet, *facts.neighbours_window, RED, 3, dash=True)
    _frame(sheet, *facts.window, BLUE, 4)
    _table(sheet, facts)
    _last_layer(sheet, facts)
    _legend(sheet, facts)
    sheet.answer(_LEFT, _TOP, _CELL * _INPUT, _CELL * _INPUT)
    layers, numbers = len(facts.layers), _EDGES[0] + 4  # of the unit's field, and of the one to come
    sheet.answer(numbers, _line_at(layers + 1), _EDGES[-1] + 6 - numbers, _ROW * (1 + (layers < _MOST)))


def _input(sheet: Sheet, gradient: np.ndarray) -> None:
    """The digit, orange where the gradient is not zero, with the numbers of rows and columns."""
    side = _CELL * _INPUT
    for pixel in (0, 8, 16, 24, 31):
        sheet.text(_LEFT + _CELL * (pixel + 0.5), _TOP - 11, pixel, anchor="mm")
        sheet.text(_LEFT - 5, _TOP + _CELL * (pixel + 0.5), pixel, anchor="rm")
    tint = np.where(gradient > 0, 0.2 + 0.7 * gradient / (gradient.max() or 1.0), 0.0)[..., None]
    orange = [int(ORANGE[i:i + 2], 16) for i in (1, 3, 5)]
    colours = (1 - tint) * _digit() + tint * orange + 1e-6  # a whole number is not a hair below
    sheet.paste(colours.astype(np.uint8), _LEFT, _TOP, side)
    sheet.outline(_LEFT, _TOP, side, side, GREY, 1)


def _frame(sheet: Sheet, rows: range, columns: range, colour: str, thickness: float,
           dash: bool = False) -> None:
    sheet.outline(_LEFT + _CELL * columns.start, _TOP + _CELL * rows.start, _CELL * len(columns),
                  _CELL * len(rows), colour, thickness, dash)


def _table(sheet: Sheet, facts: Facts) -> None:
    """A line for the input and for each layer: its output, and size, jump and start of its fields.

    A pale one below for the layer that could be added.
    """
    left, width = _TABLE - 6, _EDGES[-1] + 12 - _TABLE
    sheet.fill(left, _line_at(0), width, _ROW, PALE)
    lines = [("", "layer", "output", "size", "jump", "start")]
    lines += [_line(i or "", *line) for i, line in enumerate(
        zip(("input", *facts.layers), facts.units, facts.fields, strict=True))]
    if facts.more:
        lines.append(_line("+", facts.layer, *facts.more))
    elif len(facts.layers) < _MOST:
        lines.append(("+", facts.layer, "no room", "", "", ""))
    sheet.outline(left, _line_at(len(facts.layers) + 1), width, _ROW, BLUE, 2)  # the unit's
    for at, (number, name, *numbers) in enumerate(lines):
        y, tone = _line_at(at + 0.5), "#767676" if number == "+" else INK
        sheet.text(_TABLE, y, number, colour=tone)
        sheet.text(_TABLE + 16 * bool(number), y, name, colour=tone)
        for word, x in zip(numbers, _EDGES, strict=True):
            sheet.text(x, y, word, colour=tone, anchor="rm")


def _line_at(index: float) -> float:
    """Where a line of the table begins."""
    return 4 + _ROW * index


def _line(number, name: str, units: int, field: ReceptiveField) -> tuple:
    return number, name, f"{units}×{units}", field.size, field.jump, f"{field.start:g}"


def _last_layer(sheet: Sheet, facts: Facts) -> None:
    """The units of the last layer, and which of them the two frames belong to."""
    units = facts.units[-1]
    cell = _SIDE / max(units, 4)
    row = _TOP + cell * facts.row
    sheet.text(_OUTPUT, 12, f"output {units}×{units}")
    sheet.grid(_OUTPUT, _TOP, cell, units, units, "#BBBBBB")
    if facts.neighbour is not None:
        sheet.outline(_OUTPUT + cell * facts.neighbour, row, cell, cell, RED, 2)
    sheet.fill(_OUTPUT + cell * facts.column, row, cell, cell, BLUE)


def _legend(sheet: Sheet, facts: Facts) -> None:
    """What the frames and the colour are, and what the table's numbers say."""
    sheet.outline(_TABLE, 254, 22, 16, BLUE, 4)
    sheet.text(_TABLE + 28, 262, f"unit ({facts.row}, {facts.column})")
    if facts.neighbour is not None:
        sheet.outline(_TABLE + 144, 254, 22, 16, RED, 3, dash=True)
        sheet.text(_TABLE + 172, 262, "its neighbour")
    if facts.measured:
        sheet.fill(_TABLE + 300, 254, 22, 16, ORANGE)
        sheet.text(_TABLE + 328, 262, "what moves the unit")
    sheet.text(_TABLE, 284, "jump: from field to field; start: middle of the first; in pixels")


def say(facts: Facts) -> str:
    rows, columns = facts.window
    size, inside, gradient = facts.fields[-1].size, len(rows) * len(columns), facts.gradient
    if facts.layers:
        words = (f"Unit ({facts.row}, {facts.column}) of layer {len(facts.layers)} "
                 f"({facts.layers[-1]}) sees {span('row', rows)} and {span('column', columns)} of the "
                 f"input, {len(rows)} × {len(columns)} pixels")
    else:
        words = (f"Without layers a unit is a pixel: the one in row {facts.row} and column "
                 f"{facts.column} sees itself alone, 1 × 1 pixels")
    if (len(rows), len(columns)) != (size, size):
        words += f" of its {size} × {size}, the rest is padding"
    if facts.read < inside:
        words += f"; there are gaps, it reads {facts.read:,} of the {inside:,}"
    if facts.measured:
        ratio = (gradient.max() / gradient[gradient > 0].min()).item()
        ratio = round(round(ratio, 6))  # a quotient of whole numbers: a half is one, not a hair beside
        words += f". Measured: {facts.read:,} pixel{'s move' if facts.read > 1 else ' moves'} it"
        if ratio > 1:
            words += f", the strongest {ratio:,} times as much as the weakest"
    if facts.why_not:
        advice = "remove one" if len(facts.layers) == _MOST else "add a smaller one"
        return f"{words}. No room for {facts.layer} on top: {facts.why_not}; {advice}."
    if facts.measured:
        return f"{words}."
    units, field = facts.more
    return (f"{words}. With {facts.layer} on top: output {units} × {units}, size {field.size}, jump "
            f"{field.jump}.")


@cache
def _digit() -> np.ndarray:
    """The first seven of the test set as dark ink on white: 32 x 32 x 1, 0 to 255."""
    return 255 - np.pad(ten_digits().images[7].numpy(), 2)[..., None]
