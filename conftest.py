"""What all tests share: one thread each, repeatable random settings, and no hidden failure."""

import gc
import os
import shutil
import signal
import sys

# Before torch is imported, here and in the kernels that nbval starts: pytest-xdist already uses
# every core, and more threads than cores wait for each other most of the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")  # no progress bars in the outputs
# Else each of a hundred kernels and commands compiles the book anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import pytest
from hypothesis import settings

# Grammars of a kind of address that no notebook has; jsonschema would compile them for a second.
sys.modules["rfc3987_syntax"] = None
pytest_plugins = ["nbval.plugin"]  # which needs jsonschema, and by itself would come before this file

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
NODE = shutil.which("node")
WITHOUT_BROWSER = "tests in a browser skipped: chromium is not installed; try: apt-get install chromium"
WITHOUT_NODE = "tests/site skipped: node is not installed; try: apt-get install nodejs"
REQUIRED = "LENET_BOOK_BROWSER=required makes this an error"

# Their tests fork, send signals or make a .venv, as Windows does not.
collect_ignore = [] if hasattr(os, "fork") else [
    "tests/test_command_line.py", "tests/test_make.py", "tests/test_package.py",
    "tests/test_storage.py",
    "tests/mnist/test_folders.py", "tests/training/test_distributed.py",
    "tests/training/test_interrupts.py"]

LONGEST = ("test_jupyterlab.py", "test_in_step.py", "test_show.py", "test_alone.py",
           "test_alone_pictures.py", "test_pointing.py", "test_hover.py", "test_axe.py",
           "test_slow_line.py",  # of those, one after the other, a worker opens one browser
           "08_training_on_mnist.ipynb", "test_site.py", "15_many_machines.ipynb",
           "07_which_lenet5.ipynb", "test_base.py", "09_inside_lenet5.ipynb", "test_distributed.py",
           "13_nin.ipynb", "12_vgg.ipynb", "14_googlenet.ipynb", "11_alexnet.ipynb", "test_run.py",
           "10_from_1998_to_today.ipynb", "test_package.py", "test_state.py")

MOST_WORKERS = 8  # each takes a gigabyte, and the longest file would still be running

settings.register_profile("book", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("book")

# A shell that runs this in the background, or nohup, leaves them ignored; the tests send them.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # not on Windows
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is imported stays: to look for what of its million objects is garbage would cost seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000)
        gc.enable()


@pytest.hookimpl(trylast=True)  # what -k and -m leave
def pytest_collection_modifyitems(config, items):
    """The longest first, so that no worker is left alone with one of them at the end.

    Tests in a browser need one, and those of the website node; .ci/run requires both, elsewhere one
    line says what is missing.
    """
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else 99)
    left_out = [item for item in items if not _can_run(item, config.rootpath / "tests")]
    if left_out:
        if os.environ.get("LENET_BOOK_BROWSER") == "required":
            raise pytest.UsageError("; ".join(_missing()))
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_xdist_auto_num_workers():
    """For -n auto: one more than there are cores, since a test of a page or a kernel mostly waits."""
    return min((os.cpu_count() or 1) + 1, MOST_WORKERS)


def _can_run(item, tests):
    in_browser = item.path.parent == tests / "browser" or "browser" in getattr(item, "fixturenames", ())
    return (BROWSER or not in_browser) and (NODE or item.path.parent != tests / "site")


def _missing():
    return [line for there, line in ((BROWSER, WITHOUT_BROWSER), (NODE, WITHOUT_NODE)) if not there]


def pytest_terminal_summary(terminalreporter):
    for line in _missing():
        terminalreporter.write_line(f"{line} ({REQUIRED})")


def pytest_sessionfinish(session):
    """nbval marks the cells after a timeout as expected failures; here nothing is expected to fail."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    hidden = [report.nodeid for kind in ("xfailed", "xpassed", "skipped")
              for report in (reporter.stats.get(kind, []) if reporter else [])]
    if hidden and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"failed: {len(hidden)} tests or cells did not run, {hidden[0]} first")
