"""What the tests of the receptive field ask of a trace."""

from lenet_book.receptive_field import measure


def sizes(rows) -> list[tuple[int, int]]:
    return [(row.field.size, row.field.jump) for row in rows]


def assert_measured(model, shape, row, *units):
    """What the gradient finds of these units of a layer is what its row says.

    units: (row, column), or None for a dense layer. One whose rows or whose columns see only padding
    sees nothing at all.
    """
    for unit in units:
        traced = row.window(*(unit or ()))
        assert measure(model, shape, row.name, unit).window == (
            traced if all(traced) else (range(0), range(0))), (row.name, unit)
