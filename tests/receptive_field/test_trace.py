"""The receptive field, worked out three ways that must agree: by hand, by tracing, by gradient."""

import copy
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from lenet_book import mnist, models
from lenet_book.receptive_field import ReceptiveField, measure, trace


class Forward(nn.Module):
    """A module of these layers whose forward is a function: forward(x, *layers)."""

    def __init__(self, forward, *layers):
        super().__init__()
        self.function, self.layers = forward, nn.ModuleList(layers)

    def forward(self, x):
        return self.function(x, *self.layers)


def stack(*windows) -> ReceptiveField:
    field = ReceptiveField()
    for window in windows:
        field = field.then(*window)
    return field


def sizes(rows) -> list[tuple[int, int]]:
    return [(row.field.size, row.field.jump) for row in rows]


def centre(row) -> tuple[int, int]:
    return len(row.windows[0]) // 2, len(row.windows[1]) // 2


def assert_same_window(measured, traced):
    """A unit whose rows or whose columns see only padding sees nothing at all."""
    assert measured == (traced if all(traced) else (range(0), range(0)))


# By hand -----------------------------------------------------------------------------------------


def test_the_input_sees_itself():
    assert ReceptiveField() == ReceptiveField(size=1, jump=1, start=0.0)


@pytest.mark.parametrize(("windows", "expected"), [
    ([(3,), (3,)], (5, 1, 2)),                       # two 3 x 3 see what one 5 x 5 sees
    ([(3,), (3,), (3,)], (7, 1, 3)),
    ([(3, 1, 1), (3, 1, 1)], (5, 1, 0)),             # "same" padding: the centre stays put
    ([(3, 1, 0, 2)], (5, 1, 2)),                     # dilation 2 spreads 3 taps over 5 pixels
    ([(3, 1, 0, 2), (3, 1, 0, 3)], (11, 1, 5)),
    ([(2, 2)], (2, 2, 0.5)),                         # the centre lies between pixels 0 and 1
    ([(2, 2), (2, 2)], (4, 4, 1.5)),
    ([(2, 2), (3,)], (6, 2, 2.5)),                   # the kernel counts twice after stride 2
    ([(3, 2, 1), (3, 2, 1)], (7, 4, 0)),
    ([(7, 2, 3), (3, 2, 1)], (11, 4, 0)),
    ([(1, 3)], (1, 3, 0)),                           # a stride that leaves pixels out
    ([(5, 1, 4)], (5, 1, -2)),                       # full padding: unit 0 ends at pixel 0
])
def test_the_recursion(windows, expected):
    assert stack(*windows) == ReceptiveField(*expected)


def test_lenet5_by_hand():
    fields = [ReceptiveField()]
    for window in [(5,), (2, 2), (5,), (2, 2), (5,)]:
        fields.append(fields[-1].then(*window))
    assert fields[1:] == [
        ReceptiveField(5, 1, 2), ReceptiveField(6, 2, 2.5), ReceptiveField(14, 2, 6.5),
        ReceptiveField(16, 4, 7.5), ReceptiveField(32, 4, 15.5)]


CONV, POOL = (3, 1, 1), (2, 2)
VGG16 = [*[CONV] * 2, POOL, *[CONV] * 2, POOL, *[CONV] * 3, POOL, *[CONV] * 3, POOL, *[CONV] * 3]
ALEXNET = [(11, 4), (3, 2), (5, 1, 2), (3, 2), CONV, CONV, CONV]  # 227 pixels


def test_vgg16_by_hand():
    # Two 3 x 3 add 4 pixels at jump 1 and 4 at jump 2, three add 6 at jumps 4, 8 and 16, and the
    # poolings 1, 2, 4 and 8:  1 + (4 + 8 + 24 + 48 + 96) + (1 + 2 + 4 + 8) = 196.
    assert (stack(*VGG16).size, stack(*VGG16).jump) == (196, 16)
    assert stack(*VGG16, POOL) == ReceptiveField(212, 32, 15.5)


def test_alexnet_by_hand():
    # 11, then 2 at jump 4, 4 at jump 8, 2 at jump 8, and three times 2 at jump 16:
    # 11 + 8 + 32 + 16 + 96 = 163.
    assert (stack(*ALEXNET).size, stack(*ALEXNET).jump) == (163, 16)
    assert stack(*ALEXNET, (3, 2)).size == 195


def test_a_window_is_clipped_at_the_border():
    same = stack((5, 1, 2))
    assert same.window(0, 8) == range(0, 3)
    assert same.window(1, 8) == range(0, 4)
    assert same.window(4, 8) == range(2, 7)
    assert same.window(7, 8) == range(5, 8)
    assert len(stack((1, 1, 2)).window(1, 8)) == 0  # a unit over the padding alone
    assert ReceptiveField(4, 0, 2.5).window(9, 8) == range(1, 5)  # jump 0: all units see the same


