"""Trainings that the book compares: each over several seeds, every result in a log.

A log is a JSON file in `logs/`, with an entry for each training; `python -m lenet_book measure NAME`
makes it again. Nothing is chosen by it: what a row uses was settled on validation digits, taken from
the training files, and the test error is measured once, with the weights that the last epoch ends with.
"""

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from pathlib import Path

import torch
from torch import nn

from . import __version__, mnist, models, storage
from .arguments import checked, text, whole
from .training import (
    RECIPES,
    Distortion,
    History,
    Recipe,
    Score,
    choose_device,
    distributed,
    evaluate,
    fit,
)

_VALIDATION = 5_000  # training digits
LOGS = files("lenet_book") / "logs"

# What networks are trained with that are to be compared: nothing in it belongs to one of them.
_COMMON = Recipe(learning_rate=0.01, weight_decay=0.01, batch_size=128, epochs=3)


@dataclass(frozen=True)
class Row:
    """One way to build and train a network.

    name: what a table calls it. model, options: for `models.build`. validation: do not train on the
    last 5,000 training digits, but measure the error on them after each epoch.
    """

    name: str
    model: str
    recipe: Recipe
    options: dict = field(default_factory=dict)
    validation: bool = False

    def build(self) -> torch.nn.Module:
        """A fresh network, its weights drawn from torch's global generator."""
        return models.build(self.model, **self.options)


@dataclass(frozen=True)
class Result:
    """What a row came to. errors: test error of each seed, 0 to 1. seconds: training, the median."""

    name: str
    parameters: int
    errors: tuple[float, ...]
    seconds: float

    @property
    def mean(self) -> float:
        """Mean test error over the seeds."""
        return statistics.mean(self.errors)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval for the mean of all seeds that there could be, by Student's t."""
        n = len(self.errors)
        if n < 2:
            raise ValueError(f"{self.name} was run with {n} seed: an interval needs two or more")
        from scipy.stats import t  # slow to import, and only an interval needs it
        reach = t.ppf(0.975, n - 1) * statistics.stdev(self.errors) / n**0.5
        return self.mean - reach, self.mean + reach

    def __str__(self) -> str:
        if len(self.errors) == 1:
            found = "1 seed"
        else:
            low, high = self.interval
            found = f"{low:.2%} to {high:.2%}, {len(self.errors)} seeds"
        return (f"{self.name:36} {self.mean:.2%} ({found}), {self.parameters:,} parameters, "
                f"{self.seconds:.0f} s")


