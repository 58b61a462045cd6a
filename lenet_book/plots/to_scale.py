"""A network of maps to scale: where each layer stands, and the drawing of it."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.patches import Rectangle

from ..arguments import checked, optional, sequence, shown, text, whole
from .picture import INK, KINDS, SMALL, WORDS, Picture


class Stack(NamedTuple):
    """The maps of a layer in a drawing to scale: the first in front, the others up and to the right.

    Lengths in pixels of a map, x to the right, y down from the line on which all stacks are centred.
    Units without a place (1 x 1 maps) are one column, a third of a pixel high for each.
    """

    name: str
    maps: int
    size: int    # height and width of a map
    kernel: int  # of the layer, 0 where each unit reads everything
    left: float

    @property
    def shape(self) -> str:
        return f"{self.maps} × {self.size} × {self.size}" if self.size > 1 else f"{self.maps} units"

    @property
    def step(self) -> float:
        """From one map to the next behind it, to the right and up."""
        return min(2.0, 16 / self.maps) if self.size > 1 else 0.0

    @property
    def width(self) -> float:
        """Of all maps together."""
        return self.size + self.step * (self.maps - 1) if self.size > 1 else 2.0

    def boxes(self) -> list[tuple[float, float, float, float]]:
        """left, top, width and height of each map, the first in front; of the one column."""
        if self.size == 1:
            return [(self.left, -self.maps / 6, 2.0, self.maps / 3)]
        behind = self.step * (self.maps - 1)
        return [(self.left + i * self.step, (behind - self.size) / 2 - i * self.step, self.size,
                 self.size) for i in range(self.maps)]

    def reads(self, before: "Stack") -> list[tuple[float, float, float, float]]:
        """A window on the front map of the layer before, and the unit that it feeds; as boxes()."""
        (x, y, width, height), k = before.boxes()[0], self.kernel
        window = (x + 0.8 * (width - k), y + 0.6 * (height - k), k, k) if k else (x, y, width, height)
        x, y, width, height = self.boxes()[0]
        unit = (x + 0.2 * width, y + 0.6 * height, 1, 1) if self.size > 1 else (x, -1 / 6, 2.0, 1 / 3)
        return [window, unit]


def stacks(layers: Sequence, input_size: int) -> list[Stack]:
    """The input and the layers (as in `paper.LAYERS`) from left to right, from x = 0."""
    placed, left = [], 0.0
    for name, maps, size, kernel in [("input", 1, input_size, 0), *(
            (layer.name, layer.maps, layer.size, layer.kernel) for layer in layers)]:
        placed.append(Stack(name, maps, size, kernel, left))
        left += placed[-1].width + (10 if size > 5 else 18)  # there is room for words
    return placed


def _layer(name: str, value):
    missing = [field for field in ("name", "kind", "maps", "size", "kernel", "trainable", "fixed")
               if not hasattr(value, field)]
    if missing:
        raise TypeError(f"{name} must be a record such as those of paper.LAYERS; {shown(value)} has no "
                        f"{', '.join(missing)}")
    return value


@checked(layers=sequence(_layer), input_size=whole(1, 1000), highlight=optional(text))
def architecture(layers: Sequence, input_size: int, highlight: str | None = None) -> Picture:
    """A network of maps to scale: one pixel of a map has the same length everywhere, a unit a third.

    layers: records such as `paper.LAYERS` (name, kind, maps, size, kernel, trainable, fixed).
    highlight: the name of the one layer to colour, the others staying pale; all if None.
    Raises ValueError where no layer has that name.
    """
    names = [layer.name for layer in layers]
    if highlight is not None and highlight not in names:
        raise ValueError(f"no layer is called {highlight!r}; there are {', '.join(names)}")
    net = stacks(layers, input_size)
    picture = Picture("architecture, maps to scale" + f", {highlight} highlighted" * bool(highlight)
                      + ": " + ", ".join(f"{stack.name} {stack.shape}" for stack in net),
                      width=11, height=3.7, layout=None)
    axis = picture.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    axis.set(xlim=(-8, net[-1].left + 13), ylim=(41, -41), aspect="equal")
    words = [("", "parameters:"), *((layer.kind, f"{layer.trainable:,}" if layer.trainable
                                     else f"{layer.fixed:,} fixed") for layer in layers)]
    for stack, before, (kind, count) in zip(net, [None, *net], words, strict=False):
        strong = highlight in (None, stack.name)
        colour = KINDS.get(stack.name[0].upper(), "#888888") if strong else "#B0B0B0"
        for box in reversed(stack.boxes()):
            axis.add_patch(Rectangle(box[:2], *box[2:], facecolor="white", zorder=2))
            axis.add_patch(Rectangle(box[:2], *box[2:], edgecolor=colour, linewidth=0.8, zorder=2,
                                     facecolor=colour + ("47" if stack.size > 1 else "")))
        if before:
            window, unit = stack.reads(before)
            for box in [window] * bool(stack.kernel) + [unit]:
                axis.add_patch(Rectangle(box[:2], *box[2:], facecolor=colour + "70", zorder=3,
                                         edgecolor=colour, linewidth=1.2))
            for bottom in (0, 1):
                axis.plot([window[0] + window[2], unit[0]],
                          [window[1] + bottom * window[3], unit[1] + bottom * unit[3]], color=colour,
                          linewidth=1, zorder=3)
        tone = INK if strong else "#8A8A8A"
        for y, words, style in ((-35, stack.name, {"fontsize": WORDS, "weight": "bold"}),
                               (-28, kind.replace(" ", "\n"), {"fontsize": SMALL, "linespacing": 1.0}),
                               (30, stack.shape, {"fontsize": SMALL}),
                               (36, count, {"fontsize": SMALL})):
            axis.text(stack.left + stack.width / 2, y, words, ha="center", va="center", color=tone,
                      **style)
    return picture
