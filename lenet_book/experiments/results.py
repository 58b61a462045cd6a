"""What the logs say: errors over several seeds, and whether two rows differ."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from .. import storage
from .rows import rows_of

LOGS = files("lenet_book") / "logs"


@dataclass(frozen=True)
class Result:
    """What a row came to.

    errors: test error of each seed, 0 to 1, in the order of the seeds. seconds: training, the median.
    train_errors: the trained nets' errors on what they were trained on, and macs: multiply-adds of one
    example; both empty or None in logs that do not have them.
    """

    name: str
    parameters: int
    errors: tuple[float, ...]
    seconds: float
    train_errors: tuple[float, ...] = ()
    macs: int | None = None

    @property
    def mean(self) -> float:
        """Mean test error over the seeds."""
        return statistics.mean(self.errors)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval for the mean of all seeds that there could be, by Student's t."""
        return _interval(self.name, self.errors, 0.05)

    def minus(self, other: "Result", comparisons: int = 1) -> "Difference":
        """How much larger this row's test error is, with the same seeds, than the other's.

        comparisons: how many are made in all; the interval is widened so that 95 % of such tables
        have no interval beside the truth (Bonferroni).
        Raises ValueError where the two have not the same number of seeds, or only one.
        """
        if len(self.errors) != len(other.errors):
            raise ValueError(f"{self.name} was run with {len(self.errors)} seeds, {other.name} with "
                             f"{len(other.errors)}: pairs need the same")
        pairs = [mine - others for mine, others in zip(self.errors, other.errors, strict=True)]
        low, high = _interval(f"{self.name} against {other.name}", pairs, 0.05 / comparisons)
        return Difference(statistics.mean(pairs), low, high, len(pairs))

    def __str__(self) -> str:
        if len(self.errors) == 1:
            found = "1 seed"
        else:
            low, high = self.interval
            found = f"{low:.2%} to {high:.2%}, {len(self.errors)} seeds"
        return (f"{self.name:36} {self.mean:.2%} ({found}), {self.parameters:,} parameters, "
                f"{self.seconds:.0f} s")


@dataclass(frozen=True)
class Difference:
    """Mean difference of two rows' test errors over pairs of seeds, and its interval. All 0 to 1."""

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        mean, low, high = (100 * value for value in (self.mean, self.low, self.high))
        return f"{mean:+.1f} points ({low:+.1f} to {high:+.1f}, {self.pairs} pairs)"


def results(name: str, folder: str | Path = LOGS) -> list[Result]:
    """What the log says of each row that it holds, in the order of the experiment.

    Raises KeyError for an unknown experiment, FileNotFoundError where there is no log, ValueError where
    the file is not a log.
    """
    rows = rows_of(name)
    entries = read(storage.expanded(folder) / f"{name}.json")["trainings"]
    found = []
    for row in rows:
        mine = sorted((entry for entry in entries if entry["row"] == row.name),
                      key=lambda entry: entry["seed"])
        if mine:
            seconds = [sum(each["seconds"] for each in entry["epochs"]) for entry in mine]
            found.append(Result(row.name, mine[0]["parameters"],
                                tuple(entry["test_error"] for entry in mine),
                                statistics.median(seconds),
                                tuple(entry["train_error"] for entry in mine
                                      if "train_error" in entry), mine[0].get("macs")))
    return found


def read(path: Path) -> dict:
    """A log from its file. Raises ValueError, naming what is wrong, where it is none."""
    number = int | float
    kinds = {"row": str, "model": str, "options": dict, "recipe": dict, "seed": int, "parameters": int,
             "test_error": number, "epochs": list, "examples": int}
    try:
        log = json.loads(path.read_bytes())
        for place, entry in enumerate(log["trainings"]):
            for key, kind in kinds.items():
                if not isinstance(entry[key], kind):
                    raise TypeError(f"{key} of training {place} is {entry[key]!r}")
            if not all(isinstance(epoch["seconds"], number) for epoch in entry["epochs"]):
                raise TypeError(f"an epoch of training {place} has no seconds")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is not a log of trainings ({type(error).__name__}: {error}); move it "
                         "away, or give another folder") from error
    return log

def _interval(name: str, values: Sequence[float], level: float) -> tuple[float, float]:
    """Where the mean of all seeds that there could be lies, but for a share `level`: Student's t."""
    n = len(values)
    if n < 2:
        raise ValueError(f"{name} was run with {n} seed: an interval needs two or more")
    from scipy.special import stdtrit  # the quantiles of t: scipy.stats has them too, in 50 MB more
    reach = stdtrit(n - 1, 1 - level / 2) * statistics.stdev(values) / n**0.5
    return statistics.mean(values) - reach, statistics.mean(values) + reach
