"""Chapter 07: the parts of a total, the first check of a training, three nets to mend."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..arguments import shown
from .answers import listed, number, several, tensor
from .calls import Function, net
from .exercise import exercise
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
    given = [number(each, f"the parameters of {name}") for name, each in
             zip(_PARTS, several(answer, 7), strict=True)]
    total = sum(given)
    for said, (name, (right, mistakes)) in zip(given, _PARTS.items(), strict=True):
        if said != right:
            sums = "" if total == 60_806 else f"; and together your parts are {total:,.0f}"
            raise Wrong(f"{name}: " + mistakes.get(said, f"no net of this chapter has {said:g} there")
                        + sums)
    return "today's net, with the paper's table in C3: 900 fewer than 61,706"


class Net(nn.Module):
    """A net with these logits, one row a digit, whatever stands on the digits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4:
            raise ValueError("the net takes N x 1 x H x W")
        return self.logits[:len(x)]


@exercise(chapter=7, number=2, level="easy", minutes=6)
def first_loss_is_right(answer) -> str:
    """net, x, y -> is the loss, the cross-entropy, within 0.1 of log 10?"""
    function, x = Function(answer, "net x y"), torch.randn(7, 1, 32, 32)
    y = torch.randint(10, (7,))
    ten = math.log(10)
    losses = ten, ten + 0.08, ten - 0.08, ten + 0.12, ten - 0.12, 4.0, 1.0, 0.01, 9.0
    nets = [(f"whose first loss is {loss:.2f}", _with_loss(loss, y), abs(loss - ten) < 0.1)
            for loss in losses]
    nets += [("of 84 classes, whose first loss is 4.43", torch.zeros(7, 84), False),
             ("that ends in a softmax, whose first loss is 2.30", torch.zeros(7, 10).softmax(1), True),
             ("of 5 classes that is sure and wrong, whose first loss is 2.34",
              _with_loss(2.34, y % 5, 5), True),
             ("whose first loss is nan", torch.full((7, 10), math.nan), False)]
    for mixed in [2.3, 2.3, 2.3, 2.3, 2.3, 0.5, 5.5], [4.0, 1.0, 3.3, 1.6, 3.0, 1.2, 2.0]:
        mean, each = sum(mixed) / 7, ", ".join(map(str, mixed))
        nets.append((f"whose first loss is {mean:.2f}, the mean of {each} for the digits",
                     _with_loss(mixed, y), abs(mean - ten) < 0.1))
    y_long = torch.randint(10, (150,))
    nets.append(("whose first loss is 2.87 for 150 digits, and 2.30 for the first 100",
                 _with_loss([ten] * 100 + [4.0] * 50, y_long), False))
    verdicts = []
    for name, logits, right in nets:
        images, labels = (x, y % logits.shape[1]) if len(logits) == 7 else (
            torch.zeros(len(logits), 1, 32, 32), y_long)
        result = function(Net(logits), images, labels)
        said = listed(result)  # a truth value may stand in a tensor
        if not isinstance(said, bool):
            raise Wrong(f"it gives {shown(result)}; True or False is asked")
        verdicts.append((name, said, right))
    if all(said != right for _, said, right in verdicts):
        raise Wrong("the answers are turned over: True where the loss is right")
    if len({said for _, said, _ in verdicts}) == 1:
        raise Wrong(f"it says {verdicts[0][1]} of every net")
    low, high = ({said for loss, (_, said, _) in zip(losses, verdicts, strict=False)
                  if (loss - ten) * sign > 0.1} for sign in (-1, 1))
    if all(said for _, said, _ in verdicts[:3]) and len(low) == len(high) == 1 and low != high:
        raise Wrong(f"it says True of every loss {'below' if True in low else 'above'} log 10, however "
                    "far: the distance counts on both sides")
    if verdicts[losses.index(1.0)][1] and not verdicts[0][1]:
        raise Wrong("it says False at log 10 = 2.30 and True at 1.00: the natural logarithm is meant, "
                    "math.log")
    for name, said, right in verdicts:
        if said != right:
            raise Wrong(f"of a net {name} it says {said}")
    return "it accuses a net of 84 classes and cannot see a second softmax"


@exercise(chapter=7, number=3, level="easy", minutes=5)
def mend_net_a(answer) -> str:
    """NetA as it was meant: tanh, average pooling, logits."""
    with _its_modes_kept(net(answer)) as mine:
        x = _mended(mine, torch.tanh, F.avg_pool2d, "logits")
        _same_in_training(mine, x, "NetA")
    return "all 61,706 numbers are found: trained, saved and moved to another device"


