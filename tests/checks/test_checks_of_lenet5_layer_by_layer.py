"""Chapter 06's exercises: right answers, and wrong ones with words of the reason."""

import layers_by_table
import numpy as np
import torch
import torch.nn.functional as F
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from layers_by_table import Parts
from torch import nn

from lenet_book import layers, models, paper

CHAPTER = 6
RING = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]
GLYPHS = torch.tensor(paper.GLYPHS, dtype=torch.float32).flatten(1)


def by_cross_entropy(f6, codes, labels, j):
    y = torch.cdist(f6, codes) ** 2
    return F.cross_entropy(torch.cat([torch.full((len(y), 1), -float(j), dtype=y.dtype), -y], 1),
                           labels + 1)


def by_pictures(f6, codes, labels, j):
    losses = []
    for picture, label in zip(f6, labels, strict=True):
        y = ((picture - codes) ** 2).sum(1)
        losses.append(torch.logsumexp(torch.cat([y[label] - y, y[label:label + 1] - j]), 0))
    return torch.stack(losses).mean()


def by_logaddexp(f6, codes, labels, j):
    y = (f6.unsqueeze(1) - codes).pow(2).sum(-1)
    rubbish = torch.tensor(-j, dtype=y.dtype)
    return (y[torch.arange(len(y)), labels] + torch.logaddexp(rubbish, torch.logsumexp(-y, 1))).mean()


def formula(f6, codes, labels, j, squares=lambda d: (d ** 2).sum(2), rubbish=None):
    """As it stands in the book, with mistakes as options."""
    y = squares(f6[:, None] - codes)
    rubbish = torch.exp(torch.tensor(-j)) if rubbish is None else rubbish
    return (y[range(len(y)), labels] + torch.log(rubbish + torch.exp(-y).sum(1))).mean()


def stable(f6, codes, labels, j):
    return by_cross_entropy(f6, codes, labels, j)


def without_the_smallest(f6, codes, labels, j):
    """The smallest distance is taken out of the sum, whatever j is."""
    y = (f6[:, None] - codes).square().sum(2)
    least = y.amin(1)
    of_sum = torch.log(torch.exp(least - j) + torch.exp(least[:, None] - y).sum(1))
    return (y[range(len(y)), labels] - least + of_sum).mean()


def without_rubbish(f6, codes, labels, j):
    """j is taken out of the sum, however small the distances are."""
    y = (f6[:, None] - codes).square().sum(2)
    return (y[range(len(y)), labels] - j + torch.log(1 + torch.exp(j - y).sum(1))).mean()


class Net(nn.Module):
    """LeNet-5; changed: layers in place of the paper's."""

    def __init__(self, squash=None, **changed):
        super().__init__()
        self.squash = squash or layers.ScaledTanh()
        parts = {"c1": nn.Conv2d(1, 6, 5), "s2": layers.Subsampling(6),
                 "c3": layers.SparseConv2d(paper.C3_CONNECTIONS, 5), "s4": layers.Subsampling(16),
                 "c5": nn.Conv2d(16, 120, 5), "f6": nn.Linear(120, 84), "output": layers.RBFOutput()}
        for name, layer in (parts | changed).items():
            if layer is not None:
                setattr(self, name, layer)

    def forward(self, x):
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5):
            x = self.squash(layer(x))
        return self.output(self.squash(self.f6(x.flatten(1))))


