"""Follow a model: the receptive field of every layer, composed from what the model does."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from ..arithmetic import conv_output_size
from ..features import hooked, names_of, zeros
from ..tables import Rows, aligned, by
from .formula import ReceptiveField
from .rules import ELEMENTWISE, LAYERS, Axis, Seen, follow, windows_of


@dataclass(frozen=True)
class Row:
    """One layer of a trace."""

    name: str
    kind: str
    output_shape: tuple[int, ...]  # of one example, without the batch
    fields: tuple[ReceptiveField, ReceptiveField]  # down the image, in rows; across it, in columns
    # Of every row of units and of every column of units: the pixels that it sees, exactly.
    windows: tuple[tuple[range, ...], tuple[range, ...]] = dataclasses.field(repr=False)

    @property
    def field(self) -> ReceptiveField:
        """The field along both axes. ValueError where they differ, as after a 1 x 7 kernel."""
        down, across = self.fields
        if down != across:
            raise ValueError(f"{self.name} has one field down the image, {down}, and another "
                             f"across it, {across}: use .fields")
        return down

    def window(self, row: int = 0, column: int = 0) -> tuple[range, range]:
        """Rows and columns of the image that the unit at (row, column) sees, clipped and exact.

        They bound what it sees: a dilated kernel leaves gaps between. The units of a dense layer
        all see the same and have no place; their window is that of (0, 0).
        Raises ValueError for a unit that is not there.
        """
        down, across = self.windows
        if not (0 <= row < len(down) and 0 <= column < len(across)):
            raise ValueError(f"{self.name} has {len(down)} x {len(across)} units, numbered from 0; "
                             f"there is none at ({row}, {column})")
        return down[row], across[column]


class Trace(Rows):
    """The rows; their repr is a table."""

    def __repr__(self) -> str:
        def both(row: Row, number: str) -> str:
            down, across = (f"{getattr(axis, number):g}" for axis in row.fields)
            return down if down == across else f"{down} x {across}"

        numbers = ("size", "jump", "start")
        lines = [(row.name, row.kind, by(row.output_shape), *(both(row, number) for number in numbers))
                 for row in self]
        head, *lines = aligned([("layer", "kind", "output", *numbers), *lines], words=3)
        return "\n".join([head, "-" * len(head), *lines])


def trace(model: nn.Module, input_shape: tuple[int, ...]) -> Trace:
    """The receptive field of every layer, found by running the model once on zeros.

    input_shape: C x H x W of one example; N x C x H x W is taken too, the way torchinfo wants it.
    A layer has a row if it slides a window, adds up its inputs, or brings paths together; what
    works on each unit by itself (activations, normalisation, dropout) or only reshapes sees what
    the layer before it sees and has none. It does not matter whether a layer is a module or a
    function called in `forward`: the operations themselves are followed. A function's row is that
    of the module which called it.

    Where paths meet, by concatenation or by a sum, the field is the smallest that covers them all,
    so that of the largest path. A dense layer or a global pooling sees everything that the maps
    before it together see of the image: that is its size, clipped to the image, and its jump is 0.

    The model is left as it was: hooks removed, training modes restored.
    Raises TypeError for what is no torch.nn.Module or is compiled; ValueError for no shape of an image,
    where a window does not fit, and where paths of different jump meet; NotImplementedError, with the
    layer and the operation, for anything that it cannot follow, such as upsampling, recurrent layers,
    or padding other than with a constant.
    """
    names, image = names_of(model), zeros(model, input_shape)
    follower = _Follower(names, image)
    with hooked(model, before=[(module, follower.enter) for module in names],
                after=[(module, follower.leave) for module in names]), torch.no_grad(), follower:
        model(image)
    return Trace(follower.rows)


class _Follower(TorchDispatchMode):
    """Lets every operation of a model run, and notes what the elements of its result see.

    It stands where PyTorch's own counter of floating-point operations stands: below modules and
    functions alike, which have been broken down into a small set of operations. One that it does
    not know is refused, never guessed.
    """

    def __init__(self, names: dict[nn.Module, str], image: Tensor):
        super().__init__()
        self.names = names
        self.rows: list[Row] = []
        self.running: list[nn.Module] = []  # the modules that have been entered, outermost first
        self.worked: list[bool] = []        # for each of them, whether it has earned a row
        self.seen = WeakTensorKeyDictionary()
        self.seen[image] = Seen("maps", tuple(
            Axis(ReceptiveField(), tuple(range(i, i + 1) for i in range(size)))
            for size in image.shape[-2:]))

    def enter(self, module: nn.Module, inputs: tuple) -> None:
        self.running.append(module)
        self.worked.append(False)

    def leave(self, module: nn.Module, inputs: tuple, output) -> None:
        seen = self._of(output)
        if isinstance(output, Tensor) and not seen and any(map(self._of, inputs)):
            raise NotImplementedError(f"{self._where()}: its output cannot be followed back to the "
                                      "input")
        self.running.pop()
        if self.worked.pop() and seen:
            fields, windows = zip(*seen.axes, strict=True)
            self.rows.append(Row(self.names[module], type(module).__name__,
                                 tuple(output.shape[1:]), fields, windows))

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function.overloadpacket.__name__
        given = _by_name(function, args, kwargs)
        followed = [tensor for tensor in _tensors(given.values()) if self._of(tensor)]
        if not followed or name.endswith("_like") or name.startswith("new_"):
            return function(*args, **kwargs)  # on weights alone, or for a tensor of the same shape
        writes = function._schema.is_mutable
        operation = name.removesuffix("_") if writes else name
        if torch.Tag.pointwise in function.tags or operation in ELEMENTWISE:
            operation = "elementwise"
        shape = followed[0].shape
        inputs = [self.seen[tensor] for tensor in followed]
        windows = windows_of(operation, given) if followed[0] is args[0] else []
        try:
            for size, window in zip(shape[-2:], windows, strict=False):
                conv_output_size(size, *window)  # refuses what does not fit, with the numbers
            result = function(*args, **kwargs)
            outputs = _tensors([result])  # none where a value is read out into Python
            after = outputs[0].shape if outputs else ()
            seen = follow(operation, given, windows, inputs, shape, after) if outputs else None
        except ValueError as error:
            raise ValueError(f"{self._where()}: {error}") from None
        if not seen:
            raise NotImplementedError(
                f"{self._where()}: trace cannot follow {name} from {by(shape)} to "
                f"{by(after) or 'a number'}. It follows convolutions, pooling, batch "
                "normalisation, dense layers after a flatten, concatenation along the channels, "
                "and what works on each element by itself; `measure` needs no such rules")
        if writes and self._of(outputs[0]) != seen:
            raise NotImplementedError(
                f"{self._where()}: {name} writes into a tensor something that sees more than the "
                "tensor did; make a new tensor, x = x + y in place of x += y")
        for tensor in outputs:
            self.seen[tensor] = seen
        if operation in LAYERS or any(before.axes != seen.axes for before in inputs):
            self.worked[-1] = True
        return result

    def _of(self, value) -> Seen | None:
        return self.seen.get(value) if isinstance(value, Tensor) else None

    def _where(self) -> str:
        module = self.running[-1]
        return f"layer {self.names[module]!r} ({type(module).__name__})"


def _by_name(function, args: tuple, kwargs: dict) -> dict:
    """The arguments of an operation, defaults filled in."""
    arguments = function._schema.arguments
    given = {argument.name: argument.default_value for argument in arguments
             if argument.has_default_value()}
    return given | dict(zip((argument.name for argument in arguments), args, strict=False)) | kwargs


def _tensors(values: Iterable) -> list[Tensor]:
    """Those among the values, and in lists among them."""
    each = (value if isinstance(value, (list, tuple)) else [value] for value in values)
    return [value for values in each for value in values if isinstance(value, Tensor)]
