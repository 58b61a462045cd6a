"""Chapter 05: how many layers see a digit, a field by hand, its window from the top and by gradient."""

from functools import partial

import torch
from torch import nn

from ..arguments import shown
from ..receptive_field import ReceptiveField
from .answers import agrees, compare, counted, in_order, known, listed, numbers, several, whole
from .exercise import exercise
from .verdict import Wrong

_BY_OTHERS = dict.fromkeys(("measure", "trace", "window"), "ask autograd yourself")
_MOST = 14  # layers of kernel 3 that see a digit without any stride


@exercise(chapter=5, number=1, level="easy", minutes=2)
def layers_that_see_a_digit(answer) -> str:
    """How many layers of kernel 3, stride 1 it takes to see 28 pixels."""
    layers = whole(answer, otherwise="half a layer is none: the number that is enough is rounded up")
    known(layers, 14, {
        27: "each layer adds two pixels, one on each side, and not one",
        28: "each layer adds two pixels, one on each side, and not one",
        9: "each layer adds two pixels and not three, since the windows of neighbours overlap",
        10: "each layer adds two pixels and not three, since the windows of neighbours overlap",
    }, "fewer are enough" if layers > 14 else f"with {counted(layers, 'layer')} a unit "
       f"sees {counted(1 + 2 * layers, 'pixel')}" if layers >= 0
       else "a net has no negative number of layers")
    return "they see 29; a pixel of these lies outside"


@exercise(chapter=5, number=2, level="medium", minutes=6)
def stack_that_sees_a_digit(answer) -> str:
    """The fewest (kernel, stride), at most 3 and 2, that see 28 pixels."""
    layers = listed(answer)
    if not isinstance(layers, list | tuple):
        raise Wrong(f"this must be a list of (kernel, stride), one for each layer, not {shown(answer)}")
    layers = [tuple(whole(each, "each number") for each in several(layer, 2, "each layer"))
              for layer in layers]
    for kernel, stride in layers:
        if stride == 3 and kernel < 3:
            raise Wrong("the kernel comes first, then the stride")
        if not 1 <= kernel <= 3 or not 1 <= stride <= 2:
            raise Wrong(f"kernel {kernel} with stride {stride} is not allowed: kernels are 1 to 3, "
                        "strides 1 or 2")
    if len(layers) > _MOST:
        raise Wrong(f"{len(layers)} layers are more than it takes without any stride")
    seen = _pixels(0, [(kernel, stride, 0, 1) for kernel, stride in layers])
    reach = max(seen) - min(seen) + 1
    if reach > len(seen):
        raise Wrong(f"where a stride is larger than its kernel the field has holes: it reaches across "
                    f"{reach} pixels and sees {len(seen)}")
    if reach < 28:
        small = min((kernel for kernel, _ in layers), default=3) < 3
        hint = (": a kernel of 3 adds two steps, one of 2 only one, one of 1 none"
                if small and all(stride == 2 for _, stride in layers[:3]) else
                ": the stride of a layer counts only for those after it" if reach > 14 else "")
        raise Wrong(f"with {counted(len(layers), 'layer')} a unit sees {counted(reach, 'pixel')}{hint}")
    if len(layers) > 4:
        raise Wrong(f"{reach} pixels are enough, but fewer layers do"
                    + ": let the steps grow early" * any(stride == 1 for _, stride in layers[:4]))
    return f"{reach} pixels: after each stride of 2 a kernel adds twice as much as before"


