"""Cross-correlation, convolution and pooling from scratch; chapters 01 to 04 build them.

One idea carries all four: slide a window over the image and turn the pixels under it into one
number. Cross-correlation multiplies them by a kernel and adds; convolution does the same with the
kernel turned by 180 degrees; max pooling keeps the largest pixel, average pooling their mean.

The loops say it the long way and are for reading. The unfolded form says it in one step, by
collecting all windows first, and is fast enough to train with. What deep learning calls
convolution, PyTorch's conv2d and the one here alike, is cross-correlation: the kernel is learned,
so that nobody misses the flip.
"""

from collections.abc import Sequence
from math import inf
from operator import index

import torch
import torch.nn.functional as F
from torch import Tensor

from .arguments import one_of, shown
from .arithmetic import conv_output_size, effective_kernel
from .tables import by
from .tensors import FLOATING, check_tensor

Pair = int | tuple[int, int]  # one number for both axes, or (vertical, horizontal); in pixels


def cross_correlate2d(image: Tensor, kernel: Tensor) -> Tensor:
    """Slide the kernel over the image; at each position multiply pixel by weight, and add up.

    image: H x W. kernel: kh x kw, of the same dtype, no larger than the image.
    Returns (H - kh + 1) x (W - kw + 1), one number for each position at which the whole kernel
    lies on the image ("valid"): result[i, u] = sum over v, t of image[i + v, u + t] kernel[v, t].
    Raises ValueError, with the values in it, where the two do not fit together.
    Source: Goodfellow, Bengio & Courville 2016, "Deep Learning", equation 9.6.
    """
    _check_maps(image, kernel)
    height, width = kernel.shape
    rows, columns = map(conv_output_size, image.shape, kernel.shape)
    result = image.new_empty(rows, columns)
    for top in range(rows):
        for left in range(columns):
            window = image[top:top + height, left:left + width]
            result[top, left] = (window * kernel).sum()
    return result


def convolve2d(image: Tensor, kernel: Tensor) -> Tensor:
    """Flip the kernel upside down and left to right, then cross-correlate.

    image: H x W. kernel: kh x kw, of the same dtype, no larger than the image.
    Returns (H - kh + 1) x (W - kw + 1), with kh x kw not flipped and i, u counted from 0:
    result[i, u] = sum over v, t of image[i + kh - 1 - v, u + kw - 1 - t] kernel[v, t].
    Raises ValueError as `cross_correlate2d` does.
    Source: Goodfellow, Bengio & Courville 2016, "Deep Learning", equation 9.5.
    """
    _check_maps(image, kernel)
    return cross_correlate2d(image, kernel.flip(0, 1))


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Pair = 1,
           padding: Pair = 0, dilation: Pair = 1, method: str = "unfold") -> Tensor:
    """Every output map is the sum of all input maps, each cross-correlated with its own kernel.

    x: N x C x H x W, or C x H x W for one example. weight: M x C x kh x kw, the C kernels of each
    of the M output feature maps. bias: M, or None. All of one dtype, on one device.
    stride: pixels from one window to the next. padding: zeros added per side. dilation: pixels
    from one weight of the kernel to the next.
    method: "unfold" for one matrix multiplication, "loops" for the definition, slow and plain.
    Returns N x M x rows x columns (without N where x has none), where
    rows = floor((H + 2 padding - dilation (kh - 1) - 1) / stride) + 1, and columns likewise.
    Raises ValueError, with the values in it, for what cannot be.
    Source: PyTorch's conv2d; for the unfolding, Chellapilla, Puri & Simard 2006, "High performance
    convolutional neural networks for document processing".
    """
    method = one_of("unfold", "loops")("method", method)
    stride = _pair("stride", stride, 1)
    padding = _pair("padding", padding, 0)
    dilation = _pair("dilation", dilation, 1)
    _check_tensor("x", x, "N x C x H x W", "C x H x W")
    _check_tensor("weight", weight, "M x C x kh x kw")
    _check_alike(x=x, weight=weight)
    maps, channels, *kernel = weight.shape
    if maps == 0:
        raise ValueError(f"weight must hold at least 1 output map, not {by(weight.shape)}")
    if x.shape[-3] != channels:
        raise ValueError(f"x has {x.shape[-3]} channels ({by(x.shape)}) but weight is for "
                         f"{channels} ({by(weight.shape)})")
    if bias is not None:
        _check_tensor("bias", bias, "M")
        _check_alike(x=x, bias=bias)
        if len(bias) != maps:
            raise ValueError(f"bias must hold one number for each of the {maps} output maps of "
                             f"weight ({by(weight.shape)}), not {len(bias)}")
    _check_fit(x, kernel, padding, dilation)
    correlate = _correlate_by_loops if method == "loops" else _correlate_unfolded
    result = correlate(_pad(x, padding, 0), weight, stride, dilation)
    return result if bias is None else result + bias.view(-1, 1, 1)


