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
    """Handwritten digits in rows: N x H x W, or N x 1 x H x W, dark ink on white."""
    images = [np.asarray(image).squeeze() for image in images]
    rows = -(-len(images) // columns)
    columns = min(columns, len(images))
    picture = Picture(alt or f"{len(images)} handwritten digits"
                      + (f": {', '.join(titles)}" if titles else ""),
                      width=min(11, 1.1 * columns), height=(1.1 + 0.25 * bool(titles)) * rows)
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
    picture = Picture(f"{count} maps of {name}, {height} x {width}, between {values.min():.2f} "
                      f"and {values.max():.2f}", width=1.25 * columns + 0.8, height=1.35 * rows)
    axes = picture.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, (axis, one) in enumerate(zip(axes.flat, values, strict=False)):
        image = axis.imshow(one, cmap="PuOr_r", vmin=-reach, vmax=reach)
        axis.set_title(f"{name} {number}", fontsize=10)
    picture.colorbar(image, ax=axes, shrink=0.9)
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
