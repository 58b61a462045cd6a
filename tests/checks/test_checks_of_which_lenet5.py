"""Chapter 07's exercises: right answers, and wrong ones with words of the reason."""

import math
from functools import partial
from statistics import mean

import numpy as np
import torch
import torch.nn.functional as F
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn
from torch.func import functional_call, vmap

from lenet_book import checks, layers, models, paper

CHAPTER = 7
torch.manual_seed(0)  # for the nets of the tables below
PARTS = (156, 0, 1516, 0, 48_120, 10_164, 850)


def other(place, value):
    """The right parts but for one."""
    return (*PARTS[:place], value, *PARTS[place + 1:])


def loss_of(net, x, y):
    with torch.no_grad():
        return F.cross_entropy(net(x), y).item()


def in_parts(net, x, y, size, shuffled=False):
    """Is the mean of the losses, added up batch by batch, near log 10?"""
    order = torch.randperm(len(x)) if shuffled else torch.arange(len(x))
    with torch.no_grad():
        losses = [F.cross_entropy(net(x[part]), y[part], reduction="sum") for part in order.split(size)]
    return abs(sum(losses).item() / len(x) - math.log(10)) < 0.1


def by_means(net, x, y, size, together=mean):
    losses = [loss_of(net, *part) for part in zip(x.split(size), y.split(size), strict=True)]
    return abs(together(losses) - math.log(10)) < 0.1


def as_if_full(net, x, y, size):
    """Each batch's mean loss counts for as many digits as a whole batch has."""
    return by_means(net, x, y, size, lambda losses: size * sum(losses) / len(y))


def of_the_first(net, x, y, size):
    return abs(loss_of(net, x[:size], y[:size]) - math.log(10)) < 0.1


def begins_anew(net, x, y):
    for part in net.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    return abs(loss_of(net, x, y) - math.log(10)) < 0.1


def losses_of(net, x, y):
    with torch.no_grad():
        return F.cross_entropy(net(x), y, reduction="none")


def mapped(net, x, y, together=torch.mean, axis=0, **options):
    """Digit by digit, with torch.func.vmap."""
    x = x.movedim(0, axis)
    with torch.no_grad():
        losses = vmap(lambda image, label: F.cross_entropy(net(image[None]), label[None]),
                      in_dims=(axis, 0), **options)(x, y)
    return abs(together(losses).item() - math.log(10)) < 0.1


def mapped_with_parameters(net, x, y):
    def loss(parameters, image, label):
        return F.cross_entropy(functional_call(net, parameters, (image[None],)), label[None])

    parameters = {name: each.detach() for name, each in net.named_parameters()}
    return abs(vmap(loss, (None, 0, 0))(parameters, x, y).mean().item() - math.log(10)) < 0.1


def by_log_softmax(net, x, y):
    chosen = net(x).log_softmax(1)[range(len(y)), y]
    return math.isclose(-chosen.mean().item(), math.log(10), abs_tol=0.1)


def steps(net, x, y):
    net(x).sum().backward()
    with torch.no_grad():
        for p in net.parameters():
            p += 1
    return abs(loss_of(net, x, y) - math.log(10)) < 0.1


class Plain(nn.Module):
    """The net that all three were meant to be; options are mistakes."""

    def __init__(self, act=torch.relu, pool=F.max_pool2d, after_c5=None, after_f6=None, end=None,
                 bias=True):
        super().__init__()
        self.act, self.pool, self.end = act, pool, end or (lambda x: x)
        self.after_c5, self.after_f6 = after_c5 or act, after_f6 or act
        self.c1, self.c3 = nn.Conv2d(1, 6, 5, bias=bias), nn.Conv2d(6, 16, 5)
        self.c5, self.f6 = nn.Linear(400, 120), nn.Linear(120, 84)
        self.output = nn.Linear(84, 10)

    def features(self, x):
        for layer in (self.c1, self.c3):
            x = self.pool(self.act(layer(x)), 2)
        return self.after_f6(self.f6(self.after_c5(self.c5(x.flatten(1)))))

    def forward(self, x):
        return self.end(self.output(self.features(x)))


class A(Plain):
    def __init__(self, act=torch.tanh, pool=F.avg_pool2d, **options):
        super().__init__(act, pool, **options)


