"""What the ledger cannot count it refuses in one sentence, before a wrong number can come out."""

import re

import pytest
import torch
import torch.nn.functional as F
from forward import Forward
from torch import nn

from lenet_book import layers
from lenet_book.ledger import ledger


@pytest.mark.parametrize(("layer", "shape", "words"), [
    (nn.Conv1d(1, 8, 3), (100,), "conv1d takes N x C x L, of which input_shape is all but the N"),
    (nn.Conv1d(1, 8, 3), (5, 1, 100), "cannot run on 1 x 5 x 1 x 100: conv1d takes N x C x L"),
    (nn.Conv2d(1, 6, 5), (32, 32), "cannot run on 1 x 32 x 32: conv2d takes N x C x H x W"),
    (nn.Conv3d(1, 2, 3), (8, 8, 8), "conv3d takes N x C x D x H x W"),
    (nn.ConvTranspose2d(1, 6, 5), (32, 32), "conv_transpose2d takes N x C x H x W"),
    (nn.MaxPool2d(2), (32, 32), "max_pool2d takes N x C x H x W"),
    (nn.AdaptiveAvgPool2d(1), (32, 32), "adaptive_avg_pool2d takes N x C x H x W"),
    (layers.Subsampling(6), (32, 32), "Subsampling takes N x 6 x H x W"),
    (nn.Conv2d(3, 6, 5), (1, 32, 32), "Conv2d(3, 6, kernel_size=(5, 5), stride=(1, 1)), cannot run on "
                                      "1 x 1 x 32 x 32"),
    (nn.Conv2d(1, 6, 5), (1, 3, 3), "Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1)), cannot run on "
                                    "1 x 1 x 3 x 3: Calculated padded input size"),
    (nn.Linear(4, 2), (5,), "Linear(in_features=4, out_features=2, bias=True), cannot run on 1 x 5"),
    (nn.Embedding(10, 4), (7,), "embedding looks up whole numbers"),
])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_layer_that_cannot_run_is_named_with_its_input(layer, shape, words, device):
    with pytest.raises(ValueError, match=r"^layer '1', [^\n]*$") as caught:
        ledger(nn.Sequential(nn.Identity(), layer).to(device), shape)
    if device == "cpu" or "Calculated" not in words:  # of which "meta" speaks in other words
        assert words in str(caught.value)


def test_a_function_that_cannot_run_is_named_by_its_layer():
    net = Forward(lambda x: F.conv2d(x, torch.ones(1, 1, 3, 3)))
    with pytest.raises(ValueError, match="layer 'Forward', .* 1 x 8 x 8: conv2d takes"):
        ledger(net, (8, 8))
    assert ledger(net, (1, 8, 8)).macs == 9 * 36


@pytest.mark.parametrize("shape", [
    (), (1, 0, 32), (1, -1, 32), (1, 32.0, 32), (1, 2, 3, 4, 5), 32, "32", None])
def test_no_shape(shape):
    with pytest.raises(ValueError, match=rf"^input_shape must be .*, not {re.escape(repr(shape))}$"):
        ledger(nn.Conv2d(1, 6, 5), shape)


def test_volumes():
    """Four numbers are one of them where the network begins with volumes, else a batch of images."""
    volumes = nn.Sequential(nn.Conv3d(1, 2, 3), nn.Flatten(1, 2), nn.Conv2d(4, 1, 1))
    assert ledger(volumes, (1, 4, 4, 4)) == ledger(volumes, (7, 1, 4, 4, 4))
    assert ledger(volumes, (1, 4, 4, 4)).macs == 27 * 16 + 4 * 4
    images = nn.Sequential(nn.Conv2d(4, 1, 1), nn.MaxPool2d(2))
    assert ledger(images, (7, 4, 2, 2)) == ledger(images, (4, 2, 2))


def test_what_cannot_run_on_one_tensor():
    with pytest.raises(TypeError, match=r"^Bilinear cannot run on one tensor, .*'input2': wrap it"):
        ledger(nn.Bilinear(3, 4, 5), (3,))
    wrapped = Forward(lambda x, inner: inner(x, x), nn.Bilinear(3, 3, 5))
    row = ledger(wrapped, (3,))["layers.0"]
    assert (row.unknown, row.parameters, row.macs) == (("_trilinear",), 3 * 3 * 5 + 5, None)


@pytest.mark.parametrize("lazy", [nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(affine=False)])
def test_a_lazy_layer_before_and_after_it_has_run(lazy):
    net = nn.Sequential(lazy)
    with pytest.raises(TypeError, match=r"^0\.\w+ has no shape yet, .* run the model on an example"):
        ledger(net, (1, 8, 8))
    net(torch.zeros(2, 1, 8, 8))
    assert ledger(net, (1, 8, 8))[0].output_shape[1:] in {(6, 6), (8, 8)}


@pytest.mark.filterwarnings("ignore")  # torch.jit.script is deprecated, and still met
def test_what_is_compiled_or_no_module():
    with pytest.raises(TypeError, match="must be a torch.nn.Module, not function"):
        ledger(lambda x: x, (1, 32, 32))
    with pytest.raises(TypeError, match="the model is compiled"):
        ledger(torch.jit.script(nn.Linear(2, 2)), (2,))


def forgiving(x, first, second):
    try:
        return first(x)
    except RuntimeError:
        return second(x) * second.weight.sum()


def test_a_model_that_goes_on_after_a_layer_has_failed():
    table = ledger(Forward(forgiving, nn.Linear(3, 3), nn.Linear(4, 4)), (4,))
    assert [(row.name, row.macs) for row in table] == [
        ("layers.1", 16), ("Forward", 4), ("layers.0", 0)]
