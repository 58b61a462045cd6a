"""Chapter 07: the parts of a total, the first check of a training, three nets to mend."""

import math
from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import debug_unwrap

from ..arguments import shown
from .answers import listed, numbers
from .calls import Function, net
from .exercise import exercise
from .mending import (
    drops_half_of_f6,
    its_modes_kept,
    mended,
    numbers_by_which_dropout_is_seen,
    same_in_training,
)
from .verdict import Wrong

_PARTS = {  # of 60,806; and errors
    "C1": (156, {150: "its six biases are missing"}),
    "S2": (0, {12: "with trained subsampling, 12 and 32, the net has 60,850",
               6: "a map has two numbers in the paper's subsampling, or none"}),
    "C3": (1516, {2416: "dense, it would bring the total to 61,706",
                  1500: "its biases are missing", 2400: "its biases are missing, and it is dense"}),
    "S4": (0, {32: "with trained subsampling, 12 and 32, the net has 60,850",
               16: "a map has two numbers in the paper's subsampling, or none"}),
    "C5": (48_120, {48_000: "its biases are missing", 30_840: "that is C5 on 28 x 28 pixels"}),
    "F6": (10_164, {10_080: "its biases are missing"}),
    "the output": (850, {840: "those are the RBF's, or ten biases are missing",
                         0: "with the RBF, whose codes are fixed, the net would have 59,956",
                         10: "these are the biases alone"}),
}


@exercise(chapter=7, number=1, level="easy", minutes=4)
def parts_of_60806(answer) -> str:
    """The parameters of C1, S2, C3, S4, C5, F6 and the output of the net that has 60,806."""
    given = numbers(answer, [f"the parameters of {name}" for name in _PARTS])
    total = sum(given)
    for said, (name, (right, mistakes)) in zip(given, _PARTS.items(), strict=True):
        if said != right:
            sums = "" if total == 60_806 else f"; and together your parts are {total:,.0f}"
            raise Wrong(f"{name}: " + mistakes.get(said, f"no net of this chapter has {said:g} there")
                        + sums)
    return "today's net, with the paper's table in C3: 900 fewer than 61,706"


class Net(nn.Linear):
    """A net whose logits are the first pixels of a digit, whatever stands on it."""

    def __init__(self, classes: int) -> None:
        super().__init__(32 * 32, classes, bias=False)
        nn.init.eye_(self.weight)
        self.read = []  # what it was given

    def __repr__(self) -> str:
        return "Net()"

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4:
            raise ValueError("the net takes N x 1 x H x W")
        # Within torch.func.vmap, x has an axis that is not to be seen.
        self.read.append(debug_unwrap(x.detach()).reshape(-1, 32 * 32))
        return super().forward(x.flatten(1))


def _digits(logits: Tensor) -> Tensor:
    """Digits, of each of which the net says this; by its last pixels each is known."""
    x = torch.zeros(len(logits), 1, 32, 32)
    x.flatten(1)[:, :logits.shape[1]] = logits
    x.flatten(1)[:, -3:].normal_()
    return x


_OTHER_LOSSES = {  # taken for the cross-entropy, and how their error is named
    "a softmax is taken before F.cross_entropy, which takes its own: the loss is then below 2.5 even "
    "of a net that is sure and wrong": lambda logits, y: F.cross_entropy(logits.softmax(1), y),
    "F.nll_loss wants logarithms of probabilities; of logits F.cross_entropy is the loss": F.nll_loss,
    "the losses of the digits are added up, and their mean is the loss":
        lambda logits, y: F.cross_entropy(logits, y, reduction="sum"),
}
_OF_MEANS = {  # how the mean losses of the batches are put together, and how that error is named
    "the digits of the last, smaller batch count for more than the others, as in a mean of the "
    "batches' means: add up sums, divide once": mean,
    "the batches' mean losses are added up: divide the sum over all digits by their number": sum,
}
_AS_FULL = ("each batch's mean loss is multiplied by the same batch size, and the last batch has fewer "
            "digits")


