"""What a unit deep in a network sees of the input: its receptive field.

Along one axis three numbers say it: the size of the field, the jump from the field of one unit to
that of the next, and the start, where the field of the first unit has its centre. All three are
input pixels. A layer with kernel k, stride s, padding p (per side) and dilation d turns them into

    size  + d (k - 1) jump
    start + (d (k - 1) / 2 - p) jump
    jump * s

beginning with 1, 0 and 1 at the input itself. Pixel i has its centre at i, so the first pixel's is
at 0, the border of the image at -0.5, and a field of even size has its centre between two pixels.

The same question is answered three times: `ReceptiveField` composes the formula by hand, `trace`
runs a model and composes it from what the model does, and `measure` asks the gradient, which knows
no formula.
Source: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning"; Araujo,
Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill.
"""

import copy
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from .arithmetic import conv_output_size, effective_kernel


@dataclass(frozen=True)
class ReceptiveField:
    """The fields of all units of a layer along one axis; by default those of the input's pixels.

    size: of each field, input pixels.
    jump: from the centre of one unit's field to that of the next, input pixels. 0 where all units
        see the same, as in a dense layer.
    start: centre of unit 0's field; pixel i has its centre at i.
    Raises ValueError for numbers that no stack of layers gives.
    """

    size: int = 1
    jump: int = 1
    start: float = 0.0

    def __post_init__(self):
        if self.size < 0 or self.jump < 0:
            raise ValueError(f"size and jump must not be negative: {self}")
        if not float(self.start - (self.size - 1) / 2).is_integer():
            raise ValueError(f"{self} begins within a pixel: the centre of an odd size lies on a "
                             "pixel (a whole number), that of an even size between two (a half)")

    def then(self, kernel: int, stride: int = 1, padding: int = 0,
             dilation: int = 1) -> "ReceptiveField":
        """The fields after one more layer: a convolution or a pooling with this window.

        kernel, stride, padding (per side), dilation: in units of the layer before.
        Raises ValueError or TypeError for a window that cannot be.
        """
        reach = effective_kernel(kernel, dilation)
        conv_output_size(reach, kernel, stride, padding, dilation)  # refuses what cannot be
        return ReceptiveField(size=self.size + (reach - 1) * self.jump,
                              jump=self.jump * stride,
                              start=self.start + ((reach - 1) / 2 - padding) * self.jump)

    def window(self, unit: int, input_size: int) -> range:
        """The pixels in the field of unit number `unit`, clipped to 0 ... input_size - 1.

        The range runs from the first pixel to one past the last, as a slice does; it is empty for
        a unit that sees only padding.
        Exact where the field lies inside the image. At its border this is an upper bound: the unit
        may see less there, where a layer dropped rows that the next one pads again, or where a
        dilated kernel reaches past the border. `trace` and `measure` are exact there too.
        """
        if unit < 0:
            raise ValueError(f"units are numbered from 0, not {unit}")
        first = self._first + unit * self.jump
        return range(max(first, 0), min(first + self.size, input_size)) or range(0)

    def units_seeing(self, pixel: int, output_size: int) -> range:
        """The units, of 0 ... output_size - 1, that have this pixel in their field.

        The way back from `window`: unit u is in units_seeing(pixel, ...) exactly where pixel is in
        window(u, ...). Empty where a stride steps over the pixel.
        """
        if pixel < 0:
            raise ValueError(f"pixels are numbered from 0, not {pixel}")
        to_first, to_last = pixel - self._first, pixel - (self._first + self.size - 1)
        if not self.jump:  # all units see the same
            return range(output_size if to_last <= 0 <= to_first else 0)
        lowest, highest = -(-to_last // self.jump), to_first // self.jump
        return range(max(lowest, 0), min(highest + 1, output_size)) or range(0)

    @property
    def _first(self) -> int:
        """First pixel of unit 0's field, which may lie in the padding."""
        return int(self.start - (self.size - 1) / 2)


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


class Trace(tuple):
    """The rows in the order in which the layers ran; trace["c3"] is the first of that name."""

    def __getitem__(self, which):
        if not isinstance(which, str):
            return super().__getitem__(which)
        for row in self:
            if row.name == which:
                return row
        raise KeyError(f"no layer is called {which!r}; there are "
                       f"{', '.join(row.name for row in self)}")

    def __repr__(self) -> str:
        def both(values: Iterable) -> str:
            down, across = (f"{value:g}" for value in values)
            return down if down == across else f"{down} x {across}"

        cells = [("layer", "kind", "output", "size", "jump", "start")]
        cells += [(row.name, row.kind, " x ".join(map(str, row.output_shape)),
                   *(both(getattr(axis, number) for axis in row.fields)
                     for number in ("size", "jump", "start"))) for row in self]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(text.ljust(width) if i < 3 else text.rjust(width)
                           for i, (text, width) in enumerate(zip(line, widths, strict=True)))
                 for line in cells]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def trace(model: nn.Module, input_shape: tuple[int, int, int]) -> Trace:
    """The receptive field of every layer, found by running the model once on zeros.

    input_shape: channels x height x width.
    A layer has a row if it slides a window, adds up its inputs, or brings paths together; what
    works on each unit by itself (activations, normalisation, dropout) or only reshapes sees what
    the layer before it sees and has none. It does not matter whether a layer is a module or a
    function called in `forward`: the operations themselves are followed. A function's row is that
    of the module which called it.

    Where paths meet, by concatenation or by a sum, the field is the smallest that covers them all,
    so that of the largest path. A dense layer or a global pooling sees everything that the maps
    before it together see of the image: that is its size, clipped to the image, and its jump is 0.

    The model is left as it was: hooks removed, training modes restored.
    Raises ValueError where a window does not fit or where paths of different jump meet,
    NotImplementedError, with the layer and the operation, for anything that it cannot follow, such
    as upsampling, recurrent layers, or padding other than with a constant.
    """
    _check(model, input_shape)
    reference = next(model.parameters(), torch.empty(0))
    image = torch.zeros(1, *input_shape, dtype=reference.dtype, device=reference.device)
    follower = _Follower(_names(model), image)
    modes = {module: module.training for module in model.modules()}
    hooks = [hook for module in modes
             for hook in (module.register_forward_pre_hook(follower.enter, prepend=True),
                          module.register_forward_hook(follower.leave))]
    try:
        model.eval()
        with torch.no_grad(), follower:
            model(image)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return Trace(follower.rows)


