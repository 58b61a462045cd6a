"""What a table of layers needs: rows that are found by their names, and columns that are aligned."""

from collections.abc import Iterable, Sequence


class Rows(tuple):
    """Rows in the order in which the layers run; rows["c3"] is the first of that name.

    Raises KeyError, with the names there are, for an unknown one.
    """

    def __getitem__(self, which):
        if not isinstance(which, str):
            return super().__getitem__(which)
        for row in self:
            if row.name == which:
                return row
        raise KeyError(f"no layer is called {which!r}; there are "
                       f"{', '.join(row.name for row in self)}")


def aligned(lines: Sequence[Sequence[str]], words: int) -> list[str]:
    """The lines of a table, each column as wide as its widest cell.

    The first `words` columns stand left, the others are numbers and stand right.
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) if i < words else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
            for line in lines]


def by(shape: Iterable[int]) -> str:
    """A shape in words, such as 16 x 5 x 5."""
    return " x ".join(map(str, shape))
