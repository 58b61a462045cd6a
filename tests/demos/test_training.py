"""Training as a task beside other work: it learns, stops, goes on, and leaves a usable net."""

import asyncio
import importlib
import json
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from recorder import Recorder, changed, same_picture

from lenet_book import demos, mnist
from lenet_book.demos import learner as learning
from lenet_book.demos.page import content
from lenet_book.training import evaluate

module = importlib.import_module("lenet_book.demos.training")


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    """An epoch of 2,000 digits, and 200 for validation, so that a test takes a second."""
    digits = mnist.load_mnist()[0][:2200].split(2000)
    monkeypatch.setattr(learning, "_digits", lambda: digits)
    monkeypatch.setattr(learning, "_EVERY", 500)
    monkeypatch.setattr(module, "_FRAME", 0.0)
    monkeypatch.setattr(module, "LEARNING_RATES", [*module.LEARNING_RATES, 1e6])


def on_a_loop(**options):
    """A test that is given such a demo, on an event loop, as a notebook's kernel has one."""
    async def main(script):
        with demos.training(**options) as demo:
            await script(demo)
    return lambda script: lambda: asyncio.run(main(script))


async def finished(demo):
    while demo.running:
        await asyncio.sleep(0.01)


def test_the_steps_are_those_of_a_loop_by_hand():
    """The same seed, momentum 0.9, two epochs."""
    train, validation = learning._digits()
    torch.manual_seed(7)
    net, state, wrong, errors = learning.network("tanh", "average"), torch.get_rng_state(), [], []
    weights, order = list(net.parameters()), torch.Generator().manual_seed(7)
    learner = learning.Learner(7, "tanh", "average", 0.03, 96)
    learner.epochs = 2
    momenta = [torch.zeros_like(weight) for weight in weights]
    for _ in range(2):
        for places in torch.randperm(2000, generator=order).split(96):
            learner.step()
            logits = net(train[places].inputs(32, net.scaling))
            gradients = torch.autograd.grad(F.cross_entropy(logits, train.labels[places]), weights)
            with torch.no_grad():
                for weight, momentum, gradient in zip(weights, momenta, gradients, strict=True):
                    weight -= 0.03 * momentum.mul_(0.9).add_(gradient)
            wrong += (logits.argmax(1) != train.labels[places]).tolist()
            if len(wrong) >= 1000:
                errors.append([learner.seen, sum(wrong) / len(wrong)])
                wrong = []
    assert torch.equal(torch.get_rng_state(), state)
    for own, its in zip(weights, learner.model.parameters(), strict=True):
        torch.testing.assert_close(its, own)
    facts = module.compute(learner.progress(False), 0.01, 512, "ReLU", "max")
    assert (facts.learning_rate, facts.batch_size) == (0.03, 96)
    assert facts.training == errors and len(facts.validation) == 8
    assert facts.validation[-1] == [4000, evaluate(net, validation).error_rate]
    assert (facts.seen, facts.total, facts.parameters) == (4000, 4000, 61_706)
    assert facts.net == ["tanh", "average"]
    assert facts.other == ["a net with ReLU, max", "learning rate 0.01", "batch size 512"]
    assert torch.equal(facts.kernels, learner.model.c1.weight[:, 0])
    learner.step()
    assert not torch.equal(facts.kernels, learner.model.c1.weight[:, 0])  # facts stay as they are


FACTS = SimpleNamespace(
    learning_rate=0.01, batch_size=64, other=[], net=["ReLU", "max"], parameters=61_706,
    kernels=torch.ones(6, 5, 5), running=False, trouble="", recorded=False, seen=1500, total=2000,
    training=[[1000, 0.2], [1400, 0.5]], validation=[[500, 0.4], [1000, 0.2]], validation_digits=200)


