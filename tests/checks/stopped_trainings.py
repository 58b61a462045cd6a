"""Trainings that stop by themselves, right and wrong: answers to exercise 4 of chapter 08."""

import copy
from functools import partial

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


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


stops = partial(partial, stopping)


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


RIGHT = [(stopping,), (with_a_loader,), (training_measured_too,), (with_the_optimisers_state,),
         (stops(times=2),), (stops(closed=True),), (stops(keep=torch.Tensor.float),),
         (stops(loss_in=torch.float32),), (stops(small=1e-8),), (stops(margin=1e-9),),
         (stops(returned="rounded"),), (stops(returned="float32"),)]

WRONG = [  # (words that name the error, answer)
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
    ("function", "early"), ("function", None)]
