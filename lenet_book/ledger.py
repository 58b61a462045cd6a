"""What every layer of a network costs, in three honest columns.

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
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import torch
from torch import nn

_WITHOUT_COST = (
    nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
    nn.AlphaDropout, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU,
    nn.Mish, nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.LogSigmoid,
    nn.Softplus, nn.Softsign, nn.Tanhshrink, nn.Softmax, nn.Softmax2d, nn.LogSoftmax,
)
_WINDOW_POOLING = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d,
                   nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
_ADAPTIVE_POOLING = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
                     nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)


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


@dataclass(frozen=True)
class Ledger:
    """Rows in the order in which the layers run, and their totals."""

    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Row:
        """The first row of that name."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no layer is called {name!r}; there are "
                       f"{', '.join(row.name for row in self.rows)}")

    @property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(row.parameters for row in self.rows)

    @property
    def fixed(self) -> int:
        """Parameters that learning does not change."""
        return sum(row.fixed for row in self.rows)

    @property
    def connections(self) -> int:
        """Connections of the rows that are counted; `not_counted` names the others."""
        return sum(row.connections or 0 for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-adds of the rows that are counted; `not_counted` names the others."""
        return sum(row.macs or 0 for row in self.rows)

    @property
    def not_counted(self) -> tuple[str, ...]:
        """Names of the layers whose connections and multiply-adds are not known."""
        return tuple(row.name for row in self.rows if row.connections is None)

    def to_text(self) -> str:
        """A table for a terminal."""
        cells = [_HEAD, *self._cells()]
        widths = [max(len(row[i]) for row in cells) for i in range(len(_HEAD))]
        lines = ["  ".join(text.ljust(width) if i < _LEFT else text.rjust(width)
                           for i, (text, width) in enumerate(zip(row, widths, strict=True))).rstrip()
                 for row in cells]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], *self._remarks()])

    def to_markdown(self) -> str:
        """A table for a README."""
        rule = ["---"] * _LEFT + ["---:"] * (len(_HEAD) - _LEFT)
        lines = ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |"
                 for row in (_HEAD, rule, *self._cells())]
        return "\n".join(lines + [f"\n{remark}" for remark in self._remarks()])

    def to_html(self) -> str:
        """A table for a notebook, every name escaped."""
        def line(row: list[str], tag: str = "td", weight: str = "normal") -> str:
            return "<tr>" + "".join(
                f'<{tag} style="text-align:{"left" if i < _LEFT else "right"};'
                f'font-weight:{weight}">{escape(text)}</{tag}>'
                for i, text in enumerate(row)) + "</tr>"
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

        return [*(line(row.name, row.kind, " x ".join(map(str, row.output_shape)) or "did not run",
                       row) for row in self.rows),
                line("total", "", "", self)]

    def _remarks(self) -> list[str]:
        if not self.not_counted:
            return []
        return [f"Not counted, so that the last two totals are lower bounds: "
                f"{', '.join(self.not_counted)}"]

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


_HEAD = ["layer", "kind", "output", "parameters", "connections", "multiply-adds"]
_LEFT = 3  # the first columns are words and stand left, the others are numbers and stand right


def ledger(model: nn.Module, input_shape: tuple[int, ...]) -> Ledger:
    """Count a network's layers by running it once on zeros, in evaluation mode.

    input_shape: of one example, such as (1, 32, 32); four numbers are taken as N x C x H x W, the
    way torchinfo wants them, and the counts are still for one example.
    A layer that runs twice has two rows, the second without its parameters, which are the same. A
    parameter that no row accounts for (held by a container, or in a layer that did not run) has a
    row of its own, so that the totals are always those of the model.
    The model is left as it was: hooks removed, training modes restored.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    shape = tuple(input_shape) if len(input_shape) == 4 else (1, *input_shape)
    reference = next(model.parameters(), torch.empty(0))
    example = torch.zeros(shape, dtype=reference.dtype, device=reference.device)
    names = {module: name or type(module).__name__ for name, module in model.named_modules()}
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

    hooks = [module.register_forward_hook(note) for module in names
             if _is_layer(module) and not isinstance(module, _WITHOUT_COST)]
    modes = {module: module.training for module in names}
    try:
        model.eval()
        with torch.no_grad():
            model(example)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    for module, name in names.items():
        trainable, fixed = new_parameters(module)
        if trainable or fixed:
            kind = type(module).__name__
            rows.append(Row(name, kind if _is_layer(module) else f"{kind}, held directly", (),
                            trainable, fixed, None, None))
    return Ledger(tuple(rows))


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
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)):
        fan_in = module.weight[0].numel()  # inputs of one unit; its group alone where there are groups
        return units * (fan_in + (module.bias is not None)), units * fan_in
    if isinstance(module, _WINDOW_POOLING):
        axes = output.dim() - 2
        k = module.kernel_size
        return units * (math.prod(k) if isinstance(k, tuple) else k**axes), 0
    if isinstance(module, _ADAPTIVE_POOLING):
        axes = zip(inputs[0].shape[2:], output.shape[2:], strict=True)
        return output.shape[1] * math.prod(_adaptive_inputs(*axis) for axis in axes), 0
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
        return units * (1 + module.affine), units  # in evaluation mode: scale and shift
    return None, None


def _adaptive_inputs(size: int, positions: int) -> int:
    """Inputs read along one axis by all windows together; neighbours may overlap by a pixel."""
    return sum(-(-(i + 1) * size // positions) - i * size // positions for i in range(positions))
