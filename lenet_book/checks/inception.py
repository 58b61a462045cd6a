"""GoogLeNet's module with its reductions, and the wrong ones that readers build in its place."""

from collections.abc import Callable
from functools import partial
from itertools import combinations, permutations

import torch
from torch import Tensor, nn

NAMES = "inputs", "ones", "reduce3", "threes", "reduce5", "fives", "projection"


class Inception(nn.Module):
    """relus: behind the 1 x 1, the reductions (t, f), the 3 x 3, the 5 x 5, the projection."""

    def __init__(self, inputs, ones, reduce3, threes, reduce5, fives, projection, relus="1tf35p",
                 five=5, order=(0, 1, 2, 3), pool=None, project_first=False, bias=True):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, k, padding=k // 2, bias=bias) for before, after, k in (
                (inputs, ones, 1), (inputs, reduce3, 1), (reduce3, threes, 3), (inputs, reduce5, 1),
                (reduce5, fives, five), (inputs, projection, 1)))
        self.relus, self.order, self.project_first = relus, order, project_first
        self.pool = pool or nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        def bent(which, maps):
            return maps.relu() if which in self.relus else maps

        one, reduce3, three, reduce5, five, project = self.layers
        paths = [bent("1", one(x)), bent("3", three(bent("t", reduce3(x)))),
                 bent("5", five(bent("f", reduce5(x)))),
                 self.pool(bent("p", project(x))) if self.project_first
                 else bent("p", project(self.pool(x)))]
        return torch.cat([paths[which] for which in self.order], 1)


def other_orders(joined: Callable) -> dict[str, Callable]:
    """Sentences on the order of the join, each with what makes it; joined: order -> a function."""
    names = "1 x 1", "3 x 3", "5 x 5", "pooling"
    return {f"the paths are joined in the order {', '.join(names[which] for which in order)}, and "
            f"should be in {', '.join(names)}": joined(order)
            for order in permutations(range(4)) if order != (0, 1, 2, 3)}


_wrong = partial(partial, Inception)  # with these changes, for the seven numbers


def exchanged(one: int, other: int) -> Callable:
    """The module where these two of the seven numbers are exchanged."""
    def make(*widths):
        order = [{one: other, other: one}.get(place, place) for place in range(7)]
        return Inception(*(widths[place] for place in order))
    return make


def two_for_five(*widths) -> nn.ModuleList:
    """The weights where two 3 x 3 stand for the 5 x 5. The last of widths: the maps between them."""
    *widths, between = widths
    layers = [*Inception(*widths).layers]
    layers[4:5] = nn.Conv2d(widths[4], between, 3), nn.Conv2d(between, widths[5], 3)
    return nn.ModuleList(layers)


def turned(kernels: tuple) -> Callable:
    """The weights where these kernels read the maps that they should make, and make the others."""
    def make(*widths):
        layers = [*Inception(*widths).layers]
        for place, kernel in (2, 3), (4, 5):
            if kernel in kernels:
                layers[place] = nn.Conv2d(layers[place].out_channels, layers[place].in_channels, kernel)
        return nn.ModuleList(layers)
    return make


def fused(which: str) -> Callable:
    """The weights where one 1 x 1 makes the maps of several, which is split behind it."""
    places = {"ones": 0, "reduce3": 1, "reduce5": 3}

    def make(*widths):
        layers = [*Inception(*widths).layers]
        small = [layers[places[name]] for name in which.split()]
        rest = [layer for layer in layers if not any(layer is each for each in small)]
        return nn.ModuleList([*rest, nn.Conv2d(widths[0], sum(each.out_channels for each in small), 1)])
    return make


