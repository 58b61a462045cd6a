"""Chapter 09's exercises: right answers, and wrong ones with words of the reason."""

from collections import OrderedDict
from functools import partial

import hooked_outputs
import numpy as np
import torch
import torch.nn.functional as F
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch import nn

from lenet_book import checks, models, paper

CHAPTER = 9
LOW, HIGH = paper.BACKGROUND, paper.FOREGROUND
LENET = models.pretrained("lenet5-1998")


def in_loops(score, image, side, stride, blank, sign=1, keep=False, end=0, channel=None, grow=0,
             whole=True, fill=None, count=None, empty=False):
    """Right as it stands; each argument makes one mistake."""
    H, W = count(*image.shape[-2:]) if count else image.shape[-2:]
    end = stride if end is None else end
    copy, rows = image.clone(), []
    with torch.no_grad():
        for top in range(0, H - side + 1 - end, stride):
            rows.append([])
            for left in range(0, W - side + 1 - end, stride):
                copy = copy if keep else image.clone()
                there = copy[:, :channel, top:top + side + grow, left:left + side + grow]
                there[:] = blank if fill is None else fill
                rows[-1].append(sign * (whole * score(image) - score(copy)).item())
    return torch.tensor(rows).view(len(rows), -1) if rows or not empty else torch.zeros(0, 0)


def occludes(**mistakes):
    return lambda *given: in_loops(*given, **mistakes)


def by_masks(score, image, side, stride, blank):
    H, W = image.shape[2:]
    corner = torch.zeros(H, W, dtype=torch.bool)
    corner[:side, :side] = True
    return torch.stack([torch.stack([
        score(image) - score(image.masked_fill(corner.roll((top, left), (0, 1)), blank))
        for left in range(0, W - side + 1, stride)]) for top in range(0, H - side + 1, stride)])[..., 0]


