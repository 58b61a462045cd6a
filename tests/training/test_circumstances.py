"""Whatever is set around a training, whatever the network keeps, and in every precision."""

import copy
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from torch import nn
from trainings import BEND, QUICK, SMALL, TEST, fresh, same, weights

from lenet_book import models, training
from lenet_book.demos.examples import trained
from lenet_book.training import RECIPES
from lenet_book.training.augmentation import _basis

RECIPE = replace(QUICK, batch_size=10, augmentation=BEND, ema=0.2)
DIGITS = SMALL[:150]  # 30 steps, 6 of which count for the moving average


def fitted(model, recipe=RECIPE, digits=DIGITS):
    training.fit(model, digits, recipe, validation=digits[:20], progress=False)
    return weights(model)


@contextmanager
def setting(change, value, back):
    change(value)
    try:
        yield
    finally:
        change(back)


def double():
    return setting(torch.set_default_dtype, torch.float64, torch.float32)


AROUND = {
    "no_grad": torch.no_grad, "inference_mode": torch.inference_mode, "float64": double,
    "meta": lambda: setting(torch.set_default_device, "meta", None),
    "deterministic": lambda: setting(torch.use_deterministic_algorithms, True, False)}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
@pytest.mark.parametrize(("name", "recipe", "digits"), [
    ("lenet5", RECIPE, DIGITS), ("lenet5-1998", replace(RECIPES["paper-1998"], epochs=1), SMALL[:10])])
def test_what_is_set_around_it_changes_nothing(around, name, recipe, digits):
    expected, model = fitted(fresh(name), recipe, digits), fresh(name)
    before = training.evaluate(model, TEST[:100])
    _basis.cache_clear()
    with around():
        score = training.evaluate(model, TEST[:100])
        found = fitted(model, recipe, digits)
    assert same(found, expected) and score.loss == before.loss


def test_under_autocast_it_learns():
    model = fresh()
    before = training.evaluate(model, DIGITS).loss
    with torch.autocast("cpu"):
        training.fit(model, DIGITS, replace(QUICK, batch_size=10, learning_rate=1e-3), progress=False)
    assert training.evaluate(model, DIGITS).loss < before


def test_what_inference_mode_has_built_cannot_be_trained():
    with torch.inference_mode():
        model = fresh()
    assert training.evaluate(model, DIGITS).loss > 0
    with pytest.raises(ValueError, match="LeNet5 was built under torch.inference_mode"):
        fitted(model)


@pytest.mark.parametrize(("precision", "close"), [
    (torch.float64, 1e-5), (torch.bfloat16, 0.05), (torch.float16, 0.01)])
@pytest.mark.parametrize("name", ["lenet5", "lenet5-1998"])
def test_in_every_precision(name, precision, close):
    model = models.pretrained(name)
    expected = training.evaluate(model, TEST[:200])
    converted = copy.deepcopy(model).to(precision)
    pairs = TEST[:200].inputs(model.input_size, model.scaling), TEST.labels[:200]
    for examples in (TEST[:200], pairs):
        found = training.evaluate(converted, examples)
        assert found.loss == pytest.approx(expected.loss, abs=close * (1 + expected.loss))
        assert found.errors == pytest.approx(expected.errors, abs=2)
    if precision == torch.float16:
        return  # cannot be trained
    fitted(converted, replace(RECIPE, learning_rate=1e-5, epochs=1), DIGITS[:50])
    assert all(tensor.dtype == precision for tensor in converted.parameters())
    assert training.evaluate(converted, TEST[:200]).errors == pytest.approx(expected.errors, abs=4)


def test_the_shipped_weights_under_another_default_and_no_cache_keeps_it():
    trained.cache_clear()
    expected = training.evaluate(models.pretrained("lenet5-1998"), TEST[:500])
    with double():
        model = models.pretrained("lenet5-1998")
        assert training.evaluate(model, TEST[:500]).errors == expected.errors
        assert trained("lenet5").c1.weight.dtype == torch.float32
    with setting(torch.set_default_device, "meta", None):
        assert trained("lenet5-1998").c1.weight.is_cpu


# What a network keeps