def max_pool2d(x: Tensor, kernel_size: Pair, stride: Pair | None = None,
               padding: Pair = 0) -> Tensor:
    """The largest pixel of each window, map by map.

    x: N x C x H x W, or C x H x W for one example.
    kernel_size: the window, pixels. stride: pixels from one window to the next; None is the
    window's size, so that windows lie side by side. padding: pixels added per side, at most half
    the window; they are -infinity and never win.
    Returns N x C x rows x columns (without N where x has none), where
    rows = floor((H + 2 padding - height of the window) / stride) + 1, and columns likewise.
    The gradient goes to the largest pixel alone, to the first in reading order where several tie.
    Raises ValueError, with the values in it, for what cannot be.
    Source: PyTorch's max_pool2d with its defaults.
    """
    windows = _pooling_windows(x, FLOATING | _INTEGER, kernel_size, stride, padding, -inf)
    # Not amax, which would split the gradient among the pixels that tie.
    return windows.flatten(-2).max(-1).values


def avg_pool2d(x: Tensor, kernel_size: Pair, stride: Pair | None = None,
               padding: Pair = 0) -> Tensor:
    """The mean of each window, map by map.

    x, kernel_size, stride and the shape returned: as in `max_pool2d`.
    padding: zeros added per side, at most half the window; they count as pixels of the mean.
    Raises ValueError, with the values in it, for what cannot be.
    Source: PyTorch's avg_pool2d with its defaults (count_include_pad=True).
    """
    windows = _pooling_windows(x, FLOATING | {torch.int64}, kernel_size, stride, padding, 0)
    if x.is_floating_point():
        return windows.mean((-2, -1))
    # Of the integers PyTorch averages int64 alone, and rounds towards zero.
    pixels = windows.shape[-2] * windows.shape[-1]
    return windows.sum((-2, -1)).div(pixels, rounding_mode="trunc")


def _check_maps(image: Tensor, kernel: Tensor) -> None:
    """Refuse what is no image, no kernel, or a kernel that the image has no room for."""
    _check_tensor("image", image, "H x W")
    _check_tensor("kernel", kernel, "kh x kw")
    _check_alike(image=image, kernel=kernel)
    _check_fit(image, kernel.shape)


def _correlate_by_loops(padded: Tensor, weight: Tensor, stride: tuple[int, int],
                        dilation: tuple[int, int]) -> Tensor:
    """For each example and output map, at each position: multiply the window by the kernels, add."""
    examples = padded.unsqueeze(0) if padded.dim() == 3 else padded
    down, right = map(effective_kernel, weight.shape[-2:], dilation)
    rows, columns = map(conv_output_size, padded.shape[-2:], (down, right), stride)
    result = padded.new_empty(len(examples), len(weight), rows, columns)
    for n, example in enumerate(examples):
        for m, kernels in enumerate(weight):
            for i in range(rows):
                for u in range(columns):
                    top, left = i * stride[0], u * stride[1]
                    window = example[:, top:top + down:dilation[0],
                                     left:left + right:dilation[1]]  # C x kh x kw
                    result[n, m, i, u] = (window * kernels).sum()
    return result.view(*padded.shape[:-3], *result.shape[1:])


def _correlate_unfolded(padded: Tensor, weight: Tensor, stride: tuple[int, int],
                        dilation: tuple[int, int]) -> Tensor:
    """All windows as rows, times all kernels as columns."""
    windows = _windows(padded, weight.shape[-2:], stride, dilation)
    rows = windows.movedim(-5, -3).flatten(-3)    # N x rows x columns x C kh kw
    columns = weight.flatten(1).T                 # C kh kw x M
    result = (rows @ columns).movedim(-1, -3)     # N x M x rows x columns
    return result.contiguous()  # in memory as in its shape, so that .view() works on it


