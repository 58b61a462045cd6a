"""What an answer may be, and how it is compared with the right one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from itertools import permutations
from math import isclose
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from ..arguments import shown
from ..tables import by
from .calls import Function
from .verdict import NotYet, Wrong

_RELATIVE, _ABSOLUTE = 1e-5, 1e-6  # by how much two numbers may differ that count as equal


def number(answer, name: str = "the answer") -> float:
    """A finite number; one in a tensor or an array counts too. Raises Wrong for anything else."""
    if isinstance(answer, Tensor | np.ndarray | np.generic):
        if not set(answer.shape) <= {1}:
            raise Wrong(f"{name} must be a single number, not {_size(answer.shape)}")
        answer = listed(answer.reshape(1))[0]
    if isinstance(answer, bool) or not isinstance(answer, Real):
        raise Wrong(f"{name} must be a number, not {shown(answer)}")
    if not abs(answer) < 1e300:  # an int may be too large for isfinite
        raise Wrong(f"{name} must be finite, not {shown(answer)}")
    return answer


def numbers(answer, names: Sequence[str]) -> tuple[float, ...]:
    """As many numbers as there are names, in a tuple or a list. Raises Wrong for anything else."""
    return tuple(map(number, several(answer, len(names)), names))


def whole(answer, name: str = "the answer", unrounded: Mapping[float, str] | None = None,
          otherwise: str = "") -> int:
    """A whole number, 3.0 as well as 3. Raises Wrong for anything else.

    unrounded: fractions that come out before the rounding, each with the sentence on it; to a tenth.
    otherwise: the sentence on any other fraction.
    """
    found = number(answer, name)
    if found != int(found):
        raise Wrong(next((said for exact, said in (unrounded or {}).items()
                          if abs(found - exact) < 0.06),
                         otherwise or f"{name} must be a whole number, not {shown(answer)}"))
    return int(found)


def listed(answer):
    """A tensor or an array as a list of numbers, or of such lists; anything else as it is."""
    if isinstance(answer, Tensor) and not answer.is_meta:
        return answer.detach().to_dense().tolist()
    return answer.tolist() if isinstance(answer, np.ndarray | np.generic) else answer


def several(answer, count: int, name: str = "the answer") -> tuple:
    """A tuple or a list of so many things. Raises Wrong for anything else."""
    answer = listed(answer)
    if not isinstance(answer, tuple | list):
        single = "the single number " * isinstance(answer, Real)
        raise Wrong(f"{name} must be {count} values in a tuple or a list, not {single}{shown(answer)}")
    if len(answer) != count:
        raise Wrong(f"{name} must be {count} values, not {len(answer)}")
    return tuple(answer)


def tensor(answer, shape: Iterable[int] | None = None, name: str = "the answer",
           finite: bool = True) -> Tensor:
    """A tensor of numbers, in float64 and without a gradient; of this shape, if one is given.

    Raises Wrong for anything else, a list of numbers among it; finite: also for infinity and nan.
    """
    if not isinstance(answer, Tensor):
        if isinstance(answer, list | tuple) and len(answer) == 1 and isinstance(answer[0], Tensor):
            raise Wrong(f"{name} must be a tensor, not a {type(answer).__name__} with one in it: [0] "
                        "takes it out")
        if isinstance(answer, tuple) and isinstance(getattr(answer, "values", None), Tensor):
            raise Wrong(f"{name} must be a tensor, and a {type(answer).__name__} holds two, values and "
                        "indices: take .values")
        if isinstance(answer, list | tuple):
            raise Wrong(f"{name} must be a tensor, not a {type(answer).__name__}; torch.tensor(...) "
                        "makes one of numbers, torch.stack(...) or torch.cat(...) of tensors")
        raise Wrong(f"{name} must be a tensor, not {shown(answer)}"
                    + "; torch.from_numpy(...) makes one of it" * isinstance(answer, np.ndarray))
    if answer.is_complex() or answer.dtype == torch.bool or answer.is_meta:
        raise Wrong(f"{name} must hold real numbers, not {shown(answer)}")
    found = answer.detach().to_dense().double()
    if shape is not None and found.shape != tuple(shape):
        raise Wrong(f"{name} must be {_size(shape)}, not {_size(found.shape)}")
    if finite and not found.isfinite().all():
        raise Wrong(f"{name} holds a number that is not finite: {found[~found.isfinite()][0].item()}")
    return found


def known(value, right, mistakes: Mapping[object, str], otherwise: str) -> None:
    """Is this number, or tuple of numbers, right? If not, raise Wrong with what is wrong about it.

    mistakes: wrong answers, each with the sentence that names its error. otherwise: for all others.
    """
    if not _close(value, right):
        raise Wrong(next((said for wrong, said in mistakes.items() if _close(value, wrong)), otherwise))


def compare(answer, right: Callable, cases: Iterable[tuple], arguments: str,
            mistakes: Mapping[str, Callable] | None = None,
            without: Mapping[str, str] | None = None, within: float = 1e-6,
            gives: str = "it gives") -> None:
    """Is the reader's function right for all these cases? If not, raise Wrong with what is wrong.

    right: the oracle, whose results are numbers, tuples of numbers, or tensors. cases: what both are
    called with, the simplest first. arguments: the names of these. mistakes: sentences that name an
    error, each with the function that makes it; one is said where the answer gives what its function
    gives, in all cases. without: see `Function`. within: by what share two numbers may differ; those
    of tensors always by the same. gives: what stands in front of a result.
    """
    close = partial(_close, within=within)
    function, cases = Function(answer, arguments, without), list(cases)
    expected, given = _results(function, right, cases)
    good = [*map(close, given, expected)]
    if all(good):
        return
    for said, mistaken in (mistakes or {}).items():
        if all(map(close, given, (_attempt(mistaken, case, result)
                                  for case, result in zip(cases, expected, strict=True)))):
            raise Wrong(said)
    at = good.index(False)
    if _holds_empty(function, cases[at], expected[at]):
        raise Wrong("its result depends on what the memory held before: what torch.empty makes must "
                    "be filled before it is read")
    if _remembers(function, cases[at]) or (
            good[0] and not close(_attempt(function, cases[0], expected[0]), expected[0])):
        raise Wrong("a second call with the same gives something else: does a list live on outside of "
                    "the function?")
    if len(cases) > 1 and all(close(mine, given[0]) for mine in given):
        raise Wrong(f"{gives} {_seen(given[0])} whatever it is given")
    if factor := _factor(given, expected):
        raise Wrong(f"{gives} {factor:.4g} times what is right, in all cases")
    when, problem = function.case(cases[at]), str(given[at])
    if not isinstance(given[at], Wrong):
        problem = f"{when} {gives} {_difference(given[at], expected[at])}"
    if True in good[:at]:
        problem = (f"right {function.case(cases[good.index(True)])}, but "
                   f"{'' if problem.startswith('for ') else when + ' '}{problem}")
    raise Wrong(problem)


def agrees(answer, right: Callable, cases: Iterable[tuple], arguments: str,
           without: Mapping[str, str] | None = None) -> bool:
    """Does the reader's function give what `right` gives, for all these cases? See `compare`."""
    try:
        return all(map(_close, *_results(Function(answer, arguments, without), right, list(cases))))
    except Wrong:
        return False


