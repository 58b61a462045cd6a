"""The networks of the book by name: fresh ones, and ones that are already trained."""

import inspect
from collections.abc import Callable
from importlib.resources import files

from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from . import alexnet, googlenet, nin, published, vgg
from .lenet import LeNet5, LeNet5Of1998
from .tutorials import LeNetBatchNorm, LeNetReLU, LeNetSigmoid, LeNetTanh
from .variants import LeNet5Variant
from .which import which_lenet as which_lenet
from .which import which_net as which_net

MODELS: dict[str, Callable[..., nn.Module]] = {
    "lenet5-1998": LeNet5Of1998,
    "lenet5": LeNet5,
    "lenet5-variant": LeNet5Variant,
    "lenet-batchnorm": LeNetBatchNorm,
    "lenet-relu": LeNetReLU,
    "lenet-sigmoid": LeNetSigmoid,
    "lenet-tanh": LeNetTanh,
    **alexnet.NETS, **published.NETS, **vgg.NETS, **nin.NETS, **googlenet.NETS,
}

WEIGHTS = files("lenet_book") / "weights"


def build(name: str, **options) -> nn.Module:
    """A fresh network with random initial weights, drawn from torch's global generator.

    name: a key of MODELS. options: what that network's constructor takes.
    Raises KeyError, with the names there are, for an unknown one; TypeError for an option that the
    network does not have.
    """
    if not isinstance(name, str) or name not in MODELS:
        raise KeyError(f"no model is called {name!r}; there are {', '.join(MODELS)}")
    known = inspect.signature(MODELS[name]).parameters
    for option in options:
        if option not in known:
            raise TypeError(f"{name} has no option {option!r}; it has {', '.join(known) or 'none'}")
    return MODELS[name](**options)


def pretrained(name: str) -> nn.Module:
    """The network with the trained weights that ship with the book, in evaluation mode.

    Where they come from (command, seed, versions, log and test error) stands in
    `weights/<name>.json`. The file holds numbers only: reading it executes nothing.
    Raises KeyError for an unknown name, FileNotFoundError where no weights ship for it, and
    RuntimeError, naming the file, where it is damaged or belongs to another network.
    """
    model = build(name)
    path = WEIGHTS / f"{name}.safetensors"
    if not path.is_file():
        known = sorted(entry.name.removesuffix(".safetensors") for entry in WEIGHTS.iterdir()
                       if entry.name.endswith(".safetensors"))
        raise FileNotFoundError(f"no trained weights ship for {name!r}, only for "
                                f"{', '.join(known) or 'none'}; train it with training.fit")
    try:
        model.load_state_dict(load(path.read_bytes()))
    except (SafetensorError, RuntimeError) as error:
        raise RuntimeError(f"{path.name} does not hold the weights of {name!r} ({error}); reinstall "
                           "the package, or in a checkout run: git checkout -- lenet_book/weights"
                           ) from error
    return model.eval()
