"""Settings that make a training fast and leave its result alone, but for rounding.

Each was tried alone, on and off in turn, on two cores, and brings more than a tenth of the time of a
step or of an evaluation.
"""

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from .fused import fuse


def faster(model: nn.Module, batch_size: int) -> nn.Module:
    """The model in the form that is to be run in a step: for batches that of `fused`."""
    return fuse(model) if batch_size > 1 else model


@contextmanager
def settings(batch_size: int) -> Iterator[None]:
    """For the time of a training; afterwards all is as it was, but for the C library's memory.

    A single example is so little work that oneDNN's preparation of each call takes longer than the
    computation (1.5 times an epoch by the recipe paper-1998), and waking a second thread does not pay
    either (1.1 to 1.2 times).
    """
    _keep_freed_memory()
    onednn, threads = torch.backends.mkldnn.enabled, torch.get_num_threads()
    if batch_size == 1:
        torch.backends.mkldnn.enabled = False
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = onednn
        torch.set_num_threads(threads)


@functools.cache
def _keep_freed_memory() -> None:
    """Have the C library keep freed memory for the next batch, where it can be told to (glibc).

    By itself it gives large blocks back to the system and gets them anew, empty, page by page. That
    made evaluations take 1.4 times as long, and epochs by the recipe `fast` up to 1.1 times.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    mallopt(-3, 32 << 20)   # M_MMAP_THRESHOLD, bytes: smaller blocks come from the heap ...
    mallopt(-1, 256 << 20)  # M_TRIM_THRESHOLD, bytes: ... whose free end may be as long as this
