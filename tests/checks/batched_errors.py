"""A loss and an error rate, measured in batches: answers to exercise 3 of chapter 08."""

import copy
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import functional_call, vmap
from torch.utils.data import DataLoader, TensorDataset

from lenet_book.training import evaluate


def measured(net, x, y, size, average=False, train=None, mode=False, grad=False, last=False, percent=1,
             weight=None, twice=False, flat=False, parts=torch.Tensor.split):
    """Right as it stands; each argument makes one mistake."""
    before, losses, errors = net.training, [], []
    net.train(mode)
    with torch.set_grad_enabled(grad):
        for images, labels in zip(parts(x, size), parts(y, size), strict=True):
            logits = net(images)
            loss = F.cross_entropy(logits.softmax(1) if twice else logits, labels)
            losses.append(loss * (weight or (1 if average else len(labels))))
            answers = logits.argmax() if flat else logits.argmax(1)
            errors.append((answers != labels).sum() / (len(labels) if average else 1))
    net.train(before if train is None else train)
    if last:
        return losses[-1] / len(labels), errors[-1] / len(labels)
    whole = len(losses) if average else len(y)
    return sum(losses) / whole, percent * sum(errors) / whole


@contextmanager
def evaluating(net, off=torch.no_grad):
    """Within, in evaluation mode and without gradients."""
    before = net.training
    net.eval()
    with off():
        yield
    net.train(before)


def rates(logits, y):
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) != y).double().mean().item()


def by_logits(net, x, y, size):
    with evaluating(net, torch.inference_mode):
        return [*rates(torch.cat([net(part) for part in torch.split(x, size)]), y)]


def by_loader(net, x, y, size):
    sums = np.zeros(2)
    with evaluating(net):
        for images, labels in DataLoader(TensorDataset(x, y), size):
            sums += len(labels) * np.array(rates(net(images), labels))
    return sums / len(y)


DRAWS = np.random.default_rng(0)


def in_batches(net, x, y, size, parts, means="", times=None):
    """parts: the indices of each batch. means: of which of the two numbers the batches' mean is taken.
    times: for how many examples the loss of each counts.
    """
    batches = parts(len(x), size)
    with evaluating(net):
        found = [rates(net(x[part]), y[part]) for part in batches]
    weighted = np.average(found, axis=0, weights=[*map(len, batches)])
    if times:
        weighted[0] = times * np.sum(found, axis=0)[0] / len(y)
    return np.where([each in means for each in ("loss", "error")], np.mean(found, axis=0), weighted)


def shuffled(count, size):
    """In an order of its own, whatever PyTorch's seed is."""
    return torch.from_numpy(DRAWS.permutation(count)).split(size)


