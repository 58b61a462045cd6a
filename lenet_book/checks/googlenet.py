"""Chapter 14: two budgets, the naive module, the module, the loss with auxiliary heads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial

import torch
import torch.nn.functional as F

from . import inception
from .acting_parameters import gradients_arrive, with_gradients
from .answers import compare, known, tensor, whole
from .bottleneck import check_width
from .calls import Function
from .exercise import exercise
from .nets import compare_nets
from .verdict import Wrong


@exercise(chapter=14, number=1, level="easy", minutes=3)
def convolution_for_a_module(answer) -> str:
    """Maps of a plain 3 x 3 that costs no more multiply-adds than module 3a."""
    known(whole(answer, "the number of maps", {
        163_328 / 1728: "94.5 would cost as much as the module: how many whole maps are that at most?",
    }), 94, {
        95: "95 maps cost 164,160 weights, more than the module's 163,328",
        850: "a 3 x 3 kernel has nine weights for each map that it reads",
        851: "a 3 x 3 kernel has nine weights for each map that it reads",
        283: "a 3 x 3 kernel has nine weights for each pair of maps, not three",
        284: "a 3 x 3 kernel has nine weights for each pair of maps, not three",
        34: "that is for a kernel of 5 x 5",
        256: "that is what the module gives out; a plain 3 x 3 of so many costs 442,368 weights",
        224: "that is the naive module's price, 387,072 weights",
        223: "that is the naive module's price, 387,072 weights",
        128: "the module's own 3 x 3 reads 96 maps; this one reads all 192",
        70: "the plain 3 x 3 reads 192 maps; 256 are what the module gives out",
        93: "that fits, but it is not the most: more maps cost no more than the module, either",
        18147: "it reads 192 maps, not one",
        189: "that is for a kernel that reads 96 maps; this one reads 192",
    }, "the places are the same, so compare weights: those of one of its maps with the module's")
    return "94, where the module gives out 256: cheap 1 x 1 and reductions make room"


@exercise(chapter=14, number=2, level="medium", minutes=5)
def widest_useful_reduction(answer) -> str:
    """The largest width of 3a's 5 x 5 reduction at which the path costs less than without."""
    check_width(answer)
    return ("154 of 192: it pays once it leaves out about a fifth of the maps. A map of the reduction "
            "costs 192 weights itself and 25 * 32 in the 5 x 5")


_SIZES = {  # words of PyTorch's on maps that do not fit, and what they mean here
    "must match except in dimension 1": "a path does not keep the size: a kernel of k needs a padding "
                                        "of k // 2, the pooling stride 1 and padding 1",
    "channels, but got": "a layer is given other maps than those that it reads: every path begins with "
                         "x, and goes on with what the layer before has given",
    "must match the size of tensor": "the paths are added up, and should be joined along the channels, "
                                     "axis 1",
    "stack expects each tensor": "torch.stack lays maps along a new axis, and they should be joined "
                                 "along the channels, axis 1",
    "must match except in dimension": "maps are joined along the channels, axis 1",
}


_LOSSES = {  # words of a refusal where a loss is asked, and what is to do
    "must be a number, not [": "add the three losses up",
    "must be a number, not (": "add the three losses up",
    "must be a number, not {": "add the three losses up",
    "not a row of 3 numbers": "add the three losses up",
    "not a row of 4 numbers": "take the mean over the batch",
}


@contextmanager
def _in_words(table: Mapping[str, str]) -> Iterator[None]:
    """Within, a refusal in which there are words of this table is preceded by what they mean here."""
    try:
        yield
    except Wrong as wrong:
        for words, said in table.items():
            if words in str(wrong):
                raise Wrong(f"{said} ({wrong})") from None
        raise


