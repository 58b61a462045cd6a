"""A trained LeNet-5 reads one digit: what its layers give out, its ten scores, its answer."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from .. import paper
from ..features import capture
from ..layers import RBFOutput
from ..mnist import Digits
from ..plots import BLUE, INK, PALE, RED
from .examples import test_digits, trained
from .sheet import GREY, Sheet

NETS = [("of 1998", "lenet5-1998"), ("modern", "lenet5")]
# The test digits that each of them reads wrong.
MISREAD = {
    "lenet5-1998": [
        115, 247, 340, 582, 619, 684, 740, 938, 947, 1014, 1039, 1112, 1226, 1232, 1247, 1260, 1299,
        1328, 1393, 1527, 1530, 1549, 1681, 1717, 1737, 1790, 1878, 1901, 2035, 2118, 2130, 2135,
        2182, 2293, 2369, 2387, 2462, 2488, 2654, 2877, 2921, 2927, 2939, 2953, 2995, 3030, 3073,
        3422, 3503, 3558, 3762, 3767, 3778, 3808, 3818, 4007, 4078, 4201, 4224, 4248, 4425, 4497,
        4507, 4536, 4601, 4740, 4823, 4880, 5331, 5457, 5749, 5937, 6558, 6597, 6651, 6783, 8325,
        8408, 8520, 8527, 9009, 9024, 9634, 9664, 9692, 9729, 9792, 9839, 9850],
    "lenet5": [
        582, 674, 1014, 1232, 1247, 1260, 1709, 1790, 1901, 2130, 2182, 2293, 2462, 2597, 2654,
        2939, 3073, 3422, 3762, 3808, 4497, 4699, 4740, 4761, 5654, 5937, 5955, 6576, 6625, 8376,
        9505, 9664, 9729, 9850],
}
LAYERS = ("c1", "s2", "c3", "s4", "c5", "f6")
_FARTHEST = 200  # of the ten glyphs, the two that differ most are so far apart


@dataclass(frozen=True, eq=False)
class Reading:
    """What a net made of one digit.

    image: 32 x 32, 0 background to 1 ink. maps: layer -> maps x H x W, after the activation
    function, or after ReLU where that follows at once. full: see `full_colour`. scores: of each
    class its distance, of which the smallest wins, or its probability. answer: the class that won.
    second: the next.
    """

    image: np.ndarray
    maps: dict[str, np.ndarray]
    full: dict[str, float]
    scores: np.ndarray
    are_distances: bool
    answer: int
    second: int

    def because(self, label: int | None = None) -> str:
        """Why it is the answer and not the next one or, if it is wrong, not the right one."""
        right = label in (None, self.answer)
        other = self.second if right else label
        mine, others = self._said(self.answer), self._said(other)
        if self.scores[self.answer] == self.scores[other]:
            equally = "near" if self.are_distances else "probable"
            return (f"the {self.answer} and the {other} are equally {equally}, {mine}; "
                    "it takes the lower digit")
        if self.are_distances and mine == others:
            mine, others = self._said(self.answer, 1), self._said(other, 1)
        measure, best = (("distance to", "smallest") if self.are_distances
                         else ("probability of", "largest"))
        return (f"the {measure} the {self.answer} is the {best}, {mine}; "
                + (f"next comes the {other} with {others}" if right else f"the {other} has {others}"))

    def _said(self, digit: int, decimals: int = 0) -> str:
        score = float(self.scores[digit])
        if self.are_distances:
            return f"{score:.{decimals}f}" if score >= 0.5 else "less than 1"
        return percent(score)

    def written(self, digit: int) -> str:
        """The score as the picture shows it: as the sentence, without its words."""
        return (self._said(digit).replace("less than ", "<").replace("more than ", ">")
                .replace(" %", "%"))


def percent(share: float) -> str:
    """Whole percent, but neither 0 nor 100 for what is not quite that."""
    if 0.005 <= share < 0.995:
        return f"{share:.0%}".replace("%", " %")
    return "less than 1 %" if share < 0.5 else "more than 99 %"


def read(net: str, image: Tensor, model: nn.Module | None = None) -> Reading:
    """Have one digit, uint8, 28 x 28, read by the pretrained net of that name.

    model: that net as it is now, if it has been changed.
    """
    model = model or trained(net)
    digit = Digits(image[None], torch.zeros(1, dtype=torch.int64))
    outputs, maps = _run(model, digit)
    are_distances = isinstance(model.output, RBFOutput)
    scores = outputs[0] if are_distances else outputs[0].softmax(dim=0)
    answer, second = scores.argsort(descending=not are_distances, stable=True)[:2].tolist()
    return Reading(digit.inputs(32, "unit")[0, 0].numpy(),
                   {layer: maps[0] for layer, maps in maps.items()}, full_colour(net),
                   scores.numpy(), are_distances, answer, second)


@cache
def full_colour(net: str) -> dict[str, float]:
    """Layer -> the activation whose colour is full: 99 of 100 are smaller, over 100 test digits.

    With one scale for all pictures of a layer, what changes is the layer and not the scale.
    """
    _, maps = _run(trained(net), test_digits()[:100])
    return {layer: float(np.percentile(abs(maps), 99)) for layer, maps in maps.items()}


def paint_label(sheet: Sheet, label: int, x: float, y: float) -> None:
    """What a digit is, in the frame of all labels; x, y: its middle."""
    sheet.text(x, y, label, 24, anchor="mm", bold=True)
    sheet.outline(x - 16, y - 16, 32, 32, INK, 2, dash=True)


def paint_glyphs(sheet: Sheet, reading: Reading, x: float, y: float, cell: float, apart: float) -> None:
    """F6 of 1998 as a picture of 12 x 7 dots, and to the right of it the one that it aims at."""
    height, width = paper.GLYPH_HEIGHT, paper.GLYPH_WIDTH
    aim, full = np.array(paper.GLYPHS[reading.answer]), reading.full["f6"]
    for left, dots in ((x, reading.maps["f6"].reshape(height, width)), (x + apart, aim)):
        sheet.image(dots, left, y, cell * width, full)
        sheet.grid(left, y, cell, height, width)


def paint_scores(sheet: Sheet, reading: Reading, x: float, y: float, bar: float, row: float,
                 label: int | None = None) -> None:
    """Ten rows from y on, 95 wider than their bars, and above them what they are.

    The answer is pointed at, in red where it is not the label, and the label is framed. A distance is
    a place on a line, not a bar: the longest would look like the winner, which is the shortest.
    """
    title, wins = (("distance", "smallest wins") if reading.are_distances
                   else ("probability", "largest wins"))
    sheet.title(x, y - 34, title)
    sheet.text(x, y - 13, wins)
    colour = BLUE if label in (None, reading.answer) else RED
    for digit, score in enumerate(reading.scores.tolist()):
        top, middle, won = y + row * digit, y + row * (digit + 0.5), digit == reading.answer
        if won:
            sheet.text(x + 6, middle, "▶", 13, colour, anchor="mm")
        sheet.text(x + 22, middle, digit, colour=colour if won else INK, anchor="mm", bold=won)
        shown = colour if won else GREY
        if reading.are_distances:
            sheet.fill(x + 34, middle - 1, bar, 2, PALE)
            sheet.fill(x + 34 + (bar - 8) * min(max(score / _FARTHEST, 0.0), 1.0), top + 4, 8, row - 8,
                       shown)
        else:
            sheet.bar(x + 34, top + 4, bar, row - 8, score, shown)
        sheet.text(x + 40 + bar, middle, reading.written(digit), colour=colour if won else INK,
                   bold=won)
        if digit == label:
            sheet.outline(x + 13, top, bar + 82, row, INK, 2, dash=True)


def last_modules(model: nn.Module) -> dict[str, str]:
    """Of each layer the name of its last module: c1, or c1_squash where that follows."""
    return {name.split("_")[0]: name for name, _ in model.named_children() if name.startswith(LAYERS)}


def _inputs(model: nn.Module, digits: Digits) -> Tensor:
    return digits.inputs(model.input_size, model.scaling).to(next(model.parameters()).dtype)


def _run(model: nn.Module, digits: Digits) -> tuple[Tensor, dict[str, np.ndarray]]:
    """A net's outputs, and of each layer N x maps x H x W; units that are no maps are 1 x 1."""
    layers = last_modules(model)
    with torch.inference_mode(), capture(model, [*layers.values()]) as activations:
        outputs = model(_inputs(model, digits))
    maps = {layer: activations[name].numpy() for layer, name in layers.items()}
    return outputs, {layer: values if values.ndim == 4 else values[..., None, None]
                     for layer, values in maps.items()}
