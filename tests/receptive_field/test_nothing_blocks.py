"""What a unit reads through layers that subtract, normalise, saturate or choose; what is refused."""

import pytest
import torch
import torch.nn.functional as F
from forward import Forward
from random_nets import LayerNorm2d
from torch import nn

from lenet_book.receptive_field import measure, trace
from lenet_book.receptive_field.draws import Positive, Signed
from lenet_book.receptive_field.tape import CanCancel, Tape, play


def one(maps=4) -> nn.Module:
    return nn.Conv2d(4, maps, 1)


def laid_out(x):
    """What goes into a new tensor piece by piece, in place."""
    y = torch.zeros_like(x)
    y[:, :2], y[:, 2:] = x[:, 2:], 2 * x[:, :2]
    return y.relu_().mul_(3)


def added_in(x):
    """The same by sums, in place."""
    y = torch.zeros_like(x)
    y[:, :2].add_(x[:, 2:])
    y[:, 2:].sub_(x[:, :2])
    return y


BLOCKS = [
    LayerNorm2d(4), nn.LocalResponseNorm(3), Forward(lambda x: F.normalize(x, dim=1)),
    Forward(lambda x: x - x.mean(1, keepdim=True)),
    Forward(lambda x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)),
    nn.Softmax(1), nn.Softmin(1), nn.LogSoftmax(1), Forward(lambda x: F.gumbel_softmax(x, dim=1)),
    Forward(lambda x: F.conv2d(x, 1000 * torch.eye(4)[:, :, None, None]).softmax(1)),
    Forward(lambda x: (x.softmax(1) * x.log_softmax(1)).sum(1, keepdim=True).expand_as(x)),
    Forward(lambda x, a, b: a(x) - b(x), one(), one()),
    Forward(lambda x, a, b: a(x) + b(x) * torch.tensor(-1.0), one(), one()),
    nn.Sequential(LayerNorm2d(4), nn.Tanhshrink()),
    Forward(lambda x, a: F.hardtanh(x + a(x), -0.1, 0.1), one()),
    nn.ReLU(), nn.ReLU6(), nn.Dropout(0.9), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()),
    nn.Hardtanh(-0.25, 0.25), nn.Threshold(20, 0), nn.Hardshrink(1e6), nn.Tanhshrink(), nn.RReLU(),
    Forward(lambda x: 1000 - 1000 * torch.sigmoid(1000 * x)), Forward(torch.abs), Forward(torch.sign),
    Forward(lambda x: x / x.abs()), Forward(lambda x: x.clamp(0, 0)), Forward(torch.round),
    Forward(lambda x: x * (x > 100)), Forward(lambda x: torch.where(x > 100, x, 0)),
    Forward(lambda x: x.masked_fill(x < 100, 0)), Forward(lambda x: torch.maximum(x, 0 * x + 9)),
    Forward(lambda x: x.amax(1, keepdim=True).expand_as(x)), Forward(lambda x: x.sort(1)[0]),
    Forward(lambda x: x.median(1, keepdim=True)[0].expand_as(x)), Forward(lambda x: F.dropout(x, 0.99)),
    nn.AlphaDropout(0.99), Forward(lambda x: x.detach()), Forward(torch.no_grad()(lambda x: 2 * x)),
    Forward(lambda x: x.data.clone()), Forward(laid_out), Forward(added_in),
    Forward(lambda x: x.half().float()), Forward(lambda x: (x[:, :1] + torch.zeros(4, 1, 1)).flatten(1)
                                                 .unflatten(1, (4, 7, 7))),
    nn.utils.parametrizations.weight_norm(one()), nn.utils.parametrizations.spectral_norm(one()),
    Forward(lambda x, a: F.conv2d(x, 2 * a.weight - (2 * a.weight).mean((1, 2, 3), True)), one()),
    Forward(lambda x: x + torch.fft.fft(torch.ones(4)).abs()[:, None, None]),
    Forward(lambda x: x.index_select(1, torch.zeros(4, dtype=torch.int64))),
]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_two_convolutions_with_anything_between_read_5_by_5(block):
    model = nn.Sequential(nn.Conv2d(2, 4, 3), block, nn.Conv2d(4, 2, 3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_().neg_().sub_(3)  # so that every ReLU is shut
        for buffer in model.buffers():  # the running statistics
            buffer.fill_(1000)
    measured = measure(model, (2, 9, 9), "2")
    assert measured.window == (range(2, 7), range(2, 7))
    assert bool((measured.gradient[2:7, 2:7] > 0).all())
    assert measured.gradient.sum().item() == pytest.approx(1)


def test_positive_numbers_cancel_where_a_layer_normalises_and_signed_ones_do_not():
    model = nn.Sequential(nn.Conv2d(2, 4, 3), LayerNorm2d(4), nn.Conv2d(4, 2, 3))
    tape = Tape(model, torch.zeros(1, 2, 9, 9), model[2])
    with pytest.raises(CanCancel):
        play(tape, Positive())
    image, output = play(tape, Signed(0))
    gradient, = torch.autograd.grad(output[0, 0, 2, 2], image)
    assert bool((gradient[0, :, 2:7, 2:7] != 0).all())
    # By PyTorch alone, with the model's own weights: the same window, and nothing outside.
    image = torch.rand(1, 2, 9, 9, dtype=torch.double).requires_grad_()
    gradient, = torch.autograd.grad(model.double()(image)[0, 0, 2, 2], image)
    assert torch.equal(gradient.abs().sum((0, 1)) > 0, F.pad(torch.ones(5, 5), (2, 2, 2, 2)) > 0)


def with_places(x):
    """What the places of maxima are written into."""
    y = torch.zeros_like(x)
    y[:, :1] = x.argmax(1, keepdim=True)
    return x + y


@pytest.mark.parametrize(("block", "words"), [
    (Forward(with_places), "argmax gives no gradient"),
    (Forward(lambda x: x.argmax(1, keepdim=True).float()), r"'1' \(Forward\): argmax gives no"),
    (Forward(lambda x: x + x.argmax(1, keepdim=True)), "argmax gives no gradient"),
    (Forward(lambda x: F.max_unpool2d(*F.max_pool2d(x, 1, return_indices=True), 1)),
     "max_pool2d_with_indices gives no gradient"),
    (Forward(lambda x: x / x.max().item()), "reads a number out of the image into Python"),
    (Forward(lambda x: x if x.argmax() else -x), "reads a number out of the image into Python"),
    (Forward(lambda x: torch.fft.rfft2(x).abs()), "_fft_r2c gives complex numbers"),
    (Forward(lambda x: F.fractional_max_pool2d(x, 2, 4)), "fractional_max_pool2d cannot be measured"),
    (nn.Sequential(nn.Conv2d(4, 1, 1), LayerNorm2d(1)), "what this unit of layer '2' reads cancels"),
    (nn.Sequential(nn.InstanceNorm2d(4), nn.AdaptiveAvgPool2d(1)), "layer '2' reads cancels"),
    (Forward(lambda x: x.softmax(1).sum(1, keepdim=True)), "layer '2' reads cancels"),
    (Forward(lambda x: x.softmax(1) - x.softmax(1)), "layer '2' reads cancels"),
    (Forward(lambda x: F.conv2d(x, torch.full((1, 4, 1, 1), torch.inf))), "gradient is not finite"),
])
def test_what_cannot_be_measured_is_refused_by_name(block, words):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), block, Forward(lambda x: x * 2))
    with pytest.raises(NotImplementedError, match=words):
        measure(model, (1, 9, 9), "2")


