"""Chapter 01's exercises: right answers, and wrong ones with words of the reason."""

import re

import pytest
import torch
import torch.nn.functional as F
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from solutions import prose
from used_memory import used_memory

from lenet_book import mnist, models
from lenet_book.convolution import convolve2d, cross_correlate2d
from lenet_book.training import evaluate

CHAPTER = 1
EDGE = torch.tensor([[-1., 0, 1]] * 3)
ONES, ROW = torch.ones(3, 1), torch.tensor([[-1., 0, 1]])


def single(row, column, weight=1.0, shape=(5, 3)):
    """A kernel of zeros but for one weight."""
    kernel = torch.zeros(shape)
    kernel[row, column] = weight
    return kernel


def part(image, kernel, v, t):
    """What lies under weight v, t."""
    rows, columns = (a - b + 1 for a, b in zip(image.shape, kernel.shape, strict=True))
    return image[v:v + rows, t:t + columns]


def by_parts(image, kernel):
    """A right answer to exercise 4, for wrong ones to differ from."""
    return sum(kernel[v, t] * part(image, kernel, v, t)
               for v in range(kernel.shape[0]) for t in range(kernel.shape[1]))


def of_part(*which):
    """As if all weights but these were 0."""
    def answer(image, kernel):
        kept = torch.zeros_like(kernel)
        kept[which] = kernel[which]
        return by_parts(image, kept)
    return answer


def by_index_pairs(image, kernel):
    rows, columns = (a - b + 1 for a, b in zip(image.shape, kernel.shape, strict=True))
    result = image.new_zeros(rows, columns)
    for v, t in torch.cartesian_prod(*map(torch.arange, kernel.shape)).tolist():
        result = result.add(image.narrow(0, v, rows).narrow(1, t, columns), alpha=kernel[v, t].item())
    return result


def row_by_row(image, kernel):
    parts = [[w * part(image, kernel, v, t) for t, w in enumerate(weights)]
             for v, weights in enumerate(kernel)]
    return torch.stack([torch.stack(row).sum(0) for row in parts]).sum(0)


def by_einsum(image, kernel):
    """Two loops cut the parts, and einsum adds them."""
    k_h, k_w = kernel.shape
    parts = [part(image, kernel, v, t) for v in range(k_h) for t in range(k_w)]
    return torch.einsum("w,wiu->iu", kernel.flatten(), torch.stack(parts))


def on_diagonal(image, kernel, moves=True):
    """The part of a weight begins at row v, column v; or always at 0, where it does not move."""
    return sum(kernel[v, t] * part(image, kernel, v * moves, v * moves)
               for v in range(kernel.shape[0]) for t in range(kernel.shape[1]))


def over_places(image, kernel):
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    k_h, k_w = kernel.shape
    return torch.stack([torch.stack([(image[i:i + k_h, u:u + k_w] * kernel).sum()
                                     for u in range(columns)]) for i in range(rows)])


def square_only(image, kernel):
    size, n = kernel.shape[0], image.shape[0] - kernel.shape[0] + 1
    result = torch.zeros(n, n, dtype=image.dtype)
    for v in range(size):
        for t in range(size):
            result += kernel[v, t] * image[v:v + n, t:t + n]
    return result


def transposed(image, kernel):
    return sum(kernel[t, v] * part(image, kernel, v, t)
               for v in range(kernel.shape[0]) for t in range(kernel.shape[1]))


def returning_early(image, kernel):
    result = 0
    for v in range(kernel.shape[0]):
        for t in range(kernel.shape[1]):
            result = result + kernel[v, t] * part(image, kernel, v, t)
        return result


@torch.no_grad()
def returning_earlier(image, kernel):
    for v in range(kernel.shape[0]):
        for t in range(kernel.shape[1]):
            return kernel[v, t] * part(image, kernel, v, t)


def into_memory(image, kernel):
    return used_memory(*part(image, kernel, 0, 0).shape) + by_parts(image, kernel)


def in_two_lists(image, kernel, parts=[]):  # noqa: B006
    """The parts of the calls before are still there."""
    parts += [by_parts(image, kernel)]
    return sum(parts)


def of_diagonal(image, kernel):
    return of_part(*2 * (range(min(kernel.shape)),))(image, kernel)


def first_twice(image, kernel):
    """The result begins with the first product, and the loop does as well."""
    return kernel[0, 0] * part(image, kernel, 0, 0) + by_parts(image, kernel)


def by_strides(image, kernel):
    """All windows at once, and no loop at all."""
    sizes = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1, *kernel.shape
    return (image.as_strided(sizes, 2 * image.stride()) * kernel).sum((2, 3))


def in_place(image, kernel):
    kernel *= 1.5
    return by_parts(image, kernel)


def delta(image, kernel, target):
    y = cross_correlate2d(image, kernel)
    return 2 * (y - target) / y.numel()


