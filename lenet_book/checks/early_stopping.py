"""A training whose validation errors are known beforehand: does it learn, measure and stop as asked?"""

from math import isclose

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import debug_unwrap

from .answers import number
from .calls import Function
from .verdict import Wrong

# Validation errors, epoch by epoch; patience; most_epochs; of how many examples so many are wrong.
SCRIPTS = [*((*each, 200) for each in (
    ([100, 60, 80, 80, 80, 40, 20], 2, 7), ([120, 100, 80, 60, 40], 2, 4),
    ([100, 80, 80, 80, 20, 0], 2, 6), ([100, 120, 120, 80, 100, 100, 100, 20, 0], 3, 9),
    ([40, 60, 60, 20], 1, 4), ([100, 40, 80, 60, 20, 0], 2, 6),
    ([100, 120, 80, 100, 60, 40, 20], 2, 7), ([140, 60], 5, 2), ([100, 40, 80, 60], 3, 3),
    ([100, 99, 98, 97, 99], 1, 5), ([100, 0, 60, 40, 40, 20], 2, 6))),
    # One is less than 0.0001, also of what is wrong; the first two are alike to 4 digits, all to 3.
    ([12_977, 12_976, 12_975], 1, 3, 13_000)]


class _Runs(list):
    """What a net was run on, and what copies of it were."""

    def __deepcopy__(self, memo):
        return self


class Net(nn.Module):
    """Knows what it is run on, in which mode, and whether gradients are recorded.

    Two classes: the second where the example's first number is smaller than the weight.
    """

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.35]).double())
        self.register_buffer("epoch", torch.tensor(0))  # as a normalisation's averages: no parameter
        self.runs = _Runs()  # (examples, training mode, gradients)

    def __repr__(self):
        return "with one weight"

    def forward(self, x):
        y = self.logits(x) * (0.3 if self.training else 1)  # as dropout, it behaves in two ways
        examples = debug_unwrap(x.detach())  # within torch.func.vmap, it has one axis more
        self.runs.append((examples.reshape(-1, *x.shape[1:]), self.training, y.requires_grad))
        return y

    def logits(self, x):
        first = x.flatten(1)[:, :1]
        above = 4 * (1 + first) * (self.weight - first)
        return torch.cat([0 * above, above], dim=1)


def check_lengths(lengths: list[int]) -> None:
    """Refuse lengths that are not those of trainings by the scripts; say by which rule they are."""
    if lengths != [_epochs(*each) for each in SCRIPTS]:
        raise Wrong(next((said for said, rule in _RULES
                          if lengths == [_epochs(*each, **rule) for each in SCRIPTS]),
                         _first_difference(lengths)))


def _epochs(script, patience, most, _, more=0, by_the_one_before=False, ties=False, reset=True,
            fewer=0, enough=-1) -> int:
    """After how many epochs a training ends by this rule, for these validation errors."""
    best, bad, most = script[0], 0, most - fewer
    for epoch, error in enumerate(script[:most], start=1):
        better = epoch == 1 or error < best or (ties and error == best)
        bad = bad + 1 if not better else 0 if reset else bad
        if better or by_the_one_before:
            best = error
        if bad >= patience + more or error <= enough:
            return epoch
    return most


_RULES = [
    ("it never stops early: patience is not used", {"more": 99}),
    ("it goes on for an epoch too many: stop as soon as `patience` epochs in a row were not better",
     {"more": 1}),
    ("it stops an epoch too early", {"more": -1}),
    ("most_epochs may be trained, and it never trains the last of them", {"fewer": 1}),
    ("each epoch is compared with the one before; compare it with the best so far",
     {"by_the_one_before": True}),
    ("an epoch that is only as good as the best counts as better, or the loss decides and not the "
     "error", {"ties": True}),
    ("epochs that were not better are counted from the beginning; after a better one start at 0 again",
     {"reset": False}),
    ("it stops where an error is 0, or small: only patience and most_epochs end it", {"enough": 0}),
]


def _first_difference(lengths) -> str:
    """What is wrong where a training ends too early or too late, by a rule that is not known."""
    wrong = [(each, length, _epochs(*each)) for each, length in zip(SCRIPTS, lengths, strict=True)
             if length != _epochs(*each)]
    if all(script[1] == script[0] - 1 and length < right for (script, *_), length, right in wrong):
        return ("an epoch counts as better by a margin only, or the errors are rounded before they are "
                "compared; any smaller error is better")
    (script, patience, most, examples), length, right = wrong[0]
    said = ", ".join(f"{error / examples}" for error in script[:right])
    return (f"with validation errors {said}, patience {patience} and at most {most} epochs it stops "
            f"after {length} and not after {right}"
            + ": does the loss decide, and not the error?" * (length > right))


