"""Trainings stopped anywhere and taken up again, and the moving average of their weights."""

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
    fresh,
    keep_saves,
    same,
    trained,
    weights,
    without_times,
)

from lenet_book import models, training
from lenet_book.training import state

LENET5 = models.MODELS["lenet5"]
SHORT = replace(QUICK, batch_size=10)
SGD = replace(SHORT, optimiser="sgd", learning_rate=0.05)
SPOILT = ({"optimiser": {"state": {}, "param_groups": []}}, {"history": [(1, 2)]}, {"average": None},
          {"average": {"n_averaged": torch.tensor(1)}}, {"generator": torch.zeros(3).byte()})


@pytest.mark.parametrize(("make", "recipe"), [
    (LENET5, SHORT),
    (Dropping, SHORT),
    (models.MODELS["lenet-relu"], replace(SGD, momentum=0.9, schedule="constant")),
    (models.MODELS["lenet-tanh"], replace(SGD, weight_decay=0.0)),
    (models.MODELS["lenet-sigmoid"], replace(SHORT, optimiser="adam", schedule=((1, 1.0), (1, 0.1)))),
    (LENET5, replace(SHORT, optimiser="muon", augmentation=BEND, augmentation_end=0.3, ema=0.2)),
    (models.MODELS["lenet-batchnorm"], replace(SHORT, ema=0.2)),
    (models.MODELS["lenet5-1998"], SDLM),
    (models.MODELS["lenet5-1998"], replace(SDLM, augmentation=BEND, ema=0.2))])
def test_stopped_after_any_step_and_resumed_it_ends_bit_identical(tmp_path, monkeypatch, make, recipe):
    """After the first step, before and after the moving average begins, beside the end of an epoch,
    after the last step; and once more after the end."""
    train = SMALL[:10 * recipe.batch_size]
    expected, history = trained(make, recipe=recipe, train=train)
    numbers = 1, 4, 7, 10, 11, 12, 21  # of each epoch the ten steps, and its end
    with monkeypatch.context() as patch:
        keep_saves(numbers, patch)
        trained(make, tmp_path / "net.ckpt", recipe=recipe, train=train)
    for number in numbers:
        path = tmp_path / f"{number}.ckpt"
        model, resumed = trained(make, path, resume=True, recipe=recipe, train=train)
        assert same(weights(model), weights(expected)) and not model.training
        assert without_times(resumed) == without_times(history)
    again, ended = trained(make, path, resume=True, recipe=recipe, train=train)
    assert same(weights(again), weights(expected)) and ended.epochs == resumed.epochs


def averaged(states, share):
    """The moving average by hand: of every fifth state, each new one getting this share."""
    every_fifth = states[4::5]
    average = {name: t.double() for name, t in every_fifth[0].items()}
    for later in every_fifth[1:]:
        for name, value in average.items():
            average[name] = (1 - share) * value + share * later[name].double()
    return average


@pytest.mark.parametrize("name", ["lenet5", "lenet-batchnorm", "lenet5-1998"])
def test_the_moving_average_is_what_remains_and_what_is_validated(name):
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
    assert same(recording.ends, recording.states[11::12])  # it is lent for the validation alone
    if name == "lenet-batchnorm":
        assert any("running_var" in key for key in numbers)
        assert model.c1_norm.num_batches_tracked == 20  # of the last state that was taken in
    score = training.evaluate(model, SMALL[300:])
    assert history.epochs[-1].validation_error == score.error_rate
    assert history.epochs[-1].validation_loss == pytest.approx(score.loss, rel=1e-6)


def test_a_training_of_fewer_than_five_steps_has_no_moving_average_and_keeps_its_weights():
    model, recording = fresh(), Recording()
    training.fit(model, SMALL[:80], replace(QUICK, batch_size=40, ema=0.3), progress=False,
                 callbacks=[recording])
    assert len(recording.states) == 4
    assert torch.equal(model.f6.weight, recording.states[-1]["f6.weight"])


def test_after_an_interrupt_it_is_not_the_moving_average(tmp_path):
    model, recording, path = fresh(), Recording(stop=12), tmp_path / "net.ckpt"
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, SMALL, replace(QUICK, ema=0.3), checkpoint=path, progress=False,
                     callbacks=[recording])
    assert len(recording.states) == 12
    assert same(weights(model), recording.states[-1])
    assert same({**training.load_weights(path)}, weights(model))
    torch.testing.assert_close(state.load(path)["average"]["module.f6.weight"].double(),
                               averaged(recording.states, 0.3)["f6.weight"], rtol=1e-5, atol=1e-6)
    state.save(path, {"model": {}})
    with pytest.raises(training.CheckpointError, match="not of a training"):
        training.load_weights(path)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The state of a training that has ended, as a function that reads it."""
    path = tmp_path_factory.mktemp("ended") / "net.ckpt"
    trained(LENET5, path, recipe=replace(QUICK, ema=0.1))
    return lambda: state.load(path)


@pytest.mark.parametrize(("change", "message"), [
    (lambda s: s.pop("network"), "not of a training, or of one by another version.*has no network"),
    (lambda s: s["recipe"].update(seed=9, epochs=5), "training: epochs: 5 -> 2; seed: 9 -> 0; "),
    (lambda s: s.update(examples=599), "another training: examples: 599 -> 600; "),
    (lambda s: s["network"].update({"net.c1": "a"}), "another network: net.c1: a -> torch.*Conv2d"),
    (lambda s: s["model"].update({"c1.bias": torch.zeros(7)}), "not hold a whole training"),
    (lambda s: s.pop("history"), "not hold a whole training"),
    *((lambda s, spoilt=spoilt: s.update(spoilt), "not hold a whole training") for spoilt in SPOILT)])
def test_a_checkpoint_of_something_else_is_refused_and_nothing_of_it_taken(
        tmp_path, ended, change, message):
    path, recipe, snapshot = tmp_path / "net.ckpt", replace(QUICK, ema=0.1), ended()
    change(snapshot)
    state.save(path, snapshot)
    model = fresh(seed=3)
    before = weights(model)
    with pytest.raises(training.CheckpointError, match=message):
        training.fit(model, SMALL, recipe, checkpoint=path, resume=True, progress=False)
    assert same(weights(model), before)


@pytest.mark.parametrize("ema", [0.0, 0.3])
def test_the_way_on_that_is_named_begins_a_new_training_with_the_weights_of_one_that_has_ended(
        tmp_path, ema):
    path, recipe = tmp_path / "net.ckpt", replace(QUICK, ema=ema)
    ended, _ = trained(LENET5, path, recipe=recipe)
    with pytest.raises(training.CheckpointError, match="another training: epochs: 2 -> 3; ") as error:
        trained(LENET5, path, resume=True, recipe=replace(recipe, epochs=3))
    model = fresh(seed=3)
    exec(str(error.value).rpartition("its weights: ")[2], {"model": model, "training": training})
    assert same(weights(model), weights(ended))
