"""The pictures that README and the chapters embed, each drawn by code from the papers' data."""

import io
from collections.abc import Callable
from pathlib import Path

import torch

from . import models, paper, plots, storage
from .receptive_field import trace

NETS = {"LeNet-5": "lenet5", "AlexNet": "alexnet", "VGG-16": "vgg16", "NiN": "nin",
        "GoogLeNet": "googlenet"}


def fields() -> plots.Picture:
    """How the receptive field grows from layer to layer, up to the last pooling or convolution."""
    found = {}
    for title, name in NETS.items():
        with torch.device("meta"):  # shapes alone
            net = models.build(name)
            rows = trace(net, (getattr(net, "channels", 1), net.input_size, net.input_size)).folded()
        found[title] = [row.field.size for row in rows
                        if row.kind not in ("Linear", "AdaptiveAvgPool2d")]
    positions = range(1, 1 + max(map(len, found.values())))
    return plots.curves({"layer (convolution, pooling or module)": (positions, found)},
                        "receptive field, pixels a side")


FIGURES: dict[str, Callable[[], plots.Picture]] = {
    "lenet5": lambda: plots.architecture(paper.LAYERS, paper.INPUT_SIZE),
    "c3_connections": lambda: plots.connection_tables({
        "C3 (columns) reads maps of S2 (rows)": paper.C3_CONNECTIONS}),
    "fields": fields,
}


def write(folder: str | Path) -> list[Path]:
    """Draw every figure as SVG into a folder, made if need be; returns the files.

    Raises OSError where they cannot be written; those that were there are then as they were.
    """
    folder = storage.expanded(folder)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for name, draw in FIGURES.items():
        stream = io.BytesIO()
        draw().save_svg(stream)
        drawn[folder / f"{name}.svg"] = stream.getvalue()
    storage.write(drawn)
    return [*drawn]
