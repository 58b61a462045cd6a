"""The training loop, and the measurement beside it.

A network may say three things about itself; the book's do, and a plain nn.Module need not:

    model.input_size, model.scaling    how digits are to be prepared: by default 32 and "paper"
    model.loss(outputs, labels)        what to minimise: by default the cross-entropy of logits
    model.predict(outputs)             outputs -> classes: by default the largest logit
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from . import distributed, speed
from .callbacks import Callback, PrintEpochs, ProgressBar
from .data import examples_of
from .interrupts import Interrupts
from .recipes import Recipe
from .results import History, Score
from .run import Run


def fit(model: nn.Module, train, recipe: Recipe, validation=None,
        checkpoint: str | Path | None = None, resume: bool = False, device: str = "auto",
        progress: bool = True, callbacks: Iterable[Callback] = ()) -> History:
    """Train a network in place and return what happened in each epoch.

    train, validation: Digits, a pair of tensors (inputs N x C x H x W, labels int64 N), or a map-style
    Dataset of such pairs (see `data.examples_of`).
    checkpoint: a file to write the state to, after each epoch, every 20 seconds, and on an interrupt.
    resume: go on from that file if it is there. On the same machine the result is the same, bit for
    bit, as that of a training that was never interrupted; one that had ended is returned as it was.
    device: "auto" takes cuda, else mps, else cpu; or a torch device name. The model moves there.
    progress: show a bar with the time left, and outside of notebooks a line for every epoch.
    callbacks: told of every step and epoch, such as [callbacks.TensorBoard("runs")].
    Each epoch draws one permutation, and each batch its distortions, from a generator of their own,
    seeded by recipe.seed; torch's global generator is left alone, but a resumed training takes it up
    where the checkpoint has it.
    On a CPU some layers run in a faster form (see `fused`), unless a hook is on one of them.
    Ends in evaluation mode, after an interrupt, too; model and checkpoint are then those of the last
    whole step.
    In processes that torchrun has started (see `distributed`) each trains its share of every batch;
    the result is that of one process but for rounding. The first process alone writes and shows; all
    must see the checkpoint's folder. BatchNorm sees each share alone, dropout draws in each.
    Raises FloatingPointError where the loss is no longer finite, CheckpointError where the file is
    not a whole checkpoint or belongs to another training, TypeError and ValueError, before anything
    is done, for what cannot be.
    """
    _check(recipe, checkpoint, resume, progress, callbacks := [*callbacks])
    model.to(choose_device(device))
    criterion, predict = _judge(model)
    train = examples_of(train, model)
    validation = None if validation is None else examples_of(validation, model)
    with Interrupts() as interrupts, speed.settings(recipe.batch_size):
        run = Run(model, train, recipe)
        with (run.keeping(checkpoint, resume) as checkpoint,
              _told(run, callbacks, progress) as told):
            forward = distributed.wrap(speed.faster(model, recipe.batch_size))
            for _ in range(run.epoch, recipe.epochs):
                if run.step == 0 and hasattr(run.optimiser, "before_epoch"):
                    run.optimiser.before_epoch(train, run.order)
                model.train()
                for numbers in run.batches():
                    # The batch, or where several processes train, this one's share of it.
                    mine, weight = distributed.share(numbers)
                    inputs, labels = train.batch(mine, run.distortion(len(numbers)))
                    # Forward: what the net says of it, and how wrong that is.
                    outputs = forward(inputs)
                    loss = criterion(outputs, labels)
                    # Backward: the gradient of the loss in every weight.
                    run.optimiser.zero_grad()
                    (loss * weight).backward()
                    # Step: the weights change, then the learning rate for the next step.
                    run.optimiser.step()
                    run.schedule.step()
                    run.count(loss, (predict(outputs) != labels).sum(), len(labels) if weight else 0)
                    for callback in told:
                        callback.after_step(run)
                    # Checkpoint: every process has to save, or to stop, at the same step.
                    due, stop = distributed.any_of(run.save_is_due, interrupts.seen)
                    if checkpoint is not None and (due or stop):
                        run.save(checkpoint)
                    if stop:
                        raise KeyboardInterrupt
                run.end_epoch(None if validation is None else evaluate(run.result, validation))
                if checkpoint is not None:
                    run.save(checkpoint)
                for callback in told:
                    callback.after_epoch(run)
                if distributed.any_of(interrupts.seen)[0]:
                    raise KeyboardInterrupt
    return run.history


def evaluate(model: nn.Module, examples, batch_size: int = 1000) -> Score:
    """Error rate, mean loss and predictions, on the device where the model is.

    examples: as `train` of `fit`.
    The model is in evaluation mode meanwhile and afterwards in the mode it had.
    """
    examples = examples_of(examples, model)
    criterion, predict = _judge(model)
    was_training = model.training
    model.eval()
    total, wrong, predictions = 0.0, 0, []
    try:
        with torch.inference_mode():
            for numbers in torch.arange(len(examples), device=examples.device).split(batch_size):
                inputs, labels = examples.batch(numbers)
                outputs = model(inputs)
                total += criterion(outputs, labels).item() * len(labels)
                predictions.append(predict(outputs))
                wrong += (predictions[-1] != labels).sum().item()
    finally:
        model.train(was_training)
    return Score(wrong / len(examples), total / len(examples), torch.cat(predictions).cpu())


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" is cuda where there is one, else mps, else cpu."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    # What several processes have to tell each other does not travel from an "mps" device.
    alone = distributed.size() == 1
    return torch.device("mps" if alone and torch.backends.mps.is_available() else "cpu")


def _judge(model: nn.Module):
    """The model's own loss and decision, or those of plain logits."""
    return (getattr(model, "loss", F.cross_entropy),
            getattr(model, "predict", lambda logits: logits.argmax(dim=1)))


def _check(recipe, checkpoint, resume: bool, progress, callbacks: list) -> None:
    """Refuse what cannot be, before anything is done."""
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe, such as RECIPES['fast'], not {recipe!r}")
    if resume and checkpoint is None:
        raise ValueError("resume=True needs the checkpoint to resume from: checkpoint='net.ckpt'")
    if recipe.batch_size < distributed.size():
        raise ValueError(f"a batch of {recipe.batch_size} cannot be shared by {distributed.size()} "
                         "processes: start fewer or choose a larger batch_size")
    if not isinstance(progress, bool):
        raise ValueError(f"progress must be True or False, not {progress!r}; for a learning curve that "
                         "grows give callbacks=[LiveCurve()]")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError("callbacks must be instances of Callback, such as LiveCurve(), not "
                            f"{callback!r}")


@contextmanager
def _told(run: Run, callbacks: list[Callback], progress: bool) -> Iterator[list[Callback]]:
    """The callbacks of the first process; those that have begun are ended, whatever happens."""
    told = [ProgressBar(), PrintEpochs(), *callbacks] if progress else callbacks
    told = told if distributed.is_first() else []
    with ExitStack() as at_the_end:
        at_the_end.callback(run.end)
        for callback in told:
            callback.before_training(run)
            at_the_end.callback(callback.after_training, run)
        yield told
