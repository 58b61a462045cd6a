"""What a network is, in words that a checkpoint keeps, and how two such descriptions differ."""

import re

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..tables import by

_SHOWN = 4  # differences in a message


def describe(network: nn.Module) -> dict[str, str]:
    """{module or weight: what it is}: classes, their settings and functions, dtypes and shapes.

    Two networks that compute something else have the same description only if the difference is in the
    code of a class of the same name, or in a plain value that a module keeps without showing it.
    """
    found = {}
    for name, module in network.named_modules(prefix="net"):
        kind = type(module)
        functions = {key: value.__qualname__ for key, value in vars(module).items()
                     if hasattr(value, "__qualname__")}  # as in self.activation = torch.tanh
        settings = [module.extra_repr(), *(f"{key}={value}" for key, value in functions.items())]
        text = " ".join([f"{kind.__module__}.{kind.__qualname__}", *filter(None, settings)])
        found[name] = re.sub(r" at 0x[0-9a-f]+", "", text)  # a place in memory says nothing
    for name, value in network.state_dict(keep_vars=True).items():
        if isinstance(value, Tensor) and not is_lazy(value):
            found[f"net.{name}"] = f"{value.dtype} {by(value.shape)}"
    return found


def differences(old: dict, new: dict) -> str:
    """The entries that are not the same, each as name: old -> new."""
    changed = [f"{name}: {old.get(name, 'none')} -> {new.get(name, 'none')}"
               for name in {**old, **new} if old.get(name, "none") != new.get(name, "none")]
    return "; ".join([*changed[:_SHOWN],
                      *([f"and {len(changed) - _SHOWN} more"] if len(changed) > _SHOWN else [])])
