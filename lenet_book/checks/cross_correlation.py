"""Chapter 01: the flip, a kernel that moves, a separable one, a sum over weights, a gradient."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .answers import compare, known, number, tensor, times
from .calls import CONVOLUTIONS, Function
from .exercise import exercise
from .verdict import Wrong

_BY_OTHERS = dict.fromkeys(CONVOLUTIONS, "write the sums yourself") | dict.fromkeys(
    ("unfold", "as_strided"), "cut one part of the image for each weight yourself")
_BY_AUTOGRAD = dict.fromkeys(
    ("backward", "grad", "requires_grad_", "jacobian", "jacrev", "jacfwd", "jvp", "vjp", "make_dual",
     "conv2d_weight", "conv2d_input"), "write the derivative yourself")


@exercise(chapter=1, number=1, level="easy", minutes=3)
def convolution_by_hand(answer) -> str:
    """The convolution of the chapter's first image with its kernel at row 1, column 3."""
    known(number(answer), 8, {
        6: "that is the cross-correlation; turn the kernel by half a turn first",
        -6: "only the sign is turned; turn the kernel by half a turn",
        1: "the kernel is mirrored from left to right only; turn it upside down as well",
        3: "the kernel is turned upside down only; mirror it from left to right as well",
        12: "a minus sign is lost on the way, or the kernel is transposed in place of turned",
        2: "the kernel is turned about its other diagonal; half a turn moves every weight to the "
           "opposite corner",
        7: "a quarter turn gives that, and so does half a turn at row 0, column 0: turn the kernel by "
           "half a turn, and lay it on row 1, column 3",
    }, "turn the kernel by half a turn, lay it on 2, 2 over 5, 0, and add up four products")
    return "(-1)*2 + 0*2 + 2*5 + 1*0 = 8"


@exercise(chapter=1, number=2, level="medium", minutes=5)
def kernel_that_moves(answer) -> str:
    """5 x 3: its cross-correlation moves an image two pixels up and one to the right."""
    kernel = tensor(answer, (5, 3), "the kernel")
    weights = kernel.nonzero().tolist()
    if len(weights) != 1:
        raise Wrong("all its weights are 0" if not weights else
                    f"{len(weights)} of its weights are not 0, and each pixel comes from one place")
    (row, column), = weights
    if kernel[row, column] != 1:
        raise Wrong(f"its weight is {kernel[row, column]:.4g}, and would change the brightness too")
    up, right = row - 2, 1 - column  # from the window's middle
    if (up, right) != (2, 1):
        raise Wrong(f"that moves the image {_way(up, 'up', 'down')} and {_way(right, 'right', 'left')}"
                    + ": it is turned by half a turn, as if for a true convolution"
                    * ((up, right) == (-2, -1)))
    return "what lies two below and one to the left of the window's middle takes its place"


def _way(pixels: int, forth: str, back: str) -> str:
    return f"{abs(pixels)} {forth if pixels > 0 else back}" if pixels else f"neither {forth} nor {back}"


@exercise(chapter=1, number=3, level="medium", minutes=5)
def edge_in_two_steps(column, row) -> str:
    """A column of 3 x 1 and a row of 1 x 3 which, one after the other, are the edge kernel."""
    edge = torch.tensor([[-1., 0, 1]] * 3).double()
    if isinstance(column, Tensor) and isinstance(row, Tensor) and (
            column.shape, row.shape) == ((1, 3), (3, 1)):
        raise Wrong("the two are exchanged: the column is 3 x 1, the row 1 x 3")
    column, row = tensor(column, (3, 1), "the column"), tensor(row, (1, 3), "the row")
    both = column @ row  # 3 x 3: what the two do as one kernel
    if not torch.allclose(both, edge):
        largest = both.abs().max()
        raise Wrong(
            "the sign is turned over: the edge kernel has 1 on its right" if torch.allclose(both, -edge)
            else "that is edge.T, below minus above; the edge kernel is right minus left"
            if torch.allclose(both, edge.T)
            else "one of the two is all 0, and so are the results" if not largest
            else f"the results are {largest:.4g} times those of the edge kernel"
            if torch.allclose(both, largest * edge)
            else f"together they are {(both + 0).tolist()}, and the edge kernel is {edge.tolist()}")
    return "three products and three are six, in place of nine"


