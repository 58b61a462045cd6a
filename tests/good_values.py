"""A good call of a function: good values, and the kinds of wrong_values.py that may stand there."""

from collections.abc import Callable
from inspect import signature
from pkgutil import resolve_name
from typing import NamedTuple

import torch


class Good(NamedTuple):
    """A good value, and the kinds of tests/wrong_values.py that may stand in its place."""

    value: object
    takes: frozenset = frozenset()
    untried: frozenset = frozenset()


class Call:
    """A function with good arguments, by their names; those that are True or False have a default."""

    def __init__(self, function: Callable, /, **arguments):
        self.function = function
        flags = {name: flag(one.default) for name, one in signature(function).parameters.items()
                 if one.annotation is bool}
        self.arguments = {name: one if isinstance(one, Good) else Good(one)
                          for name, one in (flags | arguments).items()}

    def __call__(self, **replaced):
        values = {name: good.value for name, good in self.arguments.items()}
        return self.function(**values | replaced)


def named(name):
    """What the package calls so, such as "training.muon.Muon"."""
    module, _, word = name.rpartition(".")
    return resolve_name(f"lenet_book.{module}:{word}")


def good(**arguments):
    """Good arguments of a function."""
    return arguments


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


def flag(value):
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
