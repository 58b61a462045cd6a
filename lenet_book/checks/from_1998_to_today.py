"""Chapter 10: an interval, an activation, a difference, h of weights, a row of one's own."""

from functools import partial
from math import hypot, sqrt
from operator import add, sub
from statistics import mean, median, pstdev, stdev

import torch
from torch import Tensor, nn

from .. import models
from .answers import compare, number
from .calls import Function
from .exercise import exercise
from .seeds import one_row
from .verdict import Wrong


@exercise(chapter=10, number=1, level="easy", minutes=4)
def narrower_interval(answer) -> str:
    """The width of an interval with ten seeds, as a fraction of that with three."""
    fraction = number(answer)
    right = (2.26 / sqrt(10)) / (4.30 / sqrt(3))
    if abs(fraction - right) < 6e-4:
        return "a good quarter: t helps as much as the root of n does"
    for wrong, said in {
        2.26 / 4.30: "that is t alone; the root of n changes as well",
        sqrt(3 / 10): "that is the root of n alone; t changes as well",
        2.26 * sqrt(10) / (4.30 * sqrt(3)): "t is divided by the root of n, not multiplied by it",
        1 / right: "upside down: how much wider three seeds make it",
        2.26 / 10 / (4.30 / 3): "t is divided by the root of n, not by n",
        2.26 / 3 / (4.30 / sqrt(2)): "it is the root of n, 3 and 10; n - 1 is in s already",
        1 - right: "that is how much narrower it is; the fraction that is left is asked",
        100 * right: "that is in %; a fraction is asked",
        2.26 / sqrt(10): "that is t / root of n for ten seeds; divide it by the same for three",
        4.30 / sqrt(3): "that is t / root of n for three seeds",
        3 / 10: "that is the ratio of the numbers of seeds; the half-width is t s / root of n",
    }.items():
        if abs(fraction - wrong) < 2e-3 * max(1, wrong):
            raise Wrong(said)
    if abs(fraction - 0.287) < 1e-6:
        raise Wrong("round, do not cut off: the fourth decimal is 9")
    if abs(fraction - right) < 6e-3:
        raise Wrong("near, but rounded too much, here or on the way: give three decimals")
    raise Wrong("the half-width is t s / root of n: divide that of ten seeds by that of three")


@exercise(chapter=10, number=2, level="medium", minutes=6)
def with_hardtanh(answer) -> str:
    """net -> the net with max(-1, min(1, a)) in place of each activation."""
    if isinstance(answer, nn.Module):
        raise Wrong("this is a net; hand over the function that changes one, without brackets")
    function = Function(answer, "net", or_class=True)
    x = torch.randn(2, 1, 32, 32)
    softmax = {"output": "softmax", "initial_weights": "torch"}
    for activation, options in (("scaled tanh", softmax), ("scaled tanh", {"pooling": "average"}),
                                ("relu", softmax | {"connections": "dense", "batch_norm": True}),
                                ("logistic", softmax), ("tanh", softmax | {"pooling": "max"})):
        net, before = (models.build("lenet5-variant", activation=activation, **options)
                       for _ in range(2))
        before.load_state_dict(net.state_dict())
        for each in (net, before) if activation == "logistic" else ():
            each.eval().c1.requires_grad_(False)
        found = _returned(function, net, f"for a net with the activation {activation!r}")
        # Not named_children: one module may stand in several places.
        layers = {name: layer for name, layer in found._modules.items() if layer is not None}
        for name, old in before.named_children():
            if name not in layers and type(found) is not type(before):
                raise Wrong(f"it returns a new {type(found).__name__}; exchange the layers of the net "
                            "that is given, and return that")
            if name not in layers:
                raise Wrong(f"the layer {name} is gone; exchange it under its name")
            _check_layer(name, old, layers[name])
            _check_training(name, old, layers[name])
        added = [name for name in layers if name not in before._modules]
        if added:
            raise Wrong(f"the layer {added[0]} is added to a net that has none of this name (one with "
                        f"{options.get('pooling', 'subsampling')} pooling); exchange only those that "
                        "are there")
        if list(layers) != list(before._modules):
            raise Wrong("the order of the layers has changed")
        _check_training("the net", before, found)
        if not hasattr(found, "predict"):
            raise Wrong("the new net does not know its loss and its decision: exchange the layers of "
                        "the net that is given")
        for layer in (layer for name, layer in before.named_children() if name.endswith("_squash")):
            layer.forward = lambda a: a.clamp(-1, 1)
        with torch.no_grad():
            if not torch.allclose(found.eval()(x), before.eval()(x), atol=1e-5):
                raise Wrong("all layers are as they should be, but the net computes something else")
    return "one line a layer, and everything else is as it was"