def test_a_mask_that_is_a_constant_hides_what_it_is_zero_for():
    causal = torch.ones(3, 3)
    causal[1, 1:] = causal[2] = 0  # the pixels that come later
    model = Forward(lambda x, conv: F.conv2d(x, conv.weight * causal), nn.Conv2d(1, 1, 3))
    assert measure(model, (1, 9, 9), "Forward", (3, 3)).window == (range(3, 5), range(3, 6))
    half = torch.ones(9, 9).tril()
    for model in [Forward(lambda x: x.masked_fill(half == 0, -torch.inf).softmax(3)),
                  Forward(lambda x: torch.where(half > 0, x, 0).cumsum(3)[:, :, :, -1:].expand_as(x)),
                  Forward(lambda x: (x * half).sum(3, keepdim=True).expand_as(x))]:
        assert measure(model, (1, 9, 9), "Forward", (2, 0)).window == (range(2, 3), range(3))


@pytest.mark.parametrize("choose", [
    lambda x: x.amax(2, keepdim=True), lambda x: x.max(2)[0][:, :, None], lambda x: x.sort(2)[0],
    lambda x: x.topk(3, 2)[0], lambda x: x.median(2, keepdim=True)[0], lambda x: x.amin((0, 2), True),
    lambda x: F.adaptive_max_pool2d(x, (1, x.shape[3]))])
def test_what_chooses_in_a_column_reads_all_of_it(choose):
    for model in [Forward(choose), Forward(lambda x: choose(F.layer_norm(x, (9,))))]:
        rows, columns = measure(model, (1, 8, 9), "Forward", (0, 4)).window
        assert rows == range(8) and len(columns) in (1, 9)


def sequence(layer):
    return Forward(lambda x, conv, layer: layer(conv(x).flatten(2).mT)[0], nn.Conv2d(1, 8, 3), layer)


@pytest.mark.parametrize("model", [
    sequence(nn.LSTM(8, 4, batch_first=True)), sequence(nn.GRU(8, 4, batch_first=True)),
    sequence(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)),
    Forward(lambda x, conv: F.scaled_dot_product_attention(*[conv(x).flatten(2).mT] * 3)[0],
            nn.Conv2d(1, 8, 3)),
], ids=lambda model: type(model.layers[-1]).__name__)
def test_recurrent_layers_and_attention_read_everything(model):
    model.requires_grad_(False)
    assert measure(model, (1, 7, 8), "Forward").window == (range(7), range(8))
    assert torch.backends.mkldnn.enabled and torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(NotImplementedError, match="trace cannot follow view"):
        trace(model, (1, 7, 8))
