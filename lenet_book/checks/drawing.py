"""A net that is watched while an image is drawn for it."""

from contextlib import suppress
from functools import partial

import torch
from torch import Tensor, nn

from .. import paper
from ..layers import map_loss


class Watched:
    """What is asked of a net of 10 outputs: the first image it is given, and of what the gradient is.

    first: a copy of that image; None where the net was never called. outputs: the numbers of those
    of which a gradient was taken, as far as that can be seen: not within torch.func.vmap. adds_up: did
    an image still hold a gradient when the next was taken?
    """

    def __init__(self, net: nn.Module):
        self.first: Tensor | None = None
        self.outputs: set[int] = set()
        self.adds_up = False
        net.register_forward_hook(self._look, with_kwargs=True)

    def _look(self, net, given, named, output: Tensor) -> None:
        if self.first is None:  # a copy: an answer may change its image in place
            self.first = [*given, *named.values()][0].detach().clone()
        if output.requires_grad:
            output.register_hook(self._differentiated)
            output.register_hook(partial(self._added, [*given, *named.values()][0]))

    def _added(self, image: Tensor, gradient: Tensor) -> None:
        self.adds_up |= image.is_leaf and image.grad is not None and bool(image.grad.any())

    def _differentiated(self, gradient: Tensor) -> None:
        with suppress(RuntimeError):  # what torch.func maps has no numbers to look at
            self.outputs |= {*gradient.nonzero()[:, -1].tolist()}


class _OneLayer(nn.Sequential):
    """With the loss of the net of 1998, which an answer may make small in place of the distance."""

    def loss(self, distances: Tensor, labels: Tensor) -> Tensor:
        return map_loss(distances, labels)


def one_layer() -> tuple[nn.Module, Tensor]:
    """A net of one layer, no distance of which is below 0.5, and its best images: 10 x 1 x 32 x 32."""
    net = _OneLayer(nn.Flatten(), nn.Linear(1024, 10)).requires_grad_(False)
    nn.init.normal_(net[1].weight)  # not small, as a trained net's are not
    best = torch.where(net[1].weight < 0, paper.FOREGROUND, paper.BACKGROUND)
    net[1].bias.copy_(0.5 - (net[1].weight * best).sum(dim=1))
    return net.requires_grad_(), best.view(10, 1, 32, 32)
