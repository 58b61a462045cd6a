"""NiN, right and wrong: answers to exercise 3 of chapter 13."""

from functools import partial

import torch
import torch.nn.functional as F
from cut_gradients import Detach
from edited_nets import Then, edited
from torch import nn

from lenet_book.models.nin import NiN3

END = (nn.AdaptiveAvgPool2d(1), nn.Flatten())


def blocks(channels, widths, kernels=(5, 5, 3), same="same", relus=3, pool=None, drop=None, end=END,
           read=-1, conv=nn.Conv2d, mix=1, frame=0, large=0, act=nn.ReLU):
    """relus: how many of a block's three. read: which maps of a block the next one reads. large: which
    of its convolutions has the large kernel."""
    layers = []
    for place, (maps, kernel) in enumerate(zip(widths, kernels, strict=True)):
        for i, (inputs, outputs) in enumerate(zip((channels, *maps), maps, strict=False)):
            layers.append(conv(inputs, outputs, kernel if i == large else mix,
                               padding=same if i == large else frame))
            layers += [act()] * (i < relus)
        channels = channels if read is None else maps[read]
        if place < 2:
            layers += [pool or nn.MaxPool2d(3, 2, ceil_mode=True), drop or nn.Dropout(0.5)]
    return [*layers, *end]


def in_a_row(channels, widths, **changes):
    return nn.Sequential(*blocks(channels, widths, **changes))


wrong = partial(partial, in_a_row)


def ends_with(function, end=()):
    """With a function of the class maps, or of what `end` makes of them."""
    return lambda *case: Then(in_a_row(*case, end=end), function)


def one_name_for_both_mixes(*case):
    """Wrong: of the two 1 x 1 of a block only the second is left."""
    net, convolutions = nn.Sequential(), 0
    for place, layer in enumerate(blocks(*case)):
        which, kind = divmod(convolutions, 3)
        is_convolution = isinstance(layer, nn.Conv2d)
        convolutions += is_convolution
        net.add_module(f"mix{which}" if is_convolution and kind else f"layer{place}", layer)
    return net


