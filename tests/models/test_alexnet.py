"""AlexNet against torch's functions, its counts against sums by hand."""

import pytest
import torch
import torch.nn.functional as F
from nets import counts, normalised, on_meta
from torch import nn

from lenet_book import models

# Inputs of a unit and units, so that a layer has (inputs + 1) x units parameters.
ONE_TOWER = {"conv1": (11 * 11 * 3, 96), "conv2": (5 * 5 * 96, 256), "conv3": (3 * 3 * 256, 384),
             "conv4": (3 * 3 * 384, 384), "conv5": (3 * 3 * 384, 256), "fc6": (6 * 6 * 256, 4096),
             "fc7": (4096, 4096), "fc8": (4096, 1000)}
TWO_TOWERS = ONE_TOWER | {"conv2": (5 * 5 * 48, 256), "conv4": (3 * 3 * 192, 384),
                          "conv5": (3 * 3 * 192, 256)}
SMALL = {"conv1": (5 * 5, 16), "conv2": (5 * 5 * 16, 32), "conv3": (3 * 3 * 32, 48),
         "conv4": (3 * 3 * 48, 48), "conv5": (3 * 3 * 48, 32), "fc6": (3 * 3 * 32, 128),
         "fc7": (128, 128), "fc8": (128, 10)}
BIASED = {"conv2", "conv4", "conv5", "fc6", "fc7"}


@pytest.fixture(scope="module")
def alexnet():
    torch.manual_seed(0)
    return models.build("alexnet").eval()


@pytest.mark.parametrize(("name", "layers", "total"), [
    ("alexnet", ONE_TOWER, 34_944 + 614_656 + 885_120 + 1_327_488 + 884_992 + 37_752_832 + 16_781_312
     + 4_097_000),
    ("alexnet-two-towers", TWO_TOWERS, 34_944 + 307_456 + 885_120 + 663_936 + 442_624 + 37_752_832
     + 16_781_312 + 4_097_000),
    ("alexnet-small", SMALL, 416 + 12_832 + 13_872 + 20_784 + 13_856 + 36_992 + 16_512 + 1_290)])
def test_parameters_of_every_layer(name, layers, total):
    found = counts(on_meta(name))
    assert found == {child: (inputs + 1) * units for child, (inputs, units) in layers.items()}
    assert sum(found.values()) == total


def test_forward_against_functions(alexnet):
    """The paper's order: ReLU, response normalisation, pooling. Pixels of the size of real ones."""
    x = 60 * torch.randn(1, 3, 227, 227, generator=torch.Generator().manual_seed(1))
    p = dict(alexnet.named_parameters())

    def conv(a, name, **options):
        return F.relu(F.conv2d(a, p[f"{name}.weight"], p[f"{name}.bias"], **options))

    def dense(a, name):
        return a @ p[f"{name}.weight"].T + p[f"{name}.bias"]

    with torch.inference_mode():
        ours = alexnet(x)
        a = F.max_pool2d(normalised(conv(x, "conv1", stride=4), k=2), 3, 2)
        a = F.max_pool2d(normalised(conv(a, "conv2", padding=2), k=2), 3, 2)
        a = conv(conv(conv(a, "conv3", padding=1), "conv4", padding=1), "conv5", padding=1)
        a = F.max_pool2d(a, 3, 2).flatten(1)
        a = dense(F.relu(dense(F.relu(dense(a, "fc6")), "fc7")), "fc8")
    torch.testing.assert_close(ours, a, rtol=1e-5, atol=1e-5 * a.abs().max().item())


def test_initial_weights_of_the_paper(alexnet):
    for name in ONE_TOWER:
        layer = getattr(alexnet, name)
        assert layer.weight.mean().abs() < 3e-4
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.02)
        assert (layer.bias == (1 if name in BIASED else 0)).all()


def test_dropout_acts_on_what_fc6_and_fc7_give_out(alexnet):
    names = [name for name, _ in alexnet.named_children()]
    assert names[-8:] == ["flatten", "fc6", "fc6_relu", "fc6_dropout", "fc7", "fc7_relu", "fc7_dropout",
                          "fc8"]
    assert [layer.p for layer in alexnet.modules() if isinstance(layer, nn.Dropout)] == [0.5, 0.5]


def test_two_towers_are_two_nets_that_meet_in_conv3():
    """The convolutions of the grouped net against two towers with its weights, cut in halves."""
    net = on_meta("alexnet-two-towers")
    front = net[:[name for name, _ in net.named_children()].index("flatten")].to_empty(device="cpu")
    torch.manual_seed(0)
    for parameter in front.parameters():
        nn.init.normal_(parameter, std=0.03)
    p = {name: parameter.chunk(2) for name, parameter in front.named_parameters()}  # of towers 0 and 1

    def tower(t, a, name, **options):
        return F.relu(F.conv2d(a, p[f"{name}.weight"][t], p[f"{name}.bias"][t], **options))

    def pooled(towers):
        """Normalised across the border between them."""
        return F.max_pool2d(normalised(torch.cat(towers, 1), k=2), 3, 2).chunk(2, 1)

    x = 10 * torch.randn(2, 3, 67, 67)
    with torch.inference_mode():
        towers = pooled([tower(t, x, "conv1", stride=4) for t in (0, 1)])
        towers = pooled([tower(t, towers[t], "conv2", padding=2) for t in (0, 1)])
        both = torch.cat(towers, 1)
        towers = [tower(t, both, "conv3", padding=1) for t in (0, 1)]
        for name in ("conv4", "conv5"):
            towers = [tower(t, towers[t], name, padding=1) for t in (0, 1)]
        expected = F.max_pool2d(torch.cat(towers, 1), 3, 2)
        torch.testing.assert_close(front(x), expected, rtol=1e-5, atol=1e-5)


def test_initial_weights_of_the_small_relative():
    net = models.build("alexnet-small", initial_weights="paper")
    assert net.conv4.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert (net.conv4.bias == 1).all() and not net.conv3.bias.any()
