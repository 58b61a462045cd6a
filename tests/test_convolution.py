"""Every result is held against PyTorch's, those of a single map against SciPy's as well."""

import re

import numpy
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from torch.autograd import gradcheck

from lenet_book.convolution import avg_pool2d, conv2d, convolve2d, cross_correlate2d, max_pool2d

TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-5}
METHODS = ["unfold", "loops"]
POOLS = [(max_pool2d, F.max_pool2d), (avg_pool2d, F.avg_pool2d)]
TORCH_ERRORS = (RuntimeError, TypeError, IndexError)


def assert_equal(result, expected):
    """To 1e-10 in double precision and to 2e-5 in single, shape and type included."""
    tolerance = TOLERANCE[expected.dtype]
    torch.testing.assert_close(result, expected, rtol=tolerance, atol=tolerance)


def ramp(*shape):
    return torch.arange(float(torch.Size(shape).numel()), dtype=torch.float64).view(shape)


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


# Values


def test_by_hand():
    # 0*0 + 1*1 + 3*2 + 4*3 = 19, and so on; with both axes flipped 0*3 + 1*2 + 3*1 + 4*0 = 5
    assert cross_correlate2d(ramp(3, 3), ramp(2, 2)).tolist() == [[19, 25], [37, 43]]
    assert convolve2d(ramp(3, 3), ramp(2, 2)).tolist() == [[5, 11], [23, 29]]


def test_convolving_an_impulse_prints_the_kernel():
    image = torch.zeros(5, 7)
    image[2, 3] = 1
    kernel = ramp(3, 4).float()
    assert torch.equal(convolve2d(image, kernel), kernel)
    assert torch.equal(cross_correlate2d(image, kernel), kernel.flip(0, 1))


@settings(max_examples=200)
@given(st.data())
def test_single_map_agrees_with_scipy(data):
    dtype = data.draw(st.sampled_from(list(TOLERANCE)))
    height, width = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    kernel = data.draw(tensors(height, width, dtype=dtype))
    image = data.draw(tensors(height + data.draw(st.integers(0, 5)),
                              width + data.draw(st.integers(0, 5)), dtype=dtype))
    correlated = torch.from_numpy(
        signal.correlate2d(image.double().numpy(), kernel.double().numpy(), mode="valid")).to(dtype)
    convolved = torch.from_numpy(
        signal.convolve2d(image.double().numpy(), kernel.double().numpy(), mode="valid")).to(dtype)
    assert_equal(cross_correlate2d(image, kernel), correlated)
    assert_equal(convolve2d(image, kernel), convolved)
    for method in METHODS:
        assert_equal(conv2d(image[None], kernel[None, None], method=method)[0], correlated)


@settings(max_examples=300)
@given(convolutions())
def test_conv2d_agrees_with_torch(case):
    expected = F.conv2d(*case)
    for method in METHODS:
        assert_equal(conv2d(*case, method=method), expected)


@settings(max_examples=300)
@given(poolings())
def test_pooling_agrees_with_torch(case):
    for ours, torchs in POOLS:
        assert_equal(ours(*case), torchs(*case))


def test_defaults_are_torchs_and_results_lie_in_memory_as_in_their_shape():
    x, weight = ramp(2, 3, 6, 6) % 7, ramp(4, 3, 3, 3) % 5
    for result, torchs in ((conv2d(x, weight), F.conv2d(x, weight)),
                           (conv2d(x, weight, method="loops"), F.conv2d(x, weight)),
                           (max_pool2d(x, 2), F.max_pool2d(x, 2)),
                           (avg_pool2d(x, 2), F.avg_pool2d(x, 2))):
        assert_equal(result, torchs)
        assert result.is_contiguous()


@pytest.mark.parametrize("method", METHODS)
def test_no_channels_leave_the_bias(method):
    """An empty sum: M maps of the bias. PyTorch returns no map at all here."""
    result = conv2d(torch.ones(2, 0, 4, 4), torch.ones(3, 0, 2, 2), torch.arange(3.0),
                    method=method)
    assert torch.equal(result, torch.arange(3.0).view(3, 1, 1).expand(2, 3, 3, 3))


