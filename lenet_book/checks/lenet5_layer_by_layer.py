"""Chapter 06: what 61,706 parameters lack, C3's table, a layer by it, the loss, the whole net."""

import dis
from types import CodeType

import torch
import torch.nn.functional as F
from torch import nn

from .. import paper
from ..arguments import shown
from .acting_parameters import gradients_arrive
from .answers import compare, numbers, several, tensor, whole
from .calls import Function, net
from .exercise import exercise
from .layers_of_1998 import runs_as_the_paper_says, what_acts
from .verdict import Wrong

_LOST = {  # what 61,706 has more than 60,000, and errors
    "C3": (900, {2416: "2,416 is what a dense C3 has; how many more than the paper's?",
                 -900: "the sign is turned over: 61,706 minus 60,000 is asked",
                 36: "36 kernels are more; how many numbers are they?",
                 916: "both have 16 biases", 1516: "that is what the paper's C3 has"}),
    "subsampling": (-44, {44: "today's has fewer: a negative number", -12: "S4 is there as well",
                          -32: "S2 is there as well", -22: "each map has a coefficient and a bias",
                          0: "the paper's has a coefficient and a bias for each map, today's nothing"}),
    "the output": (850, {840: "Linear(84, 10) has biases, too",
                         10: "the 840 of the RBF are fixed, and not among the 60,000",
                         -850: "the sign is turned over: 61,706 minus 60,000 is asked",
                         -840: "the 840 of the RBF are fixed, and not among the 60,000",
                         0: "the paper's output has none that are trained, Linear(84, 10) has"}),
}


@exercise(chapter=6, number=1, level="easy", minutes=4)
def lost_since_1998(answer) -> str:
    """How many more parameters 61,706 has at C3, at the subsampling and at the output."""
    given = numbers(answer, [f"the number at {name}" for name in _LOST])
    asked = tuple(right for right, _ in _LOST.values())
    if given != asked and sorted(given) == sorted(asked):
        raise Wrong(f"the three numbers are right, and not in the order {', '.join(_LOST)}")
    for said, (name, (right, mistakes)) in zip(given, _LOST.items(), strict=True):
        if said != right:
            raise Wrong(f"{name}: " + mistakes.get(
                said, f"not {said:g}; count its parameters in both nets"))
    return "900 - 44 + 850 = 1,706: the table, the trained subsampling and the RBF are lost"


@exercise(chapter=6, number=2, level="easy", minutes=3)
def table_of_pairs(answer) -> str:
    """Six maps of C3, each of which reads two neighbouring maps of S2, in a ring."""
    pairs = []
    for place, entry in enumerate(several(answer, 6, "the table")):
        pair = [whole(each, f"each map that map {place} reads")
                for each in several(entry, 2, f"entry {place}")]
        if strange := [each for each in pair if not 0 <= each <= 5]:
            raise Wrong(f"map {place} of C3 reads map {strange[0]}, and those of S2 are 0 to 5")
        if pair[0] == pair[1]:
            raise Wrong(f"map {place} of C3 reads map {pair[0]} twice")
        if (pair[0] - pair[1]) % 6 not in (1, 5):
            raise Wrong(f"map {place} of C3 reads {pair[0]} and {pair[1]}, which are no neighbours")
        if set(pair) in pairs:
            raise Wrong(f"maps {pairs.index(set(pair))} and {place} of C3 read the same two")
        pairs.append(set(pair))
    return "twelve kernels, (5*5*2 + 1) * 6 = 306 parameters; every map of S2 is read twice"


@exercise(chapter=6, number=3, level="medium", minutes=15)
def table_layer(answer) -> str:
    """A class: table, kernel_size -> a layer of as many output maps as the table has entries."""
    if isinstance(answer, nn.Module):
        raise Wrong("hand over the class, without brackets: the check makes layers of its own")
    if not callable(answer):
        raise Wrong(f"this must be a class that inherits from nn.Module, not {shown(answer)}")
    make = Function(answer, "table kernel_size", or_class=True)
    for table, size in ((paper.C3_CONNECTIONS, 5), (((1, 3), (0,), (2, 0, 3), (3, 1)), 3),
                        (((0,),), 1)):
        layer = net(make(table, size), "what it makes")
        _by_table(layer, table, size, f"with {'the table of C3' if size == 5 else f'table {table}'}")
    return "it holds 1,516 numbers for the paper's table, and works by any other"


