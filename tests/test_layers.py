import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lenet_book import layers, paper

DOUBLE = torch.float64


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_scaled_tanh():
    x = torch.linspace(-5, 5, 41, dtype=DOUBLE)
    expected = [1.7159 * math.tanh(2 * a / 3) for a in x.tolist()]
    close(layers.ScaledTanh()(x), torch.tensor(expected, dtype=DOUBLE))
    assert torch.autograd.gradcheck(layers.ScaledTanh(), x.requires_grad_())


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(2, 7), st.integers(2, 7),
       st.integers(0, 2**31))
def test_subsampling_against_loops(batch, maps, height, width, seed):
    torch.manual_seed(seed)
    layer = layers.Subsampling(maps).double()
    x = torch.randn(batch, maps, height, width, dtype=DOUBLE)
    expected = torch.empty(batch, maps, height // 2, width // 2, dtype=DOUBLE)
    for n, m, r, c in itertools.product(*map(range, expected.shape)):
        total = sum(x[n, m, 2 * r + i, 2 * c + j] for i in (0, 1) for j in (0, 1))
        expected[n, m, r, c] = layer.weight[m] * total + layer.bias[m]
    close(layer(x), expected)


def test_subsampling_adds_four_ones_to_four():
    layer = layers.Subsampling(1)
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    assert layer(torch.ones(1, 1, 2, 2)).item() == 4


@pytest.mark.parametrize("shape", [(2, 4, 8, 8), (3, 8), (8,)])
def test_subsampling_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"Subsampling\(3\) takes N x 3 x H x W, not "
                                         + " x ".join(map(str, shape))):
        layers.Subsampling(3)(torch.zeros(shape))
    with pytest.raises(ValueError, match="maps must be at least 1, not 0"):
        layers.Subsampling(0)


tables = st.integers(1, 5).flatmap(lambda inputs: st.tuples(st.just(inputs), st.lists(
    st.lists(st.integers(0, inputs - 1), min_size=1, max_size=inputs, unique=True),
    min_size=1, max_size=5)))


@settings(max_examples=40)
@given(tables, st.integers(1, 3), st.integers(0, 2**31))
def test_sparse_convolution_against_loops(table, kernel_size, seed):
    torch.manual_seed(seed)
    in_channels, connections = table
    layer = layers.SparseConv2d(connections, kernel_size, in_channels).double()
    x = torch.randn(2, in_channels, 5, 4, dtype=DOUBLE)
    expected = torch.empty(2, len(connections), 6 - kernel_size, 5 - kernel_size, dtype=DOUBLE)
    for n, m, r, c in itertools.product(*map(range, expected.shape)):
        first = sum(map(len, connections[:m]))
        total = layer.bias[m].clone()
        for number, source in enumerate(connections[m]):
            for i, j in itertools.product(range(kernel_size), repeat=2):
                total = total + layer.weight[first + number, i, j] * x[n, source, r + i, c + j]
        expected[n, m, r, c] = total
    close(layer(x), expected)


@pytest.mark.parametrize("layer", [layers.Subsampling(3), layers.SparseConv2d([(0, 2), (1,)], 2)],
                         ids=str)
def test_gradcheck(layer):
    layer.double()
    x = torch.randn(2, 3, 4, 6, dtype=DOUBLE, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, w, b: torch.func.functional_call(layer, {"weight": w, "bias": b}, (x,)),
        (x, layer.weight, layer.bias))


def test_c3_holds_sixty_kernels():
    c3 = layers.SparseConv2d(paper.C3_CONNECTIONS, 5)
    assert c3.weight.shape == (60, 5, 5)
    assert sum(p.numel() for p in c3.parameters()) == 1516
    assert sum(t.numel() for t in c3.state_dict().values()) == 1516  # and no mask is saved
    assert c3.dense_weight().count_nonzero() == 1500


def test_unconnected_maps_do_not_matter():
    """Map 0 of C3 reads maps 0 to 2 of S2: changing 3 to 5 changes nothing, and each of 0 to 2 does."""
    c3 = layers.SparseConv2d(paper.C3_CONNECTIONS, 5)
    x = torch.randn(1, 6, 14, 14)
    before = c3(x)
    for source in range(6):
        changed = x.clone()
        changed[:, source] += 1
        same = [torch.equal(a, b) for a, b in zip(before[0], c3(changed)[0], strict=True)]
        assert same == [source not in inputs for inputs in paper.C3_CONNECTIONS]


