"""A check for every exercise: called with the reader's answer, it says what is wrong with it.

One module a chapter holds the checks of its exercises, in their order:

    from lenet_book import checks
    checks.correlate_by_weights(mine)   # not yet: this is the convolution: the kernel is turned
    checks.solved(1)                    # solved: 1, 4; to do: 2, 3, 5

exercise.py turns a function that refuses wrong answers into a check; answers.py says what an answer
may be and compares it; calls.py calls what a reader wrote, with a limit of time.
"""

from .alexnet import (
    alexnet_for_one_channel,
    alexnet_without_dense_layers,
    dropout_by_hand,
    response_normalisation,
    two_towers,
)
from .channels import (
    conv2d_of_your_own,
    equation_for_einsum,
    maps_from_parameters,
    two_layers_in_one,
    widest_bottleneck,
)
from .cross_correlation import (
    convolution_by_hand,
    correlate_by_weights,
    edge_in_two_steps,
    kernel_gradient,
    kernel_that_moves,
)
from .exercise import EXERCISES, Exercise, solved
from .googlenet import (
    convolution_for_a_module,
    inception_module,
    loss_with_heads,
    naive_inception,
    widest_useful_reduction,
)
from .lenet5_layer_by_layer import (
    lost_since_1998,
    map_criterion,
    table_layer,
    table_of_pairs,
    whole_lenet5,
)
from .nin import (
    dense_in_place_of_mean,
    maps_for_a_cheap_mix,
    mean_of_the_largest,
    network_in_network,
    where_the_digit_is,
)
from .padding_and_stride import (
    sides_that_keep_the_size,
    sides_with_a_stride,
    size_and_dropped,
    sizes_through_a_net,
    windows_that_halve,
)
from .verdict import Verdict
from .vgg import (
    net_from_string,
    stack_that_sees_eleven,
    string_that_sees_all,
    weights_by_he,
    width_for_he,
)

__all__ = [
    "EXERCISES",
    "Exercise",
    "Verdict",
    "alexnet_for_one_channel",
    "alexnet_without_dense_layers",
    "conv2d_of_your_own",
    "convolution_by_hand",
    "convolution_for_a_module",
    "correlate_by_weights",
    "dense_in_place_of_mean",
    "dropout_by_hand",
    "edge_in_two_steps",
    "equation_for_einsum",
    "inception_module",
    "kernel_gradient",
    "kernel_that_moves",
    "loss_with_heads",
    "lost_since_1998",
    "map_criterion",
    "maps_for_a_cheap_mix",
    "maps_from_parameters",
    "mean_of_the_largest",
    "naive_inception",
    "net_from_string",
    "network_in_network",
    "response_normalisation",
    "sides_that_keep_the_size",
    "sides_with_a_stride",
    "size_and_dropped",
    "sizes_through_a_net",
    "solved",
    "stack_that_sees_eleven",
    "string_that_sees_all",
    "table_layer",
    "table_of_pairs",
    "two_layers_in_one",
    "two_towers",
    "weights_by_he",
    "where_the_digit_is",
    "whole_lenet5",
    "widest_bottleneck",
    "widest_useful_reduction",
    "width_for_he",
    "windows_that_halve",
]
