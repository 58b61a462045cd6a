import math
import os
import re
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

from lenet_book import mnist, models, training
from lenet_book.training import callbacks as watching
from lenet_book.training import loop, sdlm
from lenet_book.training import state as checkpoint
from lenet_book.training.augmentation import Distortion
from lenet_book.training.recipes import RECIPES, Recipe

TRAIN, TEST = mnist.load_mnist()
SMALL = TRAIN.subset(600, seed=1)
QUICK = Recipe(learning_rate=5e-3, weight_decay=0.01, batch_size=64, epochs=2)
BEND = Distortion(rotation=15, scale=0.1, shear=0.1, shift=2, elastic=0.05)


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
    training.fit(model, SMALL, replace(QUICK, augmentation=BEND, averaging=0.1), progress=False)
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


def trained(make, path=None, resume=False, recipe=QUICK, train=SMALL):
    """A net trained for two epochs of ten steps, and its history."""
    torch.manual_seed(0)
    model = make()
    torch.manual_seed(5)
    return model, training.fit(model, train, recipe, SMALL[:100], path, resume, progress=False)


def stop_after(saves, monkeypatch):
    """Have a training write its state down after each step, and die once it has done so that often."""
    count = 0

    def save_then_die(path, state):
        nonlocal count
        checkpoint.save(path, state)
        count += 1
        if count == saves:
            raise SystemExit
    monkeypatch.setattr(loop, "_SAVE_EVERY", -1.0)
    monkeypatch.setattr(loop, "save", save_then_die)


def assert_same(found, expected):
    """Two nets and their histories, bit for bit."""
    (model, history), (other, another) = found, expected
    for name, tensor in other.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
    assert without_times(history) == without_times(another)
    assert not model.training


@pytest.mark.parametrize("make", [models.MODELS["lenet5"], models.MODELS["lenet5-1998"], Dropping])
@pytest.mark.parametrize("saves", [1, 9, 10, 11, 12, 21])  # of each epoch the ten steps, and its end
def test_stopped_after_any_step_and_resumed_it_ends_bit_identical(tmp_path, monkeypatch, make, saves):
    expected = trained(make)
    stop_after(saves, monkeypatch)
    with pytest.raises(SystemExit):
        trained(make, tmp_path / "net.ckpt")
    assert_same(trained(make, tmp_path / "net.ckpt", resume=True), expected)


SDLM = Recipe(optimiser="sdlm", learning_rate=5e-5, batch_size=1, epochs=2,
              schedule=((1, 1.0), (1, 0.4)))


@pytest.mark.parametrize(("name", "recipe"), [
    ("lenet-relu", Recipe(optimiser="sgd", learning_rate=0.05, momentum=0.9, weight_decay=1e-3,
                          batch_size=10, epochs=2, schedule="constant")),
    ("lenet-tanh", Recipe(optimiser="sgd", learning_rate=0.05, batch_size=10, epochs=2)),
    ("lenet-sigmoid", Recipe(optimiser="adam", learning_rate=5e-3, batch_size=10, epochs=2,
                             schedule=((1, 1.0), (1, 0.1)))),
    ("lenet5", replace(QUICK, optimiser="muon", batch_size=10, augmentation=BEND, fading=0.3,
                       averaging=0.2)),
    ("lenet-batchnorm", replace(QUICK, batch_size=10, averaging=0.2)),
    ("lenet5-1998", SDLM),
    ("lenet5-1998", replace(SDLM, augmentation=BEND, averaging=0.2))])
def test_every_kind_of_training_resumes_bit_identical(tmp_path, monkeypatch, name, recipe):
    """Stopped before and after the first average, between the epochs, and in the last one."""
    make, train = models.MODELS[name], SMALL[:10 * recipe.batch_size]
    expected = trained(make, recipe=recipe, train=train)
    for saves in (4, 7, 11, 18):
        path = tmp_path / f"{saves}.ckpt"
        with monkeypatch.context() as patch:
            stop_after(saves, patch)
            with pytest.raises(SystemExit):
                trained(make, path, recipe=recipe, train=train)
        found = trained(make, path, resume=True, recipe=recipe, train=train)
        assert_same(found, expected)
    assert_same(trained(make, path, resume=True, recipe=recipe, train=train), expected)  # had ended


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


