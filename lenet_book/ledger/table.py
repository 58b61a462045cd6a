"""The ledger's table: a row for each layer or block, the totals, and how they are shown."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from itertools import takewhile

from ..tables import Rows, aligned, by


@dataclass(eq=False)
class Block:
    """One run of a module that holds others."""

    name: str
    kind: str
    output_shape: tuple[int, ...] | None = None  # until it has run


@dataclass(frozen=True)
class Row:
    """One layer, or a block of them. A layer's three counts are None where something ran that is not
    known; a block's are then lower bounds.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...] | None  # of one example, without the batch; None: it did not run
    parameters: int
    fixed: int
    connections: int | None
    macs: int | None
    activations: int | None  # numbers that it gives out: see `Ledger.memory`
    unknown: tuple[str, ...] = ()  # the operations that are not known
    blocks: tuple[Block, ...] = field(default=(), repr=False, compare=False)  # outermost first
    inside: tuple["Row", ...] = field(default=(), repr=False)  # of a block: the rows of its layers

    @property
    def mib(self) -> float | None:
        """Size of the activations in float32, MiB."""
        return None if self.activations is None else _mib(self.activations)


class Ledger(Rows):
    """The rows of what runs in evaluation mode, and their totals; what runs in training only apart."""

    _words = ("layer", "kind", "output")
    _numbers = ("parameters", "connections", "multiply-adds")
    _bounds = "last two"  # totals that are lower bounds where something is not counted

    def __new__(cls, rows: Iterable[Row], in_training_only: Iterable[Row] = (), /):
        ledger = super().__new__(cls, rows)
        ledger._in_training_only = tuple(in_training_only)
        return ledger

    @property
    def in_training_only(self) -> "Ledger":
        """What runs in training mode alone, such as auxiliary heads; its totals come on top."""
        return type(self)(self._in_training_only)

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
    def activations(self) -> int:
        """Activations of the rows that are counted; `not_counted` names the others."""
        return sum(row.activations or 0 for row in self)

    @property
    def mib(self) -> float:
        """Size of the activations in float32, MiB."""
        return _mib(self.activations)

    @property
    def not_counted(self) -> tuple[str, ...]:
        """Names of the rows in which something ran whose connections are not known."""
        return tuple(dict.fromkeys(row.name for row in self if row.unknown))

    def folded(self) -> "Ledger":
        """A row for each outermost block in place of those of its layers; the totals stay.

        A block is a module that holds others, such as GoogLeNet's inception3a; one around all rows,
        such as the network itself, is left open. A block that runs twice has two rows.
        table.block("inception3a") opens one again, and .inside of its row are the rows that it holds.
        """
        enclosing = zip(*(row.blocks for row in self if row.blocks), strict=False)
        depth = sum(1 for _ in takewhile(lambda blocks: len(set(blocks)) == 1, enclosing))
        parts: dict[int, list[Row]] = {}
        for row in self:
            part = row.blocks[depth] if len(row.blocks) > depth else row
            parts.setdefault(id(part), []).append(row)
        rows = [_block(part, depth) if len(part[0].blocks) > depth else part[0]
                for part in parts.values()]
        return type(self)(rows, self._in_training_only and self.in_training_only.folded())

    def block(self, name: str) -> "Ledger":
        """The rows of the layers in one block, with their totals.

        Raises KeyError, with the names there are, for an unknown one.
        """
        def inside(rows: Iterable[Row]) -> list[Row]:
            return [row for row in _layers(rows) if row.name == name or row.name.startswith(f"{name}.")
                    or name in [block.name for block in row.blocks]]

        part = type(self)(inside(self), inside(self._in_training_only))
        if not (part or part._in_training_only):
            known = dict.fromkeys(block.name for row in _layers([*self, *self._in_training_only])
                                  for block in row.blocks)
            raise KeyError(f"no block is called {name!r}; there are {', '.join(known) or 'none'}")
        return part

    def memory(self) -> "Memory":
        """The same rows, shown with their activations in place of connections and multiply-adds.

        Activations are the numbers that a row's operations with connections give out, of one example:
        of an ordinary layer its output, of a module whose `forward` calls functions all that these
        give out. That is about what a training step keeps for the backward pass. An activation
        function has no row: ReLU's derivative can be read off its result, so that only this is kept,
        in place or not, and it is as large as the output of the layer before it. Maps that are only
        averaged are counted too, though their mean does without them. Not counted are the input, the
        copies that dropout and concatenation make, the positions of a max pooling's maxima, and what
        single functions keep besides, as response normalisation does; nor weights, their gradients
        and the optimiser's state, which do not grow with the batch.
        Of a recurrent layer the output alone counts. MiB: 2^20 bytes, at 4 bytes a number (float32).
        """
        return Memory(self, self._in_training_only)

    def __repr__(self) -> str:
        columns = [*self._words, *self._numbers]
        groups = [[self._cells(row) for row in rows] for rows in (self, self._in_training_only)]
        totals = self._totals()
        head, *lines = aligned([columns, *groups[0], *groups[1], *totals], len(self._words))
        rule = "-" * max(map(len, [head, *lines]))
        rows, lines = lines[:-len(totals)], lines[-len(totals):]
        text = [head, rule, *rows[:len(self)], rule, lines[0]]
        if lines[1:]:
            text += [rule, *rows[len(self):], rule, *lines[1:]]
        return "\n".join([*text, *self._remarks()])

    def _repr_html_(self) -> str:
        def line(cells: list[str], tag: str = "td", weight: str = "normal") -> str:
            return "<tr>" + "".join(
                f'<{tag} style="text-align:{"left" if i < len(self._words) else "right"};'
                f'font-weight:{weight}">{escape(cell)}</{tag}>'
                for i, cell in enumerate(cells)) + "</tr>"

        def lines(rows: Iterable[Row]) -> str:
            return "".join(line(self._cells(row)) for row in rows)

        total, *more = (line(cells, weight="bold") for cells in self._totals())
        return ("<table><thead>" + line([*self._words, *self._numbers], "th", "bold")
                + "</thead><tbody>" + lines(self) + total + lines(self._in_training_only)
                + "".join(more) + "</tbody></table>"
                + "".join(f"<p>{escape(remark)}</p>" for remark in self._remarks()))

    def _cells(self, row: Row) -> list[str]:
        return [_CELLS[column](row) for column in (*self._words, *self._numbers)]

    def _totals(self) -> list[list[str]]:
        """The total, and where there is something that runs in training only, that and the sum."""
        totals = {"total": self}
        if self._in_training_only:
            totals["in training only"] = self.in_training_only
            totals["total in training"] = type(self)([*self, *self._in_training_only])
        blank = [""] * (len(self._words) - 1)
        return [[name, *blank, *(_CELLS[column](total) for column in self._numbers)]
                for name, total in totals.items()]

    def _remarks(self) -> list[str]:
        rows = [f"{row.name} ({', '.join(row.unknown)})" for row in (*self, *self._in_training_only)
                if row.unknown]
        return rows and [f"Not counted, so that the {self._bounds} totals are lower bounds: "
                         + ", ".join(rows)]


