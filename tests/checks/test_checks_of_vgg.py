"""Chapter 12's exercises: right answers, and wrong ones with words of the reason."""

import itertools
import re
from collections import OrderedDict
from functools import partial

import torch
import torch.nn.functional as F
from cut_gradients import ByNumpy, Detach, Overwriting, WithoutGradients
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

from lenet_book.models.vgg import CONFIGURATIONS, layers_of

CHAPTER = 12
D = CONFIGURATIONS["vgg16"]


def parts(words, channels, same="same", pool=None, relu=nn.ReLU, bias=True, three=False, conv=None,
          reads=None):
    """Right as it stands; each argument makes one mistake."""
    found = []
    for word in words.split():
        if word == "M":
            found.append(pool or nn.MaxPool2d(2, 2))
        else:
            maps, kernel = int(word.split("/")[0]), 3 if three else int((word + "/3").split("/")[1])
            found += [conv(channels, maps, kernel) if conv else
                      nn.Conv2d(channels, maps, kernel, padding=same, bias=bias), relu()]
            channels = maps if reads is None or reads(word) else channels
    return found


def by_words(words, channels, **changes):
    return nn.Sequential(*parts(words, channels, **changes))


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


def bare_where(mark, words, channels, but=None):
    """Wrong: no ReLU behind words with this pattern, but behind those with another."""
    kept = iter([not re.search(mark, word) or bool(re.search(but or " ", word))
                 for word in words.split() if word != "M"])
    return nn.Sequential(*(layer for layer in parts(words, channels)
                           if not isinstance(layer, nn.ReLU) or next(kept)))


def numel(shape):
    return torch.Size(shape).numel()


def named(name, words, channels):
    """Wrong where two convolutions have one name: the second takes the place of the first."""
    net = nn.Sequential()
    for layer in parts(words, channels):
        net.add_module(name(layer) if isinstance(layer, nn.Conv2d) else f"layer{len(net)}", layer)
    return net


