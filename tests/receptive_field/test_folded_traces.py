"""A trace folded up to one row a block, and a block opened."""

import copy
import pickle

import pytest
import torch.nn.functional as F
from forward import Forward
from stacks import assert_measured
from torch import nn

from lenet_book import models
from lenet_book.receptive_field import ReceptiveField, trace


def names_and_sizes(rows) -> dict[str, int]:
    assert len({row.name for row in rows}) == len(rows)
    return {row.name: row.field.size for row in rows}


@pytest.fixture(scope="module")
def googlenet():
    """The small one. By hand: 5 + 2*2 = 9 after pool1, 9 + 2*4 = 17 after conv2, then 16 a block at
    jump 4, 8 for the pooling, and 32 a block at jump 8."""
    model = models.build("googlenet-small")
    return model, trace(model, (1, 40, 40))


def test_a_row_for_each_block(googlenet):
    rows = googlenet[1].folded()
    assert names_and_sizes(rows) == {
        "conv1": 5, "pool1": 9, "conv2_reduce": 9, "conv2": 17, "inception3a": 33, "pool3": 41,
        "inception4a": 73, "inception4b": 105, "average": 40, "fc": 40}
    assert rows["inception3a"] == googlenet[1]["inception3a"]
    assert rows["inception3a"].kind == "Inception"
    assert rows["inception3a"].output_shape == (64, 10, 10)
    line = next(line for line in repr(rows).splitlines() if line.startswith("inception3a"))
    assert " ".join(line.split()) == "inception3a Inception 64 x 10 x 10 33 4 2"
    assert rows.folded() == rows


def test_a_block_opened(googlenet):
    """Its paths, each with its own field, and the joined one, which the path of 5 x 5 decides."""
    block = googlenet[1].block("inception3a")
    assert names_and_sizes(block) == {
        f"inception3a{name}": size for name, size in {
            ".path1.conv": 17, ".path3.reduce": 17, ".path3.conv": 25, ".path5.reduce": 17,
            ".path5.conv": 33, ".pool.pool": 25, ".pool.projection": 25, "": 33}.items()}
    assert names_and_sizes(block.folded()) == {
        "inception3a.path1": 17, "inception3a.path3": 25, "inception3a.path5": 33,
        "inception3a.pool": 25, "inception3a": 33}
    assert names_and_sizes(block.block("inception3a.path5")) == {
        "inception3a.path5.reduce": 17, "inception3a.path5.conv": 33}
    assert googlenet[1].folded().block("inception3a") == block
    assert googlenet[1].block("conv1") == googlenet[1][:1]
    assert googlenet[1].block("GoogLeNetSmall") == googlenet[1]


def test_a_blocks_windows_are_those_that_the_gradient_finds(googlenet):
    model, rows = googlenet
    for row in (*rows.block("inception4a").folded(), rows.folded()["pool3"]):
        assert_measured(model, (1, 40, 40), row, (2, 2), (0, 4))


def test_a_stage_has_the_row_of_its_last_layer_in_the_shape_that_it_gives():
    head = nn.Sequential(nn.Conv2d(2, 3, 4), nn.ReLU(), nn.Flatten())
    rows = trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.ReLU(), nn.Dropout()), head),
                 (1, 6, 6))
    folded = rows.folded()
    assert [(row.name, row.kind, row.output_shape) for row in folded] == [
        ("0", "Conv2d", (2, 4, 4)), ("2", "Sequential", (3,))]  # what works on each unit has none
    assert folded["2"].windows == rows["2.0"].windows
    assert [row.name for row in rows] == ["0", "2.0"]
    assert rows.block("2") == rows[1:]


def twice(x, block):
    return block(block(x))


def several(x, stem, pair):
    one, other = pair(stem(x))
    return one - other


def tolerant(x, fails, then):
    try:
        return fails(x)
    except ValueError:
        return F.max_pool2d(then(x), 2)


