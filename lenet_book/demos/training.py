"""A LeNet-5 learns while one watches; other cells can run meanwhile.

The training is a task on the kernel's own event loop that gives way after every few steps. It needs
no thread, and the sliders keep working.
"""

import asyncio
import math
import time
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from .. import mnist
from ..layers import ScaledTanh, Subsampling
from ..models import build
from ..plots import BLUE, GREEN, INK, PALE, RED
from ..training import evaluate
from .base import Demo
from .controls import button, choice, stops
from .sheet import Sheet

ACTIVATIONS = {"ReLU": nn.ReLU, "scaled tanh": ScaledTanh, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
POOLINGS = {"max": lambda maps: nn.MaxPool2d(2), "average": lambda maps: nn.AvgPool2d(2),
            "subsampling of 1998": Subsampling}
LEARNING_RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
BATCH_SIZES = [8, 16, 32, 64, 128, 256, 512]
_WINDOW = 1000  # digits over which the training error is averaged
_HELD_OUT, _EVERY = 2000, 5000  # digits: how many are held out, and after how many they are tried
_SLICE, _PAUSE, _FRAME = 0.03, 0.005, 0.25  # seconds: to train, to let others run, between pictures
_LEFT, _TOP, _WIDTH, _HEIGHT, _LOWEST = 64, 40, 470, 310, 0.003  # the curve; pixels, and an error rate


def training(learning_rate: float = 0.01, batch_size: int = 64, activation: str = "ReLU",
             pooling: str = "max", seed: int = 0, projector: bool = False) -> "TrainingDemo":
    """Train a net with LeNet-5's layers by stochastic gradient descent, momentum 0.9.

    learning_rate: one of LEARNING_RATES; it acts at once, also while the net learns.
    batch_size: digits a step, one of BATCH_SIZES; acts at once too. activation: one of ACTIVATIONS.
    pooling: one of POOLINGS. seed: of the initial weights and of the order of the digits.
    The result has two attributes more than other demos: `model`, the net in evaluation mode, which
    may be used at any time, and `task`, which can be awaited while it learns.
    """
    controls = {
        "learning_rate": stops("learning rate", learning_rate, LEARNING_RATES, 280),
        "batch_size": stops("batch size", batch_size, BATCH_SIZES, 280),
        "activation": choice("activation", activation, list(ACTIVATIONS)),
        "pooling": choice("pooling", pooling, list(POOLINGS), width=240),
        "start": button("start", "begin with a fresh net"),
        "stop": button("stop", "pause; the net can be used"),
        "continue": button("continue", "go on from here; after a whole pass, add another"),
    }
    return TrainingDemo(controls, seed, projector)


class TrainingDemo(Demo):
    """The demo with the net that it trains."""

    def __init__(self, controls, seed: int, projector: bool):
        self.seed = seed
        self.task: asyncio.Task | None = None
        self.trouble = ""
        self._forget()
        super().__init__("training", self._draw, controls, (840, 420), projector=projector, actions={
            "start": self._start, "stop": self._stop, "continue": self._continue})

    @property
    def running(self) -> bool:
        """Whether the net is learning just now."""
        return self.task is not None and not self.task.done()

    def close(self) -> None:
        """Stop learning and take the widgets away; the model stays."""
        self._stop()
        super().close()

    def _forget(self, activation: str = "ReLU", pooling: str = "max") -> None:
        """A fresh net that has seen nothing."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.model = network(activation, pooling).eval()
        self.kind = activation, pooling
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)
        self.generator = torch.Generator().manual_seed(self.seed)
        self.order = torch.empty(0, dtype=torch.int64)
        self.seen, self.passes = 0, 1
        self.errors: list[tuple[int, float]] = []  # digits seen, share wrong of the last _WINDOW
        self.held_out: list[tuple[int, float]] = []
        self.wrong, self.since = 0, 0  # in the window that is not full yet
        self.trouble = ""

    def _start(self) -> None:
        self._stop()
        self._forget(self.controls["activation"].value, self.controls["pooling"].value)
        self._continue()

    def _stop(self) -> None:
        if self.running:
            self.task.cancel()
        self.task = None
        self.model.eval()

    def _continue(self) -> None:
        if self.running:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.trouble = "It can learn only where an event loop runs, as in a notebook."
            return
        if self.seen >= self.passes * len(_digits()[0]):
            self.passes += 1
        self.trouble = ""
        self.task = loop.create_task(self._learn())

    async def _learn(self) -> None:
        """Train to the end of the pass, giving way again and again."""
        shown = time.perf_counter()
        total = self.passes * len(_digits()[0])
        try:
            while self.seen < total:
                until = time.perf_counter() + _SLICE
                while time.perf_counter() < until and self.seen < total and not self.trouble:
                    self._step()
                self.model.eval()  # between two slices it may be used, and is left so by stop
                if self.trouble:
                    break
                if time.perf_counter() - shown > _FRAME:
                    self.redraw()
                    shown = time.perf_counter()
                await asyncio.sleep(_PAUSE)
        except Exception as error:  # a task's error would go unseen
            self.trouble = f"Stopped by an error: {error}."
        self.task = None
        self.redraw()

    def _step(self) -> None:
        """One batch."""
        train, held_out = _digits()
        size = self.controls["batch_size"].value
        if len(self.order) == 0:
            self.order = torch.randperm(len(train), generator=self.generator)
        batch, self.order = train[self.order[:size]], self.order[size:]
        for group in self.optimiser.param_groups:
            group["lr"] = self.controls["learning_rate"].value
        self.model.train()
        scores = self.model(batch.inputs(self.model.input_size, self.model.scaling))
        loss = F.cross_entropy(scores, batch.labels)
        if not torch.isfinite(loss):
            self.trouble = (f"After {self.seen:,} digits the loss is no longer a finite number: the "
                            "steps are too large. Choose a smaller learning rate and press start.")
            return
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        before, self.seen = self.seen, self.seen + len(batch)
        self.wrong += (scores.argmax(1) != batch.labels).sum().item()
        self.since += len(batch)
        if self.since >= _WINDOW:
            self.errors.append((self.seen, self.wrong / self.since))
            self.wrong = self.since = 0
        if before // _EVERY < self.seen // _EVERY:
            self.held_out.append((self.seen, evaluate(self.model, held_out).error_rate))

    def _draw(self, sheet: Sheet, learning_rate, batch_size, activation, pooling) -> str:
        total = self.passes * len(_digits()[0])
        _axes(sheet, total)
        for points, colour in ((self.errors, BLUE), (self.held_out, RED)):
            sheet.curve([_place(x, y, total) for x, y in points], colour, 2)
        for x, y in self.held_out:
            left, top = _place(x, y, total)
            sheet.fill(left - 3, top - 3, 6, 6, RED)
        sheet.text(_LEFT + _WIDTH - 12, _TOP + 14, "training digits", 13, BLUE, "rm", bold=True)
        sheet.text(_LEFT + _WIDTH - 12, _TOP + 32, "■ held-out digits", 13, RED, "rm", bold=True)
        sheet.text(580, 22, "the kernels of C1", 15, anchor="lm", bold=True)
        sheet.maps(self.model.c1.weight.detach()[:, 0], 580, 44, 70, columns=3, gap=8)
        sheet.text(580, 218, "orange above zero, violet below", 12, anchor="lm")
        sheet.text(580, 250, "held-out digits read wrong", 15, anchor="lm", bold=True)
        latest = f"{self.held_out[-1][1]:.1%}" if self.held_out else "not tried yet"
        sheet.text(580, 284, latest, 30 if self.held_out else 20, RED, "lm", bold=True)
        sheet.bar(580, 322, 230, 22, self.seen / total, GREEN)
        sheet.text(580, 358, f"{self.seen:,} of {total:,} digits seen", 13, anchor="lm")
        sheet.text(580, 384, f"{activation}, {pooling}", 13, anchor="lm")
        sheet.text(580, 404, f"learning rate {learning_rate:g}, {batch_size} a step", 13, anchor="lm")
        return self.trouble or self._sentence(
            total, learning_rate, batch_size, (activation, pooling))

    def _sentence(self, total: int, learning_rate: float, batch_size: int,
                  kind: tuple[str, str]) -> str:
        count = sum(parameter.numel() for parameter in self.model.parameters())
        if not self.seen:
            state = "has begun to learn" if self.running else "has learned nothing yet; press start"
            return (f"A fresh net with LeNet-5's layers ({kind[0]}, {kind[1]} pooling) {state}. One "
                    f"pass: {total:,} digits, {batch_size} a step, learning rate {learning_rate:g}.")
        state = "Learning" if self.running else "Pass finished" if self.seen >= total else "Stopped"
        words = [f"{state}: {self.seen:,} of {total:,} digits seen by {count:,} parameters "
                 f"({self.kind[0]}, {self.kind[1]} pooling; learning rate {learning_rate:g}, "
                 f"{batch_size} a step)"]
        if self.errors:
            words.append(f"of the last {_WINDOW:,} or so {self.errors[-1][1]:.1%} were read wrong")
        if self.held_out:
            words.append(f"of {_HELD_OUT:,} held-out digits {self.held_out[-1][1]:.1%}")
        other = ("" if kind == self.kind else
                 f" For a net with {kind[0]} and {kind[1]} pooling press start.")
        return "; ".join(words) + "." + other


def network(activation: str, pooling: str) -> nn.Module:
    """LeNet-5 in its modern form with another squashing function or pooling."""
    net = build("lenet5")
    for name in ("s2_relu", "s4_relu", "c5_relu", "f6_relu"):
        setattr(net, name, ACTIVATIONS[activation]())
    net.s2, net.s4 = POOLINGS[pooling](6), POOLINGS[pooling](16)
    return net


@cache
def _digits() -> tuple[mnist.Digits, mnist.Digits]:
    """To learn from, and held out: both from the training files."""
    train, _ = mnist.load_mnist()
    return train[:-_HELD_OUT], train[-_HELD_OUT:]


def _axes(sheet: Sheet, total: int) -> None:
    sheet.text(_LEFT, 22, "digits read wrong", 15, anchor="lm", bold=True)
    for error in (1, 0.3, 0.1, 0.03, 0.01, 0.003):
        _, y = _place(0, error, total)
        sheet.fill(_LEFT, y, _WIDTH, 1, PALE)
        sheet.text(_LEFT - 8, y, f"{error:.1%}" if error < 0.01 else f"{error:.0%}", 12, anchor="rm")
    for part in range(5):
        x = _LEFT + _WIDTH * part / 4
        sheet.fill(x, _TOP, 1, _HEIGHT, PALE)
        sheet.text(x, _TOP + _HEIGHT + 14, f"{total * part // 4:,}", 12)
    sheet.fill(_LEFT, _TOP + _HEIGHT, _WIDTH, 1, INK)
    sheet.text(_LEFT + _WIDTH / 2, _TOP + _HEIGHT + 36, "digits seen", 13)


def _place(seen: int, error: float, total: int) -> tuple[float, float]:
    """Where a point of the curve lies: the error on a logarithmic scale, 100 % at the top."""
    depth = math.log(max(error, _LOWEST)) / math.log(_LOWEST)
    return _LEFT + _WIDTH * seen / total, _TOP + _HEIGHT * depth
