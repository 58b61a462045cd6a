"""Settings that make a training fast and change nothing else."""

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def plain_kernels(where: bool) -> Iterator[None]:
    """Without oneDNN, whose preparations of each call take longer than computing a single example."""
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = before and not where
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before


@functools.cache
def keep_freed_memory() -> None:
    """Have the C library keep freed memory for the next step, where it can be told to (glibc).

    By itself it gives large blocks back to the system and gets them anew, empty, page by page: that
    took a third of the time of a step.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    mallopt(-3, 32 << 20)   # M_MMAP_THRESHOLD, bytes: smaller blocks come from the heap ...
    mallopt(-1, 256 << 20)  # M_TRIM_THRESHOLD, bytes: ... whose free end may be as long as this


def is_known(module: nn.Module) -> bool:
    """Is it PyTorch's or the book's? A reader's own may call view(), which needs the usual order."""
    return type(module).__module__.startswith(("torch.nn.", f"{__package__.split('.')[0]}."))
