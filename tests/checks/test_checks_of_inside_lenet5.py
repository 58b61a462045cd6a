"""Chapter 09's exercises: right answers, and wrong ones with words of the reason."""

from collections import OrderedDict
from functools import partial

import drawn_digits
import hooked_outputs
import numpy as np
import occlusion_maps
import torch
import torch.nn.functional as F
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

from lenet_book import checks, paper

CHAPTER = 9
LOW, HIGH = paper.BACKGROUND, paper.FOREGROUND


def pasted(images, spacing, join=torch.maximum, blank=LOW, width=0, double=True, among=None):
    """Right as it stands; each argument makes one mistake. among: joins two digits."""
    end = 0
    strip = torch.full((1, 1, 32, 32 + (len(images) - 1) * spacing + width), blank)
    strip = strip.double() if double else strip
    for place, image in enumerate(images):
        there = strip[0, :, :, spacing * place:spacing * place + 32]
        before = there.clone()
        there[:] = join(there, image[..., :there.shape[-1]])
        if among and end > spacing * place:
            overlap = end - spacing * place
            there[..., :overlap] = among(before, image[..., :there.shape[-1]])[..., :overlap]
        end = spacing * place + 32
    return strip


pastes = partial(partial, pasted)


def padded(images, spacing):
    total = (len(images) - 1) * spacing
    return torch.stack([F.pad(image, (spacing * k, total - spacing * k), value=LOW)
                        for k, image in enumerate(images)]).amax(dim=0, keepdim=True)


def column_by_column(images, spacing):
    columns = []
    for u in range(32 + (len(images) - 1) * spacing):
        there = [image[..., u - k * spacing] for k, image in enumerate(images)
                 if 0 <= u - k * spacing < 32]
        columns.append(torch.stack(there).amax(0) if there else torch.full((1, 32), LOW).double())
    return torch.stack(columns, dim=-1)[None]


def earlier(images, spacing):
    strip = pasted(images, spacing)
    for place in reversed(range(len(images))):
        strip[..., spacing * place:spacing * place + 32] = images[place]
    return strip


def not_written(images, spacing):
    strip = torch.full((1, 1, 32, 32 + (len(images) - 1) * spacing), LOW)
    for place, image in enumerate(images):
        there = strip[..., spacing * place:spacing * place + 32]
        there = there.maximum(image)
    return strip


def test_a_hook_for_all_nets_has_to_go_too(monkeypatch):
    monkeypatch.setattr(nn.modules.module, "_global_forward_hooks", OrderedDict())

    def answer(net, name, x):
        nn.modules.module.register_module_forward_hook(lambda layer, given, output: None)
        return hooked_outputs.hooked(net, name, x)

    assert "the hook is still there" in checks.output_of_layer(answer).reason


def test_gradients_that_add_up_are_named_where_the_image_is_right():
    for steps, clear in (60, True), (120, False):
        verdict = checks.image_of_class(partial(drawn_digits.by_adam, steps=steps, clear=clear))
        assert verdict and ("holds a gradient when the next comes" in verdict.reason) != clear
    assert "holds a gradient" not in checks.image_of_class(drawn_digits.with_momentum).reason


RIGHT = {
    "farthest_digit": [(9634,), (9634.0,), (torch.tensor(9634),), (np.int64(9634),)],
    "output_of_layer": hooked_outputs.RIGHT,
    "occlusion_map": occlusion_maps.RIGHT,
    "image_of_class": drawn_digits.RIGHT,
    "strip_of_digits": [(pasted,), (padded,), (column_by_column,), (pastes(double=False),)],
}

WRONG = {  # (words that name the error, answer)
    "farthest_digit": [
        ("nearest of all", 3276), ("its distance", 48.3893), ("second glyph", 5975),
        ("own glyph", 2654),
        ("ten distances is the largest", 4013), ("mean", 409), ("two nearest", 4507),
        ("is the second", 1527), ("count from 0", 9635), ("farther from its nearest", 2),
        ("its label", 0), ("takes it for", 1), ("none of them", 10_000),
        ("none of them", -366), ("number", "9634"),
        ("whole", 9634.5), ("number", torch.zeros(2))],
    "output_of_layer": hooked_outputs.WRONG,
    "occlusion_map": occlusion_maps.WRONG,
    "image_of_class": drawn_digits.WRONG,
    "strip_of_digits": [
        ("later one hides", pastes(join=lambda there, image: image)),
        ("pixels are added", pastes(join=torch.add, blank=0.0)),
        ("added to the blank", pastes(join=torch.add)), ("stays blank", pastes(join=torch.minimum)),
        ("stays blank", not_written),
        ("lighter pixel stands; ink", pastes(join=torch.minimum, blank=HIGH)),
        ("light grey", pastes(blank=0.0)),
        ("too wide", lambda images, spacing: pasted(images, spacing, width=spacing)),
        ("left edge", lambda images, spacing: pasted(images, 32 + spacing)),
        ("not used", lambda images, spacing: pasted(images, 32)),
        ("reverse", lambda images, spacing: pasted(images.flip(0), spacing)),
        ("earlier one hides", earlier),
        ("overlap they are added", pastes(among=torch.add)),
        ("overlap their ink is added", pastes(join=lambda there, image: there + image - LOW)),
        ("ink is added, up to full", pastes(
            join=lambda there, image: (there + image - LOW).clamp(max=HIGH))),
        ("blank strip, up to full", lambda *given: pasted(*given, join=torch.add).clamp(max=HIGH)),
        ("averaged with what is there", pastes(join=lambda there, image: (there + image) / 2)),
        ("overlap they are averaged", pastes(among=lambda there, image: (there + image) / 2)),
        ("overlap the lighter pixel", pastes(among=torch.minimum)),
        ("too narrow", lambda images, spacing: pasted(images, spacing, width=spacing - 32)),
        ("is 28, whatever", lambda images, spacing: pasted(images, 28)),
        ("it gives 32 x", lambda *given: pasted(*given)[0, 0]),
        ("tensor", lambda *given: "strip"),
        ("return", print), ("function", torch.zeros(1, 1, 32, 144)),
        ("changes the images", lambda images, spacing: pasted(images.clamp_(0), spacing)),
        ("1 x 1 x 32 x", lambda images, spacing: torch.cat([*images], dim=2))],
}

EQUAL = {
    "output_of_layer": {"return kept[-1]": "in these nets a layer runs once"},
    "image_of_class": {
        "for size in torch.linspace(0.4, 0.02, 20):": "arrives as well",
        "for size in torch.linspace(0.2, -0.02, 20):": "the last steps are short",
        "for size in torch.linspace(0.2, 0, 20):": "arrives as well",
        "for size in torch.linspace(0.2, 0.02, 19):": "arrives as well",
        "for size in torch.linspace(0.2, 0.02, 40):": "arrives as well",
        "gradient, = torch.autograd.grad(net(image)[-1, digit], image)":
            "of one image the first is the last"},
}
