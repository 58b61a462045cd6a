"""Strokes of a pen become a digit such as those of MNIST.

MNIST's digits were scaled, in their proportions, to fit a box of 20 x 20, and then moved by whole
pixels until the ink's centre of mass was in the middle of 28 x 28 (Section III-A of the paper). A
stroke is not pixels yet: its path is scaled, and the pen in the same proportion, but never thinner
or thicker than the pens of MNIST. So it does not matter where, how large and with which pen one draws.
"""

import math

import numpy as np
import torch
from torch import Tensor

from ..mnist import centred
from ..mnist.photos import BOX

# The thinnest and thickest pen, pixels: 80 of 100 test digits are written with one between them.
# (Measured on the first 2,000: the pen that, drawn along the digit's skeleton, leaves as much ink.)
PEN = 1.7, 3.3
MOST_POINTS = 4000  # in one drawing; a digit has some hundred
_STEP, _MOST_DOTS = 0.25, 8000  # a path is drawn as dots so many pixels apart; a long scribble, more


def checked(value) -> list[np.ndarray]:
    """What a browser sends as strokes: a list of [x0, y0, x1, y1, ...], from 0 to 1, y downwards.

    Returns each as N x 2. Raises ValueError, in words for the reader who drew it, for anything else.
    """
    if not isinstance(value, (list, tuple)):
        raise ValueError("it is not a list of strokes")
    for number, stroke in enumerate(value, 1):
        if not isinstance(stroke, (list, tuple)) or not stroke or len(stroke) % 2:
            raise ValueError(f"stroke {number} is not a list of pairs of numbers")
    points = sum(map(len, value)) // 2
    if points > MOST_POINTS:
        raise ValueError(f"it has {points:,} points, more than {MOST_POINTS:,}")
    for number, stroke in enumerate(value, 1):
        if not all(isinstance(n, (int, float)) and type(n) is not bool and 0 <= n <= 1 for n in stroke):
            raise ValueError(f"stroke {number} is not made of numbers between 0 and 1")
    return [np.array(stroke, float).round(4).reshape(-1, 2) for stroke in value]


def drawn(strokes: list[np.ndarray], thickness: float) -> Tensor:
    """The digit that these strokes are, uint8, 28 x 28.

    strokes: N x 2 each, x to the right and y downwards. thickness: of the pen, in the same unit.
    """
    points = np.concatenate(strokes)
    corner, extent = points.min(axis=0), np.ptp(points, axis=0)
    longer = extent.max()
    pen = min(max(BOX * thickness / (longer + thickness), PEN[0]), PEN[1])
    scale = (BOX - pen) / longer if longer else 0.0
    columns, rows = (math.ceil(round(length * scale + pen, 6)) for length in extent)
    middle = np.array([columns, rows]) / 2
    paths = [(stroke - corner - extent / 2) * scale + middle for stroke in strokes]
    return centred(_ink(paths, pen, rows, columns))


def _ink(paths: list[np.ndarray], pen: float, rows: int, columns: int) -> np.ndarray:
    """How much of each pixel a round pen covers: by the distance of its middle from the path."""
    lengths = [np.concatenate([[0], np.hypot(*np.diff(path, axis=0).T).cumsum()]) for path in paths]
    step = max(_STEP, sum(length[-1] for length in lengths) / _MOST_DOTS)
    dots = [np.stack([np.interp(places, length, axis) for axis in path.T], axis=1)
            for path, length in zip(paths, lengths, strict=True)
            for places in [np.concatenate([length, np.arange(0, length[-1], step)])]]
    middles = np.stack(np.mgrid[:columns, :rows], axis=-1).swapaxes(0, 1).reshape(-1, 2) + 0.5
    # Not by matrix products, whose rounding is seen in the pixels: the page shall find the same ones.
    distances = torch.cdist(torch.from_numpy(middles), torch.from_numpy(np.concatenate(dots)),
                            compute_mode="donot_use_mm_for_euclid_dist")
    return np.clip(pen / 2 - distances.amin(dim=1).numpy().reshape(rows, columns) + 0.5, 0, 1)