fields = st.builds(
    lambda size, jump, first: ReceptiveField(size, jump, first + (size - 1) / 2),
    st.integers(1, 9), st.integers(0, 4), st.integers(-8, 3))


@given(fields, st.integers(1, 12), st.integers(1, 8))
def test_from_unit_to_pixel_and_back(field, input_size, output_size):
    for unit in range(output_size):
        middle = field.start + unit * field.jump
        assert list(field.window(unit, input_size)) == [
            pixel for pixel in range(input_size) if abs(pixel - middle) <= (field.size - 1) / 2]
    for pixel in range(input_size):
        assert list(field.units_seeing(pixel, output_size)) == [
            unit for unit in range(output_size) if pixel in field.window(unit, input_size)]


def test_empty_ranges_can_be_used_as_slices():
    empty = [ReceptiveField(1, 3, -9).window(0, 5), ReceptiveField(1, 3, 0).units_seeing(1, 5),
             ReceptiveField(1, 1, 9).window(0, 5), ReceptiveField(1, 1, 9).units_seeing(0, 5)]
    assert [(pixels.start, pixels.stop) for pixels in empty] == [(0, 0)] * 4


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ReceptiveField(-1, 1, 0), "must not be negative.*size=-1"),
    (lambda: ReceptiveField(1, -1, 0), "must not be negative.*jump=-1"),
    (lambda: ReceptiveField(2, 1, 0), "size=2.*begins within a pixel"),
    (lambda: ReceptiveField(3, 1, 0.5), "size=3.*begins within a pixel"),
    (lambda: ReceptiveField().then(0), "kernel must be at least 1, not 0"),
    (lambda: ReceptiveField().then(3, stride=0), "stride must be at least 1, not 0"),
    (lambda: ReceptiveField().then(3, padding=-1), "padding must be at least 0, not -1"),
    (lambda: ReceptiveField().then(3, dilation=0), "dilation must be at least 1, not 0"),
    (lambda: ReceptiveField().window(-1, 5), "units are numbered from 0, not -1"),
    (lambda: ReceptiveField().units_seeing(-1, 5), "pixels are numbered from 0, not -1"),
])
def test_numbers_that_cannot_be(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_kernel_that_is_no_integer():
    with pytest.raises(TypeError, match=r"kernel must be an integer, not 2\.5"):
        ReceptiveField().then(2.5)


# Traced ------------------------------------------------------------------------------------------


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
        units = [None] if len(row.output_shape) == 1 else [(0, 0), centre(row)]
        for unit in units:
            window = row.window() if unit is None else row.window(*unit)
            assert measure(model, (1, 32, 32), row.name, unit).window == window


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
    assert rows[1] is rows["2"] is list(rows)[1]
    assert rows[0].kind == "Conv2d"
    assert repr(rows[0]) == (
        "Row(name='0', kind='Conv2d', output_shape=(2, 7, 7), fields=("
        "ReceptiveField(size=3, jump=1, start=1.0), ReceptiveField(size=3, jump=1, start=1.0)))")
    with pytest.raises(KeyError, match="no layer is called 'c3'; there are 0, 2"):
        rows["c3"]


def thin(windows, kind=nn.Conv2d):
    """The windows of a network without its width: one map, a pooling where the kernel is even."""
    return nn.Sequential(*(nn.MaxPool2d(*w) if w in (POOL, (3, 2)) else kind(1, 1, *w)
                           for w in windows))


def test_vgg16_and_alexnet_traced():
    rows = trace(thin([*VGG16, POOL]), (1, 224, 224))
    assert sizes(rows)[-2:] == [(196, 16), (212, 32)]
    assert rows[-1].field == stack(*VGG16, POOL)
    assert rows[-1].window(3, 6) == (range(6, 218), range(102, 224))  # 15.5 + 3*32 = 111.5 +- 105.5
    assert sizes(trace(thin(ALEXNET), (1, 227, 227))) == [
        (11, 4), (19, 8), (51, 8), (67, 16), (99, 16), (131, 16), (163, 16)]


def test_nested_sequences_and_shared_layers_get_their_names():
    shared = nn.Conv2d(1, 1, 3)
    rows = trace(nn.Sequential(nn.Sequential(shared, nn.ReLU()), shared), (1, 9, 9))
    assert [(row.name, row.field.size) for row in rows] == [("0.0", 3), ("0.0", 5)]


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


@pytest.mark.parametrize("layer", [
    nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.LeakyReLU(), nn.PReLU(), nn.ELU(), nn.SELU(),
    nn.GELU(), nn.SiLU(), nn.Mish(), nn.Mish(inplace=True), nn.Sigmoid(), nn.LogSigmoid(),
    nn.Tanh(), nn.Hardtanh(), nn.Hardsigmoid(), nn.Hardswish(), nn.Softplus(), nn.Softsign(),
    nn.Softmax(1), nn.Softmax2d(), nn.LogSoftmax(1), nn.BatchNorm2d(3), nn.Dropout(),
    nn.Dropout2d(), nn.LocalResponseNorm(3), nn.Identity(), nn.ZeroPad2d(0),
    nn.Sequential(nn.Unflatten(1, (3, 1)), nn.Flatten(1, 2)),
    Forward(lambda x: x * torch.sigmoid(x) + 1), Forward(lambda x: x.add_(1)),
    Forward(lambda x: x.double().float().detach().contiguous()), Forward(lambda x: x[:, :2]),
    Forward(lambda x: x.chunk(3, dim=1)[2]), Forward(lambda x: x.unsqueeze(1).squeeze(1)),
    Forward(lambda x: x + torch.ones_like(x)), Forward(lambda x: x.new_ones(3, 1, 1) * x),
    Forward(lambda x: F.dropout(x)), Forward(lambda x: torch.native_dropout(x, 0.5, True)[0]),
], ids=lambda layer: type(layer).__name__)
def test_what_works_on_each_unit_keeps_the_field_and_has_no_row(layer):
    rows = trace(nn.Sequential(nn.Conv2d(1, 3, 3), layer, nn.MaxPool2d(2)), (1, 8, 8))
    assert [(row.name, row.field) for row in rows] == [
        ("0", ReceptiveField(3, 1, 1)), ("2", ReceptiveField(4, 2, 1.5))]


def test_a_1x1_convolution_is_a_layer_though_the_field_stays():
    rows = trace(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 2, 1)), (1, 8, 8))
    assert sizes(rows) == [(3, 1), (3, 1)]


