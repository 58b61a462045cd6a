"""The picture that moves, at the top of README: a pen draws a 3, one more stroke makes it an 8.

All that is seen beside the canvas is what the demo `draw_digit` of chapter 0 computes, paints and says.
"""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw
from scipy.interpolate import CubicHermiteSpline

from .demos.draw_digit import compute, paint, say
from .demos.sheet import GREY, Sheet
from .plots import INK, PALE

# Where the pen goes, in shares of the canvas's side, y downwards: a smooth path through these points.
THREE = [(0.30, 0.22), (0.44, 0.13), (0.62, 0.16), (0.68, 0.29), (0.58, 0.43), (0.45, 0.48),
         (0.60, 0.52), (0.72, 0.66), (0.64, 0.83), (0.46, 0.89), (0.28, 0.80)]
CLOSE = [(0.30, 0.22), (0.29, 0.34), (0.37, 0.43), (0.45, 0.48), (0.35, 0.57), (0.26, 0.68),
         (0.28, 0.80)]
PEN = 8                   # percent of the side
SIZE = 956, 392           # pixels of the page; the file has twice as many along each axis
_STEP, _HOLD = 140, 2200  # milliseconds of a picture while the pen moves, and of one to be read
_POINTS = 8               # of the pen's path from one picture to the next
_CANVAS, _SIDE = (12, 14), 264
_DEMO, _DEMO_SIZE = (288, 8), (660, 336)  # where the demo's own picture is, and how large
_FINE = 4                 # the stroke is drawn so many times larger and then reduced, which smooths it


def drawings() -> Iterator[tuple[list[np.ndarray], int]]:
    """What stands on the canvas, strokes of N x 2, and for how many milliseconds."""
    yield [], _HOLD // 2
    done = []
    for points in (THREE, CLOSE):
        path = _smooth(points)
        for drawn in range(_POINTS, len(path) - 1, _POINTS):
            yield [*done, path[:drawn]], _STEP
        done.append(path)
        yield [*done], _HOLD


def frame(strokes: list[np.ndarray]) -> tuple[Image.Image, str]:
    """The picture with these strokes on the canvas, and the sentence below it."""
    facts = compute([stroke.ravel().tolist() for stroke in strokes], PEN, "drawing", "lenet5-1998")
    demo, sheet = Sheet(*_DEMO_SIZE, 2), Sheet(*SIZE, 2)
    paint(demo, facts)
    sheet.paste(demo.pixels, *_DEMO, _DEMO_SIZE[0])
    sheet.paste(_canvas(strokes), *_CANVAS, _SIDE)
    sheet.outline(*_CANVAS, _SIDE, _SIDE, GREY, 1)
    if not strokes:
        sheet.text(_CANVAS[0] + _SIDE / 2, _CANVAS[1] + _SIDE / 2, "draw a digit here", anchor="mm")
    sheet.fill(12, 352, SIZE[0] - 24, 1, PALE)
    sheet.text(SIZE[0] / 2, 372, say(facts), anchor="mm")
    return Image.fromarray(sheet.pixels), say(facts)


def animation() -> bytes:
    """A WebP file, without loss, that plays for ever."""
    frames, times = zip(*((frame(strokes)[0], time) for strokes, time in drawings()), strict=True)
    stream = io.BytesIO()
    frames[0].save(stream, "webp", save_all=True, append_images=frames[1:], duration=[*times], loop=0,
                   lossless=True, quality=60, method=3)  # more of either takes minutes for a hundredth
    return stream.getvalue()


def still() -> bytes:
    """The last picture as PNG, for readers who have asked their system for less motion."""
    *_, (strokes, _) = drawings()
    stream = io.BytesIO()
    frame(strokes)[0].save(stream, "png", optimize=True)
    return stream.getvalue()


def _smooth(points: list[tuple[float, float]], between: int = 12) -> np.ndarray:
    """A path through points, so many steps from each to the next: a Catmull-Rom spline, N x 2."""
    steps = len(points) - 1
    spline = CubicHermiteSpline(range(steps + 1), points, np.gradient(points, axis=0))
    return spline(np.arange(steps * between + 1) / between)


def _canvas(strokes: list[np.ndarray]) -> np.ndarray:
    """The white square with strokes of a round pen; rows x columns x 3, uint8."""
    side = 2 * _SIDE * _FINE
    image = Image.new("L", (side, side), "white")
    draw, radius = ImageDraw.Draw(image), PEN / 100 * side / 2
    for stroke in strokes:
        points = [tuple(point) for point in stroke * side]
        draw.line(points, fill=INK, width=round(2 * radius))
        for x, y in points:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=INK)
    return np.asarray(image.reduce(_FINE).convert("RGB"))
