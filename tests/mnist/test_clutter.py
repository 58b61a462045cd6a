"""Canvases with a digit among pieces of others."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lenet_book import mnist

TRAIN, TEST = mnist.load_mnist()


@settings(max_examples=15)
@given(canvas=st.integers(28, 80), seed=st.integers(0, 2**63 - 1))
def test_the_digit_is_whole_and_in_its_frame(canvas, seed):
    canvases = mnist.cluttered(TRAIN[:30], canvas, pieces=0, seed=seed)
    assert canvases.images.shape == (30, canvas, canvas) and canvases.images.dtype == torch.uint8
    assert (canvases.labels == TRAIN.labels[:30]).all()
    for image, digit, (row, column, side) in zip(
            canvases.images, TRAIN.images, canvases.frames.tolist(), strict=False):
        assert 21 <= side <= 28 and 0 <= row <= canvas - side and 0 <= column <= canvas - side
        inside = image[row:row + side, column:column + side]
        assert inside.count_nonzero() == image.count_nonzero()
        # As much ink as the frame is smaller, but for what falls between its pixels.
        assert inside.double().mean().item() == pytest.approx(digit.double().mean().item(), rel=0.1)


def test_a_digit_of_its_own_size_is_copied_and_another_is_scaled_as_pillow_does_it():
    frames = torch.tensor([[3, 9, 28], [0, 12, 28], [5, 6, 24]])
    images = mnist.cluttered(TRAIN[:3], 40, pieces=0, frames=frames).images
    for image, digit, (row, column, _) in zip(images[:2], TRAIN.images, frames.tolist(), strict=False):
        assert (image[row:row + 28, column:column + 28] == digit).all()
    picture = Image.fromarray(TRAIN.images[2].numpy()).transform(
        (24, 24), Image.Transform.AFFINE, (28 / 24, 0, 0, 0, 28 / 24, 0), Image.Resampling.BILINEAR)
    # Pillow leaves what lies half a pixel beyond the edge empty; there is no ink there.
    assert np.abs(images[2, 5:29, 6:30].numpy().astype(int) - np.asarray(picture)).max() <= 2


def test_pieces_are_windows_of_other_digits_laid_over():
    bare = mnist.cluttered(TEST[:200], pieces=0, seed=3)
    strewn = mnist.cluttered(TEST[:200], pieces=1, seed=3)
    assert (strewn.frames == bare.frames).all() and (strewn.images >= bare.images).all()
    windows = TEST.images[:200].unfold(1, 8, 1).unfold(2, 8, 1)[:, 4:17, 4:17]  # 13 x 13 of each
    found = 0
    for number in range(30):
        new = strewn.images[number] != bare.images[number]
        if not new.any():
            continue
        rows, columns = (axis.flatten() for axis in new.nonzero().unbind(1))
        assert rows.max() - rows.min() < 8 and columns.max() - columns.min() < 8
        if bare.images[number][rows.min():rows.max() + 1, columns.min():columns.max() + 1].any():
            continue  # it lies on the digit
        ink = strewn.images[number][new]
        others = torch.cat([windows[:number], windows[number + 1:]]).flatten(0, 2).flatten(1)
        assert (others.sort(dim=1).values[:, -len(ink):] == ink.sort().values).all(dim=1).any()
        found += 1
    assert found > 5


def test_the_seed_decides():
    first, again, other = (mnist.cluttered(TEST[:50], seed=seed) for seed in (4, 4, 5))
    assert (first.images == again.images).all() and (first.frames == again.frames).all()
    assert (first.images != other.images).any() and (first.frames != other.frames).any()
    # torch draws the same on every CPU.
    assert first.frames[0].tolist() == [3, 14, 23]


def test_places_are_spread_evenly():
    frames = mnist.cluttered(TRAIN[:20_000], seed=1).frames.double()
    free = 40 - frames[:, 2]
    shares = (frames[:, :2] + 0.5) / (free + 1)[:, None]
    for axis in (0, 1):
        counts = torch.histc(shares[:, axis], 4, 0, 1)
        assert (counts / 20_000 - 0.25).abs().max() < 0.015
    assert torch.bincount(frames[:, 2].long())[21:].double().std() < 100


def test_examples_are_what_a_training_takes():
    canvases = mnist.cluttered(TEST[:5])
    inputs, labels = canvases.examples()
    assert inputs.shape == (5, 1, 40, 40) and inputs.dtype == torch.float32
    assert (labels == TEST.labels[:5]).all() and len(canvases) == 5
    torch.testing.assert_close(inputs[:, 0], (canvases.images / 255 - 0.1307) / 0.3081)
    assert repr(canvases) == "Canvases(5 images of 40 x 40)"


@pytest.mark.parametrize(("given", "error", "words"), [
    ({"canvas": 27}, ValueError, "canvas must be from 28 to 1,024, not 27"),
    ({"pieces": -1}, ValueError, "pieces must be"),
    ({"digits": TEST.images}, TypeError, "digits must be"),
    ({"digits": mnist.Digits(TEST.images[:3])}, ValueError, "have no labels"),
    ({"digits": TEST[:1]}, ValueError, "unless pieces=0; this set has 1"),
    ({"digits": TEST[:0], "pieces": 0}, ValueError, "must be a digit.* has 0"),
    ({"frames": torch.tensor([[1, 2, 21]])}, TypeError, "3 x 3, not"),
    ({"frames": torch.ones(3, 3)}, TypeError, "int64"),
    ({"frames": torch.tensor([[13, 0, 28]] * 3)}, ValueError, "from 0 to 41"),
    ({"frames": torch.tensor([[-1, 0, 28]] * 3)}, ValueError, "from -1 to"),
    ({"frames": torch.tensor([[1, 0, 0]] * 3)}, ValueError, "sides of at least 1"),
])
def test_what_cannot_be_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        mnist.cluttered(**({"digits": TEST[:3]} | given))


def test_one_digit_alone_is_enough_without_pieces():
    assert len(mnist.cluttered(TEST[:1], pieces=0)) == 1
