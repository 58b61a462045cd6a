"""Handwritten digits in memory: choosing some of them, and making a network's inputs of them."""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import checked, one_of, shown, whole
from ..tensors import check_tensor, device

SIZE = 28        # height and width of a digit, pixels
_LARGEST = 1024  # of the inputs, pixels: beyond it 1,000 digits take more than 4 GB

# What a pixel p (0 background, 255 ink) becomes: scale * p / 255 + offset.
_MEAN, _STANDARD_DEVIATION = 0.1307, 0.3081  # of the training pixels, as shares of full scale
SCALINGS = {
    "paper": (1.275, -0.1),  # background -0.1, ink 1.175 (LeCun et al. 1998, Section II-B)
    "standard": (1 / _STANDARD_DEVIATION, -_MEAN / _STANDARD_DEVIATION),  # mean 0, deviation 1
    "unit": (1.0, 0.0),
}


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits and what they are.

    images: uint8, N x 28 x 28, 0 background to 255 ink. labels: int64, N, 0 to 9; None where nobody
    has said what they are, as in a picture that was just read.
    Raises TypeError for what is no tensor, ValueError for another dtype or shape, and other labels.
    """

    images: Tensor
    labels: Tensor | None = None

    def __post_init__(self):
        _refuse_other_than_tensor("images", self.images, "uint8")
        if self.images.dtype != torch.uint8 or self.images.shape[1:] != (SIZE, SIZE):
            raise ValueError("images must be uint8, N x 28 x 28, not "
                             f"{self.images.dtype}, {tuple(self.images.shape)}")
        if self.labels is None:
            return
        _refuse_other_than_tensor("labels", self.labels, "int64")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(f"labels must be int64, one for each of {len(self.images)} images, "
                             f"not {self.labels.dtype}, {tuple(self.labels.shape)}")
        check_tensor("labels", self.labels, dtypes={torch.int64})  # sparse ones cannot be compared
        if self.labels.is_meta:  # without numbers
            return
        wrong = self.labels[(self.labels < 0) | (self.labels > 9)]
        if len(wrong):
            raise ValueError(f"labels must be 0 to 9, not {wrong[0].item()}")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        unknown = ", without labels" if self.labels is None else ""
        return f"Digits({len(self):,} images of {SIZE} x {SIZE}{unknown})"

    def __getitem__(self, which: slice | Tensor | list[int]) -> "Digits":
        """Some of the digits: digits[:100], digits[[3, 1, 4]] or digits[digits.labels == 7]."""
        if np.ndim(which) == 0 and hasattr(which, "__index__"):
            raise TypeError(f"digits[{which}] would be a single digit; for a set of one write "
                            f"digits[[{which}]], for its image digits.images[{which}]")
        if not isinstance(which, slice | Tensor | list | np.ndarray):
            raise TypeError("digits are chosen by a slice, a list of numbers or a tensor, such as "
                            f"digits[[3, 1, 4]], not by {which!r}")
        return Digits(self.images[which], None if self.labels is None else self.labels[which])

    @checked(size=whole(SIZE, _LARGEST), scaling=one_of(*SCALINGS))
    def inputs(self, size: int = 32, scaling: str = "paper", which: Tensor | None = None) -> Tensor:
        """The images as a network takes them: float32, N x 1 x size x size.

        size: pixels, 28 to 1024; the digit stays as large as it is and background surrounds it.
        scaling: "paper" (background -0.1, ink 1.175), "standard" (mean 0 and standard deviation 1
        over the training set), "unit" (0 to 1).
        which: int64, the places of those wanted, 0 or more, such as a batch; by default all of them.
        The border is background: the raw pixels are padded and then scaled. Padding the scaled
        image with 0 would draw a grey frame.
        """
        images = self.images if which is None else self._at(which)
        before = (size - SIZE) // 2
        after = size - SIZE - before
        padded = F.pad(images.float(), (before, after, before, after)).unsqueeze(1)
        return scaled(padded, scaling)

    @checked(device=device)
    def to(self, device: torch.device | str) -> "Digits":
        """The digits in the memory of that device, such as "cuda".

        Raises ValueError where there is no such device.
        """
        return replace(self, images=self.images.to(device),
                       labels=None if self.labels is None else self.labels.to(device))

    def split(self, n: int) -> tuple["Digits", "Digits"]:
        """The first n digits, and the rest: train.split(55_000) keeps 5,000 for validation."""
        n = whole(1, len(self) - 1)("n", n)
        return self[:n], self[n:]

    def subset(self, n: int, seed: int) -> "Digits":
        """n different digits drawn at random; the same ones for the same seed, from 0 to 2^63 - 1."""
        n, seed = whole(1, len(self))("n", n), whole(0, 2**63 - 1)("seed", seed)
        generator = torch.Generator("cpu").manual_seed(seed)
        return self[torch.randperm(len(self), generator=generator, device="cpu")[:n]]

    def _at(self, which: Tensor) -> Tensor:
        if (not isinstance(which, Tensor) or which.dtype != torch.int64 or which.dim() != 1
                or which.device != self.images.device):
            raise TypeError("which must be an int64 tensor of numbers of digits, such as "
                            f"torch.tensor([3, 1, 4]), on {self.images.device}, not {shown(which)}")
        try:
            return self.images.index_select(0, which)
        except IndexError as error:
            raise IndexError(f"which must be 0 to {len(self) - 1}, not {which.min()} to {which.max()}"
                             ) from error


def scaled(pixels: Tensor, scaling: str) -> Tensor:
    """Pixels from 0 to 255, float32, in a scaling of SCALINGS, in place."""
    scale, offset = SCALINGS[scaling]
    return pixels.mul_(scale / 255).add_(offset)


def _refuse_other_than_tensor(name: str, value, dtype: str) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a tensor, not {type(value).__name__}; "
                        f"torch.tensor({name}, dtype=torch.{dtype}) makes one")
