"""Models with a past, models that cannot be copied, and arguments that do not fit."""

import threading

import pytest
import torch
import torch.nn.functional as F
from forward import Forward
from torch import nn
from untouched import untouched

from lenet_book.receptive_field import measure, trace


class WithAPast(nn.Module):
    """Keeps a tensor with its gradient history, counts, draws, writes into itself, cannot be copied."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 3)
        self.register_buffer("runs", torch.zeros(2, dtype=torch.int64))
        self.register_buffer("exactly", torch.zeros((), dtype=torch.double))
        self.register_buffer("also", torch.zeros(()))
        self.lock, self.numbers = threading.Lock(), (i for i in range(3))
        self.register_forward_hook(lambda *_: None)

    def forward(self, x):
        self.runs[0] += 1
        self.exactly += 1
        self.also = self.also + 1
        self.last.weight.data.mul_(0.5)
        self.seen = self.first(x)
        return self.last(F.softmax(F.dropout(self.seen) + torch.rand(()), dim=1))


class Constrained(nn.Conv2d):
    """Puts other weights in place of its own, as one does that constrains their norm."""

    def forward(self, x):
        self.weight.data = self.weight.data / 2
        return super().forward(x)


ASK = pytest.mark.parametrize("ask", [
    lambda model, shape, name: trace(model, shape)[-1].window(2, 2),
    lambda model, shape, name: measure(model, shape, name).window], ids=["trace", "measure"])


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("make", [
    WithAPast,
    lambda: nn.Sequential(nn.BatchNorm2d(1), Constrained(1, 2, 3), nn.Conv2d(2, 1, 3)),
    lambda: nn.Sequential(nn.utils.weight_norm(nn.Conv2d(1, 2, 3)), nn.Conv2d(2, 1, 3)),
    lambda: nn.utils.spectral_norm(nn.Conv2d(1, 2, 5)),
    lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, 5)),
])
@ASK
def test_the_past_of_a_model_does_not_matter_and_it_stays_as_it_was(make, ask):
    model = make()
    model(torch.rand(1, 1, 9, 9)).sum().backward()
    next(model.parameters()).requires_grad_(False)
    last = [name for name, _ in model.named_children() if name != "parametrizations"]
    if last:
        model.get_submodule(last[-1]).eval()
    with untouched(model):
        window = ask(model, (1, 9, 9), last[-1] if last else type(model).__name__)
    assert window == (range(2, 7), range(2, 7))
    model(torch.rand(1, 1, 9, 9)).sum().backward()


def fragile(x, first, norm, last):
    norm(first(x))
    raise RuntimeError("too small for me")


@ASK
def test_a_model_that_raises_stays_as_it_was(ask):
    model = Forward(fragile, nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 3))
    with untouched(model), pytest.raises(RuntimeError, match="too small for me"):
        ask(model, (1, 9, 9), "layers.2")
    assert model.layers[0].weight.dtype == torch.float32


def tolerant(x, inner, conv):
    """Goes on without a layer that fails."""
    for layer in (inner, conv):
        try:
            x = layer(x)
        except Exception:
            continue
    return x


def test_what_a_model_catches_does_not_disturb():
    model = Forward(tolerant, nn.Sequential(nn.Conv2d(7, 1, 3)), nn.Conv2d(1, 1, 3))
    assert [row.name for row in trace(model, (1, 9, 9))] == ["layers.1"]
    assert measure(model, (1, 9, 9), "layers.1").window == (range(3, 6), range(3, 6))


@pytest.mark.parametrize("prepare", [
    lambda net: net.to("meta"), lambda net: net.half(), lambda net: net.bfloat16(),
    lambda net: net.double(), lambda net: net.to(memory_format=torch.channels_last)],
    ids=["meta", "half", "bfloat16", "double", "channels last"])
def test_any_device_and_dtype(prepare):
    net = prepare(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.GroupNorm(4, 4),
                                nn.ConvTranspose2d(4, 1, 2, 2), nn.MaxPool2d(2), nn.Flatten(),
                                nn.Linear(49, 2)))
    assert trace(net, (1, 9, 9))["0"].window(3, 3) == measure(net, (1, 9, 9), "1").window
    assert measure(net, (1, 9, 9), "6").window == trace(net, (1, 9, 9))["6"].window()


class Constant(nn.Module):
    """A function of a convolution's weight, what it gives, and a constant that is no parameter."""

    def __init__(self, constant, forward):
        super().__init__()
        self.conv, self.function = nn.Conv2d(1, 2, 3), forward
        self.register_buffer("constant", torch.tensor(constant))

    def forward(self, x):
        return self.function(x, self.conv.weight, self.constant)