def shared(words, channels):
    """Wrong: one convolution for each shape."""
    made = {}
    return by_words(words, channels, conv=lambda c, n, k: made.setdefault(
        (c, n, k), nn.Conv2d(c, n, k, padding=k // 2)))


def without_borders(words, channels):
    """Wrong: a padding for a plain number alone."""
    return nn.Sequential(*(
        layer for word, before in zip(
            words.split(), widths_before(words.split(), channels), strict=True)
        for layer in parts(word, before, same=int("/" not in word))))


def normed(words, channels):
    """Wrong: with a BatchNorm that has no weights."""
    net = by_words(words, channels)
    convolutions = [layer for layer in net if isinstance(layer, nn.Conv2d)]
    return net.append(nn.BatchNorm2d(convolutions[-1].out_channels, affine=False))


def he(shape):
    return torch.randn(shape) * (2 / numel(shape[1:])) ** 0.5


def he_by_normal(shape):
    return torch.normal(0.0, (2 * shape[0] / numel(shape)) ** 0.5, shape)


def he_by_init(shape):
    return nn.init.normal_(torch.empty(shape), std=(numel(shape[1:]) / 2) ** -0.5)


def he_in_a_layer(shape):
    """PyTorch's own beginning is overwritten."""
    outputs, inputs, *kernel = shape
    layer = nn.Conv2d(inputs, outputs, kernel) if kernel else nn.Linear(inputs, outputs)
    return layer.weight.data.normal_(0, (2 / layer.weight[0].numel()) ** 0.5)


def with_spread(rule):
    return lambda shape: rule(shape) ** 0.5 * torch.randn(shape)


def same_each_time(shape):
    torch.manual_seed(1)
    return he(shape)


def uniform(shape):
    bound = (6 / numel(shape[1:])) ** 0.5
    return torch.empty(shape).uniform_(-bound, bound)


def laplace(shape):
    return torch.distributions.Laplace(0.0, numel(shape[1:]) ** -0.5).sample(shape)


def logistic(shape):
    return torch.rand(shape).logit(1e-6) * (6 / numel(shape[1:])) ** 0.5 / torch.pi


RIGHT = {
    "stack_that_sees_eleven": [(5, 45), (5.0, 45.0), (torch.tensor(5), torch.tensor(45))],
    "width_for_he": [(22,), (22.0,), (torch.tensor(22),)],
    "net_from_string": [(by_words,), (by_patterns,), (Net,), (Raw,), (by_single_spaces,)],
    "weights_by_he": [(he,), (he_by_normal,), (he_by_init,), (he_in_a_layer,)],
    "string_with_field_224": [(14 * "64 " + D,), (" " + D.replace("M", 14 * "64 " + "  M ", 1),),
                             (f"{16 * '64 '}M{D.split('M', 1)[1]}",), (14 * "64/3 " + D,)],
}

WRONG = {  # (words that name the error, answer)
    "stack_that_sees_eleven": [
        ("9 x 9", 4, 36), ("13 x 13", 6, 54), ("one adds 2", 10, 90), ("one adds 2", 9, 81),
        ("with 1 layer", 1, 9), ("23 x 23", 11, 99), ("exchanged", 45, 5),
        ("7 x 7", 3, 27), ("one of the layers", 5, 9), ("single 11 x 11", 5, 121),
        ("nine weights", 5, 15), ("three layers", 5, 27), ("saved", 5, 76), ("5 x 5", 5, 25),
        ("five kernels of 11 x 11", 5, 605), ("one layer first", 5, 44), ("number", "5", 45),
        ("whole", 5.5, 45), ("number", None, 45)],
    "width_for_he": [
        ("that is right", 200 / 9), ("that is right", 22.2), ("that is right", 22.22),
        ("must be a whole number", 22.3), ("ReLU", 11.1), ("variance here", 2222.2),
        ("nearer", 23), ("nine places", 200), ("ReLU", 11),
        ("ReLU", 100 / 9), ("and the 2", 100), ("not three", 67), ("variance here", 2222), ("root", 2),
        ("root", 2.2), ("root", 20 / 9), ("He's variance is 2 / n", 7),
        ("with 4 / n; look", 44), ("2 / n", 0), ("number", "22"), ("number", [22]),
        ("finite", float("inf"))],
    "net_from_string": [
        ("stays at 3 x 3", partial(by_words, three=True)), ("k // 2", partial(by_words, same=0)),
        ("for 3 x 3 alone", partial(by_words, same=1)),
        ("a ReLU must follow each", partial(by_words, relu=nn.Identity)),
        ("no ReLU follows the convolutions written n/k", partial(bare_where, "/")),
        ("written n/k alone", lambda words, channels: bare_where("", words, channels, but="/")),
        ("for any k, not for 1 alone", lambda words, channels: by_words(
            re.sub("/[^1]", "", words), channels)),
        ("of 1 x 1, too", partial(bare_where, "/1$")),
        ("n/k loses its border", partial(by_words, conv=lambda c, n, k: nn.Conv2d(
            c, n, k, padding=int(k == 3)))),
        ("n/k loses its border, whatever", without_borders),
        ("a loop may end too early", lambda words, channels: by_words(words.split(" M ")[0], channels)),
        ("one pooling more", lambda words, channels: by_words(words + " M", channels)),
        ("mean", partial(by_words, pool=nn.AvgPool2d(2))),
        ("stride 1", partial(by_words, pool=nn.MaxPool2d(2, 1))),
        ("this is 3 x 3", partial(by_words, pool=nn.MaxPool2d(3, 2, 1))),
        ("odd size", partial(by_words, pool=nn.MaxPool2d(2, ceil_mode=True))),
        ("left out", partial(by_words, pool=nn.Identity())),
        ("no biases", partial(by_words, bias=False)),
        ("last convolution", lambda words, channels: by_words(words, channels)[:-1]),
        ("not always three", lambda words, channels: by_words(words, 3)),
        ("reads the maps of the one before it", first_channels),
        ("stride 0, and none should", partial(
            by_words, conv=lambda c, n, k: nn.Conv2d(c, n, k, k // 2))),
        ("exchanged", partial(by_words, conv=lambda c, n, k: nn.Conv2d(c, k, n, padding=n // 2))),
        ("as behind a plain number", partial(by_words, reads=lambda word: "/" not in word)),
        ("as behind n/k", partial(by_words, reads=lambda word: "/" in word)),
        *[(words, partial(by_words, relu=other)) for words, other in (
            ("a tanh stands", nn.Tanh), ("a sigmoid", nn.Sigmoid), ("a leaky ReLU", nn.LeakyReLU),
            ("ReLU6, which ends at 6", nn.ReLU6), ("GELU", nn.GELU), ("softplus", nn.Softplus))],
        ("not only the last before an M", lambda words, channels: nn.Sequential(by_words(
            words, channels, relu=nn.Identity, pool=nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))),
            nn.ReLU())),
        ("padding stands on both", partial(by_words, conv=lambda c, n, k: nn.Conv2d(
            c, n, k, padding=k - 1))),
        ("2 keeps the size for 5 x 5 alone", partial(by_words, same=2)),
        ("here they are exchanged", partial(by_words, conv=lambda c, n, k: nn.Conv2d(
            n, c, k, padding=k // 2))),
        ("in the opposite order", lambda words, channels: by_words(
            " ".join(words.split()[::-1]), channels)),
        ("made within the function", into_one_list([])),
        ("this has one", partial(by_words, pool=nn.MaxPool2d(2, padding=1))),
        ("this is 3 x 3 with stride 3", partial(by_words, pool=nn.MaxPool2d(3))),
        ("this is 4 x 4 with stride 4", partial(by_words, pool=nn.MaxPool2d(4))),
        ("a softmax stands at the end",
         lambda words, channels: by_words(words, channels).append(nn.Softmax(1))),
        ("mean of each map is taken at the end, and",
         lambda words, channels: by_words(words, channels).append(nn.AdaptiveAvgPool2d(1))),
        ("at the end and flattened", lambda words, channels: by_words(
            words, channels).append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten())),
        ("only the last layer has a ReLU", lambda words, channels: nn.Sequential(
            by_words(words, channels, relu=nn.Identity), nn.ReLU())),
        ("a ReLU stands behind M", partial(by_words, pool=nn.Sequential(nn.MaxPool2d(2), nn.ReLU()))),
        ("flattened", lambda words, channels: by_words(words, channels).append(nn.Flatten())),
        ("BatchNorm2d stands in the net", partial(by_words, conv=lambda c, n, k: nn.Sequential(
            nn.Conv2d(c, n, k, padding=k // 2), nn.BatchNorm2d(n)))),
        ("6 x 6 x 3 x 3 4 times, and has 1", partial(
            named, lambda conv: f"{conv.in_channels}_{conv.out_channels}")),
        ("of two layers with one name", partial(named, lambda conv: str(conv.out_channels))),
        ("6 x 4 x 1 x 1, too; a layer in a list", partial(named, lambda conv: "conv")),
        ("a layer used twice shares them", shared),
        ("two digits", lambda words, channels: by_words(re.sub(r"/\d*(\d)", r"/\1", words), channels)),
        ("4 x 6 x 11 x 11; in their place are 4 x 6 x 3 x 3",
         lambda words, channels: by_words(words.replace("/11", ""), channels)),
        ("not one of 1 x 1", lambda words, channels: by_words(re.sub("/.", "/1", words), channels)),
        ("not in training", lambda words, channels: nn.Sequential(*(
            each for part in parts(words, channels) for each in (
                part, *[nn.Dropout(0.5)] * isinstance(part, nn.ReLU))))),
        ("reaches the weights of 8 x 3 x 3 x 3: behind", lambda *case: nn.Sequential(
            *parts(*case), Detach())),
        ("is cut off, as by", lambda *case: WithoutGradients(*parts(*case))),
        ("goes through NumPy", lambda *case: ByNumpy(*parts(*case))),
        ("no gradient can go back: RuntimeError", lambda *case: Overwriting(*parts(*case))),
        ("for a normalisation", normed), ("nn.Sequential(*layers)", parts),
        ("nn.Sequential(*layers)", lambda *case: nn.ModuleList(parts(*case))),
        ("layers_of does", lambda words, channels: nn.Sequential(
            OrderedDict(layers_of(words, channels)))),
        ("a net, not", lambda words, channels: words), ("return", print), ("function", D),
        ("it raises", lambda words, channels: by_words(words.replace("M", "?"), channels)),
        ("without brackets", by_words(D[:2], 3)),
        ("it needs", lambda words, channels: by_words(words.replace("/", "1"), channels))],
    "weights_by_he": [
        ("stands in many places",
         lambda s: torch.randn(1, *s[1:]).expand(s) * (2 / numel(s[1:])) ** 0.5),
        ("that is the variance", with_spread(lambda s: (2 / numel(s[1:])) ** 2)),
        ("the 2 is missing", with_spread(lambda s: 1 / numel(s[1:]))),
        ("one output reads", with_spread(lambda s: 2 * s[1] / numel(s))),
        ("k * k", with_spread(lambda s: 2 / s[1])),
        ("the number of outputs", with_spread(lambda s: 2 / s[0])),
        ("last axis is missing", with_spread(lambda s: 2 / numel(s[1:-1]))),
        ("columns are missing", with_spread(lambda s: 2 / numel(s[1:3]))),
        ("Xavier", with_spread(lambda s: 2 / (numel(s[1:]) + numel(s) / s[1]))),
        ("PyTorch", with_spread(lambda s: 1 / (3 * numel(s[1:])))),
        ("twice", with_spread(lambda s: (2 / numel(s[1:])) ** 0.5)),
        ("n / 2", with_spread(lambda s: numel(s[1:]) / 2)), ("all weights", with_spread(
            lambda s: 2 / numel(s))),
        ("is 1 whatever", torch.randn), ("is 0.01", with_spread(lambda s: 1e-4)),
        ("0.1 whatever", with_spread(lambda s: 0.01)), ("the same weights", same_each_time),
        ("not drawn from a normal", uniform), ("not drawn from a normal", laplace),
        ("not drawn from a normal", lambda s: nn.init.kaiming_uniform_(
            torch.empty(s), nonlinearity="relu")),
        ("each must be drawn by itself", lambda s: he(s).sign() * (2 / numel(s[1:])) ** 0.5),
        ("not drawn from a normal", logistic), ("in float32", lambda s: he(s).half()),
        ("belongs under it", with_spread(lambda s: 4 / numel(s[1:]))),
        ("whatever its shape", with_spread(lambda s: 2 / (9 * s[1]))),
        ("s / sqrt(3)", lambda s: (2 * torch.rand(s) - 1) * (2 / numel(s[1:])) ** 0.5),
        ("the bias is no input", with_spread(lambda s: 2 / (numel(s[1:]) + 1))),
        ("their mean", lambda s: he(s).abs()),
        ("at random", torch.zeros), ("standard deviation is", with_spread(lambda s: 3 / s[0])),
        ("kaiming_normal_ does", lambda s: nn.init.kaiming_normal_(torch.empty(s))),
        ("must be 64 x 32 x 3 x 3", lambda s: he(s)[None]), ("tensor", lambda s: 0.1),
        ("return", print)],
    "string_with_field_224": [
        ("D itself", D), ("a field of 222", 13 * "64 " + D), ("a convolution stands after", D + " 512"),
        ("2,359,808 more", D[:-1] + "512 M"),
        ("fewer", D.replace(" 512 512 512 M", 5 * " 512" + " M", 1)),
        ("1,033,088 more", D.replace("128", 8 * "128 ", 1)), ("553,920 more", 15 * "64 " + D),
        ("poolings, and this has 6", "M " + D), ("poolings, and this has 4", D[:-1]),
        ("poolings, and this has 0; M is a capital", D.lower()),
        ("block 1 of D holds 64 and nothing else; here it holds '32'", 14 * "32 " + D),
        ("holds '64/1'", 14 * "64/1 " + D), ("take none away", D.replace("128 128", "128")),
        ("block 1 has fewer", D.replace("64", "")),
        ("must be a string", D.split()), ("must be a string", None), ("poolings", "")],
}

EQUAL = {
    "weights_by_he": {"n = weights[0].numel() ->     n = weights[-1].numel()":
                      "the last output reads as many as the first"},
}
