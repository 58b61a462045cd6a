"""What runs in training mode only, such as auxiliary heads, is counted apart, and changes nothing."""

import re
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from untouched import untouched

from lenet_book import models
from lenet_book.ledger import ledger


@pytest.fixture(scope="module")
def googlenet():
    with torch.device("meta"):
        return models.build("googlenet-with-heads")


def flops(model, shape):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(2, *shape, device="meta"))
    return counter.get_total_flops() / 2  # of one example


def test_googlenets_heads_by_hand(googlenet):
    table = ledger(googlenet, (3, 224, 224))
    heads = table.in_training_only
    assert [(row.name, row.output_shape, row.parameters, row.connections) for row in heads] == [
        ("head4a.average", (512, 4, 4), 0, 512 * 16 * 25),
        ("head4a.conv", (128, 4, 4), 128 * 513, 16 * 128 * 513),
        ("head4a.fc1", (1024,), 1024 * 2049, 1024 * 2049),
        ("head4a.fc2", (1000,), 1000 * 1025, 1000 * 1025),
        ("head4d.average", (528, 4, 4), 0, 528 * 16 * 25),
        ("head4d.conv", (128, 4, 4), 128 * 529, 16 * 128 * 529),
        ("head4d.fc1", (1024,), 1024 * 2049, 1024 * 2049),
        ("head4d.fc2", (1000,), 1000 * 1025, 1000 * 1025)]
    assert (table.parameters, table.macs) == (6_998_552, 1_582_671_872)
    assert table.parameters + heads.parameters == 13_378_280
    training, evaluation = (flops(googlenet.train(mode), (3, 224, 224)) for mode in (True, False))
    assert (2 * table.macs, 2 * heads.macs) == (evaluation, training - evaluation)
    without = ledger(googlenet.net, (3, 224, 224))
    assert [(f"net.{row.name}", row.connections) for row in without] == [
        (row.name, row.connections) for row in table]
    assert without.in_training_only == ()


def test_torchvisions_googlenet():
    with torch.device("meta"):
        net = torchvision.models.googlenet(aux_logits=True, init_weights=False)
    table = ledger(net, (3, 224, 224))
    heads = table.in_training_only
    assert (table.parameters, table.parameters + heads.parameters) == (6_624_904, 13_004_888)
    # A function pools 14 to 4: rows 0 to 3, 3 to 6, 7 to 10 and 10 to 13, hence 16 reads along an axis.
    assert [heads[name].connections for name in ("aux1", "aux2")] == [512 * 16**2, 528 * 16**2]
    assert sum(row.macs for row in heads if row.kind != "BatchNorm2d") == sum(
        16 * 128 * maps + 2048 * 1024 + 1024 * 1000 for maps in (512, 528))


class Net(nn.Module):
    """Its heads run in training; so does more of what runs anyway."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool = nn.Conv2d(1, 2, 3), nn.MaxPool2d(2)
        self.head = nn.Sequential(nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(), nn.Flatten(),
                                  nn.Linear(2 * 6 * 6, 3))
        self.fc, self.lent = nn.Linear(2 * 3 * 3, 3), nn.Linear(3, 3)
        self.unused = nn.Linear(5, 5)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("runs", torch.zeros(()))

    def forward(self, x):
        x = self.conv(x)
        y = F.linear(self.fc(F.max_pool2d(x, 2).flatten(1)), self.lent.weight, self.lent.bias)
        if not self.training:
            return y
        self.mean += F.dropout(x).mean() + torch.rand(())
        self.runs = self.runs + 1
        return y, self.head(x), self.lent(self.fc(self.pool(x).flatten(1)))


def test_only_what_evaluation_does_not_have_is_listed_as_training():
    net = Net()
    table = ledger(net, (1, 8, 8))
    assert [(row.name, row.output_shape, row.parameters, row.connections, row.macs)
            for row in table] == [
        ("conv", (2, 6, 6), 20, 72 * 10, 72 * 9), ("fc", (3,), 57, 57, 54),
        ("Net", (3,), 0, 18 * 4 + 12, 9), ("lent", (), 12, 0, 0), ("unused", None, 30, 0, 0)]
    assert [(row.name, row.parameters, row.connections, row.macs, row.activations)
            for row in table.in_training_only] == [
        ("head.0", 4, 72 * 2, 72, 72), ("head.4", 72 * 3 + 3, 73 * 3, 72 * 3, 3),
        ("pool", 0, 18 * 4, 0, 18), ("fc", 0, 57, 54, 3), ("lent", 0, 12, 9, 3),
        ("Net", 0, 72 + 1, 0, 1)]  # a mean and a shift; what evaluation does is not in here again
    everything = table.parameters + table.in_training_only.parameters
    assert everything == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 9, 9), (1, 99)])
def test_the_model_is_left_as_it_was(shape):
    """After two runs, after one that fails in training, and after one that fails at once."""
    net = Net()
    net.head[2].eval()
    mean = net.mean
    with untouched(net), (
            pytest.raises(ValueError, match="conv2d takes") if len(shape) < 3 else nullcontext()):
        ledger(net, shape)
    assert net.mean is mean


def test_a_model_that_cannot_run_in_training_says_so(googlenet):
    """The heads take one size alone; the network takes others."""
    table = ledger(googlenet, (3, 256, 256))
    assert table.not_counted == ()
    assert table.parameters == 13_378_280  # and the rows say that the heads' did not run
    assert [row.name for row in table if row.output_shape is None] == [
        f"{head}.{layer}" for head in ("head4a", "head4d") for layer in ("conv", "fc1", "fc2")]
    row, = table.in_training_only
    assert (row.name, row.output_shape, row.connections) == ("GoogLeNetWithHeads", None, None)
    for text in (repr(table), table._repr_html_()):
        assert re.search(r"lower bounds: .* cannot run on 1 x 3 x 256 x 256: GoogLeNet takes N x 3 x "
                         r"224 x 224, not 1 x 3 x 256 x 256\)", text)


def test_how_it_is_shown():
    net = Net()
    del net.unused
    assert repr(ledger(net, (1, 8, 8))).splitlines() == [
        "layer              kind         output     parameters  connections  multiply-adds",
        "---------------------------------------------------------------------------------",
        "conv               Conv2d       2 x 6 x 6          20          720            648",
        "fc                 Linear       3                  57           57             54",
        "Net                Net          3                   0           84              9",
        "lent               Linear                          12            0              0",
        "---------------------------------------------------------------------------------",
        "total                                              89          861            711",
        "---------------------------------------------------------------------------------",
        "head.0             BatchNorm2d  2 x 6 x 6           4          144             72",
        "head.4             Linear       3                 219          219            216",
        "pool               MaxPool2d    2 x 3 x 3           0           72              0",
        "fc                 Linear       3                   0           57             54",
        "lent               Linear       3                   0           12              9",
        "Net                Net          3                   0           73              0",
        "---------------------------------------------------------------------------------",
        "in training only                                  223          577            351",
        "total in training                                 312        1,438          1,062"]
    html = ledger(net, (1, 8, 8))._repr_html_()
    words = " ".join(re.sub(r"<[^>]*>", " ", html).split())
    assert "total 89 861 711 head.0 " in words
    assert words.endswith(" in training only 223 577 351 total in training 312 1,438 1,062")
