"""What AlexNet's training does to photographs: a crop, perhaps mirrored, in a changed light.

Section 4.1 of Krizhevsky, Sutskever and Hinton 2012: crops of 224 x 224 at random places of 256 x 256
pixels, their mirror images, and colours that vary as they do among the pictures. Chapter 11 shows it.

In testing the paper takes ten crops of each picture, the corners and the middle and their mirror
images, and the mean of the ten answers; torchvision.transforms.v2.functional.ten_crop(images, 224)
makes them of N x C x H x W, and five_crop those that are not mirrored.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..arguments import fields, flag, number, optional, shown, whole
from ..tables import by
from ..tensors import check_tensor
from .augmentation import Augmentation, random_numbers

STRENGTH = 0.1  # the standard deviation of each a_i in the paper

_THREE = fields(number(), number(), number())
_VARIANCE = number(least=0)
_RULES = {"size": whole(1, 2**16), "mirror": flag,
          "colours": optional(fields(fields(_VARIANCE, _VARIANCE, _VARIANCE),
                                     fields(_THREE, _THREE, _THREE)))}


@dataclass(frozen=True)
class Crops(Augmentation):
    """Of each image size x size pixels at a random place; in evaluation, their `middle`.

    size: pixels a side. mirror: every second image, by chance, is seen in a mirror: left is right.
    colours: what `principal_colours` gives for the training set, to change the light: to each pixel of
    an image a1 l1 p1 + a2 l2 p2 + a3 l3 p3 is added, with the l of `variances` and the p of
    `directions`. The three a are normal, with a standard deviation of 0.1, and drawn once an image.
    Where a recipe lets the strength decay, crops draw near to the middle and colours to the image's
    own; mirror images stay as frequent.
    Raises ValueError for a size below 1 and a negative variance, TypeError for what is no number.
    """

    size: int
    mirror: bool = False
    colours: tuple[tuple[float, ...], tuple[tuple[float, ...], ...]] | None = None

    def __post_init__(self):
        for name, rule in _RULES.items():
            object.__setattr__(self, name, rule(name, getattr(self, name)))

    def draw(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Random numbers for `count` images: count x 3 from -1 to 1, and count x 3 normal ones.

        The first: the place, from left to right and from top to bottom, and mirrored where it is below
        0. The others: the a of the colours, in standard deviations. generator: torch's global one by
        default.
        """
        return random_numbers(count, generator, 3, 3)

    def apply(self, images: Tensor, even: Tensor, normal: Tensor) -> Tensor:
        """N x C x H x W -> N x C x size x size by these draws.

        Raises ValueError for images that are smaller, and with colours where C is not 3.
        """
        height, width = self._check(images)
        across, down, mirror = even.unbind(dim=1)
        side = torch.arange(self.size, device="cpu")  # where the draws are
        rows = _place(down, height - self.size)[:, None] + side
        columns = _place(across, width - self.size)[:, None] + side
        if self.mirror:
            columns = torch.where(mirror[:, None] < 0, columns.flip(1), columns)
        count, channels = (torch.arange(n, device="cpu") for n in images.shape[:2])
        cropped = images[tuple(place.to(images.device) for place in (
            count[:, None, None, None], channels[:, None, None], rows[:, None, :, None],
            columns[:, None, None, :]))]
        if self.colours is None:
            return cropped
        variances, directions = (torch.tensor(of, dtype=normal.dtype, device="cpu")
                                 for of in self.colours)
        change = (STRENGTH * normal * variances) @ directions  # N x 3
        return cropped + change[:, :, None, None].to(images)

    def middle(self, images: Tensor) -> Tensor:
        """The middle of N x C x H x W, N x C x size x size, for evaluation.

        `fit` validates on it; to `evaluate` give it as inputs: (crops.middle(inputs), labels).
        Raises ValueError as `apply` does.
        """
        top, left = (round((side - self.size) / 2) for side in self._check(images))
        return images[:, :, top:top + self.size, left:left + self.size].contiguous()

    def _check(self, images: Tensor) -> tuple[int, int]:
        check_tensor("images", images, "N x C x H x W")
        _, channels, height, width = images.shape
        if min(height, width) < self.size:
            raise ValueError(f"a crop of {self.size} x {self.size} does not fit into images of "
                             f"{height} x {width}")
        if self.colours is not None and channels != 3:
            raise ValueError("colours are of red, green and blue: images must be N x 3 x H x W, not "
                             f"{by(images.shape)}")
        return height, width


def principal_colours(images: Tensor) -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """Along which colours the pixels of these images, N x 3 x H x W, vary, and how much.

    Returns variances, directions: the eigenvalues of the 3 x 3 covariance of red, green and blue over
    all pixels, the largest first, and for each its eigenvector, of length 1; plain numbers, which a
    recipe can hold. Variances are in squares of the images' unit, so what `Crops` adds depends on it:
    with pixels from 0 to 1 it is small; with pixels from 0 to 255 it would drown them.
    Raises ValueError where there are no pixels or some are not finite.
    """
    check_tensor("images", images, "N x C x H x W")
    if images.shape[1] != 3 or not images.numel() or images.is_meta:
        raise ValueError(f"images must be pixels, N x 3 x H x W, not {shown(images)}")
    covariance = torch.cov(images.detach().transpose(0, 1).flatten(1).double(), correction=0)
    if not covariance.isfinite().all():
        raise ValueError(f"images must be finite numbers; of {shown(images)}, some are not, or are too "
                         "large for their squares")
    variances, directions = torch.linalg.eigh(covariance)  # the smallest first, in columns
    # An eigenvector may as well point the other way: its largest component is made positive.
    directions = directions * directions.gather(0, directions.abs().argmax(0, keepdim=True)).sign()
    return (tuple(variances.clamp(min=0).flip(0).tolist()),
            tuple(map(tuple, directions.T.flip(0).tolist())))


def _place(share: Tensor, room: int) -> Tensor:
    """Whole numbers from 0 to `room`, all as often, from numbers between -1 and 1; 0 is the middle."""
    return ((share + 1) / 2 * (room + 1)).long().clamp(max=room)