def test_padding_of_max_pooling_never_wins():
    x = torch.full((1, 1, 2, 2), -5.0)
    assert torch.equal(max_pool2d(x, 2, 1, 1), torch.full((1, 1, 3, 3), -5.0))
    assert torch.equal(max_pool2d(x - torch.inf, 2, 1, 1), torch.full((1, 1, 3, 3), -torch.inf))


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(("ours", "torchs"), POOLS)
def test_pooling_passes_nan_on(ours, torchs, place):
    x = torch.arange(4.0)
    x[place] = torch.nan
    x = x.view(1, 2, 2)
    torch.testing.assert_close(ours(x, 2, 1, 1), torchs(x, 2, 1, 1), equal_nan=True)
    assert ours(x, 2).isnan().all()


def test_mean_of_large_halves_does_not_overflow():
    x = torch.full((1, 2, 2), 60000.0, dtype=torch.float16)
    assert avg_pool2d(x, 2).item() == F.avg_pool2d(x, 2).item() == 60000


# Gradients


def with_gradient(*shape):
    generator = torch.Generator().manual_seed(1998)
    return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rules", [(1, 0, 1), ((2, 1), (1, 2), (1, 2)), (3, 2, 2)])
def test_conv2d_gradient(rules, method):
    x, weight, bias = with_gradient(2, 2, 4, 5), with_gradient(2, 2, 2, 3), with_gradient(2)
    assert gradcheck(lambda *operands: conv2d(*operands, *rules, method=method), (x, weight, bias))


@pytest.mark.parametrize("function", [cross_correlate2d, convolve2d])
def test_single_map_gradient(function):
    assert gradcheck(function, (with_gradient(4, 5), with_gradient(3, 2)))


@pytest.mark.parametrize("pool", [max_pool2d, avg_pool2d])
@pytest.mark.parametrize("rules", [(2,), (3, 2, 1), ((2, 3), (1, 2), (1, 0))])
def test_pooling_gradient(rules, pool):
    # All pixels differ by at least 1: no step of gradcheck makes another one the largest.
    x = (ramp(2, 2, 5, 6) * 37 % 120).requires_grad_()
    assert len(x.unique()) == x.numel()
    assert gradcheck(lambda x: pool(x, *rules), (x,))


@settings(max_examples=100)
@given(poolings())
def test_pooling_gradient_agrees_with_torch_where_pixels_tie(case):
    x, *rules = case
    for ours, torchs in POOLS:
        gradients = []
        for pool in (ours, torchs):
            leaf = x.clone().requires_grad_()
            result = pool(leaf, *rules)
            # A weight of its own for each output, so that no two can be mixed up.
            result.backward(torch.arange(1.0, result.numel() + 1, dtype=x.dtype).view_as(result))
            gradients.append(leaf.grad)
        assert_equal(*gradients)


def test_max_pooling_of_zeros_sends_the_gradient_to_the_first():
    x = torch.zeros(1, 4, 4, requires_grad=True)
    max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]]


# Errors: ValueError where PyTorch raises, and nowhere else


def outcome(function, *arguments, errors, **options):
    """The result, or None where it raised one of `errors`; any other error is the test's."""
    try:
        return function(*arguments, **options)
    except errors:
        return None


def assert_same_outcome(result, expected):
    assert (result is None) == (expected is None)
    if expected is not None:
        torch.testing.assert_close(result, expected, rtol=1e-10, atol=1e-10)


def mostly(usual, *unusual):
    """One of the usual values in eight draws of nine: most cases break one rule or none."""
    return st.sampled_from([*usual] * 8 * len(unusual) + [*unusual] * len(usual))


POSITIVE = mostly([1, 2, (1, 2), (3, 1)], 0, -1, (0, 1), (1, 0), (2, -1))
NOT_NEGATIVE = mostly([0, 1, (0, 1), (1, 0)], -1, 2, 3, (-1, 0), (1, -1))


@settings(max_examples=300)
@given(st.data())
def test_conv2d_raises_exactly_where_torch_does(data):
    channels, maps = data.draw(st.integers(1, 2)), data.draw(mostly([1, 2], 0))
    size, kernel = mostly([4, 5, 6, 7], 0, 1, 2), mostly([1, 2, 3], 0, 5)
    x = ramp(data.draw(st.integers(1, 2)), channels, data.draw(size), data.draw(size))
    if data.draw(st.booleans()):
        x = x[0]
    weight = ramp(maps, data.draw(mostly([channels], channels + 1)), data.draw(kernel),
                  data.draw(kernel))
    bias = data.draw(st.sampled_from([None, ramp(maps)]))
    if data.draw(mostly([False], True)):
        bias = ramp(*data.draw(st.sampled_from([(maps + 1,), (1, maps)])))
    arguments = (x, weight, bias, data.draw(POSITIVE), data.draw(NOT_NEGATIVE), data.draw(POSITIVE))
    expected = outcome(F.conv2d, *arguments, errors=TORCH_ERRORS)
    for method in METHODS:
        result = outcome(conv2d, *arguments, method=method, errors=ValueError)
        assert_same_outcome(result, expected)


