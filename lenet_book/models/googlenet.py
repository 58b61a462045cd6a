"""GoogLeNet: Szegedy and others 2014, parallel paths of different kernels; chapter 14 meets it.

    googlenet              the 22 layers that are used                        6,998,552 parameters
    googlenet-with-heads   with the two auxiliary heads, to be trained       13,378,280
    googlenet-small        a small relative, for canvases of 40 x 40             72,918
    googlenet-small-with-head  and an auxiliary head, to be trained          83,904

The paper has its layers in Table 1, from which the numbers below are.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..arguments import checked, flag, sequence, whole
from .base import Layers
from .successors import SIZE, Successor, starting_weights

HEAD_WEIGHT = 0.3  # of each auxiliary head's loss (Section 5 of the paper)


class Inception(nn.Module):
    """Four paths side by side, joined along the channels; each convolution has a ReLU after it.

        path1   1 x 1                                   ones maps
        path3   1 x 1 to reduce3 maps, then 3 x 3       threes
        path5   1 x 1 to reduce5 maps, then 5 x 5       fives
        pool    3 x 3 max pooling, then 1 x 1           projection

    N x inputs x H x W -> N x self.maps x H x W. The six widths are in the order of Table 1.
    reductions: False for the "naïve" module of the paper's Figure 2(a): the 3 x 3 and the 5 x 5 read
        all inputs, and pooling passes all of them on; reduce3, reduce5 and projection are not used.
    """

    @checked(reductions=flag, **dict.fromkeys(
        ["inputs", "ones", "reduce3", "threes", "reduce5", "fives", "projection"], SIZE))
    def __init__(self, inputs: int, ones: int, reduce3: int, threes: int, reduce5: int, fives: int,
                 projection: int, reductions: bool = True):
        super().__init__()

        def path(**layers: nn.Module) -> Layers:
            return Layers(OrderedDict(layers))

        def one_by_one(name: str, maps: int) -> dict[str, nn.Module]:
            if not reductions:
                return {}
            return {name: nn.Conv2d(inputs, maps, 1), f"{name}_relu": nn.ReLU()}

        if not reductions:
            reduce3 = reduce5 = projection = inputs
        self.maps = ones + threes + fives + projection
        self.path1 = path(conv=nn.Conv2d(inputs, ones, 1), conv_relu=nn.ReLU())
        self.path3 = path(**one_by_one("reduce", reduce3),
                          conv=nn.Conv2d(reduce3, threes, 3, padding=1), conv_relu=nn.ReLU())
        self.path5 = path(**one_by_one("reduce", reduce5),
                          conv=nn.Conv2d(reduce5, fives, 5, padding=2), conv_relu=nn.ReLU())
        self.pool = path(pool=nn.MaxPool2d(3, stride=1, padding=1),
                         **one_by_one("projection", projection))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.path1(x), self.path3(x), self.path5(x), self.pool(x)], dim=1)


def _weights_of_caffe(name: str, layer: nn.Module) -> None:
    bound = (3 / layer.weight[0].numel()) ** 0.5
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.constant_(layer.bias, 0.0 if name in ("fc", "fc2") else 0.2)


class GoogLeNet(Successor):
    """N x 3 x H x W, pixels less their mean, -> N x 1,000 logits. Below: of one picture of 224 x 224.

    reductions: False for naive modules throughout (see `Inception`), as the paper argues against:
        maps add up from module to module, to 4,944 in the last.
    initial_weights: "paper", uniform in +-sqrt(3 / fan_in) and biases 0.2, in the last layer 0; "he";
        or "torch" (see `successors.starting_weights`). The paper does not say how its weights began:
        these are those of Caffe's definition, which Caffe calls "xavier".
    The paper does not say either what its pooling does at the border and what its response
    normalisation is; sizes are rounded up, as the sizes in Table 1 demand, and the normalisation
    has Caffe's constants, k = 1. Caffe and Figure 3 have it after pool1 and before pool2, as here.
    Raises ValueError for unknown initial weights.
    """

    @checked(reductions=flag)
    def __init__(self, reductions: bool = True, initial_weights: str | float = "paper"):
        draw = starting_weights(initial_weights, paper=_weights_of_caffe)
        super().__init__(channels=3, input_size=224)
        module = partial(Inception, reductions=reductions)
        pool = partial(nn.MaxPool2d, 3, stride=2, ceil_mode=True)
        norm = partial(nn.LocalResponseNorm, 5, alpha=1e-4, beta=0.75, k=1)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)  # 64 x 112 x 112
        self.conv1_relu = nn.ReLU()
        self.pool1 = pool()                                    # 64 x 56 x 56
        self.norm1 = norm()
        self.conv2_reduce = nn.Conv2d(64, 64, 1)               # 64 x 56 x 56
        self.conv2_reduce_relu = nn.ReLU()
        self.conv2 = nn.Conv2d(64, 192, 3, padding=1)          # 192 x 56 x 56
        self.conv2_relu = nn.ReLU()
        self.norm2 = norm()
        self.pool2 = pool()                                    # 192 x 28 x 28
        self.inception3a = module(192, 64, 96, 128, 16, 32, 32)  # 256 x 28 x 28
        self.inception3b = module(self.inception3a.maps, 128, 128, 192, 32, 96, 64)  # 480 x 28 x 28
        self.pool3 = pool()                                    # 480 x 14 x 14
        self.inception4a = module(self.inception3b.maps, 192, 96, 208, 16, 48, 64)  # 512 x 14 x 14
        self.inception4b = module(self.inception4a.maps, 160, 112, 224, 24, 64, 64)  # 512 x 14 x 14
        self.inception4c = module(self.inception4b.maps, 128, 128, 256, 24, 64, 64)  # 512 x 14 x 14
        self.inception4d = module(self.inception4c.maps, 112, 144, 288, 32, 64, 64)  # 528 x 14 x 14
        self.inception4e = module(self.inception4d.maps, 256, 160, 320, 32, 128, 128)  # 832 x 14 x 14
        self.pool4 = pool()                                    # 832 x 7 x 7
        self.inception5a = module(self.inception4e.maps, 256, 160, 320, 32, 128, 128)  # 832 x 7 x 7
        self.inception5b = module(self.inception5a.maps, 384, 192, 384, 48, 128, 128)  # 1,024 x 7 x 7
        self.average = nn.AdaptiveAvgPool2d(1)                 # 1,024 x 1 x 1
        self.dropout = nn.Dropout(0.4)
        self.flatten = nn.Flatten()                            # 1,024
        self.fc = nn.Linear(self.inception5b.maps, 1000)       # 1,000
        draw(self)


class AuxiliaryHead(Layers):
    """A small classifier on maps in the middle of the net. N x maps x H x W -> N x classes logits.

    size: H and W. reduced: maps of the 1 x 1 convolution. hidden: units of the dense layer.
    """

    @checked(**dict.fromkeys(["maps", "reduced", "hidden", "classes"], SIZE), size=whole(5, 2**16))
    def __init__(self, maps: int, size: int = 14, reduced: int = 128, hidden: int = 1024,
                 classes: int = 1000):
        super().__init__()
        left = (size - 5) // 3 + 1                              # of GoogLeNet's, at 14:
        self.average = nn.AvgPool2d(5, stride=3)                # N x maps x 4 x 4
        self.conv = nn.Conv2d(maps, reduced, 1)                 # N x 128 x 4 x 4
        self.conv_relu = nn.ReLU()
        self.flatten = nn.Flatten()                             # N x 2,048
        self.fc1 = nn.Linear(reduced * left**2, hidden)         # N x 1,024
        self.fc1_relu = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(hidden, classes)                   # N x 1,000


class Outputs(NamedTuple):
    """What a net with auxiliary heads gives out in training: N x classes logits, and the heads'."""

    logits: Tensor
    heads: tuple[Tensor, ...]


