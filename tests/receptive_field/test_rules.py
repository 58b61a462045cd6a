"""What each kind of operation does to the receptive field, where paths meet, and what is refused."""

import pytest
import torch
import torch.nn.functional as F
from forward import Forward
from random_nets import LayerNorm2d
from stacks import assert_measured, sizes
from torch import nn

from lenet_book.receptive_field import ReceptiveField, measure, trace


@pytest.mark.parametrize("layer", [
    nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.LeakyReLU(), nn.PReLU(), nn.ELU(), nn.SELU(),
    nn.GELU(), nn.SiLU(), nn.Mish(), nn.Mish(inplace=True), nn.Sigmoid(), nn.LogSigmoid(),
    nn.RReLU(), nn.Tanh(), nn.Hardtanh(), nn.Hardsigmoid(), nn.Hardswish(), nn.Softplus(),
    nn.LeakyReLU(inplace=True), nn.ELU(inplace=True), nn.CELU(inplace=True), nn.SELU(inplace=True),
    nn.Hardsigmoid(inplace=True), nn.Hardtanh(inplace=True), nn.ReLU6(inplace=True),
    nn.Softsign(), nn.Softmax(1), nn.Softmax2d(), nn.LogSoftmax(1), nn.BatchNorm2d(4), nn.Dropout(),
    nn.Dropout2d(), nn.LocalResponseNorm(3), nn.Identity(), nn.ZeroPad2d(0), LayerNorm2d(4),
    nn.ChannelShuffle(2), nn.GLU(1), nn.Sequential(nn.Unflatten(1, (4, 1)), nn.Flatten(1, 2)),
    Forward(lambda x: x * torch.sigmoid(x) + 1), Forward(lambda x: x.add_(1)),
    Forward(lambda x: x.double().float().detach().contiguous()), Forward(lambda x: x[:, :2]),
    Forward(lambda x: x.chunk(4, dim=1)[2]), Forward(lambda x: x.unsqueeze(1).squeeze(1)),
    Forward(lambda x: x + torch.ones_like(x)), Forward(lambda x: x.new_ones(4, 1, 1) * x),
    Forward(lambda x: torch.empty_like(x, memory_format=torch.channels_last).copy_(x)),
    Forward(lambda x: torch.zeros(1, 4, 6, 6).copy_(x.relu()).sigmoid_()),
    Forward(lambda x: F.normalize(x, dim=1)), Forward(lambda x: x - x.amax(1, keepdim=True)),
    Forward(lambda x: F.dropout(x)), Forward(lambda x: torch.native_dropout(x, 0.5, True)[0]),
], ids=lambda layer: type(layer).__name__)
def test_what_works_on_each_unit_keeps_the_field_and_has_no_row(layer):
    rows = trace(nn.Sequential(nn.Conv2d(1, 4, 3), layer, nn.MaxPool2d(2)), (1, 8, 8))
    assert [(row.name, row.field) for row in rows] == [
        ("0", ReceptiveField(3, 1, 1)), ("2", ReceptiveField(4, 2, 1.5))]


@pytest.mark.parametrize("parametrise", [
    nn.Identity(), nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm])
def test_a_1x1_convolution_is_a_layer_though_the_field_stays(parametrise):
    rows = trace(nn.Sequential(nn.Conv2d(1, 4, 3), parametrise(nn.Conv2d(4, 4, 1))), (1, 8, 8))
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
    assert sizes(trace(model, (1, 8, 8)))[1:] == [(8, 0)] * 4


def test_adaptive_pooling_to_more_than_one_unit():
    assert trace(nn.AdaptiveAvgPool2d(4), (1, 8, 8))[0].field == ReceptiveField(2, 2, 0.5)
    rows = trace(nn.AdaptiveMaxPool2d((1, 4)), (1, 8, 8))
    assert rows[0].fields == (ReceptiveField(8, 0, 3.5), ReceptiveField(2, 2, 0.5))
    # 8 units into 3 are 0 ... 2, 2 ... 5 and 5 ... 7: no one size
    rows = trace(nn.AdaptiveAvgPool2d(3), (1, 8, 8))
    assert rows[0].fields == (None, None)
    assert rows[0].windows == ((range(3), range(2, 6), range(5, 8)),) * 2


def test_padding_by_itself_shifts_the_start():
    rows = trace(nn.Sequential(nn.ZeroPad2d((1, 2, 3, 0)), nn.Conv2d(1, 1, 3)), (1, 8, 8))
    assert [axis.start for axis in rows["1"].fields] == [-2, 0]  # rows by the top, columns by left
    assert rows["1"].output_shape == (1, 9, 9)
    assert rows["1"].window(8, 8) == (range(5, 8), range(7, 8))
    rows = trace(Forward(lambda x, conv: conv(F.pad(x, (2, 2))), nn.Conv2d(1, 1, 3)), (1, 8, 8))
    assert [axis.start for axis in rows[0].fields] == [1, -1]  # the columns alone


