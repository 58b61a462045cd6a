"""A net with mistakes, mended: is it as it was meant, in its layers and in its dropout?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import combinations, product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..tables import by
from .acting_parameters import gradients_arrive, kept
from .answers import tensor
from .calls import Function
from .verdict import Wrong


@contextmanager
def its_modes_kept(mine: nn.Module) -> Iterator[nn.Module]:
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
}
_ACTIVATIONS = {
    "tanh": torch.tanh, "ReLU": torch.relu, "a sigmoid": torch.sigmoid, "GELU": F.gelu,
    "leaky ReLU": F.leaky_relu, "ELU": F.elu, "SiLU": F.silu, "softplus": F.softplus,
    "the hard tanh": F.hardtanh, "the absolute value": torch.abs,
}


def mended(mine: nn.Module, fresh: bool, activation: Callable, pool: Callable, ends: str) -> Tensor:
    """Digits, when the net, now in eval(), is as it was meant; or Wrong, with what is broken.

    fresh: was it made just now, so that its weights must be as PyTorch draws them?
    """
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
    with _numbers_kept(mine) as numbers:
        _as_meant(run, numbers, activation, pool, ends)
    gradients_arrive(run(x), {name: [p for p in mine.parameters() if p.numel() in sizes]
                              for name, sizes in _NUMBERS.items()})
    for name, (weights, _) in held.items():
        times = (weights.std() * (3 * weights[0].numel())**0.5).item()  # uniform in +-1 / sqrt(inputs)
        if fresh and weights.numel() > 800 and abs(times - 1) > 0.2:
            raise Wrong(f"the weights of {name} begin with {times:.2g} times the spread that PyTorch "
                        "gives them: change no more than the mistakes")
    return x


@contextmanager
def _numbers_kept(mine: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """Within, the weights and biases of the layers, which may be changed."""
    held = _held(mine)
    with kept([each for pair in held.values() for each in pair]):
        yield held


def _held(mine: nn.Module) -> dict[str, list[Tensor]]:
    """Weights and biases of each layer, found by how many they are."""
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in mine.parameters()):
        raise Wrong("a lazy layer has no numbers before the net has run: give the sizes, as the net of "
                    "the page does")
    trained = [p for p in mine.parameters() if p.requires_grad]
    found = {p.numel(): p for p in trained}
    if lost := [name for name, sizes in _NUMBERS.items() if not set(sizes) <= found.keys()]:
        gone = [f"the {what} of {name}" for name in lost for size, what in
                zip(_NUMBERS[name], ("weights", "biases"), strict=True) if size not in found]
        said = f"the numbers of {', '.join(lost)}" if len(gone) == 2 * len(lost) else ", ".join(gone)
        others = [by(p.shape) for p in trained if p.numel() not in sum(_NUMBERS.values(), ())]
        if others and len(trained) >= 2 * len(_NUMBERS):  # as many as there should be
            raise Wrong(f"of another shape than they were meant to be are {said} ({others[0]} is "
                        "there): change no more than the mistakes")
        raise Wrong(f"parameters() does not find {said}")
    total = sum(p.numel() for p in mine.parameters())
    if total != 61_706:
        raise Wrong(f"it has {total:,} parameters, and should have 61,706")
    saved = {id(p) for p in nn.Module.state_dict(mine, keep_vars=True).values()}
    if lost := [name for name, sizes in _NUMBERS.items()
                if not all(id(found[each]) in saved for each in sizes)]:
        raise Wrong(f"parameters() gives the numbers of {', '.join(lost)}, but state_dict() does not "
                    "hold them, so that they are not saved: PyTorch does not find these layers")
    pairs = {name: [found[each].detach() for each in sizes] for name, sizes in _NUMBERS.items()}
    return {name: [w.T if w.dim() == 2 and len(w) != len(b) else w, b]  # x @ w + b is a layer, too
            for name, (w, b) in pairs.items()}


def same_in_training(mine: nn.Module, x: Tensor, name: str) -> None:
    """Refuse what reads otherwise in train() than in eval(), as it is in."""
    if not torch.equal(mine(x), mine.train()(x)):
        raise Wrong(f"in eval() it is right, but in train() it reads otherwise, which {name} did not")


@contextmanager
def numbers_by_which_dropout_is_seen(mine: nn.Module) -> Iterator[None]:
    """Within, logits 0 to 8 are each a number of F6, all above 0, plus 1; logit 9 is 0."""
    with _numbers_kept(mine) as held:
        for w, b in held.values():
            w.normal_(std=(2 / w[0].numel())**0.5)
            b.zero_()
        held["F6"][0].uniform_(0, 0.1)
        held["F6"][1].fill_(1)
        held["the output"][0].zero_()[:9].flatten(1).fill_diagonal_(1)
        held["the output"][1][:9] = 1
        yield


def drops_half_of_f6(mine: nn.Module) -> None:
    """Refuse another dropout than NetB's, however it is drawn; with the numbers made for this."""
    run, x = Function(mine, "x"), torch.randn(1, 1, 32, 32).repeat(100, 1, 1, 1)

    def f6(x: Tensor) -> Tensor:
        y = tensor(run(x), (len(x), 10), "its result in train()")
        if not torch.allclose(y.exp().sum(1), torch.tensor(1.0).double(), atol=1e-3):
            raise Wrong("in eval() it is right, but in train() the probabilities of a digit do not add "
                        "up to 1")
        return y[:, :9] - y[:, 9:] - 1

    whole = f6(x[:2])[:1]  # of all, which are the same digit
    mine.train()
    times = torch.cat([f6(x) for _ in range(10)]) / whole  # all at once takes twice as long
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
    if torch.cat([share - 0.5, alike - 0.5]).abs().max() > 0.08 or torch.equal(*kept.split(100)[:2]):
        raise Wrong("in train() it must draw anew for each number of F6, each digit and each time")