def by_sums(image, kernel, target):
    d = delta(image, kernel, target)
    rows, columns = d.shape
    return torch.stack([torch.stack([(d * image[v:v + rows, t:t + columns]).sum()
                                     for t in range(kernel.shape[1])]) for v in range(kernel.shape[0])])


def by_windows(image, kernel, target):
    windows = image.unfold(0, kernel.shape[0], 1).unfold(1, kernel.shape[1], 1)
    return torch.einsum("iu,iuvt->vt", delta(image, kernel, target), windows)


def autograd(image, kernel, target):
    kernel = kernel.requires_grad_()
    ((cross_correlate2d(image, kernel) - target) ** 2).mean().backward()
    return kernel.grad


def loss_of(image, target):
    return lambda kernel: ((cross_correlate2d(image, kernel) - target) ** 2).mean()


def forward_mode(image, kernel, target):
    """One weight after another."""
    ways = torch.eye(kernel.numel()).view(-1, *kernel.shape)
    return torch.stack([torch.func.jvp(loss_of(image, target), (kernel,), (way,))[1]
                        for way in ways]).view_as(kernel)


def dual_numbers(image, kernel, target):
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(kernel, torch.ones_like(kernel))
        return loss_of(image, target)(dual)


RIGHT = {
    "convolution_by_hand": [(8,), (8.0,), (torch.tensor(8),)],
    "kernel_that_moves": [(single(4, 0),), (single(4, 0).int(),), (single(4, 0).double(),)],
    "edge_in_two_steps": [(ONES, ROW), (ONES.int(), ROW.int()), (-2 * ONES, -ROW / 2)],
    "correlate_by_weights": [(by_parts,), (by_index_pairs,), (row_by_row,), (by_einsum,)],
    "kernel_gradient": [(lambda x, w, y: cross_correlate2d(x, delta(x, w, y)),), (by_sums,),
                        (by_windows,)],
}

