"""Note the operations of a run up to a layer, and carry them out again with other numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map, tree_map_only
from torch.utils.weak import WeakTensorKeyDictionary

from .draws import Draw
from .passing import carry_out, only_adds
from .watch import Watcher, first_line, name_of, needs_shapes_only, tensors_in


class Slot:
    """The place of a tensor on the tape."""


class Step(NamedTuple):
    """One operation, with slots in place of tensors."""

    where: str  # the layer that carried it out
    function: Any
    args: tuple
    kwargs: dict
    reads: list[Slot]
    results: list[Slot]
    shape: torch.Size  # of the first result


class Tape(Watcher):
    """What a model does with an image until a layer has its output.

    output: the slot of what the layer gives the first time it runs; None where that is no tensor.
    """

    def __init__(self, model: nn.Module, image: Tensor, layer: nn.Module):
        super().__init__(model)
        self.layer, self.output = layer, None
        self.steps: list[Step] = []
        self.slots = WeakTensorKeyDictionary()
        self.outside: dict[Slot, Tensor] = {}  # what no operation made: the image, weights, constants
        self.image = self._read(image)
        try:
            with _plain():
                self.run(image)
        except _Reached as reached:
            output, = reached.args
            self.output = self._read(output) if isinstance(output, Tensor) else None
        self.changing = any(step.function._schema.is_mutable for step in self.steps)
        weights = {id(weight) for weight in model.parameters()}
        self.weights = {slot for slot, tensor in self.outside.items() if id(tensor) in weights}
        self._refuse_constants_without_numbers()

    def leave(self, module: nn.Module, inputs: tuple, output) -> None:
        super().leave(module, inputs, output)
        if module is self.layer:
            raise _Reached(output)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = args, kwargs or {}
        reads = [self._read(tensor) for tensor in tensors_in(given)]
        noted = tree_map_only(Tensor, self._read, given)
        result = self.call(function, *given)
        made = tensors_in(result)
        self.steps.append(Step(self.where(), function, *noted, reads,
                               [self._slot(tensor) for tensor in made],
                               made[0].shape if made else torch.Size()))
        return result

    def _refuse_constants_without_numbers(self) -> None:
        """Weights are drawn anew, and stored statistics block nothing; what else may be a mask."""
        lacking = {slot for slot, tensor in self.outside.items() if tensor.is_meta}
        lacking -= self.weights | {self.image}
        for step in self.steps:
            if not lacking.isdisjoint(step.reads) and not name_of(step.function).endswith("batch_norm"):
                raise NotImplementedError(
                    f"{_name(step)} reads a constant, which has no numbers on device 'meta' that "
                    "would tell what it hides: build the model on the CPU to measure it")

    def _slot(self, tensor: Tensor) -> Slot:
        return self.slots.setdefault(tensor, Slot())

    def _read(self, tensor: Tensor) -> Slot:
        if tensor not in self.slots:
            self.outside[self._slot(tensor)] = tensor
        return self._slot(tensor)


@contextmanager
def _plain() -> Iterator[None]:
    """Recurrent layers and attention broken down into operations that any precision has."""
    fast, mkldnn = torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn
    mkl_too, mkldnn.enabled = mkldnn.enabled, False
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        mkldnn.enabled = mkl_too
        torch.backends.mha.set_fastpath_enabled(fast)


class CanCancel(Exception):
    """An operation in which positive numbers may cancel."""


class _Reached(BaseException):
    """Ends a run as soon as the layer in question has its output, whatever the model catches."""


def play(tape: Tape, draw: Draw) -> tuple[Tensor, Tensor]:
    """The image and the layer's output of a run with these numbers, on the CPU, in double precision.

    There PyTorch's convolutions add up exact zeros where no path leads. The output carries its
    gradient history. `carry_out` says what takes the place of each operation.
    Raises CanCancel for positive numbers where they might; NotImplementedError, with the layer and the
    operation, where a path gives no gradient, as through argmax, and where an operation cannot be
    carried out again.
    """
    image = draw.image(tape.outside[tape.image]).requires_grad_()
    values = {slot: draw.weight(tensor) if slot in tape.weights else draw.constant(tensor)
              for slot, tensor in tape.outside.items()}
    values[tape.image] = image.clone()  # which the model may write into
    drawn = set(tape.weights)           # weights and what was made of them
    hidden: dict[Slot, str] = {}        # what reads the image without a gradient, and by what
    for step in tape.steps:
        sees = any(slot in values and values[slot].requires_grad for slot in step.reads)
        weighs = not drawn.isdisjoint(step.reads)
        if weighs:
            drawn.update(step.results)
        if not draw.signed and (sees or weighs) and not only_adds(
                step.function, step.args, step.kwargs, sees):
            raise CanCancel
        by = [hidden[slot] for slot in step.reads if slot in hidden]
        if all(slot in values for slot in step.reads):
            values.update(zip(step.results, _again(step, values, draw, sees), strict=False))
        if needs_shapes_only(name_of(step.function)):
            continue
        if (sees or by) and not step.results:
            raise NotImplementedError(f"{_name(step)} reads a number out of the image into Python, "
                                      "and what depends on it cannot be measured")
        new = {slot: by[0] if by else _name(step) for slot in step.results
               if by or (sees and not (slot in values and values[slot].requires_grad))}
        hidden |= new
        if tape.output in hidden or (new and step.function._schema.is_mutable):
            raise NotImplementedError(f"{next(iter(new.values()))} gives no gradient, so that what is "
                                      "read through it cannot be measured")
    return image, values[tape.output]


def _again(step: Step, values: dict[Slot, Tensor], draw: Draw, sees: bool) -> list[Tensor]:
    """What a step gives with these values."""
    def value(noted):
        if isinstance(noted, Slot):
            return values[noted]
        if isinstance(noted, torch.dtype) and noted.is_floating_point:
            return torch.double
        return torch.device("cpu") if isinstance(noted, torch.device) else noted

    args, kwargs = tree_map(value, (step.args, step.kwargs))
    try:
        results = tensors_in(carry_out(step.function, args, kwargs, step.shape, draw))
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        raise NotImplementedError(f"{_name(step)} cannot be measured: {first_line(error)}") from error
    if sees and any(tensor.is_complex() for tensor in results):
        raise NotImplementedError(f"{_name(step)} gives complex numbers, whose gradient is nowhere "
                                  "exactly zero")
    return [tensor.double() if tensor.is_floating_point() else tensor for tensor in results]


def _name(step: Step) -> str:
    return f"{step.where}: {step.function.overloadpacket.__name__}"
