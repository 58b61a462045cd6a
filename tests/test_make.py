"""What `make` installs: which build of PyTorch, from which index. Empty wheels in folders stand in."""

import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

# PyPI is ahead of PyTorch's index, which holds a torch that the book does not know yet as well.
PYPI = {("torch", "2.99.1"): "", ("torchvision", "0.99.1"): "torch==2.99.1"}
PYTORCH = {("torch", "2.99.0+cpu"): "", ("torchvision", "0.99.0+cpu"): "torch==2.99.0",
           ("torch", "3.0.0+cpu"): "", ("torchvision", "0.100.0+cpu"): "torch==3.0.0"}
INSTALL = ".venv/.installed"


def index(folder, wheels):
    """A folder that pip takes for an index (PEP 503); its address."""
    for (name, version), needs in wheels.items():
        project, info = folder / name, f"{name}-{version}.dist-info"
        project.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(project / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\n"
                           f"Version: {version}\n" + f"Requires-Dist: {needs}\n" * bool(needs))
            wheel.writestr(f"{info}/WHEEL",
                           "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        (project / "index.html").write_text("".join(
            f'<a href="{path.name}">{path.name}</a>\n' for path in project.glob("*.whl")))
    return folder.as_uri()


@pytest.fixture
def book(tmp_path, pytestconfig):
    """A folder with the Makefile, whose requirements are torch and torchvision alone."""
    folder = tmp_path / "book"
    folder.mkdir()
    shutil.copy(pytestconfig.rootpath / "Makefile", folder)
    (folder / "pyproject.toml").touch()
    lines = (pytestconfig.rootpath / "requirements.txt").read_text().splitlines(keepends=True)
    (folder / "requirements.txt").write_text("".join(
        line for line in lines if re.match("torch(vision)?>", line)))
    return folder


@pytest.fixture
def run(book, tmp_path):
    """A function: run a command in the book's folder, where PyPI is a folder, too; what it said."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("PIP_", "MAKE", "TORCH"))}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index(tmp_path / "pypi", PYPI)}
    return lambda *command: subprocess.run(command, cwd=book, env=environment, capture_output=True,
                                           text=True, check=True).stdout


def test_torch_comes_from_the_index_that_was_asked_for(run, book, tmp_path):
    pytorch = index(tmp_path / "pytorch", PYTORCH)
    run("make", INSTALL, f"PYTHON={sys.executable}", f"TORCH_INDEX={pytorch}")
    assert sorted(path.name for path in book.glob(".venv/lib/*/site-packages/torch*.dist-info")) == [
        "torch-2.99.0+cpu.dist-info", "torchvision-0.99.0+cpu.dist-info"]
    assert "up to date" in run("make", INSTALL)  # and stays: the choice is made once


def test_a_build_is_named_by_its_place_in_pytorchs_index(run):
    for build in ("cpu", "cu126"):
        commands = run("make", "--dry-run", INSTALL, f"TORCH={build}")
        assert f'--index-url https://download.pytorch.org/whl/{build} "torch<3" torchvision' in commands
    assert "--index-url" not in run("make", "--dry-run", INSTALL)


def test_before_much_is_fetched_its_size_and_the_small_way_are_said(run, book):
    def said(*choice):
        commands = run("make", "--dry-run", INSTALL, *choice).splitlines()
        return run("sh", "-c", next(line for line in commands if line.startswith("[")))
    large = platform.system() == "Linux" and platform.machine() == "x86_64"
    assert ("3.1 GB" in said() and "make lab TORCH=cpu" in said()) == large
    assert said("TORCH=cpu") == ""
    (book / ".venv").mkdir()  # something is there already
    assert said() == ""
