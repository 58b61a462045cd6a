"""Every public function, each argument in turn replaced by some sixty things that it may not be.

What comes out is a result, which is that of the good value where both say the same, or an error that
is raised on purpose and shows what was given.
"""

import importlib
import inspect
import linecache
import pkgutil
import signal

import pytest
from good_calls import CALLS
from wrong_values import same, shows, wrong_values

import lenet_book
from lenet_book.mnist import MnistError
from lenet_book.training import CheckpointError

REFUSALS = (ValueError, TypeError, KeyError, NotImplementedError, FileNotFoundError, MnistError,
            CheckpointError)

# What a folder's `__all__` does not name but the chapters import from its modules.
DEEPER = ("training.callbacks", "training.muon", "training.sdlm", "training.state")

# Each check is tried with strange answers beside its own tests; the last five are called by commands,
# by nbconvert and by the kernel alone.
INNER_TOOLS = ("__main__", "command_line", "compiler", "jupyter", "arguments", "storage", "tables",
               "tensors", "checks", "sheets", "film", "memory", "show", "slides")

# Made by the package alone: readers get records from it and read them; the rest are its inner tools.
MADE_BY_THE_PACKAGE = {
    "experiments.Difference", "experiments.Result", "experiments.Row", "mnist.Canvases",
    "ledger.Row", "paper.Layer",
    "receptive_field.Measurement", "receptive_field.Row",
    "training.Epoch", "training.History", "training.Score",
    "experiments.record", "experiments.run", "features.find", "features.hooked", "features.in_mode",
    "features.names_of", "features.zeros",
    "models.googlenet.AuxiliaryHead", "models.googlenet.Outputs", "models.googlenet.WithHeads",
    "models.successors.Successor",
    "models.successors.normal_", "models.successors.starting_weights", "training.state.reserved",
}


def public_names():
    """Functions and classes with arguments: what `__all__` names, or what the module itself defines."""
    for found in pkgutil.walk_packages(lenet_book.__path__, "lenet_book."):
        name = found.name.removeprefix("lenet_book.")
        if name.startswith(INNER_TOOLS):
            continue
        module = importlib.import_module(found.name)
        folder = importlib.import_module(found.name.rpartition(".")[0])
        if hasattr(folder, "__all__") and name not in DEEPER:
            continue  # the folder speaks for it
        for word, what in vars(module).items():
            own = getattr(what, "__module__", None) == module.__name__ and not word.startswith("_")
            if ((word in module.__all__ if hasattr(module, "__all__") else own) and callable(what)
                    and not (inspect.isclass(what) and issubclass(what, Exception))
                    and any(p.kind == p.POSITIONAL_OR_KEYWORD
                            for p in inspect.signature(what).parameters.values())):
                yield f"{name}.{word}"


def test_every_public_function_has_a_good_call():
    names = {*public_names()}
    assert names >= MADE_BY_THE_PACKAGE, "a name that is no longer there"
    assert not names - MADE_BY_THE_PACKAGE - CALLS.keys(), "write an example into tests/good_calls.py"


@pytest.mark.parametrize(("name", "argument"), [
    (name, argument) for name in CALLS for argument in CALLS[name].arguments])
def test_a_wrong_argument_is_refused_with_its_value(name, argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a strange path is one in here
    assert not list(faults(CALLS[name], argument))


def faults(call, argument):
    """What each value leads to that it should not, in words."""
    good, takes, untried = call.arguments[argument]
    expected = None
    for kind, value, alike in wrong_values(good):
        if kind in untried:
            continue
        signal.signal(signal.SIGPROF, lambda *_: pytest.fail("it hangs"))
        signal.setitimer(signal.ITIMER_PROF, 20)
        try:
            result = call(**{argument: value})
        except REFUSALS as error:
            said = f"{kind}: {type(error).__name__}, {error}"
            if kind in takes:
                yield f"refused, {said}"
            elif not on_purpose(error):
                yield f"by chance, {said}"
            elif not shows(error.args[0] if isinstance(error, KeyError) else str(error), value):
                yield f"without the value {value!r:.50}, {said}"
        except Exception as error:
            yield f"{kind}: {type(error).__name__}, {error}"
        else:
            expected = expected or [call()] if alike else expected
            if alike and not same(result, expected[0]):
                yield f"{kind}: gives {result!r:.80}, not {expected[0]!r:.80}"
            elif not alike and kind not in takes:
                yield f"{kind}: taken, gives {result!r:.80}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def on_purpose(error):
    """Does it come from a raise statement? What Python and PyTorch raise by chance does not.

    Python's own sentence about paths is as good as one of ours.
    """
    if "os.PathLike" in str(error) or (isinstance(error, FileNotFoundError) and error.filename):
        return True
    step = error.__traceback__
    while step.tb_next:
        step = step.tb_next
    line = linecache.getline(step.tb_frame.f_code.co_filename, step.tb_lineno)
    return line.lstrip().startswith("raise ")
