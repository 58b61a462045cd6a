"""Functions that give what a layer gives out, right and wrong: answers to exercise 2 of chapter 09."""

import copy
from contextlib import suppress
from functools import partial

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


def patched(net, name, x, always=True, back=lambda layer, forward: setattr(layer, "forward", forward)):
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
            back(layer, forward)
        raise
    back(layer, forward)
    return found[0]


def taken_away(layer, forward):
    del layer.forward


def of_a_copy(net, name, x):
    return hooked(copy.deepcopy(net), name, x, remove=False)


def cleared(net, name, x):
    """Wrong: all hooks of the layer go, those of others among them."""
    try:
        return hooked(net, name, x, remove=False, always=False)
    finally:
        net.get_submodule(name)._forward_hooks.clear()


def run(net, x, layer, hook):
    """What the net gives out, with this hook at the layer as long as it runs."""
    handle = layer.register_forward_hook(hook)
    try:
        return net(x)
    finally:
        handle.remove()


def keeping(keep):
    """With a hook that returns what `keep` returns."""
    def answer(net, name, x):
        kept = {}
        run(net, x, net.get_submodule(name), lambda layer, given, output: keep(kept, output))
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


def saved(net, name, x, where="layer"):
    """Wrong: the output is kept at the layer, or at the net, for ever."""
    layer = net.get_submodule(name)
    there = layer if where == "layer" else net
    run(net, x, layer, lambda layer, given, output: setattr(there, "saved", output.clone()))
    return there.saved


def in_a_mode(net, name, x, training=False, always=False):
    """Wrong: in one mode for all layers, which comes back where the net raises nothing, or always."""
    modes, output = [layer.training for layer in net.modules()], None
    net.train(training)
    try:
        output = hooked(net, name, x)
    finally:
        if output is not None or always:
            for layer, mode in zip(net.modules(), modes, strict=True):
                layer.training = mode
    return output


def with_gradients(net, name, x):
    output = hooked(net, name, x)
    output.sum().backward()
    return output


class Stop(Exception):
    pass


def stopped(net, name, x):
    """The hook ends the run, and the error brings the output."""
    def stop(layer, inputs, output):
        raise Stop(output)

    with torch.no_grad():
        try:
            run(net, x, net.get_submodule(name), stop)
        except Stop as found:
            return found.args[0]


def swallowed(net, name, x):
    kept = []
    with suppress(RuntimeError):
        run(net, x, net.get_submodule(name), lambda *each: kept.append(each[2].clone()))
    return kept[0]


def disturbing(by):
    """Wrong: the net runs on with something else than the layer gave out."""
    return keeping(lambda kept, output: [kept.update(it=output.clone()), by(output)][1])


def run_again(net, name, x):
    hooked(net, name, x)
    return hooked(net, name, x)


def layer_again(net, name, x):
    """Wrong: the layer runs once more, in a hook before it."""
    kept = []
    layer = net.get_submodule(name)
    handle = layer.register_forward_pre_hook(
        lambda layer, inputs: kept.append(layer.forward(inputs[0].clone()).clone()))
    try:
        net(x)
    finally:
        handle.remove()
    return kept[0]


def raising(kind):
    """Wrong: an error of this kind takes the place of the net's."""
    def answer(net, name, x):
        try:
            return hooked(net, name, x)
        except RuntimeError as error:
            raise kind(str(error)) from error
    return answer


def raised_again(net, name, x):
    try:
        return hooked(net, name, x)
    except RuntimeError as error:
        raise error


def in_a_table(net, name, x, key=lambda layer: layer):
    """Wrong: kept under another key than it is asked for."""
    seen = {}
    run(net, x, net.get_submodule(name),
        lambda layer, given, output: seen.update({key(layer): output.clone()}))
    return seen[name]


