"""Totals of the nets after LeNet-5; those of LeNet-5 are in test_tutorials."""

import pytest
import torch
from torch import nn
from torchvision import models as torchvision_models

from lenet_book import models
from lenet_book.models import which_net

OURS = ["alexnet", "alexnet-two-towers", *(f"vgg{n}" for n in (11, 13, 16, 19)), "vgg16-c", "nin",
        "nin-cifar10", "nin-mnist", "googlenet", "googlenet-with-heads"]
CONVOLUTIONS_OF_NIN = (121 + 1) * 96, 97 * 96, 97 * 96, 2401 * 256, 257 * 256, 257 * 256, 2305 * 384, \
    385 * 384, 385 * 384, 3457 * 10, 11 * 10, 11 * 10
BY_HAND = {
    # d2l: one channel, ten classes
    "Dive": [sum(CONVOLUTIONS_OF_NIN),
             (121 + 1) * 96 + 2401 * 256 + 2305 * 384 + 3457 * 384 + 3457 * 256 + 6401 * 4096
             + 4097 * 4096 + 4097 * 10,
             132_863_336 - 2 * 9 * 64 - 4097 * 990, 6_998_552 - 2 * 49 * 64 - 1025 * 990],
    "Keras": [138_357_544 - 25_089 * 4096 - 4097 * 4096 - 4097 * 1000,
              143_667_240 - 25_089 * 4096 - 4097 * 4096 - 4097 * 1000],
}


def total(build, **options):
    with torch.device("meta"):
        return sum(p.numel() for p in build(**options).parameters())


@pytest.mark.parametrize("name", OURS)
def test_it_knows_the_nets_of_the_book(name):
    n = total(models.MODELS[name])
    said = which_net(n)
    assert said.startswith(f"{n:,}: ")
    assert {"a": "AlexNet", "v": "VGG", "n": "NiN", "g": "GoogLeNet"}[name[0]] in said


@pytest.mark.parametrize(("name", "options"), [
    ("alexnet", {}), ("googlenet", {"aux_logits": True, "init_weights": False}),
    ("googlenet", {"aux_logits": False, "init_weights": False}),
    *((f"vgg{n}_bn", {}) for n in (11, 13, 16, 19))])
def test_it_knows_torchvisions(name, options):
    said = which_net(total(getattr(torchvision_models, name), **options))
    assert "none of" not in said
    assert ("BatchNorm after" if name.startswith("vgg") else "torchvision's") in said


@pytest.mark.parametrize(("whose", "n"), [(whose, n) for whose in BY_HAND for n in BY_HAND[whose]])
def test_it_knows_others_as_they_add_up(whose, n):
    said = which_net(n)
    assert said.startswith(f"{n:,}: ") and whose in said


def test_of_an_unknown_total_it_names_the_nearest():
    first, below, above = which_net(61_000_000).splitlines()
    assert first == ("61,000,000 is none of the AlexNets, VGGs, NiNs and GoogLeNets in this book; "
                     "nearest:")
    assert below == f"  34,776 fewer, {which_net(60_965_224)}"
    assert above == f"  100,840 more, {which_net(61_100_840)}"
    assert len(which_net(1).splitlines()) == len(which_net(10**12).splitlines()) == 2


def test_what_is_no_total_is_refused():
    with pytest.raises(ValueError, match="total must be at least 1, not 0"):
        which_net(0)
    with pytest.raises(TypeError, match="total must be an integer, not 61.5"):
        which_net(61.5)
    with pytest.raises(TypeError, match="not Linear"):
        which_net(nn.Linear(1, 1))
