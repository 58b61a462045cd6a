"""The faster forms of layers, against PyTorch's own; and when a network is left as it is."""

import copy
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lenet_book import mnist, models, training
from lenet_book.training import fused, speed
from lenet_book.training.callbacks import Callback
from lenet_book.training.recipes import Recipe

TRAIN, _ = mnist.load_mnist()
QUICK = Recipe(learning_rate=5e-3, batch_size=64)
CAPABILITIES = ["AVX512", "AVX2"]  # vectors of 512 and of 256 bits, which have ways of their own


def on(capability):
    """What the tests find must not hang on the machine: a CPU of that name."""
    return mock.patch.object(torch.backends.cpu, "get_cpu_capability", return_value=capability)


@pytest.fixture(autouse=True)
def cpu(request):
    with on(request.param if hasattr(request, "param") else "AVX512"):
        yield


def both(x, weight, bias, functions=(fused.conv_max_pool2d, lambda *a: F.max_pool2d(F.conv2d(*a), 2))):
    """Output and gradients of the faster call and of PyTorch's."""
    for function in functions:
        leaves = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
        out = function(*leaves)
        downstream = torch.arange(1.0, out.numel() + 1, dtype=out.dtype).view(out.shape)
        yield out.detach(), *torch.autograd.grad(out, leaves, downstream)


# Convolution and max pooling

@given(st.sampled_from(CAPABILITIES), st.integers(0, 3), st.integers(1, 3), st.integers(1, 4),
       st.integers(1, 5), st.integers(0, 6), st.integers(0, 6), st.integers(0, 999))
def test_it_is_convolution_and_max_pooling(capability, count, maps, filters, kernel, more, wider, seed):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    x = draw(count, maps, kernel + 1 + more, kernel + 1 + wider)
    with on(capability):
        ours, theirs = both(x, draw(filters, maps, kernel, kernel), draw(filters))
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-9)


@given(st.sampled_from(CAPABILITIES), st.integers(1, 4), st.integers(0, 999),
       st.sampled_from([torch.float32, torch.float64]))
def test_among_equals_the_first_gets_the_gradient(capability, kernel, seed, dtype):
    """Small whole numbers: many windows hold their largest several times, and nothing is rounded."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 2, (2, 1, kernel + 5, kernel + 5), generator=generator).to(dtype)
    weight = torch.randint(-1, 2, (3, 1, kernel, kernel), generator=generator).to(dtype)
    with on(capability):
        ours, theirs = both(x, weight, torch.zeros(3, dtype=dtype))
    for mine, its in zip(ours, theirs, strict=True):
        assert torch.equal(mine, its)


def test_an_empty_image_trains_the_biases_alone():
    """All four of every window are equal: each output's gradient arrives once, not four times."""
    ours, theirs = both(torch.zeros(1, 1, 6, 6), torch.ones(2, 1, 3, 3), torch.zeros(2))
    assert torch.equal(ours[3], theirs[3])
    assert torch.equal(ours[1].sum(), theirs[1].sum()) and ours[1].any()
    assert not ours[2].any()


def test_a_difference_as_small_as_float32_knows_is_one():
    """Each image has its largest pixel, larger by one unit in the last place, in another corner."""
    x = torch.ones(4, 1, 2, 2)
    for number, corner in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        x[(number, 0, *corner)] = 1 + torch.finfo(torch.float32).eps
    x.requires_grad_()
    fused.conv_max_pool2d(x, torch.ones(1, 1, 1, 1), torch.zeros(1)).sum().backward()
    assert torch.equal(x.grad, (x > 1).float())


def test_its_gradients_are_those_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    leaves = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
              for shape in ((2, 2, 7, 6), (3, 2, 3, 3), (3,))]
    downstream = torch.randn(2, 3, 2, 2, generator=generator, dtype=torch.float64)

    def value():
        return (fused.conv_max_pool2d(*leaves) * downstream).sum()

    for leaf, gradient in zip(leaves, torch.autograd.grad(value(), leaves), strict=True):
        with torch.no_grad():
            for number, one in enumerate(leaf.view(-1)):
                start, found = one.item(), []
                for step in (1e-6, -1e-6):
                    one.fill_(start + step)
                    found.append(value().item())
                one.fill_(start)
                assert gradient.flatten()[number].item() == pytest.approx(
                    (found[0] - found[1]) / 2e-6, rel=1e-6, abs=1e-7)


def test_a_second_backward_pass_is_refused():
    """The first has overwritten which of four was the largest."""
    out = fused.conv_max_pool2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2, requires_grad=True),
                                torch.zeros(1)).sum()
    out.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


@pytest.mark.parametrize("which", [0, 1])
def test_second_derivatives_are_refused(which):
    x, weight = (torch.ones(shape, requires_grad=True) for shape in ((1, 1, 4, 4), (1, 1, 2, 2)))
    out = fused.conv_max_pool2d(x, weight, torch.zeros(1)).square().sum()
    first, = torch.autograd.grad(out, (x, weight)[which], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_the_order_in_memory_does_not_matter(memory):
    net = models.build("lenet5").to(memory_format=memory)
    x = TRAIN[:40].inputs(scaling="standard").to(memory_format=memory)
    torch.testing.assert_close(fused.conv_max_pool2d(x, net.c1.weight, net.c1.bias),
                               net.s2(net.c1(x)), rtol=1e-5, atol=1e-5)


def test_an_image_without_room_for_a_window_is_refused():
    with pytest.raises(RuntimeError, match="6 x 6"):
        fused.conv_max_pool2d(torch.zeros(1, 1, 5, 5), torch.zeros(1, 1, 5, 5), torch.zeros(1))


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
