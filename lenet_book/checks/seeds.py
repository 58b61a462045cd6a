"""Trainings of fresh nets, one a seed: is each built, trained and measured as it should be?"""

from collections.abc import Iterator
from statistics import mean

import torch
from torch import Tensor, nn

from .answers import number, several
from .calls import Function
from .verdict import Wrong


class Trained(nn.Module):
    """A net as far as this exercise goes: its first weight, and with which seeds it was trained."""

    def __init__(self, weight: Tensor):
        super().__init__()
        self.weight, self.seeds = nn.Parameter(weight), []

    def __repr__(self):
        return "that the check made"


def one_row(answer, seeds: tuple[int, ...]) -> None:
    """Refuse a function that makes anything else of these seeds than the errors of fresh nets."""
    nets, measured = [], []

    def build():
        nets.append(Trained(torch.rand(())))
        return nets[-1]

    def train(net, seed):
        _must_be_a_net(net, "train")
        net.seeds.append(int(number(seed, "the seed that train is given")))
        torch.rand(3)

    def error(net):
        _must_be_a_net(net, "error")
        measured.append((net, len(net.seeds)))
        return _error(net)

    torch.default_generator.manual_seed(1234)
    result = Function(answer, "seeds")(seeds, build, train, error)
    if isinstance(result, Iterator):
        raise Wrong(f"it returns a {type(result).__name__}, of which nothing has run yet; return a "
                    "list of the errors")
    if not nets:
        raise Wrong("no net is built: call build()")
    if len(nets) == 1:
        raise Wrong("it ends after the first seed" if len(nets[0].seeds) == 1 else
                    "one net is built for all seeds" + ", and trained on and on" * bool(nets[0].seeds)
                    + ": build one for each")
    if len(nets) != len(seeds):
        raise Wrong(f"{len(nets)} nets are built for {len(seeds)} seeds")
    if not all(net.seeds for net in nets):
        raise Wrong("a net is not trained")
    if any(len(net.seeds) > 1 for net in nets):
        raise Wrong("a net is trained several times")
    given = [net.seeds[0] for net in nets]
    if given != list(seeds) and sorted(given) != sorted(seeds):
        raise Wrong(f"train is given the seeds {_listed(given)}, and should be given {_listed(seeds)}")
    if not measured:
        raise Wrong("no error is measured: call error(net)")
    if any(not trained for _, trained in measured):
        raise Wrong("a net is measured before it is trained")
    first = [torch.rand((), generator=torch.Generator().manual_seed(seed)).item() for seed in given]
    begun = [net.weight.item() for net in nets]
    same = [abs(mine - weight) < 1e-6 for mine, weight in zip(begun, first, strict=True)]
    if not all(same):
        raise Wrong("torch.manual_seed stands before the loop: each seed has its own first weights"
                    if same[0] and len({*begun}) > 1 else
                    "all nets begin with the same weights: give torch.manual_seed the seed of each"
                    if len({*begun}) == 1 else
                    "the first weights are not the seed's: torch.manual_seed(seed), before build()")
    right = [_error(next(net for net in nets if net.seeds == [seed])) for seed in seeds]
    if isinstance(result, list | tuple) and len(result) == 1:
        result, = result
    if isinstance(result, float | int) or (isinstance(result, Tensor) and not result.dim()):
        raise Wrong("this is the mean of the errors; return them all, to be compared seed by seed"
                    if abs(result - mean(right)) < 1e-6 else
                    "this is the last error alone: begin a list before the loop, and append to it in "
                    "the loop" if abs(result - right[-1]) < 1e-6
                    else "return a list with one error for each seed")
    if isinstance(result, dict):
        raise Wrong("return the errors alone, in a list, in the order of the seeds")
    mine = [number(each, "an error") for each in several(result, len(seeds), "its result")]
    if not all(abs(a - b) < 1e-6 for a, b in zip(mine, right, strict=True)):
        raise Wrong("the errors are not in the order of the seeds"
                    if all(abs(a - b) < 1e-6 for a, b in zip(sorted(mine), sorted(right), strict=True))
                    else "the errors are in %, and should be as error(net) gives them"
                    if all(abs(a - 100 * b) < 1e-4 for a, b in zip(mine, right, strict=True))
                    else f"error(net) gave {_listed(right)}, and {_listed(mine)} is returned")


def _error(net: Trained) -> float:
    return 0.01 + net.weight.item() / 50 + sum(net.seeds) / 1000


def _must_be_a_net(net, name: str) -> None:
    if not isinstance(net, Trained):
        raise Wrong(f"{name} must be given the net, as build() returned it" + (
            "; train changes the net and returns nothing" if net is None else ""))


def _listed(values) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
