"""A picture of one's own digits becomes digits such as those of MNIST.

MNIST's were black and white, were scaled in their proportions to fit a box of 20 x 20, from which they
got their grey edges, and were moved until the ink's centre of mass was in the middle of 28 x 28
(Section III-A of the paper). A photograph is not black and white yet: its paper has a colour, and the
light falls unevenly.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.polynomial.polynomial import polygrid2d, polyvander2d
from PIL import Image
from torch import Tensor

from ..arguments import shown
from .digits import SIZE, Digits
from .pictures import grey

BOX = 20  # height and width that the ink must fit into, pixels
_LONGEST = 1000   # side of a picture as it is worked on, pixels; a larger one is reduced
_DARKEST = 1 / 4  # of white: paper that is darker counts as this, lest its noise be multiplied
_UNEVEN = 8       # how many times as light light paper may be in one place as in another
_CONTRAST = 0.15  # of ink and paper, as a share of the paper, below which a picture is blank
_NOISE = 4        # standard deviations of the noise below which it is blank
_EDGE = 1 / 8     # of the picture's edge that ink may cover
_INK = 0.25       # of a digit's full ink: what is paler lies outside of its box
_SPECK = 1 / 20   # of the largest stroke's area: what is smaller is no stroke
_GAP = 0.03       # of the tallest stroke: two that are twice as near to each other are one
_ROWS = 0.2       # of the tallest stroke: two of like height so far below each other are two digits
_LOW = 0.4        # of the tallest digit: what is lower is a part of the digit next to it
_WIDEST = 2.5     # a digit, as a multiple of its height


def from_image(picture) -> Digits:
    """The digits in a picture, from left to right, as MNIST would have them; nobody has labelled them.

    picture: a path, a Pillow image, an array or a tensor, see `pictures.grey`. It shows one digit, or
    several side by side and apart, on plain paper: dark on light or light on dark, of any size, in any
    place, with paper all round, upright to within ten degrees or so. The strokes of one digit may be
    broken. Labels, once you know them: Digits(digits.images, torch.tensor([3, 1, 4])).
    `image_steps` shows what was done.
    Raises ValueError for a picture without digits, and what `pictures.grey` does for other inputs.
    """
    return Digits(torch.stack(_read(picture)[1]))


def image_steps(picture) -> dict[str, Tensor]:
    """What `from_image` makes of a picture, step by step: name -> H x W, from 0 to 1, for plots.images.

    "grey": upright and at most 1000 pixels a side. "even light": compared with what the paper would be
    without ink. "ink": how much ink there is. "digits": 28 x 28 for each digit, side by side.
    """
    steps, digits = _read(picture)
    return steps | {"digits": torch.cat(digits, dim=1) / 255}


def _read(picture) -> tuple[dict[str, Tensor], list[Tensor]]:
    from scipy import ndimage  # its import takes longer than reading a picture

    # 1. How light each pixel is, compared with what the paper would be at its place.
    image = grey(picture)
    image.thumbnail((_LONGEST, _LONGEST))
    values = np.asarray(image, dtype=np.float32) / 255
    paper = _paper(image)
    if paper.max() > max(0.5, _UNEVEN * paper.min()):
        raise ValueError(f"the paper would have {paper.max():.0%} of full light in one place and "
                         f"{paper.min().clip(0):.0%} in another; leave nothing but paper around the "
                         "digits, and light it evenly")
    contrast = (values - paper) / np.maximum(paper, _DARKEST)
    even = contrast - contrast.min()
    # 2. There is less ink than paper, so the strong contrasts have its sign.
    contrast *= -1 if (contrast * abs(contrast)).sum() < 0 else 1
    smooth = ndimage.gaussian_filter(contrast, max(0.5, max(image.size) / 250))
    is_ink = smooth > _threshold(smooth)
    edge = np.concatenate([is_ink[0], is_ink[-1], is_ink[:, 0], is_ink[:, -1]]).mean()
    if edge > _EDGE:
        raise ValueError(f"ink would cover {edge:.0%} of the picture's edge; leave paper all round the "
                         "digits, and nothing but paper")
    # 3. Ink becomes strokes, and strokes become digits.
    found = _digits(is_ink, ndimage)
    ink = np.clip(contrast / np.median(contrast[is_ink]), 0, 1)
    digits = [centred(_in_box(np.where(where, ink, 0))) for where in found]
    steps = {"grey": values, "even light": even / even.max(),
             "ink": np.where(np.any(found, axis=0), ink, 0)}
    return {name: torch.from_numpy(step.astype(np.float32)) for name, step in steps.items()}, digits


def _paper(image: Image.Image) -> np.ndarray:
    """The picture without ink: the surface of third degree that has as much above it as below.

    It is the one with the smallest sum of absolute differences (least absolute deviations), which
    strokes do not pull at as long as they cover less than half. Found by least squares that count each
    difference again by one over its size. A small copy of the picture is enough.
    """
    small = image.reduce(max(1, min(image.size) // 50))
    up_to_third = np.add.outer(range(4), range(4)) < 4  # of the products y^i x^j
    y, x = np.meshgrid(*map(_middles, small.size[::-1]), indexing="ij")
    terms = polyvander2d(y.ravel(), x.ravel(), [3, 3])[:, up_to_third.ravel()]  # pixels x 10
    wanted = np.asarray(small, dtype=np.float64).ravel() / 255
    weights = outside = (0.1 + x * x + y * y).ravel()  # paper is all round, ink rather inside
    for _ in range(12):
        weighted = terms.T * weights
        factors = np.linalg.lstsq(weighted @ terms, weighted @ wanted)[0]  # the normal equations
        weights = outside / np.maximum(abs(wanted - terms @ factors), 1e-4)
    surface = np.zeros((4, 4))
    surface[up_to_third] = factors
    return polygrid2d(*map(_middles, image.size[::-1]), surface).astype(np.float32)


def _middles(count: int) -> np.ndarray:
    """The middles of `count` pixels from the picture's edge at -1 to that at 1."""
    return (2 * np.arange(count) + 1) / count - 1


