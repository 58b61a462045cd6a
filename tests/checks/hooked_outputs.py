"""Functions that give what a layer gives out, right and wrong: answers to exercise 2 of chapter 09."""

import copy
from contextlib import suppress

import torch
from torch import nn

from lenet_book.features import capture


def hooked(net, name, x, clone=True, remove=True, always=True, inputs=False, mode=None, change=None):
    """Right as it stands; each argument makes one mistake."""
    kept = []

    def keep(layer, given, output):
        kept.append(given[0] if inputs else output.clone() if clone else output)

    handle = dict(net.named_modules())[name].register_forward_hook(keep)
    if mode is not None:
        net.train(mode)
    try:
        net(x)
    except RuntimeError:
        if always:
            handle.remove()
        raise
    if remove:
        handle.remove()
    if change:
        with torch.no_grad():
            next(net.parameters()).add_(change)
    return kept[0]


def hooked_from_before(net, name, x):
    """Kept by the layer's own forward, which is put back."""
    layer, found = net.get_submodule(name), []
    forward = layer.forward

    def listening(x):
        found.append(forward(x))
        return found[-1].detach().clone()

    layer.forward = listening
    try:
        net(x)
    finally:
        del layer.forward
    return found[0]


def patched(net, name, x, always=True, back=True):
    """Right as it stands, with the old method in the layer itself; each argument makes one mistake."""
    layer, found = net.get_submodule(name), []
    forward = layer.forward

    def listening(x):
        found.append(forward(x))
        return found[-1].clone()

    layer.forward = listening
    try:
        net(x)
    except RuntimeError:
        if always:
            layer.forward = forward
        raise
    if back:
        layer.forward = forward
    return found[0]


def of_a_copy(net, name, x):
    return hooked(copy.deepcopy(net), name, x, remove=False)


def cleared(net, name, x):
    """Wrong: all hooks of the layer go, those of others among them."""
    try:
        return hooked(net, name, x, remove=False, always=False)
    finally:
        net.get_submodule(name)._forward_hooks.clear()


def keeping(keep):
    """With a hook that returns what `keep` returns."""
    def answer(net, name, x):
        kept = {}
        handle = net.get_submodule(name).register_forward_hook(
            lambda layer, given, output: keep(kept, output))
        try:
            net(x)
        finally:
            handle.remove()
        return kept["it"]
    return answer


def exchanged(net, name, x):
    """Wrong: a layer that keeps stands in the net, and stays there."""
    above, _, last = name.rpartition(".")
    kept, layer = [], net.get_submodule(name)

    class Keeps(nn.Module):
        def forward(self, x):
            kept.append(layer(x))
            return kept[-1].clone()

    setattr(net.get_submodule(above), last, Keeps())
    net(x)
    return kept[0]


class Stop(Exception):
    pass


def stopped(net, name, x):
    """The hook ends the run, and the error brings the output."""
    def stop(layer, inputs, output):
        raise Stop(output)

    handle = net.get_submodule(name).register_forward_hook(stop)
    with torch.no_grad():
        try:
            net(x)
        except Stop as found:
            return found.args[0]
        finally:
            handle.remove()


def swallowed(net, name, x):
    kept = []
    handle = net.get_submodule(name).register_forward_hook(lambda *each: kept.append(each[2].clone()))
    with suppress(RuntimeError):
        net(x)
    handle.remove()
    return kept[0]


def with_capture(net, name, x):
    with capture(net, name) as seen:
        net(x)
    return seen[name]


RIGHT = [(hooked,), (hooked_from_before,), (stopped,), (patched,), (of_a_copy,),
         (keeping(lambda kept, output: kept.update(it=output.clone())),)]

WRONG = [  # (words that name the error, answer)
    ("capture does", with_capture), ("goes into the layer", lambda net, name, x: net.stages(x)[
        {"first": "x", "squash": "first", "block.0": "squash", "block": "squash"}[name]]),
    ("overwritten in place", lambda *given: hooked(*given, inputs=True)),
    ("works in place", lambda *given: hooked(*given, clone=False)),
    ("whole net", lambda net, name, x: net(x)),
    ("still there", lambda *given: hooked(*given, remove=False, always=True)),
    ("raises an error the hook is still", lambda *given: hooked(*given, always=False)),
    ("another hook, which was there before, is gone afterwards", cleared),
    ("forward is not what it was afterwards", lambda *given: patched(*given, back=False)),
    ("an error the layer's forward is not", lambda *given: patched(*given, always=False)),
    ("another layer stands in the net", exchanged),
    ("the hook returns something", keeping(
        lambda kept, output: kept.setdefault("it", output.clone()))),
    ("the hook returns something", keeping(
        lambda kept, output: [kept.update(it=output.clone())])),
    ("swallowed", swallowed), ("mode", lambda *given: hooked(*given, mode=False)),
    ("mode", lambda *given: hooked(*given, mode=True)),
    ("weights", lambda *given: hooked(*given, change=1e-3)),
    ("tensor", lambda net, name, x: [hooked(net, name, x)]),
    ("tensor", lambda net, name, x: net.get_submodule(name)),
    ("get_submodule", lambda net, name, x: getattr(net, name)(x)),
    ("get_submodule", lambda net, name, x: net._modules[name](x)),
    ("it raises", lambda net, name, x: net(x)[name]), ("return", print),
    ("it returns nothing", lambda net, name, x: hooked(net, name, x) is None or None),
    ("function", "c3")]
