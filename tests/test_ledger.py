import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

from lenet_book import layers, models, paper
from lenet_book.ledger import ledger
from lenet_book.models import which_lenet


def test_1998_is_the_papers_table():
    table = ledger(models.build("lenet5-1998"), (1, 32, 32))
    assert [(row.name.lower(), row.parameters, row.fixed, row.connections) for row in table] == [
        (layer.name.lower(), layer.trainable, layer.fixed, layer.connections)
        for layer in paper.LAYERS]
    assert (table.parameters, table.fixed) == (60_000, 840)
    assert (table.connections, table.macs) == (340_908, 328_096)
    assert table["c3"].output_shape == (16, 10, 10)
    assert table.not_counted == ()


def test_modern_by_hand():
    table = ledger(models.build("lenet5"), (1, 32, 32))
    assert table.parameters == 61_706
    assert [row.macs for row in table] == [
        25 * 4704, 0, 150 * 1600, 0, 400 * 120, 120 * 84, 84 * 10]
    assert [row.connections for row in table] == [
        26 * 4704, 4 * 1176, 151 * 1600, 4 * 400, 401 * 120, 121 * 84, 85 * 10]


def test_macs_are_half_of_torchs_flops():
    """torch counts a multiplication and an addition, no bias and no pooling."""
    model = models.build("lenet5")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 1, 32, 32))
    assert ledger(model, (1, 32, 32)).macs * 2 == counter.get_total_flops()


def test_connections_are_torchinfos_mult_adds_for_convolutions_and_dense_layers():
    model = models.build("lenet5")
    table = ledger(model, (1, 32, 32))
    info = summary(model, (1, 1, 32, 32), device="cpu", verbose=0)
    assert info.total_mult_adds == sum(row.connections for row in table if row.parameters)
    assert info.total_params == table.parameters


def _enumerate_connections(size, kernel, stride, padding, inputs, outputs, groups):
    """Count by walking over every unit, every input map it reads and every kernel position."""
    positions = range(0, size + 2 * padding - kernel + 1, stride)
    units = itertools.product(range(outputs), positions, positions)
    return sum((inputs // groups) * kernel * kernel + 1 for _ in units)


@settings(max_examples=40)
@given(st.integers(4, 8), st.integers(1, 3), st.integers(1, 2), st.integers(0, 1),
       st.sampled_from([(1, 2, 1), (2, 4, 2), (4, 4, 4), (3, 2, 1)]))
def test_convolution_by_enumeration(size, kernel, stride, padding, channels):
    inputs, outputs, groups = channels
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)
    row = ledger(nn.Sequential(conv), (inputs, size, size)).rows[0]
    assert row.connections == _enumerate_connections(
        size, kernel, stride, padding, inputs, outputs, groups)
    units = outputs * ((size + 2 * padding - kernel) // stride + 1)**2
    assert row.macs == row.connections - units  # all but the bias
    assert row.parameters == sum(p.numel() for p in conv.parameters())


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12))
def test_adaptive_pooling_by_enumeration(size, positions):
    row = ledger(nn.AdaptiveAvgPool1d(positions), (2, size)).rows[0]
    counting = nn.AdaptiveAvgPool1d(positions)
    x = torch.eye(size).unsqueeze(1)  # one picture for each input pixel
    read = counting(x).count_nonzero().item()
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
    assert ledger(model, (8, 1, 32, 32)).rows == ledger(model, (1, 32, 32)).rows


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
    for text in (table.to_text(), table.to_html(), table.to_markdown()):
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
    assert "did not run" in table.to_text()


def test_a_layer_that_runs_twice_counts_its_parameters_once():
    layer = nn.Linear(4, 4)
    table = ledger(nn.Sequential(layer, nn.ReLU(), layer), (4,))
    assert [row.parameters for row in table] == [20, 0]
    assert [row.connections for row in table] == [20, 20]


def test_tied_weights_count_once():
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    assert ledger(nn.Sequential(first, second), (4,)).parameters == 16 + 4 + 4


def test_the_model_is_left_as_it_was():
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.BatchNorm1d(4)).train()
    net[1].eval()
    state = torch.random.get_rng_state()
    ledger(net, (4,))
    assert [module.training for module in net] == [True, False, True]
    assert not any(module._forward_hooks for module in net.modules())
    assert net[2].num_batches_tracked == 0
    assert torch.equal(state, torch.random.get_rng_state())