def _returned(function: Function, net: nn.Module, case: str) -> nn.Module:
    """The net that the function returns. Raises Wrong, in which `case` says what it was given."""
    long = function.case([net])
    try:
        found = function(net)
    except Wrong as wrong:
        raise Wrong(str(wrong).replace(long, case)) from None
    if not isinstance(found, nn.Module):
        raise Wrong(f"it must return the net, not a {type(found).__name__}")
    return found


def _check_layer(name: str, old: nn.Module, new: nn.Module) -> None:
    """An activation has to be a hard tanh, and another layer as it was. Raises Wrong."""
    kind = type(new).__name__
    if not name.endswith("_squash"):
        weights = new.state_dict()
        if type(new) is not type(old):
            raise Wrong(f"{name} was {type(old).__name__}, and now is {kind}; only activations are "
                        "to be exchanged")
        if not all(key in weights and torch.equal(weights[key], value)
                   for key, value in old.state_dict().items()):
            raise Wrong(f"the weights of {name} are no longer what they were")
        for key, value in old.state_dict().items():
            if weights[key].dtype != value.dtype:
                raise Wrong(f"the {key} of {name} is {weights[key].dtype} now, and was "
                            f"{value.dtype}")
        return
    if type(new) is type(old):
        raise Wrong(f"{name} is still {kind}: setattr(net, name, module) exchanges a layer, whatever "
                    "kind of activation it is")
    a = torch.tensor([[-3., -1.3, -0.5, 0, 0.4, 1.4, 4]])
    try:
        squashed = new(a.clone())
    except Exception:
        raise Wrong(f"{name} is now {kind}, which is no activation") from None
    if not isinstance(squashed, Tensor) or squashed.shape != a.shape:
        raise Wrong(f"{name} is now {kind}, which is no activation")
    if not torch.allclose(squashed, a.clamp(-1, 1)):
        worst = (squashed - a.clamp(-1, 1)).abs().argmax()
        raise Wrong(f"{name} is now {kind}, which makes {squashed[0, worst]:.6g} of {a[0, worst]:.6g}; "
                    f"the hard tanh makes {a.clamp(-1, 1)[0, worst]:.6g} of it")


def _check_training(name: str, old: nn.Module, new: nn.Module) -> None:
    """The mode and what can be trained have to be as they were; an activation has neither."""
    if name.endswith("_squash"):
        return
    if new.training != old.training:
        now, then = ("training" if each.training else "evaluation" for each in (new, old))
        raise Wrong(f"{name} is left in {now} mode, and came in {then} mode; leave the mode as it was")
    can = {which: parameter.requires_grad for which, parameter in new.named_parameters()}
    for which, parameter in old.named_parameters():
        if can.get(which, parameter.requires_grad) != parameter.requires_grad:
            raise Wrong(f"the {which} of {name} has requires_grad {can[which]}, and had "
                        f"{parameter.requires_grad}; leave it as it was")


