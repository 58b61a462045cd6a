"""Receptive fields that others have published: size, jump and padding."""

import pytest
import torch
from stacks import ALEXNET, CONV, POOL, VGG16, thin
from torch import nn

from lenet_book.receptive_field import trace

VGG_A = [CONV, POOL, CONV, POOL, *[CONV] * 2, POOL, *[CONV] * 2, POOL, *[CONV] * 2, POOL]


@pytest.mark.parametrize(("windows", "numbers"), [
    ([*ALEXNET, (3, 2)], (195, 32, 64)), (VGG_A, (150, 32, 59)), ([*VGG16, POOL], (212, 32, 90)),
], ids=["alexnet_v2", "vgg_a", "vgg_16"])
def test_stacks(windows, numbers):
    """Source: Araujo, Norris & Sim 2019, the table at the end."""
    field = trace(thin(windows), (1, 227, 227))[-1].field
    assert (field.size, field.jump, -field.first) == numbers


def test_inception_v3_and_resnet50():
    """The end-points of Araujo's table, and torchvision's ResNet-50, with its strides elsewhere."""
    from torchvision.models import inception_v3, resnet50
    with torch.device("meta"):  # no weights: 25 million numbers that do not matter
        inception = trace(inception_v3(weights=None, init_weights=False), (3, 299, 299))
        resnet = trace(resnet50(), (3, 224, 224))
    names = ["maxpool1", "maxpool2", *(f"Mixed_{stage}" for stage in (
        "5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"))]
    assert [inception[name].field.size for name in names] == [
        15, 31, 63, 95, 127, 159, 351, 543, 735, 927, 1055, 1183, 1311]
    fields = [resnet[name].field for name in ("layer3.5", "layer4.2")]
    assert [(field.size, field.jump, -field.first) for field in fields] == [
        (267, 16, 133), (427, 32, 213)]


def test_the_left_path_of_v_net():
    """Source: Milletari, Navab & Ahmadi 2016, Table 1; along one axis of its volumes."""
    sizes, layers = [], []
    for stage, convolutions in enumerate((1, 2, 3, 3, 3)):
        layers += [nn.Conv2d(1, 1, 2, stride=2)] * (stage > 0)
        layers += [nn.Conv2d(1, 1, 5, padding=2)] * convolutions
        sizes.append(trace(nn.Sequential(*layers), (1, 128, 128))[-1].field.size)
    assert sizes == [5, 22, 72, 172, 372]
