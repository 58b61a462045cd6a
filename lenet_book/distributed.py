"""One training on several processes, on one machine or many: each takes its share of every batch.

torchrun starts the processes and tells each its number (rank) and how many there are (world size);
outside of torchrun there is one process, and everything here does nothing.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn


@contextmanager
def processes() -> Iterator[None]:
    """Join the processes that torchrun has started; leave them at the end.

    Tensors on the processor travel by gloo, those on NVIDIA GPUs by nccl. Each process takes the GPU
    of its number on its machine.
    """
    if "RANK" not in os.environ:  # not started by torchrun
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def size() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Is this the process that writes files and talks to the reader?"""
    return not dist.is_initialized() or dist.get_rank() == 0


def wrap(model: nn.Module) -> nn.Module:
    """The model to run in a training step: backward() then averages gradients over the processes."""
    return nn.parallel.DistributedDataParallel(model) if size() > 1 else model


def share(batch: Tensor) -> tuple[Tensor, float]:
    """This process's part of a batch, and the weight that its mean loss has to get.

    Averaged over the processes, the weighted losses are the mean over the whole batch, also where it
    cannot be shared out evenly. A process for which nothing is left takes the first example with
    weight 0, since all have to come to the same meeting.
    """
    if size() == 1:
        return batch, 1.0
    mine = batch[dist.get_rank()::size()]
    return (mine, len(mine) * size() / len(batch)) if len(mine) else (batch[:1], 0.0)


def total(*values: Tensor) -> list[Tensor]:
    """The sum of each value over all processes, as new tensors."""
    sums = [value.clone() for value in values]
    if size() > 1:
        for value in sums:
            dist.all_reduce(value)
    return sums


def any_of(*flags: bool) -> list[bool]:
    """For each flag: is it raised in any process? All ask at the same place and get the same answer."""
    if size() == 1:
        return list(flags)
    raised = torch.tensor(flags, dtype=torch.uint8)
    dist.all_reduce(raised, dist.ReduceOp.MAX)
    return raised.bool().tolist()


def agree(number: int) -> bool:
    """Do all processes have the same number?"""
    if size() == 1:
        return True
    extremes = torch.tensor([number, -number])
    dist.all_reduce(extremes, dist.ReduceOp.MAX)
    return extremes.sum().item() == 0
