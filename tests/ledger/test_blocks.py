"""Blocks: many rows in one, and opened again; nothing is lost on the way."""

import copy

import pytest
import torch
from forward import Forward
from torch import nn

from lenet_book import models
from lenet_book.ledger import ledger

TOTALS = ("parameters", "fixed", "connections", "macs", "activations", "mib")


@pytest.fixture(scope="module")
def table():
    with torch.device("meta"):
        return ledger(models.build("googlenet"), (3, 224, 224))


def test_googlenet_in_twenty_rows(table):
    folded = table.folded()
    assert (len(table), len(folded)) == (74, 20)
    for total in TOTALS:
        assert getattr(folded, total) == getattr(table, total)
    row = folded["inception3a"]
    weights = (192 * 64 + 192 * 96 + 96 * 9 * 128 + 192 * 16 + 16 * 25 * 32 + 192 * 32)
    biases = 64 + 96 + 128 + 16 + 32 + 32
    assert (row.kind, row.output_shape, row.parameters) == (
        "Inception", (64 + 128 + 32 + 32, 28, 28), weights + biases)
    assert row.macs == 28 * 28 * weights
    assert row.connections == 28 * 28 * (weights + biases + 9 * 192)  # and the pooling
    assert row.activations == 28 * 28 * (biases + 192)
    assert [row.name for row in folded if row.kind != "Inception"] == [
        "conv1", "pool1", "norm1", "conv2_reduce", "conv2", "norm2", "pool2", "pool3", "pool4",
        "average", "fc"]
    assert all(folded[row.name] is row for row in table if "." not in row.name)


def test_a_block_opens(table):
    folded = table.folded()
    rows = [row for row in table if row.name.startswith("inception4b.")]
    assert len(rows) == 7
    for block in (table.block("inception4b"), folded.block("inception4b")):
        assert list(block) == rows
        assert block.parameters == folded["inception4b"].parameters
    assert list(folded["inception4b"].inside) == rows
    assert [row.name for row in table.block("inception4b").folded()] == [
        f"inception4b.{path}" for path in ("path1", "path3", "path5", "pool")]
    assert [row.name for row in table.block("inception4b.path3").folded()] == [
        "inception4b.path3.reduce", "inception4b.path3.conv"]
    assert list(table.block("conv2")) == [table["conv2"]]  # and not conv2_reduce
    assert table.block("GoogLeNet") == table
    assert folded.folded() == folded
    for name in ("inception4f", "", "inception", 4):
        message = rf"no block is called {name!r}; there are GoogLeNet, inception3a, inception3a.path1, "
        for each in (table, folded):
            with pytest.raises(KeyError, match=message):
                each.block(name)


def test_a_network_in_a_wrapper_and_its_heads():
    with torch.device("meta"):
        table = ledger(models.build("googlenet-with-heads"), (3, 224, 224))
    folded = table.folded()
    assert len(folded) == 20 and folded["net.inception5b"].output_shape == (1024, 7, 7)
    assert [(row.name, row.kind, row.output_shape, row.parameters) for row in folded.in_training_only
            ] == [("head4a", "AuxiliaryHead", (1000,), 3_188_840),
                  ("head4d", "AuxiliaryHead", (1000,), 3_190_888)]
    assert folded.in_training_only.macs == table.in_training_only.macs
    head = folded.block("head4d")
    assert (len(head), len(head.in_training_only)) == (0, 4)
    for each in (head, copy.deepcopy(head)):
        assert "in training only" in repr(each) and "head4d.fc2" in each._repr_html_()


class Twice(nn.Module):
    """A block that runs twice, around a layer that does."""

    def __init__(self):
        super().__init__()
        self.relu = nn.PReLU()
        self.block = nn.Sequential(nn.Linear(4, 4), self.relu, nn.Linear(4, 4))
        self.lone, self.idle = nn.Linear(4, 4), nn.Sequential(nn.Linear(2, 2))
        self.dead = nn.Sequential(nn.Tanh())

    def forward(self, x):
        return self.block(self.lone(self.lone(self.dead(self.block(x)))))


def test_a_block_that_runs_twice_and_one_that_never_runs():
    table = ledger(Twice(), (4,))
    folded = table.folded()
    assert [(row.name, row.parameters, row.connections) for row in folded] == [
        ("block", 41, 40), ("lone", 20, 20), ("lone", 0, 20), ("block", 0, 40), ("idle.0", 6, 0)]
    assert [row.name for row in table.block("block")] == ["block.0", "relu", "block.2"] * 2
    assert table.block("idle")[0].output_shape is None
    with pytest.raises(KeyError, match=r"no block is called 'dead'; there are Twice, block\W$"):
        folded.block("dead")


def test_what_is_not_counted_stays_to_be_seen():
    block = nn.Sequential(nn.Linear(4, 4), Forward(lambda x: x.cumsum(1)))
    table = ledger(nn.Sequential(nn.Linear(4, 4), block), (4,))
    assert table.not_counted == ("1.1",)
    folded = table.folded()
    assert (folded.not_counted, folded.connections, folded.macs) == (("1",), 40, 32)
    assert repr(folded).splitlines()[3] == (
        "1      Sequential  4               20         ≥ 20           ≥ 16")
    for each in (folded, folded.memory(), table, table.memory()):
        assert "lower bounds: 1" in repr(each) and "(cumsum)" in each._repr_html_()
    assert "first two totals" in repr(table.memory())
    assert "not counted" in repr(table.memory()) and "≥ 4" in repr(folded.memory())


def test_a_network_without_blocks():
    table = ledger(models.build("lenet5"), (1, 32, 32))
    assert table.folded() == table
    assert repr(table.folded()) == repr(table)
    with pytest.raises(KeyError, match="no block is called 'block1'; there are LeNet5"):
        table.block("block1")
    alone = ledger(nn.Linear(2, 2), (2,))
    assert alone.folded() == alone
    with pytest.raises(KeyError, match="there are none"):
        alone.block("Conv2d")
