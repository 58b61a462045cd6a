"""Errors of a fresh net for each seed, right and wrong: answers to exercise 5 of chapter 10."""

import copy
from functools import partial
from statistics import mean

import torch


def row(seeds, build, train, error, once=False, seeded=True, late=False, other=None, before=False,
        returned=list, times=1, untrained=False, factor=1, order=None):
    """Right as it stands; each argument makes one mistake."""
    errors, net = [], None
    for seed in order(seeds) if order else seeds:
        if seeded and not late:
            torch.manual_seed(seed if other is None else other)
        net = net if once and net else build()
        if late:
            torch.manual_seed(seed)
        if before:
            errors.append(error(net))
        for _ in range(0 if untrained else times):
            train(net, seed if other is None else other)
        if not before:
            errors.append(factor * error(net))
    return returned(errors)


makes = partial(partial, row)


def in_one_line(seeds, build, train, error):
    def one(seed):
        torch.random.manual_seed(seed)
        net = build()
        train(net, seed)
        return error(net)
    return tuple(map(one, seeds))


def in_two_loops(seeds, build, train, error):
    nets = {}
    for seed in seeds:
        torch.manual_seed(seed)
        nets[seed] = build()
    for seed, net in nets.items():
        train(net, seed=seed)
    return torch.tensor([error(nets[seed]) for seed in seeds]).double()


def with_modes(seeds, build, train, error):
    errors = []
    for seed in seeds:
        torch.manual_seed(seed)
        net = build().to("cpu").train()
        assert sum(p.numel() for p in net.parameters())
        train(net, seed)
        net.eval()
        errors.append(error(net))
    return errors


def one_by_one(seeds, build, train, error):
    for seed in seeds:
        torch.manual_seed(seed)
        net = build()
        train(net, seed)
        yield error(net)


def seeded_before(seeds, build, train, error):
    torch.manual_seed(seeds[0])
    return row(seeds, build, train, error, seeded=False)


def same_start(seeds, build, train, error):
    errors = []
    for seed in seeds:
        torch.manual_seed(0)
        net = build()
        train(net, seed)
        errors.append(error(net))
    return errors


def after_the_first(seeds, build, train, error):
    return row(seeds[:1], build, train, error)


def returns_at_once(seeds, build, train, error):
    errors = []
    for seed in seeds:
        torch.manual_seed(seed)
        net = build()
        train(net, seed)
        errors.append(error(net))
        return errors


def copied(seeds, build, train, error):
    first = build()
    return row(seeds, lambda: copy.deepcopy(first), train, error)


def trained_returned(seeds, build, train, error):
    return [error(train(build(), seed)) for seed in seeds]


RIGHT = [(row,), (in_one_line,), (in_two_loops,), (with_modes,)]

WRONG = [  # (words that name the error, answer)
    ("one net is built", makes(once=True)), ("are not the seed's", makes(seeded=False)),
    ("before build", makes(late=True)), ("before the loop", seeded_before),
    ("same weights", same_start), ("given the seeds 7", makes(other=7)),
    ("before it is trained", makes(before=True)), ("several times", makes(times=2)),
    ("not trained", makes(untrained=True)), ("in %", makes(factor=100)),
    ("the mean", makes(returned=mean)), ("the last error", makes(returned=lambda e: e[-1])),
    ("errors alone", lambda seeds, *rest: dict(zip(seeds, row(seeds, *rest), strict=True))),
    ("order of the seeds", makes(order=sorted)), ("order of the seeds", makes(returned=sorted)),
    ("one error for each", makes(returned=lambda e: e[:1])),
    ("it ends after the first seed", after_the_first), ("ends in its first round", returns_at_once),
    ("for all seeds: build one", copied),
    ("begin a list before", makes(returned=lambda e: e[-1:])),
    ("3 values, not 2", makes(returned=lambda e: e[:2])),
    ("is returned", makes(returned=lambda e: [0.5] * len(e))),
    ("train changes the net", trained_returned),
    ("no net", lambda seeds, *rest: [0.1] * len(seeds)),
    ("error must be given the net", lambda seeds, build, train, error: [error(build)]),
    ("it raises", lambda seeds, build, train, error: train(build())),
    ("no error is measured", lambda seeds, build, train, error: [
        train(build(), seed) for seed in seeds]),
    ("returns a generator, of which nothing has run", one_by_one),
    ("returns a map", lambda *given: map(float, one_by_one(*given))),
    ("function", [0.1, 0.2, 0.3]),
    ("nets are built", lambda seeds, build, *rest: [build(), build()])]
