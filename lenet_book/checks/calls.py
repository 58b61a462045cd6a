"""Calling what a reader wrote: with a time limit, and each way in which it may fail in a sentence."""

import io
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from inspect import CO_OPTIMIZED

import torch

from ..arguments import shown
from ..tables import by
from .errors import LIBRARIES, one_line
from .verdict import NotYet, Wrong

CONVOLUTIONS = (
    "conv1d", "conv2d", "conv3d", "conv_transpose2d", "convolution", "cross_correlate2d", "convolve2d",
    "correlate2d", "correlate", "convolve", "fftconvolve", "fft2")  # of PyTorch, SciPy and the book


class Function:
    """A function of the reader's, called with copies, so that it cannot change a test.

    function: what was given. arguments: the names of what it takes, for sentences about it.
    without: names of functions that it may not call, each with what to do instead; those of the book
    alone, where "the book's" stands in front. or_class: may it be a class, whose call makes an object?
    Raises Wrong where it is no function.
    """

    def __init__(self, function, arguments: str, without: Mapping[str, str] | None = None,
                 or_class: bool = False) -> None:
        if not callable(function):
            raise Wrong(f"this must be a function, not {shown(function)}"
                        + "; hand over its name, without brackets" * isinstance(function, torch.Tensor))
        if isinstance(function, type) and not or_class:
            raise Wrong(f"this must be a function, and {function.__name__} is a class: what a call of "
                        "it gives is an object")
        self._function, self._names = function, arguments.split()
        self._without = without or {}

    @property
    def empty(self) -> bool:
        """Does nothing stand in it but the dots?"""
        return _is_stub(self._function)

    def __call__(self, *given):
        """What it returns.

        Raises NotYet where nothing stands in it but the dots, and Wrong where it raises, returns
        nothing, changes what it was given, or calls what it may not.
        """
        mine = [each.clone() if isinstance(each, torch.Tensor) else
                list(each) if isinstance(each, list) else each for each in given]
        case = self.case(given)
        printed, gradients = io.StringIO(), torch.is_grad_enabled()
        try:
            with redirect_stdout(printed), _watched(self._without), _as_precise_as(mine):
                result = self._function(*mine)
        except (NotYet, Wrong, TimeoutError):
            raise
        except (Exception, SystemExit) as error:
            raise Wrong(f"{case} it raises {one_line(error, self._function)}") from None
        finally:
            print(printed.getvalue(), end="")
            gradients_after = torch.is_grad_enabled()
            torch.set_grad_enabled(gradients)
        if gradients_after != gradients:
            raise Wrong("it leaves gradients switched off for all that comes after it; `with "
                        "torch.no_grad():` switches them on again")
        if result is None and self.empty:
            raise NotYet
        if result is None:
            raise Wrong(f"{case} it prints its result, which then is lost; end it with return"
                        if printed.getvalue() else
                        f"{case} it returns nothing; end it with return, whichever way it goes")
        for name, before, after in zip(self._names, given, mine, strict=False):
            if isinstance(before, torch.Tensor) and not _equal(before, after):
                raise Wrong(f"it changes the {name} that it is given; work on a copy, such as "
                            f"{name}.clone()")
            if isinstance(before, list) and before != after:
                raise Wrong(f"it changes the {name} that it is given; work on a copy, list({name})")
        return result

    def case(self, given) -> str:
        """Which call this is, in words: for image 5 x 7, kernel 3 x 2."""
        if not self._names:
            return "called with nothing"
        return "for " + ", ".join(
            f"{name} {by(value.shape)}" if isinstance(value, torch.Tensor) and value.dim()
            else f"{name} = {shown(value)}" for name, value in zip(self._names, given, strict=False))


