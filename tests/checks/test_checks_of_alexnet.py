"""Chapter 11's exercises: right answers, and wrong ones with words of the reason."""

from functools import partial

import torch
import torch.nn.functional as F
from cut_gradients import Detach
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

from lenet_book import checks

CHAPTER = 11
NORM = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)


def by_slices(a, n, alpha, beta, k):
    near = [(a[:, max(0, i - n // 2):i + n // 2 + 1] ** 2).sum(1) for i in range(a.shape[1])]
    return a / (k + alpha / n * torch.stack(near, 1)) ** beta


def by_padding(a, n, alpha, beta, k):
    squares = F.pad(a ** 2, (0, 0, 0, 0, n // 2, n // 2))
    near = sum(squares[:, j:j + a.shape[1]] for j in range(n))
    return a * (k + alpha * near / n) ** -beta


def by_differences(a, n, alpha, beta, k):
    upto = F.pad((a ** 2).cumsum(1), (0, 0, 0, 0, 1, 0))
    last = [min(i + n // 2 + 1, a.shape[1]) for i in range(a.shape[1])]
    first = [max(0, i - n // 2) for i in range(a.shape[1])]
    return a / (k + alpha / n * (upto[:, last] - upto[:, first])).pow(beta)


def of_maps(a, n, alpha, beta, k, maps, power=2):
    """A wrong one: the maps that count for map i."""
    near = [a[:, maps(i)].abs().pow(power).sum(1) for i in range(a.shape[1])]
    return a / (k + alpha / n * torch.stack(near, 1)) ** beta


def of_sums(a, n, alpha, beta, k, add):
    """A wrong one: add makes one number of what counts at a place."""
    near = [add(a[:, max(0, i - n // 2):i + n // 2 + 1]) for i in range(a.shape[1])]
    return a / (k + alpha / n * torch.stack(near, 1)) ** beta


def divided(a, n, alpha, beta, k, by):
    """A wrong one: by makes the divisor of the sums, of alpha / n, beta and k."""
    near = [(a[:, max(0, i - n // 2):i + n // 2 + 1] ** 2).sum(1) for i in range(a.shape[1])]
    return a / by(torch.stack(near, 1), alpha / n, beta, k)


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


def parts(maps, groups=(2, 1, 2, 2), pads=(0, 2, 1, 1, 1), norms=((NORM,), (NORM,)), pool=None,
          relus=(1, 1, 1, 1, 1), squash=nn.ReLU, second=1):
    """second: the stride of conv2."""
    pool, group, inputs = pool or nn.MaxPool2d(3, stride=2), (1, *groups), (3, *maps)
    return [part for i, (kernel, stride, after) in enumerate((
        (11, 4, [*norms[0], pool]), (5, second, [*norms[1], pool]), (3, 1, []), (3, 1, []),
        (3, 1, [pool])))
        for part in (nn.Conv2d(inputs[i], inputs[i + 1], kernel, stride, pads[i], groups=group[i]),
                     *[squash()] * relus[i], *after)]


def lists(maps, **changes):
    return nn.Sequential(*parts(maps, **changes))


def reordered(maps, *order):
    """order: of the first eight: conv1, ReLU, normalisation, pooling, and the same of conv2."""
    first = parts(maps)
    return nn.Sequential(*[first[place] for place in order], *first[8:])


def conv4_twice(maps):
    layers = parts(maps)
    layers[12] = layers[10]
    return nn.Sequential(*layers)


class Lazy(nn.Module):
    """With layers that find out what they read, and functions for those without weights."""

    def __init__(self, maps):
        super().__init__()
        self.late = nn.ModuleList([
            nn.LazyConv2d(maps[4], 3, padding=1, groups=2), nn.LazyConv2d(maps[3], 3, 1, 1, 1, 2),
            nn.LazyConv2d(maps[2], 3, padding="same")])
        self.early = nn.Sequential(nn.LazyConv2d(maps[0], (11, 11), (4, 4)), nn.ReLU(True), NORM,
                                   nn.MaxPool2d(3, 2), nn.LazyConv2d(maps[1], 5, 1, 2, groups=2))

    def forward(self, x):
        x = F.max_pool2d(NORM(self.early(x).relu()), 3, 2)
        for layer in reversed(self.late):
            x = F.relu(layer(x))
        return F.max_pool2d(x, 3, stride=2)


class For227(nn.Module):
    """For that size alone; there rounding up or down is the same, and so is pooling to 6 x 6."""

    def __init__(self, maps):
        super().__init__()
        *self.layers, _ = parts(maps, pool=nn.MaxPool2d(3, 2, ceil_mode=True))
        self.net, self.maps = nn.Sequential(*self.layers, nn.AdaptiveMaxPool2d(6)), maps[4]

    def forward(self, x):
        assert x.shape[1:] == (3, 227, 227)
        return self.net(x).view(-1, self.maps, 6, 6)


class Halves(nn.Module):
    """The last ReLU behind its pooling: a maximum of ReLUs is the ReLU of the maximum."""

    def __init__(self, maps):
        super().__init__()
        *self.layers, relu, pool = parts(maps)
        self.net = nn.Sequential(*self.layers, pool, relu)

    def forward(self, x):
        return self.net(x)


class Towers(nn.Module):
    """Right, but that each layer of a tower is one of its own."""

    def __init__(self, maps, apart=(1, 3, 4)):
        super().__init__()
        self.net, inputs = lists(maps), (3, *maps)
        places = [i for i, layer in enumerate(self.net) if isinstance(layer, nn.Conv2d)]
        for i in apart:
            old = self.net[places[i]]
            self.net[places[i]] = Pair(*(
                nn.Conv2d(inputs[i] // old.groups, inputs[i + 1] // 2, old.kernel_size, old.stride,
                          old.padding) for _ in range(2)))

    def forward(self, x):
        return self.net(x)


class Pair(nn.Module):
    def __init__(self, one, other):
        super().__init__()
        self.one, self.other = one, other

    def forward(self, x):
        first, second = x.chunk(2, 1) if x.shape[1] == 2 * self.one.in_channels else (x, x)
        return torch.cat([self.one(first), self.other(second)], 1)


class InAList(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.layers = parts(maps)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Stubborn(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.net = lists(maps)

    def forward(self, x):
        return F.dropout(self.net(x), 0.5)


class Drops(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.net = lists(maps)

    def forward(self, x):
        return F.dropout(self.net(x), training=self.training)


class InHalves(nn.Module):
    def forward(self, x):
        first, second = x.tensor_split(2, dim=1)
        return torch.cat((NORM(first), NORM(second)), dim=1)


def without_super(maps):
    class Net(nn.Module):
        def __init__(self):
            self.conv = nn.Conv2d(3, 8, 3)
    return Net()


def test_a_stride_beside_the_padding_is_not_taken_for_it():
    assert "padding" not in checks.two_towers(partial(lists, second=2)).reason


RIGHT = {
    "alexnet_for_one_channel": [(46_764_746,), (46_764_746.0,), (torch.tensor(46_764_746),)],
    "alexnet_without_dense_layers": [(4_004_200,), (4_004_200.0,), (torch.tensor([4_004_200]),)],
    "response_normalisation": [(by_slices,), (by_padding,), (by_differences,)],
    "dropout_by_hand": [(bernoulli,), (where,), (masked,)],
    "two_towers": [(lists,), (Lazy,), (Halves,), (For227,)],
}

WRONG = {  # (words that name the error, answer)
    "alexnet_for_one_channel": [
        ("before anything", 62_378_344), ("990 biases", 46_765_736), ("three channels", 46_787_978),
        ("9,216 inputs", 58_299_082), ("1,000 classes", 50_820_776), ("only fc8", 58_322_314),
        ("only fc6", 50_844_008), ("only conv1", 62_355_112), ("two towers", 45_351_626),
        ("lose two", 46_776_362), ("all channels", 46_753_130), ("belong to its units", 46_761_930),
        ("belong to its maps", 46_764_554), ("number", "46,764,746"), ("whole", 0.5),
        ("three layers", 1), ("number", None), ("number", [46_764_746, 1]), ("number", True)],
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
        ("k stands outside", partial(divided, by=lambda s, alpha, beta, k: k + (alpha * s) ** beta)),
        ("sum of the powers", partial(divided, by=lambda s, alpha, beta, k: (
            k ** beta + (alpha * s) ** beta))),
        ("root of the sum", partial(of_sums, add=lambda near: near.norm(dim=1))),
        ("sum alone is raised", partial(divided, by=lambda s, alpha, beta, k: k + alpha * s ** beta)),
        ("by beta, in place", partial(divided, by=lambda s, alpha, beta, k: (k + alpha * s) * beta)),
        ("n divides k", lambda a, n, alpha, beta, k: by_slices(a, n, alpha, beta, k / n)),
        ("bracket is too wide", lambda a, n, alpha, beta, k: by_slices(a, n, k + alpha, beta, 0)),
        ("divided already enter", running), ("axis 0; the maps", lambda a, *rest: by_slices(
            a.transpose(0, 1), *rest).transpose(0, 1)),
        ("over the places as well", lambda *case: of_sums(
            *case, add=lambda near: (near ** 2).sum((1, 2, 3))[:, None, None])),
        ("not its square", lambda a, *rest: by_slices(a, *rest) * a),
        ("last map is in no", lambda a, n, *rest: of_maps(a, n, *rest, maps=lambda i: slice(
            max(0, i - n // 2), min(a.shape[1] - 1, i + n // 2 + 1)))),
        ("first map is in no", lambda a, n, *rest: of_maps(
            a, n, *rest, maps=lambda i: slice(max(1, i - n // 2), i + n // 2 + 1))),
        ("over places", beside), ("first for a neighbour", round_the_border),
        ("on each side; the window has n in all", lambda a, n, *rest: of_maps(
            a, n, *rest, maps=lambda i: slice(max(0, i - n), i + n + 1))),
        ("ends before", lambda a, n, *rest: of_maps(
            a, n, *rest, maps=lambda i: slice(max(0, i - n // 2), i + n // 2))),
        ("only maps before", lambda a, n, *rest: of_maps(
            a, n, *rest, maps=lambda i: slice(max(0, i - n + 1), i + 1))),
        ("only maps behind", lambda a, n, *rest: of_maps(a, n, *rest, maps=lambda i: slice(i, i + n))),
        ("all maps", lambda *case: of_maps(*case, maps=lambda i: slice(None))),
        ("not squared", partial(of_sums, add=lambda near: near.abs().sum(1))),
        ("a negative one", partial(of_sums, add=lambda near: near.sum(1))),
        ("square of the sum", partial(of_sums, add=lambda near: near.sum(1) ** 2)),
        ("the mean of the window", partial(of_sums, add=lambda near: (near ** 2).mean(1))),
        ("at the border it divides", lambda a, n, alpha, *rest: of_sums(
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
        ("max(0, i - n // 2)", lambda a, n, *rest: of_maps(
            a, n, *rest, maps=lambda i: slice(i - n // 2, i + n // 2 + 1))),
        ("return", print), ("function", NORM.size), ("it raises", lambda a: a)],
    "dropout_by_hand": [
        ("dropout does", F.dropout), ("in testing, too", lambda x, p, training: where(x, p, True)),
        ("as it is", partial(dropped, testing=lambda x, p: x * (1 - p))),
        ("exchanged", lambda x, p, training: where(x, p, not training)),
        ("in training that the rest must", partial(
            dropped, factor=lambda p: 1, testing=lambda x, p: x * (1 - p))),
        ("no number to 0", lambda x, p, training: x),
        ("not made larger", partial(dropped, factor=lambda p: 1)),
        ("divides by p", partial(dropped, factor=lambda p: 1 / p)),
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
    "two_towers": [
        ("one tower", partial(lists, groups=(1, 1, 1, 1))), ("conv3 must read both", partial(
            lists, groups=(2, 2, 2, 2))),
        ("conv2 reads", partial(lists, groups=(1, 1, 2, 2))),
        ("conv4 reads", partial(lists, groups=(2, 1, 1, 2))),
        ("conv5 reads", partial(lists, groups=(2, 1, 2, 1))),
        ("conv4 and conv5 read both towers", partial(lists, groups=(2, 1, 1, 1))),
        ("conv2 and conv5 read both towers", partial(lists, groups=(1, 1, 2, 1))),
        ("conv2 and conv4 read both towers", partial(lists, groups=(1, 1, 1, 2))),
        ("conv4 reads both towers and conv3 only", partial(lists, groups=(2, 2, 1, 2))),
        ("2 is that of torchvision's", partial(lists, pads=(2, 2, 1, 1, 1))),
        ("1 is that of exercise 1", partial(lists, pads=(1, 2, 1, 1, 1))),
        ("conv2 does not keep the size: pad by 2", partial(lists, pads=(0, 0, 1, 1, 1))),
        ("conv3 to conv5 do not keep the size: pad by 1", partial(lists, pads=(0, 2, 0, 0, 0))),
        ("conv3 does not keep", partial(lists, pads=(0, 2, 0, 1, 1))),
        ("conv4 does not keep", partial(lists, pads=(0, 2, 1, 0, 1))),
        ("conv5 does not keep", partial(lists, pads=(0, 2, 1, 1, 0))),
        ("conv2 to conv5 do not keep", partial(lists, pads=(0,) * 5)),
        ("a padding of 1", partial(lists, pads=(0, 1, 1, 1, 1))),
        ("normalisation is missing", partial(lists, norms=((), ()))),
        ("missing after conv1", partial(lists, norms=((), (NORM,)))),
        ("missing after conv2", partial(lists, norms=((NORM,), ()))),
        ("behind the pooling", lambda maps: reordered(maps, 0, 1, 3, 2, 4, 5, 7, 6)),
        ("before the ReLU", lambda maps: reordered(maps, 0, 2, 1, 3, 4, 6, 5, 7)),
        ("after conv1 response normalisation stands behind",
         lambda maps: reordered(maps, 0, 1, 3, 2, 4, 5, 6, 7)),
        ("after conv2 response normalisation stands behind",
         lambda maps: reordered(maps, 0, 1, 2, 3, 4, 5, 7, 6)),
        ("after conv1 response normalisation stands before",
         lambda maps: reordered(maps, 0, 2, 1, 3, 4, 5, 6, 7)),
        ("after conv2 response normalisation stands before",
         lambda maps: reordered(maps, 0, 1, 2, 3, 4, 6, 5, 7)),
        ("the other way round", lambda maps: reordered(maps, 0, 3, 2, 1, 4, 7, 6, 5)),
        ("alone has k = 1", partial(lists, norms=((nn.LocalResponseNorm(5),),) * 2)),
        ("not 1e-3", partial(lists, norms=((nn.LocalResponseNorm(5, 1e-3, k=2),),) * 2)),
        ("not 0.5", partial(lists, norms=((nn.LocalResponseNorm(5, 1e-4, 0.5, 2),),) * 2)),
        ("5 maps, not 3", partial(lists, norms=((nn.LocalResponseNorm(3, 1e-4, 0.75, 2),),) * 2)),
        ("2 is k, not", partial(lists, norms=((nn.LocalResponseNorm(2, 1e-4, 0.75, 5),),) * 2)),
        ("4 x 6 x 3 x 3, too; a layer in a list", conv4_twice),
        ("behind alpha comes beta", partial(
            lists, norms=((nn.LocalResponseNorm(5, 1e-4, 2, 0.75),),) * 2)),
        ("at its border", partial(lists, norms=((InHalves(),),) * 2)),
        ("a tanh follows", partial(lists, squash=nn.Tanh)),
        ("conv1 and conv2 have no", partial(lists, relus=(0, 0, 1, 1, 1))),
        *[("dropout acts on fc6", lambda maps, each=each, place=place: nn.Sequential(
            *parts(maps)[:place], each, *parts(maps)[place:]))
          for each, place in ((nn.Dropout(), 15), (nn.Dropout2d(0.1), 8))],
        ("dropout acts on fc6", Drops),
        ("a ReLU must", partial(lists, relus=(0,) * 5)),
        ("conv1 has no ReLU", partial(lists, relus=(0, 1, 1, 1, 1))),
        ("conv2 has no ReLU", partial(lists, relus=(1, 0, 1, 1, 1))),
        ("conv3 has no ReLU", partial(lists, relus=(1, 1, 0, 1, 1))),
        ("conv4 has no ReLU", partial(lists, relus=(1, 1, 1, 0, 1))),
        ("conv5 has no ReLU", partial(lists, relus=(1, 1, 1, 1, 0))),
        ("conv3, conv4 and conv5 have no", partial(lists, relus=(1, 1, 0, 0, 0))),
        ("stand as two layers each: make one nn.Conv2d", Towers),
        ("conv1, conv2, conv4 and conv5 stand as two", partial(Towers, apart=(0, 1, 3, 4))),
        ("all five stand as two", partial(Towers, apart=range(5))),
        ("has stride 2, and none should have that: what nn", partial(
            lists, second=2, pads=(0, 0, 1, 1, 1))),
        ("has stride 2, and none should have that", partial(lists, second=2)),
        ("reaches the weights of 6 x 3 x 11 x 11: behind", lambda maps: nn.Sequential(
            *parts(maps)[:3], Detach(), *parts(maps)[3:])),
        ("overlapping", partial(lists, pool=nn.MaxPool2d(2))),
        ("stride 3", partial(lists, pool=nn.MaxPool2d(3))),
        ("mean", partial(lists, pool=nn.AvgPool2d(3, 2))),
        ("last pooling", lambda maps: nn.Sequential(*parts(maps)[:-1])),
        ("flattening", lambda maps: nn.Sequential(*parts(maps), nn.Flatten())),
        ("nn.Sequential(*layers)", parts), ("stand in a list", InAList), ("two answers", Stubborn),
        ("in their place", lambda maps: lists((4, 4, 4, 4, 4))), ("without brackets", lists((6,) * 5)),
        ("call it", lambda maps: Lazy), ("it raises AttributeError", without_super),
        ("a net, not", lambda maps: torch.zeros(maps)), ("too many", lambda maps: nn.Sequential(
            *parts(maps), nn.Conv2d(maps[4], 3, 3))),
        ("without biases", lambda maps: nn.Sequential(nn.Conv2d(3, maps[0], 11, 4, bias=False)))],
}

EQUAL = {
    "response_normalisation": {
        "near = a[:, max(0, i - n // 2):i + n // 2 + 1] -> "
        "        near = a[:, max(i - n // 2, 0):i + n // 2 + 1]": "a maximum has no order"},
    "dropout_by_hand": {
        "return x * (torch.rand(x.shape) >= p) / (1 - p) -> "
        "    return x * (torch.rand(x.shape) > p) / (1 - p)": "a draw is never quite p"},
}
