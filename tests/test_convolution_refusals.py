"""A ValueError where PyTorch raises, and nowhere else; it says the values."""

import re
from itertools import product

import numpy
import pytest
import torch
import torch.nn.functional as F
from both_convolutions import CONVOLUTIONS, POOLS, ramp
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet_book.convolution import conv2d, convolve2d, cross_correlate2d

TORCH_ERRORS = (RuntimeError, TypeError, IndexError)


def outcome(function, *arguments, errors, **options):
    """The result, or None where it raised one of `errors`; any other error is the test's."""
    try:
        return function(*arguments, **options)
    except errors:
        return None


def assert_same_outcome(ours, torchs, *arguments, **options):
    result = outcome(ours, *arguments, errors=ValueError, **options)
    expected = outcome(torchs, *arguments, errors=TORCH_ERRORS, **options)
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
    for ours in CONVOLUTIONS:
        assert_same_outcome(ours, F.conv2d, *arguments)


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
        assert_same_outcome(ours, torchs, x, kernel, stride, padding)


DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16,
          torch.float16, torch.bfloat16, torch.float32, torch.float64,
          torch.complex64, torch.complex128]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_types_are_taken_exactly_where_torch_takes_them(dtype):
    signs = ramp(2, 3, 4, 4).long() % 7 - (0 if dtype in (torch.bool, torch.uint8) else 3)
    x, weight, bias = signs.to(dtype), signs[:, :, :2, :3].to(dtype), signs[0, 0, 0, :2].to(dtype)
    for ours in CONVOLUTIONS:
        assert_same_outcome(ours, F.conv2d, x, weight, bias, padding=1)
    for ours, torchs in POOLS:
        assert_same_outcome(ours, torchs, x, 2, 1, 1)


def test_integers_wrap_around_as_in_torch():
    x, weight = (torch.full((1, 1, 2, 2), 100, dtype=torch.int8) for _ in range(2))
    for ours in CONVOLUTIONS:
        assert torch.equal(ours(x, weight), F.conv2d(x, weight))


ODD = [True, (True, 1), 1.0, (1.0, 1), 2.5, (1,), [2, 1], (1, 1, 1), "one", numpy.int64(2),
       (numpy.int64(1), 2), torch.tensor([1, 2]), torch.tensor(1.0),
       numpy.array([1, 2]), range(1, 3), torch.Size([1, 2]), {1, 2}, {"1": 2}]


@pytest.mark.parametrize("setting", ODD, ids=repr)
def test_settings_of_odd_types_are_taken_exactly_where_torch_takes_them(setting):
    x, weight = ramp(1, 1, 8, 8), ramp(1, 1, 3, 3)
    for name in ("stride", "padding", "dilation"):
        assert_same_outcome(conv2d, F.conv2d, x, weight, **{name: setting})
    for (ours, torchs), name in product(POOLS, ("kernel_size", "stride", "padding")):
        assert_same_outcome(ours, torchs, x, **{"kernel_size": 5, name: setting})


def test_a_tensor_of_one_integer_is_taken_for_it():
    """As by PyTorch from 2.14 on at the latest; 2.9 takes none."""
    x, weight, two = ramp(1, 1, 8, 8), ramp(1, 1, 3, 3), torch.tensor(2)
    for name in ("stride", "padding", "dilation"):
        assert torch.equal(conv2d(x, weight, **{name: two}), conv2d(x, weight, **{name: 2}))
    for (ours, _), name in product(POOLS, ("kernel_size", "stride", "padding")):
        results = [ours(x, **{"kernel_size": 5, name: setting}) for setting in (two, 2)]
        assert torch.equal(*results)


X, WEIGHT = torch.zeros(2, 3, 5, 6), torch.zeros(4, 3, 3, 2)
NO_PAIR = "must be an integer or a pair (vertical, horizontal) of them, not"


