"""Wrong words, paths, files, disks and signals: a line that says so, no traceback, nothing lost."""

import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from accidents import full_disk, odd
from torch.optim.optimizer import register_optimizer_step_post_hook

from lenet_book import __main__, experiments, figures, mnist
from lenet_book.training import state
from lenet_book.training.recipes import Recipe

TRAINING, TEST = mnist.load_mnist()
SOON_DRAWN = "lenet5.svg", "c3_connections.svg"
FEW_FIGURES = {name: figures.FIGURES[name] for name in SOON_DRAWN}
TRAIN = ["train", "lenet-tanh", "--examples", "64", "--epochs", "1"]
MEASURE = ["measure", "quick", "--seeds", "2"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with all kinds of things in the way; an experiment and figures that are soon done."""
    monkeypatch.setattr(mnist, "load_mnist", lambda: (TRAINING[:128], TEST[:100]))
    row = experiments.Row("one row", "lenet-tanh", Recipe(learning_rate=5e-3))
    monkeypatch.setitem(experiments.EXPERIMENTS, "quick", (row,))
    monkeypatch.setattr(figures, "FIGURES", FEW_FIGURES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    odd(tmp_path)
    for name in ("home", "taken.lock", "out/lenet-tanh.safetensors", "out2/lenet-tanh.json",
                 "out3/lenet-tanh.json.part", "drawn/lenet5.svg", "drawn2/lenet5.svg.part",
                 "log/quick.json", "log2/quick.json.lock"):
        Path(name).mkdir(parents=True)
    state.save("other.ckpt", {"a": 1})
    Path("cut.ckpt").write_bytes(Path("other.ckpt").read_bytes()[:-3])
    return tmp_path


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


LONG = "a" * 300
NOT_FILES = ("folder", "loop", "pipe", "/dev/null", "file/a", "no/a", LONG, "~no-such-person/a", ".",
             "/")
NOT_NUMBERS = "", "-1", "9" * 23, "9" * 5000, "x", "1.5", "1e3", "nan", "0x10"
USAGE = {  # exit 2; words of the message: arguments
    "required: command": [[], ["--dance"]], "invalid choice: ": [[""], ["dance"]],
    "unrecognized arguments: ": [
        ["doctor", "now"], ["doctor", "--now"], ["figures", "a", "b"], ["figures", "--now"],
        ["train", "lenet5", "lenet5"], [*TRAIN, "--dance"], [*TRAIN, "--resume", "a"]],
    "argument folder: '' is not a path": [["figures", ""]],
    "argument folder: ~no-such-person/a: ": [["figures", "~no-such-person/a"]],
    "required: model": [["train"]],
    "no model is called ": [["train", name] for name in ("", "lenet6", "../lenet5", "LENET5")],
    "there are lenet5-1998, lenet5, ": [["train", "lenet6"]],
    "no recipe is called ": [[*TRAIN, "--recipe", name] for name in ("", "slow")],
    "there are fast, accurate, ": [[*TRAIN, "--recipe", "slow"], ["measure", "slow"]],
    "expected one argument": [[*TRAIN, option] for option in ("--recipe", "--seed", "--out")],
    "--resume needs the file to go on from: --checkpoint FILE": [[*TRAIN, "--resume"]],
    "argument --seed: must be a whole number from 0 to ": [
        [*TRAIN, "--seed", value] for value in NOT_NUMBERS],
    "argument --epochs: must be a whole number from 1 to 1000000, not '": [
        [*TRAIN, "--epochs", value] for value in (*NOT_NUMBERS, "0", "1000001")],
    "argument --examples: must be a whole number from 1 to 60000, not '": [
        [*TRAIN, "--examples", value] for value in (*NOT_NUMBERS, "0", "60001")],
    ": '' is not a path": [
        [*TRAIN, option, ""] for option in ("--checkpoint", "--out", "--tensorboard")],
    "--checkpoint": [[*TRAIN, *resume, "--checkpoint", path] for resume in ([], ["--resume"])
                     for path in NOT_FILES],
    " is there already: go on from it with --resume, or": [
        [*TRAIN, "--checkpoint", path] for path in ("file", "other.ckpt")],
    "~no-such-person/a: ": [
        [*TRAIN, option, "~no-such-person/a"] for option in ("--out", "--tensorboard")],
    "required: experiment": [["measure"]],
    "no experiment is called ": [["measure", name] for name in ("", "slow", "../fast")],
    "argument --seeds: must be a whole number from 2 to 1000, not '": [
        [*MEASURE, "--seeds", value] for value in (*NOT_NUMBERS, "0", "1", "1001")],
    "argument --log: ": [[*MEASURE, "--log", path] for path in ("", "~no-such-person/a")]}
FAILURES = [  # exit 1
    *(["figures", path] for path in ("file", "loop", "pipe", "/dev/null", "file/a", LONG, "drawn",
                                     "drawn2")),
    *([*TRAIN, "--out", path] for path in ("file", "loop", "pipe", "/dev/null", "file/a", LONG, "out",
                                           "out2", "out3")),
    *([*TRAIN, "--tensorboard", path] for path in ("file", "loop/a", "file/a", LONG)),
    *([*TRAIN, "--checkpoint", path] for path in ("taken", "a" * 252)),
    *([*TRAIN, "--resume", "--checkpoint", path] for path in ("file", "other.ckpt", "cut.ckpt",
                                                              "taken", "a" * 252)),
    [*MEASURE, "--only", "no such row"],
    *([*MEASURE, "--log", path] for path in ("file", "loop", "pipe", "file/a", LONG, "log", "log2"))]


def ends(arguments, capsys):
    """The exit status, and what was said on stderr."""
    try:
        status = __main__.main(arguments)
    except SystemExit as exit_:
        status = exit_.code
    return status, capsys.readouterr().err


def test_more_than_a_hundred_kinds_of_wrong_words_paths_and_files(here, capsys):
    before = contents(here)
    cases = [(2, words, each) for words, some in USAGE.items() for each in some]
    cases += [(1, "", each) for each in FAILURES]
    assert len(cases) > 100
    for expected, words, arguments in cases:
        status, said = ends(arguments, capsys)
        assert status == expected and words in said, (arguments, said)
        assert said and "Traceback" not in said and len(said) < 1500, (arguments, said)
        if status == 1:
            assert len(said.splitlines()) == 1, (arguments, said)
        made = [path.name for path in here.rglob("*") if path not in before]
        assert {*made} <= {"weights", "figures", "logs"}, (arguments, made)  # the empty folders
        assert {path: content for path, content in contents(here).items() if path in before} == before


def test_a_log_that_is_none_or_lacks_something(here, capsys):
    assert ends([*MEASURE, "--log", "."], capsys)[0] == 0
    whole = json.loads(Path("quick.json").read_text(encoding="utf-8"))
    logs = [b"", b"{", b"[]", b"3", b"{}", b"\xff", b'{"trainings": 3}', b"[" * 10**5]
    for key in ("row", "model", "options", "recipe", "seed", "parameters", "test_error", "epochs"):
        for entry in ({**whole["trainings"][1]}, {**whole["trainings"][1], key: None}):
            if entry[key] is not None:
                del entry[key]
            logs.append(json.dumps({"trainings": [whole["trainings"][0], entry]}).encode())
    for log in logs:
        Path("quick.json").write_bytes(log)
        status, said = ends([*MEASURE, "--log", "."], capsys)
        assert status == 1 and "quick.json is not a log of trainings" in said and said.count("\n") == 1
        assert Path("quick.json").read_bytes() == log


def test_another_net_or_recipe_is_refused_and_the_weights_are_not_written(here, capsys):
    kept = ["--checkpoint", "z.ckpt", "--resume"]
    assert ends(["train", "lenet-sigmoid", *TRAIN[2:], *kept, "--out", "one"], capsys)[0] == 0
    before = Path("z.ckpt").read_bytes()
    status, said = ends([*TRAIN, *kept, "--out", "other"], capsys)
    assert status == 1 and "another network" in said and "LeNetSigmoid -> " in said
    status, said = ends(["train", "lenet-sigmoid", *TRAIN[2:4], "--epochs", "2", *kept], capsys)
    assert status == 1 and "another training: epochs: 1 -> 2; " in said
    assert Path("z.ckpt").read_bytes() == before and not [*Path("other").iterdir()]


@pytest.mark.parametrize(("arguments", "size"), [
    (["figures", "here"], 2000), ([*TRAIN, "--out", "here"], 2000),
    ([*TRAIN, "--checkpoint", "here/z", "--out", "here"], 250_000), ([*MEASURE, "--log", "here"], 10)])
def test_on_a_full_disk_the_work_is_not_begun(here, capsys, arguments, size):
    Path("here").mkdir()
    Path("here", "lenet5.svg").write_bytes(b"old")
    command = "python -m lenet_book train lenet-tanh --recipe fast --seed 0 --epochs 1 --examples 64"
    Path("here", "lenet-tanh.json").write_text(json.dumps({"command": command}), "utf-8")
    before, steps = contents(here), []
    hook = register_optimizer_step_post_hook(lambda *_: steps.append(1))
    with full_disk(size):
        status, said = ends(arguments, capsys)
    hook.remove()
    assert status == 1 and "too large" in said and said.count("\n") == 1 and not steps
    assert {path: kept for path, kept in contents(here).items() if path.name != "weights"} == before


@pytest.mark.parametrize("arguments", [
    [*TRAIN, "--out", "out5"], [*TRAIN, "--out", "out5", "--checkpoint", "z"],
    [*MEASURE, "--log", "out5"]])
def test_a_disk_that_fills_up_in_the_work(here, capsys, arguments):
    with ExitStack() as disk:
        hook = register_optimizer_step_post_hook(lambda *_: disk.enter_context(full_disk(1000)))
        status, said = ends(arguments, capsys)
        hook.remove()
    assert status == 1 and "too large" in said and not [*Path("out5").iterdir()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals(here, capsys, monkeypatch, number):
    def send(*_):
        signal.raise_signal(number)

    def draw():
        send()
        return b""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, number)}
    hook = register_optimizer_step_post_hook(send)
    status, said = ends(["train", "lenet-tanh", "--epochs", "2", "--checkpoint", "z.ckpt"], capsys)
    assert status == 128 + number
    assert "stopped; its checkpoint z.ckpt is of epoch 0, step 1: start the same command" in said
    assert [path.name for path in here.glob("z*")] == ["z.ckpt"]
    for each, handler in before.items():
        signal.signal(each, handler)
    status, said = ends([*MEASURE, "--log", "l"], capsys)
    hook.remove()
    assert status == 128 + number and "stopped; l/quick.json holds the trainings that had" in said
    assert not [*Path("l").iterdir()]
    Path("old.svg").write_bytes(b"old")
    monkeypatch.setattr(figures, "FIGURES", {"old.svg": draw})
    status, said = ends(["figures", "."], capsys)
    assert status == 128 + number and "stopped; every figure in . is whole" in said
    assert Path("old.svg").read_bytes() == b"old"
    assert all(signal.getsignal(each) is handler for each, handler in before.items())


# As real programs

COMMAND = [sys.executable, "-m", "lenet_book"]
ONE_FIGURE = [sys.executable, "-c", """if True:  # the same program, whose one figure is not drawn
    import runpy, sys, types
    from lenet_book import storage

    def write(folder):
        folder.mkdir()
        storage.write({folder / "lenet5.svg": b"<svg/>"})
        return [folder / "lenet5.svg"]
    sys.modules["lenet_book.figures"] = types.SimpleNamespace(write=write)
    runpy.run_module("lenet_book", run_name="__main__", alter_sys=True)
"""]


def shell(line, folder, command=COMMAND, **environment):
    done = subprocess.run(["bash", "-c", line.replace("BOOK", shlex.join(command))], cwd=folder,
                          text=True, capture_output=True, env={**os.environ, **environment})
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    return done


def test_streams_that_are_closed_full_or_not_utf_8(tmp_path):
    done = shell("BOOK figures w >&- 2>&-; echo $?; ls w", tmp_path, ONE_FIGURE)
    assert done.stdout == "0\nlenet5.svg\n"
    done = shell("BOOK figures a > /dev/full; echo $?", tmp_path, ONE_FIGURE, COLUMNS="1")
    assert done.stdout == "1\n" and "No space left" in done.stderr
    done = shell("BOOK figures b | true; echo ${PIPESTATUS[0]}", tmp_path, ONE_FIGURE)
    assert done.stdout == "141\n" and done.stderr == ""
    done = shell("BOOK figures é", tmp_path, ONE_FIGURE, PYTHONIOENCODING="ascii")
    assert done.stdout == "\\xe9/lenet5.svg\n" and done.stderr == ""


def test_a_page_where_the_encoding_of_text_files_is_ascii(tmp_path):
    done = shell("BOOK show pooling -o a.html", tmp_path, LC_ALL="C", PYTHONUTF8="0",
                 PYTHONCOERCECLOCALE="0")
    assert (done.stdout, done.stderr) == ("a.html\n", "")
    assert "×" in (tmp_path / "a.html").read_text("utf-8")


def test_a_folder_that_is_gone(tmp_path):
    done = shell("mkdir a; cd a; rmdir ../a; BOOK doctor", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "the folder that this was started in is gone: change to another one\n"


def test_a_second_training_on_a_checkpoint_is_refused_and_the_first_saves_when_it_is_told_to_end(
        tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "lenet-tanh", "--examples", "640", "--epochs", "100000", "--checkpoint", "z"]
    with subprocess.Popen([*COMMAND, *arguments], text=True, stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as first:
        assert first.stderr.readline().startswith("epoch 1:")
        status, said = ends([*arguments, "--resume"], capsys)
        assert status == 1 and "another process is at work on" in said
        first.send_signal(signal.SIGTERM)
        said = first.stderr.read()
    assert first.returncode == 143 and "stopped; its checkpoint z is of epoch" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["weights", "z"]
    assert state.load(tmp_path / "z")["epoch"] >= 1
