"""The layers of a network in a form that a CPU computes in less time, for training and evaluation.

Three things in LeNet-5 take longer than their multiplications would.

PyTorch's max pooling looks through small windows, one number after the other. Whole rows can be
compared at once, of pixels that are two apart: the upper ones with the lower, then the left with the
right.

Behind a convolution there is more to be had. Each window holds four outputs of
the convolution before it, and all four come from one patch of (k + 1) x (k + 1) pixels, each with the
kernel in another corner:

    k k k .    . k k k    . . . .    . . . .
    k k k .    . k k k    k k k .    . k k k
    k k k .    . k k k    k k k .    . k k k
    . . . .    . . . .    k k k .    . k k k

So a convolution with these four kernels in place of each one, and a stride of two, gives the four as
feature maps of their own, and pooling is the largest of four whole maps (chapter 04 shows it). The
zeros cost (k + 1)^2 / k^2 as many multiplications, 1.44 for k = 5. From a single map, as in C1, that
is less than what it saves. With vectors of 256 bits PyTorch takes some six times as long for the
gradient of such kernels as for the convolution with them. There it is one product of two matrices, and
a step of LeNet-5 in batches of 256 takes 0.75 times as long as with C1 and its pooling apart, on two
threads 0.8 times.

A kernel that covers the whole map, as in C5, makes the convolution a dense layer, which is computed
without a convolution's preparations.

On two cores an epoch of LeNet-5 by the recipe `fast` took 1.5 times as long without convolution with
pooling and the dense layer: 1.2 times without the first alone, 1.1 times without the second. Whole rows
in the other pooling save a step 6 to 9 % on one thread and nothing on two; an evaluation took twice as
long without all three.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def conv_max_pool2d(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The same as F.max_pool2d(F.conv2d(x, weight, bias), 2), but for rounding; so are its gradients.

    x: N x maps x H x W, finite. weight: filters x maps x k x k. bias: filters. Floats.
    Returns N x filters x (H-k+1)//2 x (W-k+1)//2. Where several of a window are the largest, the
    gradient goes to the first of them, as in PyTorch.
    Raises RuntimeError where not even one window fits in, and on a second backward pass through
    one result.
    """
    return _ConvMaxPool2d.apply(x, weight, bias)


class _ConvMaxPool2d(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x, weight, bias):
        kernels = _moved(weight)
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
        of_x, of_kernels = _backward(of_four.flatten(1, 2), x, kernels, ctx.needs_input_grad[0])
        of_weight = torch.zeros_like(weight)  # with its strides, as DistributedDataParallel wants it
        rows, columns = weight.shape[2:]
        for number, moved in enumerate(of_kernels.unflatten(0, (4, -1))):
            down, across = divmod(number, 2)
            of_weight += moved[..., down:down + rows, across:across + columns]
        return of_x, of_weight, gradient.sum((0, 2, 3))


def _backward(of_four: Tensor, x: Tensor, kernels: Tensor, needs_x: bool) -> list[Tensor | None]:
    """Gradients of a convolution with a stride of two, without a bias: in x and in the kernels."""
    by_product = _bits() == 256
    of_x, of_kernels, _ = torch.ops.aten.convolution_backward(
        of_four, x, kernels, bias_sizes=None, stride=(2, 2), padding=(0, 0), dilation=(1, 1),
        transposed=False, output_padding=(0, 0), groups=1, output_mask=(needs_x, not by_product, False))
    if by_product:  # of what each output got, and of the patch of x that it saw
        patches = _images_last(x).unfold(1, kernels.shape[2], 2).unfold(2, kernels.shape[3], 2)
        patches = patches.permute(0, 4, 5, 1, 2, 3).flatten(0, 2).flatten(1)
        of_kernels = (_images_last(of_four).flatten(1) @ patches.T).view_as(kernels)
    return [of_x, of_kernels]


def _images_last(x: Tensor) -> Tensor:
    """N x ... -> ... x N: a pixel of all images side by side, so that it can be moved in one piece."""
    return x.flatten(1).T.contiguous().unflatten(0, x.shape[1:])


