"""Every result is held against PyTorch's, those of a single map against SciPy's as well."""

import pytest
import torch
import torch.nn.functional as F
from both_convolutions import CONVOLUTIONS, POOLS, ramp
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from lenet_book.convolution import avg_pool2d, convolve2d, cross_correlate2d

TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-5}


def assert_equal(result, expected):
    """Tensors or lists of them, to 1e-10 in double precision and 2e-5 in single, types included."""
    tolerance = TOLERANCE[expected[0].dtype]
    torch.testing.assert_close(result, expected, rtol=tolerance, atol=tolerance)


def pairs(least, most):
    """A setting as PyTorch takes it: one integer, or (vertical, horizontal)."""
    number = st.integers(least, most)
    return number | st.tuples(number, number)


def both(setting):
    return setting if isinstance(setting, tuple) else (setting, setting)


@st.composite
def tensors(draw, *shape, dtype, ties=False):
    """Numbers of about 1; with ties, small integers cut off at 0, as after a ReLU."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    if ties:
        return torch.randint(-3, 3, shape, generator=generator).clamp(min=0).to(dtype)
    return torch.randn(*shape, dtype=dtype, generator=generator)


@st.composite
def batches(draw, dtype, channels, least_height, least_width, ties=False):
    """N x C x H x W, perhaps empty, or C x H x W; in one of three memory layouts."""
    height = draw(st.integers(least_height, least_height + 5))
    width = draw(st.integers(least_width, least_width + 5))
    examples = draw(st.integers(0, 3))
    batch = draw(tensors(examples, channels, height, width, dtype=dtype, ties=ties))
    layout = draw(st.sampled_from(["plain", "channels last", "every other column", "unbatched"]))
    if layout == "channels last":
        return batch.contiguous(memory_format=torch.channels_last)
    if layout == "every other column":
        return batch.repeat_interleave(2, dim=-1)[..., ::2]
    if layout == "unbatched" and examples:
        return batch[0]
    return batch


@st.composite
def convolutions(draw):
    """x, weight, bias and the settings of a convolution that exists."""
    dtype = draw(st.sampled_from(list(TOLERANCE)))
    channels, maps = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride, padding, dilation = draw(pairs(1, 3)), draw(pairs(0, 3)), draw(pairs(1, 3))
    least = [max(1, d * (k - 1) + 1 - 2 * p)
             for k, p, d in zip(kernel, both(padding), both(dilation), strict=True)]
    x = draw(batches(dtype, channels, *least))
    weight = draw(tensors(maps, channels, *kernel, dtype=dtype))
    bias = draw(st.none() | tensors(maps, dtype=dtype))
    return x, weight, bias, stride, padding, dilation


@st.composite
def poolings(draw):
    """x, full of ties or not, and the settings of a pooling that exists."""
    dtype = draw(st.sampled_from(list(TOLERANCE)))
    kernel = draw(pairs(1, 4))
    stride = draw(st.none() | pairs(1, 4))
    padding = draw(st.tuples(*(st.integers(0, k // 2) for k in both(kernel))))
    if padding[0] == padding[1]:
        padding = padding[0]
    least = [max(1, k - 2 * p) for k, p in zip(both(kernel), both(padding), strict=True)]
    x = draw(batches(dtype, draw(st.integers(1, 3)), *least, ties=draw(st.booleans())))
    return x, kernel, stride, padding


def test_by_hand():
    # 0*0 + 1*1 + 3*2 + 4*3 = 19, and so on; with both axes flipped 0*3 + 1*2 + 3*1 + 4*0 = 5
    assert cross_correlate2d(ramp(3, 3), ramp(2, 2)).tolist() == [[19, 25], [37, 43]]
    assert convolve2d(ramp(3, 3), ramp(2, 2)).tolist() == [[5, 11], [23, 29]]


@settings(max_examples=200)
@given(st.data())
def test_single_map_agrees_with_scipy(data):
    from scipy import signal  # takes a second
    dtype = data.draw(st.sampled_from(list(TOLERANCE)))
    height, width = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    kernel = data.draw(tensors(height, width, dtype=dtype))
    image = data.draw(tensors(height + data.draw(st.integers(0, 5)),
                              width + data.draw(st.integers(0, 5)), dtype=dtype))
    arrays = image.double().numpy(), kernel.double().numpy()
    correlated, convolved = (torch.from_numpy(function(*arrays, mode="valid")).to(dtype)
                             for function in (signal.correlate2d, signal.convolve2d))
    assert_equal(cross_correlate2d(image, kernel), correlated)
    assert_equal(convolve2d(image, kernel), convolved)
    for ours in CONVOLUTIONS:
        assert_equal(ours(image[None], kernel[None, None])[0], correlated)


def run(function, operands, *settings):
    """The result and the gradient of each operand, every output with a weight of its own."""
    leaves = [operand if operand is None else operand.detach().requires_grad_()
              for operand in operands]
    result = function(*leaves, *settings)
    if result.numel():  # no examples, no gradient
        weights = torch.linspace(1, 2, result.numel(), dtype=result.dtype) / result.numel()
        result.backward(weights.view_as(result))
    return [result.detach(), *(leaf.grad for leaf in leaves if leaf is not None)]


@settings(max_examples=300)
@given(convolutions())
def test_conv2d_and_its_gradient_are_torchs(case):
    operands, rules = case[:3], case[3:]
    expected = run(F.conv2d, operands, *rules)
    for ours in CONVOLUTIONS:
        found = run(ours, operands, *rules)
        assert_equal(found, expected)
        assert found[0].is_contiguous()


@settings(max_examples=300)
@given(poolings())
def test_pooling_and_its_gradient_are_torchs(case):
    """Where pixels tie, too: the gradient goes to the first of them."""
    x, *rules = case
    for ours, torchs in POOLS:
        found = run(ours, [x], *rules)
        assert_equal(found, run(torchs, [x], *rules))
        assert found[0].is_contiguous()


@pytest.mark.parametrize("ours", CONVOLUTIONS)
def test_no_channels_leave_the_bias(ours):
    """An empty sum: M maps of the bias. PyTorch returns no map at all here."""
    result = ours(torch.ones(2, 0, 4, 4), torch.ones(3, 0, 2, 2), torch.arange(3.0))
    assert torch.equal(result, torch.arange(3.0).view(3, 1, 1).expand(2, 3, 3, 3))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(("ours", "torchs"), POOLS)
def test_pooling_passes_nan_and_infinity_on(ours, torchs, place, value):
    x = torch.full((4,), value if value == -torch.inf else -5.0)
    x[place] = value
    x = x.view(1, 2, 2)
    torch.testing.assert_close(ours(x, 2, 1, 1), torchs(x, 2, 1, 1), equal_nan=True)
    torch.testing.assert_close(ours(x, 2).item(), value, equal_nan=True)


def test_mean_of_large_halves_does_not_overflow():
    x = torch.full((1, 2, 2), 60000.0, dtype=torch.float16)
    assert avg_pool2d(x, 2).item() == F.avg_pool2d(x, 2).item() == 60000


@pytest.mark.parametrize("function", [cross_correlate2d, convolve2d])
def test_single_map_gradient(function):
    generator = torch.Generator().manual_seed(1998)
    operands = [torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()
                for shape in ((4, 5), (3, 2))]
    assert gradcheck(function, operands)
