"""Do the numbers that a layer holds act, each on a map of its own, and does a gradient reach them?"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .calls import Function
from .verdict import Wrong


@contextmanager
def kept(numbers: list[Tensor]) -> Iterator[None]:
    """Within, these may be changed; afterwards they are as before."""
    before = [p.detach().clone() for p in numbers]
    try:
        yield
    finally:
        with torch.no_grad():
            for p, old in zip(numbers, before, strict=True):
                p.copy_(old)


def each_acts_on_one_map(layer: nn.Module, x: Tensor, name: str) -> None:
    """Refuse a layer that holds a number which changes no map of its result for x, or several."""
    own = {key: p for key, p in layer.named_parameters() if p.requires_grad}
    run = Function(layer, "x")
    with kept([*own.values()]):
        with torch.no_grad():  # whatever they begin with: a bias of 0 is no bias that is missing
            for p in own.values():
                p.normal_()
        y = run(x)
        maps = {key: torch.zeros_like(p) for key, p in own.items()}  # how many maps each changes
        for one in y.unbind(1) if y.requires_grad else ():
            found = torch.autograd.grad((one * torch.randn_like(one)).sum(), [*own.values()],
                                        retain_graph=True, allow_unused=True)
            for key, gradient in zip(own, found, strict=True):
                maps[key] += 0 if gradient is None else gradient != 0
        for key, count in maps.items():
            if idle := (count == 0).sum().item():
                with torch.no_grad():
                    own[key][count == 0] += 1
                said = f"{'all' if idle == count.numel() else idle} of the {count.numel():,} numbers"
                raise Wrong(f"no gradient reaches {said} in self.{name}.{key}: .data, detach and "
                            "no_grad cut it off" if not torch.allclose(run(x), y) else
                            f"self.{name}.{key} is held, but {said} in it do no work: whatever they "
                            f"are, {name.upper()} gives the same")
            if (count > 1).any():
                raise Wrong(f"in self.{name}.{key} a number acts on {int(count.max())} maps; each map "
                            "has its own")


def gradients_arrive(result: Tensor, layers: dict[str, nn.Module]) -> None:
    """Refuse a net, of these layers in their order, with a way back from the result that is cut."""
    cut = [name for name, layer in layers.items() for p in layer.parameters()
           if p.requires_grad and (not result.requires_grad or torch.autograd.grad(
               result.sum(), p, retain_graph=True, allow_unused=True)[0] is None)]
    if cut:
        raise Wrong(f"its numbers are right, but no gradient reaches {', '.join(dict.fromkeys(cut))}: "
                    "behind them detach, .data or no_grad cuts it off")