def bound_late(net, name, x):
    """Wrong: each hook keeps under the last name of the loop."""
    seen, handles = {}, []
    for each, layer in net.named_modules():
        handles.append(layer.register_forward_hook(
            lambda layer, given, output: seen.update({each: output.clone()})))  # noqa: B023
    try:
        net(x)
    finally:
        for handle in handles:
            handle.remove()
    return seen[name]


def gradients_cleared(net, name, x):
    net.zero_grad()
    return hooked(net, name, x)


def listening_backwards(net, name, x, before=False):
    layer = net.get_submodule(name)
    (layer.register_full_backward_pre_hook if before else layer.register_full_backward_hook)(
        lambda *given: None)
    return hooked(net, name, x)


def with_capture(net, name, x):
    with capture(net, name) as seen:
        net(x)
    return seen[name]


RIGHT = [(hooked,), (raised_again,), (partial(patched, back=taken_away),), (stopped,), (patched,),
         (of_a_copy,), (keeping(lambda kept, output: kept.update(it=output.clone())),)]

WRONG = [  # (words that name the error, answer)
    ("capture does", with_capture), ("goes into the layer", lambda net, name, x: net.stages(x)[
        {"first": "x", "squash": "first", "norm": "squash", "block.0": "norm", "block": "norm"}[name]]),
    ("overwritten in place", lambda *given: hooked(*given, inputs=True)),
    ("works in place", lambda *given: hooked(*given, clone=False)),
    ("whole net", lambda net, name, x: net(x)),
    ("still there", lambda *given: hooked(*given, remove=False, always=True)),
    ("raises an error the hook is still", lambda *given: hooked(*given, always=False)),
    ("another hook, which was there before, is gone afterwards", cleared),
    ("forward is not what it was afterwards", partial(patched, back=lambda *given: None)),
    ("an error the layer's forward is not", partial(patched, always=False)),
    ("another layer stands in the net", exchanged),
    ("the hook returns something", keeping(
        lambda kept, output: kept.setdefault("it", output.clone()))),
    ("the hook returns something", keeping(
        lambda kept, output: [kept.update(it=output.clone())])),
    *[("changes what the layer gives out", disturbing(by))
      for by in (lambda output: output * 2, torch.zeros_like, lambda output: output.mul_(0))],
    ("in evaluation mode", in_a_mode), ("in evaluation mode", partial(in_a_mode, always=True)),
    ("error the net or a layer is in another mode", partial(in_a_mode, training=True)),
    ("runs twice", run_again),
    ("runs twice", layer_again),
    *[("another takes its place", raising(kind)) for kind in (ValueError, RuntimeError)],
    *[("it raises KeyError: 'block.0', in the line `return seen[name]`", each) for each in (
        in_a_table, bound_late,
        lambda *given: in_a_table(*given, key=lambda layer: type(layer).__name__))],
    ("get_submodule", lambda net, name, x: dict(net.named_children())[name](x)),
    *[("the hook is still there", partial(listening_backwards, before=before))
      for before in (False, True)],
    ("swallowed", swallowed), ("mode", lambda *given: hooked(*given, mode=False)),
    ("mode", lambda *given: hooked(*given, mode=True)),
    ("weights are not what they were", lambda *given: hooked(*given, change=1e-3)),
    ("or a layer has a new attribute, saved, afterwards: keep the output in a variable", saved),
    ("attribute, saved", lambda *given: saved(*given, where="net")),
    ("requires_grad", lambda net, *rest: hooked(net.requires_grad_(False), *rest)),
    *[("gradients of the weights are not", each) for each in (with_gradients, gradients_cleared)],
    ("tensor", lambda net, name, x: [hooked(net, name, x)]),
    ("tensor", lambda net, name, x: net.get_submodule(name)),
    ("get_submodule", lambda net, name, x: getattr(net, name)(x)),
    ("get_submodule", lambda net, name, x: net._modules[name](x)),
    ("it raises", lambda net, name, x: net(x)[name]), ("return", print),
    ("it returns nothing", lambda net, name, x: hooked(net, name, x) is None or None),
    ("function", "c3")]
