import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lenet_book import mnist, models
from lenet_book.training import evaluate

TRAIN, TEST = mnist.load_mnist()


@pytest.mark.parametrize(("scaling", "paper_white", "ink"), [
    ("paper", -0.1, 1.175), ("standard", -0.1307 / 0.3081, (1 - 0.1307) / 0.3081),
    ("unit", 0.0, 1.0)])
@pytest.mark.parametrize("size", [28, 29, 32])
def test_inputs(scaling, paper_white, ink, size):
    x = TEST[:50].inputs(size=size, scaling=scaling)
    assert (x.shape, x.dtype) == ((50, 1, size, size), torch.float32)
    assert x.min().item() == pytest.approx(paper_white, abs=1e-6)
    assert x.max().item() == pytest.approx(ink, abs=1e-6)
    assert x[0, 0, 0, 0].item() == pytest.approx(paper_white, abs=1e-6)  # the border is background
    top = (size - 28) // 2
    share = (x[:, 0, top:top + 28, top:top + 28].double() - paper_white) / (ink - paper_white)
    torch.testing.assert_close(share, TEST.images[:50] / 255.0, atol=1e-6, rtol=0,
                               check_dtype=False)


def test_standard_scaling_has_mean_0_and_deviation_1():
    x = TRAIN.inputs(size=28, scaling="standard")
    assert x.mean().abs() < 1e-3
    assert (x.std() - 1).abs() < 1e-3


def test_inputs_by_default_are_the_papers():
    assert torch.equal(TEST[:2].inputs(), TEST[:2].inputs(size=32, scaling="paper"))


@pytest.mark.parametrize("size", [28, 31, 32])
def test_inputs_of_some(size):
    which = torch.tensor([7, 0, 7, 49])
    wanted = TEST[:50].inputs(size, "standard")[which]
    assert torch.equal(TEST[:50].inputs(size, "standard", which), wanted)
    assert len(TEST.inputs(which=which[:0])) == 0
    for outside in (-1, 50):
        with pytest.raises(IndexError, match=f"which must be 0 to 49, not {outside} to {outside}"):
            TEST[:50].inputs(which=torch.tensor([outside]))


def test_to_another_device():
    class Ours(mnist.Digits):
        """Somebody's own, with more than the digits can do."""
    moved = Ours(TEST.images[:5], TEST.labels[:5]).to("meta")  # of tensors without content
    assert type(moved) is Ours
    assert moved.images.device.type == moved.labels.device.type == "meta"
    assert moved.inputs(which=torch.tensor([1, 2], device="meta")).shape == (2, 1, 32, 32)


def test_split():
    training, validation = TRAIN.split(55_000)
    assert (len(training), len(validation)) == (55_000, 5_000)
    assert torch.equal(torch.cat([training.labels, validation.labels]), TRAIN.labels)
    assert torch.equal(validation.images[0], TRAIN.images[55_000])


@given(st.integers(1, 10_000), st.integers(0, 2**31))
def test_subset_draws_different_digits_repeatably(n, seed):
    numbered = mnist.Digits(TEST.images.clone(), TEST.labels)
    numbers = torch.arange(10_000)
    numbered.images[:, 0, 0], numbered.images[:, 0, 1] = numbers // 256, numbers % 256
    drawn = numbered.subset(n, seed).images
    assert len(drawn[:, 0, :2].unique(dim=0)) == n
    assert torch.equal(drawn, numbered.subset(n, seed).images)


def test_subset_depends_on_the_seed_and_leaves_the_global_generator_alone():
    state = torch.random.get_rng_state()
    assert not torch.equal(TEST.subset(100, 0).labels, TEST.subset(100, 1).labels)
    assert torch.equal(state, torch.random.get_rng_state())


def test_on_the_cpu_whatever_torch_takes_by_default():
    with torch.device("meta"):
        train, _ = mnist.load_mnist()
        drawn, canvases = train.subset(5, seed=0), mnist.cluttered(train[:2])
        read = mnist.from_image(np.pad(train.images[7].numpy(), 20))
    assert torch.equal(drawn.labels, TRAIN.subset(5, seed=0).labels)
    assert torch.equal(canvases.images, mnist.cluttered(TRAIN[:2]).images)
    assert torch.equal(read.images, mnist.from_image(np.pad(TRAIN.images[7].numpy(), 20)).images)
    assert torch.equal(drawn.inputs(), TRAIN.subset(5, seed=0).inputs())


