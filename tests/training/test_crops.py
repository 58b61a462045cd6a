"""Crops, mirror images and colours, each against a construction of its own; and trainings with them."""

import json
import math
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from trainings import QUICK, SDLM, Recording, Seeing, changed_batches, same, weights

from lenet_book import training
from lenet_book.experiments import trainings
from lenet_book.training import CheckpointError, Crops, Recipe, principal_colours

SIDES = st.integers(1, 7)


def share(place, room):
    """The middle of the numbers from -1 to 1 that stand for this place of room + 1."""
    return 2 * (place + 0.5) / (room + 1) - 1


@settings(max_examples=40)
@given(SIDES, SIDES, st.integers(1, 4), st.booleans(), st.booleans(), st.data())
def test_every_pixel_is_where_the_docstring_says(height, width, channels, mirror, half, data):
    size = data.draw(st.integers(1, min(height, width)))
    top, left = (data.draw(st.integers(0, side - size)) for side in (height, width))
    number = torch.arange(2 * channels * height * width).view(2, channels, height, width)
    images = number.to(torch.bfloat16 if half else torch.float64)
    even = torch.tensor([[share(left, width - size), share(top, height - size), turn]
                         for turn in (0.3, -0.3)])
    copies = Crops(size, mirror).apply(images, even, torch.full((2, 3), torch.nan))
    window = images.numpy(force=True) if not half else images.float().numpy()
    window = window[:, :, top:top + size, left:left + size]
    expected = np.stack([window[0], window[1][..., ::-1] if mirror else window[1]])
    assert copies.dtype == images.dtype and copies.is_contiguous()
    assert np.array_equal(copies.double().numpy(), expected)


def test_the_ends_and_the_middle_of_the_draws_are_the_ten_crops_of_torchvision():
    from torchvision.transforms.v2.functional import center_crop, ten_crop
    images, corners = torch.rand(2, 3, 9, 11), [(-1, -1), (1, -1), (-1, 1), (1, 1), (0, 0)]
    for turn, theirs in zip((1, -1), (ten_crop(images, 5)[:5], ten_crop(images, 5)[5:]), strict=True):
        for (across, down), crop in zip(corners, theirs, strict=True):
            even = torch.tensor([[across, down, turn]] * 2, dtype=torch.float32)
            if turn < 0:  # there the whole picture is mirrored first
                even[:, 0] *= -1
            assert torch.equal(Crops(5, mirror=True).apply(images, even, torch.zeros(2, 3)), crop)
    for height, width in ((5, 5), (6, 7), (8, 9), (10, 11)):
        images = torch.rand(2, 3, height, width)
        assert torch.equal(Crops(5).middle(images), center_crop(images, 5))


def test_every_place_is_drawn_as_often_and_every_second_image_is_mirrored():
    columns = torch.arange(6.0).expand(6000, 1, 6, 6)
    found = Crops(3, mirror=True)(columns, torch.Generator().manual_seed(0))[:, 0, 0]
    counts = {tuple(row): 0 for row in found.tolist()}
    for row in found.tolist():
        counts[tuple(row)] += 1
    expected = [tuple(range(left, left + 3)) for left in range(4)]
    assert sorted(counts) == sorted(expected + [row[::-1] for row in expected])
    assert all(count == pytest.approx(750, abs=100) for count in counts.values())
    down = Crops(3)(columns.mT, torch.Generator().manual_seed(0))[:, 0, 0, 0]
    assert torch.stack([found[:, 1], down]).corrcoef()[0, 1].abs() < 0.05


def test_what_decays_ends_in_the_middle():
    images = torch.rand(8, 3, 9, 9)
    crops = Crops(5, mirror=True, colours=principal_colours(images))
    even, normal = crops.draw(8)
    assert even.shape == normal.shape == (8, 3) and even.abs().max() <= 1
    even[:, 2] = 1  # not mirrored
    torch.testing.assert_close(crops.apply(images, 1e-6 * even, 1e-6 * normal), crops.middle(images))


# Colours

def test_principal_colours_are_those_that_the_pixels_were_made_of():
    """Pixels spread along three directions at right angles, with these standard deviations."""
    directions = np.array([[2, 2, 1], [-2, 1, 2], [1, -2, 2]]) / 3
    spread = torch.randn(50, 3, 8, 9, generator=torch.Generator().manual_seed(0)).double().numpy()
    images = torch.from_numpy(np.einsum("nkhw,k,kc->nchw", spread, [0.3, 0.1, 0.02], directions)) + 0.4
    variances, found = principal_colours(images.float())
    assert variances == pytest.approx([0.09, 0.01, 0.0004], rel=0.05)
    assert [np.abs(row).argmax() for row in found] and all(max(row, key=abs) > 0 for row in found)
    assert np.abs(found @ directions.T) == pytest.approx(np.eye(3), abs=0.02)
    pixels = images.numpy().transpose(1, 0, 2, 3).reshape(3, -1)
    rebuilt = sum(variance * np.outer(p, p) for variance, p in zip(variances, found, strict=True))
    assert rebuilt == pytest.approx(np.cov(pixels, bias=True), abs=1e-7)


def test_grey_images_vary_along_grey_alone():
    grey = torch.rand(4, 1, 6, 6).expand(-1, 3, -1, -1)
    variances, directions = principal_colours(grey)
    assert variances[0] == pytest.approx(3 * grey[:, 0].double().var(correction=0).item())
    assert directions[0] == pytest.approx([3**-0.5] * 3)
    assert max(variances[1:]) < 1e-9 and min(variances) >= 0
    assert principal_colours(torch.full((1, 3, 1, 1), 0.5))[0] == (0, 0, 0)