class Recording(watching._Watcher):
    """Keeps the weights after each step; presses Ctrl-C in one of them."""

    def __init__(self, monkeypatch, stop=None):
        self.states, self.stop = [], stop
        monkeypatch.setattr(watching, "watchers", lambda *asked: [self])

    def step(self, run):
        self.states.append({name: t.clone() for name, t in run.model.state_dict().items()})
        if run.steps == self.stop:
            os.kill(os.getpid(), signal.SIGINT)


def averaged(states, share):
    """By hand: of every fifth state, each new one getting this share."""
    every_fifth = states[4::5]
    average = {name: t.double() for name, t in every_fifth[0].items()}
    for state in every_fifth[1:]:
        for name, value in average.items():
            average[name] = (1 - share) * value + share * state[name].double()
    return average


@pytest.mark.parametrize("name", ["lenet5", "lenet-batchnorm", "lenet5-1998"])
def test_the_average_is_what_remains_and_what_is_validated(monkeypatch, name):
    model, recording = fresh(name), Recording(monkeypatch)
    recipe = replace(QUICK, batch_size=20, averaging=0.3)  # 24 steps: at 5, 10, 15 and 20 of them
    history = training.fit(model, SMALL[:240], recipe, validation=SMALL[300:])
    expected = averaged(recording.states, 0.3)
    assert len(recording.states) == 24
    numbers = {key: t for key, t in model.state_dict().items() if t.is_floating_point()}
    for key, tensor in numbers.items():
        torch.testing.assert_close(tensor.double(), expected[key], rtol=1e-5, atol=1e-6)
    assert any(not torch.equal(tensor, recording.states[-1][key]) for key, tensor in numbers.items())
    if name == "lenet-batchnorm":
        assert any("running_var" in key for key in numbers)
    score = training.evaluate(model, SMALL[300:])
    assert history.epochs[-1].validation_error == score.error_rate
    assert history.epochs[-1].validation_loss == pytest.approx(score.loss, rel=1e-6)


def test_a_training_of_fewer_than_five_steps_has_no_average_and_keeps_its_weights(monkeypatch):
    model, recording = fresh(), Recording(monkeypatch)
    training.fit(model, SMALL[:80], replace(QUICK, batch_size=40, averaging=0.3))
    assert len(recording.states) == 4
    assert torch.equal(model.f6.weight, recording.states[-1]["f6.weight"])