class WithHeads(nn.Module):
    """A net with auxiliary heads, for training.

    Outputs in training mode; in evaluation mode the logits alone, N x classes, and the heads do not
    run. `net` is the net without them, which is what is kept when training has ended.
    heads: the head that reads what a layer of the net gives out, by the layer's name.
    Raises ValueError in training for inputs of another size, for the heads take none.
    """

    def __init__(self, net: Successor, heads: dict[str, AuxiliaryHead]):
        super().__init__()
        self.net = net
        self.input_size, self.scaling = net.input_size, net.scaling
        self.places = {layer: layer.replace("inception", "head") for layer in heads}
        for layer, name in self.places.items():
            self.add_module(name, heads[layer])

    def forward(self, x: Tensor) -> Tensor | Outputs:
        if not self.training:
            return self.net(x)
        x = self.net.taken(x, fixed_size=True)  # the heads have dense layers
        heads = []
        for name, layer in self.net.named_children():
            x = layer(x)
            if name in self.places:
                heads.append(self.get_submodule(self.places[name])(x))
        return Outputs(x, tuple(heads))

    def loss(self, outputs: Tensor | Outputs, labels: Tensor) -> Tensor:
        """Cross-entropy of the logits, and in training 0.3 times that of each head."""
        if isinstance(outputs, Tensor):
            return F.cross_entropy(outputs, labels)
        return F.cross_entropy(outputs.logits, labels) + HEAD_WEIGHT * sum(
            F.cross_entropy(head, labels) for head in outputs.heads)

    def predict(self, outputs: Tensor | Outputs) -> Tensor:
        """Classes by the logits; the heads have no say."""
        return (outputs if isinstance(outputs, Tensor) else outputs.logits).argmax(dim=1)


