"""Nets that are read from a string, right and wrong: answers to exercise 3 of chapter 12."""

import itertools
import re
from collections import OrderedDict
from functools import partial

import torch
import torch.nn.functional as F
from cut_gradients import ByNumpy, Detach, Overwriting, WithoutGradients
from edited_nets import edited
from torch import nn

from lenet_book.models.vgg import layers_of


def parts(words, channels, pad=lambda k, word: k // 2, pool=None, relu=nn.ReLU, bias=True,
          conv=nn.Conv2d, bent=lambda word: True, reads=lambda word: True):
    """Right as it stands; each argument makes one mistake. bent: which words have a ReLU; reads: which
    words' maps are read by the next."""
    found = []
    for word in words.split():
        if word == "M":
            found.append(pool or nn.MaxPool2d(2, 2))
        else:
            maps, k = map(int, (word + "/3").split("/")[:2])
            found.append(conv(channels, maps, k, padding=pad(k, word), bias=bias))
            found += [relu()] * bent(word)
            channels = maps if reads(word) else channels
    return found


def by_words(words, channels, **changes):
    return nn.Sequential(*parts(words, channels, **changes))


wrong = partial(partial, by_words)


def read_as(pattern, other):
    """As if the words were written otherwise."""
    return lambda words, channels: by_words(re.sub(pattern, other, words), channels)


def behind(*layers):
    """With these at the end."""
    return edited(parts, 99, 99, *layers)


def without_relus(bare):
    """Wrong: behind some convolutions there is none; bare: is it so before these words?"""
    def net(words, channels):
        every = words.split()
        behind = iter([every[place + 1:] for place, word in enumerate(every) if word != "M"])
        return by_words(words, channels, bent=lambda word: not bare(next(behind)))
    return net


def in_one_dictionary(kinds):
    """Wrong: all layers of one of these kinds have one name."""
    return lambda *case: nn.Sequential(OrderedDict(
        (type(part).__name__ if type(part) in kinds else str(place), part)
        for place, part in enumerate(parts(*case))))


def without_a_star(*case):
    return nn.Sequential(parts(*case))


def into_one_list(layers):
    """Wrong: all nets share one list of layers, which goes on growing."""
    def net(words, channels):
        layers.extend(parts(words, channels))
        return nn.Sequential(*layers)

    return net


