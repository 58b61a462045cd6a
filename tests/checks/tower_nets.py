"""AlexNet's convolutional part, right and wrong: answers to exercise 5 of chapter 11."""

from functools import partial

import torch
import torch.nn.functional as F
from cut_gradients import Detach
from edited_nets import Then, edited
from torch import nn

NORM = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)


def parts(maps, groups=(2, 1, 2, 2), pads=(0, 2, 1, 1, 1), norms=((NORM,), (NORM,)), pool=None,
          relus=(1, 1, 1, 1, 1), squash=nn.ReLU, second=1):
    """second: the stride of conv2."""
    pool, group, inputs = pool or nn.MaxPool2d(3, stride=2), (1, *groups), (3, *maps)
    return [part for i, (kernel, stride, after) in enumerate((
        (11, 4, [*norms[0], pool]), (5, second, [*norms[1], pool]), (3, 1, []), (3, 1, []),
        (3, 1, [pool])))
        for part in (nn.Conv2d(inputs[i], inputs[i + 1], kernel, stride, pads[i], groups=group[i]),
                     *[squash()] * relus[i], *after)]


def lists(maps, **changes):
    return nn.Sequential(*parts(maps, **changes))


wrong = partial(partial, lists)


def reordered(*order):
    """order: of the first eight: conv1, ReLU, normalisation, pooling, and the same of conv2."""
    def net(maps):
        layers = parts(maps)
        return nn.Sequential(*[layers[place] for place in order], *layers[8:])
    return net


def conv4_twice(maps):
    layers = parts(maps)
    layers[12] = layers[10]
    return nn.Sequential(*layers)


class Lazy(nn.Module):
    """With layers that find out what they read, and functions for those without weights."""

    def __init__(self, maps):
        super().__init__()
        self.late = nn.ModuleList([
            nn.LazyConv2d(maps[4], 3, padding=1, groups=2), nn.LazyConv2d(maps[3], 3, 1, 1, 1, 2),
            nn.LazyConv2d(maps[2], 3, padding="same")])
        self.early = nn.Sequential(nn.LazyConv2d(maps[0], (11, 11), (4, 4)), nn.ReLU(True), NORM,
                                   nn.MaxPool2d(3, 2), nn.LazyConv2d(maps[1], 5, 1, 2, groups=2))

    def forward(self, x):
        x = F.max_pool2d(NORM(self.early(x).relu()), 3, 2)
        for layer in reversed(self.late):
            x = F.relu(layer(x))
        return F.max_pool2d(x, 3, stride=2)


class For227(nn.Module):
    """For that size alone; there rounding up or down is the same, and so is pooling to 6 x 6."""

    def __init__(self, maps):
        super().__init__()
        *self.layers, _ = parts(maps, pool=nn.MaxPool2d(3, 2, ceil_mode=True))
        self.net, self.maps = nn.Sequential(*self.layers, nn.AdaptiveMaxPool2d(6)), maps[4]

    def forward(self, x):
        assert x.shape[1:] == (3, 227, 227)
        return self.net(x).view(-1, self.maps, 6, 6)


class Halves(nn.Module):
    """The last ReLU behind its pooling: a maximum of ReLUs is the ReLU of the maximum."""

    def __init__(self, maps):
        super().__init__()
        *self.layers, relu, pool = parts(maps)
        self.net = nn.Sequential(*self.layers, pool, relu)

    def forward(self, x):
        return self.net(x)


class Towers(nn.Module):
    """Right, but that each layer of a tower is one of its own."""

    def __init__(self, maps, apart=(1, 3, 4)):
        super().__init__()
        self.net, inputs = lists(maps), (3, *maps)
        places = [i for i, layer in enumerate(self.net) if isinstance(layer, nn.Conv2d)]
        for i in apart:
            old = self.net[places[i]]
            self.net[places[i]] = Pair(*(
                nn.Conv2d(inputs[i] // old.groups, inputs[i + 1] // 2, old.kernel_size, old.stride,
                          old.padding) for _ in range(2)))

    def forward(self, x):
        return self.net(x)


class Pair(nn.Module):
    def __init__(self, one, other):
        super().__init__()
        self.one, self.other = one, other

    def forward(self, x):
        first, second = x.chunk(2, 1) if x.shape[1] == 2 * self.one.in_channels else (x, x)
        return torch.cat([self.one(first), self.other(second)], 1)


