"""What the elements of an operation's result see, given what those of its inputs see.

`trace` asks `follow` about each operation that a model carries out, and refuses what has no rule here.
"""

from typing import NamedTuple

import torch

from .axes import Axis, apart, meet


class Seen(NamedTuple):
    """What the elements of a tensor see.

    layout: "maps" where two dimensions are the axes, "flat" where maps were laid out as one vector,
        "whole" where every element sees the same.
    dims: in maps, which dimensions the axes are, counted from the end.
    """

    layout: str
    axes: tuple[Axis, Axis]
    dims: tuple[int, int] = (-2, -1)

    def laid_out(self, shape: torch.Size) -> "Seen":
        """The same with an axis of units for each of the last two dimensions, if there are four."""
        if self.layout != "whole" or len(shape) != 4:
            return self
        return Seen("maps", tuple(Axis(axis.field, axis.windows * units)
                                  for axis, units in zip(self.axes, shape[-2:], strict=True)))


# PyTorch marks the operations that work on each element by itself, all but these. (Those of the last
# line PyTorch 2.9 does not mark, or not where they work in place.)
ELEMENTWISE = {"hardswish", "mish", "log_sigmoid_forward", "_prelu_kernel", "native_dropout",
               "rrelu_with_noise",
               "leaky_relu", "elu", "celu", "selu", "hardsigmoid", "hardtanh"}
_RESHAPING = {"view", "_unsafe_view", "squeeze", "unsqueeze", "expand", "slice", "split", "detach",
              "alias", "_to_copy", "repeat", "channel_shuffle", "native_channel_shuffle"}
_SUMS = {"mean", "sum"}
_REDUCING = _SUMS | {"amax", "amin", "max", "min", "var", "std", "linalg_vector_norm", "norm",
                     "logsumexp", "glu"}
_SOFTMAX = {"_softmax", "_log_softmax"}
_DENSE = {"addmm", "mm"}
_ADAPTIVE = {"_adaptive_avg_pool2d", "adaptive_max_pool2d"}
_NEAREST = {"upsample_nearest2d", "_upsample_nearest_exact2d"}
# Some elements of their results may read nothing: padding alone, or what no unit falls on.
_PADDING = {"convolution", "max_pool2d_with_indices", "avg_pool2d", "constant_pad_nd", "im2col",
            "col2im", "max_unpool2d", "grid_sampler_2d"}
# These have a row even where the field stays as it is, as in a 1 x 1 convolution.
LAYERS = {"convolution", "max_pool2d_with_indices", "avg_pool2d", "cat", "pixel_shuffle",
          "pixel_unshuffle"} | _ADAPTIVE | _SUMS | _DENSE | _NEAREST


def follow(operation: str, given: dict, windows: list[tuple], inputs: list[Seen],
           shape: torch.Size, result: torch.Size) -> Seen | None:
    """What the elements of an operation's result see; None where there is no rule.

    given: the arguments by name; windows: see `windows_of`; shape: of the first input that is
    followed; result: the shape of the result.
    """
    layouts = {seen.layout for seen in inputs}
    pads = operation in _PADDING and len(shape) == 4
    if operation == "cat" and len(shape) == 4 and given["dim"] % 4 > 1 and (
            set(inputs) != {inputs[0]} or len(inputs) < len(given["tensors"])):
        return None  # set end to end, its parts see different things, and constants nothing
    if operation in {"elementwise", "cat"} or (layouts == {"whole"} and not pads):
        return _together(inputs, result)
    if len(inputs) > 1:
        return None
    seen = inputs[0]
    if seen.layout == "whole":
        after = _follow_maps(operation, given, windows, seen.laid_out(shape), shape, result)
        alike = after and all(len(set(axis.windows)) == 1 for axis in after.axes)
        return _whole(after) if alike else after
    if seen.layout == "flat":
        return _follow_flat(operation, given, seen, shape, result)
    over = _dims(operation, given, shape)
    if over is not None:
        return _follow_over(operation, over, seen, shape, result)
    if operation in {"permute", "transpose"}:
        return _permuted(given, seen, len(shape))
    if operation in _RESHAPING and result == shape:
        return seen
    return _follow_maps(operation, given, windows, seen, shape, result) if (
        seen.dims == (-2, -1)) else None


def _follow_flat(operation: str, given: dict, seen: Seen, shape: torch.Size,
                 result: torch.Size) -> Seen | None:
    """The same for maps that were laid out as one vector."""
    if operation.endswith("batch_norm") and not given["training"]:
        return seen
    if operation in _DENSE or len(shape) - 1 in (_dims(operation, given, shape) or ()):
        return _whole(seen)
    return seen if operation in _RESHAPING and _is_vector(result, shape) else None


def _follow_over(operation: str, over: set[int], seen: Seen, shape: torch.Size,
                 result: torch.Size) -> Seen | None:
    """The same for what adds up maps over dimensions, or normalises by what it finds over them."""
    axes = [dim % len(shape) for dim in seen.dims]
    if operation not in _REDUCING:
        return seen._replace(axes=tuple(axis.spread() if dim in over else axis
                                        for axis, dim in zip(seen.axes, axes, strict=True)))
    if over >= set(axes):
        return _whole(seen)
    alike = _sizes(result, seen.dims) == _sizes(shape, seen.dims)
    return seen if alike and not over & set(axes) else None