@pytest.mark.parametrize("examples", [0, 2])
@pytest.mark.parametrize(("height", "dilation", "message"), [
    (4, 0, "dilation must be at least 1, not 0"),
    (0, 1, "x must be at least 1 pixel high and wide")])
def test_an_empty_batch_is_checked_like_any_other(height, dilation, message, examples):
    """PyTorch lets dilation 0 and images without pixels pass where there are no examples."""
    with pytest.raises(ValueError, match=message):
        conv2d(torch.zeros(examples, 1, height, 4), torch.zeros(1, 1, 2, 2), padding=1,
               dilation=dilation)


@settings(max_examples=300)
@given(st.data())
def test_pooling_raises_exactly_where_torch_does(data):
    size = mostly([3, 4, 5, 6], 0, 1)
    x = ramp(data.draw(st.integers(0, 2)), data.draw(mostly([1, 2], 0)), data.draw(size),
             data.draw(size))
    if len(x) and data.draw(st.booleans()):
        x = x[0]
    kernel = data.draw(mostly([2, 3, (2, 3), (4, 1)], 0, 1, 5, (0, 2), (2, -1), (7, 2)))
    stride, padding = data.draw(st.none() | POSITIVE), data.draw(NOT_NEGATIVE)
    for ours, torchs in POOLS:
        assert_same_outcome(outcome(ours, x, kernel, stride, padding, errors=ValueError),
                            outcome(torchs, x, kernel, stride, padding, errors=TORCH_ERRORS))


DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16,
          torch.float16, torch.bfloat16, torch.float32, torch.float64,
          torch.complex64, torch.complex128]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_types_are_taken_exactly_where_torch_takes_them(dtype):
    signs = ramp(2, 3, 4, 4).long() % 7 - (0 if dtype in (torch.bool, torch.uint8) else 3)
    x, weight, bias = signs.to(dtype), signs[:, :, :2, :3].to(dtype), signs[0, 0, 0, :2].to(dtype)
    for method in METHODS:
        assert_same_outcome(
            outcome(conv2d, x, weight, bias, padding=1, method=method, errors=ValueError),
            outcome(F.conv2d, x, weight, bias, padding=1, errors=TORCH_ERRORS))
    for ours, torchs in POOLS:
        result = outcome(ours, x, 2, 1, 1, errors=ValueError)
        expected = outcome(torchs, x, 2, 1, 1, errors=TORCH_ERRORS)
        if dtype in (torch.float16, torch.bfloat16):  # the means differ by one rounding
            torch.testing.assert_close(result, expected)
        else:
            assert_same_outcome(result, expected)


def test_integers_wrap_around_as_in_torch():
    x, weight = (torch.full((1, 1, 2, 2), 100, dtype=torch.int8) for _ in range(2))
    for method in METHODS:
        assert torch.equal(conv2d(x, weight, method=method), F.conv2d(x, weight))


ODD = [True, (True, 1), 1.0, (1.0, 1), 2.5, (1,), [2, 1], (1, 1, 1), "one", numpy.int64(2),
       (numpy.int64(1), 2), torch.tensor(2), torch.tensor([1, 2]), torch.tensor(1.0),
       numpy.array([1, 2]), range(1, 3), torch.Size([1, 2]), {1, 2}, {"1": 2}]


@pytest.mark.parametrize("setting", ODD, ids=repr)
def test_settings_of_odd_types_are_taken_exactly_where_torch_takes_them(setting):
    x, weight = ramp(1, 1, 8, 8), ramp(1, 1, 3, 3)
    for name in ("stride", "padding", "dilation"):
        assert_same_outcome(
            outcome(conv2d, x, weight, **{name: setting}, errors=ValueError),
            outcome(F.conv2d, x, weight, **{name: setting}, errors=TORCH_ERRORS))
    for ours, torchs in POOLS:
        for name in ("kernel_size", "stride", "padding"):
            arguments = {"kernel_size": 5, name: setting}
            assert_same_outcome(outcome(ours, x, **arguments, errors=ValueError),
                                outcome(torchs, x, **arguments, errors=TORCH_ERRORS))


