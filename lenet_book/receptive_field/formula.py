"""What a unit deep in a network sees of the input: its receptive field.

Along one axis three numbers say it, all in input pixels: the size r of the field, the jump j (also
called the effective stride) from the field of one unit to that of the next, and the start, where the
field of the first unit has its centre. A layer with kernel k, stride s, padding p (per side) and
dilation d turns them into

    r     + d (k - 1) j
    j s
    start + (d (k - 1) / 2 - p) j

beginning with 1, 1 and 0 at the input itself. Pixel i has its centre at i, so the first pixel's is
at 0, the border of the image at -0.5, and a field of even size has its centre between two pixels.

Source: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning"; Araujo,
Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill.
"""

from dataclasses import dataclass

from ..arguments import checked, number, whole
from ..arithmetic import conv_output_size, effective_kernel


@dataclass(frozen=True)
class ReceptiveField:
    """The fields of all units of a layer along one axis; by default those of the input's pixels.

    size: of each field, input pixels.
    jump: from the centre of one unit's field to that of the next, input pixels. 0 where all units
        see the same, as in a dense layer.
    start: centre of unit 0's field; pixel i has its centre at i.
    Raises ValueError for numbers that no stack of layers gives, TypeError for what is no number.
    """

    size: int = 1
    jump: int = 1
    start: float = 0.0

    def __post_init__(self):
        for name in ("size", "jump"):
            object.__setattr__(self, name, whole(0)(name, getattr(self, name)))
        number()("start", self.start)
        if not float(self.start - (self.size - 1) / 2).is_integer():
            raise ValueError(f"{self} begins within a pixel: the centre of an odd size lies on a "
                             "pixel (a whole number), that of an even size between two (a half)")

    def then(self, kernel: int, stride: int = 1, padding: int = 0,
             dilation: int = 1) -> "ReceptiveField":
        """The fields after one more layer: a convolution or a pooling with this window.

        kernel, stride, padding (per side), dilation: in units of the layer before.
        Raises ValueError or TypeError for a window that cannot be.
        """
        reach = effective_kernel(kernel, dilation)
        conv_output_size(reach, kernel, stride, padding, dilation)  # refuses what cannot be
        return ReceptiveField(size=self.size + (reach - 1) * self.jump,
                              jump=self.jump * stride,
                              start=self.start + ((reach - 1) / 2 - padding) * self.jump)

    @checked(unit=whole(0, 2**31), input_size=whole(1))
    def window(self, unit: int, input_size: int) -> range:
        """The pixels in the field of unit number `unit`, clipped to 0 ... input_size - 1.

        The range runs from the first pixel to one past the last, as a slice does; it is empty for
        a unit that sees only padding.
        Exact where the field lies inside the image. At its border this is an upper bound: the unit
        may see less there, where a layer dropped or cropped rows that the next one pads again, or
        where a dilated kernel reaches past the border. `trace` and `measure` are exact there too.
        """
        first = self.first + unit * self.jump
        return range(max(first, 0), min(first + self.size, input_size)) or range(0)

    @checked(pixel=whole(0), output_size=whole(0))
    def units_seeing(self, pixel: int, output_size: int) -> range:
        """The units, of 0 ... output_size - 1, that have this pixel in their field.

        The inverse of `window`: unit u is in units_seeing(pixel, ...) exactly where pixel is in
        window(u, ...). Empty where a stride steps over the pixel.
        """
        to_first, to_last = pixel - self.first, pixel - (self.first + self.size - 1)
        if not self.jump:  # all units see the same
            return range(output_size if to_last <= 0 <= to_first else 0)
        lowest, highest = -(-to_last // self.jump), to_first // self.jump
        return range(max(lowest, 0), min(highest + 1, output_size)) or range(0)

    @property
    def first(self) -> int:
        """The first pixel of unit 0's field, negative where it lies in the padding."""
        return int(self.start - (self.size - 1) / 2)