@dataclass(frozen=True)
class Measurement:
    """What a unit sees of the image, by its gradient."""

    # height x width: how much each pixel moves the unit, as shares that add up to 1
    gradient: Tensor = dataclasses.field(repr=False)
    window: tuple[range, range]  # the rows and columns of the image in which it is not zero

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the window, pixels."""
        down, across = self.window
        return len(down), len(across)


def measure(model: nn.Module, input_shape: tuple[int, int, int], layer: str,
            unit: tuple[int, int] | None = None) -> Measurement:
    """The receptive field of one unit, measured: where the input moves it at all.

    input_shape: channels x height x width.
    layer: a name from `model.named_modules()`.
    unit: (row, column) in the layer's maps, by default the central one. All maps count together,
        since one map may read only some of the paths, and so do all units of a layer without maps.

    It works on a copy in which nothing can cancel and nothing can block: every weight is positive
    and the same throughout its layer, biases are zero, the input is positive, the mean takes the
    place of the maximum, and dropout and softmax let everything pass. The gradient then counts the
    paths from each pixel to the unit. An operation that chooses among its inputs in some other way,
    such as a sort, shows only what it chose. The number of maps makes no difference to the field
    but all to the time: a wide network is better measured with its maps thinned out.

    Raises KeyError, with the names there are, for an unknown layer, ValueError for one that did
    not run or does not depend on the input, and for a unit that is not there.
    Source: Luo, Li, Urtasun & Zemel 2016, "Understanding the Effective Receptive Field in Deep
    Convolutional Neural Networks", who do it with the weights as they are.
    """
    _check(model, input_shape)
    open_model = _open_copy(model)
    modules = {name: module for module, name in _names(open_model).items()}
    if layer not in modules:
        raise KeyError(f"no layer is called {layer!r}; there are {', '.join(modules)}")
    image = torch.full((1, *input_shape), 0.5, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        output = _output_of(modules[layer], open_model, image)
        if not (isinstance(output, Tensor) and output.requires_grad):
            raise ValueError(f"layer {layer!r} did not run, or its output is not a tensor that "
                             "depends on the input")
        gradient, = torch.autograd.grad(_units(output, layer, unit).sum(), image)
    gradient = gradient[0].abs().sum(0)  # height x width, over all channels
    window = tuple(_hull(range(i, i + 1) for i in gradient.sum(other).nonzero().flatten().tolist())
                   for other in (1, 0))
    total = gradient.sum()
    return Measurement(gradient / total if total else gradient, window)


def _check(model: nn.Module, input_shape: tuple[int, int, int]) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ValueError("input_shape must be channels x height x width, such as (1, 32, 32), not "
                         f"{tuple(input_shape)}")


def _names(model: nn.Module) -> dict[nn.Module, str]:
    return {module: name or type(module).__name__ for name, module in model.named_modules()}


# Following a model: what the elements of every tensor see ---------------------------------------


class _Axis(NamedTuple):
    """Rows of units, or columns: their fields by the formula, and what each of them really sees.

    The formula speaks of an endless image. The windows are composed unit by unit, so that they
    hold at its border as well.
    """

    field: ReceptiveField
    windows: tuple[range, ...]


class _Seen(NamedTuple):
    """What the elements of a tensor see.

    layout: "maps" where the last two dimensions are the axes, "flat" where maps were laid out as
    one vector, "whole" where every element sees the same.
    """

    layout: str
    axes: tuple[_Axis, _Axis]


def _hull(ranges: Iterable[range]) -> range:
    """The smallest range that covers these; empty ones count for nothing."""
    ranges = [pixels for pixels in ranges if pixels]
    if not ranges:
        return range(0)
    return range(min(pixels.start for pixels in ranges), max(pixels.stop for pixels in ranges))


def _slide(axis: _Axis, units: int, kernel: int, stride: int = 1, padding: int = 0,
           dilation: int = 1) -> _Axis:
    """One more layer with this window, in which it finds so many positions."""
    windows = []
    for unit in range(units):
        corner = unit * stride - padding
        taps = range(corner, corner + kernel * dilation, dilation)
        windows.append(_hull(axis.windows[tap] for tap in taps if 0 <= tap < len(axis.windows)))
    return _Axis(axis.field.then(kernel, stride, padding, dilation), tuple(windows))


def _join(axis: _Axis) -> _Axis:
    """One unit that sees what all of these see together."""
    pixels = _hull(axis.windows)
    return _Axis(ReceptiveField(len(pixels), 0, (pixels.start + pixels.stop - 1) / 2), (pixels,))


def _meet(axes: Iterable[_Axis]) -> _Axis:
    """Units that read one unit from each of these; an axis with a single unit serves them all."""
    axes = set(axes)
    if len(axes) == 1:
        return axes.pop()
    units = max(len(axis.windows) for axis in axes)
    axes = [axis if len(axis.windows) == units else _join(axis) for axis in axes]
    windows = tuple(_hull(axis.windows[unit % len(axis.windows)] for axis in axes)
                    for unit in range(units))
    jumps = sorted({axis.field.jump for axis in axes})
    if 0 in jumps:
        return _Axis(_join(_Axis(ReceptiveField(), windows)).field, windows)
    if len(jumps) > 1:
        raise ValueError(f"paths meet whose jumps differ, {' and '.join(map(str, jumps))} input "
                         "pixels from unit to unit, so that their fields drift apart and no one "
                         "size fits all units: give the paths the same total stride")
    first = min(axis.field._first for axis in axes)
    stop = max(axis.field._first + axis.field.size for axis in axes)
    return _Axis(ReceptiveField(stop - first, jumps[0], (first + stop - 1) / 2), windows)


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
        self.seen[image] = _Seen("maps", tuple(
            _Axis(ReceptiveField(), tuple(range(i, i + 1) for i in range(size)))
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
        if torch.Tag.pointwise in function.tags or operation in _ELEMENTWISE:
            operation = "elementwise"
        shape = followed[0].shape
        inputs = [self.seen[tensor] for tensor in followed]
        windows = _windows(operation, given) if followed[0] is args[0] else []
        try:
            for size, window in zip(shape[-2:], windows, strict=False):
                conv_output_size(size, *window)  # refuses what does not fit, with the numbers
            result = function(*args, **kwargs)
            outputs = _tensors([result])  # none where a value is read out into Python
            after = outputs[0].shape if outputs else ()
            seen = _follow(operation, given, windows, inputs, shape, after) if outputs else None
        except ValueError as error:
            raise ValueError(f"{self._where()}: {error}") from None
        if not seen:
            raise NotImplementedError(
                f"{self._where()}: trace cannot follow {name} from {_by(shape)} to "
                f"{_by(after) or 'a number'}. It follows convolutions, pooling, batch "
                "normalisation, dense layers after a flatten, concatenation along the channels, "
                "and what works on each element by itself; `measure` needs no such rules")
        if writes and self._of(outputs[0]) != seen:
            raise NotImplementedError(
                f"{self._where()}: {name} writes into a tensor something that sees more than the "
                "tensor did; make a new tensor, x = x + y in place of x += y")
        for tensor in outputs:
            self.seen[tensor] = seen
        if operation in _LAYERS or any(before.axes != seen.axes for before in inputs):
            self.worked[-1] = True
        return result

    def _of(self, value) -> _Seen | None:
        return self.seen.get(value) if isinstance(value, Tensor) else None

    def _where(self) -> str:
        module = self.running[-1]
        return f"layer {self.names[module]!r} ({type(module).__name__})"


# PyTorch marks the operations that work on each element by itself, all but these.
_ELEMENTWISE = {"hardswish", "mish", "log_sigmoid_forward", "_prelu_kernel", "native_dropout"}
_RESHAPING = {"view", "_unsafe_view", "squeeze", "unsqueeze", "expand", "slice", "split", "detach",
              "alias", "_to_copy"}
_REDUCING = {"mean", "sum"}
_SOFTMAX = {"_softmax", "_log_softmax"}
_DENSE = {"addmm", "mm"}
_ADAPTIVE = {"_adaptive_avg_pool2d", "adaptive_max_pool2d"}
# These have a row even where the field stays as it is, as in a 1 x 1 convolution.
_LAYERS = {"convolution", "max_pool2d_with_indices", "avg_pool2d", "cat"} | (
    _ADAPTIVE | _REDUCING | _DENSE)


def _follow(operation: str, given: dict, windows: list[tuple], inputs: list[_Seen],
            shape: torch.Size, result: torch.Size) -> _Seen | None:
    """What the elements of an operation's result see; None where there is no rule.

    given: the arguments by name; windows: see `_windows`; shape: of the first input that is
    followed; result: the shape of the result.
    """
    layouts = {seen.layout for seen in inputs}
    if operation in {"elementwise", "cat"} or layouts == {"whole"}:
        return _together(inputs, result)
    if len(inputs) > 1:
        return None
    seen = inputs[0]
    if operation.endswith("batch_norm"):
        return None if given["training"] else seen  # with the batch's statistics it sees all of it
    if seen.layout == "flat":
        return _follow_flat(operation, given, seen, shape, result)
    return _follow_maps(operation, given, windows, seen, shape, result)


def _follow_flat(operation: str, given: dict, seen: _Seen, shape: torch.Size,
                 result: torch.Size) -> _Seen | None:
    """The same for maps that were laid out as one vector."""
    over_features = operation in _REDUCING | _SOFTMAX and len(shape) - 1 in _dims(given, shape)
    if operation in _DENSE or over_features:
        return _whole(seen)
    return seen if operation in _RESHAPING and _is_vector(result, shape) else None


def _follow_maps(operation: str, given: dict, windows: list[tuple], seen: _Seen,
                 shape: torch.Size, result: torch.Size) -> _Seen | None:
    """The same for maps."""
    same_maps = len(result) > 2 and result[-2:] == shape[-2:]
    if windows:
        return _Seen("maps", tuple(
            _slide(axis, units, *window)
            for axis, units, window in zip(seen.axes, result[-2:], windows, strict=True)))
    if operation in _ADAPTIVE:
        if result[-2:].numel() == 1:
            return _whole(seen)
        return _Seen("maps", tuple(map(_adapt, seen.axes, result[-2:])))
    if operation == "constant_pad_nd" and min(given["pad"]) >= 0:
        left, _, top, *_ = [*given["pad"], 0, 0]
        return _Seen("maps", tuple(
            _slide(axis, units, kernel=1, padding=padding)
            for axis, units, padding in zip(seen.axes, result[-2:], (top, left), strict=True)))
    if operation in _REDUCING and _dims(given, shape) >= _axes_of(shape):
        return _whole(seen)
    if operation in _REDUCING | _SOFTMAX:
        over_channels = same_maps and not _dims(given, shape) & _axes_of(shape)
        return seen if over_channels else None
    if operation in _RESHAPING and same_maps:
        return seen
    if operation in _RESHAPING and _is_vector(result, shape):
        return _Seen("flat", seen.axes)
    return None


def _together(inputs: list[_Seen], result: torch.Size) -> _Seen | None:
    """What an element sees that reads one of each of these, or is one of them.

    None where they do not lie alike, as maps and a vector, or maps that are set end to end.
    """
    layouts = {seen.layout for seen in inputs}
    if layouts >= {"maps", "flat"}:
        return None
    if layouts >= {"flat"} and len(set(inputs)) > 1:
        inputs = [_whole(seen) for seen in inputs]  # units of two vectors do not lie side by side
    layout = (layouts - {"whole"} or layouts).pop()
    axes = tuple(map(_meet, zip(*(seen.axes for seen in inputs), strict=True)))
    units = tuple(len(axis.windows) for axis in axes)
    return None if layout == "maps" and units != tuple(result[-2:]) else _Seen(layout, axes)


def _whole(seen: _Seen) -> _Seen:
    return _Seen("whole", tuple(map(_join, seen.axes)))


def _adapt(axis: _Axis, units: int) -> _Axis:
    """Adaptive pooling along one axis."""
    before = len(axis.windows)
    if units == 1:
        return _join(axis)
    if before % units:
        raise ValueError(f"adaptive pooling from {before} to {units} units has windows of unequal "
                         "size, so that no one field fits them: choose a size that divides")
    return _slide(axis, units, kernel=before // units, stride=before // units)


def _windows(operation: str, given: dict) -> list[tuple[int, int, int, int]]:
    """kernel, stride, padding and dilation along both axes; empty where nothing slides.

    Layers over volumes have a third axis, which comes first and here counts as channels: that is
    how local response normalisation goes across maps.
    """
    if operation == "convolution" and not given["transposed"] and given["weight"].dim() > 3:
        kernel = given["weight"].shape[2:]
    elif operation in {"max_pool2d_with_indices", "avg_pool2d", "avg_pool3d"}:
        kernel = given["kernel_size"]
    else:
        return []
    settings = (kernel, given["stride"] or kernel, given["padding"], given.get("dilation", (1, 1)))
    return list(zip(*((tuple(each) * 2)[-2:] for each in settings), strict=True))


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


def _is_vector(result: torch.Size, shape: torch.Size) -> bool:
    """Whether all elements of the one shape lie along the last dimension of the other."""
    return result[-1:].numel() == result.numel() == shape.numel()


def _axes_of(shape: torch.Size) -> set[int]:
    return {len(shape) - 2, len(shape) - 1}


def _dims(given: dict, shape: torch.Size) -> set[int]:
    """The dimensions that an operation works along, counted from 0; all where it names none."""
    dims = given.get("dim")
    if isinstance(dims, int):
        dims = [dims]
    return {dim % len(shape) for dim in dims or range(len(shape))}


def _by(shape: torch.Size) -> str:
    return " x ".join(map(str, shape))


# Measuring: a copy through which every path lets something pass ---------------------------------


class _LetThrough(TorchFunctionMode):
    """Replaces what would choose, cancel or block by what passes a share from every input."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name == "max_pool2d":
            return _mean_pool(*args, **(kwargs or {}))
        if name == "adaptive_max_pool2d":
            return F.adaptive_avg_pool2d(*args[:2])
        if "dropout" in name or "softmax" in name:
            return args[0]
        return function(*args, **(kwargs or {}))


