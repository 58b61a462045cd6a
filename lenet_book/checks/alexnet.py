"""Chapter 11: two totals, response normalisation, dropout, the convolutions in two towers."""

from functools import cache

import torch
from torch import Tensor

from . import normalisation, towers
from .answers import compare, known, tensor, whole
from .calls import Function
from .exercise import exercise
from .nets import compare_nets
from .verdict import Wrong

_ALL = 62_378_344  # parameters of one tower
_CONVOLUTIONS = 34_944 + 614_656 + 885_120 + 1_327_488 + 884_992


@exercise(chapter=11, number=1, level="medium", minutes=5)
def alexnet_for_one_channel(answer) -> str:
    """Parameters of one tower for one channel, ten classes and 6,400 inputs of fc6."""
    conv1, fc6, fc8 = 2 * 11 * 11 * 96, 2816 * 4096, 990 * 4097
    right = _ALL - conv1 - fc6 - fc8
    known(whole(answer, "the total"), right, {
        _ALL: "that is the net of the paper, in one tower, before anything is taken away",
        right + 990: "fc8 loses 990 biases, too: a class has 4,096 weights and a bias",
        right + conv1: "conv1 has still three channels",
        right + fc6: "fc6 has still 9,216 inputs",
        right + fc8: "fc8 has still 1,000 classes",
        right + conv1 + fc6: "only fc8 is changed",
        right + conv1 + fc8: "only fc6 is changed",
        right + fc6 + fc8: "only conv1 is changed",
        right - conv1 // 2: "all channels of conv1 are gone, and one of three stays",
        right + conv1 // 2: "conv1 loses one channel, and should lose two",
        right - 2816: "fc6 keeps all its 4,096 biases: they belong to its units, not to its inputs",
        right - 2 * 96: "conv1 keeps its 96 biases: they belong to its maps, not to its channels",
        right - 6400 * 4096 - 4096: "fc6 is gone as a whole",
        60_965_224 - conv1 - fc6 - fc8: "that starts from two towers; one has 62,378,344",
    }, "three layers are smaller, conv1, fc6 and fc8; count what each loses, and whether biases go too")
    return "46,764,746: a quarter of the net was in the inputs and the classes that are gone"


@exercise(chapter=11, number=2, level="easy", minutes=3)
def alexnet_without_dense_layers(answer) -> str:
    """Parameters, if a mean over each map and one dense layer stand in place of the three."""
    known(whole(answer), _CONVOLUTIONS + 257_000, {
        _CONVOLUTIONS: "that is the convolutions alone; a dense layer from 256 means to 1,000 classes "
                       "comes on top",
        _CONVOLUTIONS + 256_000: "the 1,000 biases of the dense layer are missing",
        _CONVOLUTIONS + 256_256: "a dense layer has a bias for each output, 1,000, not for each input",
        _CONVOLUTIONS + 9_217_000: "a mean leaves one number of each map: 256 inputs, not 9,216",
        _CONVOLUTIONS + 4_097_000: "that keeps fc8 as it was; its inputs are 256 now, not 4,096",
        257_000: "that is the new dense layer alone; the five convolutions stay",
        _ALL - _CONVOLUTIONS: "that is the three dense layers, which are to go",
        _ALL - 37_752_832: "only fc6 is gone",
        _ALL - _CONVOLUTIONS - 257_000: "that is what is saved, and asked is what is left",
        2_334_080 + 257_000: "that is of two towers; take the convolutions of one",
    }, "add up the five convolutions and the new dense layer, weights and biases")
    return "4,004,200, which is 6.4 % of the net; GoogLeNet, in chapter 14, ends like this"


_NORMALISED = dict.fromkeys(("local_response_norm",), "write the sum over the maps yourself")


@exercise(chapter=11, number=3, level="medium", minutes=10)
def response_normalisation(answer) -> str:
    """a, n, alpha, beta, k -> each map divided by what it and its neighbours say."""
    def other_constant(place):
        """The reader's function with another of one constant: the same, where it is not used."""
        def call(a, *constants):
            constants = list(constants)
            constants[place] += 2
            return Function(answer, "a n alpha beta k")(a, *constants)
        return call

    # Small enough that a sum without squares never makes the divisor negative.
    cases = [(2 * torch.rand(*shape).double() - 1, *constants) for shape, constants in (
        ((1, 7, 3, 3), (5, 1.9, 0.75, 2.0)), ((2, 8, 3, 5), (3, 1.0, 0.5, 1.5)),
        ((2, 3, 4, 3), (5, 0.9, 0.75, 1.0)), ((3, 6, 2, 4), (1, 0.5, 1.25, 2.0)))]
    cases += [(100 * torch.randn(2, 12, 4, 3).double(), 5, 1e-4, 0.75, 2.0)]
    mistakes = normalisation.MISTAKES | {
        f"it does not use its argument {name}": other_constant(place)
        for place, name in enumerate(("n", "alpha", "beta", "k"))}
    try:
        compare(answer, normalisation.right, cases, "a n alpha beta k", mistakes, _NORMALISED)
    except Wrong as wrong:
        if str(wrong).endswith("not finite: nan"):
            raise Wrong(f"{wrong}; a negative number to the power of beta is nan, and so is the mean "
                        "of no maps") from None
        raise
    return "activations of about 100 are where it acts; smaller ones it only multiplies by k^-beta"


_DROPPED = dict.fromkeys(("dropout", "dropout_", "native_dropout", "feature_dropout", "dropout1d",
                          "dropout2d"), "draw the numbers that stay yourself")