def test_hooks_go_even_when_the_net_raises():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(5, 5))
    with pytest.raises(RuntimeError, match="shapes"):
        ledger(net, (4,))
    assert net.training
    assert not any(module._forward_hooks for module in net.modules())


def test_names_are_escaped_in_html():
    net = nn.Module()
    net.add_module("<script>alert(1)</script>", nn.Linear(2, 2))
    net.forward = lambda x: net._modules["<script>alert(1)</script>"](x)
    assert "<script" not in ledger(net, (2,)).to_html()
    assert "&lt;script" in ledger(net, (2,))._repr_html_()


def test_text_and_markdown():
    table = ledger(nn.Sequential(layers.RBFOutput()), (84,))
    assert table.to_text().splitlines() == [
        "layer  kind       output     parameters  connections  multiply-adds",
        "-------------------------------------------------------------------",
        "0      RBFOutput  10      0 + 840 fixed          840            840",
        "-------------------------------------------------------------------",
        "total                     0 + 840 fixed          840            840",
    ]
    assert table.to_markdown().splitlines()[2] == "| 0 | RBFOutput | 10 | 0 + 840 fixed | 840 | 840 |"
    assert repr(table) == str(table) == table.to_text()


def test_unknown_row_and_wrong_model():
    with pytest.raises(KeyError, match=r"no layer is called 'c9'; there are c1, s2"):
        ledger(models.build("lenet5"), (1, 32, 32))["c9"]
    with pytest.raises(TypeError, match="must be a torch.nn.Module, not function"):
        ledger(lambda x: x, (1, 32, 32))


@pytest.mark.parametrize(("total", "word"), [
    (60_000, "trainable"), (60_840, "840 fixed"), (60_850, "10 biases"), (60_856, "84 classes"),
    (61_706, "2,416"), (61_750, "coincidence"), (44_426, "28 x 28"), (431_080, "Caffe")])
def test_which_lenet(total, word):
    assert which_lenet(total).startswith(f"{total:,}: ")
    assert word in which_lenet(total)


@pytest.mark.parametrize(("total", "nearest"), [
    (60_806, ["806 fewer, 60,000", "34 more, 60,840"]),  # the table's C3, the rest as today
    (61_707, ["1 fewer, 61,706", "43 more, 61,750"]),
    (61_705, ["849 fewer, 60,856", "1 more, 61,706"]),
    (1, ["44,425 more, 44,426"]),
    (431_081, ["1 fewer, 431,080"])])
def test_which_lenet_does_not_know(total, nearest):
    first, *others = which_lenet(total).splitlines()
    assert first == f"{total:,} is none of the LeNet-5s in this book; nearest:"
    assert [line.split(":")[0].strip() for line in others] == nearest
    for line in others:  # each with what it means
        known = int(line.split(":")[0].split(", ", 1)[1].replace(",", ""))
        assert line.endswith(f", {which_lenet(known)}")


def test_which_lenet_takes_whole_numbers_of_every_kind():
    assert which_lenet(np.int64(61_706)) == which_lenet(torch.tensor(61_706)) == which_lenet(61_706)


@pytest.mark.parametrize(("total", "error", "message"), [
    (0, ValueError, "positive number of parameters, such as 61_706, not 0"),
    (-61_706, ValueError, "not -61,706"),
    (True, TypeError, "whole number of parameters, such as 61_706, not True"),
    (61_706.0, TypeError, "not 61706.0"),
    ("61706", TypeError, "not '61706'"),
    (None, TypeError, "not None"),
    (torch.ones(2), TypeError, "not tensor")])
def test_which_lenet_refuses_what_is_no_total(total, error, message):
    with pytest.raises(error, match=message):
        which_lenet(total)


def test_which_lenet_knows_the_totals_as_they_add_up():
    """Each total once more as the sum of its layers, by hand."""
    c1, c3, c5, f6 = 156, 2416, 48_120, 10_164
    for counts in ((c1, 12, 1516, 32, c5, f6), (c1, 12, 1516, 32, c5, f6, 840),
                   (c1, 12, 1516, 32, c5, f6, 850), (c1, c3, c5, f6), (c1, c3, c5, f6, 850),
                   (c1, 12, c3, 32, c5, f6, 850), (c1, c3, (256 + 1) * 120, f6, 850),
                   (26 * 20, (25 * 20 + 1) * 50, (800 + 1) * 500, 501 * 10)):
        assert which_lenet(sum(counts)).startswith(f"{sum(counts):,}: ")
