"""Chapter 13's exercises: right answers, and wrong ones with words of the reason."""

from functools import partial

import torch
import torch.nn.functional as F
from cut_gradients import Detach
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

from lenet_book.models.nin import NiN3

CHAPTER = 13
END = (nn.AdaptiveAvgPool2d(1), nn.Flatten())


def blocks(channels, widths, kernels=(5, 5, 3), same="same", relus=3, pool=None, drop=None, end=END,
           read=-1, conv=nn.Conv2d, mix=1, frame=0, large=0):
    """relus: how many of a block's three. read: which maps of a block the next one reads. large: which
    of its convolutions has the large kernel."""
    layers = []
    for place, (maps, kernel) in enumerate(zip(widths, kernels, strict=True)):
        for i, (inputs, outputs) in enumerate(zip((channels, *maps), maps, strict=False)):
            layers.append(conv(inputs, outputs, kernel if i == large else mix,
                               padding=same if i == large else frame))
            layers += [nn.ReLU()] * (i < relus)
        channels = channels if read is None else maps[read]
        if place < 2:
            layers += [pool or nn.MaxPool2d(3, 2, ceil_mode=True), drop or nn.Dropout(0.5)]
    return [*layers, *end]


def in_a_row(channels, widths, **changes):
    return nn.Sequential(*blocks(channels, widths, **changes))


def one_name_for_both_mixes(*case):
    """Wrong: of the two 1 x 1 of a block only the second is left."""
    net, convolutions = nn.Sequential(), 0
    for place, layer in enumerate(blocks(*case)):
        which, kind = divmod(convolutions, 3)
        is_convolution = isinstance(layer, nn.Conv2d)
        convolutions += is_convolution
        net.add_module(f"mix{which}" if is_convolution and kind else f"layer{place}", layer)
    return net


