"""The layers of a network in a form that a processor computes in less time, for the training steps.

Two things in LeNet-5 take longer than their multiplications would:

Max pooling looks through small windows, one number after the other. Each window holds four outputs of
the convolution before it, and all four come from one patch of (k + 1) x (k + 1) pixels, each with the
kernel in another corner:

    k k k .    . k k k    . . . .    . . . .
    k k k .    . k k k    k k k .    . k k k
    k k k .    . k k k    k k k .    . k k k
    . . . .    . . . .    k k k .    . k k k

So a convolution with these four kernels in place of each one, and a step of two, gives the four as maps
of their own, and pooling is the larger of whole maps. The zeros cost (k + 1)^2 / k^2 as many
multiplications, 1.44 for k = 5. From a single map, as in C1, that is less than what it saves.

A kernel that covers the whole map, as in C5, makes the convolution a dense layer, which is computed
without a convolution's preparations.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# grad where the input is above the threshold, else 0, into a given tensor. Of the ways to choose by a
# comparison this one alone stays in floats throughout; torch.where takes ten times as long.
_where_above = torch.ops.aten.threshold_backward.grad_input


def conv_max_pool2d(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The same as F.max_pool2d(F.conv2d(x, weight, bias), 2), but for rounding; so are its gradients.

    x: N x maps x H x W, finite. weight: filters x maps x k x k. bias: filters. float32 or float64.
    Returns N x filters x (H-k+1)//2 x (W-k+1)//2. Where several of a window are the largest, the
    gradient goes to the first of them, as in PyTorch.
    Raises RuntimeError where not even one window fits in.
    """
    four = F.conv2d(x, _InEachCorner.apply(weight), stride=2).unflatten(1, (4, len(weight)))
    return _LargestOfFour.apply(four) + bias.view(-1, 1, 1)


class _InEachCorner(torch.autograd.Function):
    """filters x maps x k x k -> 4 filters x maps x k+1 x k+1, with zeros."""

    @staticmethod
    def forward(ctx, weight):
        ctx.save_for_backward(weight)
        kernels = weight.new_zeros(4, *weight.shape[:2], *(size + 1 for size in weight.shape[2:]))
        for corner in _corners(kernels):
            corner.copy_(weight)
        return kernels.flatten(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (weight,) = ctx.saved_tensors
        of_weight = torch.zeros_like(weight)  # with its strides, as DistributedDataParallel wants it
        for corner in _corners(gradient.unflatten(0, (4, len(weight)))):
            of_weight += corner
        return of_weight


def _corners(kernels: Tensor) -> list[Tensor]:
    """Of the first the upper left corner, then the upper right, the lower left, the lower right."""
    upper, lower = slice(None, -1), slice(1, None)
    return [kernels[number, ..., down, across] for number, (down, across)
            in enumerate(((upper, upper), (upper, lower), (lower, upper), (lower, lower)))]


class _LargestOfFour(torch.autograd.Function):
    """N x 4 x anything -> N x anything."""

    @staticmethod
    def forward(ctx, four):
        largest = four.amax(1)
        ctx.save_for_backward(four - largest.unsqueeze(1))  # 0 for the largest, the others below
        return largest

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (below,) = ctx.saved_tensors
        just_below_0 = -torch.finfo(below.dtype).tiny
        of_four = torch.empty_like(below)
        *first_three, fourth = of_four.unbind(1)
        left = gradient  # what none of the four has got yet
        for number, one in enumerate(first_three):
            _where_above(left, below[:, number], just_below_0, grad_input=one)
            left = torch.sub(left, one, out=fourth)
        return of_four


class ConvMaxPool2d(nn.Module):
    """An nn.Conv2d and the nn.MaxPool2d(2) that follows it, computed together."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        if not _fits(self.conv, x) or min(x.shape[-2:]) <= self.conv.kernel_size[0]:
            return F.max_pool2d(self.conv(x), 2)
        return conv_max_pool2d(x, self.conv.weight, self.conv.bias)


class WholeConv2d(nn.Module):
    """An nn.Conv2d, computed as a dense layer where its kernel covers the whole map."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        if not _fits(self.conv, x) or x.shape[-2:] != self.conv.kernel_size:
            return self.conv(x)
        weight = _maps_last(self.conv.weight).flatten(1)
        return F.linear(_maps_last(x).flatten(1), weight, self.conv.bias)[..., None, None]


def fuse(model: nn.Module) -> nn.Module:
    """The same layers with the same parameters, to be run in a training step; or the model itself.

    It is the model itself unless that is an nn.Sequential on a processor, in single or double
    precision, and where a hook waits for what one of the layers takes in or gives out.
    """
    if (type(model).forward is not nn.Sequential.forward
            or not all(p.is_cpu and p.dtype in (torch.float32, torch.float64)
                       for p in model.parameters())
            or any(map(_is_watched, model.modules()))):
        return model
    layers, fused = list(model), []  # not its children(), which name a layer that comes twice once
    while layers:
        layer = layers.pop(0)
        if _is_plain(layer):
            if layer.in_channels == 1 and layers and _halves(layers[0]):
                layers.pop(0)
                layer = ConvMaxPool2d(layer)
            else:
                layer = WholeConv2d(layer)
        fused.append(layer)
    return nn.Sequential(*fused)


def _maps_last(x: Tensor) -> Tensor:
    """As it lies in memory in a training; gradients that come back this way lie so, too."""
    return x.permute(0, 2, 3, 1)


def _fits(conv: nn.Conv2d, x: Tensor) -> bool:
    """Is this a batch for it? If not, let it say so itself."""
    return x.dim() == 4 and x.shape[1] == conv.in_channels and x.dtype == conv.weight.dtype


def _is_watched(module: nn.Module) -> bool:
    """Does someone wait for what it does, or has someone given it a forward of its own?"""
    return "forward" in vars(module) or bool(module._forward_hooks or module._forward_pre_hooks
                or module._backward_hooks or module._backward_pre_hooks)


def _is_plain(layer: nn.Module) -> bool:
    """A convolution with square kernels, a step of one and nothing around or between the pixels."""
    return (type(layer) is nn.Conv2d and layer.kernel_size[0] == layer.kernel_size[1]
            and layer.stride == layer.dilation == (1, 1) and layer.padding in ((0, 0), "valid")
            and layer.groups == 1 and layer.bias is not None)


def _halves(layer: nn.Module) -> bool:
    return (type(layer) is nn.MaxPool2d and not layer.return_indices
            and repr(layer) == repr(nn.MaxPool2d(2)))