def _bits() -> int | None:
    """The length of the CPU's vectors, if it is one on which convolution with pooling was measured."""
    return {"AVX512": 512, "AVX2": 256}.get(torch.backends.cpu.get_cpu_capability())


def _moved(kernels: Tensor) -> Tensor:
    """Each kernel in each corner of a field of zeros that is one larger, from the upper left one on.

    filters x maps x k x k -> (4 x filters) x maps x (k + 1) x (k + 1)
    """
    return torch.cat([F.pad(kernels, (across, 1 - across, down, 1 - down))
                      for down in (0, 1) for across in (0, 1)])


class ConvMaxPool2d(nn.Module):
    """An nn.Conv2d and the nn.MaxPool2d(2) that follows it, computed together."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        if not _fits(self.conv, x) or min(x.shape[-2:]) <= self.conv.kernel_size[0]:
            return F.max_pool2d(self.conv(x), 2)
        return conv_max_pool2d(x, self.conv.weight, self.conv.bias)


class _HalvingMax(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x):
        height, width = (size // 2 * 2 for size in x.shape[-2:])  # an odd row or column is left out
        rows = torch.maximum(x[..., 0:height:2, :width], x[..., 1:height:2, :width])
        largest = torch.maximum(rows[..., 0::2], rows[..., 1::2])
        ctx.save_for_backward(*(corner == largest for corner in _corners(x)[:3]))
        ctx.shape = x.shape
        return largest

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        odd = ctx.shape[-2] % 2 or ctx.shape[-1] % 2  # else all of it is written
        of_x = (gradient.new_zeros if odd else gradient.new_empty)(ctx.shape)
        *first_three, fourth = _corners(of_x)
        left = gradient  # what none has got yet
        for of_corner, is_largest in zip(first_three, ctx.saved_tensors, strict=True):
            got = is_largest.to(left.dtype).mul_(left)
            of_corner.copy_(got)
            left = left - got
        fourth.copy_(left)
        return of_x


def _corners(x: Tensor) -> list[Tensor]:
    """... x H x W -> of all windows of 2 x 2 the upper left pixels, the upper right, and so on."""
    height, width = (size // 2 * 2 for size in x.shape[-2:])
    return [x[..., down:height:2, across:width:2] for down in (0, 1) for across in (0, 1)]


class HalvingMaxPool2d(nn.Module):
    """An nn.MaxPool2d(2), computed on whole rows; so are its gradients."""

    def __init__(self, pool: nn.MaxPool2d):
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() not in (3, 4) or not x.is_floating_point() or min(x.shape[-2:]) < 2:
            return self.pool(x)  # let it say so itself
        return _HalvingMax.apply(x)


class WholeConv2d(nn.Module):
    """An nn.Conv2d, computed as a dense layer where its kernel covers the whole map."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        if not _fits(self.conv, x) or x.shape[-2:] != self.conv.kernel_size:
            return self.conv(x)
        return F.linear(x.flatten(1), self.conv.weight.flatten(1), self.conv.bias)[..., None, None]


def fuse(model: nn.Module) -> nn.Module:
    """The same layers with the same parameters, to be run on batches; or the model itself.

    It is the model itself unless that is an nn.Sequential on a CPU, in single or double precision
    and without autocast, and where a hook waits for what one of the layers takes in or gives out.
    """
    if (not isinstance(model, nn.Sequential) or type(model).forward is not nn.Sequential.forward
            or torch.is_autocast_enabled("cpu")
            or not all(p.is_cpu and p.dtype in (torch.float32, torch.float64)
                       for p in model.parameters())
            or any(map(_is_watched, model.modules()))):
        return model
    layers, fused = list(model), []  # not its children(), which name a layer that comes twice once
    while layers:
        layer = layers.pop(0)
        if _is_plain(layer):
            if _bits() and layer.in_channels == 1 and layers and _halves(layers[0]):
                layers.pop(0)
                layer = ConvMaxPool2d(layer)
            else:
                layer = WholeConv2d(layer)
        elif _halves(layer):
            layer = HalvingMaxPool2d(layer)
        fused.append(layer)
    return nn.Sequential(*fused)


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