@pytest.mark.parametrize("head", [
    nn.Sequential(nn.Flatten(), nn.Linear(2 * 6 * 6, 3)),
    nn.Sequential(nn.Flatten(), nn.BatchNorm1d(2 * 6 * 6), nn.ReLU(), nn.Linear(2 * 6 * 6, 3)),
    nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1),
    Forward(lambda x: x.mean((2, 3))), Forward(lambda x: x.sum((-1, -2), keepdim=True)),
    Forward(lambda x: x.mean()), Forward(lambda x: x.flatten(1).sum(1)),
    Forward(lambda x: x.flatten(1) @ torch.ones(72, 3, dtype=x.dtype)),
    Forward(lambda x, dense: dense(x.flatten()), nn.Linear(2 * 6 * 6, 3)),
], ids=str)
def test_what_reads_all_units_sees_what_they_see_together(head):
    # 11 pixels and 2 before them: 6 windows of 2, so that the last pixel is dropped.
    model = nn.Sequential(nn.ZeroPad2d((2, 0, 2, 0)), nn.MaxPool2d(2), nn.Conv2d(1, 2, 1), head)
    rows = trace(model, (1, 11, 11))
    assert rows["2"].field == ReceptiveField(2, 2, -1.5)
    assert rows[-1].fields == (ReceptiveField(10, 0, 4.5),) * 2
    assert rows[-1].window() == measure(model, (1, 11, 11), "3").window == (range(10), range(10))


def test_after_a_dense_layer_everything_sees_everything():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 16), nn.ReLU(),
                          nn.Unflatten(1, (1, 4, 4)), nn.Upsample(scale_factor=2),
                          nn.GroupNorm(1, 1), nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(36, 2))
    assert sizes(trace(model, (1, 8, 8)))[1:] == [(8, 0)] * 3


@pytest.mark.parametrize("pool", [nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)], ids=str)
def test_what_sees_everything_may_be_spread_out_again(pool):
    model = Forward(lambda x, pool, up: torch.cat([x, up(pool(x))], dim=1),
                    pool, nn.Upsample(scale_factor=8))
    assert trace(model, (1, 8, 8))["Forward"].field == ReceptiveField(8, 0, 3.5)


def test_adaptive_pooling_to_more_than_one_unit():
    assert trace(nn.AdaptiveAvgPool2d(4), (1, 8, 8))[0].field == ReceptiveField(2, 2, 0.5)
    rows = trace(nn.AdaptiveMaxPool2d((1, 4)), (1, 8, 8))
    assert rows[0].fields == (ReceptiveField(8, 0, 3.5), ReceptiveField(2, 2, 0.5))
    with pytest.raises(ValueError, match="adaptive pooling from 8 to 3 units has windows of"):
        trace(nn.AdaptiveAvgPool2d(3), (1, 8, 8))


