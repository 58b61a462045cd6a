import itertools
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from trainings import BEND

from lenet_book.training import Crops, Distortion, augmentation

SHARES = st.lists(st.floats(-1, 1), min_size=6, max_size=6)  # turn, growths, lean, shifts
SEEDS = st.integers(0, 2**31)


def close(a, b, tolerance=1e-4):
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


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


def moved(images, right, down):
    """By whole pixels; what comes in from outside is the nearest pixel."""
    rows, columns = torch.arange(8) - down, torch.arange(8) - right
    return images[:, :, rows.clamp(0, 7)][:, :, :, columns.clamp(0, 7)]


def half_as_wide(images):
    """The mean of every two pixels, and beside them the edge."""
    left, right = images[..., :1], images[..., -1:]
    return torch.cat([left, left, F.avg_pool2d(images, (1, 2)), right, right], dim=3)


@pytest.mark.parametrize(("bend", "draws", "expected"), [
    (Distortion(), {"turn": 1, "wider": 1, "lean": 1, "right": 1, "net": 1}, lambda x: x),
    (Distortion(rotation=90), {"turn": 1}, lambda x: x.rot90(1, (2, 3))),  # against the clock
    (Distortion(rotation=90), {"turn": -1}, lambda x: x.rot90(-1, (2, 3))),
    (Distortion(shift=3), {"right": 1}, lambda x: moved(x, 3, 0)),
    (Distortion(shift=3), {"down": 1}, lambda x: moved(x, 0, 3)),
    (Distortion(shift=3), {"right": -1, "down": 2 / 3}, lambda x: moved(x, -3, 2)),
    (Distortion(scale=0.5), {"wider": -1}, half_as_wide),
    (Distortion(scale=0.5), {"higher": -1}, lambda x: half_as_wide(x.mT).mT),
    (Distortion(elastic=0.25), {"net": 1}, lambda x: moved(x, -1, 0))])  # a quarter of half the width
def test_what_can_be_said_without_the_formula(bend, draws, expected):
    images = torch.rand(1, 3, 8, 8)
    even = torch.tensor([[float(draws.get(name, 0)) for name in
                          ("turn", "wider", "higher", "lean", "right", "down")]])
    normal = torch.zeros(1, 2, 6, 6)
    normal[:, 0] = draws.get("net", 0)
    close(bend.apply(images, even, normal), expected(images))


def test_the_points_of_the_net_wander_by_the_standard_deviation():
    """At 21 x 11 pixels the points of a net of 6 lie on every fourth row and every second column."""
    y, x = torch.meshgrid(torch.arange(21.0), torch.arange(11.0), indexing="ij")
    places, bend = torch.stack([x, y]).expand(400, -1, -1, -1), Distortion(elastic=0.04)
    even, normal = bend.draw(400, torch.Generator().manual_seed(1))
    inside = (bend.apply(places, even, normal) - places)[:, :, 4:-4:4, 2:-2:2]  # the edge ends there
    expected = 0.04 * torch.tensor([11, 21]).view(2, 1, 1) / 2 * normal[:, :, 1:-1, 1:-1]
    close(inside, expected)
    assert inside[:, 0].std().item() == pytest.approx(0.04 * 11 / 2, rel=0.03)


def test_draws_are_even_up_to_the_limits_or_normal_and_none_depends_on_another():
    even, normal = Distortion(grid=4).draw(2000, torch.Generator().manual_seed(0))
    assert even.shape == (2000, 6) and normal.shape == (2000, 2, 4, 4)
    assert even.abs().max() <= 1
    close(even.quantile(torch.linspace(0, 1, 9), dim=0),
          torch.linspace(-1, 1, 9)[:, None].expand(9, 6), 0.06)
    assert normal.mean().item() == pytest.approx(0, abs=0.03)
    assert normal.std().item() == pytest.approx(1, rel=0.03)
    close(torch.cat([even, normal.flatten(1)], dim=1).T.corrcoef(), torch.eye(38), 0.12)


def test_the_draws_and_what_is_written_down_of_a_distortion_stay_what_they_were():
    """Else a training could not be repeated, nor a checkpoint or a log be told to be of a recipe."""
    even, normal = Distortion(grid=3).draw(4, torch.Generator().manual_seed(5))
    generator = torch.Generator().manual_seed(5)
    assert torch.equal(even, torch.rand(4, 6, generator=generator) * 2 - 1)
    assert torch.equal(normal, torch.randn(4, 2, 3, 3, generator=generator))
    assert asdict(Distortion(rotation=2)) == {"rotation": 2, "scale": 0, "shear": 0, "shift": 0,
                                              "elastic": 0, "grid": 6}


CROPS = Crops(5, mirror=True, colours=((0.1, 0.05, 0.01), ((1, 0, 0), (0, 1, 0), (0, 0, 1))))
every_augmentation = pytest.mark.parametrize("change", [BEND, CROPS])


@every_augmentation
def test_the_draws_belong_to_the_generator_and_every_image_has_its_own(change):
    images, generator = torch.rand(1, 3, 12, 12).expand(8, -1, -1, -1), torch.Generator().manual_seed(3)
    before, state = torch.get_rng_state(), generator.get_state()
    copies = torch.cat([change(images, generator), change(images, generator)])
    assert torch.equal(torch.get_rng_state(), before)
    assert len({copy.numpy().tobytes() for copy in copies}) == 16
    generator.set_state(state)
    for half in copies.split(8):
        assert torch.equal(change.apply(images, *change.draw(8, generator)), half)
    torch.manual_seed(3)  # the same generator, torch's own
    assert torch.equal(change(images), copies[:8])


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
    ("scale", 1.0, "scale must be at least 0 and below 1, not 1.0"),
    ("grid", 1, "grid must be from 2 to 32, not 1"),
    ("rotation", 181, "rotation must be at least 0 and at most 180, not 181"),
    ("shift", -0.1, "shift must be at least 0, not -0.1")])
def test_distortions_refuse(name, value, message):
    with pytest.raises(ValueError, match=message):
        Distortion(**{name: value})


@every_augmentation
@pytest.mark.parametrize("default", [torch.float32, torch.float64])
def test_copies_have_the_dtype_of_the_images_whatever_the_default_is(change, default):
    images = torch.rand(2, 3, 8, 8)
    expected = change(images, torch.Generator().manual_seed(0))
    torch.set_default_dtype(default)
    try:
        augmentation._basis.cache_clear()
        for dtype, tolerance in ((torch.float64, 1e-6), (torch.float32, 1e-6), (torch.bfloat16, 0.02)):
            copy = change(images.to(dtype), torch.Generator().manual_seed(0))
            assert copy.dtype == dtype
            close(copy.float(), expected, tolerance)
    finally:
        torch.set_default_dtype(torch.float32)