@pytest.mark.parametrize(("change", "words"), [
    ({}, "Stopped: 1,500 of 2,000 digits seen (ReLU, max; learning rate 0.01, batch size 64). Read "
     "wrong: 50.0% of the last 1,000 or so, as it learned; 20.0% of 200 validation digits."),
    ({"seen": 2000}, "Epoch finished: 2,000 of 2,000"), ({"total": 4000}, "Stopped: 1,500 of 4,000"),
    ({"running": True}, "Learning: 1,500"), ({"trouble": "Ouch."}, "Ouch."),
    ({"learning_rate": 0.003}, "learning rate 0.003"), ({"batch_size": 8}, "size 8)"),
    ({"other": ["a net with tanh, max"]}, "digits. For a net with tanh, max press start."),
    ({"other": ["learning rate 1", "batch size 8"]}, "rate 1 and batch size 8 press start."),
    ({"net": ["tanh", "average"]}, "seen (tanh, average; learning"),
    ({"recorded": True}, "digits. This page replays a recorded run: choices act in a notebook."),
    ({"training": []}, "Read wrong: 20.0% of 200"),
    ({"training": [[1000, 0.2], [1400, 0.1]]}, "wrong: 10.0%"),
    ({"validation": []}, "50.0% of the last 1,000 or so, as it learned."),
    ({"validation": [[500, 0.4], [1000, 0.3]]}, "30.0% of 200"),
    ({"validation_digits": 300}, "of 300 validation digits"),
    ({"kernels": torch.eye(5).expand(6, 5, 5)}, ""),
    ({"seen": 0}, "A fresh net with LeNet-5's layers (ReLU, max) and 61,706 parameters has learned "
     "nothing yet; press start. One epoch: 2,000 digits, learning rate 0.01, batch size 64."),
    ({"seen": 0, "other": ["batch size 8"]}, "parameters has learned nothing yet. One epoch: 2,000 "
     "digits, learning rate 0.01, batch size 64. For batch size 8 press start."),
    ({"seen": 0, "running": True}, "(ReLU, max) and 61,706 parameters has begun to learn. One"),
])
def test_every_fact_is_painted_or_said(change, words):
    facts = changed(FACTS, **change)
    assert words in module.say(facts)
    only_said = {"running", "trouble", "learning_rate", "batch_size", "other", "recorded"}
    assert same_picture(module.paint, facts, FACTS) == (set(change) <= only_said)


def test_the_picture_says_the_net_that_learns_and_covers_its_errors_as_the_answer():
    sheet = Recorder(module.paint, changed(FACTS, other=["scaled tanh", "subsampling of 1998"]))
    assert "ReLU, max" in sheet.words and "2,000 others, as it is now" not in sheet.words
    assert {"200 others, as it is now", "1,500 of 2,000 digits"} <= {*sheet.words}
    errors = {text.words: text for text in sheet.texts if text.words in ("50.0%", "20.0%")}
    assert (errors["50.0%"].colour, errors["20.0%"].colour) == (module.BLUE, module.RED)
    squares = [fill for fill in sheet.fills if fill.width == fill.height == 8]
    assert len(squares) == 2
    for x, y in [*((text.x - 1, text.y) for text in errors.values()),
                 *((square.x + 4, square.y + 4) for square in squares)]:
        assert sheet.veils(x, y)
    assert "not yet" in Recorder(module.paint, changed(FACTS, validation=[])).words


def test_the_curve_is_logarithmic():
    """From 30 % it is as far down to 3 % as from 10 to 1 %; half of the digits are halfway."""
    (left, top), (middle, ten), (_, thirty), (_, three), (right, one) = (
        module._place(*point, 1000) for point in [
            (0, 1), (500, 0.1), (0, 0.3), (0, 0.03), (1000, 0.01)])
    assert three - thirty == pytest.approx(one - ten) == pytest.approx(ten - top)
    assert middle - left == pytest.approx((right - left) / 2)
    assert module._place(0, 0, 1000) == module._place(0, 0.003, 1000)


def test_progress_is_for_json_and_a_page_without_a_kernel_knows_that_only_a_recorded_run_goes_on():
    with demos.training(learning_rate=0.03) as demo:
        for _ in range(8):
            demo.learner.step()
        assert demo.facts.seen == 0
        demo.redraw()
        progress = demo.values["progress"]
        assert json.loads(json.dumps(progress)) == progress and progress["seen"] == 512
        before = demo.facts
        demo.learner.step()
        assert demo.facts is before and progress["seen"] == 512  # a value stays as it is
        described = demo.described["controls"]["progress"]["value"]
        assert described == progress | {"recorded": True}
        demo.controls["learning_rate"].value = 0.1
        facts = module.compute(**demo.values | {"progress": described})
        assert facts.recorded and facts.learning_rate == 0.03 and not facts.other


