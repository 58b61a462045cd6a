"""Canvases on which a digit is to be found among pieces of others: a task at which LeNet-5 fails.

After the cluttered digits of Mnih and others (2014) and of Jaderberg and others (2015): the digit is
smaller than the canvas, stands anywhere, and most of the ink around it belongs to nothing.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import checked, instance, one_of, shown, whole
from .digits import SCALINGS, SIZE, Digits, scaled

_SMALLEST = 21  # three quarters of a digit's own size
_PIECE = 8      # height and width of a piece, pixels
_BATCH = 4096   # canvases made at a time, so that those in float take little memory


@dataclass(frozen=True, eq=False)
class Canvases:
    """Pictures of one digit each, and what and where it is.

    images: uint8, N x height x width, 0 background to 255 ink. labels: int64, N. frames: int64, N x 3:
    the digit's frame, first row, first column, and height and width, pixels.
    """

    images: Tensor
    labels: Tensor
    frames: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        height, width = self.images.shape[1:]
        return f"Canvases({len(self):,} images of {height} x {width})"

    @checked(scaling=one_of(*SCALINGS))
    def inputs(self, scaling: str = "standard") -> Tensor:
        """The images as a network takes them, float32, N x 1 x height x width; see Digits.inputs."""
        return scaled(self.images.unsqueeze(1).float(), scaling)

    @checked(scaling=one_of(*SCALINGS))
    def examples(self, scaling: str = "standard") -> tuple[Tensor, Tensor]:
        """Inputs and labels, as `training.fit` takes them."""
        return self.inputs(scaling), self.labels


@checked(digits=instance(Digits, "load_mnist()[0]"), canvas=whole(SIZE, 1024), pieces=whole(0, 100),
         seed=whole(0, 2**63 - 1))
def cluttered(digits: Digits, canvas: int = 40, pieces: int = 4, seed: int = 0,
              frames: Tensor | None = None) -> Canvases:
    """A canvas for each digit: it is whole, three quarters to all of its size, and stands anywhere.

    canvas: height and width of the pictures, pixels. pieces: how many windows of 8 x 8 pixels, cut
    from the middle 20 x 20 of other digits of the set, lie about; where ink meets ink the darker stays.
    seed: of sizes, places and pieces; the same ones on every machine.
    frames: where the digits are to be and how large (see `Canvases`); by default drawn.
    Raises ValueError for digits without labels, for none or for one where there are to be pieces, and
    for frames that do not lie in the canvas.
    """
    if digits.labels is None:
        raise ValueError("these digits have no labels: canvases are for training, and a label is what "
                         "is to be found")
    if len(digits) < (2 if pieces else 1):
        raise ValueError("there must be a digit, and a second one to cut pieces from unless pieces=0; "
                         f"this set has {len(digits)}")
    with torch.device("cpu"):  # whatever torch takes by default
        return _drawn(digits.to("cpu"), canvas, pieces, torch.Generator().manual_seed(seed), frames)


def _drawn(digits: Digits, canvas: int, pieces: int, generator: torch.Generator,
           frames: Tensor | None) -> Canvases:
    count = len(digits)

    def integers(end: int, *shape: int, least: int = 0) -> Tensor:
        return torch.randint(least, end, shape, generator=generator)

    side = integers(SIZE + 1, count, least=_SMALLEST)
    share = torch.rand(count, 2, generator=generator, dtype=torch.float32)
    corners = (share * (canvas - side + 1)[:, None]).long()
    drawn = torch.cat([corners, side[:, None]], dim=1)
    frames = drawn if frames is None else _within(frames, count, canvas)
    images = torch.cat([_placed(some, where, canvas) for some, where in
                        zip(digits.images.split(_BATCH), frames.split(_BATCH), strict=True)])
    every = torch.arange(count)
    for _ in range(pieces):
        other = (every + integers(count, count, least=1)) % count
        cut = integers(SIZE - 4 - _PIECE + 1, 2, count, least=4)
        laid = integers(canvas - _PIECE + 1, 2, count)
        here = (every[:, None, None], *_window(laid))
        images[here] = torch.maximum(images[here], digits.images[other[:, None, None], *_window(cut)])
    return Canvases(images, digits.labels, frames)


def _within(frames: Tensor, count: int, canvas: int) -> Tensor:
    if (not isinstance(frames, Tensor) or frames.dtype != torch.int64 or frames.shape != (count, 3)
            or frames.layout != torch.strided or frames.device.type != "cpu"):
        raise TypeError(f"frames must be an int64 tensor on the CPU, {count} x 3, not {shown(frames)}")
    ends = frames[:, :2] + frames[:, 2:]
    if frames.min() < 0 or frames[:, 2].min() < 1 or ends.max() > canvas:
        raise ValueError(f"frames must lie in the canvas, rows and columns from 0 to {canvas}, sides "
                         f"of at least 1; they reach from {frames[:, :2].min()} to {ends.max()}")
    return frames


def _placed(digits: Tensor, frames: Tensor, canvas: int) -> Tensor:
    """uint8, N x canvas x canvas: each digit, N x 28 x 28, scaled to its frame, and background."""
    side = frames[:, 2, None].float()
    middle = torch.arange(canvas).float() + 0.5
    # Where in the digit, -1 to 1 from edge to edge, a pixel of the canvas is to be read.
    y, x = ((middle - frames[:, axis, None]) / side * 2 - 1 for axis in (0, 1))
    places = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), dim=3)
    read = F.grid_sample(digits[:, None].float(), places, align_corners=False)
    return read[:, 0].round().to(torch.uint8)


def _window(corners: Tensor) -> tuple[Tensor, Tensor]:
    """Rows, N x 8 x 1, and columns, N x 1 x 8, of the windows with these first rows and columns."""
    rows, columns = corners[:, :, None] + torch.arange(_PIECE)
    return rows[:, :, None], columns[:, None, :]
