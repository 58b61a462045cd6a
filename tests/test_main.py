"""The command line: python -m lenet_book lab | figures | train | measure."""

import json
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_post_hook

from lenet_book import __main__, experiments, film, mnist, models, training
from lenet_book.training import distributed
from lenet_book.training.callbacks import TensorBoard
from lenet_book.training.recipes import RECIPES, Recipe

ROOT = Path(__file__).parents[1]


def test_every_figure_is_shown_somewhere():
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    text = " ".join(page.read_text("utf-8") for page in pages)
    drawn = [path.name for path in (ROOT / "figures").iterdir()]
    assert not [name for name in drawn if f"figures/{name}" not in text]


def test_figures(tmp_path, monkeypatch, capsys):
    few = [*film.drawings()][-3:]  # of what moves; all of it is seen in test_film.py
    monkeypatch.setattr(film, "drawings", lambda: iter(few))
    assert __main__.main(["figures", str(tmp_path / "f")]) == 0
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == [
        "c3_connections.svg", "draw_digit.png", "draw_digit.webp", "fields.svg", "heads.svg",
        "inception_module.svg", "lenet5.svg", "two_towers.svg"]
    # Added up by hand: 5b reads 4e's 427, then a pooling and two 5 x 5 at jumps of 16, 32 and 32.
    assert ("LeNet-5 from 5 to 32, AlexNet from 11 to 195, VGG-16 from 3 to 212, NiN from 11 to 195, "
            "GoogLeNet from 7 to 715") in (tmp_path / "f" / "fields.svg").read_text()
    # By hand: 256 * 36 * 4096 + 4096² + 4096 * 1000 and 9,192 biases; 1,024 * 1000 and 1,000 biases.
    assert ("AlexNet 3.7 million in convolutions, 58.6 in dense layers; VGG-16 14.7 million in "
            "convolutions, 123.6 in dense layers; NiN 7.6 million in convolutions, 0.0 in dense "
            "layers; GoogLeNet 6.0 million in convolutions, 1.0"
            in (tmp_path / "f" / "heads.svg").read_text())
    assert ("to 96, then 3 × 3 to 128; 1 × 1 reduction to 16, then 5 × 5 to 32"
            in (tmp_path / "f" / "inception_module.svg").read_text())
    towers = (tmp_path / "f" / "two_towers.svg").read_text()
    assert ("conv2, conv4 and conv5 their own tower, conv3 and the dense layers both. conv1 48 maps of "
            "55 × 55, conv2 128 maps of 27 × 27") in towers
    assert "fc7 2048 units in each tower; fc8 1000 units, one box for both" in towers
    with Image.open(tmp_path / "f" / "draw_digit.webp") as moving:
        assert (moving.n_frames, moving.info["loop"]) == (3, 0)
    assert str(tmp_path / "f" / "lenet5.svg") in capsys.readouterr().out


@pytest.fixture
def few_digits(monkeypatch):
    train, test = mnist.load_mnist()
    monkeypatch.setattr(mnist, "load_mnist", lambda: (train[:640], test[:200]))


def test_train_writes_weights_and_log(few_digits, tmp_path, capsys):
    assert __main__.main(["train", "lenet5", "--epochs", "1", "--seed", "3",
                          "--out", str(tmp_path)]) == 0
    log = json.loads((tmp_path / "lenet5.json").read_text())
    assert log["command"] == "python -m lenet_book train lenet5 --recipe fast --seed 3 --epochs 1"
    assert (log["seed"], log["recipe"]["seed"], log["recipe"]["epochs"]) == (3, 3, 1)
    assert log["test_error"] == log["test_errors"] / 200
    assert [epoch["number"] for epoch in log["epochs"]] == [1]
    weights = load_file(tmp_path / "lenet5.safetensors")
    models.build("lenet5").load_state_dict(weights)
    said = capsys.readouterr()
    device = str(training.choose_device())
    assert said.out.startswith(f"lenet5 by recipe fast, 640 digits, on {device}, processes: 1\n")
    assert (log["machine"]["device"], log["machine"]["processes"]) == (device, 1)
    assert "test error" in said.out
    assert said.out.endswith(f"weights: {tmp_path}/lenet5.safetensors, log: {tmp_path}/lenet5.json\n")
    assert said.err.startswith("epoch 1: training loss")


def test_train_replaces_only_what_the_same_settings_have_made(few_digits, tmp_path, capsys):
    mine = ["train", "lenet5", "--epochs", "1", "--out", str(tmp_path)]
    assert __main__.main(mine) == 0
    made = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for other in (["--seed", "1"], ["--epochs", "2"], ["--examples", "64"], ["--recipe", "accurate"]):
        with pytest.raises(SystemExit):
            __main__.main([*mine, *other])
        assert ("lenet5.safetensors and its log are there already, made by python -m lenet_book train "
                "lenet5 --recipe fast --seed 0 --epochs 1: choose another folder with --out, or delete "
                "them" in capsys.readouterr().err)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == made
    (tmp_path / "lenet5.safetensors").unlink()
    assert __main__.main(mine) == 0 and (tmp_path / "lenet5.safetensors").exists()
    (tmp_path / "lenet5.json").write_text("no log", "utf-8")
    with pytest.raises(SystemExit):
        __main__.main(mine)
    assert "made by something else" in capsys.readouterr().err


