"""Do the numbers that a layer holds act, each on a map of its own, and does a gradient reach them?"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .calls import Function
from .errors import one_line
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
        for key, count in _maps_changed(y, own).items():
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


def _maps_changed(y: Tensor, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """How many maps of y each number changes; where none changes two it takes few gradients."""
    def in_which(groups: Iterable[Tensor]) -> dict[str, Tensor]:
        """In how many groups of maps each number changes something."""
        counts = {key: torch.zeros_like(p) for key, p in own.items()}
        for group in groups if y.requires_grad else ():
            found = torch.autograd.grad((weighted * group).sum(), [*own.values()], retain_graph=True,
                                        allow_unused=True)
            for key, gradient in zip(own, found, strict=True):
                counts[key] += 0 if gradient is None else gradient != 0
        return counts

    weighted = (y * torch.randn_like(y)).movedim(1, -1)
    maps = torch.arange(y.shape[1])
    # Two maps differ in one digit at least of their numbers, written with zeros and ones.
    digits = [maps >> place & 1 for place in range(max(1, (len(maps) - 1).bit_length()))]
    by_digit = [in_which((digit, 1 - digit)) for digit in digits]
    most = {key: torch.stack([counts[key] for counts in by_digit]).amax(0) for key in own}
    return in_which(torch.eye(len(maps))) if any((count > 1).any() for count in most.values()) else most


@contextmanager
def with_gradients() -> Iterator[None]:
    """Within, what gives the right numbers is called with gradients, which NumPy does not take."""
    try:
        yield
    except Wrong as wrong:
        if "Can't call numpy()" in str(wrong):
            raise Wrong("its numbers are right, but no gradient goes through NumPy: work with tensors "
                        "alone") from None
        raise


def gradients_arrive(result, parts: Mapping[str, Iterable[Tensor]]) -> None:
    """Refuse a result from which no gradient goes back to each of these parts of what it is made of."""
    named = [(name, p) for name, numbers in parts.items() for p in numbers if p.requires_grad]
    found = [None] * len(named)
    if isinstance(result, Tensor) and result.requires_grad:
        try:
            found = torch.autograd.grad(result.sum(), [p for _, p in named], allow_unused=True)
        except RuntimeError as error:  # something that it needs was overwritten
            raise Wrong("its numbers are right, but no gradient can go back: "
                        f"{one_line(error)}") from None
    cut = [*dict.fromkeys(name for (name, _), gradient in zip(named, found, strict=True)
                          if gradient is None)]
    if cut:
        which = ", ".join(cut) if len(cut) < 7 else f"{cut[0]}, and {len(cut) - 1} more"
        raise Wrong(f"its numbers are right, but no gradient reaches {which}: behind them it is cut "
                    "off, as by detach, .data, .item(), no_grad or a new nn.Parameter")