def _threshold(smooth: np.ndarray) -> float:
    """Half way between the paper, at 0, and the mean of the ink (after Ridler and Calvard 1978)."""
    threshold = smooth.max() / 2
    for _ in range(10 if threshold > 0 else 0):
        threshold = smooth[smooth > threshold].mean() / 2
    noise = 1.48 * np.median(abs(smooth[smooth <= threshold]))  # standard deviation if it is normal
    if 2 * threshold < max(_CONTRAST, _NOISE * noise):
        raise ValueError("the picture is blank, or its paper is not plain: what stands out differs "
                         f"from the paper by {max(0, 2 * threshold):.0%}, and the paper from itself by "
                         f"{noise:.0%}; leave plain paper all round the digits")
    return threshold


class _Stroke(NamedTuple):
    """Connected ink, or several pieces of it that belong together, and the box around it, pixels."""

    parts: frozenset[int]
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def overlap(self, other: "_Stroke") -> int:
        """How many columns both have; below 0 where there is a gap."""
        return min(self.right, other.right) - max(self.left, other.left)

    def joined(self, other: "_Stroke") -> "_Stroke":
        return _Stroke(self.parts | other.parts,
                       min(self.top, other.top), max(self.bottom, other.bottom),
                       min(self.left, other.left), max(self.right, other.right))


