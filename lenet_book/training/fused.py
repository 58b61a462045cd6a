"""The layers of a network in a form that a processor computes in less time, for the training steps.

Three things in LeNet-5 take longer than their multiplications would:

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

The way back through a convolution is one, too, with as many outputs as the layer has inputs. Sixteen
maps are computed in the time of one, so with C3's six a processor is idle for the larger part. With a
kernel one row longer, in both places, and a step of two rows, it gives two rows at once as twelve maps;
again the zeros cost less than they save.

A kernel that covers the whole map, as in C5, makes the convolution a dense layer, which is computed
without a convolution's preparations.

The first two are for processors with vectors of 512 bits. Confined to 256 bits on such a processor,
PyTorch computed these convolutions in other ways, and the two were slower than the layers themselves.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_AT_ONCE = 16  # maps: numbers of single precision in 512 bits


def conv_max_pool2d(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The same as F.max_pool2d(F.conv2d(x, weight, bias), 2), but for rounding; so are its gradients.

    x: N x maps x H x W, finite. weight: filters x maps x k x k. bias: filters. Floats.
    Returns N x filters x (H-k+1)//2 x (W-k+1)//2. Where several of a window are the largest, the
    gradient goes to the first of them, as in PyTorch.
    Raises RuntimeError where not even one window fits in, and on a second way back through one result.
    """
    return _ConvMaxPool2d.apply(x, weight, bias)


class _ConvMaxPool2d(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x, weight, bias):
        kernels = _moved(weight, 2, 2)
        four = F.conv2d(x, kernels, bias.repeat(4), stride=2).unflatten(1, (4, -1))
        largest = four.amax(1)
        is_largest = four.eq_(largest.unsqueeze(1))  # as 1.0 or 0.0, for no one needs the four again
        ctx.save_for_backward(x, weight, kernels, is_largest)
        return largest

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, weight, kernels, is_largest = ctx.saved_tensors
        of_four = is_largest  # each becomes what it gets of the gradient, in place
        *first_three, fourth = of_four.unbind(1)
        left = gradient  # what none has got yet
        for one in first_three:
            one.mul_(left)
            left = torch.sub(left, one, out=fourth)
        of_x, of_kernels, of_bias = _back(of_four.flatten(1, 2), x, kernels, stride=2,
                                          of_x=ctx.needs_input_grad[0])
        of_weight = torch.zeros_like(weight)  # with its strides, as DistributedDataParallel wants it
        rows, columns = weight.shape[2:]
        for number, moved in enumerate(of_kernels.unflatten(0, (4, -1))):
            down, across = divmod(number, 2)
            of_weight += moved[..., down:down + rows, across:across + columns]
        return of_x, of_weight, of_bias.unflatten(0, (4, -1)).sum(0)


class _Conv2d(torch.autograd.Function):
    """F.conv2d(x, weight, bias), but for rounding, for an x with an even number of rows."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        x = x.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        _, of_weight, of_bias = _back(gradient, x, weight, stride=1, of_x=False)
        if not ctx.needs_input_grad[0]:
            return None, of_weight, of_bias
        back = _moved(weight.flip(2, 3).transpose(0, 1), 2, 1)
        two_rows = F.conv2d(gradient.contiguous(), back, stride=(2, 1), padding=weight.shape[-1] - 1)
        of_x = two_rows.unflatten(1, (2, -1)).permute(0, 2, 3, 1, 4).reshape(x.shape)
        return of_x, of_weight, of_bias


def _back(gradient: Tensor, x: Tensor, weight: Tensor, stride: int, of_x: bool) -> tuple[Tensor, ...]:
    """PyTorch's way back through F.conv2d(x, weight, bias, stride): the gradients of the three."""
    return torch.ops.aten.convolution_backward(gradient, x, weight, weight.shape[:1], (stride, stride),
                                               (0, 0), (1, 1), False, (0, 0), 1, (of_x, True, True))


def _moved(kernels: Tensor, down: int, across: int) -> Tensor:
    """Each kernel in a larger field of zeros, in each of so many places, from the upper left one on.

    filters x maps x k x k -> (down x across x filters) x maps x k+down-1 x k+across-1, contiguous.
    """
    rows, columns = (size + by - 1 for size, by in zip(kernels.shape[2:], (down, across), strict=True))
    around = F.pad(kernels, (across - 1, across - 1, down - 1, down - 1))
    windows = around.unfold(2, rows, 1).unfold(3, columns, 1).flip(2, 3)
    return windows.permute(2, 3, 0, 1, 4, 5).flatten(0, 2).contiguous()


class ConvMaxPool2d(nn.Module):
    """An nn.Conv2d and the nn.MaxPool2d(2) that follows it, computed together."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        if not _fits(self.conv, x) or min(x.shape[-2:]) <= self.conv.kernel_size[0]:
            return F.max_pool2d(self.conv(x), 2)
        return conv_max_pool2d(x, self.conv.weight, self.conv.bias)


class TwoRowsConv2d(nn.Module):
    """An nn.Conv2d whose gradient for its inputs is computed two rows at once, where they are even."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        if not _fits(self.conv, x) or x.shape[-2] % 2:
            return self.conv(x)
        return _Conv2d.apply(x, self.conv.weight, self.conv.bias)


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
    has_512_bits = torch.backends.cpu.get_cpu_capability() == "AVX512"
    layers, fused = list(model), []  # not its children(), which name a layer that comes twice once
    while layers:
        layer = layers.pop(0)
        if _is_plain(layer):
            if has_512_bits and layer.in_channels == 1 and layers and _halves(layers[0]):
                layers.pop(0)
                layer = ConvMaxPool2d(layer)
            elif has_512_bits and 2 * layer.in_channels <= _AT_ONCE:
                layer = TwoRowsConv2d(layer)
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
