"""AlexNet's convolutional part in two towers, and the wrong ones that readers build in its place."""

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

_NORM = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)


class _InEachTower(nn.Module):
    """Response normalisation that stops at the border between the towers."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([_NORM(half) for half in x.chunk(2, dim=1)], dim=1)


def two_towers(maps, then="rnp rnp r r rp", groups=(2, 1, 2, 2), pads=(0, 2, 1, 1, 1), pool=None,
               norm=(_NORM,), squash=nn.ReLU) -> nn.Sequential:
    """Conv1 to pool5. then: which of ReLU, normalisation and pooling follow each convolution."""
    parts = {"r": [squash()], "n": [*norm], "p": [pool or nn.MaxPool2d(3, stride=2)], "-": []}
    layers = []
    for (inputs, outputs), kernel, group, pad, letters in zip(
            pairwise((3, *maps)), (11, 5, 3, 3, 3), (1, *groups), pads, then.split(), strict=True):
        layers += [nn.Conv2d(inputs, outputs, kernel, 4 if kernel == 11 else 1, pad, groups=group)]
        layers += [part for letter in letters for part in parts[letter]]
    return nn.Sequential(*layers)


def _halves(maps, apart: str) -> nn.ModuleList:
    """The weights where a tower has a layer of its own in these convolutions."""
    return nn.ModuleList(
        nn.Conv2d(conv.weight.shape[1], conv.out_channels // split, conv.kernel_size)
        for name, conv in zip(
            "12345", (each for each in two_towers(maps) if isinstance(each, nn.Conv2d)), strict=True)
        for split in [2 if name in apart else 1] for _ in range(split))


_wrong = partial(partial, two_towers)  # with these changes, for maps

MISTAKES = {  # sentences, each with what makes the net of which it is true
    **{f"{which} stand as two layers each: make one nn.Conv2d of them, with groups=2 where the "
       "towers stay apart": lambda maps, apart=apart: _halves(maps, apart) for which, apart in (
           ("conv2, conv4 and conv5", "245"), ("conv1, conv2, conv4 and conv5", "1245"),
           ("all five", "12345"))},
    "that is one tower: groups=2 in conv2, conv4 and conv5 keeps the towers apart":
        _wrong(groups=(1, 1, 1, 1)),
    "conv3 must read both towers: no groups there": _wrong(groups=(2, 2, 2, 2)),
    **{f"{which} both towers, and should be apart: groups=2": _wrong(groups=groups)
       for which, groups in (
            ("conv2 reads", (1, 1, 2, 2)), ("conv4 reads", (2, 1, 1, 2)), ("conv5 reads", (2, 1, 2, 1)),
            ("conv4 and conv5 read", (2, 1, 1, 1)), ("conv2 and conv5 read", (1, 1, 2, 1)),
            ("conv2 and conv4 read", (1, 1, 1, 2)))},
    "conv4 reads both towers and conv3 only its own: it should be the other way round":
        _wrong(groups=(2, 2, 1, 2)),
    "conv2 does not keep the size: pad by 2": _wrong(pads=(0, 0, 1, 1, 1)),
    "a padding of 1 in conv2 is that of 3 x 3; 5 x 5 needs 2": _wrong(pads=(0, 1, 1, 1, 1)),
    **{f"{which} not keep the size: pad {pad}": _wrong(pads=(0, *pads))
       for which, pad, pads in (
            ("conv3 to conv5 do", "by 1", (2, 0, 0, 0)), ("conv3 does", "by 1", (2, 0, 1, 1)),
            ("conv4 does", "by 1", (2, 1, 0, 1)), ("conv5 does", "by 1", (2, 1, 1, 0)),
            ("conv2 to conv5 do", "conv2 by 2, the others by 1", (0, 0, 0, 0)))},
    **{f"conv1 has no padding in the paper; {pad} is that of {whose}":
       _wrong(pads=(pad, 2, 1, 1, 1)) for pad, whose in ((1, "exercise 1"), (2, "torchvision's net"))},
    "response normalisation is missing": _wrong(norm=()),
    "nn.LocalResponseNorm(5) alone has k = 1; here k is 2":
        _wrong(norm=(nn.LocalResponseNorm(5),)),
    "alpha should be 1e-4, not 1e-3": _wrong(norm=(nn.LocalResponseNorm(5, 1e-3, 0.75, 2),)),
    "beta should be 0.75, not 0.5": _wrong(norm=(nn.LocalResponseNorm(5, 1e-4, 0.5, 2),)),
    "the window of response normalisation has 5 maps, not 3":
        _wrong(norm=(nn.LocalResponseNorm(3, 1e-4, 0.75, 2),)),
    "5 is the size of the window and 2 is k, not the other way round":
        _wrong(norm=(nn.LocalResponseNorm(2, 1e-4, 0.75, 5),)),
    "beta should be 0.75 and k 2; behind alpha comes beta, then k":
        _wrong(norm=(nn.LocalResponseNorm(5, 1e-4, 2, 0.75),)),
    "normalise all maps at once, as in the book's net: here each tower stops at its border":
        _wrong(norm=(_InEachTower(),)),
    "a tanh follows each convolution, and should be a ReLU": _wrong(squash=nn.Tanh),
    "response normalisation stands behind the pooling, and should stand before it":
        _wrong(then="rpn rpn r r rp"),
    "response normalisation stands before the ReLU, and should stand behind it":
        _wrong(then="nrp nrp r r rp"),
    **{f"after {which} response normalisation stands {where}": _wrong(then=then + " r r rp")
       for which, where, then in (
            ("conv1", "behind the pooling, and should stand before it", "rpn rnp"),
            ("conv2", "behind the pooling, and should stand before it", "rnp rpn"),
            ("conv1", "before the ReLU, and should stand behind it", "nrp rnp"),
            ("conv2", "before the ReLU, and should stand behind it", "rnp nrp"))},
    "the order is ReLU, response normalisation, pooling, and here it is the other way round":
        _wrong(then="pnr pnr r r rp"),
    "response normalisation is missing after conv1": _wrong(then="rp rnp r r rp"),
    "response normalisation is missing after conv2": _wrong(then="rnp rp r r rp"),
    "a ReLU must follow each convolution": _wrong(then="np np - - p"),
    "conv1 and conv2 have no ReLU": _wrong(then="np np r r rp"),
    "conv3, conv4 and conv5 have no ReLU": _wrong(then="rnp rnp - - p"),
    **{f"conv{i} has no ReLU": _wrong(then=then) for i, then in enumerate((
        "np rnp r r rp", "rnp np r r rp", "rnp rnp - r rp", "rnp rnp r - rp", "rnp rnp r r p"),
        start=1)},
    "the pooling is 3 x 3 with stride 2, overlapping; 2 x 2 is not":
        _wrong(pool=nn.MaxPool2d(2)),
    "nn.MaxPool2d(3) alone has stride 3": _wrong(pool=nn.MaxPool2d(3)),
    "the pooling takes the mean, and should take the maximum":
        _wrong(pool=nn.AvgPool2d(3, 2)),
    "the last pooling is missing": lambda maps: two_towers(maps)[:-1],
    "pooling stands in front of conv4 as well": _wrong(then="rnp rnp rp r rp"),
    "flattening belongs to the dense part": lambda maps: nn.Sequential(two_towers(maps), nn.Flatten()),
}
