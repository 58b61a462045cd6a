"""AlexNet as a course's notes published it, with their mistakes; chapter 11 finds and mends them.

    alexnet-published    62,378,344 parameters, as many as without the mistakes

Each mistake is an option, as in `tutorials`, but here all of them are there unless they are turned off.
"""

from torch import Tensor, nn

from ..arguments import checked, flag
from .successors import Successor
from .tutorials import DropoutAlwaysOn

_FEATURES = 256 * 6 * 6  # what fc6 reads of a picture of 227 x 227


class View(nn.Module):
    """x.view(-1, features): as many rows as come out, whatever the number of pictures was."""

    def forward(self, x: Tensor) -> Tensor:
        # Side by side in memory are here the channels (see `Successor.taken`), which view refuses.
        return x.contiguous().view(-1, _FEATURES)


class AlexNetPublished(Successor):
    """Five convolutions and three dense layers without response normalisation. N x 3 x 227 x 227.

    With all five mistakes off it is the AlexNet of `alexnet` without its response normalisation, from
    PyTorch's own initial weights, and gives N x 1,000 logits. The mistakes:

    returns_nothing: forward computes all and ends without `return`: the net gives None. A summary of
        its layers shows nothing of it.
    dropout_always_on: the mistake of `tutorials.DropoutAlwaysOn`: eval() does not turn it off, and two
        evaluations of one picture differ.
    dropout_misplaced: it stands before fc6, where it drops maps' pixels, and between fc6 and its
        ReLU, and nowhere after fc7; it belongs after the ReLUs of fc6 and fc7.
    softmax_before_loss: the net ends in softmax, and cross-entropy takes the softmax of that once more.
        A share is at most 1, so the loss of an example cannot fall below log(e + 999) - 1 = 5.909;
        that of guessing is log(1000) = 6.908.
    batch_lost: view(-1, 9216) in place of flatten(1). The paper speaks of 224 x 224 pixels, of which
        256 x 5 x 5 = 6,400 numbers a picture come this far: 36 pictures become 25 rows, each of parts
        of two or three. Only a batch that is no multiple of 36 is refused. Flattened, none fits fc6.
    """

    @checked(**dict.fromkeys(["returns_nothing", "dropout_always_on", "dropout_misplaced",
                              "softmax_before_loss", "batch_lost"], flag))
    def __init__(self, *, returns_nothing: bool = True, dropout_always_on: bool = True,
                 dropout_misplaced: bool = True, softmax_before_loss: bool = True,
                 batch_lost: bool = True):
        super().__init__(channels=3, input_size=227)
        self.returns_nothing = returns_nothing
        drop = DropoutAlwaysOn if dropout_always_on else nn.Dropout
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)             # N x 96 x 55 x 55
        self.conv1_relu = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2)                  # N x 96 x 27 x 27
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2)           # N x 256 x 27 x 27
        self.conv2_relu = nn.ReLU()
        self.pool2 = nn.MaxPool2d(3, stride=2)                  # N x 256 x 13 x 13
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)          # N x 384 x 13 x 13
        self.conv3_relu = nn.ReLU()
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1)          # N x 384 x 13 x 13
        self.conv4_relu = nn.ReLU()
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1)          # N x 256 x 13 x 13
        self.conv5_relu = nn.ReLU()
        self.pool5 = nn.MaxPool2d(3, stride=2)                  # N x 256 x 6 x 6
        self.flatten = View() if batch_lost else nn.Flatten()   # N x 9,216
        if dropout_misplaced:
            self.flatten_dropout = drop(0.5)
        self.fc6 = nn.Linear(_FEATURES, 4096)                   # N x 4,096
        if dropout_misplaced:
            self.fc6_dropout = drop(0.5)
        self.fc6_relu = nn.ReLU()
        if not dropout_misplaced:
            self.fc6_dropout = drop(0.5)
        self.fc7 = nn.Linear(4096, 4096)                        # N x 4,096
        self.fc7_relu = nn.ReLU()
        if not dropout_misplaced:
            self.fc7_dropout = drop(0.5)
        self.fc8 = nn.Linear(4096, 1000)                        # N x 1,000
        if softmax_before_loss:
            self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor | None:
        x = super().forward(x)
        if not self.returns_nothing:
            return x


NETS = {"alexnet-published": AlexNetPublished}
