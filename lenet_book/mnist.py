"""The MNIST digits, from the files that ship with the package.

Nothing is downloaded, cached or written: the four files are read into memory, their SHA-256 is
compared, and what is not exactly the canonical data set is refused. Where the digits come from and
under which licence stands in data/mnist/PROVENANCE.md.
"""

import hashlib
import math
import zlib
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

FOLDER = files("lenet_book") / "data" / "mnist"
SIZE = 28  # height and width of a digit, pixels


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

# What a pixel p (0 background, 255 ink) becomes: scale * p / 255 + offset.
_MEAN, _STANDARD_DEVIATION = 0.1307, 0.3081  # of the training pixels, as shares of full scale
_SCALINGS = {
    "paper": (1.275, -0.1),  # background -0.1, ink 1.175 (LeCun et al. 1998, Section II-B)
    "standard": (1 / _STANDARD_DEVIATION, -_MEAN / _STANDARD_DEVIATION),  # mean 0, deviation 1
    "unit": (1.0, 0.0),
}


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits and what they are.

    images: uint8, N x 28 x 28, 0 background to 255 ink. labels: int64, N, 0 to 9.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self):
        if self.images.dtype != torch.uint8 or self.images.shape[1:] != (SIZE, SIZE):
            raise ValueError("images must be uint8, N x 28 x 28, not "
                             f"{self.images.dtype}, {tuple(self.images.shape)}")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(f"labels must be int64, one for each of {len(self.images)} images, "
                             f"not {self.labels.dtype}, {tuple(self.labels.shape)}")

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Digits({len(self):,} images of {SIZE} x {SIZE})"

    def __getitem__(self, which: slice | Tensor | list[int]) -> "Digits":
        """Some of the digits: digits[:100], digits[[3, 1, 4]] or digits[digits.labels == 7]."""
        if isinstance(which, int):
            raise TypeError(f"digits[{which}] would be a single digit; for a set of one write "
                            f"digits[[{which}]], for its image digits.images[{which}]")
        return Digits(self.images[which], self.labels[which])

    def inputs(self, size: int = 32, scaling: str = "paper", which: Tensor | None = None) -> Tensor:
        """The images as a network takes them: float32, N x 1 x size x size.

        size: pixels, 28 or more; the digit stays as large as it is and background surrounds it.
        scaling: "paper" (background -0.1, ink 1.175), "standard" (mean 0 and standard deviation 1
        over the training set), "unit" (0 to 1).
        which: int64, the places of those wanted, 0 or more, such as a batch; by default all of them.
        The border is background: the raw pixels are padded and then scaled. Padding the scaled
        image with 0 would draw a grey frame.
        """
        if scaling not in _SCALINGS:
            raise ValueError(f"scaling must be one of {', '.join(_SCALINGS)}, not {scaling!r}")
        if size < SIZE:
            raise ValueError(f"size must be at least {SIZE}, not {size}: digits are not cut")
        images = self.images if which is None else self.images.index_select(0, which)
        before = (size - SIZE) // 2
        after = size - SIZE - before
        padded = F.pad(images.float(), (before, after, before, after)).unsqueeze(1)
        scale, offset = _SCALINGS[scaling]
        return padded.mul_(scale / 255).add_(offset)

    def to(self, device: torch.device | str) -> "Digits":
        """The digits in the memory of that device, such as "cuda"."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def split(self, n: int) -> tuple["Digits", "Digits"]:
        """The first n digits, and the rest: train.split(55_000) keeps 5,000 for validation."""
        if not 0 < n < len(self):
            raise ValueError(f"n must be 1 to {len(self) - 1} to split {len(self)} digits, not {n}")
        return self[:n], self[n:]

    def subset(self, n: int, seed: int) -> "Digits":
        """n different digits drawn at random; the same ones for the same seed."""
        if not 0 < n <= len(self):
            raise ValueError(f"n must be 1 to {len(self)}, not {n}")
        generator = torch.Generator().manual_seed(seed)
        return self[torch.randperm(len(self), generator=generator)[:n]]


def load_mnist() -> tuple[Digits, Digits]:
    """The 60,000 training digits and the 10,000 test digits.

    Raises MnistError, naming the file and what to do, where a file is missing or is not the
    canonical one, byte for byte.
    """
    return (Digits(_tensor(_TRAIN_IMAGES), _tensor(_TRAIN_LABELS).long()),
            Digits(_tensor(_TEST_IMAGES), _tensor(_TEST_LABELS).long()))


def write_torchvision_root(folder: str | Path) -> Path:
    """Lay the digits out so that torchvision.datasets.MNIST(folder, download=False) opens them.

    Writes the four uncompressed files, 55 MB, into folder/MNIST/raw and returns folder.
    Raises FileExistsError where a different file of that name is already there.
    """
    raw = Path(folder) / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for file in (_TRAIN_IMAGES, _TRAIN_LABELS, _TEST_IMAGES, _TEST_LABELS):
        target, content = raw / file.name.removesuffix(".gz"), _idx_bytes(file)
        if target.exists() and target.read_bytes() != content:
            raise FileExistsError(f"{target} is there already and holds something else; "
                                  "name another folder or move it away")
        target.write_bytes(content)
    return Path(folder)


def _tensor(file: _File) -> Tensor:
    content = _idx_bytes(file)
    header = 4 + 4 * len(file.shape)  # magic number, then one 4-byte length for each axis
    return torch.frombuffer(content, dtype=torch.uint8, offset=header).view(file.shape)


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
