"""What a reader's function may do, and what is said; the time it may take; a kernel that goes on."""

import signal
import sys
import threading
import time
from itertools import count
from sysconfig import get_paths

import pytest
import torch
import torch.nn.functional as F
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from lenet_book import convolution
from lenet_book.checks.calls import Function, within
from lenet_book.checks.verdict import NotYet, Wrong

X = torch.arange(6.).view(2, 3)


def raised(function, *given, without=None):
    """What is said of a function of x and k."""
    with pytest.raises(Wrong) as wrong:
        Function(function, "x k", without)(*given)
    assert "\n" not in str(wrong.value)
    return str(wrong.value)


def test_what_is_right_comes_back():
    assert torch.equal(Function(lambda x, k: x * k, "x k")(X, 2), 2 * X)


def test_without_a_return():
    def prints(x, k):
        print(x)
    said = raised(prints, X, 1)
    assert said.endswith("k = 1 it prints its result, which then is lost; end it with return")
    def computes(x, k):
        x + k
    assert raised(computes, X, 1).endswith(
        "k = 1 it returns nothing; end it with return, whichever way it goes")


def test_a_stub_is_not_yet_an_answer():
    def bare(x, k): ...

    def described(x, k):
        """What it does."""
        ...

    class Layer(torch.nn.Module):
        def forward(self, x, k):
            """What it does."""
            ...
    for stub in (bare, described, Layer()):
        with pytest.raises(NotYet):
            Function(stub, "x k")(X, 1)


def test_what_it_is_given_stays_as_it_is():
    def doubles(x, k):
        x *= 2
        return x
    said = raised(doubles, X, 1)
    assert said == "it changes the x that it is given; work on a copy, such as x.clone()"
    assert torch.equal(X, torch.arange(6.).view(2, 3))


def test_an_error_is_told_with_its_case_and_its_line():
    def raises(x, k):
        return x[k]
    said = raised(raises, X, 7)
    assert said.startswith("for x 2 x 3, k = 7 it raises IndexError: index 7 is out of bounds")
    assert said.endswith("in the line `return x[k]`")
    long = raised(many_words, X, 7)
    assert 90 < len(long.partition("in the line `")[2]) < 96 and long.endswith(" ...`")
    assert raised(lambda x, k: 1 / 0, X, 7).startswith("for x 2 x 3, k = 7 it raises ZeroDivisionError")
    assert "RecursionError" in raised(endlessly_deep, X, 1)
    assert "SystemExit" in raised(lambda x, k: sys.exit(3), X, 1)


def many_words(x, k):
    return x[k] + x[k] + x[k] + x[k] + x[k] + x[k] + x[k] + x[k] + x[k] + x[k] + x[k] + x[k] + x[k]


def endlessly_deep(x, k):
    return endlessly_deep(x, k)


@pytest.mark.parametrize("call", [
    lambda x, k: torch.nn.functional.conv2d(x[None, None], x[None, None]),
    lambda x, k: torch.nn.Conv2d(1, 1, 2)(x[None, None]),
    lambda x, k: torch.conv2d(x[None], x[None, None]),
])
def test_a_forbidden_way_is_seen_however_it_is_gone(call):
    before = sys.getprofile()
    assert raised(call, X, 1, without={"conv2d": "use loops"}) == "conv2d does the work here; use loops"
    assert sys.getprofile() is before


def test_a_function_of_the_same_name_but_the_readers_own_is_allowed():
    page = {"__name__": "__main__"}
    exec("def conv2d(x, k): return x\ndef mine(x, k): return conv2d(x, k)", page)
    assert torch.equal(Function(page["mine"], "x k", {"conv2d": "use loops"})(X, 1), X)


def test_a_function_of_the_books_alone_may_be_forbidden():
    without = {"the book's avg_pool2d": "use F"}
    assert Function(lambda x, k: F.avg_pool2d(x[None], k), "x k", without)(X, 1).shape == (1, 2, 3)
    said = raised(lambda x, k: convolution.avg_pool2d(x[None, None], k), X, 1, without=without)
    assert said == "the book's avg_pool2d does the work here; use F"


def test_a_class_is_no_function_unless_it_may_be():
    with pytest.raises(Wrong, match="must be a function, and Linear is a class"):
        Function(torch.nn.Linear, "x k")
    assert Function(torch.nn.Linear, "x k", or_class=True)(2, 3).weight.shape == (3, 2)


def test_the_body_of_a_class_of_a_forbidden_name_is_no_call():
    library = {"__name__": "library"}

    def imports(x, k):
        exec("class trace:\n    on = True", library)
        return x
    assert torch.equal(Function(imports, "x k", {"trace": "ask autograd"})(X, 1), X)


def test_what_cannot_be_called():
    with pytest.raises(Wrong, match="a function, not 3"):
        Function(3, "x")
    with pytest.raises(Wrong, match="without brackets"):
        Function(X, "x")


def catches_everything():
    while True:
        try:
            while True:
                pass
        except:  # noqa: E722
            pass


def sleeps_and_catches():
    while True:
        try:
            time.sleep(30)
        except BaseException:
            continue


@pytest.mark.parametrize("endless", [catches_everything, sleeps_and_catches,
                                     lambda: time.sleep(60),
                                     lambda: [None for _ in iter(int, 1)]])
def test_what_never_ends_is_ended(endless):
    before, start = signal.getsignal(signal.SIGINT), time.monotonic()
    with pytest.raises(TimeoutError):
        within(0.2, endless)
    assert time.monotonic() - start < 5
    assert signal.getsignal(signal.SIGINT) is before
    assert within(5, lambda: 3) == 3


def test_a_stop_by_the_reader_passes():
    with pytest.raises(KeyboardInterrupt):
        within(5, signal.raise_signal, signal.SIGINT)


def test_in_another_thread_it_works_without_a_limit():
    found = []
    thread = threading.Thread(target=lambda: found.append(within(5, lambda: 3)))
    thread.start()
    thread.join()
    assert found == [3]


def test_a_kernel_goes_on_after_an_endless_answer():
    cells = ["from lenet_book import checks\nchecks.Exercise.seconds = 0.5",
             "def mine(image, kernel):\n    while True: pass\nchecks.correlate_by_weights(mine)",
             "checks.convolution_by_hand('<img src=x onerror=alert(1)>')", "1 + 1"]
    book = new_notebook(cells=[new_code_cell(each) for each in cells])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    _, late, strange, two = book.cells
    assert "no result within 0.5 seconds" in late.outputs[0].data["text/plain"]
    assert "&lt;img src=x" in strange.outputs[0].data["text/html"]
    assert "<img" not in strange.outputs[0].data["text/html"]
    assert two.outputs[0].data["text/plain"] == "2"


def test_a_lock_of_a_library_is_free_after_the_time_is_over():
    source = "def hold(lock, steps):\n    with lock:\n        for _ in steps:\n            pass\n"
    library = {"__name__": "library"}
    exec(compile(source, f"{get_paths()['purelib']}/library.py", "exec"), library)
    lock = threading.Lock()
    with pytest.raises(TimeoutError):
        within(0.2, lambda: library["hold"](lock, count()))
    assert not lock.locked()
