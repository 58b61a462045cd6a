"""An occlusion map: what is lost of a score by covering a place, and what a map may have wrong."""

import torch
from torch import Tensor

from .. import paper
from ..tables import by


class Score:
    """N x C x H x W -> N numbers, in which every pixel counts, and more than by itself."""

    def __init__(self, C: int, H: int, W: int):
        self.weights = torch.randn(C, H, W).double()

    def __repr__(self):
        return "of images"

    def __call__(self, images: Tensor) -> Tensor:
        if images.dim() != 4 or images.shape[1:] != self.weights.shape:
            raise ValueError(f"the score is for images N x {by(self.weights.shape)}, not "
                             f"{by(images.shape)}")
        products = (images * self.weights).sum(dim=(1, 2, 3))
        return products + (products / 4).sin()


def covered(score, image, side, stride, blank, *, keep=False, channels=None, lost=True, end=0,
            around=0, within=lambda H, W: (H, W), apart=1, more=0, only=False):
    """What is lost of the score by a square at each place; every option makes a mistake."""
    H, W = within(*image.shape[2:])
    copy = image.clone()
    rows = []
    for top in range(0, H - side + 1 - end, stride):
        rows.append([])
        for left in range(0, W - side + 1 - end, stride):
            copy = copy if keep else torch.full_like(image, blank) if only else image.clone()
            corner = (begin // apart - around for begin in (top, left))
            there = (slice(max(0, begin), begin + side + more) for begin in corner)
            there = (slice(None), slice(channels), *there)
            copy[there] = image[there] if only else blank
            rows[-1].append(score(copy)[0])
    found = torch.tensor(rows, dtype=torch.double)
    return score(image) - found if lost else found


def _by_rows(score, image, side, stride, blank) -> Tensor:
    """The right number of places, at row n // rows and column n % rows."""
    rows, columns = ((size - side) // stride + 1 for size in image.shape[2:])
    found = []
    for n in range(rows * columns):
        copy, (row, column) = image.clone(), divmod(n, rows)
        copy[:, :, row * stride:row * stride + side, column * stride:column * stride + side] = blank
        found.append(score(image) - score(copy))
    return torch.stack(found).view(rows, columns)


MISTAKES = {
    "the sign is turned over: lost is the score of the whole image minus that of the covered one":
        lambda *case: -covered(*case),
    "this is the score that is left; what is lost of it is asked":
        lambda *case: covered(*case, lost=False),
    "rows and columns are exchanged": lambda *case: covered(*case).T,
    "these are sizes without a sign; covering can also help": lambda *case: covered(*case).abs(),
    "the squares stay: begin each time with a copy of the whole image":
        lambda *case: covered(*case, keep=True),
    "only the first channel is covered": lambda *case: covered(*case, channels=1),
    "the last places are missing: a square may begin as late as at H - side":
        lambda *case: covered(*case, end=1),
    "the last place of each row and column is missing: the square may end at the border":
        lambda score, image, side, stride, blank:
            covered(score, image, side, stride, blank, end=stride),
    **{"squares hang over the edge; each lies wholly inside" + how:
           lambda score, image, side, stride, blank, part=part: covered(
               score, image, side, stride, blank, end=1 - side, around=side // 2 * part)
       for how, part in (("", 0), (", its upper left corner at the place", 1))},
    "the n-th place is that of row n // columns and column n % columns, not by the rows": _by_rows,
    "the square has 5 x 5 pixels, whatever `side` is": lambda score, image, side, stride, blank:
        covered(score, image, 5, stride, blank),
    "the columns are counted by the image's height": lambda *case:
        covered(*case, within=lambda H, W: (H, H)),
    "the rows are counted by the image's width": lambda *case:
        covered(*case, within=lambda H, W: (W, W)),
    "the stride is not used": lambda score, image, side, stride, blank:
        covered(score, image, side, 1, blank),
    "the map has the right size, but its places are one pixel apart, and should be `stride`":
        lambda score, image, side, stride, blank:
            covered(score, image, side, stride, blank, apart=stride),
    "the squares lie side by side: they should be `stride` apart, not `side`":
        lambda score, image, side, stride, blank: covered(score, image, side, side, blank),
    "the square is `stride` large and not `side`": lambda score, image, side, stride, blank:
        covered(score, image, stride, stride, blank),
    "the square is filled with 0, and should be filled with `blank`":
        lambda score, image, side, stride, blank: covered(score, image, side, stride, 0),
    "the square is filled with paper.BACKGROUND, and should be filled with `blank`":
        lambda score, image, side, stride, blank:
            covered(score, image, side, stride, blank=paper.BACKGROUND),
    "the square is larger than `side` by one": lambda *case: covered(*case, more=1),
    "this is the score of the square alone: all but the square is covered": lambda *case:
        covered(*case, only=True),
    "lost is the difference itself, not its share of the whole image's score": lambda *case:
        covered(*case) / case[0](case[1]),
    "lost is a difference, not a ratio": lambda *case:
        covered(*case, lost=False) / case[0](case[1]),
}
