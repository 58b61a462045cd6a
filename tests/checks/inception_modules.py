"""Modules of GoogLeNet, right and wrong: answers to exercise 4 of chapter 14."""

from functools import partial

import torch
import torch.nn.functional as F
from cut_gradients import ByNumpy, WithoutGradients
from torch import nn

from lenet_book.models.googlenet import Inception


class Mine(nn.Module):
    """Its layers in the order of their kernels, and functions for what has no weights."""

    def __init__(self, inputs, ones, reduce3, threes, reduce5, fives, projection, **changes):
        super().__init__()
        self.changes = {"relus": "1tf35p", "order": range(4), "pool": nn.MaxPool2d(3, 1, 1)} | changes
        five, bias = changes.get("five", 5), changes.get("bias", True)
        self.large = changes.get("large", lambda a, b: nn.Conv2d(
            a, b, five, padding="same", bias=bias))(reduce5, fives)
        self.middle = nn.Conv2d(reduce3, threes, 3, padding="same", bias=bias)
        self.small = nn.ModuleDict({name: nn.Conv2d(inputs, maps, 1, bias=bias) for name, maps in (
            ("projection", projection), ("five", reduce5), ("three", reduce3), ("one", ones))})

    def forward(self, x):
        def act(letter, maps):
            return F.relu(maps) if letter in self.changes["relus"] else maps

        pool, small = self.changes["pool"], self.small
        last = pool(act("p", small["projection"](x))) if self.changes.get("early") else act(
            "p", small["projection"](pool(x)))
        paths = [act("1", small["one"](x)), act("3", self.middle(act("t", small["three"](x)))),
                 act("5", self.large(act("f", small["five"](x)))), last]
        join = self.changes.get("join", torch.cat)
        return join([paths[which] for which in self.changes["order"]], dim=1)


class InARow(Mine):
    """A wrong one: the 3 x 3 path begins with what the 1 x 1 gives."""

    def forward(self, x):
        return self.middle(self.small["three"](self.small["one"](x)))


def in_a_list(*widths):
    """Wrong: the projection stands in a list."""
    net = Mine(*widths)
    net.last = [nn.MaxPool2d(3, 1, 1), net.small.pop("projection")]
    return net


class Turned(Mine):
    """Wrong: layers are given their numbers of maps the wrong way round."""

    def __init__(self, *widths, which):
        super().__init__(*widths)
        for name in which:
            old = getattr(self, name)
            setattr(self, name, nn.Conv2d(old.out_channels, old.in_channels, old.kernel_size))


class Fused(Mine):
    """The same function, but that one 1 x 1 makes the maps of several."""

    def __init__(self, *widths, which):
        super().__init__(*widths)
        self.sizes = {name: self.small[name].out_channels for name in which}
        self.fused = nn.Conv2d(widths[0], sum(self.sizes.values()), 1)
        for name in which:
            del self.small[name]

    def forward(self, x):
        made = dict(zip(self.sizes, self.fused(x).split([*self.sizes.values()], 1), strict=True))
        made |= {name: layer(x) for name, layer in self.small.items() if name != "projection"}
        last = self.small["projection"](F.max_pool2d(x, 3, 1, 1))
        return torch.cat([made["one"], self.middle(made["three"].relu()),
                          self.large(made["five"].relu()), last], 1).relu()


