"""Networks that go up again, and those that normalise: windows by hand and by gradient."""

import random
import re
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from forward import Forward
from random_nets import random_net
from stacks import assert_measured
from torch import nn

from lenet_book.receptive_field import ReceptiveField, trace


def firsts_and_stops(row) -> list[tuple[int, int]]:
    return [(window.start, window.stop) for window in row.windows[0]]


@pytest.mark.parametrize(("layer", "windows"), [
    (nn.ConvTranspose2d(1, 1, 2, 2), [(0, 1), (0, 1), (1, 2), (1, 2), (2, 3), (2, 3)]),
    # unit u is reached from pixel i by tap u + 1 - 2i, which is 0, 1 or 2
    (nn.ConvTranspose2d(1, 1, 3, 2, 1), [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]),
    (nn.ConvTranspose2d(1, 1, 3, 2, 1, 1), [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (2, 3)]),
    (nn.ConvTranspose2d(1, 1, 1, 2), [(0, 1), (0, 0), (1, 2), (0, 0), (2, 3)]),  # holes
    (nn.Upsample(scale_factor=2), [(0, 1), (0, 1), (1, 2), (1, 2), (2, 3), (2, 3)]),
    (nn.Upsample(size=6, mode="nearest-exact"), [(0, 1), (0, 1), (1, 2), (1, 2), (2, 3), (2, 3)]),
    (nn.Sequential(nn.Conv2d(1, 4, 1), nn.PixelShuffle(2)),
     [(0, 1), (0, 1), (1, 2), (1, 2), (2, 3), (2, 3)]),
    # what a convolution of 3 reads of pixels that stand there twice: two or one on either side
    (nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3)), [(0, 2), (0, 2), (1, 3), (1, 3)]),
], ids=str)
def test_units_that_lie_closer_than_pixels_have_windows_and_no_field(layer, windows):
    rows = trace(layer, (1, 3, 3))
    assert firsts_and_stops(rows[-1]) == windows
    assert rows[-1].fields == (None, None)
    assert_measured(layer, (1, 3, 3), rows[-1], *((u, 0) for u in range(len(windows))))


def test_a_row_without_a_field_says_so_and_shows_its_largest_window():
    row = trace(nn.ConvTranspose2d(1, 1, 3, 2, 1), (1, 3, 3))[0]
    with pytest.raises(ValueError, match=r"ConvTranspose2d has no one field: .*up to 2 x 2 pixels: "
                                         r"use \.window\(row, column\)"):
        _ = row.field
    table = repr(trace(nn.ConvTranspose2d(1, 1, (3, 5), (2, 1)), (1, 3, 3)))
    assert table.splitlines()[-2:] == [
        "ConvTranspose2d  ConvTranspose2d  1 x 7 x 7  ≤2 x 5  - x 1  - x -2",
        "≤ is the largest window: the units of ConvTranspose2d have no one size and jump; "
        ".window(row, column) is exact"]
    twice = trace(nn.Sequential(*[nn.Upsample(scale_factor=2)] * 2), (1, 3, 3))
    assert "the units of 0 have no one size" in repr(twice)


@pytest.mark.parametrize("layer", [
    nn.ConvTranspose2d(1, 1, 3), nn.ConvTranspose2d(1, 1, 3, padding=2, dilation=2),
    nn.Sequential(nn.MaxPool2d(2), nn.ConvTranspose2d(1, 1, (2, 3), padding=1))], ids=str)
def test_a_transposed_convolution_without_stride_is_a_convolution(layer):
    row = trace(layer, (1, 24, 24))[-1]
    for u in range(4, len(row.windows[0]) - 4):
        assert row.windows[0][u] == row.fields[0].window(u, 24)
    assert_measured(layer, (1, 24, 24), row, (0, 2))


def test_down_and_up_again():
    """PixelUnshuffle is a pooling; what a dense layer reads, is seen wherever it is laid out again."""
    assert trace(nn.PixelUnshuffle(2), (1, 8, 8))[0].field == ReceptiveField(2, 2, 0.5)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=4),
                          nn.ConvTranspose2d(2, 1, 2, 2))
    assert [row.field.size for row in trace(model, (1, 8, 8))] == [3, 8, 8, 8]


@pytest.mark.parametrize("crop", [nn.ZeroPad2d((-1, 1, -2, 0)), Forward(lambda x: x[:, :, 2:, 1:]),
                                  Forward(lambda x: F.pad(x, (-1, 0, -2, -1)))])