class Meant:
    """A net as it was meant, and the digits that it is given; another net may take its numbers.

    They are drawn always alike: what is found depends on no seed. times: by what the weights of all
    layers are larger than usual. logits: their spread.
    """

    def __init__(self, activation: Callable, pool: Callable, ends: str, times: float = 1,
                 logits: float = 3):
        self.activation, self.pool, self.ends = activation, pool, ends
        self.x = torch.empty(4, 1, 32, 32, dtype=torch.float)
        self.x.normal_(generator=torch.Generator().manual_seed(0))
        draw, self.numbers = torch.Generator().manual_seed(1), {}
        for name, (weights, biases) in _NUMBERS.items():
            w, b = self.x.new_empty(biases, weights // biases), self.x.new_empty(biases)
            w.uniform_(-1, 1, generator=draw).mul_(times * (6 / w[0].numel())**0.5)
            b.uniform_(-0.5, 0.5, generator=draw).mul_(times)
            self.numbers[name] = w, b
        self.numbers["the output"][0].mul_(logits / self(end=_ENDS["logits"]).std())

    def __call__(self, pool: Callable | None = None, end: Callable | None = None,
                 **acts: Callable) -> Tensor:
        """What it gives; pool, end, acts: what is otherwise, these by their layers."""
        x, pool, end = self.x, pool or self.pool, end or _ENDS[self.ends]
        for name, (w, b) in self.numbers.items():
            act = end if name == "the output" else acts.get(name, self.activation)
            x = (pool(act(F.conv2d(x, w.view(len(b), -1, 5, 5), b)), 2) if name in ("C1", "C3")
                 else act(F.linear(x.flatten(1), w, b)))
        return x.double()

    def mistakes(self) -> Iterator[tuple[str, Tensor]]:
        """What is said of a net that gives this, the fewest differences first."""
        ends, hidden = self.ends, [*_NUMBERS][:4]
        for count in range(5):
            for linear, other in product(product((False, True), repeat=4), _ENDS):
                if sum(linear) + (other != ends) != count:
                    continue
                missing = [name for name, gone in zip(hidden, linear, strict=True) if gone]
                said = [f"no activation follows upon {' and '.join(missing)}"] * bool(missing) + [
                    f"it gives {other}, and {ends} are asked for"] * (other != ends)
                linear_there = dict.fromkeys(missing, _ENDS["logits"])
                yield "; and ".join(said), self(end=_ENDS[other], **linear_there)
        for name, other in _ACTIVATIONS.items():
            for where in (each for count in range(1, 5) for each in combinations(hidden, count)):
                yield (f"its activation is {name}, and was another before" if len(where) == 4 else
                       f"the activation upon {' and '.join(where)} is {name}, and should be that "
                       "of the other layers"), self(**dict.fromkeys(where, other))
            yield (f"{name} follows upon the output, and should not: it changes the logits",
                   self(end=lambda x, act=other: _ENDS[ends](act(x))))
        for name, pool in ("max", F.max_pool2d), ("average", F.avg_pool2d):
            yield f"its pooling is {name} pooling, and was another before", self(pool=pool)
        yield ("the maps are pooled first, and the activation follows; in the net as it was meant "
               "it comes before pooling", self(C1=_ENDS["logits"], C3=_ENDS["logits"],
                                               pool=lambda x, k: self.activation(self.pool(x, k))))
        if ends == "log-probabilities":
            yield ("in eval() what F6 gives is halved, as in the first dropout of 2012; that of "
                   "PyTorch leaves it as it is in eval(), and doubles in train() what is kept",
                   self(F6=lambda a: self.activation(a) / 2))


@cache
def _meant(activation: Callable, pool: Callable, ends: str, **size: float) -> tuple[Meant, Tensor]:
    """It, and what it gives."""
    meant = Meant(activation, pool, ends, **size)
    return meant, meant()


@cache
def _mistakes(activation: Callable, pool: Callable, ends: str) -> list[tuple[str, Tensor]]:
    return [*_meant(activation, pool, ends)[0].mistakes()]


def _as_meant(run: Callable, held: dict[str, list[Tensor]], *net) -> None:
    """Refuse a net, which holds these numbers, that is not the net of activation, pooling and end."""
    cut_off = Wrong("where numbers are large it gives others than the net as it was meant: does an "
                    "activation, such as clamp or ReLU6, cut off what is large?")

    def both(**size: float) -> tuple[Tensor, Tensor]:
        """What the two give with the same numbers."""
        meant, right = _meant(*net, **size)
        for name, numbers in meant.numbers.items():
            for own, number in zip(held[name], numbers, strict=True):
                own.copy_(number.view_as(own))
        return tensor(run(meant.x.to(torch.get_default_dtype())), (4, 10), "its result",
                      finite=size.get("logits") is None), right

    y, right = both()
    if not _close(y, right):
        _named(y, right, *net)
        y, right = both(logits=300)
        if net[-1] == "log-probabilities":
            _bounded(y, right)
        if net[0] is torch.relu and _close(*both(times=0.1)):  # a tanh is straight there
            raise cut_off
        raise Wrong("with the same weights it gives other numbers than the net as it was meant: change "
                    "no more than the mistakes")
    _sure(*both(logits=300), net[-1])
    if not _close(*both(times=10)):
        raise cut_off


def _named(y: Tensor, right: Tensor, *net) -> None:
    """Raise Wrong where it is known what makes y of what was meant."""
    for said, other in _mistakes(*net):
        if _close(y, other):
            raise Wrong(said)
    if net[-1] == "logits" and _close(y[right > 0], right[right > 0]):
        raise Wrong("an activation still follows upon the output: logits below 0 are changed by it")


def _sure(y: Tensor, right: Tensor, ends: str) -> None:
    """Refuse what is wrong where the logits are some hundreds."""
    if _close(y, right):
        return
    place = (y - right).abs().nan_to_num(torch.inf).argmax()
    said = ("where the net is sure, with logits of some hundreds, it gives "
            f"{y.flatten()[place]:.4g}, not {right.flatten()[place]:.4g}")
    if ends != "logits":
        _bounded(y, right)
    if ends == "logits" or (y.isfinite().all() and y.min() > 2 * right.min()):
        raise Wrong(f"{said}: is something cut off upon the output?")
    raise Wrong(f"{said}: e to a logit is infinite there, or a probability 0; F.log_softmax takes "
                "softmax and logarithm at once, and stays right")


def _bounded(y: Tensor, right: Tensor) -> None:
    """Refuse logarithms of probabilities that are right, but end at a number."""
    least = y.min()
    if right.min() + 1 < least < -2 and torch.allclose(y, right.clamp(min=least), atol=1):
        raise Wrong(f"where the net is sure it gives {least:.4g}, not {right.min():.4g}: no logarithm "
                    f"is below that of {least.exp():.1g}, which is added to the probabilities or cuts "
                    "them off; F.log_softmax needs neither")


def _close(y: Tensor, right: Tensor) -> bool:
    """Equal, but for 0.0001 of the largest."""
    return torch.allclose(y, right, rtol=0, atol=1e-4 * right.abs().max().item())
