"""What the layers of a network give out, by their names; chapter 09 looks at it.

`capture` is for readers. Below it stands what it shares with `ledger` and `receptive_field`, which look
at a single run: hooks that always go away, the names of the layers, and an example to run on.
"""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from .arguments import sequence, text, whole


@contextmanager
def capture(model: nn.Module, names: str | Sequence[str] | None = None) -> Iterator[dict[str, Tensor]]:
    """Keep the activations of a model's layers while it runs inside a `with` block.

        with capture(net, ["c1", "c3"]) as activations:
            net(x)
        activations["c1"]  # N x 6 x 28 x 28

    names: of layers, or of blocks that hold others, such as "inception3a", from
        `model.named_modules()`; by default all that hold no other. For a model inside DataParallel
        they may be written with "module." or without.

    The dict holds the latest run of the whole model, each one beginning anew, and stays when the
    block ends. A layer that runs several times in one has its later calls as "relu#2", "relu#3"; one
    that does not run is not there, and a function called in `forward`, such as F.relu, is no layer.
    What a layer gives out is kept with its gradient history, unless under torch.no_grad(): a tensor, or
    a tuple, list or dict with tensors in it. They are kept as copies, and the next layer works on
    copies of these, so that one which works in place leaves them alone.

    The model is in evaluation mode meanwhile. Afterwards, whatever happened, each of its modules
    is in the mode it had, and no hook is left.
    Raises KeyError, with the names there are, for an unknown one; TypeError for what is no
    torch.nn.Module, and for what is compiled or spread over several devices.
    """
    if names is None:
        layers = {name: module for module, name in names_of(model).items()
                  if not any(module.children())}
    else:
        names = [names] if isinstance(names, str) else sequence(text)("names", names)
        known = _known(model)
        layers = {name: _found(known, name) for name in names}
    activations: dict[str, Tensor] = {}

    def begin(*_) -> None:
        activations.clear()

    def keep_as(name: str):
        def keep(module, inputs, output):
            key, call = name, 1
            while key in activations:
                call += 1
                key = f"{name}#{call}"
            # Neither what came before it nor what comes after it can then write into what is kept.
            activations[key] = tree_map_only(Tensor, Tensor.clone, output)
            return tree_map_only(Tensor, Tensor.clone, activations[key])
        return keep

    with hooked(model, before=[(_unwrapped(model), begin)],
                after=[(layer, keep_as(name)) for name, layer in layers.items()]):
        yield activations


@contextmanager
def hooked(model: nn.Module, before: Iterable[tuple[nn.Module, Callable]] = (),
           after: Iterable[tuple[nn.Module, Callable]] = ()) -> Iterator[None]:
    """The model in evaluation mode, with these hooks on its modules, inside a `with` block.

    before, after: (module, hook) for `register_forward_pre_hook` and `register_forward_hook`.
    In the end, whatever happened, the hooks are gone and each module is in the mode it had.
    """
    with in_mode(model, training=False), ExitStack() as hooks:
        for module, hook in before:
            hooks.callback(module.register_forward_pre_hook(hook, prepend=True).remove)
        for module, hook in after:
            hooks.callback(module.register_forward_hook(hook).remove)
        yield


@contextmanager
def in_mode(model: nn.Module, training: bool) -> Iterator[None]:
    """Training or evaluation mode for a time; afterwards every module is in the mode it had."""
    before = {module: module.training for module in model.modules()}
    model.train(training)
    try:
        yield
    finally:
        for module, was in before.items():
            module.training = was


def names_of(model: nn.Module) -> dict[nn.Module, str]:
    """What each module is called; the model itself by its class. Raises TypeError as `capture` does."""
    return {module: name or type(module).__name__
            for name, module in _checked(model).named_modules()}


def find(model: nn.Module, name: str) -> nn.Module:
    """The module of that name; a shared one has several. Raises as `capture` does."""
    return _found(_known(model), name)


def _known(model: nn.Module) -> dict[str, nn.Module]:
    return {name or type(module).__name__: module
            for name, module in _checked(model).named_modules(remove_duplicate=False)}


def _found(known: dict[str, nn.Module], name: str) -> nn.Module:
    name = text("layer", name)
    plain = name if name in known else name.removeprefix("module.")
    if plain not in known:
        raise KeyError(f"no layer is called {name!r}; there are {', '.join(known)}")
    return known[plain]


def zeros(model: nn.Module, input_shape: Sequence[int], axes: Collection[int] = (3,)) -> Tensor:
    """One example for the model to run on: 1 x input_shape, of its dtype and on its device.

    input_shape: C x H x W of one example; N x C x H x W is taken too, the way torchinfo wants it.
        Where the first convolution or pooling is one of volumes, C x D x H x W and N x C x D x H x W.
    axes: how many numbers an example may have.
    Raises ValueError for any other shape; TypeError for a model that cannot run on one tensor: with
    several inputs, or with lazy layers that have not run yet.
    """
    model = _checked(model)
    try:
        inspect.signature(model.forward).bind(None)
    except TypeError as error:
        raise TypeError(f"{type(model).__name__} cannot run on one tensor, since {error}: "
                        "wrap it in a module that makes its other inputs itself") from None
    for name, held in (*model.named_parameters(), *model.named_buffers()):
        if nn.parameter.is_lazy(held):
            raise TypeError(f"{name} has no shape yet, since its layer is lazy: run the model on an "
                            "example first")
    windows = [base.__name__ for module in model.modules() for base in type(module).__mro__
               if re.search(r"(Conv|Transpose|Pool|Norm)[123]d$", base.__name__)]
    with_batch = 5 if windows and windows[0].endswith("3d") else 4
    try:
        given = sequence(whole(1))("input_shape", input_shape)
    except (TypeError, ValueError):
        given = []
    shape = given[1:] if len(given) == with_batch else given
    if len(shape) not in axes:
        raise ValueError("input_shape must be channels x height x width of one example, such as "
                         f"(1, 32, 32), or the same with a batch size before it, not {input_shape!r}")
    reference = next((held for held in (*model.parameters(), *model.buffers())
                      if held.is_floating_point()), torch.empty(0))
    return torch.zeros(1, *shape, dtype=reference.dtype, device=reference.device)


def _checked(model: nn.Module) -> nn.Module:
    """The model itself, where it is one whose layers can be listened to."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    model = _unwrapped(model)
    for name, module in model.named_modules():
        # By torch.jit, by torch.compile or by its own compile(): then its layers' hooks are not run.
        if (isinstance(module, torch.jit.ScriptModule) or hasattr(module, "_orig_mod")
                or module._compiled_call_impl is not None):
            raise TypeError(f"{name or 'the model'} is compiled, and inside it no layer can be "
                            "listened to; take the model that it was compiled from")
    return model


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, where it is inside one that runs it on devices or in processes."""
    if isinstance(model, nn.DataParallel) and len(model.device_ids) > 1:
        raise TypeError(f"the model is spread over {len(model.device_ids)} devices, of which each "
                        "would see a part of the batch; take and run model.module")
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    return model.module if isinstance(model, wrappers) else model