class B(Plain):
    """drop: from the features to what goes into the output."""

    def __init__(self, drop=None, end=lambda x: F.log_softmax(x, dim=1), **options):
        super().__init__(end=end, **options)
        self.drop = drop or nn.Dropout()

    def forward(self, x):
        return self.end(self.output(self.drop(self.features(x))))


def with_bias(net, value):
    """The net, with a larger bias in C5."""
    net.c5.bias.data += value
    return net


def begun(kind, start):
    """Nets of this class, whose weights begin otherwise."""
    class Begun(kind):
        def __init__(self):
            super().__init__()
            for part in self.modules():
                if hasattr(part, "weight"):
                    start(part.weight)
    return Begun


class Lists(A):
    """NetA as it stands on the page."""

    def __init__(self):
        super().__init__()
        self.maps, self.dense = [self.c1, self.c3], [self.c5, self.f6]
        del self.c1, self.c3, self.c5, self.f6

    def forward(self, x):
        for layer in self.maps:
            x = self.pool(self.act(layer(x)), 2)
        x = x.flatten(1)
        for layer in self.dense:
            x = self.act(layer(x))
        return self.output(x)


def row(act, pool, *end, dense=nn.Flatten):
    """The net as one nn.Sequential."""
    return nn.Sequential(nn.Conv2d(1, 6, 5), act(), pool(2), nn.Conv2d(6, 16, 5), act(), pool(2),
                         dense(), nn.Linear(400, 120), act(), nn.Linear(120, 84), act(),
                         *end, nn.Linear(84, 10))


class WithConvolution(Plain):
    def __init__(self, act=torch.relu, pool=F.max_pool2d):
        super().__init__(act, pool)
        self.c5 = nn.Conv2d(16, 120, 5)

    def features(self, x):
        for layer in (self.c1, self.c3):
            x = self.act(self.pool(layer(x), 2)) if self.pool is F.max_pool2d else self.pool(
                self.act(layer(x)), 2)
        return self.act(self.f6(self.act(self.c5(x)).flatten(1)))


class Drops(B):
    """what(h, training) drops, of what comes after this layer's activation: c5 or f6."""

    def __init__(self, what, after="f6", **options):
        relu = torch.relu
        super().__init__(identity, **{f"after_{after}": lambda h: what(relu(h), self.training)},
                         **options)


def by_hand(rate=0.5, factor=2, shape=lambda h: h.shape):
    """A dropout whose mask is drawn for each picture and number, or with fewer numbers."""
    return lambda h, training: h * (torch.rand(shape(h)) >= rate) * factor if training else h


def always_alike(h, training):
    """Of each number and each pair of numbers a half is dropped, but at each time the same."""
    bits = torch.arange(len(h))[:, None] & torch.arange(1, 1 + h.shape[1])
    odd = sum(bits >> place & 1 for place in range(7)) % 2
    return h * 2 * odd if training else h


class BeforeRelu(B):
    def features(self, x):
        return torch.relu(F.dropout(super().features(x), 0.5, self.training))

    def __init__(self):
        super().__init__(identity, after_f6=identity)


class EndsWith(B):
    """end(y, training)"""

    def __init__(self, end, drop=None):
        super().__init__(drop, end=lambda y: end(y, self.training))


class Unsaved(Lists):
    def parameters(self):
        for layer in (*self.maps, *self.dense, self.output):
            yield from layer.parameters()


class Stubborn(B):
    def forward(self, x):
        return self.end(self.output(F.dropout(self.features(x), 0.5)))


class NoTraining(B):
    def forward(self, x):
        return self.end(self.output(self.features(x)))


class Weights(Plain):
    """F6 by weights of its own, 120 x 84."""

    def __init__(self, act=torch.relu, pool=F.max_pool2d, **options):
        super().__init__(act, pool, **options)
        self.W, self.b = nn.Parameter(self.f6.weight.detach().T.clone()), self.f6.bias
        del self.f6
        self.f6 = lambda x: x @ self.W + self.b


class Raises(Plain):
    def forward(self, x):
        return super().forward(x.flatten(1))


class Normed(A):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(84)


class Neighbours(Plain):
    def forward(self, x):
        y = super().forward(x)
        return y - y.mean(0)


