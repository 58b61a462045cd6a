"""Follow a model: the receptive field of every layer, composed from what the model does."""

from dataclasses import dataclass, field
from itertools import chain

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from ..features import names_of, zeros
from ..tables import by
from .axes import Axis
from .formula import ReceptiveField
from .rules import ELEMENTWISE, LAYERS, Seen, follow, windows_of
from .table import Call, Row, Trace
from .watch import Watcher, by_name, name_of, needs_shapes_only, tensors_in, written_by


@torch.inference_mode(False)
def trace(model: nn.Module, input_shape: tuple[int, ...]) -> Trace:
    """The receptive field of every layer, found by running the model once on zeros, in evaluation mode.

    input_shape: C x H x W of one example; N x C x H x W is taken too, the way torchinfo wants it.
    A layer has a row if it slides a window, adds up its inputs, or brings paths together; what
    works on each unit by itself (activations, normalisation, dropout) or only reshapes sees what
    the layer before it sees and has none. It does not matter whether a layer is a module or a
    function called in `forward`: the operations themselves are followed. A function's row is that
    of the module which called it. A layer that does not run has none, such as a head for training.
    `.folded()` of the trace has one row for each block, `.block(name)` those inside one.

    Where paths meet, by concatenation or by a sum, the field is the smallest that covers them all,
    so that of the largest path. A dense layer or a global pooling sees everything that the maps
    before it together see of the image: that is its size, clipped to the image, and its jump is 0.
    So does whatever normalises by what it finds all over the image, such as GroupNorm, and what is
    multiplied by a gate that read all of it; LayerNorm over the channels of each place does not.

    The windows of a row are exact for every unit, the maps of a layer taken together: where paths have
    been concatenated, also a map that comes from one of them has the window of all. A row's fields
    are None where no one size and jump fit all units: after a transposed convolution with a stride or
    upsampling to the nearest, of whose units some share a window and some do not, after adaptive
    pooling to a number that does not divide, and where paths of different jump meet. The table then
    shows the largest window.
    Every weight counts as not zero; `measure` knows of masks.

    The model is left as it was: hooks removed, training modes restored, weights, buffers and torch's
    random numbers untouched. It may be on device "meta", which takes no memory.
    Raises TypeError for what is no torch.nn.Module or is compiled; ValueError, with the layer, for no
    shape of an image and where a layer does not take its input; NotImplementedError, with the layer
    and the operation, for anything that it cannot follow, such as other upsampling, recurrent layers,
    attention, volumes, or padding other than with a constant.
    """
    names_of(model)  # refuses what cannot be
    image = zeros(model, input_shape)
    follower = _Follower(model, image)
    follower.run(image)
    return Trace(chain.from_iterable(call.rows() for call in follower.frames[0].calls),
                 tuple(follower.frames[0].calls))


@dataclass
class _Frame:
    """A module while it runs: whether it has earned a row, and what has run inside it."""

    worked: bool = False
    calls: list[Call] = field(default_factory=list)


class _Follower(Watcher):
    """Lets every operation of a model run, and notes what the elements of its result see.

    One that it does not know is refused, never guessed.
    """

    def __init__(self, model: nn.Module, image: Tensor):
        super().__init__(model)
        self.frames = [_Frame()]  # that of the run as a whole, then those of the modules in `running`
        self.untouched = WeakTensorKeyDictionary()  # new tensors, of which there is no view yet
        self.seen = WeakTensorKeyDictionary()
        self.seen[image] = Seen("maps", tuple(
            Axis(ReceptiveField(), tuple(range(i, i + 1) for i in range(size)))
            for size in image.shape[-2:]))

    def enter(self, module: nn.Module, inputs: tuple) -> None:
        super().enter(module, inputs)
        self.frames.append(_Frame())

    def leave(self, module: nn.Module, inputs: tuple, output) -> None:
        seen = self._of(output)
        if isinstance(output, Tensor) and not seen and any(map(self._of, inputs)):
            raise NotImplementedError(f"{self.where()}: its output cannot be followed back to the "
                                      "input")
        super().leave(module, inputs, output)
        ended = self.frames[len(self.running) + 1:]  # its own, and those of modules that failed inside
        del self.frames[len(self.running) + 1:]
        worked = any(frame.worked for frame in ended)
        calls = tuple(chain.from_iterable(frame.calls for frame in ended))
        if worked or calls:
            row = seen and Row(self.names[module], type(module).__name__, tuple(output.shape[1:]),
                               *zip(*seen.laid_out(output.shape).axes, strict=True))
            self.frames[-1].calls.append(
                Call(self.names[module], row, listed=bool(worked and row), inside=calls))

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        operation, given = name_of(function), by_name(function, args, kwargs)
        read = tensors_in(given)
        followed = [tensor for tensor in read if self._of(tensor)]
        fills = operation == "copy" and args[0] in self.untouched and args[0].shape == args[1].shape
        for tensor in read:
            self.untouched.pop(tensor, None)
        if not followed or needs_shapes_only(operation):
            result = self.call(function, args, kwargs)
            if not read or needs_shapes_only(operation):
                self.untouched.update(dict.fromkeys(tensors_in(result), True))
            return result
        shape = followed[0].shape
        if torch.Tag.pointwise in function.tags or operation in ELEMENTWISE or fills:
            operation = "elementwise"
        inputs = [self.seen[tensor] for tensor in followed]
        windows = windows_of(operation, given) if followed[0] is args[0] else []
        result = self.call(function, args, kwargs, [] if given.get("transposed") else [
            (size, *window) for size, window in zip(shape[-2:], windows, strict=False)])
        outputs = tensors_in(result)  # none where a value is read out into Python
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
        if not fills and any(tensor is outputs[0] for tensor in written) and (
                self._of(outputs[0]) != seen):
            raise NotImplementedError(
                f"{self.where()}: {function.overloadpacket.__name__} writes into a tensor something "
                "that sees more than the tensor did; make a new tensor, x = x + y in place of x += y")
        for tensor in outputs:
            self.seen[tensor] = seen
        if operation in LAYERS or any(before.axes != seen.axes for before in inputs):
            self.frames[-1].worked = True
        return result

    def _of(self, value) -> Seen | None:
        return self.seen.get(value) if isinstance(value, Tensor) else None
