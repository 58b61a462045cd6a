"""What each kind of layer and of function costs, by hand."""

import copy

import pytest
import torch
import torch.nn.functional as F
from forward import Forward
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations

from lenet_book.ledger import ledger


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12))
def test_adaptive_pooling_by_enumeration(size, positions):
    row = ledger(nn.AdaptiveAvgPool1d(positions), (2, size))[0]
    x = torch.eye(size).unsqueeze(1)  # one image for each input pixel
    read = nn.AdaptiveAvgPool1d(positions)(x).count_nonzero().item()
    assert row.connections == 2 * read


# Of 4 x 8 x 8, which are 256 units, unless another shape is given.
KINDS = [
    (nn.Conv1d(1, 8, 3), 4 * 784, 3 * 784, (1, 100)),
    (nn.Conv3d(1, 2, 3), 28 * 432, 27 * 432, (1, 8, 8, 8)),
    # Each input goes to each kernel weight of its group; one bias for each output.
    (nn.ConvTranspose1d(4, 2, 3, 2, 1), 32 * 6 + 2 * 15, 32 * 6, (4, 8)),
    (nn.ConvTranspose2d(4, 2, 3, 2, 1), 256 * 18 + 2 * 225, 256 * 18, None),
    (nn.ConvTranspose2d(4, 4, 3, groups=2), 256 * 18 + 4 * 100, 256 * 18, None),
    (nn.ConvTranspose3d(2, 3, 2, 2, bias=False), 54 * 24, 54 * 24, (2, 3, 3, 3)),
    (nn.MaxPool2d(3, 1, padding=1), 9 * 256, 0, None),
    (nn.MaxPool3d(2), 8 * 16, 0, (2, 4, 4, 4)),
    (nn.AvgPool1d(4, 2), 4 * 12, 0, (4, 8)),
    (nn.AdaptiveMaxPool2d((1, None)), 256, 0, None),
    (nn.AdaptiveAvgPool2d(1), 256, 0, None),
    # A scale and a shift, and the statistics if they are the input's own: mean and variance.
    (nn.BatchNorm2d(4), 2 * 256, 256, None),
    (nn.BatchNorm2d(4, affine=False), 256, 256, None),
    (nn.BatchNorm2d(4, track_running_stats=False), 4 * 256, 256, None),
    (nn.InstanceNorm2d(4), 2 * 256, 0, None),
    (nn.InstanceNorm2d(4, affine=True, track_running_stats=True), 2 * 256, 256, None),
    (nn.LayerNorm(8), 4 * 256, 256, None),
    (nn.LayerNorm(8, bias=False), 3 * 256, 256, None),
    (nn.GroupNorm(2, 4), 4 * 256, 256, None),
    (nn.RMSNorm(8), 2 * 256, 256, None),  # no mean, no shift
    (nn.LocalResponseNorm(3), 3 * 256, 0, None),
    # A unit is a copy of one input, or a mean of its neighbours.
    (nn.Upsample(scale_factor=2), 4 * 256, 0, None),
    (nn.Upsample(scale_factor=2, mode="bilinear"), 4 * 4 * 256, 0, None),
    (nn.Upsample(scale_factor=2, mode="bicubic"), 16 * 4 * 256, 0, None),
    (nn.PixelShuffle(2), 0, 0, None),
    (nn.PixelUnshuffle(2), 0, 0, None),
    (nn.ReflectionPad2d(2), 0, 0, None),
    (nn.PReLU(4), 0, 0, None),  # an activation, though it learns
    (nn.Hardswish(inplace=True), 0, 0, None),
    (nn.GLU(1), 0, 0, None),
    # Seven steps of 4 gates with 4 + 5 inputs for 5 units, of 3 gates, and of 2 layers x 2 directions.
    (nn.LSTM(4, 5), 7 * (20 * 9 + 40), 7 * 20 * 9, (7, 4)),
    (nn.LSTM(4, 5, bias=False), 7 * 20 * 9, 7 * 20 * 9, (7, 4)),
    (nn.GRU(4, 5), 7 * (15 * 9 + 30), 7 * 15 * 9, (7, 4)),
    (nn.GRU(4, 5, 2, bidirectional=True), 7 * (30 * 9 + 30 * 15 + 120), 7 * (30 * 9 + 30 * 15), (7, 4)),
    (nn.LSTM(4, 5, proj_size=2), 7 * (20 * 6 + 10 + 40), 7 * (20 * 6 + 10), (7, 4)),
]


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # that it takes its slower way
@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(("layer", "connections", "macs", "shape"), KINDS,
                         ids=[str(kind[0]) for kind in KINDS])