def test_where_rows_were_dropped_the_formula_is_an_upper_bound():
    # 6 pixels at stride 2 give 2 units, which see 0 ... 4. Pixel 5 is dropped, and what the next
    # layer reads beyond them is padding, though the formula takes it for a third unit.
    model = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 3, padding=1))
    row = trace(model, (1, 6, 6))["1"]
    assert row.field.window(1, 6) == range(0, 6)
    assert row.window(1, 1) == measure(model, (1, 6, 6), "1", (1, 1)).window == (range(5), range(5))


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
    assert_measured(model, (1, 64, 64), rows["3"], (0, 0), (8, 8), (15, 3))


def test_paths_of_different_start_are_covered_together():
    def forward(x, left, right):
        return left(F.pad(x, (2, 0, 2, 0))) + right(F.pad(x, (0, 2, 0, 2)))

    model = Forward(forward, nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))
    rows = trace(model, (1, 9, 9))
    assert [row.field.start for row in rows] == [-1, 1, 0]
    assert rows[-1].field == ReceptiveField(5, 1, 0)
    assert measure(model, (1, 9, 9), "Forward").window == rows[-1].window(4, 4)


def gate(x, conv, dense):
    x = conv(x)
    return x * torch.sigmoid(dense(x.mean((2, 3))))[:, :, None, None]


def vectors(x, fine, coarse):
    return torch.cat([fine(x).flatten(1), coarse(x).flatten(1)], dim=1)


def groups(x, wide):
    one, other = x.split(2, dim=1)
    return torch.cat([wide(one), other], dim=1)


def spread(x, pool, up):
    return torch.cat([x, up(pool(x))], dim=1)


@pytest.mark.parametrize(("model", "fields"), [
    # a residual block
    (Forward(lambda x, conv: x + conv(x), nn.Conv2d(1, 1, 3, padding=1)), [(3, 1, 0)] * 2),
    # a gate over the whole image makes every unit see it, and what comes after
    (nn.Sequential(Forward(gate, nn.Conv2d(1, 4, 3), nn.Linear(4, 4)), nn.Conv2d(4, 1, 3, padding=1)),
     [(3, 1, 1), (8, 0, 3.5), (8, 0, 3.5), (8, 0, 3.5)]),
    # maps of one unit serve all units: 1 x 1 and 6 x 6, both at jump 1
    (Forward(lambda x, small, large: small(x) * large(x), nn.Conv2d(1, 1, 8), nn.Conv2d(1, 1, 3)),
     [(8, 1, 3.5), (3, 1, 1), (8, 0, 3.5)]),
    # vectors of different maps, joined before a dense layer
    (nn.Sequential(Forward(vectors, nn.MaxPool2d(5, 1), nn.AvgPool2d(2, 2)), nn.Linear(16 + 16, 2)),
     [(5, 1, 2), (2, 2, 0.5), (8, 0, 3.5), (8, 0, 3.5)]),
    # two groups of maps, apart and together again
    (nn.Sequential(nn.Conv2d(1, 4, 3), Forward(groups, nn.Conv2d(2, 2, 3, padding=1))),
     [(3, 1, 1), (5, 1, 1), (5, 1, 1)]),
    # what sees everything may be spread out again
    *((Forward(spread, pool, nn.Upsample(scale_factor=8)), [(8, 0, 3.5)] * 3)
      for pool in (nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1))),
])
def test_where_paths_meet(model, fields):
    rows = trace(model, (1, 8, 8))
    assert [row.field for row in rows] == [ReceptiveField(*field) for field in fields]
    if fields[-1][1] == 0 and rows[-1].output_shape[1:]:
        last = (rows[-1].output_shape[1] - 1, 0)
        assert rows[-1].window(*last) == (range(8), range(8))


def test_paths_whose_jumps_disagree_have_windows_and_no_field():
    model = Forward(lambda x, a, b: torch.cat([a(x), b(x)], dim=1), nn.Conv2d(1, 1, 2, stride=2),
                    nn.Conv2d(1, 1, 5))
    row = trace(model, (1, 8, 8))["Forward"]
    assert row.fields == (None, None)
    assert row.windows == ((range(5), range(1, 6), range(2, 7), range(3, 8)),) * 2
    assert_measured(model, (1, 8, 8), row, (0, 3), (1, 2))


def test_a_path_that_is_blind_in_some_rows_is_refused():
    """In odd rows the dilated path sees nothing, so that the columns of the other count alone."""
    model = nn.Sequential(
        nn.ConvTranspose2d(1, 1, (1, 3), stride=2, padding=(0, 1), output_padding=1),
        Forward(lambda x, a, b: torch.cat([a(x), b(x)], dim=1), nn.Conv2d(1, 1, 3, padding=1),
                nn.Conv2d(1, 1, 5, padding=4, dilation=2)))
    with pytest.raises(NotImplementedError, match=r"'1' \(Forward\): paths meet of which one sees"):
        trace(model, (1, 9, 9))
    assert measure(model, (1, 9, 9), "1", (7, 8)).window == (range(3, 5), range(3, 6))
    assert measure(model, (1, 9, 9), "1", (8, 8)).window == (range(2, 7), range(2, 7))


