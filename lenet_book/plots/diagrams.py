"""Drawings of structure: windows, connections, layers."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Polygon, Rectangle

from .picture import BLUE, GREEN, INK, ORANGE, PALE, PURPLE, RED, Picture


def connection_table(connections: Sequence[Sequence[int]]) -> Picture:
    """Which maps of S2 each map of C3 reads: a column for each C3 map, as in the paper's Table I."""
    sources = max(map(max, connections)) + 1
    kernels = sum(map(len, connections))
    picture = Picture(f"connection table: {len(connections)} maps of C3, {sources} maps of S2, "
                      f"{kernels} kernels in place of {len(connections) * sources}",
                      width=9.4, height=4.2)
    axis = picture.subplots()
    shades = {3: "#9ECAE1", 4: "#4292C6", 6: "#08519C"}  # paler where fewer maps are read
    for output, inputs in enumerate(connections):
        for source in range(sources):
            reads = source in inputs
            axis.add_patch(Rectangle(
                (output, source), 1, 1, edgecolor="white", linewidth=2,
                facecolor=shades.get(len(inputs), BLUE) if reads else "#F0F0F0"))
            if reads:
                axis.text(output + 0.5, source + 0.5, "×", ha="center", va="center",
                          fontsize=13, color=INK if len(inputs) == 3 else "white")
        axis.text(output + 0.5, sources + 0.45, str(len(inputs)), ha="center", va="center",
                  fontsize=11, color=INK)
    axis.text(-0.25, sources + 0.45, "kernels", ha="right", va="center", fontsize=11, color=INK)
    axis.set(xlim=(-0.05, len(connections) + 0.05), ylim=(sources + 0.9, -0.05), aspect="equal",
             xticks=[i + 0.5 for i in range(len(connections))], xticklabels=range(len(connections)),
             yticks=[i + 0.5 for i in range(sources)], yticklabels=range(sources),
             ylabel="map of S2")
    axis.set_title("map of C3", fontsize=11)
    axis.xaxis.tick_top()
    axis.tick_params(length=0, labelsize=11)
    axis.spines[:].set_visible(False)
    return picture