def without_relus(block, *case):
    """Wrong: one of the blocks, each of which ends with a pooling and a dropout, has no ReLU."""
    layers = blocks(*case)
    return nn.Sequential(*[layer for at, layer in enumerate(layers)
                           if at // 8 != block or not isinstance(layer, nn.ReLU)])


def third_block_forgotten(*case):
    """Wrong: it is there, and what it gives is thrown away."""
    layers = blocks(*case)
    net = Bare(nn.Sequential(*layers[:16], *END), lambda scores: scores)
    net.third = nn.Sequential(*layers[16:-2])
    return net


def swapped_pairs(layers):
    """Each dropout in front of the pooling that stands before it."""
    for at in (6, 14):
        layers[at:at + 2] = layers[at + 1], layers[at]
    return layers


class Bare(nn.Module):
    """A net, and a function of what it gives."""

    def __init__(self, net, function):
        super().__init__()
        self.net, self.function = net, function

    def forward(self, x):
        return self.function(self.net(x))


class Dense(nn.Module):
    """A dense layer at every place does what a 1 x 1 convolution does."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.layer(x.movedim(1, 3)).movedim(3, 1)


def with_dense(channels, widths):
    return nn.Sequential(*(Dense(layer.in_channels, layer.out_channels)
                           if getattr(layer, "kernel_size", 0) == (1, 1) else layer
                           for layer in blocks(channels, widths)))


class Written(nn.Module):
    """The second half is made first, and functions take the place of layers without weights."""

    def __init__(self, channels, widths):
        super().__init__()
        self.third = self.block(widths[2], 3)
        self.second = self.block(widths[1], 5)
        self.first = self.block(widths[0], 5)

    @staticmethod
    def block(maps, k):
        return nn.Sequential(nn.LazyConv2d(maps[0], k, padding=k // 2), nn.ReLU(),
                             nn.LazyConv2d(maps[1], 1), nn.ReLU(), nn.LazyConv2d(maps[2], 1))

    def forward(self, x):
        for part in (self.first, self.second):
            x = F.max_pool2d(part(x).relu(), 3, 2, ceil_mode=True)
            x = F.dropout(x, training=self.training)
        return self.third(x).relu().mean((-1, -2))


def by_sorting(maps, k):
    return maps.flatten(2).sort(2).values[..., -k:].mean(-1)


def one_by_one(maps, k):
    return torch.stack([torch.stack([one.flatten().topk(k).values.mean() for one in example])
                        for example in maps])


def by_sum(maps, k):
    return torch.topk(maps.reshape(*maps.shape[:2], -1), k).values.sum(2) / k


def find(maps, step, name=None, place=None, half=None):
    """name: N x classes scores; place: of flat maps; half: what is added to the first pixel."""
    best = (name(maps) if name else maps.mean((2, 3))).argmax(1)
    chosen = maps[torch.arange(len(maps)), best].flatten(1)
    peak = place(chosen) if place else chosen.argmax(1)
    rows, columns = peak.div(maps.shape[3], rounding_mode="floor"), peak % maps.shape[3]
    return torch.stack([rows, columns], 1) * step + (step / 2 if half is None else half(step))


def places(flat, maps, step):
    """Wrong, where the numbers are not places of one map."""
    return torch.stack([flat // maps.shape[3], flat % maps.shape[3]], 1) * step + step / 2


def by_axes(maps, step):
    found = []
    for example in maps:
        one = example[example.sum((1, 2)).argmax()]
        found.append([one.amax(1).argmax(), one.amax(0).argmax()])
    return (torch.tensor(found) + 0.5) * step


def by_comparing(maps, step):
    named = maps.flatten(2).mean(2).argmax(1)
    chosen = [maps[n, c] for n, c in enumerate(named.tolist())]
    places = torch.cat([(one == one.max()).nonzero() for one in chosen])
    return places.float() * step + step / 2


RIGHT = {
    "dense_in_place_of_mean": [(50_335_744,), (50_335_744.0,), (torch.tensor(50_335_744),)],
    "maps_for_a_cheap_mix": [(10,), (10.0,), (torch.tensor([10]),)],
    "network_in_network": [(in_a_row,), (with_dense,), (Written,)],
    "mean_of_the_largest": [(by_sorting,), (one_by_one,), (by_sum,)],
    "where_the_digit_is": [(find,), (by_axes,), (by_comparing,)],
}

WRONG = {  # (words that name the error, answer)
    "dense_in_place_of_mean": [
        ("biases are missing", 50_331_648), ("each unit", 50_343_936), ("not one", 790_528),
        ("not eight", 6_295_552), ("second pooling", 201_330_688), ("ten class maps", 2_625_536),
        ("ten units", 122_890), ("inputs; each", 12_288), ("as large as the whole net", 52),
        ("whole of NiN", 966_986), ("flattened maps", 0),
        ("to ten classes, is counted", 50_376_714), ("second layer of 4,096", 67_117_056),
        ("next two layers", 67_158_026), ("two blocks before it are", 50_931_776),
        ("and the ten classes", 50_972_746), ("whole of NiN is counted", 51_302_730),
        ("this one layer alone are asked", 1), ("number", "50,335,744"), ("number", None),
        ("whole", 1.5)],
    "maps_for_a_cheap_mix": [
        ("still fewer", 9), ("first 1 x 1 alone", 7), ("second 1 x 1 alone", 4), ("not one", 241),
        ("not five", 49), ("one output of each", 15), ("one output of each", 14),
        ("one output of each", 14.08), ("colours", 3), ("fewer are enough already", 11),
        ("not 25 in all", 1844), ("at one place", 100), ("from which whole number", 9.6),
        ("first 1 x 1 alone", 6.4), ("second 1 x 1 alone", 3.2), ("whole", 9.4), ("number", [10, 10]),
        ("number", "ten")],
    "network_in_network": [
        ("third block's should", partial(in_a_row, kernels=(5, 5, 5))),
        ("first two blocks' should", partial(in_a_row, kernels=(3, 3, 3))),
        ("opposite", partial(in_a_row, kernels=(3, 5, 5))),
        ("as many as are given", lambda channels, widths: in_a_row(3, widths)),
        ("pad by", partial(in_a_row, same=0)), ("for 3 x 3 alone", partial(in_a_row, same=1)),
        ("for 5 x 5 alone", partial(in_a_row, same=2)), ("no ReLU", partial(in_a_row, relus=0)),
        ("the 1 x 1 have no", partial(in_a_row, relus=1)),
        ("second 1 x 1", partial(in_a_row, relus=2)),
        ("too, as released", lambda *case: nn.Sequential(*blocks(*case, end=())[:-1], *END)),
        ("must round sizes up", partial(in_a_row, pool=nn.MaxPool2d(3, 2))),
        *[(f"the {which} pooling must round", lambda *case, at=at: nn.Sequential(
            *blocks(*case)[:at], nn.MaxPool2d(3, 2), *blocks(*case)[at + 1:]))
          for which, at in (("first", 6), ("second", 14))],
        ("third block's 3 x 3 must keep", lambda *case: nn.Sequential(*[
            layer if getattr(layer, "kernel_size", 0) != (3, 3) else nn.Conv2d(
                layer.in_channels, layer.out_channels, 3) for layer in blocks(*case)])),
        ("2 x 2 is not", partial(in_a_row, pool=nn.MaxPool2d(2))),
        ("padding of 1 in place", partial(in_a_row, pool=nn.MaxPool2d(3, 2, 1))),
        ("stride 3", partial(in_a_row, pool=nn.MaxPool2d(3, ceil_mode=True))),
        ("takes the mean", partial(in_a_row, pool=nn.AvgPool2d(3, 2, ceil_mode=True))),
        ("maxima", partial(in_a_row, end=(nn.AdaptiveMaxPool2d(1), nn.Flatten()))),
        ("come out", partial(in_a_row, end=())), ("flattened", partial(in_a_row, end=END[1:])),
        ("flatten them", partial(in_a_row, end=END[:1])),
        ("of 8 x 8 places", partial(in_a_row, end=(nn.AvgPool2d(8), nn.Flatten()))),
        ("softmax", partial(in_a_row, end=(*END, nn.Softmax(1)))),
        ("every block reads the image's", partial(in_a_row, read=None)),
        ("not the first", partial(in_a_row, read=0)),
        ("the second is missing", lambda channels, widths: in_a_row(
            channels, [three[:2] for three in widths])),
        ("the first is missing", lambda channels, widths: in_a_row(
            channels, [three[::2] for three in widths])),
        ("should be those that are given", lambda channels, widths: in_a_row(
            channels, ((192, 160, 96), (192, 192, 192), (192, 192, 10)))),
        ("here 3 x 3", partial(in_a_row, mix=3)), ("frame of biases", partial(in_a_row, frame=1)),
        ("stride 2, and none should", partial(
            in_a_row, conv=lambda inputs, outputs, k, padding: nn.Conv2d(
                inputs, outputs, k, k // 2 or 1))),
        ("BatchNorm2d stands in the net", partial(
            in_a_row, conv=lambda inputs, outputs, k, padding: nn.Sequential(
                nn.Conv2d(inputs, outputs, k, padding=padding), nn.BatchNorm2d(outputs)))),
        ("reaches the weights of 7 x 3 x 5 x 5, the weights of 6 x 7 x 1 x 1: behind",
         lambda *case: nn.Sequential(*blocks(*case)[:4], Detach(), *blocks(*case)[4:])),
        ("7 x 3 x 5 x 5, and 8 more: behind", lambda *case: nn.Sequential(*blocks(*case), Detach())),
        ("there is no pooling", partial(in_a_row, pool=nn.Identity())),
        ("second block a pooling is missing", lambda *case: nn.Sequential(
            *[layer for at, layer in enumerate(blocks(*case)) if at not in (14, 15)])),
        ("logarithm", partial(in_a_row, end=(*END, nn.LogSoftmax(1)))),
        ("dense layer stands at the end", lambda channels, widths: nn.Sequential(
            in_a_row(channels, widths), nn.Linear(widths[2][2], widths[2][2]))),
        ("nothing is dropped: after", partial(in_a_row, drop=nn.Identity())),
        ("it must drop with nn.Dropout(0.5)", partial(in_a_row, drop=nn.Dropout(0.4))),
        ("drops whole maps", partial(in_a_row, drop=nn.Dropout2d(0.5))),
        ("after the third block", partial(in_a_row, end=(nn.Dropout(0.5), *END))),
        ("the means are dropped", partial(in_a_row, end=(*END, nn.Dropout(0.5)))),
        ("before the poolings", lambda *case: nn.Sequential(*swapped_pairs(blocks(*case)))),
        ("nothing is dropped after the second", lambda *case: nn.Sequential(
            *[layer for at, layer in enumerate(blocks(*case)) if at != 15])),
        ("squeeze()", lambda *case: Bare(nn.Sequential(*blocks(*case, end=END[:1])), torch.squeeze)),
        ("second block's should be 5 x 5, too", partial(in_a_row, kernels=(5, 3, 3))),
        ("begins with a convolution of 3 x 3", partial(in_a_row, kernels=(5, 5, 1))),
        ("stand behind it, not before it", partial(in_a_row, large=2)),
        ("stand behind it, not before and", partial(in_a_row, large=1)),
        ("not the second", partial(in_a_row, read=1)),
        *[(f"the {which} block has no ReLU", partial(without_relus, block))
          for block, which in enumerate(("first", "second", "third"))],
        *[(words, lambda *case, other=other: nn.Sequential(*[
            other() if isinstance(layer, nn.ReLU) else layer for layer in blocks(*case)]))
          for words, other in (("a tanh stands", nn.Tanh), ("a sigmoid stands where", nn.Sigmoid),
                               ("GELU stands", nn.GELU), ("a leaky ReLU", nn.LeakyReLU))],
        *[(f"the {which} pooling takes the mean", lambda *case, at=at: nn.Sequential(
            *blocks(*case)[:at], nn.AvgPool2d(3, 2, ceil_mode=True), *blocks(*case)[at + 1:]))
          for which, at in (("first", 6), ("second", 14))],
        ("halves no size", partial(in_a_row, pool=nn.MaxPool2d(3, 1))),
        ("and should have none", partial(in_a_row, pool=nn.MaxPool2d(3, 2, 1, ceil_mode=True))),
        ("a sigmoid stands at the end", partial(in_a_row, end=(*END, nn.Sigmoid()))),
        *[(words, lambda *case, end=end: Bare(nn.Sequential(*blocks(*case, end=())), end))
          for words, end in (
              ("over the class maps", lambda maps: maps.mean(1)), ("rows", lambda maps: maps.mean(2)),
              ("columns", lambda maps: maps.mean(3)), ("all that there is", torch.mean),
              ("over the pictures, too", lambda maps: maps.mean((0, 2, 3))),
              ("number of the class", lambda maps: maps.mean((2, 3)).argmax(1)))],
        ("2 x 2 means", partial(in_a_row, end=(nn.AdaptiveAvgPool2d(2), nn.Flatten()))),
        ("flatten from axis 1", partial(in_a_row, end=(nn.AdaptiveAvgPool2d(1), nn.Flatten(0)))),
        ("third block is not run", third_block_forgotten),
        ("it raises", lambda *case: Bare(nn.Sequential(*blocks(*case, end=END[:1])),
                                         lambda means: means.view(2, -1))),
        ("the sums of the class maps", lambda *case: Bare(
            nn.Sequential(*blocks(*case, end=())), lambda maps: maps.sum((2, 3)))),
        ("behind the means", lambda *case: nn.Sequential(
            *blocks(*case, end=())[:-1], *END, nn.ReLU())),
        ("one number of each three", lambda channels, widths: in_a_row(
            channels, [*zip(*widths, strict=True)])),
        ("NiN3 does", lambda channels, widths: NiN3(
            (*widths[:2], widths[2][:2]), channels=channels, classes=widths[2][2])),
        ("nn.Sequential(*layers)", blocks),
        ("dense layer stands at the end", partial(in_a_row, end=(*END, nn.Linear(10, 10)))),
        ("too many", partial(in_a_row, end=(*END, nn.Linear(10, 9)))),
        ("in their place", lambda channels, widths: in_a_row(channels, widths[::-1])),
        ("9 x 8 x 1 x 1, too; a layer in a list", one_name_for_both_mixes),
        ("call it", lambda *case: Written), ("without brackets", nn.Sequential()), ("return", print)],
    "mean_of_the_largest": [
        ("it gives", lambda maps, k: torch.stack([torch.stack([
            one.unique()[-k:].mean() for one in each]) for each in maps])),
        ("divide by k", lambda maps, k: k * by_sorting(maps, k)),
        ("largest alone", lambda maps, k: maps.amax((2, 3))),
        ("smallest", lambda maps, k: maps.flatten(2).topk(k, largest=False).values.mean(2)),
        ("over all places", lambda maps, k: maps.mean((2, 3))),
        ("k-th", lambda maps, k: maps.flatten(2).topk(k).values[..., -1]),
        ("by all places", lambda maps, k: by_sorting(maps, k) * k / maps[0, 0].numel()),
        ("five", lambda maps, k: by_sorting(maps, 5)),
        ("signs", lambda maps, k: by_sorting(maps.abs(), k)),
        ("first k", lambda maps, k: maps.flatten(2)[..., :k].mean(2)),
        ("k + 1", lambda maps, k: by_sorting(maps, k + 1)),
        ("five", lambda maps, k: maps.flatten(2).topk(5).values.mean(2)),
        ("their mean", lambda maps, k: maps.flatten(2).topk(k).values),
        ("keepdim", lambda maps, k: maps.flatten(2).topk(k).values.mean(2, keepdim=True)),
        ("of each row", lambda maps, k: maps.topk(k, dim=-1).values.mean((2, 3))),
        ("of each row", lambda maps, k: maps.topk(k).values.mean(-1).mean(-1)),
        ("axis 1 are the classes", lambda maps, k: maps.topk(k, dim=1).values.mean((2, 3))),
        ("axis 1 are the classes", lambda maps, k: maps.flatten(2).topk(k, dim=1).values.mean(2)),
        ("of all maps of an example", lambda maps, k: maps.flatten(1).topk(k).values.mean(1)),
        ("as large as the k-th", lambda maps, k: ((maps >= maps.flatten(2).sort(2).values[
            ..., -k, None, None]) * maps).sum((2, 3)) / k),
        ("it gives", lambda maps, k: 2 * by_sorting(maps, k)),
        ("it raises", lambda maps, k: maps.topk(k, dim=7)), ("must be a tensor", lambda maps, k: [k]),
        ("a topk holds two, values", lambda maps, k: maps.flatten(2).topk(k)),
        ("a sort holds two, values", lambda maps, k: maps.flatten(2).sort(2)),
        ("changes the maps", lambda maps, k: by_sorting(maps.mul_(2), k)), ("return", print)],
    "where_the_digit_is": [
        ("swapped", lambda *case: find(*case).flip(1)), ("not pixels", lambda maps, step: find(
            maps, 1, half=lambda step: 0)),
        ("lower right corner", partial(find, half=lambda step: step)),
        ("the edge between two pixels", partial(find, half=lambda step: (step - 1) / 2)),
        ("named maps of all examples", lambda maps, step: places(
            maps[:, maps.mean((2, 3)).argmax(1)].flatten(1).argmax(1), maps, step)),
        ("in all maps of the example", lambda maps, step: places(
            maps.flatten(1).argmax(1), maps, step)),
        ("upper left", partial(find, half=lambda step: 0)),
        ("subtracted", partial(find, half=lambda step: -step / 2)),
        ("step of 8", partial(find, half=lambda step: 4)),
        ("not at step * p + 1", partial(find, half=lambda step: 0.5)),
        ("neither step // 2 nor rounded", partial(find, half=lambda step: step // 2)),
        ("neither step // 2 nor rounded", partial(find, half=lambda step: round(step / 2))),
        ("swapped", lambda maps, step: find(maps, step, half=lambda step: step // 2).flip(1)),
        ("class 0", partial(find, half=lambda step: step // 2,
                            name=lambda maps: maps[:, :, 0, 0] * 0)),
        ("by that of rows", lambda maps, step: find(
            maps.transpose(2, 3), step, place=lambda flat: maps[torch.arange(len(maps)), maps.mean(
                (2, 3)).argmax(1)].flatten(1).argmax(1))),
        ("largest mean", partial(find, name=lambda maps: maps.amax((2, 3)))),
        ("largest of all numbers", lambda maps, step: find(maps.amax(1, keepdim=True), step)),
        ("mean of all maps", lambda maps, step: find(maps.mean(1, keepdim=True), step)),
        ("class 0", partial(find, name=lambda maps: maps[:, :, 0, 0] * 0)),
        ("smallest mean", partial(find, name=lambda maps: -maps.mean((2, 3)))),
        ("map is smallest", partial(find, place=lambda flat: flat.argmin(1))),
        ("of the first", lambda maps, step: find(maps[:1], step).repeat(len(maps), 1)),
        ("one example's", lambda maps, step: find(maps, step)[0]),
        ("2 x N", lambda maps, step: find(maps, step).T),
        ("row and column twice", lambda maps, step: find(maps, step).repeat(1, 2)),
        ("whatever it is given", lambda maps, step: torch.zeros(1, 2)),
        ("must be a tensor", lambda maps, step: find(maps, step).tolist()), ("return", print)],
}

DIM = "the last axis is number 1 of two"
EQUAL = {
    "mean_of_the_largest": {
        "return maps.flatten(2).topk(k, dim=2).values.mean(dim=2) -> "
        "    return maps.flatten(2).topk(k).values.mean(dim=2)": "topk takes the last axis by itself",
        "return maps.flatten(2).topk(k, dim=2).values.mean(dim=2) -> "
        "    return maps.flatten(-2).topk(k, dim=2).values.mean(dim=2)":
            "of four axes number 2 is the last but one"},
    "where_the_digit_is": {
        "best = maps.mean(dim=(2, 3)).argmax(dim=1) ->     best = maps.mean(dim=(2, 3)).argmax(dim=-1)":
            DIM,
        "peaks = chosen.flatten(1).argmax(dim=1) ->     peaks = chosen.flatten(1).argmax(dim=-1)": DIM,
        "best = maps.mean(dim=(2, 3)).argmax(dim=1) ->     best = maps.sum(dim=(2, 3)).argmax(dim=1)":
            "the maps are equally large",
        "return step * torch.stack([peaks // W, peaks % W], dim=1) + step / 2 -> "
        "    return step * torch.stack([peaks // W, peaks % W], dim=-1) + step / 2": DIM},
}
