"""Settings that make a training fast and leave its result alone, but for rounding.

Each was tried alone, on and off in turn, on two cores, and brings more than a tenth of an epoch's time.
"""

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
    """For the time of a training; afterwards all is as it was.

    A single example is so little work that oneDNN's preparation of each call takes longer than the
    computation (1.5 times an epoch by the recipe paper-1998), and waking a second thread does not pay
    either (1.1 to 1.2 times).
    """
    onednn, threads = torch.backends.mkldnn.enabled, torch.get_num_threads()
    if batch_size == 1:
        torch.backends.mkldnn.enabled = False
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = onednn
        torch.set_num_threads(threads)
