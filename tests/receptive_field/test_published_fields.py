"""Fields of known networks: as others have published them, by hand, by a recursion of three lines."""

import pytest
import torch
from torch import nn

from lenet_book import models
from lenet_book.models.vgg import CONFIGURATIONS
from lenet_book.receptive_field import trace


def size_of(*windows: tuple[int, int]) -> int:
    """Of a stack of kernels and strides, the first layer first."""
    size, jump = 1, 1
    for kernel, stride in windows:
        size, jump = size + (kernel - 1) * jump, jump * stride
    return size


def traced(name: str):
    with torch.device("meta"):
        model = models.build(name)
    return trace(model, (model.channels, model.input_size, model.input_size))


@pytest.mark.parametrize(("name", "numbers"), [
    ("alexnet", (195, 32, 64)), ("alexnet-two-towers", (195, 32, 64)), ("vgg11", (150, 32, 59)),
    ("vgg16", (212, 32, 90))])
def test_size_jump_and_padding_of_the_last_pooling(name, numbers):
    """Source: Araujo, Norris & Sim 2019, the table at the end."""
    field = traced(name)["pool5"].field
    assert (field.size, field.jump, -field.first) == numbers


@pytest.mark.parametrize("name", ["alexnet", "alexnet-two-towers"])
def test_alexnet(name):
    # pool1 11 + 2*4 = 19; conv2 19 + 4*8 = 51, pool2 51 + 2*8 = 67; three of 3 x 3 add 2*16 each: 163
    rows = traced(name)
    assert [(rows[layer].field.size, rows[layer].field.jump) for layer in (
        "pool1", "pool2", "conv5")] == [(19, 8), (67, 16), (163, 16)]
    for layer in ("fc6", "fc7", "fc8"):
        assert rows[layer].window() == (range(227), range(227))


@pytest.mark.parametrize(("name", "pools"), [
    ("vgg11", [4, 10, 30, 70, 150]), ("vgg13", [6, 16, 36, 76, 156]), ("vgg16-c", [6, 16, 36, 76, 156]),
    ("vgg16", [6, 16, 44, 100, 212]), ("vgg19", [6, 16, 52, 124, 268])])
def test_vgg(name, pools):
    rows = traced(name)
    assert [rows[f"pool{block}"].field.size for block in range(1, 6)] == pools
    # the words of the paper's table, read once more: M pools, /1 is a kernel of 1
    windows = [(2, 2) if word == "M" else (1 if word.endswith("/1") else 3, 1)
               for word in CONFIGURATIONS[name].split()]
    assert size_of(*windows) == pools[-1]
    assert rows["fc6"].window() == (range(224), range(224))


@pytest.mark.parametrize(("name", "pools", "seen"), [
    ("nin-cifar10", [(7, 2), (19, 4)], 32), ("nin-mnist", [(7, 2), (19, 4)], 28),
    # 54 windows of 11 at stride 4 reach over 53*4 + 11 = 223 pixels, and the last one is dropped
    ("nin", [(19, 8), (67, 16), (131, 32)], 223)])
def test_nin(name, pools, seen):
    rows = traced(name)
    fields = [row.field for row in rows if row.name.startswith("pool")]
    assert [(field.size, field.jump) for field in fields] == pools
    assert rows["average"].window() == (range(seen), range(seen))
    # a 1 x 1 sees what the convolution before it sees, and so does the block
    blocks = rows.folded()
    for block in [row for row in blocks if row.kind == "Mlpconv"]:
        assert {row.field for row in rows.block(block.name)} == {block.field}
        assert block.output_shape == rows[f"{block.name}.mix2"].output_shape


STEM = [(7, 2), (3, 2), (1, 1), (3, 1), (3, 2)]  # conv1, pool1, conv2_reduce, conv2, pool2