def test_padding_by_its_own_layer_shifts_the_start():
    rows = trace(nn.Sequential(nn.ZeroPad2d((1, 2, 3, 0)), nn.Conv2d(1, 1, 3)), (1, 8, 8))
    assert [axis.start for axis in rows["1"].fields] == [-2, 0]  # rows by the top, columns by left
    assert rows["1"].output_shape == (1, 9, 9)
    assert rows["1"].window(8, 8) == (range(5, 8), range(7, 8))


def test_padding_of_the_columns_alone():
    rows = trace(Forward(lambda x, conv: conv(F.pad(x, (2, 2))), nn.Conv2d(1, 1, 3)), (1, 8, 8))
    assert [axis.start for axis in rows[0].fields] == [1, -1]


@pytest.mark.parametrize("layer", [nn.MaxPool2d(3, 2, ceil_mode=True),
                                   nn.AvgPool2d(3, 2, ceil_mode=True)], ids=str)
def test_ceil_mode_adds_a_window_over_the_edge(layer):
    rows = trace(layer, (1, 8, 8))
    assert rows[0].output_shape == (1, 4, 4)
    assert rows[0].window(0, 3) == (range(3), range(6, 8))
    assert measure(layer, (1, 8, 8), rows[0].name, (0, 3)).window == (range(3), range(6, 8))


def test_where_rows_were_dropped_the_formula_is_an_upper_bound():
    # 6 pixels at stride 2 give 2 units, which see 0 ... 4. Pixel 5 is dropped, and what the next
    # layer reads beyond them is padding, though the formula takes it for a third unit.
    model = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 3, padding=1))
    row = trace(model, (1, 6, 6))["1"]
    assert row.field.window(1, 6) == range(0, 6)
    assert row.window(1, 1) == measure(model, (1, 6, 6), "1", (1, 1)).window == (range(5), range(5))


# Branches ----------------------------------------------------------------------------------------


def inception(maps: int) -> nn.Module:
    """GoogLeNet's block, thin: 1x1; 1x1-3x3; 1x1-5x5; 3x3 pooling-1x1; side by side."""
    return Forward(
        lambda x, *paths: torch.cat([path(x) for path in paths], dim=1),
        nn.Conv2d(maps, 1, 1),
        nn.Sequential(nn.Conv2d(maps, 1, 1), nn.ReLU(), nn.Conv2d(1, 1, 3, padding=1)),
        nn.Sequential(nn.Conv2d(maps, 1, 1), nn.ReLU(), nn.Conv2d(1, 1, 5, padding=2)),
        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), nn.Conv2d(maps, 1, 1)))


def test_an_inception_block_sees_what_its_largest_path_sees():
    model = nn.Sequential(nn.Conv2d(1, 2, 7, stride=2, padding=3), inception(2), nn.MaxPool2d(2),
                          inception(4))
    rows = trace(model, (1, 64, 64))
    assert rows["1"].field == ReceptiveField(15, 2, 0)      # 7 + (5 - 1)*2
    assert [rows[f"1.layers.{i}"].field.size for i in ("0", "1.2", "2.2", "3.1")] == [7, 11, 15, 11]
    assert rows["3"].field == ReceptiveField(33, 4, 1)      # 15 + 2 + (5 - 1)*4
    assert rows["3"].output_shape == (4, 16, 16)
    assert [row.name for row in rows if row.kind == "Forward"] == ["1", "3"]
    for unit in [(0, 0), (8, 8), (15, 3)]:
        assert measure(model, (1, 64, 64), "3", unit).window == rows["3"].window(*unit)


def test_paths_of_different_start_are_covered_together():
    def forward(x, left, right):
        return left(F.pad(x, (2, 0, 2, 0))) + right(F.pad(x, (0, 2, 0, 2)))

    model = Forward(forward, nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))
    rows = trace(model, (1, 9, 9))
    assert [row.field.start for row in rows] == [-1, 1, 0]
    assert rows[-1].field == ReceptiveField(5, 1, 0)
    assert measure(model, (1, 9, 9), "Forward").window == rows[-1].window(4, 4)


def test_a_residual_block():
    model = Forward(lambda x, conv: x + conv(x), nn.Conv2d(1, 1, 3, padding=1))
    assert [(row.name, row.field.size) for row in trace(model, (1, 9, 9))] == [
        ("layers.0", 3), ("Forward", 3)]


def test_a_gate_over_the_whole_image_makes_every_unit_see_it():
    def forward(x, conv, dense):
        x = conv(x)
        return x * torch.sigmoid(dense(x.mean((2, 3))))[:, :, None, None]

    model = nn.Sequential(Forward(forward, nn.Conv2d(1, 4, 3), nn.Linear(4, 4)),
                          nn.Conv2d(4, 1, 3, padding=1))
    rows = trace(model, (1, 8, 8))
    assert rows["0"].field == rows["1"].field == ReceptiveField(8, 0, 3.5)
    assert rows["1"].window(5, 0) == (range(8), range(8))


