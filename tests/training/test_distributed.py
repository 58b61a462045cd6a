"""Several processes train as one would. Run as a script, this file is two such processes."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_post_hook
from trainings import BEND, TEST, TRAIN, fresh

from lenet_book import __main__, mnist, models, training
from lenet_book.training import distributed, state
from lenet_book.training.recipes import Recipe

LIMIT = 120  # seconds: whoever takes longer hangs
SGD = Recipe(learning_rate=0.05, momentum=0.9, optimiser="sgd", batch_size=64, epochs=2)
TRAININGS = {  # what each is called: the net, the number of examples, the recipe
    "plain": ("lenet5", 256, SGD),
    "adamw": ("lenet5", 256, replace(SGD, optimiser="adamw", momentum=0.0, learning_rate=1e-3)),
    "muon": ("lenet5", 256, replace(SGD, optimiser="muon", momentum=0.0, learning_rate=1e-3)),
    "last batch of 13": ("lenet5", 141, SGD),
    "last batch of 1": ("lenet5", 129, SGD),
    "distorted, moving average": ("lenet5", 333, replace(SGD, augmentation=BEND, ema=0.1)),
    "1998": ("lenet5-1998", 65, Recipe(learning_rate=2e-5, optimiser="sdlm", batch_size=4)),
}


def trained(name, seed=0, **options):
    """A net after one of the trainings, or as far as it got, and its history."""
    kind, count, recipe = TRAININGS[name]
    model = fresh(kind, seed)
    return model, training.fit(model, TRAIN[:count], recipe, progress=False, device="cpu", **options)


# One of two processes

def take_part(folder):
    """What the process does whose number is in RANK, and in the end, writes down what happened."""
    found = {}
    with distributed.processes():
        rank = dist.get_rank()
        train_together(found, rank)
        stop_and_go_on(found, folder, rank)
        disagree(found, folder, rank)
        torch.save(found, folder / f"{rank}.pt")


def train_together(found, rank):
    for name in TRAININGS:
        # The nets begin differently: all have to go on from the first one's.
        model, history = trained(name, seed=rank)
        found[name] = model.state_dict(), history.epochs
    found["told"] = {
        "size": distributed.size(), "first": distributed.is_first(),
        "total": [t.item() for t in distributed.total(torch.tensor(2 + rank), torch.tensor(0.5))],
        "any": distributed.any_of(rank == 0, rank == 1, False, True),
        "agree": [distributed.agree(7), distributed.agree(7 + rank), distributed.agree(-rank)]}


def stop_and_go_on(found, folder, rank):
    """Told to stop, one within an epoch and the other at the end of one; each is told alone."""
    def count(*_):
        calls.append(1)
        if rank == 1 and len(calls) == 4:
            signal.raise_signal(signal.SIGTERM)

    class AtTheEnd(mnist.Digits):
        def inputs(self, **how):
            if rank == 0 and len(how["which"]) > 1:  # not yet in the trial
                signal.raise_signal(signal.SIGINT)
            return super().inputs(**how)

    for name, options in (("within", {}),
                          ("end", {"validation": AtTheEnd(TEST.images[:50], TEST.labels[:50])})):
        file = folder / f"{name}.ckpt"
        calls = [] if name == "within" else [None] * 9
        counting = register_optimizer_step_post_hook(count)
        with pytest.raises(KeyboardInterrupt):
            trained("distorted, moving average", checkpoint=file, **options)
        counting.remove()
        dist.barrier()  # the file is read when all know that it is written
        stopped = state.load(file)
        model, history = trained("distorted, moving average", seed=9, checkpoint=file, resume=True)
        found[name] = (stopped["epoch"], stopped["step"]), model.state_dict(), history.epochs
        dist.barrier()


def disagree(found, folder, rank):
    other = state.load(folder / "within.ckpt")
    other["model"]["c1.bias"] += rank
    state.save(folder / f"other{rank}.ckpt", other)
    found["refused"] = []
    for file in (("within.ckpt", "nothing.ckpt")[rank], f"other{rank}.ckpt"):
        with pytest.raises(state.CheckpointError) as error:
            trained("distorted, moving average", checkpoint=folder / file, resume=True)
        found["refused"].append(str(error.value))
    with pytest.raises(ValueError, match="a batch of 1 cannot be shared by 2 processes"):
        training.fit(models.build("lenet5"), None, replace(SGD, batch_size=1))
    for net, some, recipe in ((("lenet5", "lenet-relu")[rank], TRAIN[:256], SGD),
                              ("lenet5", TRAIN[:256 + rank], SGD),
                              ("lenet5", TRAIN[:256], replace(SGD, epochs=2 + rank)),
                              ("lenet5", TRAIN.subset(256, seed=rank), SGD)):
        with pytest.raises(ValueError, match="processes that train together") as error:
            training.fit(fresh(net), some, recipe, progress=False, device="cpu")
        found["refused"].append(str(error.value))


# What they did

@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What each of two processes found, and what one alone finds."""
    folder = tmp_path_factory.mktemp("together")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    there = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2",
             "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, __file__, str(folder)], stdout=subprocess.PIPE, env=there,
                          stderr=subprocess.PIPE, text=True, start_new_session=True) as two:
        try:
            alone = {name: trained(name) for name in TRAININGS}
            said, errors = two.communicate(timeout=LIMIT)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(two.pid, signal.SIGKILL)
    assert said.splitlines()[-1] == "[0, 0]", errors
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)], alone