def test_after_an_interrupt_it_is_not_the_average(tmp_path, monkeypatch):
    model, recording = fresh(), Recording(monkeypatch, stop=12)
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, SMALL, replace(QUICK, averaging=0.3), checkpoint=tmp_path / "net.ckpt")
    assert len(recording.states) == 12
    assert torch.equal(model.f6.weight, recording.states[-1]["f6.weight"])
    state = checkpoint.load(tmp_path / "net.ckpt")
    assert torch.equal(state["model"]["f6.weight"], model.f6.weight)
    torch.testing.assert_close(state["average"]["module.f6.weight"].double(),
                               averaged(recording.states, 0.3)["f6.weight"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("stop", [None, 3])
@pytest.mark.parametrize("averaging", [0.0, 0.3])
def test_the_channels_are_last_while_it_trains_and_first_again_in_the_end(monkeypatch, averaging, stop):
    class Layouts(Recording):
        def begin(self, run):
            self.last = [p.is_contiguous(memory_format=torch.channels_last)
                         for p in run.model.parameters() if p.dim() == 4]
    model, recording = fresh(), Layouts(monkeypatch, stop)
    try:
        training.fit(model, SMALL, replace(QUICK, averaging=averaging))
    except KeyboardInterrupt:
        assert stop
    assert recording.last == [True] * 3
    for (name, tensor), untouched in zip(model.state_dict().items(), fresh().state_dict().values(),
                                         strict=True):
        assert tensor.is_contiguous() and tensor.stride() == untouched.stride(), name


class Seeing(Dropping):
    """Keeps the pictures it was shown."""

    def __init__(self):
        super().__init__()
        self.shown = {True: [], False: []}  # in training, in evaluation

    def forward(self, x):
        self.shown[self.training].append(x.clone())
        return super().forward(x)


def test_inputs_are_made_a_batch_at_a_time():
    class Counting(mnist.Digits):
        def inputs(self, **how):
            made.append(len(how["which"]))
            return super().inputs(**how)
    made, digits = [], Counting(SMALL.images[:50], SMALL.labels[:50])
    training.fit(models.build("lenet5"), digits, replace(QUICK, batch_size=20, epochs=1),
                 validation=digits, progress=False)
    training.evaluate(models.build("lenet5"), digits, batch_size=30)
    assert made == [20, 20, 10, 50, 30, 20]


def test_each_batch_is_distorted_anew_and_what_is_validated_is_not():
    model, recipe = Seeing(), replace(QUICK, augmentation=BEND, batch_size=30, seed=3)
    training.fit(model, SMALL[:100], recipe, validation=SMALL[100:150], progress=False)
    generator, inputs, expected = torch.Generator().manual_seed(3), SMALL[:100].inputs(), []
    for _ in range(2):
        for batch in torch.randperm(100, generator=generator).split(30):
            expected.append(BEND.apply(inputs[batch], *BEND.draw(len(batch), generator)))
    assert len(model.shown[True]) == len(expected) == 8
    for shown, bent in zip(model.shown[True], expected, strict=True):
        torch.testing.assert_close(shown, bent, rtol=0, atol=1e-5)
    assert all(torch.equal(x, SMALL[100:150].inputs()) for x in model.shown[False])


def test_distortions_fade_over_the_second_half(monkeypatch):
    strengths, apply = [], Distortion.apply

    def noted(self, pictures, even, normal):
        strengths.append(even.abs().max().item())
        return apply(self, pictures, even, normal)
    monkeypatch.setattr(Distortion, "apply", noted)
    monkeypatch.setattr(Distortion, "draw", lambda self, count, generator: (
        torch.ones(count, 6), torch.ones(count, 2, self.grid, self.grid)))
    recipe = replace(QUICK, augmentation=BEND, fading=0.2, batch_size=10)  # 2 epochs of 5 steps
    training.fit(models.build("lenet5"), SMALL[:50], recipe, progress=False)
    assert strengths == pytest.approx([1, 1, 1, 1, 1, 1, 0.84, 0.68, 0.52, 0.36])


def test_sdlm_measures_the_curvature_before_each_pass(monkeypatch):
    seen = []

    def estimate(self, inputs, labels):
        seen.append((inputs, labels))
        original(self, inputs, labels)
    original = sdlm.SDLM.estimate
    monkeypatch.setattr(sdlm.SDLM, "estimate", estimate)
    monkeypatch.setattr(loop, "_CURVATURE_EXAMPLES", 7)
    digits, generator = SMALL[:12], torch.Generator().manual_seed(0)
    training.fit(fresh("lenet5-1998"), digits, replace(SDLM, epochs=3), progress=False)
    assert len(seen) == 3
    for inputs, labels in seen:
        drawn = torch.randperm(12, generator=generator)[:7]
        assert torch.equal(inputs, digits.inputs()[drawn])
        assert torch.equal(labels, digits.labels[drawn])


def test_an_interrupt_while_it_ends_hides_no_error(monkeypatch):
    """A process that has lost the others is told to end while it is about to say so."""
    end = loop._Run.end

    def interrupted(run):
        signal.raise_signal(signal.SIGINT)
        end(run)
    monkeypatch.setattr(loop._Run, "end", interrupted)
    model = nn.Sequential(nn.Flatten(), nn.Linear(5, 10))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        training.fit(model, SMALL[:10], QUICK, progress=False)
    assert not model.training


def test_the_way_of_1998_learns():
    model = fresh("lenet5-1998")
    before = training.evaluate(model, SMALL).loss
    training.fit(model, SMALL[:450], SDLM, progress=False)
    after = training.evaluate(model, SMALL)
    assert after.loss < 0.5 * before and after.error_rate < 0.5


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains(name):
    model = fresh("lenet5-1998" if RECIPES[name].optimiser == "sdlm" else "lenet-relu")
    before = model.f6.weight.clone()
    training.fit(model, SMALL[:20], replace(RECIPES[name], epochs=3), progress=False)
    assert not torch.equal(model.f6.weight, before) and model.f6.weight.isfinite().all()


@pytest.mark.parametrize(("batch_size", "enabled"), [(1, False), (2, True)])
def test_single_examples_are_computed_without_onednn_and_it_is_back_afterwards(batch_size, enabled):
    seen = []

    class Asking(nn.Flatten):
        def forward(self, x):
            seen.append(torch.backends.mkldnn.enabled)
            if len(seen) == 3:
                raise RuntimeError("out of luck")
            return super().forward(x)
    with pytest.raises(RuntimeError, match="out of luck"):
        training.fit(nn.Sequential(Asking(), nn.Linear(1024, 10)), SMALL[:10],
                     replace(QUICK, batch_size=batch_size), progress=False)
    assert seen == [enabled] * 3
    assert torch.backends.mkldnn.enabled


def test_sdlm_says_which_layer_it_cannot_pass():
    with pytest.raises(TypeError, match="Dropout, is not known"):
        training.fit(nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(1024, 10)), SMALL[:5], SDLM,
                     progress=False)


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


@pytest.mark.parametrize("average", [None, {"n_averaged": torch.tensor(1)}])
def test_a_checkpoint_without_its_average_is_refused(tmp_path, average):
    path, recipe = tmp_path / "net.ckpt", replace(QUICK, averaging=0.1)
    trained(models.MODELS["lenet5"], path, recipe=recipe)
    checkpoint.save(path, change(checkpoint.load(path), "average", average))
    model = fresh(seed=3)
    before = model.f6.weight.clone()
    with pytest.raises(checkpoint.CheckpointError, match="not hold a whole training"):
        training.fit(model, SMALL, recipe, checkpoint=path, resume=True, progress=False)
    assert torch.equal(model.f6.weight, before)


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
    ("epochs", 0), ("weight_decay", -0.1), ("weight_decay", math.nan), ("momentum", 1),
    ("momentum", -0.1), ("averaging", 1), ("averaging", math.nan)])