@exercise(chapter=5, number=3, level="easy", minutes=5)
def field_by_hand(answer) -> str:
    """Size, jump and start after a convolution (7, stride 2, padding 3) and a pooling (3, stride 2)."""
    if isinstance(answer, ReceptiveField):
        answer = answer.size, answer.jump, answer.start
    size, jump, start = numbers(answer, ("the size", "the jump", "the start"))
    if (size, jump) == (4, 11):
        raise Wrong("size and jump are exchanged")
    known(size, 11, {
        9: "the size: the pooling's steps are as long as the jump before it, two pixels and not one",
        10: "the size: a window of 3 has two steps, and neither one nor three",
        13: "the size: a window of 3 has two steps and not three",
        21: "the size: a stride lengthens the steps of the layers after it, not its own",
        7: "the size: that is the convolution's; the pooling widens it",
        15: "the size: the pooling's own stride does not widen its field",
    }, "the size: 7, and then two steps more; how long is each?")
    known(jump, 4, {
        2: "the size is right; the jump: both strides count, multiplied",
        1: "the size is right; the jump: both strides count, multiplied",
        3: "the size is right; the jump: each stride multiplies the one before it, which is 1 at first",
    }, "the size is right; the jump is the product of the strides")
    known(start, 2, {
        5: "size and jump are right; the start: the padding of 3 pulls it back",
        0: "size and jump are right; the start: the pooling has no padding, so its window's middle is "
           "one unit further on",
        1: "size and jump are right; the start: the pooling's middle is one unit further on, and a "
           "unit is two pixels",
        -1: "size and jump are right; the start: the pooling has no padding",
        -3: "size and jump are right; that is the field's first pixel, and its centre is asked for",
        4: "size and jump are right; the start: the jump that counts is the one before the pooling",
        3: "size and jump are right; the start: 3 is half the first kernel; take its padding away, and "
           "add the pooling",
    }, "size and jump are right; the start: (kernel - 1) / 2 - padding, in steps of the jump before")
    return "three of the eleven pixels of unit 0 lie in the padding"


@exercise(chapter=5, number=4, level="medium", minutes=10)
def window_from_the_top(answer) -> str:
    """unit, layers -> the first and the last pixel of its field, also in the padding."""
    def right(unit, layers):
        seen = _pixels(unit, layers)
        return min(seen), max(seen)

    def walk(unit, layers, first=lambda u, k, s, p, d: u * s - p,
             last=lambda u, k, s, p, d: u * s - p + d * (k - 1)):
        low = high = unit
        for k, s, p, d in reversed(layers):
            low, high = first(low, k, s, p, d), last(high, k, s, p, d)
        return low, high

    walks = partial(partial, walk)
    lenet = [(5, 1, 0, 1), (2, 2, 0, 1), (5, 1, 0, 1)]
    cases = [(3, [(5, 1, 0, 1)]), (3, lenet), (0, [(3, 2, 1, 1), (3, 1, 1, 1)]),
             (4, [(7, 2, 3, 1), (3, 2, 0, 1)]), (2, [(3, 1, 0, 2), (2, 3, 1, 1), (3, 1, 0, 1)]),
             (5, [(1, 2, 0, 1), (4, 1, 2, 3), (3, 2, 1, 2)]), (7, [])]
    in_order(answer, right, 30, [(5, 2, 3, 4), (3, 4, 2, 5), (4, 3, 5, 2)], "unit layers")
    if agrees(answer, lambda unit, layers: (1, 5), cases[:1], "unit layers"):
        raise Wrong("for unit 3 of one layer (5, 1, 0, 1) it gives 1 to 5, and not 3 to 7: unit u's "
                    "window begins at u s - p, and is not centred there")
    compare(answer, right, cases, "unit layers", {
        "the layers are walked from the first to the last, and should be from the top down":
            lambda unit, layers: walk(unit, layers[::-1]),
        "the padding does not enter": lambda unit, layers: right(
            unit, [(k, s, 0, d) for k, s, _, d in layers]),
        "the padding is added: it lies before pixel 0, so that the window begins earlier":
            lambda unit, layers: right(unit, [(k, s, -p, d) for k, s, p, d in layers]),
        "the padding does not enter the last pixel: all of the window moves":
            walks(last=lambda u, k, s, p, d: u * s + d * (k - 1)),
        "the padding is added to the last pixel, and should be taken away: all of the window moves":
            walks(last=lambda u, k, s, p, d: u * s + p + d * (k - 1)),
        "the last pixel lies d (k - 1) after the first: d k - 1 is right without dilation only":
            walks(last=lambda u, k, s, p, d: u * s - p + d * k - 1),
        "the last pixel starts from the last unit, not from the first":
            lambda unit, layers: (low := right(unit, layers)[0], low + sum(
                d * (k - 1) for k, _, _, d in layers[:1])),
        "the dilation does not enter": lambda unit, layers: right(
            unit, [(k, s, p, 1) for k, s, p, _ in layers]),
        "the strides do not enter": lambda unit, layers: right(
            unit, [(k, 1, p, d) for k, _, p, d in layers]),
        "the last pixel goes a step too far in each layer: a window of k has k - 1 steps":
            walks(last=lambda u, k, s, p, d: u * s - p + d * k),
        "the last pixel goes a pixel too far in each layer: it lies d (k - 1) after the first":
            walks(last=lambda u, k, s, p, d: u * s - p + d * (k - 1) + 1),
        "the second number is where a slice ends, and the last pixel is asked for":
            lambda unit, layers: (right(unit, layers)[0], right(unit, layers)[1] + 1),
        "the second number is the size, and the last pixel is asked for":
            lambda unit, layers: (right(unit, layers)[0],
                                  right(unit, layers)[1] - right(unit, layers)[0] + 1),
        "the padding is taken away before the stride multiplies, and it lies in the layer below":
            walks(first=lambda u, k, s, p, d: (u - p) * s,
                  last=lambda u, k, s, p, d: (u - p) * s + d * (k - 1)),
        "the window is cut off at pixel 0, and in the padding it has negative numbers":
            lambda unit, layers: (max(right(unit, layers)[0], 0), right(unit, layers)[1]),
        "only the last layer is walked": lambda unit, layers: right(unit, layers[-1:]),
        "the two are exchanged": lambda unit, layers: right(unit, layers)[::-1],
        "both ends are the same: the last pixel of a window lies d (k - 1) after its first":
            walks(last=lambda u, k, s, p, d: u * s - p),
    }, _BY_OTHERS)
    return "two numbers are enough, where pixels_seen carries all of them"


