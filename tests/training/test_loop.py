"""The loop and the measurement."""

import math
import os
import signal
import threading
from dataclasses import replace

import pytest
import torch
from torch import nn
from trainings import (
    BEND,
    QUICK,
    SDLM,
    SMALL,
    TEST,
    TRAIN,
    Counting,
    fresh,
    numbered,
    same,
    weights,
    without_times,
)

from lenet_book import training
from lenet_book.training import RECIPES, callbacks, sdlm, state
from lenet_book.training.run import Run


@pytest.mark.parametrize(("name", "recipe", "digits", "most"), [
    ("lenet5", replace(RECIPES["fast"], epochs=2, batch_size=32), TRAIN[:3000], 0.12),
    ("lenet5-1998", SDLM, SMALL[:450], 0.5)])
def test_fit_learns(name, recipe, digits, most):
    model = fresh(name)
    before = training.evaluate(model, TEST[:1000]).error_rate
    history = training.fit(model, digits, recipe, progress=False)
    after = training.evaluate(model, TEST[:1000]).error_rate
    assert before > 0.7
    assert after < most
    assert history.epochs[-1].train_error < history.epochs[0].train_error
    assert history.seconds == sum(epoch.seconds for epoch in history.epochs) > 0
    assert not model.training


class Tutorial(nn.Module):
    """As many write it: with a view, for which the channels must not be last in memory."""

    def __init__(self):
        super().__init__()
        self.c1, self.c3, self.out = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Linear(400, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.c1(x).relu(), 2)
        return self.out(nn.functional.max_pool2d(self.c3(x).relu(), 2).view(-1, 400))


@pytest.mark.parametrize("batch_size", [1, 64])
def test_fit_trains_what_a_reader_has_written(batch_size):
    history = training.fit(Tutorial(), SMALL[:64], replace(QUICK, batch_size=batch_size),
                           validation=SMALL[64:], progress=False)
    assert history.epochs[1].train_loss < history.epochs[0].train_loss


def test_fit_changes_what_is_trainable_and_nothing_else():
    model = fresh("lenet5-1998")
    before = weights(model)
    training.fit(model, SMALL, QUICK, progress=False)
    assert [name for name, p in before.items() if same(p, weights(model)[name])] == ["output.codes"]


def test_same_seed_same_net_and_the_global_generator_is_left_alone():
    def result(seed):
        model = fresh()
        torch.rand(7)  # it must not matter either
        state = torch.random.get_rng_state()
        recipe = replace(QUICK, seed=seed, augmentation=BEND, ema=0.1)
        training.fit(model, SMALL, recipe, progress=False)
        assert torch.equal(state, torch.random.get_rng_state())
        return model.f6.weight
    first = result(seed=0)
    assert torch.equal(result(seed=0), first) and not torch.equal(result(seed=1), first)


def test_evaluate_visits_each_example_once_in_order_and_in_evaluation_mode():
    model = Counting(trials=0).train()
    score = training.evaluate(model, numbered(50), batch_size=16)
    assert sum(model.seen, []) == list(range(50))
    assert not any(model.modes)
    assert model.training
    assert score.loss == pytest.approx(math.log(10), rel=1e-6)
    assert score.predictions.shape == (50,)
    assert score.error_rate == 0.9  # all answered 0, and a tenth of the labels are 0


def test_train_error_is_measured_on_the_fly():
    """With steps of nothing the net never changes: each epoch's figures are the untrained net's."""
    model = fresh()
    expected = training.evaluate(model, SMALL)
    history = training.fit(model, SMALL, replace(QUICK, learning_rate=1e-12), progress=False)
    for epoch in history.epochs:
        assert epoch.train_error == pytest.approx(expected.error_rate, abs=1e-9)
        assert epoch.train_loss == pytest.approx(expected.loss, rel=1e-5)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"recipe": "fast"}, TypeError, r"such as RECIPES\['fast'\], not 'fast'"),
    ({"device": "gpu"}, ValueError, 'such as "cpu", not \'gpu\': .*cuda'),
    ({"device": "meta"}, ValueError, "holds no numbers"),
    ({"resume": True}, ValueError, "needs the checkpoint"),
    ({"callbacks": [callbacks.LiveCurve]}, TypeError, r"such as LiveCurve\(\), not type <class"),
    ({"progress": "curve"}, TypeError, "must be True or False, not 'curve'")])
