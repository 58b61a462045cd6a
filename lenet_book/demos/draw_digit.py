"""Draw a digit, and every layer of LeNet-5 follows while the pen moves."""

from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from torch import nn

from .. import paper
from ..arguments import number, sequence
from ..plots import BLUE
from .base import Demo, Facts
from .controls import button, choice, slider
from .examples import ten_digits
from .ink import checked, drawn
from .own import adopt
from .reading import NETS, paint_glyphs, paint_scores, read
from .sheet import GREY, Sheet

_SIDE = 264       # of the canvas with its margin, pixels
_WIDTH = 570      # of the picture
_RIGHT = 412      # from where on it shows the input and the scores
_DRAWING = "drawing"
# Where the maps of each layer are: left, top, side of a map, maps in a row, space between them.
_PLACES = {"C1": (10, 28, 60, 6, 4), "S2": (10, 110, 56, 6, 8), "C3": (10, 188, 44, 8, 4),
           "S4": (10, 306, 26, 4, 4), "C5": (142, 306, 8, 10, 2), "F6": (254, 306, 8, 7, 2)}


class Canvas(anywidget.AnyWidget):
    """A square to draw on with mouse, pen or finger.

    value: the strokes so far, as the browser sends them (see `ink.checked`); it may be set, too.
    thickness: of the pen, as a share of the side.
    """

    _esm = Path(__file__).with_name("live") / "canvas.js"
    _css = Path(__file__).with_name("live") / "canvas.css"
    value = traitlets.Any().tag(sync=True, echo_update=False)
    thickness = traitlets.Float().tag(sync=True)
    label = traitlets.Unicode("canvas: draw a digit with mouse, pen or finger; Backspace takes the "
                              "last stroke back, Delete all of them; without any of these, choose "
                              "a digit of the test set below").tag(sync=True)


def draw_digit(strokes=(), thickness: int = 8, show: str | int = _DRAWING,
               net: str | nn.Module = "lenet5-1998", projector: bool = False) -> Demo:
    """A canvas to draw a digit on; input, maps of all layers and scores of a trained net follow.

    strokes: to begin with, each [x0, y0, x1, y1, ...] in shares of the side, y downwards.
    thickness: of the pen, 1 to 30 percent of the side. show: "drawing", or 0 to 9 for the first such
    digit of the test set. net: "lenet5-1998", "lenet5", or a net of your own with the layers of one of
    them, of which a copy is shown.
    Raises ValueError where a value is none of these.
    """
    nets = NETS
    if not isinstance(net, str):
        net = adopt(net)
        nets = [*NETS, ("your own", net)]
    strokes = sequence(sequence(number(least=0, most=1)), least=0)("strokes", strokes)
    checked(strokes)
    canvas = Canvas(value=strokes, layout={"width": f"{_SIDE}px"})
    controls = {
        "canvas": canvas, "undo": button("undo", "take the last stroke back", 122),
        "clear": button("clear", "begin with an empty canvas", 122),
        "thickness": slider("pen, %", thickness, 1, 30, width=_SIDE),
        "show": choice("read", show, [("my drawing", _DRAWING), *(
            (f"the first {digit} of the test set", digit) for digit in range(10))], width=_SIDE),
        "net": choice("LeNet-5", net, nets, width=_SIDE),
    }
    traitlets.dlink((controls["thickness"], "value"), (canvas, "thickness"), lambda part: part / 100)
    demo = Demo("draw_digit", compute, paint, say, controls, (_WIDTH, 450), ACTIONS,
                projector=projector, arrange=_column,
                needs=["ten-digits", *(name for _, name in nets)])
    demo.widget.add_class("lenet-beside")
    return demo


def _column(controls: dict[str, widgets.Widget]) -> widgets.Widget:
    """Narrow enough to have the picture beside it: the canvas, and below it what belongs to it."""
    return widgets.VBox([*controls.values()])


def turn_to_the_drawing(**values) -> dict:
    return {"show": _DRAWING}


def undo(canvas, **others) -> dict:
    """Without the last stroke; what is no list of strokes goes as a whole."""
    return {"canvas": canvas[:-1] if isinstance(canvas, list) else [], "show": _DRAWING}


def clear(**values) -> dict:
    return {"canvas": [], "show": _DRAWING}


ACTIONS = {"canvas": turn_to_the_drawing, "undo": undo, "clear": clear,
           "thickness": turn_to_the_drawing}


def compute(canvas, thickness: int, show: str | int, net: str) -> Facts:
    """What is read and what the net makes of it, or, with nothing to read, what to do about it."""
    what, image = f"The first {show} of the test set", None
    try:
        if show != _DRAWING:
            image = ten_digits().images[show]
        elif strokes := checked(canvas):
            what, image = "Your drawing", drawn(strokes, thickness / 100)
        else:
            what = "Draw a digit with mouse, pen or finger, or choose one of the test set."
    except ValueError as error:
        what = f"The drawing cannot be read: {error}. Press clear and draw again."
    return Facts(what=what, pen=thickness, reading=None if image is None else read(net, image),
                 net=dict(map(reversed, NETS)).get(net, "your own"))


def paint(sheet: Sheet, facts: Facts) -> None:
    reading = facts.reading
    for layer in paper.LAYERS[:-1]:
        left, top, side, columns, gap = _PLACES[layer.name]
        size = f" maps of {layer.size} × {layer.size}" if layer.size > 5 else ""
        sheet.title(left, top - 10, f"{layer.name}: {layer.maps}{size}", 13)
        maps, full = np.zeros((layer.maps, layer.size, layer.size)), 1.0
        if reading:
            maps, full = reading.maps[layer.name.lower()], reading.full[layer.name.lower()]
        sheet.maps(maps, left, top, side, columns, gap, full)
    sheet.text(10, 438, "violet below 0, white 0, orange above; one scale for each layer", 12,
               anchor="lm")
    sheet.title(_RIGHT, 18, "input: 32 × 32", 13)
    sheet.outline(_RIGHT - 1, 27, 98, 98, GREY, 1)
    if not reading:
        sheet.text(_RIGHT + 48, 76, f"pen {facts.pen} %", 14)
        sheet.text(_RIGHT + 126, 76, "?", 64, GREY, bold=True)
        sheet.text(_RIGHT, 150, f"LeNet-5 {facts.net} waits", anchor="lm")
        return
    sheet.image(reading.image, _RIGHT, 28, 96)
    sheet.text(_RIGHT + 126, 76, reading.answer, 64, BLUE, bold=True)
    paint_scores(sheet, reading, _RIGHT + 2, 177, 78, 26)
    if reading.are_distances:  # F6 then aims at a picture
        sheet.title(332, 296, f"ideal {reading.answer}", 13)
        paint_glyphs(sheet, reading, 254, 306, 10, 78)


def say(facts: Facts) -> str:
    if facts.reading:
        return f"{facts.what} is read as {facts.reading.answer}: {facts.reading.because()}."
    return f"{facts.what} The pen has {facts.pen} % of the side; LeNet-5, {facts.net}, will read it."
