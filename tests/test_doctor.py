"""python -m lenet_book doctor: a sound installation is called sound, and what is wrong is named."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from lenet_book import doctor, mnist, models
from lenet_book.memory import Memory

GIB = 2**30


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


def said(monkeypatch, capsys, total: float, free: float) -> str:
    monkeypatch.setattr("lenet_book.memory.memory", lambda: Memory(int(total * GIB), int(free * GIB)))
    monkeypatch.setattr(doctor, "CHECKS", {"memory": doctor.CHECKS["memory"]})
    assert doctor.main() == 0  # nothing is refused
    return capsys.readouterr().out.splitlines()[0]


def test_the_doctor_says_how_many_kernels_fit(monkeypatch, capsys):
    line = said(monkeypatch, capsys, 16, 14)
    assert line.startswith("   ok  memory        16.0 GiB, 14.0 free: ")
    assert f" at {doctor.KERNEL} GiB" in line
    kernels = int(line.split("free: ")[1].split()[0])
    # So many fit in beside the libraries and one training, and one more would not.
    assert kernels * doctor.KERNEL + doctor.LIBRARIES + doctor.TRAINING <= 14
    assert (kernels + 1) * doctor.KERNEL + doctor.LIBRARIES + doctor.TRAINING > 14


def test_the_doctor_says_what_to_do_in_a_small_container(monkeypatch, capsys):
    line = said(monkeypatch, capsys, 0.5, 0.3)
    assert line.startswith(" note  memory        0.5 GiB, 0.3 free: a chapter needs ")
    assert "Shut Down All Kernels" in line and "docker run --memory=" in line
    remedy = float(line.split("--memory=")[1].split("g")[0])
    assert "kernel" in said(monkeypatch, capsys, remedy, remedy - 0.5).split("free: ")[1][:12]
