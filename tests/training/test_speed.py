"""Settings for speed: there while it trains, gone afterwards."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
import torch
from torch import nn
from trainings import QUICK, SMALL, fresh

from lenet_book import models, training
from lenet_book.ledger import ledger
from lenet_book.training import speed
from lenet_book.training.callbacks import Callback


@pytest.fixture
def cores(monkeypatch):
    """A machine on which torch takes `count` threads, and others keep it `busy`, in per cent."""
    before = torch.get_num_threads()

    def machine(count, busy=0.0):
        torch.set_num_threads(count)
        monkeypatch.setattr(speed.psutil, "cpu_count", lambda: count)
        monkeypatch.setattr(speed.psutil, "cpu_percent", lambda interval=None: busy)
        monkeypatch.setattr(os, "cpu_count", lambda: count)
    yield machine
    torch.set_num_threads(before)


@pytest.mark.parametrize(("batch_size", "expected"), [(1, (False, 1)), (2, (True, 1)), (98, (True, 2))])
def test_single_examples_run_without_onednn_small_batches_on_one_thread_and_all_is_back(
        cores, batch_size, expected):
    seen = []

    class Asking(nn.Flatten):
        def forward(self, x):
            seen.append((torch.backends.mkldnn.enabled, torch.get_num_threads()))
            if len(seen) == 2:  # the first of the training; the one before it is a trial
                raise RuntimeError("out of luck")
            return super().forward(x)
    cores(2)
    with pytest.raises(RuntimeError, match="out of luck"):
        training.fit(nn.Sequential(Asking(), nn.Linear(1024, 10)), SMALL,
                     replace(QUICK, batch_size=batch_size), progress=False)
    assert seen[1:] == [expected]
    assert (torch.backends.mkldnn.enabled, torch.get_num_threads()) == (True, 2)


LENET5, VGG_SMALL = (1024, 416_520), (1600, 3_857_536)  # pixels and multiply-adds of an example


@pytest.mark.parametrize(("count", "busy", "batch_size", "example", "expected"), [
    (2, 0, 64, LENET5, 1),     # in small batches: 65,536 pixels are worth one thread
    (2, 0, 256, LENET5, 2),    # by the recipe `fast`
    (2, 50, 256, LENET5, 1),   # one busy program on two cores
    (2, 100, 256, LENET5, 1),  # both cores taken: one all the same
    (8, 10, 256, LENET5, 5),   # 262,144 pixels
    (8, 50, 256, LENET5, 4),
    (1, 0, 256, LENET5, 1),
    (8, 0, 8, VGG_SMALL, 1), (8, 0, 16, VGG_SMALL, 2),  # few pixels, and a lot to do with them
    (2, 0, 1, (3 * 224 * 224, 0), 2)])
def test_threads_are_those_that_a_batch_is_worth_of_the_free_ones(
        cores, count, busy, batch_size, example, expected):
    cores(count, busy)
    assert speed.threads(batch_size, speed.share_of_a_thread(*example)) == expected


@pytest.mark.parametrize(("net", "shape"), [
    (models.build("lenet5"), (1, 32, 32)), (models.build("vgg-small"), (1, 40, 40)),
    (nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, groups=2), nn.Linear(5, 7)), (4, 9, 11))])
def test_the_work_of_a_net_is_what_its_ledger_counts(net, shape):
    with speed.work(net) as done:
        net(torch.zeros(3, *shape))
    assert sum(done) == 3 * ledger(net, shape).macs
    before = len(done)
    net(torch.zeros(3, *shape))
    assert len(done) == before > 1


def test_a_deep_net_gets_its_threads_in_small_batches(cores):
    cores(2)
    model, x = models.build("vgg-small"), torch.rand(32, 1, 40, 40)
    recipe = replace(QUICK, batch_size=16)
    assert training.fit(model, (x, SMALL.labels[:32]), recipe, progress=False).threads == 2


def test_what_is_busy_is_seen():
    """On the machine as it is: beside as many busy programs as it has cores, one thread is left."""
    before = torch.get_num_threads()
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
                for _ in range(psutil.cpu_count())]
    try:
        torch.set_num_threads(psutil.cpu_count())
        time.sleep(0.2)
        assert speed.threads(10_000, 1.0) == 1
    finally:
        torch.set_num_threads(before)
        for program in programs:
            program.kill()
            program.wait()


@pytest.mark.parametrize(("busy", "ours", "expected"), [
    (100, 8.0, 8),  # all that is busy is this training
    (100, 7.4, 7),
    (100, 4.0, 4),  # two that have begun together
    (100, 1.6, 2),  # five
    (100, 0.2, 1),
    (75, 4.0, 6),   # two cores are idle
    (10, 0.8, 8)])
def test_a_training_looks_again_and_leaves_out_what_it_takes(cores, monkeypatch, busy, ours, expected):
    cores(8, busy)
    clock, again, run = SimpleNamespace(), speed.LookAgain(), SimpleNamespace(steps=0)
    clock.now, clock.took = 100.0, 7.0
    monkeypatch.setattr(speed, "time", SimpleNamespace(monotonic=lambda: clock.now,
                                                       process_time=lambda: clock.took))
    again.before_training(run)
    for clock.now, clock.took, seen in ((100.9, 7 + 0.9 * ours, 8), (102, 7 + 2 * ours, expected),
                                        (110, 7.0, expected)):  # too early, once, and never after that
        again.after_step(run)
        assert torch.get_num_threads() == seen


def test_a_training_makes_room_for_who_came_with_it(monkeypatch):
    """On the machine as it is: programs that keep all cores busy, and were not there when it looked."""
    class UntilThereIsRoom(Callback):
        def after_step(self, run):
            if torch.get_num_threads() == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(speed, "threads", lambda *_: 2)
    monkeypatch.setattr(speed, "LOOK_AGAIN", 0.3)
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
                for _ in range(3 * psutil.cpu_count())]
    try:
        with pytest.raises(KeyboardInterrupt):
            training.fit(fresh(), SMALL, replace(QUICK, epochs=60), progress=False,
                         callbacks=[UntilThereIsRoom()])
    finally:
        for program in programs:
            program.kill()
            program.wait()


def test_a_resumed_training_takes_the_threads_of_its_checkpoint(cores, tmp_path):
    class Stop(Callback):
        def after_epoch(self, run):
            raise KeyboardInterrupt

    recipe = replace(QUICK, batch_size=128)
    def fit(**options):
        model = fresh()
        return model, training.fit(model, SMALL, recipe, progress=False, **options)
    cores(2)
    whole, history = fit()
    assert history.threads == 2
    with pytest.raises(KeyboardInterrupt):
        fit(checkpoint=tmp_path / "run", callbacks=[Stop()])
    cores(2, busy=100)
    resumed, history = fit(checkpoint=tmp_path / "run", resume=True)
    assert history.threads == 2
    for ours, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert fit()[1].threads == 1  # another training looks for itself


def test_memory_lies_as_it_did():
    for memory in (torch.contiguous_format, torch.channels_last):
        model = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(6 * 28 * 28, 10))
        model.to(memory_format=memory)
        training.fit(model, SMALL[:64], QUICK, progress=False)
        assert model[0].weight.is_contiguous(memory_format=memory)
