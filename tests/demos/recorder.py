"""A sheet that notes what is painted on it, so that a test can ask what lies where."""

from typing import NamedTuple

import numpy as np

from lenet_book.demos.sheet import Sheet


class Area(NamedTuple):
    """A matrix on the sheet; values may be of one colour each, or None for empty cells."""

    values: np.ndarray | None
    shape: tuple[int, int]
    x: float
    y: float
    width: float
    height: float
    style: tuple  # lowest and highest number, and the colours between them


class Recorder(Sheet):
    """Paints the facts and keeps every word, matrix, outline, small square and bar, in order."""

    def __init__(self, paint, facts):
        super().__init__(840, 460)
        self.words, self.images, self.pasted, self.grids = [], [], [], []
        self.outlines, self.fills, self.crosses, self.bars = [], [], [], []
        paint(self, facts)

    def text(self, x, y, words, *style, **more):
        self.words.append(str(words))
        super().text(x, y, words, *style, **more)

    def image(self, values, x, y, width, height=None, low=None, high=None, colours="ink", frame=False):
        rows, columns = np.shape(values)
        self.images.append(Area(np.asarray(values), (rows, columns), x, y, width,
                                height or width * rows / columns, (low, high, colours)))
        super().image(values, x, y, width, height, low, high, colours, frame)

    def paste(self, pixels, x, y, width, height=None):
        self.pasted.append(Area(pixels, pixels.shape[:2], x, y, width, height or width, ()))
        super().paste(pixels, x, y, width, height)

    def grid(self, x, y, cell, rows, columns, *colour):
        self.grids.append(Area(None, (rows, columns), x, y, cell * columns, cell * rows, ()))
        super().grid(x, y, cell, rows, columns, *colour)

    def outline(self, x, y, width, height, colour="", thickness=2, dash=False):
        self.outlines.append((x, y, width, height, colour, dash))
        super().outline(x, y, width, height, colour, thickness, dash)

    def fill(self, x, y, width, height, colour):
        self.fills.append((x, y, width, height, colour, False))
        super().fill(x, y, width, height, colour)

    def cross(self, x, y, size, colour, *thickness):
        self.crosses.append((x, y, size, size, colour, False))
        super().cross(x, y, size, colour, *thickness)

    def bar(self, x, y, width, height, share, colour):
        self.bars.append((share, colour))
        super().bar(x, y, width, height, share, colour)


def cells(area, marks, colour, dash=False):
    """Which cells of the area are marked in this colour: (row, column, rows, columns) of each mark."""
    found = []
    for x, y, width, height, its_colour, dashed in marks:
        x, y = x - area.x, y - area.y
        inside = min(x, y) > -3 and x + width < area.width + 3 and y + height < area.height + 3
        if inside and (its_colour, dashed) == (colour, dash):
            across, down = area.width / area.shape[1], area.height / area.shape[0]
            left, right, top, bottom = (round(edge) for edge in (
                x / across, (x + width) / across, y / down, (y + height) / down))
            found.append((top, left, bottom - top, right - left))
    return found