def who_reads_whom(tables: Mapping[str, Sequence[Sequence[int]]]) -> Picture:
    """Connection tables side by side: name -> for each output map the input maps that it reads.

    A filled square with a cross is a kernel; rows are input maps, columns output maps.
    """
    sizes = {name: (len(table), max(map(max, table)) + 1) for name, table in tables.items()}
    counts = {name: sum(map(len, table)) for name, table in tables.items()}
    picture = Picture("; ".join(f"{name}: {counts[name]} of {columns * rows} kernels"
                                for name, (columns, rows) in sizes.items()),
                      width=11, height=3.0)
    axes = picture.subplots(1, len(tables), squeeze=False,
                            width_ratios=[columns for columns, _ in sizes.values()])[0]
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        columns, rows = sizes[name]
        for output in range(columns):
            for source in range(rows):
                reads = source in table[output]
                axis.add_patch(Rectangle((output, source), 1, 1, edgecolor="white", linewidth=1.5,
                                         facecolor=BLUE if reads else "#F0F0F0"))
                if reads:
                    axis.text(output + 0.5, source + 0.5, "×", ha="center", va="center",
                              fontsize=11, color="white")
        axis.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal",
                 xticks=[i + 0.5 for i in range(columns)], xticklabels=range(columns),
                 yticks=[i + 0.5 for i in range(rows)], yticklabels=range(rows))
        axis.set_title(f"{name}\n{counts[name]} of {columns * rows} kernels", fontsize=10)
        axis.tick_params(length=0, labelsize=9)
        axis.spines[:].set_visible(False)
    axes[0].set(xlabel="output map", ylabel="input map")
    return picture


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
    lost = padded - end
    units = len(starts)
    picture = Picture(
        f"windows: input {size} x {size}, padding {padding}, kernel {kernel}, stride {stride}, "
        f"dilation {dilation}: output {units} x {units}, {lost} rows and columns dropped",
        width=0.36 * (padded + units + 2) + 1.6, height=0.36 * (padded + 0.6 * units + 1.3) + 0.5)
    left, right = picture.subplots(1, 2, width_ratios=(padded, max(units, 3)))
    for row in range(padded):
        for column in range(padded):
            inside = all(padding <= place < size + padding for place in (row, column))
            left.add_patch(Rectangle((column, row), 1, 1, edgecolor="#AAAAAA", linewidth=0.7,
                                     facecolor="white" if inside else PALE))
            if max(row, column) >= end:
                left.add_patch(Rectangle((column, row), 1, 1, fill=False, hatch="xxxx", linewidth=0,
                                         edgecolor=RED))
    for row in range(units):
        for column in range(units):
            right.add_patch(Rectangle((column, row), 1, 1, edgecolor="#AAAAAA", linewidth=0.7,
                                      facecolor="white"))
    last = units - 1
    chosen = list(dict.fromkeys([(0, 0), (0, min(1, last)), (last, last)]))
    styles = zip((BLUE, RED, GREEN), ("-", "--", ":"), (0.06, 0.17, 0.28), strict=True)
    for (row, column), (colour, line, inset) in zip(chosen, styles, strict=False):
        outline = {"fill": False, "edgecolor": colour, "linestyle": line, "linewidth": 2.4}
        top, at = starts[row] + inset, starts[column] + inset
        left.add_patch(Rectangle((at, top), reach - 2 * inset, reach - 2 * inset, **outline))
        right.add_patch(Rectangle((column + 0.1, row + 0.1), 0.8, 0.8, **outline))
        right.text(column + 0.5, row + 0.52, f"{row},{column}", ha="center", va="center", fontsize=9)
        if dilation > 1:
            taps = [(starts[column] + dilation * j + 0.33 + inset, starts[row] + dilation * i + 0.5)
                    for i in range(kernel) for j in range(kernel)]
            left.plot(*zip(*taps, strict=True), "o", color=colour, markersize=4)
    for number, start in enumerate(starts):
        height = padded + 0.7 + 0.6 * number
        left.plot([start + 0.1, start + reach - 0.1], [height, height], color=INK, linewidth=1.2)
        taps = [start + dilation * j + 0.5 for j in range(kernel)]
        left.plot(taps, [height] * kernel, "o", color=INK, markersize=3.5)
    left.text(0, padded + 0.6 * units + 0.5, "every window of the first row", va="top", fontsize=9)
    left.set_title(f"input {size} × {size}" + f", padding {padding}" * bool(padding), fontsize=11)
    right.set_title(f"output {units} × {units}", fontsize=11)
    left.set(xlim=(-0.1, padded + 0.1), ylim=(padded + 0.6 * units + 1.3, -0.1))
    right.set(xlim=(-0.1, max(units, 3) + 0.1), ylim=(padded + 0.6 * units + 1.3, -0.1))
    for axis in (left, right):
        axis.set(aspect="equal", anchor="N")
        axis.set_axis_off()
    return picture


