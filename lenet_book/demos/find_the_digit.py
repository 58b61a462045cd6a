"""A digit among scraps: the ten class maps of a trained net, and where the winning one peaks."""

from copy import deepcopy
from functools import cache

import torch
from torch import nn

from .. import mnist
from ..plots import BLUE, RED
from .base import Demo, Facts
from .controls import slider
from .examples import test_digits, trained
from .reading import percent
from .sheet import Sheet
from .words import number

NET = "vgg-small-average"
_OTHERS = 12  # the digits after it in the test set, of which the scraps are
_PIXELS = 8  # from one place of a class map to the next: the net pools 2 x 2 three times
_LEFT, _TOP, _CANVAS = 14, 34, 218  # pixels of the page: the canvas
_MAPS, _SIDE, _ACROSS, _DOWN = 286, 90, 110, 122  # the class maps: the first, each, and to the next


def find_the_digit(index: int = 0, row: int = 6, column: int = 9, canvas: int = 40,
                   pieces: int = 4, seed: int = 12, projector: bool = False,
                   hidden: bool = False) -> Demo:
    """Move a digit about on a canvas with scraps of other digits: is it read, and is it found?

    index: of the test digit, 0 to 9,999. row, column: of its frame's upper left pixel, 0 to
    canvas - 28. canvas: height and width, 40 to 72 pixels. pieces: scraps of other digits, 0 to 12.
    seed: 0 to 99, of the scraps and where they lie. The net is "vgg-small-average", which was trained
    on canvases of 40 x 40 with four scraps.
    """
    controls = {
        "index": slider("test digit", index, 0, len(test_digits()) - 1),
        "row": slider("row", row, 0, 72 - mnist.SIZE),
        "column": slider("column", column, 0, 72 - mnist.SIZE),
        "canvas": slider("canvas", canvas, 40, 72, 8), "pieces": slider("scraps", pieces, 0, 12),
        "seed": slider("seed of the scraps", seed, 0, 99),
    }
    return Demo("find_the_digit", compute, paint, say, controls, (840, 300), limits=limits,
                projector=projector, hidden=hidden, plays=["column", "row"],
                needs=["test-digits", NET])


def limits(canvas, **others) -> dict[str, int]:
    """The whole frame stays on the canvas."""
    return {"row": canvas - mnist.SIZE, "column": canvas - mnist.SIZE}


@torch.inference_mode()
def compute(index, row, column, canvas, pieces, seed) -> Facts:
    """Have the canvas read; a class map is the last layer at each place, before the average."""
    net, digits = _net(), test_digits()
    some = digits[[(index + i) % len(digits) for i in range(_OTHERS + 1)]]
    frames = torch.tensor([[row, column, mnist.SIZE]], device="cpu").expand(len(some), 3)
    canvases = mnist.cluttered(some, canvas, pieces, seed, frames)  # of which the first is shown
    features = net[:-3](canvases.inputs(net.scaling)[:1].double())[0]  # 64 x m x m
    maps = torch.einsum("ck,kij->cij", net.fc4.weight, features) + net.fc4.bias[:, None, None]
    # The average of a sum is the sum of the averages: the net would take that of the features first.
    scores = maps.mean(dim=(1, 2))
    answer, size = scores.argmax().item(), maps.shape[-1]
    peak = divmod(maps[answer].argmax().item(), size)
    middle = [_PIXELS * (place + 0.5) for place in peak]  # of what the peak sees, from the edge
    return Facts(
        index=index, label=digits.labels[index].item(), row=row, column=column,
        image=canvases.images[0].float() / 255, maps=maps, scores=scores, answer=answer,
        probability=scores.softmax(dim=0)[answer].item(), peak=peak, reach=maps.abs().max().item(),
        inside=all(first < at < first + mnist.SIZE
                   for first, at in zip((row, column), middle, strict=True)))


@cache
def _net() -> nn.Module:
    """In double precision: sums in another order, as in the page or on another CPU, round alike."""
    return deepcopy(trained(NET)).double()


def say(facts: Facts) -> str:
    size, (row, column) = facts.maps.shape[-1], facts.peak
    return (f"The {facts.label}, test digit {facts.index}, is read as {facts.answer}, which is "
            f"{'right' if facts.answer == facts.label else 'wrong'}: score "
            f"{number(facts.scores[facts.answer])}, probability {percent(facts.probability)}. "
            f"The class map of the {facts.answer} peaks at row {row}, column {column} of "
            f"{size} × {size}, {'inside' if facts.inside else 'outside'} the digit's frame.")


def paint(sheet: Sheet, facts: Facts) -> None:
    """The canvas on the left, the ten class maps on the right."""
    canvas, size, (row, column) = len(facts.image), facts.maps.shape[-1], facts.peak
    pixel, cell, side = _CANVAS / canvas, _SIDE / size, mnist.SIZE * _CANVAS / canvas
    sheet.title(_LEFT, 16, f"canvas {canvas} × {canvas}")
    sheet.image(facts.image, _LEFT, _TOP, _CANVAS, frame=True)
    sheet.outline(_LEFT + pixel * facts.column, _TOP + pixel * facts.row, side, side, RED, 2, dash=True)
    sheet.outline(_LEFT + pixel * _PIXELS * column, _TOP + pixel * _PIXELS * row, pixel * _PIXELS,
                  pixel * _PIXELS, BLUE, 3, answer=True)
    for digit, (values, score) in enumerate(zip(facts.maps, facts.scores, strict=True)):
        x, y = _MAPS + _ACROSS * (digit % 5), _TOP + _DOWN * (digit // 5)
        won = digit == facts.answer
        style = {"colour": BLUE, "bold": True} if won else {}
        sheet.text(x, y - 18, "▶ " * won + str(digit), 17, **style)
        sheet.text(x + _SIDE, y - 18, number(score), anchor="rm", **style)
        sheet.image(values, x, y, _SIDE, facts.reach, frame=True)
        if won:
            sheet.outline(x + cell * column - 2, y + cell * row - 2, cell + 4, cell + 4, BLUE, 2)
        if digit == facts.label:
            sheet.outline(x - 6, y - 30, _SIDE + 12, _SIDE + 36, RED, 2, dash=True)
    sheet.text(_LEFT, 270, "dashed: what the digit is, and where; blue: the answer, and where its map "
               "peaks")
    full = number(facts.reach, 1)
    sheet.text(_LEFT, 289, f"a digit's score is the mean of its map: violet −{full}, white 0, "
               f"orange +{full}")
    sheet.answer(_MAPS - 12, 2, 840 - _MAPS, 250)