class InPlace(nn.Module):
    """Lazy layers, with ReLUs that overwrite."""

    def __init__(self, inputs, ones, reduce3, threes, reduce5, fives, projection):
        super().__init__()
        def conv(maps, k):
            return [nn.LazyConv2d(maps, k, padding=k // 2), nn.ReLU(inplace=True)]
        self.paths = nn.ModuleList([
            nn.Sequential(*conv(ones, 1)), nn.Sequential(*conv(reduce3, 1), *conv(threes, 3)),
            nn.Sequential(*conv(reduce5, 1), *conv(fives, 5)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), *conv(projection, 1))])

    def forward(self, x):
        return torch.cat([path(x) for path in self.paths], -3)


def at_once(inputs, ones, reduce3, threes, reduce5, fives, projection):
    class Net(Mine):
        def forward(self, x):
            a, b, c = (self.small[name](x).relu() for name in ("one", "three", "five"))
            d = self.small["projection"](F.max_pool2d(x, (3, 3), (1, 1), (1, 1)))
            return torch.cat((a, self.middle(b).relu(), self.large(c).relu(), d.clamp_min(0)), 1)
    return Net(inputs, ones, reduce3, threes, reduce5, fives, projection)


def without_reductions(inputs, ones, reduce3, threes, reduce5, fives, projection):
    return nn.Sequential(nn.Conv2d(inputs, ones, 1), nn.Conv2d(inputs, threes, 3),
                         nn.Conv2d(inputs, fives, 5), nn.Conv2d(inputs, projection, 1))


def joined_without_a_list(paths, dim):
    """Wrong: the paths are handed over one by one."""
    return torch.cat(*paths)


class Unbegun(nn.Module):
    """Wrong: the module is not made before its layers are."""

    def __init__(self, *widths):
        self.one = nn.Conv2d(widths[0], widths[1], 1)


class Stub(nn.Module):
    def __init__(self, *widths):
        super().__init__()
        self.paths = [nn.Conv2d(widths[0], widths[1], 1)]

    def forward(self, x):
        return self.paths[0](x)


RIGHT = [(Mine,), (InPlace,), (at_once,)]

WRONG = [  # (words that name the error, answer)
    ("in training mode", lambda *widths: nn.Sequential(Mine(*widths), nn.Dropout(0.4))),
    ("no gradient reaches the weights of", lambda *widths: WithoutGradients(Mine(*widths))),
    ("goes through NumPy", lambda *widths: ByNumpy(Mine(*widths))),
    ("there is no ReLU", partial(Mine, relus="")),
    ("each reduction needs", partial(Mine, relus="135p")),
    ("reduce3 needs", partial(Mine, relus="1f35p")),
    ("reduce5 needs", partial(Mine, relus="1t35p")),
    ("the projection needs", partial(Mine, relus="1tf35")),
    ("only the reductions", partial(Mine, relus="tf")),
    ("the 1 x 1 needs", partial(Mine, relus="tf35p")),
    ("the 3 x 3 needs", partial(Mine, relus="1tf5p")),
    ("the 5 x 5 needs", partial(Mine, relus="1tf3p")),
    ("need a ReLU behind them, too", partial(Mine, relus="1tfp")),
    ("here before it", partial(Mine, early=True)), ("missing before", partial(
        Mine, pool=nn.Identity())),
    ("mean", partial(Mine, pool=nn.AvgPool2d(3, 1, 1))),
    ("this is 5 x 5", partial(Mine, pool=nn.MaxPool2d(5, 1, 2))),
    ("its own padding", partial(Mine, pool=lambda x: F.max_pool2d(F.pad(x, (1,) * 4), 3, 1))),
    ("none belongs there", partial(Mine, pool=lambda x: F.max_pool2d(x, 3, 1, 1).relu())),
    ("torch.stack lays", partial(Mine, join=torch.stack)),
    ("joined in the order 1 x 1, 5 x 5, 3 x 3", partial(Mine, order=(0, 2, 1, 3))),
    ("joined in the order pooling, 1 x 1", partial(Mine, order=(3, 0, 1, 2))),
    ("missing in the join", partial(Mine, order=(0, 1, 2))),
    ("joined in the order 5 x 5, 3 x 3, 1 x 1", partial(Mine, order=(2, 1, 0, 3))),
    ("torchvision", partial(Mine, five=3)), ("biases", partial(Mine, bias=False)),
    ("naive", without_reductions),
    ("without reductions and projection", lambda *widths: without_reductions(*widths)[:3]),
    ("takes its tensors in one list", partial(Mine, join=joined_without_a_list)),
    ("super().__init__()", Unbegun),
    ("reduce3 and threes", lambda i, a, b, c, d, e, f: Mine(i, a, c, b, d, e, f)),
    ("reduce5 and fives", lambda i, a, b, c, d, e, f: Mine(i, a, b, c, e, d, f)),
    ("reduce3 and threes are exchanged, and so are",
     lambda i, a, b, c, d, e, f: Mine(i, a, c, b, e, d, f)),
    ("3 x 3 reads reduce3 maps and makes threes; here", partial(Turned, which=["middle"])),
    ("5 x 5 reads reduce5 maps and makes fives; here", partial(Turned, which=["large"])),
    ("read what their reductions make", partial(Turned, which=["middle", "large"])),
    ("does the work of three", partial(Fused, which=["one", "three", "five"])),
    ("does the work of both reductions", partial(Fused, which=["three", "five"])),
    ("the work of the 1 x 1 and of reduce3", partial(Fused, which=["one", "three"])),
    ("the work of the 1 x 1 and of reduce5", partial(Fused, which=["one", "five"])),
    ("reduce3 and reduce5 are", lambda i, a, b, c, d, e, f: Mine(i, a, d, c, b, e, f)),
    ("ones and reduce3 are", lambda i, a, b, c, d, e, f: Mine(i, b, a, c, d, e, f)),
    ("ones and projection are", lambda i, a, b, c, d, e, f: Mine(i, f, b, c, d, e, a)),
    ("fives and projection are", lambda i, a, b, c, d, e, f: Mine(i, a, b, c, d, f, e)),
    ("two 3 x 3 stand where", partial(Mine, large=lambda a, b: nn.Sequential(
        nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.Conv2d(b, b, 3, padding=1)))),
    ("the first has reduce5", partial(Mine, large=lambda a, b: nn.Sequential(
        nn.Conv2d(a, a, 3, padding=1), nn.ReLU(), nn.Conv2d(a, b, 3, padding=1)))),
    ("stride 2, and none should", partial(Mine, large=lambda a, b: nn.Conv2d(a, b, 5, 2))),
    ("BatchNorm2d stands in the net", partial(Mine, large=lambda a, b: nn.Sequential(
        nn.Conv2d(a, b, 5, padding=2), nn.BatchNorm2d(b)))),
    ("every path begins with x", InARow),
    ("are added up", partial(Mine, join=lambda paths, dim: sum(paths))),
    ("a path does not keep the size", partial(Mine, pool=nn.MaxPool2d(3, 2))),
    ("Inception does", Inception), ("Inception does", type("Derived", (Inception,), {})),
    ("no layer is made", Stub), ("and stand in no plain list", in_a_list),
    ("without brackets", Mine(*range(1, 8))), ("a net, not", lambda *widths: 3), ("return", print)]
