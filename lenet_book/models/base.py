"""What the networks of the book have in common: named layers in a row and, for most, ten logits."""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from .. import paper


class Layers(nn.Sequential):
    """Named layers that run in order; net[:4] is the first four, as a plain nn.Sequential.

    nn.Sequential alone would build a slice by calling the subclass's own constructor.
    """

    def __getitem__(self, which):
        if isinstance(which, slice):
            return nn.Sequential(OrderedDict(list(self.named_children())[which]))
        return super().__getitem__(which)


class Classifier(Layers):
    """N x 1 x 32 x 32, in the standard scaling, -> N x 10 logits: class scores before the softmax.

    Trained with cross-entropy; the largest names the digit.
    """

    input_size, scaling = paper.INPUT_SIZE, "standard"

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels)

    def predict(self, logits: Tensor) -> Tensor:
        return logits.argmax(dim=1)
