"""What a network may say of itself, and a trial of what it does before the work begins.

    model.input_size, model.scaling    how Digits are to be prepared: by default 32 and "paper"
    model.loss(outputs, labels)        what to minimise, a mean: by default the cross-entropy of logits
    model.predict(outputs)             outputs -> classes, int64: by default the largest logit

The book's networks say it, a plain nn.Module need not. What a network says is found through
DataParallel, DistributedDataParallel, AveragedModel and torch.compile. Where only a part of the model
says it, the part may be meant or not, and the model is refused.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.parameter import is_lazy
from torch.optim.swa_utils import AveragedModel

from ..features import in_mode
from ..mnist import SIZE
from ..tables import by
from . import distributed

# What each must be: in words, as a test, and what counts where a network says nothing.
_SAYS = {
    "input_size": (f"a whole number of pixels a side, {SIZE} or more",
                   lambda value: type(value) is int and value >= SIZE, 32),
    "scaling": ('the name of a scaling of Digits, such as "standard"',
                lambda value: isinstance(value, str), "paper"),
    "loss": ("a function (outputs, labels) that gives the mean loss", callable, F.cross_entropy),
    "predict": ("a function (outputs) that gives a class for each example", callable,
                lambda logits: logits.argmax(dim=1)),
}
# In evaluation such a network may give one alone.
_FIRST = "outputs[0] if isinstance(outputs, tuple) else outputs"


def said(model: nn.Module, what: str):
    """What the model says of itself, or the default. what: a key of _SAYS.

    Raises ValueError for a value that cannot be meant, and where only a part of the model says it.
    """
    meaning, fits, default = _SAYS[what]
    for each in _wrapped(model):
        if hasattr(each, what):
            value = getattr(each, what)
            if not fits(value):
                raise ValueError(f"{_kind(each)}.{what} must be {meaning}, not {value!r}; call it "
                                 "something else if it means something else")
            return value
    # `each` is the network itself, without its wrappers.
    if isinstance(each, torch.jit.ScriptModule | torch.fx.GraphModule):
        raise ValueError(f"a traced, scripted or exported network, as this {_kind(each)} is, has lost "
                         f"what the original may have said of its {what}: give the original, or set "
                         f"model.{what}, {meaning}")
    for name, part in each.named_modules():
        # In torch's recurrent layers input_size is a number of features.
        if not isinstance(part, nn.RNNBase | nn.RNNCellBase) and fits(getattr(part, what, None)):
            raise ValueError(f"{_kind(each)} says nothing of its {what}, but its part {name!r}, a "
                             f"{_kind(part)}, does: if that is meant, set model.{what} = "
                             f"model.get_submodule({name!r}).{what}")
    return default


def judge(model: nn.Module) -> tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """The model's own loss and decision, or those of plain logits."""
    return said(model, "loss"), said(model, "predict")