@pytest.mark.parametrize(("constant", "forward"), [
    ([[1.0, 0, 0]] * 3, lambda x, weight, mask: F.conv2d(x, weight * mask)),
    ([[False, True, True]] * 3, lambda x, weight, mask: F.conv2d(x, weight.masked_fill(mask, 0))),
    ([0], lambda x, weight, maps: F.conv2d(x, weight).index_select(1, maps)[..., :1]),
], ids=["floating", "boolean", "whole numbers"])
def test_on_meta_a_constant_may_hide_anything_and_is_refused(constant, forward):
    model = Constant(constant, forward)
    on_cpu = measure(model, (1, 3, 5), "Constant", (0, 0)).window
    assert len(on_cpu[1]) == (3 if constant == [0] else 1)
    with pytest.raises(NotImplementedError, match=(
            r"^layer 'Constant' \(Constant\): \w+ reads a constant, which has no numbers on device "
            "'meta' .*: build the model on the CPU to measure it$")):
        measure(model.to("meta"), (1, 3, 5), "Constant", (0, 0))


def test_on_meta_what_the_layer_does_not_read_does_not_matter():
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(1, 1, 3), Constant([2.0], lambda x, weight, factor: x * factor))
    assert measure(net, (1, 9, 9), "0").size == (3, 3)
    assert trace(net, (1, 9, 9))[-1].field.size == 3
    with pytest.raises(NotImplementedError, match=r"'1' \(Constant\): mul reads a constant"):
        measure(net, (1, 9, 9), "1")


def test_under_any_mode_of_pytorch():
    for mode in [torch.no_grad(), torch.inference_mode(), torch.device("meta")]:
        with mode:
            net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 1, 3))
            assert measure(net, (1, 9, 9), "2").window == trace(net, (1, 9, 9))["2"].window(2, 2)


NET = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(3, 2, 3))


@pytest.mark.parametrize(("model", "shape", "words"), [
    (NET, (1, 9, 9), r"layer '2' \(Conv2d\): .*\[2, 3, 3, 3\].* to have 3 channels, but got 4"),
    (NET, (3, 9, 9), r"layer '0' \(Conv2d\): .* to have 1 channels, but got 3 channels"),
    (nn.Sequential(nn.Flatten(), nn.Linear(80, 2)), (1, 9, 9),
     r"layer '1' \(Linear\): .*cannot be multiplied \(1x81 and 80x2\)"),
    (Forward(lambda x: x.view(-1, 10)), (1, 9, 9), r"layer 'Forward' \(Forward\): shape .* size 81"),
    (Forward(lambda x: F.conv2d(x, torch.ones(1, 2, 3, 3))), (1, 9, 9), r"\(Forward\): .*got 1"),
    (nn.Sequential(nn.Conv1d(1, 8, 3)), (1, 1, 100), r"layer '0' \(Conv1d\): .*\[1, 1, 1, 100\]"),
    (nn.Sequential(nn.Conv1d(1, 8, 3)), (1, 100), r"channels x height x width .* not \(1, 100\)"),
    (nn.Sequential(nn.Conv3d(1, 8, 3)), (1, 8, 9, 9), "channels x height x width"),
    (nn.Sequential(nn.Conv3d(1, 8, 3)), (1, 1, 8, 9, 9), "channels x height x width"),
    (Forward(lambda x: F.conv3d(x, torch.ones(1, 1, 3, 3, 3))), (8, 9, 9), "works on volumes"),
])
@pytest.mark.parametrize("ask", [
    trace, lambda model, shape: measure(model, shape, [*dict(model.named_modules())][-1] or "Forward")],
    ids=["trace", "measure"])
def test_a_layer_that_does_not_take_its_input_is_named_with_the_numbers(ask, model, shape, words):
    with pytest.raises((ValueError, NotImplementedError), match=words) as caught:
        ask(model, shape)
    assert not isinstance(caught.value, RuntimeError) or isinstance(caught.value, NotImplementedError)
    assert "\n" not in str(caught.value)
