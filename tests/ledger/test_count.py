"""The ledger against the paper, against PyTorch's and torchvision's counts, and with odd networks."""

import copy

import pytest
import torch
import torch.nn.functional as F
import torchvision
from forward import Forward
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

from lenet_book import models, paper
from lenet_book.ledger import ledger


def test_1998_is_the_papers_table():
    table = ledger(models.build("lenet5-1998"), (1, 32, 32))
    assert [(row.name.lower(), row.parameters, row.fixed, row.connections) for row in table] == [
        (layer.name.lower(), layer.trainable, layer.fixed, layer.connections)
        for layer in paper.LAYERS]
    assert [row.output_shape for row in table] == [
        (layer.maps, layer.size, layer.size)[:3 if layer.name[0] in "CS" else 1]
        for layer in paper.LAYERS]
    assert (table.parameters, table.fixed) == (60_000, 840)
    assert (table.connections, table.macs) == (340_908, 328_096)
    assert table.not_counted == ()


def test_modern_by_hand_by_torch_and_by_torchinfo():
    model = models.build("lenet5")
    table = ledger(model, (1, 32, 32))
    assert [row.macs for row in table] == [
        25 * 4704, 0, 150 * 1600, 0, 400 * 120, 120 * 84, 84 * 10]
    assert [row.connections for row in table] == [
        26 * 4704, 4 * 1176, 151 * 1600, 4 * 400, 401 * 120, 121 * 84, 85 * 10]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 1, 32, 32))
    assert table.macs * 2 == counter.get_total_flops()  # a multiplication and an addition, no bias
    info = summary(model, (1, 1, 32, 32), device="cpu", verbose=0)
    assert info.total_params == table.parameters == 61_706
    assert info.total_mult_adds == sum(row.connections for row in table if row.parameters)


def test_a_learners_own_net():
    net = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
                        nn.MaxPool2d((2, 3)), nn.Dropout(), nn.Flatten(), nn.Linear(4 * 3 * 2, 5))
    table = ledger(net, (1, 8, 8))
    assert [(row.kind, row.parameters, row.connections, row.macs) for row in table] == [
        ("Conv2d", 36, 9 * 144, 9 * 144), ("BatchNorm2d", 8, 2 * 144, 144),
        ("MaxPool2d", 0, 6 * 24, 0), ("Linear", 125, 125, 120)]
    assert [row.name for row in table] == ["0", "1", "3", "6"]


def test_every_parameter_is_in_some_row():
    """Held by a container, in a layer that is never called or used by another: none is lost."""
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.offset = nn.Parameter(torch.zeros(7))
            self.used, self.unused, self.lent = nn.Linear(4, 4), nn.Linear(4, 9), nn.Linear(2, 3)
            self.memory = nn.GRU(4, 2)

        def forward(self, x):
            x = self.memory(self.used(x) + self.offset[:4])[0]
            return F.linear(x, self.lent.weight, self.lent.bias)

    net = Odd()
    table = ledger(net, (5, 4))
    assert table.parameters == sum(p.numel() for p in net.parameters())
    assert [(row.name, row.output_shape, row.connections) for row in table] == [
        ("used", (5, 4), 5 * 20), ("memory", (5, 2), 5 * 48), ("Odd", (5, 3), 5 * 4 + 5 * 9),
        ("unused", None, 0), ("lent", (), 0)]
    assert table["Odd"].parameters == 7
    assert table.not_counted == ()  # nothing that ran is left out
    assert repr(table).count("did not run") == 1


@pytest.mark.filterwarnings("ignore")  # torch warns where there is no accelerator
def test_wrappers_change_nothing():
    net = models.build("lenet5")
    expected = ledger(net, (1, 32, 32))
    with torch.inference_mode():
        assert ledger(net, (1, 32, 32)) == expected
    assert ledger(nn.DataParallel(net), (1, 32, 32)) == expected
    assert ledger(copy.deepcopy(net).to("meta"), (1, 32, 32)) == expected
    assert ledger(copy.deepcopy(net).bfloat16(), (1, 32, 32)) == expected
    assert ledger(torch.fx.symbolic_trace(net), (1, 32, 32)) == expected


def test_several_tensors_out_and_several_runs():
    twice = Forward(lambda x, memory: {"y": memory(*memory(x))[0]}, nn.LSTM(4, 4, batch_first=True))
    rows = ledger(twice, (3, 4))
    assert [(row.name, row.output_shape, row.parameters, row.macs) for row in rows] == [
        ("layers.0", (3, 4), 160, 3 * 16 * 8), ("layers.0", (3, 4), 0, 3 * 16 * 8)]


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "mobilenet_v3_small", "googlenet",
                                  "shufflenet_v2_x0_5"])
def test_torchvisions_networks(name):
    """Parameters as published, and multiply-adds as published, which leave normalisation out."""
    published = torchvision.models.get_model_weights(name).IMAGENET1K_V1.meta
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        table = ledger(torchvision.models.get_model(name, **options), (3, 224, 224))
    macs = sum(row.macs for row in table if row.kind != "BatchNorm2d")
    assert table.parameters == published["num_params"]
    assert round(macs / 1e9, 3) == published["_ops"]
    assert table.not_counted == ()


def test_shared_parameters_count_once():
    layer, other = nn.Linear(4, 4), nn.Linear(4, 4)
    table = ledger(nn.Sequential(layer, nn.ReLU(), layer), (4,))
    assert [(row.parameters, row.connections) for row in table] == [(20, 20), (0, 20)]
    other.weight = layer.weight
    assert ledger(nn.Sequential(layer, other), (4,)).parameters == 16 + 4 + 4


def test_names_are_escaped_in_html():
    net = nn.Module()
    net.add_module("<script>alert(1)</script>", nn.Linear(2, 2))
    net.forward = lambda x: net._modules["<script>alert(1)</script>"](x)
    html = ledger(net, (2,))._repr_html_()
    assert "<script" not in html and "&lt;script" in html
