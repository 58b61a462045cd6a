"""Run a network and count what really runs, layer by layer."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
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
from .table import Block, Ledger, Row


def ledger(model: nn.Module, input_shape: tuple[int, ...]) -> Ledger:
    """Count a network's layers by running it on zeros, in evaluation mode.

    input_shape: C x H x W, or whatever one example has; four numbers are taken as N x C x H x W, the
    way torchinfo wants them, and the counts are still for one example. For a model whose first
    convolution or pooling is one of volumes they are C x D x H x W, and N may stand before them.

    It does not matter whether a layer is a module or a function called in `forward`: the operations
    themselves are counted. A function's row is that of the module which called it.
    A layer that runs twice has two rows, the second without its parameters, which are the same. A
    parameter whose layer did not run, or was used by another, has a row of its own; what is
    parametrised, as by a weight norm, stays with its layer.
    Where parameters are left that no layer used, as those of auxiliary heads, the network runs once
    more, the modules that hold others now in training mode. What runs only then is listed apart,
    under `in_training_only`, and is in none of the totals: with the parameters there, the total is
    that of the model. Layers themselves, such as BatchNorm and
    dropout, are counted as in evaluation mode throughout.

    The model is left as it was: hooks removed, training modes restored, buffers and torch's random
    numbers untouched; only what its own forward writes into its weights stays there, since a copy of
    them would take as much memory as they do. One on the device "meta" takes no memory.
    Raises TypeError for what is no torch.nn.Module, is compiled, is lazy or wants several inputs;
    ValueError for no shape, and with the layer and its input where the model cannot run on it.
    """
    evaluation = _Counter(model)
    image = zeros(model, input_shape, axes=(1, 2, 3, 4))
    evaluation.run(image)
    training = evaluation.run_in_training(image)
    evaluation.list_what_did_not_run()
    return Ledger(evaluation.rows, training)


@dataclass
class _Call:
    """A layer while it runs, and what it has cost so far."""

    module: nn.Module
    given: str  # the shape of its input
    block: Block | None  # where it holds other layers
    # How often each ran: its name, connections, multiply-adds and activations, None if not known.
    operations: Counter[tuple] = field(default_factory=Counter)


class _Counter(TorchDispatchMode):
    """Lets every operation of a model run, and adds up its cost in the row of the layer it is in."""

    def __init__(self, model: nn.Module, before: "_Counter | None" = None):
        """before: that of the run in evaluation mode, for one in training mode."""
        super().__init__()
        self.model, self.names, self.before = model, names_of(model), before
        self.rows: list[Row] = []
        self.running: list[_Call] = []  # what has been entered, outermost first
        self.done: dict[nn.Module, list[_Call]] = defaultdict(list)
        # Parameters that have a row, or belong in one of the evaluation run.
        self.listed: set[nn.Parameter] = before.listed | before.used if before else set()
        self.used: set[nn.Parameter] = set()
        self.weights = WeakTensorKeyDictionary()  # what the model holds, and what is made of it alone
        self.weights.update(dict.fromkeys([*model.parameters(), *model.buffers()], True))

    def run(self, image: Tensor) -> None:
        """Once, without gradients. An error becomes one sentence with the layer and its input."""
        try:
            # Attention in its parts, and what inference mode leaves whole: else they are not seen.
            with (hooked(self.model, before=[(module, self.enter) for module in self.names],
                         after=[(module, self.leave) for module in self.names]),
                  torch.inference_mode(False), torch.no_grad(), _kept(self.model),
                  sdpa_kernel(SDPBackend.MATH), _Batched(), self):
                for module in self.names if self.before else ():
                    module.training = any(module.children())
                self.model(image)
        except Exception as error:
            if not self.running:
                raise
            call = self.running[-1]
            layer = f"{type(call.module).__name__}({call.module.extra_repr()})"
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(f"layer {self.names[call.module]!r}, {layer}, cannot run on {call.given}: "
                             f"{reason}") from error

    def run_in_training(self, image: Tensor) -> list[Row]:
        """What a run in training mode has more than this one: heads, or the reason why it cannot be."""
        if set(self.model.parameters()) <= self.listed | self.used:
            return []  # there is nothing that could run
        training = _Counter(self.model, before=self)
        try:
            training.run(image)
        except Exception as error:
            root, name = next(iter(self.names.items()))
            return [Row(name, type(root).__name__, None, 0, 0, None, None, None,
                        (str(error) or type(error).__name__,))]
        self.listed |= training.listed - self.used
        return training.rows

    def enter(self, module: nn.Module, inputs: tuple) -> None:
        shapes = [by(value.shape) for value in tree_leaves(inputs) if isinstance(value, Tensor)]
        given = " and ".join(dict.fromkeys(shapes)) or "its input"
        block = Block(self.names[module], type(module).__name__) if any(module.children()) else None
        self.running.append(_Call(module, given, block))

    def leave(self, module: nn.Module, inputs: tuple, output) -> None:
        call = self.running.pop()
        while call.module is not module:  # that one has failed, and the model went on without it
            failed, call = call, self.running.pop()
            call.operations += failed.operations
        if "parametrizations" in self.names[module].split("."):
            return  # it works on weights alone, which are those of the layer that it is in
        tensors = [value for value in tree_leaves(output) if isinstance(value, Tensor)]
        shape = tuple(tensors[0].shape[1:]) if tensors else ()
        if call.block:
            call.block.output_shape = shape
        self.done[module].append(call)
        operations = call.operations
        if self.before:  # then only what it does not do in evaluation counts
            for earlier in self.before.done[module][len(self.done[module]) - 1:][:1]:
                operations = operations - earlier.operations
        parameters = self._new_parameters(module)
        unknown = [name for name, *costs in operations if None in costs]
        connections, macs, activations = (
            None if unknown else sum(times * costs[i] for (_, *costs), times in operations.items())
            for i in range(3))
        if operations and hasattr(module, "connections_and_macs"):  # the book's own layers say it
            activations = tensors[0][0].numel()
            connections, macs = module.connections_and_macs(activations)
        elif activations and isinstance(module, nn.RNNBase):  # one operation or many, by the device
            activations = tensors[0][0].numel()
        has_row = any(parameters) if self.before else bool(_held_by(module))
        if operations or has_row:
            blocks = [outer.block for outer in (*self.running, call) if outer.block]
            self.rows.append(Row(self.names[module], type(module).__name__, shape, *parameters,
                                 connections, macs, activations, tuple(unknown), tuple(blocks)))

    def list_what_did_not_run(self) -> None:
        """A row for each layer with parameters that have none yet."""
        for module, name in self.names.items():
            was_used = any(parameter in self.used for parameter in _held_by(module))
            trainable, fixed = self._new_parameters(module)
            if trainable or fixed:
                shape = () if was_used else None  # by another layer, which has the connections
                self.rows.append(Row(name, type(module).__name__, shape, trainable, fixed, 0, 0, 0))

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
        results = [value for value in tree_leaves(result) if isinstance(value, Tensor)]
        if self.running:
            call = self.running[-1]
            name = function.overloadpacket.__name__
            costs = cost(function, args, kwargs, result, self.weights.__contains__)
            if costs is None:
                call.operations[name, None, None, None] += 1
            elif any(costs):
                in_place = any(results[0] is tensor for tensor in tensors)
                call.operations[name, *costs, 0 if in_place else results[0].numel()] += 1
        for value in results:
            if tensors and all(tensor in self.weights for tensor in tensors):
                self.weights[value] = True
            else:
                self.weights.pop(value, None)
        return result


def _held_by(module: nn.Module) -> list[nn.Parameter]:
    """Its own parameters, and those of its parametrisations, but not those of modules inside it."""
    parametrised = module.parametrizations.parameters() if is_parametrized(module) else ()
    return [*module.parameters(recurse=False), *parametrised]


@contextmanager
def _kept(model: nn.Module) -> Iterator[None]:
    """Buffers and random numbers are afterwards what they were, whatever the modules did."""
    named = [(module, dict(module._buffers)) for module in model.modules()]
    values = [(buffer, buffer._version, buffer.clone()) for buffer in model.buffers()
              if not buffer.is_inference()]  # into which nothing can be written
    try:
        with torch.random.fork_rng({held.device for held in model.parameters() if held.is_cuda}):
            yield
    finally:
        for module, buffers in named:
            module._buffers.clear()
            module._buffers.update(buffers)
        for buffer, version, value in values:
            if buffer._version != version:
                buffer.copy_(value)


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
