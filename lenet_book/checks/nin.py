"""Chapter 13: two prices, the whole net, the largest places, where the digit is."""

from functools import cache

import torch

from . import blocks
from .answers import compare, known, whole
from .exercise import exercise
from .nets import compare_nets


@exercise(chapter=13, number=1, level="easy", minutes=3)
def dense_in_place_of_mean(answer) -> str:
    """Parameters of a dense layer of 4,096 units on 192 maps of 8 x 8."""
    right, before, end = 192 * 64 * 4096 + 4096, 596_032, 4096 * 10 + 10
    known(whole(answer), right, {
        **{right + more: f"{which} counted as well; this one layer alone is asked" for more, which in (
            (end, "the next layer, to ten classes, is"), (4096 * 4097, "a second layer of 4,096 is"),
            (4096 * 4097 + end, "the next two layers are"), (before, "the two blocks before it are"),
            (before + end, "the two blocks before it and the ten classes are"),
            (966_986, "the whole of NiN is"))},
        192 * 64 * 4096: "the 4,096 biases are missing",
        192 * 64 * 4096 + 192 * 64: "a dense layer has a bias for each unit, not for each input",
        192 * 4096 + 4096: "the maps are flattened: each has 64 numbers, not one",
        192 * 8 * 4096 + 4096: "a map of 8 x 8 has 64 numbers, not eight",
        192 * 256 * 4096 + 4096: "that is before the second pooling, at 16 x 16",
        10 * 64 * 4096 + 4096: "that reads the ten class maps; the second block has 192 maps",
        192 * 64 * 10 + 10: "that is a layer of ten units",
        192 * 64: "that is the number of inputs; each unit has a weight for each of them",
        52: "that is how many times as large as the whole net it is; the number of its parameters is "
            "asked",
        966_986: "that is the whole of NiN",
    }, "the parameters of this one layer alone are asked: each unit has a weight for each "
       "number of the flattened maps, and a bias")
    return "50,335,744, which is 52 times the whole of NiN for CIFAR-10"


@exercise(chapter=13, number=2, level="medium", minutes=5)
def maps_for_a_cheap_mix(answer) -> str:
    """From how many input maps on mlpconv1's 5 x 5 costs more than both its 1 x 1 together."""
    one_output = ("that compares one output of each layer, 25 c with 192 + 160; they make 192, 160 and "
                  "96 maps: count all of them")
    known(whole(answer, "the number of maps", {
        14.08: one_output,
        9.6: "at 9.6 maps both would cost the same: from which whole number on is the 5 x 5 dearer?",
        6.4: "that is against the first 1 x 1 alone", 3.2: "that is against the second 1 x 1 alone",
    }), 10, {
        9: "with nine the 5 x 5 has 43,200 weights, and the two 1 x 1 have 46,080: still fewer",
        7: "that is against the first 1 x 1 alone",
        4: "that is against the second 1 x 1 alone",
        240: "a kernel of 5 x 5 has 25 weights for each pair of maps, not one",
        241: "a kernel of 5 x 5 has 25 weights for each pair of maps, not one",
        49: "a kernel of 5 x 5 has 25 weights for each pair of maps, not five",
        48: "a kernel of 5 x 5 has 25 weights for each pair of maps, not five",
        14: one_output, 15: one_output,
        3: "with three maps, the colours, the 5 x 5 has 14,400 weights, and the two 1 x 1 have 46,080",
        11: "fewer are enough already",
        1843: "each map that it reads costs 25 weights for each of the 192 that it makes, not 25 "
              "in all",
        1844: "each map that it reads costs 25 weights for each of the 192 that it makes, not 25 "
              "in all",
    }, "count at one place: what the 5 x 5 multiplies for each map that it reads, and the 1 x 1 in all")
    return "with ten it is 48,000 to 46,080 at each place; the second block's 5 x 5 reads 96"


@exercise(chapter=13, number=3, level="hard", minutes=15)
def network_in_network(answer) -> str:
    """channels, widths -> NiN of three blocks, as released for CIFAR-10."""
    compare_nets(answer, blocks.nin, _images(), "channels widths", blocks.MISTAKES, in_training=(
        "right in testing, but in training it must drop with nn.Dropout(0.5), after the first and "
        "after the second pooling and nowhere else"))
    return "with 192, 160, 96, and so on, and three channels it has 966,986 parameters"


@cache
def _images() -> list[tuple]:
    """What two nets are made of, and what they read."""
    return [(count, widths, torch.randn(n, count, *size, device="cpu").double())
            for count, widths, n, size in (
                (3, ((7, 6, 5), (8, 9, 4), (11, 12, 10)), 2, (32, 32)),
                (1, ((4, 8, 3), (5, 7, 9), (6, 2, 5)), 1, (37, 50)))]  # last maps larger than 8 x 8


