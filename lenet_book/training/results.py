"""What a training and a measurement came to."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Score:
    """How a network did on a set of examples.

    error_rate: share of wrong answers, 0 to 1. loss: mean over the examples.
    predictions: int64, one class for each example, in the examples' order.
    """

    error_rate: float
    loss: float
    predictions: Tensor

    def __post_init__(self):
        if not len(self.predictions):
            raise ValueError("a score is of one example or more, and there are no predictions")

    @property
    def errors(self) -> int:
        """Number of wrong answers."""
        return round(self.error_rate * len(self.predictions))

    def interval(self) -> tuple[float, float]:
        """95 % binomial interval for the true error rate, that of all digits that there could be.

        Source: Wilson 1927; it stays inside 0 to 1 and holds up near 0, where the textbook
        p +- z sqrt(p (1 - p) / n) does not.
        """
        n, p = len(self.predictions), self.error_rate
        z = NormalDist().inv_cdf(0.975)
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(centre - reach, 0.0), min(centre + reach, 1.0)

    def __repr__(self) -> str:
        low, high = self.interval()
        return (f"error {self.error_rate:.2%} ({self.errors:,} of {len(self.predictions):,} wrong; "
                f"95 % interval {low:.2%} to {high:.2%}), loss {self.loss:.4f}")


@dataclass(frozen=True)
class Epoch:
    """One epoch: every example of the training set once.

    train_loss, train_error: means over the epoch, measured on the fly while the weights still
    change, as in the paper; the first epoch therefore looks worse than the net it ends with.
    validation_loss, validation_error: after the epoch, on the validation set, which is not trained on.
    """

    number: int
    train_loss: float
    train_error: float
    validation_loss: float | None
    validation_error: float | None
    seconds: float

    def __repr__(self) -> str:
        measured = f"training loss {self.train_loss:.4f}, error {self.train_error:.2%}"
        if self.validation_error is not None:
            measured += (f"; validation loss {self.validation_loss:.4f}, "
                         f"error {self.validation_error:.2%}")
        return f"epoch {self.number}: {measured}; {self.seconds:.1f} s"


@dataclass
class History:
    """What happened in each epoch. Shows itself as a curve in a notebook.

    threads: on how many a CPU computed it (see `speed`), in the end.
    """

    epochs: list[Epoch] = field(default_factory=list)
    threads: int | None = None

    @property
    def seconds(self) -> float:
        """Training time, all epochs together."""
        return sum(epoch.seconds for epoch in self.epochs)

    def plot(self):
        """Training and validation error against the epoch, as a matplotlib Figure."""
        from .. import plots  # only those who look at a curve pay for matplotlib
        errors = {"training, on the fly": [100 * e.train_error for e in self.epochs],
                  "validation": [100 * e.validation_error for e in self.epochs
                                 if e.validation_error is not None]}
        return plots.curves({"epoch": (range(1, len(self.epochs) + 1), errors)}, "error, %", log=True)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.plot()._repr_mimebundle_() if self.epochs else {"text/plain": repr(self)}

    def __repr__(self) -> str:
        if not self.epochs:
            return "no epoch yet"
        last = self.epochs[-1]
        measured = f"training error {last.train_error:.2%}, loss {last.train_loss:.4f}"
        if last.validation_error is not None:
            measured += f"; validation error {last.validation_error:.2%}"
        return f"{last.number} epochs in {self.seconds:.0f} s; in the last {measured}"
