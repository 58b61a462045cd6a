"""What a recipe's words mean to PyTorch: its optimiser and its schedule."""

from torch import nn, optim

from .muon import Muon
from .recipes import Recipe
from .sdlm import SDLM


def optimiser(recipe: Recipe, model: nn.Module) -> optim.Optimizer:
    """The recipe's optimiser, for those parameters of the model that are trainable."""
    rate = recipe.learning_rate
    if recipe.optimiser == "sdlm":
        return SDLM(model, lr=rate)
    parameters = [p for p in model.parameters() if p.requires_grad]
    if recipe.optimiser == "sgd":
        return optim.SGD(parameters, lr=rate, momentum=recipe.momentum,
                         weight_decay=recipe.weight_decay, fused=True)
    if recipe.optimiser == "muon":
        return Muon(parameters, lr=rate, weight_decay=recipe.weight_decay)
    kind = {"adamw": optim.AdamW, "adam": optim.Adam}[recipe.optimiser]
    return kind(parameters, lr=rate, weight_decay=recipe.weight_decay, fused=True)


def schedule(recipe: Recipe, optimiser: optim.Optimizer,
             steps_an_epoch: int) -> optim.lr_scheduler.LRScheduler:
    """The recipe's learning rate as a function of the step; to be stepped after each batch.

    Under "one-cycle" the first beta of "adam" and "adamw" goes the other way, from 0.95 to 0.85 and
    back, as is PyTorch's default; the momentum of "sgd" stays the recipe's, that of "muon" 0.95.
    """
    if recipe.schedule == "one-cycle":
        return optim.lr_scheduler.OneCycleLR(optimiser, max_lr=recipe.learning_rate,
                                             total_steps=recipe.epochs * steps_an_epoch,
                                             cycle_momentum=recipe.optimiser in ("adam", "adamw"))
    steps = [(1, 1.0)] if recipe.schedule == "constant" else recipe.schedule
    factors = [factor for epochs, factor in steps for _ in range(epochs)]
    return optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: factors[min(step // steps_an_epoch, len(factors) - 1)])
