"""Every classification network of torchvision through `ledger` and `trace`: python model_zoo.py [NAMES]

Each is built without weights on the device "meta", where it costs no memory, and looked at at the size
for which it was published. A network counts as right where

    its parameters are the published num_params, and the model's own;
    its multiply-adds are half the operations that PyTorch's counter finds. Of normalisation and other
        scales by a weight that counter knows nothing, and is told here: one multiplication a unit;
    without these they are the published GFLOPS, of which there is one to each multiply-add.

Connections and the receptive fields of most are published nowhere: `trace` follows a network, or
refuses it with the layer's name.
"""

import sys
from collections import Counter
from math import prod

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from lenet_book.ledger import ledger
from lenet_book.receptive_field import trace

aten = torch.ops.aten


class Weightless(TorchFunctionMode):
    """Layers make their weights on "meta", but RegNet and Swin may compute with numbers meanwhile."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        made = {"device": "meta"} if function in (torch.empty, torch.zeros, torch.ones) else {}
        return function(*args, **{**(kwargs or {}), **made})


def build(name):
    """The network on "meta", its input's shape, and what is published of its first weights."""
    weights = next(iter(models.get_model_weights(name)))
    size = weights.transforms().crop_size[0]
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name == "googlenet":
        options["aux_logits"] = False  # as published
    if name.startswith("vit"):
        options["image_size"] = size
    with Weightless():
        model = models.get_model(name, **options)
    return model.eval().to("meta"), (3, size, size), weights.meta


def _norm(x, *settings, out_shape):
    return 2 * prod(x)


def _scale(x, y, *, out_shape):
    """By a weight: it has no axis for the examples, as the gate of an SE block has."""
    if isinstance(y, float | int):
        return 0
    return 2 * prod(out_shape) if min(len(x), len(y)) < len(out_shape) else 0


def multiply_adds(model, shape, mapping):
    x = torch.zeros(1, *shape, device="meta")
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter, torch.no_grad():
        model(x)
    return counter.get_total_flops() // 2


SCALES = {aten.native_batch_norm: _norm, aten.native_layer_norm: _norm, aten.mul: _scale}


def check(name):
    """A verdict and its figures for the ledger, and for the trace."""
    model, shape, published = build(name)
    try:
        table = ledger(model, shape)
    except (NotImplementedError, ValueError) as error:
        counts = "refused", str(error)
    else:
        products, scaled = (multiply_adds(model, shape, each) for each in ({}, SCALES))
        right = (table.parameters + table.fixed == published["num_params"]
                 == sum(p.numel() for p in model.parameters())
                 and table.macs == scaled and abs(products / 1e9 - published["_ops"]) < 0.001)
        counts = ("refused" if table.not_counted else "right" if right else "wrong",
                  f"{table.parameters:,} parameters, {table.connections:,} connections, {table.macs:,} "
                  f"multiply-adds, without scales {products / 1e9:.3f} G of {published['_ops']} G"
                  + ", ".join(["", *table.not_counted]))
    try:
        rows = trace(model, shape)
    except (NotImplementedError, ValueError) as error:
        return counts, ("refused", str(error))
    return counts, ("followed", f"{len(rows)} layers")


if __name__ == "__main__":
    names = sys.argv[1:] or models.list_models(module=models)
    verdicts = []
    for name in names:
        counts, fields = check(name)
        verdicts.append((counts[0], fields[0]))
        print(f"{name:20} ledger {counts[0]}: {counts[1]}\n{'':20} trace {fields[0]}: {fields[1]}",
              flush=True)
    for tool, results in zip(("ledger", "trace"), zip(*verdicts, strict=True), strict=True):
        print(tool, *(f"{number} {verdict}" for verdict, number in Counter(results).items()), sep=", ")
    sys.exit(any("wrong" in pair for pair in verdicts))
