"""A digit and its shifted copy, each pooled: how much does the pooled map change?"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arithmetic import dropped
from ..convolution import avg_pool2d, max_pool2d
from ..plots import BLUE, PALE, RED
from .base import Demo, Facts
from .controls import choice, slider
from .examples import ten_digits
from .sheet import GREY, Sheet
from .words import moved, number, signed

_SUBSAMPLING, _EVERY, _NONE = "subsampling of 1998", "every s-th pixel", "no pooling"
KINDS = "max", "average", _SUBSAMPLING, _EVERY, _NONE
_ORDINALS = "", "second ", "third ", "fourth ", "fifth ", "sixth "
_FIELD = 36  # pixels: height and width of the field in which a digit is shifted
_SHIFT = 4  # pixels: how far
_SIDE, _UPPER, _LOWER = 118, 24, 172  # a map in the picture, and where the two rows begin
_LEFT, _MIDDLE, _RIGHT, _BARS = 8, 146, 296, 436  # where the four columns begin
_FIRST, _APART, _BAR_LEFT, _BAR = 42, 32, 652, 126  # bars: where, how far apart, how long
_FULL = 1.5  # the change at which a bar is full


def pooling(digit: int = 4, kind: str = "max", window: int = 2, stride: int = 2, right: int = 1,
            down: int = 0, coefficient: float = 0.5, bias: float = 0.0, projector: bool = False,
            hidden: bool = False) -> Demo:
    """Shift a digit and watch how much its pooled map changes, for five kinds of pooling.

    digit: 0 to 9, from the test set, 0 paper to 1 ink, in a field of 36 x 36. kind: one of KINDS;
    "every s-th pixel" throws away all but one pixel in each stride. window: its height and width,
    1 to 6 pixels. stride: 1 to 6 pixels. right, down: the shift, -4 to 4 pixels. coefficient, bias:
    of the subsampling, which is coefficient times the sum of the window plus bias, -1 to 1.
    """
    controls = {
        "kind": choice("pooling", kind, KINDS, width=236),
        "window": slider("window", window, 1, 6, width=176),
        "stride": slider("stride", stride, 1, 6, width=161),
        "digit": slider("digit", digit, 0, 9, width=152),
        "right": slider("shift right", right, -_SHIFT, _SHIFT, width=163),
        "down": slider("shift down", down, -_SHIFT, _SHIFT, width=168),
        "coefficient": slider("coefficient (1998)", coefficient, -1.0, 1.0, 0.05, width=219),
        "bias": slider("bias (1998)", bias, -1.0, 1.0, 0.05, width=175),
    }
    return Demo("pooling", compute, paint, say, controls, (840, 296), projector=projector,
                hidden=hidden, plays=["right"], needs=["ten-digits"])


@torch.inference_mode()
def compute(digit, kind, window, stride, right, down, coefficient, bias) -> Facts:
    coefficient, bias = round(coefficient, 2), round(bias, 2)  # a slider's 0 may be 1e-17
    # In double precision, so that every machine, and the page, rounds a change alike.
    digits = F.pad((ten_digits().images[:, None] / 255).double(), [(_FIELD - 28) // 2] * 4)
    fields = torch.stack([digits[digit], digits[digit].roll((down, right), dims=(-2, -1)),
                          digits[(digit + 1) % 10]])
    pooled = {name: _pool(name, fields, window, stride, coefficient, bias) for name in KINDS}
    changes = {name: _change(shifted, still) for name, (still, shifted, _) in pooled.items()}
    still, _, other = pooled[kind]
    chosen, (window, stride) = stride, _reads(kind, window, stride)
    return Facts(
        digit=digit, kind=kind, chosen_stride=chosen,  # that of "every s-th pixel", shown or not
        window=window, stride=stride,  # of this kind
        lost=dropped(_FIELD, window, stride),  # rows and columns at the end that no window reaches
        right=right, down=down, coefficient=coefficient, bias=bias,
        fields=fields[:2, 0], pooled=pooled[kind][:2, 0],  # of the digit and of its shifted copy
        changes=changes, other_change=_change(other, still),  # with the next digit in its place
        whole_places=(kind != _NONE and (right, down) != (0, 0)  # the pooled map only moves
                      and right % stride == down % stride == 0))


def _change(after: Tensor, before: Tensor) -> float:
    """The length of the difference as a share of the length before; NaN if that is zero."""
    length = before.norm().item()
    return (after - before).norm().item() / length if length else math.nan


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


def paint(sheet: Sheet, facts: Facts) -> None:
    still, shifted = facts.pooled
    difference, reach = shifted - still, None  # from paper, 0, to ink, 1
    if facts.kind == _SUBSAMPLING:
        reach = torch.stack([still, shifted, difference]).abs().max().item() or 1.0
    for top, title, field, result in zip((_UPPER, _LOWER), (f"digit {facts.digit}", _shift(facts)),
                                         facts.fields, facts.pooled, strict=True):
        _map(sheet, _LEFT, top, title, field)
        _map(sheet, _MIDDLE, top, "", result, reach)
        _windows(sheet, top, facts)
    sheet.title(_MIDDLE, 12, "pooled " * (facts.kind != _NONE) + f"{len(still)} × {len(still)}")
    _map(sheet, _RIGHT, _UPPER, "difference", difference, reach or 1.0)
    for i, words in enumerate(["orange: plus", "violet: minus", f"full at ±{number(reach or 1.0)}",
                               "grey: left out"]):
        sheet.text(_RIGHT, _LOWER - 8 + 24 * i, words)
    sheet.title(_BARS, 12, "relative change of the pooled map")
    for i, (kind, share) in enumerate(facts.changes.items()):
        _bar(sheet, _FIRST + _APART * i, _name(kind, facts), share, kind == facts.kind)
    _bar(sheet, 212, f"with a {(facts.digit + 1) % 10} in its place", facts.other_change)
    if facts.kind == _SUBSAMPLING:
        sheet.text(_BARS, 248, f"subsampling: {_formula(facts)}")
    sheet.text(_BARS, 280, "blue, orange: two windows, their numbers")
    sheet.answer(_MIDDLE - 3, 2, _RIGHT - _MIDDLE - 6, 19)  # how large the map is
    sheet.answer(_RIGHT - 3, _UPPER - 3, _SIDE + 6, _SIDE + 6)
    sheet.answer(_BAR_LEFT - 6, _FIRST - 16, 190, 202)


def _map(sheet: Sheet, left: float, top: float, title: str, values: Tensor,
         reach: float | None = None) -> None:
    sheet.title(left, top - 12, title)
    sheet.image(values, left, top, _SIDE, reach, frame=True)


def _windows(sheet: Sheet, top: float, facts: Facts) -> None:
    """Two windows in the middle and the number of each; grey is what no window reaches."""
    size = facts.pooled.shape[-1]
    pixel, cell, index = _SIDE / _FIELD, _SIDE / size, size // 2
    reached, lost = pixel * (_FIELD - facts.lost), pixel * facts.lost
    sheet.fill(_LEFT + reached, top, lost, _SIDE, PALE, answer=True)
    sheet.fill(_LEFT, top + reached, _SIDE, lost, PALE, answer=True)
    side, step = pixel * facts.window, pixel * facts.stride
    for column, colour in ((index + 1, RED), (index, BLUE)):
        for x, y, width in ((_LEFT + step * column, top + step * index, side),
                            (_MIDDLE + cell * column, top + cell * index, cell)):
            sheet.outline(x - 1, y - 1, width + 2, width + 2, colour)


def _bar(sheet: Sheet, middle: float, name: str, share: float, chosen: bool = False) -> None:
    sheet.text(_BARS, middle, "▶ " * chosen + name, bold=chosen)
    known = not math.isnan(share)
    sheet.bar(_BAR_LEFT, middle - 9, _BAR, 18, share / _FULL if known else 0, BLUE if chosen else GREY)
    sheet.text(_BAR_LEFT + _BAR + 8, middle, number(share) if known else "–", bold=chosen)


def say(facts: Facts) -> str:
    kind, changes, size = facts.kind, facts.changes, facts.pooled.shape[-1]
    if math.isnan(changes[kind]):
        return ("Coefficient and bias are both 0, so that every pooled number is 0 and no change can "
                "be seen. Move one of them.")
    windows = f", {facts.window} × {facts.window}, stride {facts.stride}"
    title = {"max": "Max pooling" + windows, "average": "Average pooling" + windows,
             _SUBSAMPLING: f"Subsampling, {_formula(facts)}{windows}",
             _EVERY: _name(kind, facts).capitalize(), _NONE: "No pooling"}[kind]
    rows = "row and column" if facts.lost == 1 else f"{facts.lost} rows and columns"
    left_out = f"; the last {rows} left out" if facts.lost else ""
    without = f", without pooling {number(changes[_NONE])}" if kind != _NONE else ""
    same = " The same numbers, moved by whole places."
    return (f"{title}: {_FIELD} × {_FIELD} {'stays' if size == _FIELD else 'becomes'} {size} × {size}"
            f"{left_out}. With the {facts.digit} {_shift(facts)}, the difference is "
            f"{number(changes[kind])} times as large as the map{without}.{same * facts.whole_places}")


def _name(kind: str, facts: Facts) -> str:
    return f"every {_ORDINALS[facts.chosen_stride - 1]}pixel" if kind == _EVERY else kind


def _formula(facts: Facts) -> str:
    """What the subsampling makes of a window."""
    return f"sum × {number(facts.coefficient)} {signed(facts.bias)}"


def _shift(facts: Facts) -> str:
    return f"moved {moved(facts.right, facts.down) or 'by 0 pixels'}"
