import copy
import itertools
from collections import OrderedDict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lenet_book import layers, mnist, models, paper
from lenet_book.training import sdlm
from lenet_book.training import state as checkpoint

DOUBLE = torch.float64
SQUASH = 1.7159 * 2 / 3  # f'(0)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def slope(a):
    """f'(a) of the scaled tanh, from the paper's formula."""
    return SQUASH * (1 - torch.tanh(2 * a / 3) ** 2)


class Net(nn.Sequential):
    """Named layers with the MAP loss, as the book's own networks are built."""

    def __init__(self, *named, j=1.0):
        super().__init__(OrderedDict(named))
        self.j = j
        self.double()

    def loss(self, distances, labels):
        return layers.map_loss(distances, labels, self.j)


def below(net, name):
    """The layers before the one of that name."""
    children = list(net.named_children())
    return nn.Sequential(OrderedDict(itertools.takewhile(lambda child: child[0] != name, children)))


def second_derivatives(function, x):
    return torch.func.jacrev(torch.func.jacrev(function))(x)


def rbf(classes, features):
    return layers.RBFOutput(torch.randn(classes, features, dtype=DOUBLE).sign())


def gauss_newton_diagonal(net, x, label):
    """diag(J^T H J) for one example: J of what the RBF reads in the parameters, H of the loss."""
    layers_below = below(net, "output")
    parameters = {name: p.detach() for name, p in layers_below.named_parameters()}

    def run(parameters):
        return torch.func.functional_call(layers_below, parameters, (x[None],))[0]

    h = second_derivatives(lambda f: net.loss(net.output(f[None]), label[None]), run(parameters))
    jacobians = torch.func.jacrev(run)(parameters)
    return {name: torch.einsum("o...,op,p...->...", jacobian, h, jacobian)
            for name, jacobian in jacobians.items()}


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
    for which in ("weight", "bias"):
        close(found[f"full.{which}"], sum(one[f"full.{which}"] for one in each) / 3)


def test_exact_through_a_chain_of_single_units():
    """Two convolutions and a full layer, one unit each: still one path."""
    torch.manual_seed(1)
    net = Net(("c1", nn.Conv2d(1, 1, 1)), ("c1_squash", layers.ScaledTanh()),
              ("c2", layers.SparseConv2d([(0,)], 1)), ("c2_squash", nn.Sigmoid()),
              ("flatten", nn.Flatten()), ("f3", nn.Linear(1, 1)), ("f3_squash", layers.ScaledTanh()),
              ("output", rbf(3, 1)))
    x, label = torch.randn(1, 1, 1, 1, dtype=DOUBLE), torch.tensor([2])
    expected = gauss_newton_diagonal(net, x[0], label[0])
    found = sdlm.curvature(net, x, label)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        close(value, expected[name])


def test_the_true_second_derivative_of_a_linear_layer():
    """Without a squashing function nothing is left out: finite differences of the loss itself."""
    torch.manual_seed(2)
    net = Net(("full", nn.Linear(3, 2)), ("output", rbf(3, 2)), j=2.0)
    x, labels = torch.randn(4, 3, dtype=DOUBLE), torch.tensor([0, 2, 1, 0])
    found, small = sdlm.curvature(net, x, labels), 1e-4
    with torch.no_grad():
        for name, p in net[0].named_parameters():
            for position in itertools.product(*map(range, p.shape)):
                before, values = p[position].item(), []
                for shift in (-small, 0, small):
                    p[position] = before + shift
                    values.append(net.loss(net(x), labels).item())
                p[position] = before
                measured = (values[0] - 2 * values[1] + values[2]) / small**2
                assert found[f"full.{name}"][position].item() == pytest.approx(measured, abs=1e-5)


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