@exercise(chapter=5, number=5, level="hard", minutes=15)
def window_by_gradient(answer) -> str:
    """model, input shape, unit -> first row, last row, first column, last column that move it."""
    cases, (large, *small) = _nets(), _nets_of_equal_weights()
    names = "model input_shape unit"
    before = [[p.clone() for p in model.parameters()] for model, _, _ in cases + small]
    mistakes = {
        "rows and columns are exchanged in the result: first and last row come first":
            lambda *case: (*_moved(*case)[2:], *_moved(*case)[:2]),
        "the unit's row and column are exchanged":
            lambda model, shape, unit: _moved(model, shape, unit[::-1]),
        "the second and fourth number are where slices end; the last row and column are asked for":
            lambda *case: tuple(at + i % 2 for i, at in enumerate(_moved(*case))),
        "that is the window of all units together: take the one of the row and column":
            lambda model, shape, unit: _moved(model, shape, (slice(None), slice(None))),
        "only the unit of the first map is asked; another may see more":
            lambda *case: _moved(*case, maps=slice(1)),
        "only the unit of the last map is asked; another may see more":
            lambda *case: _moved(*case, maps=slice(-1, None)),
        "only the first channel of the image is looked at":
            lambda *case: _moved(*case, channels=slice(1)),
        "only the last channel of the image is looked at":
            lambda *case: _moved(*case, channels=slice(-1, None)),
        "a derivative below 0 moves the unit as well": lambda *case: _moved(*case, sign=1),
        "a derivative below 0 moves the unit as well, and those of both signs cancel if they are "
        "added up: take their sizes first": lambda *case: _moved(*case, sign=1, cancel=True),
        "derivatives of both signs are added up and cancel: take their sizes first":
            lambda *case: _moved(*case, cancel=True),
        "the first and the last pixel that move it are not the corners of the window: of all these "
        "pixels' columns the smallest and the largest are asked for":
            lambda *case: _moved(*case, corners=True),
        "that is first row, first column, last row, last column":
            lambda *case: tuple(_moved(*case)[i] for i in (0, 2, 1, 3)),
        "that is the field's height and width in place of its last row and column":
            lambda *case: tuple(at - _moved(*case)[i - 1] + 1 if i % 2 else at
                                for i, at in enumerate(_moved(*case))),
    }
    try:
        compare(answer, _moved, cases, names, mistakes, _BY_OTHERS)
        compare(answer, _moved, small, names)
    except Wrong as wrong:
        misses = agrees(answer, _moved, [large], names) and not agrees(answer, _moved, small, names)
        raise Wrong(f"{wrong}" + "; a small derivative moves the unit as well: compare with 0"
                    * misses) from None
    if any(not torch.equal(p, old) for (model, _, _), kept in zip(cases + small, before, strict=True)
           for p, old in zip(model.parameters(), kept, strict=True)):
        raise Wrong("it changes the weights of the model that it is given; work on a copy, "
                    "copy.deepcopy(model)")
    return "it knows no formula, and so finds the mistakes of one"


window_by_gradient.seconds = 20  # the first use of torch.func takes seconds