def widest(kernel: int) -> dict[str, int]:
    """The field after each block of GoogLeNet, by its largest path: 1 x 1, then this kernel."""
    windows, sizes = list(STEM), {"pool2": size_of(*STEM)}
    for stage, letters in {"3": "ab", "4": "abcde", "5": "ab"}.items():
        for letter in letters:
            windows += [(1, 1), (kernel, 1)]
            sizes[f"inception{stage}{letter}"] = size_of(*windows)
        windows.append((3, 2))
    return sizes


def test_googlenet():
    # 7, 11 and 19 before pool2, 19 + 2*4 = 27; then 4*8 a block to 91, 2*8 = 107 for pool3, 4*16 a
    # block to 427, 2*16 = 459 for pool4, 4*32 a block
    expected = {"pool2": 27, "inception3a": 59, "inception3b": 91, "inception4a": 171,
                "inception4b": 235, "inception4c": 299, "inception4d": 363, "inception4e": 427,
                "inception5a": 587, "inception5b": 715}
    assert widest(5) == expected
    rows = traced("googlenet")
    blocks = rows.folded()
    assert {name: blocks[name].field.size for name in expected} == expected
    assert [row.name for row in blocks if row.name not in expected] == [
        "conv1", "pool1", "conv2_reduce", "conv2", "pool3", "pool4", "average", "fc"]
    before = 27
    for name, size in list(expected.items())[1:]:
        jump = {"3": 8, "4": 16, "5": 32}[name[-2]]
        before += {"inception4a": 16, "inception5a": 32}.get(name, 0)  # the pooling before it
        paths = {row.name.removeprefix(name): row.field.size for row in rows.block(name).folded()}
        assert paths == {".path1": before, ".path3": before + 2 * jump, ".path5": before + 4 * jump,
                         ".pool": before + 2 * jump, "": size}
        before = size
    assert rows["fc"].window() == (range(224), range(224))


def test_torchvisions_googlenet_has_3x3_for_5x5():
    from torchvision.models import googlenet
    with torch.device("meta"):
        model = googlenet(aux_logits=False, init_weights=False)
    blocks = trace(model, (3, 224, 224)).folded()
    expected = widest(3)
    # its last pooling is 2 x 2: 235 + 16 = 251 where 3 x 3 would give 267, then 2*32 a block
    expected |= {"inception5a": 251 + 64, "inception5b": 251 + 128}
    assert expected["inception5b"] == 379
    assert {name: blocks[name.replace("pool2", "maxpool2")].field.size for name in expected} == expected


def test_inception_v3_and_resnet50():
    """The end-points of Araujo's table, and torchvision's ResNet-50, with its strides elsewhere."""
    from torchvision.models import inception_v3, resnet50
    with torch.device("meta"):  # no weights: 25 million numbers that do not matter
        inception = trace(inception_v3(weights=None, init_weights=False), (3, 299, 299))
        resnet = trace(resnet50(), (3, 224, 224))
    names = ["maxpool1", "maxpool2", *(f"Mixed_{stage}" for stage in (
        "5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"))]
    assert [inception[name].field.size for name in names] == [
        15, 31, 63, 95, 127, 159, 351, 543, 735, 927, 1055, 1183, 1311]
    fields = [resnet[name].field for name in ("layer3.5", "layer4.2")]
    assert [(field.size, field.jump, -field.first) for field in fields] == [
        (267, 16, 133), (427, 32, 213)]


def test_the_left_path_of_v_net():
    """Source: Milletari, Navab & Ahmadi 2016, Table 1; along one axis of its volumes."""
    sizes, layers = [], []
    for stage, convolutions in enumerate((1, 2, 3, 3, 3)):
        layers += [nn.Conv2d(1, 1, 2, stride=2)] * (stage > 0)
        layers += [nn.Conv2d(1, 1, 5, padding=2)] * convolutions
        sizes.append(trace(nn.Sequential(*layers), (1, 128, 128))[-1].field.size)
    assert sizes == [5, 22, 72, 172, 372]
