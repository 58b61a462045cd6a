"""Pictures: arrays in, a matplotlib Figure out. No pyplot, so nothing stays open behind them.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart, and no colour
is the only carrier of its meaning.
"""

import io
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import LogLocator, NullFormatter

BLUE, ORANGE, GREEN, PURPLE, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00"
INK, PALE = "#222222", "#D9D9D9"
_DPI = 160  # shown at half of it, so that a picture is sharp on a high-resolution screen


class Picture(Figure):
    """A Figure that shows itself in a notebook without pyplot, and says in words what it shows."""

    def __init__(self, alt: str, width: float, height: float, layout: str | None = "constrained"):
        """alt: one sentence for who cannot see it. width, height: inches."""
        super().__init__(figsize=(width, height), dpi=_DPI, layout=layout, facecolor="white")
        self.alt = alt

    def _repr_mimebundle_(self, include=None, exclude=None):
        stream = io.BytesIO()
        self.savefig(stream, format="png")
        width, height = (round(length * _DPI / 2) for length in self.get_size_inches())
        data = {"image/png": stream.getvalue(), "text/plain": repr(self)}
        return data, {"image/png": {"alt": self.alt, "width": width, "height": height}}

    def __repr__(self) -> str:
        return f"[picture] {self.alt}"

    def save_svg(self, path) -> None:
        """The same picture as a file that is the same, byte for byte, each time it is drawn."""
        with matplotlib.rc_context({"svg.hashsalt": "lenet_book", "svg.fonttype": "path"}):
            self.savefig(path, format="svg",
                         metadata={"Date": None, "Creator": None, "Title": self.alt})