@exercise(chapter=10, number=3, level="medium", minutes=8)
def difference_seed_by_seed(answer) -> str:
    """new, old, t -> mean difference and the ends of its interval."""
    def right(new, old, t, spread=stdev, root=sqrt):
        apart = [a - b for a, b in zip(new, old, strict=True)]
        half = t * spread(apart) / root(len(apart))
        return mean(apart), mean(apart) - half, mean(apart) + half

    def around(middle, half):
        return middle, middle - half, middle + half

    def of_rows(spread):
        """The spread is made of those of the two rows."""
        return lambda a, b, t: around(
            mean(a) - mean(b), t * spread(stdev(a), stdev(b)) / sqrt(len(a)))

    def of(change):
        """The right mean and half-width, put together in another way."""
        return lambda a, b, t: change(mean(a) - mean(b), right(a, b, t)[2] - right(a, b, t)[0])

    cases = []
    for n, t, better in ((3, 4.30, 0.001), (5, 2.78, 0), (10, 2.26, 0.001)):
        common = 0.01 + 0.002 * torch.randn(n)
        new, old = (common + 0.0007 * torch.randn(n) for _ in range(2))
        cases.append((*(tuple(round(error, 4) for error in row.tolist())
                        for row in (new - better, old)), t))
    compare(answer, right, cases, "new old t", {
        "the sign is turned over: new minus old": lambda a, b, t: right(b, a, t),
        "the differences are taken without their signs: with some seeds new minus old is below 0":
            lambda a, b, t: right([abs(x - y) for x, y in zip(a, b, strict=True)], [0] * len(a), t),
        "the rows are taken as if they had no seeds in common; take the differences first":
            of_rows(hypot),
        "the spread is that of one row; that of the differences is needed":
            of_rows(lambda one, other: one),
        "the standard deviation divides by n - 1 (statistics.stdev), not by n":
            lambda a, b, t: right(a, b, t, pstdev),
        "the half-width is not divided by the root of n":
            lambda a, b, t: right(a, b, t, root=lambda n: 1),
        "the half-width is divided by n, not by its root":
            lambda a, b, t: right(a, b, t, root=lambda n: n),
        "the half-width is divided by the root of n - 1; n - 1 is in s already":
            lambda a, b, t: right(a, b, t, root=lambda n: sqrt(n - 1)),
        **{f"n is the number of seeds, not always {always}": lambda a, b, t, always=always: right(
            a, b, t, root=lambda n: sqrt(always)) for always in (3, 5, 10)},
        "these are per cent; errors are shares":
            lambda a, b, t: tuple(100 * each for each in right(a, b, t)),
        "take the deviation of the differences, not the difference of the deviations":
            of_rows(lambda one, other: abs(one - other)),
        "take the deviation of the differences; a difference of deviations may be below 0":
            of_rows(sub),
        "the errors are sorted: pairs must be of one seed":
            lambda a, b, t: right(sorted(a), sorted(b), t),
        "it does not use its argument t": lambda a, b, t: Function(answer, "new old t")(a, b, t + 1),
        "the median is in the middle; the mean is asked":
            lambda a, b, t: around(median(map(sub, a, b)), right(a, b, t)[2] - right(a, b, t)[0]),
        "the differences are added up; their mean is asked":
            lambda a, b, t: around(sum(map(sub, a, b)), right(a, b, t)[2] - right(a, b, t)[0]),
        "the half-widths of the two rows are added; take the deviation of the differences":
            of_rows(add),
        "that is half of the half-width: t s / root of n on each side":
            lambda a, b, t: right(a, b, t / 2),
        "s is the standard deviation, not the variance":
            lambda a, b, t: right(a, b, t, lambda apart: stdev(apart)**2),
        "the mean comes first, then the lower end, then the upper":
            of(lambda middle, half: (middle - half, middle, middle + half)),
        "the lower end comes before the upper one":
            of(lambda middle, half: (middle, middle + half, middle - half)),
        "the ends lie around 0, and should lie around the mean":
            of(lambda middle, half: (middle, -half, half)),
        "that is the half-width, twice; the ends are the mean minus it and plus it":
            of(lambda middle, half: (middle, half, half)),
    })
    return "what the seeds have in common has fallen out"


