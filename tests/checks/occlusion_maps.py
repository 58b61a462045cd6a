"""Occlusion maps, right and wrong: answers to exercise 3 of chapter 09."""

from functools import partial

import torch
import torch.nn.functional as F

from lenet_book import paper

LOW, HIGH = paper.BACKGROUND, paper.FOREGROUND


def in_loops(score, image, side, stride, blank, sign=1, keep=False, end=0, channel=None, grow=0,
             whole=True, fill=None, count=None):
    """Right as it stands; each argument makes one mistake."""
    H, W = count(*image.shape[-2:]) if count else image.shape[-2:]
    end = stride if end is None else end
    copy, rows = image.clone(), []
    with torch.no_grad():
        for top in range(0, H - side + 1 - end, stride):
            rows.append([])
            for left in range(0, W - side + 1 - end, stride):
                copy = copy if keep else image.clone()
                there = copy[:, :channel, top:top + side + grow, left:left + side + grow]
                there[:] = blank if fill is None else fill
                rows[-1].append(sign * (whole * score(image) - score(copy)).item())
    return torch.tensor(rows).view(len(rows), -1)


occludes = partial(partial, in_loops)


def by_masks(score, image, side, stride, blank):
    H, W = image.shape[2:]
    corner = torch.zeros(H, W, dtype=torch.bool)
    corner[:side, :side] = True
    return torch.stack([torch.stack([
        score(image) - score(image.masked_fill(corner.roll((top, left), (0, 1)), blank))
        for left in range(0, W - side + 1, stride)]) for top in range(0, H - side + 1, stride)])[..., 0]


def by_unfolding(score, image, side, stride, blank):
    C, H, W = image.shape[1:]
    places = F.unfold(torch.arange(H * W).view(1, 1, H, W).double(), side, stride=stride)[0].T.long()
    copies = image.view(1, C, -1).repeat(len(places), 1, 1)
    for each, covered in zip(copies, places, strict=True):
        each[:, covered] = blank
    lost = score(image) - score(copies.view(-1, C, H, W))
    return lost.view((H - side) // stride + 1, (W - side) // stride + 1)


def overhanging(score, image, side, stride, blank, middle=False):
    """As many squares as steps fit into the image; in their middle, or not, is the place."""
    rows = []
    for row in range(0, image.shape[2], stride):
        rows.append([])
        for column in range(0, image.shape[3], stride):
            top, left = (place - side // 2 * middle for place in (row, column))
            copy = image.clone()
            copy[:, :, max(top, 0):top + side, max(left, 0):left + side] = blank
            rows[-1].append((score(image) - score(copy)).item())
    return torch.tensor(rows)


def by_rows(score, image, side, stride, blank):
    rows, columns = ((size - side) // stride + 1 for size in image.shape[2:])
    lost = torch.zeros(rows * columns)
    for n in range(rows * columns):
        copy = image.clone()
        top, left = n // rows * stride, n % rows * stride
        copy[..., top:top + side, left:left + side] = blank
        lost[n] = score(image) - score(copy)
    return lost.view(rows, columns)


def near(score, image, side, stride, blank):
    every = in_loops(score, image, side, 1, blank)
    H, W = image.shape[2:]
    return every[:(H - side) // stride + 1, :(W - side) // stride + 1]


def side_by_side(score, image, side, stride, blank):
    return in_loops(score, image, side, side, blank)


def in_place(score, image, side, stride, blank):
    image[..., :side, :side] = blank
    return in_loops(score, image, side, stride, blank)


RIGHT = [(in_loops,), (by_masks,), (by_unfolding,)]

WRONG = [  # (words that name the error, answer)
    ("sign", occludes(sign=-1)), ("that is left", occludes(sign=-1, whole=False)),
    ("exchanged", lambda *given: in_loops(*given).T),
    ("without a sign", lambda *given: in_loops(*given).abs()),
    ("squares stay", occludes(keep=True)), ("first channel", occludes(channel=1)),
    ("last places", occludes(end=1)), ("end at the border", occludes(end=None)),
    ("by the image's height", occludes(count=lambda H, W: (H, H))),
    ("by the image's width", occludes(count=lambda H, W: (W, W))),
    ("filled with 0", occludes(fill=0)),
    ("filled with paper", occludes(fill=LOW)), ("one pixel apart", near),
    ("hang over the edge; each lies wholly inside", overhanging),
    ("upper left corner", lambda *given: overhanging(*given, middle=True)),
    ("n // columns", by_rows), ("5 x 5 pixels", lambda score, image, side, stride, blank: in_loops(
        score, image, 5, stride, blank)),
    ("its share", lambda *given: in_loops(*given) / given[0](given[1])),
    ("by one", occludes(grow=1)), ("apart", side_by_side),
    ("stride is not used", lambda a, b, c, d, e: in_loops(a, b, c, 1, e)),
    ("`stride` large", lambda a, b, c, d, e: in_loops(a, b, d, d, e)),
    ("ratio", lambda *given: in_loops(*given, sign=-1, whole=False) / given[0](given[1])),
    ("changes the image", in_place), ("tensor", lambda *given: in_loops(*given).tolist()),
    ("gives 3 x 3 x 1", lambda *given: in_loops(*given)[..., None]),
    ("function", torch.zeros(28, 28)),
    ("the score is for", lambda score, image, *rest: score(image[0])),
    ("whatever it is given", lambda *given: torch.zeros(3, 3)), ("return", print)]
