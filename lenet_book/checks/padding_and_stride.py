"""Chapter 02: a layer by hand, padding that keeps or halves a size, the sizes of a whole net."""

from collections.abc import Callable
from functools import cache, partial
from itertools import accumulate, count

import torch
import torch.nn.functional as F

from ..arguments import shown
from .answers import agrees, compare, counted, in_order, known, listed, number, several, whole
from .calls import Function
from .errors import one_line
from .exercise import exercise
from .verdict import Wrong

_ONE_MORE = "the + 1 is missing: the first window counts too"
_LENET = [(5, 1, 0, 1), (2, 2, 0, 1), (5, 1, 0, 1), (2, 2, 0, 1), (5, 1, 0, 1)]


@exercise(chapter=2, number=1, level="easy", minutes=3)
def size_and_dropped(size, dropped) -> str:
    """The output of a kernel of 7, stride 2, padding 3 on 224 pixels, and the rows that it drops."""
    size, dropped = number(size, "the size"), number(dropped, "the number of dropped rows")
    if (size, dropped) == (1, 112):
        raise Wrong("the two are exchanged: the size comes first")
    if (size, dropped) == (111, 0):
        raise Wrong("here the padding counts once, and it lies on both sides: 224 + 2*3")
    known(size, 112, {
        111: _ONE_MORE,
        109: "the padding is missing: 224 pixels and 3 more on each side",
        224: "the window moves by one pixel here, and the stride is 2",
        112.5: "half a window is none: the floor takes the whole number below",
        113: "rounded up: a window that does not fit as a whole is left out",
        115: "the kernel is missing: its first window takes 7 of the 230 pixels",
        116: "the kernel is missing: its first window takes 7 of the 230 pixels",
    }, "not the size: how far can a window of 7 move in 224 + 2*3 pixels, and how many steps of 2 "
       "are that?")
    known(dropped, 1, {
        0: "the size is right, but the division by 2 leaves a remainder",
        0.5: "the size is right; a remainder is a whole number: the rows left after the last whole "
             "step",
        223: "the size is right; 223 is the room, of which the windows step over all but the remainder",
    }, "the size is right; what is dropped is the remainder of (224 + 2*3 - 7) / 2")
    return "the row that is dropped is one of padding, so no pixel of the image is lost"


