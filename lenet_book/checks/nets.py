"""Nets that a reader's function makes: have they the right weights, and give the right answers?"""

import copy
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..arguments import shown
from ..tables import by
from .acting_parameters import gradients_arrive, with_gradients
from .answers import compare, tensor
from .calls import Function, _is_stub
from .verdict import NotYet, Wrong

OTHER_ACTIVATIONS = {  # what stands where a ReLU should
    "a tanh": nn.Tanh(), "a sigmoid": nn.Sigmoid(), "a leaky ReLU": nn.LeakyReLU(),
    "ReLU6, which ends at 6,": nn.ReLU6(), "GELU": nn.GELU(), "SiLU": nn.SiLU(), "ELU": nn.ELU(),
    "softplus": nn.Softplus(), "SELU": nn.SELU(), "Mish": nn.Mish(), "the hard tanh": nn.Hardtanh(),
    "the hard swish": nn.Hardswish(),
}
OTHER_BORDERS = "reflect", "replicate", "circular"  # what nn.Conv2d puts where zeros should be


def compare_nets(answer, right: Callable, cases: Sequence[tuple], arguments: str,
                 mistakes: Mapping[str, Callable], in_training: str,
                 without: Mapping[str, str] | None = None) -> None:
    """Does the reader's function make the right nets? If not, raise Wrong with what is wrong.

    Like `answers.compare`, but that the functions make nets. Both nets get the same weights, in
    whatever order they were made, and must answer alike; a gradient must reach all of them. cases: what
    both functions are called with, and last what the nets then read. in_training: they must agree in
    training mode too, with the same random numbers; this is said where they do not, and no mistake
    fits. What the nets of `right` and of the mistakes answer is kept, by these functions and images
    themselves: they must be the same ones in every call.
    """
    if isinstance(answer, nn.Module):
        raise Wrong("this is a net; hand over what makes it, without brackets")
    make = Function(answer, arguments, without, or_class=True)
    pairs = []  # of nets, the reader's and the right one
    for *given, image in cases:
        pairs.append((_net(make(*given), image), _made(right, *given)))
        found, wanted = map(_weights, pairs[-1])
        if found != wanted:
            for said, mistaken in mistakes.items():
                if all(_weights(mine) == _weights_of(mistaken, *case[:-1])
                       for (mine, _), case in zip(pairs, cases, strict=False)):
                    raise Wrong(said)
            if norm := _normalisation(pairs[-1][0]):
                raise Wrong(f"{norm} stands in the net, and none is asked for")
            raise Wrong(f"{make.case(given)} {_difference(found, wanted)}")
    for mine, wanted in pairs:
        for stride in _strides(mine) - _strides(wanted):
            taken = "" if _paddings(wanted) <= _paddings(mine) else (
                ": what nn.Conv2d takes behind the size of the kernel is the stride, not the padding")
            raise Wrong(f"a convolution has stride {stride}, and none should have that{taken}")
    once, again = (_answer(pairs[0][0], cases[0][-1], seed=seed) for seed in (0, 1))
    if not torch.equal(once, again):
        raise Wrong("asked twice, its net gives two answers, though it is in evaluation mode: dropout "
                    "stays on")

    mine, made_with = [net for net, _ in pairs], [case[:-1] for case in cases]
    answered = {made_with[0]: once}  # for the comparison, but not where a call is repeated

    def compared(training):
        def answers(*case):
            if not training and case[:-1] in answered:
                return answered.pop(case[:-1])
            return _answer(mine[made_with.index(case[:-1])], case[-1], training)

        def answers_of(make):
            return lambda *case: _answer_of(make, right, case, training)

        compare(answers, answers_of(right), cases, arguments if training else f"{arguments} image",
                {said: answers_of(mistaken) for said, mistaken in mistakes.items()})

    compared(training=False)
    try:
        compared(training=True)
    except Wrong as wrong:
        raise Wrong(str(wrong) if str(wrong) in mistakes else in_training) from None
    weights = {}
    for group in _groups(mine[0].eval()):
        weights.setdefault(f"the weights of {by(_shape(group[0]))}", []).extend(group)
    with with_gradients():
        result = Function(mine[0], "image")(cases[0][-1])
    gradients_arrive(result, weights)


@cache
def _made(make: Callable, *given) -> nn.Module:
    return make(*given)


@cache
def _weights_of(make: Callable, *given) -> Counter:
    return _weights(_made(make, *given))


@cache
def _answer_of(make: Callable, right: Callable, case: tuple, training: bool) -> Tensor | None:
    """What the net that this function makes answers; None where its weights are not the right ones."""
    *given, image = case
    if _weights_of(make, *given) == _weights_of(right, *given):
        return _answer(_made(make, *given), image, training)
    return None


