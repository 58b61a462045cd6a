"""Chapter 04's exercises: right answers, and wrong ones with words of the reason."""

import numpy as np
import torch
import torch.nn.functional as F
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

from lenet_book import convolution, layers

CHAPTER = 4


def rows_then_columns(x):
    return F.avg_pool2d(F.avg_pool2d(x, (x.shape[2], 1)), (1, x.shape[3])).view(x.shape[:2])


def framed(x, p, value):
    frame = x.new_full((*x.shape[:2], x.shape[2] + 2 * p, x.shape[3] + 2 * p), value)
    frame[:, :, p:p + x.shape[2], p:p + x.shape[3]] = x
    return frame


def by_loops(x, k, s, p, rule, value):
    x = framed(x, p, value)
    return torch.stack([torch.stack([rule(x[:, :, top:top + k, left:left + k])
                                     for left in range(0, x.shape[3] - k + 1, s)], -1)
                        for top in range(0, x.shape[2] - k + 1, s)], -2)


def max_by_loops(x, k, s, p):
    return by_loops(x, k, s, p, lambda window: window.amax((2, 3)), -torch.inf)


def mean_by_loops(x, k, s, p):
    return by_loops(x, k, s, p, lambda window: window.sum((2, 3)) / k ** 2, 0.0)


def columns_of(x, k, s, p, value):
    """N x C x k k x rows x columns."""
    x = framed(x, p, value)
    rows = (x.shape[2] - k) // s + 1
    return F.unfold(x, k, stride=s).unflatten(1, (x.shape[1], k * k)).unflatten(-1, (rows, -1))


def max_by_columns(x, k, s, p):
    return columns_of(x, k, s, p, -1e30).amax(2)


def mean_by_columns(x, k, s, p):
    return columns_of(x, k, s, p, 0).mean(2)


def max_by_parts(x, k, s, p):
    """One pixel of every window after another."""
    x = framed(x, p, -torch.inf)
    rows, columns = (x.shape[2] - k) // s + 1, (x.shape[3] - k) // s + 1
    result = x.new_full((*x.shape[:2], rows, columns), -torch.inf)
    for v in range(k):
        for t in range(k):
            result = torch.maximum(result, x[:, :, v::s, t::s][:, :, :rows, :columns])
    return result


