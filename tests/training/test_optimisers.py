import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn, optim

from lenet_book import layers, models, paper
from lenet_book.training import muon, optimisers, recipes, sdlm
from lenet_book.training.recipes import RECIPES, Recipe


def sequential():
    """What SDLM can measure."""
    return nn.Sequential(nn.Linear(2, 2), layers.RBFOutput(torch.tensor([[1.0, -1.0], [-1.0, 1.0]])))


@pytest.mark.parametrize(("name", "kind", "options"), [
    ("adamw", optim.AdamW, {"weight_decay": 0.3}), ("adam", optim.Adam, {"weight_decay": 0.3}),
    ("adamw", optim.AdamW, {"weight_decay": 0.0}),  # PyTorch's own default is not 0
    ("sgd", optim.SGD, {"weight_decay": 0.3, "momentum": 0.5}), ("sgd", optim.SGD, {}),
    ("muon", muon.Muon, {"weight_decay": 0.3}), ("sdlm", sdlm.SDLM, {})])
def test_each_word_is_its_optimiser_with_the_recipes_numbers(name, kind, options):
    model = sequential()
    found = optimisers.optimiser(Recipe(learning_rate=0.25, optimiser=name, **options), model)
    assert type(found) is kind
    expected = kind(model if name == "sdlm" else model[0].parameters(), lr=0.25, **options)
    for group, like in zip(found.param_groups, expected.param_groups, strict=True):
        assert [*map(id, group["params"])] == [*map(id, like["params"])]  # not the codes of the output
        for option in like.keys() - {"params", "fused"}:
            assert group[option] == like[option], option


def rates(recipe, steps_an_epoch, key="lr"):
    """What each step of the whole training is taken with."""
    optimiser = optimisers.optimiser(recipe, sequential())
    schedule = optimisers.schedule(recipe, optimiser, steps_an_epoch)
    values = []
    for parameter in optimiser.param_groups[0]["params"]:
        optimiser.state[parameter]["h"] = torch.ones(())  # sdlm asks for it
    for _ in range(recipe.epochs * steps_an_epoch):
        values.append(optimiser.param_groups[0][key])
        optimiser.step()
        schedule.step()  # after the last step, too
    return values


def one_cycle(peak, steps, low=25, lowest=25e4):
    """Half a cosine from peak / low up to the peak over 30 % of the steps, and one down."""
    def wave(start, end, share):
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
    top, last = 0.3 * steps - 1, steps - 1
    return [wave(peak / low, peak, step / top) if step <= top
            else wave(peak, peak / lowest, (step - top) / (last - top)) for step in range(steps)]


@pytest.mark.parametrize("name", recipes.OPTIMISERS)
def test_one_cycle(name):
    recipe = Recipe(optimiser=name, learning_rate=0.5, epochs=4)
    found = rates(recipe, 25)
    assert found == pytest.approx(one_cycle(0.5, 100))
    assert max(found) == found[29] == pytest.approx(0.5)
    assert found[-1] == pytest.approx(2e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_one_cycle_keeps_the_momentum_of_sgd(momentum):
    recipe = Recipe(optimiser="sgd", learning_rate=0.5, momentum=momentum, epochs=2)
    assert rates(recipe, 10, "momentum") == [momentum] * 20


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_one_cycle_turns_adams_beta_the_other_way(name):
    found = rates(Recipe(optimiser=name, learning_rate=0.5, epochs=2), 50, "betas")
    first, second = zip(*found, strict=True)
    assert (first[0], first[29], first[99]) == pytest.approx((0.95, 0.85, 0.95))
    assert set(second) == {0.999}


@pytest.mark.parametrize("name", recipes.OPTIMISERS)
def test_constant(name):
    recipe = Recipe(optimiser=name, learning_rate=0.5, epochs=3, schedule="constant")
    assert rates(recipe, 4) == [0.5] * 12


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from([1.0, 0.5, 2, 1e-3])), min_size=1,
                max_size=4).map(tuple), st.integers(1, 9), st.integers(1, 5))
def test_steps(steps, epochs, steps_an_epoch):
    recipe = Recipe(optimiser="sgd", learning_rate=0.2, epochs=epochs, schedule=steps)
    ends = list(itertools.accumulate(length for length, _ in steps))
    expected = []
    for epoch in range(epochs):
        under_way = [factor for end, (_, factor) in zip(ends, steps, strict=True) if epoch < end]
        expected += [0.2 * (under_way or [steps[-1][1]])[0]] * steps_an_epoch  # the last goes on
    assert rates(recipe, steps_an_epoch) == pytest.approx(expected)


def test_the_recipe_of_1998_has_a_tenth_of_the_papers_rates_and_a_gentler_first_epoch():
    recipe = RECIPES["paper-1998"]
    assert recipe.epochs == sum(epochs for _, epochs in paper.LEARNING_RATES) == 20
    assert recipe.batch_size == 1
    expected = [rate / 10 for rate, epochs in paper.LEARNING_RATES for _ in range(2 * epochs)]
    expected[:2] = [expected[0] / 5] * 2
    assert rates(recipe, 2) == pytest.approx(expected)
    assert type(optimisers.optimiser(recipe, models.build("lenet5-1998"))) is sdlm.SDLM
