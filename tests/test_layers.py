import itertools
import math
import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lenet_book import layers, paper

DOUBLE, SEEDS = torch.float64, st.integers(0, 2**31)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_scaled_tanh():
    x = torch.linspace(-5, 5, 41, dtype=DOUBLE)
    expected = [1.7159 * math.tanh(2 * a / 3) for a in x.tolist()]
    close(layers.ScaledTanh()(x), torch.tensor(expected, dtype=DOUBLE))
    single = torch.linspace(-20, 20, 100_001)
    error = layers.ScaledTanh()(single) - 1.7159 * torch.tanh(2 / 3 * single.double())
    assert error.abs().max() < 5e-7  # a few units in the last place of 1.7159
    assert layers.ScaledTanh()(torch.tensor([-math.inf, 0, math.inf])).tolist() == pytest.approx(
        [-1.7159, 0, 1.7159])


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(2, 7), st.integers(2, 7), SEEDS)
def test_subsampling_against_loops(batch, maps, height, width, seed):
    torch.manual_seed(seed)
    layer = layers.Subsampling(maps).double()
    x = torch.randn(batch, maps, height, width, dtype=DOUBLE)
    expected = torch.empty(batch, maps, height // 2, width // 2, dtype=DOUBLE)
    for n, m, i, u in itertools.product(*map(range, expected.shape)):
        window = x[n, m, 2 * i:2 * i + 2, 2 * u:2 * u + 2]
        expected[n, m, i, u] = layer.weight[m] * window.sum() + layer.bias[m]
    close(layer(x), expected)


tables = st.integers(1, 5).flatmap(lambda inputs: st.tuples(st.just(inputs), st.lists(
    st.lists(st.integers(0, inputs - 1), min_size=1, max_size=inputs, unique=True),
    min_size=1, max_size=5)))


@settings(max_examples=40)
@given(tables, st.integers(1, 3), SEEDS)
@example((6, paper.C3_CONNECTIONS), 5, 0)
def test_each_map_is_a_convolution_of_those_that_its_entry_names(table, kernel_size, seed):
    torch.manual_seed(seed)
    in_channels, connections = table
    layer = layers.SparseConv2d(connections, kernel_size, in_channels).double()
    x = torch.randn(2, in_channels, 7, 6, dtype=DOUBLE)
    kernels = layer.weight.split([len(inputs) for inputs in connections])
    expected = [F.conv2d(x[:, list(inputs)], kernel[None], bias[None])
                for inputs, kernel, bias in zip(connections, kernels, layer.bias, strict=True)]
    close(layer(x), torch.cat(expected, dim=1))


def test_c3_holds_sixty_kernels():
    c3 = layers.SparseConv2d(paper.C3_CONNECTIONS, 5)
    assert c3.weight.shape == (60, 5, 5)
    assert sum(p.numel() for p in c3.parameters()) == 1516
    assert sum(t.numel() for t in c3.state_dict().values()) == 1516  # and no mask is saved
    assert c3.dense_weight().count_nonzero() == 1500


def test_initial_weights_of_subsampling():
    """Of four inputs; those of C3 stand in tests/models/test_variants.py."""
    torch.manual_seed(0)
    assert layers.Subsampling(1000).weight.abs().max().item() == pytest.approx(2.4 / 4, rel=0.01)
    assert layers.Subsampling(1000).bias.abs().max().item() == pytest.approx(2.4 / 4, rel=0.01)


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), SEEDS)
def test_rbf_is_the_squared_distance(batch, classes, features, seed):
    torch.manual_seed(seed)
    codes = torch.randn(classes, features, dtype=DOUBLE)
    x = torch.randn(batch, features, dtype=DOUBLE)
    close(layers.RBFOutput(codes)(x), torch.cdist(x, codes).square())


