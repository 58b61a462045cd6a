"""Chapter 08's exercises: right answers, and wrong ones with words of the reason."""

import copy
from functools import partial
from math import log

import numpy as np
import torch
import torch.nn.functional as F
from every_exercise import *  # noqa: F403  the tests that the tables below are for
from torch.func import functional_call, vmap
from torch.utils.data import DataLoader, TensorDataset

from lenet_book.training import evaluate

CHAPTER = 8


def by_difference(logits, labels, least=-torch.inf):
    shifted = logits - logits.amax(1, keepdim=True).clamp(least)
    return (shifted.exp().sum(1).log() - shifted[torch.arange(len(labels)), labels]).mean()


def by_hand(logits, labels):
    largest = logits.max(1).values
    of_sum = largest + torch.log(torch.exp(logits - largest[:, None]).sum(1))
    return (of_sum - logits.gather(1, labels[:, None])[:, 0]).mean().item()


def by_shifted_fraction(logits, labels):
    shifted = (logits - logits.amax(1, keepdim=True)).exp()
    return -(shifted / shifted.sum(1, keepdim=True))[torch.arange(len(labels)), labels].log().mean()


def by_one_hot(logits, labels):
    shifted = logits - logits.amax(1, keepdim=True)
    rows = F.one_hot(labels, logits.shape[1]).float()
    return (shifted.exp().sum(1).log() - torch.diagonal(shifted @ rows.T)).mean()


def one_by_one(logits, labels):
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        total += log(sum(2.718281828459045 ** (s - max(row)) for s in row)) + max(row) - row[label]
    return total / len(labels)


def by_probability(logits, labels):  # as the formula stands
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -p[torch.arange(len(labels)), labels].log().mean()


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


def by_logits(net, x, y, size):
    before = net.training
    net.eval()
    with torch.inference_mode():
        logits = torch.cat([net(part) for part in torch.split(x, size)])
    net.train(before)
    return [F.cross_entropy(logits, y).item(), (logits.argmax(1) != y).double().mean().item()]


def by_loader(net, x, y, size):
    before, loss, wrong = net.training, 0, 0
    net.eval()
    with torch.no_grad():
        for images, labels in DataLoader(TensorDataset(x, y), size):
            logits = net(images)
            loss += len(labels) * by_difference(logits, labels).item()
            wrong += int((logits.max(1).indices != labels).sum())
    net.train(before)
    return np.array([loss, wrong]) / len(y)


DRAWS = np.random.default_rng(0)


def in_batches(net, x, y, size, parts, means="", times=None):
    """parts: the indices of each batch. means: of which of the two numbers the batches' mean is taken.
    times: for how many examples the loss of each counts.
    """
    before, found, counts = net.training, [], []
    net.eval()
    with torch.no_grad():
        for part in parts(len(x), size):
            logits, labels = net(x[part]), y[part]
            found.append((F.cross_entropy(logits, labels).item(),
                          (logits.argmax(1) != labels).double().mean().item()))
            counts.append(len(part))
    net.train(before)
    weighted = np.average(found, axis=0, weights=counts)
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
    before = net.training
    net.eval()
    with torch.no_grad():
        logits = vmap(lambda image: net(image[None])[0], chunk_size=size)(x)
    net.train(before)
    return F.cross_entropy(logits, y), (logits.argmax(1) != y).double().mean()


def at_once(net, x, y, size):
    return measured(net, x, y, 1000)


