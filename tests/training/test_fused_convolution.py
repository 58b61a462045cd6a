"""Convolution and max pooling in one, with its gradients, against PyTorch's two."""

from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lenet_book import mnist, models
from lenet_book.training import fused

TRAIN, _ = mnist.load_mnist()
CAPABILITIES = ["AVX512", "AVX2"]  # vectors of 512 and of 256 bits, which have ways of their own


def on(capability):
    """What is found must not hang on the machine: a CPU of that name."""
    return mock.patch.object(torch.backends.cpu, "get_cpu_capability", return_value=capability)


def both(x, weight, bias, functions=(fused.conv_max_pool2d, lambda *a: F.max_pool2d(F.conv2d(*a), 2))):
    """Output and gradients of the faster call and of PyTorch's."""
    for function in functions:
        leaves = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
        out = function(*leaves)
        downstream = torch.arange(1.0, out.numel() + 1, dtype=out.dtype).view(out.shape)
        yield out.detach(), *torch.autograd.grad(out, leaves, downstream)


@given(st.sampled_from(CAPABILITIES), st.integers(0, 3), st.integers(1, 3), st.integers(1, 4),
       st.integers(1, 5), st.integers(0, 6), st.integers(0, 6), st.integers(0, 999))
def test_it_is_convolution_and_max_pooling(capability, count, maps, filters, kernel, more, wider, seed):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    x = draw(count, maps, kernel + 1 + more, kernel + 1 + wider)
    with on(capability):
        ours, theirs = both(x, draw(filters, maps, kernel, kernel), draw(filters))
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-9)


@given(st.sampled_from(CAPABILITIES), st.integers(1, 4), st.integers(0, 999),
       st.sampled_from([torch.float32, torch.float64]))
def test_among_equals_the_first_gets_the_gradient(capability, kernel, seed, dtype):
    """Small whole numbers: many windows hold their largest several times, and nothing is rounded."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 2, (2, 1, kernel + 5, kernel + 5), generator=generator).to(dtype)
    weight = torch.randint(-1, 2, (3, 1, kernel, kernel), generator=generator).to(dtype)
    with on(capability):
        ours, theirs = both(x, weight, torch.zeros(3, dtype=dtype))
    for mine, its in zip(ours, theirs, strict=True):
        assert torch.equal(mine, its)


def test_an_empty_image_trains_the_biases_alone():
    """All four of every window are equal: each output's gradient arrives once, not four times."""
    ours, theirs = both(torch.zeros(1, 1, 6, 6), torch.ones(2, 1, 3, 3), torch.zeros(2))
    assert torch.equal(ours[3], theirs[3])
    assert torch.equal(ours[1].sum(), theirs[1].sum()) and ours[1].any()
    assert not ours[2].any()


def test_a_difference_as_small_as_float32_knows_is_one():
    """Each image has its largest pixel, larger by one unit in the last place, in another corner."""
    x = torch.ones(4, 1, 2, 2)
    for number, corner in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        x[(number, 0, *corner)] = 1 + torch.finfo(torch.float32).eps
    x.requires_grad_()
    fused.conv_max_pool2d(x, torch.ones(1, 1, 1, 1), torch.zeros(1)).sum().backward()
    assert torch.equal(x.grad, (x > 1).float())


def test_its_gradients_are_those_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    leaves = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
              for shape in ((2, 2, 7, 6), (3, 2, 3, 3), (3,))]
    downstream = torch.randn(2, 3, 2, 2, generator=generator, dtype=torch.float64)

    def value():
        return (fused.conv_max_pool2d(*leaves) * downstream).sum()

    for leaf, gradient in zip(leaves, torch.autograd.grad(value(), leaves), strict=True):
        with torch.no_grad():
            for number, one in enumerate(leaf.view(-1)):
                start, found = one.item(), []
                for step in (1e-6, -1e-6):
                    one.fill_(start + step)
                    found.append(value().item())
                one.fill_(start)
                assert gradient.flatten()[number].item() == pytest.approx(
                    (found[0] - found[1]) / 2e-6, rel=1e-6, abs=1e-7)


def test_a_second_backward_pass_is_refused():
    """The first has overwritten which of four was the largest."""
    out = fused.conv_max_pool2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2, requires_grad=True),
                                torch.zeros(1)).sum()
    out.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


@pytest.mark.parametrize("which", [0, 1])
def test_second_derivatives_are_refused(which):
    x, weight = (torch.ones(shape, requires_grad=True) for shape in ((1, 1, 4, 4), (1, 1, 2, 2)))
    out = fused.conv_max_pool2d(x, weight, torch.zeros(1)).square().sum()
    first, = torch.autograd.grad(out, (x, weight)[which], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_the_order_in_memory_does_not_matter(memory):
    net = models.build("lenet5").to(memory_format=memory)
    x = TRAIN[:40].inputs(scaling="standard").to(memory_format=memory)
    torch.testing.assert_close(fused.conv_max_pool2d(x, net.c1.weight, net.c1.bias),
                               net.s2(net.c1(x)), rtol=1e-5, atol=1e-5)


def test_an_image_without_room_for_a_window_is_refused():
    with pytest.raises(RuntimeError, match="6 x 6"):
        fused.conv_max_pool2d(torch.zeros(1, 1, 5, 5), torch.zeros(1, 1, 5, 5), torch.zeros(1))
