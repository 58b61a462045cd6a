"""What the networks of the book have in common: named layers in a row and, for most, ten logits."""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from .. import paper


class Layers(nn.Sequential):
    """Named layers that run in order, and what they say of themselves: see `training.interface`.

    net[:4] is the first four, as a plain nn.Sequential. Where the first layer is among them it says
    input_size and scaling as the net does, and where the last one is, loss and predict; where it is
    not, these are None: features are neither right nor wrong.
    nn.Sequential alone would build a slice by calling the subclass's own constructor.
    """

    def __getitem__(self, which):
        if not isinstance(which, slice):
            return super().__getitem__(which)
        layers = list(self.named_children())
        part = nn.Sequential(OrderedDict(layers[which]))
        if layers[which][:1] == layers[:1]:
            part.input_size, part.scaling = self.input_size, self.scaling
        has_output = layers[which][-1:] == layers[-1:]
        part.loss, part.predict = (self.loss, self.predict) if has_output else (None, None)
        return part


class Classifier(Layers):
    """N x 1 x 32 x 32, in the standard scaling, -> N x 10 logits: class scores before the softmax.

    Trained with cross-entropy; the largest names the digit.
    """

    input_size, scaling = paper.INPUT_SIZE, "standard"

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels)

    def predict(self, logits: Tensor) -> Tensor:
        return logits.argmax(dim=1)
