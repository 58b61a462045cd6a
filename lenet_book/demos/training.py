"""A LeNet-5 learns while one watches; other cells can run meanwhile.

The training is a task on the kernel's own event loop that yields after every few steps. It needs no
thread, and the sliders keep working. What the net has done so far is a value, which the page paints; a
page without a kernel replays a recorded run.
"""

import asyncio
import math
import time

import torch
from torch import nn

from ..arguments import whole
from ..plots import BLUE, GREEN, INK, PALE, RED
from .base import Demo, Facts
from .controls import Held, button, choice, stops
from .learner import ACTIVATIONS, POOLINGS, WINDOW, Learner
from .sheet import Sheet

LEARNING_RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
BATCH_SIZES = [8, 16, 32, 64, 128, 256, 512]
_SLICE, _PAUSE, _FRAME = 0.03, 0.005, 0.25  # seconds: to train, to let others run, between pictures
_LEFT, _TOP, _WIDTH, _HEIGHT, _LOWEST = 62, 38, 456, 208, 0.003  # the curve; pixels, and an error rate
_RIGHT, _END = 572, 828  # what stands beside it


def training(learning_rate: float = 0.01, batch_size: int = 64, activation: str = "ReLU",
             pooling: str = "max", seed: int = 0, projector: bool = False,
             hidden: bool = False) -> "TrainingDemo":
    """Train a net with LeNet-5's layers by stochastic gradient descent, momentum 0.9.

    learning_rate: one of LEARNING_RATES. batch_size: digits a step, one of BATCH_SIZES.
    activation: one of ACTIVATIONS. pooling: one of POOLINGS. What is chosen counts from the next start.
    seed: of the initial weights and of the order of the digits.
    The result has two attributes more than other demos: `model`, the net in evaluation mode, which
    may be used at any time, and `task`, which can be awaited while it learns.
    """
    controls = {
        "learning_rate": stops("learning rate", learning_rate, LEARNING_RATES, 280),
        "batch_size": stops("batch size", batch_size, BATCH_SIZES, 280),
        "activation": choice("activation", activation, list(ACTIVATIONS), width=180),
        "pooling": choice("pooling", pooling, list(POOLINGS), width=236),
        "start": button("start", "begin with a fresh net", 90),
        "stop": button("stop", "pause; the net can be used", 90),
        "continue": button("continue", "go on from here; after a whole epoch, add another", 90),
    }
    return TrainingDemo(controls, whole(0, 2**63 - 1)("seed", seed), projector, hidden)