def digits(images, titles: Sequence[str] | None = None, columns: int = 10,
           alt: str | None = None) -> Picture:
    """Handwritten digits in rows: N x H x W, or N x 1 x H x W, dark ink on white.

    All share one scale, from the smallest number to the largest: scale them alike beforehand.
    """
    images = [np.asarray(image).squeeze() for image in images]
    rows = -(-len(images) // columns)
    columns = min(columns, len(images))
    column_width = max([1.1, *(0.1 * len(title) for title in titles or ())])
    picture = Picture(alt or f"{len(images)} handwritten digits"
                      + (f": {', '.join(titles)}" if titles else ""),
                      width=min(11, column_width * columns),
                      height=(1.1 + 0.25 * bool(titles)) * rows)
    axes = list(picture.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.set_axis_off()
    low, high = min(i.min() for i in images), max(i.max() for i in images)
    for i, (axis, image) in enumerate(zip(axes, images, strict=False)):
        axis.imshow(image, cmap="gray_r", vmin=low, vmax=high)
        if titles:
            axis.set_title(titles[i], fontsize=11)
    return picture


def learning_curve(series: Mapping[str, Sequence[float]]) -> Picture:
    """Error rate against the epoch, on a logarithmic scale; series: name -> a share an epoch."""
    series = {name: values for name, values in series.items() if len(values)}
    ends = "; ".join(f"{name} from {values[0]:.2%} to {values[-1]:.2%}"
                     for name, values in series.items())
    picture = Picture(f"learning curve: {ends}", width=7, height=3.6)
    axis = picture.subplots()
    styles = zip((BLUE, RED, GREEN, PURPLE), "os^D", ("-", "--", "-.", ":"), strict=True)
    for (name, values), (colour, marker, line) in zip(series.items(), styles, strict=False):
        percent = [100 * value or float("nan") for value in values]  # 0 has no place on a log scale
        axis.plot(range(1, len(values) + 1), percent, color=colour, marker=marker, linestyle=line,
                  label=f"{name}: {values[-1]:.2%} at the end")
    axis.set(xlabel="epoch", ylabel="error, % (log scale)", yscale="log")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(color=PALE)
    axis.legend(frameon=False)
    return picture


def glyphs(codes, titles: Sequence[str] | None = None) -> Picture:
    """Codes of 84 numbers as pictures: N x 12 x 7, dark where +1, white where -1."""
    codes = [np.asarray(code) for code in codes]
    titles = titles or [str(digit) for digit in range(len(codes))]
    picture = Picture(f"{len(codes)} pictures, 7 wide and 12 high: {', '.join(titles)}",
                      width=1.0 * max(len(codes), 2), height=2.0)
    for axis, code, title in zip(picture.subplots(1, len(codes), squeeze=False).flat, codes, titles,
                                 strict=True):
        rows, columns = code.shape
        axis.pcolormesh(code, cmap="gray_r", vmin=-1, vmax=1, edgecolors=PALE, linewidth=0.4)
        axis.set(aspect="equal", xlim=(0, columns), ylim=(rows, 0), xticks=[], yticks=[])
        axis.set_title(title, fontsize=11)
    return picture


def maps(values, name: str, columns: int = 8) -> Picture:
    """Feature maps side by side: maps x H x W, one scale for all, white at zero.

    name: of the layer, for the words beside the picture.
    """
    values = np.asarray(values)
    count, height, width = values.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    reach = float(abs(values).max())
    side = 1.25 if count > 2 else 2.5
    picture = Picture(f"{count} maps of {name}, {height} x {width}, between {values.min():.2f} "
                      f"and {values.max():.2f}", width=side * columns + 0.8,
                      height=(side + 0.1) * rows)
    axes = picture.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, (axis, one) in enumerate(zip(axes.flat, values, strict=False)):
        image = axis.imshow(one, cmap="PuOr_r", vmin=-reach, vmax=reach)
        axis.set_title(f"{name} {number}", fontsize=10)
    picture.colorbar(image, ax=axes, shrink=0.9)
    return picture


def framed(images, windows: Sequence[tuple[range, range]], titles: Sequence[str]) -> Picture:
    """Pictures, N x H x W, each with one window (rows and columns, ranges of pixels) framed."""
    places = [f"{title}: rows {rows.start} to {rows.stop - 1}, columns {columns.start} to "
              f"{columns.stop - 1}" for title, (rows, columns) in zip(titles, windows, strict=True)]
    picture = Picture("windows on a picture; " + "; ".join(places), width=2.2 * len(titles),
                      height=2.5)
    axes = picture.subplots(1, len(titles), squeeze=False).flat
    for axis, image, (rows, columns), title in zip(axes, images, windows, titles, strict=True):
        height, width = image.shape
        axis.imshow(np.asarray(image), cmap="gray_r", extent=(0, width, height, 0))
        axis.add_patch(Rectangle((columns.start, rows.start), len(columns), len(rows), fill=False,
                                 edgecolor=RED, linewidth=2.5, clip_on=False))
        axis.set(xlim=(0, width), ylim=(height, 0))
        axis.set_title(title, fontsize=11)
        axis.tick_params(labelsize=9)
    return picture


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


def side_by_side(values: Sequence, titles: Sequence[str], signs: Sequence[str] | None = None,
                 alt: str | None = None) -> Picture:
    """Maps in one row, each H x W, one scale for all: orange above zero, violet below, white at it.

    signs: what stands between neighbours, such as ["+", "="]; nothing if None.
    """
    values = [np.asarray(value) for value in values]
    signs = [""] * (len(values) - 1) if signs is None else list(signs)
    if len(signs) != len(values) - 1:
        raise ValueError(f"{len(values)} maps have {len(values) - 1} places between them, "
                         f"not {len(signs)}")
    reach = max(float(abs(value).max()) for value in values) or 1.0
    words = titles[0] + "".join(f" {sign} {title}" if sign else f", {title}"
                                for sign, title in zip(signs, titles[1:], strict=True))
    lowest, highest = min(v.min() for v in values), max(v.max() for v in values)
    picture = Picture(alt or f"maps side by side: {words}; between {lowest:.2f} and {highest:.2f}",
                      width=min(11.0, 1.75 * len(values) + 0.7), height=2.1)
    gap = 0.16 if any(signs) else 0.02
    ratios = [1.0] + [gap, 1.0] * len(signs)
    axes = picture.subplots(1, len(ratios), squeeze=False, width_ratios=ratios)[0]
    for axis in axes:
        axis.set_axis_off()
    for axis, sign in zip(axes[1::2], signs, strict=True):
        axis.text(0.5, 0.5, sign, ha="center", va="center", fontsize=17, color=INK,
                  transform=axis.transAxes)
    for axis, value, title in zip(axes[::2], values, titles, strict=True):
        image = axis.imshow(value, cmap="PuOr_r", vmin=-reach, vmax=reach)
        axis.add_patch(Rectangle((-0.5, -0.5), *value.shape[::-1], fill=False, edgecolor=PALE))
        axis.set_title(title, fontsize=10)
    picture.colorbar(image, ax=list(axes), shrink=0.75)
    return picture


def kernels(weight, name: str = "", alt: str | None = None) -> Picture:
    """All kernels of a layer: a row for each input map, a column for each output map.

    weight: M x C x kh x kw, as PyTorch has it. One scale, white at zero; a kernel that is zero
    throughout is left out: there is no connection. name: of the layer, for the title.
    """
    weight = np.asarray(weight)
    outputs, inputs, height, width = weight.shape
    reach = float(abs(weight).max()) or 1.0
    there = abs(weight).reshape(outputs, inputs, -1).max(axis=2) > 0
    side = min(0.8, 9.0 / outputs)
    picture = Picture(alt or f"{int(there.sum())} of {outputs * inputs} kernels, {height} x {width}, "
                      f"from {inputs} input maps to {outputs} output maps",
                      width=max(3.6, side * outputs + 1.7), height=side * inputs + 0.7)
    axis = picture.subplots()
    for output, source in zip(*np.nonzero(there), strict=True):
        image = axis.imshow(weight[output, source], cmap="PuOr_r", vmin=-reach, vmax=reach,
                            extent=(output + 0.06, output + 0.94, source + 0.94, source + 0.06))
        axis.add_patch(Rectangle((output + 0.06, source + 0.06), 0.88, 0.88, fill=False,
                                 edgecolor="#999999", linewidth=0.6))
    axis.set(xlim=(0, outputs), ylim=(inputs, 0), aspect="equal", ylabel="input map",
             xticks=[i + 0.5 for i in range(outputs)], xticklabels=range(outputs),
             yticks=[i + 0.5 for i in range(inputs)], yticklabels=range(inputs))
    axis.set_title(f"output map{f' of {name}' if name else ''}", fontsize=10)
    axis.xaxis.tick_top()
    axis.tick_params(length=0, labelsize=10)
    axis.spines[:].set_visible(False)
    picture.colorbar(image, ax=axis, shrink=0.9)
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


def lines(positions: Sequence[float], curves: Mapping[str, Sequence[float]], xlabel: str,
          ylabel: str) -> Picture:
    """Curves over the same positions, each with its own colour, marker and dashes; name -> values."""
    picture = Picture(f"{ylabel} against {xlabel}: " + "; ".join(
        f"{name}, from {values[0]:.2f} to {values[-1]:.2f}" for name, values in curves.items()),
        width=6.4, height=3.6)
    axis = picture.subplots()
    styles = zip((BLUE, RED, GREEN, PURPLE), "os^D", ("-", "--", "-.", ":"), (5, 2, 2, 2),
                 (11, 6, 7, 6), strict=True)  # the first is broad, to be seen beneath another
    for (name, values), (colour, marker, line, width, size) in zip(curves.items(), styles,
                                                                   strict=False):
        axis.plot(positions, values, color=colour, marker=marker, linestyle=line, linewidth=width,
                  markersize=size, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, None))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(color=PALE)
    axis.legend(frameon=False)
    return picture


def intervals(rows: Mapping[str, tuple[Sequence[float], float, float]], xlabel: str) -> Picture:
    """One line a row: its single values as rings, their mean as a bar, and an interval around it.

    rows: name -> (values, low, high), in one unit; drawn from top to bottom.
    """
    picture = Picture(f"{xlabel}: " + "; ".join(
        f"{name} {np.mean(values):.2f} ({low:.2f} to {high:.2f})"
        for name, (values, low, high) in rows.items()), width=8.4, height=0.8 + 0.32 * len(rows))
    axis = picture.subplots()
    for line, (values, low, high) in enumerate(rows.values()):
        axis.plot([low, high], [line, line], color=BLUE, linewidth=7, alpha=0.35, solid_capstyle="butt")
        axis.plot(values, [line] * len(values), "o", color=INK, markerfacecolor="none", markersize=5)
        axis.plot(np.mean(values), line, "|", color=RED, markersize=16, markeredgewidth=3)
    axis.set(xlabel=xlabel, ylim=(len(rows) - 0.4, -0.6))
    axis.set_yticks(range(len(rows)), list(rows), fontsize=10)
    axis.grid(color=PALE, axis="x")
    return picture


def matrices(named: Mapping[str, Sequence], windows: Mapping[str, Sequence] | None = None) -> Picture:
    """Matrices side by side, with their numbers where they are small; title -> 2-D array.

    Up to twelve columns: every number is written, on orange where positive, violet where negative,
    the stronger the larger; NaN leaves a cell empty. Beyond that: grey pixels, the largest black.
    windows: title -> (top, left, height, width) or a list of those, outlined in that matrix.
    """
    named = {title: np.asarray(values, dtype=float) for title, values in named.items()}
    windows = {title: np.reshape(boxes, (-1, 4)) for title, boxes in (windows or {}).items()}
    shapes = ", ".join(f"{title} {v.shape[0]} x {v.shape[1]}" for title, v in named.items())
    marked = "; ".join(f"in {title} a window of {h} x {w} at row {top}, column {left}"
                       for title, boxes in windows.items() for top, left, h, w in boxes)
    small = {title: v.shape[1] <= 12 for title, v in named.items()}
    gap, top, cell = 0.45, 0.4, 0.52  # inches; every number has a cell of the same size
    columns = sum(v.shape[1] for title, v in named.items() if small[title])
    if columns:
        cell = min(cell, (11 - gap * len(named) - 3.2 * (len(named) - sum(small.values()))) / columns)
    widths, heights = ([v.shape[axis] * cell if small[t] else 3.2 * v.shape[axis] / v.shape[1]
                        for t, v in named.items()] for axis in (1, 0))
    slots = [max(width, 0.088 * len(title)) for title, width in zip(named, widths, strict=True)]
    width, height = sum(slots) + gap * len(named) + 0.1, max(heights) + 0.3 + top
    picture = Picture(f"matrices: {shapes}" + f"; {marked}" * bool(marked), width, height, layout=None)
    lefts = [gap * (i + 1) + sum(slots[:i]) + (slots[i] - widths[i]) / 2 for i in range(len(named))]
    axes = [picture.add_axes((left / width, 1 - (top + h) / height, w / width, h / height))
            for left, w, h in zip(lefts, widths, heights, strict=True)]
    for axis, (title, values) in zip(axes, named.items(), strict=True):
        reach = float(np.nanmax(abs(values), initial=1e-9))
        if small[title]:
            axis.imshow(values, cmap="PuOr_r", vmin=-2 * reach, vmax=2 * reach)
            whole = np.array_equal(values[~np.isnan(values)], values[~np.isnan(values)].round())
            for (row, column), value in np.ndenumerate(values):
                if not np.isnan(value):
                    value = round(value, 2) + 0.0  # + 0.0: no minus sign before a zero
                    number = f"{value:.0f}" if whole else f"{value:.2f}"
                    axis.text(column, row, number.replace("-", "−"), ha="center", va="center",
                              fontsize=12 if whole else 10, color=INK)
            axis.set_xticks(np.arange(values.shape[1]))
            axis.set_yticks(np.arange(values.shape[0]))
            for lines, length in ((axis.axvline, values.shape[1]), (axis.axhline, values.shape[0])):
                for i in range(length + 1):
                    lines(i - 0.5, color=PALE, linewidth=0.8)
        else:
            axis.imshow(values, cmap="gray_r")
        styles = zip((BLUE, RED, GREEN), ("-", "--", ":"), strict=True)
        for (top, left, height, width), (colour, line) in zip(windows.get(title, ()), styles,
                                                              strict=False):
            axis.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False,
                                     edgecolor=colour, linewidth=2.8, linestyle=line, zorder=5,
                                     clip_on=False))
        axis.set_title(title, fontsize=11)
        axis.tick_params(length=0, labelsize=9, labelcolor="#666666")
        axis.spines[:].set_color(PALE)
    return picture


