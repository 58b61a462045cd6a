"""AlexNet as it was published: each mistake with its symptom, and without."""

import math
from functools import partial

import nets
import pytest
import torch
import torch.nn.functional as F

from lenet_book.models.published import AlexNetPublished, View

FIXED = dict.fromkeys(["returns_nothing", "dropout_always_on", "dropout_misplaced",
                       "softmax_before_loss", "batch_lost"], False)
on_meta = partial(nets.on_meta, "alexnet-published")


def pictures(count, size=227):
    return torch.empty(count, 3, size, size, device="meta")


def top(**options):
    """The net from the flattened features on, N x 9,216. Each hidden unit takes the mean of its inputs,
    for to draw 54 million weights would take a second."""
    net = on_meta(**options)
    names = [name for name, _ in net.named_children()]
    part = net[names.index("flatten"):].to_empty(device="cpu")
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.fill_(1 / parameter.shape[-1])
        part.fc8.weight *= torch.arange(1000)[:, None] / 100
    return part


def test_mended_it_is_alexnet_without_response_normalisation():
    theirs, ours = nets.on_meta("alexnet"), on_meta(**FIXED)
    assert [(name, repr(layer)) for name, layer in ours.named_children()] == [
        (name, repr(layer)) for name, layer in theirs.named_children() if "norm" not in name]
    assert (ours.input_size, ours.scaling) == (theirs.input_size, theirs.scaling)


def test_each_mistake_is_one_difference_from_the_mended_net():
    def layers(**options):
        return [repr(layer) for layer in on_meta(**FIXED | options).children()]
    mended = layers()
    assert layers(returns_nothing=True) == mended
    assert layers(softmax_before_loss=True) == [*mended, "Softmax(dim=1)"]
    assert layers(batch_lost=True) == [
        "View()" if layer.startswith("Flatten") else layer for layer in mended]
    assert layers(dropout_always_on=True) == [
        layer.replace("Dropout(", "DropoutAlwaysOn(") for layer in mended]
    kinds = [type(layer).__name__ for layer in on_meta(**FIXED | {"dropout_misplaced": True})]
    assert kinds[-8:] == ["Flatten", "Dropout", "Linear", "Dropout", "ReLU", "Linear", "ReLU", "Linear"]


def test_it_returns_nothing_and_a_summary_does_not_notice():
    from torchinfo import summary
    net = on_meta()
    assert net(pictures(10)) is None
    said = summary(net, input_size=(10, 3, 227, 227), device="meta", verbose=0)
    assert said.total_params == 62_378_344
    assert [row.output_size for row in said.summary_list if row.is_leaf_layer][-1] == [10, 1000]
    assert on_meta(returns_nothing=False)(pictures(10)).shape == (10, 1000)


@pytest.mark.parametrize(("size", "pictures_in", "rows"), [(224, 36, 25), (224, 72, 50), (227, 36, 36)])
def test_the_view_gives_rows_that_are_no_pictures(size, pictures_in, rows):
    net = on_meta(returns_nothing=False)
    assert net(pictures(pictures_in, size)).shape == (rows, 1000)


def test_the_view_reads_maps_as_they_lie_in_the_pictures_order():
    """Also where the channels are side by side in memory, as the convolutions give them out."""
    maps = torch.arange(36 * 6400.0).view(36, 256, 5, 5)
    for layout in (torch.contiguous_format, torch.channels_last):
        rows = View()(maps.contiguous(memory_format=layout))
        assert torch.equal(rows, torch.arange(36 * 6400.0).view(25, 9216))


def test_other_batches_do_not_fit_the_view_and_flattened_none_fits_fc6():
    with pytest.raises(RuntimeError, match=r"shape '\[-1, 9216\]' is invalid for input of size 64000"):
        on_meta()(pictures(10, 224))
    for count in (10, 36):
        with pytest.raises(RuntimeError, match=rf"\[{count}, 6400\].*\[9216, 4096\]|{count}x6400"):
            on_meta(batch_lost=False)(pictures(count, 224))


@pytest.mark.parametrize(("always_on", "differ"), [(True, True), (False, False)])
def test_two_evaluations_of_one_picture_differ(always_on, differ):
    part, features = top(dropout_always_on=always_on).eval(), torch.rand(2, 9216)
    with torch.inference_mode():
        assert torch.equal(part(features), part(features)) is not differ


@pytest.mark.parametrize(("softmax", "lowest"), [(True, math.log(math.e + 999) - 1), (False, 0)])
def test_softmax_before_loss_has_a_floor(softmax, lowest):
    """A net that is right and could not be surer."""
    part = top(softmax_before_loss=softmax, returns_nothing=False)
    with torch.no_grad():
        part.fc8.weight.zero_()
        part.fc8.bias.fill_(-100.0)[7] = 100.0
        outputs = part(torch.rand(2, 9216))
    loss = F.cross_entropy(outputs, torch.tensor([7, 7])).item()
    assert loss == pytest.approx(lowest, abs=1e-5) and (outputs.argmax(1) == 7).all()
    assert torch.allclose(outputs.sum(1), torch.ones(2)) is softmax
    assert round(math.log(math.e + 999) - 1, 3) == 5.909 and "= 5.909" in AlexNetPublished.__doc__
