"""Distorted copies of images: the same digit, as another hand might have written it.

Section III of the paper trains on such copies; the bent grid is what Simard, Steinkraus and Platt
(2003) added. A whole batch is bent at once, each image by draws of its own.
"""

import functools
import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Distortion:
    """How far an image may be bent, at most.

    shift: pixels, in each direction. scale: share by which it grows or shrinks, in height and width
    apart. rotation: degrees to either side. shear: shift of a row to the side, as a share of its
    distance from the middle. In this order, each is done to what the one before has left. elastic:
    the points of a coarse `grid` x `grid` net over the copy take what stands elsewhere, by this
    standard deviation, as a share of half the width and half the height, and what lies between them
    follows smoothly. All but elastic are drawn evenly between minus and plus the limit.
    Raises ValueError for what is negative or not finite, a scale of 1 or more, a grid below 2.
    """

    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    grid: int = 6

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < math.inf:
                raise ValueError(f"{field.name} must be a number from 0 upwards, not {value!r}")
        if self.scale >= 1:
            raise ValueError(f"scale must be below 1, not {self.scale}: nothing would remain")
        if self.grid < 2 or self.grid != int(self.grid):
            raise ValueError(f"grid must be a whole number of points a side, from 2, not {self.grid}")

    def draw(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Random numbers for `count` images: count x 6 from -1 to 1, and normal ones for the net.

        The six, as shares of their limits: rotation counterclockwise, growth in width and in height,
        shear to the right, shift to the right and down. The net's, count x 2 x grid x grid: right and
        down. generator: torch's global one by default. Drawn on the CPU, so that every device, and
        each of several processes, gets the same ones.
        """
        how = {"generator": generator, "device": "cpu", "dtype": torch.float32}
        return torch.rand(count, 6, **how) * 2 - 1, torch.randn(count, 2, self.grid, self.grid, **how)

    def apply(self, images: Tensor, even: Tensor, normal: Tensor) -> Tensor:
        """Bend N x C x H x W by these draws; what comes in from outside is as the nearest pixel."""
        count, _, height, width = images.shape
        rotation, grow_x, grow_y, shear, right, down = even.unbind(dim=1)
        matrix = linear_map(rotation * math.radians(self.rotation), 1 + self.scale * grow_x,
                            1 + self.scale * grow_y, self.shear * shear, height, width)
        shift = torch.stack([-2 * self.shift * right / width, -2 * self.shift * down / height], dim=1)
        weights = torch.cat([matrix, shift[:, :, None], self.elastic * normal.flatten(2)], dim=2)
        # One matrix product: from which place each pixel of each copy is to be read.
        basis = _basis(height, width, self.grid, images.device)
        places = (weights.to(images.device).flatten(0, 1) @ basis).view(count, 2, height, width)
        return F.grid_sample(images, places.permute(0, 2, 3, 1).to(images.dtype), padding_mode="border",
                             align_corners=False)

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A distorted copy of each image, N x C x H x W."""
        return self.apply(images, *self.draw(len(images), generator))


def linear_map(angle: Tensor, wider: Tensor, higher: Tensor, shear: Tensor, height: int,
               width: int) -> Tensor:
    """From which place, x and y from the middle, a copy takes what it has at x and y: N x 2 x 2.

    The copy is made wider and higher by these factors, then turned by the angle (counterclockwise,
    radians), and then leans to the right by shear pixels for each pixel upwards; each is a tensor
    of N. All this is done in pixels of a height x width image; the places are in units of half its
    width and half its height. With a shift as third column torch.nn.functional.affine_grid takes it.
    """
    cos, sin = torch.cos(angle), torch.sin(angle)
    # From the copy back to the original, so an image that grows is read at shorter distances.
    x_scale, y_scale = 1 / wider, 1 / higher
    return torch.stack([
        torch.stack([cos * x_scale, (shear * cos - sin) * x_scale * (height / width)], dim=1),
        torch.stack([sin * y_scale * (width / height), (shear * sin + cos) * y_scale], dim=1),
    ], dim=1)


@functools.cache
def _basis(height: int, width: int, grid: int, device: torch.device) -> Tensor:
    """What every field of places is a weighted sum of, 3 + grid^2 x pixels: x, y, 1, and a smooth bump
    around each point of the coarse net."""
    y, x = torch.meshgrid(_middles(height), _middles(width), indexing="ij")
    points = torch.eye(grid * grid, device="cpu", dtype=torch.float32).view(-1, 1, grid, grid)
    bumps = F.interpolate(points, size=(height, width), mode="bicubic", align_corners=True)
    return torch.cat([torch.stack([x, y, torch.ones_like(x)]), bumps.squeeze(1)]).flatten(1).to(device)


def _middles(count: int) -> Tensor:
    """The middles of `count` pixels from the image's edge at -1 to that at 1."""
    return (torch.arange(count, device="cpu", dtype=torch.float32) + 0.5) * 2 / count - 1