class Again(nn.Module):
    """Runs inside itself."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 5)

    def forward(self, x):
        x = self.conv(x)
        return self(x) if x.shape[-1] > 4 else x


SMALL = nn.Conv2d(1, 1, 3, padding=1)


@pytest.mark.parametrize(("model", "folded", "block", "inside"), [
    # a block that runs twice has its rows twice
    (Forward(twice, nn.Sequential(SMALL, SMALL)), [("layers.0", 5), ("layers.0", 9)],
     "layers.0", [("layers.0.0", n) for n in (3, 5, 7, 9)]),
    # a layer that runs inside one block and by itself
    (nn.Sequential(nn.Sequential(SMALL, nn.ReLU()), SMALL), [("0", 3), ("0.0", 5)],
     "0", [("0.0", 3)]),
    # what joins paths in the model's own forward
    (Forward(lambda x, stage: x + stage(x), nn.Sequential(SMALL, SMALL)),
     [("layers.0", 5), ("Forward", 5)], "layers.0", [("layers.0.0", 3), ("layers.0.0", 5)]),
    # a block that gives two tensors has no one field, and is opened
    (Forward(several, SMALL, Forward(lambda x, a, b: (a(x), b(x)), nn.Conv2d(1, 1, 1),
                                     nn.Conv2d(1, 1, 5, padding=2))),
     [("layers.0", 3), ("layers.1.layers.0", 3), ("layers.1.layers.1", 7), ("Forward", 7)],
     "layers.1", [("layers.1.layers.0", 3), ("layers.1.layers.1", 7)]),
    # a wrapper around all is left open
    (nn.Sequential(nn.Sequential(SMALL, nn.Sequential(SMALL, SMALL))), [("0.0", 3), ("0.1", 7)],
     "0", [("0.0", n) for n in (3, 5, 7)]),
    (nn.Sequential(SMALL), [("0", 3)], "0", [("0", 3)]),
    # what has run inside one that failed
    (Forward(tolerant, nn.Sequential(SMALL, nn.Conv2d(7, 1, 3)), nn.Conv2d(1, 1, 5)),
     [("layers.0.0", 3), ("layers.1", 5), ("Forward", 6)], "layers.1", [("layers.1", 5)]),
    (Again(), [("conv", 5), ("Again", 9)], "Again", [("conv", 5), ("conv", 9)]),
])
def test_blocks_are_what_has_run_and_not_what_names_say(model, folded, block, inside):
    rows = trace(model, (1, 12, 12))
    assert [(row.name, row.field.size) for row in rows.folded()] == folded
    assert [(row.name, row.field.size) for row in rows.block(block)] == inside
    assert set(rows.block(block)) <= set(rows)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy,
                                   lambda rows: pickle.loads(pickle.dumps(rows))])
def test_a_copy_can_be_folded_too(again, googlenet):
    rows = again(googlenet[1])
    assert rows == googlenet[1] and rows.folded() == googlenet[1].folded()
    assert rows.block("inception4b") == googlenet[1].block("inception4b")


def test_blocks_that_are_not_there(googlenet):
    rows = googlenet[1]
    with pytest.raises(KeyError, match="no block is called 'inception3b'; there are conv1, pool1, .*, "
                                       "average, fc, and those inside them"):
        rows.block("inception3b")
    with pytest.raises(KeyError, match="no block is called 'conv1_relu'"):
        rows.block("conv1_relu")
    with pytest.raises(KeyError, match=r"'inception4a'; there are inception3a\.path1, .*3a, and"):
        rows.block("inception3a").block("inception4a")
    with pytest.raises(TypeError, match="name must be a string, not 3"):
        rows.block(3)


def test_a_block_without_one_field_says_so_when_folded():
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(3)))
    rows = trace(model, (1, 9, 9)).folded()  # 7 units into 3: 0 ... 2, 2 ... 4, 4 ... 6
    assert rows["1"].windows[0] == (range(5), range(2, 7), range(4, 9))
    assert rows["0"].field == ReceptiveField(3, 1, 1) and rows["1"].fields == (None, None)
    assert "the units of 1 have no one size and jump" in repr(rows)
    across = trace(nn.ConvTranspose2d(1, 1, 2, (1, 2)), (1, 3, 3))
    assert repr(across).endswith("the units of ConvTranspose2d have no one size and jump; "
                                 ".window(row, column) is exact")
