import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
import torch

from lenet_book import mnist
from lenet_book.mnist import folders

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
    content = gzip.decompress((folders.FOLDER / name).read_bytes())
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with copies of the four files, in place of the package's."""
    for name in NAMES:
        shutil.copy(folders.FOLDER / name, tmp_path)
    monkeypatch.setattr(folders, "FOLDER", tmp_path)
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
def test_damage_is_refused(folder, name, damage, reason, monkeypatch):
    for other, digits in zip(NAMES[::2], (TRAIN, TEST), strict=True):
        if other != name:  # these are not read, as they are in use already
            monkeypatch.setitem(folders._in_use, str(folder / other), digits.images)
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
            bundle.writestr(f"mnist/{name}", (folders.FOLDER / name).read_bytes())
    monkeypatch.setattr(folders, "FOLDER", zipfile.Path(archive) / "mnist")
    assert torch.equal(mnist.load_mnist()[1].images, TEST.images)


def test_torchvision_opens_them(tmp_path):
    from torchvision.datasets import MNIST
    root = mnist.write_torchvision_root(tmp_path / "deep" / "folder")
    for digits, train in ((TRAIN, True), (TEST, False)):
        theirs = MNIST(root, train=train, download=False)
        assert torch.equal(theirs.data, digits.images)
        assert torch.equal(theirs.targets, digits.labels)
    written = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    mnist.write_torchvision_root(root)  # a second time changes nothing
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == written
    assert len(written) == 6  # two folders, four files, nothing beside them


def test_several_processes_at_once_and_a_full_disk(tmp_path):
    """All succeed; and where no file may grow beyond 10 MB, nothing is left of one of 47 MB."""
    code = f"""
import os, resource, signal
from lenet_book import mnist
children = [os.fork() for _ in range(2)]  # four processes from here on
try:
    mnist.write_torchvision_root({str(tmp_path / "together")!r})
except BaseException as error:
    print(repr(error))
for child in children:
    if child:
        os.waitpid(child, 0)
if 0 in children:
    os._exit(0)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, 10_000_000))
try:
    mnist.write_torchvision_root({str(tmp_path / "full")!r})
except OSError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    raw = tmp_path / "full" / "MNIST" / "raw"
    assert result.stdout == ("[Errno 27] the digits cannot be written (File too large); name another "
                             "folder, in which you may write and which has 55 MB to spare: "
                             f"'{raw / 'train-images-idx3-ubyte'}'\n"), result.stderr
    assert [*raw.iterdir()] == []
    assert sorted(path.name for path in (tmp_path / "together" / "MNIST" / "raw").iterdir()) == sorted(
        name.removesuffix(".gz") for name in NAMES)


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert mnist.write_torchvision_root("~/m") == tmp_path / "home" / "m"
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize(("folder", "reason"), [
    ("file", "(Not a directory|File exists)"), ("file/deeper", "Not a directory"),
    ("loop", "Too many levels of symbolic links"), ("a" * 300, "File name too long"),
    ("/proc/no-such", "No such file or directory")])  # where not even root may make a folder
def test_where_no_folder_can_be(tmp_path, folder, reason):
    (tmp_path / "file").write_text("somebody's own")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=rf"cannot be written \({reason}\); name another folder.*raw"):
        mnist.write_torchvision_root(tmp_path / folder)
    assert (tmp_path / "file").read_text() == "somebody's own"


@pytest.mark.parametrize("folder", ["", "~nobody-of-this-name/m"])
def test_what_names_no_folder(folder):
    with pytest.raises(FileNotFoundError, match="not a path|nobody-of-this-name"):
        mnist.write_torchvision_root(folder)


def test_torchvision_root_does_not_overwrite(tmp_path):
    strange = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    strange.parent.mkdir(parents=True)
    strange.write_text("somebody's own")
    with pytest.raises(FileExistsError, match="holds something else"):
        mnist.write_torchvision_root(tmp_path)
    assert strange.read_text() == "somebody's own"


def test_the_digits_lie_in_memory_once(folder):
    """However often they are read, as long as any part of them is in use and nobody wrote to it."""
    part = mnist.load_mnist()[0].split(58_000)[0]
    again, _ = mnist.load_mnist()
    assert again.images.data_ptr() == part.images.data_ptr()
    again.images[7, 10:18] = 255  # a learner who tries something
    fresh, _ = mnist.load_mnist()
    assert torch.equal(fresh.images, TRAIN.images) and not torch.equal(again.images, TRAIN.images)
    assert torch.equal(fresh.labels, TRAIN.labels)


def test_digits_read_in_inference_mode_serve_there_alone(folder):
    with torch.inference_mode():
        there, _ = mnist.load_mnist()
    here, _ = mnist.load_mnist()
    assert there.images.is_inference() and not here.images.is_inference()