def net(answer, name: str = "this") -> torch.nn.Module:
    """A net of the reader's, or a layer; a class of nets is called, with nothing.

    Raises NotYet where its forward is a stub, and Wrong for anything else.
    """
    bare = getattr(answer, "forward", None) is torch.nn.Module.forward
    if _is_stub(answer) or (bare and "__init__" not in vars(answer)):
        raise NotYet
    if bare:
        raise Wrong(f"{name} has no forward, which says what it makes of its input")
    if isinstance(answer, type):
        answer = Function(answer, "", or_class=True)()
    if not isinstance(answer, torch.nn.Module):
        raise Wrong(f"{name} must be a net, derived from nn.Module, not {shown(answer)}")
    if "_modules" not in vars(answer):
        raise Wrong(f"{name} is no net yet: the first line of its __init__ is super().__init__()")
    return answer


def within(seconds: float, function: Callable, *arguments):
    """function(*arguments), or TimeoutError after so many seconds; the kernel goes on as before.

    Python code is stopped, and what waits; a single long operation of torch's is first left to end. In
    another thread than the main one there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        return function(*arguments)

    def answer():
        return function(*arguments)

    def interrupt(number, frame):
        if not late.is_set():
            raise KeyboardInterrupt
        running = list(_frames_of_the_reader(frame, answer.__code__))
        if running:  # never in the lines that clean up after the answer
            for each in running:
                if not each.f_code.co_filename.startswith(LIBRARIES):  # they may have to free a lock
                    each.f_trace = _stop_again
            sys.settrace(_stop_again)
            raise _Late

    def watch():
        done.wait(seconds)
        while not done.is_set():
            late.set()
            _interrupt_main_thread()
            done.wait(0.1)

    done, late = threading.Event(), threading.Event()
    tracing, handler = sys.gettrace(), signal.signal(signal.SIGINT, interrupt)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return answer()
    except _Late:
        raise TimeoutError from None
    finally:
        done.set()
        watcher.join()
        sys.settrace(tracing)
        signal.signal(signal.SIGINT, signal.default_int_handler if handler is None else handler)


class _Late(BaseException):
    """Passes through `except Exception`."""


def _frames_of_the_reader(frame, until) -> Iterator:
    """The frames from this one up to that of the code `until` which are not the package's own."""
    while frame and frame.f_code is not until:
        if not frame.f_globals.get("__name__", "").startswith("lenet_book."):
            yield frame
        frame = frame.f_back


def _stop_again(frame, event, argument) -> None:
    """A trace function, for an answer that goes on: its `except:` has caught the first stop."""
    if event == "line":
        raise _Late


def _interrupt_main_thread() -> None:
    if hasattr(signal, "pthread_kill"):  # wakes it, if it sleeps; raise_signal does on Windows
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


@contextmanager
def _as_precise_as(given) -> Iterator[None]:
    """Within, a new tensor is float64 where those that are given are, as it is float32 on the page."""
    before = torch.get_default_dtype()
    precise = any(isinstance(each, torch.Tensor) and each.dtype == torch.float64 for each in given)
    torch.set_default_dtype(torch.float64 if precise else before)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _watched(without: Mapping[str, str]) -> Iterator[None]:
    """Raises Wrong where a function of one of these names, that the reader did not write, is called."""
    if not without:
        yield
        return

    def look(frame, event, argument):
        if event == "c_call":
            if argument.__name__ in without:
                refuse(argument.__name__)
        elif event == "call" and frame.f_code.co_flags & CO_OPTIMIZED:  # no body of a class
            module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_name
            if module.startswith("lenet_book.") and f"the book's {name}" in without:
                refuse(f"the book's {name}")
            if name in without and module != "__main__":
                refuse(name)

    def refuse(name):
        raise Wrong(f"{name} does the work here; {without[name]}")

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)


def _is_stub(function) -> bool:
    """Does nothing stand in it but a docstring and dots?"""
    def bare(): ...

    def described():
        """Dots below a docstring."""
        ...

    code = getattr(getattr(function, "forward", function), "__code__", None)
    return code is not None and code.co_code in (bare.__code__.co_code, described.__code__.co_code)


def _equal(before: torch.Tensor, after: torch.Tensor) -> bool:
    return before.shape == after.shape and (
        torch.equal(before, after) or torch.equal(before.nan_to_num(), after.nan_to_num()))
