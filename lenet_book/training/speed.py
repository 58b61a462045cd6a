"""Settings that make a training fast and leave its result alone, but for rounding."""

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from .fused import fuse as fuse


@contextmanager
def settings(model: nn.Module, batch_size: int) -> Iterator[None]:
    """For the time of a training. Afterwards all is as it was, but for the C library's memory."""
    _keep_freed_memory()
    onednn = torch.backends.mkldnn.enabled
    # oneDNN prepares each call, which for a single example takes longer than computing it.
    torch.backends.mkldnn.enabled = onednn and batch_size > 1
    # Kernels and maps with the channels last in memory: pooling and convolutions are faster.
    is_mps = any(p.device.type == "mps" for p in model.parameters())
    if not is_mps and all(map(_is_known, model.modules())):
        model.to(memory_format=torch.channels_last)
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = onednn
        model.to(memory_format=torch.contiguous_format)


@functools.cache
def _keep_freed_memory() -> None:
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


def _is_known(module: nn.Module) -> bool:
    """Is it PyTorch's or the book's? A reader's own may call view(), which needs the usual order."""
    return type(module).__module__.startswith(("torch.nn.", "lenet_book."))
