"""Helpers for the notebooks: convolution and LeNet-5, from the sliding window to a trained net."""

__version__ = "0.2.0"
