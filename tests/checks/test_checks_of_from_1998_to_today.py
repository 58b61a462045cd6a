"""Chapter 10's exercises: right answers, and wrong ones with words of the reason."""

import copy
from collections import OrderedDict
from functools import partial
from math import sqrt
from statistics import mean, median, pstdev, stdev

import fresh_nets
import numpy as np
import torch
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

from lenet_book.layers import ScaledTanh

CHAPTER = 10


class Clamp(nn.Module):
    def forward(self, a):
        return a.clamp(-1, 1)


def exchanged(net, make=nn.Hardtanh, end="_squash", only=99, fresh=None, linear=None):
    """Right as it stands; each argument makes one mistake."""
    for name in [name for name, _ in net.named_children() if name.endswith(end)][:only]:
        setattr(net, name, make())
    if fresh:
        getattr(net, fresh).reset_parameters()
    if linear:
        setattr(net, linear, nn.Identity())
    return net


exchanges = partial(partial, exchanged)


def by_type(net, kinds=(nn.Tanh, nn.Sigmoid, nn.ReLU)):
    net = copy.deepcopy(net)
    for name, layer in net._modules.items():
        if isinstance(layer, kinds):
            net._modules[name] = Clamp()
    return net


def with_one_module(net):
    squash = nn.Hardtanh()
    for name in [name for name, _ in net.named_children() if name.endswith("squash")]:
        setattr(net, name, squash)
    return net


def all_six(net):
    for name in ("c1", "s2", "c3", "s4", "c5", "f6"):
        setattr(net, f"{name}_squash", nn.Hardtanh())
    return net


def by_forward(net):
    for name, module in list(net.named_modules()):
        if "squash" in name:
            module.__class__ = nn.Hardtanh
            module.min_val, module.max_val, module.inplace = -1.0, 1.0, False
    return net


def in_sequence(net):
    """The right layers, but no longer the book's net."""
    return nn.Sequential(OrderedDict(exchanged(net).named_children()))


def swapped(net):
    """The last two layers change places."""
    names = [name for name, _ in exchanged(net).named_children()]
    last = net._modules.pop(names[-2])
    net._modules[names[-2]] = last
    return net


def apart(new, old, t, spread=stdev, root=sqrt, sign=1, paired=None, middle=mean,
          made=lambda middle, half: (middle, middle - half, middle + half)):
    """Right as it stands; each argument makes one mistake."""
    signed = [sign * each for each in differences(new, old)]
    s = paired(new, old) if paired else spread(signed)
    return made(middle(signed), t * s / root(len(new)))


def differences(new, old):
    return [a - b for a, b in zip(new, old, strict=True)]


goes = partial(partial, apart)


def without_signs(new, old, t):
    return apart([abs(a - b) for a, b in zip(new, old, strict=True)], [0] * len(new), t)


def by_torch(new, old, t):
    d = torch.tensor([new, old]).double().diff(dim=0)[0].neg()
    half = t * d.std() / len(d) ** 0.5
    return torch.stack([d.mean(), d.mean() - half, d.mean() + half])


def by_numpy(new, old, t):
    d = np.subtract(new, old)
    return [d.mean() + sign * t * d.std(ddof=1) / np.sqrt(d.size) for sign in (0, -1, 1)]


def walked(x, w1, b1, w2, h2, weight=2, slope=2, inputs=2, of=lambda a: 1 - a.tanh() ** 2):
    """Right as it stands; each argument makes one mistake."""
    return torch.outer(of(w1 @ x + b1) ** slope * ((w2 ** weight).T @ h2), x ** inputs)


walks = partial(partial, walked)


def by_loops(x, w1, b1, w2, h2):
    found = torch.zeros_like(w1)
    for j in range(w1.shape[0]):
        slope = 1 / torch.cosh((w1[j] * x).sum() + b1[j]) ** 2
        for i in range(w1.shape[1]):
            found[j, i] = sum(w2[k, j] ** 2 * h2[k] for k in range(len(h2))) * slope ** 2 * x[i] ** 2
    return found


def by_einsum(x, w1, b1, w2, h2):
    slope = 1 - torch.addmv(b1, w1, x).tanh().square()
    return torch.einsum("kj,kj,k,j,j,i,i->ji", w2, w2, h2, slope, slope, x, x)


def by_jacobian(x, w1, b1, w2, h2):
    j = torch.autograd.functional.jacobian(lambda a: w2 @ a.tanh(), w1 @ x + b1)
    return torch.outer((j ** 2).T @ h2, x ** 2)


