"""Six maps in, one map out: what each kernel makes of its map, and their sum so far."""

from functools import cache

import torch
from torch import Tensor

from .. import models
from ..convolution import conv2d
from ..plots import BLUE
from .base import Demo
from .controls import choice, slider
from .examples import ten_digits
from .sheet import Sheet, number

_SIZE = 14  # pixels: height and width of an input map
_LEFT, _PITCH, _CELL = 112, 91, 6  # the first map, from map to map, and each pixel of a map
_INPUTS, _KERNELS, _PARTS, _SUMS = 32, 130, 194, 300  # where each row begins
_RIGHT, _TOP, _LARGE = 664, 58, 12  # the output map and each pixel of it
_KERNEL = 50  # height and width of a kernel
_GREY = "#999999"


def channels(digit: int = 0, output: int = 7, maps: int = 6, kernel: int = 5, row: int = 6,
             column: int = 4, projector: bool = False) -> Demo:
    """How the six input maps of a trained LeNet-5's C3 become one of its output maps.

    digit: 0 to 9, from the test set; its input maps, 14 x 14, are what the modern net's S2 makes of
    it. output: which of the 16 output maps, 0 to 15. maps: how many input maps have been added so
    far, 0 to 6. kernel: 5 for the trained kernels of 5 x 5, 1 for kernels of 1 x 1 which hold the
    middle number of each trained one. row, column: of the pixel of the output map whose sum is
    written out, 0 to 14 - kernel.
    """
    controls = {
        "digit": slider("digit", digit, 0, 9), "output": slider("output map", output, 0, 15),
        "maps": slider("maps added", maps, 0, 6),
        "kernel": choice("kernel size", kernel, [("5 × 5", 5), ("1 × 1", 1)], width=250),
        "row": slider("row", row, 0, _SIZE - 1), "column": slider("column", column, 0, _SIZE - 1),
    }
    return Demo("channels", paint, controls, (840, 376), limits=limits, projector=projector)


def limits(kernel, **others) -> dict[str, int]:
    return {"row": _SIZE - kernel, "column": _SIZE - kernel}


@torch.inference_mode()
def paint(sheet: Sheet, digit, output, maps, kernel, row, column) -> str:
    inputs, kernels, bias = _layer(digit, output, kernel)
    parts = torch.cat([conv2d(inputs[k:k + 1], kernels[k].expand(1, 1, -1, -1)) for k in range(6)])
    sums = bias + torch.cat([torch.zeros_like(parts[:1]), parts]).cumsum(0)  # of 0 to 6 maps
    reach = max(parts.abs().max(), sums.abs().max()).item()
    strongest, heaviest = inputs.max().item(), kernels.abs().max().item()
    size = len(parts[0])
    addends, totals = parts[:, row, column].tolist(), sums[:, row, column].tolist()

    sheet.image(ten_digits().images[digit], 26, 14, 60)
    _label(sheet, 88, "input maps", f"{_SIZE} × {_SIZE}")
    _label(sheet, _KERNELS + 16, "kernels", f"{kernel} × {kernel}")
    _label(sheet, _PARTS + 32, "partial sums", f"{size} × {size}")
    _label(sheet, _SUMS, "this pixel", "sum so far", between=24)
    for k in range(6):
        left = _LEFT + _PITCH * k
        middle = left + _SIZE * _CELL / 2
        sheet.text(middle, 16, k, 15, bold=True)
        _map(sheet, inputs[k], left, _INPUTS, _CELL, strongest, row, column, kernel)
        _kernel(sheet, kernels[k], middle - _KERNEL / 2, heaviest)
        _map(sheet, parts[k] if k < maps else None, left, _PARTS, _CELL, reach, row, column)
        if k < maps:
            sheet.text(middle, _SUMS, _signed(addends[k]), 15, BLUE, bold=True)
            sheet.text(middle, _SUMS + 24, number(totals[k + 1]), 14)
    sheet.text(_RIGHT, 16, f"output map {output}", 16, anchor="lm", bold=True)
    sheet.text(_RIGHT, 38, f"bias + {maps} of 6 maps", 14, anchor="lm")
    _map(sheet, sums[maps], _RIGHT, _TOP, _LARGE, reach, row, column)
    sheet.text(_RIGHT, 242, f"{size} × {size}", 13, anchor="lm")
    sheet.text(_RIGHT, _SUMS - 18, f"bias {number(bias)}", 14, anchor="lm")
    sheet.text(_RIGHT, _SUMS + 12, f"= {number(totals[maps])}", 22, BLUE, "lm", bold=True)
    sheet.text(8, 358, f"violet below zero, orange above: inputs to {strongest:.1f}, kernels to "
               f"±{heaviest:.2f}, partial sums and output map to ±{reach:.1f}; dashed: "
               f"{_SIZE} × {_SIZE}", 12, anchor="lm")

    terms = [_signed(addend) for addend in addends]
    end = f"Each kernel of 5 × 5 turns {_SIZE} × {_SIZE} pixels into {size} × {size}."
    if kernel == 1:
        terms = [f"{_signed(weight)}·{number(pixel)}" for weight, pixel in
                 zip(kernels.flatten().tolist(), inputs[:, row, column].tolist(), strict=True)]
        end = (f"With the middle number of each kernel alone the output keeps {_SIZE} × {_SIZE}: at "
               "every pixel the same dense layer over the six maps.")
    total = " ".join(["", *terms[:maps], "=", number(totals[maps])]) if maps else ""
    return (f"Output map {output}, row {row}, column {column}, {maps} of 6 maps added: bias "
            f"{number(bias)}{total}{', rounded' * bool(maps)}. {end}")