X, WEIGHT = torch.zeros(2, 3, 5, 6), torch.zeros(4, 3, 3, 2)
INVALID_CONVOLUTIONS = [
    ({"weight": torch.zeros(4, 3, 7, 2)},
     "vertically, kernel 7 does not fit into size 5 with padding 0: 5 + 2*0 - 7 < 0"),
    ({"weight": torch.zeros(4, 3, 2, 9), "padding": (0, 1)},
     "horizontally, kernel 9 does not fit into size 6 with padding 1: 6 + 2*1 - 9 < 0"),
    ({"dilation": (3, 1)},
     "vertically, kernel 3 with dilation 3 (reach 7) does not fit into size 5 with padding 0: "
     "5 + 2*0 - 7 < 0"),
    ({"weight": torch.zeros(4, 2, 3, 2)},
     "x has 3 channels (2 x 3 x 5 x 6) but weight is for 2 (4 x 2 x 3 x 2)"),
    ({"weight": torch.zeros(0, 3, 3, 2)}, "at least 1 output map, not 0 x 3 x 3 x 2"),
    ({"weight": torch.zeros(4, 3, 3, 0)},
     "weight must be at least 1 pixel high and wide, not 4 x 3 x 3 x 0"),
    ({"x": torch.zeros(2, 3, 0, 6), "padding": 2},
     "x must be at least 1 pixel high and wide, not 2 x 3 x 0 x 6"),
    ({"bias": torch.zeros(3)}, "each of the 4 output maps of weight (4 x 3 x 3 x 2), not 3"),
    ({"bias": torch.zeros(4, 1)}, "bias must be M, not of shape 4 x 1"),
    ({"bias": torch.tensor(1.0)}, "bias must be M, not of shape () (a single number)"),
    ({"bias": [1.0, 2.0, 3.0, 4.0]}, "bias must be a tensor, M, not list [1.0, 2.0, 3.0, 4.0]"),
    ({"x": torch.zeros(5, 6)}, "x must be N x C x H x W or C x H x W, not of shape 5 x 6"),
    ({"x": torch.zeros(1, 2, 3, 5, 6)}, "not of shape 1 x 2 x 3 x 5 x 6"),
    ({"weight": torch.zeros(3, 3, 2)}, "weight must be M x C x kh x kw, not of shape 3 x 3 x 2"),
    ({"x": "digit"}, "x must be a tensor, N x C x H x W or C x H x W, not str 'digit'"),
    ({"x": None}, "not NoneType None"),
    ({"weight": [[1.0]]}, "weight must be a tensor, M x C x kh x kw, not list [[1.0]]"),
    ({"x": X.bool(), "weight": WEIGHT.bool()}, "x cannot be torch.bool here"),
    ({"weight": WEIGHT.double()}, "x is torch.float32 on cpu but weight is torch.float64 on cpu"),
    ({"x": X.half()}, "x is torch.float16 on cpu but weight is torch.float32 on cpu"),
    ({"bias": torch.zeros(4).long()}, "x is torch.float32 on cpu but bias is torch.int64 on cpu"),
    ({"stride": 0}, "stride must be at least 1, not 0"),
    ({"stride": (1, -2)}, "stride must be at least 1, not (1, -2)"),
    ({"stride": 1.5},
     "stride must be an integer or a pair (vertical, horizontal) of them, not 1.5"),
    ({"padding": -1}, "padding must be at least 0, not -1"),
    ({"padding": (1, -1)}, "padding must be at least 0, not (1, -1)"),
    ({"padding": (1, 1, 1, 1)},
     "padding must be an integer or a pair (vertical, horizontal) of them, not (1, 1, 1, 1)"),
    ({"dilation": 0}, "dilation must be at least 1, not 0"),
    ({"dilation": (0, 1)}, "dilation must be at least 1, not (0, 1)"),
]


def assert_refuses(function, message, *arguments, **options):
    """With this message, to the letter."""
    with pytest.raises(ValueError, match=re.escape(message)):
        function(*arguments, **options)


@pytest.mark.parametrize(("change", "message"), INVALID_CONVOLUTIONS)
def test_conv2d_refuses_with_the_values(change, message):
    arguments = {"x": X, "weight": WEIGHT} | change
    assert_refuses(conv2d, message, **arguments)
    with pytest.raises(TORCH_ERRORS):
        F.conv2d(arguments.pop("x"), **arguments)