@exercise(chapter=11, number=4, level="medium", minutes=10)
def dropout_by_hand(answer) -> str:
    """x, p, training -> in training each number is 0 with probability p, or divided by 1 - p."""
    function = Function(answer, "x p training", _DROPPED)
    x = torch.randn(60, 250).double() + 3
    for p in (0.2, 0.7, 0.005):
        training, again, testing = (tensor(function(x, p, mode), x.shape, "its result")
                                    for mode in (True, True, False))
        if (testing == 0).any() and not (training == 0).any():
            raise Wrong("it drops in testing and not in training: the two are exchanged")
        if not torch.equal(testing, x):
            raise Wrong("it drops in testing, too" if (testing == 0).any() else
                        "in testing it must return x as it is; it is in training that the rest must be "
                        "made larger")
        kept = training != 0
        share = 1 - kept.double().mean().item()
        values, times = training.unique(return_counts=True)
        if not share and times.max() > p / 2 * x.numel():
            raise Wrong(f"for p = {p} it sets {times.max() / x.numel():.0%} of the numbers to "
                        f"{values[times.argmax()]:.4g}, and dropout sets them to 0")
        if share in (0, 1):
            some = {(function(x[:2], p, True) == 0).double().mean().item() for _ in range(40)}
            raise Wrong("it sets everything to 0 or nothing, as one draw decides; each number is drawn "
                        "by itself" if some == {0, 1} else
                        f"for p = {p} it sets {'everything' if share else 'no number'} to 0")
        if torch.equal(kept, again != 0):
            raise Wrong("called twice it drops the same numbers; they are drawn anew at each call")
        if torch.equal(kept, kept[:1].expand(x.shape)):
            raise Wrong("it drops the same numbers of every example; each number is drawn by itself")
        if any((kept.all(axis) | ~kept.any(axis)).all() for axis in (0, 1)):
            raise Wrong("it drops whole rows or columns; each number is drawn by itself")
        if _repeats(kept):
            raise Wrong("numbers go in pairs, or by a pattern that repeats; each is drawn by itself")
        if abs(share - (1 - p)) < 0.02:
            raise Wrong(f"p is the share that goes; for p = {p} it keeps {1 - share:.0%}")
        if abs(share - p) > 0.02:
            raise Wrong(f"for p = {p} it sets {share:.0%} to 0")
        _factor(*((each / x)[each != 0] for each in (training, again)), p)
    if len({(function(x, 0.5, True) == 0).sum().item() for _ in range(4)}) == 1:
        raise Wrong("exactly the same share goes each time; whether a number goes is drawn for each")
    maps = function(torch.randn(9, 8, 12, 10).double(), 0.5, True) == 0
    if _repeats(maps):
        raise Wrong("of maps, N x maps x H x W, it drops numbers in groups, or by a pattern that "
                    "repeats; each is drawn by itself")
    if abs(maps.double().mean() - 0.5) > 0.05:
        raise Wrong("of maps, half of whose numbers are below 0, it sets "
                    f"{maps.double().mean():.0%} to 0 for p = 0.5; each is drawn by itself")
    cube = torch.ones(3, 4, 5, 6).double()
    if not torch.equal(tensor(function(cube, 0.0, True), cube.shape, "its result"), cube):
        raise Wrong("right, but for p = 0 nothing may change")
    return "the mean stays what it was, so that nothing has to be done in testing"


def _repeats(kept: Tensor) -> bool:
    """Is what stays, shifted by some places, far more like itself than by chance?"""
    apart = kept.double().flatten()
    apart = apart - apart.mean()
    alike = torch.fft.irfft(torch.fft.rfft(apart).abs().square(), len(apart))  # by the shift
    return bool(alike[1:].max() > 0.25 * alike[0])


def _factor(ratio: Tensor, again: Tensor, p: float) -> None:
    """Is what stays multiplied by 1 / (1 - p), in one call and in the next?"""
    if ratio.std() > 1e-6:
        raise Wrong("in training each number must be 0, or x times one and the same factor")
    if abs(ratio.mean() - again.mean()) > 1e-6:
        raise Wrong(f"for p = {p} what stays is multiplied by {ratio.mean():.4g} once, and then by "
                    f"{again.mean():.4g}; the factor depends on p alone, not on what has been drawn")
    known(ratio.mean().item(), 1 / (1 - p), {
        1.0: "what stays is not made larger: the mean shrinks, and testing differs from training",
        1 / p: "it divides by p, the share that goes; the mean of all, zeros too, must be that of x",
        1 - p: "it multiplies by the share that stays, and should divide by it",
    }, f"for p = {p} what stays is multiplied by {ratio.mean():.4g}; the mean must stay that of x")


@exercise(chapter=11, number=5, level="hard", minutes=15)
def two_towers(answer) -> str:
    """The maps of five layers -> AlexNet's convolutional part in two towers, conv1 to pool5."""
    compare_nets(answer, towers.two_towers, _images(), "maps", towers.MISTAKES, in_training=(
        "in training mode it gives something else: dropout acts on fc6 and fc7, and none is asked for"))
    return "with 96, 256, 384, 384 and 256 maps it has the 2,332,704 weights and 1,376 biases of 2012"


@cache
def _images() -> list[tuple]:
    """The maps of two nets, and what these read."""
    return [(maps, 1000 * torch.randn(count, 3, 227, 227, device="cpu").double()) for count, maps in (
        (1, (6, 8, 10, 12, 4)), (2, (4, 6, 2, 8, 10)))]