def test_maps_of_one_unit_serve_all_units():
    model = Forward(lambda x, small, large: small(x) * large(x),
                    nn.Conv2d(1, 1, 8), nn.Conv2d(1, 1, 3))
    rows = trace(model, (1, 8, 8))  # 1 x 1 and 6 x 6 units, both at jump 1
    assert [row.field for row in rows] == [
        ReceptiveField(8, 1, 3.5), ReceptiveField(3, 1, 1), ReceptiveField(8, 0, 3.5)]
    assert rows["Forward"].window(5, 0) == (range(8), range(8))


def test_vectors_of_different_maps_joined_before_a_dense_layer():
    def forward(x, fine, coarse, dense):
        return dense(torch.cat([fine(x).flatten(1), coarse(x).flatten(1)], dim=1))

    model = Forward(forward, nn.MaxPool2d(5, 1), nn.AvgPool2d(2, 2), nn.Linear(16 + 16, 2))
    assert trace(model, (1, 8, 8))["layers.2"].field == ReceptiveField(8, 0, 3.5)


def test_two_groups_of_maps_apart_and_together_again():
    def forward(x, wide):
        one, other = x.split(2, dim=1)
        return torch.cat([wide(one), other], dim=1)

    model = nn.Sequential(nn.Conv2d(1, 4, 3), Forward(forward, nn.Conv2d(2, 2, 3, padding=1)))
    assert trace(model, (1, 9, 9))["1"].field == ReceptiveField(5, 1, 1)


def test_paths_whose_jumps_disagree_are_refused():
    model = nn.Sequential(Forward(lambda x, a, b: torch.cat([a(x), b(x)], dim=1),
                                  nn.Conv2d(1, 1, 2, stride=2), nn.Conv2d(1, 1, 5)))
    with pytest.raises(ValueError, match=r"layer '0' \(Forward\): paths meet whose jumps differ, "
                                         "1 and 2 input pixels"):
        trace(model, (1, 8, 8))


# Measured ----------------------------------------------------------------------------------------


def layer(kind, kernel, stride, padding, dilation, ceil_mode):
    if kind == "conv":
        return nn.Conv2d(1, 1, kernel, stride, padding, dilation)
    padding = tuple(min(p, k // 2) for p, k in zip(padding, kernel, strict=True))
    if kind == "avg":
        return nn.AvgPool2d(kernel, stride, padding, ceil_mode)
    return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)


def pairs(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


stacks = st.lists(st.builds(layer, st.sampled_from(["conv", "conv", "max", "avg"]), pairs(1, 5),
                            pairs(1, 3), pairs(0, 3), pairs(1, 3), st.booleans()),
                  min_size=1, max_size=4)


@settings(max_examples=150)
@given(stacks, pairs(6, 24))
def test_trace_and_gradient_agree(layers, size):
    model, shape = nn.Sequential(*layers), (1, *size)
    try:
        rows = trace(model, shape)
    except ValueError as error:
        assume("does not fit" not in str(error))
        raise
    row = rows[-1]
    assert row.output_shape == model(torch.zeros(1, *shape)).shape[1:]
    last = tuple(length - 1 for length in row.output_shape[1:])
    for unit in {(0, 0), centre(row), last, (0, last[1])}:
        window = row.window(*unit)
        assert_same_window(measure(model, shape, row.name, unit).window, window)
        for field, index, pixels, length in zip(row.fields, unit, window, size, strict=True):
            by_formula = field.window(index, length)
            assert set(pixels) <= set(by_formula)
            if len(by_formula) == field.size:  # inside the image the formula is exact
                assert pixels == by_formula


def test_the_gradient_counts_the_paths():
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))
    measured = measure(model, (1, 9, 9), "1", (2, 3))
    paths = torch.tensor([1.0, 2, 3, 2, 1], dtype=torch.float64) / 9
    expected = torch.zeros(9, 9, dtype=torch.float64)
    expected[2:7, 3:8] = torch.outer(paths, paths)
    torch.testing.assert_close(measured.gradient, expected)
    assert measured.window == (range(2, 7), range(3, 8))
    assert measured.size == (5, 5)
    assert repr(measured) == "Measurement(window=(range(2, 7), range(3, 8)))"


def test_the_central_unit_is_the_default():
    model = nn.MaxPool2d(2)
    assert measure(model, (1, 8, 10), "MaxPool2d").window == (range(4, 6), range(4, 6))
    assert measure(model, (3, 8, 12), "MaxPool2d").window == (range(4, 6), range(6, 8))
    function = Forward(lambda x: F.max_pool2d(x, 2))
    assert measure(function, (3, 8, 12), "Forward").window == (range(4, 6), range(6, 8))


