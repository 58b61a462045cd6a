"""The paper that a demo paints on: arrays and words to pixels in a few milliseconds.

A demo paints its whole picture anew at every movement of a slider, so nothing of the last one can
be left behind. Matplotlib takes about half a millisecond for each word, Pillow a tenth of that or
less; therefore what moves is painted here, and Matplotlib makes only backgrounds that stay.

Lengths are pixels of the page, x to the right and y down from the upper left corner.
"""

from functools import cache, lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from ..plots import BLUE, GREEN, INK, ORANGE, PALE, PURPLE
from ..plots.picture import written as number

TINTS = {BLUE: "#B8D5E8", ORANGE: "#F8E2B8", GREEN: "#B8E3D7", PURPLE: "#F1DCE7"}  # paler
GREY = "#999999"  # frames, and what stands back
TYPE = 16  # of words; 20 pixels on a projector, even if a page of 1,280 leaves the picture 1,100
_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
# Between the lowest and the highest number: red, green, blue.
_INK = np.linspace(255, 0, 256).round().astype(np.uint8)[:, None].repeat(3, axis=1)
_SIGNED = (matplotlib.colormaps["PuOr_r"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
_FINE = 4  # slanted lines are drawn so many times larger and then reduced, which smooths them


class Sheet:
    """A white picture, width x height, to paint on.

    scale: pixels of the image for each pixel of the page, 2 being sharp on any screen.
    """

    def __init__(self, width: int, height: int, scale: float = 1.0):
        self.scale = scale
        self._image = Image.new("RGB", (self._px(width), self._px(height)), "white")
        self._pen = ImageDraw.Draw(self._image)

    @property
    def pixels(self) -> np.ndarray:
        """What has been painted so far: rows x columns x 3, uint8."""
        return np.asarray(self._image)

    def text(self, x: float, y: float, words, size: float = TYPE, colour: str = INK,
             anchor: str = "lm", bold: bool = False) -> None:
        """One line of words. anchor: lm, mm or rm: at x they begin, have their middle or end."""
        mask, left, top = _written(str(words), round(size * self.scale), bold, anchor)
        self._image.paste(colour, (self._px(x) + left, self._px(y) + top), mask)

    def title(self, x: float, y: float, words, size: float = TYPE, colour: str = INK) -> None:
        """One bold line of words that begins at x, y."""
        self.text(x, y, words, size, colour, bold=True)

    def fill(self, x: float, y: float, width: float, height: float, colour: str,
             answer: bool = False) -> None:
        """A rectangle full of one colour. answer: as of `outline`."""
        left, top, right, bottom = self._corners(x, y, width, height)
        if right > left and bottom > top:
            self._pen.rectangle((left, top, right - 1, bottom - 1), fill=colour)

    def outline(self, x: float, y: float, width: float, height: float, colour: str = INK,
                thickness: float = 2, dash: bool = False, answer: bool = False) -> None:
        """The edge of a rectangle, drawn inwards; dashed, it can be told from others without colour.

        answer: where it lies is for a class to predict; the page leaves it out while that is hidden.
        """
        left, top, right, bottom = self._corners(x, y, width, height)
        thick = max(1, self._px(thickness))
        if not dash:
            self._pen.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=thick)
            return
        step = self._px(4)
        for a in range(left, right, 2 * step):
            b = min(a + step, right) - 1
            self._pen.rectangle((a, top, b, top + thick - 1), fill=colour)
            self._pen.rectangle((a, bottom - thick, b, bottom - 1), fill=colour)
        for a in range(top, bottom, 2 * step):
            b = min(a + step, bottom) - 1
            self._pen.rectangle((left, a, left + thick - 1, b), fill=colour)
            self._pen.rectangle((right - thick, a, right - 1, b), fill=colour)

    def cross(self, x: float, y: float, size: float, colour: str, thickness: float = 1,
              answer: bool = False) -> None:
        """Two diagonals over a square: this one does not count. answer: as of `outline`."""
        left, top, right, bottom = self._corners(x, y, size, size)
        thick = max(1, self._px(thickness))
        self._pen.line((left, top, right - 1, bottom - 1), fill=colour, width=thick)
        self._pen.line((left, bottom - 1, right - 1, top), fill=colour, width=thick)

    def curve(self, points, colour: str = INK, thickness: float = 2) -> None:
        """A smooth line through points, N x 2."""
        points = np.asarray(points, dtype=float).reshape(-1, 2) * self.scale
        if len(points) < 2:
            return
        reach = thickness * self.scale + 1
        left, top = np.floor(points.min(axis=0) - reach).astype(int)
        right, bottom = np.ceil(points.max(axis=0) + reach).astype(int)
        mask = Image.new("L", (int(right - left) * _FINE, int(bottom - top) * _FINE))
        ImageDraw.Draw(mask).line([tuple(p) for p in (points - (left, top)) * _FINE], fill=255,
                                  width=round(thickness * self.scale * _FINE), joint="curve")
        self._image.paste(colour, (int(left), int(top)), mask.reduce(_FINE))

    def arrow(self, x: float, y: float, to_x: float, to_y: float, colour: str = INK) -> None:
        """A straight line with a head at its end."""
        tip, length = np.array([to_x, to_y], float), np.hypot(to_x - x, to_y - y) or 1.0
        along = np.array([to_x - x, to_y - y]) / length
        across = np.array([-along[1], along[0]])
        self.curve([(x, y), tip], colour, 1.5)
        self.curve([tip - 7 * along + 4 * across, tip, tip - 7 * along - 4 * across], colour, 1.5)

    def image(self, values, x: float, y: float, width: float, reach: float | None = None,
              frame: bool = False) -> None:
        """One map, H x W, as squares of colour, grey where it is NaN.

        From 0, white, to 1, black; with a reach, from violet at -reach over white to orange at reach.
        frame: a thin one in grey.
        """
        values = np.asarray(values, dtype=float)
        self.paste(_coloured(values, reach), x, y, width)
        if frame:
            self.outline(x, y, width, width * values.shape[0] / values.shape[1], GREY, 1)

    def paste(self, pixels, x: float, y: float, width: float) -> None:
        """Colours as they are, H x W x 3, uint8: each a square."""
        left, top, right, bottom = self._corners(x, y, width, width * pixels.shape[0] / pixels.shape[1])
        self._image.paste(Image.fromarray(pixels).resize((right - left, bottom - top),
                                                         Image.Resampling.NEAREST), (left, top))

    def maps(self, values, x: float, y: float, side: float, columns: int, gap: float,
             reach: float | None = None) -> None:
        """Many maps, N x H x W, in rows, each side wide; violet at -reach, orange at reach.

        reach: the largest number, without its sign, by default.
        """
        values = np.asarray(values, dtype=float)
        count, rows, across = values.shape
        inner = self._px(side)
        # Where each row and column of maps begins; each is rounded by itself, so that no error grows.
        down, right = ([self._px(n * (side + gap)) for n in range(length)]
                       for length in (-(-count // columns), columns))
        pick = [np.arange(inner) * length // inner for length in (rows, across)]
        coloured = _coloured(values, reach or float(abs(values).max()) or 1.0)
        tiles = coloured[:, pick[0]][:, :, pick[1]]
        tiles[:, [0, -1]] = tiles[:, :, [0, -1]] = 0xC8  # a thin frame, so that a white map is seen
        wall = np.full((down[-1] + inner, right[-1] + inner, 3), 255, np.uint8)
        for n, tile in enumerate(tiles):
            top, left = down[n // columns], right[n % columns]
            wall[top:top + inner, left:left + inner] = tile
        self._image.paste(Image.fromarray(wall), (self._px(x), self._px(y)))

    def numbers(self, values, x: float, y: float, cell: float,
                reach: float | None = None) -> None:
        """A matrix with its numbers written out, a coloured square each; NaN leaves one grey and empty.

        The numbers are smaller where they do not fit. reach: the number whose colour is full, by
        default the largest.
        """
        values = np.asarray(values, dtype=float)
        known = values[~np.isnan(values)]
        reach = reach or float(abs(known).max(initial=0.0)) or 1.0
        decimals = 0 if np.array_equal(known, known.round()) else 2
        words = [(row, column, number(value, decimals))
                 for (row, column), value in np.ndenumerate(values) if not np.isnan(value)]
        widest = max((_font(100, False).getlength(word) / 100 for *_, word in words), default=1.0)
        self.image(values, x, y, cell * values.shape[1], 2 * reach)  # pale, under dark words
        self.grid(x, y, cell, *values.shape)
        for row, column, word in words:
            self.text(x + cell * (column + 0.5), y + cell * (row + 0.5), word,
                      min(TYPE, 0.9 * cell / widest), anchor="mm")

    def grid(self, x: float, y: float, cell: float, rows: int, columns: int,
             colour: str = "#AAAAAA") -> None:
        """Thin lines between the cells of a matrix and around it."""
        left, top, right, bottom = self._corners(x, y, cell * columns, cell * rows)
        for row in range(rows + 1):
            at = min(self._px(y + cell * row), bottom - 1)
            self._pen.line((left, at, right - 1, at), fill=colour)
        for column in range(columns + 1):
            at = min(self._px(x + cell * column), right - 1)
            self._pen.line((at, top, at, bottom - 1), fill=colour)

    def bar(self, x: float, y: float, width: float, height: float, share: float, colour: str) -> None:
        """A horizontal bar, filled from the left by a share of 0 to 1."""
        self.fill(x, y, width, height, "#F0F0F0")
        self.fill(x, y, width * min(max(share, 0.0), 1.0), height, colour)
        self.outline(x, y, width, height, PALE, 1)

    def answer(self, x: float, y: float, width: float, height: float) -> None:
        """Here is what a class is to predict: the page can cover it. In this picture it is seen."""

    def _px(self, length: float) -> int:
        return round(length * self.scale)

    def _corners(self, x: float, y: float, width: float, height: float) -> tuple[int, int, int, int]:
        return self._px(x), self._px(y), self._px(x + width), self._px(y + height)


@lru_cache(maxsize=1000)  # most words of a picture stand in the next one too
def _written(words: str, size: int, bold: bool, anchor: str) -> tuple[Image.Image, int, int]:
    """The words as a mask, and where its upper left corner lies from the anchor."""
    font = _font(size, bold)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(words, anchor=anchor))
    mask = Image.new("L", (max(right - left, 1), max(bottom - top, 1)))
    ImageDraw.Draw(mask).text((-left, -top), words, fill=255, font=font, anchor=anchor)
    return mask, left, top


@cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_FONTS / f"DejaVuSans{'-Bold' * bold}.ttf"), size)


def _coloured(values: np.ndarray, reach: float | None) -> np.ndarray:
    """The same shape with red, green and blue behind it, uint8."""
    low, high, colours = (-reach, reach, _SIGNED) if reach else (0.0, 1.0, _INK)
    steps = np.clip((values - low) * (255 / (high - low)) + 0.5, 0, 255)
    empty = np.isnan(steps)
    if not empty.any():
        return colours[steps.astype(np.uint8)]
    pixels = colours[np.where(empty, 0, steps).astype(np.uint8)]
    pixels[empty] = ImageColor.getrgb(PALE)
    return pixels
