"""Stack layers, pick a unit of the last one, and see which pixels of a digit it sees."""

from functools import cache, partial

import numpy as np
from torch import nn
from torch.nn.utils import skip_init

from ..arithmetic import conv_output_size
from ..plots import BLUE, INK, ORANGE, PALE, RED
from ..receptive_field import Measurement, ReceptiveField, measure, trace
from .base import Demo
from .controls import button, choice, slider, switch
from .examples import test_digits
from .sheet import Sheet

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
_CELL, _LEFT, _TOP = 12, 36, 58  # pixels of the page: for one of the input, and where it begins
_RIGHT, _ROW = 456, 26  # where the table begins, and how high a line of it is


class Stack:
    """The layers so far: what the buttons change, and all that is kept between two pictures."""

    def __init__(self, layers):
        self.take(layers)

    def take(self, layers) -> None:
        """Have these layers, by their names, from the input on."""
        self.layers, self.refusal = tuple(layers), ""
        self.model = nn.Sequential(nn.Identity(), *map(_module, layers))  # Identity: the input itself
        self.rows = trace(self.model, (1, _INPUT, _INPUT))
        self.units = self.rows[-1].output_shape[-1] if layers else _INPUT  # of the last layer, a side

    def add(self, layer: str) -> None:
        """Put one more on top, or note why not."""
        if len(self.layers) == _MOST:
            self.refusal = f"{_MOST} layers are the most that have room here; remove one first"
            return
        try:
            conv_output_size(self.units, *LAYERS[layer])
        except ValueError as error:
            fits_not = str(error).partition(";")[0]
            self.refusal = f"{fits_not}; remove a layer first or add a smaller one"
        else:
            self.take((*self.layers, layer))

    @property
    def field(self) -> ReceptiveField:
        """Of the last layer's units."""
        return self.rows[-1].field if self.layers else ReceptiveField()

    def with_one_more(self, layer: str) -> tuple[int, ReceptiveField] | None:
        """Units a side and field with this layer on top; None where it has no room."""
        if len(self.layers) == _MOST:
            return None
        try:
            return conv_output_size(self.units, *LAYERS[layer]), self.field.then(*LAYERS[layer])
        except ValueError:
            return None

    def forget_refusal(self) -> None:
        self.refusal = ""

    def window(self, row: int, column: int) -> tuple[range, range]:
        """Rows and columns of the input that a unit of the last layer sees, exactly."""
        return (self.rows[-1].window(row, column) if self.layers else
                (range(row, row + 1), range(column, column + 1)))

    def measure(self, row: int, column: int) -> Measurement:
        return measure(self.model, (1, _INPUT, _INPUT), str(len(self.layers)), (row, column))


def receptive_field(stack: str = "LeNet-5 to C3", row: int = 2, column: int = 3,
                    measured: bool = False, projector: bool = False) -> Demo:
    """Build a stack of up to 8 layers on a digit of 32 x 32 and see what one of its units sees.

    stack: the layers to begin with, one of STACKS. row, column: of the unit in the last layer, 0 to
    31; the last one where there are fewer. measured: tint each pixel by how much it moves the unit.
    """
    controls = {
        "stack": choice("stack", stack, [*STACKS, _OWN], 215),
        "layer": choice("layer", "conv 3×3", list(LAYERS), 225),
        "add": button("add", "put this layer on top", 80),
        "remove": button("remove last", "take the last layer away"),
        "row": slider("row", row, 0, _INPUT - 1), "column": slider("column", column, 0, _INPUT - 1),
        "measured": switch("measured by gradient", measured, 190),
    }
    built = Stack(STACKS.get(stack, ()))

    def begin():
        built.take(STACKS.get(controls["stack"].value, built.layers))

    def add():
        built.add(controls["layer"].value)
        name_it()

    def remove():
        built.take(built.layers[:-1])
        name_it()

    def name_it():
        names = {layers: name for name, layers in STACKS.items()}
        controls["stack"].value = names.get(built.layers, _OWN)

    def limits(**values) -> dict[str, int]:
        return {"row": built.units - 1, "column": built.units - 1}

    actions = {"stack": begin, "add": add, "remove": remove} | dict.fromkeys(
        ("layer", "row", "column", "measured"), built.forget_refusal)
    return Demo("receptive_field", partial(paint, built=built), controls, (840, 460), actions, limits,
                projector)


