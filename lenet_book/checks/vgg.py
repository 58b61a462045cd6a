"""Chapter 12: a width, a stack, nets from strings, He's weights, a longer string."""

from functools import cache
from itertools import pairwise

import torch
from torch import nn

from ..arguments import shown
from .answers import counted, known, tensor, whole
from .calls import Function
from .exercise import exercise
from .nets import compare_nets
from .verdict import Wrong


@exercise(chapter=12, number=1, level="easy", minutes=3)
def stack_that_sees_eleven(layers, weights) -> str:
    """How many 3 x 3 layers see 11 x 11 pixels, and how many times C^2 weights they have."""
    layers, weights = whole(layers, "the number of layers"), whole(weights, "the number of C^2")
    known(layers, 5, {
        45: "the two are exchanged: first the number of layers",
    }, f"with {counted(layers, 'layer')} of 3 x 3 the field is {2 * layers + 1} x {2 * layers + 1}: "
       "the first sees 3 pixels, each further one adds 2, one on each side")
    known(weights, 45, {
        9: "that is one of the layers",
        121: "that is the single 11 x 11",
        605: "that is five kernels of 11 x 11; five of 3 x 3 are asked",
        15: "a kernel of 3 x 3 has nine weights for each pair of maps, not three",
        27: "that is three layers; there are five",
        76: "that is what is saved, and asked is what the stack has",
        25: "that is a single 5 x 5; five kernels of 3 x 3 are asked",
    }, "count the weights of one layer first")
    return "5 layers, 45 C^2 weights, where a single 11 x 11 has 121 C^2"


@exercise(chapter=12, number=2, level="easy", minutes=3)
def width_for_he(answer) -> str:
    """The width at which a variance of 0.01 is He's, for 3 x 3 kernels."""
    half = "that is 1 / (9 C) = 0.01: with ReLU, which throws half away, it is 2 / n"
    spread = "0.01 is the variance here; that is for a standard deviation of 0.01"
    twice = "0.01 is the variance already, and its root was taken again"
    known(whole(answer, unrounded={
        200 / 9: "that is right, but a number of maps is whole",
        100 / 9: half, 20000 / 9: spread, 20 / 9: twice}), 22, {
        23: "the exact width is nearer to another whole number",
        200: "a 3 x 3 kernel reads nine places of each map: n = 9 C",
        11: half, 2222: spread, 2: twice,
        100: "the nine places are missing in n = 9 C, and the 2 above it",
        67: "a 3 x 3 kernel has nine places, not three",
        44: "that is with 4 / n; look up He's variance again",
    }, "He's variance is 2 / n, and n what one output reads")
    return "2 / (9 * 22) = 0.0101; D has 64 to 512 maps, above it, and f grows with the width"


_BY_OTHERS = dict.fromkeys(("layers_of", "make_layers", "vgg16", "vgg11"), "read the words yourself")


@exercise(chapter=12, number=3, level="medium", minutes=12)
def net_from_string(answer) -> str:
    """configuration, channels -> the convolutions, ReLUs and poolings that the words name."""
    compare_nets(answer, _layers, _images(), "configuration channels", _MISTAKES, (
        "right in testing, but not in training: no word stands for dropout or for a normalisation"),
        _BY_OTHERS)
    return "so D is \"64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M\" to you"


@cache
def _images() -> list[tuple]:
    """What six nets are made of, and what they read."""
    return [(words, channels, torch.randn(2, channels, *size, device="cpu").double())
            for words, channels, size in (
                ("8 M", 3, (9, 12)), ("4 6/1 M 8/5 M 3", 2, (25, 30)),
                ("6 6 6 M 6 6 4/11", 3, (37, 40)), ("5 M M 7/3 10 4/5", 1, (47, 45)),
                ("M 6 6", 4, (13, 16)), ("12/1 3", 5, (4, 5)))]