def stopping(net, training, validation, optimiser, batch_size, patience, most_epochs, *,
             clear=True, shuffle=True, drop=0, mode=True, copied=True, ties=False, reset=True, late=0,
             before=False, learn_from=None, put_back=True, measure_mode=False, grad=False, factor=1,
             reference="best", reduction="mean", returned="errors", fixed=False, mixed=False, times=1,
             margin=0, share=0, digits=99, enough=-1, back=False, rate=1, closed=False,
             keep=torch.clone, loss_in=torch.float64, smoothing=0.0, small=None):
    """Right as it stands, however many times it measures, closed, with all of a step in a closure,
    whatever it keeps the weights in, with a loss in float32, and with a tiny number in the logarithm;
    each other argument makes one mistake.
    """
    def loss_of(a, b):
        logits = net(a).to(loss_in)
        loss = F.cross_entropy(logits, b, reduction=reduction, label_smoothing=smoothing)
        if small is not None:
            loss = -(logits.softmax(1)[range(len(b)), b] + small).log().mean()
        if clear:
            optimiser.zero_grad()
        loss.backward()
        return loss

    (x, y), (v, w) = training, validation
    errors, best, bad, weights = [], float("inf"), 0, None
    order = torch.randperm(len(x))
    for _ in range(most_epochs):
        net.train(mode)
        order = order if fixed else torch.randperm(len(x)) if shuffle else torch.arange(len(x))
        for batch in order[drop:].split(batch_size):
            a, b = (x[batch], y[batch]) if learn_from is None else (v, w)
            step = partial(loss_of, a, b.flip(0) if mixed else b)
            optimiser.step(step) if closed else (step(), optimiser.step())
        net.train(measure_mode)
        with torch.set_grad_enabled(grad):
            for _ in range(times):
                error = (net(v).argmax(1) != w).double().mean().item()
        errors.append(error)
        better = round(error, digits) < round(min(best, 2), digits) - margin - share * min(best, 2)
        if better or (ties and error == best):
            weights = ({name: keep(each) for name, each in net.state_dict().items()} if copied else
                       net.state_dict())
            bad = 0 if reset else bad
        else:
            bad += 1
            optimiser.param_groups[0]["lr"] *= rate
            if back:
                net.load_state_dict(weights)
        best = error if reference == "before" or better else best
        if bad == patience + late or error <= enough:
            if put_back == "early":
                net.load_state_dict(weights)
            break
    if put_back is True:
        net.load_state_dict(weights)
    return {"errors": [factor * error for error in errors], "rounded": [round(e, 4) for e in errors],
            "half": torch.tensor(errors, dtype=torch.float16),
            "float32": torch.tensor(errors, dtype=torch.float32), "best": best, "count": len(errors),
            "accuracies": [1 - error for error in errors]}[returned]


def stops(**mistakes):
    return lambda *given: stopping(*given, **mistakes)


def with_a_loader(net, training, validation, optimiser, batch_size, patience, most_epochs,
                  buffers=True):
    loader = DataLoader(TensorDataset(*training), batch_size, shuffle=True)
    history, kept = [], []
    for _ in range(most_epochs):
        net.train()
        for x, y in loader:
            net.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimiser.step()
        net.eval()
        with torch.no_grad():
            wrong = sum((net(x).argmax(1) != y).sum().item()
                        for x, y in DataLoader(TensorDataset(*validation), 512))
        history.append(wrong / len(validation[1]))
        kept.append(copy.deepcopy(net.state_dict() if buffers else dict(net.named_parameters())))
        if len(history) - 1 - history.index(min(history)) >= patience:
            break
    net.load_state_dict(kept[history.index(min(history))], strict=buffers)
    return tuple(history)


def with_the_optimisers_state(net, training, validation, optimiser, *rest):
    """The optimiser's state is kept and put back, beside the weights."""
    state = copy.deepcopy(optimiser.state_dict())
    errors = stopping(net, training, validation, optimiser, *rest)
    optimiser.load_state_dict(state)
    return errors


def on_schedule(net, training, validation, optimiser, *rest):
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 1, 0.9)
    errors = stopping(net, training, validation, optimiser, *rest)
    schedule.step()
    return errors


def training_measured_too(net, training, validation, optimiser, *rest):
    """Its errors as a tensor; in the end the net is tried on both sets, which harms nothing."""
    def listening(x):
        return net.forward(x)

    errors = stopping(net, training, validation, optimiser, *rest)
    with torch.no_grad():
        listening(training[0]), net(validation[0])
    return torch.tensor(errors)


def never_steps(net, training, validation, *rest):
    F.cross_entropy(net(training[0][:4]), training[1][:4]).backward()
    with torch.no_grad():
        net.eval()(validation[0])
    return [0.5]


def measures_only(net, training, validation, *rest):
    with torch.no_grad():
        return [(net.eval()(validation[0]).argmax(1) != validation[1]).double().mean().item()]


def measures_first(net, training, validation, *rest):
    return [*measures_only(net, training, validation), *stopping(net, training, validation, *rest)]


def half_measured(net, training, validation, *rest):
    return stopping(net, training, [each[:5] for each in validation], *rest)


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
    return F.cross_entropy(logits, y), (logits.argmax(1) != y).double().mean()


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


RIGHT = {
    "largest_error_count": [(77,), (77.0,), (torch.tensor(77),), (np.int64(77),)],
    "cross_entropy_by_hand": [(by_difference,), (by_hand,), (one_by_one,), (by_one_hot,),
                              (lambda s, y: by_difference(s.float(), y),)],
    "loss_and_error": [(measured,), (by_logits,), (by_loader,), (frozen,), (functional,),
                       (lambda net, x, y, size: measured(copy.deepcopy(net).eval(), x, y, size),),
                       *[(partial(in_batches, parts=parts),) for parts in
                         (shuffled, halves, of_any_size, smallest_first, even)], (mapped,)],
    "train_with_early_stopping": [(stopping,), (with_a_loader,), (training_measured_too,),
                                  (stops(times=2),), (with_the_optimisers_state,),
                                  (stops(closed=True),), (stops(keep=torch.Tensor.float),),
                                  (stops(loss_in=torch.float32),), (stops(small=1e-8),),
                                  (stops(margin=1e-9),), (stops(returned="rounded"),),
                                  (stops(returned="float32"),)],
}

