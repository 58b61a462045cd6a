"""What one operation costs: its connections and its multiply-adds.

Below modules and functions alike PyTorch has a small set of operations, into which it breaks down
what a model does; each is counted here, and one that is not known is never taken for free.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

# They select, copy and rearrange, or belong, as activations and dropout do, to the units before them.
# So do the operations that PyTorch marks as pointwise or as views.
_FREE = {
    "clone", "copy", "_to_copy", "_unsafe_view", "_reshape_alias", "unsafe_split", "as_strided",
    "squeeze", "unsqueeze", "transpose", "t", "resize", "lift_fresh", "fill", "zero",
    "cat", "stack", "repeat", "roll", "flip", "rot90", "tril", "triu", "im2col", "where",
    "masked_fill", "masked_select",
    "index", "index_select", "index_copy", "index_put", "gather", "take", "scatter", "embedding",
    "slice_scatter", "select_scatter",
    "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle", "max_unpool2d",
    "max_unpool3d",
    "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d",
    "replication_pad1d", "replication_pad2d", "replication_pad3d",
    "_softmax", "_log_softmax", "_safe_softmax", "hardswish", "mish", "glu", "log_sigmoid_forward",
    "_prelu_kernel", "rrelu_with_noise",
    "native_dropout", "bernoulli", "uniform", "normal", "exponential",
}


def cost(function: torch._ops.OpOverload, args: tuple, kwargs: dict, result,
         is_weight: Callable[[Tensor], bool]) -> tuple[int, int] | None:
    """(connections, multiply-adds) of one operation that has run; None where it is not known.

    is_weight: whether a tensor is a parameter or a buffer of the model, or made of these alone.
    What is done with weights alone costs an example nothing, but for a matrix product or a convolution:
    a network may run on what it has learned, such as the queries of an attention.
    """
    name = function.overloadpacket.__name__.removesuffix("_")  # in place: the same with a _
    if function.namespace == "aten" and name in _PRODUCTS:
        return _PRODUCTS[name](result, *args, **kwargs)
    tensors = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
    results = [value for value in tree_leaves(result) if isinstance(value, Tensor)]
    if all(map(is_weight, tensors)) or not any(map(_has_fractions, results)):
        return 0, 0  # nothing of the example is in it, or nothing but places and truth values is
    if function.namespace != "aten":
        return None
    if name in _FREE or function.is_view or name.endswith("_like") or name.startswith("new_"):
        return 0, 0
    if torch.Tag.pointwise in function.tags:
        weighted = any(is_weight(tensor) and _has_fractions(tensor) for tensor in tensors)
        return _pointwise(name, results[0].numel()) if weighted else (0, 0)
    return _RULES[name](results[0], *args, **kwargs) if name in _RULES else None


def _has_fractions(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex() or tensor.is_quantized


def _pointwise(name: str, units: int) -> tuple[int, int] | None:
    """With a weight for each unit: a scale; a shift, which is a bias; else an activation."""
    if name in {"mul", "div"}:
        return units, units
    if name in {"add", "sub", "rsub"}:
        return units, 0
    return None if name in {"addcmul", "addcdiv", "lerp"} else (0, 0)


def _convolution(result: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, stride, padding,
                 dilation, transposed: bool, *settings) -> tuple[int, int]:
    """Each unit of the output reads a window; transposed, each unit of the input writes one."""
    macs = (x if transposed else result).numel() * weight[0].numel()
    return macs + (0 if bias is None else result.numel()), macs


def _matrices(result: Tensor, left: Tensor, right: Tensor, **settings) -> tuple[int, int]:
    """Each number of the result reads a row of the left one; vectors are matrices of one row."""
    macs = result.numel() * left.shape[-1]
    return macs, macs


def _matrices_and_bias(result: Tensor, bias: Tensor, *factors, **scales) -> tuple[int, int]:
    macs, _ = _matrices(result, *factors)
    return macs + result.numel(), macs


def _windows(result: Tensor, x: Tensor, kernel: list[int], *settings, **more) -> tuple[int, int]:
    """Pooling: what each unit has in its window."""
    return result.numel() * math.prod(kernel) ** ((x.dim() - 2) // len(kernel)), 0


def _adaptive_windows(result: Tensor, x: Tensor, *settings) -> tuple[int, int]:
    """The same where windows differ in size."""
    axes = zip(x.shape[2:], result.shape[2:], strict=True)
    return result.shape[:2].numel() * math.prod(_adaptive_inputs(*axis) for axis in axes), 0


def _adaptive_inputs(size: int, positions: int) -> int:
    """Inputs read along one axis by all windows together; neighbours may overlap by a pixel."""
    return sum(-(-(i + 1) * size // positions) - i * size // positions for i in range(positions))


def _reads_each(times: int = 1) -> Callable:
    """Each of the inputs is read so many times: once for a mean, twice for a variance."""
    return lambda result, x, *settings, **more: (times * x.numel(), 0)


def _interpolation(reads: int) -> Callable:
    """Each unit is a mean of so many neighbours, or a copy of one."""
    return lambda result, *settings, **more: (reads * result.numel(), 0)


def _norm(units: int, statistics: int, weight: Tensor | None, bias: Tensor | None) -> tuple[int, int]:
    """With statistics of the input itself, so many for each of its elements; a scale and a shift."""
    scaled, shifted = weight is not None, bias is not None
    return units * (statistics + scaled + shifted), units * scaled


def _batch_norm(result: Tensor, x: Tensor, weight: Tensor | None, bias: Tensor | None, mean, variance,
                of_input: bool, *settings) -> tuple[int, int]:
    """With statistics that are known it is a scale, and with a bias of its own a shift."""
    units = x.numel()
    if of_input:
        return _norm(units, 2, weight, bias)
    return units * (1 + (bias is not None)), units


def _recurrent(result: Tensor, x: Tensor, of_input: Tensor, of_state: Tensor, bias: Tensor,
               bias_of_state: Tensor, hx, cx, reverse, sizes, mode, hidden, layers, has_biases: bool,
               *settings) -> tuple[int, int]:
    """One layer of an LSTM, in one direction: steps x batch x features."""
    steps, macs = x.shape[:2].numel(), of_input.numel() + of_state.numel()
    biases = (bias.numel() + bias_of_state.numel()) * has_biases
    return steps * (macs + biases), steps * macs


_PRODUCTS: dict[str, Callable] = {
    "convolution": _convolution, "mm": _matrices, "bmm": _matrices,
    "addmm": _matrices_and_bias, "baddbmm": _matrices_and_bias,
}

_RULES: dict[str, Callable] = {
    "mv": _matrices, "dot": _matrices, "vdot": _matrices, "addmv": _matrices_and_bias,
    **dict.fromkeys(["max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool2d", "avg_pool3d",
                     "fractional_max_pool2d", "fractional_max_pool3d"], _windows),
    **dict.fromkeys(["_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d",
                     "adaptive_max_pool3d"], _adaptive_windows),
    **dict.fromkeys(["mean", "sum", "nansum", "amax", "amin", "max", "min", "median", "prod",
                     "logsumexp", "linalg_vector_norm", "norm", "col2im"], _reads_each()),
    **dict.fromkeys(["var", "std", "var_mean", "std_mean"], _reads_each(2)),
    **dict.fromkeys([f"{kind}{axes}d" for axes in (1, 2, 3)
                     for kind in ("upsample_nearest", "_upsample_nearest_exact")], _interpolation(1)),
    "upsample_linear1d": _interpolation(2), "upsample_bilinear2d": _interpolation(4),
    "upsample_trilinear3d": _interpolation(8), "upsample_bicubic2d": _interpolation(16),
    **dict.fromkeys(["native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm"], _batch_norm),
    "native_layer_norm": lambda result, x, shape, weight, bias, eps: _norm(
        x.numel(), 2, weight, bias),
    "native_group_norm": lambda result, x, weight, bias, *settings: _norm(x.numel(), 2, weight, bias),
    "_fused_rms_norm": lambda result, x, shape, weight, eps: _norm(x.numel(), 1, weight, None),
    "mkldnn_rnn_layer": _recurrent,
}
