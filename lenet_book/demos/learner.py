"""A LeNet-5 that learns step by step, and how it has fared."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from .. import mnist
from ..layers import ScaledTanh, Subsampling
from ..models import build
from ..training import evaluate, speed

ACTIVATIONS = {"ReLU": nn.ReLU, "scaled tanh": ScaledTanh, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
POOLINGS = {"max": lambda maps: nn.MaxPool2d(2), "average": lambda maps: nn.AvgPool2d(2),
            "subsampling of 1998": Subsampling}
WINDOW, _EVERY = 1000, 5000  # digits: of a training error, and between two validations


class Learner:
    """A net, how it learns step by step, and how it has fared.

    model: always in evaluation mode, in which its layers learn as well. seen: digits so far. total:
    those of all epochs asked for. net: its activation function and pooling. learning_rate, batch_size:
    of each step. training, validation: after so many digits, the share read wrong of about the last
    1,000, and of the validation set. trouble: in words, why it does not learn.
    """

    def __init__(self, seed: int, activation: str, pooling: str, learning_rate: float, batch_size: int):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.model = network(activation, pooling).eval()
        self.seed, self.net = seed, (activation, pooling)
        self.learning_rate, self.batch_size = learning_rate, batch_size
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=learning_rate, momentum=0.9)
        self.generator = torch.Generator().manual_seed(seed)
        self.order = torch.empty(0, dtype=torch.int64, device="cpu")  # what this epoch still has
        self.seen, self.epochs, self.trouble = 0, 1, ""
        self.training: list[tuple[int, float]] = []
        self.validation: list[tuple[int, float]] = []
        self._wrong = self._since = 0  # in the window that is not full yet

    @property
    def total(self) -> int:
        return self.epochs * len(_digits()[0])

    def progress(self, running: bool) -> dict:
        """How it learns and has fared until now, for JSON; the controls say what starts next.

        running: whether it is learning. recorded: whether it is a run that was recorded.
        """
        return {
            "seen": self.seen, "total": self.total, "running": running, "trouble": self.trouble,
            "net": list(self.net), "learning_rate": self.learning_rate, "batch_size": self.batch_size,
            "recorded": False,
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "kernels": self.model.c1.weight.detach().flatten().tolist(),  # 6 x 5 x 5
            "training": [list(point) for point in self.training],
            "validation": [list(point) for point in self.validation],
            "validation_digits": len(_digits()[1])}

    def step(self) -> None:
        """One batch. Raises FloatingPointError, with what to do, where the loss is not finite."""
        train, validation = _digits()
        if len(self.order) == 0:
            self.order = torch.randperm(len(train), generator=self.generator, device="cpu")
        batch, self.order = train[self.order[:self.batch_size]], self.order[self.batch_size:]
        logits = speed.faster(self.model, self.batch_size)(
            batch.inputs(self.model.input_size, self.model.scaling))
        loss = F.cross_entropy(logits, batch.labels)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"After {self.seen:,} digits the loss is no longer a finite number: the steps are too "
                "large. Choose a smaller learning rate and press start.")
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        before, self.seen = self.seen, self.seen + len(batch)
        self._wrong += (logits.argmax(1) != batch.labels).sum().item()
        self._since += len(batch)
        if self._since >= WINDOW:
            self.training.append((self.seen, self._wrong / self._since))
            self._wrong = self._since = 0
        if before // _EVERY < self.seen // _EVERY:
            self.validation.append((self.seen, evaluate(self.model, validation).error_rate))


def network(activation: str, pooling: str) -> nn.Module:
    """LeNet-5 in its modern form with another activation function or pooling.

    In single precision, as the inputs, on the CPU.
    """
    with torch.device("cpu"):
        net = build("lenet5")
        for name in ("s2_relu", "s4_relu", "c5_relu", "f6_relu"):
            setattr(net, name, ACTIVATIONS[activation]())
        net.s2, net.s4 = POOLINGS[pooling](6), POOLINGS[pooling](16)
    return net.float()


@cache
def _digits() -> tuple[mnist.Digits, mnist.Digits]:
    """To learn from, and the validation set: both from the training files."""
    return mnist.load_mnist()[0].split(58_000)
