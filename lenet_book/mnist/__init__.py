"""The MNIST digits, and a reader's own.

`load_mnist` reads the digits that ship with the package, `from_image` those in a picture.
"""

from .digits import SIZE as SIZE
from .digits import Digits as Digits
from .folders import MnistError as MnistError
from .folders import load_mnist as load_mnist
from .folders import write_torchvision_root as write_torchvision_root
from .photos import centred as centred
from .photos import from_image as from_image
from .photos import image_steps as image_steps
