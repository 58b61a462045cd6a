"""A check for every exercise: called with the reader's answer, it says what is wrong with it.

One module a chapter holds the checks of its exercises, in their order:

    from lenet_book import checks
    checks.correlate_by_weights(mine)   # not yet: this is the convolution: the kernel is turned
    checks.solved(1)                    # solved: 1, 4; to do: 2, 3, 5

exercise.py turns a function that refuses wrong answers into a check, whose verdict.py shows itself;
answers.py says what an answer may be and compares it, nets.py compares nets; calls.py calls what a
reader wrote, with a limit of time, errors.py says what an error of theirs means, and loops.py finds a
loop that ends at once. What a single exercise
asks is watched in layers_of_1998.py (does a net compute what the paper's does?), acting_parameters.py
(does every number that it holds act?), mending.py (are a net's mistakes gone, and nothing else?),
early_stopping.py (when does a training end?), hooks.py (is a net left as it was?), drawing.py (what is
made small?), occlusion.py (what may a map have wrong?), seeds.py (is each net trained anew?) and
subsampling.py (can a layer of the reader's be trained?); windows.py and bottleneck.py hold what two
chapters ask; normalisation.py, towers.py, strings.py, blocks.py and inception.py hold what chapters 11
to 14 ask for, and the wrong versions that readers write in its place.
"""

from . import (  # noqa: F401  each keeps its checks in EXERCISES
    alexnet,
    channels,
    cross_correlation,
    from_1998_to_today,
    googlenet,
    inside_lenet5,
    lenet5_layer_by_layer,
    many_machines,
    nin,
    padding_and_stride,
    pooling,
    receptive_field,
    training_on_mnist,
    vgg,
    which_lenet5,
)
from .exercise import EXERCISES, Exercise, solved
from .verdict import Verdict

globals().update(EXERCISES)  # by the names that a page calls them by

__all__ = ["EXERCISES", "Exercise", "Verdict", "solved", *EXERCISES]
