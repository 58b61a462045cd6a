"""A digit and its shifted copy, each pooled: how much does the pooled map change?"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arithmetic import dropped
from ..convolution import avg_pool2d, max_pool2d
from ..plots import BLUE, RED
from .base import Demo, Facts
from .controls import choice, slider
from .examples import ten_digits
from .sheet import GREY, Sheet
from .words import moved, number, signed

_SUBSAMPLING, _EVERY, _NONE = "subsampling of 1998", "every s-th pixel", "no pooling"
KINDS = "max", "average", _SUBSAMPLING, _EVERY, _NONE
_ORDINALS = "", "second ", "third ", "fourth ", "fifth ", "sixth "
_FIELD = 36  # pixels: height and width of the field in which a digit is shifted
_SIDE, _UPPER, _LOWER = 180, 32, 242  # a map in the picture, and where the two rows begin
_LEFT, _MIDDLE, _RIGHT, _BARS = 8, 202, 396, 598  # where the four columns begin
_FULL = 1.5  # the change at which a bar is full


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
    return Demo("pooling", compute, paint, say, controls, (840, 428), projector=projector,
                needs=["ten-digits"])


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
        _map(sheet, _MIDDLE, top, f"pooled, {len(result)} × {len(result)}", result, reach)
        _windows(sheet, top, facts)
    middle = (_UPPER + _LOWER) / 2
    _map(sheet, _RIGHT, middle, "difference", difference, reach or 1.0)
    sheet.text(_RIGHT, middle + _SIDE + 14, f"violet −, orange +, to {number(reach or 1.0)}", 12,
               anchor="lm")
    sheet.title(_BARS, _UPPER - 16, "change of the pooled map")
    for i, (kind, share) in enumerate(facts.changes.items()):
        _bar(sheet, _UPPER + 60 * i, _name(kind, facts), share, kind == facts.kind)
    sheet.text(_BARS, _UPPER + 60 * KINDS.index(_SUBSAMPLING) + 46, _formula(facts), 12, anchor="lm")
    _bar(sheet, _LOWER + _SIDE - 38, f"with a {(facts.digit + 1) % 10} in its place",
         facts.other_change)


def _map(sheet: Sheet, left: float, top: float, title: str, values: Tensor,
         reach: float | None = None) -> None:
    sheet.title(left, top - 16, title)
    sheet.image(values, left, top, _SIDE, reach, frame=True)


def _windows(sheet: Sheet, top: float, facts: Facts) -> None:
    """Two windows in the middle and the number of each, and the edge of what no window reaches."""
    size = facts.pooled.shape[-1]
    pixel, cell, index = _SIDE / _FIELD, _SIDE / size, size // 2
    if facts.lost:
        reached = pixel * (_FIELD - facts.lost)
        sheet.outline(_LEFT, top, reached, reached, RED, 2, dash=True)
    side, step = pixel * facts.window, pixel * facts.stride
    for column, colour, dash in ((index + 1, RED, True), (index, BLUE, False)):
        sheet.outline(_LEFT + step * column, top + step * index, side, side, colour, 2, dash)
        sheet.outline(_MIDDLE + cell * column, top + cell * index, cell, cell, colour, 2, dash)


def _bar(sheet: Sheet, top: float, name: str, share: float, chosen: bool = False) -> None:
    sheet.text(_BARS, top + 8, "▶ " * chosen + name, 14, anchor="lm", bold=chosen)
    known = not math.isnan(share)
    sheet.bar(_BARS, top + 20, 180, 18, share / _FULL if known else 0, BLUE if chosen else GREY)
    sheet.text(_BARS + 190, top + 29, number(share) if known else "–", 15, anchor="lm", bold=chosen)


def say(facts: Facts) -> str:
    kind, changes, size = facts.kind, facts.changes, facts.pooled.shape[-1]
    if math.isnan(changes[kind]):
        return ("Coefficient and bias are both 0, so that every pooled number is 0 and no change can "
                "be seen. Move one of them.")
    windows = f", {facts.window} × {facts.window}, stride {facts.stride}"
    title = {"max": "Max pooling" + windows, "average": "Average pooling" + windows,
             _SUBSAMPLING: f"Subsampling, {_formula(facts)}{windows}",
             _EVERY: _name(kind, facts).capitalize(), _NONE: "No pooling"}[kind]
    rows = "row and column are" if facts.lost == 1 else f"{facts.lost} rows and columns are"
    left_out = f"; the last {rows} left out" if facts.lost else ""
    without = f", without pooling by {number(changes[_NONE])}" if kind != _NONE else ""
    other = changes[_SUBSAMPLING]
    beside = ("" if kind == _SUBSAMPLING else
              f" Subsampling, {_formula(facts)}: {'all 0' if math.isnan(other) else number(other)}.")
    same = " The shift is a multiple of the stride: the same numbers, moved by whole places."
    return (f"{title}: {_FIELD} × {_FIELD} {'stays' if size == _FIELD else 'becomes'} {size} × {size}"
            f"{left_out}. With the {facts.digit} {_shift(facts)}, this map changes by "
            f"{number(changes[kind])} of its length{without}.{beside}{same * facts.whole_places}")


def _name(kind: str, facts: Facts) -> str:
    return f"every {_ORDINALS[facts.chosen_stride - 1]}pixel" if kind == _EVERY else kind


def _formula(facts: Facts) -> str:
    """What the subsampling makes of a window."""
    return f"sum × {number(facts.coefficient)} {signed(facts.bias)}"


def _shift(facts: Facts) -> str:
    return f"moved {moved(facts.right, facts.down) or 'by 0 pixels'}"
