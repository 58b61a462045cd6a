"""Activations: against what PyTorch keeps for the backward pass, and by hand."""

import pytest
import torch
import torch.nn.functional as F
from forward import Forward
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from lenet_book import layers, models
from lenet_book.ledger import ledger


def kept_for_the_backward_pass(net, shape):
    """How many numbers of one example, each once; not the weights, nor the places of maxima."""
    net.eval()
    storages = {}

    def keep(tensor):
        if tensor.is_floating_point():
            storages[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    x = torch.randn(2, *shape)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        result = net(x)
    for weight in (x, *net.parameters()):
        storages.pop(weight.untyped_storage().data_ptr(), None)
    storages[result.untyped_storage().data_ptr()] = result  # the loss keeps it
    return sum(tensor.untyped_storage().nbytes() for tensor in storages.values()) / 4 / 2


COPY = 40 * 40  # of the input, laid out otherwise: see Successor.taken


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("name", ["alexnet-small", "vgg-small", "vgg-small-average", "nin-small"])
def test_what_pytorch_keeps(name, in_place):
    net = models.build(name)
    for layer in net.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = in_place
    # NiN's class maps have no ReLU here, and their mean does without them.
    class_maps = 10 * 5 * 5 if name == "nin-small" else 0
    kept = kept_for_the_backward_pass(net, (1, 40, 40))
    assert ledger(net, (1, 40, 40)).activations == kept - COPY + class_maps


def test_concatenation_keeps_copies_besides():
    net = models.build("googlenet-small")
    table, kept = ledger(net, (1, 40, 40)), kept_for_the_backward_pass(net, (1, 40, 40))
    joined = 64 * 10 * 10 + 120 * 5 * 5  # but not the last, which is averaged
    assert kept == COPY + table.activations + joined


def test_vgg16_by_hand():
    with torch.device("meta"):
        table = ledger(models.build("vgg16"), (3, 224, 224))
    blocks = [(2, 64, 224), (2, 128, 112), (3, 256, 56), (3, 512, 28), (3, 512, 14)]
    expected = [maps * size**2 // (4 if pooled else 1) for times, maps, size in blocks
                for pooled in [False] * times + [True]]
    assert [row.activations for row in table] == [*expected, 4096, 4096, 1000]
    assert table.activations == 15_087_080
    assert table.mib == pytest.approx(sum(expected + [9192]) * 4 / 1024**2)
    assert table["conv1_1"].mib == 64 * 224 * 224 * 4 / 2**20 == 12.25


WEIGHT = nn.Parameter(torch.ones(8))


@pytest.mark.parametrize(("layer", "shape", "activations"), [
    (nn.Conv2d(1, 2, 3), (1, 8, 8), 72), (nn.MaxPool2d(2), (1, 8, 8), 16),
    (nn.LocalResponseNorm(3), (4, 8, 8), 256), (nn.BatchNorm2d(4), (4, 8, 8), 256),
    (nn.AdaptiveAvgPool2d(1), (4, 8, 8), 4), (nn.Linear(8, 3), (4, 8), 12), (nn.ReLU(), (8,), 0),
    (nn.PReLU(), (8,), 0),  # belongs to the layer before it
    (layers.Subsampling(4), (4, 8, 8), 64), (layers.RBFOutput(), (84,), 10),
    (layers.SparseConv2d([[0, 1], [1]], 3), (2, 8, 8), 72),
    (nn.LSTM(4, 5), (7, 4), 35), (nn.GRU(4, 5, 2, bidirectional=True), (7, 4), 70),
    (nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, 3)), (1, 8, 8), 72),
    # Pooled twice: what forward gives out is the second alone.
    (Forward(lambda x: F.max_pool2d(F.max_pool2d(x, 2), 2)), (1, 8, 8), 16 + 4),
    (Forward(lambda x, w: x * w, WEIGHT), (4, 8, 8), 256),
    (Forward(lambda x, w: x.clone().mul_(w).add_(w), WEIGHT), (4, 8, 8), 0)])  # into what is there
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_kinds_by_hand(layer, shape, activations, device):
    assert ledger(nn.Sequential(layer).to(device), shape).activations == activations


def test_how_it_is_shown():
    table = ledger(models.build("lenet5-1998"), (1, 32, 32))
    assert repr(table.memory()).splitlines() == [
        "layer   output        activations   MiB          parameters",
        "-----------------------------------------------------------",
        "c1      6 x 28 x 28         4,704  0.02                 156",
        "s2      6 x 14 x 14         1,176  0.00                  12",
        "c3      16 x 10 x 10        1,600  0.01               1,516",
        "s4      16 x 5 x 5            400  0.00                  32",
        "c5      120 x 1 x 1           120  0.00              48,120",
        "f6      84                     84  0.00              10,164",
        "output  10                     10  0.00       0 + 840 fixed",
        "-----------------------------------------------------------",
        "total                       8,094  0.03  60,000 + 840 fixed"]
    html = table.memory()._repr_html_()
    assert html.count("<th") == 5 + 1  # and thead
    assert table.memory() == table and type(table.memory().folded()) is type(table.memory())
