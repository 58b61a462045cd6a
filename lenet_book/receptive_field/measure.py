"""Ask the gradient: which pixels move a unit, whatever formulas say."""

import copy
import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..arithmetic import conv_output_size, effective_kernel
from ..features import find, hooked, zeros
from .rules import hull


@dataclass(frozen=True)
class Measurement:
    """What a unit sees of the image, by its gradient."""

    # height x width: how much each pixel moves the unit, as shares that add up to 1
    gradient: Tensor = dataclasses.field(repr=False)
    window: tuple[range, range]  # the rows and columns of the image in which it is not zero

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the window, pixels."""
        down, across = self.window
        return len(down), len(across)


def measure(model: nn.Module, input_shape: tuple[int, ...], layer: str,
            unit: tuple[int, int] | None = None) -> Measurement:
    """The receptive field of one unit, measured: where the input moves it at all.

    input_shape: C x H x W of one example; N x C x H x W is taken too, the way torchinfo wants it.
    layer: a name from `model.named_modules()`.
    unit: (row, column) in the layer's maps, by default the central one. All maps count together,
        since one map may read only some of the paths, and so do all units of a layer without maps.

    It works on a copy in which nothing can cancel and nothing can block: every weight is positive
    and the same throughout its layer, biases are zero, the input is positive, the mean takes the
    place of the maximum, and dropout and softmax let everything pass. The gradient then counts the
    paths from each pixel to the unit. An operation that chooses among its inputs in some other way,
    such as a sort, shows only what it chose. The number of maps makes no difference to the field
    but all to the time: a wide network is better measured with its maps thinned out.

    Raises KeyError, with the names there are, for an unknown layer; ValueError for one that did not
    run or does not depend on the input, for a unit that is not there, and for no shape of an image;
    TypeError for what is no torch.nn.Module or is compiled.
    Source: Luo, Li, Urtasun & Zemel 2016, "Understanding the Effective Receptive Field in Deep
    Convolutional Neural Networks", who do it with the weights as they are.
    """
    find(model, layer)  # refuses what cannot be
    open_model = _open_copy(model)
    image = (zeros(open_model, input_shape).double() + 0.5).requires_grad_()
    with torch.enable_grad():
        output = _output_of(find(open_model, layer), open_model, image)
        if not (isinstance(output, Tensor) and output.requires_grad):
            raise ValueError(f"layer {layer!r} did not run, or its output is not a tensor that "
                             "depends on the input")
        gradient, = torch.autograd.grad(_units(output, layer, unit).sum(), image)
    gradient = gradient[0].abs().sum(0)  # height x width, over all channels
    window = tuple(hull(range(i, i + 1) for i in gradient.sum(other).nonzero().flatten().tolist())
                   for other in (1, 0))
    total = gradient.sum()
    return Measurement(gradient / total if total else gradient, window)


class _LetThrough(TorchFunctionMode):
    """Replaces what would choose, cancel or block by what passes a share from every input."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name == "max_pool2d":
            return _mean_pool(*args, **(kwargs or {}))
        if name == "adaptive_max_pool2d":
            return F.adaptive_avg_pool2d(*args[:2])
        if "dropout" in name or "softmax" in name:
            return args[0]
        return function(*args, **(kwargs or {}))


def _mean_pool(x: Tensor, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
               return_indices=False) -> Tensor:
    """Max pooling's windows, all of its options included, with the mean of each."""
    def pair(value) -> tuple[int, int]:
        return (value, value) if isinstance(value, int) else tuple(value)

    kernel, stride, dilation = pair(kernel_size), pair(stride or kernel_size), pair(dilation)
    margins = []
    for size, k, s, p, d in zip(x.shape[-2:], kernel, stride, pair(padding), dilation, strict=True):
        units = conv_output_size(size, k, s, p, d, ceil_mode)
        last_stop = (units - 1) * s + effective_kernel(k, d)
        margins = [p, max(0, last_stop - size - p), *margins]  # F.pad wants the last axis first
    weight = x.new_full((x.shape[1], 1, *kernel), 1 / (kernel[0] * kernel[1]))
    return F.conv2d(F.pad(x, margins), weight, None, stride, 0, dilation, groups=x.shape[1])


def _open_copy(model: nn.Module) -> nn.Module:
    """A copy on the CPU, in which nothing blocks and nothing cancels.

    Double precision, because there PyTorch's convolutions add up exact zeros where no path leads.
    """
    open_model = copy.deepcopy(model).cpu().double().requires_grad_(False)
    for name, parameter in open_model.named_parameters():
        is_bias = "bias" in name.rpartition(".")[2]
        fan_in = parameter.numel() / max(1, len(parameter)) if parameter.dim() else 1
        parameter.fill_(0 if is_bias else 1 / fan_in)
    for module in open_model.modules():
        if hasattr(module, "reset_running_stats"):
            module.reset_running_stats()
    return open_model


class _Reached(Exception):
    """Ends a run as soon as the layer in question has its output."""


def _output_of(layer: nn.Module, open_model: nn.Module, image: Tensor):
    """What the layer gives the first time it runs; None if it does not."""
    def stop(module: nn.Module, inputs: tuple, output) -> None:
        raise _Reached(output)

    try:
        with hooked(open_model, after=[(layer, stop)]), _LetThrough():
            open_model(image)
    except _Reached as reached:
        return reached.args[0]
    return None


def _units(output: Tensor, layer: str, unit: tuple[int, int] | None) -> Tensor:
    """The elements of a layer's output that are asked for: one place in every map, or all."""
    if output.dim() != 4:
        if unit is not None:
            raise ValueError(f"layer {layer!r} has no maps, so no unit at {unit}; leave it out")
        return output
    height, width = output.shape[-2:]
    row, column = (height // 2, width // 2) if unit is None else unit
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"layer {layer!r} has {height} x {width} units, numbered from 0; there is "
                         f"none at ({row}, {column})")
    return output[..., row, column]
