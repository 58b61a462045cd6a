"""Chapter 06's exercises: right answers, and wrong ones with words of the reason."""

import layers_by_table
import numpy as np
import torch
import torch.nn.functional as F
import whole_nets
from every_exercise import *  # noqa: F403  the tests that the tables below are for

from lenet_book import layers, paper

CHAPTER = 6
RING = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]


def distances(f6, codes):
    return torch.cdist(f6, codes) ** 2


def of_right(f6, codes, labels):
    return ((f6 - codes[labels]) ** 2).sum(1)


def by_cross_entropy(f6, codes, labels, j):
    y = distances(f6, codes)
    return F.cross_entropy(torch.cat([torch.full((len(y), 1), -float(j), dtype=y.dtype), -y], 1),
                           labels + 1)


def by_pictures(f6, codes, labels, j):
    losses = []
    for picture, label in zip(f6, labels, strict=True):
        y = ((picture - codes) ** 2).sum(1)
        losses.append(torch.logsumexp(torch.cat([y[label] - y, y[label:label + 1] - j]), 0))
    return torch.stack(losses).mean()


def by_logaddexp(f6, codes, labels, j):
    y = (f6.unsqueeze(1) - codes).pow(2).sum(-1)
    rubbish = torch.tensor(-j, dtype=y.dtype)
    return (y[torch.arange(len(y)), labels] + torch.logaddexp(rubbish, torch.logsumexp(-y, 1))).mean()


def formula(f6, codes, labels, j, squares=lambda d: (d ** 2).sum(2), rubbish=None):
    """As it stands in the book, with mistakes as options."""
    y = squares(f6[:, None] - codes)
    rubbish = torch.exp(torch.tensor(-j)) if rubbish is None else rubbish
    return (y[range(len(y)), labels] + torch.log(rubbish + torch.exp(-y).sum(1))).mean()


def stable(f6, codes, labels, j):
    return by_cross_entropy(f6, codes, labels, j)


def without_the_smallest(f6, codes, labels, j):
    """The smallest distance is taken out of the sum, whatever j is."""
    y = (f6[:, None] - codes).square().sum(2)
    least = y.amin(1)
    of_sum = torch.log(torch.exp(least - j) + torch.exp(least[:, None] - y).sum(1))
    return (y[range(len(y)), labels] - least + of_sum).mean()


def without_rubbish(f6, codes, labels, j):
    """j is taken out of the sum, however small the distances are."""
    y = (f6[:, None] - codes).square().sum(2)
    return (y[range(len(y)), labels] - j + torch.log(1 + torch.exp(j - y).sum(1))).mean()


RIGHT = {
    "lost_since_1998": [((900, -44, 850),), ([900.0, -44.0, 850.0],),
                        (torch.tensor([900, -44, 850]),), (np.array([900, -44, 850]),)],
    "table_of_pairs": [(RING,), ([list(pair[::-1]) for pair in RING],), (torch.tensor(RING),),
                       (tuple(RING[::-1]),)],
    "table_layer": layers_by_table.RIGHT,
    "map_criterion": [(by_cross_entropy,), (by_pictures,), (by_logaddexp,)],
    "whole_lenet5": whole_nets.RIGHT,
}

