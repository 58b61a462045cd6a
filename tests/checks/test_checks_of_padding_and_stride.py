"""Chapter 02's exercises: right answers, and wrong ones with words of the reason."""

from math import ceil

import numpy as np
import torch
from every_exercise import *  # noqa: F403  the tests that the tables below are for

from lenet_book import arithmetic

CHAPTER = 2
HALVING = [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)]


def by_division(k, d):
    before, odd = divmod(d * (k - 1), 2)
    return before, before + odd


def by_search(k, d):
    """The first total that keeps ten pixels."""
    total = next(p for p in range(100) if 10 + p - d * (k - 1) == 10)
    return [total // 2, (total + 1) // 2]


def sides_of_kernel(k, d):
    reach = arithmetic.effective_kernel(k, d)
    return (reach - 1) // 2, reach // 2


def halved(total):
    return total // 2, total - total // 2


def walked(n, layers, step):
    """The size after each layer; step: of n and the layer's numbers."""
    sizes = []
    for layer in layers:
        n = step(n, *layer)
        sizes.append(n)
    return sizes


def by_the_book(n, layers):
    return tuple(walked(n, layers, arithmetic.conv_output_size))


def by_recursion(n, layers):
    if not layers:
        return []
    (k, s, p, d), *others = layers
    first_pixels = range(-p, n + p - d * (k - 1), s)
    if not first_pixels:
        raise ValueError
    return [len(first_pixels), *by_recursion(len(first_pixels), others)]


def without_check(n, layers, one_more=1, sides=2, dilated=True, start=None, rounded=int):
    """The formula with parts that are wrong, and no look at whether the window fits."""
    return walked(n, layers, lambda size, k, s, p, d: rounded(
        ((start or size) + sides * p - (d if dilated else 1) * (k - 1) - 1) / s) + one_more)


def checked(room):
    """A size by this room for the window's steps, and an error where it is negative."""
    def step(n, k, s, p, d):
        if room(n, k, p, d) < 0:
            raise ValueError("the window does not fit")
        return room(n, k, p, d) // s + 1
    return step


def once(n, layers):
    """The padding of one side alone, also where it looks whether the window fits."""
    return walked(n, layers, checked(lambda n, k, p, d: n + p - d * (k - 1) - 1))


def in_the_order(*order):
    """Takes the numbers of a layer for others: order says which stands where."""
    step = checked(lambda n, k, p, d: n + 2 * p - d * (k - 1) - 1)
    return lambda n, layers: walked(n, [[layer[i] for i in order] for layer in layers], step)


def halving(sizes, half):
    """What one collects with other sizes, and another half."""
    return [(k, p) for k in range(1, 8) for p in range(4)
            if all(half(n + 2 * p - k) + 1 == n // 2 for n in sizes)]


def with_check(n, layers, **wrong):
    by_the_book(n, layers)
    return without_check(n, layers, **wrong)


def in_first_round(n, layers):
    sizes = []
    for layer in layers:
        n = arithmetic.conv_output_size(n, *layer)
        sizes.append(n)
        return sizes


def in_one_list(n, layers, sizes=[]):  # noqa: B006
    """The list is made once, with the function."""
    for layer in layers:
        n = arithmetic.conv_output_size(n, *layer)
        sizes.append(n)
    return sizes


def runtime_error(n, layers):
    try:
        return by_the_book(n, layers)
    except ValueError:
        raise RuntimeError("does not fit") from None


def refuses_none_left(n, layers):
    """The formula without its + 1, and an error where nothing is left by it."""
    sizes = without_check(n, layers, one_more=0)
    if min(sizes) < 1:
        raise ValueError("nothing is left")
    return sizes


def looks_at_the_end(n, layers):
    """An error where nothing is left after the last layer."""
    sizes = walked(n, layers, lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s + 1)
    if sizes[-1] < 1:
        raise ValueError("nothing is left")
    return sizes


def refuses(when):
    """Right, but that it refuses sizes and layers of which this is true, too."""
    def sizes(n, layers):
        found = by_the_book(n, layers)
        if any(when(size, *layer) for size, layer in zip((n, *found), layers, strict=False)):
            raise ValueError("the window does not fit")
        return found
    return sizes


def printed(n, layers):
    print(by_the_book(n, layers))


def by_windows(n, k, s):
    total = max(0, (len(range(0, n, s)) - 1) * s + k - n)
    return halved(total)


def by_remainder(n, k, s):
    """TensorFlow's own words: what k lacks beyond the last stride."""
    total = max(k - (n % s or s), 0)
    return total // 2, -(-total // 2)


def by_trial(n, k, s):
    total = 0
    while n + total < k or (n + total - k) // s + 1 < ceil(n / s):
        total += 1
    return torch.tensor([total // 2, total - total // 2])


def equal_sides(n, k, s):
    """None, where two equal sides cannot do it."""
    return next(((p, p) for p in range(k) if (n + 2 * p - k) // s + 1 == ceil(n / s)), None)


RIGHT = {
    "size_and_dropped": [(112, 1), (112.0, 1.0), (torch.tensor(112), np.int64(1))],
    "sides_that_keep_the_size": [(by_division,), (by_search,), (sides_of_kernel,)],
    "windows_that_halve": [(HALVING,), (set(HALVING),), (torch.tensor(HALVING[::-1]),),
                           (np.array(HALVING),), (tuple(map(list, HALVING)),)],
    "sizes_through_a_net": [(by_the_book,), (by_recursion,), (with_check,)],
    "sides_with_a_stride": [(by_windows,), (by_remainder,), (by_trial,)],
}

WRONG = {  # (words that name the error, answer)
    "size_and_dropped": [
        ("exchanged", 1, 112), ("counts once", 111, 0), ("+ 1 is missing", 111, 1),
        ("padding is missing", 109, 1), ("by one pixel", 224, 0), ("half a window", 112.5, 0),
        ("rounded up", 113, 0), ("the kernel is missing", 116, 0), ("how far", 64, 1),
        ("leaves a remainder", 112, 0), ("rows left after the last whole step", 112, 0.5),
        ("room", 112, 223),
        ("remainder of", 112, 2), ("must be a number", "112", 1), ("must be a number", 112, None),
        ("hand over size and dropped, 2 in all, not 1", (112, 1)),
        ("must be a number", torch.tensor(112, device="meta"), 1)],
    "sides_that_keep_the_size": [
        ("half a pixel: an odd total", lambda k, d: (d * (k - 1) / 2, d * (k - 1) / 2)),
        ("both sides are rounded down", lambda k, d: (d * (k - 1) // 2,) * 2),
        ("both sides are rounded up", lambda k, d: (ceil(d * (k - 1) / 2),) * 2),
        ("should come after", lambda k, d: by_division(k, d)[::-1]),
        ("dilation does not enter", lambda k, d: by_division(k, 1)),
        ("half a pixel, and the dilation", lambda k, d: ((k - 1) / 2, (k - 1) / 2)),
        ("does not enter, and both", lambda k, d: ((k - 1) // 2, (k - 1) // 2)),
        ("k // 2 on each side", lambda k, d: (k // 2, k // 2)),
        ("d (k // 2)", lambda k, d: (d * (k // 2), d * (k // 2))),
        ("total, on each side", lambda k, d: (d * (k - 1), d * (k - 1))),
        ("stands after", lambda k, d: (0, d * (k - 1))),
        ("stands before; halve", lambda k, d: (d * (k - 1), 0)),
        ("this is d k", lambda k, d: halved(d * k)),
        ("halves the effective kernel", lambda k, d: halved(d * (k - 1) + 1)),
        ("this is d k - 1", lambda k, d: halved(d * k - 1)),
        ("only where d is odd", lambda k, d: (d * (k - 1) // 2, d * (k - 1) // 2 + (k + 1) % 2)),
        ("round once", lambda k, d: tuple(d * side for side in by_division(k, 1))),
        ("2 values in a tuple or a list, not the single number", lambda k, d: d * (k - 1) // 2),
        ("whatever", lambda k, d: (1, 2)), ("must be a function", (1, 2)),
        ("it raises", lambda k: (1, 2))],
    "windows_that_halve": [
        ("wrong way round", [(p, k) for k, p in HALVING]), ("some are missing", HALVING[:-1]),
        ("even kernels are missing", [(k, p) for k, p in HALVING if k % 2]),
        ("odd kernels are missing: ask the even n only", halving(range(8, 65), lambda n: n // 2)),
        ("divide with //", halving(range(8, 65, 2), lambda n: n / 2)),
        ("some are missing: does your loop reach", [(1, 0), (2, 0)]),
        ("kernel 3 with padding 0 turns 8 into 3, not into 4", [*HALVING, (3, 0)]),
        ("not among those", [*HALVING, (8, 3)]), ("more than once", [*HALVING, (7, 3)]),
        ("the list is empty", []), ("list of pairs", 7),
        ("list of pairs", dict(HALVING)), ("list of pairs", (pair for pair in HALVING)),
        ("each pair must be 2 values", [1, 2, 3]), ("each pair must be 2 values, not 3", [(1, 0, 0)]),
        ("whole number", [(1.5, 0)]), ("must be a number", [("3", "1")])],
    "sizes_through_a_net": [
        ("+ 1 is missing", lambda n, layers: with_check(n, layers, one_more=0)),
        ("counts once", lambda n, layers: with_check(n, layers, sides=1)),
        ("padding does not enter", lambda n, layers: with_check(n, layers, sides=0)),
        ("dilation does not enter", lambda n, layers: with_check(n, layers, dilated=False)),
        ("rounded up", lambda n, layers: with_check(n, layers, rounded=ceil)),
        ("not rounded", lambda n, layers: with_check(n, layers, rounded=float)),
        ("each layer begins", lambda n, layers: with_check(n, layers, start=n)),
        ("last size alone", lambda n, layers: by_the_book(n, layers)[-1]),
        ("own size stands first", lambda n, layers: [n, *by_the_book(n, layers)]),
        ("with a window of 5, has no place left", without_check),
        ("should raise a ValueError", runtime_error),
        ("as large as the padded input fits", refuses(
            lambda n, k, s, p, d: n + 2 * p == d * (k - 1) + 1)),
        ("counts once, and it lies on both sides", once),
        ("+ 1 is missing", refuses_none_left),
        ("a stride larger than the kernel skips pixels", refuses(lambda n, k, s, p, d: s > k)),
        ("walked backwards", lambda n, layers: by_the_book(n, layers[::-1])),
        ("layer 1, with a window of 5, has no place left, and the padding of layer 2 hides it",
         looks_at_the_end),
        *(("(kernel, stride, padding, dilation), in this order", in_the_order(*order))
          for order in ((0, 2, 1, 3), (1, 0, 2, 3), (0, 1, 3, 2), (3, 2, 1, 0))),
        *[(words, refuses(lambda n, k, s, p, d, times=times: d * (k - 1) + 1 > n + times * p))
          for words, times in (("5 fits into 3 pixels with a padding of 1", 0),
                               ("with the padded input, n + 2p", 1))],
        ("not behind it?; one of its loops always ends in its first round", in_first_round),
        ("only the size after the first layer comes out", lambda n, layers: by_the_book(n, layers)[:1]),
        ("each of its results must be a number", lambda n, layers: [
            torch.tensor(size).item for size in by_the_book(n, layers)]),
        ("does a list live on outside", in_one_list),
        ("changes the layers", lambda n, layers: [
            by_the_book(n, layers), layers.clear()][0]),
        ("not d k", lambda n, layers: walked(
            n, layers, lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1)),
        ("prints its result", printed), ("must be a function", [28, 14, 10, 5, 1]),
        ("not 4", lambda n, layers: by_the_book(n, layers)[:4])],
    "sides_with_a_stride": [
        ("more padding than it needs", lambda n, k, s: halved(k - 1)),
        ("should come after", lambda *case: by_windows(*case)[::-1]),
        ("negative", lambda n, k, s: halved((ceil(n / s) - 1) * s + k - n)),
        ("where the last window ends before", lambda n, k, s: halved(
            abs((ceil(n / s) - 1) * s + k - n))),
        ("largest total", lambda n, k, s: halved(max(
            total for total in range(99) if (n + total - k) // s + 1 == ceil(n / s)))),
        ("rounded down here", lambda n, k, s: halved(max((n // s - 1) * s + k - n, 0))),
        ("as if it were whole", lambda n, k, s: halved(max((n / s - 1) * s + k - n, 0))),
        ("as if it were whole", lambda n, k, s: halved(max(k - s, 0))),
        ("one step too many", lambda n, k, s: halved(max(ceil(n / s) * s + k - n, 0))),
        ("nothing; end it with return, whichever way", equal_sides),
        ("keeps n", lambda n, k, s: halved(s * (n - 1) + k - n)),
        ("half a pixel", lambda *case: (sum(by_windows(*case)) / 2,) * 2),
        ("both sides are rounded down", lambda *case: (by_windows(*case)[0],) * 2),
        ("both sides are rounded up", lambda *case: (by_windows(*case)[1],) * 2),
        ("the total, on each side", lambda *case: (sum(by_windows(*case)),) * 2),
        ("stands after", lambda *case: (0, sum(by_windows(*case)))),
        ("stands before; halve", lambda *case: (sum(by_windows(*case)), 0)),
        ("k // 2 on each side", lambda n, k, s: (k // 2, k // 2)),
        ("2 values in a tuple or a list, not the single number", lambda *case: sum(by_windows(*case)))],
}

EQUAL = {}
