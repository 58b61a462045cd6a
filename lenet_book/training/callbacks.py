"""Callbacks: what a training tells of itself, and to whom. Chapter 08 writes one.

    class Diary(Callback):
        def after_epoch(self, run):
            print(run.history.epochs[-1])

    fit(net, train, recipe, callbacks=[Diary()])
"""

import os
import sys
import warnings
from pathlib import Path

import torch
from tqdm.auto import tqdm

from .. import storage
from ..memory import ipython


class Callback:
    """Is told of a training, by `run` (see `run.Run`): its model, recipe, history, epoch, steps, loss.

    Override what is wanted. Where `before_training` has returned, `after_training` follows in the
    end, whatever happens between.
    """

    def before_training(self, run) -> None:
        """Before the first step, also of a training that is resumed."""

    def after_step(self, run) -> None:
        """After each batch, when the weights have changed; run.steps counts from 1."""

    def after_epoch(self, run) -> None:
        """After each epoch and its validation; run.history.epochs[-1] is this one."""

    def after_training(self, run) -> None:
        """At the end, after an error or an interrupt, too."""


class ProgressBar(Callback):
    """Steps, the time left, threads, this epoch's loss and error so far. TQDM_DISABLE=1 hides it."""

    def before_training(self, run) -> None:
        # None: where there is no terminal. tqdm's own reading of TQDM_DISABLE is lost in notebooks.
        hidden = bool(os.environ.get("TQDM_DISABLE")) or (False if _in_notebook() else None)
        self.bar = tqdm(total=run.recipe.epochs * run.steps_an_epoch, initial=run.steps, unit="step",
                        disable=hidden)
        self._title(run)

    def after_step(self, run) -> None:
        if run.steps % 50 == 1:  # reading the sums makes a GPU wait
            seen = max(run.seen, 1)
            self.bar.set_postfix({"loss": f"{run.loss.item() / seen:.4f}",
                                  "error": f"{run.wrong.item() / seen:.2%}"}, refresh=False)
            self._title(run)  # threads may have become fewer
        self.bar.update()

    def after_epoch(self, run) -> None:
        self._title(run)

    def _title(self, run) -> None:
        if run.epoch < run.recipe.epochs:
            count = torch.get_num_threads()
            on = f", {count} thread{'s' * (count > 1)}" if run.device.type == "cpu" else ""
            self.bar.set_description(f"epoch {run.epoch + 1} of {run.recipe.epochs}{on}")

    def after_training(self, run) -> None:
        self.bar.close()


class PrintEpochs(Callback):
    """Outside of notebooks a line of text after each epoch, for a terminal or a log file."""

    def after_epoch(self, run) -> None:
        if not _in_notebook():
            tqdm.write(str(run.history.epochs[-1]), file=sys.stderr)  # above the bar, if there is one


class LiveCurve(Callback):
    """In a notebook the errors so far as one picture, replaced after each epoch; the last one stays."""

    def before_training(self, run) -> None:
        if _in_notebook():
            from IPython.display import display
            self.handle = display(run.history, display_id=True)

    def after_epoch(self, run) -> None:
        if _in_notebook():
            self.handle.update(run.history)


class SaveEachEpoch(Callback):
    """The weights after each epoch as folder/epoch-01.safetensors and so on, each file whole.

    Weights alone, which `safetensors.torch.load_file` and load_state_dict read: a file with the whole
    network as an object would execute code when it is opened. With an exponential moving average the
    file holds that average. To go on with a training take `fit(checkpoint=...)`.
    """

    def __init__(self, folder: str | Path):
        self.folder = storage.expanded(folder)

    def before_training(self, run) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        storage.rehearse(self._file(run))  # what cannot be written is known before the work

    def after_epoch(self, run) -> None:
        storage.write(self._file(run))

    def _file(self, run) -> dict[Path, bytes]:
        from safetensors.torch import save  # only those who save pay for it
        # Copies, for safetensors does not take two names of one tensor.
        weights = {name: tensor.clone(memory_format=torch.contiguous_format)
                   for name, tensor in run.result.items()}
        return {self.folder / f"epoch-{run.epoch:02d}.safetensors": save(weights)}


class TensorBoard(Callback):
    """Scalars for TensorBoard in a folder.

    Training loss every 100 steps, the mean over those of the epoch since the one before; validation
    loss and accuracy after each epoch, by its number. Where they cannot be written any more, a warning
    says so, and the training goes on.
    """

    EVERY = 100  # steps

    def __init__(self, folder: str | Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError("writing for TensorBoard needs the package tensorboard: "
                              "pip install 'lenet_book[tensorboard]'") from error
        # Nothing is written before it begins.
        self.folder, self._open = storage.expanded(folder), SummaryWriter

    def before_training(self, run) -> None:
        self.writer, self.failed = self._open(str(self.folder)), False
        self.before = (run.loss.item(), run.seen)

    def after_step(self, run) -> None:
        if run.steps % self.EVERY == 0:
            loss, seen = run.loss.item(), run.seen
            mean = (loss - self.before[0]) / (seen - self.before[1])
            self._try(self.writer.add_scalar, "training loss", mean, run.steps)
            self.before = (loss, seen)

    def after_epoch(self, run) -> None:
        self.before = (0.0, 0)
        last = run.history.epochs[-1]
        if last.validation_loss is not None:
            self._try(self.writer.add_scalar, "validation loss", last.validation_loss, last.number)
            self._try(self.writer.add_scalar, "validation accuracy", 1 - last.validation_error,
                      last.number)

    def after_training(self, run) -> None:
        self._try(self.writer.close)

    def _try(self, write, *what) -> None:
        try:
            if not self.failed:
                write(*what)
        except OSError as error:  # a full disk
            self.failed = True
            warnings.warn(f"the learning curves in {self.folder} end here: {error}", stacklevel=2)


def _in_notebook() -> bool:
    return hasattr(ipython(), "kernel")