def _pooling_windows(x: Tensor, dtypes: set[torch.dtype], kernel_size: Pair, stride: Pair | None,
                     padding: Pair, fill: float) -> Tensor:
    """Checked and padded: N x C x rows x columns x kh x kw."""
    _check_tensor("x", x, "N x C x H x W", "C x H x W", dtypes=dtypes)
    kernel = _pair("kernel_size", kernel_size, 1)
    stride = kernel if stride is None else _pair("stride", stride, 1)
    padding = _pair("padding", padding, 0)
    for k, p in zip(kernel, padding, strict=True):
        if 2 * p > k:
            raise ValueError(f"padding {p} is more than half of the pooling window of {k}: "
                             f"2*{p} > {k}; use at most {k // 2}")
    if x.shape[-3] == 0:
        raise ValueError(f"x must hold at least 1 map, not {by(x.shape)}")
    _check_fit(x, kernel, padding)
    if not x.is_floating_point():
        fill = max(fill, torch.iinfo(x.dtype).min)  # integers have no -infinity
    return _windows(_pad(x, padding, fill), kernel, stride)


def _pad(x: Tensor, padding: tuple[int, int], fill: float) -> Tensor:
    vertical, horizontal = padding
    try:
        return F.pad(x, (horizontal, horizontal, vertical, vertical), value=fill)
    except (RuntimeError, TypeError):  # too large for the memory, or for a count of 64 bits
        raise ValueError(f"padding {vertical, horizontal} makes {by(x.shape)} too large for the "
                         "memory") from None


def _windows(padded: Tensor, kernel: Sequence[int], stride: tuple[int, int],
             dilation: tuple[int, int] = (1, 1)) -> Tensor:
    """All windows as a view: ... x H x W -> ... x rows x columns x kh x kw.

    Each unfold cuts one axis into steps and appends what lies under the kernel as a new last axis,
    so that the axis to cut is the last but one both times: first H, then W.
    """
    for k, s, d in zip(kernel, stride, dilation, strict=True):
        padded = padded.unfold(-2, effective_kernel(k, d), s)[..., ::d]
    return padded


# What PyTorch itself counts with on a CPU.
_INTEGER = {torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64}
_ARITHMETIC = FLOATING | _INTEGER | {torch.complex64, torch.complex128}


def _pair(name: str, value: Pair, least: int) -> tuple[int, int]:
    """The setting for both axes, (vertical, horizontal), each at least `least`."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    try:
        if any(isinstance(number, bool) for number in given):
            raise TypeError
        vertical, horizontal = map(index, given * 2 if len(given) == 1 else given)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an integer or a pair (vertical, horizontal) of them, "
                         f"not {shown(value)}") from None
    if min(vertical, horizontal) < least:
        raise ValueError(f"{name} must be at least {least}, not {value!r}")
    if max(vertical, horizontal) >= 2**63:
        raise ValueError(f"{name} must be below 2**63, not {value!r}")
    return vertical, horizontal


def _check_tensor(name: str, value: Tensor, *layouts: str,
                  dtypes: set[torch.dtype] = _ARITHMETIC) -> None:
    """Refuse what is no tensor of these types, with pixels, laid out as one of these, "H x W"."""
    check_tensor(name, value, *layouts, dtypes=dtypes)
    if value.dim() > 1 and 0 in value.shape[-2:]:
        raise ValueError(f"{name} must be at least 1 pixel high and wide, not {by(value.shape)}")


def _check_alike(**operands: Tensor) -> None:
    """Refuse two that PyTorch would not multiply, and say how to convert one without a loss."""
    (first, one), (second, other) = operands.items()
    if one.device != other.device:
        remedy = (f"bring both to one device, for example {second}.to({first}.device)"
                  if not other.is_meta else "what is on meta holds no numbers")
    elif one.dtype != other.dtype:
        both = torch.promote_types(one.dtype, other.dtype)  # float where one of them is
        convert = "float()" if both == torch.float32 else f"to({both})"
        narrow = [name for name, value in operands.items() if value.dtype != both]
        remedy = "use " + " and ".join(f"{name}.{convert}" for name in narrow)
    else:
        return
    raise ValueError(f"{first} is {one.dtype} on {one.device} but {second} is {other.dtype} on "
                     f"{other.device}; {remedy}")


def _check_fit(x: Tensor, kernel: Sequence[int], padding: tuple[int, int] = (0, 0),
               dilation: tuple[int, int] = (1, 1)) -> None:
    """Refuse a kernel that reaches further than the padded input."""
    axes = zip(("vertically", "horizontally"), x.shape[-2:], kernel, padding, dilation, strict=True)
    for axis, size, k, p, d in axes:
        try:
            conv_output_size(size, k, padding=p, dilation=d)
        except ValueError as error:
            raise ValueError(f"{axis}, {error}") from None