@exercise(chapter=10, number=4, level="hard", minutes=12)
def h_two_layers_down(answer) -> str:
    """x, w1, b1, w2, h2 -> h of the weights w1, for a tanh between two layers."""
    def right(x, w1, b1, w2, h2):
        jacobian = torch.autograd.functional.jacobian(lambda a: w2 @ a.tanh(), w1 @ x + b1)
        return torch.outer((jacobian**2).T @ h2, x**2)

    def by_rules(x, w1, b1, w2, h2, weight=2, slope=2, inputs=2, of=None):
        x1 = (w1 @ x + b1).tanh()
        kind = 1 - x1**2 if of is None else of(w1 @ x + b1)
        return torch.outer(kind**slope * ((w2**weight).T @ h2), x**inputs)

    changed = partial(partial, by_rules)

    cases = []
    for below, middle, above in ((3, 2, 4), (4, 3, 5), (6, 4, 2), (1, 5, 1)):
        x, b1, h2 = torch.randn(below), torch.randn(middle), torch.rand(above)
        w1, w2 = torch.randn(middle, below), torch.randn(above, middle)
        cases.append(tuple(each.double() for each in (x, w1, b1, w2, h2)))
    compare(answer, right, cases, "x w1 b1 w2 h2", {
        "1. the weights w2 are not squared": changed(weight=1),
        "2. the slope of the tanh is not squared": changed(slope=1),
        "2. the slope of the tanh is missing": changed(slope=0),
        "3. the inputs x are not squared": changed(inputs=1),
        "3. the inputs x are missing": changed(inputs=0),
        "nothing is squared: that would be the way of a gradient": changed(weight=1, slope=1, inputs=1),
        "1. the sum is squared; square each weight, then add up": lambda x, w1, b1, w2, h2: torch.outer(
            (1 - (w1 @ x + b1).tanh()**2)**2 * (w2.T @ h2)**2, x**2),
        "1. the weights w2 are taken without their signs, and not squared":
            lambda x, w1, b1, w2, h2: by_rules(x, w1, b1, w2.abs(), h2, weight=1),
        "1. h2 is squared; it is a second derivative already":
            lambda x, w1, b1, w2, h2: by_rules(x, w1, b1, w2, h2**2),
        "2. slope and h are squared together; square the slope alone":
            lambda x, w1, b1, w2, h2: by_rules(x, w1, b1, w2, h2) * ((w2**2).T @ h2)[:, None],
        "2. the tanh's slope is 1 - x1 ** 2 with its output x1, not with its input":
            changed(of=lambda a: 1 - a**2),
        "2. the tanh's slope is 1 - x1 ** 2, not 1 - x1": changed(of=lambda a: 1 - a.tanh()),
        "2. this is the tanh in place of its slope": changed(of=torch.tanh),
        "2. this is the slope of the scaled tanh; here a plain tanh lies between": changed(
            of=lambda a: 2 / 3 * 1.7159 * (1 - (2 / 3 * a).tanh()**2)),
        "2. that is the slope of the scaled tanh, as in the step to C5; here a plain tanh lies between":
            changed(of=lambda a: 2 / 3 * (1.7159 - a.tanh()**2 / 1.7159)),
        "the bias b1 is not in the sums": lambda x, w1, b1, w2, h2: right(x, w1, 0 * b1, w2, h2),
        "rows and columns are exchanged: h has the shape of w1": lambda *case: right(*case).T,
        "this is h of the sums of the first layer; one step is missing": lambda x, w1, b1, w2, h2:
            right(x, w1, b1, w2, h2)[:, 0] / x[0]**2,
        "this is h of the outputs of the first layer; two steps are missing": lambda x, w1, b1, w2, h2:
            (w2**2).T @ h2,
        "this is h of the second layer's weights; that of the first's, w1, is asked":
            lambda x, w1, b1, w2, h2: torch.outer(h2, (w1 @ x + b1).tanh()**2),
        "3. h of a weight has the square of its input, not the weight's own":
            lambda x, w1, b1, w2, h2: right(x, w1, b1, w2, h2) / x**2 * w1**2,
    }, dict.fromkeys(("backward", "grad", "jacobian", "hessian", "vjp", "curvature", "jacrev"),
                     "write the three steps yourself"))
    return "three steps back, each factor squared, as in Appendix C"


@exercise(chapter=10, number=5, level="medium", minutes=12)
def errors_by_seed(answer) -> str:
    """seeds, build, train, error -> the errors of fresh nets, one a seed."""
    for seeds in ((0, 1, 2), (7, 3), (5, 2, 11, 4)):
        one_row(answer, seeds)
    return "a fresh net for every seed, with the same first weights tomorrow"
