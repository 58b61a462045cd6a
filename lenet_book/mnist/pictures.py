"""A picture of any kind in grey: a file, an image of Pillow, an array or a tensor."""

import os
import warnings

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from .. import storage

MOST_PIXELS = 80_000_000  # of a picture: a telephone's have 12 to 50 million
# What is read of files: no format for which Pillow starts another program, as it does for EPS.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM")
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV")


def grey(picture: str | os.PathLike | Image.Image | np.ndarray | Tensor) -> Image.Image:
    """The picture upright and in grey, of Pillow's mode "L": 0 black to 255 white.

    picture: the path of a file in one of FORMATS; a Pillow image; an array, H x W, or H x W x C with
    1, 3 (RGB) or 4 (RGB and opacity) channels; a tensor, H x W or C x H x W. uint8, bool, or floating
    point from 0 to 1. What is transparent gets white paper behind it, and the orientation that a
    camera has noted is followed.
    Raises TypeError for another kind, ValueError for what cannot be read as one picture of at most
    80 million pixels, OSError where a file cannot be opened.
    """
    if isinstance(picture, Image.Image):
        return _grey(picture)
    if isinstance(picture, Tensor):
        return _grey(_from_array(_as_array(picture), "H x W or C x H x W", picture.shape))
    if isinstance(picture, np.ndarray):
        return _grey(_from_array(picture, "H x W or H x W x C", picture.shape))
    if not isinstance(picture, str | os.PathLike):
        raise TypeError("a picture is a path, a Pillow image, a NumPy array or a tensor, not "
                        f"{type(picture).__name__}")
    with open(storage.expanded(picture), "rb") as stream:
        try:
            return _grey(_opened(stream))
        except ValueError as error:
            raise ValueError(f"{picture}: {error}") from error


def _opened(stream) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return Image.open(stream, formats=FORMATS)  # reads the size and no pixel yet
        except UnidentifiedImageError as error:
            raise ValueError(f"this is no picture of a known format; save it as one of "
                             f"{', '.join(FORMATS)}") from error
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise ValueError(f"the picture is too large: {error}; crop or shrink it") from error
        except Exception as error:  # a damaged file can make a reader raise anything
            raise ValueError(f"the picture is damaged ({error})") from error


def _grey(image: Image.Image) -> Image.Image:
    width, height = image.size
    if width * height == 0:
        raise ValueError(f"the picture is empty: {width} x {height} pixels")
    if width * height > MOST_PIXELS:
        raise ValueError(f"the picture is too large: {width} x {height} pixels, more than "
                         f"{MOST_PIXELS:,}; crop or shrink it")
    try:
        # A telephone's JPEG may hold a second picture, for depth; its format is then MPO.
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if frames == 1:
            image = ImageOps.exif_transpose(image)
            image.load()
    except Exception as error:
        raise ValueError(f"the picture is damaged ({error})") from error
    if frames > 1:
        raise ValueError(f"the picture moves, in {frames} frames; save one of them")
    if image.mode.startswith("I;16"):  # Pillow itself would make white of all from 255 on
        values = np.asarray(image, dtype=np.float32)
        image = Image.fromarray((255 * values / max(values.max(), 1)).astype(np.uint8))
    if image.mode not in _MODES:
        raise ValueError(f"the picture has pixels of the kind {image.mode!r}; save it with 8 bits for "
                         "each colour")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")


def _as_array(tensor: Tensor) -> np.ndarray:
    """A tensor in the order that arrays have; NumPy has no bfloat16, nor the memory of a GPU."""
    if tensor.is_meta or tensor.layout != torch.strided:
        raise ValueError(f"the tensor has no pixels to read: {tensor.layout} on {tensor.device}")
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.float()
    return (tensor.movedim(0, -1) if tensor.dim() == 3 else tensor).numpy()


def _from_array(values: np.ndarray, expected: str, given: tuple[int, ...]) -> Image.Image:
    """An array with the channels last, if it has any, as an image; expected, given: for messages."""
    shape = " x ".join(map(str, given)) or "() (a single number)"
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim != 2 and not (values.ndim == 3 and values.shape[2] in (3, 4)):
        raise ValueError(f"a picture is {expected}, with C = 1, 3 or 4, not {shape}")
    if 0 in values.shape:
        raise ValueError(f"the picture is empty: {shape}")
    if values.shape[0] * values.shape[1] > MOST_PIXELS:
        raise ValueError(f"the picture is too large: {shape} pixels, more than {MOST_PIXELS:,}; "
                         "crop or shrink it")
    if np.issubdtype(values.dtype, np.floating):
        if not np.isfinite(values).all():
            raise ValueError("the picture holds NaN or infinity")
        if values.min() < 0 or values.max() > 1:
            raise ValueError("a picture in floating point must lie between 0 and 1, not "
                             f"{values.min():g} and {values.max():g}; uint8 goes from 0 to 255")
        values = (255 * values).round()
    elif values.dtype == bool:
        values = 255 * values
    elif values.dtype != np.uint8:
        raise ValueError(f"a picture must be uint8, bool or floating point, not {values.dtype}; where "
                         "it holds 0 to 255, convert it to uint8")
    return Image.fromarray(np.ascontiguousarray(values, dtype=np.uint8))
