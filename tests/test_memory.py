"""Memory for kernels: what is given back, and how much there is."""

import ctypes
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from lenet_book.memory import memory

GIB = 2**30
GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")
IPYTHON = """
import gc, json, resource, sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell

shell, found = InteractiveShell.instance(), []
for cell in sys.argv[2:]:
    shell.run_cell(cell, store_history=True)
    found.append(eval(sys.argv[1]))
print(json.dumps(found))
"""


def after_each(expression, *cells):
    """What the expression comes to after each of these cells, in an IPython of their own."""
    done = subprocess.run([sys.executable, "-c", IPYTHON, expression, *cells], capture_output=True,
                          text=True, check=True)
    assert "Error" not in done.stdout + done.stderr, done
    return json.loads(done.stdout.splitlines()[-1])


def grows(expression, cell):
    """By how much the expression grows by this cell, without the book and with it."""
    return (last - first for first, last in (after_each(expression, begin, cell)
                                             for begin in ("pass", "import lenet_book")))


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told to give memory back")
def test_a_cell_gives_back_what_it_freed():
    """200 MiB in blocks of 64 KiB, freed but for the last, which keeps the heap from shrinking."""
    without, with_book = grows(
        "int(Path('/proc/self/status').read_text().split('RssAnon:')[1].split()[0]) / 1024",
        "blocks = [bytearray(2**16) for _ in range(3200)]; del blocks[:-1]")
    assert without > 150
    assert with_book < 50


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told to keep memory")
def test_within_a_cell_freed_memory_is_kept_for_what_comes_next():
    """Six blocks of 8 MiB at a time, ten times: 12,288 pages in all if they are kept."""
    without, with_book = grows("resource.getrusage(resource.RUSAGE_SELF).ru_minflt",
                               "for _ in range(10): [b'x' * 2**23 for _ in range(6)]")
    assert without > 60_000
    assert with_book < 20_000


def test_outside_of_a_notebook_nothing_is_registered_and_nothing_imported():
    code = ("import sys; import lenet_book, lenet_book.memory as m; m.give_back();"
            "print([name for name in ('IPython', 'torch', 'psutil') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine of 16 GiB, 12 of them free, whose control groups are files in a folder."""
    monkeypatch.setattr(psutil, "virtual_memory",
                        lambda: SimpleNamespace(total=16 * GIB, available=12 * GIB))
    return tmp_path


def write(root: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def version_2(group: str, limit, used: int, files: int = 0) -> dict[str, str]:
    folder = f"sys/fs/cgroup/{group}".rstrip("/")
    return {f"{folder}/memory.max": limit, f"{folder}/memory.current": used,
            f"{folder}/memory.stat": f"anon {used - files}\ninactive_file {files}"}


def version_1(group: str, limit: int, used: int, files: int = 0) -> dict[str, str]:
    folder = f"sys/fs/cgroup/memory/{group}".rstrip("/")
    return {f"{folder}/memory.limit_in_bytes": limit, f"{folder}/memory.usage_in_bytes": used,
            f"{folder}/memory.stat": f"inactive_file 1\ntotal_inactive_file {files}"}


IN_2, IN_1 = {"proc/self/cgroup": "0::/a/b"}, {"proc/self/cgroup": "5:cpu:/\n4:memory:/a/b\n0::/"}
UNLIMITED = 2**63 - 4096  # what version 1 says where nobody has set a limit


@pytest.mark.parametrize(("files", "expected"), [
    ({}, (16, 12)),  # not Linux
    (IN_2, (16, 12)),  # no controller of memory
    (IN_2 | version_2("a/b", 4 * GIB, 1 * GIB), (4, 3)),
    (IN_2 | version_2("a/b", 4 * GIB, 3 * GIB, files=2 * GIB), (4, 3)),
    (IN_2 | version_2("a/b", "max", 1 * GIB), (16, 12)),
    (IN_2 | version_2("a/b", "max", 1 * GIB) | version_2("a", 8 * GIB, 7 * GIB), (8, 1)),  # a parent's
    (IN_2 | version_2("", 2 * GIB, 1 * GIB), (2, 1)),  # in a container its own group is the topmost
    (IN_2 | version_2("a/b", 64 * GIB, 1 * GIB), (16, 12)),  # more than the machine has
    (IN_2 | version_2("a/b", 4 * GIB, 5 * GIB), (4, 0)),
    ({"proc/self/cgroup": "0::/"} | version_2("", GIB // 2, GIB // 4), (0.5, 0.25)),
    (IN_1 | version_1("a/b", 4 * GIB, 3 * GIB, files=2 * GIB), (4, 3)),
    (IN_1 | version_1("a/b", UNLIMITED, 3 * GIB), (16, 12)),
    (IN_1 | version_1("", GIB // 2, GIB // 4), (0.5, 0.25)),
])
def test_the_lowest_limit_counts(machine, files, expected):
    write(machine, {name: str(text) for name, text in files.items()})
    assert memory(machine) == tuple(size * GIB for size in expected)


def test_of_this_machine():
    found, of_system = memory(), psutil.virtual_memory()
    assert 0 <= found.free <= found.total <= of_system.total


ALIVE = "sum(type(each).__name__ == 'P' for each in gc.get_objects())"


def test_out_lets_go_of_pictures_and_keeps_the_rest():
    *_, (out, alive, named) = after_each(
        f"[*map(str, shell.history_manager.output_hist.values())], {ALIVE}, 'named' in shell.user_ns",
        "import lenet_book", "40 + 2", "class P:\n def savefig(self): pass", *9 * ("P()",),
        "named = P(); named")
    # IPython's _, __ and ___ are the last three results; the last one has a name besides.
    assert (out, alive, named) == (["42"], 3, True)


def test_old_pictures_whose_parts_point_at_each_other_go_once_they_are_many():
    *_, alive = after_each(
        ALIVE, "import lenet_book", "class P:\n savefig = 0\n"
        " def __init__(self): self.parts = [[self] for _ in range(60_000)]", *8 * ("P()",))
    assert alive <= 4  # the last three results, and one more


def test_a_reader_may_delete_out():
    assert after_each("0", "import lenet_book", "del Out", "1 + 1") == [0, 0, 0]


def test_what_the_first_cell_made_is_not_looked_through_again_and_the_rest_is():
    first, *others = after_each("gc.get_freeze_count()", "import lenet_book",
                                "kept = [[] for _ in range(10**5)]", "pass")
    assert first > 10_000 and max(others) <= first
