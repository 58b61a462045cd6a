"""A net with mistakes, mended: is it as it was meant, in its layers and in its dropout?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    "logits squashed by a tanh": torch.tanh,
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
    _as_meant(y, held, x, activation, pool, ends)
    _large_as_meant(run, mine, x, activation, pool, ends)
    gradients_arrive(run(x), {name: [p for p in mine.parameters() if p.numel() in sizes]
                              for name, sizes in _NUMBERS.items()})
    for name, (weights, _) in held.items():
        times = (weights.std() * (3 * weights[0].numel())**0.5).item()  # uniform in +-1 / sqrt(inputs)
        if fresh and weights.numel() > 800 and abs(times - 1) > 0.2:
            raise Wrong(f"the weights of {name} begin with {times:.2g} times the spread that PyTorch "
                        "gives them: change no more than the mistakes")
    return x


def _large_as_meant(run: Callable, mine: nn.Module, x: Tensor, activation: Callable, pool: Callable,
                    ends: str) -> None:
    """Refuse an activation with a limit that small weights do not reach."""
    with _numbers_kept(mine) as held:
        for name in held:
            held[name][0].mul_(10 if name != "the output" else 0.001)
        right = _forward(held, x, dict.fromkeys(held, activation), pool, _ENDS[ends])
        y = tensor(run(x), (4, 10), "its result")
        if (y - right).abs().max() > 1e-3 * right.abs().max():
            raise Wrong("with weights ten times as large it gives other numbers than the net as it was "
                        "meant: does an activation, such as clamp or ReLU6, cut off what is large?")


@contextmanager
def _numbers_kept(mine: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """Within, the weights and biases of the layers, which may be changed."""
    held = _held(mine)
    with kept([each for pair in held.values() for each in pair]):
        yield held


def _held(mine: nn.Module) -> dict[str, list[Tensor]]:
    """Weights and biases of each layer, found by how many they are."""
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
    return {name: [found[each].detach() for each in sizes] for name, sizes in _NUMBERS.items()}


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
        held["the output"][0].zero_()[:9].fill_diagonal_(1)
        held["the output"][1][:9] = 1
        yield


def drops_half_of_f6(mine: nn.Module) -> None:
    """Refuse another dropout than NetB's, however it is drawn; with the numbers made for this."""
    run, x = Function(mine, "x"), torch.randn(1, 1, 32, 32).repeat(1000, 1, 1, 1)

    def f6(x: Tensor) -> Tensor:
        y = tensor(run(x), (len(x), 10), "its result in train()")
        if not torch.allclose(y.exp().sum(1), torch.tensor(1.0).double(), atol=1e-3):
            raise Wrong("in eval() it is right, but in train() the probabilities of a digit do not add "
                        "up to 1")
        return y[:, :9] - y[:, 9:] - 1

    whole = f6(x[:2])[:1]  # of all, which are the same digit
    mine.train()
    times = f6(x) / whole
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
    if torch.cat([share - 0.5, alike - 0.5]).abs().max() > 0.08 or torch.equal(kept, f6(x) > 1e-3):
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
        for where in (each for count in range(1, 5) for each in combinations([*held][:4], count)):
            if _close(y, _forward(held, x, plain | dict.fromkeys(where, other), pool, _ENDS[ends])):
                raise Wrong(f"its activation is {name}, and was another before" if len(where) == 4 else
                            f"the activation upon {' and '.join(where)} is {name}, and should be that "
                            "of the other layers")
    for name, other in {"max": F.max_pool2d, "average": F.avg_pool2d}.items():
        if _close(y, _forward(held, x, plain, other, _ENDS[ends])):
            raise Wrong(f"its pooling is {name} pooling, and was another before")
    right = _forward(held, x, plain, pool, _ENDS[ends])
    if ends == "logits" and _close(y[right > 0], right[right > 0]):
        raise Wrong("an activation still follows upon the output: logits below 0 are changed by it")
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
