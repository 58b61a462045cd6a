"""PyTorch's compiler is imported by who compiles, once and whole; others do without."""

import builtins
import importlib
import subprocess
import sys
import threading
import warnings
from types import ModuleType

import pytest

from lenet_book import compiler

# A package in the compiler's place, each of whose files notes that it is run.
FILES = {
    "__init__": "runs.append('all')\nimport time\ntime.sleep(0.2)\nfrom . import parts\n"
                "def disable(fn, recursive=True, **options):\n"
                "    return lambda *args, **kwargs: ('left alone', recursive, fn(*args, **kwargs))\n"
                "def graph_break(msg=''):\n    return 'broken'\n"
                "def __getattr__(name):\n    if name == 'late':\n        return 'found'\n"
                "    raise AttributeError(name)\n",
    "parts": "runs.append('parts')\nfrom slow_compiler.utils import counted\nfound = []\n",
    "utils": "runs.append('utils')\ncounted = []\n"
             "def is_compile_supported(device):\n    return device == 'cpu'\n",
    "rest": "runs.append('rest')\nfrom .parts import found\n",
}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The files of the package that have been run, in order; it is imported when it is made use of."""
    folder = tmp_path / "slow_compiler"
    folder.mkdir()
    for name, code in FILES.items():
        (folder / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(compiler, "NAME", "slow_compiler")
    monkeypatch.setattr(sys, "meta_path", [each for each in sys.meta_path
                                           if not isinstance(each, compiler._Finder)])
    monkeypatch.setattr(builtins, "runs", [], raising=False)
    compiler.import_later()
    yield builtins.runs
    for name in [name for name in sys.modules if name.startswith("slow_compiler")]:
        del sys.modules[name]


def test_what_is_asked_in_passing_loads_nothing(runs):
    import slow_compiler
    from slow_compiler.utils import is_compile_supported
    assert slow_compiler.graph_break("here") is None
    double = slow_compiler.disable(lambda x, times=2: times * x, False, wrapping=False)
    assert (double(3), double(3, times=5)) == (6, 15)
    with warnings.catch_warnings():  # asks every module for the warnings that it has given
        warnings.simplefilter("ignore")
    assert not hasattr(slow_compiler, "__wrapped__")
    assert not runs
    assert slow_compiler.late == "found"
    assert double(3) == ("left alone", False, 6)
    assert slow_compiler.graph_break() == "broken"
    assert is_compile_supported("cpu") and not is_compile_supported("?")
    assert runs == ["all", "parts", "utils"]


@pytest.mark.parametrize("use", [
    "slow_compiler.parts", "slow_compiler.late", "slow_compiler.disable(print.__call__)",
    "importlib.import_module('slow_compiler.parts')", "importlib.import_module('slow_compiler.rest')",
    "importlib.import_module('slow_compiler.utils').is_compile_supported('cpu')",
    "exec('from slow_compiler.utils import counted')", "exec('from slow_compiler import parts')",
    "exec('from slow_compiler.rest import found')"])
def test_use_loads_all_of_it_once(runs, use):
    import slow_compiler
    eval(use)
    eval(use)
    rest = importlib.import_module("slow_compiler.rest")
    assert runs == ["all", "parts", "utils", "rest"]
    assert sys.modules["slow_compiler"] is slow_compiler and type(slow_compiler) is ModuleType
    assert slow_compiler.parts is sys.modules["slow_compiler.parts"]
    assert rest.found is slow_compiler.parts.found
    assert slow_compiler.utils.counted is slow_compiler.parts.counted
    for name in ("", ".parts", ".utils", ".rest"):  # as if nothing had stood between
        module = sys.modules[f"slow_compiler{name}"]
        assert module.__spec__.origin == module.__file__ and module.__spec__.name == module.__name__
        assert type(module.__spec__.loader) is type(module.__loader__)
        assert type(module.__loader__).__name__ == "SourceFileLoader"
    importlib.reload(slow_compiler.parts)
    assert runs[4:] == ["parts"]
    with pytest.raises(AttributeError, match="never"):
        _ = slow_compiler.never


def test_two_threads_load_it_once(runs):
    import slow_compiler
    found = []
    threads = [threading.Thread(target=lambda: found.append(slow_compiler.late)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["found"] * 4
    assert runs == ["all", "parts", "utils"]


def test_what_fails_to_load_says_so_each_time(runs, tmp_path):
    import slow_compiler
    source = tmp_path / "slow_compiler" / "__init__.py"
    source.write_text("runs.append('all')\n1 / 0\n")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            _ = slow_compiler.late
    assert runs == ["all", "all"]
    source.write_text(f"{FILES['__init__']}\n\n")
    assert slow_compiler.late == "found"


def test_what_is_there_already_stays(runs):
    compiler.import_later()
    assert sum(isinstance(each, compiler._Finder) for each in sys.meta_path) == 1
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, compiler._Finder)]
    import slow_compiler
    assert type(slow_compiler) is ModuleType and runs == ["all", "parts", "utils"]
    compiler.import_later()
    assert not any(isinstance(each, compiler._Finder) for each in sys.meta_path)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("slow_compiler.nothing")


def test_without_such_a_module_there_is_none(monkeypatch):
    monkeypatch.setattr(compiler, "NAME", "no_such_compiler")
    compiler.import_later()
    with pytest.raises(ModuleNotFoundError, match="no_such_compiler"):
        importlib.import_module("no_such_compiler")


def test_torch_trains_without_it_and_compiles_with_it():
    """The weights are those with it, bit for bit; and what is compiled is, and trains as well."""
    code = """
import sys
from lenet_book.ledger import ledger
import torch
from lenet_book.training.sdlm import curvature
from torch import nn

def step(net, optimiser, x):
    optimiser.zero_grad()
    loss = net(x).square().sum()
    loss.backward()
    optimiser.step()
    return loss.detach()

def trained(kind, step):
    torch.manual_seed(0)
    net, x = nn.Linear(3, 3, bias=False), torch.randn(5, 3)
    optimiser = getattr(torch.optim, kind)(net.parameters(), lr=0.01)
    for _ in range(3):
        step(net, optimiser, x)
    optimiser.load_state_dict(optimiser.state_dict())
    return net.weight.detach()

kinds = "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "Muon"
without = [trained(kind, step) for kind in kinds]
with torch.device("meta"):
    nn.Linear(3, 3)(torch.empty(2, 3)).sum()
ledger(nn.Conv2d(1, 2, 3), (1, 5, 5))
curvature(nn.Sequential(nn.Linear(3, 3), nn.Tanh()), torch.randn(5, 3), torch.arange(5) % 3)
import torchvision
assert not {"torch._dynamo.convert_frame", "triton"} & sys.modules.keys()
compiled = trained("SGD", torch.compile(step, backend="eager"))
assert torch._dynamo.utils.counters["frames"]["ok"] > 0
torch.testing.assert_close(compiled, without[0])
assert torch.equal(torch.stack(without), torch.stack([trained(kind, step) for kind in kinds]))
"""
    run = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    assert run.returncode == 0, run.stderr
