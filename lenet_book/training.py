"""Train a network and measure it. Knows no data set and no network by name.

A network may say three things about itself; the book's do, and a plain nn.Module need not:

    model.input_size, model.scaling    how the examples are to be prepared: 32, "paper" if unsaid
    model.loss(outputs, labels)        what to minimise: cross-entropy of scores if unsaid
    model.predict(outputs)             outputs -> classes: the largest score if unsaid

Examples are anything with `inputs(size=, scaling=)` and `labels`, such as `mnist.Digits`.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import NormalDist

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from .recipes import Recipe


@dataclass(frozen=True, eq=False)
class Score:
    """How a network did on a set of examples.

    error_rate: share of wrong answers, 0 to 1. loss: mean over the examples.
    predictions: int64, one class for each example, in the examples' order.
    """

    error_rate: float
    loss: float
    predictions: Tensor

    @property
    def errors(self) -> int:
        """Number of wrong answers."""
        return round(self.error_rate * len(self.predictions))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Binomial interval for the true error rate: what other digits from the same pile would give.

        Source: Wilson 1927; it stays inside 0 to 1 and holds up near 0, where the textbook
        p +- z sqrt(p (1 - p) / n) does not.
        """
        n, p = len(self.predictions), self.error_rate
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(centre - reach, 0.0), min(centre + reach, 1.0)

    def __repr__(self) -> str:
        low, high = self.interval()
        return (f"error {self.error_rate:.2%} ({self.errors:,} of {len(self.predictions):,} wrong; "
                f"95 % interval {low:.2%} to {high:.2%}), loss {self.loss:.4f}")


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set.

    train_loss, train_error: means over the pass, measured on the fly while the weights still
    change, as in the paper; the first pass therefore looks worse than the net it ends with.
    validation_loss, validation_error: after the pass, on examples that are not trained on.
    """

    number: int
    train_loss: float
    train_error: float
    validation_loss: float | None
    validation_error: float | None
    seconds: float


@dataclass
class History:
    """What happened in each epoch. Shows itself as a curve in a notebook."""

    epochs: list[Epoch] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Training time, all epochs together."""
        return sum(epoch.seconds for epoch in self.epochs)

    def plot(self):
        """Training and validation error against the epoch, as a matplotlib Figure."""
        from . import plots  # only who looks at a curve pays for matplotlib
        return plots.learning_curve(
            {"training, on the fly": [e.train_error for e in self.epochs],
             "validation": [e.validation_error for e in self.epochs
                            if e.validation_error is not None]})

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.plot()._repr_mimebundle_() if self.epochs else {"text/plain": repr(self)}

    def __repr__(self) -> str:
        if not self.epochs:
            return "no epoch yet"
        last = self.epochs[-1]
        measured = f"training error {last.train_error:.2%}, loss {last.train_loss:.4f}"
        if last.validation_error is not None:
            measured += f"; validation error {last.validation_error:.2%}"
        return f"{last.number} epochs in {self.seconds:.0f} s; in the last {measured}"


def fit(model: nn.Module, train, recipe: Recipe, validation=None, device: str = "auto",
        progress: bool = True) -> History:
    """Train a network in place and return what happened in each epoch.

    train, validation: examples (see the module's docstring), kept whole in memory on the device.
    device: "auto" takes cuda, else mps, else cpu; or a torch device name. The model moves there.
    progress: show a bar with the loss and error so far; TQDM_DISABLE=1 in the environment hides it.
    Each epoch draws one permutation from a generator of its own, seeded by recipe.seed, so that
    torch's global generator is left alone. Ends in evaluation mode.
    Raises FloatingPointError where the loss is no longer finite.
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe, such as RECIPES['fast'], not {recipe!r}")
    model.to(choose_device(device))
    inputs, labels = _tensors(model, train)
    steps = math.ceil(len(labels) / recipe.batch_size)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=recipe.learning_rate,
                                  weight_decay=recipe.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=recipe.learning_rate, total_steps=recipe.epochs * steps)
    generator = torch.Generator().manual_seed(recipe.seed)
    history = History()
    hidden = {} if progress else {"disable": True}  # unsaid, the environment decides
    with tqdm(total=recipe.epochs * steps, unit="step", **hidden) as bar:
        for number in range(1, recipe.epochs + 1):
            bar.set_description(f"epoch {number} of {recipe.epochs}")
            start = time.perf_counter()
            order = torch.randperm(len(labels), generator=generator).to(labels.device)
            loss, error = _train_one_epoch(
                model, inputs, labels, order.split(recipe.batch_size), optimiser, schedule, bar)
            seconds = time.perf_counter() - start
            if not math.isfinite(loss):
                raise FloatingPointError(
                    f"the mean loss of epoch {number} is {loss}: the steps are too large for this "
                    f"network; try a learning rate below {recipe.learning_rate}")
            score = evaluate(model, validation) if validation is not None else None
            history.epochs.append(Epoch(number, loss, error, score and score.loss,
                                        score and score.error_rate, seconds))
    model.eval()
    return history


def evaluate(model: nn.Module, examples, batch_size: int = 1000) -> Score:
    """Error rate, mean loss and predictions, on the device where the model is.

    The model is in evaluation mode meanwhile and afterwards in the mode it had.
    """
    inputs, labels = _tensors(model, examples)
    criterion, predict = _judge(model)
    was_training = model.training
    model.eval()
    total, predictions = 0.0, []
    try:
        with torch.inference_mode():
            for x, y in zip(inputs.split(batch_size), labels.split(batch_size), strict=True):
                outputs = model(x)
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
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _train_one_epoch(model: nn.Module, inputs: Tensor, labels: Tensor, batches: Iterator[Tensor],
                     optimiser, schedule, bar: tqdm) -> tuple[float, float]:
    """One pass; returns the mean loss and the error rate met on the way."""
    criterion, predict = _judge(model)
    total = torch.zeros((), device=labels.device)
    wrong = torch.zeros((), dtype=torch.int64, device=labels.device)
    seen = 0
    model.train()
    for batch in batches:
        y = labels[batch]
        outputs = model(inputs[batch])
        loss = criterion(outputs, y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        # Sums stay on the device: reading one at every step would make a GPU wait for each.
        total += loss.detach() * len(y)
        wrong += (predict(outputs) != y).sum()
        seen += len(y)
        if bar.n % 50 == 0:
            bar.set_postfix(loss=f"{total.item() / seen:.4f}", error=f"{wrong.item() / seen:.2%}",
                            refresh=False)
        bar.update()
    return total.item() / seen, wrong.item() / seen


def _tensors(model: nn.Module, examples) -> tuple[Tensor, Tensor]:
    """Inputs as this model takes them and labels, on the model's device."""
    if len(examples.labels) == 0:
        raise ValueError("there are no examples: the set is empty")
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    inputs = examples.inputs(size=getattr(model, "input_size", 32),
                             scaling=getattr(model, "scaling", "paper"))
    return inputs.to(device), examples.labels.to(device)


def _judge(model: nn.Module):
    """The model's own loss and decision, or those of plain class scores."""
    return (getattr(model, "loss", F.cross_entropy),
            getattr(model, "predict", lambda scores: scores.argmax(dim=1)))
