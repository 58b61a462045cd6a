import math
import os
import signal
import threading
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from torch import nn
from tqdm.std import tqdm

from lenet_book import checkpoint, mnist, models, training, watching
from lenet_book.recipes import RECIPES, Recipe

TRAIN, TEST = mnist.load_mnist()
SMALL = TRAIN.subset(600, seed=1)
QUICK = Recipe(learning_rate=5e-3, weight_decay=0.01, batch_size=64, epochs=2)


def fresh(name="lenet5", seed=0):
    torch.manual_seed(seed)
    return models.build(name)


@pytest.mark.parametrize("name", ["lenet5", "lenet5-1998"])
def test_fit_learns(name):
    model = fresh(name)
    before = training.evaluate(model, TEST[:1000]).error_rate
    recipe = replace(RECIPES["fast"], epochs=4, batch_size=32)
    history = training.fit(model, TRAIN[:3000], recipe, progress=False)
    after = training.evaluate(model, TEST[:1000]).error_rate
    assert before > 0.7
    assert after < 0.12
    assert history.epochs[-1].train_error < history.epochs[0].train_error
    assert not model.training


def test_fit_changes_what_is_trainable_and_nothing_else():
    model = fresh("lenet5-1998")
    before = {name: p.clone() for name, p in model.named_parameters()}
    training.fit(model, SMALL, QUICK, progress=False)
    unchanged = [name for name, p in model.named_parameters() if torch.equal(p, before[name])]
    assert unchanged == ["output.codes"]


def test_same_seed_same_net():
    results = []
    for _ in range(2):
        model = fresh()
        torch.rand(7)  # the global generator must not matter
        training.fit(model, SMALL, QUICK, progress=False)
        results.append(model.f6.weight.clone())
    assert torch.equal(*results)
    other = fresh()
    training.fit(other, SMALL, replace(QUICK, seed=1), progress=False)
    assert not torch.equal(other.f6.weight, results[0])


def test_fit_leaves_the_global_generator_alone():
    model = fresh()
    state = torch.random.get_rng_state()
    training.fit(model, SMALL, QUICK, progress=False)
    assert torch.equal(state, torch.random.get_rng_state())


class Counting(nn.Module):
    """Notes which examples it has seen in training mode; the first pixel is the example's number."""

    input_size, scaling = 28, "unit"

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(10))
        self.seen, self.modes = [], []

    def forward(self, x):
        self.seen.append((255 * x[:, 0, 0, 0]).round().int().tolist())
        self.modes.append(self.training)
        return x.new_zeros(len(x), 10) + self.weight


def numbered(n):
    images = torch.zeros(n, 28, 28, dtype=torch.uint8)
    images[:, 0, 0] = torch.arange(n)
    return mnist.Digits(images, torch.arange(n) % 10)


def test_every_epoch_is_one_permutation():
    model = Counting()
    training.fit(model, numbered(50), replace(QUICK, batch_size=16, epochs=3), progress=False)
    assert [len(batch) for batch in model.seen] == [16, 16, 16, 2] * 3
    epochs = [sum(model.seen[i:i + 4], []) for i in (0, 4, 8)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert all(model.modes)


def test_evaluate_visits_each_example_once_in_order_and_in_evaluation_mode():
    model = Counting().train()
    score = training.evaluate(model, numbered(50), batch_size=16)
    assert sum(model.seen, []) == list(range(50))
    assert not any(model.modes)
    assert model.training
    assert score.loss == pytest.approx(math.log(10), rel=1e-6)
    assert score.predictions.shape == (50,)
    assert score.error_rate == 0.9  # all answered 0, and a tenth of the labels are 0


def test_evaluate_weighs_the_short_last_batch_rightly():
    class Fixed(nn.Module):
        input_size, scaling = 28, "unit"

        def forward(self, x):  # a different loss for each example
            return torch.outer(255 * x[:, 0, 0, 0], torch.arange(10.0)) / 50
    whole = training.evaluate(Fixed(), numbered(50), batch_size=50)
    parts = training.evaluate(Fixed(), numbered(50), batch_size=49)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)


def test_train_error_is_measured_on_the_fly():
    """With steps of nothing the net never changes: each epoch's figures are the untrained net's."""
    model = fresh()
    expected = training.evaluate(model, SMALL)
    history = training.fit(model, SMALL, replace(QUICK, learning_rate=1e-12), progress=False)
    for epoch in history.epochs:
        assert epoch.train_error == pytest.approx(expected.error_rate, abs=1e-9)
        assert epoch.train_loss == pytest.approx(expected.loss, rel=1e-5)