class OwnParts(Net):
    """With a subsampling and an output of its own."""

    class Sub(nn.Module):
        def __init__(self, maps):
            super().__init__()
            self.a, self.b = (nn.Parameter(torch.rand(maps, 1, 1)) for _ in range(2))

        def forward(self, x):
            return self.a * F.avg_pool2d(x, 2) + self.b

    class Distances(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("codes", GLYPHS)

        def forward(self, x):
            return (x[:, None] - self.codes).square().sum(2)

    def __init__(self):
        super().__init__(lambda a: 1.7159 * torch.tanh(a * 2 / 3), s2=self.Sub(6), s4=self.Sub(16),
                         c3=Parts(paper.C3_CONNECTIONS, 5), output=self.Distances())


class OwnSub(OwnParts.Sub):
    """Holds what it should; what it makes of it is given: x, a, b -> maps."""

    def __init__(self, maps, made, start=torch.rand):
        super().__init__(maps)
        self.made = made
        for p in self.parameters():
            p.data = start(maps, 1, 1)

    def forward(self, x):
        return self.made(F.avg_pool2d(x, 2), self.a, self.b)


def own_subs(made, start=torch.rand):
    return Net(s2=OwnSub(6, made, start), s4=OwnSub(16, made, start))


class NoBias(nn.Linear):
    """Holds one, and adds none."""

    def forward(self, x):
        return F.linear(x, self.weight)


class CutC1(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight.detach(), self.bias)


class CutF6(Net):
    def forward(self, x):
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5):
            x = self.squash(layer(x))
        return self.output(self.squash(self.f6(x.flatten(1).detach())))


class NoGradients(Net):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class DenseC5(Net):
    def __init__(self):
        super().__init__(c5=nn.Linear(400, 120))

    def forward(self, x):
        for layer in (self.c1, self.s2, self.c3, self.s4):
            x = self.squash(layer(x))
        x = self.squash(self.c5(x.flatten(1)))
        return self.output(self.squash(self.f6(x)))


class AnyPlace(nn.Conv2d):
    """Takes wider maps, but makes one place of them."""

    def forward(self, x):
        return super().forward(F.adaptive_avg_pool2d(x, 5))


def in_a_row(inside=False):
    """inside: each layer has the squashing function in it."""
    net, flat = Net(), nn.Flatten()
    row = nn.Sequential()
    for name in ("c1", "s2", "c3", "s4", "c5", "flat", "f6"):
        layer = flat if name == "flat" else getattr(net, name)
        row.add_module(name, nn.Sequential(layer, layers.ScaledTanh()) if inside and layer is not flat
                       else layer)
        if not inside and layer is not flat:
            row.add_module(name + "_squash", layers.ScaledTanh())
    row.add_module("output", net.output)
    return row


class NoSquash(Net):
    def forward(self, x):
        x = self.squash(self.s2(self.squash(self.c1(x))))
        x = self.c5(self.squash(self.s4(self.squash(self.c3(x)))))
        return self.output(self.squash(self.f6(x.flatten(1))))


class Logits(Net):
    def forward(self, x):
        return -super().forward(x)


class NoC5(Net):
    def forward(self, x):
        x = self.squash(self.c3(self.squash(self.s2(self.squash(self.c1(x))))))
        x = self.squash(self.s4(x)).flatten(1)[:, :120]
        return self.output(self.squash(self.f6(x)))


class Scaled(Net):
    def forward(self, x):
        return super().forward(x / 2)


class Nearest(Net):
    def forward(self, x):
        return super().forward(x).argmin(1)


class More(Net):
    def __init__(self):
        super().__init__(gain=nn.Linear(1, 1))


class MaxSub(layers.Subsampling):
    def forward(self, x):
        return F.max_pool2d(x, 2) * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


OTHER_TABLE = tuple(tuple((i + 1) % 6 for i in inputs) for inputs in paper.C3_CONNECTIONS)

class InPairs(nn.Module):
    """A subsampling with a Parameter of two numbers for each map."""

    def __init__(self, maps):
        super().__init__()
        self.pairs = nn.ParameterList(nn.Parameter(torch.tensor([0.3, 0.0])) for _ in range(maps))

    def forward(self, x):
        return torch.stack([each * pair[0] + pair[1] for each, pair in zip(
            (4 * F.avg_pool2d(x, 2)).unbind(1), self.pairs, strict=True)], 1)


