"""The MNIST digits, and a reader's own.

`load_mnist` reads the digits that ship with the package, `from_image` those in a picture; `cluttered`
lays digits on canvases among pieces of others.
"""

from .clutter import Canvases, cluttered
from .digits import SIZE, Digits
from .folders import MnistError, load_mnist, write_torchvision_root
from .photos import centred, from_image, image_steps

__all__ = ["SIZE", "Canvases", "Digits", "MnistError", "centred", "cluttered", "from_image",
           "image_steps", "load_mnist", "write_torchvision_root"]