def by_unfolding(score, image, side, stride, blank):
    C, H, W = image.shape[1:]
    places = F.unfold(torch.arange(H * W).view(1, 1, H, W).double(), side, stride=stride)[0].T.long()
    copies = image.view(1, C, -1).repeat(len(places), 1, 1)
    for each, covered in zip(copies, places, strict=True):
        each[:, covered] = blank
    lost = score(image) - score(copies.view(-1, C, H, W))
    return lost.view((H - side) // stride + 1, (W - side) // stride + 1)


def overhanging(score, image, side, stride, blank, middle=False):
    """As many squares as steps fit into the image; in their middle, or not, is the place."""
    rows = []
    for row in range(0, image.shape[2], stride):
        rows.append([])
        for column in range(0, image.shape[3], stride):
            top, left = (place - side // 2 * middle for place in (row, column))
            copy = image.clone()
            copy[:, :, max(top, 0):top + side, max(left, 0):left + side] = blank
            rows[-1].append((score(image) - score(copy)).item())
    return torch.tensor(rows)


def by_rows(score, image, side, stride, blank):
    rows, columns = ((size - side) // stride + 1 for size in image.shape[2:])
    lost = torch.zeros(rows * columns)
    for n in range(rows * columns):
        copy = image.clone()
        top, left = n // rows * stride, n % rows * stride
        copy[..., top:top + side, left:left + side] = blank
        lost[n] = score(image) - score(copy)
    return lost.view(rows, columns)


def near(score, image, side, stride, blank):
    every = in_loops(score, image, side, 1, blank)
    H, W = image.shape[2:]
    return every[:(H - side) // stride + 1, :(W - side) // stride + 1]


def side_by_side(score, image, side, stride, blank):
    return in_loops(score, image, side, side, blank)


def in_place(score, image, side, stride, blank):
    image[..., :side, :side] = blank
    return in_loops(score, image, side, stride, blank)


def drawn(net, digit, steps=40, size=0.1, sign=-1, of=None, clamp=True, start=LOW,
          image=None, goal=None, whole=False, until=None):
    """Right as it stands; each argument makes one mistake, but until, a distance that is near enough.

    goal: what is made small, of what the net gives out, or, as a whole, of the image.
    """
    image = torch.full((1, 1, 32, 32), start) if image is None else image
    goal = goal or (lambda outputs: outputs[0, digit if of is None else of])
    for _ in range(steps):
        image.requires_grad_()
        value = goal(image if whole else net(image))
        if until and value < until:
            return image
        gradient, = torch.autograd.grad(value, image)
        image = image.detach() + sign * size * gradient.sign()
        image = image.clamp(LOW, HIGH) if clamp else image
    return image


def draws(**mistakes):
    return lambda net, digit: drawn(net, digit, **mistakes)


def by_margin(net, digit):
    def margin(outputs):
        return outputs[0, digit] - outputs[0, torch.arange(10) != digit].min()
    return drawn(net, digit, goal=margin)


def by_cross_entropy(net, digit):
    return drawn(net, digit, goal=lambda outputs: F.cross_entropy(-outputs, torch.tensor([digit])))


def by_squares(net, digit):
    return drawn(net, digit, goal=lambda outputs: outputs[0, digit] ** 2)


def by_the_loss(net, digit):
    """Not what is asked, but it comes near enough."""
    return drawn(net, digit, goal=lambda outputs: net.loss(outputs, torch.tensor([digit])))


def by_func(derivative):
    def image_of_class(net, digit):
        image, slope = torch.full((1, 1, 32, 32), LOW), derivative(lambda each: net(each)[0, digit])
        for _ in range(40):
            image = (image - 0.1 * slope(image).sign()).clamp(LOW, HIGH)
        return image
    return image_of_class


def while_far(net, digit):
    image = torch.full((1, 1, 32, 32), LOW)
    while net(image)[0, digit] > 0.9:
        image = drawn(net, digit, steps=1, size=0.02, image=image.detach())
    return image


def with_momentum(net, digit):
    image, step = torch.full((1, 1, 32, 32), LOW, requires_grad=True), 0
    for _ in range(40):
        net(image)[:, digit].sum().backward()
        with torch.no_grad():
            step = 0.5 * step + image.grad
            image.sub_(0.1 * step / step.norm() * 10).clamp_(LOW, HIGH)
        image.grad = None
    return image


def by_adam(net, digit, steps=60, size=0.05, along=(), clear=True):
    image = torch.full((1, 1, 32, 32), LOW, requires_grad=True)
    optimiser = torch.optim.Adam([image, *along], size)
    for _ in range(steps):
        if clear:
            optimiser.zero_grad()
        net(image)[0, digit].backward()
        optimiser.step()
        with torch.no_grad():
            image.clamp_(LOW, HIGH)
    return image


def training_along(net, digit):
    return by_adam(net, digit, 60, 0.02, net.parameters())


def clamped_at_the_end(net, digit):
    return drawn(net, digit, steps=100, size=0.05, clamp=False).clamp(LOW, HIGH)


def squashed(net, digit):
    """The grey values by a sigmoid, which keeps them in their range."""
    a = torch.full((1, 1, 32, 32), -5.0, requires_grad=True)
    for _ in range(60):
        gradient, = torch.autograd.grad(net(LOW + (HIGH - LOW) * a.sigmoid())[0, digit], a)
        a = (a - 0.3 * gradient.sign()).detach().requires_grad_()
    return LOW + (HIGH - LOW) * a.sigmoid()


def pasted(images, spacing, join=torch.maximum, blank=LOW, step=None, width=0, double=True,
           among=None):
    """Right as it stands; each argument makes one mistake. among: joins two digits."""
    end = 0
    step = step or spacing
    strip = torch.full((1, 1, 32, 32 + (len(images) - 1) * step + width), blank)
    strip = strip.double() if double else strip
    for place, image in enumerate(images):
        there = strip[0, :, :, step * place:step * place + 32]
        before = there.clone()
        there[:] = join(there, image[..., :there.shape[-1]])
        if among and end > step * place:
            overlap = end - step * place
            there[..., :overlap] = among(before, image[..., :there.shape[-1]])[..., :overlap]
        end = step * place + 32
    return strip


def pastes(**mistakes):
    return lambda *given: pasted(*given, **mistakes)


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


def later(there, image):
    return image


def test_a_hook_for_all_nets_has_to_go_too(monkeypatch):
    monkeypatch.setattr(nn.modules.module, "_global_forward_hooks", OrderedDict())

    def answer(net, name, x):
        nn.modules.module.register_module_forward_hook(lambda layer, given, output: None)
        return hooked_outputs.hooked(net, name, x)

    assert "the hook is still there" in checks.output_of_layer(answer).reason


def test_gradients_that_add_up_are_named_where_the_image_is_right():
    for steps, clear in (60, True), (120, False):
        verdict = checks.image_of_class(partial(by_adam, steps=steps, clear=clear))
        assert verdict and ("holds a gradient when the next comes" in verdict.reason) != clear
    assert "holds a gradient" not in checks.image_of_class(with_momentum).reason


RIGHT = {
    "farthest_digit": [(9634,), (9634.0,), (torch.tensor(9634),), (np.int64(9634),)],
    "output_of_layer": hooked_outputs.RIGHT,
    "occlusion_map": [(in_loops,), (by_masks,), (by_unfolding,)],
    "image_of_class": [(drawn,), (with_momentum,), (squashed,), (by_adam,), (by_squares,), (while_far,),
                       (by_the_loss,),
                       (draws(steps=200, size=0.02, until=1),), (by_func(torch.func.grad),),
                       (by_func(torch.func.jacrev),)],
    "strip_of_digits": [(pasted,), (padded,), (column_by_column,), (pastes(double=False),)],
}

WRONG = {  # (words that name the error, answer)
    "farthest_digit": [
        ("nearest of all", 3276), ("its distance", 48.3893), ("second glyph", 5975),
        ("own glyph", 2654),
        ("ten distances is the largest", 4013), ("mean", 409), ("two nearest", 4507),
        ("is the second", 1527), ("count from 0", 9635), ("farther from its nearest", 2),
        ("its label", 0), ("takes it for", 1), ("none of them", 10_000),
        ("none of them", -366), ("number", "9634"), ("number", [9634]), ("number", None),
        ("whole", 9634.5), ("number", torch.zeros(2))],
    "output_of_layer": hooked_outputs.WRONG,
    "occlusion_map": [
        ("sign", occludes(sign=-1)), ("that is left", occludes(sign=-1, whole=False)),
        ("exchanged", lambda *given: in_loops(*given).T),
        ("without a sign", lambda *given: in_loops(*given).abs()),
        ("squares stay", occludes(keep=True)), ("first channel", occludes(channel=1)),
        ("last places", occludes(end=1)), ("last places", occludes(end=1, empty=True)),
        ("end at the border", occludes(end=None)),
        ("end at the border", occludes(end=None, empty=True)),
        ("by the image's height", occludes(count=lambda H, W: (H, H))),
        ("by the image's width", occludes(count=lambda H, W: (W, W))),
        ("filled with 0", occludes(fill=0)),
        ("filled with paper", occludes(fill=LOW)), ("one pixel apart", near),
        ("hang over the edge; each lies wholly inside", overhanging),
        ("upper left corner", lambda *given: overhanging(*given, middle=True)),
        ("n // columns", by_rows), ("5 x 5 pixels", lambda score, image, side, stride, blank: in_loops(
            score, image, 5, stride, blank)),
        ("its share", lambda *given: in_loops(*given) / given[0](given[1])),
        ("by one", occludes(grow=1)), ("apart", side_by_side),
        ("stride is not used", lambda a, b, c, d, e: in_loops(a, b, c, 1, e)),
        ("`stride` large", lambda a, b, c, d, e: in_loops(a, b, d, d, e)),
        ("ratio", lambda *given: in_loops(*given, sign=-1, whole=False) / given[0](given[1])),
        ("changes the image", in_place), ("tensor", lambda *given: in_loops(*given).tolist()),
        ("gives 3 x 3 x 1", lambda *given: in_loops(*given)[..., None]),
        ("function", torch.zeros(28, 28)),
        ("the score is for", lambda score, image, *rest: score(image[0])),
        ("whatever it is given", lambda *given: torch.zeros(3, 3)), ("return", print)],
    "image_of_class": [
        ("blank", draws(steps=0)), ("grows", draws(sign=1)), ("blank", draws(size=0.0)),
        ("depend on the digit", draws(of=3)), ("grey values", draws(clamp=False)),
        ("falls by only 2", draws(steps=3)), ("falls by only 1", draws(size=0.005)),
        ("1 x 1 x 32 x 32, not 32 x 32", lambda *given: drawn(*given)[0, 0]),
        ("tensor", lambda *given: drawn(*given).tolist()), ("finite", lambda *given: drawn(*given) / 0),
        ("grey values", lambda *given: 255 * drawn(*given)), ("return", print),
        ("does not use the net", lambda *given: torch.rand(1, 1, 32, 32)),
        ("is 0.00 everywhere", draws(start=0.0)), ("is 1.17 everywhere", draws(start=HIGH)),
        ("from 0.00 to 1.00", lambda net, digit: drawn(net, digit, image=torch.rand(1, 1, 32, 32))),
        ("it raises", lambda net, digit: net(digit)), ("function", torch.zeros(1, 1, 32, 32)),
        ("function", None), ("does not use the net", lambda net, digit: drawn(LENET, digit)),
        ("does not use the net", draws(
            goal=lambda image: LENET[:5](image)[0, 3, 5, 5], whole=True)),
        ("digit alone", draws(goal=lambda outputs: outputs.sum())),
        ("digit alone: take net(image)[0, digit]; for the 3", by_margin),
        ("digit alone", by_cross_entropy),
        ("the net's weights are not", training_along),
        ("come below 1: clamp after each step", clamped_at_the_end),
        ("to the 3, and", lambda net, digit: drawn(net, digit, 40 if len(net) < 3 else 2))],
    "strip_of_digits": [
        ("later one hides", pastes(join=later)),
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
    "output_of_layer": {"return kept[0] ->     return kept[-1]": "in these nets a layer runs once"},
    "image_of_class": {
        "for size in torch.linspace(0.2, 0.02, 20): -> "
        "    for size in torch.linspace(0.4, 0.02, 20):": "arrives as well",
        "for size in torch.linspace(0.2, 0.02, 20): -> "
        "    for size in torch.linspace(0.2, -0.02, 20):": "the last steps are short",
        "for size in torch.linspace(0.2, 0.02, 20): -> "
        "    for size in torch.linspace(0.2, 0, 20):": "arrives as well",
        "for size in torch.linspace(0.2, 0.02, 20): -> "
        "    for size in torch.linspace(0.2, 0.02, 19):": "arrives as well",
        "for size in torch.linspace(0.2, 0.02, 20): -> "
        "    for size in torch.linspace(0.2, 0.02, 40):": "arrives as well",
        "gradient, = torch.autograd.grad(net(image)[0, digit], image) -> "
        "        gradient, = torch.autograd.grad(net(image)[-1, digit], image)":
            "of one image the first is the last"},
}