def paint(sheet: Sheet, built: Stack, stack: str, layer: str, row: int, column: int,
          measured: bool) -> str:
    rows, columns = built.window(row, column)
    field, more = built.field, built.with_one_more(layer)
    by_gradient = built.measure(row, column)
    gradient = by_gradient.gradient.numpy()
    _input(sheet, gradient if measured else np.zeros_like(gradient))
    neighbour = column + 1 if column + 1 < built.units else column - 1  # -1: there is none
    if neighbour >= 0:
        _frame(sheet, *built.window(row, neighbour), RED, 3, dash=True)
    _frame(sheet, rows, columns, BLUE, 4)
    _table(sheet, built, layer, more)
    _last_layer(sheet, built.units, row, column, neighbour, field.jump)
    if built.refusal:
        sheet.text(_RIGHT, 447, f"not added: {layer}", 15, RED, "lm", bold=True)
    words = _sentence(built, row, column, rows, columns, field.size, by_gradient, measured)
    if built.refusal:
        return f"{words} Not added: {layer}, because {built.refusal}."
    return words + (f" With {layer} on top: output {more[0]} × {more[0]}, size {more[1].size}, jump "
                    f"{more[1].jump}." if more else f" There is no room for {layer} on top.")


def _sentence(built: Stack, row: int, column: int, rows: range, columns: range, size: int,
              by_gradient: Measurement, measured: bool) -> str:
    gradient = by_gradient.gradient
    read, inside = int((gradient > 0).sum()), len(rows) * len(columns)
    if built.layers:
        words = (f"The unit in row {row} and column {column} of layer {len(built.layers)} "
                 f"({built.layers[-1]}) sees {_span('row', rows)} and {_span('column', columns)} of "
                 f"the input, {len(rows)} × {len(columns)} pixels")
    else:
        words = (f"Without layers a unit is a pixel: the one in row {row} and column {column} sees "
                 "itself alone, 1 × 1 pixels")
    if (len(rows), len(columns)) != (size, size):
        words += f"; its field has {size} × {size}, the rest is padding"
    if read < inside:
        words += f"; there are gaps, it reads {read:,} of the {inside:,}"
    if measured:
        down, across = by_gradient.window
        ratio = round((gradient.max() / gradient[gradient > 0].min()).item())
        words += (f". Measured: the gradient is not zero at {read:,} pixel{'s' * (read > 1)}, in "
                  f"{_span('row', down)} and {_span('column', across)}")
        if ratio > 1:
            words += f"; the strongest counts {ratio:,} times as much as the weakest"
    return words + "."


def _input(sheet: Sheet, gradient: np.ndarray) -> None:
    """The digit, orange where the gradient is not zero, with the numbers of rows and columns."""
    side = _CELL * _INPUT
    sheet.text(_LEFT, 18, f"input {_INPUT} × {_INPUT}", 16, anchor="lm", bold=True)
    if gradient.any():
        sheet.text(_LEFT + side, 18, "orange: what moves the unit", 14, anchor="rm")
    for pixel in (0, 8, 16, 24, 31):
        sheet.text(_LEFT + _CELL * (pixel + 0.5), _TOP - 11, pixel, 12)
        sheet.text(_LEFT - 5, _TOP + _CELL * (pixel + 0.5), pixel, 12, anchor="rm")
    tint = np.where(gradient > 0, 0.2 + 0.7 * gradient / (gradient.max() or 1.0), 0.0)[..., None]
    orange = [int(ORANGE[i:i + 2], 16) for i in (1, 3, 5)]
    sheet.paste(((1 - tint) * _digit() + tint * orange).astype(np.uint8), _LEFT, _TOP, side)
    sheet.outline(_LEFT, _TOP, side, side, "#AAAAAA", 1)