class TrainingDemo(Demo):
    """The demo with the task in which its net learns."""

    def __init__(self, controls, seed: int, projector: bool, hidden: bool):
        self.task: asyncio.Task | None = None
        self.learner = Learner(seed, *(controls[name].value for name in (
            "activation", "pooling", "learning_rate", "batch_size")))
        actions = {"start": self._start, "stop": self._stop, "continue": self._continue}
        progress = Held("progress", self.learner.progress(self.running))
        super().__init__("training", compute, paint, say, controls | {"progress": progress}, (840, 296),
                         actions, projector=projector, hidden=hidden, needs=["training-run"],
                         kernel_buttons=True)
        progress.on_msg(lambda widget, first, buffers: self._reset(**first))

    @property
    def model(self) -> nn.Module:
        return self.learner.model

    @property
    def running(self) -> bool:
        """Whether the net is learning just now."""
        return self.task is not None and not self.task.done()

    @property
    def described(self) -> dict:
        """A page without a kernel shows how far this net has come; only a recorded run can go on."""
        described = super().described
        described["controls"]["progress"]["value"] = self.values["progress"] | {
            "running": False, "recorded": True}
        return described

    def redraw(self) -> None:
        """Show how far the net has come."""
        self.controls["progress"].value = self.learner.progress(self.running)

    def close(self) -> None:
        """Stop learning and take the widgets away; the model stays."""
        self._stop()
        super().close()

    def _reset(self, activation, pooling, learning_rate, batch_size) -> None:
        """Stop, with a fresh net: the page asks for it and says what the controls go back to."""
        self.learner = Learner(self.learner.seed, activation, pooling, learning_rate, batch_size)
        self._stop()

    def _start(self, progress, **chosen) -> None:
        self._reset(**chosen)
        self._continue()

    def _stop(self, **values) -> None:
        if self.running:
            self.task.cancel()
        self.task = None
        self.redraw()

    def _continue(self, **values) -> None:
        if not self.running:
            self._begin()
        self.redraw()

    def _begin(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.learner.trouble = "It can learn only where an event loop runs, as in a notebook."
            return
        self.learner.trouble = ""
        self.learner.epochs += self.learner.seen >= self.learner.total
        self.task = loop.create_task(self._learn())

    async def _learn(self) -> None:
        """Train to the end of the epoch, yielding again and again."""
        learner, shown = self.learner, time.perf_counter()
        try:
            while learner.seen < learner.total:
                until = time.perf_counter() + _SLICE
                while time.perf_counter() < until and learner.seen < learner.total:
                    learner.step()
                if time.perf_counter() - shown > _FRAME:
                    self.redraw()
                    shown = time.perf_counter()
                await asyncio.sleep(_PAUSE)
        except FloatingPointError as error:
            learner.trouble = str(error)
        except Exception as error:  # a task's error would go unseen
            learner.trouble = f"Stopped by an error: {error}."
        finally:
            if self.task is asyncio.current_task():  # not when another has taken its place
                self.task = None
            self.redraw()


def compute(progress: dict, learning_rate: float, batch_size: int, activation: str,
            pooling: str) -> Facts:
    """How the net that learns has fared, see `Learner.progress`, and in words what else is chosen."""
    kernels = torch.tensor(progress["kernels"], dtype=torch.float32, device="cpu").reshape(6, 5, 5)
    learns = _in_words(progress["net"], progress["learning_rate"], progress["batch_size"])
    chosen = _in_words([activation, pooling], learning_rate, batch_size)
    return Facts(**progress | {"kernels": kernels}, other=[
        words for words in chosen if words not in learns and not progress["recorded"]])


def _in_words(net: list[str], learning_rate: float, batch_size: int) -> list[str]:
    return [f"a net with {', '.join(net)}", f"learning rate {learning_rate:g}",
            f"batch size {batch_size}"]


def paint(sheet: Sheet, facts: Facts) -> None:
    _paint_axes(sheet, facts.total)
    sheet.text(_LEFT + _WIDTH, 16, ", ".join(facts.net), anchor="rm")
    for points, colour in ((facts.training, BLUE), (facts.validation, RED)):
        if points:
            sheet.curve([_place(*point, facts.total) for point in points], colour, 3)
    for point in facts.validation:
        x, y = _place(*point, facts.total)
        sheet.fill(x - 4, y - 4, 8, 8, RED)
    sheet.answer(_LEFT + 1, _TOP - 4, _WIDTH + 3, _HEIGHT + 4)
    sheet.title(_RIGHT, 16, "kernels of C1")
    sheet.maps(facts.kernels, _RIGHT, 30, 50, columns=3, gap=6)
    for y, words in ((48, "orange:"), (68, "above 0"), (100, "violet:"), (120, "below 0")):
        sheet.text(_RIGHT + 174, y, words)
    for y, name, points, how, colour in (
            (160, "training", facts.training, f"last {WINDOW:,} or so, as it learned", BLUE),
            (208, "■ validation", facts.validation,
             f"{facts.validation_digits:,} others, as it is now", RED)):
        sheet.title(_RIGHT, y, name, colour=colour)
        error = f"{points[-1][1]:.1%}" if points else "not yet"
        sheet.text(_END, y, error, 22, colour, anchor="rm", bold=True)
        sheet.text(_RIGHT, y + 21, how)
        sheet.answer(_RIGHT + 136, y - 13, _END - _RIGHT - 132, 24)
    sheet.bar(_RIGHT, 248, _END - _RIGHT, 14, facts.seen / facts.total, GREEN)
    sheet.text(_RIGHT, 280, f"{facts.seen:,} of {facts.total:,} digits")


def _paint_axes(sheet: Sheet, total: int) -> None:
    sheet.title(16, 16, "digits read wrong")
    for error in (1, 0.3, 0.1, 0.03, 0.01, 0.003):
        _, y = _place(0, error, total)
        sheet.fill(_LEFT, y, _WIDTH, 1, PALE)
        sheet.text(_LEFT - 6, y, f"{error:.1%}" if error < 0.01 else f"{error:.0%}", anchor="rm")
    for part in range(5):
        x = _LEFT + _WIDTH * part / 4
        sheet.fill(x, _TOP, 1, _HEIGHT, PALE)
        sheet.text(x, _TOP + _HEIGHT + 14, f"{total * part // 4:,}", anchor="mm")
    sheet.fill(_LEFT, _TOP + _HEIGHT, _WIDTH, 1, INK)
    sheet.text(_LEFT + _WIDTH / 2, _TOP + _HEIGHT + 35, "digits seen", anchor="mm")


def _place(seen: int, error: float, total: int) -> tuple[float, float]:
    """Where a point of the curve lies: the error on a logarithmic scale, 100 % at the top."""
    depth = math.log(max(error, _LOWEST)) / math.log(_LOWEST)
    return _LEFT + _WIDTH * seen / total, _TOP + _HEIGHT * depth


def say(facts: Facts) -> str:
    if facts.trouble:
        return facts.trouble
    net = ", ".join(facts.net)
    how = ", ".join(_in_words(facts.net, facts.learning_rate, facts.batch_size)[1:])
    other = f" For {' and '.join(facts.other)} press start." if facts.other else ""
    if facts.recorded:
        other = " This page replays a recorded run: choices act in a notebook."
    if not facts.seen:
        state = "has begun to learn" if facts.running else "has learned nothing yet"
        press = "" if facts.running or facts.other else "; press start"
        return (f"A fresh net with LeNet-5's layers ({net}) and {facts.parameters:,} parameters "
                f"{state}{press}. One epoch: {facts.total:,} digits, {how}.{other}")
    state = ("Learning" if facts.running else "Epoch finished" if facts.seen >= facts.total
             else "Stopped")
    wrong = []
    if facts.training:
        wrong.append(f"{facts.training[-1][1]:.1%} of the last {WINDOW:,} or so, as it learned")
    if facts.validation:
        wrong.append(f"{facts.validation[-1][1]:.1%} of {facts.validation_digits:,} validation digits")
    return (f"{state}: {facts.seen:,} of {facts.total:,} digits seen ({net}; {how})."
            + f" Read wrong: {'; '.join(wrong)}." * bool(wrong) + other)