class GoogLeNetWithHeads(WithHeads):
    """GoogLeNet and two auxiliary heads, on inception4a and inception4d. N x 3 x 224 x 224.

    initial_weights: as in `GoogLeNet`, for the heads too.
    """

    def __init__(self, initial_weights: str | float = "paper"):
        draw = starting_weights(initial_weights, paper=_weights_of_caffe)
        net = GoogLeNet(initial_weights=initial_weights)
        heads = {name: AuxiliaryHead(net.get_submodule(name).maps)
                 for name in ("inception4a", "inception4d")}
        super().__init__(net, heads)
        for head in heads.values():
            draw(head)


class GoogLeNetSmall(Successor):
    """A small relative for canvases with a digit: stem and first modules, a quarter as wide.

    N x 1 x H x W, at 40 as below, in the standard scaling, -> N x 10 logits. The second module comes
    twice, after a pooling. No response normalisation and no dropout.
    reductions: as in GoogLeNet. threes: () for the modules; else the maps of three plain 3 x 3
        convolutions that stand in their place. initial_weights: see `successors.starting_weights`.
    """

    @checked(reductions=flag, threes=sequence(SIZE, least=0))
    def __init__(self, reductions: bool = True, threes: Sequence[int] = (),
                 initial_weights: str | float = "he"):
        draw = starting_weights(initial_weights, paper=_weights_of_caffe)
        super().__init__(channels=1, input_size=40)
        pool = partial(nn.MaxPool2d, 3, stride=2, ceil_mode=True)
        widths = iter(threes)

        def module(inputs: int, *six: int) -> nn.Module:
            return (_Three(inputs, next(widths)) if threes
                    else Inception(inputs, *six, reductions=reductions))

        self.conv1 = nn.Conv2d(1, 16, 5, stride=2, padding=2)   # N x 16 x 20 x 20
        self.conv1_relu = nn.ReLU()
        self.pool1 = pool()                                     # N x 16 x 10 x 10
        self.conv2_reduce = nn.Conv2d(16, 16, 1)                # N x 16 x 10 x 10
        self.conv2_reduce_relu = nn.ReLU()
        self.conv2 = nn.Conv2d(16, 48, 3, padding=1)            # N x 48 x 10 x 10
        self.conv2_relu = nn.ReLU()
        self.inception3a = module(48, 16, 24, 32, 4, 8, 8)      # N x 64 x 10 x 10
        self.pool3 = pool()                                     # N x 64 x 5 x 5
        self.inception4a = module(self.inception3a.maps, 32, 32, 48, 8, 24, 16)  # N x 120 x 5 x 5
        self.inception4b = module(self.inception4a.maps, 32, 32, 48, 8, 24, 16)  # N x 120 x 5 x 5
        self.average = nn.AdaptiveAvgPool2d(1)                  # N x 120 x 1 x 1
        self.flatten = nn.Flatten()                             # N x 120
        self.fc = nn.Linear(self.inception4b.maps, 10)          # N x 10
        draw(self)


class _Three(Layers):
    """A 3 x 3 convolution and its ReLU where an Inception could stand."""

    def __init__(self, inputs: int, maps: int):
        super().__init__()
        self.maps = maps
        self.conv = nn.Conv2d(inputs, maps, 3, padding=1)
        self.conv_relu = nn.ReLU()


class GoogLeNetSmallWithHead(WithHeads):
    """GoogLeNetSmall and an auxiliary head on inception3a. N x 1 x 40 x 40.

    initial_weights: as in `GoogLeNetSmall`, for the head too.
    """

    def __init__(self, initial_weights: str | float = "he"):
        draw = starting_weights(initial_weights, paper=_weights_of_caffe)
        net = GoogLeNetSmall(initial_weights=initial_weights)
        head = AuxiliaryHead(net.inception3a.maps, size=10, reduced=32, hidden=64, classes=10)
        super().__init__(net, {"inception3a": head})
        draw(head)


NETS = {"googlenet": GoogLeNet, "googlenet-with-heads": GoogLeNetWithHeads,
        "googlenet-small": GoogLeNetSmall, "googlenet-small-with-head": GoogLeNetSmallWithHead}