@exercise(chapter=2, number=2, level="medium", minutes=6)
def sides_that_keep_the_size(answer) -> str:
    """kernel, dilation -> pixels before and after, at which a stride of 1 keeps the size."""
    def total(k, d):  # asks PyTorch
        return next(p for p in count() if _size(40 + p, k, 1, 0, d) == 40)

    def right(k, d):
        return _halved(total(k, d))

    cases = [(3, 1), (4, 1), (1, 1), (2, 1), (7, 1), (3, 2), (2, 2), (2, 3), (4, 3), (6, 1), (5, 4)]
    compare(answer, right, cases, "k d", {
        **_badly_halved(total),
        "the dilation does not enter": lambda k, d: right(k, 1),
        "half a pixel, and the dilation does not enter": lambda k, d: ((k - 1) / 2, (k - 1) / 2),
        "the dilation does not enter, and both sides are rounded down":
            lambda k, d: ((k - 1) // 2, (k - 1) // 2),
        "k // 2 on each side fits odd kernels without dilation only": lambda k, d: (k // 2, k // 2),
        "d (k // 2) on each side fits odd kernels only": lambda k, d: (d * (k // 2), d * (k // 2)),
        "d pixels too many: the total is d (k - 1), and this is d k":
            lambda k, d: _halved(d * k),
        "the total is d (k - 1), and this is d k - 1, the same without dilation only":
            lambda k, d: _halved(d * k - 1),
        "this halves the effective kernel, d (k - 1) + 1; without padding one pixel less is lost":
            lambda k, d: _halved(total(k, d) + 1),
        "every even kernel gets a pixel more after it, and needs it only where d is odd":
            lambda k, d: (total(k, d) // 2, total(k, d) // 2 + (k % 2 == 0)),
        "d times the rounded half of k - 1: round once, after the dilation has come in":
            lambda k, d: ((k - 1) // 2 * d, (k - 1 - (k - 1) // 2) * d),
    })
    return "with an even dilation the two are equal whatever the kernel"


@exercise(chapter=2, number=3, level="medium", minutes=8)
def windows_that_halve(answer) -> str:
    """All (kernel, padding), to 7 and 3, that turn every even size into its half with stride 2."""
    answer = listed(answer)
    if not isinstance(answer, list | tuple | set | frozenset):
        raise Wrong(f"this must be a list of pairs, not {shown(answer)}")
    pairs = [tuple(whole(each, "each number") for each in several(pair, 2, "each pair"))
             for pair in answer]
    right = {(k, p) for k in range(1, 8) for p in range(4) if not _misses(k, p)}
    if {pair[::-1] for pair in pairs} == right:
        raise Wrong("each pair is the wrong way round: the kernel comes first, then the padding")
    for k, p in pairs:
        if not (1 <= k <= 7 and 0 <= p <= 3):
            raise Wrong(f"kernel {k} with padding {p} is not among those that are asked for")
        if _misses(k, p):
            n = _misses(k, p)[0]
            raise Wrong(f"kernel {k} with padding {p} turns {n} into {_size(n, k, 2, p)}, "
                        f"not into {n // 2}")
    if len(set(pairs)) < len(pairs):
        raise Wrong("a pair stands in it more than once")
    if right - set(pairs):
        rests = {k % 2 for k, _ in pairs}
        ends_early = ": does your loop reach 7 and 3? range(7) ends with 6" * ((7, 3) not in pairs)
        raise Wrong("the list is empty, and some pairs do fit" if not pairs else
                    f"those are right, but some are missing{ends_early}" if len(rests) > 1 else
                    "those are right, but even kernels are missing: some of them fit, too" if 1 in rests
                    else "those are right, but odd kernels are missing: ask the even n only, "
                    "range(8, 65, 2), and divide with //, which rounds down")
    return "the kernel is one or two larger than the padding of both sides, 2p + 1 or 2p + 2"


def _misses(k: int, p: int) -> list[int]:
    """The even sizes from 8 to 64 that do not become their half."""
    return [n for n in range(8, 65, 2) if _size(n, k, 2, p) != n // 2]


@exercise(chapter=2, number=4, level="medium", minutes=6)
def sizes_through_a_net(answer) -> str:
    """n, layers -> the size after each; ValueError where a window does not fit."""
    def through(n, layers, step):
        found = []
        for layer in layers:
            n = step(n, *layer)
            found.append(n)
        return tuple(found)

    def by(step):
        return partial(through, step=step)

    right = by(_size)
    function, five = Function(answer, "n layers"), [(5, 1, 0, 1)]
    if _is_refused(answer, 5, 5) and not _is_refused(answer, 6, 5):
        if agrees(answer, lambda n, layers: (n - 5,), [(6, five), (9, five)], "n layers"):
            raise Wrong(_ONE_MORE)
        raise Wrong("a window as large as the padded input fits, in one place: refuse it only where "
                    "the room is negative")
    in_order(answer, right, 999, [(5, 2, 3, 4), (3, 4, 2, 5), (4, 3, 5, 2)], "n layers")
    given, expected = function(32, _LENET), right(32, _LENET)
    if isinstance(given, tuple | list) and tuple(given) == (32, *expected):
        raise Wrong("the input's own size stands first; only what comes after a layer is asked for")
    if isinstance(given, int) and given == expected[-1]:
        raise Wrong("that is the last size alone; one for each layer is asked for")
    if isinstance(given, tuple | list) and tuple(given) == expected[:1]:
        raise Wrong("only the size after the first layer comes out: does return stand in the "
                    "loop, and not behind it?")
    cases = [(32, _LENET), (9, [(3, 1, 0, 1)]), (10, [(3, 2, 0, 1), (2, 1, 1, 1)]),
             (227, [(11, 4, 0, 1), (3, 2, 0, 1), (5, 1, 2, 1), (3, 2, 0, 1)]),
             (31, [(3, 1, 2, 2), (4, 3, 1, 1), (3, 2, 3, 3)]), (7, [(7, 5, 0, 1), (1, 1, 3, 1)])]
    compare(answer, right, cases, "n layers", {
        _ONE_MORE: by(lambda *layer: _formula(*layer) - 1),
        "the padding counts once, and it lies on both sides":
            by(lambda n, k, s, p, d: _formula(n - p, k, s, p, d)),
        "the padding does not enter": by(lambda n, k, s, p, d: _formula(n, k, s, 0, d)),
        "the dilation does not enter": by(lambda n, k, s, p, d: _formula(n, k, s, p, 1)),
        "the stride does not enter": by(lambda n, k, s, p, d: _formula(n, k, 1, p, d)),
        "rounded up: a window that does not fit as a whole is left out":
            by(lambda n, k, s, p, d: -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1),
        "not rounded: half a window is none, so take the floor":
            by(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1),
        "the dilated kernel reaches across d (k - 1) + 1 pixels, and not d k":
            by(lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1),
        "each layer begins with the input's size, and should with what the one before has left":
            lambda n, layers: tuple(_formula(n, *layer) for layer in layers),
        "the layers are walked backwards; the first one meets the image":
            lambda n, layers: through(n, layers[::-1], _formula),
        "the padding is multiplied by the stride here: it is laid around before the windows move":
            by(lambda n, k, s, p, d: (n - d * (k - 1) - 1) // s + 1 + 2 * p),
    })
    for n, p in ((3, 1), (1, 2)):
        if _is_refused(answer, n, 5, 1, p):
            raise Wrong(f"a window of 5 fits into {counted(n, 'pixel')} with a padding of {p}: compare "
                        "the window with the padded input, n + 2p")
    if _is_refused(answer, 56, 1, 2):
        raise Wrong("a stride larger than the kernel skips pixels, and fits: a 1x1 with stride 2 makes "
                    "28 of 56")
    compare(answer, right, [(3, [(5, 1, 1, 1)]), (1, [(5, 1, 2, 1)]), (56, [(1, 2, 0, 1)])],
            "n layers")
    for n, layers in ((28, _LENET), (4, five), (4, [(3, 3, 0, 2)]), (3, [(9, 4, 1, 1)]),
                      (4, [*five, (1, 1, 1, 1)])):
        _refuses(answer, n, layers)
    return "32 leads to 28, 14, 10, 5, 1, and 28 is refused at C5"


def _is_refused(answer, n: int, k: int, s: int = 1, p: int = 0) -> bool:
    """Is a window of k on n pixels, with p on each side, a ValueError?"""
    try:
        answer(n, [(k, s, p, 1)])
    except ValueError:
        return True
    except Exception:
        return False
    return False


def _refuses(answer, n: int, layers: list) -> None:
    """Wrong, unless the answer raises a ValueError of its own; one of the layers has no place."""
    try:
        result = answer(n, list(layers))
    except ValueError:
        return
    except Exception as error:
        raise Wrong(f"where a window does not fit it raises {one_line(error)}, and should raise a "
                    "ValueError") from None
    sizes = accumulate(layers, lambda size, layer: _formula(size, *layer), initial=n)
    at = next(place for place, size in enumerate(sizes) if size < 1)  # the first is layer 1
    k, _, _, d = layers[at - 1]
    reach = f"{k}" if d == 1 else f"{k} with dilation {d}"
    hidden = f", and the padding of layer {at + 1} hides it from a look at the end" * (at < len(layers))
    raise Wrong(f"from {n} pixels {f'layer {at}' if layers[1:] else 'the layer'}, with a window of "
                f"{reach}, has no place left{hidden}: raise a ValueError there, in place of giving "
                f"{shown(result)}")


@exercise(chapter=2, number=5, level="hard", minutes=10)
def sides_with_a_stride(answer) -> str:
    """n, k, s -> the smallest padding before and after that gives n / s, rounded up."""
    def total(n, k, s):  # asks PyTorch
        return next(p for p in count() if _size(n + p, k, s) == -(-n // s))

    def needed(n, k, s):
        return (-(-n // s) - 1) * s + k - n

    cases = [(28, 3, 1), (28, 4, 1), (28, 3, 2), (7, 3, 2), (224, 7, 2), (9, 2, 2), (227, 11, 4),
             (8, 1, 3), (10, 2, 3), (13, 6, 4), (5, 3, 5), (6, 2, 4), (31, 8, 3)]
    compare(answer, lambda *case: _halved(total(*case)), cases, "n k s", {
        "the size is right, but for some n it takes more padding than it needs, whose last rows no "
        "window reaches": lambda n, k, s: _halved(k - 1),
        **_badly_halved(total),
        "negative padding: where the stride is larger than the kernel, none may be needed":
            lambda *case: _halved(needed(*case)),
        "where the last window ends before the image does no padding is needed: 0, not the distance":
            lambda *case: _halved(abs(needed(*case))),
        "that is the largest total that gives this size, and the smallest is asked for":
            lambda n, k, s: _halved(needed(n, k, s) + s - 1),
        "this keeps n, and n / s is asked for": lambda n, k, s: _halved((n - 1) * s + k - n),
        "n / s is rounded down here, and should be rounded up":
            lambda n, k, s: _halved(max((n // s - 1) * s + k - n, 0)),
        "n / s is taken as if it were whole, which leaves k - s in all: too small where s does not "
        "divide n":
            lambda n, k, s: _halved(max((n / s - 1) * s + k - n, 0)),
        "one step too many: between so many windows there is one step less":
            lambda n, k, s: _halved(max(-(-n // s) * s + k - n, 0)),
        "k // 2 on each side: with a stride, n and s count as well, and the two sides may differ":
            lambda n, k, s: (k // 2, k // 2),
    })
    return "for a kernel of 7 and a stride of 2 on 224 pixels 2 before and 3 after are enough"


def _halved(total: int) -> tuple[int, int]:
    """Before and after, where an odd pixel goes after."""
    return total // 2, total - total // 2


def _badly_halved(total: Callable) -> dict[str, Callable]:
    """Sentences on pixels before and after that do not share the total as they should."""
    return {said: lambda *case, halved=halved: halved(total(*case)) for said, halved in {
        "half a pixel: an odd total has no whole half, and the side after gets one more":
            lambda total: (total / 2, total / 2),
        "both sides are rounded down, and where the total is odd a pixel is missing":
            lambda total: (total // 2, total // 2),
        "both sides are rounded up, and where the total is odd there is a pixel too many":
            lambda total: (-(-total // 2), -(-total // 2)),
        "the larger one stands before, and should come after": lambda total: _halved(total)[::-1],
        "that is the total, on each side: halve it": lambda total: (total, total),
        "all of it stands after; halve it": lambda total: (0, total),
        "all of it stands before; halve it": lambda total: (total, 0)}.items()}


@cache
def _size(n: int, k: int, s: int = 1, p: int = 0, d: int = 1) -> int:
    """What PyTorch makes of n pixels."""
    return F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), stride=s, padding=p,
                    dilation=d).shape[-1]


def _formula(n: int, k: int, s: int, p: int, d: int) -> int:
    """Also where nothing fits."""
    return (n + 2 * p - d * (k - 1) - 1) // s + 1