def filtered(images: Mapping[str, Sequence], ink: bool = False) -> Picture:
    """Images or results of a filter in a row, each with the range of its numbers; title -> H x W.

    Without negative numbers: grey from 0 to 1, or to the largest number where that is more, light
    where large (dark with ink=True, for digits). With some: orange positive, violet negative, white 0.
    """
    images = {title: np.asarray(values, dtype=float) for title, values in images.items()}
    ranges = {title: f"{v.min():.2f} to {v.max():.2f}" for title, v in images.items()}
    tallest = max(v.shape[0] / v.shape[1] for v in images.values())
    width = min(3.2, 11 / len(images))
    picture = Picture("images: " + ", ".join(f"{title} ({r})" for title, r in ranges.items()),
                      width=width * len(images), height=width * tallest + 0.6)
    axes = picture.subplots(1, len(images), squeeze=False).flat
    for axis, (title, values) in zip(axes, images.items(), strict=True):
        reach = max(1.0, abs(values).max()) if values.min() >= 0 else abs(values).max()
        if values.min() < 0:
            axis.imshow(values, cmap="PuOr_r", vmin=-reach, vmax=reach)
        else:
            axis.imshow(values, cmap="gray_r" if ink else "gray", vmin=0, vmax=reach)
        axis.set_title(title, fontsize=11)
        axis.set(xticks=[], yticks=[])
        axis.set_xlabel(ranges[title], fontsize=9)
        axis.spines[:].set_color(PALE)
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