@pytest.mark.parametrize("name", TRAININGS)
def test_two_processes_train_as_one(runs, name):
    found, alone = runs
    model, history = alone[name]
    (weights, epochs), (others, other_epochs) = (each[name] for each in found)
    for key, tensor in model.state_dict().items():
        assert torch.equal(weights[key], others[key]), key
        torch.testing.assert_close(weights[key], tensor, rtol=0, atol=1e-6, msg=key)
    assert len(epochs) == len(other_epochs) == len(history.epochs) == TRAININGS[name][2].epochs
    for mine, theirs, expected in zip(epochs, other_epochs, history.epochs, strict=True):
        assert replace(mine, seconds=0) == replace(theirs, seconds=0)
        assert mine.train_error == expected.train_error
        assert mine.train_loss == pytest.approx(expected.train_loss, rel=1e-5)


def test_they_tell_each_other(runs):
    for rank, found in enumerate(runs[0]):
        assert found["told"] == {"size": 2, "first": rank == 0, "total": [5, 1.0],
                                 "any": [True, True, False, True], "agree": [True, False, False]}


@pytest.mark.parametrize(("name", "place"), [("within", (0, 4)), ("end", (1, 0))])
def test_told_to_stop_all_stop_at_the_same_step_and_go_on_from_there(runs, name, place):
    for each in runs[0]:
        stopped, weights, epochs = each[name]
        expected, whole = each["distorted, moving average"]
        assert stopped == place
        assert all(torch.equal(weights[key], tensor) for key, tensor in expected.items())
        for mine, other in zip(epochs, whole, strict=True):
            assert mine.train_error == other.train_error
            assert mine.train_loss == pytest.approx(other.train_loss, rel=1e-6)  # summed otherwise


def test_resuming_from_different_files_is_refused_by_all(runs):
    for each in runs[0]:
        assert all("not every process sees the same" in said for said in each["refused"][:2])


def test_different_networks_data_or_recipes_are_refused_by_all(runs):
    for each, epochs in zip(runs[0], (2, 3), strict=True):
        network, examples, recipe, labels = each["refused"][2:]
        assert "must have the same network" in network and "same number of examples" in examples
        assert "must have the same recipe" in recipe and f"epochs={epochs}" in recipe
        assert "must have the same labels in the same order" in labels


# The command

