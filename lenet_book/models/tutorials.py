"""Five networks called LeNet-5 that tutorials on the web teach, and the mistakes they teach with them.

    lenet-batchnorm   ReLU, max pooling, a BatchNorm after each convolution         61,750 parameters
    lenet-relu        ReLU, max pooling, C5 as a convolution                        61,706
    lenet-sigmoid     sigmoid, mean pooling, dense layers without activation        61,706
      with dense_sigmoids=True the one of "Dive into Deep Learning"                 61,706
    lenet-tanh        tanh, mean pooling                                            61,706

None of them is the net of 1998: C3 is dense in all five, pooling has no parameters, the output is a
dense layer, and no activation is the paper's scaled tanh.

Each mistake that is in a network is an option, off unless asked for and named for what it does.

All five ask for the standard scaling and start from PyTorch's own initial weights, so that they can be
compared. That is this book's choice: the texts of the sigmoid nets take pixels from 0 to 1
(`model.scaling = "unit"`), and "Dive into Deep Learning" begins with Xavier's weights. The rows "as
published" of the experiment which-lenet train each as its text does.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ..arguments import checked, flag, number
from .base import Classifier


class DropoutAlwaysOn(nn.Dropout):
    """Dropout that `eval()` does not switch off: F.dropout drops unless it is told `training=False`.

    The mistake is in one line of many a `forward`, F.dropout(x, p) in place of
    F.dropout(x, p, training=self.training).
    """

    @checked(p=number(least=0, most=1))
    def __init__(self, p: float = 0.5):
        super().__init__(p)

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.p)


class LeNetBatchNorm(Classifier):
    """61,750 parameters: two times convolution, BatchNorm, ReLU and max pooling, then three dense.

    N x 1 x 32 x 32, in the standard scaling, -> N x 10. The two BatchNorms have 12 + 32 parameters,
    as many as the paper's two subsampling layers: a coincidence. Published to check shapes, not
    trained; its text counts "5 core layers", the convolutions and the dense ones.

    dropout: share of the units of C5 and F6 that are set to 0 in training; 0, as published, for none.
    dropout_always_on: the mistake of `DropoutAlwaysOn`: two evaluations of one digit differ.
    Raises ValueError for a dropout outside [0, 1), and where there is none to be always on.
    """

    @checked(dropout=number(least=0, below=1), dropout_always_on=flag)
    def __init__(self, *, dropout: float = 0.0, dropout_always_on: bool = False):
        if dropout_always_on and not dropout:
            raise ValueError("dropout_always_on=True needs a dropout above 0, such as dropout=0.5")
        super().__init__()
        drop = DropoutAlwaysOn if dropout_always_on else nn.Dropout
        self.c1 = nn.Conv2d(1, 6, 5)                            # N x 6 x 28 x 28
        self.c1_norm = nn.BatchNorm2d(6)
        self.c1_relu = nn.ReLU()
        self.s2 = nn.MaxPool2d(2)                               # N x 6 x 14 x 14
        self.c3 = nn.Conv2d(6, 16, 5)                           # N x 16 x 10 x 10
        self.c3_norm = nn.BatchNorm2d(16)
        self.c3_relu = nn.ReLU()
        self.s4 = nn.MaxPool2d(2)                               # N x 16 x 5 x 5
        self.flatten = nn.Flatten()                             # N x 400
        self.c5 = nn.Linear(400, 120)                           # N x 120
        self.c5_relu = nn.ReLU()
        if dropout:
            self.c5_dropout = drop(dropout)
        self.f6 = nn.Linear(120, 84)                            # N x 84
        self.f6_relu = nn.ReLU()
        if dropout:
            self.f6_dropout = drop(dropout)
        self.output = nn.Linear(84, 10)                         # N x 10


class LeNetReLU(Classifier):
    """61,706 parameters: three convolutions, two max poolings and two dense layers, with ReLU.

    N x 1 x 32 x 32, in the standard scaling, -> N x 10. C5 is a convolution, as in the paper, so that
    a larger input gives more than one position there; the text counts 7 layers, as the paper does.
    Published with SGD, learning rate 0.001, momentum 0.9. The same function as `lenet.LeNet5`, which
    pools before ReLU to save time.
    """

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)                            # N x 6 x 28 x 28
        self.c1_relu = nn.ReLU()
        self.s2 = nn.MaxPool2d(2)                               # N x 6 x 14 x 14
        self.c3 = nn.Conv2d(6, 16, 5)                           # N x 16 x 10 x 10
        self.c3_relu = nn.ReLU()
        self.s4 = nn.MaxPool2d(2)                               # N x 16 x 5 x 5
        self.c5 = nn.Conv2d(16, 120, 5)                         # N x 120 x 1 x 1
        self.c5_relu = nn.ReLU()
        self.flatten = nn.Flatten()                             # N x 120
        self.f6 = nn.Linear(120, 84)                            # N x 84
        self.f6_relu = nn.ReLU()
        self.output = nn.Linear(84, 10)                         # N x 10


class LeNetSigmoid(Classifier):
    """61,706 parameters: two times convolution, sigmoid and mean pooling, then three dense layers.

    N x 1 x 32 x 32, in the standard scaling, -> N x 10. As published nothing stands between the dense
    layers, so that the three compute what one Linear(400, 10) can. Published with pixels from 0 to 1
    and SGD, learning rate 0.05, batch 64, 20 epochs; its author took the dense sigmoids out because
    the loss did not fall.

    dense_sigmoids: a sigmoid after C5 and F6: the net of "Dive into Deep Learning", which begins with
        Xavier's initial weights and not, as here, with PyTorch's.
    pads_after_scaling: 28 x 28 pixels, scaled first and then padded with 0 inside C1, as published.
        There, with pixels from 0 to 1, background is 0 and this is no mistake. In the standard
        scaling background is -0.424, so that it draws a grey frame around the digit, which shows in
        the maps of C1 more than in the error.
    unpadded: 28 x 28 pixels and no padding anywhere: S4 is 4 x 4, C5 has 256 inputs in place of 400,
        and 44,426 parameters remain.
    Raises ValueError where both of the last two are asked for.
    """

    @checked(dense_sigmoids=flag, pads_after_scaling=flag, unpadded=flag)
    def __init__(self, *, dense_sigmoids: bool = False, pads_after_scaling: bool = False,
                 unpadded: bool = False):
        if pads_after_scaling and unpadded:
            raise ValueError("pads_after_scaling=True and unpadded=True exclude each other: "
                             "C1 either pads its 28 x 28 input or does not")
        super().__init__()
        if pads_after_scaling or unpadded:
            self.input_size = 28
        s4_size = 4 if unpadded else 5
        self.c1 = nn.Conv2d(1, 6, 5, padding=2 if pads_after_scaling else 0)  # N x 6 x 28 x 28
        self.c1_sigmoid = nn.Sigmoid()
        self.s2 = nn.AvgPool2d(2)                               # N x 6 x 14 x 14
        self.c3 = nn.Conv2d(6, 16, 5)                           # N x 16 x 10 x 10
        self.c3_sigmoid = nn.Sigmoid()
        self.s4 = nn.AvgPool2d(2)                               # N x 16 x 5 x 5
        self.flatten = nn.Flatten()                             # N x 400
        self.c5 = nn.Linear(16 * s4_size**2, 120)               # N x 120
        if dense_sigmoids:
            self.c5_sigmoid = nn.Sigmoid()
        self.f6 = nn.Linear(120, 84)                            # N x 84
        if dense_sigmoids:
            self.f6_sigmoid = nn.Sigmoid()
        self.output = nn.Linear(84, 10)                         # N x 10


class LeNetTanh(Classifier):
    """61,706 parameters: two times convolution, tanh and mean pooling, then three dense layers.

    N x 1 x 32 x 32, in the standard scaling, -> N x 10. Tanh and mean pooling are near to 1998, but
    this tanh is not scaled and the pooling learns nothing. Published with a table of its layers, not
    trained, and with both of these mistakes at once:

    stops_at_f6: the output layer is missing: 60,856 parameters, and F6 passes for 84 classes.
    softmax_before_loss: the net ends in softmax, and cross-entropy takes the softmax of that once
        more. A share is at most 1, so with 10 classes the loss of an example cannot fall below
        log(e + 9) - 1 = 1.461, and the gradient is weak long before.
    """

    @checked(stops_at_f6=flag, softmax_before_loss=flag)
    def __init__(self, *, stops_at_f6: bool = False, softmax_before_loss: bool = False):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)                            # N x 6 x 28 x 28
        self.c1_tanh = nn.Tanh()
        self.s2 = nn.AvgPool2d(2)                               # N x 6 x 14 x 14
        self.c3 = nn.Conv2d(6, 16, 5)                           # N x 16 x 10 x 10
        self.c3_tanh = nn.Tanh()
        self.s4 = nn.AvgPool2d(2)                               # N x 16 x 5 x 5
        self.flatten = nn.Flatten()                             # N x 400
        self.c5 = nn.Linear(400, 120)                           # N x 120
        self.c5_tanh = nn.Tanh()
        self.f6 = nn.Linear(120, 84)                            # N x 84
        if not stops_at_f6:
            self.f6_tanh = nn.Tanh()
            self.output = nn.Linear(84, 10)                     # N x 10
        if softmax_before_loss:
            self.softmax = nn.Softmax(dim=1)
