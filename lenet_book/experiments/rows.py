"""What is trained in each experiment: its rows, in the order of the table."""

from dataclasses import dataclass, field, replace

import torch
from torch import nn

from .. import mnist, models
from ..mnist import Digits
from ..training import RECIPES, Distortion, Recipe

# What networks are trained with that are to be compared: nothing in it belongs to one of them.
_COMMON = Recipe(learning_rate=0.01, weight_decay=0.01, batch_size=128, epochs=3)


@dataclass(frozen=True)
class Row:
    """One way to build and train a network.

    name: what a table calls it. model, options: for `models.build`. validation: do not train on the
    last 5,000 training digits, but measure the error on them after each epoch. scaling: of the digits,
    where it is not the network's own. first: train on so many of the training digits, None for all.
    """

    name: str
    model: str
    recipe: Recipe
    options: dict = field(default_factory=dict)
    validation: bool = False
    scaling: str | None = None
    first: int | None = None

    def build(self) -> torch.nn.Module:
        """A fresh network, its weights drawn from torch's global generator."""
        model = models.build(self.model, **self.options)
        if self.scaling:
            model.scaling = self.scaling
        return model

    def examples(self, seed: int, train: Digits, test: Digits) -> tuple:
        """What it is trained and tested on, made of these digits, as `fit` and `evaluate` take it."""
        return train[:self.first], test


