"""Images that a net takes for a digit, right and wrong: answers to exercise 4 of chapter 09."""

from functools import partial

import torch
import torch.nn.functional as F

from lenet_book import models, paper

LOW, HIGH = paper.BACKGROUND, paper.FOREGROUND
LENET = models.pretrained("lenet5-1998")


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


draws = partial(partial, drawn)


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


RIGHT = [(drawn,), (with_momentum,), (squashed,), (by_adam,), (by_squares,), (while_far,),
         (by_the_loss,), (draws(steps=200, size=0.02, until=1),), (by_func(torch.func.grad),),
         (by_func(torch.func.jacrev),)]

WRONG = [  # (words that name the error, answer)
    ("blank", draws(steps=0)), ("grows", draws(sign=1)),
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
    ("to the 3, and", lambda net, digit: drawn(net, digit, 40 if len(net) < 3 else 2))]
