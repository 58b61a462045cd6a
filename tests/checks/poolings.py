"""Functions that pool, right and wrong: answers to exercise 4 of chapter 04."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from lenet_book import convolution


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
    rows, columns = (range(-p, size + p - k + 1, s) for size in x.shape[2:])
    return torch.stack([torch.stack([x[:, :, top:top + k, left:left + k].mean((2, 3))
                                     for left in columns], -1) for top in rows], -2)


def max_in_first_round(*case):
    right = max_by_loops(*case)
    y = torch.zeros_like(right)
    for i in range(right.shape[2]):
        for u in range(right.shape[3]):
            y[:, :, i, u] = right[:, :, i, u]
        return y


def max_framed(value):
    return lambda x, k, s, p: max_by_loops(framed(x, p, value), k, s, 0)


RIGHT = [(max_by_loops, mean_by_loops), (max_by_columns, mean_by_columns),
         (max_by_parts, mean_by_matrices), (smallest_around, mean_by_convolution),
         (lambda x, k, s, p: by_strides(framed(x, p, -torch.inf), k, s).amax(-1),
          lambda x, k, s, p: by_strides(framed(x, p, 0), k, s).mean(-1))]

WRONG_MAX = [  # (words that name the error, answer)
    ("max_pool2d does", F.max_pool2d), ("max_pool2d does", convolution.max_pool2d),
    ("its window (argmax)", lambda x, k, s, p: by_strides(framed(x, p, -torch.inf), k, s).argmax(-1)),
    ("max pooling: padding of zeros", max_framed(0)), ("frame of -1 wins", max_framed(-1.)),
    ("frame of -100 wins", max_framed(-100.)), ("frame of -1,000 wins", max_framed(-1000.)),
    ("take .values", lambda x, k, s, p: by_strides(framed(x, p, -torch.inf), k, s).max(-1)),
    ("max pooling: zeros of the map itself are taken for padding", zeros_for_padding),
    ("max pooling: the maximum begins at 0", lambda *case: max_by_parts(*case).relu()),
    ("max pooling: the padding lies on the left and right alone",
     lambda x, k, s, p: max_by_loops(F.pad(x, (p, p), value=-torch.inf), k, s, 0)),
    ("max pooling: the padding does not", lambda x, k, s, p: max_by_loops(x, k, s, 0)),
    ("max pooling: the stride does not", lambda x, k, s, p: max_by_loops(x, k, 1, p)),
    ("the stride enters along the rows alone", lambda x, k, s, p: max_by_loops(x, k, 1, p)[:, :, ::s]),
    ("the stride is taken to be k", lambda x, k, s, p: max_by_loops(x, k, k, p)),
    ("it gives 2 x 2 x 7 x 7, not 2 x 2 x 5 x 5", too_many),
    ("place i begins at stride times i", partial(max_by_places, step=(1, 1))),
    ("the columns at every pixel", lambda x, k, s, p: max_by_places(x, k, s, p, step=(s, 1))),
    ("the rows at every pixel", lambda x, k, s, p: max_by_places(x, k, s, p, step=(1, s))),
    ("rows and columns of the result are exchanged", partial(max_by_places, turned=True)),
    ("one maximum for all images and maps", partial(max_by_places, axes=False)),
    ("always ends in its first round", max_in_first_round),
    ("smallest", lambda x, k, s, p: -max_by_loops(-x, k, s, p)),
    ("max pooling: that is the average", mean_by_loops),
    ("first output map", lambda *case: max_by_loops(*case)[:, :1]),
    ("first image of the batch", lambda *case: max_by_loops(*case)[:1]),
    ("pooled together", lambda *case: max_by_loops(*case).amax(1, keepdim=True)),
    ("one pixel wide", lambda x, k, s, p: max_by_loops(x, k, s, min(p, 1)))]

WRONG_MEAN = [
    ("average pooling: avg_pool2d does", F.avg_pool2d),
    ("that is the median", lambda x, k, s, p: by_strides(framed(x, p, 0), k, s).median(-1).values),
    ("average pooling: the padding lies on the left and right alone",
     lambda x, k, s, p: mean_by_loops(F.pad(x, (p, p)), k, s, 0)),
    ("average pooling: the padding lies above and below alone",
     lambda x, k, s, p: mean_by_loops(F.pad(x, (0, 0, p, p)), k, s, 0)),
    ("average pooling: the maps are added together", lambda x, k, s, p: F.conv2d(
        x, torch.ones(x.shape[1], x.shape[1], k, k) / k ** 2, stride=s, padding=p)),
    ("always 2 x 2", lambda x, k, s, p: mean_by_loops(x, 2, s, p)),
    ("one average for all images and maps",
     lambda *case: by_loops(*case, lambda w: w.mean().expand(w.shape[:2]), 0.0)),
    ("average pooling: here the padding is not counted", lambda x, k, s, p: mean_by_loops(
        x, k, s, p) / mean_by_loops(torch.ones_like(x), k, s, p)),
    ("average pooling: that is the sum", lambda x, k, s, p: mean_by_loops(x, k, s, p) * k ** 2),
    ("divides by 4", lambda x, k, s, p: mean_by_loops(x, k, s, p) * k ** 2 / 4),
    ("divides by k", lambda x, k, s, p: mean_by_loops(x, k, s, p) * k),
    ("average pooling: that is the maximum", max_by_loops),
    ("not finite: nan, as the mean of an empty window", mean_without_frame),
    ("not finite: -inf; what never wins a maximum still counts in a mean",
     lambda *case: by_loops(*case, lambda w: w.mean((2, 3)), -torch.inf))]

WRONG = [*((words, each, mean_by_loops) for words, each in WRONG_MAX),
         *((words, max_by_loops, each) for words, each in WRONG_MEAN),
         ("MaxPool2d is a class", nn.MaxPool2d, nn.AvgPool2d),
         ("hand over max_pool and avg_pool", max_by_loops),
         ("must be a function", torch.ones(1), torch.ones(1))]