def test_validation_is_measured_after_each_epoch():
    model = fresh()
    history = training.fit(model, SMALL, QUICK, validation=TEST[:500], progress=False)
    score = training.evaluate(model, TEST[:500])
    assert len(history.epochs) == 2
    assert history.epochs[-1].validation_error == score.error_rate
    assert history.epochs[-1].validation_loss == score.loss
    assert all(epoch.seconds > 0 for epoch in history.epochs)
    assert history.seconds == sum(epoch.seconds for epoch in history.epochs)


def test_a_learners_plain_net_is_judged_by_cross_entropy():
    net = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 10))
    history = training.fit(net, SMALL, QUICK, progress=False)
    assert history.epochs[-1].train_error < 0.5
    assert training.evaluate(net, SMALL).error_rate < 0.3


def test_history_shows_itself():
    history = training.History()
    assert repr(history) == "no epoch yet"
    assert history._repr_mimebundle_() == {"text/plain": "no epoch yet"}
    history.epochs += [training.Epoch(1, 0.5, 0.1, 0.4, 0.08, 2.0),
                       training.Epoch(2, 0.3, 0.05, 0.2, 0.04, 2.0)]
    assert repr(history) == ("2 epochs in 4 s; in the last training error 5.00%, loss 0.3000; "
                             "validation error 4.00%")
    data, metadata = history._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert "validation from 8.00% to 4.00%" in metadata["image/png"]["alt"]


def test_progress_bar(capsys):
    training.fit(fresh(), SMALL, QUICK, progress=False)
    assert capsys.readouterr().err == ""


def test_progress_bar_shows_loss_and_error(capsys, monkeypatch):
    class Terminal(tqdm):  # drawn, whatever the environment says
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs | {"disable": False})

    monkeypatch.setattr(watching, "tqdm", Terminal)
    training.fit(fresh(), SMALL, QUICK)
    shown = capsys.readouterr().err
    assert "epoch 2 of 2" in shown
    assert "loss=" in shown
    assert "error=" in shown
    assert "20/20" in shown


def test_fit_refuses():
    with pytest.raises(TypeError, match=r"such as RECIPES\['fast'\], not 'fast'"):
        training.fit(fresh(), SMALL, "fast")
    with pytest.raises(ValueError, match="there are no examples"):
        training.fit(fresh(), SMALL[:0], QUICK, progress=False)
    with pytest.raises(ValueError, match="there are no examples"):
        training.evaluate(fresh(), SMALL[:0])
    with pytest.raises(RuntimeError, match="gpu"):
        training.fit(fresh(), SMALL, QUICK, device="gpu")


def test_a_loss_that_is_not_finite_is_said():
    with pytest.raises(FloatingPointError, match=r"epoch 1 is (nan|inf).*below 1e\+20"):
        training.fit(fresh(), SMALL, replace(QUICK, learning_rate=1e20), progress=False)


def test_device():
    assert training.choose_device("cpu") == torch.device("cpu")
    expected = "cuda" if torch.cuda.is_available() else (
        "mps" if torch.backends.mps.is_available() else "cpu")
    assert training.choose_device().type == expected


def without_times(history):
    return [replace(epoch, seconds=0.0) for epoch in history.epochs]


