"""A good call of a function: good values, and the kinds of wrong_values.py that may stand there."""

from collections.abc import Callable
from typing import NamedTuple

import torch


class Good(NamedTuple):
    """A good value, and the kinds of tests/wrong_values.py that may stand in its place."""

    value: object
    takes: frozenset = frozenset()
    untried: frozenset = frozenset()


class Call:
    """A function with good arguments, by their names."""

    def __init__(self, function: Callable, /, **arguments):
        self.function = function
        self.arguments = {name: one if isinstance(one, Good) else Good(one)
                          for name, one in arguments.items()}

    def __call__(self, **replaced):
        values = {name: good.value for name, good in self.arguments.items()}
        return self.function(**values | replaced)


def size(value):
    return Good(value, {"huge"})  # a length from 1, pixels


def count(value):
    return Good(value, {"zero"})  # of things, or a share


def padding(value):
    return Good(value, {"zero", "huge"})


def length(value):
    return Good(value, {"fraction", "Fraction"})


def perhaps_none(value):
    return Good(value, {"empty list", "empty tuple", "empty range", "empty tensor"})


def texts(value):
    return Good(value, perhaps_none(value).takes | {"array of strings"})


def flag(value=False):
    return Good(value, {"True", "False"})


def positive(value):
    return Good(value, {"huge", "fraction", "Fraction"})


def limit(value):
    return Good(value, {"zero", "huge", "fraction", "Fraction"})


def text(value):
    return Good(value, {"string"})


def title(value):
    return Good(value, {"string", "empty string", "NUL"})


def optional(good):
    good = good if isinstance(good, Good) else Good(good)
    return good._replace(takes=good.takes | {"None"})


def batch(value):
    return Good(value, {"one axis less", "no examples"})


def function(value):
    return Good(value, untried={"class", "function", "module"})  # these can be called as well


def ramp(*shape):
    """Whole numbers that every dtype holds, and whose means over 2 x 2 windows are whole as well."""
    return 2 * torch.arange(float(torch.Size(shape).numel())).view(shape) % 64
