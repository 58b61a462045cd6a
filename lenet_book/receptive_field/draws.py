"""The numbers with which `measure` runs a model: positive ones, or random ones of both signs."""

import torch
from torch import Tensor


class Positive:
    """Every weight positive and the same throughout its layer, every pixel 1, every constant positive.

    As long as a model only adds up, nothing can cancel, and the gradient counts the paths from each
    pixel to the unit.
    """

    signed = False

    def image(self, like: Tensor) -> Tensor:
        return torch.ones(like.shape, dtype=torch.double)

    def weight(self, like: Tensor) -> Tensor:
        return torch.full(like.shape, 1 / _fan_in(like), dtype=torch.double)

    def constant(self, tensor: Tensor) -> Tensor:
        if tensor.is_meta:  # statistics of a batch normalisation
            return self.weight(tensor)
        if not tensor.is_floating_point():
            return tensor.cpu().clone()
        return tensor.detach().cpu().double().abs()

    def combine(self, parts: list[Tensor]) -> Tensor:
        """What takes the place of a function of these, element by element: their sum."""
        return sum(parts)

    def share(self, units: Tensor) -> Tensor:
        """One number of these units, which depends on each."""
        return units.sum()


class Signed(Positive):
    """Random weights and pixels of both signs, by a seed: where a path leads, they cancel nowhere.

    The functions that work element by element are smooth and steep everywhere, so that none blocks,
    and curved, so that what cancels does so by what a model computes and not by their slopes.
    """

    signed = True

    def __init__(self, seed: int):
        self.generator = torch.Generator("cpu").manual_seed(seed)

    def _normal(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=torch.double, generator=self.generator)

    def image(self, like: Tensor) -> Tensor:
        return self._normal(like)

    def weight(self, like: Tensor) -> Tensor:
        return self._normal(like) / _fan_in(like) ** 0.5

    def constant(self, tensor: Tensor) -> Tensor:
        if tensor.is_meta:
            return self.weight(tensor)
        dtype = torch.double if tensor.is_floating_point() else tensor.dtype
        return tensor.detach().to("cpu", dtype, copy=True)

    def combine(self, parts: list[Tensor]) -> Tensor:
        mean = sum(parts) / len(parts)
        slope = 0.3 + 0.4 * torch.rand((), dtype=torch.double, generator=self.generator)
        return mean + slope * mean.sin()

    def share(self, units: Tensor) -> Tensor:
        return (units * self._normal(units)).sum()


class Poisoned(Signed):
    """Pixels that are no numbers: what reads any of them, is none either, whatever cancels."""

    def image(self, like: Tensor) -> Tensor:
        return self._normal(like) * float("nan")


Draw = Positive | Signed


def _fan_in(weight: Tensor) -> int:
    return max(1, weight.numel() // len(weight)) if weight.dim() and len(weight) else 1
