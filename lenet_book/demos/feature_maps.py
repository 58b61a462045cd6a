"""What each layer of LeNet-5 makes of a digit, and what becomes of it when the digit is deformed."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import mnist
from ..arguments import fields, whole
from ..plots import BLUE, RED
from ..training.augmentation import linear_map
from .base import Demo, Facts
from .controls import Held, button, choice, slider
from .examples import normal_numbers, test_digits
from .reading import LAYERS, MISREAD, NETS, paint_glyphs, paint_label, paint_scores, read
from .sheet import Sheet
from .words import article, moved

_INPUT, _SIDE, _TOP = 12, 152, 36  # pixels: where the input begins, its side; the top of all pictures
_LEFT, _MAPS = 192, (400, 230)  # the room for the maps
_SCORES = 612
# Maps in a row, and the space between them; 6 of C1 and S2, 16 of C3 and S4, 120 of C5, 84 of F6.
_WALLS = {6: (3, 6), 16: (6, 6), 120: (15, 3), 84: (12, 4)}
_PIXELS = fields(*[fields(*[whole(0, 255)] * mnist.SIZE)] * mnist.SIZE)
_ANY = "any"  # class of a digit
_AS_IT_IS = {"right": 0, "down": 0, "rotate": 0, "scale": 100, "noise": 0}


def feature_maps(index: int = 0, layer: str = "c1", net: str = "lenet5-1998", right: int = 0,
                 down: int = 0, rotate: int = 0, scale: int = 100, noise: int = 0,
                 projector: bool = False, hidden: bool = False,
                 image: Tensor | None = None, digit: str | int = _ANY) -> Demo:
    """All maps of a layer and the ten scores of a trained net, for a test digit that is deformed.

    index: of the test digit, 0 to 9,999. layer: c1, s2, c3, s4, c5 or f6. net: "lenet5-1998" or
    "lenet5". right, down: shift, -10 to 10 pixels. rotate: -180 to 180 degrees, clockwise.
    scale: 50 to 140 percent. noise: standard deviation, 0 to 50 percent of full ink. image: one of your
    own in place of the test digit, until that is moved; 28 x 28 whole numbers, 0 for paper to 255 for
    ink, such as those of mnist.from_image, or a drawing: `draw_digit` has it as `demo.facts.image`.
    digit: 0 to 9 for the test digits of that class alone, of which the first from index on is shown;
    "any" for all.
    """
    controls = {
        "index": slider("test digit", index, 0, len(test_digits()) - 1, width=202),
        "digit": choice("class", digit, [_ANY, *range(10)], width=100),
        "layer": choice("layer", layer, [(name.upper(), name) for name in LAYERS], width=95),
        "net": choice("LeNet-5", net, NETS, width=155),
        "rotate": slider("rotate, °", rotate, -180, 180, 5, width=162),
        "right": slider("shift right", right, -10, 10, width=180),
        "down": slider("shift down", down, -10, 10, width=180),
        "scale": slider("scale, %", scale, 50, 140, 5, width=180),
        "noise": slider("noise, %", noise, 0, 50, 5, width=180),
        "wrong": button("next wrong digit", "the next test digit that this net reads wrong as it is; "
                                            "a page without a kernel has only the first 200", 150),
        "image": Held("image", image, _own, "your image"),
    }
    first = go(controls["index"].value, controls["digit"].value, shown=0)["index"]
    controls["index"].value = first
    controls["shown"] = Held("shown", first, whole(0, len(test_digits()) - 1))
    return Demo("feature_maps", compute, paint, say, controls, (840, 296), ACTIONS, limits,
                projector, hidden=hidden, plays=["layer"],
                needs=["test-digits", "noise", *(name for _, name in NETS)])


def _own(name: str, value) -> list[list[int]] | None:
    """An image as JSON can hold it. Raises TypeError or ValueError where it is none."""
    return None if value is None else [list(row) for row in _PIXELS(name, value)]


def limits(**values) -> dict[str, int]:
    """A page without a kernel has fewer digits."""
    return {"index": len(test_digits()) - 1}


@cache
def _numbers(digit: str | int) -> list[int]:
    """The test digits of that class."""
    return [i for i, label in enumerate(test_digits().labels.tolist()) if digit in (_ANY, label)]


def next_wrong(index: int, digit: str | int, net: str, **others) -> dict:
    """The next digit of the class that the net reads wrong, as it is; after the last one the first."""
    wrong = [number for number in _numbers(digit) if number in MISREAD[net]]
    return {**_turn_to(next((one for one in wrong if one > index), wrong[0])), **_AS_IT_IS}


def go(index: int, digit: str | int, shown: int, **others) -> dict:
    """To the digit of that number or, if it is of another class, to the next one that way."""
    up = [number for number in _numbers(digit) if number >= index]
    down = [number for number in reversed(_numbers(digit)) if number <= index]
    return _turn_to((down + up if index < shown else up + down)[0])


def _turn_to(index: int) -> dict:
    """Whoever chooses a test digit wants to see it, and not their own image."""
    return {"index": index, "shown": index, "image": None}


ACTIONS = {"wrong": next_wrong, "index": go, "digit": go}


def deform(image: Tensor, right: float = 0, down: float = 0, rotate: float = 0, scale: float = 100,
           noise: float = 0) -> Tensor:
    """A digit turned and scaled about its middle, then shifted, with noise; uint8, 28 x 28, as before.

    Units as in `feature_maps`. It works on raw pixels, so that what comes in from outside is
    background. The noise is the same each time: it does not flicker while something else moves.
    """
    height, width = image.shape
    pixels = image[None, None].double()
    growth = pixels.new_tensor([scale / 100])
    matrix = linear_map(pixels.new_tensor([-math.radians(rotate)]), growth, growth, pixels.new_zeros(1),
                        height, width)
    shift = matrix @ pixels.new_tensor([[2 * right / width], [2 * down / height]])  # it is 2 wide
    grid = F.affine_grid(torch.cat([matrix, -shift], dim=2), (1, 1, height, width), align_corners=False)
    moved = F.grid_sample(pixels, grid, align_corners=False)[0, 0]
    grey = moved + 255 * noise / 100 * normal_numbers().to(moved)
    # Twice rounded: means of four pixels often end in a half, which no last digit shall sway.
    return grey.round(decimals=6).round().clamp(0, 255).to(torch.uint8)


def compute(index: int, layer: str, net: str, image: list | None = None, digit: str | int = _ANY,
            shown: int = 0, **changes: int) -> Facts:
    """changes: what is done to the digit, see `deform`. Of a reader's own image no label is known.

    digit, shown: for `go` alone, which leads to the digit of that index.
    """
    if image is None:
        pixels, label = test_digits().images[index], test_digits().labels[index].item()
    else:
        pixels, label = torch.tensor(image, dtype=torch.uint8, device="cpu"), None
    reading = read(net, deform(pixels, **changes))
    count, size, _ = reading.maps[layer].shape
    return Facts(index=index, label=label, layer=layer, changes=changes, reading=reading,
                 what=f"{count} maps of {size} × {size}" if size > 1 else f"{count} units",
                 correct=label in (None, reading.answer))


def paint(sheet: Sheet, facts: Facts) -> None:
    reading, layer = facts.reading, facts.layer
    maps, full = reading.maps[layer], reading.full[layer]
    sheet.title(_INPUT, 18, "input: 32 × 32")
    sheet.image(reading.image, _INPUT, _TOP, _SIDE, frame=True)
    colour, verdict = (BLUE, "right") if facts.correct else (RED, "wrong")
    sheet.text(_INPUT, 256, "read as")
    if facts.label is None:
        sheet.text(_INPUT, 216, "your own image")
    else:
        sheet.text(_INPUT, 216, "label")
        paint_label(sheet, facts.label, _INPUT + 100, 216)
        sheet.text(_INPUT, 278, verdict, colour=colour, bold=True)
    sheet.text(_INPUT + 100, 264, reading.answer, 48, colour, anchor="mm", bold=True)
    sheet.title(_LEFT, 18, f"{layer.upper()}: {facts.what}")
    if layer == "f6" and reading.are_distances:
        paint_glyphs(sheet, reading, _LEFT, _TOP, 19, 200)
        sheet.title(_LEFT + 200, 18, f"the ideal {reading.answer}")
        sheet.answer(_LEFT + 196, 4, 141, _MAPS[1] + 36)
    else:
        (width, height), (columns, gap) = _MAPS, _WALLS[len(maps)]
        side = min(width / columns, height / -(-len(maps) // columns)) - gap
        sheet.maps(maps, _LEFT, _TOP, side, columns, gap, full)
    violet = f"violet −{full:.1f}, " if maps.min() < 0 else ""
    sheet.text(_LEFT, 281, f"{violet}white 0, orange {full:.1f} and more")
    paint_scores(sheet, reading, _SCORES, 52, 122, 23.5, facts.label)
    sheet.answer(_INPUT - 4, 236, _SIDE + 8, 56)
    sheet.answer(_SCORES - 4, 4, 228, 288)


def say(facts: Facts) -> str:
    reading, changes = facts.reading, _changes(**facts.changes)
    if facts.label is None:
        digit, verdict = f"Your image{changes}{',' * bool(changes)}", ""
    else:
        digit = f"Test digit {facts.index}, {article(facts.label)}{changes},"
        verdict = f", which is {'right' if facts.correct else 'wrong'}"
    return (f"{digit} is read as {reading.answer}{verdict}: {reading.because(facts.label)}. "
            f"{facts.layer.upper()} has {facts.what}.")


def _changes(right: int, down: int, rotate: int, scale: int, noise: int) -> str:
    """What was done to the digit, in words, each after a comma."""
    changes = [f"shifted {moved(right, down)}" if right or down else "",
               f"rotated by {abs(rotate)}° {'clockwise' if rotate > 0 else 'counterclockwise'}"
               if rotate else "",
               f"scaled to {scale} %" if scale != 100 else "",
               f"with noise of {noise} %" if noise else ""]
    return "".join(f", {change}" for change in changes if change)
