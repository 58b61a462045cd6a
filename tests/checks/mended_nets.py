"""Nets as they were meant, and others: answers to exercises 3, 4 and 5 of chapter 07."""

import torch
import torch.nn.functional as F
from torch import nn

from lenet_book import layers, models, paper

torch.manual_seed(0)  # for the nets of the tables below


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


def row(act, pool, *end):
    """The net as one nn.Sequential."""
    return nn.Sequential(nn.Conv2d(1, 6, 5), act(), pool(2), nn.Conv2d(6, 16, 5), act(), pool(2),
                         nn.Flatten(), nn.Linear(400, 120), act(), nn.Linear(120, 84), act(),
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


class Weights(Plain):
    """F6 by weights of its own, 120 x 84."""

    def __init__(self, act=torch.relu, pool=F.max_pool2d, **options):
        super().__init__(act, pool, **options)
        self.W, self.b = nn.Parameter(self.f6.weight.detach().T.clone()), self.f6.bias
        del self.f6
        self.f6 = lambda x: x @ self.W + self.b


class Reshaped(Plain):
    """changed: layers of other sizes in place of its own; pad: pixels around the digit."""

    def __init__(self, act=torch.relu, pool=F.max_pool2d, pad=0, **changed):
        super().__init__(act, pool)
        self.pad = pad
        for name, layer in changed.items():
            setattr(self, name, layer)

    def forward(self, x):
        return super().forward(F.pad(x, (self.pad,) * 4))


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

RIGHT_A = [(A,), (A(),), (row(nn.Tanh, nn.AvgPool2d),),
               (WithConvolution(torch.tanh, F.avg_pool2d),), (Weights(torch.tanh, F.avg_pool2d),)]

RIGHT_B = [(B,), (B(),), (B(end=nn.LogSoftmax(-1)),), (Drops(by_hand()),), (BeforeRelu,),
           (nn.Sequential(row(nn.ReLU, nn.MaxPool2d, nn.Dropout(0.5)), nn.LogSoftmax(dim=1)),),
           (B(end=lambda x: x - x.logsumexp(1, keepdim=True)),),
           (Drops(lambda h, training: F.dropout(h, training=training)),)]

RIGHT_C = [(Plain,), (Plain(),), (row(nn.ReLU, nn.MaxPool2d),), (WithConvolution(),),
               (Weights,)]

WRONG_A = [  # (words that name the error, answer)
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
    ("pooled first", A(identity, lambda x, k: F.avg_pool2d(x, k).tanh(), after_c5=torch.tanh,
                       after_f6=torch.tanh)),
    ("change no more", A(act=layers.ScaledTanh())),
    ("its activation is a sigmoid", A(act=torch.sigmoid)),
    ("61,874 parameters", Reshaped(norm=nn.BatchNorm1d(84))),
    ("its activation is the hard tanh", A(act=F.hardtanh)),
    ("a lazy layer has no numbers", Reshaped(c5=nn.LazyLinear(120))),
    ("does not find the biases of C1", A(bias=False)), ("it raises", A(F.linear)),
    ("change no more", A(end=lambda x: 2 * x)),
    ("the weights of C5 (120 x 256 is there)", Reshaped(
        torch.tanh, F.avg_pool2d, -2, c5=nn.Linear(256, 120))),
    ("(100 x 120 is there)", Reshaped(f6=nn.Linear(120, 100), output=nn.Linear(100, 10))), *NO_NET]

WRONG_B = [  # (words that name the error, answer)
    *[("gives other numbers than", B(end=end)) for end in (
        torch.sigmoid, lambda x: x.softmax(1).softmax(1), lambda x: x.relu().softmax(1))],
    ("cut off upon the output", B(end=lambda x: x.clamp(-50, 50).log_softmax(1))),
    ("from one time to the next", B(F.dropout)),
    ("digits beside it", B(end=lambda x: x.log_softmax(0))),
    ("nothing is dropped any more", B(identity)),
    ("p = 0.05", B(nn.Dropout(0.05))), ("p = 0.2", B(nn.Dropout(0.2))),
    ("p = 0.9", B(nn.Dropout(0.9))), ("drops 100% of F6", B(nn.Dropout(1))),
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
    *NO_NET]

WRONG_C = [  # (words that name the error, answer)
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
    ("its pooling is average", Plain(pool=F.avg_pool2d)),
    ("digits beside it", Plain(end=lambda y: y - y.mean(0))),
    ("in train() it reads otherwise", B(end=identity)),
    ("the weights of C5 (120 x 576 is there)", Reshaped(pad=2, c5=nn.Linear(576, 120))),
    ("of another shape than they were meant to be are the weights of C3", Reshaped(
        c3=layers.SparseConv2d(paper.C3_CONNECTIONS, 5))),
    ("the output (84 x 84 is there)", Reshaped(output=nn.Linear(84, 84))), *NO_NET]
