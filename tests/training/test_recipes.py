"""Recipes as values, and that each of them trains."""

import math
import re
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from trainings import BEND, SMALL, fresh

from lenet_book import training
from lenet_book.training import RECIPES, Distortion, Recipe


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains(name):
    model = fresh("lenet5-1998" if RECIPES[name].optimiser == "sdlm" else "lenet-relu")
    before = model.f6.weight.clone()
    training.fit(model, SMALL[:20], replace(RECIPES[name], epochs=3), progress=False)
    assert not torch.equal(model.f6.weight, before) and model.f6.weight.isfinite().all()


@pytest.mark.parametrize("schedule", [
    "linear", None, 3, (), (2, 1.0), ((2,),), ((2, 1.0, 3),), ((0, 1.0),), ((1, 1.0), (2.5, 0.1)),
    ((1, 0.0),), ((1, -1),), ((1, math.nan),), [(2, 1.0)]])
def test_schedules_refuse(schedule):
    with pytest.raises(ValueError, match=r"schedule must be .*, not " + re.escape(repr(schedule))):
        Recipe(learning_rate=1, schedule=schedule)


def test_recipes_refuse_what_cannot_be_or_does_not_go_together():
    for name in ("momentum", "ema"):
        with pytest.raises(ValueError, match=f"{name} must be at least 0 and below 1, not 1"):
            replace(RECIPES["fast"], **{name: 1})
    with pytest.raises(ValueError, match="must be one of adamw, adam, sgd, muon, sdlm, not 'lion'"):
        Recipe(learning_rate=1, optimiser="lion")
    with pytest.raises(ValueError, match="momentum belongs to \"sgd\"; 'adam' would not use it"):
        Recipe(learning_rate=1, optimiser="adam", momentum=0.9)
    with pytest.raises(ValueError, match="augmentation_end must be at least 0 and at most 1, not 1.5"):
        Recipe(learning_rate=1, augmentation=BEND, augmentation_end=1.5)
    with pytest.raises(ValueError, match="augmentation_end=0.5 needs an augmentation that can decay"):
        Recipe(learning_rate=1, augmentation_end=0.5)


def test_recipes_are_values():
    with pytest.raises(FrozenInstanceError):
        RECIPES["fast"].epochs = 3
    for recipe in RECIPES.values():
        names = {"Recipe": Recipe, "Distortion": Distortion}
        assert eval(repr(recipe), names) == recipe
        assert replace(recipe) in {recipe} and replace(recipe, seed=1) not in {recipe}
    assert repr(Recipe(learning_rate=0.1, epochs=3)) == "Recipe(learning_rate=0.1, epochs=3)"