@exercise(chapter=13, number=4, level="easy", minutes=5)
def mean_of_the_largest(answer) -> str:
    """maps, k -> the mean of the k largest numbers of each map."""
    def largest(maps, k):
        return maps.flatten(2).sort(dim=2, descending=True).values[..., :k]

    cases = [(torch.randn(*shape).double(), k) for shape, k in (
        ((2, 10, 5, 5), 4), ((3, 4, 2, 6), 3), ((1, 8, 1, 7), 7), ((5, 1, 4, 4), 1))]
    cases.append(((2 * torch.randn(2, 12, 3, 12)).double().round().relu(), 12))  # many are equal
    compare(answer, lambda maps, k: largest(maps, k).mean(2), cases, "maps k", {
        "that is the sum of the k largest; divide by k": lambda maps, k: largest(maps, k).sum(2),
        "that is the largest alone": lambda maps, k: largest(maps, 1).mean(2),
        "those are the k smallest": lambda maps, k: -largest(-maps, k).mean(2),
        "that is the mean over all places": lambda maps, k: maps.mean((2, 3)),
        "that is the k-th largest alone": lambda maps, k: largest(maps, k)[..., -1],
        "the sum is divided by all places, and should be divided by k":
            lambda maps, k: largest(maps, k).sum(2) / maps[0, 0].numel(),
        "those are the five largest, whatever k is": lambda maps, k: largest(maps, 5).mean(2),
        "those are the largest by size, without their signs": lambda maps, k: largest(
            maps.abs(), k).mean(2),
        "those are the first k places, not the largest numbers":
            lambda maps, k: maps.flatten(2)[..., :k].mean(2),
        "those are the k largest of each row; the places of a map must be one axis": lambda maps, k:
            maps.topk(k, dim=3).values.mean((2, 3)),
        "axis 1 are the classes; the k largest are those of the places of a map": lambda maps, k:
            maps.topk(k, dim=1).values.mean((2, 3)),
        "all numbers as large as the k-th are added up, and these may be more than k": lambda maps, k: (
            maps * (maps >= largest(maps, k)[..., -1:, None])).sum((2, 3)) / k,
        "the k + 1 largest count": lambda maps, k: largest(maps, k + 1).mean(2),
        "those are the k largest of all maps of an example; take those of each map":
            lambda maps, k: maps.flatten(1).topk(k).values.mean(1),
        "it gives the k largest; their mean is asked": largest,
        "the means are right, but keepdim keeps an axis of length 1; N x classes are asked":
            lambda maps, k: largest(maps, k).mean(2, keepdim=True),
    })
    return "k = 1 is the maximum and k = H W the mean: this lies between the two"


@exercise(chapter=13, number=5, level="medium", minutes=12)
def where_the_digit_is(answer) -> str:
    """maps, step -> for each example the middle pixel of the place where the named class peaks."""
    def peak(maps, step, named=None, half=True, best=torch.argmax):
        rows = []
        for example in maps:
            one = example[(named or (lambda each: each.mean((1, 2)).argmax()))(example)]
            row, column = divmod(best(one).item(), maps.shape[3])
            rows.append([step * row + step / 2 * half, step * column + step / 2 * half])
        return torch.tensor(rows).double()

    def chosen(maps):
        return maps[torch.arange(len(maps)), maps.mean((2, 3)).argmax(1)]

    def flat(maps, width, step):
        place = maps.flatten(1).argmax(1)
        return step * torch.stack([place // width, place % width], 1).double() + step / 2

    cases, odd = ([(torch.randn(*shape).double(), step) for shape, step in several] for several in (
        (((6, 10, 5, 5), 8), ((4, 4, 3, 7), 4), ((5, 10, 6, 2), 16), ((1, 3, 1, 9), 2)),
        (((2, 3, 3, 4), 5), ((7, 2, 4, 4), 1))))
    compare(answer, peak, cases, "maps step", {
        "rows and columns are swapped": lambda maps, step: peak(maps, step).flip(1),
        "those are places, not pixels: a place is step pixels wide":
            lambda maps, step: peak(maps, 1, half=False),
        "that is the upper left pixel of the place; its middle is half a step on":
            lambda maps, step: peak(maps, step, half=False),
        "half a step is subtracted, and should be added":
            lambda maps, step: peak(maps, step, half=False) - step / 2,
        "4 belongs to a step of 8; the middle is half of the given step":
            lambda maps, step: peak(maps, step, half=False) + 4,
        "the middle of place p is at step * p + step / 2, not at step * p + 1 / 2":
            lambda maps, step: peak(maps, step, half=False) + 0.5,
        "that is the lower right corner of the place; its middle is half a step before it":
            lambda maps, step: peak(maps, step, half=False) + step,
        "of pixels 16 to 23 this takes 19.5 for the middle; here it is 20, the edge between two pixels":
            lambda maps, step: peak(maps, step, half=False) + (step - 1) / 2,
        "a place is divided by the number of columns, and here by that of rows":
            lambda maps, step: flat(chosen(maps), maps.shape[2], step),
        "maps[:, named] takes the named maps of all examples for each; one for each is asked":
            lambda maps, step: flat(maps[:, maps.mean((2, 3)).argmax(1)], maps.shape[3], step),
        "that is the place in all maps of the example, one behind the other; look at the map of the "
        "named class": lambda maps, step: flat(maps, maps.shape[3], step),
        "that is where the largest of all numbers stands; the class is that of the largest mean":
            lambda maps, step: peak(maps.amax(1, keepdim=True), step),
        "that is where the mean of all maps peaks; look at the map of the named class":
            lambda maps, step: peak(maps.mean(1, keepdim=True), step),
        "that is always the map of class 0": lambda maps, step: peak(maps, step, lambda each: 0),
        "the class with the smallest mean is taken": lambda maps, step: peak(
            maps, step, lambda each: each.mean((1, 2)).argmin()),
        "that is where the map is smallest": lambda maps, step: peak(maps, step, best=torch.argmin),
        "all examples get the place of the first": lambda maps, step: peak(
            maps[:1], step).expand(len(maps), 2),
        "only one example's place comes out": lambda maps, step: peak(maps, step)[0],
        "that is 2 x N; each example needs a row": lambda maps, step: peak(maps, step).T,
        "that is row and column twice; two numbers an example are asked": lambda maps, step: torch.cat(
            [peak(maps, step)] * 2, 1),
    })
    compare(answer, peak, odd, "maps step", {
        "right for even steps; half an odd one is a fraction: step / 2, neither step // 2 nor rounded":
            lambda maps, step: peak(maps, step, half=False) + step // 2,
    })
    return "labels alone taught the net where digits are; this reads it out"