def halves(count, size):
    return shuffled(count, max(1, size // 2))


def of_any_size(count, size):
    return shuffled(count, size) if size == 1 else torch.from_numpy(DRAWS.permutation(count)).split(
        [1] * (count % 2) + [2] * (count // 2))


def smallest_first(count, size):
    return torch.arange(count).split([count % size] * (count % size > 0) + [size] * (count // size))


def even(count, size):
    return torch.arange(count).tensor_split(-(-count // size))


def mapped(net, x, y, size):
    with evaluating(net):
        return rates(vmap(lambda image: net(image[None])[0], chunk_size=size)(x), y)


def of_its_own(net, x, y, batch_size):
    """By another net, with the same weights."""
    other = type(net)()
    other.load_state_dict(net.state_dict())
    return measured(other, x, y, batch_size)


def frozen(net, x, y, batch_size, thaw=True):
    """Gradients are recorded as before, and there are none."""
    net.requires_grad_(False)
    result = measured(net, x, y, batch_size, grad=True)
    net.requires_grad_(thaw)
    return result


def functional(net, x, y, batch_size):
    """By parameters without gradients."""
    before, values = net.training, {name: p.detach() for name, p in net.named_parameters()}
    net.eval()
    logits = torch.cat([functional_call(net, values, (part,)) for part in x.split(batch_size)])
    net.train(before)
    return rates(logits, y)


def clears(net, x, y, batch_size):
    net.zero_grad()
    return measured(net, x, y, batch_size)


def forgets_gradients(net, x, y, batch_size):
    result = measured(net, x, y, batch_size)
    torch.set_grad_enabled(False)
    return result


def left_out(net, x, y, batch_size, mean=False):
    """The last, smaller batch is not run; mean: of the batches' means."""
    net.eval()
    with torch.no_grad():
        batches = [(net(images), labels) for images, labels in
                   DataLoader(TensorDataset(x, y), batch_size, drop_last=True)]
    count = len(batches) if mean else len(y)
    weight = 1 if mean else batch_size
    loss = weight * sum(F.cross_entropy(logits, labels) for logits, labels in batches)
    wrong = weight * sum((logits.argmax(1) != labels).double().mean() for logits, labels in batches)
    return loss / count, wrong / count


RIGHT = [(measured,), (by_logits,), (by_loader,), (frozen,), (functional,),
         (lambda net, x, y, size: measured(copy.deepcopy(net).eval(), x, y, size),),
         *[(partial(in_batches, parts=parts),) for parts in
           (shuffled, halves, of_any_size, smallest_first, even)], (mapped,)]

WRONG = [  # (words that name the error, answer)
    ("evaluate does", lambda net, x, y, size: evaluate(net, (x, y)).loss),
    ("both are means of", partial(measured, average=True)),
    *[(words, partial(in_batches, parts=parts, means=means))
      for words, means in (("both are means of", "loss error"), ("the loss is a mean", "loss"),
                           ("the error rate is a mean", "error"))
      for parts in (shuffled, halves, of_any_size, smallest_first, even)],
    ("multiplied by batch_size", lambda *case: in_batches(*case, shuffled, times=case[3])),
    ("exchanged", lambda *case: measured(*case)[::-1]),
    ("the loss is a mean of", lambda *case: (measured(*case, average=True)[0], measured(*case)[1])),
    ("the error rate is a mean", lambda *case: (measured(*case)[0],
                                                measured(*case, average=True)[1])),
    ("right answers", lambda *case: (measured(*case)[0], 1 - measured(*case)[1])),
    ("number of wrong", lambda *case: (measured(*case)[0], measured(*case)[1] * len(case[2]))),
    ("in %", partial(measured, percent=100)),
    ("sum over all", lambda *case: (measured(*case)[0] * len(case[2]), measured(*case)[1])),
    ("both are sums", lambda *case: [each * len(case[2]) for each in measured(*case)]),
    ("smaller batch is left out", lambda net, x, y, n: measured(
        net, x[:len(x) // n * n], y[:len(x) // n * n], n)),
    ("smaller batch is left out", left_out),
    ("smaller batch is left out", partial(left_out, mean=True)),
    ("last batch alone", partial(measured, last=True)),
    ("first batch alone", lambda net, x, y, n: measured(net, x[:n], y[:n], n)),
    ("training mode, in which", partial(measured, mode=True)),
    ("training mode, and the", partial(measured, mode=True, average=True)),
    ("gradients are recorded", partial(measured, grad=True)),
    ("stay frozen", partial(frozen, thaw=False)), ("gradients that the net holds", clears),
    ("left in evaluation", partial(measured, train=False)),
    ("left in training", partial(measured, train=True)),
    ("multiplied by batch_size", lambda *case: measured(*case, weight=case[3])),
    ("divided by the number of examples", partial(measured, weight=1)),
    ("takes its own", partial(measured, twice=True)), ("along dim=1", partial(measured, flat=True)),
    ("split(n) batches of n", partial(measured, parts=torch.Tensor.chunk)),
    ("at once, where batch_size = 2", lambda net, x, y, size: measured(net, x, y, 1000)),
    ("net that is given is not run", of_its_own),
    ("leaves gradients", forgets_gradients), ("2 values", lambda *case: measured(*case)[0]),
    ("it returns nothing", lambda *case: [] or None), ("function", (0.5, 0.1)),
    ("2 values", lambda *case: "0.5, 0.1")]
