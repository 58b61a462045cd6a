"""Pictures: arrays in, a matplotlib Figure out. No pyplot, so nothing stays open behind them."""

from .curves import by_layer, intervals, learning_curve, lines, panels
from .diagrams import (
    architecture,
    confusion,
    connection_table,
    stages,
    who_reads_whom,
    window_positions,
)
from .images import (
    all_maps,
    along,
    digits,
    filtered,
    framed,
    gallery,
    glyphs,
    kernels,
    maps,
    matrices,
    side_by_side,
)
from .picture import BLUE, GREEN, INK, ORANGE, PALE, PURPLE, RED, Picture

__all__ = [
    "BLUE",
    "GREEN",
    "INK",
    "ORANGE",
    "PALE",
    "PURPLE",
    "RED",
    "Picture",
    "all_maps",
    "along",
    "architecture",
    "by_layer",
    "confusion",
    "connection_table",
    "digits",
    "filtered",
    "framed",
    "gallery",
    "glyphs",
    "intervals",
    "kernels",
    "learning_curve",
    "lines",
    "maps",
    "matrices",
    "panels",
    "side_by_side",
    "stages",
    "who_reads_whom",
    "window_positions",
]
