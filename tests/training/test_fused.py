"""The faster forms of layers, against PyTorch's own; and when a network is left as it is."""

import copy
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_book import mnist, models, training
from lenet_book.training import fused, speed
from lenet_book.training.callbacks import Callback
from lenet_book.training.recipes import Recipe

TRAIN, _ = mnist.load_mnist()
QUICK = Recipe(learning_rate=5e-3, batch_size=64)
CAPABILITIES = ["AVX512", "AVX2"]  # vectors of 512 and of 256 bits, which have ways of their own


@pytest.fixture(autouse=True)
def cpu(request):
    """What the tests find must not hang on the machine."""
    name = getattr(request, "param", "AVX512")
    with mock.patch.object(torch.backends.cpu, "get_cpu_capability", return_value=name):
        yield


# A whole network

@pytest.mark.parametrize("cpu", CAPABILITIES, indirect=True)
@pytest.mark.parametrize("name", ["lenet5", "lenet-relu", "lenet-tanh", "lenet-sigmoid"])
def test_a_network_gives_and_learns_the_same(name, cpu):
    torch.manual_seed(0)
    net = models.build(name).double()
    x = TRAIN[:50].inputs(size=net.input_size, scaling=net.scaling).double()
    found = []
    for forward in (net, fused.fuse(net)):
        out = forward(x)
        loss = F.cross_entropy(out, TRAIN.labels[:50])
        found.append((out, *torch.autograd.grad(loss, list(net.parameters()))))
    for mine, its in zip(*found, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("cpu", "first"), [
    *((capability, ["ConvMaxPool2d"]) for capability in CAPABILITIES),
    ("DEFAULT", ["WholeConv2d", "HalvingMaxPool2d"])], indirect=["cpu"])
def test_lenet5_is_run_in_the_faster_form_with_its_own_parameters(cpu, first):
    net = models.build("lenet5")
    faster = fused.fuse(net)
    assert [type(layer).__name__ for layer in faster] == [
        *first, "ReLU", "WholeConv2d", "HalvingMaxPool2d", "ReLU", "WholeConv2d", "ReLU", "Flatten",
        "Linear", "ReLU", "Linear"]
    assert ([p.data_ptr() for p in faster.parameters()] == [p.data_ptr() for p in net.parameters()])
    assert [name for name, _ in net.named_children()][:3] == ["c1", "s2", "s2_relu"]  # as it was


@pytest.mark.parametrize("cpu", CAPABILITIES, indirect=True)
def test_gradients_lie_in_memory_as_the_parameters_do(cpu):
    """DistributedDataParallel warns where they do not."""
    net = models.build("lenet5")
    fused.fuse(net)(TRAIN[:40].inputs(scaling="standard")).sum().backward()
    for name, p in net.named_parameters():
        assert p.grad.stride() == p.stride(), name


def test_a_kernel_that_covers_the_map_and_one_that_does_not():
    conv = nn.Conv2d(3, 4, 5)
    x, larger = torch.randn(2, 3, 5, 5), torch.randn(2, 3, 6, 5)
    torch.testing.assert_close(fused.WholeConv2d(conv)(x), conv(x), rtol=1e-5, atol=1e-5)
    assert torch.equal(fused.WholeConv2d(conv)(larger), conv(larger))


class _Subclass(nn.Conv2d):
    pass


@pytest.mark.parametrize("conv", [
    nn.Conv2d(1, 4, 3, stride=2), nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(1, 4, 3, padding="same"),
    nn.Conv2d(1, 4, 3, dilation=2), nn.Conv2d(1, 4, (3, 5)), nn.Conv2d(1, 4, 3, bias=False),
    nn.Conv2d(2, 4, 3, groups=2), _Subclass(1, 4, 3)], ids=str)
def test_another_convolution_stays(conv):
    assert fused.fuse(nn.Sequential(conv, nn.MaxPool2d(2)))[0] is conv


@pytest.mark.parametrize("pool", [
    nn.MaxPool2d(3), nn.MaxPool2d(2, stride=1), nn.MaxPool2d(2, padding=1), nn.AvgPool2d(2),
    nn.MaxPool2d(2, dilation=2), nn.MaxPool2d(2, ceil_mode=True),
    nn.MaxPool2d(2, return_indices=True)], ids=str)
def test_another_pooling_stays(pool):
    assert fused.fuse(nn.Sequential(nn.Conv2d(1, 4, 3), pool))[1] is pool


def test_a_convolution_of_several_maps_and_its_pooling_stay_two():
    """There the zeros would cost more than they save."""
    net = fused.fuse(nn.Sequential(nn.Conv2d(2, 4, 3), nn.MaxPool2d(2)))
    assert [type(layer) for layer in net] == [fused.WholeConv2d, fused.HalvingMaxPool2d]


