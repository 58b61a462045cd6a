"""Does a net compute, layer by layer, what the paper's LeNet-5 does?"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import paper
from ..tables import by
from .acting_parameters import each_acts_on_one_map, gradients_arrive, kept
from .answers import tensor
from .calls import Function
from .verdict import Wrong


def runs_as_the_paper_says(mine: nn.Module, names: list[str]) -> None:
    """Refuse a net with these layers, each with the paper's numbers, that computes something else."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}  # what each layer is given, and what it gives

    def look(name, layer):
        def hook(part, given, result):
            found = tensor(result, name=f"what {layer.name} gives")
            shape = (3, layer.maps, layer.size, layer.size)
            if name in seen:
                raise Wrong(f"{layer.name} runs twice")
            if name not in ("f6", "output") and found.shape not in (shape, shape[:2]):
                raise Wrong(f"{layer.name} gives {by(found.shape)}, and should give {by(shape)}")
            seen[name] = given[0].detach(), found
        return hook

    hooks = [getattr(mine, name).register_forward_hook(look(name, layer))
             for name, layer in zip(names, paper.LAYERS, strict=True)]
    x = 2 * torch.randn(3, 1, 32, 32)
    try:
        y = tensor(Function(mine, "x")(x), name="its result")
    finally:
        for hook in hooks:
            hook.remove()
    if left := [name for name in names if name not in seen]:
        raise Wrong(f"{left[0]} is there, but its forward does not run it")
    if not torch.equal(seen["c1"][0], x):
        raise Wrong("C1 must be given the picture as it is")
    for name in names[:-1]:
        run, given = Function(getattr(mine, name), "x"), seen[name][0]
        none, once, twice = (tensor(run(times * given)) for times in (0, 1, 2))
        if not torch.allclose(twice - none, 2 * (once - none), rtol=1e-4, atol=1e-4):
            raise Wrong(f"self.{name} holds the squashing function, or another activation; keep it "
                        "outside, between the layers")
    for name, after in pairwise(names):
        _squashed(seen[name][1], seen[after][0].double(), name.upper(), after)
    _subsamples(mine)
    _convolves(mine.c5, seen["c5"][0])
    kernels, _ = what_acts(mine.c3, 16, 6, 5, "in the net")
    if [tuple(row.flatten(1).any(1).nonzero().flatten().tolist()) for row in kernels] != [
            *paper.C3_CONNECTIONS]:
        raise Wrong("C3 has as many kernels as the paper's, but reads other maps than its table says")
    _by_paper(seen["output"][0].double(), seen["output"][1], y)
    for name in names[:-1]:
        each_acts_on_one_map(getattr(mine, name), torch.randn_like(seen[name][0]), name)
    _subsamples_by(mine)
    gradients_arrive(Function(mine, "x")(x), {name.upper(): getattr(mine, name).parameters()
                                              for name in names})
    alone = tensor(Function(mine, "x")(x[:1]), name="its result")
    if alone.shape != (1, 10):
        raise Wrong(f"of three pictures it makes {by(y.shape)}, and of a single one "
                    f"{by(alone.shape)}: flatten(1) keeps the axis of the pictures, squeeze() does not")


def _squashed(left: Tensor, given: Tensor, name: str, after: str) -> None:
    """Is what the next layer is given what this one gives, through the squashing function?"""
    left, given = left.flatten(1), given.flatten(1)
    after = after.upper() if after != "output" else "the output"
    if left.shape != given.shape:
        raise Wrong(f"{after} is given {by(given.shape)} numbers, and {name} gives {by(left.shape)}")
    if torch.allclose(given, _squash(left), atol=1e-4):
        return
    for said, other in {"as it is": left, "through tanh": left.tanh(), "through ReLU": left.relu(),
                        "through a sigmoid": left.sigmoid(),
                        "squashed twice": _squash(_squash(left))}.items():
        if torch.allclose(given, other, atol=1e-4):
            raise Wrong(f"{after} is given what {name} gives {said}; between them stands "
                        "f(a) = 1.7159 tanh(2a/3)")
    raise Wrong(f"{after} is not given what {name} gives, through f(a) = 1.7159 tanh(2a/3)")


def _squash(a: Tensor) -> Tensor:
    return 1.7159 * torch.tanh(2 / 3 * a)


