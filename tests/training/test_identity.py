"""Nets that compute something else are told apart, also where their weights have the same shapes."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_book import models
from lenet_book.training.identity import describe, differences


class Net(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.activation, self.out = activation, nn.Linear(4, 2)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.activation(self.out(x))


class Other(Net):
    def forward(self, x):
        return -super().forward(x)


class Boxed(nn.Identity):
    def extra_repr(self):
        return repr(object())  # with its address


DIFFERENT = [*(make for name, make in models.MODELS.items() if name.startswith("lenet")),
             lambda: models.build("lenet-sigmoid", dense_sigmoids=True),
             lambda: models.build("lenet5-variant", activation="tanh"),
             lambda: Net(torch.tanh), lambda: Net(F.relu), lambda: Other(F.relu),
             lambda: Net(F.relu).double(), lambda: Net(nn.ReLU()),
             lambda: Net(nn.LeakyReLU(0.1)), lambda: Net(nn.LeakyReLU(0.2)),
             lambda: nn.Sequential(nn.ReLU(), nn.Tanh()), lambda: nn.Sequential(nn.Tanh(), nn.ReLU())]


def test_every_two_of_these_nets_differ():
    for one, other in itertools.combinations([describe(make()) for make in DIFFERENT], 2):
        assert one != other and differences(one, other)


@pytest.mark.parametrize("make", [*DIFFERENT, Boxed, lambda: nn.LazyLinear(3)])
def test_a_net_made_again_or_trained_is_the_same(make):
    net, other = make(), make()
    other.calls = 7
    assert describe(net) == describe(other.eval())
    assert not differences(describe(net), describe(other))


def test_differences_are_named_and_not_all_of_many():
    assert differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "d": 4}) == (
        "b: 2 -> 5; c: 3 -> none; d: none -> 4")
    assert differences(dict.fromkeys("abcdef", 1), {}) == (
        "a: 1 -> none; b: 1 -> none; c: 1 -> none; d: 1 -> none; and 2 more")
