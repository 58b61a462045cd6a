"""A net whose hooks are watched: does it keep those that it had, and no other?"""

from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _heard(layer, inputs, output) -> None:
    """A hook of somebody else's, which was there first."""
    layer.heard = id(output)


class Small(nn.Module):
    """A net with a layer that works in place, and a block of two layers; each has a hook already.

    replaced: has a hook put something else in the place of what the first layer gave out?
    """

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3)
        self.squash = nn.ReLU(inplace=True)
        self.block = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Tanh())
        self.last = nn.Linear(3, 4)
        self.fails, self.failures, self.replaced = False, 0, False
        self.double()
        for part in self.modules():
            part.register_forward_hook(_heard)

    def __repr__(self):
        return "with 4 layers"

    def forward(self, x):
        x = self.first(x)
        self.replaced |= id(x) != getattr(self.first, "heard", id(x))
        x = self.block(self.squash(x))
        if self.fails:
            self.failures += 1
            raise RuntimeError("this net fails half-way")
        return self.last(x.mean(dim=(2, 3)))

    def stages(self, x: Tensor) -> dict[str, Tensor]:
        """What each layer gives out, without running any."""
        found = {"x": x, "first": F.conv2d(x, self.first.weight, self.first.bias)}
        found["squash"] = found["first"].clamp(min=0)
        found["block.0"] = F.conv2d(found["squash"], self.block[0].weight, self.block[0].bias)
        found["block.1"] = found["block"] = found["block.0"].tanh()
        found["last"] = found["block"].mean(dim=(2, 3)) @ self.last.weight.T + self.last.bias
        return {name: value.detach() for name, value in found.items()}


# What goes into each layer, by its place in `stages`.
INPUT = {"first": "x", "squash": "first", "block.0": "squash", "block": "squash", "block.1": "block.0"}


def listeners(net: nn.Module) -> tuple[Counter, list, list]:
    """Its hooks and those of all nets, its layers, and what each calls."""
    everywhere = torch.nn.modules.module
    hooks = [everywhere._global_forward_hooks, everywhere._global_forward_pre_hooks]
    for layer in net.modules():
        hooks += layer._forward_hooks, layer._forward_pre_hooks
    layers = [*net.modules()]
    return (Counter((place, id(hook)) for place, each in enumerate(hooks) for hook in each.values()),
            layers, [layer.forward for layer in layers])


def left_behind(before: tuple, after: tuple) -> tuple[str, str] | None:
    """What is left behind, and what to do, in words; None where nothing is."""
    if before[1] != after[1]:
        return "another layer stands in the net", "put the old one back"
    if after[0] - before[0]:
        return "the hook is still there", "remove it"
    if before[0] - after[0]:
        return "another hook, which was there before, is gone", "remove your own alone"
    if before[2] != after[2]:
        return "the layer's forward is not what it was", "put it back"
    return None
