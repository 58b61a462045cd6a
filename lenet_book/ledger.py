"""What every layer of a network costs, in three columns; chapter 06 builds it.

parameters     numbers that learning changes; frozen ones are listed beside them as "fixed"
connections    one for each input of each output unit, the bias counted as an input, padding too:
               the paper's own measure (Section II-B)
multiply-adds  multiplications by a weight whose product joins a sum; no bias, no pooling by
               maximum or mean

Activations, dropout and reshaping belong to the units before them and have no row. A layer that is
none of the known kinds keeps its row, with its parameters, and is marked "not counted" in the other
two columns. All figures are for one example.
"""

import math
from dataclasses import dataclass
from html import escape

import torch
from torch import nn

from .features import hooked, names_of, zeros
from .tables import Rows, aligned, by

_WITHOUT_COST = (
    nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
    nn.AlphaDropout, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU,
    nn.Mish, nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.LogSigmoid,
    nn.Softplus, nn.Softsign, nn.Tanhshrink, nn.Softmax, nn.Softmax2d, nn.LogSoftmax,
)
_WINDOW_POOLING = (nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d)
_ADAPTIVE_POOLING = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
                     nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True)
class Row:
    """One layer. connections and macs are None where the kind of layer is not known."""

    name: str
    kind: str
    output_shape: tuple[int, ...]  # of one example, without the batch; () where it did not run
    parameters: int
    fixed: int
    connections: int | None
    macs: int | None


class Ledger(Rows):
    """The rows, and their totals."""

    @property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(row.parameters for row in self)

    @property
    def fixed(self) -> int:
        """Parameters that learning does not change."""
        return sum(row.fixed for row in self)

    @property
    def connections(self) -> int:
        """Connections of the rows that are counted; `not_counted` names the others."""
        return sum(row.connections or 0 for row in self)

    @property
    def macs(self) -> int:
        """Multiply-adds of the rows that are counted; `not_counted` names the others."""
        return sum(row.macs or 0 for row in self)

    @property
    def not_counted(self) -> tuple[str, ...]:
        """Names of the layers whose connections and multiply-adds are not known."""
        return tuple(row.name for row in self if row.connections is None)

    def __repr__(self) -> str:
        head, *lines, total = aligned([_HEAD, *self._cells()], _WORDS)
        rule = "-" * max(map(len, [head, *lines, total]))
        return "\n".join([head, rule, *lines, rule, total, *self._remarks()])

    def _repr_html_(self) -> str:
        def line(cells: list[str], tag: str = "td", weight: str = "normal") -> str:
            return "<tr>" + "".join(
                f'<{tag} style="text-align:{"left" if i < _WORDS else "right"};'
                f'font-weight:{weight}">{escape(cell)}</{tag}>'
                for i, cell in enumerate(cells)) + "</tr>"
        *rows, total = self._cells()
        return ("<table><thead>" + line(_HEAD, "th", "bold") + "</thead><tbody>"
                + "".join(map(line, rows)) + line(total, weight="bold") + "</tbody></table>"
                + "".join(f"<p>{escape(remark)}</p>" for remark in self._remarks()))

    def _cells(self) -> list[list[str]]:
        def number(n: int | None) -> str:
            return "not counted" if n is None else f"{n:,}"

        def line(name, kind, shape, row) -> list[str]:
            held = f"{row.parameters:,}" + (f" + {row.fixed:,} fixed" if row.fixed else "")
            return [name, kind, shape, held, number(row.connections), number(row.macs)]

        return [*(line(row.name, row.kind, by(row.output_shape) or "did not run", row)
                  for row in self), line("total", "", "", self)]

    def _remarks(self) -> list[str]:
        if not self.not_counted:
            return []
        return [f"Not counted, so that the last two totals are lower bounds: "
                f"{', '.join(self.not_counted)}"]


_HEAD = ["layer", "kind", "output", "parameters", "connections", "multiply-adds"]
_WORDS = 3  # the first columns


def ledger(model: nn.Module, input_shape: tuple[int, ...]) -> Ledger:
    """Count a network's layers by running it once on zeros, in evaluation mode.

    input_shape: C x H x W, or whatever one example has; four numbers are taken as N x C x H x W, the
    way torchinfo wants them, and the counts are still for one example.
    A layer that runs twice has two rows, the second without its parameters, which are the same. A
    parameter that no row accounts for (held by a container, or in a layer that did not run) has a
    row of its own, so that the totals are always those of the model.
    The model is left as it was: hooks removed, training modes restored.
    Raises TypeError for what is no torch.nn.Module or is compiled, ValueError for no shape.
    """
    names = names_of(model)
    rows: list[Row] = []
    listed: set[nn.Parameter] = set()

    def new_parameters(module: nn.Module) -> tuple[int, int]:
        """Trainable and fixed ones held by this module that no row has yet."""
        fresh = set(module.parameters(recurse=False)) - listed
        listed.update(fresh)
        return (sum(p.numel() for p in fresh if p.requires_grad),
                sum(p.numel() for p in fresh if not p.requires_grad))

    def note(module: nn.Module, inputs: tuple, output) -> None:
        result = output if isinstance(output, torch.Tensor) else None
        held = new_parameters(module)
        rows.append(Row(names[module], type(module).__name__,
                        () if result is None else tuple(result.shape[1:]), *held,
                        *_connections_and_macs(module, inputs, result)))

    counted = [module for module in names
               if _is_layer(module) and not isinstance(module, _WITHOUT_COST)]
    with hooked(model, after=[(module, note) for module in counted]), torch.no_grad():
        model(zeros(model, input_shape, axes=(1, 2, 3)))
    for module, name in names.items():
        trainable, fixed = new_parameters(module)
        if trainable or fixed:
            kind = type(module).__name__
            rows.append(Row(name, kind if _is_layer(module) else f"{kind}, held directly", (),
                            trainable, fixed, None, None))
    return Ledger(rows)


def _is_layer(module: nn.Module) -> bool:
    """A module that does its own work, rather than passing it on to modules inside it."""
    return hasattr(module, "connections_and_macs") or not any(module.children())


def _connections_and_macs(module: nn.Module, inputs: tuple,
                          output: torch.Tensor | None) -> tuple[int | None, int | None]:
    """Of one layer for one example; (None, None) where its kind is not known."""
    if output is None:
        return None, None
    units = math.prod(output.shape[1:])
    if hasattr(module, "connections_and_macs"):  # the book's own layers say it themselves
        return module.connections_and_macs(units)
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
        fan_in = module.weight[0].numel()  # inputs of one unit; its group alone where there are groups
        return units * (fan_in + (module.bias is not None)), units * fan_in
    if isinstance(module, _WINDOW_POOLING):
        axes = output.dim() - 2
        k = module.kernel_size
        return units * (math.prod(k) if isinstance(k, tuple) else k**axes), 0
    if isinstance(module, _ADAPTIVE_POOLING):
        axes = zip(inputs[0].shape[2:], output.shape[2:], strict=True)
        return output.shape[1] * math.prod(_adaptive_inputs(*axis) for axis in axes), 0
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        return units * (1 + module.affine), units  # in evaluation mode: scale and shift
    return None, None


def _adaptive_inputs(size: int, positions: int) -> int:
    """Inputs read along one axis by all windows together; neighbours may overlap by a pixel."""
    return sum(-(-(i + 1) * size // positions) - i * size // positions for i in range(positions))
