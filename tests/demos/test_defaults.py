"""What a demo shows depends neither on torch's defaults nor on those of its first call."""

import pytest
import torch

from lenet_book.demos import (
    ablation,
    channels,
    cross_correlation,
    draw_digit,
    examples,
    feature_maps,
    find_the_digit,
)
from lenet_book.demos.feature_maps import deform
from lenet_book.demos.learner import Learner

DEMOS = (ablation, channels, cross_correlation, draw_digit, feature_maps, find_the_digit)


def shown():
    said = []
    for make in DEMOS:
        demo = make()
        said.append(repr(demo))
        demo.close()
    learner = Learner(0, "ReLU", "max", 0.01, 16)
    learner.step()
    return said, deform(examples.test_digits().images[0], 2, 1, 10, 90, 30), learner.model.output.bias


@pytest.mark.parametrize(("change", "value", "back"), [
    (torch.set_default_dtype, torch.float64, torch.float32),
    (torch.set_default_dtype, torch.bfloat16, torch.float32),
    (torch.set_default_device, "meta", None)])
def test_demos_do_not_depend_on_torchs_defaults(change, value, back):
    examples.trained.cache_clear()
    change(value)
    try:
        there = shown()
    finally:
        change(back)
    here = shown()
    assert there[0] == here[0]
    assert torch.equal(there[1], here[1])
    assert torch.equal(there[2], here[2]) is (value == "meta")  # its first weights were drawn otherwise
    assert there[2].dtype == torch.float32