def into_a_tensor_with_a_view(x):
    new = torch.zeros_like(x)
    view = new[:, :2]
    new.copy_(x)
    return view


def conv(**options) -> nn.Module:
    return nn.Conv2d(4, 4, 3, **options)


@pytest.mark.parametrize(("refused", "operation"), [
    (nn.Upsample(scale_factor=2, mode="bilinear"),
     r"'1' \(Upsample\): trace cannot follow upsample_bilinear2d from 1 x 4 x 6 x 6 to 1 x 4 x 12 x"),
    (nn.Upsample(scale_factor=2.1), "upsample_nearest2d"), (nn.Upsample(size=3), "upsample_nearest2d"),
    (nn.Sequential(nn.Flatten(2), nn.TransformerEncoderLayer(36, 2)), r"\(Flatten\): .*view"),
    (conv(padding=1, padding_mode="reflect"), r"\(Conv2d\): .*reflection_pad2d"),
    (conv(padding=1, padding_mode="circular"), r"\(Conv2d\): .*copy_"),
    (nn.Linear(6, 2), r"\(Linear\): .*view from 1 x 4 x 6 x 6 to 24 x 6"),
    (nn.Unfold(2), "im2col"),
    (nn.Sequential(nn.Flatten(), nn.Unflatten(1, (4, 6, 6))), r"\(Unflatten\): .*view"),
    (nn.Sequential(nn.Flatten(1, 2), nn.LSTM(6, 3)), r"\(Flatten\): .*view"),
    (nn.Sequential(nn.Flatten(), nn.RNN(144, 3)), r"\(RNN\)"),
    (nn.Sequential(nn.Flatten(0, 1), nn.Conv1d(6, 1, 1)), r"\(Conv1d\): .*convolution"),
    (Forward(lambda x: x.flip(2)), r"\(Forward\): .*flip"),
    (Forward(lambda x: x.transpose(2, 3)), "transpose"),
    (Forward(lambda x: x.flatten(1)[:, 5:]), "slice"),
    (Forward(lambda x: x.flatten(1).mean(0)), "mean"),
    (Forward(lambda x: x[..., :4, :4].mean(2)), "mean"),
    (Forward(lambda x: x.permute(0, 2, 3, 1).mean(-1)), "mean"),
    (Forward(lambda x: F.avg_pool2d(x.permute(0, 2, 3, 1), 2)), "avg_pool2d"),
    (Forward(lambda x: x[..., :4, :4] + x[..., :4, :4].permute(0, 2, 3, 1)), "add"),
    (Forward(lambda x: F.conv2d(x, torch.ones(1, 4, 1, 6)).expand(1, 1, 6, 6)), "expand"),
    (Forward(lambda x: (x * x.mean((2, 3), keepdim=True)).flip(2)), "flip"),
    (Forward(lambda x: F.conv2d(x, x.mean((2, 3), keepdim=True))), "convolution"),
    (Forward(lambda x: torch.cat([x, x], dim=2)), "cat"),
    (Forward(lambda x: torch.cat([x, x], dim=-1)), "cat"),
    (Forward(lambda x: torch.cat([F.adaptive_avg_pool2d(x, 1), torch.ones(1, 4, 1, 1)], dim=2)), "cat"),
    (Forward(lambda x: torch.cat([part.mean((2, 3), keepdim=True) for part in (x, x[:, :, :2])], 2)),
     "cat"),
    (Forward(lambda x: F.unfold(F.adaptive_avg_pool2d(x, 1), 1, padding=1)), "im2col"),
    (Forward(lambda x: x / x.sum().item()), "_local_scalar_dense.*to a number"),
    (Forward(lambda x: x + torch.tensor(x[0, 0].tolist())), "slice|select"),
    (Forward(lambda x: F.conv2d(torch.ones(1, 4, 9, 9), x)), "convolution"),
    (Forward(lambda x: x + F.conv2d(x, torch.ones(1, 4, 6, 1)).flatten(1)), "add"),
    (Forward(lambda x: F.conv2d(x, torch.ones(1, 4, 6, 6)) * torch.ones(6, 6)), "mul"),
    (Forward(lambda x: torch.zeros(1, 4, 6, 6).copy_(x[..., :1])), "copy_"),
    (Forward(lambda x: torch.zeros(2, 4, 6, 6)[:1].copy_(x)), "copy_"),  # a part of what is read later
    (Forward(into_a_tensor_with_a_view), "copy_"),
    (Forward(lambda x: torch.zeros(2, 144).copy_(x.flatten(1))), "copy_"),
    (Forward(lambda x, conv: x.add_(conv(x)), conv(padding=1)), r"add_ writes into a tensor"),
    (Forward(lambda x: torch.tensor(x.numpy())), r"cannot be followed back"),
])
def test_what_cannot_be_followed_is_refused_by_name(refused, operation):
    with pytest.raises(NotImplementedError, match=operation):
        trace(nn.Sequential(conv(), refused), (4, 8, 8))
