"""Chapter 04: global average pooling, a gradient, a power mean, pooling and subsampling built."""

from inspect import isclass
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..arguments import shown
from .answers import agrees, compare, known, number
from .calls import Function
from .exercise import exercise
from .subsampling import filled, is_trained
from .verdict import Wrong
from .windows import slips_of_windows

_OF_MAPS = (-1, 1, 1)  # the shape in which a number of each map meets maps
_BY_OTHERS = dict.fromkeys(
    ("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool2d",
     "max_pool2d_with_indices", "adaptive_max_pool2d", "adaptive_avg_pool2d"),
    "cut out the windows yourself")
_BY_SUMS = dict.fromkeys(
    ("mean", "sum", "nanmean", "nansum", "einsum", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool3d",
     "reduce", "conv2d", "the book's avg_pool2d"), "F.avg_pool2d alone is asked for")


@exercise(chapter=4, number=1, level="easy", minutes=4)
def global_average_pooling(answer) -> str:
    """N x C x H x W -> N x C, by F.avg_pool2d alone."""
    def right(x):
        return x.mean((2, 3))

    cases = [(torch.randn(shape).double(),) for shape in (
        (2, 6, 36, 36), (2, 3, 4, 5), (3, 2, 7, 2), (1, 4, 3, 3), (2, 1, 1, 6))]
    mistakes = {
        "N x C x 1 x 1: the two axes of length 1 are still there":
            lambda x: right(x)[..., None, None],
        "squeeze takes away every axis of length 1, that of a batch of one among them":
            lambda x: right(x).squeeze(),
        "that is the maximum of each map": lambda x: x.amax((2, 3)),
        "that is the sum of each map": lambda x: x.sum((2, 3)),
        "the maps are averaged together, and each should be by itself": lambda x: x.mean((1, 2, 3)),
        "N and C are exchanged": lambda x: right(x).T,
        "N and C have become one axis": lambda x: right(x).flatten(),
    }
    try:
        compare(answer, right, cases, "x", mistakes, _BY_SUMS)
    except Wrong as wrong:
        square = [(torch.randn(n, c, h, h).double(),) for n, c, h in ((2, 6, 36), (1, 3, 5), (2, 1, 1))]
        if agrees(answer, right, square, "x", _BY_SUMS):
            raise Wrong("the window fits square maps alone, and a map may be 4 x 5: give the map's "
                        "height and width, in this order") from None
        for m in (2, 28):
            if agrees(answer, lambda x, m=m: F.avg_pool2d(x, m).flatten(1), cases[:1], "x", _BY_SUMS):
                raise Wrong(f"the window is {m} x {m} whatever the map: take its height and width"
                            ) from None
        name, does, _ = str(wrong).partition(" does the work here")
        if does and _pools_first(answer, cases[0]):
            raise Wrong(f"{name} is called behind F.avg_pool2d, which has averaged already: with the "
                        "right window axes of length 1 are left, and those need no sum") from None
        raise
    return "as many numbers as there are maps, however large these are"


def _pools_first(answer, case: tuple) -> bool:
    """Is F.avg_pool2d called before anything else that sums?"""
    try:
        Function(answer, "x", _BY_SUMS | {"avg_pool2d": "it is the first"})(*case)
    except Wrong as wrong:
        return str(wrong).startswith("avg_pool2d")
    return False


@exercise(chapter=4, number=2, level="easy", minutes=3)
def gradient_at_a_peak(answer) -> str:
    """The gradient at a 1 amid 5 x 5 zeros, of the sum of max pooling by 3 x 3 with stride 1."""
    known(number(answer), 9, {
        1: "so it would be with windows side by side; at a stride of 1 the peak lies in several",
        1 / 9: "that is the share of a pixel in one average; the maximum passes all of it on",
        25: "that is the number of pixels, and the windows do not have so many places",
        3: "that is along one axis, and the windows lie along two",
        4: "at a stride of 2 it would be so",
        0: "the peak is the largest of its windows, so each of these depends on it",
        5: "that is the size of the map; count the places of a window of 3 in it",
    }, "count the windows in which it is the largest")
    return "a window passes a gradient of 1 to its winner, and the peak wins everywhere"


