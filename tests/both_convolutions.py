"""The book's convolutions and poolings, and PyTorch's."""

from functools import partial

import torch
import torch.nn.functional as F

from lenet_book.convolution import avg_pool2d, conv2d, max_pool2d

CONVOLUTIONS = [partial(conv2d, method=method) for method in ("unfold", "loops")]
POOLS = [(max_pool2d, F.max_pool2d), (avg_pool2d, F.avg_pool2d)]


def ramp(*shape):
    return torch.arange(float(torch.Size(shape).numel()), dtype=torch.float64).view(shape)
