import gzip
import hashlib
import os
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lenet_book import mnist

TRAIN, TEST = mnist.load_mnist()
NAMES = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
         "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]


def test_the_canonical_digits():
    """Against facts from elsewhere: MD5 of the published files, class counts, mean and deviation."""
    assert TRAIN.images.shape == (60_000, 28, 28)
    assert TEST.images.shape == (10_000, 28, 28)
    assert TRAIN.labels.bincount().tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    pixels = TRAIN.images.double() / 255
    assert round(pixels.mean().item(), 4) == 0.1307
    assert round(pixels.std().item(), 4) == 0.3081
    assert TEST.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


@pytest.mark.parametrize(("name", "md5"), list(zip(NAMES, [
    "6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624",
    "2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"], strict=True)))
def test_md5_of_the_published_files(name, md5):
    content = gzip.decompress((mnist.FOLDER / name).read_bytes())
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with copies of the four files, in place of the package's."""
    for name in NAMES:
        (tmp_path / name).write_bytes((mnist.FOLDER / name).read_bytes())
    monkeypatch.setattr(mnist, "FOLDER", tmp_path)
    return tmp_path


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def put_a_folder_there(path):
    path.unlink()
    path.mkdir()


def put_another_of_the_four_there(path):
    other = path.with_name(NAMES[NAMES.index(path.name) - 2])
    path.write_bytes(other.read_bytes())


DAMAGES = {
    "missing": (lambda path: path.unlink(), "No such file"),
    "truncated": (lambda path: os.truncate(path, path.stat().st_size - 1), "bytes long instead of"),
    "empty": (lambda path: os.truncate(path, 0), "0 bytes long"),
    "over-long": (lambda path: os.truncate(path, path.stat().st_size + 1), "longer than"),
    "another": (put_another_of_the_four_there, "(instead of|longer than)"),
    "a folder": (put_a_folder_there, "Is a directory"),
    "a huge file is not read": (lambda path: os.truncate(path, 8 * 2**40), "longer than"),  # sparse
} | {f"bit of the {where} flipped": (lambda path, at=at: flip(path, at), "not the canonical file")
     for where, at in {"header": 0, "time stamp": 5, "content": 2000, "length": -1}.items()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_refused(folder, name, damage, reason):
    damage(folder / name)
    message = f"{name}.*{reason}.*git checkout -- .*{name}"
    with pytest.raises(mnist.MnistError, match=message):
        mnist.load_mnist()


def test_nothing_is_written(folder):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    mnist.load_mnist()
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_from_inside_a_zip_file(tmp_path, monkeypatch):
    """The package's folder need not be a folder: anything importlib.resources can open will do."""
    archive = tmp_path / "book.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for name in NAMES:
            bundle.writestr(f"mnist/{name}", (mnist.FOLDER / name).read_bytes())
    monkeypatch.setattr(mnist, "FOLDER", zipfile.Path(archive) / "mnist")
    assert torch.equal(mnist.load_mnist()[1].images, TEST.images)


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
        with pytest.raises(IndexError):
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
    numbered = mnist.Digits(TEST.images, torch.arange(10_000))
    drawn = numbered.subset(n, seed).labels
    assert len(drawn.unique()) == n
    assert torch.equal(drawn, numbered.subset(n, seed).labels)


def test_subset_depends_on_the_seed_and_leaves_the_global_generator_alone():
    state = torch.random.get_rng_state()
    assert not torch.equal(TEST.subset(100, 0).labels, TEST.subset(100, 1).labels)
    assert torch.equal(state, torch.random.get_rng_state())


def test_choosing_digits():
    assert TEST[[3, 1]].labels.tolist() == [0, 2]
    assert set(TEST[TEST.labels == 7].labels.tolist()) == {7}
    assert repr(TEST[:5]) == "Digits(5 images of 28 x 28)"


@pytest.mark.parametrize(("call", "message"), [
    (lambda: TEST.inputs(size=27), "size must be at least 28, not 27"),
    (lambda: TEST.inputs(scaling="imagenet"), "one of paper, standard, unit, not 'imagenet'"),
    *((lambda n=n: TEST.split(n), f"n must be 1 to 9999 to split 10000 digits, not {n}")
      for n in (0, -1, 10_000)),
    *((lambda n=n: TEST.subset(n, seed=0), f"n must be 1 to 10000, not {n}")
      for n in (0, -1, 10_001)),
    (lambda: TEST[3], r"write digits\[\[3\]\]"),
    (lambda: mnist.Digits(TEST.images.float(), TEST.labels),
     r"images must be uint8, N x 28 x 28, not torch.float32, \(10000, 28, 28\)"),
    (lambda: mnist.Digits(TEST.images[:2], TEST.labels[:3]),
     r"one for each of 2 images, not torch.int64, \(3,\)"),
])
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_torchvision_opens_them(tmp_path):
    from torchvision.datasets import MNIST
    root = mnist.write_torchvision_root(tmp_path / "deep" / "folder")
    for digits, train in ((TRAIN, True), (TEST, False)):
        theirs = MNIST(root, train=train, download=False)
        assert torch.equal(theirs.data, digits.images)
        assert torch.equal(theirs.targets, digits.labels)
    mnist.write_torchvision_root(root)  # a second time changes nothing


def test_torchvision_root_does_not_overwrite(tmp_path):
    strange = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    strange.parent.mkdir(parents=True)
    strange.write_text("somebody's own")
    with pytest.raises(FileExistsError, match="holds something else"):
        mnist.write_torchvision_root(tmp_path)
    assert strange.read_text() == "somebody's own"