def _frame(sheet: Sheet, rows: range, columns: range, colour: str, thickness: float,
           dash: bool = False) -> None:
    sheet.outline(_LEFT + _CELL * columns.start, _TOP + _CELL * rows.start, _CELL * len(columns),
                  _CELL * len(rows), colour, thickness, dash)


def _table(sheet: Sheet, built: Stack, layer: str, more: tuple[int, ReceptiveField] | None) -> None:
    """A line for the input and for each layer: its output, and size, jump and start of its fields.

    A pale one below for the layer that could be added.
    """
    sheet.fill(_RIGHT - 6, 6, 388, _ROW, PALE)
    fields = [ReceptiveField(), *(row.field for row in built.rows)]
    units = [_INPUT, *(row.output_shape[-1] for row in built.rows)]
    lines = [("", "layer", "output", "size", "jump", "start")]
    lines += [(str(i or ""), name, f"{n} × {n}", *_three(field))
              for i, (name, n, field) in enumerate(zip(("input", *built.layers), units, fields,
                                                       strict=True))]
    if len(built.layers) < _MOST:
        lines.append(("+", layer, f"{more[0]} × {more[0]}", *_three(more[1])) if more
                     else ("+", layer, "no room", "", "", ""))
    sheet.outline(_RIGHT - 6, 6 + _ROW * (len(built.layers) + 1), 388, _ROW, BLUE, 2)  # the unit's
    for line, (number, name, *numbers) in enumerate(lines):
        y, bold, tone = 6 + _ROW * (line + 0.5), line == 0, "#767676" if number == "+" else INK
        sheet.text(_RIGHT, y, number, 14, tone, "lm")
        sheet.text(_RIGHT + 20 * bool(number), y, name, 14, tone, "lm", bold)
        for word, x in zip(numbers, (692, 736, 784, 834), strict=True):
            sheet.text(x, y, word, 14, tone, "rm", bold)


def _three(field: ReceptiveField) -> tuple:
    """Size, jump and start, for the table."""
    return field.size, field.jump, f"{field.start:g}".replace("-", "−")


def _last_layer(sheet: Sheet, units: int, row: int, column: int, neighbour: int, jump: int) -> None:
    """The units of the last layer, and which of them the two frames belong to."""
    top, side = 304, 126
    cell = side / max(units, 4)
    sheet.grid(_RIGHT, top, cell, units, units, "#BBBBBB")
    sheet.text(_RIGHT, top - 16, f"output {units} × {units}", 15, anchor="lm", bold=True)
    text = _RIGHT + side + 20
    if neighbour >= 0:
        sheet.outline(_RIGHT + cell * neighbour, top + cell * row, cell, cell, RED, 2)
        sheet.outline(text, top + 52, 26, 20, RED, 3, dash=True)
        sheet.text(text + 36, top + 62, f"its neighbour: jump {jump}", 14, anchor="lm")
    sheet.fill(_RIGHT + cell * column, top + cell * row, cell, cell, BLUE)
    sheet.outline(text, top + 16, 26, 20, BLUE, 4)
    sheet.text(text + 36, top + 26, f"unit ({row}, {column})", 15, anchor="lm", bold=True)


def _span(name: str, numbers: range) -> str:
    return (f"{name} {numbers[0]}" if len(numbers) == 1 else
            f"{name}s {numbers[0]} to {numbers[-1]}")


def _module(layer: str) -> nn.Module:
    kernel, stride, padding, dilation = LAYERS[layer]
    if layer.startswith("pool"):
        return nn.MaxPool2d(kernel, stride)
    # skip_init: the weights do not matter, and drawing some would move torch's global generator.
    return skip_init(nn.Conv2d, 1, 1, kernel, stride, padding, dilation)


@cache
def _digit() -> np.ndarray:
    """The first test digit, a seven, as dark ink on white: 32 x 32 x 1, 0 to 255."""
    seven = test_digits()[[0]].inputs(size=_INPUT, scaling="unit")
    return 255 * (1 - seven[0, 0, :, :, None].numpy())