def test_rbf_of_a_glyph_is_zero_there_and_four_a_dot_elsewhere():
    rbf = layers.RBFOutput()
    codes = torch.tensor(paper.GLYPHS, dtype=torch.float32).flatten(1)
    expected = 4 * (codes[:, None] != codes).sum(-1).float()
    assert torch.equal(rbf(codes), expected)
    assert not expected.diagonal().any()


def test_rbf_is_fixed_and_keeps_its_own_copy_of_the_codes():
    codes = torch.zeros(2, 3)
    rbf = layers.RBFOutput(codes)
    codes.fill_(9)
    assert not rbf.codes.any() and not rbf.codes.requires_grad


@settings(max_examples=60)
@given(st.integers(1, 5), st.integers(2, 6), st.floats(0.05, 20), SEEDS)
def test_map_loss_is_the_papers_formula(batch, classes, j, seed):
    torch.manual_seed(seed)
    y = 20 * torch.rand(batch, classes, dtype=DOUBLE)
    labels = torch.randint(classes, (batch,))
    formula = [y[n, d] + math.log(math.exp(-j) + sum(math.exp(-v) for v in y[n].tolist()))
               for n, d in enumerate(labels.tolist())]
    close(layers.map_loss(y, labels, j), torch.stack(formula).mean())


@pytest.mark.parametrize("scale", [0.0, 1e3, 1e6, 1e30])
def test_map_loss_stays_finite(scale):
    y = torch.tensor([[scale, 0.0, scale]], requires_grad=True)
    loss = layers.map_loss(y, torch.tensor([0]), j=1.0)
    loss.backward()
    assert loss.isfinite()
    assert y.grad.isfinite().all()
    rest = math.log(1 + math.exp(-1)) if scale else math.log(3 + math.exp(-1))
    assert loss.item() == pytest.approx(scale + rest, rel=1e-6)


def test_map_loss_pushes_wrong_outputs_only_while_they_are_near_j():
    y = torch.tensor([[0.5, 1.0, 40.0]], dtype=DOUBLE, requires_grad=True)
    layers.map_loss(y, torch.tensor([0]), j=2.0).backward()
    right, near, far = y.grad[0].tolist()
    assert right > 0 > near
    assert abs(far) < 1e-12


def sparse(connections, kernel_size=3):
    return lambda: layers.SparseConv2d(connections, kernel_size, in_channels=3)


@pytest.mark.parametrize(("call", "message"), [
    *((lambda shape=shape: layers.Subsampling(3)(torch.zeros(shape)),
       "Subsampling takes N x 3 x H x W, H and W from 2 on, not " + " x ".join(map(str, shape)))
      for shape in ((2, 4, 8, 8), (2, 3, 1, 8))),
    (lambda: layers.Subsampling(3)(torch.zeros(3, 8)),
     "x must be N x maps x H x W or maps x H x W, not of shape 3 x 8"),
    (lambda: layers.Subsampling(3)(torch.zeros(3, 8, 8).double()),
     "x is torch.float64 on cpu but the layer is torch.float32 on cpu; use layer.to(x)"),
    *((lambda labels=labels: layers.map_loss(torch.zeros(2, 3), labels),
       "labels must be int64, one class from 0 to 2 for each of the 2 patterns, not ")
      for labels in (torch.tensor([0, 3]), torch.tensor([-1, 0]), torch.tensor([0]), [0, 1])),
    (sparse([(0,), ()]), "connections[1] must hold at least 1, not ()"),
    (sparse([(0, 1, 0)]), "map 0 reads an input map twice: (0, 1, 0)"),
    (sparse([(0,), (1, 5)]), "map 1 reads maps (1, 5), but the input maps are 0 to 2"),
    (sparse([(-1, 0)]), "connections[0][0] must be from 0 to 100,000, not -1"),
    (lambda: layers.RBFOutput()(torch.zeros(2, 120)),
     "84 features, the input has 120 (shape (2, 120))"),
    (lambda: layers.RBFOutput(torch.zeros(10, 12, 7)),
     "classes x features, not of shape 10 x 12 x 7"),
])
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