class Keeping(nn.Module):
    """It keeps its feature maps, a lock and random numbers of its own, and cannot be copied."""

    def __init__(self):
        super().__init__()
        self.c, self.out = nn.Conv2d(1, 2, 5, stride=4), nn.Linear(2 * 7 * 7, 10)
        self.lock, self.draws = threading.Lock(), torch.Generator()
        self.grid = None

    def forward(self, x):
        with self.lock:
            self.seen = self.c(x)
        if self.grid is None:  # as many do: made once, of the first input
            self.grid = self.c.weight.new_ones(1)
        return self.out((self.seen * self.grid).flatten(1))


def old_weight_norm():
    model = nn.Sequential(nn.Conv2d(1, 2, 5, stride=4), nn.Flatten(), nn.Linear(2 * 7 * 7, 10))
    nn.utils.weight_norm(model[0])
    return model


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [Keeping, old_weight_norm])
def test_a_network_that_cannot_be_copied_has_a_moving_average(make):
    torch.manual_seed(0)
    fresh_one, used = make(), make()
    used.load_state_dict(fresh_one.state_dict())
    used(torch.zeros(1, 1, 32, 32))
    with pytest.raises((RuntimeError, TypeError)):
        copy.deepcopy(used)
    training.evaluate(used, DIGITS)  # nor does it matter what evaluation has left in it
    assert same(fitted(used), fitted(fresh_one))


class Adapter(nn.Sequential):
    """A layer on top of a body that stays as it is; what is saved is the layer alone."""

    def __init__(self):
        super().__init__(nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 10)), nn.Linear(10, 10))
        self[0].requires_grad_(False)

    def state_dict(self, *args, **kwargs):
        whole = super().state_dict(*args, **kwargs)
        return {name: tensor for name, tensor in whole.items() if name.startswith("1.")}


def test_a_network_that_saves_a_part_of_itself_is_trained():
    model = Adapter()
    before, body = weights(model), model[0][1].weight.clone()
    after = fitted(model, replace(RECIPE, ema=0.0))
    assert list(after) == ["1.weight", "1.bias"] and not same(after, before)
    assert torch.equal(model[0][1].weight, body)
    with pytest.raises(ValueError, match=r"Adapter\.load_state_dict does not take what its state_dict"):
        fitted(model, replace(RECIPE, ema=0.1))
    assert same(weights(model), after)


def test_a_part_is_averaged_where_it_can_be_taken_back():
    class Lenient(Adapter):
        def load_state_dict(self, state_dict, strict=True):
            return super().load_state_dict(state_dict, strict=False)
    torch.manual_seed(0)
    model = Lenient()
    body, plain = model[0][1].weight.clone(), fitted(copy.deepcopy(model), replace(RECIPE, ema=0.0))
    averaged = fitted(model, replace(RECIPE, ema=0.1))
    assert list(averaged) == ["1.weight", "1.bias"] and not same(averaged, plain)
    assert torch.equal(model[0][1].weight, body)


# What is left as it was

def test_the_trial_leaves_no_trace():
    """The same training with and without, in a network with running statistics and with draws."""
    model = models.build("lenet-batchnorm", dropout=0.5, dropout_always_on=True)
    before, generator = weights(model), torch.get_rng_state()

    class Stopping(training.callbacks.Callback):
        def before_training(self, run):
            assert same(weights(model), before) and torch.equal(torch.get_rng_state(), generator)
            assert all(p.grad is None for p in model.parameters())
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, DIGITS, QUICK, validation=DIGITS, progress=False, callbacks=[Stopping()])


def test_evaluate_leaves_each_part_in_its_mode_and_gives_ordinary_tensors():
    model = fresh("lenet-batchnorm").train()
    model.c1_norm.eval()
    modes = [module.training for module in model.modules()]
    predictions = training.evaluate(model, DIGITS).predictions
    assert [module.training for module in model.modules()] == modes
    predictions += 1  # refused for a tensor of inference mode


def test_inputs_that_depend_on_something_are_taken_as_numbers():
    source = torch.ones(1, requires_grad=True)
    x = DIGITS.inputs(32, "standard") * source
    training.fit(fresh(), (x, DIGITS.labels), QUICK, progress=False)
    assert source.grad is None


def test_going_on_after_the_end_is_a_training_from_these_weights():
    model = models.pretrained("lenet5")
    before = weights(model)
    history = training.fit(model, DIGITS, replace(RECIPES["fast"], epochs=2), progress=False)
    assert len(history.epochs) == 2 and not same(weights(model), before)
    assert history.epochs[0].train_error < 0.1
    line = 'fit(models.pretrained("lenet5"), train, replace(RECIPES["fast"], epochs=2))'
    assert line in training.fit.__doc__
