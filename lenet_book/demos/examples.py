"""The digits that the demos show."""

from functools import cache

from .. import mnist


@cache
def test_digits() -> mnist.Digits:
    """All 10,000 of the test set."""
    return mnist.load_mnist()[1]


@cache
def ten_digits() -> mnist.Digits:
    """The first 0, the first 1, ... the first 9 of the test set, in this order."""
    test = test_digits()
    return test[[(test.labels == digit).nonzero()[0, 0].item() for digit in range(10)]]