@exercise(chapter=1, number=4, level="medium", minutes=10)
def correlate_by_weights(answer) -> str:
    """image, kernel -> their cross-correlation, with loops over the kernel's weights alone."""
    def right(image, kernel):
        return F.conv2d(image[None, None], kernel[None, None])[0, 0]

    def of_part(image, kernel, *part):  # of the kernel's rows and columns
        kept = torch.zeros_like(kernel)
        kept[part] = kernel[part]
        return right(image, kept)

    def on_diagonal(image, kernel):
        rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
        return sum(weight * image[v:v + rows, v:v + columns]
                   for v, weights in enumerate(kernel) for weight in weights)

    cases = _pairs((4, 4, 2, 2), (6, 6, 3, 3), (5, 7, 3, 2), (6, 4, 1, 3), (3, 5, 3, 5), (7, 6, 4, 1))
    mistakes = {
        "this is the convolution: the kernel is turned": lambda x, w: right(x, w.flip(0, 1)),
        "the kernel is transposed: w[v, t] and not w[t, v]": lambda x, w: right(x, w.T),
        "the kernel is mirrored from left to right": lambda x, w: right(x, w.flip(1)),
        "the kernel is turned upside down": lambda x, w: right(x, w.flip(0)),
        "the products are averaged, and should be added":
            lambda x, w: right(x, w) / w.numel(),
        "the sign is turned over": lambda x, w: -right(x, w),
        "only the last weight counts: add to the result, do not replace it":
            lambda x, w: x[w.shape[0] - 1:, w.shape[1] - 1:] * w[-1, -1],
        "the kernel's last row and column are left out: range(k_h) ends with k_h - 1 by itself":
            lambda x, w: of_part(x, w, slice(-1), slice(-1)),
        "the kernel's last row is left out: range(k_h) ends with k_h - 1 by itself":
            lambda x, w: of_part(x, w, slice(-1)),
        "the kernel's last column is left out: range(k_w) ends with k_w - 1 by itself":
            lambda x, w: of_part(x, w, slice(None), slice(-1)),
        "the kernel's first row is left out: range(k_h) begins with 0":
            lambda x, w: of_part(x, w, slice(1, None)),
        "only the kernel's first weight counts: nothing may leave the loops before their last round":
            lambda x, w: of_part(x, w, 0, 0),
        "only the kernel's first row counts: nothing may leave the outer loop before its last round":
            lambda x, w: of_part(x, w, 0),
        "only the kernel's last row counts: the result begins before both loops, one within the other":
            lambda x, w: of_part(x, w, -1),
        "only the kernel's diagonal counts: the loop over columns belongs inside that over rows":
            lambda x, w: of_part(x, w, *2 * (range(min(w.shape)),)),
        "every weight meets the same part: that of w[v, t] begins at row v, column t":
            lambda x, w: w.sum() * x[:x.shape[0] - w.shape[0] + 1, :x.shape[1] - w.shape[1] + 1],
        "the part of w[v, t] begins at row v, column v here, and should at row v, column t":
            lambda x, w: on_diagonal(x, w),
        "the sum begins at 1, and should at 0": lambda x, w: right(x, w) + 1,
        "the first weight counts twice: the result begins with its part, and the loop adds it again":
            lambda x, w: right(x, w) + of_part(x, w, 0, 0),
        "the weights are not there: each part is added as it is":
            lambda x, w: right(x, torch.ones_like(w)),
        "the rows and columns of the result are exchanged": lambda x, w: right(x, w).T,
        "the last row and column of the result are missing":
            lambda x, w: right(x, w)[:-1, :-1],
        "the result is as large as the image; a part that lies under one weight has "
        "(H - k_h + 1) x (W - k_w + 1) pixels":
            lambda x, w: F.conv2d(F.pad(x, (0, w.shape[1] - 1, 0, w.shape[0] - 1))[None, None],
                                  w[None, None])[0, 0],
    }
    for some in (cases[:2], cases):  # a transposed kernel fits only where it is square
        compare(answer, right, some, "image kernel", mistakes, _BY_OTHERS)
    _number_of_loops(answer)
    return "each weight times the part of the image that it meets, and all parts added"


class _Counting(Tensor):
    """An image that counts how often it is sliced."""

    times = 0

    def __getitem__(self, which):
        _Counting.times += 1
        return self.as_subclass(Tensor)[which]


def _number_of_loops(answer) -> None:
    """Refuse loops over the places of the window."""
    image = torch.ones(20, 30).as_subclass(_Counting)
    _Counting.times = 0
    answer(image, torch.ones(2, 3))
    if _Counting.times > 24:
        raise Wrong(f"the sums are right, but the image is cut {_Counting.times} times for 6 weights: "
                    "loop over the weights, not over the places")


