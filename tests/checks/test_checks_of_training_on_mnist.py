"""Chapter 08's exercises: right answers, and wrong ones with words of the reason."""

from functools import partial
from math import log

import batched_errors
import numpy as np
import stopped_trainings
import torch
import torch.nn.functional as F
from every_exercise import *  # noqa: F403  the tests that the tables below are for

CHAPTER = 8


def chosen(numbers, labels):
    """Of each row that of its label."""
    return numbers[torch.arange(len(labels)), labels]


def by_difference(logits, labels, least=-torch.inf):
    shifted = logits - logits.amax(1, keepdim=True).clamp(least)
    return (shifted.exp().sum(1).log() - chosen(shifted, labels)).mean()


def by_hand(logits, labels):
    largest = logits.max(1).values
    of_sum = largest + torch.log(torch.exp(logits - largest[:, None]).sum(1))
    return (of_sum - logits.gather(1, labels[:, None])[:, 0]).mean().item()


def by_shifted_fraction(logits, labels):
    shifted = (logits - logits.amax(1, keepdim=True)).exp()
    return -chosen(shifted / shifted.sum(1, keepdim=True), labels).log().mean()


def by_one_hot(logits, labels):
    shifted = logits - logits.amax(1, keepdim=True)
    rows = F.one_hot(labels, logits.shape[1]).float()
    return (shifted.exp().sum(1).log() - torch.diagonal(shifted @ rows.T)).mean()


def one_by_one(logits, labels):
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        total += log(sum(2.718281828459045 ** (s - max(row)) for s in row)) + max(row) - row[label]
    return total / len(labels)


def by_probability(logits, labels):  # as the formula stands
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -p[torch.arange(len(labels)), labels].log().mean()


RIGHT = {
    "largest_error_count": [(77,), (77.0,), (torch.tensor(77),), (np.int64(77),)],
    "cross_entropy_by_hand": [(by_difference,), (by_hand,), (one_by_one,), (by_one_hot,),
                              (lambda s, y: by_difference(s.float(), y),)],
    "loss_and_error": batched_errors.RIGHT,
    "train_with_early_stopping": stopped_trainings.RIGHT,
}

WRONG = {  # (words that name the error, answer)
    "largest_error_count": [
        ("half an error", 76.5), ("95.7", 78), ("one error more", 76), ("with two errors more", 75),
        ("clearly better", 69), ("two of them", 85), ("113.4", 94), ("stay below it", 95),
        ("rate", 0.0077), ("its interval would end at 20.2", 13), ("number", "77"),
        ("finite", float("nan")), ("finite", 10**400)],
    "cross_entropy_by_hand": [
        ("in the thousands", by_probability), ("as a difference", by_shifted_fraction),
        ("logsumexp does", lambda s, y: (s.logsumexp(1) - chosen(s, y)).mean()),
        ("cross_entropy does", F.cross_entropy), ("cross_entropy does", torch.nn.CrossEntropyLoss()),
        ("log_softmax does", lambda s, y: F.nll_loss(s.log_softmax(1), y)),
        ("added up", lambda s, y: by_hand(s, y) * len(y)),
        ("N x K", lambda s, y: by_hand(s, y) / s.shape[1]),
        ("sign", lambda s, y: -by_hand(s, y)),
        ("dim 0", lambda s, y: -chosen(s.softmax(0), y).log().mean()),
        ("every label's column", lambda s, y: (s.exp().sum(1, True).log() - s[:, y]).mean()),
        ("base 10", lambda s, y: by_hand(s, y) / log(10)),
        ("base 2", lambda s, y: by_hand(s, y) / log(2)),
        ("right logit alone", lambda s, y: -chosen(s, y).mean()),
        ("sum alone", lambda s, y: s.exp().sum(1).log().mean()),
        ("minus the mean prob", lambda s, y: -chosen(s.softmax(1), y).mean()),
        ("1 minus", lambda s, y: 1 - chosen(s.softmax(1), y).mean()),
        ("mean probability", lambda s, y: chosen(s.softmax(1), y).mean()),
        ("after the logarithm", lambda s, y: -chosen(s.softmax(1), y).mean().log()),
        ("twice", lambda s, y: by_hand(s.softmax(1), y)),
        ("largest logit, whatever", lambda s, y: by_hand(s, s.argmax(1))),
        ("not from the right one", lambda s, y: (
            (s - s.amax(1, True)).exp().sum(1).log() - chosen(s, y)).mean()),
        ("not from those of the sum", lambda s, y: (
            s.exp().sum(1).log() - chosen(s - s.amax(1, True), y)).mean()),
        ("once more after the logarithm", lambda s, y: (
            (s - s.amax(1, True)).exp().sum(1).log() - s.amax(1) - chosen(s, y)).mean()),
        ("of each column", lambda s, y: by_difference(s - s.max(0).values, y)),
        ("the largest of a row", lambda s, y: by_probability(s - s.mean(1, True), y)),
        ("0 (its result must be finite", partial(by_difference, least=0)),
        ("number", lambda s, y: s.exp().sum(1).log() - chosen(s, y)),
        ("whatever it is given", lambda s, y: 2.3), ("return", print), ("function", 2.3),
        ("it raises", lambda s, y: s @ y),
        *[(f"about {small}, is added", lambda s, y, small=small: -(
            s.softmax(1).gather(1, y[:, None]) + small).log().mean())
          for small in (1e-12, 1e-9, 1e-6, 1e-4, 0.01)],
        *[(words, lambda s, y, small=small: -s.softmax(1).clamp(small)[range(len(y)), y].log().mean())
          for words, small in (("about 1e-09, is added inside the logarithm or replaces", 1e-9),
                               ("below 0.0001 are replaced", 1e-4), ("below 0.01 are", 0.01))],
        ("changes the logits", lambda s, y: by_hand(s.sub_(s.amax(1, True)), y))],
    "loss_and_error": batched_errors.WRONG,
    "train_with_early_stopping": stopped_trainings.WRONG,
}
EQUAL = {
    "cross_entropy_by_hand": {
        "shifted = logits - logits.amax(dim=-1, keepdim=True)": "of two axes 1 is the last",
        "of_right = shifted[torch.arange(len(logits)), labels]": "a label for each row of logits",
        "of_right = shifted[torch.arange(len(shifted)), labels]": "a label for each row of logits",
        "return (shifted.exp().sum(dim=-1).log() - of_right).mean()": "of two axes 1 is the last"},
    "loss_and_error": {
        "errors += (logits.argmax(dim=-1) != labels).sum().item()": "of two axes 1 is the last"},
}