def gallery(rows: Mapping[str, Sequence], titles: Sequence[str] | None = None, signed: bool = False,
            alt: str | None = None) -> Picture:
    """Small pictures in labelled rows, one scale for all; name of the row -> pictures, each H x W.

    signed: orange above zero, violet below, white at it; otherwise dark where large, as ink is.
    titles: of the columns. Rows may differ in length.
    """
    rows = {name: [np.asarray(image) for image in images] for name, images in rows.items()}
    columns = max(map(len, rows.values()))
    images = [image for row in rows.values() for image in row]
    low, high = min(i.min() for i in images), max(i.max() for i in images)
    if signed:
        high = max(-low, high)
        low = -high
    label = 0.25 + 0.085 * max(map(len, rows))
    side = min(1.0, (11 - label) / columns)
    tall = max(image.shape[0] / image.shape[1] for image in images)
    picture = Picture(alt or f"{len(rows)} rows of pictures: {'; '.join(rows)}",
                      width=label + side * columns,
                      height=side * max(tall, 1) * len(rows) + 0.3 * bool(titles))
    axes = picture.subplots(len(rows), columns, squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    for line, (name, row) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10)
        for axis, image in zip(line, row, strict=False):
            axis.imshow(image, cmap="PuOr_r" if signed else "gray_r", vmin=low, vmax=high)
            axis.spines[:].set(visible=True, color=PALE)
    for axis, title in zip(axes[0], titles or (), strict=False):
        axis.set_title(title, fontsize=10)
    return picture


