"""A window slides over an image: the products, their sum, and the result as far as it has come."""

from functools import cache

import ipywidgets as widgets
import numpy as np
import torch

from ..convolution import conv2d
from ..plots import BLUE, PALE, RED
from .base import Demo
from .controls import button, choice, slider, switch
from .examples import ten_digits
from .sheet import Sheet, number

KERNELS = {
    "vertical edges": "-1 0 1; -1 0 1; -1 0 1", "horizontal edges": "-1 -1 -1; 0 0 0; 1 1 1",
    "blur": "1 1 1; 1 1 1; 1 1 1", "sharpen": "0 -1 0; -1 5 -1; 0 -1 0",
    "move by one": "1 0 0; 0 0 0; 0 0 0", "slope": "0 1; -1 0",
}
_TYPED = "typed by you"
_SMALL = "a small matrix"
_MATRIX = torch.tensor([[3., 1, 2, 0, 1, 4], [4, 2, 0, 2, 2, 1], [0, 3, 1, 5, 0, 2],
                        [2, 2, 4, 1, 3, 0], [1, 0, 2, 2, 5, 1], [3, 1, 0, 4, 1, 2]])
_SIDE, _TOP, _LEFT, _MIDDLE, _RIGHT = 252, 52, 20, 345, 560  # pixels: panels and where they begin
_CELL = 36  # pixels, for a number of the kernel


def cross_correlation(image: str = "digit 7", kernel: str = "vertical edges", row: int = 13,
                      column: int = 15, flip: bool = False, projector: bool = False) -> Demo:
    """Step or drag a window over an image and watch its products and their sum.

    image: "a small matrix" (6 x 6, with its numbers) or "digit 0" to "digit 9" (28 x 28, from the
    test set, 0 paper to 1 ink). kernel: one of KERNELS, or its numbers, such as "1 0; 0 -1" (rows
    apart by semicolons, at most 3 x 3). row, column: of the window's upper left corner, from 0.
    flip: turn the kernel by 180 degrees first, which makes it a convolution.
    """
    numbers = KERNELS.get(kernel, kernel)
    parse(numbers)  # a wrong argument is an error; a wrong entry in the demo becomes a sentence
    controls = {
        "image": choice("image", image, [_SMALL, *(f"digit {digit}" for digit in range(10))]),
        "kernel": choice("kernel", kernel if kernel in KERNELS else _TYPED, [*KERNELS, _TYPED]),
        "numbers": widgets.Text(numbers, description="its numbers", continuous_update=False,
                                style={"description_width": "initial"}, layout={"width": "310px"}),
        "flip": switch("turn the kernel: convolution", flip, width=250),
        "row": slider("row", row, 0, 27), "column": slider("column", column, 0, 27),
        "next": button("next window", "one to the right, or to the start of the next row"),
    }

    def show_preset():
        if controls["kernel"].value != _TYPED:
            controls["numbers"].value = KERNELS[controls["kernel"].value]

    def note_own_numbers():
        named = {text: name for name, text in KERNELS.items()}
        controls["kernel"].value = named.get(controls["numbers"].value, _TYPED)

    def step():
        row, column = controls["row"], controls["column"]
        if column.value < column.max:
            column.value += 1
        else:
            column.value, row.value = 0, row.value + 1 if row.value < row.max else 0

    return Demo("cross_correlation", paint, controls, (840, 452), limits=limits, projector=projector,
                actions={"kernel": show_preset, "numbers": note_own_numbers, "next": step})


def parse(numbers: str) -> torch.Tensor:
    """A kernel from its numbers: "1 0; 0 -1" -> 2 x 2.

    Raises ValueError where it is not 1 to 3 rows of 1 to 3 numbers of moderate size.
    """
    try:
        rows = [[float(word) for word in row.replace(",", " ").split()] for row in numbers.split(";")]
    except ValueError:
        raise ValueError(f"{numbers!r} holds something that is not a number; write for instance "
                         "1 0; 0 -1") from None
    lengths = {len(row) for row in rows}
    if len(lengths) > 1 or not all(1 <= length <= 3 for length in [len(rows), *lengths]):
        raise ValueError(f"the kernel needs 1 to 3 rows of 1 to 3 numbers, all rows alike, with "
                         f"semicolons between; {numbers!r} has rows of {list(map(len, rows))}")
    if not all(abs(value) <= 99 for row in rows for value in row):
        raise ValueError(f"each number must lie between -99 and 99; {numbers!r} has others")
    return torch.tensor(rows)


def limits(image, numbers, **others) -> dict[str, int]:
    """How far the window can go on this image with this kernel."""
    try:
        h, w = parse(numbers).shape
    except ValueError:
        return {}
    H, W = _pixels(image).shape
    return {"row": H - h, "column": W - w}