def test_kinds_by_hand(layer, connections, macs, shape, device):
    """On "meta" PyTorch takes other ways, as through an LSTM; they come to the same."""
    model = copy.deepcopy(nn.Sequential(layer)).to(device)
    table = ledger(model, shape or (4, 8, 8))
    assert (table.connections, table.macs, table.not_counted) == (connections, macs, ())
    assert table.parameters == sum(p.numel() for p in layer.parameters())


A, W, ROW = torch.ones(5, 8), torch.ones(6, 4, 3, 3), torch.ones(8)
FUNCTIONS = [
    (lambda x, w: F.conv2d(x, w), (W,), 36 * 216, 36 * 216),
    (lambda x, w, b: F.linear(x, w, b), (A, torch.ones(5)), 32 * 45, 32 * 40),
    (lambda x, w, b: x.mT @ w.mT + b, (A, torch.ones(5)), 32 * 45, 32 * 40),
    (lambda x, w: torch.einsum("nchw,ow->ncho", x, w), (A,), 8 * 160, 8 * 160),
    (lambda x, w: x[0, 0] @ w, (ROW,), 64, 64),
    (lambda x, w: x[0, 0, 0] @ w, (ROW,), 8, 8),
    (lambda x, w, b: torch.addmv(b, w, x[0, 0, 0]), (A, torch.ones(5)), 45, 40),
    (lambda x: torch.bmm(x[0], x[0]), (), 8 * 256, 8 * 256),
    # Scores of each of 8 positions with 8, of 8 features; then means of 8 positions.
    (lambda x: F.scaled_dot_product_attention(x, x, x), (), 2 * 8 * 256, 2 * 8 * 256),
    (lambda x, w: F.scaled_dot_product_attention(x, x, x, attn_mask=w.detach()), (torch.ones(8, 8),),
     2 * 8 * 256 + 256, 2 * 8 * 256),
    (lambda x: F.max_pool2d(x, 2, 1), (), 4 * 4 * 49, 0),
    (lambda x: F.max_pool2d(x, [2], [1]), (), 4 * 4 * 49, 0),
    (lambda x: F.adaptive_avg_pool2d(x, 1), (), 256, 0),
    (lambda x: x.mean((2, 3)), (), 256, 0),
    (lambda x: x.amax(1), (), 256, 0),
    (lambda x: F.interpolate(x, scale_factor=2), (), 4 * 256, 0),
    (lambda x, w: x * w, (ROW,), 256, 256),
    (lambda x, w: x * w.exp() + w, (ROW,), 2 * 256, 256),
    (lambda x, w: x - w, (ROW,), 256, 0),
    (lambda x, w: w.mul(2).softmax(0) + x.relu_().clone().add_(1), (ROW,), 256, 0),
    # What is made of weights is an activation once the example is multiplied into it in place.
    (lambda x, w: x * w.expand(4, 8, 8).clone().mul_(x[0]), (ROW,), 256, 256),
    # Two activations, element by element; selecting; integers; the weights alone.
    (lambda x: x * x.sigmoid() + x, (), 0, 0),
    (lambda x: torch.cat([x, x.flip(1)], 1).roll(1)[:, 2:].softmax(1), (), 0, 0),
    (lambda x: x.argmax(1), (), 0, 0),
    (lambda x, w: x, (ROW,), 0, 0),
    # What LayerNorm, InstanceNorm and a vector's length are made of.
    (lambda x: (x - x.mean(-1, True)) / x.var(-1, keepdim=True), (), 3 * 256, 0),
    (lambda x: F.normalize(x), (), 256, 0),
]


