import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from lenet_book.training import augmentation
from lenet_book.training.augmentation import Distortion

SHARES = st.lists(st.floats(-1, 1), min_size=6, max_size=6)  # turn, growths, lean, shifts
SEEDS = st.integers(0, 2**31)


def close(a, b, tolerance=1e-4):
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def ramps(height, width):
    """1 x 2 x height x width: each pixel's own x and y, in pixels from the image's middle."""
    y, x = torch.meshgrid(torch.arange(height) - (height - 1) / 2,
                          torch.arange(width) - (width - 1) / 2, indexing="ij")
    return torch.stack([x, y]).unsqueeze(0).float()


def no_net(count, grid=6):
    return torch.zeros(count, 2, grid, grid)


def only(**shares):
    """1 x 6 draws, all 0 but those named."""
    names = ("turn", "wider", "higher", "lean", "right", "down")
    return torch.tensor([[float(shares.get(name, 0)) for name in names]])


def pixel_by_pixel(image, bend, shares, normal):
    """C x H x W bent as the docstrings have it, in numpy: pixels from the middle, y downwards.

    Forward from the image to its copy: shifted, grown, turned against the clock, leant to the right.
    """
    _, height, width = image.shape
    turn, wider, higher, lean, right, down = shares
    angle, lean = math.radians(bend.rotation * turn), bend.shear * lean
    forward = (np.array([[1, -lean], [0, 1]])
               @ np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
               @ np.diag([1 + bend.scale * wider, 1 + bend.scale * higher]))
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    wander = F.interpolate(normal[None].double(), (height, width), mode="bicubic",
                           align_corners=True)[0].numpy()
    x, y = np.empty((height, width)), np.empty((height, width))
    for i, j in itertools.product(range(height), range(width)):
        x[i, j], y[i, j] = (np.linalg.inv(forward) @ (np.array([j, i]) - middle) + middle
                            - bend.shift * np.array([right, down])
                            + bend.elastic * np.array([width, height]) / 2 * wander[:, i, j])
    return torch.from_numpy(np.stack([map_coordinates(values, [y, x], order=1, mode="nearest")
                                      for values in image.numpy()]))


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(3, 9), st.integers(3, 9), st.integers(2, 6), SEEDS,
       st.floats(0, 180), st.floats(0, 0.6), st.floats(0, 1), st.floats(0, 4), st.floats(0, 0.5),
       SHARES)
def test_every_pixel_is_where_the_docstring_says(channels, height, width, grid, seed, rotation, scale,
                                                 shear, shift, elastic, shares):
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(channels, height, width, generator=generator)
    normal = torch.randn(2, grid, grid, generator=generator)
    bend = Distortion(rotation, scale, shear, shift, elastic, grid)
    copy = bend.apply(image[None], torch.tensor([shares]), normal[None])
    close(copy[0], pixel_by_pixel(image, bend, shares, normal), 2e-4)


@pytest.mark.parametrize(("share", "quarters"), [(1, 1), (-1, -1)])
def test_a_quarter_turn_against_the_clock(share, quarters):
    images = torch.rand(1, 3, 7, 7)
    copy = Distortion(rotation=90).apply(images, only(turn=share), no_net(1))
    close(copy, torch.rot90(images, quarters, dims=(2, 3)))


@pytest.mark.parametrize(("right", "down"), [(1, 0), (-1, 0), (0, 1), (0, -1), (1, -1)])
def test_whole_pixels_are_a_roll_within_the_background(right, down):
    images = torch.zeros(1, 2, 10, 13)
    images[:, :, 3:-3, 3:-3] = torch.rand(1, 2, 4, 7)
    copy = Distortion(shift=3).apply(images, only(right=right, down=down), no_net(1))
    close(copy, images.roll((3 * down, 3 * right), dims=(2, 3)), 1e-5)


def test_what_comes_in_from_outside_is_the_nearest_pixel():
    images = torch.rand(1, 1, 6, 8)
    copy = Distortion(shift=3).apply(images, only(right=1, down=-1), no_net(1))
    expected = F.pad(images[:, :, 3:, :5], (3, 0, 0, 3), mode="replicate")
    close(copy, expected, 1e-5)