def _by_table(layer: nn.Module, table, size: int, when: str) -> None:
    """Refuse what is no convolution by this table, with one kernel an entry and one bias a map."""
    for kind in (kind for part in layer.modules() for kind in type(part).__mro__):
        if kind.__module__ == "lenet_book.layers":
            raise Wrong(f"{kind.__name__} is the book's, and may not be used, nor derived from; write "
                        "the layer yourself")
        codes = filter(None, (getattr(method, "__code__", None) for method in vars(kind).values()))
        if any(_uses(code, "partial_convolution") for code in codes):
            raise Wrong("partial_convolution is the page's, and may not be used; write the sums over "
                        "the table yourself")
    own = [p for p in layer.parameters() if p.requires_grad]
    _count_by_table(sum(p.numel() for p in own), table, size, when)
    maps = 1 + max(map(max, table))
    at_first, _ = what_acts(layer, len(table), maps, size, when)
    for p in own:
        if p.numel() > len(table) and not len(p.unique()) > p.numel() // 2:
            raise Wrong("its kernels begin with equal numbers: draw them at random, as nn.Conv2d does")
        with torch.no_grad():  # from here on it does not count how they began
            p.normal_()
    kernels, bias = what_acts(layer, len(table), maps, size, when)
    if kernels.any() and torch.allclose(kernels, at_first, atol=1e-5):
        raise Wrong("its parameters have changed, and what it computes has not: what is made from the "
                    "kernels, such as a dense stack, must be made anew in forward")
    for output, inputs in enumerate(table):
        for source in range(maps):
            if (source in inputs) != bool(kernels[output, source].any()):
                raise Wrong(f"{when}, output map {output} " + (
                    f"does not read map {source}, and should" if source in inputs
                    else f"reads map {source}, and should not"))
    if not bias.any():
        raise Wrong(f"{when}, it holds a bias for each output map, and adds none of them")
    held = torch.cat([p.detach().flatten().double() for p in own]).sort().values
    acts = torch.cat([kernels[kernels != 0], bias]).sort().values
    if held.shape != acts.shape or not torch.allclose(held, acts, atol=1e-4):
        raise Wrong(f"{when}, some of its numbers do no work and others do it twice, or its results "
                    "are scaled or squashed; add up products and a bias, and nothing more: "
                    "each map that an output map reads has a kernel of its own, each output map a bias")
    x = torch.randn(2, maps, size + 2, size + 4)
    result = Function(layer, "x", {
        "dense_weight": "it is the book's SparseConv2d; write the layer yourself"})(x)
    y = tensor(result, (2, len(table), 3, 5), f"{when}, its result")
    if not torch.allclose(y, F.conv2d(x.double(), kernels, bias), atol=1e-3):
        raise Wrong(f"{when}, it is no convolution: a kernel acts otherwise at another place")
    gradients_arrive(result, {f"self.{name}": [p] for name, p in layer.named_parameters()})


def _uses(code: CodeType, function: str) -> bool:
    """Is this function of the page's named here? Another method of that name is no such thing."""
    named = function in code.co_names and any(
        step.opname == "LOAD_GLOBAL" and step.argval == function for step in dis.get_instructions(code))
    inside = (each for each in code.co_consts if isinstance(each, CodeType))  # a comprehension's
    return named or any(_uses(each, function) for each in inside)


def _count_by_table(has: int, table, size: int, when: str) -> None:
    entries, outputs, square = sum(map(len, table)), len(table), size * size
    right = entries * square + outputs
    dense = outputs * (1 + max(map(max, table))) * square
    said = {
        0: "it has no parameters: only nn.Parameter, or layers in an nn.ModuleList, are found in it",
        entries * square: f"no map has a bias: {has:,} parameters for {right:,}",
        entries * square + 1: f"there is one bias in all, and should be one for each of {outputs} maps",
        entries * square + entries: f"there is a bias for each of the {entries} kernels, and should be "
                                    f"one for each of {outputs} maps",
        dense + outputs: f"it holds {has:,} numbers as a dense layer does, and should hold {right:,}: "
                         f"{entries} kernels",
        outputs * square + outputs: f"a map has the same kernel for all maps that it reads: {has:,} "
                                    f"parameters for {right:,}",
        outputs: "its kernels are not among its parameters: a tensor is found as an nn.Parameter",
    }
    if has != right:
        raise Wrong(f"{when}, " + said.get(
            has, f"it has {has:,} parameters, not {right:,}: {entries} kernels of {size} x {size} and "
                 f"{outputs} biases"))


