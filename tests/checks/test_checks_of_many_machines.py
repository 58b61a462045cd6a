"""Chapter 15's exercises: right answers, and wrong ones with words of the reason."""

import math

import numpy as np
import torch
from every_exercise import *  # noqa: F403  the tests that the tables below are for

CHAPTER = 15


def counts(n, w):
    return [n // w + (k < n % w) for k in range(w)]


def by_dealing(n, processes):
    hands = [0] * processes
    for digit in range(n):
        hands[digit % processes] += 1
    return [processes * hand / n for hand in hands]


def step(w, n, d, m):
    return math.ceil(n / w) * d + (m if w > 1 else 0)


def right(w, n, d, m):
    return n * d / step(w, n, d, m)


def timed(share=lambda w, n: math.ceil(n / w), meets=lambda w: w > 1,
          made=lambda one, work, met: one / (work + met)):
    """The factor with parts that are wrong: a share of digits, how often they meet, what is made."""
    return lambda w, n, d, m: made(n * d, share(w, n) * d, meets(w) * m)


def by_doubling(me, count, vector, exchange):
    for bit in range(count.bit_length() - 1):
        vector = vector + exchange(me ^ (1 << bit), vector)
    return vector


def by_halving(me, count, vector, exchange):
    """The farthest partner first."""
    distance = count // 2
    while distance:
        partner = me - distance if me // distance % 2 else me + distance
        vector = vector + exchange(partner, vector)
        distance //= 2
    return vector


def in_place(me, count, vector, exchange):
    if count > 1:
        half = 1
        while half < count:
            block = me // (2 * half) * 2 * half
            vector += exchange(block + (me - block + half) % (2 * half), vector)
            half *= 2
    return vector


def around(me, count, vector, exchange):
    """Every vector to everyone."""
    return vector + sum(exchange(me ^ other, vector) for other in range(1, count))


def at_the_first(me, count, vector, exchange):
    """Process 0 collects, and sends back; what it gets the second time is thrown away."""
    if me:
        exchange(0, vector)
        return exchange(0, vector)
    total = vector + sum(exchange(other, vector) for other in range(1, count))
    for other in range(1, count):
        exchange(other, total)
    return total


def to_the_right(me, count, vector, exchange):
    distance = 1
    while distance < count:
        vector = vector + exchange((me + distance) % count, vector)
        distance *= 2
    return vector


def neighbours(me, count, vector, exchange):
    for _ in range(count.bit_length() - 1):
        vector = vector + exchange(me ^ 1, vector)
    return vector


def pairs_only(me, count, vector, exchange):
    return vector + exchange(me ^ 1, vector) if count > 1 else vector


def own(me, count, vector, exchange):
    mine = vector
    for bit in range(count.bit_length() - 1):
        vector = vector + exchange(me ^ (1 << bit), mine)
    return vector


def only_the_first(me, count, vector, exchange):
    return by_doubling(me, count, vector, exchange) if me == 0 else vector


def forgets(me, count, vector, exchange):
    for bit in range(count.bit_length() - 1):
        exchange(me ^ (1 << bit), vector)
    return vector


def never_ends(me, count, vector, exchange):
    while True:
        vector = vector + exchange(me ^ 1, vector)


def prints(me, count, vector, exchange):
    print(by_doubling(me, count, vector, exchange))


def both(me, count, vector, exchange):
    for bit in range(count.bit_length() - 1):
        vector = vector + exchange(me ^ (1 << bit), torch.cat([vector, vector]))[:len(vector)]
    return vector


RIGHT = {
    "share_weights": [(by_dealing,), (lambda n, w: tuple(w * c / n for c in counts(n, w)),),
                      (lambda n, w: w * np.bincount(np.arange(n) % w, minlength=w) / n,),
                      (lambda n, w: w * torch.tensor(counts(n, w)).double() / n,)],
    "speedup": [(right,),
                (lambda w, n, d, m: 1.0 if w == 1 else n * d / (-(-n // w) * d + m),),
                (lambda w, n, d, m: n / (max(counts(n, w)) + (w > 1) * m / d),)],
    "all_reduce": [(by_doubling,), (by_halving,), (in_place,)],
}

WRONG = {  # (words that name the error, answer)
    "share_weights": [
        ("add up to W", lambda n, w: [c / n for c in counts(n, w)]),
        ("numbers of digits", counts), ("all weights are 1", lambda n, w: [1] * w),
        ("left out", lambda n, w: [w * (n // w) / n] * w),
        ("blocks", lambda n, w: [w * len(range(n)[k * -(-n // w):(k + 1) * -(-n // w)]) / n
                                 for k in range(w)]),
        ("reverse", lambda n, w: by_dealing(n, w)[::-1]),
        ("cannot be divided", lambda n, w: [n / w] * w),
        ("should be multiplied", lambda n, w: [c / n / w for c in counts(n, w)]),
        ("not always 2", lambda n, w: [2 * c / n for c in counts(n, w)]),
        ("by n is missing", lambda n, w: [w * c for c in counts(n, w)]),
        ("divide with /", lambda n, w: [w * c // n for c in counts(n, w)]),
        ("right for n = 13, processes = 2, but", lambda n, w: [14 / 13, 12 / 13]),
        ("as many weights as processes", lambda n, w: [w * c / n for c in counts(n, w) if c]),
        ("more than n digits", lambda n, w: [w * math.ceil(n / w) / n] * w),
        ("add up to n + 1", lambda n, w: [w * (n // w + (k <= n % w)) / n for k in range(w)]),
        *[(f"the {words} process has all", lambda n, w, which=which: [
            w * (n // w + (k == which % w) * (n % w)) / n for k in range(w)])
          for words, which in (("first", 0), ("last", -1))],
        ("turned over", lambda n, w: [n / (w * c) for c in counts(n, w)]),
        ("for n = 3, processes = 8",
         lambda n, w: [w * c / n for c in counts(n, w)] if n != 3 else [1.0] * w),
        ("generator", lambda n, w: (w * c / n for c in counts(n, w))),
        ("must be a number", lambda n, w: ["1"] * w),
        ("in a tuple or a list, not", lambda n, w: w / n),
        ("it raises", lambda n: [n]), ("return", print), ("must be a function", [1.077, 0.923]),
        ("must be a function", None)],
    "speedup": [
        ("meets nobody", timed(meets=lambda w: 1)), ("meeting is missing", timed(meets=lambda w: 0)),
        ("cannot be divided: ", timed(lambda w, n: n / w)),
        ("of the process with most digits; and one process alone", timed(
            lambda w, n: n / w, lambda w: 1)),
        ("round up, not down", timed(lambda w, n: n // w)),
        ("decides: round up", timed(lambda w, n: max(1, n // w))),
        *[("round up, not to the nearest", timed(lambda w, n, near=near: near(n / w)))
          for near in (round, lambda k: int(k + 0.5), lambda k: max(round(k), 1))],
        ("for processes = 4, batch = 1", timed(lambda w, n: n // w + (n % w > 1))),  # one is forgotten
        *[("right for processes = 2, batch = 128", timed(lambda w, n, up=up: up(n / w)))
          for up in (lambda k: round(k + 0.5), lambda k: int(k + 0.9), lambda k: int(k + 0.99))],
        ("cannot be divided: round up, what", timed(lambda w, n: max(1, n / w))),
        ("too many where the batch divides", timed(lambda w, n: n // w + 1)),
        ("too many where the processes divide", timed(lambda w, n: n // w + (w > 1))),
        ("here one has all", timed(lambda w, n: n // w + n % w)),
        ("the processes by the batch", timed(lambda w, n: math.ceil(w / n))),
        ("not shared out", timed(lambda w, n: n)),
        *[(f"the same with any number of processes, and here {words}", timed(meets=times))
          for words, times in (
              ("it grows with log2(W)", math.log2),
              ("it is that of each pair", lambda w: w * (w - 1) / 2),
              ("it grows with log2(W), rounded up", lambda w: (w - 1).bit_length()),
              ("it is 2 (W - 1) / W times as long, as what a ring sends", lambda w: 2 * (w - 1) / w),
              ("it grows with the root of their", lambda w: (w > 1) * w**0.5),
              ("it is 2 W times", lambda w: (w > 1) * 2 * w))],
        ("all all-reduces of a step", timed(meets=lambda w: 2 * (w > 1))),
        ("the same with any number of processes above", timed(meets=lambda w: w - 1)),
        ("however many meet", timed(meets=lambda w: (w > 1) / w)),
        ("rounds of a ring", timed(meets=lambda w: 2 * (w - 1))),
        ("two processes meet", timed(meets=lambda w: w > 2)),
        ("other way round", timed(meets=lambda w: w == 1)),
        ("even if the batch divides",
         lambda w, n, d, m: n * d / (math.ceil(n / w) * d + m * (n % w > 0))),
        ("time of a step", step), ("turned over", lambda *case: 1 / right(*case)),
        ("one process alone meets nobody; and that is the time of a step", timed(
            meets=lambda w: 1, made=lambda one, work, met: work + met)),
        ("one process has no meeting", lambda w, n, d, m: (n * d + m) / step(w, n, d, m)),
        ("in the numerator", lambda w, n, d, m: (n * d + m) / (math.ceil(n / w) * d + m)),
        ("a batch of one digit for each", lambda w, n, d, m: w / (1 + m / d * (w > 1))),
        ("one digit for each, and one", lambda w, n, d, m: w / (1 + m / d)),
        ("not one a digit", lambda w, n, d, m: n * d / (math.ceil(n / w) * (d + m * (w > 1)))),
        ("time saved", timed(made=lambda one, work, met: one - work - met)),
        ("two times add up", timed(made=lambda one, work, met: one / max(work, met))),
        ("number of processes", lambda w, n, d, m: w),
        *[(words, lambda *case, made=made: made(right(*case))) for words, made in (
            ("to a whole", round), ("rounded down", int), ("to one digit", lambda k: round(k, 1)),
            ("to two digits", lambda k: round(k, 2)), ("to three digits", lambda k: round(k, 3)),
            ("below 1", lambda k: max(1, k)), ("saved; by", lambda k: 1 - 1 / k),
            ("saved, in %", lambda k: 100 - 100 / k), ("by how many %", lambda k: 100 * k - 100),
            ("do not subtract 1", lambda k: k - 1), ("in %", lambda k: 100 * k))],
        *[(words, lambda w, n, d, m, met=met: n * d / math.ceil(n / w) * d + m * met(w))
          for words, met in (("is ((a / b) * c) + e", lambda w: w > 1),
                             ("+ e, and one process", lambda w: 1),
                             ("is (a / b) * c, and", lambda w: 0))],
        ("is (a / b) + e", timed(made=lambda one, work, met: one / work + met)),
        ("one process alone meets nobody; and brackets are missing", timed(
            meets=lambda w: 1, made=lambda one, work, met: one / work + met)),
        ("taken from the factor", timed(made=lambda one, work, met: one / work - met)),
        ("is subtracted", timed(made=lambda one, work, met: one / (work - met))),
        ("decides: round up; and the meeting is missing", timed(
            lambda w, n: max(1, n // w), lambda w: 0)),
        ("of the process with most digits; and that is in %", timed(
            lambda w, n: n / w, made=lambda one, work, met: 100 * one / (work + met))),
        ("divided by the number of processes", lambda w, *rest: right(w, *rest) / w),
        ("times the number of processes", lambda w, *rest: right(w, *rest) * w),
        ("milliseconds are added", lambda w, n, d, m: n / (math.ceil(n / w) + m * (w > 1))),
        ("the whole batch, not one digit", lambda w, n, d, m: d / step(w, n, d, m)),
        ("not its milliseconds", lambda w, n, d, m: n * d / (math.ceil(n * d / w) + m * (w > 1))),
        ("`digit` and `meeting` are ex", lambda w, n, d, m: right(w, n, m, d)),
        ("`processes` and `batch` are ex", lambda w, n, d, m: right(n, w, d, m)),
        ("itself, not 0", lambda w, *rest: right(w, *rest) if w > 1 else 0),
        ("itself, not its time", lambda w, n, d, m: right(w, n, d, m) if w > 1 else n * d),
        ("whatever it is given", lambda w, n, d, m: 1.8), ("must be a number", lambda *case: "2"),
        ("must be a function", 1.8), ("return", print)],
    "all_reduce": [
        ("exchanges 3 times, where log2(4) = 2", around), ("exchange", at_the_first),
        ("all wait: process 0 for 1", to_the_right), ("once in its sum", neighbours),
        ("once in its sum: that of process", own), ("which has returned", only_the_first),
        ("own vector", forgets), ("does not end", never_ends), ("prints its result", prints),
        ("longer than a vector", both), ("the mean", lambda *a: by_doubling(*a) / a[1]),
        ("itself", lambda me, count, vector, exchange: vector + exchange(me, vector)),
        ("and they are 0 to 1", lambda me, count, vector, exchange: vector + exchange(me + 1, vector)),
        ("sends must be a tensor",
         lambda me, count, vector, exchange: exchange(1 - me, vector.tolist())),
        ("must be a whole number", lambda me, count, vector, exchange: exchange(0.5, vector)),
        ("only process 0", lambda me, count, vector, exchange: vector + exchange(me ^ 1, vector)),
        ("that of process 2 is missing from it", pairs_only),
        ("that of process 1 is in it twice", lambda me, _, vector, exchange: vector + 2 * exchange(
            1 - me, vector)),
        ("that of process 1 is in it 3 times", lambda me, _, vector, exchange: vector + 3 * exchange(
            1 - me, vector)),
        ("own vector", lambda me, count, vector, exchange: vector), ("is not the sum",
         lambda *a: by_doubling(*a).abs()), ("must be a tensor", lambda *a: by_doubling(*a).tolist()),
        ("5 numbers, not", lambda *a: by_doubling(*a).sum()), ("must be a function", None),
        ("it raises", lambda me, count, vector: vector)],
}

EQUAL = {
    "speedup": {"if processes != 1:": "there is no number of processes below 1"},
    "all_reduce": {"while distance != count:": "both are powers of 2"},
}