class Trial:
    """A training whose validation errors are known beforehand, whatever is learned.

    After the first step of an epoch the net's only weight is where it gives the epoch's error.
    """

    def __init__(self, script, patience: int, most: int, examples: int):
        self.net = Net()
        self.net.train()
        self.script, self.patience, self.most, self.examples = script, patience, most, examples
        self.x, self.y = _examples(torch.rand(7).double(), 1), torch.randint(2, (7,))
        # Thresholds, all of the second class: so many are wrong as lie above the weight.
        thresholds = (torch.arange(examples).double() + 0.5) / examples
        self.validation = _examples(thresholds, -1), torch.ones(examples).long()
        self.where = [1 - (error - 0.04 * place) / examples for place, error in enumerate(script)]
        self.gradients = []  # one a step
        self.left = self.net.weight.item()  # by the last step
        self.counted = 0, 0, False  # runs that were looked at, the epochs in them, learned since then?

    def train(self, function: Function) -> tuple[int, int]:
        """The number of epochs, and that of the epoch whose weights are left. Raises Wrong."""
        weights = self.where
        trial, net = self, self.net

        class Optimiser(torch.optim.SGD):
            def step(self, closure=None):
                with torch.enable_grad():
                    loss = closure() if closure else None
                trial.check_step()
                epoch = min(trial.epochs(), len(weights) - 1)
                with torch.no_grad():
                    net.weight.fill_(weights[epoch])
                    net.epoch.fill_(epoch + 1)
                trial.left = net.weight.item()
                return loss

        optimiser = Optimiser([net.weight], lr=0.1)
        result = function(net, (self.x, self.y), self.validation, optimiser,
                          4, self.patience, self.most)
        if optimiser.param_groups[0]["lr"] != 0.1:
            raise Wrong("the learning rate of the optimiser is changed, and nobody asked for it")
        length = self.check_runs()
        if isinstance(result, str | dict) or not hasattr(result, "__len__"):
            raise Wrong("return the validation errors in a list, one an epoch")
        if len(result) != length:
            raise Wrong(f"{length} epochs, but {len(result)} validation errors are returned")
        right = [error / self.examples for error in self.script[:length]]
        mine = [number(each, "a validation error") for each in result]
        for said, factor in (("are in %, and should be between 0 and 1", 100),
                             ("are counts, and should be shares between 0 and 1", self.examples)):
            if torch.allclose(torch.tensor(mine), factor * torch.tensor(right)):
                raise Wrong(f"the validation errors {said}")
        if torch.allclose(torch.tensor(mine), 1 - torch.tensor(right)) and set(right) != {0.5}:
            raise Wrong("these are accuracies, the shares of right answers; errors are asked")
        off = [abs(one - other) for one, other in zip(mine, right, strict=True)]
        if max(off) > 5.1e-5:  # four digits are enough
            place = off.index(max(off))
            raise Wrong("the validation errors are rounded, or of a type with few digits: "
                        f"{mine[place]:.6g} is returned for {right[place]:.6g}"
                        if max(off) < 6e-3 else
                        f"the validation errors were {_some(right)}, and {_some(mine)} are returned")
        kept = [epoch for epoch, where in enumerate(weights, start=1)
                if abs(net.weight.item() - where) < 1e-6]  # they may have been kept in float32
        if kept and net.epoch.item() != kept[0]:
            raise Wrong(f"the parameters that are left are those of epoch {kept[0]}, but a buffer of "
                        f"the net is that of epoch {net.epoch.item()}: state_dict() holds both")
        return length, kept[0] if kept else 0

    def epochs(self) -> int:
        """How often the net has learned and then been measured, be it once or several times."""
        seen, epochs, learned = self.counted
        for x, _, grad in self.net.runs[seen:]:
            if (_ids(x) < 0).any():
                epochs, learned = epochs + learned, False
            else:
                learned |= grad
        self.counted = len(self.net.runs), epochs, learned
        return epochs

    def check_step(self) -> None:
        """The gradient must be that of the last batch. Raises Wrong."""
        net, gradient = self.net, self.net.weight.grad
        if net.weight.item() != self.left:
            raise Wrong("the training goes on from other weights than its last step left: the best "
                        "are put back once, when it has ended")
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
        if _alike(gradient.item(), right.item()):
            return
        if any(_alike(gradient.item(), sum(self.gradients[-several:]))
               for several in range(2, len(self.gradients) + 1)):
            raise Wrong("the gradients of several batches add up: clear them before each backward pass")
        raise Wrong("the losses of a batch are added up; take their mean, as F.cross_entropy does"
                    if _alike(gradient.item(), len(batch) * right.item()) else
                    "the gradient is not that of the batch's cross-entropy: do its labels belong "
                    "to its examples?")

    def check_runs(self) -> int:
        """The number of epochs, if each was as it should be. Raises Wrong."""
        epochs, learned, measured = [], [], []
        for x, training, grad in self.net.runs:
            ids = _ids(x)
            if (ids < 0).any():
                if training:
                    raise Wrong("the validation set is measured in training mode: net.eval()")
                if grad:
                    raise Wrong("gradients are recorded while the validation set is measured: "
                                "torch.no_grad()")
                if not learned and not epochs and self.gradients:
                    raise Wrong("the validation set is measured before the first epoch; "
                                "one error an epoch is asked, after it")
                if learned:
                    epochs.append(learned)
                    measured.append(set())
                    learned = []
                if measured:
                    measured[-1].update(ids.tolist())
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
        if (least := min(map(len, measured))) < len(self.validation[1]):
            raise Wrong(f"of the {len(self.validation[1])} validation examples only {least} are "
                        "measured after an epoch")
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


def _alike(one: float, other: float) -> bool:
    """Equal, as float32 goes."""
    return isclose(one, other, rel_tol=1e-5, abs_tol=1e-6)


def _some(errors: list[float]) -> str:
    return ", ".join(f"{error:.4g}" for error in errors)


def _examples(thresholds: Tensor, sign: int) -> Tensor:
    """N x 1 x 1 x 2: the number that the net looks at, and which example this is."""
    ids = sign * (torch.arange(len(thresholds)) + 1)
    return torch.stack([thresholds, ids.double()], dim=1)[:, None, None]


def _ids(x: Tensor) -> Tensor:
    return x.flatten(1)[:, 1].long()
