"""Chapter 08: an interval, the loss by hand, a measurement in batches, a training that stops itself."""

from math import isclose, log

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .answers import compare, known, number, whole
from .calls import Function
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
    if k != int(k):
        raise Wrong("half an error cannot be made: k is a whole number, and its interval ends below 95")
    known(whole(answer), 77, {
        78: "its interval ends at 95.7, above 95",
        76: "with one error more the interval still ends below 95",
        75: "the paper's own interval begins there, at 75.5; here the other net's must end below 95",
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
        return F.cross_entropy(logits, labels).item()

    def of_pairs(logits, labels):  # every label's column in every row
        return -logits.log_softmax(1)[:, labels].mean().item()

    cases = [(3 * torch.randn(N, K).double(), torch.randint(K, (N,)))
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
            lambda s, y: s.softmax(1).gather(1, y[:, None]).mean().item(),
        "the logarithm is missing: this is minus the mean probability":
            lambda s, y: -s.softmax(1).gather(1, y[:, None]).mean().item(),
        "the logarithm is missing: this is 1 minus the mean probability":
            lambda s, y: 1 - s.softmax(1).gather(1, y[:, None]).mean().item(),
        "the mean must come after the logarithm: this is that of the mean probability":
            lambda s, y: -s.softmax(1).gather(1, y[:, None]).mean().log().item(),
        "the softmax is taken twice": lambda s, y: right(s.softmax(1), y),
        "this is the loss of the largest logit, whatever the label is":
            lambda s, y: right(s, s.argmax(1)),
    }, _BY_TORCH)
    large = [(torch.randn(6, 10).double() * scale + shift, torch.arange(6))
             for scale, shift in ((900, 0), (1, 5000), (1, -5000))]
    try:
        compare(answer, right, large, "logits labels")
    except Wrong as wrong:
        raise Wrong("right for small logits, but not for logits in the thousands, where e to "
                    f"them is too large, or 0 ({wrong}); write the logarithm of the fraction as a "
                    "difference: what changes in it if the same number is taken from all logits of a "
                    "row?") from None
    return "and it stays finite where e to the power of a logit does not"


class Net(nn.Module):
    """Knows what it is run on, in which mode, and whether gradients are recorded.

    Two classes: the second where the example's first number is smaller than the weight.
    """

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.35]).double())
        self.register_buffer("epoch", torch.tensor(0))  # as a normalisation's averages: no parameter
        self.runs = []  # (examples, training mode, gradients)

    def __repr__(self):
        return "with one weight"

    def forward(self, x):
        self.runs.append((x.detach(), self.training, torch.is_grad_enabled()))
        return self.logits(x) * (0.3 if self.training else 1)  # as dropout, it behaves in two ways

    def logits(self, x):
        first = x.flatten(1)[:, :1]
        above = 4 * (1 + first) * (self.weight - first)
        return torch.cat([0 * above, above], dim=1)


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

    def in_training(net, x, y, batch_size):
        return F.cross_entropy(0.3 * net.logits(x), y).item(), right(net, x, y, batch_size)[1]

    cases = [(net, torch.rand(N, 1, 2, 3).double(), torch.randint(2, (N,)), batch_size)
             for N, batch_size in ((6, 3), (7, 3), (5, 8), (9, 1))]
    compare(answer, right, cases, "net x y batch_size", {
        "the two are exchanged: first the loss, then the error rate":
            lambda *case: right(*case)[::-1],
        "both are means of the batches' means, and the last batch is smaller: add up sums, divide once":
            of_means,
        "the loss is a mean of the batches' means, and the last batch is smaller":
            lambda *case: (of_means(*case)[0], right(*case)[1]),
        "the error rate is a mean of the batches' rates, and the last batch is smaller":
            lambda *case: (right(*case)[0], of_means(*case)[1]),
        "this is the share of right answers; the share of wrong ones is asked":
            lambda *case: (right(*case)[0], 1 - right(*case)[1]),
        "this is the number of wrong answers; their share is asked":
            lambda *case: (right(*case)[0], right(*case)[1] * len(case[2])),
        "the error rate is in %, and should be between 0 and 1":
            lambda *case: (right(*case)[0], right(*case)[1] * 100),
        "the loss is the sum over all examples, and should be their mean":
            lambda *case: (right(*case)[0] * len(case[2]), right(*case)[1]),
        "the batches' mean losses are added up": lambda *case: (
            sum(part[0] for part in by_batches(*case)), right(*case)[1]),
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
    }, _MEASURED)
    function = Function(answer, "net x y batch_size")
    for training in (True, False):
        before, net.runs = net.weight.detach().clone(), []
        function(net.train(training), *cases[1][1:])
        if not net.runs:
            raise Wrong("the net that is given is not run; measure it itself, and no copy")
        largest = max(len(x) for x, _, _ in net.runs)
        if largest > 3:
            raise Wrong(f"the net is given {largest} examples at once, where batch_size = 3")
        if any(mode for _, mode, _ in net.runs):
            raise Wrong("the net is in training mode, and dropout would go on: net.eval()")
        if any(grad for _, _, grad in net.runs):
            raise Wrong("gradients are recorded, which costs time and memory: torch.no_grad()")
        if net.training != training:
            raise Wrong(f"a net in {_mode(training)} mode is left in {_mode(not training)} mode")
        if not torch.equal(before, net.weight):
            raise Wrong("the net's weights are changed")
    return "the last batch counts by its examples, and the net is left as it was"


