"""Chapter 03: a count turned around, a bottleneck, einsum, two layers in one, a whole convolution."""

from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import shown
from .answers import agrees, compare, several, tensor
from .bottleneck import check_width
from .calls import CONVOLUTIONS, Function
from .errors import one_line
from .exercise import exercise
from .verdict import Wrong
from .windows import slips_of_windows

_BY_OTHERS = dict.fromkeys(CONVOLUTIONS, "write the sums yourself")


@exercise(chapter=3, number=1, level="easy", minutes=4)
def maps_from_parameters(answer) -> str:
    """parameters, kernel, maps out -> how many input maps the layer has."""
    layers = [(5, 6, 16), (5, 16, 120), (5, 1, 6), (1, 3, 8), (3, 1, 1), (1, 192, 16), (7, 3, 64)]
    cases = [((k * k * c + 1) * o, k, o) for k, c, o in layers]
    compare(answer, lambda p, k, o: (p - o) // (k * k * o), cases, "parameters kernel maps_out", {
        "the biases are not taken away": lambda p, k, o: p / o / k ** 2,
        "each output map's bias must be taken away; rounding hides it, but not for a kernel of 1":
            lambda p, k, o: p // (o * k ** 2),
        "one bias is taken away in all, and each output map has its own":
            lambda p, k, o: (p - 1) / (o * k ** 2),
        "the kernel's pixels are k times k: divide by its width twice":
            lambda p, k, o: (p // o - 1) // k,
        "it is not divided by the kernel's pixels": lambda p, k, o: p // o - 1,
        "that is the number of kernels, of which each output map has its share":
            lambda p, k, o: (p - o) // k ** 2,
        "the bias is added, and should be taken away": lambda p, k, o: (p / o + 1) / k ** 2,
        "brackets are missing: // comes before -, and divides the 1 alone":
            lambda p, k, o: p // o - 1 // k ** 2,
        "brackets are missing: / comes before -, and divides the 1 alone":
            lambda p, k, o: p / o - 1 / k ** 2,
        "^ is no power in Python, ** is": lambda p, k, o: (p // o - 1) // k ^ 2,
        "that is the number of parameters from so many maps: turn the formula round":
            lambda p, k, o: (k * k * p + 1) * o,
        "the bias goes first: one is taken away before the division by the kernel's pixels":
            lambda p, k, o: p / o / k ** 2 - 1,
    })
    return "so can every table of layers be read backwards"


@exercise(chapter=3, number=2, level="medium", minutes=6)
def widest_bottleneck(answer) -> str:
    """The most maps between 192 and 32 at which a 1x1 and a 5x5 cost less than a 5x5 alone."""
    check_width(answer)
    return "reducing to four fifths of the 192 maps would save something, if hardly anything"


@exercise(chapter=3, number=3, level="medium", minutes=6)
def equation_for_einsum(answer) -> str:
    """The equation by which torch.einsum makes the output maps of the weights and the windows."""
    if not isinstance(answer, str):
        raise Wrong(f"the equation is a string, such as 'ij,jk->ik', not {shown(answer)}")
    if len(answer) > 60:
        raise Wrong("the equation needs no more than a letter for each axis")
    weight, image = torch.randn(2, 3, 4, 5).double(), torch.randn(3, 9, 11).double()
    windows = image.unfold(1, 4, 1).unfold(2, 5, 1)  # 3 x 6 x 7 x 4 x 5: no two axes are equal
    right = F.conv2d(image[None], weight)[0]
    if set(answer.replace("->", "", 1)) & set("<>-=\N{RIGHTWARDS ARROW}"):
        raise Wrong("the arrow is written ->, and stands there once")
    if "." not in answer:
        _letters(answer.replace(" ", ""))
    try:
        result = torch.einsum(answer, weight, windows)
    except (RuntimeError, ValueError) as error:
        raise Wrong(f"einsum refuses it: {one_line(error)}") from None
    if result.shape != right.shape or not torch.allclose(result, right):
        raise Wrong("it is an equation, but not that of a convolution: its result " + (
            "has the right size, and other numbers" if result.shape == right.shape else
            f"is {' x '.join(map(str, result.shape))}, for output maps of 2 x 6 x 7"))
    return "with one letter more, in the windows and the result, it takes a whole batch"


def _letters(equation: str) -> None:
    """Wrong, unless the letters stand where they should."""
    given, arrow, result = equation.partition("->")
    first, comma, second = given.partition(",")
    if not comma or "," in second:
        raise Wrong("two tensors go in, weight and windows: one comma stands between their letters")
    if (len(first), len(second)) == (5, 4):
        raise Wrong("the weights come first: four letters, a comma, and five for the windows")
    if (len(first), len(second)) != (4, 5):
        raise Wrong(f"the weights have 4 axes and the windows 5, and here are {len(first)} letters and "
                    f"{len(second)}: one for each axis")
    (o, c, v, t), (x, i, u, p, q) = first, second
    if len(set(first)) < 4 or len(set(second)) < 5:
        raise Wrong("a letter stands for two axes of one tensor: that takes only its diagonal")
    if (v, t) == (q, p):
        raise Wrong("the kernel is transposed: its rows meet the columns of the windows")
    if x == o:
        raise Wrong("the windows' first axis is the input maps, and has the letter of the output maps")
    if (i, u) == (v, t):
        raise Wrong("the windows' axes are the input maps, the places' rows and columns, and then the "
                    "kernel's two; here they stand in another order")
    if c != x:
        raise Wrong("both tensors have an axis of the input maps, the weights' second and the windows' "
                    "first; these two need one letter")
    if (v, t) != (p, q):
        raise Wrong("the last two axes of both are the kernel's rows and columns: a weight and a pixel "
                    "meet where these letters agree")
    if {o} & set(second) or {i, u} & set(first):
        raise Wrong("the output maps are in the weights alone, the places in the windows alone: three "
                    "letters that the other tensor does not have")
    if not arrow and "".join(sorted((o, i, u))) != o + i + u:
        raise Wrong("without an arrow the result's axes are put into alphabetical order; say it: ->")
    if not arrow:
        return
    if len(set(result)) < len(result):
        raise Wrong("a letter stands twice behind the arrow")
    if set(result) - set(first + second):
        raise Wrong("behind the arrow stands a letter that no axis has")
    if set(result) - {o, i, u}:
        raise Wrong(f"{' and '.join(sorted(set(result) - {o, i, u}))} behind the arrow: an axis that "
                    "stands there is kept, and should be summed over")
    if {o, i, u} - set(result):
        raise Wrong(f"behind the arrow one misses {' and '.join(sorted({o, i, u} - set(result)))}: "
                    "an axis that does not stand there is summed over, and should be kept")
    if result != o + i + u:
        raise Wrong("the result's axes stand in another order than output map, row, column")


@exercise(chapter=3, number=4, level="medium", minutes=8)
def two_layers_in_one(answer) -> str:
    """w1, b1, w2, b2 of a convolution and a 1x1 after it -> weight and bias of one that does both."""
    function = Function(answer, "w1 b1 w2 b2")

    def part(place, name):
        def of_result(*case):
            result = function(*case)
            if isinstance(result, Tensor):
                raise Wrong("it gives one tensor; a weight and a bias are two")
            return tensor(several(result, 2, "its result")[place], name=f"the {name}")
        return of_result

    sizes = [(2, 3, 4, (3, 3)), (1, 2, 1, (1, 1)), (3, 5, 2, (3, 2)), (4, 1, 3, (1, 4)),
             (2, 6, 6, (2, 2))]
    cases = [tuple(torch.randn(shape).double() for shape in (
        (middle, maps_in, *kernel), (middle,), (maps_out, middle, 1, 1), (maps_out,)))
        for maps_in, middle, maps_out, kernel in sizes]
    compare(part(0, "weight"), lambda w1, b1, w2, b2: torch.einsum("om,mcvt->ocvt", w2[..., 0, 0], w1),
            cases, "w1 b1 w2 b2", {
        "the bias stands where the weight should: the weight comes first":
            lambda w1, b1, w2, b2: w2[..., 0, 0] @ b1 + b2,
        "the stacks are added up as they are, and each should be multiplied by its weight in w2":
            lambda w1, b1, w2, b2: w1.sum(0).expand(len(w2), -1, -1, -1),
        "the stacks are averaged, and should be added up":
            lambda w1, b1, w2, b2: torch.einsum("om,mcvt->ocvt", w2[..., 0, 0], w1) / len(w1),
        "the weight is that of the first layer, unchanged": lambda w1, b1, w2, b2: w1,
        "the kernels come out turned":
            lambda w1, b1, w2, b2: torch.einsum("om,mcvt->ocvt", w2[..., 0, 0], w1).flip(2, 3),
        "the kernels come out transposed": lambda w1, b1, w2, b2: torch.einsum(
            "om,mcvt->octv", w2[..., 0, 0], w1),
        "w2 enters twice": lambda w1, b1, w2, b2: torch.einsum(
            "om,mcvt->ocvt", w2[..., 0, 0] ** 2, w1),
    }, gives="the weight is")
    try:
        compare(part(1, "bias"), lambda w1, b1, w2, b2: w2[..., 0, 0] @ b1 + b2, cases, "w1 b1 w2 b2", {
            "the first layer's is lost: the 1x1 mixes it with the maps": lambda w1, b1, w2, b2: b2,
            "the second layer's is missing": lambda w1, b1, w2, b2: w2[..., 0, 0] @ b1,
            "the 1x1 multiplies b1 as it does the maps: w2 times b1":
                lambda w1, b1, w2, b2: w2[..., 0, 0].sum(1) + b2,
            "b1 goes through the 1x1 as well: multiply it by w2": lambda w1, b1, w2, b2: b1.sum() + b2,
            "the second layer's is multiplied too, and only b1 goes through w2":
                lambda w1, b1, w2, b2: w2[..., 0, 0] @ b1 + w2[..., 0, 0].sum(1) * b2,
            "it is a column, C x 1, and should be a row of C numbers":
                lambda w1, b1, w2, b2: (w2[..., 0, 0] @ b1 + b2)[:, None],
            "the second layer's is subtracted": lambda w1, b1, w2, b2: w2[..., 0, 0] @ b1 - b2,
        })
    except Wrong as wrong:
        raise Wrong(f"the weight is right, the bias is not: {wrong}") from None
    return "a nonlinearity between the two makes this impossible, and the second worth its price"


@exercise(chapter=3, number=5, level="hard", minutes=20)
def conv2d_of_your_own(answer) -> str:
    """x, weight, bias, stride, padding -> what nn.Conv2d gives."""
    def right(x, weight, bias, stride, padding):
        return F.conv2d(x, weight, bias, stride, padding)

    def cut_as_unpadded(x, weight, bias, stride, padding):
        rows, columns = right(x, weight, bias, stride, 0).shape[2:]
        return right(x, weight, bias, stride, padding)[:, :, :rows, :columns]

    square = [((1, 1, 4, 4), (1, 1, 2, 2), 1, 0), ((2, 3, 6, 6), (2, 3, 3, 3), 1, 1),
              ((2, 2, 8, 8), (5, 2, 3, 3), 2, 2)]  # what exchanges rows and columns fits these alone
    sizes = [((1, 1, 4, 4), (1, 1, 2, 2), 1, 0), ((1, 2, 5, 7), (3, 2, 3, 2), 1, 0),
             ((2, 3, 6, 5), (2, 3, 3, 3), 1, 1), ((3, 1, 8, 9), (4, 1, 2, 3), 2, 0),
             ((1, 4, 9, 6), (2, 4, 4, 1), 3, 2), ((2, 2, 7, 7), (5, 2, 1, 1), 2, 1),
             ((1, 3, 5, 4), (1, 3, 5, 4), 2, 2), ((1, 2, 6, 5), (2, 2, 3, 3), 2, 0),
             ((2, 1, 6, 7), (1, 1, 2, 2), 3, 1)]  # the last two leave rows over, or columns
    _bias_of_maps(answer, right)
    mistakes = {
        "the biases are missing": lambda x, w, b, s, p: right(x, w, None, s, p),
        "every output map gets the first bias":
            lambda x, w, b, s, p: right(x, w, b[:1].expand_as(b), s, p),
        "the bias is added once for every input map":
            lambda x, w, b, s, p: right(x, w, b * x.shape[1], s, p),
        "the bias is added once for every weight of a kernel":
            lambda x, w, b, s, p: right(x, w, b * prod(w.shape[2:]), s, p),
        "the bias is added once for every product of the sum":
            lambda x, w, b, s, p: right(x, w, b * w[0].numel(), s, p),
        "the bias is taken away, and should be added": lambda x, w, b, s, p: right(x, w, -b, s, p),
        "this is the convolution of mathematics: the kernels are turned":
            lambda x, w, b, s, p: right(x, w.flip(2, 3), b, s, p),
        "the kernels are transposed": lambda x, w, b, s, p: right(x, w.transpose(2, 3), b, s, p),
        "the input maps are averaged, and should be added":
            lambda x, w, b, s, p: right(x, w / x.shape[1], b, s, p),
        "only the first input map is read": lambda x, w, b, s, p: right(x[:, :1], w[:, :1], b, s, p),
        "only the last input map is read: add to the result, do not replace it":
            lambda x, w, b, s, p: right(x[:, -1:], w[:, -1:], b, s, p),
        "every input map meets the first one's kernel":
            lambda x, w, b, s, p: right(x, w[:, :1].expand_as(w), b, s, p),
        "the images of a batch are added up: sum over channels, rows and columns only":
            lambda x, w, b, s, p: right(x.sum(0, True), w, b, s, p).expand(len(x), -1, -1, -1),
        "the padding lies at the top and on the left alone, and belongs on all four sides":
            lambda x, w, b, s, p: right(F.pad(x, (p, 0, p, 0)), w, b, s, 0),
        "the padding lies at the bottom and on the right alone, and belongs on all four sides":
            lambda x, w, b, s, p: right(F.pad(x, (0, p, 0, p)), w, b, s, 0),
        "the padding is halved, and each side has all of it": lambda x, w, b, s, p: right(
            F.pad(x, 2 * (p // 2, p - p // 2)), w, b, s, 0),
        "the size is computed from the unpadded image": cut_as_unpadded,
        "the result is padded, and should be the image":
            lambda x, w, b, s, p: F.pad(right(x, w, b, s, 0), (p,) * 4),
        "rounded up: round the size down, since a window must lie whole in the image":
            lambda x, w, b, s, p: right(F.pad(x, (p, p + s - 1, p, p + s - 1)), w, b, s, 0),
        "the numbers of rows and columns are exchanged": lambda x, w, b, s, p: right(
            x, w, b, s, p).flatten(2).view_as(right(x, w, b, s, p).transpose(2, 3)),
        "the numbers are right, in the wrong order: bring C_out before the places, then view":
            lambda x, w, b, s, p: right(x, w, b, s, p).movedim(1, 3).reshape(
                right(x, w, b, s, p).shape),
        "the numbers are right, in the wrong order: bring N before C_out, then view":
            lambda x, w, b, s, p: right(x, w, b, s, p).transpose(0, 1).reshape(
                right(x, w, b, s, p).shape),
        **{f"zeros are asked around the image, and not {mode} padding": lambda x, w, b, s, p, mode=mode:
           right(F.pad(x, (p,) * 4, mode), w, b, s, 0) for mode in ("replicate", "circular")},
        "the padding is made of ones": lambda x, w, b, s, p: right(
            F.pad(x, (p,) * 4, value=1), w, b, s, 0),
        "the weights are flattened in another order than the windows: input map, row, column":
            lambda x, w, b, s, p: right(x, w.permute(0, 2, 3, 1).reshape(w.shape), b, s, p),
        "the windows are flattened in another order than the weights: input map, row, column":
            lambda x, w, b, s, p: right(
                x, w.flatten(1).unflatten(1, (*w.shape[2:], -1)).movedim(3, 1), b, s, p),
    } | slips_of_windows(right)
    for some in (square, sizes):
        cases = [(torch.randn(shape).double(), torch.randn(kernels).double(),
                  torch.randn(kernels[0]).double(), stride, padding)
                 for shape, kernels, stride, padding in some]
        compare(answer, right, cases, "x weight bias stride padding", mistakes, _BY_OTHERS)
    return "keep it: all convolutions of LeNet-5 can run on it"


def _bias_of_maps(answer, right) -> None:
    """Wrong, if the biases are added along another axis than the maps', as fits 3 maps of 3 x 3."""
    x, weight, bias = (torch.randn(shape).double() for shape in ((2, 2, 4, 5), (3, 2, 2, 3), (3,)))
    for of_axis in ((3,), (3, 1)):
        def along(x, weight, bias, *others, of_axis=of_axis):
            return right(x, weight, None, *others) + bias.view(of_axis)

        if agrees(answer, along, [(x, weight, bias, 1, 0)], "x weight bias stride padding"):
            raise Wrong("each output map has its bias: bias[:, None, None]")
