"""NiN, and the wrong nets that readers build in its place."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from .nets import OTHER_ACTIVATIONS, OTHER_BORDERS

_MEANS = nn.AdaptiveAvgPool2d(1), nn.Flatten()
_MEAN = nn.AvgPool2d(3, 2, ceil_mode=True)


class _By(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable):
        super().__init__()
        self.forward = function


class _Unused(nn.Module):
    """Layers that belong to a net and are never run."""

    def __init__(self, layers: list[nn.Module]):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        return x


def nin(channels, widths, kernels=(5, 5, 3), pads=lambda k: k // 2, relus="c12", last_relu=True,
        pool=None, up=(True,) * 3, pools=2, drop=None, drops=2, drop_first=False, end=_MEANS,
        mixes=lambda k: 1, mix_pad=0, order="c12", bends=(True,) * 3, act=None, hands_on=3,
        used=3, bare=None, border="zeros") -> nn.Sequential:
    """relus: behind which of a block's convolutions one stands, act by act; bends: in which blocks. up:
    which poolings round sizes up. mixes: k -> size of what is 1 x 1. order: of a block's convolutions.
    hands_on: the next block reads the maps of this one of them, or at 0 the image's channels. used: so
    many blocks are run. bare: the block and convolution behind which no ReLU stands.
    """
    layers, unused = [], []
    for block, (maps, k) in enumerate(zip(widths, kernels, strict=True)):
        to = layers if block < used else unused
        for which, inputs, outputs in zip(order, (channels, *maps), maps, strict=False):
            kernel, pad = (k, pads(k)) if which == "c" else (mixes(k), mix_pad)
            to += [nn.Conv2d(inputs, outputs, kernel, padding=pad, padding_mode=border)]
            to += [act or nn.ReLU()] * (which in relus and bends[block] and (block, which) != bare)
        channels = maps[:hands_on][-1] if hands_on else channels
        pooling = pool[block] if isinstance(pool, tuple) else pool
        shrink = [pooling or nn.MaxPool2d(3, stride=2, ceil_mode=up[block])] * (block < pools)
        shrink += [drop or nn.Dropout(0.5)] * (block < drops)
        layers += shrink[::-1] if drop_first else shrink
    return nn.Sequential(*layers if last_relu else layers[:-1], *end, _Unused(unused))


_wrong = partial(partial, nin)  # with these changes, for channels and widths

MISTAKES = {  # sentences, each with what makes the net of which it is true
    "every block reads the image's channels, and should read the last maps of the one before":
        _wrong(hands_on=0),
    "a block reads the last of the three numbers of maps of the one before, not the first":
        _wrong(hands_on=1),
    "a block has two 1 x 1 behind its convolution; the second is missing":
        lambda channels, widths: nin(channels, [three[:2] for three in widths]),
    "a block has two 1 x 1 behind its convolution; the first is missing":
        lambda channels, widths: nin(channels, [three[::2] for three in widths]),
    "each three of widths belong to one block; here a block gets one number of each three":
        lambda channels, widths: nin(channels, tuple(zip(*widths, strict=True))),
    "the widths are those of CIFAR-10's net, and should be those that are given":
        lambda channels, _: nin(channels, ((192, 160, 96), (192,) * 3, (192, 192, 10))),
    "what stands behind a block's convolution is 1 x 1, and here as large as that":
        _wrong(mixes=lambda k: k),
    "what stands behind a block's convolution is 1 x 1, and here 3 x 3": _wrong(mixes=lambda k: 3),
    "a 1 x 1 keeps the size without padding; with padding a frame of biases comes around its maps":
        _wrong(mix_pad=1),
    "a dense layer stands at the end; the means are the scores": lambda channels, widths:
        nn.Sequential(nin(channels, widths), nn.Linear(widths[2][2], widths[2][2])),
    "all kernels but the first are 3 x 3, and the second block's should be 5 x 5, too":
        _wrong(kernels=(5, 3, 3)),
    "the third block begins with a convolution of 3 x 3, not with a 1 x 1": _wrong(kernels=(5, 5, 1)),
    **{"a block begins with its large kernel, and the two 1 x 1 stand behind it, not "
       f"{where}": _wrong(order=order) for where, order in (
           ("before and behind", "1c2"), ("before it", "12c"))},
    "a block reads the last of the three numbers of maps of the one before, not the second":
        _wrong(hands_on=2),
    "the third block is not run, or what it gives is not used: x = block(x)":
        _wrong(used=2),
    **{f"the {which} block has no ReLU": _wrong(bends=tuple(i != block for i in range(3)))
       for block, which in enumerate(("first", "second", "third"))},
    **{f"behind the {which} of the {block} block there is no ReLU": _wrong(bare=(at, letter))
       for at, block in enumerate(("first", "second", "third"))
       for letter, which in (("c", "large convolution"), ("1", "first 1 x 1"), ("2", "second 1 x 1"))
       if (at, letter) != (2, "2")},
    **{f"zeros are asked around the maps, and not {border} padding": _wrong(border=border)
       for border in OTHER_BORDERS},
    **{f"{name} stands where a ReLU should": _wrong(act=other)
       for name, other in OTHER_ACTIVATIONS.items()},
    **{f"the {which} pooling takes the mean, and should take the maximum": _wrong(pool=pool)
       for which, pool in (("first", (_MEAN, None, None)), ("second", (None, _MEAN, None)))},
    **{f"a pooling of stride 1 halves no size: nn.MaxPool2d(3, 2, ceil_mode=True){more}":
       _wrong(pool=nn.MaxPool2d(k, 1)) for k, more in ((3, ""), (2, "; and this is 2 x 2"))},
    **{f"the pooling is 3 x 3, and this is {k} x {k}": _wrong(pool=nn.MaxPool2d(k, 2)) for k in (4, 5)},
    **{f"the pooling takes the mean, and should take the maximum; and {more}": _wrong(pool=pool)
       for more, pool in (("it must round sizes up", nn.AvgPool2d(3, 2)),
                          ("it is 3 x 3, and this is 2 x 2", nn.AvgPool2d(2)),
                          ("it has no padding", nn.AvgPool2d(3, 2, 1)))},
    "the pooling has a padding of 1, and should have none":
        _wrong(pool=nn.MaxPool2d(3, 2, 1, ceil_mode=True)),
    **{f"a {name} stands at the end; the means are the scores": _wrong(end=(*_MEANS, layer))
       for name, layer in (("sigmoid", nn.Sigmoid()), ("tanh", nn.Tanh()))},
    **{f"{said}; each class map of each picture has one mean, over its rows and columns": _wrong(
        end=(_By(mean),)) for said, mean in {
            "the mean is taken over the class maps": lambda maps: maps.mean(1),
            "the mean is taken over the rows alone": lambda maps: maps.mean(2),
            "the mean is taken over the columns alone": lambda maps: maps.mean(3),
            "the mean is taken over all that there is": lambda maps: maps.mean(),
            "the mean is taken over the pictures, too": lambda maps: maps.mean((0, 2, 3)),
            "nn.AdaptiveAvgPool2d(2) leaves 2 x 2 means of a map":
                lambda maps: nn.functional.adaptive_avg_pool2d(maps, 2).flatten(1)}.items()},
    "the scores of all pictures stand in one row; flatten from axis 1 on":
        _wrong(end=(nn.AdaptiveAvgPool2d(1), nn.Flatten(0))),
    "the number of the class comes out; the scores are asked": _wrong(
        end=(_By(lambda maps: maps.mean((2, 3)).argmax(1)),)),
    "there is no pooling": _wrong(pools=0),
    "behind the second block a pooling is missing": _wrong(pools=1),
    "behind the first block a pooling is missing": _wrong(pool=(nn.Identity(), None, None)),
    "the logarithm of the softmax belongs into the loss": _wrong(
        end=(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LogSoftmax(dim=1))),
    "all kernels are 5 x 5, and the third block's should be 3 x 3": _wrong(kernels=(5, 5, 5)),
    "all kernels are 3 x 3, and the first two blocks' should be 5 x 5": _wrong(kernels=(3, 3, 3)),
    "the kernels are in the opposite order": _wrong(kernels=(3, 5, 5)),
    "the net has three channels, not as many as are given": lambda _, widths: nin(3, widths),
    "a convolution must keep the size: pad by kernel // 2": _wrong(pads=lambda k: 0),
    "the third block's 3 x 3 must keep the size, too: pad by 1": _wrong(pads=lambda k: k // 5 * 2),
    "a padding of 1 keeps the size for 3 x 3 alone": _wrong(pads=lambda k: 1),
    "a padding of 2 keeps the size for 5 x 5 alone": _wrong(pads=lambda k: 2),
    "there is no ReLU": _wrong(relus=""),
    "a ReLU must follow the class maps, too, as released": _wrong(last_relu=False),
    "the last ReLU stands behind the means, and should stand behind the class maps":
        _wrong(last_relu=False, end=(*_MEANS, nn.ReLU())),
    "the 1 x 1 have no ReLU": _wrong(relus="c"),
    "the convolution has no ReLU, only the 1 x 1": _wrong(relus="12"),
    "between the two 1 x 1 there is no ReLU": _wrong(relus="c2"),
    "the second 1 x 1 has no ReLU": _wrong(relus="c1"),
    "the pooling must round sizes up: ceil_mode=True": _wrong(pool=nn.MaxPool2d(3, 2)),
    **{f"the {which} pooling must round sizes up, too: ceil_mode=True": _wrong(up=up)
       for which, up in (("first", (False, True, True)), ("second", (True, False, True)))},
    "the pooling is 3 x 3 with stride 2; 2 x 2 is not": _wrong(pool=nn.MaxPool2d(2)),
    "the pooling is 3 x 3 with stride 2, and this is 2 x 2": _wrong(
        pool=nn.MaxPool2d(2, ceil_mode=True)),
    "the pooling has a padding of 1 in place of rounding up": _wrong(pool=nn.MaxPool2d(3, 2, 1)),
    "nn.MaxPool2d(3) alone has stride 3": _wrong(pool=nn.MaxPool2d(3, ceil_mode=True)),
    "the pooling takes the mean, and should take the maximum": _wrong(
        pool=nn.AvgPool2d(3, 2, ceil_mode=True)),
    "a pooling stands behind the third block, too": _wrong(pools=3),
    "the scores are the maxima of the class maps, and should be their means": _wrong(
        end=(nn.AdaptiveMaxPool2d(1), nn.Flatten())),
    "the mean is taken of 8 x 8 places, as many as a picture of 32 x 32 leaves; for any size, "
    "nn.AdaptiveAvgPool2d(1) takes that of all": _wrong(end=(nn.AvgPool2d(8), nn.Flatten())),
    "the scores are the sums of the class maps, and should be their means":
        _wrong(end=(_By(lambda maps: maps.sum((2, 3))),)),
    "of a single picture it gives a row of numbers, not 1 x classes: squeeze() takes away the axis "
    "of the pictures, too, and flatten(1) does not": _wrong(
        end=(nn.AdaptiveAvgPool2d(1), _By(torch.squeeze))),
    "the class maps are flattened; the mean of each is missing": _wrong(end=(nn.Flatten(),)),
    "the class maps come out; the mean of each is missing": _wrong(end=()),
    "the means stand as N x classes x 1 x 1; flatten them": _wrong(end=(nn.AdaptiveAvgPool2d(1),)),
    "the softmax belongs into the loss": _wrong(
        end=(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(dim=1))),
    **{f"right in testing, but in training {what}": _wrong(**changes) for what, changes in {
        "nothing is dropped: after the first two poolings nn.Dropout(0.5) is missing":
            {"drop": nn.Identity()},
        "dropout stands before the poolings, and should stand behind them": {"drop_first": True},
        "nn.Dropout2d drops whole maps; nn.Dropout drops numbers": {"drop": nn.Dropout2d(0.5)},
        "something is dropped after the third block, too":
            {"end": (nn.Dropout(0.5), *_MEANS)},
        "the means are dropped, too": {"end": (*_MEANS, nn.Dropout(0.5))},
        "nothing is dropped after the second pooling": {"drops": 1}}.items()},
}
