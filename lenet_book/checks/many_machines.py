"""Chapter 15: the weights of unequal shares, what a meeting costs, an all-reduce in few rounds."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from itertools import combinations, product
from math import ceil, log2

import torch
from torch import Tensor

from ..arguments import shown
from .answers import compare, tensor, whole
from .calls import Function
from .exercise import exercise
from .verdict import Wrong


@exercise(chapter=15, number=1, level="easy", minutes=4)
def share_weights(answer) -> str:
    """n, processes -> the weight W n_k / n of each process, of digits dealt out like cards."""
    def dealt(n, processes):
        return [len(range(k, n, processes)) for k in range(processes)]

    def right(n, processes):
        return tuple(processes * each / n for each in dealt(n, processes))

    def blocks(n, processes):
        size = -(-n // processes)
        return tuple(processes * max(0, min(size, n - k * size)) / n for k in range(processes))

    def left_to(n, processes, which):
        shares = [n // processes] * processes
        shares[which] += n % processes
        return tuple(processes * each / n for each in shares)

    names = "n processes"
    compare(answer, right, [(13, 2), (12, 4), (7, 5), (50, 7), (5, 1)], names, {  # a digit for each
        "these are n_k / n, which add up to 1; the weights add up to W":
            lambda n, w: tuple(each / n for each in dealt(n, w)),
        "these are the numbers of digits, n_k": lambda n, w: tuple(map(float, dealt(n, w))),
        "all weights are 1: only equal shares count alike": lambda n, w: (1.0,) * w,
        "the last batch does not divide, and digits are left out":
            lambda n, w: (w * (n // w) / n,) * w,
        "the digits are cut into blocks, and should be dealt like cards": blocks,
        "the processes are in reverse order: the first ones have the digits that are left":
            lambda n, w: right(n, w)[::-1],
        "every process is given n / W digits, and a digit cannot be divided":
            lambda n, w: (n / w,) * w,
        "they are divided by W, and should be multiplied by it":
            lambda n, w: tuple(each / n / w for each in dealt(n, w)),
        "W is the number of processes, and not always 2":
            lambda n, w: tuple(2 * each / n for each in dealt(n, w)),
        "the division by n is missing": lambda n, w: tuple(float(w * each) for each in dealt(n, w)),
        "// throws the fraction away: divide with /":
            lambda n, w: tuple(float(w * each // n) for each in dealt(n, w)),
        "the shares add up to more than n digits": lambda n, w: (w * -(-n // w) / n,) * w,
        "the shares add up to n + 1 digits: one more have the processes below n % W, not n % W itself":
            lambda n, w: tuple(w * ((n - k) // w + 1) / n for k in range(w)),
        **{f"the {name} process has all the digits that are left; dealt like cards, no two differ by "
           "more than one": lambda n, w, which=which: left_to(n, w, which)
           for name, which in (("first", 0), ("last", -1))},
        "that is the weight turned over, n / (W n_k)":
            lambda n, w: tuple(n / (w * each) for each in dealt(n, w)),
    })
    few = [(1, 3), (3, 8)]
    function = Function(answer, names)
    with suppress(TypeError):  # a result without a length is refused below
        if all(len(function(n, processes)) == n for n, processes in few):
            raise Wrong("a process without a digit has the weight 0: as many weights as processes")
    compare(answer, right, few, names)
    return "they add up to W, so that the mean of the weighted gradients is that of the whole batch"


@exercise(chapter=15, number=2, level="medium", minutes=6)
def speedup(answer) -> str:
    """processes, batch, digit, meeting -> how many times faster a step is than with one process."""
    cases = [(2, 128, 0.07, 0.5), (8, 128, 0.07, 0.5), (64, 128, 0.07, 0.5), (1, 128, 0.07, 0.5),
             (3, 128, 0.07, 0.5), (5, 64, 0.2, 0.01), (200, 128, 0.1, 1.5), (7, 13, 1.0, 3.0),
             (4, 12, 0.1, 5.0), (4, 1, 1.0, 0.5),  # slower than one alone
             (5, 12, 0.2, 1.0),  # 2.4 digits for each: rounded to the nearest, one too few
             (127, 128, 0.2, 1.0)]  # 1.008 for each
    compare(answer, _factor, cases, "processes batch digit meeting", _slips())
    return "64 processes are 14 times faster, not 64 times"


def _factor(w, n, d, m, share=lambda w, n: -(-n // w), meets=lambda w, n: w > 1,
            divided=lambda one, work, met: one / (work + met), given=lambda f, w: f) -> float:
    """share: digits of the process with most. meets: how often a meeting's time enters. divided: what
    is made of the times of one process alone, of a share and of meetings; given: of that factor."""
    return given(divided(n * d, share(w, n) * d, meets(w, n) * m), w)


@cache
def _slips() -> dict[str, Callable]:
    """Sentences, each with what makes the factor of which it is true, by one slip or two."""
    kinds = {"share": _SHARES, "meets": _MEETINGS, "divided": _DIVIDED, "given": _GIVEN}
    single = {said: partial(_factor, **{kind: slip})
              for kind, slips in kinds.items() for said, slip in slips.items()}
    return single | _OTHERS | {
        f"{said}{' And' if said[-1] == '?' else '; and'} {more}":
            partial(_factor, **{kind: slip, other: another})
        for kind, other in combinations(kinds, 2)
        for (said, slip), (more, another) in product(kinds[kind].items(), kinds[other].items())}


_SHARES = {
    "a digit cannot be divided: a step lasts as long as that of the process with most digits":
        lambda w, n: n / w,
    "the process with most digits decides: round up, not down": lambda w, n: n // w,
    "the process with most digits decides: round up": lambda w, n: max(1, n // w),
    "the process with most digits decides: round up, not to the nearest": lambda w, n: round(n / w),
    "the process with most digits decides: round up, not to the nearest, whatever the batch":
        lambda w, n: max(1, round(n / w)),
    "a digit cannot be divided: round up, whatever the batch": lambda w, n: max(1, n / w),
    "dealt out like cards, no process has more than one digit more than another; here one has all "
    "that are left": lambda w, n: n // w + n % w,
    "the batch is divided by the processes, and here the processes by the batch":
        lambda w, n: -(-w // n),
    "batch // processes + 1 is one too many where the batch divides": lambda w, n: n // w + 1,
    "batch // processes + 1 is one too many where the processes divide the batch":
        lambda w, n: n // w + (w > 1),
    "the digits are not shared out": lambda w, n: n,
}
_THE_SAME = "the time of the meeting is the same with any number of processes"
_MEETINGS = {
    "one process alone meets nobody": lambda w, n: 1,
    "the meeting is missing": lambda w, n: 0,
    "`meeting` is the time of all all-reduces of a step": lambda w, n: 2 * (w > 1),
    "more than one process meet, and one alone does not; here it is the other way round":
        lambda w, n: w == 1,
    "two processes meet, too": lambda w, n: w > 2,
    "there is a meeting in each step with more than one process, even if the batch divides":
        lambda w, n: n % w > 0,
    _THE_SAME: lambda w, n: w * (w > 1),
    f"{_THE_SAME} above one": lambda w, n: w - 1,
    **{f"{_THE_SAME}, and here {how}": lambda w, n, times=times: times(w) for how, times in {
        "it is that of each pair": lambda w: w * (w - 1) / 2,
        "it grows with the root of their number": lambda w: w**0.5 * (w > 1),
        "it is 2 W times as long": lambda w: 2 * w * (w > 1),
        "it grows with log2(W)": log2,
        "it grows with log2(W), rounded up": lambda w: ceil(log2(w)),
        "it is 2 (W - 1) / W times as long, as what a ring sends": lambda w: 2 * (w - 1) / w,
    }.items()},
    "the time of the meeting is divided by the processes, and should not be: it takes as long, "
    "however many meet": lambda w, n: (w > 1) / w,
    "the rounds of a ring are in `meeting` already": lambda w, n: 2 * (w - 1),
}
_DIVIDED = {
    "that is the time of a step; by what factor is it shorter?": lambda one, work, met: work + met,
    "brackets are missing around the time of a step: a / b + e is (a / b) + e":
        lambda one, work, met: one / work + met,
    "the time of the meeting is taken from the factor, and should be added to that of a step":
        lambda one, work, met: one / work - met,
    "the time of the meeting is subtracted from that of a step, and should be added":
        lambda one, work, met: one / (work - met),
    "that is the time saved in a step; by what factor is it shorter?":
        lambda one, work, met: one - work - met,
    "the meeting comes when the work is done: the two times add up":
        lambda one, work, met: one / max(work, met),
    "that is the share of the work in a step's time": lambda one, work, met: work / (work + met),
}
_GIVEN = {
    "that is the factor divided by the number of processes; the factor is asked": lambda f, w: f / w,
    "that is the factor times the number of processes; the batch is the same, and dealt out":
        lambda f, w: f * w,
    **{f"the factor is rounded{how}; it is asked as it comes out":
       lambda f, w, digits=digits: round(f, digits) for how, digits in {
           " to a whole number": 0, " to one digit": 1, " to two digits": 2,
           " to three digits": 3}.items()},
    "the factor is rounded down; it is asked as it comes out": lambda f, w: int(f),
    "that is the share of the time that is saved; by what factor is a step faster?":
        lambda f, w: 1 - 1 / f,
    "that is the share of the time that is saved, in %; by what factor is a step faster?":
        lambda f, w: 100 - 100 / f,
    "that is by how many % it is faster; by what factor?": lambda f, w: 100 * f - 100,
    "a step may be slower than with one process, and the factor is then below 1":
        lambda f, w: max(1, f),
    "one process alone is 1 times as fast as itself, not 0": lambda f, w: f if w > 1 else 0,
    "that is the factor turned over: the time of many by that of one": lambda f, w: 1 / f,
    "a step that lasts as long as before is 1 times as fast: do not subtract 1": lambda f, w: f - 1,
    "that is in %; a factor is asked": lambda f, w: 100 * f,
}
_OTHERS = {
    **{f"brackets are missing around the time of a step: {said}":
       lambda w, n, d, m, met=met: n * d / -(-n // w) * d + m * met(w) for said, met in {
           "a / b * c + e is ((a / b) * c) + e": lambda w: w > 1,
           "a / b * c + e is ((a / b) * c) + e, and one process alone meets nobody": lambda w: 1,
           "a / b * c is (a / b) * c, and the meeting is missing": lambda w: 0}.items()},
    "a step's time is digits times `digit`, plus `meeting`; here digits and milliseconds are added":
        lambda w, n, d, m: n / (-(-n // w) + m * (w > 1)),
    "one process computes the whole batch, not one digit": lambda w, n, d, m: _factor(w, n, d, m) / n,
    "whole are the digits of a process, not its milliseconds: round batch / processes up first":
        lambda w, n, d, m: n * d / (ceil(n * d / w) + m * (w > 1)),
    "`digit` and `meeting` are exchanged": lambda w, n, d, m: _factor(w, n, m, d),
    "`processes` and `batch` are exchanged": lambda w, n, d, m: _factor(n, w, d, m),
    "one process alone is 1 times as fast as itself, not its time":
        lambda w, n, d, m: _factor(w, n, d, m) if w > 1 else n * d,
    "one process has no meeting: there is nothing to add to its time":
        lambda w, n, d, m: _factor(w, n, d, m) * (n * d + m) / (n * d),
    "one process alone meets nobody: no meeting in the numerator":
        lambda w, n, d, m: (n * d + m) / (-(-n // w) * d + m),
    "that is a batch of one digit for each": lambda w, n, d, m: _factor(w, w, d, m),
    "that is a batch of one digit for each, and one process alone meets nobody":
        lambda w, n, d, m: w * d / (d + m),
    "a step has one such time of meeting, not one a digit":
        lambda w, n, d, m: n * d / (-(-n // w) * (d + m * (w > 1))),
    "that is the number of processes": lambda w, n, d, m: w,
    "meetings cost something": lambda w, n, d, m: min(w, n),
}


class _Waits(BaseException):
    """The partner has sent nothing yet; passes through `except Exception`."""


@exercise(chapter=15, number=3, level="hard", minutes=15)
def all_reduce(answer) -> str:
    """me, count, vector, exchange -> the sum of all vectors, in log2(count) exchanges each."""
    function = Function(answer, "me count")
    for rounds, size in ((1, 5), (0, 3), (2, 7), (3, 9), (4, 17)):
        vectors = list(torch.randn(2**rounds, size).double())
        results, sent = _together(function, vectors)
        for me, result in enumerate(results):
            _is_sum(tensor(result, (size,), f"what process {me} of {2**rounds} returns"), me, vectors)
        times = [len(each) for each in sent]
        if max(times) > rounds:
            raise Wrong(f"all have the sum, but process {times.index(max(times))} of {2**rounds} "
                        f"exchanges {max(times)} times, where log2({len(times)}) = {rounds}")
        if max(sum(part.numel() for _, part in each) for each in sent) > rounds * size:
            raise Wrong("all have the sum, but what they send is longer than a vector each time")
    return "16 processes have the sum after 4 rounds; in the ring it takes 30"


def _together(function: Function, vectors: list[Tensor]) -> tuple[list, list[list]]:
    """What each process returns, and (partner, tensor) for all that it has sent.

    A process that waits is stopped, and begun anew once its partner has sent something.
    """
    count = len(vectors)
    sent: list[list] = [[] for _ in vectors]
    results: dict[int, object] = {}
    waits: dict[int, int] = {}  # process: for whom
    while len(results) < count:
        before = sum(map(len, sent)), len(results)
        for me in range(count):
            if me not in results:
                mine: list = []
                exchange = _exchange(me, mine, sent, waits)
                with suppress(_Waits):
                    results[me] = function(me, count, vectors[me].clone(), exchange)
                sent[me] = mine
        if before == (sum(map(len, sent)), len(results)):
            still = {me: partner for me, partner in waits.items() if me not in results}
            for me, partner in still.items():
                if partner in results:
                    raise Wrong(f"with {count} processes, process {me} waits for process {partner}, "
                                "which has returned")
            raise Wrong(f"with {count} processes all wait: " + ", ".join(
                f"process {me} for {partner}" for me, partner in [*still.items()][:3]))
    return [results[me] for me in range(count)], sent


def _exchange(me: int, mine: list, sent: list[list], waits: dict[int, int]) -> Callable:
    def exchange(partner, part):
        partner = whole(partner, f"the partner of process {me}")
        if len(sent) == 1:
            raise Wrong("there is only process 0: with one process there is nothing to exchange")
        if partner == me or not 0 <= partner < len(sent):
            raise Wrong(f"process {me} of {len(sent)} exchanges with process {partner}" + (
                ", itself" if partner == me else f", and they are 0 to {len(sent) - 1}"))
        if not isinstance(part, Tensor):
            raise Wrong(f"what process {me} sends must be a tensor, not {shown(part)}")
        if len(mine) >= 4 * len(sent):
            raise Wrong(f"process {me} of {len(sent)} has exchanged {len(mine)} times and does not end")
        mine.append((partner, part.clone()))
        number = sum(to == partner for to, _ in mine)
        answers = [each for to, each in sent[partner] if to == me]
        if len(answers) < number:
            waits[me] = partner
            raise _Waits
        return answers[number - 1].clone()
    return exchange


def _is_sum(result: Tensor, me: int, vectors: list[Tensor]) -> None:
    all_of_them, count = torch.stack(vectors), len(vectors)
    if torch.allclose(result, all_of_them.sum(0)):
        return
    who = f"process {me} of {count} "
    if torch.allclose(result, all_of_them.mean(0)):
        raise Wrong(f"{who}has the mean; the sum is asked")
    if torch.allclose(result, vectors[me]):
        raise Wrong(f"{who}ends with its own vector")
    times = torch.linalg.lstsq(all_of_them.T, result[:, None]).solution[:, 0]
    if count <= len(result) and torch.allclose(times, times.round(), atol=1e-6):
        number, other = next((n, k) for k, n in enumerate(times.round().tolist()) if n != 1)
        raise Wrong(f"{who}does not have every vector once in its sum: that of process {other} is " + {
            0: "missing from it", 2: "in it twice"}.get(number, f"in it {number:.0f} times"))
    raise Wrong(f"what process {me} of {count} has in the end is not the sum")