def test_a_killed_worker_ends_the_command_and_one_process_can_go_on(tmp_path, monkeypatch, capsys):
    # Plain steps: under AdamW's the rounding, which is another in two processes, would grow a lot.
    arguments = ["train", "lenet5", "--recipe", "tutorial-relu", "--examples", "640", "--epochs", "12",
                 "--checkpoint", "run.ckpt", "--out", "out"]
    lines = []
    with subprocess.Popen([sys.executable, "-m", "torch.distributed.run", "--standalone",
                           "--nproc-per-node=2", "-m", "lenet_book", *arguments], cwd=tmp_path,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        limit = threading.Timer(LIMIT, process.kill)
        limit.start()
        for line in process.stderr:
            lines.append(line)
            if line.startswith("epoch 1:"):
                workers = psutil.Process(process.pid).children()
                assert len(workers) == 2
                random.choice(workers).kill()
        # In PyTorch 2.9 Gloo says whom it has met.
        said = [line for line in process.stdout if not line.startswith("[Gloo]")]
    limit.cancel()
    assert process.returncode == 1, "".join(lines)
    assert said == ["lenet5 by recipe tutorial-relu, 640 digits, on cpu, processes: 2\n"]
    assert sum(line.startswith("epoch 1:") for line in lines) == 1
    left = state.load(tmp_path / "run.ckpt")
    assert [line for line in lines if "another process" in line] == [
        "another process of this training has ended, or cannot be reached; its checkpoint run.ckpt is "
        f"of epoch {left['epoch']}, step {left['step']}: start the same command with --resume\n"]
    assert not list(tmp_path.glob("out/*"))

    monkeypatch.chdir(tmp_path)
    assert __main__.main([*arguments, "--resume"]) == 0
    assert __main__.main([*arguments[:8], "--out", "whole"]) == 0
    killed, whole = (load_file(tmp_path / folder / "lenet5.safetensors") for folder in ("out", "whole"))
    for name, tensor in whole.items():
        torch.testing.assert_close(killed[name], tensor, rtol=1e-3, atol=1e-4, msg=name)
    logs = [json.loads((tmp_path / folder / "lenet5.json").read_text()) for folder in ("out", "whole")]
    assert logs[0]["command"] == logs[1]["command"]
    errors = [[each["train_error"] for each in log["epochs"]] for log in logs]
    assert errors[0] == pytest.approx(errors[1], abs=3 / 640)


# In one process

def test_a_process_that_has_not_joined_the_others_does_not_train_alone(monkeypatch):
    for name, value in {"RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RuntimeError, match="call fit within `with distributed.processes"):
        training.fit(models.build("lenet5"), TRAIN[:64], SGD, progress=False)


def test_alone_nothing_is_shared(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    with distributed.processes():
        assert (distributed.size(), distributed.is_first()) == (1, True)
        assert signal.getsignal(signal.SIGTERM) is before
        model, batch, value = models.build("lenet5"), torch.arange(5), torch.tensor(3)
        assert distributed.wrap(model) is model
        assert distributed.share(batch) == (batch, 1.0)
        total, = distributed.total(value)
        assert total == 3 and total is not value
        assert distributed.any_of(True, False) == [True, False]
        assert distributed.agree(3) and distributed.see_the_same("nothing.ckpt")


@given(st.integers(1, 40), st.integers(1, 9))
def test_the_weighted_means_of_the_shares_average_to_the_mean_of_the_batch(count, size):
    values = torch.arange(count, dtype=torch.float64).square()
    shares, weighted = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "size", lambda: size)
        for rank in range(size):
            patch.setattr(dist, "get_rank", lambda rank=rank: rank)
            mine, weight = distributed.share(torch.arange(count))
            assert len(mine) > 0
            weighted.append(weight * values[mine].mean())
            shares += mine.tolist() if weight else []
    assert sorted(shares) == list(range(count))
    assert sum(weighted) / size == pytest.approx(values.mean().item(), rel=1e-12)


def test_on_mps_processes_train_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert training.choose_device().type == "mps"
    monkeypatch.setattr(distributed, "size", lambda: 2)
    assert training.choose_device().type == "cpu"


@pytest.mark.parametrize(("environment", "message"), [
    ({"LOCAL_RANK": "2"}, "no GPU for process 2 .* has 2: .*--nproc-per-node=2"),
    ({"TORCHELASTIC_RESTART_COUNT": "1", "TORCHELASTIC_USE_AGENT_STORE": "True"},
     "if TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 is")])
def test_what_cannot_be_joined(monkeypatch, environment, message):
    """A third process where there are two GPUs, and a restart that would hang."""
    for name, value in ({"RANK": "2"} | environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(RuntimeError, match=message):
        distributed.processes().__enter__()


if __name__ == "__main__":
    children = []
    for rank in range(2):
        children.append(os.fork())  # importing torch takes longer than what each does
        if children[-1] == 0:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            take_part(Path(sys.argv[1]))
            os._exit(0)
    print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
