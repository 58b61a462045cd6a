"""Chapter 08: an interval, the loss by hand, a measurement in batches, a training that stops itself."""

from contextlib import suppress
from functools import partial
from math import log

import torch
import torch.nn.functional as F

from .answers import compare, known, number, whole
from .calls import Function
from .early_stopping import SCRIPTS, Net, Trial, check_lengths
from .exercise import exercise
from .verdict import Wrong

_BY_TORCH = dict.fromkeys(
    ("cross_entropy", "nll_loss", "log_softmax", "logsumexp", "multi_margin_loss"),
    "write the formula yourself")
_MEASURED = {"evaluate": "write the loop over the batches yourself"}


@exercise(chapter=8, number=1, level="easy", minutes=3)
def largest_error_count(answer) -> str:
    """The largest k with k + 2 sqrt(k) < 95."""
    k = number(answer)
    if 0 < k < 1:
        raise Wrong("that is a rate; the number of errors in 10,000 is asked")
    k = whole(k, otherwise="half an error cannot be made: k is a whole number, and its interval ends "
                           "below 95")
    known(k, 77, {
        78: "its interval ends at 95.7, above 95",
        76: "with one error more the interval still ends below 95",
        75: "with two errors more the interval still ends below 95; 75.5 is where the paper's begins",
        69: "69 is what a net needs to be clearly better; here only its own interval counts",
        70: "that is near the count that makes a net clearly better; here only its own interval counts",
        94: "94 is below 95, but its interval reaches to 113.4",
        95: "95 is the paper's count; the end of the interval must stay below it",
        85: "one standard deviation is the root of k; the interval reaches two of them",
        116: "its interval begins below 95, and should end there",
    }, f"its interval would end at {k + 2 * max(k, 0) ** 0.5:.1f}: find the last k for which that is "
       "below 95")
    return "77 + 2 * 8.77 = 94.5, and 78 would reach to 95.7"


@exercise(chapter=8, number=2, level="medium", minutes=10)
def cross_entropy_by_hand(answer) -> str:
    """logits N x K, labels N -> the mean cross-entropy, also where e to a logit overflows."""
    def right(logits, labels):
        return F.cross_entropy(logits.double(), labels).item()

    def of_pairs(logits, labels):  # every label's column in every row
        return -logits.log_softmax(1)[:, labels].mean().item()

    def probability(logits, labels):
        return logits.double().softmax(1)[range(len(labels)), labels]

    def with_more(logits, labels, small, put=torch.add):
        return -put(probability(logits, labels), small).log().mean().item()

    instead = "write the logarithm of the fraction as a difference"
    numbers = [10.0**-digits for digits in range(2, 17)]
    added = {f"a small number, about {small:g}, is added inside the logarithm or replaces what is "
             f"smaller, which changes small probabilities; {instead}":
             partial(with_more, small=small) for small in numbers}
    added |= {f"probabilities below {small:g} are replaced by it; {instead}":
              partial(with_more, small=small, put=torch.clamp) for small in numbers[:5]}
    cases = [(3 * torch.randn(N, K), torch.randint(K, (N,)))  # float32, as the page's
             for N, K in ((1, 10), (3, 4), (7, 10), (5, 2), (4, 30))]
    compare(answer, right, cases, "logits labels", {
        "the losses are added up; a mean over the examples is asked":
            lambda s, y: right(s, y) * len(y),
        "the mean is taken over all N x K numbers; there is one loss an example":
            lambda s, y: right(s, y) / s.shape[1],
        "the sign is turned over: the logarithm of a probability is negative":
            lambda s, y: -right(s, y),
        "the softmax runs over the examples (dim 0); it belongs to the classes (dim 1)":
            lambda s, y: F.nll_loss(s.log_softmax(0), y).item(),
        "[:, labels] takes every label's column in every row; each row has one label of its own":
            of_pairs,
        "that is the logarithm to the base 10; the natural one is meant":
            lambda s, y: right(s, y) / log(10),
        "that is the logarithm to the base 2; the natural one is meant":
            lambda s, y: right(s, y) / log(2),
        "the logarithm of the sum is missing: this is the right logit alone":
            lambda s, y: -s.gather(1, y[:, None]).mean().item(),
        "the right logit is missing: this is the logarithm of the sum alone":
            lambda s, y: s.logsumexp(1).mean().item(),
        "the logarithm is missing: this is the mean probability":
            lambda s, y: probability(s, y).mean().item(),
        "the logarithm is missing: this is minus the mean probability":
            lambda s, y: -probability(s, y).mean().item(),
        "the logarithm is missing: this is 1 minus the mean probability":
            lambda s, y: 1 - probability(s, y).mean().item(),
        "the mean must come after the logarithm: this is that of the mean probability":
            lambda s, y: -probability(s, y).mean().log().item(),
        "the softmax is taken twice": lambda s, y: right(s.softmax(1), y),
        "the largest logit is taken from those of the sum, and not from the right one":
            lambda s, y: right(s, y) - s.amax(1).mean().item(),
        "the largest logit is taken from the right one, and not from those of the sum":
            lambda s, y: right(s, y) + s.amax(1).mean().item(),
        "the largest logit is taken away once more after the logarithm, and should be added again":
            lambda s, y: right(s, y) - 2 * s.amax(1).mean().item(),
        "the largest logit of each column is taken (dim 0); it must be that of the row (dim 1)":
            lambda s, y: right(s - s.amax(0), y),
        "this is the loss of the largest logit, whatever the label is":
            lambda s, y: right(s, s.argmax(1)),
    } | added, _BY_TORCH, within=1e-4)
    large = [(torch.randn(6, 10) * scale + shift, torch.arange(6))
             for scale, shift in ((900, 0), (1, 1000), (1, -1000))]
    for case in large:
        try:
            compare(answer, right, [case], "logits labels", added, within=1e-4)
        except Wrong as wrong:
            if str(wrong) in added:
                raise
            raise Wrong("right for small logits, but not for logits in the thousands, where e to "
                        f"them is too large, or 0 ({wrong}); write the logarithm of the fraction as a "
                        "difference: what changes in it if the same number, the largest of a row, is "
                        "taken from all its logits?") from None
    return "and it stays finite where e to the power of a logit does not"


