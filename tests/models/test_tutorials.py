"""The LeNets of the tutorials against plain torch modules, and the symptom of each mistake."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_book import experiments, features, mnist, models, training
from lenet_book.ledger import ledger
from lenet_book.models import which_lenet
from lenet_book.models.tutorials import DropoutAlwaysOn
from lenet_book.receptive_field import trace
from lenet_book.training.recipes import RECIPES

# What each is, written out once more: name, options, input size, parameters, and the plain layers.
NETS = {
    "batchnorm": ("lenet-batchnorm", {}, 32, 61_750, lambda: [
        nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2, 2),
        nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]),
    "batchnorm, dropout": ("lenet-batchnorm", {"dropout": 0.3}, 32, 61_750, lambda: [
        nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2, 2),
        nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120), nn.ReLU(), nn.Dropout(0.3), nn.Linear(120, 84), nn.ReLU(),
        nn.Dropout(0.3), nn.Linear(84, 10)]),
    "relu": ("lenet-relu", {}, 32, 61_706, lambda: [
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2, 2), nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten(), nn.Linear(120, 84),
        nn.ReLU(), nn.Linear(84, 10)]),
    "sigmoid": ("lenet-sigmoid", {}, 32, 61_706, lambda: [
        nn.Conv2d(1, 6, 5), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Sigmoid(),
        nn.AvgPool2d(2, 2), nn.Flatten(), nn.Linear(400, 120), nn.Linear(120, 84),
        nn.Linear(84, 10)]),
    "sigmoid, dense sigmoids": ("lenet-sigmoid", {"dense_sigmoids": True}, 32, 61_706, lambda: [
        nn.Conv2d(1, 6, 5), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Sigmoid(),
        nn.AvgPool2d(2, 2), nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84),
        nn.Sigmoid(), nn.Linear(84, 10)]),
    "sigmoid, padded": ("lenet-sigmoid", {"pads_after_scaling": True}, 28, 61_706, lambda: [
        nn.ZeroPad2d(2), nn.Conv2d(1, 6, 5), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5),
        nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Flatten(), nn.Linear(400, 120), nn.Linear(120, 84),
        nn.Linear(84, 10)]),
    "sigmoid, unpadded": ("lenet-sigmoid", {"unpadded": True}, 28, 44_426, lambda: [
        nn.Conv2d(1, 6, 5), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Sigmoid(),
        nn.AvgPool2d(2, 2), nn.Flatten(), nn.Linear(16 * 4 * 4, 120), nn.Linear(120, 84),
        nn.Linear(84, 10)]),
    "tanh": ("lenet-tanh", {}, 32, 61_706, lambda: [
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Tanh(),
        nn.AvgPool2d(2, 2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84),
        nn.Tanh(), nn.Linear(84, 10)]),
    "tanh, softmax": ("lenet-tanh", {"softmax_before_loss": True}, 32, 61_706, lambda: [
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Tanh(),
        nn.AvgPool2d(2, 2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84),
        nn.Tanh(), nn.Linear(84, 10), nn.Softmax(1)]),
    "tanh, as published": (
        "lenet-tanh", {"stops_at_f6": True, "softmax_before_loss": True}, 32, 60_856, lambda: [
            nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Tanh(),
            nn.AvgPool2d(2, 2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84),
            nn.Softmax(1)]),
    "tanh, stopped": ("lenet-tanh", {"stops_at_f6": True}, 32, 60_856, lambda: [
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Tanh(),
        nn.AvgPool2d(2, 2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84)]),
}
OFF = ["lenet-batchnorm", "lenet-relu", "lenet-sigmoid", "lenet-tanh"]  # every option off

every_net = pytest.mark.parametrize(
    ("name", "options", "size", "parameters", "plain"), NETS.values(), ids=NETS)


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


@every_net
def test_against_plain_modules(name, options, size, parameters, plain):
    model, other = build(name, **options).double(), nn.Sequential(*plain()).double()
    other.load_state_dict(dict(zip(other.state_dict(), model.state_dict().values(), strict=True)))
    x = torch.randn(5, 1, size, size, dtype=torch.float64)
    for mode in (True, False):  # in training BatchNorm and dropout work otherwise
        torch.manual_seed(1)
        ours = model.train(mode)(x)
        torch.manual_seed(1)
        torch.testing.assert_close(ours, other.train(mode)(x), rtol=1e-6, atol=1e-6)


@every_net
def test_total_size_and_scaling(name, options, size, parameters, plain):
    model = build(name, **options)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == parameters
    assert (model.input_size, model.scaling) == (size, "standard")


@pytest.mark.parametrize(("name", "options", "counts"), [
    ("lenet-batchnorm", {}, {"c1": 156, "c1_norm": 12, "s2": 0, "c3": 2416, "c3_norm": 32, "s4": 0,
                             "c5": 48_120, "f6": 10_164, "output": 850}),
    *((name, {}, {"c1": 156, "s2": 0, "c3": 2416, "s4": 0, "c5": 48_120, "f6": 10_164,
                  "output": 850}) for name in OFF[1:]),
    ("lenet-sigmoid", {"unpadded": True}, {"c1": 156, "s2": 0, "c3": 2416, "s4": 0, "c5": 30_840,
                                           "f6": 10_164, "output": 850}),
    ("lenet-tanh", {"stops_at_f6": True}, {"c1": 156, "s2": 0, "c3": 2416, "s4": 0, "c5": 48_120,
                                           "f6": 10_164}),
])
def test_the_ledger_layer_by_layer(name, options, counts):
    model = build(name, **options)
    table = ledger(model, (1, model.input_size, model.input_size))
    assert {row.name: row.parameters for row in table} == counts
    assert table.not_counted == ()


@pytest.mark.parametrize("options", [{}, {"pads_after_scaling": True}])
@pytest.mark.parametrize("name", OFF)
def test_the_maps_have_the_papers_sizes(name, options):
    model = build(name, **(options if name == "lenet-sigmoid" else {}))
    table = ledger(model, (1, model.input_size, model.input_size))
    assert [table[layer].output_shape for layer in ("c1", "s2", "c3", "s4", "f6", "output")] == [
        (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (84,), (10,)]
    assert math.prod(table["c5"].output_shape) == 120


@every_net
def test_capture_names_every_layer(name, options, size, parameters, plain):
    model = build(name, **options)
    x = torch.randn(2, 1, size, size)
    with features.capture(model) as activations, torch.no_grad():
        output = model(x)
    assert list(activations) == [layer for layer, _ in model.named_children()]
    assert torch.equal(list(activations.values())[-1], output)


@pytest.mark.parametrize("name", OFF)
def test_a_unit_of_s4_sees_what_it_saw_in_1998(name):
    model = build(name)
    row = next(row for row in trace(model, (1, 32, 32)) if row.name == "s4")
    assert (row.field.size, row.field.jump) == (16, 4)


@every_net
def test_can_be_trained_and_evaluated(name, options, size, parameters, plain, digits):
    model = build(name, **options)
    step = torch.optim.SGD(model.parameters(), lr=0.01)
    loss = model.loss(model(digits.inputs(model.input_size, model.scaling)), digits.labels)
    loss.backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters() if p.dim() > 1)
    step.step()
    assert training.evaluate(model, digits).predictions.shape == digits.labels.shape


@pytest.mark.parametrize("name", OFF)
def test_loss_and_decision(name):
    model = build(name)
    y = torch.tensor([[5.0, 1.0, 9.0]])
    assert model.predict(y).tolist() == [2]
    by_hand = math.log(math.exp(5) + math.exp(1) + math.exp(9)) - 1
    assert model.loss(y, torch.tensor([1])).item() == pytest.approx(by_hand)


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


def test_padding_after_scaling_draws_a_frame(digits):
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


def test_padding_after_scaling_does_no_harm_where_background_is_0(digits):
    right, wrong = build("lenet-sigmoid"), build("lenet-sigmoid", pads_after_scaling=True)
    right.scaling = wrong.scaling = "unit"
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


def test_the_floor_is_the_one_in_the_docstring():
    assert f"{math.log(math.e + 9) - 1:.3f}" == "1.461"
    assert "1.461" in models.MODELS["lenet-tanh"].__doc__


def test_softmax_gives_shares(digits):
    output = scores(build("lenet-tanh", softmax_before_loss=True), digits)
    torch.testing.assert_close(output.sum(1), torch.ones(64))
    assert (output > 0).all()


@pytest.mark.parametrize(("training_mode", "alike"), [(True, False), (False, True)])
def test_forgotten_eval_a_digit_alone_and_in_company(training_mode, alike, digits):
    model = build("lenet-batchnorm").train(training_mode)
    assert torch.allclose(scores(model, digits)[:1], scores(model, digits[:1]), atol=1e-4) is alike


# Options that make no sense

@pytest.mark.parametrize(("name", "options", "error", "message"), [
    ("lenet-batchnorm", {"dropout": 1.0}, ValueError, "at least 0 and below 1, not 1.0"),
    ("lenet-batchnorm", {"dropout": -0.1}, ValueError, "at least 0 and below 1, not -0.1"),
    ("lenet-batchnorm", {"dropout": math.nan}, ValueError, "at least 0 and below 1, not nan"),
    ("lenet-batchnorm", {"dropout_always_on": True}, ValueError, "needs a dropout above 0, such as"),
    ("lenet-sigmoid", {"pads_after_scaling": True, "unpadded": True}, ValueError, "exclude each other"),
    ("lenet-relu", {"dropout": 0.5}, TypeError, "LeNetReLU.*'dropout'"),
    ("lenet-tanh", {"softmax": True}, TypeError, "LeNetTanh.*'softmax'"),
])
def test_bad_options(name, options, error, message):
    with pytest.raises(error, match=message):
        models.build(name, **options)


# How they are compared

ROWS = experiments.EXPERIMENTS["which-lenet"]


def test_all_are_measured_without_mistakes_under_one_recipe():
    rows = [row for row in ROWS if row.name.endswith(", same recipe")]
    assert [(row.model, sum(p.numel() for p in row.build().parameters() if p.requires_grad))
            for row in rows] == [
        ("lenet5-1998", 60_000), ("lenet-batchnorm", 61_750), ("lenet-relu", 61_706),
        ("lenet-tanh", 61_706), ("lenet-sigmoid", 61_706), ("lenet-sigmoid", 61_706)]
    assert len({row.recipe for row in rows}) == 1
    assert [row.options for row in rows] == [{}] * 5 + [{"dense_sigmoids": True}]


def test_and_under_the_recipes_that_were_published():
    assert {row.name: (row.model, row.recipe, row.options) for row in ROWS[6:]} == {
        "ReLU, as published": ("lenet-relu", RECIPES["tutorial-relu"], {}),
        "sigmoid, as published": ("lenet-sigmoid", RECIPES["tutorial-sigmoid"], {}),
        "dense sigmoids, as published": (
            "lenet-sigmoid", RECIPES["tutorial-d2l"], {"dense_sigmoids": True}),
        "dense sigmoids, PyTorch's weights, waiting": (
            "lenet-sigmoid", RECIPES["tutorial-sigmoid"], {"dense_sigmoids": True})}


def test_only_the_form_of_the_textbook_begins_with_xaviers_weights():
    for row in ROWS:
        torch.manual_seed(0)
        model = row.build()
        usual = build(row.model, **row.options)
        if row.name != "dense sigmoids, as published":
            assert all(map(torch.equal, model.parameters(), usual.parameters())), row.name
            continue
        for name, fans in {"c1": 25 + 150, "c3": 150 + 400, "c5": 400 + 120, "f6": 120 + 84,
                           "output": 84 + 10}.items():
            largest = model.get_submodule(name).weight.abs().max().item()
            assert 0.9 < largest / math.sqrt(6 / fans) <= 1, name
            assert torch.equal(model.get_submodule(name).bias, usual.get_submodule(name).bias)
