"""The training loop, and the measurement beside it.

Any nn.Module can be trained. How its inputs are to be prepared, its loss and its decision a network
may say itself (see `interface`), as the book's do.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from torch import nn

from .. import tensors
from ..arguments import checked, flag, instance, sequence, whole
from ..features import in_mode
from . import distributed, speed
from .callbacks import Callback, PrintEpochs, ProgressBar
from .data import Examples, examples_of
from .interface import judge, judged, refuse, try_out
from .interrupts import Interrupts
from .recipes import Recipe
from .results import History, Score
from .run import Run


@checked(recipe=instance(Recipe, "RECIPES['fast']"), resume=flag, progress=flag,
         callbacks=sequence(instance(Callback, "LiveCurve()"), least=0))
def fit(model: nn.Module, train, recipe: Recipe, validation=None,
        checkpoint: str | Path | None = None, resume: bool = False, device: str = "auto",
        progress: bool = True, callbacks: Sequence[Callback] = ()) -> History:
    """Train a network in place and return what happened in each epoch.

    train, validation: Digits, a pair of tensors (inputs N x C x H x W, labels int64 N), or a map-style
    Dataset of such pairs (see `data.examples_of`).
    checkpoint: a file to write the state to, after each epoch, every 20 seconds, and before Ctrl-C,
    SIGTERM or SIGHUP ends the training; no other training may use it meanwhile, nor is one that is
    there already written over.
    resume: go on from that file if it is there. On the same machine the result is the same, bit for
    bit, as that of a training that was never interrupted; one that had ended is returned as it was.
    To train longer than the recipe says, begin another training from the weights there are:
    fit(models.pretrained("lenet5"), train, replace(RECIPES["fast"], epochs=2)), or after
    model.load_state_dict(training.load_weights(checkpoint)).
    device: "auto" takes cuda, else mps, else cpu; or a torch device name. The model moves there.
    progress: show a bar with the time left, and outside of notebooks a line for every epoch.
    callbacks: told of every step and epoch, such as [callbacks.TensorBoard("runs")].
    Where recipe.augmentation is Crops, the validation set is measured on the middle of each image.
    Each epoch draws one permutation, and each batch its distortions, from a generator of their own,
    seeded by recipe.seed; torch's global generator is left alone, but a resumed training takes it up
    where the checkpoint has it.
    First one or two examples go through the network, which leaves no trace in it, to see that network,
    data and loss fit together. Inputs get the precision of the network's parameters. Gradients are
    on here, whatever is set around.
    On a CPU some layers run in a faster form (see `fused`), unless a hook is on one of them, on as many
    threads as a batch is worth and as there are cores free in its first second (see `speed`); a resumed
    training takes those of its checkpoint. Sums are rounded otherwise on another number of threads:
    where a result must not depend on what else is running, torch.set_num_threads(1) beforehand.
    Ends in evaluation mode, after an interrupt, too; model and checkpoint are then those of the last
    whole step. A second Ctrl-C, a second later or more, does not wait for the step to become whole.
    In processes that torchrun has started each trains its share of every batch, within
    `with distributed.processes():`, with the same network, recipe and examples; the result
    is that of one process but for rounding. The first process alone writes and shows; all must see the
    checkpoint's folder. BatchNorm sees each share alone, dropout draws in each.
    Raises FloatingPointError where the loss is no longer finite, CheckpointError where the file is
    there already, without `resume`, is not a whole checkpoint or belongs to another training,
    TypeError and ValueError, before anything is done, for what cannot be.
    """
    _check(recipe, checkpoint, resume)
    refuse(model, training=True)
    criterion, predict = judge(model)
    model.to(choose_device(device))
    train = examples_of(train, model)
    validation = None if validation is None else examples_of(validation, model)
    for examples in filter(None, (train, validation)):
        examples.undistorted = getattr(recipe.augmentation, "middle", None)
    with Interrupts() as interrupts, torch.inference_mode(False), torch.enable_grad():
        share = _try_out(model, train, validation, recipe.batch_size)
        run = Run(model, train, recipe)
        run.agree()
        with (speed.settings(recipe.batch_size, share),
              run.keeping(checkpoint, resume) as checkpoint,
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
                with run.averaged():  # what is validated is what the training would leave
                    score = None if validation is None else evaluate(model, validation)
                run.end_epoch(score)
                if checkpoint is not None:
                    run.save(checkpoint)
                for callback in told:
                    callback.after_epoch(run)
                if distributed.any_of(interrupts.seen)[0]:
                    raise KeyboardInterrupt
    return run.history


@checked(batch_size=whole(1, 2**31))
def evaluate(model: nn.Module, examples, batch_size: int = 500) -> Score:
    """Error rate, mean loss and predictions, on the device where the model is.

    examples: as `train` of `fit`.
    The model is in evaluation mode meanwhile and afterwards as it was. Inputs get the precision of
    its parameters. On a CPU some layers run in a faster form, as in `fit`.
    Raises TypeError and ValueError for what cannot be.
    """
    refuse(model, training=False)
    examples = examples_of(examples, model)
    forward = speed.faster(model, batch_size)
    total, wrong, predictions = 0.0, 0, []
    with in_mode(model, training=False), torch.no_grad():
        for numbers in torch.arange(len(examples), device=examples.device).split(batch_size):
            inputs, labels = examples.batch(numbers)
            loss, answers, _ = judged(model, inputs, labels, forward, examples.hint)
            total += loss.item() * len(labels)
            predictions.append(answers)
            wrong += (answers != labels).sum().item()
    return Score(wrong / len(examples), total / len(examples), torch.cat(predictions).cpu())


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" is cuda where there is one, else mps, else cpu."""
    if not isinstance(name, str) or name != "auto":
        device = tensors.device("device", name)
        if device.type == "meta":
            raise ValueError("the device \"meta\" holds no numbers: nothing can be trained there")
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    # What several processes have to tell each other does not travel from an "mps" device.
    alone = distributed.size() == 1
    return torch.device("mps" if alone and torch.backends.mps.is_available() else "cpu")