@exercise(chapter=4, number=3, level="medium", minutes=6)
def power_mean_pooling(answer) -> str:
    """x, q -> for each 2 x 2 window the q-th root of the mean of the q-th powers."""
    def right(x, q):
        return _windows(x, 2, 2).pow(q).mean((-2, -1)) ** (1 / q)

    def average(x):
        return _windows(x, 2, 2).mean((-2, -1))

    def largest(x):
        return _windows(x, 2, 2).amax((-2, -1))

    cases = [(torch.rand(shape).double() * 3, q) for shape, q in (
        ((1, 4, 4), 2), ((3, 6, 4), 1), ((2, 4, 8), 3.5), ((1, 5, 7), 8), ((2, 2, 6), 0.5))]
    cases.append((torch.eye(4).double()[None], 3))  # windows with zeros in them
    compare(answer, right, cases, "x q", {
        "the root is missing": lambda x, q: average(x ** q),
        "the powers are missing: they come before the average": lambda x, q: average(x) ** (1 / q),
        "power and root are exchanged": lambda x, q: average(x ** (1 / q)) ** q,
        "the powers are added, and should be averaged": lambda x, q: (4 * average(x ** q)) ** (1 / q),
        "divided by 4 twice: the average has done it": lambda x, q: (average(x ** q) / 4) ** (1 / q),
        "it is divided by q, in place of taking the q-th root": lambda x, q: average(x ** q) / q,
        "raised to q once more; the root is the power 1/q": lambda x, q: average(x ** q) ** q,
        "the average, whatever q is: the power belongs before the averaging, the root behind it":
            lambda x, q: average(x),
        "1 // q is 0 for any q above 1: / keeps the fraction": lambda x, q: average(x ** q) ** (1 // q),
        "that is the maximum, whatever q is": lambda x, q: largest(x),
        "that is the average multiplied by q": lambda x, q: q * average(x),
        "a blend of average and maximum has the right ends, for q = 1 and for large q, but another way "
        "between": lambda x, q: largest(x) + (average(x) - largest(x)) / q,
        "the windows overlap: the stride is 2 as well":
            lambda x, q: _windows(x, 2, 1).pow(q).mean((-2, -1)) ** (1 / q),
        "q is taken as 2": lambda x, q: right(x, 2),
        "the root is always the square root": lambda x, q: average(x ** q).sqrt(),
        "the root of the maximum of powers is the maximum": lambda x, q: largest(x ** q),
    }, {"lp_pool2d": "write the power mean yourself"})
    return "a net can learn q as well: it is one more parameter, with a gradient"


@exercise(chapter=4, number=4, level="medium", minutes=12)
def pooling_of_your_own(max_pool, avg_pool) -> str:
    """x, kernel size, stride, padding -> what F.max_pool2d and F.avg_pool2d give."""
    cases = [(torch.randn(shape).double() - 1, k, s, p) for shape, k, s, p in (
        ((1, 1, 4, 4), 2, 2, 0), ((2, 2, 5, 5), 3, 1, 1), ((1, 3, 7, 7), 3, 2, 1),
        ((2, 3, 6, 7), 2, 2, 0), ((1, 2, 7, 5), 3, 2, 0),
        ((1, 2, 5, 6), 3, 1, 1), ((2, 1, 6, 8), 3, 2, 1), ((1, 3, 5, 4), 2, 3, 1),
        ((1, 1, 4, 5), 4, 2, 2), ((2, 2, 3, 4), 1, 2, 0))]
    cases.append((-1e6 - 1e6 * torch.rand(1, 2, 5, 6).double(), 3, 2, 1))  # below many a frame
    cases.append(((torch.arange(60) % 4 - 3).double().view(1, 2, 5, 6), 3, 2, 1))  # 0 is its largest
    _compare_pools("max", max_pool, F.max_pool2d, cases, {
        "padding of zeros wins against negative numbers, and invents what is not there":
            lambda x, k, s, p: F.max_pool2d(_framed(x, p), k, s),
        **{f"a frame of {v:,} wins against smaller numbers; minus infinity never wins":
           lambda x, k, s, p, v=v: F.max_pool2d(_framed(x, p, v), k, s)
           for v in (-1, -10, -100, -999, -1000, -9999, -10_000, -100_000, -1_000_000)},
        "the maximum begins at 0 and never falls below: begin at minus infinity":
            lambda x, k, s, p: F.max_pool2d(x, k, s, p).relu(),
        "zeros of the map itself are taken for padding: put minus infinity around it before you cut":
            lambda x, k, s, p: F.max_pool2d(x.where(x != 0, -torch.inf), k, s, p),
        "that is the smallest number of each window": lambda x, k, s, p: -F.max_pool2d(-x, k, s, p),
        "that is the average": lambda x, k, s, p: F.avg_pool2d(x, k, s, p),
        "the maps are pooled together, and each should be by itself":
            lambda x, k, s, p: F.max_pool2d(x, k, s, p).amax(1, keepdim=True),
        "the frame is one pixel wide, whatever the padding":
            lambda x, k, s, p: F.max_pool2d(_framed(x, min(p, 1), -1e9), k, s),
        "that is the place of the maximum in its window (argmax), and the maximum is asked":
            lambda x, k, s, p: _windows(_framed(x, p, -torch.inf), k, s).flatten(-2).argmax(-1),
        "the sizes are compared, and not the numbers": lambda x, k, s, p:
            F.max_pool2d(x.abs(), k, s, p),
    })
    _compare_pools("average", avg_pool, F.avg_pool2d, cases, {
        "here the padding is not counted; PyTorch, unless told otherwise, divides by the whole window":
            lambda x, k, s, p: F.avg_pool2d(x, k, s, p, count_include_pad=False),
        "the window is always 2 x 2": lambda x, k, s, p: F.avg_pool2d(_framed(x, p), 2, s),
        "that is the sum": lambda x, k, s, p: F.avg_pool2d(x, k, s, p) * k ** 2,
        "it divides by 4, and a window has k times k pixels":
            lambda x, k, s, p: F.avg_pool2d(x, k, s, p) * k ** 2 / 4,
        "it divides by k, and a window has k times k pixels":
            lambda x, k, s, p: F.avg_pool2d(x, k, s, p) * k,
        "that is the median":
            lambda x, k, s, p: _windows(_framed(x, p), k, s).flatten(-2).median(-1).values,
        "that is the maximum": lambda x, k, s, p: F.max_pool2d(x, k, s, p),
        "the maps are pooled together, and each should be by itself":
            lambda x, k, s, p: F.avg_pool2d(x, k, s, p).mean(1, keepdim=True),
        "the maps are added together, and each should be by itself":
            lambda x, k, s, p: F.avg_pool2d(x, k, s, p).sum(1, True).expand(-1, x.shape[1], -1, -1),
    })
    return "the frame never wins the maximum, and counts as zeros in the average"


def _compare_pools(name: str, answer, right, cases: list, mistakes: dict) -> None:
    over_all, single = (torch.amax, "maximum") if name == "max" else (torch.mean, "average")
    try:
        mistakes = mistakes | slips_of_windows(right) | {
            f"one {single} for all images and maps; give it the axes of the window":
                lambda x, k, s, p: over_all(right(x, k, s, p), (0, 1)).expand(*x.shape[:2], -1, -1),
            "the stride is taken to be k: s is a number of its own":
                lambda x, k, s, p: right(x, k, k, p),
            "a window that does not fit as a whole is left out, and this one counts it":
                lambda x, k, s, p: right(x, k, s, p, ceil_mode=True),
        }
        for some in ([case for case in cases if case[0].shape[2] == case[0].shape[3]], cases):
            compare(answer, right, some, "x k s p", mistakes, _BY_OTHERS)  # some fit square maps alone
    except Wrong as wrong:
        kind = str(wrong).partition("not finite: ")[2] if name == "average" else ""
        raise Wrong(f"{name} pooling: {wrong}" + {
            "-inf": "; what never wins a maximum still counts in a mean",
            "nan": ", as the mean of an empty window, or 0 / 0"}.get(kind, "")) from None


def _framed(x: Tensor, p: int, value: float = 0) -> Tensor:
    return F.pad(x, (p, p, p, p), value=value)


def _windows(x: Tensor, k: int, s: int) -> Tensor:
    return x.unfold(-2, k, s).unfold(-2, k, s)


@exercise(chapter=4, number=5, level="medium", minutes=12)
def subsampling_of_your_own(answer) -> str:
    """A class: the subsampling of 1998, with a trainable weight and bias for each map."""
    if isinstance(answer, nn.Module):
        raise Wrong("hand over the class itself; the check makes layers of it")
    if not isclass(answer) or not issubclass(answer, nn.Module):
        raise Wrong(f"this must be a class that inherits from nn.Module, not {shown(answer)}")

    def of_class(x, weight, bias):
        layer = filled(answer, weight, bias)
        return Function(layer, "x")(x)

    def right(x, weight, bias, of_weight=_OF_MAPS, of_bias=_OF_MAPS, pool=F.avg_pool2d):
        return weight.view(of_weight) * 4 * pool(x, 2) + bias.view(of_bias)

    cases = [(torch.randn(shape).double(), *torch.randn(2, shape[1]).double())
             for shape in ((1, 1, 4, 4), (2, 6, 4, 8), (3, 4, 8, 6), (1, 3, 7, 5))]
    _axes_of_maps(of_class, right)
    compare(of_class, right, cases, "x weight bias", {
        "the mean of each window is multiplied, and in 1998 it is the sum":
            lambda x, w, b: right(x, w / 4, b),
        "the largest of each window is taken, and the four should be added":
            lambda x, w, b: right(x, w / 4, b, pool=F.max_pool2d),
        "self.bias does not enter: add it in forward": lambda x, w, b: right(x, w, 0 * b),
        "the bias is subtracted": lambda x, w, b: right(x, w, -b),
        "self.weight does not enter: multiply by it in forward":
            lambda x, w, b: right(x, torch.ones_like(w), b),
        "the bias is multiplied as well: it comes after the coefficient":
            lambda x, w, b: right(x, w, w * b),
        "the bias is added once for each of the four, and should be once":
            lambda x, w, b: right(x, w, 4 * b),
        "the maps are added together, and each should be by itself": lambda x, w, b: right(
            x, w, b, pool=lambda x, k: F.avg_pool2d(x, k).sum(1, True)),
        "weight and bias are exchanged": lambda x, w, b: right(x, b, w),
        "every map gets the first one's coefficient and bias": lambda x, w, b: right(x, w[:1], b[:1]),
        "the squashing function is a layer of its own, which follows":
            lambda *case: 1.7159 * torch.tanh(2 / 3 * right(*case)),
        "there is a tanh in it, and a layer of its own squashes": lambda *case: right(*case).tanh(),
        "there is a ReLU in it, and a layer of its own activates": lambda *case: right(*case).relu(),
        "the windows overlap: the stride is 2":
            lambda *case: right(*case, pool=lambda x, k: F.avg_pool2d(x, k, 1)),
    })
    is_trained(answer, *cases[1])
    return "two parameters a map, 12 in S2 and 32 in S4"


def _axes_of_maps(of_class, right) -> None:
    """Wrong, if a number of each map meets rows or columns instead, as 3 fit maps of 3 x 3."""
    case = torch.randn(2, 3, 6, 6).double(), *torch.randn(2, 3).double()
    for axes in list(product((_OF_MAPS, (-1,), (-1, 1)), repeat=2))[1:]:
        if agrees(of_class, lambda *case, axes=axes: right(*case, *axes), [case], "x weight bias"):
            raise Wrong("each map has its " + ("bias: self.bias" if axes[0] == _OF_MAPS else
                                               "coefficient: self.weight") + "[:, None, None]")
