"""The MNIST digits, from the files that ship with the package, and into a folder for torchvision.

To read them, nothing is downloaded, cached or written: the four files are read into memory, their
SHA-256 is compared, and what is not exactly the canonical data set is refused. Where the digits come
from and under which licence stands in data/mnist/PROVENANCE.md.
"""

import hashlib
import math
import weakref
import zlib
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from .. import storage
from .digits import SIZE, Digits

FOLDER = files("lenet_book") / "data" / "mnist"


class MnistError(RuntimeError):
    """A file of digits is missing or is not the canonical one."""


class _File(NamedTuple):
    name: str
    compressed: int  # bytes
    sha256: str      # of the compressed file
    shape: tuple[int, ...]


_TRAIN_IMAGES = _File("train-images-idx3-ubyte.gz", 9_630_610,
                      "7ff28fd295f802eefc6d40e461175dfe4b969b1842b2abc8c6dc8c20711cf79f",
                      (60_000, SIZE, SIZE))
_TRAIN_LABELS = _File("train-labels-idx1-ubyte.gz", 28_878,
                      "81a978ae83d39ffdba0db3ce2fcaf80a8921e9629e874428996a2b03242d4b2a",
                      (60_000,))
_TEST_IMAGES = _File("t10k-images-idx3-ubyte.gz", 1_602_050,
                     "197e111ae341b0770be9011ac5e622d0e6cd1c640b32eb0de5dc1dd26cc6e182",
                     (10_000, SIZE, SIZE))
_TEST_LABELS = _File("t10k-labels-idx1-ubyte.gz", 4_517,
                     "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
                     (10_000,))


def load_mnist() -> tuple[Digits, Digits]:
    """The 60,000 training digits and the 10,000 test digits.

    They lie in memory once: where they are in use already, the same tensors are given, unless
    something has been written to them.
    Raises MnistError, naming the file and what to do, where a file is missing or is not the
    canonical one, byte for byte.
    """
    return (Digits(_tensor(_TRAIN_IMAGES), _tensor(_TRAIN_LABELS).long()),
            Digits(_tensor(_TEST_IMAGES), _tensor(_TEST_LABELS).long()))


def write_torchvision_root(folder: str | Path) -> Path:
    """Lay the digits out so that torchvision.datasets.MNIST(root, download=False) opens them.

    Writes the four uncompressed files, 55 MB, into folder/MNIST/raw, and returns folder, "~" expanded,
    which is that root. Each file is written beside its place and then moved there, so that it is whole
    or not there at all, also when several processes do this at once.
    Raises FileNotFoundError for what cannot be a path, FileExistsError where a different file of that
    name is already there, OSError, with the reason, where the files cannot be written.
    """
    root = storage.expanded(folder)
    raw = root / "MNIST" / "raw"
    for file in (_TRAIN_IMAGES, _TRAIN_LABELS, _TEST_IMAGES, _TEST_LABELS):
        target, content = raw / file.name.removesuffix(".gz"), _idx_bytes(file)
        try:
            raw.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                storage.write({target: content})
            same = target.read_bytes() == content
        except OSError as error:
            raise OSError(error.errno, f"the digits cannot be written ({error.strerror}); name another "
                          "folder, in which you may write and which has 55 MB to spare", str(target)
                          ) from error
        if not same:
            raise FileExistsError(f"{target} is there already and holds something else; "
                                  "name another folder or move it away")
    return root


_in_use: weakref.WeakValueDictionary[str, Tensor] = weakref.WeakValueDictionary()


def _tensor(file: _File) -> Tensor:
    name = str(FOLDER / file.name)
    tensor = _in_use.get(name)
    # A tensor counts how often it or a view of it was written to, unless made in inference mode.
    if tensor is None or tensor.is_inference() or tensor._version:
        content = _idx_bytes(file)
        header = 4 + 4 * len(file.shape)  # magic number, then one 4-byte length for each axis
        tensor = _in_use[name] = torch.frombuffer(content, dtype=torch.uint8, offset=header)
    return tensor.view(file.shape)  # which keeps the tensor alive, as does any part of it


def _idx_bytes(file: _File) -> bytearray:
    """The uncompressed content. Decompressing is safe once the SHA-256 is known to be right."""
    path = FOLDER / file.name
    remedy = ("reinstall the package (pip install --force-reinstall --no-deps), or in a checkout "
              f"run: git checkout -- lenet_book/data/mnist/{file.name}")
    try:
        with path.open("rb") as stream:
            content = stream.read(file.compressed + 1)  # one more than expected shows a longer file
    except OSError as error:
        raise MnistError(f"cannot read the digits in {file.name}: {error}; {remedy}") from error
    if len(content) != file.compressed:
        size = ("longer than" if len(content) > file.compressed
                else f"{len(content):,} bytes long instead of")
        raise MnistError(f"{file.name} is damaged, {size} {file.compressed:,} bytes; {remedy}")
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise MnistError(f"{file.name} is not the canonical file: its SHA-256 is {found}, "
                         f"not {file.sha256}; {remedy}")
    size = 4 + 4 * len(file.shape) + math.prod(file.shape)  # header and pixels: no need to grow
    # wbits 31: a gzip stream. torch.frombuffer wants a buffer that can be written to.
    return bytearray(zlib.decompress(content, wbits=31, bufsize=size))