def without_relus(block, *case):
    """Wrong: one of the blocks, each of which ends with a pooling and a dropout, has no ReLU."""
    layers = blocks(*case)
    return nn.Sequential(*[layer for at, layer in enumerate(layers)
                           if at // 8 != block or not isinstance(layer, nn.ReLU)])


def third_block_forgotten(*case):
    """Wrong: it is there, and what it gives is thrown away."""
    layers = blocks(*case)
    net = Then(nn.Sequential(*layers[:16], *END), lambda scores: scores)
    net.third = nn.Sequential(*layers[16:-2])
    return net


def swapped_pairs(layers):
    """Each dropout in front of the pooling that stands before it."""
    for at in (6, 14):
        layers[at:at + 2] = layers[at + 1], layers[at]
    return layers


class Dense(nn.Module):
    """A dense layer at every place does what a 1 x 1 convolution does."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.layer(x.movedim(1, 3)).movedim(3, 1)


def with_dense(channels, widths):
    return nn.Sequential(*(Dense(layer.in_channels, layer.out_channels)
                           if getattr(layer, "kernel_size", 0) == (1, 1) else layer
                           for layer in blocks(channels, widths)))


class Written(nn.Module):
    """The second half is made first, and functions take the place of layers without weights."""

    def __init__(self, channels, widths):
        super().__init__()
        self.third = self.block(widths[2], 3)
        self.second = self.block(widths[1], 5)
        self.first = self.block(widths[0], 5)

    @staticmethod
    def block(maps, k):
        return nn.Sequential(nn.LazyConv2d(maps[0], k, padding=k // 2), nn.ReLU(),
                             nn.LazyConv2d(maps[1], 1), nn.ReLU(), nn.LazyConv2d(maps[2], 1))

    def forward(self, x):
        for part in (self.first, self.second):
            x = F.max_pool2d(part(x).relu(), 3, 2, ceil_mode=True)
            x = F.dropout(x, training=self.training)
        return self.third(x).relu().mean((-1, -2))


RIGHT = [(in_a_row,), (with_dense,), (Written,)]

WRONG = [  # (words that name the error, answer)
    ("third block's should", wrong(kernels=(5, 5, 5))),
    ("first two blocks' should", wrong(kernels=(3, 3, 3))),
    ("opposite", wrong(kernels=(3, 5, 5))),
    ("as many as are given", lambda channels, widths: in_a_row(3, widths)),
    ("pad by", wrong(same=0)), ("for 3 x 3 alone", wrong(same=1)),
    ("for 5 x 5 alone", wrong(same=2)), ("no ReLU", wrong(relus=0)),
    ("the 1 x 1 have no", wrong(relus=1)),
    ("second 1 x 1", wrong(relus=2)),
    ("too, as released", edited(blocks, 21, 22)),
    ("must round sizes up", wrong(pool=nn.MaxPool2d(3, 2))),
    *[(f"the {which} pooling {words}", edited(blocks, at, at + 1, other))
      for which, at in (("first", 6), ("second", 14)) for words, other in (
          ("must round", nn.MaxPool2d(3, 2)), ("takes the mean", nn.AvgPool2d(3, 2, ceil_mode=True)))],
    ("third block's 3 x 3 must keep", lambda *case: nn.Sequential(*[
        layer if getattr(layer, "kernel_size", 0) != (3, 3) else nn.Conv2d(
            layer.in_channels, layer.out_channels, 3) for layer in blocks(*case)])),
    ("2 x 2 is not", wrong(pool=nn.MaxPool2d(2))),
    ("padding of 1 in place", wrong(pool=nn.MaxPool2d(3, 2, 1))),
    ("stride 3", wrong(pool=nn.MaxPool2d(3, ceil_mode=True))),
    ("takes the mean", wrong(pool=nn.AvgPool2d(3, 2, ceil_mode=True))),
    ("maxima", wrong(end=(nn.AdaptiveMaxPool2d(1), nn.Flatten()))),
    ("come out", wrong(end=())), ("flattened", wrong(end=END[1:])),
    ("flatten them", wrong(end=END[:1])),
    ("of 8 x 8 places", wrong(end=(nn.AvgPool2d(8), nn.Flatten()))),
    ("softmax", wrong(end=(*END, nn.Softmax(1)))),
    ("every block reads the image's", wrong(read=None)),
    ("not the first", wrong(read=0)),
    ("the second is missing", lambda channels, widths: in_a_row(
        channels, [three[:2] for three in widths])),
    ("the first is missing", lambda channels, widths: in_a_row(
        channels, [three[::2] for three in widths])),
    ("should be those that are given", lambda channels, widths: in_a_row(
        channels, ((192, 160, 96), (192, 192, 192), (192, 192, 10)))),
    ("here 3 x 3", wrong(mix=3)), ("frame of biases", wrong(frame=1)),
    ("stride 2, and none should", wrong(
        conv=lambda inputs, outputs, k, padding: nn.Conv2d(inputs, outputs, k, k // 2 or 1))),
    ("BatchNorm2d stands in the net", wrong(
        conv=lambda inputs, outputs, k, padding: nn.Sequential(
            nn.Conv2d(inputs, outputs, k, padding=padding), nn.BatchNorm2d(outputs)))),
    ("reaches the weights of 7 x 3 x 5 x 5, the weights of 6 x 7 x 1 x 1: behind",
     edited(blocks, 4, 4, Detach())),
    ("7 x 3 x 5 x 5, and 8 more: behind", edited(blocks, 24, 24, Detach())),
    ("there is no pooling", wrong(pool=nn.Identity())),
    ("second block a pooling is missing", edited(blocks, 14, 16)),
    ("logarithm", wrong(end=(*END, nn.LogSoftmax(1)))),
    ("dense layer stands at the end", lambda channels, widths: nn.Sequential(
        in_a_row(channels, widths), nn.Linear(widths[2][2], widths[2][2]))),
    ("nothing is dropped: after", wrong(drop=nn.Identity())),
    ("it must drop with nn.Dropout(0.5)", wrong(drop=nn.Dropout(0.4))),
    ("drops whole maps", wrong(drop=nn.Dropout2d(0.5))),
    ("after the third block", wrong(end=(nn.Dropout(0.5), *END))),
    ("the means are dropped", wrong(end=(*END, nn.Dropout(0.5)))),
    ("before the poolings", lambda *case: nn.Sequential(*swapped_pairs(blocks(*case)))),
    ("nothing is dropped after the second", edited(blocks, 15, 16)),
    ("squeeze()", ends_with(torch.squeeze, END[:1])),
    ("second block's should be 5 x 5, too", wrong(kernels=(5, 3, 3))),
    ("begins with a convolution of 3 x 3", wrong(kernels=(5, 5, 1))),
    ("stand behind it, not before it", wrong(large=2)),
    ("stand behind it, not before and", wrong(large=1)),
    ("not the second", wrong(read=1)),
    *[(f"the {which} block has no ReLU", partial(without_relus, block))
      for block, which in enumerate(("first", "second", "third"))],
    ("a tanh stands", wrong(act=nn.Tanh)), ("a sigmoid stands where", wrong(act=nn.Sigmoid)),
    ("GELU stands", wrong(act=nn.GELU)), ("a leaky ReLU", wrong(act=nn.LeakyReLU)),
    ("the hard swish", wrong(act=nn.Hardswish)), ("a tanh stands at", wrong(end=(*END, nn.Tanh()))),
    *[(f"behind the {which} block there is no ReLU", edited(blocks, at, at + 1)) for which, at in (
        ("large convolution of the first", 1), ("first 1 x 1 of the first", 3),
        ("second 1 x 1 of the second", 13), ("large convolution of the third", 17))],
    *[(f"not {border} padding", wrong(conv=lambda a, b, k, padding, border=border: nn.Conv2d(
        a, b, k, padding=k // 2, padding_mode=border))) for border in ("reflect", "replicate")],
    ("behind the first block a pooling", edited(blocks, 6, 7)),
    ("ceil_mode=True); and this is 2 x 2", wrong(pool=nn.MaxPool2d(2, 1))),
    *[(f"this is {k} x {k}", wrong(pool=nn.MaxPool2d(k, 2))) for k in (4, 5)],
    *[(f"should take the maximum; and {words}", wrong(pool=pool)) for words, pool in (
        ("it must round", nn.AvgPool2d(3, 2)), ("it is 3 x 3", nn.AvgPool2d(2)),
        ("it has no padding", nn.AvgPool2d(3, 2, 1)))],
    ("halves no size", wrong(pool=nn.MaxPool2d(3, 1))),
    ("and should have none", wrong(pool=nn.MaxPool2d(3, 2, 1, ceil_mode=True))),
    ("a sigmoid stands at the end", wrong(end=(*END, nn.Sigmoid()))),
    *[(words, ends_with(end))
      for words, end in (
          ("over the class maps", lambda maps: maps.mean(1)), ("rows", lambda maps: maps.mean(2)),
          ("columns", lambda maps: maps.mean(3)), ("all that there is", torch.mean),
          ("over the pictures, too", lambda maps: maps.mean((0, 2, 3))),
          ("number of the class", lambda maps: maps.mean((2, 3)).argmax(1)))],
    ("2 x 2 means", wrong(end=(nn.AdaptiveAvgPool2d(2), nn.Flatten()))),
    ("flatten from axis 1", wrong(end=(nn.AdaptiveAvgPool2d(1), nn.Flatten(0)))),
    ("third block is not run", third_block_forgotten),
    ("it raises", ends_with(lambda means: means.view(2, -1), END[:1])),
    ("the sums of the class maps", ends_with(lambda maps: maps.sum((2, 3)))),
    ("behind the means", edited(blocks, 21, 24, *END, nn.ReLU())),
    ("one number of each three", lambda channels, widths: in_a_row(
        channels, [*zip(*widths, strict=True)])),
    ("NiN3 does", lambda channels, widths: NiN3(
        (*widths[:2], widths[2][:2]), channels=channels, classes=widths[2][2])),
    ("nn.Sequential(*layers)", blocks),
    ("dense layer stands at the end", wrong(end=(*END, nn.Linear(10, 10)))),
    ("too many", wrong(end=(*END, nn.Linear(10, 9)))),
    ("in their place", lambda channels, widths: in_a_row(channels, widths[::-1])),
    ("9 x 8 x 1 x 1, too; a layer in a list", one_name_for_both_mixes),
    ("call it", lambda *case: Written), ("without brackets", nn.Sequential()), ("return", print)]
