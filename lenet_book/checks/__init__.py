"""A check for every exercise: called with the reader's answer, it says what is wrong with it.

One module a chapter holds the checks of its exercises, in their order:

    from lenet_book import checks
    checks.correlate_by_weights(mine)   # not yet: this is the convolution: the kernel is turned
    checks.solved(1)                    # solved: 1, 4; to do: 2, 3, 5

exercise.py turns a function that refuses wrong answers into a check; answers.py says what an answer
may be and compares it; calls.py calls what a reader wrote, with a limit of time.
"""

from .cross_correlation import (
    convolution_by_hand,
    correlate_by_weights,
    edge_in_two_steps,
    kernel_gradient,
    kernel_that_moves,
)
from .exercise import EXERCISES, Exercise, solved
from .lenet5_layer_by_layer import (
    lost_since_1998,
    map_criterion,
    table_layer,
    table_of_pairs,
    whole_lenet5,
)
from .many_machines import all_reduce, share_weights, speedup
from .verdict import Verdict
from .which_lenet5 import first_loss_is_right, mend_net_a, mend_net_b, mend_net_c, parts_of_60806

__all__ = [
    "EXERCISES",
    "Exercise",
    "Verdict",
    "all_reduce",
    "convolution_by_hand",
    "correlate_by_weights",
    "edge_in_two_steps",
    "first_loss_is_right",
    "kernel_gradient",
    "kernel_that_moves",
    "lost_since_1998",
    "map_criterion",
    "mend_net_a",
    "mend_net_b",
    "mend_net_c",
    "parts_of_60806",
    "share_weights",
    "solved",
    "speedup",
    "table_layer",
    "table_of_pairs",
    "whole_lenet5",
]
