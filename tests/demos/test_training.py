"""Training as a task beside other work: it learns, stops, goes on, and leaves a usable net."""

import asyncio
import importlib

import pytest
import torch

from lenet_book import demos, mnist
from lenet_book.training import evaluate

module = importlib.import_module("lenet_book.demos.training")


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    """A pass of 2,000 digits, and 200 held out, so that a test takes a second."""
    train, _ = mnist.load_mnist()
    monkeypatch.setattr(module, "_digits", lambda: (train[:2000], train[-200:]))
    monkeypatch.setattr(module, "_EVERY", 500)
    monkeypatch.setattr(module, "_FRAME", 0.0)


def run(script, **options):
    """Run an async script with a demo on an event loop, as a notebook's kernel has one."""
    async def main():
        with demos.training(**options) as demo:
            await script(demo)
    asyncio.run(main())


async def finished(demo):
    while demo.running:
        await asyncio.sleep(0.01)


def test_a_pass_teaches_it_something():
    async def script(demo):
        before = demo.redraws
        demo.controls["start"].click()
        assert demo.running
        await finished(demo)
        assert demo.seen == 2000 and len(demo.held_out) == 4 and len(demo.errors) == 1
        assert demo.held_out[-1][1] < min(0.4, demo.held_out[0][1])
        assert demo.redraws > before + 3  # the curve moved meanwhile
        held_out = module._digits()[1]
        error = evaluate(demo.model, held_out).error_rate
        assert error == demo.held_out[-1][1]
        assert "2,000 of 2,000 digits" in demo.value and f"held-out digits {error:.1%}" in demo.value
    run(script, learning_rate=0.03, batch_size=16)


def test_the_same_seed_gives_the_same_net_and_leaves_the_global_generator_alone():
    weights = []

    async def script(demo):
        state = torch.get_rng_state()
        demo.controls["start"].click()
        await finished(demo)
        assert torch.equal(torch.get_rng_state(), state)
        weights.append(demo.model.c1.weight.detach().clone())
    run(script)
    run(script)
    run(script, seed=1)
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_other_work_goes_on_and_stop_leaves_a_usable_model():
    async def script(demo):
        demo.controls["start"].click()
        turns = 0
        while not demo.held_out:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 3
        demo.controls["stop"].click()
        seen = demo.seen
        assert 0 < seen < 2000 and not demo.running
        assert not demo.model.training
        assert demo.value.startswith("Stopped")
        await asyncio.sleep(0.05)
        assert demo.seen == seen
        assert 0 < evaluate(demo.model, module._digits()[1]).error_rate < 1
        demo.controls["continue"].click()
        await finished(demo)
        assert demo.seen == 2000
        demo.controls["continue"].click()  # one pass more
        await finished(demo)
        assert demo.seen == 4000 and "4,000 of 4,000" in demo.value
    run(script, batch_size=16)


def test_start_begins_anew_with_what_is_chosen():
    async def script(demo):
        demo.controls["start"].click()
        await finished(demo)
        demo.controls["activation"].value = "sigmoid"
        demo.controls["pooling"].value = "average"
        assert demo.kind == ("ReLU", "max") and "press start" in demo.value
        demo.controls["start"].click()
        assert demo.seen == 0 and demo.kind == ("sigmoid", "average")
        assert isinstance(demo.model.s2_relu, torch.nn.Sigmoid)
        assert isinstance(demo.model.s4, torch.nn.AvgPool2d)
        await finished(demo)
        assert demo.held_out[-1][1] > 0.7  # logistic units do not move in one pass
    run(script)


def test_steps_of_a_wrong_length_do_not_get_far():
    async def script(demo):
        demo.controls["start"].click()
        await finished(demo)
        assert demo.held_out[-1][1] > 0.5
    run(script, learning_rate=1.0)
    run(script, learning_rate=0.0001)


def test_learning_rate_and_batch_size_act_while_it_learns():
    async def script(demo):
        demo.controls["start"].click()
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        demo.controls["learning_rate"].value = 0.0001
        demo.controls["batch_size"].value = 512
        before = demo.seen
        await asyncio.sleep(0.2)
        assert demo.optimiser.param_groups[0]["lr"] == 0.0001
        assert demo.seen == 2000 or (demo.seen - before) % 512 == 0
    run(script, batch_size=8)


def test_steps_too_large_are_said_and_a_fresh_start_is_possible():
    async def script(demo):
        module.LEARNING_RATES.append(1e6)
        try:
            demo.controls["learning_rate"].options = module.LEARNING_RATES
            demo.controls["learning_rate"].value = 1e6
            demo.controls["start"].click()
            await finished(demo)
        finally:
            module.LEARNING_RATES.remove(1e6)
        assert "no longer a finite number" in demo.value and not demo.running
        demo.controls["learning_rate"].value = 0.01
        demo.controls["start"].click()
        await finished(demo)
        assert demo.seen == 2000 and "finite" not in demo.value
    run(script)


def test_without_an_event_loop_it_says_so():
    with demos.training() as demo:
        demo.controls["start"].click()
        assert "event loop" in demo.value and not demo.running


def test_an_error_while_it_learns_is_shown(monkeypatch):
    async def script(demo):
        monkeypatch.setattr(demo, "_step", lambda: 1 / 0)
        demo.controls["start"].click()
        await finished(demo)
        assert "division by zero" in demo.value
    run(script)


def test_closing_ends_the_task():
    async def script(demo):
        demo.controls["start"].click()
        await asyncio.sleep(0.02)
        task = demo.task
        demo.close()
        await asyncio.sleep(0)
        assert task.cancelled() and demo.task is None
    run(script, batch_size=8)


def test_networks_have_lenet5s_shape_whatever_is_chosen():
    for activation in module.ACTIVATIONS:
        for pooling, extra in (("max", 0), ("average", 0), ("subsampling of 1998", 44)):
            net = module.network(activation, pooling)
            assert sum(p.numel() for p in net.parameters()) == 61_706 + extra
            assert net(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("wrong", [{"learning_rate": 0.02}, {"batch_size": 100}, {"activation": "GELU"},
                                   {"pooling": "none"}])
def test_wrong_arguments_are_refused_with_what_there_is(wrong):
    with pytest.raises(ValueError, match="must be one of"):
        demos.training(**wrong)
