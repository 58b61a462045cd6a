"""The pictures that README and the chapters embed, each drawn by code from the paper's data."""

from collections.abc import Callable
from pathlib import Path

from . import paper, plots

FIGURES: dict[str, Callable[[], plots.Picture]] = {
    "lenet5": lambda: plots.architecture(paper.LAYERS, paper.INPUT_SIZE),
    "c3_connections": lambda: plots.connection_tables({
        "C3 (columns) reads maps of S2 (rows)": paper.C3_CONNECTIONS}),
}


def write(folder: str | Path) -> list[Path]:
    """Draw every figure as SVG into a folder, made if need be; returns the files."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.svg" for name in FIGURES]
    for path, draw in zip(paths, FIGURES.values(), strict=True):
        draw().save_svg(path)
    return paths
