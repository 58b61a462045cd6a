"""Watching a training: a bar, a line an epoch, a curve that grows in a notebook, TensorBoard.

A watcher is told of every step and of every epoch. Once it has begun it is closed, whatever happens.
"""

import os
import sys
from pathlib import Path

from tqdm.auto import tqdm


def watchers(progress: bool | str, tensorboard: str | Path | None) -> list:
    """Those that were asked for.

    progress: True for a bar with the time left, and outside of notebooks a line for every epoch;
    "curve" for the bar and, in a notebook, a curve; False for nothing. TQDM_DISABLE=1 in the
    environment hides the bar. tensorboard: a folder for its scalars.
    """
    if progress not in (True, False, "curve"):
        raise ValueError(f"progress must be True, False or \"curve\", not {progress!r}")
    chosen: list = [_Bar()] if progress else []
    if progress == "curve" and _in_notebook():
        chosen.append(_Curve())
    if progress and not _in_notebook():
        chosen.append(_Lines())
    if tensorboard is not None:
        chosen.append(_TensorBoard(tensorboard))
    return chosen


class _Watcher:
    """Watches, and does nothing yet."""

    def begin(self, run) -> None: ...
    def step(self, run) -> None: ...
    def epoch(self, run) -> None: ...
    def close(self) -> None: ...


class _Bar(_Watcher):
    """Steps, the time left, and this epoch's loss and error so far."""

    def begin(self, run) -> None:
        # None: where there is no terminal. tqdm's own reading of TQDM_DISABLE is lost in notebooks.
        hidden = bool(os.environ.get("TQDM_DISABLE")) or (False if _in_notebook() else None)
        self.bar = tqdm(total=run.recipe.epochs * run.steps_an_epoch, initial=run.steps, unit="step",
                        disable=hidden)
        self._title(run)

    def step(self, run) -> None:
        if run.steps % 50 == 1:  # reading the sums makes a GPU wait
            self.bar.set_postfix(run.so_far(), refresh=False)
        self.bar.update()

    def epoch(self, run) -> None:
        self._title(run)

    def _title(self, run) -> None:
        if run.epoch < run.recipe.epochs:
            self.bar.set_description(f"epoch {run.epoch + 1} of {run.recipe.epochs}")

    def close(self) -> None:
        self.bar.close()


class _Lines(_Watcher):
    """A line of text after each epoch, for a terminal or a log file."""

    def epoch(self, run) -> None:
        tqdm.write(str(run.history.epochs[-1]), file=sys.stderr)  # above the bar, if there is one


class _Curve(_Watcher):
    """The errors so far as one picture, replaced after each epoch; the last one stays."""

    def begin(self, run) -> None:
        from IPython.display import display
        self.handle = display(run.history, display_id=True)

    def epoch(self, run) -> None:
        self.handle.update(run.history)


class _TensorBoard(_Watcher):
    """Training loss every 100 steps, the mean over those of the epoch since the one before; validation
    loss and accuracy after each epoch, by its number."""

    EVERY = 100  # steps

    def __init__(self, folder: str | Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError("writing for TensorBoard needs the package tensorboard: "
                              "pip install 'lenet_book[tensorboard]'") from error
        self.open = lambda: SummaryWriter(str(folder))  # nothing is written before it begins

    def begin(self, run) -> None:
        self.writer = self.open()
        self.before = (run.loss.item(), run.seen)

    def step(self, run) -> None:
        if run.steps % self.EVERY == 0:
            loss, seen = run.loss.item(), run.seen
            mean = (loss - self.before[0]) / (seen - self.before[1])
            self.writer.add_scalar("training loss", mean, run.steps)
            self.before = (loss, seen)

    def epoch(self, run) -> None:
        self.before = (0.0, 0)
        last = run.history.epochs[-1]
        if last.validation_loss is not None:
            self.writer.add_scalar("validation loss", last.validation_loss, last.number)
            self.writer.add_scalar("validation accuracy", 1 - last.validation_error, last.number)

    def close(self) -> None:
        self.writer.close()


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and hasattr(shell, "kernel")