def _moved(model: nn.Module, shape: tuple, unit: tuple, maps: slice = slice(None),
           channels: slice = slice(None), sign: int = 0, cancel: bool = False,
           corners: bool = False) -> tuple:
    """The window; or that of some maps or channels, of one sign of the derivative, of sums that cancel,
    or between the first and the last pixel that are found.
    """
    image = torch.randn(1, *shape, requires_grad=True)
    gradient, = torch.autograd.grad(model(image)[0, maps, unit[0], unit[1]].sum(), image)
    gradient = gradient[0, channels]
    if cancel:
        gradient = gradient.sum(0, keepdim=True)
    seen = (gradient * sign > 0 if sign else gradient != 0).any(0)
    if corners:
        first, last = seen.nonzero()[[0, -1]].tolist()
        return first[0], last[0], first[1], last[1]
    rows, columns = (seen.any(axis).nonzero().flatten().tolist() for axis in (1, 0))
    return rows[0], rows[-1], columns[0], columns[-1]


class Net(nn.Sequential):
    """Layers, and how a sentence calls them."""

    def __init__(self, said: str, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.said = said
        for layer in layers:
            if isinstance(layer, nn.Conv2d):  # positive, so that no sums cancel by chance
                layer.weight.data.abs_()

    def __repr__(self) -> str:
        return self.said


def _nets() -> list[tuple]:
    """(net, shape of the input, unit): smooth activations only, since ReLU may block a gradient."""
    plain = Net("5, pool 2, 3 x 5", nn.Conv2d(1, 3, 5), nn.AvgPool2d(2), nn.Conv2d(3, 4, (3, 5)))
    padded = Net("3 / 2, tanh, 3 dilated", nn.Conv2d(2, 4, 3, 2, 1), nn.Tanh(),
                 nn.Conv2d(4, 2, 3, dilation=2))
    uneven = Net("5 x 5, some maps see less", nn.Conv2d(3, 3, 5))
    weights = uneven[0].weight.data
    for weight, v, t in ((weights[0], 2, 2), (weights[2], 1, 3), (weights[1, 0], 0, 0),
                         (weights[1, 2], 4, 4)):
        one = weight[..., v, t].clone()
        weight.zero_()[..., v, t] = one  # the whole window is in map 1 and channel 1 alone
    signs = Net("5 x 5, both signs", nn.Conv2d(1, 1, 5))
    signs[0].weight.data.neg_()[..., 1:4, 1:4].abs_()
    opposite = Net("3 x 3, opposite channels", nn.Conv2d(2, 1, 3))
    opposite[0].weight.data[0, 1] = -opposite[0].weight.data[0, 0]
    opposite[0].weight.data[0, 1, 1, 1] /= 2
    cross = Net("5 x 5, maps of a row, a column", nn.Conv2d(1, 2, 5))
    row, column = cross[0].weight.data[:, 0]
    row[[0, 1, 3, 4]], column[:, [0, 1, 3, 4]] = 0, 0  # a cross: no corner of its window is seen
    return [(plain, (1, 20, 24), (2, 3)), (padded, (2, 17, 23), (0, 1)), (padded, (2, 17, 23), (3, 4)),
            (uneven, (3, 9, 11), (1, 4)), (signs, (1, 8, 9), (3, 2)),
            (opposite, (2, 6, 7), (1, 3)), (cross, (1, 8, 9), (2, 3))]


def _nets_of_equal_weights() -> list[tuple]:
    """Like `_nets`: derivatives that are large, much smaller at the rim, and small throughout."""
    found = []
    for said, count, weight, height, unit in (
            ("3 x 3 of weights 1000", 1, 1e3, 6, (1, 3)),
            ("sixteen 3 x 3 of weights 1/9", 16, 1 / 9, 38, (4, 3)),
            ("3 x 3 of weights 1e-11", 1, 1e-11, 6, (1, 3))):
        net = Net(said, *(nn.Conv2d(1, 1, 3) for _ in range(count)))
        for layer in net:
            layer.weight.data.fill_(weight)
            layer.bias.data.fill_(1)  # an output of 0 has a square without derivative
        found.append((net, (1, height, height + 1), unit))
    return found


def _pixels(unit: int, layers) -> set[int]:
    """All that a unit reads, also in the padding, layer by layer."""
    seen = {unit}
    for k, s, p, d in reversed(layers):
        seen = {u * s - p + d * t for u in seen for t in range(k)}
    return seen