def _digits(is_ink: np.ndarray, ndimage) -> list[np.ndarray]:
    """Where each digit is, with its pale edges, from left to right: bool, H x W."""
    # 1. What nearly touches is one stroke, and what is tiny is none.
    tallest = max(stroke.height for stroke in _strokes(is_ink, is_ink, ndimage)[1])
    wider = ndimage.binary_dilation(is_ink, np.ones((3, 3)), iterations=max(1, round(_GAP * tallest)))
    numbers, strokes = _strokes(wider, is_ink, ndimage)
    tallest = max(stroke.height for stroke in strokes)
    # 2. What is one above the other belongs to one digit, as the bar of a 5.
    digits: list[_Stroke] = []
    for stroke in sorted(strokes, key=lambda stroke: stroke.left):
        if digits and 2 * digits[-1].overlap(stroke) > min(stroke.right - stroke.left,
                                                           digits[-1].right - digits[-1].left):
            gap = max(stroke.top, digits[-1].top) - min(stroke.bottom, digits[-1].bottom)
            if gap > _ROWS * tallest and min(stroke.height, digits[-1].height) > 0.6 * tallest:
                raise ValueError("there are digits one below the other; crop the picture to one row")
            digits[-1] = digits[-1].joined(stroke)
        else:
            digits.append(stroke)
    # 3. So does what is low, and stands beside.
    tallest = max(digit.height for digit in digits)
    low = [digit for digit in digits if digit.height < _LOW * tallest]
    digits = [digit for digit in digits if digit.height >= _LOW * tallest]  # the tallest at least
    for part in low:
        nearest = max(range(len(digits)), key=lambda number: digits[number].overlap(part))
        digits[nearest] = digits[nearest].joined(part)
    for digit in digits:
        width = digit.right - digit.left
        if width > _WIDEST * digit.height:
            raise ValueError(f"ink {width} pixels wide and {digit.height} high is no digit; crop lines "
                             "away, and write digits apart")
    return [np.isin(numbers, list(digit.parts)) for digit in digits]


def _strokes(wider: np.ndarray, is_ink: np.ndarray, ndimage) -> tuple[np.ndarray, list[_Stroke]]:
    """The number of the stroke at each pixel, 0 for paper, and the strokes without the specks."""
    numbers, _ = ndimage.label(wider, np.ones((3, 3)))
    areas = np.bincount(numbers[is_ink])
    boxes = ndimage.find_objects(numbers)
    return numbers, [_Stroke(frozenset([number]), rows.start, rows.stop, columns.start, columns.stop)
                     for number, (rows, columns) in enumerate(boxes, 1)
                     if areas[number] >= _SPECK * areas.max()]


def _in_box(ink: np.ndarray) -> np.ndarray:
    """One digit's ink, cut out and scaled to fit the box; the darkest pixel becomes 1."""
    rows, columns = (np.flatnonzero((ink > _INK).any(axis=axis)) for axis in (1, 0))
    cut = Image.fromarray(ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1].astype(np.float32))
    scale = BOX / max(cut.size)
    size = [max(1, round(scale * length)) for length in cut.size]
    small = np.asarray(cut.resize(size, Image.Resampling.BICUBIC)).clip(0)
    return (small / small.max()).clip(0, 1)


def centred(ink: np.ndarray) -> Tensor:
    """Ink of 0 to 1, at most 28 x 28, placed so that its centre of mass is at the middle.

    Returns uint8, 28 x 28. MNIST's digits lie so that its row and its column, counted from 0 at the
    middle of the first pixel, round to 14: cut out and centred again, all but two of the 70,000
    come back exactly as they were.
    Raises TypeError for what is no array of floating point, H x W, ValueError for what does not fit.
    """
    if not isinstance(ink, np.ndarray) or ink.ndim != 2 or ink.dtype.kind != "f":
        raise TypeError(f"ink must be a NumPy array of floating point, H x W, not {shown(ink)}")
    if not (ink.size and max(ink.shape) <= SIZE and ink.min() >= 0 and 0 < ink.max() <= 1):
        raise ValueError(f"ink must be at most {SIZE} x {SIZE}, from 0 to 1 and not 0 everywhere, not "
                         f"{shown(ink)}")
    # Rounded before it is rounded: what is symmetrical often has its centre at a half.
    row, column = (int(round(np.average(np.arange(length), weights=ink.sum(axis=other)), 6) + 0.5)
                   for length, other in zip(ink.shape, (1, 0), strict=True))
    top = min(max(SIZE // 2 - row, 0), SIZE - ink.shape[0])
    left = min(max(SIZE // 2 - column, 0), SIZE - ink.shape[1])
    image = torch.zeros(SIZE, SIZE, dtype=torch.uint8, device="cpu")
    image[top:top + ink.shape[0], left:left + ink.shape[1]] = torch.from_numpy(255 * ink).round()
    return image