WRONG = {  # (words that name the error, answer)
    "lost_since_1998": [
        ("a negative number", (900, 44, 850)), ("S4 is there as well", (900, -12, 850)),
        ("S2 is there as well", (900, -32, 850)), ("coefficient and a bias", (900, -22, 850)),
        ("coefficient and a bias for each map", (900, 0, 850)), ("how many more", (2416, -44, 850)),
        ("sign is turned over", (-900, -44, 850)), ("how many numbers", (36, -44, 850)),
        ("biases", (900, -44, 840)), ("fixed", (900, -44, 10)),
        ("none that are trained", (900, -44, 0)), ("not in the order", (850, -44, 900)),
        ("3 values in a tuple", 1706), ("3 values, not 2", (900, 850)),
        ("C3: not 901", (901, -44, 850)), ("replace the dots", (900, -44, ...)),
        ("at C3 must be a number", ("900", -44, 850)), ("finite", (900, float("nan"), 850))],
    "table_of_pairs": [
        ("map 6, and", [(c, c + 1) for c in range(6)]),
        ("map 6, and", [(c, c + 1) for c in range(1, 7)]),
        ("map -1, and", [(c - 1, c) for c in range(6)]), ("twice", [(c, c) for c in range(6)]),
        ("no neighbours", [(c, (c + 2) % 6) for c in range(6)]), ("the same two", RING[:5] + [(1, 0)]),
        ("6 values, not 5", RING[:5]), ("6 values, not 16", paper.C3_CONNECTIONS),
        ("2 values, not 3", [(c, (c + 1) % 6, (c + 2) % 6) for c in range(6)]),
        ("2 values in a tuple", [1, 2, 3, 4, 5, 0]), ("generator", (pair for pair in RING)),
        ("whole number", [(0.5, 1.5)] * 6), ("must be a number", [("0", "1")] * 6),
        ("6 values in a tuple", "011223"), ("6 values in a tuple", None)],
    "table_layer": layers_by_table.WRONG,
    "map_criterion": [
        ("distances and j are some thousands it gives -inf, not", formula),
        ("where the distances are some thousands it gives inf, not", without_the_smallest),
        ("where j is some thousands it gives inf, not", without_rubbish),
        ("each e^ is 0 there", lambda f, c, d, j: formula(
            f, c, d, j, rubbish=1e-15 + torch.exp(torch.tensor(-j)))),
        ("stand e^y and e^j", lambda f, c, d, j: formula(
            f, c, d, -j, lambda x: -x.square().sum(2)) + 2 * of_right(f, c, d).mean()),
        ("j is 3, whatever", lambda f, c, d, j: stable(f, c, d, 3)),
        ("j is 1, whatever", lambda f, c, d, j: stable(f, c, d, 1)),
        ("map_loss does the work", lambda f, c, d, j: layers.map_loss(
            distances(f, c), d, j)),
        ("sums of squares, without a root", lambda f, c, d, j: formula(
            f, c, d, j, lambda x: x.square().sum(2).sqrt())),
        ("averaged over the numbers of F6", lambda f, c, d, j: formula(
            f, c, d, j, lambda x: x.square().mean(2))),
        ("not squared", lambda f, c, d, j: formula(f, c, d, j, lambda x: x.abs().sum(2))),
        ("rubbish is missing", lambda f, c, d, j: F.cross_entropy(-distances(f, c), d)),
        ("not the sum of the logarithms", lambda f, c, d, j: (
            of_right(f, c, d) - j + torch.logsumexp(-distances(f, c), 1)).mean()),
        ("not the sum of the logarithms", lambda f, c, d, j: (
            F.cross_entropy(-distances(f, c), d) + torch.log(torch.exp(torch.tensor(-j))))),
        ("labels still count from 0", lambda f, c, d, j: stable(f, c, d - 1, j)),
        ("labels still count from 0", lambda f, c, d, j: (lambda y: (
            y.gather(1, d[:, None])[:, 0] + torch.logsumexp(-y, 1)).mean())(
                F.pad(distances(f, c), (1, 0), value=j))),
        ("stands j", lambda f, c, d, j: formula(f, c, d, j, rubbish=torch.tensor(j))),
        ("rubbish has e^j", lambda f, c, d, j: stable(f, c, d, -j)),
        ("second term is missing", lambda f, c, d, j: of_right(f, c, d).mean()),
        ("first term is missing",
         lambda f, c, d, j: stable(f, c, d, j) - of_right(f, c, d).mean()),
        ("should be averaged", lambda f, c, d, j: len(f) * stable(f, c, d, j)),
        ("for each picture", lambda f, c, d, j: torch.stack([
            stable(f[i:i + 1], c, d[i:i + 1], j) for i in range(len(f))])),
        ("every label's column", lambda f, c, d, j: (lambda y: (y[:, d] + torch.logaddexp(
            torch.tensor(-j), torch.logsumexp(-y, 1))).mean())(distances(f, c))),
        ("every label's column", lambda f, c, d, j: (lambda y: (y[:, d] + torch.logaddexp(
            torch.tensor(-j), torch.logsumexp(-y, 1))[:, None]).mean())(distances(f, c))),
        ("nearest code's distance", lambda f, c, d, j: stable(f, c, torch.cdist(f, c).argmin(1), j)),
        ("sign is turned over", lambda *case: -stable(*case)),
        ("must be a tensor", lambda *case: stable(*case).item()),
        ("no gradient reaches F6", lambda *case: stable(*case).detach()),
        ("gradient that goes back", lambda f, c, d, j: stable(f, c, d, j) + f.sum() - f.detach().sum()),
        ("changes the f6", lambda f, c, d, j: stable(f.mul_(2), c, d, j)),
        ("it raises", lambda f, c, d, j: stable(c, f, d, j)), ("whatever it is given",
                                                              lambda *case: torch.tensor(1.0)),
        ("must be a function", torch.tensor(3.0)), ("return", print)],
    "whole_lenet5": whole_nets.WRONG,
}


RING_TOO = "which neighbour, and which of the two stands first, is the reader's choice"
LAST = "of two axes the last is axis 1"
EQUAL = {
    "table_of_pairs": {f"my_table_solution = [{pair} for c in range(6)]": RING_TOO for pair in (
        "((c + 1) % 6, c)", "(c, (c - 1) % 6)", "(c, (c + -1) % 6)")},
    "map_criterion": {
        "exponents = torch.cat([torch.full_like(right, -j), -y], dim=-1)": LAST,
        "return (right[:, 0] + exponents.logsumexp(dim=-1)).mean()": LAST},
}
