"""The ledger against the paper, against PyTorch's and torchvision's counts, and with odd networks."""

import copy
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

from lenet_book import layers, models, paper
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


def test_four_numbers_are_a_batch_and_counts_stay_per_example():
    model = models.build("lenet5-1998")
    assert ledger(model, (8, 1, 32, 32)) == ledger(model, (1, 32, 32))
    with pytest.raises(ValueError, match=r"channels x height x width .*, not \(1, 0, 32\)"):
        ledger(model, (1, 0, 32))


class Mystery(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x):
        return x.cumsum(1) * self.scale.sum()


def test_an_unknown_layer_is_named_and_not_zero():
    table = ledger(nn.Sequential(nn.Linear(4, 2), Mystery()), (4,))
    row = table["1"]
    assert (row.kind, row.parameters, row.connections, row.macs) == ("Mystery", 3, None, None)
    assert table.not_counted == ("1",)
    assert table.parameters == 13
    for text in (repr(table), table._repr_html_()):
        assert "not counted" in text
        assert "lower bounds: 1 (cumsum)" in text


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


class Tutorial(nn.Module):
    """LeNet as PyTorch's tutorial has it, with pooling as a function or as a layer."""

    def __init__(self, pool):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)
        self.pool = pool

    def forward(self, x):
        x = self.pool(F.relu(self.conv2(self.pool(F.relu(self.conv1(x))))))
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))))


def test_a_function_counts_as_its_layer_does():
    called = ledger(Tutorial(lambda x: F.max_pool2d(x, (2, 2))), (1, 32, 32))
    layers = ledger(Tutorial(nn.MaxPool2d(2)), (1, 32, 32))
    for total in ("parameters", "connections", "macs", "not_counted"):
        assert getattr(called, total) == getattr(layers, total)
    assert (called.connections, called.parameters) == (429_342, 61_706)
    assert called["Tutorial"].connections == 4 * 6 * 14 * 14 + 4 * 16 * 5 * 5  # whose function it is


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
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.memory = nn.LSTM(4, 4, batch_first=True)

        def forward(self, x):
            y, state = self.memory(x)
            return {"y": self.memory(y, state)[0]}

    rows = ledger(Twice(), (3, 4))
    assert [(row.name, row.output_shape, row.parameters, row.macs) for row in rows] == [
        ("memory", (3, 4), 160, 3 * 16 * 8), ("memory", (3, 4), 0, 3 * 16 * 8)]


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


@pytest.mark.parametrize("width", [4, 5])
def test_the_model_is_left_as_it_was(width):
    """After a run, and after one that fails."""
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.BatchNorm1d(4)).train()
    net[1].eval()
    state = torch.random.get_rng_state()
    with nullcontext() if width == 4 else pytest.raises(ValueError, match="shapes"):
        ledger(net, (width,))
    assert [module.training for module in net.modules()] == [True, True, False, True]
    assert not any(module._forward_hooks for module in net.modules())
    assert net[2].num_batches_tracked == 0
    assert torch.equal(state, torch.random.get_rng_state())


def test_names_are_escaped_in_html():
    net = nn.Module()
    net.add_module("<script>alert(1)</script>", nn.Linear(2, 2))
    net.forward = lambda x: net._modules["<script>alert(1)</script>"](x)
    html = ledger(net, (2,))._repr_html_()
    assert "<script" not in html and "&lt;script" in html


def test_the_table_in_a_terminal():
    table = ledger(nn.Sequential(layers.RBFOutput()), (84,))
    assert repr(table).splitlines() == [
        "layer  kind       output     parameters  connections  multiply-adds",
        "-------------------------------------------------------------------",
        "0      RBFOutput  10      0 + 840 fixed          840            840",
        "-------------------------------------------------------------------",
        "total                     0 + 840 fixed          840            840",
    ]


def test_unknown_row_and_wrong_model():
    with pytest.raises(KeyError, match=r"no layer is called 'c9'; there are c1, s2"):
        ledger(models.build("lenet5"), (1, 32, 32))["c9"]
    with pytest.raises(TypeError, match="must be a torch.nn.Module, not function"):
        ledger(lambda x: x, (1, 32, 32))
