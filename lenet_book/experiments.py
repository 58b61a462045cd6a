"""Trainings that the book compares: each over several seeds, every result in a log.

A log is a JSON file in `logs/`, with an entry for each training; `python -m lenet_book measure NAME`
makes it again. Nothing is chosen by it: what a row uses was settled on digits held out of the training
files, and the test error is taken once, from the weights that the last pass ends with.
"""

import json
import math
import os
import platform
import statistics
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from pathlib import Path

import torch
from torch import nn

from . import __version__, mnist, models
from .training import RECIPES, Distortion, Recipe, evaluate, fit

_HELD_OUT = 5_000  # training digits
LOGS = files("lenet_book") / "logs"

# What networks are trained with that are to be compared: nothing in it belongs to one of them.
_COMMON = Recipe(learning_rate=0.01, weight_decay=0.01, batch_size=128, epochs=3)

# 97.5 % points of Student's t for 1, 2, ... degrees of freedom.
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
            2.145, 2.131, 2.120, 2.110, 2.101, 2.093)


@dataclass(frozen=True)
class Row:
    """One way to build and train a network.

    name: what a table calls it. model, options: for `models.build`. held_out: leave the last 5,000
    training digits out and measure them after each pass.
    """

    name: str
    model: str
    recipe: Recipe
    options: dict = field(default_factory=dict)
    held_out: bool = False

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
        reach = _STUDENT[n - 2] * statistics.stdev(self.errors) / math.sqrt(n)
        return self.mean - reach, self.mean + reach

    def __str__(self) -> str:
        low, high = self.interval
        return (f"{self.name:36} {self.mean:.2%} ({low:.2%} to {high:.2%}, {len(self.errors)} seeds), "
                f"{self.parameters:,} parameters, {self.seconds:.0f} s")


def measure(name: str, seeds: int, folder: Path, only: str = "") -> list[Result]:
    """Run what the log in `folder` does not hold yet, writing after each training.

    name: a key of EXPERIMENTS. seeds: how many of each row, 0, 1, ... only: rows whose name holds this.
    An entry that was made with another recipe or network than the row has now is run again.
    """
    path = Path(folder) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    log = json.loads(path.read_text()) if path.exists() else {"experiment": name, "trainings": []}
    train, test = mnist.load_mnist()
    for seed in range(seeds):  # all rows with one seed before the next: a log that is cut off compares
        for row in EXPERIMENTS[name]:
            if only not in row.name or any(_is(entry, row, seed) for entry in log["trainings"]):
                continue
            log["trainings"] = [entry for entry in log["trainings"]
                                if (entry["row"], entry["seed"]) != (row.name, seed)]
            log["trainings"].append(run(row, seed, train, test))
            beside = path.with_suffix(".part")
            beside.write_text(json.dumps(log, indent=1) + "\n")
            beside.replace(path)
            print(f"{row.name}, seed {seed}: {log['trainings'][-1]['test_error']:.2%}", flush=True)
    return results(name, folder)


def run(row: Row, seed: int, train, test) -> dict:
    """Train a row with one seed and return its entry for the log."""
    torch.manual_seed(seed)
    model = row.build()
    train, held_out = train.split(len(train) - _HELD_OUT) if row.held_out else (train, None)
    history = fit(model, train, replace(row.recipe, seed=seed), held_out, progress=False)
    score = evaluate(model, test)
    return {"row": row.name, "seed": seed, "model": row.model, "options": row.options,
            "recipe": _plain(row.recipe),
            "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "examples": len(train), "test_error": score.error_rate, "test_errors": score.errors,
            "passes": [{"train_loss": round(e.train_loss, 5), "train_error": round(e.train_error, 6),
                        "held_out_error": e.validation_error, "seconds": round(e.seconds, 2)}
                       for e in history.epochs],
            "versions": {"lenet_book": __version__, "torch": torch.__version__,
                         "python": platform.python_version()},
            "machine": {"processor": platform.machine(), "cores": os.cpu_count(),
                        "threads": torch.get_num_threads()}}


def results(name: str, folder=LOGS) -> list[Result]:
    """What the log says of each row that it holds, in the order of the experiment.

    Raises KeyError for an unknown experiment, FileNotFoundError where there is no log.
    """
    if name not in EXPERIMENTS:
        raise KeyError(f"no experiment is called {name!r}; there are {', '.join(EXPERIMENTS)}")
    entries = json.loads((folder / f"{name}.json").read_text())["trainings"]
    found = []
    for row in EXPERIMENTS[name]:
        mine = [entry for entry in entries if entry["row"] == row.name]
        if mine:
            seconds = [sum(each["seconds"] for each in entry["passes"]) for entry in mine]
            found.append(Result(row.name, mine[0]["parameters"],
                                tuple(entry["test_error"] for entry in mine),
                                statistics.median(seconds)))
    return found


def passes_to(error: float, row: str, name: str = "to-99", folder=LOGS) -> float:
    """Passes until a row's error on held-out digits is first at most `error`: median of the seeds.

    Infinite for a seed that does not get there.
    """
    entries = json.loads((folder / f"{name}.json").read_text())["trainings"]
    return statistics.median(
        next((number for number, each in enumerate(entry["passes"], 1)
              if each["held_out_error"] <= error), math.inf)
        for entry in entries if entry["row"] == row)


def _is(entry: dict, row: Row, seed: int) -> bool:
    """Does the entry tell of this row, as it is now, with this seed?"""
    recipe = _plain(Recipe(learning_rate=1.0)) | entry["recipe"]  # what it leaves unsaid: the defaults
    return ((entry["row"], entry["seed"], entry["model"], entry["options"], recipe)
            == (row.name, seed, row.model, row.options, _plain(row.recipe)))


def _plain(recipe: Recipe) -> dict:
    """As JSON gives it back, without the seed."""
    values = asdict(recipe)
    del values["seed"]
    return json.loads(json.dumps(values))


def _from_1998_to_today(passes: int = 3) -> tuple[Row, ...]:
    """Each row changes one thing of the row that it names, or of the one before it."""
    sdlm = Recipe(optimiser="sdlm", learning_rate=5e-5, batch_size=1, epochs=passes,
                  schedule=((1, 0.2), (1, 1.0), (1, 0.2)))
    sgd = Recipe(optimiser="sgd", learning_rate=0.001, momentum=0.9, batch_size=64, epochs=passes,
                 schedule="constant")
    adamw = replace(_COMMON, epochs=passes)
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
                  held_out=True),
              Row("tutorial loop, Adam", "lenet-relu",
                  Recipe(optimiser="adam", learning_rate=1e-3, batch_size=64, epochs=10,
                         schedule="constant"), held_out=True)),
    "paper-1998": tuple(Row(name, "lenet5-1998", RECIPES[name])
                        for name in ("paper-1998", "paper-1998-distorted")),
    "from-1998-to-today": _from_1998_to_today(),
    "which-lenet": _which_lenet(),
}