INVALID_POOLINGS = [
    ({"kernel_size": 7},
     "vertically, kernel 7 does not fit into size 5 with padding 0: 5 + 2*0 - 7 < 0"),
    ({"kernel_size": (2, 9), "padding": (0, 1)},
     "horizontally, kernel 9 does not fit into size 6 with padding 1: 6 + 2*1 - 9 < 0"),
    ({"kernel_size": 3, "padding": 2},
     "padding 2 is more than half of the pooling window of 3: 2*2 > 3; use at most 1"),
    ({"kernel_size": (3, 2), "padding": (1, 2)},
     "padding 2 is more than half of the pooling window of 2: 2*2 > 2; use at most 1"),
    ({"kernel_size": 0}, "kernel_size must be at least 1, not 0"),
    ({"kernel_size": None},
     "kernel_size must be an integer or a pair (vertical, horizontal) of them, not None"),
    ({"stride": 0}, "stride must be at least 1, not 0"),
    ({"stride": (1, -1)}, "stride must be at least 1, not (1, -1)"),
    ({"padding": -1}, "padding must be at least 0, not -1"),
    ({"x": torch.zeros(5, 6)}, "x must be N x C x H x W or C x H x W, not of shape 5 x 6"),
    ({"x": torch.zeros(2, 3, 5, 0)}, "at least 1 pixel high and wide, not 2 x 3 x 5 x 0"),
    ({"x": torch.zeros(2, 0, 5, 6)}, "x must hold at least 1 map, not 2 x 0 x 5 x 6"),
    ({"x": [[1.0]]}, "x must be a tensor, N x C x H x W or C x H x W, not list [[1.0]]"),
    ({"x": X.bool()}, "x cannot be torch.bool here; convert it, for example with x.float()"),
]


@pytest.mark.parametrize(("ours", "torchs"), POOLS)
@pytest.mark.parametrize(("change", "message"), INVALID_POOLINGS)
def test_pooling_refuses_with_the_values(change, message, ours, torchs):
    arguments = {"x": X, "kernel_size": 2} | change
    assert_refuses(ours, message, **arguments)
    with pytest.raises(TORCH_ERRORS):
        torchs(arguments.pop("x"), **arguments)


INVALID_PAIRS = [
    (torch.zeros(2, 2), torch.zeros(3, 1), "vertically, kernel 3 does not fit into size 2"),
    (torch.zeros(2, 2), torch.zeros(1, 3), "horizontally, kernel 3 does not fit into size 2"),
    (torch.zeros(2, 2), torch.zeros(1, 2, 2), "kernel must be kh x kw, not of shape 1 x 2 x 2"),
    (torch.zeros(1, 2, 2), torch.zeros(2, 2), "image must be H x W, not of shape 1 x 2 x 2"),
    (torch.zeros(2, 2), torch.zeros(0, 2),
     "kernel must be at least 1 pixel high and wide, not 0 x 2"),
    (torch.zeros(2, 0), torch.zeros(1, 1),
     "image must be at least 1 pixel high and wide, not 2 x 0"),
    (torch.zeros(2, 2), [[1, 2]], "kernel must be a tensor, kh x kw, not list [[1, 2]]"),
    ("digit", torch.zeros(2, 2), "image must be a tensor, H x W, not str 'digit'"),
    (torch.zeros(2, 2), torch.zeros(2, 2).long(),
     "image is torch.float32 on cpu but kernel is torch.int64 on cpu; "
     "convert one, for example kernel.to(image)"),
    (torch.zeros(2, 2, device="meta"), torch.zeros(2, 2), "image is torch.float32 on meta"),
    (torch.zeros(2, 2).bool(), torch.zeros(2, 2).bool(), "image cannot be torch.bool here"),
]


@pytest.mark.parametrize("function", [cross_correlate2d, convolve2d])
@pytest.mark.parametrize(("image", "kernel", "message"), INVALID_PAIRS)
def test_single_map_refuses_with_the_values(image, kernel, message, function):
    # convolve2d looks at its kernel before the image.
    assert_refuses(function, message.removeprefix("image"), image, kernel)


@pytest.mark.parametrize("method", ["fft", None, ["unfold"]])
def test_unknown_method_is_refused(method):
    assert_refuses(conv2d, f'method must be "unfold" or "loops", not {method!r}', X, WEIGHT,
                   method=method)
