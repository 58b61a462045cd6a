"""What a tensor may be that is given to a function: its axes, dtype and layout, and its device."""

import torch
from torch import Tensor

from .arguments import shown
from .tables import by

FLOATING = {torch.float16, torch.bfloat16, torch.float32, torch.float64}


def check_tensor(name: str, value: Tensor, *layouts: str,
                 dtypes: set[torch.dtype] = FLOATING) -> None:
    """Refuse what is no tensor of these types, laid out as one of these, "H x W", or anyhow if none.

    Raises ValueError, with the value and a way to make it one where there is one.
    """
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} must be a tensor{', ' * bool(layouts)}{' or '.join(layouts)}, "
                         f"not {shown(value)}")
    if layouts and value.dim() not in [layout.count(" x ") + 1 for layout in layouts]:
        raise ValueError(f"{name} must be {' or '.join(layouts)}, "
                         f"not of shape {by(value.shape) or '() (a single number)'}")
    if value.layout != torch.strided:
        raise ValueError(f"{name} must hold all its numbers, not be {value.layout}; use "
                         f"{name}.to_dense()")
    if value.dtype not in dtypes:
        real = "abs" if value.is_complex() else "float"
        raise ValueError(f"{name} cannot be {value.dtype} here; use {name}.{real}()")


def device(name: str, value) -> torch.device:
    """A rule as in `arguments`: the device of that name, such as "cuda", where there is one."""
    if not isinstance(value, str | torch.device):
        raise TypeError(f'{name} must be the name of a device, such as "cpu", not {shown(value)}')
    try:
        found = torch.device(value)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:  # the second: PyTorch built without CUDA
        reason = str(error).partition("\n")[0]
        raise ValueError(f'{name} must be one that PyTorch has here, such as "cpu", not '
                         f"{str(value)!r}: {reason}") from error
    return found
