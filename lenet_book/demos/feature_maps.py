"""What each layer of LeNet-5 makes of a digit, and what becomes of it when the digit is deformed."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..plots import BLUE, INK, RED
from ..training.augmentation import linear_map
from .base import Demo, Facts
from .controls import choice, slider
from .examples import normal_numbers, test_digits
from .reading import LAYERS, NETS, paint_glyphs, paint_scores, read
from .sheet import Sheet

_LEFT, _TOP, _SIDE = 225, 58, 366  # the square for the maps, pixels


def feature_maps(index: int = 0, layer: str = "c1", net: str = "lenet5-1998", right: int = 0,
                 down: int = 0, rotate: int = 0, scale: int = 100, noise: int = 0,
                 projector: bool = False) -> Demo:
    """All maps of a layer and the ten scores of a trained net, for a test digit that is deformed.

    index: of the test digit, 0 to 9,999. layer: c1, s2, c3, s4, c5 or f6. net: "lenet5-1998" or
    "lenet5". right, down: shift, -10 to 10 pixels. rotate: -180 to 180 degrees, clockwise.
    scale: 50 to 140 percent. noise: standard deviation, 0 to 50 percent of full ink.
    """
    controls = {
        "index": slider("test digit", index, 0, len(test_digits()) - 1, width=380),
        "layer": choice("layer", layer, [(name.upper(), name) for name in LAYERS], width=120),
        "net": choice("LeNet-5", net, NETS, width=170),
        "right": slider("shift right", right, -10, 10), "down": slider("shift down", down, -10, 10),
        "rotate": slider("rotate, °", rotate, -180, 180, 5),
        "scale": slider("scale, %", scale, 50, 140, 5), "noise": slider("noise, %", noise, 0, 50, 5),
    }
    return Demo("feature_maps", compute, paint, say, controls, (840, 430), projector=projector,
                needs=["test-digits", "noise", *(name for _, name in NETS)])


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


def compute(index: int, layer: str, net: str, **changes: int) -> Facts:
    """changes: what is done to the digit, see `deform`."""
    image, label = test_digits().images[index], test_digits().labels[index].item()
    reading = read(net, deform(image, **changes))
    count, size, _ = reading.maps[layer].shape
    return Facts(index=index, label=label, layer=layer, changes=changes, reading=reading,
                 what=f"{count} maps of {size} × {size}" if size > 1 else f"{count} units",
                 correct=reading.answer == label)


def paint(sheet: Sheet, facts: Facts) -> None:
    reading, layer, full = facts.reading, facts.layer, facts.reading.full[facts.layer]
    sheet.title(20, 24, "input: 32 × 32")
    sheet.text(20, 44, "white 0, black 1", anchor="lm")
    sheet.image(reading.image, 20, _TOP, 176, frame=True)
    sheet.text(20, 260, f"it is {_a(facts.label)}, read as", 15, anchor="lm")
    colour, verdict = (BLUE, "✓ right") if facts.correct else (RED, "✗ wrong")
    sheet.text(48, 318, reading.answer, 72, colour, bold=True)
    sheet.title(90, 320, verdict, 20, colour)
    sheet.title(_LEFT, 24, f"{layer.upper()}: {facts.what}")
    sheet.text(_LEFT, 44, f"violet −{full:.1f}, white 0, orange +{full:.1f} and beyond", anchor="lm")
    if layer == "f6" and reading.are_distances:
        sheet.text(_LEFT, _TOP + 10, "as 12 × 7 dots", anchor="lm")
        sheet.text(_LEFT + 192, _TOP + 10, f"the ideal {reading.answer}", anchor="lm")
        paint_glyphs(sheet, reading, _LEFT, _TOP + 24, 25, 192)
    else:
        maps = reading.maps[layer]
        columns = {6: 3, 16: 4, 84: 12, 120: 12}[len(maps)]
        sheet.maps(maps, _LEFT, _TOP, _SIDE / columns - 6, columns, 6, full)
    paint_scores(sheet, reading, 632, 60, 108, 30, facts.label)
    sheet.text(632, 376, "▶", 13, BLUE)
    sheet.text(646, 376, "the answer", anchor="lm")
    sheet.outline(624, 390, 16, 16, INK, 2, dash=True)
    sheet.text(646, 398, "what it is", anchor="lm")


def say(facts: Facts) -> str:
    reading = facts.reading
    return (f"Test digit {facts.index}, {_a(facts.label)}{_changes(**facts.changes)}, is read as "
            f"{reading.answer}, which is {'right' if facts.correct else 'wrong'}: "
            f"{reading.because(facts.label)}. Layer {facts.layer.upper()} has {facts.what}.")


def _a(digit: int) -> str:
    return f"an {digit}" if digit == 8 else f"a {digit}"


def _changes(right: int, down: int, rotate: int, scale: int, noise: int) -> str:
    """What was done to the digit, in words, each after a comma."""
    ways = ((right, "to the right" if right > 0 else "to the left"),
            (down, "down" if down > 0 else "up"))
    shifts = [f"{abs(by)} pixel{'s' * (abs(by) != 1)} {way}" for by, way in ways if by]
    changes = ["shifted " + " and ".join(shifts) if shifts else "",
               f"rotated by {abs(rotate)} degrees {'clockwise' if rotate > 0 else 'counterclockwise'}"
               if rotate else "",
               f"scaled to {scale} %" if scale != 100 else "",
               f"with noise of {noise} %" if noise else ""]
    return "".join(f", {change}" for change in changes if change)
