"""A trace's table: a row for each layer, how it is shown, and its blocks, folded up and opened."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from ..arguments import text
from ..tables import Rows, aligned, by
from .formula import ReceptiveField


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


class Call(NamedTuple):
    """One run of a module, and the calls inside it that have a row themselves or hold one."""

    name: str
    row: Row | None  # None where the module gives no single tensor, but several
    listed: bool     # whether the row is among those of a whole trace
    inside: tuple["Call", ...]

    def rows(self) -> Iterator[Row]:
        """The rows that are listed, in the order in which the layers end."""
        for call in self.inside:
            yield from call.rows()
        if self.listed:
            yield self.row

    def folded(self) -> Iterator[Row]:
        """One row for each call right inside, listed or not, then its own if that is listed."""
        for call in self.inside:
            if call.row:
                yield call.row
            else:
                yield from call.folded()
        if self.listed:
            yield self.row

    def named(self, name: str) -> Iterator["Call"]:
        """The calls of this name: itself, or those inside."""
        if self.name == name:
            yield self
        else:
            for call in self.inside:
                yield from call.named(name)


class Trace(Rows):
    """The rows, of each layer or of each block; their repr is a table.

        trace(net, (3, 224, 224))                      each layer
        trace(net, (3, 224, 224)).folded()             each block
        trace(net, (3, 224, 224)).block("inception3a") each layer of this block
    """

    _calls: tuple[Call, ...]

    def __new__(cls, rows: Iterable[Row], calls: tuple[Call, ...] = (), /):
        trace = super().__new__(cls, rows)
        trace._calls = calls
        return trace

    def folded(self) -> "Trace":
        """One row for each module that ran right inside the model, or inside the block.

        A block's row is what its output sees, and so that of its largest path.
        """
        return Trace(chain.from_iterable(call.folded() for call in self._calls), self._calls)

    def block(self, name: str) -> "Trace":
        """The rows of the layers inside the module of this name, and its own where it joins paths.

        One that ran several times has them as often. Fold them for one row a path.
        Raises KeyError, with the outermost names there are, for an unknown one; TypeError for what is
        no string.
        """
        calls = tuple(chain.from_iterable(call.named(text("name", name)) for call in self._calls))
        if not calls:
            raise KeyError(f"no block is called {name!r}; there are "
                           f"{', '.join(row.name for row in self.folded())}, and those inside them")
        return Trace(chain.from_iterable(call.rows() for call in calls), calls)

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
        return "\n".join([head, "-" * len(head), *lines, *self._remarks()])

    def _remarks(self) -> list[str]:
        """For readers of the table, of what does not fit into its columns."""
        names = [row.name for row in self if None in row.fields]
        return names and ["≤ is the largest window: the units of " + ", ".join(dict.fromkeys(names))
                          + " have no one size and jump; .window(row, column) is exact"]