@exercise(chapter=6, number=4, level="medium", minutes=12)
def map_criterion(answer) -> str:
    """f6, codes, labels, j -> the mean of the paper's loss over the pictures."""
    def distances(f6, codes):
        return (f6.unsqueeze(1) - codes).square().sum(2)

    def loss(y, labels, j, terms=lambda y, labels: y, mean=True):
        right = y.gather(1, labels.unsqueeze(1)).squeeze(1)
        rubbish = torch.full((len(y), 1), -1.0 * j, dtype=y.dtype)
        each = right + torch.cat([rubbish, -terms(y, labels)], 1).logsumexp(1)
        return each.mean() if mean else each

    def right(f6, codes, labels, j):
        return loss(distances(f6.double(), codes.double()), labels, j)

    def others(y, labels):
        return y.scatter(1, labels.unsqueeze(1), torch.inf)

    cases = [(torch.randn(n, size) * 0.5, torch.randn(classes, size) * 0.5,  # float32, as the page's
              torch.randint(classes, (n,)), j)
             for n, size, classes, j in ((1, 4, 3, 1.0), (5, 4, 3, 0.5), (3, 6, 10, 2.0),
                                         (4, 9, 2, 4.0))]
    compare(answer, right, cases, "f6 codes labels j", {
        "the distances are not squared: they are sums of squares, without a root":
            lambda f, c, d, j: loss(distances(f, c).sqrt(), d, j),
        "the squares are averaged over the numbers of F6, and should be added":
            lambda f, c, d, j: loss(distances(f, c) / f.shape[1], d, j),
        "the differences are not squared":
            lambda f, c, d, j: loss((f.unsqueeze(1) - c).abs().sum(2), d, j),
        "these are products with the codes, not distances": lambda f, c, d, j: loss(f @ c.T, d, j),
        "the class rubbish is missing: e^-j":
            lambda f, c, d, j: F.cross_entropy(-distances(f, c), d),
        "the logarithm of a sum is not the sum of the logarithms: e^-j belongs inside, beside the e^-y":
            lambda f, c, d, j: (F.cross_entropy(-distances(f, c), d) - j),
        "rubbish stands before the ten, and the labels still count from 0":
            lambda f, c, d, j: F.cross_entropy(F.pad(-distances(f, c), (1, 0), value=-j), d),
        "in the logarithm stands j, and should stand e^-j":
            lambda f, c, d, j: (distances(f, c)[range(len(f)), d] + torch.log(
                j + (-distances(f, c)).exp().sum(1))).mean(),
        "rubbish has e^j, and should have e^-j": lambda f, c, d, j: right(f, c, d, -j),
        "the right class is missing in the sum, which goes over all classes":
            lambda f, c, d, j: loss(distances(f, c), d, j, others),
        "the second term is missing: it is what pushes the wrong distances up":
            lambda f, c, d, j: distances(f, c)[range(len(f)), d].mean(),
        "the first term is missing: it is what pulls the right distance down":
            lambda f, c, d, j: (loss(distances(f, c), d, j, mean=False)
                                - distances(f, c)[range(len(f)), d]).mean(),
        "the signs of the distances are turned over: the smallest wins":
            lambda f, c, d, j: loss(-distances(f, c), d, j),
        "the losses of the pictures are added, and should be averaged":
            lambda *case: right(*case) * len(case[0]),
        "there is a loss for each picture; their mean is asked":
            lambda f, c, d, j: loss(distances(f, c), d, j, mean=False),
        "the right distances are those of the first picture's class alone":
            lambda f, c, d, j: loss(distances(f, c), d[:1].expand(len(f)), j),
        "[:, labels] takes every label's column in every row; each row has one label of its own":
            lambda f, c, d, j: distances(f, c)[:, d].mean() + (
                right(f, c, d, j) - distances(f, c)[range(len(f)), d].mean()),
        "the nearest code's distance stands where the right one's should":
            lambda f, c, d, j: loss(distances(f, c), distances(f, c).argmin(1), j),
        "the second term is taken away, and should be added":
            lambda f, c, d, j: (2 * distances(f, c)[range(len(f)), d]
                                - loss(distances(f, c), d, j, mean=False)).mean(),
        "in the sum stand e^y and e^j, and should stand e^-y and e^-j":
            lambda f, c, d, j: loss(distances(f, c), d, -j, lambda y, labels: -y),
        **{f"j is {always}, whatever is given": lambda f, c, d, j, always=always: right(f, c, d, always)
           for always in (1, 3)},
        "in the sum stands e^y, and should stand e^-y":
            lambda f, c, d, j: loss(distances(f, c), d, j, lambda y, labels: -y),
        "the sign is turned over": lambda *case: -right(*case),
    }, {"map_loss": "write the formula yourself"})
    function = Function(answer, "f6 codes labels j")
    f6, codes, labels, _ = cases[2]
    for large, times, j in (("the distances are", 40, 3.0), ("j is", 1, 2000.0),
                            ("the distances and j are", 40, 2000.0)):
        case = times * f6, times * codes, labels, j
        found, wanted = function(*case).detach().double(), right(*case)
        if not torch.allclose(found, wanted, rtol=1e-4):
            raise Wrong(f"right for small numbers, but where {large} some thousands it gives "
                        f"{found.item():g}, not {wanted.item():g}: " + (
                            "an e^ is infinite there; of all exponents, -j too, take out the largest"
                            if found.isnan() or found == torch.inf else
                            "each e^ is 0 there, or a number is cut off"))
    _its_gradient(function, cases[2], right)
    return "it stays right where e^-y and e^-j are 0, and its gradient reaches F6"