def _mean_pool(x: Tensor, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
               return_indices=False) -> Tensor:
    """Max pooling's windows, all of its options included, with the mean of each."""
    def pair(value) -> tuple[int, int]:
        return (value, value) if isinstance(value, int) else tuple(value)

    kernel, stride, dilation = pair(kernel_size), pair(stride or kernel_size), pair(dilation)
    margins = []
    for size, k, s, p, d in zip(x.shape[-2:], kernel, stride, pair(padding), dilation, strict=True):
        units = conv_output_size(size, k, s, p, d, ceil_mode)
        last_stop = (units - 1) * s + effective_kernel(k, d)
        margins = [p, max(0, last_stop - size - p), *margins]  # F.pad wants the last axis first
    weight = x.new_full((x.shape[1], 1, *kernel), 1 / (kernel[0] * kernel[1]))
    return F.conv2d(F.pad(x, margins), weight, None, stride, 0, dilation, groups=x.shape[1])


def _open_copy(model: nn.Module) -> nn.Module:
    """A copy on the CPU, in which nothing blocks and nothing cancels.

    Double precision, because there PyTorch's convolutions add up exact zeros where no path leads.
    """
    open_model = copy.deepcopy(model).cpu().double().eval().requires_grad_(False)
    for name, parameter in open_model.named_parameters():
        is_bias = "bias" in name.rpartition(".")[2]
        fan_in = parameter.numel() / max(1, len(parameter)) if parameter.dim() else 1
        parameter.fill_(0 if is_bias else 1 / fan_in)
    for module in open_model.modules():
        if hasattr(module, "reset_running_stats"):
            module.reset_running_stats()
    return open_model


class _Reached(Exception):
    """Ends a run as soon as the layer in question has its output."""


def _output_of(layer: nn.Module, open_model: nn.Module, image: Tensor):
    """What the layer gives the first time it runs; None if it does not."""
    def stop(module: nn.Module, inputs: tuple, output) -> None:
        raise _Reached(output)

    layer.register_forward_hook(stop)
    try:
        with _LetThrough():
            open_model(image)
    except _Reached as reached:
        return reached.args[0]
    return None


def _units(output: Tensor, layer: str, unit: tuple[int, int] | None) -> Tensor:
    """The elements of a layer's output that are asked for: one place in every map, or all."""
    if output.dim() != 4:
        if unit is not None:
            raise ValueError(f"layer {layer!r} has no maps, so no unit at {unit}; leave it out")
        return output
    height, width = output.shape[-2:]
    row, column = (height // 2, width // 2) if unit is None else unit
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"layer {layer!r} has {height} x {width} units, numbered from 0; there is "
                         f"none at ({row}, {column})")
    return output[..., row, column]
