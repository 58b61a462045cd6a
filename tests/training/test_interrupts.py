"""Signals wait until the work is whole, and then do what they do."""

import os
import signal
import time

import pytest
from torch import nn
from trainings import QUICK, SMALL, fresh

from lenet_book import training
from lenet_book.training import state
from lenet_book.training.callbacks import Callback
from lenet_book.training.interrupts import Interrupts

SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


class Received(Exception):
    pass


@pytest.fixture(params=SIGNALS)
def number(request):
    """Each signal, with a handler that raises Received."""
    def handler(number, _):
        raise Received(number)
    before = signal.signal(request.param, handler)
    yield request.param
    signal.signal(request.param, before)


def test_a_signal_waits_for_the_end_and_reaches_whom_it_was_meant_for(number):
    done = []

    def work():
        with Interrupts() as interrupts:
            assert not interrupts.seen
            signal.raise_signal(number)
            done.append(interrupts.seen)
    with pytest.raises(Received) as received:
        work()
    assert done == [True] and received.value.args == (number,)


def test_an_error_goes_first(number):
    handler = signal.getsignal(number)

    def work():
        with Interrupts():
            signal.raise_signal(number)
            raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        work()
    assert signal.getsignal(number) is handler


def test_what_is_ignored_stays_ignored(number):
    signal.signal(number, signal.SIG_IGN)
    with Interrupts() as interrupts:
        signal.raise_signal(number)
        assert not interrupts.seen
    assert signal.getsignal(number) is signal.SIG_IGN


@pytest.mark.parametrize("pair", [(signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGTERM)])
def test_of_two_signals_ctrl_c_is_the_weaker(pair):
    def handler(number, _):
        raise Received(number)

    def work():
        with Interrupts():
            for number in pair:
                signal.raise_signal(number)
            raise KeyboardInterrupt
    before = signal.signal(signal.SIGTERM, handler)
    try:
        with pytest.raises(Received):
            work()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_ctrl_c_again_after_a_second_does_not_wait():
    done = []

    def hang():
        with Interrupts():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)  # torchrun passes on what the terminal has sent to all
            time.sleep(1.1)
            done.append("still at it")
            signal.raise_signal(signal.SIGINT)
            done.append("whole")
    with pytest.raises(KeyboardInterrupt):
        hang()
    assert done == ["still at it"]


def test_a_training_that_is_stopped_hands_the_signal_to_a_handler_of_ones_own(number):
    model = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 10))
    with pytest.raises(Received):
        training.fit(model, SMALL[:64], QUICK, progress=False, callbacks=[Sending(number, 1)])


class Sending(Callback):
    """Sends a signal in one of the steps."""

    def __init__(self, number, step):
        self.number, self.step = number, step

    def after_step(self, run):
        if run.steps == self.step:
            signal.raise_signal(self.number)


def test_one_that_comes_after_the_last_step_is_not_lost(number):
    class AtTheEnd(Callback):
        def after_training(self, run):
            signal.raise_signal(number)
    model = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 10))
    with pytest.raises(Received):
        training.fit(model, SMALL[:64], QUICK, progress=False, callbacks=[AtTheEnd()])


@pytest.mark.parametrize("number", SIGNALS[1:])
def test_a_program_ends_by_the_signal_as_it_would_without(number, tmp_path):
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(number, signal.SIG_DFL)
            training.fit(fresh(), SMALL, QUICK, checkpoint=tmp_path / "net.ckpt", progress=False,
                         callbacks=[Sending(number, 2)])
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == number
    assert state.load(tmp_path / "net.ckpt")["step"] == 2
    assert [file.name for file in tmp_path.iterdir()] == ["net.ckpt"]
