"""The command line: python -m lenet_book lab | doctor | figures | train."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import traitlets.config
from safetensors.torch import load_file

from lenet_book import __main__, doctor, mnist, models


def test_doctor_finds_this_installation_sound():
    result = subprocess.run([sys.executable, "-m", "lenet_book", "doctor"],
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "Everything the book needs is here." in result.stdout
    assert result.stdout.count(" ok  ") == len(doctor.CHECKS)
    assert len(result.stdout.splitlines()) <= 24  # one screen
    assert result.stderr == ""


def run_doctor(capsys):
    code = doctor.main()
    return code, capsys.readouterr().out


def test_doctor_names_a_damaged_file(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(mnist, "FOLDER", tmp_path)
    code, out = run_doctor(capsys)
    assert code == 1
    assert "WRONG  digits" in out
    assert "train-images-idx3-ubyte.gz" in out
    assert "git checkout" in out
    assert "checks failed" in out


def test_doctor_names_a_missing_library(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torchinfo", None)  # its import now fails
    code, out = run_doctor(capsys)
    assert code == 1
    assert "WRONG  torchinfo" in out
    assert "pip install -r requirements.txt" in out
    assert out.count("WRONG") == 1


def test_doctor_names_a_torchvision_that_does_not_fit(monkeypatch, capsys):
    def mismatch(name):
        raise RuntimeError("operator torchvision::nms does not exist")
    monkeypatch.setattr(doctor.importlib, "import_module", mismatch)
    with pytest.raises(doctor.Trouble, match=r"does not fit torch .*nms.*--force-reinstall"):
        doctor.CHECKS["torchvision"]()


def test_doctor_names_missing_weights_and_goes_on(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    code, out = run_doctor(capsys)
    assert code == 1
    assert "WRONG  reading" in out
    assert "ok  learning" in out


def test_doctor_survives_a_check_that_breaks(monkeypatch, capsys):
    def broken():
        raise KeyError("surprise")
    monkeypatch.setitem(doctor.CHECKS, "torch", broken)
    code, out = run_doctor(capsys)
    assert code == 1
    assert "WRONG  torch         KeyError: 'surprise'" in out


def test_doctor_names_a_missing_kernel(monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", "")
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def none(self, name):
        raise NoSuchKernel(name)
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    with pytest.raises(doctor.Trouble, match="ipykernel install --sys-prefix --name python3"):
        doctor.CHECKS["kernel"]()


def test_figures(tmp_path, capsys):
    assert __main__.main(["figures", str(tmp_path / "f")]) == 0
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == ["c3_connections.svg", "lenet5.svg"]
    assert str(tmp_path / "f" / "lenet5.svg") in capsys.readouterr().out


def test_train_writes_weights_and_log(tmp_path, monkeypatch, capsys):
    train, test = mnist.load_mnist()
    monkeypatch.setattr(mnist, "load_mnist", lambda: (train[:640], test[:200]))
    assert __main__.main(["train", "lenet5", "--epochs", "1", "--seed", "3",
                          "--out", str(tmp_path)]) == 0
    log = json.loads((tmp_path / "lenet5.json").read_text())
    assert log["command"] == "python -m lenet_book train lenet5 --recipe fast --seed 3 --epochs 1"
    assert (log["seed"], log["recipe"]["seed"], log["recipe"]["epochs"]) == (3, 3, 1)
    assert log["test_error"] == log["test_errors"] / 200
    assert [epoch["number"] for epoch in log["log"]] == [1]
    weights = load_file(tmp_path / "lenet5.safetensors")
    models.build("lenet5").load_state_dict(weights)
    assert "test error" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "message"), [
    (["train", "lenet6"], "no model is called 'lenet6'; there are lenet5-1998, lenet5"),
    (["train", "lenet5", "--recipe", "slow"], "no recipe is called 'slow'; there are fast"),
    (["train", "lenet5", "--epochs", "0"], "--epochs must be at least 1, not 0"),
    (["dance"], "invalid choice: 'dance'"),
    ([], "required: command"),
])
def test_bad_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        __main__.main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_lab_opens_jupyterlab_with_the_books_settings(monkeypatch):
    from jupyterlab import labapp
    monkeypatch.setattr(labapp, "main", lambda arguments: called.append(arguments) or 0)
    for name in ("OMP_WAIT_POLICY", "JUPYTER_WIDGETS_ECHO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/theirs")
    called = []
    assert __main__.main(["lab", "--no-browser", "notebooks/00_start_here.ipynb"]) == 0
    assert called == [["--no-browser", "notebooks/00_start_here.ipynb"]]
    ours, theirs = os.environ["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert (Path(ours) / "jupyter_server_config.py").is_file() and theirs == "/theirs"
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_other_commands_refuse_what_they_do_not_know(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["doctor", "--now"])
    assert "unrecognized arguments: --now" in capsys.readouterr().err


def test_saving_keeps_pictures_and_drops_the_widgets_that_have_one():
    folder = Path(__main__.__file__).parent / "jupyter"
    settings = runpy.run_path(str(folder / "jupyter_server_config.py"),
                              {"get_config": traitlets.config.Config})
    widget = {settings["WIDGET"]: {"model_id": "1"}}
    outputs = [{"data": {**widget, "image/png": "..."}}, {"data": {**widget, "text/plain": "a bar"}},
               {"name": "stdout", "text": "2"}]
    model = {"type": "notebook", "content": {"cells": [
        {"cell_type": "markdown"}, {"cell_type": "code", "outputs": outputs}]}}
    hook = settings["c"].FileContentsManager.pre_save_hook
    hook(model=model, path="a.ipynb", contents_manager=None)
    assert [set(output.get("data", {})) for output in outputs] == [
        {"image/png"}, {settings["WIDGET"], "text/plain"}, set()]
    for other in ({"type": "file", "content": "x"}, {"type": "notebook", "content": None}):
        hook(model=other, path="a", contents_manager=None)
