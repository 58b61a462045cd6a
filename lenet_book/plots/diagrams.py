"""Drawings of structure: who reads whom, windows, the stages of networks."""

from collections.abc import Mapping, Sequence

from matplotlib.patches import Rectangle

from ..arguments import checked, fields, named, sequence, text, whole
from .picture import (
    BLUE,
    INK,
    KINDS,
    PALE,
    PURPLE,
    RED,
    SMALL,
    STYLES,
    WORDS,
    Picture,
    number_the_maps,
    outline,
)

_SIDE, _PADDING = whole(1, 100), whole(0, 100)  # so many squares can still be told apart


@checked(tables=named(sequence(sequence(_PADDING))))
def connection_tables(tables: Mapping[str, Sequence[Sequence[int]]]) -> Picture:
    """Which input maps each output map reads, as in the paper's Table I; one table or several.

    tables: title -> for each output map the input maps that it reads. A row for each input map, a
    column for each output map; a filled square with a cross is a kernel, and below each column
    stands how many it has. In words a single table is read out, several are counted.
    """
    sizes = {title: (len(table), max(map(max, table)) + 1) for title, table in tables.items()}
    counts = {title: f"{sum(map(len, tables[title]))} of {columns * rows} kernels"
              for title, (columns, rows) in sizes.items()}
    words = "; ".join(f"{title}: {count}" for title, count in counts.items())
    if len(tables) == 1:
        words += "".join(f"; {output} reads {', '.join(map(str, inputs))}"
                         for output, inputs in enumerate(*tables.values()))
    columns = [columns for columns, _ in sizes.values()]
    side = min(0.5, (10.4 - 0.35 * len(tables)) / sum(columns))  # of a square, inches
    picture = Picture(words, width=side * sum(columns) + 0.35 * len(tables) + 0.6,
                      height=side * (max(rows for _, rows in sizes.values()) + 1) + 1.1)
    axes = picture.subplots(1, len(tables), squeeze=False, width_ratios=columns)[0]
    for axis, (title, table) in zip(axes, tables.items(), strict=True):
        columns, rows = sizes[title]
        number_the_maps(axis, columns, rows)
        axis.set(ylim=(rows + 1, 0), anchor="S")
        for output, inputs in enumerate(table):
            for source in range(rows):
                axis.add_patch(Rectangle((output, source), 1, 1, edgecolor="white", linewidth=1.5,
                                         facecolor=BLUE if source in inputs else "#F0F0F0"))
                if source in inputs:
                    axis.text(output + 0.5, source + 0.5, "×", ha="center", va="center",
                              fontsize=WORDS, color="white")
            axis.text(output + 0.5, rows + 0.5, len(inputs), ha="center", va="center",
                      fontsize=WORDS)
        axis.set_title(f"{title}\n{counts[title]}", fontsize=WORDS, pad=10)
        axis.set_xlabel("output map", fontsize=WORDS)
    axes[0].set_ylabel("input map", fontsize=WORDS)
    axes[0].text(-0.3, next(iter(sizes.values()))[1] + 0.5, "kernels", ha="right", va="center",
                 fontsize=WORDS)
    return picture


