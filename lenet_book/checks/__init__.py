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
from .from_1998_to_today import (
    difference_seed_by_seed,
    errors_by_seed,
    h_two_layers_down,
    narrower_interval,
    with_hardtanh,
)
from .inside_lenet5 import (
    farthest_digit,
    image_of_class,
    occlusion_map,
    output_of_layer,
    strip_of_digits,
)
from .training_on_mnist import (
    cross_entropy_by_hand,
    largest_error_count,
    loss_and_error,
    train_with_early_stopping,
)
from .verdict import Verdict

__all__ = [
    "EXERCISES",
    "Exercise",
    "Verdict",
    "convolution_by_hand",
    "correlate_by_weights",
    "cross_entropy_by_hand",
    "difference_seed_by_seed",
    "edge_in_two_steps",
    "errors_by_seed",
    "farthest_digit",
    "h_two_layers_down",
    "image_of_class",
    "kernel_gradient",
    "kernel_that_moves",
    "largest_error_count",
    "loss_and_error",
    "narrower_interval",
    "occlusion_map",
    "output_of_layer",
    "solved",
    "strip_of_digits",
    "train_with_early_stopping",
    "with_hardtanh",
]
