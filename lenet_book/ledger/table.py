"""The ledger's table: a row for each layer, the totals, and how they are shown."""

from dataclasses import dataclass
from html import escape

from ..tables import Rows, aligned, by


@dataclass(frozen=True)
class Row:
    """One layer. connections and macs are None where something ran that is not known."""

    name: str
    kind: str
    output_shape: tuple[int, ...] | None  # of one example, without the batch; None: it did not run
    parameters: int
    fixed: int
    connections: int | None
    macs: int | None
    unknown: tuple[str, ...] = ()  # the operations that are not known


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
        """Names of the layers in which something ran whose connections are not known."""
        return tuple(dict.fromkeys(row.name for row in self if row.unknown))

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

        def shape(row: Row) -> str:
            return "did not run" if row.output_shape is None else by(row.output_shape)

        return [*(line(row.name, row.kind, shape(row), row) for row in self),
                line("total", "", "", self)]

    def _remarks(self) -> list[str]:
        layers = [f"{row.name} ({', '.join(row.unknown)})" for row in self if row.unknown]
        return layers and ["Not counted, so that the last two totals are lower bounds: "
                           + ", ".join(layers)]


_HEAD = ["layer", "kind", "output", "parameters", "connections", "multiply-adds"]
_WORDS = 3  # the first columns

