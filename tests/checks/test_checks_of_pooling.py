"""Chapter 04's exercises: right answers, and wrong ones with words of the reason."""

import numpy as np
import poolings
import subsamplings
import torch
import torch.nn.functional as F
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

from lenet_book import convolution

CHAPTER = 4


def rows_then_columns(x):
    return F.avg_pool2d(F.avg_pool2d(x, (x.shape[2], 1)), (1, x.shape[3])).view(x.shape[:2])


def of_those_above_zero(x, q):
    windows = x.unfold(1, 2, 2).unfold(2, 2, 2)
    return (windows.pow(q).sum((-2, -1)) / windows.gt(0).sum((-2, -1))) ** (1 / q)


def power_by_hand(x, q):
    a, b = x[:, :x.shape[1] // 2 * 2], x.shape[2] // 2 * 2
    four = a[:, ::2, :b:2], a[:, ::2, 1:b:2], a[:, 1::2, :b:2], a[:, 1::2, 1:b:2]
    return (sum(one ** q for one in four) / 4) ** (1 / q)


def power_by_windows(x, q):
    return x.unfold(1, 2, 2).unfold(2, 2, 2).pow(q).mean((-1, -2)).pow(1 / q)


RIGHT = {
    "global_average_pooling": [(lambda x: F.avg_pool2d(x, (x.shape[2], x.shape[3])).flatten(1),),
                               (lambda x: F.avg_pool2d(x, x.size()[2:])[:, :, 0, 0],),
                               (rows_then_columns,)],
    "gradient_at_a_peak": [(9,), (9.0,), (torch.tensor(9.0),), (np.int64(9),)],
    "power_mean_pooling": [(lambda x, q: F.avg_pool2d(x.pow(q), 2).pow(1 / q),), (power_by_hand,),
                           (power_by_windows,),
                           (lambda x, q: (F.avg_pool2d(x ** q, 2).log() / q).exp(),)],
    "pooling_of_your_own": poolings.RIGHT,
    "subsampling_of_your_own": subsamplings.RIGHT,
}

WRONG = {  # (words that name the error, answer)
    "global_average_pooling": [
        ("mean does the work", lambda x: x.mean((2, 3))),
        ("sum does the work", lambda x: x.sum((2, 3)) / 9),
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
        ("must be a number", "9"), ("finite", float("nan"))],
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
    "pooling_of_your_own": poolings.WRONG,
    "subsampling_of_your_own": subsamplings.WRONG,
}

EQUAL = {
    "global_average_pooling": {
        "return F.avg_pool2d(x, x.shape[-2:]).flatten(1)":
            "of four axes the last two are the third and the fourth"},
    "pooling_of_your_own": {
        "return padded.unfold(-2, k, s).unfold(3, k, s)": "axis 2 of four is the last but one",
        "return windows_solution(x, k, s, p, -torch.inf).amax((5, 4))":
            "a maximum over both, in any order",
        "return windows_solution(x, k, s, p, 0).mean((5, 4))": "a mean over both, in any order"},
}