def _check(recipe: Recipe, checkpoint, resume: bool) -> None:
    """Refuse what does not go together, before anything is done."""
    if distributed.is_left_out():
        raise RuntimeError("torchrun has started several processes, and each would train a network of "
                           "its own: call fit within `with distributed.processes():`, from "
                           "lenet_book.training, so that they train one together")
    if resume and checkpoint is None:
        raise ValueError("resume=True needs the checkpoint to resume from: checkpoint='net.ckpt'")
    if recipe.batch_size < distributed.size():
        raise ValueError(f"a batch of {recipe.batch_size} cannot be shared by {distributed.size()} "
                         "processes: start fewer or choose a larger batch_size")


def _try_out(model: nn.Module, train: Examples, validation: Examples | None, batch_size: int) -> float:
    """Say what does not fit before the training; torch's random numbers are afterwards as before.

    Returns how much of a thread one example keeps busy.
    """
    smallest = min(len(train) % batch_size or batch_size, len(train)) // distributed.size()
    device = train.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        # As few as there will be at least: BatchNorm over dense layers cannot learn from one.
        inputs, labels = train.batch(train.few(2 if smallest > 1 else 1))
        left = "; in each epoch a batch of one example is left over" * (smallest == 1 < batch_size)
        with speed.work(model) as done:
            train.classes = try_out(model, inputs, labels, train.hint + left)
        if validation is not None:
            with in_mode(model, training=False), torch.no_grad():
                judged(model, *validation.batch(validation.few(1)), hint=validation.hint)
    return speed.share_of_a_thread(inputs[0].numel(), sum(done) / len(inputs))


@contextmanager
def _told(run: Run, callbacks: Sequence[Callback], progress: bool) -> Iterator[list[Callback]]:
    """The callbacks of the first process; those that have begun are ended, whatever happens."""
    told = [speed.LookAgain(), *[ProgressBar(), PrintEpochs()] * progress, *callbacks]
    told = told if distributed.is_first() else []
    with ExitStack() as at_the_end:
        at_the_end.callback(run.end)
        for callback in told:
            callback.before_training(run)
            at_the_end.callback(callback.after_training, run)
        yield told
