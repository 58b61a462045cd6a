"""The command line: python -m lenet_book lab | show | doctor | figures | train."""

import json
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_post_hook

from lenet_book import __main__, doctor, experiments, film, mnist, models, show, training
from lenet_book.training import distributed
from lenet_book.training.callbacks import TensorBoard
from lenet_book.training.recipes import RECIPES, Recipe

ROOT = Path(__file__).parents[1]


def test_doctor_finds_this_installation_sound():
    code = ("import runpy, sys; sys.modules['rfc3987_syntax'] = None; "  # see conftest.py
            "runpy.run_module('lenet_book', run_name='__main__', alter_sys=True)")
    result = subprocess.run([sys.executable, "-c", code, "doctor"],
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "Everything the book needs is here." in result.stdout
    assert result.stdout.count(" ok  ") == len(doctor.CHECKS)
    assert len(result.stdout.splitlines()) <= 24  # one screen
    assert result.stderr == ""


def broken():
    raise KeyError("surprise")


@pytest.mark.parametrize(("patch", "said"), [
    (("setattr", mnist.folders, "FOLDER", Path("nowhere")),
     ["WRONG  digits", "train-images-idx3-ubyte.gz", "git checkout"]),
    (("setitem", sys.modules, "torchinfo", None),  # its import now fails
     ["WRONG  torchinfo", "pip install -r requirements.txt", "\n1 of "]),
    (("setattr", models, "WEIGHTS", Path("nowhere")), ["WRONG  reading", "ok  learning", "\n1 of "]),
    (("setitem", doctor.CHECKS, "torch", broken), ["WRONG  torch         KeyError: 'surprise'"]),
])
def test_doctor_names_what_is_wrong_and_goes_on(patch, said, monkeypatch, capsys):
    kind, *what = patch
    getattr(monkeypatch, kind)(*what)
    assert doctor.main() == 1
    out = capsys.readouterr().out
    assert all(words in out for words in [*said, "checks failed"]), out


def test_doctor_names_minus_oo_as_the_cause_of_what_it_breaks(monkeypatch, capsys):
    without = SimpleNamespace(version_info=sys.version_info, flags=SimpleNamespace(optimize=2))
    monkeypatch.setattr(doctor, "sys", without)
    monkeypatch.setattr(doctor, "CHECKS", {"jupyterlab": broken})
    assert doctor.main() == 1
    out = capsys.readouterr().out
    assert "KeyError: 'surprise' -> Python runs with -OO (or PYTHONOPTIMIZE=2)" in out
    assert doctor.REINSTALL not in out


@pytest.mark.parametrize("in_a_kernel", [False, True])
def test_doctor_wants_jupyterlab_where_no_notebook_runs_yet(monkeypatch, in_a_kernel):
    def none(name):
        raise PackageNotFoundError(name)
    monkeypatch.setitem(sys.modules, "jupyterlab", None)  # as if it were not installed
    monkeypatch.setattr(doctor, "version", none)
    monkeypatch.setitem(sys.modules, "ipykernel", doctor)
    if in_a_kernel:
        assert "something else runs this notebook" in doctor.CHECKS["jupyterlab"]()
    else:
        monkeypatch.delitem(sys.modules, "ipykernel")
        with pytest.raises(doctor.Trouble, match="cannot be imported"):
            doctor.CHECKS["jupyterlab"]()


@pytest.mark.parametrize(("torchs", "remedy"), [
    ("2.15.0", '--force-reinstall "torch<3" torchvision'),
    ("2.15.0+cpu", "torchvision --index-url https://download.pytorch.org/whl/cpu")])
def test_doctor_names_a_torchvision_that_does_not_fit(torchs, remedy, monkeypatch):
    def mismatch(name):
        raise RuntimeError("operator torchvision::nms does not exist")
    monkeypatch.setattr(doctor.importlib, "import_module", mismatch)
    monkeypatch.setattr(doctor, "version", lambda name: torchs)
    with pytest.raises(doctor.Trouble) as trouble:
        doctor.CHECKS["torchvision"]()
    assert f"does not fit torch {torchs} (operator torchvision::nms" in str(trouble.value)
    assert str(trouble.value).endswith(remedy)


def test_doctor_names_a_missing_kernel(monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", "")
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def none(self, name):
        raise NoSuchKernel(name)
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    with pytest.raises(doctor.Trouble, match="ipykernel install --sys-prefix --name python3"):
        doctor.CHECKS["kernel"]()


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
def desk(monkeypatch, tmp_path):
    """A machine with a screen, of nobody; gives what its browser is asked to open."""
    asked = []
    monkeypatch.setattr(show.webbrowser, "open", lambda url: asked.append(url) or True)
    monkeypatch.setattr(show.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(show, "SNAPS", tmp_path / "none")
    monkeypatch.setattr(show.sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    return asked


def test_show_opens_a_page_that_stays(desk, tmp_path, capsys):
    assert __main__.main(["show", "padding_stride", "s=3"]) == 0
    path = Path(capsys.readouterr().out.rstrip("\n"))
    assert desk == [path.as_uri()] and path.name == "padding_stride.html"
    assert path.parent.parent == tmp_path and path.parent.stat().st_mode & 0o077 == 0
    html = path.read_text()
    assert "lenet-full" in html and "&quot;value&quot;: 3" in html and "src=" not in html


def test_show_puts_the_page_where_a_browser_from_a_snap_reads_it(desk, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(show, "SNAPS", tmp_path)
    for _ in range(2):
        assert __main__.main(["show", "training"]) == 0
    path = tmp_path / "lenet-book-pages" / "training.html"  # in no hidden folder
    assert desk == [path.as_uri()] * 2 and path.is_file()
    assert "replays a recorded run" in capsys.readouterr().out


def test_show_out_keeps_the_page_and_opens_nothing(desk, tmp_path, capsys):
    assert __main__.main(["show", "inception", "-o", str(tmp_path / "a.html")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/a.html\n" and not desk


@pytest.mark.parametrize(("platform", "environment", "opens"), [
    ("linux", {"DISPLAY": ""}, False), ("linux", {"DISPLAY": "", "WAYLAND_DISPLAY": "w"}, True),
    ("linux", {"DISPLAY": "", "BROWSER": "helper.sh"}, True), ("darwin", {"DISPLAY": ""}, True),
    ("darwin", {"DISPLAY": "", "SSH_CONNECTION": "a"}, False), ("win32", {"DISPLAY": ""}, True),
    ("linux", {"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "a"}, True)])
def test_show_without_a_screen_says_where_the_page_is(desk, monkeypatch, platform, environment, opens):
    monkeypatch.setattr(show.sys, "platform", platform)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (bool(show.opened(Path("/a/b.html"))), desk) == (opens, ["file:///a/b.html"] * opens)


def test_show_without_a_browser_says_what_to_do(desk, monkeypatch, capsys):
    monkeypatch.setattr(show.webbrowser, "open", lambda url: False)
    assert __main__.main(["show", "inception"]) == 0
    path, advice = capsys.readouterr().out.splitlines()
    assert Path(path).is_file() and "open this file in a browser, or copy it to" in advice
    monkeypatch.setenv("WSL_DISTRO_NAME", "Ubuntu")
    assert show.advice(Path("/tmp/a/b.html")).endswith(r"it is \\wsl.localhost\Ubuntu\tmp\a\b.html")


def test_show_lists_the_demos_and_the_settings_of_one(capsys):
    assert __main__.main(["show", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13 and all(line.endswith((".", "?")) and len(line) < 120 for line in lines)
    assert "pooling            Shift a digit and watch how much its pooled map changes" in lines[10]
    assert __main__.main(["show", "padding_stride", "--list"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("padding_stride: n, k, p, s, d, row, column, hidden\n")
    assert "s: stride, 1 to 5" in said and "hidden: True opens it with its answer hidden." in said


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
    assert said.err.startswith("epoch 1: training loss")


def test_train_on_the_first_digits_with_all_its_options(few_digits, tmp_path, monkeypatch):
    def fit(model, train, recipe, **options):
        called.append((len(train), recipe, options))
        return training.History()
    called = []
    monkeypatch.setattr(training, "fit", fit)
    assert __main__.main(["train", "lenet5", "--recipe", "accurate", "--examples", "100",
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
    with pytest.raises(SystemExit):
        __main__.main(kept)
    assert "a.ckpt is there already: go on from it with --resume" in capsys.readouterr().err
    assert __main__.main([*kept, "--seed", "1", "--resume"]) == 1
    assert "belongs to another training" in capsys.readouterr().err


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


@pytest.mark.parametrize(("arguments", "message"), [
    (["train", "lenet6"], "no model is called 'lenet6'; there are lenet5-1998, lenet5"),
    (["train", "lenet5", "--recipe", "slow"], "no recipe is called 'slow'; there are fast"),
    *((["train", "lenet5", "--epochs", value], "argument --epochs: must be a whole number from 1 to "
       f"1000000, not {value!r}") for value in ("0", "-1", "2.5", "", "three", "10000000")),
    (["train", "lenet5", "--epochs", "9" * 20], "--epochs: must be a whole number from 1 to 1000000"),
    *((["train", "lenet5", "--seed", value], "argument --seed: must be a whole number from 0 to")
      for value in ("-1", "9" * 23, "9" * 5000, "x", "1e3")),
    *((["train", "lenet5", "--examples", value], "--examples: must be a whole number from 1 to 60000")
      for value in ("0", "60001")),
    (["train", "lenet5", "--resume"], "--resume needs the file to go on from: --checkpoint FILE"),
    (["measure", "slow"], "no experiment is called 'slow'; there are fast, accurate"),
    *((["measure", "fast", "--seeds", value], "argument --seeds: must be a whole number from 2 to 1000")
      for value in ("1", "0", "-1", "9" * 12)),
    (["doctor", "--now"], "unrecognized arguments: --now"),
    (["show"], "which demo? There are ablation, architecture, c3"),
    (["show", "padding"], "no demo is called 'padding'; did you mean padding_stride? There are "),
    (["show", "zzz"], "no demo is called 'zzz'; there are ablation, architecture, c3"),
    (["show", "zzz", "--list"], "no demo is called 'zzz'"),
    (["show", "Demo"], "no demo is called 'Demo'"),
    (["show", "padding_stride", "stride=2"],
     "padding_stride has no setting 'stride'; it has n, k, p, s, d, row, column, hidden: `show pad"),
    (["show", "pooling", "projector=False"], "pooling has no setting 'projector'; it has digit, kind"),
    (["show", "padding_stride", "s"], "a setting is written NAME=VALUE, not 's'"),
    (["show", "padding_stride", "s=9"], "stride s must be from 1 to 5, not 9"),
    (["show", "padding_stride", "s=two"], "stride s must be an integer, not 'two'"),
    (["show", "cross_correlation", "flip=yes"], "must be True or False, not 'yes'"),
    (["show", "feature_maps", "index=5000"], "index is at most 199 on a page without a kernel, not"),
    (["show", "training", "seed=2"], "training replays a recorded run here and has no settings"),
    (["show", "pooling", "-o", "page.txt"], "must end in .html, not 'page.txt'"),
    (["dance"], "invalid choice: 'dance'"),
    ([], "required: command"),
])
def test_bad_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        __main__.main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


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
