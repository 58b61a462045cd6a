"""Demos: sliders beside a picture that follows them. Each is a function whose arguments all have
defaults; write its name as the last line of a cell."""

from .ablation import ablation
from .architecture import architecture
from .base import Demo
from .c3_connections import c3_connections
from .channels import channels
from .cross_correlation import cross_correlation
from .draw_digit import draw_digit
from .feature_maps import feature_maps
from .find_the_digit import find_the_digit
from .inception import inception
from .padding_stride import padding_stride
from .pooling import pooling
from .receptive_field import receptive_field
from .training import training

__all__ = ["Demo", "ablation", "architecture", "c3_connections", "channels", "cross_correlation",
           "draw_digit", "feature_maps", "find_the_digit", "inception", "padding_stride", "pooling",
           "receptive_field", "training"]
