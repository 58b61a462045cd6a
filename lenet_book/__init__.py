"""Helpers for the notebooks: convolution and LeNet-5, from the sliding window to a trained net."""

import os

from . import compiler, memory

__version__ = "0.2.0"

# How torch's threads wait for each other. They should sleep: spinning, they make training many times
# slower as soon as another program wants one of the cores. But the next task mostly comes within
# microseconds; to look out for it so long (GNU's OpenMP can) saves a quarter of a training. What is set
# here reaches torch where the package is imported first, and all kernels of a server: see `jupyter`.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}

compiler.import_later()
memory.give_back_after_each_cell()
