"""The nets that chapter 12's strings name, and the wrong ones that readers build in their place."""

from collections.abc import Callable
from functools import cache, partial

import torch
from torch import nn

from .nets import OTHER_ACTIVATIONS, OTHER_BORDERS


@cache
def images() -> list[tuple]:
    """What six nets are made of, and what they read."""
    return [(words, channels, torch.randn(2, channels, *size, device="cpu").double())
            for words, channels, size in (
                ("8 M", 3, (9, 12)), ("4 6/1 M 8/5 M 3", 2, (25, 30)),
                ("6 6 6 M 6 6 4/11", 3, (37, 40)), ("5 M M 7/3 10 4/5", 1, (47, 45)),
                ("M 6 6", 4, (13, 16)), ("12/1 3", 5, (4, 5)))]


_RELU = nn.ReLU()


def layers(configuration: str, channels: int, kernels=int, pads=lambda k: k // 2, pool=None,
           relu=(_RELU,), relu_if=lambda k, word: True, relu_first=False, bias=True, hands_on=bool,
           keeps=bool, exchanged=False, turned=False, end=(), border="zeros") -> nn.Sequential:
    """relu_if: for which kernels and words; keeps: for which words the size stays. hands_on: which
    kernels' maps are read by the next one. exchanged: maps and kernel; turned: maps in and out. end:
    stands behind all."""
    found = []
    for word in configuration.split():
        if word == "M":
            found.append(pool or nn.MaxPool2d(2))
            continue
        maps, _, kernel = word.partition("/")
        maps, k = int(maps), int(kernels(kernel or 3))
        if exchanged:
            maps, k = k, maps
        conv = nn.Conv2d(*(maps, channels) if turned else (channels, maps), k, bias=bias,
                         padding=pads(k) if keeps(word) else 0, padding_mode=border)
        bend = relu if relu_if(k, word) else ()
        found += [*bend, conv] if relu_first else [conv, *bend]
        channels = maps if hands_on(k) else channels
    return nn.Sequential(*found, *end)


_wrong = partial(partial, layers)  # with these changes, for words and channels


def _up_to(words: str) -> list[nn.Module]:
    """The layers of all images' nets up to this one."""
    every = [each[0] for each in images()]
    return [layer for configuration, channels, _ in images()[:every.index(words) + 1]
            for layer in layers(configuration, channels)]


def _but(goes) -> Callable:
    """Without the layers of which this is true: goes(layer, those before it, those behind it)."""
    def make(words, channels):
        every = [*layers(words, channels)]
        return nn.Sequential(*(layer for place, layer in enumerate(every)
                               if not goes(layer, every[:place], every[place + 1:])))
    return make


def _holds(layers: list[nn.Module], kind: type) -> bool:
    return any(isinstance(layer, kind) for layer in layers)