class Reshaped(Plain):
    """changed: layers of other sizes in place of its own; pad: pixels around the digit."""

    def __init__(self, act=torch.relu, pool=F.max_pool2d, pad=0, **changed):
        super().__init__(act, pool)
        self.pad = pad
        for name, layer in changed.items():
            setattr(self, name, layer)

    def forward(self, x):
        return super().forward(F.pad(x, (self.pad,) * 4))


class PoolsFirst(A):
    def features(self, x):
        for layer in (self.c1, self.c3):
            x = torch.tanh(F.avg_pool2d(layer(x), 2))
        return torch.tanh(self.f6(torch.tanh(self.c5(x.flatten(1)))))


class Lazy(A):
    def __init__(self):
        super().__init__()
        self.c5 = nn.LazyLinear(120)


class Bare(nn.Module):
    def __init__(self):
        super().__init__()


def identity(x):
    return x


NO_NET = [  # what no check of a net takes
    ("derived from nn.Module", 61_706), ("derived from nn.Module", None),
    ("derived from nn.Module", "NetA"), ("derived from nn.Module", [Plain()]),
    ("derived from nn.Module", torch.zeros(3)), ("no forward", Bare),
    ("is the book's", models.build("lenet-tanh")),
    ("does not find the numbers of C5, F6", nn.Sequential(A().c1, A().c3, A().output)),
    ("no forward", nn.Module), ("replace the dots", type("Stub", (nn.Module,), {}))]

RIGHT = {
    "parts_of_60806": [(PARTS,), (list(map(float, PARTS)),), (torch.tensor(PARTS),),
                       (np.array(PARTS),)],
    "first_loss_is_right": [
        (lambda net, x, y: abs(loss_of(net, x, y) - math.log(10)) < 0.1,), (by_log_softmax,),
        (lambda net, x, y: (F.cross_entropy(net(x), y) - math.log(10)).abs() < 0.1,),
        (lambda net, x, y: np.abs(loss_of(net, x, y) - np.log(10)) < 0.1,),
        (lambda net, x, y: abs(losses_of(net, x, y).mean() - math.log(10)) < 0.1,),
        *[(partial(in_parts, size=size),) for size in (1, 32, 64)],
        (partial(in_parts, size=50, shuffled=True),), (mapped,), (partial(mapped, chunk_size=50),),
        (partial(mapped, axis=3),), (mapped_with_parameters,)],
    "mend_net_a": [(A,), (A(),), (row(nn.Tanh, nn.AvgPool2d),),
                   (WithConvolution(torch.tanh, F.avg_pool2d),), (Weights(torch.tanh, F.avg_pool2d),)],
    "mend_net_b": [(B,), (B(),), (nn.Sequential(
        row(nn.ReLU, nn.MaxPool2d, nn.Dropout(0.5)), nn.LogSoftmax(dim=1)),),
        (B(end=nn.LogSoftmax(-1)),), (Drops(by_hand()),), (BeforeRelu,),
        (B(end=lambda x: x - x.logsumexp(1, keepdim=True)),),
        (Drops(lambda h, training: F.dropout(h, training=training)),)],
    "mend_net_c": [(Plain,), (Plain(),), (row(nn.ReLU, nn.MaxPool2d),), (WithConvolution(),),
                   (Weights,)],
}

