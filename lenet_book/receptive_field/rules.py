"""What the elements of an operation's result see, given what those of its inputs see.

`trace` asks `follow` about each operation that a model carries out, and refuses what has no rule here.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch

from .formula import ReceptiveField


class Axis(NamedTuple):
    """Rows of units, or columns: their fields by the formula, and what each of them really sees.

    The formula speaks of an endless image. The windows are composed unit by unit, so that they
    hold at its border as well.
    """

    field: ReceptiveField
    windows: tuple[range, ...]


class Seen(NamedTuple):
    """What the elements of a tensor see.

    layout: "maps" where the last two dimensions are the axes, "flat" where maps were laid out as
    one vector, "whole" where every element sees the same.
    """

    layout: str
    axes: tuple[Axis, Axis]


# PyTorch marks the operations that work on each element by itself, all but these.
ELEMENTWISE = {"hardswish", "mish", "log_sigmoid_forward", "_prelu_kernel", "native_dropout"}
_RESHAPING = {"view", "_unsafe_view", "squeeze", "unsqueeze", "expand", "slice", "split", "detach",
              "alias", "_to_copy"}
_REDUCING = {"mean", "sum"}
_SOFTMAX = {"_softmax", "_log_softmax"}
_DENSE = {"addmm", "mm"}
_ADAPTIVE = {"_adaptive_avg_pool2d", "adaptive_max_pool2d"}
# These have a row even where the field stays as it is, as in a 1 x 1 convolution.
LAYERS = {"convolution", "max_pool2d_with_indices", "avg_pool2d", "cat"} | (
    _ADAPTIVE | _REDUCING | _DENSE)


def follow(operation: str, given: dict, windows: list[tuple], inputs: list[Seen],
            shape: torch.Size, result: torch.Size) -> Seen | None:
    """What the elements of an operation's result see; None where there is no rule.

    given: the arguments by name; windows: see `windows_of`; shape: of the first input that is
    followed; result: the shape of the result.
    """
    layouts = {seen.layout for seen in inputs}
    if operation in {"elementwise", "cat"} or layouts == {"whole"}:
        return _together(inputs, result)
    if len(inputs) > 1:
        return None
    seen = inputs[0]
    if operation.endswith("batch_norm"):
        return None if given["training"] else seen  # with the batch's statistics it sees all of it
    if seen.layout == "flat":
        return _follow_flat(operation, given, seen, shape, result)
    return _follow_maps(operation, given, windows, seen, shape, result)


def _follow_flat(operation: str, given: dict, seen: Seen, shape: torch.Size,
                 result: torch.Size) -> Seen | None:
    """The same for maps that were laid out as one vector."""
    over_features = operation in _REDUCING | _SOFTMAX and len(shape) - 1 in _dims(given, shape)
    if operation in _DENSE or over_features:
        return _whole(seen)
    return seen if operation in _RESHAPING and _is_vector(result, shape) else None


def _follow_maps(operation: str, given: dict, windows: list[tuple], seen: Seen,
                 shape: torch.Size, result: torch.Size) -> Seen | None:
    """The same for maps."""
    same_maps = len(result) > 2 and result[-2:] == shape[-2:]
    if windows:
        return Seen("maps", tuple(
            _slide(axis, units, *window)
            for axis, units, window in zip(seen.axes, result[-2:], windows, strict=True)))
    if operation in _ADAPTIVE:
        if result[-2:].numel() == 1:
            return _whole(seen)
        return Seen("maps", tuple(map(_adapt, seen.axes, result[-2:])))
    if operation == "constant_pad_nd" and min(given["pad"]) >= 0:
        left, _, top, *_ = [*given["pad"], 0, 0]
        return Seen("maps", tuple(
            _slide(axis, units, kernel=1, padding=padding)
            for axis, units, padding in zip(seen.axes, result[-2:], (top, left), strict=True)))
    if operation in _REDUCING and _dims(given, shape) >= _axes_of(shape):
        return _whole(seen)
    if operation in _REDUCING | _SOFTMAX:
        over_channels = same_maps and not _dims(given, shape) & _axes_of(shape)
        return seen if over_channels else None
    if operation in _RESHAPING and same_maps:
        return seen
    if operation in _RESHAPING and _is_vector(result, shape):
        return Seen("flat", seen.axes)
    return None


def windows_of(operation: str, given: dict) -> list[tuple[int, int, int, int]]:
    """kernel, stride, padding and dilation along both axes; empty where nothing slides.

    Layers over volumes have a third axis, which comes first and here counts as channels: that is
    how local response normalisation goes across maps.
    """
    if operation == "convolution" and not given["transposed"] and given["weight"].dim() > 3:
        kernel = given["weight"].shape[2:]
    elif operation in {"max_pool2d_with_indices", "avg_pool2d", "avg_pool3d"}:
        kernel = given["kernel_size"]
    else:
        return []
    settings = (kernel, given["stride"] or kernel, given["padding"], given.get("dilation", (1, 1)))
    return list(zip(*((tuple(each) * 2)[-2:] for each in settings), strict=True))


def _is_vector(result: torch.Size, shape: torch.Size) -> bool:
    """Whether all elements of the one shape lie along the last dimension of the other."""
    return result[-1:].numel() == result.numel() == shape.numel()


def _axes_of(shape: torch.Size) -> set[int]:
    return {len(shape) - 2, len(shape) - 1}


def _dims(given: dict, shape: torch.Size) -> set[int]:
    """The dimensions that an operation works along, counted from 0; all where it names none."""
    dims = given.get("dim")
    if isinstance(dims, int):
        dims = [dims]
    return {dim % len(shape) for dim in dims or range(len(shape))}


def _together(inputs: list[Seen], result: torch.Size) -> Seen | None:
    """What an element sees that reads one of each of these, or is one of them.

    None where they do not lie alike, as maps and a vector, or maps that are set end to end.
    """
    layouts = {seen.layout for seen in inputs}
    if layouts >= {"maps", "flat"}:
        return None
    if layouts >= {"flat"} and len(set(inputs)) > 1:
        inputs = [_whole(seen) for seen in inputs]  # units of two vectors do not lie side by side
    layout = (layouts - {"whole"} or layouts).pop()
    axes = tuple(map(_meet, zip(*(seen.axes for seen in inputs), strict=True)))
    units = tuple(len(axis.windows) for axis in axes)
    return None if layout == "maps" and units != tuple(result[-2:]) else Seen(layout, axes)


def _whole(seen: Seen) -> Seen:
    return Seen("whole", tuple(map(_join, seen.axes)))


def _slide(axis: Axis, units: int, kernel: int, stride: int = 1, padding: int = 0,
           dilation: int = 1) -> Axis:
    """One more layer with this window, in which it finds so many positions."""
    windows = []
    for unit in range(units):
        corner = unit * stride - padding
        taps = range(corner, corner + kernel * dilation, dilation)
        windows.append(hull(axis.windows[tap] for tap in taps if 0 <= tap < len(axis.windows)))
    return Axis(axis.field.then(kernel, stride, padding, dilation), tuple(windows))


def _adapt(axis: Axis, units: int) -> Axis:
    """Adaptive pooling along one axis."""
    before = len(axis.windows)
    if units == 1:
        return _join(axis)
    if before % units:
        raise ValueError(f"adaptive pooling from {before} to {units} units has windows of unequal "
                         "size, so that no one field fits them: choose a size that divides")
    return _slide(axis, units, kernel=before // units, stride=before // units)


def _join(axis: Axis) -> Axis:
    """One unit that sees what all of these see together."""
    pixels = hull(axis.windows)
    return Axis(ReceptiveField(len(pixels), 0, (pixels.start + pixels.stop - 1) / 2), (pixels,))


def _meet(axes: Iterable[Axis]) -> Axis:
    """Units that read one unit from each of these; an axis with a single unit serves them all."""
    axes = set(axes)
    if len(axes) == 1:
        return axes.pop()
    units = max(len(axis.windows) for axis in axes)
    axes = [axis if len(axis.windows) == units else _join(axis) for axis in axes]
    windows = tuple(hull(axis.windows[unit % len(axis.windows)] for axis in axes)
                    for unit in range(units))
    jumps = sorted({axis.field.jump for axis in axes})
    if 0 in jumps:
        return Axis(_join(Axis(ReceptiveField(), windows)).field, windows)
    if len(jumps) > 1:
        raise ValueError(f"paths meet whose jumps differ, {' and '.join(map(str, jumps))} input "
                         "pixels from unit to unit, so that their fields drift apart and no one "
                         "size fits all units: give the paths the same total stride")
    first = min(axis.field.first for axis in axes)
    stop = max(axis.field.first + axis.field.size for axis in axes)
    return Axis(ReceptiveField(stop - first, jumps[0], (first + stop - 1) / 2), windows)


def hull(ranges: Iterable[range]) -> range:
    """The smallest range that covers these; empty ones count for nothing."""
    ranges = [pixels for pixels in ranges if pixels]
    if not ranges:
        return range(0)
    return range(min(pixels.start for pixels in ranges), max(pixels.stop for pixels in ranges))
