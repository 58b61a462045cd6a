"""One training on several processes, on one machine or many: each takes its share of every batch.

torchrun starts the processes and tells each its number (rank) and how many there are (world size);
outside of torchrun there is one process, and everything here does nothing.
"""

import os
import re
import signal
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

_PATIENCE = timedelta(minutes=5)  # whoever does not answer for so long counts as lost


class ProcessLost(RuntimeError):
    """Another process of this training has ended, or does not answer any more."""


@contextmanager
def processes() -> Iterator[None]:
    """Join the processes that torchrun has started; leave them at the end.

    Tensors on the CPU travel by gloo, those on NVIDIA GPUs by nccl. Each process takes the GPU
    of its number on its machine. Meanwhile SIGTERM, by which torchrun ends the others where one is
    lost, counts as Ctrl-C: a training that is told to stop completes its step first.
    Raises ProcessLost where another process ends or does not answer for five minutes, RuntimeError
    where this machine has fewer GPUs than processes, or torchrun has restarted them in a way that
    would make them wait for those that are gone.
    """
    if "RANK" not in os.environ:  # not started by torchrun
        yield
        return
    _refuse_a_restart_with_old_addresses()
    if torch.cuda.is_available():
        number, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if number >= count:
            raise RuntimeError(f"there is no GPU for process {number} of this machine, which has "
                               f"{count}: start with --nproc-per-node={count}")
        torch.cuda.set_device(number)
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    lost = False
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
                                timeout=_PATIENCE)
        yield
    except RuntimeError as error:
        # Gloo's errors have no class of their own, but name the file of its source they come from.
        lost = isinstance(error, dist.DistError) or bool(re.search(r"[/\\]gloo[/\\]", str(error)))
        if lost:
            raise ProcessLost("another process of this training has ended, or cannot be "
                              "reached") from error
        raise
    finally:
        # After a loss torchrun is about to send it, and must not cut short what is said of the loss.
        signal.signal(signal.SIGTERM, signal.SIG_IGN if lost else before)
        if dist.is_initialized() and not lost:  # parting could wait for the one that is gone
            dist.destroy_process_group()


def size() -> int:
    """Number of processes that train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_left_out() -> bool:
    """Has torchrun started several processes, which this one has not joined?"""
    several = "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1
    return several and not dist.is_initialized()


def is_first() -> bool:
    """Is this the process that writes files and talks to the reader?"""
    return not dist.is_initialized() or dist.get_rank() == 0


def wrap(model: nn.Module) -> nn.Module:
    """The model to run in a training step: backward() then averages gradients over the processes.

    All begin with the weights of the first process.
    """
    wrapper = nn.parallel.DistributedDataParallel
    return wrapper(model) if size() > 1 and not isinstance(model, wrapper) else model


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
    raised = torch.tensor(flags, dtype=torch.uint8, device="cpu")
    dist.all_reduce(raised, dist.ReduceOp.MAX)
    return raised.bool().tolist()


def agree(number: int) -> bool:
    """Do all processes have the same number?"""
    if size() == 1:
        return True
    extremes = torch.tensor([number, -number], device="cpu")
    dist.all_reduce(extremes, dist.ReduceOp.MAX)
    return extremes.sum().item() == 0


def see_the_same(path: str | Path) -> bool:
    """Does every process find the same content in this file, or every one no such file?"""
    path = Path(path)
    return size() == 1 or agree(zlib.crc32(path.read_bytes()) if path.exists() else -1)


def _refuse_a_restart_with_old_addresses() -> None:
    """PyTorch (seen in 2.15) keeps one store over restarts: who is first reads where the old ones were.

    Source: pytorch/pytorch issue 135712.
    """
    restarted = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
    if restarted and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        raise RuntimeError("torchrun can restart processes if TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 is "
                           "in its environment: set it, or start the same command again by hand")