@exercise(chapter=14, number=3, level="medium", minutes=8)
def naive_inception(answer) -> str:
    """x, w1, w3, w5 -> the naive module's joined maps."""
    def paths(x, *weights, relu=F.relu, bare=None, pooled=None):
        maps = [F.conv2d(x, w, padding=w.shape[3] // 2) for w in weights]
        maps = [each if place == bare else relu(each) for place, each in enumerate(maps)]
        return [*maps, F.max_pool2d(x, 3, 1, 1) if pooled is None else pooled(x)]

    def joined(*case, order=(0, 1, 2, 3), **changes):
        found = paths(*case, **changes)
        return torch.cat([found[which] for which in order], 1)

    def chain(x, *weights):  # one after the other: only where the numbers of maps allow it
        for w in weights:
            x = F.relu(F.conv2d(x, w, padding=w.shape[-1] // 2))
        return x

    cases = [(torch.randn(n, c, *size).double() - 1, torch.randn(a, c, 1, 1).double(),
              torch.randn(b, c, 3, 3).double(), torch.randn(d, c, 5, 5).double())
             for n, c, size, (a, b, d) in (
                 (2, 5, (9, 7), (6, 7, 4)), (1, 3, (6, 8), (3, 3, 3)), (3, 1, (5, 5), (2, 1, 4)))]
    mistakes = {
        "the pooling is missing": lambda *case: joined(*case, order=(0, 1, 2)),
        **inception.other_orders(lambda order: lambda *case: joined(*case, order=order)),
        "each convolution needs a ReLU": lambda *c: joined(*c, relu=lambda x: x),
        **{f"the {k} x {k} needs a ReLU behind it, too": lambda *c, bare=bare: joined(*c, bare=bare)
           for bare, k in enumerate((1, 3, 5))},
        "a ReLU stands behind the pooling, and none belongs there": lambda *c: joined(
            *c, pooled=lambda x: F.relu(F.max_pool2d(x, 3, 1, 1))),
        "the pooling takes the mean, and should take the maximum": lambda *c: joined(
            *c, pooled=lambda x: F.avg_pool2d(x, 3, 1, 1)),
        "zeros around the image win over its negative numbers: give the pooling its own padding":
            lambda *c: joined(*c, pooled=lambda x: F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 1)),
        "the input is passed on as it is, and should be pooled": lambda *c: joined(
            *c, pooled=lambda x: x),
        "the pooling is 3 x 3, and this is 5 x 5": lambda *c: joined(
            *c, pooled=lambda x: F.max_pool2d(x, 5, 1, 2)),
        "the ReLU stands in front of the convolutions, and should stand behind them":
            lambda x, *w: joined(F.relu(x), *w, relu=lambda y: y,
                                 pooled=lambda _: F.max_pool2d(x, 3, 1, 1)),
        "the convolutions read the pooled maps, and should read x": lambda x, *w: joined(
            F.max_pool2d(x, 3, 1, 1), *w, pooled=lambda y: y),
        "the paths are added up, and should be joined": lambda *case: sum(paths(*case)),
        "the paths run one after the other, and should run side by side": chain,
        "maps are joined along the channels, axis 1": lambda *case: torch.cat(paths(*case), 2),
        "maps are joined along the channels, axis 1, and not along the examples":
            lambda *case: torch.cat(paths(*case), 0),
        "the kernels are turned": lambda x, *w: joined(x, *(each.flip(2, 3) for each in w)),
        "the kernels' rows and columns are swapped": lambda x, *w: joined(
            x, *(each.transpose(2, 3) for each in w)),
    }
    with _in_words(_SIZES):
        once, again = (tensor(function(*cases[0]), name="its result") for function in [
            Function(answer, "x w1 w3 w5")] * 2)
        if not torch.allclose(once, again):
            raise Wrong("called twice it gives two results: something in it is drawn at random, as the "
                        "weights and the bias of a new nn.Conv2d are")
        compare(answer, joined, cases, "x w1 w3 w5", mistakes)
    _lets_gradients_back(answer, "x w1 w3 w5", cases[0])
    return "the pooling adds as many maps as came in: that is what piles up from module to module"


def _lets_gradients_back(answer, arguments: str, given: tuple, *others) -> None:
    """Refuse a function from whose result no gradient goes back to each of the tensors given."""
    given = [each.clone().requires_grad_() for each in given]
    with with_gradients():
        result = Function(answer, arguments)(*given, *others)
    gradients_arrive(result, {
        name: [each] for name, each in zip(arguments.split(), given, strict=False)})


@exercise(chapter=14, number=4, level="hard", minutes=15)
def inception_module(answer) -> str:
    """Seven numbers of maps -> an Inception module with its reductions."""
    with _in_words(_SIZES):
        compare_nets(answer, inception.Inception, _maps(), " ".join(inception.NAMES),
                     inception.MISTAKES,
                     in_training="right in evaluation mode, but in training mode it answers otherwise: "
                                 "dropout and normalisation have no place in the module")
    return "nine of these, with poolings between them, are most of GoogLeNet"


@cache
def _maps() -> list[tuple]:
    """The seven numbers of two modules, and what these read."""
    return [(*widths, torch.randn(2, widths[0], *size, device="cpu").double()) for widths, size in (
        ((5, 6, 3, 7, 2, 4, 8), (9, 7)), ((12, 2, 10, 4, 11, 3, 5), (4, 6)))]


@exercise(chapter=14, number=5, level="medium", minutes=6)
def loss_with_heads(answer) -> str:
    """logits, head_4a, head_4d, labels -> the loss that GoogLeNet is trained with."""
    def right(logits, one, other, labels, main=1.0, first=0.3, second=0.3, loss=F.cross_entropy):
        return (main * loss(logits, labels) + first * loss(one, labels)
                + second * loss(other, labels)).item()

    wrong = partial(partial, right)

    cases = [(*(2 * torch.randn(n, classes).double() for _ in range(3)), torch.randint(classes, (n,)))
             for n, classes in ((4, 10), (1, 5), (7, 1000), (3, 2))]
    names = "logits head_4a head_4d labels"
    mistakes = {
        "head_4a enters twice, and head_4d not at all": lambda logits, one, other, labels: right(
            logits, one, one, labels),
        "head_4d enters twice, and head_4a not at all": lambda logits, one, other, labels: right(
            logits, other, other, labels),
        "logits and head_4a are exchanged: the logits' loss counts 1":
            lambda logits, one, other, labels: right(one, logits, other, labels),
        "logits and head_4d are exchanged: the logits' loss counts 1":
            lambda logits, one, other, labels: right(other, one, logits, labels),
        "the heads do not enter": wrong(first=0, second=0),
        "the net's own loss is missing": wrong(main=0),
        "the head at 4d is missing": wrong(second=0), "the head at 4a is missing": wrong(first=0),
        "all three count alike; each head counts 0.3": wrong(first=1, second=1),
        "the head at 4d counts 1; 0.3 is for each of the two": wrong(second=1),
        "the head at 4a counts 1; 0.3 is for each of the two": wrong(first=1),
        "0.3 is for the heads alone; the net's own loss counts 1": wrong(main=0.3),
        "0.3 is for each head, not for the two together": wrong(first=0.15, second=0.15),
        "0.3 is for the heads, and the rest is not taken from the net: its loss counts 1":
            wrong(main=0.4),
        "0.7 and 0.3 add up to 1, but the net's own loss counts 1": wrong(main=0.7),
        "0.7 and twice 0.15 add up to 1, but the net's own loss counts 1, and each head 0.3":
            wrong(main=0.7, first=0.15, second=0.15),
        "the 0.3 is on the wrong side: the net's own loss counts 1, each head 0.3":
            wrong(main=0.3, first=1, second=1),
        "the sum is divided by its weights, 1.6, and should not be":
            wrong(main=1 / 1.6, first=0.3 / 1.6, second=0.3 / 1.6),
        "the three are averaged; the net's own loss counts 1, each head 0.3":
            wrong(main=1 / 3, first=1 / 3, second=1 / 3),
        "the losses are added over the batch, and should be averaged": wrong(
            loss=lambda x, y: F.cross_entropy(x, y, reduction="sum")),
        "cross_entropy has the softmax in itself; here it is taken twice": wrong(
            loss=lambda x, y: F.cross_entropy(x.softmax(1), y)),
        "cross_entropy has the softmax in itself; of the heads' logits it is taken twice":
            lambda a, b, c, labels: right(a, b.softmax(1), c.softmax(1), labels),
        "the logarithm is missing: nll_loss takes log-probabilities, not probabilities":
            wrong(loss=lambda x, y: F.nll_loss(x.softmax(1), y)),
        **{f"each head counts 0.3, and here {much}": wrong(first=much, second=much)
           for much in (0.6, 0.03, 3)},
        "0.3 belongs in front of each head's loss, not of its logits":
            lambda a, b, c, labels: right(a, 0.3 * b, 0.3 * c, labels, first=1, second=1),
        "the heads' losses are taken away, and should be added": wrong(first=-0.3, second=-0.3),
        "the logits are no log-probabilities: cross_entropy takes them, nll_loss does not":
            wrong(loss=F.nll_loss),
        "the sign is turned over": wrong(main=-1, first=-0.3, second=-0.3),
        "the logits are added before the loss is taken; add the losses": lambda a, b, c, labels:
            F.cross_entropy(a + 0.3 * b + 0.3 * c, labels).item(),
        "the loss is taken of the mean of the heads' logits; each head has a loss of its own":
            lambda a, b, c, labels: right(a, (b + c) / 2, b, labels, second=0),
        "the loss is taken of the mean of the heads' logits, twice; each head has a loss of its own":
            lambda a, b, c, labels: right(a, (b + c) / 2, b, labels, first=0.6, second=0),
        "the loss is taken of the sum of the heads' logits; each head has a loss of its own":
            lambda a, b, c, labels: right(a, b + c, b, labels, second=0),
    }
    with _in_words(_LOSSES):
        compare(answer, right, cases, names, mistakes)
    _lets_gradients_back(answer, names, cases[0][:3], cases[0][3])
    return "when training is over the heads are thrown away, and the first term is what counts"