@pytest.mark.parametrize(("change", "message"), [
    ({"weight": torch.zeros(4, 3, 7, 2)},
     "vertically, kernel 7 does not fit into size 5 with padding 0: 5 + 2*0 - 7 < 0"),
    ({"weight": torch.zeros(4, 3, 2, 9), "padding": (0, 1)},
     "horizontally, kernel 9 does not fit into size 6 with padding 1: 6 + 2*1 - 9 < 0"),
    ({"dilation": (3, 1)},
     "vertically, kernel 3 with dilation 3 (reach 7) does not fit into size 5 with padding 0: "
     "5 + 2*0 - 7 < 0"),
    ({"dilation": (0, 1)}, "dilation must be at least 1, not (0, 1)"),
    ({"stride": (1, -2)}, "stride must be at least 1, not (1, -2)"),
    ({"padding": (1, 1, 1, 1)}, f"padding {NO_PAIR} (1, 1, 1, 1)"),
    ({"x": torch.zeros(5, 6)}, "x must be N x C x H x W or C x H x W, not of shape 5 x 6"),
    ({"weight": torch.zeros(4, 2, 3, 2)},
     "x has 3 channels (2 x 3 x 5 x 6) but weight is for 2 (4 x 2 x 3 x 2)"),
    ({"weight": torch.zeros(0, 3, 3, 2)}, "at least 1 output map, not 0 x 3 x 3 x 2"),
    ({"weight": torch.zeros(4, 3, 3, 0)},
     "weight must be at least 1 pixel high and wide, not 4 x 3 x 3 x 0"),
    ({"weight": WEIGHT.double()}, "x is torch.float32 on cpu but weight is torch.float64 on cpu"),
    ({"bias": torch.zeros(3)}, "each of the 4 output maps of weight (4 x 3 x 3 x 2), not 3"),
    ({"bias": torch.tensor(1.0)}, "bias must be M, not of shape () (a single number)"),
    ({"bias": torch.zeros(4).long()}, "x is torch.float32 on cpu but bias is torch.int64 on cpu"),
])
def test_conv2d_refuses_with_the_values(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        conv2d(**{"x": X, "weight": WEIGHT} | change)


@pytest.mark.parametrize(("change", "message"), [
    ({"kernel_size": (7, 2)}, "vertically, kernel 7 does not fit into size 5 with padding 0"),
    ({"kernel_size": (3, 2), "padding": (1, 2)},
     "padding 2 is more than half of the pooling window of 2: 2*2 > 2; use at most 1"),
    ({"kernel_size": 0}, "kernel_size must be at least 1, not 0"),
    ({"padding": (1, 1, 1)}, f"padding {NO_PAIR} (1, 1, 1)"),
    ({"x": torch.zeros(2, 3, 0, 6)}, "x must be at least 1 pixel high and wide, not 2 x 3 x 0 x 6"),
    ({"x": torch.zeros(2, 0, 5, 6)}, "x must hold at least 1 map, not 2 x 0 x 5 x 6"),
])
@pytest.mark.parametrize("pool", [ours for ours, _ in POOLS])
def test_pooling_refuses_with_the_values(pool, change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        pool(**{"x": X, "kernel_size": 2} | change)


IMAGE = torch.zeros(2, 2)


@pytest.mark.parametrize("function", [cross_correlate2d, convolve2d])
@pytest.mark.parametrize(("image", "kernel", "message"), [
    (IMAGE, torch.zeros(3, 1), "vertically, kernel 3 does not fit into size 2"),
    (IMAGE, torch.zeros(1, 3), "horizontally, kernel 3 does not fit into size 2"),
    (IMAGE, torch.zeros(1, 2, 2), "kernel must be kh x kw, not of shape 1 x 2 x 2"),
    (torch.zeros(1, 2, 2), IMAGE, "image must be H x W, not of shape 1 x 2 x 2"),
    (torch.zeros(2, 0), IMAGE, "image must be at least 1 pixel high and wide, not 2 x 0"),
    (IMAGE, IMAGE.long(), "image is torch.float32 on cpu but kernel is torch.int64 on cpu; use kern"),
])
def test_a_single_map_is_refused_with_the_values(image, kernel, message, function):
    with pytest.raises(ValueError, match=re.escape(message)):
        function(image, kernel)
