"""What an error message proposes works: each is provoked, and then its remedy is run as it stands."""

import re

import pytest
import torch
from torch import nn

from lenet_book import arithmetic, convolution, layers, training
from lenet_book.training import muon

FLOAT = torch.ones(4, 4)
BYTE, DOUBLE = FLOAT.byte(), FLOAT.double()
MAPS, KERNELS = FLOAT[None], FLOAT[None, None, :2, :2]

# A call with names for what it is given, and the words of its message that are to be executed.
BY_EXPRESSION = [
    (lambda image, kernel: convolution.cross_correlate2d(image, kernel),
     {"image": BYTE, "kernel": FLOAT / 3}, "image.float()"),
    (lambda image, kernel: convolution.convolve2d(image, kernel), {"image": FLOAT, "kernel": DOUBLE},
     "image.to(torch.float64)"),
    (lambda x, weight: convolution.conv2d(x, weight), {"x": MAPS.half(), "weight": KERNELS},
     "x.float()"),
    (lambda x, weight: convolution.conv2d(x, weight), {"x": MAPS.cfloat(), "weight": KERNELS},
     "weight.to(torch.complex64)"),
    (lambda x, weight, bias: convolution.conv2d(x, weight, bias),
     {"x": MAPS, "weight": KERNELS, "bias": torch.ones(1, dtype=torch.int64)}, "bias.float()"),
    (lambda x: convolution.max_pool2d(x, 2), {"x": MAPS.bool()}, "x.float()"),
    (lambda x: convolution.avg_pool2d(x, 2), {"x": MAPS.byte()}, "x.float()"),
    (lambda x: convolution.avg_pool2d(x, 2), {"x": MAPS.cfloat()}, "x.abs()"),
    (lambda x: convolution.max_pool2d(x, 2), {"x": MAPS.to_sparse()}, "x.to_dense()"),
    (lambda codes: layers.RBFOutput(codes), {"codes": BYTE}, "codes.float()"),
    (lambda matrix: muon.orthogonalise(matrix), {"matrix": BYTE}, "matrix.float()"),
    (lambda images: training.Distortion(rotation=5)(images), {"images": MAPS[None].byte()},
     "images.float()"),
]


@pytest.mark.parametrize(("call", "given", "remedy"), BY_EXPRESSION)
def test_the_expression_that_is_proposed_works(call, given, remedy):
    with pytest.raises(ValueError, match=re.escape(remedy)):
        call(**given)
    name = remedy.partition(".")[0]
    mended = eval(remedy, {"torch": torch, **given})
    assert torch.equal(mended.cdouble(), given[name].to_dense().cdouble())  # nothing is rounded away
    call(**given | {name: mended})


def test_both_are_converted_where_neither_holds_the_other():
    image, kernel = FLOAT.half(), FLOAT.bfloat16()
    with pytest.raises(ValueError, match=re.escape("use image.float() and kernel.float()")):
        convolution.cross_correlate2d(image, kernel)
    convolution.cross_correlate2d(image.float(), kernel.float())


def test_the_other_device():
    with pytest.raises(ValueError, match=re.escape("for example kernel.to(image.device)")):
        convolution.cross_correlate2d(FLOAT.to("meta"), FLOAT)
    assert FLOAT.to(FLOAT.to("meta").device).is_meta  # to go on there takes PyTorch seconds to prepare


@pytest.mark.parametrize(("call", "proposes", "remedy"), [
    (lambda: arithmetic.conv_output_size(5, 7), "enlarge the input or the padding",
     lambda: (arithmetic.conv_output_size(7, 7), arithmetic.conv_output_size(5, 7, padding=1))),
    (lambda: arithmetic.same_padding(4), "use an odd kernel", lambda: arithmetic.same_padding(5)),
    (lambda: convolution.max_pool2d(MAPS, 3, padding=2), "use at most 1",
     lambda: convolution.max_pool2d(MAPS, 3, padding=1)),
    (lambda: layers.Subsampling(1)(MAPS.double()), "use layer.to(x)",
     lambda: layers.Subsampling(1).to(MAPS.double())(MAPS.double())),
    (lambda: training.Recipe(learning_rate=1, augmentation="bent"), "such as Distortion(rotation=10)",
     lambda: training.Recipe(learning_rate=1, augmentation=training.Distortion(rotation=10))),
    (lambda: training.Recipe(learning_rate=1, optimiser="sdlm", weight_decay=0.1), "leave it at 0",
     lambda: training.Recipe(learning_rate=1, optimiser="sdlm", weight_decay=0)),
    (lambda: training.Recipe(learning_rate=1, schedule=[(2, 1.0)]), "steps ((epochs, factor), ...)",
     lambda: training.Recipe(learning_rate=1, schedule=((2, 1.0),))),
    (lambda: muon.Muon(None, lr=1), "such as net.parameters()",
     lambda: muon.Muon(nn.Linear(2, 1).parameters(), lr=1)),
])
def test_what_is_proposed_in_words_works(call, proposes, remedy):
    with pytest.raises((ValueError, TypeError), match=re.escape(proposes)):
        call()
    remedy()
