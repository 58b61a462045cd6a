import base64
import io
import sys
from contextlib import nullcontext
from dataclasses import replace

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from trainings import TRAIN as DIGITS
from trainings import Recording, same

from lenet_book import models, training
from lenet_book.training import Recipe
from lenet_book.training.callbacks import Callback, LiveCurve, SaveEachEpoch, TensorBoard

TRAIN, VALIDATION = DIGITS[:300], DIGITS[300:400]
QUICK = Recipe(learning_rate=5e-3, batch_size=30, epochs=2)  # ten steps an epoch


def linear(flatten=nn.Flatten):
    torch.manual_seed(0)
    return nn.Sequential(flatten(), nn.Linear(32 * 32, 10))


def fit(recipe=QUICK, train=TRAIN, validation=VALIDATION, model=None, **options):
    return training.fit(model or linear(), train, recipe, validation, device="cpu", **options)


def terminal(monkeypatch):
    """What a program believes to be a terminal, in place of stderr."""
    shown = io.StringIO()
    shown.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


@pytest.fixture
def visible(monkeypatch):
    """As in a reader's shell: the tests' own environment hides the bars."""
    monkeypatch.delenv("TQDM_DISABLE", raising=False)


@pytest.mark.parametrize("added", [[], [LiveCurve()]])
@pytest.mark.usefixtures("visible")
def test_in_a_log_there_is_a_line_for_each_epoch_and_nothing_else(capsys, added):
    history = fit(callbacks=added)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [repr(epoch) for epoch in history.epochs]


def test_the_line_of_an_epoch():
    epoch = training.Epoch(3, 0.25, 0.0625, 0.2, 0.05, 12.34)
    assert repr(epoch) == ("epoch 3: training loss 0.2500, error 6.25%; "
                           "validation loss 0.2000, error 5.00%; 12.3 s")
    assert repr(replace(epoch, validation_loss=None, validation_error=None)) == (
        "epoch 3: training loss 0.2500, error 6.25%; 12.3 s")


@pytest.mark.usefixtures("visible")
def test_lines_do_not_wait_for_the_end(monkeypatch):
    """Each is there when the next epoch begins."""
    seen = []

    class Looking(nn.Flatten):
        def forward(self, x):
            seen.append(len(log.getvalue().splitlines()))
            return super().forward(x)
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    fit(model=linear(Looking), validation=None)
    assert seen == [0] + [0] * 10 + [1] * 10  # once before the first step


@pytest.mark.usefixtures("visible")
def test_in_a_terminal_there_is_a_bar_as_well(monkeypatch):
    shown = terminal(monkeypatch)
    history = fit()
    text = shown.getvalue()
    for said in ("epoch 1 of 2, 1 thread", "epoch 2 of 2, 1 thread", "20/20", "loss=", "error="):
        assert said in text
    for epoch in history.epochs:
        assert f"\r{epoch!r}\n" in text  # on a line of its own, from which the bar was wiped


def test_tqdm_disable_hides_the_bar_and_leaves_the_lines(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    shown = terminal(monkeypatch)
    history = fit()
    assert shown.getvalue().splitlines() == [repr(epoch) for epoch in history.epochs]


@pytest.mark.usefixtures("visible")
def test_nothing_is_nothing(monkeypatch, capsys):
    shown = terminal(monkeypatch)
    fit(progress=False)
    assert shown.getvalue() == "" == capsys.readouterr().out


class Dying(nn.Flatten):
    """Breaks in the middle of an epoch."""

    left = 6  # the first is before the first step

    def forward(self, x):
        self.left -= 1
        if not self.left:
            raise RuntimeError("out of luck")
        return super().forward(x)


class Log(Callback):
    """Notes what it is told."""

    def __init__(self, calls, begins=True):
        self.calls, self.begins = calls, begins

    def before_training(self, run):
        if not self.begins:
            raise OSError("the disk is full")
        self.calls.append("begin")

    def after_step(self, run):
        self.calls.append(run.steps)

    def after_epoch(self, run):
        self.calls.append(f"epoch {run.epoch} of {len(run.history.epochs)}")

    def after_training(self, run):
        self.calls.append("close")


@pytest.mark.parametrize(("flatten", "begins", "raised", "calls"), [
    (nn.Flatten, True, None, ["begin", *range(1, 11), "epoch 1 of 1", *range(11, 21), "epoch 2 of 2",
                              "close"]),
    (Dying, True, "out of luck", ["begin", 1, 2, 3, 4, "close"]),
    (nn.Flatten, False, "the disk is full", ["begin", "close"])])
def test_a_callback_that_has_begun_is_told_all_and_ended(flatten, begins, raised, calls):
    noted = []
    both = [Log(noted), Log([], begins)]
    model = linear(flatten)
    with pytest.raises((RuntimeError, OSError), match=raised) if raised else nullcontext():
        fit(model=model, validation=None, progress=False, callbacks=both)
    assert noted == calls
    assert both[1].calls == (calls if begins else [])
    assert not model.training


# A curve in a notebook

CELLS = """
from lenet_book import mnist, models
from lenet_book.training import Recipe, fit
from lenet_book.training.callbacks import LiveCurve
train, _ = mnist.load_mnist()
recipe = Recipe(learning_rate=5e-3, batch_size=100, epochs=3)
history = fit(models.build("lenet5"), train[:300], recipe, train[300:400],
              callbacks=[LiveCurve()])
---
history
---
history = fit(models.build("lenet5"), train[:300], recipe)
---
import os
del os.environ["TQDM_DISABLE"]
history = fit(models.build("lenet5"), train[:300], recipe)
"""


def test_a_curve_in_a_notebook_is_one_picture_that_ends_as_the_history():
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.strip().split("\n---\n")]
    client = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=60, kernel_name="python3")
    messages, process = [], client.process_message

    def note(message, *others):
        messages.append(message["msg_type"])
        return process(message, *others)
    client.process_message = note
    client.execute()
    (curve,), (last,), nothing, (bar,) = (cell.outputs for cell in cells)
    assert curve.output_type == "display_data"
    assert messages.count("display_data") == 2 and messages.count("update_display_data") == 3
    assert curve.data["image/png"] == last.data["image/png"]
    assert base64.b64decode(curve.data["image/png"]).startswith(b"\x89PNG")
    assert "validation from" in curve.metadata["image/png"]["alt"]
    assert nothing == []  # no lines in a notebook; the bar is hidden by TQDM_DISABLE, as in all tests
    assert bar.data.keys() == {"text/plain", "application/vnd.jupyter.widget-view+json"}


