import copy
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, jacrev

from lenet_book import layers, mnist, models, paper
from lenet_book.training import sdlm

DOUBLE = torch.float64


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


class Net(nn.Sequential):
    """Named layers with the MAP loss, as the book's own networks are built."""

    def __init__(self, *named, j=1.0):
        super().__init__(OrderedDict(named))
        self.j = j
        self.double()

    def loss(self, distances, labels):
        return layers.map_loss(distances, labels, self.j)


def second_derivatives(function, x):
    return jacrev(jacrev(function))(x)


def rbf(classes, features):
    return layers.RBFOutput(torch.randn(classes, features, dtype=DOUBLE).sign())


def gauss_newton_diagonal(net, x, label):
    """diag(J^T H J) for one example: J of what the RBF reads in the parameters, H of the loss."""
    below = nn.Sequential(OrderedDict([*net.named_children()][:-1]))
    parameters = {name: p.detach() for name, p in below.named_parameters()}

    def run(parameters):
        return functional_call(below, parameters, (x[None],))[0]

    h = second_derivatives(lambda f: net.loss(net.output(f[None]), label[None]), run(parameters))
    return {name: torch.einsum("o...,op,p...->...", jacobian, h, jacobian)
            for name, jacobian in jacrev(run)(parameters).items()}


@settings(max_examples=12)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(2, 4), st.floats(0.1, 20),
       st.integers(0, 2**31))
def test_exact_where_no_unit_shares_a_path(inputs, features, classes, j, seed):
    """One layer of weights: each reaches the loss by one path, and the diagonal is all there is."""
    torch.manual_seed(seed)
    net = Net(("full", nn.Linear(inputs, features)), ("squash", layers.ScaledTanh()),
              ("output", rbf(classes, features)), j=j)
    x, labels = torch.randn(3, inputs, dtype=DOUBLE), torch.randint(classes, (3,))
    found = sdlm.curvature(net, x, labels)
    each = [gauss_newton_diagonal(net, *example) for example in zip(x, labels, strict=True)]
    assert found.keys() == {"full.weight", "full.bias"}
    for name, value in found.items():
        close(value, sum(one[name] for one in each) / 3)


def test_the_true_second_derivative_of_a_linear_layer():
    """Without a squashing function nothing is left out: that of the loss itself in each weight."""
    torch.manual_seed(2)
    net = Net(("full", nn.Linear(3, 2)), ("output", rbf(3, 2)), j=2.0)
    x, labels = torch.randn(4, 3, dtype=DOUBLE), torch.tensor([0, 2, 1, 0])
    for name, h in sdlm.curvature(net, x, labels).items():
        p = net.get_parameter(name).detach()
        hessian = second_derivatives(
            lambda p, name=name: net.loss(functional_call(net, {name: p}, (x,)), labels), p)
        close(h.flatten(), hessian.view(p.numel(), p.numel()).diagonal())


@settings(max_examples=25)
@given(st.integers(1, 5), st.integers(1, 6), st.floats(0.05, 30), st.integers(0, 2**31))
def test_the_top_is_the_formula_of_the_docstring(classes, features, j, seed):
    torch.manual_seed(seed)
    output = rbf(classes, features)
    net = Net(("shift", nn.Linear(features, features)), ("output", output), j=j)
    nn.init.eye_(net.shift.weight)
    nn.init.zeros_(net.shift.bias)
    x, label = 2 * torch.randn(1, features, dtype=DOUBLE), torch.randint(classes, (1,))
    d = x - output.codes  # classes x features
    weights = torch.cat([torch.exp(-d.square().sum(1)), torch.exp(torch.tensor([-j], dtype=DOUBLE))])
    p = (weights / weights.sum())[:-1, None]
    expected = 2 * (1 - p.sum()) + 4 * ((p * d**2).sum(0) - (p * d).sum(0) ** 2)
    found = sdlm.curvature(net, x, label)["shift.bias"]
    close(found, expected)
    assert (found >= 0).all()


