"""The MNIST digits, and a reader's own.

`load_mnist` reads the digits that ship with the package, `from_image` those in a picture.
"""

from .digits import SIZE, Digits
from .folders import MnistError, load_mnist, write_torchvision_root
from .photos import centred, from_image, image_steps

__all__ = ["SIZE", "Digits", "MnistError", "centred", "from_image", "image_steps", "load_mnist",
           "write_torchvision_root"]