RIGHT = {
    "lost_since_1998": [((900, -44, 850),), ([900.0, -44.0, 850.0],),
                        (torch.tensor([900, -44, 850]),), (np.array([900, -44, 850]),)],
    "table_of_pairs": [(RING,), ([list(pair[::-1]) for pair in RING],), (torch.tensor(RING),),
                       (tuple(RING[::-1]),)],
    "table_layer": layers_by_table.RIGHT,
    "map_criterion": [(by_cross_entropy,), (by_pictures,), (by_logaddexp,)],
    "whole_lenet5": [(Net,), (Net(),), (OwnParts,), (in_a_row(),),
                     (Net(s2=InPairs(6), s4=InPairs(16)),),
                     (own_subs(lambda x, a, b: 8 * a * x + b),),
                     (own_subs(lambda x, a, b: a * x - b, torch.zeros),)],
}

WRONG = {  # (words that name the error, answer)
    "lost_since_1998": [
        ("a negative number", (900, 44, 850)), ("S4 is there as well", (900, -12, 850)),
        ("S2 is there as well", (900, -32, 850)), ("coefficient and a bias", (900, -22, 850)),
        ("coefficient and a bias for each map", (900, 0, 850)), ("how many more", (2416, -44, 850)),
        ("sign is turned over", (-900, -44, 850)), ("how many numbers", (36, -44, 850)),
        ("biases", (900, -44, 840)), ("fixed", (900, -44, 10)),
        ("none that are trained", (900, -44, 0)), ("not in the order", (850, -44, 900)),
        ("3 values in a tuple", 1706), ("3 values, not 2", (900, 850)),
        ("C3: not 901", (901, -44, 850)), ("replace the dots", (900, -44, ...)),
        ("at C3 must be a number", ("900", -44, 850)), ("finite", (900, float("nan"), 850))],
    "table_of_pairs": [
        ("map 6, and", [(c, c + 1) for c in range(6)]),
        ("map 6, and", [(c, c + 1) for c in range(1, 7)]),
        ("map -1, and", [(c - 1, c) for c in range(6)]), ("twice", [(c, c) for c in range(6)]),
        ("no neighbours", [(c, (c + 2) % 6) for c in range(6)]), ("the same two", RING[:5] + [(1, 0)]),
        ("6 values, not 5", RING[:5]), ("6 values, not 16", paper.C3_CONNECTIONS),
        ("2 values, not 3", [(c, (c + 1) % 6, (c + 2) % 6) for c in range(6)]),
        ("2 values in a tuple", [1, 2, 3, 4, 5, 0]), ("generator", (pair for pair in RING)),
        ("whole number", [(0.5, 1.5)] * 6), ("must be a number", [("0", "1")] * 6),
        ("6 values in a tuple", "011223"), ("6 values in a tuple", None)],
    "table_layer": layers_by_table.WRONG,
    "map_criterion": [
        ("distances and j are some thousands it gives -inf, not", formula),
        ("where the distances are some thousands it gives inf, not", without_the_smallest),
        ("where j is some thousands it gives inf, not", without_rubbish),
        ("each e^ is 0 there", lambda f, c, d, j: formula(
            f, c, d, j, rubbish=1e-15 + torch.exp(torch.tensor(-j)))),
        ("stand e^y and e^j", lambda f, c, d, j: formula(
            f, c, d, -j, lambda x: -x.square().sum(2)) + 2 * ((f - c[d]) ** 2).sum(1).mean()),
        ("j is 3, whatever", lambda f, c, d, j: stable(f, c, d, 3)),
        ("j is 1, whatever", lambda f, c, d, j: stable(f, c, d, 1)),
        ("map_loss does the work", lambda f, c, d, j: layers.map_loss(
            torch.cdist(f, c) ** 2, d, j)),
        ("sums of squares, without a root", lambda f, c, d, j: formula(
            f, c, d, j, lambda x: x.square().sum(2).sqrt())),
        ("averaged over the numbers of F6", lambda f, c, d, j: formula(
            f, c, d, j, lambda x: x.square().mean(2))),
        ("not squared", lambda f, c, d, j: formula(f, c, d, j, lambda x: x.abs().sum(2))),
        ("rubbish is missing", lambda f, c, d, j: F.cross_entropy(-torch.cdist(f, c) ** 2, d)),
        ("not the sum of the logarithms", lambda f, c, d, j: (
            ((f - c[d]) ** 2).sum(1) - j + torch.logsumexp(-torch.cdist(f, c) ** 2, 1)).mean()),
        ("not the sum of the logarithms", lambda f, c, d, j: (
            F.cross_entropy(-torch.cdist(f, c) ** 2, d) + torch.log(torch.exp(torch.tensor(-j))))),
        ("labels still count from 0", lambda f, c, d, j: stable(f, c, d - 1, j)),
        ("labels still count from 0", lambda f, c, d, j: (lambda y: (
            y.gather(1, d[:, None])[:, 0] + torch.logsumexp(-y, 1)).mean())(
                F.pad(torch.cdist(f, c) ** 2, (1, 0), value=j))),
        ("stands j", lambda f, c, d, j: formula(f, c, d, j, rubbish=torch.tensor(j))),
        ("rubbish has e^j", lambda f, c, d, j: stable(f, c, d, -j)),
        ("second term is missing", lambda f, c, d, j: ((f - c[d]) ** 2).sum(1).mean()),
        ("first term is missing",
         lambda f, c, d, j: stable(f, c, d, j) - ((f - c[d]) ** 2).sum(1).mean()),
        ("should be averaged", lambda f, c, d, j: len(f) * stable(f, c, d, j)),
        ("for each picture", lambda f, c, d, j: torch.stack([
            stable(f[i:i + 1], c, d[i:i + 1], j) for i in range(len(f))])),
        ("every label's column", lambda f, c, d, j: (lambda y: (y[:, d] + torch.logaddexp(
            torch.tensor(-j), torch.logsumexp(-y, 1))).mean())(torch.cdist(f, c) ** 2)),
        ("every label's column", lambda f, c, d, j: (lambda y: (y[:, d] + torch.logaddexp(
            torch.tensor(-j), torch.logsumexp(-y, 1))[:, None]).mean())(torch.cdist(f, c) ** 2)),
        ("nearest code's distance", lambda f, c, d, j: stable(f, c, torch.cdist(f, c).argmin(1), j)),
        ("sign is turned over", lambda *case: -stable(*case)),
        ("must be a tensor", lambda *case: stable(*case).item()),
        ("no gradient goes back", lambda *case: stable(*case).detach()),
        ("gradient that goes back", lambda f, c, d, j: stable(f, c, d, j) + f.sum() - f.detach().sum()),
        ("changes the f6", lambda f, c, d, j: stable(f.mul_(2), c, d, j)),
        ("it raises", lambda f, c, d, j: stable(c, f, d, j)), ("whatever it is given",
                                                              lambda *case: torch.tensor(1.0)),
        ("must be a function", torch.tensor(3.0)), ("return", print)],
    "whole_lenet5": [
        ("LeNet5Of1998 is the book's", models.build("lenet5-1998")),
        ("LeNet5Of1998 is the book's", type("Derived", (models.LeNet5Of1998,), {})),
        ("it reads all maps", Net(c3=nn.Conv2d(6, 16, 5))),
        ("no dense layer", Net(output=nn.Linear(84, 10))),
        ("S2 has 0", Net(s2=nn.MaxPool2d(2))), ("no layer self.f6", Net(f6=None)),
        ("the biases are missing", Net(c1=nn.Conv2d(1, 6, 5, bias=False))),
        ("the codes are fixed", Net(output=nn.Linear(84, 10, bias=False))),
        ("through tanh", Net(nn.Tanh())), ("through ReLU", Net(nn.ReLU())),
        ("through a sigmoid", Net(nn.Sigmoid())),
        ("S2 is given what C1 gives as it is", Net(nn.Identity())),
        ("F6 is given what C5 gives as it is", NoSquash()), ("signs turned over", Logits()),
        ("squashed twice", Net(nn.Sequential(layers.ScaledTanh(), layers.ScaledTanh()))),
        ("C5 is a dense layer", DenseC5()),
        ("C5 is a dense layer", Net(c5=nn.Sequential(nn.Flatten(), nn.Linear(400, 120)))),
        ("C5 is a dense layer", Net(c5=AnyPlace(16, 120, 5))),
        ("c5 is there, but", NoC5()), ("the picture as it is", Scaled()),
        ("should give the ten distances, and gives 3", Nearest()), ("something else in it", More()),
        ("S2 does not take the sum", Net(s2=MaxSub(6))),
        *[("self.s2.b is held, but all of the 6 numbers", own_subs(lambda x, a, b: 4 * a * x, start))
          for start in (torch.zeros, torch.rand)],
        ("S2: the bias is multiplied as well", own_subs(lambda x, a, b: 4 * a * (x + b / 4))),
        *[("its bias is not -2 times", own_subs(lambda x, a, b, of=of: a * x + of(b)))
          for of in (torch.abs, torch.exp, torch.square)],
        *[("its coefficient is not -2 times", own_subs(lambda x, a, b, of=of: of(a) * x + b))
          for of in (torch.abs, torch.exp)],
        ("self.s2.a is held", own_subs(lambda x, a, b: x + b)),
        ("self.s2.a is held", own_subs(lambda x, a, b: x + 0 * b)),
        ("a number acts on 6 maps", own_subs(lambda x, a, b: a.mean() * x + b.mean())),
        *[("a number acts on 2 maps", own_subs(
            lambda x, a, b, at=at: a * x + b + b[0] * (torch.arange(len(b)) == at).view(-1, 1, 1)))
          for at in (1, 2, 4)],
        ("5 of the 6 numbers in it do no work", own_subs(lambda x, a, b: a[:1] * x + b, torch.ones)),
        ("5 of the 6 numbers in it do no work", own_subs(lambda x, a, b: a * x + b[:1], torch.zeros)),
        ("self.f6.bias is held, but all of the 84", Net(f6=NoBias(120, 84))),
        ("reaches all of the 150 numbers in self.c1.weight", Net(c1=CutC1(1, 6, 5))),
        ("no gradient reaches C1, S2, C3, S4, C5: behind them", CutF6()),
        ("no gradient reaches", NoGradients()),
        ("no gradient reaches C1, S2, C3, S4, C5, F6: ", Net(
            lambda a: 1.7159 * torch.tanh(a.data * 2 / 3))),
        ("other maps", Net(c3=layers.SparseConv2d(OTHER_TABLE, 5))),
        ("squared distances", Net(output=layers.RBFOutput(-GLYPHS))),
        ("should give 3 x 6 x 28 x 28", Net(c1=nn.Conv2d(1, 6, 5, padding=2))),
        *[(f"self.{name} holds the squashing function", Net(**{name: nn.Sequential(
            getattr(Net(), name), layers.ScaledTanh())})) for name in ("c1", "s2", "c3", "s4", "c5")],
        ("self.c1 holds the squashing function", in_a_row(inside=True)),
        ("self.c3 holds", Net(c3=nn.Sequential(Net().c3, nn.ReLU()))),
        ("no layer self.c1", nn.Sequential(nn.Conv2d(1, 6, 5))), ("must be a layer, not 5", Net(c1=5)),
        ("derived from nn.Module", 60_000), ("derived from nn.Module", None),
        ("derived from nn.Module", "LeNet5"), ("derived from nn.Module", [Net()])],
}


RING_TOO = "which neighbour, and which of the two stands first, is the reader's choice"
LAST = "of two axes the last is axis 1"
EQUAL = {
    "table_of_pairs": {
        "my_table_solution = [(c, (c + 1) % 6) for c in range(6)] -> my_table_solution = "
        + other: RING_TOO
        for other in ("[((c + 1) % 6, c) for c in range(6)]", "[(c, (c - 1) % 6) for c in range(6)]",
                      "[(c, (c + -1) % 6) for c in range(6)]")},
    "map_criterion": {
        "exponents = torch.cat([torch.full_like(right, -j), -y], dim=1) -> "
        "    exponents = torch.cat([torch.full_like(right, -j), -y], dim=-1)": LAST,
        "return (right[:, 0] + exponents.logsumexp(dim=1)).mean() -> "
        "    return (right[:, 0] + exponents.logsumexp(dim=-1)).mean()": LAST},
}
