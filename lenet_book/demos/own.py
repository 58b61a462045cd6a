"""A learner's own trained LeNet-5 in the demos: one of the two forms that the page can compute."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..arguments import shown
from ..features import in_mode
from ..models import build
from .examples import adopted, ten_digits

FORMS = "lenet5-1998", "lenet5"


def form_of(weights: Mapping[str, Tensor]) -> str:
    """Which of FORMS has weights of these names and shapes.

    Raises ValueError, with the first difference, where neither has.
    """
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    wanted = {form: {name: tuple(weight.shape) for name, weight in _empty(form).state_dict().items()}
              for form in FORMS}
    for form in FORMS:
        if shapes == wanted[form]:
            return form
    form = max(FORMS, key=lambda form: len(shapes.items() & wanted[form].items()))  # the most alike
    name = next(name for name in [*wanted[form], *shapes] if shapes.get(name) != wanted[form].get(name))
    raise ValueError(f"the page computes nets with the weights of {' or '.join(FORMS)}; of {form} it "
                     f"differs in {name}: {_said(shapes.get(name))} in place of "
                     f"{_said(wanted[form].get(name))}")


def _said(shape: tuple[int, ...] | None) -> str:
    return "nothing" if shape is None else " x ".join(map(str, shape)) or "one number"


def _empty(form: str) -> nn.Module:
    """A net of that form with weights that do not matter; torch's generator stays where it is."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        return build(form).float().eval()


def load(path: Path) -> nn.Module:
    """The net whose weights are in that safetensors file.

    Raises OSError where it cannot be read, ValueError where it holds something else, or numbers that
    are not finite.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a file")
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file ({error}); "
                         "safetensors.torch.save_file(net.state_dict(), ...) makes one") from None
    return _filled(form_of(weights), weights)


def adopt(net: nn.Module) -> str:
    """The name under which the demos have a copy of this net, as it is now.

    Raises TypeError for what is no net, ValueError where it has other weights than one of FORMS or
    makes something else of them.
    """
    if not isinstance(net, nn.Module):
        raise TypeError(f"net must be a net or the name of one, not {shown(net)}")
    weights = net.state_dict()
    try:
        own = _filled(form_of(weights), weights)
    except ValueError as error:
        raise ValueError(f"net cannot be {shown(net)}: {error}") from None
    x = ten_digits().inputs(own.input_size, own.scaling)
    with in_mode(net, training=False), torch.inference_mode():
        theirs = net(x.to(next(net.parameters()))).cpu().float()
        ours = own(x)
    if theirs.shape != ours.shape or not torch.allclose(theirs, ours, rtol=1e-3, atol=1e-3):
        raise ValueError(f"this net has the weights of {form_of(weights)} but makes other scores of "
                         "them: another activation function or pooling, perhaps; the page would show "
                         "a net that is not yours")
    return adopted(own)


def _filled(form: str, weights: Mapping[str, Tensor]) -> nn.Module:
    for name, weight in weights.items():
        if not weight.float().isfinite().all():  # as the page computes
            raise ValueError(f"{name} has numbers that are not finite: its training has failed")
    net = _empty(form)
    net.load_state_dict(weights)  # copies, in single precision
    return net