class Memory(Ledger):
    """A ledger that shows how many numbers each row gives out, and their size."""

    _words = ("layer", "output")
    _numbers = ("activations", "MiB", "parameters")
    _bounds = "first two"


def _layers(rows: Iterable[Row]) -> list[Row]:
    """The same with each block opened."""
    return [layer for row in rows for layer in row.inside or (row,)]


def _block(rows: list[Row], depth: int) -> Row:
    """One row for those of a block."""
    block, sums = rows[0].blocks[depth], Ledger(rows)
    unknown = dict.fromkeys(name for row in rows for name in row.unknown)
    return Row(block.name, block.kind, block.output_shape, sums.parameters, sums.fixed,
               sums.connections, sums.macs, sums.activations, tuple(unknown),
               rows[0].blocks[:depth], tuple(rows))


def _mib(numbers: int) -> float:
    return numbers * 4 / 2**20


def _parameters(row: Row | Ledger) -> str:
    return f"{row.parameters:,}" + (f" + {row.fixed:,} fixed" if row.fixed else "")


def _number(row: Row | Ledger, count: float | None, form: str = ",") -> str:
    if count is None:
        return "not counted"
    return ("≥ " if isinstance(row, Row) and row.unknown else "") + format(count, form)


_CELLS = {  # what stands in a column, of a row and, but for the words, of a total
    "layer": lambda row: row.name,
    "kind": lambda row: row.kind,
    "output": lambda row: "did not run" if row.output_shape is None else by(row.output_shape),
    "parameters": _parameters,
    "connections": lambda row: _number(row, row.connections),
    "multiply-adds": lambda row: _number(row, row.macs),
    "activations": lambda row: _number(row, row.activations),
    "MiB": lambda row: _number(row, row.mib, ",.2f"),
}
