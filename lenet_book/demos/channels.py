"""Six maps in, one map out: what each kernel makes of its map, and their sum so far."""

from copy import deepcopy
from functools import cache

import torch
from torch import Tensor

from ..convolution import conv2d
from ..plots import BLUE
from .base import Demo, Facts
from .controls import choice, slider
from .examples import ten_digits, trained
from .reading import read
from .sheet import GREY, Sheet
from .words import number, signed

_SIZE = 14  # pixels: height and width of an input map
_LEFT, _PITCH, _CELL = 120, 78, 4.5  # the first map, from map to map, and each pixel of a map
_INPUTS, _KERNELS, _PARTS, _SUMS = 24, 92, 151, 234  # where each row begins, the last one its middle
_KERNEL = 54  # height and width of a kernel
_RIGHT, _LARGE = 600, 13  # the output map and each pixel of it
_DECIMALS = 3  # with two, what is read on the screen would often not add up


def channels(digit: int = 0, output: int = 7, maps: int = 6, kernel: int = 5, row: int = 6,
             column: int = 4, projector: bool = False, hidden: bool = False) -> Demo:
    """How the six input maps of a trained LeNet-5's C3 become one of its output maps.

    digit: 0 to 9, from the test set; its input maps, 14 x 14, are what the modern net's S2 makes of
    it. output: which of the 16 output maps, 0 to 15. maps: how many input maps have been added so
    far, 0 to 6. kernel: 5 for the trained kernels of 5 x 5, 1 for kernels of 1 x 1 which hold the
    middle number of each trained one. row, column: of the pixel of the output map whose sum is
    written out, 0 to 14 - kernel.
    """
    controls = {
        "digit": slider("digit", digit, 0, 9, width=190),
        "output": slider("output map", output, 0, 15, width=245),
        "maps": slider("input maps added", maps, 0, 6, width=290),
        "kernel": choice("kernel size", kernel, [("5 × 5", 5), ("1 × 1", 1)], width=160),
        "row": slider("row", row, 0, _SIZE - 1, width=250),
        "column": slider("column", column, 0, _SIZE - 1, width=250),
    }
    return Demo("channels", compute, paint, say, controls, (840, 296), limits=limits,
                projector=projector, hidden=hidden, plays=["maps"], needs=["ten-digits", "lenet5"])


def limits(kernel, **others) -> dict[str, int]:
    return {"row": _SIZE - kernel, "column": _SIZE - kernel}


@torch.inference_mode()
def compute(digit, output, maps, kernel, row, column) -> Facts:
    c3, cut = trained("lenet5").c3, (5 - kernel) // 2
    inputs = _maps_of_s2(digit)
    kernels = c3.weight.detach()[output, :, cut:5 - cut, cut:5 - cut].double()
    bias = c3.bias[output].item()
    parts = torch.cat([conv2d(one[None], weights[None, None])
                       for one, weights in zip(inputs, kernels, strict=True)])
    sums = bias + torch.cat([torch.zeros_like(parts[:1]), parts]).cumsum(0)
    return Facts(
        digit=digit, output=output, maps=maps, row=row, column=column, bias=bias,
        inputs=inputs, kernels=kernels,  # 6 x 14 x 14, 6 x k x k
        parts=parts, sums=sums,  # 6 x m x m; 7 x m x m, of the bias and the first 0 to 6 parts
        addends=parts[:, row, column].tolist(), totals=sums[:, row, column].tolist(),  # of the pixel
        reach=[max(values.abs().max().item() for values in group)  # numbers that are in full colour
               for group in ([inputs], [kernels], [parts, sums])])


@cache
def _maps_of_s2(digit: int) -> Tensor:
    """What C3 reads of a digit, 6 x 14 x 14.

    In double precision, so that every machine, and the page, rounds a sum alike.
    """
    net = deepcopy(trained("lenet5")).double()
    return torch.from_numpy(read("lenet5", ten_digits().images[digit], net).maps["s2"])


