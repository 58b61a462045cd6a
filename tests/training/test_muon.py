"""Muon, against the singular value decomposition, torch's own on matrices, and steps by hand."""

import math
from functools import reduce

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn, optim

from lenet_book.training.muon import Muon, orthogonalise

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


def raised(x):
    """What five rounds of the published polynomial make of one singular value."""
    return reduce(lambda x, _: 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5, range(5), x)


def step(shape, gradients, **options):
    """A parameter of this shape, 0.5 everywhere at first, after a step for each gradient."""
    p = nn.Parameter(torch.full(shape, 0.5))
    optimiser = Muon([p], **{"lr": 0.1} | options)
    for gradient in gradients:
        p.grad = gradient
        optimiser.step()
    return p.detach()


# The matrix

@given(SHAPES, st.integers(0, 99), st.sampled_from([1e-6, 1.0, 1e6]))
def test_it_changes_the_singular_values_and_nothing_else(shape, seed, size):
    matrix = size * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    u, s, vt = torch.linalg.svd(matrix.double(), full_matrices=False)
    expected = u @ torch.diag(raised(s / s.square().sum().sqrt())) @ vt
    torch.testing.assert_close(orthogonalise(matrix).double(), expected, rtol=0, atol=1e-4)


@given(st.floats(0.01, 1))
def test_a_singular_value_from_a_hundredth_up_comes_near_1(value):
    assert 0.68 < raised(value) < 1.14
    assert orthogonalise(torch.tensor([[value, 0.0], [0.0, math.sqrt(1 - value**2)]]))[0, 0] == (
        pytest.approx(raised(value), abs=1e-4))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (3, 4)])
def test_zeros_stay_zeros(shape):
    assert torch.equal(orthogonalise(torch.zeros(shape)), torch.zeros(shape))


# The steps

def test_they_are_those_of_torch_on_a_matrix():
    """Which round to 8 bits on the way, and sum where these average: the direction is the same."""
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(6, 9, generator=generator) for _ in range(4)]
    theirs = nn.Parameter(torch.full((6, 9), 0.5))
    optimiser = optim.Muon([theirs], lr=0.1, weight_decay=0.2, momentum=0.9,
                           adjust_lr_fn="match_rms_adamw")
    for gradient in gradients:
        theirs.grad = gradient
        optimiser.step()
    ours = step((6, 9), gradients, weight_decay=0.2, momentum=0.9)
    assert (ours - 0.5).abs().max() > 0.1
    torch.testing.assert_close(ours, theirs.detach(), rtol=0, atol=0.01)


def test_a_bias_is_one_row_and_moves_along_its_gradient():
    bias = step((4,), [torch.tensor([3.0, 0.0, -4.0, 0.0])], weight_decay=0.5)
    far = 0.1 * 0.2 * math.sqrt(4) * raised(1)
    expected = 0.5 * (1 - 0.1 * 0.5) - far * torch.tensor([0.6, 0.0, -0.8, 0.0])
    torch.testing.assert_close(bias, expected)


def test_the_second_step_looks_ahead():
    """Average 0.5 g1 after the first; then (a + g2) / 2 = (g1 / 2 + g2) / 2, and half way on to g2."""
    first, second = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    average = (first / 2 + second) / 2
    ahead = (second + average) / 2
    far = 0.1 * 0.2 * math.sqrt(2) * raised(1)
    expected = 0.5 - far * (first + ahead / ahead.norm())
    torch.testing.assert_close(step((2,), [first, second], momentum=0.5), expected)


def test_a_kernel_has_a_row_for_each_of_its_maps():
    gradient = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    flat = step((4, 12), [gradient.flatten(1)])
    torch.testing.assert_close(step((4, 3, 2, 2), [gradient]), flat.view(4, 3, 2, 2))
    last = torch.full((4, 3, 2, 2), 0.5).contiguous(memory_format=torch.channels_last)
    kernel = nn.Parameter(last)
    kernel.grad = gradient.contiguous(memory_format=torch.channels_last)
    Muon([kernel], lr=0.1).step()
    torch.testing.assert_close(kernel.detach(), flat.view(4, 3, 2, 2))
    assert kernel.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", [(120, 16, 5, 5), (84, 120), (6, 1, 5, 5)])
def test_a_step_is_about_a_fifth_of_the_rate_however_large_the_gradient(shape):
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    for size in (1e-6, 1.0, 1e6):
        moved = step(shape, [size * gradient]) - 0.5
        assert moved.square().mean().sqrt() == pytest.approx(0.02, rel=0.25)


def test_what_has_no_gradient_stays():
    p, q = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    p.grad = torch.ones(2)
    optimiser = Muon([p, q], lr=0.1, weight_decay=0.5)
    optimiser.step()
    assert torch.equal(q.detach(), torch.ones(2)) and not torch.equal(p.detach(), q.detach())


def test_a_single_number_is_a_matrix_too():
    assert step((), [torch.tensor(-3.0)]).item() == pytest.approx(0.5 + 0.1 * 0.2 * raised(1))


def test_it_remembers_twenty_steps_if_nothing_else_is_said():
    assert Muon([nn.Parameter(torch.ones(2))], lr=0.1).defaults["momentum"] == 0.95
