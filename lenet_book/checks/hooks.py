"""A net that is watched: is it left as it was, with the hooks that it had and no other?"""

from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _heard(layer, inputs, output) -> None:
    """A hook of somebody else's, which was there first."""
    layer.heard = id(output)


class Small(nn.Module):
    """A net with a layer that works in place, and a block of two layers; each has a hook already.

    training: its mode; its block has the other one, and its batch normalisation is always in training:
    it minds the mode, and counts how often it runs. fails: does it raise its `failure` half-way?
    replaced: has a hook put something else in the place of what the first layer gave out?
    disturbed: has the net given out anything else than it would have by itself?
    """

    def __init__(self, training: bool = False, fails: bool = False):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3)
        self.squash = nn.ReLU(inplace=True)
        self.norm = nn.BatchNorm2d(2)
        self.block = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Tanh())
        self.last = nn.Linear(3, 4)
        self.own = [self.first, self.block[0], self.last]  # an answer may exchange them
        self.fails, self.failures, self.replaced, self.disturbed = fails, 0, False, False
        self.failure = RuntimeError("this net fails half-way")
        self.double().train(training).block.train(not training)
        self.norm.train()
        for weight in self.parameters():
            weight.grad = torch.ones_like(weight)
        for part in self.modules():
            part.register_forward_hook(_heard)
            part.heard = None

    def __repr__(self):
        return "with 5 layers"

    def forward(self, x):
        undisturbed = self.stages(x)["last"]
        x = self.first(x)
        self.replaced |= getattr(self.first, "heard", None) not in (None, id(x))
        x = self.block(self.norm(self.squash(x)))
        if self.fails:
            self.failures += 1
            raise self.failure
        x = self.last(x.mean(dim=(2, 3)))
        self.disturbed |= x.shape != undisturbed.shape or not torch.allclose(x, undisturbed)
        return x

    def stages(self, x: Tensor, training: bool = True) -> dict[str, Tensor]:
        """What each layer gives out, without running any; training: of the batch normalisation."""
        first, inner, last = self.own
        found = {"x": x, "first": F.conv2d(x, first.weight, first.bias)}
        found["squash"] = found["first"].clamp(min=0)
        of_before = torch.zeros(2).to(x), torch.ones(2).to(x)  # mean and variance, until it has run
        found["norm"] = F.batch_norm(found["squash"], *of_before, training=training)
        found["block.0"] = F.conv2d(found["norm"], inner.weight, inner.bias)
        found["block.1"] = found["block"] = found["block.0"].tanh()
        found["last"] = found["block"].mean(dim=(2, 3)) @ last.weight.T + last.bias
        return {name: value.detach() for name, value in found.items()}


# What goes into each layer, by its place in `stages`.
INPUT = {"first": "x", "squash": "first", "norm": "squash", "block.0": "norm", "block": "norm",
         "block.1": "block.0"}


def state(net: nn.Module) -> dict[str, object]:
    """What of a net a reader's function has to leave as it was."""
    everywhere = torch.nn.modules.module
    hooks = [everywhere._global_forward_hooks, everywhere._global_forward_pre_hooks]
    layers, weights = [*net.modules()], [*net.parameters()]
    for layer in layers:
        hooks += (layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks,
                  layer._backward_pre_hooks)
    return {"hooks": Counter((place, id(hook)) for place, each in enumerate(hooks)
                             for hook in each.values()),
            "layers": layers, "forward": [layer.forward for layer in layers],
            "attributes": {name for layer in layers for name in vars(layer)} - {"forward"},
            "mode": [layer.training for layer in layers],
            "requires_grad": [each.requires_grad for each in weights],
            "gradients": [None if each.grad is None else each.grad.tolist() for each in weights],
            "weights": [each.tolist() for each in weights]}


def left_behind(before: dict, after: dict) -> tuple[str, str] | None:
    """What is left behind, and what to do, in words; None where nothing is."""
    added = ", ".join(sorted(after["attributes"] - before["attributes"]))
    if before["layers"] == after["layers"] and after["hooks"] - before["hooks"]:
        return "the hook is still there", "remove it"
    return next((said for what, said in {
        "layers": ("another layer stands in the net", "put the old one back"),
        "hooks": ("another hook, which was there before, is gone", "remove your own alone"),
        "forward": ("the layer's forward is not what it was", "put it back"),
        "attributes": (f"the net or a layer has a new attribute, {added},",
                       "keep the output in a variable"),
        "mode": ("the net or a layer is in another mode", "each keeps its own, training or not"),
        "requires_grad": ("requires_grad of the weights is not what it was", "leave it alone"),
        "gradients": ("the gradients of the weights are not what they were", "leave them alone"),
        "weights": ("the weights are not what they were", "leave them alone"),
    }.items() if before[what] != after[what]), None)
