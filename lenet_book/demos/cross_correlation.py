"""A window slides over an image: the products, their sum, and the result as far as it has come."""

import ipywidgets as widgets
import torch
from torch import Tensor

from ..arguments import text
from ..convolution import conv2d
from ..plots import BLUE, RED
from .base import Demo, Facts
from .controls import choice, slider, switch
from .examples import ten_digits
from .sheet import Sheet
from .words import number

KERNELS = {
    "vertical edges": "-1 0 1; -1 0 1; -1 0 1", "horizontal edges": "-1 -1 -1; 0 0 0; 1 1 1",
    "blur": "1 1 1; 1 1 1; 1 1 1", "sharpen": "0 -1 0; -1 5 -1; 0 -1 0",
    "move by one": "1 0 0; 0 0 0; 0 0 0", "slope": "0 1; -1 0",
}
_TYPED = "typed by you"
_SMALL = "a small matrix"
_MATRIX = torch.tensor([[3, 1, 2, 0, 1, 4], [4, 2, 0, 2, 2, 1], [0, 3, 1, 5, 0, 2],
                        [2, 2, 4, 1, 3, 0], [1, 0, 2, 2, 5, 1], [3, 1, 0, 4, 1, 2]],
                       dtype=torch.float32, device="cpu")
_SIDE, _TOP, _LEFT, _RIGHT = 172, 40, 8, 660  # pixels: panels and where they begin
_CELL, _MATRICES, _APART = 44, 204, 156  # a number of the kernel; where the matrices begin


def cross_correlation(image: str = "digit 7", kernel: str = "vertical edges", row: int = 13,
                      column: int = 15, flip: bool = False, projector: bool = False,
                      hidden: bool = False) -> Demo:
    """Step or drag a window over an image and watch its products and their sum.

    image: "a small matrix" (6 x 6, with its numbers) or "digit 0" to "digit 9" (28 x 28, from the
    test set, 0 paper to 1 ink). kernel: one of KERNELS, or its numbers, such as "1 0; 0 -1" (rows
    apart by semicolons, at most 3 x 3). row, column: of the window's upper left corner, from 0.
    flip: turn the kernel by 180 degrees first, which makes it a convolution.
    """
    numbers = KERNELS.get(text("kernel", kernel), kernel)
    parse(numbers)  # a wrong argument is an error; a wrong entry in the demo becomes a sentence
    controls = {
        "image": choice("image", image, [_SMALL, *(f"digit {digit}" for digit in range(10))]),
        "kernel": choice("kernel", kernel if kernel in KERNELS else _TYPED, [*KERNELS, _TYPED]),
        "numbers": widgets.Text(numbers, description="its numbers", continuous_update=False,
                                style={"description_width": "initial"}, layout={"width": "310px"}),
        "flip": switch("turn the kernel: convolution", flip, width=250),
        "row": slider("row", row, 0, 27), "column": slider("column", column, 0, 27),
    }

    return Demo("cross_correlation", compute, paint, say, controls, (840, 272), ACTIONS, limits,
                projector, hidden=hidden, plays=["column", "row"], needs=["ten-digits"])


def parse(numbers: str) -> Tensor:
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
    return torch.tensor(rows, dtype=torch.float32, device="cpu")  # as the images


def limits(image, numbers, **others) -> dict[str, int]:
    """How far the window can go on this image with this kernel."""
    try:
        h, w = parse(numbers).shape
    except ValueError:
        return {}
    H, W = _pixels(image).shape
    return {"row": H - h, "column": W - w}


_NAMES = {numbers: name for name, numbers in KERNELS.items()}
ACTIONS = {
    "kernel": lambda kernel, **others: {} if kernel == _TYPED else {"numbers": KERNELS[kernel]},
    "numbers": lambda numbers, **others: {"kernel": _NAMES.get(numbers, _TYPED)},
}


