"""What every picture is: a matplotlib Figure that shows itself, without pyplot, and says what it shows.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart, and no colour
is the only carrier of its meaning.
"""

import io

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..arguments import Rule, checked, number, shown, text

BLUE, ORANGE, GREEN, PURPLE, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00"
INK, PALE = "#222222", "#D9D9D9"
KINDS = {"C": BLUE, "S": ORANGE, "F": GREEN, "O": PURPLE}  # by the first letter of a layer's name

# What is drawn first, second, third looks so. The first line is broad, to be seen beneath another.
STYLES = [{"color": colour, "marker": marker, "linestyle": line, "linewidth": width, "markersize": size}
          for colour, marker, line, width, size in zip(
              (BLUE, RED, GREEN, PURPLE, ORANGE, INK), "os^DvP",
              ("-", "--", ":", "-.", (0, (6, 1)), (0, (1, 1))),
              (4, 2, 2, 2, 2, 2), (9, 6, 7, 6, 7, 7), strict=True)]
WORDS, SMALL = 12, 10  # points; a page shows them as 13 pixels, the size of its code, and 11
_DPI = 160  # shown at half of it, so that a picture is sharp on a high-resolution screen


class Picture(Figure):
    """A Figure that shows itself in a notebook without pyplot, and says in words what it shows."""

    @checked(alt=text, width=number(above=0, most=400), height=number(above=0, most=400))
    def __init__(self, alt: str, width: float, height: float, layout: str | None = "constrained"):
        """alt: one sentence for readers who cannot see it. width, height: inches."""
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


def array(*axes: int, least: int = 1, infinite: bool = False) -> Rule:
    """Real numbers along so many axes, at least so many; NaN and infinity only if allowed."""
    def check(name: str, value) -> np.ndarray:
        try:
            values = np.asarray(value.detach() if hasattr(value, "detach") else value)
            if values.dtype.kind not in "biuf":
                raise TypeError
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"{name} must be an array of numbers, not {shown(value)}") from None
        if values.ndim not in axes or values.size < least:
            raise ValueError(f"{name} must have {' or '.join(map(str, axes))} axes and numbers in it, "
                             f"not {shown(value)}")
        if not infinite and not np.isfinite(values).all():
            raise ValueError(f"{name} must hold finite numbers alone, not {shown(value)} with "
                             f"{values[~np.isfinite(values)].flat[0]}")
        return values.astype(float)
    return check


def outline(number: int, left: float, top: float, width: float, height: float) -> Rectangle:
    """The edge of a rectangle, in the colour and dashes of outline number 0, 1, 2 ... of a picture."""
    style = STYLES[number % len(STYLES)]
    return Rectangle((left, top), width, height, fill=False, edgecolor=style["color"],
                     linestyle=style["linestyle"], linewidth=2.6, zorder=5, clip_on=False)


def written(value: float, decimals: int = 2) -> str:
    """A number for a reader: a true minus sign, and none before a zero."""
    return f"{round(float(value), decimals) + 0.0:.{decimals}f}".replace("-", "−")


def number_the_maps(axis: Axes, outputs: int, inputs: int) -> None:
    """A square of 1 for each pair: a column for each output map, a row for each input map."""
    axis.set(xlim=(0, outputs), ylim=(inputs, 0), aspect="equal",
             xticks=[i + 0.5 for i in range(outputs)], xticklabels=range(outputs),
             yticks=[i + 0.5 for i in range(inputs)], yticklabels=range(inputs))
    axis.xaxis.set_label_position("top")
    axis.tick_params(length=0, labelsize=WORDS, top=True, labeltop=True, bottom=False,
                     labelbottom=False)
    axis.spines[:].set_visible(False)
