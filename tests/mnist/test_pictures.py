"""A picture in any form gives the same digit; what is none is refused in a sentence."""

import contextlib
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lenet_book import mnist
from lenet_book.mnist import pictures

SEVEN = mnist.load_mnist()[1].images[0]
GREY = Image.fromarray(255 - SEVEN.numpy()).resize((112, 112), Image.Resampling.BICUBIC)  # on white
PAGE = np.array(GREY)
WANTED = mnist.from_image(GREY).images


def same(picture, tolerance=0):
    found = mnist.from_image(picture).images
    return len(found) == 1 and (found.float() - WANTED.float()).abs().max() <= tolerance


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.tif", "a.ppm", "a.webp", "a.jpg"])
def test_from_a_file(tmp_path, name):
    GREY.convert("RGB").save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
    for path in (tmp_path / name, str(tmp_path / name)):
        assert same(path, tolerance=12 if name == "a.jpg" else 1)


def test_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    GREY.save(tmp_path / "seven.png")
    assert same("~/seven.png")


@pytest.mark.parametrize("mode", ["L", "LA", "P", "PA", "RGB", "RGBX", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_from_pillow(mode):
    assert same(GREY.convert(mode), tolerance=2)


def test_from_pillow_with_colours_that_opacity_has_darkened():
    assert same(GREY.convert("RGBA").convert("RGBa"))


def test_sixteen_bits_are_not_cut_off():
    assert same(Image.fromarray(PAGE.astype(np.uint16) * 257))
    assert same(Image.fromarray(PAGE.astype(np.uint16) * 16), tolerance=2)  # of a camera with 12 bits


@pytest.mark.parametrize("picture", [
    PAGE, PAGE[..., None], np.stack([PAGE] * 3, 2), PAGE / 255, (PAGE / 255).astype(np.float16),
    torch.from_numpy(PAGE), torch.from_numpy(PAGE)[None].expand(3, -1, -1),
    torch.from_numpy(PAGE)[None] / 255, (torch.from_numpy(PAGE) / 255).double().requires_grad_(),
    PAGE[:, ::-1][:, ::-1]], ids=lambda picture: f"{type(picture).__name__} {picture.dtype}")
def test_from_arrays_and_tensors(picture):
    assert same(picture, tolerance=1)


@pytest.mark.parametrize("picture", [PAGE > 128, torch.from_numpy(PAGE > 128),
                                     (torch.from_numpy(PAGE) / 255).bfloat16()])
def test_coarser_kinds_of_numbers(picture):
    found, = mnist.from_image(picture).images
    assert (found.float() - WANTED[0].float()).abs().mean() < 16  # black and white: no pale edges


def test_what_is_transparent_is_white_paper():
    opaque = Image.new("RGBA", GREY.size, "black")
    opaque.putalpha(Image.fromarray(255 - PAGE))  # black where nothing is to be seen, too
    assert same(opaque, tolerance=1)
    assert same(np.asarray(opaque), tolerance=1)
    assert same(torch.from_numpy(np.array(opaque)).permute(2, 0, 1) / 255, tolerance=1)


def test_the_orientation_that_a_camera_notes_is_followed(tmp_path):
    turned, exif = GREY.rotate(90), Image.Exif()  # counterclockwise
    exif[0x0112] = 6                              # to be turned clockwise
    turned.save(tmp_path / "turned.png", exif=exif)
    assert same(tmp_path / "turned.png") and not same(turned, tolerance=100)


def png(width, height):
    """A file of a few bytes that says it is so large."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(
        b"IEND", b"")


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    GREY.save("whole.png")
    content = Path("whole.png").read_bytes()
    Path("cut.png").write_bytes(content[:len(content) // 2])
    Path("empty.png").write_bytes(b"")
    Path("notes.png").write_text("a seven", encoding="utf-8")
    Path("large.png").write_bytes(png(10_000, 8_001))
    Path("larger.png").write_bytes(png(10_000, 10_000))  # Pillow warns
    Path("bomb.png").write_bytes(png(100_000, 100_000))  # Pillow refuses
    GREY.save("moves.gif", save_all=True, append_images=[GREY.rotate(20)])
    GREY.save("drawing.eps")
    GREY.convert("F").save("float.tif")
    Path("folder.png").mkdir()


@pytest.mark.parametrize(("path", "kind", "message"), [
    ("none.png", FileNotFoundError, "none.png"), ("", FileNotFoundError, "'' is not a path"),
    ("folder.png", IsADirectoryError, "folder.png"), ("whole.png/x", NotADirectoryError, "whole.png/x"),
    ("empty.png", ValueError, "empty.png: this is no picture of a known format; save it as "),
    ("notes.png", ValueError, "notes.png: this is no picture of a known format"),
    ("drawing.eps", ValueError, "drawing.eps: this is no picture of a known format"),
    ("cut.png", ValueError, "cut.png: the picture is damaged"),
    ("large.png", ValueError, "large.png: the picture is too large: 10000 x 8001 pixels, more "),
    ("larger.png", ValueError, "larger.png: the picture is too large"),
    ("bomb.png", ValueError, "bomb.png: the picture is too large"),
    ("moves.gif", ValueError, "moves.gif: the picture moves, in 2 frames; save one of them"),
    ("float.tif", ValueError, "float.tif: .* pixels of the kind 'F'; save it with 8 bits"),
])
def test_files_that_are_refused(files, path, kind, message):
    with pytest.raises(kind, match=message):
        mnist.from_image(path)


def test_no_program_is_started_to_read_a_file(files, monkeypatch):
    """Pillow would call Ghostscript for EPS, if it is there."""
    monkeypatch.setattr(shutil, "which", lambda name: pytest.fail(f"looks for {name}"))
    with pytest.raises(ValueError, match="no picture of a known format"):
        mnist.from_image("drawing.eps")


def test_every_flipped_or_missing_part_is_read_or_refused(files):
    content, random = Path("whole.png").read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content[:random.integers(1, len(content) + 1)])
        damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
        Path("damaged.png").write_bytes(damaged)
        with contextlib.suppress(ValueError):
            mnist.from_image("damaged.png")


HUGE = np.broadcast_to(np.uint8(0), (9000, 9000))  # one byte of memory


@pytest.mark.parametrize(("picture", "kind", "message"), [
    (None, TypeError, "a path, a Pillow image, a NumPy array or a tensor, not NoneType"),
    (7, TypeError, "not int"), (b"a.png", TypeError, "not bytes"), ([[0, 1]], TypeError, "not list"),
    (mnist.Digits(SEVEN[None]), TypeError, "not Digits"),
    (np.zeros(5, np.uint8), ValueError, "a picture is H x W or H x W x C, with C = 1, 3 or 4, not 5$"),
    (np.array(3, np.uint8), ValueError, r"not \(\) \(a single number\)"),
    (np.zeros((3, 50, 50)), ValueError, "H x W x C, with C = 1, 3 or 4, not 3 x 50 x 50"),
    (torch.zeros(50, 50, 3), ValueError, "C x H x W, with C = 1, 3 or 4, not 50 x 50 x 3"),
    (torch.zeros(2, 1, 28, 28), ValueError, "not 2 x 1 x 28 x 28"),
    (np.zeros((5, 0)), ValueError, "the picture is empty: 5 x 0"),
    (torch.zeros(3, 0, 5), ValueError, "the picture is empty: 3 x 0 x 5"),
    (HUGE, ValueError, "too large: 9000 x 9000 pixels, more than 80,000,000; crop or shrink it"),
    (PAGE / 1.0, ValueError, "must lie between 0 and 1, not 0 and 255; uint8"),
    (PAGE / 255 - 0.5, ValueError, "must lie between 0 and 1, not -0.5 and 0.5"),
    (np.where(PAGE > 99, np.nan, 1), ValueError, "holds NaN or infinity"),
    (np.where(PAGE > 99, np.inf, 1), ValueError, "holds NaN or infinity"),
    (PAGE.astype(int), ValueError, "uint8, bool or floating point, not int64; .* convert it to uint8"),
    (PAGE.astype(complex), ValueError, "not complex128"), (PAGE.astype(str), ValueError, "not <U3"),
    (PAGE.astype(object), ValueError, "not object"),
    (torch.from_numpy(PAGE).to("meta"), ValueError, "no pixels to read: torch.strided on meta"),
    (torch.from_numpy(PAGE).to_sparse(), ValueError, "no pixels to read: torch.sparse_coo on cpu"),
    (Image.new("L", (0, 5)), ValueError, "the picture is empty: 0 x 5 pixels"),
    (GREY.convert("I"), ValueError, "pixels of the kind 'I'"),
], ids=lambda value: type(value).__name__)
def test_what_is_no_picture_is_refused(picture, kind, message):
    with pytest.raises(kind, match=message):
        mnist.from_image(picture)


def test_the_remedies_work():
    assert same(PAGE.astype(int).astype("uint8"))
    assert same(torch.zeros(112, 112, 3).add(torch.from_numpy(PAGE)[..., None]).permute(2, 0, 1) / 255,
                tolerance=1)


def test_nothing_beyond_the_limit_is_decoded(monkeypatch):
    image = GREY.copy()
    monkeypatch.setattr(pictures, "MOST_PIXELS", 100)
    monkeypatch.setattr(image, "load", lambda: pytest.fail("decoded"))
    with pytest.raises(ValueError, match="too large: 112 x 112 pixels, more than 100"):
        mnist.from_image(image)