def test_all_channels_of_the_image_count():
    model = Forward(lambda x, conv: conv(x[:, 1:]), nn.Conv2d(2, 1, 3))
    assert measure(model, (3, 7, 7), "Forward").size == (3, 3)


@pytest.mark.parametrize("block", [
    nn.ReLU(), nn.Hardtanh(), nn.ReLU6(), nn.Softmax(1), nn.LogSoftmax(1), nn.Dropout(0.9),
    Forward(lambda x: F.dropout(x, 0.9)), Forward(lambda x: F.softmax(x, 1)),
    Forward(lambda x: x.softmax(1)), Forward(lambda x: F.max_pool2d(x, 1)),
    nn.LocalResponseNorm(3), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()),
], ids=str)
def test_nothing_blocks_the_gradient(block):
    model = nn.Sequential(nn.Conv2d(2, 4, 3), block, nn.Conv2d(4, 2, 3), nn.MaxPool2d(2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.neg_().sub_(3)  # so that every ReLU is shut
        for buffer in model.buffers():  # the running statistics
            buffer.fill_(1000)
    measured = measure(model, (2, 12, 12), "3", (1, 2))
    assert measured.window == (range(2, 8), range(4, 10))
    assert bool((measured.gradient[2:8, 4:10] > 0).all())
    torch.testing.assert_close(measured.gradient.sum(), torch.tensor(1.0, dtype=torch.float64))


@pytest.mark.parametrize("pool", [
    Forward(lambda x: F.max_pool2d(x, 3, 1)), Forward(lambda x: torch.max_pool2d(x, (3, 3), 1)),
    Forward(lambda x: F.max_pool2d(x, kernel_size=3, stride=1)), nn.MaxPool2d(3, 1)], ids=str)
def test_max_pooling_lets_all_of_its_window_through(pool):
    gradient = measure(nn.Sequential(pool), (1, 5, 5), "0").gradient
    torch.testing.assert_close(gradient[1:4, 1:4], torch.full((3, 3), 1 / 9, dtype=torch.float64))


def test_global_max_pooling_lets_everything_through():
    assert measure(nn.AdaptiveMaxPool2d(1), (1, 5, 6), "AdaptiveMaxPool2d").size == (5, 6)


def test_a_layer_that_the_next_one_overwrites_is_measured_before():
    def forward(x, small, large):
        y = small(x)
        y += large(x)  # in place
        return y

    model = Forward(forward, nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 3, padding=1))
    assert measure(model, (1, 7, 7), "layers.0").size == (1, 1)
    assert measure(model, (1, 7, 7), "Forward").size == (3, 3)


def test_a_layer_that_runs_twice_is_measured_the_first_time():
    shared = nn.Conv2d(1, 1, 3)
    assert measure(nn.Sequential(shared, shared), (1, 9, 9), "0").size == (3, 3)


def test_what_trace_refuses_measure_may_still_find():
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3))
    assert measure(model, (1, 9, 9), "2", (0, 1)).window == (range(4), range(4))


def test_a_unit_over_the_padding_sees_nothing():
    measured = measure(nn.Conv2d(1, 1, 1, padding=1), (1, 3, 3), "Conv2d", (0, 1))
    assert measured.size == (0, 0)
    assert not measured.gradient.any()


def test_measuring_without_gradients_switched_on():
    with torch.no_grad():
        assert measure(nn.Conv2d(1, 1, 3), (1, 5, 5), "Conv2d").size == (3, 3)


# Refused -----------------------------------------------------------------------------------------


def conv(**options) -> nn.Module:
    return nn.Conv2d(4, 4, 3, **options)