def _layer(digit: int, output: int, kernel: int) -> tuple[Tensor, Tensor, float]:
    """Input maps (6 x 14 x 14), kernels (6 x kernel x kernel) and bias of one output map."""
    inputs, c3 = _trained()
    cut = (5 - kernel) // 2
    return inputs[digit], c3.weight[output, :, cut:5 - cut, cut:5 - cut], c3.bias[output].item()


@cache
def _trained() -> tuple[Tensor, torch.nn.Conv2d]:
    """What S2 makes of the ten digits (10 x 6 x 14 x 14), and C3, which reads it."""
    net = models.pretrained("lenet5")
    with torch.inference_mode():
        return net[:3](ten_digits().inputs(net.input_size, net.scaling)), net.c3


def _map(sheet: Sheet, values: Tensor | None, left: float, top: float, cell: float, reach: float,
         row: int, column: int, window: int = 1) -> None:
    """A map in the middle of a frame of 14 x 14, its window at row, column outlined; or no map yet."""
    frame = _SIZE * cell
    sheet.outline(left, top, frame, frame, _GREY, 1, dash=values is None or len(values) < _SIZE)
    if values is None:
        return
    inset = (_SIZE - len(values)) / 2 * cell
    left, top = left + inset, top + inset
    sheet.image(values, left, top, cell * len(values), low=-reach, high=reach, colours="signed")
    sheet.outline(left, top, cell * len(values), cell * len(values), _GREY, 1)
    sheet.outline(left + cell * column - 2, top + cell * row - 2, cell * window + 4, cell * window + 4,
                  BLUE, 2)


def _kernel(sheet: Sheet, weights: Tensor, left: float, reach: float) -> None:
    """In colours, or, of one pixel, with its number."""
    if len(weights) == 1:
        sheet.numbers(weights, left, _KERNELS, _KERNEL, 15, reach, 2)
    else:
        sheet.image(weights, left, _KERNELS, _KERNEL, low=-reach, high=reach, colours="signed")
        sheet.outline(left, _KERNELS, _KERNEL, _KERNEL, _GREY, 1)


def _label(sheet: Sheet, top: float, first: str, second: str, between: float = 17) -> None:
    sheet.text(8, top, first, 13, anchor="lm", bold=True)
    sheet.text(8, top + between, second, 13, anchor="lm")


def _signed(value: float) -> str:
    """With a sign that stands apart, as in a sum: + 1.20 or − 0.53."""
    return f"{'−' if round(value, 2) < 0 else '+'} {number(abs(value))}"
