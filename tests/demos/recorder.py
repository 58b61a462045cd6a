"""What the demos' tests share: a sheet that notes what is painted on it, facts that are changed."""

import inspect
from types import SimpleNamespace

import numpy as np
import torch

from lenet_book import mnist
from lenet_book.demos.sheet import Sheet

DIGITS = mnist.load_mnist()[1]
FIRSTS = [int(torch.where(DIGITS.labels == digit)[0][0]) for digit in range(10)]  # of each class
NOTED = {"text": "texts", "image": "images", "paste": "pasted", "maps": "walls", "grid": "grids",
         "outline": "outlines", "fill": "fills", "cross": "crosses", "arrow": "arrows", "bar": "bars",
         "answer": "answers"}


class Recorder(Sheet):
    """Paints the facts; the arguments of each call are kept in order, those of image in images ..."""

    def __init__(self, paint, facts):
        super().__init__(840, 460)
        for calls in NOTED.values():
            setattr(self, calls, [])
        paint(self, facts)
        self.words = [str(text.words) for text in self.texts]

    def veils(self, x, y):
        """Whether what is at this point is covered while the answer is hidden."""
        return any(area.x < x < area.x + area.width and area.y < y < area.y + area.height
                   for area in self.answers)


def noting(name):
    method = getattr(Sheet, name)
    signature = inspect.signature(method)

    def noted(self, *arguments, **named):
        call = signature.bind(self, *arguments, **named)
        call.apply_defaults()
        getattr(self, NOTED[name]).append(SimpleNamespace(**call.arguments))
        method(self, *arguments, **named)
    return noted


for name in NOTED:
    setattr(Recorder, name, noting(name))


def shape(area):
    """Rows and columns of a grid, an image or pasted pixels."""
    if hasattr(area, "cell"):
        return area.rows, area.columns
    return tuple(np.shape(area.values if hasattr(area, "values") else area.pixels)[:2])


def cells(area, marks, colour, dash=False):
    """Which cells of the area are marked in this colour: (row, column, rows, columns) of each mark."""
    rows, columns = shape(area)
    cell = area.cell if hasattr(area, "cell") else area.width / columns
    found = []
    for mark in marks:
        x, y = mark.x - area.x, mark.y - area.y
        width, height = (mark.size,) * 2 if hasattr(mark, "size") else (mark.width, mark.height)
        inside = min(x, y) > -3 and x + width < cell * columns + 3 and y + height < cell * rows + 3
        if inside and (mark.colour, getattr(mark, "dash", False)) == (colour, dash):
            top, left, bottom, right = (round(at / cell) for at in (y, x, y + height, x + width))
            found.append((top, left, bottom - top, right - left))
    return found


def changed(facts, **change):
    """The same facts but for these."""
    return SimpleNamespace(**{**vars(facts), **change})


def same_picture(paint, facts, other):
    return np.array_equal(Recorder(paint, facts).pixels, Recorder(paint, other).pixels)


def painted(demo):
    """The pixels of its present picture."""
    sheet = Sheet(*demo._size)
    demo._paint(sheet, demo.facts)
    return sheet.pixels