@pytest.mark.parametrize(("function", "weights", "connections", "macs"), FUNCTIONS)
def test_functions_by_hand(function, weights, connections, macs):
    model = Forward(function, *map(nn.Parameter, weights))
    table = ledger(model, (4, 8, 8))
    assert (table.connections, table.macs, table.not_counted) == (connections, macs, ())
    assert table.parameters == sum(weight.numel() for weight in weights)


@pytest.mark.parametrize(("buffer", "connections", "macs"), [
    (torch.ones(4, 1, 1), 256, 256),  # a frozen scale is a weight
    (torch.ones(4, 1, 1, dtype=torch.bool), 0, 0)])  # and a choice is none
def test_a_buffer(buffer, connections, macs):
    model = Forward(lambda x: x * model.held)
    model.register_buffer("held", buffer)
    table = ledger(model, (4, 8, 8))
    assert (table.connections, table.macs, table.parameters) == (connections, macs, 0)


FOREIGN = torch.library.Library("book_test", "DEF")  # an operation that is only called as PyTorch's is
FOREIGN.define("cat(Tensor x) -> Tensor")
FOREIGN.impl("cat", lambda x: 2 * x, "CompositeExplicitAutograd")


@pytest.mark.parametrize(("function", "name"), [
    (lambda x: x.cumsum(1), "cumsum"), (lambda x: torch.fft.rfft2(x).abs(), "_fft_r2c"),
    (lambda x: x.sort(1)[0], "sort"), (lambda x, w: torch.lerp(x, x, w), "lerp"),
    (lambda x: torch.ops.book_test.cat(x), "cat"),
    (lambda x: F.grid_sample(x, x.new_zeros(1, 4, 4, 2), align_corners=False), "grid_sampler_2d")])
def test_what_is_not_known_is_named(function, name):
    weights = [nn.Parameter(torch.ones(8))] if name == "lerp" else []
    table = ledger(nn.Sequential(Forward(function, *weights)), (4, 8, 8))
    assert (table["0"].connections, table["0"].macs, table["0"].unknown) == (None, None, (name,))
    assert f"lower bounds: 0 ({name})" in repr(table)


@pytest.mark.filterwarnings("ignore")  # torch.ao is deprecated, and still met
def test_a_quantised_net_is_not_counted():
    net = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 3), nn.ReLU()))
    table = ledger(net, (4,))
    assert (table["0"].output_shape, table.not_counted) == ((3,), ("0",))


def attention(batch_first=True):
    return Forward(lambda x, heads: heads(x, x, x),
                   nn.MultiheadAttention(8, 2, batch_first=batch_first))


def test_attention_by_hand():
    table = ledger(attention(), (7, 8))
    products = 7 * 8 * 24 + 7 * 8 * 8 + 2 * (2 * 7 * 7 * 4)  # projections; two heads of 4 features
    assert table.macs == products
    assert table["layers.0"].connections == products + 7 * 32 + 2 * 7 * 7  # biases; the heads' mean
    assert table["layers.0"].output_shape == (7, 8)
    assert table.parameters == 4 * 8 * 8 + 4 * 8
    assert table["layers.0.out_proj"].output_shape == ()  # its weights are used by the row above
    assert "did not run" not in repr(table)
    with pytest.raises(ValueError, match=r"layer 'layers.0'.* 1 x 7 x 8: .* give it batch_first=True"):
        ledger(attention(batch_first=False), (7, 8))
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)  # has a faster way of its own
    assert ledger(layer, (7, 8)).macs == products + 2 * 7 * 8 * 16 + 2 * 7 * 8


@pytest.mark.parametrize("parametrise", [parametrizations.weight_norm, parametrizations.spectral_norm,
                                         parametrizations.orthogonal])
def test_a_parametrised_layer_costs_what_it_costs_without(parametrise):
    plain, layer = nn.Conv2d(1, 2, 3), parametrise(nn.Conv2d(1, 2, 3))
    row, = ledger(nn.Sequential(layer), (1, 8, 8))
    assert (row.name, row.parameters) == ("0", sum(p.numel() for p in layer.parameters()))
    assert (row.macs, row.connections) == (648, 720) == (
        ledger(plain, (1, 8, 8)).macs, ledger(plain, (1, 8, 8)).connections)