def times(answer, right: Callable, cases: Iterable[tuple], arguments: str) -> float | None:
    """By which one factor the reader's function gives too much, in all these cases, if by one."""
    expected, given = _results(Function(answer, arguments), right, list(cases))
    return _factor(given, expected)


def _results(function: Function, right: Callable, cases: list[tuple]) -> tuple[list, list]:
    """What is expected, and what the reader's function gives, or the Wrong that says why nothing."""
    expected = [right(*case) for case in cases]
    return expected, [_attempt(function, case, result)
                      for case, result in zip(cases, expected, strict=True)]


def _holds_empty(function: Function, case: tuple, like) -> bool:
    """Is its result nan where torch.empty is filled with nan, and not where it is left as it is?"""
    mode, results = torch.get_deterministic_debug_mode(), []
    try:
        for each in ("default", "warn"):  # the second fills it
            torch.set_deterministic_debug_mode(each)
            with redirect_stdout(StringIO()):
                results.append(_attempt(function, case, like))
    finally:
        torch.set_deterministic_debug_mode(mode)
    return [isinstance(each, Wrong) and str(each).endswith("nan") for each in results] == [False, True]


def _remembers(function: Function, case: tuple) -> bool:
    """Do two calls give two results, with the same random numbers?"""
    def once():
        torch.default_generator.manual_seed(0)
        try:
            with redirect_stdout(StringIO()):
                result = listed(function(*case))
        except Wrong:
            return ""
        result = [*map(listed, result)] if isinstance(result, list | tuple) else result
        return repr(result) if _of_numbers(result) else ""

    return once() != once()