def test_nothing_is_bent_by_limits_of_0():
    images = torch.rand(5, 3, 28, 32)
    close(Distortion()(images), images, 1e-5)


def test_what_grows_covers_more_pixels():
    square = torch.zeros(1, 1, 20, 20)
    square[:, :, 6:14, 6:14] = 1
    bend = Distortion(scale=0.5)
    for share in (1, -1):
        copy = bend.apply(square, only(wider=share), no_net(1))
        assert copy.sum().item() == pytest.approx(64 * (1 + 0.5 * share), rel=0.02)
        rows = copy[0, 0].sum(dim=1)
        close(rows[:6], torch.zeros(6))  # no higher than before
        close(rows[14:], torch.zeros(6))


def affine_part(bend, count, seed, height=41, width=35):
    """count x 2 x 3, measured: where middle pixels are read from, in pixels, as a sum of x, y, 1."""
    images = ramps(height, width).expand(count, -1, -1, -1)
    copies = bend(images, torch.Generator().manual_seed(seed))
    across, along = slice(height // 2 - 1, height // 2 + 2), slice(width // 2 - 1, width // 2 + 2)
    at = torch.cat([images[0, :, across, along], torch.ones(1, 3, 3)]).flatten(1)  # 3 x 9
    read = copies[:, :, across, along].flatten(2)
    return (read @ torch.linalg.pinv(at)).double()


def spreads_to(values, limit):
    """Within the limit to both sides, near it at the ends, in the middle on average."""
    assert values.abs().max() <= limit * 1.001 + 1e-4
    assert values.max() > 0.9 * limit - 1e-4 and values.min() < -0.9 * limit + 1e-4
    assert values.mean().abs() < 0.2 * limit + 1e-4
    assert values.std() == pytest.approx(limit / math.sqrt(3), rel=0.15, abs=1e-4)  # evenly


@settings(max_examples=6)
@given(st.floats(1, 170), SEEDS)
def test_angles_stay_within_their_limit(limit, seed):
    found = affine_part(Distortion(rotation=limit), 200, seed)
    turns = found[:, :, :2]
    close(turns @ turns.mT, torch.eye(2).double().expand(200, 2, 2), 1e-3)  # nothing but turned
    spreads_to(torch.rad2deg(torch.atan2(turns[:, 1, 0], turns[:, 0, 0])), limit)


@settings(max_examples=6)
@given(st.floats(0.05, 0.9), SEEDS)
def test_growth_stays_within_its_limit(limit, seed):
    found = affine_part(Distortion(scale=limit), 200, seed)
    wider, higher = 1 / found[:, 0, 0] - 1, 1 / found[:, 1, 1] - 1
    spreads_to(wider, limit)
    spreads_to(higher, limit)
    assert abs(np.corrcoef(wider, higher)[0, 1]) < 0.3  # apart


@settings(max_examples=6)
@given(st.floats(0.05, 2), SEEDS)
def test_leans_stay_within_their_limit(limit, seed):
    found = affine_part(Distortion(shear=limit), 200, seed)
    spreads_to(found[:, 0, 1], limit)
    close(found[:, 1], torch.tensor([0.0, 1, 0]).double().expand(200, 3), 1e-3)


@settings(max_examples=6)
@given(st.floats(0.5, 10), SEEDS)
def test_shifts_stay_within_their_limit(limit, seed):
    found = affine_part(Distortion(shift=limit), 200, seed)
    spreads_to(found[:, 0, 2], limit)
    spreads_to(found[:, 1, 2], limit)
    assert abs(np.corrcoef(found[:, 0, 2], found[:, 1, 2])[0, 1]) < 0.3


def test_the_points_of_the_net_wander_by_the_standard_deviation():
    """At 21 x 11 pixels the points of a net of 6 lie on every fourth row and every second column."""
    bend, images = Distortion(elastic=0.04), ramps(21, 11)
    even, normal = bend.draw(400, torch.Generator().manual_seed(1))
    moved = bend.apply(images.expand(400, -1, -1, -1), even, normal) - images
    inside = moved[:, :, 4:-4:4, 2:-2:2]  # at the edge there is nothing to be read further out
    expected = 0.04 * torch.tensor([11, 21]).view(2, 1, 1) / 2 * normal[:, :, 1:-1, 1:-1]
    close(inside, expected)
    assert inside[:, 0].std().item() == pytest.approx(0.04 * 11 / 2, rel=0.03)


def test_a_net_that_moves_as_a_whole_is_a_shift():
    images = ramps(16, 16)
    even, normal = only(), no_net(1)
    normal[:, 0] = 1.0
    moved = Distortion(elastic=0.25).apply(images, even, normal) - images
    close(moved[:, 0, :, :-2], torch.full((1, 16, 14), 2.0))  # 0.25 of 8 pixels
    close(moved[:, 1], torch.zeros(1, 16, 16))


def test_every_image_has_draws_of_its_own():
    bend = Distortion(rotation=10)
    copies = bend(torch.rand(1, 1, 12, 12).expand(8, -1, -1, -1))
    assert len({copy.numpy().tobytes() for copy in copies}) == 8
    elastic = Distortion(elastic=0.1)(torch.rand(1, 1, 12, 12).expand(8, -1, -1, -1))
    assert len({copy.numpy().tobytes() for copy in elastic}) == 8


def test_the_draws_belong_to_the_generator():
    bend = Distortion(rotation=10, scale=0.1, shear=0.1, shift=2, elastic=0.05)
    images, generator = torch.rand(4, 1, 12, 12), torch.Generator().manual_seed(3)
    before, state = torch.get_rng_state(), generator.get_state()
    first, second = bend(images, generator), bend(images, generator)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(first, second)
    generator.set_state(state)
    assert torch.equal(bend(images, generator), first)
    assert torch.equal(bend(images, generator), second)
    torch.manual_seed(3)  # the same generator, torch's own
    assert torch.equal(bend(images), first)


def test_draws_are_even_and_normal():
    even, normal = Distortion(grid=4).draw(500, torch.Generator().manual_seed(0))
    assert even.shape == (500, 6) and normal.shape == (500, 2, 4, 4)
    assert -1 <= even.min() < -0.99 and 0.99 < even.max() <= 1
    assert even.std().item() == pytest.approx(1 / math.sqrt(3), rel=0.03)
    assert normal.mean().item() == pytest.approx(0, abs=0.03)
    assert normal.std().item() == pytest.approx(1, rel=0.03)


def test_a_copy_is_a_copy():
    images = torch.rand(3, 2, 9, 14)
    before = images.clone()
    copy = Distortion(rotation=20, elastic=0.1)(images)
    assert copy.shape == images.shape and copy.dtype == torch.float32 and not copy.requires_grad
    assert torch.equal(images, before) and not torch.equal(copy, before)


def test_what_was_used_for_measuring_first_can_be_trained_with():
    augmentation._basis.cache_clear()
    with torch.inference_mode():
        Distortion(rotation=5)(torch.rand(2, 1, 8, 8))
    weight = torch.ones((), requires_grad=True)
    (weight * Distortion(rotation=5)(torch.rand(2, 1, 8, 8))).sum().backward()
    assert weight.grad > 0


@pytest.mark.parametrize(("name", "value", "message"), [
    *((name, value, f"{name} must be a number from 0 upwards, not {value}")
      for name in ("rotation", "scale", "shear", "shift", "elastic")
      for value in (-0.1, math.nan, math.inf)),
    ("scale", 1.0, "scale must be below 1, not 1.0: nothing would remain"),
    ("grid", 1, "grid must be a whole number of points a side, from 2, not 1"),
    ("grid", 2.5, "grid must be a whole number of points a side, from 2, not 2.5")])
def test_distortions_refuse(name, value, message):
    with pytest.raises(ValueError, match=message):
        Distortion(**{name: value})