_MISTAKES = {  # sentences, each with what makes the net of which it is true
    "the image has so many channels as are given, not always three":
        lambda words, channels: _layers(words, 3),
    "n/k is a kernel of k x k, and it stays at 3 x 3":
        lambda words, channels: _layers(words, channels, kernels=lambda k: 3),
    "n/k is a kernel of k x k, not one of 1 x 1": lambda words, channels: _layers(
        words, channels, kernels=lambda k: 3 if k == 3 else 1),
    "n/k is a kernel of k x k for any k, not for 1 alone": lambda words, channels: _layers(
        words, channels, kernels=lambda k: 1 if k == "1" else 3),
    "k may have two digits: n/11 has a kernel of 11 x 11": lambda words, channels: _layers(
        words, channels, kernels=lambda k: int(str(k)[-1])),
    "what n/k makes is read by the next convolution: n maps, as behind a plain number":
        lambda words, channels: _layers(words, channels, hands_on=lambda k: k == 3),
    "what a plain number makes is read by the next convolution, as behind n/k":
        lambda words, channels: _layers(words, channels, hands_on=lambda k: k != 3),
    "maps and kernel are exchanged: n/k makes n maps with a kernel of k x k":
        lambda words, channels: _layers(words, channels, exchanged=True),
    "a convolution reads the maps of the one before it; here each reads the image's channels":
        lambda words, channels: nn.Sequential(*(_layers(word, channels) for word in words.split())),
    "the size must stay: a kernel of k needs a padding of k // 2":
        lambda words, channels: _layers(words, channels, pads=lambda k: 0),
    "a padding of 1 keeps the size for 3 x 3 alone; a kernel of k needs k // 2":
        lambda words, channels: _layers(words, channels, pads=lambda k: 1),
    "n/k loses its border: a kernel of k needs a padding of k // 2":
        lambda words, channels: _layers(words, channels, pads=lambda k: int(k == 3)),
    "n/k loses its border, whatever k is: a kernel of k needs a padding of k // 2":
        lambda words, channels: _layers(words, channels, keeps=lambda word: "/" not in word),
    "k // 2 is the padding that keeps the size; this has k":
        lambda words, channels: _layers(words, channels, pads=lambda k: k),
    "k / 2, rounded up, is one too much: k // 2 keeps the size": lambda words, channels: _layers(
        words, channels, pads=lambda k: (k + 1) // 2),
    "a ReLU must follow each convolution": lambda words, channels: _layers(
        words, channels, relu=()),
    "a ReLU must follow a convolution of 3 x 3, too": lambda words, channels: _layers(
        words, channels, relu_if=lambda k, word: k == 1),
    "a ReLU must follow a convolution of k x k, too": lambda words, channels: _layers(
        words, channels, relu_if=lambda k, word: k == 3),
    "a ReLU must follow a convolution of 1 x 1, too": lambda words, channels: _layers(
        words, channels, relu_if=lambda k, word: k != 1),
    "no ReLU follows the convolutions written n/k, and each needs one":
        lambda words, channels: _layers(words, channels, relu_if=lambda k, word: "/" not in word),
    "a ReLU follows the convolutions written n/k alone, and each needs one":
        lambda words, channels: _layers(words, channels, relu_if=lambda k, word: "/" in word),
    "only the last layer has a ReLU behind it, and each convolution needs one":
        lambda words, channels: nn.Sequential(_layers(words, channels, relu=()), nn.ReLU()),
    "a tanh stands where a ReLU should": lambda words, channels: _layers(
        words, channels, relu=(nn.Tanh(),)),
    "a ReLU stands behind M, and belongs behind convolutions alone":
        lambda words, channels: _layers(
            words, channels, pool=nn.Sequential(nn.MaxPool2d(2), nn.ReLU())),
    "the ReLU stands before the convolution": lambda words, channels: _layers(
        words, channels, relu_first=True),
    "a ReLU must follow the last convolution, too":
        lambda words, channels: _layers(words, channels)[:-1],
    "M is a max pooling, and this takes the mean": lambda words, channels: _layers(
        words, channels, pool=nn.AvgPool2d(2)),
    "M halves the size; a pooling with stride 1 does not": lambda words, channels: _layers(
        words, channels, pool=nn.MaxPool2d(2, stride=1)),
    "M is 2 x 2, and this is 3 x 3": lambda words, channels: _layers(
        words, channels, pool=nn.MaxPool2d(3, stride=2)),
    "M is 2 x 2, and this is 3 x 3 with a padding": lambda words, channels: _layers(
        words, channels, pool=nn.MaxPool2d(3, stride=2, padding=1)),
    "M must round an odd size down": lambda words, channels: _layers(
        words, channels, pool=nn.MaxPool2d(2, ceil_mode=True)),
    "the maps are flattened, and no word asks for it": lambda words, channels: nn.Sequential(
        _layers(words, channels), nn.Flatten()),
    'at the end stands one pooling more than there are Ms; split("M") gives one part more, too':
        lambda words, channels: nn.Sequential(_layers(words, channels), nn.MaxPool2d(2)),
    "M is left out": lambda words, channels: _layers(words, channels, pool=nn.Identity()),
    "the convolutions have no biases": lambda words, channels: _layers(words, channels, bias=False),
}


_RELU = nn.ReLU()


def _layers(configuration: str, channels: int, kernels=int, pads=lambda k: k // 2, pool=None,
            relu=(_RELU,), relu_if=lambda k, word: True, relu_first=False, bias=True, hands_on=bool,
            keeps=bool, exchanged=False) -> nn.Sequential:
    """relu_if: for which kernels and words; keeps: for which words the size stays. hands_on: which
    kernels' maps are read by the next one."""
    layers = []
    for word in configuration.split():
        if word == "M":
            layers.append(pool or nn.MaxPool2d(2))
            continue
        maps, _, kernel = word.partition("/")
        maps, k = int(maps), int(kernels(kernel or 3))
        if exchanged:
            maps, k = k, maps
        conv = nn.Conv2d(channels, maps, k, padding=pads(k) if keeps(word) else 0, bias=bias)
        bend = relu if relu_if(k, word) else ()
        layers += [*bend, conv] if relu_first else [conv, *bend]
        channels = maps if hands_on(k) else channels
    return nn.Sequential(*layers)


_BY_INIT = {"kaiming_normal_": "write the standard deviation yourself"}


@exercise(chapter=12, number=4, level="medium", minutes=8)
def weights_by_he(answer) -> str:
    """The shape of a layer's weights -> weights of this shape, drawn as He and others draw them."""
    function, shapes = Function(answer, "shape", _BY_INIT), [
        (64, 32, 3, 3), (200, 100), (48, 96, 5, 3), (300, 60, 1, 1), (1, 400, 7, 7), (5000, 4)]
    drawn = [tensor(function(shape), shape, "its result") for shape in shapes]
    for weights in drawn:
        if weights.std() == 0:
            raise Wrong(f"all weights are {weights.flatten()[0]:.4g}; they must be drawn at random")
        if len(weights.flatten().sort().values.unique_consecutive()) < 0.9 * weights.numel():
            raise Wrong("the same number stands in many places; each must be drawn by itself, from a "
                        "normal distribution, in float32")
    if torch.equal(drawn[0], tensor(function(shapes[0]))):
        raise Wrong("called twice it gives the same weights; each layer needs its own")
    for weights, shape in zip(drawn, shapes, strict=True):
        mean, spread = weights.mean().item(), weights.std().item()
        if abs(mean) > 6 * spread / weights.numel() ** 0.5:
            raise Wrong(f"their mean is {mean:.4g}, and must be 0")
        for said, rule in _SPREADS.items():
            ways = [(w.std() / rule(*_counts(s))).item() for w, s in zip(drawn, shapes, strict=True)]
            if all(abs(way - 1) < 0.04 for way in ways):
                raise Wrong(said)
        right = (2 / _counts(shape)[0]) ** 0.5
        if abs(spread / right - 1) > 0.04:
            raise Wrong(f"{function.case((shape,))} the standard deviation is {spread:.4g}, not "
                        f"{right:.4g}")
        if abs((weights.abs() < spread).double().mean() - 0.683) > 0.02:  # a normal one's share
            raise Wrong("the spread is right, but these are not drawn from a normal distribution")
    return "with such weights a layer hands on a signal of the size that it got"


def _counts(shape: tuple[int, ...]) -> tuple[int, int, int, int, int]:
    """Numbers that one output reads, outputs that read one input, places and columns of a kernel, and
    the length of the last axis."""
    rows, columns = shape[2:] or (1, 1)
    places = rows * columns
    return shape[1] * places, shape[0] * places, places, columns, shape[-1]


_SPREADS = {  # of wrong answers: what _counts gives -> standard deviation
    "that is the variance, 2 / n; the standard deviation is its root": lambda i, *_: 2 / i,
    "the 2 is missing: the ReLU throws away half of the mean square": lambda i, *_: (1 / i) ** 0.5,
    "n counts what one output reads; the bias is no input": lambda i, *_: (2 / (i + 1)) ** 0.5,
    "n counts what one output reads, its inputs; these are the outputs that read one input":
        lambda i, o, *_: (2 / o) ** 0.5,
    "n counts what one output reads; this is the number of outputs":
        lambda i, o, k, *_: (2 * k / o) ** 0.5,
    "a kernel of k x k reads k * k places of each map; n is the maps alone":
        lambda i, o, k, *_: (2 * k / i) ** 0.5,
    "the kernel's columns are missing in n": lambda i, o, k, columns, _: (2 * columns / i) ** 0.5,
    "the last axis is missing in n: one output reads all but the first": lambda i, o, k, columns, last:
        (2 * last / i) ** 0.5,
    "a kernel has 9 places here whatever its shape; a dense layer's has one": lambda i, o, k, *_:
        (2 * k / (9 * i)) ** 0.5,
    "the root is that of n alone; the 2 belongs under it, too": lambda i, *_: 2 / i ** 0.5,
    "uniform between -s and s: that has a standard deviation of only s / sqrt(3), and normal is asked":
        lambda i, *_: (2 / (3 * i)) ** 0.5,
    "that is Xavier's rule, which has n_in + n_out": lambda i, o, *_: (2 / (i + o)) ** 0.5,
    "that is PyTorch's default, 1 / (3 n)": lambda i, *_: (1 / (3 * i)) ** 0.5,
    "the root is taken twice": lambda i, *_: (2 / i) ** 0.25,
    "that is the root of n / 2, and should be that of 2 / n": lambda i, *_: (i / 2) ** 0.5,
    "n counts all weights of the layer, and should count those of one output":
        lambda i, o, k, *_: (2 * k / (i * o)) ** 0.5,
    "the standard deviation is 1 whatever the shape; scale by the root of 2 / n": lambda *_: 1.0,
    "the standard deviation is 0.01 whatever the shape, as in AlexNet": lambda *_: 0.01,
    "the standard deviation is 0.1 whatever the shape": lambda *_: 0.1,
}
_D = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M"


@exercise(chapter=12, number=5, level="hard", minutes=10)
def string_with_field_224(answer) -> str:
    """D's string with more convolutions, so that the last one's field is 224, at least cost."""
    if not isinstance(answer, str):
        raise Wrong(f"the answer must be a string such as D's, not {shown(answer)}")
    answer = " ".join(word.removesuffix("/3") for word in answer.split())  # 64/3 is 64
    mine, old = ([block.split() for block in words.split("M")] for words in (answer, _D))
    if len(mine) != len(old):
        raise Wrong(f"D has five poolings, and this has {len(mine) - 1}"
                    f"{'; M is a capital letter' * ('m' in answer)}")
    if mine[-1]:
        raise Wrong("a convolution stands after the last pooling, and D has none there")
    for place, (block, before) in enumerate(zip(mine, old, strict=True), start=1):
        if len(block) < len(before):
            raise Wrong(f"block {place} has fewer convolutions than in D; add, take none away")
        for word in block:
            if word != before[0]:
                raise Wrong(f"block {place} of D holds {before[0]} and nothing else; here it holds "
                            f"{shown(word)}")
    field = 196 + sum(2 ** place * (len(block) - len(before))
                      for place, (block, before) in enumerate(zip(mine, old, strict=True), start=1))
    more = _parameters(answer) - _parameters(_D)
    if field < 224:
        raise Wrong("that is D itself, whose last convolution has a field of 196" if not more else
                    f"its last convolution has a field of {field}, and 224 are needed")
    if more > 516_992:
        raise Wrong(f"its last convolution has a field of {field}, for {more:,} more parameters; there "
                    f"is a way with {'far ' * (more > 2_000_000)}fewer")
    return "516,992 more parameters, but each of the 14 layers costs 1.85 G multiply-adds and 12 MiB"


def _parameters(configuration: str) -> int:
    """Of 3 x 3 convolutions with biases that read three channels."""
    widths = [3, *(int(word) for word in configuration.split() if word != "M")]
    return sum(9 * one * other + other for one, other in pairwise(widths))
