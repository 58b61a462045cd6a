"""Ask the gradient: which pixels move a unit, whatever formulas say."""

import dataclasses
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..arguments import fields, whole
from ..features import find, zeros
from .axes import hull
from .draws import Draw, Poisoned, Positive, Signed
from .tape import CanCancel, Tape, play
from .watch import first_line

_DRAWS, _FACTOR = 2, 2 ** 0.5
_PLACE = fields(whole(-2**31), whole(-2**31))  # (row, column)


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


@torch.inference_mode(False)
def measure(model: nn.Module, input_shape: tuple[int, ...], layer: str,
            unit: tuple[int, int] | None = None) -> Measurement:
    """The receptive field of one unit, measured: where the input moves it at all.

    input_shape: C x H x W of one example; N x C x H x W is taken too, the way torchinfo wants it.
    layer: a name from `model.named_modules()`.
    unit: (row, column) in the layer's maps, by default the central one. All maps count together,
        since one map may read only some of the paths, and so do all units of a layer without maps.

    The model runs once, and what it does up to the layer is done again with other numbers, so that
    nothing blocks: dropout lets everything pass, the mean takes the place of the maximum, and
    every function of single elements, such as ReLU or a comparison, that of a straight line. As
    long as the model only adds up, every weight is positive and the same throughout its layer, and
    every pixel too, so that nothing cancels: the gradient counts the paths from each pixel to the
    unit. Where it does something else, such as a normalisation or a softmax, or makes weights from
    others by a difference, positive numbers may cancel. Then weights and pixels are random and of
    both signs, a difference stays one, the functions are curved, and the gradients of two draws
    are added.

    Constants count as they are: what a mask holds at zero is not read. What a model computes
    outside of PyTorch is not seen. The number of maps makes no difference to the field but all to
    the time: a wide network is better measured with its maps thinned out. Weights, buffers,
    gradients, modes and torch's random numbers stay as they were. The model may be on device "meta"
    unless it reads constants, which have no numbers there.

    Raises KeyError, with the names there are, for an unknown layer; ValueError for one that did not
    run, does not depend on the input or cannot take its own, for a unit that is not there, and for
    no shape of an image; TypeError for what is no torch.nn.Module or is compiled, and for a unit
    that is not two numbers; NotImplementedError, with the layer, for an operation that gives no
    gradient, such as argmax, where what a unit reads cancels whatever the numbers, and where it
    reads a constant on device "meta".
    Source: Luo, Li, Urtasun & Zemel 2016, "Understanding the Effective Receptive Field in Deep
    Convolutional Neural Networks", who do it with the weights as they are.
    """
    asked = find(model, layer)  # refuses what cannot be
    tape = Tape(model, zeros(model, input_shape), asked)
    if tape.output is None:
        raise ValueError(f"layer {layer!r} did not run, or its output is not a tensor")
    changes = (torch.autograd.graph.allow_mutation_on_saved_tensors() if tape.changing
               else nullcontext())
    with torch.device("cpu"), torch.enable_grad(), torch.random.fork_rng([]), changes:
        gradient = _gradient(tape, layer, unit)
    window = tuple(hull(range(i, i + 1) for i in gradient.sum(other).nonzero().flatten().tolist())
                   for other in (1, 0))
    total = gradient.sum()
    return Measurement(gradient / total if total else gradient, window)


def _gradient(tape: Tape, layer: str, unit: tuple[int, int] | None) -> Tensor:
    """Height x width: how much each pixel moves the unit."""
    try:
        return _at_pixels(tape, Positive(), layer, unit)
    except CanCancel:
        gradient = sum(_at_pixels(tape, Signed(seed), layer, unit) for seed in range(_DRAWS))
    if not gradient.any() and _unit(tape, Poisoned(0), layer, unit)[1].isnan():
        raise NotImplementedError(
            f"what this unit of layer {layer!r} reads cancels, whatever the weights and the image, as "
            "where a normalisation subtracts the mean of a single value")
    return gradient


def _at_pixels(tape: Tape, draw: Draw, layer: str, unit: tuple[int, int] | None) -> Tensor:
    """The same with these numbers, over all channels.

    What cancels leaves rounding errors. They differ when all is multiplied by a number, and go out.
    """
    image, value = _unit(tape, draw, layer, unit)
    try:
        gradient, = torch.autograd.grad(value, image, retain_graph=draw.signed)
        again = torch.autograd.grad(value * _FACTOR, image)[0] / _FACTOR if draw.signed else gradient
    except RuntimeError as error:
        raise NotImplementedError(f"layer {layer!r} cannot be measured: {first_line(error)}") from error
    if not gradient.isfinite().all():
        raise NotImplementedError(f"layer {layer!r} cannot be measured: its gradient is not finite")
    errors = (again - gradient).abs() > 1e-5 * gradient.abs()
    return gradient.masked_fill(errors, 0)[0].abs().sum(0)


def _unit(tape: Tape, draw: Draw, layer: str, unit: tuple[int, int] | None) -> tuple[Tensor, Tensor]:
    """The image of a run with these numbers, and one number of the unit."""
    image, output = play(tape, draw)
    if not output.requires_grad:
        raise ValueError(f"the output of layer {layer!r} does not depend on the input")
    return image, draw.share(_units(output, layer, unit))


def _units(output: Tensor, layer: str, unit: tuple[int, int] | None) -> Tensor:
    """The elements of a layer's output that are asked for: one place in every map, or all."""
    if output.dim() != 4:
        if unit is not None:
            raise ValueError(f"layer {layer!r} has no maps, so no unit at {unit}; leave it out")
        return output
    height, width = output.shape[-2:]
    row, column = (height // 2, width // 2) if unit is None else _PLACE("unit", unit)
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"layer {layer!r} has {height} x {width} units, numbered from 0; there is "
                         f"none at ({row}, {column})")
    return output[..., row, column]
