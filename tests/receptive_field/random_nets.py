"""Random networks by seed: windows that slide up and down, normalisation, gates, paths that meet."""

import random

import torch
import torch.nn.functional as F
from forward import Forward
from torch import nn


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of each place, as torchvision has it."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def convolution(draw, channels, size):
    groups = draw.choice([1, 1, channels])
    dilation, kernel = draw.randint(1, 2), pair(draw, 1, 4)
    return nn.Conv2d(channels, channels * draw.choice([1, 1, 2]), kernel, pair(draw, 1, 2),
                     pair(draw, 0, 2), dilation, groups)


def transposed(draw, channels, size):
    stride = pair(draw, 1, 3)
    return nn.ConvTranspose2d(channels, channels, pair(draw, 1, 4), stride, pair(draw, 0, 1),
                              draw.choice([0, min(stride) - 1]), draw.choice([1, channels]),
                              dilation=draw.randint(1, 2))


def pooling(draw, channels, size):
    kernel = pair(draw, 1, 3)
    padding = tuple(draw.randint(0, k // 2) for k in kernel)
    if draw.random() < 0.5:
        return nn.AvgPool2d(kernel, pair(draw, 1, 3), padding, ceil_mode=draw.random() < 0.5)
    return nn.MaxPool2d(kernel, pair(draw, 1, 3), padding, pair(draw, 1, 2),
                        ceil_mode=draw.random() < 0.5)


def adaptive(draw, channels, size):
    kind = draw.choice([nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d])
    return kind(tuple(draw.randint(2, max(2, n)) for n in size))


def resized(draw, channels, size):
    height, width = size
    return draw.choice([
        nn.Upsample(scale_factor=draw.choice([2, 3])),
        Forward(lambda x: F.interpolate(x, size=(2 * height, 3 * width))),
        nn.Upsample(scale_factor=2, mode="nearest-exact"),
        nn.Sequential(nn.Conv2d(channels, 4 * channels, 1), nn.PixelShuffle(2)),
        nn.Sequential(nn.AdaptiveAvgPool2d((2 * (height // 2) or 2, 2 * (width // 2) or 2)),
                      nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, channels, 1)),
        Forward(lambda x: x[:, :, 1:, :-1]), Forward(lambda x: x[..., ::2, 1:]),
        nn.ZeroPad2d(draw.choice([(-1, 1, 0, 2), (0, 2, -1, -1)]))])


def pooled(draw, channels, size):
    """Global pooling, whose one value is spread out again, padded or set beside the maps."""
    pool = draw.choice([nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)])
    up = nn.Upsample(scale_factor=draw.randint(1, 4))
    return draw.choice([
        nn.Sequential(pool, up),
        nn.Sequential(pool, up, nn.ZeroPad2d(tuple(draw.randint(0, 2) for _ in range(4)))),
        nn.Sequential(pool, nn.Conv2d(channels, channels, pair(draw, 1, 2), padding=pair(draw, 1, 2))),
        nn.Sequential(pool, up, nn.ConvTranspose2d(channels, channels, 1, pair(draw, 1, 3))),
        Forward(lambda x: torch.cat([x, pool(x).expand_as(x)], dim=1))])


def normalisation(draw, channels, size):
    """At a place, over its neighbours in channels, or with stored statistics."""
    return draw.choice([LayerNorm2d(channels), nn.LocalResponseNorm(3), nn.BatchNorm2d(channels),
                        Forward(lambda x: F.normalize(x, dim=1)),
                        Forward(lambda x: x - x.mean(1, keepdim=True)), nn.Softmax(1), nn.Softmin(1)])


def over_the_image(draw, channels, size):
    return draw.choice([nn.GroupNorm(2, channels), nn.InstanceNorm2d(channels, affine=True),
                        nn.LayerNorm((channels, *size)), nn.LayerNorm(size[1:]),
                        Forward(gate, nn.Linear(channels, channels), nn.Linear(channels, channels))])


def gate(x, squeeze, excite):
    return x * torch.sigmoid(excite(torch.relu(squeeze(x.mean((2, 3))))))[:, :, None, None]


def activation(draw, channels, size):
    return draw.choice([nn.ReLU(), nn.ReLU(inplace=True), nn.Hardtanh(-0.25, 0.25), nn.Sigmoid(),
                        nn.Threshold(1, 0), nn.Tanhshrink(), nn.GELU(), nn.Dropout(0.9),
                        Forward(lambda x: x.clamp(0, 0.1)), Forward(lambda x: x * (x > 0)),
                        Forward(torch.abs)])


def paths(draw, channels, size):
    """Two paths that keep the size, added, subtracted or side by side."""
    def path():
        k, d = draw.choice([1, 3, 5]), draw.randint(1, 2)
        return nn.Sequential(nn.Conv2d(channels, channels, k, 1, d * (k // 2), d),
                             draw.choice([activation, normalisation])(draw, channels, size))

    join = draw.choice([lambda x, a, b: x + a(x), lambda x, a, b: a(x) - b(x),
                        lambda x, a, b: torch.cat([a(x), b(x)], dim=1), lambda x, a, b: a(x) * b(x),
                        lambda x, a, b: x.add(a(b(x))),
                        lambda x, a, b: F.hardtanh(x + a(x), -0.1, 0.1)])
    return Forward(join, path(), path())


BLOCKS = {convolution: 6, transposed: 3, pooling: 4, adaptive: 1, resized: 3, pooled: 1.5,
          normalisation: 4, over_the_image: 0.7, activation: 4, paths: 4}


def pair(draw, low, high) -> tuple[int, int]:
    return draw.randint(low, high), draw.randint(low, high)


@torch.no_grad()
def random_net(seed: int) -> tuple[nn.Sequential, tuple[int, int, int]]:
    """A network and the shape of its input. Every block fits, and no map has a side over 40."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    shape = (draw.choice([1, 3]), *pair(draw, 8, 20))
    x = torch.rand(1, *shape)
    blocks = [nn.Conv2d(shape[0], 4, pair(draw, 1, 3), padding=draw.randint(0, 1))]
    x = blocks[0](x)
    for make in draw.choices(list(BLOCKS), list(BLOCKS.values()), k=draw.randint(2, 8)):
        block = make(draw, x.shape[1], tuple(x.shape[2:]))
        try:
            y = block.eval()(x.clone())
        except RuntimeError:  # it does not fit
            continue
        if min(y.shape[2:]) >= 1 and max(y.shape[2:]) <= 40 and y.shape[1] <= 16:
            blocks.append(block.train())
            x = y
    return nn.Sequential(*blocks), shape
