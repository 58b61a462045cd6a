"""Distorted copies of images: the same digit, as another hand might have written it.

Section III of the paper trains on such copies; the bent grid is what Simard, Steinkraus and Platt
(2003) added. A whole batch is bent at once, each image by draws of its own. What is done to
photographs instead is in `crops`.
"""

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import number, shown, whole
from ..tables import by
from ..tensors import check_tensor

_LIMIT, _COUNT = number(least=0), whole(0, 2**31)
_RULES = {"rotation": number(least=0, most=180), "scale": number(least=0, below=1), "shear": _LIMIT,
          "shift": _LIMIT, "elastic": _LIMIT, "grid": whole(2, 32)}


class Augmentation:
    """What training does to each batch, by random numbers: `draw` makes them, `apply` uses them.

    Both sets of numbers have a row for each image, and where all of them are 0 nothing is left to
    chance: `fit` shares them out to the processes, and shrinks them where a recipe lets them decay.
    """

    def draw(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def apply(self, images: Tensor, even: Tensor, normal: Tensor) -> Tensor:
        raise NotImplementedError

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A changed copy of each image, N x C x H x W."""
        check_tensor("images", images, "N x C x H x W")
        return self.apply(images, *self.draw(len(images), generator))


def random_numbers(count: int, generator: torch.Generator | None, even: int, *normal: int
                   ) -> tuple[Tensor, Tensor]:
    """Draws for `count` images: count x even from -1 to 1, and count x normal[0] x ... normal ones.

    generator: torch's global one by default. Drawn on the CPU, so that every device, and each of
    several processes, gets the same ones.
    """
    count = _COUNT("count", count)
    if not isinstance(generator, torch.Generator | None):
        raise TypeError(f"generator must be a torch.Generator or None, not {shown(generator)}")
    kind = {"generator": generator, "dtype": torch.float32, "device": "cpu"}  # not torch's
    return torch.rand(count, even, **kind) * 2 - 1, torch.randn(count, *normal, **kind)


@dataclass(frozen=True)
class Distortion(Augmentation):
    """How far an image may be bent, at most.

    shift: pixels, in each direction. scale: share by which it grows or shrinks, in height and width
    apart. rotation: degrees to either side. shear: shift of a row to the side, as a share of its
    distance from the middle. In this order, each is done to what the one before has left. elastic:
    the points of a coarse `grid` x `grid` net over the copy take what stands elsewhere, by this
    standard deviation, as a share of half the width and half the height, and what lies between them
    follows smoothly. All but elastic are drawn evenly between minus and plus the limit.
    Raises ValueError for what is negative or not finite, a rotation above 180, a scale of 1 or more, a
    grid that is not 2 to 32; TypeError for what is no number.
    """

    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    grid: int = 6

    def __post_init__(self):
        for name, rule in _RULES.items():
            object.__setattr__(self, name, rule(name, getattr(self, name)))

    def draw(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Random numbers for `count` images: count x 6 from -1 to 1, and normal ones for the net.

        The six, as shares of their limits: rotation counterclockwise, growth in width and in height,
        shear to the right, shift to the right and down. The net's, count x 2 x grid x grid: right and
        down. generator: torch's global one by default.
        """
        return random_numbers(count, generator, 6, 2, self.grid, self.grid)

    def apply(self, images: Tensor, even: Tensor, normal: Tensor) -> Tensor:
        """Bend N x C x H x W by these draws; what comes in from outside is as the nearest pixel."""
        check_tensor("images", images, "N x C x H x W")
        if 0 in images.shape[1:]:
            raise ValueError(f"images must have pixels, not be {by(images.shape)}")
        count, _, height, width = images.shape
        rotation, grow_x, grow_y, shear, right, down = even.unbind(dim=1)
        matrix = linear_map(rotation * math.radians(self.rotation), 1 + self.scale * grow_x,
                            1 + self.scale * grow_y, self.shear * shear, height, width)
        shift = torch.stack([-2 * self.shift * right / width, -2 * self.shift * down / height], dim=1)
        weights = torch.cat([matrix, shift[:, :, None], self.elastic * normal.flatten(2)], dim=2)
        # One matrix product: from which place each pixel of each copy is to be read.
        basis = _basis(height, width, self.grid, images.device)
        places = (weights.to(images.device).flatten(0, 1) @ basis).view(count, 2, height, width)
        dtype = torch.promote_types(images.dtype, torch.float32)  # half is too coarse for places
        return F.grid_sample(images.to(dtype), places.permute(0, 2, 3, 1).to(dtype),
                             padding_mode="border", align_corners=False).to(images.dtype)


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
