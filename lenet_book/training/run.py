"""A training at one moment: all that the next step depends on, written down and taken up again."""

import copy
import math
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, astuple
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from .. import storage
from . import distributed, optimisers, state
from .average import MovingAverage
from .data import Examples
from .identity import describe, differences
from .recipes import Recipe
from .results import Epoch, History, Score
from .state import CheckpointError

SAVE_EVERY = 20.0  # seconds between two checkpoints within an epoch
EMA_EVERY = 5  # steps
_PARTS = {"network": dict, "recipe": dict, "examples": int, "epoch": int, "model": dict,
          "average": dict | None}  # by which a checkpoint is known to be of a training


class Run:
    """What `fit` changes from step to step. Callbacks may read it.

    model, recipe: those given to `fit`. history: of the epochs that are whole.
    epoch: whole epochs so far. step: steps so far in this epoch, of steps_an_epoch. steps: all so far.
    loss, wrong, seen: sums over this epoch's examples so far, in this process: of their losses, of
    wrong answers, and how many. The first two are tensors on the device: reading one makes a GPU wait.
    seconds: of this epoch so far.
    """

    def __init__(self, model: nn.Module, examples: Examples, recipe: Recipe):
        self.model, self.examples, self.recipe = model, examples, recipe
        self._network = describe(model)
        self.device = next((p.device for p in model.parameters()), torch.device("cpu"))
        self.steps_an_epoch = math.ceil(len(examples) / recipe.batch_size)
        self.optimiser = optimisers.optimiser(recipe, model)
        self.schedule = optimisers.schedule(recipe, self.optimiser, self.steps_an_epoch)
        self.average = MovingAverage(model, recipe.ema) if recipe.ema else None
        self.generator = torch.Generator().manual_seed(recipe.seed)  # on the CPU, for any device
        self.history = History()
        self.epoch = 0
        self.saved = time.monotonic()
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.step, self.seconds, self.seen = 0, 0.0, 0
        self.order = torch.randperm(len(self.examples), generator=self.generator, device="cpu")
        self.loss = torch.zeros((), device=self.device)
        self.wrong = torch.zeros((), dtype=torch.int64, device=self.device)

    def agree(self) -> None:
        """Raise ValueError where the processes that train together have not begun the same training."""
        if distributed.size() == 1:
            return
        labels = self.examples.labels
        for what, mine in (("network", self._network), ("recipe", self.recipe),
                           ("number of examples", len(self.examples)),
                           ("labels in the same order", labels if labels is None else labels.tolist())):
            if not distributed.agree(zlib.crc32(repr(mine).encode())):
                raise ValueError(f"processes that train together must have the same {what}, and these "
                                 f"have not; in this one it is {mine!r:.300}")

    @property
    def steps(self) -> int:
        """Steps so far, all epochs together."""
        return self.epoch * self.steps_an_epoch + self.step

    @property
    def result(self) -> dict:
        """The state_dict that the training would leave: with the moving average if there is one."""
        weights = self.model.state_dict()
        if self.average and self.average.updates:
            weights.update(self.average.tensors)
        return weights

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """For a time the network itself has the weights of `result`."""
        if self.average is None:  # it has them; and what it gives, some networks do not take back
            yield
            return
        before = {name: copy.deepcopy(value) for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.result)
        try:
            yield
        finally:
            self.model.load_state_dict(before)

    def batches(self) -> Iterator[Tensor]:
        """The batches that this epoch still has, each as the numbers of its examples."""
        started = time.perf_counter() - self.seconds
        for numbers in self.order.to(self.device).split(self.recipe.batch_size)[self.step:]:
            yield numbers
            self.seconds = time.perf_counter() - started

    def distortion(self, count: int) -> Callable[[Tensor], Tensor] | None:
        """How to bend this process's share of a batch of `count`; None where the recipe does not.

        The strength stays whole over the first half of the steps and falls evenly over the second.
        """
        augmentation = self.recipe.augmentation
        if augmentation is None:
            return None
        done = self.steps / (self.recipe.epochs * self.steps_an_epoch)
        strength = 1 - (1 - self.recipe.augmentation_end) * max(0.0, 2 * done - 1)
        even, normal = (strength * distributed.share(draw)[0]
                        for draw in augmentation.draw(count, self.generator))
        return partial(augmentation.apply, even=even, normal=normal)

    def count(self, loss: Tensor, wrong: Tensor, examples: int) -> None:
        """Note a step: the mean loss of so many examples, and how many of them were wrong."""
        self.step += 1
        if self.average and self.steps % EMA_EVERY == 0:
            self.average.update(self.model)
        if examples:
            self.loss += loss.detach() * examples
            self.wrong += wrong
            self.seen += examples

    def end_epoch(self, score: Score | None) -> None:
        """Note how the epoch went and draw the next one's order."""
        count = len(self.examples)
        loss, error = (total.item() / count for total in distributed.total(self.loss, self.wrong))
        if not math.isfinite(loss):
            if (number := self.examples.not_finite()) is not None:
                raise FloatingPointError(f"the mean loss of epoch {self.epoch + 1} is {loss}: the "
                                         f"inputs of example {number} are not all finite numbers")
            raise FloatingPointError(
                f"the mean loss of epoch {self.epoch + 1} is {loss}: the steps are too large for this "
                f"network; try a learning rate below {self.recipe.learning_rate}")
        self.epoch += 1
        self.history.epochs.append(Epoch(self.epoch, loss, error, score and score.loss,
                                         score and score.error_rate, self.seconds))
        self._begin_epoch()

    def end(self) -> None:
        """Leave the network as its owner expects it."""
        if self.average and self.epoch == self.recipe.epochs:
            self.model.load_state_dict(self.result)
        self.model.eval()
        self.history.threads = torch.get_num_threads()

    # The checkpoint

    @property
    def save_is_due(self) -> bool:
        """Is it long enough since the last checkpoint?"""
        return time.monotonic() - self.saved > SAVE_EVERY

    @contextmanager
    def keeping(self, checkpoint: str | Path | None, resume: bool) -> Iterator[Path | None]:
        """Keep a checkpoint to `save` to; go on from it where that is wanted and it is there.

        Yields its path. Raises CheckpointError, with nothing of the training changed, where it cannot
        be written, where another training keeps it, where it does not belong to this one, or where it
        is there and not to be gone on from.
        """
        if checkpoint is None:
            yield None
            return
        try:
            storage.target(checkpoint)
            path = storage.expanded(checkpoint).absolute()  # for whoever leaves the folder meanwhile
        except OSError as error:
            raise CheckpointError(f"the checkpoint {checkpoint} cannot be kept ({error})") from error
        before = self._read(path) if resume else None
        ended = before is not None and before["epoch"] == self.recipe.epochs
        snapshot = self._state()
        with ExitStack() as kept:
            try:
                if distributed.is_first():
                    kept.enter_context(state.reserved(path, snapshot))
            except CheckpointError:
                if not ended:  # else nothing is to be written any more
                    raise
            if not resume and path.exists():
                raise CheckpointError(f"{path} is there already, of an earlier training: go on from it "
                                      "with resume=True, choose another name, or delete it")
            if before is not None:
                self._restore(before, snapshot, path)
            yield path

    def save(self, path: str | Path) -> None:
        """Write the state down; the first process does, with the help of all."""
        snapshot = self._state()
        if distributed.is_first():
            state.save(path, snapshot)
        self.saved = time.monotonic()

    def _read(self, path: Path) -> dict | None:
        """What is written there, if anything is, and if it is of this training."""
        if not distributed.see_the_same(path):
            raise CheckpointError(f"not every process sees the same {path}: it has to be in a folder "
                                  "that all of them share")
        if not path.exists():
            return None
        theirs, mine = _training(path), self._state()
        if changed := differences(theirs["network"], mine["network"]):
            raise CheckpointError(f"{path} belongs to another network: {changed}; choose another name")
        if changed := differences(*(each["recipe"] | {"examples": each["examples"]}
                                    for each in (theirs, mine))):
            raise CheckpointError(
                f"{path} belongs to another training: {changed}; choose another name, and to begin "
                f"with its weights: model.load_state_dict(training.load_weights({str(path)!r}))")
        return theirs

    def _restore(self, theirs: dict, mine: dict, path: Path) -> None:
        """Take up all of a training or, with CheckpointError, nothing."""
        backup = copy.deepcopy(mine)
        try:
            self._take(theirs)
        except Exception as error:
            self._take(backup)
            raise CheckpointError(f"{path} does not hold a whole training ({error})") from error

    def _state(self) -> dict:
        """Tensors and plain values, for `state.save`."""
        loss, wrong, seen = distributed.total(self.loss, self.wrong,
                                              torch.tensor(self.seen, device="cpu"))
        return {"network": self._network, "recipe": asdict(self.recipe),
                "examples": len(self.examples),
                "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
                "average": self.average and self.average.state_dict(),
                "generator": self.generator.get_state(),
                "dropout": torch.get_rng_state(),  # whose draws come from the global generator
                "threads": torch.get_num_threads(),  # on which it depends how sums are rounded
                "epoch": self.epoch, "step": self.step, "seconds": self.seconds, "order": self.order,
                "loss": loss, "wrong": wrong, "seen": seen.item(),
                "history": [astuple(epoch) for epoch in self.history.epochs]}

    def _take(self, snapshot: dict) -> None:
        self.model.load_state_dict(snapshot["model"])
        self.optimiser.load_state_dict(snapshot["optimiser"])
        self.schedule.load_state_dict(snapshot["schedule"])
        if self.average:
            self.average.load_state_dict(snapshot["average"])
        self.generator.set_state(snapshot["generator"])
        torch.set_rng_state(snapshot["dropout"])
        if "threads" in snapshot:  # else it is of version 0.2 or older
            torch.set_num_threads(min(snapshot["threads"], os.cpu_count() or 1))
        self.epoch, self.step, self.seconds = (snapshot[what] for what in ("epoch", "step", "seconds"))
        self.order = snapshot["order"]
        share = 1 if distributed.is_first() else 0  # what was summed over all, one goes on with
        self.loss, self.wrong = (share * snapshot[total].to(self.device) for total in ("loss", "wrong"))
        self.seen = snapshot["seen"] * share
        self.history.epochs[:] = [Epoch(*values) for values in snapshot["history"]]


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """The weights that a checkpoint holds, on the CPU, for model.load_state_dict.

    Of a training that has ended they are those that it left in the network, the moving average if
    there is one; else those of the last step. A new training can begin with them.
    Raises FileNotFoundError where there is no such file, CheckpointError where it is not the
    checkpoint of a training.
    """
    found = _training(path)
    average, ended = found["average"], found["epoch"] == found["recipe"].get("epochs")
    if ended and average and average.get("n_averaged"):
        return {name.removeprefix("module."): tensor for name, tensor in average.items()
                if name != "n_averaged"}
    return found["model"]


def _training(path: str | Path) -> dict:
    """The state from a checkpoint of a training."""
    found = state.load(path)
    for name, kind in _PARTS.items():
        if not isinstance(found.get(name), kind):
            raise CheckpointError(f"{path} is a checkpoint, but not of a training, or of one by "
                                  f"another version of the book: it has no {name}")
    return found
