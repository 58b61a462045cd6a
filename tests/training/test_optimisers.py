import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn, optim

from lenet_book import layers, models, paper
from lenet_book.training import muon, optimisers, recipes, sdlm
from lenet_book.training.recipes import RECIPES, Recipe


class Weight(nn.Module):
    """One number, trained, and one that is not."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))
        self.fixed = nn.Parameter(torch.tensor(1.0), requires_grad=False)


def sequential():
    """What SDLM can walk through."""
    return nn.Sequential(nn.Linear(2, 2), layers.RBFOutput(torch.tensor([[1.0, -1.0], [-1.0, 1.0]])))


def after(recipe, gradients):
    """The weight, 2 at first, after a step for each gradient, at the recipe's own rate."""
    model = Weight()
    optimiser = optimisers.optimiser(recipe, model)
    values = []
    for gradient in gradients:
        model.weight.grad = torch.tensor(gradient)
        optimiser.step()
        values.append(model.weight.item())
    assert model.fixed.item() == 1
    return values


@pytest.mark.parametrize(("name", "kind"), [
    ("adamw", optim.AdamW), ("adam", optim.Adam), ("sgd", optim.SGD), ("muon", muon.Muon),
    ("sdlm", sdlm.SDLM)])
def test_each_word_is_its_optimiser(name, kind):
    model = sequential()
    optimiser = optimisers.optimiser(Recipe(learning_rate=0.25, optimiser=name), model)
    assert type(optimiser) is kind
    assert optimiser.param_groups[0]["lr"] == 0.25
    trained = [id(p) for p in optimiser.param_groups[0]["params"]]
    assert trained == [id(p) for p in model[0].parameters()]  # not the codes of the output


def test_there_is_one_for_every_word():
    for name in recipes.OPTIMISERS:
        optimisers.optimiser(Recipe(learning_rate=1, optimiser=name), sequential())


def test_sgd_by_hand():
    """v <- m v + g + d w,  w <- w - r v."""
    recipe = Recipe(optimiser="sgd", learning_rate=0.1, momentum=0.5, weight_decay=0.25)
    v1 = 1.0 + 0.25 * 2
    w1 = 2 - 0.1 * v1
    v2 = 0.5 * v1 + 3.0 + 0.25 * w1
    assert after(recipe, [1.0, 3.0]) == pytest.approx([w1, w1 - 0.1 * v2], rel=1e-6)
    plain = replace(recipe, momentum=0.0, weight_decay=0.0)
    assert after(plain, [1.0, 3.0]) == pytest.approx([1.9, 1.6], rel=1e-6)


def adam(gradients, rate, decay, decoupled):
    """Kingma and Ba 2015, Algorithm 1; decoupled: Loshchilov and Hutter 2019, Algorithm 2."""
    w, m, v, values = 2.0, 0.0, 0.0, []
    for t, g in enumerate(gradients, 1):
        if not decoupled:
            g += decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = m / (1 - 0.9**t) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w -= rate * (step + (decay * w if decoupled else 0))
        values.append(w)
    return values


@pytest.mark.parametrize("name", ["adam", "adamw"])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adam_by_hand(name, decay):
    gradients = [1.0, -2.0, 0.5]
    recipe = Recipe(optimiser=name, learning_rate=0.1, weight_decay=decay)
    expected = adam(gradients, 0.1, decay, decoupled=name == "adamw")
    assert after(recipe, gradients) == pytest.approx(expected, rel=1e-5)


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
    ends = list(itertools.accumulate(passes for passes, _ in steps))
    expected = []
    for epoch in range(epochs):
        under_way = [factor for end, (_, factor) in zip(ends, steps, strict=True) if epoch < end]
        expected += [0.2 * (under_way or [steps[-1][1]])[0]] * steps_an_epoch  # the last goes on
    assert rates(recipe, steps_an_epoch) == pytest.approx(expected)


def test_the_recipe_of_1998_has_a_tenth_of_the_papers_rates_and_a_gentler_first_pass():
    recipe = RECIPES["paper-1998"]
    assert recipe.epochs == sum(passes for _, passes in paper.LEARNING_RATES) == 20
    assert recipe.batch_size == 1
    expected = [rate / 10 for rate, passes in paper.LEARNING_RATES for _ in range(2 * passes)]
    expected[:2] = [expected[0] / 5] * 2
    assert rates(recipe, 2) == pytest.approx(expected)
    assert type(optimisers.optimiser(recipe, models.build("lenet5-1998"))) is sdlm.SDLM
