"""What takes the place of an operation that would choose, block or saturate, for `measure`."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arithmetic import effective_kernel
from .draws import Draw
from .rules import ELEMENTWISE
from .watch import by_name, name_of, needs_shapes_only, tensors_in, written_by

_SUMS = {"add", "sub", "rsub"}
_CHOOSING = {"max", "min", "amax", "amin", "median", "nanmedian", "mode", "kthvalue", "topk", "sort",
             "cummax", "cummin"}
_MASKING = {"where": "condition", "masked_fill": "mask"}
# They add up their inputs, with weights, or put them somewhere else.
_ADDING = {"convolution", "addmm", "mm", "bmm", "baddbmm", "mean", "sum", "cat", "stack",
           "clone", "copy", "_to_copy", "_unsafe_view", "repeat", "index_copy",
           "index_select", "constant_pad_nd", "reflection_pad2d", "replication_pad2d",
           "avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d", "max_pool2d_with_indices",
           "adaptive_max_pool2d", "upsample_nearest2d", "_upsample_nearest_exact2d",
           "upsample_bilinear2d", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle",
           "native_channel_shuffle", "bernoulli", "_weight_norm_interface"}
_REFUSED = {"as_strided", "fractional_max_pool2d", "fractional_max_pool3d"}


def only_adds(function, args: tuple, kwargs: dict, sees: bool) -> bool:
    """Whether positive numbers cannot cancel in an operation, by what takes its place below.

    sees: whether it reads the image; otherwise it makes weights of weights, and is as it is.
    """
    name = name_of(function)
    if name in _ADDING | _CHOOSING or function.is_view or needs_shapes_only(name):
        return True
    if not sees:
        return name in {"add", "mul"}
    return _works_on_elements(function, by_name(function, args, kwargs))


def carry_out(function, args: tuple, kwargs: dict, shape: torch.Size, draw: Draw):
    """What an operation gives, so that each of its inputs has a share in what it reads.

    A function of single elements combines them as the draw says; the mean takes the place of the
    maximum, and of whatever else chooses along a dimension; a softmax is kept from saturating.
    Everything else is as it is. shape: of the result when the model ran.
    """
    name, given = name_of(function), by_name(function, args, kwargs)
    sees = any(tensor.requires_grad for tensor in tensors_in(given))
    if name in _REFUSED:
        raise ValueError("which numbers it takes cannot be known")
    if name == "bernoulli":  # dropout lets everything pass
        return args[0].fill_(1)
    if name in {"view", "_unsafe_view"}:
        return args[0].reshape(args[1])
    if not sees:
        return function(*args, **kwargs)
    if _works_on_elements(function, given):
        value = _element_by_element(function, given, args, kwargs, draw).expand(shape)
        for target in written_by(function, args, kwargs)[:1]:
            return target.copy_(value)
        return value
    if name == "detach":
        return args[0].view_as(args[0])
    if name.startswith("max_pool"):
        settings = (given[key] for key in ("kernel_size", "stride", "padding", "dilation"))
        return _mean_pool(args[0], shape, 3 if "3d" in name else 2, *settings).reshape(shape)
    if name.startswith("adaptive_max_pool"):
        return getattr(F, name.replace("max", "avg"))(args[0], args[1])
    if name in _CHOOSING:
        return _mean_along(args[0], given.get("dim"), shape)
    if name in {"_softmax", "_log_softmax"}:
        largest = args[0].detach().nan_to_num(0, 0, 0).abs().max()
        return function(args[0] / largest.clamp(min=1), *args[1:])
    return function(*args, **kwargs)


def _works_on_elements(function, given: dict) -> bool:
    """Whether an operation works on each element by itself, as batch normalisation does when it has
    its statistics stored."""
    name = name_of(function)
    return (torch.Tag.pointwise in function.tags or name in ELEMENTWISE
            or (name.endswith("batch_norm") and not given["training"]))


def _element_by_element(function, given: dict, args: tuple, kwargs: dict, draw: Draw) -> Tensor:
    """One number in place of a function of single elements.

    Signed numbers are added and subtracted as they are; in products they would grow without bound.
    Factors and masks that do not depend on the image are kept.
    """
    name, tensors = name_of(function), tensors_in(given)
    parts = [tensor for tensor in tensors if tensor.requires_grad]
    masked = name in _MASKING and not given[_MASKING[name]].requires_grad
    if masked or (draw.signed and name in _SUMS):
        in_place = {key: value for key, value in kwargs.items() if key != "out"}
        return getattr(torch.ops.aten, name)(*args, **in_place)
    value = draw.combine(parts)
    if name == "mul":
        for factor in tensors:
            value = value if factor.requires_grad else value * factor
    return value


def _mean_pool(x: Tensor, shape: torch.Size, axes: int, kernel, stride, padding, dilation) -> Tensor:
    """Max pooling's windows, which give a result of this shape, with the mean of each."""
    x = x.reshape(1, -1, *x.shape[-axes:])  # the channels of one example, with or without a batch
    kernel, stride, padding, dilation = ((list(each) * axes)[-axes:] for each in (
        kernel, stride or kernel, padding, dilation))
    margins = []
    for size, units, k, s, p, d in zip(x.shape[2:], shape[-axes:], kernel, stride, padding, dilation,
                                       strict=True):
        last_stop = (units - 1) * s + effective_kernel(k, d)
        margins = [p, last_stop - size - p, *margins]  # F.pad wants the last axis first
    weight = x.new_ones(x.shape[1], 1, *kernel) / torch.Size(kernel).numel()
    convolve = getattr(F, f"conv{axes}d")
    return convolve(F.pad(x, margins), weight, None, stride, 0, dilation, groups=x.shape[1])


def _mean_along(x: Tensor, dim, shape: torch.Size) -> Tensor:
    """The mean over dimensions, all where none is named, in the shape of what would be chosen."""
    dims = list(range(x.dim())) if dim is None or dim == [] else dim
    mean = x.mean(dims, keepdim=True)
    return mean.expand(shape) if len(shape) == x.dim() else mean.reshape(shape)