RIGHT = {
    "narrower_interval": [(0.288,), (0.2879,), (np.float64(0.288),), (torch.tensor(0.288),)],
    "with_hardtanh": [(exchanged,), (by_type,), (by_forward,), (with_one_module,)],
    "difference_seed_by_seed": [(apart,), (by_torch,), (by_numpy,)],
    "h_two_layers_down": [(walked,), (by_loops,), (by_einsum,)],
    "errors_by_seed": fresh_nets.RIGHT,
}

WRONG = {  # (words that name the error, answer)
    "narrower_interval": [
        ("rounded", 0.29), ("do not cut off", 0.287), ("do not cut off", torch.tensor(0.287)),
        ("rounded", 0.285), ("t alone", 0.526), ("root of n alone", 0.548),
        ("not multiplied", 0.9596), ("upside down", 3.473), ("not by n", 0.158), ("n - 1", 0.248),
        ("narrower", 0.712), ("in %", 28.79), ("for ten seeds", 0.715), ("for three seeds", 2.483),
        ("numbers of seeds", 0.3), ("half-width", 0.5), ("number", "0.288"), ("number", None),
        ("number", (0.288,)), ("finite", float("inf"))],
    "with_hardtanh": [
        ("c1_squash is still ScaledTanh", lambda net: net), ("this is a net", nn.ReLU()),
        ("returns a new Sequential", lambda net: nn.Sequential(*exchanged(net).children())),
        ("is still ReLU", lambda net: by_type(net, nn.Tanh)),
        ("is still Sigmoid", lambda net: by_type(net, (ScaledTanh, nn.ReLU))),
        ("s2_squash is added", all_six),
        ("for a net with the activation 'scaled", lambda net: exchanged(net).x),
        ("is still", exchanges(only=3)),
        ("is still", exchanges(end="2_squash")), ("is now Tanh", exchanges(make=nn.Tanh)),
        ("is now ReLU", exchanges(make=nn.ReLU)), ("is now Softsign", exchanges(make=nn.Softsign)),
        ("makes -1.7159 of -3", exchanges(make=lambda: nn.Hardtanh(-1.7159, 1.7159))),
        ("makes 0 of -3; the hard tanh makes -1", exchanges(make=lambda: nn.Hardtanh(0, 1))),
        ("makes 0 of -0.5; the hard tanh makes -0.5", exchanges(
            make=lambda: nn.Sequential(nn.Hardtanh(), nn.Hardshrink()))),
        ("left in evaluation mode", lambda net: exchanged(net).eval()),
        ("left in training mode", lambda net: exchanged(net).train()),
        ("requires_grad False", lambda net: exchanged(net).requires_grad_(False)),
        ("requires_grad True", lambda net: exchanged(net).requires_grad_(True)),
        ("c1 was Conv2d", exchanges(end="c1")),
        ("no activation", exchanges(make=lambda: nn.Linear(2, 2))),
        ("weights of c5", exchanges(fresh="c5")), ("f6 was Linear", exchanges(linear="f6")),
        ("return the net", lambda net: [exchanged(net)]), ("loss and its decision", in_sequence),
        ("nn.Hardtanh(), with brackets", exchanges(make=lambda: nn.Hardtanh)),
        ("a function or a tensor is none", exchanges(make=lambda: nn.functional.hardtanh)),
        ("end it with return", print),
        ("end it with return", lambda net: exchanged(net) is None or None), ("order", swapped),
        ("weight of c1 is torch.float64 now", lambda net: exchanged(net).double()),
        ("returns a new Sequential", nn.Sequential), ("function", "hardtanh"),
        ("returns a new", lambda net: exchanged(net)[:3]),
        ("is gone", lambda net: [delattr(net, "c5"), exchanged(net)][1])],
    "difference_seed_by_seed": [
        ("sign", goes(sign=-1)),
        ("without their signs", without_signs),
        ("differences first", goes(paired=lambda a, b: sqrt(stdev(a) ** 2 + stdev(b) ** 2))),
        ("of one row", goes(paired=lambda a, b: stdev(a))), ("n - 1 (stat", goes(spread=pstdev)),
        ("not divided", goes(root=lambda n: 1)), ("by n, not", goes(root=lambda n: n)),
        ("in s already", goes(root=lambda n: sqrt(n - 1))),
        ("half of the half", lambda new, old, t: apart(new, old, t / 2)),
        ("variance", goes(spread=lambda d: stdev(d) ** 2)),
        ("comes first", goes(made=lambda m, h: (m - h, m, m + h))),
        ("before the upper", goes(made=lambda m, h: (m, m + h, m - h))),
        *[(f"not always {k}", goes(root=lambda n, k=k: sqrt(k))) for k in (3, 5, 10)],
        ("per cent", lambda *given: [100 * each for each in apart(*given)]),
        ("not the difference of the deviations", goes(paired=lambda a, b: abs(stdev(a) - stdev(b)))),
        ("may be below 0", goes(paired=lambda a, b: stdev(a) - stdev(b))),
        ("pairs must be", lambda a, b, t: apart(sorted(a), sorted(b), t)),
        *[("argument t", lambda a, b, t, always=always: apart(a, b, always))
          for always in (1, 1.96, 2, 2.776, 4.30)],
        ("argument t", lambda new, old, t: apart(new, old, {3: 4.3027, 5: 2.776, 10: 2.262}[len(new)])),
        ("the median", goes(middle=median)), ("added up", goes(middle=sum)),
        ("two rows are added", goes(paired=lambda a, b: stdev(a) + stdev(b))),
        ("lie around 0", goes(made=lambda m, h: (m, -h, h))),
        ("half-width, twice", goes(made=lambda m, h: (m, h, h))),
        ("3 values", lambda *given: apart(*given)[0]),
        ("it raises TypeError", lambda new, old, t: new - old), ("return", print),
        ("function", (0.1, 0.0, 0.2)), ("replace the dots", lambda *given: None)],
    "h_two_layers_down": [
        ("in the line", lambda x, w1, b1, w2, h2: torch.outer(
            (1 - (w1 @ x + b1).tanh() ** 2) ** 2 * (w2 ** 2 @ h2), x ** 2)),
        ("1. the weights", walks(weight=1)), ("slope of the tanh is not", walks(slope=1)),
        ("slope of the tanh is missing", walks(slope=0)), ("x are not", walks(inputs=1)),
        ("x are missing", walks(inputs=0)), ("gradient", walks(weight=1, slope=1, inputs=1)),
        ("not with its input", walks(of=lambda a: 1 - a ** 2)),
        ("not 1 - x1", walks(of=lambda a: 1 - a.tanh())),
        ("in place of its slope", walks(of=torch.tanh)),
        ("scaled tanh", walks(of=lambda a: 2 / 3 * 1.7159 * (1 - (2 / 3 * a).tanh() ** 2))),
        ("step to C5", walks(of=lambda a: 2 / 3 * (1.7159 - a.tanh() ** 2 / 1.7159))),
        ("without their signs", lambda x, w1, b1, w2, h2: walked(x, w1, b1, w2.abs(), h2, weight=1)),
        ("h2 is squared", lambda x, w1, b1, w2, h2: walked(x, w1, b1, w2, h2 ** 2)),
        ("square the slope alone", lambda x, w1, b1, w2, h2: torch.outer(
            ((1 - (w1 @ x + b1).tanh() ** 2) * (h2 @ w2 ** 2)) ** 2, x ** 2)),
        ("b1", lambda x, w1, b1, w2, h2: walked(x, w1, 0, w2, h2)),
        ("exchanged", lambda *given: walked(*given).T),
        ("sum is squared", lambda x, w1, b1, w2, h2: torch.outer(
            (1 - (w1 @ x + b1).tanh() ** 2) ** 2 * (w2.T @ h2) ** 2, x ** 2)),
        ("one step is missing", lambda x, w1, b1, w2, h2: walked(
            x[:1] ** 0, 0 * w1[:, :1], w1 @ x + b1, w2, h2)[:, 0]),
        ("two steps", lambda x, w1, b1, w2, h2: (w2 ** 2).T @ h2),
        ("second layer's weights", lambda x, w1, b1, w2, h2: torch.outer(
            h2, (w1 @ x + b1).tanh() ** 2)),
        ("weight's own", lambda x, w1, b1, w2, h2: walked(x, w1, b1, w2, h2) / x ** 2 * w1 ** 2),
        ("jacobian does", by_jacobian), ("tensor", lambda *given: walked(*given).tolist()),
        ("changes the x", lambda x, *rest: walked(x.mul_(2), *rest)),
        ("it raises", lambda x, w1, b1, w2, h2: walked(x, w1.T, b1, w2, h2)), ("return", print)],
    "errors_by_seed": fresh_nets.WRONG,
}

EQUAL = {
    "difference_seed_by_seed": {
        "half = t * differences.std().item() / math.sqrt(len(new))": "a difference for each of them"},
}