def _follow_maps(operation: str, given: dict, windows: list[tuple], seen: Seen,
                 shape: torch.Size, result: torch.Size) -> Seen | None:
    """The same for maps whose axes come last."""
    def each(method, *settings) -> Seen:
        return Seen("maps", tuple(map(method, seen.axes, result[-2:], *settings)))

    if windows:
        method = Axis.scatter if given.get("transposed") else Axis.slide
        return Seen("maps", tuple(method(axis, units, *window) for axis, units, window
                                  in zip(seen.axes, result[-2:], windows, strict=True)))
    if operation in _ADAPTIVE:
        return _whole(seen) if result[-2:].numel() == 1 else each(Axis.adapt)
    if operation in _NEAREST:
        times = [_times(*sizes, given) for sizes in zip(shape[-2:], result[-2:], strict=True)]
        return Seen("maps", tuple(map(Axis.repeat, seen.axes, times))) if all(times) else None
    if operation == "pixel_shuffle":
        return Seen("maps", tuple(axis.repeat(given["upscale_factor"]) for axis in seen.axes))
    if operation == "pixel_unshuffle":
        factor = given["downscale_factor"]
        return each(Axis.slide, [factor] * 2, [factor] * 2)
    if operation == "constant_pad_nd":
        left, _, top, *_ = [*given["pad"], 0, 0]
        return each(Axis.crop, (-top, -left))
    if operation == "slice" and given["dim"] % len(shape) >= len(shape) - 2:
        start, _, step = slice(given["start"], None, given["step"]).indices(shape[given["dim"]])
        return Seen("maps", tuple(
            axis.crop(result[dim], start, step) if dim == given["dim"] % len(shape) - len(shape)
            else axis for axis, dim in zip(seen.axes, seen.dims, strict=True)))
    if operation in _RESHAPING and len(result) > 2 and result[-2:] == shape[-2:]:
        return seen
    if operation in _RESHAPING and _is_vector(result, shape):
        return Seen("flat", seen.axes)
    return None


def windows_of(operation: str, given: dict) -> list[tuple[int, int, int, int]]:
    """kernel, stride, padding and dilation along both axes; empty where nothing slides.

    Layers over volumes have a third axis, which comes first and here counts as channels: that is
    how local response normalisation goes across maps.
    """
    if operation == "convolution" and given["weight"].dim() == 4:
        kernel = given["weight"].shape[2:]
    elif operation in {"max_pool2d_with_indices", "avg_pool2d", "avg_pool3d"}:
        kernel = given["kernel_size"]
    else:
        return []
    settings = (kernel, given["stride"] or kernel, given["padding"], given.get("dilation", (1, 1)))
    return list(zip(*((tuple(each) * 2)[-2:] for each in settings), strict=True))


def _times(size: int, result: int, given: dict) -> int:
    """How often upsampling to the nearest repeats each unit; 0 where not all equally often."""
    scales = [scale for name, scale in given.items() if name.startswith("scale") and scale]
    scales = scales[0] if scales and isinstance(scales[0], (list, tuple)) else scales
    times, rest = divmod(result, size)
    return times if not rest and all(float(scale).is_integer() for scale in scales) else 0


def _permuted(given: dict, seen: Seen, dims: int) -> Seen | None:
    """Maps whose dimensions were put in another order, in which rows still come before columns."""
    order = list(range(dims))
    if "dims" in given:
        order = [dim % dims for dim in given["dims"]]
    else:
        one, other = given["dim0"] % dims, given["dim1"] % dims
        order[one], order[other] = other, one
    down, across = (order.index(dim % dims) - dims for dim in seen.dims)
    return seen._replace(dims=(down, across)) if down < across else None


def _is_vector(result: torch.Size, shape: torch.Size) -> bool:
    """Whether all elements of the one shape lie along the last dimension of the other."""
    return result[-1:].numel() == result.numel() == shape.numel()


def _dims(operation: str, given: dict, shape: torch.Size) -> set[int] | None:
    """The dimensions that an operation reduces or normalises over, counted from 0.

    All where it names none; None for one that does neither.
    """
    if operation.endswith("batch_norm"):  # with the statistics of the image, or with stored ones
        return set(range(len(shape))) if given["training"] else set()
    if operation == "native_group_norm":
        return set(range(1, len(shape)))
    if operation == "native_layer_norm":
        return set(range(len(shape))[-len(given["normalized_shape"]):])
    if operation not in _REDUCING | _SOFTMAX:
        return None
    dims = given.get("dim")
    if isinstance(dims, int):
        dims = [dims]
    return {dim % len(shape) for dim in dims or range(len(shape))}


def _together(inputs: list[Seen], result: torch.Size) -> Seen | None:
    """What an element sees that reads one of each of these, or is one of them.

    None where they do not lie alike, as maps and a vector, or maps that are set end to end.
    Raises NotImplementedError where rows and columns cannot be told apart.
    """
    layouts = {seen.layout for seen in inputs}
    if layouts >= {"maps", "flat"}:
        return None
    if layouts >= {"flat"} and len(set(inputs)) > 1:
        inputs = [_whole(seen) for seen in inputs]  # units of two vectors do not lie side by side
    layout = (layouts - {"whole"} or layouts).pop()
    dims = {seen.dims for seen in inputs if seen.layout == "maps"} or {(-2, -1)}
    if len(dims) > 1:
        return None
    seen = Seen(layout, tuple(map(meet, zip(*(seen.axes for seen in inputs), strict=True))),
                *dims)
    if layout == "maps" and not apart([seen.axes for seen in inputs]):
        raise NotImplementedError("paths meet of which one sees nothing at some rows or columns of "
                                  "units, so that there the window of all is not that of rows by "
                                  "that of columns; `measure` asks unit by unit")
    units = [len(axis.windows) for axis in seen.axes]
    return None if layout == "maps" and units != _sizes(result, seen.dims) else seen


def _sizes(shape: torch.Size, dims: tuple[int, int]) -> list[int]:
    return [shape[dim] for dim in dims if len(shape) >= -dim]


def _whole(seen: Seen) -> Seen:
    return Seen("whole", tuple(axis.join() for axis in seen.axes))
