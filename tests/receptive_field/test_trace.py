"""Tracing against the formula worked out by hand and against the gradient."""

import pytest
import torch
import torch.nn.functional as F
from forward import Forward
from stacks import assert_measured, sizes
from torch import nn

from lenet_book import models
from lenet_book.receptive_field import ReceptiveField, trace


@pytest.mark.parametrize("name", ["lenet5-1998", "lenet5"])
def test_lenet5_traced_and_measured(name):
    model = models.build(name)
    rows = trace(model, (1, 32, 32))
    assert [row.name for row in rows] == ["c1", "s2", "c3", "s4", "c5", "f6", "output"]
    assert sizes(rows) == [(5, 1), (6, 2), (14, 2), (16, 4), (32, 4), (32, 0), (32, 0)]
    assert [row.field.start for row in rows] == [2, 2.5, 6.5, 7.5, 15.5, 15.5, 15.5]
    assert rows["c3"].output_shape == (16, 10, 10)
    assert rows["c3"].window(0, 9) == (range(0, 14), range(18, 32))
    assert rows["f6"].window() == (range(32), range(32))
    for row in rows:
        last = len(row.windows[0]) - 1
        units = [None] if len(row.output_shape) == 1 else [(0, 0), (last // 2, last)]
        assert_measured(model, (1, 32, 32), row, *units)


def test_the_table():
    assert repr(trace(models.build("lenet5-1998"), (1, 32, 32))) == """\
layer   kind          output        size  jump  start
-----------------------------------------------------
c1      Conv2d        6 x 28 x 28      5     1      2
s2      Subsampling   6 x 14 x 14      6     2    2.5
c3      SparseConv2d  16 x 10 x 10    14     2    6.5
s4      Subsampling   16 x 5 x 5      16     4    7.5
c5      Conv2d        120 x 1 x 1     32     4   15.5
f6      Linear        84              32     0   15.5
output  RBFOutput     10              32     0   15.5"""


def test_a_trace_is_a_sequence_with_names():
    rows = trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3)), (1, 9, 9))
    assert len(rows) == 2
    assert rows == trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3)), (8, 1, 9, 9))
    assert rows[1] is rows["2"] is list(rows)[1]
    assert rows[0].kind == "Conv2d"
    assert repr(rows[0]) == (
        "Row(name='0', kind='Conv2d', output_shape=(2, 7, 7), fields=("
        "ReceptiveField(size=3, jump=1, start=1.0), ReceptiveField(size=3, jump=1, start=1.0)))")
    with pytest.raises(KeyError, match="no layer is called 'c3'; there are 0, 2"):
        rows["c3"]


def test_a_kernel_of_two_sizes_has_a_field_for_each_axis():
    model = nn.Sequential(nn.Conv2d(1, 2, (1, 7), padding=(0, 3)),
                          nn.Conv2d(2, 1, (5, 1), stride=(2, 1), dilation=(2, 1)),
                          nn.MaxPool2d((1, 2)))
    rows = trace(model, (1, 15, 16))
    assert rows[0].fields == (ReceptiveField(1, 1, 0), ReceptiveField(7, 1, 0))
    assert rows[1].fields == (ReceptiveField(9, 2, 4), ReceptiveField(7, 1, 0))
    assert rows[2].fields == (ReceptiveField(9, 2, 4), ReceptiveField(8, 2, 0.5))
    assert rows[2].window(1, 0) == (range(2, 11), range(0, 5))
    assert repr(rows).splitlines()[-1] == "2      MaxPool2d  1 x 4 x 8    9 x 8      2  4 x 0.5"
    with pytest.raises(ValueError, match=r"0 has one field down the image, .*size=1, .*size=7"):
        _ = rows[0].field


def test_an_oblong_image_keeps_rows_and_columns_apart():
    rows = trace(nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(1)), (1, 5, 9))
    assert rows[0].output_shape == (1, 3, 7)
    assert rows[0].window(2, 6) == (range(2, 5), range(6, 9))
    assert rows[1].fields == (ReceptiveField(5, 0, 2), ReceptiveField(9, 0, 4))
    with pytest.raises(ValueError, match=r"3 x 7 units, numbered from 0; .*none at \(3, 0\)"):
        rows[0].window(3, 0)
    with pytest.raises(ValueError, match=r"none at \(0, -1\)"):
        rows[0].window(0, -1)


def test_functions_and_modules_are_the_same():
    conv1, conv2, dense = nn.Conv2d(1, 2, 5, padding=2), nn.Conv2d(2, 3, 3), nn.Linear(75, 4)
    of_modules = nn.Sequential(conv1, nn.ReLU(), nn.MaxPool2d(2), conv2, nn.Tanh(), nn.AvgPool2d(2),
                               nn.Flatten(), dense, nn.Softmax(dim=1))

    def forward(x, conv1, conv2, dense):
        x = F.max_pool2d(torch.relu(conv1(x)), 2)
        x = F.avg_pool2d(conv2(x).tanh(), 2)
        return F.softmax(F.dropout(dense(x.view(x.shape[0], -1))), dim=1)

    expected = trace(of_modules, (1, 24, 24))
    rows = trace(Forward(forward, conv1, conv2, dense), (1, 24, 24))
    assert sizes(expected) == [(5, 1), (6, 2), (10, 2), (12, 4), (24, 0)]
    assert [row.fields for row in rows[:3]] == [expected[i].fields for i in (0, 2, 4)]
    assert [row.name for row in rows] == ["layers.0", "layers.1", "layers.2", "Forward"]
    assert expected[-1].output_shape == (4,)


@pytest.mark.parametrize(("layers", "message"), [
    ([nn.Conv2d(1, 1, 5), nn.ReLU(), nn.Conv2d(1, 1, 5)],
     r"layer '2' \(Conv2d\): kernel 5 does not fit into size 4 with padding 0"),
    ([nn.Conv2d(1, 1, 5), nn.MaxPool2d(5)], r"'1' \(MaxPool2d\): kernel 5 does not fit into"),
    ([nn.AvgPool2d(4, 4), nn.AvgPool2d((1, 3))], r"'1' \(AvgPool2d\): kernel 3 does not fit into"),
    ([nn.Conv2d(1, 1, 3, dilation=4)], r"kernel 3 with dilation 4 \(reach 9\) does not fit into"),
])
def test_an_input_too_small_names_the_layer(layers, message):
    with pytest.raises(ValueError, match=message):
        trace(nn.Sequential(*layers), (1, 8, 8))
