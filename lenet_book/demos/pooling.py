"""A digit and its shifted copy, each pooled: how much does the pooled map change?"""

import math

import torch
from torch import Tensor

from ..arithmetic import dropped
from ..convolution import avg_pool2d, max_pool2d
from ..plots import BLUE, RED
from .base import Demo
from .controls import choice, slider
from .examples import ten_digits
from .sheet import Sheet, number

_SUBSAMPLING, _EVERY, _NONE = "subsampling of 1998", "every s-th pixel", "no pooling"
KINDS = "max", "average", _SUBSAMPLING, _EVERY, _NONE
_ORDINALS = "", "second ", "third ", "fourth ", "fifth ", "sixth "
_FIELD = 36  # pixels: height and width of the field in which a digit is shifted
_SIDE, _UPPER, _LOWER = 180, 32, 242  # a map in the picture, and where the two rows begin
_LEFT, _MIDDLE, _RIGHT, _BARS = 8, 202, 396, 598  # where the four columns begin
_FULL = 1.5  # the change at which a bar is full
_GREY = "#999999"


def pooling(digit: int = 4, kind: str = "max", window: int = 2, stride: int = 2, right: int = 1,
            down: int = 0, coefficient: float = 0.5, bias: float = 0.0,
            projector: bool = False) -> Demo:
    """Shift a digit and watch how much its pooled map changes, for five kinds of pooling.

    digit: 0 to 9, from the test set, 0 paper to 1 ink, in a field of 36 x 36. kind: one of KINDS;
    "every s-th pixel" throws away all but one pixel in each stride. window: its height and width,
    1 to 6 pixels. stride: 1 to 6 pixels. right, down: the shift, -4 to 4 pixels. coefficient, bias:
    of the subsampling, which is coefficient times the sum of the window plus bias, -1 to 1.
    """
    controls = {
        "digit": slider("digit", digit, 0, 9), "kind": choice("kind", kind, KINDS, width=250),
        "window": slider("window", window, 1, 6), "stride": slider("stride", stride, 1, 6),
        "right": slider("shift right", right, -4, 4), "down": slider("shift down", down, -4, 4),
        "coefficient": slider("coefficient", coefficient, -1.0, 1.0, 0.05),
        "bias": slider("bias", bias, -1.0, 1.0, 0.05),
    }
    return Demo("pooling", paint, controls, (840, 428), projector=projector)


@torch.inference_mode()
def paint(sheet: Sheet, digit, kind, window, stride, right, down, coefficient, bias) -> str:
    coefficient, bias = round(coefficient, 2), round(bias, 2)  # a slider's 0 may be 1e-17
    fields, other = ten_digits().inputs(_FIELD, "unit"), (digit + 1) % 10
    maps = torch.stack([fields[digit], fields[digit].roll((down, right), dims=(-2, -1)), fields[other]])
    pooled = {name: _pool(name, maps, window, stride, coefficient, bias) for name in KINDS}
    changes = {name: _change(shifted, still) for name, (still, shifted, _) in pooled.items()}
    still, shifted, another = pooled[kind][:, 0]
    difference, reach = shifted - still, 1.0
    signed = kind == _SUBSAMPLING  # the others stay between paper, 0, and ink, 1
    if signed:
        reach = torch.stack([still, shifted, difference]).abs().max().item() or 1.0

    for top, title, field, result in ((_UPPER, f"digit {digit}", maps[0, 0], still),
                                      (_LOWER, _moved(right, down), maps[1, 0], shifted)):
        _map(sheet, _LEFT, top, title, field)
        _map(sheet, _MIDDLE, top, f"pooled, {len(result)} × {len(result)}", result, reach, signed)
        _windows(sheet, top, *_reads(kind, window, stride), len(result))
    middle = (_UPPER + _LOWER) / 2
    _map(sheet, _RIGHT, middle, "difference", difference, reach, signed=True)
    sheet.text(_RIGHT, middle + _SIDE + 14, f"violet −, orange +, to {number(reach)}", 12, anchor="lm")
    sheet.text(_BARS, _UPPER - 16, "change of the pooled map", 15, anchor="lm", bold=True)
    for i, name in enumerate(KINDS):
        _bar(sheet, _UPPER + 60 * i, _name(name, stride), changes[name], name == kind)
    sheet.text(_BARS, _UPPER + 60 * KINDS.index(_SUBSAMPLING) + 46, _formula(coefficient, bias), 12,
               anchor="lm")
    _bar(sheet, _LOWER + _SIDE - 38, f"with a {other} in its place", _change(another, still))
    return _sentence(digit, kind, window, stride, right, down, coefficient, bias,
                     len(still), changes)


def _change(moved: Tensor, still: Tensor) -> float:
    """The length of the difference as a share of the length of `still`; NaN if that is zero."""
    length = still.norm().item()
    return (moved - still).norm().item() / length if length else math.nan


