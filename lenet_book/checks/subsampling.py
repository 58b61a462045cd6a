"""A layer of a class of the reader's, with a weight and a bias for each map: filled, and trained."""

import torch
from torch import Tensor, nn

from ..arguments import shown
from ..layers import Subsampling
from .acting_parameters import gradients_arrive
from .answers import counted
from .calls import Function
from .errors import one_line
from .verdict import NotYet, Wrong


def filled(answer, weight: Tensor, bias: Tensor) -> nn.Module:
    """A layer of this class, with these numbers in it."""
    maps = len(weight)
    try:
        layer = answer(maps)
    except (NotYet, Wrong, TimeoutError):
        raise
    except Exception as error:
        raise Wrong(f"{answer.__name__}({maps}) raises {one_line(error)}") from None
    if Function(layer, "x").empty:
        raise NotYet
    if any(isinstance(part, Subsampling) for part in layer.modules()):
        raise Wrong("the book's Subsampling does the work here; write the layer yourself")
    own = dict(layer.named_parameters())
    for name, values in (("weight", weight), ("bias", bias)):
        found = own.pop(name, None)
        kept = getattr(layer, name, None)
        if found is None and isinstance(kept, nn.Parameter):
            raise Wrong("weight and bias are the same Parameter; each needs its own")
        if found is None and isinstance(kept, Tensor):
            raise Wrong(f"its {name} is a plain tensor, which no optimiser finds: make an nn.Parameter "
                        "of it, in __init__")
        if found is None:
            raise Wrong(f"it has no parameter self.{name}: make it in __init__")
        if found.numel() != maps:
            raise Wrong(f"self.{name} holds {counted(found.numel(), 'number')} for "
                        f"{counted(maps, 'map')}"
                        + ("; each map has one" if found.numel() != 4 * maps else
                           ": four for a map, as in a depthwise convolution, and one is asked for"))
        if found.is_meta or not found.is_floating_point() or not found.requires_grad:
            raise Wrong(f"self.{name} cannot be trained: " + (
                "its requires_grad is False" if found.is_floating_point() else shown(found)))
        with torch.no_grad():
            found.data = values.clone().view(found.shape)
    if own:
        raise Wrong(f"it has more parameters than weight and bias: {', '.join(own)}")
    for name, kept in vars(layer).items():
        if isinstance(kept, Tensor) and kept.grad_fn is not None:
            raise Wrong(f"self.{name} is made of a parameter in __init__, and stays behind when that "
                        "is moved, by .double() say: make it of the parameter in forward")
    return layer


def is_trained(answer, x: Tensor, weight: Tensor, bias: Tensor) -> None:
    """Wrong, unless a gradient reaches the weight, the bias and the input of a layer of this class."""
    layer, x = filled(answer, weight, bias), x.clone().requires_grad_()
    made = {"weight": layer.weight, "bias": layer.bias}
    result = Function(layer, "x")(x)
    for name, parameter in made.items():
        if getattr(layer, name) is not parameter:
            raise Wrong(f"forward makes a new self.{name}, which the optimiser does not know: make it "
                        "once, in __init__, and only read it in forward")
    gradients_arrive(result, {"self.weight": [layer.weight], "self.bias": [layer.bias],
                              "its input": [x]})