def _means(logits: Tensor, y: Tensor, read: list[Tensor]) -> list[float]:
    """The mean losses of the batches in which these digits were read; nan where others were."""
    sizes = [len(batch) for batch in read]
    if sum(sizes) != len(y):
        return [math.nan]
    return [F.cross_entropy(*part).item()
            for part in zip(logits.split(sizes), y.split(sizes), strict=True)]


@exercise(chapter=7, number=2, level="easy", minutes=6)
def first_loss_is_right(answer) -> str:
    """net, x, y -> is the loss, the cross-entropy, within 0.1 of log 10?"""
    function = Function(answer, "net x y")
    y = torch.randint(10, (7,))
    ten = math.log(10)
    losses = ten, ten + 0.08, ten - 0.08, ten + 0.12, ten - 0.12, 4.0, 1.0, 0.01, 9.0, ten / 7, ten / 2
    nets = [(f"whose first loss is {loss:.2f}", _with_loss(loss, y), abs(loss - ten) < 0.1)
            for loss in losses]
    nets += [("of 84 classes, whose first loss is 4.43", torch.zeros(7, 84), False),
             ("that ends in a softmax, whose first loss is 2.30", torch.zeros(7, 10).softmax(1), True),
             ("of 5 classes that is sure and wrong, whose first loss is 2.34",
              _with_loss(2.34, y % 5, 5), True),
             ("whose logits are all -2.3, so that its first loss is 2.30", torch.full((7, 10), -2.3),
              True),
             ("whose first loss is nan", torch.full((7, 10), math.nan), False)]
    for mixed in [2.3, 2.3, 2.3, 2.3, 2.3, 0.5, 5.5], [1.9, 1.2, 1.4, 1.6, 1.1, 2.2, 6.7]:
        each = ", ".join(map(str, mixed))
        nets.append((f"whose first loss is {mean(mixed):.2f}, the mean of {each} for the digits",
                     _with_loss(mixed, y), abs(mean(mixed) - ten) < 0.1))
    y_long = torch.randint(10, (161,))
    nets.append(("whose first loss is 2.87 for 150 digits, and 2.30 for the first 100",
                 _with_loss([ten] * 100 + [4.0] * 50, y_long[:150]), False))
    nets.append(("whose first loss is 2.30 for 161 digits, and 14.00 for the last five",
                 _with_loss([(161 * ten - 5 * 14) / 156] * 156 + [14.0] * 5, y_long), True))
    for name, some, right in (
            ("first loss is 2.37 for 161 digits: 2.00 for 64, 2.84 for 64, 2.18 for 33",
             [ten - 0.3] * 64 + [ten + 0.54] * 64 + [ten - 0.12] * 33, True),  # no part is near
            ("loss is 2.30 for each of 161 digits", [ten] * 161, True),
            ("first loss is 2.94 for 161 digits, and 2.30 behind the first 60",
             [4.0] * 60 + [ten] * 101, False),
            ("first loss is 2.65 for 161 digits, and 2.30 for the first 128",
             [ten] * 128 + [4.0] * 33, False)):
        nets.append((f"whose {name}", _with_loss(some, y_long), right))
    verdicts, left_out, largest, added = [], "", 0, []
    mistaken = {said: [] for said in (*_OTHER_LOSSES, *_OF_MEANS)}  # the verdicts by each of these
    for name, logits, right in nets:
        images = _digits(logits)
        labels = (y if len(logits) == 7 else y_long)[:len(logits)] % logits.shape[1]
        given = Net(logits.shape[1])
        before = given.weight.detach().clone()
        result = function(given, images, labels)
        if not torch.equal(given.weight, before):
            raise Wrong("it changes the numbers of the net, and nothing is to be trained here")
        if given.read and "nan" not in name:
            read, ends = torch.cat(given.read)[:, None, -3:], images.flatten(1)[:, -3:]  # none is twice
            alike = (read == ends).all(2)  # digits read x given
            if not alike.any(1).all():
                raise Wrong("the net is given other digits than those of x")
            if (count := alike.any(0).sum()) < len(images):
                left_out = f"of {len(images)} digits the net reads {count} only"
        said = listed(result)  # a truth value may stand in a tensor
        if not isinstance(said, bool):
            raise Wrong(f"it gives {shown(result)}; True or False is asked")
        verdicts.append((name, said, right))
        for said_of, loss in _OTHER_LOSSES.items():
            mistaken[said_of].append((name, bool((loss(logits, labels) - ten).abs() < 0.1), right))
        means = _means(logits, labels, given.read)
        largest = max(largest, *map(len, given.read), 0)
        added.append(sum(means) / len(labels))
        for said_of, together in _OF_MEANS.items():
            mistaken[said_of].append((name, abs(together(means) - ten) < 0.1, right))
    if all(said == right for _, said, right in verdicts):
        return "it catches a net of 84 classes; a second softmax no first loss can show"
    if all(said != right for name, said, right in verdicts if "nan" not in name):
        raise Wrong("the answers are turned over: True where the loss is right")
    if len({said for _, said, _ in verdicts}) == 1:
        raise Wrong(f"it says {verdicts[0][1]} of every net")
    if left_out:
        raise Wrong(left_out)
    mistaken[_AS_FULL] = [(name, abs(largest * each - ten) < 0.1, right)
                          for each, (name, _, right) in zip(added, verdicts, strict=True)]
    for said_of, same in mistaken.items():
        if verdicts == same:
            raise Wrong(said_of)
    low, high = ({said for loss, (_, said, _) in zip(losses, verdicts, strict=False)
                  if (loss - ten) * sign > 0.1} for sign in (-1, 1))
    if all(said for _, said, _ in verdicts[:3]) and len(low) == len(high) == 1 and low != high:
        raise Wrong(f"it says True of every loss {'below' if True in low else 'above'} log 10, however "
                    "far: the distance counts on both sides")
    if [name for name, said, _ in verdicts[:len(losses)] if said] == [verdicts[losses.index(1.0)][0]]:
        raise Wrong("it says False at log 10 = 2.30 and True at 1.00: the natural logarithm is meant, "
                    "math.log")
    name, said = next((name, said) for name, said, right in verdicts if said != right)
    raise Wrong(f"of a net {name} it says {said}")