def test_shared_weights_sum_over_their_connections():
    """A small LeNet, layer by layer, connection by connection, as Appendix C has it."""
    torch.manual_seed(3)
    table = [(0,), (0, 1)]
    net = Net(("c1", nn.Conv2d(1, 2, 2)), ("c1_squash", layers.ScaledTanh()),
              ("s2", layers.Subsampling(2)), ("s2_squash", layers.ScaledTanh()),
              ("c3", layers.SparseConv2d(table, 2)), ("c3_squash", layers.ScaledTanh()),
              ("flatten", nn.Flatten()), ("f4", nn.Linear(4, 3)), ("f4_squash", layers.ScaledTanh()),
              ("output", rbf(3, 3)))
    for p in below(net, "output").parameters():
        nn.init.normal_(p)
    picture, label = torch.randn(1, 1, 8, 6, dtype=DOUBLE), torch.tensor([1])  # C1 is 7 x 5: odd
    at = {}
    x = picture
    for name, layer in net.named_children():
        at[name] = x[0].detach()
        x = layer(x)
    h = second_derivatives(lambda f: net.loss(net.output(f[None]), label), at["output"]).diagonal()
    expected = {name: torch.zeros_like(p) for name, p in below(net, "output").named_parameters()}

    h_f4 = h * slope(at["f4_squash"]) ** 2
    h_f4_in = torch.zeros(4, dtype=DOUBLE)
    for o, i in itertools.product(range(3), range(4)):
        expected["f4.weight"][o, i] = h_f4[o] * at["f4"][i] ** 2
        h_f4_in[i] += h_f4[o] * net.f4.weight[o, i].item() ** 2
    expected["f4.bias"] = h_f4

    h_c3 = h_f4_in.view(2, 2, 1) * slope(at["c3_squash"]) ** 2
    h_c3_in = torch.zeros_like(at["c3"])
    kernel = 0
    for m, sources in enumerate(table):
        for source in sources:
            for r, c, i, j in itertools.product(range(2), range(1), range(2), range(2)):
                x, weight = at["c3"][source, r + i, c + j], net.c3.weight[kernel, i, j].item()
                expected["c3.weight"][kernel, i, j] += h_c3[m, r, c] * x**2
                h_c3_in[source, r + i, c + j] += h_c3[m, r, c] * weight**2
            kernel += 1
        expected["c3.bias"][m] = h_c3[m].sum()

    h_s2 = h_c3_in * slope(at["s2_squash"]) ** 2
    h_s2_in = torch.zeros_like(at["s2"])
    for m, r, c in itertools.product(range(2), range(3), range(2)):
        window = at["s2"][m, 2 * r:2 * r + 2, 2 * c:2 * c + 2]
        expected["s2.weight"][m] += h_s2[m, r, c] * window.sum() ** 2
        expected["s2.bias"][m] += h_s2[m, r, c]
        h_s2_in[m, 2 * r:2 * r + 2, 2 * c:2 * c + 2] += h_s2[m, r, c] * net.s2.weight[m].item() ** 2

    h_c1 = h_s2_in * slope(at["c1_squash"]) ** 2
    for m, r, c, i, j in itertools.product(range(2), range(7), range(5), range(2), range(2)):
        expected["c1.weight"][m, 0, i, j] += h_c1[m, r, c] * at["c1"][0, r + i, c + j] ** 2
    expected["c1.bias"] = h_c1.sum((1, 2))

    found = sdlm.curvature(net, picture, label)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        close(value, expected[name])


def test_todays_layers_and_cross_entropy():
    """Max pooling passes h to the largest input, ReLU to the positive ones; scores: p (1 - p) x^2."""
    torch.manual_seed(4)
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(),
                        nn.Linear(2, 3)).double()
    with torch.no_grad():
        net[0].weight.fill_(2.0)
        net[0].bias.fill_(0.0)
    picture = torch.tensor([[[[1.0, 3.0, -5.0, -2.0], [0.0, -1.0, -1.5, -4.0]]]], dtype=DOUBLE)
    found = sdlm.curvature(net, picture, torch.tensor([1]))
    x = torch.tensor([6.0, 0.0], dtype=DOUBLE)  # 2 * 3, and 2 * -1.5 cut off
    p = torch.softmax(net[4](x), 0).detach()
    close(found["4.bias"], p * (1 - p))
    close(found["4.weight"], (p * (1 - p))[:, None] * x**2)
    h = ((p * (1 - p)) * net[4].weight[:, 0].detach() ** 2).sum()
    close(found["0.weight"].flatten(), (h * 3.0**2).view(1))
    close(found["0.bias"], h.view(1))


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
        halves = [sdlm.curvature(net, inputs[half], digits.labels[half])
                  for half in (slice(0, 2), slice(2, 6))]
        for key, h in found.items():  # a mean over the examples, whatever their number
            mean = (2 * halves[0][key] + 4 * halves[1][key]) / 6
            torch.testing.assert_close(h, mean, rtol=1e-4, atol=1e-9)


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
    optimiser.estimate(x, labels)
    h = sdlm.curvature(net, x, labels)  # at the weights of the estimate, not at those of a later step
    for lr, one in ((0.1, slice(0, 1)), (0.03, slice(1, 2))):
        optimiser.param_groups[0]["lr"] = lr  # what a schedule does
        before = {name: p.detach().clone() for name, p in net.named_parameters()}
        train_on(net, optimiser, x[one], labels[one])
        for name in ("full.weight", "full.bias"):
            p = net.get_parameter(name)
            close(p.detach(), before[name] - lr / (0.5 + h[name]) * p.grad)
        assert torch.equal(net.output.codes, before["output.codes"])


