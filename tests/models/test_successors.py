"""What the nets after LeNet-5 have in common: their totals, what they take, how their weights begin."""

import math

import pytest
import torch
from nets import on_meta
from torch import nn

from lenet_book import mnist, models, training
from lenet_book.ledger import ledger
from lenet_book.training.recipes import Recipe

# Parameters and multiply-adds of one picture; the parameters are added up by hand in each net's tests.
NETS = {
    "alexnet": (62_378_344, 1_135_256_096), "alexnet-two-towers": (60_965_224, 724_406_816),
    "alexnet-small": (116_554, 2_704_128), "alexnet-published": (62_378_344, 1_135_256_096),
    "vgg11": (132_863_336, 7_609_090_048), "vgg13": (133_047_848, 11_308_466_176),
    "vgg16-c": (133_638_952, 11_770_888_192), "vgg16": (138_357_544, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464), "vgg-small": (74_114, 3_857_536),
    "vgg-small-5x5": (72_330, 2_935_936), "vgg-small-average": (37_186, 4_263_040),
    "vgg-small-16": (239_394, 4_948_608),
    "nin": (7_595_176, 1_100_188_800), "nin-cifar10": (966_986, 222_486_528),
    "nin-mnist": (349_674, 50_699_712), "nin-small": (46_474, 3_404_800),
    "nin-small-plain": (47_404, 3_401_500),
    "googlenet": (6_998_552, 1_582_671_872), "googlenet-with-heads": (13_378_280, 1_582_671_872),
    "googlenet-small": (72_918, 3_234_800), "googlenet-small-with-head": (83_904, 3_234_800),
}
SMALL = [name for name in NETS if "small" in name]
GREY = [*SMALL, "nin-mnist"]


@pytest.mark.parametrize("name", NETS)
def test_totals_on_a_device_without_memory(name):
    net = on_meta(name)
    shape = (1 if name in GREY else 3, net.input_size, net.input_size)
    assert (sum(p.numel() for p in net.parameters()), ledger(net, shape).macs) == NETS[name]
    assert all(p.is_meta for p in net.parameters())
    assert net.scaling == ("standard" if name in GREY else "pixels")


def test_these_are_all_the_nets_after_lenet():
    assert {name for name in models.MODELS if not name.startswith("lenet")} == {*NETS}


@pytest.mark.parametrize("name", SMALL)
def test_those_for_digits_are_trained_on_digits(name):
    """On 32 digits for a few steps: the loss falls, gradients reach every parameter."""
    digits, _ = mnist.load_mnist()
    torch.manual_seed(0)
    net = models.build(name, initial_weights="he")
    before = [p.clone() for p in net.parameters()]
    history = training.fit(net, digits[:32], Recipe(epochs=3, batch_size=16, learning_rate=1e-3),
                           device="cpu", progress=False)
    assert history.epochs[-1].train_loss < history.epochs[0].train_loss
    assert all((now != then).any() for now, then in zip(net.parameters(), before, strict=True))
    assert net.predict(net(digits[:5].inputs(net.input_size, net.scaling))).shape == (5,)


def test_digits_are_refused_by_a_net_for_photographs():
    digits, _ = mnist.load_mnist()
    net = models.build("nin-cifar10")
    with pytest.raises(ValueError, match="not 'pixels'"):
        digits[:5].inputs(net.input_size, net.scaling)


@pytest.mark.parametrize(("name", "shape", "message"), [
    ("alexnet", (1, 3, 224, 224), "AlexNet takes N x 3 x 227 x 227, not 1 x 3 x 224 x 224"),
    ("alexnet-small", (2, 1, 32, 32), "AlexNetSmall takes N x 1 x 40 x 40, not 2 x 1 x 32 x 32"),
    ("alexnet-published", (1, 1, 227, 227), "AlexNetPublished takes N x 3 x H x W, such as 227 x 227,"),
    ("vgg11", (1, 3, 227, 227), "VGG takes N x 3 x 224 x 224, not 1 x 3 x 227 x 227"),
    ("vgg11", (3, 224, 224), "not 3 x 224 x 224"),
    ("vgg-small-average", (1, 3, 40, 40), "VGG takes N x 1 x H x W, such as 40 x 40, not 1 x 3 x"),
    ("nin", (1, 1, 224, 224), "NiN takes N x 3 x H x W, such as 224 x 224, not 1 x 1 x 224 x 224"),
    ("googlenet", (1, 1, 224, 224), "GoogLeNet takes N x 3 x H x W, such as 224 x 224, not 1 x 1"),
    ("googlenet-with-heads", (1, 3, 256, 256), "GoogLeNet takes N x 3 x 224 x 224, not 1 x 3 x 256")])
def test_inputs_of_another_shape_are_refused(name, shape, message):
    with pytest.raises(ValueError, match=message):
        on_meta(name)(torch.empty(shape, device="meta"))


@pytest.mark.parametrize("unknown", ["glorot", None, ["he"], 0.0, -0.01, math.inf])
def test_unknown_initial_weights_are_refused(unknown):
    with pytest.raises((ValueError, TypeError), match="^initial_weights"):
        models.build("nin-small", initial_weights=unknown)


RULES = {  # the standard deviation, from the inputs that a unit reads and the outputs that read one
    "he": lambda inputs, outputs: (2 / inputs) ** 0.5,
    "xavier": lambda inputs, outputs: (2 / (inputs + outputs)) ** 0.5,
    "torch": lambda inputs, outputs: (3 * inputs) ** -0.5,  # uniform
    0.02: lambda inputs, outputs: 0.02}


@pytest.mark.parametrize("initial", RULES)
@pytest.mark.parametrize("name", [*SMALL, "nin-cifar10"])
def test_initial_weights(name, initial):
    torch.manual_seed(0)
    net = models.build(name, initial_weights=initial)
    layers = [layer for layer in net.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    ratios = torch.cat([layer.weight.detach().flatten() / RULES[initial](
        layer.weight[0].numel(), layer.weight[:, 0].numel()) for layer in layers])
    assert ratios.std().item() == pytest.approx(1, abs=0.02)
    assert abs(ratios).max() <= 1.7321 if initial == "torch" else abs(ratios).max() > 3
    assert any(layer.bias.any() for layer in layers) == (initial == "torch")
