"""What may stand in a good argument's place: other kinds of things, and its value in other forms."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch
from torch import nn


class Whole(int):
    """A subclass of int, as an enumeration's members are."""


LOOP = []
LOOP.append(LOOP)  # a list that holds itself

# Kinds by name; what an argument takes of these, its good call names.
OTHER_KINDS = {
    "None": lambda: None, "True": lambda: True, "False": lambda: False,
    "negative": lambda: -1, "zero": lambda: 0, "huge": lambda: 10**30, "fraction": lambda: 2.5,
    "NaN": lambda: float("nan"), "infinite": lambda: float("inf"), "complex": lambda: 1j,
    "Decimal": lambda: Decimal("2.5"), "Fraction": lambda: Fraction(5, 2),
    "empty string": lambda: "", "string": lambda: "strange", "NUL": lambda: "a\0b",
    "bytes": lambda: b"12",
    "empty list": lambda: [], "empty tuple": lambda: (), "nested tuples": lambda: (((), ((),)),),
    "ragged list": lambda: [[1, 2], [3]], "list of strings": lambda: ["3", "4"],
    "list in itself": lambda: LOOP,
    "empty dict": lambda: {}, "dict": lambda: {"strange": 1}, "set": lambda: {"strange"},
    "generator": lambda: (number for number in (3, "strange")), "empty range": lambda: range(0),
    "object": object, "class": lambda: nn.Linear, "function": lambda: len,
    "module": lambda: nn.Linear(1, 1),
    "array": lambda: np.array([1.5, 2.5]), "array of strings": lambda: np.array(["strange"]),
    "NumPy's NaN": lambda: np.float32("nan"), "NumPy's time": lambda: np.datetime64("1998-11-01"),
    "empty tensor": lambda: torch.empty(0), "tensor of 7 axes": lambda: torch.ones(1, 1, 1, 1, 1, 1, 2),
    "tensor of two": lambda: torch.tensor([1.5, 2.5]), "fractional tensor": lambda: torch.tensor(2.5),
    "sparse vector": lambda: torch.ones(2).to_sparse(), "meta": lambda: torch.empty(2, device="meta"),
}


def forms_of(good):
    """(kind, value) for what says the same as the good value in another way."""
    if isinstance(good, torch.Tensor):
        yield "with gradient", good.detach().clone().requires_grad_(good.is_floating_point())
        yield "parameter", nn.Parameter(good.detach().clone(), good.is_floating_point())
        yield "not contiguous", good.repeat_interleave(2, -1)[..., ::2] if good.dim() else good
        yield "sparse", good.detach().to_sparse()
        for dtype in (torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64,
                      torch.complex64):
            yield str(dtype), good.detach().to(dtype)
        yield "NumPy array", good.detach().numpy()
        yield "nested lists", good.tolist()
    elif isinstance(good, bool):
        yield "NumPy's bool", np.bool_(good)
        yield "0 or 1", int(good)
    elif isinstance(good, int):
        yield "subclass of int", Whole(good)
        yield "NumPy's integer", np.int64(good)
        yield "tensor of one", torch.tensor(good)
        yield "float", float(good)
        yield "NumPy's float", np.float64(good)
        yield "number as a string", str(good)
        yield "whole Fraction", Fraction(good)
        yield "whole Decimal", Decimal(good)
        yield "list of one", [good]
    elif isinstance(good, float):
        yield "NumPy's double", np.float64(good)
        yield "tensor of one", torch.tensor(good, dtype=torch.float64)
        yield "number as a string", str(good)
        yield "same Decimal", Decimal(good)
    elif isinstance(good, str):
        yield "string as bytes", good.encode()
        yield "NumPy's string", np.str_(good)
    elif isinstance(good, (list, tuple)):
        yield "list", list(good)
        yield "tuple", tuple(good)
        yield "generator of the same", (one for one in good)


def misshapen(good):
    """(kind, value) for a tensor that has too many axes, too few, no elements, or no numbers."""
    if isinstance(good, torch.Tensor):
        yield "one axis more", good[None]
        yield "truth values", good.bool()
        yield "on meta", good.detach().to("meta")
        if good.dim():
            yield "one axis less", good[0]
            yield "no examples", good[:0]
            yield "no columns", good[..., :0]


def wrong_values(good):
    """(kind, value, alike): all of the above; alike, whether it says the same as the good value."""
    yield from ((kind, value(), False) for kind, value in OTHER_KINDS.items())
    yield from ((kind, value, False) for kind, value in misshapen(good))
    yield from ((kind, value, True) for kind, value in forms_of(good))


def shows(message: str, value) -> bool:
    """Does the message say what was given: the value, its type, or a tensor's shape or whereabouts?"""
    return any(word and word in message for word in words(value))


def words(value):
    """Any of these says what was given; those that take long to make stand last."""
    yield type(value).__name__
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield f"{value:,}"
    if isinstance(value, dict):
        yield from map(repr, value.values())
    if isinstance(value, (torch.Tensor, np.ndarray)):
        yield from (" x ".join(map(str, value.shape)), str(tuple(value.shape)),
                    str(value.dtype).removeprefix("torch."))
    if isinstance(value, torch.Tensor):
        yield from (str(value.layout), str(value.device))
    yield from (repr(value)[:20], str(value)[:20])
    if isinstance(value, (list, tuple, np.ndarray, torch.Tensor)) and value is not LOOP and (
            len(getattr(value, "shape", value))) and len(value):
        yield from words(value[0])  # the place in it that is wrong is enough


def same(one, other) -> bool:
    """Are two results equal, whatever their dtype? Of what shows itself, that it shows the same."""
    if isinstance(other, torch.Tensor):
        return (isinstance(one, torch.Tensor) and one.shape == other.shape
                and torch.allclose(*(t.detach().to(torch.complex128) for t in (one, other)), 0.02))
    if isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in other)
    if type(other) in (list, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or repr(one) == repr(other))