WRONG = {  # (words that name the error, answer)
    "parts_of_60806": [
        ("7 values in a tuple", 60_806), ("C1: no net", (60_806, 0, 0, 0, 0, 0, 0)),
        ("dense, it would bring", other(2, 2416)), ("S2: with trained", other(1, 12)),
        ("S4: with trained", other(3, 32)), ("RBF's", other(6, 840)), ("59,956", other(6, 0)),
        ("together your parts are 60,846", other(1, 40)), ("biases are missing", other(4, 48_000)),
        ("biases are missing", other(0, 150)), ("28 x 28", other(4, 30_840)),
        ("biases alone", other(6, 10)), ("7 values, not 5", (156, 1516, 48_120, 10_164, 850)),
        ("biases are missing", other(5, 10_080)), ("must be a number", other(0, "156")),
        ("replace the dots", other(0, ...)), ("7 values in a tuple", None)],
    "first_loss_is_right": [
        *[(f"digits the net reads {size} only", partial(of_the_first, size=size))
          for size in (1, 100, 128, 150)],
        ("True of every net", lambda net, x, y: True), ("False of every net", lambda net, x, y: False),
        ("turned over", lambda net, x, y: not abs(loss_of(net, x, y) - math.log(10)) < 0.1),
        ("turned over", lambda net, x, y: abs(loss_of(net, x, y) - math.log(10)) > 0.1),
        ("turned over", lambda net, x, y: abs(loss_of(net, x, y) - math.log(10)) >= 0.1),
        ("wants logarithms of probabilities",
         lambda net, x, y: bool(abs(F.nll_loss(net(x), y) - math.log(10)) < 0.1)),
        ("are added up", lambda net, x, y: bool(
            abs(losses_of(net, x, y).sum() - math.log(10)) < 0.1)),
        ("are added up", partial(mapped, together=torch.sum)),
        ("for the digits it says True", partial(mapped, together=torch.median)),
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
        ("other digits than those of x",
         lambda net, x, y: abs(loss_of(net, torch.randn_like(x), y) - math.log(10)) < 0.1),
        ("every loss below log 10",
         lambda net, x, y: loss_of(net, x, y) - math.log(10) < 0.1),
        ("every loss above log 10", lambda net, x, y: loss_of(net, x, y) > math.log(10) - 0.1),
        ("natural logarithm",
         lambda net, x, y: abs(loss_of(net, x, y) - math.log10(10)) < 0.1),
        ("loss is 2.38 it says False", lambda net, x, y: abs(loss_of(net, x, y) - math.log(10)) < 0.01),
        ("loss is 2.42 it says True", lambda net, x, y: abs(loss_of(net, x, y) - math.log(10)) < 0.2),
        ("softmax is taken before",
         lambda net, x, y: abs(F.cross_entropy(net(x).softmax(1), y) - math.log(10)) < 0.1),
        ("84 classes", lambda net, x, y: abs(loss_of(net, x, y) - math.log(net(x).shape[1])) < 0.1),
        ("True or False is asked", loss_of), ("True or False is asked", lambda net, x, y: "right"),
        ("returns nothing", lambda net, x, y: setattr(net, "seen", True)),
        ("it raises", lambda net, x: True), ("replace the dots", lambda net, x, y: None),
        ("nan it says True", lambda net, x, y: not abs(loss_of(net, x, y) - math.log(10)) >= 0.1),
        ("loss is 2.42 it says True", lambda net, x, y: net(x).shape[1] == 10),
        ("2.30, the mean of 1.9, 1.2, 1.4, 1.6, 1.1, 2.2, 6.7 for the digits it says False",
         lambda net, x, y: bool(((losses_of(net, x, y) - math.log(10)).abs() < 0.1).all())),
        ("for the digits it says True",
         lambda net, x, y: abs(losses_of(net, x, y).median() - math.log(10)) < 0.1),
        ("for the digits it says True",
         lambda net, x, y: bool(((losses_of(net, x, y) - math.log(10)).abs() < 0.1).any())),
        ("for the digits it says False", lambda net, x, y: abs(-math.log(
            net(x).softmax(1)[range(len(y)), y].mean()) - math.log(10)) < 0.1),
        ("for net = Net(), x 7 x 1 x 32 x 32, y 7 it prints",
         lambda net, x, y: print(abs(loss_of(net, x, y) - math.log(10)) < 0.1)),
        ("must be a function", 2.3), ("must be a function", "log 10"), ("must be a function", True)],
    "mend_net_a": [
        ("does not find the numbers of C1, C3, C5, F6", Lists),
        ("C1, C3, C5, F6, but state_dict() does not hold them", Unsaved),
        ("in train() it reads otherwise, which NetA",
         row(nn.Tanh, nn.AvgPool2d, nn.Dropout())),
        ("follows upon C5", A(after_c5=identity)), ("follows upon F6", A(after_f6=identity)),
        ("probabilities", A(end=lambda x: x.softmax(1))),
        ("tanh follows upon the output", A(end=torch.tanh)),
        ("C3 begin with 1.3 times", begun(A, nn.init.xavier_uniform_)),
        ("begin with 0 times", begun(A, nn.init.zeros_)),
        ("no gradient reaches C1, C3: behind", A(pool=lambda x, k: F.avg_pool2d(x, k).detach())),
        ("its activation is ReLU", A(act=torch.relu)), ("its pooling is max", A(pool=F.max_pool2d)),
        ("pooled first", PoolsFirst), ("change no more", A(act=layers.ScaledTanh())),
        ("its activation is a sigmoid", A(act=torch.sigmoid)), ("61,874 parameters", Normed),
        ("its activation is the hard tanh", A(act=F.hardtanh)), ("a lazy layer has no numbers", Lazy),
        ("does not find the biases of C1", A(bias=False)), ("it raises", Raises),
        ("change no more", A(end=lambda x: 2 * x)),
        ("the weights of C5 (120 x 256 is there)", Reshaped(
            torch.tanh, F.avg_pool2d, -2, c5=nn.Linear(256, 120))),
        ("(100 x 120 is there)", Reshaped(f6=nn.Linear(120, 100), output=nn.Linear(100, 10))), *NO_NET],
    "mend_net_b": [
        *[("gives other numbers than", B(end=end)) for end in (
            torch.sigmoid, lambda x: x.softmax(1).softmax(1), lambda x: x.relu().softmax(1))],
        ("cut off upon the output", B(end=lambda x: x.clamp(-50, 50).log_softmax(1))),
        ("from one time to the next", Stubborn),
        ("digits beside it", B(end=lambda x: x.log_softmax(0))),
        ("nothing is dropped any more", NoTraining), ("nothing is dropped any more", B(nn.Dropout(0))),
        ("p = 0.05", B(nn.Dropout(0.05))), ("p = 0.2", B(nn.Dropout(0.2))),
        ("p = 0.9", B(nn.Dropout(0.9))), ("drops 100% of F6", B(nn.Dropout(1))),
        ("half of what F6 gives", Drops(F.dropout, after="c5")),
        ("half of what F6 gives", B(after_c5=nn.Sequential(nn.ReLU(), nn.Dropout()))),
        ("half of what F6 gives", B(identity, after_c5=nn.Sequential(nn.ReLU(), nn.Dropout()))),
        ("half of what F6 gives", nn.Sequential(
            row(nn.ReLU, lambda k: nn.Sequential(nn.MaxPool2d(k), nn.Dropout())), nn.LogSoftmax(1))),
        ("half of what F6 gives", EndsWith(
            lambda y, training: F.log_softmax(F.dropout(y, 0.5, training), 1), identity)),
        ("half of what F6 gives", B(nn.AlphaDropout())),
        ("do not add up to 1", EndsWith(
            lambda y, training: F.dropout(F.log_softmax(y, 1), 0.5, training), identity)),
        ("do not add up to 1", EndsWith(lambda y, training: F.log_softmax(y, 1 - training))),
        ("divided by 1 - p", Drops(by_hand(factor=1))), ("drops 30% of F6", Drops(by_hand(0.3))),
        ("draw anew", Drops(by_hand(shape=lambda h: h.shape[1:]))),
        ("draw anew", Drops(by_hand(shape=lambda h: (len(h), 1)))), ("draw anew", Drops(always_alike)),
        ("draw anew", Drops(lambda h, training: torch.manual_seed(3) and by_hand()(h, training))),
        *[(words, B(end=end)) for words, end in {
            "it gives -inf, not": lambda x: x.softmax(1).log(),
            "it gives nan, not": lambda x: (x.exp() / x.exp().sum(1, True)).log(),
            "e to a logit is infinite": lambda x: x - x.exp().sum(1, True).log(),
            "below that of 1e-05, which": lambda x: (x.softmax(1) + 1e-5).log(),
            "below that of 1e-07, which": lambda x: (x.softmax(1) + 1e-7).log(),
            "below that of 1e-06, which": lambda x: x.softmax(1).clamp(min=1e-6).log(),
            "below that of 1e-08, which": lambda x: (x.softmax(1) + 1e-8).log(),
            "below that of 1e-12, which": lambda x: (x.softmax(1) + 1e-12).log(),
            "below that of 1e-09, which": lambda x: x.softmax(1).clamp(min=1e-9).log(),
            "e to a logit is infinite there": lambda x: x.softmax(1).log().nan_to_num(),
            "with the same weights": lambda x: x - x.amax(1, keepdim=True)}.items()],
        ("in eval() what F6 gives is halved", Drops(
            lambda h, training: by_hand(factor=1)(h, training) if training else h / 2)),
        ("it gives logits, and log-probabilities", B(end=identity)),
        ("without the logarithm", B(end=lambda x: x.softmax(1))),
        ("follows upon F6; and it gives logits", B(after_f6=identity, end=identity)),
        ("no activation follows upon C5", B(after_c5=identity)),
        ("upon F6 is tanh", B(after_f6=torch.tanh)),
        ("its pooling is average", B(pool=F.avg_pool2d)), ("its activation is tanh", B(act=torch.tanh)),
        *NO_NET],
    "mend_net_c": [
        ("upon C5; and it gives logits from which", Plain(after_c5=identity, end=torch.relu)),
        ("upon C5", Plain(after_c5=identity)), ("below 0 are cut off", Plain(end=torch.relu)),
        ("still follows upon the output", Plain(end=nn.LeakyReLU(0.2))),
        *[(f"{name} follows upon the output", Plain(end=end)) for name, end in {
            "leaky ReLU": F.leaky_relu, "ELU": F.elu, "a sigmoid": torch.sigmoid, "GELU": F.gelu,
            "softplus": F.softplus, "tanh": torch.tanh, "the hard tanh": F.hardtanh}.items()],
        *[(f"upon C5 is {name}, and should be that of", Plain(after_c5=act)) for name, act in {
            "GELU": F.gelu, "leaky ReLU": F.leaky_relu, "the absolute value": torch.abs}.items()],
        ("is something cut off upon the output", Plain(end=lambda x: x.clamp(-50, 50))),
        *[("cut off what is large", with_bias(Plain(after_c5=lambda x, most=most: x.clamp(0, most)), 2))
          for most in (1, 100)], ("cut off what is large", Plain(after_c5=F.relu6)),
        ("times the spread", begun(Plain, nn.init.kaiming_normal_)),
        ("begin with 0 times", begun(Plain, nn.init.zeros_)),
        ("upon F6", Plain(after_f6=identity)), ("upon C5 and F6", Plain(after_c5=identity,
                                                                        after_f6=identity)),
        ("it gives probabilities", Plain(end=lambda x: x.softmax(1))),
        ("it gives log-probabilities", Plain(end=lambda x: x.log_softmax(1))),
        ("upon C5 is tanh, and should be that of", Plain(after_c5=torch.tanh)),
        ("upon C5 and F6 is a sigmoid", Plain(after_c5=torch.sigmoid, after_f6=torch.sigmoid)),
        ("its activation is tanh", Plain(torch.tanh)),
        ("its pooling is average", Plain(pool=F.avg_pool2d)), ("digits beside it", Neighbours),
        ("in train() it reads otherwise", B(end=identity)),
        ("the weights of C5 (120 x 576 is there)", Reshaped(pad=2, c5=nn.Linear(576, 120))),
        ("of another shape than they were meant to be are the weights of C3", Reshaped(
            c3=layers.SparseConv2d(paper.C3_CONNECTIONS, 5))),
        ("the output (84 x 84 is there)", Reshaped(output=nn.Linear(84, 84))), *NO_NET],
}

EQUAL = {
    "first_loss_is_right": {
        "return abs(loss - math.log(10)) < 0.1 -> "
        "    return abs(loss - math.log(10)) <= 0.1": "no loss is exactly 0.1 away"},
    "mend_net_b": {
        "x = F.dropout(torch.relu(self.f6(x)), 0.5, training=self.training) -> "
        "        x = F.dropout(torch.relu(self.f6(x)), training=self.training)":
            "0.5 is what F.dropout takes by default"},
}


def test_the_dropout_is_looked_at_and_the_net_left_as_it_was():
    net = B().train()
    before = {name: each.clone() for name, each in net.state_dict().items()}
    assert checks.mend_net_b(net)
    assert net.training and net.drop.training
    assert all(each.equal(before[name]) for name, each in net.state_dict().items())


def test_a_dropout_drawn_by_hand_is_known_whatever_the_seed():
    for seed in range(8):
        draws = np.random.default_rng(seed)
        assert checks.mend_net_b(Drops(lambda h, training, draws=draws: h * 2 * torch.tensor(
            draws.random(h.shape) < 0.5) if training else h))
