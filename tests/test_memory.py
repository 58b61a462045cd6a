"""Memory for kernels: what is given back, and how much there is."""

import ctypes
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from lenet_book import doctor
from lenet_book.memory import Memory, memory

GIB = 2**30
GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told to give memory back")
def test_a_cell_gives_back_what_it_freed():
    """200 MiB in blocks of 64 KiB, freed but for the last, which keeps the heap from shrinking."""
    code = """
import sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell

def held():
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024

shell = InteractiveShell.instance()
shell.run_cell(sys.argv[1])
before = held()
shell.run_cell("blocks = [bytearray(2**16) for _ in range(3200)]; del blocks[:-1]")
print(held() - before)
"""
    without, with_book = (
        float(subprocess.run([sys.executable, "-c", code, cell], capture_output=True, text=True,
                             check=True).stdout) for cell in ("pass", "import lenet_book"))
    assert without > 150
    assert with_book < 50


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told to keep memory")
def test_within_a_cell_freed_memory_is_kept_for_what_comes_next():
    """Six blocks of 8 MiB at a time, ten times: 12,288 pages in all if they are kept."""
    code = """
import resource, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_cell(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
shell.run_cell("for _ in range(10): [b'x' * 2**23 for _ in range(6)]")
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    without, with_book = (
        int(subprocess.run([sys.executable, "-c", code, cell], capture_output=True, text=True,
                           check=True).stdout) for cell in ("pass", "import lenet_book"))
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


def test_out_lets_go_of_pictures_and_keeps_the_rest():
    code = """
import gc
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in ("import lenet_book", "40 + 2", "class P:\\n def savefig(self): pass") + 9 * ("P()",):
    shell.run_cell(cell, store_history=True)
shell.run_cell("named = P(); named", store_history=True)
alive = [each for each in gc.get_objects() if type(each).__name__ == "P"]
print(list(shell.user_ns["Out"].values()), len(alive), "named" in shell.user_ns)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # IPython's _, __ and ___ are the last three results; the last one has a name besides.
    assert done.stdout.splitlines()[-1] == "[42] 3 True"


def test_old_pictures_whose_parts_point_at_each_other_go_once_they_are_many():
    code = """
import gc
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
whole = "class P:\\n savefig = 0\\n def __init__(self): self.parts = [[self] for _ in range(60_000)]"
for cell in ("import lenet_book", whole) + 8 * ("P()",):
    shell.run_cell(cell, store_history=True)
print(sum(type(each).__name__ == "P" for each in gc.get_objects()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) <= 4  # the last three results, and one more


def test_what_the_first_cell_made_is_not_looked_through_again_and_the_rest_is():
    code = """
import gc
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in ("import lenet_book", "kept = [[] for _ in range(10**5)]", "pass"):
    shell.run_cell(cell)
    print(gc.get_freeze_count())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, *others = map(int, done.stdout.splitlines())
    assert first > 10_000 and max(others) <= first
