"""What every picture is: a matplotlib Figure that shows itself, without pyplot, and says what it shows.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart, and no colour
is the only carrier of its meaning.
"""

import io

import matplotlib
from matplotlib.figure import Figure

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