def _pool(kind: str, maps: Tensor, window: int, stride: int, coefficient: float, bias: float) -> Tensor:
    window, stride = _reads(kind, window, stride)
    if kind == "max":
        return max_pool2d(maps, window, stride)
    if kind == "average":
        return avg_pool2d(maps, window, stride)
    if kind == _SUBSAMPLING:
        return coefficient * window**2 * avg_pool2d(maps, window, stride) + bias
    return maps[..., ::stride, ::stride]


def _reads(kind: str, window: int, stride: int) -> tuple[int, int]:
    """The window and the stride of this kind: only three of them have windows at all."""
    return {_EVERY: (1, stride), _NONE: (1, 1)}.get(kind, (window, stride))


def _name(kind: str, stride: int) -> str:
    return f"every {_ORDINALS[stride - 1]}pixel" if kind == _EVERY else kind


def _formula(coefficient: float, bias: float) -> str:
    """What the subsampling makes of a window."""
    return f"sum × {number(coefficient)} {'−' if bias < 0 else '+'} {number(abs(bias))}"


def _moved(right: int, down: int) -> str:
    """The shift in words, such as "moved 1 right, 2 up"."""
    ways = (right, "right" if right > 0 else "left"), (down, "down" if down > 0 else "up")
    return "moved " + (", ".join(f"{abs(by)} {way}" for by, way in ways if by) or "by 0 pixels")


def _sentence(digit, kind, window, stride, right, down, coefficient, bias, size, changes) -> str:
    if math.isnan(changes[kind]):
        return ("Coefficient and bias are both 0, so that every pooled number is 0 and no change can "
                "be seen. Move one of them.")
    window, step = _reads(kind, window, stride)
    windows = f", {window} × {window}, stride {step}"
    title = {"max": "Max pooling" + windows, "average": "Average pooling" + windows,
             _SUBSAMPLING: f"Subsampling, {_formula(coefficient, bias)}{windows}",
             _EVERY: _name(kind, stride).capitalize(), _NONE: "No pooling"}[kind]
    lost = dropped(_FIELD, window, step)
    rows = "row and column are" if lost == 1 else f"{lost} rows and columns are"
    left_out = f"; the last {rows} left out" if lost else ""
    without = f", without pooling by {number(changes[_NONE])}" if kind != _NONE else ""
    other = changes[_SUBSAMPLING]
    beside = ("" if kind == _SUBSAMPLING else f" Subsampling, {_formula(coefficient, bias)}: "
              f"{'all 0' if math.isnan(other) else number(other)}.")
    whole = (right or down) and right % step == down % step == 0 and kind != _NONE
    same = " The shift is a multiple of the stride: the same numbers, moved by whole places."
    return (f"{title}: {_FIELD} × {_FIELD} {'stays' if size == _FIELD else 'becomes'} {size} × {size}"
            f"{left_out}. With the {digit} {_moved(right, down)}, this map changes by "
            f"{number(changes[kind])} of its length{without}.{beside}{same if whole else ''}")


def _map(sheet: Sheet, left: float, top: float, title: str, values: Tensor, reach: float = 1.0,
         signed: bool = False) -> None:
    """Ink on paper from 0 to 1, or violet and orange from -reach to reach."""
    sheet.text(left, top - 16, title, 15, anchor="lm", bold=True)
    sheet.image(values, left, top, _SIDE, low=-reach if signed else 0.0, high=reach,
                colours="signed" if signed else "ink")
    sheet.outline(left, top, _SIDE, _SIDE, _GREY, 1)


def _windows(sheet: Sheet, top: float, window: int, stride: int, size: int) -> None:
    """Two windows in the middle and the number of each, and the edge of what no window reaches."""
    pixel, cell, index = _SIDE / _FIELD, _SIDE / size, size // 2
    lost = dropped(_FIELD, window, stride)
    if lost:
        reached = pixel * (_FIELD - lost)
        sheet.outline(_LEFT, top, reached, reached, RED, 2, dash=True)
    for column, colour, dash in ((index + 1, RED, True), (index, BLUE, False)):
        sheet.outline(_LEFT + pixel * stride * column, top + pixel * stride * index, pixel * window,
                      pixel * window, colour, 2, dash)
        sheet.outline(_MIDDLE + cell * column, top + cell * index, cell, cell, colour, 2, dash)


def _bar(sheet: Sheet, top: float, name: str, share: float, chosen: bool = False) -> None:
    sheet.text(_BARS, top + 8, "▶ " * chosen + name, 14, anchor="lm", bold=chosen)
    known = not math.isnan(share)
    sheet.bar(_BARS, top + 20, 180, 18, share / _FULL if known else 0, BLUE if chosen else _GREY)
    sheet.text(_BARS + 190, top + 29, number(share) if known else "–", 15, anchor="lm", bold=chosen)
