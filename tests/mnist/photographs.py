"""Photographs of digits, made by code: a paper, an ink, a light, a lens and a sensor."""

import numpy as np
from PIL import Image, ImageFilter


def photograph(digit, random, side=None, dark=None, fill=None, angle=None, blur=None, noise=None,
               shade=None):
    """A digit of MNIST on a square sheet, uint8, side x side x 3. What is not given is drawn at random.

    side: 40 to 400 pixels. dark: dark paper and light ink, or the reverse, both coloured. fill: side of
    the digit's 28 x 28, 0.55 to 0.95 of the sheet's; it lies anywhere. angle: -8 to 8 degrees. blur: a
    Gaussian's standard deviation, up to 0.015 of the side. noise: up to 12 grey values. shade: how much
    of the light is missing on one side, up to 0.6.
    """
    def drawn(value, low, high):
        return random.uniform(low, high) if value is None else value
    side = int(random.integers(40, 401)) if side is None else side
    dark = random.random() < 0.5 if dark is None else dark
    paper, ink = random.uniform(0, 80, 3), random.uniform(150, 255, 3)
    if not dark:
        paper, ink = 255 - paper, 255 - ink
    box = round(side * drawn(fill, 0.55, 0.95))
    bicubic = Image.Resampling.BICUBIC
    enlarged = Image.fromarray(np.asarray(digit)).resize((box, box), bicubic)
    sheet = Image.new("L", (side, side))
    sheet.paste(enlarged.rotate(drawn(angle, -8, 8), bicubic),
                tuple(random.integers(0, side - box + 1, 2).tolist()))
    radius = float(side * drawn(blur, 0, 0.015))
    share = np.asarray(sheet.filter(ImageFilter.GaussianBlur(radius))) / 255
    y, x = np.mgrid[:side, :side] / side - 0.5
    direction = random.uniform(0, 2 * np.pi)
    light = 1 - drawn(shade, 0, 0.6) * (0.5 + x * np.cos(direction) + y * np.sin(direction)).clip(0, 1)
    picture = light[..., None] * (paper + (ink - paper) * share[..., None])
    picture += drawn(noise, 0, 12) * random.standard_normal(picture.shape, np.float32)
    return picture.clip(0, 255).round().astype(np.uint8)


def clean(digit, random, side, dark):
    """Nothing but enlarged, in two colours."""
    return photograph(digit, random, side, dark, fill=1, angle=0, blur=0, noise=0, shade=0)