WRONG = {  # (words that name the error, answer)
    "convolution_by_hand": [
        ("cross-correlation", 6), ("sign", -6), ("upside down as well", 1),
        ("left to right as well", 3),
        ("transposed", 12), ("other diagonal", 2), ("row 0, column 0", 7), ("half a turn", 0),
        ("number", "8"), ("finite", float("nan"))],
    "kernel_that_moves": [
        ("2 down and 1 left", single(0, 2)), ("2 up and 1 left", single(4, 2)),
        ("2 down and 1 right", single(0, 0)), ("neither up nor down", single(2, 1)),
        ("1 up", single(3, 0)), ("5 x 3, not 3 x 5", single(0, 4, shape=(3, 5))),
        ("brightness", single(4, 0, 2.0)), ("brightness", single(4, 0, -1.0)),
        ("all its weights are 0", torch.zeros(5, 3)),
        ("15 of", torch.ones(5, 3)), ("tensor", single(4, 0).tolist()),
        ("finite", single(4, 0, torch.inf)),
        ("torch.from_numpy(...) makes one", single(4, 0).numpy()),
        ("5 x 3, not 1 x 1 x 5 x 3", single(4, 0)[None, None])],
    "edge_in_two_steps": [
        ("exchanged", ROW, ONES), ("exchanged", ROW.T.T, ONES), ("column must be 3 x 1, not 1 x 1",
                                                                 torch.ones(1, 1), EDGE),
        ("sign", ONES, -ROW), ("sign", -ONES, ROW), ("edge.T", ROW.T, torch.ones(1, 3)),
        ("2 times", 2 * ONES, ROW), ("0.3333 times", ONES / 3, ROW),
        ("together", torch.tensor([[1.], [2], [1]]), ROW),
        ("together", ONES, torch.tensor([[1., 0, 1]])),
        ("they are [[0.0, 0.0, 0.0], [-1.0, 0.0, 1.0]", torch.tensor([[0.], [1], [1]]), ROW),
        ("one of the two is all 0", 0 * ONES, ROW), ("tensor", [1, 1, 1], ROW),
        ("not a row of 3", torch.ones(3), ROW)],
    "correlate_by_weights": [
        ("convolve2d does", convolve2d), ("cross_correlate2d does", cross_correlate2d),
        ("convolution", lambda x, w: by_parts(x, w.flip(0, 1))),
        ("conv2d does", lambda x, w: F.conv2d(x[None, None], w[None, None])[0, 0]),
        ("unfold does", lambda x, w: (x.unfold(0, len(w), 1).unfold(1, w.shape[1], 1) * w).sum((2, 3))),
        ("as_strided does the work here; cut one part", by_strides),
        ("result are exchanged", lambda x, w: by_parts(x, w).T),
        ("transposed", transposed), ("left to right", lambda x, w: by_parts(x, w.flip(1))),
        ("upside down", lambda x, w: by_parts(x, w.flip(0))),
        ("averaged", lambda x, w: by_parts(x, w) / w.numel()),
        ("sign", lambda x, w: -by_parts(x, w)),
        ("as it is", lambda x, w: by_parts(x, torch.ones_like(w))),
        ("last row and column are left out", of_part(slice(-1), slice(-1))),
        ("kernel's last row is left out", of_part(slice(-1))),
        ("kernel's last column is left out", of_part(slice(None), slice(-1))),
        ("kernel's first row is left", of_part(slice(1, None))),
        ("first row counts: nothing may leave the outer loop before its last round", of_part(0)),
        ("first weight counts: nothing may leave the loops before their last round", of_part(0, 0)),
        ("before its last round; one of its loops always ends in its first round", returning_early),
        ("before their last round; one of its loops always ends in its first round", returning_earlier),
        ("last row counts", of_part(-1)), ("only the kernel's diagonal", of_diagonal),
        ("what torch.empty makes must be filled", into_memory),
        ("does a list live on outside", in_two_lists),
        ("for image 4 x 4, kernel 2 x 2 it gives", lambda x, w: (r := by_parts(x, w)) / r.numel()),
        ("begins at row v, column v here", on_diagonal),
        ("every weight meets the same part", lambda x, w: on_diagonal(x, w, moves=False)),
        ("begins at 1", lambda x, w: 1 + by_parts(x, w)),
        ("2 times what is right", lambda x, w: 2 * by_parts(x, w)),
        ("Conv2d is a class", torch.nn.Conv2d),
        ("missing", lambda x, w: by_parts(x, w)[:-1, :-1]),
        ("first weight counts twice", first_twice),
        ("torch.from_numpy(...) makes one", lambda x, w: by_parts(x, w).numpy()),
        ("loop over the weights", over_places),
        ("right for image 4 x 4", square_only), ("changes the kernel", in_place),
        ("whatever it is given", lambda x, w: torch.ones(3, 3)), ("return", print)],
    "kernel_gradient": [
        ("2 of the square", lambda *case: by_sums(*case) / 2),
        ("the sum", lambda x, w, y: by_sums(x, w, y) * y.numel()),
        ("2 is missing, and", lambda x, w, y: by_sums(x, w, y) * y.numel() / 2),
        ("sign", lambda *case: -by_sums(*case)),
        ("comes out turned", lambda *case: by_sums(*case).flip(0, 1)),
        ("this is the true convolution", lambda x, w, y: convolve2d(x, delta(x, w, y))),
        ("number of weights", lambda x, w, y: by_sums(x, w, y) * y.numel() / w.numel()),
        ("pixels of the image", lambda x, w, y: by_sums(x, w, y) * y.numel() / x.numel()),
        ("number of rows", lambda x, w, y: by_sums(x, w, y) * y.numel() / len(y)),
        ("comes out transposed", lambda *case: by_sums(*case).T),
        ("delta", delta), ("target does not enter", lambda x, w, y: by_sums(x, w, 0 * y)),
        *((f"this is the kernel {words} times the derivative", lambda x, w, y, rate=rate: (
            w + rate * by_sums(x, w, y)))
          for words, rate in (("minus 0.3", -0.3), ("minus 0.05", -0.05), ("plus 0.2", 0.2))),
        ("enters squared, and", lambda x, w, y: cross_correlate2d(
            x, 2 * (cross_correlate2d(x, w) - y) ** 2 / y.numel())),
        ("enters squared", lambda x, w, y: cross_correlate2d(
            x, (cross_correlate2d(x, w) - y) ** 2 / y.numel())),
        ("2 times what is right", lambda *case: 2 * by_sums(*case)),
        ("the loss", lambda x, w, y: ((cross_correlate2d(x, w) - y) ** 2).mean()),
        ("does the work", autograd), ("jvp does the work", forward_mode),
        ("make_dual does the work", dual_numbers),
        ("jacrev does the work", lambda x, w, y: torch.func.jacrev(loss_of(x, y))(w)),
        ("it gives", lambda x, w, y: by_sums(x, w, y).abs()),
        ("it raises", lambda x, w, y: cross_correlate2d(w, x))],
}

EQUAL = {
    "kernel_gradient": {
        "return cross_correlate2d(image, 2 * (y - target) / target.numel())":
            "the target is as large as the result"},
}


def test_what_the_last_answer_measures():
    """A trained net whose kernels are turned, shown digits, and digits that are turned as well."""
    net, digits = models.pretrained("lenet5"), mnist.load_mnist()[1]
    for layer in (net.c1, net.c3, net.c5):
        layer.weight.data = layer.weight.data.flip(2, 3)
    x = digits.inputs(scaling=net.scaling)
    read = [100 - 100 * evaluate(net, (each, digits.labels)).error_rate for each in (x, x.flip(2, 3))]
    found = re.search(r"become ([\d.]+) %; .* it reads ([\d.]+) % again", prose(CHAPTER))
    assert read == pytest.approx([float(each) for each in found.groups()], abs=0.03)
