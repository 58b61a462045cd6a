"""Settings that make a training fast and leave its result alone, but for rounding.

Each was tried alone, on and off in turn, on two cores, and brings more than a tenth of the time of a
step or of an evaluation; fewer threads do where other programs want the cores, too.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch
from torch import Tensor, nn

from ..memory import keep_freed
from .callbacks import Callback
from .fused import fuse


def faster(model: nn.Module, batch_size: int) -> nn.Module:
    """The model in the form that is to be run: for batches that of `fused`."""
    return fuse(model) if batch_size > 1 else model


# Of a batch, what keeps one thread busy: so many pixels or, in a deep net, so many multiply-adds of a
# forward pass. On two cores a second thread gained LeNet-5, at 32 x 32, 1.1 times in batches of 64, 1.2
# in 128, 1.5 in 256; the small nets of chapters 11 to 14, at 40 x 40 in batches of 16, 1.1 to 1.5.
PIXELS_A_THREAD, MULTIPLY_ADDS_A_THREAD = 50_000, 25_000_000
LOOK, LOOK_AGAIN = 0.1, 1.0  # seconds in which to see what else is running: before, in the training


@contextmanager
def work(model: nn.Module) -> Iterator[list[int]]:
    """Meanwhile the list grows by the multiply-adds of each convolution and dense layer that is run."""
    done = []

    def note(layer, inputs, output):
        if isinstance(output, Tensor):  # as all that torch has give, but not all made of these
            done.append(output.numel() // len(layer.weight) * layer.weight.numel())
    hooks = [part.register_forward_hook(note) for part in model.modules()
             if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear)]
    try:
        yield done
    finally:
        for hook in hooks:
            hook.remove()


def share_of_a_thread(pixels: int, multiply_adds: float) -> float:
    """How much of a thread one example keeps busy, by the numbers in its input and by its work."""
    return max(pixels / PIXELS_A_THREAD, multiply_adds / MULTIPLY_ADDS_A_THREAD)


def threads(batch_size: int, share: float) -> int:
    """How many threads a training should take: as many as its batches are worth, of the cores free now.

    share: of a thread, that one example keeps busy.
    At most as many as torch has. A thread too many costs more than it brings: beside another program
    the others wait, in each layer, for the one that had no core.
    """
    worth = min(torch.get_num_threads(), int(batch_size * share))
    return 1 if worth < 2 else _free(worth, psutil.cpu_percent(interval=LOOK))


def _free(worth: int, busy: float, ours: float = 0.0) -> int:
    """The smaller of so many threads and the cores left, where all are busy for so many per cent.

    ours: how many cores this process itself keeps busy.
    """
    cores = psutil.cpu_count() or 1
    return max(1, min(worth, round(cores * (1 - busy / 100) + ours)))


class LookAgain(Callback):
    """Where a training has just begun on several threads, it may take fewer, once.

    When many begin together, as in a class, each has seen a free machine. What is resumed keeps the
    number of threads that it had; of several processes of one training the first alone looks again.
    """

    def before_training(self, run) -> None:
        self.due = None
        if torch.get_num_threads() > 1 and run.steps == 0:
            self.began, self.due = time.process_time(), time.monotonic() + LOOK_AGAIN
            psutil.cpu_percent()  # the next call says what was busy since this one

    def after_step(self, run) -> None:
        if self.due and (late := time.monotonic() - self.due) >= 0:
            ours = (time.process_time() - self.began) / (LOOK_AGAIN + late)
            torch.set_num_threads(_free(torch.get_num_threads(), psutil.cpu_percent(), ours))
            self.due = None


@contextmanager
def settings(batch_size: int, share: float) -> Iterator[None]:
    """For the time of a training; afterwards all is as it was, but for the C library's memory.

    share: of a thread, that one example keeps busy.
    A single example is so little work that oneDNN's preparation of each call takes longer than the
    computation (1.5 times an epoch by the recipe paper-1998).
    """
    keep_freed()
    onednn, before = torch.backends.mkldnn.enabled, torch.get_num_threads()
    if batch_size == 1:
        torch.backends.mkldnn.enabled = False
    torch.set_num_threads(threads(batch_size, share))
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = onednn
        torch.set_num_threads(before)
