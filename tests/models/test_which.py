"""What a total number of parameters says of a net, and which totals are known."""

import pytest
import torch
from torchvision import models as torchvision_models

from lenet_book import models
from lenet_book.models import which_lenet, which_net

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


C1, C3, C5, F6 = 156, 2416, 48_120, 10_164


@pytest.mark.parametrize(("counts", "word"), [
    ((C1, 12, 1516, 32, C5, F6), "trainable"), ((C1, 12, 1516, 32, C5, F6, 840), "840 fixed"),
    ((C1, 12, 1516, 32, C5, F6, 850), "10 biases"), ((C1, C3, C5, F6), "84 classes"),
    ((C1, C3, C5, F6, 850), "2,416"), ((C1, 12, C3, 32, C5, F6, 850), "coincidence"),
    ((C1, C3, (256 + 1) * 120, F6, 850), "28 x 28"),
    ((26 * 20, (25 * 20 + 1) * 50, (800 + 1) * 500, 501 * 10), "Caffe")])
def test_it_knows_the_lenets_as_they_add_up(counts, word):
    total = sum(counts)
    assert which_lenet(total).startswith(f"{total:,}: ") and word in which_lenet(total)


@pytest.mark.parametrize(("which", "total", "nearest"), [
    (which_lenet, 60_806, ["806 fewer, 60,000", "34 more, 60,840"]),  # the table's C3, else as today
    (which_lenet, 61_707, ["1 fewer, 61,706", "43 more, 61,750"]),
    (which_lenet, 61_705, ["849 fewer, 60,856", "1 more, 61,706"]),
    (which_lenet, 1, ["44,425 more, 44,426"]), (which_lenet, 431_081, ["1 fewer, 431,080"]),
    (which_net, 61_000_000, ["34,776 fewer, 60,965,224", "100,840 more, 61,100,840"])])
def test_of_an_unknown_total_it_names_the_nearest(which, total, nearest):
    first, *others = which(total).splitlines()
    assert first.startswith(f"{total:,} is none of the ") and first.endswith(" in this book; nearest:")
    assert [line.split(":")[0].strip() for line in others] == nearest
    for line in others:  # each with what it means
        known = int(line.split(":")[0].split(", ", 1)[1].replace(",", ""))
        assert line.endswith(f", {which(known)}")
