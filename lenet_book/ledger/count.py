"""Run a network once and count what really runs, layer by layer."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.parametrize import is_parametrized
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from ..features import hooked, names_of, zeros
from ..tables import by
from .costs import cost
from .table import Ledger, Row


def ledger(model: nn.Module, input_shape: tuple[int, ...]) -> Ledger:
    """Count a network's layers by running it once on zeros, in evaluation mode.

    input_shape: C x H x W, or whatever one example has; four numbers are taken as N x C x H x W, the
    way torchinfo wants them, and the counts are still for one example. For a model whose first
    convolution or pooling is one of volumes they are C x D x H x W, and N may stand before them.

    It does not matter whether a layer is a module or a function called in `forward`: the operations
    themselves are counted. A function's row is that of the module which called it.
    A layer that runs twice has two rows, the second without its parameters, which are the same. A
    parameter whose layer did not run, or was used by another, has a row of its own, so that the totals
    are always those of the model; what is parametrised, as by a weight norm, stays with its layer.
    The model is left as it was: hooks removed, training modes restored. One on the device "meta"
    takes no memory.
    Raises TypeError for what is no torch.nn.Module, is compiled, is lazy or wants several inputs;
    ValueError for no shape, and with the layer and its input where the model cannot run on it.
    """
    names = names_of(model)
    image = zeros(model, input_shape, axes=(1, 2, 3, 4))
    counter = _Counter(model, names)
    with hooked(model, before=[(module, counter.enter) for module in names],
                after=[(module, counter.leave) for module in names]):
        counter.run(model, image)
    counter.list_what_did_not_run()
    return Ledger(counter.rows)


@dataclass
class _Call:
    """A layer while it runs, and what it has cost so far."""

    module: nn.Module
    given: str  # the shape of its input
    connections: int = 0
    macs: int = 0
    unknown: list[str] = field(default_factory=list)

    def add(self, connections: int = 0, macs: int = 0, unknown: Iterable[str] = ()) -> None:
        self.connections += connections
        self.macs += macs
        self.unknown += unknown


class _Counter(TorchDispatchMode):
    """Lets every operation of a model run, and adds up its cost in the row of the layer it is in."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Without it PyTorch first imports its whole compiler, which takes seconds."""
        return False

    def __init__(self, model: nn.Module, names: dict[nn.Module, str]):
        super().__init__()
        self.names = names
        self.rows: list[Row] = []
        self.running: list[_Call] = []  # what has been entered, outermost first
        self.listed: set[nn.Parameter] = set()  # those that have a row
        self.used: set[Tensor] = set()
        self.weights = WeakTensorKeyDictionary()  # what the model holds, and what is made of it alone
        self.weights.update(dict.fromkeys([*model.parameters(), *model.buffers()], True))

    def run(self, model: nn.Module, image: Tensor) -> None:
        """Once, without gradients. An error becomes one sentence with the layer and its input."""
        try:
            # Attention in its parts, and what inference mode leaves whole: else they are not seen.
            with (torch.inference_mode(False), torch.no_grad(), sdpa_kernel(SDPBackend.MATH),
                  _Batched(), self):
                model(image)
        except Exception as error:
            if not self.running:
                raise
            call = self.running[-1]
            layer = f"{type(call.module).__name__}({call.module.extra_repr()})"
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(f"layer {self.names[call.module]!r}, {layer}, cannot run on {call.given}: "
                             f"{reason}") from error

    def enter(self, module: nn.Module, inputs: tuple) -> None:
        shapes = [by(value.shape) for value in tree_leaves(inputs) if isinstance(value, Tensor)]
        self.running.append(_Call(module, " and ".join(dict.fromkeys(shapes)) or "its input"))

    def leave(self, module: nn.Module, inputs: tuple, output) -> None:
        call = self.running.pop()
        while call.module is not module:  # that one has failed, and the model went on without it
            failed, call = call, self.running.pop()
            call.add(failed.connections, failed.macs, failed.unknown)
        if "parametrizations" in self.names[module].split("."):
            return  # it works on weights alone, which are those of the layer that it is in
        tensors = [value for value in tree_leaves(output) if isinstance(value, Tensor)]
        shape = tuple(tensors[0].shape[1:]) if tensors else ()
        connections, macs = call.connections, call.macs
        if hasattr(module, "connections_and_macs"):  # the book's own layers say it themselves
            connections, macs = module.connections_and_macs(tensors[0][0].numel())
        if connections or macs or call.unknown or _held_by(module):
            if call.unknown:
                connections = macs = None
            self.rows.append(Row(self.names[module], type(module).__name__, shape,
                                 *self._new_parameters(module), connections, macs,
                                 tuple(dict.fromkeys(call.unknown))))

    def list_what_did_not_run(self) -> None:
        """A row for each layer with parameters that have none yet."""
        for module, name in self.names.items():
            was_used = any(parameter in self.used for parameter in _held_by(module))
            trainable, fixed = self._new_parameters(module)
            if trainable or fixed:
                shape = () if was_used else None  # by another layer, which has the connections
                self.rows.append(Row(name, type(module).__name__, shape, trainable, fixed, 0, 0))

    def _new_parameters(self, module: nn.Module) -> tuple[int, int]:
        """Trainable and fixed ones of this module that no row has yet."""
        fresh = set(_held_by(module)) - self.listed
        self.listed.update(fresh)
        return (sum(p.numel() for p in fresh if p.requires_grad),
                sum(p.numel() for p in fresh if not p.requires_grad))

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        tensors = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        self.used.update(value for value in tensors if isinstance(value, nn.Parameter))
        if self.running:
            call = self.running[-1]
            if costs := cost(function, args, kwargs, result, self.weights.__contains__):
                call.add(*costs)
            else:
                call.add(unknown=[function.overloadpacket.__name__])
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                if tensors and all(tensor in self.weights for tensor in tensors):
                    self.weights[value] = True
                else:
                    self.weights.pop(value, None)
        return result


def _held_by(module: nn.Module) -> list[nn.Parameter]:
    """Its own parameters, and those of its parametrisations, but not those of modules inside it."""
    parametrised = module.parametrizations.parameters() if is_parametrized(module) else ()
    return [*module.parameters(recurse=False), *parametrised]


class _Batched(TorchFunctionMode):
    """Refuses what PyTorch would do without a word, and not as it was meant."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        x = next((value for value in args if isinstance(value, Tensor)), None)
        window = re.search(r"(?:conv|conv_transpose|pool)([123])d", name)
        if window and x is not None and x.dim() != int(window[1]) + 2:
            wanted = "N x C x " + ("L", "H x W", "D x H x W")[int(window[1]) - 1]
            raise ValueError(f"{name} takes {wanted}, of which input_shape is all but the N")
        if name == "multi_head_attention_forward" and x.shape[0] == 1 < x.shape[1]:
            raise ValueError(f"it takes positions x N x features, so that {by(x.shape)} would be one "
                             f"position of {x.shape[1]} examples; give it batch_first=True")
        if name.startswith("embedding") and x is not None and x.is_floating_point():
            raise ValueError(f"{name} looks up whole numbers, and the model is run on zeros of "
                             f"{x.dtype}; count the part that comes after it")
        return function(*args, **(kwargs or {}))