@checked(seeds=whole(1, 1000), only=text)
def measure(name: str, seeds: int, folder: str | Path, only: str = "") -> list[Result]:
    """Run what the log in `folder` does not hold yet, writing after each training.

    name: a key of EXPERIMENTS. seeds: how many of each row, 0, 1, ... only: rows whose name holds this.
    An entry that was made with another recipe or network than the row has now is run again.
    Raises, before anything is run, KeyError for an unknown experiment, ValueError where no row has such
    a name or where the file is not a log, and OSError where it cannot be written, or another process
    is at work on it.
    """
    rows = [row for row in _rows(name) if only in row.name]
    if not rows:
        raise ValueError(f"no row of {name} has {only!r} in its name; there are "
                         f"{', '.join(row.name for row in _rows(name))}")
    folder = storage.expanded(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    with storage.alone(path):
        log = _read(path) if path.exists() else {"experiment": name, "trainings": []}
        storage.rehearse({path: _packed(log)})
        train, test = mnist.load_mnist()
        for seed in range(seeds):  # all rows with one seed before the next: a cut-off log compares
            for row in rows:
                if any(_is(entry, row, seed) for entry in log["trainings"]):
                    continue
                log["trainings"] = [entry for entry in log["trainings"]
                                    if (entry["row"], entry["seed"]) != (row.name, seed)]
                log["trainings"].append(run(row, seed, train, test))
                storage.write({path: _packed(log)})
                print(f"{row.name}, seed {seed}: {log['trainings'][-1]['test_error']:.2%}", flush=True)
    return results(name, folder)


def run(row: Row, seed: int, train, test) -> dict:
    """Train a row with one seed and return its entry for the log."""
    torch.manual_seed(seed)
    model, recipe = row.build(), replace(row.recipe, seed=seed)
    train, validation = train.split(len(train) - _VALIDATION) if row.validation else (train, None)
    history = fit(model, train, recipe, validation, progress=False)
    return {"row": row.name, "model": row.model, "options": row.options,
            "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            **record(recipe, train, history, evaluate(model, test))}


def record(recipe: Recipe, train, history: History, score: Score) -> dict:
    """How a training was made and what it came to, as JSON can hold it.

    train: the examples that were trained on. score: of the test digits.
    """
    return {"seed": recipe.seed, "recipe": _plain(recipe), "examples": len(train),
            "versions": {"lenet_book": __version__, "torch": torch.__version__,
                         "python": platform.python_version()},
            "machine": {"processor": platform.machine(), "cores": os.cpu_count(),
                        "threads": torch.get_num_threads(), "device": str(choose_device()),
                        "processes": distributed.size()},
            "test_error": score.error_rate, "test_error_interval": list(score.interval()),
            "test_errors": score.errors, "test_loss": score.loss,
            "epochs": [{name: value if value is None else round(value, 6)
                        for name, value in asdict(epoch).items()} for epoch in history.epochs]}


def results(name: str, folder: str | Path = LOGS) -> list[Result]:
    """What the log says of each row that it holds, in the order of the experiment.

    Raises KeyError for an unknown experiment, FileNotFoundError where there is no log, ValueError where
    the file is not a log.
    """
    rows = _rows(name)
    entries = _read(storage.expanded(folder) / f"{name}.json")["trainings"]
    found = []
    for row in rows:
        mine = [entry for entry in entries if entry["row"] == row.name]
        if mine:
            seconds = [sum(each["seconds"] for each in entry["epochs"]) for entry in mine]
            found.append(Result(row.name, mine[0]["parameters"],
                                tuple(entry["test_error"] for entry in mine),
                                statistics.median(seconds)))
    return found


def _rows(name: str) -> tuple[Row, ...]:
    if not isinstance(name, str) or name not in EXPERIMENTS:
        raise KeyError(f"no experiment is called {name!r}; there are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def _read(path: Path) -> dict:
    """A log from its file. Raises ValueError, naming what is wrong, where it is none."""
    number = int | float
    kinds = {"row": str, "model": str, "options": dict, "recipe": dict, "seed": int, "parameters": int,
             "test_error": number, "epochs": list}
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


def _packed(log: dict) -> bytes:
    return (json.dumps(log, indent=1) + "\n").encode()


def _is(entry: dict, row: Row, seed: int) -> bool:
    """Does the entry tell of this row, as it is now, with this seed?"""
    # What an entry leaves out are the defaults.
    recipe = _plain(Recipe(learning_rate=1.0)) | entry["recipe"] | {"seed": entry["seed"]}
    return ((entry["row"], entry["model"], entry["options"], recipe)
            == (row.name, row.model, row.options, _plain(replace(row.recipe, seed=seed))))


def _plain(recipe: Recipe) -> dict:
    """As JSON gives it back."""
    return json.loads(json.dumps(asdict(recipe)))


def _from_1998_to_today() -> tuple[Row, ...]:
    """Each row changes one thing of the row that it names, or of the one before it."""
    sdlm = Recipe(optimiser="sdlm", learning_rate=5e-5, batch_size=1, epochs=3,
                  schedule=((1, 0.2), (1, 1.0), (1, 0.2)))
    sgd = Recipe(optimiser="sgd", learning_rate=0.001, momentum=0.9, batch_size=64, epochs=3,
                 schedule="constant")
    adamw = _COMMON
    muon = replace(adamw, optimiser="muon", learning_rate=0.005, weight_decay=0.1)
    bend = Distortion(rotation=12, scale=0.12, shear=0.15, shift=2, elastic=0.04)

    def row(name: str, recipe: Recipe, **options) -> Row:
        return Row(name, "lenet5-variant", recipe, options)

    softmax = {"output": "softmax", "initial_weights": "torch"}
    relu = softmax | {"activation": "relu"}
    today = relu | {"pooling": "max", "connections": "dense"}
    return (
        row("1998, digit by digit with SDLM", sdlm),
        row("SGD with momentum, batches of 64", sgd),
        row("AdamW, one cycle, batches of 128", adamw),
        row("softmax for the RBF", adamw, output="softmax"),
        row("PyTorch's initial weights", adamw, **softmax),
        row("logistic for the scaled tanh", adamw, **softmax, activation="logistic"),
        row("plain tanh for the scaled tanh", adamw, **softmax, activation="tanh"),
        row("ReLU for the scaled tanh", adamw, **relu),
        row("average pooling for subsampling", adamw, **relu, pooling="average"),
        row("max pooling for average pooling", adamw, **relu, pooling="max"),
        row("dense C3 for the table", adamw, **today),
        row("BatchNorm", adamw, **today, batch_norm=True),
        row("distorted digits, without BatchNorm", replace(adamw, augmentation=bend), **today),
        row("Muon for AdamW", muon, **today),
    )


class _FromXavier(Row):
    """A row whose network begins with Xavier's weights (Glorot and Bengio 2010), PyTorch's biases."""

    def build(self) -> nn.Module:
        model = super().build()
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
        return model


def _which_lenet() -> tuple[Row, ...]:
    """The nets of `models.tutorials` without their mistakes: under one recipe, then under their own.

    lenet-batchnorm and lenet-tanh were published without a training.
    """
    nets = {"1998": ("lenet5-1998", {}), "BatchNorm": ("lenet-batchnorm", {}),
            "ReLU": ("lenet-relu", {}), "tanh": ("lenet-tanh", {}), "sigmoid": ("lenet-sigmoid", {}),
            "dense sigmoids": ("lenet-sigmoid", {"dense_sigmoids": True})}

    def row(name: str, how: str, recipe: Recipe, kind: type[Row] = Row) -> Row:
        model, options = nets[name]
        return kind(f"{name}, {how}", model, recipe, options)

    return (
        *(row(name, "same recipe", _COMMON) for name in nets),
        row("ReLU", "as published", RECIPES["tutorial-relu"]),
        row("sigmoid", "as published", RECIPES["tutorial-sigmoid"]),
        row("dense sigmoids", "as published", RECIPES["tutorial-d2l"], _FromXavier),
        row("dense sigmoids", "PyTorch's weights, waiting", RECIPES["tutorial-sigmoid"]),
    )


EXPERIMENTS: dict[str, tuple[Row, ...]] = {
    "fast": (Row("fast", "lenet5", RECIPES["fast"]),),
    "accurate": (Row("accurate", "lenet5", RECIPES["accurate"]),),
    "to-99": (Row("tutorial loop, SGD", "lenet-relu", replace(RECIPES["tutorial-relu"], epochs=30),
                  validation=True),
              Row("tutorial loop, Adam", "lenet-relu",
                  Recipe(optimiser="adam", learning_rate=1e-3, batch_size=64, epochs=10,
                         schedule="constant"), validation=True)),
    "paper-1998": tuple(Row(name, "lenet5-1998", RECIPES[name])
                        for name in ("paper-1998", "paper-1998-distorted")),
    "from-1998-to-today": _from_1998_to_today(),
    "which-lenet": _which_lenet(),
}
