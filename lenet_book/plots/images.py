"""Pictures of arrays: digits, maps, kernels, matrices."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Rectangle

from .picture import BLUE, GREEN, INK, PALE, RED, Picture


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