WRONG = {  # (words that name the error, answer)
    "largest_error_count": [
        ("half an error", 76.5), ("95.7", 78), ("one error more", 76), ("with two errors more", 75),
        ("clearly better", 69), ("two of them", 85), ("113.4", 94), ("stay below it", 95),
        ("rate", 0.0077), ("its interval would end at 20.2", 13), ("number", "77"), ("number", [77]),
        ("number", None), ("finite", float("nan")), ("finite", 10**400), ("number", True),
        ("number", 77 + 0j), ("number", torch.tensor(77, device="meta"))],
    "cross_entropy_by_hand": [
        ("in the thousands", by_probability), ("as a difference", by_shifted_fraction),
        ("logsumexp does", lambda s, y: (s.logsumexp(1) - s[torch.arange(len(y)), y]).mean()),
        ("cross_entropy does", F.cross_entropy), ("cross_entropy does", torch.nn.CrossEntropyLoss()),
        ("log_softmax does", lambda s, y: F.nll_loss(s.log_softmax(1), y)),
        ("added up", lambda s, y: by_hand(s, y) * len(y)),
        ("N x K", lambda s, y: by_hand(s, y) / s.shape[1]),
        ("sign", lambda s, y: -by_hand(s, y)),
        ("dim 0", lambda s, y: -s.softmax(0)[torch.arange(len(y)), y].log().mean()),
        ("every label's column", lambda s, y: (s.exp().sum(1, True).log() - s[:, y]).mean()),
        ("base 10", lambda s, y: by_hand(s, y) / log(10)),
        ("base 2", lambda s, y: by_hand(s, y) / log(2)),
        ("right logit alone", lambda s, y: -s[torch.arange(len(y)), y].mean()),
        ("sum alone", lambda s, y: s.exp().sum(1).log().mean()),
        ("minus the mean prob", lambda s, y: -s.softmax(1)[torch.arange(len(y)), y].mean()),
        ("1 minus", lambda s, y: 1 - s.softmax(1)[torch.arange(len(y)), y].mean()),
        ("mean probability", lambda s, y: s.softmax(1)[torch.arange(len(y)), y].mean()),
        ("after the logarithm", lambda s, y: -s.softmax(1)[torch.arange(len(y)), y].mean().log()),
        ("twice", lambda s, y: by_hand(s.softmax(1), y)),
        ("largest logit, whatever", lambda s, y: by_hand(s, s.argmax(1))),
        ("not from the right one", lambda s, y: (
            (s - s.amax(1, True)).exp().sum(1).log() - s[torch.arange(len(y)), y]).mean()),
        ("not from those of the sum", lambda s, y: (
            s.exp().sum(1).log() - (s - s.amax(1, True))[torch.arange(len(y)), y]).mean()),
        ("once more after the logarithm", lambda s, y: (
            (s - s.amax(1, True)).exp().sum(1).log() - s.amax(1) - s[torch.arange(len(y)), y]).mean()),
        ("of each column", lambda s, y: by_difference(s - s.max(0).values, y)),
        ("the largest of a row", lambda s, y: by_probability(s - s.mean(1, True), y)),
        ("0 (its result must be finite", partial(by_difference, least=0)),
        ("number", lambda s, y: s.exp().sum(1).log() - s[torch.arange(len(y)), y]),
        ("whatever it is given", lambda s, y: 2.3), ("return", print), ("function", 2.3),
        ("it raises", lambda s, y: s @ y),
        *[(f"about {small}, is added", lambda s, y, small=small: -(
            s.softmax(1).gather(1, y[:, None]) + small).log().mean())
          for small in (1e-12, 1e-9, 1e-6, 1e-4, 0.01)],
        *[(words, lambda s, y, small=small: -s.softmax(1).clamp(small)[range(len(y)), y].log().mean())
          for words, small in (("about 1e-09, is added inside the logarithm or replaces", 1e-9),
                               ("below 0.0001 are replaced", 1e-4), ("below 0.01 are", 0.01))],
        ("changes the logits", lambda s, y: by_hand(s.sub_(s.amax(1, True)), y))],
    "loss_and_error": [
        ("evaluate does", lambda net, x, y, size: evaluate(net, (x, y)).loss),
        ("both are means of", lambda *case: measured(*case, average=True)),
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
        ("in %", lambda *case: measured(*case, percent=100)),
        ("sum over all", lambda *case: (measured(*case)[0] * len(case[2]), measured(*case)[1])),
        ("both are sums", lambda *case: [each * len(case[2]) for each in measured(*case)]),
        ("smaller batch is left out", lambda net, x, y, n: measured(
            net, x[:len(x) // n * n], y[:len(x) // n * n], n)),
        ("smaller batch is left out", left_out),
        ("smaller batch is left out", partial(left_out, mean=True)),
        ("last batch alone", lambda *case: measured(*case, last=True)),
        ("first batch alone", lambda net, x, y, n: measured(net, x[:n], y[:n], n)),
        ("training mode, in which", lambda *case: measured(*case, mode=True)),
        ("training mode, and the", lambda *case: measured(*case, mode=True, average=True)),
        ("gradients are recorded", lambda *case: measured(*case, grad=True)),
        ("stay frozen", partial(frozen, thaw=False)), ("gradients that the net holds", clears),
        ("left in evaluation", lambda *case: measured(*case, train=False)),
        ("left in training", lambda *case: measured(*case, train=True)),
        ("multiplied by batch_size", lambda *case: measured(*case, weight=case[3])),
        ("divided by the number of examples", lambda *case: measured(*case, weight=1)),
        ("takes its own", partial(measured, twice=True)), ("along dim=1", partial(measured, flat=True)),
        ("split(n) batches of n", partial(measured, parts=torch.Tensor.chunk)),
        ("at once, where batch_size = 2", at_once), ("net that is given is not run", of_its_own),
        ("leaves gradients", forgets_gradients), ("2 values", lambda *case: measured(*case)[0]),
        ("it returns nothing", lambda *case: [] or None), ("function", (0.5, 0.1)),
        ("2 values", lambda *case: "0.5, 0.1")],
    "train_with_early_stopping": [
        ("a buffer of the net", partial(with_a_loader, buffers=False)),
        *[("several batches add up", stops(clear=False, closed=each)) for each in (False, True)],
        ("stored", stops(shuffle=False)),
        ("same order", stops(fixed=True)), ("leaves out 2 of 7", stops(drop=2)),
        ("learns in evaluation mode", stops(mode=False)), ("the last, and", stops(copied=False)),
        ("the last, and", stops(put_back=False)),
        ("where most_epochs ends", stops(put_back="early")), ("only as good", stops(ties=True)),
        ("from the beginning", stops(reset=False)),
        *[("by a margin", stops(margin=each)) for each in
          (0.05, 0.01, 7e-3, 2e-3, 1e-3, 3e-4, 1e-4)],
        *[("by a margin", stops(share=each)) for each in (0.01, 1e-3, 1e-4)],
        *[("or the errors are rounded", stops(digits=each)) for each in (2, 3, 4)],
        ("of a type with few digits", stops(returned="half")),
        ("that of the batch's cross-entropy", stops(smoothing=0.1)),
        *[("where an error is 0", stops(enough=each)) for each in (0, 0.05)],
        ("goes on from other weights", stops(back=True)), ("learning rate", stops(rate=0.5)),
        ("learning rate", on_schedule),
        ("too many", stops(late=1)),
        ("too early", stops(late=-1)), ("never trains the last", lambda *given: stopping(
            *given[:-1], given[-1] - 1)), ("only 5 are measured", half_measured),
        ("the one before", stops(reference="before")), ("never stops", stops(late=50)),
        ("validation set, which", stops(learn_from="validation")),
        ("measured in training mode", stops(measure_mode=True)),
        ("recorded while", stops(grad=True)), ("in %", stops(factor=100)),
        ("counts, and should", stops(factor=200)),
        ("accuracies", stops(returned="accuracies")), ("in a list", stops(returned="best")),
        ("in a list", stops(returned="count")), ("added up", stops(reduction="sum")),
        ("its examples", stops(mixed=True)), ("makes no step", never_steps),
        ("never learns", measures_only), ("before the first epoch", measures_first),
        ("it returns nothing", lambda *given: [] or None), ("it raises", lambda net, x: net(x)),
        ("function", "early"), ("function", None)],
}
EQUAL = {
    "cross_entropy_by_hand": {
        "shifted = logits - logits.amax(dim=1, keepdim=True) -> "
        "    shifted = logits - logits.amax(dim=-1, keepdim=True)": "of two axes 1 is the last",
        "of_right = shifted[torch.arange(len(labels)), labels] -> "
        "    of_right = shifted[torch.arange(len(logits)), labels]": "a label for each row of logits",
        "of_right = shifted[torch.arange(len(labels)), labels] -> "
        "    of_right = shifted[torch.arange(len(shifted)), labels]": "a label for each row of logits",
        "return (shifted.exp().sum(dim=1).log() - of_right).mean() -> "
        "    return (shifted.exp().sum(dim=-1).log() - of_right).mean()": "of two axes 1 is the last"},
    "loss_and_error": {
        "errors += (logits.argmax(dim=1) != labels).sum().item() -> "
        "        errors += (logits.argmax(dim=-1) != labels).sum().item()":
            "of two axes 1 is the last"},
}