@pytest.mark.parametrize("watch", [
    lambda net: net.c1.register_forward_hook(lambda *_: None),
    lambda net: net.s2.register_forward_pre_hook(lambda *_: None),
    lambda net: net.c3.register_full_backward_hook(lambda *_: None),
    lambda net: net.c5.register_full_backward_pre_hook(lambda *_: None),
    lambda net: net.register_forward_hook(lambda *_: None)])
def test_a_network_that_is_watched_stays(watch):
    net = models.build("lenet5")
    handle = watch(net)
    assert fused.fuse(net) is net
    handle.remove()
    assert fused.fuse(net) is not net


class _OwnWay(nn.Sequential):
    def forward(self, x):
        return super().forward(x).flatten(1)


def test_what_runs_its_layers_in_its_own_way_stays():
    for net in (_OwnWay(nn.Conv2d(1, 2, 3)), nn.Conv2d(1, 2, 3)):
        assert fused.fuse(net) is net


def test_what_is_on_another_device_stays():
    net = models.build("lenet5").to("meta")
    assert fused.fuse(net) is net


def test_a_layer_that_comes_twice_is_run_twice():
    conv, squash, pool = nn.Conv2d(1, 1, 3), nn.Tanh(), nn.MaxPool2d(2)
    net = nn.Sequential(conv, pool, squash, conv, pool, squash).double()
    x = torch.randn(2, 1, 16, 16, dtype=torch.float64)
    assert len(fused.fuse(net)) == 4
    torch.testing.assert_close(fused.fuse(net)(x), net(x))


def test_what_has_been_given_another_forward_stays():
    net = nn.Sequential(nn.Conv2d(1, 2, 3))
    net[0].forward = lambda x: 2 * x
    assert fused.fuse(net) is net


def test_half_precision_stays():
    """It is computed in other ways, whose speeds were not looked at."""
    net = models.build("lenet5").half()
    assert fused.fuse(net) is net


def test_under_autocast_the_layers_stay():
    """There torch chooses the precision of each call."""
    net = models.build("lenet5")
    with torch.autocast("cpu"):
        assert fused.fuse(net) is net


@pytest.mark.parametrize("x", [
    torch.zeros(2, 3, 32, 32), torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 5, 5),
    torch.zeros(2, 1, 32, 32, dtype=torch.uint8), torch.zeros(2, 1, 32, 32, dtype=torch.float64),
    torch.zeros(2, 1, 28, 28), torch.zeros(32, 32)], ids=lambda x: f"{list(x.shape)} {x.dtype}")
def test_what_does_not_fit_is_refused_in_the_same_words(x):
    net = models.build("lenet5")
    with pytest.raises(RuntimeError) as theirs:
        net(x)
    with pytest.raises(RuntimeError) as mine:
        fused.fuse(net)(x)
    assert str(mine.value) == str(theirs.value)


def test_a_single_image_is_read_without_a_batch():
    net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 14))
    whole = nn.Sequential(nn.Conv2d(5, 3, 5))
    for layers, x in ((net, torch.randn(1, 32, 32)), (whole, torch.randn(5, 5, 5))):
        torch.testing.assert_close(fused.fuse(layers)(x), layers(x))


# In a training

def trained(model, fuse, monkeypatch):
    monkeypatch.setattr(speed, "fuse", fuse)
    training.fit(model, TRAIN.subset(640, seed=1), QUICK, progress=False)
    return model


def test_fit_takes_the_faster_form_and_comes_to_the_same(monkeypatch):
    torch.manual_seed(0)
    net, seen = models.build("lenet5"), []

    def noted(model):
        seen.append(fused.fuse(model))
        return seen[-1]

    mine = trained(copy.deepcopy(net), noted, monkeypatch)
    its = trained(copy.deepcopy(net), lambda model: model, monkeypatch)
    assert isinstance(seen[0][0], fused.ConvMaxPool2d)
    for p, q in zip(mine.parameters(), its.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=1e-3)


def test_fit_shows_a_hook_every_batch_also_that_of_a_callback():
    class Hooking(Callback):
        def before_training(self, run):
            run.model.s4.register_forward_hook(
                lambda module, inputs, output: later.append(tuple(output.shape)))

    net, seen, later = models.build("lenet5"), [], []
    net.s2.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    for model in (net, models.build("lenet5")):
        training.fit(model, TRAIN.subset(128, seed=1), QUICK, progress=False, callbacks=[Hooking()])
    assert seen == [(2, 6, 14, 14), *[(64, 6, 14, 14)] * 2]  # first two, to see that all fits together
    assert later == [(64, 16, 5, 5)] * 4
