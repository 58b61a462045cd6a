import re
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lenet_book import arithmetic

SIZES, KERNELS, STRIDES = st.integers(1, 40), st.integers(1, 9), st.integers(1, 5)
PADDINGS, DILATIONS = st.integers(0, 6), st.integers(1, 4)


@settings(max_examples=300)
@given(SIZES, KERNELS, STRIDES, PADDINGS, DILATIONS)
def test_output_size_is_torchs(size, kernel, stride, padding, dilation):
    x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    try:
        expected = F.conv1d(x, weight, None, stride, padding, dilation).shape[-1]
    except RuntimeError:
        with pytest.raises(ValueError, match="does not fit"):
            arithmetic.conv_output_size(size, kernel, stride, padding, dilation)
    else:
        assert arithmetic.conv_output_size(size, kernel, stride, padding, dilation) == expected


@pytest.mark.parametrize("padded", [False, True])
def test_ceil_mode_is_torchs(padded):
    """For all small settings, also those where what rounds up lets a window fit that did not."""
    for size, kernel, stride, dilation in product(range(1, 9), range(1, 6), range(1, 6), range(1, 4)):
        for padding in range(1, kernel // 2 + 1) if padded else [0]:
            settings_ = size, kernel, stride, padding, dilation
            x = torch.zeros(1, 1, size)
            try:
                expected = F.max_pool1d(x, *settings_[1:], ceil_mode=True).shape[-1]
            except RuntimeError:
                with pytest.raises(ValueError, match="does not fit"):
                    arithmetic.conv_output_size(*settings_, ceil_mode=True)
            else:
                assert arithmetic.conv_output_size(*settings_, ceil_mode=True) == expected, settings_


@given(SIZES, KERNELS, DILATIONS)
def test_same_padding_keeps_the_size_or_refuses(size, kernel, dilation):
    if arithmetic.effective_kernel(kernel, dilation) % 2 == 0:
        with pytest.raises(ValueError, match=f"even kernel \\({kernel}"):
            arithmetic.same_padding(kernel, dilation)
    else:
        padding = arithmetic.same_padding(kernel, dilation)
        assert arithmetic.conv_output_size(size, kernel, 1, padding, dilation) == size


@given(SIZES, KERNELS, DILATIONS)
def test_full_padding_counts_every_overlap(size, kernel, dilation):
    reach = arithmetic.effective_kernel(kernel, dilation)
    padding = arithmetic.full_padding(kernel, dilation)
    overlaps = [first for first in range(1 - reach, size) if first + reach > 0]
    assert arithmetic.conv_output_size(size, kernel, 1, padding, dilation) == len(overlaps)


@settings(max_examples=200)
@given(st.integers(1, 12), KERNELS, STRIDES, PADDINGS, DILATIONS, st.data())
def test_transposed_is_torchs_and_the_way_back(size, kernel, stride, padding, dilation, data):
    extra = data.draw(st.integers(0, stride - 1))
    reach = arithmetic.effective_kernel(kernel, dilation)
    if (size - 1) * stride - 2 * padding + reach + extra < 1:
        with pytest.raises(ValueError, match=f"size {size} with kernel {kernel}"):
            arithmetic.transposed_output_size(size, kernel, stride, padding, dilation, extra)
        return
    larger = arithmetic.transposed_output_size(size, kernel, stride, padding, dilation, extra)
    assert arithmetic.conv_output_size(larger, kernel, stride, padding, dilation) == size
    if extra < max(stride, dilation):  # torch's own condition
        torch_size = F.conv_transpose1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None,
                                        stride, padding, extra, 1, dilation).shape[-1]
        assert larger == torch_size


@given(SIZES, KERNELS, STRIDES, PADDINGS, DILATIONS)
def test_dropped_rows_reach_no_window(size, kernel, stride, padding, dilation):
    reach, padded = arithmetic.effective_kernel(kernel, dilation), size + 2 * padding
    assume(reach <= padded)
    last = max(first for first in range(0, padded - reach + 1, stride))
    assert arithmetic.dropped(size, kernel, stride, padding, dilation) == padded - (last + reach)


@pytest.mark.parametrize(("settings_", "sentence"), [
    ((28, 5), "(28 + 2*0 - 5) / 1 + 1 = 24"),
    ((227, 11, 4), "(227 + 2*0 - 11) / 4 + 1 = 55"),
    ((28, 5, 1, 2), "(28 + 2*2 - 5) / 1 + 1 = 28"),
    ((6, 3, 2), "floor((6 + 2*0 - 3) / 2) + 1 = floor(1.5) + 1 = 2, 1 row and column dropped"),
    ((9, 3, 4, 1, 2), "floor((9 + 2*1 - (2*(3 - 1) + 1)) / 4) + 1 = floor(1.5) + 1 = 2, "
                      "2 rows and columns dropped"),
])
def test_explain(settings_, sentence):
    assert arithmetic.explain(*settings_) == sentence


@pytest.mark.parametrize(("call", "message"), [
    (lambda: arithmetic.conv_output_size(5, 7),
     "kernel 7 does not fit into size 5 with padding 0: 5 + 2*0 - 7 < 0; enlarge the input or the"),
    (lambda: arithmetic.explain(5, 3, dilation=3), "kernel 3 with dilation 3 (reach 7) does not fit"),
    (lambda: arithmetic.dropped(5, 7), "kernel 7 does not fit into size 5"),
    (lambda: arithmetic.transposed_output_size(5, 3, stride=2, output_padding=2),
     "output_padding 2 must be smaller than stride 2"),
    (lambda: arithmetic.conv_output_size(0, 3), "size must be at least 1, not 0"),
    (lambda: arithmetic.dropped(8, 3, padding=-1), "padding must be at least 0, not -1"),
])
def test_errors_carry_the_values(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
