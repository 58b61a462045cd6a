"""Networks drawn at random: the ledger against PyTorch's own counter, and against sums by hand.

    RANDOM_NETS=500 python -m pytest tests/ledger/test_random_nets.py
"""

import os
import random
from math import prod

import pytest
import torch
import torch.nn.functional as F
from forward import Forward
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lenet_book.ledger import ledger


class Draw:
    """Draws layers for maps of a given shape, and adds up by hand what they cost."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.shape = tuple(self.random.choice([4, 8]) if i == 0 else self.random.randint(5, 9)
                           for i in range(3))
        self.connections = self.macs = self.scales = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def cost(self, layer, connections, macs=0, scales=0):
        """The layer, whose output has the new shape."""
        self.shape = tuple(layer.eval()(torch.zeros(1, *self.shape)).shape[1:])
        units = prod(self.shape)
        self.connections += connections(units)
        self.macs += macs(units) if macs else 0
        self.scales += scales
        return layer

    def convolution(self, keep=False):
        channels, bias = self.shape[0], self.pick(True, False)
        groups, k, d = self.pick(1, 2, channels), self.pick(1, 3), self.pick(1, 2)
        fan_in = channels // groups * k * k
        layer = nn.Conv2d(channels, channels if keep else self.pick(1, 2) * channels, k,
                          stride=1 if keep else self.pick(1, 2), padding=d * (k // 2), dilation=d,
                          groups=groups, bias=bias)
        return self.cost(layer, lambda units: units * (fan_in + bias), lambda units: units * fan_in)

    def transposed(self):
        channels, k, groups, bias = self.shape[0], self.pick(2, 3), self.pick(1, 2), self.pick(0, 1)
        products = prod(self.shape) * channels // groups * k * k
        return self.cost(
            nn.ConvTranspose2d(channels, channels, k, self.pick(1, 2), self.pick(0, 1), groups=groups,
                               bias=bool(bias)),
            lambda units: products + bias * units, lambda units: products)

    def pooling(self):
        k, s = self.pick(1, 2, 3), self.pick(1, 2)
        return self.cost(self.pick(
            nn.MaxPool2d(k, s, ceil_mode=self.pick(True, False)), nn.AvgPool2d(k, s),
            Forward(lambda x: F.max_pool2d(x, k, s)), Forward(lambda x: F.avg_pool2d(x, k, s))),
            lambda units: k * k * units)

    def norm(self):
        channels, units = self.shape[0], prod(self.shape)
        layer, reads, scales = self.pick(
            (nn.BatchNorm2d(channels), 2, 1), (nn.BatchNorm2d(channels, affine=False), 1, 1),
            (nn.GroupNorm(2, channels), 4, 1), (nn.InstanceNorm2d(channels), 2, 0),
            (nn.LayerNorm(self.shape[2]), 4, 1), (nn.LocalResponseNorm(3), 3, 0))
        return self.cost(layer, lambda units: reads * units, scales=scales * units)

    def upsampling(self):
        mode, reads = self.pick(("nearest", 1), ("bilinear", 4))
        return self.cost(self.pick(nn.Upsample(scale_factor=2, mode=mode),
                                   Forward(lambda x: F.interpolate(x, scale_factor=2, mode=mode))),
                         lambda units: reads * units)

    def free(self):
        return self.cost(self.pick(
            nn.ReLU(inplace=True), nn.Dropout(), nn.PReLU(), nn.Softmax2d(), nn.ZeroPad2d(1), nn.Mish(),
            Forward(lambda x: x.clone().relu_() * x.sigmoid()), nn.ChannelShuffle(2),
            nn.PixelUnshuffle(1), Forward(lambda x: x.flip(1))), lambda units: 0)

    def residual(self):
        path = nn.Sequential(self.convolution(keep=True), nn.SiLU(), self.convolution(keep=True))
        return Forward(lambda x, path: path(x) + x, path)

    def concatenation(self):
        before = self.shape
        paths = [self.convolution(keep=True) for _ in range(2)]
        self.shape = (2 * before[0], *before[1:])
        return Forward(lambda x, one, other: torch.cat([one(x), other(x)], 1), *paths)

    def shuffle(self):
        if self.shape[0] % 4:
            return self.free()
        return self.cost(nn.PixelShuffle(2), lambda units: 0)

    def net(self):
        kinds = [self.convolution, self.transposed, self.pooling, self.norm, self.upsampling, self.free,
                 self.residual, self.concatenation, self.shuffle]
        layers = []
        while len(layers) < 6:
            kind = self.pick(*kinds)
            if min(self.shape[1:]) > 3 and self.shape[0] % 2 == 0 and prod(self.shape) < 20_000:
                layers.append(kind())
            else:
                break
        inputs = prod(self.shape)
        flat = nn.Sequential(nn.Flatten(), nn.Linear(inputs, 3))
        return nn.Sequential(*layers, self.cost(flat, lambda units: units * (inputs + 1),
                                                lambda units: units * inputs))


@pytest.mark.parametrize("seed", range(int(os.environ.get("RANDOM_NETS", 40))))
def test_a_random_net(seed):
    torch.manual_seed(seed)
    draw = Draw(seed)
    shape = draw.shape
    net = draw.net()
    table = ledger(net, shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.zeros(1, *shape))
    assert table.not_counted == ()
    assert table.parameters == sum(p.numel() for p in net.parameters())
    assert table.connections == draw.connections
    assert table.macs == draw.macs + draw.scales
    assert draw.macs * 2 == counter.get_total_flops()  # which knows no scales
