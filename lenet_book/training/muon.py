"""Muon: momentum whose steps are turned into nearly orthogonal matrices.

The gradient of a layer's weights, taken as a matrix, is nearly always dominated by a few directions:
what many examples have in common. Muon keeps a momentum buffer, an exponential moving average of the
gradients, and then sets all singular values of that matrix to about 1, so that the directions in
which little moves count as much as the loud ones. Five rounds of a Newton-Schulz iteration do it,
fifteen small matrix products without a decomposition.
Source: Keller Jordan 2024, kellerjordan.github.io/posts/muon; the length of a step from Liu et al.
2025, "Muon is scalable for LLM training". `torch.optim.Muon` takes matrices alone, and four fifths of
LeNet-5's weights are kernels.
"""

import math

import torch
from torch import Tensor, optim

from ..arguments import number, shown
from ..tensors import check_tensor

# x -> a x + b x^3 + c x^5, five times over, brings every x from 0.01 to 1 to between 0.68 and 1.14.
# By Keller Jordan: as steep at 0 as can be, since it is the small ones that have a long way.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ROUNDS = 5


class Muon(optim.Optimizer):
    """Muon for every parameter: a kernel is a matrix with a row for each map, a bias one row.

    lr: a step moves the weights by about 0.2 * lr (root mean square), as AdamW's do, whose rates
    therefore suit it. weight_decay: takes the share lr * weight_decay off every weight in each step,
    as AdamW's does. momentum: share of the average that each step keeps, 0 to 1.
    Raises ValueError for an lr that is not positive, a weight_decay or momentum that cannot be.
    """

    def __init__(self, parameters, lr: float, weight_decay: float = 0.0, momentum: float = 0.95):
        rates = {"lr": number(above=0)("lr", lr),
                 "weight_decay": number(least=0)("weight_decay", weight_decay),
                 "momentum": number(least=0, below=1)("momentum", momentum)}
        try:
            super().__init__(parameters if isinstance(parameters, Tensor) else list(parameters), rates)
        except (TypeError, ValueError) as error:
            raise type(error)("parameters must be what is to be trained, such as net.parameters(), not "
                              f"{shown(parameters)} ({error})") from None

    @torch.no_grad()
    def step(self) -> None:
        """Take a step with the gradients as they are."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p not in self.state:
                    self.state[p]["average"] = torch.zeros_like(p)
                average = self.state[p]["average"].lerp_(p.grad, 1 - group["momentum"])
                # As Nesterov did: the average as the next step would find it.
                ahead = p.grad.lerp(average, group["momentum"])
                matrix = ahead.reshape(len(p) if p.ndim > 1 else 1, -1)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(orthogonalise(matrix).reshape(p.shape),
                       alpha=group["lr"] * 0.2 * math.sqrt(max(matrix.shape)))


def orthogonalise(matrix: Tensor) -> Tensor:
    """The matrix U S V^T with singular values S between 0.68 and 1.14 instead of its own.

    Those below a hundredth of the root of their sum of squares end between 0 and 1.21.
    Raises ValueError for what is no matrix of floating-point numbers.
    """
    check_tensor("matrix", matrix, "rows x columns")
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / wide.norm().clamp(min=torch.finfo(wide.dtype).tiny)
    for _ in range(_ROUNDS):
        square = x @ x.T
        # _A x + (_B square + _C square^2) x
        x = torch.addmm(x, torch.addmm(square, square, square, beta=_B, alpha=_C), x, beta=_A)
    return x if wide is matrix else x.T
