"""What a demo sends to the page, which paints: the controls, and the files that the picture needs.

The pictures of `live/` are painted by the page itself, in a notebook as on a page without a kernel.
"""

import gzip
import json
from functools import cache
from importlib.resources import files
from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from safetensors.torch import save

from ..mnist import Digits
from .examples import is_own, normal_numbers, ten_digits, test_digits, trained
from .reading import MISREAD, full_colour

LIVE = Path(__file__).with_name("live")
ALONE = 200  # of the 10,000 test digits, which are 2 MB, a page without a kernel has so many


@cache
def content(name: str) -> bytes:
    """A file that pictures are made of, by its name in `live/files.js`.

    A net's name: its trained weights, as safetensors; with those of a LeNet-5 what `live/files.js`
    says of it.
    "ten-digits", "test-digits": of each digit a byte of label and 784 of ink. "noise": 28 x 28 normal
    numbers, float32. "training-run": of the demo of training, made by `.ci/record_training.py`.
    """
    if name == "ten-digits":
        return _bytes(ten_digits())
    if name == "test-digits":
        return _bytes(test_digits())
    if name == "noise":
        return normal_numbers().numpy().tobytes()
    if name == "training-run":
        return (LIVE / "recorded" / "training-run.json").read_bytes()
    if is_own(name) or name in MISREAD:
        facts = {"full": full_colour(name), "wrong": MISREAD.get(name)}
        return save(trained(name).state_dict(), {"facts": json.dumps(facts)})
    return files("lenet_book").joinpath("weights", f"{name}.safetensors").read_bytes()


def _bytes(digits: Digits) -> bytes:
    """Label and ink of each digit, one after the other."""
    images = digits.images.numpy().reshape(len(digits), -1)
    return np.concatenate([digits.labels.numpy().astype(np.uint8)[:, None], images], axis=1).tobytes()


class File(widgets.Widget):
    """One file in the page, for all demos of a kernel. content: gzip."""

    content = traitlets.Bytes().tag(sync=True)


class Page(anywidget.AnyWidget):
    """The picture, the sentence and the buttons of a demo on the page, and its keys.

    demo: see `Demo.described`. models: name -> control, whose value the page reads and sets.
    files: name -> File.
    """

    _esm = LIVE / "bundled" / "notebook.js"
    _css = LIVE / "demo.css"
    demo = traitlets.Dict().tag(sync=True)
    models = traitlets.Dict().tag(sync=True, **widgets.widget_serialization)
    files = traitlets.Dict().tag(sync=True, **widgets.widget_serialization)


_files: dict[str, File] = {}  # those that the page has


def file(name: str) -> File:
    """The file in the page; it is sent once."""
    if name not in _files or _files[name].comm is None:  # closed with all widgets of the kernel
        _files[name] = File(content=gzip.compress(content(name), 5))
    return _files[name]