def mean_by_matrices(x, k, s, p):
    """Rows and columns one after the other."""
    def slide(n):
        return torch.stack([(torch.arange(n + 2 * p) // 1 - i * s).ge(0)
                            & (torch.arange(n + 2 * p) - i * s).lt(k)
                            for i in range((n + 2 * p - k) // s + 1)]).double() / k
    return slide(x.shape[2]) @ framed(x, p, 0) @ slide(x.shape[3]).T


def by_strides(x, k, s):
    """Each window as a row: ... x rows x columns x k * k."""
    (rows, columns), strides = [(side - k) // s + 1 for side in x.shape[2:]], x.contiguous().stride()
    return x.contiguous().as_strided(
        (*x.shape[:2], rows, columns, k, k),
        (*strides[:2], s * strides[2], s * strides[3], *strides[2:])).flatten(-2)


def mean_by_convolution(x, k, s, p):
    kernels = torch.ones(x.shape[1], 1, k, k) / k ** 2
    return F.conv2d(x, kernels, stride=s, padding=p, groups=len(kernels))


def smallest_around(x, k, s, p):
    """A frame of the smallest number there is."""
    return max_by_loops(framed(x, p, x.min().item()), k, s, 0)


def zeros_for_padding(x, k, s, p):
    """A frame of zeros, mended after the cut."""
    columns = columns_of(x, k, s, p, 0)
    return columns.where(columns != 0, -torch.inf).amax(2)


def too_many(x, k, s, p):
    """H // s rows, whether so many windows fit or not."""
    x = framed(x, p, -torch.inf)
    y = torch.zeros(*x.shape[:2], x.shape[2] // s, x.shape[3] // s)
    for i in range(y.shape[2]):
        for u in range(y.shape[3]):
            y[:, :, i, u] = x[:, :, s * i:s * i + k, s * u:s * u + k].amax((2, 3))
    return y


def max_by_places(x, k, s, p, step=None, turned=False, axes=True):
    """Loops with parts that are wrong: how far apart windows are, the result's indices, the axes."""
    (down, right), x = step or (s, s), framed(x, p, -torch.inf)
    y = torch.zeros(*x.shape[:2], (x.shape[2] - k) // s + 1, (x.shape[3] - k) // s + 1)
    for i in range(y.shape[2]):
        for u in range(y.shape[3]):
            window = x[:, :, down * i:down * i + k, right * u:right * u + k]
            at = (u, i) if turned else (i, u)
            y[:, :, at[0], at[1]] = window.amax((2, 3)) if axes else window.max()
    return y


def mean_without_frame(x, k, s, p):
    """A slice that begins below 0 is empty."""
    y = torch.zeros(*x.shape[:2], *((size + 2 * p - k) // s + 1 for size in x.shape[2:]))
    for i in range(y.shape[2]):
        for u in range(y.shape[3]):
            top, left = s * i - p, s * u - p
            y[:, :, i, u] = x[:, :, top:top + k, left:left + k].mean((2, 3))
    return y


def max_in_first_round(x, k, s, p):
    x = framed(x, p, -torch.inf)
    y = torch.zeros(*x.shape[:2], (x.shape[2] - k) // s + 1, (x.shape[3] - k) // s + 1)
    for i in range(y.shape[2]):
        for u in range(y.shape[3]):
            y[:, :, i, u] = x[:, :, s * i:s * i + k, s * u:s * u + k].amax((2, 3))
        return y


def of_those_above_zero(x, q):
    windows = x.unfold(1, 2, 2).unfold(2, 2, 2)
    return (windows.pow(q).sum((-2, -1)) / windows.gt(0).sum((-2, -1))) ** (1 / q)


def max_framed(value):
    return lambda x, k, s, p: max_by_loops(framed(x, p, value), k, s, 0)


def power_by_hand(x, q):
    a, b = x[:, :x.shape[1] // 2 * 2], x.shape[2] // 2 * 2
    four = a[:, ::2, :b:2], a[:, ::2, 1:b:2], a[:, 1::2, :b:2], a[:, 1::2, 1:b:2]
    return (sum(one ** q for one in four) / 4) ** (1 / q)


def power_by_windows(x, q):
    return x.unfold(1, 2, 2).unfold(2, 2, 2).pow(q).mean((-1, -2)).pow(1 / q)


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


class OneForAll(Layer):
    def __init__(self, maps):
        super().__init__(1)


class Four(Layer):
    def __init__(self, maps):
        super().__init__(maps)
        self.weight = nn.Parameter(torch.ones(maps, 1, 2, 2))


class More(Layer):
    def __init__(self, maps):
        super().__init__(maps)
        self.squash = nn.Parameter(torch.ones(1))


class Shared(Layer):
    def __init__(self, maps):
        super().__init__(maps)
        self.bias = self.weight


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


def renewing(name):
    """A layer whose forward puts another parameter in the place of the one that is trained."""
    def forward(me, x):
        setattr(me, name, nn.Parameter(getattr(me, name).view(-1, 1, 1)))
        return Layer.forward(me, x)
    return layer_that(forward)


class Frozen(Layer):
    def __init__(self, maps):
        super().__init__(maps)
        self.weight.requires_grad_(False)


def layer_that(forward):
    """A class whose forward does something else."""
    return type("MySubsampling", (Layer,), {"forward": forward})


def each(values):
    return values.view(-1, 1, 1)


RIGHT = {
    "global_average_pooling": [(lambda x: F.avg_pool2d(x, (x.shape[2], x.shape[3])).flatten(1),),
                               (lambda x: F.avg_pool2d(x, x.size()[2:])[:, :, 0, 0],),
                               (rows_then_columns,)],
    "gradient_at_a_peak": [(9,), (9.0,), (torch.tensor(9.0),), (np.int64(9),)],
    "power_mean_pooling": [(lambda x, q: F.avg_pool2d(x.pow(q), 2).pow(1 / q),), (power_by_hand,),
                           (power_by_windows,),
                           (lambda x, q: (F.avg_pool2d(x ** q, 2).log() / q).exp(),)],
    "pooling_of_your_own": [(max_by_loops, mean_by_loops), (max_by_columns, mean_by_columns),
                            (max_by_parts, mean_by_matrices), (smallest_around, mean_by_convolution),
                            (lambda x, k, s, p: by_strides(framed(x, p, -torch.inf), k, s).amax(-1),
                             lambda x, k, s, p: by_strides(framed(x, p, 0), k, s).mean(-1))],
    "subsampling_of_your_own": [(Layer,), (Wide,), (ByConvolution,)],
}

WRONG = {  # (words that name the error, answer)
    "global_average_pooling": [
        ("mean does the work", lambda x: x.mean((2, 3))),
        ("sum does the work", lambda x: x.sum((2, 3)) / 9),
        ("mean does the work", lambda x: F.avg_pool2d(x.mean(3, keepdim=True), (36, 1))),
        ("mean is called behind F.avg_pool2d", lambda x: F.avg_pool2d(x, x.shape[2:]).mean((2, 3))),
        ("sum is called behind F.avg_pool2d", lambda x: F.avg_pool2d(x, x.shape[2:]).sum((2, 3))),
        ("mean is called behind", lambda x: nn.AvgPool2d(2)(x).mean(-1).mean(-1)),
        *(("the book's avg_pool2d does the work here; F.avg_pool2d alone", each) for each in (
            lambda x: convolution.avg_pool2d(x, x.shape[2:]).flatten(1),
            lambda x: convolution.avg_pool2d(x, tuple(x.shape[2:]))[..., 0, 0])),
        ("conv2d does the work", lambda x: F.conv2d(x, torch.ones(x.shape[1], 1, *x.shape[2:]) / x[
            0, 0].numel(), groups=x.shape[1]).flatten(1)),
        ("AdaptiveAvgPool2d is a class", nn.AdaptiveAvgPool2d),
        ("square maps alone", lambda x: F.avg_pool2d(x, x.shape[2]).flatten(1)),
        ("height and width, in this order",
         lambda x: F.avg_pool2d(x, (x.shape[3], x.shape[2])).flatten(1)),
        ("window is 2 x 2 whatever the map", lambda x: F.avg_pool2d(x, 2).flatten(1)),
        ("window is 28 x 28 whatever the map", lambda x: F.avg_pool2d(x, 28).flatten(1)),
        ("adaptive", lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1)),
        ("adaptive", lambda x: nn.AdaptiveAvgPool2d(1)(x).flatten(1)),
        ("right for x 2 x 6 x 36 x 36, but", lambda x: F.avg_pool2d(x, 36).flatten(1)),
        ("axes of length 1 are still there", lambda x: F.avg_pool2d(x, x.shape[2:])),
        ("batch of one", lambda x: F.avg_pool2d(x, x.shape[2:]).squeeze()),
        ("square maps alone", lambda x: F.avg_pool2d(x, x.shape[3]).flatten(1)),
        ("maximum", lambda x: F.max_pool2d(x, x.shape[2:]).flatten(1)),
        ("exchanged", lambda x: F.avg_pool2d(x, x.shape[2:]).flatten(1).T),
        ("one axis", lambda x: F.avg_pool2d(x, x.shape[2:]).flatten()),
        ("sum of each", lambda x: F.avg_pool2d(x, x.shape[2:], divisor_override=1).flatten(1)),
        ("must be a function", torch.ones(2, 6)), ("return", print)],
    "gradient_at_a_peak": [
        ("side by side", 1), ("one average", 1 / 9), ("number of pixels", 25), ("along two", 3),
        ("stride of 2", 4), ("depends on it", 0), ("size of the map", 5), ("count the windows", 8),
        ("must be a number", "9"), ("must be a number", None), ("finite", float("nan")),
        ("must be a number", True)],
    "power_mean_pooling": [
        ("root is missing", lambda x, q: F.avg_pool2d(x ** q, 2)),
        ("powers are missing", lambda x, q: F.avg_pool2d(x, 2) ** (1 / q)),
        ("exchanged", lambda x, q: F.avg_pool2d(x ** (1 / q), 2) ** q),
        ("raised to q once more", lambda x, q: F.avg_pool2d(x ** q, 2) ** q),
        ("should be averaged", lambda x, q: (4 * F.avg_pool2d(x ** q, 2)) ** (1 / q)),
        ("divided by 4 twice", lambda x, q: (F.avg_pool2d(x ** q, 2) / 4) ** (1 / q)),
        ("divided by q", lambda x, q: F.avg_pool2d(x ** q, 2) / q),
        ("power belongs before the averaging, the root behind it",
         lambda x, q: F.avg_pool2d((x ** q) ** (1 / q), 2)),
        ("power belongs before the averaging, the root behind it",
         lambda x, q: F.avg_pool2d(x * q, 2) / q),
        ("1 // q", lambda x, q: F.avg_pool2d(x ** q, 2) ** (1 // q)),
        ("maximum, whatever", lambda x, q: F.max_pool2d(x, 2)),
        ("multiplied by q", lambda x, q: q * F.avg_pool2d(x, 2)),
        ("blend", lambda x, q: F.avg_pool2d(x, 2) / q + F.max_pool2d(x, 2) * (1 - 1 / q)),
        ("overlap", lambda x, q: F.avg_pool2d(x ** q, 2, 1) ** (1 / q)),
        ("taken as 2", lambda x, q: F.avg_pool2d(x ** 2, 2).sqrt()),
        ("always the square root", lambda x, q: F.avg_pool2d(x ** q, 2).sqrt()),
        ("but for x 1 x 4 x 4, q = 3 its result holds a number that", of_those_above_zero),
        ("lp_pool2d does", lambda x, q: F.lp_pool2d(x, q, 2)),
        ("it gives", lambda x, q: F.avg_pool2d(x ** q, 2) ** (1 / (q + 1))),
        ("changes the x", lambda x, q: F.avg_pool2d(x.pow_(q), 2) ** (1 / q))],
    "pooling_of_your_own": [
        ("max_pool2d does", F.max_pool2d, mean_by_loops),
        ("max_pool2d does", lambda x, k, s, p: nn.MaxPool2d(k, s, p)(x), mean_by_loops),
        ("max_pool2d does", lambda x, k, s, p: convolution.max_pool2d(x, k, s, p), mean_by_loops),
        ("its window (argmax)", lambda x, k, s, p: by_strides(
            framed(x, p, -torch.inf), k, s).argmax(-1), mean_by_loops),
        ("that is the median", max_by_loops, lambda x, k, s, p: by_strides(
            framed(x, p, 0), k, s).median(-1).values),
        ("average pooling: avg_pool2d does", max_by_loops, F.avg_pool2d),
        ("max pooling: padding of zeros", lambda x, k, s, p: max_by_loops(framed(x, p, 0), k, s, 0),
         mean_by_loops),
        ("frame of -1 wins", max_framed(-1.), mean_by_loops),
        ("frame of -100 wins", max_framed(-100.), mean_by_loops),
        ("frame of -1,000 wins", max_framed(-1000.), mean_by_loops),
        ("take .values", lambda x, k, s, p: framed(x, p, -torch.inf).unfold(
            2, k, s).unfold(3, k, s).flatten(-2).max(-1), mean_by_loops),
        ("max pooling: zeros of the map itself are taken for padding", zeros_for_padding,
         mean_by_loops),
        ("max pooling: the maximum begins at 0", lambda x, k, s, p: max_by_parts(x, k, s, p).relu(),
         mean_by_loops),
        ("max pooling: the padding lies on the left and right alone",
         lambda x, k, s, p: max_by_loops(F.pad(x, (p, p), value=-torch.inf), k, s, 0), mean_by_loops),
        ("average pooling: the padding lies on the left and right alone", max_by_loops,
         lambda x, k, s, p: mean_by_loops(F.pad(x, (p, p)), k, s, 0)),
        ("average pooling: the padding lies above and below alone", max_by_loops,
         lambda x, k, s, p: mean_by_loops(F.pad(x, (0, 0, p, p)), k, s, 0)),
        ("average pooling: the maps are added together", max_by_loops, lambda x, k, s, p: F.conv2d(
            x, torch.ones(x.shape[1], x.shape[1], k, k) / k ** 2, stride=s, padding=p)),
        ("max pooling: the padding does not",
         lambda x, k, s, p: max_by_loops(x, k, s, 0), mean_by_loops),
        ("max pooling: the stride does not",
         lambda x, k, s, p: max_by_loops(x, k, 1, p), mean_by_loops),
        ("a number of its own", lambda x, k, s, p: max_by_loops(x, k, k, p), mean_by_loops),
        ("always 2 x 2", max_by_loops, lambda x, k, s, p: mean_by_loops(x, 2, s, p)),
        ("it gives 2 x 2 x 7 x 7, not 2 x 2 x 5 x 5", too_many, mean_by_loops),
        ("place i begins at s times i", lambda *case: max_by_places(*case, step=(1, 1)), mean_by_loops),
        ("rows and columns of the result are exchanged",
         lambda *case: max_by_places(*case, turned=True), mean_by_loops),
        ("one maximum for all images and maps", lambda *case: max_by_places(*case, axes=False),
         mean_by_loops),
        ("one average for all images and maps", max_by_loops, lambda *case: by_loops(
            *case, lambda w: w.mean().expand(w.shape[:2]), 0.0)),
        ("always ends in its first round", max_in_first_round, mean_by_loops),
        ("MaxPool2d is a class", nn.MaxPool2d, nn.AvgPool2d),
        ("smallest", lambda x, k, s, p: -max_by_loops(-x, k, s, p), mean_by_loops),
        ("max pooling: that is the average", mean_by_loops, mean_by_loops),
        ("first map", lambda x, k, s, p: max_by_loops(x, k, s, p)[:, :1], mean_by_loops),
        ("pooled together", lambda x, k, s, p: max_by_loops(x, k, s, p).amax(1, keepdim=True),
         mean_by_loops),
        ("one pixel wide", lambda x, k, s, p: max_by_loops(x, k, s, min(p, 1)), mean_by_loops),
        ("average pooling: here the padding is not counted", max_by_loops,
         lambda x, k, s, p: mean_by_loops(x, k, s, p) / mean_by_loops(torch.ones_like(x), k, s, p)),
        ("average pooling: that is the sum", max_by_loops,
         lambda x, k, s, p: mean_by_loops(x, k, s, p) * k ** 2),
        ("divides by 4", max_by_loops, lambda x, k, s, p: mean_by_loops(x, k, s, p) * k ** 2 / 4),
        ("divides by k", max_by_loops, lambda x, k, s, p: mean_by_loops(x, k, s, p) * k),
        ("average pooling: that is the maximum", max_by_loops, max_by_loops),
        ("the columns at every pixel", lambda *case: max_by_places(*case, step=case[2:3] + (1,)),
         mean_by_loops),
        ("the rows at every pixel", lambda *case: max_by_places(*case, step=(1,) + case[2:3]),
         mean_by_loops),
        ("not finite: nan, as the mean of an empty window", max_by_loops, mean_without_frame),
        ("not finite: -inf; what never wins a maximum still counts in a mean", max_by_loops,
         lambda x, k, s, p: by_loops(x, k, s, p, lambda w: w.mean((2, 3)), -torch.inf)),
        ("hand over max_pool and avg_pool", max_by_loops),
        ("must be a function", torch.ones(1), torch.ones(1))],
    "subsampling_of_your_own": [
        ("class itself", Layer(6)), ("must be a class", lambda maps: Layer(maps)),
        ("must be a class", "Layer"), ("replace the dots", OfNothing), ("raises", WithoutInit),
        ("raises", nn.Linear), ("bias is a plain tensor", Plain), ("1 number for 6 maps", OneForAll),
        ("4 numbers for 1 map: four", Four),
        ("more parameters than weight and bias: squash", More), ("cannot be trained", Frozen),
        ("the same Parameter; each needs its own", Shared),
        ("self.of_maps is made of a parameter in __init__", Keeping),
        ("forward makes a new self.weight", renewing("weight")),
        ("forward makes a new self.bias", renewing("bias")),
        ("bias is subtracted", layer_that(
            lambda me, x: each(me.weight) * me.four(x) - each(me.bias))),
        ("no parameter self.weight: make it in __init__", nn.ReLU),
        ("no parameter self.weight: make it in __init__", OnlyInForward),
        ("self.weight does not enter", Copied),
        ("maps are added together", layer_that(
            lambda me, x: each(me.weight) * me.four(x).sum(1, True) + each(me.bias))),
        ("mean of each window", layer_that(
            lambda me, x: each(me.weight) * F.avg_pool2d(x, 2) + each(me.bias))),
        ("largest of each", layer_that(
            lambda me, x: each(me.weight) * F.max_pool2d(x, 2) + each(me.bias))),
        ("self.bias does not enter", layer_that(lambda me, x: each(me.weight) * me.four(x))),
        ("self.weight does not enter", layer_that(lambda me, x: me.four(x) + each(me.bias))),
        ("multiplied as well", layer_that(
            lambda me, x: each(me.weight) * (me.four(x) + each(me.bias)))),
        ("once for each of the four", layer_that(
            lambda me, x: each(me.weight) * me.four(x) + 4 * each(me.bias))),
        ("exchanged", layer_that(lambda me, x: each(me.bias) * me.four(x) + each(me.weight))),
        ("first one's", layer_that(lambda me, x: me.weight[0] * me.four(x) + me.bias[0])),
        ("squashing function is a layer", layer_that(
            lambda me, x: layers.ScaledTanh()(Layer.forward(me, x)))),
        ("ReLU", layer_that(lambda me, x: Layer.forward(me, x).relu())),
        ("no gradient", layer_that(lambda me, x: Layer.forward(me, x).detach())),
        ("no gradient reaches self.weight", layer_that(
            lambda me, x: each(me.weight.detach()) * me.four(x) + each(me.bias))),
        ("no gradient reaches self.weight", layer_that(lambda me, x: torch.stack([
            one.item() * maps for one, maps in zip(me.weight, me.four(x).unbind(1), strict=True)], 1)
            + each(me.bias))),
        ("no gradient reaches self.bias", layer_that(
            lambda me, x: each(me.weight) * me.four(x) + each(me.bias.data))),
        ("no gradient reaches its input", layer_that(lambda me, x: Layer.forward(me, x.detach()))),
        ("book's Subsampling", layers.Subsampling), ("book's Subsampling", Derived),
        ("book's Subsampling", Borrowed),
        ("each map has its coefficient: self.weight[:, None, None]",
         layer_that(lambda me, x: me.weight * me.four(x) + me.bias)),
        ("each map has its coefficient: self.weight[:, None, None]", layer_that(
            lambda me, x: me.weight[:, None] * me.four(x) + me.bias[:, None])),
        ("each map has its coefficient: self.weight[:, None, None]",
         layer_that(lambda me, x: me.weight * me.four(x) + each(me.bias))),
        ("each map has its bias: self.bias[:, None, None]",
         layer_that(lambda me, x: each(me.weight) * me.four(x) + me.bias)),
        ("it raises", layer_that(lambda me, x: each(me.weight) @ me.four(x))),
        ("overlap", layer_that(
            lambda me, x: each(me.weight) * 4 * F.avg_pool2d(x, 2, 1) + each(me.bias)))],
}

EQUAL = {
    "global_average_pooling": {
        "return F.avg_pool2d(x, x.shape[2:]).flatten(1) ->     return F.avg_pool2d(x, x.shape[-2:])"
        ".flatten(1)": "of four axes the last two are the third and the fourth"},
    "pooling_of_your_own": {
        "return padded.unfold(2, k, s).unfold(3, k, s) ->     return padded.unfold(-2, k, s)"
        ".unfold(3, k, s)": "axis 2 of four is the last but one",
        "return windows_solution(x, k, s, p, -torch.inf).amax((4, 5)) ->     return "
        "windows_solution(x, k, s, p, -torch.inf).amax((5, 4))": "a maximum over both, in any order",
        "return windows_solution(x, k, s, p, 0).mean((4, 5)) ->     return "
        "windows_solution(x, k, s, p, 0).mean((5, 4))": "a mean over both, in any order"},
}