MISTAKES = {  # sentences, each with what makes the net of which it is true
    "the image has so many channels as are given, not always three":
        lambda words, channels: layers(words, 3),
    "n/k is a kernel of k x k, and it stays at 3 x 3": _wrong(kernels=lambda k: 3),
    "n/k is a kernel of k x k, not one of 1 x 1": _wrong(kernels=lambda k: 3 if k == 3 else 1),
    "n/k is a kernel of k x k for any k, not for 1 alone":
        _wrong(kernels=lambda k: 1 if k == "1" else 3),
    "k may have two digits: n/11 has a kernel of 11 x 11":
        _wrong(kernels=lambda k: int(str(k)[-1])),
    "what n/k makes is read by the next convolution: n maps, as behind a plain number":
        _wrong(hands_on=lambda k: k == 3),
    "what a plain number makes is read by the next convolution, as behind n/k":
        _wrong(hands_on=lambda k: k != 3),
    "maps and kernel are exchanged: n/k makes n maps with a kernel of k x k":
        _wrong(exchanged=True),
    "a convolution reads the maps of the one before it; here each reads the image's channels":
        lambda words, channels: nn.Sequential(*(layers(word, channels) for word in words.split())),
    "the size of the maps must stay the same, for every k": _wrong(pads=lambda k: 0),
    "a padding of 1 keeps the size for 3 x 3 alone; a kernel of k needs k // 2":
        _wrong(pads=lambda k: 1),
    "n/k loses its border: a kernel of k needs a padding of k // 2":
        _wrong(pads=lambda k: int(k == 3)),
    "3 x 3 loses its border, too: it needs a padding of 1":
        _wrong(pads=lambda k: 0 if k == 3 else k // 2),
    "a padding of 1 keeps the size for 3 x 3 alone; a kernel of k needs k // 2, as 1 x 1 has it":
        _wrong(pads=lambda k: min(1, k // 2)),
    **{f"zeros are asked around the maps, and not {border} padding": _wrong(border=border)
       for border in OTHER_BORDERS},
    "n/k loses its border, whatever k is: a kernel of k needs a padding of k // 2":
        _wrong(keeps=lambda word: "/" not in word),
    "k // 2 is the padding that keeps the size; this has k": _wrong(pads=lambda k: k),
    "k - 1 keeps the size where it is on one side; padding stands on both: k // 2":
        _wrong(pads=lambda k: k - 1),
    "a padding of 2 keeps the size for 5 x 5 alone; a kernel of k needs k // 2":
        _wrong(pads=lambda k: 2),
    "nn.Conv2d takes first the maps that it reads, then those that it makes; here they are exchanged":
        _wrong(turned=True),
    "the words are read in the opposite order":
        lambda words, channels: layers(" ".join(words.split()[::-1]), channels),
    "the layers of an earlier call come again: the list must be made within the function":
        lambda words, channels: nn.Sequential(*_up_to(words)),
    "k / 2, rounded up, is one too much: k // 2 keeps the size":
        _wrong(pads=lambda k: (k + 1) // 2),
    "a ReLU must follow each convolution": _wrong(relu=()),
    "a ReLU must follow a convolution of 3 x 3, too": _wrong(relu_if=lambda k, word: k == 1),
    "a ReLU must follow a convolution of k x k, too": _wrong(relu_if=lambda k, word: k == 3),
    "a ReLU must follow a convolution of 1 x 1, too": _wrong(relu_if=lambda k, word: k != 1),
    "no ReLU follows the convolutions written n/k, and each needs one":
        _wrong(relu_if=lambda k, word: "/" not in word),
    "a ReLU follows the convolutions written n/k alone, and each needs one":
        _wrong(relu_if=lambda k, word: "/" in word),
    "only the last layer has a ReLU behind it, and each convolution needs one":
        _wrong(relu=(), end=(nn.ReLU(),)),
    **{f"{name} stands where a ReLU should": _wrong(relu=(other,))
       for name, other in OTHER_ACTIVATIONS.items()},
    "a ReLU must follow each convolution, not only the last before an M or before the end":
        _wrong(relu=(), end=(nn.ReLU(),), pool=nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))),
    "a ReLU stands behind M, and belongs behind convolutions alone":
        _wrong(pool=nn.Sequential(nn.MaxPool2d(2), nn.ReLU())),
    "the ReLU stands before the convolution": _wrong(relu_first=True),
    **{said: _but(lambda layer, before, behind, bare=bare: isinstance(layer, nn.ReLU) and bare(behind))
       for said, bare in {
           "a ReLU must follow a convolution at the end, too": lambda behind: not behind,
           "a ReLU must follow a convolution in front of M, too":
               lambda behind: _holds(behind[:1], nn.MaxPool2d),
           "a ReLU must follow a convolution in front of M and at the end, too":
               lambda behind: not _holds(behind[:1], nn.Conv2d),
           "a ReLU must follow the last convolution, too, be there an M behind it or not":
               lambda behind: not _holds(behind, nn.Conv2d)}.items()},
    "the last layer is left out, be it a ReLU or a pooling":
        lambda words, channels: layers(words, channels)[:-1],
    **{f"{said}; of two layers with one name, one is lost": _but(
        lambda layer, before, behind, kinds=kinds: any(
            isinstance(layer, kind) and _holds(before, kind) for kind in kinds))
       for said, kinds in {
           "only the first M pools": [nn.MaxPool2d],
           "only the first convolution has a ReLU": [nn.ReLU],
           "only the first M pools, and only the first convolution has a ReLU":
               [nn.MaxPool2d, nn.ReLU]}.items()},
    "M is a max pooling, and this takes the mean": _wrong(pool=nn.AvgPool2d(2)),
    "M halves the size; a pooling with stride 1 does not":
        _wrong(pool=nn.MaxPool2d(2, stride=1)),
    "M is 2 x 2, and this is 3 x 3": _wrong(pool=nn.MaxPool2d(3, stride=2)),
    "M is 2 x 2, and this is 3 x 3 with a padding":
        _wrong(pool=nn.MaxPool2d(3, stride=2, padding=1)),
    "M is 2 x 2 without a padding, and this has one": _wrong(pool=nn.MaxPool2d(2, padding=1)),
    **{f"M is 2 x 2, and this is {k} x {k} with stride {k}":
       _wrong(pool=nn.MaxPool2d(k)) for k in (3, 4)},
    "M is 2 x 2, and this is 3 x 3 and rounds up":
        _wrong(pool=nn.MaxPool2d(3, stride=2, ceil_mode=True)),
    "M is a max pooling that rounds down, and this takes the mean and rounds up":
        _wrong(pool=nn.AvgPool2d(2, ceil_mode=True)),
    **{f"M halves any size, and an adaptive pooling makes {size} x {size} of all":
       _wrong(pool=nn.AdaptiveMaxPool2d(size)) for size in (1, 2)},
    "M must round an odd size down": _wrong(pool=nn.MaxPool2d(2, ceil_mode=True)),
    **{f"{name} stands at the end, and no word asks for it": _wrong(end=(layer,)) for name, layer in (
        ("a softmax", nn.Softmax(1)), ("the logarithm of a softmax", nn.LogSoftmax(1)),
        ("a sigmoid", nn.Sigmoid()), ("a tanh", nn.Tanh()))},
    "the mean of each map is taken at the end, and no word asks for it":
        _wrong(end=(nn.AdaptiveAvgPool2d(1),)),
    "the mean of each map is taken at the end and flattened, and no word asks for it":
        _wrong(end=(nn.AdaptiveAvgPool2d(1), nn.Flatten())),
    "the maps are flattened, and no word asks for it": _wrong(end=(nn.Flatten(),)),
    'at the end stands one pooling more than there are Ms; split("M") gives one part more, too':
        _wrong(end=(nn.MaxPool2d(2),)),
    "M is left out": _wrong(pool=nn.Identity()),
    "the convolutions have no biases": _wrong(bias=False),
}
