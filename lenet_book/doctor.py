"""Is this installation fit for the book? Looks at everything a chapter relies on and says so."""

import importlib
import platform
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version

REINSTALL = "run `make lab`, or: python -m pip install -r requirements.txt"
WITHOUT_OO = ("Python runs with -OO (or PYTHONOPTIMIZE=2), which takes away docstrings that libraries "
              "read: run it without")


# GiB that a kernel holds after the hungriest chapter, what a training in it needs besides for a moment,
# and the libraries, which are in memory once: measured by tests/benchmarks/memory.py, rounded up.
KERNEL, TRAINING, LIBRARIES = 0.6, 0.6, 0.4


class Trouble(Exception):
    """Something is wrong; the message is the remedy."""


class Remark(Exception):
    """Nothing is wrong with the installation, but a reader should know this."""


def main() -> int:
    """Print one line for each check, with the remedy where it fails; 0 if all is well, else 1."""
    failures = 0
    for name, check in CHECKS.items():
        try:
            mark, found = "ok", check()
        except Remark as remark:
            mark, found = "note", str(remark)
        except Exception as error:  # a broken library may raise anything, and that is what we report
            mark, found = "WRONG", str(error)
            if not isinstance(error, Trouble):
                remedy = WITHOUT_OO if sys.flags.optimize > 1 else REINSTALL
                found = f"{type(error).__name__}: {error}".splitlines()[0] + f" -> {remedy}"
            failures += 1
        print(f"{mark:>5}  {name:<13} {found}")
    print("\nEverything the book needs is here." if not failures
          else f"\n{failures} of {len(CHECKS)} checks failed; mend them from the top.")
    return min(failures, 1)


def _python() -> str:
    if sys.version_info < (3, 11):
        raise Trouble(f"Python {platform.python_version()} is too old -> install Python 3.11 or "
                      "newer, delete the folder .venv and start again")
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _library(name: str) -> str:
    try:
        importlib.import_module({"pillow": "PIL"}.get(name, name))
        return version(name)
    except (ImportError, PackageNotFoundError) as error:
        raise Trouble(f"cannot be imported ({error}) -> {REINSTALL}") from error


def _jupyterlab() -> str:
    """In a notebook its server runs already, so it is not imported, which takes seconds."""
    if "ipykernel" not in sys.modules:
        return _library("jupyterlab")
    try:
        return version("jupyterlab")
    except PackageNotFoundError:  # in Colab, say, or on a hub with an environment for the kernels
        return "not here, but something else runs this notebook"


def _torchvision() -> str:
    """Its compiled part must fit the installed torch; a mismatch shows only when it is imported."""
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError) as error:
        build = version("torch").partition("+")[2]  # "cpu" where PyTorch's index gave it, "" where PyPI
        index = f" --index-url https://download.pytorch.org/whl/{build}" if build else ""
        raise Trouble(f"does not fit torch {version('torch')} ({str(error).splitlines()[0]}) -> "
                      "install both from the same index: python -m pip install --force-reinstall "
                      f'"torch<3" torchvision{index}') from error
    return version("torchvision")


def _kernel() -> str:
    """The kernel called python3, which every notebook names, must be there."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        raise Trouble("there is no kernel called python3 -> python -m ipykernel install "
                      "--sys-prefix --name python3") from None
    return spec.display_name


def _memory() -> str:
    """How many kernels, each at its own chapter, this machine or container can seat; refuses none."""
    from .memory import memory
    total, free = (size / 2**30 for size in memory())
    kernels = int(max(free - LIBRARIES - TRAINING, 0) / KERNEL)
    found = f"{total:.1f} GiB, {free:.1f} free: "
    if not kernels:
        raise Remark(f"{found}a chapter needs {LIBRARIES + TRAINING + KERNEL:.1f} -> shut down kernels "
                     "that are not needed (in JupyterLab: Kernel > Shut Down All Kernels), or give a "
                     "container more (docker run --memory=4g)")
    more = "one kernel" if kernels == 1 else f"{kernels} kernels"
    return f"{found}{more} at {KERNEL} GiB, by what the hungriest chapter holds when it was run"


def _digits() -> str:
    from . import mnist
    try:
        train, test = mnist.load_mnist()
    except mnist.MnistError as error:
        raise Trouble(str(error)) from error
    return f"{len(train):,} to train, {len(test):,} to test, SHA-256 verified"


def _reads_a_digit() -> str:
    import torch

    from . import mnist, models
    _, test = mnist.load_mnist()
    sample = test.subset(100, seed=0)
    right = {}
    for name in ("lenet5-1998", "lenet5"):
        model = models.pretrained(name)
        with torch.inference_mode():
            outputs = model(sample.inputs(model.input_size, model.scaling))
        right[name] = (model.predict(outputs) == sample.labels).sum().item()
        if right[name] < 95:
            raise Trouble(f"the trained {name} reads only {right[name]} of 100 digits -> "
                          + REINSTALL)
    return "of 100 test digits " + ", ".join(f"{name} reads {n}" for name, n in right.items())


def _learns() -> str:
    import torch
    x = torch.ones(2, requires_grad=True)
    (x * x).sum().backward()
    if x.grad.tolist() != [2.0, 2.0]:
        raise Trouble(f"the gradient of x*x at 1 came out as {x.grad.tolist()} -> {REINSTALL}")
    from .training import choose_device
    return f"gradients are right; training would use {choose_device().type}"


def _temporary_files() -> str:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"0" * 1024)
    except OSError as error:
        raise Trouble(f"cannot write temporary files ({error}) -> free some disk space or set "
                      "TMPDIR to a folder you may write to") from error
    return "can be written"


CHECKS: dict[str, Callable[[], str]] = {
    "Python": _python,
    "torch": partial(_library, "torch"),
    "torchvision": _torchvision,
    "jupyterlab": _jupyterlab,
    "kernel": _kernel,
    **{name: partial(_library, name) for name in (
        "matplotlib", "pillow", "ipywidgets", "anywidget", "torchinfo", "safetensors", "scipy",
        "tqdm")},
    "memory": _memory,
    "temporary": _temporary_files,
    "digits": _digits,
    "reading": _reads_a_digit,
    "learning": _learns,
}
