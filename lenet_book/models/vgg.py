"""VGG: Simonyan and Zisserman 2014, one block repeated; chapter 12 meets it.

    vgg11     A in the paper's Table 1                      132,863,336 parameters
    vgg13     B                                             133,047,848
    vgg16-c   C: the third convolution of a block is 1 x 1  133,638,952
    vgg16     D                                             138,357,544
    vgg19     E                                             143,667,240

and three small relatives, for canvases of 40 x 40:

    vgg-small          two 3 x 3 in each of three blocks    74,114
    vgg-small-5x5      one 5 x 5 in place of each two       72,330
    vgg-small-average  one more convolution and global average pooling in place of dense layers 37,186

and vgg-small-16, as deep as D and an eighth as wide, for digits of 32 x 32      239,394
"""

import re
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from torch import nn

from ..arguments import checked, number, sequence, text
from .successors import CANVASES, SIZE, Successor, normal_, starting_weights

# A number is a 3 x 3 convolution with so many maps and a ReLU, n/k a k x k one, and M a pooling.
CONFIGURATIONS = {
    "vgg11": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "vgg13": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "vgg16-c": "64 64 M 128 128 M 256 256 256/1 M 512 512 512/1 M 512 512 512/1 M",
    "vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "vgg19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


@checked(configuration=text, channels=SIZE)
def layers_of(configuration: str, channels: int) -> Iterator[tuple[str, nn.Module]]:
    """The layers that a configuration names, each with its name: conv1_1, conv1_1_relu, pool1 ...

    configuration: words such as those of CONFIGURATIONS. channels: of the image.
    Convolutions keep the size (padding (k - 1) / 2), a pooling of 2 x 2 halves it.
    Raises TypeError for what is no string, ValueError for a word that is none.
    """
    block, number = 1, 0
    for word in configuration.split():
        if word == "M":
            yield f"pool{block}", nn.MaxPool2d(2)
            block, number = block + 1, 0
            continue
        match = re.fullmatch(r"([1-9]\d*)(?:/(\d*[13579]))?", word)
        if not match:
            raise ValueError("a configuration consists of M and numbers of maps, such as '64 64 M', "
                             f"with an odd kernel where it is not 3, such as '64/5', not {word!r}")
        maps, kernel = int(match[1]), int(match[2] or 3)
        number += 1
        yield f"conv{block}_{number}", nn.Conv2d(channels, maps, kernel, padding=kernel // 2)
        yield f"conv{block}_{number}_relu", nn.ReLU()
        channels = maps


def _weights_of_2014(name: str, layer: nn.Module) -> None:
    normal_(layer, std=0.1)


class VGG(Successor):
    """Blocks of convolutions and poolings, then dense layers.

    N x channels x input_size x input_size -> N x classes logits. Of vgg16 at 224:

        block 1   2 convolutions   N x  64 x 224 x 224   pooled to 112 x 112
        block 2   2                N x 128 x 112 x 112              56 x 56
        block 3   3                N x 256 x  56 x  56              28 x 28
        block 4   3                N x 512 x  28 x  28              14 x 14
        block 5   3                N x 512 x  14 x  14               7 x 7
        fc6, fc7, fc8              N x 4,096, N x 4,096, N x 1,000

    configuration: as those of CONFIGURATIONS (see `layers_of`).
    hidden: units of the dense layers before the last; () for none, and global average pooling before
        the last, so that the net takes any size. dropout: of the hidden ones, in training.
    initial_weights: the "paper"'s, normal with variance 0.01, that is standard deviation 0.1, biases
        0; "he"; or "torch" (see `successors.starting_weights`). Most texts and copies take 0.01 for
        the standard deviation. The paper drew all of A's weights so; its deeper nets began with the
        trained A's first four convolutions and dense layers, and only the rest was drawn.
    Raises ValueError for a configuration that cannot be read, or that pools the image away.
    """

    @checked(configuration=text, channels=SIZE, input_size=SIZE, hidden=sequence(SIZE, least=0),
             dropout=number(least=0, below=1), classes=SIZE)
    def __init__(self, configuration: str, *, channels: int = 3, input_size: int = 224,
                 hidden: tuple[int, ...] = (4096, 4096), dropout: float = 0.5, classes: int = 1000,
                 initial_weights: str | float = "paper"):
        draw = starting_weights(initial_weights, paper=_weights_of_2014)
        super().__init__(channels, input_size)
        maps, pools = channels, 0
        for name, layer in layers_of(configuration, channels):
            self.add_module(name, layer)
            maps = getattr(layer, "out_channels", maps)
            pools += isinstance(layer, nn.MaxPool2d)
        size = input_size // 2**pools
        if size < 1:
            raise ValueError(f"{pools} poolings leave nothing of {input_size} x {input_size} pixels")
        self.fixed_size = bool(hidden)
        if not hidden:
            self.average, size = nn.AdaptiveAvgPool2d(1), 1
        self.flatten = nn.Flatten()
        widths = [maps * size**2, *hidden, classes]
        for place, (inputs, outputs) in enumerate(pairwise(widths), start=pools + 1):
            self.add_module(f"fc{place}", nn.Linear(inputs, outputs))
            if place <= pools + len(hidden):
                self.add_module(f"fc{place}_relu", nn.ReLU())
                if dropout:
                    self.add_module(f"fc{place}_dropout", nn.Dropout(dropout))
        draw(self)


_small = partial(VGG, dropout=0.0, **CANVASES)
NETS = {
    **{name: partial(VGG, configuration) for name, configuration in CONFIGURATIONS.items()},
    "vgg-small": partial(_small, "8 8 M 16 16 M 32 32 M", hidden=(64, 64)),
    "vgg-small-5x5": partial(_small, "8/5 M 16/5 M 32/5 M", hidden=(64, 64)),
    "vgg-small-16": partial(VGG, "8 8 M 16 16 M 32 32 32 M 64 64 64 M 64 64 64 M", channels=1,
                            input_size=32, hidden=(64, 64), dropout=0.0, classes=10,
                            initial_weights="he"),
    "vgg-small-average": partial(_small, "8 8 M 16 16 M 32 32 M 64", hidden=()),
}
