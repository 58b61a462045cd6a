"""LeNet-5 with one part of it exchanged at a time: what lies between the net of 1998 and today's."""

import torch.nn.functional as F
from torch import Tensor, nn

from .. import paper
from ..arguments import checked, flag, one_of
from ..layers import RBFOutput, ScaledTanh, SparseConv2d, Subsampling, initialise_, map_loss
from .base import Layers

ACTIVATIONS = {"logistic": nn.Sigmoid, "tanh": nn.Tanh, "scaled tanh": ScaledTanh, "relu": nn.ReLU}


class LeNet5Variant(Layers):
    """LeNet-5 with each part chosen; as it stands without arguments, the net of 1998.

    N x 1 x 32 x 32, in the paper's scaling, -> N x 10 distances ("rbf") or logits ("softmax").
    activation: a key of ACTIVATIONS. pooling: "subsampling" (trainable, with the activation after it,
    as in 1998), "average" or "max". connections: which maps C3 reads, by the paper's "table" or
    "dense". initial_weights: the "paper"'s, or those that "torch" gives a layer. batch_norm: after
    each convolution, before its activation; not in F6.
    Raises ValueError, with the choices there are, for another one.
    """

    input_size, scaling = paper.INPUT_SIZE, "paper"

    @checked(activation=one_of(*ACTIVATIONS), pooling=one_of("subsampling", "average", "max"),
             connections=one_of("table", "dense"), output=one_of("rbf", "softmax"),
             initial_weights=one_of("paper", "torch"), batch_norm=flag)
    def __init__(self, activation: str = "scaled tanh", pooling: str = "subsampling",
                 connections: str = "table", output: str = "rbf", initial_weights: str = "paper",
                 batch_norm: bool = False):
        super().__init__()
        squash = ACTIVATIONS[activation]

        def convolution(name: str, layer: nn.Module, maps: int) -> None:
            self.add_module(name, layer)
            if batch_norm:
                self.add_module(f"{name}_norm", nn.BatchNorm2d(maps))
            self.add_module(f"{name}_squash", squash())

        def pool(name: str, maps: int) -> None:
            if pooling == "subsampling":
                self.add_module(name, Subsampling(maps))
                self.add_module(f"{name}_squash", squash())
            else:
                self.add_module(name, nn.AvgPool2d(2) if pooling == "average" else nn.MaxPool2d(2))

        convolution("c1", nn.Conv2d(1, 6, 5), 6)                # N x 6 x 28 x 28
        pool("s2", 6)                                           # N x 6 x 14 x 14
        convolution("c3", SparseConv2d(paper.C3_CONNECTIONS, 5) if connections == "table"
                    else nn.Conv2d(6, 16, 5), 16)               # N x 16 x 10 x 10
        pool("s4", 16)                                          # N x 16 x 5 x 5
        convolution("c5", nn.Conv2d(16, 120, 5), 120)           # N x 120 x 1 x 1
        self.flatten = nn.Flatten()                             # N x 120
        self.f6 = nn.Linear(120, 84)                            # N x 84
        self.f6_squash = squash()
        self.distances = output == "rbf"
        self.output = RBFOutput() if self.distances else nn.Linear(84, 10)  # N x 10
        if initial_weights == "paper":
            for layer in self.children():
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    initialise_(layer, fan_in=layer.weight[0].numel())
        elif connections == "table":
            self.c3.reset_parameters(lambda fan_in: fan_in**-0.5)  # as torch does for a convolution

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return map_loss(outputs, labels) if self.distances else F.cross_entropy(outputs, labels)

    def predict(self, outputs: Tensor) -> Tensor:
        return outputs.argmin(dim=1) if self.distances else outputs.argmax(dim=1)