def rows_of(name: str) -> tuple[Row, ...]:
    """The rows of an experiment, in the order of its table. Raises KeyError for an unknown one."""
    if not isinstance(name, str) or name not in EXPERIMENTS:
        raise KeyError(f"no experiment is called {name!r}; there are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def _from_1998_to_today() -> tuple[Row, ...]:
    """Each row changes something of an earlier one; chapter 10 prints what, and of which."""
    sdlm = Recipe(optimiser="sdlm", learning_rate=5e-5, batch_size=1, epochs=3,
                  schedule=((1, 0.2), (1, 1.0), (1, 0.2)))
    sgd = Recipe(optimiser="sgd", learning_rate=0.001, momentum=0.9, batch_size=64, epochs=3,
                 schedule="constant")
    adamw = _COMMON
    muon = replace(adamw, optimiser="muon", learning_rate=0.005, weight_decay=0.1)
    bend = Distortion(rotation=12, scale=0.12, shear=0.15, shift=2, elastic=0.04)

    def row(name: str, recipe: Recipe, **options) -> Row:
        return Row(name, "lenet5-variant", recipe, options)

    softmax = {"output": "softmax", "initial_weights": "torch"}
    relu = softmax | {"activation": "relu"}
    today = relu | {"pooling": "max", "connections": "dense"}
    return (
        row("1998, digit by digit with SDLM", sdlm),
        row("SGD with momentum, batches of 64", sgd),
        row("AdamW, one cycle, batches of 128", adamw),
        row("softmax for the RBF", adamw, output="softmax"),
        row("PyTorch's initial weights", adamw, **softmax),
        row("logistic for the scaled tanh", adamw, **softmax, activation="logistic"),
        row("plain tanh for the scaled tanh", adamw, **softmax, activation="tanh"),
        row("ReLU for the scaled tanh", adamw, **relu),
        row("average pooling for subsampling", adamw, **relu, pooling="average"),
        row("scaled tanh, average pooling", adamw, **softmax, pooling="average"),
        row("max pooling for average pooling", adamw, **relu, pooling="max"),
        row("dense C3 for the table", adamw, **today),
        row("BatchNorm", adamw, **today, batch_norm=True),
        row("distorted digits, without BatchNorm", replace(adamw, augmentation=bend), **today),
        row("Muon for AdamW", muon, **today),
    )


class _FromXavier(Row):
    """A row whose network begins with Xavier's weights (Glorot and Bengio 2010), PyTorch's biases."""

    def build(self) -> nn.Module:
        model = super().build()
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
        return model


def _which_lenet() -> tuple[Row, ...]:
    """The nets of `models.tutorials` without their mistakes: under one recipe, then under their own.

    lenet-batchnorm and lenet-tanh were published without a training. Where a text takes pixels from 0
    to 1, its own row does; of lenet-relu the text does not say it. "First tried" is what the author of
    lenet-sigmoid gave up: a sigmoid after each dense layer.
    """
    nets = {"1998": ("lenet5-1998", {}), "BatchNorm": ("lenet-batchnorm", {}),
            "ReLU": ("lenet-relu", {}), "tanh": ("lenet-tanh", {}), "sigmoid": ("lenet-sigmoid", {}),
            "dense sigmoids": ("lenet-sigmoid", {"dense_sigmoids": True})}

    def row(name: str, how: str, recipe: Recipe, kind: type[Row] = Row, **others) -> Row:
        model, options = nets[name]
        return kind(f"{name}, {how}", model, recipe, options, **others)

    return (
        *(row(name, "same recipe", _COMMON) for name in nets),
        row("ReLU", "as published", RECIPES["tutorial-relu"]),
        row("sigmoid", "as published", RECIPES["tutorial-sigmoid"], scaling="unit"),
        row("dense sigmoids", "as published", RECIPES["tutorial-d2l"], _FromXavier, scaling="unit"),
        row("dense sigmoids", "first tried", RECIPES["tutorial-sigmoid"], scaling="unit"),
        row("dense sigmoids", "first tried, standard", RECIPES["tutorial-sigmoid"]),
    )


def _few_digits() -> tuple[Row, ...]:
    """What dropout and shifts do, alone and together, where there are few digits: chapter 11."""
    plain = Recipe(learning_rate=3e-3, weight_decay=0.01, batch_size=64, epochs=60)
    shifted = replace(plain, augmentation=Distortion(shift=4))

    def row(name: str, recipe: Recipe, **options) -> Row:
        return Row(name, "alexnet-small", recipe, options, first=1_000)

    return (row("plain", plain), row("dropout", plain, dropout=0.5), row("shifts", shifted),
            row("dropout and shifts", shifted, dropout=0.5))


def _initial_weights() -> tuple[Row, ...]:
    """A thin VGG of 16 layers that begins in several ways, with the paper's momentum: chapter 12.

    On a sixth of the digits.
    """
    recipe = Recipe(optimiser="sgd", learning_rate=0.02, momentum=0.9, batch_size=128, epochs=3)
    begins = {"He": "he", "Xavier": "xavier", "PyTorch's default": "torch",
              "standard deviation 0.01": 0.01, "variance 0.01": 0.1}
    return tuple(Row(name, "vgg-small-16", recipe, {"initial_weights": value}, first=10_000)
                 for name, value in begins.items())


def _training_size() -> tuple[Row, ...]:
    """LeNet-5 of today on ever more digits, of which each training sees 180,000: chapter 10."""
    return tuple(Row(f"{digits:,} digits", "lenet5", replace(_COMMON, epochs=3 * 60_000 // digits),
                     first=digits) for digits in (1_875, 3_750, 7_500, 15_000, 30_000, 60_000))


class _OnCanvases(Row):
    """A row that has to find the digit: canvases of the first 20,000 training digits, others for each
    seed, and always the same ones of all test digits."""

    def examples(self, seed: int, train: Digits, test: Digits) -> tuple:
        return (mnist.cluttered(train[:20_000], seed=seed).examples(),
                mnist.cluttered(test, seed=0).examples())


def _find_the_digit() -> tuple[Row, ...]:
    """LeNet-5 and small relatives of the nets that followed, alike trained: chapters 11 to 14.

    The recipe was settled beforehand, for all of them, and not tuned for any.
    """
    recipe = Recipe(learning_rate=3e-3, weight_decay=0.01, batch_size=128, epochs=3)

    def row(name: str, model: str, **options) -> Row:
        return _OnCanvases(name, model, recipe, options)

    canvas = {"input_size": 40, "initial_weights": "he"}
    return (
        row("LeNet-5", "lenet5", **canvas),
        row("LeNet-5, wider", "lenet5", maps=[12, 36], **canvas),
        row("AlexNet-like", "alexnet-small"),
        row("AlexNet-like, tanh for ReLU", "alexnet-small", activation="tanh",
            initial_weights="xavier"),
        row("AlexNet-like, Xavier's weights", "alexnet-small", initial_weights="xavier"),
        row("AlexNet-like, tanh, He's weights", "alexnet-small", activation="tanh"),
        row("AlexNet-like, dropout", "alexnet-small", dropout=0.5),
        row("AlexNet-like, tanh and dropout", "alexnet-small", activation="tanh",
            initial_weights="xavier", dropout=0.5),
        row("VGG-like", "vgg-small"),
        row("VGG-like, 5 x 5 for pairs of 3 x 3", "vgg-small-5x5"),
        row("VGG-like, average for dense layers", "vgg-small-average"),
        row("NiN-like", "nin-small"),
        row("NiN-like, plain convolutions", "nin-small-plain"),
        row("NiN-like, ReLU on the class maps", "nin-small", class_relu=True),
        row("GoogLeNet-like", "googlenet-small"),
        row("GoogLeNet-like, no reductions", "googlenet-small", reductions=False),
        row("GoogLeNet-like, 3 x 3 for modules", "googlenet-small", threes=[24, 60, 74]),
        row("GoogLeNet-like, auxiliary head", "googlenet-small-with-head"),
    )


def _auxiliary_head() -> tuple[Row, ...]:
    """The two rows of find-the-digit that differ in a head, for more seeds: chapter 14."""
    return tuple(row for row in _find_the_digit()
                 if row.name in ("GoogLeNet-like", "GoogLeNet-like, auxiliary head"))


EXPERIMENTS: dict[str, tuple[Row, ...]] = {
    "fast": (Row("fast", "lenet5", RECIPES["fast"]),),
    "accurate": (Row("accurate", "lenet5", RECIPES["accurate"]),),
    "to-99": (Row("tutorial loop, SGD", "lenet-relu", replace(RECIPES["tutorial-relu"], epochs=30),
                  validation=True),
              Row("tutorial loop, Adam", "lenet-relu",
                  Recipe(optimiser="adam", learning_rate=1e-3, batch_size=64, epochs=10,
                         schedule="constant"), validation=True)),
    "paper-1998": tuple(Row(name, "lenet5-1998", RECIPES[name])
                        for name in ("paper-1998", "paper-1998-distorted")),
    "from-1998-to-today": _from_1998_to_today(),
    "which-lenet": _which_lenet(),
    "training-size": _training_size(),
    "few-digits": _few_digits(),
    "initial-weights": _initial_weights(),
    "find-the-digit": _find_the_digit(),
    "auxiliary-head": _auxiliary_head(),
}
