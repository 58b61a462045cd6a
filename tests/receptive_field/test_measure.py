"""The gradient against what tracing says, and by hand."""

import re
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from forward import Forward
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stacks import assert_measured
from torch import nn

from lenet_book.receptive_field import ReceptiveField, measure, trace


def layer(kind, kernel, stride, padding, dilation, ceil_mode):
    if kind == "conv":
        return nn.Conv2d(1, 1, kernel, stride, padding, dilation)
    padding = tuple(min(p, k // 2) for p, k in zip(padding, kernel, strict=True))
    if kind == "avg":
        return nn.AvgPool2d(kernel, stride, padding, ceil_mode)
    return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)


def pairs(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))

random_stacks = st.lists(st.builds(layer, st.sampled_from(["conv", "conv", "max", "avg"]), pairs(1, 5),
                            pairs(1, 3), pairs(0, 3), pairs(1, 3), st.booleans()),
                  min_size=1, max_size=4)


@settings(max_examples=75)
@given(random_stacks, pairs(6, 24))
def test_trace_and_gradient_agree(layers, size):
    model, shape = nn.Sequential(*layers), (1, *size)
    try:
        rows = trace(model, shape)
    except ValueError as error:
        assume("does not fit" not in str(error))
        raise
    row = rows[-1]
    assert row.output_shape == model(torch.zeros(1, *shape)).shape[1:]
    last = tuple(length - 1 for length in row.output_shape[1:])
    for unit in {(0, 0), (last[0] // 2, last[1] // 2), last, (0, last[1])}:
        assert_measured(model, shape, row, unit)
        for field, index, pixels, length in zip(row.fields, unit, row.window(*unit), size, strict=True):
            by_formula = field.window(index, length)
            assert set(pixels) <= set(by_formula)
            if len(by_formula) == field.size:  # inside the image the formula is exact
                assert pixels == by_formula


def test_the_gradient_counts_the_paths():
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))
    measured = measure(model, (1, 9, 9), "1", (2, 3))
    paths = torch.tensor([1.0, 2, 3, 2, 1], dtype=torch.float64) / 9
    expected = torch.zeros(9, 9, dtype=torch.float64)
    expected[2:7, 3:8] = torch.outer(paths, paths)
    torch.testing.assert_close(measured.gradient, expected)
    assert measured.window == (range(2, 7), range(3, 8))
    assert measured.size == (5, 5)
    assert repr(measured) == "Measurement(window=(range(2, 7), range(3, 8)))"


def overwritten(x, small, large):
    y = small(x)
    y += large(x)  # in place
    return y


OVERWRITTEN = Forward(overwritten, nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 3, padding=1))
SHARED = nn.Conv2d(1, 1, 3)


@pytest.mark.parametrize(("model", "shape", "layer", "unit", "rows", "columns"), [
    # by default the unit in the middle
    (nn.MaxPool2d(2), (1, 8, 10), "MaxPool2d", None, range(4, 6), range(4, 6)),
    (nn.MaxPool2d(2), (3, 8, 12), "MaxPool2d", None, range(4, 6), range(6, 8)),
    (nn.MaxPool2d(2), (9, 3, 8, 12), "MaxPool2d", None, range(4, 6), range(6, 8)),
    (Forward(lambda x: F.max_pool2d(x, 2)), (3, 8, 12), "Forward", None, range(4, 6), range(6, 8)),
    # all channels of the image count
    (Forward(lambda x, conv: conv(x[:, 1:]), nn.Conv2d(2, 1, 3)), (3, 7, 7), "Forward", None,
     range(2, 5), range(2, 5)),
    (Forward(lambda x, conv: conv(x[:, :1] - x[:, 1:]).softmax(1), nn.Conv2d(1, 2, 3)), (2, 7, 7),
     "Forward", None, range(2, 5), range(2, 5)),
    (nn.AdaptiveMaxPool2d(1), (1, 5, 6), "AdaptiveMaxPool2d", None, range(5), range(6)),
    # a unit over the padding sees nothing
    (nn.Conv2d(1, 1, 1, padding=1), (1, 3, 3), "Conv2d", (0, 1), range(0), range(0)),
    # an image may be overwritten; a layer that the next one overwrites is measured before
    (nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(1, 1, 3)), (1, 7, 7), "1", None,
     range(2, 5), range(2, 5)),
    (OVERWRITTEN, (1, 7, 7), "layers.0", None, range(3, 4), range(3, 4)),
    (OVERWRITTEN, (1, 7, 7), "Forward", None, range(2, 5), range(2, 5)),
    # one that runs twice is measured the first time
    (nn.Sequential(SHARED, SHARED), (1, 9, 9), "0", (0, 0), range(3), range(3)),
])
def test_windows_by_hand(model, shape, layer, unit, rows, columns):
    with torch.no_grad():  # which measuring does not mind
        assert measure(model, shape, layer, unit).window == (rows, columns)