def _mode(training: bool) -> str:
    return "training" if training else "evaluation"


# Validation errors in tenths, epoch by epoch; patience; most_epochs.
_SCRIPTS = [([5, 3, 4, 4, 4, 2, 1], 2, 7), ([6, 5, 4, 3, 2], 2, 4), ([5, 4, 4, 4, 1, 0], 2, 6),
            ([5, 6, 6, 4, 5, 5, 5, 1, 0], 3, 9), ([2, 3, 3, 1], 1, 4), ([5, 2, 4, 3, 1, 0], 2, 6),
            ([5, 6, 4, 5, 3, 2, 1], 2, 7), ([7, 3], 5, 1), ([5, 2, 4, 3], 3, 3)]


@exercise(chapter=8, number=4, level="hard", minutes=20)
def train_with_early_stopping(answer) -> str:
    """net, training, validation, optimiser, batch_size, patience, most_epochs -> validation errors."""
    ends = []
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)  # the first one takes seconds
    for script, patience, most in _SCRIPTS:
        given = Trial(script, patience, most)
        ends.append(given.train(Function(answer, "net")))
    _check_lengths([length for length, _ in ends])
    for (script, _, most), (length, kept) in zip(_SCRIPTS, ends, strict=True):
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


def _check_lengths(lengths: list[int]) -> None:
    """Refuse lengths that are not those of trainings by the scripts; say by which rule they are."""
    if lengths != [_epochs(*each) for each in _SCRIPTS]:
        raise Wrong(next((said for said, rule in _RULES.items()
                          if lengths == [_epochs(*each, **rule) for each in _SCRIPTS]),
                         _first_difference(lengths)))


def _epochs(script, patience, most, more=0, by_the_one_before=False, ties=False, reset=True) -> int:
    """After how many epochs a training ends by this rule, for these validation errors."""
    best, bad = script[0], 0
    for epoch, error in enumerate(script[:most], start=1):
        better = epoch == 1 or error < best or (ties and error == best)
        bad = bad + 1 if not better else 0 if reset else bad
        if better or by_the_one_before:
            best = error
        if bad >= patience + more:
            return epoch
    return most


_RULES = {
    "it never stops early: patience is not used": {"more": 99},
    "it goes on for an epoch too many: stop as soon as `patience` epochs in a row were not better":
        {"more": 1},
    "it stops an epoch too early": {"more": -1},
    "each epoch is compared with the one before; compare it with the best so far":
        {"by_the_one_before": True},
    "an epoch that is only as good as the best counts as better, or the loss decides and not the error":
        {"ties": True},
    "epochs that were not better are counted from the beginning; after a better one start at 0 again":
        {"reset": False},
}


