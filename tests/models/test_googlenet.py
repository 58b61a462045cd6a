"""GoogLeNet against torch's functions, its counts against sums by hand, and its auxiliary heads."""

import pytest
import torch
import torch.nn.functional as F
from nets import counts, normalised, on_meta
from torch import nn

from lenet_book import models
from lenet_book.models.googlenet import Inception

# Table 1 of the paper: inputs; 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection; size.
TABLE = {"3a": (192, 64, 96, 128, 16, 32, 32, 28), "3b": (256, 128, 128, 192, 32, 96, 64, 28),
         "4a": (480, 192, 96, 208, 16, 48, 64, 14), "4b": (512, 160, 112, 224, 24, 64, 64, 14),
         "4c": (512, 128, 128, 256, 24, 64, 64, 14), "4d": (512, 112, 144, 288, 32, 64, 64, 14),
         "4e": (528, 256, 160, 320, 32, 128, 128, 14), "5a": (832, 256, 160, 320, 32, 128, 128, 7),
         "5b": (832, 384, 192, 384, 48, 128, 128, 7)}


def module(inputs, ones, reduce3, threes, reduce5, fives, projection):
    """Parameters of an Inception module, added up."""
    return ((inputs + 1) * (ones + reduce3 + reduce5 + projection)
            + (9 * reduce3 + 1) * threes + (25 * reduce5 + 1) * fives)


STEM = {"conv1": 9472, "conv2_reduce": 4160, "conv2": 110_784}
MODULES = {f"inception{key}": module(*numbers[:7]) for key, numbers in TABLE.items()}


@pytest.fixture(scope="module")
def googlenet():
    torch.manual_seed(0)
    return models.build("googlenet").eval()


def test_parameters_of_every_module(googlenet):
    assert counts(googlenet) == STEM | MODULES | {"fc": 1_025_000}
    assert sum(counts(googlenet).values()) == 6_998_552
    weights = sum(p.numel() for name, p in googlenet.named_parameters()
                  if name.startswith("inception") and p.dim() == 4)
    assert weights == 5_842_176


def test_parameters_of_the_heads():
    assert counts(on_meta("googlenet-with-heads")) == {
        "net": 6_998_552, "head4a": 513 * 128 + 2049 * 1024 + 1_025_000,
        "head4d": 529 * 128 + 2049 * 1024 + 1_025_000}


def test_without_reductions_maps_add_up():
    """The naïve modules: 92.5 million weights and 12.1 billion multiply-adds."""
    net = on_meta("googlenet", reductions=False)
    inputs, weights, macs = 192, 0, 0
    for key, (_, ones, _, threes, _, fives, _, size) in TABLE.items():
        own = inputs * (ones + 9 * threes + 25 * fives)
        assert counts(net)[f"inception{key}"] == own + ones + threes + fives
        weights, macs, inputs = weights + own, macs + own * size**2, inputs + ones + threes + fives
    assert (weights, macs, inputs) == (92_451_840, 12_085_441_536, 4944)
    assert net.fc.in_features == 4944