@exercise(chapter=7, number=3, level="easy", minutes=5)
def mend_net_a(answer) -> str:
    """NetA as it was meant: tanh, average pooling, logits."""
    with its_modes_kept(net(answer)) as mine:
        x = mended(mine, isinstance(answer, type), torch.tanh, F.avg_pool2d, "logits")
        same_in_training(mine, x, "NetA")
    return "all 61,706 numbers are found: trained, saved and moved to another device"


@exercise(chapter=7, number=4, level="medium", minutes=8)
def mend_net_b(answer) -> str:
    """NetB as it was meant: ReLU, max pooling, dropout in training, log-probabilities."""
    with its_modes_kept(net(answer)) as mine:
        mended(mine, isinstance(answer, type), torch.relu, F.max_pool2d, "log-probabilities")
        with numbers_by_which_dropout_is_seen(mine):
            drops_half_of_f6(mine)
    return "each row of probabilities adds up to 1, alone and in company, and eval() ends the dropout"


@exercise(chapter=7, number=5, level="medium", minutes=7)
def mend_net_c(answer) -> str:
    """NetC as it was meant: ReLU, max pooling, logits of any sign."""
    with its_modes_kept(net(answer)) as mine:
        x = mended(mine, isinstance(answer, type), torch.relu, F.max_pool2d, "logits")
        same_in_training(mine, x, "NetC")
    return "five layers are five again, and a logit below 0 has a gradient"


def _with_loss(loss: float | list[float], y: Tensor, classes: int = 10) -> Tensor:
    """Logits whose cross-entropy with y is this, for all digits or for each."""
    share = torch.tensor(loss).double().neg().exp().reshape(-1, 1)
    return (F.one_hot(y, classes) * ((classes - 1) * share / (1 - share)).log()).float()