def all_maps(activations: Mapping[str, Sequence]) -> Picture:
    """All maps of several layers, one pixel everywhere of the same size; layer -> maps x H x W.

    Every layer has a row and a scale of its own, white at zero; units that are no maps are a row of
    single pixels. The largest activation, apart from its sign, stands beside the layer's name.
    """
    activations = {name: np.asarray(values) for name, values in activations.items()}
    activations = {name: values.reshape(len(values), *values.shape[1:] or (1, 1))
                   for name, values in activations.items()}
    widest = max(len(v) * (v.shape[2] + (v.shape[2] > 1)) for v in activations.values())
    heights = [max(v.shape[1], 5) for v in activations.values()]
    shapes = ", ".join(f"{name} {' x '.join(map(str, v.shape))}" for name, v in activations.items())
    pixel, margin, title = 9.2 / widest, 1.7, 0.12  # inches
    picture = Picture(f"the maps of {len(activations)} layers, to scale: {shapes}", width=11,
                      height=sum(heights) * pixel + title * (len(heights) + 1), layout=None)
    width, height = picture.get_size_inches()
    top = height - title
    for (name, values), rows in zip(activations.items(), heights, strict=True):
        count, high, wide = values.shape
        gap = 1 if wide > 1 else 0
        strip = np.full((high, count * (wide + gap) - gap), np.nan)
        for number, one in enumerate(values):
            strip[:, number * (wide + gap):number * (wide + gap) + wide] = one
        reach = float(abs(values).max()) or 1.0
        middle = top - rows * pixel / 2
        axis = picture.add_axes((margin / width, (middle - high * pixel / 2) / height,
                                 strip.shape[1] * pixel / width, high * pixel / height))
        axis.imshow(strip, cmap="PuOr_r", vmin=-reach, vmax=reach, aspect="auto",
                    interpolation="nearest")
        for number in range(count):
            axis.add_patch(Rectangle((number * (wide + gap) - 0.5, -0.5), wide, high, fill=False,
                                     edgecolor="#AAAAAA", linewidth=0.4, clip_on=False))
        axis.set_axis_off()
        shape = f"{count} × {high} × {wide}" if wide > 1 else f"{count} units"
        picture.text(0.1 / width, middle / height, f"{name}: {shape}\n±{reach:.2f}", fontsize=10,
                     va="center", color=INK)
        top -= rows * pixel + title
    return picture


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


