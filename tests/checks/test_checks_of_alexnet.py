"""Chapter 11's exercises: right answers, and wrong ones with words of the reason."""

from functools import partial

import torch
import torch.nn.functional as F
import tower_nets
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

from lenet_book import checks

CHAPTER = 11
def by_slices(a, n, alpha, beta, k, maps=lambda i, n, count: slice(max(0, i - n // 2), i + n // 2 + 1),
              add=lambda near: (near ** 2).sum(1),
              by=lambda sums, alpha, beta, k: (k + alpha * sums) ** beta):
    """Right as it stands; each argument makes one mistake.

    maps: those that count for map i. add: what is made of them. by: the divisor, of alpha / n.
    """
    near = [add(a[:, maps(i, n, a.shape[1])]) for i in range(a.shape[1])]
    return a / by(torch.stack(near, 1), alpha / n, beta, k)


normalises = partial(partial, by_slices)


def sum_of_squares(a, n):
    squares = F.pad(a ** 2, (0, 0, 0, 0, n // 2, n // 2))
    return sum(squares[:, j:j + a.shape[1]] for j in range(n))


def by_padding(a, n, alpha, beta, k):
    return a * (k + alpha * sum_of_squares(a, n) / n) ** -beta


def by_differences(a, n, alpha, beta, k):
    upto = F.pad((a ** 2).cumsum(1), (0, 0, 0, 0, 1, 0))
    last = [min(i + n // 2 + 1, a.shape[1]) for i in range(a.shape[1])]
    first = [max(0, i - n // 2) for i in range(a.shape[1])]
    return a / (k + alpha / n * (upto[:, last] - upto[:, first])).pow(beta)


def inner_maps(begin):
    """Response normalisation where the window is whole; elsewhere what `begin` makes."""
    def answer(a, n, alpha, beta, k):
        result = begin(a)
        for i in range(n // 2, a.shape[1] - n // 2):
            near = a[:, i - n // 2:i + n // 2 + 1]
            result[:, i] = a[:, i] / (k + alpha / n * (near ** 2).sum(1)) ** beta
        return result
    return answer


def running(a, n, alpha, beta, k):
    """A wrong one: later maps see earlier ones divided."""
    a = a.clone()
    for i in range(a.shape[1]):
        a[:, i] /= (k + alpha / n * (a[:, max(0, i - n // 2):i + n // 2 + 1] ** 2).sum(1)) ** beta
    return a


def beside(a, n, alpha, beta, k):
    near = F.avg_pool2d(a ** 2, n, 1, n // 2, divisor_override=1)
    return a / (k + alpha / n * near) ** beta


def round_the_border(a, n, alpha, beta, k):
    near = sum(a.roll(j, 1) ** 2 for j in range(-(n // 2), n // 2 + 1))
    return a / (k + alpha / n * near) ** beta


def in_place(a, n, alpha, beta, k):
    a /= (k + alpha / n * a ** 2) ** beta
    return a


def bernoulli(x, p, training):
    return x * torch.bernoulli(torch.full_like(x, 1 - p)) / (1 - p) if training else x


def where(x, p, training):
    return torch.where(torch.rand_like(x) < p, 0, x / (1 - p)) if training else x.clone()


def masked(x, p, training):
    return x.masked_fill(torch.rand(x.shape) < p, 0) * (1 / (1 - p)) if training else x


def dropped(x, p, training, keep=None, factor=None, testing=None):
    """Wrong in one way: which stay, what those are multiplied by, what comes in testing."""
    if not training:
        return x if testing is None else testing(x, p)
    mask = keep(x, p) if keep else torch.rand(x.shape) >= p
    return x * mask * (factor(p) if factor else 1 / (1 - p))


def in_pairs(x, p):
    return torch.rand(x.numel() // 2).repeat_interleave(2).view(x.shape) >= p


def in_two_halves(x, p):
    half = torch.rand(len(x) // 2, *x.shape[1:]) >= p
    return torch.cat([half, half])


def in_per_cent(x, p):
    return torch.randint(0, 100, x.shape) >= round(100 * p)


def by_the_count(x, p, training):
    mask = torch.rand(x.shape) >= p
    return x * mask * mask.numel() / mask.sum() if training else x


def by_the_mean(x, p, training):
    left = x * (torch.rand(x.shape) >= p)
    return left * x.mean() / left.mean() if training else x


def an_exact_share(x, p):
    return (torch.randperm(x.numel()) >= int(p * x.numel())).view(x.shape)


def the_same_again(x, p):
    torch.manual_seed(0)
    return torch.rand(x.shape) >= p


def test_a_stride_beside_the_padding_is_not_taken_for_it():
    assert "padding" not in checks.two_towers(partial(tower_nets.lists, second=2)).reason


RIGHT = {
    "alexnet_for_one_channel": [(46_764_746,), (46_764_746.0,), (torch.tensor(46_764_746),)],
    "alexnet_without_dense_layers": [(4_004_200,), (4_004_200.0,), (torch.tensor([4_004_200]),)],
    "response_normalisation": [(by_slices,), (by_padding,), (by_differences,)],
    "dropout_by_hand": [(bernoulli,), (where,), (masked,)],
    "two_towers": tower_nets.RIGHT,
}

WRONG = {  # (words that name the error, answer)
    "alexnet_for_one_channel": [
        ("before anything", 62_378_344), ("990 biases", 46_765_736), ("three channels", 46_787_978),
        ("9,216 inputs", 58_299_082), ("1,000 classes", 50_820_776), ("only fc8", 58_322_314),
        ("only fc6", 50_844_008), ("only conv1", 62_355_112), ("two towers", 45_351_626),
        ("lose two", 46_776_362), ("all channels", 46_753_130), ("belong to its units", 46_761_930),
        ("belong to its maps", 46_764_554), ("number", "46,764,746"), ("whole", 0.5),
        ("three layers", 1), ("number", [46_764_746, 1])],
    "alexnet_without_dense_layers": [
        ("alone; a dense", 3_747_200), ("1,000 biases", 4_003_200), ("each output", 4_003_456),
        ("256 inputs", 12_964_200), ("fc8 as it was", 7_844_200), ("five convolutions stay", 257_000),
        ("are to go", 58_631_144), ("only fc6", 24_625_512), ("what is saved", 58_374_144),
        ("two towers", 2_591_080), ("add up", 0), ("number", "4 million"), ("whole", 4_004_200.5),
        ("finite", float("nan"))],
    "response_normalisation": [
        ("divided by n", lambda a, n, alpha, *rest: by_slices(a, n, alpha * n, *rest)),
        ("divided by n twice", lambda a, n, alpha, *rest: by_slices(a, n, alpha / n, *rest)),
        *[(f"runs along axis {axis}", lambda a, *rest, axis=axis: by_slices(
            a.transpose(1, axis), *rest).transpose(1, axis)) for axis in (2, 3)],
        ("alpha is multiplied", lambda a, n, alpha, *rest: by_slices(a, n, alpha * n * n, *rest)),
        ("k stands outside", normalises(by=lambda s, alpha, beta, k: k + (alpha * s) ** beta)),
        ("sum of the powers", normalises(by=lambda s, alpha, beta, k: (
            k ** beta + (alpha * s) ** beta))),
        ("root of the sum", normalises(add=lambda near: near.norm(dim=1))),
        ("sum alone is raised", normalises(by=lambda s, alpha, beta, k: k + alpha * s ** beta)),
        ("by beta, in place", normalises(by=lambda s, alpha, beta, k: (k + alpha * s) * beta)),
        ("n divides k", lambda a, n, alpha, beta, k: by_slices(a, n, alpha, beta, k / n)),
        ("bracket is too wide", lambda a, n, alpha, beta, k: by_slices(a, n, k + alpha, beta, 0)),
        ("divided already enter", running), ("axis 0; the maps", lambda a, *rest: by_slices(
            a.transpose(0, 1), *rest).transpose(0, 1)),
        ("over the places as well", normalises(
            add=lambda near: (near ** 2).sum((1, 2, 3))[:, None, None])),
        ("stay as they are", inner_maps(torch.clone)), ("are left out", inner_maps(torch.zeros_like)),
        ("examples and places too", normalises(add=lambda near: (near ** 2).sum().view(1, 1, 1))),
        ("the examples as well", normalises(add=lambda near: (near ** 2).sum((0, 1))[None])),
        ("not its square", lambda a, *rest: by_slices(a, *rest) * a),
        ("last map is in no", normalises(maps=lambda i, n, count: slice(
            max(0, i - n // 2), min(count - 1, i + n // 2 + 1)))),
        ("first map is in no", normalises(
            maps=lambda i, n, count: slice(max(1, i - n // 2), i + n // 2 + 1))),
        ("over places", beside), ("first for a neighbour", round_the_border),
        ("on each side; the window has n in all", normalises(
            maps=lambda i, n, count: slice(max(0, i - n), i + n + 1))),
        ("the formula's last map", normalises(maps=lambda i, n, count: slice(
            max(0, i - n // 2), min(count - 1, i + n // 2)))),
        ("map -1 is the last one", normalises(maps=lambda i, n, count: [
            j for j in range(i - n // 2, i + n // 2 + 1) if j < count])),
        ("runs over all of a", lambda a, n, alpha, beta, k:
            a / (k + alpha / n * (a ** 2).sum()) ** beta),
        ("brackets are missing", lambda a, n, alpha, beta, k:
            a / k + alpha / n * sum_of_squares(a, n) ** beta),
        ("divided by k alone", lambda a, n, alpha, beta, k:
            a / k + (alpha / n * sum_of_squares(a, n)) ** beta),
        ("is nan, and so is the mean", lambda a, n, alpha, beta, k: by_slices(
            a, n, alpha, 1, k) ** beta),
        ("ends before", normalises(maps=lambda i, n, count: slice(max(0, i - n // 2), i + n // 2))),
        ("only maps before", normalises(maps=lambda i, n, count: slice(max(0, i - n + 1), i + 1))),
        ("only maps behind", normalises(maps=lambda i, n, count: slice(i, i + n))),
        ("all maps", normalises(maps=lambda *_: slice(None))),
        ("not squared", normalises(add=lambda near: near.abs().sum(1))),
        ("a negative one", normalises(add=lambda near: near.sum(1))),
        ("square of the sum", normalises(add=lambda near: near.sum(1) ** 2)),
        ("the mean of the window", normalises(add=lambda near: (near ** 2).mean(1))),
        ("at the border it divides", lambda a, n, alpha, *rest: by_slices(
            a, n, alpha * n, *rest, add=lambda near: (near ** 2).mean(1))),
        ("beta is missing", lambda a, n, alpha, beta, k: by_slices(a, n, alpha, 1, k)),
        ("root", lambda a, n, alpha, beta, k: by_slices(a, n, alpha, 0.5, k)),
        ("multiplies", lambda a, n, alpha, beta, k: by_slices(a, n, alpha, -beta, k)),
        ("k is missing", lambda a, n, alpha, beta, k: by_slices(a, n, alpha, beta, 0)),
        ("not the activation", lambda a, *rest: by_slices(a, *rest) / a),
        ("that is the divisor", lambda a, *rest: a / by_slices(a, *rest)),
        ("use its argument n", lambda a, n, *rest: by_slices(a, 5, *rest)),
        ("use its argument n", lambda a, n, *rest: by_slices(a, 3, *rest)),
        ("five maps whatever n is", lambda a, n, alpha, *rest: by_slices(a, 5, 5 * alpha / n, *rest)),
        ("by 5 whatever n is", lambda a, n, alpha, *rest: by_slices(a, n, n * alpha / 5, *rest)),
        ("use its argument alpha", lambda a, n, alpha, *rest: by_slices(a, n, 1e-4, *rest)),
        ("use its argument beta", lambda a, n, alpha, beta, k: by_slices(a, n, alpha, 0.75, k)),
        ("use its argument k", lambda a, n, alpha, beta, k: by_slices(a, n, alpha, beta, 2)),
        ("fixed", lambda a, *rest: by_slices(a, 5, 1e-4, 0.75, 2)),
        ("local_response_norm does", F.local_response_norm), ("changes the a", in_place),
        ("max(0, i - n // 2)", normalises(maps=lambda i, n, count: slice(i - n // 2, i + n // 2 + 1))),
        ("return", print), ("function", 5), ("it raises", lambda a: a)],
    "dropout_by_hand": [
        ("dropout does", F.dropout), ("in testing, too", lambda x, p, training: where(x, p, True)),
        ("as it is", partial(dropped, testing=lambda x, p: x * (1 - p))),
        ("exchanged", lambda x, p, training: where(x, p, not training)),
        ("in training that the rest must", partial(
            dropped, factor=lambda p: 1, testing=lambda x, p: x * (1 - p))),
        ("no number to 0", lambda x, p, training: x),
        ("not made larger", partial(dropped, factor=lambda p: 1)),
        ("it sets everything to 0 or nothing, as one draw", partial(
            dropped, keep=lambda x, p: torch.rand(1) >= p)),
        ("the mean of all, zeros too", partial(dropped, factor=lambda p: 1 / p)),
        ("should divide", partial(dropped, factor=lambda p: 1 - p)),
        ("multiplied by 2", partial(dropped, factor=lambda p: 2)),
        ("not on what has been drawn", by_the_count), ("not on what has been drawn", by_the_mean),
        ("multiplied by 1.2; the mean", partial(dropped, factor=lambda p: 1 + p)),
        ("share that goes", partial(dropped, keep=lambda x, p: torch.rand(x.shape) < p)),
        ("for p = 0.2 it sets", partial(dropped, keep=lambda x, p: torch.rand(x.shape) < 0.5)),
        ("every example", partial(dropped, keep=lambda x, p: torch.rand(x.shape[1:]) >= p)),
        ("whole rows", partial(dropped, keep=lambda x, p: torch.rand(len(x), 1) >= p)),
        ("anew", partial(dropped, keep=the_same_again)),
        ("in pairs", partial(dropped, keep=in_pairs)),
        ("repeats", partial(dropped, keep=in_two_halves)),
        ("for p = 0.005 it sets no number to 0", partial(dropped, keep=in_per_cent)),
        *[("of the numbers to -", lambda x, p, training, other=other: other(p).train(training)(x))
          for other in (nn.AlphaDropout, nn.FeatureAlphaDropout)],
        ("of maps, N x maps x H x W, it drops", partial(dropped, keep=lambda x, p: torch.rand(
            x.shape[:2] + (1,) * (x.dim() - 2)) >= p)),
        ("it sets 75% to 0 for p = 0.5", partial(dropped, keep=lambda x, p: (
            torch.rand(x.shape) >= p) & (x > 0 if x.dim() == 4 else True))),
        ("exactly the same share", partial(dropped, keep=an_exact_share)),
        ("everything", lambda x, p, training: x * 0 if training else x),
        ("same factor", lambda x, p, training: where(x, p, training) * (
            1 + training * (x > 3))),
        ("it raises", lambda x: x), ("must be a tensor", lambda x, p, training: [1])],
    "two_towers": tower_nets.WRONG,
}

EQUAL = {
    "response_normalisation": {
        "near = a[:, max(i - n // 2, 0):i + n // 2 + 1]": "a maximum has no order"},
    "dropout_by_hand": {"return x * (torch.rand(x.shape) > p) / (1 - p)": "a draw is never quite p"},
}
