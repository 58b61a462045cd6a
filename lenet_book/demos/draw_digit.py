"""Draw a digit, and every layer of LeNet-5 follows while the pen moves."""

from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from torch import nn

from .. import paper
from ..arguments import flag, number, sequence
from ..plots import BLUE
from .base import LARGE, Demo, Facts
from .controls import button, choice, slider
from .examples import ten_digits
from .ink import checked, drawn
from .own import adopt
from .reading import NETS, paint_glyphs, paint_scores, read
from .sheet import GREY, Sheet
from .words import article

_SIDE = 252       # of the canvas with its margin, pixels, on a projector too
_SIZE = 660, 336  # of the picture, which on a projector has its place beside the canvas
_SCORES = 498     # from where on it shows them
_DRAWING = "drawing"
# The maps of each layer: what they are called, left, top, side of a map, maps in a row, space between.
_PLACES = {"c1": (" maps", 120, 30, 54, 3, 4), "s2": (" maps", 316, 30, 50, 3, 4),
           "c3": (" maps", 10, 182, 32, 4, 4), "s4": (" maps", 168, 182, 24, 4, 4),
           "c5": ("", 302, 182, 6, 8, 2), "f6": ("", 388, 182, 6.5, 7, 0.5)}
_IDEAL = 440      # of F6 in 1998


class Canvas(anywidget.AnyWidget):
    """A square to draw on with mouse, pen or finger.

    value: the strokes so far, as the browser sends them (see `ink.checked`); it may be set, too.
    The page tells it how thick the pen is, and whether something else is read.
    """

    _esm = Path(__file__).with_name("live") / "canvas.js"
    _css = Path(__file__).with_name("live") / "canvas.css"
    value = traitlets.Any().tag(sync=True, echo_update=False)
    label = traitlets.Unicode("canvas: draw a digit with mouse, pen or finger; Backspace takes the "
                              "last stroke back, Delete all of them; without any of these, choose "
                              "a digit of the test set below").tag(sync=True)


def draw_digit(strokes=(), thickness: int = 8, show: str | int = _DRAWING,
               net: str | nn.Module = "lenet5-1998", projector: bool = False,
               hidden: bool = False) -> Demo:
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
    # On a projector the picture needs the room.
    width = round(_SIDE / LARGE) if flag("projector", projector) else _SIDE
    controls = {
        "canvas": Canvas(value=strokes, layout={"width": f"{width}px"}),
        "undo": button("undo", "take the last stroke back"),
        "clear": button("clear", "begin with an empty canvas"),
        "thickness": slider("pen, %", thickness, 1, 30, width=width),
        "show": choice("input", show, [("my drawing", _DRAWING), *(
            (f"{article(digit)} of MNIST", digit) for digit in range(10))], width=width),
        "net": choice("LeNet-5", net, nets, width=width),
    }
    demo = Demo("draw_digit", compute, paint, say, controls, _SIZE, ACTIONS, projector=projector,
                hidden=hidden, arrange=_column, needs=["ten-digits", *(name for _, name in nets)])
    demo.widget.add_class("lenet-beside")
    return demo


def _column(controls: dict[str, widgets.Widget]) -> widgets.Widget:
    """Narrow enough to have the picture beside it: the canvas, and below it what belongs to it."""
    return widgets.VBox([*controls.values()])


def turn_to_the_drawing(**values) -> dict:
    """Whoever draws wants the drawing to be read."""
    return {"show": _DRAWING}


def undo(canvas, **others) -> dict:
    """Without the last stroke; what is no list of strokes goes as a whole."""
    return {"canvas": canvas[:-1] if isinstance(canvas, list) else [], "show": _DRAWING}


def clear(**values) -> dict:
    """An empty canvas."""
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
    return Facts(what=what, pen=thickness, net=dict(map(reversed, NETS)).get(net, "your own"),
                 image=image, reading=None if image is None else read(net, image))


def paint(sheet: Sheet, facts: Facts) -> None:
    reading = facts.reading
    sheet.title(10, 16, "input")
    for layer in paper.LAYERS[:-1]:
        name = layer.name.lower()
        what, left, top, side, columns, gap = _PLACES[name]
        sheet.title(left, top - 14, f"{layer.name}: {layer.maps}{what}")
        if reading and reading.are_distances and name == "f6":
            paint_glyphs(sheet, reading, left, top, side, _IDEAL - left)
            sheet.text(_IDEAL, top + 12 * side + 16, "ideal")
            sheet.answer(_IDEAL - 4, top - 4, 54, 12 * side + 32)
        else:
            maps = reading.maps[name] if reading else np.zeros((layer.maps, layer.size, layer.size))
            sheet.maps(maps, left, top, side, columns, gap, reading.full[name] if reading else 1.0)
    sheet.text(168, 320, "violet below 0, orange above")
    if not reading:
        sheet.outline(10, 30, 92, 92, GREY, 1)
        sheet.text(56, 76, f"pen {facts.pen} %", anchor="mm")
        sheet.text(_SCORES + 76, 120, "?", 96, GREY, anchor="mm", bold=True)
        sheet.text(_SCORES + 76, 210, f"LeNet-5 {facts.net}", anchor="mm")
        sheet.text(_SCORES + 76, 234, "waits", anchor="mm")
        return
    sheet.image(reading.image, 10, 30, 92, frame=True)
    sheet.text(634, 34, reading.answer, 56, BLUE, anchor="mm", bold=True)
    paint_scores(sheet, reading, _SCORES, 64, 62, 26)
    sheet.answer(_SCORES - 4, 4, 162, 328)


def say(facts: Facts) -> str:
    if facts.reading:
        return f"{facts.what} is read as {facts.reading.answer}: {facts.reading.because()}."
    return f"{facts.what} The pen has {facts.pen} % of the side; LeNet-5, {facts.net}, will read it."
