"""LeNet-5 of 1998, right and wrong: answers to exercise 5 of chapter 06."""

import torch
import torch.nn.functional as F
from layers_by_table import Parts
from torch import nn

from lenet_book import layers, models, paper

GLYPHS = torch.tensor(paper.GLYPHS, dtype=torch.float32).flatten(1)


def same(x):
    return x


class Net(nn.Module):
    """LeNet-5; changed: layers in place of the paper's, or more of them. before, after: functions of
    what goes in and comes out; to_f6: what F6 is given of what C5 gives."""

    def __init__(self, squash=None, before=same, after=same, to_f6=None, **changed):
        super().__init__()
        self.squash, self.before, self.after = squash or layers.ScaledTanh(), before, after
        self.to_f6 = to_f6 or (lambda x: self.squash(x).flatten(1))
        parts = {"c1": nn.Conv2d(1, 6, 5), "s2": layers.Subsampling(6),
                 "c3": layers.SparseConv2d(paper.C3_CONNECTIONS, 5), "s4": layers.Subsampling(16),
                 "c5": nn.Conv2d(16, 120, 5), "f6": nn.Linear(120, 84), "output": layers.RBFOutput()}
        for name, layer in (parts | changed).items():
            if layer is not None:
                setattr(self, name, layer)

    def maps(self, x):
        for layer in (self.c1, self.s2, self.c3, self.s4):
            x = self.squash(layer(x))
        return x

    def forward(self, x):
        x = self.to_f6(self.c5(self.maps(self.before(x))))
        return self.after(self.output(self.squash(self.f6(x))))


class FlatC5(Net):
    def maps(self, x):
        return super().maps(x).flatten(1)


class NoC5(Net):
    def forward(self, x):
        return self.output(self.squash(self.f6(self.maps(x).flatten(1)[:, :120])))


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


class NoGradients(Net):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


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


RIGHT = [(Net,), (Net(),), (OwnParts,), (in_a_row(),),
         (Net(s2=InPairs(6), s4=InPairs(16)),), (own_subs(lambda x, a, b: 8 * a * x + b),),
         (own_subs(lambda x, a, b: a * x - b, torch.zeros),)]

WRONG = [  # (words that name the error, answer)
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
    ("F6 is given what C5 gives as it is", Net(to_f6=nn.Flatten())),
    ("signs turned over", Net(after=torch.neg)),
    ("squashed twice", Net(nn.Sequential(layers.ScaledTanh(), layers.ScaledTanh()))),
    ("C5 is a dense layer", FlatC5(c5=nn.Linear(400, 120))),
    ("C5 is a dense layer", Net(c5=nn.Sequential(nn.Flatten(), nn.Linear(400, 120)))),
    ("C5 is a dense layer", Net(c5=AnyPlace(16, 120, 5))),
    ("c5 is there, but", NoC5()), ("the picture as it is", Net(before=lambda x: x / 2)),
    ("should give the ten distances, and gives 3", Net(after=lambda y: y.argmin(1))),
    ("something else in it", Net(gain=nn.Linear(1, 1))),
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
    ("no gradient reaches C1, S2, C3, S4, C5: behind them", Net(
        to_f6=lambda x: layers.ScaledTanh()(x).flatten(1).detach())),
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
    ("derived from nn.Module", 60_000), ("derived from nn.Module", [Net()])]