@pytest.mark.parametrize("pool", [
    Forward(lambda x: F.max_pool2d(x, 3, 1)), Forward(lambda x: torch.max_pool2d(x, (3, 3), 1)),
    Forward(lambda x: F.max_pool2d(x, kernel_size=3, stride=1)), nn.MaxPool2d(3, 1),
    Forward(lambda x: F.max_pool2d(x[0], 3, 1)[None]), Forward(lambda x: F.max_pool2d(x, [3], [1])),
    Forward(lambda x: F.max_pool3d(x, (1, 3, 3), 1))],
    ids=str)
def test_max_pooling_lets_all_of_its_window_through(pool):
    gradient = measure(nn.Sequential(pool), (1, 5, 5), "0").gradient
    torch.testing.assert_close(gradient[1:4, 1:4], torch.full((3, 3), 1 / 9, dtype=torch.float64))


@pytest.mark.parametrize("ask", [trace, lambda model, shape: measure(model, shape, "0")])
def test_neither_a_model_nor_a_shape(ask):
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module, not str"):
        ask("lenet5", (1, 32, 32))
    for shape in [(32, 32), (1, 0, 32), (0, 1, 32, 32), (1, 1, 1, 32, 32)]:
        with pytest.raises(ValueError, match=r"channels x height x width of one example, such as "
                                             rf"\(1, 32, 32\), or .* not {re.escape(str(shape))}"):
            ask(nn.Sequential(nn.Conv2d(1, 1, 3)), shape)


def test_layers_and_units_that_are_not_there():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3))
    with pytest.raises(KeyError, match="no layer is called 'c3'; there are Sequential, 0, 1, 2"):
        measure(model, (1, 8, 8), "c3")
    for unit in [(6, 0), (0, 6), (-1, 0)]:
        with pytest.raises(ValueError, match=r"'0' has 6 x 6 units, numbered from 0; .*none at"):
            measure(model, (1, 8, 8), "0", unit)
    with pytest.raises(ValueError, match=r"'2' has no maps, so no unit at \(0, 0\)"):
        measure(model, (1, 8, 8), "2", (0, 0))


def test_layers_that_say_nothing_about_the_input():
    idle = Forward(lambda x, conv, idle: conv(x), nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))
    with pytest.raises(ValueError, match=r"layer 'layers\.1' did not run"):
        measure(idle, (1, 8, 8), "layers.1")
    constant = Forward(lambda x: torch.ones(1, 1, 2, 2))
    with pytest.raises(ValueError, match="output of layer 'Forward' does not depend on the input"):
        measure(constant, (1, 8, 8), "Forward")
    assert [row.name for row in trace(idle, (1, 8, 8))] == ["layers.0"]


def test_hooks_of_the_caller_take_part():
    model = nn.Sequential(nn.Conv2d(1, 1, 3))
    model.register_forward_pre_hook(lambda module, inputs: (F.pad(inputs[0], (1, 1, 1, 1)),))
    assert trace(model, (1, 5, 5))["0"].field == ReceptiveField(3, 1, 0)
    assert measure(model, (1, 5, 5), "0", (0, 0)).size == (2, 2)


def test_brute_force_over_all_units_of_a_stack_with_gaps():
    # Kernel 2 at dilation 3 and a stride larger than its kernel: fields with holes at the border.
    model = nn.Sequential(nn.Conv2d(1, 1, 2, padding=2, dilation=3), nn.MaxPool2d(1, stride=2),
                          nn.Conv2d(1, 1, 3, padding=2))
    rows = trace(model, (1, 7, 7))
    for row in rows:
        assert_measured(model, (1, 7, 7), row, *product(*map(range, row.output_shape[1:])))