def test_choosing_digits():
    assert TEST[[3, 1]].labels.tolist() == TEST[np.array([3, 1])].labels.tolist() == [0, 2]
    assert set(TEST[TEST.labels == 7].labels.tolist()) == {7}
    assert repr(TEST[:5]) == "Digits(5 images of 28 x 28)"


def test_digits_that_nobody_has_labelled():
    unknown = mnist.Digits(TEST.images[:5])
    assert repr(unknown) == "Digits(5 images of 28 x 28, without labels)"
    for part in (unknown[1:3], unknown.split(2)[0], unknown.subset(2, seed=0), unknown[[3, 4]]):
        assert part.labels is None and len(part) == 2
    assert unknown.to("meta").labels is None
    assert torch.equal(unknown.inputs(), TEST[:5].inputs())


@pytest.mark.parametrize("net", ["lenet5", "lenet5-1998"])
def test_no_error_rate_of_what_nobody_has_labelled(net):
    with pytest.raises((TypeError, ValueError)):
        evaluate(models.pretrained(net), mnist.Digits(TEST.images[:5]))


@pytest.mark.parametrize(("images", "labels"), [
    (TEST.images[:3].numpy(), TEST.labels[:3]), (TEST.images[:3].tolist(), TEST.labels[:3]),
    (TEST.images[:3], TEST.labels[:3].tolist()), (TEST.images[:3], TEST.labels[:3].numpy())])
def test_what_is_no_tensor_is_refused_with_a_remedy_that_works(images, labels):
    with pytest.raises(TypeError, match="must be a tensor, not (ndarray|list)") as caught:
        mnist.Digits(images, labels)
    remedy = re.search(r"torch\.tensor\(.*?\)", str(caught.value))[0]
    name = re.search(r"images|labels", remedy)[0]
    given = {"images": images, "labels": labels}
    given[name] = eval(remedy, {"torch": torch}, given)
    digits = mnist.Digits(**given)
    assert torch.equal(digits.images, TEST.images[:3]) and torch.equal(digits.labels, TEST.labels[:3])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: TEST.inputs(size=27), "size must be from 28 to 1,024, not 27"),
    (lambda: TEST.inputs(scaling="imagenet"), "one of paper, standard, unit, not 'imagenet'"),
    *((lambda n=n: TEST.split(n), f"n must be from 1 to 9,999, not {n}")
      for n in (0, -1, 10_000)),
    *((lambda n=n: TEST.subset(n, seed=0), f"n must be from 1 to 10,000, not {n}")
      for n in (0, -1, 10_001)),
    (lambda: TEST.inputs(which=[3, 1]), r"which must be an int64 tensor .*, not \[3, 1\]"),
    (lambda: TEST.inputs(which=TEST.labels == 7), "which must be an int64 tensor"),
    (lambda: TEST.inputs(which=torch.tensor(3)), r"int64 tensor.*, not Tensor tensor\(3\)"),
    *((lambda seed=seed: TEST.subset(2, seed), f"seed must be from 0 to 9,223,.*807, not {seed}")
      for seed in (-1, 2**63)),
    *((lambda device=device: TEST.to(device), f"device must be one that PyTorch has .* not '{device}'")
      for device in ("gpu", "cuda:99", "")),
    *((lambda which=which: TEST[which], "digits are chosen by a slice.*, not by ")
      for which in ("a", 3.0, None, (0, 1))),
    (lambda: TEST[np.int64(3)], r"write digits\[\[3\]\]"),
    (lambda: TEST[3], r"write digits\[\[3\]\]"),
    (lambda: mnist.Digits(TEST.images.float(), TEST.labels),
     r"images must be uint8, N x 28 x 28, not torch.float32, \(10000, 28, 28\)"),
    (lambda: mnist.Digits(TEST.images[:2, :20], TEST.labels[:2]),
     r"images must be uint8, N x 28 x 28, not torch.uint8, \(2, 20, 28\)"),
    (lambda: mnist.Digits(TEST.images[:2], TEST.labels[:2].float()),
     r"labels must be int64, one for each of 2 images, not torch.float32, \(2,\)"),
    (lambda: mnist.Digits(TEST.images[:2], TEST.labels[:3]),
     r"one for each of 2 images, not torch.int64, \(3,\)"),
    (lambda: mnist.Digits(TEST.images[:3], torch.tensor([0, 29, 9])), "labels must be 0 to 9, not 29"),
    (lambda: mnist.Digits(TEST.images[:1], torch.tensor([-1])), "labels must be 0 to 9, not -1"),
])
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
