"""Helpers for the notebooks: convolution and LeNet-5, from the sliding window to a trained net."""

from . import memory

__version__ = "0.2.0"

memory.give_back_after_each_cell()
