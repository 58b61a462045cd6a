"""Train a network and measure it. Knows no data set and no network by name.

A network may say three things about itself; the book's do, and a plain nn.Module need not:

    model.input_size, model.scaling    how the examples are to be prepared: 32, "paper" if unsaid
    model.loss(outputs, labels)        what to minimise: cross-entropy of scores if unsaid
    model.predict(outputs)             outputs -> classes: the largest score if unsaid

Examples are anything with `inputs(size=, scaling=, which=)`, `labels` and `to(device)`, such as
`mnist.Digits`.
"""

import copy
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, astuple
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from . import callbacks, distributed, optimisers
from .fused import fuse
from .recipes import Recipe
from .results import Epoch, History, Score
from .sdlm import SDLM
from .speed import is_known, keep_freed_memory, plain_kernels
from .state import CheckpointError, load, save

_SAVE_EVERY = 20.0  # seconds between two checkpoints within an epoch
_AVERAGE_EVERY = 5  # steps
_CURVATURE_EXAMPLES = 500  # for sdlm, drawn anew before each pass (Section III-B of the paper)

def fit(model: nn.Module, train, recipe: Recipe, validation=None,
        checkpoint: str | Path | None = None, resume: bool = False, device: str = "auto",
        progress: bool | str = True, tensorboard: str | Path | None = None) -> History:
    """Train a network in place and return what happened in each epoch.

    train, validation: examples (see the module's docstring), kept whole in memory on the device.
    checkpoint: a file to write the state to, after each epoch, every 20 seconds, and on an interrupt.
    resume: go on from that file if it is there. On the same machine the result is the same, bit for
    bit, as that of a training that was never interrupted; one that had ended is returned as it was.
    device: "auto" takes cuda, else mps, else cpu; or a torch device name. The model moves there.
    progress, tensorboard: what to show meanwhile (see `callbacks.watchers`).
    Each epoch draws one permutation, and each batch its distortions, from a generator of their own,
    seeded by recipe.seed; torch's global generator is left alone, but a resumed training takes it up
    where the checkpoint has it.
    On a processor some layers run in a faster form (see `fused`), unless a hook is on one of them.
    Ends in evaluation mode, after an interrupt, too; model and checkpoint are then those of the last
    whole step.
    In processes that torchrun has started (see `distributed`) each trains its share of every batch;
    the result is that of one process but for rounding. The first process alone writes and shows; all
    must see the checkpoint's folder. BatchNorm sees each share alone, dropout draws in each.
    Raises FloatingPointError where the loss is no longer finite, CheckpointError where the file is
    not a whole checkpoint or belongs to another training.
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe, such as RECIPES['fast'], not {recipe!r}")
    if resume and checkpoint is None:
        raise ValueError("resume=True needs the checkpoint to resume from: checkpoint='net.ckpt'")
    if recipe.batch_size < distributed.size():
        raise ValueError(f"a batch of {recipe.batch_size} cannot be shared by {distributed.size()} "
                         "processes: start fewer or choose a larger batch_size")
    watchers = callbacks.watchers(progress, tensorboard) if distributed.is_first() else []
    keep_freed_memory()
    model.to(choose_device(device))
    run = _Run(model, _beside(model, train), recipe)
    if resume:
        if not distributed.see_the_same(checkpoint):
            raise CheckpointError(f"not every process sees the same {checkpoint}: it has to be in a "
                                  "folder that all of them share")
        if Path(checkpoint).exists():
            run.restore(load(checkpoint), checkpoint)
    saved = time.monotonic()
    with (_Interrupts() as interrupts, ExitStack() as in_the_end,
          plain_kernels(where=recipe.batch_size == 1)):
        in_the_end.callback(run.end)
        for watcher in watchers:
            watcher.begin(run)
            in_the_end.callback(watcher.close)
        while run.epoch < recipe.epochs:
            for _ in run.rest_of_the_epoch():
                for watcher in watchers:
                    watcher.step(run)
                # Every process has to save, or to stop, at the same step.
                due, stop = distributed.any_of(time.monotonic() - saved > _SAVE_EVERY,
                                               interrupts.seen)
                if checkpoint is not None and (due or stop):
                    run.save(checkpoint)
                    saved = time.monotonic()
                if stop:
                    raise KeyboardInterrupt
            run.end_epoch(evaluate(run.result, validation) if validation is not None else None)
            if checkpoint is not None:
                run.save(checkpoint)
                saved = time.monotonic()
            for watcher in watchers:
                watcher.epoch(run)
            if distributed.any_of(interrupts.seen)[0]:
                raise KeyboardInterrupt
    return run.history


def evaluate(model: nn.Module, examples, batch_size: int = 1000) -> Score:
    """Error rate, mean loss and predictions, on the device where the model is.

    The model is in evaluation mode meanwhile and afterwards in the mode it had.
    """
    examples = _beside(model, examples)
    labels = examples.labels
    criterion, predict = _judge(model)
    was_training = model.training
    model.eval()
    total, predictions = 0.0, []
    try:
        with torch.inference_mode():
            for which in torch.arange(len(labels), device=labels.device).split(batch_size):
                outputs, y = model(_inputs(model, examples, which)), labels[which]
                total += criterion(outputs, y).item() * len(y)
                predictions.append(predict(outputs))
    finally:
        model.train(was_training)
    predicted = torch.cat(predictions)
    wrong = (predicted != labels).sum().item()
    return Score(wrong / len(labels), total / len(labels), predicted.cpu())


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" is cuda where there is one, else mps, else cpu."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    # What several processes have to tell each other does not travel from an "mps" device.
    alone = distributed.size() == 1
    return torch.device("mps" if alone and torch.backends.mps.is_available() else "cpu")


class _Run:
    """A training at one moment: all that it takes to write it down and to take it up again."""

    def __init__(self, model: nn.Module, examples, recipe: Recipe):
        labels = examples.labels
        if labels.device.type != "mps" and all(map(is_known, model.modules())):
            # Kernels and maps with the channels last in memory: pooling and convolutions are faster.
            model.to(memory_format=torch.channels_last)
        self.model, self.examples, self.labels, self.recipe = model, examples, labels, recipe
        self.steps_an_epoch = math.ceil(len(labels) / recipe.batch_size)
        self.optimiser = optimisers.optimiser(recipe, model)
        self.schedule = optimisers.schedule(recipe, self.optimiser, self.steps_an_epoch)
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(1 - recipe.averaging),
                                     use_buffers=True) if recipe.averaging else None
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.history = History()
        self.epoch = 0  # whole ones so far
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.step, self.seconds, self.seen = 0, 0.0, 0
        self.order = torch.randperm(len(self.labels), generator=self.generator)
        # Sums stay on the device: reading one at every step would make a GPU wait for each.
        self.loss = torch.zeros((), device=self.labels.device)
        self.wrong = torch.zeros((), dtype=torch.int64, device=self.labels.device)

    @property
    def steps(self) -> int:
        """Steps so far, all epochs together."""
        return self.epoch * self.steps_an_epoch + self.step

    @property
    def result(self) -> nn.Module:
        """The network as it would be if the training ended here."""
        return self.average.module if self.average and self.average.n_averaged else self.model

    def rest_of_the_epoch(self) -> Iterator[None]:
        """Train the batches that this epoch still has; gives way after each."""
        criterion, predict = _judge(self.model)
        order = self.order.to(self.labels.device)
        forward = distributed.wrap(fuse(self.model))
        if isinstance(self.optimiser, SDLM) and self.step == 0:
            some = order[:_CURVATURE_EXAMPLES]
            self.optimiser.estimate(_inputs(self.model, self.examples, some), self.labels[some])
        self.model.train()
        start = time.perf_counter() - self.seconds
        for batch in order.split(self.recipe.batch_size)[self.step:]:
            mine, weight = distributed.share(batch)
            y = self.labels[mine]
            outputs = forward(self._pictures(mine, len(batch)))
            loss = criterion(outputs, y)
            self.optimiser.zero_grad()
            (loss * weight).backward()
            self.optimiser.step()
            self.schedule.step()
            self.step += 1
            if self.average and self.steps % _AVERAGE_EVERY == 0:
                self.average.update_parameters(self.model)
            if weight:
                self.loss += loss.detach() * len(y)
                self.wrong += (predict(outputs) != y).sum()
                self.seen += len(y)
            self.seconds = time.perf_counter() - start
            yield

    def _pictures(self, mine: Tensor, count: int) -> Tensor:
        """The inputs of this process's share of a batch of `count`, distorted if the recipe says so."""
        x = _inputs(self.model, self.examples, mine)
        if self.recipe.augmentation is None:
            return x
        done = self.steps / (self.recipe.epochs * self.steps_an_epoch)
        strength = 1 - (1 - self.recipe.fading) * max(0.0, 2 * done - 1)
        draws = self.recipe.augmentation.draw(count, self.generator)
        return self.recipe.augmentation.apply(
            x, *(strength * distributed.share(draw)[0] for draw in draws))

    def so_far(self) -> dict[str, str]:
        """Mean loss and error of this epoch until now, for the progress bar."""
        seen = max(self.seen, 1)
        return {"loss": f"{self.loss.item() / seen:.4f}", "error": f"{self.wrong.item() / seen:.2%}"}

    def end_epoch(self, score: Score | None) -> None:
        """Note how the epoch went and draw the next one's order."""
        count = len(self.labels)
        loss, error = (sum_.item() / count for sum_ in distributed.total(self.loss, self.wrong))
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the mean loss of epoch {self.epoch + 1} is {loss}: the steps are too large for this "
                f"network; try a learning rate below {self.recipe.learning_rate}")
        self.epoch += 1
        self.history.epochs.append(Epoch(self.epoch, loss, error, score and score.loss,
                                         score and score.error_rate, self.seconds))
        self._begin_epoch()

    def end(self) -> None:
        """Leave the network as its owner expects it."""
        if self.epoch == self.recipe.epochs:
            self.model.load_state_dict(self.result.state_dict())
        self.model.to(memory_format=torch.contiguous_format).eval()

    def state(self) -> dict:
        """Tensors and plain values, for `state.save`."""
        loss, wrong, seen = distributed.total(self.loss, self.wrong, torch.tensor(self.seen))
        return {"recipe": asdict(self.recipe), "examples": len(self.labels),
                "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
                "average": self.average and self.average.state_dict(),
                "generator": self.generator.get_state(),
                "dropout": torch.get_rng_state(),  # whose draws come from the global generator
                "epoch": self.epoch, "step": self.step, "seconds": self.seconds, "order": self.order,
                "loss": loss, "wrong": wrong, "seen": seen.item(),
                "history": [astuple(epoch) for epoch in self.history.epochs]}

    def save(self, path: str | Path) -> None:
        """Write the state down; the first process does, with the help of all."""
        state = self.state()
        if distributed.is_first():
            save(path, state)

    def restore(self, state: dict, name) -> None:
        """Take up a training that was written down; all of it or, with CheckpointError, nothing."""
        mine = self.state()
        if state.keys() != mine.keys():
            raise CheckpointError(f"{name} is a checkpoint, but not of a training")
        for what in ("recipe", "examples"):
            if state[what] != mine[what]:
                raise CheckpointError(f"{name} belongs to another training: its {what} is "
                                      f"{state[what]}, this one's {mine[what]}; choose another name")
        if _shapes(state["model"]) != _shapes(mine["model"]):
            raise CheckpointError(f"{name} belongs to another network: it holds "
                                  f"{_shapes(state['model'])}, this one has {_shapes(mine['model'])}")
        backup = copy.deepcopy(mine)
        try:
            self._take(state)
        except Exception as error:
            self._take(backup)
            raise CheckpointError(f"{name} does not hold a whole training ({error})") from error

    def _take(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        if self.average:
            self.average.load_state_dict(state["average"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["dropout"])
        self.epoch, self.step, self.seconds = state["epoch"], state["step"], state["seconds"]
        self.order = state["order"]
        share = 1 if distributed.is_first() else 0  # what was summed over all, one goes on with
        self.loss, self.wrong = (share * state[sum_].to(self.labels.device)
                                 for sum_ in ("loss", "wrong"))
        self.seen = state["seen"] * share
        self.history.epochs[:] = [Epoch(*values) for values in state["history"]]

def _shapes(weights: dict) -> dict:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}


class _Interrupts:
    """Holds back Ctrl-C, and a notebook's stop, until a step is whole, and while a training ends."""

    def __enter__(self) -> "_Interrupts":
        self.seen, self._before = False, None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, *_) -> None:
        self.seen = True


def _beside(model: nn.Module, examples):
    """The examples on the model's device."""
    if len(examples.labels) == 0:
        raise ValueError("there are no examples: the set is empty")
    return examples.to(next((p.device for p in model.parameters()), torch.device("cpu")))


def _inputs(model: nn.Module, examples, which: Tensor) -> Tensor:
    """Those of the examples as this model takes them.

    To make them anew for each batch costs a step next to nothing; all of them at once would take five
    times the memory of the raw pixels and, while the system provides it, hold up the first step.
    """
    return examples.inputs(size=getattr(model, "input_size", 32),
                           scaling=getattr(model, "scaling", "paper"), which=which)


def _judge(model: nn.Module):
    """The model's own loss and decision, or those of plain class scores."""
    return (getattr(model, "loss", F.cross_entropy),
            getattr(model, "predict", lambda scores: scores.argmax(dim=1)))