def architecture(layers: Sequence, input_size: int, highlight: str | None = None) -> Picture:
    """A network of maps to scale: one pixel of a map has the same length everywhere.

    layers: records such as `paper.LAYERS` (name, kind, maps, size, kernel, trainable, fixed).
    highlight: the name of the one layer to colour, the others staying pale; all if None.
    Layers of 1 x 1 maps are drawn as a column, a third of a pixel for each unit.
    """
    names = [layer.name for layer in layers]
    if highlight is not None and highlight not in names:
        raise ValueError(f"no layer is called {highlight!r}; there are {', '.join(names)}")
    shown = "" if highlight is None else f", {highlight} highlighted"
    picture = Picture(
        f"architecture to scale{shown}: input 1 x {input_size} x {input_size}, " + ", ".join(
            f"{layer.name} {_shape_text(layer)}" for layer in layers),
        width=11, height=3.7, layout=None)
    axis = picture.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    stacks = [_Stack("input", 1, input_size, 0, "#888888"),
              *(_Stack(layer.name, layer.maps, layer.size, layer.kernel, _KINDS[layer.name[0]])
                for layer in layers)]
    left = 8.0
    for stack in stacks:
        stack.left = left
        left += stack.width + (11 if stack.side > 1 else 19)
    for before, stack in zip(stacks, stacks[1:], strict=False):
        _draw_funnel(axis, before, stack, highlight in (None, stack.name))
    words = [("", _shape_text(None, input_size), ""), *(
        (layer.kind, _shape_text(layer), f"{layer.trainable:,}" if layer.trainable
         else f"{layer.fixed:,} fixed") for layer in layers)]
    for stack, (kind, shape, count) in zip(stacks, words, strict=True):
        stack.draw(axis, strong=highlight in (None, stack.name))
        middle = stack.left + stack.width / 2
        tone = INK if highlight in (None, stack.name) else "#8A8A8A"
        axis.text(middle, 34, stack.name, ha="center", fontsize=12, weight="bold", color=tone)
        axis.text(middle, 29, kind.replace(" ", "\n"), ha="center", va="center", fontsize=8,
                  color=tone, linespacing=1.0)
        axis.text(middle, -30, shape, ha="center", va="center", fontsize=9, color=tone)
        axis.text(middle, -36, count, ha="center", va="center", fontsize=9, color=tone)
    axis.text(stacks[0].left + stacks[0].width / 2, -36, "parameters:", ha="center", va="center",
              fontsize=9, color=INK)
    axis.set(xlim=(0, left - 8), ylim=(-41, 41), aspect="equal")
    return picture


_KINDS = {"C": BLUE, "S": ORANGE, "F": GREEN, "o": PURPLE}  # by the first letter of the name


def _shape_text(layer, input_size: int = 0) -> str:
    if layer is None:
        return f"1 × {input_size} × {input_size}"
    return (f"{layer.maps} × {layer.size} × {layer.size}" if layer.size > 1
            else f"{layer.maps}")


class _Stack:
    """The maps of one layer, the first in front and the others behind it, up and to the right."""

    def __init__(self, name: str, maps: int, side: int, kernel: int, colour: str):
        self.name, self.maps, self.side, self.kernel, self.colour = name, maps, side, kernel, colour
        self.step = 0.0 if side == 1 else min(2.0, 16 / maps)
        self.width = side + self.step * (maps - 1) if side > 1 else 2.0
        self.height = self.width if side > 1 else maps / 3
        self.left = 0.0

    def corner(self, i: int) -> tuple[float, float]:
        """Lower left corner of map i; the stack is centred on the line y = 0."""
        return self.left + i * self.step, -self.height / 2 + i * self.step

    def draw(self, axis, strong: bool) -> None:
        style = {"edgecolor": self.colour if strong else "#B0B0B0", "linewidth": 0.8,
                 "facecolor": self.colour if strong and self.side == 1 else
                 "white" if self.side > 1 else "#E4E4E4", "zorder": 2}
        if self.side == 1:
            axis.add_patch(Rectangle((self.left, -self.height / 2), 2, self.height, **style))
            return
        for i in reversed(range(self.maps)):
            axis.add_patch(Rectangle(self.corner(i), self.side, self.side, **style))
            if strong:
                axis.add_patch(Rectangle(self.corner(i), self.side, self.side, zorder=2,
                                         facecolor=self.colour, alpha=0.28))


