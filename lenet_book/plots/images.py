"""Pictures of arrays: images and maps, matrices with their numbers, kernels."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ..arguments import checked, flag, named, optional, sequence, text, whole
from ..tables import by
from .picture import INK, PALE, SMALL, WORDS, Picture, array, number_the_maps, outline, written

_SIGNED = "PuOr_r"  # orange above zero, violet below it, white at it
_WIDEST, _LARGEST = 11, 3.2  # inches: a picture, one image in it
_LETTER, _LINE = 0.1, 0.27  # inches: the width and the height of what is written at an image


def _image(name: str, value) -> np.ndarray:
    values = array(2, 3, 4)(name, value)
    if values.size != values.shape[-2] * values.shape[-1]:
        raise ValueError(f"{name} must be H x W or 1 x H x W, not {by(values.shape)}")
    return values.reshape(values.shape[-2:])


def _rows(name: str, value) -> Mapping[str, Sequence] | Sequence:
    rule = sequence(_image)
    return (named(rule) if isinstance(value, Mapping) else rule)(name, value)


def _title(name: str, value) -> str:
    return text(name, value if isinstance(value, str) else str(whole(0)(name, value)))


def _windows(name: str, value) -> np.ndarray:
    values = array(1, 2)(name, value)
    if values.shape[-1] != 4:
        raise ValueError(f"{name} must be (top, left, height, width) or a list of those, not {value}")
    return values.astype(int).reshape(-1, 4)


@checked(rows=_rows, titles=sequence(_title, least=0), signed=flag, ranges=flag, light=flag,
         signs=sequence(text, least=0), columns=whole(1), alt=optional(text))
def images(rows: Mapping[str, Sequence] | Sequence, titles: Sequence = (), signed: bool = False,
           ranges: bool = False, light: bool = False, signs: Sequence[str] = (), columns: int = 10,
           alt: str | None = None) -> Picture:
    """Images in rows; a pixel has the same size in all of them, so that their sizes can be compared.

    rows: images, H x W (or 1 x H x W), in rows of so many columns; or a row's name -> its images.
    titles: of the images, or, where the rows have names, of the columns.
    One scale for all, dark where large, as ink is; if signed, orange above zero and violet below.
    ranges: each image has a scale of its own, and its range is written below it: signed where there
        are negative numbers, otherwise from 0 to 1, or to the largest number if that is more.
    light: light where large, as in a photograph. signs: what stands between images, as ["+", "="].
    """
    names = list(rows) if isinstance(rows, Mapping) else []
    grid = (list(rows.values()) if names else
            [rows[start:start + columns] for start in range(0, len(rows), columns)])
    every = [image for row in grid for image in row]
    if signs and len(signs) != len(every) - 1:
        raise ValueError(f"{len(every)} images have {len(every) - 1} places between them, "
                         f"not {len(signs)}")
    gap, left = 0.3 if signs else 0.1, 0.25 + _LETTER * max(map(len, names)) if names else 0.1
    bar = 0.9 if signed and not ranges else 0
    words = [titles[i:i+1] if names else titles[i::columns] for i in range(max(map(len, grid)))]
    least = [_LETTER * max([11 * ranges, *map(len, column)]) for column in words]
    pixel = min(_LARGEST / max(image.shape[0] for image in every),
                *(_pixel([image.shape[1] for image in row], least,
                         _WIDEST - left - bar - gap * len(row)) for row in grid))
    axis, places = _lay_out(
        alt or _in_words(names, grid, titles, ranges, signs),
        [[np.multiply(image.shape, pixel) for image in row] for row in grid], gap, left, bar,
        top=_LINE * bool(titles and names), head=_LINE * bool(titles and not names),
        foot=_LINE * ranges, least=least)
    write = partial(axis.text, ha="center", va="center", fontsize=WORDS)
    boxes = sum(places, [])
    scales = ([_colours([image], image.min() < 0, light, zero=True) for image in every] if ranges
              else [_colours(every, signed, light)] * len(every))
    for image, scale, (x, y, width, height) in zip(every, scales, boxes, strict=True):
        drawn = axis.imshow(image, **scale, aspect="auto", extent=(x, x + width, y, y + height))
        axis.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=PALE, linewidth=0.8))
        if ranges:
            write(x + width / 2, y - 4 / 72, _range([image]), va="top", fontsize=SMALL)
    for title, (x, y, width, height) in zip(titles, places[0] if names else boxes, strict=False):
        write(x + width / 2, y + height + 6 / 72, title, va="baseline")
    for sign, (x, y, _, height) in zip(signs, places[0][1:], strict=False):
        write(x - gap / 2, y + height / 2, sign, fontsize=15, color=INK)
    for name, ((x, y, _, height), *_) in zip(names, places, strict=False):
        write(x - 4 / 72, y + height / 2, name, ha="right")
    if bar:
        across, up = axis.figure.get_size_inches()
        tall = min(2, up - 0.3)
        beside = axis.inset_axes((across - bar + 0.1, (up - tall) / 2, 0.12, tall),
                                 transform=axis.transData)
        axis.figure.colorbar(drawn, cax=beside).ax.tick_params(labelsize=SMALL)
    return axis.figure


def _pixel(widths: Sequence[int], least: Sequence[float], room: float) -> float:
    """The side of a pixel with which a row fills its room, where an image has at least so much of it.

    widths: of the images, in pixels. least, room: inches. Too many words make the row wider.
    """
    pixel = room / sum(widths)
    wide = [i for i, width in enumerate(widths) if width * pixel > least[i]]
    left = room - sum(least[i] for i in range(len(widths)) if i not in wide)
    if left <= 0 or len(wide) in (0, len(widths)):
        return pixel
    return _pixel([widths[i] for i in wide], [least[i] for i in wide], left)


def _range(every: Sequence[np.ndarray]) -> str:
    return f"{written(min(i.min() for i in every))} to {written(max(i.max() for i in every))}"


def _colours(every: Sequence[np.ndarray], signed: bool, light: bool, zero: bool = False) -> dict:
    """The scale that these images share, as imshow takes it; zero: from 0 to 1 at least."""
    low, high = min(image.min() for image in every), max(image.max() for image in every)
    if signed:
        high = max(-low, high)
        return {"cmap": _SIGNED, "vmin": -high, "vmax": high}
    return {"cmap": "gray" if light else "gray_r", "vmin": 0 if zero else low,
            "vmax": max(1, high) if zero else high}


def _in_words(names: Sequence[str], grid: Sequence, titles: Sequence[str], ranges: bool,
              signs: Sequence[str]) -> str:
    every = [image for row in grid for image in row]
    shapes = [", ".join(dict.fromkeys(f"{i.shape[0]} x {i.shape[1]}" for i in row))
              for row in (every, *grid)]
    if names:
        words = "; ".join(f"{name}: {len(row)} of {shape}" for name, row, shape in
                          zip(names, grid, shapes[1:], strict=True))
    else:
        shown = [f"{title} ({_range([image])})" if ranges else title
                 for title, image in zip(titles, every, strict=False)]
        before = ["", *([f" {sign} " for sign in signs] or [", "] * len(every))]
        words = "".join(sign + title for sign, title in zip(before, shown, strict=False))
    return f"{len(every)} images, {shapes[0]}, from {_range(every)}" + f": {words}" * bool(words)


def _lay_out(alt: str, sizes: Sequence[Sequence[tuple[float, float]]], gap: float, left: float,
             right: float = 0, top: float = 0, head: float = 0, foot: float = 0,
             *, least: Sequence[float]) -> tuple[Axes, list[list[tuple[float, ...]]]]:
    """The one axis of a new picture, and the places in it of boxes of given height and width, in rows.

    All in inches; a place is left, bottom, width and height. gap: between the boxes of a row;
    left, right, top: kept free at the edges; head, foot: kept free above and below each row;
    least: the width that the boxes of each column have for themselves, to leave room for titles.
    """
    slots = [[max(width, free) for (_, width), free in zip(row, least, strict=False)] for row in sizes]
    heights = [max(0.2, *(height for height, _ in row)) + head + foot + 0.1 for row in sizes]
    across = left + max(sum(row) + gap * len(row) for row in slots) + right
    up = top + sum(heights) + 0.1
    axis = Picture(alt, across, up, layout=None).add_axes((0, 0, 1, 1), xlim=(0, across), ylim=(0, up))
    axis.set_axis_off()
    return axis, [[(left + sum(room[:i]) + gap * i + (room[i] - width) / 2,
                    sum(heights[line:]) - head - height, width, height)
                   for i, (height, width) in enumerate(row)]
                  for line, (row, room) in enumerate(zip(sizes, slots, strict=True))]


@checked(named=named(array(2, infinite=True)), windows=optional(named(_windows)), alt=optional(text))
def matrices(named: Mapping[str, Sequence], windows: Mapping[str, Sequence] | None = None,
             alt: str | None = None) -> Picture:
    """Matrices side by side, with their numbers where they are small; title -> 2-D array.

    Up to twelve columns: every number is written, on orange where positive, violet where negative,
    the stronger the larger, on one scale for all; NaN leaves a cell empty. Beyond that: grey pixels,
    the largest black. windows: title -> (top, left, height, width) or a list of those, outlined.
    """
    windows = windows or {}
    if unknown := windows.keys() - named.keys():
        raise ValueError(f"windows has {', '.join(unknown)}, but the matrices are {', '.join(named)}")
    shapes = ", ".join(f"{title} {v.shape[0]} x {v.shape[1]}" for title, v in named.items())
    marked = "; ".join(f"in {title} a window of {h} x {w} at row {top}, column {left}"
                       for title, boxes in windows.items() for top, left, h, w in boxes)
    small = {title: values for title, values in named.items() if values.shape[1] <= 12}
    reach = max([1e-9, *(np.nanmax(abs(values)) for values in small.values())])
    room = _WIDEST - 0.4 - 0.45 * len(named)
    large = min(_LARGEST, room / len(named))
    numbers = sum(values.shape[1] for values in small.values())
    cell = min(0.52, (room - large * (len(named) - len(small))) / max(numbers, 1))
    sides = [cell if title in small else large / v.shape[1] for title, v in named.items()]
    whole, [places] = _lay_out(
        alt or f"matrices: {shapes}" + f"; {marked}" * bool(marked),
        [[np.multiply(v.shape, side) for v, side in zip(named.values(), sides, strict=True)]],
        gap=0.45, left=0.4, head=_LINE, foot=_LINE, least=[_LETTER * len(title) for title in named])
    for place, (title, values) in zip(places, named.items(), strict=True):
        axis = whole.inset_axes(place, transform=whole.transData)
        if title in small:
            axis.imshow(values, cmap=_SIGNED, vmin=-2 * reach, vmax=2 * reach)
            _write(axis, values)
        else:
            axis.imshow(values, cmap="gray_r")
        axis.set(title=title, **{f"{side}ticks": range(0, length, 1 if title in small else 5)
                                 for side, length in zip("yx", values.shape, strict=True)})
        axis.title.set_fontsize(WORDS)
        axis.tick_params(length=0, labelsize=SMALL, labelcolor="#666666")
        axis.spines[:].set_color(PALE)
        for i, (top, left, height, width) in enumerate(windows.get(title, ())):
            axis.add_patch(outline(i, left - 0.5, top - 0.5, width, height))
    return whole.figure


def _write(axis: Axes, values: np.ndarray) -> None:
    """The numbers of a matrix in their cells; with two decimals, or none where all are whole."""
    whole = np.array_equal(values[~np.isnan(values)], values[~np.isnan(values)].round())
    for (row, column), value in np.ndenumerate(values):
        axis.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=PALE,
                                 linewidth=0.8))
        if not np.isnan(value):
            axis.text(column, row, written(value, 0 if whole else 2), ha="center", va="center",
                      fontsize=WORDS if whole else SMALL, color=INK)


@checked(weight=array(4), name=text, connections=optional(sequence(sequence(whole(0)))))
def kernels(weight, name: str = "", connections: Sequence[Sequence[int]] | None = None) -> Picture:
    """All kernels of a layer: a row for each input map, a column for each output map.

    weight: M x C x kh x kw, as PyTorch has it. One scale, white at zero. name: of the layer.
    connections: for each output map the input maps that it reads, by default all of them; the
        other places stay empty.
    """
    outputs, inputs, height, width = weight.shape
    reach = float(abs(weight).max()) or 1.0
    connections = connections or [range(inputs)] * outputs
    if len(connections) != outputs or max(map(max, connections)) >= inputs:
        raise ValueError(f"connections must name, for each of {outputs} output maps, some of the input "
                         f"maps 0 to {inputs - 1}, not {connections}")
    side = min(0.8, 9.0 / outputs)
    picture = Picture(f"{sum(map(len, connections))} of {outputs * inputs} kernels, "
                      f"{height} x {width}, from {inputs} input maps to {outputs} output maps",
                      width=max(3.6, side * outputs + 1.7), height=side * inputs + 0.7)
    axis = picture.subplots()
    for output, reads in enumerate(connections):
        for source in reads:
            corner, across = (output + 0.06, source + 0.06), 0.88
            image = axis.imshow(weight[output, source], cmap=_SIGNED, vmin=-reach, vmax=reach, extent=(
                corner[0], corner[0] + across, corner[1] + across, corner[1]))
            axis.add_patch(Rectangle(corner, across, across, fill=False, edgecolor="#999999",
                                     linewidth=0.6))
    number_the_maps(axis, outputs, inputs)
    axis.set_xlabel(f"output map{f' of {name}' if name else ''}", fontsize=WORDS)
    axis.set_ylabel("input map", fontsize=WORDS)
    picture.colorbar(image, ax=axis, shrink=0.9)
    return picture