def _subsamples(mine: nn.Module) -> None:
    """Refuse an S2 or S4 that does not multiply the sum of four and add a bias."""
    for layer, maps in (("s2", 6), ("s4", 16)):
        part, x = getattr(mine, layer), torch.randn(2, maps, 6, 4)
        coefficient, bias = _of_means(part, maps)
        right = coefficient * F.avg_pool2d(x.double(), 2) + bias
        found = tensor(Function(part, "x")(x), (2, maps, 3, 2), layer.upper())
        if not torch.allclose(found, right, atol=1e-4):
            raise Wrong(f"{layer.upper()} does not take the sum of each 2 x 2 window, times a "
                        "coefficient, plus a bias")


def _subsamples_by(mine: nn.Module) -> None:
    """Refuse an S2 or S4 whose coefficients and biases are not, but for a factor, what it holds."""
    for layer, maps in (("s2", 6), ("s4", 16)):
        part = getattr(mine, layer)
        own = [p for p in part.parameters() if p.requires_grad]
        with kept(own):
            with torch.no_grad():
                for p in own:
                    p.normal_()
            once = _of_means(part, maps)
            added = part(torch.zeros(1, maps, 2, 2)).sum()
            if sum(each.count_nonzero() for each in torch.autograd.grad(added, own)) > maps:
                raise Wrong(f"{layer.upper()}: the bias is multiplied as well: it comes after the "
                            "coefficient")
            with torch.no_grad():
                for p in own:
                    p.mul_(-2)
            for name, before, now in zip(("coefficient", "bias"), once, _of_means(part, maps),
                                         strict=True):
                if not torch.allclose(now, -2 * before, atol=1e-4):
                    raise Wrong(f"with all numbers of {layer.upper()} times -2 its {name} is not -2 "
                                "times what it was: is it made positive, or squared?")


def _of_means(part: nn.Module, maps: int) -> tuple[Tensor, Tensor]:
    """What a subsampling multiplies the mean of a window by, and what it adds: 1 x maps x 1 x 1."""
    bias, four = (tensor(Function(part, "x")(torch.full((1, maps, 2, 2), value)), (1, maps, 1, 1),
                         "its result") for value in (0.0, 1.0))
    return four - bias, bias


def _convolves(c5: nn.Module, given: Tensor) -> None:
    """Refuse a C5 that takes maps of 5 x 5 alone, or does something else with wider ones."""
    run, wide = Function(c5, "x"), torch.randn(3, 16, 5, 9)
    try:
        places = [tensor(run(wide[..., left:left + 5])).flatten(1) for left in range(5)]
        at_once = tensor(run(wide)).flatten(1)
        convolves = given.dim() == 4 and torch.allclose(
            at_once, torch.stack(places, 2).flatten(1), atol=1e-4)
    except (Wrong, RuntimeError):  # it raises, or gives another number of values
        convolves = False
    if not convolves:
        raise Wrong("C5 is a dense layer, or one for maps of 5 x 5 alone: right at 32 x 32, but the "
                    "paper's is a convolution, which makes 120 x 1 x 5 of the wider 16 x 5 x 9")


def _by_paper(f6: Tensor, distances: Tensor, y: Tensor) -> None:
    """The distances to the glyphs are what the net gives."""
    glyphs = torch.tensor(paper.GLYPHS).double().flatten(1)
    right = (f6.unsqueeze(1) - glyphs).square().sum(2)
    if f6.shape != (3, 84) or distances.shape != right.shape:
        raise Wrong(f"of three pictures the output makes {by(distances.shape)}, and should make 3 x 10")
    if not torch.allclose(distances, right, rtol=1e-4):
        raise Wrong("what the output gives are not the squared distances to the ten glyphs")
    if not (y.shape == right.shape and torch.allclose(y, right, rtol=1e-4)):
        raise Wrong(
            "the net gives the distances with their signs turned over; the smallest should win"
            if y.shape == right.shape and torch.allclose(-y, right, rtol=1e-4)
            else f"the net should give the ten distances, and gives {by(y.shape) or 'one number'} "
                 "that are something else")


def what_acts(layer: nn.Module, outputs: int, maps: int, size: int,
               when: str) -> tuple[Tensor, Tensor]:
    """The kernels, outputs x maps x size x size, and the biases by which it acts, whatever it holds."""
    single = torch.eye(maps * size * size).view(-1, maps, size, size)  # one pixel of one map a picture
    function, name = Function(layer, "x"), f"{when}, its result"
    shape = outputs, 1, 1
    empty = tensor(function(torch.zeros(1, maps, size, size)), (1, *shape), name)
    lit = tensor(function(single), (len(single), *shape), name)
    kernels = (lit - empty).flatten(1).T.reshape(outputs, maps, size, size)
    return torch.where(kernels.abs() < 1e-5, 0, kernels), empty.flatten()