def test_what_is_added_is_the_papers_sum():
    colours = principal_colours(torch.rand(9, 3, 5, 5, generator=torch.Generator().manual_seed(0)))
    images, crops = torch.rand(4, 3, 6, 6), Crops(6, colours=colours)
    even, normal = crops.draw(4)
    variances, directions = map(np.array, colours)
    for image, copy, a in zip(images, crops.apply(images, even, normal), 0.1 * normal, strict=True):
        added = directions.T @ (a.numpy() * variances)  # eigenvectors as columns
        torch.testing.assert_close(copy, image + torch.from_numpy(added).float()[:, None, None])
    assert not torch.equal(crops.apply(images, even, normal), images)


# What cannot be

THREE = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


@pytest.mark.parametrize(("options", "message"), [
    ({"size": 2**16 + 1}, "size must be from 1 to 65,536, not 65537"),
    ({"size": 3, "colours": ((1, -1, 0), THREE)}, r"colours\[0\]\[1\] must be at least 0, not -1"),
    ({"size": 3, "colours": ((1, 1, math.nan), THREE)}, r"colours\[0\]\[2\] must be .* not nan"),
    ({"size": 3, "colours": ((1, 1, 1), THREE[:2])}, r"colours\[1\] must hold 3 things")])
def test_crops_refuse(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Crops(**options)


@pytest.mark.parametrize(("use", "shape", "message"), [
    (Crops(5), (2, 3, 4, 9), "a crop of 5 x 5 does not fit into images of 4 x 9"),
    (Crops(5).middle, (2, 3, 9, 4), "a crop of 5 x 5 does not fit into images of 9 x 4"),
    (Crops(5), (3, 9, 9), "images must be N x C x H x W, not of shape 3 x 9 x 9"),
    (Crops(5, colours=((1, 1, 1), THREE)), (2, 1, 9, 9), "must be N x 3 x H x W, not 2 x 1 x 9 x 9"),
    (principal_colours, (2, 1, 9, 9), "must be pixels, N x 3 x H x W, not .* 2 x 1 x 9 x 9"),
    (principal_colours, (0, 3, 9, 9), "must be pixels, N x 3 x H x W, not .* 0 x 3 x 9 x 9")])
def test_images_are_refused(use, shape, message):
    with pytest.raises(ValueError, match=message):
        use(torch.zeros(shape))


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e200])
def test_colours_of_no_numbers_are_refused(value):
    images = torch.zeros(2, 3, 4, 4, dtype=torch.float64)
    images[1, 2, 3, 3] = value
    with pytest.raises(ValueError, match="images must be finite numbers; of Tensor of torch.float64"):
        principal_colours(images)


# Trainings

X = torch.rand(20, 3, 8, 9, generator=torch.Generator().manual_seed(0))
Y = torch.arange(20) % 3
CROPS = Crops(6, mirror=True, colours=principal_colours(X))
RECIPE = replace(QUICK, batch_size=8, augmentation=CROPS, seed=3)
seeing = partial(Seeing, 3 * 6 * 6, 3)


def test_training_sees_crops_and_validation_the_middle():
    model = seeing()
    history = training.fit(model, (X, Y), RECIPE, validation=(X, Y), progress=False)
    trial, *shown = model.shown[True]
    assert trial.shape == (2, 3, 6, 6) and len(shown) == 6
    torch.testing.assert_close(shown, changed_batches(X, RECIPE), rtol=0, atol=1e-6)
    for validated in model.shown[False][1:]:
        assert torch.equal(validated, X[:, :, 1:7, 2:8])
    assert history.epochs[-1].validation_error == training.evaluate(
        model, (CROPS.middle(X), Y)).error_rate


def test_sdlm_measures_its_curvature_on_the_middle():
    recipe = replace(SDLM, augmentation=CROPS, epochs=1, schedule="constant")
    assert training.fit(seeing(), (X, Y), recipe, progress=False).epochs


def test_what_does_not_fit_is_said_before_the_training():
    for crops, x, message in ((Crops(9), X, "a crop of 9 x 9 does not fit into images of 8 x 9"),
                              (Crops(5), X, "Seeing cannot take inputs of torch.float32 2 x 3 x 5 x 5"),
                              (CROPS, X[:, :1], "must be N x 3 x H x W, not 2 x 1 x 8 x 9")):
        model = seeing()
        before = weights(model)
        with pytest.raises(ValueError, match=message):
            training.fit(model, (x, Y), replace(RECIPE, augmentation=crops), progress=False)
        assert same(weights(model), before)


def test_a_training_with_crops_is_a_value_that_can_be_written_down_and_taken_up(tmp_path):
    assert eval(repr(RECIPE), {"Recipe": Recipe, "Crops": Crops}) == RECIPE and RECIPE in {RECIPE}
    assert json.loads(json.dumps(asdict(RECIPE))) == trainings._plain(RECIPE)
    whole, path = seeing(), tmp_path / "net.ckpt"
    training.fit(whole, (X, Y), RECIPE, progress=False)
    with pytest.raises(KeyboardInterrupt):
        training.fit(seeing(), (X, Y), RECIPE, checkpoint=path, progress=False,
                     callbacks=[Recording(stop=4)])
    for other in (Crops(6), replace(CROPS, mirror=False)):
        with pytest.raises(CheckpointError, match="belongs to another training: augmentation"):
            training.fit(seeing(), (X, Y), replace(RECIPE, augmentation=other), checkpoint=path,
                         resume=True, progress=False)
    taken_up = seeing()
    training.fit(taken_up, (X, Y), RECIPE, checkpoint=path, resume=True, progress=False)
    assert same(weights(taken_up), weights(whole))
