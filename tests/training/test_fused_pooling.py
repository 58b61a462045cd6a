"""Max pooling on whole rows, against PyTorch's own."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lenet_book.training import fused


@given(st.lists(st.integers(1, 3), min_size=1, max_size=2), st.integers(2, 9), st.integers(2, 9),
       st.sampled_from([torch.float32, torch.float64]), st.booleans(), st.integers(0, 999))
def test_pooling_on_whole_rows_is_max_pooling(count, height, width, dtype, last, seed):
    """Small whole numbers, among which many are equal: of those the first gets the gradient."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-1, 2, (*count, height, width), generator=generator).to(dtype)
    if len(count) == 2 and last:
        x = x.to(memory_format=torch.channels_last)
    pool, found = nn.MaxPool2d(2), []
    for forward in (fused.HalvingMaxPool2d(pool), pool):
        leaf = x.clone().requires_grad_()
        out = forward(leaf)
        downstream = torch.arange(1, out.numel() + 1, dtype=dtype).view(out.shape)
        found.append((out.detach(), torch.autograd.grad(out, leaf, downstream)[0]))
    for mine, its in zip(*found, strict=True):
        assert torch.equal(mine, its)


def test_what_is_done_in_place_behind_the_pooling_does_no_harm():
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    found = []
    for pool in (nn.MaxPool2d(2), fused.HalvingMaxPool2d(nn.MaxPool2d(2))):
        leaf = x.clone().requires_grad_()
        nn.ReLU(inplace=True)(pool(leaf)).sum().backward()
        found.append(leaf.grad)
    assert torch.equal(*found) and found[0].any()


def test_what_is_no_number_comes_out_as_of_pytorch():
    x = torch.tensor([[math.nan, 1, -math.inf, -math.inf], [2, 3, -math.inf, -math.inf]])[None, None]
    pool = nn.MaxPool2d(2)
    torch.testing.assert_close(fused.HalvingMaxPool2d(pool)(x), pool(x), equal_nan=True)


@pytest.mark.parametrize("x", [torch.zeros(1, 1, 1, 4), torch.zeros(4, 4),
                               torch.zeros(1, 1, 4, 4, dtype=torch.int64)], ids=str)
def test_what_cannot_be_pooled_pytorch_says_itself(x):
    found = []
    for forward in (nn.MaxPool2d(2), fused.HalvingMaxPool2d(nn.MaxPool2d(2))):
        try:
            found.append(forward(x).tolist())
        except RuntimeError as error:
            found.append(str(error).splitlines()[0])
    assert found[0] == found[1]