def test_help_names_the_recipes_and_the_models_that_take_digits(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["train", "--help"])
    said = " ".join(capsys.readouterr().out.split()).replace("- ", "-")  # where lines are broken
    with torch.device("meta"):
        scalings = {name: models.build(name).scaling for name in models.MODELS}
    trainable = [name for name, scaling in scalings.items() if scaling != "pixels"]
    assert f"one of {', '.join(trainable)} " in said and f"one of {', '.join(RECIPES)} (" in said
    for name in scalings.keys() - {*trainable}:
        with pytest.raises(SystemExit):
            __main__.main(["train", name])
        said = capsys.readouterr().err
        assert f"{name} takes photographs" in said and f"these can: {trainable[0]}, " in said
        assert said.startswith("usage: python -m lenet_book train ")


def test_train_on_the_first_digits_with_all_its_options(few_digits, tmp_path, monkeypatch):
    def fit(model, train, recipe, **options):
        called.append((len(train), recipe, options))
        return training.History()
    called = []
    monkeypatch.setattr(training, "fit", fit)
    assert __main__.main(["train", "lenet5", "--recipe", "accurate", "--examples", "100",
                          "--epochs", str(RECIPES["accurate"].epochs),  # as the recipe has it
                          "--checkpoint", str(tmp_path / "a.ckpt"), "--resume",
                          "--tensorboard", str(tmp_path / "b"), "--out", str(tmp_path)]) == 0
    (count, recipe, options), = called
    board, = options.pop("callbacks")
    assert (count, recipe) == (100, RECIPES["accurate"])
    assert options == {"checkpoint": tmp_path / "a.ckpt", "resume": True}
    assert isinstance(board, TensorBoard) and board.folder == tmp_path / "b"
    log = json.loads((tmp_path / "lenet5.json").read_text())
    assert log["command"].endswith("--recipe accurate --seed 0 --examples 100")
    assert log["examples"] == 100


@pytest.fixture
def interrupted():
    """Ctrl-C is pressed in the fifth step."""
    def press(*_):
        steps.append(1)
        if len(steps) == 5:
            signal.raise_signal(signal.SIGINT)
    steps, before = [], signal.getsignal(signal.SIGINT)
    pressing = register_optimizer_step_post_hook(press)
    yield
    pressing.remove()
    signal.signal(signal.SIGINT, before)


def test_train_stopped_by_ctrl_c_goes_on(few_digits, tmp_path, interrupted, capsys):
    arguments = ["train", "lenet5", "--examples", "640", "--epochs", "2"]
    kept = [*arguments, "--checkpoint", str(tmp_path / "a.ckpt"), "--out", str(tmp_path / "kept")]
    assert __main__.main(kept) == 130
    assert (f"stopped; its checkpoint {tmp_path}/a.ckpt is of epoch 1, step 2: start the same command "
            "with --resume\n") in capsys.readouterr().err
    assert __main__.main([*kept, "--resume"]) == 0
    assert __main__.main([*arguments, "--out", str(tmp_path / "whole")]) == 0
    resumed, whole = (load_file(tmp_path / name / "lenet5.safetensors") for name in ("kept", "whole"))
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())


def test_train_stopped_without_a_checkpoint(few_digits, tmp_path, interrupted, capsys):
    assert __main__.main(["train", "lenet5", "--epochs", "2", "--out", str(tmp_path)]) == 130
    assert "nothing is kept of a training without --checkpoint FILE" in capsys.readouterr().err


def test_train_stopped_before_the_first_checkpoint(few_digits, tmp_path, monkeypatch, capsys):
    def fit(*_, **__):
        raise distributed.ProcessLost("another process has ended")
    monkeypatch.setattr(training, "fit", fit)
    assert __main__.main(["train", "lenet5", "--checkpoint", str(tmp_path / "a.ckpt"),
                          "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (f"another process has ended; there is no checkpoint {tmp_path}/"
                                       "a.ckpt yet: start the same command again\n")


def test_lab_is_jupyterlab(monkeypatch):
    from jupyterlab import labapp
    monkeypatch.setattr(labapp, "main", lambda arguments: called.append(arguments) or 0)
    called = []
    assert __main__.main(["lab", "--no-browser", "notebooks/00_start_here.ipynb"]) == 0
    assert called == [["--no-browser", "notebooks/00_start_here.ipynb"]]


def test_measure(few_digits, tmp_path, monkeypatch, capsys):
    row = experiments.Row("one row", "lenet5", Recipe(learning_rate=5e-3))
    monkeypatch.setitem(experiments.EXPERIMENTS, "quick", (row,))
    assert __main__.main(["measure", "quick", "--seeds", "2", "--log", str(tmp_path)]) == 0
    assert len(json.loads((tmp_path / "quick.json").read_text())["trainings"]) == 2
    assert "one row" in capsys.readouterr().out.splitlines()[-1]
