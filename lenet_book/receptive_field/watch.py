"""Run a model once and see each operation that it carries out, and which layer carries it out."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..arithmetic import conv_output_size
from ..features import hooked, names_of


class Watcher(TorchDispatchMode):
    """What `trace` and `measure` have in common. Each says in `__torch_dispatch__` what it notes.

    It stands where PyTorch's own counter of floating-point operations stands: below modules and
    functions alike, which have been broken down into a small set of operations.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.names = model, names_of(model)
        self.running: list[nn.Module] = []  # the modules that have been entered, outermost first

    def run(self, image: Tensor) -> None:
        """The model on this image; weights, buffers, modes and random numbers stay as they were.

        Raises ValueError, with the layer's name, where a layer of PyTorch does not take its input.
        What the model raises by itself goes through.
        """
        with _left_as_it_was(self.model) as self.keep, torch.no_grad(), hooked(
                self.model, before=[(module, self.enter) for module in self.names],
                after=[(module, self.leave) for module in self.names]), self:
            try:
                self.model(image)
            except (RuntimeError, IndexError) as error:
                ours = isinstance(error, NotImplementedError) or not self.running
                if ours or not type(self.running[-1]).__module__.startswith("torch.nn."):
                    raise
                raise ValueError(f"{self.where()}: {first_line(error)}") from error

    def enter(self, module: nn.Module, inputs: tuple) -> None:
        self.running.append(module)

    def leave(self, module: nn.Module, inputs: tuple, output) -> None:
        while self.running.pop() is not module:  # some end by an exception that the model catches
            pass

    def call(self, function, args: tuple, kwargs: dict, windows: Iterable[tuple] = ()):
        """What the operation gives.

        windows: size, kernel, stride, padding and dilation along each axis, for the numbers of one
        that does not fit. Raises ValueError, with the layer's name, where the operation cannot be.
        """
        if function._schema.is_mutable:
            self.keep(written_by(function, args, kwargs))
        if name_of(function) == "convolution" and args[1].dim() > 4:
            raise NotImplementedError(f"{self.where()} works on volumes, and an example is taken for "
                                      "an image, channels x height x width")
        try:
            return function(*args, **kwargs)
        except (RuntimeError, IndexError) as error:
            words = first_line(error)
            try:
                for window in windows:
                    conv_output_size(*window)
            except ValueError as misfit:
                words = str(misfit)
            raise ValueError(f"{self.where()}: {words}") from error

    def where(self) -> str:
        module = self.running[-1]
        return f"layer {self.names[module]!r} ({type(module).__name__})"


def name_of(function) -> str:
    """An operation by its name alone, whether or not it works in place: relu for relu_."""
    name = function.overloadpacket.__name__
    return name.removesuffix("_") if function._schema.is_mutable else name


def by_name(function, args: tuple, kwargs: dict) -> dict:
    """The arguments of an operation, defaults filled in."""
    arguments = function._schema.arguments
    given = {argument.name: argument.default_value for argument in arguments
             if argument.has_default_value()}
    return given | dict(zip((argument.name for argument in arguments), args, strict=False)) | kwargs


def written_by(function, args: tuple, kwargs: dict) -> list[Tensor]:
    """The tensors that an operation writes into."""
    given = by_name(function, args, kwargs)
    return tensors_in([given.get(argument.name) for argument in function._schema.arguments
                       if argument.alias_info and argument.alias_info.is_write])


def needs_shapes_only(name: str) -> bool:
    """Whether an operation makes a tensor that is like another in its shape, not in its values."""
    return name.endswith("_like") or name.startswith("new_")


def tensors_in(values) -> list[Tensor]:
    """Those in a value, or in lists and dicts."""
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


@contextmanager
def _left_as_it_was(model: nn.Module) -> Iterator:
    """Yields a function that is told which tensors are about to be written into."""
    own = [*model.parameters(), *model.buffers()]
    held = [(tensor, tensor.detach()) for tensor in own]
    places = {tensor.untyped_storage().data_ptr() for tensor in own} - {0}  # 0 on device "meta"
    buffers = [(module, dict(module._buffers)) for module in model.modules()]
    before: dict[int, tuple] = {}  # memory of the model, and what was in it

    def keep(tensors: list[Tensor]) -> None:
        for memory in (tensor.untyped_storage() for tensor in tensors):
            if memory.data_ptr() in places - before.keys():
                before[memory.data_ptr()] = memory, memory.clone()

    devices = {tensor.device for tensor in own if tensor.is_cuda}
    try:
        with torch.random.fork_rng(devices):
            yield keep
    finally:
        for tensor, same in held:
            if tensor.data_ptr() != same.data_ptr():  # a model has put other data in its place
                tensor.data = same
        for memory, values in before.values():
            memory.copy_(values)
        for module, named in buffers:
            module._buffers.clear()
            module._buffers.update(named)


def first_line(error: Exception) -> str:
    """What PyTorch says, without the stack of its own functions that may follow."""
    return str(error).partition("\n")[0]