def test_cropping_shifts_the_start(crop):
    row = trace(nn.Sequential(nn.Conv2d(1, 1, 3), crop, nn.MaxPool2d(1)), (1, 12, 12))[-1]
    assert [(field.size, field.jump, field.start) for field in row.fields] == [(3, 1, 3), (3, 1, 2)]
    assert row.window(0, 0) == (range(2, 5), range(1, 4))
    every_second = trace(Forward(lambda x, last: last(x[..., 1::2]), nn.MaxPool2d(1)), (1, 9, 9))[-1]
    assert every_second.fields == (ReceptiveField(1, 1, 0), ReceptiveField(1, 2, 1))


@pytest.mark.parametrize("layer", [
    nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.BatchNorm2d(4, track_running_stats=False),
    nn.LayerNorm((4, 7, 7)), nn.LayerNorm((7, 7)), Forward(lambda x: x.softmax(3).softmax(2)),
    Forward(lambda x, dense: x * dense(x.mean((2, 3)))[:, :, None, None].sigmoid(), nn.Linear(4, 4)),
    Forward(lambda x: x / x.amax((2, 3), keepdim=True))], ids=str)
def test_what_normalises_over_the_image_sees_all_that_the_maps_see(layer):
    # 10 pixels of 11 are seen, by 7 units
    model = nn.Sequential(nn.Conv2d(1, 4, 4), nn.ZeroPad2d((0, -1, 0, -1)), layer,
                          nn.Conv2d(4, 1, 1, padding=1))
    rows = trace(model, (1, 11, 11))
    assert rows["2"].field == ReceptiveField(10, 0, 4.5)
    assert rows["3"].window(4, 7) == (range(10), range(10))
    assert_measured(model, (1, 11, 11), rows["3"], (1, 1), (4, 7), (0, 3))  # the last over padding


@pytest.mark.parametrize("layers", [
    [nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=8)],
    [nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=4), nn.ZeroPad2d(2), nn.MaxPool2d(2)],
    [nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 1, 1, padding=1)],
    [nn.AdaptiveMaxPool2d(1), nn.Conv2d(1, 1, 1, padding=1), nn.Conv2d(1, 1, 3, padding=1)],
    [nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=2), nn.ConvTranspose2d(1, 1, 1, 3, 1)],
    [nn.Flatten(), nn.Linear(64, 4), nn.Unflatten(1, (1, 2, 2)), nn.MaxPool2d(2, 2, 1, dilation=3)],
], ids=str)
def test_every_unit_after_a_global_pooling_has_its_window(layers):
    """Those that read only padding, or fall between the units of before, see nothing."""
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), *layers)
    row = trace(model, (1, 8, 8))[-1]
    assert tuple(map(len, row.windows)) == row.output_shape[1:]
    assert_measured(model, (1, 8, 8), row, *product(*map(range, row.output_shape[1:])))


def test_normalising_over_a_row_joins_its_columns_alone():
    rows = trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.LayerNorm(7)), (1, 9, 9))
    assert rows["1"].fields == (ReceptiveField(3, 1, 1), ReceptiveField(9, 0, 4))


@pytest.mark.parametrize("seed", range(30))
def test_random_nets_traced_and_measured(seed):
    model, shape = random_net(seed)
    row = trace(model, shape)[-1]
    height, width = map(len, row.windows)
    draw = random.Random(seed)
    assert_measured(model, shape, row, (draw.randrange(height), draw.randrange(width)),
                    (height - 1, width // 2))


def test_torchvisions_alexnet_of_an_image_of_another_size():
    """7 x 7 units into 6 x 6: the third window reads units 2 and 3, the fifth units 4 and 5."""
    from torchvision.models import AlexNet
    with torch.device("meta"):
        model = AlexNet()
    rows = trace(model, (3, 256, 256))
    field = rows["features.12"].field
    assert (field.size, field.jump, field.first) == (195, 32, -66)
    assert rows["avgpool"].window(2, 4) == (range(0, -66 + 3*32 + 195), range(-66 + 4*32, 256))
    assert_measured(model, (3, 256, 256), rows["avgpool"], (2, 4))
    assert re.search(r"avgpool .* 256 x 6 x 6 +≤226 +- +-\n", repr(rows))
    for name in ("classifier.1", "classifier.4", "classifier.6"):
        assert rows[name].window() == (range(256), range(256))