def unit_by_unit(net, x, label):
    """The docstring's sums taken literally, for one example: the derivative of each unit of a layer in
    each parameter and each input, squared, times h of the unit."""
    named, reached = [*net.named_children()], [x]
    top = named.pop()[1] if isinstance(net[-1], layers.RBFOutput) else nn.Identity()
    for _, layer in named:
        reached.append(layer(reached[-1]).detach())
    criterion = getattr(net, "loss", F.cross_entropy)
    h = second_derivatives(lambda f: criterion(top(f[None]), label), reached.pop()[0]).diagonal()
    found = {}
    for name, layer in reversed(named):
        def units(parameters, x, layer=layer):
            return functional_call(layer, parameters, (x,)).flatten()
        parameters = {which: p.detach() for which, p in layer.named_parameters()}
        in_parameters, in_inputs = jacrev(units, (0, 1))(parameters, reached.pop())
        for which, derivatives in in_parameters.items():
            found[f"{name}.{which}"] = torch.tensordot(h, derivatives.square(), 1)
        h = torch.tensordot(h, in_inputs.square(), 1).flatten()
    return found


@pytest.mark.parametrize(("net", "shape"), [
    (lambda: Net(("c1", nn.Conv2d(1, 2, 2)), ("c1_squash", layers.ScaledTanh()),
                 ("s2", layers.Subsampling(2)), ("s2_squash", layers.ScaledTanh()),
                 ("c3", layers.SparseConv2d([(0,), (0, 1)], 2)), ("c3_squash", layers.ScaledTanh()),
                 ("flatten", nn.Flatten()), ("f4", nn.Linear(4, 3)), ("f4_squash", layers.ScaledTanh()),
                 ("output", rbf(3, 3))), (8, 6)),  # C1 is 7 x 5: odd
    (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(),
                           nn.Linear(16, 4), nn.Sigmoid(), nn.Linear(4, 3)).double(), (4, 8))])
def test_shared_weights_sum_over_their_connections(net, shape):
    """A small LeNet of 1998 and one of today, with cross-entropy, as Appendix C has it."""
    torch.manual_seed(3)
    net = net()
    for p in net.parameters():
        if p.requires_grad:
            nn.init.normal_(p)
    image, label = torch.randn(1, 1, *shape, dtype=DOUBLE), torch.tensor([1])
    found = sdlm.curvature(net, image, label)
    assert found.keys() == {name for name, p in net.named_parameters() if p.requires_grad}
    close(found, unit_by_unit(net, image, label))


def test_on_the_networks_of_the_book():
    torch.manual_seed(5)
    digits = mnist.load_mnist()[0][:6]
    for name in ("lenet5-1998", "lenet5"):
        net = models.build(name)
        inputs = digits.inputs(scaling=net.scaling)
        before = {key: value.clone() for key, value in net.state_dict().items()}
        found = sdlm.curvature(net, inputs, digits.labels)
        trainable = {key: p for key, p in net.named_parameters() if p.requires_grad}
        assert found.keys() == trainable.keys()
        for key, h in found.items():
            assert h.shape == trainable[key].shape and h.dtype == torch.float32
            assert h.isfinite().all() and (h >= 0).all() and h.any() and not h.requires_grad
            assert trainable[key].grad is None
        assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_a_layer_that_writes_into_its_input_is_as_one_that_does_not():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))
    batch = torch.rand(5, 1, 8, 8), torch.arange(5)
    found = sdlm.curvature(net, *batch)
    net[1].inplace = True
    for name, h in sdlm.curvature(net, *batch).items():
        assert torch.equal(h, found[name])


def test_a_layer_that_comes_twice_counts_twice():
    """Its h is the sum of those of two layers with the same weights."""
    torch.manual_seed(0)
    linear, squash = nn.Linear(4, 4), nn.Tanh()
    x, labels = torch.randn(8, 4), torch.randint(4, (8,))
    once = sdlm.curvature(nn.Sequential(linear, squash, linear, squash), x, labels)
    twice = sdlm.curvature(nn.Sequential(linear, squash, copy.deepcopy(linear), nn.Tanh()), x, labels)
    assert once.keys() == {"0.weight", "0.bias"}
    for which in ("weight", "bias"):
        torch.testing.assert_close(once[f"0.{which}"], twice[f"0.{which}"] + twice[f"2.{which}"])