@exercise(chapter=1, number=5, level="hard", minutes=15)
def kernel_gradient(answer) -> str:
    """image, kernel, target -> the derivative of the mean squared difference by each weight."""
    def right(image, kernel, target):
        kernel = kernel.clone().requires_grad_()
        loss = ((F.conv2d(image[None, None], kernel[None, None])[0, 0] - target) ** 2).mean()
        return torch.autograd.grad(loss, kernel)[0]

    def turned(image, kernel, target):
        return right(image, kernel, target).flip(0, 1)

    def delta(x, w, y):
        return 2 * (F.conv2d(x[None, None], w[None, None])[0, 0] - y) / places(x, w)

    def delta_turned(x, w, y):
        return F.conv2d(x[None, None], delta(x, w, y).flip(0, 1)[None, None])[0, 0]

    def places(image, kernel):
        return (image.shape[0] - kernel.shape[0] + 1) * (image.shape[1] - kernel.shape[1] + 1)

    pairs = _pairs((4, 4, 2, 2), (5, 7, 3, 2), (6, 4, 1, 3), (8, 5, 2, 4))
    cases = [(x, w, torch.randn(x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1).double())
             for x, w in pairs]
    function = Function(answer, "image kernel target", _BY_AUTOGRAD)
    mistakes = {
        "the 2 of the square's derivative is missing": lambda *case: right(*case) / 2,
        "it is the derivative of the sum: a mean divides by the number of places":
            lambda x, w, y: right(x, w, y) * places(x, w),
        "the 2 is missing, and the mean's division": lambda x, w, y: right(x, w, y) * places(x, w) / 2,
        "the sign is turned over: result minus target": lambda *case: -right(*case),
        "the gradient comes out turned by half a turn": turned,
        "this is the true convolution, in which delta is turned; the kernel's gradient is the "
        "cross-correlation of the image with delta": delta_turned,
        "it is divided by the number of weights; the mean is taken over the places":
            lambda x, w, y: right(x, w, y) * places(x, w) / w.numel(),
        "it divides by the pixels of the image; the mean is over the places of the result":
            lambda x, w, y: right(x, w, y) * places(x, w) / x.numel(),
        "it divides by the number of rows, len(...); the mean is over all places, rows times columns":
            lambda x, w, y: right(x, w, y) * places(x, w) / len(y),
        "the gradient comes out transposed": lambda *case: right(*case).T,
        "this is delta, the derivative by each place of the result, and one number a weight is asked":
            delta,
        "the target does not enter": lambda x, w, y: right(x, w, torch.zeros_like(y)),
        "the difference enters squared; the derivative of a square has it once, times 2":
            lambda x, w, y: F.conv2d(
                x[None, None], delta(x, w, y)[None, None] ** 2 * places(x, w) / 4)[0, 0],
        "the difference enters squared, and the derivative of a square has it once":
            lambda x, w, y: F.conv2d(
                x[None, None], delta(x, w, y)[None, None] ** 2 * places(x, w) / 2)[0, 0],
        "this is the loss, and its derivative is asked":
            lambda x, w, y: ((F.conv2d(x[None, None], w[None, None])[0, 0] - y) ** 2).mean(),
    }
    try:
        compare(answer, right, cases, "image kernel target", mistakes, _BY_AUTOGRAD)
    except Wrong:
        step = times(lambda x, w, y: function(x, w, y) - w, right, cases, "image kernel target")
        if step is None:
            raise
        raise Wrong(f"this is the kernel {'plus' if step > 0 else 'minus'} {abs(step):.4g} times the "
                    "derivative, which alone is asked") from None
    image, hidden = _pairs((10, 10, 3, 3))[0]
    target = F.conv2d(image[None, None], hidden[None, None])[0, 0]
    kernel, unwatched = torch.zeros_like(hidden), Function(answer, "image kernel target")
    for _ in range(50):
        kernel = kernel - 0.3 * tensor(unwatched(image, kernel, target))
    if not torch.allclose(kernel, hidden, atol=0.02):
        raise Wrong("single gradients are right, but 50 steps with them do not find a hidden kernel")
    return "50 steps with it, at a rate of 0.3, find a hidden kernel"


def _pairs(*sizes: tuple[int, int, int, int]) -> list[tuple[Tensor, Tensor]]:
    """Images of H x W and kernels of k_h x k_w."""
    return [(torch.randn(H, W).double(), torch.randn(k_h, k_w).double()) for H, W, k_h, k_w in sizes]