def _of_numbers(result) -> bool:
    """Is this a number, or a list of such lists? Of other things the repr may hold an address."""
    return isinstance(result, Real) or (
        isinstance(result, list | tuple) and all(map(_of_numbers, result)))


def _factor(given: list, right: list) -> float | None:
    """By how much everything that is given is too large, if by one and the same factor."""
    if any(isinstance(mine, Wrong) for mine in given):
        return None
    if any(isinstance(mine, Tensor) and mine.shape != wanted.shape
           for mine, wanted in zip(given, right, strict=True)):
        return None
    mine, wanted = (torch.tensor([float(number) for each in side for number in (
        each.flatten() if isinstance(each, Tensor) else np.ravel(each))]) for side in (given, right))
    if wanted.count_nonzero() < 3 or not mine.isfinite().all():
        return None
    factor = ((mine @ wanted) / (wanted @ wanted)).item()
    same = torch.allclose(mine, factor * wanted, _RELATIVE, _ABSOLUTE) and abs(factor - 1) > 1e-3
    return factor if factor and same else None


def in_order(answer, right: Callable, at: int, layers: list[tuple], arguments: str) -> None:
    """Raise Wrong if the reader's function reads the numbers of a layer in another order.

    right: the oracle. at, layers: what both are called with; in no other order may they give the same.
    """
    for order in list(permutations(range(4)))[1:]:
        mixed = [tuple(layer[i] for i in order) for layer in layers]
        if agrees(answer, lambda at, layers, mixed=mixed: right(at, mixed), [(at, layers)], arguments):
            raise Wrong("each layer is (kernel, stride, padding, dilation), in this order")


def counted(count: int, thing: str) -> str:
    """1 map, 6 maps."""
    return f"{count:,} {thing}{'s' * (count != 1)}"


def _attempt(function: Callable, case: tuple, like):
    """The result, of the kind that the right one is, or the Wrong that says why there is none."""
    try:
        result = function(*case)
        if isinstance(like, Tensor):
            found = tensor(result, name="its result", finite=False)
            return found if found.shape != like.shape else tensor(found, name="its result")
        if isinstance(like, tuple):
            return tuple(number(each, "each of its results")
                         for each in several(result, len(like), "its result"))
        return number(result, "its result")
    except Wrong as wrong:
        return wrong
    except NotYet:
        raise
    except Exception:  # a mistaken version that does not apply here
        return Wrong("no result")


def _close(mine, other, within: float = 1e-6) -> bool:
    """Equal within a share, whole numbers to the last; results that have no shape in common are not."""
    if isinstance(mine, int) and isinstance(other, int):
        return mine == other
    if isinstance(mine, Wrong) or isinstance(other, Wrong):
        return False
    if isinstance(mine, Tensor) and isinstance(other, Tensor):
        return mine.shape == other.shape and torch.allclose(mine, other, _RELATIVE, _ABSOLUTE)
    if isinstance(mine, tuple) and isinstance(other, tuple):
        return len(mine) == len(other) and all(map(partial(_close, within=within), mine, other))
    return isinstance(mine, Real) and isinstance(other, Real) and isclose(
        mine, other, rel_tol=within, abs_tol=1e-9)


def _difference(mine, right) -> str:
    """Where two results differ, in words."""
    if not isinstance(mine, Tensor):
        return f"{_seen(mine)}, not {_seen(right)}"
    if mine.shape != right.shape:
        return f"{_size(mine.shape)}, not {_size(right.shape)}"
    place = torch.isclose(mine, right, _RELATIVE, _ABSOLUTE).logical_not().nonzero()[0].tolist()
    at = f" at {place}" if place else ""
    one, other = mine[tuple(place)].item(), right[tuple(place)].item()
    digits = next((n for n in (4, 6, 9) if f"{one:.{n}g}" != f"{other:.{n}g}"), 12)
    return f"{one:.{digits}g}{at}, not {other:.{digits}g}"


def _size(shape: Iterable[int]) -> str:
    """A shape in words: 3 x 4, a row of 5 numbers, a single number."""
    lengths = tuple(shape)
    return by(lengths) if len(lengths) > 1 else "a single number" if not lengths else (
        f"a row of {counted(lengths[0], 'number')}")


def _seen(result) -> str:
    if isinstance(result, Tensor):
        return f"the same {_size(result.shape)}" if result.dim() else f"{result:.4g}"
    if isinstance(result, tuple):
        return f"({', '.join(map(_seen, result))})"
    return f"{result:.6g}" if isinstance(result, float) else str(result)
