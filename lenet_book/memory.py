"""Memory for kernels: keeping and giving back what is free, and how much there is for how many of them.

A kernel stays for as long as its page is open, and on a machine that many readers share there are many.
"""

import ctypes
import functools
import gc
import sys
from pathlib import Path
from typing import NamedTuple


def give_back() -> None:
    """Return memory that has been freed to the system, where the C library can be told to (glibc).

    By itself it keeps what lies between two blocks that are in use, and what it was told to keep
    (`keep_freed`): after most chapters 100 to 400 MB.
    """
    if trim := _of_the_c_library("malloc_trim"):
        trim(0)


@functools.cache
def keep_freed() -> None:
    """Have the C library keep freed memory for what is computed next, where it can be told to (glibc).

    By itself it gives large blocks back to the system and gets them anew, empty, page by page. That
    made evaluations take 1.4 times as long, and epochs by the recipe `fast` up to 1.1 times.
    """
    if mallopt := _of_the_c_library("mallopt"):
        mallopt(-3, 32 << 20)   # M_MMAP_THRESHOLD, bytes: smaller blocks come from the heap ...
        mallopt(-1, 256 << 20)  # M_TRIM_THRESHOLD, bytes: ... whose free end may be as long as this


def collect_seldom() -> None:
    """Have Python look for garbage after 50,000 new objects, not after 700.

    torch makes 190,000 that stay when it is imported. To look through them again and again takes 0.2 of
    the 2.7 s of a command that trains on 640 digits.
    """
    gc.set_threshold(50_000)


def give_back_after_each_cell() -> None:
    """In a notebook let go of old pictures and call `give_back` whenever a cell has run, not before.

    IPython's `Out` keeps each result that a cell has shown for as long as the kernel lives. A picture
    of many parts is 5 to 50 MB of objects in it, of which the page needs only what it shows already.
    """
    shell = ipython()
    if shell is None:
        return
    keep_freed()
    collect_seldom()
    gc.freeze()  # torch, mostly: looked through while the book is imported, it would take 0.1 s

    def tidy(result) -> None:
        shown = shell.history_manager.output_hist  # `Out`, which a reader may have deleted
        pictures = [number for number, each in shown.items() if hasattr(each, "savefig")]
        for number in pictures:
            del shown[number]
            shell.del_var(f"_{number}", by_name=True)
        # Their parts point at each other. To look for them takes 0.2 s, and so waits until there are as
        # many new objects as `collect_seldom` says.
        if pictures and gc.get_count()[1]:
            gc.collect()
        give_back()

    def freeze(result) -> None:
        """After the first cell, which imports: what it made is there to stay.

        To look through it would take 0.2 s after each picture.
        """
        gc.freeze()
        shell.events.unregister("post_run_cell", freeze)

    shell.events.register("post_run_cell", tidy)
    shell.events.register("post_run_cell", freeze)


def ipython():
    """The IPython that runs this, a notebook's or another's, or None; it is not imported to know."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _of_the_c_library(function: str):
    try:
        return getattr(ctypes.CDLL(None), function)
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return None


class Memory(NamedTuple):
    """In bytes. free: what programs may still take, that of files kept for later use included."""

    total: int
    free: int


def memory(root: Path = Path("/")) -> Memory:
    """What this machine has and, on Linux, what the control groups of this process leave of it.

    root: of the files in which Linux says so; another one for a test.
    """
    import psutil  # only those who ask pay for it

    machine = psutil.virtual_memory()
    limits = [Memory(machine.total, machine.available), *_control_groups(root)]
    return Memory(*map(min, zip(*limits, strict=True)))


def _control_groups(root: Path) -> list[Memory]:
    """Of each group that this process is in, and of those around them; without a limit it is huge.

    Sources: Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:  # not Linux
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            folder, names = "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            folder, names = "sys/fs/cgroup/memory", ("memory.limit_in_bytes", "memory.usage_in_bytes",
                                                     "total_inactive_file")
        else:
            continue
        # In a container the path may be the one outside of it, and its own group the topmost here.
        inner = Path(path.lstrip("/"))
        groups = [root / folder / part for part in (inner, *inner.parents)]
        found += filter(None, (_limit(group, *names) for group in dict.fromkeys(groups)))
    return found


def _limit(group: Path, limit: str, usage: str, files: str) -> Memory | None:
    """What a group may have; None where it says nothing, or sets no limit.

    files: the entry of its statistics with what it keeps of files and gives back when it is needed.
    """
    try:
        most, used = (int((group / name).read_text("utf-8")) for name in (limit, usage))
        entries = dict(line.split() for line in (group / "memory.stat").read_text("utf-8").splitlines())
    except (OSError, ValueError):  # no such group, or the limit is "max"
        return None
    return Memory(most, max(most - used + int(entries.get(files, 0)), 0))