def _net(result, image: Tensor) -> nn.Module:
    """A copy of the net that the reader's function has made, lazy layers made for this image."""
    if isinstance(result, type):
        raise Wrong(f"it returns the class {result.__name__}; call it, so that it makes a net")
    if not isinstance(result, nn.Module) or isinstance(result, nn.ModuleList):
        hint = "; nn.Sequential(*layers) makes one of them" if isinstance(
            result, list | tuple | nn.ModuleList) else ""
        raise Wrong(f"it must return a net, not {shown(result)}{hint}")
    if _is_stub(result):
        raise NotYet
    for kind in (kind for part in result.modules() for kind in type(part).__mro__):
        if kind.__module__.startswith(("lenet_book.", "torchvision.")):
            raise Wrong(f"{kind.__name__} does the work here; build it of the parts in torch.nn")
    net = copy.deepcopy(result)
    if any(isinstance(each, nn.parameter.UninitializedParameter) for each in net.parameters()):
        Function(net, "image")(image.float())
    return net


def _groups(net: nn.Module) -> list[list[Tensor]]:
    """Each layer's parameters: those with at least two axes, and what stands behind, as biases do.

    Where all the biases stand behind all the weights, the first belongs to the first, and so on.
    """
    groups, parameters = [], list(net.parameters())
    if any(parameter.is_meta for parameter in parameters):
        raise Wrong("its weights are on device meta, and have no numbers")
    half = len(parameters) // 2
    if [each.dim() > 1 for each in parameters] == [True] * half + [False] * half:
        return [list(pair) for pair in zip(parameters[:half], parameters[half:], strict=True)]
    for parameter in parameters:
        if parameter.dim() > 1 or not groups or len(groups[-1]) > 1:
            groups.append([])
        groups[-1].append(parameter)
    return groups


def _shape(parameter: Tensor) -> tuple[int, ...]:
    """Its shape; of a dense layer, that of the 1 x 1 convolution that does the same."""
    return (*parameter.shape, *[1, 1] * (parameter.dim() == 2))


def _weights(net: nn.Module) -> Counter:
    """How many layers with such weights there are."""
    return Counter(by(_shape(group[0])) + " without biases" * (len(group) == 1)
                   for group in _groups(net))


def _normalisation(net: nn.Module) -> str:
    """The kind of a layer with weights that normalises, if there is one."""
    return next((type(part).__name__ for part in net.modules()
                 if "Norm" in type(part).__name__ and [*part.parameters()]), "")


def _strides(net: nn.Module) -> set[int]:
    """Those of its convolutions."""
    return {step for part in net.modules() if isinstance(part, nn.Conv2d) for step in part.stride}


def _paddings(net: nn.Module) -> set[int]:
    """Those of its convolutions, but of none that is told "same"."""
    return {pad for part in net.modules() if isinstance(part, nn.Conv2d)
            for pad in part.padding if isinstance(pad, int)}


def _difference(mine: Counter, wanted: Counter) -> str:
    """What of the weights is wrong, in words."""
    if not mine:
        return ("it has no weights that PyTorch finds: no layer is made in __init__, or they stand in "
                "a list, in place of nn.Sequential or nn.ModuleList")
    missing, more = (list((a - b).elements()) for a, b in ((wanted, mine), (mine, wanted)))
    if not missing:
        return f"it has too many weights: {', '.join(more[:3])}"
    if more:
        return (f"it needs weights of {', '.join(missing[:2])}; in their place are "
                f"{', '.join(more[:2])}")
    if rarely := next((shape for shape in missing if mine[shape]), None):
        return (f"it needs weights of {rarely} {wanted[rarely]} times, and has {mine[rarely]}; of two "
                "layers with one name the first is lost, and a layer used twice shares them")
    return (f"it needs weights of {', '.join(missing[:2])}, too; a layer in a list, one made in "
            "forward and the first of two with one name are no parts of the net, one used twice counts "
            "once, and a loop may end too early")


def _answer(net: nn.Module, image: Tensor, training: bool = False, seed: int = 0) -> Tensor:
    """What the net gives out for the image, with weights that depend on their shapes alone."""
    net = net.double().train(training)
    times, model = Counter(), Function(net, "image")
    with torch.no_grad():
        for group in _groups(net):
            shape = _shape(group[0])
            times[shape] += 1
            draw = torch.Generator().manual_seed(hash((shape, times[shape])) % 2**32)
            group[0].normal_(std=(2 / max(1, group[0][0].numel())) ** 0.5, generator=draw)
            for bias in group[1:]:
                bias.normal_(std=0.5, generator=draw)
        torch.default_generator.manual_seed(seed)  # that of the CPU alone, which is quicker
        with _DropsByPlace():
            return tensor(model(image), name="what its net gives")


class _DropsByPlace(TorchFunctionMode):
    """Within, what dropout sets to 0 depends on the shape alone, not on the order in memory."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is nn.functional.dropout:
            args = (args[0].contiguous(), *args[1:])
        return func(*args, **(kwargs or {}))
