"""Small trainings that the tests of this folder share."""

import os
import signal
from dataclasses import replace

import torch
from torch import nn

from lenet_book import mnist, models, training
from lenet_book.training import Distortion, Recipe, run, state
from lenet_book.training.callbacks import Callback

TRAIN, TEST = mnist.load_mnist()
SMALL = TRAIN.subset(600, seed=1)
QUICK = Recipe(learning_rate=5e-3, weight_decay=0.01, batch_size=64, epochs=2)
SDLM = Recipe(optimiser="sdlm", learning_rate=5e-5, batch_size=1, epochs=2,
              schedule=((1, 1.0), (1, 0.4)))
BEND = Distortion(rotation=15, scale=0.1, shear=0.1, shift=2, elastic=0.05)


def fresh(name="lenet5", seed=0):
    torch.manual_seed(seed)
    return models.build(name)


class Counting(nn.Module):
    """Notes which examples it has seen, in which mode; the first pixel is the example's number.

    trials: how often it is run before that counts, once by `fit`.
    """

    input_size, scaling = 28, "unit"

    def __init__(self, trials=1):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(10))
        self.seen, self.modes, self.trials = [], [], trials

    def forward(self, x):
        if self.trials:
            self.trials -= 1
            return x.new_zeros(len(x), 10) + self.weight
        self.seen.append((255 * x[:, 0, 0, 0]).round().int().tolist())
        self.modes.append(self.training)
        return x.new_zeros(len(x), 10) + self.weight


def numbered(n):
    images = torch.zeros(n, 28, 28, dtype=torch.uint8)
    images[:, 0, 0] = torch.arange(n)
    return mnist.Digits(images, torch.arange(n) % 10)


class Dropping(nn.Sequential):
    """Draws from the global generator in each step."""

    def __init__(self):
        super().__init__(nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 32, 10))


class Seeing(nn.Sequential):
    """Keeps the images it was shown."""

    def __init__(self, inputs=32 * 32, classes=10):
        torch.manual_seed(0)
        super().__init__(nn.Flatten(), nn.Linear(inputs, classes))
        self.shown = {True: [], False: []}  # in training, in evaluation

    def forward(self, x):
        self.shown[self.training].append(x.clone())
        return super().forward(x)


def changed_batches(inputs, recipe):
    """What a training by this recipe shows the net, batch by batch."""
    generator, augmentation = torch.Generator().manual_seed(recipe.seed), recipe.augmentation
    return [augmentation.apply(inputs[batch], *augmentation.draw(len(batch), generator))
            for _ in range(recipe.epochs)
            for batch in torch.randperm(len(inputs), generator=generator).split(recipe.batch_size)]


def weights(model):
    """What its weights are now."""
    return copies(model.state_dict())


def copies(state):
    return {name: tensor.clone() for name, tensor in state.items()}


def same(a, b):
    """Are two nested values the same, bit for bit, and of the same types?"""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def without_times(history):
    return [replace(epoch, seconds=0.0) for epoch in history.epochs]


def trained(make, path=None, resume=False, recipe=QUICK, train=SMALL):
    """A net trained for two epochs of ten steps, and its history."""
    torch.manual_seed(0)
    model = make()
    torch.manual_seed(5)
    return model, training.fit(model, train, recipe, SMALL[:100], path, resume, progress=False)


def keep_saves(numbers, monkeypatch):
    """Have a training save after each step; the saves of these numbers go to NUMBER.ckpt beside it."""
    count, save = 0, state.save

    def save_there(path, snapshot):
        nonlocal count
        count += 1
        if count in numbers:
            save(path.with_name(f"{count}.ckpt"), snapshot)
    monkeypatch.setattr(run, "SAVE_EVERY", -1.0)
    monkeypatch.setattr(state, "save", save_there)


class Recording(Callback):
    """Keeps the weights after each step and each epoch; presses Ctrl-C in one of the steps."""

    def __init__(self, stop=None):
        self.states, self.ends, self.results, self.stop = [], [], [], stop

    def after_step(self, run):
        self.states.append(weights(run.model))
        if run.steps == self.stop:
            os.kill(os.getpid(), signal.SIGINT)

    def after_epoch(self, run):
        self.ends.append(weights(run.model))
        self.results.append(copies(run.result))