def _draw_funnel(axis, before: _Stack, stack: _Stack, strong: bool) -> None:
    """The window on the front map of one layer, drawn together to the unit that it feeds."""
    colour = stack.colour if strong else "#C8C8C8"
    x, y = before.corner(0)
    if before.side == 1:  # from a column of units: the whole column feeds the next
        window = [(x + 2, -before.height / 2), (x + 2, before.height / 2)]
        target = [(stack.left, stack.height / 2), (stack.left, -stack.height / 2)]
        axis.add_patch(Polygon(window + target, facecolor=colour, alpha=0.15, linewidth=0))
        return
    k = stack.kernel
    x, y = x + before.side - k - 2 * (before.side > k + 2), y + (before.side - k) * 0.3
    if before.side <= k:
        x, y = before.corner(0)
    axis.add_patch(Rectangle((x, y), k, k, facecolor=colour, alpha=0.45, edgecolor=colour,
                             linewidth=1.2, zorder=3))
    if stack.side == 1:
        unit_x, unit_y = stack.left, 0.0
    else:
        unit_x, unit_y = stack.corner(0)
        unit_x, unit_y = unit_x + stack.side * 0.2, unit_y + stack.side * 0.35
        axis.add_patch(Rectangle((unit_x, unit_y), 1, 1, facecolor=INK, linewidth=0, zorder=4))
    for corner in (y, y + k):
        axis.plot([x + k, unit_x], [corner, unit_y + 0.5], color=colour, linewidth=1, zorder=3)


def confusion(counts) -> Picture:
    """A confusion matrix: classes x classes, rows what it is, columns what it was taken for.

    The right answers, on the diagonal, are written small on grey: the mistakes are what one looks at.
    """
    counts = np.asarray(counts)
    classes = len(counts)
    wrong = counts - np.diag(np.diag(counts))
    worst = np.unravel_index(wrong.argmax(), wrong.shape)
    picture = Picture(f"confusion matrix of {counts.sum():,} answers, {wrong.sum():,} wrong; most "
                      f"often a {worst[0]} was taken for a {worst[1]}: {wrong.max()} times",
                      width=6.2, height=5.4)
    axis = picture.subplots()
    axis.imshow(wrong, cmap="Oranges", vmin=0, vmax=max(2 * wrong.max(), 1))
    for (row, column), count in np.ndenumerate(counts):
        if row == column:
            axis.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor="#EEEEEE"))
        if count:
            axis.text(column, row, count, ha="center", va="center", color=INK,
                      fontsize=9 if row == column else 12)
    axis.set(xticks=range(classes), yticks=range(classes), xlabel="taken for", ylabel="it is")
    axis.tick_params(length=0, labelsize=10)
    axis.spines[:].set_visible(False)
    return picture


def stages(nets: Mapping[str, Sequence[tuple[str, str, Sequence[int], int]]]) -> Picture:
    """Networks side by side, their layers from top to bottom, those of one stage in one line.

    nets: title -> layers, each (name, kind, shape of its output, parameters). The stage of a layer is
    its name up to "_", so that c1_relu stands in the box of c1; reshaping has no box. A stage that a
    net lacks is left out of its column. Parameters are the sum of the box, bold where they are not
    those of the first net.
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
    for x, (title, boxes) in enumerate(columns.items()):
        axis.text(x, -0.62, title, ha="center", va="center", fontsize=11, weight="bold", color=INK)
        for stage, (kinds, shape, count) in boxes.items():
            y, colour = order.index(stage), _KINDS.get(stage[0].upper(), _KINDS["o"])
            axis.add_patch(Rectangle((x - 0.47, y - 0.42), 0.94, 0.84, facecolor=colour + "22",
                                     edgecolor=colour, linewidth=1.4))
            axis.text(x, y - 0.13, "\n".join(kinds), ha="center", va="center", fontsize=9, color=INK,
                      linespacing=1.05)
            new = count != first.get(stage, (None, None, None))[2]
            axis.text(x, y + 0.29, f"{' × '.join(map(str, shape))}    {count:,}", ha="center",
                      va="center", fontsize=9, color=INK, weight="bold" if new else "normal")
    for y, stage in enumerate(order):
        axis.text(-0.55, y, stage.upper(), ha="right", va="center", fontsize=10, weight="bold",
                  color=INK)
    axis.set(xlim=(-1.05, len(columns) - 0.5), ylim=(len(order) - 0.5, -0.9))
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
