"""Wrong words, paths, files, disks and signals: a line that says so, no traceback, nothing lost."""

import json
import os
import resource
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
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
    for name in ("home", "folder", "taken.part", "taken.lock", "out/lenet-tanh.safetensors",
                 "out2/lenet-tanh.json", "out3/lenet-tanh.json.part", "drawn/lenet5.svg",
                 "drawn2/lenet5.svg.part", "log/quick.json", "log2/quick.json.lock"):
        Path(name).mkdir(parents=True)
    Path("file").write_text("a thesis")
    Path("loop").symlink_to("loop")
    os.mkfifo("pipe")
    state.save("other.ckpt", {"a": 1})
    Path("cut.ckpt").write_bytes(Path("other.ckpt").read_bytes()[:-3])
    return tmp_path


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


LONG = "a" * 300
NOT_FILES = ("folder", "loop", "pipe", "/dev/null", "file/a", "no/a", LONG, "~no-such-person/a", ".",
             "/")
NOT_NUMBERS = "", "-1", "9" * 23, "9" * 5000, "x", "1.5", "1e3", "nan", "--", "0x10"
USAGE = [  # exit 2
    [], [""], ["dance"], ["--dance"], ["doctor", "now"], ["doctor", "--now"], ["figures", "a", "b"],
    ["figures", ""], ["figures", "~no-such-person/a"], ["figures", "--now"],
    ["train"], ["train", ""], ["train", "lenet6"], ["train", "../lenet5"], ["train", "LENET5"],
    ["train", "lenet5", "lenet5"], [*TRAIN, "--recipe", ""], [*TRAIN, "--recipe", "slow"],
    [*TRAIN, "--recipe"], [*TRAIN, "--resume"], [*TRAIN, "--resume", "a"], [*TRAIN, "--dance"],
    *([*TRAIN, "--seed", value] for value in NOT_NUMBERS),
    *([*TRAIN, "--epochs", value] for value in (*NOT_NUMBERS, "0", "9" * 20)),
    *([*TRAIN, "--examples", value] for value in (*NOT_NUMBERS, "0", "60001")),
    *([*TRAIN, option, ""] for option in ("--checkpoint", "--out", "--tensorboard")),
    *([*TRAIN, "--checkpoint", path] for path in (*NOT_FILES, "file", "other.ckpt")),
    *([*TRAIN, "--resume", "--checkpoint", path] for path in NOT_FILES),
    [*TRAIN, "--out", "~no-such-person/a"], [*TRAIN, "--tensorboard", "~no-such-person/a"],
    ["measure"], ["measure", ""], ["measure", "slow"], ["measure", "../fast"],
    *([*MEASURE, "--seeds", value] for value in (*NOT_NUMBERS, "0", "1", "1001")),
    [*MEASURE, "--log", ""], [*MEASURE, "--log", "~no-such-person/a"]]
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
    assert len(USAGE) + len(FAILURES) > 100
    before = contents(here)
    for expected, arguments in [*((2, each) for each in USAGE), *((1, each) for each in FAILURES)]:
        status, said = ends(arguments, capsys)
        assert status == expected, (arguments, said)
        assert said and "Traceback" not in said and len(said) < 1500, (arguments, said)
        if status == 1:
            assert len(said.splitlines()) == 1, (arguments, said)
        made = [path.name for path in here.rglob("*") if path not in before]
        assert {*made} <= {"weights", "figures", "logs"}, (arguments, made)  # the empty folders
        assert {path: content for path, content in contents(here).items() if path in before} == before


def test_a_log_that_is_none_or_lacks_something(here, capsys):
    assert ends([*MEASURE, "--log", "."], capsys)[0] == 0
    whole = json.loads(Path("quick.json").read_text())
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


def test_home_is_home(here, capsys):
    assert ends([*TRAIN, "--out", "~/w", "--checkpoint", "~/z", "--tensorboard", "~/t"], capsys)[0] == 0
    assert ends([*MEASURE, "--log", "~/l"], capsys)[0] == 0
    assert ends(["figures", "~/f"], capsys)[0] == 0
    assert sorted(path.name for path in Path("home").iterdir()) == ["f", "l", "t", "w", "z"]
    assert not Path("~").exists()


def test_another_net_or_recipe_is_refused_and_the_weights_are_not_written(here, capsys):
    kept = ["--checkpoint", "z.ckpt", "--resume"]
    assert ends(["train", "lenet-sigmoid", *TRAIN[2:], *kept, "--out", "one"], capsys)[0] == 0
    before = Path("z.ckpt").read_bytes()
    status, said = ends([*TRAIN, *kept, "--out", "other"], capsys)
    assert status == 1 and "another network" in said and "LeNetSigmoid -> " in said
    status, said = ends(["train", "lenet-sigmoid", *TRAIN[2:4], "--epochs", "2", *kept], capsys)
    assert status == 1 and "another training: epochs: 1 -> 2; " in said
    assert Path("z.ckpt").read_bytes() == before and not [*Path("other").iterdir()]


def test_a_link_to_a_checkpoint_stays(here, capsys):
    Path("link").symlink_to("folder/real")
    assert ends([*TRAIN, "--checkpoint", "link"], capsys)[0] == 0
    assert Path("link").is_symlink() and state.load("folder/real")["epoch"] == 1


@pytest.fixture
def full_disk():
    """A disk with room for so many bytes: no file may become larger."""
    def leave(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    limits, before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield leave
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize(("arguments", "size"), [
    (["figures", "here"], 2000), ([*TRAIN, "--out", "here"], 2000),
    ([*TRAIN, "--checkpoint", "here/z", "--out", "here"], 250_000), ([*MEASURE, "--log", "here"], 10)])
def test_on_a_full_disk_the_work_is_not_begun(here, capsys, full_disk, monkeypatch, arguments, size):
    Path("here").mkdir()
    for name in ("lenet5.svg", "lenet-tanh.json"):
        Path("here", name).write_bytes(b"old")
    before, steps = contents(here), []
    hook = register_optimizer_step_post_hook(lambda *_: steps.append(1))
    full_disk(size)
    status, said = ends(arguments, capsys)
    hook.remove()
    assert status == 1 and "too large" in said and said.count("\n") == 1 and not steps
    assert {path: kept for path, kept in contents(here).items() if path.name != "weights"} == before


def test_a_disk_that_fills_up_in_the_work(here, capsys, full_disk):
    hook = register_optimizer_step_post_hook(lambda *_: full_disk(1000))
    for more in ([], ["--checkpoint", "z"]):
        status, said = ends([*TRAIN, "--out", "out5", *more], capsys)
        assert status == 1 and "too large" in said and not [*Path("out5").iterdir()]
    status, said = ends([*MEASURE, "--log", "log5"], capsys)
    hook.remove()
    assert status == 1 and "too large" in said


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