class Dropping(nn.Module):
    """Draws from the global generator in each step."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 32, 10))

    def forward(self, x):
        return self.layers(x)


def trained(make, path=None, resume=False):
    """A net trained for two epochs of ten steps, and its history."""
    torch.manual_seed(0)
    model = make()
    torch.manual_seed(5)
    return model, training.fit(model, SMALL, QUICK, SMALL[:100], path, resume, progress=False)


@pytest.mark.parametrize("make", [models.MODELS["lenet5"], models.MODELS["lenet5-1998"], Dropping])
@pytest.mark.parametrize("saves", [1, 9, 10, 11, 12, 21])  # of each epoch the ten steps, and its end
def test_stopped_after_any_step_and_resumed_it_ends_bit_identical(tmp_path, monkeypatch, make, saves):
    model, history = trained(make)
    monkeypatch.setattr(training, "_SAVE_EVERY", -1.0)  # after each step
    count = 0

    def save_then_die(path, state):
        nonlocal count
        checkpoint.save(path, state)
        count += 1
        if count == saves:
            raise SystemExit
    monkeypatch.setattr(training, "save", save_then_die)
    with pytest.raises(SystemExit):
        trained(make, tmp_path / "net.ckpt")
    again, resumed = trained(make, tmp_path / "net.ckpt", resume=True)
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    assert without_times(resumed) == without_times(history)
    assert not again.training


def test_a_training_that_had_ended_is_returned_as_it_was(tmp_path):
    model, history = trained(models.MODELS["lenet5"], tmp_path / "net.ckpt")
    again, resumed = trained(models.MODELS["lenet5"], tmp_path / "net.ckpt", resume=True)
    assert resumed.epochs == history.epochs
    assert torch.equal(again.f6.weight, model.f6.weight)


def test_without_a_file_resume_begins(tmp_path):
    model, _ = trained(models.MODELS["lenet5"])
    again, _ = trained(models.MODELS["lenet5"], tmp_path / "net.ckpt", resume=True)
    assert torch.equal(again.f6.weight, model.f6.weight)
    with pytest.raises(ValueError, match="needs the checkpoint"):
        training.fit(model, SMALL, QUICK, resume=True)


class Interrupting(Counting):
    """Somebody presses Ctrl-C, or a notebook's stop, while the 13th batch is computed."""

    def forward(self, x):
        if len(self.seen) == 12:
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
    assert torch.equal(checkpoint.load(path)["model"]["weight"], model.weight)
    resumed = training.fit(model, numbered(50), recipe, checkpoint=path, resume=True, progress=False)
    assert model.seen == plain.seen and torch.equal(model.weight, plain.weight)
    assert without_times(resumed) == without_times(history)


def test_an_interrupt_without_a_checkpoint_leaves_a_usable_model():
    model = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, numbered(50), replace(QUICK, batch_size=16, epochs=5), progress=False)
    assert len(model.seen) == 13 and not model.training and model.weight.abs().sum() > 0


def test_in_another_thread_there_is_no_signal_to_hold_back():
    results = []
    thread = threading.Thread(target=lambda: results.append(
        training.fit(Counting(), numbered(20), QUICK, progress=False)))
    thread.start()
    thread.join()
    assert len(results[0].epochs) == 2


def change(state, what, value):
    return {**state, what: value}


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda s: {"weights": s["model"]}, "not of a training"),
    (lambda s: change(s, "recipe", {**s["recipe"], "seed": 9}), "its recipe is"),
    (lambda s: change(s, "examples", 599), "its examples is 599, this one's 600"),
    (lambda s: change(s, "model", {**s["model"], "c1.bias": torch.zeros(7)}), "another network"),
    (lambda s: change(s, "optimiser", {"state": {}, "param_groups": []}), "not hold a whole training"),
    (lambda s: change(s, "generator", torch.zeros(3, dtype=torch.uint8)), "not hold a whole training"),
    (lambda s: change(s, "history", [(1, 2)]), "not hold a whole training")])
def test_a_checkpoint_of_something_else_is_refused_and_nothing_of_it_taken(tmp_path, spoil, message):
    path = tmp_path / "net.ckpt"
    trained(models.MODELS["lenet5"], path)
    checkpoint.save(path, spoil(checkpoint.load(path)))
    torch.manual_seed(3)
    model = models.build("lenet5")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(checkpoint.CheckpointError, match=message):
        training.fit(model, SMALL, QUICK, checkpoint=path, resume=True, progress=False)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_is_wilsons(counts):
    wrong, n = counts
    score = training.Score(wrong / n, 0.0, torch.zeros(n))
    expected = binomtest(wrong, n).proportion_ci(method="wilson")
    assert score.interval() == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert score.errors == wrong


def test_interval_at_another_confidence():
    expected = binomtest(95, 10_000).proportion_ci(0.99, method="wilson")
    score = training.Score(0.0095, 0.0, torch.zeros(10_000))
    assert score.interval(0.99) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert repr(score) == ("error 0.95% (95 of 10,000 wrong; 95 % interval 0.78% to 1.16%), "
                           "loss 0.0000")


@pytest.mark.parametrize(("name", "value"), [
    ("learning_rate", 0), ("learning_rate", -1.0), ("learning_rate", math.nan), ("batch_size", 0),
    ("epochs", 0), ("weight_decay", -0.1), ("weight_decay", math.nan)])
def test_recipes_refuse(name, value):
    with pytest.raises(ValueError, match=f"{name} must .* not {value}"):
        replace(RECIPES["fast"], **{name: value})


def test_recipes_are_frozen():
    with pytest.raises(FrozenInstanceError):
        RECIPES["fast"].epochs = 3
