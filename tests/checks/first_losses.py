"""Is a net's first loss near log 10? Right and wrong: answers to exercise 2 of chapter 07."""

import math
from functools import partial
from statistics import mean

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import functional_call, vmap


def near(loss, within=0.1):
    return bool(abs(loss - math.log(10)) < within)


def loss_of(net, x, y):
    with torch.no_grad():
        return F.cross_entropy(net(x), y).item()


def in_parts(net, x, y, size, shuffled=False):
    """Is the mean of the losses, added up batch by batch, near log 10?"""
    order = torch.randperm(len(x)) if shuffled else torch.arange(len(x))
    with torch.no_grad():
        losses = [F.cross_entropy(net(x[part]), y[part], reduction="sum") for part in order.split(size)]
    return near(sum(losses).item() / len(x))


def by_means(net, x, y, size, together=mean):
    losses = [loss_of(net, *part) for part in zip(x.split(size), y.split(size), strict=True)]
    return near(together(losses))


def as_if_full(net, x, y, size):
    """Each batch's mean loss counts for as many digits as a whole batch has."""
    return by_means(net, x, y, size, lambda losses: size * sum(losses) / len(y))


def of_the_first(net, x, y, size):
    return near(loss_of(net, x[:size], y[:size]))


def begins_anew(net, x, y):
    for part in net.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    return near(loss_of(net, x, y))


def losses_of(net, x, y):
    with torch.no_grad():
        return F.cross_entropy(net(x), y, reduction="none")


def mapped(net, x, y, together=torch.mean, axis=0, **options):
    """Digit by digit, with torch.func.vmap."""
    x = x.movedim(0, axis)
    with torch.no_grad():
        losses = vmap(lambda image, label: F.cross_entropy(net(image[None]), label[None]),
                      in_dims=(axis, 0), **options)(x, y)
    return near(together(losses).item())


def mapped_with_parameters(net, x, y):
    def loss(parameters, image, label):
        return F.cross_entropy(functional_call(net, parameters, (image[None],)), label[None])

    parameters = {name: each.detach() for name, each in net.named_parameters()}
    return near(vmap(loss, (None, 0, 0))(parameters, x, y).mean().item())


def by_log_softmax(net, x, y):
    chosen = net(x).log_softmax(1)[range(len(y)), y]
    return math.isclose(-chosen.mean().item(), math.log(10), abs_tol=0.1)


def steps(net, x, y):
    net(x).sum().backward()
    with torch.no_grad():
        for p in net.parameters():
            p += 1
    return near(loss_of(net, x, y))


RIGHT = [
    (lambda net, x, y: abs(loss_of(net, x, y) - math.log(10)) < 0.1,), (by_log_softmax,),
    (lambda net, x, y: (F.cross_entropy(net(x), y) - math.log(10)).abs() < 0.1,),
    (lambda net, x, y: np.abs(loss_of(net, x, y) - np.log(10)) < 0.1,),
    (lambda net, x, y: abs(losses_of(net, x, y).mean() - math.log(10)) < 0.1,),
    *[(partial(in_parts, size=size),) for size in (1, 32, 64)],
    (partial(in_parts, size=50, shuffled=True),), (mapped,), (partial(mapped, chunk_size=50),),
    (partial(mapped, axis=3),), (mapped_with_parameters,)]

WRONG = [  # (words that name the error, answer)
    *[(f"digits the net reads {size} only", partial(of_the_first, size=size))
      for size in (1, 100, 128, 150)],
    ("True of every net", lambda net, x, y: True), ("False of every net", lambda net, x, y: False),
    ("turned over", lambda net, x, y: not near(loss_of(net, x, y))),
    ("turned over", lambda net, x, y: abs(loss_of(net, x, y) - math.log(10)) >= 0.1),
    ("wants logarithms of probabilities", lambda net, x, y: near(F.nll_loss(net(x), y))),
    ("are added up", lambda net, x, y: near(losses_of(net, x, y).sum())),
    ("are added up", partial(mapped, together=torch.sum)),
    ("digits the net reads 100 only", lambda net, x, y: mapped(net, x[:100], y[:100])),
    ("other digits than those of x", lambda net, x, y: mapped(net, torch.randn_like(x), y)),
    ("True or False is asked", lambda net, x, y: vmap(lambda image: net(image[None]).mean())(x)),
    *[("mean of the batches' means", partial(by_means, size=size))
      for size in (2, 3, 4, 5, 6, 8, 10, 16, 32, 50, 64, 100, 128)],
    *[("are added up: divide the sum over all digits", partial(by_means, size=size, together=sum))
      for size in (16, 64)],
    *[("multiplied by the same batch size", partial(as_if_full, size=size)) for size in (2, 4, 16)],
    ("False of every net", partial(as_if_full, size=32)),
    ("first loss is 2.30 it says False", partial(
        by_means, size=4, together=lambda losses: sum(losses) / (len(losses) - 1))),
    *[("of a net whose first loss is", partial(by_means, size=64, together=together))
      for together in (lambda losses: losses[-1], lambda losses: losses[0], max)],
    ("nothing is to be trained here", steps), ("nothing is to be trained here", begins_anew),
    ("other digits than those of x", lambda net, x, y: near(loss_of(net, torch.randn_like(x), y))),
    ("every loss below log 10", lambda net, x, y: loss_of(net, x, y) - math.log(10) < 0.1),
    ("every loss above log 10", lambda net, x, y: loss_of(net, x, y) > math.log(10) - 0.1),
    ("natural logarithm", lambda net, x, y: abs(loss_of(net, x, y) - math.log10(10)) < 0.1),
    ("loss is 2.38 it says False", lambda net, x, y: near(loss_of(net, x, y), 0.01)),
    ("loss is 2.42 it says True", lambda net, x, y: near(loss_of(net, x, y), 0.2)),
    ("softmax is taken before", lambda net, x, y: near(F.cross_entropy(net(x).softmax(1), y))),
    ("84 classes", lambda net, x, y: abs(loss_of(net, x, y) - math.log(net(x).shape[1])) < 0.1),
    ("True or False is asked", loss_of), ("True or False is asked", lambda net, x, y: "right"),
    ("returns nothing", lambda net, x, y: setattr(net, "seen", True)),
    ("it raises", lambda net, x: True), ("replace the dots", lambda net, x, y: None),
    ("nan it says True", lambda net, x, y: not abs(loss_of(net, x, y) - math.log(10)) >= 0.1),
    ("loss is 2.42 it says True", lambda net, x, y: net(x).shape[1] == 10),
    ("2.30, the mean of 1.9, 1.2, 1.4, 1.6, 1.1, 2.2, 6.7 for the digits it says False",
     lambda net, x, y: bool(((losses_of(net, x, y) - math.log(10)).abs() < 0.1).all())),
    ("for the digits it says True", lambda net, x, y: near(losses_of(net, x, y).median())),
    ("for the digits it says True",
     lambda net, x, y: bool(((losses_of(net, x, y) - math.log(10)).abs() < 0.1).any())),
    ("for the digits it says False", lambda net, x, y: abs(-math.log(
        net(x).softmax(1)[range(len(y)), y].mean()) - math.log(10)) < 0.1),
    ("for net = Net(), x 7 x 1 x 32 x 32, y 7 it prints",
     lambda net, x, y: print(near(loss_of(net, x, y)))),
    ("must be a function", 2.3)]