@checked(size=_SIDE, kernel=_SIDE, stride=_SIDE, padding=_PADDING, dilation=_SIDE)
def window_positions(size: int, kernel: int, stride: int = 1, padding: int = 0,
                     dilation: int = 1) -> Picture:
    """Where the windows of a square input lie, and which output each of them makes.

    All lengths in pixels, padding per side. Left the padded input with the first window, the next
    to its right and the last; beneath it every window of the first row as a bar. Padding is grey,
    rows and columns that no window reaches are hatched. Right the output, with the same three.
    """
    padded, reach = size + 2 * padding, dilation * (kernel - 1) + 1
    starts = range(0, padded - reach + 1, stride)
    if not starts:
        raise ValueError(f"a window that reaches {reach} pixels has no place in {padded}")
    end = starts[-1] + reach  # the first row and column that no window reaches
    units, lost = len(starts), padded - end
    rows = "row and column" if lost == 1 else "rows and columns"
    picture = Picture(
        f"windows: input {size} x {size}, padding {padding}, kernel {kernel}, stride {stride}, "
        f"dilation {dilation}: output {units} x {units}, {lost} {rows} dropped",
        width=0.36 * (padded + units + 2) + 1.6, height=0.36 * (padded + 0.6 * units + 1.3) + 0.5)
    left, right = picture.subplots(1, 2, width_ratios=(padded, max(units, 3)))
    for axis, length in ((left, padded), (right, units)):
        for row in range(length):
            for column in range(length):
                inside = axis is right or all(padding <= i < size + padding for i in (row, column))
                axis.add_patch(Rectangle((column, row), 1, 1, edgecolor="#AAAAAA", linewidth=0.7,
                                         facecolor="white" if inside else PALE))
                if axis is left and max(row, column) >= end:
                    axis.add_patch(Rectangle((column, row), 1, 1, fill=False, hatch="xxxx",
                                             linewidth=0, edgecolor=RED))
        axis.set(xlim=(-0.1, max(length, 3) + 0.1), ylim=(padded + 0.6 * units + 1.3, -0.1),
                 aspect="equal", anchor="N")
        axis.set_axis_off()
    last = units - 1
    for i, (row, column) in enumerate(dict.fromkeys([(0, 0), (0, min(1, last)), (last, last)])):
        left.add_patch(outline(i, starts[column], starts[row], reach, reach))
        right.add_patch(outline(i, column, row, 1, 1))
        right.text(column + 0.5, row + 0.52, f"{row},{column}", ha="center", va="center",
                   fontsize=SMALL)
        if dilation > 1:  # the pixels that are read, beside each other where two windows share one
            for tap in range(kernel**2):
                down, right_of = divmod(tap, kernel)
                left.plot(starts[column] + dilation * right_of + 0.35 + 0.3 * i / 2,
                          starts[row] + dilation * down + 0.5, "o", color=STYLES[i]["color"],
                          markersize=4)
    for line, start in enumerate(starts):
        height = padded + 0.7 + 0.6 * line
        left.plot([start + 0.1, start + reach - 0.1], [height, height], color=INK, linewidth=1.2)
        left.plot([start + dilation * tap + 0.5 for tap in range(kernel)], [height] * kernel, "o",
                  color=INK, markersize=3.5)
    left.text(0, padded + 0.6 * units + 0.5, "every window of the first row", va="top", fontsize=SMALL)
    left.set_title(f"input {size} × {size}" + f", padding {padding}" * bool(padding), fontsize=WORDS)
    right.set_title(f"output {units} × {units}", fontsize=WORDS)
    return picture


@checked(nets=named(sequence(fields(text, text, sequence(whole(1), least=0), whole(0)))))
def stages(nets: Mapping[str, Sequence[tuple[str, str, Sequence[int], int]]]) -> Picture:
    """Networks side by side, their layers from top to bottom, those of one stage in one line.

    nets: title -> layers, each (name, kind, shape of its output, parameters). The stage of a layer is
    its name up to "_", so that c1_relu stands in the box of c1; reshaping has no box. A stage that a
    net lacks is left out of its column. Parameters are the sum of the box. Shape and parameters are
    each bold where they are not those of the first net.
    """
    columns = {title: _boxes(layers) for title, layers in nets.items()}
    order = list(dict.fromkeys(stage for boxes in columns.values() for stage in boxes))
    first = next(iter(columns.values()))
    picture = Picture("networks side by side: " + "; ".join(
        f"{title}: " + ", ".join(f"{stage} {' '.join(kinds)} {count:,}"
                                 for stage, (kinds, _, count) in boxes.items())
        for title, boxes in columns.items()), width=0.9 + 1.68 * len(columns),
        height=0.4 + 0.86 * len(order), layout=None)
    axis = picture.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    axis.set(xlim=(-1.05, len(columns) - 0.5), ylim=(len(order) - 0.5, -0.9))
    style = {"ha": "center", "va": "center", "fontsize": 9, "color": INK}
    for x, (title, boxes) in enumerate(columns.items()):
        axis.text(x, -0.62, title, **style | {"fontsize": WORDS}, weight="bold")
        for stage, (kinds, shape, count) in boxes.items():
            y, colour = order.index(stage), KINDS.get(stage[:1].upper(), PURPLE)
            axis.add_patch(Rectangle((x - 0.47, y - 0.42), 0.94, 0.84, facecolor=colour + "22",
                                     edgecolor=colour, linewidth=1.4))
            axis.text(x, y - 0.13, "\n".join(kinds), **style, linespacing=1.05)
            _, its_shape, its_count = first.get(stage, (None, None, None))
            for place, side, words, new in (
                    (x - 0.43, "left", " × ".join(map(str, shape)), shape != its_shape),
                    (x + 0.43, "right", f"{count:,}", count != its_count)):
                axis.text(place, y + 0.29, words, **style | {"ha": side},
                          weight="bold" if new else "normal")
    for y, stage in enumerate(order):
        axis.text(-0.55, y, stage.upper(), **style | {"ha": "right", "fontsize": WORDS}, weight="bold")
    return picture


def _boxes(layers: Sequence) -> dict[str, tuple[list[str], Sequence[int], int]]:
    """stage -> kinds of its layers, shape that leaves it, parameters."""
    boxes: dict[str, tuple[list[str], Sequence[int], int]] = {}
    for name, kind, shape, count in layers:
        if kind == "Flatten":
            continue
        stage = name.split("_")[0]
        kinds, _, before = boxes.get(stage, ([], (), 0))
        boxes[stage] = ([*kinds, kind], shape, before + count)
    return boxes