def _its_gradient(function: Function, case: tuple, right) -> None:
    f6, *others = case
    mine, theirs = f6.clone().requires_grad_(), f6.clone().requires_grad_()
    gradients_arrive(function(mine, *others), {"F6": [mine]})
    given, = torch.autograd.grad(function(mine, *others), mine)
    expected, = torch.autograd.grad(right(theirs, *others), theirs)
    if not torch.allclose(given, expected, rtol=1e-4, atol=1e-5):
        raise Wrong("the number is right, but the gradient that goes back to F6 is another one: a part "
                    "of the sum is cut off from it")


@exercise(chapter=6, number=5, level="medium", minutes=10)
def whole_lenet5(answer) -> str:
    """A net with the layers c1, s2, c3, s4, c5, f6 and output: LeNet-5 of 1998, 60,000 parameters."""
    mine = net(answer)
    names = [layer.name.lower() for layer in paper.LAYERS]
    for kind in (kind for part in mine.modules() for kind in type(part).__mro__):
        if kind.__module__.startswith("lenet_book.models"):
            raise Wrong(f"{kind.__name__} is the book's; put the net together yourself")
    for name, layer in zip(names, paper.LAYERS, strict=True):
        part = getattr(mine, name, None)
        if not isinstance(part, nn.Module):
            raise Wrong(f"it has no layer self.{name}" if part is None else
                        f"self.{name} must be a layer, not {shown(part)}")
        has = sum(p.numel() for p in part.parameters() if p.requires_grad)
        if has != layer.trainable:
            raise Wrong(f"{layer.name} has {has:,} trainable parameters, and in the paper "
                        f"{layer.trainable:,}" + _AS_ELSEWHERE.get((name, has), ""))
    total = sum(p.numel() for p in mine.parameters() if p.requires_grad)
    if total != paper.TRAINABLE_PARAMETERS:
        raise Wrong(f"the seven layers have 60,000 trainable parameters, but the net has {total:,}: "
                    "something else in it has some, too")
    runs_as_the_paper_says(mine, names)
    return "60,000 trainable parameters, and every layer can compute what the paper's does"


_AS_ELSEWHERE = {
    ("c3", 2416): ": it reads all maps", ("output", 840): ": the codes are fixed",
    ("output", 850): ": it compares with fixed codes, and is no dense layer",
    ("s2", 0): ": a coefficient and a bias for each map",
    ("s4", 0): ": a coefficient and a bias for each map",
    ("c1", 150): ": the biases are missing", ("c3", 1500): ": the biases are missing",
    ("c5", 48_000): ": the biases are missing", ("f6", 10_080): ": the biases are missing",
}