def paint(sheet: Sheet, facts: Facts) -> None:
    kernel, size = facts.kernels.shape[-1], facts.parts.shape[-1]
    strongest, heaviest, reach = facts.reach
    place = facts.row, facts.column
    sheet.image(ten_digits().images[facts.digit].float() / 255, 8, 4, 40)
    _label(sheet, 60, "input maps", f"{_SIZE} × {_SIZE}")
    _label(sheet, _KERNELS + 17, "kernels", f"{kernel} × {kernel}")
    _label(sheet, _PARTS + 21, "partial sums", f"{size} × {size}")
    sheet.text(8, _SUMS, f"bias {number(facts.bias, _DECIMALS)}")
    for k in range(6):
        left = _LEFT + _PITCH * k
        middle = left + _SIZE * _CELL / 2
        sheet.text(middle, 12, k, anchor="mm", bold=True)
        _map(sheet, facts.inputs[k], left, _INPUTS, _CELL, strongest, place, kernel)
        if kernel == 1:
            sheet.numbers(facts.kernels[k], middle - _KERNEL / 2, _KERNELS, _KERNEL, heaviest)
        else:
            sheet.image(facts.kernels[k], middle - _KERNEL / 2, _KERNELS, _KERNEL, heaviest, frame=True)
        if k < facts.maps:
            _map(sheet, facts.parts[k], left, _PARTS, _CELL, reach, place)
            sheet.text(middle, _SUMS, signed(facts.addends[k], _DECIMALS), colour=BLUE, anchor="mm",
                       bold=True)
        else:
            sheet.outline(left, _PARTS, _SIZE * _CELL, _SIZE * _CELL, GREY, 1, dash=True)
    sheet.title(_RIGHT, 12, f"output map {facts.output}, {size} × {size}")
    _map(sheet, facts.sums[facts.maps], _RIGHT, _INPUTS, _LARGE, reach, place)
    sheet.title(_RIGHT, _SUMS, f"= {number(facts.totals[facts.maps], _DECIMALS)}", 24, BLUE)
    sheet.text(_RIGHT, 260, f"bias + {facts.maps} of 6 maps")
    sheet.text(8, 260, "blue: one output pixel, and what it reads; sums rounded")
    sheet.text(8, 282, "orange: above zero, violet: below" +
               f"; dashed: {_SIZE} × {_SIZE}" * (size < _SIZE))
    sheet.answer(4, _PARTS - 3, _RIGHT - 20, 96)
    sheet.answer(_RIGHT - 6, 2, 240, 246)


def _map(sheet: Sheet, values: Tensor, left: float, top: float, cell: float, reach: float,
         place: tuple[int, int], window: int = 1) -> None:
    """A map in the middle of a frame of 14 x 14, with the outline of its window at a place."""
    row, column = place
    if len(values) < _SIZE:
        sheet.outline(left, top, _SIZE * cell, _SIZE * cell, GREY, 1, dash=True)
    inset = (_SIZE - len(values)) / 2 * cell
    left, top = left + inset, top + inset
    sheet.image(values, left, top, cell * len(values), reach, frame=True)
    sheet.outline(left + cell * column - 2, top + cell * row - 2, cell * window + 4, cell * window + 4,
                  BLUE, 2)


def _label(sheet: Sheet, middle: float, first: str, second: str) -> None:
    sheet.text(8, middle, first)
    sheet.text(8, middle + 20, second)


def say(facts: Facts) -> str:
    size = facts.parts.shape[-1]
    if size < _SIZE:
        terms = [signed(addend, _DECIMALS) for addend in facts.addends]
        end = f"Each kernel of 5 × 5 turns {_SIZE} × {_SIZE} pixels into {size} × {size}."
    else:
        pixels = facts.inputs[:, facts.row, facts.column]
        terms = [f"{signed(weight.item(), _DECIMALS)}·{number(pixel, _DECIMALS)}" for weight, pixel in
                 zip(facts.kernels.flatten(), pixels, strict=True)]
        end = f"Kernels of 1 × 1 keep {_SIZE} × {_SIZE}: at every pixel the same dense layer."
    total = ""
    if facts.maps:
        total = (f" {' '.join(terms[:facts.maps])} = {number(facts.totals[facts.maps], _DECIMALS)}, "
                 "rounded")
    return (f"Output map {facts.output}, row {facts.row}, column {facts.column}, {facts.maps} of 6 "
            f"maps added: bias {number(facts.bias, _DECIMALS)}{total}. {end}")
