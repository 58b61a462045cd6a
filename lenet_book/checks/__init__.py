"""A check for every exercise: called with the reader's answer, it says what is wrong with it.

One module a chapter holds the checks of its exercises, in their order:

    from lenet_book import checks
    checks.correlate_by_weights(mine)   # not yet: this is the convolution: the kernel is turned
    checks.solved(1)                    # solved: 1, 4; to do: 2, 3, 5

exercise.py turns a function that refuses wrong answers into a check, whose verdict.py shows itself;
answers.py says what an answer may be and compares it, nets.py compares nets; calls.py calls what a
reader wrote, with a limit of time, and loops.py finds a loop that ends at once. What a single exercise
asks is watched in layers_of_1998.py (does a net compute what the paper's does?), acting_parameters.py
(does every number that it holds act?), mending.py (are a net's mistakes gone, and nothing else?),
early_stopping.py (when does a training end?), hooks.py (is a net left as it was?), drawing.py (what is
made small?), occlusion.py (what may a map have wrong?), seeds.py (is each net trained anew?) and
subsampling.py (can a layer of the reader's be trained?); towers.py, strings.py, blocks.py and
inception.py hold the nets that chapters 11 to 14 ask for, and the wrong ones that readers build in
their place.
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
from .from_1998_to_today import (
    difference_seed_by_seed,
    errors_by_seed,
    h_two_layers_down,
    narrower_interval,
    with_hardtanh,
)
from .googlenet import (
    convolution_for_a_module,
    inception_module,
    loss_with_heads,
    naive_inception,
    widest_useful_reduction,
)
from .inside_lenet5 import (
    farthest_digit,
    image_of_class,
    occlusion_map,
    output_of_layer,
    strip_of_digits,
)
from .lenet5_layer_by_layer import (
    lost_since_1998,
    map_criterion,
    table_layer,
    table_of_pairs,
    whole_lenet5,
)
from .many_machines import all_reduce, share_weights, speedup
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
from .pooling import (
    global_average_pooling,
    gradient_at_a_peak,
    pooling_of_your_own,
    power_mean_pooling,
    subsampling_of_your_own,
)
from .receptive_field import (
    field_by_hand,
    layers_that_see_a_digit,
    stack_that_sees_a_digit,
    window_by_gradient,
    window_from_the_top,
)
from .training_on_mnist import (
    cross_entropy_by_hand,
    largest_error_count,
    loss_and_error,
    train_with_early_stopping,
)
from .verdict import Verdict
from .vgg import (
    net_from_string,
    stack_that_sees_eleven,
    string_with_field_224,
    weights_by_he,
    width_for_he,
)
from .which_lenet5 import first_loss_is_right, mend_net_a, mend_net_b, mend_net_c, parts_of_60806

__all__ = [
    "EXERCISES",
    "Exercise",
    "Verdict",
    "alexnet_for_one_channel",
    "alexnet_without_dense_layers",
    "all_reduce",
    "conv2d_of_your_own",
    "convolution_by_hand",
    "convolution_for_a_module",
    "correlate_by_weights",
    "cross_entropy_by_hand",
    "dense_in_place_of_mean",
    "difference_seed_by_seed",
    "dropout_by_hand",
    "edge_in_two_steps",
    "equation_for_einsum",
    "errors_by_seed",
    "farthest_digit",
    "field_by_hand",
    "first_loss_is_right",
    "global_average_pooling",
    "gradient_at_a_peak",
    "h_two_layers_down",
    "image_of_class",
    "inception_module",
    "kernel_gradient",
    "kernel_that_moves",
    "largest_error_count",
    "layers_that_see_a_digit",
    "loss_and_error",
    "loss_with_heads",
    "lost_since_1998",
    "map_criterion",
    "maps_for_a_cheap_mix",
    "maps_from_parameters",
    "mean_of_the_largest",
    "mend_net_a",
    "mend_net_b",
    "mend_net_c",
    "naive_inception",
    "narrower_interval",
    "net_from_string",
    "network_in_network",
    "occlusion_map",
    "output_of_layer",
    "parts_of_60806",
    "pooling_of_your_own",
    "power_mean_pooling",
    "response_normalisation",
    "share_weights",
    "sides_that_keep_the_size",
    "sides_with_a_stride",
    "size_and_dropped",
    "sizes_through_a_net",
    "solved",
    "speedup",
    "stack_that_sees_a_digit",
    "stack_that_sees_eleven",
    "string_with_field_224",
    "strip_of_digits",
    "subsampling_of_your_own",
    "table_layer",
    "table_of_pairs",
    "train_with_early_stopping",
    "two_layers_in_one",
    "two_towers",
    "weights_by_he",
    "where_the_digit_is",
    "whole_lenet5",
    "widest_bottleneck",
    "widest_useful_reduction",
    "width_for_he",
    "window_by_gradient",
    "window_from_the_top",
    "windows_that_halve",
    "with_hardtanh",
]