def _first_difference(lengths) -> str:
    for (script, patience, most), length in zip(_SCRIPTS, lengths, strict=True):
        right = _epochs(script, patience, most)
        if length != right:
            said = ", ".join(f"{error / 10}" for error in script[:right])
            return (f"with validation errors {said}, patience {patience} and at most {most} epochs it "
                    f"stops after {length} and not after {right}")
    raise AssertionError


class Trial:
    """A training whose validation errors are known beforehand, whatever is learned.

    After the first step of an epoch the net's only weight is where it gives the epoch's error.
    """

    def __init__(self, script, patience: int, most: int):
        self.net = Net()
        self.net.train()
        self.script, self.patience, self.most = script, patience, most
        self.x, self.y = _examples(torch.rand(7).double(), 1), torch.randint(2, (7,))
        # 10 thresholds, all of the second class: so many tenths are wrong as lie above the weight.
        self.validation = _examples(torch.arange(10).double() / 10 + 0.05, -1), torch.ones(10).long()
        self.where = [(10 - error) / 10 + 0.004 * place for place, error in enumerate(script)]
        self.gradients = []  # one a step
        self.measured = self.counted = 0  # validation examples, in so many runs

    def train(self, function: Function) -> tuple[int, int]:
        """The number of epochs, and that of the epoch whose weights are left. Raises Wrong."""
        weights = self.where
        trial, net = self, self.net

        class Optimiser:
            def zero_grad(self, set_to_none=True):
                net.weight.grad = None

            def step(self):
                trial.check_step()
                epoch = min(trial.validated(), len(weights) - 1)
                with torch.no_grad():
                    net.weight.fill_(weights[epoch])
                    net.epoch.fill_(epoch + 1)

        result = function(net, (self.x, self.y), self.validation, Optimiser(),
                          4, self.patience, self.most)
        length = self.check_runs()
        if isinstance(result, str | dict) or not hasattr(result, "__len__"):
            raise Wrong("return the validation errors in a list, one an epoch")
        if len(result) != length:
            raise Wrong(f"{length} epochs, but {len(result)} validation errors are returned")
        right = [error / 10 for error in self.script[:length]]
        mine = [number(each, "a validation error") for each in result]
        for said, factor in (("are in %, and should be between 0 and 1", 100),
                             ("are counts, and should be shares between 0 and 1", 10)):
            if torch.allclose(torch.tensor(mine), factor * torch.tensor(right)):
                raise Wrong(f"the validation errors {said}")
        if torch.allclose(torch.tensor(mine), 1 - torch.tensor(right)) and set(right) != {0.5}:
            raise Wrong("these are accuracies, the shares of right answers; errors are asked")
        if not torch.allclose(torch.tensor(mine), torch.tensor(right)):
            raise Wrong(f"the validation errors were {right}, and {[round(e, 3) for e in mine]} "
                        "are returned")
        kept = [epoch for epoch, where in enumerate(weights, start=1)
                if abs(net.weight.item() - where) < 1e-9]
        if kept and net.epoch.item() != kept[0]:
            raise Wrong(f"the parameters that are left are those of epoch {kept[0]}, but a buffer of "
                        f"the net is that of epoch {net.epoch.item()}: state_dict() holds both")
        return length, kept[0] if kept else 0

    def validated(self) -> int:
        """How often the whole validation set went through the net."""
        self.measured += sum(int((_ids(x) < 0).sum()) for x, _, _ in self.net.runs[self.counted:])
        self.counted = len(self.net.runs)
        return self.measured // len(self.validation[1])

    def check_step(self) -> None:
        """The gradient must be that of the last batch. Raises Wrong."""
        net, gradient = self.net, self.net.weight.grad
        batch, training = next((run[:2] for run in net.runs[::-1] if run[2]), (None, True))
        if batch is None or gradient is None:
            raise Wrong("a step is made where there is no gradient: backward comes first")
        if (_ids(batch) < 0).any():
            raise Wrong("the net learns from the validation set, which then measures nothing")
        if not training:
            raise Wrong("the net learns in evaluation mode: after measuring, net.train()")
        loss = F.cross_entropy(0.3 * net.logits(batch), self.y[_ids(batch) - 1])
        right, = torch.autograd.grad(loss, net.weight)
        self.gradients.append(right.item())
        if isclose(gradient.item(), right.item()):
            return
        if any(isclose(gradient.item(), sum(self.gradients[-several:]))
               for several in range(2, len(self.gradients) + 1)):
            raise Wrong("the gradients of several batches add up: clear them before each backward pass")
        raise Wrong("the losses of a batch are added up; take their mean, as F.cross_entropy does"
                    if isclose(gradient.item(), len(batch) * right.item()) else
                    "the gradient is not that of the batch's cross-entropy: do its labels belong "
                    "to its examples?")

    def check_runs(self) -> int:
        """The number of epochs, if each was as it should be. Raises Wrong."""
        epochs, learned, seen = [], [], 0
        for x, training, grad in self.net.runs:
            ids = _ids(x)
            if (ids < 0).any():
                if training:
                    raise Wrong("the validation set is measured in training mode: net.eval()")
                if grad:
                    raise Wrong("gradients are recorded while the validation set is measured: "
                                "torch.no_grad()")
                seen += len(ids)
                if not learned and not epochs and self.gradients:
                    raise Wrong("the validation set is measured before the first epoch; "
                                "one error an epoch is asked, after it")
                if learned:
                    epochs.append(learned)
                    learned = []
            elif grad:
                if len(ids) > 4:
                    raise Wrong(f"a batch has {len(ids)} examples, where batch_size = 4")
                learned.append(ids)
        if not epochs:
            raise Wrong("the validation set is never measured" if self.gradients
                        else "the optimiser that is given makes no step" if learned
                        else "the net never learns: no batch goes through it")
        if learned:
            raise Wrong("an epoch is trained after which the validation set is not measured")
        if not self.gradients:
            raise Wrong("the optimiser that is given makes no step")
        self.check_orders([torch.cat(each) for each in epochs])
        if seen != len(epochs) * len(self.validation[1]):
            raise Wrong(f"the validation set of {len(self.validation[1])} is measured on "
                        f"{seen / len(epochs):.4g} examples an epoch")
        if len(self.gradients) != sum(map(len, epochs)):
            raise Wrong(f"{sum(map(len, epochs))} batches, but {len(self.gradients)} steps: one each")
        if len(epochs) > self.most:
            raise Wrong(f"{len(epochs)} epochs, where most_epochs = {self.most}")
        return len(epochs)

    def check_orders(self, orders: list[Tensor]) -> None:
        every = torch.arange(len(self.y)) + 1
        for order in orders:
            if not torch.equal(order.sort().values, every):
                missed = len(every) - len(order.unique())
                raise Wrong(f"an epoch leaves out {missed} of {len(every)} examples" if missed
                            else "an epoch shows some examples several times")
        if any(torch.equal(order, every) for order in orders[:3]):
            raise Wrong("the examples come in the order in which they are stored: draw a random one")
        if len(orders) > 1 and all(torch.equal(order, orders[0]) for order in orders):
            raise Wrong("every epoch has the same order: draw a new one for each")


def _examples(thresholds: Tensor, sign: int) -> Tensor:
    """N x 1 x 1 x 2: the number that the net looks at, and which example this is."""
    ids = sign * (torch.arange(len(thresholds)) + 1)
    return torch.stack([thresholds, ids.double()], dim=1)[:, None, None]


def _ids(x: Tensor) -> Tensor:
    return x.flatten(1)[:, 1].long()