# TensorBoard


def scalars(folder):
    """{tag: [(step, value)]} of all that was written there."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)]
            for tag in events.Tags()["scalars"]}


def test_tensorboard_gets_what_the_history_holds(tmp_path, monkeypatch):
    """And the training loss, now and then, as the mean since the one before in the epoch."""
    class Noting(Callback):
        def after_step(self, run):
            sums.append(run.loss.item())
    sums = []
    assert TensorBoard.EVERY == 100
    monkeypatch.setattr(TensorBoard, "EVERY", 4)
    history = fit(progress=False, callbacks=[TensorBoard(tmp_path / "runs"), Noting()])
    before = [0, *sums[:9], 0, *sums[10:19]]  # of the steps 1 to 10 and 11 to 20
    losses = [(now - then) / 30 for now, then in zip(sums, before, strict=True)]
    assert scalars(tmp_path / "runs") == {
        "training loss": [(last, pytest.approx(sum(losses[first:last]) / (last - first), rel=1e-4))
                          for first, last in ((0, 4), (4, 8), (10, 12), (12, 16), (16, 20))],
        "validation loss": [(e.number, pytest.approx(e.validation_loss, rel=1e-6))
                            for e in history.epochs],
        "validation accuracy": [(e.number, pytest.approx(1 - e.validation_error, rel=1e-6))
                                for e in history.epochs]}
    fit(progress=False, validation=None, callbacks=[TensorBoard(tmp_path / "others")])
    assert scalars(tmp_path / "others").keys() == {"training loss"}


def test_a_training_that_is_resumed_goes_on_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(TensorBoard, "EVERY", 5)
    whole, parts, file = tmp_path / "whole", tmp_path / "parts", tmp_path / "net.ckpt"
    fit(progress=False, callbacks=[TensorBoard(whole)])
    with pytest.raises(KeyboardInterrupt):
        fit(progress=False, callbacks=[TensorBoard(parts), Recording(stop=15)], checkpoint=file)
    fit(progress=False, callbacks=[TensorBoard(parts)], checkpoint=file, resume=True)
    assert len(list(parts.iterdir())) == 2
    assert scalars(parts) == {tag: [(step, pytest.approx(value, rel=1e-6)) for step, value in events]
                              for tag, events in scalars(whole).items()}


def test_without_tensorboard_it_is_said_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"pip install 'lenet_book\[tensorboard\]'"):
        fit(progress=False, callbacks=[TensorBoard(tmp_path / "runs")])
    assert not (tmp_path / "runs").exists()
    fit(progress=False)  # nobody else needs it


def test_a_training_that_does_not_begin_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="there are no examples"):
        fit(train=TRAIN[:0], progress=False, callbacks=[TensorBoard(tmp_path / "runs")])
    assert not (tmp_path / "runs").exists()
    (tmp_path / "runs").write_text("a file")  # where the folder should be
    model = linear()
    with pytest.raises(FileExistsError):
        fit(model=model, callbacks=[TensorBoard(tmp_path / "runs")])
    assert not model.training


# The weights of each epoch

@pytest.mark.parametrize("ema", [0.0, 0.3])
def test_the_weights_of_each_epoch_are_saved_whole(tmp_path, ema):
    kept, model = Recording(), models.build("lenet-batchnorm")
    history = fit(replace(QUICK, ema=ema), model=model, progress=False,
                  callbacks=[kept, SaveEachEpoch(tmp_path / "each")])
    files = sorted((tmp_path / "each").iterdir())
    assert [file.name for file in files] == ["epoch-01.safetensors", "epoch-02.safetensors"]
    for file, expected, epoch in zip(files, kept.results, history.epochs, strict=True):
        saved = load_file(file)
        assert same({name: saved[name] for name in expected}, expected) and len(saved) == len(expected)
        model.load_state_dict(saved)
        assert training.evaluate(model, VALIDATION).error_rate == epoch.validation_error


def test_a_layer_that_comes_twice_is_saved_under_both_names(tmp_path):
    tied = nn.Linear(10, 10)
    fit(model=nn.Sequential(*linear(), tied, tied), progress=False,
        callbacks=[SaveEachEpoch(tmp_path)])
    saved = load_file(tmp_path / "epoch-02.safetensors")
    assert all(torch.equal(saved[f"{number}.weight"], tied.weight) for number in (2, 3))
