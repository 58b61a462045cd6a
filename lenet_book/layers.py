"""The layers that LeNet-5 had in 1998 and that PyTorch does not have; chapters 03, 04 and 06 meet them.

Each follows Section II-B of the paper (see `paper`), starts from the paper's initial weights, and
states in `connections_and_macs` what it costs, which is how the ledger counts it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import paper
from .arguments import number, optional, sequence, shown, whole
from .tables import by
from .tensors import check_tensor

_MAPS, _KERNEL, _FAN_IN, _J = whole(1, 100_000), whole(1, 1000), whole(1), number(above=0)


def initialise_(layer: nn.Module, fan_in: int) -> None:
    """Draw a layer's weight and bias, uniform in +-2.4 / fan_in. Source: Appendix A of the paper.

    fan_in: the number of inputs of a unit. The paper does not say whether the bias counts as one;
    here it does not, and biases are drawn from the same range.
    """
    if not (isinstance(layer, nn.Module) and isinstance(getattr(layer, "weight", None), Tensor)
            and isinstance(getattr(layer, "bias", None), Tensor)):
        raise TypeError(f"layer must be a module with weight and bias, not {shown(layer)}")
    bound = paper.INITIAL_RANGE / _FAN_IN("fan_in", fan_in)
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.uniform_(layer.bias, -bound, bound)


class ScaledTanh(nn.Tanh):
    """f(a) = 1.7159 tanh(2a/3), element by element: f(1) = 1 and f(-1) = -1 (Appendix A).

    Computed by tanh(z) = 2 sigmoid(2z) - 1: on a CPU PyTorch's sigmoid takes a sixth of the time of its
    tanh, with which an epoch of the net of 1998 takes 1.1 times as long.
    """

    def forward(self, x: Tensor) -> Tensor:
        twice = torch.sigmoid(2 * paper.SQUASH_SLOPE * x)
        return 2 * paper.SQUASH_AMPLITUDE * twice - paper.SQUASH_AMPLITUDE


class Subsampling(nn.Module):
    """The 1998 pooling: N x maps x H x W -> N x maps x H/2 x W/2.

    The four inputs of each 2 x 2 window are added, the sum is multiplied by one trainable
    coefficient a map, and one trainable bias a map is added. It is a sum: with a mean in its place
    the same net needs a coefficient four times as large. An odd last row or column is left out.
    The squashing function follows as a layer of its own.
    """

    def __init__(self, maps: int):
        super().__init__()
        self.maps = _MAPS("maps", maps)
        self.weight = nn.Parameter(torch.empty(self.maps))
        self.bias = nn.Parameter(torch.empty(self.maps))
        initialise_(self, fan_in=4)

    def forward(self, x: Tensor) -> Tensor:
        _check_maps(self, x, self.maps, 2)
        # Whole rows, then columns: F.avg_pool2d makes an epoch of the net of 1998 1.1 times as long.
        height, width = (size // 2 * 2 for size in x.shape[-2:])
        rows = x[..., 0:height:2, :width] + x[..., 1:height:2, :width]
        total = rows[..., 0::2] + rows[..., 1::2]
        return total * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)

    def connections_and_macs(self, units: int) -> tuple[int, int]:
        """For `units` outputs: four inputs and a bias each; one multiplication each."""
        return 5 * units, units

    def extra_repr(self) -> str:
        return f"{self.maps}, window=2, stride=2"


class SparseConv2d(nn.Module):
    """Convolution in which each output map reads only the input maps that a table names.

    connections: for each output map the input maps it reads, such as `paper.C3_CONNECTIONS`.
    kernel_size: height and width of the square kernels, pixels.
    in_channels: number of input maps; by default the largest named in the table, plus one.
    N x in_channels x H x W -> N x len(connections) x H-kernel_size+1 x W-kernel_size+1.

    It holds one kernel for each entry of the table (60 for C3, hence 1,516 parameters) and lays
    them into a dense stack at each call, so that one ordinary convolution does the work.
    Raises ValueError where the table is empty, names a map twice, or names one that is not there.
    Source: Section II-B and Table I of the paper.
    """

    def __init__(self, connections: Sequence[Sequence[int]], kernel_size: int,
                 in_channels: int | None = None):
        super().__init__()
        table = sequence(sequence(whole(0, 100_000)))("connections", connections)
        self.connections = tuple(map(tuple, table))
        largest = max(map(max, self.connections))
        self.in_channels = optional(_MAPS)("in_channels", in_channels) or largest + 1
        self.out_channels = len(self.connections)
        self.kernel_size = kernel_size = _KERNEL("kernel_size", kernel_size)
        for output, inputs in enumerate(self.connections):
            if len(set(inputs)) < len(inputs):
                raise ValueError(f"output map {output} reads an input map twice: {inputs}")
            if max(inputs) >= self.in_channels:
                raise ValueError(f"output map {output} reads maps {inputs}, but the input maps "
                                 f"are 0 to {self.in_channels - 1}")
        slots = [output * self.in_channels + source
                 for output, inputs in enumerate(self.connections) for source in inputs]
        # Where each kernel lies in the dense stack, counted through out x in; and that stack, empty.
        self.register_buffer("slots", torch.tensor(slots), persistent=False)
        self.register_buffer("blank", torch.zeros(self.out_channels * self.in_channels,
                                                  kernel_size, kernel_size), persistent=False)
        self.weight = nn.Parameter(torch.empty(len(slots), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(self.out_channels))
        self.reset_parameters()

    def reset_parameters(self, bound=lambda fan_in: paper.INITIAL_RANGE / fan_in) -> None:
        """Uniform in +-bound(fan_in), each output map by its own: 75, 100 or 150 inputs in C3."""
        first = 0
        for output, inputs in enumerate(self.connections):
            most = bound(len(inputs) * self.kernel_size**2)
            nn.init.uniform_(self.weight.data[first:first + len(inputs)], -most, most)
            nn.init.uniform_(self.bias.data[output:output + 1], -most, most)
            first += len(inputs)

    def dense_weight(self) -> Tensor:
        """The kernels as out_channels x in_channels x k x k, zero where there is no connection."""
        stack = self.blank.index_copy(0, self.slots, self.weight)
        return stack.view(self.out_channels, self.in_channels, *stack.shape[1:])

    def forward(self, x: Tensor) -> Tensor:
        _check_maps(self, x, self.in_channels, self.kernel_size)
        return F.conv2d(x, self.dense_weight(), self.bias)

    def connections_and_macs(self, units: int) -> tuple[int, int]:
        """For `units` outputs, spread evenly over the maps: kernels and bias; kernels alone."""
        positions = units // self.out_channels
        return positions * (self.weight.numel() + self.bias.numel()), positions * self.weight.numel()

    def extra_repr(self) -> str:
        return (f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
                f"kernels={len(self.slots)} of {self.out_channels * self.in_channels}")


class RBFOutput(nn.Module):
    """Euclidean radial basis functions: how far F6 is from each class's code.

    y_i = sum_j (x_j - w_ij)^2, so N x features -> N x classes, and the smallest output wins.
    codes: classes x features, the w_ij; by default the ten glyphs of `paper.GLYPHS`, 10 x 84.
    They are fixed, as in Section II-B ("at least initially"): a Parameter without gradient, which
    `requires_grad_()` sets free.
    """

    def __init__(self, codes: Tensor | None = None):
        super().__init__()
        if codes is None:
            codes = torch.tensor(paper.GLYPHS, dtype=torch.get_default_dtype()).flatten(1)
        check_tensor("codes", codes, "classes x features")
        if not codes.numel():
            raise ValueError(f"codes must hold a number at least, not be {by(codes.shape)}")
        self.codes = nn.Parameter(codes.clone(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        _check_input(self, x)
        if x.dim() == 0 or x.shape[-1] != self.codes.shape[1]:
            raise ValueError(f"the codes have {self.codes.shape[1]} features, the input has "
                             f"{by(x.shape[-1:]) or 'none'} (shape {tuple(x.shape)})")
        return (x.unsqueeze(-2) - self.codes).square().sum(-1)

    def connections_and_macs(self, units: int) -> tuple[int, int]:
        """For `units` outputs: one squared difference for each feature, no bias."""
        return units * self.codes.shape[1], units * self.codes.shape[1]

    def extra_repr(self) -> str:
        return f"features={self.codes.shape[1]}, classes={self.codes.shape[0]}"


def map_loss(distances: Tensor, labels: Tensor, j: float = 3.0) -> Tensor:
    """The paper's discriminative criterion (Section II-C, equation 9), a scalar.

    distances: N x classes, the outputs of the RBF, y. labels: N, the right classes D.
    Mean over the N patterns of  y_D + log(e^-j + sum_i e^-y_i): the first term pulls the right
    output down, the second pushes the wrong ones up, and j > 0 stops the push once an output is
    well above j. The paper does not give j.

    Written as log(e^(y_D - j) + sum_i e^(y_D - y_i)), with the largest exponent taken out by
    logsumexp: no e^-y that underflows to log 0, and no difference of two large numbers.
    """
    j = float(_J("j", j))
    check_tensor("distances", distances, "N x classes")
    if not distances.numel():
        raise ValueError(f"distances must be of one pattern at least, not {by(distances.shape)}")
    count, classes = distances.shape
    try:
        if labels.shape != (count,) or labels.device != distances.device:
            raise ValueError
        right = distances.gather(1, labels.unsqueeze(1))  # N x 1
    except (AttributeError, RuntimeError, TypeError, ValueError):
        raise ValueError(f"labels must be int64, one class from 0 to {classes - 1} for each of the "
                         f"{count} patterns, not {shown(labels)}") from None
    exponents = torch.cat([right - j, right - distances], dim=1)  # N x (1 + classes)
    return torch.logsumexp(exponents, dim=1).mean()


def _check_input(layer: nn.Module, x: Tensor, *layouts: str) -> None:
    """Refuse what is no tensor of this layout, of the dtype and on the device of the layer."""
    check_tensor("x", x, *layouts)
    here = next(layer.parameters())
    if x.device != here.device or (x.dtype != here.dtype
                                   and not torch.is_autocast_enabled(x.device.type)):
        raise ValueError(f"x is {x.dtype} on {x.device} but the layer is {here.dtype} on "
                         f"{here.device}; use layer.to(x)")


def _check_maps(layer: nn.Module, x: Tensor, maps: int, window: int) -> None:
    """Refuse what is not N x maps x H x W (or without N), with room for the window."""
    _check_input(layer, x, "N x maps x H x W", "maps x H x W")
    if x.shape[-3] != maps or min(x.shape[-2:]) < window:
        raise ValueError(f"{type(layer).__name__} takes N x {maps} x H x W, H and W from {window} on, "
                         f"not {by(x.shape)}")