class InAList(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.layers = parts(maps)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class InHalves(nn.Module):
    def forward(self, x):
        first, second = x.tensor_split(2, dim=1)
        return torch.cat((NORM(first), NORM(second)), dim=1)


def without_super(maps):
    class Net(nn.Module):
        def __init__(self):
            self.conv = nn.Conv2d(3, 8, 3)
    return Net()


RIGHT = [(lists,), (Lazy,), (Halves,), (For227,)]

WRONG = [  # (words that name the error, answer)
    ("one tower", wrong(groups=(1, 1, 1, 1))), ("conv3 must read both", wrong(groups=(2, 2, 2, 2))),
    ("conv2 reads", wrong(groups=(1, 1, 2, 2))),
    ("conv4 reads", wrong(groups=(2, 1, 1, 2))),
    ("conv5 reads", wrong(groups=(2, 1, 2, 1))),
    ("conv4 and conv5 read both towers", wrong(groups=(2, 1, 1, 1))),
    ("conv2 and conv5 read both towers", wrong(groups=(1, 1, 2, 1))),
    ("conv2 and conv4 read both towers", wrong(groups=(1, 1, 1, 2))),
    ("conv4 reads both towers and conv3 only", wrong(groups=(2, 2, 1, 2))),
    ("2 is that of torchvision's", wrong(pads=(2, 2, 1, 1, 1))),
    ("1 is that of exercise 1", wrong(pads=(1, 2, 1, 1, 1))),
    ("conv2 does not keep the size: pad by 2", wrong(pads=(0, 0, 1, 1, 1))),
    ("conv3 to conv5 do not keep the size: pad by 1", wrong(pads=(0, 2, 0, 0, 0))),
    ("conv3 does not keep", wrong(pads=(0, 2, 0, 1, 1))),
    ("conv4 does not keep", wrong(pads=(0, 2, 1, 0, 1))),
    ("conv5 does not keep", wrong(pads=(0, 2, 1, 1, 0))),
    ("conv2 to conv5 do not keep", wrong(pads=(0,) * 5)),
    ("a padding of 1", wrong(pads=(0, 1, 1, 1, 1))),
    ("normalisation is missing", wrong(norms=((), ()))),
    ("missing after conv1", wrong(norms=((), (NORM,)))),
    ("missing after conv2", wrong(norms=((NORM,), ()))),
    ("behind the pooling", reordered(0, 1, 3, 2, 4, 5, 7, 6)),
    ("before the ReLU", reordered(0, 2, 1, 3, 4, 6, 5, 7)),
    ("after conv1 response normalisation stands behind", reordered(0, 1, 3, 2, 4, 5, 6, 7)),
    ("after conv2 response normalisation stands behind", reordered(0, 1, 2, 3, 4, 5, 7, 6)),
    ("after conv1 response normalisation stands before", reordered(0, 2, 1, 3, 4, 5, 6, 7)),
    ("after conv2 response normalisation stands before", reordered(0, 1, 2, 3, 4, 6, 5, 7)),
    ("the other way round", reordered(0, 3, 2, 1, 4, 7, 6, 5)),
    ("alone has k = 1", wrong(norms=((nn.LocalResponseNorm(5),),) * 2)),
    ("not 1e-3", wrong(norms=((nn.LocalResponseNorm(5, 1e-3, k=2),),) * 2)),
    ("not 0.5", wrong(norms=((nn.LocalResponseNorm(5, 1e-4, 0.5, 2),),) * 2)),
    ("5 maps, not 3", wrong(norms=((nn.LocalResponseNorm(3, 1e-4, 0.75, 2),),) * 2)),
    ("2 is k, not", wrong(norms=((nn.LocalResponseNorm(2, 1e-4, 0.75, 5),),) * 2)),
    ("4 x 6 x 3 x 3, too; a layer in a list", conv4_twice),
    ("behind alpha comes beta", wrong(norms=((nn.LocalResponseNorm(5, 1e-4, 2, 0.75),),) * 2)),
    ("at its border", wrong(norms=((InHalves(),),) * 2)),
    ("a tanh follows", wrong(squash=nn.Tanh)),
    ("conv1 and conv2 have no", wrong(relus=(0, 0, 1, 1, 1))),
    *[("dropout acts on fc6", edited(parts, place, place, each))
      for each, place in ((nn.Dropout(), 15), (nn.Dropout2d(0.1), 8))],
    ("a ReLU must", wrong(relus=(0,) * 5)),
    ("conv1 has no ReLU", wrong(relus=(0, 1, 1, 1, 1))),
    ("conv2 has no ReLU", wrong(relus=(1, 0, 1, 1, 1))),
    ("conv3 has no ReLU", wrong(relus=(1, 1, 0, 1, 1))),
    ("conv4 has no ReLU", wrong(relus=(1, 1, 1, 0, 1))),
    ("conv5 has no ReLU", wrong(relus=(1, 1, 1, 1, 0))),
    ("conv3, conv4 and conv5 have no", wrong(relus=(1, 1, 0, 0, 0))),
    ("stand as two layers each: make one nn.Conv2d", Towers),
    ("conv1, conv2, conv4 and conv5 stand as two", partial(Towers, apart=(0, 1, 3, 4))),
    ("all five stand as two", partial(Towers, apart=range(5))),
    ("has stride 2, and none should have that: what nn", wrong(second=2, pads=(0, 0, 1, 1, 1))),
    ("has stride 2, and none should have that", wrong(second=2)),
    ("reaches the weights of 6 x 3 x 11 x 11: behind", edited(parts, 3, 3, Detach())),
    ("overlapping", wrong(pool=nn.MaxPool2d(2))),
    ("stride 3", wrong(pool=nn.MaxPool2d(3))),
    ("mean", wrong(pool=nn.AvgPool2d(3, 2))),
    ("last pooling", edited(parts, -1, None)),
    ("flattening", edited(parts, 99, 99, nn.Flatten())),
    ("nn.Sequential(*layers)", parts), ("stand in a list", InAList),
    ("two answers", lambda maps: Then(lists(maps), F.dropout)),
    ("in their place", lambda maps: lists((4, 4, 4, 4, 4))), ("without brackets", lists((6,) * 5)),
    ("call it", lambda maps: Lazy), ("it raises AttributeError", without_super),
    ("a net, not", lambda maps: torch.zeros(maps)), ("too many", lambda maps: nn.Sequential(
        *parts(maps), nn.Conv2d(maps[4], 3, 3))),
    ("without biases", lambda maps: nn.Sequential(nn.Conv2d(3, maps[0], 11, 4, bias=False)))]
