"""Pictures: arrays in, a matplotlib Figure out. No pyplot, so nothing stays open behind them."""

from .curves import curves, intervals
from .diagrams import connection_tables, stages, window_positions
from .images import images, kernels, matrices
from .picture import BLUE, GREEN, INK, ORANGE, PALE, PURPLE, RED, Picture
from .to_scale import architecture

__all__ = ["BLUE", "GREEN", "INK", "ORANGE", "PALE", "PURPLE", "RED", "Picture", "architecture",
           "connection_tables", "curves", "images", "intervals", "kernels", "matrices", "stages",
           "window_positions"]