def paint(sheet: Sheet, image, kernel, numbers, flip, row, column) -> str:
    """The window at its place: image, products, result so far; the sentence writes the sum out."""
    pixels = _pixels(image)
    cell = _SIDE / len(pixels)
    _title(sheet, _LEFT, "image", pixels)
    _panel(sheet, pixels, _LEFT, cell)
    try:
        weights = parse(numbers)
    except ValueError as error:
        sheet.text(_MIDDLE, _TOP + 20, "this is not a kernel", 15, RED, "lm", bold=True)
        return f"Not a kernel: {error}."
    symmetric = torch.equal(weights, torch.rot90(weights, 2))
    if flip:
        weights = torch.rot90(weights, 2)
    h, w = weights.shape
    window = pixels[row:row + h, column:column + w]
    products = window * weights
    result = conv2d(pixels[None], weights[None, None])[0]
    value = result[row, column].item()
    sheet.outline(_LEFT + cell * column, _TOP + cell * row, cell * w, cell * h, RED, 3)
    _sum(sheet, window, weights, products, value, flip)
    _title(sheet, _RIGHT, "result", result)
    done = result.clone()
    done[row, column + 1:], done[row + 1:] = float("nan"), float("nan")
    _panel(sheet, done, _RIGHT, cell, reach=max(result.abs().max().item(), 1e-9))
    sheet.outline(_RIGHT + cell * column, _TOP + cell * row, cell, cell, RED, 3)
    sheet.text(_RIGHT, _TOP + _SIDE + 20, "orange above zero, violet below", 12, anchor="lm")
    sheet.text(_RIGHT, _TOP + _SIDE + 38, "grey: the window has not been there yet", 12, anchor="lm")
    pairs = zip(weights.flatten(), window.flatten(), strict=True)
    terms = [f"{_short(k)}·{_short(x)}" for k, x in pairs if k]
    turn = " (turned by 180 degrees)" if flip else ""
    same = " Turned or not, this kernel is the same." if flip and symmetric else ""
    return (f"{'Convolution' if flip else 'Cross-correlation'}, window at row {row}, column {column}: "
            f"weight{turn} times pixel, added up: {' + '.join(terms) or '0'} = {number(value)}.{same}")


def _panel(sheet: Sheet, values, left: float, cell: float, reach: float | None = None) -> None:
    """A matrix, with its numbers where they fit; NaN is left as it is."""
    if len(_MATRIX) * cell >= _SIDE:  # the small matrix and its results
        sheet.numbers(values, left, _TOP, cell, 14, reach)
        return
    values = np.asarray(values)
    known = np.isfinite(values)
    rows, columns = values.shape
    sheet.fill(left, _TOP, cell * columns, cell * rows, PALE)
    full = int(known.all(axis=1).sum())  # whole rows, and then the row that has been begun
    style = {"low": 0.0, "high": 1.0} if reach is None else \
        {"low": -reach, "high": reach, "colours": "signed"}
    if full:
        sheet.image(values[:full], left, _TOP, cell * columns, cell * full, **style)
    if full < rows:
        begun = int(known[full].sum())
        if begun:
            sheet.image(values[full:full + 1, :begun], left, _TOP + cell * full, cell * begun, cell,
                        **style)
    sheet.outline(left, _TOP, cell * columns, cell * rows, "#AAAAAA", 1)


def _sum(sheet: Sheet, window, weights, products, value: float, flip: bool) -> None:
    """Window, kernel and products below each other, and what they add up to."""
    top = _TOP - 8
    height = _CELL * len(weights)
    for title, sign, values in (("window", "", window), ("kernel" + ", turned" * flip, "×", weights),
                                ("products", "=", products)):
        sheet.text(_MIDDLE, top, title, 13, anchor="lm", bold=True)
        sheet.text(_MIDDLE - 22, top + 12 + height / 2, sign, 22)
        sheet.numbers(values, _MIDDLE, top + 12, _CELL, 13, decimals=_decimals(values))
        top += height + 26
    sheet.text(_RIGHT, 400, f"sum of the products: {number(value)}", 17, BLUE, "lm", bold=True)


def _title(sheet: Sheet, left: float, name: str, values) -> None:
    sheet.text(left, 24, f"{name} {values.shape[0]} × {values.shape[1]}", 15, anchor="lm", bold=True)


def _decimals(values) -> int:
    return 0 if torch.equal(values, values.round()) else 2


def _short(value) -> str:
    """A number as short as it can be, in brackets where it is negative."""
    words = number(value, _decimals(value))
    return f"({words})" if value < 0 else words


@cache
def _pixels(image: str) -> torch.Tensor:
    """The image of that name, 2-D."""
    if image == _SMALL:
        return _MATRIX
    digit = int(image.removeprefix("digit "))
    return ten_digits()[[digit]].inputs(size=28, scaling="unit")[0, 0]