@exercise(chapter=8, number=3, level="medium", minutes=10)
def loss_and_error(answer) -> str:
    """net, x, y, batch_size -> mean cross-entropy and error rate, in evaluation mode, in batches."""
    net = Net()

    def right(net, x, y, batch_size):
        logits = net.logits(x)
        return F.cross_entropy(logits, y).item(), (logits.argmax(1) != y).double().mean().item()

    def by_batches(net, x, y, batch_size):
        return [right(net, *part, batch_size)
                for part in zip(x.split(batch_size), y.split(batch_size), strict=True)]

    def of_means(*case):
        parts = by_batches(*case)
        return tuple(sum(each) / len(parts) for each in zip(*parts, strict=True))

    def with_loss(loss):
        """loss: of net, x, y and batch_size, beside the right error rate."""
        return lambda *case: (loss(*case), right(*case)[1])

    def summed(*case):
        return sum(loss for loss, _ in by_batches(*case))

    def in_training(net, x, y, batch_size):
        return F.cross_entropy(0.3 * net.logits(x), y).item(), right(net, x, y, batch_size)[1]

    # 7, 5 and 23 are prime: however they are split, no mean of the batches' rates is the whole rate.
    cases = [(net, *_examples(net, N, wrong), batch_size)
             for N, wrong, batch_size in ((6, 2, 3), (7, 3, 2), (5, 2, 8), (9, 4, 1), (23, 10, 8))]
    uneven = "and the batches are not all of one size"
    mistakes = {
        "the two are exchanged: first the loss, then the error rate":
            lambda *case: right(*case)[::-1],
        f"both are means of the batches' means, {uneven}: add up sums, divide once": of_means,
        f"the loss is a mean of the batches' means, {uneven}":
            with_loss(lambda *case: of_means(*case)[0]),
        f"the error rate is a mean of the batches' rates, {uneven}":
            lambda *case: (right(*case)[0], of_means(*case)[1]),
        "this is the share of right answers; the share of wrong ones is asked":
            lambda *case: (right(*case)[0], 1 - right(*case)[1]),
        "this is the number of wrong answers; their share is asked":
            lambda *case: (right(*case)[0], right(*case)[1] * len(case[2])),
        "the error rate is in %, and should be between 0 and 1":
            lambda *case: (right(*case)[0], right(*case)[1] * 100),
        "the loss is the sum over all examples, and should be their mean":
            with_loss(lambda *case: right(*case)[0] * len(case[2])),
        "the batches' mean losses are added up": with_loss(summed),
        "the batches' mean losses are added up, and then divided by the number of examples":
            with_loss(lambda *case: summed(*case) / len(case[2])),
        "each batch's mean loss is multiplied by batch_size, and the last batch has fewer examples":
            with_loss(lambda *case: summed(*case) * case[3] / len(case[2])),
        "a softmax is taken before the cross-entropy, which takes its own":
            with_loss(lambda net, x, y, _: F.cross_entropy(net.logits(x).softmax(1), y).item()),
        "argmax() is that of the whole batch; each example has its own, along dim=1":
            lambda net, x, y, size: (right(net, x, y, size)[0], sum(
                (net.logits(part).argmax() != labels).sum().item() for part, labels in
                zip(x.split(size), y.split(size), strict=True)) / len(y)),
        "both are sums over all examples, and should be means":
            lambda *case: tuple(each * len(case[2]) for each in right(*case)),
        "this is the last batch alone: add up over the batches": lambda *case: by_batches(*case)[-1],
        "this is the first batch alone: return after the loop, not in it":
            lambda *case: by_batches(*case)[0],
        "the net is in training mode, in which it computes something else": in_training,
        "the net is in training mode, and the batches' means are averaged": lambda *case: (
            sum(in_training(net, *part, 1)[0] for part in zip(
                case[1].split(case[3]), case[2].split(case[3]), strict=True))
            / len(case[1].split(case[3])), of_means(*case)[1]),
    }
    try:
        compare(answer, right, cases, "net x y batch_size", mistakes, _MEASURED)
    except Wrong as wrong:
        if said := _of_its_batches(answer, right, cases[-1], mistakes):
            raise Wrong(said) from None
        raise wrong from None
    function = Function(answer, "net x y batch_size")
    for training in (True, False):
        before = net.weight.detach().clone()
        net.runs.clear()
        net.weight.grad = torch.ones_like(net.weight)
        function(net.train(training), *cases[1][1:])
        if not net.runs:
            raise Wrong("the net that is given is not run")
        sizes = [len(x) for x, _, _ in net.runs]
        if max(sizes) > 2:
            raise Wrong(f"the net is given {max(sizes)} examples at once, where batch_size = 2"
                        + "; chunk(n) makes n batches, split(n) batches of n" * (sizes == [4, 3]))
        if any(mode for _, mode, _ in net.runs):
            raise Wrong("the net is in training mode, and dropout would go on: net.eval()")
        if any(grad for _, _, grad in net.runs):
            raise Wrong("gradients are recorded, which costs time and memory: torch.no_grad()")
        if net.training != training:
            raise Wrong(f"a net in {_mode(training)} mode is left in {_mode(not training)} mode")
        if not torch.equal(before, net.weight):
            raise Wrong("the net's weights are changed")
        if not net.weight.requires_grad:
            raise Wrong("the net's parameters stay frozen, and cannot be trained on: torch.no_grad() "
                        "records nothing and freezes nothing")
        if net.weight.grad is None or not net.weight.grad.equal(torch.ones_like(before)):
            raise Wrong("the gradients that the net holds are changed, and measuring needs none")
    return "the last batch counts by its examples, and the net is left as it was"