def test_the_recorded_run_is_one_with_the_default_settings(monkeypatch):
    run = json.loads(content("training-run"))
    with demos.training() as demo:
        fresh = demo.learner.progress(False)
    for name in ("net", "learning_rate", "batch_size", "parameters"):
        assert run[name] == fresh[name]
    assert (run["total"], run["validation_digits"]) == (58_000, 2000)
    seen = [seen for seen, _ in run["states"]]
    assert (seen[0], seen[-1]) == (0, 58_000) and seen == sorted(seen) and 50 <= len(seen) <= 70
    kernels = [torch.tensor(thousandths) / 1000 for _, thousandths in run["states"]]
    torch.testing.assert_close(kernels[0], torch.tensor(fresh["kernels"]), rtol=0, atol=0.00051)
    monkeypatch.setattr(learning, "_digits", lambda: mnist.load_mnist()[0].split(58_000))
    learner = learning.Learner(0, "ReLU", "max", 0.01, 64)
    for _ in range(seen[1] // 64):
        learner.step()
    assert learner.seen == seen[1]
    assert learner.training[0] == pytest.approx(run["training"][0], abs=0.003)
    learned = learner.model.c1.weight.detach().flatten()
    torch.testing.assert_close(learned, kernels[1], rtol=0, atol=0.0015)
    assert run["validation"][-1][1] < 0.03 and len(run["validation"]) == 58_000 // 5000


@on_a_loop(batch_size=16)
async def test_other_work_goes_on_and_stop_leaves_a_usable_model(demo):
    demo.controls["start"].click()
    turns = 0
    while not demo.facts.validation:
        await asyncio.sleep(0)
        turns += 1
    assert turns > 3
    demo.controls["stop"].click()
    seen = demo.facts.seen
    assert 0 < seen < 2000 and not demo.running and not demo.model.training
    assert demo.value.startswith("Stopped")
    await asyncio.sleep(0.05)
    assert demo.learner.seen == seen
    assert 0 < evaluate(demo.model, learning._digits()[1]).error_rate < 1
    demo.controls["continue"].click()
    await finished(demo)
    assert demo.facts.seen == 2000
    demo.controls["continue"].click()  # another epoch
    await finished(demo)
    assert demo.facts.seen == demo.facts.total == 4000


@on_a_loop(learning_rate=0.03, batch_size=16)
async def test_an_epoch_teaches_it_something_and_start_begins_anew_with_what_is_chosen(demo):
    told = []
    demo.controls["progress"].observe(lambda change: told.append(change.new["seen"]), "value")
    demo.controls["start"].click()
    assert demo.running and demo.facts.running
    await finished(demo)
    errors = [error for _, error in demo.facts.validation]
    assert demo.facts.seen == 2000 and not demo.facts.running
    assert len(errors) == 4 and errors[-1] < min(0.4, errors[0])
    assert errors[-1] == evaluate(demo.model, learning._digits()[1]).error_rate
    assert told == sorted(told) and len({*told}) > 3  # the curve moved meanwhile
    demo.controls["activation"].value = "sigmoid"
    demo.controls["pooling"].value = "average"
    assert demo.facts.net == ["ReLU", "max"]
    assert demo.value.endswith(" For a net with sigmoid, average press start.")
    demo.controls["start"].click()
    assert not demo.facts.other
    assert demo.facts.seen == 0 and demo.facts.net == ["sigmoid", "average"]
    assert isinstance(demo.model.s2_relu, torch.nn.Sigmoid)
    assert isinstance(demo.model.s4, torch.nn.AvgPool2d)
    await finished(demo)
    assert demo.facts.validation[-1][1] > 0.7  # logistic units do not move in one epoch


@on_a_loop(batch_size=8)
async def test_what_is_chosen_while_it_learns_counts_from_the_next_start(demo):
    """And the sentence tells how the net of the picture has learned."""
    demo.controls["start"].click()
    while not demo.facts.seen:
        await asyncio.sleep(0)
    demo.controls["learning_rate"].value = 0.0001
    demo.controls["batch_size"].value = 512
    said = ("learning rate 0.01, batch size 8)",
            "For learning rate 0.0001 and batch size 512 press start.")
    assert all(words in demo.value for words in said)
    before = demo.facts.seen
    while demo.facts.seen == before:
        await asyncio.sleep(0)
    assert demo.learner.seen < before + 512 and demo.learner.optimiser.param_groups[0]["lr"] == 0.01
    demo.controls["stop"].click()
    demo.controls["continue"].click()
    assert all(words in demo.value for words in said)
    demo.controls["start"].click()
    while not demo.facts.seen:
        await asyncio.sleep(0)
    assert demo.facts.seen in (512, 1024, 1536, 2000)
    assert demo.learner.optimiser.param_groups[0]["lr"] == 0.0001
    assert "learning rate 0.0001, batch size 512" in demo.value and not demo.facts.other


@on_a_loop(batch_size=8)
async def test_reset_ends_the_learning_and_gives_a_fresh_net(demo):
    """As the page asks for it, with what the controls go back to, which may be heard of later."""
    fresh = demo.value
    demo.controls["activation"].value = "tanh"
    demo.controls["start"].click()
    while not demo.facts.seen:
        await asyncio.sleep(0)
    task = demo.task
    first = {"activation": "ReLU", "pooling": "max", "learning_rate": 0.01, "batch_size": 8}
    message = {"content": {"data": {"method": "custom", "content": first}}, "buffers": []}
    demo.controls["progress"]._handle_msg(message)
    assert not demo.running and demo.facts.other == ["a net with tanh, max"]
    demo.controls["activation"].value = "ReLU"
    assert demo.value == fresh
    await asyncio.sleep(0.05)
    assert task.cancelled() and demo.learner.seen == 0 and demo.value == fresh
    assert torch.equal(demo.model.c1.weight, learning.Learner(0, *first.values()).model.c1.weight)


@on_a_loop(learning_rate=1e6)
async def test_steps_too_large_are_said_and_a_fresh_start_is_possible(demo):
    demo.controls["start"].click()
    await finished(demo)
    assert "no longer a finite number" in demo.value
    demo.controls["learning_rate"].value = 0.01
    demo.controls["start"].click()
    await finished(demo)
    assert demo.facts.seen == 2000 and "finite" not in demo.value


@on_a_loop()
async def test_an_error_while_it_learns_is_shown(demo):
    with mock.patch.object(learning.Learner, "step", side_effect=ZeroDivisionError("division by zero")):
        demo.controls["start"].click()
        await finished(demo)
    assert "division by zero" in demo.value


def test_without_an_event_loop_it_says_so():
    with demos.training() as demo:
        demo.controls["start"].click()
        assert "event loop" in demo.value and not demo.running


@on_a_loop(batch_size=8)
async def test_interrupted_it_can_go_on_and_closing_ends_it(demo):
    """As when the cell that awaits its task is interrupted, which cancels the task."""
    demo.controls["start"].click()
    await asyncio.sleep(0.02)
    demo.task.cancel()
    await asyncio.sleep(0)
    assert not demo.running
    demo.controls["continue"].click()
    seen = demo.learner.seen
    await asyncio.sleep(0.02)
    assert demo.running and seen < demo.learner.seen < 2000
    task = demo.task
    demo.close()
    await asyncio.sleep(0)
    assert task.cancelled() and demo.task is None


@pytest.mark.parametrize("activation", learning.ACTIVATIONS)
@pytest.mark.parametrize("pooling", learning.POOLINGS)
def test_networks_have_lenet5s_shape_whatever_is_chosen(activation, pooling):
    net = learning.network(activation, pooling)
    trainable = 2 * (6 + 16) if pooling == "subsampling of 1998" else 0
    assert sum(p.numel() for p in net.parameters()) == 61_706 + trainable
    assert net(torch.zeros(2, 1, 32, 32)).shape == (2, 10)
