"""Run an experiment: each row over several seeds, every result in a log.

A log is a JSON file in `logs/`, with an entry for each training; `python -m lenet_book measure NAME`
makes it again. Nothing is chosen by it: what a row uses was settled on validation digits, taken from
the training files, and the test error is measured once, with the weights that the last epoch ends with.
"""

import json
import os
import platform
from dataclasses import asdict, replace
from pathlib import Path

import torch

from .. import __version__, mnist, storage
from ..arguments import checked, text, whole
from ..ledger import ledger
from ..training import History, Recipe, Score, choose_device, distributed, evaluate, fit
from .results import Result, read, results
from .rows import Row, rows_of

_VALIDATION = 5_000  # training digits


@checked(seeds=whole(1, 1000), only=text)
def measure(name: str, seeds: int, folder: str | Path, only: str = "") -> list[Result]:
    """Run what the log in `folder` does not hold yet, writing after each training.

    name: a key of EXPERIMENTS. seeds: how many of each row, 0, 1, ... only: rows whose name holds this.
    An entry that was made with another recipe or network than the row has now is run again.
    Raises, before anything is run, KeyError for an unknown experiment, ValueError where no row has such
    a name or where the file is not a log, and OSError where it cannot be written, or another process
    is at work on it.
    """
    rows = [row for row in rows_of(name) if only in row.name]
    if not rows:
        raise ValueError(f"no row of {name} has {only!r} in its name; there are "
                         f"{', '.join(row.name for row in rows_of(name))}")
    folder = storage.expanded(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    with storage.alone(path):
        log = read(path) if path.exists() else {"experiment": name, "trainings": []}
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
    train, test = row.examples(seed, train, test)
    train, validation = train.split(len(train) - _VALIDATION) if row.validation else (train, None)
    history = fit(model, train, recipe, validation, progress=False)
    return {"row": row.name, "model": row.model, "options": row.options, "scaling": row.scaling,
            "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "macs": ledger(model, (1, model.input_size, model.input_size)).macs,
            "train_error": evaluate(model, train).error_rate,
            **record(recipe, train, history, evaluate(model, test))}


def record(recipe: Recipe, train, history: History, score: Score) -> dict:
    """How a training was made and what it came to, as JSON can hold it.

    train: the examples that were trained on. score: of the test digits.
    """
    examples = len(train[1]) if isinstance(train, tuple) else len(train)
    return {"seed": recipe.seed, "recipe": _plain(recipe), "examples": examples,
            "versions": {"lenet_book": __version__, "torch": torch.__version__,
                         "python": platform.python_version()},
            "machine": {"processor": platform.machine(), "cores": os.cpu_count(),
                        "threads": history.threads, "device": str(choose_device()),
                        "processes": distributed.size()},
            "test_error": score.error_rate, "test_error_interval": list(score.interval()),
            "test_errors": score.errors, "test_loss": score.loss,
            "epochs": [{name: value if value is None else round(value, 6)
                        for name, value in asdict(epoch).items()} for epoch in history.epochs]}


def _packed(log: dict) -> bytes:
    return (json.dumps(log, indent=1) + "\n").encode()


def _is(entry: dict, row: Row, seed: int) -> bool:
    """Does the entry tell of this row, as it is now, with this seed?"""
    # What an entry leaves out are the defaults.
    recipe = _plain(Recipe(learning_rate=1.0)) | entry["recipe"] | {"seed": entry["seed"]}
    return ((entry["row"], entry["model"], entry["options"], entry.get("scaling"), recipe)
            == (row.name, row.model, row.options, row.scaling, _plain(replace(row.recipe, seed=seed)))
            and row.first in (None, entry["examples"]))


def _plain(recipe: Recipe) -> dict:
    """As JSON gives it back."""
    return json.loads(json.dumps(asdict(recipe)))