def compute(image, kernel, numbers, flip, row, column) -> Facts:
    """One window, and the result up to it; or, where the numbers are no kernel, the problem."""
    pixels = _pixels(image)
    try:
        weights = parse(numbers)
    except ValueError as error:
        return Facts(problem=str(error), image=pixels)
    turned = torch.rot90(weights, 2)
    kernel = turned if flip else weights
    h, w = kernel.shape
    window = pixels[row:row + h, column:column + w]
    result = conv2d(pixels[None], kernel[None, None])[0]
    so_far = result.clone()
    so_far[row, column + 1:], so_far[row + 1:] = torch.nan, torch.nan
    return Facts(
        problem="", image=pixels, flip=flip, row=row, column=column, kernel=kernel, window=window,
        symmetric=torch.equal(weights, turned),  # turning it makes no difference
        products=kernel * window, value=result[row, column].item(),
        result=result, so_far=so_far)  # in reading order, NaN where the window has not been yet


def _pixels(image: str) -> Tensor:
    """The image of that name, H x W."""
    if image == _SMALL:
        return _MATRIX
    return ten_digits()[[int(image[-1])]].inputs(size=28, scaling="unit")[0, 0]


def paint(sheet: Sheet, facts: Facts) -> None:
    cell = _SIDE / len(facts.image)
    _panel(sheet, "image", facts.image, _LEFT, cell)
    if facts.problem:
        sheet.title(_MATRICES, _TOP + 20, "this is not a kernel", colour=RED)
        return
    h, w = facts.kernel.shape
    x, y = cell * facts.column, _TOP + cell * facts.row
    sheet.outline(_LEFT + x, y, cell * w, cell * h, BLUE, 3)
    _sum(sheet, facts)
    _panel(sheet, "result", facts.so_far, _RIGHT, cell, max(facts.result.abs().max().item(), 1e-9))
    sheet.outline(_RIGHT + x, y, cell, cell, BLUE, 2)
    sheet.text(_LEFT, 260, "orange: above zero, violet: below; grey: the window has not been there yet"
               + "; sum rounded" * _rounded(facts))
    sheet.answer(_MATRICES + 2 * _APART - 4, 4, 840 - _MATRICES - 2 * _APART, 244)


def _panel(sheet: Sheet, name: str, values: Tensor, left: float, cell: float,
           reach: float | None = None) -> None:
    """A matrix, with its numbers where they fit; from -reach to reach, or from 0 to 1."""
    rows, columns = values.shape
    sheet.title(left, 18, f"{name} {rows} × {columns}")
    if cell > _SIDE / 8:
        sheet.numbers(values, left, _TOP, cell, reach)
    else:
        sheet.image(values, left, _TOP, cell * columns, reach, frame=True)


def _sum(sheet: Sheet, facts: Facts) -> None:
    """Window, kernel and products side by side, and what they add up to."""
    middle = _TOP + _CELL * len(facts.kernel) / 2
    for i, (title, sign, values) in enumerate([
            ("window", "", facts.window), ("kernel" + ", turned" * facts.flip, "×", facts.kernel),
            ("products", "=", facts.products)]):
        left = _MATRICES + _APART * i
        sheet.title(left, 18, title)
        sheet.text(left - 14, middle, sign, 24, anchor="mm")
        sheet.numbers(values, left, _TOP, _CELL)
    sheet.title(_MATRICES, 230, "sum of the products", 20)
    sheet.title(_MATRICES + 2 * _APART, 230, f"= {number(facts.value)}", 24, BLUE)


def say(facts: Facts) -> str:
    if facts.problem:
        return f"Not a kernel: {facts.problem}."
    pairs = zip(facts.kernel.flatten(), facts.window.flatten(), strict=True)
    terms = [f"{_factor(weight)}·{_factor(pixel)}" for weight, pixel in pairs if weight]
    turn = " (turned by 180 degrees)" if facts.flip else ""
    same = " Turned or not, this kernel is the same." if facts.flip and facts.symmetric else ""
    return (f"{'Convolution' if facts.flip else 'Cross-correlation'}, window at row {facts.row}, "
            f"column {facts.column}: weight{turn} times pixel, added up: {' + '.join(terms) or '0'} = "
            f"{number(facts.value)}{', rounded' * _rounded(facts)}.{same}")


def _rounded(facts: Facts) -> bool:
    """Whether what is shown would add up to another sum, or might."""
    return any(((100 * values - (100 * values).round()).abs() > 0.01).any()
               for values in (facts.window, facts.kernel, facts.products))


def _factor(value: Tensor) -> str:
    """With decimals if it has any, in brackets where it is negative."""
    words = number(value, 0 if value == value.round() else 2)
    return f"({words})" if value < 0 else words
