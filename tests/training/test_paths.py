"""The paths that a training takes: what cannot be kept is known before the first step."""

import os
from pathlib import Path

import pytest
import torch
from accidents import odd
from torch import nn
from trainings import QUICK, SMALL

from lenet_book import training
from lenet_book.training import state
from lenet_book.training.callbacks import Callback, SaveEachEpoch, TensorBoard


class Trained(Exception):
    pass


class NoStep(Callback):
    """What is wrong is to be said before the first step."""

    def after_step(self, run):
        raise Trained


class Strange(nn.Linear):
    """Has a state that cannot be read back."""

    def get_extra_state(self):
        return {1, 2}

    def set_extra_state(self, _):
        pass


def fit(layer=nn.Linear, **options):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), layer(32 * 32, 10))
    return training.fit(model, SMALL[:128], QUICK, progress=False, **options)


def test_a_checkpoint_that_cannot_be_is_refused_before_the_first_step(tmp_path):
    for path, words in {**odd(tmp_path), tmp_path / "file": "not a checkpoint of this book"}.items():
        for resume in (False, True):
            before = sorted(tmp_path.iterdir())
            with pytest.raises(training.CheckpointError, match=words):
                fit(checkpoint=path, resume=resume, callbacks=[NoStep()])
            assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "file").read_text() == "a thesis"
    with pytest.raises(TypeError):
        fit(checkpoint=5, callbacks=[NoStep()])
    with pytest.raises(Trained):
        fit(checkpoint=tmp_path / "good", callbacks=[NoStep()])


def test_load_and_save_of_such_paths(tmp_path):
    for path, words in odd(tmp_path).items():
        with pytest.raises(state.CheckpointError, match=f"{words}.*before, it is unharmed"):
            state.save(path, {})
        with pytest.raises((state.CheckpointError, FileNotFoundError)):
            state.load(path)


def test_a_checkpoint_that_may_not_be_read_is_said_to_be_one(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError("not for you")
    state.save(tmp_path / "net.ckpt", {})
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(training.CheckpointError, match="cannot be read .not for you"):
        fit(checkpoint=tmp_path / "net.ckpt", resume=True, callbacks=[NoStep()])


def test_a_net_whose_state_cannot_be_saved_is_refused_before_the_first_step(tmp_path):
    with pytest.raises(TypeError, match="is a set; only"):
        fit(Strange, checkpoint=tmp_path / "a", callbacks=[NoStep()])
    assert not [*tmp_path.iterdir()]


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fit(checkpoint="~/net.ckpt", callbacks=[SaveEachEpoch("~/each"), TensorBoard("~/board")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board", "each", "net.ckpt"]
    assert len(training.load_weights("~/net.ckpt")) == 2
    with pytest.raises(FileNotFoundError, match="home"):
        SaveEachEpoch("~no-such-person/a")


class Second(Callback):
    """Begins another training in the first one."""

    def __init__(self, **options):
        self.options, self.refused = options, 0

    def after_step(self, run):
        if run.steps == 2:
            with pytest.raises(training.CheckpointError, match="another process is at work on"):
                fit(**self.options, callbacks=[NoStep()])
            self.refused += 1


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_training_on_the_same_checkpoint_is_refused(tmp_path, monkeypatch, resume):
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("net.ckpt")
    second = Second(checkpoint="link", resume=resume)
    history = fit(checkpoint="net.ckpt", callbacks=[second])
    assert second.refused == 1 and len(history.epochs) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "net.ckpt"]


def test_a_checkpoint_of_an_earlier_training_is_not_written_over(tmp_path):
    fit(checkpoint=tmp_path / "net.ckpt")
    before = (tmp_path / "net.ckpt").read_bytes()
    with pytest.raises(training.CheckpointError, match="is there already.* resume=True, .*or delete"):
        fit(checkpoint=tmp_path / "net.ckpt", callbacks=[NoStep()])
    assert [path.name for path in tmp_path.iterdir()] == ["net.ckpt"]
    assert (tmp_path / "net.ckpt").read_bytes() == before


def test_one_that_has_ended_can_be_read_where_nothing_can_be_written(tmp_path):
    whole = fit(checkpoint=tmp_path / "net.ckpt")
    (tmp_path / "net.ckpt.lock").mkdir()
    again = fit(checkpoint=tmp_path / "net.ckpt", resume=True)
    assert again.epochs == whole.epochs


def test_a_folder_may_be_left_meanwhile(tmp_path, monkeypatch):
    class Leaving(Callback):
        def after_step(self, run):
            os.chdir("/")
    monkeypatch.chdir(tmp_path)
    fit(checkpoint="net.ckpt", callbacks=[Leaving()])
    assert state.load(tmp_path / "net.ckpt")["epoch"] == 2


def test_weights_of_each_epoch_that_cannot_be_written_are_known_before(tmp_path):
    (tmp_path / "epoch-00.safetensors.part").mkdir()
    with pytest.raises(OSError, match="epoch-00"):
        fit(callbacks=[SaveEachEpoch(tmp_path), NoStep()])


def test_curves_that_cannot_be_written_any_more_do_not_end_a_training(tmp_path, monkeypatch):
    monkeypatch.setattr(TensorBoard, "EVERY", 1)
    board = TensorBoard(tmp_path)

    class Full(Callback):
        def before_training(self, run):
            def fail(*_):
                raise OSError("no space left")
            board.writer.add_scalar = fail
    with pytest.warns(UserWarning, match=f"curves in {tmp_path} end here: no space left") as warned:
        history = fit(callbacks=[board, Full()])
    assert len(history.epochs) == 2 and len(warned) == 1
    board.writer.close()