def _examples(net: Net, N: int, wrong: int) -> tuple[torch.Tensor, torch.Tensor]:
    """N x 1 x 2 x 3 and N labels, of which the net has so many wrong."""
    x = torch.rand(N, 1, 2, 3).double()
    return x, net.logits(x).detach().argmax(1) ^ (torch.randperm(N) < wrong)


def _of_its_batches(answer, right, case, mistakes) -> str:
    """Which mistake was made with the batches that the net was given, in whatever order they came."""
    net, x, y, batch_size = case
    net.runs.clear()
    result = None
    with suppress(Wrong):
        result = Function(answer, "net x y batch_size")(*case)
    sizes = [len(each) for each, _, _ in net.runs]
    whole_batches, rest = divmod(len(x), batch_size)
    if sizes == [batch_size] * whole_batches:
        return "the last, smaller batch is left out"
    if not sizes or sum(sizes) != len(x):
        return ""
    read = torch.cat([each.flatten(1)[:, 0] for each, _, _ in net.runs])
    order = (read[:, None] - x.flatten(1)[:, 0]).abs().argmin(1)
    split = batch_size if sizes == [batch_size] * whole_batches + [rest] else sizes
    try:
        compare(lambda *_: result, right, [(net, x[order], y[order], split)], "net x y batch_size",
                mistakes)
    except Wrong as wrong:
        return str(wrong) if str(wrong) in mistakes else ""
    return ""


def _mode(training: bool) -> str:
    return "training" if training else "evaluation"


@exercise(chapter=8, number=4, level="hard", minutes=20)
def train_with_early_stopping(answer) -> str:
    """net, training, validation, optimiser, batch_size, patience, most_epochs -> validation errors."""
    ends = []
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)  # the first one takes seconds
    for each in SCRIPTS:
        given = Trial(*each)
        ends.append(given.train(Function(answer, "net")))
    check_lengths([length for length, _ in ends])
    for (script, _, most, _), (length, kept) in zip(SCRIPTS, ends, strict=True):
        ran = script[:length]
        best = ran.index(min(ran)) + 1
        if kept != best:
            last_best = length - ran[::-1].index(min(ran))
            raise Wrong(
                "of two equally good epochs the net keeps the later, which is no better"
                if kept == last_best else
                f"the net ends with the weights of epoch {kept}, the last, and epoch {best} was the "
                "best (what state_dict() gives changes with the net, unless it is copied; what is "
                "assigned to the name net changes nothing outside)"
                if kept == length < most else
                f"the net ends with the weights of epoch {kept}, the last, and epoch {best} was the "
                "best: put its weights back where most_epochs ends the training, too"
                if kept == length else
                f"the net ends with the weights of epoch {kept}, and epoch {best} was the best"
                if kept else "the net ends with weights that no epoch had")
    return "it stops by itself, and the net that is left is the one that was best on the validation set"


train_with_early_stopping.seconds = 20  # many small steps
