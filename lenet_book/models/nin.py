"""Network in network: Lin, Chen and Yan 2013; chapter 13 meets it.

    nin           for ImageNet, as its authors released it for Caffe    7,595,176 parameters
    nin-cifar10   for 32 x 32 photographs, as released                    966,986
    nin-mnist     for 28 x 28 digits, as released                         349,674

and two small relatives, for canvases of 40 x 40, with the same number of multiply-adds:

    nin-small        46,474
    nin-small-plain  one wider convolution in place of each mlpconv 47,404

No dense layer: the last block gives one map a class, and its mean is the logit.
"""

from functools import partial

from torch import nn

from ..arguments import checked, fields, flag, number, whole
from .base import Layers
from .successors import CANVASES, SIZE, Successor, normal_, starting_weights


class Mlpconv(Layers):
    """A convolution and two 1 x 1 after it, each with a ReLU: a small network slid over the maps.

    N x inputs x H x W -> N x widths[2] x H' x W'. widths: maps of the three.
    last_relu: whether the third has a ReLU too.
    """

    @checked(inputs=SIZE, widths=fields(SIZE, SIZE, SIZE), kernel=SIZE, stride=SIZE,
             padding=whole(0, 2**16), last_relu=flag)
    def __init__(self, inputs: int, widths: tuple[int, int, int], kernel: int, stride: int = 1,
                 padding: int = 0, last_relu: bool = True):
        super().__init__()
        first, second, third = widths
        self.conv = nn.Conv2d(inputs, first, kernel, stride, padding)
        self.conv_relu = nn.ReLU()
        self.mix1 = nn.Conv2d(first, second, 1)
        self.mix1_relu = nn.ReLU()
        self.mix2 = nn.Conv2d(second, third, 1)
        if last_relu:
            self.mix2_relu = nn.ReLU()


def _weights_of_caffe(name: str, layer: nn.Module) -> None:
    small = name in ("mlpconv1.conv", "mlpconv3.conv", "mlpconv4.mix2")
    normal_(layer, std=0.01 if small else 0.05)


class NiN(Successor):
    """Four mlpconv blocks. N x 3 x H x W, at 224 as below, pixels less their mean, -> N x 1,000 logits.

    initial_weights: "paper", normal with standard deviation 0.05, in mlpconv1.conv, mlpconv3.conv and
        mlpconv4.mix2 0.01, biases 0; "he"; or "torch" (see `successors.starting_weights`). The paper
        says only that they were set by hand: these are those of the released definition.
    The paper reports nothing on ImageNet; definition and weights came out later, for Caffe. Its
    pooling rounds sizes up, and the class maps have a ReLU, so that no logit is negative.
    """

    def __init__(self, initial_weights: str | float = "paper"):
        draw = starting_weights(initial_weights, paper=_weights_of_caffe)
        super().__init__(channels=3, input_size=224)
        self.mlpconv1 = Mlpconv(3, (96, 96, 96), 11, stride=4)            # N x 96 x 54 x 54
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)            # N x 96 x 27 x 27
        self.mlpconv2 = Mlpconv(96, (256, 256, 256), 5, padding=2)        # N x 256 x 27 x 27
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)            # N x 256 x 13 x 13
        self.mlpconv3 = Mlpconv(256, (384, 384, 384), 3, padding=1)       # N x 384 x 13 x 13
        self.pool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)            # N x 384 x 6 x 6
        self.dropout = nn.Dropout(0.5)
        self.mlpconv4 = Mlpconv(384, (1024, 1024, 1000), 3, padding=1)    # N x 1,000 x 6 x 6
        self.average = nn.AdaptiveAvgPool2d(1)                            # N x 1,000 x 1 x 1
        self.flatten = nn.Flatten()                                       # N x 1,000
        draw(self)


