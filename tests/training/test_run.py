"""Trainings stopped anywhere and taken up again, and the average of their weights."""

from dataclasses import replace

import pytest
import torch
from trainings import (
    BEND,
    QUICK,
    SDLM,
    SMALL,
    Dropping,
    Recording,
    assert_same,
    fresh,
    stop_after,
    trained,
)

from lenet_book import models, training
from lenet_book.training import Recipe, state


@pytest.mark.parametrize("make", [models.MODELS["lenet5"], models.MODELS["lenet5-1998"], Dropping])
@pytest.mark.parametrize("saves", [1, 9, 10, 11, 12, 21])  # of each epoch the ten steps, and its end
def test_stopped_after_any_step_and_resumed_it_ends_bit_identical(tmp_path, monkeypatch, make, saves):
    expected = trained(make)
    stop_after(saves, monkeypatch)
    with pytest.raises(SystemExit):
        trained(make, tmp_path / "net.ckpt")
    assert_same(trained(make, tmp_path / "net.ckpt", resume=True), expected)


@pytest.mark.parametrize(("name", "recipe"), [
    ("lenet-relu", Recipe(optimiser="sgd", learning_rate=0.05, momentum=0.9, weight_decay=1e-3,
                          batch_size=10, epochs=2, schedule="constant")),
    ("lenet-tanh", Recipe(optimiser="sgd", learning_rate=0.05, batch_size=10, epochs=2)),
    ("lenet-sigmoid", Recipe(optimiser="adam", learning_rate=5e-3, batch_size=10, epochs=2,
                             schedule=((1, 1.0), (1, 0.1)))),
    ("lenet5", replace(QUICK, optimiser="muon", batch_size=10, augmentation=BEND, augmentation_end=0.3,
                       ema=0.2)),
    ("lenet-batchnorm", replace(QUICK, batch_size=10, ema=0.2)),
    ("lenet5-1998", SDLM),
    ("lenet5-1998", replace(SDLM, augmentation=BEND, ema=0.2))])
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


def averaged(states, share):
    """By hand: of every fifth state, each new one getting this share."""
    every_fifth = states[4::5]
    average = {name: t.double() for name, t in every_fifth[0].items()}
    for later in every_fifth[1:]:
        for name, value in average.items():
            average[name] = (1 - share) * value + share * later[name].double()
    return average


@pytest.mark.parametrize("name", ["lenet5", "lenet-batchnorm", "lenet5-1998"])
def test_the_average_is_what_remains_and_what_is_validated(name):
    model, recording = fresh(name), Recording()
    recipe = replace(QUICK, batch_size=20, ema=0.3)  # 24 steps: at 5, 10, 15 and 20 of them
    history = training.fit(model, SMALL[:240], recipe, validation=SMALL[300:], progress=False,
                           callbacks=[recording])
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


def test_a_training_of_fewer_than_five_steps_has_no_average_and_keeps_its_weights():
    model, recording = fresh(), Recording()
    training.fit(model, SMALL[:80], replace(QUICK, batch_size=40, ema=0.3), progress=False,
                 callbacks=[recording])
    assert len(recording.states) == 4
    assert torch.equal(model.f6.weight, recording.states[-1]["f6.weight"])


def test_after_an_interrupt_it_is_not_the_average(tmp_path):
    model, recording = fresh(), Recording(stop=12)
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, SMALL, replace(QUICK, ema=0.3), checkpoint=tmp_path / "net.ckpt",
                     progress=False, callbacks=[recording])
    assert len(recording.states) == 12
    assert torch.equal(model.f6.weight, recording.states[-1]["f6.weight"])
    snapshot = state.load(tmp_path / "net.ckpt")
    assert torch.equal(snapshot["model"]["f6.weight"], model.f6.weight)
    torch.testing.assert_close(snapshot["average"]["module.f6.weight"].double(),
                               averaged(recording.states, 0.3)["f6.weight"], rtol=1e-5, atol=1e-6)


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
    state.save(path, spoil(state.load(path)))
    torch.manual_seed(3)
    model = models.build("lenet5")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(training.CheckpointError, match=message):
        training.fit(model, SMALL, QUICK, checkpoint=path, resume=True, progress=False)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("average", [None, {"n_averaged": torch.tensor(1)}])
def test_a_checkpoint_without_its_average_is_refused(tmp_path, average):
    path, recipe = tmp_path / "net.ckpt", replace(QUICK, ema=0.1)
    trained(models.MODELS["lenet5"], path, recipe=recipe)
    state.save(path, change(state.load(path), "average", average))
    model = fresh(seed=3)
    before = model.f6.weight.clone()
    with pytest.raises(training.CheckpointError, match="not hold a whole training"):
        training.fit(model, SMALL, recipe, checkpoint=path, resume=True, progress=False)
    assert torch.equal(model.f6.weight, before)