def test_fit_refuses_before_it_begins(options, error, message):
    model = fresh()
    before = weights(model)
    with pytest.raises(error, match=message):
        training.fit(model, **{"train": SMALL, "recipe": QUICK, "progress": False} | options)
    assert same(weights(model), before) and model.training


def test_a_loss_that_is_not_finite_is_said():
    with pytest.raises(FloatingPointError, match=r"epoch 1 is (nan|inf).*below 1e\+20"):
        training.fit(fresh(), SMALL, replace(QUICK, learning_rate=1e20), progress=False)


class Interrupting(Counting):
    """Somebody presses Ctrl-C, or a notebook's stop, while the 13th batch is computed."""

    def forward(self, x):
        if len(self.seen) == 12 and not self.trials:
            os.kill(os.getpid(), signal.SIGINT)
        return super().forward(x)


def test_an_interrupt_waits_for_the_step_and_running_it_again_goes_on(tmp_path):
    path, recipe = tmp_path / "net.ckpt", replace(QUICK, batch_size=16, epochs=5)
    plain, model = Counting(), Interrupting()
    history = training.fit(plain, numbered(50), recipe, progress=False)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, numbered(50), recipe, checkpoint=path, progress=False)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(model.seen) == 13 and not model.training
    assert torch.equal(state.load(path)["model"]["weight"], model.weight)
    model.trials = 1
    resumed = training.fit(model, numbered(50), recipe, checkpoint=path, resume=True, progress=False)
    assert model.seen == plain.seen and torch.equal(model.weight, plain.weight)
    assert without_times(resumed) == without_times(history)


def test_an_interrupt_without_a_checkpoint_leaves_a_usable_model():
    model = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, numbered(50), replace(QUICK, batch_size=16, epochs=5), progress=False)
    assert len(model.seen) == 13 and not model.training and model.weight.abs().sum() > 0


def test_sdlm_measures_the_curvature_before_each_epoch(monkeypatch):
    seen = []

    def estimate(self, inputs, labels):
        seen.append((inputs, labels))
        original(self, inputs, labels)
    original = sdlm.SDLM.estimate
    monkeypatch.setattr(sdlm.SDLM, "estimate", estimate)
    monkeypatch.setattr(sdlm.SDLM, "EXAMPLES", 7)
    digits, generator = SMALL[:12], torch.Generator().manual_seed(0)
    training.fit(fresh("lenet5-1998"), digits, replace(SDLM, epochs=3), progress=False)
    assert len(seen) == 3
    for inputs, labels in seen:
        drawn = torch.randperm(12, generator=generator)[:7]
        assert torch.equal(inputs, digits.inputs()[drawn])
        assert torch.equal(labels, digits.labels[drawn])


def test_an_interrupt_while_it_ends_hides_no_error(monkeypatch):
    """A process that has lost the others is told to end while it is about to say so."""
    end = Run.end

    def interrupted(run):
        signal.raise_signal(signal.SIGINT)
        end(run)
    monkeypatch.setattr(Run, "end", interrupted)
    with pytest.raises(FloatingPointError, match="epoch 1 is"):
        training.fit(model := fresh(), SMALL, replace(QUICK, learning_rate=1e20), progress=False)
    assert not model.training


def test_in_another_thread_there_is_no_signal_to_hold_back():
    results = []
    thread = threading.Thread(target=lambda: results.append(
        training.fit(Counting(), numbered(20), QUICK, progress=False)))
    thread.start()
    thread.join()
    assert len(results[0].epochs) == 2