def by_functions(p, name, x):
    """An Inception module with these parameters."""
    def conv(a, path):
        weight = p[f"{name}{path}.weight"]
        return F.relu(F.conv2d(a, weight, p[f"{name}{path}.bias"], padding=weight.shape[-1] // 2))
    pooled = F.max_pool2d(x, 3, 1, 1)
    if f"{name}pool.projection.weight" not in p:
        paths = [conv(x, "path1.conv"), conv(x, "path3.conv"), conv(x, "path5.conv"), pooled]
        return torch.cat(paths, 1)
    return torch.cat([conv(x, "path1.conv"), conv(conv(x, "path3.reduce"), "path3.conv"),
                      conv(conv(x, "path5.reduce"), "path5.conv"), conv(pooled, "pool.projection")], 1)


@pytest.mark.parametrize("reductions", [True, False])
def test_inception_against_functions(reductions):
    torch.manual_seed(0)
    net = Inception(5, 6, 3, 7, 2, 4, 8, reductions=reductions)
    x = torch.randn(2, 5, 9, 8)
    expected = by_functions(dict(net.named_parameters()), "", x)
    assert expected.shape[1] == net.maps == (25 if reductions else 22)
    torch.testing.assert_close(net(x), expected, rtol=1e-5, atol=1e-6)


def pooled(x):
    """3 x 3 with stride 2, sizes rounded up."""
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, 2)


def test_forward_against_functions(googlenet):
    x = 60 * torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    p = dict(googlenet.named_parameters())

    def conv(a, name, **options):
        return F.relu(F.conv2d(a, p[f"{name}.weight"], p[f"{name}.bias"], **options))

    with torch.inference_mode():
        ours = googlenet(x)
        a = normalised(pooled(conv(x, "conv1", stride=2, padding=3)), k=1)
        a = pooled(normalised(conv(conv(a, "conv2_reduce"), "conv2", padding=1), k=1))
        for key in TABLE:
            a = pooled(a) if key in ("4a", "5a") else a
            a = by_functions(p, f"inception{key}.", a)
        a = a.mean((2, 3)) @ p["fc.weight"].T + p["fc.bias"]
    torch.testing.assert_close(ours, a, rtol=1e-5, atol=1e-5 * a.abs().max().item())


def test_initial_weights_as_in_caffe(googlenet):
    """Uniform: the standard deviation is fan_in^-1/2, the largest sqrt(3) of that."""
    for name, layer in googlenet.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            deviation = layer.weight[0].numel() ** -0.5
            assert layer.weight.std().item() == pytest.approx(deviation, rel=0.05), name
            assert layer.weight.abs().max().item() <= 1.7321 * deviation
            assert (layer.bias == (0 if name == "fc" else 0.2)).all(), name


def test_heads_run_in_training_alone():
    torch.manual_seed(0)
    net = models.build("googlenet-with-heads", initial_weights="torch")
    labels = torch.tensor([3])
    x = torch.randn(1, 3, 224, 224)
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    with torch.no_grad():
        outputs = net(x)
        assert outputs._fields == ("logits", "heads") and len(outputs.heads) == 2
        parts = outputs.logits, *outputs.heads
        assert [tuple(part.shape) for part in parts] == [(1, 1000)] * 3
        a = net.net[:[name for name, _ in net.net.named_children()].index("inception4a") + 1](x)
        a = F.avg_pool2d(a, 5, 3)
        assert a.shape == (1, 512, 4, 4)
        head = net.head4a
        a = F.relu(F.conv2d(a, head.conv.weight, head.conv.bias)).flatten(1)
        a = F.relu(F.linear(a, head.fc1.weight, head.fc1.bias))
        a = F.linear(a, head.fc2.weight, head.fc2.bias)
        torch.testing.assert_close(outputs.heads[0], a, rtol=1e-5, atol=1e-5)
        assert not torch.equal(outputs.heads[1], a)
        losses = [F.cross_entropy(part, labels) for part in parts]
        torch.testing.assert_close(net.loss(outputs, labels),
                                   losses[0] + 0.3 * losses[1] + 0.3 * losses[2])
        assert net.predict(outputs).tolist() == outputs.logits.argmax(1).tolist()
        net.eval()
        logits = net(x)
    assert isinstance(logits, torch.Tensor)
    torch.testing.assert_close(logits, outputs.logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(net.loss(logits, labels), losses[0], rtol=1e-5, atol=1e-5)
    assert net.predict(logits).tolist() == net.predict(outputs).tolist()


def test_heads_begin_as_the_rest():
    net = models.build("googlenet-with-heads")
    for head in (net.head4a, net.head4d):
        assert head.fc1.weight.std().item() == pytest.approx(2048**-0.5, rel=0.02)
        assert (head.fc1.bias == 0.2).all() and not head.fc2.bias.any()


def test_small_relative():
    net = models.build("googlenet-small")
    modules = {"inception3a": module(48, 16, 24, 32, 4, 8, 8),
               "inception4a": module(64, 32, 32, 48, 8, 24, 16),
               "inception4b": module(120, 32, 32, 48, 8, 24, 16)}
    assert counts(net) == {"conv1": 416, "conv2_reduce": 272, "conv2": 6960, **modules, "fc": 1210}
    wide = models.build("googlenet-small", reductions=False)
    assert wide.inception4b.maps == 48 + 56 + 2 * 104