MISTAKES = {  # sentences, each with what makes the module of which it is true
    "there is no ReLU": _wrong(relus=""),
    "each reduction needs a ReLU behind it, too": _wrong(relus="135p"),
    "reduce3 needs a ReLU behind it, too": _wrong(relus="1f35p"),
    "reduce5 needs a ReLU behind it, too": _wrong(relus="1t35p"),
    "the projection needs a ReLU behind it, too": _wrong(relus="13tf5"),
    "only the reductions have a ReLU behind them": _wrong(relus="tf"),
    "the 1 x 1 needs a ReLU behind it, too": _wrong(relus="3tf5p"),
    "the 3 x 3 needs a ReLU behind it, too": _wrong(relus="1tf5p"),
    "the 5 x 5 needs a ReLU behind it, too": _wrong(relus="1tf3p"),
    "the 3 x 3 and the 5 x 5 need a ReLU behind them, too": _wrong(relus="1tfp"),
    "the projection stands behind the pooling, and here before it": _wrong(project_first=True),
    "the pooling is missing before the projection": _wrong(pool=nn.Identity()),
    "the pooling takes the mean, and should take the maximum": _wrong(pool=nn.AvgPool2d(3, 1, 1)),
    "zeros around the maps win over their negative numbers: give the pooling its own padding": _wrong(
        pool=nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(3, 1))),
    "a ReLU stands between the pooling and the projection, and none belongs there": _wrong(
        pool=nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.ReLU())),
    "the pooling is 3 x 3, and this is 5 x 5": _wrong(pool=nn.MaxPool2d(5, 1, 2)),
    "the path of the pooling is missing in the join": _wrong(order=(0, 1, 2)),
    **other_orders(lambda order: _wrong(order=order)),
    "3 x 3 stands where the paper has 5 x 5, as in torchvision": _wrong(five=3),
    "the 3 x 3 and the 5 x 5 read all inputs: without reductions the module is naive":
        lambda inputs, ones, reduce3, threes, reduce5, fives, projection: nn.ModuleList([
            nn.Conv2d(inputs, ones, 1), nn.Conv2d(inputs, threes, 3), nn.Conv2d(inputs, fives, 5),
            nn.Conv2d(inputs, projection, 1)]),
    "the 3 x 3 and the 5 x 5 read all inputs, and no 1 x 1 reads the pooled maps: without reductions "
    "and projection the module is naive":
        lambda inputs, ones, reduce3, threes, reduce5, fives, projection: nn.ModuleList([
            nn.Conv2d(inputs, ones, 1), nn.Conv2d(inputs, threes, 3), nn.Conv2d(inputs, fives, 5)]),
    "the net has no 1 x 1 of its own for the pooled maps, as in the naive module, or PyTorch does not "
    "find it: layers are made in __init__, and stand in no plain list":
        lambda *widths: nn.ModuleList(Inception(*widths).layers[:-1]),
    **{f"{NAMES[one]} and {NAMES[other]} are exchanged": exchanged(one, other)
       for one, other in combinations(range(1, 7), 2)},
    "reduce3 and threes are exchanged, and so are reduce5 and fives":
        lambda i, ones, a, b, c, d, last: Inception(i, ones, b, a, d, c, last),
    **{f"{which} reduce{kernel} maps and makes {maps}; here it is the other way round": turned(kernels)
       for which, kernel, maps, kernels in (("the 3 x 3 reads", 3, "threes", (3,)),
                                            ("the 5 x 5 reads", 5, "fives", (5,)))},
    "the 3 x 3 and the 5 x 5 read what their reductions make; here it is the other way round":
        turned((3, 5)),
    **{f"six convolutions of their own are asked; here a single 1 x 1 does the work of {several}":
           fused(which) for several, which in (
               ("three", "ones reduce3 reduce5"), ("both reductions", "reduce3 reduce5"),
               ("the 1 x 1 and of reduce3", "ones reduce3"),
               ("the 1 x 1 and of reduce5", "ones reduce5"))},
    "two 3 x 3 stand where this net has a 5 x 5, as in later ones": lambda *widths: two_for_five(
        *widths, widths[5]),
    "two 3 x 3 stand where this net has a 5 x 5, as in later ones; the first has reduce5 maps":
        lambda *widths: two_for_five(*widths, widths[4]),
    "the biases are missing": _wrong(bias=False),
}
