"""The digits that the demos show, and the trained nets that read them."""

import time
from functools import cache
from itertools import count

import torch
from torch import nn

from .. import mnist
from ..models import pretrained


@cache
def test_digits() -> mnist.Digits:
    """All 10,000 of the test set."""
    return mnist.load_mnist()[1]


@cache
def ten_digits() -> mnist.Digits:
    """The first 0, the first 1, ... the first 9 of the test set, in this order."""
    test = test_digits()
    return test[[(test.labels == digit).nonzero()[0, 0].item() for digit in range(10)]]


@cache
def normal_numbers() -> torch.Tensor:
    """28 x 28 from the normal distribution, always the same ones: a noise that stands still."""
    generator = torch.Generator("cpu").manual_seed(0)
    return torch.empty(28, 28, dtype=torch.float32, device="cpu").normal_(generator=generator)


_own: dict[str, nn.Module] = {}  # nets of learners, see `own`
_OWN = "your-own-"
_numbers = count(time.time_ns())  # in no other kernel either: a page keeps what it has of a name


def adopted(net: nn.Module) -> str:
    """From now on `trained` finds this net by the name that is given back."""
    name = f"{_OWN}{next(_numbers)}"
    _own[name] = net
    return name


def is_own(net: str) -> bool:
    """Whether that is the name of a learner's own net."""
    return net.startswith(_OWN)


@cache
def trained(net: str) -> nn.Module:
    """The pretrained net of that name, in single precision on the CPU, whatever torch's defaults."""
    if is_own(net):
        return _own[net]
    # Its first random weights shall not be felt elsewhere.
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        return pretrained(net).float()