def test_recipes_refuse(name, value):
    with pytest.raises(ValueError, match=f"{name} must .* not {value}"):
        replace(RECIPES["fast"], **{name: value})


@pytest.mark.parametrize("schedule", [
    "linear", None, 3, (), (2, 1.0), ((2,),), ((2, 1.0, 3),), ((0, 1.0),), ((1, 1.0), (2.5, 0.1)),
    ((1, 0.0),), ((1, -1),), ((1, math.nan),), [(2, 1.0)]])
def test_schedules_refuse(schedule):
    with pytest.raises(ValueError, match=r"schedule must be .*, not " + re.escape(repr(schedule))):
        Recipe(learning_rate=1, schedule=schedule)


def test_recipes_refuse_what_does_not_go_together():
    with pytest.raises(ValueError, match="must be one of adamw, adam, sgd, muon, sdlm, not 'lion'"):
        Recipe(learning_rate=1, optimiser="lion")
    with pytest.raises(ValueError, match="momentum belongs to \"sgd\"; 'adam' would not use it"):
        Recipe(learning_rate=1, optimiser="adam", momentum=0.9)
    with pytest.raises(ValueError, match="has no weight decay"):
        replace(SDLM, weight_decay=0.1)
    with pytest.raises(TypeError, match=r"augmentation must be a Distortion.*, not 'elastic'"):
        Recipe(learning_rate=1, augmentation="elastic")
    with pytest.raises(ValueError, match="fading must be a share from 0 to 1, not 1.5"):
        Recipe(learning_rate=1, augmentation=BEND, fading=1.5)
    with pytest.raises(ValueError, match="fading=0.5 needs an augmentation that can fade"):
        Recipe(learning_rate=1, fading=0.5)


def test_recipes_are_values():
    with pytest.raises(FrozenInstanceError):
        RECIPES["fast"].epochs = 3
    for recipe in RECIPES.values():
        names = {"Recipe": Recipe, "Distortion": Distortion}
        assert eval(repr(recipe), names) == recipe
        assert replace(recipe) in {recipe} and replace(recipe, seed=1) not in {recipe}
    assert repr(Recipe(learning_rate=0.1, epochs=3)) == "Recipe(learning_rate=0.1, epochs=3)"