@pytest.mark.parametrize(("refused", "operation"), [
    (nn.Upsample(scale_factor=2), r"'1' \(Upsample\): trace cannot follow upsample_nearest2d from "
                                  "1 x 4 x 6 x 6 to 1 x 4 x 12 x 12"),
    (nn.ConvTranspose2d(4, 4, 2), r"\(ConvTranspose2d\): .*convolution"),
    (conv(padding=1, padding_mode="reflect"), r"\(Conv2d\): .*reflection_pad2d"),
    (conv(padding=1, padding_mode="circular"), r"\(Conv2d\): .*copy_"),
    (nn.ZeroPad2d(-1), "constant_pad_nd"),
    (nn.GroupNorm(2, 4), "native_group_norm"),
    (nn.InstanceNorm2d(4), "batch_norm"),
    (nn.BatchNorm2d(4, track_running_stats=False), "batch_norm"),
    (nn.Linear(6, 2), r"\(Linear\): .*view from 1 x 4 x 6 x 6 to 24 x 6"),
    (nn.Unfold(2), "im2col"),
    (nn.Softmax(2), "_softmax"),
    (nn.Sequential(nn.Flatten(), nn.Unflatten(1, (4, 6, 6))), r"\(Unflatten\): .*view"),
    (nn.Sequential(nn.Flatten(1, 2), nn.LSTM(6, 3)), r"\(Flatten\): .*view"),
    (nn.Sequential(nn.Flatten(), nn.RNN(144, 3)), r"\(RNN\)"),
    (nn.Sequential(nn.Flatten(0, 1), nn.Conv1d(6, 1, 1)), r"\(Conv1d\): .*convolution"),
    (Forward(lambda x: x.flip(2)), r"\(Forward\): .*flip"),
    (Forward(lambda x: x.transpose(2, 3)), "transpose"),
    (Forward(lambda x: x[:, :, 1:]), "slice"),
    (Forward(lambda x: x.flatten(1)[:, 5:]), "slice"),
    (Forward(lambda x: x.flatten(1).mean(0)), "mean"),
    (Forward(lambda x: x.mean(2)), "mean"),
    (Forward(lambda x: F.conv2d(x, torch.ones(1, 4, 1, 6)).expand(1, 1, 6, 6)), "expand"),
    (Forward(lambda x: x.amax((2, 3))), "amax"),
    (Forward(lambda x: (x * x.mean((2, 3), keepdim=True)).flip(2)), "flip"),
    (Forward(lambda x: F.conv2d(x, x.mean((2, 3), keepdim=True))), "convolution"),
    (Forward(lambda x: torch.cat([x, x], dim=2)), "cat"),
    (Forward(lambda x: torch.cat([x, x], dim=-1)), "cat"),
    (Forward(lambda x: x / x.sum().item()), "_local_scalar_dense.*to a number"),
    (Forward(lambda x: x + torch.tensor(x[0, 0].tolist())), "slice|select"),
    (Forward(lambda x: F.conv2d(torch.ones(1, 4, 9, 9), x)), "convolution"),
    (Forward(lambda x: x + F.conv2d(x, torch.ones(1, 4, 6, 1)).flatten(1)), "add"),
    (Forward(lambda x: F.conv2d(x, torch.ones(1, 4, 6, 6)) * torch.ones(6, 6)), "mul"),
    (Forward(lambda x: torch.zeros(1, 4, 6, 6).copy_(x)), "copy_"),
    (Forward(lambda x, conv: x.add_(conv(x)), conv(padding=1)), r"add_ writes into a tensor"),
    (Forward(lambda x: torch.tensor(x.numpy())), r"cannot be followed back"),
])
def test_what_cannot_be_followed_is_refused_by_name(refused, operation):
    with pytest.raises(NotImplementedError, match=operation):
        trace(nn.Sequential(conv(), refused), (4, 8, 8))


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


@pytest.mark.parametrize("ask", [trace, lambda model, shape: measure(model, shape, "0")])
def test_neither_a_model_nor_a_shape(ask):
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module, not str"):
        ask("lenet5", (1, 32, 32))
    for shape in [(32, 32), (1, 1, 32, 32), (1, 0, 32)]:
        with pytest.raises(ValueError, match=r"channels x height x width, such as \(1, 32, 32\)"):
            ask(nn.Sequential(nn.Conv2d(1, 1, 3)), shape)


def test_layers_and_units_that_are_not_there():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3))
    with pytest.raises(KeyError, match="no layer is called 'c3'; there are Sequential, 0, 1, 2"):
        measure(model, (1, 8, 8), "c3")
    for unit in [(6, 0), (0, 6), (-1, 0)]:
        with pytest.raises(ValueError, match=r"'0' has 6 x 6 units, numbered from 0; .*none at"):
            measure(model, (1, 8, 8), "0", unit)
    with pytest.raises(ValueError, match=r"'2' has no maps, so no unit at \(0, 0\)"):
        measure(model, (1, 8, 8), "2", (0, 0))


def test_layers_that_say_nothing_about_the_input():
    idle = Forward(lambda x, conv, idle: conv(x), nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))
    with pytest.raises(ValueError, match=r"layer 'layers\.1' did not run"):
        measure(idle, (1, 8, 8), "layers.1")
    constant = Forward(lambda x: torch.ones(1, 1, 2, 2))
    with pytest.raises(ValueError, match="not a tensor that depends on the input"):
        measure(constant, (1, 8, 8), "Forward")
    assert [row.name for row in trace(idle, (1, 8, 8))] == ["layers.0"]


# The caller's model ------------------------------------------------------------------------------


def fragile(x, first, norm, last):
    x = norm(first(x))
    if x.shape[-1] < 4:
        raise RuntimeError("too small for me")
    return last(x)


@pytest.mark.parametrize("ask", [trace, lambda model, shape: measure(model, shape, "layers.2")],
                         ids=["trace", "measure"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 5, 5)], ids=["runs", "raises"])
