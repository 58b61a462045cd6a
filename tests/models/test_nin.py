"""NiN against torch's functions, its counts against sums by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_book import models

# Of each convolution its kernel and its maps, of each net the channels and the padding of each block.
IMAGENET = [[(11, 96), (1, 96), (1, 96)], [(5, 256), (1, 256), (1, 256)],
            [(3, 384), (1, 384), (1, 384)], [(3, 1024), (1, 1024), (1, 1000)]]
CIFAR10 = [[(5, 192), (1, 160), (1, 96)], [(5, 192), (1, 192), (1, 192)], [(3, 192), (1, 192), (1, 10)]]
MNIST = [[(5, 96), (1, 64), (1, 48)], [(5, 128), (1, 96), (1, 48)], [(5, 128), (1, 96), (1, 10)]]
SMALL = [[(5, 24), (1, 24), (1, 24)], [(5, 32), (1, 32), (1, 32)], [(3, 64), (1, 64), (1, 10)]]
NETS = {  # blocks, channels, stride of the first, padding of each, a ReLU on the class maps
    "nin": (IMAGENET, 3, 4, (0, 2, 1, 1), True), "nin-cifar10": (CIFAR10, 3, 1, (2, 2, 1), True),
    "nin-mnist": (MNIST, 1, 1, (2, 2, 2), True), "nin-small": (SMALL, 1, 2, (2, 2, 1), False)}


@pytest.mark.parametrize("name", NETS)
def test_parameters_of_every_convolution(name):
    blocks, inputs, *_ = NETS[name]
    expected = []
    for kernel, maps in sum(blocks, []):
        expected.append((inputs * kernel**2 + 1) * maps)
        inputs = maps
    net = models.build(name, initial_weights="torch")
    counts = [sum(p.numel() for p in layer.parameters()) for layer in net.modules()
              if isinstance(layer, nn.Conv2d)]
    assert counts == expected
    assert sum(counts) == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("name", NETS)
def test_forward_against_functions(name):
    blocks, channels, stride, padding, class_relu = NETS[name]
    torch.manual_seed(0)
    net = models.build(name, initial_weights="he").eval()
    x = torch.randn(1, channels, net.input_size, net.input_size)
    p = list(net.parameters())
    layers = iter(zip(p[::2], p[1::2], strict=True))
    with torch.inference_mode():
        ours, a = net(x), x
        for number, block in enumerate(blocks):
            if number:
                a = F.pad(a, (0, 1, 0, 1), value=-torch.inf)  # sizes rounded up: a window may stick out
                a = F.max_pool2d(a, 3, 2)
            for i, _ in enumerate(block):
                weight, bias = next(layers)
                a = F.conv2d(a, weight, bias, *((stride if number == 0 else 1, padding[number])
                                                if i == 0 else ()))
                if class_relu or (number, i) != (len(blocks) - 1, 2):
                    a = F.relu(a)
        a = a.mean((2, 3))
    torch.testing.assert_close(ours, a, rtol=1e-5, atol=1e-5 * a.abs().max().item())


def test_initial_weights_as_released():
    torch.manual_seed(0)
    for name, exceptions in (("nin", {"mlpconv1.conv", "mlpconv3.conv", "mlpconv4.mix2"}),
                             ("nin-cifar10", set()), ("nin-mnist", set())):
        for key, layer in models.build(name).named_modules():
            if isinstance(layer, nn.Conv2d):
                std = 0.01 if key in exceptions else 0.05
                assert layer.weight.std().item() == pytest.approx(std, rel=0.1), (name, key)
                assert not layer.bias.any()


def test_dropout():
    def rates(name):
        return {key: layer.p for key, layer in models.build(name).named_children()
                if isinstance(layer, nn.Dropout)}
    assert rates("nin") == {"dropout": 0.5}
    assert rates("nin-cifar10") == {"pool1_dropout": 0.5, "pool2_dropout": 0.5}
    assert rates("nin-small") == {}
