"""AlexNet: Krizhevsky, Sutskever and Hinton 2012; chapter 11 meets it.

    alexnet              one tower, as it is usually written today               62,378,344 parameters
    alexnet-two-towers   as in the paper, over two graphics processors           60,965,224
    alexnet-small        a small relative, for canvases of 40 x 40                  116,554
"""

from functools import partial

from torch import nn

from ..arguments import checked, number, one_of
from .successors import Successor, normal_, starting_weights

# Biases of 1 give the ReLU positive inputs to begin with (Section 5 of the paper).
_BIASED = ("conv2", "conv4", "conv5", "fc6", "fc7")


def _weights_of_2012(name: str, layer: nn.Module) -> None:
    normal_(layer, std=0.01, bias=float(name in _BIASED))


class AlexNet(Successor):
    """Eight layers that learn. N x 3 x 227 x 227, pixels less their mean, -> N x 1,000 logits.

    towers: 1, or 2 as in the paper, where each of two graphics processors held half of the maps of
        every convolution; conv2, conv4 and conv5 then read the maps of their own tower alone.
    initial_weights: the "paper"'s, normal with standard deviation 0.01, biases 1 in conv2, conv4,
        conv5, fc6 and fc7 and else 0; "he"; or "torch" (see `successors.starting_weights`).

    227: the paper says 224, but its 55 x 55 maps need 227; the released code rounds sizes up, as if
    the picture were that large. Pooling is overlapping, 3 x 3 with stride 2. Response normalisation:
    alpha is divided by the window of 5, as in the released code, Caffe and PyTorch, though the
    paper's formula does not say so; with two towers it reaches over the border between them, as
    in Caffe, which the released code keeps apart. Dropout multiplies by 2 in training what the paper
    multiplies by 0.5 in testing, and acts on what fc6 and fc7 give out. fc8 gives logits: the
    softmax is in the loss.
    Raises ValueError for another number of towers and for unknown initial weights.
    """

    fixed_size = True

    @checked(towers=one_of(1, 2))
    def __init__(self, towers: int = 1, initial_weights: str | float = "paper"):
        draw = starting_weights(initial_weights, paper=_weights_of_2012)
        super().__init__(channels=3, input_size=227)
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)             # N x 96 x 55 x 55
        self.conv1_relu = nn.ReLU()
        self.norm1 = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)
        self.pool1 = nn.MaxPool2d(3, stride=2)                  # N x 96 x 27 x 27
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=towers)  # N x 256 x 27 x 27
        self.conv2_relu = nn.ReLU()
        self.norm2 = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)
        self.pool2 = nn.MaxPool2d(3, stride=2)                  # N x 256 x 13 x 13
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)          # N x 384 x 13 x 13
        self.conv3_relu = nn.ReLU()
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=towers)  # N x 384 x 13 x 13
        self.conv4_relu = nn.ReLU()
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=towers)  # N x 256 x 13 x 13
        self.conv5_relu = nn.ReLU()
        self.pool5 = nn.MaxPool2d(3, stride=2)                  # N x 256 x 6 x 6
        self.flatten = nn.Flatten()                             # N x 9,216
        self.fc6 = nn.Linear(9216, 4096)                        # N x 4,096
        self.fc6_relu = nn.ReLU()
        self.fc6_dropout = nn.Dropout(0.5)
        self.fc7 = nn.Linear(4096, 4096)                        # N x 4,096
        self.fc7_relu = nn.ReLU()
        self.fc7_dropout = nn.Dropout(0.5)
        self.fc8 = nn.Linear(4096, 1000)                        # N x 1,000
        draw(self)


class AlexNetSmall(Successor):
    """A small relative of five convolutions and three dense layers, for canvases with a digit.

    N x 1 x 40 x 40, in the standard scaling, -> N x 10 logits. Stride 2 in the first layer and
    overlapping pooling, as in AlexNet; no response normalisation, which would change nothing but the
    scale of such inputs.
    activation: "relu" or "tanh". dropout: share of what fc6 and fc7 give out that is set to 0, in
        training; 0 by default, in AlexNet 0.5.
    initial_weights: "he"; "paper" as in AlexNet, and others (see `successors.starting_weights`).
    """

    fixed_size = True

    @checked(activation=one_of("relu", "tanh"), dropout=number(least=0, below=1))
    def __init__(self, activation: str = "relu", dropout: float = 0.0,
                 initial_weights: str | float = "he"):
        draw = starting_weights(initial_weights, paper=_weights_of_2012)
        super().__init__(channels=1, input_size=40)
        bend = {"relu": nn.ReLU, "tanh": nn.Tanh}[activation]
        self.conv1 = nn.Conv2d(1, 16, 5, stride=2, padding=2)   # N x 16 x 20 x 20
        self.conv1_bend = bend()
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1)       # N x 16 x 10 x 10
        self.conv2 = nn.Conv2d(16, 32, 5, padding=2)            # N x 32 x 10 x 10
        self.conv2_bend = bend()
        self.pool2 = nn.MaxPool2d(3, stride=2, padding=1)       # N x 32 x 5 x 5
        self.conv3 = nn.Conv2d(32, 48, 3, padding=1)            # N x 48 x 5 x 5
        self.conv3_bend = bend()
        self.conv4 = nn.Conv2d(48, 48, 3, padding=1)            # N x 48 x 5 x 5
        self.conv4_bend = bend()
        self.conv5 = nn.Conv2d(48, 32, 3, padding=1)            # N x 32 x 5 x 5
        self.conv5_bend = bend()
        self.pool5 = nn.MaxPool2d(3, stride=2, padding=1)       # N x 32 x 3 x 3
        self.flatten = nn.Flatten()                             # N x 288
        self.fc6 = nn.Linear(288, 128)                          # N x 128
        self.fc6_bend = bend()
        self.fc6_dropout = nn.Dropout(dropout)
        self.fc7 = nn.Linear(128, 128)                          # N x 128
        self.fc7_bend = bend()
        self.fc7_dropout = nn.Dropout(dropout)
        self.fc8 = nn.Linear(128, 10)                           # N x 10
        draw(self)


NETS = {"alexnet": AlexNet, "alexnet-two-towers": partial(AlexNet, towers=2),
        "alexnet-small": AlexNetSmall}
