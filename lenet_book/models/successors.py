"""What the networks after LeNet-5 have in common: what they take, and how their weights begin."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..arguments import number, one_of, whole
from ..tables import by
from .base import Classifier

SIZE = whole(1, 2**16)  # a rule for a number of maps, of units or of pixels a side

# The small relatives: grey canvases on which a digit is to be found, ten classes.
CANVASES = {"channels": 1, "input_size": 40, "classes": 10, "initial_weights": "he"}


class Successor(Classifier):
    """N x channels x input_size x input_size -> N x classes logits, trained with cross-entropy.

    scaling: with three channels "pixels", photographs of 0 to 255 less the mean over the training
        set, as in the papers. No digit has three channels, and `mnist` refuses this scaling, so these
        nets are given tensors or a Dataset.
        With one channel "standard", as the digits of the book.
    fixed_size: whether the net takes input_size alone, for its dense layers read a whole map, or any
        size, for it ends in global average pooling.
    """

    fixed_size = False

    def __init__(self, channels: int, input_size: int):
        super().__init__()
        self.channels, self.input_size = channels, input_size
        self.scaling = "pixels" if channels == 3 else "standard"

    def forward(self, x: Tensor) -> Tensor:
        """Raises ValueError for inputs that `taken` refuses."""
        return super().forward(self.taken(x, self.fixed_size))

    def taken(self, x: Tensor, fixed_size: bool) -> Tensor:
        """The inputs with their channels side by side in memory, as convolutions on a CPU like it.

        A step of the small nets then takes three fifths of the time.
        Raises ValueError for another number of channels, and for another size where it is fixed.
        """
        size = (self.input_size, self.input_size)
        if x.dim() != 4 or x.shape[1] != self.channels or (fixed_size and x.shape[2:] != size):
            wanted = f"{size[0]} x {size[1]}"
            raise ValueError(f"{type(self).__name__} takes N x {self.channels} x "
                             f"{wanted if fixed_size else f'H x W, such as {wanted}'}, "
                             f"not {by(x.shape)}")
        # x.contiguous(memory_format=...) does nothing where there is one channel.
        return torch.empty_like(x, memory_format=torch.channels_last).copy_(x)


def starting_weights(initial_weights: str | float,
                     paper: Callable[[str, nn.Module], None] | None = None
                     ) -> Callable[[nn.Module], None]:
    """A function that draws anew the weights of a network's convolutions and dense layers.

    initial_weights: "paper", by `paper(name, layer)`, where there is one; "he", normal with variance
        2 / fan_in, biases 0 (He and others 2015), made for ReLU; "xavier", normal with variance
        2 / (fan_in + fan_out), biases 0 (Glorot and Bengio 2010); "torch", those that PyTorch gives a
        layer; or a number, normal with this standard deviation, biases 0.
    Raises ValueError for another one.
    """
    if isinstance(initial_weights, float):
        std = number(above=0)("initial_weights", initial_weights)

        def rule(name: str, layer: nn.Module) -> None:
            normal_(layer, std)
    else:
        rules = {"he": _he, "xavier": _xavier, "torch": lambda name, layer: None}
        rules |= {"paper": paper} if paper else {}
        rule = rules[one_of(*rules)("initial_weights", initial_weights)]

    def draw(model: nn.Module) -> None:
        for name, layer in model.named_modules():
            # On device "meta" there are no numbers, and normal_ would take seconds to find that out.
            if isinstance(layer, (nn.Conv2d, nn.Linear)) and not layer.weight.is_meta:
                rule(name, layer)
    return draw


def normal_(layer: nn.Module, std: float, bias: float = 0.0) -> None:
    """Weights normal with mean 0 and this standard deviation, biases all alike."""
    nn.init.normal_(layer.weight, std=std)
    nn.init.constant_(layer.bias, bias)


def _he(name: str, layer: nn.Module) -> None:
    normal_(layer, std=(2 / layer.weight[0].numel()) ** 0.5)


def _xavier(name: str, layer: nn.Module) -> None:
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
