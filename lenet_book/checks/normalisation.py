"""Response normalisation over neighbouring maps, and the wrong ones that readers write in its place."""

from functools import partial

import torch
import torch.nn.functional as F


def _sums(a, n, maps=None, add=lambda near: (near ** 2).sum(1)):
    """maps: those that count for map i, as a function of i. add: what is made of these maps."""
    maps = maps or (lambda i, count, n: range(max(0, i - n // 2), min(count, i + n // 2 + 1)))
    count = a.shape[1]
    return torch.stack([add(a[:, [j % count for j in maps(i, count, n)]]) for i in range(count)], 1)


def _normalised(a, n, alpha, beta, k, divisor=None, **of_sums):
    """divisor: sums, n, alpha, beta, k -> what the activation is divided by. of_sums: see `_sums`."""
    sums = _sums(a, n, **of_sums)
    return a / (divisor(sums, n, alpha, beta, k) if divisor else (k + alpha / n * sums) ** beta)


_changed = partial(partial, _normalised)  # with these changes, for what the reader's is given


def _from_its_own(a, n, alpha, beta, k):
    result = a.clone()
    for i in range(a.shape[1]):
        near = result[:, max(0, i - n // 2):i + n // 2 + 1]
        result[:, i] = a[:, i] / (k + alpha / n * (near ** 2).sum(1)) ** beta
    return result


def right(a, n, alpha, beta, k):
    """What is asked for; see nn.LocalResponseNorm."""
    return F.local_response_norm(a, n, alpha, beta, k)


def _beside(a, n, alpha, beta, k):
    near = F.avg_pool2d(a ** 2, n, 1, n // 2, divisor_override=1)
    return a / (k + alpha / n * near) ** beta


def _but_at_the_border(a, n, *rest, left=0.0):
    """left: what the maps whose window is shorter are multiplied by, in place of being divided."""
    inner = slice(n // 2, a.shape[1] - n // 2)
    result = left * a
    result[:, inner] = _normalised(a, n, *rest)[:, inner]
    return result


MISTAKES = {  # sentences, each with the function of which it is true
    "alpha is not divided by n": lambda a, n, alpha, *rest: right(a, n, alpha * n, *rest),
    "alpha is multiplied by n, and should be divided": lambda a, n, alpha, *rest: right(
        a, n, alpha * n * n, *rest),
    "the sum runs over places, and should run over maps at one place": _beside,
    **{f"the sum runs along axis {axis}, over places of one map; the maps are axis 1":
       lambda a, *rest, axis=axis: right(a.transpose(1, axis), *rest).transpose(1, axis)
       for axis in (2, 3)},
    "the sum runs over the places as well, and should run over the maps at one place":
        _changed(add=lambda near: (near ** 2).sum((1, 2, 3))[:, None, None]),
    "the sum runs over all that it gets, examples and places too; the maps are axis 1":
        _changed(add=lambda near: (near ** 2).sum().view(1, 1, 1)),
    "the sum runs over all of a; it should run over n maps, axis 1, at one place":
        lambda a, n, alpha, beta, k: a / (k + alpha / n * (a ** 2).sum()) ** beta,
    "the sum runs over the examples as well; the maps are axis 1":
        _changed(add=lambda near: (near ** 2).sum((0, 1))[None]),
    "the sum runs over the examples, axis 0; the maps are axis 1":
        lambda a, *rest: right(a.transpose(0, 1), *rest).transpose(0, 1),
    "maps that are divided already enter the sums of the next; read all from a": _from_its_own,
    "k stands outside the power, and is part of what is raised to beta": _changed(
        divisor=lambda sums, n, alpha, beta, k: k + (alpha / n * sums) ** beta),
    "a power of a sum is not the sum of the powers: raise all of k + ... at once": _changed(
        divisor=lambda sums, n, alpha, beta, k: k ** beta + (alpha / n * sums) ** beta),
    "the sum alone is raised to beta, and should be with alpha / n and k": _changed(
        divisor=lambda sums, n, alpha, beta, k: k + alpha / n * sums ** beta),
    "n divides k as well; it divides alpha alone": _changed(
        divisor=lambda sums, n, alpha, beta, k: ((k + alpha * sums) / n) ** beta),
    "a bracket is too wide: k + alpha is divided by n and multiplied": _changed(
        divisor=lambda sums, n, alpha, beta, k: ((k + alpha) / n * sums) ** beta),
    "brackets are missing: a is divided by all of (k + ...) ** beta":
        lambda a, n, alpha, beta, k: a / k + alpha / n * _sums(a, n) ** beta,
    "a is divided by k alone, and should be by all of (k + ...) ** beta":
        lambda a, n, alpha, beta, k: a / k + (alpha / n * _sums(a, n)) ** beta,
    "it is multiplied by beta, in place of being raised to it": _changed(
        divisor=lambda sums, n, alpha, beta, k: (k + alpha / n * sums) * beta),
    "the activation itself is divided, not its square": lambda a, *rest: right(a, *rest) * a,
    "the last map is in no window: a slice ends before its end": _changed(
        maps=lambda i, count, n: range(max(0, i - n // 2), min(count - 1, i + n // 2 + 1))),
    "the first map is in no window; maps are counted from 0": _changed(
        maps=lambda i, count, n: range(max(1, i - n // 2), min(count, i + n // 2 + 1))),
    "the first and the last n // 2 maps stay as they are; their windows are shorter, but count":
        partial(_but_at_the_border, left=1.0),
    "the first and the last n // 2 maps are left out; their windows are shorter, but count":
        _but_at_the_border,
    "at the border it divides by the maps that there are; alpha is divided by n there, too":
        lambda a, n, *rest: _normalised(a, n, *rest, add=lambda near: n * (near ** 2).mean(1)),
    "n maps count on each side; the window has n in all, n // 2 on each side":
        lambda a, n, alpha, *rest: right(a, 2 * n + 1, alpha * (2 * n + 1) / n, *rest),
    "the window ends before map i + n // 2": _changed(
        maps=lambda i, count, n: range(max(0, i - n // 2), min(count, i + n // 2))),
    "the formula's last map, min(N - 1, i + n // 2), counts, too; a slice ends before its end: + 1":
        _changed(maps=lambda i, count, n: range(max(0, i - n // 2), min(count - 1, i + n // 2))),
    "only maps before i count; the window has n // 2 on each side": _changed(
        maps=lambda i, count, n: range(max(0, i - n + 1), i + 1)),
    "only maps behind i count; the window has n // 2 on each side": _changed(
        maps=lambda i, count, n: range(i, min(count, i + n))),
    "the last map has the first for a neighbour; a window ends at the border":
        _changed(maps=lambda i, count, n: range(i - n // 2, i + n // 2 + 1)),
    "all maps count; the window has n": _changed(maps=lambda i, count, n: range(count)),
    "a slice that begins below 0 counts from the last map: begin at max(0, i - n // 2)":
        _changed(maps=lambda i, count, n: range(count)[i - n // 2:i + n // 2 + 1]),
    "map -1 is the last one, and counts beside the first: begin at max(0, i - n // 2)":
        _changed(maps=lambda i, count, n: range(i - n // 2, min(count, i + n // 2 + 1))),
    "the activations are not squared": _changed(add=lambda near: near.abs().sum(1)),
    "the activations are not squared; a negative one lowers the sum, too":
        _changed(add=lambda near: near.sum(1)),
    "that is the square of the sum; square each activation, then add":
        _changed(add=lambda near: near.sum(1) ** 2),
    "the root of the sum of squares is taken (norm); take the sum itself":
        _changed(add=lambda near: near.norm(dim=1)),
    "that takes the mean of the window, and divides alpha by n as well; take the sum":
        _changed(add=lambda near: (near ** 2).mean(1)),
    "alpha is divided by n twice, or by n where a mean is taken for the sum":
        lambda a, n, alpha, *rest: right(a, n, alpha / n, *rest),
    "the map itself is missing in the sum": _changed(
        maps=lambda i, count, n: [j for j in range(count) if 0 < abs(i - j) <= n // 2]),
    "the power beta is missing": lambda a, n, alpha, beta, k: right(a, n, alpha, 1.0, k),
    "the root is taken; the power is beta": lambda a, n, alpha, beta, k: right(a, n, alpha, 0.5, k),
    "it multiplies, and should divide": lambda a, n, alpha, beta, k: right(a, n, alpha, -beta, k),
    "k is missing": lambda a, n, alpha, beta, k: right(a, n, alpha, beta, 0.0),
    "the factor is there, but not the activation that it multiplies":
        lambda a, *rest: right(a, *rest) / a,
    "that is the divisor; divide a by it": lambda a, *rest: a / right(a, *rest),
    "the constants are fixed, and must be those that are given":
        lambda a, *rest: right(a, 5, 1e-4, 0.75, 2.0),
    "the window has five maps whatever n is": _changed(
        maps=lambda i, count, n: range(max(0, i - 2), min(count, i + 3))),
    "alpha is divided by 5 whatever n is": lambda a, n, alpha, *rest: right(
        a, n, alpha * n / 5, *rest),
}