def refuse(model, training: bool) -> None:
    """Raise TypeError or ValueError for what cannot be run or, with `training`, not be trained."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"the model must be a network, such as models.build('lenet5'), not {model!r}")
    tensors = [*model.parameters(), *model.buffers()]
    if any(map(is_lazy, tensors)):
        raise ValueError(f"{_kind(model)} has layers without weights yet: run it once on a batch of "
                         "inputs, model(inputs), so that lazy layers learn their sizes")
    if any(tensor.is_meta for tensor in tensors):
        raise ValueError(f"{_kind(model)} is on the device \"meta\", which holds no numbers: build it "
                         'on another, with torch.device("cpu"): ...')
    if not training:
        return
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError(f"{_kind(model)} has nothing to train: of its parameters, "
                         f"{sum(p.numel() for p in model.parameters()):,}, none requires a gradient")
    if any(parameter.dtype == torch.float16 for parameter in model.parameters()):
        raise ValueError(f"{_kind(model)} is in half precision, torch.float16, in which the small "
                         "numbers of an optimiser become 0: train model.float(), or in torch.bfloat16")
    if any(parameter.is_inference() for parameter in model.parameters()):
        raise ValueError(f"{_kind(model)} was built under torch.inference_mode(), where nothing can be "
                         "trained: build it outside")


def judged(model: nn.Module, inputs: Tensor, labels: Tensor, run=None,
           hint: str = "") -> tuple[Tensor, Tensor, int | None]:
    """Mean loss and predictions of a batch, and how many classes it tells apart if it gives logits.

    run: how to run the model; by default model(inputs). hint: what may help where it cannot be run.

    Raises ValueError, with the values, where the model does not take the inputs or does not give
    what its loss and its decision, or those of plain logits, need.
    """
    criterion, predict = judge(model)
    kind = _kind(_wrapped(model)[-1])
    with _said_in_a_sentence(f"{kind} cannot take inputs of {kinds(inputs)}", hint):
        outputs = (run or model)(inputs)
    if outputs is None:
        raise ValueError(f"{kind} gives nothing, None: the last line of its forward must return the "
                         "outputs, return x")
    plain = _SAYS["loss"][-1] is criterion or _SAYS["predict"][-1] is predict
    if plain:
        _check_logits(kind, outputs, labels)
    with _said_in_a_sentence(f"{kind}.loss(outputs, labels) fails for outputs of {kinds(outputs)} and "
                             f"labels up to {labels.max()}"):
        loss = criterion(outputs, labels)
    if not (isinstance(loss, Tensor) and loss.dim() == 0 and loss.is_floating_point()):
        raise ValueError(f"{kind}.loss(outputs, labels) must give the mean loss, a floating-point "
                         f"tensor without axes, not {kinds(loss)}")
    with _said_in_a_sentence(f"{kind}.predict(outputs) fails for outputs of {kinds(outputs)}"):
        predictions = predict(outputs)
    if not (isinstance(predictions, Tensor) and predictions.dtype == torch.int64
            and predictions.shape == labels.shape):
        raise ValueError(f"{kind}.predict(outputs) must give a class for each example, torch.int64 "
                         f"{len(labels)}, not {kinds(predictions)}; call it something else if it "
                         "means something else")
    return loss, predictions, outputs.shape[1] if plain else None


def try_out(model: nn.Module, inputs: Tensor, labels: Tensor, hint: str = "") -> int | None:
    """Run a few examples forward and back, so that what does not fit is said before the training.

    Returns how many classes the model tells apart, if it gives logits.
    In training mode, but nothing stays of it: not in buffers, gradients or torch's random numbers.
    Raises ValueError as `judged` does, and where the loss does not reach the parameters;
    FloatingPointError where it is not finite.
    """
    network = _wrapped(model)[-1]
    kind, parameters = _kind(network), [p for p in network.parameters() if p.requires_grad]
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    with in_mode(network, training=True):
        loss, _, classes = judged(model, inputs, labels,
                                  partial(torch.func.functional_call, network, buffers), hint)
    if not loss.isfinite():
        raise FloatingPointError(f"the loss of {kind} is {loss.item()} before the first step: look "
                                 "for what is not finite in its weights and in the inputs")
    if not loss.requires_grad:
        raise ValueError(f"the loss of {kind} has no gradient: something in its forward or its loss "
                         "cuts it off, such as detach(), numpy(), item() or torch.no_grad()")
    with _said_in_a_sentence(f"the gradient of the loss of {kind} cannot be computed"):
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    if any(gradient is not None and gradient.layout != torch.strided for gradient in gradients):
        raise ValueError(f"{kind} has sparse gradients, which the optimisers here do not take: build "
                         "its nn.Embedding with sparse=False")
    if distributed.size() > 1 and any(gradient is None for gradient in gradients):
        raise ValueError(f"{kind} has parameters that its loss does not depend on: to train it in "
                         "several processes, freeze them with requires_grad_(False)")
    return classes


def refuse_too_large(labels: Tensor, classes: int, kind: str = "the network") -> None:
    """Raise ValueError for a label beyond the logits; its loss would cost this process the GPU."""
    if labels.max() >= classes:
        raise ValueError(f"{kind} gives {classes} logits, for labels from 0 to {classes - 1}, but "
                         f"there is a label {labels.max()}")


def kinds(values) -> str:
    """What these are, in words: dtype and shape of tensors, else the type."""
    values = values if isinstance(values, tuple | list) else [values]
    return ", ".join(f"{value.dtype} {by(value.shape) or 'number'}"
                     if isinstance(value, Tensor) else type(value).__name__ for value in values)


def _check_logits(kind: str, outputs, labels: Tensor) -> None:
    if not (isinstance(outputs, Tensor) and outputs.is_floating_point()
            and outputs.dim() == 2 and len(outputs) == len(labels)):
        remedy = ("a network that is judged otherwise says so with model.loss and model.predict"
                  if not isinstance(outputs, tuple) else
                  "a network that gives several says how it is judged, by the first alone with "
                  f"model.loss = lambda outputs, labels: F.cross_entropy({_FIRST}, labels) and "
                  f"model.predict = lambda outputs: ({_FIRST}).argmax(dim=1)")
        raise ValueError(f"{kind} must give logits, a floating-point tensor {len(labels)} x classes "
                         f"here, not {kinds(outputs)}; {remedy}")
    refuse_too_large(labels, outputs.shape[1], kind)


def _wrapped(model: nn.Module) -> list[nn.Module]:
    """The model, and what it wraps, from the outside to the network itself."""
    found = [model]
    while True:
        if isinstance(model, nn.DataParallel | DistributedDataParallel | AveragedModel):
            model = model.module
        elif "_orig_mod" in model._modules:  # torch.compile's; to import its class takes a second
            model = model._orig_mod
        else:
            return found
        found.append(model)


def _kind(model: nn.Module) -> str:
    return type(model).__name__


@contextmanager
def _said_in_a_sentence(what: str, hint: str = "") -> Iterator[None]:
    """Errors of the network's own code, or of torch within it, as a ValueError with this before it."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(f"{what}: {reason}{hint}") from error
