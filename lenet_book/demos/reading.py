"""A trained LeNet-5 reads one digit: what its layers give out, its ten scores, its answer."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .. import paper
from ..features import capture
from ..layers import RBFOutput
from ..mnist import Digits
from ..models import pretrained
from ..plots import BLUE, INK
from .examples import test_digits
from .sheet import Sheet

NETS = [("of 1998", "lenet5-1998"), ("modern", "lenet5")]
LAYERS = ("c1", "s2", "c3", "s4", "c5", "f6")
GREY = "#909090"
_FARTHEST = 200  # of the ten glyphs, the two that differ most are so far apart


class Reading(NamedTuple):
    """What a net made of one digit.

    picture: 32 x 32, 0 background to 1 ink. maps: layer -> maps x H x W, after the squashing
    function, or after ReLU where that follows at once. scores: of each class its distance, of
    which the smallest wins, or its probability. answer: the class that won. second: the next.
    """

    picture: np.ndarray
    maps: dict[str, np.ndarray]
    scores: np.ndarray
    are_distances: bool
    answer: int
    second: int

    def because(self, label: int | None = None) -> str:
        """Why it is the answer and not the next one or, if it is wrong, not the right one."""
        measure, best = (("distance to", "smallest") if self.are_distances
                         else ("probability of", "largest"))
        other = (f"next comes the {self.second} with {self._score(self.second)}"
                 if label in (None, self.answer) else f"the {label} has {self._score(label)}")
        return f"the {measure} the {self.answer} is the {best}, {self._score(self.answer)}; {other}"

    def _score(self, digit: int) -> str:
        score = float(self.scores[digit])
        if self.are_distances:
            return f"{score:.0f}" if score >= 0.5 else "less than 1"
        return percent(score)


def percent(share: float) -> str:
    """Whole percent, but neither 0 nor 100 for what is not quite that."""
    if 0.005 <= share < 0.995:
        return f"{share:.0%}".replace("%", " %")
    return "less than 1 %" if share < 0.5 else "more than 99 %"


def read(net: str, image: Tensor) -> Reading:
    """Have one digit, uint8, 28 x 28, read by the pretrained net of that name."""
    model, layers = _net(net)
    digit = Digits(image[None], torch.zeros(1, dtype=torch.int64))
    with torch.inference_mode(), capture(model, layers.values()) as activations:
        outputs = model(digit.inputs(model.input_size, model.scaling))
    are_distances = isinstance(model.output, RBFOutput)
    scores = outputs[0] if are_distances else outputs[0].softmax(dim=0)
    answer, second = scores.argsort(descending=not are_distances)[:2].tolist()
    maps = {layer: _maps(activations[name][0]) for layer, name in layers.items()}
    return Reading(digit.inputs(model.input_size, "unit")[0, 0].numpy(), maps, scores.numpy(),
                   are_distances, answer, second)


@cache
def full_colour(net: str, layer: str) -> float:
    """The activation whose colour is full: 99 of 100 are smaller, over the first 100 test digits.

    With one scale for all pictures of a layer, what changes is the layer and not the scale.
    """
    model, layers = _net(net)
    with torch.inference_mode(), capture(model, layers[layer]) as activations:
        model(test_digits()[:100].inputs(model.input_size, model.scaling))
    return float(np.percentile(abs(activations[layers[layer]].numpy()), 99))


def paint_glyphs(sheet: Sheet, reading: Reading, x: float, y: float, cell: float, apart: float,
                 full: float) -> None:
    """F6 of 1998 as a picture of 7 x 12 dots, and to the right of it the one that it aims at."""
    height, width = paper.GLYPH_HEIGHT, paper.GLYPH_WIDTH
    aim = np.array(paper.GLYPHS[reading.answer])
    for left, dots in ((x, reading.maps["f6"].reshape(height, width)), (x + apart, aim)):
        sheet.image(dots, left, y, cell * width, low=-full, high=full, colours="signed")
        sheet.grid(left, y, cell, height, width)


def paint_scores(sheet: Sheet, reading: Reading, x: float, y: float, bar: float, row: float,
                 label: int | None = None) -> None:
    """Ten bars from y on and above them what they are; the answer pointed at, the label framed."""
    title, wins = (("distances", "the smallest wins") if reading.are_distances
                   else ("probabilities, %", "the largest wins"))
    sheet.text(x - 2, y - 36, title, 15, anchor="lm", bold=True)
    sheet.text(x - 2, y - 16, wins, 13, anchor="lm")
    for digit, score in enumerate(reading.scores.tolist()):
        top, middle, won = y + row * digit, y + row * (digit + 0.5), digit == reading.answer
        if won:
            sheet.text(x, middle, "▶", 13, BLUE)
        sheet.text(x + 18, middle, digit, 15, BLUE if won else INK, bold=won)
        sheet.bar(x + 32, top + 4, bar, row - 8, score / (_FARTHEST if reading.are_distances else 1),
                  BLUE if won else GREY)
        sheet.text(x + 37 + bar, middle, f"{score if reading.are_distances else 100 * score:.0f}", 13,
                   anchor="lm", bold=won)
        if digit == label:
            sheet.outline(x + 7, top, bar + 68, row, INK, 2, dash=True)


@cache
def _net(name: str) -> tuple[nn.Module, dict[str, str]]:
    """A trained net, and of each layer the last module that belongs to it (c1 or c1_squash)."""
    model = pretrained(name)
    return model, {name.split("_")[0]: name for name, _ in model.named_children()
                   if name.startswith(LAYERS)}


def _maps(activation: Tensor) -> np.ndarray:
    """maps x H x W; units that are no maps are 1 x 1."""
    return activation.reshape(len(activation), *activation.shape[1:] or (1, 1)).numpy()
