"""Settings that make a training fast and leave its result alone, but for rounding.

Each was tried alone, on and off in turn, on two cores, and brings more than a tenth of an epoch's time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from .fused import fuse


@contextmanager
def settings(model: nn.Module, batch_size: int) -> Iterator[nn.Module]:
    """For the time of a training; yields the model in the form that is to be run in a step.

    Batches run in the form of `fused`. A single example is so little work that oneDNN's preparation of
    each call takes longer than the computation (1.5 times an epoch by the recipe paper-1998), and so
    does waking a second thread (1.15 times). Afterwards all is as it was.
    """
    if batch_size > 1:
        yield fuse(model)
        return
    onednn, threads = torch.backends.mkldnn.enabled, torch.get_num_threads()
    torch.backends.mkldnn.enabled = False
    torch.set_num_threads(1)
    try:
        yield model
    finally:
        torch.backends.mkldnn.enabled = onednn
        torch.set_num_threads(threads)
