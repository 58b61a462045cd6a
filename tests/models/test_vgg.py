"""VGG against torchvision's, and where that has none against torch's functions."""

import pytest
import torch
import torch.nn.functional as F
from nets import counts, on_meta
from torch import nn
from torchvision.models import vgg as torchvision_vgg

from lenet_book import models
from lenet_book.models.vgg import CONFIGURATIONS, VGG, layers_of

# Table 1 of the paper, block by block: maps of each convolution; those of C with a 1 x 1 are negative.
TABLE = {
    "vgg11": [[64], [128], [256, 256], [512, 512], [512, 512]],
    "vgg13": [[64, 64], [128, 128], [256, 256], [512, 512], [512, 512]],
    "vgg16-c": [[64, 64], [128, 128], [256, 256, -256], [512, 512, -512], [512, 512, -512]],
    "vgg16": [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3],
    "vgg19": [[64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4],
}
TOTALS = {"vgg11": 132_863_336, "vgg13": 133_047_848, "vgg16-c": 133_638_952, "vgg16": 138_357_544,
          "vgg19": 143_667_240}
DENSE = {"fc6": 25_089 * 4096, "fc7": 4097 * 4096, "fc8": 4097 * 1000}


@pytest.mark.parametrize("name", TABLE)
def test_parameters_of_every_layer(name):
    expected, inputs = {}, 3
    for block, convolutions in enumerate(TABLE[name], start=1):
        for number, maps in enumerate(convolutions, start=1):
            kernel = 1 if maps < 0 else 9
            expected[f"conv{block}_{number}"] = (kernel * inputs + 1) * abs(maps)
            inputs = abs(maps)
    assert counts(on_meta(name)) == expected | DENSE
    assert sum((expected | DENSE).values()) == TOTALS[name]


@pytest.mark.parametrize(("name", "expected"), [
    ("vgg-small", {"conv1_1": 80, "conv1_2": 584, "conv2_1": 1168, "conv2_2": 2320, "conv3_1": 4640,
                   "conv3_2": 9248, "fc4": 801 * 64, "fc5": 65 * 64, "fc6": 650}),
    ("vgg-small-5x5", {"conv1_1": 208, "conv2_1": 3216, "conv3_1": 12_832,
                       "fc4": 801 * 64, "fc5": 65 * 64, "fc6": 650}),
    ("vgg-small-average", {"conv1_1": 80, "conv1_2": 584, "conv2_1": 1168, "conv2_2": 2320,
                           "conv3_1": 4640, "conv3_2": 9248, "conv4_1": 18_496, "fc4": 650})])
def test_parameters_of_the_small_relatives(name, expected):
    net = models.build(name)
    assert counts(net) == expected
    assert not [layer for layer in net.modules() if isinstance(layer, nn.Dropout)]


@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg16", "vgg19"])
def test_the_same_layers_as_torchvisions(name):
    with torch.device("meta"):
        theirs = getattr(torchvision_vgg, name)()
    kinds = (nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d, nn.Dropout)

    def rows(net):
        return [repr(layer).replace("inplace=True", "") for layer in net.modules()
                if isinstance(layer, kinds)]
    assert rows(on_meta(name)) == rows(theirs)


@pytest.mark.parametrize(("configuration", "hidden"), [
    (CONFIGURATIONS["vgg16-c"].replace("512", "64").replace("256", "32"), (20, 12)),
    ("8/5 M 16/7 M", (9,)), ("8 8 M 16 M 24", ())])
def test_forward_against_functions(configuration, hidden):
    torch.manual_seed(0)
    net = VGG(configuration, input_size=32, hidden=hidden, classes=7, initial_weights="he")
    net.double().eval()
    weights = [p for p in net.parameters() if p.dim() > 1]
    biases = [p for p in net.parameters() if p.dim() == 1]
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    a, layer = x, 0
    for word in configuration.split():
        if word == "M":
            a = a.unfold(2, 2, 2).unfold(3, 2, 2).amax((-2, -1))
        else:
            weight = weights[layer]
            a = F.conv2d(a, weight, biases[layer], padding="same").clamp(min=0)
            layer += 1
    a = a.flatten(1) if hidden else a.mean((2, 3))
    while layer < len(weights):
        a = a @ weights[layer].T + biases[layer]
        layer += 1
        a = a.clamp(min=0) if layer < len(weights) else a
    torch.testing.assert_close(net(x), a)


def test_initial_weights_of_the_paper():
    """Variance 0.01."""
    torch.manual_seed(0)
    net = VGG(CONFIGURATIONS["vgg11"], input_size=32, hidden=(64, 64), classes=50)
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            assert layer.weight.var().item() == pytest.approx(0.01, rel=0.08)
            assert not layer.bias.any()


@pytest.mark.parametrize(("word", "message"), [
    ("64 P", "not 'P'"), ("0 M", "not '0'"), ("64/2", "not '64/2'"), ("64/", "not '64/'"),
    ("-64", "not '-64'")])
def test_words_that_are_none_are_refused(word, message):
    with pytest.raises(ValueError, match=message):
        list(layers_of(word, 3))


def test_a_picture_that_is_pooled_away_is_refused():
    with pytest.raises(ValueError, match="6 poolings leave nothing of 32 x 32 pixels"):
        VGG("8 M M M M M M", input_size=32)