class NiN3(Successor):
    """Three mlpconv blocks. N x channels x H x W, at 32 as below, -> N x classes logits.

    widths: maps of each block, but for the last's third, which are the classes. kernels: of each
    block's first convolution. stride: of the very first. dropout: after the first two poolings, in
    training.
    initial_weights: "paper", normal with standard deviation 0.05 and biases 0, as released; "he"; or
        "torch" (see `successors.starting_weights`).
    class_relu: a ReLU on the class maps too, as released.
    Released for CIFAR-10 with three channels, whitened, and for MNIST. Its pooling rounds sizes up.
    Raises ValueError for unknown initial weights.
    """

    @checked(widths=fields(fields(SIZE, SIZE, SIZE), fields(SIZE, SIZE, SIZE), fields(SIZE, SIZE)),
             kernels=fields(SIZE, SIZE, SIZE), stride=SIZE, channels=SIZE, input_size=SIZE,
             dropout=number(least=0, below=1), classes=SIZE, class_relu=flag)
    def __init__(self, widths=((192, 160, 96), (192, 192, 192), (192, 192)), kernels=(5, 5, 3), *,
                 stride: int = 1, channels: int = 3, input_size: int = 32, dropout: float = 0.5,
                 classes: int = 10, initial_weights: str | float = "paper", class_relu: bool = True):
        draw = starting_weights(initial_weights, paper=lambda name, layer: normal_(layer, std=0.05))
        super().__init__(channels, input_size)
        one, two, three = widths
        k1, k2, k3 = kernels
        self.mlpconv1 = Mlpconv(channels, one, k1, stride, k1 // 2)       # N x 96 x 32 x 32
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)            # N x 96 x 16 x 16
        if dropout:
            self.pool1_dropout = nn.Dropout(dropout)
        self.mlpconv2 = Mlpconv(one[2], two, k2, padding=k2 // 2)         # N x 192 x 16 x 16
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)            # N x 192 x 8 x 8
        if dropout:
            self.pool2_dropout = nn.Dropout(dropout)
        self.mlpconv3 = Mlpconv(two[2], (*three, classes), k3, padding=k3 // 2,
                                last_relu=class_relu)                     # N x 10 x 8 x 8
        self.average = nn.AdaptiveAvgPool2d(1)                            # N x 10 x 1 x 1
        self.flatten = nn.Flatten()                                       # N x 10
        draw(self)


class PlainConvolutions(Successor):
    """nin-small with one wider convolution in place of each mlpconv: how much do the 1 x 1 bring?

    N x 1 x H x W, at 40 as below, -> N x 10 logits, of the class maps that a last 1 x 1 makes.
    initial_weights: see `successors.starting_weights`.
    """

    def __init__(self, initial_weights: str | float = "he"):
        draw = starting_weights(initial_weights)
        super().__init__(channels=1, input_size=40)
        self.conv1 = nn.Conv2d(1, 32, 5, stride=2, padding=2)             # N x 32 x 20 x 20
        self.conv1_relu = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)            # N x 32 x 10 x 10
        self.conv2 = nn.Conv2d(32, 32, 5, padding=2)                      # N x 32 x 10 x 10
        self.conv2_relu = nn.ReLU()
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)            # N x 32 x 5 x 5
        self.conv3 = nn.Conv2d(32, 70, 3, padding=1)                      # N x 70 x 5 x 5
        self.conv3_relu = nn.ReLU()
        self.classes = nn.Conv2d(70, 10, 1)                               # N x 10 x 5 x 5
        self.average = nn.AdaptiveAvgPool2d(1)                            # N x 10 x 1 x 1
        self.flatten = nn.Flatten()                                       # N x 10
        draw(self)


NETS = {
    "nin": NiN,
    "nin-cifar10": NiN3,
    "nin-mnist": partial(NiN3, ((96, 64, 48), (128, 96, 48), (128, 96)), (5, 5, 5), channels=1,
                         input_size=28),
    "nin-small": partial(NiN3, ((24, 24, 24), (32, 32, 32), (64, 64)), stride=2, dropout=0.0,
                         class_relu=False, **CANVASES),
    "nin-small-plain": PlainConvolutions,
}
