from contextlib import nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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


@settings(max_examples=40)
@given(st.integers(4, 8), st.integers(1, 3), st.integers(1, 2), st.integers(0, 1),
       st.sampled_from([(1, 2, 1), (2, 4, 2), (4, 4, 4), (3, 2, 1)]))
def test_convolution_against_torchs_flops(size, kernel, stride, padding, channels):
    inputs, outputs, groups = channels
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)
    row = ledger(nn.Sequential(conv), (inputs, size, size))[0]
    with FlopCounterMode(display=False) as counter:
        units = conv(torch.zeros(1, inputs, size, size)).numel()
    assert row.macs * 2 == counter.get_total_flops()
    assert row.connections == row.macs + units  # a bias for each unit
    assert row.parameters == sum(p.numel() for p in conv.parameters())


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12))
def test_adaptive_pooling_by_enumeration(size, positions):
    row = ledger(nn.AdaptiveAvgPool1d(positions), (2, size))[0]
    x = torch.eye(size).unsqueeze(1)  # one image for each input pixel
    read = nn.AdaptiveAvgPool1d(positions)(x).count_nonzero().item()
    assert row.connections == 2 * read


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
        return x * self.scale.sum()


def test_an_unknown_layer_is_named_and_not_zero():
    table = ledger(nn.Sequential(nn.Linear(4, 2), Mystery()), (4,))
    row = table["1"]
    assert (row.kind, row.parameters, row.connections, row.macs) == ("Mystery", 3, None, None)
    assert table.not_counted == ("1",)
    assert table.parameters == 13
    for text in (repr(table), table._repr_html_()):
        assert "not counted" in text
        assert "lower bounds: 1" in text


def test_every_parameter_is_in_some_row():
    """Held by a container, in a layer that is never called, in a recurrent layer: none is lost."""
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.offset = nn.Parameter(torch.zeros(7))
            self.used, self.unused = nn.Linear(4, 4), nn.Linear(4, 9)
            self.memory = nn.GRU(4, 2)

        def forward(self, x):
            return self.memory(self.used(x) + self.offset[:4])[0]

    net = Odd()
    table = ledger(net, (5, 4))
    assert table.parameters == sum(p.numel() for p in net.parameters())
    assert table["unused"].output_shape == ()
    assert table["Odd"].kind == "Odd, held directly"
    assert set(table.not_counted) == {"memory", "unused", "Odd"}
    assert "did not run" in repr(table)


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
    with nullcontext() if width == 4 else pytest.raises(RuntimeError, match="shapes"):
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