def test_the_default_mu_is_the_papers():
    assert sdlm.SDLM(small_net(), lr=1.0).param_groups[0]["mu"] == paper.HESSIAN_DAMPING


def test_a_newton_step_ends_at_the_minimum():
    """A parabola a parameter, 10,000 times steeper in one: h makes one step right for both."""
    class Parabolas(nn.Sequential):
        def loss(self, outputs, labels):
            return 0.5 * (outputs - 3).square().sum(1).mean()

    net = Parabolas(nn.Linear(2, 2, bias=False)).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[5.0, 0.0], [-4.0, 0.0]]))
    x, labels = torch.tensor([[100.0, 0.0]], dtype=DOUBLE), torch.tensor([0])
    optimiser = sdlm.SDLM(net, lr=1.0, mu=1e-12)
    optimiser.estimate(x, labels)
    train_on(net, optimiser, x, labels)
    close(net(x).detach(), torch.tensor([[3.0, 3.0]], dtype=DOUBLE))
    assert torch.equal(net[0].weight[:, 1], torch.zeros(2, dtype=DOUBLE))  # flat: no gradient, no step


def test_a_parameter_without_gradient_stays():
    net = small_net()
    optimiser = sdlm.SDLM(net, lr=0.1)
    optimiser.estimate(*examples())
    before = net.full.weight.detach().clone()
    optimiser.step()
    assert torch.equal(net.full.weight, before)


def test_a_frozen_parameter_is_left_out():
    net = small_net()
    net.full.weight.requires_grad_(False)
    x, labels = examples()
    assert sdlm.curvature(net, x, labels).keys() == {"full.bias"}
    before = net.full.weight.clone()
    optimiser = sdlm.SDLM(net, lr=0.1)
    optimiser.estimate(x, labels)
    train_on(net, optimiser, x[:1], labels[:1])
    assert torch.equal(net.full.weight, before)


def test_a_new_estimate_replaces_the_old():
    net = small_net()
    x, labels = examples()
    optimiser = sdlm.SDLM(net, lr=0.1)
    optimiser.estimate(x[:5], labels[:5])
    optimiser.estimate(x[5:], labels[5:])
    for name, h in sdlm.curvature(net, x[5:], labels[5:]).items():
        assert torch.equal(optimiser.state[net.get_parameter(name)]["h"], h)


def test_resuming_from_a_checkpoint_is_exact(tmp_path):
    x, labels = examples()
    net = small_net()
    optimiser = sdlm.SDLM(net, lr=0.05, mu=0.1)
    optimiser.estimate(x, labels)
    train_on(net, optimiser, x[:1], labels[:1])
    checkpoint.save(tmp_path / "net.ckpt", {"model": net.state_dict(),
                                            "optimiser": optimiser.state_dict()})
    train_on(net, optimiser, x[1:2], labels[1:2])

    state = checkpoint.load(tmp_path / "net.ckpt")
    again = small_net()
    again.load_state_dict(state["model"])
    resumed = sdlm.SDLM(again, lr=1.0)
    resumed.load_state_dict(state["optimiser"])
    train_on(again, resumed, x[1:2], labels[1:2])
    for a, b in zip(net.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_step_needs_an_estimate():
    with pytest.raises(RuntimeError, match=r"call estimate\(inputs, labels\) before step\(\)"):
        sdlm.SDLM(small_net(), lr=0.1).step()


@pytest.mark.parametrize("bad", [0, -1e-4, float("nan")])
def test_refuses_rates(bad):
    with pytest.raises(ValueError, match=f"lr must be positive, not {bad}"):
        sdlm.SDLM(small_net(), lr=bad)
    with pytest.raises(ValueError, match=f"mu must be positive, not {bad}"):
        sdlm.SDLM(small_net(), lr=1, mu=bad)


def test_refuses_what_it_does_not_know():
    x, labels = examples()
    with pytest.raises(TypeError, match="layer '1', a BatchNorm1d, is not known: it must be one of "
                                        "Conv2d, SparseConv2d, Linear, Subsampling, Tanh"):
        sdlm.curvature(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).double().eval(), x, labels)
    with pytest.raises(TypeError, match="walks through an nn.Sequential, not a Linear"):
        sdlm.curvature(nn.Linear(4, 3), x, labels)
    with pytest.raises(ValueError, match="no examples"):
        sdlm.curvature(small_net(), x[:0], labels[:0])