@pytest.mark.parametrize(("connections", "message"), [
    ([], "at least one input map"), ([(0,), ()], "at least one input map"),
    ([(0, 1, 0)], r"map 0 reads an input map twice: \(0, 1, 0\)"),
    ([(0,), (1, 5)], r"map 1 reads maps \(1, 5\), but the input maps are 0 to 2"),
    ([(-1, 0)], r"map 0 reads maps \(-1, 0\)"),
])
def test_sparse_convolution_refuses_bad_tables(connections, message):
    with pytest.raises(ValueError, match=message):
        layers.SparseConv2d(connections, 3, in_channels=3)


def test_sparse_convolution_refuses_an_empty_kernel():
    with pytest.raises(ValueError, match="kernel_size must be at least 1, not 0"):
        layers.SparseConv2d([(0,)], 0)


def test_initial_weights_by_fan_in():
    """Uniform in +-2.4 / fan-in: never outside, and filling the range."""
    torch.manual_seed(0)
    c3 = layers.SparseConv2d(paper.C3_CONNECTIONS, 5)
    first = 0
    for output, inputs in enumerate(paper.C3_CONNECTIONS):
        kernels, bound = c3.weight[first:first + len(inputs)], 2.4 / (25 * len(inputs))
        first += len(inputs)
        assert 0.9 * bound < kernels.abs().max() <= bound
        assert c3.bias[output].abs() <= bound
    assert layers.Subsampling(1000).weight.abs().max().item() == pytest.approx(2.4 / 4, rel=0.01)


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.integers(0, 2**31))
def test_rbf_against_loops(batch, classes, features, seed):
    torch.manual_seed(seed)
    codes = torch.randn(classes, features, dtype=DOUBLE)
    x = torch.randn(batch, features, dtype=DOUBLE)
    expected = [[sum((x[n, j] - codes[i, j]) ** 2 for j in range(features)) for i in range(classes)]
                for n in range(batch)]
    close(layers.RBFOutput(codes)(x), torch.tensor(expected, dtype=DOUBLE))


def test_rbf_of_a_glyph_is_zero_there_and_four_a_dot_elsewhere():
    rbf = layers.RBFOutput()
    codes = torch.tensor(paper.GLYPHS, dtype=torch.float32).flatten(1)
    expected = 4 * (codes[:, None] != codes).sum(-1).float()
    assert torch.equal(rbf(codes), expected)
    assert not expected.diagonal().any()


def test_rbf_is_fixed_and_differentiable():
    rbf = layers.RBFOutput().double()
    assert [p.requires_grad for p in rbf.parameters()] == [False]
    x = torch.randn(2, 84, dtype=DOUBLE, requires_grad=True)
    assert torch.autograd.gradcheck(rbf, x)


def test_rbf_keeps_its_own_copy_of_the_codes():
    codes = torch.zeros(2, 3)
    rbf = layers.RBFOutput(codes)
    codes.fill_(9)
    assert not rbf.codes.any()


def test_rbf_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"84 features, the input has 120 \(shape \(2, 120\)\)"):
        layers.RBFOutput()(torch.zeros(2, 120))
    with pytest.raises(ValueError, match=r"classes x features, not of shape \(10, 12, 7\)"):
        layers.RBFOutput(torch.zeros(10, 12, 7))


@settings(max_examples=60)
@given(st.integers(1, 5), st.integers(2, 6), st.floats(0.05, 20), st.integers(0, 2**31))
def test_map_loss_is_the_papers_formula(batch, classes, j, seed):
    torch.manual_seed(seed)
    y = 20 * torch.rand(batch, classes, dtype=DOUBLE)
    labels = torch.randint(classes, (batch,))
    formula = [y[n, d] + math.log(math.exp(-j) + sum(math.exp(-v) for v in y[n].tolist()))
               for n, d in enumerate(labels.tolist())]
    close(layers.map_loss(y, labels, j), torch.stack(formula).mean())


def test_map_loss_gradcheck():
    y = (10 * torch.rand(3, 4, dtype=DOUBLE)).requires_grad_()
    assert torch.autograd.gradcheck(lambda y: layers.map_loss(y, torch.tensor([0, 3, 1])), y)


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


@pytest.mark.parametrize("j", [0, -1, math.nan])
def test_map_loss_refuses_j(j):
    with pytest.raises(ValueError, match=f"j must be positive, not {j}"):
        layers.map_loss(torch.zeros(1, 2), torch.tensor([0]), j)
