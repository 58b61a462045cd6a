"""What the layers of a network give out, by their names."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def capture(model: nn.Module, names: str | Iterable[str] | None = None) -> Iterator[dict[str, Tensor]]:
    """Keep the activations of a model's layers while it runs inside a `with` block.

        with capture(net, ["c1", "c3"]) as activations:
            net(x)
        activations["c1"]  # N x 6 x 28 x 28

    names: of layers, from `model.named_modules()`; by default all that contain no other. For a
        model inside DataParallel they may be written with "module." or without.

    The dict holds the latest pass of the whole model, each one beginning anew, and stays when the
    block ends. A layer that runs several times in a pass has its later calls as "relu#2",
    "relu#3"; one that does not run is not there, and a function called in `forward`, such as
    F.relu, is no layer. What a layer gives out is kept as it is, with its gradient history unless
    under torch.no_grad(). The next layer works on a copy, so that one which works in place leaves
    it alone.

    The model is in evaluation mode meanwhile. Afterwards, whatever happened, each of its modules
    is in the mode it had, and no hook is left.
    Raises KeyError, with the names there are, for an unknown one; TypeError for what is no
    torch.nn.Module, and for what is compiled or spread over several devices.
    """
    layers = _layers(model, names)
    activations: dict[str, Tensor] = {}

    def begin(*_) -> None:
        activations.clear()

    def keep_as(name: str):
        def keep(module, inputs, output):
            key, call = name, 1
            while key in activations:
                call += 1
                key = f"{name}#{call}"
            activations[key] = output
            return output.clone() if isinstance(output, Tensor) else None  # for the next layer
        return keep

    modes = [(module, module.training) for module in model.modules()]
    hooks = []
    try:
        hooks.append(_unwrapped(model).register_forward_pre_hook(begin, prepend=True))
        for name, layer in layers.items():
            hooks.append(layer.register_forward_hook(keep_as(name)))
        model.eval()
        yield activations
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes:
            module.training = mode


def _layers(model: nn.Module, names: str | Iterable[str] | None) -> dict[str, nn.Module]:
    """The modules to listen to, by the names under which they are wanted."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    model = _unwrapped(model)
    for name, module in model.named_modules():
        if _is_compiled(module):
            raise TypeError(f"{name or 'the model'} is compiled, and inside it no layer can be "
                            "listened to; capture the model that it was compiled from")
    if names is None:
        return {name or type(module).__name__: module for name, module in model.named_modules()
                if not any(module.children())}
    known = dict(model.named_modules(remove_duplicate=False))  # a shared layer has several names
    del known[""]
    names = [names] if isinstance(names, str) else list(names)
    plain = {name: name if name in known else name.removeprefix("module.") for name in names}
    for name in names:
        if plain[name] not in known:
            raise KeyError(f"no layer is called {name!r}; there are {', '.join(known)}")
    return {name: known[plain[name]] for name in names}


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, where it is inside one that runs it on devices or in processes."""
    if isinstance(model, nn.DataParallel) and len(model.device_ids) > 1:
        raise TypeError(f"the model is spread over {len(model.device_ids)} devices, of which each "
                        "would see a part of the batch; capture and run model.module")
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    return model.module if isinstance(model, wrappers) else model


def _is_compiled(module: nn.Module) -> bool:
    """By torch.jit, by torch.compile or by its own compile(): then its layers' hooks are not run."""
    return (isinstance(module, torch.jit.ScriptModule) or hasattr(module, "_orig_mod")
            or module._compiled_call_impl is not None)
