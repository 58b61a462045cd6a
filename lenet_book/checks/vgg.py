"""Chapter 12: a width, a stack, nets from strings, He's weights, a longer string."""

from itertools import pairwise

import torch

from ..arguments import shown
from .answers import counted, known, tensor, whole
from .calls import Function
from .exercise import exercise
from .nets import compare_nets
from .strings import MISTAKES, images, layers
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
    compare_nets(answer, layers, images(), "configuration channels", MISTAKES, (
        "right in testing, but not in training: no word stands for dropout or for a normalisation"),
        _BY_OTHERS)
    return "so D is \"64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M\" to you"


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
