"""Follow a model: the receptive field of every layer, composed from what the model does."""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from ..features import names_of, zeros
from ..tables import Rows, aligned, by
from .axes import Axis
from .formula import ReceptiveField
from .rules import ELEMENTWISE, LAYERS, Seen, follow, windows_of
from .watch import Watcher, by_name, name_of, needs_shapes_only, tensors_in, written_by


@dataclass(frozen=True)
class Row:
    """One layer of a trace."""

    name: str
    kind: str
    output_shape: tuple[int, ...]  # of one example, without the batch
    # Down the image, in rows; across it, in columns. None where no one size and jump fit all units.
    fields: tuple[ReceptiveField | None, ReceptiveField | None]
    # Of every row of units and of every column of units: the pixels that it sees, exactly.
    windows: tuple[tuple[range, ...], tuple[range, ...]] = dataclasses.field(repr=False)

    @property
    def field(self) -> ReceptiveField:
        """The field along both axes.

        Raises ValueError where they differ, as after a 1 x 7 kernel, and where there is none, as
        after a transposed convolution.
        """
        down, across = self.fields
        if None in self.fields:
            raise ValueError(f"{self.name} has no one field: the units see windows of different "
                             f"size or at different distances, up to {by(self._largest)} pixels: "
                             "use .window(row, column)")
        if down != across:
            raise ValueError(f"{self.name} has one field down the image, {down}, and another "
                             f"across it, {across}: use .fields")
        return down

    @property
    def _largest(self) -> tuple[int, int]:
        """Height and width of the largest window, pixels."""
        down, across = (max(map(len, windows)) for windows in self.windows)
        return down, across

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
        def one(row: Row, axis: int, number: str) -> str:
            if row.fields[axis]:
                return f"{getattr(row.fields[axis], number):g}"
            return f"≤{row._largest[axis]}" if number == "size" else "-"

        def both(row: Row, number: str) -> str:
            down, across = one(row, 0, number), one(row, 1, number)
            return down if down == across else f"{down} x {across}"

        numbers = ("size", "jump", "start")
        lines = [(row.name, row.kind, by(row.output_shape), *(both(row, number) for number in numbers))
                 for row in self]
        head, *lines = aligned([("layer", "kind", "output", *numbers), *lines], words=3)
        return "\n".join([head, "-" * len(head), *lines])


@torch.inference_mode(False)
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
    So does whatever normalises by what it finds all over the image, such as GroupNorm, and what is
    multiplied by a gate that read all of it; LayerNorm over the channels of each place does not.

    The windows of a row are exact for every unit. Its fields are None where no one size and jump
    fit all units: after a transposed convolution with a stride or upsampling to the nearest, of
    whose units some share a window and some do not, after adaptive pooling to a number that does
    not divide, and where paths of different jump meet. The table then shows the largest window.
    Every weight counts as not zero; `measure` knows of masks.

    The model is left as it was: hooks removed, training modes restored, weights, buffers and torch's
    random numbers untouched. It may be on device "meta".
    Raises TypeError for what is no torch.nn.Module or is compiled; ValueError, with the layer, for no
    shape of an image and where a layer does not take its input; NotImplementedError, with the layer
    and the operation, for anything that it cannot follow, such as other upsampling, recurrent layers,
    attention, volumes, or padding other than with a constant.
    """
    names_of(model)  # refuses what cannot be
    image = zeros(model, input_shape)
    follower = _Follower(model, image)
    follower.run(image)
    return Trace(follower.rows)


class _Follower(Watcher):
    """Lets every operation of a model run, and notes what the elements of its result see.

    One that it does not know is refused, never guessed.
    """

    def __init__(self, model: nn.Module, image: Tensor):
        super().__init__(model)
        self.rows: list[Row] = []
        self.worked: list[bool] = []  # for each module that runs, whether it has earned a row
        self.seen = WeakTensorKeyDictionary()
        self.seen[image] = Seen("maps", tuple(
            Axis(ReceptiveField(), tuple(range(i, i + 1) for i in range(size)))
            for size in image.shape[-2:]))

    def enter(self, module: nn.Module, inputs: tuple) -> None:
        super().enter(module, inputs)
        self.worked.append(False)

    def leave(self, module: nn.Module, inputs: tuple, output) -> None:
        seen = self._of(output)
        if isinstance(output, Tensor) and not seen and any(map(self._of, inputs)):
            raise NotImplementedError(f"{self.where()}: its output cannot be followed back to the "
                                      "input")
        super().leave(module, inputs, output)
        worked = any(self.worked[len(self.running):])
        del self.worked[len(self.running):]
        if worked and seen:
            fields, windows = zip(*seen.axes, strict=True)
            self.rows.append(Row(self.names[module], type(module).__name__,
                                 tuple(output.shape[1:]), fields, windows))

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        operation, given = name_of(function), by_name(function, args, kwargs)
        followed = [tensor for tensor in tensors_in(given.values()) if self._of(tensor)]
        if not followed or needs_shapes_only(operation):
            return self.call(function, args, kwargs)
        if torch.Tag.pointwise in function.tags or operation in ELEMENTWISE:
            operation = "elementwise"
        shape = followed[0].shape
        inputs = [self.seen[tensor] for tensor in followed]
        windows = windows_of(operation, given) if followed[0] is args[0] else []
        result = self.call(function, args, kwargs, [] if given.get("transposed") else [
            (size, *window) for size, window in zip(shape[-2:], windows, strict=False)])
        outputs = tensors_in([result])  # none where a value is read out into Python
        after = outputs[0].shape if outputs else ()
        try:
            seen = follow(operation, given, windows, inputs, shape, after) if outputs else None
        except NotImplementedError as error:
            raise NotImplementedError(f"{self.where()}: {error}") from None
        if not seen:
            raise NotImplementedError(
                f"{self.where()}: trace cannot follow {function.overloadpacket.__name__} from "
                f"{by(shape)} to {by(after) or 'a number'}. It follows convolutions and transposed "
                "ones, pooling, upsampling to the nearest, pixel shuffling, normalisation, dense "
                "layers after a flatten, concatenation along the channels, and what works on each "
                "element by itself; `measure` needs no such rules")
        written = written_by(function, args, kwargs)
        if any(tensor is outputs[0] for tensor in written) and self._of(outputs[0]) != seen:
            raise NotImplementedError(
                f"{self.where()}: {function.overloadpacket.__name__} writes into a tensor something "
                "that sees more than the tensor did; make a new tensor, x = x + y in place of x += y")
        for tensor in outputs:
            self.seen[tensor] = seen
        if operation in LAYERS or any(before.axes != seen.axes for before in inputs):
            self.worked[-1] = True
        return result

    def _of(self, value) -> Seen | None:
        return self.seen.get(value) if isinstance(value, Tensor) else None