def by_patterns(configuration, channels):
    net = nn.Sequential()
    for maps, kernel in re.findall(r"(\w+)(?:/(\d+))?", configuration):
        if maps == "M":
            net.append(nn.MaxPool2d(2))
        else:
            k, channels = int(kernel or 3), [channels, int(maps)][1]
            net.append(nn.Sequential(nn.LazyConv2d(channels, k, padding=(k - 1) // 2), nn.ReLU(True)))
    return net


def by_single_spaces(configuration, channels):
    return nn.Sequential(*itertools.chain(*(
        parts(word, before) for word, before in zip(
            configuration.split(" "), widths_before(configuration.split(" "), channels), strict=True))))


def widths_before(words, width):
    for word in words:
        yield width
        width = width if word == "M" else int(word.split("/")[0])


class Raw(nn.Module):
    """All weights in one list, all biases in another."""

    def __init__(self, configuration, channels):
        super().__init__()
        self.words = configuration.split()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for word in self.words:
            if word != "M":
                maps, kernel = map(int, (word + "/3").split("/")[:2])
                self.weights.append(torch.zeros(maps, channels, kernel, kernel))
                self.biases.append(torch.zeros(maps))
                channels = maps

    def forward(self, x):
        layers = zip(self.weights, self.biases, strict=True)
        for word in self.words:
            x = F.max_pool2d(x, 2) if word == "M" else F.conv2d(
                x, *next(layers), padding="same").relu()
        return x


class Net(nn.Module):
    """With lists of its own, and without a layer for what has no weights."""

    def __init__(self, configuration, channels):
        super().__init__()
        self.words = configuration.split()
        widths = [channels, *(int(word.split("/")[0]) for word in self.words if word != "M")]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(one, other, *[int(k) for k in (word.split("/") + [3])[1:2]])
            for one, other, word in zip(widths, widths[1:],
                                        [word for word in self.words if word != "M"], strict=False))

    def forward(self, x):
        layers = iter(self.convolutions)
        for word in self.words:
            if word == "M":
                x = torch.nn.functional.max_pool2d(x, 2)
            else:
                conv = next(layers)
                pad = (conv.kernel_size[0] - 1) // 2
                x = conv(torch.nn.functional.pad(x, (pad,) * 4)).clamp(min=0)
        return x


def first_channels(words, channels):
    """Wrong: every convolution reads the image's channels."""
    return nn.Sequential(*(layer for word in words.split() for layer in parts(word, channels)))


def named(name, words, channels):
    """Wrong where two convolutions have one name: the second takes the place of the first."""
    net = nn.Sequential()
    for layer in parts(words, channels):
        net.add_module(name(layer) if isinstance(layer, nn.Conv2d) else f"layer{len(net)}", layer)
    return net


def shared(words, channels):
    """Wrong: one convolution for each shape."""
    made = {}
    return by_words(words, channels, conv=lambda c, n, k, **more: made.setdefault(
        (c, n, k), nn.Conv2d(c, n, k, **more)))


def normed(words, channels):
    """Wrong: with a BatchNorm that has no weights."""
    net = by_words(words, channels)
    convolutions = [layer for layer in net if isinstance(layer, nn.Conv2d)]
    return net.append(nn.BatchNorm2d(convolutions[-1].out_channels, affine=False))


RIGHT = [(by_words,), (by_patterns,), (Net,), (Raw,), (by_single_spaces,)]

WRONG = [  # (words that name the error, answer)
    ("stays at 3 x 3", read_as(r"/\d+", "")), ("must stay the same", wrong(pad=lambda k, word: 0)),
    ("for 3 x 3 alone", wrong(pad=lambda k, word: 1)),
    ("2 keeps the size for 5 x 5 alone", wrong(pad=lambda k, word: 2)),
    ("padding stands on both", wrong(pad=lambda k, word: k - 1)),
    ("n/k loses its border", wrong(pad=lambda k, word: int(k == 3))),
    ("n/k loses its border, whatever", wrong(pad=lambda k, word: int("/" not in word))),
    ("a ReLU must follow each", wrong(relu=nn.Identity)),
    ("no ReLU follows the convolutions written n/k", wrong(bent=lambda word: "/" not in word)),
    ("written n/k alone", wrong(bent=lambda word: "/" in word)),
    ("of 1 x 1, too", wrong(bent=lambda word: not word.endswith("/1"))),
    ("for any k, not for 1 alone", read_as("/[^1]", "")),
    ("a loop may end too early", read_as(" M .*", "")),
    ("one pooling more", behind(nn.MaxPool2d(2))),
    ("mean", wrong(pool=nn.AvgPool2d(2))),
    ("stride 1", wrong(pool=nn.MaxPool2d(2, 1))),
    ("this is 3 x 3", wrong(pool=nn.MaxPool2d(3, 2, 1))),
    ("odd size", wrong(pool=nn.MaxPool2d(2, ceil_mode=True))),
    ("left out", wrong(pool=nn.Identity())),
    ("no biases", wrong(bias=False)),
    ("the last layer is left out", edited(parts, -1, None)),
    *[(words, without_relus(bare)) for words, bare in (
        ("follow a convolution at the end", lambda behind: not behind),
        ("in front of M, too", lambda behind: behind[:1] == ["M"]),
        ("in front of M and at the end", lambda behind: behind[:1] in ([], ["M"])),
        ("be there an M behind it or not", lambda behind: set(behind) <= {"M"}))],
    *[(words + "; of two", in_one_dictionary(kinds)) for words, kinds in (
        ("only the first M pools", [nn.MaxPool2d]),
        ("only the first convolution has a ReLU", [nn.ReLU]),
        ("first M pools, and only the first convolution has a ReLU", [nn.MaxPool2d, nn.ReLU]))],
    ("nn.Sequential(*layers), with a star", without_a_star),
    ("not always three", lambda words, channels: by_words(words, 3)),
    ("reads the maps of the one before it", first_channels),
    ("stride 0, and none should", wrong(conv=lambda c, n, k, **_: nn.Conv2d(c, n, k, k // 2))),
    ("exchanged", wrong(conv=lambda c, n, k, **_: nn.Conv2d(c, k, n, padding=n // 2))),
    ("as behind a plain number", wrong(reads=lambda word: "/" not in word)),
    ("as behind n/k", wrong(reads=lambda word: "/" in word)),
    *[(words, wrong(relu=other)) for words, other in (
        ("a tanh stands", nn.Tanh), ("a sigmoid", nn.Sigmoid), ("a leaky ReLU", nn.LeakyReLU),
        ("ReLU6, which ends at 6", nn.ReLU6), ("GELU", nn.GELU), ("softplus", nn.Softplus),
        ("SELU", nn.SELU), ("Mish", nn.Mish), ("the hard tanh", nn.Hardtanh))],
    *[(f"not {border} padding", wrong(conv=partial(nn.Conv2d, padding_mode=border)))
      for border in ("reflect", "replicate", "circular")],
    ("3 x 3 loses its border, too", wrong(pad=lambda k, word: 0 if k == 3 else k // 2)),
    ("as 1 x 1 has it", wrong(pad=lambda k, word: int(k > 1))),
    ("3 x 3 and rounds up", wrong(pool=nn.MaxPool2d(3, 2, ceil_mode=True))),
    ("takes the mean and rounds up", wrong(pool=nn.AvgPool2d(2, ceil_mode=True))),
    *[(f"makes {size} x {size} of all", wrong(pool=nn.AdaptiveMaxPool2d(size))) for size in (1, 2)],
    ("a sigmoid stands at the end", behind(nn.Sigmoid())), ("a tanh stands at", behind(nn.Tanh())),
    ("logarithm of a softmax", behind(nn.LogSoftmax(1))),
    ("not only the last before an M", lambda words, channels: nn.Sequential(by_words(
        words, channels, relu=nn.Identity, pool=nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))),
        nn.ReLU())),
    ("here they are exchanged", wrong(conv=lambda c, n, k, **more: nn.Conv2d(n, c, k, **more))),
    ("in the opposite order", lambda words, channels: by_words(
        " ".join(words.split()[::-1]), channels)),
    ("made within the function", into_one_list([])),
    ("this has one", wrong(pool=nn.MaxPool2d(2, padding=1))),
    ("this is 3 x 3 with stride 3", wrong(pool=nn.MaxPool2d(3))),
    ("this is 4 x 4 with stride 4", wrong(pool=nn.MaxPool2d(4))),
    ("a softmax stands at the end", behind(nn.Softmax(1))),
    ("mean of each map is taken at the end, and", behind(nn.AdaptiveAvgPool2d(1))),
    ("at the end and flattened", behind(nn.AdaptiveAvgPool2d(1), nn.Flatten())),
    ("only the last layer has a ReLU", lambda words, channels: nn.Sequential(
        by_words(words, channels, relu=nn.Identity), nn.ReLU())),
    ("a ReLU stands behind M", wrong(pool=nn.Sequential(nn.MaxPool2d(2), nn.ReLU()))),
    ("flattened", behind(nn.Flatten())),
    ("BatchNorm2d stands in the net", wrong(conv=lambda c, n, k, **more: nn.Sequential(
        nn.Conv2d(c, n, k, **more), nn.BatchNorm2d(n)))),
    ("6 x 6 x 3 x 3 4 times, and has 1", partial(
        named, lambda conv: f"{conv.in_channels}_{conv.out_channels}")),
    ("of two layers with one name", partial(named, lambda conv: str(conv.out_channels))),
    ("6 x 4 x 1 x 1, too; a layer in a list", partial(named, lambda conv: "conv")),
    ("a layer used twice shares them", shared),
    ("two digits", read_as(r"/\d*(\d)", r"/\1")), ("not one of 1 x 1", read_as("/.", "/1")),
    ("4 x 6 x 11 x 11; in their place are 4 x 6 x 3 x 3", read_as("/11", "")),
    ("not in training", lambda words, channels: nn.Sequential(*(
        each for part in parts(words, channels) for each in (
            part, *[nn.Dropout(0.5)] * isinstance(part, nn.ReLU))))),
    ("reaches the weights of 8 x 3 x 3 x 3: behind", behind(Detach())),
    ("is cut off, as by", lambda *case: WithoutGradients(*parts(*case))),
    ("goes through NumPy", lambda *case: ByNumpy(*parts(*case))),
    ("no gradient can go back: RuntimeError", lambda *case: Overwriting(*parts(*case))),
    ("for a normalisation", normed), ("nn.Sequential(*layers)", parts),
    ("nn.Sequential(*layers)", lambda *case: nn.ModuleList(parts(*case))),
    ("layers_of does", lambda words, channels: nn.Sequential(
        OrderedDict(layers_of(words, channels)))),
    ("a net, not", lambda words, channels: words), ("return", print), ("function", "8 M"),
    ("it raises", read_as("M", "?")),
    ("without brackets", by_words("64", 3)),
    ("it needs", read_as("/", "1"))]