@exercise(chapter=7, number=4, level="medium", minutes=8)
def mend_net_b(answer) -> str:
    """NetB as it was meant: ReLU, max pooling, dropout in training, log-probabilities."""
    with _its_modes_kept(net(answer)) as mine:
        _mended(mine, torch.relu, F.max_pool2d, "log-probabilities")
        with _numbers_by_which_dropout_is_seen(mine):
            _drops_half_of_f6(mine)
    return "each row of probabilities adds up to 1, alone and in company, and eval() ends the dropout"


@exercise(chapter=7, number=5, level="medium", minutes=7)
def mend_net_c(answer) -> str:
    """NetC as it was meant: ReLU, max pooling, logits of any sign."""
    with _its_modes_kept(net(answer)) as mine:
        x = _mended(mine, torch.relu, F.max_pool2d, "logits")
        _same_in_training(mine, x, "NetC")
    return "five layers are five again, and a logit below 0 has a gradient"


@contextmanager
def _its_modes_kept(mine: nn.Module) -> Iterator[nn.Module]:
    """Within, the net may be set to eval() or train()."""
    modes = [(part, part.training) for part in mine.modules()]
    try:
        yield mine
    finally:
        for part, training in modes:
            part.training = training


_NUMBERS = {"C1": (150, 6), "C3": (2400, 16), "C5": (48_000, 120), "F6": (10_080, 84),
            "the output": (840, 10)}  # weights and biases; all are different
_ENDS = {
    "logits": lambda x: x,
    "log-probabilities": lambda x: F.log_softmax(x, 1),
    "probabilities, without the logarithm": lambda x: F.softmax(x, 1),
    "logits from which all below 0 are cut off": torch.relu,
    "logits squashed by a tanh": torch.tanh,
}


def _mended(mine: nn.Module, activation: Callable, pool: Callable, ends: str) -> Tensor:
    """Digits, when the net, now in eval(), is as it was meant; or Wrong, with what is broken."""
    if type(mine).__module__.startswith("lenet_book"):
        raise Wrong(f"{type(mine).__name__} is the book's; mend the net of this page")
    held = _held(mine)
    mine.eval()
    run, x = Function(mine, "x"), torch.randn(4, 1, 32, 32)
    y = tensor(run(x), (4, 10), "its result")
    if not torch.allclose(y, tensor(run(x), (4, 10)), atol=1e-6):
        raise Wrong("in eval() it reads the same digits differently from one time to the next")
    alone = torch.cat([tensor(run(x[i:i + 1]), (1, 10), "its result for one digit") for i in range(4)])
    if not torch.allclose(y, alone, atol=1e-4):
        raise Wrong("what it says of a digit depends on the digits beside it")
    _as_meant(y, held, x, activation, pool, ends)
    return x


def _held(mine: nn.Module) -> dict[str, list[Tensor]]:
    """Weights and biases of each layer, found by how many they are."""
    found = {p.numel(): p for p in mine.parameters() if p.requires_grad}
    if lost := [name for name, sizes in _NUMBERS.items() if not set(sizes) <= found.keys()]:
        gone = [f"the {what} of {name}" for name in lost for size, what in
                zip(_NUMBERS[name], ("weights", "biases"), strict=True) if size not in found]
        raise Wrong("parameters() does not find " + (
            f"the numbers of {', '.join(lost)}" if len(gone) == 2 * len(lost) else ", ".join(gone)))
    total = sum(p.numel() for p in mine.parameters())
    if total != 61_706:
        raise Wrong(f"it has {total:,} parameters, and should have 61,706")
    saved = {id(p) for p in nn.Module.state_dict(mine, keep_vars=True).values()}
    if lost := [name for name, sizes in _NUMBERS.items()
                if not all(id(found[each]) in saved for each in sizes)]:
        raise Wrong(f"parameters() gives the numbers of {', '.join(lost)}, but state_dict() does not "
                    "hold them, so that they are not saved: PyTorch does not find these layers")
    return {name: [found[each].detach() for each in sizes] for name, sizes in _NUMBERS.items()}


def _same_in_training(mine: nn.Module, x: Tensor, name: str) -> None:
    """Refuse what reads otherwise in train() than in eval(), as it is in."""
    if not torch.equal(mine(x), mine.train()(x)):
        raise Wrong(f"in eval() it is right, but in train() it reads otherwise, which {name} did not")


@contextmanager
def _numbers_by_which_dropout_is_seen(mine: nn.Module) -> Iterator[None]:
    """Within, logits 0 to 8 are each a number of F6, all above 0, plus 1; logit 9 is 0."""
    held = _held(mine)
    before = {name: [each.clone() for each in pair] for name, pair in held.items()}
    for w, b in held.values():
        w.normal_(std=(2 / w[0].numel())**0.5)
        b.zero_()
    held["F6"][0].uniform_(0, 0.1)
    held["F6"][1].fill_(1)
    held["the output"][0].zero_()[:9].fill_diagonal_(1)
    held["the output"][1][:9] = 1
    try:
        yield
    finally:
        for name, pair in held.items():
            for each, old in zip(pair, before[name], strict=True):
                each.copy_(old)