def panels(charts: Mapping[str, tuple[Sequence[float], Mapping[str, Sequence[float]]]],
           ylabel: str) -> Picture:
    """Curves in charts side by side that share the vertical axis.

    charts: what is written below a chart -> (positions, {name of the curve: values}).
    """
    curves = "; ".join(f"{xlabel}: " + ", ".join(
        f"{name} from {values[0]:.2f} to {values[-1]:.2f}" for name, values in named.items())
        for xlabel, (_, named) in charts.items())
    picture = Picture(f"{ylabel} against {curves}", width=min(11, 2.6 * len(charts) + 0.6), height=2.9)
    axes = picture.subplots(1, len(charts), sharey=True, squeeze=False)[0]
    for axis, (xlabel, (positions, named)) in zip(axes, charts.items(), strict=True):
        for (name, values), style in zip(named.items(), _STYLES, strict=False):
            axis.plot(positions, values, label=name, **style, linewidth=1.8, markersize=5)
        axis.set_xlabel(xlabel, fontsize=10)
        axis.grid(color=PALE)
    axes[0].set_ylabel(ylabel)
    axes[0].set_ylim(0, None)
    axes[0].legend(frameon=False, fontsize=9)
    return picture


_STYLES = [{"color": colour, "marker": marker, "linestyle": line} for colour, marker, line in
           zip((BLUE, RED, GREEN, PURPLE), "os^D", ("-", "--", "-.", ":"), strict=True)]


def along(image, values, centres: Sequence[float], ylabel: str) -> Picture:
    """A wide image, and below each place of it a column of numbers, one a class; dark where small.

    image: H x W. values: classes x places. centres: the pixel column above each place.
    """
    image, values = np.asarray(image), np.asarray(values)
    height, width = image.shape
    step = centres[1] - centres[0]
    smallest = values.argmin(axis=0)
    picture = Picture(f"an image {height} x {width} and {ylabel} of {len(values)} classes at "
                      f"{len(centres)} places below it", width=11, height=11 * height / width + 2.9)
    above, below = picture.subplots(2, 1, sharex=True, height_ratios=(11 * height / width, 2.4))
    above.imshow(image, cmap="gray_r", extent=(0, width, height, 0), aspect="auto")
    drawn = below.imshow(values, cmap="cividis", aspect="auto", interpolation="nearest",
                         vmin=0, extent=(centres[0] - step / 2, centres[-1] + step / 2,
                                         len(values) - 0.5, -0.5))
    below.plot(centres, smallest, "o", color="white", markeredgecolor=INK, markersize=4)
    below.set(yticks=range(len(values)), ylabel=ylabel, xlabel="pixel; a ring: the smallest",
              xlim=(0, width))
    above.set(yticks=[])
    picture.colorbar(drawn, ax=below, location="bottom", shrink=0.4, aspect=40)
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


def by_layer(names: Sequence[str], curves: Mapping[str, Sequence[float]], ylabel: str) -> Picture:
    """A number for each layer on a logarithmic scale; curves: name of the net -> one for each layer."""
    picture = Picture(f"{ylabel}, from {names[0]} to {names[-1]}: " + "; ".join(
        f"{name} {' '.join(f'{value:.0e}' for value in values)}" for name, values in curves.items()),
        width=7.6, height=3.6)
    axis = picture.subplots()
    styles = zip((RED, BLUE, GREEN, PURPLE, ORANGE, INK), "os^DvP",
                 ("-", "--", "-.", ":", (0, (6, 1)), (0, (1, 1))), strict=True)
    for (name, values), (colour, marker, line) in zip(curves.items(), styles, strict=False):
        axis.plot(range(len(names)), values, color=colour, marker=marker, linestyle=line, label=name)
    axis.set(ylabel=ylabel, yscale="log")
    axis.set_xticks(range(len(names)), list(names))
    axis.grid(color=PALE)
    axis.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return picture
