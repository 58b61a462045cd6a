"""LeNet-5 twice: as the paper has it, and as it is usually written today."""

from torch import Tensor, nn

from .. import paper
from ..arguments import checked, fields, number, whole
from ..layers import RBFOutput, ScaledTanh, SparseConv2d, Subsampling, initialise_, map_loss
from .base import Classifier, Layers
from .successors import SIZE, starting_weights


class LeNet5Of1998(Layers):
    """LeNet-5 of Section II-B: 60,000 trainable parameters and 840 fixed ones.

    N x 1 x 32 x 32, in the paper's scaling, -> N x 10 distances; the smallest names the digit.
    j: the constant of the loss, positive (see `layers.map_loss`), which the paper does not give.

    What the paper leaves open and what was chosen here: the value of j (on validation digits, where
    1 and 3 did equally well), the drawing of the glyphs, and that initial biases come from the same
    range as the weights.
    """

    input_size, scaling = paper.INPUT_SIZE, "paper"

    @checked(j=number(above=0))
    def __init__(self, j: float = 3.0):
        super().__init__()
        self.j = j
        self.c1 = nn.Conv2d(1, 6, 5)                            # N x 6 x 28 x 28
        self.c1_squash = ScaledTanh()
        self.s2 = Subsampling(6)                                # N x 6 x 14 x 14
        self.s2_squash = ScaledTanh()
        self.c3 = SparseConv2d(paper.C3_CONNECTIONS, 5)         # N x 16 x 10 x 10
        self.c3_squash = ScaledTanh()
        self.s4 = Subsampling(16)                               # N x 16 x 5 x 5
        self.s4_squash = ScaledTanh()
        self.c5 = nn.Conv2d(16, 120, 5)                         # N x 120 x 1 x 1
        self.c5_squash = ScaledTanh()
        self.flatten = nn.Flatten()                             # N x 120
        self.f6 = nn.Linear(120, 84)                            # N x 84
        self.f6_squash = ScaledTanh()
        self.output = RBFOutput()                               # N x 10
        for layer in (self.c1, self.c5, self.f6):  # the other layers start this way by themselves
            initialise_(layer, fan_in=layer.weight[0].numel())

    def loss(self, distances: Tensor, labels: Tensor) -> Tensor:
        return map_loss(distances, labels, self.j)

    def predict(self, distances: Tensor) -> Tensor:
        return distances.argmin(dim=1)


class LeNet5(Classifier):
    """LeNet-5 as it is usually written today: 61,706 parameters.

    Dense C3, max pooling without parameters, ReLU, and ten logits for cross-entropy in place of the
    RBF. N x 1 x input_size x input_size, in the standard scaling, -> N x 10.
    Pooling comes before ReLU: the result is the same, since both keep the larger of two numbers
    the larger, and ReLU then has a quarter of the work.
    maps: of C1 and of C3. input_size: pixels, at least 16; C5 has a kernel as large as what reaches it.
    initial_weights: "torch", "he" or others (see `successors.starting_weights`).
    """

    @checked(maps=fields(SIZE, SIZE), input_size=whole(16, 2**16))
    def __init__(self, maps: tuple[int, int] = (6, 16), input_size: int = paper.INPUT_SIZE,
                 initial_weights: str | float = "torch"):
        draw = starting_weights(initial_weights)
        super().__init__()
        self.input_size = input_size
        first, second = maps
        self.c1 = nn.Conv2d(1, first, 5)                        # N x 6 x 28 x 28
        self.s2 = nn.MaxPool2d(2)                               # N x 6 x 14 x 14
        self.s2_relu = nn.ReLU()
        self.c3 = nn.Conv2d(first, second, 5)                   # N x 16 x 10 x 10
        self.s4 = nn.MaxPool2d(2)                               # N x 16 x 5 x 5
        self.s4_relu = nn.ReLU()
        whole_map = ((input_size - 4) // 2 - 4) // 2
        self.c5 = nn.Conv2d(second, 120, whole_map)             # N x 120 x 1 x 1
        self.c5_relu = nn.ReLU()
        self.flatten = nn.Flatten()                             # N x 120
        self.f6 = nn.Linear(120, 84)                            # N x 84
        self.f6_relu = nn.ReLU()
        self.output = nn.Linear(84, 10)                         # N x 10
        draw(self)