def _drops_half_of_f6(mine: nn.Module) -> None:
    """Refuse another dropout than NetB's, however it is drawn; with the numbers made for this."""
    run, x = Function(mine, "x"), torch.randn(1, 1, 32, 32).repeat(1000, 1, 1, 1)

    def f6() -> Tensor:
        y = tensor(run(x), (1000, 10), "its result in train()")
        if not torch.allclose(y.exp().sum(1), torch.tensor(1.0).double(), atol=1e-3):
            raise Wrong("in eval() it is right, but in train() the probabilities of a digit do not add "
                        "up to 1")
        return y[:, :9] - y[:, 9:] - 1

    whole = f6()
    mine.train()
    times = f6() / whole
    kept = times.abs() > 1e-3
    factors = times[kept]
    if kept.all() and torch.allclose(factors, factors.new_tensor(1.0), atol=1e-3):
        raise Wrong("in eval() it is right, but in train() nothing is dropped any more")
    if not torch.allclose(factors, factors.new_tensor(2.0), rtol=1e-3):
        if kept.all() or factors.max() - factors.min() > 1e-2:
            raise Wrong("in eval() it is right, but not in train(): NetB drops half of what F6 gives, "
                        "after its ReLU, and nothing else")
        factor = factors.mean().item()
        raise Wrong("in train() what is kept must be divided by 1 - p, as nn.Dropout does it"
                    if factor < 1.001 else
                    f"in train() it drops each number with p = {1 - 1 / factor:.2g}, and NetB with 0.5")
    share, alike = kept.double().mean(0), (kept[:, 1:] == kept[:, :-1]).double().mean(0)
    if share.max() - share.min() < 0.16 and abs(share.mean() - 0.5) > 0.08:
        raise Wrong(f"in train() it drops {1 - share.mean():.0%} of F6, and NetB drops half")
    if torch.cat([share - 0.5, alike - 0.5]).abs().max() > 0.08 or torch.equal(kept, f6() > 1e-3):
        raise Wrong("in train() it must draw anew for each number of F6, each digit and each time")


def _as_meant(y: Tensor, held: dict, x: Tensor, activation: Callable, pool: Callable,
              ends: str) -> None:
    """Refuse another result than that of the net as it was meant, and name what is different."""
    plain = dict.fromkeys(held, activation)
    if _close(y, _forward(held, x, plain, pool, _ENDS[ends])):
        return
    for count in range(5):  # the fewest differences first
        for linear, other in product(product((False, True), repeat=4), _ENDS):
            if sum(linear) + (other != ends) != count:
                continue
            missing = [name for name, gone in zip(held, linear, strict=False) if gone]
            acts = plain | dict.fromkeys(missing, lambda a: a)
            if _close(y, _forward(held, x, acts, pool, _ENDS[other])):
                said = [f"no activation follows upon {' and '.join(missing)}"] * bool(missing) + [
                    f"it gives {other}, and {ends} are asked for"] * (other != ends)
                raise Wrong("; and ".join(said))
    for name, other in {"tanh": torch.tanh, "ReLU": torch.relu, "a sigmoid": torch.sigmoid}.items():
        if _close(y, _forward(held, x, dict.fromkeys(held, other), pool, _ENDS[ends])):
            raise Wrong(f"its activation is {name}, and was another before")
    for name, other in {"max": F.max_pool2d, "average": F.avg_pool2d}.items():
        if _close(y, _forward(held, x, plain, other, _ENDS[ends])):
            raise Wrong(f"its pooling is {name} pooling, and was another before")
    raise Wrong("with its own weights it gives other numbers than the net as it was meant: change no "
                "more than the mistakes")


def _forward(held: dict, x: Tensor, acts: dict[str, Callable], pool: Callable,
             end: Callable) -> Tensor:
    for name in ("C1", "C3"):
        w, b = held[name]
        x = pool(acts[name](F.conv2d(x, w.view(len(b), -1, 5, 5), b)), 2)
    x = x.flatten(1)
    for name in ("C5", "F6", "the output"):
        w, b = held[name]
        x = F.linear(x, w.flatten(1), b)
        x = end(x) if name == "the output" else acts[name](x)
    return x.double()


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, atol=2e-5)


def _with_loss(loss: float | list[float], y: Tensor, classes: int = 10) -> Tensor:
    """Logits whose cross-entropy with y is this, for all digits or for each."""
    share = torch.tensor(loss).double().neg().exp().reshape(-1, 1)
    return (F.one_hot(y, classes) * ((classes - 1) * share / (1 - share)).log()).float()
