"""Layers with two numbers for each map, right and wrong: answers to exercise 5 of chapter 04."""

import torch
import torch.nn.functional as F
from torch import nn

from lenet_book import layers


class Layer(nn.Module):
    """A right one, and the shape of wrong ones."""

    shape = (-1,)

    def __init__(self, maps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(maps).view(self.shape))
        self.bias = nn.Parameter(torch.zeros(maps).view(self.shape))

    def four(self, x):
        rows, columns = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
        x = x[:, :, :rows, :columns]
        return x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]

    def forward(self, x):
        return self.four(x) * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


class Wide(Layer):
    shape = (1, -1, 1, 1)


class ByConvolution(Layer):
    """A depthwise one, whose four weights are one and the same parameter."""

    def forward(self, x):
        kernels = self.weight.view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
        return F.conv2d(x, kernels, self.bias, 2, groups=len(kernels))


class Derived(layers.Subsampling):
    pass


class Borrowed(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.book = layers.Subsampling(maps)
        self.weight, self.bias = self.book.weight, self.book.bias

    def forward(self, x):
        return self.book(x)


class OfNothing(nn.Module):
    def __init__(self, maps):
        super().__init__()
        ...

    def forward(self, x):
        ...


class WithoutInit(nn.Module):
    def __init__(self, maps):
        self.weight = nn.Parameter(torch.ones(maps))


class Plain(Layer):
    def __init__(self, maps):
        super().__init__(maps)
        del self.bias
        self.bias = torch.zeros(maps)


class Keeping(Layer):
    """A view of the weight, which does not follow where the weight is moved."""

    def __init__(self, maps):
        super().__init__(maps)
        self.of_maps = self.weight[:, None, None]

    def forward(self, x):
        return self.four(x) * self.of_maps + each(self.bias)


class Copied(Layer):
    """What is trained is not what multiplies."""

    def __init__(self, maps):
        super().__init__(maps)
        self.of_maps = self.weight.detach().clone()

    def forward(self, x):
        return self.four(x) * each(self.of_maps) + each(self.bias)


class OnlyInForward(Layer):
    def __init__(self, maps):
        nn.Module.__init__(self)

    def forward(self, x):
        self.weight, self.bias = (nn.Parameter(torch.ones(x.shape[1])) for _ in range(2))
        return super().forward(x)


def layer_that(forward=Layer.forward, begins=lambda me, maps: None):
    """A class with another forward, or with something more at the end of its __init__."""
    def __init__(me, maps):
        Layer.__init__(me, maps)
        begins(me, maps)
    return type("MySubsampling", (Layer,), {"forward": forward, "__init__": __init__})


def of(rule):
    """A layer by a rule for the sum of each window, the weight and the bias, as they meet maps."""
    return layer_that(lambda me, x: rule(me.four(x), each(me.weight), each(me.bias)))


def renewing(name):
    """A layer whose forward puts another parameter in the place of the one that is trained."""
    def forward(me, x):
        setattr(me, name, nn.Parameter(getattr(me, name).view(-1, 1, 1)))
        return Layer.forward(me, x)
    return layer_that(forward)


def each(values):
    return values.view(-1, 1, 1)


RIGHT = [(Layer,), (Wide,), (ByConvolution,)]

WRONG = [  # (words that name the error, answer)
    ("class itself", Layer(6)), ("must be a class", lambda maps: Layer(maps)),
    ("must be a class", "Layer"), ("replace the dots", OfNothing), ("raises", WithoutInit),
    ("raises", nn.Linear), ("bias is a plain tensor", Plain),
    ("1 number for 6 maps", layer_that(begins=lambda me, maps: Layer.__init__(me, 1))),
    ("4 numbers for 1 map: four", layer_that(begins=lambda me, maps: me.register_parameter(
        "weight", nn.Parameter(torch.ones(maps, 1, 2, 2))))),
    ("more parameters than weight and bias: squash", layer_that(
        begins=lambda me, maps: me.register_parameter("squash", nn.Parameter(torch.ones(1))))),
    ("cannot be trained", layer_that(begins=lambda me, maps: me.weight.requires_grad_(False))),
    ("the same Parameter; each needs its own", layer_that(
        begins=lambda me, maps: me.register_parameter("bias", me.weight))),
    ("self.of_maps is made of a parameter in __init__", Keeping),
    ("forward makes a new self.weight", renewing("weight")),
    ("forward makes a new self.bias", renewing("bias")),
    ("no parameter self.weight: make it in __init__", nn.ReLU),
    ("no parameter self.weight: make it in __init__", OnlyInForward),
    ("self.weight does not enter", Copied),
    ("bias is subtracted", of(lambda four, w, b: w * four - b)),
    ("maps are added together", of(lambda four, w, b: w * four.sum(1, True) + b)),
    ("mean of each window", of(lambda four, w, b: w * four / 4 + b)),
    ("largest of each", layer_that(
        lambda me, x: each(me.weight) * F.max_pool2d(x, 2) + each(me.bias))),
    ("self.bias does not enter", of(lambda four, w, b: w * four)),
    ("self.weight does not enter", of(lambda four, w, b: four + b)),
    ("multiplied as well", of(lambda four, w, b: w * (four + b))),
    ("once for each of the four", of(lambda four, w, b: w * four + 4 * b)),
    ("exchanged", of(lambda four, w, b: b * four + w)),
    ("first one's", of(lambda four, w, b: w[0] * four + b[0])),
    ("squashing function is a layer", of(lambda four, w, b: layers.ScaledTanh()(w * four + b))),
    ("ReLU", of(lambda four, w, b: (w * four + b).relu())),
    ("no gradient", of(lambda four, w, b: (w * four + b).detach())),
    ("no gradient reaches self.weight", of(lambda four, w, b: w.detach() * four + b)),
    ("no gradient reaches self.weight", of(lambda four, w, b: torch.stack([
        one.item() * maps for one, maps in zip(w, four.unbind(1), strict=True)], 1) + b)),
    ("no gradient reaches self.bias", of(lambda four, w, b: w * four + b.data)),
    ("no gradient reaches its input", layer_that(lambda me, x: Layer.forward(me, x.detach()))),
    ("book's Subsampling", layers.Subsampling), ("book's Subsampling", Derived),
    ("book's Subsampling", Borrowed),
    ("each map has its coefficient: self.weight[:, None, None]",
     of(lambda four, w, b: w.flatten() * four + b.flatten())),
    ("each map has its coefficient: self.weight[:, None, None]",
     of(lambda four, w, b: w[:, 0] * four + b[:, 0])),
    ("each map has its coefficient: self.weight[:, None, None]",
     of(lambda four, w, b: w.flatten() * four + b)),
    ("each map has its bias: self.bias[:, None, None]",
     of(lambda four, w, b: w * four + b.flatten())),
    ("it raises", of(lambda four, w, b: w @ four)),
    ("overlap", layer_that(
        lambda me, x: each(me.weight) * 4 * F.avg_pool2d(x, 2, 1) + each(me.bias)))]
