"""The LeNets of the tutorials against plain torch modules, and the symptom of each mistake."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_book import mnist, models, training
from lenet_book.ledger import ledger
from lenet_book.models import which_lenet
from lenet_book.models.tutorials import DropoutAlwaysOn


def plain(squash, pool, *dense, norm=False, padding=0):
    """Two convolutions, each with activation and pooling, then these dense layers."""
    def block(inputs, outputs):
        return [nn.Conv2d(inputs, outputs, 5), *([nn.BatchNorm2d(outputs)] if norm else []), squash(),
                pool(2, 2)]
    return nn.Sequential(nn.ZeroPad2d(padding), *block(1, 6), *block(6, 16), nn.Flatten(), *dense)


def batchnorm(*dropout):
    return plain(nn.ReLU, nn.MaxPool2d, nn.Linear(400, 120), nn.ReLU(), *dropout, nn.Linear(120, 84),
                 nn.ReLU(), *dropout, nn.Linear(84, 10), norm=True)


def relu():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2, 2), nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten(), nn.Linear(120, 84),
        nn.ReLU(), nn.Linear(84, 10))


def sigmoid(*between, inputs=400, padding=0):
    return plain(nn.Sigmoid, nn.AvgPool2d, nn.Linear(inputs, 120), *between, nn.Linear(120, 84),
                 *between, nn.Linear(84, 10), padding=padding)


def tanh(*end):
    return plain(nn.Tanh, nn.AvgPool2d, nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), *end)


OUTPUT = nn.Tanh(), nn.Linear(84, 10)
# What each is, written out once more: name, options, input size, parameters, and the plain layers.
NETS = {
    "batchnorm": ("lenet-batchnorm", {}, 32, 61_750, batchnorm()),
    "batchnorm, dropout": ("lenet-batchnorm", {"dropout": 0.3}, 32, 61_750, batchnorm(nn.Dropout(0.3))),
    "relu": ("lenet-relu", {}, 32, 61_706, relu()),
    "sigmoid": ("lenet-sigmoid", {}, 32, 61_706, sigmoid()),
    "sigmoid, dense sigmoids": ("lenet-sigmoid", {"dense_sigmoids": True}, 32, 61_706,
                                sigmoid(nn.Sigmoid())),
    "sigmoid, padded": ("lenet-sigmoid", {"pads_after_scaling": True}, 28, 61_706, sigmoid(padding=2)),
    "sigmoid, unpadded": ("lenet-sigmoid", {"unpadded": True}, 28, 44_426, sigmoid(inputs=16 * 4 * 4)),
    "tanh": ("lenet-tanh", {}, 32, 61_706, tanh(*OUTPUT)),
    "tanh, softmax": ("lenet-tanh", {"softmax_before_loss": True}, 32, 61_706,
                      tanh(*OUTPUT, nn.Softmax(1))),
    "tanh, as published": ("lenet-tanh", {"stops_at_f6": True, "softmax_before_loss": True}, 32, 60_856,
                           tanh(nn.Softmax(1))),
    "tanh, stopped": ("lenet-tanh", {"stops_at_f6": True}, 32, 60_856, tanh()),
}


@pytest.fixture(scope="module")
def digits():
    train, _ = mnist.load_mnist()
    return train[:64]


def build(name, **options):
    """The same initial weights at every call, wherever the options leave the same layers."""
    torch.manual_seed(0)
    return models.build(name, **options)


def scores(model, digits):
    with torch.no_grad():
        return model(digits.inputs(model.input_size, model.scaling))


@pytest.mark.parametrize(
    ("name", "options", "size", "parameters", "plain"), NETS.values(), ids=NETS)
def test_against_plain_modules(name, options, size, parameters, plain):
    model, other = build(name, **options).double(), copy.deepcopy(plain).double()
    assert (model.input_size, model.scaling) == (size, "standard")
    table = ledger(model, (1, size, size))
    assert (table.parameters, table.not_counted) == (parameters, ())
    other.load_state_dict(dict(zip(other.state_dict(), model.state_dict().values(), strict=True)))
    x = torch.randn(5, 1, size, size, dtype=torch.float64)
    for mode in (True, False):  # in training BatchNorm and dropout work otherwise
        torch.manual_seed(1)
        ours = model.train(mode)(x)
        torch.manual_seed(1)
        torch.testing.assert_close(ours, other.train(mode)(x), rtol=1e-6, atol=1e-6)


def test_relu_is_the_books_modern_net(digits):
    ours, modern = build("lenet-relu"), models.build("lenet5")
    modern.load_state_dict(ours.state_dict())
    assert torch.equal(scores(ours, digits), scores(modern, digits))


def test_a_larger_input_where_c5_is_a_convolution():
    """Up to C5; a dense layer in its place refuses the input."""
    wide = torch.zeros(1, 1, 32, 40)
    assert build("lenet-relu")[:7](wide).shape == (1, 120, 1, 3)
    with pytest.raises(RuntimeError, match="1x560 and 400x120"):
        build("lenet-tanh")(wide)


# The mistakes, each with its symptom and without

@pytest.mark.parametrize(("always_on", "differ"), [(True, True), (False, False)])
def test_dropout_always_on(always_on, differ, digits):
    model = build("lenet-batchnorm", dropout=0.5, dropout_always_on=always_on).eval()
    assert torch.equal(scores(model, digits), scores(model, digits)) is not differ


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_dropout_always_on_drops_its_share_and_scales_the_rest(share):
    torch.manual_seed(0)
    dropped = DropoutAlwaysOn(share).eval()(torch.ones(100_000))
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert dropped.max().item() == pytest.approx(1 / (1 - share))


@pytest.mark.parametrize(("dense_sigmoids", "one_layer"), [(False, True), (True, False)])
def test_three_dense_layers_without_activation_are_one(dense_sigmoids, one_layer):
    model = build("lenet-sigmoid", dense_sigmoids=dense_sigmoids).double()
    c5, f6, output = model.c5, model.f6, model.output
    dense_layers = model[list(model).index(c5):]
    weight = output.weight @ f6.weight @ c5.weight  # 10 x 400
    bias = output.weight @ (f6.weight @ c5.bias + f6.bias) + output.bias
    x = torch.randn(8, 400, dtype=torch.float64)
    assert weight.shape == (10, 400)
    assert torch.allclose(dense_layers(x), F.linear(x, weight, bias)) is one_layer


def test_dense_sigmoids_starve_the_first_layers(digits):
    """The slope of a sigmoid is at most 1/4: what reaches C1 is an order of magnitude smaller."""
    reached = {}
    for dense_sigmoids in (False, True):
        model = build("lenet-sigmoid", dense_sigmoids=dense_sigmoids)
        model.loss(model(digits.inputs(32, "standard")), digits.labels).backward()
        reached[dense_sigmoids] = model.c1.weight.grad.norm().item()
    assert reached[True] < reached[False] / 10


def test_padding_after_scaling_draws_a_frame_unless_background_is_0(digits):
    """C1 with the same weights: equal where the window sees no padding, different at the border."""
    right, wrong = build("lenet-sigmoid"), build("lenet-sigmoid", pads_after_scaling=True)
    with torch.no_grad():
        mended = right.c1(digits.inputs(32, "standard"))
        framed = wrong.c1(digits.inputs(28, "standard"))
    torch.testing.assert_close(mended[..., 2:-2, 2:-2], framed[..., 2:-2, 2:-2])
    border = torch.ones(28, 28, dtype=torch.bool)
    border[2:-2, 2:-2] = False
    assert ((mended - framed).abs().amax((0, 1))[border] > 1e-3).all()
    assert not torch.allclose(scores(right, digits), scores(wrong, digits), atol=1e-5)
    right.scaling = wrong.scaling = "unit"  # in which background is 0
    torch.testing.assert_close(scores(right, digits), scores(wrong, digits))


def test_unpadded_is_another_net(digits):
    model = build("lenet-sigmoid", unpadded=True)
    assert "28 x 28" in which_lenet(ledger(model, (1, 28, 28)).parameters)
    with pytest.raises(RuntimeError, match="64x256 and 400x120"):  # what 28 x 28 does to the usual net
        build("lenet-sigmoid")(digits.inputs(28, "standard"))


@pytest.mark.parametrize(("stops", "classes"), [(True, 84), (False, 10)])
def test_stops_at_f6(stops, classes, digits):
    model = build("lenet-tanh", stops_at_f6=stops)
    output = scores(model, digits)
    assert output.shape == (64, classes)
    assert bool((model.predict(output) > 9).any()) is stops  # "digits" that do not exist
    assert model.loss(output, digits.labels).item() == pytest.approx(math.log(classes), abs=0.05)
    assert ("84 classes" in which_lenet(ledger(model, (1, 32, 32)).parameters)) is stops


@pytest.mark.parametrize(("options", "lowest"), [
    ({}, 0), ({"softmax_before_loss": True}, math.log(math.e + 9) - 1),
    ({"softmax_before_loss": True, "stops_at_f6": True}, math.log(math.e + 83) - 1)])
def test_softmax_before_loss_has_a_floor(options, lowest, digits):
    """A net that is right and could not be surer: its last bias says 7 and nothing else counts."""
    model = build("lenet-tanh", **options)
    sevens = digits[digits.labels == 7]
    last = model.f6 if "stops_at_f6" in options else model.output
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(-100.0)[7] = 100.0
    score = training.evaluate(model, sevens)
    assert score.error_rate == 0
    assert score.loss == pytest.approx(lowest, abs=1e-5)
    assert f"{math.log(math.e + 9) - 1:.3f}" in models.MODELS["lenet-tanh"].__doc__


# Options that make no sense

@pytest.mark.parametrize(("name", "options", "error", "message"), [
    ("lenet-batchnorm", {"dropout": 1.0}, ValueError, "at least 0 and below 1, not 1.0"),
    ("lenet-batchnorm", {"dropout_always_on": True}, ValueError, "needs a dropout above 0, such as"),
    ("lenet-sigmoid", {"pads_after_scaling": True, "unpadded": True}, ValueError, "exclude each other"),
    ("lenet-relu", {"dropout": 0.5}, TypeError, "lenet-relu has no option 'dropout'"),
    ("lenet-tanh", {"softmax": True}, TypeError, "no option 'softmax'; it has stops_at_f6, softmax_b"),
])
def test_bad_options(name, options, error, message):
    with pytest.raises(error, match=message):
        models.build(name, **options)
