"""The pictures that README and the chapters embed, each drawn by code from the paper's data."""

import io
from collections.abc import Callable
from pathlib import Path

from . import paper, plots, storage

FIGURES: dict[str, Callable[[], plots.Picture]] = {
    "lenet5": lambda: plots.architecture(paper.LAYERS, paper.INPUT_SIZE),
    "c3_connections": lambda: plots.connection_tables({
        "C3 (columns) reads maps of S2 (rows)": paper.C3_CONNECTIONS}),
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