def test_the_model_stays_as_it_was(ask, shape):
    model = Forward(fragile, nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 3))
    model.layers[2].eval()
    model(torch.rand(2, 1, 8, 8)).sum().backward()
    model.layers[0].weight.requires_grad_(False)
    calls = []
    model.register_forward_hook(lambda *_: calls.append("mine"))
    state = copy.deepcopy(model.state_dict())
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    free = [p.requires_grad for p in model.parameters()]
    modes = [module.training for module in model.modules()]

    if shape == (1, 8, 8):
        ask(model, shape)
    else:
        with pytest.raises(RuntimeError, match="too small for me"):
            ask(model, shape)

    assert all(torch.equal(now, state[name]) for name, now in model.state_dict().items())
    assert model.layers[0].weight.dtype == torch.float32
    for parameter, grad in zip(model.parameters(), grads, strict=True):
        assert (parameter.grad is None) if grad is None else torch.equal(parameter.grad, grad)
    assert [p.requires_grad for p in model.parameters()] == free
    assert [module.training for module in model.modules()] == modes
    assert [len(module._forward_hooks) for module in model.modules()] == [1, 0, 0, 0, 0]
    assert not any(module._forward_pre_hooks for module in model.modules())
    model(torch.rand(1, 1, 8, 8))  # nothing is left that would look in


def test_hooks_of_the_caller_take_part():
    model = nn.Sequential(nn.Conv2d(1, 1, 3))
    model.register_forward_pre_hook(lambda module, inputs: (F.pad(inputs[0], (1, 1, 1, 1)),))
    assert trace(model, (1, 5, 5))["0"].field == ReceptiveField(3, 1, 0)
    assert measure(model, (1, 5, 5), "0", (0, 0)).size == (2, 2)


def test_a_model_in_double_precision():
    model = nn.Sequential(nn.Conv2d(1, 1, 3)).double()
    assert trace(model, (1, 5, 5))["0"].field.size == measure(model, (1, 5, 5), "0").size[0] == 3


def test_brute_force_over_all_units_of_a_stack_with_gaps():
    # Kernel 2 at dilation 3 and a stride larger than its kernel: fields with holes at the border.
    model = nn.Sequential(nn.Conv2d(1, 1, 2, padding=2, dilation=3), nn.MaxPool2d(1, stride=2),
                          nn.Conv2d(1, 1, 3, padding=2))
    rows = trace(model, (1, 7, 7))
    for row in rows:
        for unit in product(*map(range, row.output_shape[1:])):
            assert_same_window(measure(model, (1, 7, 7), row.name, unit).window, row.window(*unit))


def test_the_patches_that_chapter_9_cuts_out_are_all_that_their_units_see():
    """The patch of the strongest unit of each C3 map over some digits: noise outside changes nothing,
    and each pixel at a corner of the patch changes something."""
    net = models.pretrained("lenet5-1998").requires_grad_(False)[:5].double()
    digits = mnist.load_mnist()[0][:500].inputs(size=32, scaling="paper").double()
    field = trace(net, (1, 32, 32))["c3"]
    strength, place = net(digits).flatten(2).max(dim=2)
    noise = torch.randn(1, 1, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for m, digit in enumerate(strength.argmax(dim=0).tolist()):
        unit = divmod(place[digit, m].item(), 10)
        rows, columns = field.window(*unit)
        assert len(rows) == len(columns) == 14
        outside = noise.clone()
        outside[..., rows.start:rows.stop, columns.start:columns.stop] = 0
        picture = digits[digit:digit + 1]
        assert net(picture + outside)[0, m][unit] == pytest.approx(strength[digit, m].item(), abs=1e-12)
        for row, column in product((rows[0], rows[-1]), (columns[0], columns[-1])):
            inside = picture.clone()
            inside[..., row, column] += 1
            assert abs(net(inside)[0, m][unit] - strength[digit, m]) > 1e-6


@pytest.mark.parametrize("layer", ["0", "2", "3", "5", "6", "8", "10", "12"])
def test_torchvisions_alexnet(layer):
    """Every convolution and pooling of the published features: measured is traced."""
    from torchvision.models import AlexNet
    features = AlexNet().features
    row = trace(features, (3, 224, 224))[layer]
    unit = (row.output_shape[1] // 2, row.output_shape[2] // 2)
    assert measure(features, (3, 224, 224), layer).window == row.window(*unit)


def test_torchvisions_vgg16():
    from torchvision.models.vgg import cfgs, make_layers
    features = make_layers(cfgs["D"])
    table = trace(features, (3, 224, 224))
    assert (table["28"].field.size, table["30"].field.size) == (196, 212)
    assert measure(features, (3, 224, 224), "30").window == table["30"].window(3, 3)