def test_it_is_not_an_average_of_squared_gradients():
    """F6 exactly on its glyph: no gradient at all, and yet the loss is curved."""
    net = Net(("full", nn.Linear(1, 84)), ("output", layers.RBFOutput()), j=5.0)
    with torch.no_grad():
        net.full.weight.zero_()
        net.full.bias.copy_(torch.tensor(paper.GLYPHS[3]).flatten())
    x, label = torch.ones(1, 1, dtype=DOUBLE), torch.tensor([3])
    net.loss(net(x), label).backward()
    assert net.full.bias.grad.abs().max() < 1e-12
    share = 1 / (1 + torch.exp(torch.tensor(5.0, dtype=DOUBLE)))  # of e^-j, beside e^-0 of the digit
    torch.testing.assert_close(sdlm.curvature(net, x, label)["full.bias"],
                               (2 * share).expand(84), rtol=1e-6, atol=0)


def small_net():
    torch.manual_seed(6)
    return Net(("full", nn.Linear(4, 3)), ("squash", layers.ScaledTanh()), ("output", rbf(3, 3)))


def examples(n=10):
    generator = torch.Generator().manual_seed(7)
    return (torch.randn(n, 4, dtype=DOUBLE, generator=generator),
            torch.randint(3, (n,), generator=generator))


def train_on(net, optimiser, x, labels):
    optimiser.zero_grad()
    net.loss(net(x), labels).backward()
    optimiser.step()


def test_a_step_by_hand():
    net = small_net()
    x, labels = examples()
    optimiser = sdlm.SDLM(net, lr=0.1, mu=0.5)
    optimiser.estimate(x[:5], -labels[:5] % 3)
    optimiser.estimate(x, labels)  # replaces the one before
    h = sdlm.curvature(net, x, labels)  # at the weights of the estimate, not at those of a later step
    for lr, one in ((0.1, slice(0, 1)), (0.03, slice(1, 2))):
        optimiser.param_groups[0]["lr"] = lr  # what a schedule does
        before = {name: p.detach().clone() for name, p in net.named_parameters()}
        train_on(net, optimiser, x[one], labels[one])
        for name in ("full.weight", "full.bias"):
            p = net.get_parameter(name)
            close(p.detach(), before[name] - lr / (0.5 + h[name]) * p.grad)
        assert torch.equal(net.output.codes, before["output.codes"])


def test_a_parameter_without_gradient_stays_and_a_frozen_one_is_left_out():
    net = small_net()
    net.full.weight.requires_grad_(False)
    x, labels = examples()
    assert sdlm.curvature(net, x, labels).keys() == {"full.bias"}
    before = net.full.weight.clone(), net.full.bias.detach().clone()
    optimiser = sdlm.SDLM(net, lr=0.1)
    optimiser.estimate(x, labels)
    optimiser.step()
    assert torch.equal(net.full.bias, before[1])
    train_on(net, optimiser, x[:1], labels[:1])
    assert torch.equal(net.full.weight, before[0]) and not torch.equal(net.full.bias, before[1])


def test_it_measures_where_gradients_are_switched_off():
    net, (x, labels) = small_net(), examples()
    with torch.no_grad():
        found = sdlm.curvature(net, x, labels)
    expected = sdlm.curvature(net, x, labels)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_refuses_what_it_does_not_know():
    x, labels = examples()
    with pytest.raises(RuntimeError, match=r"call estimate\(inputs, labels\) before step\(\)"):
        sdlm.SDLM(small_net(), lr=0.1).step()
    with pytest.raises(TypeError, match="layer '1', a BatchNorm1d, is not known: it must be one of "
                                        "Conv2d, SparseConv2d, Linear, Subsampling, Tanh"):
        sdlm.curvature(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).double().eval(), x, labels)
    with pytest.raises(TypeError, match="must be an nn.Sequential with layers, not Linear"):
        sdlm.curvature(nn.Linear(4, 3), x, labels)
    with pytest.raises(ValueError, match="no examples"):
        sdlm.curvature(small_net(), x[:0], labels[:0])
